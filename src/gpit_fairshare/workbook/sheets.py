"""A sheet as it is being put together: cells by row and column, written in one go at the end.

Rows and columns count from 1, as Excel's users count. A cell is a value, or a live formula with the
value that it gives, so that previews and readers that do not recalculate show true figures.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from xlsxwriter.utility import xl_col_to_name

if TYPE_CHECKING:
    from collections.abc import Sequence

    import xlsxwriter
    from xlsxwriter.format import Format
    from xlsxwriter.worksheet import Worksheet

TITLE_ROW: Final = 1
NOTE_ROW: Final = 2
TOTAL_ROW: Final = 3
HEADING_ROW: Final = 4
FIRST_ROW: Final = 5
_LINE: Final = 15.0
"""Height of one line in points."""

FORMATS: Final = {
    "£": "£#,##0;-£#,##0",
    "pence": "£#,##0.00;-£#,##0.00",
    "£ per head": "£#,##0.00;-£#,##0.00",
    "people": "#,##0",
    "%": "0.0%",
    "ratio": "0.0000",
    "number": "General",
    "count": "0",
    "remainder": "0.000000",
}
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")


@dataclass(frozen=True, slots=True)
class Cell:
    """A value, or a formula (without its equals sign) and the value that it gives."""

    value: Any
    formula: str | None = None
    format: str = "number"
    link: str = ""
    """Sheet that the cell leads to."""


def lines_needed(text: str, width: float) -> int:
    """Return how many lines a text takes in a column of a width, word by word."""
    lines, used = 1, 0
    for word in text.split(" "):
        used += len(word) + 1
        if used > width + 1 and used > len(word) + 1:
            lines, used = lines + 1, len(word) + 1
    return lines


def letter(column: int) -> str:
    """Return the letters of a column counted from 1."""
    return str(xl_col_to_name(column - 1))


def quoted(sheet: str) -> str:
    """Return a sheet's name as formulas write it."""
    return "'" + sheet.replace("'", "''") + "'"


def clean(text: str) -> str:
    """Return a text that a workbook can hold: no control characters, at most 32,767 characters."""
    return _CONTROL.sub(" ", text)[:32_000]


@dataclass(slots=True)
class Sheet:
    """One sheet: a title, a note, headings in row 4 and one table below them."""

    name: str
    title: str
    note: str = ""
    headings: list[str] = field(default_factory=list)
    cells: dict[tuple[int, int], Cell] = field(default_factory=dict)
    widths: dict[int, float] = field(default_factory=dict)
    last_row: int = FIRST_ROW
    wrapped: set[int] = field(default_factory=set)
    """Columns of prose, whose texts are wrapped."""

    def heading(self, text: str, width: float = 15, *, wrap: bool = False) -> int:
        """Add a column and return its number; Excel's tables want every heading once."""
        heading, count = clean(text)[:250], 2
        while heading.casefold() in {one.casefold() for one in self.headings}:
            heading, count = f"{clean(text)[:240]} ({count})", count + 1
        self.headings.append(heading)
        column = len(self.headings)
        self.widths[column] = width
        if wrap:
            self.wrapped.add(column)
        return column

    def put(self, row: int, column: int, value: Any, formula: str | None = None, number: str = "number") -> None:
        """Place one cell; a cell below the headings makes the table reach down to it."""
        self.cells[row, column] = Cell(value, formula, number)
        self.last_row = max(self.last_row, row)

    def lead(self, row: int, column: int, sheet: str) -> None:
        """Place a cell that leads to another sheet of the workbook."""
        self.put(row, column, sheet)
        self.cells[row, column] = Cell(sheet, link=sheet)

    def is_text(self, column: int) -> bool:
        """Return whether a column of the table begins with a text, which stands on the left."""
        cell = self.cells.get((FIRST_ROW, column))
        return cell is None or cell.value is None or isinstance(cell.value, str)

    def fit(self) -> None:
        """Widen columns of short texts to what they hold, up to 60 characters."""
        longest: dict[int, int] = {}
        for (row, column), cell in self.cells.items():
            if row >= FIRST_ROW and isinstance(cell.value, str) and column not in self.wrapped:
                longest[column] = max(longest.get(column, 0), len(cell.value))
        for column, length in longest.items():
            self.widths[column] = min(60.0, max(self.widths.get(column, 0), length * 1.05 + 2))

    def height(self, row: int) -> float | None:
        """Return the height that a row of wrapped prose needs, or None where one line will do."""
        lines = 1
        for column in self.wrapped:
            cell = self.cells.get((row, column))
            if cell and isinstance(cell.value, str):
                lines = max(lines, lines_needed(cell.value, self.widths[column]))
        return None if lines == 1 else lines * _LINE

    def column(self, column: int, cells: Sequence[tuple[str | None, Any]], number: str = "number") -> None:
        """Fill a column of the table with (formula, value) pairs."""
        for row, (formula, value) in enumerate(cells, FIRST_ROW):
            self.put(row, column, value, formula, number)

    def rows(self, rows: Sequence[Sequence[Any]]) -> None:
        """Fill the table with plain values."""
        for row, values in enumerate(rows, FIRST_ROW):
            for column, value in enumerate(values, 1):
                self.put(row, column, value)


class Styles:
    """The few formats of the workbook, made once each."""

    def __init__(self, book: xlsxwriter.Workbook) -> None:
        self.book = book
        self.made: dict[tuple[str | bool, ...], Format] = {}
        self.title = book.add_format({"bold": True, "font_size": 14})
        heading = {"bold": True, "text_wrap": True, "valign": "bottom", "bottom": 1}
        self.first_heading = book.add_format(heading)
        # An indent keeps a figure on the right from touching the text on the left of the next column.
        self.text_heading = book.add_format({**heading, "indent": 1})
        self.number_heading = book.add_format({**heading, "align": "right", "indent": 1})
        self.bold = book.add_format({"bold": True})
        self.link = book.add_format({"font_color": "#0563C1", "underline": 1})

    def cell(self, cell: Cell, sheet: Sheet, column: int, *, bold: bool) -> Format:
        """Return the format of a cell: texts on the left, figures on the right, each with its gutter."""
        text, first, wrap = isinstance(cell.value, str), column == 1, column in sheet.wrapped
        # Where some texts take several lines, the cells beside them begin on the first.
        top = bool(sheet.wrapped)
        key = (cell.format, text, first, wrap, top, bold)
        if key not in self.made:
            settings: dict[str, Any] = {"num_format": FORMATS[cell.format], "valign": "top" if top else "vcenter"}
            settings |= {} if first else {"indent": 1} if text else {"align": "right", "indent": 1}
            settings |= {"text_wrap": True} if wrap else {}
            settings |= {"bold": True} if bold else {}
            self.made[key] = self.book.add_format(settings)
        return self.made[key]

    def heading(self, sheet: Sheet, column: int) -> Format:
        """Return the format of a column's heading, which stands as its figures or texts do."""
        if column == 1:
            return self.first_heading
        return self.text_heading if sheet.is_text(column) else self.number_heading


def write(sheet: Sheet, book: xlsxwriter.Workbook, styles: Styles) -> None:
    """Write a finished sheet into the workbook."""
    page = book.add_worksheet(sheet.name)
    sheet.fit()
    for column, width in sheet.widths.items():
        page.set_column(column - 1, column - 1, width)
    page.write_string(0, 0, clean(sheet.title), styles.title)
    if sheet.note:
        page.write_string(NOTE_ROW - 1, 0, clean(sheet.note))
    if sheet.headings:
        page.add_table(
            HEADING_ROW - 1,
            0,
            sheet.last_row - 1,
            len(sheet.headings) - 1,
            {
                "columns": [
                    {"header": heading, "header_format": styles.heading(sheet, column)}
                    for column, heading in enumerate(sheet.headings, 1)
                ],
                "autofilter": False,
                "style": "Table Style Light 1",
                "banded_rows": False,
            },
        )
        lines = [lines_needed(heading, sheet.widths[column] - 3) for column, heading in enumerate(sheet.headings, 1)]
        page.set_row(HEADING_ROW - 1, _LINE * max(lines) + 3)
    if sheet.wrapped:
        for row in range(FIRST_ROW, sheet.last_row + 1):
            page.set_row(row - 1, sheet.height(row))
    for (row, column), cell in sorted(sheet.cells.items()):
        if cell.link:
            page.write_url(row - 1, column - 1, f"internal:{quoted(cell.link)}!A1", styles.link, cell.value)
            continue
        style = styles.cell(cell, sheet, column, bold=row == TOTAL_ROW)
        _write_cell(page, row - 1, column - 1, cell, style)
    # Codes such as 0123 are texts by intent; Excel need not warn of them.
    page.ignore_errors({"number_stored_as_text": "A1:XFD1048576"})
    page.set_landscape()
    page.set_paper(9)
    page.fit_to_pages(1, 0)
    page.repeat_rows(0, HEADING_ROW - 1)


def _write_cell(page: Worksheet, row: int, column: int, cell: Cell, style: Format) -> None:
    value = clean(cell.value) if isinstance(cell.value, str) else cell.value
    if cell.formula is not None:
        page.write_formula(row, column, "=" + cell.formula, style, "" if value is None else value)
    elif value is None:
        page.write_blank(row, column, None, style)
    elif isinstance(value, bool):
        page.write_boolean(row, column, value, style)
    elif isinstance(value, int | float):
        page.write_number(row, column, value, style)
    else:
        # Never write(): a text that begins with = stays a text.
        page.write_string(row, column, str(value), style)
