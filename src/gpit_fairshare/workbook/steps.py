"""Steps as live columns: each formula in its sheet, each kernel with the workings that it needs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gpit_fairshare.errors import OutputError
from gpit_fairshare.language import in_excel as excel
from gpit_fairshare.language import tree
from gpit_fairshare.language.functions import AGGREGATES, filled
from gpit_fairshare.language.kinds import NATIONAL, ORGANISATION, Kind, group, kind_of
from gpit_fairshare.language.plugin_functions import without_excel
from gpit_fairshare.workbook.columns import Refs, YearColumns
from gpit_fairshare.workbook.kernel_columns import ShareOutCells, write_rounded, write_rounded_figure
from gpit_fairshare.workbook.sheets import ROW, Formula, Sheet

if TYPE_CHECKING:
    from collections.abc import Collection

    from gpit_fairshare.language.tree import Expression
    from gpit_fairshare.scheme.model import Check, Step
    from gpit_fairshare.workbook.layout import Block, Layout
    from gpit_fairshare.workbook.search_columns import GroupOrder

FIXED: Final = "values of the run"
"""In the heading of a step whose formula uses a function that Excel does not have."""


class StepWriter:
    """Writes the steps and checks of one year."""

    def __init__(self, layout: Layout, year: str) -> None:
        self.layout = layout
        self.year = year
        self.columns = YearColumns(layout, year)
        self.share_outs: dict[str, ShareOutCells] = {}
        """For each `share_out`: its cells, with the formulas that other sheets use."""
        self.orders: dict[tuple[Kind, str], GroupOrder] = {}
        """Rows by group, for each kind of row and grouping that a search needs."""

    def step(self, step: Step) -> None:
        """Write one step in its sheet.

        Raises:
            OutputError: The step's formula is longer than Excel allows; it names the step.
        """
        columns, is_national, is_fixed = self.columns, step.kind == NATIONAL, bool(without_excel(step.tree))
        self.layout.user = step.label
        self._figures(step.tree)
        try:
            match step.tree:
                case tree.ShareOut():
                    self.share_outs[step.name] = ShareOutCells(columns, step, step.tree, self.orders)
                case tree.Rounded() if is_national:
                    write_rounded_figure(columns, step, step.tree)
                case tree.Rounded():
                    write_rounded(columns, step, step.tree)
                case _ if is_national:
                    label = f"{step.label} ({FIXED})" if is_fixed else step.label
                    formula = None if is_fixed else self._national_formula(step.tree)
                    columns.national(step.name, label, step.unit, formula, columns.now.national(step.name))
                case _ if is_fixed:
                    columns.step(step, None, FIXED)
                case _:
                    block = columns.block(step.kind)
                    columns.step(step, self._formula(step.tree, block, block.sheet))
        except OutputError as fault:
            raise OutputError(f"{step.where}: {fault}") from None

    def _formula(self, expression: Expression, block: Block, sheet: Sheet) -> Formula:
        """Return the formula of every row of a block; formulas of rows only differ if they look back a year."""
        layout, year, first_year = self.layout, self.year, self.columns.first_year
        if not first_year and any(isinstance(node, tree.Previous) for node in tree.walk(expression)):
            return lambda row: excel.render(expression, Refs(layout, year, block, row, sheet), first_year=False)
        return excel.render(expression, Refs(layout, year, block, ROW, sheet), first_year=first_year)

    def _national_formula(self, expression: Expression) -> str:
        return excel.render(expression, self.columns.national_refs(), first_year=self.columns.first_year)

    # Figures over rows ----------------------------------------------------------------------------

    def _figures(self, expression: Expression) -> None:
        """Write every figure that a formula uses, once: nationally, or in a column of its group's sheet."""
        columns, scheme = self.columns, self.layout.scheme
        for node in [node for node in tree.walk(expression) if isinstance(node, tree.AggregateCall)]:
            aggregate, symbol, key = AGGREGATES[node.function], scheme.symbols[node.of], tree.to_text(node)
            source = columns.block(symbol.kind)
            cells = source.column_range(node.of)
            if node.within is None:
                formula, values = filled(aggregate.excel, cells=cells), [columns.now.national(key)]
            else:
                numbers = columns.membership(source, node.within).range
                formula = filled(aggregate.excel_within, cells=cells, groups=numbers, group=f"$B{ROW}")
                values = columns.block(group(node.within)).values(key)
            unit, label = "" if aggregate.is_count else symbol.unit, f"{aggregate.heading} {scheme.labels[node.of]}"
            columns.figure(node.within, key, label, unit, formula, values)

    # Checks -----------------------------------------------------------------------------------------

    def check(self, check: Check, index: int, failing: Collection[str]) -> str:
        """Return the live formula of a check for this year; a check of organisations gets a column.

        `failing` names those that fail it in the run. The formula is empty if the check uses a function that Excel
        does not have.
        """
        if without_excel(check.tree):
            return ""
        self.layout.user = f"check {check.name}"
        self._figures(check.tree)
        kind = kind_of(check.tree, self.layout.scheme.symbols)
        if kind == NATIONAL:
            return self._national_formula(check.tree)
        columns, block = self.columns, self.columns.block(kind)
        names = columns.now.codes() if kind == ORGANISATION else columns.now.labels[kind.column or ""]
        formula, holds = self._formula(check.tree, block, block.workings), [name not in failing for name in names]
        return f"AND({columns.helper(block, f'check {index}', f'Check: {check.name}', formula, holds).range})"
