"""Read the cells of a workbook, formula and value of each, a row at a time: no whole sheet is ever in memory.

openpyxl and calamine read values or formulas, never both; here a cell is read once. Numbers are those of the
file, not as a number format shows them.
"""

from __future__ import annotations

import posixpath
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from xml.parsers import expat

from gpit_fairshare.findings import FindingCode
from gpit_fairshare.inputs.files.grids import ReadOptions, Unreadable
from gpit_fairshare.inputs.files.workbooks import SAVE_AGAIN, open_package, restore_characters, sheet_parts
from gpit_fairshare.workbook.sheets import column_number, letter

if TYPE_CHECKING:
    import zipfile
    from collections.abc import Iterator

_MAIN: Final = (
    "http://schemas.openxmlformats.org/spreadsheetml/2006/main",
    "http://purl.oclc.org/ooxml/spreadsheetml/main",
)
"""The two XML namespaces of sheets: that of all programs, and that of Excel's strict format."""
_SETTINGS: Final = (
    ("calcPr", "fullPrecision", "1"),
    ("calcPr", "iterate", "0"),
    ("calcPr", "calcMode", "auto"),
    ("workbookPr", "date1904", "0"),
)
"""Element and attribute of each setting, and its value where the file has none."""
_CHUNK: Final = 1 << 16
_ROWS: Final = 1_048_576
_COLUMNS: Final = 16_384


class ErrorValue(str):
    """An error in a cell, such as `#N/A`, which is not a text."""

    __slots__ = ()


class StoredCell(NamedTuple):
    """The content of a cell: a value, or a formula with the value last stored."""

    formula: str | None
    """Without its `=`; None where there is none."""
    value: Any
    """Number, text, bool or `ErrorValue`; None where there is none."""

    @property
    def content(self) -> Any:
        """Return the formula with its `=`; the value if the cell has no formula."""
        return self.value if self.formula is None else f"={self.formula}"


Row = dict[int, StoredCell]
"""Cells of a row by their column, from 1."""


def address(row: int, column: int) -> str:
    """Return the address of a cell, such as `Q7`, from its row and column, both from 1."""
    return f"{letter(column)}{row}"


class WorkbookCells:
    """A workbook; each call of `rows` reads a sheet again."""

    def __init__(self, content: bytes, largest: int) -> None:
        """Check a workbook's archive, and read its list of sheets, defined names, settings and shared texts.

        Raises:
            Unreadable: It is damaged, protected, too large or hostile.
        """
        self._archive = open_package(content, ReadOptions(largest=largest))
        self._parts = sheet_parts(self._archive)
        tree = import_module("defusedxml.ElementTree")
        nodes = list(tree.fromstring(self._archive.read("xl/workbook.xml")).iter())
        self.sheets = list(self._parts)
        if not self.sheets:
            raise Unreadable(FindingCode.UNREADABLE, "has no sheets", SAVE_AGAIN)
        self.names: dict[str, str] = {
            node.get("name", "").casefold(): (node.text or "").strip()
            for node in nodes
            if _local_name(node.tag) == "definedName" and not node.get("name", "").startswith("_xlnm.")
        }
        """Defined names in lower case, each with its reference."""
        first_nodes = {_local_name(node.tag): node for node in reversed(nodes)}
        self.settings: dict[str, str] = {
            name: _as_digit(first_nodes.get(tag, nodes[0]).get(name, usual)) for tag, name, usual in _SETTINGS
        }
        """Settings that change what a formula gives, such as `fullPrecision`: precision as displayed if `0`."""
        self._shared: dict[int, str] = {}
        links = tree.fromstring(self._archive.read("xl/_rels/workbook.xml.rels"))
        targets = [node.get("Target", "") for node in links if node.get("Type", "").endswith("/sharedStrings")]
        if targets:
            name = targets[0].lstrip("/") if targets[0].startswith("/") else posixpath.normpath(f"xl/{targets[0]}")
            for _ in _feed_part(self._archive, name, _SharedTexts(self._shared)):
                pass

    def rows(self, sheet: str) -> Iterator[tuple[int, Row]]:
        """Yield the number and the cells of each row of a sheet that is not empty.

        Raises:
            Unreadable: The sheet is damaged, or no spreadsheet program would write it so.
        """
        part = self._parts.get(sheet, "")
        if part not in self._archive.namelist():
            raise Unreadable(FindingCode.UNREADABLE, f"has no cells for its sheet '{sheet}'", SAVE_AGAIN)
        reader = _CellParser(sheet, self._shared)
        for _ in _feed_part(self._archive, part, reader):
            yield from reader.complete_rows
            reader.complete_rows.clear()


def _as_digit(text: str) -> str:
    """Return a workbook setting with `true` written as `1` and `false` as `0`; other texts are unchanged."""
    return {"true": "1", "false": "0"}.get(text, text)


def _local_name(tag: str) -> str:
    """Return the name of an XML element without its namespace."""
    return tag.rpartition("}")[2]


def _feed_part(archive: zipfile.ZipFile, part: str, reader: _SharedTexts) -> Iterator[None]:
    """Parse a part of the workbook's archive, piece by piece, into a reader of its elements; yield after each piece.

    Raises:
        Unreadable: The part is damaged, or declares XML entities.
    """
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.buffer_text = True
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.text
    parser.StartDoctypeDeclHandler = _refuse_doctype
    try:
        with archive.open(part) as stream:
            while piece := stream.read(_CHUNK):
                parser.Parse(piece)
                yield
        parser.Parse(b"", True)
        yield
    except (expat.ExpatError, KeyError, ValueError, OverflowError) as fault:
        raise Unreadable(FindingCode.UNREADABLE, f"is damaged in its part {part[:80]}", SAVE_AGAIN) from fault


def _refuse_doctype(*_: Any) -> None:
    """Refuse XML with a document type declaration, which can define entities.

    Raises:
        Unreadable: Always.
    """
    raise Unreadable(FindingCode.UNREADABLE, "declares XML entities, which no spreadsheet program writes", SAVE_AGAIN)


_TAGS: Final = {f"{space} {tag}": tag for space in _MAIN for tag in ("si", "t", "rPh", "row", "c", "f", "v", "is")}


class _SharedTexts:
    """Reads the texts that cells share, by their number: rich ones as plain text, without pronunciation hints."""

    def __init__(self, texts: dict[int, str]) -> None:
        """Start with an empty element; the texts are stored in `texts` by their number."""
        self._texts = texts
        self._hint = False
        self._value: list[str] = []
        self._into: list[str] | None = None

    def start(self, name: str, _: dict[str, str]) -> None:
        """At the start of an XML element, begin to collect its text; a pronunciation hint is skipped."""
        match _TAGS.get(name):
            case "v" | "t":
                self._into = None if self._hint else self._value
            case "rPh":
                self._hint = True

    def end(self, name: str) -> None:
        """At the end of an XML element, stop collecting text; at the end of a shared text, store it."""
        match _TAGS.get(name):
            case "v" | "t" | "f":
                self._into = None
            case "rPh":
                self._hint = False
            case "si":
                self._texts[len(self._texts)] = restore_characters("".join(self._value))
                self._value.clear()

    def text(self, piece: str) -> None:
        """Add a piece of character data to the text of the current element, if its text is collected."""
        if self._into is not None:
            self._into.append(piece)


class _CellParser(_SharedTexts):
    """Reads the cells of a sheet."""

    def __init__(self, sheet: str, texts: dict[int, str]) -> None:
        """Start before the first row of a sheet; `texts` has the texts that cells share."""
        super().__init__(texts)
        self.complete_rows: list[tuple[int, Row]] = []
        self._sheet = sheet
        self._row, self._column, self._cells = 0, 0, Row()
        self._kind = "n"
        self._formula_attributes: dict[str, str] | None = None
        """The attributes of the cell's formula; None where it has none."""
        self._formula: list[str] = []
        self._masters: dict[str, tuple[str, str]] = {}

    def start(self, name: str, attributes: dict[str, str]) -> None:
        """At the start of an XML element, begin a row, a cell or a formula."""
        match _TAGS.get(name):
            case "c":
                self._start_cell(attributes)
            case "f":
                self._formula_attributes, self._into = attributes, self._formula
            case "row":
                self._start_row(attributes)
            case _:
                super().start(name, attributes)

    def end(self, name: str) -> None:
        """At the end of an XML element, store the cell, or the row if it has any cells."""
        match _TAGS.get(name):
            case "c":
                self._end_cell()
            case "row" if self._cells:
                self.complete_rows.append((self._row, self._cells))
                self._cells = {}
            case _:
                super().end(name)

    def _start_row(self, attributes: dict[str, str]) -> None:
        """Begin a row: its number is the attribute `r`, or follows the row before.

        Raises:
            Unreadable: Its number is not above that of the row before, or too large.
        """
        row = int(attributes.get("r", self._row + 1))
        if not self._row < row <= _ROWS:
            raise Unreadable(
                FindingCode.UNREADABLE,
                f"has rows on its sheet '{self._sheet}' that are out of order, as no program writes them",
                SAVE_AGAIN,
            )
        self._row, self._column = row, 0

    def _start_cell(self, attributes: dict[str, str]) -> None:
        """Begin a cell: its column is in the attribute `r`, or follows the cell before.

        Raises:
            Unreadable: Its column is not to the right of the cell before, or too large.
        """
        cell_address = attributes.get("r")
        column = self._column + 1 if cell_address is None else _column_of_address(cell_address, self._row)
        if not self._column < column <= _COLUMNS:
            raise Unreadable(
                FindingCode.UNREADABLE,
                f"has cells on its sheet '{self._sheet}' that are out of order, as no program writes them",
                SAVE_AGAIN,
            )
        self._column, self._kind, self._formula_attributes = column, attributes.get("t", "n"), None
        self._value, self._formula = [], []

    def _end_cell(self) -> None:
        """Store the cell that ends, with its formula and value, unless it is empty."""
        formula = None if self._formula_attributes is None else self._whole_formula(self._formula_attributes)
        value = self._typed_value("".join(self._value))
        if formula is not None or value is not None:
            self._cells[self._column] = StoredCell(formula, value)

    def _whole_formula(self, attributes: dict[str, str]) -> str:
        """Return the formula of the current cell.

        A shared formula is stored at the first cell, which has its text; for the other cells that share it, its
        references are moved. A formula of several cells (an array or data table) is put in braces.
        """
        text = restore_characters("".join(self._formula))
        kind, group = attributes.get("t"), attributes.get("si", "")
        cell_address = address(self._row, self._column)
        if kind == "shared":
            if text:
                self._masters.setdefault(group, (text, cell_address))
                return text
            shared_formula, origin = self._masters[group]
            return _moved_formula(shared_formula, origin, cell_address)
        # A formula of several cells: braces tell it from one of this cell alone.
        return f"{{{text}}}" if kind in ("array", "dataTable") else text

    def _typed_value(self, text: str) -> Any:
        """Return the value of the current cell from its text: a number, text, bool or error; None if it is empty."""
        match self._kind:
            case "inlineStr":
                return restore_characters(text) or None
            case _ if not text:
                return None
            case "s":
                return self._texts[int(text)] or None
            case "str" | "d":
                return restore_characters(text) or None
            case "b":
                return text.strip() not in ("0", "false")
            case "e":
                return ErrorValue(text)
            case _:
                return float(text)


def _column_of_address(cell_address: str, row: int) -> int:
    """Return the number of the column of a cell address such as `Q7`, from 1.

    Raises:
        ValueError: The address is not in the given row.
    """
    if not cell_address.endswith(str(row)):
        raise ValueError(cell_address)
    return column_number(cell_address.removesuffix(str(row)).upper())


def _moved_formula(formula: str, origin: str, target: str) -> str:
    """Return a shared formula as it reads in another cell: references without a `$` move along.

    A reference that would leave the sheet gives `#REF!`.

    Args:
        formula: Text of the formula in the cell that holds it, without its `=`.
        origin: Address of that cell.
        target: Address of the cell that shares it.
    """
    # openpyxl loads NumPy and lxml, and few workbooks have shared formulas.
    from openpyxl.formula.translate import Translator, TranslatorError  # noqa: PLC0415

    try:
        return str(Translator(f"={formula}", origin).translate_formula(target))[1:]
    except (TranslatorError, ValueError, IndexError):  # a reference that would leave the sheet
        return "#REF!"
