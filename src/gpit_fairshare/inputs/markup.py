"""What the XML of a sheet says beyond the values of its cells.

calamine gives an empty text for `#N/A` and for a formula whose value was never stored; an allocation must
take neither for a blank. It also makes room for the whole rectangle from A1 to the last cell, says
nothing of hidden rows, and passes over blank cells that have a style, as is done here.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple
from xml.parsers import expat

from gpit_fairshare.inputs.grids import Broken

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

NEVER_STORED = Broken("a formula whose value was never stored", "Open the workbook in Excel and save it again")

# By pattern, not by parser: several times as fast, and each is linear in the length of the text.
_PLACE = re.compile(rb"<(?:\w+:)?c\b[^<>]*?\br=[\"']([A-Za-z]{1,3}[0-9]{1,7})[\"'][^<>]*(?<!/)>")
_CELL = re.compile(rb"<(?:\w+:)?c\b")
_ROW = re.compile(rb"<(?:\w+:)?row\b([^<>]*)>")
_COLUMN = re.compile(rb"<(?:\w+:)?col\b([^<>]*)>")
_ATTRIBUTE = re.compile(rb"\b(r|t|min|max|hidden)=[\"']([^\"']*)[\"']")
_FORMULA = re.compile(rb"<(?:\w+:)?f\b")
_VALUE = re.compile(rb"<(?:\w+:)?v\b[^<>]*>([^<]*)<")
_DIGITS = b"0123456789"
_LETTERS = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_REFERENCE = re.compile(r"([A-Za-z]{1,3})([0-9]{1,7})")


class Markup(NamedTuple):
    """Facts about one sheet. Rows count from 1, columns from 0."""

    cells: int
    """Cells of the rectangle from A1 to the last cell that holds something."""
    broken: Mapping[tuple[int, int], Broken]
    hidden_rows: Sequence[int] = ()
    hidden_columns: Sequence[int] = ()


def xlsx_markup(xml: bytes) -> Markup:
    """Return what the part of a sheet in an .xlsx workbook says."""
    places = _PLACE.findall(xml)
    columns = {place.rstrip(_DIGITS) for place in places}
    width = max((column_index(letters.decode()) + 1 for letters in columns), default=0)
    height = max((int(row) for row in {place.lstrip(_LETTERS) for place in places}), default=0)
    hidden = b"hidden=" in xml
    return Markup(
        width * height,
        _broken_cells(xml) if b't="e"' in xml or b"t='e'" in xml or _FORMULA.search(xml) else {},
        _hidden_rows(xml) if hidden else (),
        _hidden_columns(xml[: xml.find(b"sheetData")]) if hidden else (),
    )


def column_index(letters: str) -> int:
    """Return the column that letters name: A is 0, AA is 26."""
    index = 0
    for letter in letters.upper():
        index = index * 26 + ord(letter) - ord("A") + 1
    return index - 1


def _broken_cells(xml: bytes) -> dict[tuple[int, int], Broken]:
    broken = {}
    for cell in _CELL.split(xml)[1:]:  # each with what follows up to the next cell
        attributes, _, content = cell.partition(b">")
        found = _attributes(attributes)
        kind = found.get(b"t", b"n")
        if attributes.endswith(b"/") or (kind != b"e" and b"f" not in content):
            continue
        place = _REFERENCE.fullmatch(found.get(b"r", b"").decode("ascii", "replace"))
        value = _VALUE.search(content)
        if not place:
            continue
        where = int(place[2]), column_index(place[1])
        if kind == b"e":
            broken[where] = Broken(f"the error {value[1].decode('utf-8', 'replace')}" if value else "an error")
        elif _FORMULA.search(content) and kind != b"str" and not (value and value[1].strip()):
            # A formula that gives an empty text has a type of its own, "str", and is truly blank.
            broken[where] = NEVER_STORED
    return broken


def _hidden_rows(xml: bytes) -> list[int]:
    rows = map(_attributes, _ROW.findall(xml))
    return [int(row[b"r"]) for row in rows if _is_hidden(row) and row.get(b"r", b"").isdigit()]


def _hidden_columns(xml: bytes) -> list[int]:
    hidden: list[int] = []
    for column in filter(_is_hidden, map(_attributes, _COLUMN.findall(xml))):
        first, last = column.get(b"min", b""), column.get(b"max", b"")
        if first.isdigit() and last.isdigit():
            hidden += range(int(first) - 1, min(int(last), 16_384))
    return hidden


def _attributes(text: bytes) -> dict[bytes, bytes]:
    return dict(_ATTRIBUTE.findall(text))


def _is_hidden(attributes: Mapping[bytes, bytes]) -> bool:
    return attributes.get(b"hidden") in (b"1", b"true")


def ods_markup(xml: bytes, sheet: str) -> Markup:
    """Return what the content of an .ods workbook says of a sheet.

    Raises:
        ValueError: the XML is damaged.
    """
    scan = _OdsScan(sheet)
    parser = expat.ParserCreate()
    parser.StartElementHandler = scan.start
    parser.EndElementHandler = scan.end
    parser.CharacterDataHandler = scan.text
    try:
        parser.Parse(xml, True)
    except expat.ExpatError as error:
        raise ValueError("damaged XML") from error
    return Markup(scan.width * scan.height, scan.broken, scan.hidden_rows, scan.hidden_columns)


class _OdsScan:
    """Walks through the content of an .ods workbook; rows and cells may stand for many alike."""

    def __init__(self, sheet: str) -> None:
        self.sheet = sheet
        self.width = self.height = 0
        self.broken: dict[tuple[int, int], Broken] = {}
        self.hidden_rows: list[int] = []
        self.hidden_columns: list[int] = []
        self._inside = False
        self._row = self._rows = self._column = self._columns = self._listed = 0
        self._cell: dict[str, str] | None = None
        self._texts: list[str] | None = None

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if name == "table:table":
            self._inside = attributes.get("table:name") == self.sheet
        elif not self._inside:
            return
        elif name == "table:table-row":
            self._rows = _repeats(attributes, "table:number-rows-repeated")
            self._column = 0
            if attributes.get("table:visibility") in ("collapse", "filter") and self._rows < 2**16:
                self.hidden_rows += range(self._row + 1, self._row + self._rows + 1)
        elif name == "table:table-column":
            count = min(_repeats(attributes, "table:number-columns-repeated"), 16_384)
            if attributes.get("table:visibility") == "collapse":
                self.hidden_columns += range(self._listed, self._listed + count)
            self._listed += count
        elif name in ("table:table-cell", "table:covered-table-cell"):
            self._columns = _repeats(attributes, "table:number-columns-repeated")
            self._cell, self._texts = attributes, None
        elif name == "text:p" and self._cell is not None:
            self._texts = self._texts or []

    def text(self, text: str) -> None:
        if self._texts is not None:
            self._texts.append(text)

    def end(self, name: str) -> None:
        if name == "table:table":
            self._inside = False
        elif self._inside and name == "table:table-row":
            self._row += self._rows
        elif self._inside and name in ("table:table-cell", "table:covered-table-cell") and self._cell is not None:
            self._close(self._cell)
            self._column += self._columns
            self._cell = self._texts = None

    def _close(self, cell: dict[str, str]) -> None:
        said = "".join(self._texts or ())
        formula = "table:formula" in cell
        if "office:value-type" not in cell and not said and not formula:
            return
        self.width = max(self.width, self._column + self._columns)
        self.height = max(self.height, self._row + self._rows)
        if cell.get("calcext:value-type") == "error":
            mark = Broken(f"the error {said}" if said else "an error")
        elif formula and "office:value-type" not in cell and self._texts is None:
            mark = NEVER_STORED
        else:
            return
        if self._rows * self._columns < 2**16:
            for row in range(self._row + 1, self._row + self._rows + 1):
                for column in range(self._column, self._column + self._columns):
                    self.broken[row, column] = mark


def _repeats(attributes: Mapping[str, str], name: str) -> int:
    text = attributes.get(name, "1")
    return max(1, int(text)) if text.isdigit() else 1
