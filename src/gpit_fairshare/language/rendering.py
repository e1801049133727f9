"""Tree → columns: each formula's value, and whether it is defined, over Polars expressions or NumPy arrays.

The tree is matched once, here. `Operations` are what the two kinds of columns do not share: `in_polars` and `in_numpy`
have one class each. Columns are named as in a frame of the engine: figures (`total(historic_spend)`) and values of the
year before (`previous(allocation)`) by their text.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from operator import and_, or_
from typing import TYPE_CHECKING, Any, Final, Protocol

from gpit_fairshare.language import tree
from gpit_fairshare.language.functions import Argument, BuiltInFunction
from gpit_fairshare.language.plugin_functions import function_named

if TYPE_CHECKING:
    from collections.abc import Sequence

SAME: Final = 1e-12
"""Two numbers are equal if they differ by at most this times max(1, |a|, |b|)."""


@dataclass(frozen=True, slots=True)
class Rendered:
    """A formula over columns; ignore `value` where `defined` is false."""

    value: Any
    defined: Any


class Operations(Protocol):
    """What a kind of columns does, besides `+`, `-`, `*`, comparisons, `&`, `|` and `~`."""

    def constant(self, value: float | str | bool) -> Any:  # one of the values of the language
        """Return a column with one value."""

    def column(self, name: str) -> Any:
        """Return the column of a name."""

    def is_given(self, name: str) -> Any:
        """Return whether each row of the column of a name has a value."""

    def divided(self, left: Any, right: Any) -> Any:
        """Return the quotients, rounded as IEEE 754 does; any value where the divisor is 0."""

    def compared(self, relation: tree.Relation, left: Any, right: Any) -> Any:
        """Return the value of `compare`; numbers may be `SAME` times max(1, |a|, |b|) apart and still be equal."""

    def called(self, function: str, arguments: Sequence[Any]) -> Any:
        """Return the value of a function of the language or of a plug-in."""

    def is_finite(self, value: Any) -> Any:
        """Return whether each value is a number."""


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


def rendered(expression: tree.Expression, operations: Operations, *, first_year: bool) -> Rendered:
    """Return the value of a formula, and whether it is defined.

    A value is defined if every value that it uses is, and it does not divide by 0; `given` always is, and of a `where`
    only the chosen branch counts. `previous` is its `first` in the first year, and last year's column in later years.

    Raises:
        TypeError: The formula is a kernel.
    """
    match expression:
        case tree.Number(value) | tree.Text(value):
            return Rendered(operations.constant(value), operations.constant(value=True))
        case tree.Previous(first=first) if first_year:
            return rendered(first, operations, first_year=True)
        case tree.Name() | tree.Figure() | tree.Previous():
            name = column_of(expression)
            return Rendered(operations.column(name), operations.is_given(name))
        case tree.IsGiven(name):
            return Rendered(operations.is_given(name), operations.constant(value=True))
        case tree.ShareOut() | tree.Rounded() | tree.Rank() | tree.RunningTotal():
            raise TypeError("a kernel is a whole step; the engine calls it")
        case tree.Call():
            arguments = [rendered(argument, operations, first_year=first_year) for argument in expression.arguments]
            return _call(expression, arguments, operations)
        case _:
            parts = [rendered(child, operations, first_year=first_year) for child in tree.children(expression)]
            defined = reduce(and_, (part.defined for part in parts))
            if isinstance(expression, tree.BinaryOperation) and expression.operator == "/":
                defined = defined & (parts[1].value != 0)  # not in place: arrays grow
            return Rendered(_apply_operator(expression, [part.value for part in parts], operations), defined)


def _call(expression: tree.Call, parts: list[Rendered], operations: Operations) -> Rendered:
    """Return a call of a function: its value, and whether the value is defined.

    `parts` are its arguments. It is undefined if an argument is, except for a branch that is not chosen. The value of a
    plug-in, a logarithm or a power is also undefined if it is null, NaN or infinite.
    """
    function = function_named(expression.function)
    paired_parts = function.paired(parts)
    defined = reduce(and_, (part.defined for sort, part in paired_parts if sort is not Argument.BRANCH))
    if not isinstance(function, BuiltInFunction):
        value = operations.called(expression.function, [part.value for part in parts])
        return Rendered(value, defined & operations.is_finite(value))
    if Argument.BRANCH in function.arguments.values():
        chosen = [part.defined if sort is Argument.BRANCH else part.value for sort, part in paired_parts]
        defined = defined & operations.called(expression.function, chosen)
    arguments = [
        int(tree.written_number(argument) or 0) if sort is Argument.DIGITS else part.value
        for argument, (sort, part) in zip(expression.arguments, paired_parts, strict=True)
    ]
    value = operations.called(expression.function, arguments)
    return Rendered(value, defined & operations.is_finite(value) if function.is_partial else defined)


def _apply_operator(
    expression: tree.Negative | tree.Not | tree.Logic | tree.BinaryOperation | tree.ComparisonOperation,
    parts: list[Any],
    operations: Operations,
) -> Any:
    """Return the value of an operator or comparison, given those of its operands.

    Numbers are compared within the tolerance, texts exactly.
    """
    match expression:
        case tree.Negative():
            return -parts[0]
        case tree.Not():
            return ~parts[0]
        case tree.Logic(operator):
            return reduce(and_ if operator == "and" else or_, parts)
        case tree.BinaryOperation("+"):
            return parts[0] + parts[1]
        case tree.BinaryOperation("-"):
            return parts[0] - parts[1]
        case tree.BinaryOperation("*"):
            return parts[0] * parts[1]
        case tree.BinaryOperation():
            return operations.divided(*parts)
        case tree.ComparisonOperation(relation, left, right):
            if isinstance(left, tree.Text) or isinstance(right, tree.Text):
                return parts[0] == parts[1] if relation == "==" else parts[0] != parts[1]
            return operations.compared(relation, *parts)


def compare(relation: tree.Relation, difference: Any, margin: Any) -> Any:
    """Return the value of a comparison of two numbers, with the tolerance of all renderings.

    Numbers within 1e-12 times the larger one (at least 1) are equal, so neither is above the other. A plain `>` would
    separate equal rates per head.
    """
    match relation:
        case ">":
            return difference > margin
        case ">=":
            return difference >= -margin
        case "<":
            return -difference > margin
        case "<=":
            return -difference >= -margin
        case "==":
            return abs(difference) <= margin
        case "!=":
            return abs(difference) > margin
