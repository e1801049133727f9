"""Rows of a table that are of no organisation: those that the user leaves out, and memo lines below the totals."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gpit_fairshare.findings import FindingCode, FindingCollector
from gpit_fairshare.inputs.cells import Refused, read_code
from gpit_fairshare.inputs.grids import Broken, is_blank
from gpit_fairshare.inputs.numbers import read_number
from gpit_fairshare.inputs.regions import is_code
from gpit_fairshare.inputs.totals import Totals

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gpit_fairshare.inputs.model import Need, Request
    from gpit_fairshare.inputs.rows import Part

    Record = tuple[int, tuple[Any, ...]]

_NAMES = ("org_name", "practice_name")


def left_out_rows(part: Part, request: Request) -> dict[int, str]:
    """Return the rows that the user leaves out, and for each the code that was given for it.

    A row is meant by its code, or by its name where it has no code. Capitals and spaces make no difference; a
    whole number that Excel made of a code is also meant by the code with its zeros.
    """
    columns = part.headings.columns
    # The code of a practice before that of its organisation, which may be the same on a row of totals.
    keys = ("org_code",) if request.by_practice else ("practice_code", "org_code")
    codes = [columns[name] for name in keys if name in columns]
    out: dict[int, str] = {}
    for index in codes:
        excluded = _ExcludedCodes([code for code in request.leave_out if code not in out.values()])
        meant = {number: code for number, cells in part.sheet.rows if (code := excluded.meaning(cells[index]))}
        out = {**meant, **out}
    excluded = _ExcludedCodes(request.leave_out)
    for index in [columns[name] for name in _NAMES if name in columns]:
        for number, cells in part.sheet.rows:
            name = excluded.meaning(cells[index])
            if name and all(is_blank(cells[at]) for at in codes):
                out.setdefault(number, name)
    return out


class _ExcludedCodes:
    """The codes and names that the user typed, to be found again in cells."""

    def __init__(self, codes: Sequence[str]) -> None:
        self._exact = {code.strip(): code for code in codes}
        self._plain = {_plain(code): code for code in codes}
        self._numbers = {code.strip().lstrip("0") or "0": code for code in codes if code.strip().isdecimal()}

    def meaning(self, cell: Any) -> str:
        """Return the code that means a cell; empty if none does."""
        if is_blank(cell) or isinstance(cell, Broken):
            return ""
        if isinstance(cell, int):
            return self._numbers.get(str(cell), "")
        return self._exact.get(str(cell).strip()) or self._plain.get(_plain(cell), "")


def _plain(text: Any) -> str:
    return " ".join(str(text).split()).casefold()


def memo_lines(part: Part, records: Sequence[Record], needs: Sequence[Need]) -> set[int]:
    """Return the numbers of rows that say something beside the table: no code, no name, and no figure that is used.

    Below the totals at the end of a table a row may have a name, or a text in the place of a code: there it cannot
    be an organisation whose code is missing.

    Args:
        part: the file.
        records: its rows, without those that the user leaves out.
        needs: the columns that are read from it.
    """
    columns = part.headings.columns
    figures = [need for need in needs if need.kind == "number"]
    needed = [need for need in figures if not need.lenient]
    used = [columns[need.name] for need in needed or figures]
    codes = [columns[name] for name in ("org_code", "practice_code") if name in columns]
    names = [columns[name] for name in _NAMES if name in columns]
    loose = [
        (number, cells)
        for number, cells in records
        if not any(_is_code(cells[at]) for at in codes) and not any(_may_be_figure(cells[at]) for at in used)
    ]
    bare = {
        number
        for number, cells in loose
        # A word for a missing code, or #N/A, was an organisation once: that is a fault, wherever it is.
        if not any(map(str.isalnum, "".join(str(cells[at] or "") for at in codes)))
        and all(is_blank(cells[at]) for at in names)
    }
    if len(bare) < len(loose):
        end = _end_of_table(part, [record for record in records if record[0] not in bare], needs, codes)
        bare |= {number for number, _ in loose if end and number > end[0] and number not in end[1]}
    return bare


def _end_of_table(
    part: Part, records: Sequence[Record], needs: Sequence[Need], codes: Sequence[int]
) -> tuple[int, set[int]] | None:
    """Return the first row of totals below the last organisation, and all rows of totals; None if there is none."""
    totals = Totals(part, needs, FindingCollector()).find(records)  # what there is to say of them is said later
    organisations = [
        number for number, cells in records if number not in totals and any(_is_code(cells[at]) for at in codes)
    ]
    below = [number for number in totals if organisations and number > organisations[-1]]
    return (min(below), totals) if below else None


def _is_code(cell: Any) -> bool:
    """Return whether a cell may be meant as a code: anything but a blank and words."""
    return not _is_no_code(cell) and (not isinstance(cell, str) or is_code(cell.strip()))


def _is_no_code(cell: Any) -> bool:
    """Return whether a cell that should hold a code holds none."""
    if isinstance(cell, str) and is_code(cell):
        return False
    try:
        read_code(cell)
    except Refused as fault:
        return fault.finding.number is FindingCode.BLANK_CODE
    return False


def _may_be_figure(cell: Any) -> bool:
    """Return whether a cell holds a figure, or something that may have been one."""
    if is_blank(cell):
        return False
    return not isinstance(cell, str) or any(map(str.isdigit, cell)) or read_number(cell.strip()) is not None
