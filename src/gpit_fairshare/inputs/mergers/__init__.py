"""The fourth step: organisations that merge and split, and rows restated on others.

`crosswalk` follows who became whom, and `crosswalk_file` reads the user's own mergers. `checks` knows organisations
by the codes that files give them, and says whether their rows can be restated; `restating` does it.
"""
