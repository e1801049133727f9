"""The cells of a file, as the readers of all formats return them, and the errors if they cannot be read."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from gpit_fairshare.findings import Finding, FindingCode, FindingError
from gpit_fairshare.numbers import megabytes

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


ERROR_TEXTS = frozenset({"#N/A", "#REF!", "#VALUE!", "#DIV/0!", "#NAME?", "#NULL!", "#NUM!"})
"""Texts that spreadsheets write where a formula has no value."""
HEADINGS_AMONG = 60
"""Rows of a file among which its headings are looked for."""
_REFERENCE = re.compile(r"([A-Za-z]{1,3})([0-9]{1,7})")
MEGABYTE = 1_000_000
LARGEST = 64 * MEGABYTE
"""Bytes that a file may hold once it is unpacked. A small file can hold enough to fill a machine's memory."""
CELLS_A_MEGABYTE = 8_000
"""Cells of the rectangle that a table fills, blank ones too, for each megabyte allowed: 512,000 by default,
which are read in some ten seconds."""
MOST_MEGABYTES = 2_000
"""No larger limit is suggested: our machines could not read that much."""
ROWS_A_MEGABYTE = 1_500
"""Rows for each megabyte allowed: 96,000 by default, twelve times the practices of England."""


@dataclass(frozen=True, slots=True)
class Broken:
    """A cell that holds no value: a spreadsheet's error, or a formula that was never calculated."""

    why: str
    remedy: str = ""


NEVER_STORED = Broken("a formula whose value was never stored", "Open the workbook in Excel and save it again")


@dataclass
class Markup:
    """Facts about a sheet that only the XML of the workbook has. Rows count from 1, columns from 0."""

    height: int = 0
    """Rows from the first to the last that holds something."""
    width: int = 0
    broken: dict[tuple[int, int], Broken] = field(default_factory=dict)
    hidden_rows: list[int] = field(default_factory=list)
    """Rows that are hidden; they may hold nothing."""
    hidden_columns: list[int] = field(default_factory=list)
    """Columns that are hidden; they may hold nothing."""
    rich: dict[tuple[int, int], str] = field(default_factory=dict)
    """Texts of which some signs are raised or lowered, with these written as such: `120000²`."""
    formulas: dict[int, dict[int, bool]] = field(default_factory=dict)
    """Formulas with a stored value, by column and row: whether it is the number 0."""
    merged: list[tuple[int, int, int, int]] = field(default_factory=list)
    """Merged cells: first row, first column, last row, last column."""

    @property
    def cells(self) -> int:
        """Cells of the rectangle from A1 to the last cell that holds something."""
        return self.width * self.height


@dataclass(frozen=True)
class Grid:
    """All rows of a file or sheet that hold anything, with their numbers, the headings among them."""

    sheet: str
    records: Sequence[tuple[int, Sequence[Any]]]
    typed: bool = True
    """Whether the file stores numbers and texts differently. Where it does not, a row longer than the headings
    means that cells were split wrongly."""
    remarks: Sequence[Finding] = ()
    """Findings of the reader about the file as a whole."""
    markup: Markup = field(default_factory=Markup)
    """Of a workbook; its formulas are those of one that asks to be calculated."""
    decimal_comma: bool = False
    """Whether cells are between semicolons, as where a comma is the decimal point."""


@dataclass(frozen=True)
class ReadOptions:
    """The limits and the hints with which a file is read."""

    sheet: str = ""
    """Sheet that the user named, if any."""
    largest: int = LARGEST
    """Bytes that the file may hold, unpacked."""
    recognise: Callable[[str], str | None] = field(default=lambda _: None)
    """Returns the column of a heading, or None. Distinguishes a row of headings from other rows."""

    @property
    def most_cells(self) -> int:
        """Cells that a table may span."""
        return self.largest // MEGABYTE * CELLS_A_MEGABYTE

    @property
    def most_rows(self) -> int:
        """Rows that a table may have."""
        return self.largest // MEGABYTE * ROWS_A_MEGABYTE


class Unreadable(FindingError):  # noqa: N818 – no error of the program: it becomes a finding
    """Why a file gives no cells."""

    def __init__(self, code: FindingCode, message: str, remedy: str = "", place: str = "") -> None:
        super().__init__(code, message, "", remedy, place)


class TooLarge(Unreadable):
    """A file beyond a limit that `--max-size` lifts; verbs with that option name the size that is needed."""

    def __init__(self, message: str, remedy: str, needed: int) -> None:
        super().__init__(FindingCode.UNREADABLE, message, remedy)
        self.needed = needed
        """Megabytes that this limit takes; others may take more."""


def megabytes_needed(size: int = 0, rows: int = 0, cells: int = 0) -> int:
    """Return the least `--max-size` that allows so many bytes, rows and cells."""
    return max(-(-size // MEGABYTE), -(-rows // ROWS_A_MEGABYTE), -(-cells // CELLS_A_MEGABYTE))


def column_index(letters: str) -> int:
    """Return the column that letters name: A is 0, AA is 26."""
    index = 0
    for letter in letters.upper():
        index = index * 26 + ord(letter) - ord("A") + 1
    return index - 1


def cell_place(reference: str) -> tuple[int, int] | None:
    """Return the row, from 1, and the column, from 0, of a cell such as C5; None if it is no such text."""
    match = _REFERENCE.fullmatch(reference)
    return (int(match[2]), column_index(match[1])) if match else None


def is_blank(cell: Any) -> bool:
    """Return whether a cell holds nothing but spaces."""
    return cell is None or (isinstance(cell, str) and not cell.strip())


def heading_scores(records: Sequence[tuple[int, Sequence[Any]]], recognise: Callable[[str], str | None]) -> list[int]:
    """Return how many known headings each of the first rows has; 0 for a row without one of codes."""
    rows = [known_headings(cells, recognise) for _, cells in records[:HEADINGS_AMONG]]
    return [len(columns) if columns & {"org_code", "practice_code"} else 0 for columns in rows]


def known_headings(cells: Sequence[Any], recognise: Callable[[str], str | None]) -> set[str]:
    """Return the columns that the first thousand cells of a row name, if they are headings."""
    return {name for cell in cells[:1000] if isinstance(cell, str) and (name := recognise(cell))}


def check_size(size: int, options: ReadOptions, subject: str) -> None:
    """Refuse a file that is larger than allowed.

    Raises:
        TooLarge: with the limit.
    """
    if size > options.largest:
        raise TooLarge(
            f"{subject} {megabytes(size)}; at most {megabytes(options.largest)} are read",
            "Save the one table that is needed in a file of its own",
            megabytes_needed(size),
        )


def check_extent(rows: int, cells: int, options: ReadOptions, subject: str) -> None:
    """Refuse a table with more rows or cells than allowed.

    Args:
        rows: rows that hold something, as far as they were counted.
        cells: cells of the rectangle that they fill.
        options: the limits.
        subject: the file or the sheet, for the message.

    Raises:
        TooLarge: with the limit.
    """
    for number, limit, noun in ((rows, options.most_rows, "rows"), (cells, options.most_cells, "cells")):
        if number > limit:
            raise TooLarge(
                f"{subject} {number:,} {noun} or more; at most {limit:,} are read",
                "Delete what stands far below or beside the table, or sum it to practices or organisations first",
                megabytes_needed(rows=rows, cells=cells),
            )
