"""Rows of any year restated on the organisations of one day: merged, split, and nothing lost.

Money and people are added up, or shared out by the fractions of a split to the last penny and person.
Rates are not: nobody can say what the rate of a whole is from the rates of its parts alone, nor that of
a part from its whole. They are kept where whole organisations agree on them, and left to the scheme's
steps to work out anew elsewhere.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime
from fractions import Fraction
from functools import cached_property
from typing import TYPE_CHECKING, Final, NamedTuple

from gpit_fairshare.errors import UsageError
from gpit_fairshare.findings import FindingCode, Where
from gpit_fairshare.inputs.cells import parse_day, parse_year, year_start
from gpit_fairshare.inputs.crosswalk import WHOLE, day_in_words, part_of
from gpit_fairshare.inputs.groups import Placed
from gpit_fairshare.inputs.model import Restated
from gpit_fairshare.inputs.restating import in_unit
from gpit_fairshare.inputs.rows import Row, Value
from gpit_fairshare.inputs.standing import Standing
from gpit_fairshare.inputs.sums import Clash, combined, exact_total, portions
from gpit_fairshare.words import counted, listed

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from gpit_fairshare.findings import FindingCollector
    from gpit_fairshare.inputs.crosswalk import Crosswalk
    from gpit_fairshare.inputs.groups import Group
    from gpit_fairshare.inputs.model import Need, Request
    from gpit_fairshare.inputs.spend import Line

_HALF_A_PENNY: Final = Fraction(1, 200)


def boundary_date(given: str | date) -> date:
    """Read the day whose organisations are asked for: `2020-04-01`, or `2020/21` for 1 April 2020.

    Raises:
        UsageError: it is neither.
    """
    if isinstance(given, datetime):
        return given.date()
    if isinstance(given, date):
        return given
    text = given.strip()
    day = parse_day(text)
    if day:
        return day
    if parse_year(text) == text:
        return year_start(text)
    raise UsageError(
        f"--boundaries {given}: expected a date such as 2020-04-01, "
        "or a financial year such as 2020/21, which means its first day"
    )


def lines_on_boundaries(lines: Iterable[Line], crosswalk: Crosswalk, day: date) -> list[Line]:
    """Return lines of cost as of the organisations of a day; of one that split, a line for each successor."""
    restated: list[Line] = []
    for line in lines:
        shares = crosswalk.shares(line.org_code, date.min, day)
        if line.org_code in shares:
            restated.append(line)
        else:
            restated += [
                replace(line, org_code=code, amount=part, predecessor=line.org_code)
                for code, part in portions(line.amount, shares, "£").items()
            ]
    return restated


class Boundaries:
    """Restates groups of rows on the organisations of a day, whatever the year of the rows."""

    def __init__(self, day: date, request: Request, crosswalk: Crosswalk, findings: FindingCollector) -> None:
        self.day = day
        self.request = request
        self.crosswalk = crosswalk
        self.findings = findings
        self.moved: list[Restated] = []
        self.successors: set[str] = set()
        """Organisations that took in others."""

    def restate(self, group: Group, lines: Sequence[Line]) -> None:
        """Put the organisations of the day in the place of those of the file, in every year.

        Args:
            group: its rows by year are replaced.
            lines: all lines of cost as they were read; a split shares out each, not their sum.
        """
        # Rows that serve several years are restated, and reported, once.
        alike: list[tuple[dict[str, Placed], list[str]]] = []
        for year in self.request.years:
            years = next((years for rows, years in alike if rows == group.rows[year]), None)
            if years is None:
                alike.append((group.rows[year], [year]))
            else:
                years.append(year)
        for rows, years in alike:
            if not rows:
                continue
            after = _Restatement(self, group, rows, years, lines).rows_after()
            for year in years:
                group.rows[year] = after

    def report(self) -> None:
        """Say once for the run what became of whom."""
        mergers = [self.crosswalk.merger_sentence(code, date.min, self.day) for code in sorted(self.successors)]
        if mergers:
            self.findings.note(FindingCode.BOUNDARIES, Where(), "; ".join(mergers))


class _Member(NamedTuple):
    """A row that goes into an organisation, and how much of it."""

    placed: Placed
    fraction: Fraction

    @property
    def code(self) -> str:
        return self.placed.row.code


class _Restatement:
    """The rows of one group that serve the same years, before and after."""

    def __init__(
        self,
        to: Boundaries,
        group: Group,
        rows: Mapping[str, Placed],
        years: Sequence[str],
        lines: Sequence[Line],
    ) -> None:
        self.to = to
        self.group = group
        self.rows = rows
        self.years = years
        self.lines = lines
        self.walk = to.crosswalk
        self.when = "" if len(years) == len(to.request.years) else f"for {listed(years)} "
        self._clashes: dict[str, list[str]] = {}

    def rows_after(self) -> dict[str, Placed]:
        """Return the rows by the organisations of the day, the same money and people in all."""
        standing = Standing(self.rows, self.years[0], self.when, self.to.day, self.walk, self.to.findings)
        unfit = standing.unfit()
        members: dict[str, list[_Member]] = {}
        for code in sorted(self.rows):
            shares = {code: WHOLE} if code in unfit else self.walk.shares(code, date.min, self.to.day)
            for end, fraction in shares.items():
                members.setdefault(end, []).append(_Member(self.rows[code], fraction))
        after: dict[str, Placed] = {}
        for end, there in sorted(members.items()):
            if [member.code for member in there] == [end]:
                after[end] = there[0].placed
                continue
            standing.check_whole(end, [member.code for member in there])
            after[end] = self._merged(end, there)
            self.to.successors.add(end)
        self._report_clashes()
        self._report(after)
        return after

    def _merged(self, end: str, members: Sequence[_Member]) -> Placed:
        """Bring together what goes into one organisation."""
        values: dict[str, Value] = {}
        for need in self.group.gives.values():
            there = [member for member in members if need.name in member.placed.row.values]
            if not there:
                continue
            if need.is_sum:
                values[need.name] = self._sum(end, there, need)
            else:
                value = self._agreed(there, need)
                if value is None:
                    self._clashes.setdefault(need.name, []).append(end)
                else:
                    values[need.name] = Value(value.value, _origin(there))
        name = self.walk.name(end) or next(
            (one.placed.row.text_of("org_name") for one in members if one.code == end), ""
        )
        values["org_name"] = Value(name or None, "the crosswalk")
        first = members[0].placed
        return Placed(Row(first.row.number, first.row.year, end, values), first.part)

    def _sum(self, end: str, members: Sequence[_Member], need: Need) -> Value:
        """Add up the parts that go into an organisation, and keep a record of each."""
        parts = {member.code: self._parts[member.code, need.name].get(end) for member in members}
        given = {code: part for code, part in parts.items() if part is not None}
        self.to.moved += [
            Restated(year, code, end, need.name, part)
            for year in self.years
            for code, part in given.items()
            if code != end
        ]
        if 0 < len(given) < len(parts):
            blank = listed(sorted(set(parts) - set(given)))
            where = Where(members[0].placed.part.sheet.name, column=need.name)
            found = f"{self.when}{need.name} is blank for {blank} and so not in the sum of {end}"
            self.to.findings.warning(FindingCode.PARTLY_BLANK, where, found, organisation=end)
        return Value(exact_total(given.values()) if given else None, _origin(members))

    @cached_property
    def _parts(self) -> dict[tuple[str, str], dict[str, float]]:
        """What each organisation of the day gets of each amount, by code and column; empty for a blank."""
        found: dict[tuple[str, str], dict[str, float]] = {}
        for code, (row, part) in self.rows.items():
            shares = self.walk.shares(code, date.min, self.to.day)
            for need in self.group.gives.values():
                amount = row.number_of(need.name)
                if not need.is_sum or amount is None:
                    found[code, need.name] = {}
                elif need.name == "historic_spend" and part.has_lines and len(shares) > 1:
                    found[code, need.name] = self._parts_of_lines(code, shares)
                else:
                    found[code, need.name] = portions(amount, shares, need.unit)
        return found

    def _parts_of_lines(self, code: str, shares: Mapping[str, Fraction]) -> dict[str, float]:
        """Share out each line that counts, so that the sums are those of the restated lines."""
        mine = [
            portions(line.amount, shares, "£")
            for line in self.lines
            if line.org_code == code and line.year in (None, self.years[0]) and not line.excluded
        ]
        return {end: exact_total(parts[end] for parts in mine) for end in shares}

    def _agreed(self, members: Sequence[_Member], need: Need) -> Value | None:
        """Return the value that all members have; None if they differ, or the rate of a part is wanted."""
        if need.kind == "number" and any(member.fraction != 1 for member in members):
            return None
        values = [member.placed.row.values[need.name] for member in members]
        value = combined(values, need, members[0].placed.part.sheet.file)
        return None if isinstance(value, Clash) else value

    def _report_clashes(self) -> None:
        for column, ends in sorted(self._clashes.items()):
            number = self.group.gives[column].kind == "number"
            why = "is a rate or has no unit, and differs or is of a part" if number else "differs"
            found = f"{self.when}{column} {why} between the predecessors of {listed(ends)}"
            if column in self.to.request.essential:
                remedy = f"Give {column} of {listed(ends)} in a file of their own codes, without the predecessors"
                only = "; only money and people can be added up"
                self.to.findings.error(FindingCode.NOT_SUMMED, Where(self.group.name), found + only, remedy=remedy)
            else:
                self.to.findings.warning(
                    FindingCode.NOT_SUMMED, Where(self.group.name), f"{found}; it is left blank there"
                )

    def _report(self, after: Mapping[str, Placed]) -> None:
        """Say how many organisations and how much of each column there is, before and after."""
        totals = []
        for need in self.group.gives.values():
            if need.is_sum:
                before, now = _total(self.rows.values(), need), _total(after.values(), need)
                # Above a quadrillion floats hold no pennies; below it the second bound is the smaller.
                if abs(before - now) >= max(_HALF_A_PENNY, abs(before) / 10**14):
                    raise ArithmeticError(f"{need.name} of {self.group.name} was {before} and became {now}")
                sums = [in_unit(float(total), need) for total in (before, now)]
                totals.append(f"{need.name} adds up to {sums[0]} before and {sums[1]} after")
        one, day = self.to.request.organisation, day_in_words(self.to.day)
        if set(after) == set(self.rows):
            done = f"{counted(len(after), one)} on the boundaries of {day} already"
        else:
            done = f"restated {counted(len(self.rows), one)} as {len(after):,} on the boundaries of {day}"
        self.to.findings.note(
            FindingCode.BOUNDARIES, Where(self.group.name), f"{self.when}{'; '.join([done, *totals])}"
        )


def _total(rows: Iterable[Placed], need: Need) -> Fraction:
    amounts = (placed.row.number_of(need.name) for placed in rows)
    return sum((Fraction(repr(amount)) for amount in amounts if amount is not None), Fraction())


def _origin(members: Collection[_Member]) -> str:
    """Name the predecessors, how much of each, and the files that they stand in."""
    files: dict[str, list[str]] = {}
    for member in members:
        codes = files.setdefault(member.placed.part.sheet.name, [])
        codes.append(part_of(member.fraction, member.code))
    return "; ".join(f"{listed(codes, 40)} of {file}" for file, codes in files.items())
