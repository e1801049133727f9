"""The measures of a run: the money account, gains and losses, reductions, and the spread of funding per head.

These are figures *about* a result, for people; no allocation depends on them. Screen, JSON, workbook and Python
take them from here. Change is always the allocation less the historic spend of the same organisation, so a gain
is above 0. Allocations are whole pounds and spend may have pence: a change of less than £1 is no change.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import TYPE_CHECKING, Final

from gpit_fairshare.engine.model import Fund, Year
from gpit_fairshare.language import tree
from gpit_fairshare.language.functions import ROUNDING
from gpit_fairshare.language.kinds import ORGANISATION
from gpit_fairshare.scheme.money import FAIR_SHARE, amount_of
from gpit_fairshare.sharing import rounded
from gpit_fairshare.words import is_money

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from gpit_fairshare.scheme.model import Scheme, Step

BASELINE: Final = "historic_spend"
PEOPLE: Final = "registered_population"
SUPPORT: Final = "transition_support"
NO_CHANGE: Final = 1.0
"""£: a smaller change is rounding."""
NOT_GIVEN: Final = "not given"
"""Name of the area of organisations that have no area."""
NO_OUTCOME: Final = "none of these"
"""Counted as an outcome if no outcome of the rule is true for some organisations."""
DIFFERENCE: Final = "Difference (in − taken away − out − unspent)"
"""Label of the balance of the money account on screen and sheets."""
_FLOATS: Final = 0.01
"""£: how much floats can lose when money is added up, rounded or not; a penny."""


# Money ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class MoneyLine:
    """One line of the money account: £ of one year, over all organisations."""

    name: str
    """The parameter, input column or step; for unspent money the `share_out` step that leaves it over."""
    label: str
    amount: float


@dataclass(frozen=True, slots=True)
class MoneyAccount:
    """Where the money of one year comes from and goes, in £; no line is calculated from the others."""

    money_in: tuple[MoneyLine, ...]
    """Empty if no file states the money in and nothing is shared out; the account then has no balance."""
    taken_away: tuple[MoneyLine, ...]
    out: MoneyLine
    """The sum of all allocations."""
    unspent: tuple[MoneyLine, ...]
    rounding: float
    """£: how far rounding can move the difference from 0."""

    @property
    def difference(self) -> float | None:
        """Return in - taken away - out - unspent, in whole pence: 0 within rounding; None if money in is unknown.

        Parts of a penny are noise that differs between programs.
        """
        if not self.money_in:
            return None
        less = (*self.taken_away, self.out, *self.unspent)
        return round(math.fsum((*(line.amount for line in self.money_in), *(-line.amount for line in less))), 2) + 0.0

    @property
    def is_balanced(self) -> bool:
        """Return whether the difference is no more than rounding can move."""
        return abs(self.difference or 0.0) <= self.rounding


def account_of(scheme: Scheme, year: Year) -> MoneyAccount | None:
    """Return the money account of one year; None if the scheme's result is not in £."""
    if not is_money(scheme.symbols[scheme.result].unit):
        return None
    money = scheme.money

    def line(name: str) -> MoneyLine:
        values = year.values(name, scheme.symbols[name].kind)
        return MoneyLine(name, scheme.labels[name], math.fsum(value for value in values if value is not None))

    def whole_amount(name: str) -> MoneyLine:
        return MoneyLine(name, _label_of_amount(scheme, name), float(sum(year.amounts[name])))

    def left(name: str) -> MoneyLine:
        return MoneyLine(name, _label_of_amount(scheme, name), float(sum(left_over_by_group(scheme, year, name))))

    return MoneyAccount(
        money_in=tuple((whole_amount if name in money.whole_amounts else line)(name) for name in money.money_in),
        taken_away=tuple(line(name) for name in money.taken_away),
        out=line(scheme.result),
        unspent=tuple((left if name in year.unspent else line)(name) for name in money.unspent),
        rounding=rounding_margin(scheme, year),
    )


def _label_of_amount(scheme: Scheme, name: str) -> str:
    """Return the label of the amount of a `share_out` step: the label of the step if the amount is a number."""
    step = next(step for step in scheme.steps if step.name == name)
    return scheme.labels[amount_of(step) or name]


def rounding_step(scheme: Scheme, name: str) -> Step | None:
    """Return the step that rounds the shares of a `share_out` step, if there is one."""
    return next(
        (step for step in scheme.steps if isinstance(step.tree, tree.Rounded) and step.tree.of.name == name), None
    )


def rounding_within_groups(scheme: Scheme, step: Step) -> tree.Rounded | None:
    """Return the kernel that rounds the shares of a `share_out` step in the same groups, if there is one."""
    rounding = rounding_step(scheme, step.name)
    match step.tree, rounding.tree if rounding else None:
        case tree.ShareOut(within=groups), tree.Rounded(within=rounded_groups) as kernel if groups == rounded_groups:
            return kernel
        case _:
            return None


def left_over_by_group(scheme: Scheme, year: Year, name: str) -> list[Fraction]:
    """Return what a `share_out` step leaves over, in its unit: one figure nationally, or one for each group.

    Where a step rounds the shares within the same groups, the figure is after rounding. It is
    calculated from the ceilings of the kernel, not from the shares that were paid.
    """
    step = next(step for step in scheme.steps if step.name == name)
    rounding, left = rounding_within_groups(scheme, step), year.unspent[name]
    if not rounding:
        return left
    return [
        max(Fraction(0), amount - rounded([amount - over], to=rounding.to).exact[0]) if over else over
        for amount, over in zip(year.amounts[name], left, strict=True)
    ]


def rounding_margin(scheme: Scheme, year: Year) -> float:
    """Return how far rounding can move the money account, in £: half a unit for each rounded figure, and a penny.

    Only steps between the named money and the allocation count: figures that are rounded earlier are rounded in both.
    """
    named = {*scheme.money.money_in, *scheme.money.taken_away, *scheme.money.unspent} - {scheme.result}
    steps = {step.name: step for step in scheme.steps}
    waiting, visited, margin = [scheme.result], {scheme.result}, _FLOATS
    while waiting:
        step = steps[waiting.pop()]
        if is_money(scheme.symbols[step.name].unit):
            margin += moved_by(step, year)
        reached = {name for name, _ in tree.names_in(step.tree) if name in steps} - named - visited
        visited |= reached
        waiting += reached
    return margin


def moved_by(step: Step, year: Year) -> float:
    """Return how far the roundings of a step can move the sum of its values, in its unit; 0 if it rounds nothing.

    For the kernel `rounded` that is half a unit for each group; for each call of `round` it is half a unit, and of
    `rounddown` or `roundup` a whole one, for each row. To round one way to more than 1, such as thousands of pounds,
    is to keep or add money: it is not allowed for.
    """
    if isinstance(step.tree, tree.Rounded):
        groups = len(year.labels[step.tree.within]) if step.tree.within else 1
        return step.tree.to / 2 * groups
    calls = [node for node in tree.walk(step.tree) if isinstance(node, tree.Call) and node.function in ROUNDING]
    units = [(10.0 ** -(tree.written_number(call.arguments[1]) or 0.0), ROUNDING[call.function]) for call in calls]
    moves = [unit * part for unit, part in units if unit <= 1 or part < 1]
    return year.frames[step.kind].height * math.fsum(moves)


def funds_of(scheme: Scheme, year: Year) -> list[Fund]:
    """Return the fund of each `share_out` step of a year: what it had to share and what was left, in its unit."""
    funds = []
    for step in scheme.steps:
        if not isinstance(step.tree, tree.ShareOut):
            continue
        name, rate = amount_of(step), year.rate[step.name][0]
        final = rounding_step(scheme, step.name) or step
        funds.append(
            Fund(
                year=year.year,
                label=_label_of_amount(scheme, step.name),
                parameter=name if name in scheme.parameters else "",
                step=step.name,
                amount=float(sum(year.amounts[step.name])),
                spent=math.fsum(year.values(final.name, step.kind)),
                unspent=float(sum(left_over_by_group(scheme, year, step.name))),
                new_money=not name or name in scheme.parameters,
                within=step.tree.within or "",
                rate=None if step.tree.within or rate is None else float(rate),
            )
        )
    return funds


def fair_share_rate(scheme: Scheme) -> tuple[str, str] | None:
    """Return the `share_out` step that makes the fair shares, and a label of its rate: `Fair share per head`.

    None unless fair shares, or a result in place of them, are money of the nation in proportion to people. None also if
    it is the result per head, which every report has.
    """
    steps = {step.name: step for step in scheme.steps}
    fair_share = steps.get(FAIR_SHARE, steps[scheme.result])
    kernel = fair_share.tree
    step = steps.get(kernel.of.name, fair_share) if isinstance(kernel, tree.Rounded) else fair_share
    match step.tree:
        case tree.ShareOut(by=tree.Name(weight), within=None) as share_out if share_out.is_proportional and is_money(
            scheme.symbols[step.name].unit
        ):
            while weight in steps and isinstance(plain := steps[weight].tree, tree.Name):
                weight = plain.name  # a step may only give the population a name of its own
            unit = "head" if weight == PEOPLE else "weighted head"
            if scheme.symbols[weight].unit != "people" or (unit == "head" and fair_share.name == scheme.result):
                return None
            return step.name, f"{scheme.labels[fair_share.name]} per {unit}"
        case _:
            return None


# Gains and losses -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Movement:
    """One organisation's change: £ and £ per registered patient, None where it has no patients."""

    code: str
    name: str
    change: float
    per_head: float | None


@dataclass(frozen=True, slots=True)
class Inequality:
    """Spread of £ per head. Lowest and highest are of organisations; the other two are weighted by patients."""

    lowest: float
    highest: float
    variation: float
    """Coefficient of variation: standard deviation over mean, weighted by registered patients."""
    gini: float
    """Gini coefficient, weighted by registered patients: 0 is equal."""


@dataclass(frozen=True, slots=True)
class Shortfall:
    """Allocations below historic spend: the total of reductions in £, and the organisations, largest first."""

    total: float
    organisations: tuple[Movement, ...]


@dataclass(frozen=True, slots=True)
class OutcomeCount:
    """How many organisations have one outcome of the rule."""

    label: str
    organisations: int


@dataclass(frozen=True, slots=True)
class Area:
    """Totals of one value of the scheme's `report_by` column: £."""

    name: str
    organisations: int
    people: float | None
    baseline: float | None
    allocation: float


@dataclass(frozen=True, slots=True)
class YearMeasures:
    """The main figures of one year; None where the inputs do not have what a figure needs."""

    year: str
    organisations: int
    allocated: float
    money: MoneyAccount | None
    """None where the answer is not money."""
    funds: tuple[Fund, ...]
    baseline: float | None
    gain: int | None
    lose: int | None
    supported: int | None
    support: float | None
    movements: tuple[Movement, ...]
    """Every organisation with patients, the largest gain per head first; empty without a baseline."""
    shortfall: Shortfall | None
    before: Inequality | None
    after: Inequality | None
    areas: tuple[Area, ...]
    outcomes: tuple[OutcomeCount, ...] = ()
    """Each outcome of the rule, in its order, also those that no organisation has; empty if the rule has none."""


def measures_of(scheme: Scheme, year: Year, funds: Iterable[Fund]) -> YearMeasures:
    """Return the measures of one year: money, gains and losses, inequality, areas; `funds` holds those of all years."""
    allocation = _column(year, scheme.result) or []
    baseline, people, support = _column(year, BASELINE), _column(year, PEOPLE), _support_column(scheme, year)
    changes = _changes(year, allocation, baseline, people) if baseline is not None else []
    rates = [(-movement.per_head, movement.code, movement) for movement in changes if movement.per_head is not None]
    return YearMeasures(
        year=year.year,
        organisations=year.organisations.height,
        allocated=math.fsum(allocation),
        money=account_of(scheme, year),
        funds=tuple(fund for fund in funds if fund.year == year.year),
        baseline=math.fsum(baseline) if baseline else None,
        gain=sum(movement.change >= NO_CHANGE for movement in changes) if baseline else None,
        lose=sum(movement.change <= -NO_CHANGE for movement in changes) if baseline else None,
        supported=sum(1 for amount in support if amount > 0) if support else None,
        support=math.fsum(support) if support else None,
        movements=tuple(movement for _, _, movement in sorted(rates, key=lambda rate: rate[:2])),
        shortfall=_shortfall(changes) if changes else None,
        before=inequality(baseline, people) if baseline and people else None,
        after=inequality(allocation, people) if people else None,
        areas=_areas(scheme, year, allocation, baseline, people),
        outcomes=tuple(OutcomeCount(part.label, year.outcomes.count(part.label)) for part in scheme.outcomes),
    )


def only_row_with(year: Year, outcome: str) -> int | None:
    """Return the row of the only organisation with an outcome; None if several have it, or none has."""
    rows = [row for row, label in enumerate(year.outcomes) if label == outcome]
    return rows[0] if len(rows) == 1 else None


def with_no_outcome(measures: list[YearMeasures]) -> list[YearMeasures]:
    """Return the measures of all years, with a count of organisations without an outcome if any year has some."""
    missing = [year.organisations - sum(count.organisations for count in year.outcomes) for year in measures]
    if not any(number and year.outcomes for number, year in zip(missing, measures, strict=True)):
        return measures
    return [
        replace(year, outcomes=(*year.outcomes, OutcomeCount(NO_OUTCOME, number)))
        for number, year in zip(missing, measures, strict=True)
    ]


def _column(year: Year, name: str) -> list[float] | None:
    """Return a number for every organisation, or None if the column is absent or has a blank."""
    if name not in year.organisations.columns:
        return None
    values = year.values(name, ORGANISATION)
    return None if any(value is None for value in values) else values


def _support_column(scheme: Scheme, year: Year) -> list[float] | None:
    """Return the transition support of every organisation; None if the scheme has no such step, or a value is blank."""
    symbol = scheme.symbols.get(SUPPORT)
    return _column(year, SUPPORT) if symbol and symbol.kind == ORGANISATION else None


def _changes(
    year: Year, allocation: Sequence[float], baseline: Sequence[float], people: Sequence[float] | None
) -> list[Movement]:
    """Return each organisation's change: its allocation less its baseline, in £ and in £ per head.

    £ per head is None without patients.
    """
    names = year.organisations["org_name"].to_list()
    columns = year.codes(), names, allocation, baseline, people or [0.0] * len(names)
    return [
        Movement(code, name or "", now - old, (now - old) / heads if heads else None)
        for code, name, now, old, heads in zip(*columns, strict=True)
    ]


def _shortfall(changes: Sequence[Movement]) -> Shortfall:
    """Return the organisations that lose £1 or more, the largest loss first, with their total loss."""
    short = sorted(
        (movement for movement in changes if movement.change <= -NO_CHANGE),
        key=lambda movement: (movement.change, movement.code),
    )
    return Shortfall(-math.fsum(movement.change for movement in short), tuple(short))


def inequality(money: Sequence[float], people: Sequence[float]) -> Inequality | None:
    """Return the spread of £ per head over organisations that have people; None if they have no money together.

    The Gini coefficient is that of patients, each with the £ per head of their organisation: half the
    mean difference between two patients drawn at random, over the mean.
    """
    rows = sorted((pounds / heads, heads) for pounds, heads in zip(money, people, strict=True) if heads > 0)
    heads_in_all = math.fsum(heads for _, heads in rows)
    mean = math.fsum(rate * heads for rate, heads in rows) / heads_in_all if rows else 0.0
    if mean <= 0:
        return None
    variance = math.fsum(heads * (rate - mean) ** 2 for rate, heads in rows) / heads_in_all
    # Lorenz curve: patients in order of rate; each step adds a trapezium.
    below, area = 0.0, []
    for rate, heads in rows:
        share = rate * heads / (mean * heads_in_all)
        area.append(heads / heads_in_all * (2 * below + share))
        below += share
    return Inequality(rows[0][0], rows[-1][0], math.sqrt(variance) / mean, max(0.0, 1 - math.fsum(area)))


def _areas(
    scheme: Scheme,
    year: Year,
    allocation: Sequence[float],
    baseline: Sequence[float] | None,
    people: Sequence[float] | None,
) -> tuple[Area, ...]:
    """Return the totals by the scheme's `report_by` column, sorted by its values; empty without that column.

    Organisations without an area are under `not given`.
    """
    column = scheme.report_by
    if not column or column not in year.organisations.columns:
        return ()
    rows_by_area: dict[str, list[int]] = {}
    for row, name in enumerate(year.values(column, ORGANISATION)):
        rows_by_area.setdefault(name or NOT_GIVEN, []).append(row)

    def total(values: Sequence[float] | None, rows: list[int]) -> float | None:
        return math.fsum(values[row] for row in rows) if values else None

    return tuple(
        Area(name, len(rows), total(people, rows), total(baseline, rows), total(allocation, rows) or 0.0)
        for name, rows in sorted(rows_by_area.items())
    )
