"""A Result as a live Excel workbook: `result_workbook` puts its sheets together, `writing` writes sheets to a file.

Nothing is imported here: templates and comparisons write their own sheets without loading the rest.
"""
