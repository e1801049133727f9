"""The kernels give the fractions of the oracle, and those of cases calculated by hand."""

from __future__ import annotations

import math
import random
from collections import Counter
from fractions import Fraction
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import oracle
from gpit_fairshare.errors import SharingError
from gpit_fairshare.sharing import Shares, rounded, share_out

# Derandomised, so that the same cases run everywhere.
STEADY = settings(derandomize=True, deadline=None, database=None)

# Each row's money is a whole multiple of one of these: small multiples make ties, thirds and sevenths make inexact
# floats, and the last two make totals above £100bn.
POUNDS = [1.0, 0.01, 1000.0, 1 / 3, 137.13, 22_222_222.22, 1e9 / 7, 2e10]
WEIGHTS = [1, 1.0, 0.1, 1 / 3, 1e-6, 54_321.0, 1e7 / 3, Fraction(1, 7)]
TO = [1, 0.01, 1000, Fraction(1, 3), 0.05, "0.25"]


class Case(NamedTuple):
    """The arguments of share_out for one group."""

    amount: float
    by: list
    base: list | None
    at_least: list | None
    at_most: list | None

    def least(self):
        """Return the minimum to give, as precisely as floats allow."""
        return sum(clip(start, *limits) for start, *limits in self.starts())

    def most(self):
        """Return the maximum to give, or a little more than the minimum if there is none."""
        if self.at_most is None:
            return 2 * self.least() + 1000
        starts = zip(self.by, self.starts(), strict=True)
        return sum(row[2] if weight > 0 else clip(*row) for weight, row in starts)

    def starts(self):
        """Return the base, the floor and the ceiling of each row, None for a missing bound."""
        absent = [None] * len(self.by)
        base = self.base or [0] * len(self.by)
        return list(zip(base, self.at_least or absent, self.at_most or absent, strict=True))


def clip(x, low, high):
    """Return x between bounds, either of which may be None."""
    x = x if low is None else max(x, low)
    return x if high is None else min(x, high)


def row_of(two):
    """Read two bytes as a row: its weight, its base, its floor from there, its ceiling from there."""
    first, second = two
    weight = [0, 0, 1, 1, 1, 2, 3, 7][first % 8]  # ties and zeros are common
    return weight, first // 8 % 6, second % 7 - 3, [0, 1, 1, 2, 5, 9][second // 7 % 6]


COLUMNS = st.tuples(st.booleans(), st.booleans(), st.booleans())  # is there a base, a floor, a ceiling?
AMOUNT = st.one_of(
    # A place between the minimum and the maximum, both included, and a little outside, and the next floats below and
    # above.
    st.tuples(
        st.just("between"),
        st.sampled_from([-0.125, 0, 1 / 7, 0.25, 0.5, 2 / 3, 0.875, 1, 1.125]),
        st.sampled_from([0, 0, 0, -1, 1]),
    ),
    st.tuples(st.just("free"), st.sampled_from([0, 1, 20_000_000, 140_000_000, 100_000_000_000]), st.just(0)),
    st.tuples(st.just("free"), st.integers(0, 10**13).map(lambda pence: pence / 100), st.just(0)),
    st.tuples(st.just("free"), st.floats(0, 1e11), st.just(0)),
)
# Rarely an error, and as rarely only noise: the amount taken from a weight or a ceiling.
FAULT = st.one_of(
    st.none(),
    st.none(),
    st.none(),
    st.none(),
    st.tuples(st.sampled_from(["weight", "ceiling"]), st.integers(0, 7), st.sampled_from([1, 1e-12, 2e-12, 1e-15])),
)


@st.composite
def cases(draw, columns=COLUMNS, sizes=(1, 8)):
    """Draw a case; `columns` says which of base, floor and ceiling it has, `sizes` how many rows."""
    pound, unit = draw(st.sampled_from(POUNDS)), draw(st.sampled_from(WEIGHTS))
    # Drawn as bytes, because ten thousand lists of tuples would take Hypothesis minutes.
    drawn = draw(st.binary(min_size=2 * sizes[0], max_size=2 * sizes[1]))
    rows = [row_of(drawn[place : place + 2]) for place in range(0, len(drawn) - 1, 2)]
    has_base, has_floor, has_ceiling = draw(columns)
    case = Case(
        0.0,
        [weight * unit for weight, _, _, _ in rows],
        [base * pound for _, base, _, _ in rows] if has_base else None,
        [(base + floor) * pound for _, base, floor, _ in rows] if has_floor else None,
        [(base + floor + ceiling) * pound for _, base, floor, ceiling in rows] if has_ceiling else None,
    )
    how, where, nudge = draw(AMOUNT)
    amount = where if how == "free" else float(case.least() + (case.most() - case.least()) * where)
    case = case._replace(amount=math.nextafter(amount, nudge * math.inf) if nudge else amount)
    spoil(case, draw(FAULT))
    return case


def spoil(case, fault):
    """Make a weight negative or put a ceiling below its floor, by a lot or by very little."""
    if fault is None or not case.by:
        return
    kind, place, much = fault
    place %= len(case.by)
    if kind == "weight":
        case.by[place] = -much
    elif case.at_most is not None and case.at_least is not None:
        low = case.at_least[place]
        case.at_most[place] = low - much * max(1, abs(low))


def large(seed):
    """Return a realistic case of 500 organisations: patients, costs in pence, floors and ceilings of a few per cent."""
    chance = random.Random(seed)  # repeatable cases, not secrets
    people = [chance.randint(2_000, 900_000) * chance.choice([0, 1, 1, 1, 1]) for _ in range(500)]
    base = [round(count * chance.uniform(1, 5), 2) for count in people]
    floor = [figure * 1.01 for figure in base]
    ceiling = [figure * chance.choice([1.01, 1.05, 1.2]) for figure in base]
    case = Case(0.0, people, chance.choice([base, None]), floor, chance.choice([ceiling, None]))
    where = chance.choice([0, 0.1, 0.3, 0.5, 0.9, 1])
    return case._replace(amount=case.least() + (case.most() - case.least()) * where)


def expected(case):
    """Return the oracle's result for a case: shares and unspent, or the reason for an error."""
    try:
        return oracle.share_out(*case)
    except ValueError as error:
        return str(error)


def kernel_result(case):
    """Return the kernel's result for a case in the same form, after checking the rest of it."""
    amount, by, base, at_least, at_most = case
    try:
        shares = share_out([amount], by, base=base, at_least=at_least, at_most=at_most)
    except SharingError as error:
        return error.reason
    assert shares.values == [float(share) for share in shares.exact]
    if shares.factor[0] is not None:
        assert shares.exact == at_factor(case, shares.factor[0])
    assert shares.rate == [oracle.rate(*case)]
    return shares.exact, shares.unspent[0]


def at_factor(case, factor):
    """Return clip(base + factor · weight, floor, ceiling) of each row, as the definition says."""
    weights = [max(0, Fraction(weight)) for weight in case.by]
    exact = [[None if x is None else Fraction(x) for x in row] for row in case.starts()]
    # A ceiling below its floor is only noise here, and then the floor is used for both.
    return [
        clip(base + factor * weight, low, high if None in (low, high) else max(low, high))
        for weight, (base, low, high) in zip(weights, exact, strict=True)
    ]


def kinds(case, outcome):
    """Yield the kinds of a case, from the oracle's result."""
    amount, by, *_ = case
    yield "one organisation" if len(by) == 1 else "several organisations"
    yield from (name for name, holds in amounts(amount).items() if holds)
    if isinstance(outcome, str):
        yield outcome
        return
    shares, unspent = outcome
    if unspent:
        yield "unspent"
    excess = sum(shares) + unspent - Fraction(amount)
    if excess:
        yield "least above the amount by noise"
    if any(weight < 0 for weight in by):
        yield "weight negative by noise"
    if len({weight for weight in by if weight}) < len([weight for weight in by if weight]):
        yield "equal weights"
    yield from ("all weights 0",) if not any(by) else ("some weights 0",) if 0 in by else ()
    floors = binding(case, shares, case.at_least)
    ceilings = binding(case, shares, case.at_most)
    yield {(1, 0): "floors", (0, 1): "ceilings", (1, 1): "floors and ceilings"}.get((floors, ceilings), "inside")
    if None not in (case.at_least, case.at_most) and any(
        low > high for low, high in zip(case.at_least, case.at_most, strict=True)
    ):
        yield "bounds crossed by noise"


def amounts(amount):
    """Return the kinds of amount, and whether this is one."""
    return {
        "£0": amount == 0,
        "whole pounds": amount == int(amount),
        "pence": amount != int(amount),
        "£1bn and more": amount >= 1e9,
        "£100bn": amount >= 1e11,
        "under £1,000": 0 < amount < 1000,
    }


def binding(case, shares, limits):
    """Return whether a row with a weight is at its limit."""
    return any(
        weight > 0 and share == Fraction(limit)
        for weight, share, limit in zip(case.by, shares, limits or [], strict=limits is not None)
    )


EVERY_KIND = {
    "negative_weight", "crossed_bounds", "floors_exceed_amount", "nothing_to_share_by",
    "one organisation", "several organisations", "unspent",
    "equal weights", "some weights 0", "all weights 0",
    "floors", "ceilings", "floors and ceilings", "inside",
    "least above the amount by noise", "weight negative by noise", "bounds crossed by noise",
    "£0", "whole pounds", "pence", "£1bn and more", "£100bn", "under £1,000",
}  # fmt: skip


@pytest.mark.slow
def test_share_out_agrees_with_the_oracle():
    """Every share, unspent amount and error is the oracle's, in cases of every kind."""
    counts = Counter()

    @settings(STEADY, max_examples=5000)
    @given(cases())
    def agrees(case):
        outcome = expected(case)
        counts.update(kinds(case, outcome))
        assert kernel_result(case) == outcome

    agrees()
    assert counts.keys() == EVERY_KIND
    assert min(counts.values()) >= 15, counts


@settings(STEADY, max_examples=300)
@given(cases(), st.sampled_from(TO))
def test_a_few_hundred_shares_and_their_rounding_agree_with_the_oracle(case, to):
    """Shares, unspent amounts, errors and rounded shares are the oracle's, in 300 cases."""
    outcome = expected(case)
    assert kernel_result(case) == outcome
    if not isinstance(outcome, str):
        assert rounded(outcome[0], to=to).exact == oracle.rounded(outcome[0], Fraction(str(to)))


@pytest.mark.slow
@settings(STEADY, max_examples=12)
@given(st.integers(0, 10**9).map(large))
def test_500_organisations_agree_with_the_oracle(case):
    """The kernel agrees with the oracle for 500 organisations too, and in whole pounds."""
    outcome = expected(case)
    assert kernel_result(case) == outcome
    assert rounded(outcome[0]).exact == oracle.rounded(outcome[0])


@pytest.mark.slow
def test_groups_are_calculated_separately():
    """Several groups in one call, with their rows mixed, get the same as in separate calls.

    An error names the first group that has one.
    """
    counts = Counter()

    @settings(STEADY, max_examples=800)
    @given(COLUMNS.flatmap(lambda columns: st.lists(cases(st.just(columns), (0, 4)), min_size=2, max_size=4)))
    def agrees(several):
        outcomes = [expected(case) for case in several]
        faults = [(group, reason) for group, reason in enumerate(outcomes) if isinstance(reason, str)]
        counts["refused" if faults else "shared out"] += 1
        counts["without rows"] += any(not case.by for case in several)
        assert together(several) == (faults[0] if faults else outcomes)

    agrees()
    assert min(counts["refused"], counts["shared out"], counts["without rows"]) >= 100, counts


def together(several):
    """Share out several groups in one call and return their results, or the group and reason of an error.

    The rows are dealt like cards: the first of each group, the second of each, and so on.
    """
    dealt = sorted((place, group) for group, case in enumerate(several) for place in range(len(case.by)))
    columns = [
        None if several[0][field] is None else [several[group][field][place] for place, group in dealt]
        for field in range(1, 5)
    ]
    by, base, at_least, at_most = columns
    amount, groups = [case.amount for case in several], [group for _, group in dealt]
    try:
        shares = share_out(amount, by, base=base, at_least=at_least, at_most=at_most, groups=groups)
    except SharingError as error:
        return error.group, error.reason
    exact = [
        [share for share, own in zip(shares.exact, groups, strict=True) if own == group]
        for group in range(len(several))
    ]
    return list(zip(exact, shares.unspent, strict=True))


@pytest.mark.slow
@settings(STEADY, max_examples=700)
@given(cases(), st.randoms(use_true_random=False))
def test_the_order_of_rows_changes_nothing(case, chance):
    """In any order of the rows, an organisation gets exactly the same share."""
    order = list(range(len(case.by)))
    chance.shuffle(order)
    columns = [None if column is None else [column[row] for row in order] for column in case[1:]]
    shuffled, straight = kernel_result(Case(case.amount, *columns)), kernel_result(case)
    if isinstance(straight, tuple):
        straight = [straight[0][row] for row in order], straight[1]
    assert shuffled == straight


@pytest.mark.slow
@settings(STEADY, max_examples=500)
@given(st.binary(min_size=3, max_size=10), st.integers(0, 30))
def test_turning_points_next_to_each_other_keep_their_order(rows, over):
    """Floors of a third of weights near 2^60, in whole pounds, have turning points that floats cannot distinguish.

    Fractions distinguish them: a small amount above the floors goes to the same rows as in the oracle.
    """
    weights = [2**60 - 1 - byte // 2 for byte in rows]
    floors = [weight // 3 + byte % 2 for weight, byte in zip(weights, rows, strict=True)]
    case = Case(sum(floors) + over, weights, None, floors, None)
    assert kernel_result(case) == expected(case)


FIGURES = st.one_of(
    st.integers(-12, 12).map(lambda sixths: sixths / 6),  # ties, halves, and thirds that are not quite
    st.integers(-8, 8).map(lambda quarters: Fraction(quarters, 4)),
    st.integers(-(10**9), 10**9).map(lambda pence: pence / 100),
    st.integers(-40, 40).map(
        lambda halves: 7 + halves / 2 * 1e-6
    ),  # on either side of what rounding to millionths distinguishes
    st.floats(-1e6, 1e11),
    st.integers(0, 10**11),
)


@pytest.mark.slow
def test_rounded_agrees_with_the_oracle():
    """Every rounded figure is the oracle's: with and without groups, in pence or thousands, positive or negative."""
    counts = Counter()

    @settings(STEADY, max_examples=2000)
    @given(
        st.one_of(st.lists(FIGURES, max_size=6), st.lists(FIGURES, min_size=2, max_size=2).map(lambda x: x * 3)),
        st.sampled_from(TO),
        st.booleans(),
    )
    def agrees(figures, to, grouped):
        groups = [row % 3 for row in range(len(figures))] if grouped else None
        result = rounded(figures, to=to, groups=groups)
        assert result.values == [float(figure) for figure in result.exact]
        for own in [slice(None)] if groups is None else [slice(group, None, 3) for group in range(3)]:
            assert result.exact[own] == oracle.rounded(figures[own], Fraction(str(to)))
            counts.update(rounding_kinds(figures[own], Fraction(str(to))))

    agrees()
    assert counts.keys() == {
        "nothing",
        "one",
        "several",
        "negative",
        "equal remainders",
        "snapped",
        "left over",
    }
    assert min(counts.values()) >= 50, counts


def rounding_kinds(figures, to):
    """Yield the kinds of these figures when they are rounded to multiples of `to`."""
    units = [Fraction(figure) / to for figure in figures]
    remainders = [unit % 1 for unit in units]
    yield {0: "nothing", 1: "one"}.get(len(units), "several")
    for kind, holds in {
        "negative": any(unit < 0 for unit in units),
        "equal remainders": len({x for x in remainders if x}) < len([x for x in remainders if x]),
        "snapped": any(0 < x < Fraction(1, 2 * 10**6) or x > 1 - Fraction(1, 2 * 10**6) for x in remainders),
        "left over": sum(remainders) >= Fraction(1, 2),
    }.items():
        if holds:
            yield kind


@pytest.mark.slow
def test_shares_are_rounded_as_the_oracle_rounds_them():
    """Shares rounded to pence, pounds or thousands are the oracle's, and add up to the rounded total."""
    counts = Counter()

    @settings(STEADY, max_examples=1500)
    @given(cases(), st.sampled_from(TO))
    def agrees(case, to):
        outcome = expected(case)
        if isinstance(outcome, str):
            return
        shares, step = outcome[0], Fraction(str(to))
        result = rounded(shares, to=to)
        assert result.exact == oracle.rounded(shares, step)
        assert sum(result.exact) == step * math.floor(
            Fraction(math.floor(sum(shares) / step * 10**6 + Fraction(1, 2)), 10**6) + Fraction(1, 2)
        )
        counts["shared out"] += 1

    agrees()
    assert counts["shared out"] >= 700


# Calculated by hand. People of A, B, C, D: 100,000, 200,000, 300,000 and 400,000, of 1,000,000.
PEOPLE = {"A": 100_000, "B": 200_000, "C": 300_000, "D": 400_000}
SPEND = {"A": 500_000, "B": 500_000, "C": 450_000, "D": 820_000}


def support(need, fund):
    """Return what a fund gives by need, in whole pounds, and the unspent part of it."""
    shares = share_out([fund], need, at_most=need)
    return rounded(shares.exact).values, shares.unspent[0]


def figures(year, step):
    """Return one step of the oracle's year, organisations in the order of their codes."""
    return [year[code][step] for code in sorted(year)]


def refusal(*args, **columns):
    """Return the error that share_out raises for these arguments."""
    with pytest.raises(SharingError) as caught:
        share_out(*args, **columns)
    return caught.value


def test_fair_shares_go_by_patients():
    """£2,000,000 over 1,000,000 patients is £2 each: £200,000, £400,000, £600,000 and £800,000."""
    shares = share_out([2_000_000], list(PEOPLE.values()))
    assert shares == Shares(
        exact=[Fraction(x) for x in (200_000, 400_000, 600_000, 800_000)],
        values=[200_000.0, 400_000.0, 600_000.0, 800_000.0],
        unspent=[Fraction(0)],
        factor=[Fraction(2)],
        rate=[Fraction(2)],
    )


THIRD = Fraction(1, 3)


@pytest.mark.parametrize(
    ("amount", "columns", "rate"),
    [
        (100, {"by": [1, 2]}, 100 * THIRD),
        (0, {"by": [1, 2]}, 0),
        (0, {"by": [0, 0]}, None),
        # £100 less the bases of £10 each, by 1 and 2.
        (100, {"by": [1, 2], "base": [10, 10]}, 80 * THIRD),
        (20, {"by": [1, 2], "base": [10, 10]}, 0),
        # A is held up at £50; B gets the other £50 for its 2.
        (100, {"by": [1, 2], "at_least": [50, 0]}, 25),
        # Both at their floors, at every rate up to £20, where B leaves its floor.
        (90, {"by": [1, 2], "at_least": [50, 40]}, 0),
        # A reaches its £10 at £10, B leaves its £40 at £20: every rate between shares out £50.
        (50, {"by": [1, 2], "at_least": [0, 40], "at_most": [10, 90]}, 10),
        (49, {"by": [1, 2], "at_least": [0, 40], "at_most": [10, 90]}, 9),
        (51, {"by": [1, 2], "at_least": [0, 40], "at_most": [10, 90]}, Fraction(41, 2)),
        # A third of the £300 that are needed.
        (100, {"by": [100, 200], "at_most": [100, 200]}, THIRD),
        (300, {"by": [100, 200], "at_most": [100, 200]}, None),
        (301, {"by": [100, 200], "at_most": [100, 200]}, None),
        # A has no weight: £30 for B's 2, whose most is £40, and £70 for its most.
        (30, {"by": [0, 2], "at_most": [5, 40]}, 15),
        (40, {"by": [0, 2], "at_most": [5, 40]}, None),
        # Noise of a float above the floors, and below everybody's most, decides nothing.
        (90 + 1e-12, {"by": [1, 2], "at_least": [50, 40]}, 0),
        (50 + 1e-12, {"by": [1, 2], "at_least": [0, 40], "at_most": [10, 90]}, 10),
        (300 - 1e-12, {"by": [100, 200], "at_most": [100, 200]}, None),
    ],
)
def test_the_rate_is_the_lowest_and_none_where_everybody_has_the_most(amount, columns, rate):
    """The rate of two rows, worked by hand."""
    assert share_out([amount], **columns).rate == [rate]
    assert oracle.rate(amount, *(columns.get(name) for name in ("by", "base", "at_least", "at_most"))) == rate


def test_a_hundred_pounds_shared_by_three_has_a_penny_left_over():
    """£100 by three is £33.33 each with a penny left over; the remainders are equal, so the first gets it."""
    shares = share_out([100], [1, 1, 1])
    assert shares.exact == [Fraction(100, 3)] * 3
    assert rounded(shares.exact, to=0.01).values == [33.34, 33.33, 33.33]
    assert rounded(shares.values, to=0.01).exact == [
        Fraction(3334, 100),
        Fraction(3333, 100),
        Fraction(3333, 100),
    ]


def test_a_row_without_weight_gets_its_base():
    """Of £90, three bases of £10 take £30; £60 over weights 0, 1, 2 is £20 a unit: 10, 10 + 20, 10 + 40."""
    shares = share_out([90], [0, 1, 2], base=[10, 10, 10])
    assert shares.exact == [10, 30, 50]
    assert shares.factor == [20]


def test_a_fund_too_small_for_the_need_is_rationed_pro_rata():
    """Needs of £300,000 and £100,000, a fund of £100,000: a quarter of each, £75,000 and £25,000.

    A fund of £300,000 meets three quarters: £225,000 and £75,000.
    """
    need = [300_000, 100_000, 0, 0]
    assert support(need, 100_000) == ([75_000, 25_000, 0, 0], 0)
    assert support(need, 300_000) == ([225_000, 75_000, 0, 0], 0)


def test_a_fund_larger_than_the_need_is_unspent():
    """Needs of £400,000 leave £19,600,000 of £20,000,000 unspent; without any need all of it is."""
    assert support([300_000, 100_000, 0, 0], 20_000_000) == ([300_000, 100_000, 0, 0], 19_600_000)
    assert support([0, 0, 0, 0], 20_000_000) == ([0, 0, 0, 0], 20_000_000)
    assert support([300_000, 100_000, 0, 0], 400_000) == ([300_000, 100_000, 0, 0], 0)


def test_the_mechanism_of_2014_by_the_average():
    """The oracle and the kernels have the first year that was calculated by hand.

    Average cost £2,270,000 / 1,000,000 = £2.27. A at £5.00 and B at £2.50 are above it, C at £1.50 and D at
    £2.05 are not. Fair shares £200,000 and £400,000, needs £300,000 and £100,000, a fund of £100,000.
    """
    year = oracle.gpit_2014_16(PEOPLE, SPEND, 2_000_000, 100_000, 1)
    assert figures(year, "average_cost_per_head") == [Fraction("2.27")] * 4
    assert figures(year, "above_average") == [1, 1, 0, 0]
    assert figures(year, "transition_need") == [300_000, 100_000, 0, 0]
    assert figures(year, "allocation") == [275_000, 425_000, 600_000, 800_000]
    assert support(figures(year, "transition_need"), 100_000) == ([75_000, 25_000, 0, 0], 0)
    assert figures(year, "unspent_fund") == [0] * 4


def test_the_mechanism_of_2014_by_cost_above_funding():
    """D, £20,000 above its fair share of £800,000, has a need as well: £420,000 in all, a fund of £100,000.

    £71,428.57, £23,809.52 and £4,761.90 are £99,998 in whole pounds; the £2 left over go to D (.90) and A (.57).
    """
    year = oracle.gpit_2014_16(PEOPLE, SPEND, 2_000_000, 100_000, 1, test="cost-above-funding")
    assert figures(year, "transition_need") == [300_000, 100_000, 0, 20_000]
    assert figures(year, "transition_support") == [71_429, 23_809, 0, 4_762]
    assert support(figures(year, "transition_need"), 100_000) == ([71_429, 23_809, 0, 4_762], 0)


def test_half_the_need_and_no_transition():
    """Half of £300,000 and £100,000 leaves £100,000 of a £300,000 fund; without a transition all of it is left."""
    half = oracle.gpit_2014_16(PEOPLE, SPEND, 2_000_000, 300_000, Fraction(1, 2))
    assert figures(half, "transition_support") == [150_000, 50_000, 0, 0]
    assert figures(half, "unspent_fund") == [100_000] * 4
    none = oracle.gpit_2014_16(PEOPLE, SPEND, 2_000_000, 300_000, 1, test="none")
    assert figures(none, "allocation") == figures(none, "fair_share") == [200_000, 400_000, 600_000, 800_000]
    assert figures(none, "unspent_fund") == [300_000] * 4


def test_all_above_their_floors_pay_for_a_floor():
    """£100 by 1, 1, 2 would be 25, 25, 50. A floor of £40 leaves £60 for weights of 3: 40, 20, 40."""
    shares = share_out([100], [1, 1, 2], at_least=[40, 0, 0])
    assert shares.exact == [40, 20, 40]
    assert shares.factor == [20]


def test_a_floor_and_a_ceiling_together_need_one_factor():
    """£90 by 1, 1, 2, A at least £30 and C at most £44: 30 + λ + 2λ = 90 gives λ = 20, so 30, 20, 40.

    With clamping at the first factor, £22.50, C would stay at its £44 and B would get only £16: less per unit than C,
    although neither is at a bound.
    """
    shares = share_out([90], [1, 1, 2], at_least=[30, 0, 0], at_most=[90, 90, 44])
    assert shares.exact == [30, 20, 40]
    assert shares.factor == [20]


def test_of_several_factors_the_smallest_is_named():
    """A's ceiling of £10 and B's floor of £50 make £60 at any factor from 10 to 50: the result names 10."""
    shares = share_out([60], [1, 1], at_least=[0, 50], at_most=[10, 100])
    assert shares.exact == [10, 50]
    assert shares.factor == [10]


def test_no_factor_is_named_if_every_row_gets_its_maximum():
    """A fund of £4 or £5 pays needs of £3 and £1 in full, without a factor. With £3 the factor is 3/4."""
    funds = {3: Fraction(3, 4), 4: None, 5: None}
    for fund, factor in funds.items():
        assert share_out([fund], [3, 1], at_most=[3, 1]).factor == [factor]


def test_each_group_has_its_factor():
    """£10 by 1 and 1, £40 by 1 and 3, no row for £7: factors 5 and 10, and £7 unspent."""
    shares = share_out([10, 40, 7], [1, 1, 1, 3], groups=[0, 1, 0, 1])
    assert shares.exact == [5, 10, 5, 30]
    assert shares.factor == [5, 10, None]
    assert shares.unspent == [0, 0, 7]


def test_exact_shares_add_up_where_floats_do_not():
    """£0.30 by seven: seven floats miss the amount by a little; the fractions add up to it exactly."""
    shares = share_out([0.3], [0.1] * 7)
    assert sum(shares.exact) == Fraction(0.3)
    assert sum(Fraction(share) for share in shares.values) != Fraction(0.3)


def test_errors_name_reason_group_and_row():
    """Each error names its reason, its group and its row; for floors also their cost and the amount."""
    error = refusal([5, 5], [1, 2, -1], groups=[0, 1, 1])
    assert (error.reason, error.group, error.row) == ("negative_weight", 1, 2)
    error = refusal([5], [1, 2, 3], at_least=[0, 3, 0], at_most=[1, 2, 3])
    assert (error.reason, error.group, error.row) == ("crossed_bounds", 0, 1)
    error = refusal([5, 90], [1, 2, 3], at_least=[0, 40.5, 50], groups=[0, 1, 1])
    assert (error.reason, error.group, error.row) == ("floors_exceed_amount", 1, None)
    assert (error.least, error.amount) == (Fraction("90.5"), 90)
    error = refusal([9, 5], [1, 0, 0], groups=[0, 1, 1])
    assert (error.reason, error.group, error.amount) == ("nothing_to_share_by", 1, 5)


def test_a_base_above_the_amount_is_a_floor_too():
    """λ is never negative: bases of £60 and £50 cannot be reduced to £100."""
    error = refusal([100], [1, 1], base=[60, 50])
    assert (error.reason, error.least) == ("floors_exceed_amount", 110)


@pytest.mark.parametrize(("noise", "refused"), [(Fraction(1, 10**12), False), (Fraction(11, 10**13), True)])
def test_the_tolerance_is_a_millionth_of_a_millionth(noise, refused):
    """A difference of 1e-12 (of £1m: £0.000001) is noise; one of 1.1e-12 is an error."""
    million = 1_000_000
    for case in (
        Case(10, [1, -noise], None, None, None),
        Case(million, [1, 1], None, [million, noise * million], None),
        Case(10, [1, 1], None, [0, 1], [9, 1 - noise]),
        Case(million + noise * million, [0, 0], [million, 0], None, None),
    ):
        assert isinstance(kernel_result(case), str) == refused
        assert kernel_result(case) == expected(case)


def test_noise_within_the_tolerance_is_accepted():
    """Within the tolerance no row loses a floor, a weight of 0 gets 0, and no unspent amount is negative.

    0.1 + 0.2 exceeds the float 0.3 by 2.8e-17: both floors are paid and nothing is unspent. A weight of -1e-13 counts
    as 0. A floor of £1 with a ceiling 1e-13 below it gives £1. With weights of 0, 1e-13 is unspent; or it is missing,
    and the base, which is both maximum and minimum, is still given.
    """
    shares = share_out([0.3], [1, 1], at_least=[0.1, 0.2])
    assert (shares.values, shares.unspent, shares.factor) == ([0.1, 0.2], [0], [0])
    assert share_out([10], [1, -1e-13]).exact == [10, 0]
    assert share_out([10], [1, 1], at_least=[0, 1], at_most=[100, 1 - 1e-13]).exact == [9, 1]
    shares = share_out([1e-13], [0, 0])
    assert (shares.exact, shares.unspent, shares.factor) == ([0, 0], [Fraction(1e-13)], [None])
    shares = share_out([1], [0, 0], base=[1, 1e-13])
    assert (shares.values, shares.unspent, shares.factor) == ([1, 1e-13], [0], [None])


def test_halves_go_up_and_then_to_the_largest_remainder():
    """0.5 and 0.5 make 1, which the first gets. -0.5 and -0.5 make -1: from -1 and -1 the first goes up to 0.

    2.5 alone becomes 3, and -2.5 alone -2: a half goes up, not away from 0.
    """
    assert rounded([0.5, 0.5]).exact == [1, 0]
    assert rounded([-0.5, -0.5]).exact == [0, -1]
    assert rounded([2.5]).exact == [3]
    assert rounded([-2.5]).exact == [-2]


def test_remainders_are_compared_in_millionths():
    """.3333332 and .3333334 are both .333333, so the first goes up; .3333336 is .333334 and comes first.

    0.9999996 is 1 and 0.0000004 is 0: neither gets the pound that is left over of the total, 3.5 rounded to 4.
    """
    assert rounded([0.3333332, 0.3333334, 0.3333334]).exact == [1, 0, 0]
    assert rounded([0.3333332, 0.3333334, 0.3333336]).exact == [0, 0, 1]
    assert rounded([0.9999996, 0.0000004, 2, 0.5]).exact == [1, 0, 2, 1]


def test_the_unit_of_rounding_is_read_in_decimal():
    """0.01 is a hundredth, not the nearest float: £0.29 and £1.15 are whole pence.

    £1,499 in thousands is £1,000.
    """
    assert rounded([0.29, 1.15], to=0.01).exact == [Fraction(29, 100), Fraction(115, 100)]
    assert rounded([0.29, 1.15], to="0.01") == rounded([0.29, 1.15], to=Fraction(1, 100))
    assert rounded([1_499], to=1000).values == [1000.0]


def test_each_group_adds_up_to_its_own_rounded_total():
    """0.4 twice is 0.8, so £1 for the first of the two; 0.4 alone is 0. As one group, 1.2, they get £1."""
    assert rounded([0.4, 0.4, 0.4], groups=[7, 3, 7]).exact == [1, 0, 0]
    assert rounded([0.4, 0.4, 0.4], groups=[3, 7, 7]).exact == [0, 1, 0]
    assert rounded([0.4, 0.4, 0.4]).exact == [1, 0, 0]
    assert rounded([]).exact == []


def test_wrong_arguments_raise_at_once():
    """Columns of different lengths, rows without an amount and units of 0 are programming errors."""
    for wrong in (
        lambda: share_out([1], [1, 1], base=[1]),
        lambda: share_out([1, 2], [1, 1]),
        lambda: share_out([1], [1, 1], groups=[0, 1]),
        lambda: share_out([1], [1, 1], groups=[0, -1]),
        lambda: rounded([1], to=0),
        lambda: rounded([1], to=-0.01),
        lambda: rounded([1, 2], groups=[0]),
    ):
        with pytest.raises(ValueError, match=r"must|need|amounts"):
            wrong()
