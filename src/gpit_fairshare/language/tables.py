"""Tables of a scheme as formulas see them: values by text, or by bands of a number.

The functions of the language decide what a table of bands means; the table is only numbers. Bands are half open: a band
holds its lower edge, and not its upper edge, which is the lower edge of the next.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from gpit_fairshare.language import tree
from gpit_fairshare.language.rendering import SAME

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

BAND_TEXT: Final = re.compile(
    r"[<>≤≥]|[£$]?[0-9][0-9,.]*\s*%?\s*"
    r"(?:\+|(?:-|–|—|to\b)\s*[£$]?[0-9]|(?:and|or) (?:over|above|more|up|below|under|less)\b)"
)
"""How a text begins that is meant as a band: `0-10%`, `10 to 25`, `25+`, `<10`."""


@dataclass(frozen=True, slots=True)
class FormulaTable:
    """The keys of a table; the value of each row is a parameter of its own, which `row` names."""

    name: str
    keys: tuple[str, ...] | tuple[float, ...]
    """The texts of its rows, or the lower edges of its bands, rising."""
    key_unit: str | None = None
    """Unit of the edges of bands."""
    end: float | None = None
    """The upper edge of the last band; None if the band has none."""
    has_otherwise: bool = False
    """Whether it has a value for texts that no row has."""

    @property
    def has_bands(self) -> bool:
        """Return whether its keys are edges of bands; otherwise they are texts."""
        return not isinstance(self.keys[0], str)

    @property
    def edges(self) -> tuple[float, ...]:
        """Return the lower edges of its bands; empty if its keys are texts."""
        return tuple(key for key in self.keys if not isinstance(key, str))

    def row(self, key: str | float) -> str:
        """Return the name of the parameter with the value of a row: `stage_weight[primary]`, `need_band[0.5]`."""
        return f"{self.name}[{key if isinstance(key, str) else tree.number_text(key)}]"

    @property
    def rows(self) -> tuple[str, ...]:
        """Return the parameters with the values of its rows, in order; that of other texts comes last."""
        return (*map(self.row, self.keys), *([self.row(OTHERWISE)] if self.has_otherwise else []))


OTHERWISE: Final = "otherwise"
"""In place of the key of the value for texts that no row has."""


def row_numbers(function: str, table: FormulaTable, keys: Iterable[str | float | None]) -> list[int | None]:
    """Return, for each text, the position of its row from 0, or for each number that of the band that it is in.

    It is None for a blank, for a text that no row has, and for a number outside the bands: one at the end of the last
    band, and in a `band_line` one above the last edge. Edges are reached as in comparisons.

    Args:
        function: `lookup`, `band_value`, `band_sum` or `band_line`.
        table: The table.
        keys: The texts or numbers.
    """
    positions, edges = {key: row for row, key in enumerate(table.keys)}, table.edges
    others = len(positions) if table.has_otherwise else None

    def row_number(key: str | float | None) -> int | None:
        if key is None or isinstance(key, str):
            return None if key is None else positions.get(key, others)
        reached = bisect_right(edges, key)
        while reached < len(edges) and _has_reached(key, edges[reached]):
            reached += 1
        is_outside = not reached or (table.end is not None and _has_reached(key, table.end))
        if function == "band_line" and reached == len(edges):
            is_outside |= not _has_reached(edges[-1], key)
        return None if is_outside else reached - 1

    return [row_number(key) for key in keys]


def _has_reached(x: float, edge: float) -> bool:
    """Return whether a number is at or above an edge, within the tolerance of comparisons."""
    return x - edge >= -SAME * max(1.0, abs(x), abs(edge))


def values_at(
    function: str, table: FormulaTable, row_values: Sequence[float], keys: Sequence[str | float | None]
) -> list[float | None]:
    """Return what a function of tables gives for each text or number; None if the table has no row or band for it.

    Args:
        function: `lookup`, `band_value`, `band_sum` or `band_line`.
        table: The table.
        row_values: The value of each of its rows, in order.
        keys: The texts or numbers.
    """
    edges, sums = table.edges, sums_below(table.edges, row_values)

    def value(key: float, row: int) -> float:
        above = max(key - edges[row], 0.0)  # a number may be just below the edge that it counts as having reached
        if function == "band_sum":
            return sums[row] + above * row_values[row]
        if row + 1 == len(edges):
            return row_values[row]
        return row_values[row] + above * (row_values[row + 1] - row_values[row]) / (edges[row + 1] - edges[row])

    rows = row_numbers(function, table, keys)
    if function in ("lookup", "band_value"):
        return [None if row is None else row_values[row] for row in rows]
    pairs = zip(keys, rows, strict=True)
    return [None if row is None or not isinstance(key, float) else value(key, row) for key, row in pairs]


def sums_below(edges: Sequence[float], row_values: Sequence[float]) -> list[float]:
    """Return, for each band, what `band_sum` gives at its lower edge: the bands below it, each times its value."""
    sums = [0.0]
    for low, high, value in zip(edges, edges[1:], row_values, strict=False):
        sums.append(sums[-1] + (high - low) * value)
    return sums
