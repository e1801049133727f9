"""Write result files and read them back: rows, rule and inputs, so that a result can be explained and compared.

A workbook, a JSON document, or a CSV or Parquet file with its manifest holds everything needed to calculate
the result again without the input files. A CSV or Parquet file alone holds only rows.
Import each module directly: writing a table then loads nothing that reads workbooks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

RESULT_ENDINGS: Final = (".xlsx", ".json", ".csv", ".parquet")
"""Endings of files that can hold a result."""
TABLE_ENDINGS: Final = (".csv", ".parquet")
"""Endings of files that hold only the tidy table; their manifest is a separate file in the same folder."""


def manifest_name(table: Path) -> str:
    """Return the name of the manifest of a CSV or Parquet file, a file in the same folder."""
    return f"{table.name}.manifest.json"
