"""Compare a workbook with the one that gpit writes: sheet by sheet, cell by cell, formulas and values.

Only workbooks of this version of gpit are compared in this way; `figures` compares those of other versions.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from gpit_fairshare.results.agreement import is_same_as_calculated, is_same_as_written, is_same_remainder
from gpit_fairshare.verification.cells import Row, StoredCell, WorkbookCells, address
from gpit_fairshare.verification.model import NOTE, TITLE, DifferenceKind, Differences, FileDifference, ManifestChange
from gpit_fairshare.workbook import reference_sheets
from gpit_fairshare.workbook.kernel_columns import REMAINDER
from gpit_fairshare.workbook.layout import MANIFEST, NOT_GIVEN, ONE_ORGANISATION, PARAMETERS, TABLES
from gpit_fairshare.workbook.one_organisation_sheet import CHOSEN_CELL
from gpit_fairshare.workbook.sheets import HEADING_ROW, NONE, NOTE_ROW, TITLE_ROW, TOTAL_ROW, column_number

if TYPE_CHECKING:
    from collections.abc import Mapping

_NOTHING: Final = StoredCell(None, None)
_NO_ANSWERS: Final = ("", range(0), 0, 0)
_UNIT: Final = re.compile(r"\((£[^)]*)\)")
_PIECE: Final = re.compile(r"JSON [0-9]+ of [0-9]+")
_SUBJECT_HEADINGS: Final = ("Parameter", "Code", "Name", "Figure", "Step", "Check", "Item")
"""Headings of columns that say what a row is about; without any of them, the first column does."""
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
"""What a reference or value ends with, and begins with: a space between the two is Excel's intersection."""


class Answers:
    """Every organisation's answer in both workbooks, collected while their rows are read."""

    def __init__(self, actual: Mapping[str, Any], expected: Mapping[str, Any]) -> None:
        """Read from both manifests in which cells the answers are; a manifest that does not say gives none."""
        self.actual: dict[tuple[str, ...], Any] = {}
        self.expected: dict[tuple[str, ...], Any] = {}
        self._places = [_answer_places(actual), _answer_places(expected)]

    def collect_from_row(self, sheet: str, number: int, row: Row, side: int) -> None:
        """Store the answer in a row of a sheet by year and organisation, if the row has one.

        Args:
            sheet: Name of the sheet.
            number: Number of the row, from 1.
            row: Its cells.
            side: 0 for the file, 1 for what gpit writes.
        """
        year, rows, code, answer = self._places[side].get(sheet, _NO_ANSWERS)
        if number in rows:
            values = self.expected if side else self.actual
            values[year, str(row.get(code, _NOTHING).value)] = row.get(answer, _NOTHING).value


def _answer_places(manifest: Mapping[str, Any]) -> dict[str, tuple[str, range, int, int]]:
    """Return for each sheet of organisations its year, its rows, and the columns of code and answer.

    The result is empty if the manifest does not say.
    """
    try:
        result = manifest["definition"]["result"]
        return {
            str(table["sheet"]): (
                str(table["year"]),
                range(int(table["first_row"]), int(table["last_row"]) + 1),
                column_number(table["columns"]["org_code"]),
                column_number(table["columns"][result]),
            )
            for table in manifest["workbook"]["tables"]
            if not table["by"]
        }
    except (KeyError, TypeError, ValueError, AttributeError):
        return {}


def compare_books(
    actual: WorkbookCells, expected: WorkbookCells, answers: Answers, into: Differences
) -> BookComparison:
    """Compare the file's workbook with the one that gpit writes: sheets, defined names, settings and cells.

    If the file has formulas but no stored value of any, different values of the same formula are removed from `into`,
    and the file's answers from `answers`.

    Args:
        actual: The file.
        expected: What gpit writes.
        answers: Takes the answers of both.
        into: Takes the differences.

    Returns:
        The comparison, which knows what was filled in and whether the file has values.
    """
    pairs = _pair_sheets(actual, expected, into)
    sheets = {renamed.casefold(): name for name, renamed in pairs.items() if renamed != name}
    _compare_defined_names(actual, expected, sheets, into)
    compare_settings(actual, expected, into)
    comparison = BookComparison(sheets, answers, into)
    # About first: what replaces Draft there is in the status of every published sheet.
    for name in sorted(expected.sheets, key=lambda name: name != reference_sheets.ABOUT):
        if name in pairs:
            comparison.compare_sheet(actual, pairs[name], expected, name)
    if comparison.has_no_values:
        into.drop_kind(DifferenceKind.CONSEQUENCE)
        answers.actual.clear()
    return comparison


def compare_settings(actual: WorkbookCells, expected: WorkbookCells, into: Differences) -> None:
    """Compare the settings of two workbooks that change what formulas give, and add each difference to `into`."""
    for setting, expected_value in expected.settings.items():
        actual_value, place = actual.settings[setting], f"setting {setting} of the workbook"
        if actual_value != expected_value:
            into.add(FileDifference(DifferenceKind.VALUE, place, "", actual_value, expected_value))


def _pair_sheets(actual: WorkbookCells, expected: WorkbookCells, into: Differences) -> dict[str, str]:
    """Return for each sheet that gpit writes its name in the file; sheets that the file lacks are left out.

    A sheet is matched by its name, in any capitals, or else by the same title and headings. Sheets that only one
    workbook has, and renamed sheets, are added to `into`.
    """
    names = {name.casefold(): name for name in actual.sheets}
    pairs = {name: names.pop(name.casefold()) for name in expected.sheets if name.casefold() in names}
    unmatched = {name: _title_and_headings(actual, name) for name in names.values()}
    for name in expected.sheets:
        if name in pairs:
            continue
        head = _title_and_headings(expected, name)
        actual_name = next((sheet for sheet, cells in unmatched.items() if cells == head), None)
        if actual_name is None:
            into.add(FileDifference(DifferenceKind.REMOVED, f"sheet {name}", "", None, "a sheet"))
        else:
            into.add(FileDifference(DifferenceKind.RENAMED, f"sheet {name}", "", actual_name, name))
            pairs[name] = actual_name
            del unmatched[actual_name]
    for name in unmatched:
        into.add(FileDifference(DifferenceKind.ADDED, f"sheet {name}", "", "a sheet", None))
    return pairs


def _title_and_headings(book: WorkbookCells, sheet: str) -> dict[tuple[int, int], Any]:
    """Return the values of the title row and the heading row of a sheet, by row and column."""
    rows = islice(book.rows(sheet), HEADING_ROW)
    return {
        (number, column): cell.value
        for number, row in rows
        if number in (TITLE_ROW, HEADING_ROW)
        for column, cell in row.items()
    }


def _compare_defined_names(
    actual: WorkbookCells, expected: WorkbookCells, sheets: Mapping[str, str], into: Differences
) -> None:
    """Compare the references of defined names: a formula looks the same even if a name refers to other cells.

    Args:
        actual: The file.
        expected: What gpit writes.
        sheets: The renamed sheets of the file, each with the name that gpit gives.
        into: Takes the differences.
    """
    for name in dict.fromkeys([*expected.names, *actual.names]):
        place, actual_cells, expected_cells = f"name {name}", actual.names.get(name), expected.names.get(name)
        if actual_cells is None:
            into.add(FileDifference(DifferenceKind.REMOVED, place, "", None, f"={expected_cells}"))
        elif expected_cells is None:
            into.add(FileDifference(DifferenceKind.ADDED, place, "", f"={actual_cells}", None))
        elif normal(actual_cells, sheets) != normal(expected_cells, {}):
            into.add(FileDifference(DifferenceKind.FORMULA, place, "", f"={actual_cells}", f"={expected_cells}"))


class BookComparison:
    """Compares two workbooks row by row."""

    def __init__(self, sheets: Mapping[str, str], answers: Answers, into: Differences) -> None:
        """Start with nothing compared.

        Args:
            sheets: The renamed sheets of the file, each with the name that gpit gives.
            answers: Takes the answers of both workbooks.
            into: Takes the differences.
        """
        self.sheets, self.answers, self.into = sheets, answers, into
        self.filled_in: list[ManifestChange] = []
        self.status = reference_sheets.NOT_FINAL
        """What the file has in place of Draft."""
        self.formulas = 0
        self.values = 0
        """Formulas of the file that should have a value, and how many of them have one."""

    @property
    def has_no_values(self) -> bool:
        """Return whether the file has formulas and no stored value of any of them."""
        return self.formulas > 0 and not self.values

    def compare_sheet(self, actual: WorkbookCells, actual_name: str, expected: WorkbookCells, name: str) -> None:
        """Compare the rows of a sheet, which may have another name in the file, and collect the answers in them.

        Rows are matched by number. Pieces of the manifest are not compared here.

        Args:
            actual: The file.
            actual_name: Name of the sheet in the file.
            expected: What gpit writes.
            name: Name that gpit gives the sheet.
        """
        page = _SheetPage(name, actual_name)
        actual_rows, expected_rows = actual.rows(actual_name), expected.rows(name)
        actual_next, expected_next = next(actual_rows, None), next(expected_rows, None)
        while actual_next or expected_next:
            number = min(numbered[0] for numbered in (actual_next, expected_next) if numbered)
            actual_row = actual_next[1] if actual_next and actual_next[0] == number else {}
            expected_row = expected_next[1] if expected_next and expected_next[0] == number else {}
            if number == HEADING_ROW:
                page.headings = {column: str(cell.value) for column, cell in expected_row.items()}
            if number == NOTE_ROW:
                page.role = str(expected_row.get(1, _NOTHING).value).partition(".")[0]
            self.answers.collect_from_row(actual_name, number, actual_row, 0)
            self.answers.collect_from_row(name, number, expected_row, 1)
            # Pieces of the manifest are joined and compared entry by entry.
            is_piece = name == MANIFEST and (_is_manifest_piece(actual_row) or _is_manifest_piece(expected_row))
            if actual_row != expected_row and not is_piece:
                for column in sorted({*actual_row, *expected_row}):
                    self._compare_cell(page, number, column, actual_row.get(column, _NOTHING), expected_row)
            self._count_formulas(actual_row, expected_row)
            actual_next = next(actual_rows, None) if actual_next and actual_next[0] == number else actual_next
            expected_next = next(expected_rows, None) if expected_next and expected_next[0] == number else expected_next

    def _count_formulas(self, actual_row: Row, expected_row: Row) -> None:
        """Count the formulas of a row of the file, and those with a stored value, if gpit writes a value for them."""
        for column, cell in expected_row.items():
            if cell.formula is not None and cell.value is not None and column in actual_row:
                self.formulas += actual_row[column].formula is not None
                self.values += actual_row[column].formula is not None and actual_row[column].value is not None

    def _compare_cell(self, page: _SheetPage, number: int, column: int, actual: StoredCell, expected_row: Row) -> None:
        """Record how a cell differs, unless it is the same or is meant to be filled in."""
        expected = expected_row.get(column, _NOTHING)
        if actual == expected or self._is_filled_in(page, column, actual, expected_row):
            return
        if page.name == ONE_ORGANISATION and (number, column) == CHOSEN_CELL and actual.formula is None:
            page.shows_another_choice = True
            self.filled_in.append(ManifestChange(f"Code on the sheet {page.name}", expected.value, actual.value))
            return
        kind = self._difference_kind(page, number, column, actual, expected_row)
        if kind is None:
            return
        self.into.add(
            FileDifference(
                kind,
                f"{page.actual_name}!{address(number, column)}",
                page.describe_cell(number, column, expected_row),
                actual.value if kind == DifferenceKind.CONSEQUENCE else actual.content,
                expected.content if kind == DifferenceKind.FORMULA else expected.value,
                page.cell_unit(column, expected_row),
            )
        )

    def _difference_kind(
        self, page: _SheetPage, number: int, column: int, actual: StoredCell, expected_row: Row
    ) -> DifferenceKind | None:
        """Return the kind of difference between a cell and what gpit writes; None if they count as the same.

        Formulas are compared in normal form; figures, and remainders in workings, within their rounding; a status may
        differ in what was filled in. If a reader has chosen another organisation, only its formulas count.
        """
        expected = expected_row.get(column, _NOTHING)
        if expected == _NOTHING:
            return DifferenceKind.ADDED
        if actual == _NOTHING:
            return DifferenceKind.REMOVED
        if expected.formula is None:
            if actual.formula is not None:
                return DifferenceKind.FORMULA
            if is_same_as_written(actual.value, expected.value):
                return None
            return DifferenceKind.INPUT if page.is_input(number, column) else DifferenceKind.VALUE
        if actual.formula is None:
            return DifferenceKind.TYPED_OVER
        if actual.formula != expected.formula and normal(actual.formula, self.sheets) != normal(expected.formula, {}):
            return DifferenceKind.FORMULA
        if is_same_as_calculated(actual.value, expected.value) or self._is_status(actual, expected):
            return None
        if page.shows_another_choice and number > HEADING_ROW:
            return None  # the same formula, for another organisation
        # The workings have remainders of large numbers.
        is_remainder = page.role == "Working" and REMAINDER in page.describe_cell(number, column, expected_row)
        return None if is_remainder and is_same_remainder(actual.value, expected.value) else DifferenceKind.CONSEQUENCE

    def _is_filled_in(self, page: _SheetPage, column: int, actual: StoredCell, expected_row: Row) -> bool:
        """Return whether a cell is a field of the sheet About to fill in; if so, record its content.

        What replaces Not final is also stored as `status`.
        """
        field_name, placeholder = expected_row.get(1, _NOTHING).value, expected_row.get(column, _NOTHING).value
        if page.name != reference_sheets.ABOUT or placeholder != reference_sheets.TO_FILL_IN.get(field_name, ""):
            return False
        self.filled_in.append(ManifestChange(field_name, placeholder, actual.content))
        if placeholder == reference_sheets.NOT_FINAL:
            self.status = str(actual.value or "")
        return True

    def _is_status(self, actual: StoredCell, expected: StoredCell) -> bool:
        """Return whether a cell is a status that differs from what gpit writes only in what a reader has chosen."""
        after = str(expected.value).removeprefix(reference_sheets.status_text(reference_sheets.NOT_FINAL))
        follows_status = reference_sheets.STATUS_NAME in (expected.formula or "")
        return follows_status and actual.value == f"{reference_sheets.status_text(self.status)}{after}"


def _is_manifest_piece(row: Row) -> bool:
    """Return whether a row of the sheet Manifest holds a piece of the manifest as JSON."""
    label = row.get(1, _NOTHING).value
    return isinstance(label, str) and _PIECE.fullmatch(label) is not None


@dataclass(slots=True)
class _SheetPage:
    """What is known about a sheet while its rows are read."""

    name: str
    actual_name: str
    """Its name in the file."""
    role: str = ""
    """Its purpose, from its note: Input, Working, Output or Control."""
    headings: dict[int, str] = field(default_factory=dict)
    shows_another_choice: bool = False
    """Whether a reader has chosen another organisation than the run, so that its figures are other figures."""

    def is_input(self, number: int, column: int) -> bool:
        """Return whether a cell is there for a reader to change: below the headings of an input sheet.

        On the sheet of parameters, only the column Value counts.
        """
        is_below = self.role == "Input" and number > HEADING_ROW
        return is_below and (self.name not in (PARAMETERS, TABLES) or self.headings.get(column) == "Value")

    def describe_cell(self, number: int, column: int, expected_row: Row) -> str:
        """Return what a cell is, for a report: up to two subjects of its row, its year and the heading of its column.

        Above the rows it is the title, the note, the status, or the total or heading of its column. In a row of
        subtotals the first column, such as the area, is a subject.
        """
        heading = self.headings.get(column, "")
        if reference_sheets.STATUS_NAME in (expected_row.get(column, _NOTHING).formula or ""):
            return "status"
        if number < TOTAL_ROW:
            return TITLE if number == TITLE_ROW else NOTE
        if number <= HEADING_ROW:
            return ", ".join(part for part in ("total" if number == TOTAL_ROW else "heading", heading) if part)
        values = {text: expected_row[column].value for column, text in self.headings.items() if column in expected_row}
        texts = [str(values[name]) for name in _SUBJECT_HEADINGS if isinstance(values.get(name), str)]
        subjects = [text for text in texts if text not in (NONE, NOT_GIVEN)]
        first = expected_row.get(1, _NOTHING).value
        if isinstance(first, str) and first != NONE and (not subjects or NONE in texts):
            subjects.insert(0, first)
        year = [str(values["Year"])] if isinstance(values.get("Year"), str) else []
        parts = [" ".join(subjects[:2])[:80], *year, heading]
        return ", ".join(part for part in parts if part and part != NONE)

    def cell_unit(self, column: int, expected_row: Row) -> str:
        """Return the unit of money in the column's heading, such as `£`; an empty text if there is none.

        On the sheet of parameters, return the unit of the row instead, for the columns Value and Original value.
        """
        if self.name in (PARAMETERS, TABLES):
            columns = [other for other, text in self.headings.items() if text == "Unit" and other in expected_row]
            unit = expected_row[columns[0]].value if columns else ""
            return str(unit) if self.headings.get(column, "") in ("Value", "Original value") else ""
        match = _UNIT.search(self.headings.get(column, ""))
        return match[1] if match else ""


def normal(formula: str, sheets: Mapping[str, str]) -> str:
    """Return a formula in one normal form, without the differences between programs that save the same workbook.

    All but texts is in capitals, and every name of a sheet is in quotation marks. Spaces between operators, `_xlfn.`
    before newer functions and the brackets of `TRUE()` are removed. `$` and the space that intersects ranges are kept.

    Args:
        formula: Text of the formula, without its `=`.
        sheets: The renamed sheets of this workbook: casefolded name to the name that gpit gives, which replaces it.
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
