"""Find the rows of organisations in a table: all rows except excluded codes, memo lines and totals."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gpit_fairshare.findings import FEW, FileFindings, FindingCode, FindingCollector
from gpit_fairshare.inputs.columns.cells import Refused, quoted, read_code, read_number
from gpit_fairshare.inputs.files.grids import Broken, is_blank
from gpit_fairshare.inputs.files.regions import Record, is_code
from gpit_fairshare.inputs.tables.totals import Totals
from gpit_fairshare.words import counted, listed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gpit_fairshare.inputs.columns.headings import Headings
    from gpit_fairshare.inputs.model import NeededColumn

_NAMES = ("org_name", "practice_name")


def organisation_rows(headings: Headings, needs: Sequence[NeededColumn]) -> tuple[Sequence[Record], set[str]]:
    """Return the rows of organisations, and the codes or names of `--leave-out` that excluded a row.

    Rows of excluded codes, remarks and totals are left out and reported. It is an error if none remains.

    Args:
        headings: the headings of the file.
        needs: the columns that are read from it.
    """
    records: Sequence[Record] = headings.sheet.rows
    left_out = _rows_left_out(headings) if headings.request.leave_out else {}
    codes = set(left_out.values())
    if left_out:
        message = f"left out {counted(len(left_out), 'row')} of {listed(sorted(codes))} because of --leave-out"
        headings.findings.note(FindingCode.LEFT_OUT, message)
        records = [record for record in records if record[0] not in left_out]
    memos = _memo_lines(headings, records, needs)
    if memos:
        lines = [
            f"{listed([quoted(cell) for cell in cells if not is_blank(cell)], FEW)} in row {number:,}"
            for number, cells in records
            if number in memos
        ]
        headings.findings.note(
            FindingCode.NOTES,
            f"left out {counted(len(memos), 'row')} without a code or a figure in a column that is used: "
            f"{listed(lines, FEW)}",
        )
        records = [record for record in records if record[0] not in memos]
    totals = Totals(headings, needs, headings.findings).find(records)
    if len(totals) == len(records):
        headings.findings.error(
            FindingCode.EMPTY,
            "all rows were left out, so none remains",
            "rows of organisations",
            "Add the rows of organisations to the file, or give fewer codes with --leave-out",
        )
    return [record for record in records if record[0] not in totals] if totals else records, codes


def _rows_left_out(headings: Headings) -> dict[int, str]:
    """Return the numbers of the rows that the user excludes, each with the code or name that excludes it.

    A code excludes the rows with that code; if a practice has it, it excludes no row by the organisation's code. A name
    excludes rows with that name and no code. Capitals and spaces make no difference. If Excel turned a code into a
    whole number, the code with its zeros excludes it too.
    """
    columns = headings.columns
    # Compare practice codes first: a row of totals may have the same code for its organisation.
    keys = ("org_code",) if headings.request.is_by_practice else ("practice_code", "org_code")
    codes = [columns[name] for name in keys if name in columns]
    left_out: dict[int, str] = {}
    for index in codes:
        excluded = _ExcludedCodes([code for code in headings.request.leave_out if code not in left_out.values()])
        matches = {number: code for number, cells in headings.sheet.rows if (code := excluded.match(cells[index]))}
        left_out = {**matches, **left_out}
    excluded = _ExcludedCodes(headings.request.leave_out)
    for index in [columns[name] for name in _NAMES if name in columns]:
        for number, cells in headings.sheet.rows:
            name = excluded.match(cells[index])
            if name and all(is_blank(cells[column]) for column in codes):
                left_out.setdefault(number, name)
    return left_out


class _ExcludedCodes:
    """The codes and names that the user typed, to look up in cells."""

    def __init__(self, codes: Sequence[str]) -> None:
        self._exact = {code.strip(): code for code in codes}
        self._plain = {_folded(code): code for code in codes}
        self._numbers = {code.strip().lstrip("0") or "0": code for code in codes if code.strip().isdecimal()}

    def match(self, cell: Any) -> str:
        """Return the excluded code or name that a cell holds, as the user typed it; empty if it holds none.

        A whole number matches a code with zeros before it. In texts, capitals and spaces make no difference.
        """
        if is_blank(cell) or isinstance(cell, Broken):
            return ""
        if isinstance(cell, int):
            return self._numbers.get(str(cell), "")
        return self._exact.get(str(cell).strip()) or self._plain.get(_folded(cell), "")


def _folded(text: Any) -> str:
    """Return a text in lower case, with single spaces."""
    return " ".join(str(text).split()).casefold()


def _memo_lines(headings: Headings, records: Sequence[Record], needs: Sequence[NeededColumn]) -> set[int]:
    """Return the numbers of rows that are remarks: they have no code, no name, and no figure that is used.

    Below the totals at the end of a table, a remark may also have a name, or a text instead of a code: a row there is
    not an organisation whose code is missing.

    Args:
        headings: the headings of the file.
        records: its rows, without those that the user excludes.
        needs: the columns that are read from it.
    """
    columns = headings.columns
    figures = [need for need in needs if need.kind == "number"]
    needed = [need for need in figures if not need.lenient]
    used = [columns[need.name] for need in needed or figures]
    codes = [columns[name] for name in ("org_code", "practice_code") if name in columns]
    names = [columns[name] for name in _NAMES if name in columns]
    loose = [
        (number, cells)
        for number, cells in records
        if not any(_is_code(cells[column]) for column in codes)
        and not any(_is_possible_figure(cells[column]) for column in used)
    ]
    bare = {
        number
        for number, cells in loose
        # A word for a missing code, or #N/A, means that an organisation was there: an error, anywhere in the table.
        if not any(map(str.isalnum, "".join(str(cells[column] or "") for column in codes)))
        and all(is_blank(cells[column]) for column in names)
    }
    if len(bare) < len(loose):
        others = [record for record in records if record[0] not in bare]
        bare |= {number for number, _ in loose} & _rows_below_totals(headings, others, needs, codes)
    return bare


def _rows_below_totals(
    headings: Headings, records: Sequence[Record], needs: Sequence[NeededColumn], codes: Sequence[int]
) -> set[int]:
    """Return the numbers of the rows below the first total that follows the last organisation, except totals.

    There are none if no total follows it.

    Args:
        headings: the headings of the file.
        records: its rows.
        needs: the columns that are read from it.
        codes: the positions of the columns of codes.
    """
    discarded_findings = FileFindings(FindingCollector(), "")  # totals are reported later
    totals = Totals(headings, needs, discarded_findings).find(records)
    organisations = [
        number for number, cells in records if number not in totals and any(_is_code(cells[column]) for column in codes)
    ]
    below = [number for number in totals if organisations and number > organisations[-1]]
    end = min(below, default=records[-1][0])
    return {number for number, _ in records if number > end} - totals


def _is_code(cell: Any) -> bool:
    """Return whether a cell may be a code, also one with an error.

    That is a text that looks like a code, or a number or another value. Blanks, words instead of a code, and values
    that mean a missing code are none.
    """
    if isinstance(cell, str):
        if is_code(cell):
            return True
        if not is_code(cell.strip()):
            return False
    try:
        read_code(cell)
    except Refused as fault:
        return fault.finding.number is not FindingCode.BLANK_CODE
    return True


def _is_possible_figure(cell: Any) -> bool:
    """Return whether a cell holds a figure, or may have been one: a text with a digit, or anything that is no text.

    A blank is not.
    """
    if is_blank(cell):
        return False
    return not isinstance(cell, str) or any(map(str.isdigit, cell)) or read_number(cell.strip()) is not None
