"""When two values are the same, and how they are shown where they are not."""

from __future__ import annotations

import math
from typing import Any, Final

from gpit_fairshare.engine import figure

_RELATIVE: Final = 1e-9
_MONEY: Final = 0.001
"""A tenth of a penny: figures further apart are never the same, however large."""
_NOISE: Final = 1e-13
"""What floats themselves leave open: 16 digits, and a few operations."""
_NOUGHT: Final = 1e-9
_REMAINDER: Final = 0.001
_LONGEST: Final = 100
"""Characters of a text that are shown."""


class ErrorValue(str):
    """An error in a cell, such as `#N/A`, which is no text."""

    __slots__ = ()


def same_as_written(here: Any, there: Any) -> bool:
    """Return whether a value that was written down is the same: texts exactly, numbers to 15 digits.

    Spreadsheet programs keep 15 digits of a number. None and an empty text are both nothing.
    """
    if _are_numbers(here, there):
        return here == there or math.isclose(_float(here), _float(there), rel_tol=1e-14)
    return _same(here, there)


def same_remainder(here: Any, there: Any) -> bool:
    """Return whether what is left of two large numbers is the same: to a thousandth of a unit.

    In pence £30bn leave four digits for the remainder. Who gets the odd penny for it is seen where money stands.
    """
    return _are_numbers(here, there) and abs(_float(here) - _float(there)) <= _REMAINDER


def same_as_worked_out(here: Any, there: Any) -> bool:
    """Return whether a value that a formula gives is the same: texts exactly, numbers to a billionth.

    No program adds up in the same order as another. Figures more than a tenth of a penny apart are not the
    same, up to sums so large that floats do not tell pennies.
    """
    if _are_numbers(here, there):
        here, there = _float(here), _float(there)
        size = max(abs(here), abs(there))
        return bool(abs(here - there) <= max(_NOUGHT, _NOISE * size, min(_RELATIVE * size, _MONEY)))
    return _same(here, there)


def _are_numbers(here: Any, there: Any) -> bool:
    return all(isinstance(one, int | float) and not isinstance(one, bool) for one in (here, there))


def _float(number: float) -> float:
    """Return a number as a float; a whole number may be too long for one."""
    try:
        return float(number)
    except OverflowError:
        return math.inf if number > 0 else -math.inf


def _same(here: Any, there: Any) -> bool:
    if here in (None, "") or there in (None, ""):
        return here in (None, "") and there in (None, "")
    return type(here) is type(there) and bool(here == there)


def shown(value: Any, other: Any = None, unit: str | None = "") -> str:
    """Write a value for a message, as exactly as it takes to tell it from the other; texts in quotation marks."""
    if value is None or value == "":
        return "nothing"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, ErrorValue):
        return f"the error {value}"
    if isinstance(value, int | float):
        short = _figure(value, unit)
        alike = _are_numbers(value, other) and value != other and _figure(other, unit) == short
        return repr(value) if alike else short
    text = value if isinstance(value, str) else repr(value)
    other = other if isinstance(other, str) else ""
    return f"“{_part(text, other)}”" if isinstance(value, str) else _part(text, "")


def _figure(value: float, unit: str | None) -> str:
    """Write money to the pence, and other numbers as they are: thousands apart where they are whole."""
    if not math.isfinite(_float(value)):
        return str(_float(value))
    if (unit or "").startswith("£"):
        return figure(value, unit)
    return f"{value:,.0f}" if value == int(value) and abs(value) < 2**53 else f"{value:.15g}"


def _part(text: str, other: str) -> str:
    """Return a text, or that part of a long one in which it differs from the other."""
    if len(text) <= _LONGEST:
        return text
    first = next((place for place, (here, there) in enumerate(zip(text, other, strict=False)) if here != there), 0)
    start = max(0, min(first - _LONGEST // 4, len(text) - _LONGEST))
    end = start + _LONGEST
    return f"{'…' if start else ''}{text[start:end]}{'…' if end < len(text) else ''}"
