"""The meaning of names: the unit of every step, and whether each formula makes sense.

A step can use only what comes before it in the scheme, except through `previous`.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING

from gpit_fairshare.errors import FormulaError
from gpit_fairshare.language import tree
from gpit_fairshare.language.functions import AGGREGATES, TABLE_FUNCTIONS, Argument
from gpit_fairshare.language.kinds import NATIONAL, ORGANISATION, Definition, Symbol, infer, kind_of, type_of
from gpit_fairshare.language.plugin_functions import function_named
from gpit_fairshare.language.tables import BAND_TEXT
from gpit_fairshare.language.units import BARE, COUNT, PURE, Dimension, common_unit, dimension, times, unit_of
from gpit_fairshare.magnitude import BOUNDS, is_in_bounds
from gpit_fairshare.numbers import shortest
from gpit_fairshare.words import nearest

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence


def understand(
    definitions: Sequence[Definition],
    symbols: Mapping[str, Symbol],
    checks: Sequence[Definition] = (),
    *,
    report: Callable[[FormulaError], None] | None = None,
    doubtful: set[str] | None = None,
) -> dict[str, Symbol]:
    """Return every symbol: those given, and one per step with its kind, type and unit inferred.

    Args:
        definitions: The steps, in their order.
        symbols: Input columns and parameters.
        checks: The checks and outcomes of the scheme.
        report: Called with each `FormulaError` instead of raising the first; the step then has its declared unit.
        doubtful: Symbols of which only the name is known. With `report`, a formula that uses them is not reported for a
            wrong kind or type, only for its names and units. Steps that depend on them, or that have an error other
            than in units, are added here.
    """
    return _UnitPass(definitions, symbols, report, set() if doubtful is None else doubtful).check_all(checks)


@dataclass
class _UnitPass:
    """Goes through all steps until the unit of each is known, then through the checks."""

    definitions: Sequence[Definition]
    symbols: Mapping[str, Symbol]
    report: Callable[[FormulaError], None] | None
    doubtful: set[str]
    faulty: set[str] = field(default_factory=set)

    def check_all(self, checks: Sequence[Definition]) -> dict[str, Symbol]:
        """Return the symbols of the given names and of all steps, with kinds, types and units, and check the checks.

        It goes through the steps again until no unit changes, because `previous` may name later steps.
        """
        inferred = infer(self.definitions, self.symbols)
        assumed, understood = self._pass(inferred, pending=True)
        # The units of later steps, which `previous` may name, are known from the second pass on.
        for _ in self.definitions:
            if understood == assumed:
                break
            assumed, understood = self._pass(understood, pending=False)
        reach = _Reach(understood, understood)
        for check in checks:
            self._read_or_report(check, partial(reach.check, check))
        return understood

    def _pass(self, everything: Mapping[str, Symbol], *, pending: bool) -> tuple[dict[str, Symbol], dict[str, Symbol]]:
        """Go through all steps once; return the symbols that the pass assumed, and the symbols that it inferred.

        `pending` says that the units of later steps are not known yet. A step with an error in an earlier pass is not
        read again: it keeps its declared unit.
        """
        assumed = {**self.symbols, **everything}
        reach = _Reach(dict(self.symbols), assumed, pending=pending)
        file = ""
        for step in self.definitions:
            if step.file != file:
                file, reach.share_outs = step.file, []
            symbol = replace(assumed[step.name], unit=step.unit, dimension=None)
            if step.name not in self.faulty:
                symbol = self._read_or_report(step, partial(reach.understand, step)) or symbol
            reach.above[step.name] = symbol
            if isinstance(step.tree, tree.ShareOut):
                reach.share_outs.append(step.name)
        return assumed, reach.above

    def _read_or_report(self, definition: Definition, read: Callable[[], Symbol | None]) -> Symbol | None:
        """Return the symbol that `read` infers for a formula; None if it has an error, which is raised or reported.

        A formula that uses a doubtful name becomes doubtful; its errors of kind or type, which an earlier error may
        have caused, are not reported. A formula with an error is faulty, and also doubtful unless the error is one of
        units.
        """
        doubtful = not self.doubtful.isdisjoint(name for name, _ in tree.names_in(definition.tree))
        if doubtful:
            self.doubtful.add(definition.name)
        try:
            return read()
        except FormulaError as fault:
            if self.report is None:
                raise fault.at(definition.where) from None
            self.faulty.add(definition.name)
            if not (doubtful and fault.sort == "kind"):
                self.report(fault.at(definition.where))
            if fault.sort != "unit":
                self.doubtful.add(definition.name)
            return None


def unit_in(expression: tree.Expression, symbols: Mapping[str, Symbol]) -> str | None:
    """Return the unit to show for a number that is a part of a formula with known symbols."""
    return unit_of(_Reach(dict(symbols), symbols).unit(expression))


@dataclass
class _Reach:
    """The names that a step may use: everything above it, and through `previous` everything."""

    above: dict[str, Symbol]
    everything: Mapping[str, Symbol]
    pending: bool = False
    """Whether the units of steps further down are not known yet."""
    share_outs: list[str] = field(default_factory=list)
    """The `share_out` steps above in the same file: a transition may not use those of its formula."""

    def understand(self, definition: Definition) -> Symbol:
        """Return the symbol of one step with its unit, or raise the first error in its formula.

        The unit is the declared one, which must fit the formula, or else that of the formula. A formula of only numbers
        fits any unit; a yes/no needs the unit yes/no or none, and a text is refused.
        """
        # A step of only numbers has a unit, but its formula does not show it, so it is not checked.
        inferred = self.unit(definition.tree)
        inferred = None if inferred is None or inferred.bare else inferred
        symbol, declared = self.everything[definition.name], dimension(definition.unit)
        if symbol.type == "text":
            raise _kind("a step is a number or a yes/no, not a text", 1)
        if (definition.unit == "yes/no") != (symbol.type == "yes/no") and definition.unit:
            raise _kind(f"the formula gives a {symbol.type}, but the step's unit is {definition.unit}", 1)
        if declared and inferred and declared.powers != inferred.powers:
            raise _unit(f"the formula gives {inferred}, but the step's unit is {definition.unit}", 1)
        if symbol.type == "yes/no":
            return replace(symbol, unit=definition.unit or "yes/no", dimension=None)
        understood = replace(symbol, unit=definition.unit or unit_of(inferred), dimension=declared or inferred)
        if not isinstance(definition.tree, tree.ShareOut):
            return understood
        return replace(understood, rate=times(understood.measure, self.unit(definition.tree.by), sign=-1))

    def check(self, definition: Definition) -> None:
        """Refuse a check or outcome whose formula is not a yes/no, or has an error."""
        self.unit(definition.tree)
        if type_of(definition.tree, self.everything) != "yes/no":
            raise _kind("a check or an outcome must be a yes/no, such as allocation >= floor", 1)

    def symbol(self, name: str, position: int, *, through_previous: bool = False) -> Symbol:
        # Earlier names have their inferred unit, later ones only their declared unit.
        """Return the symbol of a name that a step may use here; refuse an unknown name, or a step further down.

        With `through_previous`, as in `previous(name)`, a step further down is allowed.
        """
        names = {**self.everything, **self.above} if through_previous else self.above
        if name in names:
            return names[name]
        if name in self.everything:
            message = f"{name} is defined further down; a step uses what is above it, or previous({name}, first=…)"
            raise _name(message, position)
        raise _name(f"there is no {name}{nearest(name, names)}", position)

    def unit(self, expression: tree.Expression) -> Dimension | None:  # noqa: C901, PLR0912  # one branch per node of the tree
        """Return the unit of a formula, None if it is not known; check its names and types, and refuse errors."""
        match expression:
            case tree.Number(value, percentage):
                unit = self.written_number(value, expression.position)
                return PURE if percentage else unit
            case tree.Text():
                raise _kind("a quoted text can only be compared with a text column, by == or !=", expression.position)
            case tree.Name():
                return self.name(expression)
            case tree.Negative(operand):
                return self.number(operand)
            case tree.BinaryOperation():
                return self.arithmetic(expression)
            case tree.ComparisonOperation():
                return self.comparison(expression)
            case tree.Logic() | tree.Not():
                for operand in tree.children(expression):
                    self.condition(operand)
                return PURE
            case tree.Call():
                return self.call(expression)
            case tree.IsGiven(name, position):
                if self.symbol(name, position).role != "input":
                    raise _kind(f"given takes an input column; {name} is a {self.above[name].role}", position)
                return PURE
            case tree.AggregateCall():
                return self.aggregate(expression)
            case tree.RateOf():
                return self.rate_of(expression)
            case tree.TableCall():
                return self.table_call(expression)
            case tree.Previous():
                return self.previous(expression)
            case tree.ShareOut():
                return self.share_out(expression)
            case tree.Rounded(of, to, within):
                self.written_number(to, expression.position)
                self.check_within(within, expression.within_position)
                return self.number(of)
            case tree.Rank(of, within):
                self.ordered(of, within, expression)
                return COUNT
            case tree.RunningTotal(of):
                return self.running_total(expression)

    def written_number(self, value: float, position: int) -> Dimension:
        """Return the unit of a number in a formula: a bare number, which fits any unit.

        Raises:
            FormulaError: The number is too large or too small to calculate with.
        """
        if not is_in_bounds(value):
            raise FormulaError(f"{shortest(value)} is too {'large' if abs(value) > 1 else 'small'}; {BOUNDS}", position)
        return BARE

    def name(self, expression: tree.Name) -> Dimension | None:
        """Return the unit of the value of a name; refuse a table or text column, which is no value in a formula."""
        symbol = self.symbol(expression.name, expression.position)
        self.refuse_table(symbol, expression.position)
        if symbol.type == "text":
            message = f"{expression.name} is a text column; compare it with a quoted text, or use it in within="
            raise _kind(message, expression.position)
        return symbol.measure

    def number(self, expression: tree.Expression) -> Dimension | None:
        """Return the unit of a formula, and refuse one that is not a number."""
        unit = self.unit(expression)
        if type_of(expression, self.everything) != "number":
            raise _kind("a yes/no cannot be used in arithmetic or totals; use where or count", expression.position)
        return unit

    def condition(self, expression: tree.Expression) -> None:
        """Check a formula, and refuse one that is not a yes/no."""
        self.unit(expression)
        if type_of(expression, self.everything) != "yes/no":
            raise _kind("expected a yes/no here, such as a comparison", expression.position)

    def common_unit(self, units: Sequence[Dimension | None], position: int, use: str) -> Dimension | None:
        """Return the unit that values have in common; None if the unit of one is not known.

        Different units are refused; `use` says what cannot be done with them: `added`.
        """
        result = BARE
        for unit in units:
            try:
                result = common_unit(result, unit) or result
            except ValueError as clash:
                raise _unit(f"{clash} cannot be {use}", position) from None
        return None if None in units else result

    def arithmetic(self, expression: tree.BinaryOperation) -> Dimension | None:
        """Return the unit of a sum, difference, product or quotient; refuse a sum or difference of different units."""
        units = self.number(expression.left), self.number(expression.right)
        if expression.operator in "*/":
            return times(*units, sign=1 if expression.operator == "*" else -1)
        return self.common_unit(units, expression.position, "added" if expression.operator == "+" else "subtracted")

    def comparison(self, expression: tree.ComparisonOperation) -> Dimension:
        """Check a comparison and return the unit of a yes/no.

        The sides must be numbers of one unit, or a text column and a quoted text with == or !=.
        """
        sides = expression.left, expression.right
        texts = [side for side in sides if isinstance(side, tree.Text)]
        if texts:
            column = next((side for side in sides if isinstance(side, tree.Name)), None)
            symbol = self.symbol(column.name, column.position) if column else None
            if not symbol or symbol.type != "text" or expression.relation not in ("==", "!="):
                raise _kind("a quoted text can only be compared with a text column, by == or !=", texts[0].position)
            return PURE
        self.common_unit((self.number(sides[0]), self.number(sides[1])), expression.position, "compared")
        return PURE

    def call(self, expression: tree.Call) -> Dimension | None:
        """Return the unit of a function's value, None if it is not known; refuse arguments of a wrong type or unit.

        The unit is fixed, or that of the argument that the function names; arguments or branches that may each be the
        result must have one unit. Both branches must be numbers, or both yes/no.
        """
        function = function_named(expression.function)
        arguments = function.paired(expression.arguments)
        units = [self.argument(sort, argument) for sort, argument in arguments]
        for (name, required), unit, argument in zip(
            function.arguments.items(), units, expression.arguments, strict=False
        ):
            try:
                common_unit(unit, None if isinstance(required, Argument) else dimension(required))
            except ValueError:
                message = f"{expression.function} takes {required} for {name}; found {unit}"
                raise _unit(message, argument.position) from None
        branches = [argument for sort, argument in arguments if sort is Argument.BRANCH]
        if len({type_of(branch, self.everything) for branch in branches}) > 1:
            message = f"both branches of {expression.function} must be numbers, or both yes/no"
            raise _kind(message, branches[-1].position)
        if function.unit is None or function.unit not in function.arguments:
            return dimension(function.unit)
        sort = function.arguments[function.unit]
        if sort in (Argument.SAME_UNIT, Argument.BRANCH):
            same_sort = [unit for unit, (its_sort, _) in zip(units, arguments, strict=True) if its_sort is sort]
            return self.common_unit(same_sort, expression.position, f"{sort.value} of the same {expression.function}")
        return units[list(function.arguments).index(function.unit)]

    def argument(self, sort: str | Argument | None, expression: tree.Expression) -> Dimension | None:
        """Refuse an argument of the wrong type, and return its unit: None for a number without one.

        Args:
            sort: CONDITION takes a yes/no and BRANCH anything. A unit, or None for any unit, takes a number; `call`
                then checks the unit.
            expression: The argument.
        """
        if sort is Argument.CONDITION:
            self.condition(expression)
            return PURE
        return self.unit(expression) if sort is Argument.BRANCH else self.number(expression)

    def check_within(self, column: str | None, position: int) -> None:
        """Refuse a column after `within` that is not a text column of the inputs; None, for no `within`, is fine."""
        if column is None:
            return
        symbol = self.symbol(column, position)
        if symbol.role != "input" or symbol.type != "text":
            raise _kind(f"within takes a text column of the inputs; {column} is not one", position)

    def aggregate(self, expression: tree.AggregateCall) -> Dimension | None:
        """Return the unit of a total, largest or smallest, which is that of its column, or the unit of a count.

        A column or step of a wrong type, a national figure, and a `within` that is not a text column of the inputs are
        refused.
        """
        symbol = self.symbol(expression.of, expression.of_position)
        self.refuse_table(symbol, expression.of_position)
        is_count = AGGREGATES[expression.function].is_count
        expected = "yes/no" if is_count else "number"
        if symbol.type != expected:
            hint = "; use count(…)" if symbol.type == "yes/no" else ""
            hint = f"; {expression.function} takes a yes/no step" if is_count else hint
            message = f"{expression.function} takes a {expected}, but {expression.of} is a {symbol.type}{hint}"
            raise _kind(message, expression.of_position)
        if symbol.kind == NATIONAL:
            message = (
                f"{expression.of} is one national figure; {expression.function} takes a value per organisation or group"
            )
            raise _kind(message, expression.of_position)
        self.check_within(expression.within, expression.within_position)
        return COUNT if is_count else symbol.measure

    def refuse_table(self, symbol: Symbol, position: int) -> None:
        """Refuse the name of a table where a value is expected."""
        if symbol.table:
            function = "band_value" if symbol.table.has_bands else "lookup"
            raise _kind(f"{symbol.name} is a table; write {function}({symbol.name}, …)", position)

    def rate_of(self, expression: tree.RateOf) -> Dimension | None:
        """Return the unit of a rate: that of the shares for each unit of weight; refuse what is no `share_out` step."""
        name, position = expression.step, expression.step_position
        rates = {other: symbol for other, symbol in self.above.items() if symbol.rate_kind is not None}
        if name in rates:
            return rates[name].rate
        symbol = self.everything.get(name)
        if symbol is None or symbol.role == "input":  # a name that no file declares counts as an input column
            raise _name(f"there is no share_out step {name}{nearest(name, rates)}", position)
        if symbol.rate_kind is not None:
            raise _name(f"{name} is defined further down; rate_of takes a share_out step above", position)
        steps = f"; share_out steps above: {', '.join(self.share_outs)}" if self.share_outs else ""
        raise _kind(f"rate_of takes a share_out step; {name} is a {symbol.role} without a share_out{steps}", position)

    def table_call(self, expression: tree.TableCall) -> Dimension | None:
        """Return the unit of a table's value; of a `band_sum`, times the unit of the edges.

        What is no table, a table with the other kind of keys, and a column of another type or unit are refused.
        """
        symbol = self.symbol(expression.table, expression.table_position)
        column = self.symbol(expression.of, expression.of_position)
        self.refuse_table(column, expression.of_position)
        table, function = symbol.table, expression.function
        if table is None:
            hint = nearest(symbol.name, (name for name, other in self.everything.items() if other.table))
            raise _kind(f"{function} takes a table first, and {symbol.name} is none{hint}", expression.table_position)
        if table.has_bands != TABLE_FUNCTIONS[function].takes_bands:
            keys, other = ("edges of bands", "band_value") if table.has_bands else ("texts", "lookup")
            if not table.has_bands and BAND_TEXT.match(str(table.keys[0])):
                keys, other = f"texts, such as {table.keys[0]!r}", "lookup, or write from, a number, in place of key"
            raise _kind(f"the keys of {table.name} are {keys}; use {other}", expression.position)
        expected = "number" if table.has_bands else "text"
        if column.type != expected:
            message = f"{function} takes a {expected} for the keys of {table.name}; {column.name} is a {column.type}"
            raise _kind(message, expression.of_position)
        unit, edges = symbol.measure, dimension(table.key_unit)
        if table.has_bands:
            self.common_unit((edges, column.measure), expression.of_position, "compared")
        if function == "band_sum":
            return times(unit, column.measure if edges is None else edges)
        return unit

    def previous(self, expression: tree.Previous) -> Dimension | None:
        """Return the unit of last year's value of a name; refuse a text, or a first value of another type or unit.

        While the unit of a step further down is not known yet, it is assumed to be that of the first value.
        """
        symbol = self.symbol(expression.of, expression.of_position, through_previous=True)
        self.refuse_table(symbol, expression.of_position)
        if symbol.type == "text":
            raise _kind(
                f"previous takes a number or a yes/no; {expression.of} is a text column", expression.of_position
            )
        first = self.unit(expression.first)
        if type_of(expression.first, self.everything) != symbol.type:
            raise _kind(f"`first` must be a {symbol.type}, as {expression.of} is", expression.first.position)
        unit = symbol.measure
        if unit is None and self.pending and symbol.role == "step" and expression.of not in self.above:
            # Assumed to be the unit of the first year's value; a later pass checks the step.
            return None if first is None or first.bare else first
        return self.common_unit((unit, first), expression.first.position, "values of the same step")

    def share_out(self, kernel: tree.ShareOut) -> Dimension | None:
        """Return the unit that the amount, base and bounds of a `share_out` have in common; refuse different units.

        An amount per group needs the same column in `within`, and one per organisation is refused without `within`. The
        weights must be numbers, of any unit.
        """
        self.check_within(kernel.within, kernel.within_position)
        self.number(kernel.by)
        bounds = [leaf for leaf in (kernel.base, kernel.at_least, kernel.at_most) if leaf is not None]
        amount = kind_of(kernel.amount, self.everything)
        if amount.column and amount.column != kernel.within:
            raise _kind(f"the amount is {amount}; add within={amount.column}", kernel.amount.position)
        if amount == ORGANISATION and kernel.within is None:
            message = "the amount differs by organisation; expected a national figure, or one per group with within="
            raise _kind(message, kernel.amount.position)
        return self.common_unit(
            [self.number(leaf) for leaf in (kernel.amount, *bounds)], kernel.position, "shared out together"
        )

    def ordered(self, of: tree.Name, within: str | None, kernel: tree.Rank | tree.RunningTotal) -> Dimension | None:
        """Return the unit of what a `rank` or `running_total` takes; refuse one national figure, and a wrong type."""
        self.check_within(within, kernel.within_position)
        if self.symbol(of.name, of.position).type == "text":
            function = "rank" if isinstance(kernel, tree.Rank) else "running_total"
            raise _kind(f"{function} takes numbers; {of.name} is a text column", of.position)
        unit = self.number(of)
        if kind_of(of, self.everything) == NATIONAL:
            raise _kind(f"{of.name} is one national figure; expected a value per organisation or group", of.position)
        return unit

    def running_total(self, kernel: tree.RunningTotal) -> Dimension | None:
        """Return the unit of a `running_total`; refuse a `by` that is no `rank` of the same rows in the same groups."""
        unit = self.ordered(kernel.of, kernel.within, kernel)
        by, of = (self.symbol(leaf.name, leaf.position) for leaf in (kernel.by, kernel.of))
        if not isinstance(by.kernel, tree.Rank):
            message = f"by takes a step that is a rank; {by.name} is not: make a step with rank(…) and use its name"
            raise _kind(message, kernel.by.position)
        if by.kind != of.kind:
            kinds = [f"{symbol.name} is one per {symbol.kind.column or symbol.kind.level}" for symbol in (by, of)]
            raise _kind(f"{', but '.join(kinds)}; expected ranks of the same rows", kernel.by.position)
        if by.kernel.within != kernel.within:
            ranked = f"within={by.kernel.within}" if by.kernel.within else "without within"
            message = f"{by.name} ranks {ranked}; write the same in both"
            raise _kind(message, kernel.within_position or kernel.by.position)
        return unit


_name = partial(FormulaError, sort="name")
_kind = partial(FormulaError, sort="kind")
_unit = partial(FormulaError, sort="unit")
