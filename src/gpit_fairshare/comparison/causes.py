"""Why each row changed: data, parameters, formula, rounding and figures changed by hand, adding up to the penny.

The method is sequential. Starting from the old result, one driver after another is changed to the new one: the
data, the parameters in the order of the old rule, the formula. What each adds to those before it is its
contribution, calculated without rounding and then rounded to the penny. Rounding takes the remainder, so that
the sum is exact. Each cause also has its effect alone: only that driver changed from the old result.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Final

from gpit_fairshare.comparison.counterfactuals import Counterfactuals, drivers_of
from gpit_fairshare.comparison.model import NOTHING, Cause, Driver, Key, RowChange, Side, less, quantum, total
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
    """Return the causes of the changes in their order, and the reason if a result cannot be calculated again.

    Figures changed by hand are the last cause; the other causes explain the rest of each change. Without changes there
    are neither causes nor a reason.
    """
    before, after = old.result, new.result
    if before is None or after is None:
        return (), old.fault or new.fault
    if not changes:
        return (), ""
    old_edits, new_edits = _changes_by_hand(old), _changes_by_hand(new)
    by_hand = {row.key: less(new_edits.get(row.key, NOTHING), old_edits.get(row.key, NOTHING)) for row in changes}
    calculated = {row.key: less(row.change, by_hand[row.key]) for row in changes}
    causes = _causes_between(before, after, calculated)
    if any(by_hand.values()):
        detail = _by_hand_detail((old_edits, new_edits), (old, new))
        causes.append(Cause("typed_over", "typed over", "changed by hand", detail, amounts=by_hand))
    return tuple(causes), ""


def _changes_by_hand(side: Side) -> Answers:
    """Return how far answers in a file are from what its own rule gives, by year and code; empty for a run.

    Only figures of the answer column count, above 0 where the file has more than the rule gives.
    """
    return {
        (figure.year, code): less(exact(figure.actual), exact(figure.expected))
        for figure in side.off_rule
        if figure.name == side.record.answer
        for code in figure.codes
    }


def _by_hand_detail(edits: Sequence[Answers], sides: Sequence[Side]) -> str:
    """Return a text that says which files have figures that were changed by hand, and how many.

    `edits` has those of the old and of the new side, in the order of `sides`.
    """
    places = [
        f"{len(answers):,} in {word}, {side.name}"
        for answers, side, word in zip(edits, sides, ("OLD", "NEW"), strict=True)
        if answers
    ]
    return f"figures that differ from the rule in their own file: {'; '.join(places)}"


def _causes_between(old: Result, new: Result, changes: Mapping[Key, Decimal]) -> list[Cause]:
    """Return the causes of the changes between the answers of two rules, by changing one driver after another.

    Each cause also has its effect alone, and rounding is the last one. Drivers without which no run can be calculated
    are united into one cause. If the years differ, or a result cannot be calculated without rounding, everything is one
    cause.
    """
    if old.scheme.years != new.scheme.years:
        years = (", ".join(result.scheme.years) for result in (old, new))
        return [_undivided_cause("the years differ: {} and {}".format(*years), changes)]
    drivers, counterfactuals = drivers_of(old, new), Counterfactuals(old, new)
    if not drivers:
        return [_rounding_cause(changes, [])]
    unit = quantum(new.scheme.symbols[new.scheme.result].unit)
    try:
        start, finish = counterfactuals.end_answers(0), counterfactuals.end_answers(1)
    except GpitError as fault:
        return [_undivided_cause(f"cannot be calculated without rounding: {fault}", changes)]
    causes: list[Cause] = []
    waiting: list[Driver] = []
    reasons: list[str] = []
    before = start
    for count, driver in enumerate(drivers, 1):
        waiting.append(driver)
        try:
            after = finish if count == len(drivers) else counterfactuals.answers(drivers[:count])
        except GpitError as fault:
            reasons.append(str(fault))
            continue
        amounts = _contributions(before, after, changes, unit)
        alone: Answers | None = amounts
        no_alone = ""
        if causes:
            try:
                alone = _contributions(start, counterfactuals.answers(waiting), changes, unit)
            except GpitError as fault:
                alone, no_alone = None, str(fault)
        united = _unite_drivers(waiting, reasons, everything=len(waiting) == len(drivers))
        causes.append(Cause(**vars(united), amounts=amounts, alone=alone, no_alone=no_alone))
        before, waiting, reasons = after, [], []
    return [*causes, _rounding_cause(changes, causes)]


def _undivided_cause(reason: str, changes: Mapping[Key, Decimal]) -> Cause:
    """Return one cause for all changes, used if causes cannot be separated."""
    return Cause(EVERYTHING, "together", EVERYTHING, reason, amounts=changes, alone=changes)


def _contributions(before: Answers, after: Answers, keys: Iterable[Key], unit: Decimal) -> Answers:
    """Return how much the answer of each row in `keys` changes between two runs, rounded to `unit`.

    A row that a run does not have counts as 0.
    """
    return {key: rounded_to(less(after.get(key, NOTHING), before.get(key, NOTHING)), unit) for key in keys}


def _unite_drivers(drivers: Sequence[Driver], reasons: Sequence[str], *, everything: bool) -> Driver:
    """Return several drivers that cannot be separated as one driver; a single driver is returned unchanged.

    Args:
        drivers: The drivers.
        reasons: Why runs with only some of them cannot be calculated; the first is shown.
        everything: Whether they are all the drivers, so that the name can be `everything`.
    """
    if len(drivers) == 1:
        return drivers[0]
    detail = f"cannot be separated: {reasons[0]}"
    if everything:
        return Driver(EVERYTHING, "together", EVERYTHING, detail)
    name = "_and_".join(driver.name for driver in drivers)
    return Driver(name, "together", f"{listed([driver.label for driver in drivers])} together", detail)


def _rounding_cause(changes: Mapping[Key, Decimal], causes: Sequence[Cause]) -> Cause:
    """Return the cause `rounding`: what the other causes leave of each row's change."""
    amounts = {key: less(change, total(cause.amounts[key] for cause in causes)) for key, change in changes.items()}
    detail = "the effect of rounding to whole units, and parts of a penny"
    return Cause("rounding", "rounding", "rounding", detail, amounts=amounts)
