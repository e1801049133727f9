"""What the XML of a sheet says beyond the values of its cells.

calamine gives an empty text for `#N/A` and for a formula whose value was never stored; an allocation must
take neither for a blank. It joins raised signs to those before them. It also makes room for the whole rectangle
from A1 to the last cell, says nothing of hidden rows, and passes over blank cells that have a style, as is done here.
"""

from __future__ import annotations

import re
from typing import IO, TYPE_CHECKING

from gpit_fairshare.inputs.files.grids import MEGABYTE, Broken, Markup, cell_place, column_index
from gpit_fairshare.inputs.files.rich_texts import inline_rich_texts, parse_xml, rich_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

NEVER_STORED = Broken("a formula whose value was never stored", "Open the workbook in Excel and save it again")

# By pattern, not by parser: several times as fast, and each is linear in the length of the text.
_PLACE = re.compile(rb"<(?:\w+:)?c\b[^<>]*?\br=[\"']([A-Za-z]{1,3}[0-9]{1,7})[\"'][^<>]*(?<!/)>")
_CELL = re.compile(rb"<(?:\w+:)?c\b")
_ROW = re.compile(rb"<(?:\w+:)?row\b([^<>]*)>")
_ROW_START = re.compile(rb"<(?:\w+:)?row\b")
_END_OF_ROWS = re.compile(rb"</(?:\w+:)?sheetData>")
_COLUMN = re.compile(rb"<(?:\w+:)?col\b([^<>]*)>")
_ATTRIBUTE = re.compile(rb"\b(r|t|min|max|hidden)=[\"']([^\"']*)[\"']")
_FORMULA = re.compile(rb"<(?:\w+:)?f\b")
_VALUE = re.compile(rb"<(?:\w+:)?v\b[^<>]*>([^<]*)<")
_NIL = re.compile(rb"-?0+(?:\.0*)?(?:[Ee][+-]?[0-9]+)?")
_DIGITS = b"0123456789"
_LETTERS = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


def xlsx_markup(xml: bytes, shared: Mapping[int, str]) -> Markup:
    """Return what the part of a sheet in an .xlsx workbook says.

    Args:
        xml: the part.
        shared: texts with raised or lowered signs among the shared strings of the workbook, by their number.

    Raises:
        ValueError: the XML is damaged.
    """
    places = _PLACE.findall(xml)
    columns = {place.rstrip(_DIGITS) for place in places}
    width = max((column_index(letters.decode()) + 1 for letters in columns), default=0)
    height = max((int(row) for row in {place.lstrip(_LETTERS) for place in places}), default=0)
    hidden = b"hidden=" in xml
    markup = Markup(
        width * height,
        {},
        _hidden_rows(xml) if hidden else (),
        _hidden_columns(xml[: xml.find(b"sheetData")]) if hidden else (),
        inline_rich_texts(xml),
    )
    if shared or b't="e"' in xml or b"t='e'" in xml or _FORMULA.search(xml):
        return _with_cells(markup, xml, shared)
    return markup


def xlsx_extent(part: IO[bytes]) -> tuple[int, int]:
    """Return how many rows of a sheet hold something, or a few more, and the cells of `Markup`, read piece by piece."""
    rows = rows_without_places = width = height = 0
    rest = b""
    while piece := part.read(MEGABYTE):
        text = rest + piece
        # A cell's tag may go on in the next piece.
        cut = text.rfind(b"<")
        cut = len(text) if cut < 0 or b">" in text[cut:] else cut
        text, rest = text[:cut], text[cut:]
        places = _PLACE.findall(text)
        numbers = {place.lstrip(_LETTERS) for place in places}
        rows += len(numbers)
        rows_without_places += len(_ROW_START.findall(text))
        height = max(height, *map(int, numbers), 0)
        names = {place.rstrip(_DIGITS) for place in places}
        width = max(width, *(column_index(name.decode()) + 1 for name in names), 0)
        if _END_OF_ROWS.search(text):
            break
    return rows or rows_without_places, width * height


def _with_cells(markup: Markup, xml: bytes, shared: Mapping[int, str]) -> Markup:
    """Add what single cells say: errors, formulas, shared texts with raised or lowered signs."""
    broken: dict[tuple[int, int], Broken] = {}
    rich = dict(markup.rich)
    formulas: dict[int, dict[int, bool]] = {}
    for where, kind, content in _cells(xml):
        stored = value[1].strip() if (value := _VALUE.search(content)) else b""
        if kind == b"e":
            broken[where] = Broken(f"the error {stored.decode('utf-8', 'replace')}" if value else "an error")
        elif kind == b"s" and stored.isdigit() and int(stored) in shared:
            rich[where] = shared[int(stored)]
        elif b"f" in content and _FORMULA.search(content):
            # A formula that gives an empty text has a type of its own, "str", and is truly blank.
            if kind != b"str" and not stored:
                broken[where] = NEVER_STORED
            else:
                formulas.setdefault(where[1], {})[where[0]] = kind == b"n" and _NIL.fullmatch(stored) is not None
    return markup._replace(broken=broken, rich=rich, formulas=formulas)


def _cells(xml: bytes) -> Iterator[tuple[tuple[int, int], bytes, bytes]]:
    """Yield the place, the type and the content of each cell that is not blank."""
    row = 0
    for part in _ROW_START.split(xml)[1:]:  # each with what follows up to the next row
        opening, _, cells = part.partition(b">")
        number = _attributes(opening).get(b"r", b"")
        row = int(number) if number.isdigit() else row + 1
        column = -1
        for cell in _CELL.split(cells)[1:]:
            attributes, _, content = cell.partition(b">")
            named = _attributes(attributes)
            # A cell without a place follows the one before it.
            row, column = cell_place(named.get(b"r", b"").decode("ascii", "replace")) or (row, column + 1)
            if not attributes.endswith(b"/"):
                yield (row, column), named.get(b"t", b"n"), content


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


def ods_extents(content: IO[bytes]) -> dict[str, tuple[int, int]]:
    """Return the rows and the cells of the rectangle that each sheet of an .ods workbook spans.

    Raises:
        ValueError: the XML is damaged.
    """
    scan = _OdsScan(None, {})
    parse_xml(content, scan.start, scan.end, scan.text)
    return {name: (height, width * height) for name, (width, height) in scan.spans.items()}


def ods_markup(xml: bytes, sheet: str, positions: Mapping[str, str]) -> Markup:
    """Return what the content of an .ods workbook says of a sheet.

    Args:
        xml: the content.
        sheet: name of the sheet.
        positions: which styles of texts raise or lower, by name.

    Raises:
        ValueError: the XML is damaged.
    """
    scan = _OdsScan(sheet, positions)
    parse_xml(xml, scan.start, scan.end, scan.text)
    return Markup(
        scan.width * scan.height, scan.broken, scan.hidden_rows, scan.hidden_columns, scan.rich, merged=scan.merged
    )


_ASIDE = ("office:annotation", "draw:")


class _OdsScan:
    """Walks through the content of an .ods workbook; rows and cells may stand for many alike."""

    def __init__(self, sheet: str | None, positions: Mapping[str, str]) -> None:
        """Look at one sheet; None is all of them, of which only the spans serve."""
        self.sheet = sheet
        self.spans: dict[str, tuple[int, int]] = {}
        """Width and height of each sheet that was looked at."""
        self._table = ""
        self.positions = positions
        self.width = self.height = 0
        self.broken: dict[tuple[int, int], Broken] = {}
        self.rich: dict[tuple[int, int], str] = {}
        self.merged: list[tuple[int, int, int, int]] = []
        self.hidden_rows: list[int] = []
        self.hidden_columns: list[int] = []
        self._inside = False
        self._row = self._rows = self._column = self._columns = self._listed = 0
        self._cell: dict[str, str] | None = None
        self._texts: list[tuple[str, str]] | None = None
        """Parts of the cell's text, each with its position."""
        self._spans: list[str] = []
        self._aside = 0
        """Depth of elements that belong to no cell: notes, shapes."""

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if name == "table:table":
            self._table = attributes.get("table:name", "")
            self._inside = self.sheet in (None, self._table)
            if self._inside:
                self._row = self._listed = self.width = self.height = 0
        elif name.startswith(_ASIDE):
            self._aside += 1
        elif not self._inside or self._aside:
            return
        elif name.startswith("text:"):
            self._start_text(name, attributes)
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

    def _start_text(self, name: str, attributes: dict[str, str]) -> None:
        if name == "text:p" and self._cell is not None:
            self._texts = [*self._texts, ("\n", "")] if self._texts else []
        elif name == "text:span":
            outer = self._spans[-1] if self._spans else ""
            self._spans.append(self.positions.get(attributes.get("text:style-name", ""), outer))
        elif name == "text:s":
            self.text(" " * min(_repeats(attributes, "text:c"), 2**10))

    def text(self, text: str) -> None:
        if self._texts is not None and not self._aside:
            self._texts.append((text, self._spans[-1] if self._spans else ""))

    def end(self, name: str) -> None:
        if name.startswith(_ASIDE):
            self._aside -= 1
        elif self._aside:
            return
        elif name == "text:span" and self._spans:
            self._spans.pop()
        elif name == "table:table":
            if self._inside:
                self.spans[self._table] = self.width, self.height
            self._inside = False
        elif self._inside and name == "table:table-row":
            self._row += self._rows
        elif self._inside and name in ("table:table-cell", "table:covered-table-cell") and self._cell is not None:
            self._close(self._cell)
            self._column += self._columns
            self._cell = self._texts = None

    def _close(self, cell: dict[str, str]) -> None:
        said = "".join(text for text, _ in self._texts or ())
        formula = "table:formula" in cell
        if "office:value-type" not in cell and not said and not formula:
            return
        self.width = max(self.width, self._column + self._columns)
        self.height = max(self.height, self._row + self._rows)
        down, across = _repeats(cell, "table:number-rows-spanned"), _repeats(cell, "table:number-columns-spanned")
        if down > 1 or across > 1:
            self.merged.append((self._row + 1, self._column, self._row + down, self._column + across - 1))
        if self._rows * self._columns >= 2**16:
            return
        if cell.get("calcext:value-type") == "error":
            self.broken |= dict.fromkeys(self._places(), Broken(f"the error {said}" if said else "an error"))
        elif formula and "office:value-type" not in cell and self._texts is None:
            self.broken |= dict.fromkeys(self._places(), NEVER_STORED)
        elif self.positions and (text := rich_text(self._texts or ())) is not None:
            self.rich |= dict.fromkeys(self._places(), text)

    def _places(self) -> Iterator[tuple[int, int]]:
        """Return the places of the cells that are written as this one, with repeats."""
        for row in range(self._row + 1, self._row + self._rows + 1):
            for column in range(self._column, self._column + self._columns):
                yield row, column


def _repeats(attributes: Mapping[str, str], name: str) -> int:
    text = attributes.get(name, "1")
    return max(1, int(text)) if text.isdigit() else 1
