"""Tables of organisations in one year: everyone for `--table`, or the largest gains and losses."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from itertools import groupby
from typing import TYPE_CHECKING, Any, Final

from gpit_fairshare.engine.measures import NOT_GIVEN
from gpit_fairshare.errors import UsageError
from gpit_fairshare.numbers import exact as exact_decimal
from gpit_fairshare.numbers import money, or_dash, per_head, percent_change, signed
from gpit_fairshare.reports.document import Column, Heading, Paragraph, Role, Row, Table
from gpit_fairshare.words import counted, inside

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from gpit_fairshare.engine.organisation_years import OrganisationYear
    from gpit_fairshare.reports.document import Block


_LONGEST_NAME: Final = 40


@dataclass(frozen=True, slots=True)
class TableRow:
    """One organisation in one year, with its historic spend in £; None if it has none, or the result is not money."""

    figures: OrganisationYear
    before: float | None

    @property
    def change(self) -> float | None:
        """Return the allocation less historic spend, in £."""
        return None if self.before is None else self.figures.allocation - self.before

    @property
    def change_ratio(self) -> float | None:
        """Return the change as a share of historic spend; None if that is not above 0."""
        return None if self.before is None or self.before <= 0 else self.figures.allocation / self.before - 1

    @property
    def area(self) -> str:
        """Return the area, or that it is not given."""
        return self.figures.area or NOT_GIVEN

    def name_and_code(self, *, full: bool) -> str:
        """Return its name, unless `full` cut if it is very long, with its code in brackets; without a name its code."""
        name = self.figures.name
        name = name if full or len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME - 1]}…"
        return f"{name} ({self.figures.code})" if name else self.figures.code


def _largest_first(value: float | None) -> float:
    """Return a sort key: the largest value first, organisations without a value last."""
    return math.inf if value is None else -value


def _smallest_first(value: float | None) -> float:
    """Return a sort key: the smallest value first, organisations without a value last."""
    return math.inf if value is None else value


SORT_KEYS: Final[dict[str, Callable[[TableRow], Any]]] = {
    "code": lambda row: row.figures.code,
    "name": lambda row: row.figures.name.casefold(),
    "area": lambda row: (row.area.casefold(), row.area),
    "before": lambda row: _largest_first(row.before),
    "after": lambda row: _largest_first(row.figures.allocation),
    "change": lambda row: _smallest_first(row.change),
    "percent": lambda row: _smallest_first(row.change_ratio),
    "per-head": lambda row: _largest_first(row.figures.per_head),
    "outcome": lambda row: row.figures.outcome.casefold(),
}
"""How `--sort` orders rows: texts from A, money from the largest, changes from the largest loss."""


_SORTED_HEADINGS: Final = {"before": "Before", "percent": "%", "per-head": "Per head", "outcome": "Outcome"}
"""Headings of the columns that a narrow screen may drop, by the word of `--sort`."""


@dataclass(frozen=True, slots=True)
class _TableColumn:
    """A column of a table of organisations, and how to write its cell: of one organisation, and of a total."""

    column: Column
    cell: Callable[[TableRow], str]
    total: Callable[[Sequence[TableRow]], str]


def _dropped_last(column: _TableColumn, sort: str) -> _TableColumn:
    """Return a column; if the table is sorted by it, a narrow screen drops it after all others."""
    is_sorted = column.column.heading == _SORTED_HEADINGS.get(sort)
    return replace(column, column=replace(column.column, spare=9)) if is_sorted else column


class OrganisationTable:
    """Writes tables of organisations with their figures before and after; columns without any figure are left out."""

    def __init__(
        self,
        organisations: Sequence[TableRow],
        noun: str,
        *,
        write: Callable[[float], str],
        in_money: bool,
        result_label: str = "",
        area_label: str = "",
    ) -> None:
        """Take the organisations of a year.

        Args:
            organisations: All of them, by code.
            noun: What an organisation is called.
            write: Writes a result: as money, or a score.
            in_money: Whether results are money, which can be added up.
            result_label: Label of the result, which heads its column if there is no comparison.
            area_label: Label of the column to report by; empty without one.
        """
        self.organisations = organisations
        self.noun = noun
        self.write = write
        self.result_label = result_label
        self.area_label = area_label
        self.is_compared = any(row.before is not None for row in organisations)
        self.in_money = in_money
        self.has_rates = write is money and any(row.figures.per_head is not None for row in organisations)

    def everyone(self, *, sort: str = "", top: int = 0) -> Iterator[Block]:
        """Yield the table of all organisations, with a total; then totals by area, where a scheme has areas.

        In the order of areas, each area has its heading and its subtotal. The rows that `top` cuts are added up.

        Args:
            sort: One of `SORT_KEYS`; empty is by area, or by code where there are no areas.
            top: If not 0, the number of organisations to show.

        Raises:
            UsageError: No organisation has a value to sort by.
        """
        sort = sort or ("area" if self.area_label else "code")
        if not self._can_sort(sort):
            raise UsageError(f"--sort {sort}: this result has no such column; leave it out, or sort by code or after")
        rows = sorted(self.organisations, key=SORT_KEYS[sort])
        first = rows[:top] if top else rows
        cut = rows[len(first) :]
        columns = [_dropped_last(column, sort) for column in self._columns(outcome=True)]
        by_area = sort == "area" and bool(self.area_label) and not cut
        lines = self._by_area(columns, rows) if by_area else [self._row(columns, row) for row in first]
        totals = []
        if self.in_money:
            totals += [self._total(columns, f"Other {len(cut):,}", cut)] if cut else []
            totals += [self._total(columns, f"Total of {len(rows):,}", rows)] if len(rows) > 1 else []
        yield Table([column.column for column in columns], lines, totals, names_dropped=True)
        if cut:
            yield Paragraph(f"{len(first):,} of {counted(len(rows), self.noun)} shown.")
        if self.area_label and not by_area and self.in_money:
            areas = self._columns(outcome=False)
            subtotals = [
                self._total(areas, area, members) for area, members in self._areas(sorted(rows, key=SORT_KEYS["area"]))
            ]
            _, _, *figures = [column.column for column in areas]
            yield Heading(f"Totals by {inside(self.area_label)}")
            yield Table(
                [Column("", Role.NAME, least=12), *figures],
                [Row(row.cells[1:]) for row in subtotals],
                names_dropped=True,
            )

    def _can_sort(self, sort: str) -> bool:
        """Return whether any organisation has a value to sort by."""
        match sort:
            case "area":
                return bool(self.area_label)
            case "before" | "change" | "percent":
                return self.is_compared
            case "per-head":
                return self.has_rates
            case "outcome":
                return any(row.figures.outcome for row in self.organisations)
            case _:
                return True

    def largest(self, gains: Sequence[TableRow], losses: Sequence[TableRow]) -> Table:
        """Return a table of some gains, then some losses, without a line below its headings."""
        columns = self._columns(outcome=False, rate=False)
        rows = [self._row(columns, row) for row in (*gains, *losses)]
        return Table([column.column for column in columns], rows, ruled=False, names_dropped=True)

    def _by_area(self, columns: Sequence[_TableColumn], rows: Sequence[TableRow]) -> list[Row]:
        """Return the rows of each area below its name, then its subtotal."""
        lines = []
        for area, members in self._areas(rows):
            lines.append(Row([area, *[""] * (len(columns) - 1)], heading=True))
            lines += [self._row(columns, row) for row in members]
            if self.in_money:
                lines.append(self._total(columns, f"Total of {len(members):,}", members))
        return lines

    def _areas(self, rows: Sequence[TableRow]) -> list[tuple[str, list[TableRow]]]:
        """Return each area with its organisations, which are in order of areas."""
        return [(area, list(members)) for area, members in groupby(rows, key=lambda row: row.area)]

    def _row(self, columns: Sequence[_TableColumn], row: TableRow) -> Row:
        """Return the row of one organisation."""
        return Row([column.cell(row) for column in columns])

    def _total(self, columns: Sequence[_TableColumn], label: str, rows: Sequence[TableRow]) -> Row:
        """Return a row with the totals of several organisations, under a label in the place of their names."""
        texts = [column.total(rows) for column in columns]
        return Row([texts[0], label, *texts[2:]])

    def _columns(self, *, outcome: bool, rate: bool = True) -> list[_TableColumn]:
        """Return the columns: code, name, before, after, change, per cent, per head and outcome, those that apply."""
        columns = [
            _TableColumn(Column("", Role.CODE), lambda row: row.figures.code, lambda _rows: ""),
            _TableColumn(
                Column("", Role.NAME, least=14, required_width=18), lambda row: row.figures.name, lambda _: ""
            ),
        ]
        if self.is_compared:
            columns.append(_TableColumn(Column("Before", spare=3), lambda row: or_dash(row.before, money), _before))
        columns.append(
            _TableColumn(
                Column("After" if self.is_compared else self.result_label), self._write_result, self._total_result
            )
        )
        if self.is_compared:
            columns += [
                _TableColumn(Column("Change"), lambda row: or_dash(row.change, signed), _change),
                _TableColumn(Column("%", spare=4), lambda row: ratio_change(row.change_ratio), _change_percent),
            ]
        if rate and self.has_rates:
            columns.append(
                _TableColumn(
                    Column("Per head", spare=2), lambda row: or_dash(row.figures.per_head, per_head), _per_head
                )
            )
        if outcome and any(row.figures.outcome for row in self.organisations):
            columns.append(
                _TableColumn(Column("Outcome", Role.LABEL, spare=1), lambda row: row.figures.outcome, lambda _rows: "")
            )
        return columns

    def _write_result(self, row: TableRow) -> str:
        """Return the result of an organisation as a text."""
        return self.write(row.figures.allocation)

    def _total_result(self, rows: Sequence[TableRow]) -> str:
        """Return the total of the results of some organisations; scores have none."""
        return self.write(_allocated(rows)) if self.in_money else ""


def ratio_change(ratio: float | None) -> str:
    """Return a change as a percentage with its sign; a dash for None."""
    return percent_change(None if ratio is None else exact_decimal(ratio * 100))


def _allocated(rows: Sequence[TableRow]) -> float:
    """Return the total of allocations, in £."""
    return math.fsum(row.figures.allocation for row in rows)


def _spend(rows: Sequence[TableRow]) -> float:
    """Return the total of historic spend, in £."""
    return math.fsum(row.before or 0.0 for row in rows)


def _before(rows: Sequence[TableRow]) -> str:
    """Return the total of historic spend as a text."""
    return money(_spend(rows))


def _change(rows: Sequence[TableRow]) -> str:
    """Return the total of changes as a text."""
    return signed(_allocated(rows) - _spend(rows))


def _change_percent(rows: Sequence[TableRow]) -> str:
    """Return the change of the total in per cent; a dash if there was no spend."""
    spend = _spend(rows)
    return ratio_change(_allocated(rows) / spend - 1 if spend > 0 else None)


def _per_head(rows: Sequence[TableRow]) -> str:
    """Return the allocation per registered patient of several organisations together; a dash without patients."""
    people = math.fsum(row.figures.people or 0.0 for row in rows)
    return or_dash(_allocated(rows) / people if people else None, per_head)
