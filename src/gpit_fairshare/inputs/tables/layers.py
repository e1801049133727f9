"""Rows of a level that together are the sum of the organisations: regions below CCGs, or England, regions, authorities.

Such a table consists of layers with equal sums. It can be cut between any two rows, so the chance of a layer is that of
its sum (see `sum_evidence`) times the number of rows; a single row can only be first or last. If the rows of a layer
follow the order of their parts, each cut between them is the sum of the parts so far, which is more evidence.
"""

from __future__ import annotations

import math
from collections import Counter
from itertools import pairwise
from typing import TYPE_CHECKING

from gpit_fairshare.inputs.tables.sum_evidence import KNOWN_LEVEL, BlockSum, CandidateRows, chance_of_sum

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


_MOST_LAYERS = 4
_MOST_ROWS = 2 / 3
"""Most rows of a level for each of its parts. A table of one level may have equal halves by chance, of equal length."""
_MOST_KINDS = 50
"""Most kinds of codes; if there are more, kinds are no evidence."""


def find_layers(table: CandidateRows, required: float) -> list[BlockSum]:
    """Return the levels whose rows together equal the sum of the organisations; empty if none do.

    The levels are found by their place in the table or by the kind of their codes. Each gets the evidence of all levels
    returned.

    Args:
        table: the rows; the largest layer holds the organisations.
        required: digits of evidence; among the choices with enough, the one with the most totals is taken. If none has
            enough, the one with the most evidence is returned.
    """
    choices = [*_layers_by_place(table), *_layers_by_code(table)]
    strongest = max(choices, key=lambda layers: _strength(layers, required), default=[])
    digits = sum(layer.digits for layer in strongest)
    return [layer._replace(digits=digits) for layer in strongest]


def _strength(layers: Sequence[BlockSum], required: float) -> tuple[float, int, float]:
    """Return a key to compare choices of layers: enough evidence, then the number of totals, then all evidence."""
    digits = sum(layer.digits for layer in layers)
    return min(digits, required), sum(len(layer.rows) for layer in layers), digits


def _layers_by_place(table: CandidateRows) -> Iterator[list[BlockSum]]:
    """Yield the layers of a table that is cut where the rows from the top add up to a half, a third or a quarter.

    Only the first column of evidence decides where to cut, at the nearest row. The longest part holds the
    organisations, and the other parts are the layers. A choice is empty if one of them is not a sum.
    """
    figures = table.evidence[0]
    for number in range(2, _MOST_LAYERS + 1) if figures.total else ():
        slack = figures.slack(figures.total, table.size)
        cuts = [0]
        for layer in range(1, number):
            target = figures.total * layer // number
            cuts_near = figures.ends_near(target, slack)
            cuts += [min(cuts_near, key=lambda cut: abs(figures.sums[cut] - target))] if cuts_near else []
        ranges = [range(start, stop) for start, stop in pairwise([*cuts, table.size])]
        if len(ranges) == number and all(ranges):
            parts = max(ranges, key=len)
            layers = [_layer(table, rows, parts, table.size) for rows in ranges if rows != parts]
            yield [layer for layer in layers if layer] if all(layers) else []


def _layers_by_code(table: CandidateRows) -> Iterator[list[BlockSum]]:
    """Yield the rows of each kind of code as a layer, if they equal the sum of all others or of the usual kind.

    The usual kind has the most rows. Kinds of one row or without a code are passed over; if there are more than 50
    kinds, nothing is yielded. A choice is empty if the rows are not a sum.
    """
    kinds: dict[str, list[int]] = {}
    for row in range(table.size):
        kinds.setdefault(table.levels.kind_of(table.codes[row]), []).append(row)
    usual = max(kinds, key=lambda kind: (len(kinds[kind]), kind))
    for kind, rows in kinds.items() if len(kinds) <= _MOST_KINDS else ():
        if kind != usual and len(rows) > 1 and table.codes[rows[0]]:
            for parts in (kinds[usual], sorted(set(range(table.size)) - set(rows))):
                layer = _layer(table, rows, parts, 2 * len(kinds))
                yield [layer] if layer else []


def _layer(table: CandidateRows, rows: Sequence[int], parts: Sequence[int], choices: int) -> BlockSum | None:
    """Return rows as a layer, with its evidence, if they equal the sum of the parts in every column; else None.

    The result is also None if the rows are too many, if each has a part with the same figures, or if all columns count
    people and none agrees exactly. Ranges of rows in the order of their parts, and codes of a higher level, are further
    evidence.

    Args:
        table: the table.
        rows: the possible totals.
        parts: the rows that they may add up.
        choices: how many such sets of rows there are; the more, the weaker the evidence. For a single row, 2 is used.
    """
    if len(rows) > _MOST_ROWS * len(parts):
        return None
    misses = []
    for figures in table.columns:
        total = sum(figures.numbers[row] for row in rows)
        misses.append(abs(total - sum(figures.numbers[row] for row in parts)))
        if misses[-1] > figures.slack(total, table.size):
            return None
    unlike = _rows_without_equal_part(table, rows, parts)
    if table.is_miscounted(misses) or not unlike:
        return None
    totals = [sum(figures.numbers[row] for row in unlike) for figures in table.evidence]
    chance = chance_of_sum(
        (total, figures.width(miss, 0, table.size), figures.spread((0, table.size)))
        # Columns of evidence come first.
        for figures, total, miss in zip(table.evidence, totals, misses, strict=False)
    )
    digits = -math.log10(min(1.0, chance * (2 if len(rows) == 1 else choices)))
    if isinstance(rows, range) and isinstance(parts, range) and len(unlike) == len(rows):
        digits += _digits_of_order(table, rows, parts)
    if table.is_above(rows, parts):
        digits += KNOWN_LEVEL
    return BlockSum(tuple(table.rows[row] for row in rows), len(parts), "next to", digits)


def _rows_without_equal_part(table: CandidateRows, rows: Sequence[int], parts: Sequence[int]) -> list[int]:
    """Return the rows without a part of exactly the same figures: only these rows are evidence.

    Each part is compared with one row only.
    """

    def figures_of(row: int) -> tuple[int, ...]:
        return tuple(figures.numbers[row] for figures in table.columns)

    equals = Counter(map(figures_of, rows)) & Counter(map(figures_of, parts))
    unlike = []
    for row in rows:
        if equals[figures_of(row)]:
            equals[figures_of(row)] -= 1
        else:
            unlike.append(row)
    return unlike


def _digits_of_order(table: CandidateRows, rows: range, parts: range) -> float:
    """Return the digits of evidence that rows follow the order of their parts; 0 with negative figures.

    It counts how many running totals of the rows, in the first column of evidence, are also running totals of the
    parts, and how likely so many are by chance.
    """
    figures = table.evidence[0]
    if min(figures.numbers) < 0:
        return 0.0  # running totals go up and down, and are near many sums
    slack = figures.slack(figures.total, table.size)
    first, whole = figures.sums[parts.start], figures.between(parts.start, parts.stop)
    sums = {figures.between(rows.start, row) for row in rows[1:]}
    # Running totals close to 0, or close to the whole, are no evidence.
    targets = [first + total for total in sums if slack < total < whole - slack]
    hits = sum(any(cut in parts for cut in figures.ends_near(target, slack)) for target in targets)
    size = figures.sizes[parts.stop] - figures.sizes[parts.start]
    chance = min(1.0, (2 * slack + figures.step) * len(parts) / max(size, 1))
    ways = math.comb(len(targets), hits)
    return max(0.0, -hits * math.log10(chance) - math.log10(ways)) if hits else 0.0
