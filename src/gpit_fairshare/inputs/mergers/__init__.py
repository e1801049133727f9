"""The fourth step: organisations that merge and split, and rows restated on others.

`crosswalk` follows which organisation became which, `crosswalk_file` reads the user's own mergers, and `other_codes`
recognises organisations by the codes of other files. `checks` checks whether rows can be restated, and `restating`
restates them.
"""
