"""Writes finished sheets to the file: formats, tables, protection, print settings and charts."""

from __future__ import annotations

import datetime as dt
import re
from typing import TYPE_CHECKING, Any, Final

from gpit_fairshare.workbook.sheets import (
    COLOURS,
    FIRST_ROW,
    HEADING_ROW,
    LINE,
    MARKS,
    NOTE_ROW,
    clean,
    free_name,
    quoted,
)
from gpit_fairshare.workbook.text_widths import FORMATS
from gpit_fairshare.workbook.xlsxwriter_internals import LiveBook, WorksheetWriter, format_number

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from xlsxwriter.format import Format
    from xlsxwriter.worksheet import Worksheet

    from gpit_fairshare.workbook.sheets import Cell, Chart, Look, SeriesLook, Sheet

CREATED: Final = dt.datetime(2014, 4, 1)  # noqa: DTZ001  # XlsxWriter needs a plain date
"""The date of every workbook: always the same, so that it does not depend on when the workbook was written."""
TEXTS_STAY: Final = {"number_stored_as_text": "A1:XFD1048576"}
"""Codes such as 0123 are intentionally texts, so Excel should not warn of them."""
_WIDE: Final = 190
"""Most characters across that are readable on A4; a wider sheet is printed on A3."""
_A4, _A3 = 9, 8
_ROWS_OF_A_PAGE: Final = 62
"""Most lines of a table that fit on a page of A4 lying down, such as 42 ICBs in their regions."""
_CHART_WIDTH: Final = 500
_CHARTS_GAP: Final = 16
_ROW_PIXELS: Final = 20
_PAGE: Final = 670, 950
"""Width and height in pixels of what fits on an upright page of A4 between its margins, with some to spare."""
_FIGURE_PIXELS: Final = 7
"""Width of a figure of the standard font on screen."""
_DEFAULT_WIDTH: Final = 8.43
"""Width of a column that has none of its own."""
_CHART_TEXT: Final = {"name": "Arial", "size": 9, "bold": False}
_MARKERS: Final = ("circle", "square", "diamond", "triangle", "x", "plus")
_INPUT: Final = "#1F3A93"
_HEADING: Final = {
    "bold": True,
    "text_wrap": True,
    "valign": "bottom",
    "font_color": "#FFFFFF",
    "bg_color": "#005EB8",
}
_LOOKS: Final[dict[Look, dict[str, Any]]] = {
    "": {},
    "bold": {"bold": True},
    "total": {"bold": True, "bg_color": "#D8DDE0"},
    "band": {"bold": True, "bg_color": "#E8EDEE"},
}
_LINK: Final = {"font_color": "#0563C1", "underline": 1, "valign": "top", "text_wrap": True}
_MAY: Final = {"select_locked_cells": True, "select_unlocked_cells": True, "format_columns": True, "format_rows": True}
"""What a reader of a protected sheet may do besides changing its inputs."""


class CellFormats:
    """The formats of the workbook, each made once."""

    def __init__(self, book: LiveBook) -> None:
        """Make the formats of the title and of flagged words; others are made when they are needed."""
        self.book = book
        self.made: dict[tuple[tuple[str, Any], ...], Format] = {}
        self.title = self._make_format({"bold": True, "font_size": 14})
        self.looks = {"wrong": self._make_format({"bold": True, "font_color": "#9C0006"})}

    def format_getter(self, sheet: Sheet) -> Callable[[Cell, int, Look], int]:
        """Return a function that gives the number of a cell's format from cell, column and the look of its row."""
        return lambda cell, column, look: format_number(self.cell_format(cell, sheet, column, look))

    def cell_format(self, cell: Cell, sheet: Sheet, column: int, look: Look = "") -> Format:
        """Return the format of a cell: number format, alignment, wrapping, look, and blue if readers may change it.

        Texts are on the left and figures on the right; a mark such as `[z]` is aligned like the other cells of its
        column.
        """
        by_column = cell.value in MARKS or column in sheet.figure_columns
        is_text = sheet.is_text(column) if by_column else isinstance(cell.value, str)
        # If some texts of a row take several lines, its other cells start on the first line.
        settings: dict[str, Any] = {"num_format": FORMATS[cell.format], "valign": "top" if sheet.wrapped else "vcenter"}
        settings |= _alignment(column, is_text=is_text)
        is_wrapped = column in sheet.wrapped and (isinstance(cell.value, str) or column not in sheet.figure_columns)
        settings |= {"text_wrap": True} if is_wrapped and cell.format != "note" else {}
        settings |= _LOOKS[look]
        settings |= {"locked": False, "font_color": _INPUT} if cell.unlocked else {}
        if cell.unlocked and column in sheet.figure_columns:  # the only such cell of its sheet: easy to find
            settings |= {"border": 1, "border_color": _INPUT}
        return self._make_format(settings)

    def heading_format(self, sheet: Sheet, column: int) -> Format:
        """Return the format of a column's heading, aligned like the cells of the column."""
        return self._make_format({**_HEADING, **_alignment(column, is_text=sheet.is_text(column))})

    def link_format(self, column: int) -> Format:
        """Return the format of a cell with a link."""
        return self._make_format({**_LINK, **_alignment(column, is_text=True)})

    def _make_format(self, settings: dict[str, Any]) -> Format:
        """Return the format with these settings, which is made only once."""
        key = tuple(settings.items())
        if key not in self.made:
            self.made[key] = self.book.add_format(settings)
        return self.made[key]


def _alignment(column: int, *, is_text: bool) -> dict[str, Any]:
    """Return the format settings that align a cell to the left or right of its column.

    An indent keeps a figure on the right from touching the text on the left of the next column. Excel only
    indents cells that have an alignment.
    """
    return {} if is_text and column == 1 else {"align": "left" if is_text else "right", "indent": 1}


def write_sheets(
    path: Path,
    sheets: Sequence[Sheet],
    properties: Mapping[str, str],
    advance: Callable[[int, int], None],
    names: Mapping[str, str] | None = None,
) -> None:
    """Finish the sheets, and write them as a workbook.

    Args:
        path: The file.
        sheets: The sheets, in order.
        properties: Properties of the document, such as its title.
        advance: Called with the number of cells done and of all cells; both are equal only when the file is complete.
        names: Defined names, each with its cell.
    """
    book, names = LiveBook(), names or {}
    book.set_properties({**properties, "created": CREATED})
    for sheet in sheets:
        sheet.finish()
    styles, done, total = CellFormats(book), 0, sum(sheet.cell_count() for sheet in sheets)

    def report(cells: int) -> None:
        """Report progress after some more cells are written."""
        nonlocal done
        done += cells
        # The full total is only reported when the file is complete.
        advance(min(done, total - 1), total)

    # Tables and defined names share one list in Excel, in which case makes no difference.
    tables = {name.casefold() for name in names}
    for sheet in sheets:
        _add_sheet(sheet, book, styles, table_name(sheet.name, tables), report)
    for name, cell in names.items():
        book.define_name(name, f"={cell}")
    path.write_bytes(book.contents())
    advance(total, total)


def table_name(sheet: str, used_names: set[str]) -> str:
    """Return an unused name for the table of a sheet: letters, digits and underscores, not like a cell's address."""
    base = "Table_" + re.sub(r"\W+", "_", sheet.replace("£", "GBP_"), flags=re.ASCII)
    return free_name(used_names, lambda number: f"{base}_{number}" if number > 1 else base)


def _add_sheet(sheet: Sheet, book: LiveBook, styles: CellFormats, table: str, report: Callable[[int], None]) -> None:
    """Add a finished sheet to the workbook, with its table, formats, charts, protection and print settings.

    Its cells are written when the workbook is closed; `report` is then called with the number of cells written since
    the last call.

    Args:
        sheet: The sheet.
        book: The workbook.
        styles: The formats of the workbook.
        table: The name of the sheet's table.
        report: Reports progress.
    """
    page = book.add_worksheet(sheet.name)
    for column, width in sheet.widths.items():
        page.set_column(column - 1, column - 1, width)
    page.write_string(0, 0, clean(sheet.title), styles.title)
    page.write_string(NOTE_ROW - 1, 0, clean(sheet.full_note()))
    _add_sheet_table(sheet, page, styles, table)
    if sheet.wrapped:
        for row in range(FIRST_ROW, sheet.last_row + 1):
            if height := sheet.row_height(row):
                page.set_height(row, height)
    for (row, column), cell in sheet.cells.items():
        if cell.link:
            inside = not cell.link.startswith(("http://", "https://"))
            target = f"internal:{quoted(cell.link)}!A1" if inside else cell.link
            page.write_url(row - 1, column - 1, target, styles.link_format(column), clean(cell.value))
    page.set_sheet(sheet, styles.format_getter(sheet), report)
    for cells, validation in sheet.validations:
        page.data_validation(cells, validation)
    for cells, settings in sheet.conditional_formats:
        look = {"format": styles.looks[settings["format"]]} if "format" in settings else {}
        page.conditional_format(cells, settings | look)
    bands = _insert_charts(sheet, book, page)
    page.ignore_errors({**TEXTS_STAY, "formula_unlocked": "A1:XFD1048576"})  # inputs that a formula sums
    if sheet.frozen:
        page.freeze_panes(FIRST_ROW - 1, sheet.frozen)
    page.protect("", _MAY)
    page.set_margins(left=0.5, right=0.5, top=0.5, bottom=0.6)
    _set_print(sheet, page, bands)
    # Only the number of the page: all information is in cells.
    page.set_footer("&C&P / &N")


def _set_print(sheet: Sheet, page: WorksheetWriter, bands: Sequence[tuple[int, int]]) -> None:
    """Set paper, direction and pages; a sheet to print has its table and charts as its print range.

    A sheet with charts is upright, and no chart is cut in two. A table of few rows is on one page.

    Args:
        sheet: The sheet.
        page: The sheet in the file.
        bands: For each row of charts the row of the sheet above which it begins, and its height in pixels.
    """
    last_row, last_column = sheet.last_row, len(sheet.headings)
    if bands:
        page.set_portrait()
        page.set_paper(_A4)
        last_row = bands[-1][0] + (bands[-1][1] + _CHARTS_GAP) // _ROW_PIXELS + 1
        last_column = max(last_column, _columns_of(sheet, 2 * _CHART_WIDTH + _CHARTS_GAP + 8))
        _set_pages_of_charts(sheet, page, bands, last_column)
    else:
        page.set_landscape()
        page.set_paper(_A3 if sum(sheet.widths.values()) > _WIDE else _A4)
        lines = sum((sheet.row_height(row) or LINE) / LINE for row in range(FIRST_ROW, last_row + 1))
        page.fit_to_pages(1, int(lines <= _ROWS_OF_A_PAGE))
        page.repeat_rows(0, HEADING_ROW - 1)
    if sheet.prints:
        page.print_area(0, 0, last_row - 1, last_column - 1)
    else:  # an empty cell: a sheet without any print range would be printed in full
        page.print_area(last_row + 2, 0, last_row + 2, 0)


def _columns_of(sheet: Sheet, pixels: int) -> int:
    """Return how many columns cover this width."""
    column = 0
    while pixels > 0:
        column += 1
        pixels -= _column_pixels(sheet, column)
    return column


def _column_pixels(sheet: Sheet, column: int) -> int:
    return round(sheet.widths.get(column, _DEFAULT_WIDTH) * _FIGURE_PIXELS) + 5


def _set_pages_of_charts(
    sheet: Sheet, page: WorksheetWriter, bands: Sequence[tuple[int, int]], last_column: int
) -> None:
    """Put a table and its charts on one page if they fit at the scale of its width; else begin pages between charts.

    Args:
        sheet: The sheet.
        page: The sheet in the file.
        bands: For each row of charts the row of the sheet above which it begins, and its height in pixels.
        last_column: The last column to print.
    """
    scale = _PAGE[0] / sum(_column_pixels(sheet, column) for column in range(1, last_column + 1))
    room, top, breaks = _PAGE[1] / scale, 0, []
    for row, height in bands:
        if (row - top) * _ROW_PIXELS + height + _CHARTS_GAP > room and row > top:
            breaks.append(row)
            top = row
    if not breaks:
        page.fit_to_pages(1, 1)
        return
    page.set_print_scale(max(10, int(100 * scale)))
    page.set_h_pagebreaks(breaks)


def _add_sheet_table(sheet: Sheet, page: WorksheetWriter, styles: CellFormats, name: str) -> None:
    """Add the table of a sheet, with its headings, its description and the height of the heading row."""
    headings = [(heading, styles.heading_format(sheet, column)) for column, heading in enumerate(sheet.headings, 1)]
    add_table(page, HEADING_ROW, sheet.last_row, name, headings)
    page.describe_table(sheet.title)
    lines = max(sheet.heading_lines(column) for column in range(1, len(sheet.headings) + 1))
    page.set_height(HEADING_ROW, LINE * lines + 3)


def add_table(
    page: Worksheet, heading_row: int, last_row: int, name: str, headings: Sequence[tuple[str, Format]]
) -> None:
    """Add an Excel table from the row of headings down, with a format for each heading."""
    settings = {
        "name": name,
        "columns": [{"header": heading, "header_format": look} for heading, look in headings],
        "autofilter": False,
        "style": "Table Style Light 1",
        "banded_rows": False,
    }
    page.add_table(heading_row - 1, 0, last_row - 1, len(headings) - 1, settings)


def _insert_charts(sheet: Sheet, book: LiveBook, page: WorksheetWriter) -> list[tuple[int, int]]:
    """Insert the charts of a sheet below its table, two next to each other; a wide chart has a row of its own.

    Returns:
        For each row of charts the row of the sheet above which it begins, and its height in pixels.
    """
    bands: list[tuple[int, int]] = []
    right_is_free = False
    for chart in sheet.charts:
        is_right = right_is_free and not chart.wide
        if is_right:
            bands[-1] = bands[-1][0], max(bands[-1][1], chart.height)
        else:
            row, height = bands[-1] if bands else (sheet.last_row + 1, 0)
            bands.append((row + (height + _CHARTS_GAP) // _ROW_PIXELS + 1 if height else row, chart.height))
        right_is_free = not (is_right or chart.wide)
        settings = {
            "x_offset": 4 + (_CHART_WIDTH + _CHARTS_GAP if is_right else 0),
            "y_offset": 6,
            "object_position": 3,
            "description": chart.alternative_text,
        }
        page.insert_chart(bands[-1][0], 0, _draw_chart(chart, book), settings)
    return bands


def _look_of_bars(look: SeriesLook) -> dict[str, Any]:
    """Return XlsxWriter's settings of a set of bars with its colour and labels; no bar where the set has none."""
    settings: dict[str, Any] = {
        "fill": {"color": look.colour} if look.colour else {"none": True},
        "border": {"color": look.outline} if look.outline else {"none": True},
        "gap": 30,
        "overlap": 100,
    }
    if look.label:
        settings["data_labels"] = {"value": True, "num_format": look.label, "font": _CHART_TEXT}
        settings["data_labels"] |= {"position": look.label_position} if look.label_position else {}
    if look.has_bar:
        settings["points"] = [None if has_bar else {"fill": {"none": True}} for has_bar in look.has_bar]
        settings["data_labels"]["custom"] = [None if has_bar else {"delete": True} for has_bar in look.has_bar]
    return settings


def _draw_chart(chart: Chart, book: LiveBook) -> Any:
    """Return a chart of XlsxWriter with the series, axes and texts of our chart."""
    drawn = book.add_chart({"type": chart.kind, **({"subtype": "stacked"} if chart.stacked else {})})
    for index, (name, values) in enumerate(chart.series.items()):
        colour = COLOURS[index % len(COLOURS)]
        look: dict[str, Any] = {"fill": {"color": colour}, "gap": 30 if chart.labels_below else 5}
        if chart.kind == "line":
            marker = _MARKERS[index % len(_MARKERS)]
            look = {"line": {"color": colour, "width": 2.25}, "marker": {"type": marker}}
        if name in chart.looks:
            look = _look_of_bars(chart.looks[name])
        cells = {"categories": f"={chart.categories}", "values": f"={values}"}
        drawn.add_series({"name": name, **cells, **look})
    drawn.set_title({"name": chart.title, "name_font": {"name": "Arial", "size": 12, "bold": True}, "overlay": False})
    fonts: dict[str, Any] = {"name_font": _CHART_TEXT, "num_font": _CHART_TEXT}
    labels = {"interval_unit": 1} if chart.labels_below else {"label_position": "none", "major_tick_mark": "none"}
    names = {"name": chart.across, **fonts, **labels}
    lines = {"visible": True, "line": {"color": "#D9D9D9"}}
    figures = {"name": chart.up, **fonts, "num_format": FORMATS[chart.number], "major_gridlines": lines}
    figures |= {} if chart.least is None else {"min": chart.least}
    if chart.kind == "bar":  # its categories are on the left, the first at the top, and its values below
        drawn.set_y_axis(names | {"reverse": True, "label_position": "low"})
        drawn.set_x_axis(figures | {"label_position": "high"})
    else:
        drawn.set_x_axis(names | ({"label_position": "low"} if chart.labels_below else {}))
        drawn.set_y_axis(figures)
    hidden = [index for index, look in enumerate(chart.looks.values()) if not look.colour]
    legend = {"position": "bottom", "font": _CHART_TEXT, **({"delete_series": hidden} if hidden else {})}
    drawn.set_legend({"none": True} if len(chart.series) == 1 else legend)
    width = 2 * _CHART_WIDTH + _CHARTS_GAP if chart.wide else _CHART_WIDTH
    drawn.set_size({"width": width, "height": chart.height})
    return drawn
