"""The figures that a sweep keeps of each scenario and year: money, outcomes, gains and losses, £ per head."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from gpit_fairshare.engine.batches.kernels import exact_totals
from gpit_fairshare.engine.measures import (
    BASELINE,
    NO_CHANGE,
    PEOPLE,
    left_over_by_group,
    rounding_step,
    rounding_within_groups,
)
from gpit_fairshare.language import tree
from gpit_fairshare.language.kinds import NATIONAL, ORGANISATION
from gpit_fairshare.words import is_money

if TYPE_CHECKING:
    from gpit_fairshare.engine.batches.batch_year import BatchYear
    from gpit_fairshare.language.in_numpy import Array
    from gpit_fairshare.scheme.model import Scheme

ALLOCATED: Final = "allocated"
UNSPENT: Final = "unspent"
COUNTS: Final = ("gain", "lose")
"""Figures that are numbers of organisations, besides those of outcomes."""
LARGEST_LOSS_ROW: Final = "largest_loss_row"
OUTCOME: Final = "outcome: "
"""The start of the name of a column with the number of organisations that have an outcome."""
FAILS: Final = "check fails: "
"""The start of the name of a column that has 1 where a check fails, and 0 where it is true."""
COLUMNS: Final = frozenset(
    {
        *("scenario", "name", "formula", "transition", "year", "impossible"),
        *(ALLOCATED, UNSPENT, *COUNTS, "largest_loss", LARGEST_LOSS_ROW, "largest_loss_code"),
        *("lowest_per_head", "highest_per_head", "org_code", "org_name", "base", "difference"),
    }
)
"""Names of columns that tables of a sweep have of their own."""


def step_column(name: str) -> str:
    """Return the name of a step's column in a table of a sweep: `step: lose`, because the table has its own `lose`."""
    return f"step: {name}" if name in COLUMNS else name


def parameter_column(name: str) -> str:
    """Return the name of the column of a parameter that varies, as `step_column` does for a step."""
    return f"parameter: {name}" if name in COLUMNS else name


def figures_of(year: BatchYear) -> dict[str, Array]:
    """Return the figures of a year of a batch by name, (scenarios or 1,); those of impossible scenarios are noise.

    They are `allocated` (the total of the result) and `unspent` in £; the number of organisations that `gain` and
    `lose` £1 or more on historic spend, `largest_loss` in £ and the row of the organisation that has it; the number
    with each outcome; `lowest_per_head` and `highest_per_head` in £ per registered patient; and each step with one
    national value, with the name that `step_column` gives; and 1 or 0 for a check that fails in any scenario of the
    batch. What the inputs do not allow is left out.
    """
    scheme = year.scheme
    result = year.on_all_rows(year.column(scheme.result, ORGANISATION)[0], ORGANISATION)
    figures = {ALLOCATED: exact_totals(result)}
    if is_money(scheme.symbols[scheme.result].unit):
        if scheme.money.unspent:
            figures[UNSPENT] = sum((unspent_of(year, name) for name in scheme.money.unspent), start=np.zeros(1))
        figures |= _changes(year, result)
    figures |= _outcomes(year, scheme)
    for step in scheme.steps:
        if step.kind == NATIONAL and step.type == "number":
            figures[step_column(step.name)] = year.column(step.name, NATIONAL)[0][:, 0]
    for check in scheme.checks:
        known = year.shared.checks.get(check.where)
        is_true = year.checks[check.where] if known is None else np.array([known.holds])
        if not is_true.all():
            figures[f"{FAILS}{check.name}"] = ~is_true
    return figures


def unspent_of(year: BatchYear, name: str) -> Array:
    """Return the unspent money of a step in £, after rounding where the shares are rounded."""
    scheme, steps = year.scheme, {step.name: step for step in year.scheme.steps}
    step = steps.get(name)
    if step is None or not isinstance(step.tree, tree.ShareOut):
        return year.totals(name)[:, 0]
    if name not in year.unspent:
        return np.array([float(sum(left_over_by_group(scheme, year.shared.now, name)))])
    left, rounding = year.unspent[name], rounding_step(scheme, name)
    if rounding and rounding_within_groups(scheme, step):
        # Where money is left over, everybody has the most, and rounding keeps the total of that.
        paid = year.totals(rounding.name, step.tree.within)
        left = np.where(left > 0, np.maximum(0.0, year.amounts[name] - paid), left)
    return exact_totals(left)


def _changes(year: BatchYear, result: Array) -> dict[str, Array]:
    """Return gains and losses on historic spend, and the spread of £ per head, where the inputs allow them."""
    figures: dict[str, Array] = {}
    inputs = {}
    for name in (BASELINE, PEOPLE):
        if name in year.shared.now.organisations.columns:
            values, given = year.column(name, ORGANISATION)
            if given is None:
                inputs[name] = values
    if BASELINE in inputs:
        changes = result - inputs[BASELINE]
        rows = np.arange(len(changes))
        worst = changes.argmin(axis=1)
        figures |= {
            "gain": (changes >= NO_CHANGE).sum(axis=1),
            "lose": (changes <= -NO_CHANGE).sum(axis=1),
            "largest_loss": np.maximum(0.0, -changes[rows, worst]),
            LARGEST_LOSS_ROW: np.where(changes[rows, worst] < 0, worst, np.nan),
        }
    if PEOPLE in inputs:
        people = inputs[PEOPLE]
        with np.errstate(divide="ignore", invalid="ignore"):
            rates = result / people
            if not (people > 0).all():
                rates = np.where(people > 0, rates, np.nan)
        if np.isfinite(rates).any():
            # Unlike those of nanmin and nanmax, the results are NaN without a warning for scenarios without any.
            ends = {"lowest_per_head": np.fmin, "highest_per_head": np.fmax}
            figures |= {name: end.reduce(rates, axis=1) for name, end in ends.items()}
    return figures


def _outcomes(year: BatchYear, scheme: Scheme) -> dict[str, Array]:
    """Return the number of organisations with each outcome, the first that is true."""
    taken = np.zeros((1, 1), dtype=bool)
    counts = {}
    for outcome in scheme.outcomes:
        is_true = year.outcomes[outcome.where] if outcome.where in year.outcomes else year.shared.is_true[outcome.where]
        counts[f"{OUTCOME}{outcome.label}"] = year.on_all_rows(is_true & ~taken, ORGANISATION).sum(
            axis=1, dtype=np.int32
        )
        taken = taken | is_true
    return counts
