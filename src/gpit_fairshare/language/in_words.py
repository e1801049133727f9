"""Tree → the formula in words, with labels instead of names, for people who read a method."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gpit_fairshare.language import tree
from gpit_fairshare.language.functions import AGGREGATES, TABLE_FUNCTIONS, filled
from gpit_fairshare.language.plugin_functions import function_named

if TYPE_CHECKING:
    from collections.abc import Mapping

_SIGNS: Final = {"+": "+", "-": "−", "*": "×", "/": "÷"}
_RELATIONS: Final = {
    "<": "is below",
    "<=": "is at most",
    ">": "is above",
    ">=": "is at least",
    "==": "is",
    "!=": "is not",
}


def render(expression: tree.Expression, labels: Mapping[str, str]) -> str:
    """Return a formula in words: `last year's Allocation (first year: Historic spend)`.

    A name without a label is written unchanged.
    """
    return _Words(labels).text(expression)


class _Words:
    """Writes a formula, and the parts of it, in words."""

    def __init__(self, labels: Mapping[str, str]) -> None:
        self.labels = labels

    def label(self, name: str) -> str:
        """Return the label of a name on one line; the name itself if it has no label."""
        return " ".join(self.labels.get(name, name).split())

    def text(self, expression: tree.Expression) -> str:  # noqa: C901, PLR0912  # one branch per node of the tree
        """Return a formula, or a part of one, in words, without brackets around it."""
        match expression:
            case tree.Number() | tree.Text():
                return tree.to_text(expression)
            case tree.Name(name):
                return self.label(name)
            case tree.Negative(operand):
                return f"−{self.inner(operand)}"
            case tree.BinaryOperation(operator, left, right):
                strength = tree.strength(expression)
                return f"{self.side(left, strength)} {_SIGNS[operator]} {self.side(right, strength + 1)}"
            case tree.ComparisonOperation(relation, left, right):
                return f"{self.text(left)} {_RELATIONS[relation]} {self.text(right)}"
            case tree.Logic(operator, operands):
                return f" {operator} ".join(self.inner(operand) for operand in operands)
            case tree.Not(operand):
                return f"not {self.inner(operand)}"
            case tree.IsGiven(name):
                return f"{self.label(name)} is given"
            case tree.AggregateCall(function, of, within):
                return f"{AGGREGATES[function].phrase} {self.label(of)}{self.within(within)}"
            case tree.RateOf(step):
                return f"rate of {self.label(step)}"
            case tree.TableCall(function, table, of):
                return filled(TABLE_FUNCTIONS[function].phrase, table=self.label(table), of=self.label(of))
            case tree.Previous(of, first):
                return f"last year's {self.label(of)} (first year: {self.text(first)})"
            case tree.Rounded(of, to, within):
                size = "whole pounds" if to == 1 else f"multiples of {tree.number_text(to)}"
                return f"{self.text(of)} rounded to {size}, keeping the total{self.within(within)}"
            case tree.ShareOut():
                return self.shared(expression)
            case tree.Call():
                return self.call(expression)

    def shared(self, kernel: tree.ShareOut) -> str:
        """Return a `share_out` in words, with its base, bounds and groups."""
        bounds = (("on top of", kernel.base), ("at least", kernel.at_least), ("at most", kernel.at_most))
        limits = "".join(f", {word} {self.text(leaf)}" for word, leaf in bounds if leaf is not None)
        return f"{self.text(kernel.amount)} shared out by {self.text(kernel.by)}{limits}{self.within(kernel.within)}"

    def call(self, expression: tree.Call) -> str:
        """Return a call of a function in words; a `where` as the first branch of another is put in brackets."""
        texts = [self.text(argument) for argument in expression.arguments]
        match expression:
            case tree.Call("where", (_, tree.Call("where"), _)):
                texts[1] = f"({texts[1]})"  # it comes before an `if`, and contains an `if` itself
        return function_named(expression.function).in_words(expression.function, texts)

    def within(self, column: str | None) -> str:
        """Return the words for the groups of a figure: `, within each Region`; empty without a column."""
        return f", within each {self.label(column)}" if column else ""

    def side(self, expression: tree.Expression, least: int) -> str:
        """Return an operand of + − × ÷ in words, in brackets if its own sign binds less strongly than `least`."""
        return (
            self.text(expression)
            if isinstance(expression, tree.BinaryOperation) and tree.strength(expression) >= least
            else self.inner(expression)
        )

    def inner(self, expression: tree.Expression) -> str:
        """Return a part of a larger phrase in words, in brackets if it is a formula itself.

        A name, a number, a quoted text, a `given`, a rate and a national figure have no brackets; a figure of a group
        has.
        """
        text = self.text(expression)
        is_atom = isinstance(expression, tree.Name | tree.Number | tree.Text | tree.IsGiven | tree.RateOf)
        return (
            text if is_atom or (isinstance(expression, tree.AggregateCall) and not expression.within) else f"({text})"
        )
