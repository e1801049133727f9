"""A row that may be a total, and a column that totals add up: what all that looks for totals works on."""

from __future__ import annotations

import math
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Any, NamedTuple

from gpit_fairshare.inputs.columns.numbers import decimal_places, read_number
from gpit_fairshare.inputs.files.grids import is_blank

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gpit_fairshare.inputs.columns.headings import Headings
    from gpit_fairshare.inputs.model import Need

_VAST = 10**18
"""No figure of ours is as large."""
_MOST_DECIMALS = 12


class FileRow(NamedTuple):
    """A row of a file, and what it says of itself."""

    at: int
    """Its place among the rows of the file."""
    number: int
    cells: Sequence[Any]
    label: str
    """What says that the row is a total, empty if nothing does."""
    code: str
    year: str
    bare: bool
    """Whether the row has no code and no name."""


class SummedColumn(NamedTuple):
    """A column of a file that is added up."""

    name: str
    position: int
    """Column of the file."""
    figures: list[int | None]
    """One for each row of the file, in units of the last decimal; None where there is none to be read."""
    decimals: int
    is_counted: bool
    """Whether these are whole people."""

    @classmethod
    def read(cls, need: Need, headings: Headings, rows: Sequence[tuple[int, Sequence[Any]]]) -> SummedColumn:
        """Read the figures of a column as they are written, whatever their unit."""
        position = headings.columns[need.name]
        numbers = [_number(cells[position]) for _, cells in rows]
        decimals = max((decimal_places(number) for number in numbers if isinstance(number, Decimal)), default=0)
        figures = [None if number is None else int(number * 10**decimals) for number in numbers]
        is_counted = need.unit == "people" and not decimals and headings.units.factor(position) == 1
        return cls(need.name, position, figures, decimals, is_counted)

    def amount(self, figure: int) -> Fraction:
        """Return a figure as it is written."""
        return Fraction(figure, 10**self.decimals)


def _number(cell: Any) -> int | Decimal | None:
    """Return a figure as it is written, or None where there is none to be read."""
    if isinstance(cell, bool) or is_blank(cell):
        return None
    number: Any = None
    if isinstance(cell, str):
        text = cell.strip()
        if text.isascii() and text.isdigit() and len(text) < 18:
            return int(text)
        read = read_number(text) if len(text) < 100 else None
        number = read.value if read and not read.percent else None
    elif isinstance(cell, int | Decimal):
        number = cell
    elif isinstance(cell, float) and math.isfinite(cell):
        number = int(cell) if cell.is_integer() else Decimal(repr(cell))
    if number is None or abs(number) >= _VAST:
        return None
    number = round(number, _MOST_DECIMALS) if isinstance(number, Decimal) else number
    return int(number) if number == int(number) else number
