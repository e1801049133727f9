"""The tree of a formula: what the parser makes and every rendering walks.

Positions count characters of the formula's text from 1, so that an error can point at the place.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, is_dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Arithmetic = Literal["+", "-", "*", "/"]
Relation = Literal["<", "<=", ">", ">=", "==", "!="]


@dataclass(frozen=True, slots=True)
class Number:
    """A finite number written in the formula."""

    value: float
    position: int = 0


@dataclass(frozen=True, slots=True)
class Text:
    """A quoted text; it stands only beside `==` or `!=` and a text column."""

    value: str
    position: int = 0


@dataclass(frozen=True, slots=True)
class Name:
    """An input column, a parameter or an earlier step."""

    name: str
    position: int = 0


@dataclass(frozen=True, slots=True)
class Negative:
    """Unary minus."""

    operand: Expression
    position: int = 0


@dataclass(frozen=True, slots=True)
class Sum:
    """One of `+ - * /` between two operands."""

    operator: Arithmetic
    left: Expression
    right: Expression
    position: int = 0


@dataclass(frozen=True, slots=True)
class Comparison:
    """One comparison; numbers are equal within 1e-12 · max(1, |a|, |b|)."""

    relation: Relation
    left: Expression
    right: Expression
    position: int = 0


@dataclass(frozen=True, slots=True)
class Logic:
    """`and` or `or` over two or more yes/no values; neither stops early, as in Excel."""

    operator: Literal["and", "or"]
    operands: tuple[Expression, ...]
    position: int = 0


@dataclass(frozen=True, slots=True)
class Not:
    """The opposite of a yes/no value."""

    operand: Expression
    position: int = 0


@dataclass(frozen=True, slots=True)
class Call:
    """A function of numbers: min, max, clip, abs, round, where, or one of a plug-in."""

    function: str
    arguments: tuple[Expression, ...]
    position: int = 0


@dataclass(frozen=True, slots=True)
class Given:
    """Whether an optional input cell holds a value."""

    name: str
    position: int = 0
    name_position: int = 0


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure over organisations (or groups): total, count, largest or smallest of a named column."""

    function: str
    of: str
    within: str | None = None
    position: int = 0
    of_position: int = 0
    within_position: int = 0


@dataclass(frozen=True, slots=True)
class Previous:
    """The value of `of` for the same organisation in the year before; `first` in the first year."""

    of: str
    first: Expression
    position: int = 0
    of_position: int = 0


@dataclass(frozen=True, slots=True)
class ShareOut:
    """The kernel that shares an amount by weights between bounds; a whole step."""

    amount: Name | Number
    by: Name | Number
    base: Name | Number | None = None
    at_least: Name | Number | None = None
    at_most: Name | Number | None = None
    within: str | None = None
    position: int = 0
    within_position: int = 0


@dataclass(frozen=True, slots=True)
class Rounded:
    """The kernel that rounds to whole multiples of `to` pounds, keeping the total; a whole step."""

    of: Name
    to: float = 1.0
    within: str | None = None
    position: int = 0
    within_position: int = 0


Expression = (
    Number
    | Text
    | Name
    | Negative
    | Sum
    | Comparison
    | Logic
    | Not
    | Call
    | Given
    | Figure
    | Previous
    | ShareOut
    | Rounded
)


def children(tree: Expression) -> Iterator[Expression]:
    """Yield what stands directly below the tree, left to right."""
    for field in fields(tree):
        value = getattr(tree, field.name)
        for child in value if isinstance(value, tuple) else (value,):
            if is_dataclass(child):
                yield child  # type: ignore[misc]  # only expressions are dataclasses here


def operands_of(tree: Expression) -> tuple[Expression, ...]:
    """Return the operands of an operator or the arguments of a function of numbers; a leaf has none."""
    match tree:
        case Negative(operand) | Not(operand):
            return (operand,)
        case Sum(_, left, right) | Comparison(_, left, right):
            return (left, right)
        case Logic(_, operands) | Call(_, operands):
            return operands
        case _:
            return ()


def walk(tree: Expression) -> Iterator[Expression]:
    """Yield the tree and everything below it, from the outside in, left to right."""
    yield tree
    for child in children(tree):
        yield from walk(child)


def names_in(tree: Expression) -> Iterator[tuple[str, int]]:
    """Yield every name that the tree refers to, with its position."""
    for node in walk(tree):
        match node:
            case Name(name, position) | Given(name, _, position):
                yield name, position
            case Figure(of=of, of_position=position) | Previous(of=of, of_position=position):
                yield of, position
            case _:
                pass
        if isinstance(node, Figure | ShareOut | Rounded) and node.within:
            yield node.within, node.within_position


def groupings(tree: Expression) -> Iterator[str]:
    """Yield every column that stands in `within`."""
    for node in walk(tree):
        if isinstance(node, Figure | ShareOut | Rounded) and node.within:
            yield node.within


def renamed(tree: Expression, name_of: Callable[[str], str]) -> Expression:
    """Return the tree with every name put through `name_of`; texts and numbers stay as they are."""
    changes: dict[str, Any] = {}
    for field in fields(tree):
        value = getattr(tree, field.name)
        if isinstance(value, tuple):
            changes[field.name] = tuple(renamed(child, name_of) for child in value)
        elif is_dataclass(value):
            changes[field.name] = renamed(value, name_of)  # type: ignore[arg-type]  # as above
        elif isinstance(value, str) and (
            field.name == "within"
            or (field.name == "name" and isinstance(tree, (Name, Given)))
            or (field.name == "of" and isinstance(tree, (Figure, Previous)))
        ):
            changes[field.name] = name_of(value)
    return replace(tree, **changes)


def rebuilt(tree: Expression, change: Callable[[Expression], Expression]) -> Expression:
    """Return the tree with every node put through `change`, from the inside out."""
    changes: dict[str, Any] = {}
    for field in fields(tree):
        value = getattr(tree, field.name)
        if isinstance(value, tuple):
            changes[field.name] = tuple(rebuilt(child, change) for child in value)
        elif is_dataclass(value):
            changes[field.name] = rebuilt(value, change)  # type: ignore[arg-type]  # only expressions are dataclasses
    return change(replace(tree, **changes))


_STRENGTH = {
    "or": 1,
    "and": 2,
    "not": 3,
    "compare": 4,
    "+": 5,
    "-": 5,
    "*": 6,
    "/": 6,
    "negative": 7,
    "atom": 8,
}


def number_text(value: float) -> str:
    """Write a number as a person would: `1`, `0.5`, `1000000`, `1e+22`."""
    return str(int(value)) if value == int(value) and abs(value) < 1e16 else repr(value)


def written_number(tree: Expression) -> float | None:
    """Return the number that is written there, with its sign; None where there is anything else."""
    match tree:
        case Number(value):
            return value
        case Negative(Number(value)):
            return -value
        case _:
            return None


def to_text(tree: Expression) -> str:
    """Write the tree as a formula again; parsing the text gives an equal tree but for positions."""
    return _text(tree)[0]


def _text(tree: Expression) -> tuple[str, int]:
    """Return the text and how strongly it binds."""
    match tree:
        case Number(value):
            return number_text(value), _STRENGTH["atom"]
        case Text(value):
            return repr(value), _STRENGTH["atom"]
        case Name(name):
            return name, _STRENGTH["atom"]
        case Negative(operand):
            return "-" + _bracketed(operand, _STRENGTH["negative"]), _STRENGTH["negative"]
        case Sum(operator, left, right):
            strength = _STRENGTH[operator]
            return f"{_bracketed(left, strength)} {operator} {_bracketed(right, strength + 1)}", strength
        case Comparison(relation, left, right):
            strength = _STRENGTH["compare"]
            return f"{_bracketed(left, strength + 1)} {relation} {_bracketed(right, strength + 1)}", strength
        case Logic(operator, operands):
            strength = _STRENGTH[operator]
            return f" {operator} ".join(_bracketed(one, strength + 1) for one in operands), strength
        case Not(operand):
            return "not " + _bracketed(operand, _STRENGTH["not"]), _STRENGTH["not"]
        case _:
            return _call_text(tree), _STRENGTH["atom"]


def _bracketed(tree: Expression, least: int) -> str:
    text, strength = _text(tree)
    return text if strength >= least else f"({text})"


def _call_text(tree: Expression) -> str:
    match tree:
        case Call(function, arguments):
            return f"{function}({', '.join(to_text(one) for one in arguments)})"
        case Given(name):
            return f"given({name})"
        case Figure(function, of, within):
            return f"{function}({of}, within={within})" if within else f"{function}({of})"
        case Previous(of, first):
            return f"previous({of}, first={to_text(first)})"
        case Rounded(of, to, within):
            parts = [to_text(of)]
            parts += [f"to={number_text(to)}"] if to != 1 else []
            parts += [f"within={within}"] if within else []
            return f"rounded({', '.join(parts)})"
        case ShareOut():
            options = ("by", "base", "at_least", "at_most")
            parts = [to_text(tree.amount)]
            parts += [f"{key}={to_text(getattr(tree, key))}" for key in options if getattr(tree, key) is not None]
            parts += [f"within={tree.within}"] if tree.within else []
            return f"share_out({', '.join(parts)})"
        case _:  # pragma: no cover - every node is above or in _text
            raise TypeError(type(tree).__name__)
