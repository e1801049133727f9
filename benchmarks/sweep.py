"""Ten thousand scenarios of England: as multiples of `allocate` in a loop, and of a closed form in NumPy.

A scheme is run with 100 budgets × 100 funds or floors, in both years. The loop is `allocate` in one process, without
the effects of assumptions; it is timed over a few runs. The closed form is what one would write by hand for that
scheme alone: plain floats, one stable argsort to round and one for the turning points of a floor and a ceiling, batches
of 500. It may be a pound off, because its sums have noise: how often it is, is printed. All are timed in turn in one
run; medians. Exit code 1 if a limit is missed. The peak of memory is that of this process, with all of them in it.
"""

from __future__ import annotations

import resource
import sys
from statistics import median
from time import perf_counter
from typing import TYPE_CHECKING

import numpy as np

from gpit_fairshare import allocate
from gpit_fairshare.sweeps.sweep import Sweep, sweep

if TYPE_CHECKING:
    from collections.abc import Callable

    from gpit_fairshare import Result

ROUNDS = 5
LOOP = 5
"""Runs of `allocate` that are timed in each round."""
BATCH = 500
LEAST_OF_LOOP, MOST_OF_CLOSED_FORM, MOST_MEMORY = 1000.0, 3.0, 300
BUDGETS = "revenue_budget=130000000:149800000:200000"
SCHEMES = {
    "gpit-2014-16": ({}, "transition_fund=15000000:24900000:100000"),
    "floor-and-ceiling": ({"transition": "floor-and-ceiling"}, "floor_growth=-15%:-5.1%:0.1%"),
}

Array = np.ndarray


def rounded(figures: Array) -> Array:
    """Return figures in whole pounds by largest remainder, in every row; ties go to the earlier column."""
    whole = np.floor(figures)
    remainders = np.round(figures - whole, 6)
    extra = np.nan_to_num(np.floor(np.round(remainders.sum(axis=1), 6) + 0.5)).astype(int)
    order = np.argsort(-remainders, axis=1, kind="stable")
    is_up = np.arange(figures.shape[1]) < extra[:, None]
    up = np.zeros_like(whole)
    np.put_along_axis(up, order, is_up.astype(float), axis=1)
    return whole + up


def above_average_cost(people: Array, spend: Array, budget: Array, fund: Array) -> list[Array]:
    """Return the allocations of both years of `gpit-2014-16`."""
    fair_share = rounded(budget * people / people.sum())
    is_above = spend / people > spend.sum() / people.sum() * (1 + 1e-12)
    years = []
    for share in (1.0, 0.5):
        need = np.where(is_above, share * np.maximum(0.0, spend - fair_share), 0.0)
        total = need.sum(axis=1, keepdims=True)
        support = np.where(total > fund, fund * need / np.where(total > 0, total, 1.0), need)
        years.append(fair_share + rounded(support))
    return years


def floor_and_ceiling(people: Array, spend: Array, budget: Array, floor_growth: Array) -> list[Array]:
    """Return the allocations of both years; NaN where floors cost more than the budget."""
    fair_share = rounded(budget * people / people.sum())
    before, years = np.broadcast_to(spend, fair_share.shape), []
    for _ in range(2):
        floor = before * (1 + floor_growth)
        limit = np.where(before > 0, before * 1.2, fair_share)
        ceiling = np.minimum(limit, np.maximum(floor, fair_share))
        gain = np.maximum(0.0, fair_share - floor)
        room = np.maximum(0.0, ceiling - floor)
        with np.errstate(all="ignore"):
            turn = np.where(gain > 0, room / gain, np.inf)
            order = np.argsort(turn, axis=1, kind="stable")
            turns, rooms, gains = (np.take_along_axis(column, order, axis=1) for column in (turn, room, gain))
            to_share = (budget - floor.sum(axis=1, keepdims=True))[:, 0]
            full = np.cumsum(rooms, axis=1)
            rest = gains.sum(axis=1, keepdims=True) - np.cumsum(gains, axis=1)
            spent = np.where(np.isinf(turns), np.inf, full + rest * turns)
            place = (spent < to_share[:, None]).sum(axis=1)
            last = full.shape[1] - 1
            rows = np.arange(len(full))
            earlier = np.where(place > 0, full[rows, np.minimum(place, last + 1) - 1], 0.0)
            slope = np.where(place > 0, rest[rows, np.minimum(place, last + 1) - 1], gains.sum(axis=1))
            factor = np.where(place > last, np.inf, (to_share - earlier) / slope)[:, None]
            allocation = np.clip(floor + factor * gain, floor, ceiling)
        allocation = np.where(gain > 0, allocation, floor)
        allocation[to_share < 0] = np.nan
        before = rounded(allocation)
        years.append(before)
    return years


def in_batches(form: Callable[..., list[Array]], people: Array, spend: Array, columns: list[Array]) -> list[Array]:
    """Return the allocations of both years of all scenarios."""
    number = len(columns[0])
    kept = [np.empty((number, len(people))) for _ in range(2)]
    for start in range(0, number, BATCH):
        places = slice(start, start + BATCH)
        for year, values in zip(kept, form(people, spend, *(column[places, None] for column in columns)), strict=True):
            year[places] = values
    return kept


def seconds(call: Callable[[], object]) -> float:
    """Return how long a call takes."""
    started = perf_counter()
    call()
    return perf_counter() - started


def is_quick(name: str) -> bool:
    """Print the row of a scheme; return whether it keeps the limits."""
    options, vary = SCHEMES[name]
    form = above_average_cost if name == "gpit-2014-16" else floor_and_ceiling

    def loop() -> Result:
        return allocate(sample=True, with_effects=False, **options)

    def many() -> Sweep:
        return sweep(sample=True, vary=[BUDGETS, vary], **options)

    table = next(iter(loop().inputs.tables.values()))
    people, spend = (table[column].to_numpy() for column in ("registered_population", "historic_spend"))
    swept = many().rules[0]
    columns = [np.array(column) for column in swept.scenarios.columns.values()]

    def by_hand() -> list[Array]:
        return in_batches(form, people, spend, columns)

    times: dict[str, list[float]] = {"loop": [], "many": [], "by hand": []}
    for _ in range(ROUNDS):
        times["loop"] += [seconds(loop) for _ in range(LOOP)]
        times["many"].append(seconds(many))
        times["by hand"].append(seconds(by_hand))
    is_different = np.zeros(len(columns[0]), dtype=bool)
    for year, values in zip(swept.results.values(), by_hand(), strict=True):
        is_different |= ~np.isnan(year).any(axis=1) & (year != values).any(axis=1)
    one, all_of_them, closed = (median(times[key]) for key in times)
    number = swept.scenarios.count
    of_loop, of_closed = one * number / all_of_them, all_of_them / closed
    print(
        f"{name:<18}{one * 1000:>7.0f} ms{all_of_them:>7.2f} s{of_loop:>9,.0f}{closed:>7.2f} s{of_closed:>10.2f}"
        f"  {is_different.sum():,} of {number - len(swept.impossible):,} a pound off; {len(swept.impossible):,} "
        f"impossible; single runs: {dict(swept.single_runs) or 'none'}"
    )
    return of_loop >= LEAST_OF_LOOP and of_closed <= MOST_OF_CLOSED_FORM


def main() -> int:
    """Print the table of both schemes; return 1 if a limit is missed."""
    print(f"{'scheme':<18}{'allocate':>10}{'sweep':>9}{'× loop':>9}{'closed':>9}{'÷ closed':>10}  differences")
    are_quick = [is_quick(name) for name in SCHEMES]
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(f"peak of memory {memory} MB of {MOST_MEMORY}, with loop and closed form")
    print(f"limits: × loop {LEAST_OF_LOOP:,.0f} or more, ÷ closed {MOST_OF_CLOSED_FORM} or less")
    return int(not all(are_quick) or memory > MOST_MEMORY)


if __name__ == "__main__":
    sys.exit(main())
