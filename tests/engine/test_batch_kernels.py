"""The kernels for many pots give every bit of the exact kernels, or say that they are not certain."""

from __future__ import annotations

import math
import random
from collections import Counter
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gpit_fairshare import sharing
from gpit_fairshare.engine.batches import kernels
from gpit_fairshare.engine.batches.kernels import exact_totals, rounded_many, share_out_many
from gpit_fairshare.errors import SharingError

STEADY = settings(derandomize=True, deadline=None, database=None)

COLUMNS = ("by", "base", "at_least", "at_most")


def bits(values):
    """Return floats as bytes; 0.0 for -0.0, as the engine stores it."""
    return (np.asarray(values, dtype=float) + 0.0).tobytes()


def outcomes(amount, **columns):
    """Hold every pot to the exact kernel, and return how many pots are certain, too little and unsure."""
    columns = {name: np.array(column, dtype=float) for name, column in columns.items() if column is not None}
    amount = np.array(amount, dtype=float)
    shares = share_out_many(amount, **columns)
    count = Counter()
    for pot in range(len(shares.is_certain)):
        of_pot = {name: column[pot % len(column)].tolist() for name, column in columns.items()}
        count[held(shares, pot, amount[pot % len(amount)], of_pot)] += 1
    return count


def held(shares, pot, amount, columns):
    """Hold one pot to the exact kernel, and return what the many shares say about it."""
    pair = (bool(shares.is_certain[pot]), bool(shares.is_too_little[pot]))
    if pair == (False, False):
        return "unsure"
    exact, reason = exact_shares(amount, columns)
    if reason is not None:
        assert (reason, pair) == ("floors_exceed_amount", (False, True)), (amount, columns)
        assert bits(shares.least[pot]) == bits(float(exact)), (amount, columns)
        return "too little"
    assert pair == (True, False), (amount, columns)
    assert bits(shares.high[pot]) == bits(exact.values), (amount, columns)
    assert bits(shares.unspent[pot]) == bits(float(exact.unspent[0])), (amount, columns)
    bound = Fraction(float(shares.bound[pot, 0]))
    for share, high, low in zip(exact.exact, shares.high[pot].tolist(), shares.low[pot].tolist(), strict=True):
        assert abs(share - Fraction(high) - Fraction(low)) <= bound, (amount, columns)
    return "certain"


def exact_shares(amount, columns):
    """Return the exact shares and None, or the sum of the floors and the reason of an error."""
    try:
        return sharing.share_out([float(amount)], **columns), None
    except SharingError as error:
        return error.least, error.reason


def rounding_outcomes(high, low=None, bound=None, *, to=1.0, exact=None):
    """Hold every pot to the exact rounding of its exact figures, and return how many pots are certain and unsure."""
    rounding = rounded_many(high, low, bound, to=to)
    count = Counter()
    for pot in range(len(rounding.is_certain)):
        figures = high[pot % len(high)].tolist() if exact is None else exact[pot]
        if rounding.is_certain[pot]:
            assert bits(rounding.values[pot]) == bits(sharing.rounded(figures, to=to).values), (figures, to)
        count["certain" if rounding.is_certain[pot] else "unsure"] += 1
    return count


def england(seed, pots=60, rows=211):
    """Return made-up commissioners: patients, need and cost in pence of one year, and what a trial varies."""
    chance = np.random.default_rng(seed)
    patients = chance.integers(60_000, 900_000, rows).astype(float)
    cost = np.round(patients * chance.uniform(1, 5, rows), 2)
    need = patients * chance.uniform(0.9, 1.1, rows)
    amount = np.round(cost.sum() * chance.uniform(0.97, 1.08, pots), 0)
    floors = cost * np.round(chance.uniform(0.93, 1.0, (pots, 1)), 3)
    ceilings = cost[None, :] * 1.06
    return amount, need[None, :], cost[None, :], floors, ceilings


def random_pots(chance, pots=40):
    """Return arguments with ties, zeros, negative bases, crossed bounds, small and large money, and broadcast rows."""
    rows = chance.choice([1, 2, 3, 5, 9])
    pound = chance.choice([1.0, 0.01, 1000.0, 1 / 3, 137.13, 1e9 / 7, 2.0**40, 2.0**-30, 1e-9, 1e15])
    unit = chance.choice([1.0, 0.1, 1 / 3, 1e-6, 54_321.0, 2.0**20])

    def column(choices, scale):
        return np.array(
            [[chance.choice(choices) * scale for _ in range(rows)] for _ in range(chance.choice([1, pots, pots]))]
        )

    base = column([0, 0, 1, 2, 3, 5, -1, -4, 0.1], pound)
    rise = column([0, 1, 1, 2, 7, -2, 0.3], pound)
    room = column([0, 0, 1, 1, 3, 10, 10, 1 / 7] + [-1] * chance.choice([0, 0, 1]), pound)
    columns = {
        "by": column([0, 0, 1, 1, 1, 2, 3, 7, 0.7] + [-1] * chance.choice([0, 0, 0, 1]), unit),
        "base": base if chance.random() < 0.7 else None,
        "at_least": base + rise if chance.random() < 0.6 else None,
        "at_most": base + rise + room if chance.random() < 0.6 else None,
    }
    sums = [column.sum(axis=1) for column in (base, base + rise, base + rise + room)]
    amount = [
        chance.choice(
            [
                chance.choice(sums)[0],
                float(sum(Fraction(float(figure)) for figure in chance.choice([base, base + rise])[0])),
                chance.randint(-5, 60) * pound,
                chance.uniform(-5, 60) * pound,
                math.nextafter(chance.randint(0, 30) * pound, chance.choice([-math.inf, math.inf])),
            ]
        )
        for _ in range(pots)
    ]
    return np.array(amount), columns


# --- share_out_many ----------------------------------------------------------------------------------------------


def fuzz(seed, turns):
    """Hold random pots to the exact kernel, and return how many are certain, too little and unsure."""
    chance = random.Random(seed)
    count = Counter()
    for _ in range(turns):
        amount, columns = random_pots(chance)
        count += outcomes(amount, **columns)
    return count


def test_random_pots_have_every_bit_of_the_exact_kernel():
    """Pots full of ties, zeros, negative bases and crossed bounds are exact where they are certain, and many are."""
    count = fuzz(1, 40)
    assert min(count.values()) > 100
    assert count["certain"] > count["unsure"]


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2, 5))
def test_more_random_pots_have_every_bit_of_the_exact_kernel(seed):
    """The same for many more random pots."""
    assert fuzz(seed, 600)["certain"] > 10_000


WEIGHTS = [0, 1, 1, 1, 2, 3, 7]
ROOMS = [0, 1, 1, 2, 4, 9]


def test_small_pots_have_every_bit_of_the_exact_kernel():
    """Whole numbers of a few rows, which meet their bounds all the time, scaled by a pound that floats do not have."""
    count = Counter()

    @STEADY
    @given(
        st.binary(min_size=2, max_size=12),
        st.sampled_from([1.0, 0.01, 1 / 3, 2.0**33]),
        st.integers(-2, 3),
        st.tuples(st.booleans(), st.booleans(), st.booleans()),
    )
    def agrees(drawn, pound, least, has):
        pairs = [(drawn[place], drawn[place + 1]) for place in range(0, len(drawn) - 1, 2)]
        by = np.array([[WEIGHTS[first % 7] for first, _ in pairs]], dtype=float)
        base = np.array([[first // 7 % 8 - 2 for first, _ in pairs]], dtype=float) * pound
        floors = base + np.array([[second % 6 - 1 for _, second in pairs]]) * pound
        ceilings = floors + np.array([[ROOMS[second // 6 % 6] for _, second in pairs]]) * pound
        money = zip(COLUMNS[1:], (base, floors, ceilings), has, strict=True)
        columns = {name: column for name, column, is_given in money if is_given}
        count.update(outcomes(np.arange(least, 30, 6) * pound, by=by, **columns))

    agrees()
    assert min(count[kind] for kind in ("certain", "too little", "unsure")) > 20


@pytest.mark.parametrize("columns", [{}, {"base"}, {"at_least"}, {"at_least", "at_most"}, {"base", "at_most"}])
def test_pots_like_england_are_nearly_always_certain(columns):
    """Of 120 budgets for 211 commissioners nearly all are certain; otherwise the fast path would be of no use."""
    amount, need, cost, floors, ceilings = england(7, pots=120)
    varying = {"base": cost * 0.9, "at_least": floors, "at_most": ceilings}
    shares = share_out_many(amount, need, **{name: varying[name] for name in columns})
    assert np.mean(shares.is_certain | shares.is_too_little) >= 0.99
    assert shares.is_certain.sum() > 60
    rounding = rounded_many(shares.high, shares.low, shares.bound)
    assert rounding.is_certain[shares.is_certain].mean() >= 0.99


def test_pots_like_england_have_every_bit_of_the_exact_kernels():
    """Floors and ceilings that bind at different budgets; the shares and their whole pounds are those of fractions."""
    amount, need, cost, floors, ceilings = england(11, pots=12)
    assert outcomes(amount, by=need, at_least=floors, at_most=ceilings)["certain"] > 5
    shares = share_out_many(amount, need, base=cost * 0.9, at_least=floors, at_most=ceilings)
    for pot in np.flatnonzero(shares.is_certain).tolist():
        exact = sharing.share_out(
            [amount[pot].item()],
            need[0].tolist(),
            base=(cost[0] * 0.9).tolist(),
            at_least=floors[pot].tolist(),
            at_most=ceilings[0].tolist(),
        ).exact
        figures = (shares.high[[pot]], shares.low[[pot]], shares.bound[[pot]])
        assert rounding_outcomes(*figures, exact=[exact]) == {"certain": 1}
        assert rounding_outcomes(*figures, exact=[exact], to=0.01) == {"certain": 1}
        assert rounding_outcomes(*figures, exact=[exact], to=1000) == {"certain": 1}


def test_plain_floats_would_be_wrong_in_some_bit():
    """The comparison can fail: shares by plain floats differ from the exact ones in some bit of nearly every pot."""
    amount, need, *_ = england(5)
    shares = share_out_many(amount, need)
    assert shares.is_certain.all()
    plain = amount[:, None] / need.sum() * need
    assert (plain != shares.high).any(axis=1).mean() > 0.9
    assert (shares.low != 0).mean() > 0.9


def test_shares_in_the_middle_between_two_floats_are_not_guessed():
    """By 33 : 3, 12m gives 11m to the first, an odd number above 2^53; the factor m/3 is not known to the last bit."""
    amounts = [12.0 * (2**50 + odd) for odd in range(1, 400, 2)]
    assert outcomes(amounts, by=[[33, 3]]) == {"unsure": len(amounts)}


def test_a_search_that_went_wrong_is_noticed(monkeypatch):
    """With the rows that move at other amounts, pots are certain only where the same rows move, and right."""
    amount, need, _, floors, ceilings = england(13, pots=30)
    columns = {"by": need, "at_least": floors[:1], "at_most": ceilings}
    right = outcomes(amount, **columns)
    settle = kernels._approximate_shares
    monkeypatch.setattr(kernels, "_approximate_shares", lambda *pots: np.roll(settle(*pots), 1, axis=0))
    assert right["certain"] > 15
    assert outcomes(amount, **columns)["certain"] < right["certain"] / 2
    monkeypatch.setattr(
        kernels, "_approximate_shares", lambda pots: np.broadcast_to(pots.least, (len(pots.amount), 211))
    )
    assert outcomes(amount, **columns)["certain"] == (amount >= ceilings.sum()).sum()


def test_what_does_not_vary_may_be_given_once():
    """Columns of one row give what the same columns repeated for every pot give, to the last bit."""
    amount, need, cost, floors, ceilings = england(3, pots=20)
    ones = np.ones((20, 1))
    for columns in ({"at_least": floors[:1], "at_most": ceilings}, {"base": cost * 0.9, "at_least": floors[:1]}, {}):
        once = share_out_many(amount, need, **columns)
        often = share_out_many(amount, need * ones, **{name: column * ones for name, column in columns.items()})
        for field in ("high", "low", "is_certain", "is_too_little", "unspent"):
            assert getattr(once, field).tobytes() == getattr(often, field).tobytes()
        assert once.high.shape == (20, 211)
        assert once.is_certain.shape == once.least.shape == once.unspent.shape == (20,)
    of_one = share_out_many(amount[:1], need, at_least=floors)
    assert of_one.high.shape == (20, 211)
    assert outcomes(amount[:1], by=need, at_least=floors)["unsure"] == 0


def test_rows_of_nothing_at_the_end_change_nothing():
    """A pot filled up with rows of weight 0, base 0 and bounds 0 has the same shares and whole pounds, and 0 there."""
    chance = random.Random(4)
    count = 0
    for _ in range(40):
        amount, columns = random_pots(chance)
        columns = {name: column for name, column in columns.items() if column is not None}
        filled = {name: np.pad(column, ((0, 0), (0, 3))) for name, column in columns.items()}
        short, long = share_out_many(amount, **columns), share_out_many(amount, **filled)
        both = short.is_certain & long.is_certain
        count += both.sum()
        assert (short.is_certain == long.is_certain).mean() > 0.9
        assert (short.high[both] == long.high[both][:, :-3]).all()
        assert (long.high[both][:, -3:] == 0).all()
        whole, filled_whole = (rounded_many(many.high, many.low, many.bound) for many in (short, long))
        both &= whole.is_certain & filled_whole.is_certain
        assert (whole.values[both] == filled_whole.values[both][:, :-3]).all()
        assert (filled_whole.values[both][:, -3:] == 0).all()
    assert count > 300


@pytest.mark.parametrize("columns", [{}, {"base"}, {"at_most"}, {"at_least", "at_most"}])
def test_rows_of_nothing_between_others_change_nothing(columns):
    """Pots in which most rows have neither weight nor money have every bit of the exact kernels, rounded too."""
    amount, by, base, floors, ceilings = england(seed=5, pots=30, rows=60)
    is_in_use = np.random.default_rng(5).random(60) < 0.4
    everything = {"by": by, "base": base, "at_least": floors, "at_most": ceilings}
    arguments = {name: column * is_in_use for name, column in everything.items() if name in {"by", *columns}}
    amount = np.round(amount * (base * is_in_use).sum() / base.sum())

    count = outcomes(amount, **arguments)
    shares = share_out_many(amount, **arguments)
    exact = [
        exact_shares(amount[pot], {name: column[pot % len(column)].tolist() for name, column in arguments.items()})[0]
        for pot in range(30)
    ]
    certain = [pot for pot in range(30) if shares.is_certain[pot]]
    figures = [figure[certain] for figure in (shares.high, shares.low, shares.bound)]
    rounded = rounding_outcomes(*figures, exact=[exact[pot].exact for pot in certain])

    assert count["certain"] >= 20
    assert rounded["certain"] == count["certain"]
    assert not shares.high[:, ~is_in_use].any()


def test_rows_of_zeros_before_others_get_no_remainder():
    """Of 1/2, 1/2 and two remainders below a millionth, the first half gets the pound, and no row of zeros does."""
    figures = np.array([[0, 0, 0.5, 0, 4e-7, 0, 0.5, 0, 4e-7, 0, 0, 0]])

    rounding = rounded_many(figures, None, None)

    assert rounding.is_certain.all()
    assert np.flatnonzero(rounding.values).tolist() == [2]


@pytest.mark.parametrize(
    ("amount", "columns", "shares", "unspent"),
    [
        # 100 to share by 1 : 3, and all to the second from 50 on, if the first has its ceiling of 10.
        (100, {"by": [1, 3]}, [25, 75], 0),
        (100, {"by": [1, 3], "at_most": [10, 200]}, [10, 90], 0),
        # Exactly the floors, exactly the ceilings, and more than those.
        (60, {"by": [1, 3], "at_least": [20, 40]}, [20, 40], 0),
        (0.3, {"by": [1, 3], "at_least": [0.25, 0.05]}, [0.25, 0.05], 0),
        (210, {"by": [1, 3], "at_most": [10, 200]}, [10, 200], 0),
        (250.5, {"by": [1, 3], "at_most": [10, 200]}, [10, 200], 40.5),
        # A base below 0, and a row without weight.
        (100, {"by": [1, 0, 1], "base": [-20, 30, 10]}, [20, 30, 50], 0),
        # No money for no weight.
        (30, {"by": [0, 0], "base": [10, 20]}, [10, 20], 0),
        # Within the tolerance of a millionth of a millionth, the floors are given.
        (1e6, {"by": [1, 3], "at_least": [4e5, 600000.0000001]}, [4e5, 600000.0000001], 0),
    ],
)
def test_cases_worked_by_hand_are_certain(amount, columns, shares, unspent):
    """Exact sums decide these cases, so that they need no exact kernel."""
    many = share_out_many(np.array([float(amount)]), **{name: np.array([row], float) for name, row in columns.items()})
    assert many.is_certain.tolist() == [True]
    assert many.is_too_little.tolist() == [False]
    assert (many.high.tolist(), many.unspent.tolist()) == ([shares], [unspent])
    assert outcomes([amount], **{name: [row] for name, row in columns.items()}) == {"certain": 1}


def test_the_least_of_a_pot_with_too_little_is_the_exact_sum_of_the_floors():
    """0.1 + 0.2 + 0.3 is 0.6 as a float, although floats added one by one make 0.6000000000000001."""
    many = share_out_many(np.array([0.5]), np.ones((1, 3)), at_least=np.array([[0.1, 0.2, 0.3]]))
    assert many.is_too_little.tolist() == [True]
    assert many.is_certain.tolist() == [False]
    assert many.least.tolist() == [0.6]


@pytest.mark.parametrize(
    ("amount", "columns"),
    [
        (100, {"by": [1, -1]}),
        (100, {"by": [1, -1e-15]}),
        (100, {"by": [1, 1], "at_least": [5, 5], "at_most": [9, 4]}),
        (100, {"by": [0, 0]}),
        (100, {"by": [1, 1], "at_least": [50, 10], "at_most": [60, 90]}),  # λ = 50 puts the first exactly at its floor
        (math.nan, {"by": [1, 1]}),
        (100, {"by": [1, math.nan]}),
        (100, {"by": [1, math.inf]}),
        (100, {"by": [1, 1], "at_most": [math.inf, math.inf]}),
        (100, {"by": [1, 1], "base": [math.nan, 1], "at_least": [1, 1], "at_most": [2, 90]}),
        # 2^-60 is left over beside 2^60, which is too small a part for two floats and a rounding.
        (2.0**60, {"by": [1, 1], "base": [0, -1], "at_most": [2.0**60, -(2.0**-60)]}),
        (1e80, {"by": [1, 1]}),
        (1e-300, {"by": [1, 2]}),
        (100, {"by": [1e300, 1e308]}),
    ],
)
def test_what_is_wrong_or_too_close_is_not_certain(amount, columns):
    """Neither an answer nor an error is given for it, so that the exact kernel is asked."""
    assert outcomes([amount], **{name: [row] for name, row in columns.items()}) == {"unsure": 1}


# --- rounded_many ------------------------------------------------------------------------------------------------


def rounding_pots(chance, rows, pots=20):
    """Return figures with ties, whole numbers, halves, negative ones, and such that are a hair from a whole number."""
    ends = [0, 0, 0.5, 0.25, 1 / 3, 2 / 3, 1 / 128, 0.4999995, 0.499999, 0.9999996, 1 - 2**-53, 1e-20, 2**-44, 0.01]
    size = chance.choice([1, 10, 1e6, 1e9])
    return np.array(
        [
            [
                float(round(chance.uniform(-0.2, 1) * size)) + chance.choice([*ends, chance.random()])
                if chance.random() < 0.8
                else -chance.choice(ends)
                for _ in range(rows)
            ]
            for _ in range(pots)
        ]
    )


@pytest.mark.parametrize("to", [1.0, 0.01, 10, 1000, 0.05, 2.5, 3, 0.3])
def test_figures_are_rounded_as_the_exact_kernel_rounds_them(to):
    """Random pots of ties and near ties have the same multiples where they are certain, and most are."""
    chance = random.Random(8)
    count = Counter()
    for rows in (1, 2, 3, 7, 30):
        count += rounding_outcomes(rounding_pots(chance, rows), to=to)
    assert count["certain"] > 50


@pytest.mark.slow
@pytest.mark.parametrize("to", [1.0, 0.01, 10, 0.05])
def test_shares_are_rounded_as_the_exact_kernel_rounds_them(to):
    """The exact shares behind high and low are rounded, not the floats."""
    chance = random.Random(9)
    count = Counter()
    for _ in range(300):
        amount, columns = random_pots(chance, pots=10)
        columns = {name: column for name, column in columns.items() if column is not None}
        shares = share_out_many(amount, **columns)
        for pot in np.flatnonzero(shares.is_certain).tolist():
            of_pot = {name: column[pot % len(column)].tolist() for name, column in columns.items()}
            exact = sharing.share_out([amount[pot].item()], **of_pot).exact
            figures = (shares.high[[pot]], shares.low[[pot]], shares.bound[[pot]])
            count += rounding_outcomes(*figures, to=to, exact=[exact])
    assert count["certain"] > 3 * count["unsure"]


def test_of_equal_remainders_the_earlier_row_is_rounded_up():
    """Three thirds of 100 make 34, 33 and 33; a true tie is settled, whichever way the last bits of a third go."""
    shares = share_out_many(np.array([100.0, 200.0]), np.ones((1, 3)))
    rounding = rounded_many(shares.high, shares.low, shares.bound)
    assert rounding.values.tolist() == [[34, 33, 33], [67, 67, 66]]
    assert rounding.is_certain.all()


@pytest.mark.parametrize(
    ("high", "low", "whole"),
    [
        # A hair below 2 is 2, before anyone else gets the pound that is left over.
        ([2.0, 1.25, 1.75], [-1e-20, 0.0, 0.0], [2, 1, 2]),
        ([-1e-20, 1.5], [0.0, 0.0], [0, 2]),
        # Large figures: what is above the float decides.
        ([2.0**44, 2.0**44], [-0.001, 0.0005], [2**44, 2**44]),
        ([2.0**49, 0.03, 0.42], [0.0625, 0.0, 0.0], [2**49, 0, 1]),
    ],
)
def test_figures_a_hair_from_a_whole_number_are_rounded_right(high, low, whole):
    """Worked by hand, and the same by the exact kernel."""
    figures = np.array([high]), np.array([low]), np.full((1, 1), 1e-30)
    exact = [Fraction(a) + Fraction(b) for a, b in zip(high, low, strict=True)]
    assert rounded_many(*figures).values.tolist() == [whole]
    assert rounding_outcomes(*figures, exact=[exact]) == {"certain": 1}


@pytest.mark.parametrize(
    "figures", [[1 / 128, 1 / 64 + 1 / 128], [0.25000025, 0.24999925], [math.nan, 1.0], [math.inf, 1.0], [1e16, 1.0]]
)
def test_half_millionths_and_what_is_no_pound_are_not_certain(figures):
    """A remainder of 7812.5 millionths, a total of 0.4999995, and figures that are too large or no numbers."""
    assert not rounded_many(np.array([figures]), None, None).is_certain.any()


@pytest.mark.parametrize("to", [0, -1, 1e300])
def test_a_unit_that_cannot_be_used_is_not_certain(to):
    """The exact kernel says what is wrong with it."""
    assert not rounded_many(np.array([[1.0, 2.5]]), None, None, to=to).is_certain.any()


# --- exact_totals ------------------------------------------------------------------------------------------------


def test_totals_have_every_bit_of_fsum():
    """Cancellation, ties, tiny and huge figures, and rows of nothing: the total is that of math.fsum."""
    chance = random.Random(6)
    for rows in (0, 1, 2, 3, 10, 211):
        for _ in range(40):
            values = np.array(
                [
                    [
                        chance.uniform(-1, 1) * 2.0 ** chance.choice([-1074, -60, -30, 0, 0, 20, 53, 300])
                        for _ in range(rows)
                    ]
                ]
                * 2
            ).reshape(2, rows)
            values[1] = np.round(values[1], 2)
            if rows > 2:
                values[0, rows // 2 :] = -values[0, : rows - rows // 2]
                values[0, -1] = 2.0**-60
            assert bits(exact_totals(values)) == bits([math.fsum(row) for row in values.tolist()])


def test_totals_by_numpy_would_be_wrong_in_some_bit():
    """The comparison can fail: plain sums of England's money differ from math.fsum in the last bit of some totals."""
    shares = share_out_many(*england(2)[:2])
    exact = [math.fsum(row) for row in shares.high.tolist()]
    assert exact_totals(shares.high).tolist() == exact
    assert (shares.high.sum(axis=1) != exact).any()


def test_totals_of_what_is_no_number_are_nan():
    """A scenario that is impossible already must not stop the others."""
    values = np.array([[1.0, math.nan], [math.inf, -math.inf], [1e308, 1e308], [0.1, 0.2]])
    assert np.isnan(exact_totals(values)).tolist() == [True, True, True, False]
