"""The second step: what each column of a table is, and what a cell of it says.

`headings` matches headings to columns, among them the `standard_columns` of `headings.toml`; `units` reads units from
texts by the words of `units.toml`, and `column_units` says which unit each column has; `cells` reads single cells as
numbers, texts, codes and years; `marks` takes footnote marks off.
"""
