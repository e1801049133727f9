"""Write result files and read them back: rows, rule and inputs, so that a result can be explained and compared.

A workbook, a JSON document, or a CSV or Parquet file with its manifest holds everything needed to calculate
the result again without the input files. A CSV or Parquet file alone holds rows.
Import each module directly: writing a table then loads nothing that reads workbooks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

RESULT_ENDINGS: Final = (".xlsx", ".json", ".csv", ".parquet")
"""Endings of files that can hold a result."""
TABLE_ENDINGS: Final = (".csv", ".parquet")
"""Endings of files that hold the tidy table alone; their manifest is a separate file beside them."""


def manifest_name(table: Path) -> str:
    """Return the name of the file that holds the manifest of a CSV or Parquet file, beside it."""
    return f"{table.name}.manifest.json"
