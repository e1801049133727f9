"""Every figure that people read is written here: money, changes, per head, shares, people, plain numbers."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Context, Decimal
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable


def money(amount: float, digits: int = 0) -> str:
    """Write pounds: `£140,000,000`, `-£450`; halves go away from zero, as in Excel."""
    size = _digits(abs(amount), digits)
    return f"-£{size}" if amount < 0 and _is_not_nil(size) else f"£{size}"


def per_head(rate: float) -> str:
    """Write £ per head to the penny: `£2.47`."""
    return money(rate, 2)


def signed(amount: float, digits: int = 0) -> str:
    """Write a change in pounds: `+£1,230`, `-£450`; nil has no sign. With 2 digits it is £ per head."""
    text = money(amount, digits)
    return f"+{text}" if amount > 0 and _is_not_nil(text) else text


def percentage(ratio: float) -> str:
    """Write a ratio as a percentage with one decimal: 0.6634 is `66.3%`."""
    size = _digits(abs(ratio) * 100, 1)
    return f"-{size}%" if ratio < 0 and _is_not_nil(size) else f"{size}%"


def _digits(size: float, digits: int) -> str:
    # repr() is the number that people see in a sheet: 0.125 is a half, 2.675 counts as one.
    exact = Decimal(repr(float(size)))
    rounded = exact.quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP, Context(prec=400))
    return f"{rounded:,f}"


def _is_not_nil(text: str) -> bool:
    return any(character in "123456789" for character in text)


def whole(number: float) -> str:
    """Write a whole number, thousands apart."""
    return f"{number:,.0f}"


def plain_number(value: float) -> str:
    """Write a number that has no unit, to three decimals at most."""
    return f"{value:,.3f}".rstrip("0").rstrip(".")


def or_dash(value: float | None, write: Callable[[float], str]) -> str:
    """Write a number, or a dash where there is none."""
    return "–" if value is None else write(value)


def written_value(number: float, unit: str | None, as_typed: str) -> str:
    """Write a value in its unit where that loses nothing of it, else as somebody typed it."""
    to_the_penny = number == round(number, 2)
    match unit:
        case "£" if to_the_penny:
            return money(number, 0 if number.is_integer() else 2)
        case "£ per head" if to_the_penny:
            return per_head(number)
        case "people" if number.is_integer():
            return whole(number)
        case _:
            return as_typed


def figure(value: Any, unit: str | None = "") -> str:
    """Write a figure for a message: thousands apart, pence only where there are any, £ before money."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str):
        return value
    written = f"{abs(float(value)):,.2f}".removesuffix(".00")
    return f"{'-' if value < 0 else ''}{'£' if (unit or '').startswith('£') else ''}{written}"
