"""Counterfactual runs between OLD and NEW, changing one driver at a time.

Every run is calculated without rounding: a pound that moves to another organisation because a remainder changed
is not an effect of a parameter.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from operator import ne
from typing import TYPE_CHECKING, Final

import polars as pl

from gpit_fairshare.comparison.definition import by_year, steps_changed, tables_changed
from gpit_fairshare.comparison.model import Driver, Key
from gpit_fairshare.engine import Result, calculate
from gpit_fairshare.errors import CalculationError
from gpit_fairshare.language import tree
from gpit_fairshare.language.functions import ROUNDING
from gpit_fairshare.numbers import exact, parameter_values
from gpit_fairshare.results.model import KEYS
from gpit_fairshare.words import counted

if TYPE_CHECKING:
    from collections.abc import Collection
    from decimal import Decimal

    from gpit_fairshare.inputs.model import Inputs
    from gpit_fairshare.scheme.model import Parameter, Scheme

CROSSWALK: Final = "crosswalk"
DATA: Final = "organisations_and_data"


def unrounded(scheme: Scheme) -> Scheme:
    """Return a scheme whose steps do not round: `rounded`, `round`, `rounddown`, `roundup` become what they round.

    Its checks, which are about rounded figures, and its outcomes are removed.
    """

    def without_rounding(expression: tree.Expression) -> tree.Expression:
        """Return what a rounding expression rounds; any other expression unchanged."""
        match expression:
            case tree.Rounded(unrounded_tree):
                return unrounded_tree
            case tree.Call(function, (unrounded_tree, _)) if function in ROUNDING:
                return unrounded_tree
            case _:
                return expression

    trees = [tree.rebuilt(step.tree, without_rounding) for step in scheme.steps]
    steps = tuple(
        replace(step, tree=expression, formula=tree.to_text(expression))
        for step, expression in zip(scheme.steps, trees, strict=True)
    )
    return replace(scheme, steps=steps, checks=(), outcomes=())


def drivers_of(old: Result, new: Result) -> list[Driver]:
    """Return what differs between two results of the same years, one driver each.

    The data come first: a driver for each column that differs and one for the crosswalk, or a single one if the
    organisations or the types of columns differ. Then come the parameters of both rules whose values differ, in the
    order of the old rule, then the formula.
    """
    drivers: list[Driver] = []
    if has_same_organisations(old.inputs, new.inputs):
        labels = {**old.scheme.labels, **new.scheme.labels}
        for name, rows in differing_rows(old, new).items():
            detail = f"{counted(rows, 'row')} differ{'s' if rows == 1 else ''}"
            drivers.append(Driver(f"data_{name}", "data", labels.get(name, name), detail, name))
        if old.inputs.crosswalk.added() != new.inputs.crosswalk.added():
            drivers.append(Driver(CROSSWALK, "data", "Crosswalk"))
    else:
        drivers.append(Driver(DATA, "data", "Organisations and data"))
    for name, before in old.scheme.parameters.items():
        after = new.scheme.parameters.get(name)
        if after and any(before.values[year].value != after.values[year].value for year in old.scheme.years):
            drivers.append(Driver(f"parameter_{name}", "parameter", after.label, _values_detail(before, after), name))
    if not is_same_rule(old.scheme, new.scheme):
        drivers.append(Driver("formula", "formula", "Formula", _formula_detail(old, new)))
    return drivers


def _values_detail(old: Parameter, new: Parameter) -> str:
    """Return how the values of a parameter changed, as text (`£1 → £2`): once if the change is the same in all years.

    Years without a change are left out.
    """
    texts = {
        year: " → ".join(parameter_values(before.value, new.values[year].value, (old.unit, new.unit)))
        for year, before in old.values.items()
        if before.value != new.values[year].value
    }
    return by_year(texts, old.values)


def _formula_detail(old: Result, new: Result) -> str:
    """Return how many steps have another formula, were added or were removed, as text.

    If none, the text says that the steps are in another order.
    """
    kinds = [difference.kind for difference in steps_changed(old.scheme, new.scheme)]
    counts = [
        f"{counted(kinds.count(kind), 'step')} {kind.split()[1]}"
        for kind in ("formula changed", "step added", "step removed")
        if kind in kinds
    ]
    counts += [f"other rows in {difference.name}" for difference in tables_changed(old.scheme, new.scheme)]
    return ", ".join(counts) or "the steps are in another order"


def is_same_rule(old: Scheme, new: Scheme) -> bool:
    """Return whether two schemes have the same answer, the same steps in the same order and the same keys of tables."""
    formulas = [[(step.name, tree.to_text(step.tree)) for step in scheme.steps] for scheme in (old, new)]
    return old.result == new.result and formulas[0] == formulas[1] and not any(tables_changed(old, new))


def has_same_organisations(old: Inputs, new: Inputs) -> bool:
    """Return whether the inputs have the same organisations in the same years, and columns of the same types."""
    return list(old.tables) == list(new.tables) and all(
        before["org_code"].to_list() == after["org_code"].to_list()
        and all(before[name].dtype == after[name].dtype for name in before.columns if name in after.columns)
        for before, after in zip(old.tables.values(), new.tables.values(), strict=True)
    )


def differing_rows(old: Result, new: Result) -> dict[str, int]:
    """Return how many rows differ in each input column that both rules use, in the order of first use.

    Rows are compared by position; columns without a difference are left out.
    """
    names = {symbol.name for symbol in new.scheme.inputs} - {"org_code"}
    counts = {symbol.name: 0 for symbol in old.scheme.inputs if symbol.name in names}
    for before, after in zip(old.inputs.tables.values(), new.inputs.tables.values(), strict=True):
        for name in counts:
            counts[name] += sum(map(ne, _column_values(before, name), _column_values(after, name)))
    return {name: count for name, count in counts.items() if count}


def _column_values(table: pl.DataFrame, name: str) -> list[object]:
    """Return the values of a column of inputs; None for every row if the table does not have it."""
    return table[name].to_list() if name in table.columns else [None] * table.height


class Counterfactuals:
    """The runs between two results; each is identified by the drivers that have their new values."""

    def __init__(self, old: Result, new: Result) -> None:
        self.ends = (old, new)
        self.rules = (unrounded(old.scheme), unrounded(new.scheme))

    def answers(self, drivers: Collection[Driver]) -> dict[Key, Decimal]:
        """Return the answer of each row when only these drivers are as in the new result, all others as in the old."""
        return _calculate_answers(self.rule(drivers), self.inputs(drivers))

    def end_answers(self, number: int) -> dict[Key, Decimal]:
        """Return the answers of the old (0) or the new (1) result itself, calculated without rounding."""
        return _calculate_answers(self.rules[number], self.ends[number].inputs)

    def rule(self, drivers: Collection[Driver]) -> Scheme:
        """Return the rule of a counterfactual run, without rounding.

        Its steps are the new ones if the formula is a driver, else the old. A parameter of both rules has its new
        values if it is a driver, else its old ones; a parameter of one rule keeps its own.
        """
        changed = {driver.symbol for driver in drivers if driver.kind == "parameter"}
        old, new = self.rules
        rule = new if any(driver.kind == "formula" for driver in drivers) else old
        values = {
            name: (new if name in changed else old).parameters[name].values
            for name in old.parameters
            if name in new.parameters
        }
        parameters = {
            name: replace(parameter, values=values.get(name, parameter.values))
            for name, parameter in rule.parameters.items()
        }
        return replace(rule, parameters=parameters)

    def inputs(self, drivers: Collection[Driver]) -> Inputs:
        """Return the inputs of a counterfactual run: the old ones, with new values only for columns of the drivers.

        The crosswalk is new if it is a driver. If the organisations differ, all inputs are old, or new if the driver of
        all data is among the drivers.
        """
        old, new = (end.inputs for end in self.ends)
        names = {driver.name for driver in drivers}
        if DATA in names:
            return new
        if not has_same_organisations(old, new):
            return old
        changed = {driver.symbol for driver in drivers if driver.kind == "data"}
        # The columns that both rules use: each keeps its old values until it is changed.
        shared = set.intersection(*({symbol.name for symbol in rule.inputs} for rule in self.rules))
        tables = {
            year: _mixed_table(before, after, changed, shared)
            for (year, before), after in zip(old.tables.items(), new.tables.values(), strict=True)
        }
        return replace(old, tables=tables, crosswalk=(new if CROSSWALK in names else old).crosswalk)


def _calculate_answers(rule: Scheme, inputs: Inputs) -> dict[Key, Decimal]:
    """Calculate a rule with inputs, and return the answer of each year and code as a decimal."""
    _refuse_missing_columns(rule, inputs)
    rows = calculate(rule, inputs).rows.select(*KEYS, rule.result)
    return {(year, code): exact(value) for year, code, value in rows.iter_rows()}


def _mixed_table(old: pl.DataFrame, new: pl.DataFrame, changed: set[str], shared: set[str]) -> pl.DataFrame:
    """Return the old table with the changed columns of the new one.

    A column that only one rule uses comes from the table that has it, first the old one. A column of both rules that
    its own table lacks is left out.

    Args:
        old: The old table.
        new: The new table, with the same rows.
        changed: Names of the columns to take from the new table.
        shared: Names of the columns that both rules use.
    """
    columns = []
    for name in dict.fromkeys((*old.columns, *new.columns)):
        side = new if name in changed else old
        if name not in shared and name not in side.columns:
            side = new
        if name in side.columns:
            columns.append(side[name])
    return pl.DataFrame(columns)


def _refuse_missing_columns(rule: Scheme, inputs: Inputs) -> None:
    """Refuse inputs that do not have the columns that a rule needs.

    Raises:
        CalculationError: A column is missing, or has blanks that the rule does not allow.
    """
    required = [symbol.name for symbol in rule.inputs if not symbol.optional]
    for name, (year, table) in product(required, inputs.tables.items()):
        if name not in table.columns:
            raise CalculationError(f"the rule {rule.name} needs the column {name}, which the data do not have")
        if table[name].null_count():
            raise CalculationError(f"the rule {rule.name} needs a value in every cell of {name} in {year}")
