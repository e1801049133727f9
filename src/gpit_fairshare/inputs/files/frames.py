"""Read a DataFrame of Polars or pandas into cells, as a file is read; pandas need not be installed."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from decimal import Decimal
from typing import Any, Final

import polars as pl

from gpit_fairshare.findings import FindingCode
from gpit_fairshare.inputs.files.grids import Grid, Unreadable, is_blank, whole_as_integer

_CELLS: Final = (str, int, float, Decimal, dt.date, dt.time, dt.timedelta, type(None))
"""Types of values that a cell of a file may have, too."""


def read_frame(frame: Any) -> tuple[Grid, str]:
    """Read a frame into cells, and return them with the SHA-256 of the headings and of all cells.

    Row 1 is the first row of the frame; the headings are row 0. Whole numbers are integers, as in a workbook. Blank
    rows are left out of the cells, but not of the digest. It is the same for a frame of Polars and of pandas, and on
    every machine.

    Raises:
        Unreadable: the frame has no rows, headings of several levels, or a value that no cell of a file can have.
    """
    columns = _polars_columns(frame) if isinstance(frame, pl.DataFrame) else _pandas_columns(frame)
    if not columns or not columns[0][1]:
        raise Unreadable(FindingCode.EMPTY, "the frame has no rows", "Give a frame with a row for each organisation")
    for heading, cells in columns:
        number = next((number for number, cell in enumerate(cells, 1) if not isinstance(cell, _CELLS)), None)
        if number:
            raise Unreadable(
                FindingCode.UNREADABLE,
                f"expected a text, number, date or yes/no, found a value of type {type(cells[number - 1]).__name__}",
                "Leave the column out of the frame, or give it one value a row",
                f"row {number}, {heading}",
            )
    headings, values = zip(*columns, strict=True)
    records = [headings, *zip(*values, strict=True)]
    text = json.dumps(records, default=lambda cell: [str(cell)])
    rows = [(number, row) for number, row in enumerate(records) if not all(map(is_blank, row))]
    return Grid("", rows), hashlib.sha256(text.encode()).hexdigest()


def _polars_columns(frame: pl.DataFrame) -> list[tuple[str, list[Any]]]:
    """Return the heading and the cells of each column of a Polars frame; nulls are None."""
    return [(column.name, list(map(whole_as_integer, column.to_list()))) for column in frame.get_columns()]


def _pandas_columns(frame: Any) -> list[tuple[str, list[Any]]]:
    """Return the heading and the cells of each column of a pandas frame; NaN, NaT and NA are None.

    Levels of the index that have a name come first, unless a column has the same name.

    Raises:
        Unreadable: the headings have several levels.
    """
    if frame.columns.nlevels > 1:
        raise Unreadable(
            FindingCode.UNREADABLE,
            f"its headings have {frame.columns.nlevels} levels (a MultiIndex)",
            "Give each column one heading: frame.columns = [...]",
        )
    levels = [level for level, name in enumerate(frame.index.names) if name is not None and name not in frame.columns]
    columns = [
        *(frame.index.get_level_values(level) for level in levels),
        *(frame.iloc[:, position] for position in range(frame.shape[1])),
    ]
    return [
        (
            str(column.name),
            [
                None if is_missing else whole_as_integer(_python_value(cell))
                for cell, is_missing in zip(column.astype(object).tolist(), column.isna().tolist(), strict=True)
            ],
        )
        for column in columns
    ]


def _python_value(cell: Any) -> Any:
    """Return a number or yes/no of NumPy as one of Python, any other value unchanged."""
    is_number = getattr(getattr(cell, "dtype", None), "kind", "") in ("i", "u", "f", "b")
    return cell.item() if is_number and cell.shape == () else cell
