"""What names mean: the kind, type and unit of every step, and whether each formula makes sense.

Kinds are inferred: a step has one value per *organisation*, one per *group* (per value of a text
column), or one for the nation. A step refers to what stands above it, except through `previous`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, Literal

from gpit_fairshare.errors import FormulaError, nearest
from gpit_fairshare.language import tree as t
from gpit_fairshare.language.units import BARE, PURE, Dimension, dimension, times, together, unit_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

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


def join(kinds: Iterable[Kind]) -> Kind:
    """Return the kind of a formula over values of these kinds: the finest; two groupings: organisations."""
    found = {kind for kind in kinds if kind != NATIONAL}
    if not found:
        return NATIONAL
    return found.pop() if len(found) == 1 else ORGANISATION


@dataclass(frozen=True, slots=True)
class Symbol:
    """One name that formulas may use."""

    name: str
    role: Literal["input", "parameter", "step"]
    kind: Kind
    type: Type = "number"
    unit: str | None = None
    optional: bool = False
    """Whether a blank is allowed (inputs only)."""


@dataclass(frozen=True, slots=True)
class Definition:
    """One step or check to be understood, in the order of the scheme."""

    name: str
    tree: t.Expression
    unit: str | None
    where: str
    """File and step, for messages."""


def understand(
    definitions: Sequence[Definition], symbols: Mapping[str, Symbol], checks: Sequence[Definition] = ()
) -> dict[str, Symbol]:
    """Return every symbol: those given, and one per step with its kind, type and unit inferred.

    Raises:
        FormulaError: The first formula, in order, that uses an unknown name or makes no sense.
    """
    known = dict(symbols)
    reach = _Reach(known, {**known, **_infer(definitions, known)})
    for definition in definitions:
        known[definition.name] = reach.understand(definition)
    for check in checks:
        reach.check(check)
    return known


def _infer(definitions: Sequence[Definition], symbols: Mapping[str, Symbol]) -> dict[str, Symbol]:
    """Return the steps with kind and type; names in `previous` may stand below: it goes on until all stay."""
    everything = dict(symbols)
    everything |= {one.name: Symbol(one.name, "step", NATIONAL, "number", one.unit) for one in definitions}
    # A share_out by plain numbers goes to the organisations. That is known only when the kinds of all names
    # are: taken too early it would never settle where weights come from the step's own year before.
    for shared_by_numbers in (NATIONAL, ORGANISATION):
        settled = False
        while not settled:
            settled = True
            for one in definitions:
                kind = kind_of(one.tree, everything)
                if kind == NATIONAL and isinstance(one.tree, t.ShareOut):
                    kind = shared_by_numbers
                found = replace(everything[one.name], kind=kind, type=_type(one.tree, everything))
                settled = settled and found == everything[one.name]
                everything[one.name] = found
    return {one.name: everything[one.name] for one in definitions}


def kind_of(tree: t.Expression, known: Mapping[str, Symbol]) -> Kind:
    """Return the kind of a formula over known names; unknown ones count as national and are refused elsewhere."""

    def kind(name: str) -> Kind:
        return known[name].kind if name in known else NATIONAL

    match tree:
        case t.Figure(within=None):
            return NATIONAL
        case t.Figure(within=str(column)):
            return group(column)
        case t.Rounded(t.Name(name)):
            return kind(name)
        case t.ShareOut():
            leaves = (tree.by, tree.base, tree.at_least, tree.at_most)
            return join(kind(leaf.name) for leaf in leaves if isinstance(leaf, t.Name))
        case t.Previous(of, first):
            return join((kind(of), kind_of(first, known)))
        case t.Name(name) | t.Given(name):
            return kind(name)
        case _:
            return join(kind_of(child, known) for child in t.operands_of(tree))


def _type(tree: t.Expression, known: Mapping[str, Symbol]) -> Type:
    match tree:
        case t.Comparison() | t.Logic() | t.Not() | t.Given():
            return "yes/no"
        case t.Text():
            return "text"
        case t.Name(name):
            return known[name].type if name in known else "number"
        case t.Previous(_, first):  # both are of one type, and `first` does not lead back to the step itself
            return _type(first, known)
        case t.Call("where", (_, yes, _)):
            return _type(yes, known)
        case _:
            return "number"


class _Reach:
    """What the step being read may refer to: everything above it, and through `previous` everything."""

    def __init__(self, above: dict[str, Symbol], everything: Mapping[str, Symbol]) -> None:
        self.above = above
        self.everything = everything

    def understand(self, definition: Definition) -> Symbol:
        """Return the symbol of one step, or raise the first fault in its formula."""
        try:
            unit = self.unit(definition.tree)
            symbol = self.everything[definition.name]
            self.agree(definition, symbol, unit)
        except FormulaError as fault:
            raise fault.at(definition.where) from None
        return replace(symbol, unit=definition.unit or ("yes/no" if symbol.type == "yes/no" else unit_of(unit)))

    def check(self, definition: Definition) -> None:
        """Raise unless the formula is a yes/no of names that are known."""
        try:
            self.unit(definition.tree)
        except FormulaError as fault:
            raise fault.at(definition.where) from None
        if _type(definition.tree, self.everything) != "yes/no":
            raise FormulaError("a check is a yes/no, such as total(fair_share) == revenue_budget", 1, definition.where)

    def agree(self, definition: Definition, symbol: Symbol, unit: Dimension | None) -> None:
        if symbol.type == "text":
            raise FormulaError("a step is a number or a yes/no, not a text", 1)
        if (definition.unit == "yes/no") != (symbol.type == "yes/no") and definition.unit:
            raise FormulaError(f"the formula gives a {symbol.type}, but the step's unit is {definition.unit}", 1)
        declared = dimension(definition.unit)
        if declared and unit and not unit.bare and declared != unit:
            raise FormulaError(f"the formula gives {unit}, but the step's unit is {definition.unit}", 1)

    def symbol(self, name: str, position: int, *, through_previous: bool = False) -> Symbol:
        # What stands above is known with its unit inferred, what stands below only with its unit declared.
        names = {**self.everything, **self.above} if through_previous else self.above
        if name in names:
            return names[name]
        if name in self.everything:
            raise FormulaError(
                f"{name} stands below; a step uses what stands above it, or previous({name}, first=…)",
                position,
            )
        raise FormulaError(f"there is no {name}{nearest(name, names)}", position)

    def unit(self, tree: t.Expression) -> Dimension | None:  # noqa: C901, PLR0912  # one branch per node of the tree
        """Return the unit of a formula, having checked every name and type in it."""
        match tree:
            case t.Number():
                return BARE
            case t.Text(_, position):
                raise FormulaError("a quoted text stands only beside == or != and a text column", position)
            case t.Name(name, position):
                return self.leaf(name, position)
            case t.Negative(operand):
                return self.number(operand)
            case t.Sum(operator, left, right, position):
                return self.arithmetic(operator, left, right, position)
            case t.Comparison():
                return self.comparison(tree)
            case t.Logic(_, operands):
                for operand in operands:
                    self.condition(operand)
                return PURE
            case t.Not(operand):
                self.condition(operand)
                return PURE
            case t.Call():
                return self.call(tree)
            case t.Given(name, _, position):
                if self.symbol(name, position).role != "input":
                    raise FormulaError(f"given takes an input column; {name} is a {self.above[name].role}", position)
                return PURE
            case t.Figure():
                return self.figure(tree)
            case t.Previous():
                return self.previous(tree)
            case t.ShareOut():
                return self.share_out(tree)
            case t.Rounded(of, _, within):
                self.within(within, tree.within_position)
                return self.number(of)

    def leaf(self, name: str, position: int) -> Dimension | None:
        symbol = self.symbol(name, position)
        if symbol.type == "text":
            raise FormulaError(
                f"{name} is a text column; it stands beside == or != and a quoted text, or in within=",
                position,
            )
        return dimension(symbol.unit)

    def number(self, tree: t.Expression) -> Dimension | None:
        unit = self.unit(tree)
        if _type(tree, self.everything) != "number":
            raise FormulaError(
                "a yes/no takes no part in arithmetic or totals; use where(…) or count(…)", tree.position
            )
        return unit

    def condition(self, tree: t.Expression) -> None:
        self.unit(tree)
        if _type(tree, self.everything) != "yes/no":
            raise FormulaError("expected a yes/no here, such as a comparison", tree.position)

    def fit(self, units: Iterable[Dimension | None], position: int, what: str) -> Dimension | None:
        """Return the unit that values have together; `what` says what cannot be done with unlike ones."""
        found = list(units)
        result = BARE
        for unit in found:
            try:
                result = together(result, unit) or result
            except ValueError as clash:
                raise FormulaError(f"{clash} cannot be {what}", position) from None
        return None if None in found else result

    def arithmetic(self, operator: str, left: t.Expression, right: t.Expression, position: int) -> Dimension | None:
        units = self.number(left), self.number(right)
        if operator in "*/":
            return times(*units, sign=1 if operator == "*" else -1)
        return self.fit(units, position, "added" if operator == "+" else "subtracted")

    def comparison(self, tree: t.Comparison) -> Dimension:
        sides = tree.left, tree.right
        texts = [side for side in sides if isinstance(side, t.Text)]
        if texts:
            column = next((side for side in sides if isinstance(side, t.Name)), None)
            symbol = self.symbol(column.name, column.position) if column else None
            if not symbol or symbol.type != "text" or tree.relation not in ("==", "!="):
                raise FormulaError("a quoted text stands only beside == or != and a text column", texts[0].position)
            return PURE
        self.fit((self.number(sides[0]), self.number(sides[1])), tree.position, "compared")
        return PURE

    def call(self, tree: t.Call) -> Dimension | None:
        if tree.function == "where":
            condition, yes, no = tree.arguments
            self.condition(condition)
            units = self.unit(yes), self.unit(no)
            if _type(yes, self.everything) != _type(no, self.everything):
                raise FormulaError("both branches of where must be numbers, or both yes/no", no.position)
            return self.fit(units, tree.position, "branches of one where")
        units_ = [self.number(argument) for argument in tree.arguments]
        return (
            units_[0]
            if tree.function == "round"
            else self.fit(units_, tree.position, f"arguments of one {tree.function}")
        )

    def within(self, column: str | None, position: int) -> None:
        if column is None:
            return
        symbol = self.symbol(column, position)
        if symbol.role != "input" or symbol.type != "text":
            raise FormulaError(f"within takes a text column of the inputs; {column} is not one", position)

    def figure(self, tree: t.Figure) -> Dimension | None:
        symbol = self.symbol(tree.of, tree.of_position)
        expected = "yes/no" if tree.function == "count" else "number"
        if symbol.type != expected:
            hint = (
                "; count takes a yes/no step"
                if expected == "yes/no"
                else "; use count(…)"
                if symbol.type == "yes/no"
                else ""
            )
            raise FormulaError(
                f"{tree.function} takes a {expected}, and {tree.of} is a {symbol.type}{hint}",
                tree.of_position,
            )
        if symbol.kind == NATIONAL:
            raise FormulaError(
                f"{tree.of} is one national figure; {tree.function} takes a value per organisation or group",
                tree.of_position,
            )
        self.within(tree.within, tree.within_position)
        return None if tree.function == "count" else dimension(symbol.unit)

    def previous(self, tree: t.Previous) -> Dimension | None:
        symbol = self.symbol(tree.of, tree.of_position, through_previous=True)
        if symbol.type == "text":
            raise FormulaError(f"previous takes a number or a yes/no; {tree.of} is a text column", tree.of_position)
        first = self.unit(tree.first)
        if _type(tree.first, self.everything) != symbol.type:
            raise FormulaError(f"`first` must be a {symbol.type}, as {tree.of} is", tree.first.position)
        return self.fit((dimension(symbol.unit), first), tree.first.position, "the values of one step")

    def share_out(self, tree: t.ShareOut) -> Dimension | None:
        self.within(tree.within, tree.within_position)
        self.number(tree.by)
        bounds = [leaf for leaf in (tree.base, tree.at_least, tree.at_most) if leaf is not None]
        amount = kind_of(tree.amount, self.everything)
        if amount.column and amount.column != tree.within:
            raise FormulaError(f"the amount is {amount}; say within={amount.column}", tree.amount.position)
        if amount == ORGANISATION and tree.within is None:
            raise FormulaError(
                "the amount differs by organisation; it is a national figure, or one per group with within=",
                tree.amount.position,
            )
        return self.fit([self.number(leaf) for leaf in (tree.amount, *bounds)], tree.position, "shared out together")
