"""Tree → Polars: each formula's value and its twin, whether the value is defined.

The frame has a column for every name, and one named by its own text for every figure
(`total(historic_spend)`) and every value of the year before (`previous(allocation)`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import reduce
from operator import and_, or_
from typing import TYPE_CHECKING

import polars as pl

from gpit_fairshare.errors import PluginError
from gpit_fairshare.language import tree as t
from gpit_fairshare.language.plugin_functions import CALLS, known, plugged_in
from gpit_fairshare.plugins import contained

if TYPE_CHECKING:
    from collections.abc import Sequence

SAME = 1e-12
"""Two numbers are equal if they differ by at most this times max(1, |a|, |b|)."""


@dataclass(frozen=True, slots=True)
class Rendered:
    """A formula in Polars; `value` means nothing where `defined` is false."""

    value: pl.Expr
    defined: pl.Expr


def previous_column(name: str) -> str:
    """Return the name of the column that holds last year's value of a name."""
    return f"previous({name})"


def render(tree: t.Expression, *, first_year: bool) -> Rendered:
    """Render a formula; `previous` is its `first` in the first year, and last year's column after it."""
    match tree:
        case t.Number(value):
            return Rendered(pl.lit(value), pl.lit(value=True))
        case t.Text(text):
            return Rendered(pl.lit(text), pl.lit(value=True))
        case t.Name(name):
            return _column(name)
        case t.Figure():
            return _column(t.to_text(tree))
        case t.Previous(of, first):
            return render(first, first_year=True) if first_year else _column(previous_column(of))
        case t.Given(name):
            return Rendered(pl.col(name).is_not_null(), pl.lit(value=True))
        case t.ShareOut() | t.Rounded():
            raise TypeError("a kernel is a whole step; the engine calls it")
        case t.Call("where", (condition, yes, no)):
            return _where(*(render(one, first_year=first_year) for one in (condition, yes, no)))
        case _:
            parts = [render(one, first_year=first_year) for one in t.operands_of(tree)]
            defined = reduce(and_, (part.defined for part in parts))
            if isinstance(tree, t.Sum) and tree.operator == "/":
                defined &= parts[1].value != 0
            if isinstance(tree, t.Call) and tree.function not in CALLS:
                made = plugged(tree.function, [part.value for part in parts]).cast(pl.Float64)
                return Rendered(made, defined & made.is_not_null() & made.is_finite())
            return Rendered(_value(tree, [part.value for part in parts]), defined)


def _column(name: str) -> Rendered:
    return Rendered(pl.col(name), pl.col(name).is_not_null())


def _where(condition: Rendered, yes: Rendered, no: Rendered) -> Rendered:
    """Choose a branch; the other branch may be undefined, the condition may not."""
    return Rendered(
        pl.when(condition.value).then(yes.value).otherwise(no.value),
        condition.defined & pl.when(condition.value).then(yes.defined).otherwise(no.defined),
    )


def _value(tree: t.Expression, parts: list[pl.Expr]) -> pl.Expr:
    match tree:
        case t.Negative():
            return -parts[0]
        case t.Not():
            return ~parts[0]
        case t.Logic(operator):
            return reduce(and_ if operator == "and" else or_, parts)
        case t.Sum(operator):
            left, right = parts
            return {"+": left + right, "-": left - right, "*": left * right, "/": _divided(left, right)}[operator]
        case t.Comparison(relation, left, right):
            if isinstance(left, t.Text) or isinstance(right, t.Text):
                return parts[0] == parts[1] if relation == "==" else parts[0] != parts[1]
            return _compare(relation, *parts)
        case t.Call(function):
            return _function(function, parts, tree)
        case _:  # pragma: no cover - leaves are rendered above
            raise TypeError(type(tree).__name__)


def _divided(left: pl.Expr, right: pl.Expr) -> pl.Expr:
    """Divide as Excel and IEEE 754 do.

    Where the divisor is the same in every row Polars multiplies by its reciprocal, and 24.5 / 49 falls short
    of a half. Zeros from a column make a column of the divisor.
    """
    columns = (left / right).meta.root_names()
    return left / (right + pl.col(columns[0]).is_null().cast(pl.Float64) * 0.0) if columns else left / right


def _compare(relation: t.Relation, left: pl.Expr, right: pl.Expr) -> pl.Expr:
    """Compare with the tolerance that every rendering shares; plain `>` splits equal rates per head."""
    margin = SAME * pl.max_horizontal(pl.lit(1.0), left.abs(), right.abs())
    apart = left - right
    return {
        ">": apart > margin,
        ">=": apart >= -margin,
        "<": -apart > margin,
        "<=": -apart >= -margin,
        "==": apart.abs() <= margin,
        "!=": apart.abs() > margin,
    }[relation]


def _function(function: str, parts: list[pl.Expr], tree: t.Call) -> pl.Expr:
    match function:
        case "min":
            return pl.min_horizontal(parts)
        case "max":
            return pl.max_horizontal(parts)
        case "clip":
            value, low, high = parts
            return pl.max_horizontal(low, pl.min_horizontal(value, high))
        case "abs":
            return parts[0].abs()
        case "round":
            return _round(parts[0], digits_of(tree))
        case _:  # pragma: no cover - the parser knows the functions
            raise ValueError(function)


def plugged(name: str, parts: list[pl.Expr]) -> pl.Expr:
    """Return what the function of a plug-in makes of its arguments.

    Raises:
        PluginError: It raises, or returns something else than an expression.
    """
    one = known(name)
    with contained(lambda fault: PluginError(f"{one} raised {fault}")):
        value = one.function.polars(*parts)
    if not isinstance(value, pl.Expr):
        raise PluginError(f"{one} returned {type(value).__name__}; expected a Polars expression")
    return value


def select(frame: pl.DataFrame, trees: Sequence[t.Expression], *expressions: pl.Expr) -> pl.DataFrame:
    """Return what expressions, rendered from some formulas, are for the rows of a frame.

    Raises:
        PluginError: A function of a plug-in raises when it is worked out.
    """
    uses = {str(one): t.to_text(tree) for tree in trees for one in plugged_in(tree)}
    if not uses:
        return frame.select(expressions)
    what = "; ".join(f"{function} cannot be worked out in {formula}" for function, formula in uses.items())
    with contained(lambda fault: PluginError(f"{what}: {fault}")):
        return frame.select(expressions)


def digits_of(tree: t.Call) -> int:
    """Return the digits of a call of `round`, which the parser has found to be a whole number."""
    digits = tree.arguments[1]
    match digits:
        case t.Number(value):
            return int(value)
        case t.Negative(t.Number(value)):
            return -int(value)
        case _:  # pragma: no cover - refused by the parser
            raise TypeError(type(digits).__name__)


_HALF = math.nextafter(0.5, 0)
"""Added instead of a half: it takes a half up as well, and no whole number to the next one."""


def _round(value: pl.Expr, digits: int) -> pl.Expr:
    """Round half away from zero, as LibreOffice does, and Excel in all that is known of it.

    The scaled value is first taken to 15 significant digits, which mends halves that binary cannot hold
    (1.005 is 1.01). Beyond 2^41 those digits would be too few, beyond 2^52 there is nothing left to round.
    """
    if digits == 0:
        return value.sign() * (value.abs() + _HALF).floor()
    scale = 10.0 ** abs(digits)
    grown = value.abs() * scale if digits > 0 else _divided(value.abs(), pl.lit(scale))
    whole = pl.when(grown < 2.0**41).then((grown + 0.5).round_sig_figs(15).floor()).otherwise((grown + _HALF).floor())
    rounded = value.sign() * (_divided(whole, pl.lit(scale)) if digits > 0 else whole * scale)
    return pl.when(grown < 2.0**52).then(rounded).otherwise(value) if digits > 0 else rounded
