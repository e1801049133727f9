"""Where everything stands: the sheet, row and column of every name, figure and parameter.

A *block* is one sheet with a row per organisation or group in one year, and its workings: a second
sheet with the same rows, which holds the columns that the kernels need. National figures have a row
each and a column a year.
"""

from __future__ import annotations

import hashlib
import math
import re
import string
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from gpit_fairshare.inputs.model import ADDED_UP
from gpit_fairshare.language import NATIONAL, ORGANISATION, Kind, group, to_text
from gpit_fairshare.language import in_excel as x
from gpit_fairshare.language import tree as t
from gpit_fairshare.workbook.sheets import FIRST_ROW, Region, Sheet, letter, quoted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gpit_fairshare.engine import Result, Year
    from gpit_fairshare.inputs import Restated

ALLOCATIONS: Final = "Allocations"
PARAMETERS: Final = "Parameters"
NATIONAL_SHEET: Final = "National figures"
CONSTANTS: Final = "Constants"
SHARING: Final = "Sharing"
FIXED: Final = "fixed"
AS_READ: Final = "as read"
CHANGED: Final = "changed here"
_SHARING_COLUMNS: Final = (
    ("Step", 40),
    ("Year", 10),
    ("Group", 28),
    ("Number of the group", 10),
    ("Round", 8),
    ("Lowest rank", 10),
    ("Highest rank", 10),
    ("Rank tried", 10),
    ("Factor at that rank (for one unit of weight)", 20),
    ("Spent at that factor (unit of the step)", 20),
    ("Amount to be spent (unit of the step)", 20),
    ("First place of the group", 12),
    ("Last place of the group", 12),
)
FIXED_NAMES: Final = (
    "About",
    "Summary",
    ALLOCATIONS,
    "Allocations £000",
    PARAMETERS,
    CONSTANTS,
    "Population",
    "Spend",
    "Other inputs",
    "Spend lines",
    NATIONAL_SHEET,
    SHARING,
    "Chart figures",
    "Checks",
    "Method",
    "Assumptions",
    "Sources",
    "Findings",
    "Manifest",
)
"""Sheets that are called the same in every workbook; those of years and groups take other names."""
PARAMETER_VALUE: Final = 4
PARAMETER_STATE: Final = 5
"""Columns of the Parameters sheet."""
PLACES: Final = "; "
"""What stands between the places that the inputs of one row came from."""
NOWHERE: Final = "-"
_MARKS: Final = string.digits + string.ascii_letters
"""Signs for the first place of a row, the second and so on; the last is for all that come later."""
_FORBIDDEN = str.maketrans(dict.fromkeys("[]:*?/\\", "-"))


def sheet_name(text: str, taken: set[str], end: str = "") -> str:
    """Return a name that Excel allows: 31 characters, no brackets, slashes or :*?, and not there yet.

    A name that is too long is cut before its `end`, such as the year, without which two sheets look alike.
    """
    base, end = (" ".join(one.translate(_FORBIDDEN).split()) for one in (text, end))

    def within(tail: str) -> str:
        return (base[: 31 - len(tail)].strip("' ") + tail).strip("' ") or "Sheet"

    end = f" {end}" if end else ""
    name, count = within(end), 2
    while name.casefold() in taken:
        name, count = within(f"{end} {count}"), count + 1
    taken.add(name.casefold())
    return name


def table_name(sheet: str, taken: set[str]) -> str:
    """Return a name for the table of a sheet: letters, figures and low lines, no cell's address, not there yet."""
    base = "Table_" + re.sub(r"\W+", "_", sheet.replace("£", "GBP_"), flags=re.ASCII)
    name, count = base, 2
    while name.casefold() in taken:
        name, count = f"{base}_{count}", count + 1
    taken.add(name.casefold())
    return name


@dataclass(slots=True)
class Block:
    """The rows of one kind in one year: its sheet, its workings and the columns on both."""

    kind: Kind
    year: Year
    sheet: Sheet
    workings: Sheet
    columns: dict[str, int] = field(default_factory=dict)
    helpers: dict[str, int] = field(default_factory=dict)

    @property
    def height(self) -> int:
        """Return the number of rows."""
        return self.year.frames[self.kind].height

    @property
    def last(self) -> int:
        """Return the last row of the table."""
        return FIRST_ROW + self.height - 1

    def values(self, name: str) -> list[Any]:
        """Return the values of a column of this block."""
        return self.year.values(name, self.kind)

    def column_range(self, name: str) -> str:
        """Return a column of the sheet as a range that may be used on any sheet."""
        return self._range(self.sheet, self.columns[name])

    def helper_range(self, key: str) -> str:
        """Return a column of the workings as a range that may be used on any sheet."""
        return self._range(self.workings, self.helpers[key])

    def _range(self, sheet: Sheet, column: int) -> str:
        return f"{quoted(sheet.name)}!${letter(column)}${FIRST_ROW}:${letter(column)}${self.last}"

    def helper_cell(self, key: str, row: int | str, *, here: Sheet) -> str:
        """Return a cell of the workings as written on sheet `here`."""
        cell = f"${letter(self.helpers[key])}{row}"
        return cell if here is self.workings else f"{quoted(self.workings.name)}!{cell}"


class Layout:
    """All places of one workbook, and the sheets as they fill."""

    def __init__(self, result: Result) -> None:
        self.result = result
        self.scheme = result.scheme
        self.taken = {name.casefold() for name in FIXED_NAMES}
        unit = self.scheme.symbols[self.scheme.result].unit
        self.adds_up = unit in ADDED_UP or unit is None
        """Whether answers may be added up: money and people, and what has no unit; an index or a rate may not."""
        self.answers = ALLOCATIONS if self.adds_up else self.scheme.labels[self.scheme.result].partition(",")[0]
        """What the answers are called as a whole, on the sheet that is published: `Allocations`, `Maturity index`."""
        self.years = list(result.years)
        self.measures = result.measures()
        """What each year comes to, in order."""
        self.illustrative = "Illustrative spend. " if result.inputs.illustrative else ""
        """What every sheet that shows illustrative spend bears; an empty text where all spend is real."""
        self.names: dict[str, str] = {}
        """Defined names, each with its cell."""
        # Steps and parameters go by their own names; a figure such as total(x) gives way to a step total_of_x.
        self._identifiers = {name: name for name in (*self.scheme.parameters, *(one.name for one in self.scheme.steps))}
        self.blocks: dict[tuple[Kind, str], Block] = {}
        self.input_cells: dict[tuple[str, str, str], str] = {}
        """(year, code, column) to the cell that holds the input."""
        self.input_ranges: dict[str, str] = {}
        """Column to all its cells."""
        self.line_ranges: dict[str, str] = {}
        """Column of the lines of spend to all its cells; empty where spend has no lines."""
        self.text_inputs: dict[str, tuple[Sheet, Region]] = {}
        """Column of texts to the cells that hold them."""
        self.input_controls: list[str] = []
        """Cells that say whether a column of inputs is what it was in the run."""
        self.input_tables: list[dict[str, Any]] = []
        """For each sheet of inputs what it holds, for whoever reads the workbook back; see `places`."""
        self.moved: dict[tuple[str, str], list[Restated]] = {}
        """(year, successor) to what the crosswalk counted with it."""
        for one in result.inputs.restated:
            self.moved.setdefault((one.year, one.successor), []).append(one)
        self.user = ""
        """Label of the step that is being written, for the numbers that it holds."""
        self.constants = Sheet(
            CONSTANTS,
            "Constants that formulas use",
            f"{self.illustrative}Numbers of the formulas, each by its name. Fixed: no input changes it. "
            "As read: inputs come to it.",
            "Working",
        )
        self._users: dict[str, list[str]] = {}
        for heading, width in (("Name", 28), ("What it is for", 80), ("Value", 16), ("Since the run", 16)):
            self.constants.heading(heading, width, wrap=heading == "What it is for")
        for name, (value, use) in x.CONSTANTS.items():
            self.constant(name, value, use)
        self.national = Sheet(
            NATIONAL_SHEET,
            "National figures of each year",
            f"{self.illustrative}One row per figure, one column per year; formulas use them by their names.",
            "Working",
        )
        self.sharing = Sheet(
            SHARING,
            "How money was shared out between bounds",
            f"{self.illustrative}Each round halves the range of ranks in which the amount is spent.",
            "Working",
            last_row=FIRST_ROW - 1,
        )
        for heading, width in _SHARING_COLUMNS:
            self.sharing.heading(heading, width)
        self.national_rows: dict[str, int] = {}
        self.national_values: dict[tuple[str, str], Any] = {}
        for heading, width in (("Figure", 60), ("Name in formulas", 44), ("Unit", 12)):
            self.national.heading(heading, width, wrap=heading != "Unit")
        for year in self.years:
            self.national.heading(year, 20)
        both = [(name, year) for name in self.scheme.parameters for year in self.years]
        self.parameter_rows = {one: FIRST_ROW + index for index, one in enumerate(both)}
        """Name and year of each parameter to its row."""
        for (name, year), row in self.parameter_rows.items():
            self._name(name, year, f"{PARAMETERS}!${letter(PARAMETER_VALUE)}${row}")

    # Names ------------------------------------------------------------------------------------------

    def _name(self, key: str, year: str, cell: str) -> str:
        """Define a name for a figure of a year, such as `transition_fund_2014_15`."""
        name = self.name_of(key, year)
        self.names[name] = cell
        return name

    def name_of(self, key: str, year: str) -> str:
        """Return the name under which formulas find a figure of a year."""
        return f"{self.identifier(key)}_{year.replace('/', '_')}"

    def identifier(self, key: str) -> str:
        """Return a key as a name that Excel takes, before the year is added: `total_of_historic_spend`."""
        if key not in self._identifiers:
            base = re.sub(r"[^a-z0-9]+", "_", key.replace("(", " of ").casefold()).strip("_")
            name, count = base, 2
            while name in self._identifiers.values():
                name, count = f"{base}_{count}", count + 1
            self._identifiers[key] = name
        return self._identifiers[key]

    def constant(self, name: str, value: float, use: str) -> str:
        """Give a number that formulas need a cell and a name, once; return the name."""
        if name not in self.names:
            row = FIRST_ROW + len(self._users)
            self._users[name] = []
            self.names[name] = f"{CONSTANTS}!$C${row}"
            self.constants.put(row, 1, name)
            self.constants.put(row, 2, use)
            self.constants.put(row, 3, value)
            self.constants.put(row, 4, FIXED)
        return name

    def control(self, name: str, value: float, use: str, formula: str) -> None:
        """Keep a total of inputs as it was in the run, and say beside it whether it still is."""
        row = int(self.names[self.constant(name, value, use)].rpartition("$")[2])
        same = f"IFERROR(ABS({formula}-{name})<=tolerance*MAX(1,ABS({name})),FALSE)"
        self.constants.put(row, 4, AS_READ, f'IF({same},"{AS_READ}","{CHANGED}")')
        self.input_controls.append(f"{CONSTANTS}!$D${row}")

    def number(self, value: float) -> str:
        """Return what stands for a number of the scheme in formulas: nought and one as they are, else a name."""
        if value in (0, 1):
            return x.number(value)
        written = x.number(abs(value)).replace("+", "").replace("-", "minus")
        name = self.constant(f"constant_{'minus' if value < 0 else ''}{written}", value, "")
        users = self._users[name]
        if self.user not in users:
            users.append(self.user)
            others = f" and {len(users) - 4} more" if len(users) > 4 else ""
            self.constants.put(
                int(self.names[name].rpartition("$")[2]), 2, f"A number of the scheme: {'; '.join(users[:4])}{others}"
            )
        return name

    # Cells ------------------------------------------------------------------------------------------

    def parameter_cell(self, name: str, year: str) -> str:
        """Return the name of a parameter's cell in a year."""
        return self.name_of(name, year)

    def national_cell(self, key: str, year: str) -> str:
        """Return the name of a national figure's cell in a year."""
        return self.name_of(key, year)

    def put_national(
        self, key: str, label: str, unit: str, year: str, formula: str | None, value: Any, number: str
    ) -> None:
        """Add a national figure of one year, on the row that it has in the other years too."""
        row = self.national_rows.setdefault(key, FIRST_ROW + len(self.national_rows))
        self.national.put(row, 1, label)
        self.national.put(row, 2, self.identifier(key))
        self.national.put(row, 3, unit or "none")
        column = 4 + self.years.index(year)
        self.national.put(row, column, value, formula, number)
        self.national_values[key, year] = value
        self._name(key, year, f"{quoted(NATIONAL_SHEET)}!${letter(column)}${row}")

    def block(self, kind: Kind, year: str) -> Block:
        """Return the block of a kind in a year."""
        return self.blocks[kind, year]


def places(layout: Layout) -> dict[str, Any]:
    """Return where the figures of a result stand, with stable keys: the manifest of a workbook says it.

    `tables` has the sheets of organisations and of groups, year by year; `cells` the national figures and the
    parameters; `inputs` the sheets of inputs, each with its columns of years, codes and places, and for each
    column of inputs the digests of its cells in the run, row by row.
    """
    tables = []
    for (kind, year), block in layout.blocks.items():
        first = {"org_code": 1, "org_name": 2} if kind.column is None else {}
        columns = {name: letter(column) for name, column in (first | block.columns).items()}
        tables.append(
            {
                "by": kind.column,
                "year": year,
                "sheet": block.sheet.name,
                "first_row": FIRST_ROW,
                "last_row": block.last,
                "columns": columns,
            }
        )
    keys = (*layout.scheme.parameters, *layout.national_rows)
    return {
        "tables": tables,
        "cells": [
            {"name": key, "year": year, "cell": cell.replace("$", "")}
            for key in keys
            for year in layout.years
            if (cell := layout.names.get(layout.name_of(key, year)))
        ],
        "inputs": layout.input_tables,
    }


def cell_digest(value: Any) -> str:
    """Return four signs by which an input of the run is known again, as far as a spreadsheet keeps it: 15 digits."""
    text = "" if value is None else format(float(value), ".15g") if isinstance(value, int | float) else str(value)
    return hashlib.sha256(text.encode()).hexdigest()[:4]


def place_marks(places: Sequence[Sequence[str]], own: Sequence[str]) -> str:
    """Return which of the places of its row each value of a column came from: one sign a row, or one for all rows.

    Args:
        places: The places of each row, each of them once.
        own: The place of the column's value on each row, empty where no file has it.
    """
    marks = [
        _MARKS[min(there.index(one), len(_MARKS) - 1)] if one else NOWHERE
        for there, one in zip(places, own, strict=True)
    ]
    return marks[0] if len(set(marks)) == 1 else "".join(marks)


def place_of(where: str, marks: str, row: int) -> str:
    """Return the place of one value, from those of its row as they stand in a cell; all of them if it cannot be told.

    Args:
        where: The cell with the places of the row.
        marks: What `place_marks` gave for the column.
        row: The row, from 0.
    """
    mark = marks[row if len(marks) > 1 else 0]
    if mark == NOWHERE:
        return ""
    places, number = where.split(PLACES), _MARKS.index(mark)
    return places[number] if number < min(len(places), len(_MARKS) - 1) else where


class Refs:
    """Where names stand as seen from one row of one sheet of a block, or from that of the national figures.

    The row may be ROW, where the formula is alike on every row.
    """

    def __init__(self, layout: Layout, year: str, block: Block | None, row: int | str, here: Sheet) -> None:
        self.layout = layout
        self.year = year
        self.block = block
        self.row = row
        self.here = here

    def name(self, name: str) -> str:
        """Return the cell of a name."""
        symbol = self.layout.scheme.symbols[name]
        if symbol.role == "parameter":
            return self.layout.parameter_cell(name, self.year)
        if symbol.kind == NATIONAL:
            return self.layout.national_cell(name, self.year)
        return self._in_block(name, symbol.kind)

    def _in_block(self, name: str, kind: Kind) -> str:
        home = self.layout.block(kind, self.year)
        column = f"${letter(home.columns[name])}"
        if self.block is home:
            cell = f"{column}{self.row}"
            return cell if self.here is home.sheet else f"{quoted(home.sheet.name)}!{cell}"
        assert self.block is not None  # noqa: S101  # a national formula has no names of finer kinds
        number = self.block.helper_cell(f"group {kind.column}", self.row, here=self.here)
        return f"INDEX({home.column_range(name)},{number})"

    def figure(self, node: t.Figure) -> str:
        """Return the cell of a figure over organisations."""
        if node.within is None:
            return self.layout.national_cell(to_text(node), self.year)
        return self._in_block(to_text(node), group(node.within))

    def previous(self, name: str) -> str:
        """Return the cells of last year's value: one, or the sum over merged predecessors."""
        before = self.layout.years[self.layout.years.index(self.year) - 1]
        symbol = self.layout.scheme.symbols[name]
        if symbol.role == "parameter":
            return self.layout.parameter_cell(name, before)
        if symbol.kind == NATIONAL:
            return self.layout.national_cell(name, before)
        old = self.layout.block(symbol.kind, before)
        now = self.layout.block(symbol.kind, self.year)
        assert isinstance(self.row, int)  # noqa: S101  # no two rows have the same predecessors
        row = self.row - FIRST_ROW
        if symbol.kind.column is not None:
            label = now.year.labels[symbol.kind.column][row]
            rows = [old.year.labels[symbol.kind.column].index(label)]
        else:
            rows = now.year.predecessors[row]
        column = letter(old.columns[name])
        return "+".join(f"{quoted(old.sheet.name)}!${column}${FIRST_ROW + one}" for one in rows)

    def optional(self, name: str) -> bool:
        """Return whether the cell of a name may be empty."""
        return self.layout.scheme.symbols[name].optional

    def number(self, value: float) -> str:
        """Return what stands for a number of the scheme."""
        return self.layout.number(value)


def number_format(unit: str | None, values: list[Any]) -> str:
    """Return the format for values of a unit; pounds show pence only where there are any."""
    if unit == "£" and any(isinstance(value, float) and value != math.floor(value) for value in values):
        return "pence"
    return unit if unit in ("£", "£ per head", "people", "%", "ratio") else "number"


def block_kinds(layout: Layout) -> list[Kind]:
    """Return the kinds that need a sheet: the organisations, and each grouping that the steps use."""
    year = next(iter(layout.result.years.values()))
    return [ORGANISATION, *(group(column) for column in year.labels)]


def rows_by_group(members: Sequence[int]) -> list[list[int]]:
    """Return the rows of each group, both counted from 0."""
    rows: list[list[int]] = [[] for _ in range(max(members) + 1)]
    for row, index in enumerate(members):
        rows[index].append(row)
    return rows


class Vector:
    """A column of figures: values, the range that they stand in, and the cell of a row."""

    def __init__(self, values: list[float], cells: str, cell: str) -> None:
        self.values = values
        self.range = cells
        self.cell = cell
        """The cell of a row, with ROW for its number."""
