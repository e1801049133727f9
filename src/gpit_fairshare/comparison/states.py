"""What stands between two results: one rule, one set of values and one set of inputs taken partly from each.

Every state is worked out without rounding: a pound that goes to somebody else because a remainder changed is
no effect of a parameter.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, Literal

import polars as pl

from gpit_fairshare.engine import Result, calculate
from gpit_fairshare.errors import CalculationError, GpitError
from gpit_fairshare.language import tree as t
from gpit_fairshare.numbers import exact

if TYPE_CHECKING:
    from collections.abc import Collection
    from decimal import Decimal

    from gpit_fairshare.comparison.model import Key
    from gpit_fairshare.inputs.model import Inputs
    from gpit_fairshare.scheme.model import Scheme

FORMULA: Final = "formula"
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


@dataclass(frozen=True)
class Factor:
    """One thing that changed: a column of the inputs, a parameter, the formula, or all data together."""

    name: str
    """Stable name of the cause."""
    kind: Literal["column", "parameter", "other"]
    of: str
    """The column or parameter; else the factor's name."""
    label: str
    said: str = ""


def same_rule(old: Scheme, new: Scheme) -> bool:
    """Say whether two schemes have the same steps, in the same order, and the same answer."""
    return old.result == new.result and [(one.name, t.to_text(one.tree)) for one in old.steps] == [
        (one.name, t.to_text(one.tree)) for one in new.steps
    ]


def same_organisations(old: Inputs, new: Inputs) -> bool:
    """Say whether the inputs have the same organisations in the same years, and columns of the same types."""
    if list(old.tables) != list(new.tables):
        return False
    for here, there in zip(old.tables.values(), new.tables.values(), strict=True):
        if here["org_code"].to_list() != there["org_code"].to_list():
            return False
        if any(here[name].dtype != there[name].dtype for name in here.columns if name in there.columns):
            return False
    return True


def differing_columns(old: Result, new: Result) -> list[str]:
    """Return the columns that both rules use and whose values differ, in the order of first use."""
    names = [one.name for one in new.scheme.inputs]
    shared = [one.name for one in old.scheme.inputs if one.name in names and one.name != "org_code"]
    return [
        name
        for name in shared
        if any(
            _values(here, name) != _values(there, name)
            for here, there in zip(old.inputs.tables.values(), new.inputs.tables.values(), strict=True)
        )
    ]


def _values(table: pl.DataFrame, name: str) -> list[object]:
    return table[name].to_list() if name in table.columns else [None] * table.height


class States:
    """The states between two results; each is named by the factors that are as in the new one."""

    def __init__(self, old: Result, new: Result) -> None:
        self.ends = (old, new)
        self.rules = (unrounded(old.scheme), unrounded(new.scheme))
        self._found: dict[frozenset[str], dict[Key, Decimal] | str] = {}

    def answers(self, factors: Collection[Factor]) -> dict[Key, Decimal]:
        """Return the answer of each row when these factors, and no others, are as in the new result.

        Raises:
            CalculationError: That cannot be worked out.
        """
        key = frozenset(one.name for one in factors)
        if key not in self._found:
            try:
                self._found[key] = self._answers(self.rule(factors), self.inputs(factors))
            except GpitError as fault:
                self._found[key] = str(fault)
        found = self._found[key]
        if isinstance(found, str):
            raise CalculationError(found)
        return found

    def end(self, number: int) -> dict[Key, Decimal]:
        """Return the answers of the old (0) or the new (1) result itself, but for rounding.

        Raises:
            CalculationError: The rule cannot be worked out without rounding.
        """
        try:
            return self._answers(self.rules[number], self.ends[number].inputs)
        except GpitError as fault:
            raise CalculationError(str(fault)) from None

    def rule(self, factors: Collection[Factor]) -> Scheme:
        """Return the old rule, or the new one, with the old values of all parameters but those of the factors."""
        changed = {one.of for one in factors if one.kind == "parameter"}
        old, new = self.rules
        rule = new if any(one.name == FORMULA for one in factors) else old
        shared = [name for name in old.parameters if name in new.parameters]
        values = {name: (new if name in changed else old).parameters[name].values for name in shared}
        parameters = {
            name: replace(one, values=values[name]) if name in values else one for name, one in rule.parameters.items()
        }
        return replace(rule, parameters=parameters)

    def inputs(self, factors: Collection[Factor]) -> Inputs:
        """Return the old inputs, with the columns of the factors as the new ones have them."""
        old, new = (end.inputs for end in self.ends)
        names = {one.name for one in factors}
        if DATA in names:
            return new
        if not same_organisations(old, new):
            return old
        changed = {one.of for one in factors if one.kind == "column"}
        tables = {
            year: _mixed(here, there, changed, self._own)
            for (year, here), there in zip(old.tables.items(), new.tables.values(), strict=True)
        }
        return replace(old, tables=tables, crosswalk=(new if CROSSWALK in names else old).crosswalk)

    @property
    def _own(self) -> set[str]:
        """Return the columns that both rules use: each is as in the old result until it is changed."""
        names = [{one.name for one in rule.inputs} for rule in self.rules]
        return names[0] & names[1]

    def _answers(self, rule: Scheme, inputs: Inputs) -> dict[Key, Decimal]:
        _needs(rule, inputs)
        found: dict[Key, Decimal] = {}
        for year, one in calculate(rule, inputs).years.items():
            frame = one.organisations.select("org_code", rule.result)
            found |= {(year, code): exact(value) for code, value in frame.iter_rows()}
        return found


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


def _needs(rule: Scheme, inputs: Inputs) -> None:
    """Refuse inputs that lack what a rule uses.

    Raises:
        CalculationError: A column is not there, or has blanks that the rule does not allow.
    """
    for symbol in rule.inputs:
        for year, table in inputs.tables.items():
            if symbol.optional:
                continue
            if symbol.name not in table.columns:
                raise CalculationError(f"the rule {rule.name} needs the column {symbol.name}, which the data lack")
            if table[symbol.name].null_count():
                raise CalculationError(f"the rule {rule.name} needs every cell of {symbol.name} in {year}")
