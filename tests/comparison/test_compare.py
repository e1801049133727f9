"""`gpit compare`: what changed between two results, for whom, and why, to the penny."""

from __future__ import annotations

import csv
import io
import json
import re
import sys
from decimal import Decimal
from fractions import Fraction

import openpyxl
import polars as pl
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

import oracle
import recalculation
from gpit_fairshare import UsageError, allocate, compare
from gpit_fairshare.comparison import csv_text, side_of
from gpit_fairshare.comparison.book import write_workbook
from gpit_fairshare.comparison.counterfactuals import unrounded
from gpit_fairshare.comparison.model import Limit
from gpit_fairshare.reports.comparison import LONGEST, comparison_document
from gpit_fairshare.reports.formats.md import in_markdown
from gpit_fairshare.reports.screen import show
from gpit_fairshare.results.reading import read_record
from gpit_fairshare.results.writing import json_text, write_csv, write_json, write_manifest
from gpit_fairshare.scheme.joining import load
from gpit_fairshare.workbook.result_workbook import write_workbook as write_allocations
from running import SAMPLES, YEARS, gpit, population_file, read_rows, words
from running import write_rows as write_table
from small_schemes import scheme as small_scheme
from tiers import slow

PENNY = Decimal("0.01")
HEAD = """
[scheme]
name = "{name}"
title = "Sharing"
organisation = "place"
years = {years}
result = "allocation"
[parameters.pot]
label = "Pot"
unit = "£"
values = {{ every_year = {{ value = {pot}, assumption = "Made up." }} }}
"""


def scheme(folder, name, steps, *, pot=1_000_000, years='["2014/15"]', more=""):
    """Write a scheme of steps with a pot; `steps` are lines `name = formula`."""
    text = HEAD.format(name=name, pot=pot, years=years) + more
    for line in steps.strip().splitlines():
        step, _, formula = line.strip().partition(" = ")
        text += f'[[steps]]\nname = "{step}"\nlabel = "{step.capitalize()}"\nformula = "{formula}"\n'
    path = folder / f"{name}.toml"
    path.write_text(text, encoding="utf-8")
    return path


SHARED = """
    weight = registered_population * 1
    unrounded = share_out(pot, by=weight)
    allocation = rounded(unrounded)
"""
FLOORED = """
    weight = registered_population + 10000
    unrounded = share_out(pot, by=weight)
    allocation = rounded(unrounded)
"""


def population(folder, name, people):
    """Write a population file."""
    return population_file(folder, people, name)


def amount(value):
    """Return a figure as a decimal, from its shortest text."""
    return Decimal(repr(float(value)))


def sums(comparison):
    """Return the rows whose causes do not add up to their change, or whose change is not new less old."""
    wrong = []
    for row in comparison.changes:
        change = (row.new or Decimal(0)) - (row.old or Decimal(0))
        total = sum((cause.amounts[row.key] for cause in comparison.attribution), Decimal(0))
        if not row.change == change == total:
            wrong.append((row.key, change, total))
    return wrong


@pytest.fixture(scope="module")
def england():
    """Run the sample once."""
    return allocate(sample=True)


@pytest.fixture(scope="module")
def files(tmp_path_factory, england):
    """Write the sample's result in every kind of file."""
    folder = tmp_path_factory.mktemp("files")
    write_json(england, folder / "out.json")
    write_csv(england, folder / "bare.csv")
    write_csv(england, folder / "out.csv")
    write_manifest(england, folder / "out.csv.manifest.json", folder / "out.csv", "out.csv")
    write_allocations(england, folder / "out.xlsx")
    return folder


# Causes ----------------------------------------------------------------------------------------------------


def unrounded_england(people, spend, budget, fund, share, *, everybody):
    """Return unrounded allocations of a year in fractions: fair share by patients, then support pro rata."""
    heads = sum(people.values())
    average = sum(spend.values()) / heads
    fair = {code: budget * people[code] / heads for code in people}
    need = {
        code: share * max(Fraction(0), spend[code] - fair[code])
        if everybody or oracle.greater(spend[code] / people[code], average)
        else Fraction(0)
        for code in people
    }
    total_need = sum(need.values())
    part = min(Fraction(1), fund / total_need)
    return {code: fair[code] + part * need[code] for code in people}


@pytest.fixture(scope="module")
def three_changes(tmp_path_factory, england):
    """Compare the sample with itself plus 50,000 patients in 10Q, another fund and another transition."""
    folder = tmp_path_factory.mktemp("three")
    rows = read_rows(SAMPLES / "england-2014-15-population.csv")
    for row in rows:
        if row["org_code"] == "10Q":
            row["registered_population"] = str(int(row["registered_population"]) + 50_000)
    more = write_table(folder / "more.csv", rows)
    new = allocate(
        population=more,
        spend=SAMPLES / "england-2014-15-spend.csv",
        settings={"transition_fund": 15_000_000},
        transition="cost-above-funding",
    )
    return england, new, compare(england, new)


def test_causes_are_those_of_independent_runs(three_changes):
    """If population, fund and transition change at once, each contribution is that of fractions, to the penny."""
    old, new, comparison = three_changes
    shares = {"2014/15": Fraction(1), "2015/16": Fraction(1, 2)}
    # Which of data, fund and rule come from the new result.
    counterfactuals = {
        "old": (0, 0, 0),
        "data": (1, 0, 0),
        "fund": (1, 1, 0),
        "rule": (1, 1, 1),
        "fund alone": (0, 1, 0),
        "rule alone": (0, 0, 1),
    }
    wrong = []
    for year in YEARS:
        tables = [
            dict(zip(result.year(year)["org_code"], result.year(year)["registered_population"], strict=True))
            for result in (old, new)
        ]
        people = [{code: Fraction(heads) for code, heads in table.items()} for table in tables]
        frame = old.year(year)
        spend = {
            code: Fraction(repr(cost)) for code, cost in zip(frame["org_code"], frame["historic_spend"], strict=True)
        }
        allocations = {
            name: unrounded_england(
                people[data],
                spend,
                Fraction(140_000_000),
                Fraction((20, 15)[fund] * 10**6),
                shares[year],
                everybody=bool(rule),
            )
            for name, (data, fund, rule) in counterfactuals.items()
        }
        expected = {
            "data_registered_population": ("data", "old", "data", "old"),
            "parameter_transition_fund": ("fund", "data", "fund alone", "old"),
            "formula": ("rule", "fund", "rule alone", "old"),
        }
        causes = {cause.name: cause for cause in comparison.attribution}
        assert list(causes) == [*expected, "rounding"]
        for name, (after, before, alone, start) in expected.items():
            for code in people[0]:
                for mapping, end, begin in ((causes[name].amounts, after, before), (causes[name].alone, alone, start)):
                    exact = allocations[end][code] - allocations[begin][code]
                    if abs(Fraction(mapping[year, code]) - exact) > Fraction(1, 200) + Fraction(1, 10**6):
                        wrong.append((name, year, code, mapping[year, code], float(exact)))

    assert wrong == []


def test_causes_add_up_to_every_rows_change_to_the_penny(three_changes):
    """For all 422 rows the causes add up to new less old, exactly, and every contribution is in whole pence."""
    _, _, comparison = three_changes

    assert len(comparison.changes) == 422
    assert sums(comparison) == []
    assert all(
        value == value.quantize(PENNY)
        for cause in comparison.attribution
        for value in (*cause.amounts.values(), *(cause.alone or {}).values())
    )
    assert any(cause.total() and cause.interaction() for cause in comparison.attribution)


def test_rounding_is_at_most_a_few_pounds(three_changes):
    """Rounding moves no row by more than £4: two roundings to whole pounds on each side, and parts of a penny."""
    (rounding,) = [cause for cause in three_changes[2].attribution if cause.name == "rounding"]

    assert max(abs(value) for value in rounding.amounts.values()) <= 4
    assert abs(rounding.total()) < 4


def test_causes_in_machine_formats_add_up(three_changes):
    """In the frame, the CSV file and the JSON document every row's causes add up to its change, to the penny."""
    comparison = three_changes[2]
    printed = json.loads(json_text(comparison.document()))
    frame, table = comparison.rows, list(csv.DictReader(io.StringIO(csv_text(comparison))))
    names = [f"cause_{cause.name}" for cause in comparison.attribution]

    assert [sum(Decimal(row[name]) for name in names) for row in table] == [Decimal(row["change"]) for row in table]
    assert all(sum(amount(v) for v in row["causes"].values()) == amount(row["change"]) for row in printed["rows"])
    for row in frame.iter_rows(named=True):
        assert sum(amount(row[name]) for name in names) == amount(row["change"])
        assert amount(row["cause_formula"]) - amount(row["alone_formula"]) == amount(row["interaction_formula"])
    assert len(table) == len(printed["rows"]) == frame.height == 422


def test_two_settings_by_hand(tmp_path):
    """A pot of £1,000 for 1, 2 and 7 patients grows by £500: £50, £100 and £350, all due to the parameter."""
    people = population(tmp_path, "p.csv", {"A": 1, "B": 2, "C": 7})
    path = scheme(tmp_path, "pots", SHARED, pot=1000)
    comparison = compare(*(allocate(population=people, scheme=path, settings=pot) for pot in ({}, {"pot": 1500})))

    assert [(change.code, change.change) for change in comparison.changes] == [("A", 50), ("B", 100), ("C", 350)]
    assert [(cause.name, cause.total(), cause.total_alone()) for cause in comparison.attribution] == [
        ("parameter_pot", 500, 500),
        ("rounding", 0, None),
    ]
    assert comparison.attribution[0].detail == "£1,000 → £1,500"


def test_years_of_one_parameter_are_one_cause(england):
    """A parameter set in one year is one cause, and the other year does not change if nothing carries over."""
    comparison = compare(england, allocate(sample=True, settings={"transition_fund@2014/15": 10_000_000}))

    assert [cause.name for cause in comparison.attribution] == ["parameter_transition_fund", "rounding"]
    assert {change.year for change in comparison.changes} == {"2014/15"}
    assert comparison.attribution[0].detail == "2014/15: £20,000,000 → £10,000,000"


def test_values_of_the_year_before_are_carried(tmp_path):
    """With previous(…) a change of the first year's pot reaches the second year, still due to the parameter."""
    steps = """
        unrounded = share_out(pot, by=registered_population)
        allocation = previous(allocation, first=unrounded) * 1
    """
    people = population(tmp_path, "p.csv", {"A": 1, "B": 3})
    path = scheme(tmp_path, "carried", steps, pot=400, years='["2014/15", "2015/16"]')
    runs = [allocate(population=people, scheme=path, settings=pot) for pot in ({}, {"pot@2014/15": 800})]
    comparison = compare(*runs)
    (cause, rounding) = comparison.attribution

    assert cause.amounts == {("2014/15", "A"): 100, ("2014/15", "B"): 300, ("2015/16", "A"): 100, ("2015/16", "B"): 300}
    assert not any(rounding.amounts.values())


def test_parameters_of_one_side_come_with_the_formula(tmp_path):
    """A new parameter is not a separate cause: without the new formula nothing uses it."""
    people = population(tmp_path, "p.csv", {"A": 1, "B": 3})
    extra = '[parameters.extra]\nlabel = "Extra"\nvalues = { every_year = { value = 5, assumption = "Made up." } }\n'
    old = allocate(population=people, scheme=scheme(tmp_path, "old", SHARED, pot=400))
    steps = SHARED.replace("registered_population * 1", "registered_population + extra")
    new = allocate(population=people, scheme=scheme(tmp_path, "new", steps, pot=500, more=extra))
    comparison = compare(old, new)

    # 400 · 1/4 = 100; 500 · 1/4 = 125; 500 · 6/14 = 214.29
    assert [(cause.name, cause.amounts["2014/15", "A"]) for cause in comparison.attribution] == [
        ("parameter_pot", 25),
        ("formula", Decimal("89.29")),
        ("rounding", Decimal("-0.29")),
    ]
    assert ("parameter added", "extra") in [(difference.kind, difference.name) for difference in comparison.differences]


def test_rounding_inside_a_formula_is_rounding(tmp_path):
    """round(x, 0) counts as x: if £10.40 becomes £10.60, 20p are due to the parameter and 80p to rounding."""
    people = population(tmp_path, "p.csv", {"A": 1})
    path = scheme(tmp_path, "round", "allocation = where(registered_population > 0, round(pot, 0), 0)", pot=10.4)
    comparison = compare(*(allocate(population=people, scheme=path, settings=pot) for pot in ({}, {"pot": 10.6})))

    assert [(cause.name, cause.total()) for cause in comparison.attribution] == [
        ("parameter_pot", Decimal("0.20")),
        ("rounding", Decimal("0.80")),
    ]


# Runs that are impossible --------------------------------------------------------------------------------------


def test_new_data_without_the_old_rules_column(tmp_path):
    """If the old rule needs a column that the new data do not have, there is one cause for everything."""
    table = [{"org_code": code, "registered_population": 10, "workload": 1} for code in "AB"]
    old = allocate(
        population=write_table(tmp_path / "old.csv", table),
        scheme=scheme(tmp_path, "load", SHARED.replace("registered_population", "workload"), pot=100),
    )
    people = population(tmp_path, "new.csv", {"A": 10, "B": 20, "C": 10})
    new = allocate(population=people, scheme=scheme(tmp_path, "heads", SHARED, pot=100))
    comparison = compare(old, new)
    (cause, _) = comparison.attribution

    assert cause.name == "everything"
    assert "needs the column workload, which the data do not have" in cause.detail
    assert sums(comparison) == []


def test_new_data_and_the_next_cause_together(tmp_path):
    """Three floors of £60 cost £180, and the old pot has £150: data and pot are one cause, the rule another."""
    steps = """
        floor = where(registered_population > 0, 60, 0)
        unrounded = share_out(pot, by=registered_population, at_least=floor)
        allocation = rounded(unrounded)
    """
    path = scheme(tmp_path, "floors", steps, pot=150)
    other = scheme(tmp_path, "lower", steps.replace("60", "50"), pot=150)
    old = allocate(population=population(tmp_path, "two.csv", {"A": 1, "B": 1}), scheme=path)
    three = population(tmp_path, "three.csv", {"A": 1, "B": 1, "C": 1})
    new = allocate(population=three, scheme=other, settings={"pot": 240})
    comparison = compare(old, new)

    assert [cause.name for cause in comparison.attribution] == [
        "organisations_and_data_and_parameter_pot",
        "formula",
        "rounding",
    ]
    assert comparison.attribution[0].label == "Organisations and data and Pot together"
    assert "needs 180 in total, but pot is 150" in comparison.attribution[0].detail
    # Two of £75 become three of £80, with either floor.
    assert comparison.attribution[0].amounts == {("2014/15", "A"): 5, ("2014/15", "B"): 5, ("2014/15", "C"): 80}
    assert sums(comparison) == []


def test_columns_of_one_rule_alone_do_not_stop_the_other(tmp_path):
    """With the same organisations the old rule keeps its own column, so that pot and formula are separate causes."""
    table = [{"org_code": code, "registered_population": heads, "workload": 1} for code, heads in (("A", 1), ("B", 3))]
    people = write_table(tmp_path / "p.csv", table)
    old = allocate(
        population=people, scheme=scheme(tmp_path, "load", SHARED.replace("registered_population", "workload"), pot=100)
    )
    new = allocate(population=people, scheme=scheme(tmp_path, "heads", SHARED, pot=200))
    comparison = compare(old, new)

    # £100 halved is £50; £200 halved is £100; three quarters of £200 are £150.
    assert [(cause.name, cause.amounts["2014/15", "B"]) for cause in comparison.attribution] == [
        ("parameter_pot", 50),
        ("formula", 50),
        ("rounding", 0),
    ]


def test_other_years_are_everything(tmp_path):
    """Results with different years have one cause, and rows of a new year count from 0."""
    people = population(tmp_path, "p.csv", {"A": 1, "B": 3})
    old = allocate(population=people, scheme=scheme(tmp_path, "one", SHARED, pot=400))
    new = allocate(population=people, scheme=scheme(tmp_path, "two", SHARED, pot=400, years='["2014/15", "2015/16"]'))
    comparison = compare(old, new)

    assert [(cause.name, cause.detail) for cause in comparison.attribution] == [
        ("everything", "the years differ: 2014/15 and 2014/15, 2015/16")
    ]
    assert [(change.status, change.year, change.change) for change in comparison.changes] == [
        ("added", "2015/16", 100),
        ("added", "2015/16", 300),
    ]
    assert sums(comparison) == []


# Rows ----------------------------------------------------------------------------------------------------------


def table_of(path, rows):
    """Write a tidy table of year, code and allocation."""
    return write_table(path, [{"year": year, "org_code": code, "allocation": money} for year, code, money in rows])


@pytest.mark.slow
def test_a_pound_of_398_million_is_a_difference(tmp_path):
    """£1 off £398,372,000 is a difference without a tolerance, but not with one of £1."""
    old = table_of(tmp_path / "old.csv", [("2014/15", "A", 398_372_000), ("2014/15", "B", 5)])
    new = table_of(tmp_path / "new.csv", [("2014/15", "A", 398_372_001), ("2014/15", "B", 5)])

    strict, lenient, penny = (compare(old, new, tolerance=tolerance) for tolerance in (0, 1, "0.99"))
    assert [strict.agrees, lenient.agrees, penny.agrees] == [False, True, False]
    assert [(change.code, change.change) for change in strict.moved] == [("A", 1)]
    assert len(lenient.within_tolerance) == 1
    assert gpit("compare", old, new, folder=tmp_path).returncode == 1
    assert gpit("compare", old, new, "--tolerance", "1", folder=tmp_path).returncode == 0


def test_equal_money_is_no_rename(tmp_path):
    """If Q9 has exactly the money that A had, A is removed and Q9 added, and there is no remark."""
    old = table_of(tmp_path / "old.csv", [("2014/15", "A", "123456.78"), ("2014/15", "B", 5)])
    new = table_of(tmp_path / "new.csv", [("2014/15", "Q9", "123456.78"), ("2014/15", "B", 5)])
    comparison = compare(old, new)

    assert [(change.status, change.code, change.change) for change in comparison.changes] == [
        ("removed", "A", Decimal("-123456.78")),
        ("added", "Q9", Decimal("123456.78")),
    ]
    assert comparison.remarks == ()
    assert not comparison.agrees
    assert comparison.years[0].change == 0


def test_a_merger_is_remarked(tmp_path):
    """If 00F, 00G and 00H became 13T, they are removed and added with their money, and a remark names the merger."""
    before = population(tmp_path, "before.csv", {"00F": 10, "00G": 20, "00H": 30, "00C": 40})
    after = population(tmp_path, "after.csv", {"13T": 60, "00C": 40})
    path = scheme(tmp_path, "pots", SHARED, pot=1000)
    comparison = compare(*(allocate(population=people, scheme=path) for people in (before, after)))

    assert comparison.remarks == ("2014/15: 00F, 00G and 00H became 13T: £600 before, £600 after",)
    assert [(change.code, change.status, change.change) for change in comparison.changes] == [
        ("00F", "removed", -100),
        ("00G", "removed", -200),
        ("00H", "removed", -300),
        ("13T", "added", 600),
    ]
    assert [cause.name for cause in comparison.attribution] == ["organisations_and_data", "rounding"]
    assert sums(comparison) == []


def test_first_column_that_differs(tmp_path):
    """Inputs come before steps, and steps in their order: B first differs in patients, A and C in their shares."""
    steps = """
        doubled = registered_population * 2
        unrounded = share_out(pot, by=doubled)
        allocation = rounded(unrounded)
    """
    path = scheme(tmp_path, "pots", steps, pot=1000)
    runs = [
        allocate(population=population(tmp_path, f"{b}.csv", {"A": 10, "B": b, "C": 30}), scheme=path) for b in (20, 60)
    ]
    comparison = compare(*runs)

    assert {change.code: change.first for change in comparison.changes} == {
        "A": "unrounded",
        "B": "registered_population",
        "C": "unrounded",
    }
    assert comparison.first_differences() == [("unrounded", 2, 2), ("registered_population", 1, 1)]


def test_noise_is_not_a_difference(tmp_path):
    """Unrounded figures are the same within a millionth of a millionth, and differ above that."""
    rows = [{"year": "2014/15", "org_code": "A", "rate": 1 / 3, "allocation": 5}]
    old = write_table(tmp_path / "old.csv", rows)
    near = write_table(tmp_path / "near.csv", [{**rows[0], "rate": 1 / 3 * (1 + 5e-13)}])
    far = write_table(tmp_path / "far.csv", [{**rows[0], "rate": 1 / 3 * (1 + 5e-12)}])

    assert compare(old, near).same
    assert [change.first for change in compare(old, far).changes] == ["rate"]
    assert not compare(old, far).agrees
    assert compare(old, far, tolerance=1).agrees  # a tolerance is about the answer only


def test_sums_of_36_digits_are_exact():
    """A ten-millionth of a millionth added to £7bn gives 36 digits, more than a decimal has by default."""
    from gpit_fairshare.comparison.model import less, total

    large, small = Decimal("7000000000.01"), Decimal("1.234567890123456E-11")

    assert less(total([large, small]), large) == small
    assert less(small, small) == 0


@pytest.mark.parametrize(
    ("over", "codes"),
    [("1000", ["A"]), ("£999.99", ["A", "B"]), ("10%", ["C"]), ("0%", ["A", "B", "C"]), ("1001", [])],
)
def test_fail_over(tmp_path, over, codes):
    """£1,001 on £1m, £1,000 on £10,000, £50 on £0: any change from 0 is above every percentage."""
    amounts = {"A": (1_000_000, 1_001_001), "B": (10_000, 11_000), "C": (0, 50)}
    files = [
        table_of(tmp_path / f"{side}.csv", [("2014/15", code, pair[side]) for code, pair in amounts.items()])
        for side in (0, 1)
    ]
    comparison = compare(*files, fail_over=over)

    assert sorted(change.code for change in comparison.failing) == codes
    assert comparison.agrees == (not codes)


def test_fail_over_is_about_the_answer_only(tmp_path):
    """An added organisation with £5 is not above £10; without --fail-over it is a difference."""
    old = table_of(tmp_path / "old.csv", [("2014/15", "A", 1)])
    new = table_of(tmp_path / "new.csv", [("2014/15", "A", 1), ("2014/15", "B", 5)])

    assert compare(old, new, fail_over="£10").agrees
    assert not compare(old, new).agrees
    assert not compare(old, new, tolerance=10).agrees


# Files ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("old", ["out.json", "bare.csv", slow("out.csv"), slow("out.xlsx")])
@pytest.mark.parametrize("new", [slow("out.json"), slow("out.csv"), "out.xlsx"])
def test_the_same_result_in_every_kind_of_file_is_the_same(files, old, new):
    """A workbook, a table and a document of one run have no difference in rows, scheme or inputs."""
    comparison = compare(files / old, files / new)

    assert comparison.same
    assert comparison.agrees
    assert comparison.differences == ()
    assert comparison.document()["headline"] == "No differences: all 422 rows have the same figures."


def test_identical_files_end_with_0(files):
    """Comparing a file with itself gives exit code 0 and the words "No differences"."""
    done = gpit("compare", "out.json", "out.json", folder=files)

    assert (done.returncode, done.stderr) == (0, b"")
    assert words(done.stdout).startswith("No differences: all 422 rows have the same figures.")


@pytest.mark.slow
def test_a_table_without_a_manifest_has_no_causes(files, tmp_path):
    """Such a table can be compared, and the report says how to get causes."""
    other = allocate(sample=True, settings={"transition_fund": 1_000_000})
    write_csv(other, tmp_path / "other.csv")
    comparison = compare(files / "out.json", tmp_path / "other.csv")

    assert comparison.attribution == ()
    assert "other.csv: has rows, but not the rule" in comparison.no_causes_reason
    assert "--manifest" in comparison.no_causes_reason
    assert comparison.years[0].change == Decimal(sum(other.year("2014/15")["allocation"])) - 160_000_000


@pytest.mark.slow
def test_a_figure_changed_by_hand_in_a_workbook_is_a_cause(files, tmp_path):
    """If 00C's allocation is £1,000 by hand, and the new run has another fund, both causes are exact."""
    book = tmp_path / "typed.xlsx"
    cell = next(
        table
        for table in json.loads(json_text(dict(read_record(files / "out.xlsx").manifest)))["workbook"]["tables"]
        if table["year"] == "2014/15" and not table["by"]
    )
    place = f"{cell['columns']['allocation']}{cell['first_row']}"
    recalculation.plant(files / "out.xlsx", cell["sheet"], place, 1000, book)
    comparison = compare(book, allocate(sample=True, settings={"transition_fund": 15_000_000}))
    causes = {cause.name: cause for cause in comparison.attribution}
    rule = read_record(files / "out.json").rows.row(0, named=True)["allocation"]

    assert list(causes) == ["parameter_transition_fund", "rounding", "typed_over"]
    assert {key: value for key, value in causes["typed_over"].amounts.items() if value} == {
        ("2014/15", "00C"): Decimal(str(rule)) - 1000
    }
    assert sums(comparison) == []


def test_a_file_changed_by_hand_against_the_original(files, tmp_path):
    """A JSON document with one allocation changed by hand differs from the original by that change only."""
    data = json.loads((files / "out.json").read_text("utf-8"))
    data["rows"][5]["allocation"] += 12.34
    (tmp_path / "typed.json").write_text(json.dumps(data), encoding="utf-8")
    comparison = compare(files / "out.json", tmp_path / "typed.json")

    assert [(cause.name, cause.total()) for cause in comparison.attribution] == [
        ("rounding", 0),
        ("typed_over", Decimal("12.34")),
    ]
    assert [change.first for change in comparison.changes] == ["allocation"]


@pytest.mark.libreoffice
def test_a_parameter_changed_in_a_workbook_is_a_parameter(tmp_path):
    """A parameter's cell in a workbook counts with its present value, once the workbook is recalculated."""
    people = population(tmp_path, "p.csv", {"A": 1, "B": 2, "C": 7})
    write_allocations(allocate(population=people, scheme=scheme(tmp_path, "pots", SHARED)), tmp_path / "out.xlsx")
    book = openpyxl.load_workbook(tmp_path / "out.xlsx")
    cells = (cell for row in book["Parameters"].iter_rows(min_row=5) for cell in row)
    value = next(cell for cell in cells if cell.value == 1_000_000)
    value.value = 800_000
    book.save(tmp_path / "openpyxl.xlsx")
    recalculated = recalculate_or_skip(tmp_path / "openpyxl.xlsx", tmp_path / "again")
    comparison = compare(tmp_path / "out.xlsx", recalculated)

    assert [(cause.name, cause.total()) for cause in comparison.attribution] == [
        ("parameter_pot", -200_000),
        ("rounding", 0),
    ]
    assert sums(comparison) == []
    assert [difference.kind for difference in comparison.differences][:1] == ["parameter changed"]


@pytest.mark.libreoffice
def test_a_workbook_that_was_only_saved_is_the_same(tmp_path):
    """LibreOffice keeps 15 digits of a third and of 12,345.678901234567 patients: that is not a change."""
    people = population(tmp_path, "p.csv", {"A": 12345.678901234567, "B": 1 / 3, "C": 7})
    path = scheme(tmp_path, "thirds", "allocation = share_out(pot, by=registered_population)", pot=10_000_000 / 3)
    write_allocations(allocate(population=people, scheme=path), tmp_path / "out.xlsx")
    saved = recalculate_or_skip(tmp_path / "out.xlsx", tmp_path / "again")
    comparison = compare(tmp_path / "out.xlsx", saved)

    assert comparison.differences == ()
    assert comparison.changes == ()
    assert comparison.remarks == ()
    assert compare(saved, allocate(population=people, scheme=path)).same


@pytest.mark.slow
def test_the_fifteenth_digit_of_a_workbook_counts(tmp_path):
    """The 15th digit of an input is a difference in a workbook, but not the 16th; in JSON the 16th counts too."""
    path = scheme(tmp_path, "heads", "allocation = where(registered_population > 0, pot / 4, 0)")
    heads = {"old": "12345.6789012345", "15": "12345.6789012346", "16": "12345.67890123451"}
    runs = {
        name: allocate(population=population(tmp_path, f"{name}.csv", {"A": patients}), scheme=path)
        for name, patients in heads.items()
    }
    for name, run in runs.items():
        write_allocations(run, tmp_path / f"{name}.xlsx")
        write_json(run, tmp_path / f"{name}.json")

    def first(old, new):
        return [change.first for change in compare(tmp_path / old, tmp_path / new).changes]

    assert first("old.xlsx", "15.xlsx") == first("old.json", "16.json") == ["registered_population"]
    assert first("old.xlsx", "16.json") == first("16.json", "old.xlsx") == []


def recalculate_or_skip(book, folder):
    """Return the workbook as LibreOffice saves it."""
    recalculation.soffice_or_skip()
    return recalculation.recalculate(book, folder)


# What cannot be compared -------------------------------------------------------------------------------------


@pytest.mark.slow
def test_unlike_results_are_refused(tmp_path, england):
    """No common year, no common code, and CCGs against places give one line each, and exit code 2."""
    base = table_of(tmp_path / "one.csv", [("2014/15", "A", 1)])
    year = table_of(tmp_path / "year.csv", [("2015/16", "A", 1)])
    code = table_of(tmp_path / "code.csv", [("2014/15", "B", 1)])
    twice = table_of(tmp_path / "twice.csv", [("2014/15", "A", 1), ("2014/15", "A", 1)])
    people = population(tmp_path, "p.csv", {"00C": 1, "00D": 3})
    places = allocate(population=people, scheme=scheme(tmp_path, "places", SHARED))
    for old, new, message in (
        (base, year, "no year in common"),
        (base, code, "no organisation in common"),
        (base, twice, "more than once"),
        (england, places, "one row per CCG and places one per place"),
    ):
        with pytest.raises(UsageError, match=message) as caught:
            compare(old, new)
        assert "\n" not in str(caught.value)
    done = gpit("compare", base, twice, folder=tmp_path)
    assert (done.returncode, done.stdout, done.stderr.count(b"\n")) == (2, b"", 1)


def test_other_units_are_refused(tmp_path):
    """An answer in people cannot be compared with one in pounds."""
    people = population(tmp_path, "p.csv", {"A": 1, "B": 3})
    pounds = scheme(tmp_path, "pounds", SHARED)
    heads = scheme(tmp_path, "heads", "allocation = registered_population * 2")

    with pytest.raises(UsageError, match="compare results in the same unit"):
        compare(*(allocate(population=people, scheme=path) for path in (pounds, heads)))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["out.json", "gpit-2014-15", "--sample"], "did you mean gpit-2014-16"),
        (["out.json", "no.json"], "there is no such file; did you mean out.json?"),
        (["out.json", "out.json", "--sample"], "--sample: both are result files"),
        (["out.json", "out.json", "--set", "pot=1"], "--set: both are result files"),
        (["out.json", "gpit-2014-16", "--sample", "--set-old", "revenue_budget=1"], "--set-old: OLD is a result file"),
        (["gpit-2014-16", "out.json", "--sample", "--formula-new", "x"], "--formula-new: NEW is a result file"),
        (["out.json", "out.json", "--tolerance", "-1"], "--tolerance -1: expected an amount"),
        (["out.json", "out.json", "--tolerance", "nan"], "--tolerance nan: expected an amount"),
        (["out.json", "out.json", "--fail-over", "much"], "--fail-over much: expected"),
        (["out.json", "out.json", "--fail-over", "£5%"], "--fail-over £5%: expected"),
        (["out.json", "out.json", "--format", "jsn"], "did you mean json"),
        (["out.json", "out.json", "--json", "--format", "csv"], "give only one of them"),
        (["out.json", "out.json", "-o", "x.pdf"], "expected a name ending in"),
        (["out.json", "out.json", "-o", "out.json"], "is one of the inputs"),
        (["out.json", "out.json", "-o", "no/x.md"], "there is no folder"),
    ],
)
def test_wrong_usage_is_one_line(files, arguments, message, run_here):
    """The message is one line that names the option, the exit code is 2, and nothing is printed."""
    code, printed, messages = run_here(files, "compare", *arguments)

    assert code == 2, messages
    assert message in messages
    assert messages.count("\n") == 1
    assert printed == "" or "--json" in arguments  # the one document is then the error


@pytest.fixture
def run_here(monkeypatch, capsys):
    """Run the command line in this process, which is faster; return exit code, output and messages."""
    from gpit_fairshare.cli import main

    def run(folder, *arguments):
        monkeypatch.chdir(folder)
        monkeypatch.setattr(sys, "argv", ["gpit", *map(str, arguments)])
        with pytest.raises(SystemExit) as leaving:
            main()
        return leaving.value.code, *capsys.readouterr()

    return run


@pytest.mark.parametrize(
    ("option", "setting"),
    [
        ("--set-old", "nope=1"),
        slow("--set-new", "nope=1"),
        ("--set", "nope=1"),
        slow("--set-new", "support_share=much"),
        slow("--set-new", "revenue_budget=1%"),
        ("--set-old", "transition_fund@2013/14=1"),
        ("--set-new", "support_share=7"),
    ],
)
def test_the_option_that_was_given_is_named(tmp_path, option, setting, run_here):
    """The message about a wrong setting names the option that gave it, whichever side the other option is for."""
    others = ["--set", "revenue_budget=150000000"] if option != "--set" else ["--set-new", "revenue_budget=150000000"]
    code, printed, messages = run_here(
        tmp_path, "compare", "gpit-2014-16", "gpit-2014-16", "--sample", option, setting, *others
    )

    assert (code, printed) == (2, "")
    assert re.match(rf"gpit: error: {option}:? {re.split('[@=]', setting)[0]}\b", messages), messages


def with_manifest(folder, name, run):
    """Write a table and its manifest."""
    write_csv(run, folder / name)
    write_manifest(run, folder / f"{name}.manifest.json", folder / name, name)


def test_the_manifest_of_an_input_is_an_input(tmp_path, run_here):
    """No verb overwrites the manifest of a table that it reads, or the FILE of FILE:SHEET."""
    people = population(tmp_path, "p.csv", {"A": 1, "B": 2})
    run = allocate(population=people, scheme=scheme(tmp_path, "pots", SHARED))
    with_manifest(tmp_path, "r.csv", run)
    book = openpyxl.Workbook()
    book.active.append(["org_code", "registered_population"])
    book.active.append(["A", 5])
    book.save(tmp_path / "b.xlsx")
    kept = {name: (tmp_path / name).read_bytes() for name in ("r.csv.manifest.json", "b.xlsx")}

    for arguments, message in (
        (["compare", "r.csv", "r.csv", "-o", "r.csv.manifest.json"], "is the manifest of r.csv, one of the inputs"),
        (
            ["allocate", "--population", "r.csv", "--scheme", "pots.toml", "-o", "r.csv.manifest.json"],
            "is the manifest of r.csv, one of the inputs",
        ),
        (
            ["allocate", "--population", "b.xlsx:Sheet", "--scheme", "pots.toml", "-o", "b.xlsx"],
            "is one of the inputs",
        ),
    ):
        code, printed, messages = run_here(tmp_path, *arguments)
        assert (code, printed) == (2, ""), arguments
        assert message in messages
    assert {name: (tmp_path / name).read_bytes() for name in kept} == kept


def test_the_report_names_the_result_that_is_compared(tmp_path):
    """A scheme names its answer; a table takes that of the other side, and the report says so."""
    people = population(tmp_path, "p.csv", {"A": 1, "B": 3})
    steps = SHARED.replace("allocation =", "final =")
    path = scheme(tmp_path, "finals", steps)
    path.write_text(path.read_text("utf-8").replace('result = "allocation"', 'result = "final"'), encoding="utf-8")
    run = allocate(population=people, scheme=path)
    rows = [{"year": "2014/15", "org_code": code, "final": 5, "spare": 7} for code in "AB"]
    other = write_table(tmp_path / "other.csv", rows)
    plain = table_of(tmp_path / "plain.csv", [("2014/15", "A", 1)])
    comparison = compare(run, other)
    document = comparison.document()

    assert [document[side]["answer"] for side in ("old", "new")] == ["final", "final"]
    assert [document[side]["answer_label"] for side in ("old", "new")] == ["Final", "Final"]
    assert [document[side]["answer_from"] for side in ("old", "new")] == [
        "from its scheme",
        "as in the other result",
    ]
    assert compare(plain, plain).document()["old"]["answer_from"] == "found by its name"
    printed = " ".join(on_screen(comparison).split())
    assert "2 rows; result compared: final; gpit" in printed
    assert "result compared: final, as in the other result" in printed
    assert "; result compared: final; gpit" in comparison.markdown()


def test_answers_of_other_names_are_refused(tmp_path, run_here):
    """If a table does not name its answer, columns with different names are never compared."""
    people = population(tmp_path, "p.csv", {"A": 1, "B": 3})
    write_json(allocate(population=people, scheme=scheme(tmp_path, "pots", SHARED)), tmp_path / "run.json")
    for name, columns in (("xy", ("x", "y")), ("yx", ("y", "x")), ("money", ("money",))):
        rows = [{"year": "2014/15", "org_code": code, **dict.fromkeys(columns, 5)} for code in "AB"]
        write_table(tmp_path / f"{name}.csv", rows)

    for old, new, which in (("xy.csv", "yx.csv", "xy.csv"), ("run.json", "money.csv", "money.csv")):
        code, printed, messages = run_here(tmp_path, "compare", old, new)
        assert (code, printed, messages.count("\n")) == (2, "", 1)
        assert f"{which}: no column allocation, and no manifest that says" in messages
        assert "--manifest" in messages


def test_a_figure_behind_the_answer_changed_by_hand_is_reported(tmp_path):
    """Two weights changed by hand in a document change no answer; the report names the file and the first weight."""
    people = population(tmp_path, "p.csv", {"A": 1, "B": 2, "C": 7})
    write_json(allocate(population=people, scheme=scheme(tmp_path, "pots", SHARED)), tmp_path / "out.json")
    data = json.loads((tmp_path / "out.json").read_text("utf-8"))
    for row in data["rows"][1:]:
        row["weight"] += 0.5
    (tmp_path / "typed.json").write_text(json.dumps(data), encoding="utf-8")

    (sentence,) = compare(tmp_path / "typed.json", tmp_path / "out.json").off_rule
    assert sentence.startswith("Differs from its rule, in OLD, typed.json: B 2014/15 Weight (weight): ")
    assert sentence.endswith("the file says 2.5 people, its rule gives 2 people; and 1 more.")
    assert [sentence[:32] for sentence in compare(tmp_path / "typed.json", tmp_path / "typed.json").off_rule] == [
        "Differs from its rule, in OLD, t",
        "Differs from its rule, in NEW, t",
    ]
    assert compare(tmp_path / "out.json", tmp_path / "out.json").off_rule == ()


def test_a_national_figure_is_one_figure(tmp_path):
    """A national figure is on all three rows of a document, but counts once, without an organisation."""
    steps = """
        everybody = total(registered_population)
        allocation = pot * registered_population / everybody
    """
    people = population(tmp_path, "p.csv", {"A": 1, "B": 2, "C": 7})
    write_json(allocate(population=people, scheme=scheme(tmp_path, "pots", steps)), tmp_path / "out.json")
    data = json.loads((tmp_path / "out.json").read_text("utf-8"))
    for row in data["rows"]:
        row["everybody"] = 11
    (tmp_path / "typed.json").write_text(json.dumps(data), encoding="utf-8")

    (sentence,) = compare(tmp_path / "out.json", tmp_path / "typed.json").off_rule
    assert sentence.startswith("Differs from its rule, in NEW, typed.json: nation 2014/15 Everybody (everybody): ")
    assert sentence.endswith("the file says 11 people, its rule gives 10 people.")


def test_a_cause_without_an_effect_alone_says_why(tmp_path):
    """Floors of £60 fit the pot of £240 but not that of £150, so the effect of the floor alone cannot be calculated."""
    steps = """
        floor = where(registered_population > 0, least, 0)
        unrounded = share_out(pot, by=registered_population, at_least=floor)
        allocation = rounded(unrounded)
    """
    least = '[parameters.least]\nlabel = "Least"\nunit = "£"\n'
    least += 'values = { every_year = { value = 10, assumption = "Made up." } }\n'
    people = population(tmp_path, "p.csv", {"A": 1, "B": 1, "C": 1})
    path = scheme(tmp_path, "floors", steps, pot=150, more=least)
    runs = [allocate(population=people, scheme=path, settings=setting) for setting in ({}, {"pot": 240, "least": 60})]
    comparison = compare(*runs)
    (cause,) = [cause for cause in comparison.attribution if cause.name == "parameter_least"]

    assert cause.alone is None
    assert "floor needs £180 in total, but pot is £150" in cause.no_alone
    for printed in (" ".join(on_screen(comparison).split()), comparison.markdown()):
        assert "£10 → £60; its effect alone cannot be calculated: " in printed
    reasons = {cause["name"]: cause["no_alone"] for cause in comparison.document()["causes"]}
    assert (reasons["parameter_least"], reasons["parameter_pot"], reasons["rounding"]) == (cause.no_alone, "", "")


# The command ---------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_two_settings_from_the_command_line(tmp_path):
    """Both sides run the same scheme; --set is for both, --set-new for the new side only."""
    done = gpit(
        "compare",
        "gpit-2014-16",
        "gpit-2014-16",
        "--sample",
        "--set",
        "transition_fund=1000000",
        "--set-new",
        "revenue_budget=150000000",
        "--json",
        folder=tmp_path,
    )
    printed = json.loads(done.stdout)

    assert done.returncode == 1
    assert [cause["name"] for cause in printed["causes"]] == ["parameter_revenue_budget", "rounding"]
    assert [year["old"] for year in printed["years"]] == [141_000_000] * 2
    assert [year["new"] for year in printed["years"]] == [151_000_000] * 2
    assert printed["new"]["name"] == "gpit-2014-16 with transition_fund=1000000, revenue_budget=150000000"


@pytest.mark.slow
@pytest.mark.parametrize("change", ["*0.9", "-10%"])
def test_a_relative_setting_of_one_side_changes_the_setting_of_both(tmp_path, change):
    """A tenth less than the £100m that both sides are given is £90m; with the fund of £1m that is £91m a year."""
    settings = ["--set", "revenue_budget=100000000", "--set", "transition_fund=1000000"]
    sides = ["compare", "gpit-2014-16", "gpit-2014-16", "--sample"]
    printed = json.loads(
        gpit(*sides, *settings, "--set-new", f"revenue_budget={change}", "--json", folder=tmp_path).stdout
    )

    assert [year["old"] for year in printed["years"]] == [101_000_000] * 2
    assert [year["new"] for year in printed["years"]] == [91_000_000] * 2


@pytest.mark.slow
def test_a_file_against_a_scheme(files):
    """The sample's workbook and a run of its scheme on the sample have no differences."""
    done = gpit("compare", "out.xlsx", "gpit-2014-16", "--sample", folder=files)

    assert done.returncode == 0, done.stdout.decode()
    assert words(done.stdout).startswith("No differences: all 422 rows")


@pytest.mark.slow
def test_a_tidied_formula_is_reported_although_no_figure_differs(tmp_path):
    """Another formula text that changes no figure gives exit code 0, and the headline says that the rules differ."""
    people = population(tmp_path, "p.csv", {"A": 1, "B": 3})
    old = scheme(tmp_path, "one", SHARED)
    new = scheme(tmp_path, "two", SHARED.replace("registered_population * 1", "1 * registered_population"))
    done = gpit("compare", old, new, "--population", people, "--details", folder=tmp_path)

    assert done.returncode == 0, done.stdout.decode()
    assert "The rules differ: 1 formula changed." in words(done.stdout)
    assert "old registered_population * 1 new 1 * registered_population" in words(done.stdout)


@pytest.mark.slow
def test_every_file_is_written_and_again_the_same(tmp_path):
    """-o writes each format; the same inputs give the same bytes; --format prints the same as -o writes."""
    people = population(tmp_path, "p.csv", {"A": 1, "B": 2, "C": 7})
    write_json(allocate(population=people, scheme=scheme(tmp_path, "pots", SHARED)), tmp_path / "out.json")
    command = ["compare", "out.json", "pots.toml", "--population", "p.csv", "--set-new", "pot=5000000"]
    endings = ("xlsx", "json", "md", "csv")
    done = gpit(*command, *(part for ending in endings for part in ("-o", f"a.{ending}")), folder=tmp_path)
    again = gpit(
        *command, *(part for ending in endings for part in ("-o", f"b.{ending}")), "--format", "csv", folder=tmp_path
    )

    assert (done.returncode, again.returncode) == (1, 1)
    for ending in endings:
        assert (tmp_path / f"a.{ending}").read_bytes() == (tmp_path / f"b.{ending}").read_bytes(), ending
    assert again.stdout == (tmp_path / "a.csv").read_bytes()
    assert json.loads((tmp_path / "a.json").read_text("utf-8"))["schema"] == "gpit-comparison/1"
    assert sorted(path.name for path in tmp_path.iterdir() if path.name.startswith(".")) == []


@pytest.mark.slow
def test_nothing_is_written_after_an_error(files, tmp_path):
    """A comparison that is refused leaves the old file unchanged."""
    (tmp_path / "a.md").write_text("old", encoding="utf-8")
    table = table_of(tmp_path / "other.csv", [("1999/00", "A", 1)])
    done = gpit("compare", files / "out.json", table, "-o", "a.md", folder=tmp_path)

    assert done.returncode == 2
    assert (tmp_path / "a.md").read_text("utf-8") == "old"


@pytest.mark.parametrize("encoding", ["utf-8", "cp1252", "ascii"])
def test_the_screen_is_80_columns_in_any_encoding(three_changes, encoding):
    """Piped, no line is wider than 80 columns, and the totals have all their digits."""
    printed = on_screen(three_changes[2], encoding)

    assert max(cell_len(line) for line in printed.splitlines()) <= 80
    pound = "GBP " if encoding == "ascii" else "£"
    assert f"{pound}160,000,000" in printed
    assert "?" not in printed


def on_screen(comparison, encoding="utf-8", width=80, top=10, details=True):
    """Return the text on a screen in an encoding."""
    from rich.console import Console

    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding=encoding, errors="strict", newline="\n")
    console = Console(file=stream, width=width, markup=False, emoji=False, highlight=False)
    show(comparison_document(comparison, top=top, details=details), console)
    stream.flush()
    return raw.getvalue().decode(encoding)


def test_huge_amounts_and_hostile_names_stay_within_100_columns(tmp_path):
    """With £7,000,000,000,000.55, names of 5,000 characters and escape codes, no line is over 100 columns."""
    names = ["\x1b[31mred\x07", "x" * 5000, "\u202eright to left", "W" * 300]
    rows = [
        [
            {
                "year": year,
                "org_code": f"{'C' * 30}{at}",
                "org_name": name,
                "allocation": f"{7_000_000_000_000 + by * at}.55",
            }
            for at, name in enumerate(names, 1)
            for year in YEARS
        ]
        for by in (0, 1_234_567)
    ]
    old, new = (write_table(tmp_path / f"{at}.csv", table) for at, table in enumerate(rows))
    printed = on_screen(compare(old, new))

    assert max(cell_len(line) for line in printed.splitlines()) <= 100
    assert "£28,000,012,345,672" in printed  # 4 · 7,000,000,000,000.55 and 10 · 1,234,567
    assert "\x1b" not in printed
    assert "\x07" not in printed
    assert "\u202e" not in printed


# Markdown and the workbook ---------------------------------------------------------------------------------

HOSTILE = (
    "a|b",
    "`code`",
    "``` fence",
    "<script>alert(1)</script>",
    "<!-- hidden",
    "@nhsengland",
    "see #12",
    "![x](http://example.org/x.png)",
    "[x](javascript:alert(1))",
    "https://example.org",
    "www.example.org",
    "**bold** _it_ ~~gone~~ $x$",
    "two\nlines\r\n# heading",
    "back\\slash\\|",
    "&#64;entity",
    ":smile:",
    "GH-12",
    "\u202eturned",
)


@pytest.fixture(scope="module")
def hostile(tmp_path_factory):
    """Return a comparison whose organisations have names with syntax of Markdown, GitHub and Excel."""
    folder = tmp_path_factory.mktemp("hostile")
    names = [*HOSTILE, "=1+1", "+44", "-cmd|' /C calc'!A0"]
    files = []
    for by in (0, 1000):
        rows = [
            {"year": "2014/15", "org_code": f"P{at:02}", "org_name": name, "allocation": 500 * at - by}
            for at, name in enumerate(names)
        ]
        files.append(write_table(folder / f"{by}.csv", rows))
    return compare(*files)


def test_markdown_of_hostile_names_is_harmless(hostile):
    """Every row of the table has its cells, and no name becomes code, HTML, a link, a mention or another line."""
    printed = hostile.markdown(top=100)
    rows = [line for line in printed.splitlines() if line.startswith("| P")]

    assert len(rows) == len(HOSTILE) + 3
    assert {len(re.split(r"(?<!\\)\|", row)) for row in rows} == {8}
    for row in rows:
        assert not re.search(
            r"[<>`]|@(?!&#8203;)|#(?![0-9]|&#8203;)|https?:(?!&#8203;)|www\.(?!&#8203;)|GH-(?!&)", row
        ), row
        assert not re.search(r"(?<!\\)[*_~$!\[\]]", row), row
        assert row.isprintable()


def test_markdown_text_shows_as_it_was():
    """Escapes and entities show the character itself, on one line; only zero-width spaces are added."""
    import html

    for name in HOSTILE:
        text = html.unescape(re.sub(r"\\([!-/:-@\[-`{-~])", r"\1", in_markdown(name))).replace("\u200b", "")
        assert text == " ".join(name.replace("\u202e", r"\u202e").split())


@pytest.mark.slow
def test_markdown_stays_below_githubs_limit(tmp_path):
    """For 8,000 rows of long names, Markdown has at most 60,000 characters and counts the other rows and the total."""
    rows = [
        [
            {"year": "2014/15", "org_code": f"P{at:04}", "org_name": "|" * 200, "allocation": at + by}
            for at in range(8000)
        ]
        for by in (0, 1)
    ]
    printed = compare(*(write_table(tmp_path / f"{at}.csv", table) for at, table in enumerate(rows))).markdown(top=8000)
    row_count = sum(line.startswith("| P") for line in printed.splitlines())

    assert LONGEST - 2000 < len(printed) <= LONGEST
    assert f"and {8000 + 1 - row_count:,} more that do not fit here" in printed


def test_markdown_shows_changed_formulas_as_code(three_changes):
    """The old and the new text of a formula are below each other, as code."""
    printed = three_changes[2].markdown()

    assert (
        "  * old: `where(above_average, support_share * max(0, historic_spend - fair_share), 0)`\n"
        "  * new: `where(cost_above_funding, support_share * max(0, historic_spend - fair_share), 0)`\n"
    ) in printed
    assert "| formula |" in printed
    assert "£20,000,000 → £15,000,000" in printed


def test_csv_of_hostile_names_runs_nothing(hostile):
    """No cell begins with a character that Excel would run, but amounts may be negative."""
    table = list(csv.reader(io.StringIO(csv_text(hostile))))
    cells = [cell for row in table[1:] for cell in row]

    assert [cell for cell in cells if re.match(r"[=+@\t\r]", cell)] == []
    assert all(re.fullmatch(r"-[0-9.]+", cell) for cell in cells if cell.startswith("-"))


@pytest.mark.usefixtures("libreoffice")
def test_workbook_is_live_and_right(three_changes, tmp_path):
    """LibreOffice calculates every formula to the value in the workbook, and every row's causes add up."""
    path = tmp_path / "c.xlsx"
    write_workbook(three_changes[2], path)
    again = recalculation.recalculate(path, tmp_path / "again")
    book = openpyxl.load_workbook(again, data_only=True)

    assert recalculation.compare(path, again) == []
    assert book.sheetnames == ["Summary", "Waterfall", "Totals", "Changes", "Causes", "Definition"]
    heads = [cell.value for cell in book["Changes"][4]]
    checks = [row[heads.index("Causes add up")].value for row in book["Changes"].iter_rows(min_row=5)]
    assert checks == ["pass"] * 422
    assert [row[10].value for row in book["Totals"].iter_rows(min_row=5)] == ["pass"] * 2


@pytest.mark.usefixtures("libreoffice")
def test_a_wrong_figure_in_the_workbook_fails_its_check(tmp_path):
    """If a new allocation has £1 more, its row does not add up."""
    people = population(tmp_path, "p.csv", {"A": 1, "B": 2, "C": 7})
    path = scheme(tmp_path, "pots", SHARED, years='["2014/15", "2015/16"]')
    runs = [allocate(population=people, scheme=path, settings=pot) for pot in ({}, {"pot": 1500})]
    write_workbook(compare(*runs), tmp_path / "c.xlsx")
    book = openpyxl.load_workbook(tmp_path / "c.xlsx")
    heads = [cell.value for cell in book["Changes"][4]]
    book["Changes"].cell(5, heads.index("New (£)") + 1).value += 1
    book.save(tmp_path / "c.xlsx")
    again = recalculation.recalculate(tmp_path / "c.xlsx", tmp_path / "again")
    book = openpyxl.load_workbook(again, data_only=True)

    column = heads.index("Causes add up") + 1
    assert [book["Changes"].cell(row, column).value for row in range(5, 11)] == ["FAIL", *["pass"] * 5]
    assert [row[10].value for row in book["Totals"].iter_rows(min_row=5)] == ["FAIL", "pass"]


def test_workbook_of_the_same(files, tmp_path):
    """The workbook of two equal results says that there are no differences."""
    write_workbook(compare(files / "out.json", files / "out.json"), tmp_path / "c.xlsx")
    book = openpyxl.load_workbook(tmp_path / "c.xlsx")

    assert "No differences: all 422 rows" in book["Summary"]["B5"].value


# Definition ------------------------------------------------------------------------------------------------


def test_differences_have_values_files_and_checks(three_changes):
    """Differences name each changed parameter with its values, added and removed checks, and changed files."""
    differences = {
        (difference.kind, difference.name, difference.year): (difference.old, difference.new, difference.note)
        for difference in three_changes[2].differences
    }

    assert differences["parameter changed", "transition_fund", "2015/16"] == (
        "£20,000,000",
        "£15,000,000",
        "set for this run",
    )
    assert ("check added", "Support goes only to those with cost above fair share", "") in differences
    assert ("check removed", "Support goes only to those above average cost", "") in differences
    ((name, (old, new, _)),) = [(key[1], value) for key, value in differences.items() if key[0] == "input file changed"]
    assert name == "population"  # the files have different names, so it is named by its role
    assert old.startswith("england-2014-15-population.csv, SHA-256 ")
    assert new.startswith("more.csv, SHA-256 ")
    assert three_changes[2].columns == (
        ("cost_per_head", "average_cost_per_head", "above_average"),
        ("cost_above_funding",),
    )


def test_versions_and_new_findings_are_reported(files, tmp_path):
    """Another version of gpit and a new finding are differences, even if all rows are the same."""
    data = json.loads((files / "out.json").read_text("utf-8"))
    data["manifest"]["gpit"] = "0.0.9"
    data["manifest"]["findings"] = data["manifest"]["findings"][1:]
    (tmp_path / "older.json").write_text(json.dumps(data), encoding="utf-8")
    comparison = compare(tmp_path / "older.json", files / "out.json")
    kinds = [difference.kind for difference in comparison.differences]

    assert comparison.same
    assert sorted(kinds) == ["new finding", "version changed"]


def test_a_finding_is_the_same_under_another_file_name(tmp_path):
    """A note on a population is not new if only the file's name differs; new warnings come before new notes."""
    path = scheme(tmp_path, "pots", SHARED, years='["2014/15", "2015/16"]')
    runs = [
        allocate(population=population(tmp_path, name, {"A": 1, "B": 3}), scheme=path) for name in ("a.csv", "b.csv")
    ]
    assert any(finding.number == "I22" and finding.file == "b.csv" for finding in runs[1].findings)
    assert [difference.kind for difference in compare(*runs).differences] == []

    write_json(runs[0], tmp_path / "a.json")
    data = json.loads((tmp_path / "a.json").read_text("utf-8"))
    extra = {"file": "a.csv", "sheet": "", "place": "row 2", "cell": "", "expected": "", "remedy": ""}
    data["manifest"]["findings"] += [
        {**extra, "number": "I39", "level": "note", "found": "one thing"},
        {**extra, "number": "I36", "level": "note", "found": "another thing"},
        {**extra, "number": "I49", "level": "warning", "found": "a third thing"},
    ]
    (tmp_path / "more.json").write_text(json.dumps(data), encoding="utf-8")
    comparison = compare(tmp_path / "a.json", tmp_path / "more.json")

    assert [(difference.name, difference.note) for difference in comparison.differences] == [
        ("I49", "warning"),
        ("I39", "note"),
        ("I36", "note"),
    ]
    for printed in (" ".join(on_screen(comparison).split()), comparison.markdown()):
        assert "a third thing" in printed
        assert "another thing" not in printed
        assert re.search(r"2 new notes on the inputs and the run .I36, I39.", printed)


# Figures as they are printed ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (1 / 3, "%", "33.3333%"),
        (1 / 3, None, "0.333333"),
        (0.075, "%", "7.5%"),
        (4000.1, "£", "£4,000.10"),
        (2_150_000.37, "£", "£2,150,000.37"),
        (0.125, "£ per head", "£0.125"),
        (-5, "£", "-£5"),
        (123_456_789, None, "123,456,789"),
        (0, "%", "0%"),
    ],
)
def test_values_are_written_as_people_read_them(value, unit, text):
    """Endless decimals have six digits, pounds have pence if needed, and no digit of an amount is dropped."""
    from gpit_fairshare.numbers import parameter_value

    assert parameter_value(value, unit) == text


def test_values_that_differ_never_look_the_same():
    """A third is written in full next to its first eight digits, since six digits are the same."""
    from gpit_fairshare.numbers import parameter_values

    assert parameter_values(1 / 3, 0.33333333, ("%", "%")) == ("33.33333333333333%", "33.333333%")
    assert parameter_values(1 / 3, 0.25, ("%", "%")) == ("33.3333%", "25%")


def test_noise_of_a_rule_that_does_not_round_is_not_shown(tmp_path):
    """For thirds of £2m the totals have no pence, rounding is £0, and the sums are still exact."""
    people = population(tmp_path, "p.csv", {"A": 1, "B": 1, "C": 1})
    path = scheme(tmp_path, "thirds", "allocation = share_out(pot, by=registered_population)", pot=2_000_000)
    comparison = compare(*(allocate(population=people, scheme=path, settings=pot) for pot in ({}, {"pot": 3_500_000})))
    printed = on_screen(comparison)

    assert "£2,000,000.00" not in printed
    assert re.search(r"2014/15 +£2,000,000 +£3,500,000 +\+£1,500,000 ", printed)
    assert re.search(r"rounding +£0 ", printed)
    assert "£0.0000" not in printed
    assert sums(comparison) == []


def test_one_row_differs(tmp_path):
    """The headline says that one row *differs* if it has the same answer but another figure."""
    rows = [{"year": "2014/15", "org_code": code, "rate": 1, "allocation": 5} for code in "AB"]
    old = write_table(tmp_path / "old.csv", rows)
    new = write_table(tmp_path / "new.csv", [{**rows[0], "rate": 2}, rows[1]])

    assert (
        compare(old, new).document()["headline"] == "All 2 rows have the same allocation; 1 differs in other figures."
    )


def test_three_years_are_listed(tmp_path):
    """Three years are listed as 2017/18, 2018/19 and 2019/20."""
    people = population(tmp_path, "p.csv", {"A": 1, "B": 3})
    path = scheme(tmp_path, "three", SHARED, pot=400, years='["2017/18", "2018/19", "2019/20"]')
    comparison = compare(*(allocate(population=people, scheme=path, settings=pot) for pot in ({}, {"pot": 4000.1})))

    sentence = "Parameter changed: pot, 2017/18, 2018/19 and 2019/20: £400 → £4,000.10"
    assert sentence in " ".join(on_screen(comparison).split())


@pytest.mark.parametrize("width", [56, 60, 80])
def test_totals_fit_narrow_screens(three_changes, width):
    """No line is wider than 56, 60 or 80 columns, and old, new and change of each year have all their digits."""
    printed = on_screen(three_changes[2], width=width)

    assert max(cell_len(line) for line in printed.splitlines()) <= width
    total = next(year for year in three_changes[2].years if year.year == "2015/16")
    assert re.search(rf"2015/16 +£{total.old:,.0f} +£{total.new:,.0f} ", printed)


# In general -----------------------------------------------------------------------------------------------

PEOPLE = st.dictionaries(st.sampled_from("ABCDEF"), st.integers(1, 10**6), min_size=1)
POTS = st.decimals(0, 10**9, places=2)
RULES = (
    SHARED,
    FLOORED,
    "weight = registered_population * 1\nallocation = pot / weight * registered_population / 3",
    SHARED.replace("rounded(unrounded)", "rounded(unrounded, to=0.01)"),
    SHARED.replace("by=weight)", "by=weight, at_least=floor)").replace(
        "weight =", "floor = where(registered_population > 0, 7, 0)\nweight =", 1
    ),
    "weight = round(registered_population / 7, 1)\nallocation = where(weight > 100, pot / 9, pot / 7)",
)


@pytest.mark.slow
@settings(max_examples=40, deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate])
@given(st.data())
def test_causes_add_up_whatever_changed(tmp_path_factory, data):
    """For random rules, pots and organisations, causes add up exactly, and every number is finite."""
    from gpit_fairshare import GpitError

    folder = tmp_path_factory.mktemp("any")
    results = []
    for side in ("old", "new"):
        people = population(folder, f"{side}.csv", data.draw(PEOPLE))
        path = scheme(folder, side, data.draw(st.sampled_from(RULES)), pot=data.draw(POTS))
        try:
            results.append(allocate(population=people, scheme=path))
        except GpitError:
            return
    codes = [set(result.rows["org_code"]) for result in results]
    if not codes[0] & codes[1]:
        with pytest.raises(UsageError, match="no organisation in common"):
            compare(*results)
        return
    comparison = compare(*results)

    assert sums(comparison) == []
    assert comparison.same or comparison.attribution
    printed = json_text(comparison.document())  # refuses what is not finite
    table = list(csv.DictReader(io.StringIO(csv_text(comparison))))
    names = [f"cause_{cause.name}" for cause in comparison.attribution]
    with_digits = [(row, sum((Fraction(row[name]) for name in names), Fraction(0))) for row in table]
    assert all(Fraction(row["change"]) == total for row, total in with_digits)
    assert "NaN" not in printed
    assert max(map(cell_len, on_screen(comparison).splitlines())) <= 100


def test_sides_may_be_results_records_or_paths(files, england):
    """A run, its record and its file are the same result."""
    record = read_record(files / "out.json")

    assert compare(england, record).same
    assert compare(record, str(files / "out.xlsx")).same
    assert compare(side_of(england, "mine"), record).old.name == "mine"
    assert isinstance(compare(england, england).rows, pl.DataFrame)


def test_limits_are_read_as_people_write_them():
    """£1,000 and 1000 are the same amount; 0.5% is a percentage of the old amount."""
    from gpit_fairshare.comparison import limit_of

    assert limit_of("£1,000") == limit_of("1000") == limit_of(1000) == Limit(Decimal(1000))
    assert limit_of(" 0.5% ") == Limit(Decimal("0.5"), relative=True)
    assert str(limit_of("1234.5")) == "£1,234.50"


def test_a_check_with_another_name_is_renamed(tmp_path):
    """Of two checks of which one has another name and one another formula, the first is renamed, the second is new."""
    people = population(tmp_path, "p.csv", {"A": 1, "B": 1})
    steps = 'name = "allocation"\nlabel = "Allocation"\nunit = "people"\nformula = "registered_population"\n'
    checks = '[[checks]]\nname = "{}"\nformula = "total(allocation) == 2"\n'
    paths = []
    for folder, text in (
        ("old", checks.format("Two in all") + '[[checks]]\nname = "Some"\nformula = "allocation > 0"\n'),
        ("new", checks.format("All are two") + '[[checks]]\nname = "Many"\nformula = "allocation > 0.5"\n'),
    ):
        path = tmp_path / f"{folder}.toml"
        path.write_text(
            f'[scheme]\nname = "s"\ntitle = "S"\norganisation = "CCG"\nyears = ["2014/15"]\n[[steps]]\n{steps}{text}',
            encoding="utf-8",
        )
        paths.append(path)
    comparison = compare(*(allocate(population=people, scheme=path) for path in paths))
    differences = {
        (difference.kind, difference.name, difference.note)
        for difference in comparison.differences
        if difference.kind.startswith("check")
    }

    assert differences == {
        ("check renamed", "All are two", "was Two in all"),
        ("check added", "Many", ""),
        ("check removed", "Some", ""),
    }


def test_causes_are_worked_out_without_any_rounding(tmp_path):
    """`rounded`, `round`, `rounddown` and `roundup` become what they round, at any depth; a rank is no rounding."""
    steps = """
        share = share_out(pot, by=registered_population) # £
        place = rank(share)
        part = max(0, rounddown(share / 3, 2)) + roundup(share, -1) - round(share, 0) # £
        allocation = rounded(part) # £
    """
    without = {step.name: step.formula for step in unrounded(load(str(small_scheme(tmp_path, steps)))).steps}

    assert without["part"] == "max(0, share / 3) + share - share"
    assert without["allocation"] == "part"
    assert without["place"] == "rank(share)"
