"""Bounds on the size of numbers from any source.

Calculations multiply, divide and square figures: £ per head, a variance, a changed assumption. Within these bounds
every result fits into a float, a cell of Excel and a JSON document.
"""

from __future__ import annotations

from typing import Final

SMALLEST: Final = 1e-50
LARGEST: Final = 1e50
BOUNDS: Final = "numbers must be 0 or between 1e-50 and 1e50, ignoring the sign"
"""The rule that messages state for a number outside the bounds."""
MOST_UNITS: Final = 10**15
"""Most units of rounding (pounds, pence or other) in an amount: a float keeps 15 digits of any number."""


def is_in_bounds(number: float) -> bool:
    """Return whether a number can be used in calculations: it is 0, or neither too large nor too small."""
    return number == 0 or SMALLEST <= abs(number) <= LARGEST
