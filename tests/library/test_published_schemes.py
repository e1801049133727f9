"""Files of the library compared with published figures; each test names its source."""

from __future__ import annotations

from collections import defaultdict
from fractions import Fraction
from importlib import resources
from itertools import pairwise
from pathlib import Path

import pytest

from gpit_fairshare import allocate
from running import SAMPLES, read_rows, write_rows

PACKAGE = Path(str(resources.files("gpit_fairshare")))
PUBLISHED = Path(__file__).parents[1] / "published"
TARGETS = read_rows(PUBLISHED / "ccg-targets-2013-14.csv")
CCGS = [row for row in TARGETS if row["name"] != "AT total"]
AREAS = {
    "Q44": ("01C", "01R", "02D", "02E", "02F", "12F"),
    "Q45": ("00C", "00D", "00J", "00K", "00M"),
}
UNIT = Fraction("1135.41")
RATE = Fraction("2.60")

MERGERS = """\
[scheme]
name = "mergers"
title = "Half of last year's allocation, half of the fair share"
organisation = "CCG"
years = ["2014/15", "2015/16", "2016/17", "2017/18", "2018/19", "2019/20", "2020/21", "2021/22"]
formula = "registered-population"
transition = "mergers-transition.toml"

[values.revenue_budget]
every_year = { value = 140_000_000, assumption = "The same in every year, for a test." }
"""

MERGERS_TRANSITION = """\
[transition]
name = "mergers-transition"
title = "Half of last year's allocation, half of the fair share"

[parameters.kept]
label = "Kept"
unit = "%"
default = { value = 0.5, assumption = "For a test." }

[[steps]]
name = "opening_baseline"
label = "Opening baseline"
unit = "£"
formula = "previous(allocation, first=fair_share)"

[[steps]]
name = "opening_population"
label = "Previous year's registered population"
unit = "people"
formula = "previous(registered_population, first=registered_population)"
note = "For information: people follow mergers as money does."

[[steps]]
name = "unrounded_allocation"
label = "Allocation before rounding"
unit = "£"
formula = "kept * opening_baseline + (1 - kept) * fair_share"

[[steps]]
name = "allocation"
label = "Allocation"
unit = "£"
formula = "rounded(unrounded_allocation)"
"""


def by_code(result, year, name):
    """Return a column of one year, by organisation."""
    return dict(result.year(year).select("org_code", name).rows())


def in_file(row, name):
    """Return a published figure as a whole number."""
    return int(row[name])


# Targets of 2013/14 ----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def targets(tmp_path_factory):
    """The scheme of 2013/14 run on the 14 published CCGs, one row each, by code."""
    folder = tmp_path_factory.mktemp("targets")
    area = {code: area for area, codes in AREAS.items() for code in codes}
    people = write_rows(
        folder / "population.csv",
        [
            {
                "org_code": row["code"],
                "org_name": row["name"],
                "area_team": area.get(row["code"], "another"),
                "registered_population": row["raw_population"],
                "weighted_population": row["weighted_population"],
            }
            for row in CCGS
        ],
    )
    spend = write_rows(
        folder / "allocations.csv",
        [{"org_code": row["code"], "historic_spend": in_file(row, "allocation_2013_14_k") * 1000} for row in CCGS],
    )
    result = allocate(scheme="ccg-targets-2013-14", population=people, spend=spend, with_effects=False)
    assert result.agrees
    return {row["org_code"]: row for row in result.rows.to_dicts()}


@pytest.mark.parametrize("row", CCGS, ids=lambda row: row["code"])
def test_targets_from_weighted_populations(targets, row):
    """NHS England, Gateway 00337, Annex A: targets are £1,135.41 per weighted head, within the rounding.

    Targets are printed in £000, heads in whole people, and the rate is known to the penny. So the tolerance is £500,
    half a head, and half a penny for each head.
    """
    heads = in_file(row, "weighted_population")
    allowed = 500 + UNIT / 2 + Fraction("0.005") * heads

    assert abs(targets[row["code"]]["target"] - in_file(row, "indicative_target_k") * 1000) <= allowed
    assert targets[row["code"]]["target"] == int(UNIT * heads + Fraction(1, 2))


@pytest.mark.parametrize("row", CCGS, ids=lambda row: row["code"])
def test_distances_from_target(targets, row):
    """NHS England, Gateway 00337, Annex A: negative is under target, and the target is the denominator, to 0.01%."""
    result = targets[row["code"]]

    assert f"{result['distance_from_target'] * 100:.2f}" == row["dft_pct_of_target"]
    assert (result["distance_in_pounds"] < 0) == row["dft_k"].startswith("-")
    # Allocation and target are each printed in £000, and the rate moves the target by half a penny a head.
    allowed = 1000 + UNIT / 2 + Fraction("0.005") * in_file(row, "weighted_population")
    assert abs(result["distance_in_pounds"] - in_file(row, "dft_k") * 1000) <= allowed


@pytest.mark.parametrize("row", CCGS, ids=lambda row: row["code"])
def test_per_head_figures_are_on_the_raw_population(targets, row):
    """NHS England, Gateway 00337, Annex A: allocation and target per head, to the pound, on registered patients."""
    result = targets[row["code"]]

    assert round(result["baseline_per_head"]) == in_file(row, "alloc_per_raw_head")
    assert round(result["target_per_head"]) == in_file(row, "target_per_raw_head")


@pytest.mark.parametrize(
    ("area", "column", "rows", "printed"),
    [
        ("Q44", "weighted_population", 1_375_654, 1_375_653),
        ("Q45", "indicative_target_k", 1_532_084, 1_532_085),
        ("Q45", "dft_k", 50_034, 50_033),
    ],
)
def test_published_totals_that_differ_by_one(area, column, rows, printed):
    """NHS England, Gateway 00337, Annex A: two area teams' totals are not the sum of the rows above them."""
    total = next(row for row in TARGETS if row["code"] == area)
    added = sum(in_file(row, column) for row in CCGS if row["code"] in AREAS[area])

    assert (added, in_file(total, column)) == (rows, printed)


def test_totals_of_area_teams_are_within_the_rounding_of_the_rate(targets):
    """NHS England, Gateway 00337, Annex A: Durham's £1,532,085k is £1,135.41 a head, known to half a penny."""
    durham = sum(targets[code]["target"] for code in AREAS["Q45"])

    # £1,135.41 × 1,349,366 heads is £1,532,083,650.06; five targets are rounded to the pound, half a penny is £6,747.
    assert abs(durham - Fraction("1532083650.06")) <= Fraction(5, 2)
    assert abs(durham - 1_532_085_000) <= 500 + Fraction("0.005") * 1_349_366


# The money of 2014/15 --------------------------------------------------------------------------------------


def test_national_money_of_2014_15():
    """Digital Health, 3 April 2014: 140 + 20 + 66 + 10 is £236m, "more than £230m"; GPSoC is not included."""
    result = allocate(sample=True, scheme="gpit-2014-16-streams", with_effects=False)
    national = result.national.filter(result.national["year"] == "2014/15").to_dicts()[0]

    assert result.agrees
    assert national["national_total"] == 236_000_000
    assert national["gpsoc"] == 0
    assert national["unallocated_capital"] == 66_000_000
    # The streams add up to the £140m exactly, and no CCG's fair share changes.
    plain = allocate(sample=True, with_effects=False)
    assert by_code(result, "2014/15", "fair_share") == by_code(plain, "2014/15", "fair_share")
    assert by_code(result, "2015/16", "allocation") == by_code(plain, "2015/16", "allocation")


def test_rate_of_2014_15(tmp_path):
    """Digital Health, 3 April 2014: around £2.60 a patient is £140m over 53.846m people."""
    people = write_rows(tmp_path / "people.csv", [{"org_code": "E", "registered_population": 53_846_000}])
    result = allocate(population=people, scheme="gpit-2014-16-streams", transition="none", with_effects=False)

    assert f"{result.national['revenue_per_patient'][0]:.2f}" == "2.60"
    assert result.national["revenue_per_patient"][0] == pytest.approx(140 / 53.846)


# The stocktake of 2012/13 ----------------------------------------------------------------------------------

STOCKTAKE = read_rows(PUBLISHED / "gp-it-stocktake-2012-13.csv")
LINES_COUNT = """
[spend]
counts = { category = ["GP IT"] }
assumption = "GP IT only, for a test."
"""


@pytest.fixture(scope="module")
def stocktake(tmp_path_factory):
    """The stocktake at £2.60 a head, with every line of spend counted and with GP IT only; rows by place."""
    folder = tmp_path_factory.mktemp("stocktake")
    people = write_rows(
        folder / "people.csv",
        [{"org_code": row["place"], "registered_population": row["population"]} for row in STOCKTAKE],
    )
    lines = [
        {"org_code": row["place"], "category": category, "cost_type": "revenue", "committed": "yes", "amount": amount}
        for row in STOCKTAKE
        for category, amount in (
            ("GP IT", in_file(row, "gp_it_spend")),
            ("other IT support", in_file(row, "reported_spend") - in_file(row, "gp_it_spend")),
        )
        if amount
    ]
    spend = write_rows(folder / "lines.csv", lines)
    text = (PACKAGE / "library" / "schemes" / "gpit-2014-16-cost-above-funding.toml").read_text(encoding="utf-8")
    narrow = folder / "narrow.toml"
    narrow.write_text(text[: text.index("[spend]")] + LINES_COUNT, encoding="utf-8")
    results = []
    for scheme in ("gpit-2014-16-cost-above-funding", narrow):
        result = allocate(
            scheme=scheme,
            formula="unit-rate",
            population=people,
            spend=spend,
            settings={"unit_rate": "2.60"},
            with_effects=False,
        )
        assert result.agrees
        results.append({row["org_code"]: row for row in result.rows.to_dicts() if row["year"] == "2014/15"})
    return tuple(results)


@pytest.mark.parametrize(
    ("place", "counted", "fair_share", "beyond"),
    [
        # Cost less fair share at £2.60, calculated from the published populations and spend.
        ("West Essex", "reported", 743_600, 2_256_400),
        ("Liverpool", "reported", 1_170_000, 3_030_000),
        ("Liverpool", "GP IT", 1_170_000, -230_000),
        ("Oxfordshire", "reported", 1_622_400, 3_277_600),
        ("Wiltshire", "reported", 1_170_000, -945_000),
    ],
)
def test_stocktake_at_the_rate_of_2014(stocktake, place, counted, fair_share, beyond):
    """Digital Health, March 2013, at £2.60: who needs support and who gains; Liverpool gains if only GP IT counts."""
    row = stocktake[0 if counted == "reported" else 1][place]

    assert row["fair_share"] == fair_share
    assert row["historic_spend"] - row["fair_share"] == beyond
    assert row["cost_above_funding"] == (beyond > 0)
    assert row["transition_need"] == row["transition_support"] == max(0, beyond)


def test_spend_per_head_of_the_stocktake():
    """Digital Health, March 2013: £10.49, £9.33, £7.85 and £0.50 a head equal spend divided by people."""
    for row in STOCKTAKE:
        per_head = Fraction(row["reported_spend"]) / Fraction(row["population"])
        assert f"{float(per_head):.2f}" == row["spend_per_head"]


# Mergers, 2014/15 to 2021/22 -------------------------------------------------------------------------------

POPULATIONS = PUBLISHED / "england-ccg-populations.csv"
YEARS = tuple(f"{year}/{year % 100 + 1}" for year in range(2014, 2022))


@pytest.fixture(scope="module")
def mergers(tmp_path_factory):
    """Eight years of published populations with a transition that uses the previous year."""
    folder = tmp_path_factory.mktemp("mergers")
    (folder / "mergers.toml").write_text(MERGERS, encoding="utf-8")
    (folder / "mergers-transition.toml").write_text(MERGERS_TRANSITION, encoding="utf-8")
    return allocate(population=POPULATIONS, scheme=folder / "mergers.toml", with_effects=False)


def test_number_of_ccgs(mergers):
    """NHS Digital, NHS Payments to General Practice: 211, 209, 209, 207, 195, 191, 135 and 106 CCGs."""
    codes = [set(by_code(mergers, year, "fair_share")) for year in YEARS]

    assert [len(ccgs) for ccgs in codes] == [211, 209, 209, 207, 195, 191, 135, 106]
    # Every CCG that closed went into one CCG: 142 closed, 37 were new, none split.
    closed = [len(old - new) for old, new in pairwise(codes)]
    opened = [len(new - old) for old, new in pairwise(codes)]
    assert (closed, opened) == ([3, 0, 3, 18, 6, 74, 38], [1, 0, 1, 6, 2, 18, 9])
    assert (sum(closed), sum(opened), len(set().union(*codes))) == (142, 37, 248)


def test_money_and_people_go_to_the_successor(mergers):
    """NHS Digital's populations: no pound and no patient of a closed CCG is lost or counted twice in any year."""
    people = defaultdict(int)
    for row in read_rows(POPULATIONS):
        people[row["year"]] += in_file(row, "registered_population")
    for before, year in pairwise(YEARS):
        assert sum(by_code(mergers, year, "opening_population").values()) == people[before]
        assert sum(by_code(mergers, year, "opening_baseline").values()) == 140_000_000


def test_chain_of_two_mergers(mergers):
    """ODS successors: 10G, 10T and 11C became 15D in April 2018, and 15D, 10C and 99M became D4U1Y in April 2021."""
    for before, year, members, merged in (
        ("2017/18", "2018/19", ("10G", "10T", "11C"), "15D"),
        ("2020/21", "2021/22", ("10C", "15D", "99M"), "D4U1Y"),
    ):
        had = by_code(mergers, before, "allocation")
        assert by_code(mergers, year, "opening_baseline")[merged] == sum(had[code] for code in members)
        assert not set(members) & set(by_code(mergers, year, "fair_share"))


def test_fair_share_of_the_merged_is_the_sum_of_its_members():
    """ODS successors: on the boundaries of 2021 each fair share is the sum of its members' of 2014, within £1 each."""
    successors = read_rows(PACKAGE / "inputs" / "mergers" / "ccg-successors.csv")
    into = {row["org_code"]: row["successor_code"] for row in successors}
    apart = allocate(sample=True, transition="none", with_effects=False)
    merged = allocate(sample=True, transition="none", boundaries="2021-04-01", with_effects=False)
    sums, members = defaultdict(int), defaultdict(int)
    for code, share in by_code(apart, "2014/15", "fair_share").items():
        last = code
        while last in into:
            last = into[last]
        sums[last] += share
        members[last] += 1

    shares = by_code(merged, "2014/15", "fair_share")
    assert set(shares) == set(sums)
    assert len(shares) == 106
    assert all(abs(shares[code] - sums[code]) <= members[code] for code in shares)
    assert max(members.values()) > 1


def test_the_sample_is_the_published_population():
    """NHS Digital, NHS Payments to General Practice, 2014/15: 211 CCGs and 56,633,982 patients, as in the sample."""
    published = {row["org_code"]: row for row in read_rows(POPULATIONS) if row["year"] == "2014/15"}
    sample = {row["org_code"]: row for row in read_rows(SAMPLES / "england-2014-15-population.csv")}

    assert {code: row["registered_population"] for code, row in published.items()} == {
        code: row["registered_population"] for code, row in sample.items()
    }
    assert sum(in_file(row, "registered_population") for row in published.values()) == 56_633_982
