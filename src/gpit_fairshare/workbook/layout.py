"""Where everything stands: the sheet, row and column of every name, figure and parameter.

A *block* is one sheet with a row per organisation or group in one year, and its workings: a second
sheet with the same rows, which holds the columns that the kernels need. National figures have a row
each and a column a year.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from gpit_fairshare.language import NATIONAL, ORGANISATION, Kind, group, to_text
from gpit_fairshare.language import tree as t
from gpit_fairshare.workbook.sheets import FIRST_ROW, Sheet, letter, quoted

if TYPE_CHECKING:
    from collections.abc import Callable

    from gpit_fairshare.engine import Result, Year

PARAMETERS: Final = "Parameters"
NATIONAL_SHEET: Final = "National"
INPUTS: Final = "Inputs"
_FORBIDDEN = str.maketrans(dict.fromkeys("[]:*?/\\", "-"))


def sheet_name(text: str, taken: set[str]) -> str:
    """Return a name that Excel allows: 31 characters, no brackets, slashes or :*?, and not there yet."""
    base = text.translate(_FORBIDDEN).strip("'")[:31] or "Sheet"
    name, count = base, 2
    while name.casefold() in taken:
        tail = f" {count}"
        name, count = base[: 31 - len(tail)] + tail, count + 1
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

    def helper_cell(self, key: str, row: int, *, here: Sheet) -> str:
        """Return a cell of the workings as written on sheet `here`."""
        cell = f"${letter(self.helpers[key])}{row}"
        return cell if here is self.workings else f"{quoted(self.workings.name)}!{cell}"


class Layout:
    """All places of one workbook, and the sheets as they fill."""

    def __init__(self, result: Result) -> None:
        self.result = result
        self.scheme = result.scheme
        self.taken: set[str] = {
            "about",
            "summary",
            "checks",
            "assumptions",
            "findings",
            "manifest",
            "sources",
            "spend lines",
        }
        self.taken |= {PARAMETERS.casefold(), NATIONAL_SHEET.casefold(), INPUTS.casefold()}
        self.years = list(result.years)
        self.illustrative = "Illustrative spend. " if result.inputs.illustrative else ""
        """What every sheet that shows illustrative spend bears; an empty text where all spend is real."""
        self.national = Sheet(
            NATIONAL_SHEET, "National figures", f"{self.illustrative}One row per figure, one column per year."
        )
        self.national_rows: dict[str, int] = {}
        self.parameter_rows = {name: FIRST_ROW + index for index, name in enumerate(self.scheme.parameters)}
        self.input_cells: dict[tuple[str, str, str], str] = {}
        """(year, code, column) to the cell of the Inputs sheet."""
        self.blocks: dict[tuple[Kind, str], Block] = {}
        for heading, width in (("Figure", 60), ("Name", 44), ("Unit", 12)):
            self.national.heading(heading, width, wrap=heading != "Unit")
        for year in self.years:
            self.national.heading(year, 20)

    def year_column(self, year: str) -> int:
        """Return the column of a year on the National sheet."""
        return 4 + self.years.index(year)

    def parameter_cell(self, name: str, year: str) -> str:
        """Return the cell of a parameter in a year."""
        return f"{PARAMETERS}!${letter(6 + self.years.index(year))}${self.parameter_rows[name]}"

    def national_cell(self, key: str, year: str) -> str:
        """Return the cell of a national figure in a year."""
        return f"{NATIONAL_SHEET}!${letter(self.year_column(year))}${self.national_rows[key]}"

    def put_national(self, key: str, label: str, unit: str, year: str, formula: str, value: Any, number: str) -> None:
        """Add a national figure of one year, on the row that it has in the other years too."""
        row = self.national_rows.setdefault(key, FIRST_ROW + len(self.national_rows))
        for column, text in enumerate((label, key, unit), 1):
            self.national.put(row, column, text)
        self.national.put(row, self.year_column(year), value, formula, number)

    def block(self, kind: Kind, year: str) -> Block:
        """Return the block of a kind in a year."""
        return self.blocks[kind, year]


class Refs:
    """Where names stand as seen from one row of one sheet of a block, or from the National sheet."""

    def __init__(self, layout: Layout, year: str, block: Block | None, row: int, here: Sheet) -> None:
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


def number_format(unit: str | None, values: list[Any]) -> str:
    """Return the format for values of a unit; pounds show pence only where there are any."""
    if unit == "£" and any(isinstance(value, float) and value != math.floor(value) for value in values):
        return "pence"
    return unit if unit in ("£", "£ per head", "people", "%", "ratio") else "number"


def block_kinds(layout: Layout) -> list[Kind]:
    """Return the kinds that need a sheet: the organisations, and each grouping that the steps use."""
    year = next(iter(layout.result.years.values()))
    return [ORGANISATION, *(group(column) for column in year.labels)]


class Vector:
    """A column of figures: values, the range that they stand in, and the cell of a row."""

    def __init__(self, values: list[float], cells: str, cell: Callable[[int], str]) -> None:
        self.values = values
        self.range = cells
        self.cell = cell
