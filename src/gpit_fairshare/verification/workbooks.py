"""A workbook compared with that which gpit writes: sheet by sheet, cell by cell, formulas and values."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from gpit_fairshare.results.agreement import is_same_as_worked_out, is_same_as_written, is_same_remainder
from gpit_fairshare.verification.cells import Row, StoredCell, WorkbookCells, address
from gpit_fairshare.verification.model import DifferenceKind, Differences, FileDifference, ManifestChange
from gpit_fairshare.workbook import reference_sheets
from gpit_fairshare.workbook.kernel_columns import REMAINDER
from gpit_fairshare.workbook.layout import MANIFEST, PARAMETERS
from gpit_fairshare.workbook.sheets import HEADING_ROW, NOTE_ROW, TITLE_ROW, TOTAL_ROW, column_number

if TYPE_CHECKING:
    from collections.abc import Mapping

_NOTHING: Final = StoredCell(None, None)
_NO_ANSWERS: Final = ("", range(0), 0, 0)
_UNIT: Final = re.compile(r"\((£[^)]*)\)")
_PIECE: Final = re.compile(r"JSON [0-9]+ of [0-9]+")
_NAMES: Final = ("Parameter", "Code", "Name", "Figure", "Step", "Check", "Item")
"""Headings of columns that say what a row is of; the first column does where none of them stands."""
_TOKEN: Final = re.compile(
    r"""
      (?P<text>"(?:[^"]|"")*")
    | (?P<quoted>'(?:[^']|'')*')!
    | (?P<sheet>(?<![\w.\]])[^\W\d][\w.]*)!
    | (?P<space>\s+)
    | (?P<prefix>_xl(?:fn|ws|udf)\.)
    | (?P<truth>(?<![\w.])(?:true|false)\s*\(\s*\))
    """,
    re.IGNORECASE | re.VERBOSE,
)
_BEFORE: Final = re.compile(r"""[\w.)\]"'}#%]""")
_AFTER: Final = re.compile(r"""[\w.(\["'{$#]""")
"""What a reference or value ends with, and begins with: a space between the two means where ranges meet."""


class Answers:
    """Every organisation's answer in both workbooks, taken while their cells go by."""

    def __init__(self, found: Mapping[str, Any], expected: Mapping[str, Any]) -> None:
        """Take the answer's places from both manifests; a manifest that does not say them gives none."""
        self.found: dict[tuple[str, ...], Any] = {}
        self.expected: dict[tuple[str, ...], Any] = {}
        self._places = [_places(found), _places(expected)]

    def take(self, sheet: str, number: int, row: Row, side: int) -> None:
        """Take a row of a sheet; side 0 is the file, 1 is what gpit writes."""
        year, rows, code, answer = self._places[side].get(sheet, _NO_ANSWERS)
        if number in rows:
            values = self.expected if side else self.found
            values[year, str(row.get(code, _NOTHING).value)] = row.get(answer, _NOTHING).value


def _places(manifest: Mapping[str, Any]) -> dict[str, tuple[str, range, int, int]]:
    """Return for each sheet of organisations its year, its rows, and the columns of code and answer."""
    try:
        result = manifest["definition"]["result"]
        return {
            str(one["sheet"]): (
                str(one["year"]),
                range(int(one["first_row"]), int(one["last_row"]) + 1),
                column_number(one["columns"]["org_code"]),
                column_number(one["columns"][result]),
            )
            for one in manifest["workbook"]["tables"]
            if not one["by"]
        }
    except (KeyError, TypeError, ValueError, AttributeError):
        return {}


def compare_books(found: WorkbookCells, expected: WorkbookCells, answers: Answers, into: Differences) -> BookComparison:
    """Compare the file's workbook with that which gpit writes.

    Raises:
        Unreadable: A sheet of the file is damaged.
    """
    pairs = _paired(found, expected, into)
    sheets = {here.casefold(): there for there, here in pairs.items() if here != there}
    _compare_names(found, expected, sheets, into)
    for setting, there in expected.settings.items():
        if found.settings[setting] != there:
            into.add(
                FileDifference(
                    DifferenceKind.VALUE, f"setting {setting} of the workbook", "", found.settings[setting], there
                )
            )
    comparison = BookComparison(sheets, answers, into)
    for name in expected.sheets:
        if name in pairs:
            comparison.sheet(found, pairs[name], expected, name)
    if comparison.without_values:
        into.drop(DifferenceKind.CONSEQUENCE)
        answers.found.clear()
    return comparison


def _paired(found: WorkbookCells, expected: WorkbookCells, into: Differences) -> dict[str, str]:
    """Return for each sheet that gpit writes its name in the file: the same, or that of a sheet with its headings."""
    names = {name.casefold(): name for name in found.sheets}
    pairs = {name: names.pop(name.casefold()) for name in expected.sheets if name.casefold() in names}
    left = {name: _head(found, name) for name in names.values()}
    for name in expected.sheets:
        if name in pairs:
            continue
        head = _head(expected, name)
        other = next((one for one, cells in left.items() if cells == head), None)
        if other is None:
            into.add(FileDifference(DifferenceKind.REMOVED, f"sheet {name}", "", None, "a sheet"))
        else:
            into.add(FileDifference(DifferenceKind.RENAMED, f"sheet {name}", "", other, name))
            pairs[name] = other
            del left[other]
    for name in left:
        into.add(FileDifference(DifferenceKind.ADDED, f"sheet {name}", "", "a sheet", None))
    return pairs


def _head(book: WorkbookCells, sheet: str) -> dict[tuple[int, int], Any]:
    """Return title and headings of a sheet."""
    rows = islice(book.rows(sheet), HEADING_ROW)
    return {
        (number, column): cell.value
        for number, row in rows
        if number in (TITLE_ROW, HEADING_ROW)
        for column, cell in row.items()
    }


def _compare_names(found: WorkbookCells, expected: WorkbookCells, sheets: Mapping[str, str], into: Differences) -> None:
    """Compare what names stand for: formulas say the same where a name leads elsewhere."""
    for name in dict.fromkeys([*expected.names, *found.names]):
        here, there = found.names.get(name), expected.names.get(name)
        if here is None:
            into.add(FileDifference(DifferenceKind.REMOVED, f"name {name}", "", None, f"={there}"))
        elif there is None:
            into.add(FileDifference(DifferenceKind.ADDED, f"name {name}", "", f"={here}", None))
        elif normal(here, sheets) != normal(there, {}):
            into.add(FileDifference(DifferenceKind.FORMULA, f"name {name}", "", f"={here}", f"={there}"))


class BookComparison:
    """Two workbooks row by row."""

    def __init__(self, sheets: Mapping[str, str], answers: Answers, into: Differences) -> None:
        self.sheets, self.answers, self.into = sheets, answers, into
        self.filled_in: list[ManifestChange] = []
        self.status = reference_sheets.DRAFT
        """What the file says instead of Draft."""
        self.formulas = 0
        self.values = 0
        """Formulas of the file that give a value, and how many of them hold one."""

    @property
    def without_values(self) -> bool:
        """Return whether the file holds formulas and not one value that they gave."""
        return self.formulas > 0 and not self.values

    def sheet(self, found: WorkbookCells, called: str, expected: WorkbookCells, name: str) -> None:
        """Compare the rows of a sheet, which the file may call otherwise."""
        page = _Page(name, called)
        rows, own_rows = found.rows(called), expected.rows(name)
        here, there = next(rows, None), next(own_rows, None)
        while here or there:
            number = min(one[0] for one in (here, there) if one)
            row = here[1] if here and here[0] == number else {}
            own = there[1] if there and there[0] == number else {}
            if number == HEADING_ROW:
                page.headings = {column: str(cell.value) for column, cell in own.items()}
            if number == NOTE_ROW:
                page.role = str(own.get(1, _NOTHING).value).partition(".")[0]
            self.answers.take(called, number, row, 0)
            self.answers.take(name, number, own, 1)
            # Pieces of the manifest are put together and compared entry by entry.
            if row != own and not (name == MANIFEST and (_is_piece(row) or _is_piece(own))):
                for column in sorted({*row, *own}):
                    self._cell(page, number, column, row.get(column, _NOTHING), own)
            self._count(row, own)
            here = next(rows, None) if here and here[0] == number else here
            there = next(own_rows, None) if there and there[0] == number else there

    def _count(self, row: Row, own: Row) -> None:
        for column, cell in own.items():
            if cell.formula is not None and cell.value is not None and column in row:
                self.formulas += row[column].formula is not None
                self.values += row[column].formula is not None and row[column].value is not None

    def _cell(self, page: _Page, number: int, column: int, found: StoredCell, own: Row) -> None:
        expected = own.get(column, _NOTHING)
        if found == expected or self._filled_in(page, column, found, own):
            return
        kind = self._kind(page, number, column, found, own)
        if kind is None:
            return
        self.into.add(
            FileDifference(
                kind,
                f"{page.called}!{address(number, column)}",
                page.about(number, column, own),
                found.value if kind == DifferenceKind.CONSEQUENCE else found.content,
                expected.content if kind == DifferenceKind.FORMULA else expected.value,
                page.unit(column, own),
            )
        )

    def _kind(self, page: _Page, number: int, column: int, found: StoredCell, own: Row) -> DifferenceKind | None:
        """Return how two cells differ; None where they do not."""
        expected = own.get(column, _NOTHING)
        if expected == _NOTHING:
            return DifferenceKind.ADDED
        if found == _NOTHING:
            return DifferenceKind.REMOVED
        if expected.formula is None:
            if found.formula is not None:
                return DifferenceKind.FORMULA
            if is_same_as_written(found.value, expected.value):
                return None
            return DifferenceKind.INPUT if page.role == "Input" else DifferenceKind.VALUE
        if found.formula is None:
            return DifferenceKind.TYPED_OVER
        if found.formula != expected.formula and normal(found.formula, self.sheets) != normal(expected.formula, {}):
            return DifferenceKind.FORMULA
        if is_same_as_worked_out(found.value, expected.value) or self._says_status(found, expected):
            return None
        # The workings hold what is left of large numbers.
        is_remainder = page.role == "Working" and REMAINDER in page.about(number, column, own)
        return None if is_remainder and is_same_remainder(found.value, expected.value) else DifferenceKind.CONSEQUENCE

    def _filled_in(self, page: _Page, column: int, found: StoredCell, own: Row) -> bool:
        """Return whether a cell is a field to be filled in, and take down what was."""
        item, until_then = own.get(1, _NOTHING).value, own.get(column, _NOTHING).value
        if page.name != reference_sheets.ABOUT or until_then != reference_sheets.TO_FILL_IN.get(item, ""):
            return False
        self.filled_in.append(ManifestChange(item, until_then, found.content))
        if until_then == reference_sheets.DRAFT:
            self.status = str(found.value or "")
        return True

    def _says_status(self, found: StoredCell, expected: StoredCell) -> bool:
        """Return whether a note differs in nothing but what was filled in for Draft."""
        before, _, after = str(expected.value).rpartition(f"{reference_sheets.DRAFT}. ")
        follows_status = reference_sheets.STATUS_NAME in (expected.formula or "")
        return follows_status and found.value == f"{before}{self.status}. {after}"


def _is_piece(row: Row) -> bool:
    """Return whether a row of the sheet Manifest holds a piece of the manifest as JSON."""
    label = row.get(1, _NOTHING).value
    return isinstance(label, str) and _PIECE.fullmatch(label) is not None


@dataclass(slots=True)
class _Page:
    """What is known of a sheet while its rows go by."""

    name: str
    called: str
    """Its name in the file."""
    role: str = ""
    """What its note says that it is for, in a word: Input, Working, Output or Control."""
    headings: dict[int, str] = field(default_factory=dict)

    def about(self, number: int, column: int, own: Row) -> str:
        """Return what a cell is: what its row is of, and the heading of its column."""
        heading = self.headings.get(column, "")
        if number < TOTAL_ROW:
            return "title" if number == TITLE_ROW else "note"
        if number <= HEADING_ROW:
            return ", ".join(part for part in ("total" if number == TOTAL_ROW else "heading", heading) if part)
        named = {text: own[one].value for one, text in self.headings.items() if one in own}
        who = [str(named[one]) for one in _NAMES if isinstance(named.get(one), str)]
        if not who and isinstance(own.get(1, _NOTHING).value, str):
            who = [str(own[1].value)]
        year = [str(named["Year"])] if isinstance(named.get("Year"), str) else []
        said = [" ".join(who[:2])[:80], *year, heading]
        return ", ".join(part for part in said if part and part != "none")

    def unit(self, column: int, own: Row) -> str:
        """Return `£` where the heading says so, or the unit of a parameter."""
        if self.name == PARAMETERS:
            unit = next((own[one].value for one, text in self.headings.items() if text == "Unit" and one in own), "")
            return str(unit) if self.headings.get(column, "") in ("Value", "Value in the run") else ""
        money = _UNIT.search(self.headings.get(column, ""))
        return money[1] if money else ""


def normal(formula: str, sheets: Mapping[str, str]) -> str:
    """Return a formula without what differs between programs that save the same workbook.

    Spaces between operators, capitals, `_xlfn.` before newer functions, `TRUE()` for `TRUE` and quotation marks
    around names of sheets go. Texts, `$` and the space that intersects ranges stay.

    Args:
        formula: Text of the formula, without its `=`.
        sheets: For each sheet that has another name in this workbook, its casefolded name to that which gpit gives it.
    """
    parts: list[str] = []
    end = 0
    for token in _TOKEN.finditer(formula):
        parts.append(formula[end : token.start()].upper())
        end = token.end()
        match token.lastgroup:
            case "text":
                parts.append(token[0])
            case "quoted" | "sheet":
                name = token["sheet"] or token["quoted"][1:-1].replace("''", "'")
                parts.append(f"'{sheets.get(name.casefold(), name).upper()}'!")
            case "space":
                between = _BEFORE.match(formula[: token.start()][-1:]) and _AFTER.match(formula[end : end + 1])
                parts.append(" " if between else "")
            case "truth":
                parts.append("TRUE" if token[0][:1] in "tT" else "FALSE")
    parts.append(formula[end:].upper())
    return "".join(parts)
