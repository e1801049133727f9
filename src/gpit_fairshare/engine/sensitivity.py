"""The effect of each assumption: the run again, with 90% and with 110% of its value.

The Aqua Book asks for an assumptions log with the effect of each entry. Only numbers are changed, and never beyond
their minimum or maximum. An effect that cannot be calculated says why.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from gpit_fairshare.engine import Result, Sensitivity
from gpit_fairshare.engine.measures import NO_CHANGE
from gpit_fairshare.language import tree
from gpit_fairshare.language.kinds import ORGANISATION
from gpit_fairshare.numbers import money, parameter_value, plain_number
from gpit_fairshare.scheme.written_numbers import number
from gpit_fairshare.words import counted, inside, joined

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gpit_fairshare.engine.batches.batch import Batch
    from gpit_fairshare.engine.batches.batch_year import BatchYear
    from gpit_fairshare.scheme.model import Assumption, Parameter, Scheme

TENTH: Final = 0.1
MOST_ROWS: Final = 2_000
"""Most rows of organisations and years: with more, it takes too long."""
MOST_ASSUMPTIONS: Final = 24
"""Most assumptions, for the same reason: an index has a weight for each of its indicators."""


def sensitivities(result: Result) -> tuple[Sensitivity, ...]:
    """Return two effects, at 90% and at 110% of its value, for every assumption that is a number.

    An effect is the change of the total of all allocations over all years, and the number of organisations whose
    allocation moves by £1 or more in any year. If the value cannot be changed, or the run fails, the effect has no
    figures and says why. There are no effects if they would be too many, or over too many rows.
    """
    movable = [assumption for assumption in result.scheme.assumptions if assumption.parameter]
    if result.rows.height > MOST_ROWS or len(movable) > MOST_ASSUMPTIONS:
        return ()
    pairs = [(assumption, change) for assumption in movable for change in (-TENTH, TENTH)]
    effects = [_without_figures(result.scheme, assumption, change) for assumption, change in pairs]
    moved = [
        _moved_parameter(result.scheme, assumption, change)
        for (assumption, change), effect in zip(pairs, effects, strict=True)
        if effect is None
    ]
    calculated = iter(_effects_of(result, moved) if moved else ())
    return tuple(
        effect or Sensitivity(assumption.number, change, *next(calculated))
        for (assumption, change), effect in zip(pairs, effects, strict=True)
    )


def _without_figures(scheme: Scheme, assumption: Assumption, change: float) -> Sensitivity | None:
    """Return the effect of an assumption whose value cannot be changed, which says why; None if it can be changed."""
    if _is_switch(scheme, assumption.parameter):
        return Sensitivity(assumption.number, change, None, None, "other values were not tried: it is a switch")
    moved = _moved_parameter(scheme, assumption, change)
    if moved != scheme.parameters[assumption.parameter]:
        return None
    values = [moved.values[year].value for year in assumption.years]
    if not any(values):
        return Sensitivity(assumption.number, change, None, None, "other values were not tried: the value is 0")
    direction, side = ("lower", "lowest") if values[0] * change < 0 else ("higher", "highest")
    limit = parameter_value(values[0], moved.unit)
    reason = f"a {direction} value was not tried: {limit} is the {side} allowed"
    return Sensitivity(assumption.number, change, None, None, reason)


def _effects_of(result: Result, moved: Sequence[Parameter]) -> list[tuple[float | None, int | None, str]]:
    """Return for each moved parameter the change of the total, how many organisations it moves, and why there is none.

    All are scenarios of one batch, without outcomes, which no effect has.
    """
    # NumPy loads only where it is needed: that takes 30 ms.
    import numpy as np  # noqa: PLC0415

    from gpit_fairshare.engine.batches.running import run_scenarios  # noqa: PLC0415

    scheme = replace(result.scheme, outcomes=())
    varied = {}
    for name in dict.fromkeys(parameter.name for parameter in moved):
        for year, own in scheme.parameters[name].values.items():
            values = [parameter.values[year].value if parameter.name == name else own.value for parameter in moved]
            if any(value != own.value for value in values):
                varied[name, year] = np.array(values)
    differences: list[list[float]] = [[] for _ in moved]

    def take(places: slice, years: list[BatchYear], batch: Batch) -> None:
        for year in years:
            before = result.years[year.shared.year].organisations[scheme.result].to_numpy()
            change = year.column(scheme.result, ORGANISATION)[0] - before
            for scenario, row in enumerate(np.broadcast_to(change, (batch.count, len(before))).tolist(), places.start):
                differences[scenario] += row

    runs = run_scenarios(scheme, result.inputs, varied, len(moved), {}, take)
    codes = result.rows["org_code"].to_list()
    effects: list[tuple[float | None, int | None, str]] = []
    for scenario, of_scenario in enumerate(differences):
        if scenario in runs.impossible:
            effects.append((None, None, f"no result: {runs.impossible[scenario].reason}"))
            continue
        pairs = zip(codes, of_scenario, strict=True)
        changed = {code for code, difference in pairs if abs(difference) >= NO_CHANGE}
        effects.append((math.fsum(of_scenario), len(changed), ""))
    return effects


def value_tried(scheme: Scheme, effect: Sensitivity) -> str:
    """Return the value that an effect was calculated with, such as `£126,000,000`; empty if no other was tried."""
    assumption = next(assumption for assumption in scheme.assumptions if assumption.number == effect.assumption)
    moved = _moved_parameter(scheme, assumption, effect.change)
    texts = [parameter_value(moved.values[year].value, moved.unit) for year in assumption.years]
    return "" if moved == scheme.parameters[assumption.parameter] else joined(list(dict.fromkeys(texts)))


def outcome_in_words(scheme: Scheme, effect: Sensitivity) -> str:
    """Return how far the result moves, as `total allocation falls by £5, 2 CCGs affected`, or why that is not known.

    A change that would be written as £0 leaves the total the same.
    """
    if effect.total is None or effect.organisations is None:
        return effect.said
    if not effect.organisations:
        return "no allocation changes"
    write = money if scheme.symbols[scheme.result].unit == "£" else plain_number
    size, direction = write(abs(effect.total)), "falls" if effect.total < 0 else "rises"
    total = f"total {inside(scheme.labels[scheme.result])} "
    total += f"{direction} by {size}" if size != write(0.0) else "stays the same"
    return f"{total}, {counted(effect.organisations, scheme.organisation)} affected"


def _is_switch(scheme: Scheme, parameter: str) -> bool:
    """Return whether a check that stops allows a parameter certain values only, such as 0 and 1."""
    return any(
        {name for name, _ in tree.names_in(check.tree)} == {parameter}
        and {node.relation for node in tree.walk(check.tree) if isinstance(node, tree.ComparisonOperation)} == {"=="}
        for check in scheme.checks
        if check.stops
    )


def _moved_parameter(scheme: Scheme, assumption: Assumption, change: float) -> Parameter:
    """Return the parameter of an assumption, its values multiplied by 1 + `change`, within its minimum and maximum.

    A switch keeps its value.
    """
    parameter = scheme.parameters[assumption.parameter]
    values = dict(parameter.values)
    for year in () if _is_switch(scheme, assumption.parameter) else assumption.years:
        moved = values[year].value * (1 + change)
        for bound, tighter in ((parameter.minimum, max), (parameter.maximum, min)):
            if bound:
                other = scheme.parameters.get(bound)
                moved = tighter(moved, other.values[year].value if other else number(bound))
        values[year] = replace(values[year], value=moved)
    return replace(parameter, values=values)
