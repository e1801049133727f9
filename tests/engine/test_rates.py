"""`rate_of(step)`: what a `share_out` gives for each unit of weight, with rates worked by hand."""

from __future__ import annotations

from fractions import Fraction

import pytest

from gpit_fairshare import CalculationError, FormulaError, SchemeError, allocate, explain
from gpit_fairshare.engine.measures import fair_share_rate
from hard_schemes import BETWEEN, rates
from running import population_file, write_rows
from small_schemes import NATION, TWO, people_by_year, rows_of, scheme


def test_each_form_of_share_out_has_its_rate(tmp_path):
    """Of 700 people with £1,050; North spends £700 at every rate from £1 to £3, and South at £2 / 3.

    On £280 of bases £770 is £1.10 a head. C is held at £350, and £700 for the 400 others is £1.75; the floors of £50
    are out of reach at £1.50. A of North gets £100, all that it may, and B its floor. D of South gets its £500 and C
    £200 for its 300. Each region has 2 places and £700 less floors of £600 and £500. £6,000 meet the £5,100 that the
    North may get at most, and part of the South's £10,600.
    """
    result = rates(tmp_path)

    assert result.national["from_base"].to_list() == [1.1, 1.1]
    assert result.national["of_limits"].to_list() == [1.5 * 1.75] * 2
    assert result.national["ratio"].to_list() == [1050 / (100 + 5000 + 10_000 + 600)] * 2
    assert rows_of(result, "of_region") == {"A": 1.0, "B": 1.0, "C": 2 / 3, "D": 2 / 3}
    assert rows_of(result, "by_evenly") == {"A": 50, "B": 650, "C": 100, "D": 600}
    assert rows_of(result, "of_enough") == dict.fromkeys("ABCD", 1)
    assert rows_of(result, "of_part") == {"A": 1, "B": 1, "C": 6000 / 10_600, "D": 6000 / 10_600}
    assert rows_of(result, "before") == dict.fromkeys("ABCD", 0)
    assert rows_of(result, "before", "2015/16") == {"A": 1.0, "B": 1.0, "C": 2 / 3, "D": 2 / 3}
    assert rows_of(result, "at_the_rate") == rows_of(result, "plain")
    assert result.measures()[0].funds[0].rate == float(Fraction(1050, 700))


def test_rates_weigh_two_incomes_as_a_statute_does(tmp_path):
    """£1,000 over £3,000 of value is 1/3, and over £600 of income 5/3; half of A's £200 + £100 is £150."""
    steps = """
        by_value = share_out(pot, by=value) # £
        by_income = share_out(pot, by=income) # £
        multiplier = rate_of(by_value) / rate_of(by_income)
        allocation = (value * rate_of(by_value) + income * rate_of(by_income)) / 2
    """
    rows = [
        {"org_code": code, "registered_population": 1, "value": value, "income": income}
        for code, value, income in (("A", 600, 60), ("B", 2400, 540))
    ]
    result = allocate(population=write_rows(tmp_path / "p.csv", rows), scheme=scheme(tmp_path, steps))

    assert result.national["multiplier"][0] == pytest.approx(1 / 5, rel=1e-15)
    assert rows_of(result, "allocation") == pytest.approx({"A": 150, "B": 850}, rel=1e-15)


def test_outcomes_and_checks_may_use_a_rate(tmp_path):
    """£1,000 for 2,000 people is 50p a head; a check that it is more fails, and P4's cost of 60p is above it."""
    extra = """
[[checks]]
name = "At least 60p a head"
formula = "rate_of(shared) >= 0.6"
[[outcomes]]
label = "costs more than the rate"
formula = "spend / registered_population > rate_of(shared)"
"""
    path = scheme(tmp_path, "shared = share_out(pot, by=registered_population) # £\nallocation = rounded(shared) # £")
    path.write_text(path.read_text("utf-8") + extra, "utf-8")
    rows = [{**row, "spend": 600 if row["org_code"] == "P4" else 10} for row in NATION]
    result = allocate(population=write_rows(tmp_path / "p.csv", rows), scheme=path)

    assert [check.holds for check in result.checks] == [False]
    assert result.years["2014/15"].outcomes == ["", "", "", "costs more than the rate"]


@pytest.mark.parametrize(
    ("steps", "message"),
    [
        (
            "met = share_out(pot, by=people, at_most=people) # £\nallocation = rate_of(met) * people # £",
            "step allocation, 2014/15, P1: rate_of(met) * people is undefined: met has no rate, because everybody has",
        ),
        (
            "met = share_out(pot, by=people, at_most=people, within=ccg) # £\nrate = rate_of(met)\nallocation = people",
            "step rate, 2014/15, 00A: rate_of(met) is undefined: met has no rate, because everybody in its ccg has",
        ),
        (
            "none = share_out(0, by=nil) # £\nallocation = where(people > 0, rate_of(none), 1) # £",
            "P1: where(people > 0, rate_of(none), 1) is undefined: none has no rate, because every weight is 0",
        ),
    ],
)
def test_a_rate_that_does_not_exist_stops_the_run_where_it_is_used(tmp_path, steps, message):
    """There is no rate where everybody has the most or every weight is 0; the message says what to do."""
    rows = [{**row, "people": row["registered_population"], "nil": 0} for row in NATION]
    with pytest.raises(CalculationError) as caught:
        allocate(population=write_rows(tmp_path / "p.csv", rows), scheme=scheme(tmp_path, steps, pot=2000))

    assert message in str(caught.value)
    assert str(caught.value).endswith(", or exclude this case with where(…)")
    assert "\n" not in str(caught.value)


def test_a_branch_that_is_not_taken_may_have_no_rate(tmp_path):
    """£2,000 meet all of the need of £2,000, and the part that is paid is 1; of £500 it is a quarter."""
    steps = """
        met = share_out(pot, by=people, at_most=people) # £
        part = where(pot < total(people), rate_of(met), 1)
        allocation = part * people # £
    """
    rows = [{**row, "people": row["registered_population"]} for row in NATION]
    population = write_rows(tmp_path / "p.csv", rows)
    parts = [
        allocate(population=population, scheme=scheme(tmp_path, steps, pot=pot)).national["part"][0]
        for pot in (500, 2000)
    ]

    assert parts == [0.25, 1.0]
    result = allocate(population=population, scheme=scheme(tmp_path, steps, pot=2000))
    (line,) = [line for line in explain(result, "P1").lines if line.name == "rate_of(met)"]
    assert (line.value, line.result) == (None, "blank")


def test_a_rate_above_a_base_is_explained_from_two_totals(tmp_path):
    """Of £1,050 the bases take 4 × £70 = £280, and £770 for 700 people is £1.10; North's £100 leave £600 for 2."""
    result = rates(tmp_path)
    lines = {line.name: line for line in explain(result, "A", year="2014/15", step="from_base").lines}
    evenly = {line.name: line for line in explain(result, "A", year="2014/15").lines}

    assert lines["bases(on_base)"].result == "£280"
    assert lines["total(registered_population)"].result == "700 people"
    for name in ("factor(on_base)", "rate_of(on_base)"):
        assert lines[name].arithmetic == "(pot - bases(on_base)) / total(registered_population)"
        assert lines[name].numbers == "(£1,050 - £280) / 700"
        assert lines[name].result == "£1.10 per head"
    assert evenly["factor(evenly)"].arithmetic == "(700 - total(low, within=region)) / weights(evenly)"
    assert evenly["factor(evenly)"].numbers == "(700 - 600) / 2"
    assert evenly["factor(floors)"].numbers == ""


def test_a_transition_may_not_take_the_rate_of_a_formula(tmp_path):
    """A transition knows fair_share alone: the steps of a formula, and so their rates, may be called anything."""
    text = """
[transition]
name = "by-rate"
title = "By the rate"
note = "A test."
[[steps]]
name = "allocation"
label = "Allocation"
unit = "£"
formula = "rate_of({}) * registered_population"
"""
    population = population_file(tmp_path, {"A": 100, "B": 300})
    for step in ("unrounded_fair_share", "fair_share"):
        (tmp_path / "by-rate.toml").write_text(text.format(step), "utf-8")
        with pytest.raises((FormulaError, SchemeError)) as caught:
            allocate(population=population, transition=tmp_path / "by-rate.toml", settings={"revenue_budget": 400})
        assert "by-rate.toml" in str(caught.value)


def test_the_rate_of_fair_shares_is_in_the_measures(tmp_path):
    """£400 for 400 people is £1 and for 200 £2; a share_out within regions has no one rate."""
    years = {"2014/15": {"A": 100, "B": 300}, "2015/16": {"A": 100, "B": 100}}
    result = allocate(population=people_by_year(tmp_path, years), transition="none", settings={"revenue_budget": 400})
    assert [[fund.rate for fund in year.funds] for year in result.measures()] == [[1.0], [2.0]]

    steps = "shared = share_out(700, by=registered_population, within=region) # £\nallocation = rounded(shared) # £"
    grouped = allocate(population=write_rows(tmp_path / "p.csv", BETWEEN), scheme=scheme(tmp_path, steps, years=TWO))
    assert [fund.rate for fund in grouped.measures()[0].funds] == [None]


@pytest.mark.parametrize(
    ("steps", "rate"),
    [
        ("shared = share_out(pot, by=registered_population) # £\nfair_share = rounded(shared) # £", ("shared", "head")),
        (
            "weight = registered_population # people\nfair_share = share_out(pot, by=weight) # £",
            ("fair_share", "head"),
        ),
        (
            "weight = registered_population * need # people\nfair_share = share_out(pot, by=weight) # £",
            ("fair_share", "weighted head"),
        ),
        ("fair_share = share_out(pot, by=need) # £", None),
        # On a base, with a floor, within regions, or as a part of something else a share is not a rate times a weight.
        ("fair_share = share_out(pot, by=registered_population, base=1) # £", None),
        ("fair_share = share_out(pot, by=registered_population, at_least=1) # £", None),
        ("fair_share = share_out(pot, by=registered_population, within=region) # £", None),
        ("shared = share_out(pot, by=registered_population) # £\nfair_share = shared + 1 # £", None),
    ],
)
def test_the_rate_of_fair_shares_is_named_by_their_weight(tmp_path, steps, rate):
    """Only a fair share in proportion to people has a rate: per head, or per weighted head."""
    rows = [{**row, "need": 2} for row in NATION]
    path = scheme(tmp_path, f"{steps}\nallocation = fair_share + 0 # £")
    result = allocate(population=write_rows(tmp_path / "p.csv", rows), scheme=path)

    assert fair_share_rate(result.scheme) == (rate and (rate[0], f"fair_share per {rate[1]}"))


def test_fair_shares_that_are_the_result_have_no_rate_of_their_own(tmp_path):
    """Allocations by people have one amount per head, which every report has already."""
    path = scheme(tmp_path, "allocation = share_out(pot, by=registered_population) # £")
    result = allocate(population=write_rows(tmp_path / "p.csv", NATION), scheme=path)

    assert fair_share_rate(result.scheme) is None
