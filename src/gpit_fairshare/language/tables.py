"""Tables of a scheme as formulas see them: values by text, or by bands of a number.

The functions of the language decide what a table of bands means; the table is only numbers. Bands are half open: a band
holds its lower edge, and not its upper edge, which is the lower edge of the next.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from gpit_fairshare.language import tree

if TYPE_CHECKING:
    from collections.abc import Sequence

_TOLERANCE: Final = 1e-12
"""A number within this part of an edge has reached it, as in comparisons."""


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

    def row(self, key: str | float) -> str:
        """Return the name of the parameter with the value of a row: `stage_weight[primary]`, `need_band[0.5]`."""
        return f"{self.name}[{key if isinstance(key, str) else tree.number_text(key)}]"

    @property
    def rows(self) -> tuple[str, ...]:
        """Return the parameters with the values of its rows, in order; that of other texts comes last."""
        return (*map(self.row, self.keys), *([self.row(OTHERWISE)] if self.has_otherwise else []))


OTHERWISE: Final = "otherwise"
"""In place of the key of the value for texts that no row has."""


def row_number(table: FormulaTable, key: str | float) -> int | None:
    """Return the position, from 0, of the row for a text or of the band that a number is in; None if there is none.

    An edge counts as reached within the tolerance of comparisons. A number at the end of the last band is outside.
    """
    if isinstance(key, str):
        rows = {text: row for row, text in enumerate(table.keys)}
        return rows.get(key, len(rows) if table.has_otherwise else None)
    edges = [edge for edge in table.keys if isinstance(edge, float)]
    reached = sum(_has_reached(key, edge) for edge in edges)
    is_outside = not reached or (table.end is not None and _has_reached(key, table.end))
    return None if is_outside else reached - 1


def _has_reached(x: float, edge: float) -> bool:
    """Return whether a number is at or above an edge, within the tolerance of comparisons."""
    return x - edge >= -_TOLERANCE * max(1.0, abs(x), abs(edge))


def value_at(function: str, table: FormulaTable, values: Sequence[float], key: str | float) -> float | None:
    """Return what a function of tables gives for a text or a number; None if the table has no row or band for it.

    Args:
        function: `lookup`, `band_value`, `band_sum` or `band_line`.
        table: The table.
        values: The value of each of its rows, in order.
        key: The text or number.
    """
    row = row_number(table, key)
    if row is None or isinstance(key, str) or function in ("lookup", "band_value"):
        return None if row is None else values[row]
    edges = [edge for edge in table.keys if isinstance(edge, float)]
    above = max(key - edges[row], 0.0)
    if function == "band_sum":
        return sums_below(edges, values)[row] + above * values[row]
    if row + 1 == len(edges):  # a line ends at its last edge
        return values[row] if not above or _has_reached(edges[row], key) else None
    return values[row] + above * (values[row + 1] - values[row]) / (edges[row + 1] - edges[row])


def sums_below(edges: Sequence[float], values: Sequence[float]) -> list[float]:
    """Return, for each band, what `band_sum` gives at its lower edge: the bands below it, each times its value."""
    sums = [0.0]
    for low, high, value in zip(edges, edges[1:], values, strict=False):
        sums.append(sums[-1] + (high - low) * value)
    return sums
