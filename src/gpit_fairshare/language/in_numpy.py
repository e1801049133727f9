"""Tree → NumPy: a formula over many scenarios at once, with every bit that Polars gives.

An array has a row for each scenario and a column for each organisation, group or nation; an axis on which the values
are the same has the length 1, so that nothing is repeated.
"""

from __future__ import annotations

from functools import reduce
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import polars as pl

from gpit_fairshare.language.functions import BuiltInFunction
from gpit_fairshare.language.plugin_functions import function_named
from gpit_fairshare.language.rendering import SAME, Rendered, compare, rendered

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from gpit_fairshare.language import tree

Array = np.ndarray[Any, np.dtype[Any]]
"""Numbers, yes/no, or texts, of the shape (scenarios or 1, rows or 1)."""

_IN_ONE_PASS: Final[dict[str, Callable[..., Any]]] = {
    "min": lambda *values: reduce(np.minimum, values),
    "max": lambda *values: reduce(np.maximum, values),
    "clip": lambda x, low, high: np.maximum(low, np.minimum(x, high)),
    "abs": np.abs,
    "where": np.where,
}
"""Functions that NumPy has, with the bits of Polars; all others are calculated by Polars."""

_TRUE: Final = np.ones((1, 1), dtype=bool)


class NumpyOperations:
    """Operations over NumPy arrays; a column of numbers may have blanks, which are NaN."""

    def __init__(self, columns: Mapping[str, Array], given: Mapping[str, Array]) -> None:
        """Take the columns by name, and whether each row has a value for those that have blanks."""
        self.columns, self.given = columns, given
        self.is_unsure: Array = np.zeros((1, 1), dtype=bool)
        """Scenarios in which something is compared that is no number: Polars then has an order of its own."""

    def constant(self, value: float | str | bool) -> Array:  # one of the values of the language
        """Return an array with one value."""
        return _TRUE if value is True else np.array([[value]])

    def column(self, name: str) -> Array:
        """Return the column of a name."""
        return self.columns[name]

    def is_given(self, name: str) -> Array:
        """Return whether each row of a column has a value."""
        return self.given.get(name, _TRUE)

    def divided(self, left: Array, right: Array) -> Array:
        """Return the quotients."""
        return np.divide(left, right)

    def compared(self, relation: tree.Relation, left: Array, right: Array) -> Array:
        """Return the value of a comparison of two numbers.

        All margins are between those of 1 and of the largest number. Where these two agree, no other is calculated.
        """
        difference = left - right
        largest = np.abs([end(initial=1) for side in (left, right) for end in (side.min, side.max)]).max()
        with_least: Array = compare(relation, difference, SAME)
        if np.isfinite(largest) and np.array_equal(with_least, compare(relation, difference, SAME * largest)):
            return with_least
        smaller, larger = sorted((left, right), key=np.size)
        size: Array = np.maximum(np.maximum(1.0, np.abs(smaller)), np.abs(larger))
        if not np.isfinite(size.sum()):  # a sum is quick, and no number is lost in it
            self.is_unsure = self.is_unsure | ~np.isfinite(size).all(axis=1, keepdims=True)
        size *= SAME
        value: Array = compare(relation, difference, size)
        return value

    def called(self, function: str, arguments: Sequence[Any]) -> Array:
        """Return the value of a function of the language.

        Raises:
            TypeError: It is the function of a plug-in, which single runs calculate.
        """
        built_in = function_named(function)
        if not isinstance(built_in, BuiltInFunction):
            raise TypeError("functions of plug-ins are calculated in single runs")
        if function in _IN_ONE_PASS:
            value: Array = _IN_ONE_PASS[function](*arguments)
            return value
        return _by_polars(built_in, arguments)

    def is_finite(self, value: Array) -> Array:
        """Return whether each value is a number."""
        return np.isfinite(value)


def _by_polars(function: BuiltInFunction, arguments: Sequence[Any]) -> Array:
    """Return the value of a function as Polars calculates it, over all scenarios as one long column."""
    arrays = [argument for argument in arguments if isinstance(argument, np.ndarray)]
    shape = np.broadcast_shapes(*(array.shape for array in arrays))
    names = iter(f"argument_{number}" for number in range(len(arrays)))
    frame = pl.DataFrame(
        {f"argument_{number}": np.broadcast_to(array, shape).ravel() for number, array in enumerate(arrays)}
    )
    parts = [pl.col(next(names)) if isinstance(argument, np.ndarray) else argument for argument in arguments]
    value = frame.select(value=function.polars(*parts))["value"].fill_null(float("nan"))
    return value.to_numpy().reshape(shape)


def render(expression: tree.Expression, operations: NumpyOperations, *, first_year: bool) -> Rendered:
    """Return the values of a formula in all scenarios, and where they are defined; see `rendering.rendered`."""
    with np.errstate(all="ignore"):
        return rendered(expression, operations, first_year=first_year)
