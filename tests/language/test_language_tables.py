"""Functions of tables against exact fractions: the row of a text, and the bands of a number."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from gpit_fairshare.language.tables import FormulaTable, values_at

TOLERANCE = Fraction(1, 10**12)
FUNCTIONS = ("band_value", "band_sum", "band_line")
INCOME_TAX = FormulaTable("rate", (0.0, 12_570.0, 50_270.0, 125_140.0))
"""Bands of England for 2023/24, without the taper of the personal allowance."""
RATES = (0.0, 0.2, 0.4, 0.45)

numbers = st.floats(-1e9, 1e9, allow_nan=False) | st.integers(-1000, 1000).map(float) | st.sampled_from((0.0, 1e15))


# The oracle: each value by a definition in words, over fractions ------------------------------------------------


def reaches(x: Fraction, edge: Fraction) -> bool:
    """Whether x counts as at or above an edge."""
    return x - edge >= -TOLERANCE * max(Fraction(1), abs(x), abs(edge))


def exactly(function, edges, values, end, x):
    """The exact value; None outside the bands.

    A `band_sum` cuts x at the edges and adds up each piece times the rate of its band. A `band_line` is the mean of the
    values at both edges, weighted by how near x is to each.
    """
    edges, values, x = [Fraction(edge) for edge in edges], [Fraction(value) for value in values], Fraction(x)
    below = [edge for edge in edges if reaches(x, edge)]
    if not below or (end is not None and reaches(x, Fraction(end))):
        return None
    band = len(below) - 1
    x = max(x, below[-1])
    if function == "band_value":
        return values[band]
    if function == "band_sum":
        tops = [*edges[1:], x]
        return sum(
            max(Fraction(0), min(x, top) - edge) * value for edge, top, value in zip(edges, tops, values, strict=True)
        )
    if band == len(edges) - 1:
        return values[band] if reaches(below[-1], x) else None
    share = (x - edges[band]) / (edges[band + 1] - edges[band])
    return (1 - share) * values[band] + share * values[band + 1]


def largest_term(function, edges, values, x):
    """The size of the largest number that is added: rounding errors are in proportion to it."""
    sizes = [abs(Fraction(value)) for value in values]
    if function != "band_sum":
        return max(sizes)
    return max((abs(Fraction(edge)) + abs(Fraction(x))) * size for edge, size in zip(edges, sizes, strict=True))


@st.composite
def tables(draw):
    """Edges that rise by more than the tolerance, their values, perhaps an end, and a number near an edge or not."""
    edges = sorted(draw(st.lists(numbers, min_size=1, max_size=6, unique=True)))
    assume(all(b - a > 1e-9 * max(1, abs(a), abs(b)) for a, b in pairwise(edges)))
    values = draw(st.lists(numbers, min_size=len(edges), max_size=len(edges)))
    end = draw(st.none() | st.just(edges[-1] + max(1.0, abs(edges[-1]))))
    edge = draw(st.sampled_from([*edges, *([end] if end is not None else [])]))
    near = st.sampled_from((0, 1e-15, -1e-15, 4e-13, -4e-13, 1e-11, -1e-11, 1e-6, -1e-6))
    x = draw(numbers | near.map(lambda part: edge + part * max(1, abs(edge))))
    return tuple(edges), tuple(values), end, x


@given(tables(), st.sampled_from(FUNCTIONS))
def test_bands_are_those_of_fractions(table, function):
    """At, beside and between edges of any size and sign, a function gives the exact value to 1e-12 of its terms."""
    edges, values, end, x = table
    expected = exactly(function, edges, values, end, x)
    (actual,) = values_at(function, FormulaTable("t", edges, end=end), values, [x])

    assert (actual is None) == (expected is None), (actual, expected)
    if actual is not None:
        assert abs(Fraction(actual) - expected) <= TOLERANCE * max(largest_term(function, edges, values, x), 1)


@given(
    st.lists(st.text("abAB*?", max_size=3), min_size=1, max_size=8, unique=True),
    st.text("abAB*?", max_size=3),
    st.booleans(),
)
def test_a_text_is_looked_up_exactly(keys, text, has_otherwise):
    """A row has the value of its own text alone; any other text has the value for other texts, or none."""
    table = FormulaTable("t", tuple(keys), has_otherwise=has_otherwise)
    values = [float(number) for number in range(len(keys) + has_otherwise)]

    assert values_at("lookup", table, values, keys) == [float(number) for number in range(len(keys))]
    if text not in keys:
        assert values_at("lookup", table, values, [text]) == [values[-1] if has_otherwise else None]
    assert values_at("lookup", table, values, [None]) == [None]


@pytest.mark.parametrize(
    ("income", "tax"),
    [(0, "0"), (12_570, "0"), (20_000, "1486"), (50_270, "7540"), (60_000, "11432"), (150_000, "48675")],
)
def test_a_band_sum_is_income_tax(income, tax):
    """£20,000 pays 20% of £7,430; £150,000 pays 20% of £37,700, 40% of £74,870 and 45% of £24,860."""
    (actual,) = values_at("band_sum", INCOME_TAX, RATES, [float(income)])

    assert actual == pytest.approx(float(tax), rel=1e-12, abs=1e-9)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_number_a_hair_below_an_edge_is_at_it(function):
    """99.99999999999999 is in the band from 100, and gets no less than 100 itself."""
    table = FormulaTable("t", (0.0, 100.0, 200.0))

    assert values_at(function, table, [1.0, 5.0, 7.0], [100 - 1e-14]) == values_at(
        function, table, [1.0, 5.0, 7.0], [100.0]
    )


def test_outside_the_bands_there_is_nothing():
    """Bands from 10 to 30: 9.99 and 30 have no value; on a line, neither has anything above its last edge of 20."""
    table = FormulaTable("t", (10.0, 20.0), end=30.0)

    assert values_at("band_value", table, [1.0, 2.0], [9.99, 10.0, 29.99, 30.0, None]) == [None, 1.0, 2.0, None, None]
    assert values_at("band_sum", table, [1.0, 2.0], [9.99, 10.0, 29.0, 30.0]) == [None, 0.0, 28.0, None]
    assert values_at("band_line", table, [1.0, 2.0], [9.99, 15.0, 20.0, 20.01]) == [None, 1.5, 2.0, None]
