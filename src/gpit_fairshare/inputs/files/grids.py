"""The cells of a file in the form that all readers return, and the errors if it cannot be read."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from gpit_fairshare.findings import Finding, FindingCode, FindingError
from gpit_fairshare.numbers import megabytes

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


ERROR_TEXTS = frozenset({"#N/A", "#REF!", "#VALUE!", "#DIV/0!", "#NAME?", "#NULL!", "#NUM!"})
"""Texts that spreadsheets write if a formula has no value."""
HEADINGS_AMONG = 60
"""The headings are searched for in this many rows of a file."""
_EXACT = 2.0**53
_REFERENCE = re.compile(r"([A-Za-z]{1,3})([0-9]{1,7})")
MEGABYTE = 1_000_000
LARGEST = 64 * MEGABYTE
"""Most bytes of a file, unpacked. A small packed file can be large enough to fill a machine's memory."""
CELLS_A_MEGABYTE = 8_000
"""Cells of a table's rectangle, including blank ones, for each megabyte allowed: 512,000 by default, which take about
ten seconds to read."""
MOST_MEGABYTES = 2_000
"""The largest limit that messages suggest: our machines could not read more."""
ROWS_A_MEGABYTE = 1_500
"""Rows for each megabyte allowed: 96,000 by default, twelve times the number of practices in England."""


@dataclass(frozen=True, slots=True)
class Broken:
    """A cell without a value: a spreadsheet's error, or a formula that was never calculated."""

    why: str
    remedy: str = ""


NEVER_STORED = Broken("a formula without a stored value", "Open the workbook in Excel and save it again")


class Percentage(float):
    """A number in a cell that shows it as a percentage: 0.55 as 55%."""


@dataclass
class Markup:
    """Facts about a sheet that only the XML of the workbook has. Rows are numbered from 1, columns from 0."""

    height: int = 0
    """Rows from the first to the last that is not blank."""
    width: int = 0
    broken: dict[tuple[int, int], Broken] = field(default_factory=dict)
    hidden_rows: list[int] = field(default_factory=list)
    """Hidden rows, including blank ones."""
    hidden_columns: list[int] = field(default_factory=list)
    """Hidden columns, including blank ones."""
    percentages: set[tuple[int, int]] = field(default_factory=set)
    """Cells whose format shows a number as a percentage."""
    rich: dict[tuple[int, int], str] = field(default_factory=dict)
    """Texts with superscripts or subscripts, written with special characters: `120000²`."""
    formulas: dict[int, dict[int, bool]] = field(default_factory=dict)
    """For each formula with a stored value, by column and row: whether the value is the number 0."""
    merged: list[tuple[int, int, int, int]] = field(default_factory=list)
    """Merged cells: first row, first column, last row, last column."""

    @property
    def cells(self) -> int:
        """Cells of the rectangle from A1 to the last cell that is not blank."""
        return self.width * self.height


@dataclass(frozen=True)
class Grid:
    """All rows of a file or sheet that are not blank, including the headings, with their numbers."""

    sheet: str
    records: Sequence[tuple[int, Sequence[Any]]]
    typed: bool = True
    """Whether the file stores numbers and texts differently. If not, a row that is longer than the headings was split
    into cells incorrectly."""
    remarks: Sequence[Finding] = ()
    """Findings of the reader about the file as a whole."""
    markup: Markup = field(default_factory=Markup)
    """Only for workbooks. `formulas` is empty unless the workbook asks to be calculated when opened."""
    decimal_comma: bool = False
    """Whether semicolons separate the cells, as in countries with a decimal comma."""


@dataclass(frozen=True)
class ReadOptions:
    """Limits and hints for reading a file."""

    sheet: str = ""
    """Sheet that the user named, if any."""
    largest: int = LARGEST
    """Most bytes of the file, unpacked."""
    recognise: Callable[[str], str | None] = field(default=lambda _: None)
    """Returns the column of a heading, or None. Used to tell a row of headings from other rows."""

    @property
    def most_cells(self) -> int:
        """Most cells of a table."""
        return self.largest // MEGABYTE * CELLS_A_MEGABYTE

    @property
    def most_rows(self) -> int:
        """Most rows of a table."""
        return self.largest // MEGABYTE * ROWS_A_MEGABYTE


class Unreadable(FindingError):  # noqa: N818 – not an error of the program: it becomes a finding
    """Raised if the cells of a file cannot be read; its finding gives the reason."""

    def __init__(self, code: FindingCode, message: str, remedy: str = "", place: str = "") -> None:
        super().__init__(code, message, "", remedy, place)


class TooLarge(Unreadable):
    """Raised if a file exceeds a limit that `--max-size` raises. Commands with this option name the size needed."""

    def __init__(self, message: str, remedy: str, needed: int) -> None:
        super().__init__(FindingCode.UNREADABLE, message, remedy)
        self.needed = needed
        """Megabytes needed for this limit; other limits may need more."""


def megabytes_needed(size: int = 0, rows: int = 0, cells: int = 0) -> int:
    """Return the smallest `--max-size`, in megabytes, that allows this many bytes, rows and cells."""
    return max(-(-size // MEGABYTE), -(-rows // ROWS_A_MEGABYTE), -(-cells // CELLS_A_MEGABYTE))


def column_index(letters: str) -> int:
    """Return the index of a column from its letters: A is 0, AA is 26."""
    index = 0
    for letter in letters.upper():
        index = index * 26 + ord(letter) - ord("A") + 1
    return index - 1


def cell_place(reference: str) -> tuple[int, int] | None:
    """Return the row (from 1) and column (from 0) of a cell reference such as C5; None for any other text."""
    match = _REFERENCE.fullmatch(reference)
    return (int(match[2]), column_index(match[1])) if match else None


def is_blank(cell: Any) -> bool:
    """Return whether a cell is empty or has only spaces."""
    return cell is None or (isinstance(cell, str) and not cell.strip())


def whole_as_integer(cell: Any) -> Any:
    """Return a cell that is a whole number as an integer, as spreadsheets show it; others and percentages unchanged."""
    is_whole = isinstance(cell, float) and cell.is_integer() and abs(cell) < _EXACT
    return int(cell) if is_whole and not isinstance(cell, Percentage) else cell


def heading_scores(records: Sequence[tuple[int, Sequence[Any]]], recognise: Callable[[str], str | None]) -> list[int]:
    """Return how many columns the known headings of each of the first 60 rows name.

    A row without a heading for the codes of organisations or practices has 0.
    """
    rows = [known_headings(cells, recognise) for _, cells in records[:HEADINGS_AMONG]]
    return [len(columns) if columns & {"org_code", "practice_code"} else 0 for columns in rows]


def known_headings(cells: Sequence[Any], recognise: Callable[[str], str | None]) -> set[str]:
    """Return the columns that the first thousand cells of a row name as headings."""
    return {name for cell in cells[:1000] if isinstance(cell, str) and (name := recognise(cell))}


def check_size(size: int, options: ReadOptions, subject: str) -> None:
    """Refuse a file that is too large.

    Args:
        size: bytes.
        options: the limits.
        subject: the beginning of the message: `the file has`.

    Raises:
        TooLarge: the file exceeds the limit, which the message states.
    """
    if size > options.largest:
        raise TooLarge(
            f"{subject} {megabytes(size)}; the limit is {megabytes(options.largest)}",
            "Save only the table you need in a separate file",
            megabytes_needed(size),
        )


def check_extent(rows: int, cells: int, options: ReadOptions, subject: str) -> None:
    """Refuse a table with too many rows or cells.

    Args:
        rows: rows that are not blank, counted so far.
        cells: cells of the rectangle that they fill.
        options: the limits.
        subject: the beginning of the message: `the file has`.

    Raises:
        TooLarge: the table exceeds a limit, which the message states.
    """
    for number, limit, noun in ((rows, options.most_rows, "rows"), (cells, options.most_cells, "cells")):
        if number > limit:
            raise TooLarge(
                f"{subject} {number:,} {noun} or more; the limit is {limit:,}",
                "Delete cells far below or to the right of the table, or sum it to practices or organisations first",
                megabytes_needed(rows=rows, cells=cells),
            )
