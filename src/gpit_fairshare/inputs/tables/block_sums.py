"""Find rows that equal the sum of a block of rows directly above or below them; their codes need not be known.

A table with levels consists of groups: a total and its parts. The search begins with groups of the lowest level. When
their totals are removed, the totals of the next level are next to their parts, and so on up to the total of all rows.
If no group is certain, all rows of one level may be together: see `layers`.

The evidence for a group is the chance that its sum is a coincidence (see `sum_evidence`), as a negative logarithm, in
digits. In a group that may be anywhere in the table, any row may be the total: its chance is the sum of the chances of
all rows with evidence as strong. A group that begins where another ends, or at an end of the table, has no such choice:
its chance is its own, times the square of one more than the number of rows between. The sum of all other rows has no
choice of blocks either. Groups that follow each other form a chain, and the chances in a chain multiply: several
subtotals that all fit are no coincidence, even if each of them could be.

A chain is certain if its chance is below 1 in 10,000. Once lower levels are certain, the sum of all rows needs less.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from functools import cached_property
from itertools import accumulate
from typing import TYPE_CHECKING, NamedTuple

from gpit_fairshare.inputs.tables.layers import find_layers
from gpit_fairshare.inputs.tables.sum_evidence import (
    KNOWN_LEVEL,
    BlockSum,
    CandidateRows,
    ColumnSums,
    Side,
    chance_of_sum,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from gpit_fairshare.inputs.tables.code_levels import CodeLevels
    from gpit_fairshare.inputs.tables.sum_evidence import FileRow, SummedColumn

CERTAIN = 4.0
"""Digits of evidence from which a sum is no coincidence: a chance below 1 in 10,000."""
_WHOLE = 2.0
"""Digits that are enough for the sum of all remaining rows, once other sums are certain: levels end in such a total."""
_DOUBTFUL = 1.3
"""Digits from which a sum is worth a warning: one table in 20 has a sum with as much evidence by chance."""
_NO_CODE = 2.0
"""Digits for a row without a code: an assumption. Few organisations lack one."""
_REPEATED = 0.1
"""Digits for a row that repeats the row next to it, such as a region with one authority: it keeps a chain unbroken."""
_MOST_BETWEEN = 3
"""Rows that may be between the groups of a chain, such as those of higher levels."""
_MOST_BLOCKS = 40
"""Most blocks tried on each side of a row, the shortest first: rows of zeros make many blocks with the same sum."""


class Sums(NamedTuple):
    """The sums in a table, from the lowest level up."""

    certain: list[BlockSum]
    doubtful: list[BlockSum]


class _BlockGroup(NamedTuple):
    """A row, and the block of rows whose sum it is: from `start` up to, not including, `stop`."""

    row: int
    """Above or below the block, or within it if it is the sum of all other rows."""
    start: int
    stop: int

    @property
    def first(self) -> int:
        """Return the first place of the block and its total."""
        return min(self.row, self.start)

    @property
    def end(self) -> int:
        """Return the place after the last of the block and its total."""
        return max(self.row + 1, self.stop)

    @property
    def size(self) -> int:
        """Return the number of rows that the total adds up."""
        return self.stop - self.start - (self.start <= self.row < self.stop)

    def block(self) -> list[int]:
        """Return the places of the rows that the total adds up."""
        return [place for place in range(self.start, self.stop) if place != self.row]

    def sum_of(self, figures: ColumnSums) -> int:
        """Return the sum of the block in a column, without the total itself."""
        within = figures.numbers[self.row] if self.start <= self.row < self.stop else 0
        return figures.between(self.start, self.stop) - within


class _Near(NamedTuple):
    """The number of blocks whose sum is near the figure of a row, and one of these blocks."""

    number: int
    block: tuple[int, int]


class _Link(NamedTuple):
    """The best choice of groups whose last group is this one."""

    digits: float
    group: _BlockGroup
    own: float
    """Digits of this group."""
    before: _Link | None
    is_linked: bool
    """Whether the group belongs to the same chain as the one before."""


def find_sums(
    columns: Sequence[SummedColumn], rows: Sequence[FileRow], levels: CodeLevels, edges: Iterable[int], required: float
) -> Sums:
    """Return the rows of one table that are sums of others, found level by level from the lowest.

    Each round removes the certain sums and searches the other rows again. Layers are tried only in a round in which no
    block is certain. Once other sums are certain, the sum of all remaining rows needs only 2 digits. The doubtful sums
    are those that are left where no more sums are certain.

    Args:
        columns: the columns that are added up.
        rows: the rows, without those of labelled totals.
        levels: the levels of their codes.
        edges: places of labelled totals: groups may begin or end there.
        required: digits of evidence from which a sum is certain.
    """
    certain: list[BlockSum] = []
    while True:
        table = CandidateRows(columns, rows, levels)
        if table.size < 3 or not table.evidence:
            return Sums(certain, [])
        sums = _Groups(table, {bisect_left(rows, at, key=lambda row: row.at) for at in edges}).chained_sums()
        if all(group.digits < required for group in sums):
            sums += find_layers(table, required)
        proven = [
            entry
            for entry in sums
            if entry.digits >= (_WHOLE if certain and entry.parts == table.size - 1 else required)
        ]
        if not proven:
            return Sums(certain, [entry for entry in sums if entry.digits >= _DOUBTFUL])
        certain += proven
        totals = {row.at for entry in proven for row in entry.rows}
        rows = [row for row in rows if row.at not in totals]


class _Groups:
    """The groups of one level."""

    def __init__(self, table: CandidateRows, edges: Collection[int]) -> None:
        self.table = table
        self.edges = {*edges, 0, table.size}
        self.groups = [group for row in range(table.size) for group in self._groups_of_total(row)]

    def chained_sums(self) -> list[BlockSum]:
        """Return the sums of the chosen groups, which do not overlap, each with the evidence of its whole chain.

        A chain in which every row only repeats another is left out. In other chains, the total of two equal rows is the
        upper or the lower one as in most groups of the chain.
        """
        sums: list[BlockSum] = []
        for chain in self._chains():
            several = [link.group for link in chain if link.group.size > 1]
            totals_first = 2 * sum(group.row == group.first for group in several) > len(several)
            digits = sum(link.own for link in chain)
            for group in (link.group for link in chain if several):
                # Of two rows with the same figures, the total is on the same side as in the other groups.
                row = group.row if group.size > 1 else group.first if totals_first else group.end - 1
                where: Side = "below" if row == group.first else "above" if row == group.end - 1 else "next to"
                sums.append(BlockSum((self.table.rows[row],), group.size, where, digits))
        return sums

    def _first_evidence(self, row: int) -> ColumnSums | None:
        """Return the first column of evidence in which a row's figure is not 0; None if there is none."""
        for figures in self.table.evidence:
            if figures.numbers[row]:
                return figures
        return None

    def _groups_of_total(self, row: int) -> list[_BlockGroup]:
        """Return the blocks whose sum a row is: directly above it, directly below it, or all other rows.

        The first column in which the row is not 0 gives at most 40 blocks on each side; those that are not sums in
        every column are dropped. There are none if all figures of the row are 0 or blank.
        """
        figures = self._first_evidence(row)
        if figures is None:
            return []
        size, total = self.table.size, figures.numbers[row]
        slack = figures.slack(total, size)
        above = [start for start in figures.ends_near(figures.sums[row] - total, slack) if start < row]
        below = [stop for stop in figures.ends_near(figures.sums[row + 1] + total, slack) if stop > row + 1]
        groups = [_BlockGroup(row, start, row) for start in above[-_MOST_BLOCKS:]]
        groups += [_BlockGroup(row, row + 1, stop) for stop in below[:_MOST_BLOCKS]]
        if abs(2 * total - figures.total) <= slack and 0 < row < size - 1:
            groups.append(_BlockGroup(row, 0, size))
        return list(filter(self._is_sum, groups))

    def _is_sum(self, group: _BlockGroup) -> bool:
        """Return whether the row equals the sum of its block in every column where it has a figure.

        A difference by rounding is allowed, unless the block is a single row. A row is no sum if people are counted and
        no column agrees exactly, or if it has the code of one of its parts.
        """
        misses = []
        for figures in self.table.columns:
            total = figures.optional_figures[group.row]
            miss = 0 if total is None else abs(total - group.sum_of(figures))
            if miss and (group.size < 2 or miss > figures.slack(total or 0, group.size)):
                return False
            misses.append(miss)
        codes = self.table.codes
        return not self.table.is_miscounted(misses) and all(codes[row] != codes[group.row] for row in group.block())

    # Evidence.

    def _evidence_digits(self, group: _BlockGroup) -> tuple[float, float]:
        """Return the digits of evidence for a group by itself, and for one that follows another group.

        Both count the blocks next to the row that could be near its figure. The first also counts the rows that could
        be the total instead, or the edges if the group is at one; for the sum of all other rows there is no choice. A
        missing code or one of a higher level adds digits. A group that repeats a single row has next to none.
        """
        bonus = 0.0 if self.table.codes[group.row] else _NO_CODE
        if self.table.is_above([group.row], group.block()):
            bonus += KNOWN_LEVEL
        is_at_edge = group.first in self.edges or group.end in self.edges
        if group.size < 2:
            return bonus + is_at_edge * _REPEATED, bonus + _REPEATED
        widths = [
            figures.width(abs(figures.numbers[group.row] - group.sum_of(figures)), group.start, group.stop)
            for figures in self.table.evidence
        ]
        of_block = self._chance(group.row, (group.start, group.stop), widths)
        of_row = min(1.0, of_block * max(self._blocks_near(group.row).number, 1))
        by_itself = of_row * self._choice_factors[group.row]
        if group.size == self.table.size - 1 and min(self.table.evidence[0].numbers) >= 0:
            by_itself = min(by_itself, of_block)
        elif is_at_edge:
            by_itself = min(by_itself, of_row * len(self.edges))
        # Prefer a longer block to one inside it: the inner sum is more often a coincidence.
        bonus += 0.01 * math.log10(group.size)
        return bonus - math.log10(by_itself), bonus - math.log10(of_row)

    def _chance(self, row: int, block: tuple[int, int], widths: Sequence[int]) -> float:
        """Return the chance that the sum of a block is, by coincidence, near the figures of a row in all columns.

        Columns in which the row is blank do not count.

        Args:
            row: the possible total.
            block: the start and the stop of the block.
            widths: for each column, the width of the range of sums that are near.
        """
        return chance_of_sum(
            (figures.numbers[row], width, figures.spread(block, (row, row + 1)))
            for figures, width in zip(self.table.evidence, widths, strict=True)
            if figures.optional_figures[row] is not None
        )

    def _blocks_near(self, row: int) -> _Near:
        """Return how many blocks of two rows or more next to a row have a sum near its figure, and one of these.

        Near is between half and twice the figure, in the first column in which the row is not 0. With negative figures,
        blocks of any length between half and one and a half times the figure are counted, and their number is taken one
        and a half times.
        """
        figures = self._first_evidence(row)
        if figures is None:
            return _Near(0, (row, row))
        sums, size = figures.sizes, abs(figures.numbers[row])
        if sums is not figures.sums:  # with negative figures, the sum of a block of any length may be near
            near = [
                *figures.ends_near(figures.sums[row] - figures.numbers[row], size // 2),
                *figures.ends_near(figures.sums[row + 1] + figures.numbers[row], size // 2),
            ]
            middle = near[len(near) // 2] if near else row
            return _Near(math.ceil(1.5 * len(near)), (min(middle, row), max(middle, row)))
        first, last = max(row - 1, 0), min(row + 3, len(sums))
        top, foot = sums[row], sums[row + 1]
        above = range(bisect_left(sums, top - 2 * size, 0, first), bisect_right(sums, top - size / 2, 0, first))
        below = range(bisect_left(sums, foot + size / 2, last), bisect_right(sums, foot + 2 * size, last))
        if above:
            return _Near(len(above) + len(below), (above[len(above) // 2], row))
        return _Near(len(below), (row + 1, below[len(below) // 2] if below else row + 1))

    @cached_property
    def _choice_factors(self) -> list[float]:
        """For each row, how much the chance of a coincidence grows because other rows could be the total too.

        The factor is the sum of the chances of all rows with as much evidence, divided by the row's own chance; if that
        is 0, it is the number of rows. The smaller the chance that some block adds up to exactly the figures of a row,
        with a step of 1, the more evidence that row is.
        """
        widths = [1] * len(self.table.evidence)
        nearby = map(self._blocks_near, range(self.table.size))
        chances = [blocks.number * self._chance(row, blocks.block, widths) for row, blocks in enumerate(nearby)]
        in_order = sorted(chances)
        added_up = list(accumulate(in_order))
        return [
            added_up[bisect_right(in_order, chance) - 1] / chance if chance else float(self.table.size)
            for chance in chances
        ]

    # The choice of groups.

    def _choose_groups(self) -> _Link | None:
        """Choose the groups with the most evidence that do not overlap, and return the link of the last one.

        Each link leads to the one before it. A group belongs to the chain of a group that ends at most three rows
        before it, if that gives at least as much evidence as standing by itself. The result is None if no group has
        evidence.
        """
        best: list[_Link] = []  # the best choice up to each end; each is better than the one before
        last: dict[int, _Link] = {}
        for group in sorted(self.groups, key=lambda group: (group.end, group.first)):
            by_itself, linked = self._evidence_digits(group)
            count = bisect_right(best, group.first, key=lambda link: link.group.end)
            before = best[count - 1] if count else None
            link = _Link(by_itself + (before.digits if before else 0.0), group, by_itself, before, is_linked=False)
            for between in range(_MOST_BETWEEN + 1):
                other = last.get(group.first - between)
                own = linked - 2 * math.log10(1 + between)
                if other and other.digits + own >= link.digits:
                    link = _Link(other.digits + own, group, own, other, is_linked=True)
            if group.end not in last or link.digits > last[group.end].digits:
                last[group.end] = link
            if link.digits > (best[-1].digits if best else 0.0):
                best.append(link)
        return best[-1] if best else None

    def _chains(self) -> list[list[_Link]]:
        """Return the chosen groups, from the top, as chains of groups that follow each other."""
        chains: list[list[_Link]] = []
        link, is_linked = self._choose_groups(), False
        while link:
            if not is_linked:
                chains.append([])
            chains[-1].append(link)
            is_linked, link = link.is_linked, link.before
        return [chain[::-1] for chain in chains[::-1]]
