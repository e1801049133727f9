"""Organisations that merge: who came and went, and figures restated from the old ones to the new."""

from __future__ import annotations

from datetime import date
from itertools import pairwise
from typing import TYPE_CHECKING

from gpit_fairshare.findings import FindingCode, Where
from gpit_fairshare.inputs.cells import year_start
from gpit_fairshare.inputs.groups import Placed
from gpit_fairshare.inputs.model import Restated
from gpit_fairshare.inputs.rows import Row, Value
from gpit_fairshare.inputs.sums import Clash, combined, exact_total
from gpit_fairshare.words import counted, listed, pounds

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from gpit_fairshare.findings import FindingCollector
    from gpit_fairshare.inputs.crosswalk import Crosswalk
    from gpit_fairshare.inputs.groups import Group
    from gpit_fairshare.inputs.model import Need, Request


class Restating:
    """Counts the figures of closed organisations with their successors, one group and year at a time.

    Only rows without a year are restated: a row that says of which year it is stands as it is.
    """

    def __init__(
        self, group: Group, year: str, request: Request, crosswalk: Crosswalk, findings: FindingCollector
    ) -> None:
        self.group = group
        self.year = year
        self.request = request
        self.crosswalk = crosswalk
        self.findings = findings
        self.until = year_start(year)
        self.moved: list[Restated] = []

    def rows(self, standing: Collection[str]) -> dict[str, Placed]:
        """Return the rows of the year by organisation, as of the organisations that stand in it."""
        before = self.group.rows[self.year]
        movers = self._movers(before, standing)
        if not movers:
            return before
        moving = {placed.row.code for members in movers.values() for placed in members}
        after = {code: placed for code, placed in before.items() if code not in moving}
        for successor, members in sorted(movers.items()):
            self._check_complete(successor, members, before)
            after.setdefault(successor, self._merged(successor, members))
        self._report(movers, before, after)
        return after

    def _movers(self, rows: Mapping[str, Placed], standing: Collection[str]) -> dict[str, list[Placed]]:
        """Return the rows of closed organisations by the successor that stands in the year."""
        strangers = sorted(code for code, placed in rows.items() if not placed.row.year and code not in standing)
        movers: dict[str, list[Placed]] = {}
        for code in strangers:
            successors = list(self.crosswalk.shares(code, date.min, self.until))
            if len(successors) > 1:
                self._report_split(rows[code], successors)
            elif successors[0] in standing:
                movers.setdefault(successors[0], []).append(rows[code])
        return movers

    def _report_split(self, placed: Placed, successors: Sequence[str]) -> None:
        self.findings.error(
            FindingCode.SPLIT,
            placed.part.where(placed.row.number, "org_code"),
            f"by {self.year} {placed.row.code} had split into {listed(successors)}",
            remedy=f"Say with --boundaries {self.year} that all figures are to be restated, "
            "or give those of the successors",
        )

    def _check_complete(self, successor: str, members: Sequence[Placed], rows: Mapping[str, Placed]) -> None:
        """Refuse half a merger: a sum without one of its parts, or beside the whole."""
        codes = [placed.row.code for placed in members]
        where = Where(members[0].part.sheet.name)
        became = self.crosswalk.merger_sentence(successor, date.min, self.until)
        missing = self.crosswalk.missing(successor, self.until, rows)
        if successor in rows:
            self.findings.error(
                FindingCode.INCOMPLETE,
                where,
                f"{listed(codes)} and their successor {successor} are both in the file, and for {self.year} "
                f"they would be counted twice ({became})",
                remedy="Add a year column that says of which year each row is",
            )
        elif missing:
            self.findings.error(
                FindingCode.INCOMPLETE,
                where,
                f"{listed(missing)} is missing, so that the figures of {successor} for {self.year} would be "
                f"too low ({became})",
                remedy=f"Add the rows that are missing, or give {successor} with a year column",
            )

    def _merged(self, successor: str, members: Sequence[Placed]) -> Placed:
        """Bring the rows of merged organisations together."""
        part = members[0].part
        codes = [placed.row.code for placed in members]
        values: dict[str, Value] = {}
        for need in self.group.gives.values():
            cells = [placed.row.values[need.name] for placed in members if need.name in placed.row.values]
            value = combined(cells, need, part.sheet.file) if cells else None
            if isinstance(value, Clash):
                self._report_clash(successor, codes, need, part.sheet.name)
            elif value:
                origin = value.origin if len(cells) == 1 else f"{listed(codes, 40)} of {part.sheet.name}"
                values[need.name] = Value(value.value, origin)
            if need.is_sum:
                self._record(successor, members, need)
        return Placed(Row(members[0].row.number, None, successor, values), part)

    def _record(self, successor: str, members: Sequence[Placed], need: Need) -> None:
        amounts = {placed.row.code: placed.row.number_of(need.name) for placed in members}
        given = {code: amount for code, amount in amounts.items() if amount is not None}
        self.moved += [Restated(self.year, code, successor, need.name, amount) for code, amount in given.items()]
        if 0 < len(given) < len(members):
            self.findings.warning(
                FindingCode.PARTLY_BLANK,
                Where(members[0].part.sheet.name, column=need.name),
                f"{need.name} is blank for {listed(sorted(set(amounts) - set(given)))} and so not in the sum "
                f"of {successor} for {self.year}",
                organisation=successor,
            )

    def _report_clash(self, successor: str, codes: Sequence[str], need: Need, file: str) -> None:
        found = (
            f"{need.name} differs between {listed(codes)}, which are {successor} in {self.year}, and only "
            "money and people can be added up"
        )
        if need.name in self.request.essential:
            self.findings.error(
                FindingCode.NOT_SUMMED,
                Where(file),
                found,
                remedy=f"Give {need.name} of {successor} with a year column",
            )
        else:
            self.findings.warning(FindingCode.NOT_SUMMED, Where(file), f"{found}; it is left blank")

    def _report(
        self,
        movers: Mapping[str, Sequence[Placed]],
        before: Mapping[str, Placed],
        after: Mapping[str, Placed],
    ) -> None:
        mergers = [self.crosswalk.merger_sentence(successor, date.min, self.until) for successor in sorted(movers)]
        totals = [
            f"{need.name} adds up to {in_unit(_total(before, need), need)} before and "
            f"{in_unit(_total(after, need), need)} after"
            for need in self.group.gives.values()
            if need.is_sum
        ]
        number = sum(map(len, movers.values()))
        self.findings.note(
            FindingCode.RESTATED,
            Where(self.group.name),
            f"for {self.year} counted {counted(number, 'closed ' + self.request.organisation)} with "
            f"{'its' if number == 1 else 'their'} successor: {'; '.join([*mergers, *totals])}",
        )


def report_changes(
    years: Sequence[str],
    names: Mapping[str, Mapping[str, str]],
    crosswalk: Crosswalk,
    findings: FindingCollector,
    file: str,
) -> None:
    """Say which organisations came and went between one year and the next.

    Args:
        years: years of the scheme, in order.
        names: for each year, the name of each organisation by code.
        crosswalk: what is known of mergers and splits.
        findings: where to report.
        file: the files that say which organisations there are.
    """
    for earlier, later in pairwise(years):
        old, new = names[earlier], names[later]
        came, went = set(new) - set(old), set(old) - set(new)
        if not old or not new or not (came or went):
            continue
        known = {**old, **new}
        after, until = year_start(earlier), year_start(later)
        sentences = []
        for code in sorted(came):
            mergers = crosswalk.mergers(code, after, until)
            if mergers:
                sentences.append(crosswalk.merger_sentence(code, after, until, known))
                came = came - {code}
                went = went - {old_code for merger in mergers for old_code in merger.predecessors}
        sentences += [f"new: {_called(came, known)}"] if came else []
        sentences += [f"gone: {_called(went, known)}"] if went else []
        findings.note(
            FindingCode.CHANGES,
            Where(file),
            f"{len(old):,} in {earlier} and {len(new):,} in {later}: {'; '.join(sentences)}",
        )


def merger_hint(code: str, year: str, others: Collection[str], crosswalk: Crosswalk) -> str:
    """Say which merger stands between an organisation and those of another file; empty if none does."""
    until = year_start(year)
    successors = list(crosswalk.shares(code, date.min, until))
    relatives = crosswalk.predecessors(code, until) if successors == [code] else successors
    if not any(relative in others for relative in relatives):
        return ""
    return "; ".join(crosswalk.merger_sentence(successor, date.min, until) for successor in successors)


def _total(rows: Mapping[str, Placed], need: Need) -> float:
    amounts = (placed.row.number_of(need.name) for placed in rows.values())
    return exact_total(amount for amount in amounts if amount is not None)


def in_unit(amount: float, need: Need) -> str:
    """Write a total of money or people: `£1,234.50`, `1,234 people`."""
    return pounds(amount) if need.unit == "£" else f"{amount:,.15g} {need.unit}"


def _called(codes: Iterable[str], names: Mapping[str, str]) -> str:
    return listed([f"{names[code]} ({code})" if names[code] else code for code in sorted(codes)], 20)
