"""Scheme, formula and transition files, joined into one scheme that is ready to run."""
