"""Population, spend and other input files, read into checked tables."""
