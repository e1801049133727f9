"""Bounds on the size of numbers from any source.

Calculations multiply, divide and square figures: £ per head, a variance, a tenth more of an assumption. Within these
bounds every result fits a float, a cell of Excel and a JSON document.
"""

from __future__ import annotations

from typing import Final

SMALLEST: Final = 1e-50
LARGEST: Final = 1e50
BOUNDS: Final = "a number is 0, or between 1e-50 and 1e50 in size"
"""The rule that messages state for a number outside the bounds."""
MOST_UNITS: Final = 10**15
"""Whole pounds, pennies or other units of rounding in an amount: a float holds 15 digits of any number."""


def is_in_bounds(number: float) -> bool:
    """Return whether a number can be calculated with: it is 0, or neither too large nor too small."""
    return number == 0 or SMALLEST <= abs(number) <= LARGEST


def without_traces(number: float) -> float:
    """Return a calculated number, or 0 if it is smaller than any number that is read."""
    return number if abs(number) >= SMALLEST else 0.0
