"""A sheet that is being built: cells by row and column, and whole columns at a time.

Rows and columns count from 1, as in Excel. A cell is a value, or a live formula with its value, so that previews
and readers that do not recalculate show true figures.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Any, Final, Literal

from xlsxwriter.utility import xl_cell_to_rowcol, xl_col_to_name

from gpit_fairshare.workbook.text_widths import BOLD, lines_needed, number_width, text_width

TITLE_ROW: Final = 1
NOTE_ROW: Final = 2
TOTAL_ROW: Final = 3
HEADING_ROW: Final = 4
FIRST_ROW: Final = 5
LINE: Final = 13.5
"""Height of one line in points: 12.75 in Excel, and a little for other programs."""
NOT_APPLICABLE: Final = "[z]"
"""In place of a figure that does not apply; the note of the sheet explains it."""
NONE: Final = "–"
"""In a text cell that has no text, since an empty cell may be a mistake; the note of the sheet explains it."""
COLOURS: Final = ("#005EB8", "#ED8B00", "#425563", "#009639", "#7C2855", "#330072")
"""Colours of charts: blue first, then colours that differ from it in shades of grey too."""
OPEN: Final = "no limit"
"""In place of a limit that a parameter does not have."""
NO_ROWS: Final = "none"
"""In every cell of a table without rows, and in a text cell where `none` is the answer."""
MARKS: Final = (NOT_APPLICABLE, NONE, OPEN, NO_ROWS)
"""Texts in place of a missing figure; they are aligned like the figures of their column."""
EMPTY_CELL: Final = "Empty cell = no value given."
"""Explains empty cells in the note of a sheet."""
INDENT: Final = 1.5
"""Width that the gutter of a cell takes of its column."""
_LONGEST_COLUMN: Final = 60.0
_HEADING_LINES: Final = 5
"""Lines that a heading may take before its column grows instead."""
_TITLE: Final = 1.4 * BOLD
"""How much wider a title is than the text of cells."""
ROW: Final = "\N{SYMBOL FOR NULL}"
"""In place of the number of the row, in a formula that is the same all the way down a column."""

Formula = str | Callable[[int], str | None]
"""The formula of a column: a text with ROW in it, or a function from row number to formula or None."""
Look = Literal["", "bold", "total", "band"]
"""How a row looks: like the others, in bold, or in bold on a band as a total or the subtotal of an area."""
Role = Literal["Input", "Working", "Output", "Control"]
"""What a sheet is for: readers may change inputs, and controls say whether the other sheets are reliable."""

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")


class Prose(float):
    """The width of a column whose texts are wrapped."""


@dataclass(frozen=True, slots=True)
class Cell:
    """A value, or a formula (without its equals sign) and its value."""

    value: Any
    formula: str | None = None
    format: str = "number"
    unlocked: bool = False
    """Whether a reader may change it while the sheet is protected."""
    link: str = ""
    """Sheet that the cell leads to, or an address on the web."""
    widest: Any = None
    """The widest value that the formula may give later, which needs room too; None if that is the value."""


@dataclass(frozen=True, slots=True)
class Fill:
    """The cells of a column from the first row of the table down: values, and their formula."""

    values: Sequence[Any]
    formula: Formula | None
    format: str
    unlocked: bool

    def formula_of(self, row: int) -> str | None:
        """Return the formula of the cell in a row; None if it is a plain value."""
        if isinstance(self.formula, str):
            return self.formula.replace(ROW, str(row))
        return None if self.formula is None else self.formula(row)

    def cell(self, row: int) -> Cell:
        """Return the cell in a row; a cell with a formula is never an input, even in a column of inputs."""
        formula = self.formula_of(row)
        return Cell(self.values[row - FIRST_ROW], formula, self.format, self.unlocked and formula is None)


@dataclass(frozen=True, slots=True)
class SeriesLook:
    """The colour of a set of bars, and how its figures are written on the bars."""

    colour: str
    """Empty for bars that are not seen, and not in the legend."""
    outline: str = ""
    """Colour of the outline; empty for none."""
    label: str = ""
    """Number format, as Excel writes it; empty for bars without labels."""
    label_position: Literal["", "outside_end", "inside_base"] = ""
    """Where the label is; empty leaves it to the program."""
    has_bar: tuple[bool, ...] = ()
    """For each category whether it has a bar of this set; empty if all have."""


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart of figures on a sheet, with the texts that readers who cannot see it need."""

    kind: Literal["column", "bar", "line"]
    title: str
    across: str
    """Title of the axis of categories, with its unit."""
    up: str
    """Title of the axis of values, with its unit."""
    categories: str
    """The cells of the categories."""
    series: Mapping[str, str]
    """The name of each line or set of bars to the cells of its values."""
    alternative_text: str
    """Describes the chart to readers who cannot see it."""
    number: str
    """Number format of the values' axis, as FORMATS calls it."""
    labels_below: bool = True
    """Whether each category has a label; 211 labels would be unreadable."""
    height: int = 300
    """Height in pixels."""
    wide: bool = False
    """Whether it takes the place of two side by side."""
    looks: Mapping[str, SeriesLook] = field(default_factory=dict)
    """The look of each set of bars by its name, if the bars of a category are in one line; otherwise empty."""
    stacked: bool = False
    """Whether these bars begin where the bar before them ends; otherwise all begin at zero."""
    least: float | None = None
    """Where the axis of values starts; None leaves it to the program."""


def letter(column: int) -> str:
    """Return the letters of a column by its number: `A` for 1, `AA` for 27."""
    return str(xl_col_to_name(column - 1))


def column_number(letters: str) -> int:
    """Return the number of a column, counted from 1, by its letters: `A` is 1, `AA` is 27.

    Raises:
        ValueError: No column has these letters.
    """
    if not re.fullmatch("[A-Z]{1,3}", str(letters)):
        raise ValueError(letters)
    return int(xl_cell_to_rowcol(f"{letters}1")[1]) + 1


def quoted(sheet: str) -> str:
    """Return the name of a sheet in quotation marks, as formulas write it."""
    return "'" + sheet.replace("'", "''") + "'"


def free_name(used_names: set[str], numbered: Callable[[int], str]) -> str:
    """Return the first of the numbered names that is not used, and add it to the used names; capitals do not count."""
    name = next(name for name in map(numbered, count(1)) if name.casefold() not in used_names)
    used_names.add(name.casefold())
    return name


def is_web(address: str) -> bool:
    """Return whether a text is a web address that a cell can link to; Excel takes 2,079 characters."""
    return address.startswith(("http://", "https://")) and not re.search(r"\s", address) and len(address) <= 2_000


def clean(text: str) -> str:
    """Return a text as a workbook can hold it: without control characters, cut after 32,000 characters."""
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
    figure_columns: set[int] = field(default_factory=set)
    """Columns of figures that begin with texts, such as the name of what they are about."""
    frozen: int = 0
    """Columns that stay in view; the headings stay with them."""
    validations: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    """Cells and their data validation, as XlsxWriter takes it."""
    conditional_formats: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    """Cells and their conditional format, as XlsxWriter takes it, except that `format` names a format."""
    status: tuple[str, str] | None = None
    """The text of the status cell above the headings, such as "Status: NOT FINAL. Checks: pass.", and its formula."""
    looks: dict[int, Look] = field(default_factory=dict)
    """Rows of the table that stand out: the total of all, and the subtotals of areas."""
    prints: bool = True
    """Whether the sheet is read on paper; the print range of the others is an empty cell."""
    charts: list[Chart] = field(default_factory=list)
    """Charts below the table, two side by side; wide ones last."""

    def add_heading(self, text: str, width: float = 15) -> int:
        """Add a column with a heading and return its number; the heading is numbered if it is used already.

        The heading is cut after 250 characters. A width of `Prose` makes the column one of wrapped texts.
        """
        # A line break would have to be written in two ways, in the cell and in the table's list of columns.
        text, used_names = " ".join(clean(text).split()), {heading.casefold() for heading in self.headings}
        self.headings.append(free_name(used_names, lambda n: f"{text[:240]} ({n})" if n > 1 else text[:250]))
        column = len(self.headings)
        self.widths[column] = width
        if isinstance(width, Prose):
            self.wrapped.add(column)
        return column

    def add_headings(self, columns: Iterable[tuple[str, float]]) -> None:
        """Add empty columns, each by its heading and width."""
        for heading, width in columns:
            self.add_heading(heading, width)

    def add_column(  # one parameter for each property of a column
        self,
        heading: str,
        width: float,
        values: Sequence[Any],
        formula: Formula | None = None,
        number: str = "number",
        *,
        unlocked: bool = False,
        total: bool = False,
    ) -> int:
        """Add a column and return its number; it is filled from the first row of the table down, with its total above.

        Args:
            heading: The heading.
            width: Width in figures.
            values: The values, row by row.
            formula: The formula of every row; None for plain values.
            number: Name of the number format.
            unlocked: Whether readers may change the values.
            total: Whether the column has a total.
        """
        column = self.add_heading(heading, width)
        if values:
            self.fills[column] = Fill(values, formula, number, unlocked)
            self.last_row = max(self.last_row, FIRST_ROW + len(values) - 1)
        if values and total:
            cells = f"{letter(column)}{FIRST_ROW}:{letter(column)}{self.last_row}"
            amount = math.fsum(value for value in values if isinstance(value, int | float))
            self.put(TOTAL_ROW, column, amount, f"SUM({cells})", number)
        return column

    def put(self, row: int, column: int, value: Any, formula: str | None = None, number: str = "number") -> None:
        """Set one cell; a cell below the headings extends the table to its row."""
        self.cells[row, column] = Cell(value, formula, number)
        self.last_row = max(self.last_row, row)

    def put_row(self, row: int, values: Iterable[Any]) -> None:
        """Place the first cells of a row, each a plain value or a `Cell`; empty ones get a dash."""
        for column, value in enumerate(values, 1):
            self.cells[row, column] = value if isinstance(value, Cell) else Cell(NONE if value in (None, "") else value)
        self.last_row = max(self.last_row, row)

    def fill_rows(self, rows: Iterable[Iterable[Any]]) -> None:
        """Fill the table with plain values and cells; empty ones get a dash."""
        for row, values in enumerate(rows, FIRST_ROW):
            self.put_row(row, values)

    def flag_word(self, cells: str, word: str) -> None:
        """Show a word in bold and red wherever it appears in these cells."""
        settings = {"type": "cell", "criteria": "==", "value": f'"{word}"', "format": "wrong"}
        self.conditional_formats.append((cells, settings))

    def cell_count(self) -> int:
        """Return the number of cells of the sheet, with title, note and headings."""
        return len(self.cells) + sum(len(fill.values) for fill in self.fills.values()) + len(self.headings) + 2

    def value(self, row: int, column: int) -> Any:
        """Return the value of a cell; None if it is empty."""
        fill = self.fills.get(column)
        if fill and FIRST_ROW <= row < FIRST_ROW + len(fill.values):
            return fill.values[row - FIRST_ROW]
        cell = self.cells.get((row, column))
        return cell.value if cell else None

    def is_text(self, column: int) -> bool:
        """Return whether a column of the table holds texts, judged by its first value that is not a mark such as `[z]`.

        A column without such a value counts as text. Texts are aligned left.
        """
        if column in self.figure_columns:
            return False
        values = (self.value(row, column) for row in range(FIRST_ROW, self.last_row + 1))
        first = next((value for value in values if value not in (None, *MARKS)), None)
        return first is None or isinstance(first, str)

    def region(self, column: int) -> str:
        """Return the cells of a column of the table as a range, without the name of the sheet."""
        return f"${letter(column)}${FIRST_ROW}:${letter(column)}${self.last_row}"

    def cell(self, column: int, row: int | str = ROW, *, on_sheet: Sheet | None = None) -> str:
        """Return how formulas on the sheet `on_sheet`, or on any other, refer to a cell of a column."""
        cell = f"${letter(column)}{row}"
        return cell if on_sheet is self else f"{quoted(self.name)}!{cell}"

    def column_range(self, column: int) -> str:
        """Return a column of the table as a range that may be used on any sheet."""
        return f"{quoted(self.name)}!{self.region(column)}"

    def table_range(self) -> str:
        """Return the whole table, without its headings, as a range that may be used on any sheet."""
        return f"{quoted(self.name)}!$A${FIRST_ROW}:${letter(len(self.headings))}${self.last_row}"

    def full_note(self) -> str:
        """Return the text below the title: the role of the sheet and its note."""
        return f"{self.role}. {self.note}".strip()

    def finish(self) -> None:
        """Complete the sheet before it is written: status, explanations of empty cells and marks, column widths.

        A table without rows gets one row with `none` in every cell.
        """
        if not self.fills and not any(row >= FIRST_ROW for row, _ in self.cells):
            self.fill_rows([[NO_ROWS] * len(self.headings)])
        if self.status:
            text, formula = self.status
            self.put(TOTAL_ROW, 1, text, formula, "note")
        self._explain_marks()
        self._fit_columns()

    def _explain_marks(self) -> None:
        """Add sentences to the note on what `[z]`, a dash and an empty cell mean, if the sheet has such cells.

        What the note already explains is left out.
        """
        content = [(fill.formula_of(FIRST_ROW) or "", fill.values) for fill in self.fills.values()]
        content += [(cell.formula or "", (cell.value,)) for (row, _), cell in self.cells.items() if row >= FIRST_ROW]
        marked = any(NOT_APPLICABLE in formula or NOT_APPLICABLE in values for formula, values in content)
        dashed = any(NONE in values for _, values in content)
        empty = any(None in values or "" in values for _, values in content)
        for applies, mark, sentence in (
            (marked, NOT_APPLICABLE, f"{NOT_APPLICABLE} = not applicable."),
            (dashed, f"{NONE} =", f"{NONE} = no entry."),
            (empty, EMPTY_CELL, EMPTY_CELL),
        ):
            if applies and mark not in self.note:
                self.note = f"{self.note} {sentence}".strip()

    def _fit_columns(self) -> None:
        """Widen columns to fit their content; columns of texts wider than 60 figures are wrapped instead.

        Columns also grow until their heading takes at most five lines, and the widest one until title and note fit.
        """
        needed: dict[int, float] = {}
        for (row, column), cell in self.cells.items():
            if row >= FIRST_ROW or (row == TOTAL_ROW and not isinstance(cell.value, str)):
                bold = BOLD if row == TOTAL_ROW else 1.0
                for value in (cell.value, cell.widest):
                    needed[column] = max(needed.get(column, 0.0), bold * self._width_of(value, cell.format, column))
        for column, fill in self.fills.items():
            numbers = [value for value in fill.values if isinstance(value, int | float)]
            ends: list[Any] = [max(numbers), min(numbers)] if numbers else []
            texts = {value for value in fill.values if isinstance(value, str)}
            widths = [self._width_of(value, fill.format, column) for value in (*ends, *texts)]
            needed[column] = max([needed.get(column, 0.0), *widths])
        for column, width in needed.items():
            if column not in self.wrapped and width > _LONGEST_COLUMN:
                self.wrapped.add(column)
            self.widths[column] = max(self.widths.get(column, 0), min(_LONGEST_COLUMN, width))
        for column, heading in enumerate(self.headings, 1):
            while self.heading_lines(column) > _HEADING_LINES and self.widths[column] < _LONGEST_COLUMN:
                self.widths[column] += 2
            longest = max(text_width(word) for word in heading.split(" "))
            self.widths[column] = max(self.widths[column], min(_LONGEST_COLUMN, longest * BOLD + INDENT))
        # Title and note run over the next columns, and are cut off on paper where those end.
        across = max(text_width(self.title) * _TITLE, text_width(self.full_note())) + 1
        widest = max(self.widths, key=lambda column: self.widths[column])
        self.widths[widest] += min(_LONGEST_COLUMN, max(0.0, across - sum(self.widths.values())))

    def _width_of(self, value: Any, kind: str, column: int) -> float:
        """Return the column width that a value needs; 0 for blanks, yes/no and wrapped texts."""
        if isinstance(value, str):
            return 0.0 if column in self.wrapped else text_width(value) + INDENT + 0.5
        if isinstance(value, bool) or value is None:
            return 0.0
        return number_width(value, kind) + INDENT + 0.5

    def heading_lines(self, column: int) -> int:
        """Return how many lines the heading of a column takes."""
        return lines_needed(self.headings[column - 1], (self.widths[column] - INDENT) / BOLD)

    def row_height(self, row: int) -> float | None:
        """Return the height in points that a row of wrapped texts needs; None if one line is enough."""
        lines = 1
        for column in self.wrapped:
            cell = self.cells.get((row, column))
            for value in (self.value(row, column), cell.widest if cell else None):
                if isinstance(value, str):
                    lines = max(lines, lines_needed(value, self.widths[column] - INDENT))
        return None if lines == 1 else lines * LINE + 2
