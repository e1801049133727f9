"""The third step: from cells to checked rows, one for each organisation and year.

`rows` reads the rows of one file. `excluded_rows` decides which rows are of organisations: rows of totals are found by
`totals` and `subtotals`, by their figures (`block_sums`, `layers`, with the evidence of `sum_evidence`) and their codes
(`code_levels`). `sums` combines several rows, `spend` the lines of cost.
`groups` joins files that are one table, and gives rows the values of their larger organisation.
`plausibility` looks for likely mistakes; `inspection` describes files without a scheme.
"""
