"""Formats every figure that people read: money, changes, per head, shares, people, plain numbers."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Context, Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Final

from gpit_fairshare.words import is_money

if TYPE_CHECKING:
    from collections.abc import Callable


PENNY: Final = Decimal("0.01")
MILLIONTH: Final = Decimal("0.000001")
EXACT: Final = Context(prec=800)
"""Holds every digit of a sum of floats; Python's default context rounds to 28, which may be too few."""
_PARAMETER_DIGITS: Final = 6
"""Digits shown of a parameter's value; 1/3 would have infinitely many."""
DIGITS: Final = (12, 15, 17, 20, 25, 40)
"""Possible numbers of significant digits; 17 distinguish all floats."""
FLOAT_DIGITS: Final = 17
_LARGEST, _SMALLEST = 21, -9
"""Powers of ten: a number from the first up, or below the second, is written with an exponent."""
_SAFE: Final = 15
"""Whole numbers and pounds of up to this many digits are always written in full."""
_SUFFIXES: Final = {"people": " people", "£ per head": " per head"}


def exact(number: float) -> Decimal:
    """Return a float as the decimal number of its shortest text: 0.1 is exactly 1/10."""
    return Decimal(repr(float(number)))


def rounded_to(amount: Decimal, unit: Decimal) -> Decimal:
    """Round an amount to a multiple of a power of ten, such as `PENNY`; halves go away from zero."""
    return amount.quantize(unit, ROUND_HALF_UP, EXACT)


def money(amount: float, digits: int = 0) -> str:
    """Write pounds: `£140,000,000`, `-£450`; halves go away from zero, as in Excel."""
    size = _rounded_digits(abs(amount), digits)
    return f"-£{size}" if amount < 0 and _has_nonzero_digit(size) else f"£{size}"


def per_head(rate: float) -> str:
    """Write £ per head to the penny: `£2.47`."""
    return money(rate, 2)


def visible_rate(rate: float) -> str:
    """Write £ per head to the penny; less than a penny with two significant figures."""
    return per_head(rate) if rate >= 0.01 else f"£{rate:.2g}"


def signed(amount: float, digits: int = 0) -> str:
    """Write a change in pounds: `+£1,230`, `-£450`; zero has no sign. With 2 digits it is £ per head."""
    text = money(amount, digits)
    return f"+{text}" if amount > 0 and _has_nonzero_digit(text) else text


def percentage(ratio: float) -> str:
    """Write a ratio as a percentage with one decimal: 0.6634 is `66.3%`."""
    size = _rounded_digits(abs(ratio) * 100, 1)
    return f"-{size}%" if ratio < 0 and _has_nonzero_digit(size) else f"{size}%"


def _rounded_digits(size: float, digits: int) -> str:
    """Write a number that is not negative with this many decimals, halves rounded up and thousands separated."""
    # Rounds the shortest text, which people see in a sheet: 0.125 and 2.675 are halves.
    return f"{rounded_to(exact(size), Decimal(1).scaleb(-digits)):,f}"


def _has_nonzero_digit(text: str) -> bool:
    """Return whether a written number has a digit other than 0."""
    return any(sign in "123456789" for sign in text)


def visible_percentage(ratio: float) -> str:
    """Write a ratio as a percentage with one decimal: `66.3%`; less than 1% with two significant digits: `0.71%`."""
    size = abs(exact(ratio) * 100)
    if size >= 1:
        return percentage(ratio)
    if not size:
        return "0%"
    return f"{'-' if ratio < 0 else ''}{decimal_text(Context(prec=2).plus(size))}%"


def in_sentence(value: float, unit: str | None, *, pence: bool = False) -> str:
    """Write a figure for a sentence: whole pounds and people, £ per head to the penny, `%` as a percentage.

    Other numbers have two decimals at most, or two significant digits if they are less than 0.1. Less than £1 is
    written with its pence.

    Args:
        value: The figure.
        unit: Its unit.
        pence: Whether to write pounds with their pence.
    """
    match unit:
        case "£":
            return money(value, 2 if pence or 0 < abs(value) < 1 else 0)
        case "£ per head":
            return per_head(value)
        case "people":
            return whole(value)
        case "%":
            return visible_percentage(value)
        case _ if 0 < abs(value) < 0.1:
            return decimal_text(Context(prec=2).plus(exact(value)))
        case _:
            return figure(value, unit)


def percentage_change(ratio: float) -> str:
    """Write a change as a percentage with its sign and one decimal: `+25.0%`."""
    return f"{ratio:+.1%}"


def whole_percentage(ratio: float) -> str:
    """Write a ratio as a percentage without decimals: 0.25 is `25%`."""
    return f"{ratio:.0%}"


def shortest(number: float) -> str:
    """Write a number in six significant digits at most, large and small ones with an exponent: `1e+50`."""
    return f"{number:g}"


def whole(number: float) -> str:
    """Write a number without decimals, thousands separated: `106,613`."""
    return f"{number:,.0f}"


def decimals(index: float, places: int = 1) -> str:
    """Write an index or a coefficient with a number of decimal places: `62.5`."""
    return f"{index:.{places}f}"


def plain_number(value: float) -> str:
    """Write a number without a unit, thousands separated, with at most three decimals: `1,234.5`."""
    return f"{value:,.3f}".rstrip("0").rstrip(".")


def or_dash(value: float | None, write: Callable[[float], str]) -> str:
    """Write a number with the given function, or a dash if there is none."""
    return "–" if value is None else write(value)


def written_value(number: float, unit: str | None, as_typed: str) -> str:
    """Write a value in £, £ per head, people or % with all its digits; in other units, or if a fraction, as typed."""
    to_the_penny = number == round(number, 2)
    match unit:
        case "£" if to_the_penny:
            return money(number, 0 if number.is_integer() else 2)
        case "£ per head" if to_the_penny:
            return per_head(number)
        case "people" if number.is_integer():
            return whole(number)
        case "£" | "£ per head" | "people" | "%" if "/" not in as_typed:
            return parameter_value(number, unit, full=True)
        case _:
            return as_typed


def figure(value: Any, unit: str | None = "") -> str:
    """Write a figure for a message: thousands separated, pence only if there are any, £ before money.

    True and False become `yes` and `no`; a text is returned unchanged.
    """
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str):
        return value
    digits = f"{abs(float(value)):,.2f}".removesuffix(".00")
    return f"{'-' if value < 0 else ''}{'£' if (unit or '').startswith('£') else ''}{digits}"


def as_in_sheet(value: float | Fraction, digits: int = 15) -> str:
    """Write a number as a sheet shows it, thousands separated, with at most `digits` significant digits."""
    return f"{float(value):,.{digits}g}"


def as_stored(value: float) -> str:
    """Write a number to 15 digits; a whole number in full, with thousands separated."""
    return f"{value:,.0f}" if value == int(value) and abs(value) < 2**53 else f"{value:.15g}"


def remainder_text(millionths: int) -> str:
    """Write a remainder of rounding, given in millionths, to six places: `0.534210`."""
    return f"{millionths / 1_000_000:.6f}"


def megabytes(size: int) -> str:
    """Write a size in bytes as MB: `147 MB`; below 10 MB with a decimal."""
    number = size / 1_000_000
    return f"{number:,.0f} MB" if number >= 10 else f"{number:,.1f} MB"


# Decimals: exact where that is short, and never hiding a penny -------------------------------------------------


def exact_money(amount: Decimal, unit: str | None = "£", *, pence: bool | None = None) -> str:
    """Write an amount: `£1,234`, `-£0.50`; without £ and with at most six decimals if it is not money.

    Less than half a penny is written with two significant digits, unless `pence` is false; less than a millionth of
    another unit is written in full.

    Args:
        amount: The amount.
        unit: Its unit.
        pence: Whether to write pence; None writes them if there are any, to the penny.
    """
    sign, size = "-" if amount < 0 else "", amount.copy_abs()
    if not is_money(unit):
        return f"{sign}{decimal_text(rounded_to(size, MILLIONTH) if size >= MILLIONTH else size, grouped=True)}"
    rounded_size = rounded_to(size, Decimal(1) if pence is False else PENNY)
    if pence is not False and not rounded_size and size:  # less than half a penny must stay visible
        return f"{sign}£{Context(prec=2).plus(size):f}"
    if pence is None and rounded_size == rounded_size.to_integral_value():
        rounded_size = rounded_to(rounded_size, Decimal(1))  # further digits are noise of a division
    return f"{sign if rounded_size else ''}£{rounded_size:,f}"


def exact_change(amount: Decimal, unit: str | None = "£", *, pence: bool | None = None) -> str:
    """Write a change with its sign: `+£1,230`, `-£450`; zero has none."""
    text = exact_money(amount, unit, pence=pence)
    return f"+{text}" if amount > 0 and _has_nonzero_digit(text) else text


def percent_change(ratio: Decimal | None) -> str:
    """Write a change given in per cent, with its sign and one decimal: `+3.4%`; a dash for None.

    One too small for that is written with its first digit (`-0.0003%`), a very large one with an exponent.
    """
    if ratio is None:
        return "–"
    rounded_ratio = rounded_to(ratio, Decimal("0.1"))
    text = f"{rounded_ratio:+,f}" if rounded_ratio else f"{Context(prec=1).plus(ratio):+f}" if ratio else "0.0"
    return f"{text}%" if len(text) <= len("+1,000,000.0") else f"{ratio:+.1e}%"


def decimal_text(amount: Decimal, *, grouped: bool = False) -> str:
    """Write a number in full, without an exponent and without trailing zeros."""
    text = f"{amount:,f}" if grouped else f"{amount:f}"
    return (text.rstrip("0").rstrip(".") if "." in text else text) if amount else "0"


def parameter_value(value: float | Decimal, unit: str | None, *, full: bool = False) -> str:
    """Write a parameter's value in its unit: `£20,000,000`, `£4,000.10`, `50%`, `33.3333%`, `0.25`.

    It has six significant digits, or more if its whole part is long.

    Args:
        value: The value.
        unit: Its unit; with `%` the value is written as a percentage.
        full: Whether to write all digits, even many.
    """
    amount = value if isinstance(value, Decimal) else exact(value)
    if unit == "%":
        return f"{decimal_text(_shorten(amount * 100, 2, full=full))}%"
    short_amount = _shorten(amount.copy_abs(), 4, full=full)
    text = decimal_text(short_amount, grouped=True)
    if not (unit or "").startswith("£"):
        return f"{'-' if amount < 0 else ''}{text}"
    if "." in text and len(text.partition(".")[2]) == 1:
        text = f"{text}0"  # pounds and pence
    return f"{'-' if amount < 0 else ''}£{text}"


def _shorten(amount: Decimal, places: int, *, full: bool) -> Decimal:
    """Return a number rounded to six digits, or to more if its whole part and `places` decimals need them.

    Args:
        amount: The number.
        places: Decimal places that are always kept.
        full: Whether to return the number unchanged.
    """
    digits = max(_PARAMETER_DIGITS, amount.adjusted() + 1 + places)
    return amount if full or not amount else Context(prec=digits).plus(amount)


def parameter_values(old: float, new: float, units: tuple[str | None, str | None]) -> tuple[str, str]:
    """Write two values of a parameter, each in its own unit of `units`, in full if they would otherwise look equal."""
    texts = parameter_value(old, units[0]), parameter_value(new, units[1])
    if texts[0] != texts[1]:
        return texts
    return parameter_value(old, units[0], full=True), parameter_value(new, units[1], full=True)


def shortest_decimal(number: Decimal) -> str:
    """Write a number without needless zeros: `398372000`, `2.5`; very large and small ones as `1e-10`."""
    if not number.is_finite():
        return str(number)
    if not number:
        return "0"
    # Zeros that were not written out, as in 1e300, stay so.
    spelled = -9 <= number.adjusted() < max(21, len(number.as_tuple().digits))
    text = f"{number:f}" if spelled else f"{number:e}"
    digits, e, power = text.partition("e")
    digits = digits.rstrip("0").rstrip(".") if "." in digits else digits
    return f"{digits}{e}{power}"


def grouped_decimal(number: Decimal) -> str:
    """Write a number as `shortest_decimal` does, with thousands separated unless it has an exponent."""
    text = shortest_decimal(number)
    if "e" in text or not number.is_finite():
        return text
    whole, point, decimals = text.partition(".")
    sign = "-" if whole.startswith("-") else ""
    return f"{sign}{int(whole.removeprefix('-')):,}{point}{decimals}"


def edge_text(number: float, unit: str | None) -> str:
    """Write an edge of a band, or a number beside it, in all its digits: `1,000`, or with the unit % `12.5%`."""
    return parameter_value(number, unit, full=True) if unit == "%" else grouped_decimal(exact(number))


def signed_decimal(number: Decimal) -> str:
    """Write a difference as `grouped_decimal` does, with its sign; zero has none."""
    return f"{'+' if number > 0 else ''}{grouped_decimal(number)}"


# Numbers that can be read back -----------------------------------------------------------------------------------


def readable_number(value: float | Fraction, unit: str | None, digits: int) -> str:
    """Write a number with its unit, £ or %, so that it can be read back; see `language.with_numbers.value_text`.

    Args:
        value: The number.
        unit: Its unit; with `%` the number is written as a percentage.
        digits: Most significant digits, one of `DIGITS`.
    """
    number = _to_decimal(value, digits).scaleb(2 if unit == "%" else 0, Context(prec=2_000))
    money = (unit or "").startswith("£")
    text = _write_unsigned(abs(number), digits, money=money)
    sign = "-" if number < 0 else ""
    return f"{sign}{'£' if money else ''}{text}{'%' if unit == '%' else ''}"


def _to_decimal(value: float | Fraction, digits: int) -> Decimal:
    """Return a number as a decimal with `digits` significant digits, but for 17 or fewer all those of its float."""
    if digits <= FLOAT_DIGITS:
        return exact(float(value))
    fraction = Fraction(value)
    return Context(prec=digits).divide(Decimal(fraction.numerator), Decimal(fraction.denominator))


def _write_unsigned(number: Decimal, digits: int, *, money: bool) -> str:
    """Write a number that is not negative, with thousands separated or, if it is very large or small, an exponent.

    It is rounded only if it has more than two decimals, or is 10^15 or more.

    Args:
        number: The number.
        digits: Most significant digits.
        money: Whether to write both digits of pence, and all pounds in full.
    """
    if not number:
        return "0"
    size = number.adjusted()
    places = -int(number.normalize(Context(prec=2_000)).as_tuple().exponent)
    if places > 2 or size >= _SAFE:
        least = size + 3 if money and size < _SAFE else 1
        number = Context(prec=max(digits, least)).plus(number)
        places = -int(number.normalize(Context(prec=2_000)).as_tuple().exponent)
    if not _SMALLEST <= size < _LARGEST:
        return f"{number.normalize(Context(prec=2_000)):e}"
    places = 2 if money and places == 1 else max(places, 0)
    return f"{number:,.{places}f}"


def with_unit(text: str, unit: str | None) -> str:
    """Return a written value followed by `people` or `per head`, if that is its unit: `106,613 people`."""
    return text + _SUFFIXES.get(unit or "", "")
