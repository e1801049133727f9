"""Read the figures that the cells of an allocation workbook have now, including changes since the run."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from gpit_fairshare.errors import SchemeError, UsageError
from gpit_fairshare.inputs.files.grids import Broken, ReadOptions
from gpit_fairshare.inputs.files.workbooks import workbook_rows
from gpit_fairshare.results.agreement import are_numbers, is_same_as_written
from gpit_fairshare.results.model import Origins, manifest_problem
from gpit_fairshare.scheme.written_numbers import number
from gpit_fairshare.structured_texts import TextError, parse_json
from gpit_fairshare.workbook.layout import EVERY_YEAR, MANIFEST, NOT_GIVEN
from gpit_fairshare.workbook.places import cell_digest, place_of
from gpit_fairshare.workbook.sheets import column_number

if TYPE_CHECKING:
    from collections.abc import Container, Mapping

CHANGED: Final = "Changed in the workbook since the run."
"""The assumption of a parameter that was changed in the workbook."""
CHANGED_INPUT: Final = "changed in the workbook since the run"
"""Begins the origin of an input that was changed in the workbook."""
COMPARISON: Final = "is a comparison of gpit compare; give one of the two results that it compares"
"""Why a file of a comparison is no result, after its name."""
_PIECE: Final = re.compile(r"JSON ([0-9]{1,6}) of ([0-9]{1,6})")


def read_book(name: str, data: bytes, largest: int) -> tuple[list[dict[str, Any]], dict[str, Any], Origins]:
    """Return the rows, the manifest and the origins of a workbook; parameters have the values of their cells.

    Args:
        name: Name of the file, for messages.
        data: The bytes of the workbook.
        largest: Most bytes that it may have.

    Raises:
        SchemeError: The manifest is not as gpit writes it.
    """
    sheets = _Sheets(name, data, largest)
    manifest = _read_manifest(sheets)
    try:
        places = manifest["workbook"]
        rows = _tidy_rows(sheets, manifest, places)
        _update_parameters(sheets, manifest["definition"], places["cells"])
        origins = _input_origins(sheets, places["inputs"], rows)
    except (LookupError, TypeError, AttributeError, ValueError) as fault:
        raise SchemeError(manifest_problem(name, fault)) from None
    return rows, manifest, origins


def book_manifest(name: str, data: bytes, largest: int) -> dict[str, Any]:
    """Return the manifest that a workbook holds; parameters have the values of the run, not those of the cells."""
    return _read_manifest(_Sheets(name, data, largest))


class _Sheets:
    """The cells of a workbook, by sheet."""

    def __init__(self, name: str, data: bytes, largest: int) -> None:
        """Open a workbook of at most `largest` bytes; a sheet is read when its cells are asked for."""
        self.name = name
        rows = workbook_rows(data, ReadOptions(largest=largest))
        self.cells = cache(lambda sheet: dict(rows(sheet)))
        """Returns the rows of a sheet that are not empty, by row number."""

    def has(self, sheet: str) -> bool:
        """Return whether the workbook has a sheet of this name that can be read."""
        try:
            return bool(self.cells(sheet))
        except Exception:  # noqa: BLE001  # no such sheet, or an unreadable one
            return False

    def value(self, sheet: str, column: str, row: int, *, may_be_blank: bool = False) -> Any:
        """Return the value of a cell; None if it is empty, or if it has no usable value and may be blank.

        Raises:
            UsageError: The cell holds an error, or a formula without a value.
        """
        cells, index = self.cells(sheet)[row], column_number(column) - 1
        value = cells[index] if index < len(cells) else None
        if isinstance(value, Broken) and may_be_blank:
            return None
        if isinstance(value, Broken):
            raise UsageError(
                f"{self.name}: {sheet}!{column}{row}: {value.why}. "
                f"{value.remedy or 'Undo or correct the change that its formula cannot use, recalculate and save'}"
            )
        return value


def _read_manifest(sheets: _Sheets) -> dict[str, Any]:
    """Return the manifest of a workbook, joined from the pieces on its sheet Manifest.

    Raises:
        UsageError: It is missing or cannot be read.
    """
    pieces: dict[int, str] = {}
    count = 0
    rows = sheets.cells(MANIFEST) if sheets.has(MANIFEST) else {}
    for cells in rows.values():
        match = _PIECE.fullmatch(str(cells[0])) if len(cells) > 1 else None
        if match:
            pieces[int(match[1])], count = str(cells[1]), int(match[2])
    text = "".join(pieces.get(number, "") for number in range(1, count + 1))
    try:
        manifest, reason = parse_json(text), ""
    except ValueError as fault:
        manifest, reason = None, f" ({fault})" if isinstance(fault, TextError) else ""
    if not isinstance(manifest, dict):
        if sheets.has("Changes") and sheets.has("Causes"):
            raise UsageError(f"{sheets.name}: {COMPARISON}")
        raise UsageError(
            f"{sheets.name}: has no readable manifest{reason}; expected a workbook of gpit allocate with its sheet "
            "Manifest unchanged"
        )
    return manifest


def _tidy_rows(sheets: _Sheets, manifest: Mapping[str, Any], places: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the tidy table of a workbook: each organisation's cells, with the figures of its groups and of the nation.

    A text `[not given]` is a blank. The answer is the last column.

    Args:
        sheets: The cells.
        manifest: The manifest of the workbook.
        places: The part of the manifest that says which sheets and cells hold figures.
    """
    definition = manifest["definition"]
    kinds = {step["name"]: step["kind"] for step in definition["steps"]}
    groups = {
        (table["by"], table["year"]): {row[table["by"]]: row for row in _table_rows(sheets, table)}
        for table in places["tables"]
        if table["by"]
    }
    national = {(cell["name"], cell["year"]): _cell_value(sheets, cell["cell"]) for cell in places["cells"]}
    # A formula that refers to a blank cell has no value either, and counts as blank.
    blank = {column["name"] for column in definition["inputs"] if column["optional"]}
    numbers = {column["name"] for column in definition["inputs"] if column["type"] == "number"}
    numbers |= {step["name"] for step in definition["steps"] if step["unit"] != "yes/no"}
    rows = []
    for table in places["tables"]:
        if table["by"]:
            continue
        year = table["year"]
        for cells in _table_rows(sheets, table, blank, numbers):
            row = {"year": year, **{name: value for name, value in cells.items() if value != NOT_GIVEN}}
            for (column, group_year), group in groups.items():
                if group_year == year:
                    row |= group.get(row[column], {})
            row |= {name: national[name, year] for name, kind in kinds.items() if kind == "national"}
            rows.append(row)
    columns = [definition["report_by"], *(column["name"] for column in definition["inputs"])]
    columns = [name for name in dict.fromkeys(columns) if name in rows[0]]
    answer = definition["result"]
    names = ["year", "org_code", "org_name", *columns, *(name for name in kinds if name != answer), answer]
    return [{name: row.get(name) for name in names} for row in rows]


def _table_rows(
    sheets: _Sheets, table: Mapping[str, Any], blank: Container[str] = (), numbers: Container[str] = ()
) -> list[dict[str, Any]]:
    """Return the values of each row of a table in a workbook, by name of column.

    Args:
        sheets: The cells.
        table: The manifest's entry about the table: its sheet, rows and columns.
        blank: Names of columns that may have formulas without a value.
        numbers: Names of columns that hold numbers only.

    Raises:
        UsageError: Rows were inserted or deleted, or a cell in a column of `numbers` holds something else.
    """
    sheet, first, last = table["sheet"], table["first_row"], table["last_row"]
    cells = sheets.cells(sheet)
    moved = [row for row in range(first, last + 1) if row not in cells] or [
        row for row, values in cells.items() if row > last and values[0] not in (None, "")
    ]
    if moved:
        raise UsageError(
            f"{sheets.name}: {sheet}, row {moved[0]}: rows were added, deleted or emptied; "
            f"expected rows {first} to {last} as gpit wrote them, and none below"
        )
    rows = []
    for row in range(first, last + 1):
        values = {}
        for name, column in table["columns"].items():
            value = sheets.value(sheet, column, row, may_be_blank=name in blank)
            if name in numbers and value is not None and not are_numbers(value):
                raise UsageError(f"{sheets.name}: {sheet}!{column}{row}: expected a number, found {str(value)[:40]!r}")
            values[name] = value
        rows.append(values)
    return rows


def _cell_value(sheets: _Sheets, reference: str) -> Any:
    """Return the value of the cell that a reference such as `'2014-15'!Q7` means."""
    sheet, _, cell = reference.rpartition("!")
    column = cell.rstrip("0123456789")
    return sheets.value(sheet.strip("'").replace("''", "'"), column, int(cell[len(column) :]))


def _update_parameters(sheets: _Sheets, definition: Mapping[str, Any], cells: list[dict[str, str]]) -> None:
    """Put the values of the parameters' cells into the definition; a changed value counts as set for the run.

    A changed value loses its source: its assumption says that it was changed in the workbook.

    Args:
        sheets: The cells.
        definition: The manifest's definition of the scheme; changed.
        cells: The manifest's entries about cells with single values.

    Raises:
        UsageError: The cell of a parameter is not a number.
    """
    references = {(cell["name"], cell["year"]): cell["cell"] for cell in cells}
    for parameter in definition["parameters"]:
        for year, value in parameter["values"].items():
            reference = references[parameter["name"], year]
            actual = _cell_value(sheets, reference)
            if not are_numbers(actual):
                shown_value = "nothing" if actual is None else repr(actual)[:40]
                raise UsageError(f"{sheets.name}: {reference}: expected a number, found {shown_value}")
            if not is_same_as_written(actual, number(value["value"])):
                own = {} if value["overridden"] else {"replaces": value["value"]}
                value |= {"value": repr(actual), "assumption": CHANGED, "overridden": True, **own}
                value.pop("source", None)


def _input_origins(sheets: _Sheets, tables: list[dict[str, Any]], rows: list[dict[str, Any]]) -> Origins:
    """Return the origin of each input, as the sheets of inputs give it; a changed input is described as changed.

    Raises:
        UsageError: An input was changed on its sheet, and the sheet of the year does not have the change yet.
    """
    origins: dict[tuple[str, str, str], str] = {}
    for table in tables:
        columns, sheet = table["columns"], table["sheet"]
        names = [name for name in columns if name in table["digests"]]
        lines = {(line["year"], line["org_code"]): line for line in _input_rows(sheets, table, names)}
        for row in rows:
            year, code = row["year"], row["org_code"]
            line = lines.get((year, code)) or lines.get((EVERY_YEAR, code))
            if line is None:
                continue
            for name in names:
                number = line["row"] - table["first_row"]
                digest = table["digests"][name][4 * number : 4 * number + 4]
                source = line["where_from"] if line["where_from"] != NOT_GIVEN else ""
                place = place_of(source, table["places"][name], number)
                year_digest = cell_digest(row[name])
                input_digest = cell_digest(line[name])
                # A change by hand on the sheet of the year counts; a change that has not reached that sheet does not.
                if input_digest not in (year_digest, digest):
                    raise UsageError(
                        f"{sheets.name}: {sheet}!{columns[name]}{line['row']} was changed, but the sheets of the years "
                        "are not recalculated; open the workbook, let it recalculate, and save it"
                    )
                changed = f"{CHANGED_INPUT}; in the run {place or 'not given'}"
                origins[year, code, name] = place if year_digest == digest else changed
    return {key: place for key, place in origins.items() if place}


def _input_rows(sheets: _Sheets, table: Mapping[str, Any], names: list[str]) -> list[dict[str, Any]]:
    """Return the rows of a sheet of inputs: row number, year, code, origin, and the inputs in `names`."""
    columns, sheet = table["columns"], table["sheet"]
    fields = ("year", "org_code", "where_from", *names)
    return [
        {"row": row, **{name: sheets.value(sheet, columns[name], row, may_be_blank=name in names) for name in fields}}
        for row in range(table["first_row"], table["last_row"] + 1)
        if row in sheets.cells(sheet)
    ]
