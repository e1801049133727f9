"""The third step: from cells to checked rows, one for each organisation and year.

`rows` reads the rows of one file. `excluded_rows` says which rows are of organisations: rows of totals are found by
`totals` and `subtotals` among `summed_rows`, by their figures (`block_sums`, `layers`, with the evidence of
`sum_evidence`) and their codes (`code_levels`). `sums` brings several rows together, `spend` the lines of cost.
`groups` joins files that are one table, and `parent_organisations` gives rows what is said of a larger organisation.
`plausibility`, `scheme_fit` and `counterparts` look for slips; `inspection` describes files for which no scheme says
what is needed.
"""
