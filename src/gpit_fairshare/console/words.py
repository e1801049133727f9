"""Numbers and nouns as a screen writes them."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Context, Decimal
from typing import TYPE_CHECKING

from gpit_fairshare.words import counted, inside, is_money, joined, plural, sentence

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from gpit_fairshare.scheme import Value


__all__ = [
    "counted",
    "inside",
    "is_money",
    "joined",
    "money",
    "or_dash",
    "per_head",
    "percentage",
    "plain_number",
    "plural",
    "sentence",
    "signed",
    "span",
    "whole",
    "written_value",
]


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


def span(years: Sequence[str], whole: Sequence[str] = ()) -> str:
    """Write years: `2014/15`, `2014/15 and 2015/16`, `2014/15 to 2023/24`, or `every year` of a whole."""
    if len(years) > 1 and tuple(years) == tuple(whole):
        return "every year"
    firsts = [int(year[:4]) for year in years]
    follow_on = firsts == list(range(firsts[0], firsts[0] + len(firsts))) if firsts else False
    return f"{years[0]} to {years[-1]}" if follow_on and len(years) > 2 else joined(years)


def whole(number: float) -> str:
    """Write a whole number, thousands apart."""
    return f"{number:,.0f}"


def plain_number(value: float) -> str:
    """Write a number that has no unit, to three decimals at most."""
    return f"{value:,.3f}".rstrip("0").rstrip(".")


def or_dash(value: float | None, write: Callable[[float], str]) -> str:
    """Write a number, or a dash where there is none."""
    return "–" if value is None else write(value)


def written_value(value: Value, unit: str | None) -> str:
    """Write a value in its unit where that loses nothing of it, else as the option wrote it."""
    number = value.value
    to_the_penny = number == round(number, 2)
    match unit:
        case "£" if to_the_penny:
            return money(number, 0 if number.is_integer() else 2)
        case "£ per head" if to_the_penny:
            return per_head(number)
        case "people" if number.is_integer():
            return whole(number)
        case _:
            return value.written
