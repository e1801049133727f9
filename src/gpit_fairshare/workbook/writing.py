"""Writes finished sheets to the file: formats, tables, protection, print settings and charts."""

from __future__ import annotations

import datetime as dt
import re
from textwrap import wrap
from typing import TYPE_CHECKING, Any, Final

from gpit_fairshare.workbook.sheets import (
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

    from gpit_fairshare.workbook.sheets import Cell, Chart, SeriesLook, Sheet

CREATED: Final = dt.datetime(2014, 4, 1)  # noqa: DTZ001  # XlsxWriter needs a plain date
"""The date of every workbook: always the same, so that it does not depend on when the workbook was written."""
TEXTS_STAY: Final = {"number_stored_as_text": "A1:XFD1048576"}
"""Codes such as 0123 are intentionally texts, so Excel should not warn of them."""
_WIDE: Final = 190
"""Most characters across that are readable on A4; a wider sheet is printed on A3."""
_A4, _A3 = 9, 8
_CHART_WIDTH: Final = 500
_CHARTS_GAP: Final = 16
_ROW_PIXELS: Final = 20
_COLOURS: Final = ("#005EB8", "#ED8B00", "#425563", "#009639", "#7C2855", "#330072")
"""Blue first, then colours that differ from it in shades of grey too."""
_MARKERS: Final = ("circle", "square", "diamond", "triangle", "x", "plus")
_INPUT: Final = "#1F3A93"
_HEADING: Final = {"bold": True, "text_wrap": True, "valign": "bottom", "bottom": 1}
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

    def format_getter(self, sheet: Sheet) -> Callable[[Cell, int, bool], int]:
        """Return a function that gives the number of a cell's format from cell, column and whether it is bold."""
        return lambda cell, column, bold: format_number(self.cell_format(cell, sheet, column, bold=bold))

    def cell_format(self, cell: Cell, sheet: Sheet, column: int, *, bold: bool = False) -> Format:
        """Return the format of a cell: number format, alignment, wrapping, and blue if readers may change it.

        Texts are on the left and figures on the right; a mark such as `[z]` is aligned like the other cells of its
        column.
        """
        is_text = sheet.is_text(column) if cell.value in MARKS else isinstance(cell.value, str)
        # If some texts of a row take several lines, its other cells start on the first line.
        settings: dict[str, Any] = {"num_format": FORMATS[cell.format], "valign": "top" if sheet.wrapped else "vcenter"}
        settings |= _alignment(column, is_text=is_text)
        settings |= {"text_wrap": True} if column in sheet.wrapped and cell.format != "note" else {}
        settings |= {"bold": True} if bold else {}
        settings |= {"locked": False, "font_color": _INPUT} if cell.unlocked else {}
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
    _write_note(sheet, page)
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
    _insert_charts(sheet, book, page)
    page.ignore_errors({**TEXTS_STAY, "formula_unlocked": "A1:XFD1048576"})  # inputs that a formula sums
    if sheet.frozen:
        page.freeze_panes(FIRST_ROW - 1, sheet.frozen)
    page.protect("", _MAY)
    page.set_margins(left=0.5, right=0.5, top=0.5, bottom=0.6)
    if sheet.charts:  # upright and on one page, so that no chart is cut in two
        page.set_portrait()
        page.set_paper(_A3 if any(chart.wide for chart in sheet.charts) else _A4)
        page.fit_to_pages(1, 1)
    else:
        page.set_landscape()
        page.set_paper(_A3 if sum(sheet.widths.values()) > _WIDE else _A4)
        page.fit_to_pages(1, 0)
        page.repeat_rows(0, HEADING_ROW - 1)
    # Only the number of the page: all information is in cells.
    page.set_footer("&C&P / &N")


def _write_note(sheet: Sheet, page: WorksheetWriter) -> None:
    """Write the note below the title of a sheet, as a formula if it ends with a status."""
    note = clean(sheet.full_note())
    if not sheet.status:
        page.write_string(NOTE_ROW - 1, 0, note)
        return
    from gpit_fairshare.language.in_excel import text as literal  # noqa: PLC0415  # loads polars; a template has no status

    status, formula = sheet.status
    # Excel takes texts of 255 characters in a formula.
    pieces = [literal(piece) for piece in wrap(note.removesuffix(status), 200, drop_whitespace=False)]
    sheet.put(NOTE_ROW, 1, note, "&".join([*pieces, formula]), "note")


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


def _insert_charts(sheet: Sheet, book: LiveBook, page: WorksheetWriter) -> None:
    """Insert the charts of a sheet below its table, two next to each other; a wide chart has a row of its own."""
    row, left = sheet.last_row + 1, True
    for index, chart in enumerate(sheet.charts):
        if index and (left or chart.wide):
            row += (sheet.charts[index - 1].height + _CHARTS_GAP) // _ROW_PIXELS + 1
            left = True
        right, left = not left, not left
        settings = {
            "x_offset": 4 + (_CHART_WIDTH + _CHARTS_GAP if right else 0),
            "y_offset": 6,
            "object_position": 3,
            "description": chart.alternative_text,
        }
        page.insert_chart(row, 0, _draw_chart(chart, book), settings)


def _stacked_look(look: SeriesLook) -> dict[str, Any]:
    """Return the settings of XlsxWriter for a series of stacked columns."""
    fill = {
        "fill": {"color": look.colour} if look.colour else {"none": True},
        "border": {"color": look.outline} if look.outline else {"none": True},
    }
    font = {"name": "Arial", "size": 9}
    labels = {"data_labels": {"value": True, "num_format": look.label, "font": font}} if look.label else {}
    return {**fill, "gap": 30, **labels}


def _draw_chart(chart: Chart, book: LiveBook) -> Any:
    """Return a chart of XlsxWriter with the series, axes and texts of our chart."""
    stacked = {"subtype": "stacked"} if chart.looks else {}
    drawn = book.add_chart({"type": chart.kind, **stacked})
    for index, (name, values) in enumerate(chart.series.items()):
        colour = _COLOURS[index % len(_COLOURS)]
        look: dict[str, Any] = {"fill": {"color": colour}, "gap": 30 if chart.labels_below else 5}
        if chart.kind == "line":
            marker = _MARKERS[index % len(_MARKERS)]
            look = {"line": {"color": colour, "width": 2.25}, "marker": {"type": marker}}
        if name in chart.looks:
            look = _stacked_look(chart.looks[name])
        cells = {"categories": f"={chart.categories}", "values": f"={values}"}
        drawn.add_series({"name": name, **cells, **look})
    drawn.set_title({"name": chart.title, "name_font": {"name": "Arial", "size": 12, "bold": True}, "overlay": False})
    text = {"name": "Arial", "size": 9, "bold": False}
    fonts: dict[str, Any] = {"name_font": text, "num_font": text}
    labels = {"interval_unit": 1} if chart.labels_below else {"label_position": "none", "major_tick_mark": "none"}
    names = {"name": chart.across, **fonts, **labels}
    lines = {"visible": True, "line": {"color": "#D9D9D9"}}
    figures = {"name": chart.up, **fonts, "num_format": FORMATS[chart.number], "major_gridlines": lines}
    figures |= {} if chart.least is None else {"min": chart.least}
    if chart.kind == "bar":  # its categories are on the left, the first at the top, and its values below
        drawn.set_y_axis(names | {"reverse": True})
        drawn.set_x_axis(figures | {"label_position": "high"})
    else:
        drawn.set_x_axis(names | ({"label_position": "low"} if chart.labels_below else {}))
        drawn.set_y_axis(figures)
    hidden = [index for index, look in enumerate(chart.looks.values()) if not look.colour]
    legend = {"position": "bottom", "font": text, **({"delete_series": hidden} if hidden else {})}
    drawn.set_legend({"none": True} if len(chart.series) == 1 else legend)
    width = 2 * _CHART_WIDTH + _CHARTS_GAP if chart.wide else _CHART_WIDTH
    drawn.set_size({"width": width, "height": chart.height})
    return drawn
