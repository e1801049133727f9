"""Rows restated for the organisations of a day: mergers, splits, ONS codes, and the user's crosswalks."""

from __future__ import annotations

import csv
import itertools
import json
import random
from datetime import date, datetime
from fractions import Fraction
from math import floor

import openpyxl
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import recalculation
from gpit_fairshare import allocate
from gpit_fairshare.errors import CalculationError, InputError, UsageError
from gpit_fairshare.findings import FindingCode
from gpit_fairshare.inputs.checked_tables import read_inputs
from gpit_fairshare.inputs.columns.cells import boundary_date, year_start
from gpit_fairshare.inputs.model import NeededColumn, Request, Restated
from gpit_fairshare.inputs.tables.sums import exact_total, portions
from gpit_fairshare.workbook.result_workbook import write_workbook
from running import SAMPLES, SHARED, YEARS, gpit, read_rows, words, write_rows
from small_schemes import TWO, people_by_year, rows_of, scheme

PEOPLE = NeededColumn("registered_population", "number", "people")
SPEND = NeededColumn("historic_spend", "number", "£")
COUNTS = {"cost_type": ("revenue",), "committed": ("yes",)}
DAY = date(2026, 4, 1)
POPULATIONS = SHARED / "england-ccg-populations.csv"
PRACTICES = SHARED / "gp-reg-pat-prac-all-2021-01.csv"
FRIMLEY = ("10C", "10G", "10T", "11C", "99M")
"""The CCGs of 2014/15 that became D4U1Y in 2021; 10G, 10T and 11C were 15D from 2018."""

SPLIT = "predecessor,successor_code,effective_date,fraction,successor_name\n"
A_SPLITS = SPLIT + "A,B,2026-04-01,1/3,Beech\nA,C,2026-04-01,2/3,Cedar\nD,C,2026-04-01,,Cedar\nE,E,2026-04-01,,\n"


class Folder:
    """A folder of input files, written from texts."""

    def __init__(self, path):
        self.path = path

    def write(self, name, text):
        """Write a file and return its path."""
        (self.path / name).write_text(text, encoding="utf-8")
        return str(self.path / name)

    def read(self, population=None, spend=None, extra=None, walk=None, **options):
        """Read texts as CSV files, by default on the boundaries of 1 April 2026."""
        given_files = {"population": population, "spend": spend, "extra": extra, "crosswalk": walk}
        files = {role: (self.write(f"{role}.csv", text),) for role, text in given_files.items() if text is not None}
        needs = [need for need, text in ((PEOPLE, population), (SPEND, spend)) if text is not None]
        return read_inputs(
            Request(**{"years": ("2014/15",), "needs": tuple(needs), "boundaries": DAY, **files, **options})
        )

    def faults(self, *files, **options):
        """Read files that have errors, and return the errors."""
        with pytest.raises(InputError) as caught:
            self.read(*files, **options)
        return [finding for finding in caught.value.findings if finding.level == "error"]

    def fault(self, *files, **options):
        """Read files that have one error, and return it."""
        (fault,) = self.faults(*files, **options)
        return fault


@pytest.fixture
def folder(tmp_path):
    """An empty folder for input files."""
    return Folder(tmp_path)


def column(inputs, name, year="2014/15"):
    """A column of a table by organisation."""
    return dict(zip(inputs.tables[year]["org_code"], inputs.tables[year][name], strict=True))


def texts_about(inputs, about):
    """The texts of the findings with a code."""
    return [str(finding) for finding in inputs.findings if finding.number == about.number]


@pytest.fixture(scope="module")
def england():
    """The England sample on the boundaries of 1 April 2021; allocations are the fair shares."""
    return allocate(sample=True, boundaries="2021-04-01", transition="none")


@pytest.fixture(scope="module")
def england_inputs():
    """The inputs of the England sample, with its lines of cost, on the boundaries of 1 April 2021."""
    return read_inputs(
        Request(
            population=(str(SAMPLES / "england-2014-15-population.csv"),),
            spend=(str(SAMPLES / "england-2014-15-spend.csv"),),
            years=YEARS,
            needs=(PEOPLE, SPEND),
            counts=COUNTS,
            boundaries=date(2021, 4, 1),
        )
    )


# England


def test_england_of_2014_on_the_boundaries_of_2021(england_inputs):
    """211 CCGs become the 106 of 2021, and the 56,633,982 people and £148,000,000 stay the same."""
    for year in YEARS:
        table = england_inputs.tables[year]
        assert table.height == 106
        assert exact_total(table["registered_population"]) == 56_633_982
        assert exact_total(table["historic_spend"]) == 148_000_000
    assert exact_total(england_inputs.lines["amount"]) == 186_000_000
    assert set(england_inputs.lines["org_code"]) == set(england_inputs.tables["2014/15"]["org_code"])
    notes = texts_about(england_inputs, FindingCode.BOUNDARIES)
    assert "restated 211 CCGs as 106 on the boundaries of 1 April 2021" in notes[0]
    assert "adds up to 56,633,982 people before and 56,633,982 people after" in notes[0]
    assert "historic_spend adds up to £148,000,000.00 before and £148,000,000.00 after" in notes[1]


def test_money_of_10g_arrives_in_d4u1y_through_15d(england_inputs):
    """Spend of Bracknell and Ascot is part of Frimley's, and the note names the chain of mergers."""
    spent = dict.fromkeys(FRIMLEY, 0)
    for line in read_rows(SAMPLES / "england-2014-15-spend.csv"):
        if line["org_code"] in spent and (line["cost_type"], line["committed"]) == ("revenue", "yes"):
            spent[line["org_code"]] += int(line["amount"])

    assert column(england_inputs, "historic_spend")["D4U1Y"] == sum(spent.values())
    moves = {
        move.predecessor: move.amount
        for move in england_inputs.restated
        if (move.year, move.successor, move.column) == ("2014/15", "D4U1Y", "historic_spend")
    }
    assert moves == spent
    origin = england_inputs.origins["2014/15", "D4U1Y", "historic_spend"]
    assert origin == "10C, 10G, 10T, 11C and 99M of england-2014-15-spend.csv"
    chain = "10G, 10T and 11C became 15D on 1 April 2018; 10C, 15D and 99M became D4U1Y on 1 April 2021"
    assert chain in texts_about(england_inputs, FindingCode.BOUNDARIES)[-1]
    names = column(england_inputs, "org_name")
    assert (names["D4U1Y"], names["99A"]) == ("NHS Frimley CCG", "Liverpool")


def test_fair_share_of_the_whole_is_that_of_its_members(england):
    """A fair share by people is linear: merging first or sharing first gives the same result, except for rounding."""
    apart = allocate(sample=True, transition="none")
    walk = apart.inputs.crosswalk
    for year in YEARS:
        shares, exact, members = {}, {}, {}
        for row in apart.year(year).iter_rows(named=True):
            end = walk.becomes(row["org_code"], date.min, date(2021, 4, 1))
            shares[end] = shares.get(end, 0) + row["fair_share"]
            exact[end] = exact.get(end, 0) + row["unrounded_fair_share"]
            members[end] = members.get(end, 0) + 1
        merged = england.year(year)
        assert sorted(shares) == merged["org_code"].to_list()
        for code, unrounded, share in merged.select("org_code", "unrounded_fair_share", "fair_share").iter_rows():
            assert unrounded == pytest.approx(exact[code], abs=1e-6)
            # Each rounding changes a share by less than £1.
            assert abs(share - shares[code]) < members[code] + 1


@pytest.mark.slow
@pytest.mark.skipif(not POPULATIONS.exists(), reason="the published populations are not beside the repository")
def test_ccgs_of_each_year_on_the_boundaries_of_the_last():
    """The published CCGs of each year become 106 by 2021 and keep their people, by date and by year."""
    table = pl.read_csv(POPULATIONS, infer_schema=False)
    weighted = NeededColumn("weighted_population", "number", "people")
    for year, before in zip(sorted(set(table["year"]))[:8], (211, 209, 209, 207, 195, 191, 135, 106), strict=True):
        rows_of_year = table.filter(pl.col("year") == year)
        request = Request(
            population=(str(POPULATIONS),), years=(year,), needs=(PEOPLE, weighted), boundaries=boundary_date("2021/22")
        )
        inputs = read_inputs(request)

        assert (rows_of_year.height, inputs.tables[year].height) == (before, 106)
        for need in (PEOPLE, weighted):
            published = sum(Fraction(text) for text in rows_of_year[need.name])
            assert sum(Fraction(repr(value)) for value in inputs.tables[year][need.name]) == published


@pytest.mark.skipif(not POPULATIONS.exists(), reason="the published populations are not beside the repository")
@pytest.mark.parametrize("to", ["2015/16", "2018/19", "2020/21"])
def test_ccgs_of_2014_on_the_boundaries_of_a_year_are_those_of_the_year(to):
    """The CCGs of 2014/15, restated to a later year, are the CCGs published for that year."""
    table = pl.read_csv(POPULATIONS, infer_schema=False)
    request = Request(population=(str(POPULATIONS),), years=("2014/15",), needs=(PEOPLE,), boundaries=year_start(to))

    assert read_inputs(request).tables["2014/15"]["org_code"].to_list() == sorted(
        table.filter(pl.col("year") == to)["org_code"]
    )


# The day


def test_a_day_in_its_two_forms():
    """A date is a day, and a financial year is its first day."""
    assert boundary_date("2020-04-01") == date(2020, 4, 1)
    assert boundary_date("2020/21") == date(2020, 4, 1)
    assert boundary_date(date(2021, 7, 1)) == date(2021, 7, 1)
    assert boundary_date(datetime(2021, 7, 1, 12)) == date(2021, 7, 1)  # noqa: DTZ001  # a day has no zone


@pytest.mark.parametrize(
    "text", ["1 April 2020", "2020", "2020-21", "20200401", "2020-W14-3", "2020-02-30", "2020/22", ""]
)
def test_other_forms_of_a_day_are_refused(text):
    """Anything else is an error that states the two valid forms."""
    with pytest.raises(UsageError, match=r"a date such as 2020-04-01, or a financial year such as 2020/21"):
        boundary_date(text)


# Splits


def test_parts_worked_by_hand():
    """£100.01 in thirds is 3333.67 and 6667.33 pence: the remaining penny goes to the larger remainder.

    Five people in halves are two each, and the one that is left goes to the earlier code. An amount with three
    decimal places is shared in tenths of a penny: 10,005 of them in halves are 5,002.5 each.
    """
    thirds = {"B": Fraction(1, 3), "C": Fraction(2, 3)}
    halves = {"C": Fraction(1, 2), "B": Fraction(1, 2)}

    assert portions(100.01, thirds, "£") == {"B": 33.34, "C": 66.67}
    assert portions(5.0, halves, "people") == {"C": 2, "B": 3}
    assert portions(10.005, halves, "£") == {"C": 5.002, "B": 5.003}
    assert portions(2.5, halves, "people") == {"C": 1.2, "B": 1.3}
    assert portions(0.0, thirds, "£") == {"B": 0, "C": 0}
    assert portions(1e-7, {"B": Fraction(1)}, "£") == {"B": 1e-7}


@settings(deadline=None)
@given(
    st.integers(0, 10**12),
    st.integers(0, 4),
    st.lists(st.integers(1, 10**6), min_size=1, max_size=8),
    st.sampled_from(["£", "people"]),
)
def test_parts_add_up_exactly(digits, places, weights, unit):
    """Parts add up to the written amount, each within one step, and the largest remainders get the rest."""
    amount = float(Fraction(digits, 10**places))
    fractions = {f"X{index}": Fraction(weight, sum(weights)) for index, weight in enumerate(weights)}
    exact = Fraction(repr(amount))
    finest = Fraction(1, 10 ** next(count for count in range(5) if (exact * 10**count).denominator == 1))
    step = min(Fraction(1, 100) if unit == "£" else Fraction(1), finest)
    parts = {code: Fraction(repr(part)) for code, part in portions(amount, fractions, unit).items()}

    assert sum(parts.values()) == exact
    if len(fractions) > 1:
        quotas = {code: exact * fraction / step for code, fraction in fractions.items()}
        given_up = {code: parts[code] / step - floor(quota) for code, quota in quotas.items()}
        assert set(given_up.values()) <= {0, 1}
        order = sorted(quotas, key=lambda code: (floor(quotas[code]) - quotas[code], code))
        assert [given_up[code] for code in order] == sorted(given_up.values(), reverse=True)


def test_a_split_by_hand(folder):
    """Of A's £100.01 a third goes to B and the rest to C, with all of D's £10; its 5 people go 2 and 3."""
    inputs = folder.read(
        "org_code,org_name,list size\nA,Ash,5\nD,Dogwood,7\nE,Elm,1\n",
        "org_code,historic_spend\nA,100.01\nD,10\nE,0.5\n",
        walk=A_SPLITS,
    )

    assert inputs.tables["2014/15"].rows() == [
        ("B", "Beech", 2.0, 33.34),
        ("C", "Cedar", 10.0, 76.67),
        ("E", "Elm", 1.0, 0.5),
    ]
    assert inputs.restated == (
        Restated("2014/15", "A", "B", "historic_spend", 33.34),
        Restated("2014/15", "A", "B", "registered_population", 2.0),
        Restated("2014/15", "A", "C", "historic_spend", 66.67),
        Restated("2014/15", "A", "C", "registered_population", 3.0),
        Restated("2014/15", "D", "C", "historic_spend", 10.0),
        Restated("2014/15", "D", "C", "registered_population", 7.0),
    )
    assert inputs.origins["2014/15", "C", "historic_spend"] == "2/3 of A and D of spend.csv"
    assert inputs.origins["2014/15", "E", "historic_spend"] == "spend.csv row 4"
    (*_, became) = texts_about(inputs, FindingCode.BOUNDARIES)
    assert became == "1/3 of A became B on 1 April 2026; 2/3 of A and D became C on 1 April 2026."
    assert [source.role for source in inputs.sources] == ["population", "spend", "crosswalk"]


def test_lines_of_a_split_add_up_to_its_spend(folder):
    """Two lines of one penny, split in halves, give two pennies to B and none to C, in the lines and in the sum."""
    walk = SPLIT + "A,B,2026-04-01,0.5,\nA,C,2026-04-01,0.5,\n"
    spend = "org_code,cost_type,committed,amount\n" + "A,revenue,yes,0.01\n" * 2 + "A,capital,yes,3.01\n"
    inputs = folder.read("org_code,list size\nA,2\n", spend, walk=walk, counts=COUNTS)

    assert column(inputs, "historic_spend") == {"B": 0.02, "C": 0.0}
    lines = inputs.lines.select("org_code", "amount", "counts", "predecessor").rows()
    assert lines == [
        ("B", 1.51, False, "A"),
        ("B", 0.01, True, "A"),
        ("B", 0.01, True, "A"),
        ("C", 1.5, False, "A"),
        ("C", 0.0, True, "A"),
        ("C", 0.0, True, "A"),
    ]


@pytest.mark.slow
@settings(deadline=None, max_examples=25)
@given(st.data())
def test_nothing_is_lost_and_no_order_matters(tmp_path_factory, data):
    """Splits and mergers never change totals, and the order of rows and files has no effect."""
    olds, news = [f"OLD{index}" for index in range(5)], [f"NEW{index}" for index in range(3)]
    # The amounts are so similar that none is close to the sum of others, which would be refused as a total.
    amounts = {code: Fraction(data.draw(st.integers(10**9, 2 * 10**9 - 1)), 100) for code in olds}
    rows = []
    oracle = dict.fromkeys(news, Fraction())
    for code in olds:
        ends = data.draw(st.lists(st.sampled_from(news), min_size=1, max_size=3, unique=True))
        weights = [data.draw(st.integers(1, 9)) for _ in ends]
        for end, weight in zip(ends, weights, strict=True):
            rows.append(f"{code},{end},2026-04-01,{weight}/{sum(weights)},\n")
            oracle[end] += amounts[code] * Fraction(weight, sum(weights))
    spend = [f"{code},{float(amount)!r}\n" for code, amount in amounts.items()]

    def restated(seed):
        mixed = [random.Random(seed).sample(some, len(some)) for some in (spend, rows)]
        folder = Folder(tmp_path_factory.mktemp("any"))
        return folder.read(spend="org_code,historic_spend\n" + "".join(mixed[0]), walk=SPLIT + "".join(mixed[1]))

    inputs = restated(1)
    spend_by_code = {code: Fraction(repr(amount)) for code, amount in column(inputs, "historic_spend").items()}
    assert sum(spend_by_code.values()) == sum(amounts.values())
    # Each of five amounts is rounded by less than a penny.
    assert all(abs(spend_by_code[code] - oracle[code]) < Fraction(5, 100) for code in spend_by_code)
    for seed in (2, 3):
        again = restated(seed)
        assert again.tables["2014/15"].rows() == inputs.tables["2014/15"].rows()
        assert again.restated == inputs.restated


# Rates, texts, blanks


def test_rates_are_never_averaged(folder):
    """A rate is kept if all merged organisations have the same; one that differs, or belongs to a part, is unknown."""
    needs = (PEOPLE, NeededColumn("rate", "number", "£ per head"))
    people = "org_code,list size\n00F,1\n00G,1\n00H,1\n"
    extra = "org_code,rate\n00F,2\n00G,2\n00H,2\n"

    assert column(folder.read(people, extra=extra, needs=needs), "rate") == {"13T": 2.0}
    fault = folder.fault(people, extra=extra.replace("00H,2", "00H,3"), needs=needs)
    assert (fault.number, fault.file) == (FindingCode.NOT_SUMMED.number, "extra.csv")
    assert "rate is a rate or has no unit" in fault.found
    part = folder.fault("org_code,list size\nA,5\nD,7\n", extra="org_code,rate\nA,2\nD,2\n", walk=A_SPLITS, needs=needs)
    assert "the predecessors of B and C differ or are split" in part.found


def test_texts_that_differ_are_left_blank_or_refused(folder):
    """A text is kept if all agree; otherwise it is blank, or an error if a step uses it."""
    people = "org_code,list size,area_team\n00F,1,North\n00G,1,North\n00H,1,South\n00W,1,x\n01M,1,x\n01N,1,x\n"
    inputs = folder.read(people)

    assert column(inputs, "area_team") == {"13T": None, "14L": "x"}
    (warning,) = texts_about(inputs, FindingCode.NOT_SUMMED)
    assert "area_team differs between the predecessors of 13T; it is left blank there" in warning
    fault = folder.fault(people, needs=(PEOPLE, NeededColumn("area_team", "text")))
    assert fault.number == FindingCode.NOT_SUMMED.number


def test_a_blank_part_of_a_sum_is_reported(folder):
    """Blank cells of an optional column are missing from the sum, and the run names their organisations."""
    needs = (PEOPLE, NeededColumn("rent", "number", "£", optional=True))
    inputs = folder.read("org_code,list size,rent\n00F,1,2\n00G,1,\n00H,1,3\n", needs=needs)

    assert column(inputs, "rent") == {"13T": 5.0}
    assert "rent is blank for 00G, so it is not in the sum of 13T" in texts_about(inputs, FindingCode.PARTLY_BLANK)[0]


# What cannot be restated


def test_an_unknown_code_is_an_error(folder):
    """A code in no crosswalk is an error in its cell, with the nearest codes and what to do."""
    fault = folder.fault("org_code,list size\n00Q,1\n00Z,2\n")

    assert (fault.number, fault.place) == (FindingCode.UNKNOWN_ORGANISATION.number, "row 3, org_code")
    assert fault.found.startswith("00Z is not in a crosswalk; did you mean 00")
    assert "--crosswalk FILE" in fault.remedy
    assert not texts_about(
        folder.read("org_code,list size\n00Q,1\nE,2\n", walk=A_SPLITS), FindingCode.UNKNOWN_ORGANISATION
    )


def test_many_unknown_codes_are_one_error(folder):
    """A file of other organisations is one error, not one for each row."""
    fault = folder.fault("org_code,list size\n" + "".join(f"A8{number:04},1\n" for number in range(500)))

    assert "the first of 500 such codes" in fault.found
    assert "and 495 more" in fault.found


def test_organisations_that_do_not_exist_yet_are_an_error(folder):
    """15D of 2018 cannot be divided for the boundaries of 2014, and no CCG existed before April 2013."""
    fault = folder.fault("org_code,list size\n15D,1\n", boundaries=date(2014, 4, 1))

    assert fault.found == (
        "15D did not exist on 1 April 2014: it opened on 1 April 2018 from 10G, 10T and 11C, "
        "whose figures cannot be separated again"
    )
    assert fault.remedy == "Give the figures of 10G, 10T and 11C, or --boundaries 2018-04-01 or a later day"
    early = folder.fault("org_code,list size\n00C,1\n", boundaries=date(2013, 3, 31))
    assert "00C did not exist on 31 March 2013: it opened on 1 April 2013" in early.found


def test_half_a_merger_is_an_error(folder):
    """A merger without one of its members would be too low, at any point of the chain."""
    people = "org_code,list size\n" + "".join(f"{code},1\n" for code in FRIMLEY)

    assert column(folder.read(people), "registered_population") == {"D4U1Y": 5.0}
    for gone in FRIMLEY:
        fault = folder.fault(people.replace(f"{gone},1\n", ""))
        assert fault.number == FindingCode.INCOMPLETE.number
        assert fault.found.startswith(f"no row for {gone}, so the figures of D4U1Y would be too low")
    later = folder.read("org_code,list size\n10C,1\n15D,3\n99M,1\n")
    assert column(later, "registered_population") == {"D4U1Y": 5.0}


def test_a_member_that_was_not_there_in_the_year_is_a_warning(folder):
    """Rows of 2015/16 with the old codes 00F and 00G may be complete, since 00H was closed like them."""
    people = "year,org_code,list size\n{0},00F,1\n{0},00G,1\n"
    inputs = folder.read(people.format("2015/16"), years=("2015/16",))

    assert "no row for 00H, so the figures of 13T may be too low" in texts_about(inputs, FindingCode.INCOMPLETE)[0]
    fault = folder.fault(people.format("2014/15"))
    assert "no row for 00H, so the figures of 13T would be too low" in fault.found


def test_an_organisation_with_its_successor_is_an_error(folder):
    """10G is already part of 15D, and would be in D4U1Y twice."""
    fault = folder.fault("org_code,list size\n10C,1\n10G,1\n10T,1\n11C,1\n15D,3\n99M,1\n")

    assert fault.number == FindingCode.INCOMPLETE.number
    assert "10G, 10T and 11C and their successor 15D are both in the file" in fault.found
    assert "counted twice in D4U1Y" in fault.found


def test_one_that_takes_over_another_counts_both(folder):
    """If E takes over A, its figure is the sum of both; without its own figure it is too low."""
    walk = SPLIT + "A,E,2026-04-01,,\nE,E,2026-04-01,,\n"

    inputs = folder.read("org_code,org_name,list size\nA,Ash,1\nE,Elm,2\n", walk=walk)
    assert inputs.tables["2014/15"].rows() == [("E", "Elm", 3.0)]
    assert "no row for E" in folder.fault("org_code,list size\nA,1\n", walk=walk).found
    assert column(folder.read("org_code,list size\nE,3\n", walk=walk), "registered_population") == {"E": 3.0}


def test_years_and_practices(folder):
    """Rows with and without years are restated for the same boundaries; practices are summed first."""
    people = "year,org_code,practice_code,list size\n" + "".join(
        f"{year},{code},P{number},{number}\n"
        for year, codes in (("2014/15", ["00F", "00G", "00H", "00H"]), ("2015/16", ["13T"]))
        for number, code in enumerate(codes, 1)
    )
    spend = "org_code,historic_spend\n00F,0.1\n00G,0.2\n00H,0.4\n"
    inputs = folder.read(people, spend, years=YEARS)

    assert [inputs.tables[year].rows() for year in YEARS] == [
        [("13T", "NHS Newcastle Gateshead CCG", 10.0, 0.7)],
        [("13T", "NHS Newcastle Gateshead CCG", 1.0, 0.7)],
    ]
    assert [note for note in texts_about(inputs, FindingCode.BOUNDARIES) if "spend.csv" in note] == [
        (
            "spend.csv: restated 3 CCGs as 1 on the boundaries of 1 April 2026; "
            "historic_spend adds up to £0.70 before and £0.70 after."
        )
    ]
    assert {move.year for move in inputs.restated if move.column == "historic_spend"} == set(YEARS)


# The user's crosswalks


@pytest.mark.parametrize(
    ("rows", "place", "message"),
    [
        ("A,B,2026-04-01,0.5,\n", "row 2, predecessor", "the fractions of A in B add up to 1/2, not 1"),
        ("A,B,2026-04-01,0.3,\nA,C,2026-04-01,0.6,\n", "row 2, predecessor", "add up to 9/10, not 1"),
        ("A,B,2026-04-01,0,\n", "row 2, fraction", "the fraction '0' is out of range"),
        ("A,B,2026-04-01,1/0,\n", "row 2, fraction", "'1/0' is not a fraction"),
        ("A,B,2026-04-01,-1,\n", "row 2, fraction", "'-1' is not a fraction"),
        ("A,B,2026-04-01,40%,\n", "row 2, fraction", "'40%' is not a fraction"),
        ("A,B,1 April 2026,,\n", "row 2, effective_date", "'1 April 2026' is not a date"),
        ("A,B,2026-02-30,,\n", "row 2, effective_date", "'2026-02-30' is not a date"),
        ("A,B,,,\n", "row 2, effective_date", "the date is blank"),
        ("A,,2026-04-01,,\n", "row 2, successor_code", "the code is blank"),
        (
            "A,B,2026-04-01,1/2,\nA,C,2027-04-01,1/2,\n",
            "row 2, predecessor",
            "A closes on 1 April 2026 and 1 April 2027",
        ),
        ("Z,Y,2026-04-01,,\nA,B,2026-04-01,,\nB,A,2027-04-01,,\n", "row 3, predecessor", "A becomes B becomes A again"),
        ("A,B,2026-04-01,,\nB,C,2025-04-01,,\n", "row 2, predecessor", "B closes on 1 April 2025, which is not later"),
        (
            "A,A,2026-04-01,0.5,\nA,B,2026-04-01,0.5,\n",
            "row 2, predecessor",
            "A would keep its code but only 1/2 of its figures",
        ),
        (
            "00F,B,2015-04-01,,\n",
            "row 2, predecessor",
            "contradicts the crosswalk of gpit (00F, 00G and 00H became 13T on",
        ),
        ("00F,13T,2016-04-01,,\n", "row 2, predecessor", "contradicts the crosswalk of gpit"),
        (
            "A,B,2026-04-01,,Beech\nD,B,2026-04-01,,Birch\n",
            "row 3, predecessor",
            "B has two names, 'Beech' and 'Birch'",
        ),
    ],
)
def test_faults_of_a_crosswalk(folder, rows, place, message):
    """Rows that cannot be read or cannot be true are errors with file and row, and there are no other errors."""
    faults = folder.faults("org_code,list size\nA,1\n", walk=SPLIT + rows)

    assert [(fault.file, fault.place) for fault in faults][:1] == [("crosswalk.csv", place)]
    assert message in faults[0].found
    assert {fault.file for fault in faults} == {"crosswalk.csv"}


def test_headings_of_a_crosswalk(folder):
    """A missing column is an error that names it, and so are two headings for one column."""
    fault = folder.fault("org_code,list size\nA,1\n", walk="org_code,successor\nA,B\n")
    assert (fault.number, "no column effective_date" in fault.found) == (FindingCode.MISSING_COLUMN.number, True)
    walk = "org_code,predecessor,successor,effective_date\nA,A,B,2026-04-01\n"
    fault = folder.fault("org_code,list size\nA,1\n", walk=walk)
    assert fault.found == "'org_code' and 'predecessor' are both read as org_code"


def test_a_row_that_gpit_knows_does_no_harm(folder):
    """A user's list may include the packaged mergers, and may rename a successor."""
    walk = SPLIT + "00F,13T,2015-04-01,1,Tyne\nE38000111,13T,2015-04-01,,\n"
    inputs = folder.read("org_code,list size\n00F,1\n00G,1\n00H,1\n", walk=walk)

    assert inputs.tables["2014/15"].rows() == [("13T", "Tyne", 3.0)]


@pytest.mark.parametrize("ending", ["xlsx", "parquet", "tsv"])
def test_a_crosswalk_in_another_format(folder, ending):
    """Dates and numbers may be typed cells: 0.1 is exactly a tenth."""
    frame = pl.DataFrame(
        {
            "org_code": ["A", "A"],
            "successor_code": ["B", "C"],
            "effective_date": [DAY, DAY],
            "fraction": [0.1, 0.9],
        }
    )
    path = folder.path / f"walk.{ending}"
    if ending == "xlsx":
        book = openpyxl.Workbook()
        for row in [frame.columns, *frame.iter_rows()]:
            book.active.append(row)
        book.save(path)
    elif ending == "parquet":
        frame.write_parquet(path)
    else:
        frame.write_csv(path, separator="\t")
    inputs = folder.read("org_code,list size\nA,1000\n", crosswalk=(str(path),))

    assert column(inputs, "registered_population") == {"B": 100.0, "C": 900.0}


def test_a_crosswalk_serves_without_boundaries_too(folder):
    """Spend without a year follows the user's mergers to the organisations of each year; a split needs a day."""
    people = "year,org_code,list size\n2025/26,A,1\n2025/26,D,1\n2026/27,B,2\n"
    walk = SPLIT + "A,B,2026-04-01,,\nD,B,2026-04-01,,\n"
    options = {"years": ("2025/26", "2026/27"), "boundaries": None}
    inputs = folder.read(people, "org_code,historic_spend\nA,1\nD,2\n", walk=walk, **options)

    assert column(inputs, "historic_spend", "2026/27") == {"B": 3.0}
    people = people.replace("2026/27,B,2", "2026/27,B,1\n2026/27,C,1")
    faults = folder.faults(people, "org_code,historic_spend\nA,1\nD,2\n", walk=A_SPLITS, **options)
    assert faults[0].number == FindingCode.SPLIT.number
    assert faults[0].found == "by 2026/27 A had split into B and C"
    assert "--boundaries 2026/27" in faults[0].remedy


def test_previous_follows_the_same_crosswalk(tmp_path):
    """With the user's crosswalk, last year's money of A and D belongs to B; across a split it is unknown."""
    steps = """
        allocation = share_out(pot, by=registered_population) # £
        before = previous(allocation, first=0) # £
    """
    rules = scheme(tmp_path, steps, years=TWO)
    merged = people_by_year(tmp_path, {"2014/15": {"A": 100, "D": 300}, "2015/16": {"B": 400}})
    walk = Folder(tmp_path).write("walk.csv", SPLIT + "A,B,2015-04-01,,\nD,B,2015-04-01,,\n")
    assert rows_of(allocate(population=merged, scheme=rules, crosswalk=walk), "before", "2015/16") == {"B": 1000}

    split = people_by_year(tmp_path, {"2014/15": {"A": 100}, "2015/16": {"B": 50, "C": 50}})
    walk = Folder(tmp_path).write("walk.csv", SPLIT + "A,B,2015-04-01,0.5,\nA,C,2015-04-01,0.5,\n")
    with pytest.raises(CalculationError, match=r"A existed in 2014/15 and split into B, C; .*--boundaries 2015/16"):
        allocate(population=split, scheme=rules, crosswalk=walk)
    result = allocate(population=split, scheme=rules, crosswalk=walk, boundaries="2015/16")
    assert rows_of(result, "before", "2015/16") == {"B": 500, "C": 500}


# ONS codes


def test_ons_codes_are_read_as_ods_codes(folder):
    """Fylde and Wyre is 02M under its ONS codes of 2013 and of 2018; one note per file reports it."""
    inputs = folder.read(
        "ONS CCG code,list size\nE38000042,1\nE38000060,2\n",
        "CCG18CD,historic_spend\nE38000226,10\nE38000042,20\n",
        boundaries=None,
    )

    assert column(inputs, "historic_spend") == {"00C": 20.0, "02M": 10.0}
    assert texts_about(inputs, FindingCode.ONS_CODES) == [
        "population.csv: ONS CCG code: read 2 ONS codes as ODS codes: E38000042 as 00C and E38000060 as 02M.",
        "spend.csv: CCG18CD: read 2 ONS codes as ODS codes: E38000042 as 00C and E38000226 as 02M.",
    ]


def test_both_codes_of_one_organisation_are_one_organisation(folder):
    """E38000042 and 00C in one file are two rows of Darlington."""
    fault = folder.fault("org_code,list size\nE38000042,1\n00C,2\n", boundaries=None)

    assert (fault.number, fault.place) == (FindingCode.DUPLICATE_ROW.number, "row 3, org_code")


def test_a_file_with_both_columns_keeps_the_ods_codes(folder):
    """If there is a column of ODS codes, the column of ONS codes is ignored, right or wrong."""
    inputs = folder.read("ONS_CCG_CODE,CCG_CODE,list size\nE38000001,00C,1\n", boundaries=None)

    assert column(inputs, "registered_population") == {"00C": 1.0}
    assert texts_about(inputs, FindingCode.ONS_CODES) == []


def test_an_unknown_ons_code_is_a_warning_and_an_error_on_boundaries(folder):
    """E38000999 stays the same and is reported; on other boundaries its organisation is unknown."""
    people = "org_code,list size\n00Q,1\nE38000999,2\n"
    inputs = folder.read(people, boundaries=None)

    assert column(inputs, "registered_population") == {"00Q": 1.0, "E38000999": 2.0}
    assert "ONS code E38000999 is not known" in texts_about(inputs, FindingCode.ONS_CODES)[0]
    fault = folder.fault(people)
    assert (fault.number, fault.place) == (FindingCode.UNKNOWN_ORGANISATION.number, "row 3, org_code")


@pytest.mark.slow
@pytest.mark.skipif(not PRACTICES.exists(), reason="the published practices are not beside the repository")
def test_practices_by_either_code_have_the_same_sums():
    """England's practices of January 2021, summed by ONS code, give the same 135 CCGs as by ODS code, and then 106."""

    def by(heading, day=None):
        request = Request(
            population=(str(PRACTICES),),
            years=("2020/21",),
            needs=(PEOPLE,),
            mapping={heading: "org_code", "CODE": "practice_code"},
            boundaries=day,
        )
        return column(read_inputs(request), "registered_population", "2020/21")

    assert by("ONS_CCG_CODE") == by("CCG_CODE")
    assert (len(by("CCG_CODE")), len(by("ONS_CCG_CODE", date(2021, 4, 1)))) == (135, 106)
    assert sum(by("ONS_CCG_CODE", date(2021, 4, 1)).values()) == 60_606_345


# The command, the workbook


@pytest.mark.slow
def test_the_command_states_the_day_of_the_boundaries(tmp_path):
    """Screen and manifest state the day, and the manifest names the crosswalk with its digest."""
    Folder(tmp_path).write("walk.csv", A_SPLITS)
    write_rows(tmp_path / "p.csv", [{"org_code": code, "registered_population": 30} for code in "ADE"])
    options = ("--population", "p.csv", "--transition", "none", "--crosswalk", "walk.csv", "--boundaries", "2026/27")
    ran = gpit("allocate", *options, "-o", "out.json", folder=tmp_path)

    assert ran.returncode == 0, words(ran.stderr)
    assert "All figures are for the CCGs of 1 April 2026." in words(ran.stdout)
    manifest = json.loads((tmp_path / "out.json").read_text("utf-8"))["manifest"]
    assert manifest["boundaries"] == "2026-04-01"
    (walk,) = [source for source in manifest["inputs"] if source["role"] == "crosswalk"]
    assert (walk["file"], len(walk["sha256"]), walk["rows"]) == ("walk.csv", 64, 4)


@pytest.mark.slow
@pytest.mark.parametrize("option", [("--boundaries", "1 April 2020"), ("--crosswalk", "nowhere.csv")])
def test_wrong_options_of_the_command(option, tmp_path):
    """A day in another form, or a missing file, ends with exit code 2 and one line about it."""
    ran = gpit("allocate", "--sample", *option, folder=tmp_path)

    assert ran.returncode == 2
    assert option[1] in words(ran.stderr)


@pytest.mark.usefixtures("libreoffice")
def test_the_workbook_is_live_on_other_boundaries(tmp_path):
    """Lines of cost of a merger and a split stay live: LibreOffice gets the file's values and names the old codes."""
    people = [
        {"org_code": code, "registered_population": heads} for code, heads in zip("ADE", (501, 300, 99), strict=True)
    ]
    lines = [
        {"org_code": code, "category": "core", "cost_type": kind, "committed": "yes", "amount": amount}
        for (code, amount), kind in itertools.product([("A", 100.01), ("D", 77.77), ("E", 50)], ("revenue", "capital"))
    ]
    Folder(tmp_path).write("walk.csv", A_SPLITS)
    write_rows(tmp_path / "p.csv", people)
    write_rows(tmp_path / "s.csv", lines)
    result = allocate(
        population=tmp_path / "p.csv", spend=tmp_path / "s.csv", crosswalk=tmp_path / "walk.csv", boundaries=DAY
    )
    write_workbook(result, tmp_path / "book.xlsx")
    recalculation.plant_everywhere(tmp_path / "book.xlsx", tmp_path / "planted.xlsx")
    again = recalculation.recalculate(tmp_path / "planted.xlsx", tmp_path)

    assert recalculation.compare(tmp_path / "book.xlsx", again) == []
    sheet = openpyxl.load_workbook(again, data_only=True)["Spend"]
    headings = [cell.value for cell in sheet[4]]
    olds, spent = headings.index("Predecessors"), next(i for i, text in enumerate(headings) if "spend" in text.lower())
    rows = {row[1]: (row[olds], row[spent]) for row in sheet.iter_rows(min_row=5, max_row=7, values_only=True)}
    assert rows == {"B": ("A", 33.34), "C": ("A, D", pytest.approx(66.67 + 77.77)), "E": ("none", 50)}
    book = openpyxl.load_workbook(tmp_path / "book.xlsx")
    assert "SUMIFS" in book["Spend"].cell(5, spent + 1).value
    assert [cell.value for cell in book["Spend lines"][4]][-1] == "Predecessor"
    facts = {row[0]: row[1] for row in book["About"].iter_rows(min_row=5, values_only=True)}
    assert facts["Boundaries"].startswith("All figures are for the CCGs of 1 April 2026")


def test_a_line_of_a_merged_organisation_moves_with_it(england_inputs):
    """Each line of the sample is kept under the new CCG, together with the code in the file."""
    kept = england_inputs.lines.with_columns(code=pl.coalesce("predecessor", "org_code"))
    lines_as_in_file = sorted(kept.select("code", "category", "cost_type", "committed", "amount").iter_rows())
    with (SAMPLES / "england-2014-15-spend.csv").open(encoding="utf-8", newline="") as stream:
        file = sorted(
            (row["org_code"], row["category"], row["cost_type"], row["committed"], float(row["amount"]))
            for row in csv.DictReader(stream)
        )

    assert lines_as_in_file == file
