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
from gpit_fairshare.workbook.tables import TableColumns

if TYPE_CHECKING:
    from collections.abc import Collection

    from gpit_fairshare.language.tree import Expression
    from gpit_fairshare.scheme.model import Check, Outcome, Step
    from gpit_fairshare.workbook.layout import Block, Layout
    from gpit_fairshare.workbook.search_columns import GroupOrder

FIXED: Final = "values of the run"
"""In the heading of a step whose formula uses a function that Excel does not have."""


class StepWriter:
    """Writes the steps and checks of one year."""

    def __init__(self, layout: Layout, year: str) -> None:
        """Prepare to write the steps of one year."""
        self.layout = layout
        self.year = year
        self.columns = YearColumns(layout, year)
        self.share_outs: dict[str, ShareOutCells] = {}
        """For each `share_out`: its cells, with the formulas that other sheets use."""
        self.table_tests: dict[str, tuple[str, str]] = {}
        """For each table and what is looked up in it: name and formula of the check that every key has a row."""
        self.orders: dict[tuple[Kind, str], GroupOrder] = {}
        """Rows by group, for each kind of row and grouping that a search needs."""

    def write_step(self, step: Step) -> None:
        """Write a step to its sheet, with the figures that it uses.

        A step of a kernel gets its workings too. A step that uses a function that Excel does not have gets the values
        of the run instead of formulas.

        Raises:
            OutputError: The step's formula is longer than Excel allows; it names the step.
        """
        columns, is_national, is_fixed = self.columns, step.kind == NATIONAL, bool(without_excel(step.tree))
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
        """Write every figure over rows that a formula uses, unless it is written already: nationally, or by group."""
        columns, scheme = self.columns, self.layout.scheme
        for call in [node for node in tree.walk(expression) if isinstance(node, tree.TableCall)]:
            table_columns = TableColumns(columns, call)
            if table_columns.key not in self.table_tests:
                self.table_tests[table_columns.key] = table_columns.check, table_columns.has_rows()
                table_columns.control_rows()
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
