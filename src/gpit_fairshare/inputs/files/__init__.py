"""The first step of the data's way: from the bytes of a file to the table on it.

`formats` says which formats are read, and how; `texts` and `workbooks` read them into a `grids.Grid`, with what the
XML of a workbook says beyond the values of cells (`markup` of .xlsx, `ods_markup` of .ods);
`regions` finds the table on a grid, its headings, and what is around it; `reading` does all of this for one file, as a
`Sheet`, which knows where to report what is wrong with it.
"""
