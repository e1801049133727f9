"""Result files, written and read back: rows, rule and inputs, so that a result can be explained and compared.

A workbook, a JSON document, or a CSV or Parquet file with its manifest beside it holds all that is needed
to work the result out again, without the input files. A CSV or Parquet file alone holds rows.
Each module is imported by itself: what writes a table loads nothing that reads workbooks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

RESULT_ENDINGS: Final = (".xlsx", ".json", ".csv", ".parquet")
"""Files that can hold a result."""
TABLE_ENDINGS: Final = (".csv", ".parquet")
"""Those that hold the tidy table alone: their manifest is a file beside them."""


def manifest_name(table: Path) -> str:
    """Return the name of the file that holds the manifest of a CSV or Parquet file, beside it."""
    return f"{table.name}.manifest.json"
