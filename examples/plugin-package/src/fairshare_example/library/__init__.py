"""Library files: the folders beside this file hold them."""
