"""Checks that each plug-in function returns a number for every row, from that row only, as the language promises."""

from __future__ import annotations

import math
from typing import Any

import polars as pl

from gpit_fairshare.errors import PluginError
from gpit_fairshare.language import tree
from gpit_fairshare.language.functions import BUILT_INS
from gpit_fairshare.language.in_polars import plugin_value, render, select
from gpit_fairshare.language.plugin_functions import PluginFunction, plugin_function

_WITHIN = 1e-12
"""How far a plug-in's value of a row may change with the other rows: vectors may be calculated in another order."""


def check_row_by_row(expression: tree.Expression, frame: pl.DataFrame, *, first_year: bool) -> None:
    """Check that each plug-in function in a formula gives a number for every row, no matter what the other rows are.

    Each function is called twice, for all rows and for every second row in reverse order, and must give the same
    values.

    Raises:
        PluginError: A function raises, does not give a number for each row, or depends on other rows.
    """
    calls = [node for node in tree.walk(expression) if isinstance(node, tree.Call) and node.function not in BUILT_INS]
    # From the inside out, so that an error of an inner function is not blamed on an outer one.
    for call in reversed(calls):
        function = plugin_function(call.function)
        values = _values(function, call, frame, first_year=first_year)
        # Every second row, the last first: a total, a rank or a reference to the row before then differs.
        rows = list(range(0, frame.height, 2))[::-1]
        repeated = _values(function, call, frame[rows], first_year=first_year)
        for row, value in zip(rows, repeated, strict=True):
            if not _is_same(value, values[row]):
                raise PluginError(
                    f"{function} gives {values[row]} for a row among all rows and {value} for it among fewer rows, in "
                    f"{tree.to_text(call)}; a function may use only its own row"
                )


def _values(function: PluginFunction, call: tree.Call, frame: pl.DataFrame, *, first_year: bool) -> list[Any]:
    """Return the values of a plug-in's call for the rows of a frame, None where it is undefined.

    Raises:
        PluginError: They are not numbers, or not one per row.
    """
    parts = [render(argument, first_year=first_year).value.cast(pl.Float64) for argument in call.arguments]
    columns = [f"argument {number}" for number in range(len(parts))]
    # Next to a column with a number for each row, arguments that are a single number are repeated on every row.
    named = (part.alias(name) for part, name in zip(parts, columns, strict=True))
    arguments = select(frame, [call], pl.int_range(pl.len()), *named)
    expression = plugin_value(function.name, [pl.col(name) for name in columns])
    values = select(arguments, [call], expression.alias("value"))["value"]
    if not values.dtype.is_numeric():
        raise PluginError(f"{function} gives {values.dtype} in {tree.to_text(call)}; expected numbers")
    if values.len() != frame.height:
        counts = f"{values.len():,} values for {frame.height:,} rows"
        raise PluginError(f"{function} gives {counts} in {tree.to_text(call)}; expected one per row")
    return values.cast(pl.Float64).to_list()


def _is_same(other: float | None, value: float | None) -> bool:
    """Return whether two values of a row are equal within rounding; None equals None, and NaN equals NaN."""
    if other is None or value is None:
        return other is value
    return math.isclose(other, value, rel_tol=_WITHIN, abs_tol=_WITHIN) or (math.isnan(other) and math.isnan(value))
