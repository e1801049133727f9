"""Restate rows for the organisations of a day: they are merged or split, and nothing is lost.

Money and people are added up, or shared out by the fractions of a split to the last penny and person.
Rates are not: the rate of a whole cannot be calculated from the rates of its parts, nor the rate of a part from that
of the whole. They are kept if all members of a merger have the same rate; otherwise the scheme's steps calculate them
again.

With `--boundaries`, all rows of every year are restated for the organisations of that day. Without it, rows that have
no year are counted, year by year, with the organisations that the first files have in that year.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import date
from fractions import Fraction
from functools import cached_property
from typing import TYPE_CHECKING, Final, NamedTuple

from gpit_fairshare.findings import FindingCode, FindingCollector, Where
from gpit_fairshare.inputs.columns.cells import year_start
from gpit_fairshare.inputs.mergers.checks import RowsOfYears, check_day_merger, check_year_merger, report_unfit_codes
from gpit_fairshare.inputs.mergers.crosswalk import WHOLE, Crosswalk, day_in_words, part_of
from gpit_fairshare.inputs.model import NeededColumn, Restated
from gpit_fairshare.inputs.tables.rows import CheckedValue, InputRow
from gpit_fairshare.inputs.tables.sums import Clash, combine_values, exact_total, portions
from gpit_fairshare.numbers import as_in_sheet, money
from gpit_fairshare.words import counted, listed

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from gpit_fairshare.inputs.tables.groups import Group
    from gpit_fairshare.inputs.tables.spend import SpendLine

_HALF_A_PENNY: Final = Fraction(1, 200)
_MOST_CODES: Final = 40
"""Most predecessors that the origin of a value names."""


def restate_on_boundaries(
    groups: Iterable[Group], lines: Sequence[SpendLine], day: date, crosswalk: Crosswalk, findings: FindingCollector
) -> list[Restated]:
    """Restate the rows of all files for the organisations of a day, in every year, and report it.

    The mergers and splits are reported once for the run; rows that are the same in several years are restated once.

    Args:
        groups: their rows by year are replaced.
        lines: all lines of cost as they were read; a split shares out each line, not the sum.
        day: the day whose organisations the rows are restated for.
        crosswalk: the known mergers and splits.
        findings: where to report.

    Returns:
        The amounts that moved from one organisation to another.
    """
    moved: list[Restated] = []
    successors: set[str] = set()
    for group in groups:
        # Rows that are used for several years are restated, and reported, once.
        years_left = list(group.rows)
        while years_left:
            rows = group.rows[years_left[0]]
            years = [year for year in years_left if group.rows[year] == rows]
            years_left = [year for year in years_left if year not in years]
            if rows:
                restatement = _OnBoundaries(group, rows, years, day, crosswalk, lines)
                group.rows |= dict.fromkeys(years, restatement.rows_after())
                moved += restatement.moved
                successors |= restatement.successors
    mergers = [crosswalk.merger_sentence(code, date.min, day) for code in sorted(successors)]
    if mergers:
        findings.note(FindingCode.BOUNDARIES, Where(), "; ".join(mergers))
    return moved


def restate_year(
    group: Group, year: str, codes_of_year: Collection[str], crosswalk: Crosswalk
) -> tuple[dict[str, InputRow], list[Restated]]:
    """Return the rows of a group in a year, with closed organisations counted with their successors.

    Only rows without a year are restated: a row with a year stays as it is.

    Args:
        group: the files.
        year: one of the scheme's.
        codes_of_year: the organisations of the year.
        crosswalk: the known mergers and splits.

    Returns:
        The rows by organisation, and the amounts that moved from one organisation to another.
    """
    restatement = _WithSuccessors(group, group.rows[year], [year], year_start(year), crosswalk)
    return restatement.rows_after(codes_of_year), restatement.moved


def lines_on_boundaries(lines: Iterable[SpendLine], crosswalk: Crosswalk, day: date) -> list[SpendLine]:
    """Return lines of cost for the organisations of a day; a split gives a line for each successor.

    A line that moves gets its former organisation as `predecessor`; the others are unchanged.
    """
    restated: list[SpendLine] = []
    for line in lines:
        shares = crosswalk.shares(line.org_code, date.min, day)
        if line.org_code in shares:
            restated.append(line)
        else:
            restated += [
                line._replace(org_code=code, amount=part, predecessor=line.org_code)
                for code, part in portions(line.amount, shares, "£").items()
            ]
    return restated


class _Member(NamedTuple):
    """A row that goes into an organisation, and the fraction of it that does."""

    row: InputRow
    fraction: Fraction

    @property
    def code(self) -> str:
        """Return the code of the row."""
        return self.row.code


@dataclass(frozen=True, eq=False)
class _Restatement(RowsOfYears):
    """Rows of a group before and after: combines their values, and reports about it."""

    lines: Sequence[SpendLine] = ()
    """All lines of cost, if some may have to be shared out."""
    moved: list[Restated] = field(default_factory=list)

    def _combine_members(self, end: str, members: Sequence[_Member], need: NeededColumn) -> CheckedValue | Clash:
        """Return the combined value of an organisation's members in a column.

        Only the part of each member that goes into the organisation is added up, without blanks. The result is a
        `Clash` if rates or texts differ, if a rate is blank for some members, or if a rate would have to be split.

        Args:
            end: the organisation.
            members: the rows that go into it; all have a value in the column, which may be blank.
            need: the column.
        """
        if need.kind == "number" and not need.is_sum and any(member.fraction != 1 for member in members):
            return Clash.CLASH  # the rate of a part
        values = [member.row.values[need.name] for member in members]
        if need.is_sum:
            parts = [self._parts[member.code, need.name].get(end) for member in members]
            values = [value._replace(value=part) for value, part in zip(values, parts, strict=True)]
        return combine_values(values, need, members[0].row.file.sheet.file)

    def _record_moved(self, end: str, members: Sequence[_Member], need: NeededColumn, blank_in_words: str) -> None:
        """Add the amounts that members bring to an organisation to `moved`, for each year; its own amount is not added.

        If some members have a blank cell and others do not, that is a warning.

        Args:
            end: the organisation.
            members: the rows that go into it.
            need: a column of money or people.
            blank_in_words: the text around the warning, with `{}` for it.
        """
        parts = {member.code: self._parts[member.code, need.name].get(end) for member in members}
        filled = {code: part for code, part in parts.items() if part is not None}
        self.moved.extend(
            Restated(year, code, end, need.name, part)
            for year in self.years
            for code, part in filled.items()
            if code != end
        )
        if 0 < len(filled) < len(parts):
            blank = listed(sorted(set(parts) - set(filled)))
            where = Where(members[0].row.file.sheet.name, column=need.name)
            message = blank_in_words.format(f"{need.name} is blank for {blank}, so it is not in the sum of {end}")
            self.findings.warning(FindingCode.PARTLY_BLANK, where, message, organisation=end)

    @cached_property
    def _parts(self) -> dict[tuple[str, str], dict[str, float]]:
        """The part of each amount for each organisation of the day, by code and column.

        Spend that is split is shared out line by line. There are no parts for a blank, or in columns other than money
        and people.
        """
        parts: dict[tuple[str, str], dict[str, float]] = {}
        for code, row in self.rows.items():
            shares = self.crosswalk.shares(code, date.min, self.day)
            for need in self.group.gives.values():
                amount = row.number_of(need.name)
                if not need.is_sum or amount is None:
                    parts[code, need.name] = {}
                elif need.name == "historic_spend" and row.file.has_lines and len(shares) > 1:
                    parts[code, need.name] = self._parts_of_lines(code, shares)
                else:
                    parts[code, need.name] = portions(amount, shares, need.unit)
        return parts

    def _parts_of_lines(self, code: str, shares: Mapping[str, Fraction]) -> dict[str, float]:
        """Return the spend of a code for each of its successors, with every line that counts shared out separately.

        The sums then equal those of the restated lines.
        """
        parts_of_each = [
            portions(line.amount, shares, "£")
            for line in self.lines
            if line.org_code == code and line.year in (None, self.years[0]) and not line.excluded
        ]
        return {end: exact_total(parts[end] for parts in parts_of_each) for end in shares}

    def _total_sentences(self, after: Mapping[str, InputRow]) -> list[str]:
        """Return a sentence for each column of money or people: its total before and after."""
        totals = []
        for need in self.group.gives.values():
            if need.is_sum:
                before, now = (_in_unit(float(_column_total(rows, need)), need) for rows in (self.rows, after))
                totals.append(f"{need.name} adds up to {before} before and {now} after")
        return totals


@dataclass(frozen=True, eq=False)
class _OnBoundaries(_Restatement):
    """Restates rows of all years for the organisations of a day."""

    successors: set[str] = field(default_factory=set)
    """Organisations that took in others."""
    _clashes: dict[str, list[str]] = field(default_factory=dict)
    """Organisations by the columns whose values cannot be combined."""

    def rows_after(self) -> dict[str, InputRow]:
        """Return the rows by organisation of the day; the totals of money and people stay the same.

        Codes that are unknown, or that opened after the day, are errors and keep their rows. Incomplete mergers, values
        that cannot be combined, and the totals before and after are reported. This also fills `moved` and `successors`.
        """
        unfit = report_unfit_codes(self)
        members: dict[str, list[_Member]] = {}
        for code in sorted(self.rows):
            shares = {code: WHOLE} if code in unfit else self.crosswalk.shares(code, date.min, self.day)
            for end, fraction in shares.items():
                members.setdefault(end, []).append(_Member(self.rows[code], fraction))
        after: dict[str, InputRow] = {}
        for end, parts in sorted(members.items()):
            codes = [member.code for member in parts]
            if codes == [end]:
                after[end] = parts[0].row
                continue
            check_day_merger(self, end, codes)
            after[end] = self._merged_row(end, parts)
            self.successors.add(end)
        self._report_clashes()
        self._report_totals(after)
        return after

    def _merged_row(self, end: str, members: Sequence[_Member]) -> InputRow:
        """Return one row for an organisation, with the combined values of its members and its name in the crosswalk.

        If the crosswalk has no name, the organisation's own row gives it. Values that cannot be combined are left out
        and added to `_clashes`; amounts that moved are recorded.
        """
        values: dict[str, CheckedValue] = {}
        for need in self.group.gives.values():
            giving = [member for member in members if need.name in member.row.values]
            if not giving:
                continue
            value = self._combine_members(end, giving, need)
            if isinstance(value, Clash):
                self._clashes.setdefault(need.name, []).append(end)
                continue
            values[need.name] = CheckedValue(value.value, _origin_of_members(giving))
            if need.is_sum:
                self._record_moved(end, giving, need, f"{self.when}{{}}")
        own_names = (member.row.text_of("org_name") for member in members if member.code == end)
        name = self.crosswalk.name(end) or next(own_names, "")
        values["org_name"] = CheckedValue(name or None, "the crosswalk")
        first = members[0].row
        return replace(first, code=end, values=values)

    def _report_clashes(self) -> None:
        """Report the columns whose values cannot be combined: an error if the scheme needs them, else a warning."""
        for column, ends in sorted(self._clashes.items()):
            number = self.group.gives[column].kind == "number"
            members = f"the predecessors of {listed(ends)}"
            reason = f"is a rate or has no unit, and {members} differ or are split"
            message = f"{self.when}{column} {reason if number else f'differs between {members}'}"
            if column in self.group.request.essential:
                remedy = f"Give {column} of {listed(ends)} in a file with these codes, without the predecessors"
                limit = "; only money and people can be added up"
                self.group.findings.error(FindingCode.NOT_SUMMED, message + limit, remedy=remedy)
            else:
                self.group.findings.warning(FindingCode.NOT_SUMMED, f"{message}; it is left blank there")

    def _report_totals(self, after: Mapping[str, InputRow]) -> None:
        """Report the number of organisations and the total of each column, before and after.

        Raises:
            ArithmeticError: a column of money or people does not add up to the same as before.
        """
        for need in self.group.gives.values():
            if need.is_sum:
                before, now = _column_total(self.rows, need), _column_total(after, need)
                # Above a quadrillion, floats are too coarse for pennies; below it, the second limit is the smaller.
                if abs(before - now) >= max(_HALF_A_PENNY, abs(before) / 10**14):
                    raise ArithmeticError(f"{need.name} of {self.group.name} was {before} and became {now}")
        noun, day = self.group.request.organisation, day_in_words(self.day)
        if set(after) == set(self.rows):
            summary = f"{counted(len(after), noun)} already on the boundaries of {day}"
        else:
            summary = f"restated {counted(len(self.rows), noun)} as {len(after):,} on the boundaries of {day}"
        message = f"{self.when}{'; '.join([summary, *self._total_sentences(after)])}"
        self.group.findings.note(FindingCode.BOUNDARIES, message)


@dataclass(frozen=True, eq=False)
class _WithSuccessors(_Restatement):
    """Counts closed organisations, in rows without a year, with their successors for one year."""

    def rows_after(self, codes_of_year: Collection[str]) -> dict[str, InputRow]:
        """Return the rows by organisation of the year: closed organisations become one row with their successor.

        If the successor has a row already, that is an error and its row stays. An incomplete merger is an error too.
        The mergers and the totals are noted; without any, the rows are returned unchanged.

        Args:
            codes_of_year: the organisations of the year.
        """
        movers = self._movers(codes_of_year)
        if not movers:
            return dict(self.rows)
        moving = {member.code for members in movers.values() for member in members}
        after = {code: row for code, row in self.rows.items() if code not in moving}
        for successor, members in sorted(movers.items()):
            check_year_merger(self, successor, [member.code for member in members])
            after.setdefault(successor, self._merged_row(successor, members))
        self._report_mergers(movers, after)
        return after

    def _movers(self, codes_of_year: Collection[str]) -> dict[str, list[_Member]]:
        """Return the rows of closed organisations by their successor in the year; those that split are an error.

        Rows with a year, codes that the year has, and codes whose successor it does not have are not in the result.
        """
        movers: dict[str, list[_Member]] = {}
        year = self.years[0]
        for code, row in sorted(self.rows.items()):
            if row.year or code in codes_of_year:
                continue
            successors = list(self.crosswalk.shares(code, date.min, self.day))
            if len(successors) > 1:  # its rows do not say how much goes to each
                message = f"by {year} {code} had split into {listed(successors)}"
                remedy = f"Restate all figures with --boundaries {year}, or give the figures of the successors"
                self.findings.error(FindingCode.SPLIT, row.where("org_code"), message, remedy=remedy)
            elif successors[0] in codes_of_year:
                movers.setdefault(successors[0], []).append(_Member(row, WHOLE))
        return movers

    def _merged_row(self, successor: str, members: Sequence[_Member]) -> InputRow:
        """Return one row for a successor, with the combined values of the organisations that became it.

        Values that cannot be combined are reported and left out; amounts that moved are recorded in `moved`.
        """
        first = members[0].row
        codes = listed([member.code for member in members], _MOST_CODES)
        values: dict[str, CheckedValue] = {}
        for need in self.group.gives.values():
            giving = [member for member in members if need.name in member.row.values]
            value = self._combine_members(successor, giving, need) if giving else None
            if isinstance(value, Clash):
                self._report_clash(successor, members, need)
            elif value:
                origin = value.origin if len(giving) == 1 else f"{codes} of {first.file.sheet.name}"
                values[need.name] = CheckedValue(value.value, origin)
            if need.is_sum:
                self._record_moved(successor, members, need, f"{{}} for {self.years[0]}")
        return replace(first, code=successor, values=values)

    def _report_clash(self, successor: str, members: Sequence[_Member], need: NeededColumn) -> None:
        """Report members of a merger that differ in a column that cannot be added up, as an error if it is needed.

        Otherwise, it is a warning.
        """
        findings = members[0].row.file.findings
        codes = listed([member.code for member in members])
        message = (
            f"{need.name} differs between {codes}, which are {successor} in {self.years[0]}; only "
            "money and people can be added up"
        )
        if need.name in self.group.request.essential:
            remedy = f"Give {need.name} of {successor} with a year column"
            findings.error(FindingCode.NOT_SUMMED, message, remedy=remedy)
        else:
            findings.warning(FindingCode.NOT_SUMMED, f"{message}; it is left blank")

    def _report_mergers(self, movers: Mapping[str, Sequence[_Member]], after: Mapping[str, InputRow]) -> None:
        """Report how many closed organisations are counted with their successors, and the totals of each column."""
        mergers = [self.merger_sentence(successor) for successor in sorted(movers)]
        number = sum(map(len, movers.values()))
        self.group.findings.note(
            FindingCode.RESTATED,
            f"for {self.years[0]}, counted {counted(number, 'closed ' + self.group.request.organisation)} with "
            f"{'its' if number == 1 else 'their'} successor: {'; '.join([*mergers, *self._total_sentences(after)])}",
        )


def _column_total(rows: Mapping[str, InputRow], need: NeededColumn) -> Fraction:
    """Return the exact sum of a column, without blanks."""
    amounts = (row.number_of(need.name) for row in rows.values())
    return sum((Fraction(repr(amount)) for amount in amounts if amount is not None), Fraction())


def _in_unit(amount: float, need: NeededColumn) -> str:
    """Write a total of money or people: `£1,234.50`, `1,234 people`."""
    return money(amount, 2) if need.unit == "£" else f"{as_in_sheet(amount)} {need.unit}"


def _origin_of_members(members: Collection[_Member]) -> str:
    """Return the origin of a combined value by file, such as `A and 2/5 of B of people.csv`."""
    files: dict[str, list[str]] = {}
    for member in members:
        codes = files.setdefault(member.row.file.sheet.name, [])
        codes.append(part_of(member.fraction, member.code))
    return "; ".join(f"{listed(codes, _MOST_CODES)} of {file}" for file, codes in files.items())
