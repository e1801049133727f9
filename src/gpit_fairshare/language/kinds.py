"""Kinds and types of names: what each name has one value for, and whether it is a number, a yes/no or a text.

Kinds are inferred: a step has one value per *organisation*, one per *group* (per value of a text
column), or one for the nation.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final, Literal

from gpit_fairshare.language import tree
from gpit_fairshare.language.units import Dimension, dimension

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from gpit_fairshare.language.tables import FormulaTable


Type = Literal["number", "yes/no", "text"]


@dataclass(frozen=True, slots=True)
class Kind:
    """Whether a value is national, one per group (`column` names the text column) or one per organisation."""

    level: Literal["national", "group", "organisation"]
    column: str | None = None

    def __str__(self) -> str:
        return f"one per {self.column}" if self.column else self.level


NATIONAL: Final = Kind("national")
ORGANISATION: Final = Kind("organisation")


def group(column: str) -> Kind:
    """Return the kind of a value per value of the text column."""
    return Kind("group", column)


def finest_kind(kinds: Iterable[Kind]) -> Kind:
    """Return the kind of a formula that combines these kinds: the finest; organisations if two kinds of group meet."""
    finer = set(kinds) - {NATIONAL}
    return ORGANISATION if len(finer) > 1 else next(iter(finer), NATIONAL)


@dataclass(frozen=True, slots=True)
class Symbol:
    """One name that formulas may use."""

    name: str
    role: Literal["input", "parameter", "step", "table"]
    kind: Kind
    type: Type = "number"
    unit: str | None = None
    optional: bool = False
    """Whether a blank is allowed (inputs only)."""
    of: str = ""
    """The text column of the larger organisation with this value (inputs only); empty if it is the row's own."""
    signed: bool = False
    """Whether money may be negative (inputs only)."""
    dimension: Dimension | None = None
    """The dimension of a step's formula, even if it has no name as a unit (£ × people)."""
    kernel: tree.Kernel | None = field(default=None, compare=False)
    """The kernel that gives a step its values; None if it is no step of a kernel. Its positions are not compared."""
    rate: Dimension | None = None
    """The dimension of the rate of a `share_out` step; None if it is not known."""
    table: FormulaTable | None = None
    """The keys of a table; its unit is that of the symbol."""

    @property
    def measure(self) -> Dimension | None:
        """Return the dimension of the formula, or else of the unit; None if neither is known."""
        return self.dimension or dimension(self.unit)

    @property
    def rate_kind(self) -> Kind | None:
        """Return what a `share_out` step has one rate for, the nation or each group; None for anything else."""
        match self.kernel:
            case tree.ShareOut(within=column):
                return group(column) if column else NATIONAL
            case _:
                return None


@dataclass(frozen=True, slots=True)
class Definition:
    """One step or check, in the order of the scheme."""

    name: str
    tree: tree.Expression
    unit: str | None
    where: str
    """File and step, for messages."""

    @property
    def file(self) -> str:
        """Return the name of the file."""
        return self.where.partition(", ")[0]


def infer(definitions: Sequence[Definition], symbols: Mapping[str, Symbol]) -> dict[str, Symbol]:
    """Return the symbol of each step, by its name, with the kind and the type of its formula, and its declared unit.

    This repeats until nothing changes, because `previous` may name later steps. A `share_out` by plain numbers, with no
    name that decides its kind, has one value per organisation.
    """
    everything = dict(symbols)
    for step in definitions:
        kernel = step.tree if isinstance(step.tree, tree.Kernel) else None
        everything[step.name] = Symbol(step.name, "step", NATIONAL, "number", step.unit, kernel=kernel)
    # A share_out by plain numbers goes to the organisations. This is known only when the kinds of all names are known:
    # too early, it would never settle if weights come from the step's own previous year.
    for shared_by_numbers in (NATIONAL, ORGANISATION):
        before = None
        while everything != before:
            before = dict(everything)
            for step in definitions:
                kind = kind_of(step.tree, everything)
                if kind == NATIONAL and isinstance(step.tree, tree.ShareOut):
                    kind = shared_by_numbers
                everything[step.name] = replace(everything[step.name], kind=kind, type=type_of(step.tree, everything))
    return {step.name: everything[step.name] for step in definitions}


def kind_of(expression: tree.Expression, symbols: Mapping[str, Symbol]) -> Kind:
    """Return the kind of a formula's value: national, per group or per organisation.

    It is the finest kind that the formula combines; of a `share_out` only the weights, base and bounds count, and a
    figure over organisations is national or per group. An unknown name counts as national; it is reported elsewhere.
    """

    def kind(name: str) -> Kind:
        return symbols[name].kind if name in symbols else NATIONAL

    match expression:
        case tree.AggregateCall(within=column):
            return group(column) if column else NATIONAL
        case tree.RateOf(step):
            return (symbols[step].rate_kind if step in symbols else None) or NATIONAL
        case tree.TableCall(of=of):
            return kind(of)
        case tree.ShareOut():
            leaves = (expression.by, expression.base, expression.at_least, expression.at_most)
            return finest_kind(kind(leaf.name) for leaf in leaves if isinstance(leaf, tree.Name))
        case tree.Previous(of, first):
            return finest_kind((kind(of), kind_of(first, symbols)))
        case tree.Name(name) | tree.IsGiven(name) | tree.Rounded(tree.Name(name)):
            return kind(name)
        case _:
            return finest_kind(kind_of(child, symbols) for child in tree.children(expression))


def type_of(expression: tree.Expression, symbols: Mapping[str, Symbol]) -> Type:
    """Return the type of a formula's value: a number, a yes/no or a text.

    `previous` has the type of its `first`, and `where` that of its first branch. An unknown name counts as a number; it
    is reported elsewhere.
    """
    match expression:
        case tree.ComparisonOperation() | tree.Logic() | tree.Not() | tree.IsGiven():
            return "yes/no"
        case tree.Text():
            return "text"
        case tree.Name(name):
            return symbols[name].type if name in symbols else "number"
        # Both values are of one type, and `first` does not lead back to the step itself.
        case tree.Previous(_, value) | tree.Call("where", (_, value, _)):
            return type_of(value, symbols)
        case _:
            return "number"
