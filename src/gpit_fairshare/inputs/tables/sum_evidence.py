"""The rows and columns that totals add up, and how likely it is that a row equals a sum by chance.

Take a row with the figure x and a block of rows next to it. Figures are whole multiples of a step g: a penny, or £1,000
if all are round thousands. If k blocks next to the row add up to between x/2 and 2x, their sums are spread over 1.5x.
For a sum that is off by d (0 for an exact sum, more if figures are rounded), the expected number of such sums by chance
is

    k (2d + g) / 1.5x

For a large total this is g divided by the mean figure. The step is the largest that divides all figures of the block,
so round figures are no evidence if their neighbours are round too.

A further column counts for what it adds: the part of its figures that the best multiples of the columns before it do
not explain. A copy adds nothing, nor do weighted patients that are 1.02 times the registered. If the root of the sum of
the squares of these parts is s over row and block, the factor is the greatest density of a normal distribution,

    (2d + g) / (s √2π)

and at most 1.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from decimal import Context, Decimal
from fractions import Fraction
from itertools import accumulate
from operator import mul
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from gpit_fairshare.inputs.columns.cells import decimal_places, read_number

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from gpit_fairshare.inputs.columns.headings import Headings
    from gpit_fairshare.inputs.model import NeededColumn
    from gpit_fairshare.inputs.tables.code_levels import CodeLevels

_VAST = 10**18
"""All figures of an input are smaller."""
_MOST_DECIMALS = 12
_EXACT = Context(prec=32)
"""Enough digits for 18 before the point and 12 after it; Python's default of 28 is too few."""
Side = Literal["above", "below", "next to"]

KNOWN_LEVEL = 6.0
"""Digits of evidence if the codes show that a row has a higher level than the block: enough by itself."""
_EVIDENCE_COLUMNS = 3
_NOISE = 10**9
"""Binary fractions may lose one part in this many of a total when they are added up."""


class FileRow(NamedTuple):
    """A row of a file, with its label, code and year."""

    at: int
    """Its position among the rows of the file."""
    number: int
    text: str
    """The first text that names the organisation; empty if there is none."""
    label: str
    """The text that makes the row a total; empty if there is none."""
    code: str
    year: str


class SummedColumn(NamedTuple):
    """A column of a file that is added up."""

    name: str
    position: int
    """Column of the file."""
    figures: list[int | None]
    """One for each row of the file, in units of the last decimal; None if the cell holds no figure."""
    decimals: int
    is_counted: bool
    """Whether these are whole people."""

    @classmethod
    def read(cls, need: NeededColumn, headings: Headings, rows: Sequence[tuple[int, Sequence[Any]]]) -> SummedColumn:
        """Return a column with its figures as whole numbers of its last decimal, in the file's unit.

        The last decimal is that of the figure with most decimals. The column counts whole people if the scheme says
        people, no figure has decimals, and the file states no unit such as thousands.
        """
        position = headings.columns[need.name]
        numbers = [_read_figure(cells[position]) for _, cells in rows]
        decimals = max((decimal_places(number) for number in numbers if isinstance(number, Decimal)), default=0)
        scale = 10**decimals
        figures = [
            int(_EXACT.multiply(number, scale)) if isinstance(number, Decimal) else number and number * scale
            for number in numbers
        ]
        is_counted = need.unit == "people" and not decimals and headings.units.factor_of(position) == 1
        return cls(need.name, position, figures, decimals, is_counted)

    def amount(self, figure: int) -> Fraction:
        """Return a figure, which is in units of the last decimal, as it is written in the file."""
        return Fraction(figure, 10**self.decimals)


def _read_figure(cell: Any) -> int | Decimal | None:
    """Return a cell's figure, whole or rounded to 12 decimals, also if it is written as a text.

    The result is None if the cell is blank or holds no number, a percentage, or a number of 10 to the power of 18 or
    more.
    """
    number: Any = None
    if isinstance(cell, str):
        text = cell.strip()
        if text.isdigit() and text.isascii() and len(text) < 18:
            return int(text)
        reading = read_number(text) if 0 < len(text) < 100 else None
        number = reading.value if reading and not reading.percent else None
    elif isinstance(cell, int | Decimal) and not isinstance(cell, bool):
        number = cell
    elif isinstance(cell, float) and math.isfinite(cell):
        number = int(cell) if cell.is_integer() else Decimal(repr(cell))
    if number is None or abs(number) >= _VAST:
        return None
    number = number.quantize(Decimal(10) ** -_MOST_DECIMALS, context=_EXACT) if isinstance(number, Decimal) else number
    return int(number) if number == int(number) else number


class BlockSum(NamedTuple):
    """A row, or the rows of a level, that equal the sum of a block of rows."""

    rows: tuple[FileRow, ...]
    """The totals."""
    parts: int
    """Rows that the totals are the sum of."""
    where: Side
    """Where the parts are."""
    digits: float
    """Evidence that it is no coincidence: the chance is one in ten to this power."""


class ColumnSums:
    """The figures of a column in the rows of a table, with running totals from the top."""

    def __init__(self, column: SummedColumn, rows: Iterable[FileRow]) -> None:
        self.optional_figures = [column.figures[row.at] for row in rows]
        self.numbers = [figure or 0 for figure in self.optional_figures]
        self.sums = [0, *accumulate(self.numbers)]
        self.total = self.sums[-1]
        self.sizes = [0, *accumulate(map(abs, self.numbers))] if min(self.numbers, default=0) < 0 else self.sums
        self.step = math.gcd(*self.numbers)
        self.unit = power_of_ten(self.step)
        self.is_counted = column.is_counted and self.unit == 1
        # For a column of evidence: running totals of the squares of what it adds, and of the squares of its figures.
        self.squares: list[list[float]] = []
        self._order = sorted(range(len(self.sums)), key=self.sums.__getitem__)
        self._sorted = [self.sums[place] for place in self._order]

    def between(self, start: int, stop: int) -> int:
        """Return the sum of the rows from `start` up to, not including, `stop`."""
        return self.sums[stop] - self.sums[start]

    def slack(self, total: int, rows: int) -> int:
        """Return how far a total of so many rows may be off because figures are rounded.

        This is the sum of three parts: half the unit that the total itself is rounded to (a power of ten, at most a
        thousandth of the total; the column's unit if that is larger); the rounding of its figures (half a unit of the
        column and four standard deviations, at most half a unit for each row); and a billionth of the total, for float
        noise.
        """
        rounding_unit = power_of_ten(total, abs(total) // 1_000) if total % 10 == 0 else 1
        rounding = self.unit * min(rows / 2, 0.5 + 4 * math.sqrt(rows / 12))
        # Whole numbers only: a float cannot hold sums with many decimals.
        return max(rounding_unit, self.unit) // 2 + math.floor(rounding) + abs(total) // _NOISE

    def width(self, miss: int, start: int, stop: int) -> int:
        """Return the width of the range of sums that are at least as close as one that is off by `miss`.

        It is twice `miss` plus the step: the greatest common divisor of the figures from `start` up to, not including,
        `stop`. Figures no larger than `miss` do not count for the step, since they are no evidence: 450,000 plus 12 is
        close to 450,000.
        """
        return 2 * miss + math.gcd(*(number for number in self.numbers[start:stop] if abs(number) > miss))

    def ends_near(self, target: int, slack: int) -> Sequence[int]:
        """Return the positions, from 0 to the number of rows, where the running total is within `slack` of a target.

        They are in the order of their running totals, the lowest first.
        """
        first = bisect_left(self._sorted, target - slack)
        return self._order[first : bisect_right(self._sorted, target + slack, first)]

    def spread(self, *blocks: tuple[int, int]) -> float:
        """Return the sum, over blocks of rows, of the squares of what the column adds to the columns before it.

        If the sum of the squares of its own figures is smaller, that is returned. A block is a start and a stop.
        """
        return min(sum(sums[stop] - sums[start] for start, stop in blocks) for sums in self.squares)


class CandidateRows:
    """The rows of a table that are not yet known to be totals."""

    def __init__(self, columns: Iterable[SummedColumn], rows: Sequence[FileRow], levels: CodeLevels) -> None:
        self.rows = rows
        self.levels = levels
        self.size = len(rows)
        self.codes = [row.code for row in rows]
        self.columns = [ColumnSums(column, rows) for column in columns]
        # The columns with the most evidence come first.
        self.columns.sort(key=lambda figures: -figures.sizes[-1] / figures.step if figures.step else 0.0)
        self.evidence = [figures for figures in self.columns if figures.step][:_EVIDENCE_COLUMNS]
        _compare_columns(self.evidence)

    def is_above(self, rows: Iterable[int], parts: Iterable[int]) -> bool:
        """Return whether the codes of rows are known to have a higher level than those of their parts."""
        return self.levels.is_above([self.codes[row] for row in rows], [self.codes[row] for row in parts])

    def is_miscounted(self, misses: Iterable[int]) -> bool:
        """Return whether all columns are counts of people, which are not rounded, and no column agrees exactly.

        Args:
            misses: for each column, how far the total is from the sum of its parts.
        """
        return all(miss and figures.is_counted for miss, figures in zip(misses, self.columns, strict=True))


def chance_of_sum(columns: Iterable[tuple[int, int, float]]) -> float:
    """Return the chance that the sum of a block is near a total in every column: the product over the columns.

    The first column whose total is not 0 is treated differently: its sums are taken to be spread evenly over 1.5 times
    the total. Later columns follow a normal distribution. Columns before the first do not count, and no factor is above
    1.

    Args:
        columns: the total, the width of the range near it, and the sum of the squares of what the column adds.
    """
    chance, is_first = 1.0, True
    for total, width, spread in columns:
        if not is_first:
            chance *= min(1.0, width / math.sqrt(2 * math.pi * spread)) if width and spread > 0 else 1.0
        elif total:
            chance, is_first = min(1.0, width / (1.5 * abs(total))), False
    return chance


def power_of_ten(number: int, most: int | None = None) -> int:
    """Return the largest power of ten that divides a number, and is at most `most`; 1 for the number 0."""
    power = 1
    while number and number % (10 * power) == 0 and (most is None or 10 * power <= most):
        power *= 10
    return power


def _compare_columns(evidence: Sequence[ColumnSums]) -> None:
    """Set `squares` of each column to two lists of running totals, from the top.

    One is of the squares of what the column adds: what is left of its figures when the best multiple of each column
    before it is taken away. The other is of the squares of its figures.
    """
    before: list[list[float]] = []
    for figures in evidence:
        numbers = list(map(float, figures.numbers))
        added = numbers
        for other in before:
            size = math.fsum(map(mul, other, other))
            multiple = math.fsum(map(mul, added, other)) / size if size else 0.0
            added = [number - multiple * explained for number, explained in zip(added, other, strict=True)]
        before.append(added)
        figures.squares = [[0.0, *accumulate(map(mul, column, column))] for column in (added, numbers)]
