"""The fourth step: organisations that merge and split, and rows restated on others.

`crosswalk` follows who became whom, `crosswalk_file` reads the user's own mergers, and `other_codes` knows
organisations by the codes that other files give them. `checks` says whether rows can be restated, and `restating`
does it.
"""
