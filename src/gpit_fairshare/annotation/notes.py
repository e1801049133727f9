"""Notes on cells, which the format calls comments: a list of texts, and a drawing with a box for each.

The drawing is in VML, an older language, and not always well-formed. Bytes are added to it; it is never parsed
and rewritten.
"""

from __future__ import annotations

import itertools
import re
from typing import TYPE_CHECKING, Final

from lxml import etree

from gpit_fairshare.annotation.markup import Unfit, add
from gpit_fairshare.annotation.sheets import AnnotatedSheet, CellPlace, place_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gpit_fairshare.annotation.package import Package

AUTHOR: Final = "gpit"
_NOTES_TYPE: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.comments+xml"
_DRAWING_TYPE: Final = "application/vnd.openxmlformats-officedocument.vmlDrawing"
_NAMESPACES: Final = (
    ' xmlns:v="urn:schemas-microsoft-com:vml"',
    ' xmlns:o="urn:schemas-microsoft-com:office:office"',
    ' xmlns:x="urn:schemas-microsoft-com:office:excel"',
)
_FONT: Final = {"sz": {"val": "9"}, "color": {"indexed": "81"}, "rFont": {"val": "Tahoma"}, "family": {"val": "2"}}
_BOLD: Final[dict[str, dict[str, str]]] = {"b": {}, **_FONT}
"""Font settings of a note's text, by the names of their elements."""
_BLOCK: Final = 1024
"""Numbers in a block of shapes. The first number of a block is not used, and no two drawings share a block."""
_BOX_WIDTH: Final = 320
_LINE_HEIGHT: Final = 15
_LINE_LENGTH: Final = 48
"""The width of a box and the height of a line in pixels, and the characters that fit on a line."""
_HIGHEST_BOX: Final = 450

_EMPTY_DRAWING: Final = (
    f'<xml{"".join(_NAMESPACES)}><o:shapelayout v:ext="edit"><o:idmap v:ext="edit" data=""/></o:shapelayout></xml>'
).encode()
_SHAPE_TYPE: Final = (
    '<v:shapetype{names} id="_x0000_t202" coordsize="21600,21600" o:spt="202" path="m,l,21600r21600,l21600,xe">'
    '<v:stroke joinstyle="miter"/><v:path gradientshapeok="t" o:connecttype="rect"/></v:shapetype>'
)
_SHAPE: Final = (
    '<v:shape{names} id="_x0000_s{number}" type="#_x0000_t202" style="position:absolute;'
    'margin-left:60pt;margin-top:5pt;width:{width:g}pt;height:{height:g}pt;z-index:{layer};visibility:hidden" '
    'fillcolor="#ffffe1" o:insetmode="auto"><v:fill color2="#ffffe1"/>'
    '<v:shadow on="t" color="black" obscured="t"/><v:path o:connecttype="none"/>'
    '<v:textbox style="mso-direction-alt:auto"><div style="text-align:left"></div></v:textbox>'
    '<x:ClientData ObjectType="Note"><x:MoveWithCells/><x:SizeWithCells/><x:Anchor>{anchor}</x:Anchor>'
    "<x:AutoFill>False</x:AutoFill><x:Row>{row}</x:Row><x:Column>{column}</x:Column></x:ClientData></v:shape>"
)
_END: Final = re.compile(rb"</xml\s*>\s*\Z")
_IDENTIFIERS: Final = re.compile(rb"(<o:idmap\b[^>]*?\bdata=([\"']))([^\"']*)(?=\2)")


def add_notes(package: Package, sheet: AnnotatedSheet, texts: Mapping[CellPlace, str]) -> None:
    """Put a note on each cell, below the text of any note that it already has, and draw a box for each new note.

    All notes of the sheet are sorted by cell. If the sheet has no drawing, its old notes get boxes too.

    Raises:
        Unfit: the notes or the drawing of the sheet are damaged.
    """
    part = _part_of_notes(package, sheet)
    root = package.edit(part)
    authors, comments = root.find("{*}authors"), root.find("{*}commentList")
    if authors is None or comments is None:
        raise Unfit("the list of notes has no authors or no texts", part)
    notes_by_cell = {note.get("ref", ""): note for note in reversed(comments.findall("{*}comment"))}
    # Without a drawing, the old notes have no boxes, and Excel needs one for each.
    boxed = set(notes_by_cell) if sheet.root.find("{*}legacyDrawing") is not None else set()
    author = _author_number(authors)
    for cell, text in texts.items():
        note = notes_by_cell.get(str(cell))
        if note is None:
            note = notes_by_cell[str(cell)] = add(comments, "comment", ref=str(cell), authorId=author, shapeId="0")
            add(note, "text")
        _append_text(note, text, part)
    cells_and_notes = [(_cell_of_note(note, part), note) for note in comments.findall("{*}comment")]
    notes = sorted(cells_and_notes, key=lambda cell_and_note: cell_and_note[0])
    for _, note in notes:
        comments.append(note)  # this moves the element to the end
    boxes = {cell: "".join(map(str, note.itertext())) for cell, note in notes if str(cell) not in boxed}
    drawing = _part_of_boxes(package, sheet)
    if boxes:
        _draw_boxes(package, drawing, sheet, boxes)


def _part_of_notes(package: Package, sheet: AnnotatedSheet) -> str:
    """Return the name of the part with the notes of a sheet; it is created if there is none."""
    if part := package.target(sheet.part, kind="comments"):
        return part
    empty = f'<comments xmlns="{sheet.dialect.main}"><authors/><commentList/></comments>'.encode()
    return package.add(sheet.part, "comments", "comments{}.xml", empty, _NOTES_TYPE)[0]


def _part_of_boxes(package: Package, sheet: AnnotatedSheet) -> str:
    """Return the name of the part with the drawing of a sheet's notes and controls; it is created if there is none.

    Raises:
        Unfit: the sheet refers to a drawing that the workbook does not have.
    """
    drawing = sheet.root.find("{*}legacyDrawing")
    if drawing is None:
        pattern = "drawings/vmlDrawing{}.vml"
        part, identifier = package.add(sheet.part, "vmlDrawing", pattern, _EMPTY_DRAWING, _DRAWING_TYPE)
        sheet.refer_to_drawing(identifier)
        return part
    identifier = drawing.get(sheet.dialect.reference, "")
    part = package.target(sheet.part, identifier=identifier) if identifier else ""
    if not part:
        raise Unfit("the sheet refers to a drawing that is not in the workbook", sheet.part)
    return part


def _cell_of_note(note: etree._Element, part: str) -> CellPlace:
    """Return the cell that a note is on.

    Raises:
        Unfit: the note names no cell.
    """
    cell = place_of(note.get("ref", ""))
    if cell is None:
        raise Unfit(f"a note is at '{note.get('ref', '')}', which is not a cell", part)
    return cell


def _author_number(authors: etree._Element) -> str:
    """Return the position of gpit in the list of authors; it is added at the end if it is missing."""
    names = [author.text for author in authors.findall("{*}author")]
    if AUTHOR not in names:
        names.append(AUTHOR)
        add(authors, "author", AUTHOR)
    return str(names.index(AUTHOR))


def _append_text(note: etree._Element, text: str, part: str) -> None:
    """Add a text to a note, below its own text and under the name of gpit; an own plain text becomes a run.

    Args:
        note: the note.
        text: the text.
        part: the part with the notes, for the message.

    Raises:
        Unfit: the note has no text.
    """
    body = note.find("{*}text")
    if body is None:
        raise Unfit("a note has no text", part)
    for plain in body.findall("{*}t"):
        # A plain text becomes a run: Excel accepts either a plain text or runs.
        run = etree.Element(etree.QName(etree.QName(body).namespace, "r"))
        plain.addprevious(run)
        run.append(plain)
    position = len(body.findall("{*}r"))
    separator = "\n\n" if position else ""
    for index, (words, font) in enumerate(((f"{separator}{AUTHOR}:", _BOLD), (f"\n{text}", _FONT))):
        run = add(body, "r")
        traits = add(run, "rPr")
        for trait, attributes in font.items():
            add(traits, trait, **attributes)
        add(run, "t", words)
        body.insert(position + index, run)  # before any phonetic text


def _draw_boxes(package: Package, part: str, sheet: AnnotatedSheet, texts: Mapping[CellPlace, str]) -> None:
    """Add a hidden box for each note to the drawing of a sheet, as high as its text needs up to a limit.

    The boxes get numbers that no drawing of the workbook uses, which the drawing then declares. Its old bytes stay.

    Args:
        package: the workbook.
        part: the part with the drawing.
        sheet: the sheet.
        texts: the text of each note that has no box yet.

    Raises:
        Unfit: the drawing does not end as a drawing does.
    """
    data = package.read(part)
    end = _END.search(data)
    if end is None:
        raise Unfit("a drawing of notes is cut off at its end", part)
    head = data[: data.find(b">", data.find(b"<xml"))].replace(b"'", b'"')
    names = "".join(name for name in _NAMESPACES if name.strip().encode() not in head)
    blocks = _free_blocks(package, -(-len(texts) // (_BLOCK - 1)))
    shapes = [] if b'"_x0000_t202"' in data else [_SHAPE_TYPE.format(names=names)]
    for index, (cell, text) in enumerate(texts.items()):
        lines = sum(1 + len(line) // _LINE_LENGTH for line in text.split("\n"))
        height = min((lines + 1) * _LINE_HEIGHT, _HIGHEST_BOX)
        block, place = divmod(index, _BLOCK - 1)
        shapes.append(
            _SHAPE.format(
                names=names,
                number=blocks[block] * _BLOCK + 1 + place,
                width=_BOX_WIDTH * 3 / 4,
                height=height * 3 / 4,
                layer=index + 1,
                anchor=", ".join(map(str, sheet.box_anchor(cell, _BOX_WIDTH, height))),
                row=cell.row - 1,
                column=cell.column - 1,
            )
        )
    added = b",".join(str(block).encode() for block in blocks)
    start = _IDENTIFIERS.sub(
        lambda match: match[1] + (match[3] + b"," if match[3] else b"") + added, data[: end.start()], count=1
    )
    package.put(part, start + "".join(shapes).encode() + data[end.start() :])


def _free_blocks(package: Package, count: int) -> list[int]:
    """Return the `count` lowest blocks of numbers that no drawing of the workbook declares or uses."""
    used_blocks: set[int] = set()
    for part in package.names(".vml"):
        data = package.read(part)
        numbers = [number for match in _IDENTIFIERS.finditer(data) for number in match[3].split(b",")]
        used_blocks.update(int(number) for number in numbers if number.strip().isdigit())
        used_blocks.update(int(number) // _BLOCK for number in re.findall(rb"_x0000_s([0-9]{1,9})\b", data))
    free = itertools.filterfalse(used_blocks.__contains__, itertools.count(1))
    return list(itertools.islice(free, count))
