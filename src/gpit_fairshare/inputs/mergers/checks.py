"""Checks before restating rows on the organisations of a day: every code is known, and no merger misses a member."""

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
"""Unknown codes for which the nearest known code is looked up: more are no typing errors, and the search is slow."""


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
        """Return a sentence about how an organisation of the day came about."""
        return self.crosswalk.merger_sentence(successor, date.min, self.day)


# Restating all rows on the boundaries of a day.


def report_unfit_codes(restatement: RowsOfYears) -> set[str]:
    """Refuse codes that no crosswalk knows, or that began after the day; return them."""
    organisations = restatement.crosswalk.organisations
    unknown = sorted(set(restatement.rows) - set(organisations))
    later = sorted(
        code for code in set(restatement.rows) - set(unknown) if restatement.crosswalk.opened(code) > restatement.day
    )
    for code in unknown:
        suggestion = nearest(code, organisations).rstrip("?") if len(unknown) <= MOST_UNKNOWN else ""
        restatement.findings.error(
            FindingCode.UNKNOWN_ORGANISATION,
            restatement.rows[code].where("org_code"),
            f"no crosswalk knows {code}{suggestion}",
            "codes that a crosswalk has",
            "Correct the code, or give --crosswalk FILE with what became of it; "
            "a row of a code that is its own successor says that it stays as it is",
            organisation=code,
        )
    for code in later:
        opened = restatement.crosswalk.opened(code)
        predecessors = restatement.crosswalk.predecessors(code, opened)
        origin = f" from {listed(predecessors)}, which cannot be told apart again" if predecessors else ""
        restatement.findings.error(
            FindingCode.UNKNOWN_ORGANISATION,
            restatement.rows[code].where("org_code"),
            f"{code} was not there on {day_in_words(restatement.day)}: it opened on {day_in_words(opened)}{origin}",
            remedy=(f"Give the figures of {listed(predecessors)}, or " if predecessors else "Give ")
            + f"--boundaries {opened} or a later day",
            organisation=code,
        )
    return {*unknown, *later}


def check_whole(restatement: RowsOfYears, end: str, codes: Collection[str]) -> None:
    """Refuse an organisation beside its successor, and a merger without one of its members.

    Args:
        restatement: the rows to restate.
        end: an organisation of the day.
        codes: the organisations of the rows that go into it.
    """
    findings = restatement.rows[min(codes)].file.findings
    became = restatement.merger_sentence(end)
    for successor in filter(restatement.crosswalk.is_formed_by_merger, sorted(codes)):
        predecessors = sorted(restatement.crosswalk.origins(successor, restatement.day).intersection(codes))
        if predecessors:
            findings.error(
                FindingCode.INCOMPLETE,
                f"{restatement.when}{listed(predecessors)} and their successor {successor} are both in the file, "
                f"and would be counted twice in {end} ({became})",
                remedy="Take one of them out, or add a year column that says of which year each row is",
            )
    # Rows with a year are of the organisations of its first day; others may be of those of any day.
    first_day = year_start(restatement.years[0]) if all(restatement.rows[code].year for code in codes) else None
    missing = restatement.crosswalk.missing(end, restatement.day, restatement.rows, first_day)
    if end not in codes and not restatement.crosswalk.is_formed_by_merger(end):
        missing.append(end)
    if not missing:
        return
    message = f"{restatement.when}{listed(missing)} is missing, so that the figures of {end} {{}} too low ({became})"
    if first_day is None or any(restatement.crosswalk.is_open(code, first_day) for code in missing):
        remedy = "Add the rows that are missing, or take the others out"
        findings.error(FindingCode.INCOMPLETE, message.format("would be"), remedy=remedy)
    else:
        remedy = "See whether the other rows hold all that is meant"
        findings.warning(FindingCode.INCOMPLETE, message.format("may be"), remedy=remedy)


# Counting closed organisations with their successors, year by year.


def check_complete(restatement: RowsOfYears, successor: str, codes: Sequence[str]) -> None:
    """Refuse half a merger: a sum without one of its parts, or beside the whole."""
    findings = restatement.rows[codes[0]].file.findings
    year, became = restatement.years[0], restatement.merger_sentence(successor)
    missing = restatement.crosswalk.missing(successor, restatement.day, restatement.rows)
    if successor in restatement.rows:
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
    """Point out codes that are probably wrong, where no boundaries are asked for and most codes are known.

    Args:
        rows: rows of one year by organisation.
        year: the year; rows that serve every year are not compared with it.
        crosswalk: the known codes.
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
        if row.year and code in crosswalk.organisations and not crosswalk.is_open(code, year_start(year)):
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
    """Report which organisations came and went between one year and the next.

    Args:
        names: for each year of the scheme, in order, the name of each organisation by code.
        crosswalk: the known mergers and splits.
        findings: about the files that say which organisations there are.
    """
    for earlier, later in pairwise(names):
        earlier_names, later_names = names[earlier], names[later]
        new_codes, gone_codes = set(later_names) - set(earlier_names), set(earlier_names) - set(later_names)
        if not earlier_names or not later_names or not (new_codes or gone_codes):
            continue
        names_by_code = {**earlier_names, **later_names}
        after, until = year_start(earlier), year_start(later)
        sentences = []
        for code in sorted(new_codes):
            mergers = crosswalk.mergers(code, after, until)
            if mergers:
                sentences.append(crosswalk.merger_sentence(code, after, until, names_by_code))
                new_codes = new_codes - {code}
                gone_codes = gone_codes - {step.predecessor for merger in mergers for step in merger}
        sentences += [f"new: {_labels(new_codes, names_by_code)}"] if new_codes else []
        sentences += [f"gone: {_labels(gone_codes, names_by_code)}"] if gone_codes else []
        findings.note(
            FindingCode.CHANGES,
            f"{len(earlier_names):,} in {earlier} and {len(later_names):,} in {later}: {'; '.join(sentences)}",
        )


def merger_hint(code: str, year: str, others: Collection[str], crosswalk: Crosswalk) -> str:
    """Return a sentence about the merger that links an organisation with those of another file; empty if none does."""
    until = year_start(year)
    successors = list(crosswalk.shares(code, date.min, until))
    relatives = crosswalk.predecessors(code, until) if successors == [code] else successors
    if not any(relative in others for relative in relatives):
        return ""
    return "; ".join(crosswalk.merger_sentence(successor, date.min, until) for successor in successors)


def _labels(codes: Iterable[str], names: Mapping[str, str]) -> str:
    return listed([f"{names[code]} ({code})" if names[code] else code for code in sorted(codes)], 20)
