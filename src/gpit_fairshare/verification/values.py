"""How two values are shown that are not the same."""

from __future__ import annotations

import math
from typing import Any, Final

from gpit_fairshare.numbers import figure
from gpit_fairshare.results.agreement import are_numbers, as_float

_LONGEST: Final = 100
"""Characters of a text that are shown."""


class ErrorValue(str):
    """An error in a cell, such as `#N/A`, which is no text."""

    __slots__ = ()


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
        alike = are_numbers(value, other) and value != other and _figure(other, unit) == short
        return repr(value) if alike else short
    text = value if isinstance(value, str) else repr(value)
    other = other if isinstance(other, str) else ""
    return f"“{_part(text, other)}”" if isinstance(value, str) else _part(text, "")


def _figure(value: float, unit: str | None) -> str:
    """Write money to the pence, and other numbers as they are: thousands apart where they are whole."""
    if not math.isfinite(as_float(value)):
        return str(as_float(value))
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
