"""All scenarios of a scheme, in batches: results of each, or why it is impossible."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from gpit_fairshare.engine.batches.batch_year import Batch, BatchYear, Impossible
from gpit_fairshare.engine.batches.shared_year import SharedYear

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from gpit_fairshare.inputs.model import Inputs
    from gpit_fairshare.language.in_numpy import Array
    from gpit_fairshare.scheme.model import Scheme

_CELLS: Final = 50_000
"""Scenarios times organisations of a batch: more does not make it faster, and needs more memory."""


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
    refused: Mapping[int, str],
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
    for start in range(0, number, size):
        places = slice(start, min(start + size, number))
        batch, years = Batch(places.stop - start), []
        for place in range(start, places.stop) if refused else ():
            if place in refused:
                batch.end(place - start, "", "", refused[place])
        before: BatchYear | None = None
        for shared in shared_years:
            values = {
                name: array[places].reshape(batch.number, -1)
                for (name, year), array in varied.items()
                if year == shared.year
            }
            before = BatchYear(shared, before, values, batch)
            before.run()
            years.append(before)
        take(places, years, batch)
        runs.impossible |= {start + place: impossible for place, impossible in batch.impossible.items()}
        runs.single_runs += batch.single_runs
    return runs


def _shared_years(scheme: Scheme, inputs: Inputs, varied: Mapping[tuple[str, str], Array]) -> Iterator[SharedYear]:
    """Yield each year with what does not vary, up to the first that no scenario gets through."""
    before: SharedYear | None = None
    for year in scheme.years:
        names = frozenset(name for name, of_year in varied if of_year == year)
        before = SharedYear(scheme, inputs, year, before, names)
        yield before
        if before.refusal:
            return
