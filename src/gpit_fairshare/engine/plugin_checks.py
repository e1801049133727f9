"""Functions of plug-ins held to what the language promises: a number for every row, from that row alone."""

from __future__ import annotations

import math
from typing import Any

import polars as pl

from gpit_fairshare.errors import PluginError
from gpit_fairshare.language import tree as t
from gpit_fairshare.language.functions import BUILT_INS
from gpit_fairshare.language.in_polars import plugged, render, select
from gpit_fairshare.language.plugin_functions import Plugged, plugin_function

_WITHIN = 1e-12
"""How far a plug-in's value may be from that of the same row among other rows: vectors may be worked out in another
order."""


def check_row_by_row(tree: t.Expression, frame: pl.DataFrame, *, first_year: bool) -> None:
    """See that each function of a plug-in in a formula gives a number for every row, whatever the other rows are.

    Raises:
        PluginError: It raises, gives no number or not one for each row, or looks at other rows.
    """
    calls = [node for node in t.walk(tree) if isinstance(node, t.Call) and node.function not in BUILT_INS]
    # From the inside out: what is wrong further in would be laid on the outer one.
    for call in reversed(calls):
        function = plugin_function(call.function)
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
