"""Rows of totals among the rows of organisations: found, checked against the rows that they add up, left out.

Read as organisations, totals would count England twice. Every total is a row, or the rows of a level, with the figures
of a block of rows beside it (see `block_sums`). A row that says that it is a total, or has no code, is left out. One
with a code is refused if the codes say that it is of a higher level, or if its figures cannot be chance: only the user
knows what it is, and `--leave-out` leaves it out.
"""

from __future__ import annotations

import math
import re
from bisect import bisect_left
from decimal import Decimal
from fractions import Fraction
from itertools import accumulate
from typing import TYPE_CHECKING, Any, NamedTuple

from gpit_fairshare.inputs.block_sums import CERTAIN, Column, Sums, find_sums, power_of_ten
from gpit_fairshare.inputs.code_levels import CodeLevels
from gpit_fairshare.inputs.findings import About, counted, listed
from gpit_fairshare.inputs.grids import is_blank
from gpit_fairshare.inputs.numbers import read_number

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from gpit_fairshare.inputs.block_sums import BlockSum
    from gpit_fairshare.inputs.findings import Findings
    from gpit_fairshare.inputs.model import Need
    from gpit_fairshare.inputs.rows import Part

_LABEL = re.compile(
    r"(?:grand |overall |control |national |column |england |sub[- ]?)?totals?\b"
    r"(?:[ :,–-]+(?:england|nationa\w*|all\b.*|of .*|for .*|\W*)|\W*)"
    r"|.* (?:sub[- ]?)?totals?|england|all (?:ccgs?|icbs?|organisations|practices|pcts?)|sum|eng|e92000001",
    re.IGNORECASE,
)
"""What a row of totals is called: `Total`, `Grand total`, `AT total`, `England`."""
_TOTAL_OF = re.compile(r"(?:grand |overall |sub[- ]?)?totals?\b.*", re.IGNORECASE)
"""The same with what it is the total of: `Sub-total North East`. Beside a code it may be a name: `Total Healthcare`."""
_STATISTIC = re.compile(
    r"(?:(?:england|national|overall|simple|weighted) )?"
    r"(?:average|mean|median|min(?:imum)?|max(?:imum)?|variance|difference|(?:% |percentage )?change)(?: .*)?",
    re.IGNORECASE,
)
"""What rows that are worked out of the others, and are no sum of them, have in the place of a code."""
_VAST = 10**18
"""No figure of ours is as large."""
_MOST_DECIMALS = 12
_MOST_LABELLED = 1_000
"""Rows that may say that they are totals."""
_FEW = 5
"""Rows among which one may be as large as all others by chance."""
_MOST_SHOWN = 12


class _Row(NamedTuple):
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


class _Verdict(NamedTuple):
    """How the figures of a row compare with the sums of the rows that it may be the total of."""

    agrees: bool
    rows: int
    gap: Fraction = Fraction()
    """The largest difference, with its column."""
    column: str = ""
    total: Fraction = Fraction()

    @property
    def is_exact(self) -> bool:
        return self.agrees and not self.gap


class _Summed(NamedTuple):
    """A column that is added up."""

    name: str
    position: int
    """Column of the file."""
    figures: list[int | None]
    """One for each row of the file, in units of the last decimal; None where there is none to be read."""
    places: int
    """Decimals of these units."""
    is_counted: bool

    def amount(self, figure: int) -> Fraction:
        return Fraction(figure, 10**self.places)


class _Table(NamedTuple):
    """The rows of one year that do not say that they are totals, with the sums among them."""

    rows: Sequence[_Row]
    levels: CodeLevels
    sums: Sums

    def single_rows(self, entries: Iterable[BlockSum]) -> list[tuple[_Row, BlockSum]]:
        """Return the rows with a code that are each a sum, from the top."""
        by_place = {entry.rows[0]: entry for entry in entries if len(entry.rows) == 1}
        return [(row, by_place[row.at]) for row in self.rows if row.code and row.at in by_place]


class _Parts:
    """The rows that are no totals, with the sums of their figures from the top."""

    def __init__(self, rows: Iterable[_Row], columns: Sequence[_Summed]) -> None:
        self.places = [row.at for row in rows]
        self.sums = [[0, *accumulate(column.figures[at] or 0 for at in self.places)] for column in columns]

    def before(self, at: int) -> int:
        """Return how many of these rows are above a place of the file."""
        return bisect_left(self.places, at)


class Totals:
    """The rows of totals of one file."""

    def __init__(self, part: Part, needs: Iterable[Need], findings: Findings) -> None:
        self.part = part
        self.findings = findings
        columns = part.headings.columns
        self.needs = [need for need in needs if need.is_sum and need.name in columns]
        self.key = columns.get("practice_code", columns.get("org_code", 0))
        self.texts = [columns[name] for name in ("org_code", "org_name", "practice_code") if name in columns]
        self.year = columns.get("year")
        self.columns: list[_Summed] = []
        self._parts: dict[str, _Parts] = {}

    def find(self, rows: Sequence[tuple[int, Sequence[Any]]]) -> set[int]:
        """Return the numbers of the rows that are totals, and report them and what is wrong with them."""
        every = [self._row(at, number, cells) for at, (number, cells) in enumerate(rows)]
        self.columns = [self._summed(need, rows) for need in self.needs]
        candidates = [row for row in every if row.label or (row.bare and self._has_figures(row))]
        if len(candidates) > _MOST_LABELLED:
            self._refuse_many(candidates)
            return {row.number for row in candidates}
        apart = {row.at for row in candidates} | self._statistics(every)
        sums = self._sums([row for row in every if row.at not in apart], sorted(apart))
        return {every[at].number for at in self._leave_out(candidates, every, sums)}

    def _row(self, at: int, number: int, cells: Sequence[Any]) -> _Row:
        key = cells[self.key]
        code = key.strip() if isinstance(key, str) else "" if key is None else str(key)
        places: Iterable[int] = self.texts if code else range(len(cells))
        label = next(
            (
                text
                for index in places
                if isinstance(cells[index], str) and _LABEL.fullmatch(text := cells[index].strip())
            ),
            "",
        ) or self._total_of(cells, code)
        year = "" if self.year is None or cells[self.year] is None else str(cells[self.year]).strip()
        bare = not code and not any(isinstance(cells[index], str) and cells[index].strip() for index in self.texts)
        return _Row(at, number, cells, label, code, year, bare)

    def _total_of(self, cells: Sequence[Any], code: str) -> str:
        """Return what says in the place of a code, or beside a blank one, that the row is the total of something."""
        texts = [cells[index] for index in self.texts if isinstance(cells[index], str) and cells[index].strip()]
        first = texts[0].strip() if texts else ""
        return first if first and (not code or code == first) and _TOTAL_OF.fullmatch(first) else ""

    def _summed(self, need: Need, rows: Sequence[tuple[int, Sequence[Any]]]) -> _Summed:
        index = self.part.headings.columns[need.name]
        numbers = [_number(cells[index]) for _, cells in rows]
        places = max((_decimals(number) for number in numbers if isinstance(number, Decimal)), default=0)
        figures = [number if number is None else int(number * 10**places) for number in numbers]
        return _Summed(need.name, index, figures, places, need.unit == "people" and not places)

    # Rows that say what they are.

    def _refuse_many(self, candidates: Sequence[_Row]) -> None:
        self.findings.error(
            About.TOTAL,
            self.part.sheet.where(candidates[0].number, self.key),
            f"{len(candidates):,} rows say that they are totals, or have figures and no code",
            f"at most {_MOST_LABELLED:,}",
            "Give the rows of organisations alone",
        )

    def _leave_out(self, candidates: Sequence[_Row], every: Sequence[_Row], sums: Mapping[int, BlockSum]) -> set[int]:
        """Return the places of rows that say that they are totals, or have no code and are one; report them."""
        totals = sorted({row.at for row in candidates} | set(sums))
        left = {at for at in sums if not every[at].code}
        notes = {at: self._note(every[at], sums[at].parts) for at in left}
        for row in candidates:
            verdict = self._compare(row, every, totals)
            where = self.part.sheet.where(row.number, self.key)
            if verdict is None:
                if row.label:
                    notes[row.at] = f"row {row.number:,} '{row.label}', which has no figure to check"
            elif not verdict.agrees:
                if row.label:
                    left.add(row.at)
                    self._disagrees(row, verdict)
            elif verdict.gap:
                left.add(row.at)
                called = f"the row of '{row.label}'" if row.label else "a row without a code"
                self.findings.warning(
                    About.TOTAL,
                    where,
                    f"{called} is left out; its {verdict.column} differs by {_amount(verdict.gap)} from the sum of "
                    f"{counted(verdict.rows, 'row')}, which rounding may explain",
                )
            else:
                notes[row.at] = self._note(row, verdict.rows)
        if notes:
            texts = [notes[at] for at in sorted(notes)]
            self.findings.note(About.TOTAL, self.part.sheet_place, f"left out as totals: {listed(texts, 5)}")
        left |= set(notes)
        self._report_below(every, left)
        return left

    def _note(self, row: _Row, parts: int) -> str:
        texts = [text.strip() for index in self.texts if isinstance(text := row.cells[index], str) and text.strip()]
        without_code = f"'{texts[0]}' without a code" if texts else "without a code"
        name = f"'{row.label}'" if row.label else without_code
        return f"row {row.number:,} {name}, the sum of {counted(parts, 'row')}"

    def _report_below(self, every: Sequence[_Row], left: set[int]) -> None:
        """Point out rows below the last total: they may repeat what it adds up."""
        last = max(left, default=0)
        below = [row for row in every[last + 1 :] if row.at not in left]
        if left and below and last and not self.year:
            self.findings.warning(
                About.TOTAL,
                self.part.sheet.where(below[0].number, self.key),
                f"{counted(len(below), 'row')} below the total in row {every[last].number:,} were read as well",
                "the total below all of its rows",
                "Leave them out with --leave-out if they say again what stands above",
            )

    def _disagrees(self, row: _Row, verdict: _Verdict) -> None:
        index = next(column.position for column in self.columns if column.name == verdict.column)
        self.findings.error(
            About.TOTAL,
            self.part.sheet.where(row.number, index),
            f"the row of '{row.label}' has {_amount(verdict.total)} as {verdict.column}, "
            f"and {counted(verdict.rows, 'row')} come to {_amount(verdict.total - verdict.gap)}",
            "a total that agrees with its rows",
            "Correct the total or the rows, or take the total out; a row may be missing or changed"
            + (f"; if {row.code} is an organisation, give it another name" if row.code not in ("", row.label) else ""),
        )

    def _compare(self, row: _Row, every: Sequence[_Row], totals: Sequence[int]) -> _Verdict | None:
        """Compare a row with the rows above since the last total, all above, all others, and those below.

        Where it is the sum of none of these, it may be that of several groups above or below it.
        """
        columns = [at for at, column in enumerate(self.columns) if column.figures[row.at] is not None]
        if not columns:
            return None
        parts = self._parts_of(row.year, every, totals)
        at, place = parts.before(row.at), bisect_left(totals, row.at)
        last = parts.before(totals[place - 1]) if place else 0
        following = parts.before(totals[place + 1]) if place + 1 < len(totals) else len(parts.places)
        blocks: Iterable[tuple[int, int]] = [(last, at), (0, at), (0, len(parts.places)), (at, following)]
        verdicts: list[_Verdict] = []
        for start, stop in blocks:
            if stop - start > (not row.label):
                verdicts.append(self._verdict(row, parts, start, stop, columns))
                if verdicts[-1].is_exact:
                    break
        best = min(verdicts, key=lambda verdict: (not verdict.agrees, abs(verdict.gap)), default=None)
        if best and not best.agrees and row.label:
            blocks = [
                *((start, at) for start in range(at)),
                *((at, stop) for stop in range(at + 1, len(parts.places) + 1)),
            ]
            first = self.columns[columns[0]].figures[row.at]
            sums = parts.sums[columns[0]]
            verdicts = [
                self._verdict(row, parts, start, stop, columns)
                for start, stop in blocks
                if sums[stop] - sums[start] == first and stop - start > 1
            ]
            return next((verdict for verdict in verdicts if verdict.is_exact), best)
        return best

    def _parts_of(self, year: str, every: Sequence[_Row], totals: Collection[int]) -> _Parts:
        """Return the rows that are no totals of a year, or of all years."""
        if year not in self._parts:
            apart = set(totals)
            rows = [row for row in every if row.at not in apart and (not year or row.year == year)]
            self._parts[year] = _Parts(rows, self.columns)
        return self._parts[year]

    def _verdict(self, row: _Row, parts: _Parts, start: int, stop: int, columns: Iterable[int]) -> _Verdict:
        worst = _Verdict(agrees=True, rows=stop - start)
        for at in columns:
            column, sums = self.columns[at], parts.sums[at]
            total = column.figures[row.at] or 0
            gap = total - (sums[stop] - sums[start])
            if abs(gap) * 10**9 <= abs(total):
                continue
            agrees = abs(gap) * 1_000 <= abs(total) and self._is_rounding(
                gap, column, [row.at, *parts.places[start:stop]]
            )
            if not agrees or (worst.agrees and abs(column.amount(gap)) > abs(worst.gap)):
                worst = _Verdict(agrees, stop - start, column.amount(gap), column.name, column.amount(total))
            if not agrees:
                break
        return worst

    def _is_rounding(self, gap: int, column: _Summed, places: Iterable[int]) -> bool:
        """Return whether a gap is no more than half a unit of the last decimal of each figure."""
        figures = [figure for at in places if (figure := column.figures[at]) is not None]
        unit = min(power_of_ten(figure, 10**column.places) if figure else 10**column.places for figure in figures)
        return 2 * abs(gap) <= unit * len(figures)

    def _statistics(self, rows: Sequence[_Row]) -> set[int]:
        """Refuse rows of averages and the like, whose codes are words where those of the others are not."""
        coded = sum(any(map(str.isdigit, row.code)) for row in rows)
        statistics = set()
        if coded * 2 > sum(bool(row.code) for row in rows) and not self.part.has_lines:
            statistics = {row.at for row in rows if _STATISTIC.fullmatch(row.code) and self._has_figures(row)}
        for row in (rows[at] for at in sorted(statistics)):
            self.findings.error(
                About.SUBTOTAL,
                self.part.sheet.where(row.number, self.key),
                f"'{row.code}' is no code, and the row would be counted as an organisation",
                "organisations, and totals that say so",
                f"Take the row out of the file, or leave it out with {_leave_out(row.code)}",
            )
        return statistics

    # Rows that do not say what they are.

    def _sums(self, rows: Sequence[_Row], apart: Sequence[int]) -> dict[int, BlockSum]:
        """Return the rows that are sums of others of their year, by place, and report those that have a code."""
        years: dict[str, list[_Row]] = {}
        for row in rows:
            years.setdefault(row.year, []).append(row)
        tables = [self._table(members, apart, CERTAIN + math.log10(len(years))) for members in years.values()]
        totals = {at: entry for table in tables for entry in table.sums.certain for at in entry.rows}
        if self.part.has_lines:  # an organisation has many rows, and those with a code are no totals
            return {row.at: totals[row.at] for row in rows if row.at in totals and not row.code}
        self._refuse_rows(tables)
        self._refuse_levels(tables)
        for table in tables:
            self._check_codes(table, totals)
            self._warn(table, totals)
        return totals

    def _table(self, rows: Sequence[_Row], apart: Sequence[int], required: float) -> _Table:
        """Return the rows of a year with the sums among them, whose rows are places of the file."""
        places = [row.at for row in rows]
        columns = [Column([column.figures[at] for at in places], column.is_counted) for column in self.columns]
        codes = [row.code for row in rows]
        levels = CodeLevels(codes)
        edges = {bisect_left(places, at) for at in apart}
        sums = find_sums(columns, codes, levels, edges, required)
        in_file = [
            [entry._replace(rows=tuple(places[at] for at in entry.rows)) for entry in entries] for entries in sums
        ]
        return _Table(rows, levels, Sums(*in_file))

    def _refuse_rows(self, tables: Iterable[_Table]) -> None:
        """Refuse rows that are each the sum of rows beside them: one finding for all of them."""
        refused = [(row, entry) for table in tables for row, entry in table.single_rows(table.sums.certain)]
        codes = list(dict.fromkeys(row.code for row, _ in refused))
        if codes:
            row, entry = refused[0]
            self.findings.error(
                About.SUBTOTAL,
                self.part.sheet.where(row.number, self.key),
                (
                    f"{row.code} is the sum of the {counted(entry.parts, 'row')} {entry.where} it"
                    if len(codes) == 1
                    else f"{listed(codes, _MOST_SHOWN)} are sums of the rows beside them"
                )
                + " and would be counted twice",
                "organisations, and totals that say so",
                _remedy(codes),
            )

    def _refuse_levels(self, tables: Iterable[_Table]) -> None:
        """Refuse rows that together have the sum of the others, such as regions below the total."""
        reported: set[tuple[str, ...]] = set()
        for table in tables:
            for entry in table.sums.certain:
                rows = [row for row in table.rows if row.at in entry.rows]
                codes = tuple(row.code for row in rows)
                if len(rows) < 2 or codes in reported:
                    continue
                reported.add(codes)
                self.findings.error(
                    About.SUBTOTAL,
                    self.part.sheet.where(rows[0].number, self.key),
                    f"{listed(codes, 5)} together come to the sum of the {entry.parts:,} other rows"
                    f"{f' of {rows[0].year}' if rows[0].year else ''}, and would be counted twice",
                    "organisations, and totals that say so",
                    _remedy(codes),
                )

    def _check_codes(self, table: _Table, totals: Collection[int]) -> None:
        """Refuse rows whose codes are of a higher level than the others, though they are the sum of none.

        Several that stand together at an end of the table may be a list of its own, whose money is not in the others:
        they are read, with a warning.
        """
        left = [at for at, row in enumerate(table.rows) if row.at not in totals]
        levels = {at: level for at, level in table.levels.higher_rows() if table.rows[at].at not in totals}
        if not levels:
            return
        names = listed(sorted({level.name for level in levels.values()}))
        rows = [table.rows[at] for at in sorted(levels)]
        codes = [row.code for row in rows]
        several = len(codes) > 1
        found = (
            f"{listed(codes, _MOST_SHOWN)} {'have codes' if several else 'has a code'} of a higher level ({names}) "
            f"than the other rows, and {'are' if several else 'is'} no sum of rows beside {'them' if several else 'it'}"
        )
        where = self.part.sheet.where(rows[0].number, self.key)
        is_list = several and sorted(levels) in (left[: len(levels)], left[-len(levels) :])
        if is_list:
            self.findings.warning(
                About.SUBTOTAL, where, f"{found}; they were read as organisations", "", _remedy(codes)
            )
        else:
            self.findings.error(
                About.SUBTOTAL, where, f"{found}, but may contain them", "organisations of one level", _remedy(codes)
            )

    def _warn(self, table: _Table, totals: Collection[int]) -> None:
        """Point out sums that may be chance, and rows that are as large as all others together."""
        for entry in table.sums.doubtful:
            doubted = [row for row in table.rows if row.at in entry.rows]
            codes = [row.code for row in doubted]
            if all(codes):
                self.findings.warning(
                    About.SUBTOTAL,
                    self.part.sheet.where(doubted[0].number, self.key),
                    (
                        f"{codes[0]} is the sum of the {counted(entry.parts, 'row')} {entry.where} it"
                        if len(codes) == 1
                        else f"{listed(codes, 5)} together come to the sum of the {entry.parts:,} other rows"
                    )
                    + ", which may be chance",
                    remedy=f"If it is a total: {_remedy(codes)}",
                )
        rows = [row for row in table.rows if row.at not in totals]
        for column in self.columns if len(rows) > _FEW else ():
            figures = [column.figures[row.at] or 0 for row in rows]
            largest = max(range(len(rows)), key=lambda at: abs(figures[at]))
            if figures[largest] and 2 * figures[largest] == sum(figures):
                row = rows[largest]
                self.findings.warning(
                    About.SUBTOTAL,
                    self.part.sheet.where(row.number, column.position),
                    f"the {column.name} of {row.code} is that of all {len(rows) - 1:,} other rows together",
                    remedy=f"If it is a total, leave it out with {_leave_out(row.code)}",
                )

    def _has_figures(self, row: _Row) -> bool:
        return any(column.figures[row.at] is not None for column in self.columns)


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


def _amount(figure: Fraction) -> str:
    return f"{float(figure):,.15g}"


def _leave_out(code: str) -> str:
    """Return the option that leaves the rows of a code out, as it has to be typed."""
    return f"--leave-out {code}" if re.fullmatch(r"[\w./-]+", code) else f'--leave-out "{code}"'


def _remedy(codes: Sequence[str]) -> str:
    """Say how to leave out rows that may be totals."""
    options = " ".join(map(_leave_out, codes[:_MOST_SHOWN]))
    if len(codes) == 1:
        return f"Leave it out with {options}; if it is an organisation, give it in a file of its own"
    others = f" and so on for {len(codes) - _MOST_SHOWN:,} more" if len(codes) > _MOST_SHOWN else ""
    return f"Leave them out with {options}{others}; if they are organisations, give them in a file of their own"
