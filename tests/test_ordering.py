"""The kernels that put rows in order give the fractions of the oracle, and those of cases worked by hand."""

from __future__ import annotations

import math
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import oracle
from gpit_fairshare.ordering import compared, ranks, running_totals

STEADY = settings(derandomize=True, deadline=None, database=None)

VALUES = st.one_of(
    st.sampled_from([0, -0.0, 0.3, 0.1 + 0.2, 1.21, 1.1 * 1.1, -2.5, 1 / 3, 123_456_789_012.25, 123_456_789_012.3]),
    st.integers(-5, 5),
    st.floats(-1e15, 1e15),
    st.floats(-1e-40, 1e-40),
)
"""Many of them are equal apart from noise, or equal to 12 digits only."""
GROUPED = st.lists(st.tuples(VALUES, st.integers(0, 3), st.floats(-1e9, 1e9)), max_size=12)


@STEADY
@given(GROUPED)
def test_ranks_and_running_totals_are_those_of_the_oracle(rows):
    """In each of four groups, ranks and exact sums are as the oracle counts and adds them, one pair at a time."""
    x, groups, money = ([row[part] for row in rows] for part in range(3))

    places = ranks(x, groups)
    totals = running_totals(money, places, groups)

    for group in set(groups):
        members = [row for row, own in enumerate(groups) if own == group]
        assert [places[row] for row in members] == oracle.ranks([x[row] for row in members])
        assert [totals[row] for row in members] == oracle.running_totals(
            [money[row] for row in members], [places[row] for row in members]
        )


@pytest.mark.parametrize(
    ("x", "by_hand"),
    [
        ([], []),
        ([5], [1]),
        ([1, 3, 2], [3, 1, 2]),
        ([7, 7, 8, 7], [2, 3, 1, 4]),
        ([-1, 0, -0.0, 1], [4, 2, 3, 1]),
        # 0.1 + 0.2 is 0.30000000000000004: the earlier row is first.
        ([0.3, 0.1 + 0.2], [1, 2]),
        ([0.1 + 0.2, 0.3], [1, 2]),
        # The 12th digit counts, the 13th does not.
        ([100_000_000_000, 100_000_000_001], [2, 1]),
        ([1_000_000_000_001, 1_000_000_000_002], [1, 2]),
        # 0.020482588947349996 is …7350 to 15 digits, a half in the 13th, which goes up as in a spreadsheet.
        ([0.020482588947349996, 0.0204825889474], [1, 2]),
        # A half in the 13th digit goes away from 0: both are 123,456,789,012.3 or more by a half.
        ([12_345_678_901.25, 12_345_678_901.3], [1, 2]),
        ([Fraction(1, 3), 1 / 3], [1, 2]),
    ],
)
def test_ranks_by_hand(x, by_hand):
    """The largest is 1, equal values keep the order of their rows, and no two rows have one rank."""
    assert ranks(x) == by_hand


@pytest.mark.parametrize(
    ("value", "text"), [(0.1 + 0.2, "0.3"), (-2.0000000000005, "-2.00000000000"), (1e-300, "1e-300"), (0, "0")]
)
def test_values_are_compared_to_twelve_digits(value, text):
    """Noise beyond the 12th significant digit does not count."""
    assert float(compared(value)) == float(text)


def test_running_totals_are_exact():
    """1e16 and two ones, in this order: a float would lose the ones, the exact sums are 1e16 + 1 and 1e16 + 2."""
    assert 1e16 + 1 == 1e16, "the case proves nothing"

    assert running_totals([1.0, 1e16, 1.0], [2, 1, 3]) == [10**16 + 1, 10**16, 10**16 + 2]


def test_running_totals_of_groups():
    """Groups 0 (3 then 1) and 1 (10 then 20): 3, 4 and 10, 30; the last of each group is its total."""
    totals = running_totals([1, 10, 3, 20], [2, 1, 1, 2], [0, 1, 0, 1])

    assert totals == [4, 10, 3, 30]
    assert math.isclose(float(totals[0]), 4)
