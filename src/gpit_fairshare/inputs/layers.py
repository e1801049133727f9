"""Rows of a level that are together the sum of the organisations: regions below CCGs, or England, regions, authorities.

Such a table falls into layers of equal sums. It can be cut between any two rows, so the chance of a layer is that of
its sum (see `sum_evidence`) times the number of rows; a single row can only be first or last. Where the rows of a layer
have the order of their parts, each cut between them is the sum of the parts so far, which is further evidence.
"""

from __future__ import annotations

import math
from itertools import pairwise
from typing import TYPE_CHECKING

from gpit_fairshare.inputs.sum_evidence import KNOWN_LEVEL, BlockSum, chance_of_sum

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from gpit_fairshare.inputs.sum_evidence import Rows

_MOST_LAYERS = 4
_MOST_ROWS = 2 / 3
"""Rows of a level for each of its parts. A table of one level may have equal halves by chance, and they are as long."""
_MOST_KINDS = 50
"""Kinds of codes above which none says anything."""


def find_layers(table: Rows, required: float) -> list[BlockSum]:
    """Return the levels of a table that are together the sum of the organisations, if there are any.

    Args:
        table: the rows, of which the largest layer holds the organisations.
        required: digits of evidence; of the choices that have them, the one with the most totals is taken.
    """
    choices = [*_layers_by_place(table), *_layers_by_code(table)]
    strongest = max(choices, key=lambda layers: _rank(layers, required), default=[])
    digits = sum(layer.digits for layer in strongest)
    return [layer._replace(digits=digits) for layer in strongest]


def _rank(layers: Sequence[BlockSum], required: float) -> tuple[float, int, float]:
    digits = sum(layer.digits for layer in layers)
    return min(digits, required), sum(len(layer.rows) for layer in layers), digits


def _layers_by_place(table: Rows) -> Iterator[list[BlockSum]]:
    """Cut the table where the rows from the top come to a half, a third … of all."""
    figures = table.evidence[0]
    for number in range(2, _MOST_LAYERS + 1) if figures.total else ():
        slack = figures.slack(figures.total, table.size)
        cuts = [0]
        for layer in range(1, number):
            target = figures.total * layer // number
            near = figures.ends_near(target, slack)
            cuts += [min(near, key=lambda cut: abs(figures.sums[cut] - target))] if near else []
        ranges = [range(start, stop) for start, stop in pairwise([*cuts, table.size])]
        if len(ranges) == number and all(ranges):
            parts = max(ranges, key=len)
            layers = [_layer(table, rows, parts, table.size) for rows in ranges if rows != parts]
            yield [layer for layer in layers if layer] if all(layers) else []


def _layers_by_code(table: Rows) -> Iterator[list[BlockSum]]:
    """Compare the rows of each kind of code, wherever they are, with all others and with those of the usual kind."""
    kinds: dict[str, list[int]] = {}
    for row in range(table.size):
        kinds.setdefault(table.kind_of(row), []).append(row)
    usual = max(kinds, key=lambda kind: (len(kinds[kind]), kind))
    for kind, rows in kinds.items() if len(kinds) <= _MOST_KINDS else ():
        if kind != usual and len(rows) > 1 and table.codes[rows[0]]:
            for parts in (kinds[usual], sorted(set(range(table.size)) - set(rows))):
                layer = _layer(table, rows, parts, 2 * len(kinds))
                yield [layer] if layer else []


def _layer(table: Rows, rows: Sequence[int], parts: Sequence[int], choices: int) -> BlockSum | None:
    """Return rows with the sum of others in every column, or None if they are no level above them."""
    if len(rows) > _MOST_ROWS * len(parts):
        return None
    totals, misses = [], []
    for figures in table.columns:
        total = sum(figures.numbers[row] for row in rows)
        miss = abs(total - sum(figures.numbers[row] for row in parts))
        if miss > figures.slack(total, table.size):
            return None
        totals.append(total)
        misses.append(miss)
    if table.is_miscounted(misses):
        return None
    chance = chance_of_sum(
        (total, 2 * miss + figures.step, figures.spread((0, table.size)))
        for figures, total, miss in zip(table.evidence, totals, misses, strict=False)  # columns of evidence come first
    )
    digits = -math.log10(min(1.0, chance * (2 if len(rows) == 1 else choices)))
    if isinstance(rows, range) and isinstance(parts, range):
        digits += _digits_of_order(table, rows, parts)
    if table.is_above(rows, parts):
        digits += KNOWN_LEVEL
    return BlockSum(tuple(table.places[row] for row in rows), len(parts), "beside", digits)


def _digits_of_order(table: Rows, rows: range, parts: range) -> float:
    """Return the evidence that rows have the order of their parts: that each cut is the sum of the parts so far."""
    figures = table.evidence[0]
    slack = figures.slack(figures.total, table.size)
    targets = {figures.sums[parts.start] + figures.between(rows.start, row) for row in rows[1:]}
    hits = sum(any(cut in parts for cut in figures.ends_near(target, slack)) for target in targets)
    size = figures.sizes[parts.stop] - figures.sizes[parts.start]
    chance = min(1.0, (2 * slack + figures.step) * len(parts) / max(size, 1))
    ways = math.comb(len(targets), hits)
    return max(0.0, -hits * math.log10(chance) - math.log10(ways)) if hits else 0.0
