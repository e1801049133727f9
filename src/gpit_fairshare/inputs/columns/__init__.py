"""The second step: identify the columns of a table, and read their cells.

`headings` matches headings to columns, including the `standard_columns` of `headings.toml`. `units` reads units in
texts with the words of `units.toml`, and `column_units` finds the unit of each column. `cells` reads single cells as
numbers, texts, codes and years. `marks` removes footnote marks.
"""
