"""A sheet's own XML: cells found and made, looks changed, and where a note can stand beside a cell."""

from __future__ import annotations

import math
import re
from bisect import bisect
from typing import TYPE_CHECKING, Final, NamedTuple

from lxml import etree
from xlsxwriter.utility import xl_cell_to_rowcol, xl_col_to_name

from gpit_fairshare.annotation.markup import Unfit, child, children, dialect_of, insert, whole

if TYPE_CHECKING:
    from collections.abc import Callable

MOST_ROWS: Final = 1_048_576
MOST_COLUMNS: Final = 16_384
_REFERENCE: Final = re.compile(r"\$?([A-Z]{1,3})\$?([1-9][0-9]{0,6})")
_USUAL_WIDTH: Final = 64
_USUAL_HEIGHT: Final = 20
"""A column and a row of no other size, in pixels."""
_ORDER: Final = (  # what comes before the drawing of the notes
    "sheetPr",
    "dimension",
    "sheetViews",
    "sheetFormatPr",
    "cols",
    "sheetData",
    "sheetCalcPr",
    "sheetProtection",
    "protectedRanges",
    "scenarios",
    "autoFilter",
    "sortState",
    "dataConsolidate",
    "customSheetViews",
    "mergeCells",
    "phoneticPr",
    "conditionalFormatting",
    "dataValidations",
    "hyperlinks",
    "printOptions",
    "pageMargins",
    "pageSetup",
    "headerFooter",
    "rowBreaks",
    "colBreaks",
    "customProperties",
    "cellWatches",
    "ignoredErrors",
    "smartTags",
    "drawing",
    "legacyDrawing",
)


class Place(NamedTuple):
    """A cell by row and column, both from 1."""

    row: int
    column: int

    def __str__(self) -> str:
        return f"{xl_col_to_name(self.column - 1)}{self.row}"


def place_of(reference: str) -> Place | None:
    """Return the cell that a text such as `C5` names; None if it names none."""
    match = _REFERENCE.fullmatch(reference)
    if not match:
        return None
    found = Place(int(match[2]), xl_cell_to_rowcol(f"{match[1]}1")[1] + 1)
    return found if found.row <= MOST_ROWS and found.column <= MOST_COLUMNS else None


def area_of(reference: str) -> tuple[Place, Place] | None:
    """Return the first and the last cell of a text such as `A1:C5` or `A1`; None if it names none."""
    first, _, last = reference.partition(":")
    ends = place_of(first), place_of(last or first)
    return (ends[0], ends[1]) if ends[0] and ends[1] else None


class Sheet:
    """The cells of a worksheet. Rows and cells may be without numbers: then each follows the one before."""

    def __init__(self, root: etree._Element, part: str) -> None:
        """Number the rows.

        Raises:
            Unfit: the sheet has no place for cells, or a row has no right number.
        """
        self.root = root
        self.part = part
        self.dialect = dialect_of(root, part)
        data = child(root, "sheetData")
        if data is None:
            raise Unfit("the sheet has no cells and no place for any", part)
        self._data = data
        self._rows: dict[int, etree._Element] = {}
        number = 0
        for row in children(data, "row"):
            number = whole(row, "r", number + 1)
            row.set("r", str(number))
            self._rows[number] = row
        self._numbers = sorted(self._rows)
        self._cells: dict[int, dict[int, etree._Element]] = {}
        self._merged = [area for area in map(area_of, self._references("mergeCells", "mergeCell")) if area]

    def shown_at(self, cell: Place) -> Place:
        """Return the cell that is seen in the place of one: the first of a merged range, or the cell itself."""
        for first, last in self._merged:
            if first.row <= cell.row <= last.row and first.column <= cell.column <= last.column:
                return first
        return cell

    def restyle(self, cell: Place, change: Callable[[int], int]) -> None:
        """Give a cell another look; a blank cell that is not in the file is made, in its place."""
        row = self._rows.get(cell.row)
        if row is None:
            row = self._new_row(cell.row)
        cells = self._cells_of(cell.row, row)
        found = cells.get(cell.column)
        look = whole(found, "s", 0) if found is not None else self._look_of_blank(row, cell.column)
        if found is None:
            found = etree.Element(self._tag("c"), r=str(cell))
            later = min((column for column in cells if column > cell.column), default=None)
            if later is None:
                row.append(found)
            else:
                cells[later].addprevious(found)
            cells[cell.column] = found
            self._widen(row, cell)
        found.set("s", str(change(look)))

    def draw(self, identifier: str) -> None:
        """Refer to the part with the shapes of the notes."""
        made = insert(self.root, "legacyDrawing", _ORDER, nsmap={"r": self.dialect.relations})
        self.dialect.refer(made, identifier)

    def box(self, cell: Place, width: int, height: int) -> tuple[int, ...]:
        """Return where a box beside a cell stands: column, pixels, row, pixels, of its start and of its end.

        Columns and rows count from 0. Wide columns and high rows need fewer of them.
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

    def _tag(self, name: str) -> etree.QName:
        return etree.QName(self.dialect.main, name)

    def _references(self, group: str, name: str) -> list[str]:
        found = child(self.root, group)
        return [one.get("ref", "") for one in children(found, name)] if found is not None else []

    def _new_row(self, number: int) -> etree._Element:
        row = etree.Element(self._tag("row"), r=str(number))
        at = bisect(self._numbers, number)
        if at == len(self._numbers):
            self._data.append(row)
        else:
            self._rows[self._numbers[at]].addprevious(row)
        self._numbers.insert(at, number)
        self._rows[number] = row
        return row

    def _cells_of(self, number: int, row: etree._Element) -> dict[int, etree._Element]:
        if number not in self._cells:
            found: dict[int, etree._Element] = {}
            column = 0
            for cell in children(row, "c"):
                written = cell.get("r")
                where = place_of(written) if written else Place(number, column + 1)
                if where is None or where.row != number or where.column > MOST_COLUMNS:
                    raise Unfit(f"a cell of row {number} says that it is '{written}'", self.part)
                column = where.column
                cell.set("r", str(where))
                found[column] = cell
            self._cells[number] = found
        return self._cells[number]

    def _look_of_blank(self, row: etree._Element, column: int) -> int:
        """Return the look that a cell has which is not in the file: its row's, else its column's."""
        if row.get("customFormat") in ("1", "true"):
            return whole(row, "s", 0)
        settings = self._column(column)
        return whole(settings, "style", 0) if settings is not None else 0

    def _column(self, column: int) -> etree._Element | None:
        for group in children(self.root, "cols"):
            for one in children(group, "col"):
                if whole(one, "min", 0) <= column <= whole(one, "max", 0):
                    return one
        return None

    def _widen(self, row: etree._Element, cell: Place) -> None:
        """Keep what the file says of the size of its row and of itself true for a cell that was added."""
        spans = [span.partition(":") for span in row.get("spans", "").split()]
        if spans and not any(
            first.isdigit() and last.isdigit() and int(first) <= cell.column <= int(last) for first, _, last in spans
        ):
            del row.attrib["spans"]  # may be left out; a reader finds the cells without it
        size = child(self.root, "dimension")
        area = area_of(size.get("ref", "")) if size is not None else None
        if size is not None and area is not None:
            first = Place(*map(min, area[0], cell))
            last = Place(*map(max, area[1], cell))
            if (first, last) != area:
                size.set("ref", str(first) if first == last else f"{first}:{last}")

    def _width(self, column: int) -> int:
        """Return the width of a column in pixels, of which a character of the usual font takes 7."""
        settings = self._column(column)
        if settings is None or settings.get("width") is None:
            usual = child(self.root, "sheetFormatPr")
            return _USUAL_WIDTH if usual is None else _pixels(usual.get("defaultColWidth"), 7, _USUAL_WIDTH)
        return 0 if _yes(settings) else _pixels(settings.get("width"), 7, _USUAL_WIDTH)

    def _height(self, row: int) -> int:
        """Return the height of a row in pixels, of which 4 are 3 points."""
        settings = self._rows.get(row)
        if settings is None or (settings.get("ht") is None and not _yes(settings)):
            return _USUAL_HEIGHT
        return 0 if _yes(settings) else _pixels(settings.get("ht"), 4 / 3, _USUAL_HEIGHT)


def _yes(settings: etree._Element) -> bool:
    return settings.get("hidden") in ("1", "true")


def _pixels(size: str | None, factor: float, usual: int) -> int:
    try:
        pixels = float(size) * factor if size is not None else math.nan
    except ValueError:
        pixels = math.nan
    return round(pixels) if 0 <= pixels < 10_000 else usual
