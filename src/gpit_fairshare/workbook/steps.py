"""Steps as live columns: each formula in its sheet, each kernel with the workings that it needs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gpit_fairshare.engine.notes import without_formula
from gpit_fairshare.errors import OutputError
from gpit_fairshare.language import in_excel as excel
from gpit_fairshare.language import tree
from gpit_fairshare.language.functions import AGGREGATES, filled
from gpit_fairshare.language.kinds import NATIONAL, ORGANISATION, Kind, group, kind_of
from gpit_fairshare.language.plugin_functions import without_excel
from gpit_fairshare.language.units import unit_of
from gpit_fairshare.workbook.columns import Refs, YearColumns
from gpit_fairshare.workbook.kernel_columns import (
    ShareOutCells,
    write_rank,
    write_rounded,
    write_rounded_figure,
    write_running_total,
)
from gpit_fairshare.workbook.sheets import NO_ROWS, ROW, Formula, Sheet
from gpit_fairshare.workbook.tables import TableColumns

if TYPE_CHECKING:
    from collections.abc import Collection

    from gpit_fairshare.language.tree import Expression
    from gpit_fairshare.scheme.model import Check, Outcome, Step
    from gpit_fairshare.workbook.layout import Block, Layout
    from gpit_fairshare.workbook.search_columns import GroupOrder

FIXED: Final = "values of the run"
"""In the heading of a step that has no formula in a workbook."""


class StepWriter:
    """Writes the steps and checks of one year."""

    def __init__(self, layout: Layout, year: str) -> None:
        """Prepare to write the steps of one year."""
        self.layout = layout
        self.year = year
        self.columns = YearColumns(layout, year)
        self.share_outs: dict[str, ShareOutCells] = {}
        """For each `share_out`: its cells, with the formulas that other sheets use."""
        self.tables: dict[str, TableColumns] = {}
        """For each function of tables, as formulas write it: its cells."""
        self.orders: dict[tuple[Kind, str], GroupOrder] = {}
        """Rows by group, for each kind of row and grouping that a search needs."""

    def write_step(self, step: Step) -> None:
        """Write a step to its sheet, with the figures that it uses.

        A step of a kernel gets its workings too. A step without a formula in a workbook gets the values of the run.

        Raises:
            OutputError: The step's formula is longer than Excel allows; it names the step.
        """
        columns, is_national = self.columns, step.kind == NATIONAL
        is_fixed = bool(without_formula(step, self.layout.result.years.values()))
        self.layout.user = step.label
        self._write_figures(step.tree)
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
                    columns.write_national(step.name, label, step.unit, formula, columns.now.national(step.name))
                case _ if is_fixed:
                    columns.write_step(step, None, FIXED)
                case tree.Rank():
                    write_rank(columns, step, step.tree)
                case tree.RunningTotal():
                    write_running_total(columns, step, step.tree)
                case _:
                    block = columns.block(step.kind)
                    columns.write_step(step, self._rows_formula(step.tree, block, block.sheet))
        except OutputError as fault:
            raise OutputError(f"{step.where}: {fault}") from None

    def _rows_formula(self, expression: Expression, block: Block, sheet: Sheet) -> Formula:
        """Return the formula for the rows of one year's block: a text with ROW in place of the row number.

        A formula that looks back is a function of the row number: in the year before, an organisation may be in another
        row, or several before a merger.
        """
        layout, year, first_year = self.layout, self.year, self.columns.first_year
        if not first_year and any(isinstance(node, tree.Previous) for node in tree.walk(expression)):
            return lambda row: excel.render(expression, Refs(layout, year, block, row, sheet), first_year=False)
        return excel.render(expression, Refs(layout, year, block, ROW, sheet), first_year=first_year)

    def _national_formula(self, expression: Expression) -> str:
        """Return the formula of an expression over national figures."""
        return excel.render(expression, self.columns.national_refs(), first_year=self.columns.first_year)

    # Figures over rows ----------------------------------------------------------------------------

    def _write_figures(self, expression: Expression) -> None:
        """Write every figure that a formula uses, unless it is written already: nationally, or by group."""
        columns, scheme = self.columns, self.layout.scheme
        for node in tree.walk(expression):
            if isinstance(node, tree.RateOf):
                self._write_rate(node)
            elif isinstance(node, tree.TableCall):
                self._write_table_call(node)
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
            columns.write_figure(node.within, key, label, unit, formula, values)

    def _write_table_call(self, node: tree.TableCall) -> None:
        """Write what a table gives, with its workings and their control total, unless they are written already."""
        text = tree.to_text(node)
        if text not in self.tables:
            cells = TableColumns(self.columns, node)
            if cells.key not in {written.key for written in self.tables.values()}:
                cells.control_rows()
            self.tables[text] = cells

    def _write_rate(self, node: tree.RateOf) -> None:
        """Write the rate of a `share_out`, nationally or by group; a text where there is none."""
        key, cells = tree.to_text(node), self.share_outs[node.step]
        values = [NO_ROWS if rate is None else float(rate) for rate in self.columns.now.rate[node.step]]
        unit, label = unit_of(self.layout.scheme.symbols[node.step].rate), f"Rate of {cells.step.label}"
        self.columns.write_figure(cells.tree.within, key, label, unit, cells.rate, values)

    # Checks -----------------------------------------------------------------------------------------

    def check_formula(self, check: Check, index: int, failing: Collection[str]) -> str:
        """Return the live formula of a check for this year; a check of organisations or groups also gets a column.

        The formula is an empty text if the check uses a function that Excel does not have.

        Args:
            check: The check.
            index: Its position among the checks.
            failing: The organisations or groups that fail it in the run.
        """
        if without_excel(check.tree):
            return ""
        self.layout.user = f"check {check.name}"
        self._write_figures(check.tree)
        kind = kind_of(check.tree, self.layout.scheme.symbols)
        if kind == NATIONAL:
            return self._national_formula(check.tree)
        columns, block = self.columns, self.columns.block(kind)
        names = columns.now.codes() if kind == ORGANISATION else columns.now.labels[kind.column or ""]
        formula, holds = self._rows_formula(check.tree, block, block.workings), [name not in failing for name in names]
        return f"AND({columns.add_helper(block, f'check {index}', f'Check: {check.name}', formula, holds).range})"

    # Outcomes ---------------------------------------------------------------------------------------

    def outcome_formula(self, outcome: Outcome) -> Formula:
        """Return the live formula of whether an outcome is true, for the rows of the workings of organisations.

        Figures over rows that it uses are written too. Excel must have all of its functions.
        """
        self.layout.user = f"outcome {outcome.label}"
        self._write_figures(outcome.tree)
        block = self.columns.block(ORGANISATION)
        return self._rows_formula(outcome.tree, block, block.workings)
