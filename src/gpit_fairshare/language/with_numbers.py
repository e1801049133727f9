"""Tree → the formula with numbers instead of names, for a person who calculates it again.

Operators and functions are those of the language. £ comes before money, % after percentages; thousands are
separated by a comma only and arguments by a comma and a space, so `max(0, 1,234)` has two arguments.
"""

from __future__ import annotations

import ast
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from gpit_fairshare.language import tree
from gpit_fairshare.language.functions import Argument
from gpit_fairshare.language.plugin_functions import function_named
from gpit_fairshare.language.rendering import column_of
from gpit_fairshare.numbers import DIGITS, FLOAT_DIGITS, readable_number

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


def render(expression: tree.Expression, texts: Mapping[str, str], *, first_year: bool) -> str:
    """Return the formula with every name, figure and value of the year before replaced by its text.

    Args:
        expression: The formula; not a kernel, whose arithmetic is a separate formula.
        texts: The `value_text` of each value, under the names of the columns of `in_polars`.
        first_year: Whether `previous` means its `first`.
    """
    return tree.to_text(_put_in_texts(expression, texts, first_year=first_year))


def _put_in_texts(
    expression: tree.Expression, texts: Mapping[str, str], *, first_year: bool, inner: bool = False
) -> tree.Expression:
    """Return the tree with texts of values instead of its names, numbers and figures.

    In the first year `previous` is its `first`; the digits of a rounding stay as they are. `inner` says that the
    expression comes after a sign: a text that begins with a minus is then put in brackets.
    """
    match expression:
        case tree.Number(value):
            return tree.Name(value_text(value, digits=FLOAT_DIGITS))
        case tree.Previous(first=first) if first_year:
            return _put_in_texts(first, texts, first_year=True, inner=inner)
        case tree.IsGiven(name):
            return tree.IsGiven(texts[name])
        case tree.Name() | tree.Figure() | tree.Previous():
            text = texts[column_of(expression)]
            return tree.Name(f"({text})" if inner and text.startswith("-") else text)
        case tree.Call(name, arguments):
            arguments_in_numbers = (
                argument if sort is Argument.DIGITS else _put_in_texts(argument, texts, first_year=first_year)
                for sort, argument in function_named(name).paired(arguments)
            )
            return tree.Call(name, tuple(arguments_in_numbers))

    def put_in_child(child: tree.Expression, field: str) -> tree.Expression:
        """Return an operand with texts instead of its names, as the part after a sign if it is one."""
        behind_sign = isinstance(expression, tree.Negative) or (
            isinstance(expression, tree.BinaryOperation) and field == "right"
        )
        return _put_in_texts(child, texts, first_year=first_year, inner=behind_sign)

    return tree.with_children(expression, put_in_child)


def leaves(expression: tree.Expression, *, first_year: bool) -> Iterator[tree.Leaf]:
    """Yield the names, figures and values of last year in a formula, left to right.

    In the first year `previous` is replaced by the leaves of its `first`.
    """
    match expression:
        case tree.Previous(first=first) if first_year:
            yield from leaves(first, first_year=True)
        case tree.Name() | tree.IsGiven() | tree.AggregateCall() | tree.RateOf() | tree.TableCall() | tree.Previous():
            yield expression
        case _:
            for child in tree.children(expression):
                yield from leaves(child, first_year=first_year)


def columns_of(expression: tree.Expression, *, first_year: bool) -> list[str]:
    """Return the columns that a formula takes its values from, left to right, with repetitions."""
    return [column_of(leaf) for leaf in leaves(expression, first_year=first_year)]


# Values as texts ----------------------------------------------------------------------------------------------


def value_text(value: Any, unit: str | None = None, digits: int = DIGITS[0]) -> str:
    """Write a value so that it can be read back: `£294,000`, `50%`, `yes`, `'North'`, `blank`.

    Whole numbers, and pounds and pence, are written in full up to 15 digits. Other numbers have `digits` significant
    digits, and money at least pence. With up to 17 digits, a fraction counts as its nearest float; with more, exactly.
    """
    if value is None:
        return "blank"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str):
        return tree.to_text(tree.Text(value))
    return readable_number(value, unit, digits)


def read(text: str) -> Fraction | bool | str | None:
    """Return the value that `value_text` wrote as this text, to the digits in it; None for `blank`.

    A number is an exact fraction without its £: `50%` is a half.
    """
    if text in ("yes", "no"):
        return text == "yes"
    if text == "blank":
        return None
    if text[0] in "'\"":
        return str(ast.literal_eval(text))
    plain = text.replace("£", "").replace(",", "")
    return Fraction(plain.removesuffix("%")) / (100 if plain.endswith("%") else 1)
