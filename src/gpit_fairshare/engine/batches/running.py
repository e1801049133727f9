"""All scenarios of a scheme, in batches: results of each, or why it is impossible."""

from __future__ import annotations

import os
from collections import Counter, deque
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, TypeVar

from gpit_fairshare.engine.batches.batch import Batch, Impossible
from gpit_fairshare.engine.batches.batch_year import BatchYear
from gpit_fairshare.engine.batches.shared_year import SharedYear

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from concurrent.futures import Future

    from gpit_fairshare.inputs.model import Inputs
    from gpit_fairshare.language.in_numpy import Array
    from gpit_fairshare.scheme.model import Scheme

_CELLS: Final = 90_000
"""Scenarios times organisations of a batch: more is hardly faster, and needs more memory."""

_MOST_THREADS: Final = 2
"""Python itself runs one thread at a time, so that more gain little; and each holds a batch in memory."""

_Done = TypeVar("_Done")


@dataclass
class Runs:
    """What is known of all scenarios besides their figures."""

    impossible: dict[int, Impossible] = field(default_factory=dict)
    """By scenario, from 0."""
    single_runs: Counter[str] = field(default_factory=Counter)
    """How often a part of the rule was left to a single run, by what it is."""


def run_scenarios(
    scheme: Scheme,
    inputs: Inputs,
    varied: Mapping[tuple[str, str], Array],
    number: int,
    refused: Mapping[int, Impossible],
    take: Callable[[slice, list[BatchYear], Batch], None],
) -> Runs:
    """Calculate all scenarios of a scheme, and hand over the years of each batch while they are in memory.

    Args:
        scheme: The scheme.
        inputs: Its checked inputs.
        varied: Values by (name, year): (scenarios,) for a parameter, (scenarios, organisations) for an input column.
        number: How many scenarios there are.
        refused: By scenario, from 0: why its values are not allowed.
        take: Is called for each batch, with its place among all scenarios, its years, and which are possible.
    """
    runs, shared_years = Runs(), [*_shared_years(scheme, inputs, varied)]
    largest = max(year.now.organisations.height for year in shared_years)
    size = max(1, _CELLS // largest)

    def calculated(places: slice) -> tuple[slice, list[BatchYear], Batch]:
        batch = Batch(places.stop - places.start, {source: values[places] for source, values in varied.items()})
        for place in refused.keys() & range(places.start, places.stop):
            batch.end_scenario(place - places.start, refused[place])
        years: list[BatchYear] = []
        for shared in shared_years:
            years.append(BatchYear(shared, years[-1] if years else None, batch))
            years[-1].run()
        return places, years, batch

    all_places = [slice(start, min(start + size, number)) for start in range(0, number, size)]
    for places, years, batch in _in_threads(calculated, all_places):
        take(places, years, batch)
        runs.impossible |= {places.start + place: impossible for place, impossible in batch.impossible.items()}
        runs.single_runs += batch.single_runs
    return runs


def _in_threads(function: Callable[[slice], _Done], places: Sequence[slice]) -> Iterator[_Done]:
    """Yield the results of a function in order, from up to two threads; NumPy lets them run side by side.

    Only one result more than there are threads is in memory.
    """
    threads = min(len(places), os.cpu_count() or 1, _MOST_THREADS)
    if threads < 2:  # a single thread needs no pool
        yield from map(function, places)
        return
    running: deque[Future[_Done]] = deque()
    with ThreadPoolExecutor(threads) as pool:
        for some in places:
            if len(running) > threads:  # one more waits, so that no thread does
                yield running.popleft().result()
            # A thread starts without the context of its caller, which says whether plug-ins are allowed.
            running.append(pool.submit(copy_context().run, function, some))
        while running:
            yield running.popleft().result()


def _shared_years(scheme: Scheme, inputs: Inputs, varied: Mapping[tuple[str, str], Array]) -> Iterator[SharedYear]:
    """Yield each year with what does not vary, up to the first that no scenario gets through."""
    before: SharedYear | None = None
    for year in scheme.years:
        names = frozenset(name for name, of_year in varied if of_year == year)
        before = SharedYear(scheme, inputs, year, before, names)
        yield before
        if before.refusal:
            return
