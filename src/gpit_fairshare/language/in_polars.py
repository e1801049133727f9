"""Tree → Polars: each formula's value and its twin, whether the value is defined.

The frame has a column for every name, and one named by its own text for every figure
(`total(historic_spend)`) and every value of the year before (`previous(allocation)`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import reduce
from operator import and_, or_
from typing import TYPE_CHECKING, Any

import polars as pl

from gpit_fairshare.errors import PluginError
from gpit_fairshare.language import tree as t
from gpit_fairshare.language.functions import BUILT_INS, Argument, BuiltInFunction, divided
from gpit_fairshare.language.plugin_functions import Plugged, function_named, known, plugged_in
from gpit_fairshare.plugins import contained

if TYPE_CHECKING:
    from collections.abc import Sequence

SAME = 1e-12
"""Two numbers are equal if they differ by at most this times max(1, |a|, |b|)."""
_WITHIN = 1e-12
"""How far a plug-in's value may be from that of the same row among other rows: vectors may be worked out in another
order."""


@dataclass(frozen=True, slots=True)
class Rendered:
    """A formula in Polars; `value` means nothing where `defined` is false."""

    value: pl.Expr
    defined: pl.Expr


def previous_column(name: str) -> str:
    """Return the name of the column that holds last year's value of a name."""
    return f"previous({name})"


def column_of(leaf: t.Leaf) -> str:
    """Return the name of the column that holds the value of a leaf."""
    match leaf:
        case t.Previous(of):
            return previous_column(of)
        case t.Figure():
            return t.to_text(leaf)
        case t.Name(name) | t.Given(name):
            return name


def render(tree: t.Expression, *, first_year: bool) -> Rendered:
    """Render a formula; `previous` is its `first` in the first year, and last year's column after it."""
    match tree:
        case t.Number(value) | t.Text(value):
            return Rendered(pl.lit(value), pl.lit(value=True))
        case t.Previous(first=first) if first_year:
            return render(first, first_year=True)
        case t.Name() | t.Figure() | t.Previous():
            column = pl.col(column_of(tree))
            return Rendered(column, column.is_not_null())
        case t.Given(name):
            return Rendered(pl.col(name).is_not_null(), pl.lit(value=True))
        case t.ShareOut() | t.Rounded():
            raise TypeError("a kernel is a whole step; the engine calls it")
        case t.Call():
            return _call(tree, [render(argument, first_year=first_year) for argument in tree.arguments])
        case _:
            parts = [render(one, first_year=first_year) for one in t.children(tree)]
            defined = reduce(and_, (part.defined for part in parts))
            if isinstance(tree, t.Sum) and tree.operator == "/":
                defined &= parts[1].value != 0
            return Rendered(_value(tree, [part.value for part in parts]), defined)


def _call(tree: t.Call, parts: list[Rendered]) -> Rendered:
    """Call a function; a branch may be undefined where it is not chosen, nothing else may."""
    function = function_named(tree.function)
    sorted_parts = function.sorted(parts)
    defined = reduce(and_, (part.defined for sort, part in sorted_parts if sort is not Argument.BRANCH))
    if not isinstance(function, BuiltInFunction):
        value = plugged(tree.function, [part.value for part in parts]).cast(pl.Float64)
        return Rendered(value, defined & value.is_not_null() & value.is_finite())
    if Argument.BRANCH in function.arguments.values():
        defined &= function.polars(
            *(part.defined if sort is Argument.BRANCH else part.value for sort, part in sorted_parts)
        )
    arguments = [
        int(t.written_number(argument) or 0) if sort is Argument.DIGITS else part.value
        for argument, (sort, part) in zip(tree.arguments, sorted_parts, strict=True)
    ]
    return Rendered(function.polars(*arguments), defined)


def _value(tree: t.Negative | t.Not | t.Logic | t.Sum | t.Comparison, parts: list[pl.Expr]) -> pl.Expr:
    match tree:
        case t.Negative():
            return -parts[0]
        case t.Not():
            return ~parts[0]
        case t.Logic(operator):
            return reduce(and_ if operator == "and" else or_, parts)
        case t.Sum(operator):
            left, right = parts
            return {"+": left + right, "-": left - right, "*": left * right, "/": divided(left, right)}[operator]
        case t.Comparison(relation, left, right):
            if isinstance(left, t.Text) or isinstance(right, t.Text):
                return parts[0] == parts[1] if relation == "==" else parts[0] != parts[1]
            return _compare(relation, *parts)


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


# Functions of plug-ins held to what the language promises: a number for every row, from that row alone ---------


def check_row_by_row(tree: t.Expression, frame: pl.DataFrame, *, first_year: bool) -> None:
    """See that each function of a plug-in in a formula gives a number for every row, whatever the other rows are.

    Raises:
        PluginError: It raises, gives no number or not one for each row, or looks at other rows.
    """
    calls = [node for node in t.walk(tree) if isinstance(node, t.Call) and node.function not in BUILT_INS]
    # From the inside out: what is wrong further in would be laid on the outer one.
    for call in reversed(calls):
        function = known(call.function)
        values = _values(function, call, frame, first_year=first_year)
        # Every other row, the last first: a total, a rank or the row before comes out otherwise then.
        rows = list(range(0, frame.height, 2))[::-1]
        again = _values(function, call, frame[rows], first_year=first_year)
        for row, value in zip(rows, again, strict=True):
            if not _same(value, values[row]):
                raise PluginError(
                    f"{function} gives {values[row]} for a row among all rows and {value} among others, in "
                    f"{t.to_text(call)}; a function works on one row at a time"
                )


def _values(function: Plugged, call: t.Call, frame: pl.DataFrame, *, first_year: bool) -> list[Any]:
    """Return what a function gives for the rows of a frame, None where it is undefined."""
    parts = [render(argument, first_year=first_year).value.cast(pl.Float64) for argument in call.arguments]
    columns = [f"argument {number}" for number in range(len(parts))]
    # Beside a number of each row, arguments that are one number alone stand on every row too.
    named = (part.alias(name) for part, name in zip(parts, columns, strict=True))
    arguments = select(frame, [call], pl.int_range(pl.len()), *named)
    expression = plugged(function.name, [pl.col(name) for name in columns])
    found = select(arguments, [call], expression.alias("value"))["value"]
    if not found.dtype.is_numeric():
        raise PluginError(f"{function} gives {found.dtype} in {t.to_text(call)}; expected numbers")
    if found.len() != frame.height:
        counts = f"{found.len():,} values for {frame.height:,} rows"
        raise PluginError(f"{function} gives {counts} in {t.to_text(call)}; expected one for each")
    return found.cast(pl.Float64).to_list()


def _same(again: float | None, value: float | None) -> bool:
    if again is None or value is None:
        return again is value
    return math.isclose(again, value, rel_tol=_WITHIN, abs_tol=_WITHIN) or (math.isnan(again) and math.isnan(value))
