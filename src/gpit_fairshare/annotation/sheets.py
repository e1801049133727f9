"""The sheets of a workbook: the list of sheets, to which one is added, and the cells and note boxes of each sheet."""

from __future__ import annotations

import copy
import re
from typing import TYPE_CHECKING, Final, NamedTuple

from lxml import etree

from gpit_fairshare.annotation.markup import Unfit, add, dialect_of, ensure_child, get_int, serialise
from gpit_fairshare.workbook.sheets import column_number, free_name, letter, quoted

if TYPE_CHECKING:
    from gpit_fairshare.annotation.package import Package

MOST_ROWS: Final = 1_048_576
MOST_COLUMNS: Final = 16_384
_REFERENCE: Final = re.compile(r"\$?([A-Z]{1,3})\$?([1-9][0-9]{0,6})")
_USUAL_WIDTH: Final = 64
_USUAL_HEIGHT: Final = 20
"""The usual width of a column and height of a row, in pixels."""
_ORDER: Final = (
    "legacyDrawing",
    "legacyDrawingHF",
    "drawingHF",
    "picture",
    "oleObjects",
    "controls",
    "webPublishItems",
    "tableParts",
    "extLst",
)
"""The drawing of the notes, and the elements that follow it."""
WORKSHEET_TYPE: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.worksheet+xml"
_AFTER_NAMES: Final = (
    "definedNames",
    "calcPr",
    "oleSize",
    "customWorkbookViews",
    "pivotCaches",
    "smartTagPr",
    "smartTagTypes",
    "webPublishing",
    "fileRecoveryPr",
    "webPublishObjects",
    "extLst",
)
"""The defined names of the workbook, and the elements that follow them."""
_HIGHEST_SHEET_ID: Final = 65_534


class CellPlace(NamedTuple):
    """The row and column of a cell, both from 1."""

    row: int
    column: int

    def __str__(self) -> str:
        return f"{letter(self.column)}{self.row}"


def place_of(reference: str) -> CellPlace | None:
    """Return the cell that a text such as `C5` names; None if it does not name a cell."""
    match = _REFERENCE.fullmatch(reference)
    if not match:
        return None
    cell = CellPlace(int(match[2]), column_number(match[1]))
    return cell if cell.row <= MOST_ROWS and cell.column <= MOST_COLUMNS else None


def area_of(reference: str) -> tuple[CellPlace, CellPlace] | None:
    """Return the first and the last cell of a text such as `A1:C5` or `A1`; None if it does not name cells."""
    first, _, last = reference.partition(":")
    ends = place_of(first), place_of(last or first)
    return (ends[0], ends[1]) if ends[0] and ends[1] else None


class AnnotatedSheet:
    """The cells of a worksheet. A row or cell without a number follows the one before it."""

    def __init__(self, root: etree._Element, part: str) -> None:
        """Number the rows.

        Raises:
            Unfit: the sheet has no element for cells, or the number of a row is not a whole number.
        """
        self.root = root
        self.part = part
        self.dialect = dialect_of(root, part)
        data = root.find("{*}sheetData")
        if data is None:
            raise Unfit("the sheet has no element for cells", part)
        self._data = data
        self._rows: dict[int, etree._Element] = {}
        number = 0
        for row in data.findall("{*}row"):
            number = get_int(row, "r", number + 1)
            row.set("r", str(number))
            self._rows[number] = row
        self._cells: dict[int, dict[int, etree._Element]] = {}
        merged = (area_of(entry.get("ref", "")) for entry in root.iterfind("{*}mergeCells/{*}mergeCell"))
        self._merged = [area for area in merged if area]

    def visible_cell(self, cell: CellPlace) -> CellPlace:
        """Return the visible cell for a cell: the first of its merged range, or the cell itself."""
        for first, last in self._merged:
            if first.row <= cell.row <= last.row and first.column <= cell.column <= last.column:
                return first
        return cell

    def cell(self, place: CellPlace) -> etree._Element:
        """Return the element of a cell. If the file has none, a blank cell with the style that it shows is added.

        Its row is added too if it is missing, and the used range that the sheet states is extended.
        """
        row = self._rows.get(place.row)
        if row is None:
            row = _insert_element(self._data, "row", str(place.row), self._rows, place.row)
        cells = self._cells_of_row(place.row, row)
        if place.column not in cells:
            cell = _insert_element(row, "c", str(place), cells, place.column)
            cell.set("s", str(self._style_of_blank(row, place.column)))
            self._extend_ranges(row, place)
        return cells[place.column]

    def refer_to_drawing(self, identifier: str) -> None:
        """Refer from the sheet to the part with the drawing of its notes, by the identifier of the reference."""
        drawing = ensure_child(self.root, "legacyDrawing", _ORDER, nsmap={"r": self.dialect.relations})
        drawing.set(self.dialect.reference, identifier)

    def box_anchor(self, cell: CellPlace, width: int, height: int) -> tuple[int, ...]:
        """Return the place of a note's box right of a cell: column, pixels, row, pixels, of its start and of its end.

        Columns and rows count from 0. A box begins one row higher than the cell, and earlier at the edge of the sheet.
        It covers fewer columns or rows if these are wide or high.

        Args:
            cell: the cell with the note.
            width: of the box, in pixels.
            height: of the box, in pixels.
        """
        left = min(cell.column, MOST_COLUMNS - 6)
        top = min(max(cell.row - 2, 0), MOST_ROWS - 30)
        right, across = left, width + 15
        while right < MOST_COLUMNS - 1 and across >= (pixels := self._width(right + 1)):
            right, across = right + 1, across - pixels
        bottom, down = top, height + 10
        while bottom < MOST_ROWS - 1 and down >= (pixels := self._height(bottom + 1)):
            bottom, down = bottom + 1, down - pixels
        return left, 15, top, 10, right, across, bottom, down

    def _cells_of_row(self, number: int, row: etree._Element) -> dict[int, etree._Element]:
        """Return the cells of a row by column; cells without an address get one.

        Raises:
            Unfit: a cell has an address that is not in this row.
        """
        if number not in self._cells:
            cells: dict[int, etree._Element] = {}
            column = 0
            for cell in row.findall("{*}c"):
                reference = cell.get("r")
                place = place_of(reference) if reference else CellPlace(number, column + 1)
                if place is None or place.row != number or place.column > MOST_COLUMNS:
                    raise Unfit(f"a cell of row {number} has the address '{reference}'", self.part)
                column = place.column
                cell.set("r", str(place))
                cells[column] = cell
            self._cells[number] = cells
        return self._cells[number]

    def _style_of_blank(self, row: etree._Element, column: int) -> int:
        """Return the style of a cell that is not in the file: that of its row, else of its column."""
        if row.get("customFormat") in ("1", "true"):
            return get_int(row, "s", 0)
        settings = self._column_settings(column)
        return get_int(settings, "style", 0) if settings is not None else 0

    def _column_settings(self, column: int) -> etree._Element | None:
        """Return the element with the width and style of a column; None if the sheet has none for it."""
        settings = self.root.iterfind("{*}cols/{*}col")
        return next((span for span in settings if get_int(span, "min", 0) <= column <= get_int(span, "max", 0)), None)

    def _extend_ranges(self, row: etree._Element, cell: CellPlace) -> None:
        """Extend the used range that the sheet states to a new cell; drop that of the row if it leaves the cell out."""
        spans = [span.partition(":") for span in row.get("spans", "").split()]
        if spans and not any(
            first.isdigit() and last.isdigit() and int(first) <= cell.column <= int(last) for first, _, last in spans
        ):
            del row.attrib["spans"]  # optional; readers find the cells without it
        size = self.root.find("{*}dimension")
        if size is not None and (area := area_of(size.get("ref", ""))):
            first = CellPlace(*map(min, area[0], cell))
            last = CellPlace(*map(max, area[1], cell))
            if (first, last) != area:
                size.set("ref", str(first) if first == last else f"{first}:{last}")

    def _width(self, column: int) -> int:
        """Return the width of a column in pixels; a character of the usual font is 7 pixels wide."""
        settings, size = self._column_settings(column), "width"
        if settings is None or settings.get(size) is None:
            settings, size = self.root.find("{*}sheetFormatPr"), "defaultColWidth"
        return _pixels(settings, size, 7, _USUAL_WIDTH)

    def _height(self, row: int) -> int:
        """Return the height of a row in pixels; 4 pixels are 3 points."""
        return _pixels(self._rows.get(row), "ht", 4 / 3, _USUAL_HEIGHT)


def _insert_element(
    parent: etree._Element, name: str, reference: str, siblings: dict[int, etree._Element], number: int
) -> etree._Element:
    """Insert a row or a cell before its first sibling with a higher number, add it to the siblings, and return it.

    Args:
        parent: the element that gets it.
        name: `row` or `c`.
        reference: its number or address in the file.
        siblings: the rows or cells that are there, by number; it is added to them.
        number: the number of the row or column.
    """
    element = etree.Element(etree.QName(etree.QName(parent).namespace, name), r=reference)
    next_number = min((other for other in siblings if other > number), default=None)
    if next_number is None:
        parent.append(element)
    else:
        siblings[next_number].addprevious(element)
    siblings[number] = element
    return element


def _pixels(settings: etree._Element | None, size: str, factor: float, usual: int) -> int:
    """Return a size from settings in pixels: 0 if hidden, and the usual size if there is none that makes sense.

    Args:
        settings: the element with the size; None if there is none.
        size: the name of its attribute.
        factor: pixels for each unit of the attribute.
        usual: the usual size in pixels.
    """
    if settings is None:
        return usual
    if settings.get("hidden") in ("1", "true"):
        return 0
    try:
        pixels = float(settings.get(size, "nan")) * factor
    except ValueError:
        return usual
    return round(pixels) if 0 <= pixels < 10_000 else usual


class SheetEntry(NamedTuple):
    """A sheet: its name, its part, and whether it has cells; a chart sheet has none."""

    name: str
    part: str
    cells: bool


class WorkbookPart:
    """The list of sheets; upper and lower case make no difference in their names."""

    def __init__(self, package: Package) -> None:
        """Read the list.

        Raises:
            Unfit: there is no list, or one of its sheets has no part.
        """
        self._package = package
        root = package.tree(package.workbook)
        sheet_list = root.find("{*}sheets")
        if sheet_list is None:
            raise Unfit("it has no list of sheets", package.workbook)
        self._sheet_list = sheet_list
        self.pages: dict[str, SheetEntry] = {}
        for entry in sheet_list.findall("{*}sheet"):
            part = package.target(package.workbook, identifier=entry.get(package.dialect.reference, ""))
            name = entry.get("name", "")
            if not part or not name or name.casefold() in self.pages:
                raise Unfit(f"the sheet '{name}' has no part, no name or another sheet's name", package.workbook)
            self.pages[name.casefold()] = SheetEntry(name, part, package.content_type(part) == WORKSHEET_TYPE)

    def free_name(self, name: str) -> str:
        """Return a name that no sheet has: `name` itself, else with ` (gpit)` or ` (gpit 2)` and so on at the end."""
        ends = {1: "", 2: " (gpit)"}
        return free_name(set(self.pages), lambda number: name + ends.get(number, f" (gpit {number - 1})"))

    def append_sheet(self, name: str, root: etree._Element) -> None:
        """Add a sheet with a free name after the others, so that the numbers of sheets stay the same.

        Its filter gets the hidden name that Excel expects, and titles in the file's properties that list the sheets get
        its name.

        Args:
            name: a name that no sheet has.
            root: the XML of the sheet; it has a filter.
        """
        package = self._package
        workbook = package.edit(package.workbook)
        pattern, data = "worksheets/sheet{}.xml", serialise(root)
        part, identifier = package.add(package.workbook, "worksheet", pattern, data, WORKSHEET_TYPE)
        identifiers = {get_int(entry, "sheetId", 0) for entry in self._sheet_list.findall("{*}sheet")}
        highest = max(identifiers, default=0) + 1
        sheet_id = highest if highest <= _HIGHEST_SHEET_ID else min(set(range(1, highest)) - identifiers)
        entry = add(self._sheet_list, "sheet", name=name, sheetId=str(sheet_id))
        entry.set(package.dialect.reference, identifier)
        names = ensure_child(workbook, "definedNames", _AFTER_NAMES)
        # Excel also stores the range of a sheet's filter under this name.
        filtered = next(root.iterfind("{*}autoFilter")).get("ref", "")
        area = quoted(name) + "!" + re.sub("([A-Z]+)([0-9]+)", r"$\1$\2", filtered)  # A1:C5 → $A$1:$C$5
        position = str(len(self.pages))
        add(names, "definedName", area, name="_xlnm._FilterDatabase", localSheetId=position, hidden="1")
        self._list_title(name)
        self.pages[name.casefold()] = SheetEntry(name, part, cells=True)

    def _list_title(self, name: str) -> None:
        """Add a sheet's name to the titles in the file's properties, after the other worksheets.

        Nothing happens unless these titles begin with exactly the worksheets of this workbook, in order.
        """
        target = self._package.target
        part = target("", kind="extended-properties") or target("", kind="extendedProperties")
        if not part:
            return
        root = self._package.tree(part)
        first, titles = root.find("{*}HeadingPairs/*/{*}variant[2]/*"), root.find("{*}TitlesOfParts/*")
        if first is None or titles is None:
            return
        sheets = [page.name for page in self.pages.values() if page.cells]
        title_elements = titles.findall("*")
        # The worksheets come first; their heading is in the language of the program that saved the file.
        if first.text != str(len(sheets)) or [title.text for title in title_elements[: len(sheets)]] != sheets:
            return
        self._package.edit(part)
        first.text = str(len(sheets) + 1)
        last = title_elements[len(sheets) - 1]
        title = copy.deepcopy(last)
        title.text = name
        last.addnext(title)
        titles.set("size", str(len(title_elements) + 1))
