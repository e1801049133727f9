"""What stands between two results: what differs, and one rule, one set of values and one of inputs partly from each.

Every state is worked out without rounding: a pound that goes to somebody else because a remainder changed is
no effect of a parameter.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from operator import ne
from typing import TYPE_CHECKING, Final

import polars as pl

from gpit_fairshare.comparison.definition import by_year, steps_changed
from gpit_fairshare.comparison.model import Driver, Key
from gpit_fairshare.engine import Result, calculate
from gpit_fairshare.errors import CalculationError
from gpit_fairshare.language import tree as t
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
    """Return the rule with no step and no formula that rounds, and no checks: these speak of rounded figures."""

    def without(tree: t.Expression) -> t.Expression:
        match tree:
            case t.Rounded(of):
                return of
            case t.Call("round", (value, _)):
                return value
            case _:
                return tree

    trees = [t.rebuilt(step.tree, without) for step in scheme.steps]
    steps = tuple(
        replace(step, tree=tree, formula=t.to_text(tree)) for step, tree in zip(scheme.steps, trees, strict=True)
    )
    return replace(scheme, steps=steps, checks=())


def factors_of(old: Result, new: Result) -> list[Driver]:
    """Return what differs between two results of the same years: data, parameters in the old rule's order, formula."""
    factors: list[Driver] = []
    if same_organisations(old.inputs, new.inputs):
        labels = {**old.scheme.labels, **new.scheme.labels}
        for name, rows in differing_rows(old, new).items():
            said = f"{counted(rows, 'row')} differ{'s' if rows == 1 else ''}"
            factors.append(Driver(f"data_{name}", "data", labels.get(name, name), said, name))
        if old.inputs.crosswalk.added() != new.inputs.crosswalk.added():
            factors.append(Driver(CROSSWALK, "data", "Crosswalk"))
    else:
        factors.append(Driver(DATA, "data", "Organisations and data"))
    for name, here in old.scheme.parameters.items():
        there = new.scheme.parameters.get(name)
        if there and any(here.values[year].value != there.values[year].value for year in old.scheme.years):
            factors.append(Driver(f"parameter_{name}", "parameter", there.label, _values_said(here, there), name))
    if not same_rule(old.scheme, new.scheme):
        factors.append(Driver("formula", "formula", "Formula", _formula_said(old, new)))
    return factors


def _values_said(old: Parameter, new: Parameter) -> str:
    """Say how the values of a parameter changed, once for all years where they changed alike."""
    texts = {
        year: " → ".join(parameter_values(one.value, new.values[year].value, (old.unit, new.unit)))
        for year, one in old.values.items()
        if one.value != new.values[year].value
    }
    return by_year(texts, old.values)


def _formula_said(old: Result, new: Result) -> str:
    """Say how many steps have another formula, are new, or gone."""
    kinds = [one.what for one in steps_changed(old.scheme, new.scheme)]
    counts = [
        f"{counted(kinds.count(what), 'step')} {what.split()[1]}"
        for what in ("formula changed", "step added", "step removed")
        if what in kinds
    ]
    return ", ".join(counts) or "the steps stand in another order"


def same_rule(old: Scheme, new: Scheme) -> bool:
    """Say whether two schemes have the same steps, in the same order, and the same answer."""
    formulas = [[(step.name, t.to_text(step.tree)) for step in scheme.steps] for scheme in (old, new)]
    return old.result == new.result and formulas[0] == formulas[1]


def same_organisations(old: Inputs, new: Inputs) -> bool:
    """Say whether the inputs have the same organisations in the same years, and columns of the same types."""
    return list(old.tables) == list(new.tables) and all(
        here["org_code"].to_list() == there["org_code"].to_list()
        and all(here[name].dtype == there[name].dtype for name in here.columns if name in there.columns)
        for here, there in zip(old.tables.values(), new.tables.values(), strict=True)
    )


def differing_rows(old: Result, new: Result) -> dict[str, int]:
    """Return in how many rows each column differs that both rules use, in the order of first use; none with no row."""
    names = {symbol.name for symbol in new.scheme.inputs} - {"org_code"}
    counts = {symbol.name: 0 for symbol in old.scheme.inputs if symbol.name in names}
    for here, there in zip(old.inputs.tables.values(), new.inputs.tables.values(), strict=True):
        for name in counts:
            counts[name] += sum(map(ne, _values(here, name), _values(there, name)))
    return {name: count for name, count in counts.items() if count}


def _values(table: pl.DataFrame, name: str) -> list[object]:
    return table[name].to_list() if name in table.columns else [None] * table.height


class States:
    """The states between two results; each is named by the factors that are as in the new one."""

    def __init__(self, old: Result, new: Result) -> None:
        self.ends = (old, new)
        self.rules = (unrounded(old.scheme), unrounded(new.scheme))

    def answers(self, factors: Collection[Driver]) -> dict[Key, Decimal]:
        """Return the answer of each row when these factors, and no others, are as in the new result.

        Raises:
            GpitError: That cannot be worked out.
        """
        return _answers(self.rule(factors), self.inputs(factors))

    def end(self, number: int) -> dict[Key, Decimal]:
        """Return the answers of the old (0) or the new (1) result itself, but for rounding.

        Raises:
            GpitError: The rule cannot be worked out without rounding.
        """
        return _answers(self.rules[number], self.ends[number].inputs)

    def rule(self, factors: Collection[Driver]) -> Scheme:
        """Return the old rule, or the new one, with the old values of all parameters but those of the factors."""
        changed = {factor.of for factor in factors if factor.kind == "parameter"}
        old, new = self.rules
        rule = new if any(factor.kind == "formula" for factor in factors) else old
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

    def inputs(self, factors: Collection[Driver]) -> Inputs:
        """Return the old inputs, with the columns of the factors as the new ones have them."""
        old, new = (end.inputs for end in self.ends)
        names = {factor.name for factor in factors}
        if DATA in names:
            return new
        if not same_organisations(old, new):
            return old
        changed = {factor.of for factor in factors if factor.kind == "data"}
        # The columns that both rules use: each is as in the old result until it is changed.
        shared = set.intersection(*({symbol.name for symbol in rule.inputs} for rule in self.rules))
        tables = {
            year: _mixed(here, there, changed, shared)
            for (year, here), there in zip(old.tables.items(), new.tables.values(), strict=True)
        }
        return replace(old, tables=tables, crosswalk=(new if CROSSWALK in names else old).crosswalk)


def _answers(rule: Scheme, inputs: Inputs) -> dict[Key, Decimal]:
    _refuse_lacking(rule, inputs)
    rows = calculate(rule, inputs).rows.select(*KEYS, rule.result)
    return {(year, code): exact(value) for year, code, value in rows.iter_rows()}


def _mixed(old: pl.DataFrame, new: pl.DataFrame, changed: set[str], shared: set[str]) -> pl.DataFrame:
    """Return the old table with some columns of the new one; what only one of the rules uses is there as it has it."""
    columns = []
    for name in dict.fromkeys((*old.columns, *new.columns)):
        side = new if name in changed else old
        if name not in shared and name not in side.columns:
            side = new
        if name in side.columns:
            columns.append(side[name])
    return pl.DataFrame(columns)


def _refuse_lacking(rule: Scheme, inputs: Inputs) -> None:
    """Refuse inputs that lack what a rule uses.

    Raises:
        CalculationError: A column is not there, or has blanks that the rule does not allow.
    """
    required = [symbol.name for symbol in rule.inputs if not symbol.optional]
    for name, (year, table) in product(required, inputs.tables.items()):
        if name not in table.columns:
            raise CalculationError(f"the rule {rule.name} needs the column {name}, which the data lack")
        if table[name].null_count():
            raise CalculationError(f"the rule {rule.name} needs every cell of {name} in {year}")
