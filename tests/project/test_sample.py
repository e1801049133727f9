"""The samples are as their README describes, checked by arithmetic that only this file contains."""

import csv
import re
import shutil
import subprocess
import sys
from collections import Counter
from fractions import Fraction
from pathlib import Path

import pytest

SAMPLES = Path(__file__).parents[2] / "data" / "samples"
PUBLISHED = Path(__file__).parents[3] / "shared" / "data"

needs_published_tables = pytest.mark.skipif(
    not (PUBLISHED / "england-ccg-populations.csv").exists()
    or not (PUBLISHED / "england-2014-15-practices.csv").exists(),
    reason="the published tables, which are not part of this repository, are not next to it",
)

FAIR_SHARES = 140_000_000
FUND = 20_000_000


def rows(path):
    """Return every row of a CSV file as texts by heading."""
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, strict=True))


def rounded_shares(amount, people):
    """Return `amount` shared in whole pounds: largest remainder, rounded to 1e-6, ties to the earlier code."""
    exact = {code: Fraction(amount * heads, sum(people.values())) for code, heads in people.items()}
    shares = {code: int(share) for code, share in exact.items()}
    left = amount - sum(shares.values())
    first = sorted(exact, key=lambda code: (-round((exact[code] - shares[code]) * 1_000_000), code))
    return shares | {code: shares[code] + 1 for code in first[:left]}


@pytest.fixture(scope="module")
def population():
    """Rows of the population file, one per CCG."""
    return rows(SAMPLES / "england-2014-15-population.csv")


@pytest.fixture(scope="module")
def spend():
    """Rows of the spend file, one per CCG and line of spend."""
    return rows(SAMPLES / "england-2014-15-spend.csv")


@pytest.fixture(scope="module")
def people(population):
    """Registered patients of each CCG."""
    return {row["org_code"]: int(row["registered_population"]) for row in population}


@pytest.fixture(scope="module")
def counted(people, spend):
    """Committed revenue of each CCG, in all categories."""
    pounds = dict.fromkeys(people, 0)
    for row in spend:
        if row["cost_type"] == "revenue" and row["committed"] == "yes":
            pounds[row["org_code"]] += int(row["amount"])
    return pounds


@pytest.fixture(scope="module")
def per_head(people, counted):
    """Counted spend of each CCG in £ per head."""
    return {code: Fraction(counted[code], people[code]) for code in people}


@pytest.fixture(scope="module")
def average(people, counted):
    """Counted spend of England in £ per head."""
    return Fraction(sum(counted.values()), sum(people.values()))


@pytest.fixture(scope="module")
def shares(people):
    """Fair share of each CCG in whole pounds."""
    return rounded_shares(FAIR_SHARES, people)


@pytest.fixture(scope="module")
def above_average(per_head, average):
    """CCGs whose counted spend per head is above the average of England."""
    return {code for code, cost in per_head.items() if cost > average}


@pytest.fixture(scope="module")
def above_share(counted, shares):
    """CCGs whose counted spend is above their fair share."""
    return {code for code in shares if counted[code] > shares[code]}


@pytest.fixture(scope="module")
def need(counted, shares, above_average):
    """Need of England in 2014/15, when all cost above the fair share counts."""
    return sum(max(0, counted[code] - shares[code]) for code in above_average)


class TestPopulation:
    """The population file has the published figures."""

    def test_headings(self, population):
        """The columns are those in the README, in the same order."""
        expected = [
            "org_code",
            "org_name",
            "area_team",
            "practices",
            "registered_population",
            "weighted_population",
        ]

        assert expected == list(population[0])

    def test_codes(self, population):
        """There are 211 CCGs; their codes are three capitals or digits, unique and in order."""
        codes = [row["org_code"] for row in population]

        assert len(codes) == 211
        assert all(re.fullmatch("[0-9A-Z]{3}", code) for code in codes)
        assert sorted(set(codes)) == codes

    def test_totals(self, population):
        """Patients and practices add up to the published totals of England in 2014/15."""
        assert sum(int(row["registered_population"]) for row in population) == 56_633_982
        assert sum(int(row["practices"]) for row in population) == 7_959

    def test_every_cell_is_filled(self, population):
        """Every CCG has a name, an area team, practices and weighted patients; there are 25 area teams."""
        assert all(row["org_name"].strip() and row["area_team"].strip() for row in population)
        assert all(int(row["practices"]) > 0 and int(row["weighted_population"]) > 0 for row in population)
        assert len({row["area_team"] for row in population}) == 25

    @needs_published_tables
    def test_is_the_same_as_the_published_table(self, population):
        """Names, practices and both populations of each CCG are those of the published table."""
        columns = ["org_code", "org_name", "practices", "registered_population", "weighted_population"]
        published = [row for row in rows(PUBLISHED / "england-ccg-populations.csv") if row["year"] == "2014/15"]
        expected = sorted([row[column] for column in columns] for row in published)

        assert expected == [[row[column] for column in columns] for row in population]

    @needs_published_tables
    def test_is_the_sum_of_the_published_practices(self, population):
        """A CCG's patients are the sum over its practices; all its practices have the same area team."""
        teams, registered, weighted, practices = {}, Counter(), Counter(), Counter()
        for row in rows(PUBLISHED / "england-2014-15-practices.csv"):
            teams.setdefault(row["org_code"], set()).add(row["area_team"])
            registered[row["org_code"]] += int(row["registered_population"])
            weighted[row["org_code"]] += Fraction(row["weighted_population"])
            practices[row["org_code"]] += 1

        assert set(teams) == {row["org_code"] for row in population}
        for row in population:
            assert teams[row["org_code"]] == {row["area_team"]}
            assert registered[row["org_code"]] == int(row["registered_population"])
            assert practices[row["org_code"]] == int(row["practices"])
            assert abs(weighted[row["org_code"]] - int(row["weighted_population"])) <= Fraction(1, 2)


class TestSpend:
    """The spend file is in line with the reported facts, and its script writes it."""

    def test_headings(self, spend):
        """The columns are those in the README, in the same order."""
        expected = ["org_code", "category", "cost_type", "committed", "amount", "basis"]

        assert expected == list(spend[0])

    def test_every_line_is_marked_illustrative(self, spend):
        """Every line is marked illustrative."""
        assert {row["basis"] for row in spend} == {"illustrative"}

    def test_cells(self, spend):
        """Amounts are whole pounds above 0, and the kinds of line are those in the README."""
        assert all(re.fullmatch("[1-9][0-9]*", row["amount"]) for row in spend)
        assert {row["category"] for row in spend} == {"core", "mandated", "discretionary"}
        assert {row["cost_type"] for row in spend} == {"revenue", "capital"}
        assert {row["committed"] for row in spend} == {"yes", "no"}

    def test_lines_of_each_ccg(self, spend, people):
        """Every CCG of the population file, and no other, has five to eight lines, each kind at most once."""
        kinds = Counter((row["org_code"], row["category"], row["cost_type"], row["committed"]) for row in spend)
        lines = Counter(row["org_code"] for row in spend)

        assert set(kinds.values()) == {1}
        assert set(lines) == set(people)
        assert set(lines.values()) <= {5, 6, 7, 8}

    def test_lines_are_in_a_fixed_order(self, spend):
        """Lines are sorted by code, then by kind in the same order for all CCGs."""
        order = [
            ("core", "revenue", "yes"),
            ("mandated", "revenue", "yes"),
            ("discretionary", "revenue", "yes"),
            ("core", "capital", "yes"),
            ("core", "capital", "no"),
            ("mandated", "capital", "no"),
            ("discretionary", "revenue", "no"),
            ("discretionary", "capital", "no"),
        ]
        places = [
            (row["org_code"], order.index((row["category"], row["cost_type"], row["committed"]))) for row in spend
        ]

        assert sorted(places) == places

    def test_total_is_the_reported_national_budget(self, spend):
        """All lines add up to the £186m reported for 2012/13 and 2013/14."""
        assert sum(int(row["amount"]) for row in spend) == 186_000_000

    def test_counted_total(self, counted):
        """Committed revenue is £148m: within £145m to £150m."""
        assert sum(counted.values()) == 148_000_000

    @pytest.mark.parametrize(
        ("code", "reported"),
        [("07H", "10.49"), ("10Q", "7.85"), ("99N", "0.50"), ("99A", "2.09")],
        ids=["West Essex", "Oxfordshire", "Wiltshire", "Liverpool"],
    )
    def test_reported_costs_per_head(self, per_head, code, reported):
        """Four CCGs have the cost per head, to the penny, that the trust of the same name reported."""
        assert round(per_head[code], 2) == Fraction(reported)

    def test_extremes(self, per_head):
        """Wiltshire is lowest at about £0.50 a head, and West Essex highest at a little over £10."""
        assert min(per_head, key=per_head.__getitem__) == "99N"
        assert max(per_head, key=per_head.__getitem__) == "07H"

    def test_liverpool_gains_only_if_other_lines_are_left_out(self, spend, people, counted, shares):
        """All of Liverpool's lines are £9.33 a head; with its counted lines only, it gains."""
        everything = sum(int(row["amount"]) for row in spend if row["org_code"] == "99A")

        assert round(Fraction(everything, people["99A"]), 2) == Fraction("9.33")
        assert everything > shares["99A"] > counted["99A"]

    def test_script_writes_the_same_bytes(self, tmp_path):
        """Run on a copy of the population file, the script writes the same bytes as the spend file."""
        for name in ("make_spend.py", "england-2014-15-population.csv"):
            shutil.copy(SAMPLES / name, tmp_path / name)
        subprocess.run([sys.executable, "-I", str(tmp_path / "make_spend.py")], check=True)

        expected = (SAMPLES / "england-2014-15-spend.csv").read_bytes()
        assert expected == (tmp_path / "england-2014-15-spend.csv").read_bytes()

    def test_script_writes_nothing_if_a_promise_is_broken(self, tmp_path):
        """With another counted total, the script ends with an error and writes no spend file."""
        shutil.copy(SAMPLES / "england-2014-15-population.csv", tmp_path)
        text = (SAMPLES / "make_spend.py").read_text(encoding="utf-8")
        assert "COUNTED_TOTAL = 148_000_000" in text
        changed = text.replace("COUNTED_TOTAL = 148_000_000", "COUNTED_TOTAL = 180_000_000")
        (tmp_path / "make_spend.py").write_text(changed, encoding="utf-8")
        command = [sys.executable, "-I", str(tmp_path / "make_spend.py")]
        done = subprocess.run(command, check=False, capture_output=True)

        assert done.returncode == 1
        assert b"more than half of the CCGs gain" in done.stderr
        assert not (tmp_path / "england-2014-15-spend.csv").exists()


class TestCases:
    """The sample shows every case in the rules of 2014-16, with the figures of the README's table."""

    def test_shares_add_up(self, shares):
        """Fair shares in whole pounds add up to £140m."""
        assert sum(shares.values()) == FAIR_SHARES

    def test_more_than_half_gain(self, counted, shares):
        """142 of the 211 CCGs have a fair share above their counted spend."""
        assert sum(shares[code] > counted[code] for code in shares) == 142

    def test_a_minority_is_above_average(self, above_average):
        """54 CCGs have a cost per head above the average of England."""
        assert len(above_average) == 54

    def test_the_two_tests_of_need_differ(self, above_share, above_average, counted, shares):
        """15 CCGs spend £0.29m above their fair shares but not above the average; none the reverse."""
        between = above_share - above_average

        assert len(between) == 15
        assert round(Fraction(sum(counted[code] - shares[code] for code in between), 1_000_000), 2) == Fraction("0.29")
        assert above_average <= above_share

    def test_no_ccg_is_at_the_average(self, per_head, average):
        """No CCG is within a penny a head of the average, so rounding does not decide who is above it."""
        assert min(abs(cost - average) for cost in per_head.values()) > Fraction(1, 100)

    def test_awards_are_pro_rata_in_the_first_year(self, need):
        """Need of £30.15m in 2014/15 exceeds the fund, which pays 66p in the £."""
        assert round(Fraction(need, 1_000_000), 2) == Fraction("30.15")
        assert round(Fraction(FUND, need), 2) == Fraction("0.66")

    def test_some_of_the_fund_is_unspent_in_the_second_year(self, need):
        """At half, the need of 2015/16 leaves £4.92m of the fund unspent."""
        assert round((FUND - need * Fraction(1, 2)) / 1_000_000, 2) == Fraction("4.92")


class TestFourOrganisations:
    """The small sample gives the figures of the README's table."""

    def test_inputs(self):
        """The files have the four organisations of the README's table."""
        population = rows(SAMPLES / "abcd-population.csv")
        spend = rows(SAMPLES / "abcd-spend.csv")

        assert list(population[0]) == ["org_code", "org_name", "registered_population"]
        assert list(spend[0]) == ["org_code", "historic_spend"]
        assert [(row["org_code"], row["registered_population"]) for row in population] == [
            ("A", "100000"),
            ("B", "200000"),
            ("C", "300000"),
            ("D", "400000"),
        ]
        assert [(row["org_code"], row["historic_spend"]) for row in spend] == [
            ("A", "500000"),
            ("B", "500000"),
            ("C", "450000"),
            ("D", "820000"),
        ]

    @pytest.mark.parametrize(
        ("support_share", "allocations"),
        [
            (Fraction(1), [425_000, 475_000, 600_000, 800_000]),
            (Fraction(1, 2), [350_000, 450_000, 600_000, 800_000]),
        ],
        ids=["2014/15", "2015/16"],
    )
    def test_worked_table(self, support_share, allocations):
        """£2m by patients and a fund of £300,000 give the README's allocations of both years."""
        people = {row["org_code"]: int(row["registered_population"]) for row in rows(SAMPLES / "abcd-population.csv")}
        spend = {row["org_code"]: int(row["historic_spend"]) for row in rows(SAMPLES / "abcd-spend.csv")}
        shares = rounded_shares(2_000_000, people)
        average = Fraction(sum(spend.values()), sum(people.values()))
        needs = {
            code: support_share * max(0, spend[code] - shares[code])
            if Fraction(spend[code], people[code]) > average
            else Fraction(0)
            for code in people
        }
        met = min(Fraction(1), 300_000 / sum(needs.values()))

        assert allocations == [shares[code] + met * needs[code] for code in people]


@pytest.mark.parametrize("path", sorted(SAMPLES.glob("*.csv")), ids=lambda path: path.name)
def test_files_are_plain_text(path):
    """Each CSV file is UTF-8 without a byte order mark, with only a line feed after each line."""
    content = path.read_bytes()

    assert not content.startswith(b"\xef\xbb\xbf")
    assert b"\r" not in content
    assert content.decode("utf-8").endswith("\n")
    assert not content.endswith(b"\n\n")
