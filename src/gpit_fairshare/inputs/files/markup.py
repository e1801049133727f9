"""Facts about a sheet in an .xlsx workbook that only its XML has, in addition to the values of cells.

calamine returns an empty text for `#N/A` and for a formula without a stored value, but an allocation must not read
either as blank. It joins superscripts to the characters before them, allocates memory for the whole rectangle from A1
to the last cell, and does not report hidden rows. Blank cells with a style are ignored, by calamine and here.
"""

from __future__ import annotations

import re
from typing import IO, TYPE_CHECKING
from xml.etree.ElementTree import Element, fromstring

from gpit_fairshare.inputs.columns.marks import rich_text
from gpit_fairshare.inputs.files.grids import MEGABYTE, NEVER_STORED, Broken, Markup, cell_place, column_index

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

# Patterns are several times as fast as a parser. Each takes time in proportion to the length of the text.
_PLACE = re.compile(rb"<(?:\w+:)?c\b[^<>]*?\br=[\"']([A-Za-z]{1,3})([0-9]{1,7})[\"'][^<>]*(?<!/)>")
_CELL = re.compile(rb"<(?:\w+:)?c\b")
_ROW = re.compile(rb"<(?:\w+:)?row\b([^<>]*)>")
_ROW_START = re.compile(rb"<(?:\w+:)?row\b")
_END_OF_ROWS = re.compile(rb"</(?:\w+:)?sheetData>")
_COLUMN = re.compile(rb"<(?:\w+:)?col\b([^<>]*)>")
_ATTRIBUTE = re.compile(rb"\b(r|s|t|min|max|hidden)=[\"']([^\"']*)[\"']")
_FORMULA = re.compile(rb"<(?:\w+:)?f\b")
_VALUE = re.compile(rb"<(?:\w+:)?v\b[^<>]*>([^<]*)<")
_LITERAL = re.compile(r'"[^"]*"|\\.')
"""Text that a number format shows as it is."""
_ZERO = re.compile(rb"-?0+(?:\.0*)?(?:[Ee][+-]?[0-9]+)?")


def xlsx_markup(xml: bytes, shared: Mapping[int, str], percent_styles: Collection[bytes]) -> Markup:
    """Return the facts about a sheet of an .xlsx workbook that only its XML has.

    These are its extent, errors, formulas, percentages, hidden rows and columns, and texts with superscripts or
    subscripts.

    Args:
        xml: the XML of the sheet.
        shared: texts with superscripts or subscripts among the workbook's shared strings, by number.
        percent_styles: numbers of the styles of cells that show percentages.
    """
    rows, width = _find_rows_and_width(xml)
    markup = Markup(
        max(rows, default=0),
        width,
        hidden_rows=[int(row[b"r"]) for row in _hidden_entries(_ROW, xml) if row.get(b"r", b"").isdigit()],
        hidden_columns=_hidden_columns(xml[: xml.find(b"sheetData")]),
        rich=_inline_rich_texts(xml),
    )
    if shared or percent_styles or b't="e"' in xml or b"t='e'" in xml or _FORMULA.search(xml):
        _add_cells(markup, xml, shared, percent_styles)
    return markup


def xlsx_extent(part: IO[bytes]) -> tuple[int, int]:
    """Return the number of filled rows of a sheet, or a few more, and of cells from A1 to its last row and column.

    If no cell states its place, all rows are counted, blank ones too, and the number of cells is 0. The XML is read
    piece by piece, so that a large sheet needs little memory.
    """
    rows = rows_without_places = width = height = 0
    incomplete_tag = b""
    while piece := part.read(MEGABYTE):
        text = incomplete_tag + piece
        # A cell's tag may continue in the next piece.
        cut = text.rfind(b"<")
        cut = len(text) if cut < 0 or b">" in text[cut:] else cut
        text, incomplete_tag = text[:cut], text[cut:]
        numbers, widest = _find_rows_and_width(text)
        rows += len(numbers)
        rows_without_places += len(_ROW_START.findall(text))
        height, width = max(height, *numbers, 0), max(width, widest)
        if _END_OF_ROWS.search(text):
            break
    return rows or rows_without_places, width * height


def _find_rows_and_width(xml: bytes) -> tuple[set[int], int]:
    """Return the numbers of the rows with cells that are not blank, and the number of columns up to the last one."""
    places = _PLACE.findall(xml)
    columns, rows = {letters for letters, _ in places}, {row for _, row in places}
    width = max((column_index(letters.decode()) + 1 for letters in columns), default=0)
    return set(map(int, rows)), width


def _add_cells(markup: Markup, xml: bytes, shared: Mapping[int, str], percent_styles: Collection[bytes]) -> None:
    """Add facts about single cells to the markup: errors, formulas, percentages, shared texts with superscripts.

    A formula without a stored value is added as an error; of others, the markup keeps whether their value is 0.
    """
    for place, kind, style, content in _iterate_cells(xml):
        stored = value[1].strip() if (value := _VALUE.search(content)) else b""
        if kind == b"n" and style in percent_styles:
            markup.percentages.add(place)
        if kind == b"e":
            markup.broken[place] = Broken(f"the error {stored.decode('utf-8', 'replace')}" if value else "an error")
        elif kind == b"s" and stored.isdigit() and int(stored) in shared:
            markup.rich[place] = shared[int(stored)]
        elif b"f" in content and _FORMULA.search(content):
            # A formula that gives an empty text has the type "str" and is really blank.
            if kind != b"str" and not stored:
                markup.broken[place] = NEVER_STORED
            else:
                is_zero = kind == b"n" and _ZERO.fullmatch(stored) is not None
                markup.formulas.setdefault(place[1], {})[place[0]] = is_zero


def _iterate_cells(xml: bytes) -> Iterator[tuple[tuple[int, int], bytes, bytes, bytes]]:
    """Yield the row and column, the type, the style and the XML content of each cell of a sheet that is not blank."""
    row = 0
    for part in _ROW_START.split(xml)[1:]:  # each with its content, up to the next row
        opening, _, cells = part.partition(b">")
        number = _parse_attributes(opening).get(b"r", b"")
        row = int(number) if number.isdigit() else row + 1
        column = -1
        for cell in _CELL.split(cells)[1:]:
            attributes, _, content = cell.partition(b">")
            values = _parse_attributes(attributes)
            # A cell without a place follows the one before it.
            row, column = cell_place(values.get(b"r", b"").decode("ascii", "replace")) or (row, column + 1)
            if not attributes.endswith(b"/"):
                yield (row, column), values.get(b"t", b"n"), values.get(b"s", b"0"), content


def _hidden_columns(xml: bytes) -> list[int]:
    """Return the hidden columns, counted from 0, from the part of a sheet's XML above its rows."""
    hidden: list[int] = []
    for column in _hidden_entries(_COLUMN, xml):
        first, last = column.get(b"min", b""), column.get(b"max", b"")
        if first.isdigit() and last.isdigit():
            hidden += range(int(first) - 1, min(int(last), 16_384))
    return hidden


def _hidden_entries(tag: re.Pattern[bytes], xml: bytes) -> list[dict[bytes, bytes]]:
    """Return the attributes of each hidden row or column in the XML of a sheet.

    Args:
        tag: pattern of the opening tag of a row or a column.
        xml: the XML of the sheet.
    """
    entries = map(_parse_attributes, tag.findall(xml)) if b"hidden=" in xml else ()
    return [attributes for attributes in entries if attributes.get(b"hidden") in (b"1", b"true")]


def _parse_attributes(text: bytes) -> dict[bytes, bytes]:
    """Return the attributes in the opening tag of a row, column or cell, by name."""
    return dict(_ATTRIBUTE.findall(text))


def percent_styles(xml: bytes) -> frozenset[bytes]:
    """Return the numbers of the styles of cells, in the styles of a workbook, that show a number as a percentage."""
    root = fromstring(xml)  # noqa: S314 – `open_package` refuses entities
    formats = {node.get("numFmtId"): node.get("formatCode", "") for node in root.findall("{*}numFmts/{*}numFmt")}
    formats |= {"9": "0%", "10": "0.00%"}  # built in
    styles = enumerate(root.findall("{*}cellXfs/{*}xf"))
    codes = {number: _LITERAL.sub("", formats.get(style.get("numFmtId"), "")) for number, style in styles}
    return frozenset(str(number).encode() for number, code in codes.items() if "%" in code)


def shared_rich_texts(xml: bytes) -> dict[int, str]:
    """Return the texts with superscripts or subscripts among the shared strings of a workbook, by number."""
    texts = enumerate(map(_rich_text_of, _elements_if_raised(xml, "si")))
    return {number: text for number, text in texts if text is not None}


def _inline_rich_texts(xml: bytes) -> dict[tuple[int, int], str]:
    """Return the texts with superscripts or subscripts that are stored in the cells of a sheet, by row and column."""
    texts: dict[tuple[int, int], str] = {}
    row = 0
    for line in _elements_if_raised(xml, "row"):
        number, column = line.get("r", ""), -1
        # A row or cell without a place follows the one before it.
        row = int(number) if number.isdigit() else row + 1
        for cell in _find_elements(line, "c"):
            row, column = cell_place(cell.get("r", "")) or (row, column + 1)
            if text := next(filter(None, map(_rich_text_of, _find_elements(cell, "is"))), None):
                texts[row, column] = text
    return texts


def _elements_if_raised(xml: bytes, name: str) -> list[Element]:
    """Return the elements with this name in a part's XML; empty if the part has no superscripts or subscripts."""
    return _find_elements(fromstring(xml), name) if b"vertAlign" in xml else []  # noqa: S314 – `open_package` refuses entities


def _find_elements(node: Element, name: str) -> list[Element]:
    """Return the elements with this name inside another, in any namespace."""
    return node.findall(f".//{{*}}{name}")


def _rich_text_of(node: Element) -> str | None:
    """Return the text of an element with special characters for superscripts and subscripts.

    None if it has none, or nothing else. The pronunciation of Japanese texts is left out.
    """
    parts = []
    for run in [child for child in node if child.tag.rpartition("}")[2] in ("r", "t")]:
        position = next((mark.get("val", "") for mark in _find_elements(run, "vertAlign")), "")
        parts += [(text.text or "", position) for text in (run, *run) if text.tag.rpartition("}")[2] == "t"]
    return rich_text(parts)
