"""Two functions of the formula language: one that Excel can calculate too, and one that only gpit can calculate."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gpit_fairshare import Function

if TYPE_CHECKING:
    import polars as pl


def _damped(change: pl.Expr, rate: pl.Expr) -> pl.Expr:
    return change / (1 + rate * change.abs())


def _s_curve(x: pl.Expr) -> pl.Expr:
    between = x.clip(0, 1)
    return between * between * (3 - 2 * between)


DAMPED = Function(
    polars=_damped,
    arguments={"change": "ratio", "rate": "ratio"},
    unit="ratio",
    excel="{change}/(1+{rate}*ABS({change}))",
    words="Larger changes are damped more: change ÷ (1 + rate × its size).",
)
"""With a rate of 1 a change of 100% counts as 50%, and one of 25% as 20%."""

S_CURVE = Function(
    polars=_s_curve,
    arguments={"x": "ratio"},
    unit="ratio",
    words="A smooth step from 0 to 1: 3x² − 2x³, with x kept between 0 and 1.",
)
"""0.5 gives 0.5, and 0.25 gives 0.15625. It has no Excel formula, so workbooks show values for its steps."""
