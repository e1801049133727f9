"""Texts of cells of which some signs are raised or lowered: `120000` with a superscript `2`.

calamine joins such parts to `1200002`. Here the raised 2 becomes `²`, so that `120000²` is refused as a figure
and its mark is kept apart from what the cell says. A cell that is raised as a whole has nothing to be joined to,
and is read as it is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.etree.ElementTree import Element, ParseError, fromstring

from gpit_fairshare.inputs.columns.marks import lowered, raised
from gpit_fairshare.inputs.files.grids import cell_place

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

_RAISED = b"vertAlign"
_STYLE = "{urn:oasis:names:tc:opendocument:xmlns:style:1.0}"
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
    if _RAISED not in xml:
        return {}
    texts = enumerate(map(_text_of, _named(parse_xml(xml), "si")))
    return {number: text for number, text in texts if text is not None}


def inline_rich_texts(xml: bytes) -> dict[tuple[int, int], str]:
    """Return the texts with raised or lowered parts in the cells of a sheet themselves, by row and column.

    Raises:
        ValueError: the XML is damaged.
    """
    texts: dict[tuple[int, int], str] = {}
    row = 0
    for line in _named(parse_xml(xml), "row") if _RAISED in xml else ():
        number, column = line.get("r", ""), -1
        # A row or cell without a place follows the one before it.
        row = int(number) if number.isdigit() else row + 1
        for cell in _named(line, "c"):
            row, column = cell_place(cell.get("r", "")) or (row, column + 1)
            text = next(filter(None, map(_text_of, _named(cell, "is"))), None)
            if text is not None:
                texts[row, column] = text
    return texts


def _named(node: Element, name: str) -> list[Element]:
    """Return the elements of a name in another, in any namespace."""
    return node.findall(f".//{{*}}{name}")


def _text_of(node: Element) -> str | None:
    """Return the text of an element that has raised or lowered parts; of Japanese texts not how they are pronounced."""
    parts = []
    for run in [child for child in node if child.tag.rpartition("}")[2] in ("r", "t")]:
        position = next((mark.get("val", "") for mark in _named(run, "vertAlign")), "")
        parts += [(text.text or "", position) for text in (run, *run) if text.tag.rpartition("}")[2] == "t"]
    return rich_text(parts)


def raised_styles(*parts: bytes) -> dict[str, str]:
    """Return which styles of texts in an .ods workbook raise or lower, by name.

    Args:
        parts: the XML of the content and of the styles of the workbook.

    Raises:
        ValueError: the XML is damaged.
    """
    positions: dict[str, str] = {}
    parents: dict[str, str] = {}
    roots = map(parse_xml, parts) if any(b"text-position" in xml for xml in parts) else ()
    for style in (style for root in roots for style in root.iter(f"{_STYLE}style")):
        name = style.get(f"{_STYLE}name", "")
        parents[name] = style.get(f"{_STYLE}parent-style-name", "")
        for height in filter(None, (node.get(f"{_STYLE}text-position") for node in style)):
            positions[name] = _position_of(height)
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


def parse_xml(xml: bytes) -> Element:
    """Return the root of XML.

    Raises:
        ValueError: it is damaged.
    """
    try:
        return fromstring(xml)  # noqa: S314 – `open_package` refuses entities
    except ParseError as error:
        raise ValueError("damaged XML") from error
