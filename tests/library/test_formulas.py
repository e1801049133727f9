"""The formulas of the library compared with exact fractions, and the properties that formulas and schemes break."""

from __future__ import annotations

import random
from collections import defaultdict
from fractions import Fraction
from pathlib import Path

import pytest

import oracle
from folders import published
from gpit_fairshare import allocate
from gpit_fairshare.scheme.library import library_names
from running import read_rows, write_rows
from tiers import slow_but

SCHEME = """\
[scheme]
name = "one-year"
title = "One year"
organisation = "CCG"
years = ["2014/15"]
formula = "registered-population"

[values.revenue_budget]
every_year = { value = 100, assumption = "For a test." }
"""
HALF = Fraction(1, 2)
CCGS = ("North", "South", "West")


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Run a formula for one year on rows of the population file, and return the rows of the result by code."""
    folder = tmp_path_factory.mktemp("formulas")
    scheme = folder / "one-year.toml"
    scheme.write_text(SCHEME, encoding="utf-8")

    def give(rows, formula, **settings):
        people = write_rows(folder / "population.csv", rows)
        result = allocate(population=people, scheme=scheme, formula=formula, settings=settings, with_effects=False)
        assert result.agrees
        assert [finding.found for finding in result.findings if finding.number in ("R05", "R06", "R07")] == []
        return {row["org_code"]: row for row in result.rows.to_dicts()}

    return give


def drawn(seed):
    """Return up to six random organisations, some without patients, with every column that a formula needs."""
    chance = random.Random(seed)
    rows = []
    for code in chance.sample("ABCDEFGH", chance.randint(2, 6)):
        people = chance.choice([0, 1, chance.randint(1, 50), chance.randint(1, 900_000)])
        rows.append(
            {
                "org_code": code,
                "registered_population": people,
                "weighted_population": people and chance.randint(1, 2 * people),
                "practices": chance.randint(0, 30) if people else 0,
                "need_index": chance.choice(["1", "0.83", "1.217", "0"]),
                "market_forces_factor": chance.choice(["1.0", "0.9471", "1.1884"]),
                "ccg": chance.choice(CCGS),
                "target_allocation": chance.randint(0, 10**6),
            }
        )
    rows[0] |= {"registered_population": 7, "weighted_population": 5, "need_index": "1.05"}
    return rows


# What each formula means, in fractions, for rows sorted by code -----------------------------------------------------


def column(rows, name):
    """Return a column as fractions."""
    return [Fraction(row[name]) for row in rows]


def by_weight(budget, weights):
    """Return the budget shared exactly in proportion to weights."""
    return [budget * weight / sum(weights) for weight in weights]


def registered(rows, budget):
    """Every registered patient counts the same."""
    return oracle.rounded(by_weight(budget, column(rows, "registered_population")))


def weighted(rows, budget):
    """Every weighted patient counts the same."""
    return oracle.rounded(by_weight(budget, column(rows, "weighted_population")))


def blend(rows, budget):
    """Three tenths by weighted patients, seven tenths by registered patients, rounded once."""
    first = by_weight(budget, column(rows, "registered_population"))
    second = by_weight(budget, column(rows, "weighted_population"))
    return oracle.rounded([(7 * old + 3 * new) / 10 for old, new in zip(first, second, strict=True)])


def fixed_and_heads(rows, budget):
    """£1.25 for each practice, the rest by head."""
    fixed = [Fraction(5, 4) * practices for practices in column(rows, "practices")]
    per_head = by_weight(budget - sum(fixed), column(rows, "registered_population"))
    return oracle.rounded([sum(both) for both in zip(fixed, per_head, strict=True)])


def by_index(name):
    """People times an index; the scaling to the national population cancels out."""

    def give(rows, budget):
        products = zip(column(rows, "registered_population"), column(rows, name), strict=True)
        return oracle.rounded(by_weight(budget, [people * index for people, index in products]))

    return give


def through_ccgs(rows, budget):
    """To CCGs in whole pounds, then to their practices in whole pounds."""
    people = defaultdict(Fraction)
    for row in rows:
        people[row["ccg"]] += row["registered_population"]
    ccgs = sorted(people)
    money = dict(zip(ccgs, oracle.rounded(by_weight(budget, [people[ccg] for ccg in ccgs])), strict=True))
    shares = {}
    for ccg in ccgs:
        inside = [row for row in rows if row["ccg"] == ccg]
        heads = column(inside, "registered_population")
        exact = by_weight(money[ccg], heads) if any(heads) else [Fraction(0)] * len(inside)
        shares |= zip((row["org_code"] for row in inside), oracle.rounded(exact), strict=True)
    return [shares[row["org_code"]] for row in rows]


def at_a_rate(rows, _budget):
    """£1.61 for each patient, each amount rounded on its own; 50p rounds up."""
    return [Fraction((Fraction("1.61") * people + HALF) // 1) for people in column(rows, "registered_population")]


def as_given(rows, _budget):
    """The column of targets, unchanged."""
    return column(rows, "target_allocation")


FORMULAS = {
    "registered-population": (registered, {}),
    "weighted-population": (weighted, {}),
    "blend-of-formulas": (blend, {"new_share": "3/10"}),
    "fixed-amount-plus-per-head": (fixed_and_heads, {"fixed_amount_per_practice": "1.25"}),
    "need-index": (by_index("need_index"), {}),
    "market-forces-factor": (by_index("market_forces_factor"), {}),
    "practice-shares": (through_ccgs, {}),
    "unit-rate": (at_a_rate, {"unit_rate": "1.61"}),
    "given-target": (as_given, {}),
}
WITHOUT_BUDGET = {"unit-rate", "given-target"}


def test_every_formula_has_its_oracle():
    """FORMULAS has every formula of the library."""
    assert sorted(FORMULAS) == sorted(library_names("formula"))


@pytest.mark.parametrize("seed", slow_but(["0", "1"], range(6)))
@pytest.mark.parametrize("formula", sorted(FORMULAS))
def test_fair_shares_are_those_of_the_oracle(run, formula, seed):
    """To the pound, for organisations in any order, with and without patients; the shares add up to the budget."""
    rows = drawn(seed)
    budget = [1_000, 9_999, 140_000_000][seed % 3]
    oracle_of, settings = FORMULAS[formula]
    options = settings if formula in WITHOUT_BUDGET else {"revenue_budget": budget, **settings}
    results = run(rows, formula, **options)

    in_order = sorted(rows, key=lambda row: row["org_code"])
    expected = oracle_of(in_order, Fraction(budget))
    assert [results[row["org_code"]]["fair_share"] for row in in_order] == expected
    if formula not in WITHOUT_BUDGET:
        assert sum(expected) == budget


@pytest.mark.parametrize("people", [50, 150, 250])
def test_half_a_pound_rounds_up(run, people):
    """£1.61 for 50 people is £80.50, which is £81; so are the halves of 150 and 250 people."""
    results = run([{"org_code": "A", "registered_population": people}], "unit-rate", unit_rate="1.61")

    assert results["A"]["fair_share"] == (Fraction("1.61") * people) + HALF


def test_scaled_population_is_the_national_one(run):
    """Scaled population always adds up to registered population: 0.8 × (200 + 300) is 100 + 300."""
    rows = [
        {"org_code": "A", "registered_population": 100, "need_index": 2},
        {"org_code": "B", "registered_population": 300, "need_index": 1},
    ]
    results = run(rows, "need-index")

    assert [results[code]["scaled_population"] for code in "AB"] == [160, 240]


@pytest.mark.slow
def test_practices_of_england_have_the_money_of_their_ccgs(run):
    """England's 7,959 practices of 2014/15 get, within each CCG, exactly the pounds of the CCG."""
    rows = read_rows(Path(published("england-2014-15-practices.csv")))
    practices = [
        {
            "org_code": row["practice_code"],
            "ccg": row["org_code"],
            "registered_population": int(row["registered_population"]),
        }
        for row in rows
    ]
    ccgs = defaultdict(int)
    for row in practices:
        ccgs[row["ccg"]] += row["registered_population"]
    exact = by_weight(Fraction(140_000_000), [Fraction(ccgs[code]) for code in sorted(ccgs)])
    expected = dict(zip(sorted(ccgs), oracle.rounded(exact), strict=True))

    sums = defaultdict(int)
    for row in run(practices, "practice-shares", revenue_budget=140_000_000).values():
        sums[row["ccg"]] += row["fair_share"]
        assert (row["fair_share"] == 0) or row["registered_population"] > 0
    assert len(practices) == 7_959
    assert sums == expected


# Where a property is broken --------------------------------------------------------------------------------------


def scheme_on(folder, name, rows, result, **settings):
    """Return the result of a library scheme in its first year, by code, for rows of people and spend."""
    people = [{key: value for key, value in row.items() if key != "historic_spend"} for row in rows]
    spend = [{"org_code": row["org_code"], "historic_spend": row.get("historic_spend", 0)} for row in rows]
    outcome = allocate(
        population=write_rows(folder / "population.csv", people),
        spend=write_rows(folder / "spend.csv", spend),
        scheme=name,
        settings=settings,
        with_effects=False,
    )
    assert outcome.agrees
    return dict(outcome.year(outcome.scheme.years[0]).select("org_code", result).rows())


def places(**figures):
    """Return rows of people and spend: `A=(100, 300)` has 100 patients and £300."""
    return [
        {"org_code": code, "registered_population": people, "historic_spend": spend}
        for code, (people, spend) in figures.items()
    ]


def test_unit_rate__population_scale_is_broken(run):
    """At £2.60 a head 100 patients are £260, and 200 are £520."""
    for people, money in ((100, 260), (200, 520)):
        results = run([{"org_code": "A", "registered_population": people}], "unit-rate", unit_rate="2.60")
        assert results["A"]["fair_share"] == money


MONEY = {"transition_fund": 1_000}


def rising_target(folder, scheme):
    """Return A's allocation with 100 and with 300 patients, next to B's 100; £200 for both.

    With 100 each has £1.00 a head, £100. A costs £3.00 a head, the average is £2.00: its need of £200 is met.
    With 300 of 400 patients A has £150 and costs £1.00 a head, which is the average: it gets no support.
    """
    few, many = places(A=(100, 300), B=(100, 100)), places(A=(300, 300), B=(100, 100))
    return [scheme_on(folder, scheme, rows, "allocation", revenue_budget=200, **MONEY)["A"] for rows in (few, many)]


def above_average_merged(folder, scheme):
    """Return what A and B get apart and merged as M; £300 for A, B and C with 100 patients each.

    Apart, A costs £3.00 a head against £2.00 on average: £100 and £200 of support; B has £100.
    Together they cost £400 for 200 patients, £2.00 a head, which is the average: £200.
    """
    apart = scheme_on(
        folder, scheme, places(A=(100, 300), B=(100, 100), C=(100, 200)), "allocation", revenue_budget=300, **MONEY
    )
    merged = scheme_on(folder, scheme, places(M=(200, 400), C=(100, 200)), "allocation", revenue_budget=300, **MONEY)
    return apart["A"] + apart["B"], merged["M"]


def test_gpit_2014_16__rising_target_is_broken(tmp_path):
    """With three times the patients A gets £150 instead of £300, because its cost falls to the average."""
    assert rising_target(tmp_path, "gpit-2014-16") == [300, 150]


def test_gpit_2014_16__mergers_is_broken(tmp_path):
    """A and B get £400 apart and £200 together."""
    assert above_average_merged(tmp_path, "gpit-2014-16") == (400, 200)


def test_gpit_2014_16_streams__rising_target_is_broken(tmp_path):
    """With three times the patients A gets £150 instead of £300, because its cost falls to the average."""
    assert rising_target(tmp_path, "gpit-2014-16-streams") == [300, 150]


def test_gpit_2014_16_streams__mergers_is_broken(tmp_path):
    """A and B get £400 apart and £200 together."""
    assert above_average_merged(tmp_path, "gpit-2014-16-streams") == (400, 200)


def test_gpit_2014_16_cost_above_funding__mergers_is_broken(tmp_path):
    """A and B get £100 each of £200. A spends £300 and gets £200 of support; merged with B (£50) it needs £150."""
    scheme = "gpit-2014-16-cost-above-funding"
    money = {"revenue_budget": 200, **MONEY}
    apart = scheme_on(tmp_path, scheme, places(A=(100, 300), B=(100, 50)), "allocation", **money)
    merged = scheme_on(tmp_path, scheme, places(M=(200, 350)), "allocation", **money)

    assert (apart["A"] + apart["B"], merged["M"]) == (400, 350)


def test_gp_it_futures_2020_21__population_scale_is_broken(tmp_path):
    """At £1.61 a head 100 patients are £161, and 200 are £322."""
    for people, money in ((100, 161), (200, 322)):
        allocations = scheme_on(tmp_path, "gp-it-futures-2020-21", places(A=(people, 1)), "notional_allocation")
        assert allocations == {"A": money}


def test_ccg_targets_2013_14__population_scale_is_broken(tmp_path):
    """At £1,135.41 per weighted head, 100 heads give a target of £113,541, and 200 give £227,082."""
    for people, money in ((100, 113_541), (200, 227_082)):
        rows = [{**row, "weighted_population": people} for row in places(A=(people, 1))]
        assert scheme_on(tmp_path, "ccg-targets-2013-14", rows, "target") == {"A": money}
