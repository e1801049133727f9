"""Why each row changed: data, parameters, formula, rounding, and what was typed over, adding up to the penny.

The method is sequential. From the old result on, one thing after another is made as in the new one: the
data, the parameters in the order of the old rule, the formula; what each adds to those before it is its
contribution, worked out without rounding and then rounded to the penny. Rounding takes the rest, so that
the sum is exact. Beside it stands what each does alone, changed from the old result by itself.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Final

from gpit_fairshare.comparison.model import NOTHING, Cause, Driver, Key, RowChange, Side, less, quantum, total
from gpit_fairshare.comparison.states import States, factors_of
from gpit_fairshare.errors import GpitError
from gpit_fairshare.numbers import exact, rounded_to
from gpit_fairshare.words import listed

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from gpit_fairshare.engine import Result

EVERYTHING: Final = "everything"

Answers = dict[tuple[str, str], Decimal]
"""An amount for each year and code."""


def causes_of(old: Side, new: Side, changes: Sequence[RowChange]) -> tuple[tuple[Cause, ...], str]:
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
        found.append(Cause("typed_over", "typed over", "typed over", _whose(off, (old, new)), amounts=typed))
    return tuple(found), ""


def _typed_over(side: Side) -> Answers:
    """Return by how much the answers of a file are off what its own rule gives; nothing for a run."""
    return {
        (figure.year, code): less(exact(figure.actual), exact(figure.expected))
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
        years = (", ".join(result.scheme.years) for result in (old, new))
        return [_everything("the years differ: {} and {}".format(*years), rest)]
    factors, states = factors_of(old, new), States(old, new)
    if not factors:
        return [_rounding(rest, [])]
    unit = quantum(new.scheme.symbols[new.scheme.result].unit)
    try:
        start, finish = states.end(0), states.end(1)
    except GpitError as fault:
        return [_everything(f"without rounding it cannot be worked out: {fault}", rest)]
    causes: list[Cause] = []
    waiting: list[Driver] = []
    why: list[str] = []
    here = start
    for count, factor in enumerate(factors, 1):
        waiting.append(factor)
        try:
            there = finish if count == len(factors) else states.answers(factors[:count])
        except GpitError as fault:
            why.append(str(fault))
            continue
        amounts = _steps(here, there, rest, unit)
        alone: Answers | None = amounts
        no_alone = ""
        if causes:
            try:
                alone = _steps(start, states.answers(waiting), rest, unit)
            except GpitError as fault:
                alone, no_alone = None, str(fault)
        united = _united(waiting, why, everything=len(waiting) == len(factors))
        causes.append(Cause(**vars(united), amounts=amounts, alone=alone, no_alone=no_alone))
        here, waiting, why = there, [], []
    return [*causes, _rounding(rest, causes)]


def _everything(why: str, changes: Mapping[Key, Decimal]) -> Cause:
    """Return the one cause of changes that have none that can be told apart."""
    return Cause(EVERYTHING, "together", EVERYTHING, why, amounts=changes, alone=changes)


def _steps(before: Answers, after: Answers, keys: Iterable[Key], unit: Decimal) -> Answers:
    """Return what each row gains between two states, to the penny."""
    return {key: rounded_to(less(after.get(key, NOTHING), before.get(key, NOTHING)), unit) for key in keys}


def _united(factors: Sequence[Driver], why: Sequence[str], *, everything: bool) -> Driver:
    """Return several factors that cannot be told apart as one; a single factor as it is."""
    if len(factors) == 1:
        return factors[0]
    said = f"cannot be told apart, since {why[0]}"
    if everything:
        return Driver(EVERYTHING, "together", EVERYTHING, said)
    name = "_and_".join(factor.name for factor in factors)
    return Driver(name, "together", f"{listed([factor.label for factor in factors])} together", said)


def _rounding(rest: Mapping[Key, Decimal], causes: Sequence[Cause]) -> Cause:
    """Return what is left of each row's change: pounds that rounding gave to others, and parts of a penny."""
    amounts = {key: less(change, total(cause.amounts[key] for cause in causes)) for key, change in rest.items()}
    said = "whole units that rounding gives to others, and parts of a penny"
    return Cause("rounding", "rounding", "rounding", said, amounts=amounts)
