"""The first step: from the bytes of a file to the table in it.

`formats` lists the formats and their readers. `texts` and `workbooks` read files into a `grids.Grid`; `markup` (.xlsx)
and `ods_markup` (.ods) add facts that only the XML of a workbook has. `regions` finds the table, its headings and the
rows around it. `reading` does all of this for one file and returns an `InputSheet`, which collects its findings.
"""
