"""Amounts and ratios of a comparison, exact to the last digit."""

from __future__ import annotations

from decimal import Context, Decimal, InvalidOperation
from functools import reduce
from typing import TYPE_CHECKING, Any, Final

from gpit_fairshare.numbers import EXACT, MILLIONTH, PENNY
from gpit_fairshare.words import is_money

if TYPE_CHECKING:
    from collections.abc import Iterable

NOTHING: Final = Decimal(0)


def less(amount: Decimal, other: Decimal) -> Decimal:
    """Return one amount less another, exactly."""
    return EXACT.subtract(amount, other)


def total(amounts: Iterable[Decimal]) -> Decimal:
    """Add up amounts, exactly."""
    return reduce(EXACT.add, amounts, NOTHING)


def as_float(value: Any) -> Any:
    """Return an amount as the nearest float, and anything else as it is."""
    return float(value) if isinstance(value, Decimal) else value


def quantum(unit: str | None) -> Decimal:
    """Return what contributions are rounded to: the penny, or a millionth of what is not money."""
    return PENNY if is_money(unit) else MILLIONTH


def percent(change: Decimal, old: Decimal | None) -> Decimal | None:
    """Return a change in per cent of the old amount; None where there was nothing."""
    return short(change / abs(old) * 100) if old else None


def short(ratio: Decimal) -> Decimal:
    """Return a ratio with the twelve digits that anybody looks at."""
    return Context(prec=12).plus(ratio)


def read_amount(text: str) -> Decimal | None:
    """Read an amount that is not below 0, as people write it: `1000`, `£1,000`, `0.50`; None if it is none."""
    try:
        amount = Decimal(text.strip().removeprefix("£").replace(",", "").strip())
    except InvalidOperation:
        return None
    return amount if amount.is_finite() and amount >= 0 else None
