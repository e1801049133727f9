"""Steps as live columns: each formula in its sheet, each kernel with the workings that it needs.

Every helper cell carries the value that its formula gives, worked out here in the same way; the step's
own cells carry the engine's values, which LibreOffice and Excel reproduce.
"""

from __future__ import annotations

import math
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Final

from gpit_fairshare.errors import OutputError
from gpit_fairshare.language import AGGREGATES, NATIONAL, ORGANISATION, group, kind_of, to_text, walk, without_excel
from gpit_fairshare.language import in_excel as x
from gpit_fairshare.language import tree as t
from gpit_fairshare.language.function_types import filled
from gpit_fairshare.workbook.layout import Block, Layout, Refs, Vector, number_format, rows_by_group
from gpit_fairshare.workbook.sharing_columns import ShareOutWriter
from gpit_fairshare.workbook.sheets import FIRST_ROW, HEADING_ROW, ROW, letter, quoted

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from gpit_fairshare.language import Kind
    from gpit_fairshare.language.tree import Expression
    from gpit_fairshare.scheme import Check, Step
    from gpit_fairshare.workbook.group_order import GroupOrder
    from gpit_fairshare.workbook.sheets import Sheet

    Formula = str | Callable[[int], str | None]

REMAINDER: Final = "remainder"
"""Stands in the heading of what is left of a large number, of which few digits are sure."""
FIXED: Final = "values of the run"
"""Stands in the heading of a step whose formula uses a function that Excel has not."""


class StepWriter:
    """Writes the steps of one year."""

    def __init__(self, layout: Layout, year: str) -> None:
        self.layout = layout
        self.scheme = layout.scheme
        self.year = year
        self.now = layout.result.years[year]
        self.first_year = layout.years[0] == year
        self.orders: dict[tuple[Kind, str], GroupOrder] = {}
        """Rows by group, for each kind of row and grouping that a search needs."""
        self.fits: dict[str, str] = {}
        """For each `share_out` with a floor: the formula that says whether the floors fit in the amount."""
        self.spends: dict[str, str] = {}
        """For each `share_out`: the formula that says whether it gives the amount, or all that it may."""
        self.sound: dict[str, str] = {}
        """For each `share_out`: the formula that says whether its arguments are such as gpit takes."""

        self.shared: dict[str, str] = {}
        """For each `share_out`: the formula of what it has to share, over all groups."""
        self.left_over: dict[str, str] = {}
        """For each `share_out` with a ceiling: the formula of what it leaves over, over all groups."""

    # Any step -------------------------------------------------------------------------------------

    def step(self, step: Step) -> None:
        """Write one step in its sheet.

        Raises:
            OutputError: The step's formula is longer than Excel allows; it names the step.
        """
        try:
            self._step(step)
        except OutputError as fault:
            raise OutputError(f"{step.where}: {fault}") from None

    def _step(self, step: Step) -> None:
        self.layout.user = step.label
        self.figures(step.tree)
        match step.tree:
            case t.ShareOut():
                ShareOutWriter(self, step, step.tree).write()
            case t.Rounded():
                self.rounded(step, step.tree)
            case _ if without_excel(step.tree):
                self.fixed(step)
            case _ if step.kind == NATIONAL:
                refs = Refs(self.layout, self.year, None, 0, self.layout.national)
                value = self.now.national(step.name)
                formula = x.render(step.tree, refs, first_year=self.first_year)
                self.national(step.name, step.label, step.unit or "", formula, value)
            case _:
                block = self.layout.block(step.kind, self.year)
                self.column(step, block, self.rendered(step.tree, block, block.sheet))

    def rendered(self, tree: Expression, block: Block, here: Sheet) -> Formula:
        """Return the formula of every row of a block; each row has its own only where it looks back a year."""
        if not self.first_year and any(isinstance(node, t.Previous) for node in walk(tree)):
            return lambda row: x.render(tree, Refs(self.layout, self.year, block, row, here), first_year=False)
        return x.render(tree, Refs(self.layout, self.year, block, ROW, here), first_year=self.first_year)

    def fixed(self, step: Step) -> None:
        """Write the values of a step whose formula Excel has no function for; the heading says what they are."""
        if step.kind == NATIONAL:
            value = self.now.national(step.name)
            self.national(step.name, f"{step.label} ({FIXED})", step.unit or "", None, value)
            return
        self.column(step, self.layout.block(step.kind, self.year), None)

    def column(self, step: Step, block: Block, formula: Formula | None) -> None:
        """Write a step's column: a formula for each row, with the engine's value, or the values alone."""
        values = block.values(step.name)
        says = [step.unit] if step.unit and step.unit != "yes/no" else []
        says += [FIXED] if formula is None else []
        unit = f" ({'; '.join(says)})" if says else ""
        column = block.sheet.heading(step.label + unit, 16)
        block.columns[step.name] = column
        number = number_format(step.unit, values)
        block.sheet.fill(column, values, formula, number)
        if step.unit in ("£", "people"):
            block.sheet.total_above(column, values, number)

    def national(self, key: str, label: str, unit: str, formula: str | None, value: Any) -> None:
        """Write a national figure of this year."""
        self.layout.put_national(key, label, unit, self.year, formula, value, number_format(unit, [value]))

    def helper(
        self,
        block: Block,
        key: str,
        heading: str,
        formula: Formula,
        values: Sequence[Any],
        number: str,
    ) -> None:
        """Add a column of the workings: its formula, and the values that it gives."""
        if key in block.helpers:
            return
        block.helpers[key] = block.workings.heading(heading, 16)
        block.workings.fill(block.helpers[key], values, formula, number)

    # Figures over rows ----------------------------------------------------------------------------

    def figures(self, tree: Expression) -> None:
        """Write every figure that a formula uses, each once, in a cell of its own."""
        for node in walk(tree):
            if isinstance(node, t.Figure):
                self.figure(node)

    def figure(self, node: t.Figure) -> None:
        """Write one figure: nationally, or in a column of its group's sheet."""
        symbol = self.scheme.symbols[node.of]
        source = self.layout.block(symbol.kind, self.year)
        aggregate = AGGREGATES[node.function]
        key, label = to_text(node), f"{aggregate.heading} {self.scheme.labels[node.of]}"
        unit = "" if aggregate.is_count else symbol.unit or ""
        cells = source.column_range(node.of)
        if node.within is None:
            self.national(key, label, unit, filled(aggregate.excel, cells=cells), self.now.national(key))
            return
        target = self.layout.block(group(node.within), self.year)
        if key in target.columns:
            return
        self.membership(source, node.within)
        numbers = source.helper_range(f"group {node.within}")
        formula = filled(aggregate.excel_within, cells=cells, groups=numbers, group=f"$B{ROW}")
        self.group_column(target, key, label, unit, formula, target.values(key))

    def group_column(
        self,
        block: Block,
        key: str,
        label: str,
        unit: str,
        formula: Formula,
        values: Sequence[Any],
    ) -> None:
        """Add a column to the sheet of a group that is no step of the scheme."""
        block.columns[key] = block.sheet.heading(f"{label} ({unit})" if unit else label, 16)
        block.sheet.fill(block.columns[key], values, formula, number_format(unit, list(values)))

    def membership(self, block: Block, column: str) -> None:
        """Number each row's group on the workings: numbers, since SUMIFS reads texts as patterns."""
        key = f"group {column}"
        if key in block.helpers:
            return
        groups = self.layout.block(group(column), self.year)
        labels = f"{quoted(groups.sheet.name)}!$A${FIRST_ROW}:$A${groups.last}"
        numbers = f"{quoted(groups.sheet.name)}!$B${FIRST_ROW}:$B${groups.last}"
        label = self.scheme.labels[column]
        if block.kind == ORGANISATION:
            cell = f"{quoted(block.sheet.name)}!${letter(block.columns[column])}"
            values = [index + 1 for index in self.now.membership[column]]
            self.helper(
                block,
                key,
                f"{label}: number of the group",
                # Groups that differ in case alone are refused, so = tells them apart as well as EXACT does.
                f"SUMPRODUCT(--({labels}={cell}{ROW}),{numbers})",
                values,
                "count",
            )
            return
        if block.kind.column == column:
            own = f"{quoted(block.sheet.name)}!$B"
            self.helper(
                block,
                key,
                f"{label}: number",
                f"{own}{ROW}",
                list(range(1, block.height + 1)),
                "count",
            )
            return
        # A group inside a larger group: that of any of its organisations.
        organisations = self.layout.block(ORGANISATION, self.year)
        inner = block.kind.column or ""
        self.membership(organisations, column)
        self.membership(organisations, inner)
        first = {
            number: self.now.membership[column][row]
            for row, number in reversed(list(enumerate(self.now.membership[inner])))
        }
        outer_range = organisations.helper_range(key)
        inner_range = organisations.helper_range(f"group {inner}")
        own = f"{quoted(block.sheet.name)}!$B"
        self.helper(
            block,
            key,
            f"{label}: number of the group",
            f"INDEX({outer_range},MATCH({own}{ROW},{inner_range},0))",
            [first[index] + 1 for index in range(block.height)],
            "count",
        )

    # rounded --------------------------------------------------------------------------------------

    def rounded(self, step: Step, tree: t.Rounded) -> None:
        """Write whole units and remainders, and the step that gives out what is left over.

        A unit goes to each remainder above that at which the units run out, and at that one to the first rows.
        Ranks of all remainders would say the same, in work that grows with the square of the rows.
        """
        to = Fraction(str(tree.to))
        if step.kind == NATIONAL:
            refs = Refs(self.layout, self.year, None, 0, self.layout.national)
            units = x.rounded_total(refs.name(tree.of.name), to, self.layout.number)
            formula = x.unscaled(units, to, self.layout.number)
            self.national(step.name, step.label, step.unit or "", formula, self.now.national(step.name))
            return
        block = self.layout.block(step.kind, self.year)
        if tree.within:
            self.membership(block, tree.within)
        name, of = step.name, self.vector(block, tree.of)
        places = list(range(1, block.height + 1))
        self.helper(block, "order", "Place by code", f"ROW()-ROW($A${HEADING_ROW})", places, "count")
        wholes, remainders = _units(of.values, to)
        one = _one_unit(step.unit, tree.to)
        self.helper(
            block,
            f"{name} whole",
            f"{step.label}: whole units of {one} ({one})",
            x.whole(of.cell, to, self.layout.number),
            wholes,
            "count",
        )
        column = letter(block.helpers[f"{name} whole"])
        self.helper(
            block,
            f"{name} remainder",
            f"{step.label}: {REMAINDER} (part of {one})",
            x.remainder(of.cell, f"${column}{ROW}", to, self.layout.number),
            remainders,
            "remainder",
        )
        left = self._left_over(step, tree, block, of, wholes, to)
        self._last_served(step, tree, block, remainders, left)

        whole_cell = block.helper_cell(f"{name} whole", ROW, here=block.sheet)
        remainder = block.helper_cell(f"{name} remainder", ROW, here=block.sheet)
        least = self.scalar(f"least remainder of {name}", block, tree.within, here=block.sheet)
        last = self.scalar(f"last row of {name}", block, tree.within, here=block.sheet)
        place = block.helper_cell("order", ROW, here=block.sheet)
        extra = x.is_served(remainder, place, least, last)
        self.column(step, block, x.unscaled(f"({whole_cell}+IF({extra},1,0))", to, self.layout.number))

    def members(self, block: Block, within: str | None) -> list[int]:
        """Return the number of the group, from 0, that each row belongs to."""
        if within is None:
            return [0] * block.height
        numbers = block.workings.fills[block.helpers[f"group {within}"]].values
        return [int(number) - 1 for number in numbers]

    def _left_over(
        self, step: Step, tree: t.Rounded, block: Block, of: Vector, wholes: Sequence[float], to: Fraction
    ) -> list[int]:
        """Write how many units are left to give to the largest remainders, nationally or by group; return them."""
        whole_range = block.helper_range(f"{step.name} whole")

        def left(rows: Sequence[int]) -> int:
            total = math.fsum(of.values[row] for row in rows) * to.denominator / to.numerator
            return math.floor(round(total, 6) + 0.5) - int(sum(wholes[row] for row in rows))

        values = [left(rows) for rows in rows_by_group(self.members(block, tree.within))]
        self.put_scalar(
            f"left over of {step.name}",
            f"{step.label}: units left over",
            _one_unit(step.unit, tree.to),
            block,
            tree.within,
            lambda pick: f"{x.rounded_total(pick(of.range), to, self.layout.number)}-{pick(whole_range)}",
            values,
        )
        return values

    def _last_served(
        self, step: Step, tree: t.Rounded, block: Block, remainders: Sequence[float], left: Sequence[int]
    ) -> None:
        """Write the smallest remainder that gets a unit, and the last row that does among those equal to it."""
        name, within = step.name, tree.within
        ends = []
        for rows, count in zip(rows_by_group(self.members(block, within)), left, strict=True):
            ranked = sorted(rows, key=lambda row: (-remainders[row], row))
            ends.append((remainders[ranked[count - 1]], ranked[count - 1] + 1) if count else (1, 0))
        cells = block.helper_range(f"{name} remainder")
        same = f"({block.helper_range(f'group {within}')}=$B{ROW})" if within else ""
        count_cell = self.beside(f"left over of {name}", within)
        self.put_figure(
            f"least remainder of {name}",
            f"{step.label}: smallest {REMAINDER} that gets a unit",
            "",
            within,
            x.least_served(cells, same, count_cell),
            [one for one, _ in ends],
        )
        self.put_figure(
            f"last row of {name}",
            f"{step.label}: place of the last row that gets a unit at that remainder",
            "",
            within,
            x.last_served(
                cells,
                block.helper_range("order"),
                same,
                count_cell,
                self.beside(f"least remainder of {name}", within),
            ),
            [one for _, one in ends],
        )

    # Figures that only the workings need ------------------------------------------------------------

    def put_scalar(
        self,
        key: str,
        label: str,
        unit: str,
        block: Block,
        within: str | None,
        formula: Callable[[Callable[[str], str]], str],
        values: Sequence[Any],
    ) -> None:
        """Write a figure over the rows of a block, nationally or one per group.

        `formula` is given a function that sums a range over the rows that the figure is about.
        """
        numbers = block.helper_range(f"group {within}") if within else ""

        def pick(cells: str) -> str:
            return f"SUMIFS({cells},{numbers},$B{ROW})" if within else f"SUM({cells})"

        self.put_figure(key, label, unit, within, formula(pick), values)

    def put_figure(
        self, key: str, label: str, unit: str, within: str | None, formula: Formula, values: Sequence[Any]
    ) -> None:
        """Write a figure once: a national one, or one per group on the sheet of the groups."""
        if within is None:
            assert isinstance(formula, str)  # noqa: S101  # one figure has one formula
            if (key, self.year) not in self.layout.national_values:
                self.national(key, label, unit, formula, values[0])
            return
        target = self.layout.block(group(within), self.year)
        if key not in target.columns:
            self.group_column(target, key, label, unit, formula, values)

    def beside(self, key: str, within: str | None) -> str:
        """Return such a figure as written beside others of its kind: by name, or on the group's row."""
        if within is None:
            return self.layout.national_cell(key, self.year)
        target = self.layout.block(group(within), self.year)
        return f"${letter(target.columns[key])}{ROW}"

    def scalar(self, key: str, block: Block, within: str | None, *, here: Sheet) -> str:
        """Return the cell of such a figure for each row of a block, as written on one of its two sheets."""
        if within is None:
            return self.layout.national_cell(key, self.year)
        target = self.layout.block(group(within), self.year)
        number = block.helper_cell(f"group {within}", ROW, here=here)
        return f"INDEX({target.column_range(key)},{number})"

    def vector(self, block: Block, leaf: t.Name | t.Number) -> Vector:
        """Return a kernel's argument as a column with a cell for every row of a block."""
        if isinstance(leaf, t.Name) and self.scheme.symbols[leaf.name].kind == block.kind:
            cell = f"{quoted(block.sheet.name)}!${letter(block.columns[leaf.name])}{ROW}"
            return Vector(block.values(leaf.name), block.column_range(leaf.name), cell)
        text = to_text(leaf)
        key = f"value {text}"
        if isinstance(leaf, t.Number):
            values, formula, label = [leaf.value] * block.height, self.layout.number(leaf.value), text
        else:
            symbol = self.scheme.symbols[leaf.name]
            if symbol.kind.column:
                self.membership(block, symbol.kind.column)
            formula = Refs(self.layout, self.year, block, ROW, block.workings).name(leaf.name)
            values, label = block.values(leaf.name), self.scheme.labels[leaf.name]
            label += f" ({symbol.unit})" if symbol.unit else ""
        self.helper(block, key, f"{label}, on every row", formula, values, "number")
        cell = f"{quoted(block.workings.name)}!${letter(block.helpers[key])}{ROW}"
        return Vector(values, block.helper_range(key), cell)

    # Checks -----------------------------------------------------------------------------------------

    def check(self, check: Check, index: int) -> str:
        """Return the live formula of a check for this year; one on organisations gets a column of its own.

        The text is empty where the check uses a function that Excel has not.
        """
        if without_excel(check.tree):
            return ""
        self.layout.user = f"check {check.name}"
        self.figures(check.tree)
        kind = kind_of(check.tree, self.scheme.symbols)
        if kind == NATIONAL:
            refs = Refs(self.layout, self.year, None, 0, self.layout.national)
            return x.render(check.tree, refs, first_year=self.first_year)
        block = self.layout.block(kind, self.year)
        failing = {
            name
            for one in self.layout.result.checks
            if one.year == self.year and one.name == check.name and one.formula == check.formula
            for name in one.failing
        }
        names = self.now.codes() if kind == ORGANISATION else self.now.labels[kind.column or ""]
        self.helper(
            block,
            f"check {index}",
            f"Check: {check.name}",
            self.rendered(check.tree, block, block.workings),
            [name not in failing for name in names],
            "number",
        )
        return f"AND({block.helper_range(f'check {index}')})"


def _one_unit(unit: str | None, to: float) -> str:
    """Return what rounding gives out one of: £1, £0.01, 100 people."""
    size = f"{to:,.12g}"
    return f"£{size}" if unit == "£" else f"{size} {unit}" if unit else f"unit of {size}"


def _units(values: Sequence[float], to: Fraction) -> tuple[list[int], list[float]]:
    """Return whole units and remainders snapped to a millionth, as the workbook's formulas give them."""
    wholes, remainders = [], []
    for value in values:
        units = value * to.denominator / to.numerator
        carried = math.floor(units) + math.floor(round(units - math.floor(units), 6))
        wholes.append(carried)
        remainders.append(abs(round(units - carried, 6)))
    return wholes, remainders
