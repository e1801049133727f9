"""Checks before rows are restated for the organisations of a day: codes are known, and no merger misses a member."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from gpit_fairshare.findings import FileFindings, FindingCode, FindingCollector
from gpit_fairshare.inputs.columns.cells import year_start
from gpit_fairshare.inputs.mergers.crosswalk import Crosswalk, day_in_words
from gpit_fairshare.words import counted, listed, nearest

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from gpit_fairshare.inputs.tables.groups import Group
    from gpit_fairshare.inputs.tables.rows import InputRow

MOST_UNKNOWN: Final = 20
"""Most unknown codes for which the nearest known code is looked up: more are not typing errors, and it is slow."""


@dataclass(frozen=True)
class RowsOfYears:
    """The rows of a group that are used for the same years, and the day whose organisations they are restated for."""

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
        """The years for a message, with a space at the end; empty for all years."""
        return "" if len(self.years) == len(self.group.request.years) else f"for {listed(self.years)} "

    def merger_sentence(self, successor: str) -> str:
        """Return a sentence about the mergers that formed an organisation by the day; empty if there are none."""
        return self.crosswalk.merger_sentence(successor, date.min, self.day)


# Restating all rows on the boundaries of a day.


def report_unfit_codes(restatement: RowsOfYears) -> set[str]:
    """Report codes that no crosswalk knows, or that opened after the day, as errors; return both.

    The nearest known code is suggested if at most 20 are unknown.
    """
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
            f"{code} is not in a crosswalk{suggestion}",
            "codes that are in a crosswalk",
            "Correct the code, or give its successor (itself, if it stays the same) with --crosswalk FILE",
            organisation=code,
        )
    for code in later:
        opened = restatement.crosswalk.opened(code)
        predecessors = restatement.crosswalk.predecessors(code, opened)
        origin = f" from {listed(predecessors)}, whose figures cannot be separated again" if predecessors else ""
        restatement.findings.error(
            FindingCode.UNKNOWN_ORGANISATION,
            restatement.rows[code].where("org_code"),
            f"{code} did not exist on {day_in_words(restatement.day)}: it opened on {day_in_words(opened)}{origin}",
            remedy=(f"Give the figures of {listed(predecessors)}, or " if predecessors else "Give ")
            + f"--boundaries {opened} or a later day",
            organisation=code,
        )
    return {*unknown, *later}


def check_day_merger(restatement: RowsOfYears, end: str, codes: Collection[str]) -> None:
    """Report an organisation in the same file as its successor, and a merger without one of its members.

    The second is only a warning if the missing member did not exist on the first day of the rows' year.

    Args:
        restatement: the rows to restate.
        end: an organisation of the day.
        codes: the organisations whose rows go into it.
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
                remedy="Delete one of them, or add a year column with the year of each row",
            )
    # Rows with a year have the organisations of its first day; other rows may have those of any day.
    first_day = year_start(restatement.years[0]) if all(restatement.rows[code].year for code in codes) else None
    missing = restatement.crosswalk.missing(end, restatement.day, restatement.rows, first_day)
    if end not in codes and not restatement.crosswalk.is_formed_by_merger(end):
        missing.append(end)
    if not missing:
        return
    message = f"{restatement.when}no row for {listed(missing)}, so the figures of {end} {{}} too low ({became})"
    if first_day is None or any(restatement.crosswalk.is_open(code, first_day) for code in missing):
        remedy = "Add the missing rows, or delete the other rows of this merger"
        findings.error(FindingCode.INCOMPLETE, message.format("would be"), remedy=remedy)
    else:
        remedy = "Check whether the other rows include its figures"
        findings.warning(FindingCode.INCOMPLETE, message.format("may be"), remedy=remedy)


# Counting closed organisations with their successors, year by year.


def check_year_merger(restatement: RowsOfYears, successor: str, codes: Sequence[str]) -> None:
    """Report a merger of closed organisations that is not complete: a member is missing, or the successor has a row.

    Args:
        restatement: the rows without a year, to count with their successors.
        successor: the organisation of the year.
        codes: the closed organisations whose rows go into it.
    """
    findings = restatement.rows[codes[0]].file.findings
    year, became = restatement.years[0], restatement.merger_sentence(successor)
    missing = restatement.crosswalk.missing(successor, restatement.day, restatement.rows)
    if successor in restatement.rows:
        findings.error(
            FindingCode.INCOMPLETE,
            f"{listed(codes)} and their successor {successor} are both in the file, and for {year} "
            f"they would be counted twice ({became})",
            remedy="Add a year column with the year of each row",
        )
    elif missing:
        findings.error(
            FindingCode.INCOMPLETE,
            f"no row for {listed(missing)}, so the figures of {successor} for {year} would be too low ({became})",
            remedy=f"Add the missing rows, or give {successor} with a year column",
        )


# Without --boundaries.


def check_codes(rows: Mapping[str, InputRow], year: str, crosswalk: Crosswalk, findings: FindingCollector) -> None:
    """Warn of codes that are not known, or not open in their year. Only if at least half of the codes are known.

    For runs without `--boundaries`.

    Args:
        rows: rows of one year by organisation.
        year: the year; rows without a year are not compared with it.
        crosswalk: the known codes.
        findings: where to report.
    """
    unknown = [code for code in sorted(rows) if code not in crosswalk.organisations]
    if len(unknown) * 2 > len(rows):
        return  # organisations that the crosswalk does not cover: ICBs, practices, invented codes
    for code in unknown:
        findings.warning(
            FindingCode.UNKNOWN_ORGANISATION,
            rows[code].where("org_code"),
            f"{code} is not a known code; {counted(len(rows) - len(unknown), 'other code')} in this file "
            f"{'is' if len(rows) - len(unknown) == 1 else 'are'}{nearest(code, crosswalk.organisations).rstrip('?')}",
            "a known code",
            "Correct the code if it is a typing error",
            organisation=code,
        )
    for code, row in sorted(rows.items()):
        if row.year and code in crosswalk.organisations and not crosswalk.is_open(code, year_start(year)):
            opened = crosswalk.opened(code)
            when = f"opened on {day_in_words(opened)}" if opened > year_start(year) else "had already closed"
            findings.warning(
                FindingCode.UNKNOWN_ORGANISATION,
                row.where("org_code"),
                f"{code} has a row for {year} but {when}",
                "organisations of that year",
                "Correct the year or the code, or restate all rows with --boundaries",
                organisation=code,
            )


# Texts about mergers.


def report_code_changes(names: Mapping[str, Mapping[str, str]], crosswalk: Crosswalk, findings: FileFindings) -> None:
    """Note which organisations opened, closed or merged between one year and the next.

    Members of a merger are named in its sentence only; the others are listed as new or gone. Years without
    organisations are not compared.

    Args:
        names: for each year of the scheme, in order, the name of each organisation by code.
        crosswalk: the known mergers and splits.
        findings: of the files that list the organisations.
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
        sentences += [f"new: {_codes_with_names(new_codes, names_by_code)}"] if new_codes else []
        sentences += [f"gone: {_codes_with_names(gone_codes, names_by_code)}"] if gone_codes else []
        findings.note(
            FindingCode.CHANGES,
            f"{len(earlier_names):,} in {earlier} and {len(later_names):,} in {later}: {'; '.join(sentences)}",
        )


def merger_hint(code: str, year: str, others: Collection[str], crosswalk: Crosswalk) -> str:
    """Return a sentence about the merger that links a code with the codes of another file; empty if there is none.

    Args:
        code: a code that only one of the files has.
        year: mergers up to its first day are looked at.
        others: the codes of the other file.
        crosswalk: the known mergers and splits.
    """
    until = year_start(year)
    successors = list(crosswalk.shares(code, date.min, until))
    relatives = crosswalk.predecessors(code, until) if successors == [code] else successors
    if not any(relative in others for relative in relatives):
        return ""
    return "; ".join(crosswalk.merger_sentence(successor, date.min, until) for successor in successors)


def _codes_with_names(codes: Iterable[str], names: Mapping[str, str]) -> str:
    """Return up to 20 codes as one text, sorted, each after its name if it has one; the others are counted."""
    return listed([f"{names[code]} ({code})" if names[code] else code for code in sorted(codes)], 20)
