"""Regression cases: TOML files that say what to run and which figures it should give.

discovery   which files of a folder are cases, and which hold expected figures
shape       what a case file may hold
reading     a case file and its files of expected figures, read
running     a case run, and its verdict
suite       all cases run, and what comes of them
comparing   expected figures and those of a run, exactly
updating    expected figures of regression cases written anew

Nothing is loaded here: the plug-in of pytest looks for cases in suites that have none.
"""
