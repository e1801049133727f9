"""Why each row changed: data, parameters, formula, rounding, and what was typed over, adding up to the penny.

The method is sequential. From the old result on, one thing after another is made as in the new one: the
data, the parameters in the order of the old rule, the formula; what each adds to those before it is its
contribution, worked out without rounding and then rounded to the penny. Rounding takes the rest, so that
the sum is exact. Beside it stands what each does alone, changed from the old result by itself.
"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from gpit_fairshare.comparison.definition import steps_changed
from gpit_fairshare.comparison.model import Cause, Change, Key, Kind, Side
from gpit_fairshare.comparison.states import (
    CROSSWALK,
    DATA,
    FORMULA,
    Factor,
    States,
    differing_columns,
    same_organisations,
    same_rule,
)
from gpit_fairshare.comparison.words import NOTHING, less, quantum, total
from gpit_fairshare.errors import CalculationError
from gpit_fairshare.numbers import exact, parameter_values, rounded_to
from gpit_fairshare.words import counted, listed

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from gpit_fairshare.engine import Result
    from gpit_fairshare.scheme.model import Parameter

EVERYTHING: Final = "everything"

Answers = dict[tuple[str, str], Decimal]
"""An amount for each year and code."""


def causes_of(old: Side, new: Side, changes: Sequence[Change]) -> tuple[tuple[Cause, ...], str]:
    """Return the causes in their order, and why there are none, if so."""
    before, after = old.result, new.result
    if before is None or after is None:
        return (), old.fault or new.fault
    if not changes:
        return (), ""
    off = [_typed_over(old), _typed_over(new)]
    typed = {one.key: less(off[1].get(one.key, NOTHING), off[0].get(one.key, NOTHING)) for one in changes}
    rest = {one.key: less(one.change, typed[one.key]) for one in changes}
    found = _between(before, after, rest)
    if any(typed.values()):
        found.append(Cause("typed_over", "typed over", "typed over", typed, None, _whose(off, (old, new))))
    return tuple(found), ""


def _typed_over(side: Side) -> Answers:
    """Return by how much the answers of a file are off what its own rule gives; nothing for a run."""
    return {
        (figure.year, code): less(exact(figure.found), exact(figure.expected))
        for figure in side.off_rule
        if figure.name == side.record.answer
        for code in figure.codes
    }


def _whose(off: Sequence[Answers], sides: Sequence[Side]) -> str:
    """Say in which file figures were typed over."""
    places = [
        f"{len(one):,} in {word}, {side.name}"
        for one, side, word in zip(off, sides, ("OLD", "NEW"), strict=True)
        if one
    ]
    return f"figures that the rule in their own file does not give: {'; '.join(places)}"


def _between(old: Result, new: Result, rest: Mapping[Key, Decimal]) -> list[Cause]:
    """Return what is behind the changes from one result to the other, each as its own rule gives it."""
    if old.scheme.years != new.scheme.years:
        years = (", ".join(one.scheme.years) for one in (old, new))
        said = "the years differ: {} and {}".format(*years)
        return [Cause(EVERYTHING, "together", EVERYTHING, rest, rest, said)]
    factors, states = factors_of(old, new), States(old, new)
    if not factors:
        return [_rounding(rest, [])]
    unit = quantum(new.scheme.symbols[new.scheme.result].unit)
    try:
        start, finish = states.end(0), states.end(1)
    except CalculationError as fault:
        said = f"without rounding it cannot be worked out: {fault}"
        return [Cause(EVERYTHING, "together", EVERYTHING, rest, rest, said)]
    found: list[Cause] = []
    waiting: list[Factor] = []
    why: list[str] = []
    here = start
    for count, factor in enumerate(factors, 1):
        waiting.append(factor)
        try:
            there = finish if count == len(factors) else states.answers(factors[:count])
        except CalculationError as fault:
            why.append(str(fault))
            continue
        amounts = _steps(here, there, rest, unit)
        alone, no_alone = (amounts, "") if not found else _alone(states, waiting, start, rest, unit)
        cause = _cause(waiting, amounts, alone, why, everything=len(waiting) == len(factors))
        found.append(replace(cause, no_alone=no_alone))
        here, waiting, why = there, [], []
    return [*found, _rounding(rest, found)]


def _steps(before: Answers, after: Answers, keys: Iterable[Key], unit: Decimal) -> Answers:
    """Return what each row gains between two states, to the penny."""
    return {key: rounded_to(less(after.get(key, NOTHING), before.get(key, NOTHING)), unit) for key in keys}


def _alone(
    states: States, factors: Sequence[Factor], start: Answers, keys: Iterable[Key], unit: Decimal
) -> tuple[Answers | None, str]:
    """Return what factors do by themselves; None, and why, where that cannot be worked out."""
    try:
        return _steps(start, states.answers(factors), keys, unit), ""
    except CalculationError as fault:
        return None, str(fault)


def _cause(
    factors: Sequence[Factor], amounts: Answers, alone: Answers | None, why: Sequence[str], *, everything: bool
) -> Cause:
    said = "; ".join(one.said for one in factors if one.said)
    if len(factors) == 1:
        (one,) = factors
        kind: Kind = "parameter" if one.kind == "parameter" else "formula" if one.name == FORMULA else "data"
        return Cause(one.name, kind, one.label, amounts, alone, said)
    said = f"cannot be told apart, since {why[0]}"
    if everything:
        return Cause(EVERYTHING, "together", EVERYTHING, amounts, alone, said)
    names, labels = ([getattr(one, what) for one in factors] for what in ("name", "label"))
    return Cause("_and_".join(names), "together", f"{listed(labels)} together", amounts, alone, said)


def _rounding(rest: Mapping[Key, Decimal], found: Sequence[Cause]) -> Cause:
    """Return what is left of each row's change: pounds that rounding gave to others, and parts of a penny."""
    amounts = {key: less(change, total(one.amounts[key] for one in found)) for key, change in rest.items()}
    said = "whole units that rounding gives to others, and parts of a penny"
    return Cause("rounding", "rounding", "rounding", amounts, None, said)


def factors_of(old: Result, new: Result) -> list[Factor]:
    """Return what differs between two results of the same years: data, parameters in the old rule's order, formula."""
    factors: list[Factor] = []
    if same_organisations(old.inputs, new.inputs):
        labels = {**old.scheme.labels, **new.scheme.labels}
        factors += [
            Factor(f"data_{name}", "column", name, labels.get(name, name), _column_said(old, new, name))
            for name in differing_columns(old, new)
        ]
        if old.inputs.crosswalk.added() != new.inputs.crosswalk.added():
            factors.append(Factor(CROSSWALK, "other", CROSSWALK, "Crosswalk"))
    else:
        factors.append(Factor(DATA, "other", DATA, "Organisations and data"))
    for name, here in old.scheme.parameters.items():
        there = new.scheme.parameters.get(name)
        if there and any(here.values[year].value != there.values[year].value for year in old.scheme.years):
            factors.append(Factor(f"parameter_{name}", "parameter", name, there.label, _values_said(here, there)))
    if not same_rule(old.scheme, new.scheme):
        factors.append(Factor(FORMULA, "other", FORMULA, "Formula", _formula_said(old, new)))
    return factors


def _column_said(old: Result, new: Result, name: str) -> str:
    """Say in how many rows a column of the inputs differs."""
    rows = 0
    for here, there in zip(old.inputs.tables.values(), new.inputs.tables.values(), strict=True):
        cells = [one[name].to_list() if name in one.columns else [None] * one.height for one in (here, there)]
        rows += sum(one != other for one, other in zip(*cells, strict=True))
    return f"{counted(rows, 'row')} differ" + ("s" if rows == 1 else "")


def _values_said(old: Parameter, new: Parameter) -> str:
    """Say how the values of a parameter changed, once for all years where they changed alike."""
    texts = {
        year: " → ".join(parameter_values(one.value, new.values[year].value, (old.unit, new.unit)))
        for year, one in old.values.items()
        if one.value != new.values[year].value
    }
    if len(set(texts.values())) == 1 and len(texts) == len(old.values):
        return next(iter(texts.values()))
    return "; ".join(f"{year}: {text}" for year, text in texts.items())


def _formula_said(old: Result, new: Result) -> str:
    """Say how many steps have another formula, are new, or gone."""
    kinds = [one.what for one in steps_changed(old.scheme, new.scheme)]
    words = {"formula changed": "changed", "step added": "added", "step removed": "removed"}
    counts = [f"{counted(kinds.count(what), 'step')} {word}" for what, word in words.items() if what in kinds]
    return ", ".join(counts) or "the steps stand in another order"
