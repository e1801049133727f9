"""Transitions worked again in exact fractions, from the published form of each rule and not from its file.

Each function takes the years of a run in order, each a mapping of codes (sorted) to a `Place`, and returns the
allocations of each year. It imports nothing of the package under test.
"""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, NamedTuple

import oracle

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    Year = Mapping[str, "Place"]
    Pounds = dict[str, Fraction]


class Place(NamedTuple):
    """What is known of an organisation in a year."""

    people: int
    target: int
    spend: int
    base_growth: Fraction | None = None
    request: int | None = None
    plan: str = ""


def pace_of_change(years: Sequence[Year], **s: Fraction) -> list[Pounds]:
    """Growth floors that shrink between two bands, nobody far below target, the rest by the gap."""
    given: list[Pounds] = []
    for number, year in enumerate(years):
        floors = []
        for code, one in year.items():
            baseline = given[-1][code] if given else Fraction(one.spend)
            people = years[number - 1][code].people if number else one.people
            above = baseline / one.target - 1
            kept = min(Fraction(1), max(Fraction(0), (s["upper_band"] - above) / (s["upper_band"] - s["lower_band"])))
            low = s["growth_above_upper_band"]
            cash = baseline * (1 + kept * s["minimum_cash_growth"] + (1 - kept) * low)
            a_head = baseline * Fraction(one.people, people)
            a_head *= 1 + kept * s["minimum_per_head_growth"] + (1 - kept) * low
            floors.append(max(cash, a_head, one.target * (1 - s["furthest_under_target"])))
        given.append(_above_floors(year, floors))
    return given


def growth_to_those_under_target(years: Sequence[Year], baseline_kept: Fraction) -> list[Pounds]:
    """Everybody keeps a share of the baseline; the rest goes by the gap that is left."""
    given: list[Pounds] = []
    for year in years:
        had = given[-1] if given else {code: Fraction(one.spend) for code, one in year.items()}
        given.append(_above_floors(year, [had[code] * baseline_kept for code in year]))
    return given


def icb_convergence(
    years: Sequence[Year], cap_above: Fraction, rate_below: Fraction, cap_below: Fraction, growth: Fraction
) -> list[Pounds]:
    """Base growth and convergence on each baseline by itself, to thousands of pounds, halves up."""
    given: list[Pounds] = []
    for year in years:
        allocations = {}
        for code, one in year.items():
            baseline = given[-1][code] if given else Fraction(one.spend)
            distance = baseline / one.target - 1
            convergence = -min(distance, cap_above) if distance > 0 else min(-distance * rate_below, cap_below)
            base = growth if one.base_growth is None else one.base_growth
            thousands = baseline * (1 + base) * (1 + convergence) / 1000
            allocations[code] = Fraction((thousands + Fraction(1, 2)) // 1 * 1000)
        given.append(allocations)
    return given


def fixed_taper(years: Sequence[Year], steps: int, first_step: int, guaranteed_share: Fraction) -> list[Pounds]:
    """A correction factor of the first year, falling in equal steps; all other money by fair share."""
    first = years[0]
    money = sum(one.target for one in first.values())
    guarantee = [guaranteed_share * one.spend for one in first.values()]
    targets = [one.target for one in first.values()]
    guaranteed, _ = oracle.share_out(money, targets, at_least=guarantee)
    # Whoever is above the guarantee has what the formula gives for each pound of target.
    rate = min(share / target for share, target in zip(guaranteed, targets, strict=True))
    corrections = [share - rate * target for share, target in zip(guaranteed, targets, strict=True)]
    given = []
    for number, year in enumerate(years):
        left = max(Fraction(0), 1 - Fraction(number + first_step, steps))
        paid = [left * one for one in corrections]
        money = sum(one.target for one in year.values())
        by_formula = [Fraction(one.target, money) * (money - sum(paid)) for one in year.values()]
        given.append(_pounds(year, [a + b for a, b in zip(paid, by_formula, strict=True)]))
    return given


def blend(years: Sequence[Year], steps: int, guaranteed_share: Fraction) -> list[Pounds]:
    """Fair share and old share in parts that change evenly, and never less than a part of the old share."""
    spent = sum(one.spend for one in years[0].values())
    given = []
    for number, year in enumerate(years, 1):
        money = sum(one.target for one in year.values())
        new = min(Fraction(1), Fraction(number, steps))
        old = [Fraction(years[0][code].spend * money, spent) for code in year]
        parts = [new * one.target + (1 - new) * share for one, share in zip(year.values(), old, strict=True)]
        given.append(_pounds(year, [max(a, guaranteed_share * b) for a, b in zip(parts, old, strict=True)]))
    return given


def gap_percentage(years: Sequence[Year], percentages: Sequence[Fraction]) -> list[Pounds]:
    """What everybody had, and a percentage of what is missing to the target."""
    given: list[Pounds] = []
    for year, percentage in zip(years, percentages, strict=True):
        had = given[-1] if given else {code: Fraction(one.spend) for code, one in year.items()}
        paid = [had[code] + percentage * max(Fraction(0), one.target - had[code]) for code, one in year.items()]
        given.append(_pounds(year, paid))
    return given


def application(years: Sequence[Year], fund: int) -> list[Pounds]:
    """Support for cost above funding with a plan, up to the request; pro rata where the fund is short."""
    given = []
    for year in years:
        most = [
            min(max(0, one.spend - one.target), one.spend if one.request is None else one.request)
            if one.plan == "yes"
            else 0
            for one in year.values()
        ]
        awards = _pounds(year, oracle.share_out(fund, most, at_most=most)[0])
        given.append({code: one.target + awards[code] for code, one in year.items()})
    return given


def _above_floors(year: Year, floors: Sequence[Fraction]) -> Pounds:
    money = sum(one.target for one in year.values())
    gaps = [max(Fraction(0), one.target - floor) for one, floor in zip(year.values(), floors, strict=True)]
    return _pounds(year, oracle.share_out(money, gaps, floors, floors)[0])


def _pounds(year: Year, figures: Sequence[Fraction]) -> Pounds:
    return dict(zip(year, oracle.rounded(figures), strict=True))
