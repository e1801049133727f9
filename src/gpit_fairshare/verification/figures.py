"""Compare the figures of two workbooks whose layouts differ, because different versions of gpit wrote them.

The manifest of each workbook names the cells of its parameters, inputs and steps. These are compared by what they
are, such as the allocation of an organisation in a year, and not by their address. On published sheets, a number in
a column of formulas is reported: somebody typed it over its formula.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from gpit_fairshare.errors import UsageError
from gpit_fairshare.results.agreement import (
    are_numbers,
    is_same_as_calculated,
    is_same_as_written,
    label_inside,
    predicates_of,
)
from gpit_fairshare.results.model import KEYS, manifest_problem
from gpit_fairshare.verification.cells import StoredCell, WorkbookCells, address
from gpit_fairshare.verification.documents import pair_keys
from gpit_fairshare.verification.model import DifferenceKind, Differences, FileDifference
from gpit_fairshare.workbook.sheets import HEADING_ROW, NOTE_ROW, column_number

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from gpit_fairshare.scheme.model import Scheme

NOT_COMPARED: Final = (
    "Compared: the parameters, inputs and steps whose cells its manifest names. "
    "Not compared: formulas in cells, values on other sheets, layout and charts."
)
"""What a report says of a workbook that another version of gpit wrote."""
_NOTHING: Final = StoredCell(None, None)
_PUBLISHED: Final = "Output"
"""How the note of a published sheet begins."""
_TEXTS: Final = {"year": "year", "org_code": "code", "org_name": "name"}
"""Columns of texts that no scheme labels, in words."""


class _NamedRow(NamedTuple):
    """The named cells of a row."""

    offset: int
    """Its distance from the first row of its table."""
    number: int
    key: tuple[str, ...]
    """Organisation or group, and on a sheet of inputs also the year."""
    cells: Mapping[str, StoredCell]
    """By name of column."""


@dataclass(frozen=True, slots=True)
class _NamedTable:
    """Rows of organisations or groups, as a manifest says where they are."""

    sheet: str
    year: str
    """Empty for a sheet of inputs."""
    columns: Mapping[str, int]
    rows: Sequence[_NamedRow]


class _NamedCell(NamedTuple):
    """A cell with one figure: a parameter, or a national figure of a year."""

    place: str
    cell: StoredCell


@dataclass(slots=True)
class NamedFigures:
    """The cells of a workbook that its manifest names, each by what it is."""

    tables: dict[tuple[str, ...], _NamedTable] = field(default_factory=dict)
    """By group and year; those of inputs by the names of their columns."""
    cells: dict[tuple[str, str], _NamedCell] = field(default_factory=dict)
    """By name and year."""

    @property
    def has_no_values(self) -> bool:
        """Return whether the rows have formulas, and no stored value of any of them."""
        cells = (cell for table in self.tables.values() for row in table.rows for cell in row.cells.values())
        values = [cell.value for cell in cells if cell.formula is not None]
        return bool(values) and all(value is None for value in values)

    def answers(self, answer: str) -> Iterator[tuple[str, str, Any]]:
        """Yield year, code and value of an organisation's answer, row by row; `answer` names its column."""
        for (kind, *_), table in self.tables.items():
            if kind == "org_code":
                yield from ((table.year, *row.key, row.cells.get(answer, _NOTHING).value) for row in table.rows)


def named_figures(book: WorkbookCells, manifest: Mapping[str, Any], name: str) -> NamedFigures:
    """Return the cells that the manifest of a workbook names; the tables of a sheet that is missing are left out.

    Args:
        book: The workbook.
        manifest: Its manifest.
        name: Name of the file, for messages.

    Raises:
        UsageError: The manifest does not say where the figures are.
    """
    figures = NamedFigures()
    try:
        places = manifest["workbook"]
        for entry in _entries_with_sheet(book, places["tables"]):
            kind, year = entry["by"] or "org_code", str(entry["year"])
            figures.tables[kind, year] = _read_table(book, entry, (kind,), entry["columns"], year)
        for entry in _entries_with_sheet(book, places["inputs"]):
            names = (*KEYS, *entry["digests"])
            columns = {column: entry["columns"][column] for column in names}
            figures.tables["inputs", *sorted(entry["digests"])] = _read_table(book, entry, KEYS, columns, "")
        references = {(str(entry["name"]), str(entry["year"])): _split(str(entry["cell"])) for entry in places["cells"]}
    except (LookupError, TypeError, AttributeError, ValueError) as fault:
        raise UsageError(manifest_problem(name, fault)) from None
    for sheet in dict.fromkeys(sheet for sheet, _, _ in references.values()):
        rows = dict(book.rows(sheet)) if sheet in book.sheets else {}
        for key, (cell_sheet, row, column) in references.items():
            if cell_sheet == sheet:
                cell = rows[row].get(column, _NOTHING) if row in rows else _NOTHING
                figures.cells[key] = _NamedCell(f"{sheet}!{address(row, column)}", cell)
    return figures


def _entries_with_sheet(book: WorkbookCells, entries: Iterable[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    """Yield the entries about tables whose sheet the workbook has."""
    yield from (entry for entry in entries if entry["sheet"] in book.sheets)


def _split(reference: str) -> tuple[str, int, int]:
    """Return sheet, row and column of a reference such as `'2014-15'!Q7`; `int` and `column_number` refuse others."""
    sheet, _, cell = reference.rpartition("!")
    letters = cell.rstrip("0123456789")
    return sheet.strip("'").replace("''", "'"), int(cell[len(letters) :]), column_number(letters)


def _read_table(
    book: WorkbookCells, entry: Mapping[str, Any], keys: Sequence[str], columns: Mapping[str, str], year: str
) -> _NamedTable:
    """Return a table of a workbook: each row from its first one on that has a value in a column of `keys`."""
    numbers = {name: column_number(letters) for name, letters in columns.items()}
    sheet, first = str(entry["sheet"]), int(entry["first_row"])
    rows = []
    for number, row in book.rows(sheet):
        cells = {name: row.get(column, _NOTHING) for name, column in numbers.items()}
        if number >= first and any(cells[key].value is not None for key in keys):
            key = tuple(str(cells[key].value) for key in keys)
            rows.append(_NamedRow(number - first, number, key, cells))
    return _NamedTable(sheet, year, numbers, rows)


class NamedFiguresComparison:
    """Compares the figures of two workbooks, and adds each difference to `into`."""

    def __init__(self, scheme: Scheme, into: Differences) -> None:
        """Start with nothing compared; `scheme` says what the figures are, and `into` takes the differences."""
        self.scheme, self.into = scheme, into
        self._predicates = predicates_of(scheme)

    def compare(self, actual: NamedFigures, expected: NamedFigures) -> None:
        """Compare all parameters, inputs and steps, and the figures over rows that both workbooks have.

        Args:
            actual: The figures of the file.
            expected: The figures of the workbook that gpit writes now.
        """
        for key in dict.fromkeys([*expected.cells, *actual.cells]):
            pair = actual.cells.get(key), expected.cells.get(key)
            self._compare_named_cells(*key, *pair)
        for table_key in dict.fromkeys([*expected.tables, *actual.tables]):
            actual_table, expected_table = actual.tables.get(table_key), expected.tables.get(table_key)
            if actual_table and expected_table:
                self._compare_tables(actual_table, expected_table)
            elif expected_table:
                self._add(DifferenceKind.REMOVED, f"sheet {expected_table.sheet}", "", None, "a sheet")
            elif actual_table:
                self._add(DifferenceKind.ADDED, f"sheet {actual_table.sheet}", "", "a sheet", None)

    def _compare_named_cells(
        self, name: str, year: str, actual: _NamedCell | None, expected: _NamedCell | None
    ) -> None:
        """Compare a parameter or a national figure of a year, which one of the two workbooks may lack."""
        about = f"{self._label(name)}, {year}"
        if actual and expected:
            is_parameter = name in self.scheme.parameters
            if self._is_figure(name):
                self._compare_cells(name, actual.place, about, actual.cell, expected.cell, is_input=is_parameter)
        elif name not in self.scheme.symbols:
            return  # a working, which versions may name differently
        elif expected:
            self._add(DifferenceKind.REMOVED, expected.place, about, None, expected.cell.value, name)
        elif actual:
            self._add(DifferenceKind.ADDED, actual.place, about, actual.cell.value, None, name)

    def _compare_tables(self, actual: _NamedTable, expected: _NamedTable) -> None:
        """Compare two tables: rows by organisation or group, or else by position, and columns by name."""
        matches, unmatched = pair_keys([row.key for row in actual.rows], [row.key for row in expected.rows])
        left_over = {actual.rows[position].offset: actual.rows[position] for position in unmatched}
        names = [name for name in expected.columns if name in actual.columns and self._is_figure(name)]
        for name in sorted({*expected.columns} ^ {*actual.columns}):
            place = f"{actual.sheet}, column {name}"
            if self._is_figure(name) and name in expected.columns:
                self._add(DifferenceKind.REMOVED, place, "", None, "a column")
            elif self._is_figure(name):
                self._add(DifferenceKind.ADDED, place, "", "a column", None)
        for match, expected_row in zip(matches, expected.rows, strict=True):
            # A row whose code was changed is still the row at its place.
            row = left_over.pop(expected_row.offset, None) if match is None else actual.rows[match]
            subject = _subject(expected_row)
            if row is None:
                self._add(DifferenceKind.REMOVED, f"{actual.sheet}, row of {subject}", "", None, "the row")
                continue
            for name in names:
                place = f"{actual.sheet}!{address(row.number, actual.columns[name])}"
                about = f"{subject}, {self._label(name)}"
                pair = row.cells[name], expected_row.cells[name]
                self._compare_cells(name, place, about, *pair, is_input=not actual.year)
        for row in left_over.values():
            place = f"{actual.sheet}, row {row.number}"
            self._add(DifferenceKind.ADDED, place, _subject(row), "the row", None)

    def _label(self, name: str) -> str:
        """Return the label of a column or figure inside a sentence; a figure over rows is named as formulas do."""
        return name if _is_over_rows(name) else _TEXTS.get(name) or label_inside(self.scheme, name)

    def _is_figure(self, name: str) -> bool:
        """Return whether a name is that of a parameter, input, step, figure over rows, year, code or name.

        All other names are workings, which each version may lay out differently.
        """
        names = self.scheme.symbols.keys() | {*_TEXTS, self.scheme.report_by}
        return name in names or _is_over_rows(name)

    def _compare_cells(
        self, name: str, place: str, about: str, actual: StoredCell, expected: StoredCell, *, is_input: bool
    ) -> None:
        """Compare the values of two cells of one figure, which must meet the tolerance of its step."""
        is_same = self._predicates.get(name, is_same_as_calculated if _is_over_rows(name) else is_same_as_written)
        if is_same(actual.value, expected.value):
            return
        kind = DifferenceKind.INPUT if is_input else DifferenceKind.VALUE
        if expected.formula is not None and actual.formula is None:
            kind = DifferenceKind.TYPED_OVER
        self._add(kind, place, about, actual.value, expected.value, name)

    def _add(self, kind: DifferenceKind, place: str, about: str, actual: Any, expected: Any, name: str = "") -> None:
        """Add a difference; `name` is that of its figure and gives the unit."""
        unit = self.scheme.symbols[name].unit if name in self.scheme.symbols else ""
        self.into.add(FileDifference(kind, place, about, actual, expected, unit or ""))


def _is_over_rows(name: str) -> bool:
    """Return whether a name is that of a figure over rows, as formulas write it, such as `total(x)`."""
    return "(" in name


def _subject(row: _NamedRow) -> str:
    """Return what a row is about: code and name of an organisation, a group, or on a sheet of inputs code and year."""
    name = row.cells.get("org_name", _NOTHING).value
    return " ".join([*row.key, str(name)]) if name else ", ".join(reversed(row.key))


def find_typed_over(book: WorkbookCells, into: Differences) -> None:
    """Add each number on a published sheet that has no formula, where other cells of its column have one, to `into`.

    Published sheets have formulas only, so that they always show the figures of the calculation.

    Args:
        book: The workbook.
        into: Takes the differences; what the formula gave is unknown, so their expected value is None.
    """
    for sheet in book.sheets:
        numbers: list[tuple[int, int, str, Any]] = []
        headings: dict[int, str] = {}
        live: set[int] = set()
        is_published = False
        for row, cells in book.rows(sheet):
            if row <= NOTE_ROW:
                is_published = row == NOTE_ROW and str(cells.get(1, _NOTHING).value).startswith(_PUBLISHED)
                continue
            if not is_published:
                break
            if row == HEADING_ROW:
                headings = {column: str(cell.value) for column, cell in cells.items()}
            live |= {column for column, cell in cells.items() if cell.formula is not None}
            subject = " ".join(str(cell.value) for cell in [*cells.values()][:2] if isinstance(cell.value, str))[:80]
            numbers += [
                (row, column, subject, cell.value)
                for column, cell in cells.items()
                if cell.formula is None and are_numbers(cell.value)
            ]
        for row, column, subject, value in numbers:
            if column in live:
                place = f"{sheet}!{address(row, column)}"
                about = ", ".join(text for text in (subject, headings.get(column, "")) if text)
                into.add(FileDifference(DifferenceKind.TYPED_OVER, place, about, value, None))
