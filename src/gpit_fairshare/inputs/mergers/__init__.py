"""The fourth step: organisations that merge and split, and rows restated on others.

`crosswalk` follows who became whom, `crosswalk_file` reads the user's own mergers, and `ons_codes` knows organisations
by their ONS codes. `checks` says whether rows can be restated, and `restating` does it.
"""
