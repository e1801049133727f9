"""Texts of cells of which some signs are raised or lowered: `120000` with a superscript `2`.

calamine joins such parts to `1200002`. Here the raised 2 becomes `²`, so that `120000²` is refused as a figure
and its mark is kept apart from what the cell says. A cell that is raised as a whole has nothing to be joined to,
and is read as it is.
"""

from __future__ import annotations

from typing import IO, TYPE_CHECKING
from xml.parsers import expat

from gpit_fairshare.inputs.columns.marks import lowered, raised
from gpit_fairshare.inputs.files.grids import cell_place

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

_WRITE: Mapping[str, Callable[[str], str]] = {"superscript": raised, "subscript": lowered}


def rich_text(parts: Sequence[tuple[str, str]]) -> str | None:
    """Return the text of a cell with its raised and lowered parts written as such; None if no part is.

    Args:
        parts: each part and its position: `superscript`, `subscript` or another for the line itself.
    """
    positions = {position if position in _WRITE else "" for text, position in parts if text.strip()}
    if len(positions) < 2:
        return None
    return "".join(_WRITE[position](text) if position in _WRITE else text for text, position in parts)


def shared_rich_texts(xml: bytes) -> dict[int, str]:
    """Return the texts with raised or lowered parts among the shared strings of an .xlsx workbook, by their number.

    Raises:
        ValueError: the XML is damaged.
    """
    return {number: text for number, _, text in _RichTextScan("si").read(xml)}


def inline_rich_texts(xml: bytes) -> dict[tuple[int, int], str]:
    """Return the texts with raised or lowered parts in the cells of a sheet themselves, by row and column.

    Raises:
        ValueError: the XML is damaged.
    """
    return {place: text for _, place, text in _RichTextScan("is").read(xml)}


class _RichTextScan:
    """Walks through the parts of texts in the XML of an .xlsx workbook.

    Args:
        container: the element that holds the parts of a text.
    """

    def __init__(self, container: str) -> None:
        self.container = container
        self.number = -1
        """Number of the text, counted from 0."""
        self.row, self.column = 0, -1
        """Place of the cell; rows count from 1, columns from 0."""
        self._texts: list[tuple[int, tuple[int, int], str]] = []
        self._parts: list[tuple[str, str]] = []
        self._position = ""
        self._in_text = False
        self._phonetic = False

    def read(self, xml: bytes) -> list[tuple[int, tuple[int, int], str]]:
        """Return the texts with raised or lowered parts, each with its number and its place."""
        if b"vertAlign" in xml:
            parse_xml(xml, self._start, self._end, self._text)
        return self._texts

    def _start(self, prefixed: str, attributes: dict[str, str]) -> None:
        name = prefixed.rpartition(":")[2]
        if name == self.container:
            self.number += 1
            self._parts = []
        elif name == "row":  # a row or cell without a place follows the one before it
            place = attributes.get("r", "")
            self.row, self.column = int(place) if place.isdigit() else self.row + 1, -1
        elif name == "c":
            self.row, self.column = cell_place(attributes.get("r", "")) or (self.row, self.column + 1)
        elif name == "r":
            self._position = ""
        elif name == "vertAlign":
            self._position = attributes.get("val", "")
        elif name == "rPh":  # how a Japanese text is pronounced
            self._phonetic = True
        self._in_text = name == "t" and not self._phonetic

    def _text(self, text: str) -> None:
        if self._in_text:
            self._parts.append((text, self._position))

    def _end(self, prefixed: str) -> None:
        name = prefixed.rpartition(":")[2]
        self._in_text = False
        if name == "rPh":
            self._phonetic = False
        elif name == "r":
            self._position = ""
        elif name == self.container and (text := rich_text(self._parts)) is not None:
            self._texts.append((self.number, (self.row, self.column), text))


def raised_styles(*parts: bytes) -> dict[str, str]:
    """Return which styles of texts in an .ods workbook raise or lower, by name.

    Args:
        parts: the XML of the content and of the styles of the workbook.

    Raises:
        ValueError: the XML is damaged.
    """
    positions: dict[str, str] = {}
    parents: dict[str, str] = {}
    current = ""

    def start(name: str, attributes: dict[str, str]) -> None:
        nonlocal current
        if name == "style:style":
            current = attributes.get("style:name", "")
            parents[current] = attributes.get("style:parent-style-name", "")
        elif name == "style:text-properties" and "style:text-position" in attributes:
            positions[current] = _position_of(attributes["style:text-position"])

    if not any(b"text-position" in xml for xml in parts):
        return {}
    for xml in parts:
        parse_xml(xml, start)
    heights = {name: _inherited(name, positions, parents) for name in parents}
    return {name: height for name, height in heights.items() if height is not None}


def _position_of(text: str) -> str:
    """Read `super 58%`, `33% 58%` or `-8% 58%`: how high the letters are raised, and their size."""
    height = text.strip().partition(" ")[0]
    if height == "super":
        return "superscript"
    if height == "sub" or height.startswith("-"):
        return "subscript"
    return "superscript" if height.strip("0.%+") else ""


def _inherited(name: str, positions: Mapping[str, str], parents: Mapping[str, str]) -> str | None:
    seen: set[str] = set()
    while name not in positions and parents.get(name) and name not in seen:
        seen.add(name)
        name = parents[name]
    return positions.get(name)


def parse_xml(
    xml: bytes | IO[bytes],
    start: Callable[[str, dict[str, str]], None],
    end: Callable[[str], None] = lambda _: None,
    text: Callable[[str], None] = lambda _: None,
) -> None:
    """Walk through XML.

    Raises:
        ValueError: it is damaged.
    """
    parser = expat.ParserCreate()
    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = text
    try:
        if isinstance(xml, bytes):
            parser.Parse(xml, True)
        else:
            parser.ParseFile(xml)
    except expat.ExpatError as error:
        raise ValueError("damaged XML") from error
