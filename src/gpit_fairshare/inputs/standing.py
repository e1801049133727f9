"""Whether rows can stand on the boundaries of a day: codes that are known, and mergers that are whole."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Final

from gpit_fairshare.findings import FindingCode, Where
from gpit_fairshare.inputs.cells import year_start
from gpit_fairshare.inputs.crosswalk import day_in_words
from gpit_fairshare.words import listed, nearest

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from gpit_fairshare.findings import FindingCollector
    from gpit_fairshare.inputs.crosswalk import Crosswalk
    from gpit_fairshare.inputs.groups import Placed

MOST_UNKNOWN: Final = 20
"""Unknown codes for which the nearest known code is looked up: more are no slips, and the search takes long."""


class Standing:
    """Checks the rows of one group, which serve the same years, before they are restated.

    `when` says in messages which years these are; it ends in a space, or is empty for all years.
    """

    def __init__(
        self,
        rows: Mapping[str, Placed],
        year: str,
        when: str,
        day: date,
        crosswalk: Crosswalk,
        findings: FindingCollector,
    ) -> None:
        self.rows = rows
        self.year = year
        self.when = when
        self.day = day
        self.crosswalk = crosswalk
        self.findings = findings

    def unfit(self) -> set[str]:
        """Report codes that nobody knows, or that began after the day; return them."""
        unknown = sorted(set(self.rows) - set(self.crosswalk.organisations))
        later = sorted(code for code in set(self.rows) - set(unknown) if self.crosswalk.opened(code) > self.day)
        for code in unknown:
            near = nearest(code, self.crosswalk.organisations).rstrip("?") if len(unknown) <= MOST_UNKNOWN else ""
            self._report_unknown(code, f"no crosswalk knows {code}{near}")
        for code in later:
            self._report_later(code)
        return {*unknown, *later}

    def _report_unknown(self, code: str, found: str) -> None:
        self.findings.error(
            FindingCode.UNKNOWN_ORGANISATION,
            self._where(code),
            found,
            "codes that a crosswalk has",
            "Correct the code, or give --crosswalk FILE with what became of it; "
            "a row of a code that is its own successor says that it stays as it is",
            organisation=code,
        )

    def _report_later(self, code: str) -> None:
        opened = self.crosswalk.opened(code)
        olds = self.crosswalk.predecessors(code, opened)
        came = f" from {listed(olds)}, which cannot be told apart again" if olds else ""
        self.findings.error(
            FindingCode.UNKNOWN_ORGANISATION,
            self._where(code),
            f"{code} was not there on {day_in_words(self.day)}: it opened on {day_in_words(opened)}{came}",
            remedy=(f"Give the figures of {listed(olds)}, or " if olds else "Give ")
            + f"--boundaries {opened} or a later day",
        )

    def _where(self, code: str) -> Where:
        row, part = self.rows[code]
        return part.where(row.number, "org_code")

    def check_whole(self, end: str, codes: Collection[str]) -> None:
        """Refuse an organisation beside what it went into, and a merger without one of its members.

        Args:
            end: an organisation of the day.
            codes: the organisations of the rows that go into it.
        """
        where = Where(self.rows[min(codes)].part.sheet.name)
        became = self.crosswalk.merger_sentence(end, date.min, self.day)
        for new in filter(self.crosswalk.began_by_merger, sorted(codes)):
            olds = sorted(self.crosswalk.origins(new, self.day).intersection(codes))
            if olds:
                self.findings.error(
                    FindingCode.INCOMPLETE,
                    where,
                    f"{self.when}{listed(olds)} and their successor {new} are both in the file, and would be "
                    f"counted twice in {end} ({became})",
                    remedy="Take one of them out, or add a year column that says of which year each row is",
                )
        # Rows with a year are of the organisations of its first day; others may be of those of any day.
        at = year_start(self.year) if all(self.rows[code].row.year for code in codes) else None
        missing = self.crosswalk.missing(end, self.day, self.rows, at)
        if end not in codes and not self.crosswalk.began_by_merger(end):
            missing.append(end)
        if not missing:
            return
        found = f"{self.when}{listed(missing)} is missing, so that the figures of {end} {{}} too low ({became})"
        if at is None or any(self.crosswalk.stands(code, at) for code in missing):
            remedy = "Add the rows that are missing, or take the others out"
            self.findings.error(FindingCode.INCOMPLETE, where, found.format("would be"), remedy=remedy)
        else:
            remedy = "See whether the other rows hold all that is meant"
            self.findings.warning(FindingCode.INCOMPLETE, where, found.format("may be"), remedy=remedy)


def check_codes(rows: Mapping[str, Placed], year: str, crosswalk: Crosswalk, findings: FindingCollector) -> None:
    """Point out codes that are hardly meant, where nobody asked for boundaries and most codes are known.

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
        row, part = rows[code]
        findings.warning(
            FindingCode.UNKNOWN_ORGANISATION,
            part.where(row.number, "org_code"),
            f"{code} is no code that is known, and {len(rows) - len(unknown):,} others are"
            f"{nearest(code, crosswalk.organisations).rstrip('?')}",
            "a code in use",
            "Correct the code if it is a slip",
            organisation=code,
        )
    for code, (row, part) in sorted(rows.items()):
        if row.year and code in crosswalk.organisations and not crosswalk.stands(code, year_start(year)):
            opened = crosswalk.opened(code)
            when = f"opened on {day_in_words(opened)}" if opened > year_start(year) else "had closed by then"
            findings.warning(
                FindingCode.UNKNOWN_ORGANISATION,
                part.where(row.number, "org_code"),
                f"{code} has a row for {year} and {when}",
                "the organisations of the year",
                "Correct the year or the code, or restate all rows with --boundaries",
                organisation=code,
            )
