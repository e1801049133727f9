"""Rows that do not say that they are totals, and are: regions, area teams, nations among their parts.

They are found by their figures (`block_sums`) and by their codes (`code_levels`), year by year, and refused with the
options that leave them out. Read as organisations they would count money twice, and only the user knows what they are.
"""

from __future__ import annotations

import math
import re
from bisect import bisect_left
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Any, NamedTuple

from gpit_fairshare.findings import FindingCode
from gpit_fairshare.inputs.block_sums import CERTAIN, Sums, find_sums
from gpit_fairshare.inputs.code_levels import CodeLevels
from gpit_fairshare.inputs.grids import is_blank
from gpit_fairshare.inputs.numbers import read_number
from gpit_fairshare.inputs.sum_evidence import FigureColumn
from gpit_fairshare.words import counted, listed

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from gpit_fairshare.findings import FindingCollector
    from gpit_fairshare.inputs.model import Need
    from gpit_fairshare.inputs.rows import Part
    from gpit_fairshare.inputs.sum_evidence import BlockSum

_VAST = 10**18
"""No figure of ours is as large."""
_MOST_DECIMALS = 12
_FEW = 5
"""Rows among which one may be as large as all others by chance."""
_MOST_SHOWN = 12
_MOST_OPTIONS = 40


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
    def read(cls, need: Need, part: Part, rows: Sequence[tuple[int, Sequence[Any]]]) -> SummedColumn:
        """Read the figures of a column as they are written, whatever their unit."""
        position = part.headings.columns[need.name]
        numbers = [_number(cells[position]) for _, cells in rows]
        decimals = max((_decimals(number) for number in numbers if isinstance(number, Decimal)), default=0)
        figures = [None if number is None else int(number * 10**decimals) for number in numbers]
        is_counted = need.unit == "people" and not decimals and part.headings.units.factor(position) == 1
        return cls(need.name, position, figures, decimals, is_counted)

    def amount(self, figure: int) -> Fraction:
        """Return a figure as it is written."""
        return Fraction(figure, 10**self.decimals)


class _YearRows(NamedTuple):
    """The rows of one year that do not say that they are totals, with the sums among them."""

    rows: Sequence[FileRow]
    levels: CodeLevels
    sums: Sums

    def rows_of(self, entry: BlockSum) -> list[FileRow]:
        return [self.rows[place] for place in entry.rows]


class Subtotals:
    """The rows of one file that are totals and do not say so."""

    def __init__(self, part: Part, columns: Sequence[SummedColumn], key: int, findings: FindingCollector) -> None:
        self.part = part
        self.columns = columns
        self.key = key
        self.findings = findings
        self.refused: set[int] = set()
        """Places of rows that are refused for the level of their codes, and are the sum of no others."""
        self._reported: list[list[str]] = []
        """Codes of a higher level that were reported for one of the years."""

    def find(self, rows: Sequence[FileRow], apart: Sequence[int]) -> dict[int, BlockSum]:
        """Return the rows that are sums of others of their year, by place in the file; report those that have a code.

        Args:
            rows: those that do not say what they are.
            apart: places of the other rows, in order.
        """
        years: dict[str, list[FileRow]] = {}
        for row in rows:
            years.setdefault(row.year, []).append(row)
        tables = [self._table(members, apart, CERTAIN + math.log10(len(years))) for members in years.values()]
        totals = {row.at: entry for table in tables for entry in table.sums.certain for row in table.rows_of(entry)}
        if self.part.has_lines:  # an organisation has many rows, and those with a code are no totals
            return {row.at: totals[row.at] for row in rows if row.at in totals and not row.code}
        self._refuse(tables)
        for table in tables if self.columns else ():
            self._check_codes(table, totals)
            self._warn(table, totals)
        return totals

    def _table(self, rows: Sequence[FileRow], apart: Sequence[int], required: float) -> _YearRows:
        places = [row.at for row in rows]
        codes = [row.code for row in rows]
        columns = [FigureColumn([column.figures[at] for at in places], column.is_counted) for column in self.columns]
        levels = CodeLevels(codes)
        edges = {bisect_left(places, at) for at in apart}
        return _YearRows(rows, levels, find_sums(columns, codes, levels, edges, required))

    def _refuse(self, tables: Iterable[_YearRows]) -> None:
        """Refuse rows that are sums of others: one finding for all single rows, and one for each level."""
        single: dict[str, tuple[FileRow, str]] = {}
        levels: dict[tuple[str, ...], tuple[FileRow, str]] = {}
        for table in tables:
            for entry in table.sums.certain:
                rows = table.rows_of(entry)
                codes = tuple(row.code for row in rows if row.code)
                if len(codes) > 1:
                    levels.setdefault(codes, (rows[0], _is_sum(codes, entry, rows[0].year)))
                elif codes:
                    single.setdefault(codes[0], (rows[0], _is_sum(codes, entry)))
        if single:
            row, text = min(single.values())
            codes = tuple(sorted(single, key=lambda code: single[code][0].at))
            many = f"{listed(codes, _MOST_SHOWN)} are sums of the rows beside them"
            self._error(row, text if len(codes) == 1 else many, codes)
        for codes, (row, text) in levels.items():
            self._error(row, text, codes)

    def _error(self, row: FileRow, text: str, codes: Sequence[str]) -> None:
        self.findings.error(
            FindingCode.SUBTOTAL,
            self.part.sheet.where(row.number, self.key),
            f"{text}, and would be counted twice",
            "organisations, and totals that say so",
            _remedy(codes),
        )

    def _check_codes(self, table: _YearRows, totals: Collection[int]) -> None:
        """Refuse rows whose codes are of a higher level than the others, though their figures are no sum.

        Several together at an end of the table may be a list of its own: regions hold money that no ICB has. They are
        read, with a warning, unless they have the sum of the others in any column.
        """
        left = [place for place, row in enumerate(table.rows) if row.at not in totals]
        levels = {place: level for place, level in table.levels.higher_rows() if table.rows[place].at not in totals}
        rows = [table.rows[place] for place in sorted(levels)]
        is_list = len(rows) > 1 and sorted(levels) in (left[: len(rows)], left[-len(rows) :])
        is_list = is_list and not any(self._is_half(column, rows, table.rows, totals) for column in self.columns)
        self.refused |= set() if is_list else {row.at for row in rows}
        codes = [row.code for row in rows]
        if not codes or codes in self._reported:
            return
        self._reported.append(codes)
        names = listed(sorted({level.name for level in levels.values()}))
        text = f"{listed(codes, _MOST_SHOWN)} {'have codes' if len(codes) > 1 else 'has a code'}"
        text += f" of a higher level ({names}) than the other rows"
        if is_list:
            self.findings.warning(
                FindingCode.SUBTOTAL,
                self.part.sheet.where(rows[0].number, self.key),
                f"{text}; they were read as organisations, since they are not the sum of these",
                remedy=f"See whether their figures are in other rows as well. {_remedy(codes)}",
            )
        else:
            self._error(rows[0], text, codes)

    def _is_half(
        self, column: SummedColumn, rows: Iterable[FileRow], others: Iterable[FileRow], totals: Collection[int]
    ) -> bool:
        """Return whether rows are half of all that are left."""
        whole = sum(column.figures[row.at] or 0 for row in others if row.at not in totals)
        return bool(whole) and 2 * sum(column.figures[row.at] or 0 for row in rows) == whole

    def _warn(self, table: _YearRows, totals: Collection[int]) -> None:
        """Point out sums that may be chance, and rows that are as large as all others together in one column."""
        doubted: set[int] = set()
        for entry in table.sums.doubtful:
            rows = table.rows_of(entry)
            codes = [row.code for row in rows]
            if all(codes):
                doubted |= {row.at for row in rows}
                self.findings.warning(
                    FindingCode.SUBTOTAL,
                    self.part.sheet.where(rows[0].number, self.key),
                    f"{_is_sum(codes, entry, rows[0].year)}, which may be chance",
                    remedy=f"If {'it is a total' if len(codes) == 1 else 'they are totals'}: {_remedy(codes)}",
                )
        left = [row for row in table.rows if row.at not in totals]
        for column in self.columns if len(left) > _FEW else ():
            figures = [abs(column.figures[row.at] or 0) for row in left]
            row = left[figures.index(max(figures))]
            if row.at not in doubted and self._is_half(column, [row], left, totals):
                self.findings.warning(
                    FindingCode.SUBTOTAL,
                    self.part.sheet.where(row.number, column.position),
                    f"the {column.name} of {row.code} is that of all {len(left) - 1:,} other rows together",
                    remedy=f"If it is a total, leave it out with {leave_out(row.code)}",
                )


def leave_out(code: str) -> str:
    """Return the option that leaves the rows of a code out, as it has to be typed."""
    return f"--leave-out {code}" if re.fullmatch(r"[\w./-]+", code) else f'--leave-out "{code}"'


def _remedy(codes: Sequence[str]) -> str:
    options = " ".join(map(leave_out, codes[:_MOST_OPTIONS]))
    if len(codes) == 1:
        return f"Leave it out with {options}; if it is an organisation, give it in a file of its own"
    more = len(codes) - _MOST_OPTIONS
    others = f" and so on for {more:,} more" if more > 0 else ""
    return f"Leave them out with {options}{others}; if they are organisations, give them in a file of their own"


def _is_sum(codes: Sequence[str], entry: BlockSum, year: str = "") -> str:
    if len(codes) == 1:
        return f"{codes[0]} is the sum of the {counted(entry.parts, 'row')} {entry.where} it"
    of_year = f" of {year}" if year else ""
    return f"{listed(codes, _MOST_SHOWN)} together come to the sum of the {entry.parts:,} other rows{of_year}"


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


def _decimals(number: Decimal) -> int:
    return -min(int(number.normalize().as_tuple().exponent), 0)
