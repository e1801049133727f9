"""Result files, written and read back: rows, rule and inputs, so that a result can be explained and compared.

A workbook, a JSON document, or a CSV or Parquet file with its manifest beside it holds all that is needed
to work the result out again, without the input files. A CSV or Parquet file alone holds rows.
Each module is imported by itself: what writes a table loads nothing that reads workbooks.
"""
