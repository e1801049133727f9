"""The rows of a block put in the order of their groups, live, so that a group's rows are one range.

A search within groups looks at the rows of a group some ten times. Over ranges of all rows that is rows ×
groups × rounds: two minutes for 8,000 practices of 211 CCGs. Here each row finds the next of its group below
the last one, so that a practice which somebody moves to another CCG moves here too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gpit_fairshare.language import ORGANISATION, group
from gpit_fairshare.workbook.layout import Vector, rows_by_group, sheet_name
from gpit_fairshare.workbook.sheets import FIRST_ROW, ROW, Sheet, letter, quoted

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from gpit_fairshare.workbook.layout import Block
    from gpit_fairshare.workbook.steps import StepWriter


class OwnOrder:
    """The rows of a block as its workings have them, where all are in one group."""

    def __init__(self, writer: StepWriter, block: Block) -> None:
        self.writer, self.block = writer, block

    def see(self, column: Vector) -> Vector:
        """Return a column of the block as it is seen from here."""
        return column

    def copy(self, _key: str, _heading: str, column: Vector) -> Vector:
        """Return a column of the block as a range in this order."""
        return column

    def add(self, key: str, heading: str, formula: str, values: Sequence[Any]) -> Vector:
        """Add a column; its values are given in the order of the block."""
        self.writer.helper(self.block, key, heading, formula, values, "number")
        cell = self.block.helper_cell(key, ROW, here=self.block.workings)
        return Vector(list(values), self.block.helper_range(key), cell)

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
    """A sheet with the rows of a block by group, and in each group as they stand in the block."""

    def __init__(self, writer: StepWriter, block: Block, within: str) -> None:
        self.writer, self.block, self.within = writer, block, within
        layout, scheme = writer.layout, writer.scheme
        self.groups = layout.block(group(within), writer.year)
        members = writer.members(block, within)
        by_group = rows_by_group(members)
        self.rows = [row for rows in by_group for row in rows]
        label, word = scheme.labels[within], writer.year.replace("/", "-")
        noun = scheme.organisation if block.kind == ORGANISATION else scheme.labels[block.kind.column or ""]
        self.sheet = Sheet(
            sheet_name("Order", layout.taken, word),  # short: the formulas of a search name it ten times
            f"{noun[:1].upper()}{noun[1:]}s by {label[:1].lower()}{label[1:]}, {writer.year}",
            f"{layout.illustrative}Each {noun} with the others of its group, so that a search looks at no other rows.",
            "Working",
            frozen=4,
        )
        numbers = block.helper_range(f"group {within}")
        self._ends_of_groups(numbers, by_group)
        firsts = self.groups.column_range(self._first)
        sheet = self.sheet
        sheet.fill(sheet.heading("Place", 9), list(range(1, block.height + 1)), None, "count")
        formula = f"MATCH($A{ROW},{firsts},1)"
        sheet.fill(
            sheet.heading(f"{label}: number of the group", 12),
            [members[row] + 1 for row in self.rows],
            formula,
            "count",
        )

        def row_of(row: int) -> str:
            first = f"MATCH($B{row},{numbers},0)"
            if row == FIRST_ROW:
                return first
            rest = f"INDEX({numbers},$C{row - 1}+1):INDEX({numbers},ROWS({numbers}))"
            return f"IF($A{row}=INDEX({firsts},$B{row}),{first},$C{row - 1}+MATCH($B{row},{rest},0))"

        sheet.fill(sheet.heading("Row among all", 12), [row + 1 for row in self.rows], row_of, "count")
        names = block.sheet.fills[1].values
        formula = f"INDEX({block.sheet.column_range(1)},$C{ROW})"
        sheet.fill(sheet.heading(block.sheet.headings[0], 12), [names[row] for row in self.rows], formula)

    def _ends_of_groups(self, numbers: str, by_group: Sequence[Sequence[int]]) -> None:
        """Write at which place each group begins and ends."""
        self._first, self._last = f"First place on {self.sheet.name}", f"Last place on {self.sheet.name}"
        sizes = [len(rows) for rows in by_group]
        lasts = [sum(sizes[: index + 1]) for index in range(len(sizes))]
        first_letter, last_letter = (letter(len(self.groups.sheet.headings) + one) for one in (1, 2))
        self.writer.group_column(
            self.groups,
            self._first,
            self._first,
            "",
            lambda row: "1" if row == FIRST_ROW else f"${last_letter}{row - 1}+1",
            [last - size + 1 for last, size in zip(lasts, sizes, strict=True)],
        )
        formula = f"${first_letter}{ROW}+COUNTIF({numbers},$B{ROW})-1"
        self.writer.group_column(self.groups, self._last, self._last, "", formula, lasts)

    def see(self, column: Vector) -> Vector:
        """Return a column of the block as it is seen from here; its values stay in the order of the block."""
        return Vector(column.values, column.range, f"INDEX({column.range},$C{ROW})")

    def copy(self, key: str, heading: str, column: Vector) -> Vector:
        """Return a column of the block as a range in this order."""
        return self.add(key, heading, self.see(column).cell, column.values)

    def add(self, _key: str, heading: str, formula: str, values: Sequence[Any]) -> Vector:
        """Add a column; its values are given in the order of the block."""
        column = self.sheet.heading(heading, 16)
        self.sheet.fill(column, [values[row] for row in self.rows], formula)
        return Vector(list(values), self.sheet.column_range(column), f"${letter(column)}{ROW}")

    def ends(self, index: int) -> tuple[str, str]:
        """Return the first and last place of a group, as the sheet Sharing sees them."""
        place = quoted(self.groups.sheet.name)
        first, last = (letter(self.groups.columns[key]) for key in (self._first, self._last))
        return f"{place}!${first}${FIRST_ROW + index}", f"{place}!${last}${FIRST_ROW + index}"

    def span(self, first: Vector, last: Vector) -> str:
        """Return one column or several side by side, as figures of the group see them."""
        ends = [f"${letter(self.groups.columns[key])}{ROW}" for key in (self._first, self._last)]
        return between(first, last, ends[0], ends[1])

    def own(self) -> str:
        """Return what is true on the rows of the figure's group, as a factor."""
        return f"({self.sheet.column_range(2)}=$B{ROW})*"


def between(first: Vector, last: Vector, start: str, end: str) -> str:
    """Return the cells of one column, or of several side by side, from one place to another."""
    return f"INDEX({first.range},{start}):INDEX({last.range},{end})"


def between_on(row: int, start: str, end: str) -> Callable[[Vector], str]:
    """Return what gives the cells of a column between the places that stand in two columns of a row."""
    return lambda column: between(column, column, f"{start}{row}", f"{end}{row}")


def order_of(writer: StepWriter, block: Block, within: str | None) -> OwnOrder | GroupOrder:
    """Return the order in which the rows of a block are searched; each grouping has its sheet once a year."""
    if within is None:
        return OwnOrder(writer, block)
    key = (block.kind, within)
    if key not in writer.orders:
        writer.orders[key] = GroupOrder(writer, block, within)
    return writer.orders[key]
