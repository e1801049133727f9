"""The kernels of `sharing.py` for many pots at once, and the total of many columns, in NumPy.

A pot is one row of an array of shape (pots, rows). Every argument may have one row instead, if it is the same for all
pots. Pots of different lengths are filled up at the end with rows of weight 0, base 0 and bounds 0.

The exact kernels calculate with fractions. Here a figure is a pair of floats, `high + low`, with a bound of its error
(near 1e-30 of the money in the pot). `high` is then the float nearest to the exact figure, unless the pair lies so near
the middle between two floats that the error could decide; and every comparison is certain, unless it is that close. A
pot where anything is not certain is reported as such, and its caller asks the exact kernel: so a pot may be refused
here, but is never wrong by a bit.

The bounds use u = 2^-53: a sum, difference, product or quotient of floats is within u times its size. Subnormal
numbers add errors below 1e-250, as long as no figure exceeds 1e60; larger figures are not certain. NaN and infinity
fail all comparisons by which figures become certain.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import reduce
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

_U = 2.0**-53
_LARGEST_FIGURE = 1e60
_SMALLEST_MONEY = 1e-200
_SUBNORMAL_ERROR = 1e-250

_TOLERANCE = 1e-12
"""The tolerance of `sharing.py`; a comparison is certain if it holds with this and 1 part in a million less or more."""

_TURNS = 40
"""England needs 6 turns of the search, and pots full of ties 13; pots that need more are not certain."""

_MOST_IN_USE = 0.75
"""Part of the rows that may have figures for it to be quicker to leave out the others."""


@dataclass(frozen=True, slots=True)
class ManyShares:
    """The result of `share_out_many`; figures of a pot that is not certain mean nothing, but for its `least`."""

    high: Array
    """(pots, rows): the float nearest to each exact share."""
    low: Array
    """(pots, rows): each exact share is high + low, within `bound`."""
    bound: Array
    """(pots, 1)"""
    is_certain: BoolArray
    """(pots,): whether `high` is what `sharing.share_out` gives as `values`, bit for bit (0.0 for -0.0)."""
    is_too_little: BoolArray
    """(pots,): whether `sharing.share_out` certainly raises `floors_exceed_amount`; such a pot is not certain."""
    least: Array
    """(pots,): the float nearest to the exact sum of the minimums, for the message of that error."""
    unspent: Array
    """(pots,): the float nearest to the exact money left over."""


@dataclass(frozen=True, slots=True)
class ManyRounded:
    """The result of `rounded_many`; figures of a pot that is not certain mean nothing."""

    values: Array
    """(pots, rows)"""
    is_certain: BoolArray
    """(pots,): whether `values` is what `sharing.rounded` gives, bit for bit (0.0 for -0.0)."""


class _Pair(NamedTuple):
    """Figures as high + low within `error`; high is the float nearest to high + low."""

    high: Array
    low: Array
    error: Array


def on_all_rows(values: Array, rows: int) -> Array:
    """Return values with a column for each row, also where they are the same on all rows."""
    return values if values.shape[1] == rows else np.broadcast_to(values, (len(values), rows))


def exact_totals(values: Array) -> Array:
    """Return the total of each row as `math.fsum` gives it, bit for bit: (pots, rows) → (pots,).

    A row has the total NaN if it has NaN or infinity, or if it overflows `math.fsum`.
    """
    with np.errstate(all="ignore"):
        total = _sum_rows(values)
        return _nearest_totals(values, total, ~_is_nearest(*total))


def share_out_many(
    amount: Array,
    by: Array,
    *,
    base: Array | None = None,
    at_least: Array | None = None,
    at_most: Array | None = None,
) -> ManyShares:
    """Share out the amount of each pot by the rule of `sharing.share_out`.

    Comparisons of sums decide which case a pot is: the minimums exceed the amount, or are all of it; the maximums are
    no more than the amount; or a factor shares out what is between (`_share_between`). Sums of money are nearly always
    exact here (`_sum_rows`), so that an amount that is exactly the sum of the floors or ceilings is certain.

    Not certain are negative weights, crossed bounds, money with no weight to share it by, a row that the factor puts
    exactly on its floor or ceiling, and all that is so close that the error bounds could decide.

    Args:
        amount: (pots,) or (1,), the money to share out.
        by: (pots, rows) or (1, rows), as the others: weights in any unit.
        base: The money given before sharing; 0 if left out.
        at_least: Floors.
        at_most: Ceilings.
    """
    bounds = {"base": base, "at_least": at_least, "at_most": at_most}
    if (rows := _rows_in_use(by, *bounds.values())) is not None:
        bounds = {key: _only(column, rows) for key, column in bounds.items()}
        of_rows = share_out_many(amount, by.take(rows, axis=1), **bounds)
        high, low = (_among_zeros(figures, rows, by.shape[1]) for figures in (of_rows.high, of_rows.low))
        return replace(of_rows, high=high, low=low)
    with np.errstate(all="ignore"):
        pots = _make_pots(amount, by, base, at_least, at_most)
        least = _sum_rows(pots.least)
        missing = _difference(least, pots.amount)
        tolerance = _TOLERANCE * np.maximum(np.maximum(np.abs(least.high), np.abs(pots.amount)), 1)
        is_too_little = pots.is_valid & (missing.high - 2 * missing.error > 1.000001 * tolerance)
        is_least = _is_certainly_positive(missing) | _is_certainly_zero(missing)
        is_least &= missing.high + 2 * missing.error < 0.999999 * tolerance
        is_between = _is_certainly_negative(missing) & (pots.weights.max(axis=1, keepdims=True, initial=0) > 0)
        is_full = np.zeros_like(is_least)
        unspent = np.zeros_like(missing.high)
        if at_most is not None:
            above = _difference(_sum_rows(pots.most), pots.amount)
            is_between &= _is_certainly_positive(above)
            is_full = (_is_certainly_negative(above) | _is_certainly_zero(above)) & _is_nearest(*above)
            unspent = np.where(is_full, -above.high, 0.0)
        shares, is_certain = _share_where(pots, is_between & pots.is_valid)
        for is_case, figures in ((is_least, pots.least), (is_full, pots.most)):
            rows = np.flatnonzero(is_case)  # whole rows: a mask of single figures takes ten times as long
            if rows.size:
                shares.high[rows] = figures[rows if len(figures) > 1 else 0]
                shares.low[rows] = shares.error[rows] = 0.0
        is_certain = pots.is_valid & (is_certain | is_least | is_full)
        unsure = is_too_little & ~_is_nearest(*least)
    return ManyShares(
        high=shares.high + 0.0,
        low=shares.low,
        bound=shares.error,
        is_certain=is_certain[:, 0],
        is_too_little=is_too_little[:, 0],
        least=np.broadcast_to(_nearest_totals(pots.least, least, unsure), len(is_certain)),
        unspent=unspent[:, 0] + 0.0,
    )


def rounded_many(high: Array, low: Array | None, bound: Array | None, *, to: float = 1.0) -> ManyRounded:
    """Round each pot to whole multiples of `to` by largest remainder, by the rule of `sharing.rounded`.

    A figure is split into its whole number and its remainder, and the remainder is rounded to millionths. Two roundings
    of `rounded` can be uncertain, and then the pot is: a remainder near a half-millionth, and the total of a pot near
    x.4999995, where rounding it to a millionth and then to a whole number turns. Everything else is whole numbers:

    - The remainder as a float is within 3u (two additions of numbers up to 2, and its own bound), times a million and
      plus 0.5 within 6u million, which is 7e-10; 1e-9 and the bound of the figure are allowed.
    - The remainders of n rows add up to at most n, within n·(n + 8)·u and their bounds. Their total plus 0.5000005,
      rounded down, is how many rows get one more: 0.5 for rounding to a whole number, 0.0000005 to a millionth.
    - millionths · n + (n - 1 - row) is a whole number below 2^53 and differs between rows: so the rows that get one
      more are those from a threshold on, and of equal remainders the earlier row comes first.

    It makes no difference whether a figure a hair below a whole number has that number and the remainder 0, or the
    number below and a million millionths (see `sharing.Parts`; a pot has fewer than a million rows).

    Args:
        high: (pots, rows) or (1, rows), as the others: figures as `share_out_many` gives them, rows sorted by code.
        low: What the exact figures are above `high`; None if `high` is exact.
        bound: The error of `high + low`, (pots, 1); None if there is none.
        to: The unit of rounding, read in decimal.
    """
    count = high.shape[1]
    step = Fraction(str(to))
    if (rows := _rows_in_use(high, low)) is not None:
        of_rows = rounded_many(high.take(rows, axis=1), _only(low, rows), bound, to=to)
        return replace(of_rows, values=_among_zeros(of_rows.values, rows, count))
    with np.errstate(all="ignore"):
        figures = _in_units(high, low, bound, step)
        whole = np.floor(figures.high)
        remainder = (figures.high - whole) + figures.low
        below = np.floor(remainder)
        whole = whole + below
        remainder -= below
        millionths = remainder * 1e6
        millionths += 0.5
        key = np.floor(millionths)
        millionths -= key  # from here on: how far each is above a half-millionth
        margin = 1e-9 + 1.01e6 * figures.error
        is_certain = ((millionths > margin) & (millionths < 1 - margin)).all(axis=1, keepdims=True)
        total = remainder.sum(axis=1, keepdims=True) + 0.5000005
        more = np.floor(total)
        margin = count * ((count + 8) * _U + figures.error)
        is_certain &= (total - more > margin) & (total - more < 1 - margin)
        is_certain &= (_largest(figures.high) < _largest_units(count, step)) & (1.1e6 * count**2 < 2.0**53)
        key *= count
        key += np.arange(count - 1.0, -1.0, -1.0)
        is_certain &= (more >= 0) & (more <= count)
        place = np.where(is_certain, count - more, count).astype(np.intp)
        threshold = np.take_along_axis(np.sort(key, axis=1), np.minimum(place, count - 1), axis=1)
        whole = whole + (key >= np.where(place < count, threshold, np.inf))
        if step != 1:
            whole *= float(step.numerator)
            whole /= float(step.denominator)
    return ManyRounded(whole + 0.0, is_certain[:, 0])


def _rows_in_use(*columns: Array | None) -> NDArray[np.intp] | None:
    """Return the rows where a figure of any pot is not 0; None if they are nearly all, or none.

    A row of zeros has no share, and no part in a sum. In rounding, no more rows get one more than have a millionth or
    more: all others add up to less than half.
    """
    figures = [column for column in columns if column is not None]
    if np.count_nonzero(figures[0][:1]) > _MOST_IN_USE * figures[0].shape[1]:  # this is quick
        return None
    rows = np.flatnonzero(reduce(np.logical_or, ((column != 0).any(axis=0) for column in figures)))
    return rows if 0 < len(rows) <= _MOST_IN_USE * figures[0].shape[1] else None


def _only(column: Array | None, rows: NDArray[np.intp]) -> Array | None:
    """Return some rows of a column; one that is the same on all rows is as it was."""
    return column if column is None or column.shape[1] == 1 else column.take(rows, axis=1)


def _among_zeros(figures: Array, rows: NDArray[np.intp], count: int) -> Array:
    """Return figures of some rows among zeros."""
    on_all = np.zeros((len(figures), count))
    on_all[:, rows] = figures
    return on_all


@dataclass(frozen=True, slots=True)
class _Pots:
    """The arguments of `share_out_many`: columns of one row each, or one for all pots, and (pots, 1) for the rest."""

    amount: Array
    weights: Array
    base: Array | None
    """None if it is 0."""
    least: Array
    """What a row has without a share: its base between its bounds."""
    most: Array
    """What a row has at most: its ceiling, or infinity; without a weight its least."""
    is_bounded: bool
    """Whether there are floors or ceilings."""
    is_valid: BoolArray
    """Whether weights, bounds and sizes are as this module expects."""

    def only(self, pots: NDArray[np.intp]) -> _Pots:
        """Return some of the pots."""
        columns = {name: getattr(self, name) for name in ("amount", "weights", "base", "least", "most", "is_valid")}
        some = {name: column[pots] for name, column in columns.items() if column is not None and len(column) > 1}
        return replace(self, **some)


def _make_pots(
    amount: Array, weights: Array, base: Array | None, floors: Array | None, ceilings: Array | None
) -> _Pots:
    columns = [column for column in (weights, base, floors, ceilings) if column is not None]
    amount = amount.reshape(-1, 1)
    pots, rows = np.broadcast_shapes(amount.shape, *(column.shape for column in columns))
    weights, *money = (on_all_rows(column, rows) for column in columns)
    amount = np.broadcast_to(amount, (pots, 1))
    is_valid = (weights >= 0).all(axis=1, keepdims=True) & (np.abs(amount) < _LARGEST_FIGURE)
    for column in (weights, *money):
        is_valid = is_valid & (_largest(column) < _LARGEST_FIGURE)
    if floors is not None and ceilings is not None:
        is_valid = is_valid & (floors <= ceilings).all(axis=1, keepdims=True)
    start = None if base is None else on_all_rows(base, rows)
    least = np.zeros((1, rows)) if start is None else start
    least = least if floors is None else np.maximum(least, floors)
    if ceilings is not None and not (len(least) == 1 and (ceilings >= least).all()):
        least = np.minimum(least, ceilings)
    most = np.where(weights > 0, np.inf if ceilings is None else ceilings, least)
    is_bounded = floors is not None or ceilings is not None
    return _Pots(amount, weights, start, least, most, is_bounded, is_valid)


def _share_where(pots: _Pots, is_between: BoolArray) -> tuple[_Pair, BoolArray]:
    """Return what `_share_between` does for some pots, 0 for all others, and in which pots it is certain."""
    count, rows = len(is_between), np.flatnonzero(is_between)
    if len(rows) == count:
        return _share_between(pots)
    shape = count, pots.weights.shape[1]
    shares, is_certain = _Pair(np.zeros(shape), np.zeros(shape), np.zeros((count, 1))), np.zeros_like(is_between)
    if len(rows):
        of_rows, is_certain[rows] = _share_between(pots.only(rows))
        for figures, some in zip(shares, of_rows, strict=True):
            figures[rows] = some
    return shares, is_certain


def _share_between(pots: _Pots) -> tuple[_Pair, BoolArray]:
    """Return shares for amounts between the sums of the minimums and the maximums, and in which pots they are certain.

    The rows that move, strictly between their least and most, decide the factor: λ = N / W, where N is the amount less
    the money of the rows that do not move and the base of those that do, and W is the weight of those that do. Which
    rows move comes from a search in floats that need not be right, because it is checked: with this λ every row whose
    least is not its most must be where it was assumed, and farther from both than its error. As the money spent never
    falls with λ, these shares are then the only ones that add up to the amount.

    Errors, in units of u²: the quotient has 14 parts of λ (`_divide`), besides `error(N) / W` and `λ · error(W) / W`;
    the product with a weight has 3 parts of λ·weight (roundings of numbers below 1 and 2 times u·λ·weight), adding the
    base has 3 more and 1 part of |base|. Together these are below 32 of λ·weight and 4 of |base|, with λ as calculated.
    For one bound in each pot, the largest weight and the largest |base| are taken. N is above 1e-200, so that no
    subnormal number is in the quotient.
    """
    is_moving: BoolArray = pots.weights > 0
    taken, weights, is_above, is_below = pots.least, pots.weights, None, None
    if pots.is_bounded:
        settled = _approximate_shares(pots)
        is_above, is_below = settled > pots.least, settled < pots.most
        is_moving = is_above & is_below
        taken = settled * ~is_moving  # np.where takes longer
        if pots.base is not None:
            taken += pots.base * is_moving
        weights = weights * is_moving
    money = _difference(_sum_rows(taken), pots.amount)
    weight = _sum_rows(weights)
    factor = _divide(_Pair(-money.high, -money.low, money.error), weight)
    product, low = _two_product(factor.high, pots.weights)
    low += factor.low * pots.weights
    bound = 32 * _U**2 * np.abs(factor.high) + factor.error
    bound = bound * _largest(pots.weights) + _SUBNORMAL_ERROR
    if pots.base is not None:
        product, lost = _two_sum(pots.base, product)
        low += lost
        bound += 4 * _U**2 * _largest(pots.base)
    high, low = _two_sum(product, low)
    is_certain: BoolArray = (_is_nearest(high, low, bound) | ~is_moving) & (money.high < -_SMALLEST_MONEY)
    if is_above is not None and is_below is not None:
        above, below = high - pots.least, high - pots.most
        is_certain &= ((above > 0) == is_above) & ((below < 0) == is_below)
        distance = np.minimum(np.abs(above, out=above), np.abs(below, out=below))
        is_certain &= distance > 2 * (np.abs(low) + bound)
        is_certain |= pots.least == pots.most
        np.maximum(high, pots.least, out=high)
        np.minimum(high, pots.most, out=high)
        low *= is_moving
    are_all_certain: BoolArray = np.all(is_certain, axis=1, keepdims=True)
    return _Pair(high, low, bound), are_all_certain


def _approximate_shares(pots: _Pots) -> Array:
    """Return shares in floats, nearly those that add up to the amount: Newton's method between ever closer bounds."""
    clipped = np.empty(np.broadcast_shapes(pots.amount.shape, pots.weights.shape))
    amount = pots.amount
    noise = 1e-13 * np.abs(amount) + 1e-15 * pots.weights.shape[1] * _largest(pots.least)
    total_weight = pots.weights.sum(axis=1, keepdims=True)
    factor = (amount - (0 if pots.base is None else pots.base.sum(axis=1, keepdims=True))) / total_weight
    factor = np.where(factor > 0, factor, (amount - pots.least.sum(axis=1, keepdims=True)) / total_weight)
    lowest, highest = np.zeros_like(factor), np.full_like(factor, np.inf)
    for _ in range(_TURNS):
        np.multiply(factor, pots.weights, out=clipped)
        if pots.base is not None:
            clipped += pots.base
        np.maximum(clipped, pots.least, out=clipped)
        np.minimum(clipped, pots.most, out=clipped)
        gap = amount - clipped.sum(axis=1, keepdims=True)
        is_open = np.abs(gap) > noise
        if not is_open.any():
            break
        is_moving = (clipped > pots.least) & (clipped < pots.most)
        lowest, highest = np.where(gap > 0, factor, lowest), np.where(gap < 0, factor, highest)
        following = factor + gap / (pots.weights * is_moving).sum(axis=1, keepdims=True)
        middle = np.where(np.isinf(highest), 2 * factor, (lowest + highest) / 2)
        following = np.where((following > lowest) & (following < highest), following, middle)
        factor = np.where(is_open, following, factor)
    return clipped


def _largest_units(count: int, step: Fraction) -> float:
    """Return up to where wholes, their sum and their products with the step's numerator are exact; 0 if nowhere."""
    numerator, denominator = step.as_integer_ratio()
    if step <= 0 or max(numerator, denominator) > 2**53:
        return 0.0
    return 2.0**51 / max(count, 1) / (1 if denominator == 1 else numerator)


def _in_units(high: Array, low: Array | None, bound: Array | None, step: Fraction) -> _Pair:
    """Return figures in units of `step`.

    The product with the denominator and the quotient by the numerator have errors below 4 and 14 u² of the figure. A
    figure that can be rounded is below 2^51 units, and 18 u² of that are below 2^-50.
    """
    low = np.zeros_like(high) if low is None else low
    error = np.zeros((1, 1)) if bound is None else bound.max(axis=1, keepdims=True, initial=0)
    if step == 1:
        return _Pair(high, low, error)
    numerator, denominator = np.full((1, 1), float(step.numerator)), np.full((1, 1), float(step.denominator))
    zero = np.zeros((1, 1))
    if step.denominator != 1:
        product, rest_of_product = _two_product(high, denominator)
        high, low = _two_sum(product, rest_of_product + low * denominator)
    if step.numerator != 1:
        high, low, _ = _divide(_Pair(high, low, zero), _Pair(numerator, zero, zero))
    return _Pair(high, low, error * denominator / numerator + 2.0**-50)


def _sum_rows(values: Array) -> _Pair:
    """Return the sum of each row, (pots, 1).

    Adding a power of two s, at least rows + 2 times as large as the largest figure, and taking it off again rounds a
    figure to a multiple of u·s. These add up exactly in any order: their sums are multiples of u·s, and not above s,
    which is 2^53 of those (Rump, Ogita and Oishi 2008, "Accurate floating-point summation", part I). What they leave is
    at most u·s a figure, and is summed in the same way once more. What is left then is the error: nothing for figures
    whose last bits are within 2^-86 of the largest, for 211 rows.

    Whole numbers that are not negative, and whose sum is below 2^53, add up exactly as they are.
    """
    if _are_whole(values):
        total = values.sum(axis=1, keepdims=True)
        if (total < 2.0**53).all():
            return _Pair(total, np.zeros_like(total), np.zeros_like(total))
    spread = 2.0 ** (values.shape[1] + 1).bit_length()
    scale = np.ldexp(spread, np.frexp(_largest(values))[1])
    part = values + scale
    part -= scale
    left = values - part
    of_high_parts = part.sum(axis=1, keepdims=True)
    scale *= spread * _U
    np.add(left, scale, out=part)
    part -= scale
    left -= part
    high, low = _two_sum(of_high_parts, part.sum(axis=1, keepdims=True))
    return _Pair(high, low, 1.01 * np.abs(left, out=left).sum(axis=1, keepdims=True))


def _are_whole(values: Array) -> bool:
    """Return whether all figures are whole numbers from 0; the first row nearly always says that they are not."""
    return all((np.rint(some) == some).all() for some in (values[:1], values)) and bool((values >= 0).all())


def _nearest_totals(values: Array, total: _Pair, is_unsure: BoolArray) -> Array:
    """Return the floats nearest to the totals of rows, (pots,), by `math.fsum` where the pair does not say it."""
    totals = np.array(total.high[:, 0]) + 0.0
    for row in np.flatnonzero(is_unsure):
        figures = values[row % len(values)]
        try:
            totals[row % len(values)] = math.fsum(figures) + 0.0 if np.isfinite(figures).all() else math.nan
        except OverflowError:
            totals[row % len(values)] = math.nan
    return totals


def _difference(total: _Pair, figure: Array) -> _Pair:
    """Return total - figure; exact but for the error of the total and one rounding, whose error is calculated."""
    high, middle = _two_sum(total.high, -figure)
    middle, lost = _two_sum(middle, total.low)
    high, low = _two_sum(high, middle)
    return _Pair(high, low, 1.01 * (total.error + np.abs(lost)))


def _divide(money: _Pair, weight: _Pair) -> _Pair:
    """Return money / weight, and of its error what comes from those two; its own is below 14 u² of the quotient.

    With q = fl(money.high / weight.high), what is left of the money is at most 3u of it, and is calculated with five
    roundings, of numbers below 1, 1, 2, 3 and 0 times u of the money: 7 u² (the first difference is exact). Dividing
    it by weight.high rounds once more and leaves out weight.low: 2u of 3u.
    """
    quotient = money.high / weight.high
    product, rest_of_product = _two_product(quotient, weight.high)
    left = ((money.high - product) - rest_of_product) + (money.low - quotient * weight.low)
    high, low = _two_sum(quotient, left / weight.high)
    return _Pair(high, low, 2 * (money.error + np.abs(high) * weight.error) / weight.high)


def _two_sum(a: Array, b: Array) -> tuple[Array, Array]:
    """Return fl(a + b) and what it leaves out, exactly (Knuth)."""
    total = a + b
    of_b = total - a
    of_a = total - of_b
    np.subtract(b, of_b, out=of_b)
    np.subtract(a, of_a, out=of_a)
    of_a += of_b
    return total, of_a


def _two_product(a: Array, b: Array) -> tuple[Array, Array]:
    """Return fl(a · b) and what it leaves out, exactly (Dekker; NumPy has no fused multiplication)."""
    product = a * b
    a_top, a_end = _split(a)
    b_top, b_end = _split(b)
    left = a_top * b_top
    left -= product
    left += a_top * b_end
    left += a_end * b_top
    left += a_end * b_end
    return product, left


def _split(a: Array) -> tuple[Array, Array]:
    """Return two floats of at most 26 bits each that add up to a (Veltkamp)."""
    scaled = a * (2.0**27 + 1)
    top = scaled - (scaled - a)
    return top, a - top


def _is_nearest(high: Array, low: Array, bound: Array) -> BoolArray:
    """Return whether `high` is the float nearest to every figure from high + low - bound to high + low + bound.

    Rounding never turns an order around: if high ± (|low| + bound) both round to `high`, what is between does, ties to
    even included. The factor is for the rounding of |low| + bound itself, which is exact without a bound.
    """
    reach = np.abs(low) + bound
    reach *= np.where(bound > 0, 1 + 4 * _U, 1.0)
    is_nearest: BoolArray = (high + reach == high) & (high - reach == high)
    return is_nearest


def _is_certainly_positive(figure: _Pair) -> BoolArray:
    """Return whether the exact figure is above 0; its low part is at most u of the high one."""
    return figure.high > 2 * figure.error


def _is_certainly_negative(figure: _Pair) -> BoolArray:
    """Return whether the exact figure is below 0."""
    return -figure.high > 2 * figure.error


def _is_certainly_zero(figure: _Pair) -> BoolArray:
    """Return whether the exact figure is 0."""
    is_zero: BoolArray = (figure.high == 0) & (figure.error == 0)
    return is_zero


def _largest(values: Array) -> Array:
    """Return the largest size of a figure in each row, (pots, 1)."""
    top: Array = values.max(axis=1, keepdims=True, initial=0)
    bottom: Array = values.min(axis=1, keepdims=True, initial=0)
    largest: Array = np.maximum(top, -bottom)
    return largest
