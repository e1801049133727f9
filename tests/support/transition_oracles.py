"""Transitions calculated in exact fractions from the published form of each rule, not from its file.

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
    """The facts about an organisation in a year."""

    people: int
    target: int
    spend: int
    base_growth: Fraction | None = None
    request: int | None = None
    plan: str = ""


def pace_of_change(years: Sequence[Year], **s: Fraction) -> list[Pounds]:
    """Growth floors shrink between two bands, no organisation is far below target, and the rest goes by the gap."""
    paid: list[Pounds] = []
    for number, year in enumerate(years):
        floors = []
        for code, place in year.items():
            baseline = paid[-1][code] if paid else Fraction(place.spend)
            people = years[number - 1][code].people if number else place.people
            above = baseline / place.target - 1
            kept = min(Fraction(1), max(Fraction(0), (s["upper_band"] - above) / (s["upper_band"] - s["lower_band"])))
            low = s["growth_above_upper_band"]
            cash = baseline * (1 + kept * s["minimum_cash_growth"] + (1 - kept) * low)
            a_head = baseline * Fraction(place.people, people)
            a_head *= 1 + kept * s["minimum_per_head_growth"] + (1 - kept) * low
            floors.append(max(cash, a_head, place.target * (1 - s["furthest_under_target"])))
        paid.append(_above_floors(year, floors))
    return paid


def growth_to_those_under_target(years: Sequence[Year], baseline_kept: Fraction) -> list[Pounds]:
    """Every organisation keeps a share of the baseline; the rest goes by the remaining gap."""
    paid: list[Pounds] = []
    for year in years:
        had = paid[-1] if paid else {code: Fraction(place.spend) for code, place in year.items()}
        paid.append(_above_floors(year, [had[code] * baseline_kept for code in year]))
    return paid


def icb_convergence(
    years: Sequence[Year],
    above: tuple[Fraction, Fraction],
    below: tuple[Fraction, Fraction],
    growth: Fraction,
    *,
    on_grown_baseline: bool = False,
) -> list[Pounds]:
    """Base growth and convergence on each baseline, rounded to thousands of pounds, halves up.

    `above` and `below` target are each a rate and a cap.
    """
    paid: list[Pounds] = []
    for year in years:
        allocations = {}
        for code, place in year.items():
            baseline = paid[-1][code] if paid else Fraction(place.spend)
            grown = baseline * (1 + (growth if place.base_growth is None else place.base_growth))
            distance = (grown if on_grown_baseline else baseline) / place.target - 1
            rate, cap = above if distance > 0 else below
            convergence = min(abs(distance) * rate, cap) * (-1 if distance > 0 else 1)
            thousands = grown * (1 + convergence) / 1000
            allocations[code] = Fraction((thousands + Fraction(1, 2)) // 1 * 1000)
        paid.append(allocations)
    return paid


def fixed_taper(years: Sequence[Year], steps: int, first_step: int, guaranteed_share: Fraction) -> list[Pounds]:
    """A correction factor from the first year falls in equal steps; all other money goes by fair share."""
    first = years[0]
    money = sum(place.target for place in first.values())
    guarantee = [guaranteed_share * place.spend for place in first.values()]
    targets = [place.target for place in first.values()]
    guaranteed, _ = oracle.share_out(money, targets, at_least=guarantee)
    # Organisations above the guarantee get the formula's amount for each pound of target.
    rate = min(share / target for share, target in zip(guaranteed, targets, strict=True))
    corrections = [share - rate * target for share, target in zip(guaranteed, targets, strict=True)]
    paid_by_year = []
    for number, year in enumerate(years):
        left = max(Fraction(0), 1 - Fraction(number + first_step, steps))
        paid = [left * correction for correction in corrections]
        money = sum(place.target for place in year.values())
        by_formula = [Fraction(place.target, money) * (money - sum(paid)) for place in year.values()]
        paid_by_year.append(_pounds(year, [a + b for a, b in zip(paid, by_formula, strict=True)]))
    return paid_by_year


def blend(years: Sequence[Year], steps: int, guaranteed_share: Fraction) -> list[Pounds]:
    """Parts of fair share and old share that change evenly, and at least a part of the old share."""
    spent = sum(place.spend for place in years[0].values())
    paid = []
    for number, year in enumerate(years, 1):
        money = sum(place.target for place in year.values())
        new = min(Fraction(1), Fraction(number, steps))
        old = [Fraction(years[0][code].spend * money, spent) for code in year]
        parts = [new * place.target + (1 - new) * share for place, share in zip(year.values(), old, strict=True)]
        paid.append(_pounds(year, [max(a, guaranteed_share * b) for a, b in zip(parts, old, strict=True)]))
    return paid


def gap_percentage(years: Sequence[Year], percentages: Sequence[Fraction]) -> list[Pounds]:
    """The amount of the year before, and a percentage of the gap to the target."""
    paid_by_year: list[Pounds] = []
    for year, percentage in zip(years, percentages, strict=True):
        had = paid_by_year[-1] if paid_by_year else {code: Fraction(place.spend) for code, place in year.items()}
        paid = [had[code] + percentage * max(Fraction(0), place.target - had[code]) for code, place in year.items()]
        paid_by_year.append(_pounds(year, paid))
    return paid_by_year


def application(years: Sequence[Year], fund: int) -> list[Pounds]:
    """Support for cost above funding with a plan, up to the request; pro rata if the fund is too small."""
    paid = []
    for year in years:
        most = [
            min(max(0, place.spend - place.target), place.spend if place.request is None else place.request)
            if place.plan == "yes"
            else 0
            for place in year.values()
        ]
        awards = _pounds(year, oracle.share_out(fund, most, at_most=most)[0])
        paid.append({code: place.target + awards[code] for code, place in year.items()})
    return paid


def _above_floors(year: Year, floors: Sequence[Fraction]) -> Pounds:
    money = sum(place.target for place in year.values())
    gaps = [max(Fraction(0), place.target - floor) for place, floor in zip(year.values(), floors, strict=True)]
    return _pounds(year, oracle.share_out(money, gaps, floors, floors)[0])


def _pounds(year: Year, figures: Sequence[Fraction]) -> Pounds:
    return dict(zip(year, oracle.rounded(figures), strict=True))
