"""Regression cases: TOML files that say what to run and which figures it should give.

discovery   which files of a folder are cases, and which hold expected figures
shape       what a case file may hold
reading     reads a case file and its files of expected figures
running     runs a case and gives its verdict
suite       runs all cases and counts the verdicts
comparing   compares expected figures with those of a run, exactly
updating    rewrites the expected figures of regression cases

This module imports nothing: the pytest plug-in searches every suite, also those without cases.
"""
