"""The tree of a formula: the parser makes it and every rendering walks it.

Positions count characters of the formula's text from 1, so that an error can point at the place.
"""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass, replace
from typing import TYPE_CHECKING, Any, Final, Literal

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping

Arithmetic = Literal["+", "-", "*", "/"]
Relation = Literal["<", "<=", ">", ">=", "==", "!="]


@dataclass(frozen=True, slots=True)
class Node:
    """Any part of a formula."""

    _: KW_ONLY
    position: int = 0


@dataclass(frozen=True, slots=True)
class Number(Node):
    """A finite number written in the formula."""

    value: float
    percentage: str = ""
    """Its text, such as `60%`, if it is written as a percentage: then it is a ratio, and does not fit any unit."""


@dataclass(frozen=True, slots=True)
class Text(Node):
    """A quoted text; it can only be compared with a text column, by `==` or `!=`."""

    value: str


@dataclass(frozen=True, slots=True)
class Name(Node):
    """An input column, a parameter or an earlier step."""

    name: str


@dataclass(frozen=True, slots=True)
class Negative(Node):
    """Unary minus."""

    operand: Expression


@dataclass(frozen=True, slots=True)
class BinaryOperation(Node):
    """One of `+ - * /` between two operands."""

    operator: Arithmetic
    left: Expression
    right: Expression


@dataclass(frozen=True, slots=True)
class ComparisonOperation(Node):
    """One comparison; numbers are equal within 1e-12 · max(1, |a|, |b|)."""

    relation: Relation
    left: Expression
    right: Expression


@dataclass(frozen=True, slots=True)
class Logic(Node):
    """`and` or `or` over two or more yes/no values; as in Excel, all of them are evaluated."""

    operator: Literal["and", "or"]
    operands: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Not(Node):
    """The opposite of a yes/no value."""

    operand: Expression


@dataclass(frozen=True, slots=True)
class Call(Node):
    """A function of numbers: min, max, clip, abs, round, where, or one of a plug-in."""

    function: str
    arguments: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class IsGiven(Node):
    """Whether an optional input cell has a value."""

    name: str
    name_position: int = 0


@dataclass(frozen=True, slots=True)
class Figure(Node):
    """A leaf that is calculated once, before the formulas that use it, and is named by its text."""


@dataclass(frozen=True, slots=True)
class AggregateCall(Figure):
    """A figure over organisations (or groups): total, count, largest or smallest of a named column."""

    function: str
    of: str
    within: str | None = None
    of_position: int = 0
    within_position: int = 0


@dataclass(frozen=True, slots=True)
class RateOf(Figure):
    """The rate that a `share_out` step found: money for each unit of weight, national or per group."""

    step: str
    step_position: int = 0


@dataclass(frozen=True, slots=True)
class TableCall(Figure):
    """The value that a table gives for a named column: `lookup`, `band_value`, `band_sum` or `band_line`."""

    function: str
    table: str
    of: str
    table_position: int = 0
    of_position: int = 0


@dataclass(frozen=True, slots=True)
class Previous(Node):
    """The value of `of` for the same organisation in the year before; `first` in the first year."""

    of: str
    first: Expression
    of_position: int = 0


@dataclass(frozen=True, slots=True)
class ShareOut(Node):
    """The kernel that shares an amount by weights between bounds; a whole step."""

    amount: Name | Number
    by: Name | Number
    base: Name | Number | None = None
    at_least: Name | Number | None = None
    at_most: Name | Number | None = None
    within: str | None = None
    within_position: int = 0

    @property
    def is_proportional(self) -> bool:
        """Return whether each share is in proportion to the weight alone: no base and no bounds."""
        no_base = self.base is None or (isinstance(self.base, Number) and self.base.value == 0)
        return no_base and self.at_least is None and self.at_most is None


@dataclass(frozen=True, slots=True)
class Rounded(Node):
    """The kernel that rounds to whole multiples of `to` pounds, keeping the total; a whole step."""

    of: Name
    to: float = 1.0
    within: str | None = None
    within_position: int = 0


@dataclass(frozen=True, slots=True)
class Rank(Node):
    """The kernel that numbers rows by size, 1 for the largest; a whole step."""

    of: Name
    within: str | None = None
    within_position: int = 0


@dataclass(frozen=True, slots=True)
class RunningTotal(Node):
    """The kernel that adds up rows in the order of `by`, a step of `Rank`, down to each row; a whole step."""

    of: Name
    by: Name
    within: str | None = None
    within_position: int = 0


Leaf = Name | IsGiven | AggregateCall | RateOf | TableCall | Previous
"""The nodes that a formula takes its values from."""
Kernel = ShareOut | Rounded | Rank | RunningTotal
"""A step that the engine calculates for all rows together."""
Expression = Number | Text | Leaf | Negative | BinaryOperation | ComparisonOperation | Logic | Not | Call | Kernel


_NAMES: Final[dict[type[Expression], dict[str, str]]] = {
    Name: {"name": "position"},
    IsGiven: {"name": "name_position"},
    AggregateCall: {"of": "of_position", "within": "within_position"},
    RateOf: {"step": "step_position"},
    TableCall: {"table": "table_position", "of": "of_position"},
    Previous: {"of": "of_position"},
    ShareOut: {"within": "within_position"},
    Rounded: {"within": "within_position"},
    Rank: {"within": "within_position"},
    RunningTotal: {"within": "within_position"},
}
"""The fields that hold names, each with the field of its position."""
_CHILD_FIELDS: Final[dict[type[Expression], tuple[str, ...]]] = {
    Previous: ("first",),
    Negative: ("operand",),
    BinaryOperation: ("left", "right"),
    ComparisonOperation: ("left", "right"),
    Logic: ("operands",),
    Not: ("operand",),
    Call: ("arguments",),
    ShareOut: ("amount", "by", "base", "at_least", "at_most"),
    Rounded: ("of",),
    Rank: ("of",),
    RunningTotal: ("of", "by"),
}
"""The fields that hold expressions, left to right: one, several in a tuple, or None."""


def children(tree: Expression) -> list[Expression]:
    """Return the expressions directly below the top node of a tree, left to right; empty if there are none."""
    nodes: list[Expression] = []
    for field in _CHILD_FIELDS.get(type(tree), ()):
        value = getattr(tree, field)
        if isinstance(value, tuple):
            nodes += value
        elif value is not None:
            nodes.append(value)
    return nodes


def with_children(tree: Expression, change: Callable[[Expression, str], Expression]) -> Expression:
    """Return the tree with each direct child replaced by `change(child, field)`; `field` is the field that holds it."""
    changes: dict[str, Any] = {}
    for field in _CHILD_FIELDS.get(type(tree), ()):
        value = getattr(tree, field)
        if isinstance(value, tuple):
            changes[field] = tuple(change(child, field) for child in value)
        elif value is not None:
            changes[field] = change(value, field)
    return replace(tree, **changes)


def walk(tree: Expression) -> Iterator[Expression]:
    """Yield the tree and everything below it, from the outside in, left to right."""
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        yield node
        waiting += reversed(children(node))


def names_in(tree: Expression) -> Iterator[tuple[str, int]]:
    """Yield each name of a column, parameter or step in the tree, with its position in the formula's text."""
    for node in walk(tree):
        for field, position in _NAMES.get(type(node), {}).items():
            name = getattr(node, field)
            if name:
                yield name, getattr(node, position)


def dependent_names(names: Collection[str], uses: Mapping[str, Collection[str]]) -> set[str]:
    """Return these names and all that depend on them, in the same year or in a later one.

    Args:
        names: Names of inputs, parameters or steps.
        uses: For each step, the names in its formula.
    """
    dependent, more = {*names}, {*names}
    while more:
        more = {name for name, used in uses.items() if not dependent.isdisjoint(used)} - dependent
        dependent |= more
    return dependent


def amounts_in(tree: Expression) -> Iterator[str]:
    """Yield each name in the tree whose value is part of the amount, not only of a condition."""
    if isinstance(tree, Name):
        yield tree.name
    elif not isinstance(tree, ComparisonOperation):
        for child in children(tree):
            yield from amounts_in(child)


def groupings(tree: Expression) -> Iterator[str]:
    """Yield the text column of each `within` in the tree; a column may come more than once."""
    for node in walk(tree):
        if isinstance(node, AggregateCall | Kernel) and node.within:
            yield node.within


def renamed(tree: Expression, name_of: Callable[[str], str]) -> Expression:
    """Return the tree with every name replaced by `name_of(name)`; texts and numbers do not change."""

    def rename(node: Expression) -> Expression:
        """Return one node with its own names replaced, but not those of the nodes below it."""
        names = {field: getattr(node, field) for field in _NAMES.get(type(node), ())}
        changes: dict[str, Any] = {field: name_of(name) for field, name in names.items() if name}
        return replace(node, **changes)

    return rebuilt(tree, rename)


def rebuilt(tree: Expression, change: Callable[[Expression], Expression]) -> Expression:
    """Return the tree with every node replaced by `change(node)`, from the inside out."""
    return change(with_children(tree, lambda child, _: rebuilt(child, change)))


def number_text(value: float) -> str:
    """Write a number as people do: `1`, `0.5`, `1000000`, `1e+22`."""
    return str(int(value)) if value == int(value) and abs(value) < 1e16 else repr(value)


def written_number(tree: Expression) -> float | None:
    """Return the value of a tree that is a number and no percentage, with its sign; otherwise None."""
    match tree:
        case Number(value, ""):
            return value
        case Negative(Number(value, "")):
            return -value
        case _:
            return None


_STRENGTH: Final = {"or": 1, "and": 2, Not: 3, ComparisonOperation: 4, "+": 5, "-": 5, "*": 6, "/": 6, Negative: 7}


def strength(tree: Expression) -> int:
    """Return how strongly the outermost operator of a formula binds: 1 for `or` up to 8 for a name, number or call."""
    sign = tree.operator if isinstance(tree, Logic | BinaryOperation) else type(tree)
    return _STRENGTH.get(sign, 8)


def _bracketed(tree: Expression, least: int) -> str:
    """Write the tree as a formula, in brackets if its outermost operator binds less strongly than `least`."""
    return to_text(tree) if strength(tree) >= least else f"({to_text(tree)})"


def to_text(tree: Expression) -> str:  # noqa: C901, PLR0912  # one branch per node of the tree
    """Write the tree as a formula; parsing the text gives an equal tree, except for positions."""
    outer = strength(tree)
    match tree:
        case Number(value, percentage):
            return percentage or number_text(value)
        case Text(value):
            return repr(value)
        case Name(name):
            return name
        case Negative(operand):
            return f"-{_bracketed(operand, outer)}"
        case Not(operand):
            return f"not {_bracketed(operand, outer)}"
        case BinaryOperation(operator, left, right):
            return f"{_bracketed(left, outer)} {operator} {_bracketed(right, outer + 1)}"
        case ComparisonOperation(relation, left, right):
            return f"{_bracketed(left, outer + 1)} {relation} {_bracketed(right, outer + 1)}"
        case Logic(operator, operands):
            return f" {operator} ".join(_bracketed(operand, outer + 1) for operand in operands)
        case IsGiven(name):
            return f"given({name})"
        case Previous(of, first):
            return f"previous({of}, first={to_text(first)})"
        case Call(name, arguments):
            parts = [to_text(argument) for argument in arguments]
        case AggregateCall(name, of):
            parts = [of]
        case RateOf(step):
            name, parts = "rate_of", [step]
        case TableCall(name, table, of):
            parts = [table, of]
        case Rounded(of, to):
            name, parts = "rounded", [to_text(of), *([f"to={number_text(to)}"] if to != 1 else [])]
        case Rank(of):
            name, parts = "rank", [to_text(of)]
        case RunningTotal(of, by):
            name, parts = "running_total", [to_text(of), f"by={to_text(by)}"]
        case ShareOut(amount):
            leaves = {option: getattr(tree, option) for option in ("by", "base", "at_least", "at_most")}
            options = [f"{option}={to_text(leaf)}" for option, leaf in leaves.items() if leaf is not None]
            name, parts = "share_out", [to_text(amount), *options]
    if isinstance(tree, AggregateCall | Kernel) and tree.within:
        parts.append(f"within={tree.within}")
    return f"{name}({', '.join(parts)})"
