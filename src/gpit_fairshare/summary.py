"""What a run comes to: money in and out, who gains and loses, what is short, how unequal it is.

These are figures *about* a result, for people; no allocation depends on them. Change is always the
allocation less the historic spend of the same organisation, so a gain is above 0. Allocations are whole
pounds and spend may have pence: a change of less than £1 is no change.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gpit_fairshare.language import ORGANISATION

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gpit_fairshare.engine import Fund, Result, Year

BASELINE = "historic_spend"
PEOPLE = "registered_population"
SUPPORT = "transition_support"
NO_CHANGE = 1.0
"""£: a smaller change is rounding."""


@dataclass(frozen=True, slots=True)
class Movement:
    """One organisation's change: £ and £ per registered patient, None where it has no patients."""

    code: str
    name: str
    change: float
    per_head: float | None


@dataclass(frozen=True, slots=True)
class Inequality:
    """How unequal £ per head is. The range is over organisations; the other two count every patient once."""

    lowest: float
    highest: float
    variation: float
    """Coefficient of variation: standard deviation over mean, weighted by registered patients."""
    gini: float
    """Gini coefficient, weighted by registered patients: 0 is equal."""


@dataclass(frozen=True, slots=True)
class Shortfall:
    """Committed cost above the allocation: £ in all, and the organisations short, largest first."""

    total: float
    organisations: tuple[Movement, ...]


@dataclass(frozen=True, slots=True)
class Area:
    """Totals of one value of the scheme's `report_by` column: £."""

    name: str
    organisations: int
    people: float | None
    baseline: float | None
    allocation: float


@dataclass(frozen=True, slots=True)
class YearSummary:
    """One year in a few figures; None where the inputs do not hold what a figure needs."""

    year: str
    organisations: int
    allocated: float
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


def summarise(result: Result) -> list[YearSummary]:
    """Return a summary of each year, in order."""
    return [_year(result, year) for year in result.years.values()]


def _year(result: Result, year: Year) -> YearSummary:
    frame = year.organisations
    allocation = _column(year, result.scheme.result) or []
    baseline, people = _column(year, BASELINE), _column(year, PEOPLE)
    support = _support(result, year)
    names = list(zip(year.codes(), frame["org_name"].to_list(), strict=True))
    changes = _changes(names, allocation, baseline, people) if baseline is not None else []
    rates = [(-one.per_head, one.code, one) for one in changes if one.per_head is not None]
    return YearSummary(
        year=year.year,
        organisations=frame.height,
        allocated=math.fsum(allocation),
        funds=tuple(fund for fund in result.funds if fund.year == year.year),
        baseline=math.fsum(baseline) if baseline else None,
        gain=sum(one.change >= NO_CHANGE for one in changes) if baseline else None,
        lose=sum(one.change <= -NO_CHANGE for one in changes) if baseline else None,
        supported=sum(1 for one in support if one > 0) if support else None,
        support=math.fsum(support) if support else None,
        movements=tuple(one for _, _, one in sorted(rates, key=lambda rate: rate[:2])),
        shortfall=_shortfall(changes) if changes else None,
        before=inequality(baseline, people) if baseline and people else None,
        after=inequality(allocation, people) if people else None,
        areas=_areas(result, year, allocation, baseline, people),
    )


def _column(year: Year, name: str) -> list[float] | None:
    """Return a number for every organisation, or None where the column is absent or has a blank."""
    if name not in year.organisations.columns:
        return None
    values = year.values(name, ORGANISATION)
    return None if any(value is None for value in values) else values


def _support(result: Result, year: Year) -> list[float] | None:
    symbol = result.scheme.symbols.get(SUPPORT)
    return _column(year, SUPPORT) if symbol and symbol.kind == ORGANISATION else None


def _changes(
    names: Sequence[tuple[str, str]],
    allocation: Sequence[float],
    baseline: Sequence[float],
    people: Sequence[float] | None,
) -> list[Movement]:
    return [
        Movement(code, name or "", now - old, (now - old) / heads if heads else None)
        for (code, name), now, old, heads in zip(names, allocation, baseline, people or [0.0] * len(names), strict=True)
    ]


def _shortfall(changes: Sequence[Movement]) -> Shortfall:
    short = sorted((one for one in changes if one.change <= -NO_CHANGE), key=lambda one: (one.change, one.code))
    return Shortfall(-math.fsum(one.change for one in short), tuple(short))


def inequality(money: Sequence[float], people: Sequence[float]) -> Inequality | None:
    """Return how unequal £ per head is; organisations without people are left out.

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
    result: Result,
    year: Year,
    allocation: Sequence[float],
    baseline: Sequence[float] | None,
    people: Sequence[float] | None,
) -> tuple[Area, ...]:
    column = result.scheme.report_by
    if not column or column not in year.organisations.columns:
        return ()
    rows: dict[str, list[int]] = {}
    for row, name in enumerate(year.values(column, ORGANISATION)):
        rows.setdefault(name or "not given", []).append(row)

    def total(values: Sequence[float] | None, which: list[int]) -> float | None:
        return math.fsum(values[row] for row in which) if values else None

    return tuple(
        Area(name, len(which), total(people, which), total(baseline, which), total(allocation, which) or 0.0)
        for name, which in sorted(rows.items())
    )
