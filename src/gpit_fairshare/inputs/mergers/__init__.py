"""The fourth step: organisations that merge and split, and rows restated for their successors.

`crosswalk` records which organisation became which, `crosswalk_file` reads the user's own mergers, and `other_codes`
recognises organisations by codes that other files use. `checks` checks whether rows can be restated, and `restating`
restates them.
"""
