"""Check part by part whether a workbook follows the standard.

LibreOffice and openpyxl accept files that Excel reports as damaged: elements in the wrong order, a missing style, a
note without a box. The rules here are those of ECMA-376 parts 1 and 2, written without using the package.
"""

from __future__ import annotations

import posixpath
import re
import zipfile
from itertools import pairwise
from typing import TYPE_CHECKING
from urllib.parse import unquote

from lxml import etree

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

WORKBOOK = (
    "fileVersion fileSharing workbookPr workbookProtection bookViews sheets functionGroups externalReferences "
    "definedNames calcPr oleSize customWorkbookViews pivotCaches smartTagPr smartTagTypes webPublishing "
    "fileRecoveryPr webPublishObjects extLst"
)
WORKSHEET = (
    "sheetPr dimension sheetViews sheetFormatPr cols sheetData sheetCalcPr sheetProtection protectedRanges "
    "scenarios autoFilter sortState dataConsolidate customSheetViews mergeCells phoneticPr conditionalFormatting "
    "dataValidations hyperlinks printOptions pageMargins pageSetup headerFooter rowBreaks colBreaks "
    "customProperties cellWatches ignoredErrors smartTags drawing legacyDrawing legacyDrawingHF drawingHF "
    "picture oleObjects controls webPublishItems tableParts extLst"
)
STYLES = "numFmts fonts fills borders cellStyleXfs cellXfs cellStyles dxfs tableStyles colors extLst"
COUNTED = "numFmts fonts fills borders cellStyleXfs cellXfs cellStyles dxfs mergeCells dataValidations tableParts"
RUN = "rStyle b i strike condense extend outline shadow u vertAlign sz color rFont name family charset scheme"


def local(element) -> str:
    """The name of an element without its namespace."""
    return etree.QName(element).localname


def find(root, name) -> list:
    """All elements with a name, at any depth."""
    return list(root.iter(f"{{*}}{name}"))


def position(reference: str) -> tuple[int, int]:
    """Row and column of `C5`: (5, 3)."""
    letters, digits = re.fullmatch(r"([A-Z]+)([0-9]+)", reference).groups()
    column = 0
    for letter in letters:
        column = column * 26 + ord(letter) - 64
    return int(digits), column


def faults(path: Path) -> list[str]:
    """The problems of the workbook; an empty list if it has none."""
    with zipfile.ZipFile(path) as archive:
        if archive.testzip():
            return [f"{archive.testzip()} cannot be unpacked"]
        names = archive.namelist()
        parts = {name: archive.read(name) for name in names}
    problems = [f"{name} is there twice" for name in names if [n.lower() for n in names].count(name.lower()) > 1]
    roots = {}
    for name, data in parts.items():
        if name.endswith((".xml", ".rels", ".vml")):
            try:
                roots[name] = etree.fromstring(data.replace(b"<br>", b"<br/>") if name.endswith(".vml") else data)
            except etree.XMLSyntaxError as fault:
                problems.append(f"{name}: {fault}")
    book = Book(parts, roots)
    problems += types(book) + references(book)
    if problems:
        return problems  # missing parts cannot be checked
    for check in (workbook, styles, worksheets, notes, properties):
        problems += check(book)
    return problems


class Book:
    """The parts of a workbook, with the references of each."""

    def __init__(self, parts, roots) -> None:
        self.parts, self.roots = parts, roots
        self.references = {}
        for name, root in roots.items():
            if name.endswith(".rels"):
                folder, _, base = name.rpartition("/")
                source = posixpath.join(posixpath.dirname(folder), base.removesuffix(".rels"))
                self.references[source] = {
                    entry.get("Id"): (entry.get("Type").rpartition("/")[2], self.resolved(source, entry))
                    for entry in root
                }

    @staticmethod
    def resolved(source, entry) -> str | None:
        """The part that a reference points to; None if it is outside the workbook."""
        if entry.get("TargetMode") == "External":
            return None
        target = posixpath.join("/", posixpath.dirname(source), unquote(entry.get("Target")))
        return posixpath.normpath(target).lstrip("/")

    def of_kind(self, kind) -> Iterator[tuple[str, str]]:
        """Source and target of every reference with a type."""
        for source, entries in self.references.items():
            for entry_kind, target in entries.values():
                if entry_kind == kind:
                    yield source, target

    @property
    def main(self) -> str:
        """The part that lists the sheets."""
        return next(target for source, target in self.of_kind("officeDocument") if not source)

    @property
    def style_root(self):
        """The root of the styles."""
        return self.roots[next(target for _, target in self.of_kind("styles"))]


def in_order(root, order, name) -> list[str]:
    """Children follow the order of the standard; alternatives are replaced by their content."""
    ranks = []
    names = order.split()
    for child in root.iterchildren("{*}*"):
        inner = child[0][0] if local(child) == "AlternateContent" else child
        if local(inner) in names:
            ranks.append((names.index(local(inner)), local(inner)))
        elif etree.QName(inner).namespace == etree.QName(root).namespace:
            return [f"{name}: unknown element {local(inner)}"]
    return [f"{name}: {after[1]} is after {before[1]}" for before, after in pairwise(ranks) if before[0] > after[0]]


def counts(root, name) -> list[str]:
    """Every count equals the number of children."""
    return [
        f"{name}: {local(group)} counts {group.get('count')} and has {len(list(group.iterchildren('{*}*')))}"
        for kind in COUNTED.split()
        for group in find(root, kind)
        if group.get("count") is not None and int(group.get("count")) != len(list(group.iterchildren("{*}*")))
    ]


def types(book) -> list[str]:
    """Every part has one type, and every type has a part."""
    root = book.roots["[Content_Types].xml"]
    endings = [entry.get("Extension").lower() for entry in find(root, "Default")]
    named = [entry.get("PartName").lstrip("/") for entry in find(root, "Override")]
    problems = [f"type of {name} said twice" for name in [*endings, *named] if [*endings, *named].count(name) > 1]
    problems += [f"type of {name}, which is not there" for name in named if name not in book.parts]
    return problems + [
        f"{name} has no type"
        for name in book.parts
        if name != "[Content_Types].xml" and name not in named and name.rpartition(".")[2].lower() not in endings
    ]


def references(book) -> list[str]:
    """Identifiers are unique, targets exist, and each `r:id` is a reference."""
    problems = []
    for name, root in book.roots.items():
        if name.endswith(".rels"):
            identifiers = [entry.get("Id") for entry in root]
            problems += [
                f"{name}: {identifier} twice" for identifier in set(identifiers) if identifiers.count(identifier) > 1
            ]
            continue
        for element in root.iter("{*}*"):
            for attribute, value in element.attrib.items():
                space = etree.QName(attribute).namespace or ""
                if space.endswith("/relationships") and value and value not in book.references.get(name, {}):
                    problems.append(f"{name}: {local(element)} refers to {value}, which is not there")
    for source, entries in book.references.items():
        if source and source not in book.parts:
            problems.append(f"references of {source}, which is not there")
        problems += [
            f"{source}: {identifier} leads to {target}"
            for identifier, (_, target) in entries.items()
            if target is not None and target not in book.parts
        ]
    return problems


def workbook(book) -> list[str]:
    """Sheets have unique names and numbers, and references to sheets by number are valid."""
    root = book.roots[book.main]
    sheets = [entry for entry in find(root, "sheet") if local(entry.getparent()) == "sheets"]
    names = [entry.get("name") for entry in sheets]
    numbers = [entry.get("sheetId") for entry in sheets]
    problems = in_order(root, WORKBOOK, book.main)
    problems += ["two sheets of one name"] * (len({name.casefold() for name in names}) < len(names))
    problems += ["two sheets of one number"] * (len(set(numbers)) < len(numbers))
    problems += [f"'{name}' is no name" for name in names if len(name) > 31 or re.search(r"[][:*?/\\]", name)]
    kinds = {kind for entry in sheets for kind in [book.references[book.main][reference(entry)][0]]}
    problems += [f"a sheet that is a {kind}" for kind in kinds - {"worksheet", "chartsheet"}]
    local_names = [
        (entry.get("name"), entry.get("localSheetId"))
        for entry in find(root, "definedName")
        if entry.get("localSheetId")
    ]
    problems += [f"{name} of a sheet that is not there" for name, number in local_names if int(number) >= len(sheets)]
    problems += ["a name defined twice"] * (len(set(local_names)) < len(local_names))
    return problems + [
        "the active sheet is not there"
        for view in find(root, "workbookView")
        if int(view.get("activeTab", 0)) >= len(sheets)
    ]


def reference(element) -> str:
    """The value of an element's `r:id`."""
    return next(value for name, value in element.attrib.items() if name.endswith("/relationships}id"))


def styles(book) -> list[str]:
    """The font, fill, border and base of each style exist."""
    root = book.style_root
    problems = in_order(root, STYLES, "styles") + counts(root, "styles")
    sizes = {"fontId": "fonts", "fillId": "fills", "borderId": "borders", "xfId": "cellStyleXfs"}
    for group in (group for kind in ("cellStyleXfs", "cellXfs") for group in find(root, kind)):
        for look in group.iterchildren("{*}*"):
            for attribute, kind in sizes.items():
                count = sum(len(list(group_of_kind.iterchildren("{*}*"))) for group_of_kind in find(root, kind))
                if look.get(attribute) is not None and int(look.get(attribute)) >= count:
                    problems.append(f"styles: {attribute} {look.get(attribute)} of {count}")
    patterns = [fill[0].get("patternType", "none") for fills in find(root, "fills") for fill in fills][:2]
    return problems + ["styles: the first fills are not none and gray125"] * (patterns != ["none", "gray125"])


def worksheets(book) -> list[str]:
    """Rows and cells ascend, styles and texts exist, elements are in order."""
    looks = sum(len(list(group.iterchildren("{*}*"))) for group in find(book.style_root, "cellXfs"))
    texts = [len(find(book.roots[target], "si")) for _, target in book.of_kind("sharedStrings")]
    problems = []
    for _, part in book.of_kind("worksheet"):
        root = book.roots[part]
        problems += in_order(root, WORKSHEET, part) + counts(root, part)
        rows = [int(row.get("r", 0)) for row in find(root, "row")]
        problems += [
            f"{part}: row {after} after {before}" for before, after in pairwise(rows) if after and before >= after
        ]
        for row in find(root, "row"):
            cells = [position(cell.get("r")) for cell in find(row, "c") if cell.get("r")]
            problems += [f"{part}: {after} after {before}" for before, after in pairwise(cells) if before >= after]
            problems += [
                f"{part}: {cell} in row {row.get('r')}"
                for cell in cells
                if row.get("r") and cell[0] != int(row.get("r"))
            ]
        for cell in find(root, "c"):
            if int(cell.get("s", 0)) >= max(looks, 1):
                problems.append(f"{part}: {cell.get('r')} has style {cell.get('s')} of {looks}")
            if cell.get("t") == "s" and int(cell.findtext("{*}v")) >= sum(texts):
                problems.append(f"{part}: {cell.get('r')} has text {cell.findtext('{*}v')} of {texts}")
            if cell.get("t") == "inlineStr" and [local(child) for child in cell] != ["is"]:
                problems.append(f"{part}: {cell.get('r')} is a text in itself and holds something else")
        problems += [f"{part}: {kind} twice" for kind in ("legacyDrawing", "sheetData") if len(find(root, kind)) > 1]
        problems += [
            f"{part}: legacyDrawing is a {book.references[part][reference(drawing)][0]}"
            for drawing in find(root, "legacyDrawing")
            if book.references[part][reference(drawing)][0] != "vmlDrawing"
        ]
    return problems


def notes(book) -> list[str]:
    """Each note has an author, a cell in ascending order, and a box in the drawing of its sheet."""
    problems = []
    for sheet, part in book.of_kind("comments"):
        root = book.roots[part]
        authors = len(find(root, "author"))
        places = [position(note.get("ref")) for note in find(root, "comment")]
        problems += [f"{part}: note at {after} after {before}" for before, after in pairwise(places) if before >= after]
        problems += [
            f"{part}: author {n.get('authorId')}" for n in find(root, "comment") if int(n.get("authorId")) >= authors
        ]
        for text in find(root, "text"):
            kinds = [local(child) for child in text]
            if kinds not in (["t"], ["r"] * len(kinds)):
                problems.append(f"{part}: a text of {kinds}")
        for traits in find(root, "rPr"):
            problems += in_order(traits, RUN, part)
        drawing = [reference(drawing_element) for drawing_element in find(book.roots[sheet], "legacyDrawing")]
        if not drawing:
            problems.append(f"{sheet} has notes and no drawing")
            continue
        name = book.references[sheet][drawing[0]][1]
        problems += boxes(book.roots[name], name, places)
    return problems


def boxes(root, name, places) -> list[str]:
    """Shapes have unique identifiers; each note has one box with its corners in order."""
    identifiers = [shape.get("id") for shape in find(root, "shape")]
    kinds = {f"#{shape_type.get('id')}" for shape_type in find(root, "shapetype")}
    problems = [f"{name}: {identifier} twice" for identifier in set(identifiers) if identifiers.count(identifier) > 1]
    problems += [f"{name}: type {shape.get('type')}" for shape in find(root, "shape") if shape.get("type") not in kinds]
    box_places = []
    for data in find(root, "ClientData"):
        if data.get("ObjectType") == "Note":
            box_places.append((int(data.findtext("{*}Row")) + 1, int(data.findtext("{*}Column")) + 1))
            corners = data.findtext("{*}Anchor") or "0, 0, 0, 0, 0, 0, 0, 0"  # openpyxl leaves this to Excel
            left, _, top, _, right, _, bottom, _ = map(int, corners.split(","))
            if not (0 <= left <= right < 16_384 and 0 <= top <= bottom < 1_048_576):
                problems.append(f"{name}: box of {box_places[-1]} from {left}, {top} to {right}, {bottom}")
    return problems + [f"{name}: boxes {sorted(box_places)} and notes {places}"] * (sorted(box_places) != places)


def properties(book) -> list[str]:
    """Lists in the file's properties have their stated size."""
    return [
        f"{part}: a list of {vector.get('size')} has {len(vector)}"
        for _, part in book.of_kind("extended-properties")
        for vector in find(book.roots[part], "vector")
        if int(vector.get("size")) != len(vector)
    ]
