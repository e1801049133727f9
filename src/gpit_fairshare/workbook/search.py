"""The search for the factor of a bounded `share_out`, worked out as the workbook's formulas work it out."""

from __future__ import annotations

import math
from itertools import accumulate
from typing import TYPE_CHECKING, Final, NamedTuple

from gpit_fairshare.language import in_excel as x

if TYPE_CHECKING:
    from collections.abc import Sequence

TOLERANCE: Final = x.CONSTANTS["tolerance"][0]
FLOOR, CEILING = "floor", "ceiling"


class Round(NamedTuple):
    """One round of the search in a group: the ranks between which the factor is, and the one that is tried."""

    lowest: int
    highest: int
    tried: int
    point: float
    """The factor at the rank that is tried."""
    spent: float


class Factor(NamedTuple):
    """Where the search of one group ends."""

    below: float
    """The factor at the point below."""
    spent: float
    moving: float
    """The weights that still share above that point."""
    factor: float


class Search:
    """What the cells of a bounded `share_out` hold."""

    def __init__(
        self,
        weights: Sequence[float],
        base: Sequence[float],
        bounds: dict[str, Sequence[float]],
        rows: Sequence[Sequence[int]],
        amounts: Sequence[float],
    ) -> None:
        """Find where each row turns.

        Args:
            weights: Of each row.
            base: What each row gets before anything is shared.
            bounds: The FLOOR, the CEILING or both.
            rows: Those of each group.
            amounts: What each group has to share.
        """
        self.weights, self.amounts, self.rows, self.bounds = weights, amounts, rows, bounds
        clipped = clip(base, bounds)
        firsts = bounds.get(FLOOR, base)
        self.start = [firsts[row] if weight > 0 else clipped[row] for row, weight in enumerate(weights)]
        """What each row takes before the factor counts."""
        self.rises = {
            side: [end - own if weight > 0 else 0.0 for end, own, weight in zip(bound, base, weights, strict=True)]
            for side, bound in bounds.items()
        }
        """What the factor gives each row at its bound; 0 where it has no weight."""
        self.turns = {
            side: [rise / weight if weight > 0 else 0.0 for rise, weight in zip(rises, weights, strict=True)]
            for side, rises in self.rises.items()
        }
        """The factor at which each row leaves its floor or reaches its ceiling; 0 where it has no weight."""
        self.points = [sorted(turns[row] for turns in self.turns.values() for row in of_group) for of_group in rows]
        """The turning points of each group."""
        lasts = list(accumulate(map(len, rows)))
        self.places = [(last - len(of_group) + 1, last) for of_group, last in zip(rows, lasts, strict=True)]
        """First and last place of each group, where its rows are next to each other."""
        # Enough to find any of all points, whatever group they are moved to, and one more that shows what was found.
        self.round_count = math.ceil(math.log2(sum(map(len, self.points)) + 1)) + 1

    def rounds(self, index: int) -> list[Round]:
        """Return the rounds of the search in a group: each halves the range of ranks."""
        points, rounds = self.points[index], []
        lowest, highest = 0, len(points) + 1
        for _ in range(self.round_count):
            tried = max(1, (lowest + highest) // 2)
            point = points[tried - 1]
            spent = self._spent(index, point)
            rounds.append(Round(lowest, highest, tried, point, spent))
            if reaches(spent, self.amounts[index]):
                lowest = max(lowest, tried)
            else:
                highest = min(highest, tried)
        return rounds

    def factor(self, index: int) -> Factor:
        """Return the factor that spends a group's amount, and what it follows from."""
        points, lowest = self.points[index], self.rounds(index)[-1].lowest
        below = max(0.0, points[lowest - 1]) if lowest else 0.0
        spent = self._spent(index, below)
        moving = math.fsum(
            self.weights[row]
            for row in self.rows[index]
            if (FLOOR not in self.bounds or self.turns[FLOOR][row] <= below)
            and (CEILING not in self.bounds or self.turns[CEILING][row] > below)
        )
        if moving <= 0:
            return Factor(below, spent, moving, below)
        line = below + (self.amounts[index] - spent) / moving
        upto = line if lowest >= len(points) else min(points[lowest], line)
        return Factor(below, spent, moving, max(0.0, upto))

    def _spent(self, index: int, factor: float) -> float:
        """Return what the rows of a group take together at a factor."""
        leaves, stops = self.turns.get(FLOOR), self.turns.get(CEILING)
        terms: list[float] = []
        for row in self.rows[index]:
            weight = self.weights[row]
            terms.append(self.start[row])
            if leaves is None:
                terms.append(factor * weight)
            elif leaves[row] < factor:
                terms.append((factor - leaves[row]) * weight)
            if stops is not None and stops[row] < factor:
                terms.append(-(factor - stops[row]) * weight)
        return math.fsum(terms)


def clip(values: Sequence[float], bounds: dict[str, Sequence[float]]) -> list[float]:
    """Return each value brought down to its ceiling, then up to its floor."""
    clipped = list(values)
    if CEILING in bounds:
        clipped = list(map(min, clipped, bounds[CEILING]))
    return list(map(max, bounds[FLOOR], clipped)) if FLOOR in bounds else clipped


def reaches(spent: float, amount: float) -> bool:
    """Return whether a factor spends no more than there is, as the workbook compares them."""
    return spent <= amount + TOLERANCE * max(1.0, abs(amount))
