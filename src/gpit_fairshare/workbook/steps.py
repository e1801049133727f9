"""Steps as live columns: each formula in its sheet, each kernel with the workings that it needs.

Every helper cell carries the value that its formula gives, worked out here in the same way; the step's
own cells carry the engine's values, which LibreOffice and Excel reproduce.
"""

from __future__ import annotations

import math
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from gpit_fairshare.errors import OutputError
from gpit_fairshare.language import NATIONAL, ORGANISATION, group, kind_of, to_text, walk
from gpit_fairshare.language import in_excel as x
from gpit_fairshare.language import tree as t
from gpit_fairshare.workbook.layout import Block, Layout, Refs, Vector, number_format
from gpit_fairshare.workbook.sharing_columns import ShareOutWriter
from gpit_fairshare.workbook.sheets import FIRST_ROW, TOTAL_ROW, letter, quoted

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from gpit_fairshare.language.tree import Expression
    from gpit_fairshare.scheme import Check, Step

_FIGURES = {"total": "SUM", "largest": "MAX", "smallest": "MIN"}
_FIGURES_WITHIN = {"total": "SUMIFS", "largest": "_xlfn.MAXIFS", "smallest": "_xlfn.MINIFS"}
_WORDS = {"total": "Total of", "count": "Number with", "largest": "Largest", "smallest": "Smallest"}


class StepWriter:
    """Writes the steps of one year."""

    def __init__(self, layout: Layout, year: str) -> None:
        self.layout = layout
        self.scheme = layout.scheme
        self.year = year
        self.now = layout.result.years[year]
        self.first_year = layout.years[0] == year
        self.fits: dict[str, str] = {}
        """For each `share_out` with a floor: the formula that says whether the floors fit in the amount."""

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
        self.figures(step.tree)
        match step.tree:
            case t.ShareOut():
                ShareOutWriter(self, step, step.tree).write()
            case t.Rounded():
                self.rounded(step, step.tree)
            case _ if step.kind == NATIONAL:
                refs = Refs(self.layout, self.year, None, 0, self.layout.national)
                value = self.now.national(step.name)
                formula = x.render(step.tree, refs, first_year=self.first_year)
                self.national(step.name, step.label, step.unit or "", formula, value)
            case _:
                block = self.layout.block(step.kind, self.year)
                self.column(step, block, lambda refs: x.render(step.tree, refs, first_year=self.first_year))

    def column(self, step: Step, block: Block, formula: Callable[[Refs], str]) -> None:
        """Write a step's column: a formula for each row, with the engine's value."""
        values = block.values(step.name)
        unit = f" ({step.unit})" if step.unit and step.unit != "yes/no" else ""
        column = block.sheet.heading(step.label + unit, 16)
        block.columns[step.name] = column
        cells = [
            (formula(Refs(self.layout, self.year, block, row, block.sheet)), value)
            for row, value in enumerate(values, FIRST_ROW)
        ]
        number = number_format(step.unit, values)
        block.sheet.column(column, cells, number)
        if step.unit in ("£", "people"):
            self.total_above(block, column, values, number)

    def total_above(self, block: Block, column: int, values: Sequence[float | None], number: str) -> None:
        """Put the total of a column of money or people above its heading."""
        cells = f"{letter(column)}{FIRST_ROW}:{letter(column)}{block.last}"
        total = math.fsum(value for value in values if value is not None)
        block.sheet.put(TOTAL_ROW, column, total, f"SUM({cells})", number)

    def national(self, key: str, label: str, unit: str, formula: str, value: Any) -> None:
        """Write a national figure of this year."""
        self.layout.put_national(key, label, unit, self.year, formula, value, number_format(unit, [value]))

    def helper(
        self,
        block: Block,
        key: str,
        heading: str,
        formula: Callable[[int], str],
        values: Sequence[Any],
        number: str,
    ) -> None:
        """Add a column of the workings: a formula of the row's number, and the values that it gives."""
        if key in block.helpers:
            return
        block.helpers[key] = block.workings.heading(heading, 16)
        cells = [(formula(row), value) for row, value in enumerate(values, FIRST_ROW)]
        block.workings.column(block.helpers[key], cells, number)

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
        key, label = to_text(node), f"{_WORDS[node.function]} {self.scheme.labels[node.of]}"
        unit = "" if node.function == "count" else symbol.unit or ""
        cells = source.column_range(node.of)
        if node.within is None:
            formula = f"SUMPRODUCT(--{cells})" if node.function == "count" else f"{_FIGURES[node.function]}({cells})"
            self.national(key, label, unit, formula, self.now.national(key))
            return
        target = self.layout.block(group(node.within), self.year)
        if key in target.columns:
            return
        self.membership(source, node.within)
        numbers = source.helper_range(f"group {node.within}")

        def formula_at(row: int) -> str:
            if node.function == "count":
                return f"SUMPRODUCT(({numbers}=$B{row})*{cells})"
            return f"{_FIGURES_WITHIN[node.function]}({cells},{numbers},$B{row})"

        self.group_column(target, key, label, unit, formula_at, target.values(key))

    def group_column(
        self,
        block: Block,
        key: str,
        label: str,
        unit: str,
        formula: Callable[[int], str],
        values: Sequence[Any],
    ) -> None:
        """Add a column to the sheet of a group that is no step of the scheme."""
        block.columns[key] = block.sheet.heading(f"{label} ({unit})" if unit else label, 16)
        cells = [(formula(row), value) for row, value in enumerate(values, FIRST_ROW)]
        block.sheet.column(block.columns[key], cells, number_format(unit, list(values)))

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
                lambda row: f"SUMPRODUCT(--EXACT({cell}{row},{labels}),{numbers})",
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
                lambda row: f"{own}{row}",
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
            lambda row: f"INDEX({outer_range},MATCH({own}{row},{inner_range},0))",
            [first[index] + 1 for index in range(block.height)],
            "count",
        )

    # rounded --------------------------------------------------------------------------------------

    def rounded(self, step: Step, tree: t.Rounded) -> None:
        """Write whole units, remainders and ranks, and the step that gives out what is left over."""
        to = Fraction(str(tree.to))
        if step.kind == NATIONAL:
            refs = Refs(self.layout, self.year, None, 0, self.layout.national)
            units = x.rounded_total(refs.name(tree.of.name), to)
            self.national(step.name, step.label, step.unit or "", x.unscaled(units, to), self.now.national(step.name))
            return
        block = self.layout.block(step.kind, self.year)
        if tree.within:
            self.membership(block, tree.within)
        name, of = step.name, self.vector(block, tree.of)
        wholes, remainders = _units(of.values, to)
        self.helper(
            block,
            f"{name} whole",
            f"{step.label}: whole units",
            lambda row: x.whole(of.cell(row), to),
            wholes,
            "count",
        )
        column = letter(block.helpers[f"{name} whole"])
        self.helper(
            block,
            f"{name} remainder",
            f"{step.label}: remainder",
            lambda row: x.remainder(of.cell(row), f"${column}{row}", to),
            remainders,
            "remainder",
        )
        members = self.members(block, tree.within)
        self._ranks(step, block, tree.within, remainders, members)
        self._left_over(step, tree, block, of, wholes, to)

        def formula(refs: Refs) -> str:
            whole_cell = block.helper_cell(f"{name} whole", refs.row, here=block.sheet)
            rank = block.helper_cell(f"{name} rank", refs.row, here=block.sheet)
            left = self.scalar(f"left over of {name}", block, tree.within, refs.row, here_is_workings=False)
            return x.unscaled(f"({whole_cell}+IF({rank}<={left},1,0))", to)

        self.column(step, block, formula)

    def members(self, block: Block, within: str | None) -> list[int]:
        """Return the number of the group, from 0, that each row belongs to."""
        if within is None:
            return [0] * block.height
        numbers = block.workings.cells
        column = block.helpers[f"group {within}"]
        return [int(numbers[row, column].value) - 1 for row in range(FIRST_ROW, block.last + 1)]

    def _ranks(
        self,
        step: Step,
        block: Block,
        within: str | None,
        remainders: Sequence[float],
        members: Sequence[int],
    ) -> None:
        order = sorted(range(len(remainders)), key=lambda row: (members[row], -remainders[row], row))
        ranks, place = [0] * len(remainders), 0
        for index, row in enumerate(order):
            place = place + 1 if index and members[order[index - 1]] == members[row] else 1
            ranks[row] = place
        column = letter(block.helpers[f"{step.name} remainder"])
        groups = letter(block.helpers[f"group {within}"]) if within else ""

        def formula(row: int) -> str:
            if within:
                return x.rank_within(column, f"${groups}", FIRST_ROW, row, block.last)
            return x.rank(column, FIRST_ROW, row, block.last)

        self.helper(block, f"{step.name} rank", f"{step.label}: rank of the remainder", formula, ranks, "count")

    def _left_over(
        self, step: Step, tree: t.Rounded, block: Block, of: Vector, wholes: Sequence[float], to: Fraction
    ) -> None:
        """Write how many units are left to give to the largest remainders, nationally or by group."""
        whole_range = block.helper_range(f"{step.name} whole")
        label = f"{step.label}: units left over"
        members = self.members(block, tree.within)

        def left(rows: Sequence[int]) -> int:
            total = math.fsum(of.values[row] for row in rows) * to.denominator / to.numerator
            return math.floor(round(total, 6) + 0.5) - int(sum(wholes[row] for row in rows))

        self.put_scalar(
            f"left over of {step.name}",
            label,
            "",
            block,
            tree.within,
            lambda pick: f"{x.rounded_total(pick(of.range), to)}-{pick(whole_range)}",
            [left([row for row, one in enumerate(members) if one == index]) for index in range(max(members) + 1)],
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
        if within is None:
            if key not in self.layout.national_rows or (
                (self.layout.national_rows[key], self.layout.year_column(self.year)) not in self.layout.national.cells
            ):
                self.national(key, label, unit, formula(lambda cells: f"SUM({cells})"), values[0])
            return
        target = self.layout.block(group(within), self.year)
        if key in target.columns:
            return
        numbers = block.helper_range(f"group {within}")

        def formula_at(row: int) -> str:
            return formula(lambda cells: f"SUMIFS({cells},{numbers},$B{row})")

        self.group_column(target, key, label, unit, formula_at, values)

    def scalar(self, key: str, block: Block, within: str | None, row: int, *, here_is_workings: bool) -> str:
        """Return the cell of such a figure for one row of a block."""
        if within is None:
            return self.layout.national_cell(key, self.year)
        target = self.layout.block(group(within), self.year)
        here = block.workings if here_is_workings else block.sheet
        number = block.helper_cell(f"group {within}", row, here=here)
        return f"INDEX({target.column_range(key)},{number})"

    def vector(self, block: Block, leaf: t.Name | t.Number) -> Vector:
        """Return a kernel's argument as a column with a cell for every row of a block."""
        if isinstance(leaf, t.Name) and self.scheme.symbols[leaf.name].kind == block.kind:
            column = block.columns[leaf.name]
            sheet = quoted(block.sheet.name)
            return Vector(
                block.values(leaf.name),
                block.column_range(leaf.name),
                lambda row: f"{sheet}!${letter(column)}{row}",
            )
        text = to_text(leaf)
        key = f"value {text}"
        values = [leaf.value] * block.height if isinstance(leaf, t.Number) else block.values(leaf.name)

        def formula(row: int) -> str:
            if isinstance(leaf, t.Number):
                return x.number(leaf.value)
            return Refs(self.layout, self.year, block, row, block.workings).name(leaf.name)

        if isinstance(leaf, t.Name) and self.scheme.symbols[leaf.name].kind.column:
            self.membership(block, self.scheme.symbols[leaf.name].kind.column or "")
        label = text if isinstance(leaf, t.Number) else self.scheme.labels[leaf.name]
        self.helper(block, key, f"{label}, on every row", formula, values, "number")
        column = block.helpers[key]
        sheet = quoted(block.workings.name)
        return Vector(values, block.helper_range(key), lambda row: f"{sheet}!${letter(column)}{row}")

    # Checks -----------------------------------------------------------------------------------------

    def check(self, check: Check, index: int) -> str:
        """Return the live formula of a check for this year; one on organisations gets a column of its own."""
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
            lambda row: x.render(
                check.tree,
                Refs(self.layout, self.year, block, row, block.workings),
                first_year=self.first_year,
            ),
            [name not in failing for name in names],
            "number",
        )
        return f"AND({block.helper_range(f'check {index}')})"


def _units(values: Sequence[float], to: Fraction) -> tuple[list[int], list[float]]:
    """Return whole units and remainders snapped to a millionth, as the workbook's formulas give them."""
    wholes, remainders = [], []
    for value in values:
        units = value * to.denominator / to.numerator
        carried = math.floor(units) + math.floor(round(units - math.floor(units), 6))
        wholes.append(carried)
        remainders.append(abs(round(units - carried, 6)))
    return wholes, remainders
