"""Checks before rows are restated on the organisations of a day: codes that are known, and mergers that are whole."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from gpit_fairshare.findings import FileFindings, FindingCode, FindingCollector
from gpit_fairshare.inputs.columns.cells import year_start
from gpit_fairshare.inputs.mergers.crosswalk import Crosswalk, day_in_words
from gpit_fairshare.words import listed, nearest

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from gpit_fairshare.inputs.tables.groups import Group
    from gpit_fairshare.inputs.tables.rows import InputRow

MOST_UNKNOWN: Final = 20
"""Unknown codes for which the nearest known code is looked up: more are no slips, and the search takes long."""


@dataclass(frozen=True)
class RowsOfYears:
    """The rows of a group that serve the same years, and the day on whose organisations they are restated."""

    group: Group
    rows: Mapping[str, InputRow]
    """By organisation."""
    years: Sequence[str]
    day: date
    crosswalk: Crosswalk

    @property
    def findings(self) -> FindingCollector:
        """Where to report."""
        return self.group.findings.collector

    @property
    def when(self) -> str:
        """The years, for a message: it ends in a space, or is empty for all years."""
        return "" if len(self.years) == len(self.group.request.years) else f"for {listed(self.years)} "

    def merger_sentence(self, successor: str) -> str:
        """Say how an organisation of the day came about."""
        return self.crosswalk.merger_sentence(successor, date.min, self.day)


# Restating all rows on the boundaries of a day.


def report_unfit_codes(of: RowsOfYears) -> set[str]:
    """Refuse codes that no crosswalk knows, or that began after the day; return them."""
    known = of.crosswalk.organisations
    unknown = sorted(set(of.rows) - set(known))
    later = sorted(code for code in set(of.rows) - set(unknown) if of.crosswalk.opened(code) > of.day)
    for code in unknown:
        near = nearest(code, known).rstrip("?") if len(unknown) <= MOST_UNKNOWN else ""
        of.findings.error(
            FindingCode.UNKNOWN_ORGANISATION,
            of.rows[code].where("org_code"),
            f"no crosswalk knows {code}{near}",
            "codes that a crosswalk has",
            "Correct the code, or give --crosswalk FILE with what became of it; "
            "a row of a code that is its own successor says that it stays as it is",
            organisation=code,
        )
    for code in later:
        opened = of.crosswalk.opened(code)
        olds = of.crosswalk.predecessors(code, opened)
        came = f" from {listed(olds)}, which cannot be told apart again" if olds else ""
        of.findings.error(
            FindingCode.UNKNOWN_ORGANISATION,
            of.rows[code].where("org_code"),
            f"{code} was not there on {day_in_words(of.day)}: it opened on {day_in_words(opened)}{came}",
            remedy=(f"Give the figures of {listed(olds)}, or " if olds else "Give ")
            + f"--boundaries {opened} or a later day",
            organisation=code,
        )
    return {*unknown, *later}


def check_whole(of: RowsOfYears, end: str, codes: Collection[str]) -> None:
    """Refuse an organisation beside what it went into, and a merger without one of its members.

    Args:
        of: the rows.
        end: an organisation of the day.
        codes: the organisations of the rows that go into it.
    """
    findings = of.rows[min(codes)].file.findings
    became = of.merger_sentence(end)
    for new in filter(of.crosswalk.began_by_merger, sorted(codes)):
        olds = sorted(of.crosswalk.origins(new, of.day).intersection(codes))
        if olds:
            findings.error(
                FindingCode.INCOMPLETE,
                f"{of.when}{listed(olds)} and their successor {new} are both in the file, and would be "
                f"counted twice in {end} ({became})",
                remedy="Take one of them out, or add a year column that says of which year each row is",
            )
    # Rows with a year are of the organisations of its first day; others may be of those of any day.
    at = year_start(of.years[0]) if all(of.rows[code].year for code in codes) else None
    missing = of.crosswalk.missing(end, of.day, of.rows, at)
    if end not in codes and not of.crosswalk.began_by_merger(end):
        missing.append(end)
    if not missing:
        return
    found = f"{of.when}{listed(missing)} is missing, so that the figures of {end} {{}} too low ({became})"
    if at is None or any(of.crosswalk.stands(code, at) for code in missing):
        remedy = "Add the rows that are missing, or take the others out"
        findings.error(FindingCode.INCOMPLETE, found.format("would be"), remedy=remedy)
    else:
        remedy = "See whether the other rows hold all that is meant"
        findings.warning(FindingCode.INCOMPLETE, found.format("may be"), remedy=remedy)


# Counting closed organisations with their successors, year by year.


def check_complete(of: RowsOfYears, successor: str, codes: Sequence[str]) -> None:
    """Refuse half a merger: a sum without one of its parts, or beside the whole."""
    findings = of.rows[codes[0]].file.findings
    year, became = of.years[0], of.merger_sentence(successor)
    missing = of.crosswalk.missing(successor, of.day, of.rows)
    if successor in of.rows:
        findings.error(
            FindingCode.INCOMPLETE,
            f"{listed(codes)} and their successor {successor} are both in the file, and for {year} "
            f"they would be counted twice ({became})",
            remedy="Add a year column that says of which year each row is",
        )
    elif missing:
        findings.error(
            FindingCode.INCOMPLETE,
            f"{listed(missing)} is missing, so that the figures of {successor} for {year} would be too low ({became})",
            remedy=f"Add the rows that are missing, or give {successor} with a year column",
        )


# No boundaries asked for.


def check_codes(rows: Mapping[str, InputRow], year: str, crosswalk: Crosswalk, findings: FindingCollector) -> None:
    """Point out codes that are hardly meant, where no boundaries are asked for and most codes are known.

    Args:
        rows: rows of one year by organisation.
        year: the year; rows that serve every year are not held against it.
        crosswalk: what knows the codes.
        findings: where to report.
    """
    unknown = [code for code in sorted(rows) if code not in crosswalk.organisations]
    if len(unknown) * 2 > len(rows):
        return  # other organisations than the crosswalk's: ICBs, practices, made-up ones
    for code in unknown:
        findings.warning(
            FindingCode.UNKNOWN_ORGANISATION,
            rows[code].where("org_code"),
            f"{code} is no code that is known, and {len(rows) - len(unknown):,} others are"
            f"{nearest(code, crosswalk.organisations).rstrip('?')}",
            "a code in use",
            "Correct the code if it is a slip",
            organisation=code,
        )
    for code, row in sorted(rows.items()):
        if row.year and code in crosswalk.organisations and not crosswalk.stands(code, year_start(year)):
            opened = crosswalk.opened(code)
            when = f"opened on {day_in_words(opened)}" if opened > year_start(year) else "had closed by then"
            findings.warning(
                FindingCode.UNKNOWN_ORGANISATION,
                row.where("org_code"),
                f"{code} has a row for {year} and {when}",
                "the organisations of the year",
                "Correct the year or the code, or restate all rows with --boundaries",
                organisation=code,
            )


# What mergers explain.


def report_changes(names: Mapping[str, Mapping[str, str]], crosswalk: Crosswalk, findings: FileFindings) -> None:
    """Say which organisations came and went between one year and the next.

    Args:
        names: for each year of the scheme, in order, the name of each organisation by code.
        crosswalk: what is known of mergers and splits.
        findings: about the files that say which organisations there are.
    """
    for earlier, later in pairwise(names):
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
                went = went - {step.predecessor for merger in mergers for step in merger}
        sentences += [f"new: {_called(came, known)}"] if came else []
        sentences += [f"gone: {_called(went, known)}"] if went else []
        findings.note(
            FindingCode.CHANGES,
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


def _called(codes: Iterable[str], names: Mapping[str, str]) -> str:
    return listed([f"{names[code]} ({code})" if names[code] else code for code in sorted(codes)], 20)
