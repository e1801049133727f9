"""A Result as a live Excel workbook: `result_workbook` builds its sheets, `writing` writes sheets to a file.

Nothing is imported here, so that templates and comparisons can write their own sheets without loading the rest.
"""
