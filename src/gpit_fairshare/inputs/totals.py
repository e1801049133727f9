"""Rows of totals among the rows of organisations: found, checked against the rows that they stand for, left out.

Read as organisations, totals would count England twice. A row that says that it is a total, or has no
code, is left out if its figures are the sum of the rows beside it. One that only looks like a total is
refused: nobody but the user can say what it is.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Any, NamedTuple

from gpit_fairshare.inputs.findings import About, counted, listed
from gpit_fairshare.inputs.grids import is_blank
from gpit_fairshare.inputs.numbers import read_number

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

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
"""What stands for a code in rows that are worked out of the others and are no sum of them."""
_SHAPE = str.maketrans("0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ", "9" * 10 + "A" * 52)
_TELLING = 4
"""Digits of a sum, zeros at its end apart, below which two small figures may come to it by chance."""
_VAST = 1e18
"""No figure of ours is as large; above it, floats may run over."""
_ROUGHLY = 1e-6
_MOST_LABELLED = 1_000
"""Rows that may say that they are totals; each is compared with all others."""
_MANY = 4
"""Rows whose sum is no chance, however round it is."""
_MOST_ODD = 300
"""Codes of unusual shape above which none says anything."""
_FEW = 5
"""Rows among which one may be as large as all others by chance."""


class _Row(NamedTuple):
    at: int
    number: int
    cells: Sequence[Any]
    label: str
    """What says that the row is a total, empty if nothing does."""
    code: str
    year: str
    bare: bool
    """Whether the row has no code and no name."""


class _Verdict(NamedTuple):
    """How the figures of a row compare with the sums of the rows that it may stand for."""

    agrees: bool
    rows: int
    gap: Fraction = Fraction()
    """The largest difference, with its column."""
    column: str = ""
    total: Fraction = Fraction()

    @property
    def is_exact(self) -> bool:
        return self.agrees and not self.gap


class Totals:
    """The rows of totals of one file."""

    def __init__(self, part: Part, needs: Iterable[Need], findings: Findings) -> None:
        self.part = part
        self.findings = findings
        columns = part.headings.columns
        self.sums = {need.name: columns[need.name] for need in needs if need.is_sum and need.name in columns}
        self.key = columns.get("practice_code", columns.get("org_code", 0))
        self.texts = [columns[name] for name in ("org_code", "org_name", "practice_code") if name in columns]
        self.year = columns.get("year")
        self._figures: dict[tuple[int, int], Fraction | None] = {}

    def find(self, rows: Sequence[tuple[int, Sequence[Any]]]) -> set[int]:
        """Return the numbers of the rows that are totals, and report them and what is wrong with them."""
        if self._is_plain(rows):
            return set()
        every = [self._row(at, number, cells) for at, (number, cells) in enumerate(rows)]
        left = self._labelled(every)
        rest = [row for row in every if row.at not in left]
        if not self.part.has_lines:
            self._statistics(rest)
            self._lookalikes([row for row in rest if row.code])
        return {every[at].number for at in left}

    def _is_plain(self, rows: Sequence[tuple[int, Sequence[Any]]]) -> bool:
        """Whether a quick look is enough to see that no row can be a total, as for most files of practices."""
        codes = [cells[self.key] for _, cells in rows]
        if self.year is not None or not all(isinstance(code, str) and code.strip() for code in codes):
            return False
        texts = {cells[index] for index in self.texts for _, cells in rows}
        if any(isinstance(text, str) and _LABEL.fullmatch(text.strip()) for text in texts):
            return False
        if not self.part.has_lines and len({code.translate(_SHAPE) for code in codes}) > 1:
            return False
        return not any(self._is_half([_rough(cells[index]) for _, cells in rows]) for index in self.sums.values())

    def _is_half(self, rough: Sequence[float]) -> bool:
        largest = max(rough, key=abs, default=0.0)
        return abs(2 * largest - math.fsum(rough)) <= _ROUGHLY * abs(largest)

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

    def _labelled(self, every: Sequence[_Row]) -> set[int]:
        """Return the places of rows that say that they are totals, or have figures and no code and are one."""
        candidates = [row for row in every if row.label or (row.bare and self._has_figures(row))]
        candidates += self._nameless(every, {row.at for row in candidates})
        if not candidates:
            return set()
        if len(candidates) > _MOST_LABELLED:
            self.findings.error(
                About.TOTAL,
                self.part.sheet.where(candidates[0].number, self.key),
                f"{len(candidates):,} rows say that they are totals, or have figures and no code",
                f"at most {_MOST_LABELLED:,}",
                "Give the rows of organisations alone",
            )
            return {row.at for row in candidates}
        candidates.sort()
        places = {row.at for row in candidates}
        left = set()
        said: list[str] = []
        for row in candidates:
            verdict = self._compare(row, every, places)
            where = self.part.sheet.where(row.number, self.key)
            called = f"the row of '{row.label}'" if row.label else "a row without a code"
            if verdict is None:
                if row.label:
                    left.add(row.at)
                    said.append(f"row {row.number:,} '{row.label}', which has no figure to check")
            elif not verdict.agrees:
                if row.label:
                    left.add(row.at)
                    self._disagrees(row, verdict)
            elif verdict.gap:
                left.add(row.at)
                self.findings.warning(
                    About.TOTAL,
                    where,
                    f"{called} is left out; its {verdict.column} differs by {_amount(verdict.gap)} from the sum of "
                    f"{counted(verdict.rows, 'row')}, which rounding may explain",
                )
            else:
                left.add(row.at)
                name = f"'{row.label}'" if row.label else self._without_code(row)
                said.append(f"row {row.number:,} {name}, the sum of {counted(verdict.rows, 'row')}")
        if said:
            self.findings.note(About.TOTAL, self.part.sheet_place, f"left out as totals: {listed(said, 5)}")
        self._report_below(every, left)
        return left

    def _report_below(self, every: Sequence[_Row], left: set[int]) -> None:
        """Point out rows below the last total: they may repeat what it stands for."""
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

    def _nameless(self, every: Sequence[_Row], totals: set[int]) -> list[_Row]:
        """Return the rows with a name, no code and figures that are exactly the sum of rows beside them.

        Others without a code may be organisations whose code is missing, which is a fault of its own.
        """
        named = [
            row
            for row in every
            if not (row.code or row.label or row.bare) and any(map(_is_telling, self._given(row).values()))
        ]
        if len(named) > _MOST_ODD:
            return []
        places = totals | {row.at for row in named}
        verdicts = [(row, self._compare(row, every, places)) for row in named]
        return [row for row, verdict in verdicts if verdict and verdict.is_exact]

    def _without_code(self, row: _Row) -> str:
        texts = [text for index in self.texts if isinstance(text := row.cells[index], str) and text.strip()]
        return f"'{texts[0].strip()}' without a code" if texts else "without a code"

    def _disagrees(self, row: _Row, verdict: _Verdict) -> None:
        self.findings.error(
            About.TOTAL,
            self.part.sheet.where(row.number, self.sums[verdict.column]),
            f"the row of '{row.label}' has {_amount(verdict.total)} as {verdict.column}, "
            f"and {counted(verdict.rows, 'row')} come to {_amount(verdict.total - verdict.gap)}",
            "a total that agrees with its rows",
            "Correct the total or the rows, or take the total out; a row may be missing or changed"
            + (f"; if {row.code} is an organisation, give it another name" if row.code not in ("", row.label) else ""),
        )

    def _compare(self, row: _Row, every: Sequence[_Row], totals: set[int]) -> _Verdict | None:
        """Compare a row with the rows above since the last total, all above, all others, and those below."""
        columns = list(self._given(row))
        if not columns:
            return None
        others = [other for other in every if other.at not in totals and (not row.year or other.year == row.year)]
        before = [other for other in others if other.at < row.at]
        after = [other for other in others if other.at > row.at]
        last = max((at for at in totals if at < row.at), default=-1)
        following = min((at for at in totals if at > row.at), default=len(every))
        choices = [
            [other for other in before if other.at > last],
            before,
            [*before, *after],
            [other for other in after if other.at < following],
        ]
        verdicts: list[_Verdict] = []
        for rows in choices:
            if len(rows) > (not row.label):
                verdicts.append(self._verdict(row, rows, columns))
                if verdicts[-1].is_exact:
                    break
        return min(verdicts, key=lambda one: (not one.agrees, abs(one.gap)), default=None)

    def _verdict(self, row: _Row, rows: Sequence[_Row], columns: Sequence[str]) -> _Verdict:
        worst = _Verdict(agrees=True, rows=len(rows))
        for name in columns:
            index = self.sums[name]
            figures = [figure for other in rows if (figure := self._figure(other, index)) is not None]
            total = self._figure(row, index) or Fraction()
            gap = total - sum(figures, Fraction())
            if abs(gap) <= Fraction(1, 10**9) * abs(total):
                continue
            # Each printed figure may be half a unit of its last place off.
            unit = min(map(_last_place, (*figures, total)), default=Fraction(1))
            agrees = abs(gap) <= min(unit * (len(figures) + 1) / 2, abs(total) / 1000)
            if not agrees or (worst.agrees and abs(gap) > abs(worst.gap)):
                worst = _Verdict(agrees, len(rows), gap, name, total)
            if not agrees:
                break
        return worst

    def _statistics(self, rows: Sequence[_Row]) -> None:
        """Refuse rows of averages and the like, whose codes are words where those of the others are not."""
        coded = sum(any(map(str.isdigit, row.code)) for row in rows)
        for row in rows if coded * 2 > len(rows) else ():
            if _STATISTIC.fullmatch(row.code) and self._has_figures(row):
                self.findings.error(
                    About.SUBTOTAL,
                    self.part.sheet.where(row.number, self.key),
                    f"'{row.code}' is no code, and the row would be counted as an organisation",
                    "organisations, and totals that say so",
                    f"Take the row out of the file, or leave it out with {_leave_out(row.code)}",
                )

    def _lookalikes(self, rows: Sequence[_Row]) -> None:
        """Refuse rows whose code is of another shape than those beside it and whose figures are their sum."""
        if not self.sums or len(rows) < 3:
            return
        shapes = [row.code.translate(_SHAPE) for row in rows]
        counts = Counter(shapes)
        usual = max(counts, key=lambda shape: (counts[shape], shape))
        odd = [at for at, shape in enumerate(shapes) if shape != usual]
        start = 0
        refused = set()
        for at in odd if len(odd) <= _MOST_ODD else ():
            row = rows[at]
            alike = (later for later in odd if later > at and shapes[later] == shapes[at])
            blocks = {"above": range(start, at), "below": range(at + 1, next(alike, len(rows)))}
            for where, places in blocks.items():
                block = [rows[other] for other in places if rows[other].year == row.year]
                strange = all(shapes[other] != shapes[at] for other in places)
                if strange and self._is_sum(row, block):
                    self._refuse(row, len(block), where)
                    refused.add(at)
                    start = at + 1
                    break
        if len(odd) <= _MOST_ODD:
            self._blocks([row for at, row in enumerate(rows) if at not in refused], usual)
        self._half([row for at, row in enumerate(rows) if at not in refused])

    def _blocks(self, rows: Sequence[_Row], usual: str) -> None:
        """Refuse rows with codes of another shape that together are as much as all others: regions below the total."""
        kinds: dict[tuple[str, str], list[_Row]] = {}
        for row in rows:
            kinds.setdefault((row.year, row.code.translate(_SHAPE)), []).append(row)
        for (year, shape), members in kinds.items():
            others = [row for row in rows if row.year == year and row.code.translate(_SHAPE) != shape]
            if shape == usual or not 1 < len(members) < len(others):
                continue
            sums = [(self._sum(members, index), self._sum(others, index)) for index in self.sums.values()]
            if all(one == other for one, other in sums) and any(_is_telling(one) for one, _ in sums):
                codes = listed([row.code for row in members], 5)
                self.findings.error(
                    About.SUBTOTAL,
                    self.part.sheet.where(members[0].number, self.key),
                    f"{codes} together come to the sum of the {len(others):,} other rows"
                    f"{f' of {year}' if year else ''}, and would be counted twice",
                    "organisations, and totals that say so",
                    f"Take the rows out of the file, or leave them out with {_leave_out(members[0].code)} and so on",
                )

    def _sum(self, rows: Sequence[_Row], index: int) -> Fraction:
        return sum((self._figure(row, index) or Fraction() for row in rows), Fraction())

    def _is_sum(self, row: _Row, block: Sequence[_Row]) -> bool:
        if len(block) < 2:
            return False
        for name, total in self._given(row).items():
            telling = _is_telling(total) or (len(block) >= _MANY and total)
            if telling and self._verdict(row, block, [name]).is_exact:
                return True
        return False

    def _refuse(self, row: _Row, number: int, where: str) -> None:
        self.findings.error(
            About.SUBTOTAL,
            self.part.sheet.where(row.number, self.key),
            f"{row.code} is the sum of the {counted(number, 'row')} {where} it and would be counted twice",
            "organisations, and totals that say so",
            f"Leave it out with {_leave_out(row.code)}; if it is an organisation, give it in a file of its own",
        )

    def _half(self, rows: Sequence[_Row]) -> None:
        """Point out a row that is as large as all others together."""
        groups: dict[str, list[_Row]] = {}
        for row in rows:
            groups.setdefault(row.year, []).append(row)
        for members in groups.values():
            if len(members) > _FEW:
                for name, index in self.sums.items():
                    self._check_half(members, name, index)

    def _check_half(self, rows: Sequence[_Row], name: str, index: int) -> None:
        rough = [_rough(row.cells[index]) for row in rows]
        if not self._is_half(rough):
            return
        largest = rough.index(max(rough, key=abs))
        whole = self._sum(rows, index)
        row = rows[largest]
        if whole and (self._figure(row, index) or Fraction()) * 2 == whole:
            self.findings.warning(
                About.SUBTOTAL,
                self.part.sheet.where(row.number, index),
                f"the {name} of {row.code} is that of all {len(rows) - 1:,} other rows together",
                remedy=f"If it is a total, leave it out with {_leave_out(row.code)}",
            )

    def _has_figures(self, row: _Row) -> bool:
        return bool(self._given(row))

    def _given(self, row: _Row) -> dict[str, Fraction]:
        """Return the figures of a row by column, without those that are blank or cannot be read."""
        return {name: figure for name, index in self.sums.items() if (figure := self._figure(row, index)) is not None}

    def _figure(self, row: _Row, index: int) -> Fraction | None:
        """Return a figure as it is written, or None where there is none to be read."""
        if (row.at, index) not in self._figures:
            self._figures[row.at, index] = _figure(row.cells[index])
        return self._figures[row.at, index]


def _figure(cell: Any) -> Fraction | None:
    if isinstance(cell, bool) or is_blank(cell):
        return None
    if isinstance(cell, str):
        read = read_number(cell.strip()) if len(cell) < 100 else None
        return Fraction(read.value) if read and not read.percent else None
    if isinstance(cell, int | Decimal) or (isinstance(cell, float) and math.isfinite(cell)):
        return Fraction(repr(cell)) if isinstance(cell, float) else Fraction(cell)
    return None


def _rough(cell: Any) -> float:
    """Return a figure nearly, and fast; nil for what is none."""
    try:
        number = float(cell)
    except (TypeError, ValueError, OverflowError):
        exact = _figure(cell)
        number = float(exact) if exact is not None and abs(exact) < _VAST else 0.0
    return number if abs(number) < _VAST else 0.0


def _last_place(figure: Fraction) -> Fraction:
    """Return the unit of the last decimal that a figure is written with."""
    places = 0
    while places < 12 and (figure * 10**places).denominator != 1:
        places += 1
    return Fraction(1, 10**places)


def _is_telling(figure: Fraction) -> bool:
    """Whether a figure has so many digits, zeros at either end apart, that no sum comes to it by chance."""
    return len(f"{abs(float(figure)):.12g}".replace(".", "").partition("e")[0].strip("0")) >= _TELLING


def _amount(figure: Fraction) -> str:
    return f"{float(figure):,.15g}"


def _leave_out(code: str) -> str:
    """Return the option that leaves the rows of a code out, as it has to be typed."""
    return f"--leave-out {code}" if re.fullmatch(r"[\w./-]+", code) else f'--leave-out "{code}"'
