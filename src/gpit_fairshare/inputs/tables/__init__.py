"""The third step: from cells to checked rows, one for each organisation and year.

`rows` reads the rows of one file. `excluded_rows` decides which rows are organisations. `totals` and `subtotals` find
rows of totals by their figures (`block_sums`, `layers`; `sum_evidence` weighs the evidence) and by their codes
(`code_levels`). `sums` combines several rows, and `spend` combines lines of cost.
`groups` joins files that form one table, and gives rows the values of their larger organisation.
`plausibility` looks for likely mistakes; `inspection` describes files without a scheme.
"""
