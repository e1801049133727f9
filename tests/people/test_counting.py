"""Counts in an array, and in Polars' own way where an array would be too large or a value has no place in it."""

from collections import Counter
from fractions import Fraction

import polars as pl
import pytest

from folders import repeatable
from gpit_fairshare import population
from gpit_fairshare.people import cells, engines
from rows_of_people import WEIGHTS, counted_plainly, weights_file

KINDS = {
    "whole numbers": (pl.UInt8, [0, 47, 255, None]),
    "numbers below 0": (pl.Int8, [0, -1, 127, None]),
    "the largest numbers": (pl.Int64, [0, -(2**63), 2**63 - 1, None]),
    "decimals": (pl.Float64, [0.0, 0.5, float("inf"), None]),
    "categories": (pl.Enum(["a", "b"]), ["a", "b", None, "a"]),
}


def drawn_people(number):
    """Return people of 3 organisations, of any age and sex."""
    draw = repeatable(22)
    return [(draw.choice("ABC"), draw.randrange(111), draw.choice(["female", "male"])) for _ in range(number)]


def parquet(folder, people):
    """Write people, with whole numbers as ages, and return the path."""
    path = folder / "people.parquet"
    frame = pl.DataFrame(people, schema={"practice_code": pl.String, "age": pl.UInt8, "sex": pl.String}, orient="row")
    frame.write_parquet(path)
    return path


@pytest.mark.parametrize("kind", KINDS)
def test_every_value_is_counted_as_it_is(tmp_path, kind):
    """500 rows of texts, blanks and four values have the counts of a plain loop, whether numbers have places or not."""
    dtype, values = KINDS[kind]
    draw = repeatable(5)
    rows = [(draw.choice(["A", " A", "", None]), draw.choice(values)) for _ in range(500)]
    path = tmp_path / "rows.parquet"
    pl.DataFrame(rows, schema={"code": pl.String, "value": dtype}, orient="row").write_parquet(path)

    counts = engines.count_rows(
        engines.open_rows([str(path)], ".parquet", "polars"), {"org_code": "code", "v": "value"}
    )

    assert {(code, value): number for code, value, number in counts.iter_rows()} == Counter(rows)


def test_parts_of_the_rows_bring_new_values(tmp_path, monkeypatch):
    """Read 7 rows at a time, with new organisations and ages in later parts, people are those of a plain loop."""
    monkeypatch.setattr(engines, "PART", 7)
    monkeypatch.setattr(cells, "PART", 7)
    people = sorted(drawn_people(200), key=lambda person: person[1])

    counted = population(people=parquet(tmp_path, people), weights=weights_file(tmp_path))

    assert counted.frame.rows() == counted_plainly(people)


def test_more_combinations_than_an_array_may_hold(tmp_path, monkeypatch):
    """Where an array may hold 10 counts, 200 people of about 190 combinations give what a plain loop counts."""
    monkeypatch.setattr(engines, "MOST_COUNTS", 10)
    monkeypatch.setattr(cells, "MOST_COUNTS", 10)
    people = drawn_people(200)

    counted = population(people=parquet(tmp_path, people), weights=weights_file(tmp_path))

    assert counted.frame.rows() == counted_plainly(people)


def test_products_may_have_more_bits_than_a_column(tmp_path):
    """Weights of 15 digits after 16 zeros, beside weights of 10 million, give sums exact to the last bit."""
    text = WEIGHTS.replace("value = 0.6,", "value = 0.0000000000000000123456789012345,").replace("1.9,", "9876543.21,")
    people = [("A", 50, "male")] * 3 + [("A", 70, "female")] * 2 + [("B", 50, "female")] * 7

    counted = population(people=parquet(tmp_path, people), weights=weights_file(tmp_path, text))

    small, large = Fraction("0.0000000000000000123456789012345"), Fraction("9876543.21") * Fraction("1.1")
    # A weight has 15 digits: 1.23456789012345e-17 × 0.9 and × 1.1, rounded there.
    of_men, of_women = (
        Fraction(f"{float(small * Fraction('0.9')):.15g}"),
        Fraction(f"{float(small * Fraction('1.1')):.15g}"),
    )
    assert counted.frame["weighted_population"].to_list() == [float(3 * of_men + 2 * large), float(7 * of_women)]
