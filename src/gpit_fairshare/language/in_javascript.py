"""Tree → JavaScript: the value of a formula in one row, for the page that recalculates.

The expression calls functions of `reports/page/scripts/kernels.js`, which have the tolerance, the rounding and the
undefined cases of the other renderings. An undefined value is thrown, so that a branch that `where` does not take has
no effect.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from gpit_fairshare.language import tree
from gpit_fairshare.language.functions import Argument, BuiltInFunction
from gpit_fairshare.language.plugin_functions import function_named
from gpit_fairshare.language.rendering import column_of

if TYPE_CHECKING:
    from collections.abc import Callable

COMPARISONS: Final[dict[tree.Relation, str]] = {
    ">": "isAbove",
    ">=": "isAtLeast",
    "<": "isBelow",
    "<=": "isAtMost",
    "==": "isSame",
    "!=": "isDifferent",
}
"""The function of kernels.js for each comparison of two numbers."""


def text(value: str) -> str:
    """Return a text as JavaScript reads it in a script of a page: it cannot end the script or begin a comment."""
    return json.dumps(value).replace("<", r"\u003c")


def number(value: float) -> str:
    """Return a finite number as JavaScript reads it, exactly."""
    return repr(float(value))


def render(  # noqa: C901, PLR0912  # one branch per node of the tree
    expression: tree.Expression, value_of: Callable[[tree.Leaf], str], *, first_year: bool
) -> str:
    """Return a formula as a JavaScript expression, in brackets where its operators need them.

    Args:
        expression: The formula, which is no kernel and uses no function of a plug-in.
        value_of: Returns the expression for the value of a name, a figure or last year's value in the row.
        first_year: Whether `previous` is its `first`.

    Raises:
        TypeError: The formula is a kernel, or uses a function of a plug-in.
    """

    def rendered(part: tree.Expression) -> str:
        return render(part, value_of, first_year=first_year)

    match expression:
        case tree.Number(value):
            return number(value)
        case tree.Text(value):
            return text(value)
        case tree.Previous(first=first) if first_year:
            return rendered(first)
        case tree.IsGiven():
            return f"({value_of(expression)} !== null)"
        case tree.Name() | tree.Previous() | tree.Figure():
            return f"filled({value_of(expression)})"
        case tree.Negative(operand):
            return f"(-{rendered(operand)})"
        case tree.Not(operand):
            return f"(!{rendered(operand)})"
        case tree.Logic(operator, operands):
            return f"{'all' if operator == 'and' else 'any'}({', '.join(map(rendered, operands))})"
        case tree.BinaryOperation("/", left, right):
            return f"divided({rendered(left)}, {rendered(right)})"
        case tree.BinaryOperation(operator, left, right):
            return f"({rendered(left)} {operator} {rendered(right)})"
        case tree.ComparisonOperation(relation, left, right):
            if isinstance(left, tree.Text) or isinstance(right, tree.Text):
                return f"({rendered(left)} {'===' if relation == '==' else '!=='} {rendered(right)})"
            return f"{COMPARISONS[relation]}({rendered(left)}, {rendered(right)})"
        case tree.Call():
            return _call(expression, rendered)
        case _:
            raise TypeError("a kernel is a whole step; the engine of the page calls it")


def _call(expression: tree.Call, rendered: Callable[[tree.Expression], str]) -> str:
    """Return a call of a built-in function in JavaScript.

    Raises:
        TypeError: It is a function of a plug-in.
    """
    function = function_named(expression.function)
    if not isinstance(function, BuiltInFunction):
        raise TypeError(f"{expression.function} is a function of a plug-in, which has no JavaScript")
    return function.in_javascript(
        [
            str(int(tree.written_number(argument) or 0)) if sort is Argument.DIGITS else rendered(argument)
            for sort, argument in function.paired(expression.arguments)
        ]
    )


def row_function(expression: tree.Expression, *, first_year: bool) -> str:
    """Return a JavaScript function that takes the columns of a kind and returns the function of a formula's row value.

    `column` is called once for each name, figure and value of the year before, with the name of the frame's column.
    """
    columns: dict[str, str] = {}

    def value_of(leaf: tree.Leaf) -> str:
        variable = columns.setdefault(column_of(leaf), f"c{len(columns)}")
        return f"{variable}[row]"

    value = render(expression, value_of, first_year=first_year)
    known = "".join(f"const {variable} = column({text(name)}); " for name, variable in columns.items())
    return f"(column) => {{ {known}return (row) => {value}; }}"
