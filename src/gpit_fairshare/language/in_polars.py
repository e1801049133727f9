"""Tree → Polars: each formula's value, and whether the value is defined.

The frame has a column for every name. Figures (`total(historic_spend)`, `lookup(stage_weight, stage)`) and values of
the year before (`previous(allocation)`) have columns named by their text.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from operator import and_, or_
from typing import TYPE_CHECKING

import polars as pl

from gpit_fairshare.errors import PluginError
from gpit_fairshare.language import tree
from gpit_fairshare.language.functions import Argument, BuiltInFunction, divided
from gpit_fairshare.language.plugin_functions import added_functions, function_named, plugin_function
from gpit_fairshare.plugins import contained

if TYPE_CHECKING:
    from collections.abc import Sequence

SAME = 1e-12
"""Two numbers are equal if they differ by at most this times max(1, |a|, |b|)."""


@dataclass(frozen=True, slots=True)
class Rendered:
    """A formula in Polars; ignore `value` where `defined` is false."""

    value: pl.Expr
    defined: pl.Expr


def previous_column(name: str) -> str:
    """Return the name of the column that holds last year's value of a name."""
    return f"previous({name})"


def column_of(leaf: tree.Leaf) -> str:
    """Return the name of the frame's column that holds a leaf's value, such as `need` or `total(need)`."""
    match leaf:
        case tree.Previous(of):
            return previous_column(of)
        case tree.Figure():
            return tree.to_text(leaf)
        case tree.Name(name) | tree.IsGiven(name):
            return name


def render(expression: tree.Expression, *, first_year: bool) -> Rendered:
    """Return a formula in Polars: an expression for its value, and one for whether the value is defined.

    A value is defined if every value that it uses is, and it does not divide by 0; `given` always is, and of a `where`
    only the chosen branch counts. `previous` is its `first` in the first year, and last year's column in later years.

    Raises:
        TypeError: The formula is a kernel.
    """
    match expression:
        case tree.Number(value) | tree.Text(value):
            return Rendered(pl.lit(value), pl.lit(value=True))
        case tree.Previous(first=first) if first_year:
            return render(first, first_year=True)
        case tree.Name() | tree.Figure() | tree.Previous():
            column = pl.col(column_of(expression))
            return Rendered(column, column.is_not_null())
        case tree.IsGiven(name):
            return Rendered(pl.col(name).is_not_null(), pl.lit(value=True))
        case tree.ShareOut() | tree.Rounded():
            raise TypeError("a kernel is a whole step; the engine calls it")
        case tree.Call():
            return _call(expression, [render(argument, first_year=first_year) for argument in expression.arguments])
        case _:
            parts = [render(child, first_year=first_year) for child in tree.children(expression)]
            defined = reduce(and_, (part.defined for part in parts))
            if isinstance(expression, tree.BinaryOperation) and expression.operator == "/":
                defined &= parts[1].value != 0
            return Rendered(_apply_operator(expression, [part.value for part in parts]), defined)


def _call(expression: tree.Call, parts: list[Rendered]) -> Rendered:
    """Return a call of a function in Polars: its value, and whether the value is defined.

    `parts` are its arguments. It is undefined if an argument is, except for a branch that is not chosen. The value of a
    plug-in, a logarithm or a power is also undefined if it is null, NaN or infinite.
    """
    function = function_named(expression.function)
    paired_parts = function.paired(parts)
    defined = reduce(and_, (part.defined for sort, part in paired_parts if sort is not Argument.BRANCH))
    if not isinstance(function, BuiltInFunction):
        value = plugin_value(expression.function, [part.value for part in parts]).cast(pl.Float64)
        return Rendered(value, defined & value.is_not_null() & value.is_finite())
    if Argument.BRANCH in function.arguments.values():
        defined &= function.polars(
            *(part.defined if sort is Argument.BRANCH else part.value for sort, part in paired_parts)
        )
    arguments = [
        int(tree.written_number(argument) or 0) if sort is Argument.DIGITS else part.value
        for argument, (sort, part) in zip(expression.arguments, paired_parts, strict=True)
    ]
    value = function.polars(*arguments)
    return Rendered(value, defined & value.is_not_null() & value.is_finite() if function.is_partial else defined)


def _apply_operator(
    expression: tree.Negative | tree.Not | tree.Logic | tree.BinaryOperation | tree.ComparisonOperation,
    parts: list[pl.Expr],
) -> pl.Expr:
    """Return the Polars expression for an operator or comparison, given those of its operands.

    Numbers are compared within the tolerance, texts exactly.
    """
    match expression:
        case tree.Negative():
            return -parts[0]
        case tree.Not():
            return ~parts[0]
        case tree.Logic(operator):
            return reduce(and_ if operator == "and" else or_, parts)
        case tree.BinaryOperation(operator):
            left, right = parts
            return {"+": left + right, "-": left - right, "*": left * right, "/": divided(left, right)}[operator]
        case tree.ComparisonOperation(relation, left, right):
            if isinstance(left, tree.Text) or isinstance(right, tree.Text):
                return parts[0] == parts[1] if relation == "==" else parts[0] != parts[1]
            return _compare(relation, *parts)


def _compare(relation: tree.Relation, left: pl.Expr, right: pl.Expr) -> pl.Expr:
    """Return the Polars expression for a comparison of two numbers, with the tolerance of all renderings.

    Numbers within 1e-12 times the larger one (at least 1) are equal, so neither is above the other. A plain `>` would
    separate equal rates per head.
    """
    margin = SAME * pl.max_horizontal(pl.lit(1.0), left.abs(), right.abs())
    difference = left - right
    return {
        ">": difference > margin,
        ">=": difference >= -margin,
        "<": -difference > margin,
        "<=": -difference >= -margin,
        "==": difference.abs() <= margin,
        "!=": difference.abs() > margin,
    }[relation]


def plugin_value(name: str, parts: list[pl.Expr]) -> pl.Expr:
    """Return the Polars expression that a plug-in's function gives for its arguments.

    Raises:
        PluginError: It raises an error, or does not return an expression.
    """
    function = plugin_function(name)
    with contained(lambda fault: PluginError(f"{function} raised {fault}")):
        value = function.function.polars(*parts)
    if not isinstance(value, pl.Expr):
        raise PluginError(f"{function} returned {type(value).__name__}; expected a Polars expression")
    return value


def select(frame: pl.DataFrame, trees: Sequence[tree.Expression], *expressions: pl.Expr) -> pl.DataFrame:
    """Return a frame with the values of expressions that were rendered from `trees`, row by row.

    An error in the calculation of a plug-in's function is a `PluginError`.
    """
    uses = {str(function): tree.to_text(expression) for expression in trees for function in added_functions(expression)}
    if not uses:
        return frame.select(expressions)
    message = "; ".join(f"{function} cannot be calculated in {formula}" for function, formula in uses.items())
    with contained(lambda fault: PluginError(f"{message}: {fault}")):
        return frame.select(expressions)
