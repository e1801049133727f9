"""The engine: kinds, groups, the year before, mergers and undefined values, on figures calculated by hand."""

from __future__ import annotations

import math
import random

import polars as pl
import pytest

from gpit_fairshare import CalculationError, FormulaError, GpitError, InputError, SchemeError, allocate, check
from gpit_fairshare.engine.measures import inequality
from running import SAMPLES, SHARED, population_file, write_rows
from small_schemes import MERGER, NATION, POT, TWO, people_by_year, rows_of, scheme

# Rows in order ------------------------------------------------------------------------------------------


def test_rows_are_ranked_and_added_up_in_order(tmp_path):
    """P4 has 1,000 people, P3 600, P2 300, P1 100: 1 to 4, and 1,000, 1,600, 1,900, 2,000 down to each."""
    steps = """
        place = rank(registered_population)
        so_far = running_total(registered_population, by=place) # people
        allocation = so_far * 1
    """
    result = allocate(population=write_rows(tmp_path / "p.csv", NATION), scheme=scheme(tmp_path, steps))

    assert rows_of(result, "place") == {"P1": 4, "P2": 3, "P3": 2, "P4": 1}
    assert rows_of(result, "so_far") == {"P1": 2000, "P2": 1900, "P3": 1600, "P4": 1000}


def test_each_group_has_its_own_order(tmp_path):
    """In 00A P2 (300) is before P1 (100); CCGs of the North have 600 and 400 people, and that of the South is alone."""
    steps = """
        place = rank(registered_population, within=ccg)
        so_far = running_total(registered_population, by=place, within=ccg) # people
        ccg_people = total(registered_population, within=ccg) # people
        ccg_place = rank(ccg_people, within=region)
        ccg_so_far = running_total(ccg_people, by=ccg_place, within=region) # people
        largest_first = rank(ccg_people)
        allocation = so_far * 1
    """
    result = allocate(population=write_rows(tmp_path / "p.csv", NATION), scheme=scheme(tmp_path, steps))

    assert rows_of(result, "place") == {"P1": 2, "P2": 1, "P3": 1, "P4": 1}
    assert rows_of(result, "so_far") == {"P1": 400, "P2": 300, "P3": 600, "P4": 1000}
    assert rows_of(result, "ccg_place") == {"P1": 2, "P2": 2, "P3": 1, "P4": 1}
    assert rows_of(result, "ccg_so_far") == {"P1": 1000, "P2": 1000, "P3": 600, "P4": 1000}
    assert rows_of(result, "largest_first") == {"P1": 3, "P2": 3, "P3": 2, "P4": 1}


def test_equal_values_are_in_the_order_of_codes_whatever_the_order_of_rows(tmp_path):
    """0.1 + 0.2 and 0.3 are equal: of A to D with 3, 1, 3, 3 tenths, A, C and D are 1 to 3 and B is 4."""
    steps = "tenths = registered_population / 10 - 0.1 + 0.1\nplace = rank(tenths)\nallocation = place * 1"
    rows = [
        {"org_code": code, "registered_population": people} for code, people in zip("DBCA", (3, 1, 3, 3), strict=True)
    ]
    result = allocate(population=write_rows(tmp_path / "p.csv", rows), scheme=scheme(tmp_path, steps))

    assert rows_of(result, "place") == {"A": 1, "B": 4, "C": 2, "D": 3}


@pytest.mark.parametrize("kernel", ["rank(score)", "running_total(score, by=place)"])
def test_a_blank_value_has_no_place_in_order(tmp_path, kernel):
    """A blank score is neither large nor small: the run stops and names the organisation and the column."""
    rows = [{"org_code": code, "registered_population": 1, "score": score} for code, score in (("A", 5), ("B", ""))]
    steps = f"place = rank(registered_population)\nx = {kernel}\nallocation = x * 1"
    path = scheme(tmp_path, steps, extra="[inputs.score]\noptional = true\n")

    with pytest.raises(CalculationError, match=r"step x, 2014/15, B: score is blank"):
        allocate(population=write_rows(tmp_path / "p.csv", rows), scheme=path)


# Groups -------------------------------------------------------------------------------------------------


def test_money_goes_from_england_to_ccgs_to_practices(tmp_path):
    """£1,000 by people of CCGs (400, 600, 1,000) is 200, 300, 500; within 00A by 1 to 3 it is 50 and 150."""
    population = write_rows(tmp_path / "p.csv", NATION)
    steps = """
        ccg_people = total(registered_population, within=ccg) # people
        ccg_unrounded = share_out(pot, by=ccg_people) # £
        ccg_money = rounded(ccg_unrounded) # £
        unrounded = share_out(ccg_money, by=registered_population, within=ccg) # £
        allocation = rounded(unrounded, within=ccg) # £
    """
    result = allocate(population=population, scheme=scheme(tmp_path, steps))

    assert rows_of(result, "ccg_money") == {"P1": 200, "P2": 200, "P3": 300, "P4": 500}
    assert rows_of(result, "allocation") == {"P1": 50, "P2": 150, "P3": 300, "P4": 500}


def test_rounding_within_groups_keeps_the_total_of_each_group(tmp_path):
    """£100 to each of three CCGs by 1:3, all and all, in tens: 00A gives 25 and 75, so 30 and 70 by code."""
    steps = """
        unrounded = share_out(pot, by=registered_population, within=ccg) # £
        allocation = rounded(unrounded, to=10, within=ccg) # £
    """
    result = allocate(population=write_rows(tmp_path / "p.csv", NATION), scheme=scheme(tmp_path, steps, pot=100))

    assert rows_of(result, "allocation") == {"P1": 30, "P2": 70, "P3": 100, "P4": 100}


def test_figures_of_groups_inside_groups(tmp_path):
    """The largest CCG of the North has 600 people and that of the South 1,000, on every row of the region."""
    steps = """
        ccg_people = total(registered_population, within=ccg) # people
        largest_ccg = largest(ccg_people, within=region) # people
        is_largest = ccg_people == largest_ccg
        in_largest = count(is_largest)
        allocation = largest_ccg - ccg_people
    """
    result = allocate(population=write_rows(tmp_path / "p.csv", NATION), scheme=scheme(tmp_path, steps))

    assert rows_of(result, "largest_ccg") == {"P1": 600, "P2": 600, "P3": 600, "P4": 1000}
    assert rows_of(result, "allocation") == {"P1": 200, "P2": 200, "P3": 0, "P4": 0}
    assert result.national["in_largest"].to_list() == [2]


def test_a_group_that_lies_in_two_larger_ones_is_an_error(tmp_path):
    """A CCG whose practices are in two regions cannot be added up by region; the CCG is named."""
    rows = [{**row, "region": "South"} if row["org_code"] == "P2" else row for row in NATION]
    steps = """
        ccg_people = total(registered_population, within=ccg)
        by_region = total(ccg_people, within=region)
        allocation = by_region * registered_population
    """
    with pytest.raises(CalculationError, match=r"step by_region, 2014/15: ccg 00A is in more than one region"):
        allocate(population=write_rows(tmp_path / "p.csv", rows), scheme=scheme(tmp_path, steps))


def test_groups_that_differ_only_in_capitals_are_refused(tmp_path):
    """Excel's SUMIFS treats NORTH and North as one group, so gpit asks for one spelling."""
    rows = [{**row, "region": "NORTH"} if row["org_code"] == "P3" else row for row in NATION]
    steps = "allocation = total(registered_population, within=region) + registered_population"
    with pytest.raises(CalculationError, match=r"region in 2014/15: 'North' and 'NORTH'|'NORTH' and 'North'"):
        allocate(population=write_rows(tmp_path / "p.csv", rows), scheme=scheme(tmp_path, steps + "\nx = 1"))


def test_unspent_money_of_a_group_is_reported(tmp_path):
    """A ceiling of £40 each leaves £20 of 00A's £100 and £60 of the others' unspent, and the run says so."""
    steps = """
        most = where(registered_population > 0, 40, 40)
        allocation = share_out(pot, by=registered_population, at_most=most, within=ccg)
    """
    result = allocate(population=write_rows(tmp_path / "p.csv", NATION), scheme=scheme(tmp_path, steps, pot=100))

    texts = [finding.found for finding in result.findings]
    assert any("£140 of £300 is unspent, in ccg 00A, 00B, 00C" in text for text in texts), texts


def test_an_amount_that_every_group_gets_in_full_is_a_warning(tmp_path):
    """£100 shared within each of three CCGs is £300 of new money; the run warns, and counts £300 in."""
    steps = "allocation = share_out(pot, by=registered_population, within=ccg)"
    result = allocate(population=write_rows(tmp_path / "p.csv", NATION), scheme=scheme(tmp_path, steps, pot=100))

    assert [finding.found for finding in result.findings if finding.level == "warning"] == [
        "Pot 2014/15: each of the 3 groups by ccg gets the full amount, £300 in total"
    ]
    assert [(fund.amount, fund.new_money) for fund in result.funds] == [(300, True)]


def test_an_amount_that_differs_within_a_group_names_the_organisation(tmp_path):
    """An amount by organisation must be one amount in each group."""
    steps = """
        own = registered_population * 1
        allocation = share_out(own, by=registered_population, within=ccg)
    """
    with pytest.raises(CalculationError, match=r"P2: own differs within ccg 00A \(100 and 300\)"):
        allocate(population=write_rows(tmp_path / "p.csv", NATION), scheme=scheme(tmp_path, steps))


# The year before ------------------------------------------------------------------------------------------


def test_money_and_people_of_merged_organisations_are_summed(tmp_path):
    """00F, 00G and 00H became 13T: its money of the year before is 100 + 200 + 300 of £1,000."""
    steps = """
        allocation = share_out(pot, by=registered_population) # £
        before = previous(allocation, first=0) # £
        people_before = previous(registered_population, first=registered_population) # people
    """
    result = allocate(population=people_by_year(tmp_path, MERGER), scheme=scheme(tmp_path, steps, years=TWO))

    assert rows_of(result, "before") == dict.fromkeys(MERGER["2014/15"], 0)
    assert rows_of(result, "before", "2015/16") == {"01A": 400, "13T": 600}
    assert rows_of(result, "people_before", "2015/16") == {"01A": 400, "13T": 600}


@pytest.mark.parametrize("value", ["registered_population / pot", "registered_population > 150"])
def test_ratios_and_yes_no_are_not_summed_over_a_merger(tmp_path, value):
    """A rate or a yes/no of merged organisations is refused, with the organisation and its predecessors."""
    first = "false_" if ">" in value else "x"
    steps = f"""
        x = {value}
        false_ = 1 > 2
        before = previous(x, first={first})
        allocation = registered_population * 1
    """
    with pytest.raises(CalculationError, match=r"step before, 2015/16, 13T: .* of 00F, 00G, 00H, which merged"):
        allocate(population=people_by_year(tmp_path, MERGER), scheme=scheme(tmp_path, steps, years=TWO))


def test_running_totals_are_not_summed_over_a_merger(tmp_path):
    """The running totals of members hold one another's people: their sum would count them twice."""
    steps = """
        place = rank(registered_population)
        so_far = running_total(registered_population, by=place) # people
        before = previous(so_far, first=0) # people
        allocation = registered_population * 1
    """
    with pytest.raises(CalculationError, match=r"13T: previous\(so_far\) would add up running totals of 00F, 00G"):
        allocate(population=people_by_year(tmp_path, MERGER), scheme=scheme(tmp_path, steps, years=TWO))


def test_a_ratio_is_carried_where_nothing_merged(tmp_path):
    """Without a merger the year before may be anything: a count of years gone goes 1, 2, 3."""
    years = {year: {"A": 10, "B": 20} for year in ("2014/15", "2015/16", "2016/17")}
    steps = """
        gone = previous(gone, first=0) + 1
        allocation = gone * registered_population
    """
    result = allocate(
        population=people_by_year(tmp_path, years),
        scheme=scheme(tmp_path, steps, years='["2014/15", "2015/16", "2016/17"]'),
    )

    assert [result.year(year)["allocation"].to_list() for year in years] == [[10, 20], [20, 40], [30, 60]]


def test_an_organisation_without_a_predecessor_is_an_error(tmp_path):
    """A new organisation without a predecessor has no value of the year before."""
    years = {"2014/15": {"A": 10}, "2015/16": {"A": 10, "B": 5}}
    steps = "allocation = previous(allocation, first=0) + registered_population"
    with pytest.raises(CalculationError, match=r"B has no predecessor in 2014/15"):
        allocate(population=people_by_year(tmp_path, years), scheme=scheme(tmp_path, steps, years=TWO))


def test_an_organisation_that_closed_without_a_successor_is_an_error(tmp_path):
    """Its money of the year before would be lost."""
    years = {"2014/15": {"A": 10, "B": 5}, "2015/16": {"A": 10}}
    steps = "allocation = previous(allocation, first=0) + registered_population"
    with pytest.raises(CalculationError, match=r"B existed in 2014/15 and has no successor"):
        allocate(population=people_by_year(tmp_path, years), scheme=scheme(tmp_path, steps, years=TWO))


@pytest.mark.skipif(not SHARED.is_dir(), reason="the published populations of all years are not beside this project")
def test_nobody_is_lost_in_any_merger_from_2014_to_2022(tmp_path):
    """56,633,982 people, carried by `previous` alone over eight years of mergers, stay 56,633,982."""
    years = [f"{first}/{first % 100 + 1}" for first in range(2014, 2022)]
    steps = "allocation = previous(allocation, first=registered_population) # people"
    result = allocate(
        population=SHARED / "england-ccg-populations.csv",
        scheme=scheme(tmp_path, steps, years=str(years).replace("'", '"')),
    )

    totals = {year: math.fsum(result.year(year)["allocation"]) for year in years}
    assert totals == dict.fromkeys(years, 56_633_982)
    assert [result.year(year).height for year in years] == [211, 209, 209, 207, 195, 191, 135, 106]


# What is undefined ----------------------------------------------------------------------------------------


def test_a_division_by_zero_names_step_year_organisation_and_figures(tmp_path):
    """The message says where, and the figures that went in."""
    steps = "allocation = pot / registered_population"
    with pytest.raises(CalculationError) as fault:
        allocate(population=population_file(tmp_path, {"A": 10, "B": 0}), scheme=scheme(tmp_path, steps))

    for part in (
        "scheme.toml, step allocation, 2014/15, B",
        "registered_population = 0",
        "pot = £1,000",
        "where(",
    ):
        assert part in str(fault.value)


OPTIONAL = '[inputs.extra]\nlabel = "Extra"\nunit = "£"\noptional = true\n'


def test_a_blank_optional_cell_is_shut_out_by_given(tmp_path):
    """`where(given(extra), extra, 7)` takes the cell where there is one and 7 where it is blank."""
    write_rows(
        tmp_path / "p.csv",
        [
            {"org_code": "A", "registered_population": 1, "extra": 5},
            {"org_code": "B", "registered_population": 1, "extra": ""},
        ],
    )
    steps = "allocation = where(given(extra), extra, 7)"
    result = allocate(population=tmp_path / "p.csv", scheme=scheme(tmp_path, steps, extra=OPTIONAL))

    assert rows_of(result, "allocation") == {"A": 5, "B": 7}


def test_an_optional_column_may_be_missing_altogether(tmp_path):
    """No file has the column: every cell is blank."""
    steps = "allocation = where(given(extra), extra, 7)"
    result = allocate(population=population_file(tmp_path, {"A": 1}), scheme=scheme(tmp_path, steps, extra=OPTIONAL))

    assert rows_of(result, "allocation") == {"A": 7}


def test_a_blank_cell_that_is_not_shut_out_is_an_error(tmp_path):
    """`min(1, extra)` does not skip a blank, as Excel's MIN does."""
    steps = "allocation = min(1, extra)"
    with pytest.raises(CalculationError, match="extra = blank"):
        allocate(population=population_file(tmp_path, {"A": 1}), scheme=scheme(tmp_path, steps, extra=OPTIONAL))


TEXTS = [
    "org_code",
    "-org_code",
    "min(org_code, 1)",
    "total(org_code) * registered_population",
    "largest(org_code) * registered_population",
    "share_out(pot, by=org_code)",
    "rounded(org_code)",
    "previous(org_code, first=1)",
    "where(1 > 0, org_name, org_name)",
]


@pytest.mark.parametrize("formula", TEXTS)
def test_codes_and_names_are_not_numbers(tmp_path, formula):
    """A code or a name in arithmetic is refused when the formula is read; the message has its position and the type."""
    with pytest.raises(FormulaError, match=r"scheme.toml, step allocation, character \d+: .*org_(code|name).*text"):
        allocate(population=population_file(tmp_path, {"A": 1}), scheme=scheme(tmp_path, f"allocation = {formula}"))


def test_a_code_may_be_compared_with_a_text(tmp_path):
    """One organisation can be singled out by its code."""
    steps = "allocation = where(org_code == 'A', 1, 2)"
    result = allocate(population=population_file(tmp_path, {"A": 1, "B": 1}), scheme=scheme(tmp_path, steps))

    assert rows_of(result, "allocation") == {"A": 1, "B": 2}


def test_a_closed_organisation_without_patients_or_spend_gets_nothing(tmp_path):
    """No patients and no spend: its cost per head is 0, it gets nothing, and the run reports it."""
    rows = [
        {"org_code": "A", "registered_population": 100, "historic_spend": 500},
        {"org_code": "B", "registered_population": 0, "historic_spend": 0},
    ]
    result = allocate(population=write_rows(tmp_path / "p.csv", rows), settings={"revenue_budget": 100})

    assert rows_of(result, "fair_share") == {"A": 100, "B": 0}
    assert any("no patients" in finding.found for finding in result.findings)


# Allocations that cannot be paid -------------------------------------------------------------------------------------


def warnings_of(result):
    """Return the warnings of a run by number."""
    return {finding.number: finding.found for finding in result.findings if finding.level == "warning"}


def test_negative_allocations_are_a_warning(tmp_path):
    """A and B get -£10 and -£30: both are negative, B is the lowest."""
    steps = "allocation = 0 - 0.04 * pot * registered_population / total(registered_population) # £"
    result = allocate(population=population_file(tmp_path, {"A": 1, "B": 3}), scheme=scheme(tmp_path, steps))

    assert warnings_of(result) == {"R05": "allocation 2014/15 is negative for 2 of 2, the lowest -£30 (B)"}


def test_allocations_in_parts_of_a_penny_are_a_warning(tmp_path):
    """A third of £1,000 is not in whole pence; rounded it is."""
    people = population_file(tmp_path, {"A": 1, "B": 1, "C": 1})
    steps = "allocation = share_out(pot, by=registered_population) # £"
    assert warnings_of(allocate(population=people, scheme=scheme(tmp_path, steps))) == {
        "R06": "allocation 2014/15 is not in whole pence"
    }
    steps = "x = share_out(pot, by=registered_population) # £\nallocation = rounded(x, to=0.01) # £"
    assert warnings_of(allocate(population=people, scheme=scheme(tmp_path, steps))) == {}


def test_more_money_than_there_is_to_share_out_is_a_warning(tmp_path):
    """£1,000 shared out and £500 added is £500 more than share_out has to share."""
    steps = "x = share_out(pot, by=registered_population) # £\nallocation = 1.5 * x # £"
    result = allocate(population=population_file(tmp_path, {"A": 1, "B": 3}), scheme=scheme(tmp_path, steps))

    assert warnings_of(result) == {
        "R07": "allocation 2014/15 and unspent money add up to £500 more than the money that share_out has to share"
    }


def test_new_money_is_a_note_and_not_a_warning(tmp_path):
    """£500 on top of the £1,000 is only a note if the scheme says that new money pays for it."""
    steps = """
        fair = share_out(pot, by=registered_population) # £
        whole = rounded(fair) # £
        allocation = whole + 125 # £
    """
    place = scheme(tmp_path, steps)
    place.write_text(place.read_text("utf-8").replace("[scheme]", '[scheme]\npaid_from = "new money"'), "utf-8")
    result = allocate(population=write_rows(tmp_path / "p.csv", NATION), scheme=place)

    assert "R07" not in warnings_of(result)
    (note,) = [finding for finding in result.findings if finding.number == "R09"]
    assert note.found == "allocation 2014/15: £500 of it is new money, on top of the money to share out"


def test_fair_shares_that_follow_from_people_are_money_that_comes_in(tmp_path):
    """£5 each for 4 people are money in as well as £1,000, of which £4 go out: no budget is shared out for the £20."""
    steps = """
        rate = 5 # £ per head
        fair_share = rate * registered_population # £
        need = fair_share / 5 # £
        support = share_out(pot, by=need, at_most=need) # £
        allocation = fair_share + support # £
    """
    result = allocate(population=population_file(tmp_path, {"A": 1, "B": 3}), scheme=scheme(tmp_path, steps))

    (year,) = result.measures()
    assert [(line.name, line.amount) for line in year.money.money_in] == [("fair_share", 20), ("pot", 1_000)]
    assert [(line.name, line.amount) for line in year.money.unspent] == [("support", 996)]
    assert warnings_of(result) == {}


def test_the_sample_has_no_such_warning():
    """England's allocations are whole pounds, none is negative, and money out and unspent equals money in."""
    assert [number for number in warnings_of(allocate(sample=True)) if number.startswith("R")] == []


# Kernels with names -----------------------------------------------------------------------------------------


def test_floors_that_cost_too_much_say_what_they_cost(tmp_path):
    """Floors of £600 and £500 with £1,000 to share: the message says £100 too little, with rule, year and amounts."""
    steps = """
        floor = where(registered_population > 15, 600, 500)
        allocation = share_out(pot, by=registered_population, at_least=floor)
    """
    with pytest.raises(CalculationError) as fault:
        allocate(population=population_file(tmp_path, {"A": 20, "B": 10}), scheme=scheme(tmp_path, steps))

    for part in ("step allocation, 2014/15", "floor needs 1,100", "pot is 1,000", "100 too little"):
        assert part in str(fault.value)


@pytest.mark.parametrize(
    ("steps", "message"),
    [
        ("w = 0 - registered_population\nallocation = share_out(pot, by=w)", "A: the weight w is negative"),
        ("w = 0 * registered_population\nallocation = share_out(pot, by=w)", "every weight w is 0"),
        (
            "lo = where(pot > 0, 3, 3)\nhi = lo - 1\nallocation = share_out(pot, by=lo, at_least=lo, at_most=hi)",
            r"A: at_least \(lo\) is above at_most \(hi\)",
        ),
    ],
)
def test_the_message_names_what_cannot_be_shared_out(tmp_path, steps, message):
    """For negative weights, no weights and crossed limits, the message has the step, the year and the organisation."""
    with pytest.raises(CalculationError, match=message):
        allocate(population=population_file(tmp_path, {"A": 20, "B": 30}), scheme=scheme(tmp_path, steps))


# Order and totals ---------------------------------------------------------------------------------------------


def test_totals_do_not_depend_on_the_order_of_rows(tmp_path):
    """Amounts from a penny to £100bn add up to the same float in any order."""
    source = random.Random(1)
    rows = [{"org_code": f"{i:03}", "x": source.uniform(0.01, 10 ** source.randint(0, 11))} for i in range(200)]
    totals = set()
    for seed in range(5):
        random.Random(seed).shuffle(rows)
        path = write_rows(tmp_path / f"{seed}.csv", rows)
        result = allocate(population=path, scheme=scheme(tmp_path, "all = total(x)\nallocation = x / all"))
        totals.add(result.national["all"][0])

    assert totals == {math.fsum(row["x"] for row in rows)}


def test_result_holds_polars_frames():
    """A notebook gets a tidy frame, national figures, checks, findings and a manifest."""
    result = allocate(sample=True, settings={"transition_fund@2015/16": 10_000_000})

    assert isinstance(result.rows, pl.DataFrame)
    assert result.rows.height == 422
    assert result.rows.columns[0] == "year"
    assert result.rows.columns[-1] == "allocation"
    assert result.national.columns[0] == "year"
    assert result.agrees
    assert result.manifest["scheme"]["name"] == "gpit-2014-16"
    assert len(repr(result)) < 200
    assert "422 rows" in repr(result)


# Figures about a result -------------------------------------------------------------------------------------------


def test_inequality_of_two_places_worked_by_hand():
    """£1 a head for 100 people and £3 for 100: mean 2, deviation 1, so variation 0.5; Gini 0.25.

    Lorenz: the poorer half has a quarter of the money; the area under the curve is 1/2·(1/4)/2 + 1/2·(1/4 + 1)/2 =
    0.375, and 1 − 2 × 0.375 = 0.25.
    """
    spread = inequality([100, 300], [100, 100])

    assert spread is not None
    assert (spread.lowest, spread.highest) == (1, 3)
    assert math.isclose(spread.variation, 0.5)
    assert math.isclose(spread.gini, 0.25)


def test_equal_rates_have_no_inequality():
    """All at £8.71 a head: variation and Gini are 0 to the last digits of a float."""
    people = [468_022, 280_267, 757_589]
    spread = inequality([heads * 8.71 for heads in people], people)

    assert spread is not None
    assert spread.variation < 1e-9
    assert spread.gini < 1e-9


def test_a_change_below_a_pound_is_no_change(tmp_path):
    """Spend with pence and allocations in whole pounds: a few pence apart is neither a gain nor a loss."""
    write_rows(
        tmp_path / "p.csv",
        [
            {"org_code": "A", "registered_population": 1, "historic_spend": 500.4},
            {"org_code": "B", "registered_population": 1, "historic_spend": 498},
        ],
    )
    steps = """
        unrounded = share_out(pot, by=registered_population)
        allocation = rounded(unrounded)
        spend = total(historic_spend)
    """
    (year,) = allocate(population=tmp_path / "p.csv", scheme=scheme(tmp_path, steps)).measures()

    assert (year.gain, year.lose) == (1, 0)
    assert year.shortfall is not None
    assert year.shortfall.total == 0


# Effects of assumptions ----------------------------------------------------------------------------------------


def test_an_assumption_is_tried_at_90_and_110_per_cent(tmp_path):
    """£1,000 shared between two: at £900 both get £100 less in total, and at £1,100 £100 more."""
    steps = "allocation = share_out(pot, by=registered_population) # £"
    result = allocate(population=population_file(tmp_path, {"A": 1, "B": 3}), scheme=scheme(tmp_path, steps))

    assert [(effect.assumption, effect.change, effect.total, effect.organisations) for effect in result.effects] == [
        (1, -0.1, -100, 2),
        (1, 0.1, 100, 2),
    ]


def test_an_assumption_at_its_limit_is_not_tried_beyond_it():
    """The share of need is 100% in 2014/15, its maximum; the 50% of 2015/16 is tried at 45% and 55%.

    The budget of 2015/16 is £140m, and 10% of it is £14m. The sample's need is £30,154,703 in full: half of it
    rounds to £15,077,352 and 45% to £13,569,616, which is £1,507,736 less.
    """
    result = allocate(sample=True, transition="none")
    assert [effect.total for effect in result.effects] == [-14_000_000, 14_000_000]

    effects = {(effect.assumption, effect.change): effect for effect in allocate(sample=True).effects}
    assert effects[2, 0.1].said == "a higher value was not tried: 100% is the highest allowed"
    assert effects[3, -0.1].total == -1_507_736
    assert {effect.assumption for effect in effects.values()} == {1, 2, 3}


def test_an_effect_that_cannot_be_calculated_says_why(tmp_path):
    """£1,000 covers two floors of £500, and £900 does not: there is no result to compare with."""
    steps = """
        floor = where(pot > 0, 500, 500)
        allocation = share_out(pot, by=registered_population, at_least=floor)
    """
    result = allocate(population=population_file(tmp_path, {"A": 1, "B": 3}), scheme=scheme(tmp_path, steps))

    assert "floor needs" in result.effects[0].said
    assert result.effects[1].total == 100


def test_a_missing_column_to_report_by_is_a_note():
    """The A to D sample has no area teams although its scheme reports by them; the England sample has."""
    run = allocate(population=SAMPLES / "abcd-population.csv", spend=SAMPLES / "abcd-spend.csv")

    assert [finding.level for finding in run.findings if finding.number == "R08"] == ["note"]
    assert not [finding for finding in allocate(sample=True).findings if finding.number == "R08"]


def test_a_misspelt_column_to_report_by_is_a_warning(tmp_path):
    """`regoin` beside a column `region` is a slip, so the warning names the column."""
    path = scheme(tmp_path, "allocation = share_out(pot, by=registered_population)")
    path.write_text(path.read_text(encoding="utf-8").replace("[scheme]", '[scheme]\nreport_by = "regoin"'), "utf-8")
    people = write_rows(tmp_path / "p.csv", [{"org_code": "A", "registered_population": 5, "Region": "North"}])
    run = allocate(population=people, scheme=path)

    (finding,) = (finding for finding in run.findings if finding.number == "R08")
    assert finding.level == "warning"
    assert finding.found.endswith("there are no totals by regoin; did you mean region?")


def test_the_nearest_name_may_be_a_standard_column(tmp_path):
    """In the step blended_population, registred_population is a slip of registered_population, not of the step."""
    steps = """
        blended_population = registred_population * 0.6
        allocation = share_out(pot, by=blended_population)
    """
    people = write_rows(tmp_path / "p.csv", [{"org_code": "A", "List size": 5}])
    with pytest.raises(InputError, match="; the nearest is 'registered_population'"):
        allocate(population=people, scheme=scheme(tmp_path, steps))


def test_checking_inputs_needs_no_values(tmp_path):
    """The scheme fair-share has no budget of its own, and a file can be checked before it is known; a run needs it."""
    people = population_file(tmp_path, {"A": 100, "B": 300})

    report = check(population=people, scheme="fair-share", years="2025/26")
    assert (report.years, [finding for finding in report.findings if finding.level == "error"]) == (("2025/26",), [])
    with pytest.raises(SchemeError, match="there is no value for revenue_budget"):
        allocate(population=people, scheme="fair-share", years="2025/26")


# Checks that stop, and other years -----------------------------------------------------------------------


STOPS = """
[[checks]]
name = "No practice has more than 500 patients"
formula = "registered_population <= 500"
note = "a practice of that size is split first"
stops = true
"""


def test_a_check_that_stops_says_who_and_why(tmp_path):
    """Two practices have more than 500 patients: there is no result, and the message has the first with its figures."""
    place = scheme(tmp_path, "allocation = registered_population")
    place.write_text(place.read_text("utf-8") + STOPS, "utf-8")

    with pytest.raises(CalculationError) as refused:
        allocate(population=write_rows(tmp_path / "p.csv", NATION), scheme=place)
    assert str(refused.value) == (
        "scheme.toml, check No practice has more than 500 patients, 2014/15, P3 and 1 more (p.csv row 4): "
        "registered_population <= 500 is not true (registered_population = 600), so there is no result; "
        "a practice of that size is split first"
    )


def test_a_check_that_may_stop_a_run_and_passes_does_not_stop_it(tmp_path):
    """If it passes, it is a check like any other."""
    place = scheme(tmp_path, "allocation = registered_population")
    place.write_text(place.read_text("utf-8") + STOPS, "utf-8")
    result = allocate(population=write_rows(tmp_path / "p.csv", NATION[:2]), scheme=place)

    assert [check.holds for check in result.checks] == [True]


EVERY_YEAR = """
[parameters.rate]
label = "Rate"
[parameters.rate.values]
every_year = { value = 2, assumption = "An example." }
"""


def test_a_scheme_runs_for_other_years(tmp_path):
    """A scheme with values for every year can run for any years, and its digest then differs."""
    place = scheme(tmp_path, "allocation = registered_population * rate", extra=EVERY_YEAR)
    place.write_text(place.read_text("utf-8").replace(POT.format(pot=1000), ""), "utf-8")
    people = write_rows(tmp_path / "p.csv", NATION)
    own, other = (allocate(population=people, scheme=place, years=years) for years in (None, ["2019/20", "2020/21"]))

    assert list(own.years) == ["2014/15"]
    assert list(other.years) == ["2019/20", "2020/21"]
    assert rows_of(other, "allocation", "2020/21") == {"P1": 200, "P2": 600, "P3": 1200, "P4": 2000}
    assert other.manifest["run"]["years"] == ["2019/20", "2020/21"]
    assert own.scheme.digest != other.scheme.digest


@pytest.mark.parametrize(
    ("years", "message"),
    [
        (["2019"], "years 2019: '2019' is not a financial year; write it as 2014/15"),
        (["2019/20", "2021/22"], "years 2019/20, 2021/22: years must be consecutive"),
        (["2016/17"], "there is no value for revenue_budget (National GP IT revenue funding) in 2016/17"),
    ],
)
def test_years_that_are_none_or_have_no_values_are_refused(years, message):
    """Years are financial years in sequence, and the scheme needs every value for them."""
    with pytest.raises(GpitError) as refused:
        allocate(sample=True, years=years)
    assert message in str(refused.value)
