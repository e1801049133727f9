"""What an organisation had before, and what the rule did to it: live columns on the workings of each year.

Published sheets take the opening baseline and the outcome from these columns. The values are those of
`engine.organisation_years`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gpit_fairshare.engine.measures import BASELINE
from gpit_fairshare.engine.organisation_years import opening_baselines, opening_label, predecessors
from gpit_fairshare.language import in_excel as excel
from gpit_fairshare.language.kinds import ORGANISATION
from gpit_fairshare.language.plugin_functions import without_excel
from gpit_fairshare.words import inside
from gpit_fairshare.workbook.layout import number_format
from gpit_fairshare.workbook.sheets import FIRST_ROW, NONE, NOT_APPLICABLE, ROW, Formula
from gpit_fairshare.workbook.steps import FIXED

if TYPE_CHECKING:
    from gpit_fairshare.scheme.model import Outcome
    from gpit_fairshare.workbook.layout import Block, Layout
    from gpit_fairshare.workbook.steps import StepWriter

OPENING: Final = "opening baseline"
"""Key of the opening baseline among the columns of the workings, in £."""
CHANGE: Final = "change on opening baseline"
"""Key of the result less the opening baseline, in £."""
OUTCOME: Final = "outcome"
"""Key of the outcome among the columns of the workings: its label, or a dash if no outcome is true."""


def add_opening_baseline(layout: Layout, year: str) -> None:
    """Add the opening baseline of each organisation, and the change on it, to the workings of a year.

    In the first year it is the cell of historic spend. Later it is the result of the year before; those of merged
    predecessors are added up. An organisation without one gets `[z]`. Nothing is added if no organisation has one: the
    result is not money, or there is no historic spend.
    """
    block = layout.blocks[ORGANISATION, year]
    amounts = opening_baselines(layout.result, year)
    is_first_year = year == layout.years[0]
    if OPENING in block.helpers or not amounts or (is_first_year and BASELINE not in block.columns):
        return
    formula = _spend_formula(block) if is_first_year else _predecessors_formula(layout, block)
    values = [amounts.get(code, NOT_APPLICABLE) for code in block.year.codes()]
    heading = f"Opening baseline: {inside(opening_label(layout.result, year))} (£)"
    number = number_format("£", values)
    block.helpers[OPENING] = block.workings.add_column(heading, 16, values, formula, number)
    opening, answer = block.helper_cell(OPENING, on_sheet=block.workings), block.cell(layout.scheme.result)
    change = f'IF(ISNUMBER({opening}),{answer}-{opening},"{NOT_APPLICABLE}")'
    changes = [
        NOT_APPLICABLE if code not in amounts else amount - amounts[code]
        for code, amount in zip(block.year.codes(), block.values(layout.scheme.result), strict=True)
    ]
    heading = f"Change on {inside(opening_label(layout.result, year))} (£)"
    block.helpers[CHANGE] = block.workings.add_column(heading, 16, changes, change, "change")


def _spend_formula(block: Block) -> Formula:
    """Return the formula of the first opening baseline: the cell of historic spend, `[z]` if it is blank."""
    cell = block.cell(BASELINE)
    return f'IF(ISNUMBER({cell}),{cell},"{NOT_APPLICABLE}")' if None in block.values(BASELINE) else cell


def _predecessors_formula(layout: Layout, block: Block) -> Formula:
    """Return the formula of the opening baseline of a later year: the results of an organisation's predecessors."""
    year, answer = block.year.year, layout.scheme.result
    old = layout.blocks[ORGANISATION, layout.years[layout.years.index(year) - 1]]
    row_of = {code: row for row, code in enumerate(old.year.codes(), FIRST_ROW)}
    before_of, codes = predecessors(layout.result, year), block.year.codes()

    def formula(row: int) -> str | None:
        """Return the formula on an organisation's row; None if it has no predecessor."""
        before = before_of.get(codes[row - FIRST_ROW], ())
        return "+".join(old.cell(answer, f"${row_of[code]}") for code in before) or None

    return formula


def add_outcome(layout: Layout, writer: StepWriter) -> None:
    """Add the label of each organisation's outcome to the workings of a year, unless it is there already.

    An organisation has the first outcome of the rule that is true for it, and a dash if none is. Each outcome has a
    column, which keeps the label of the column before it; the last one has the answer. If an outcome uses a function
    that Excel does not have, there is one column with the values of the run. Nothing is added if the rule has no
    outcomes.
    """
    block, outcomes = layout.blocks[ORGANISATION, writer.year], layout.scheme.outcomes
    if OUTCOME in block.helpers or not outcomes:
        return
    labels = [label or NONE for label in block.year.outcomes]
    if any(without_excel(outcome.tree) for outcome in outcomes):
        block.helpers[OUTCOME] = block.workings.add_column(f"Outcome ({FIXED})", 24, labels)
        return
    position = {outcome.label: index for index, outcome in enumerate(outcomes)} | {NONE: len(outcomes)}
    before = ""
    for index, outcome in enumerate(outcomes):
        # What this column shows: an outcome further down the list is not tried yet.
        values = [label if position[label] <= index else NONE for label in labels]
        heading = "Outcome" if outcome is outcomes[-1] else f"Outcome, as far as: {outcome.label}"
        column = block.workings.add_column(heading, 24, values, _outcome_formula(writer, outcome, before))
        before = block.workings.cell(column, on_sheet=block.workings)
    block.helpers[OUTCOME] = column


def _outcome_formula(writer: StepWriter, outcome: Outcome, before: str) -> Formula:
    """Return the formula that gives the label in the cell `before`, or this outcome's if that is a dash and it is true.

    Args:
        writer: The steps of the year.
        outcome: The outcome.
        before: The cell of the outcomes tried so far on the same row; empty for the first.
    """
    is_true, label = writer.outcome_formula(outcome), excel.text(outcome.label)

    def wrapped(condition: str) -> str:
        if not before:
            return f"IF({condition},{label},{excel.text(NONE)})"
        return f"IF(AND({before}={excel.text(NONE)},{condition}),{label},{before})"

    if isinstance(is_true, str):
        return wrapped(is_true)

    def formula(row: int) -> str | None:
        """Return the formula on an organisation's row."""
        condition = is_true(row)
        return None if condition is None else wrapped(condition).replace(ROW, str(row))

    return formula
