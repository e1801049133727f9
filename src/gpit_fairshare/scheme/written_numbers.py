"""Numbers as files and options write them: decimals, exact fractions and percentages."""

from __future__ import annotations

import math
import re
from decimal import Decimal
from fractions import Fraction
from typing import Final

from gpit_fairshare.magnitude import BOUNDS, is_in_bounds
from gpit_fairshare.numbers import EXACT, exact, grouped_decimal, shortest_decimal

Exact = int | float | str
"""A number, or an exact fraction in text such as `"1/6"`."""
_NUMBER = re.compile(
    r"([+-]?(?:[0-9]+/[0-9]+|(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:e[+-]?[0-9]{1,4})?))\s*(%?)", re.IGNORECASE
)
_LONGEST_NUMBER: Final = 1_000
_AMOUNT = re.compile(
    r"(?P<sign>[-+−–]?)\s?(?P<digits>[0-9]{1,3}(?:,[0-9]{3})+|[0-9]+)(?P<decimals>\.[0-9]+)?"
    r"\s?(?:(?P<thousands>k|thousand)|(?P<millions>mn?|million)|(?P<billions>bn|billion))?\s?(?P<percent>%?)",
    re.IGNORECASE,
)
"""A number as people write amounts, after £ is removed: `219,220,000`, `226m`, `−5%`."""


_RATIOS: Final = ("%", "ratio")
"""Units of which any percentage can be a value."""


def number(value: Exact) -> float:
    """Return a value of a scheme file or an option as a number; `1/6` is a fraction, `5%` is 0.05.

    Raises:
        ValueError: It is not a finite number, or too large or too small to calculate with.
    """
    label = repr(value)[:80] if isinstance(value, str | float | bool) else "the number"
    try:
        if isinstance(value, bool):
            raise ValueError  # noqa: TRY004, TRY301  # reported below, in one place
        result = float(fraction(value) if isinstance(value, str) else value)
    except (ValueError, ZeroDivisionError):
        raise ValueError(f"{label} is not a number; write {_in_plain_digits(str(value))}") from None
    except OverflowError:
        result = math.inf
    if not math.isfinite(result):
        raise ValueError(f"{label} is too large or not a number; write a finite number")
    if not is_in_bounds(result):
        raise ValueError(f"{label} is too {'large' if abs(result) > 1 else 'small'}; {BOUNDS}")
    return result + 0.0  # minus zero becomes zero


def _in_plain_digits(text: str) -> str:
    """Return what to write in place of a text that is no number: an amount in its digits, or else examples."""
    match = _AMOUNT.fullmatch(text.replace("£", "").strip()) if len(text) <= 25 else None
    if not match:
        return "1500000, 0.5, 5% or 1/6"
    size = 3 * next((power for power, name in enumerate(("thousands", "millions", "billions"), 1) if match[name]), 0)
    amount = Decimal(match["digits"].replace(",", "") + (match["decimals"] or "")).scaleb(size)
    is_long_minus = match["sign"] in tuple("−–")
    reason = "with - as its minus" if is_long_minus else "without £, commas and letters"
    return f"{'-' if is_long_minus else match['sign']}{amount:f}{match['percent']}, {reason}"


def fraction(text: str) -> Fraction:
    """Return the exact value of a number written as a text, which may be a fraction or a percentage.

    Raises:
        ValueError: It is not such a text.
    """
    # Limits of length and power: the fraction 1e999999999 would fill the memory before it becomes a float.
    match = _NUMBER.fullmatch(re.sub(r"(?<=[0-9])_(?=[0-9])", "", text).strip())
    if not match or len(text) > _LONGEST_NUMBER:
        raise ValueError(f"{text[:80]!r} is not a number")
    return Fraction(match[1]) / (100 if match[2] else 1)


def fraction_text(value: Fraction) -> str:
    """Return an exact value as a text that `fraction` reads: a decimal number, or `1/3` if it has no last digit."""
    quotient = EXACT.divide(value.numerator, value.denominator)
    return shortest_decimal(quotient) if Fraction(quotient) == value else str(value)


def is_signed_percentage(text: str) -> bool:
    """Return whether a number is written as a percentage with a sign: `+3%`."""
    return text[:1] in ("+", "-") and text.endswith("%")


def percentage_problem(name: str, text: str, unit: str | None) -> str:
    """Return why a number cannot be a value or bound of a parameter with this unit; empty if it can.

    A percentage is a value of % and ratio. Without a unit, a percentage with a sign may be meant as a change. With the
    unit %, a number beyond 1 without the sign is more likely a percentage than the multiple that it is.
    """
    if unit == "%" and is_beyond_one(text):
        in_full = as_percentage(text)
        share = grouped_decimal(exact(100 * number(text)))
        return f"{text} is {share}% for {name}; write {text}%, or {in_full} if that is meant"
    if not text.endswith("%") or unit in _RATIOS:
        return ""
    if unit:
        return f"{text} is a percentage, but the unit of {name} is {unit}"
    if not is_signed_percentage(text):
        return ""
    return (
        f"{text} may be a value or a change, because {name} has no unit; give the parameter its unit where it is "
        f'declared, such as unit = "%", or write {shortest_decimal(exact(number(text)))}'
    )


def is_beyond_one(text: str) -> bool:
    """Return whether a text is a number above 1 or below -1, written without the sign %."""
    try:
        return not text.endswith("%") and abs(fraction(text)) > 1
    except ValueError:  # the name of another parameter
        return False


def as_percentage(text: str) -> str:
    """Return a number as a percentage that is read as the same number: `10` is `1000%`."""
    hundredfold = fraction(text) * 100
    percentage = f"{shortest_decimal(exact(float(hundredfold)))}%"
    return percentage if number(percentage) == number(text) else f"{hundredfold}%"
