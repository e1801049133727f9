"""Tree → the formula in words, with labels in the place of names, for people who read a method."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gpit_fairshare.language import tree as t
from gpit_fairshare.language.functions import AGGREGATES
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


def render(tree: t.Expression, labels: Mapping[str, str]) -> str:
    """Return a formula in words: `last year's Allocation (first year: Historic spend)`.

    A name that has no label is written as it is.
    """
    return _Words(labels).text(tree)


class _Words:
    def __init__(self, labels: Mapping[str, str]) -> None:
        self.labels = labels

    def label(self, name: str) -> str:
        return " ".join(self.labels.get(name, name).split())

    def text(self, tree: t.Expression) -> str:  # noqa: C901, PLR0912  # one branch per node of the tree
        match tree:
            case t.Number() | t.Text():
                return t.to_text(tree)
            case t.Name(name):
                return self.label(name)
            case t.Negative(operand):
                return f"−{self.inner(operand)}"
            case t.BinaryOperation(operator, left, right):
                strength = t.strength(tree)
                return f"{self.side(left, strength)} {_SIGNS[operator]} {self.side(right, strength + 1)}"
            case t.ComparisonOperation(relation, left, right):
                return f"{self.text(left)} {_RELATIONS[relation]} {self.text(right)}"
            case t.Logic(operator, operands):
                return f" {operator} ".join(self.inner(operand) for operand in operands)
            case t.Not(operand):
                return f"not {self.inner(operand)}"
            case t.IsGiven(name):
                return f"{self.label(name)} is given"
            case t.AggregateCall(function, of, within):
                return f"{AGGREGATES[function].phrase} {self.label(of)}{self.within(within)}"
            case t.Previous(of, first):
                return f"last year's {self.label(of)} (first year: {self.text(first)})"
            case t.Rounded(of, to, within):
                size = "whole pounds" if to == 1 else f"multiples of {t.number_text(to)}"
                return f"{self.text(of)} in {size} that keep the total{self.within(within)}"
            case t.ShareOut():
                return self.shared(tree)
            case t.Call():
                return self.call(tree)

    def shared(self, tree: t.ShareOut) -> str:
        bounds = (("on top of", tree.base), ("at least", tree.at_least), ("at most", tree.at_most))
        limits = "".join(f", {word} {self.text(leaf)}" for word, leaf in bounds if leaf is not None)
        return f"{self.text(tree.amount)} shared out by {self.text(tree.by)}{limits}{self.within(tree.within)}"

    def call(self, tree: t.Call) -> str:
        texts = [self.text(argument) for argument in tree.arguments]
        match tree:
            case t.Call("where", (_, t.Call("where"), _)):
                texts[1] = f"({texts[1]})"  # it comes before an `if`, and has an `if` itself
        return function_named(tree.function).in_words(tree.function, texts)

    def within(self, column: str | None) -> str:
        return f", within each {self.label(column)}" if column else ""

    def side(self, tree: t.Expression, least: int) -> str:
        """Return an operand, in brackets if its sign binds less than `least` and it would read differently."""
        return (
            self.text(tree) if isinstance(tree, t.BinaryOperation) and t.strength(tree) >= least else self.inner(tree)
        )

    def inner(self, tree: t.Expression) -> str:
        """Return a part of a larger phrase, in brackets unless it is a name or a number."""
        text = self.text(tree)
        is_atom = isinstance(tree, t.Name | t.Number | t.Text | t.IsGiven)
        return text if is_atom or (isinstance(tree, t.AggregateCall) and not tree.within) else f"({text})"
