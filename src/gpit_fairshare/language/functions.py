"""The functions that the formula language has itself: to add one, add its object here and its row to docs/language.md.

Packages add functions by the same class, `Function`: see `plugin_functions`.
"""

from __future__ import annotations

import math
from typing import Final

import polars as pl

from gpit_fairshare.language.function_types import Aggregate, Argument, BuiltInFunction, Function, SpecialForm

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


BUILT_INS: Final[dict[str, Function | Aggregate | SpecialForm]] = {
    "min": BuiltInFunction(
        words="the smallest of two values or more",
        arguments={"a": Argument.ALIKE, "b": Argument.ALIKE},
        repeated_up_to=64,
        unit="a",
        polars=pl.min_horizontal,
        excel="MIN({all})",
        phrase="the smallest of {all}",
        exact=min,
    ),
    "max": BuiltInFunction(
        words="the largest of two values or more",
        arguments={"a": Argument.ALIKE, "b": Argument.ALIKE},
        repeated_up_to=64,
        unit="a",
        polars=pl.max_horizontal,
        excel="MAX({all})",
        phrase="the largest of {all}",
        exact=max,
    ),
    "clip": BuiltInFunction(
        words="x, but never below low nor above high; if these cross, low",
        arguments={"x": Argument.ALIKE, "low": Argument.ALIKE, "high": Argument.ALIKE},
        unit="x",
        polars=lambda x, low, high: pl.max_horizontal(low, pl.min_horizontal(x, high)),
        excel="MAX({low},MIN({x},{high}))",
        phrase="{x}, kept between {low} and {high}",
    ),
    "abs": BuiltInFunction(
        words="x without its sign",
        arguments={"x": Argument.ALIKE},
        unit="x",
        polars=lambda x: x.abs(),
        excel="ABS({x})",
        phrase="{x} without its sign",
        exact=abs,
    ),
    "round": BuiltInFunction(
        words="x to so many decimals, halves away from zero; -3 is to thousands",
        arguments={"x": None, "digits": Argument.DIGITS},
        unit="x",
        polars=rounded_half_up,
        excel="ROUND({x},{digits})",
        phrase="{x} rounded to {digits} decimals",
        copies_in_polars=6,
    ),
    "where": BuiltInFunction(
        words="Excel's IF",
        arguments={"condition": Argument.CONDITION, "yes": Argument.BRANCH, "no": Argument.BRANCH},
        unit="yes",
        polars=lambda condition, yes, no: pl.when(condition).then(yes).otherwise(no),
        excel="IF({condition},{yes},{no})",
        phrase="{yes} if {condition}, else {no}",
    ),
    "total": Aggregate(
        words="the sum over all organisations, or within a group",
        of_rows=math.fsum,  # exact, so that the order of rows cannot change it
        excel="SUM({cells})",
        excel_within="SUMIFS({cells},{groups},{group})",
        heading="Total of",
        phrase="total of",
    ),
    "count": Aggregate(
        words="how many organisations have a yes",
        of_rows=sum,
        excel="SUMPRODUCT(--{cells})",
        excel_within="SUMPRODUCT(({groups}={group})*{cells})",
        heading="Number with",
        phrase="number of rows with",
        is_count=True,
    ),
    "largest": Aggregate(
        words="the largest value of all organisations",
        of_rows=max,
        excel="MAX({cells})",
        excel_within="_xlfn.MAXIFS({cells},{groups},{group})",
        heading="Largest",
        phrase="largest",
    ),
    "smallest": Aggregate(
        words="the smallest value of all organisations",
        of_rows=min,
        excel="MIN({cells})",
        excel_within="_xlfn.MINIFS({cells},{groups},{group})",
        heading="Smallest",
        phrase="smallest",
    ),
    "given": SpecialForm(words="yes if the cell of an input column is filled"),
    "previous": SpecialForm(words="x of the year before; y in the first year", options=("first",)),
    "share_out": SpecialForm(
        words="shares of an amount", options=("by", "base", "at_least", "at_most", "within"), is_whole_step=True
    ),
    "rounded": SpecialForm(words="whole pounds that keep the total", options=("to", "within"), is_whole_step=True),
}
"""Every function of the language, by name; to `where`, and to each `SpecialForm`, renderings give further meaning."""
FUNCTIONS: Final = tuple(BUILT_INS)
AGGREGATES: Final = {name: entry for name, entry in BUILT_INS.items() if isinstance(entry, Aggregate)}
