"""Where the figures of a result are in its workbook, and which file each input came from."""

from __future__ import annotations

import hashlib
import string
from typing import TYPE_CHECKING, Any, Final

from gpit_fairshare.workbook.sheets import FIRST_ROW, letter

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gpit_fairshare.workbook.layout import Layout

PLACES: Final = "; "
"""Separator of the places that the inputs of one row came from."""
NOWHERE: Final = "-"
_MARKS: Final = string.digits + string.ascii_letters
"""Marks for the first place of a row, the second and so on; the last mark is for all later places."""


def places(layout: Layout) -> dict[str, Any]:
    """Return where a workbook has the figures of its result, with stable keys, for its manifest.

    `tables` has the sheets of organisations and of groups, year by year; `cells` the national figures and the
    parameters; `inputs` the sheets of inputs, each with its columns of years, codes and places, and for each
    column of inputs the digests of its cells in the run, row by row.
    """
    tables = [
        {
            "by": kind.column,
            "year": year,
            "sheet": block.sheet.name,
            "first_row": FIRST_ROW,
            "last_row": block.sheet.last_row,
            "columns": {name: letter(column) for name, column in block.columns.items()},
        }
        for (kind, year), block in layout.blocks.items()
    ]
    keys = (*layout.scheme.parameters, *layout.national_rows)
    return {
        "tables": tables,
        "cells": [
            {"name": key, "year": year, "cell": cell.replace("$", "")}
            for key in keys
            for year in layout.years
            if (cell := layout.single_cell(key, year))
        ],
        "inputs": layout.input_tables,
    }


def cell_digest(value: Any) -> str:
    """Return four characters of a digest of an input's value, to the 15 digits that a spreadsheet keeps."""
    text = "" if value is None else format(float(value), ".15g") if isinstance(value, int | float) else str(value)
    return hashlib.sha256(text.encode()).hexdigest()[:4]


def place_marks(places: Sequence[Sequence[str]], column_places: Sequence[str]) -> str:
    """Return one mark for each row, which says from which of the row's places a column's value came.

    If all rows have the same mark, it is returned once.

    Args:
        places: The places of each row, without repeats.
        column_places: The place of the column's value on each row; empty if no file has it.
    """
    marks = [
        _MARKS[min(row_places.index(place), len(_MARKS) - 1)] if place else NOWHERE
        for row_places, place in zip(places, column_places, strict=True)
    ]
    return marks[0] if len(set(marks)) == 1 else "".join(marks)


def place_of(where: str, marks: str, row: int) -> str:
    """Return the file and place that one value came from; all places of its row if it is unclear which.

    The text is empty if no file has the value.

    Args:
        where: The cell with the places of the row.
        marks: What `place_marks` gave for the column.
        row: The row, from 0.
    """
    mark = marks[row if len(marks) > 1 else 0]
    if mark == NOWHERE:
        return ""
    places, number = where.split(PLACES), _MARKS.index(mark)
    return places[number] if number < min(len(places), len(_MARKS) - 1) else where
