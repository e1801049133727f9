"""Where money comes from and goes: `[money]`, its account on screen, in JSON and in the workbook, and its errors."""

from __future__ import annotations

import io
import math
from dataclasses import replace

import formualizer
import openpyxl
import polars as pl
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from rich.console import Console

from gpit_fairshare import SchemeError, allocate, compare, reallocate
from gpit_fairshare.engine.notes import notes_of
from gpit_fairshare.errors import CalculationError
from gpit_fairshare.language.kinds import NATIONAL, ORGANISATION
from gpit_fairshare.reports.allocation import allocation_screen
from gpit_fairshare.reports.allocation_view import AllocationView
from gpit_fairshare.reports.screen import show
from gpit_fairshare.results.writing import document
from gpit_fairshare.scheme.joining import load
from gpit_fairshare.workbook.result_workbook import write_workbook
from recalculation import by_cell, recalculated_rows
from rulebook import RULES, organisations, run, scheme_of
from running import SAMPLES, SHARED, population_file, write_rows
from small_schemes import scheme
from tiers import slow_but

DETAILS = AllocationView(details=True)
DIFFERENCE = "Difference (in − taken away − out − unspent)"
CASES = SHARED.parent / "cases" / "evidence"
FOUR = {"population": SAMPLES / "abcd-population.csv", "spend": SAMPLES / "abcd-spend.csv"}
FLOOR_AND_CEILING = {
    "sample": True,
    "transition": "floor-and-ceiling",
    "settings": {"floor_growth": "-60%", "ceiling_growth": "3%"},
    "with_effects": False,
}


def screen(result, width=80, view=DETAILS):
    """Return the screen of a result, with all details unless another view is given."""
    stream = io.StringIO()
    show(allocation_screen(result, view), Console(file=stream, width=width))
    return stream.getvalue()


def account(result, year=0):
    """The money account of a year."""
    return result.measures()[year].money


def lines(listed):
    """Name and amount of each line of an account."""
    return [(line.name, line.amount) for line in listed]


def by_label(sheet, column=2):
    """The values of a column of a sheet, by the text of its first column."""
    return {row[0]: row[column - 1] for row in sheet.iter_rows(min_row=5, values_only=True) if row[0]}


def money_scheme(folder, steps, money, extra=""):
    """A scheme of one year with a pot of £1,000 and a table `[money]`."""
    place = scheme(folder, steps, extra=extra)
    place.write_text(f"{place.read_text('utf-8')}\n[money]\n{money}\n", encoding="utf-8")
    return place


def two_places(folder, steps, money, extra=""):
    """The result of such a scheme for A with 1 and B with 3 patients."""
    place = money_scheme(folder, steps, money, extra)
    people = population_file(folder, {"A": 1, "B": 3})
    return allocate(population=people, scheme=place, with_effects=False)


# One account everywhere -----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def unspent(tmp_path_factory):
    """The sample with ceilings that leave £18,736,332 unspent in 2014/15, and its workbook."""
    folder = tmp_path_factory.mktemp("unspent")
    result = allocate(**FLOOR_AND_CEILING)
    write_workbook(result, folder / "fc.xlsx")
    return result, openpyxl.load_workbook(folder / "fc.xlsx", data_only=True)


def test_unspent_money_is_said_within_the_first_five_lines(unspent):
    """£140,000,000 less the allocations of 211 CCGs with a ceiling of 3% growth is £18,736,332 in 2014/15."""
    for width in (80, 120):
        first = "\n".join(screen(unspent[0], width).splitlines()[:5])

        sentence = "Unspent control total (R03): £18,736,332 in 2014/15 and £18,982,013 in 2015/16"
        assert sentence in " ".join(first.split())


def test_screen_json_and_sheets_say_the_same_of_unspent_money(unspent):
    """Each has a line for the control total's unspent money, the difference is 0, and there is no warning."""
    result, book = unspent
    summary, checks = by_label(book["Summary"]), by_label(book["Checks"], 4)
    (money,) = [year["money"] for year in document(result)["summary"] if year["year"] == "2014/15"]

    assert "Control total, unspent" in screen(result)
    (left,) = money["unspent"]
    assert left == {"name": "unrounded_allocation", "label": "Control total", "amount": 18_736_332}
    assert (money["difference"], money["balances"]) == (0, True)
    assert summary["Unspent: Control total (£)"] == 18_736_332
    assert summary[f"{DIFFERENCE} (£)"] == 0
    assert checks["Unspent: Control total"] == "£18,736,332"
    assert checks["Money in equals money out and unspent"] == "pass"
    assert next(finding.found for finding in result.findings if finding.number == "R03") == (
        "Control total 2014/15: £18,736,332 of £140,000,000 is unspent"
    )
    assert {finding.number for finding in result.findings} & {"R07", "R09"} == set()


@pytest.mark.usefixtures("libreoffice")
def test_libreoffice_agrees_on_unspent_money(unspent, tmp_path):
    """Recalculated from its formulas, the workbook has the same unspent money in both years."""
    write_workbook(unspent[0], tmp_path / "fc.xlsx")
    (sheets,) = recalculated_rows([tmp_path / "fc.xlsx"])
    rows = {row[0]: row[1:3] for row in sheets["Summary"] if row}

    assert rows["Unspent: Control total (£)"] == [18_736_332, 18_982_013]
    assert rows[f"{DIFFERENCE} (£)"] == [0, 0]
    assert any(value == "£18,736,332" for value in by_cell({"Checks": sheets["Checks"]}).values())


def test_figures_of_the_workbook_are_those_of_the_document(unspent):
    """Gainers, losers, reductions and totals by area are the same in the JSON document and in the workbook."""
    result, book = unspent
    summary, year = by_label(book["Summary"]), document(result)["summary"][0]

    assert summary["CCGs that gain on historic spend"] == year["gain"]
    assert summary["CCGs that lose on historic spend"] == year["lose"]
    assert summary["Total of reductions on historic spend (£)"] == pytest.approx(year["shortfall"]["total"])
    (name,) = [name for name in book.sheetnames if name.startswith("By ")]
    headings = [cell.value for cell in book[name][4]]
    column = headings.index("Allocation 2014/15 (£)") + 1
    areas = {area["name"]: area["allocation"] for area in year["areas"]}
    assert {area: by_label(book[name], column)[area] for area in areas} == areas


# Money by name --------------------------------------------------------------------------------------------------


MINUS = """
[scheme]
name = "minus"
title = "A baseline, less a saving that all pay by their baseline"
organisation = "place"
years = ["2025/26"]
[inputs.base]
label = "Base"
unit = "£"
[parameters.saving]
label = "Saving"
unit = "£"
values.every_year = { value = 30_000, assumption = "A test." }
[[steps]]
name = "part"
label = "Part of the saving"
unit = "£"
formula = "share_out(saving, by=base)"
[[steps]]
name = "allocation"
label = "Allocation"
unit = "£"
formula = "round(base - part, 0)"
"""


def minus(folder, money):
    """The scheme above for A with £100,000 and B with £200,000."""
    (folder / "minus.toml").write_text(MINUS + money, encoding="utf-8")
    table = write_rows(folder / "minus.csv", [{"org_code": "A", "base": 100_000}, {"org_code": "B", "base": 200_000}])
    return allocate(inputs=table, scheme=folder / "minus.toml", with_effects=False)


def test_money_that_is_taken_away_has_its_own_line(tmp_path):
    """£300,000 in, £30,000 taken away, £270,000 out: screen, document and workbook."""
    result = minus(tmp_path, '[money]\nin = ["base"]\nout_of = ["saving"]\n')
    write_workbook(result, tmp_path / "m.xlsx")
    summary = by_label(openpyxl.load_workbook(tmp_path / "m.xlsx", data_only=True)["Summary"])
    money = document(result)["summary"][0]["money"]
    text = " ".join(screen(result).split())

    assert "Money in Base £300,000 Taken away Saving £30,000 Money out Total allocation £270,000" in text
    assert "Allocated: £270,000 of £300,000 (£30,000 taken away) in" in text
    assert [money["money_in"][0]["amount"], money["taken_away"][0]["amount"]] == [300_000, 30_000]
    assert (money["out"]["amount"], money["difference"]) == (270_000, 0)
    assert [summary[f"{side} (£)"] for side in ("Money in: Base", "Taken away: Saving", DIFFERENCE)] == [
        300_000,
        30_000,
        0,
    ]
    assert summary["Money out: allocations (£)"] == 270_000
    assert not [finding for finding in result.findings if finding.number in ("R07", "R09")]


def test_a_file_without_the_table_runs_and_one_line_says_what_to_add(tmp_path):
    """Money in is £30,000, which share_out shares; £270,000 go out, and the warning names the table and the file."""
    result = minus(tmp_path, "")
    (warning,) = [finding for finding in result.findings if finding.number == "R07"]
    year = next(iter(result.years))
    assert screen(result, view=AllocationView()).startswith(f"Money does not balance (R07): £240,000 in {year}.\n")

    assert "£240,000 more" in warning.found
    assert warning.remedy.startswith("Add a table [money] to minus.toml: in = […]")


@pytest.mark.skipif(not CASES.is_dir(), reason="the shared cases are not there")
def test_the_case_of_a_saving_reads_as_money_taken_away(tmp_path):
    """The shared case with the two lines: in £300,000, taken away £30,000, out £270,000."""
    text = (CASES / "mi.toml").read_text("utf-8")
    (tmp_path / "mi.toml").write_text(f'{text}\n[money]\nin = ["base"]\nout_of = ["saving"]\n', encoding="utf-8")
    result = allocate(inputs=CASES / "mi.csv", scheme=tmp_path / "mi.toml", with_effects=False)
    text_of_account = "Base £300,000 Taken away Saving to be found £30,000 Money out Total allocation £270,000"

    assert text_of_account in " ".join(screen(result).split())
    assert not [finding for finding in result.findings if finding.number in ("R07", "R09")]


@pytest.mark.skipif(not SHARED.is_dir(), reason="the shared data are not there")
def test_a_published_table_shows_growth_convergence_and_what_is_taken_away(tmp_path):
    """NHS England, primary medical care 2025/26: £17.8m of vaccinations are taken away, three sums come in.

    Convergence takes £926,367 away in total, so it is a negative line of money in. Each of 42 allocations is rounded to
    thousands, which changes it by up to £500.
    """
    text = (SHARED / "published" / "schemes" / "icb-primary-medical-2025-26.toml").read_text("utf-8")
    steps = """
[[steps]]
name = "growth_in_pounds"
label = "Base growth in pounds"
unit = "£"
formula = "grown_baseline - baseline"
[[steps]]
name = "convergence_in_pounds"
label = "Convergence in pounds"
unit = "£"
formula = "grown_baseline * convergence"
"""
    before = '[[steps]]\nname = "allocation"\n'
    assert text.count(before) == 1
    text = text.replace(before, steps + before) + (
        '\n[money]\nin = ["baseline", "growth_in_pounds", "convergence_in_pounds", '
        '"growth_left", "arrs_total", "arrs_gps_total"]\nout_of = ["vaccinations_total"]\n'
    )
    (tmp_path / "icb.toml").write_text(text, encoding="utf-8")
    inputs = SHARED / "published" / "icb-primary-medical-2025-26-inputs.csv"
    result = allocate(inputs=inputs, scheme=tmp_path / "icb.toml", with_effects=False)
    money = account(result)
    amounts = dict(lines(money.money_in))

    assert [amounts[name] for name in ("growth_left", "arrs_total", "arrs_gps_total")] == [
        532_793_000,
        534_207_000,
        82_000_000,
    ]
    assert amounts["convergence_in_pounds"] == pytest.approx(-926_367, abs=1)
    assert lines(money.taken_away) == [("vaccinations_total", 17_800_000)]
    assert 21_000 <= money.rounding <= 21_001
    assert abs(money.difference) <= 21_000
    assert {finding.number for finding in result.findings} & {"R07", "R09"} == set()
    assert "Convergence in pounds -£926,367" in " ".join(screen(result).split())


def test_new_money_is_the_step_that_tops_up():
    """£330,000 of top-ups over the £2,000,000 of fair shares, as its step is called; the note says it is new money."""
    result = allocate(**FOUR, transition="annual-loss-cap", settings={"revenue_budget": 2_000_000}, with_effects=False)

    assert lines(account(result).money_in) == [("revenue_budget", 2_000_000), ("top_up", 330_000)]
    assert "Top-up 2014/15: £330,000 is new money" in [
        finding.found for finding in result.findings if finding.number == "R09"
    ]


def test_fair_share_stands_for_the_money_behind_it(tmp_path):
    """A formula of two pots and a transition that takes half away: £1,000 and £500 come in, £750 are taken away."""
    (tmp_path / "two.toml").write_text(
        """
[formula]
name = "two"
title = "Two pots"
[parameters.first]
label = "First pot"
unit = "£"
default = { value = 1_000, assumption = "A test." }
[parameters.second]
label = "Second pot"
unit = "£"
default = { value = 500, assumption = "A test." }
[[steps]]
name = "one_share"
label = "Share of the first"
unit = "£"
formula = "share_out(first, by=registered_population)"
[[steps]]
name = "fair_share"
label = "Fair share"
unit = "£"
formula = "one_share + second * registered_population / total(registered_population)"
[money]
in = ["first", "second"]
""",
        encoding="utf-8",
    )
    (tmp_path / "half.toml").write_text(
        """
[transition]
name = "half"
title = "Half of it"
[[steps]]
name = "kept_back"
label = "Kept back"
unit = "£"
formula = "fair_share / 2"
[[steps]]
name = "allocation"
label = "Allocation"
unit = "£"
formula = "fair_share - kept_back"
[money]
in = ["fair_share"]
out_of = ["kept_back"]
""",
        encoding="utf-8",
    )
    result = allocate(
        population=population_file(tmp_path, {"A": 1, "B": 3}),
        scheme="gpit-2014-16",
        formula=tmp_path / "two.toml",
        transition=tmp_path / "half.toml",
        with_effects=False,
    )
    money = account(result)

    assert lines(money.money_in) == [("first", 1_000), ("second", 500)]
    assert lines(money.taken_away) == [("kept_back", 750)]
    assert money.difference == 0
    assert load("gpit-2014-16").money.money_in == ("revenue_budget", "transition_fund")


def test_unspent_money_can_be_named(tmp_path):
    """A step says that £250 of the £1,000 stay unspent; the account uses it instead of the money left by ceilings."""
    steps = """
        most = where(registered_population > 0, 300, 300) # £
        shared = share_out(pot, by=registered_population, at_most=most) # £
        reserve = 1000 - 750 # £
        allocation = shared + 75 # £
    """
    result = two_places(tmp_path, steps, 'in = ["pot"]\nunspent = ["reserve"]')
    money = account(result)

    # Ceilings of £300 each give £600 out, and £75 each on top £750 in all.
    assert (lines(money.unspent), money.out.amount, money.difference) == ([("reserve", 250)], 750, 0)


CUT = """
    most = where(registered_population > 0, 20, 20) # £
    cut = share_out(saving, by=registered_population, at_most=most) # £
    cut_total = total(cut) # £
    shares = share_out(pot, by=registered_population) # £
    allocation = shares - cut # £
"""
SAVING = '[parameters.saving]\nlabel = "Saving"\nunit = "£"\n'
SAVING += 'values = { every_year = { value = 100, assumption = "A test." } }\n'


@pytest.mark.parametrize("name", ["cut", "cut_total"])
def test_a_saving_counts_with_what_is_taken(tmp_path, name):
    """Two pay £20 each of a saving of £100: £40 are taken away, and the other £60 are not unspent money."""
    result = two_places(tmp_path, CUT, f'in = ["pot"]\nout_of = ["{name}"]', SAVING)
    write_workbook(result, tmp_path / "cut.xlsx")
    money = account(result)

    assert (lines(money.taken_away), money.unspent) == ([(name, 40)], ())
    assert (money.out.amount, money.difference) == (960, 0)
    # What the step leaves over is not in the line of unspent money, so that its finding is near the top.
    for view in (AllocationView(), DETAILS):
        assert screen(result, view=view).startswith("R03  Saving 2014/15: £60 of £100 is unspent.\n")
    assert "Saving 2014/15: £60 of £100 is unspent" in screen(result, view=AllocationView(quiet=True))
    rows = {row[0]: row[1] for row in evaluated_rows(tmp_path / "cut.xlsx", "Summary")}
    assert rows[f"{DIFFERENCE} (£)"] == 0


def evaluated_rows(path, sheet):
    """First and second cell of each row of a sheet, calculated from the formulas."""
    plain, book = openpyxl.load_workbook(path, data_only=True)[sheet], formualizer.load_workbook(str(path))
    rows = range(5, plain.max_row + 1)
    return [(plain.cell(row, 1).value, book.evaluate_cell(sheet, row, 2)) for row in rows]


def test_a_step_without_a_ceiling_leaves_nothing_over_in_the_workbook_as_well(tmp_path):
    """If the table names it as unspent, its line is £0 and the whole £1,000 goes out."""
    steps = "shares = share_out(pot, by=registered_population) # £\nallocation = rounded(shares) # £"
    result = two_places(tmp_path, steps, 'in = ["pot"]\nunspent = ["shares"]')
    write_workbook(result, tmp_path / "none.xlsx")
    rows = dict(evaluated_rows(tmp_path / "none.xlsx", "Summary"))

    assert lines(account(result).unspent) == [("shares", 0)]
    assert (rows["Unspent: Pot (£)"], rows[f"{DIFFERENCE} (£)"]) == (0, 0)


def test_another_account_is_a_difference_of_the_rules(tmp_path):
    """`compare` names the account if two rules differ only in it."""
    steps = "shares = share_out(pot, by=registered_population) # £\nallocation = rounded(shares) # £"
    for folder in ("old", "new"):
        (tmp_path / folder).mkdir()
    old = two_places(tmp_path / "old", steps, 'in = ["pot"]')
    new = two_places(tmp_path / "new", steps, 'in = ["shares"]')
    differences = [
        (difference.kind, difference.old, difference.new)
        for difference in compare(old, new).differences
        if "money" in difference.kind
    ]

    assert differences == [("money account changed", "in: pot", "in: shares")]


@pytest.mark.parametrize(
    ("last", "rounding"),
    [("allocation = pot * registered_population / total(registered_population) # £", 0.01)]
    + [
        (f"x = pot * registered_population / total(registered_population) # £\nallocation = {how} # £", most)
        for how, most in (
            ("rounded(x)", 0.51),
            ("rounded(x, to=10)", 5.01),
            ("round(x, 0)", 1.01),
            ("round(x, -3)", 1_000.01),
            ("round(x, 2)", 0.02),
        )
    ],
)
def test_rounding_moves_the_difference_by_half_a_unit_for_each_figure(tmp_path, last, rounding):
    """Two figures rounded separately move the total by a unit, together by half a unit; a penny is for floats."""
    result = two_places(tmp_path, last, 'in = ["pot"]')

    assert account(result).rounding == pytest.approx(rounding)


# Errors show ----------------------------------------------------------------------------------------------------


def with_values(result, name, kind, values):
    """Return the result with other values of a name in its first year."""
    year = next(iter(result.years.values()))
    frames = dict(year.frames)
    for other, frame in frames.items():
        if other == kind:
            frames[other] = frame.with_columns(pl.Series(name, values, dtype=pl.Float64))
    changed = replace(year, frames=frames)
    return replace(result, years={**result.years, year.year: changed})


def test_a_doubled_allocation_is_the_difference_on_the_screen_and_in_the_document():
    """B's £625,000 counted twice leave the account £625,000 short, for any unspent money."""
    result = allocate(**FOUR, settings={"revenue_budget": 2_000_000, "transition_fund": 300_000}, with_effects=False)
    before = result.years["2014/15"].values("allocation", ORGANISATION)
    twice = with_values(result, "allocation", ORGANISATION, [before[0], 2 * before[1], *before[2:]])

    assert f"{DIFFERENCE} -£{before[1]:,.0f} £0" in " ".join(screen(twice).split())
    money = document(twice)["summary"][0]["money"]
    assert (money["difference"], money["balances"]) == (-before[1], False)
    assert "R07" in {
        finding.number for finding in notes_of(twice.scheme, twice.funds, twice.years, twice.inputs.sources)
    }


@pytest.mark.parametrize("transition", ["above-average-cost", "floor-and-ceiling"])
def test_a_doubled_allocation_is_the_difference_in_the_workbook(transition, tmp_path):
    """The last allocation of 2014/15 is doubled by hand: the difference is exactly its amount."""
    levels = {"floor_growth": "-60%", "ceiling_growth": "3%"} if transition == "floor-and-ceiling" else {}
    result = allocate(**FOUR, transition=transition, settings=levels, with_effects=False)
    write_workbook(result, tmp_path / "out.xlsx")
    plain = openpyxl.load_workbook(tmp_path / "out.xlsx", data_only=True)
    sheet = plain["2014-15"]
    column = next(cell.column for cell in sheet[4] if cell.value == "Allocation (£)")
    row = max(cell.row for cell in sheet["A"] if cell.value == "D")
    amount = sheet.cell(row, column).value
    book = formualizer.load_workbook(str(tmp_path / "out.xlsx"))
    book.set_value("2014-15", row, column, 2 * amount)
    rows = {plain["Summary"].cell(row, 1).value: row for row in range(5, plain["Summary"].max_row + 1)}
    checks = {plain["Checks"].cell(row, 1).value: row for row in range(5, plain["Checks"].max_row + 1)}

    assert amount > 0
    assert book.evaluate_cell("Summary", rows[f"{DIFFERENCE} (£)"], 2) == pytest.approx(-amount, abs=1e-6)
    assert book.evaluate_cell("Checks", checks["Money in equals money out and unspent"], 4) == "review"


QUICK = ["transition-floor-and-ceiling"]


@pytest.mark.parametrize("rule", slow_but(QUICK, [rule for rule in RULES if rule.runs_alone]), ids=str)
def test_an_error_in_any_line_of_the_account_shows(rule):
    """If any line of a library file's account is wrong by £1m for one year, the difference is wrong by £1m.

    Without an error it is 0 within rounding.
    """

    @settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.filter_too_much])
    @given(data=st.data())
    def holds(data):
        scheme = scheme_of(rule)
        try:
            result = run(scheme, data.draw(organisations(scheme)))
        except CalculationError:
            assume(condition=False)
            raise
        every_line_shows(result)

    holds()


def every_line_shows(result):
    """Assert that the account balances, and that it does not if any of its lines is wrong."""
    money, million = account(result), 1_000_000.0
    year = next(iter(result.years.values()))
    assert money.money_in, "no money comes in"
    assert money.is_balanced, money
    assert money.rounding < million / 2
    for line in (*money.money_in, *money.taken_away, money.out, *money.unspent):
        wrong = _wrong(result, year, line, million)
        moved = _unrounded_difference(account(wrong)) - _unrounded_difference(money)
        assert abs(abs(moved) - million) <= 1e-3, line
        assert account(wrong).difference == round(_unrounded_difference(account(wrong)), 2), line
        assert not account(wrong).is_balanced, line
        numbers = [finding.number for finding in notes_of(wrong.scheme, wrong.funds, wrong.years, ())]
        assert "R07" in numbers or result.scheme.symbols[result.scheme.result].unit != "£"


def _unrounded_difference(money):
    """In less taken away, out and unspent, with parts of a penny: half a penny may round either way."""
    less = (*money.taken_away, money.out, *money.unspent)
    return math.fsum((*(line.amount for line in money.money_in), *(-line.amount for line in less)))


def _wrong(result, year, line, by):
    """Return the result with one line of its first year's account wrong by an amount."""
    if line.name in year.unspent and line.name != result.scheme.result:
        left = [year.unspent[line.name][0] + int(by), *year.unspent[line.name][1:]]
        amounts = [year.amounts[line.name][0], *year.amounts[line.name][1:]]
        changed = replace(year, unspent={**year.unspent, line.name: left}, amounts={**year.amounts, line.name: amounts})
        return replace(result, years={**result.years, year.year: changed})
    kind = NATIONAL if line.name in result.scheme.parameters else result.scheme.symbols[line.name].kind
    values = year.values(line.name, kind)
    return with_values(result, line.name, kind, [(values[0] or 0.0) + by, *values[1:]])


def test_an_error_in_any_line_of_a_reallocation_shows(tmp_path):
    """Current allocations come in, revised ones go out, and recovered money that is not paid out is unspent."""
    rows = [("A", 20_000_000, 15_000_000), ("B", 10_000_000, 11_000_000)]
    table = [{"org_code": code, "allocation": amount, "year": "2014/15"} for code, amount, _ in rows]
    forecast = [{"org_code": code, "forecast_outturn": amount} for code, _, amount in rows]
    result = reallocate(
        allocation=write_rows(tmp_path / "a.csv", table),
        forecast=write_rows(tmp_path / "f.csv", forecast),
        with_effects=False,
    )

    assert [line.name for line in account(result).unspent] == ["unallocated"]
    every_line_shows(result)


# Names that are not money ----------------------------------------------------------------------------------------


GRANT = """
[tables.grant]
label = "Grant"
unit = "£"
rows = [{ key = "a", value = 1, assumption = "A test." }]
"""


@pytest.mark.parametrize(
    ("money", "says"),
    [
        ('in = ["pott"]', "money › in: there is no pott; did you mean pot"),
        ('in = ["registered_population"]', "money › in: registered_population is in people"),
        ('in = ["rate"]', "money › in: rate is in £ per head"),
        ('in = ["large"]', "money › in: large is in yes/no"),
        ('in = ["pot"]\nout_of = ["pot"]', "pot is named twice"),
        (f'in = ["grant"]\n{GRANT}', "money › in: grant is a table; name a parameter, an input column or a step in £"),
        ("in = []", "money"),
        ('out_of = ["pot"]', "money"),
        ('in = ["pot"]\nunspent = ["nothing"]', "money › unspent: there is no nothing"),
    ],
)
def test_names_that_are_not_money_are_refused(tmp_path, money, says):
    """A table with a name that does not exist, or is not in £, is refused with the file and the place."""
    steps = """
        rate = pot / total(registered_population) # £ per head
        large = registered_population > 2
        allocation = share_out(pot, by=registered_population) # £
    """
    with pytest.raises(SchemeError) as refused:
        two_places(tmp_path, steps, money)

    assert says in str(refused.value)


def test_a_transition_names_no_money_of_a_formula(tmp_path):
    """A transition works with any formula, so it names fair_share and not the budget of one formula."""
    text = '[transition]\nname = "t"\ntitle = "T"\n[[steps]]\nname = "allocation"\nlabel = "A"\nunit = "£"\n'
    (tmp_path / "t.toml").write_text(f'{text}formula = "fair_share"\n[money]\nin = ["revenue_budget"]\n', "utf-8")
    with pytest.raises(SchemeError, match=r"t\.toml: money › in: .*not revenue_budget"):
        allocate(**FOUR, transition=tmp_path / "t.toml")


def test_the_account_goes_through_the_manifest():
    """The rule in a manifest has the account with its names: fair shares as the money they share, new money apart."""
    manifest = allocate(**FOUR, transition="annual-loss-cap", with_effects=False).manifest

    assert manifest["definition"]["money"] == {
        "money_in": ("revenue_budget", "top_up"),
        "taken_away": (),
        "unspent": (),
        "new_money": ("top_up",),
        "whole_amounts": (),
        "stated": True,
        "file": "annual-loss-cap.toml",
    }


def test_every_file_of_the_library_whose_answer_is_money_names_it():
    """Every file of the library states its money account."""
    without = [str(rule) for rule in RULES if "money" not in rule.data and rule.data.get("steps")]

    assert without == ["scheme-maturity-index"]


def test_columns_with_blanks_count_what_is_there(tmp_path):
    """An optional column of £ with a blank counts as money in without the blank: £40 of A, nothing of B."""
    extra = '[inputs.grant]\nlabel = "Grant"\nunit = "£"\noptional = true\n'
    steps = "allocation = where(given(grant), grant, 0) # £"
    place = money_scheme(tmp_path, f"unused = pot # £\n{steps}", 'in = ["grant"]', extra)
    people = write_rows(
        tmp_path / "p.csv",
        [
            {"org_code": "A", "registered_population": 1, "grant": 40},
            {"org_code": "B", "registered_population": 1, "grant": ""},
        ],
    )
    result = allocate(population=people, scheme=place, with_effects=False)

    assert lines(account(result).money_in) == [("grant", 40)]
    assert account(result).difference == 0


def test_pounds_left_in_groups_are_added_up(tmp_path):
    """Three CCGs of £100 with ceilings of £40 a practice leave £20, £60 and £60, in the workbook as well."""
    rows = [
        {"org_code": code, "ccg": ccg, "registered_population": people}
        for code, ccg, people in (("P1", "00A", 100), ("P2", "00A", 300), ("P3", "00B", 50), ("P4", "00C", 50))
    ]
    steps = """
        most = where(registered_population > 0, 40, 40) # £
        shares = share_out(pot, by=registered_population, at_most=most, within=ccg) # £
        allocation = rounded(shares, within=ccg) # £
    """
    people = write_rows(tmp_path / "p.csv", rows)
    result = allocate(population=people, scheme=scheme(tmp_path, steps, pot=100), with_effects=False)
    write_workbook(result, tmp_path / "g.xlsx")
    summary = by_label(openpyxl.load_workbook(tmp_path / "g.xlsx", data_only=True)["Summary"])
    money = account(result)

    assert [line.amount for line in money.unspent] == [140]
    assert (money.money_in[0].amount, money.difference) == (300, 0)
    assert (summary["Unspent: Pot (£)"], summary[f"{DIFFERENCE} (£)"]) == (140, 0)


def test_an_answer_that_shares_in_groups_is_money_out_as_it_is(tmp_path):
    """Three CCGs share £100 each: £300 come in, and an allocation of £100 that is doubled is £100 too much."""
    rows = [{"org_code": f"P{number}", "ccg": f"00{number}", "registered_population": 50} for number in (1, 2, 3)]
    people = write_rows(tmp_path / "p.csv", rows)
    steps = "allocation = share_out(pot, by=registered_population, within=ccg) # £"
    result = allocate(population=people, scheme=scheme(tmp_path, steps, pot=100), with_effects=False)
    twice = with_values(result, "allocation", ORGANISATION, [200, 100, 100])

    assert (account(result).money_in[0].amount, account(result).difference) == (300, 0)
    assert account(twice).difference == -100


def test_people_left_over_are_not_unspent_money(tmp_path):
    """Of 1,000 people to share out 400 are left over; all of the £1,000 go out."""
    extra = '[parameters.places]\nlabel = "Places"\nunit = "people"\n'
    extra += 'values = { every_year = { value = 1_000, assumption = "A test." } }\n'
    steps = """
        most = where(registered_population > 0, 300, 300) # people
        seats = share_out(places, by=registered_population, at_most=most) # people
        shares = share_out(pot, by=seats) # £
        allocation = rounded(shares) # £
    """
    people = population_file(tmp_path, {"A": 1, "B": 3})
    result = allocate(population=people, scheme=scheme(tmp_path, steps, extra=extra), with_effects=False)

    assert (account(result).unspent, account(result).difference) == ((), 0)
    assert "R07" not in {finding.number for finding in result.findings}
    assert "R03 Places 2014/15: 400 of 1,000 is unspent" in " ".join(screen(result).split())


def test_pence_of_an_amount_are_rounding_and_not_unspent(tmp_path):
    """£1,000.40 shared out and rounded is £1,000: nothing is unspent, and the 40p are within the rounding."""
    place = scheme(
        tmp_path, "x = share_out(pot, by=registered_population) # £\nallocation = rounded(x) # £", pot="1000.4"
    )
    result = allocate(population=population_file(tmp_path, {"A": 1, "B": 3}), scheme=place, with_effects=False)
    money = account(result)

    assert money.unspent == ()
    assert math.isclose(money.difference, 0.4, abs_tol=1e-9)
    assert money.is_balanced


@pytest.mark.parametrize(
    ("function", "paid", "difference"), [("roundup", 34, -2), ("rounddown", 33, 1), ("round", 33, 1)]
)
def test_rounding_one_way_moves_up_to_a_pound_for_each(tmp_path, function, paid, difference):
    """£100 in three thirds of £33.33: rounded up each pays £34, £102 in all, and £2 are within £3 of rounding."""
    steps = f"x = share_out(pot, by=registered_population) # £\nallocation = {function}(x, 0) # £"
    people = population_file(tmp_path, {"A": 1, "B": 1, "C": 1})
    result = allocate(population=people, scheme=scheme(tmp_path, steps, pot=100), with_effects=False)
    money = account(result)

    assert result.rows["allocation"].to_list() == [paid] * 3
    assert money.difference == difference
    assert money.rounding == pytest.approx((1.5 if function == "round" else 3) + 0.01)
    assert money.is_balanced


@pytest.mark.parametrize(
    ("function", "paid", "balanced"),
    [("rounddown", 300, False), ("roundup", 400, False), ("round", 300, True)],
)
def test_money_kept_by_rounding_down_to_hundreds_is_no_noise(tmp_path, function, paid, balanced):
    """Three shares of £333.33 are £300 or £400 each: £100 is kept, or £200 added. Only halves up and down are noise."""
    steps = f"x = share_out(pot, by=registered_population) # £\nallocation = {function}(x, -2) # £"
    people = population_file(tmp_path, dict.fromkeys("ABC", 5))
    result = allocate(population=people, scheme=scheme(tmp_path, steps), with_effects=False)

    assert account(result).difference == 1000 - 3 * paid
    assert account(result).is_balanced is balanced
    assert ("R07" not in {finding.number for finding in result.findings}) is balanced
