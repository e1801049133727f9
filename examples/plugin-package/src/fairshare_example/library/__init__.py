"""Library files, in the folders next to this file."""
