"""Facts about sheets in an .ods workbook that only its XML has, as in `markup` for .xlsx."""

from __future__ import annotations

from typing import IO, TYPE_CHECKING
from xml.etree.ElementTree import Element, fromstring, iterparse

from gpit_fairshare.inputs.columns.marks import rich_text
from gpit_fairshare.inputs.files.grids import NEVER_STORED, Broken, Markup

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_URN = "urn:oasis:names:tc:opendocument:xmlns"
_OFFICE, _TABLE, _TEXT = (f"{{{_URN}:{name}:1.0}}" for name in ("office", "table", "text"))
_STYLE = f"{{{_URN}:style:1.0}}"
_CALC = "{urn:org:documentfoundation:names:experimental:calc:xmlns:calcext:1.0}"
_SHEET, _ROW, _COLUMN = (f"{_TABLE}{name}" for name in ("table", "table-row", "table-column"))
_CELLS = (f"{_TABLE}table-cell", f"{_TABLE}covered-table-cell")
_VALUE_TYPE = f"{_OFFICE}value-type"
_ASIDE = (f"{_OFFICE}annotation", f"{{{_URN}:drawing:1.0}}")
"""Notes and shapes, which are not part of a cell's text."""
_MOST_COLUMNS = 16_384
_MOST_REPEATS = 2**16


def ods_markup(content: IO[bytes], positions: Mapping[str, str]) -> dict[str, Markup]:
    """Return the facts about each sheet of an .ods workbook that only its XML has, by the name of the sheet.

    Args:
        content: the XML of the workbook's content, which is read piece by piece.
        positions: the position of styles of text by name, as `raised_styles` returns it; if empty, superscripts and
            subscripts are not looked for.
    """
    scan = _SheetScan(positions)
    ancestors: list[Element] = []
    for event, node in iterparse(content, ("start", "end")):  # noqa: S314 – `open_package` refuses entities
        if event == "start":
            ancestors.append(node)
            scan.start_element(node)
        else:
            ancestors.pop()
            scan.end_element(node)
            if ancestors and node.tag in (_SHEET, _ROW, *_CELLS):
                ancestors[-1].clear()  # frees the memory of the part already read
    return scan.sheets


class _SheetScan:
    """Collects the markup of each sheet while the XML is read. Rows and cells may be repeated."""

    def __init__(self, positions: Mapping[str, str]) -> None:
        self.positions = positions
        self.sheets: dict[str, Markup] = {}
        self.sheet = Markup()
        self.row = self.rows = self.column = self.columns = 0
        """Rows above and cells before the current one; repeats of this row; columns described so far."""

    def start_element(self, node: Element) -> None:
        """Begin a sheet or a row; add the numbers of hidden rows to the markup of the sheet.

        A hidden row that is repeated 65,536 times or more, such as the rest of a sheet, is not added.
        """
        if node.tag == _SHEET:
            self.sheet = self.sheets[node.get(f"{_TABLE}name", "")] = Markup()
            self.row = self.columns = 0
        elif node.tag == _ROW:
            self.rows = _count(node, f"{_TABLE}number-rows-repeated")
            self.column = 0
            if node.get(f"{_TABLE}visibility") in ("collapse", "filter") and self.rows < _MOST_REPEATS:
                self.sheet.hidden_rows += range(self.row + 1, self.row + self.rows + 1)

    def end_element(self, node: Element) -> None:
        """Count the row, column or cell that ends; read the cell, or add hidden columns to the markup of the sheet."""
        if node.tag == _ROW:
            self.row += self.rows
        elif node.tag == _COLUMN:
            count = min(_count(node, f"{_TABLE}number-columns-repeated"), _MOST_COLUMNS)
            if node.get(f"{_TABLE}visibility") == "collapse":
                self.sheet.hidden_columns += range(self.columns, self.columns + count)
            self.columns += count
        elif node.tag in _CELLS:
            columns = _count(node, f"{_TABLE}number-columns-repeated")
            self._read_cell(node, columns)
            self.column += columns

    def _read_cell(self, cell: Element, columns: int) -> None:
        """Add a cell and its repeats to the markup: extent, merged cells, errors, missing values, superscripts.

        A cell without a value, formula or text is ignored. If it is repeated 65,536 times or more, only extent and
        merged cells are added.

        Args:
            cell: the XML of the cell.
            columns: how many times the cell is repeated.
        """
        has_value, is_formula = _VALUE_TYPE in cell.attrib, f"{_TABLE}formula" in cell.attrib
        is_error = cell.get(f"{_CALC}value-type") == "error"
        # Most cells have only a value, and their text adds nothing.
        paragraphs = cell.findall(f"{_TEXT}p") if is_error or not has_value or self.positions else []
        parts = [part for node in paragraphs for part in (("\n", ""), *_text_parts(node, self.positions))][1:]
        text = "".join(text for text, _ in parts)
        if not (has_value or is_formula or text):
            return
        sheet = self.sheet
        sheet.width = max(sheet.width, self.column + columns)
        sheet.height = max(sheet.height, self.row + self.rows)
        down, across = _count(cell, f"{_TABLE}number-rows-spanned"), _count(cell, f"{_TABLE}number-columns-spanned")
        if down > 1 or across > 1:
            sheet.merged.append((self.row + 1, self.column, self.row + down, self.column + across - 1))
        if self.rows * columns >= _MOST_REPEATS:
            return
        places = [(self.row + 1 + row, self.column + column) for row in range(self.rows) for column in range(columns)]
        if is_error:
            sheet.broken |= dict.fromkeys(places, Broken(f"the error {text}" if text else "an error"))
        elif is_formula and not has_value and not paragraphs:
            sheet.broken |= dict.fromkeys(places, NEVER_STORED)
        elif cell.get(_VALUE_TYPE) == "percentage":
            sheet.percentages |= {*places}
        elif self.positions and (rich := rich_text(parts)) is not None:
            sheet.rich |= dict.fromkeys(places, rich)


def _text_parts(node: Element, positions: Mapping[str, str], position: str = "") -> Iterator[tuple[str, str]]:
    """Yield the parts of the text in an element, each with its position: `superscript`, `subscript` or empty.

    Notes and shapes are left out.

    Args:
        node: the element.
        positions: the position of styles of text by name.
        position: the position of text that no style in `positions` applies to.
    """
    yield node.text or "", position
    for child in node:
        if child.tag == f"{_TEXT}s":
            yield " " * min(_count(child, f"{_TEXT}c"), 2**10), position
        elif not child.tag.startswith(_ASIDE):
            style = child.get(f"{_TEXT}style-name", "") if child.tag == f"{_TEXT}span" else ""
            yield from _text_parts(child, positions, positions.get(style, position))
        yield child.tail or "", position


def _count(node: Element, name: str) -> int:
    """Return a count from an attribute, such as how often a row is repeated; 1 if it is missing or not a number."""
    text = node.get(name, "")
    return max(1, int(text)) if text.isdigit() else 1


def raised_styles(*parts: bytes) -> dict[str, str]:
    """Return the position of styles of text in an .ods workbook, by name: `superscript`, `subscript` or empty.

    A style has its own position, or that of the nearest style that it is based on; styles without either are left out.

    Args:
        parts: the XML of the content and of the styles of the workbook.
    """
    positions: dict[str, str] = {}
    parents: dict[str, str] = {}
    are_raised = any(b"text-position" in xml for xml in parts)
    roots = map(fromstring, parts) if are_raised else ()
    for style in (style for root in roots for style in root.iter(f"{_STYLE}style")):
        name = style.get(f"{_STYLE}name", "")
        parents[name] = style.get(f"{_STYLE}parent-style-name", "")
        for height in filter(None, (node.get(f"{_STYLE}text-position") for node in style)):
            positions[name] = _parse_position(height)
    heights = {name: _inherited_position(name, positions, parents) for name in parents}
    return {name: height for name, height in heights.items() if height is not None}


def _parse_position(text: str) -> str:
    """Return `superscript`, `subscript` or an empty text for a position such as `super 58%`, `33% 58%` or `-8% 58%`.

    The first part is the height of the letters above the line, the second their size.
    """
    height = text.strip().partition(" ")[0]
    if height == "sub" or height.startswith("-"):
        return "subscript"
    return "superscript" if height.strip("0.%+") else ""


def _inherited_position(name: str, positions: Mapping[str, str], parents: Mapping[str, str]) -> str | None:
    """Return the position of a style or of the nearest style that it is based on; None if none of them has one."""
    visited: set[str] = set()
    while name not in positions and parents.get(name) and name not in visited:
        visited.add(name)
        name = parents[name]
    return positions.get(name)
