"""The first step: from the bytes of a file to the table in it.

`formats` lists the formats and their readers; `texts` and `workbooks` read them into a `grids.Grid`, with the facts
that only the XML of a workbook has (`markup` of .xlsx, `ods_markup` of .ods); `regions` finds the table on a grid, its
headings, and the rows around it; `reading` does all of this for one file and returns an `InputSheet`, which also
collects the findings about it.
"""
