"""Columns and figures of one year, and how formulas refer to their cells; every kind of step is written with them.

Every helper cell carries the value that its formula gives, calculated here in the same way. The cells of steps
carry the engine's values, which LibreOffice and Excel reproduce.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gpit_fairshare.language import tree
from gpit_fairshare.language.kinds import NATIONAL, ORGANISATION, Kind, group, kind_of
from gpit_fairshare.sharing import rows_by_group
from gpit_fairshare.workbook.layout import Block, Layout, number_format, with_unit
from gpit_fairshare.workbook.sheets import FIRST_ROW, HEADING_ROW, ROW, Formula, Sheet

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gpit_fairshare.scheme.model import Step


@dataclass(frozen=True, slots=True)
class Vector:
    """A column of figures: values, the range that they are in, and the cell of a row, with ROW for its number."""

    values: Sequence[Any]
    range: str
    cell: str


def row_order(block: Block) -> Vector:
    """Return the column of the workings that numbers the rows of a block from 1; it is added if needed."""
    places = list(range(1, block.height + 1))
    if "order" not in block.helpers:
        formula = f"ROW()-ROW($A${HEADING_ROW})"
        block.helpers["order"] = block.workings.add_column("Row order", 16, places, formula, "count")
    return Vector(places, block.helper_range("order"), block.helper_cell("order"))


class YearColumns:
    """Writes columns and national figures of one year."""

    def __init__(self, layout: Layout, year: str) -> None:
        """Prepare to write the columns of one year of a result."""
        self.layout = layout
        self.scheme = layout.scheme
        self.year = year
        self.now = layout.result.years[year]
        self.first_year = layout.years[0] == year
        self.steps = {step.name: step for step in layout.scheme.steps}

    def block(self, kind: Kind) -> Block:
        """Return the sheet and workings of one kind of row in this year."""
        return self.layout.blocks[kind, self.year]

    def national_refs(self) -> Refs:
        """Return the references that formulas of national figures use."""
        return Refs(self.layout, self.year, None, 0, self.layout.national)

    def write_step(self, step: Step, formula: Formula | None, remark: str = "") -> None:
        """Add a step's column to its sheet: a formula for each row with the engine's value, or values alone.

        A column of £ or people gets a total, unless its values are running totals or are worked out from them: what a
        fund has left for each bid adds up to nothing. The answer and the lines of the money account keep theirs.

        Args:
            step: The step.
            formula: Its formula; None for values alone.
            remark: Added to the unit in the heading.
        """
        block = self.block(step.kind)
        values, unit = block.values(step.name), "" if step.unit == "yes/no" else step.unit
        heading = with_unit(step.label, "; ".join(filter(None, (unit, remark))))
        money = self.scheme.money
        adds_up = step.name in (self.scheme.result, *money.money_in, *money.taken_away, *money.unspent)
        used_trees = [step.tree, *(self.steps[name].tree for name in tree.amounts_in(step.tree) if name in self.steps)]
        adds_up = adds_up or not any(isinstance(used_tree, tree.RunningTotal) for used_tree in used_trees)
        number, total = number_format(step.unit, values), step.unit in ("£", "people") and adds_up
        block.columns[step.name] = block.sheet.add_column(heading, 16, values, formula, number, total=total)

    def write_national(self, key: str, label: str, unit: str | None, formula: str | None, value: Any) -> None:
        """Write a national figure of this year on the sheet of national figures, and name its cell.

        A figure has one row, with a column for each year.

        Args:
            key: Name of the figure in the scheme, such as `total(x)`.
            label: Its label.
            unit: Its unit.
            formula: Its formula; None for a plain value.
            value: Its value.
        """
        layout, sheet = self.layout, self.layout.national
        row = layout.national_rows.setdefault(key, FIRST_ROW + len(layout.national_rows))
        sheet.put_row(row, (label, layout.identifier(key), unit))
        column = 4 + layout.years.index(self.year)
        sheet.put(row, column, value, formula, number_format(unit, [value]))
        layout.names[layout.name_of(key, self.year)] = sheet.cell(column, f"${row}")

    def write_figure(  # one parameter for each property of a figure
        self, within: str | None, key: str, label: str, unit: str | None, formula: Formula, values: Sequence[Any]
    ) -> None:
        """Write a figure over rows, if it is not written yet: one national figure, or one for each group.

        Args:
            within: Column of the groups; None for a national figure.
            key: Name of the figure in the scheme, such as `total(x)`.
            label: Its label.
            unit: Its unit.
            formula: Its formula.
            values: Its value, or that of each group.
        """
        if within:
            self.write_column(self.block(group(within)), key, label, unit, formula, values)
        elif self.layout.name_of(key, self.year) not in self.layout.names:
            national_formula = formula if isinstance(formula, str) else formula(FIRST_ROW)
            self.write_national(key, label, unit, national_formula, values[0])

    def write_column(  # one parameter for each property of a figure
        self, block: Block, key: str, label: str, unit: str | None, formula: Formula, values: Sequence[Any]
    ) -> None:
        """Write a figure with a value on each row of a block as a column of its sheet, if it is not written yet."""
        if key not in block.columns:
            number = number_format(unit, values)
            block.columns[key] = block.sheet.add_column(with_unit(label, unit), 16, values, formula, number)

    def add_helper(
        self, block: Block, key: str, heading: str, formula: Formula, values: Sequence[Any], number: str = "number"
    ) -> Vector:
        """Add a column to the workings, if it is not there yet, and return it.

        Args:
            block: The block whose workings get the column.
            key: Name of the column among the workings.
            heading: Its heading.
            formula: Its formula.
            values: The values that the formula gives.
            number: Name of the number format.
        """
        if key not in block.helpers:
            block.helpers[key] = block.workings.add_column(heading, 16, values, formula, number)
        return Vector(values, block.helper_range(key), block.helper_cell(key))

    def vector(self, block: Block, leaf: tree.Name | tree.Number) -> Vector:
        """Return a kernel's argument as a column with a cell on every row of a block.

        A name of the block's own kind is its column. A number, or a figure of the nation or of larger groups, is
        repeated on every row in a column of the workings, which is added if needed.
        """
        if isinstance(leaf, tree.Name) and self.scheme.symbols[leaf.name].kind == block.kind:
            return Vector(block.values(leaf.name), block.column_range(leaf.name), block.cell(leaf.name))
        text = tree.to_text(leaf)
        values: Sequence[Any]
        if isinstance(leaf, tree.Number):
            values, formula, label = [leaf.value] * block.height, self.layout.number(leaf.value), text
        else:
            symbol = self.scheme.symbols[leaf.name]
            if symbol.kind.column:
                self.membership(block, symbol.kind.column)
            formula = Refs(self.layout, self.year, block, ROW, block.workings).name(leaf.name)
            values, label = block.values(leaf.name), with_unit(self.scheme.labels[leaf.name], symbol.unit)
        return self.add_helper(block, f"value {text}", f"{label}, repeated on every row", formula, values)

    # Groups of rows ---------------------------------------------------------------------------------

    def membership(self, block: Block, column: str) -> Vector:
        """Return the column of the workings with the number, from 1, of each row's group; it is added if needed.

        It has numbers because SUMIFS reads texts as patterns. A group inside a larger group takes that of its first
        organisation; a block of the groups themselves has their own numbers.

        Args:
            block: The block of the rows.
            column: The text column that groups organisations.
        """
        description, number_cell, inner = "number of the group", block.sheet.cell(2), block.kind.column
        if inner is None:
            groups = self.block(group(column)).sheet
            # Groups that differ only in capitals are refused, so = is as good as EXACT.
            formula = f"SUMPRODUCT(--({groups.column_range(1)}={block.cell(column)}),{groups.column_range(2)})"
            values = [index + 1 for index in self.now.membership[column]]
        elif inner == column:
            formula, values, description = number_cell, list(range(1, block.height + 1)), "number"
        else:  # A group inside a larger group: the larger group of any of its organisations.
            organisations = self.block(ORGANISATION)
            outer, same = self.membership(organisations, column), self.membership(organisations, inner)
            formula = f"INDEX({outer.range},MATCH({number_cell},{same.range},0))"
            pairs = zip(self.now.membership[inner], self.now.membership[column], strict=True)
            outer_of = dict(reversed(list(pairs)))  # the first of several rows counts
            values = [outer_of[index] + 1 for index in range(block.height)]
        return self.add_helper(
            block, f"group {column}", f"{self.scheme.labels[column]}: {description}", formula, values, "count"
        )


class KernelFigures:
    """Figures that only the workings of a kernel need: national ones, or one per group on the groups' sheet."""

    def __init__(self, columns: YearColumns, step: Step, within: str | None) -> None:
        """Find which rows each group of a step has; without `within` all rows are one group.

        With `within`, the column of group numbers is added to the workings if needed.
        """
        self.columns, self.layout, self.step, self.within = columns, columns.layout, step, within
        self.block = columns.block(step.kind)
        self.numbers = ""
        """The numbers of the groups on the workings, from 1."""
        members, count = None, None
        if within:
            numbers = columns.membership(self.block, within)
            self.numbers, count = numbers.range, self.groups.height
            members = [number - 1 for number in numbers.values]
        self.rows = rows_by_group(members, self.block.height, count)
        """The rows of each group."""

    @property
    def groups(self) -> Block:
        """Return the block of the groups, which has a row for each."""
        return self.columns.block(group(self.within or ""))

    def put(
        self,
        key: str,
        description: str,
        formula: Formula,
        values: Sequence[Any],
        unit: str | None = None,
        label: str = "",
    ) -> KernelFigure:
        """Write a figure if it is not written yet, and return it: a national one, or one for each group.

        Args:
            key: Name of the figure, unique in the year.
            description: What it is; its label is the step's label and this.
            formula: Its formula.
            values: Its value, or that of each group.
            unit: Its unit; None for the unit of the step, or no unit if it is a yes/no.
            label: The whole label, in place of one with `description`.
        """
        if unit is None:
            unit = "" if isinstance(values[0], bool) else self.step.unit
        label = label or f"{self.step.label}: {description}"
        self.columns.write_figure(self.within, key, label, unit, formula, values)
        return KernelFigure(self, values, key, "" if self.within else self.layout.name_of(key, self.columns.year))

    def sum_of(self, cells: str) -> str:
        """Return the formula that sums a range over all rows, or over the rows of the figure's group."""
        return f"SUMIFS({cells},{self.numbers},$B{ROW})" if self.within else f"SUM({cells})"


@dataclass(frozen=True, slots=True)
class KernelFigure:
    """One figure of a kernel, and how formulas write it."""

    figures: KernelFigures
    values: Sequence[Any]
    """Its value, or that of each group."""
    key: str
    """Its column on the sheet of the groups, where each group has its own value."""
    national_name: str = ""
    """Its name in formulas if it is a national figure, or else a number or an empty text."""

    def on_group_row(self) -> str:
        """Return how formulas on the group's own row refer to the figure: by its name, or by its cell on that row."""
        return self.national_name or self.figures.groups.cell(self.key, on_sheet=self.figures.groups.sheet)

    def on_rows(self) -> str:
        """Return how formulas on the step's sheet refer to the figure of their own row's group."""
        if self.national_name:
            return self.national_name
        block, cells = self.figures.block, self.figures.groups.column_range(self.key)
        return f"INDEX({cells},{block.helper_cell(f'group {self.figures.within}', on_sheet=block.sheet)})"

    def of_group(self, index: int) -> str:
        """Return how formulas on any other sheet refer to the figure of the group with this position, from 0."""
        return self.national_name or self.figures.groups.cell(self.key, FIRST_ROW + index)

    def over_all(self, function: str) -> str:
        """Return a formula that applies a function such as SUM or AND to the figures of all groups."""
        return self.national_name or f"{function}({self.figures.groups.column_range(self.key)})"


class Refs:
    """References to names, from one row of one sheet of a block or from the sheet of national figures.

    The row is ROW where the formula is the same on every row.
    """

    def __init__(self, layout: Layout, year: str, block: Block | None, row: int | str, sheet: Sheet) -> None:
        """Prepare references for the formulas of one row.

        Args:
            layout: The layout of the workbook.
            year: The year.
            block: The block of the row; None for formulas of national figures.
            row: The row, or ROW if the formula is the same on every row.
            sheet: The sheet that the formulas are on.
        """
        self.layout = layout
        self.year = year
        self.block = block
        self.row = row
        self.sheet = sheet

    def name(self, name: str) -> str:
        """Return how the formula refers to the value of an input, parameter or step."""
        kind = self.layout.scheme.symbols[name].kind
        return self.layout.name_of(name, self.year) if kind == NATIONAL else self._cell_in_block(name, kind)

    def _cell_in_block(self, name: str, kind: Kind) -> str:
        """Return how the formula refers to a column: the cell on its own row, or the cell of its row's group."""
        home = self.layout.blocks[kind, self.year]
        if self.block is home:
            return home.cell(name, self.row, on_sheet=self.sheet)
        assert self.block is not None  # noqa: S101  # a national formula has no names of finer kinds
        number = self.block.helper_cell(f"group {kind.column}", self.row, on_sheet=self.sheet)
        return f"INDEX({home.column_range(name)},{number})"

    def figure(self, node: tree.AggregateCall | tree.RateOf | tree.TableCall) -> str:
        """Return how the formula refers to a figure, such as `total(x)`."""
        text = tree.to_text(node)
        kind = kind_of(node, self.layout.scheme.symbols)
        return self.layout.name_of(text, self.year) if kind == NATIONAL else self._cell_in_block(text, kind)

    def previous(self, name: str) -> str:
        """Return how the formula refers to a value of the year before.

        This is a national figure's name, the cell of the group with the same label, or the cell of the organisation's
        predecessor, of which there are several to add up after a merger.
        """
        year_before = self.layout.years[self.layout.years.index(self.year) - 1]
        symbol = self.layout.scheme.symbols[name]
        if symbol.kind == NATIONAL:
            return self.layout.name_of(name, year_before)
        old = self.layout.blocks[symbol.kind, year_before]
        now = self.layout.blocks[symbol.kind, self.year]
        assert isinstance(self.row, int)  # noqa: S101  # no two rows have the same predecessors
        row = self.row - FIRST_ROW
        if symbol.kind.column is not None:
            label = now.year.labels[symbol.kind.column][row]
            rows = [old.year.labels[symbol.kind.column].index(label)]
        else:
            rows = now.year.predecessors[row]
        return "+".join(old.cell(name, f"${FIRST_ROW + before}") for before in rows)

    def is_optional(self, name: str) -> bool:
        """Return whether the cell of an input may be empty."""
        return self.layout.scheme.symbols[name].optional

    def number(self, value: float) -> str:
        """Return how formulas write a number of the scheme."""
        return self.layout.number(value)

    def constant(self, name: str, value: float, use: str) -> str:
        """Return how formulas write a number that a function needs."""
        return self.layout.constant(name, value, use)
