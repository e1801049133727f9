"""A sheet as it is being put together: cells by row and column, and whole columns at a time.

Rows and columns count from 1, as Excel's users count. A cell is a value, or a live formula with the
value that it gives, so that previews and readers that do not recalculate show true figures.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal

from xlsxwriter.utility import xl_col_to_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

TITLE_ROW: Final = 1
NOTE_ROW: Final = 2
TOTAL_ROW: Final = 3
HEADING_ROW: Final = 4
FIRST_ROW: Final = 5
LINE: Final = 14.0
"""Height of one line in points."""
ROW: Final = "\N{SYMBOL FOR NULL}"
"""Stands for the number of the row in a formula that is alike all the way down a column."""

Role = Literal["Input", "Working", "Output", "Control"]
"""What a sheet is for: inputs are what a reader may change, controls say whether the rest can be relied on."""

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")


@dataclass(frozen=True, slots=True)
class Cell:
    """A value, or a formula (without its equals sign) and the value that it gives."""

    value: Any
    formula: str | None = None
    format: str = "number"
    unlocked: bool = False
    """Whether a reader may change it while the sheet is protected."""
    link: str = ""
    """Sheet that the cell leads to, or an address on the web."""


@dataclass(frozen=True, slots=True)
class Fill:
    """The cells of a column from the first row of the table down: values, and their formula."""

    values: Sequence[Any]
    formula: str | Callable[[int], str | None] | None
    """A formula with ROW in it, or what gives the formula (or None) of the row with a number."""
    format: str
    unlocked: bool

    def cell(self, row: int) -> Cell:
        """Return the cell of a row."""
        formula = self.formula
        if isinstance(formula, str):
            formula = formula.replace(ROW, str(row))
        elif formula is not None:
            formula = formula(row)
        return Cell(self.values[row - FIRST_ROW], formula, self.format, self.unlocked)


@dataclass(frozen=True, slots=True)
class Region:
    """Cells of a sheet from one row and column to another, both counted."""

    first_row: int
    first_column: int
    last_row: int
    last_column: int


@dataclass(frozen=True, slots=True)
class Series:
    """One line or set of bars: where its name, its categories and its values stand."""

    name: str
    categories: str
    values: str


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart of figures that stand on a sheet, with all that a reader who cannot see it needs."""

    kind: Literal["column", "bar", "line"]
    title: str
    across: str
    """Title of the axis of categories, with its unit."""
    up: str
    """Title of the axis of values, with its unit."""
    series: tuple[Series, ...]
    says: str
    """Alternative text."""
    number: str
    """Number format of the values' axis, as FORMATS calls it."""
    stacked: bool = False
    labels_below: bool = True
    """Whether each category has its label; 211 of them cannot be read."""
    height: int = 300
    """Height in pixels."""
    wide: bool = False
    """Whether it takes the place of two side by side."""


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
    """Return a text that a workbook can hold: no control characters, at most 32,000 characters."""
    return _CONTROL.sub(" ", text)[:32_000]


@dataclass(slots=True)
class Sheet:
    """One sheet: a title, a note, headings in row 4 and one table below them."""

    name: str
    title: str
    note: str = ""
    role: Role = "Output"
    headings: list[str] = field(default_factory=list)
    cells: dict[tuple[int, int], Cell] = field(default_factory=dict)
    fills: dict[int, Fill] = field(default_factory=dict)
    widths: dict[int, float] = field(default_factory=dict)
    last_row: int = FIRST_ROW
    wrapped: set[int] = field(default_factory=set)
    """Columns of prose, whose texts are wrapped."""
    frozen: int = 0
    """Columns that stay in view; the headings stay with them."""
    rules: list[tuple[Region, dict[str, Any]]] = field(default_factory=list)
    """Data validation, as XlsxWriter takes it."""
    marks: list[tuple[Region, dict[str, Any]]] = field(default_factory=list)
    """Conditional formats, as XlsxWriter takes them; a `look` among them names one of the workbook's formats."""
    charts: list[Chart] = field(default_factory=list)
    """Charts below the table, two side by side; wide ones last."""

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

    def put(  # a cell has that many sides
        self,
        row: int,
        column: int,
        value: Any,
        formula: str | None = None,
        number: str = "number",
        *,
        unlocked: bool = False,
    ) -> None:
        """Place one cell; a cell below the headings makes the table reach down to it."""
        self.cells[row, column] = Cell(value, formula, number, unlocked)
        self.last_row = max(self.last_row, row)

    def lead(self, row: int, column: int, text: str, to: str) -> None:
        """Place a cell that leads to another sheet of the workbook, or to an address on the web."""
        self.put(row, column, text)
        self.cells[row, column] = Cell(text, link=to)

    def fill(
        self,
        column: int,
        values: Sequence[Any],
        formula: str | Callable[[int], str | None] | None = None,
        number: str = "number",
        *,
        unlocked: bool = False,
    ) -> None:
        """Fill a column of the table from its first row down."""
        self.fills[column] = Fill(values, formula, number, unlocked)
        self.last_row = max(self.last_row, FIRST_ROW + len(values) - 1)

    def rows(self, rows: Sequence[Sequence[Any]]) -> None:
        """Fill the table with plain values."""
        for row, values in enumerate(rows, FIRST_ROW):
            for column, value in enumerate(values, 1):
                self.put(row, column, value)

    def all_cells(self) -> Iterator[tuple[int, int, Cell]]:
        """Yield every cell with its row and column."""
        for (row, column), cell in self.cells.items():
            yield row, column, cell
        for column, fill in self.fills.items():
            for row in range(FIRST_ROW, FIRST_ROW + len(fill.values)):
                yield row, column, fill.cell(row)

    def value(self, row: int, column: int) -> Any:
        """Return the value of a cell, None where there is none."""
        fill = self.fills.get(column)
        if fill and FIRST_ROW <= row < FIRST_ROW + len(fill.values):
            return fill.values[row - FIRST_ROW]
        cell = self.cells.get((row, column))
        return cell.value if cell else None

    def is_text(self, column: int) -> bool:
        """Return whether a column of the table begins with a text, which stands on the left."""
        value = self.value(FIRST_ROW, column)
        return value is None or isinstance(value, str)

    def column_range(self, column: int) -> str:
        """Return a column of the table as a range that may be used on any sheet."""
        cells = f"${letter(column)}${FIRST_ROW}:${letter(column)}${self.last_row}"
        return f"{quoted(self.name)}!{cells}"

    def fit(self) -> None:
        """Widen columns of short texts to what they hold, up to 60 characters."""
        longest: dict[int, int] = {}
        texts = [(column, cell.value) for (row, column), cell in self.cells.items() if row >= FIRST_ROW]
        texts += [(column, value) for column, fill in self.fills.items() for value in fill.values]
        for column, value in texts:
            if isinstance(value, str) and column not in self.wrapped:
                longest[column] = max(longest.get(column, 0), len(value))
        for column, length in longest.items():
            self.widths[column] = min(60.0, max(self.widths.get(column, 0), length * 1.05 + 2))

    def height(self, row: int) -> float | None:
        """Return the height that a row of wrapped prose needs, or None where one line will do."""
        lines = 1
        for column in self.wrapped:
            value = self.value(row, column)
            if isinstance(value, str):
                lines = max(lines, lines_needed(value, self.widths[column]))
        return None if lines == 1 else lines * LINE
