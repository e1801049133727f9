"""The rows of a block put in the order of their groups, live, so that a group's rows are one range.

A search within groups looks at the rows of a group some ten times. Over ranges of all rows that is rows ×
groups × rounds: two minutes for 8,000 practices of 211 CCGs. Here each row finds the next of its group below
the last one, so that a practice which somebody moves to another CCG moves here too.
"""

from __future__ import annotations

from itertools import accumulate
from typing import TYPE_CHECKING, Any

from gpit_fairshare.language.kinds import ORGANISATION, Kind
from gpit_fairshare.words import sentence
from gpit_fairshare.workbook.columns import KernelFigures, Vector
from gpit_fairshare.workbook.layout import sheet_name
from gpit_fairshare.workbook.sheets import FIRST_ROW, ROW, letter

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


class OwnOrder:
    """The rows of a block as its workings have them, where all are in one group."""

    def __init__(self, figures: KernelFigures) -> None:
        self.columns, self.block = figures.columns, figures.block

    def see(self, column: Vector) -> Vector:
        """Return a column of the block as it is seen from here."""
        return column

    def copy(self, _key: str, _heading: str, column: Vector) -> Vector:
        """Return a column of the block as a range in this order."""
        return column

    def add(self, key: str, heading: str, formula: str, values: Sequence[Any]) -> Vector:
        """Add a column; its values are given in the order of the block."""
        column = self.columns.helper(self.block, key, heading, formula, values)
        return Vector(values, column.range, self.block.helper_cell(key, here=self.block.workings))

    def ends(self, _index: int) -> tuple[str, str]:
        """Return the first and last place of a group, as the sheet Sharing sees them."""
        return "1", f"ROWS({self.block.sheet.column_range(1)})"

    def span(self, first: Vector, last: Vector) -> str:
        """Return one column or several side by side, as figures of the group see them."""
        return f"{first.range.partition(':')[0]}:{last.range.rpartition(':')[2]}"

    def own(self) -> str:
        """Return what is true on the rows of the figure's group: nothing needs to be said."""
        return ""


class GroupOrder:
    """A sheet with the rows of a block by group, and in each group as the block has them."""

    def __init__(self, figures: KernelFigures) -> None:
        columns, block, groups = figures.columns, figures.block, figures.groups
        layout, scheme, within = columns.layout, columns.scheme, figures.within or ""
        self.groups = groups
        self.rows = [row for rows in figures.rows for row in rows]
        label, word = scheme.labels[within], columns.year.replace("/", "-")
        noun = scheme.organisation if block.kind == ORGANISATION else scheme.labels[block.kind.column or ""]
        self.sheet = sheet = layout.sheet(
            sheet_name("Order", layout.taken, word),  # short: the formulas of a search name it ten times
            f"{sentence(noun)}s by {label[:1].lower()}{label[1:]}, {columns.year}",
            f"Each {noun} with the others of its group, so that a search looks at no other rows.",
            "Working",
            frozen=4,
        )
        numbers = figures.numbers
        self._first, self._last = f"First place on {sheet.name}", f"Last place on {sheet.name}"
        lasts = list(accumulate(map(len, figures.rows)))
        firsts = [1, *(last + 1 for last in lasts[:-1])]
        first_letter, last_letter = (letter(len(groups.sheet.headings) + place) for place in (1, 2))

        def first_place(row: int) -> str:
            return "1" if row == FIRST_ROW else f"${last_letter}{row - 1}+1"

        columns.group_column(groups, self._first, self._first, "", first_place, firsts)
        formula = f"${first_letter}{ROW}+COUNTIF({numbers},$B{ROW})-1"
        columns.group_column(groups, self._last, self._last, "", formula, lasts)
        first_places = groups.column_range(self._first)

        def row_of(row: int) -> str:
            first = f"MATCH($B{row},{numbers},0)"
            if row == FIRST_ROW:
                return first
            below = f"INDEX({numbers},$C{row - 1}+1):INDEX({numbers},ROWS({numbers}))"
            return f"IF($A{row}=INDEX({first_places},$B{row}),{first},$C{row - 1}+MATCH($B{row},{below},0))"

        members = [block.helper_values(f"group {within}")[row] for row in self.rows]
        names = block.sheet.fills[1].values
        sheet.add_column("Place", 9, list(range(1, block.height + 1)), None, "count")
        sheet.add_column(f"{label}: number of the group", 12, members, f"MATCH($A{ROW},{first_places},1)", "count")
        sheet.add_column("Row among all", 12, [row + 1 for row in self.rows], row_of, "count")
        formula = f"INDEX({block.sheet.column_range(1)},$C{ROW})"
        sheet.add_column(block.sheet.headings[0], 12, [names[row] for row in self.rows], formula)

    def see(self, column: Vector) -> Vector:
        """Return a column of the block as it is seen from here; its values stay in the order of the block."""
        return Vector(column.values, column.range, f"INDEX({column.range},$C{ROW})")

    def copy(self, key: str, heading: str, column: Vector) -> Vector:
        """Return a column of the block as a range in this order."""
        return self.add(key, heading, self.see(column).cell, column.values)

    def add(self, _key: str, heading: str, formula: str, values: Sequence[Any]) -> Vector:
        """Add a column; its values are given in the order of the block."""
        column = self.sheet.add_column(heading, 16, [values[row] for row in self.rows], formula)
        return Vector(values, self.sheet.column_range(column), self.sheet.cell(column, here=self.sheet))

    def ends(self, index: int) -> tuple[str, str]:
        """Return the first and last place of a group, as the sheet Sharing sees them."""
        row = f"${FIRST_ROW + index}"
        return self.groups.cell(self._first, row), self.groups.cell(self._last, row)

    def span(self, first: Vector, last: Vector) -> str:
        """Return one column or several side by side, as figures of the group see them."""
        start, end = (self.groups.cell(key, here=self.groups.sheet) for key in (self._first, self._last))
        return between(first, last, start, end)

    def own(self) -> str:
        """Return what is true on the rows of the figure's group, as a factor."""
        return f"({self.sheet.column_range(2)}=$B{ROW})*"


def between(first: Vector, last: Vector, start: str, end: str) -> str:
    """Return the cells of one column, or of several side by side, from one place to another."""
    return f"INDEX({first.range},{start}):INDEX({last.range},{end})"


def between_on(row: int, start: str, end: str) -> Callable[[Vector], str]:
    """Return what gives the cells of a column between the places that two columns of a row hold."""
    return lambda column: between(column, column, f"{start}{row}", f"{end}{row}")


def order_of(figures: KernelFigures, orders: dict[tuple[Kind, str], GroupOrder]) -> OwnOrder | GroupOrder:
    """Return the order in which the rows of a block are searched; `orders` keeps the sheets of a year."""
    if figures.within is None:
        return OwnOrder(figures)
    key = (figures.block.kind, figures.within)
    if key not in orders:
        orders[key] = GroupOrder(figures)
    return orders[key]
