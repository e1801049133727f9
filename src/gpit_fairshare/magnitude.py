"""How large and how small a number may be, wherever it comes from.

Figures are multiplied, divided and squared on the way: £ per head, a variance, a tenth more of an assumption. Within
these bounds none of that leaves the numbers that a float, a cell of Excel and a JSON document can hold.
"""

from __future__ import annotations

from typing import Final

SMALLEST: Final = 1e-50
LARGEST: Final = 1e50
BOUNDS: Final = "a number is 0, or between 1e-50 and 1e50 in size"
"""What to say of a number that is neither."""
MOST_UNITS: Final = 10**15
"""Whole pounds, pennies or other units of rounding in an amount: a float holds 15 digits of any number."""


def is_in_bounds(number: float) -> bool:
    """Return whether a number that is read is fit to calculate with: 0, or neither too large nor too small."""
    return number == 0 or SMALLEST <= abs(number) <= LARGEST


def without_traces(number: float) -> float:
    """Return a calculated number, and 0 for what is smaller than any number that is read."""
    return number if abs(number) >= SMALLEST else 0.0
