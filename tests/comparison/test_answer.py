"""The answer of `gpit compare`: what moves, who gains and loses, what the rule does to them, and why."""

from __future__ import annotations

import io
import re
import zipfile
from fractions import Fraction
from pathlib import Path

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console

import structure
from gpit_fairshare import allocate, compare
from gpit_fairshare.comparison.book import write_workbook
from gpit_fairshare.comparison.model import less, total
from gpit_fairshare.comparison.movement import moved_amount, organisation_changes
from gpit_fairshare.numbers import exact
from gpit_fairshare.reports.comparison import comparison_document
from gpit_fairshare.reports.screen import show
from running import population_file
from running import write_rows as write_table

RESULTS_BEFORE = Path(__file__).parents[1] / "results" / "written_by_0_4_0"


def table(path, years):
    """Write a tidy table of `{year: {code: allocation}}`."""
    rows = [
        {"year": year, "org_code": code, "org_name": f"Name of {code}", "allocation": amount}
        for year, amounts in years.items()
        for code, amount in amounts.items()
    ]
    return write_table(path, rows)


def compared(folder, old, new, **options):
    """Compare two tidy tables."""
    return compare(table(folder / "old.csv", old), table(folder / "new.csv", new), **options)


def on_screen(comparison, width=80, **options):
    """Return the lines of the short report on a screen."""
    raw = io.StringIO()
    console = Console(file=raw, width=width, markup=False, emoji=False, highlight=False)
    show(comparison_document(comparison, details=False, **options), console)
    return raw.getvalue().splitlines()


@pytest.fixture(scope="module")
def sample():
    """Compare the sample with itself with £150m instead of £140m, and with patients weighted by need."""
    old = allocate(sample=True)
    more = allocate(sample=True, settings={"revenue_budget": 150_000_000})
    weighted = allocate(sample=True, formula="weighted-population")
    return compare(old, more), compare(old, weighted)


# What moves ------------------------------------------------------------------------------------------------

ABCD = {"A": 100, "B": 200, "C": 300, "D": 400}
YEAR = "2014/15"


@pytest.mark.parametrize(
    ("new", "headline"),
    [
        pytest.param(
            {"A": 150, "B": 180, "C": 270, "D": 400},
            "£50 (5.0%) moves between 3 organisations; the total is unchanged at £1,000.",
            id="50 gained, 20 + 30 lost",
        ),
        pytest.param(
            {"A": 110, "B": 220, "C": 330, "D": 440},
            "The total rises by £100 (10.0%) to £1,100; all 4 organisations gain.",
            id="all gain a tenth",
        ),
        pytest.param(
            {"A": 101, "B": 200, "C": 300, "D": 400},
            "The total rises by £1 (0.1%) to £1,001; 1 of 4 organisations gains and none loses.",
            id="one gains",
        ),
        pytest.param(
            {"A": 90, "B": 150, "C": 300, "D": 400},
            "The total falls by £60 (6.0%) to £940; 2 of 4 organisations lose and none gains.",
            id="two lose",
        ),
        pytest.param(
            {"A": 150, "B": 170, "C": 300, "D": 400},
            "The total rises by £20 (2.0%) to £1,020, and a further £30 (3.0%) moves between 2 organisations.",
            id="50 gained, 30 lost",
        ),
        pytest.param(
            {"A": 110, "B": 130, "C": 300, "D": 400},
            "The total falls by £60 (6.0%) to £940, and a further £10 (1.0%) moves between 2 organisations.",
            id="10 gained, 70 lost",
        ),
        pytest.param(
            {"A": "100.30", "B": "199.70", "C": 300, "D": 400},
            "£0.30 (0.03%) moves between 2 organisations; the total is unchanged at £1,000.",
            id="pence",
        ),
        pytest.param(
            {"A": 100, "B": 200, "C": 300, "E": 400},
            "£400 (40.0%) moves between 2 organisations; the total is unchanged at £1,000. "
            "Only in the new result: 1 organisation with £400. Only in the old result: 1 organisation with £400.",
            id="D becomes E",
        ),
        pytest.param(ABCD, "No differences: all 4 rows have the same figures.", id="nothing"),
    ],
)
def test_the_first_line_says_how_much_changes_and_moves(tmp_path, new, headline):
    """What moves is the smaller of all gains and all losses; the total's change is their difference."""
    comparison = compared(tmp_path, {YEAR: ABCD}, {YEAR: new})

    assert comparison.document()["headline"] == headline
    assert " ".join(on_screen(comparison)).startswith(headline)


@pytest.mark.parametrize(
    ("old", "new", "headline"),
    [
        pytest.param(
            {"2014/15": ABCD, "2015/16": ABCD},
            {"2014/15": ABCD, "2015/16": {**ABCD, "A": 130, "D": 370}},
            "2014/15: nothing changes. "
            "2015/16: £30 (3.0%) moves between 2 organisations; the total is unchanged at £1,000.",
            id="one of two years",
        ),
        pytest.param(
            {"2014/15": ABCD, "2015/16": ABCD},
            {"2014/15": {**ABCD, "A": 130, "D": 370}, "2015/16": {**ABCD, "A": 130, "D": 370}},
            "In each of the 2 years, £30 (3.0%) moves between 2 organisations; the total is unchanged at £1,000.",
            id="both years alike",
        ),
        pytest.param(
            {"2014/15": ABCD},
            {"2014/15": {**ABCD, "A": 105}, "2015/16": ABCD},
            "2014/15: the total rises by £5 (0.5%) to £1,005; 1 of 4 organisations gains and none loses. "
            "Only the new result has 2015/16, with £1,000.",
            id="a new year",
        ),
        pytest.param(
            {f"{year}/{year - 1999:02}": {"A": 10, "B": 10} for year in range(2010, 2015)},
            {
                f"{year}/{year - 1999:02}": {"A": 10 + change, "B": 10 - change + more}
                for year, change, more in zip(range(2010, 2015), (3, -3, 0, 0, 1), (0, 0, 0, 2, 0), strict=True)
            },
            "Over 5 years, the total rises by £2 (2.0%) to £102; "
            "counted year by year, £7 (7.0%) moves between 2 organisations. 4 of the years change.",
            id="3 + 3 + 1 move, 2 are added",
        ),
    ],
)
def test_the_first_line_of_several_years(tmp_path, old, new, headline):
    """Up to three years have a sentence each; of more, the moves of each year are added up."""
    assert compared(tmp_path, old, new).document()["headline"] == headline


def test_rates_are_not_added_up(tmp_path):
    """Of an answer in £ per head, the first line says how many rise and fall and by how much at most."""
    path = tmp_path / "rates.toml"
    path.write_text(
        '[scheme]\nname = "rates"\ntitle = "Rates"\norganisation = "place"\nyears = ["2014/15"]\nresult = "rate"\n'
        '[parameters.pot]\nlabel = "Pot"\nunit = "£"\n'
        'values = { every_year = { value = 100, assumption = "Made up." } }\n'
        '[[steps]]\nname = "rate"\nlabel = "Rate"\nunit = "£ per head"\nformula = "pot / registered_population"\n',
        encoding="utf-8",
    )
    people = population_file(tmp_path, {"A": 10, "B": 20})
    comparison = compare(*(allocate(population=people, scheme=path, settings={"pot": pot}) for pot in (100, 120)))

    assert comparison.document()["headline"] == "2 of 2 rows differ; 2 rise, at most by +2 (A, 2014/15)."
    assert comparison.document()["years"][0]["moved"] is None
    assert [heading for heading in ("Moves", "Total") if heading in "".join(on_screen(comparison)[4:])] == ["Total"]
    write_workbook(comparison, tmp_path / "c.xlsx")
    assert "Waterfall" not in openpyxl.load_workbook(tmp_path / "c.xlsx").sheetnames


@settings(max_examples=60, deadline=None)
@given(
    st.dictionaries(
        st.tuples(st.sampled_from(["2014/15", "2015/16", "2016/17"]), st.sampled_from("ABCDEF")),
        st.decimals(-(10**9), 10**9, places=2),
    )
)
def test_moves_are_half_of_what_the_totals_leave_of_all_changes(changes):
    """In every year, what moves is half of: the sum of the sizes of all changes, less the size of the total's."""
    expected = Fraction(0)
    for year in {year for year, _ in changes}:
        amounts = [Fraction(amount) for (of_year, _), amount in changes.items() if of_year == year]
        expected += (sum(map(abs, amounts)) - abs(sum(amounts))) / 2

    assert Fraction(moved_amount(changes)) == expected


# Who, what and why -----------------------------------------------------------------------------------------


def test_organisations_shown_and_all_others_add_up_to_the_totals(sample):
    """The rows under *Who gains and who loses* add up to the last one, old, new and change, to the pound."""
    lines = on_screen(sample[1], width=100)
    start = next(number for number, line in enumerate(lines) if line.startswith("Who gains"))
    rows = []
    for line in lines[start + 3 :]:
        amounts = [int(text.replace("£", "").replace(",", "")) for text in re.findall(r"[+-]?£[\d,]+", line)]
        if not amounts:
            break
        rows.append(amounts)

    assert lines[start] == "Who gains and who loses, both years together: 6 of 211 CCGs shown"
    assert len(rows) == 3 + 1 + 3 + 1 + 1
    assert [sum(amounts) for amounts in zip(*rows[:-1], strict=True)] == rows[-1]
    assert rows[-1][0] == 160_000_000 + 155_077_352


def test_who_gains_is_the_sum_of_an_organisations_years(tmp_path):
    """A gains £5 and then £7, B loses £12 in one year, C moves in two years and ends where it was."""
    old = {year: {"A": 100, "B": 100, "C": 100} for year in ("2014/15", "2015/16")}
    new = {"2014/15": {"A": 105, "B": 100, "C": 95}, "2015/16": {"A": 107, "B": 88, "C": 105}}
    comparison = compared(tmp_path, old, new)
    lines = [" ".join(line.split()) for line in on_screen(comparison)]

    assert {each.code: (int(each.old), int(each.change)) for each in organisation_changes(comparison)} == {
        "A": (200, 12),
        "B": (200, -12),
        "C": (200, 0),
    }
    assert "A Name of A £200 £212 +£12 +6.0%" in lines
    assert "B Name of B £200 £188 -£12 -6.0%" in lines
    assert "1 unchanged £200 £200 £0 0.0%" in lines


def test_the_only_other_organisation_is_shown(tmp_path):
    """With room for three, the fourth that gains is shown too, but of five the other two are added up."""
    four, five = (
        on_screen(compared(tmp_path, {YEAR: dict.fromkeys(codes, 10)}, {YEAR: dict.fromkeys(codes, 15)}))
        for codes in ("ABCD", "ABCDE")
    )

    assert not [line for line in four if "others" in line]
    assert [" ".join(line.split()) for line in five if "others" in line] == ["2 others gain £20 £30 +£10 +50.0%"]


FLOORED = """
[scheme]
name = "floored"
title = "Floored"
organisation = "place"
years = ["2014/15"]
[parameters.pot]
label = "Pot"
unit = "£"
values = { every_year = { value = 1000, assumption = "Made up." } }
[parameters.least]
label = "Least"
unit = "£"
values = { every_year = { value = 100, assumption = "Made up." } }
[[steps]]
name = "floor"
label = "Floor"
unit = "£"
formula = "where(registered_population > 0, least, 0)"
[[steps]]
name = "allocation"
label = "Allocation"
unit = "£"
formula = "share_out(pot, by=registered_population, at_least=floor)"
"""


def floored(folder, outcomes):
    """Write a scheme with a floor and outcomes of `{label: formula}`."""
    text = FLOORED
    for label, formula in outcomes.items():
        text += f'[[outcomes]]\nlabel = "{label}"\nformula = "{formula}"\n'
    path = folder / f"floored{len(list(folder.glob('floored*')))}.toml"
    path.write_text(text, encoding="utf-8")
    return path


AT_THE_FLOOR = {"at the floor": "allocation <= floor + 0.5", "above the floor": "allocation > floor + 0.5"}


def test_outcomes_that_change_are_counted(tmp_path):
    """£1,000 for 10, 30, 60 and 100 people are £50, 150, 300, 500: floors of £100 hold A, £180 A and B."""
    people = population_file(tmp_path, {"A": 10, "B": 30, "C": 60, "D": 100})
    path = floored(tmp_path, AT_THE_FLOOR)
    old, new = (allocate(population=people, scheme=path, settings={"least": least}) for least in (100, 180))

    assert compare(old, new).document()["outcomes"] == [
        {"year": "2014/15", "old": "above the floor", "new": "at the floor", "count": 1}
    ]
    assert "  1 place moves from above the floor to at the floor" in on_screen(compare(old, new))
    assert compare(old, old).document()["outcomes"] == []


def test_changed_outcomes_are_differences_of_the_definition(tmp_path):
    """A label with another formula, a new one and one that is gone are listed, even if no figure differs."""
    people = population_file(tmp_path, {"A": 10, "B": 30})
    second = {"at the floor": "allocation <= floor + 1", "free": "allocation > floor + 1"}
    old, new = (allocate(population=people, scheme=floored(tmp_path, outcomes)) for outcomes in (AT_THE_FLOOR, second))
    comparison = compare(old, new)

    assert comparison.same
    assert comparison.document()["headline"].endswith(
        "The rules differ: 1 outcome changed, 1 outcome added and 1 outcome removed."
    )
    assert [
        (difference.kind, difference.name, difference.old, difference.new)
        for difference in comparison.differences
        if difference.kind.startswith("outcome")
    ] == [
        ("outcome changed", "at the floor", "allocation <= floor + 0.5", "allocation <= floor + 1"),
        ("outcome added", "free", "", "allocation > floor + 1"),
        ("outcome removed", "above the floor", "allocation > floor + 0.5", ""),
    ]


@pytest.mark.parametrize("name", ["result.json", "result.xlsx"])
def test_a_result_without_outcomes_has_none_to_compare(name):
    """A result of 0.4.0 has no outcomes in its definition: no difference and no move is made up."""
    inputs = {"population": RESULTS_BEFORE / "population.csv", "spend": RESULTS_BEFORE / "spend.csv"}
    comparison = compare(RESULTS_BEFORE / name, allocate(**inputs, settings={"revenue_budget": 8_000_000}))

    assert comparison.moved
    assert comparison.outcomes == ()
    assert [change for change in comparison.differences if "outcome" in change.kind] == []


@pytest.mark.parametrize(("number", "most"), [(0, 34), (1, 40)])
def test_the_short_report_of_the_sample(sample, number, most):
    """At 80 columns the short report is about a page; the first line is the answer, and digests are not shown."""
    lines = on_screen(sample[number])

    assert len(lines) <= most
    assert max(map(cell_len, lines)) <= 80
    assert lines[0].startswith("2014/15: ")
    assert not re.search(r"digest [0-9a-f]{12}|gpit 0", "\n".join(lines))
    headings = [line for line in lines if re.match(r"Who gains|What the rule|Why|Old ", line)]
    assert [line.split()[0] for line in headings] == ["Who", "What", "Why", "Old"]


def test_the_causes_on_the_screen_add_up(sample):
    """Changes of the total under *Why* add up to the last row, and each cause says what it moves."""
    lines = on_screen(sample[1], width=100)
    why = lines.index("Why")
    start = next(number for number, line in enumerate(lines) if number > why and line.startswith("─")) + 1
    pennies = [
        [round(100 * float(text.replace("£", "").replace(",", ""))) for text in re.findall(r"[+-]?£[\d,.]+", line)]
        for line in lines[start : lines.index("", start)]
    ]

    assert sum(amounts[0] for amounts in pennies[:-1]) == pennies[-1][0] == 128_447_00
    assert [len(amounts) for amounts in pennies] == [2, 2, 1]


def test_new_warnings_and_failing_checks_are_never_cut(tmp_path):
    """A check that fails in the new result is in the short report, with its organisations."""
    people = population_file(tmp_path, {"A": 10, "B": 30})
    path = floored(tmp_path, AT_THE_FLOOR)
    text = path.read_text("utf-8") + '[[checks]]\nname = "Enough"\nformula = "allocation >= 200"\n'
    path.write_text(text, encoding="utf-8")
    old, new = (allocate(population=people, scheme=path, settings={"pot": pot}) for pot in (1000, 500))

    assert "  Check fails: Enough, 2014/15 (A)" in on_screen(compare(old, new))


@pytest.mark.slow
def test_new_warnings_of_one_kind_are_one_line(tmp_path):
    """Twelve organisations with a new warning I49 take one line, with the count and the first of them."""
    people = {f"A{number:02}": 1000 for number in range(40)}
    rows = [{"org_code": code, "historic_spend": 2000} for code in people]
    odd = [{**row, "historic_spend": 20_000 if number < 12 else 2000} for number, row in enumerate(rows)]
    spends = [write_table(tmp_path / f"{name}.csv", table) for name, table in (("s", rows), ("t", odd))]
    old, new = (allocate(population=population_file(tmp_path, people), spend=spend) for spend in spends)
    lines = " ".join(" ".join(on_screen(compare(old, new), width=100)).split())

    assert sum(finding.number == "I49" for finding in new.findings) == 12
    assert (
        "New warning I49, 12 times; the first: t.csv, row 2, historic_spend: historic spend of A00 is £20.00 a head"
        in lines
    )


# The workbook ----------------------------------------------------------------------------------------------


def rows_of(book, sheet):
    """Return the rows of a sheet's table as `{heading: value}`."""
    headings = [cell.value for cell in book[sheet][4]]
    return [dict(zip(headings, row, strict=True)) for row in book[sheet].iter_rows(min_row=5, values_only=True)]


def test_the_waterfall_leads_from_old_to_new_exactly(sample, tmp_path):
    """Old total and changes add up to the new total, to the penny; each bar floats between two totals."""
    write_workbook(sample[1], tmp_path / "c.xlsx")
    rows = rows_of(openpyxl.load_workbook(tmp_path / "c.xlsx", data_only=True), "Waterfall")
    levels = [exact(row["Total after it (£)"]) for row in rows]
    changes = [exact(row["Change (£)"]) for row in rows[1:-1]]

    assert [row["Step"] for row in rows] == ["Old total", "Formula", "Rounding", "New total"]
    assert (levels[0], levels[-1]) == (315_077_352, 315_205_799)
    assert total([levels[0], *changes]) == levels[-2] == levels[-1]
    for before, row in zip(levels, rows[1:-1], strict=False):
        after = exact(row["Total after it (£)"])
        base, rise, fall = (exact(row[f"Chart: {name} (£)"]) for name in ("hidden base", "rise", "fall"))
        assert (base, less(rise, fall)) == (min(before, after), exact(row["Change (£)"]))
    assert rows[-1]["Adds up"] == "pass"
    assert structure.faults(tmp_path / "c.xlsx") == []
    with zipfile.ZipFile(tmp_path / "c.xlsx") as archive:
        chart = archive.read("xl/charts/chart1.xml").decode()
    assert chart.count("<a:noFill/>") >= 1
    assert '<c:grouping val="stacked"/>' in chart
    assert "'Waterfall'!$E$5:$E$8" in chart


@pytest.mark.slow
def test_many_causes_are_bars_by_kind(tmp_path):
    """Ten parameters that change are one bar, and its change is the sum of theirs: 10 × £1."""
    names = [f"part{number}" for number in range(10)]
    parameters = "".join(
        f'[parameters.{name}]\nlabel = "{name}"\nunit = "£"\n'
        'values = { every_year = { value = 5, assumption = "Made up." } }\n'
        for name in names
    )
    path = tmp_path / "parts.toml"
    path.write_text(
        '[scheme]\nname = "parts"\ntitle = "Parts"\norganisation = "place"\nyears = ["2014/15"]\n'
        f"{parameters}[[steps]]\n"
        'name = "allocation"\nlabel = "Allocation"\nunit = "£"\n'
        f'formula = "where(registered_population > 0, {" + ".join(names)}, 0)"\n',
        encoding="utf-8",
    )
    people = population_file(tmp_path, {"A": 1, "B": 3})
    runs = [allocate(population=people, scheme=path, settings=dict.fromkeys(names, pot)) for pot in (5, 6)]
    comparison = compare(*runs)
    write_workbook(comparison, tmp_path / "c.xlsx")
    rows = rows_of(openpyxl.load_workbook(tmp_path / "c.xlsx", data_only=True), "Waterfall")

    assert len(comparison.attribution) == 11
    assert [(row["Step"], row["Change (£)"]) for row in rows[1:-1]] == [("Parameters", 20), ("Rounding", 0)]
    lines = [" ".join(line.split()) for line in on_screen(comparison)]
    assert "5 other causes +£8" in lines
    assert "Total +£20" in lines


def test_the_first_sheet_has_the_answer(sample, tmp_path):
    """Summary opens with the sentences of the screen; its rows of organisations add up to the change of all years."""
    write_workbook(sample[1], tmp_path / "c.xlsx")
    book = openpyxl.load_workbook(tmp_path / "c.xlsx", data_only=True)
    rows = rows_of(book, "Summary")
    organisation_rows = [row for row in rows if row["Question"].startswith("Who")]
    years = [row for row in rows if row["Question"] == "How much"]

    assert book.sheetnames[0] == "Summary"
    short = [row["Answer"] for row in rows if row["Question"] == "In short"]
    assert " ".join(short) == sample[1].document()["headline"]
    assert len(organisation_rows) == 5 + 1 + 5 + 1
    assert sum(row["Change (£)"] for row in organisation_rows) == sum(row["Change (£)"] for row in years) == 128_447
    assert [row["Moves between organisations (£)"] for row in years] == [2_946_947, 2_984_353]
    assert [row["Change (£)"] for row in rows if row["Question"] == "Why"] == [128_447.79, -0.79]


def test_a_total_below_0_has_no_waterfall_chart(tmp_path):
    """Columns cannot float across 0, so the sheet says why there is no chart."""
    write_workbook(compared(tmp_path, {YEAR: {"A": 5}}, {YEAR: {"A": -5}}), tmp_path / "c.xlsx")
    book = openpyxl.load_workbook(tmp_path / "c.xlsx", data_only=True)

    assert "There is no chart, because a total is below 0." in book["Waterfall"]["A2"].value
    assert [row["Change (£)"] for row in rows_of(book, "Waterfall")] == ["[z]", -10, "[z]"]
    with zipfile.ZipFile(tmp_path / "c.xlsx") as archive:
        assert [name for name in archive.namelist() if "chart" in name] == []
