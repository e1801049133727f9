"""Amounts and ratios as a comparison writes them: exact where that is short, and never a penny lost from view."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Context, Decimal, InvalidOperation
from typing import TYPE_CHECKING, Final

from gpit_fairshare.words import is_money

if TYPE_CHECKING:
    from collections.abc import Iterable

_EXACT: Final = Context(prec=800)
"""Room for every digit of a sum of floats; Python's own context rounds to 28, and a shortest text may need more."""
NOTHING: Final = Decimal(0)
PENNY: Final = Decimal("0.01")
_FINE: Final = Decimal("0.000001")
_DIGITS: Final = 6
"""Digits of a value that people read; a third has no end of them."""


def exact(number: float) -> Decimal:
    """Return a number as its shortest text has it: £0.1 is a tenth, whatever binary makes of it."""
    return Decimal(repr(float(number)))


def less(amount: Decimal, other: Decimal) -> Decimal:
    """Return one amount less another, exactly."""
    return _EXACT.subtract(amount, other)


def total(amounts: Iterable[Decimal]) -> Decimal:
    """Add up amounts, exactly."""
    found = NOTHING
    for amount in amounts:
        found = _EXACT.add(found, amount)
    return found


def quantum(unit: str | None) -> Decimal:
    """Return what contributions are rounded to: the penny, or a millionth of what is not money."""
    return PENNY if is_money(unit) else _FINE


def rounded_to(amount: Decimal, unit: Decimal) -> Decimal:
    """Round to a multiple of a power of ten, halves away from zero."""
    return amount.quantize(unit, ROUND_HALF_UP, _EXACT)


def figure(amount: Decimal, unit: str | None = "£", *, pence: bool | None = None) -> str:
    """Write an amount: `£1,234`, `-£0.50`; of what is not money the number alone.

    Args:
        amount: The amount.
        unit: Its unit.
        pence: Whether to write pence; None writes them where there are any, to the penny.
    """
    sign, size = "-" if amount < 0 else "", amount.copy_abs()
    if not is_money(unit):
        return f"{sign}{plain(rounded_to(size, _FINE) if size >= _FINE else size, grouped=True)}"
    shown = rounded_to(size, Decimal(1) if pence is False else PENNY)
    if pence is not False and not shown and size:  # less than half a penny: it is there, and has to be seen
        return f"{sign}£{Context(prec=2).plus(size):f}"
    if pence is None and shown == shown.to_integral_value():
        shown = rounded_to(shown, Decimal(1))  # what is beyond the penny is the noise of a division
    return f"{sign if shown else ''}£{shown:,f}"


def signed(amount: Decimal, unit: str | None = "£", *, pence: bool | None = None) -> str:
    """Write a change with its sign: `+£1,230`, `-£450`; nil has none."""
    text = figure(amount, unit, pence=pence)
    return f"+{text}" if amount > 0 and any(sign in "123456789" for sign in text) else text


def percent(change: Decimal, old: Decimal | None) -> Decimal | None:
    """Return a change in per cent of the old amount; None where there was nothing."""
    if not old:
        return None
    return short(change / abs(old) * 100)


def short(ratio: Decimal) -> Decimal:
    """Return a ratio with the twelve digits that anybody looks at."""
    return Context(prec=12).plus(ratio)


def written_percent(ratio: Decimal | None) -> str:
    """Write per cent with one decimal, as many as it takes for a small one: `+3.4%`, `-0.0003%`; a dash for none."""
    if ratio is None:
        return "–"
    shown = rounded_to(ratio, Decimal("0.1"))
    text = f"{shown:+,f}" if shown else f"{Context(prec=1).plus(ratio):+f}" if ratio else "0.0"
    return f"{text}%" if len(text) <= len("+1,000,000.0") else f"{ratio:+.1e}%"


def plain(amount: Decimal, *, grouped: bool = False) -> str:
    """Write a number in full, without an exponent and without noughts at its end."""
    text = f"{amount:,f}" if grouped else f"{amount:f}"
    return (text.rstrip("0").rstrip(".") if "." in text else text) if amount else "0"


def value_text(value: float | Decimal, unit: str | None, *, full: bool = False) -> str:
    """Write a parameter's value in its unit: `£20,000,000`, `£4,000.10`, `50%`, `33.3333%`, `0.25`.

    Args:
        value: The value.
        unit: Its unit; `%` is written as per cent.
        full: Whether to write all digits, however many a division left.
    """
    amount = value if isinstance(value, Decimal) else exact(value)
    if unit == "%":
        return f"{plain(_brief(amount * 100, 2, full=full))}%"
    shown = _brief(amount.copy_abs(), 4, full=full)
    text = plain(shown, grouped=True)
    if not (unit or "").startswith("£"):
        return f"{'-' if amount < 0 else ''}{text}"
    if "." in text and len(text.partition(".")[2]) == 1:
        text = f"{text}0"  # pounds and pence
    return f"{'-' if amount < 0 else ''}£{text}"


def _brief(amount: Decimal, places: int, *, full: bool) -> Decimal:
    """Return a number with six digits, or as many as it takes for its whole part and some places."""
    digits = max(_DIGITS, amount.adjusted() + 1 + places)
    return amount if full or not amount else Context(prec=digits).plus(amount)


def value_texts(old: float, new: float, units: tuple[str | None, str | None]) -> tuple[str, str]:
    """Write two values of a parameter, in full where they would look the same otherwise."""
    texts = value_text(old, units[0]), value_text(new, units[1])
    if texts[0] != texts[1]:
        return texts
    return value_text(old, units[0], full=True), value_text(new, units[1], full=True)


def read_amount(text: str) -> Decimal | None:
    """Read an amount that is not below 0, as people write it: `1000`, `£1,000`, `0.50`; None if it is none."""
    try:
        amount = Decimal(text.strip().removeprefix("£").replace(",", "").strip())
    except InvalidOperation:
        return None
    return amount if amount.is_finite() and amount >= 0 else None
