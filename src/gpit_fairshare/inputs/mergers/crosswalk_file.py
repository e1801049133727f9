"""Read the user's crosswalks, and check that they do not contradict the mergers in the package."""

from __future__ import annotations

import datetime as dt
import re
from contextlib import suppress
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Final

from gpit_fairshare.findings import FindingCode, FindingCollector, Where
from gpit_fairshare.inputs.columns.cells import Refused, parse_day, quoted, read_code, read_text
from gpit_fairshare.inputs.columns.standard_columns import folded
from gpit_fairshare.inputs.files.grids import ReadOptions, is_blank
from gpit_fairshare.inputs.files.reading import InputSheet, locate_file, read_sheet
from gpit_fairshare.inputs.mergers.crosswalk import (
    WHOLE,
    Crosswalk,
    Organisation,
    Succession,
    contradictions,
    packaged_crosswalk,
)
from gpit_fairshare.words import listed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from gpit_fairshare.inputs.model import InputSource
    from gpit_fairshare.run_options import InputFrame

NEEDED: Final = ("org_code", "successor_code", "effective_date")

_FRACTION = re.compile(r"[0-9]{1,30}(?:\.[0-9]{1,30}|\s*/\s*[0-9]{1,30})?")


def read_crosswalks(
    texts: Sequence[str | InputFrame], findings: FindingCollector, options: ReadOptions
) -> tuple[Crosswalk | None, tuple[InputSource, ...]]:
    """Read the user's crosswalks and add them to the mergers in the package.

    Args:
        texts: files as the user wrote them, `FILE` or `FILE:SHEET`, and frames.
        findings: where to report.
        options: the largest file to read.

    Returns:
        The crosswalk, or None if the files have errors or contradict the package; and the files that were read.
    """
    before = findings.errors
    reader = _CrosswalkReader(findings)
    targets = [locate_file(text) for text in texts]
    sheets = (read_sheet(target, findings, options) for target in targets)
    sources = tuple(reader.read(sheet) for sheet in sheets if sheet is not None)
    return reader.join_with_packaged() if findings.errors == before else None, sources


class _CrosswalkReader:
    """Reads all crosswalk files."""

    def __init__(self, findings: FindingCollector) -> None:
        self.findings = findings
        self.successions: dict[Succession, Where] = {}
        """The successions in the rows, with their places."""
        self.unchanged: dict[str, Organisation] = {}
        self.names: dict[str, str] = {}

    def join_with_packaged(self) -> Crosswalk | None:
        """Return the successions of the files with those of the package; None if they contradict each other.

        Each contradiction is reported at its row. A row that repeats the package is none. Names in the files replace
        those of the package.
        """
        packaged = packaged_crosswalk()
        if not (self.successions or self.unchanged or self.names):
            return packaged
        packaged_steps = {step._replace(name="") for step in packaged.successions}
        closed = {step.predecessor: step.effective for step in packaged.successions}
        new = [step for step in self.successions if step not in packaged_steps]
        repeated = [step for step in new if step.predecessor in closed]
        for step in repeated:
            end = packaged.becomes(step.predecessor, dt.date.min, closed[step.predecessor])
            became = packaged.merger_sentence(end, dt.date.min, closed[step.predecessor])
            self.findings.error(
                FindingCode.CROSSWALK,
                self.successions[step],
                f"the row of {step.predecessor} contradicts the crosswalk of gpit ({became})",
                remedy="Delete the row, or correct it",
            )
        faults = [] if repeated else contradictions([*packaged.successions, *new])
        for fault in faults:
            # The first row of one of the organisations, in the order of the files.
            places = (place for step, place in self.successions.items() if step.predecessor in fault.codes)
            self.findings.error(
                FindingCode.CROSSWALK,
                next(places, Where()),
                fault.reason,
                "for each organisation, parts that add up to 1, all on one day; none may become itself again",
                "Correct the rows; write thirds as 1/3, in cells formatted as text",
            )
        if repeated or faults:
            return None
        organisations = {**self.unchanged, **packaged.organisations}
        for code, name in self.names.items():
            organisations[code] = organisations.get(code, Organisation(code))._replace(name=name)
        return Crosswalk([*packaged.successions, *new], organisations.values())

    def read(self, sheet: InputSheet) -> InputSource:
        """Read the rows of one file into `successions`, `unchanged` and `names`; return a description of the file.

        Errors are reported, and their rows are left out.
        """
        columns = _find_columns(sheet)
        for number, cells in sheet.rows if columns.keys() >= set(NEEDED) else ():
            values: dict[str, Any] = {"fraction": WHOLE, "successor_name": ""}
            for name, index in columns.items():
                read_value, _ = COLUMNS[name]
                try:
                    values[name] = read_value(cells[index])
                except Refused as fault:
                    sheet.findings.add(fault.finding, sheet.where(number, index))
                    values[name] = None
            if None not in values.values():
                self._add_succession(values, sheet.where(number, columns["org_code"]))
        matched = sorted((index, name) for name, index in columns.items())
        return sheet.describe("crosswalk", tuple((sheet.headings[index], name) for index, name in matched))

    def _add_succession(self, values: dict[str, Any], where: Where) -> None:
        """Add the succession of a row, or its code to `unchanged` if the organisation stays the same.

        A code with two names, and a code that would keep only a part of itself, are reported.
        """
        old, new, name, fraction = (values[key] for key in ("org_code", "successor_code", "successor_name", "fraction"))
        if name and self.names.setdefault(new, name) != name:
            message = f"{new} has two names, {self.names[new]!r} and {name!r}"
            self.findings.error(FindingCode.CROSSWALK, where, message, "one name for each code")
        if old != new:
            self.successions.setdefault(Succession(old, new, values["effective_date"], fraction=fraction), where)
        elif fraction == 1:
            self.unchanged[old] = Organisation(old, opened=dt.date.min)
        else:
            self.findings.error(
                FindingCode.CROSSWALK,
                where,
                f"{old} would keep its code but only {fraction} of its figures, so old and new would look the same",
                "a new code for each successor",
                "Give the part that remains a new code, for example with the year",
            )


def _find_columns(sheet: InputSheet) -> dict[str, int]:
    """Return the position of each column of a crosswalk, found by its heading; other headings are ignored.

    Missing and repeated columns are reported.
    """
    names = {folded(alias): name for name, (_, aliases) in COLUMNS.items() for alias in aliases}
    columns: dict[str, int] = {}
    for index, heading in enumerate(sheet.headings):
        name = names.get(folded(heading))
        if name and columns.setdefault(name, index) != index:
            sheet.findings.error(
                FindingCode.DUPLICATE_HEADING,
                f"'{sheet.headings[columns[name]]}' and '{heading}' are both read as {name}",
                remedy="Rename one of them",
            )
    missing = [name for name in NEEDED if name not in columns]
    if missing:
        headings = [repr(heading) for heading in sheet.headings if heading]
        sheet.findings.error(
            FindingCode.MISSING_COLUMN,
            f"no column {listed(missing)}; the headings are {listed(headings, 30)}",
            f"a crosswalk with {listed(list(NEEDED))}",
            "Rename the headings",
        )
    return columns


def _read_ods_code(cell: Any) -> Any:
    """Return the code in a cell, an ONS code as the ODS code; a cell without a code raises `Refused`."""
    code = read_code(cell).value
    # A crosswalk may use ONS codes, like any input.
    return packaged_crosswalk().ods_code(str(code)) or code


def _read_name(cell: Any) -> str:
    """Return the text of a cell; empty if it is blank."""
    return "" if is_blank(cell) else str(read_text(cell).value)


def _read_day(cell: Any) -> dt.date:
    """Return the day in a cell: a date, or a text such as 2020-04-01.

    Raises:
        Refused: the cell is blank, or holds no date.
    """
    if isinstance(cell, dt.datetime) and cell.time() == dt.time.min:
        return cell.date()
    if isinstance(cell, dt.date) and not isinstance(cell, dt.datetime):
        return cell
    day = parse_day(cell.strip()) if isinstance(cell, str) else None
    if day:
        return day
    message = "the date is blank" if is_blank(cell) else f"{quoted(cell)} is not a date"
    raise Refused(FindingCode.CROSSWALK, message, "a date such as 2020-04-01")


def _read_fraction(cell: Any) -> Fraction:
    """Return the fraction in a cell, as `0.4` or `1/3`; a blank is 1.

    Raises:
        Refused: it is not a number above 0 and at most 1.
    """
    if is_blank(cell):
        return WHOLE
    expected = "a number above 0 and at most 1, such as 0.4 or 1/3"
    fraction = None
    is_number = isinstance(cell, int | float | Decimal) and not isinstance(cell, bool)
    if is_number or (isinstance(cell, str) and _FRACTION.fullmatch(cell.strip())):
        with suppress(ValueError, ZeroDivisionError):
            fraction = Fraction(str(cell).strip())  # a float is read as written: 0.1 is a tenth
    if fraction is None:
        remedy = "Format the column as text and type the fraction again" if isinstance(cell, dt.date) else ""
        raise Refused(FindingCode.CROSSWALK, f"{quoted(cell)} is not a fraction", expected, remedy)
    if not 0 < fraction <= 1:
        raise Refused(FindingCode.CROSSWALK, f"the fraction {quoted(cell)} is out of range", expected)
    return fraction


COLUMNS: Final[Mapping[str, tuple[Callable[[Any], Any], tuple[str, ...]]]] = {
    "org_code": (_read_ods_code, ("org code", "predecessor", "predecessor code")),
    "successor_code": (_read_ods_code, ("successor code", "successor")),
    "effective_date": (_read_day, ("effective date",)),
    "fraction": (_read_fraction, ("fraction",)),
    "successor_name": (_read_name, ("successor name",)),
}
"""The columns of a crosswalk: the function that reads a cell, and the headings, in any case and with any spaces."""
