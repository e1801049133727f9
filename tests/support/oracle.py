"""An independent oracle in exact fractions: it calculates the specification in a plain, slow way.

It imports nothing of the package under test and shares no method with it. Every argument may be an int, a
float or a Fraction; a float is the dyadic fraction that it holds.
"""

from __future__ import annotations

from bisect import bisect_left
from fractions import Fraction
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    Number = int | float | Fraction

TOLERANCE = Fraction(1, 10**12)
MILLIONTH = Fraction(1, 10**6)
HALF = Fraction(1, 2)


def greater(a: Number, b: Number) -> bool:
    """Say whether a > b in the language: by more than 1e-12 · max(1, |a|, |b|)."""
    a, b = Fraction(a), Fraction(b)
    return a - b > TOLERANCE * max(Fraction(1), abs(a), abs(b))


def equal(a: Number, b: Number) -> bool:
    """Say whether a == b in the language: neither is greater."""
    return not greater(a, b) and not greater(b, a)


def share_out(
    amount: Number,
    by: Sequence[Number],
    base: Sequence[Number] | None = None,
    at_least: Sequence[Number] | None = None,
    at_most: Sequence[Number] | None = None,
) -> tuple[list[Fraction], Fraction]:
    """Return each row's share and what is unspent, for one group.

    Calculates the share of every row at a given factor, finds the two neighbouring turning points between which the
    amount is spent, and interpolates between them.

    Raises:
        ValueError: Its text is the reason, as `floors_exceed_amount`.
    """
    amount = Fraction(amount)
    rows = _rows(by, base, at_least, at_most)
    least = [row.share(Fraction(0)) for row in rows]
    most = [most for row in rows if (most := row.most()) is not None]
    if greater(_sum(least), amount):
        raise ValueError("floors_exceed_amount")
    if len(most) == len(rows) and _sum(most) <= amount:
        if rows and at_most is None and greater(amount, _sum(least)):
            raise ValueError("nothing_to_share_by")
        return most, amount - _sum(most)
    if _sum(least) >= amount:
        return least, Fraction(0)
    points = sorted({Fraction(0)}.union(*(row.turns() for row in rows)))
    if at_most is None:
        # No share is flat after the last turning point, so at this factor the amount is spent.
        steepest = max(row.weight for row in rows)
        points.append(points[-1] + (amount - _sum(least)) / steepest + 1)
    upper = bisect_left(points, amount, key=lambda factor: _sum([row.share(factor) for row in rows]))
    left = [row.share(points[upper - 1]) for row in rows]
    right = [row.share(points[upper]) for row in rows]
    part = (amount - _sum(left)) / (_sum(right) - _sum(left))
    return [a + part * (b - a) for a, b in zip(left, right, strict=True)], Fraction(0)


def rate(
    amount: Number,
    by: Sequence[Number],
    base: Sequence[Number] | None = None,
    at_least: Sequence[Number] | None = None,
    at_most: Sequence[Number] | None = None,
) -> Fraction | None:
    """Return the lowest factor, 0 or more, at which the shares cost the amount, within the tolerance of the language.

    None if every row is then at its most. Nothing is checked: call it for what `share_out` does not refuse.
    """
    amount = Fraction(amount)
    rows = _rows(by, base, at_least, at_most)
    most = [most for row in rows if (most := row.most()) is not None]
    if len(most) == len(rows) and not greater(_sum(most), amount):
        return None
    before, spent_before = Fraction(0), None
    for point in sorted({Fraction(0)}.union(*(row.turns() for row in rows))):
        spent = _sum([row.share(point) for row in rows])
        if not greater(amount, spent):
            if spent <= amount or spent_before is None:
                return point
            # The shares cost the amount between the two points, where they rise in a straight line.
            return before + (point - before) * (amount - spent_before) / (spent - spent_before)
        before, spent_before = point, spent
    # Beyond the last point every row with a weight and no ceiling rises by its weight.
    assert spent_before is not None
    return before + (amount - spent_before) / _sum([row.weight for row in rows if row.high is None])


class _Row(NamedTuple):
    """A row of share_out; a limit is None if there is none."""

    weight: Fraction
    base: Fraction
    low: Fraction | None
    high: Fraction | None

    def clip(self, share: Fraction) -> Fraction:
        if self.low is not None and share < self.low:
            return self.low
        if self.high is not None and share > self.high:
            return self.high
        return share

    def share(self, factor: Fraction) -> Fraction:
        return self.clip(self.base + factor * self.weight)

    def most(self) -> Fraction | None:
        """Return the share at an infinite factor, or None if it is infinite too."""
        return self.high if self.weight > 0 else self.clip(self.base)

    def turns(self) -> set[Fraction]:
        """Return the factors above 0 at which the share leaves or reaches a limit."""
        limits = [limit for limit in (self.low, self.high) if limit is not None and limit > self.base]
        return {(limit - self.base) / self.weight for limit in limits if self.weight > 0}


def _rows(
    by: Sequence[Number],
    base: Sequence[Number] | None,
    at_least: Sequence[Number] | None,
    at_most: Sequence[Number] | None,
) -> list[_Row]:
    """Return the rows as fractions; refuse invalid values, and correct differences that are only noise."""
    if any(greater(0, weight) for weight in by):
        raise ValueError("negative_weight")
    absent = [None] * len(by)
    rows = []
    for weight, start, low, high in zip(by, base or [0] * len(by), at_least or absent, at_most or absent, strict=True):
        ceiling = None if high is None else Fraction(high)
        if low is not None and ceiling is not None:
            if greater(low, ceiling):
                raise ValueError("crossed_bounds")
            ceiling = max(Fraction(low), ceiling)
        floor = None if low is None else Fraction(low)
        rows.append(_Row(max(Fraction(0), Fraction(weight)), Fraction(start), floor, ceiling))
    return rows


def rounded(x: Sequence[Number], to: Number = Fraction(1)) -> list[Fraction]:
    """Return whole multiples of `to` by largest remainder, for one group; `to` is exact.

    Hands out the units left over one at a time, each to the first of the rows with the largest remainder.
    """
    to = Fraction(to)
    units = [Fraction(figure) / to for figure in x]
    wholes = [unit // 1 for unit in units]
    remainders = [_half_up((unit - whole) / MILLIONTH) * MILLIONTH for unit, whole in zip(units, wholes, strict=True)]
    for row, remainder in enumerate(remainders):
        if remainder == 1:
            wholes[row] += 1
            remainders[row] = Fraction(0)
    total = _half_up(_half_up(_sum(units) / MILLIONTH) * MILLIONTH)
    waiting = list(range(len(units)))
    for _ in range(total - sum(wholes)):
        first = max(waiting, key=lambda row: (remainders[row], -row))
        waiting.remove(first)
        wholes[first] += 1
    return [whole * to for whole in wholes]


def compared(value: Number) -> Fraction:
    """Return what `rank` compares: a float to 15 significant digits, as sheets have it, and these to 12."""
    size = Fraction(repr(abs(float(value))))
    for digits in (15, 12):
        unit = Fraction(1)
        while size / unit >= 10**digits:
            unit *= 10
        while size and size / unit < 10 ** (digits - 1):
            unit /= 10
        size = _half_up(size / unit) * unit
    return size if value > 0 else -size


def ranks(x: Sequence[Number]) -> list[int]:
    """Return the place of each row of one group: 1 and those that come before it, larger or equal and further up."""
    values = [compared(value) for value in x]
    return [
        1 + sum(other > value or (other == value and place < row) for place, other in enumerate(values))
        for row, value in enumerate(values)
    ]


def running_totals(x: Sequence[Number], places: Sequence[int]) -> list[Fraction]:
    """Return for each row of one group the sum over the rows whose place is not behind its own."""
    return [_sum([Fraction(x[row]) for row, place in enumerate(places) if place <= own]) for own in places]


def gpit_2014_16(
    population: Mapping[str, Number],
    spend: Mapping[str, Number],
    budget: Number,
    fund: Number,
    support_share: Number,
    *,
    test: str = "above-average-cost",
) -> dict[str, dict[str, Fraction]]:
    """Return one year of the 2014-16 mechanism: a row per organisation, sorted by code.

    Yes/no is 1 or 0, and national figures (the average, the unspent fund) are repeated in every row, so that each
    figure is a fraction with a name.

    Args:
        population: Registered patients by organisation code.
        spend: Committed revenue cost of existing services, £.
        budget: National revenue money, £; fair shares are whole pounds and add up to it.
        fund: Transition fund, £.
        support_share: The part of the need that is supported, as a ratio.
        test: Who can get support: with `above-average-cost`, organisations with a cost per head above the national
            average; with `cost-above-funding`, those with a cost above their fair share; with `none`, no
            organisation: there is no transition, and the whole fund is unspent.
    """
    codes = sorted(population)
    people = {code: Fraction(population[code]) for code in codes}
    cost = {code: Fraction(spend[code]) for code in codes}
    fair_share = _whole_pounds(share_out(budget, [people[code] for code in codes])[0], codes)
    average = _sum(cost.values()) / _sum(people.values())
    above = {code: greater(cost[code] / people[code], average) for code in codes}
    eligible = {
        "above-average-cost": above,
        "cost-above-funding": dict.fromkeys(codes, True),  # those with a lower cost have no need
        "none": dict.fromkeys(codes, False),
    }[test]
    need = {
        code: Fraction(support_share) * max(Fraction(0), cost[code] - fair_share[code])
        if eligible[code]
        else Fraction(0)
        for code in codes
    }
    needs = [need[code] for code in codes]
    unrounded = dict(zip(codes, share_out(fund, needs, at_most=needs)[0], strict=True))
    support = _whole_pounds([unrounded[code] for code in codes], codes)
    return {
        code: {
            "fair_share": fair_share[code],
            "cost_per_head": cost[code] / people[code],
            "average_cost_per_head": average,
            "above_average": Fraction(above[code]),
            "transition_need": need[code],
            "unrounded_transition_support": unrounded[code],
            "transition_support": support[code],
            "allocation": fair_share[code] + support[code],
            "unspent_fund": Fraction(fund) - _sum(support.values()),
        }
        for code in codes
    }


def _sum(figures: Iterable[Fraction]) -> Fraction:
    return sum(figures, Fraction(0))


def _half_up(figure: Fraction) -> int:
    """Return the nearest whole number; halves are rounded up."""
    return (figure + HALF) // 1


def _whole_pounds(shares: Sequence[Fraction], codes: Sequence[str]) -> dict[str, Fraction]:
    """Round to whole pounds; the rows are in the order of their codes, which decides ties."""
    return dict(zip(codes, rounded(shares), strict=True))
