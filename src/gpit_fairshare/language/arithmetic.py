"""Division and rounding in Polars, to the same bits as in a spreadsheet."""

from __future__ import annotations

import math
from typing import Final

import polars as pl

_HALF: Final = math.nextafter(0.5, 0)
"""Added instead of a half: it takes a half up as well, and no whole number to the next one."""


def divided(left: pl.Expr, right: pl.Expr) -> pl.Expr:
    """Divide as Excel and IEEE 754 do.

    Where the divisor is the same in every row Polars multiplies by its reciprocal, and 24.5 / 49 falls short
    of a half. Zeros from a column make a column of the divisor.
    """
    columns = (left / right).meta.root_names()
    return left / (right + pl.col(columns[0]).is_null().cast(pl.Float64) * 0.0) if columns else left / right


def rounded_half_up(value: pl.Expr, digits: int) -> pl.Expr:
    """Round half away from zero, as LibreOffice does, and Excel in all that is known of it.

    The scaled value is first taken to 15 significant digits, which mends halves that binary cannot hold
    (1.005 is 1.01). Beyond 2^41 those digits would be too few, beyond 2^52 there is nothing left to round.
    """
    if digits == 0:
        return value.sign() * (value.abs() + _HALF).floor()
    scale = 10.0 ** abs(digits)
    grown = value.abs() * scale if digits > 0 else divided(value.abs(), pl.lit(scale))
    whole = pl.when(grown < 2.0**41).then((grown + 0.5).round_sig_figs(15).floor()).otherwise((grown + _HALF).floor())
    rounded = value.sign() * (divided(whole, pl.lit(scale)) if digits > 0 else whole * scale)
    return pl.when(grown < 2.0**52).then(rounded).otherwise(value) if digits > 0 else rounded
