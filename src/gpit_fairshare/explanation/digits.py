"""How many digits each number needs, so that the printed numbers of every line give its result."""

from __future__ import annotations

import math
import operator
from collections import Counter
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Final

import polars as pl

from gpit_fairshare.language import in_polars, rendering, tree, with_numbers
from gpit_fairshare.language.functions import BuiltInFunction
from gpit_fairshare.language.plugin_functions import function_named
from gpit_fairshare.numbers import DIGITS
from gpit_fairshare.results.agreement import is_reproduced

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from gpit_fairshare.explanation.unformatted_lines import Drafts, Rounding, UnformattedLine

_MILLION: Final = 10**6
_ARITHMETIC: Final[dict[str, Callable[[Fraction, Fraction], Fraction]]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
}


def evaluate(
    trees: Sequence[tree.Expression], cells: Mapping[str, Any], texts: frozenset[str], *, first_year: bool
) -> list[Any]:
    """Calculate formulas with the values of one row, and return the results; None for one that is undefined.

    Args:
        trees: The formulas.
        cells: The values of the row, by name of column.
        texts: Names of the columns of texts.
        first_year: Whether `previous` takes its value of the first year.
    """
    if not trees:
        return []
    used = {name for expression in trees for name in with_numbers.columns_of(expression, first_year=first_year)}
    columns = {"": pl.Series([0.0])}
    for name in used:
        value = cells[name]
        kind: type[pl.DataType] = pl.String if name in texts else pl.Float64
        columns[name] = pl.Series([value], dtype=pl.Boolean if isinstance(value, bool) else kind)
    parts = []
    for number, expression in enumerate(trees):
        rendered = in_polars.render(expression, first_year=first_year)
        parts += [rendered.value.alias(f"v{number}"), rendered.defined.alias(f"d{number}")]
    row = in_polars.select(pl.DataFrame(columns), trees, *parts).row(0)
    return [value if defined else None for value, defined in zip(row[::2], row[1::2], strict=True)]


def _test_parts(expression: tree.Expression, *, first_year: bool) -> Iterator[tree.Expression]:
    """Yield the parts of a formula that show its decisions: comparisons with their sides, and conditions of `where`.

    The sides are left out if one is a text. The first year's value of `previous` has such parts in the first year only.
    """
    match expression:
        case tree.Previous() if not first_year:
            return
        case tree.ComparisonOperation(_, left, right):
            yield expression
            if not isinstance(left, tree.Text) and not isinstance(right, tree.Text):
                yield from (left, right)
        case tree.Call("where", (condition, _, _)):
            yield condition
    for child in tree.children(expression):
        yield from _test_parts(child, first_year=first_year)


_Value = tuple[str, str | int]
"""Year and name; for a side of a comparison without its own line, year and identity of its node."""


class Digits:
    """The precision of every value of an explanation: one value is written the same way everywhere."""

    def __init__(self, years: Sequence[Drafts]) -> None:
        """Find how many digits each value needs, so that the printed numbers of every line give its value."""
        self.level: Counter[_Value] = Counter()
        self._as_run: set[tuple[str, int]] = set()
        """Sides of comparisons, by year and node, printed as the run has them: calculated by hand they differ."""
        self.tests: dict[int, list[tree.ComparisonOperation | tree.IsGiven]] = {}
        """What each line compares, by the identity of its draft."""
        self._values: dict[tuple[str, int], Any] = {}
        """What is compared, and its outcome, by year and node; None where it is undefined."""
        for year in years:
            self._find_tests(year)
        # Each round gives more digits to a number that some line needs, at most to full precision. All years
        # are checked again: a number that two years share may have got more digits.
        while sum(self._raise_year(year) for year in years):
            pass

    def _find_tests(self, year: Drafts) -> None:
        """Record which comparisons decided the value of each line of a year, and their values and outcomes.

        Only lines whose formula is printed as the scheme has it are looked at, not the arithmetic of `share_out`.
        """
        trees = {id(line): line.tree for line in year.lines if line.formula and line.tree and not line.arithmetic}
        nodes = [node for expression in trees.values() for node in _test_parts(expression, first_year=year.first_year)]
        values = evaluate(nodes, year.cells, year.texts, first_year=year.first_year)
        self._values |= {(year.year, id(node)): value for node, value in zip(nodes, values, strict=True)}
        for draft, expression in trees.items():
            self.tests[draft] = list(self._deciding_tests(year, expression))

    def _deciding_tests(
        self, year: Drafts, expression: tree.Expression
    ) -> Iterator[tree.ComparisonOperation | tree.IsGiven]:
        """Yield the comparisons that decided the value of a formula, left to right.

        Those in a branch that `where` did not take are left out.
        """
        match expression:
            case tree.Call("where", (condition, yes, no)):
                yield from self._deciding_tests(year, condition)
                yield from self._deciding_tests(year, yes if self._values[year.year, id(condition)] else no)
                return
            case tree.Previous() if not year.first_year:
                return
            case tree.ComparisonOperation() | tree.IsGiven():
                yield expression
        for child in tree.children(expression):
            yield from self._deciding_tests(year, child)

    # Printed values -------------------------------------------------------------------------------------------

    def text(self, year: Drafts, name: str) -> str:
        """Return the value of a name as it is printed, with the digits found for it.

        If these are more than the 17 of a float, its exact fraction is written, where the run has it.
        """
        key = year.key(name)
        digits = DIGITS[self.level[key]]
        value = year.cells[name]
        if digits > 17 and name in year.exact:
            value = year.exact[name]
        return with_numbers.value_text(value, year.units.get(name), digits)

    def texts(self, year: Drafts, expression: tree.Expression) -> dict[str, str]:
        """Return the printed value of each name that a formula uses."""
        return {name: self.text(year, name) for name in with_numbers.columns_of(expression, first_year=year.first_year)}

    def side_text(self, year: Drafts, node: tree.Expression, unit: str | None) -> str:
        """Return one side of a comparison as it is printed.

        A side that has no line of its own is calculated from the printed numbers and written with `unit`; the run's own
        value is used if that is not possible, or would give another outcome.
        """
        match node:
            case tree.Name() | tree.Figure() | tree.Previous() if not (
                isinstance(node, tree.Previous) and year.first_year
            ):
                return self.text(year, rendering.column_of(node))
            case tree.Number(value):
                return with_numbers.value_text(value, digits=17)
            case tree.Text(value):
                return with_numbers.value_text(value)
            case _:
                key = year.year, id(node)
                by_hand = None if key in self._as_run else self._value_by_hand(year, node)
                compared = self._values[key] if by_hand is None else by_hand
                return with_numbers.value_text(compared, unit, DIGITS[self.level[key]])

    def _value_by_hand(self, year: Drafts, node: tree.Expression) -> Fraction | None:
        """Return the exact result of a formula for the printed numbers, as a fraction.

        None if it needs more than plain arithmetic and functions with an exact form, divides by 0, or uses a value that
        is no number.
        """
        match node:
            case tree.Number(value):
                return Fraction(str(value))
            case tree.Previous() if year.first_year:
                return self._value_by_hand(year, node.first)
            case tree.Name() | tree.Figure() | tree.Previous():
                read = with_numbers.read(self.text(year, rendering.column_of(node)))
                return read if isinstance(read, Fraction) else None
            case tree.Negative(operand):
                negated = self._value_by_hand(year, operand)
                return None if negated is None else -negated
            case tree.Call(name, arguments):
                function = function_named(name)
                if not isinstance(function, BuiltInFunction) or function.exact is None:
                    return None
                exact = [self._value_by_hand(year, argument) for argument in arguments]
                return None if None in exact else function.exact(*exact)
            case tree.BinaryOperation(sign, left, right):
                first, second = self._value_by_hand(year, left), self._value_by_hand(year, right)
                if first is None or second is None or (sign == "/" and not second):
                    return None
                return _ARITHMETIC[sign](first, second)
            case _:
                return None

    def is_true(self, year: Drafts, test: tree.ComparisonOperation) -> bool:
        """Return whether a comparison is true for the values of the run."""
        return bool(self._values[year.year, id(test)])

    # Precision ------------------------------------------------------------------------------------------------

    def _raise_year(self, year: Drafts) -> bool:
        """Give more digits to the numbers of lines whose printed numbers do not give their values or whole units.

        A comparison whose printed sides give another outcome is first printed with the run's own values; only if that
        is not enough do the numbers of its line get more digits.

        Returns:
            Whether any number was given more digits.
        """
        lines = [draft for draft in year.lines if draft.tree]
        cells = {
            name: value if isinstance(value, str) else _float(with_numbers.read(self.text(year, name)))
            for name, value in year.cells.items()
        }
        tests = list(self._number_tests(year))
        trees = [line.tree for line in lines if line.tree] + [self._printed_test(year, test) for _, test in tests]
        again = evaluate(trees, cells, year.texts, first_year=year.first_year)
        unlike, raised = set(), False
        for (draft, test), outcome in zip(tests, again[len(lines) :], strict=True):
            if outcome is self.is_true(year, test):
                continue
            # Printed numbers may give a value on the other side of a limit: then the run's own value is printed.
            sides = {(year.year, id(side)) for side in tree.children(test)}
            if sides <= self._as_run:
                unlike.add(id(draft))
            raised |= not sides <= self._as_run
            self._as_run |= sides
        for draft, value in zip(lines, again, strict=False):
            if not is_reproduced(value, draft.value) or id(draft) in unlike:
                raised |= self._raise_line(year, draft)
        for draft in year.lines:
            if draft.parts and not is_reproduced(math.fsum(float(cells[name]) for name in draft.parts), draft.value):
                raised |= self._raise_line(year, draft)
            if draft.rounding and not self._is_same_rounding(year, draft.rounding):
                raised |= self._raise_level(year.key(draft.rounding.of), len(DIGITS) - 1)
        return raised

    def _number_tests(self, year: Drafts) -> Iterator[tuple[UnformattedLine, tree.ComparisonOperation]]:
        """Yield every comparison of numbers in a year, after the line that it belongs to."""
        for draft in year.lines:
            for test in self.tests.get(id(draft), []):
                if isinstance(test, tree.ComparisonOperation) and not any(
                    isinstance(side, tree.Text) for side in tree.children(test)
                ):
                    yield draft, test

    def _printed_test(self, year: Drafts, test: tree.ComparisonOperation) -> tree.Expression:
        """Return a comparison with both sides replaced by their printed numbers."""
        left, right = (_float(with_numbers.read(self.side_text(year, side, None))) for side in (test.left, test.right))
        return tree.ComparisonOperation(test.relation, tree.Number(left), tree.Number(right))

    def _is_same_rounding(self, year: Drafts, rounding: Rounding) -> bool:
        """Return whether the printed figure splits into the same whole units and remainder as the exact one.

        The remainder is compared in millionths of a unit.
        """
        figure = with_numbers.read(self.text(year, rounding.of))
        assert isinstance(figure, Fraction)  # noqa: S101  # what is rounded is a number
        units = figure / rounding.to
        whole = math.floor(units)
        millionths = math.floor((units - whole) * _MILLION + Fraction(1, 2))
        return whole == rounding.whole and millionths == rounding.millionths

    def _raise_line(self, year: Drafts, draft: UnformattedLine) -> bool:
        """Give one step more digits, up to 17, to every number of a line; return whether any number could get more.

        These are its own value, except for a check, the values that it is calculated from, and both sides of its
        comparisons.
        """
        names = [*draft.parts] if draft.kind == "check" else [draft.name, *draft.parts]
        if draft.tree:
            names += with_numbers.columns_of(draft.tree, first_year=year.first_year)
        tests = self.tests.get(id(draft), [])
        keys: list[_Value] = [*map(year.key, names)]
        keys += ((year.year, id(side)) for test in tests for side in tree.children(test))
        # A sum, so that all of them are raised, not only the first.
        return sum(self._raise_level(key, 2) for key in keys) > 0

    def _raise_level(self, key: _Value, highest: int) -> bool:
        """Give a value one step more digits, up to the level `highest`; return whether it got them."""
        if self.level[key] >= highest:
            return False
        self.level[key] += 1
        return True


def _float(value: Fraction | bool | str | None) -> Any:
    """Return an exact fraction as a float; anything else unchanged."""
    return float(value) if isinstance(value, Fraction) else value
