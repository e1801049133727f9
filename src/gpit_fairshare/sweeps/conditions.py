"""What `solve` asks for: a comparison in the formula language, or a money account that balances.

A condition is looked at in a batch of scenarios, and again in single runs, which prove the answer.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import numpy as np

from gpit_fairshare.engine.batches.kernels import exact_totals
from gpit_fairshare.engine.measures import account_of, rounding_margin
from gpit_fairshare.errors import FormulaError, UsageError
from gpit_fairshare.findings import Where
from gpit_fairshare.language import tree
from gpit_fairshare.language.kinds import NATIONAL, Definition, Symbol, kind_of
from gpit_fairshare.language.meaning import understand, unit_in
from gpit_fairshare.language.parsing import parse
from gpit_fairshare.scheme.model import Check, Step
from gpit_fairshare.sweeps import BALANCED
from gpit_fairshare.sweeps.figures import unspent_of
from gpit_fairshare.words import is_money, listed, nearest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gpit_fairshare.engine import Result
    from gpit_fairshare.engine.batches.batch_year import BatchYear
    from gpit_fairshare.engine.model import Year
    from gpit_fairshare.language.in_numpy import Array
    from gpit_fairshare.scheme.model import Scheme

OPTION: Final = "--for"
"""The place of the formula in messages."""
_OF_A_STEP: Final = re.compile(r"(; a|; write comments in the| and put the unit in the) step's .*")
_STEP: Final = re.compile(r"\ba (whole )?step\b(?! of the scheme|')")
"""Advice that is for the formula of a step only, and words that need to say that a step is one of the scheme."""
_RELATIONS: Final = ("<=", ">=", "<", ">", "==")
_ONE_POUND: Final = 1.0
"""£: less than this is not unspent, as in the notes of a run."""


@dataclass(frozen=True, slots=True)
class ComparedFigures:
    """Two figures that a condition compares, in one year of a single run."""

    year: str
    left_of: str
    """What the first figure is: a side of a comparison, or a line of the money account."""
    left: float
    relation: str
    right_of: str
    right: float
    unit: str | None
    row: str = ""
    """The organisation or group that is closest to the limit, or beyond it; empty if the figures are national."""


def condition_of(scheme: Scheme, text: str, year: str | None) -> Formula | Balance:
    """Return the condition of a text: a comparison, several that are not equalities with `and`, or `balanced`.

    Args:
        scheme: The scheme whose names it uses.
        text: The formula.
        year: The only year in which it must be true; None for every year.

    Raises:
        UsageError: The year is not one of the scheme, or the scheme has no money account.
    """
    if year is not None and year not in scheme.years:
        raise UsageError(f"--year {year}: the scheme has the years {', '.join(scheme.years)}")
    years = scheme.years if year is None else (year,)
    if text.strip() == BALANCED:
        if not (is_money(scheme.symbols[scheme.result].unit) and scheme.money.money_in):
            raise UsageError(
                f"{OPTION} {BALANCED}: {scheme.name} has no money account that can balance; give a formula"
            )
        return Balance(scheme, years)
    return _formula(scheme, text, years)


# A formula --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Formula:
    """Comparisons that must all be true, as a check of the scheme; their sides are steps of it."""

    text: str
    scheme: Scheme
    years: tuple[str, ...]
    """The years in which it must be true."""
    comparisons: tuple[tree.ComparisonOperation, ...]

    @property
    def is_equality(self) -> bool:
        """Return whether the two sides must be equal."""
        return self.comparisons[0].relation == "=="

    def over(self, years: Sequence[BatchYear], number: int) -> tuple[Array, Array]:
        """Return whether it is true in each scenario of a batch, and by how much the two sides of an equality differ.

        That is the difference of the row and year where its size is largest, with its sign.
        """
        is_true, difference = np.ones(number, dtype=bool), np.zeros(number)
        for year in years:
            if year.shared.year not in self.years:
                continue
            check = year.shared.checks.get(OPTION)
            is_true = is_true & (year.checks[OPTION] if check is None else check.holds)
            if self.is_equality:
                kind = kind_of(self.comparisons[0], self.scheme.symbols)
                left, right = (year.column(side, kind)[0] for side in _side_names(0))
                differences = np.atleast_2d(left - right)
                worst = differences[np.arange(len(differences)), np.abs(differences).argmax(axis=1)]
                difference = np.where(np.abs(worst) > np.abs(difference), worst, difference)
        return is_true, difference

    def failing_years(self, result: Result) -> tuple[str, ...]:
        """Return the years in which it is not true in a single run."""
        failing = {check.year for check in result.checks if check.name == OPTION and not check.holds}
        return tuple(year for year in self.years if year in failing)

    def figures(self, result: Result) -> list[ComparedFigures]:
        """Return both sides of each comparison in a single run, for the row that is closest to the limit or beyond."""
        figures = []
        for name in self.years:
            year = result.years[name]
            for number, comparison in enumerate(self.comparisons):
                kind = kind_of(comparison, self.scheme.symbols)
                sides = [year.values(side, kind) for side in _side_names(number)]
                room = [_room(comparison.relation, left, right) for left, right in zip(*sides, strict=True)]
                row = min(range(len(room)), key=room.__getitem__)
                row_name = "" if kind == NATIONAL else (year.labels[kind.column] if kind.column else year.codes())[row]
                left, right = comparison.left, comparison.right
                unit = unit_in(left, self.scheme.symbols) or unit_in(right, self.scheme.symbols)
                texts = tree.to_text(left), tree.to_text(right)
                figures.append(
                    ComparedFigures(
                        name, texts[0], sides[0][row], comparison.relation, texts[1], sides[1][row], unit, row_name
                    )
                )
        return figures


def _side_names(number: int) -> tuple[str, str]:
    """Return the names of the steps that hold the two sides of a comparison; no name of a scheme has blanks."""
    return f"left side {number + 1}", f"right side {number + 1}"


def _room(relation: str, left: float, right: float) -> float:
    """Return how far a comparison is from being false: below 0 if it is."""
    match relation:
        case "==":
            return -abs(left - right)
        case "<=" | "<":
            return right - left
        case _:
            return left - right


def _formula(scheme: Scheme, text: str, years: tuple[str, ...]) -> Formula:
    """Return the condition of a formula, parsed and checked as a check of the scheme."""
    try:
        expression = parse(text)
        comparisons = _comparisons(expression)
        understand((), scheme.symbols, [Definition(OPTION, expression, None, OPTION)])
    except FormulaError as fault:
        fault.message = _STEP.sub("a step of the scheme", _OF_A_STEP.sub("", fault.message))
        if fault.sort == "name" and not fault.message.endswith("?"):
            fault.message += f"; the steps are {listed([step.name for step in scheme.steps])}"
        raise fault.at(OPTION, text) from None
    place, steps, symbols = Where(OPTION, ""), [], {}
    for number, comparison in enumerate(comparisons):
        for name, side in zip(_side_names(number), (comparison.left, comparison.right), strict=True):
            kind, unit = kind_of(side, scheme.symbols), unit_in(side, scheme.symbols)
            symbols[name] = Symbol(name, "step", kind, "number", unit)
            where, formula = f"{OPTION}, {name}", tree.to_text(side)
            step = Step(
                name=name, label=name, unit=unit, kind=kind, formula=formula, where=where, place=place, tree=side
            )
            steps.append(step)
    check = Check(name=OPTION, formula=tree.to_text(expression), where=OPTION, place=place, tree=expression)
    extended = replace(
        scheme,
        steps=(*scheme.steps, *steps),
        checks=(*scheme.checks, check),
        symbols={**scheme.symbols, **symbols},
        labels={**scheme.labels, **{name: name for name in symbols}},
    )
    return Formula(check.formula, extended, years, tuple(comparisons))


def _comparisons(expression: tree.Expression) -> list[tree.ComparisonOperation]:
    """Return the comparisons of numbers that a formula is made of.

    Raises:
        FormulaError: It is made of anything else, or of an equality and more.
    """
    match expression:
        case tree.Logic("and", operands):
            comparisons = [comparison for operand in operands for comparison in _comparisons(operand)]
        case tree.ComparisonOperation():
            comparisons = [expression]
        case _:
            comparisons = []
    hint = nearest(expression.name, [BALANCED]) if isinstance(expression, tree.Name) else ""
    unsolvable = any(
        comparison.relation not in _RELATIONS or tree.Text in (type(comparison.left), type(comparison.right))
        for comparison in comparisons
    )
    if (
        not comparisons
        or unsolvable
        or (len(comparisons) > 1 and any(comparison.relation == "==" for comparison in comparisons))
    ):
        problem = (
            f"expected a comparison of numbers by {', '.join(_RELATIONS)}, or several without == joined by and{hint}"
        )
        raise FormulaError(problem, expression.position)
    return comparisons


# The money account ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Balance:
    """Nothing is left unspent, and the money account balances within rounding."""

    scheme: Scheme
    years: tuple[str, ...]
    text: str = BALANCED
    is_equality: bool = False

    def over(self, years: Sequence[BatchYear], number: int) -> tuple[Array, Array]:
        """Return whether it is true in each scenario of a batch; there is no difference of sides."""
        is_true = np.ones(number, dtype=bool)
        for year in years:
            if year.shared.year in self.years:
                unspent, difference = (np.broadcast_to(values, (number,)) for values in self._of_batch(year))
                margin = rounding_margin(self.scheme, year.shared.now)
                is_true &= [
                    _is_balanced(left, round(balance, 2), margin)
                    for left, balance in zip(unspent.tolist(), difference.tolist(), strict=True)
                ]
        return is_true, np.zeros(number)

    def _of_batch(self, year: BatchYear) -> tuple[Array, Array]:
        """Return the unspent money of a year and the difference of its account, each (scenarios or 1,)."""
        money, scheme = self.scheme.money, self.scheme

        def total(name: str) -> Array:
            if name in money.whole_amounts and name in money.money_in:
                amounts = year.amounts.get(name)
                return exact_totals(
                    np.array([[*map(float, year.shared.now.amounts[name])]]) if amounts is None else amounts
                )
            return year.totals(name)[:, 0]

        unspent = [unspent_of(year, name) for name in money.unspent]
        lines = [*(total(name) for name in money.money_in), *(-total(name) for name in money.taken_away)]
        lines += [-total(scheme.result), *(-left for left in unspent)]
        totals = [exact_totals(np.stack(np.broadcast_arrays(*part), axis=1)) for part in (unspent, lines) if part]
        return (totals[0] if unspent else np.zeros(1)), totals[-1]

    def failing_years(self, result: Result) -> tuple[str, ...]:
        """Return the years in which it is not true in a single run."""
        lines = {name: self._of_run(result.years[name]) for name in self.years}
        margins = {name: rounding_margin(self.scheme, result.years[name]) for name in self.years}
        return tuple(name for name in self.years if not _is_balanced(*lines[name], margins[name]))

    def figures(self, result: Result) -> list[ComparedFigures]:
        """Return what is unspent, and by how much the account does not balance, in a single run."""
        figures = []
        for name in self.years:
            unspent, difference = self._of_run(result.years[name])
            margin = rounding_margin(self.scheme, result.years[name])
            figures.append(ComparedFigures(name, "unspent", unspent, "<", "1", _ONE_POUND, "£"))
            figures.append(ComparedFigures(name, "difference", abs(difference), "<=", "rounding", margin, "£"))
        return figures

    def _of_run(self, year: Year) -> tuple[float, float]:
        """Return the unspent money of a year and the difference of its account."""
        account = account_of(self.scheme, year)
        assert account is not None  # noqa: S101  # the result is money
        return math.fsum(line.amount for line in account.unspent), account.difference or 0.0


def _is_balanced(unspent: float, difference: float, margin: float) -> bool:
    """Return whether less than £1 is unspent, and the account balances within what rounding can move."""
    return unspent < _ONE_POUND and abs(difference) <= margin
