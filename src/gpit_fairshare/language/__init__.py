"""The formula language: text → tree → meaning, and its renderings.

A formula is one step of a funding rule. `parsing.parse` reads it, `meaning.understand` finds the kind, type and
unit of every step, and each rendering (`in_polars`, `in_excel`, `with_numbers`, `in_words`) turns the
same tree into one form.
"""
