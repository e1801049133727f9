"""Rows that are the sum of a block of rows beside them: found by their figures alone, and weighed against chance.

A table of levels is made of groups, each a total with its parts directly above or below it. Groups of the lowest level
are looked for first; without their totals, those of the next level stand beside their parts, and so on. All rows of a
level may also stand together, as regions below authorities do: then the table falls into layers of equal sums.

How many such sums would a table hold by chance? Take a total of x, and all blocks that touch it and come to between
x/2 and 2x. If there are k of them, their sums are spread over 1.5x; figures are whole multiples of a step g (a pound,
or £1,000 where all are round thousands), and the sum is off by d (0 for an exact one, more where figures are rounded).
So by chance

    k (2d + g) / 1.5x

of them come at least as near, which is g over the mean figure for large totals. The step is the largest that divides
all figures of the block: round figures are no evidence where those beside them are round too.

A further column counts for what it adds. Its figures are compared with what the columns before it foretell (the best
multiple of them), so that a copy, or weighted patients that are 1.02 times the registered, adds nothing. Where the
differences within the block have the root sum of squares s, the factor is (2d + g) / (s √2π), the greatest density of a
normal distribution; 1 at most.

A group anywhere in the table could have had any row as its total: its chance is the sum of these numbers over all rows
for which they are as small. A group that begins where another ends, or at an end of the table, had no such choice: its
chance is its own number (times the square of the rows left between, and 1). A chain of groups has the product of the
chances of its groups. A row that is the sum of all others has no choice of blocks either: k is 1.

A chain counts as certain if its chance is below 1 in 10,000. Once others are certain, 1 in 100 is enough for a row that
is the sum of all rows that are left.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from functools import cached_property
from itertools import accumulate, pairwise
from operator import mul
from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

    from gpit_fairshare.inputs.code_levels import CodeLevels

CERTAIN = 4.0
"""Decimal digits of evidence: chance is below 1 in 10,000."""
_BESIDE_CERTAIN = 2.0
"""The same for a row that is the sum of all others, where others are certain: levels end in a total of all."""
_DOUBTFUL = 1.3
"""Chance of 1 in 20, above which a sum is not worth a word: every twentieth table holds one."""
_KNOWN_LEVEL = 6.0
"""Added where codes say that a row is of a higher level than the block: enough by itself."""
_NO_CODE = 2.0
"""Added for a row that has no code, which few organisations lack: an assumption."""
_EVIDENCE_COLUMNS = 3
_MOST_GAP = 3
"""Rows, such as headings of the next level, that may stand between groups of a chain."""
_MOST_LAYERS = 4
_MOST_KINDS = 50
_MOST_BLOCKS = 40
"""Blocks of one row that are looked at on each side: rows of zeros make many blocks of one sum."""
_NOISE = 10**9
"""One part in so many of a total may be lost where binary fractions were added up."""
_PAIR = 0.1
"""Digits for a row that repeats the one beside it, as a region of one authority does: it keeps a chain together."""


Where = Literal["above", "below", "beside"]


class Column(NamedTuple):
    """The figures of a column that is added up."""

    figures: Sequence[int | None]
    """One for each row, in units of the last decimal of the column; None where there is none."""
    is_counted: bool
    """Whether these are whole people, who are counted and not rounded."""


class BlockSum(NamedTuple):
    """A row, or the rows of a level, with the figures of a block of rows."""

    rows: tuple[int, ...]
    """Places of the totals."""
    parts: int
    """Rows that the totals are the sum of."""
    where: Where
    """Where the parts stand."""
    digits: float
    """Evidence that it is no chance, as the negative logarithm of the chance."""


class Sums(NamedTuple):
    """What was found in a table."""

    certain: list[BlockSum]
    doubtful: list[BlockSum]


class _Group(NamedTuple):
    """A row and the block of rows that it is the sum of: `start` up to, not including, `stop`."""

    row: int
    """Above or below the block, or in its midst where it is the sum of all other rows."""
    start: int
    stop: int

    @property
    def first(self) -> int:
        return min(self.row, self.start)

    @property
    def end(self) -> int:
        return max(self.row + 1, self.stop)

    @property
    def size(self) -> int:
        return self.stop - self.start - (self.start <= self.row < self.stop)

    def block(self) -> list[int]:
        return [place for place in range(self.start, self.stop) if place != self.row]


class _Near(NamedTuple):
    """How many blocks come near the figure of a row, and one of them."""

    number: int
    start: int
    stop: int


class _Value(NamedTuple):
    """Decimal digits of evidence for a group, by where it may begin."""

    anywhere: float
    at_edge: float
    """At an end of the table, or beside a total that says so."""
    linked: float
    """Directly behind another group."""


class _Link(NamedTuple):
    """The best choice of groups that ends with this one."""

    digits: float
    group: _Group
    own: float
    before: _Link | None
    is_linked: bool
    """Whether the group belongs to the chain of the one before."""


def find_sums(
    columns: Sequence[Column], codes: Sequence[str], levels: CodeLevels, edges: Collection[int], required: float
) -> Sums:
    """Find the rows of one table that are sums of others.

    Args:
        columns: the columns that are added up.
        codes: one for each row; empty where a row has none.
        levels: what the codes tell.
        edges: places at which the row of a labelled total was taken out: groups may begin or end there.
        required: digits of evidence from which a sum is certain.
    """
    places = list(range(len(codes)))
    certain: list[BlockSum] = []
    doubtful: list[BlockSum] = []
    while len(places) > 2:
        table = _Table(columns, codes, levels, edges, places)
        sums = table.groups_in_chains()
        if all(entry.digits < required for entry in sums):
            sums += table.layers(required)
        proven = [
            entry
            for entry in sums
            if entry.digits >= (_BESIDE_CERTAIN if certain and entry.parts == len(places) - 1 else required)
        ]
        doubtful = [entry for entry in sums if entry not in proven and entry.digits >= _DOUBTFUL]
        if not proven:
            break
        certain += proven
        taken = {row for entry in proven for row in entry.rows}
        places = [place for place in places if place not in taken]
    return Sums(certain, doubtful)


class _Figures:
    """The figures of one column in the rows that are left, with their sums from the top."""

    def __init__(self, column: Column, places: Sequence[int]) -> None:
        self.given = [column.figures[place] for place in places]
        self.numbers = [figure or 0 for figure in self.given]
        self.sums = [0, *accumulate(self.numbers)]
        self.sizes = [0, *accumulate(map(abs, self.numbers))] if min(self.numbers) < 0 else self.sums
        self.step = step = power_of_ten(math.gcd(*self.numbers))
        self.is_counted = column.is_counted and step == 1
        self._sorted: tuple[Sequence[int], Sequence[int]] | None = None
        self.squares: list[list[float]] = []
        """In a column of evidence: squares, added up from the top, of what it adds to others, and of its figures."""

    def block(self, group: _Group) -> int:
        """Return the sum of a block of rows."""
        is_inside = group.start <= group.row < group.stop
        return self.sums[group.stop] - self.sums[group.start] - is_inside * self.numbers[group.row]

    def spread(self, row: int, start: int, stop: int) -> float:
        """Return the sum of the squares of what the column adds in a row and a block."""
        return min(sums[stop] - sums[start] + sums[row + 1] - sums[row] for sums in self.squares)

    def slack(self, total: int, rows: int) -> int:
        """Return by how much a total may be off, as each figure is rounded: three standard deviations."""
        own = power_of_ten(total, abs(total) // 1_000)
        rounding = self.step * min(rows / 2, 0.5 + 3 * math.sqrt(rows / 12))
        # Whole numbers throughout: sums of many decimals are too long for a float.
        return max(own, self.step) // 2 + math.floor(rounding) + abs(total) // _NOISE

    def ends_near(self, target: int, slack: int) -> Sequence[int]:
        """Return the places up to which the rows from the top come to a sum."""
        if self._sorted is None:
            order: Sequence[int] = range(len(self.sums))
            if self.sizes is not self.sums:
                order = sorted(order, key=self.sums.__getitem__)
            self._sorted = order, [self.sums[place] for place in order]
        order, sums = self._sorted
        return order[bisect_left(sums, target - slack) : bisect_right(sums, target + slack)]


class _Table:
    """The rows of a table that are not yet known to be totals."""

    def __init__(
        self,
        columns: Sequence[Column],
        codes: Sequence[str],
        levels: CodeLevels,
        edges: Collection[int],
        places: Sequence[int],
    ) -> None:
        self.places = places
        self.size = len(places)
        self.codes = [codes[place] for place in places]
        self.levels = levels
        self.edges = {bisect_left(places, edge) for edge in edges} | {0, self.size}
        self.columns = [_Figures(column, places) for column in columns]
        self.evidence = _columns_of_evidence(self.columns)

    # Groups: a row and the block above or below it.

    def groups_in_chains(self) -> list[BlockSum]:
        """Return the groups that do not overlap and together are the strongest evidence, chain by chain."""
        sums: list[BlockSum] = []
        groups = self._groups()
        for chain in _chains(self._best_link(groups) if groups else None):
            wide = [link.group for link in chain if link.group.size > 1]
            totals_first = 2 * sum(group.row == group.first for group in wide) > len(wide)
            digits = sum(link.own for link in chain)
            for group in (link.group for link in chain if wide):
                # Of two rows with the same figures, the total is where it is in the other groups.
                row = group.row if group.size > 1 else group.first if totals_first else group.end - 1
                where: Where = "below" if row == group.first else "above" if row == group.end - 1 else "beside"
                sums.append(BlockSum((self.places[row],), group.size, where, digits))
        return sums

    def _groups(self) -> list[_Group]:
        groups: list[_Group] = []
        for row in range(self.size):
            figures = next((figures for figures in self.evidence if figures.numbers[row]), None)
            if figures is None:
                continue
            total = figures.numbers[row]
            slack = figures.slack(total, self.size)
            above = [start for start in figures.ends_near(figures.sums[row] - total, slack) if start < row]
            below = [stop for stop in figures.ends_near(figures.sums[row + 1] + total, slack) if stop > row + 1]
            # The shortest blocks only: rows of zeros make many with the same sum.
            blocks = [(start, row) for start in above[-_MOST_BLOCKS:]]
            blocks += [(row + 1, stop) for stop in below[:_MOST_BLOCKS]]
            if abs(2 * total - figures.sums[-1]) <= slack and 0 < row < self.size - 1:
                blocks.append((0, self.size))
            groups += [group for start, stop in blocks if (group := self._group(row, start, stop))]
        return groups

    def _group(self, row: int, start: int, stop: int) -> _Group | None:
        """Return a row with a block, if its figures are the sum of the block in every column."""
        group = _Group(row, start, stop)
        misses = []
        for figures in self.columns:
            total = figures.numbers[row]
            miss = 0 if figures.given[row] is None else abs(total - figures.block(group))
            if miss and (group.size < 2 or miss > figures.slack(total, group.size)):
                return None
            misses.append(miss)
        is_sum = not self._is_miscounted(misses) and self.codes[row] not in {self.codes[at] for at in group.block()}
        return group if is_sum else None

    def _is_miscounted(self, misses: Sequence[int]) -> bool:
        """Return whether all columns are of people, who are counted and not rounded, and none agrees exactly."""
        return all(miss and figures.is_counted for miss, figures in zip(misses, self.columns, strict=True))

    # Evidence.

    def _value(self, group: _Group) -> _Value:
        bonus = 0.0 if self.codes[group.row] else _NO_CODE
        if self.levels.is_above([self.places[group.row]], [self.places[place] for place in group.block()]):
            bonus += _KNOWN_LEVEL
        if group.size < 2:
            return _Value(bonus, bonus + _PAIR, bonus + _PAIR)
        of_block = self._chance_of_block(group)
        of_row = min(1.0, of_block * max(self._blocks_near(group.row).number, 1))
        at_edge = of_block if group.size == self.size - 1 else min(1.0, of_row * len(self.edges))
        # A longer block comes before one inside it: of the two, the inner is more often chance.
        bonus += 0.01 * math.log10(group.size)
        return _Value(
            bonus - math.log10(of_row * self._rows_as_telling(group.row)),
            bonus - math.log10(at_edge),
            bonus - math.log10(of_row),
        )

    def _chance_of_block(self, group: _Group) -> float:
        """Return the chance that a block comes as near to the figures of a row as this one does."""
        row, block = group.row, slice(group.start, group.stop)
        return _chance(
            (
                figures.numbers[row],
                2 * abs(figures.numbers[row] - figures.block(group)) + math.gcd(*figures.numbers[block]),
                figures.spread(row, group.start, group.stop),
            )
            for figures in self.evidence
            if figures.given[row] is not None
        )

    def _blocks_near(self, row: int) -> _Near:
        """Return the blocks of two rows or more beside a row that come to between half and twice its figure."""
        figures = next((figures for figures in self.evidence if figures.numbers[row]), None)
        if figures is None:
            return _Near(0, row, row)
        sums, size = figures.sizes, abs(figures.numbers[row])
        if sums is not figures.sums:  # with figures below nil, any block may come near, however long
            ends = [
                *figures.ends_near(figures.sums[row] - figures.numbers[row], size // 2),
                *figures.ends_near(figures.sums[row + 1] + figures.numbers[row], size // 2),
            ]
            middle = ends[len(ends) // 2] if ends else row
            return _Near(math.ceil(1.5 * len(ends)), min(middle, row), max(middle, row))
        first, last = max(row - 1, 0), min(row + 3, len(sums))
        top, foot = sums[row], sums[row + 1]
        above = range(bisect_left(sums, top - 2 * size, 0, first), bisect_right(sums, top - size / 2, 0, first))
        below = range(bisect_left(sums, foot + size / 2, last), bisect_right(sums, foot + 2 * size, last))
        if above:
            return _Near(len(above) + len(below), above[len(above) // 2], row)
        return _Near(len(below), row + 1, below[len(below) // 2] if below else row + 1)

    def _rows_as_telling(self, row: int) -> float:
        """Return the chances, added up, of all rows that are as telling as a row, in units of its own."""
        own = self._chances[row]
        sums = self._chances_up_to
        return sums[bisect_right(self._sorted_chances, own) - 1] / own if own else float(self.size)

    @cached_property
    def _chances(self) -> list[float]:
        """How many blocks come to the figures of each row by chance, were they exact and in units of the column."""
        return [
            near.number * self._chance_near(row, near)
            for row, near in enumerate(map(self._blocks_near, range(self.size)))
        ]

    def _chance_near(self, row: int, near: _Near) -> float:
        return _chance(
            (figures.numbers[row], 1, figures.spread(row, near.start, near.stop))
            for figures in self.evidence
            if figures.given[row] is not None
        )

    @cached_property
    def _sorted_chances(self) -> list[float]:
        return sorted(self._chances)

    @cached_property
    def _chances_up_to(self) -> list[float]:
        return list(accumulate(self._sorted_chances))

    # Which groups to take.

    def _best_link(self, groups: Sequence[_Group]) -> _Link | None:
        """Choose groups that do not overlap, so that their evidence is greatest; return the last of them."""
        ends: list[int] = []
        best: list[_Link] = []  # up to each of the ends, ever better
        last: dict[int, _Link] = {}
        for group in sorted(groups, key=lambda group: (group.end, group.first)):
            value = self._value(group)
            at = bisect_right(ends, group.first)
            before = best[at - 1] if at else None
            own = max(value.anywhere, value.at_edge) if {group.first, group.end} & self.edges else value.anywhere
            link = _Link((before.digits if before else 0.0) + own, group, own, before, is_linked=False)
            for gap in range(_MOST_GAP + 1):
                other = last.get(group.first - gap)
                own = value.linked - 2 * math.log10(1 + gap)
                if other and other.digits + own >= link.digits:
                    link = _Link(other.digits + own, group, own, other, is_linked=True)
            if group.end not in last or link.digits > last[group.end].digits:
                last[group.end] = link
            if link.digits > (best[-1].digits if best else 0.0):
                ends.append(group.end)
                best.append(link)
        return best[-1] if best else None

    # Layers: rows that together come to as much as the organisations.

    def layers(self, required: float) -> list[BlockSum]:
        """Return the levels that stand by themselves and have the sum of the organisations.

        Of several choices, the one that leaves the fewest rows is taken from those that are certain.
        """
        choices = [self._layers(sets, self.size) for sets in self._sets_in_order()]
        choices += [self._layers(sets, 2 * self.size) for sets in self._sets_by_code()]
        choices = [layers for layers in choices if layers]
        return max(
            choices,
            key=lambda layers: (
                min(layers[0].digits, required),
                sum(len(layer.rows) for layer in layers),
                layers[0].digits,
            ),
            default=[],
        )

    def _sets_in_order(self) -> Iterator[list[Sequence[int]]]:
        """Cut the table where the rows from the top come to a half, a third … of all: England, regions, authorities."""
        for number in range(2, _MOST_LAYERS + 1) if self.evidence else ():
            figures = self.evidence[0]
            whole = figures.sums[-1]
            cuts = [0]
            for part in range(1, number):
                target = whole * part // number
                near = figures.ends_near(target, figures.slack(whole, self.size))
                cuts += sorted(near, key=lambda cut: abs(figures.sums[cut] - target))[:1]
            sets: list[Sequence[int]] = [range(start, stop) for start, stop in pairwise([*cuts, self.size])]
            if len(sets) == number and all(sets):
                yield sets

    def _sets_by_code(self) -> Iterator[list[Sequence[int]]]:
        """Compare the rows of each kind of code with all others, and with those of the usual kind."""
        kinds: dict[str, list[int]] = {}
        for row in range(self.size):
            kinds.setdefault(self.levels.kind_of(self.places[row]), []).append(row)
        usual = max(kinds, key=lambda kind: (len(kinds[kind]), kind))
        for kind, rows in kinds.items() if len(kinds) <= _MOST_KINDS else ():
            if kind != usual and len(rows) > 1 and self.codes[rows[0]]:
                yield [rows, kinds[usual]]
                yield [rows, sorted(set(range(self.size)) - set(rows))]

    def _layers(self, sets: Sequence[Sequence[int]], choices: int) -> list[BlockSum]:
        """Return all sets of rows but the largest, if each has the sum of the largest in every column."""
        parts = max(sets, key=len)
        digits, sums = 0.0, []
        for rows in sets:
            if rows is parts:
                continue
            totals = [sum(figures.numbers[row] for row in rows) for figures in self.columns]
            misses = [
                abs(total - sum(figures.numbers[row] for row in parts))
                for total, figures in zip(totals, self.columns, strict=True)
            ]
            slacks = [figures.slack(total, self.size) for total, figures in zip(totals, self.columns, strict=True)]
            if self._is_miscounted(misses) or any(miss > slack for miss, slack in zip(misses, slacks, strict=True)):
                return []
            of_columns = {
                id(figures): (total, miss) for figures, total, miss in zip(self.columns, totals, misses, strict=True)
            }
            chance = _chance(
                (
                    of_columns[id(figures)][0],
                    2 * of_columns[id(figures)][1] + math.gcd(*figures.numbers),
                    figures.spread(0, 0, self.size),
                )
                for figures in self.evidence
            )
            bonus = _KNOWN_LEVEL * self.levels.is_above(
                [self.places[row] for row in rows], [self.places[row] for row in parts]
            )
            # A single row, at an end of the table, could have been at the other end.
            digits += bonus - math.log10(min(1.0, chance * (2 if len(rows) == 1 else choices)))
            sums.append(BlockSum(tuple(self.places[row] for row in rows), len(parts), "beside", 0.0))
        return [entry._replace(digits=digits) for entry in sums]


def _columns_of_evidence(columns: Sequence[_Figures]) -> list[_Figures]:
    """Choose the columns that say most, and work out what each adds to those before it."""
    filled = [figures for figures in columns if figures.sizes[-1]]
    filled.sort(key=lambda figures: -figures.sizes[-1] / math.gcd(*figures.numbers))
    del filled[_EVIDENCE_COLUMNS:]
    directions: list[list[float]] = []
    for figures in filled:
        surprises = list(map(float, figures.numbers))
        for direction in directions:
            size = math.fsum(map(mul, direction, direction))
            factor = math.fsum(map(mul, surprises, direction)) / size if size else 0.0
            surprises = [own - factor * other for own, other in zip(surprises, direction, strict=True)]
        directions.append(surprises)
        figures.squares = [
            [0.0, *accumulate(map(mul, numbers, numbers))] for numbers in (surprises, list(map(float, figures.numbers)))
        ]
    return filled


def _chance(columns: Iterable[tuple[int, int, float]]) -> float:
    """Return the chance that a sum comes near to a total in every column.

    Args:
        columns: the total, how wide the target is, and the sum of the squares of what the column adds.
    """
    chance, is_first = 1.0, True
    for total, width, spread in columns:
        if not is_first:
            chance *= min(1.0, width / math.sqrt(2 * math.pi * spread)) if width and spread > 0 else 1.0
        elif total:
            chance, is_first = min(1.0, width / (1.5 * abs(total))), False
    return chance


def _chains(link: _Link | None) -> list[list[_Link]]:
    """Return the groups that were chosen, as chains of groups that follow each other, from the top."""
    chains: list[list[_Link]] = []
    is_linked = False
    while link:
        if not is_linked:
            chains.append([])
        chains[-1].append(link)
        is_linked, link = link.is_linked, link.before
    return [chain[::-1] for chain in chains[::-1]]


def power_of_ten(number: int, most: int | None = None) -> int:
    """Return the largest power of ten that divides a number and is no larger than another."""
    power = 1
    while number and number % (10 * power) == 0 and (most is None or 10 * power <= most):
        power *= 10
    return power
