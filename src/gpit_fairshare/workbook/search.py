"""The search for the factor of a bounded `share_out`, worked out as the workbook's formulas work it out."""

from __future__ import annotations

import math
from itertools import accumulate
from typing import TYPE_CHECKING, Final, NamedTuple

from gpit_fairshare.language import in_excel as x

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

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
        start: Sequence[float],
        turns: Mapping[str, Sequence[float]],
        rows: Sequence[Sequence[int]],
        amounts: Sequence[float],
    ) -> None:
        """Sort the turning points.

        Args:
            weights: Of each row.
            start: What each row takes before the factor counts.
            turns: The factor at which each row leaves its FLOOR or reaches its CEILING; 0 where it has no weight.
            rows: Those of each group.
            amounts: What each group has to share.
        """
        self.weights, self.start, self.turns, self.amounts, self.rows = weights, start, turns, amounts, rows
        self.points = [sorted(side[row] for side in turns.values() for row in of_group) for of_group in rows]
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
            if (FLOOR not in self.turns or self.turns[FLOOR][row] <= below)
            and (CEILING not in self.turns or self.turns[CEILING][row] > below)
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


def reaches(spent: float, amount: float) -> bool:
    """Return whether a factor spends no more than there is, as the workbook compares them."""
    return spent <= amount + TOLERANCE * max(1.0, abs(amount))
