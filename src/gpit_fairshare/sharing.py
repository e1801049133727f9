"""The kernels of the formula language for money: `share_out` gives it by need, `rounded` makes it whole pounds.

All arithmetic is exact. Every float is a whole number over a power of two, so a group's figures are scaled to Python
integers, and no float decides who reaches a floor, who gets a left-over pound or whether the amount is enough. So the
result does not depend on the order of the rows, with one exception: in `rounded`, of equal remainders the earlier row
comes first, so the caller sorts the rows by organisation code.

All figures must be finite. Whole numbers and floats are quick; many unrelated denominators of fractions in one group
are correct, but slow.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

from gpit_fairshare.errors import SharingError

if TYPE_CHECKING:
    from collections.abc import Sequence

Number = int | float | Fraction

# 1 over the tolerance of the language's comparisons: a exceeds b if a - b > 1e-12 * max(1, |a|, |b|).
_TOLERANCE = 10**12

# Remainders are compared in millionths: errors of floats are far smaller, and differences that matter are larger.
_MILLION = 10**6

# A spreadsheet shares out with three or four roundings, each of 1 part in 2^53: 4 parts are 1 in 2^51.
_FLOAT_BITS = 51


@dataclass(frozen=True, slots=True)
class Shares:
    """The result of `share_out`: a figure per row, and further figures per group.

    `exact` and `values` have one entry per row, in the order given; `unspent`, `factor` and `rate` one per group.
    """

    exact: list[Fraction]
    """The share, in the unit of the amount, not rounded."""
    values: list[float]
    """The float nearest to each exact share."""
    unspent: list[Fraction]
    """The money left after every row has reached its maximum; never negative."""
    factor: list[Fraction | None]
    """λ, money per unit of weight; the smallest if several fit. None if every row reaches its maximum."""
    rate: list[Fraction | None]
    """The smallest λ that shares out the amount within the tolerance; None if every row is then at its maximum.

    It is the factor, except where float noise in the amount decides about that: the factor of an amount 1e-10 above the
    floors is where the first row leaves its floor, and the rate is 0.
    """


@dataclass(frozen=True, slots=True)
class RoundingResult:
    """The result of `rounded`: one entry per row, in the order given."""

    exact: list[Fraction]
    """Whole multiples of the rounding unit."""
    values: list[float]
    """The float nearest to each exact figure (£33.34 is not exactly a float)."""
    units: int
    """The sum of all figures without their signs, in rounding units."""
    certain: bool = True
    """Whether a spreadsheet, which rounds floats, would give every unit to the same row."""


def share_out(
    amount: Sequence[Number],
    by: Sequence[Number],
    *,
    base: Sequence[Number] | None = None,
    at_least: Sequence[Number] | None = None,
    at_most: Sequence[Number] | None = None,
    groups: Sequence[int] | None = None,
) -> Shares:
    """Share out each group's amount in proportion to `by`, on top of `base`, between floors and ceilings.

    Finds, for each group, the one factor λ ≥ 0 with Σ clip(base + λ·by, at_least, at_most) = amount, and
    gives each row its clipped value: rows above their floors pay for the floors, and money above the ceilings goes to
    all rows below their ceilings, at the same rate. Each group is calculated separately:

    1. A negative weight, or a floor above its ceiling, is an error.
    2. If the maximums add up to no more than the amount, every row gets its maximum and the rest is unspent. The
       maximum of a row with a weight is its ceiling (no limit without ceilings); of a row without a weight, its clipped
       base. Only ceilings may leave money over: without them, money to share is an error if no row has a weight.
    3. If the minimum, Σ clip(base, at_least, at_most), exceeds the amount, it is an error.
    4. Otherwise the exact shares add up to the amount exactly.

    The figures are often floats from earlier steps, so an error must be larger than float noise: larger than
    1e-12 · max(1, |a|, |b|) when a is compared with b. Within this tolerance, a negative weight counts as 0, a floor
    above its ceiling is used for both, a minimum above the amount is given in full (the shares then exceed the amount
    by the noise), and if no row has a weight, an amount above the minimum is not money to share: every row gets its
    clipped base and the difference is unspent.

    Errors in the figures are a `SharingError` with its reason, the group, and the row if one row is wrong:
    `negative_weight` before `crossed_bounds`, then `floors_exceed_amount` (with the least and the amount) or
    `nothing_to_share_by`. It names the first group with an error, and in it the first wrong row.

    Args:
        amount: One per group, the money to share out.
        by: One weight per row, in any unit; only their ratios within a group matter.
        base: One per row, the money given before sharing, in the unit of the amount; 0 if left out.
        at_least: One floor per row.
        at_most: One ceiling per row.
        groups: The group of each row, counted from 0; without it, all rows are in one group. If a group has no rows,
            its whole amount is unspent.

    Raises:
        ValueError: The caller gives columns of different lengths, or a group without an amount.
    """
    columns = (by, base, at_least, at_most, groups)
    if any(len(column) != len(by) for column in columns if column is not None):
        raise ValueError("by, base, at_least, at_most and groups must have one entry per row each")
    exact = [Fraction(0)] * len(by)
    unspent: list[Fraction] = []
    factor: list[Fraction | None] = []
    rates: list[Fraction | None] = []
    for number, rows in enumerate(rows_by_group(groups, len(by), len(amount))):
        pot = _make_pot(number, rows, amount[number], by, (base, at_least, at_most))
        shares, left, factor_of_group, rate = _share_pot(pot)
        for row, share in zip(rows, shares, strict=True):
            exact[row] = share
        unspent.append(left)
        factor.append(factor_of_group)
        rates.append(rate)
    return Shares(exact, [float(share) for share in exact], unspent, factor, rates)


def rounded(x: Sequence[Number], *, to: Number | str = 1, groups: Sequence[int] | None = None) -> RoundingResult:
    """Round to whole multiples of `to` by largest remainder, so that each group adds up to its rounded total.

    Every row gets the multiple at or below its figure. The total of a group is its exact sum, rounded to a millionth of
    `to` and then to a multiple of `to`, both times with halves going up (towards plus infinity: -2.5 becomes -2). The
    multiples that are left over go one each to the largest remainders, which are also rounded to a millionth of `to`;
    of equal remainders, the earlier row comes first. No row changes by more than `to`; a figure within half a millionth
    of a multiple becomes that multiple. The result also says whether a spreadsheet, which rounds floats, would round
    the same.

    Args:
        x: One figure per row, sorted by organisation code, because the order decides ties.
        to: The unit of rounding, in the unit of `x`. Read in decimal: the float 0.01 is 1/100.
        groups: A group number for each row; without it, all rows are in one group.

    Raises:
        ValueError: The caller gives a `to` that is not above 0, or `groups` that is not as long as `x`.
    """
    step = Fraction(str(to))
    if step <= 0:
        raise ValueError(f"the unit of rounding must be above 0, not {to}")
    if groups is not None and len(groups) != len(x):
        raise ValueError("groups must have one entry per row")
    multiples, certain = [0] * len(x), True
    for rows in rows_by_group(groups, len(x), None):
        (figures,), denominator = _whole_numbers([x[row] for row in rows])
        scaled = [figure * step.denominator for figure in figures]
        parts = _split_figures(scaled, denominator * step.numerator)
        certain = certain and _is_certain_in_floats(scaled, denominator * step.numerator, parts)
        for place in parts.up:
            parts.wholes[place] += 1
        for row, multiple in zip(rows, parts.wholes, strict=True):
            multiples[row] = multiple
    exact = [Fraction(multiple * step.numerator, step.denominator) for multiple in multiples]
    values = [multiple * step.numerator / step.denominator for multiple in multiples]
    return RoundingResult(exact, values, sum(map(abs, multiples)), certain)


@dataclass(frozen=True, slots=True)
class _Pot:
    """The figures of one group as whole numbers: money in units of 1/`pound`, weights in units of 1/`weight`."""

    group: int
    rows: Sequence[int]
    pound: int
    weight: int
    amount: int
    weights: list[int]
    base: list[int]
    floors: list[int] | None
    ceilings: list[int] | None

    def clipped(self, figures: list[int], times: int = 1) -> list[int]:
        """Return figures limited by the floors and ceilings; the figures are `times` as large as those."""
        if self.floors is not None:
            figures = [max(figure, low * times) for figure, low in zip(figures, self.floors, strict=True)]
        if self.ceilings is not None:
            figures = [min(figure, high * times) for figure, high in zip(figures, self.ceilings, strict=True)]
        return figures


def _make_pot(
    group: int,
    rows: Sequence[int],
    amount: Number,
    by: Sequence[Number],
    money: tuple[Sequence[Number] | None, Sequence[Number] | None, Sequence[Number] | None],
) -> _Pot:
    """Return the figures of one group as whole numbers; negative weights and crossed bounds within noise are corrected.

    Raises:
        SharingError: `negative_weight` or `crossed_bounds`.
    """
    (weights,), weight = _whole_numbers([by[row] for row in rows])
    # A missing column becomes an empty one, so that all money has one common denominator.
    gathered = [[column[row] for row in rows] if column is not None else [] for column in money]
    (total, base, floors, ceilings), pound = _whole_numbers([amount], *gathered)
    for place, figure in enumerate(weights):
        if figure < 0:
            if _is_above(0, figure, weight):
                raise SharingError("negative_weight", group=group, row=rows[place])
            weights[place] = 0
    _, at_least, at_most = money
    if at_least is not None and at_most is not None:
        for place, (low, high) in enumerate(zip(floors, ceilings, strict=True)):
            if low > high:
                if _is_above(low, high, pound):
                    raise SharingError("crossed_bounds", group=group, row=rows[place])
                ceilings[place] = low
    return _Pot(
        group=group,
        rows=rows,
        pound=pound,
        weight=weight,
        amount=total[0],
        weights=weights,
        base=base or [0] * len(rows),
        floors=None if at_least is None else floors,
        ceilings=None if at_most is None else ceilings,
    )


def _share_pot(pot: _Pot) -> tuple[list[Fraction], Fraction, Fraction | None, Fraction | None]:
    """Return the shares of one group, its unspent money, its factor and its rate; see `Shares`.

    Raises:
        SharingError: `floors_exceed_amount` or `nothing_to_share_by`.
    """
    least = pot.clipped(pot.base)
    least_total = sum(least)
    most = _maximums(pot, least)
    if most is not None and sum(most) <= pot.amount:
        left = pot.amount - sum(most)
        if pot.rows and pot.ceilings is None and _is_above(pot.amount, least_total, pot.pound):
            raise SharingError("nothing_to_share_by", group=pot.group, amount=Fraction(pot.amount, pot.pound))
        return [Fraction(share, pot.pound) for share in most], Fraction(left, pot.pound), None, None
    has_rate = most is None or _is_above(sum(most), pot.amount, pot.pound)
    if least_total >= pot.amount:
        if _is_above(least_total, pot.amount, pot.pound):
            raise SharingError(
                "floors_exceed_amount",
                group=pot.group,
                least=Fraction(least_total, pot.pound),
                amount=Fraction(pot.amount, pot.pound),
            )
        factor = None if most == least else Fraction(0)
        return [Fraction(share, pot.pound) for share in least], Fraction(0), factor, factor if has_rate else None
    rise, run, lowest = _factor(pot, least_total)
    shares = pot.clipped([b * run + rise * w for b, w in zip(pot.base, pot.weights, strict=True)], run)
    parts = pot.pound * run
    factor = Fraction(rise * pot.weight, parts)
    rate = factor if lowest is None else min(factor, lowest * pot.weight / pot.pound)
    return [Fraction(share, parts) for share in shares], Fraction(0), factor, rate if has_rate else None


def _maximums(pot: _Pot, least: list[int]) -> list[int] | None:
    """Return the most that each row of a group can get; None if there are no ceilings and a row has a weight.

    That is its ceiling, or its minimum (`least`) if it has no weight.
    """
    if pot.ceilings is not None:
        return [high if weight else low for weight, high, low in zip(pot.weights, pot.ceilings, least, strict=True)]
    return None if any(pot.weights) else least


def _factor(pot: _Pot, least_total: int) -> tuple[int, int, Fraction | None]:
    """Return money per unit of weight as (rise, run), for an amount above the minimum and below the maximum.

    Also the smallest turning point, or 0, that spends the amount within the tolerance; None if no point below does.

    The money spent is piecewise linear in the factor; it is `least_total` where the factor is 0. A row turns upwards
    where base + factor · weight leaves its floor, and flat where it meets its ceiling. So the turning points are
    sorted, and level and slope of the line are followed to the first turning point at which the amount is spent. This
    is exact and needs one pass. (Clamping, freezing and repeating misses the solution if a floor and a ceiling bind
    together.)
    """
    # Two unequal fractions of denominators below 2^n are more than 2^-2n apart, so that their floors at this
    # scale keep their order, and equal ones stay equal: whole numbers can be sorted instead of fractions.
    shift = 2 * max(pot.weights).bit_length()
    turns: list[tuple[int, int, int]] = []
    for place, weight in enumerate(pot.weights):
        base = pot.base[place]
        start = base if pot.floors is None else max(base, pot.floors[place])
        if weight and (pot.ceilings is None or start < pot.ceilings[place]):
            turns.append((((start - base) << shift) // weight, start - base, weight))
            if pot.ceilings is not None:
                height = pot.ceilings[place] - base
                turns.append(((height << shift) // weight, height, -weight))
    turns.sort()
    level, slope = least_total, 0
    lowest = None if _is_above(pot.amount, least_total, pot.pound) else Fraction(0)
    for _, height, weight in turns:
        reach = abs(weight)
        spent, due = level * reach + slope * height, pot.amount * reach
        if lowest is None and not _is_above(due, spent, pot.pound * reach):
            lowest = Fraction(height, reach)
        if spent >= due:
            break
        slope += weight
        level -= height if weight > 0 else -height
    # At the last turn less than the amount was spent, and it is spent before the next turn, or there is no
    # next turn and no ceiling: the line rises here, so the slope is not 0.
    return pot.amount - level, slope, lowest


@dataclass(frozen=True, slots=True)
class Parts:
    """Figures of one group as whole multiples of the rounding unit and remainders, before any is rounded up."""

    wholes: list[int]
    """The multiple at or below each figure, in units."""
    millionths: list[int]
    """The remainder of each figure above its multiple, in millionths of a unit, halves up; 1,000,000 is possible."""
    total: int
    """The rounded total of the group, in units."""
    up: list[int]
    """Places of the figures that are rounded up: the largest remainder first, of equal ones the earlier row."""


def parts_of(x: Sequence[Number], to: Number | str = 1) -> Parts:
    """Return one group's figures as multiples and remainders, by the rule of `rounded`.

    Args:
        x: One figure per row, rows sorted by organisation code.
        to: The unit of rounding, above 0; read in decimal.
    """
    step = Fraction(str(to))
    (figures,), denominator = _whole_numbers(x)
    return _split_figures([figure * step.denominator for figure in figures], denominator * step.numerator)


def _split_figures(figures: list[int], unit: int) -> Parts:
    """Return figures / unit as whole numbers and remainders, and which are rounded up to make the rounded total.

    A remainder that rounds to 1 stays the largest possible remainder. Carrying it into the whole number would give the
    same result for up to a million rows (the remainders rounded up hold less than half a unit). Without carrying, the
    units left over are never below 0 or above the number of rows: the total is between Σ whole and Σ whole + rows,
    both whole numbers, and rounding cannot move it outside.
    """
    wholes: list[int] = []
    millionths: list[int] = []
    for figure in figures:
        whole, remainder = divmod(figure, unit)
        wholes.append(whole)
        millionths.append(_half_up(remainder * _MILLION, unit))
    total = _half_up(_half_up(sum(figures) * _MILLION, unit), _MILLION)
    # Python's sort is stable, so equal remainders stay in the order of the rows.
    ranked = sorted(range(len(figures)), key=millionths.__getitem__, reverse=True)
    return Parts(wholes, millionths, total, ranked[: total - sum(wholes)])


def _is_certain_in_floats(figures: list[int], unit: int, parts: Parts) -> bool:
    """Return whether a spreadsheet, which rounds floats, would round up the same figures as exact arithmetic.

    It would if the total is not rounded from near a half, and every remainder that is rounded up stays at or above all
    others even with the largest error in each. Rounding to a millionth removes the error, unless figures are large or
    their remainders are between two millionths: equal remainders of 1/3 differ from 2^51 / 6 millionths on, which is
    375 million units.
    """
    scale = unit << _FLOAT_BITS

    def with_error(figure: int, error: int) -> int:
        return _half_up(((figure << _FLOAT_BITS) + error) * _MILLION, scale)

    total, size = sum(figures), sum(map(abs, figures))
    low, high = (_half_up(with_error(total, error), _MILLION) for error in (-size, size))
    up = set(parts.up)
    served = [with_error(figures[place] % unit, -abs(figures[place])) for place in parts.up]
    others = [with_error(figure % unit, abs(figure)) for place, figure in enumerate(figures) if place not in up]
    return low == high and (not served or not others or min(served) >= max(others))


def rows_by_group(groups: Sequence[int] | None, rows: int, count: int | None) -> list[Sequence[int]]:
    """Return the row numbers of each group, from group 0 to `count` - 1; all rows in one group if `groups` is None.

    Without a count, only the groups that have rows are returned, in the order in which they first appear.

    Raises:
        ValueError: There is no group for an amount, or no amount for a group.
    """
    if groups is None:
        if count not in (None, 1):
            raise ValueError(f"{count} amounts need groups")
        return [range(rows)]
    rows_of: dict[int, list[int]] = {group: [] for group in range(count or 0)}
    for row, group in enumerate(groups):
        if count is not None and not 0 <= group < count:
            raise ValueError(f"row {row} is in group {group}, and there are {count} amounts")
        rows_of.setdefault(group, []).append(row)
    return list(rows_of.values())


def _whole_numbers(*columns: Sequence[Number]) -> tuple[list[list[int]], int]:
    """Return columns of figures as whole numbers over one common denominator, exactly, and the denominator."""
    ratios = [[figure.as_integer_ratio() for figure in column] for column in columns]
    common = math.lcm(*{denominator for column in ratios for _, denominator in column})
    return [[top * (common // bottom) for top, bottom in column] for column in ratios], common


def _is_above(a: int, b: int, unit: int) -> bool:
    """Return whether a is above b by more than the tolerance, both in units of 1/`unit`."""
    return (a - b) * _TOLERANCE > max(unit, abs(a), abs(b))


def _half_up(top: int, bottom: int) -> int:
    """Return the whole number nearest to top / bottom; the higher one if two are equally near."""
    return (2 * top + bottom) // (2 * bottom)
