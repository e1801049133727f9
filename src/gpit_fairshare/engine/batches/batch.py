"""The scenarios of a batch: which of them are possible, and which have the same values of what a step depends on."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from functools import reduce
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gpit_fairshare.language.in_numpy import Array

_MOST_DISTINCT: Final = 0.5
"""Part of the scenarios that may be distinct for it to be quicker to calculate these alone, and to repeat results."""


@dataclass(frozen=True, slots=True)
class Impossible:
    """Why a scenario has no result."""

    year: str
    where: str
    """The step, check or outcome at which it ends; or the parameter whose value is outside its bounds."""
    reason: str
    """The message, without an option of the command."""


@dataclass(eq=False)
class Batch:
    """The scenarios of a batch, over all years: which are still possible, and how often single runs were needed."""

    count: int
    """How many scenarios it has."""
    varied: Mapping[tuple[str, str], Array]
    """Values by (name, year): (scenarios,) for a parameter, (scenarios, organisations) for an input column."""
    single_runs: Counter[str] = field(default_factory=Counter)
    """How often a step, check or outcome was calculated by a single run, by what it is."""
    impossible: dict[int, Impossible] = field(default_factory=dict)
    """By the place in the batch, in the order in which they ended."""
    is_possible: Array = field(init=False)
    _by_sources: dict[frozenset[tuple[str, str]], Distinct | None] = field(default_factory=dict)
    _by_places: dict[bytes, Distinct | None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Start with all scenarios possible."""
        self.is_possible = np.ones(self.count, dtype=bool)

    def end_scenario(self, place: int, why: Impossible) -> None:
        """End a scenario that cannot be calculated."""
        self.impossible[place] = why
        self.is_possible[place] = False

    def distinct(self, sources: frozenset[tuple[str, str]]) -> Distinct | None:
        """Return the distinct scenarios, if only some names and years count; None if they are too many to be of use."""
        if sources not in self._by_sources:
            columns = [self.varied[source] for source in sources]
            if any(column.ndim > 1 for column in columns):
                place_of = np.arange(self.count)
            else:
                place_of = reduce(self._numbered_together, columns, np.zeros(self.count, dtype=int))
            key = place_of.tobytes()
            if key not in self._by_places:
                self._by_places[key] = self._distinct(place_of)
            self._by_sources[sources] = self._by_places[key]
        return self._by_sources[sources]

    def _numbered_together(self, places: Array, column: Array) -> Array:
        """Return a number for each combination of a number and a value of a column."""
        # Bits are compared, because 0 and -0 are equal and may give different results.
        _, values = np.unique(np.ascontiguousarray(column, dtype=float).view(np.int64), return_inverse=True)
        _, numbers = np.unique(places * self.count + values, return_inverse=True)
        return numbers

    def _distinct(self, place_of: Array) -> Distinct | None:
        """Return the first scenario of each number, if they are few enough."""
        _, places = np.unique(place_of, return_index=True)
        if len(places) > _MOST_DISTINCT * self.count:
            return None
        varied = {source: values[places] for source, values in self.varied.items()}
        return Distinct(places, place_of, Batch(len(places), varied, self.single_runs))


@dataclass(frozen=True, slots=True, eq=False)
class Distinct:
    """The scenarios of a batch that differ in what a step depends on."""

    places: Array
    """The first scenario of each combination of values."""
    place_of: Array
    """For each scenario of the batch: its place among the distinct ones."""
    batch: Batch
    """The distinct scenarios."""

    def take_possible(self, batch: Batch) -> None:
        """End the distinct scenarios that stand for impossible ones only."""
        self.batch.is_possible &= np.bincount(self.place_of, batch.is_possible, len(self.places)) > 0

    def end_others(self, batch: Batch, known: int) -> None:
        """End the scenarios of the batch whose distinct one ended, but for those of the first few that are known."""
        for place in [*self.batch.impossible][known:]:
            for other in map(int, np.flatnonzero((self.place_of == place) & batch.is_possible)):
                batch.end_scenario(other, self.batch.impossible[place])

    def repeated(self, values: Array) -> Array:
        """Return values of the distinct scenarios for all scenarios of the batch."""
        return values if len(values) == 1 and len(self.places) > 1 else values[self.place_of]

    def first(self, values: Array) -> Array:
        """Return values of all scenarios for the distinct ones."""
        return values if len(values) == 1 else values[self.places]
