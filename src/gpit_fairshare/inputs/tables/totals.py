"""Find rows of totals among the organisations, check them against the rows that they add up, and leave them out.

If totals were read as organisations, England would be counted twice. A total is a row, or the rows of a level, that
equals the sum of a block of rows next to it (see `block_sums`). A row that is labelled a total, or has no code, is
left out. A row with a code is refused if the codes show a higher level, or if its figures cannot be a coincidence:
only the user knows what it is, and can exclude it with `--leave-out`.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import defaultdict
from fractions import Fraction
from typing import TYPE_CHECKING, Any, NamedTuple

from gpit_fairshare.findings import FileFindings, FindingCode
from gpit_fairshare.inputs.columns.headings import LINE_WORDS, Headings
from gpit_fairshare.inputs.columns.marks import is_no_code
from gpit_fairshare.inputs.tables.subtotals import Subtotals, leave_out_option
from gpit_fairshare.inputs.tables.sum_evidence import BlockSum, ColumnSums, FileRow, SummedColumn, power_of_ten
from gpit_fairshare.numbers import as_in_sheet
from gpit_fairshare.words import counted, listed

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from gpit_fairshare.inputs.model import NeededColumn

_LABEL = re.compile(
    r"(?:grand |overall |control |national |column |england |sub[- ]?)?totals?\b"
    r"(?:[ :,–-]+(?:england|nationa\w*|all\b.*|of .*|for .*|\W*)|\W*)"
    r"|.* (?:sub[- ]?)?totals?|england|all (?:ccgs?|icbs?|organisations|practices|pcts?)|sum|eng|e92000001",
    re.IGNORECASE,
)
"""Labels of rows of totals: `Total`, `Grand total`, `AT total`, `England`."""
_TOTAL_OF = re.compile(r"(?:grand |overall |sub[- ]?)?totals?\b.*", re.IGNORECASE)
"""Labels that name the parts: `Sub-total North East`. In a row with a code they may be a name: `Total Healthcare`."""
_IN_LABELS = ("total", "eng", "sum", "all ", "e92")
"""What every label of a total has one of: most rows have none, and need no look at each of their texts."""
_STATISTIC = re.compile(
    r"(?:(?:england|national|overall|simple|weighted) )?"
    r"(?:average|mean|median|min(?:imum)?|max(?:imum)?|variance|difference|(?:% |percentage )?change)(?: .*)?",
    re.IGNORECASE,
)
"""Labels instead of a code, in rows that are calculated from the others but are not their sum."""
_MOST_LABELLED = 1_000
"""Most rows that may be labelled as totals."""


class _TotalVerdict(NamedTuple):
    """How the figures of a row compare with the sums of the rows that it may add up."""

    is_sum: bool
    rows: tuple[int, int]
    """The first of the rows that it may add up, and the one behind the last, among the rows that are not totals."""
    gap: Fraction = Fraction()
    """The largest difference, with its column."""
    column: str = ""
    total: Fraction = Fraction()


class Totals:
    """Finds the rows of totals of one file."""

    def __init__(self, headings: Headings, needs: Iterable[NeededColumn], findings: FileFindings) -> None:
        self.headings = headings
        self.findings = findings
        columns = headings.columns
        self.needs = [need for need in needs if need.is_sum and need.name in columns]
        self.key = columns.get("practice_code", columns.get("org_code", 0))
        self.texts = [columns[name] for name in ("org_code", "org_name", "practice_code") if name in columns]
        self.kinds = [columns[name] for name in LINE_WORDS if name in columns and headings.has_lines]
        self._named = [*self.texts, *self.kinds]
        self.year = columns.get("year")
        self.rows: list[FileRow] = []
        self.columns: list[SummedColumn] = []
        self.edges: list[int] = []
        """Places of all rows that are or may be totals, in order, with the first row and the end."""
        self._parts: dict[str, tuple[list[FileRow], list[ColumnSums]]] = {}
        """The rows that are not totals, with their sums: for each year, or all rows for totals without a year."""

    def find(self, rows: Sequence[tuple[int, Sequence[Any]]]) -> set[int]:
        """Return the numbers of the rows that are left out as totals: those that have a label or no code.

        They are noted; errors report labelled totals that do not add up, rows with a code that are totals (which are
        not returned), averages, and lines that are the sum of an organisation's other lines. If more than 1,000 rows
        may be labelled totals, that is an error, and all these are returned unchecked.

        Args:
            rows: the number and the cells of each row of the table.
        """
        self.rows = [self._read_row(place, number, cells) for place, (number, cells) in enumerate(rows)]
        self.columns = [SummedColumn.read(need, self.headings, rows) for need in self.needs]
        candidates = [row for row in self.rows if row.label or (not (row.code or row.text) and self._has_figures(row))]
        if len(candidates) > _MOST_LABELLED:
            self.findings.error(
                FindingCode.TOTAL,
                f"{len(candidates):,} rows are labelled as totals, or have figures and no code",
                f"at most {_MOST_LABELLED:,}",
                "Keep only the rows of organisations",
                at=self.headings.sheet.where(candidates[0].number, self.key),
            )
            return {row.number for row in candidates}
        places = {row.at for row in candidates}
        separators = places | self._report_statistics()
        subtotals = Subtotals(self.headings, self.columns, self.key, self.findings)
        sums = subtotals.find([row for row in self.rows if row.at not in separators], sorted(separators))
        totals = places.union(sums, subtotals.refused)
        self.edges = [0, *sorted(totals), len(self.rows)]
        for year in {row.year for row in candidates}:
            parts = [row for row in self.rows if row.at not in totals and year in ("", row.year)]
            self._parts[year] = parts, [ColumnSums(column, parts) for column in self.columns]
        left_out = self._totals_to_leave_out(candidates, sums)
        self._refuse_sums_of_lines([row for row in self.rows if row.at not in left_out])
        return {self.rows[place].number for place in left_out}

    def _read_row(self, place: int, number: int, cells: Sequence[Any]) -> FileRow:
        """Return a row with its code, its year, and the label if one of its texts marks it as a total.

        In a row without a code, any text may be the label. In a row with a code, only the code, the names and, in a
        file of lines of cost, the words that describe a line may be.
        """
        code = "" if cells[self.key] is None else str(cells[self.key]).strip()
        code = "" if is_no_code(code) else code
        first_text = next(filter(None, (_text(cells[index]) for index in self.texts)), "")
        year = "" if self.year is None or cells[self.year] is None else str(cells[self.year]).strip()
        labels = [cell for cell in (map(cells.__getitem__, self._named) if code else cells) if isinstance(cell, str)]
        if not any(map(" ".join(labels).casefold().__contains__, _IN_LABELS)):
            return FileRow(place, number, first_text, "", code, year)
        # A label such as "Total of …" counts if it replaces the code, or if the code is blank.
        kinds = [_text(cells[index]) for index in self.kinds]
        totals_of = [*kinds, first_text] if code in ("", first_text) else kinds
        label = next(filter(_LABEL.fullmatch, map(str.strip, labels)), "")
        label = label or next(filter(_TOTAL_OF.fullmatch, totals_of), "")
        return FileRow(place, number, first_text, label, code, year)

    def _refuse_sums_of_lines(self, rows: Sequence[FileRow]) -> None:
        """Report, in one error, lines of cost that are the sum of the other lines of their organisation.

        One such line may be a coincidence. It is none if two organisations with three lines or more have one, and if at
        least half of all such organisations do.
        """
        if not self.headings.has_lines or not self.columns:
            return
        figures = [figure or 0 for figure in self.columns[0].figures]
        lines: defaultdict[tuple[str, str], list[FileRow]] = defaultdict(list)
        for row in rows:
            if row.code and figures[row.at]:
                lines[row.year, row.code].append(row)
        groups = [group for group in lines.values() if len(group) > 2]
        sums = []
        for group in groups:
            largest = max(group, key=lambda row: abs(figures[row.at]))
            if 2 * figures[largest.at] == sum(figures[row.at] for row in group):
                sums.append(largest)
        if len(sums) > 1 and 2 * len(sums) >= len(groups):
            self.findings.error(
                FindingCode.SUBTOTAL,
                f"this line of {sums[0].code} is the sum of its other lines, and so is a line of "
                f"{counted(len(sums) - 1, 'other organisation')}; they would be counted twice",
                "lines of cost, and totals labelled Total",
                "Delete these lines, or write Total as their category",
                at=self.headings.sheet.where(sums[0].number, self.columns[0].position),
            )

    # Labelled rows.

    def _totals_to_leave_out(self, candidates: Sequence[FileRow], sums: Mapping[int, BlockSum]) -> set[int]:
        """Return the places of totals that have a label or no code; report them, and those that do not add up.

        A labelled row is always left out: with an error if it does not add up, and with a warning if it differs by
        rounding. A row without a code is left out only if it is a sum. Rows below the last total get a warning.

        Args:
            candidates: rows with a label, and rows with figures but without code and text.
            sums: by place, the unlabelled rows that were found to be sums.
        """
        left_out = {place for place in sums if not self.rows[place].code}
        notes = {place: self._describe_total(self.rows[place], counted(sums[place].parts, "row")) for place in left_out}
        for row in candidates:
            verdict = self._compare_with_sums(row)
            if verdict is None:
                if row.label:
                    notes[row.at] = f"row {row.number:,} '{row.label}', which has no figure to check"
            elif not verdict.is_sum:
                if row.label:
                    left_out.add(row.at)
                    self._report_mismatch(row, verdict)
            elif verdict.gap:
                left_out.add(row.at)
                label = f"the row '{row.label}'" if row.label else "a row without a code"
                self.findings.warning(
                    FindingCode.TOTAL,
                    f"{label} is left out; its {verdict.column} differs by {as_in_sheet(verdict.gap)} from the sum of "
                    f"{self._count_parts(row, verdict)}, probably because of rounding",
                    at=self.headings.sheet.where(row.number, self.key),
                )
            else:
                notes[row.at] = self._describe_total(row, self._count_parts(row, verdict))
        if notes:
            texts = [notes[place] for place in sorted(notes)]
            self.findings.note(FindingCode.TOTAL, f"left out as totals: {listed(texts, 5)}")
        left_out |= set(notes)
        self._warn_of_rows_below(left_out)
        return left_out

    def _count_parts(self, row: FileRow, verdict: _TotalVerdict) -> str:
        """Return how many rows a total may add up: `5 rows`, or `4 rows with a figure` if others have none.

        A row has none if all its cells in the summed columns are blank, or hold no number.
        """
        start, stop = verdict.rows
        with_figures = sum(map(self._has_figures, self._parts[row.year][0][start:stop]))
        return f"{counted(with_figures, 'row')}{' with a figure' if with_figures < stop - start else ''}"

    def _describe_total(self, row: FileRow, parts: str) -> str:
        """Return a phrase for a total that is left out: its row, its label or name, and the rows it adds up."""
        without_code = f"'{row.text}' without a code" if row.text else "without a code"
        name = f"'{row.label}'" if row.label else without_code
        return f"row {row.number:,} {name}, the sum of {parts}"

    def _warn_of_rows_below(self, left_out: set[int]) -> None:
        """Warn of rows below the last total: they may repeat figures that it adds up.

        There is no warning in a file with a column of years, or below a total of one organisation's lines of cost.
        """
        last = max(left_out, default=0)
        below = [row for row in self.rows[last + 1 :] if row.at not in left_out]
        # Below a total of one organisation's lines, other organisations follow.
        if last and below and not self.year and not (self.headings.has_lines and self.rows[last].code):
            self.findings.warning(
                FindingCode.TOTAL,
                f"also read {counted(len(below), 'row')} below the total in row {self.rows[last].number:,}",
                "the total below all of its rows",
                "If they repeat rows above, exclude them with --leave-out",
                at=self.headings.sheet.where(below[0].number, self.key),
            )

    def _report_mismatch(self, row: FileRow, verdict: _TotalVerdict) -> None:
        """Report a labelled total that differs from the sum of its rows, at the cell of the column that differs."""
        index = next(column.position for column in self.columns if column.name == verdict.column)
        self.findings.error(
            FindingCode.TOTAL,
            f"the row '{row.label}' has {as_in_sheet(verdict.total)} as {verdict.column}, "
            f"but its {self._count_parts(row, verdict)} add up to {as_in_sheet(verdict.total - verdict.gap)}",
            "a total that equals the sum of its rows",
            "A row may be missing or changed: correct the rows or the total, or delete the total"
            + (f"; if {row.code} is an organisation, give it another name" if row.code not in ("", row.label) else ""),
            at=self.headings.sheet.where(row.number, index),
        )

    def _compare_with_sums(self, row: FileRow) -> _TotalVerdict | None:
        """Return how a row compares with the rows above it since the last total, all above, all others, or those below.

        The best of these is returned. If a labelled row is the sum of none, it may be exactly the sum of another block
        of two rows or more that ends directly above it or begins directly below it. The result is None if the row has
        no figure, or if there is nothing to compare it with; without a label, a single row is nothing.
        """
        figures = [column.figures[row.at] for column in self.columns]
        first = next((at for at, figure in enumerate(figures) if figure is not None), None)
        if first is None:
            return None
        parts, sums = self._parts[row.year]
        place = bisect_left(self.edges, row.at, 1)
        edges = self.edges[place - 1 : place + 2]
        last, at, following = (bisect_left(parts, edge, key=lambda part: part.at) for edge in edges)
        blocks = [(last, at), (0, at), (0, len(parts)), (at, following)]
        verdicts = [self._compare_block(row, start, stop) for start, stop in blocks if stop - start > (not row.label)]
        best = min(verdicts, key=lambda verdict: (not verdict.is_sum, abs(verdict.gap)), default=None)
        if not best or best.is_sum or not row.label:
            return best
        blocks = [(start, at) for start in range(at - 1)]
        blocks += [(at, stop) for stop in range(at + 2, len(parts) + 1)]
        verdicts = [
            self._compare_block(row, start, stop)
            for start, stop in blocks
            if sums[first].between(start, stop) == figures[first]
        ]
        return next((verdict for verdict in verdicts if verdict.is_sum and not verdict.gap), best)

    def _compare_block(self, row: FileRow, start: int, stop: int) -> _TotalVerdict:
        """Return whether a row equals the sum of the parts from `start` to `stop`, and where it differs most.

        The first column that differs by more than rounding decides. Blank figures, and differences up to a billionth of
        the total, do not count; a difference above a thousandth of the total is never rounding.
        """
        parts, sums = self._parts[row.year]
        worst = _TotalVerdict(is_sum=True, rows=(start, stop))
        for column, figures in zip(self.columns, sums, strict=True):
            total, block = column.figures[row.at], figures.between(start, stop)
            if total is None or abs(total - block) * 10**9 <= abs(total):
                continue
            gap = total - block
            is_near = abs(gap) * 1_000 <= abs(total)
            is_sum = is_near and self._is_rounding(gap, column, [row, *parts[start:stop]])
            verdict = _TotalVerdict(is_sum, (start, stop), column.amount(gap), column.name, column.amount(total))
            if not is_sum:
                return verdict
            worst = max(worst, verdict, key=lambda verdict: abs(verdict.gap))
        return worst

    def _is_rounding(self, gap: int, column: SummedColumn, rows: Iterable[FileRow]) -> bool:
        """Return whether a gap is at most half a unit for each of the rows' figures, blanks not counted.

        The unit is the last decimal that any of these figures uses, or 1 if all are whole.
        """
        figures = [figure for row in rows if (figure := column.figures[row.at]) is not None]
        unit = min(power_of_ten(figure, 10**column.decimals) if figure else 10**column.decimals for figure in figures)
        return 2 * abs(gap) <= unit * len(figures)

    def _report_statistics(self) -> set[int]:
        """Report rows with figures and a word such as `Average` as their code as errors; return their places.

        There are none in a file of lines of cost, or if no more than half of the codes have a digit.
        """
        if self.headings.has_lines:
            return set()
        coded = sum(any(map(str.isdigit, row.code)) for row in self.rows)
        if coded * 2 <= sum(bool(row.code) for row in self.rows):
            return set()
        statistics = [row for row in self.rows if _STATISTIC.fullmatch(row.code) and self._has_figures(row)]
        for row in statistics:
            self.findings.error(
                FindingCode.SUBTOTAL,
                f"'{row.code}' is not a code, but the row would be counted as an organisation",
                "organisations, and totals labelled Total",
                f"Delete the row, or exclude it with {leave_out_option(row.code)}",
                at=self.headings.sheet.where(row.number, self.key),
            )
        return {row.at for row in statistics}

    def _has_figures(self, row: FileRow) -> bool:
        """Return whether a row has a figure in any column that is added up."""
        return any(column.figures[row.at] is not None for column in self.columns)


def _text(cell: Any) -> str:
    """Return the text of a cell without the spaces around it; empty if the cell holds no text."""
    return cell.strip() if isinstance(cell, str) else ""
