"""Find totals without a label, such as regions, area teams and nations in a table of their parts.

Their figures (`block_sums`) and codes (`code_levels`) show them, year by year. They are refused, with the options that
exclude them: as organisations they would count money twice, and only the user knows what they are.
"""

from __future__ import annotations

import math
import re
from collections import defaultdict
from typing import TYPE_CHECKING

from gpit_fairshare.findings import FileFindings, FindingCode
from gpit_fairshare.inputs.tables.block_sums import CERTAIN, Sums, find_sums
from gpit_fairshare.inputs.tables.code_levels import CodeLevels, Level
from gpit_fairshare.words import counted, listed

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from gpit_fairshare.inputs.columns.headings import Headings
    from gpit_fairshare.inputs.tables.sum_evidence import BlockSum, FileRow, SummedColumn

_FEW = 5
"""Most rows in which one may equal all others by chance."""
_MOST_SHOWN = 12
_MOST_OPTIONS = 40


class Subtotals:
    """Finds the rows of one file that are totals without a label."""

    def __init__(self, headings: Headings, columns: Sequence[SummedColumn], key: int, findings: FileFindings) -> None:
        self.headings = headings
        self.columns = columns
        self.key = key
        self.findings = findings
        self.refused: set[int] = set()
        """Places of rows that are refused because of the level of their codes, not because they are sums."""
        self._reported: list[list[str]] = []
        """Codes of a higher level that were reported for one of the years."""

    def find(self, rows: Sequence[FileRow], separators: Sequence[int]) -> dict[int, BlockSum]:
        """Return the rows that are certainly sums of other rows of their year, by place; report those with a code.

        Codes of a higher level than the others are also reported, and added to `refused`; doubtful sums get a warning.
        In a file of lines of cost, only rows without a code are returned, and nothing is reported.

        Args:
            rows: those without a label.
            separators: places of the other rows, in order.
        """
        if self.headings.has_lines and all(row.code for row in rows):
            return {}
        years: defaultdict[str, list[FileRow]] = defaultdict(list)
        for row in rows:
            years[row.year].append(row)
        tables: list[tuple[list[FileRow], CodeLevels, Sums]] = []
        for members in years.values():
            levels = CodeLevels([row.code for row in members])
            sums = find_sums(self.columns, members, levels, separators, CERTAIN + math.log10(len(years)))
            tables.append((members, levels, sums))
        certain = [entry for _, _, sums in tables for entry in sums.certain]
        totals = {row.at: entry for entry in certain for row in entry.rows}
        if self.headings.has_lines:  # an organisation has many rows; rows with a code are not totals
            return {row.at: totals[row.at] for row in rows if row.at in totals and not row.code}
        self._report_sums(certain)
        for members, levels, sums in tables if self.columns else ():
            remaining = [row for row in members if row.at not in totals]
            self._check_code_levels(remaining, levels.higher_codes())
            self._warn_of_doubtful_sums(remaining, sums.doubtful)
        return totals

    def _report_sums(self, certain: Iterable[BlockSum]) -> None:
        """Report rows with a code that are sums of others: one error for all single rows, and one for each level.

        Codes that are sums in several years are reported once.
        """
        first_sums: dict[tuple[str, ...], BlockSum] = {}
        for entry in certain:  # the same codes may be sums in several years
            first_sums.setdefault(tuple(row.code for row in entry.rows if row.code), entry)
        single = sorted((codes for codes in first_sums if len(codes) == 1), key=lambda codes: first_sums[codes].rows)
        levels = [codes for codes in first_sums if len(codes) > 1]
        if len(single) > 1:
            all_codes = [code for (code,) in single]
            text = f"{listed(all_codes, _MOST_SHOWN)} are sums of the rows next to them"
            self._report_error(first_sums[single[0]].rows[0], text, all_codes)
        for codes in levels if len(single) > 1 else [*single, *levels]:
            self._report_error(first_sums[codes].rows[0], _sum_sentence(codes, first_sums[codes]), codes)

    def _report_error(self, row: FileRow, text: str, codes: Sequence[str]) -> None:
        """Report codes that would be counted twice as an error at a row, with the options that exclude them."""
        self.findings.error(
            FindingCode.SUBTOTAL,
            f"{text}, and would be counted twice",
            "organisations, and totals labelled Total",
            _remedy(codes),
            at=self.headings.sheet.where(row.number, self.key),
        )

    def _check_code_levels(self, remaining: Sequence[FileRow], higher: Mapping[str, Level]) -> None:
        """Report rows whose codes have a higher level than the others, although their figures are not sums.

        They are an error and are added to `refused`. Several together at an end of the table may be a separate list:
        regions hold money that no ICB has. These are read, with a warning, unless they equal the sum of the others in
        any column. The same codes in several years are reported once.

        Args:
            remaining: the rows of a year that are not sums.
            higher: the codes of a higher level.
        """
        rows = [row for row in remaining if row.code in higher]
        is_list = len(rows) > 1 and rows in (remaining[: len(rows)], remaining[-len(rows) :])
        is_list = is_list and not any(self._is_half(column, rows, remaining) for column in self.columns)
        self.refused |= set() if is_list else {row.at for row in rows}
        codes = [row.code for row in rows]
        if not codes or codes in self._reported:
            return
        self._reported.append(codes)
        names = listed(sorted({higher[code].name for code in codes}))
        text = f"{listed(codes, _MOST_SHOWN)} {'have codes' if len(codes) > 1 else 'has a code'}"
        text += f" of a higher level ({names}) than the other rows"
        if is_list:
            self.findings.warning(
                FindingCode.SUBTOTAL,
                f"{text}; they were read as organisations, because they are not the sum of the other rows",
                remedy=f"Check whether other rows include their figures. {_remedy(codes)}",
                at=self.headings.sheet.where(rows[0].number, self.key),
            )
        else:
            self._report_error(rows[0], text, codes)

    def _is_half(self, column: SummedColumn, rows: Iterable[FileRow], remaining: Iterable[FileRow]) -> bool:
        """Return whether rows are half of the sum of all remaining rows in a column, and so equal the others."""
        whole = sum(column.figures[row.at] or 0 for row in remaining)
        return bool(whole) and 2 * sum(column.figures[row.at] or 0 for row in rows) == whole

    def _warn_of_doubtful_sums(self, remaining: Sequence[FileRow], doubtful: Iterable[BlockSum]) -> None:
        """Warn of sums that may be a coincidence, if all their rows have codes.

        If more than five rows remain, also warn if the largest of them equals all others together in one column.
        """
        doubted: set[int] = set()
        for entry in doubtful:
            row, codes = entry.rows[0], [row.code for row in entry.rows]
            if all(codes):
                doubted |= {row.at for row in entry.rows}
                self.findings.warning(
                    FindingCode.SUBTOTAL,
                    f"{_sum_sentence(codes, entry)}, which may be a coincidence",
                    remedy=f"If {'it is a total' if len(codes) == 1 else 'they are totals'}: {_remedy(codes)}",
                    at=self.headings.sheet.where(row.number, self.key),
                )
        for column in self.columns if len(remaining) > _FEW else ():
            figures = [abs(column.figures[row.at] or 0) for row in remaining]
            row = remaining[figures.index(max(figures))]
            if row.at not in doubted and self._is_half(column, [row], remaining):
                self.findings.warning(
                    FindingCode.SUBTOTAL,
                    f"the {column.name} of {row.code} is the sum of all {len(remaining) - 1:,} other rows",
                    remedy=f"If it is a total, exclude it with {leave_out_option(row.code)}",
                    at=self.headings.sheet.where(row.number, column.position),
                )


def leave_out_option(code: str) -> str:
    """Return the option that excludes the rows of a code, as the user must type it."""
    return f"--leave-out {code}" if re.fullmatch(r"[\w./-]+", code) else f'--leave-out "{code}"'


def _remedy(codes: Sequence[str]) -> str:
    """Return the remedy of a finding about totals: the options that exclude their codes, at most 40."""
    options = " ".join(map(leave_out_option, codes[:_MOST_OPTIONS]))
    if len(codes) == 1:
        return f"Exclude it with {options}; if it is an organisation, put it in a separate file"
    more = len(codes) - _MOST_OPTIONS
    others = f" and so on for {more:,} more" if more > 0 else ""
    return f"Exclude them with {options}{others}; if they are organisations, put them in a separate file"


def _sum_sentence(codes: Sequence[str], entry: BlockSum) -> str:
    """Return the clause that codes are the sum of rows next to them, or together the sum of all other rows."""
    if len(codes) == 1:
        return f"{codes[0]} is the sum of the {counted(entry.parts, 'row')} {entry.where} it"
    year = entry.rows[0].year
    of_year = f" of {year}" if year else ""
    return f"{listed(codes, _MOST_SHOWN)} together equal the sum of the {entry.parts:,} other rows{of_year}"
