"""Change workbooks as people do: in their XML, so that every other cell keeps its stored value.

openpyxl drops the values of all formulas when it saves; Excel, and people who edit the file, keep them.
"""

from __future__ import annotations

import json
import re
import zipfile
from typing import TYPE_CHECKING, Any
from xml.sax.saxutils import escape

import openpyxl

from recalculation import CELL, _sheet_parts

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

FORMULA = re.compile(r"<f\b[^>]*>(.*?)</f>", re.DOTALL)


def edited(workbook: Path, changes: dict[str, Callable[[bytes], bytes]]) -> None:
    """Write a workbook again with some of its parts changed."""
    with zipfile.ZipFile(workbook) as source:
        parts = {entry: source.read(entry) for entry in source.infolist()}
    with zipfile.ZipFile(workbook, "w", zipfile.ZIP_DEFLATED) as target:
        for entry, data in parts.items():
            name = entry.filename
            target.writestr(name, changes[name](data) if name in changes else data)


def change_cells(workbook: Path, changes: Mapping[tuple[str, str], Callable[[str], str]]) -> None:
    """Change the XML of cells, each with its sheet, with functions."""
    parts, done = _sheet_parts(workbook), set()

    def of_sheet(sheet: str) -> Callable[[bytes], bytes]:
        def replaced(match: re.Match[str]) -> str:
            change = changes.get((sheet, match[1]))
            done.update([(sheet, match[1])] if change else [])
            return change(match[0]) if change else match[0]

        return lambda data: CELL.sub(replaced, data.decode()).encode()

    edited(workbook, {parts[sheet]: of_sheet(sheet) for sheet in {sheet for sheet, _ in changes}})
    assert done == changes.keys(), f"{changes.keys() - done} hold nothing"


def change_cell(workbook: Path, sheet: str, cell: str, change: Callable[[str], str]) -> None:
    """Change the XML of a cell with a function."""
    change_cells(workbook, {(sheet, cell): change})


def change_row(workbook: Path, sheet: str, row: int, change: Callable[[str], str]) -> None:
    """Change the XML of a row with a function."""
    pattern = re.compile(rf'<row r="{row}"[^>]*>.*?</row>', re.DOTALL)

    def changed(data: bytes) -> bytes:
        xml, count = pattern.subn(lambda match: change(match[0]), data.decode())
        assert count == 1, f"{sheet} has no row {row}"
        return xml.encode()

    edited(workbook, {_sheet_parts(workbook)[sheet]: changed})


def change_manifest(workbook: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """Change the manifest that a workbook holds with a function, in its pieces."""
    sheet = openpyxl.load_workbook(workbook)["Manifest"]
    rows = {cell.value: cell.row for cell in sheet["A"] if str(cell.value).startswith("JSON ")}
    manifest = json.loads("".join(sheet.cell(row, 2).value for row in rows.values()))
    change(manifest)
    text = json.dumps(manifest, ensure_ascii=False)
    size = -(-len(text) // len(rows))
    pieces = [text[place * size : (place + 1) * size] for place in range(len(rows))]
    type_all_over(workbook, {("Manifest", f"B{row}"): piece for row, piece in zip(rows.values(), pieces, strict=True)})


def element(cell: str, value: object, formula: str | None = None) -> str:
    """The XML of a cell."""
    formula_element = "" if formula is None else f"<f>{escape(formula)}</f>"
    if isinstance(value, str):
        kind = ' t="str"' if formula is not None else ' t="inlineStr"'
        inside = (
            f"{formula_element}<v>{escape(value)}</v>"
            if formula is not None
            else f'<is><t xml:space="preserve">{escape(value)}</t></is>'
        )
        return f'<c r="{cell}"{kind}>{inside}</c>'
    return f'<c r="{cell}">{formula_element}<v>{value!r}</v></c>'


def type_all_over(workbook: Path, values: Mapping[tuple[str, str], float | str]) -> None:
    """Replace cells, each with its sheet, with values."""
    changes = {place: lambda _, place=place: element(place[1], values[place]) for place in values}
    change_cells(workbook, changes)


def type_over(workbook: Path, sheet: str, cell: str, value: float | str) -> None:
    """Replace a cell with a value."""
    type_all_over(workbook, {(sheet, cell): value})


def formula_of(xml: str) -> str:
    """The formula in the XML of a cell."""
    match = FORMULA.search(xml)
    assert match, xml
    return match[1]


def calculated(workbook: Path) -> list[tuple[str, str]]:
    """Sheet and address of every cell with a formula."""
    places = []
    parts = {part: name for name, part in _sheet_parts(workbook).items()}
    with zipfile.ZipFile(workbook) as archive:
        for part, name in parts.items():
            cells = CELL.finditer(archive.read(part).decode())
            places += [(name, match[1]) for match in cells if "<f>" in match[0]]
    return places


def by_openpyxl(workbook: Path, change: Callable[[openpyxl.Workbook], object]) -> None:
    """Change a workbook and save it with openpyxl, which drops the values of formulas."""
    with workbook.open("rb") as stream:
        book = openpyxl.load_workbook(stream)
    change(book)
    book.save(workbook)
