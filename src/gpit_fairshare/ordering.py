"""The kernels of the formula language that put rows in order: `rank`, and `running_total` down to one's own place."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Context, Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Final

from gpit_fairshare.sharing import rows_by_group

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gpit_fairshare.sharing import Number

DIGITS: Final = 12
"""Significant digits in which values are compared: the noise of floats is beyond them."""
_COMPARED: Final = Context(prec=DIGITS, rounding=ROUND_HALF_UP)
_IN_SHEETS: Final = Context(prec=15, rounding=ROUND_HALF_UP)
"""The digits of a number that ROUND of a spreadsheet begins with."""


def compared(value: Number) -> Decimal:
    """Return a finite value as it is compared: to 12 significant digits, halves away from 0.

    It is first rounded to 15 digits, as in a spreadsheet, so that a half that binary cannot hold is a half.
    """
    return _COMPARED.create_decimal(_IN_SHEETS.create_decimal(repr(float(value))))


def ranks(x: Sequence[Number], groups: Sequence[int] | None = None) -> list[int]:
    """Return the rank of each row within its group: 1 for the largest value; of equal values the earlier row is first.

    Values are equal if `compared` says so.

    Args:
        x: One finite value per row, sorted by organisation code, because the order decides ties.
        groups: A group number for each row; without it, all rows are in one group.
    """
    values, places = [compared(value) for value in x], [0] * len(x)
    for rows in rows_by_group(groups, len(x), None):
        for place, row in enumerate(sorted(rows, key=lambda row: -values[row]), 1):  # equal rows stay in their order
            places[row] = place
    return places


def running_totals(x: Sequence[Number], ranks: Sequence[Number], groups: Sequence[int] | None = None) -> list[Fraction]:
    """Return for each row the exact sum of `x` over the rows of its group whose rank is not above its own.

    Args:
        x: One finite value per row.
        ranks: The rank of each row within its group; no two are equal.
        groups: A group number for each row; without it, all rows are in one group.
    """
    totals = [Fraction(0)] * len(x)
    for rows in rows_by_group(groups, len(x), None):
        total = Fraction(0)
        for row in sorted(rows, key=lambda row: ranks[row]):
            total += Fraction(x[row])
            totals[row] = total
    return totals
