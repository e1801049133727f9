"""The workings of a year have what each organisation had before and the outcome of the rule, live."""

from __future__ import annotations

import openpyxl
import pytest

from gpit_fairshare import allocate
from gpit_fairshare.language.kinds import ORGANISATION
from gpit_fairshare.workbook.layout import Layout
from gpit_fairshare.workbook.opening_columns import OPENING, OUTCOME
from gpit_fairshare.workbook.result_workbook import _build_sheets, write_workbook
from hard_schemes import merged
from plugging import package
from recalculation import recalculate
from running import write_rows
from small_schemes import TWO, rows_of, scheme

PEOPLE = [{"org_code": code, "registered_population": heads} for code, heads in (("A", 100), ("B", 300), ("C", 600))]
SPEND = [{"org_code": code, "historic_spend": pounds} for code, pounds in (("A", 200), ("B", 300), ("C", 100))]
OUTCOMES = """
[[outcomes]]
label = "at the \\"floor\\""
formula = "unrounded <= floor"
[[outcomes]]
label = "below last year"
formula = "allocation < previous(allocation, first=historic_spend)"
[[outcomes]]
label = "more than half"
formula = "allocation > total(allocation) / 2"
"""
# Each gets £1 a head of £1,000, but at least 0.9 of what it had.
STEPS = """
    baseline = previous(allocation, first=historic_spend) # £
    floor = baseline * 0.9 # £
    unrounded = share_out(pot, by=registered_population, at_least=floor) # £
    allocation = rounded(unrounded) # £
"""


def with_outcomes(folder, outcomes=OUTCOMES, steps=STEPS, **options):
    """Run a scheme of two years with outcomes over three organisations."""
    path = scheme(folder, steps, years=TWO)
    path.write_text(path.read_text("utf-8") + outcomes, "utf-8")
    people, spend = write_rows(folder / "p.csv", PEOPLE), write_rows(folder / "s.csv", SPEND)
    return allocate(population=people, spend=spend, scheme=path, **options)


def column_of(result, key, year):
    """Return heading, formulas and values of a column of the workings; None if there is none."""
    layout = Layout(result)
    _build_sheets(layout)
    block = layout.blocks[ORGANISATION, year]
    if key not in block.helpers:
        return None
    number = block.helpers[key]
    fill = block.workings.fills[number]
    rows = range(5, 5 + len(fill.values))
    return block.workings.headings[number - 1], [fill.formula_of(row) for row in rows], list(fill.values)


def test_opening_baseline_is_spend_first_and_then_last_years_allocation(tmp_path):
    """A had £200, so at least £180 of £1,000; B and C share £820 by 300 and 600 people: £273 and £547.

    In 2015/16 A has at least £162 of its £180, and B and C share £838: B gets £279 and C £559.
    """
    result = with_outcomes(tmp_path)

    assert list(rows_of(result, "allocation").values()) == [180, 273, 547]
    heading, formulas, values = column_of(result, OPENING, "2014/15")
    assert (heading, values) == ("Opening baseline: historic spend (£)", [200, 300, 100])
    assert len(set(formulas)) == 3  # a cell of each row
    heading, _, values = column_of(result, OPENING, "2015/16")
    assert (heading, values) == ("Opening baseline: allocation 2014/15 (£)", [180, 273, 547])
    assert list(rows_of(result, "allocation", "2015/16").values()) == [162, 279, 559]


def test_note_on_the_opening_baseline_gives_spend_no_year(tmp_path):
    """A run of 2014/15 starts from spend of the years before it, so the note does not call it spend in 2014/15."""
    with_outcomes(tmp_path).write(tmp_path / "r.xlsx")
    about = openpyxl.load_workbook(tmp_path / "r.xlsx")["About"]
    text = {row[0]: row[1] for row in about.iter_rows(values_only=True, max_col=2)}["Note 1"]

    assert text.startswith(
        "Opening baseline: the historic spend that the run starts from, then the allocation of the year before."
    )


def test_outcome_is_the_first_that_is_true_or_a_dash(tmp_path):
    """2014/15: A is at its floor, B falls from £300 to £273, C has £547 of £1,000. 2015/16: B rises and is small."""
    result = with_outcomes(tmp_path)

    assert column_of(result, OUTCOME, "2014/15")[::2] == (
        "Outcome",
        ['at the "floor"', "below last year", "more than half"],
    )
    assert column_of(result, OUTCOME, "2015/16")[::2] == ("Outcome", ['at the "floor"', "–", "more than half"])


def test_money_of_merged_organisations_is_added_up(tmp_path):
    """13T has what 00F, 00G and 00H got, in three cells; 01A has one cell."""
    result = merged(tmp_path)
    before = rows_of(result, "allocation")
    _, formulas, values = column_of(result, OPENING, "2015/16")
    codes = result.years["2015/16"].codes()

    assert dict(zip(codes, values, strict=True)) == {
        "01A": before["01A"],
        "13T": before["00F"] + before["00G"] + before["00H"],
    }
    assert [formula.count("'2014-15'!") for formula in formulas] == [1, 3]


def test_an_organisation_without_a_year_before_has_no_opening_baseline(tmp_path):
    """B is new in 2015/16: its cell is [z] without a formula, and A has its £1,000."""
    rows = [("2014/15", "A", 100), ("2015/16", "A", 50), ("2015/16", "B", 50)]
    people = [dict(zip(("year", "org_code", "registered_population"), row, strict=True)) for row in rows]
    path = scheme(tmp_path, "allocation = share_out(pot, by=registered_population) # £", years=TWO)
    result = allocate(population=write_rows(tmp_path / "p.csv", people), scheme=path)

    assert column_of(result, OPENING, "2014/15") is None  # no spend
    _, formulas, values = column_of(result, OPENING, "2015/16")
    assert values == [1000, "[z]"]
    assert formulas[1] is None


def test_blank_spend_is_no_opening_baseline(tmp_path):
    """Where spend is optional, B without any shows [z], and so it would if its cell were emptied later."""
    spend = "[inputs.historic_spend]\nlabel = 'Historic spend'\nunit = '£'\noptional = true\n"
    steps = "weight = where(given(historic_spend), 2, 1)\nallocation = share_out(pot, by=weight) # £"
    path = scheme(tmp_path, steps, extra=spend)
    outcome = '[[outcomes]]\nlabel = "had money"\nformula = "given(historic_spend)"\n'
    path.write_text(path.read_text("utf-8") + outcome, "utf-8")
    people = [{**row, "historic_spend": amount} for row, amount in zip(PEOPLE, (200, "", 300), strict=True)]
    result = allocate(population=write_rows(tmp_path / "p.csv", people), scheme=path)
    _, formulas, values = column_of(result, OPENING, "2014/15")

    assert values == [200, "[z]", 300]
    assert all("ISNUMBER" in formula for formula in formulas)
    assert column_of(result, OUTCOME, "2014/15")[2] == ["had money", "–", "had money"]


def test_answers_that_are_not_money_have_no_opening_baseline(tmp_path):
    """A number of points is no baseline for the points of the next year, and nothing is at a floor."""
    path = scheme(tmp_path, "allocation = registered_population * 2 # people", years=TWO)
    result = allocate(population=write_rows(tmp_path / "p.csv", PEOPLE), scheme=path)

    for year in ("2014/15", "2015/16"):
        assert column_of(result, OPENING, year) is None
        assert column_of(result, OUTCOME, year) is None


def test_an_outcome_that_excel_cannot_work_out_has_the_values_of_the_run(tmp_path, monkeypatch):
    """The column has no formulas, its heading says so, and a check fails as soon as an input is changed."""
    monkeypatch.syspath_prepend(tmp_path / "site")
    module = """
        from gpit_fairshare import Function
        SAME = Function(polars=lambda x: x, arguments={"x": None}, unit="x", words="The same.")
    """
    package(tmp_path / "site", "\n".join(line.strip() for line in module.splitlines()), same="SAME")
    result = with_outcomes(tmp_path, OUTCOMES.replace("unrounded <= floor", "same(unrounded) <= floor"))

    assert column_of(result, OUTCOME, "2014/15") == (
        "Outcome (values of the run)",
        [None, None, None],
        ['at the "floor"', "below last year", "more than half"],
    )
    write_workbook(result, tmp_path / "book.xlsx")
    checks = openpyxl.load_workbook(tmp_path / "book.xlsx", data_only=True)["Checks"]
    tests = {row[0]: row[1] for row in checks.iter_rows(5, values_only=True)}
    text = tests["No parameter or input was changed since the run"]
    assert text == 'outcome at the "floor": values of the run, which are not recalculated'


@pytest.mark.usefixtures("libreoffice")
def test_both_columns_follow_a_changed_input(tmp_path):
    """With £50 in place of £200, A gets its £100 by people, B keeps its £300, C has £600.

    At £1 a head A, B and C get £100, £300 and £600; B's floor is £270 and it does not fall, so no outcome is true for
    A and B. In 2015/16 each has what it had.
    """
    write_workbook(with_outcomes(tmp_path), tmp_path / "book.xlsx")
    book = openpyxl.load_workbook(tmp_path / "book.xlsx")
    assert (book["Spend"]["B5"].value, book["Spend"]["D5"].value) == ("A", 200)
    book["Spend"]["D5"].value = 50
    book.save(tmp_path / "changed.xlsx")
    again = openpyxl.load_workbook(recalculate(tmp_path / "changed.xlsx", tmp_path), data_only=True)
    columns = {}
    for year in ("2014-15", "2015-16"):
        sheet = again[f"Workings {year}"]
        for column in sheet.iter_cols(min_row=4, values_only=True):
            columns[year, column[0].partition(":")[0]] = list(column[1:])

    assert columns["2014-15", "Opening baseline"] == [50, 300, 100]
    assert columns["2014-15", "Outcome"] == ["–", "–", "more than half"]
    assert columns["2015-16", "Opening baseline"] == [100, 300, 600]
    assert columns["2015-16", "Outcome"] == ["–", "–", "more than half"]
