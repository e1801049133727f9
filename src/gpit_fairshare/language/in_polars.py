"""Tree → Polars: expressions for each formula's value, and for whether the value is defined."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl

from gpit_fairshare.errors import PluginError
from gpit_fairshare.language import tree
from gpit_fairshare.language.functions import BuiltInFunction, divided
from gpit_fairshare.language.plugin_functions import added_functions, function_named, plugin_function
from gpit_fairshare.language.rendering import SAME, Rendered, compare, rendered
from gpit_fairshare.plugins import contained

if TYPE_CHECKING:
    from collections.abc import Sequence


class PolarsOperations:
    """Operations over Polars expressions; a column that has no value is null."""

    def constant(self, value: float | str | bool) -> pl.Expr:  # one of the values of the language
        """Return an expression with one value."""
        return pl.lit(value)

    def column(self, name: str) -> pl.Expr:
        """Return the column of a name."""
        return pl.col(name)

    def is_given(self, name: str) -> pl.Expr:
        """Return whether the column of a name has a value."""
        return pl.col(name).is_not_null()

    def divided(self, left: pl.Expr, right: pl.Expr) -> pl.Expr:
        """Return the quotient."""
        return divided(left, right)

    def compared(self, relation: tree.Relation, left: pl.Expr, right: pl.Expr) -> pl.Expr:
        """Return the value of a comparison of two numbers."""
        margin = SAME * pl.max_horizontal(pl.lit(1.0), left.abs(), right.abs())
        value: pl.Expr = compare(relation, left - right, margin)
        return value

    def called(self, function: str, arguments: Sequence[Any]) -> pl.Expr:
        """Return the value of a function; that of a plug-in as a float."""
        built_in = function_named(function)
        if isinstance(built_in, BuiltInFunction):
            value: pl.Expr = built_in.polars(*arguments)
            return value
        return plugin_value(function, [*arguments]).cast(pl.Float64)

    def is_finite(self, value: pl.Expr) -> pl.Expr:
        """Return whether a value is a number."""
        return value.is_not_null() & value.is_finite()


_POLARS = PolarsOperations()


def render(expression: tree.Expression, *, first_year: bool) -> Rendered:
    """Return a formula in Polars; see `rendered`. Its columns are those of the frame in which it is selected."""
    return rendered(expression, _POLARS, first_year=first_year)


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
