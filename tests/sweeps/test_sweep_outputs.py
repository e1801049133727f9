"""What `gpit sweep` prints and writes: figures of single runs, and of four organisations worked by hand.

A, B, C and D have 100,000 to 400,000 people, and spent £500,000, £500,000, £450,000 and £820,000: £2,270,000. With a
floor of -10% everyone keeps 90%: £450,000, £450,000, £405,000 and £738,000, which is £2,043,000. Without a transition
D has 40% of the budget.
"""

from __future__ import annotations

import json
import math
from importlib.resources import files as files_of
from types import SimpleNamespace

import openpyxl
import polars as pl
import pytest

from documents import run_as_typed
from gpit_fairshare import UsageError, allocate
from gpit_fairshare.reports import sweep_workbook
from gpit_fairshare.reports.screen import show
from gpit_fairshare.reports.solving import solution_document
from gpit_fairshare.reports.sweep import SweepReport, _chosen, _evenly, sparkline, sweep_document
from gpit_fairshare.reports.terminal import make_console
from gpit_fairshare.sweeps.figures import COLUMNS, FAILS, OUTCOME
from gpit_fairshare.sweeps.solving import solve
from gpit_fairshare.sweeps.sweep import scenarios, sweep
from running import ABCD_PEOPLE, ABCD_SPEND, population_file, read_rows, spend_file, words, write_rows

FLOOR = {"transition": "floor-and-ceiling", "years": "2014/15"}
SHARES = {"transition": "none", "years": "2014/15", "settings": {"revenue_budget": 2_000_000}}
TYPED = "gpit sweep --population population.csv --spend spend.csv --years 2014/15"
BUDGETS = "revenue_budget=1900000:2100000:50000"
"""The first three of its five scenarios are £143,000, £93,000 and £43,000 short of the floors."""


def write_abcd(folder):
    """Write the files of the four organisations, and return them as arguments."""
    return {"population": population_file(folder, ABCD_PEOPLE), "spend": spend_file(folder, ABCD_SPEND)}


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Files of the four organisations, as arguments."""
    return write_abcd(tmp_path_factory.mktemp("abcd"))


@pytest.fixture
def folder(tmp_path):
    """A folder with these files."""
    write_abcd(tmp_path)
    return tmp_path


@pytest.fixture(scope="module")
def floors(files):
    """Five budgets, of which floors of 90% allow two."""
    return sweep(**files, **FLOOR, settings={"floor_growth": "-10%"}, vary=[BUDGETS])


@pytest.fixture(scope="module")
def shares(files):
    """A half, three quarters and all of £2,000,000 by fair share."""
    return sweep(**files, **SHARES, vary=["revenue_budget=*0.5,*0.75,*1"])


def run(command, folder, capsys):
    """Run a command in this process; return its exit code, and what it printed on either stream in one line each."""
    code = run_as_typed(command, folder)
    printed = capsys.readouterr()
    return code, words(printed.out.encode()), words(printed.err.encode())


def screen(swept, capsys, monkeypatch, width=80, **options):
    """Return the lines that a screen of a width has."""
    monkeypatch.setenv("COLUMNS", str(width))
    show(sweep_document(SweepReport(swept, **options), is_short=True), make_console())
    return capsys.readouterr().out.splitlines()


def cells_of(lines, heading):
    """Return the cells of each row of the table below a heading."""
    start = next(index for index, line in enumerate(lines) if line.startswith(heading))
    rule = next(index for index, line in enumerate(lines[start:], start) if line.startswith("──"))
    end = next((index for index, line in enumerate(lines[rule:], rule) if not line), len(lines))
    return [line.split() for line in lines[rule + 1 : end]]


# The screen ------------------------------------------------------------------------------------------------------


def test_impossible_scenarios_come_first_with_their_values_and_reason(floors, capsys, monkeypatch):
    """£2,043,000 of floors less £1,900,000 is £143,000; three of the five budgets are less than the floors."""
    lines = screen(floors, capsys, monkeypatch, 120)
    text = " ".join(" ".join(lines).split())

    assert lines[0].endswith("5 scenarios, 2 possible, 3 impossible.")
    assert lines[2] == "3 of 5 scenarios are impossible"
    assert "step unrounded_allocation: 3 scenarios, revenue_budget £1,900,000 to £2,000,000 The first: floor" in text
    assert "floor needs £2,043,000 in total, but control_total is £1,900,000, £143,000 too little" in text
    assert [line.strip() for line in lines if line.startswith("    2014/15")] == [
        f"2014/15: £{short},000 too little" for short in (143, 93, 43)
    ]


def test_figures_of_scenarios_are_those_of_single_runs(floors, files, capsys, monkeypatch):
    """The row of £2,050,000 has what `allocate` gives with that budget."""
    rows = allocate(**files, **FLOOR, settings={"floor_growth": "-10%", "revenue_budget": 2_050_000}).rows
    losses = rows["historic_spend"] - rows["allocation"]
    rates = rows["allocation"] / rows["registered_population"]
    expected = [
        "4",
        "£2,050,000",
        f"£{rows['allocation'].sum():,.0f}",
        "£0",
        str((losses >= 1).sum()),
        f"£{losses.max():,.0f}",
        f"£{rates.min():.2f}–£{rates.max():.2f}",
    ]

    assert expected in cells_of(screen(floors, capsys, monkeypatch), "Scenarios in 2014/15")


def test_one_organisation_has_the_base_run_first_and_differences(shares, capsys, monkeypatch):
    """D has 40% of £2,000,000 in the base run, and £400,000 less of half as much; A has a quarter of that."""
    rows = cells_of(screen(shares, capsys, monkeypatch), "D in 2014/15")
    smallest = cells_of(screen(shares, capsys, monkeypatch, organisation="a"), "A in 2014/15")

    assert rows == [
        ["base", "£2,000,000", "£800,000", "–", "–"],
        ["1", "£1,000,000", "£400,000", "-£400,000", "-50.0%"],
        ["2", "£1,500,000", "£600,000", "-£200,000", "-25.0%"],
        ["3", "£2,000,000", "£800,000", "£0", "0.0%"],
    ]
    assert [row[2] for row in smallest] == ["£200,000", "£100,000", "£150,000", "£200,000"]


def test_the_base_run_has_the_scheme_s_own_rule(files, capsys, monkeypatch):
    """Over other transitions the first row is the scheme's transition, above-average-cost, as `allocate` gives it."""
    options = {**files, "years": "2014/15", "settings": {"revenue_budget": 2_000_000}}
    swept = sweep(**options, vary=["transition=none,cap-and-scale"])
    own = allocate(**options).rows
    base, first = cells_of(screen(swept, capsys, monkeypatch, organisation="B"), "B in 2014/15")

    assert swept.impossible_count == 1  # caps of cap-and-scale need more than £2,000,000
    assert base == ["base", "above-average-cost", f"£{own['allocation'][1]:,.0f}", "–", "–"]
    assert first[:3] == ["1", "none", "£400,000"]


@pytest.mark.parametrize(
    ("values", "line"),
    [
        # Eighths of the range: a half is the fifth block.
        ([0.0, 1.0, 2.0], "▁▅█"),
        ([7.0, math.nan, 3.0], "█·▁"),
        ([5.0, 5.0], "▁▁"),
        ([-8.0, -7.0, -6.0, -5.0, -4.0, -3.0, -2.0, -1.0, 0.0], "▁▂▃▄▅▆▇██"),
    ],
)
def test_a_sparkline_has_a_block_for_each_value(values, line):
    """The lowest block is the lowest value, the highest the highest, and a scenario without one is a dot."""
    possible = [value for value in values if not math.isnan(value)]

    assert sparkline(values, min(possible), max(possible)) == line


@pytest.mark.slow
def test_a_screen_shows_twenty_scenarios_and_says_so(files, capsys, monkeypatch):
    """Of 101 budgets the first and the last are among those shown, and a line says where all are."""
    swept = sweep(**files, **SHARES, vary=["revenue_budget=-50%:+50%:1%"])
    lines = screen(swept, capsys, monkeypatch)
    rows = cells_of(lines, "Scenarios in 2014/15")

    assert [row[0] for row in (*rows[:2], rows[-2])] == ["base", "1", "101"]
    assert len(rows) == 1 + 20 + 1
    assert " ".join(rows[-1]) == "20 of 101 scenarios shown; -o sweep.csv has all."
    assert [row[0] for row in cells_of(lines, "D in 2014/15")[:-1]] == [row[0] for row in rows[:-1]]
    assert "40 of 101 scenarios are in each line." in lines
    assert [*_evenly(range(1, 6), 3)] == [1, 3, 5]


def test_both_tables_show_the_same_scenarios(files, capsys, monkeypatch):
    """Of 301 budgets those from £2,043,000 up, number 201, are possible: the organisation has these of the 20 shown."""
    options = {**files, **FLOOR, "settings": {"floor_growth": "-10%"}}
    swept = sweep(**options, vary=["revenue_budget=1843000:2143000:1000"])
    lines = screen(swept, capsys, monkeypatch, organisation="D")
    scenarios_shown, possible_shown = (
        {int(row[0]) for row in cells_of(lines, f"{heading} in 2014/15") if row[0].isdecimal() and row[1] != "of"}
        for heading in ("Scenarios", "D")
    )

    assert len(scenarios_shown) == 20
    assert possible_shown == {number for number in scenarios_shown if number >= 201}
    assert f"{len(possible_shown)} of 101 possible scenarios shown; -o sweep.csv has all." in lines


def test_a_possible_scenario_among_many_impossible_ones_is_shown():
    """Only number 7 of 101 is possible: the rows that are evenly chosen do not have it, so it is added."""
    report = SimpleNamespace(sweep=SimpleNamespace(count=101), possible=lambda: [7])
    numbers = _chosen(report, 20)

    assert 7 not in _evenly(range(1, 102), 20)
    assert {1, 7, 101} < {*numbers}
    assert len(numbers) <= 20


@pytest.mark.parametrize(
    ("budget", "texts"),
    [
        (3_000_000, ["1 scenario, possible."]),
        (1, ["1 scenario, impossible.", "The scenario is impossible"]),
    ],
)
def test_one_scenario_is_not_counted(files, budget, texts, capsys, monkeypatch):
    """Of one scenario the screen says that it is possible or not, not that 1 of 1 is."""
    swept = sweep(**files, **FLOOR, settings={"floor_growth": "-10%"}, vary=[f"revenue_budget={budget}"])
    text = " ".join(" ".join(screen(swept, capsys, monkeypatch)).split())

    assert all(expected in text for expected in texts)
    assert "1 of 1" not in text


def test_a_rule_without_spend_says_why_it_has_no_losses(capsys, monkeypatch):
    """Without a transition nothing uses spend; the caution about illustrative spend is that of the other rule."""
    swept = sweep(sample=True, vary=["transition=none,floor-damping"])
    lines = screen(swept, capsys, monkeypatch)
    rows = cells_of(lines, "Scenarios in 2015/16")

    assert [row[3] for row in rows[1:3]] == ["–", "127"]
    reason = "No losses are calculated with transition none, because historic spend is not used there."
    assert reason in " ".join(lines)
    assert "Illustrative spend: do not quote any figure that uses it. Indicative: 2015/16." in lines


def test_a_value_of_set_is_that_of_the_base_run(files, capsys, monkeypatch):
    """The base run shares £3,000,000; the rows of a table have £1,000,000 and, as a change of it, £2,700,000."""
    options = {**files, "transition": "none", "years": "2014/15", "settings": {"revenue_budget": 3_000_000}}
    swept = sweep(**options, scenarios=[{"revenue_budget": 1_000_000}, {"revenue_budget": "-10%"}])
    lines = screen(swept, capsys, monkeypatch)
    note = "revenue_budget: only the base run, and changes such as +1%, use the value of --set."

    assert [row[2] for row in cells_of(lines, "Scenarios in 2014/15")] == ["£3,000,000", "£1,000,000", "£2,700,000"]
    assert note in " ".join(lines)


def test_values_outside_their_bounds_are_impossible_and_named(files, capsys, monkeypatch):
    """A share of support must not be less than 0 or more than 100%; those between are possible."""
    swept = sweep(**files, vary=["support_share@2015/16=-50%:150%:50%"])
    text = " ".join(" ".join(screen(swept, capsys, monkeypatch)).split())

    assert "5 scenarios, 3 possible, 2 impossible." in text
    group = "2015/16, support_share is outside its bounds: 2 scenarios, some of support_share@2015/16 -50% to 150%"
    assert group in text
    assert "The first: support_share is -50% in 2015/16; its minimum is 0" in text


def test_reasons_in_tables_name_no_option(files):
    """The user of `--vary` typed no `--set`: a value outside its bounds is named with the parameter, year and bound."""
    swept = sweep(**files, vary=["support_share@2015/16=50%,150%"])
    reason = "support_share is 150% in 2015/16; its maximum is 100%"

    assert swept.frame["impossible"].to_list() == [None, None, reason, reason]
    assert SweepReport(swept).document()["impossible"] == [
        {"scenario": 2, "year": "2015/16", "where": "support_share", "reason": reason}
    ]


def test_the_base_run_has_a_dash_where_its_rule_uses_no_spend(capsys, monkeypatch):
    """The base run, without a transition, has no losses to count, as the scenario with the same rule has none."""
    swept = sweep(sample=True, transition="none", vary=["transition=floor-damping,none"])
    rows = cells_of(screen(swept, capsys, monkeypatch), "Scenarios in 2015/16")

    assert rows[0][3:5] == rows[2][3:5] == ["–", "–"]
    assert rows[1][3] == "127"


def test_the_reason_is_the_last_column_also_with_several_rules(files):
    """Rules have other columns; those of a later one do not come after the reason."""
    swept = sweep(**files, vary=["transition=none,above-average-cost", "revenue_budget=1000000,2000000"])

    assert swept.frame.columns[-1] == "impossible"


def own_formula(folder, entries):
    """Write a formula file: the library's fair share by registered patients, with other entries; return its path."""
    text = files_of("gpit_fairshare.library").joinpath("formulas/registered-population.toml").read_text("utf-8")
    path = folder / "own.toml"
    path.write_text(text.replace("[[steps]]", f"{entries}\n[[steps]]", 1), encoding="utf-8")
    return path


MODEST = """
[[checks]]
name = "A modest budget"
formula = "revenue_budget <= 2000000"
"""


def test_a_check_that_fails_is_named_and_marked(files, tmp_path, capsys, monkeypatch):
    """£1m and £2m are modest, £3m is not: that scenario has its result, and says that its check fails."""
    rule = {**SHARES, "formula": own_formula(tmp_path, MODEST)}
    swept = sweep(**files, **rule, vary=["revenue_budget=1000000:3000000:1000000"])
    lines = screen(swept, capsys, monkeypatch)
    passing = sweep(**files, **rule, vary=["revenue_budget=1000000,2000000"])

    assert swept.frame["check fails: A modest budget"].to_list() == [0, 0, 1]
    assert swept.frame["allocated"].to_list() == [1_000_000, 2_000_000, 3_000_000]
    assert lines[lines.index("Checks fail") + 1].strip() == (
        "2014/15, A modest budget: 1 scenario, revenue_budget £3,000,000"
    )
    assert "check fails: A modest budget" not in passing.frame.columns
    assert "Checks fail" not in screen(passing, capsys, monkeypatch)


def test_solve_names_a_check_that_fails_at_its_answer(files, tmp_path, capsys):
    """£2,500,000 is the last budget of which D gets £1m, 40%; it is not modest."""
    formula = own_formula(tmp_path, MODEST)
    condition = "largest(allocation) <= 1000000"
    rule = {**files, "transition": "none", "years": "2014/15", "formula": formula}
    solution = solve(**rule, parameter="revenue_budget", condition=condition, between=(2_400_000, 2_600_000))
    show(solution_document(solution, is_short=True), make_console())
    printed = " ".join(capsys.readouterr().out.split())

    assert solution.answers[0].at.failing_checks == ("A modest budget (2014/15)",)
    assert "a check fails: A modest budget (2014/15)." in printed


def test_who_falls_most_is_shown_in_the_scenario_where_it_falls_most(shares, files, capsys, monkeypatch):
    """At half of the budget D falls by £400,000 from the base run, C by £300,000, B by £200,000 and A by £100,000.

    D, which falls most, is the organisation over the scenarios.
    """
    lines = screen(shares, capsys, monkeypatch)
    rows = cells_of(lines, "Largest falls from the base run in 2014/15")
    rising = screen(sweep(**files, **SHARES, vary=["revenue_budget=*1.5,*2"]), capsys, monkeypatch)

    assert [(row[0], row[2], row[-2:]) for row in rows[:4]] == [
        (code, "1", [f"-£{fall},000", "-50.0%"]) for code, fall in (("D", 400), ("C", 300), ("B", 200), ("A", 100))
    ]
    assert "Each CCG in the scenario where it falls most; 4 of 4 fall in any." in lines
    assert any(line.endswith(("D in 2014/15", "(D) in 2014/15")) for line in lines)
    assert not any(line.startswith("Largest falls") for line in rising)


def test_the_base_row_has_a_dash_for_what_its_rule_does_not_have(capsys, monkeypatch):
    """The scheme's own transition has no floor; its fund is £4,922,648 unspent, and that of floor-damping none."""
    swept = sweep(sample=True, vary=["transition=floor-damping", "floor_growth=-10%"])
    rows = cells_of(screen(swept, capsys, monkeypatch, 120), "Scenarios in 2015/16")
    damped = sweep(sample=True, transition="floor-damping", vary=["transition=floor-and-ceiling,floor-damping"])
    compared = cells_of(screen(damped, capsys, monkeypatch, 120), "Scenarios in 2015/16")

    assert [row[:3] for row in rows] == [["base", "above-average-cost", "–"], ["1", "floor-damping", "-10%"]]
    assert [row[1:4:2] for row in compared] == [
        ["floor-damping", "–"],
        ["floor-and-ceiling", "£0"],
        ["floor-damping", "–"],
    ]


def test_values_of_an_earlier_year_are_named(capsys, monkeypatch):
    """The tables show 2015/16; where only the fund of 2014/15 varies, a line says so."""
    note = "Only values of 2014/15 vary; -o sweep.csv has the figures of every year."
    earlier, every = (sweep(sample=True, vary=f"transition_fund{year}=0,1000") for year in ("@2014/15", ""))

    assert note in " ".join(screen(earlier, capsys, monkeypatch))
    assert note not in " ".join(screen(every, capsys, monkeypatch))


def test_some_of_the_combinations_of_a_grid_are_named_as_some(files, capsys, monkeypatch):
    """Floors of 90% cost £2,043,000, of 85% £1,929,500: £2.0m allows 85% only, so 3 of 4 are possible in the ranges."""
    vary = ["revenue_budget=1900000,2000000", "floor_growth=-15%,-10%"]
    text = " ".join(" ".join(screen(sweep(**files, **FLOOR, vary=vary), capsys, monkeypatch)).split())

    assert "3 scenarios, some of revenue_budget £1,900,000 to £2,000,000, floor_growth -15% to -10%" in text


def test_warnings_on_inputs_are_those_of_a_run(capsys, monkeypatch):
    """The sample has 13 warnings about spend; a screen has the first and counts the others, the document has all."""
    swept = sweep(sample=True, vary=["transition_fund=0,1000"])
    text = " ".join(" ".join(screen(swept, capsys, monkeypatch)).split())
    findings = SweepReport(swept).document()["findings"]

    assert "13 warnings I49 england-2014-15-spend.csv: historic spend of 00J is £7.33 a head" in text
    assert "I49 … and 12 more" in text
    assert [entry["number"] for entry in findings if entry["level"] == "warning"] == ["I49"] * 13


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: sweep(sample=True, vary=[5]), "vary=[5]: expected a text or a list of texts, such as"),
        (lambda: sweep(sample=True, draw=7), "draw=7: expected a text or a list of texts, such as"),
        (lambda: sweep(sample=True, draw="x", runs="x"), "runs='x': expected a whole number"),
        (lambda: sweep(sample=True, draw="x", seed=1.5), "seed=1.5: expected a whole number"),
        (lambda: scenarios(5), "vary=5: expected a text or a list of texts, such as"),
        (lambda: solve(parameter=5, condition="balanced", between=(0, 1)), "parameter=5: expected a text, such as"),
        (lambda: solve(parameter="x", condition=None, between=(0, 1)), "condition=None: expected a text, such as"),
        (lambda: solve(parameter="x", condition="balanced", between=None), "between=None: expected two values, such"),
    ],
)
def test_values_of_another_type_are_refused(call, message):
    """What Python callers give is checked as what is typed is: an error that says what was expected."""
    with pytest.raises(UsageError) as caught:
        call()

    assert str(caught.value).startswith(message)


def test_one_text_needs_no_list():
    """A single text of `vary` is the same as a list of it."""
    text = "transition_fund=0,1000"

    assert sweep(sample=True, vary=text).frame.equals(sweep(sample=True, vary=[text]).frame)
    assert scenarios(text).equals(scenarios([text]))


OWN_COLUMNS = ["lose", "allocated", "scenario", "impossible", "base", "year_of_data"]
"""Names that a table of a sweep has of its own, and one that it has not."""


def test_a_step_or_parameter_never_takes_a_column_of_the_sweep(files, tmp_path):
    """Steps such as `lose`, with the value 7, and a varying parameter `gain` get columns with a prefix.

    The columns of the sweep keep their own figures: the number of each scenario, £2,000,000, and who loses.
    """
    steps = "".join(
        f'[[steps]]\nname = "{name}"\nlabel = "{name}"\nunit = "ratio"\nformula = "gain"\n' for name in OWN_COLUMNS
    )
    gain = '[parameters.gain]\nlabel = "Gain"\nunit = "ratio"\nvalues."2014/15" = {value = 7, assumption = "x"}\n'
    own = own_formula(tmp_path, f"{gain}\n{steps}")
    rule = {"years": "2014/15", "settings": {"revenue_budget": 2_000_000}, "transition": "above-average-cost"}
    plain = sweep(**files, **rule, vary=["transition_fund=0,1000"]).frame
    swept = sweep(**files, **rule, formula=own, vary=["transition_fund=0,1000", "gain=7,8"])
    frame = swept.frame

    for column in ("allocated", "lose", "gain", "largest_loss", "impossible"):
        assert frame.filter(pl.col("parameter: gain") == 7)[column].to_list() == plain[column].to_list()
    assert frame["scenario"].to_list() == [1, 2, 3, 4]
    for name in OWN_COLUMNS[:-1]:
        assert frame[f"step: {name}"].to_list() == [7, 8, 7, 8]
    assert frame["year_of_data"].to_list() == [7, 8, 7, 8]
    assert swept.organisations["scenario"].unique(maintain_order=True).to_list() == [1, 2, 3, 4]


def test_all_columns_of_a_sweep_are_kept_from_steps_and_parameters():
    """Every column of the tables that is no step, parameter, outcome or check is one that no step can take."""
    swept = sweep(sample=True, vary=["transition=none,above-average-cost", "revenue_budget=-1%,+0%"])
    named = sweep(sample=True, scenarios=[{"scenario": "a", "revenue_budget": 1000}])
    columns = {*swept.frame.columns, *swept.organisations.columns, *named.frame.columns}
    of_scheme = {step.name for rule in swept.rules for step in rule.scheme.steps}
    own = {name for name in columns - of_scheme if not name.startswith((OUTCOME, FAILS, "revenue_budget"))}

    assert own <= COLUMNS
    assert COLUMNS - own <= {"formula", "largest_loss_row"}


def test_scenarios_whose_results_do_not_fit_in_memory_are_refused(monkeypatch):
    """211 CCGs in 2 years have 422 results in each scenario: 3 scenarios are more than 1,000 results."""
    monkeypatch.setattr("gpit_fairshare.sweeps.sweep.MOST_RESULTS", 1_000)
    assert sweep(sample=True, vary=["transition_fund=0,1"]).count == 2
    with pytest.raises(UsageError) as caught:
        sweep(sample=True, vary=["transition_fund=0,1,2"])

    assert str(caught.value) == (
        "3 scenarios of gpit-2014-16: 1,266 results of CCGs over all years; at most 1,000 fit in memory; vary fewer "
        "values, or run them in parts"
    )


@pytest.mark.parametrize("option", ["runs", "seed"])
def test_numbers_of_draws_without_draws_are_refused(option):
    """Without draws, their number and seed would have no effect, also in Python."""
    with pytest.raises(UsageError) as caught:
        sweep(sample=True, vary=["transition_fund=0,1"], **{option: 7})

    assert str(caught.value) == f"--{option}: needs --draw"


def test_organisations_without_a_median_have_no_spread(tmp_path, capsys, monkeypatch):
    """Of five draws with errors of 90%, more than two may be 0; E has no patients at all. Neither stops the screen."""
    people = population_file(tmp_path, {**ABCD_PEOPLE, "E": 0})
    inputs = {"population": people, "spend": spend_file(tmp_path, ABCD_SPEND)}
    swept = sweep(**inputs, **SHARES, draw=["registered_population:normal:0.9"], runs=5, seed=1)
    medians = dict(swept.quantiles.select("org_code", "p50").iter_rows())
    lines = screen(swept, capsys, monkeypatch)
    rows = [line.split() for line in lines if line[:1] in medians and line[1:3] == "  "]

    assert medians["E"] == 0
    assert len(rows) == 5
    assert all((row[-1] == "–") == (medians[row[0]] == 0) for row in rows)
    assert not any("nan" in line.casefold() for line in lines)


@pytest.mark.slow
def test_draws_have_quantiles_and_their_notes(files, capsys, monkeypatch):
    """The output says over how many scenarios, which seed, and that errors are independent; a draw leaves the total."""
    swept = sweep(**files, **SHARES, draw=["registered_population:uniform:0.01"], runs=30, seed=5)
    lines = screen(swept, capsys, monkeypatch)
    text = " ".join(" ".join(lines).split())

    assert "All errors are independent of each other." in text
    assert "Quantiles over 30 scenarios. Seed 5." in lines
    assert ["Allocated", *["£2,000,000"] * 6] in cells_of(screen(swept, capsys, monkeypatch, 120), "National figures")
    assert lines[1] == "30 scenarios, all possible."


def test_quantiles_are_over_possible_scenarios_and_say_how_many(floors):
    """Two of five budgets are possible; at each of them A is at its floor, £450,000."""
    of_a = floors.quantiles.filter(org_code="A").to_dicts()

    assert [(row["p05"], row["p95"], row["scenarios"]) for row in of_a] == [(450_000, 450_000, 2)]


# Files -----------------------------------------------------------------------------------------------------------


def test_tables_have_a_row_for_each_scenario_and_year(folder, capsys):
    """An impossible scenario is a row with its reason, without figures; the others have what is allocated."""
    command = f"{TYPED} --transition floor-and-ceiling --set floor_growth=-10% --vary {BUDGETS} -o s.csv -o s.parquet"
    code, _, message = run(command, folder, capsys)
    rows = read_rows(folder / "s.csv")

    assert (code, message) == (0, "")
    assert [row["allocated"] for row in rows] == ["", "", "", "2050000", "2100000"]
    assert ["too little" in row["impossible"] for row in rows] == [True] * 3 + [False] * 2
    assert pl.read_parquet(folder / "s.parquet")["revenue_budget"].to_list() == [*range(1_900_000, 2_150_000, 50_000)]


def test_tables_by_organisation(folder, capsys):
    """Without a transition A to D have 10% to 40% of each budget, and so much less than of the base run's £140m."""
    command = f"{TYPED} --transition none --vary revenue_budget=1000000,2000000 --by-organisation -o s.csv"
    assert run(command, folder, capsys)[0] == 0
    rows = read_rows(folder / "s.csv")

    amounts = [[int(row[key]) for key in ("scenario", "allocation", "difference")] for row in rows]
    assert [row["org_code"] for row in rows] == [*"ABCD", *"ABCD"]
    assert amounts == [
        [scenario, tenths * budget // 10, tenths * (budget - 140_000_000) // 10]
        for scenario, budget in ((1, 1_000_000), (2, 2_000_000))
        for tenths in (1, 2, 3, 4)
    ]


def test_the_workbook_has_live_differences_and_texts_that_stay_texts(folder, capsys):
    """Sheets, figures and formulas of two named scenarios; a name that begins with = is a text."""
    write_rows(
        folder / "scenarios.csv",
        [{"scenario": "half", "revenue_budget": 1_000_000}, {"scenario": "=1+1", "revenue_budget": 2_000_000}],
    )
    command = f"{TYPED} --transition none --scenarios scenarios.csv -o s.xlsx"
    assert run(command, folder, capsys)[0] == 0
    values, formulas = (openpyxl.load_workbook(folder / "s.xlsx", data_only=is_value) for is_value in (True, False))
    scenarios, organisations = (values[name] for name in ("Scenarios", "Organisations"))

    assert values.sheetnames == ["Scenarios", "Organisations", "Impossible", "About"]
    assert [scenarios.cell(row, 2).value for row in (5, 6)] == ["half", "=1+1"]
    assert formulas["Scenarios"].cell(6, 2).data_type == "s"
    # D has 40% of £140,000,000 in the base run, and of £1,000,000 in the first scenario.
    assert [organisations.cell(8, column).value for column in (2, 4, 5, 6)] == ["D", 56_000_000, 400_000, -55_600_000]
    assert formulas["Organisations"]["F8"].value == '=IF(ISNUMBER(E8-D8),E8-D8,"[z]")'
    assert organisations.cell(4, 5).value == "Scenario 1: half, £1,000,000"


@pytest.mark.slow
def test_the_workbook_lists_impossible_scenarios(floors, tmp_path):
    """Each has its number, value, year and reason; only possible ones have columns of organisations."""
    floors.write(tmp_path / "s.xlsx")
    book = openpyxl.load_workbook(tmp_path / "s.xlsx", data_only=True)
    rows = [[cell.value for cell in row] for row in book["Impossible"].iter_rows(min_row=5)]
    headings = [cell.value for cell in book["Organisations"][4]]

    assert [row[:3] for row in rows] == [
        [str(number), budget, "2014/15"] for number, budget in enumerate(["£1,900,000", "£1,950,000", "£2,000,000"], 1)
    ]
    assert all("too little" in row[-1] for row in rows)
    assert headings[4:] == [
        "Scenario 4: £2,050,000",
        "Scenario 4 less base",
        "Scenario 5: £2,100,000",
        "Scenario 5 less base",
    ]


def test_more_rows_than_a_sheet_can_have_are_refused(shares, tmp_path, monkeypatch):
    """Three scenarios do not fit on a sheet of two rows; no file is left."""
    monkeypatch.setattr(sweep_workbook, "_MOST_ROWS", 2)

    with pytest.raises(UsageError, match="a sheet cannot have 3 rows"):
        shares.write(tmp_path / "s.xlsx")
    assert [*tmp_path.iterdir()] == []


@pytest.mark.slow
def test_the_json_document_and_the_page(folder, capsys):
    """Both have every impossible scenario with its reason, and the chosen organisation."""
    command = f"{TYPED} --transition floor-and-ceiling --set floor_growth=-10% --vary {BUDGETS} --organisation B"
    assert run(f"{command} -o s.json -o s.html", folder, capsys)[0] == 0
    code, printed, _ = run(f"{command} --json", folder, capsys)
    document = json.loads((folder / "s.json").read_text("utf-8"))
    page = (folder / "s.html").read_text("utf-8")

    assert code == 0
    assert json.loads(printed)["scenarios"] == document["scenarios"]
    assert [entry["scenario"] for entry in document["impossible"]] == [1, 2, 3]
    assert {row["org_code"] for row in document["organisation"]} == {"B"}
    assert document["manifest"]["numpy"]
    assert "Impossible scenarios: 3" in page
    assert "£43,000 too little; lower the floor" in page
    assert "B in 2014/15" in page
    assert "<script" not in page


@pytest.mark.slow
def test_python_writes_what_the_command_writes(floors, folder, capsys):
    """`Sweep.write` gives the bytes of `-o`, and never overwrites an input."""
    command = f"{TYPED} --transition floor-and-ceiling --set floor_growth=-10% --vary {BUDGETS}"
    assert run(f"{command} -o typed.csv --by-organisation", folder, capsys)[0] == 0
    floors.write(folder / "called.csv", by_organisation=True)

    assert (folder / "called.csv").read_bytes() == (folder / "typed.csv").read_bytes()
    with pytest.raises(UsageError, match="is one of the inputs"):
        floors.write(folder / "population.csv")
    assert "3 of 5 scenarios are impossible" in floors._repr_html_()


# The command -----------------------------------------------------------------------------------------------------


def test_it_says_on_a_terminal_how_many_scenarios_follow(folder, capsys, monkeypatch):
    """A grid is written as a product; a sweep of rules counts these too. A log gets nothing."""
    messages = []
    monkeypatch.setattr("gpit_fairshare.cli.sweep.print_on_terminal", messages.append)
    grid = f"{TYPED} --vary revenue_budget=1,2,3 --vary transition_fund=0,1"
    rules = f"{TYPED} --vary transition=none,cap-and-scale --vary revenue_budget=2500000,3000000"

    assert (run(grid, folder, capsys)[2], run(rules, folder, capsys)[2]) == ("", "")
    assert messages == ["3 × 2 = 6 scenarios of gpit-2014-16", "2 × 2 = 4 scenarios of gpit-2014-16"]


@pytest.mark.slow
def test_all_impossible_is_an_answer(folder, capsys):
    """If no scenario has a result, the first line says so, and the exit code is 0."""
    command = f"{TYPED} --transition floor-and-ceiling --set floor_growth=-10% --vary revenue_budget=1,2 -o s.xlsx"
    code, printed, _ = run(command, folder, capsys)

    assert code == 0
    assert "2 scenarios, none of them possible." in printed
    assert (folder / "s.xlsx").is_file()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("--vary revenue_budget=1,2 --seed 3", "--seed: needs --draw"),
        ("--vary revenue_budget=1,2 --by-organisation", "--by-organisation: needs -o with a .csv or .parquet file"),
        ("--vary revenue_budget=1,2 --organisation E", "there is no CCG E; give a code such as A"),
        ("--vary revenue_budget=1,2 -o spend.csv", "-o spend.csv: is one of the inputs; inputs are never overwritten"),
        ("--scenarios s.csv -o s.csv", "-o s.csv: is one of the inputs; inputs are never overwritten"),
        ("", "nothing varies; give --vary, --scenarios or --draw"),
    ],
)
def test_what_has_no_effect_or_cannot_be_is_refused(options, message, folder, capsys):
    """One line says what is wrong, with exit code 2, and no scenario is calculated."""
    write_rows(folder / "s.csv", [{"revenue_budget": 1}])
    code, printed, problem = run(f"{TYPED} {options}", folder, capsys)

    assert (code, printed) == (2, "")
    assert message in problem
    assert "scenarios of" not in problem


def test_scenarios_can_be_seen_and_changed_before_they_are_run():
    """5% and 0% less than £140m, with a fund of £0 or £20m: four scenarios; those without a fund give two runs."""
    grid = scenarios(["revenue_budget=-5%,+0%", "transition_fund=0,20000000"])

    assert grid.rows() == [(1, 133e6, 0), (2, 133e6, 20e6), (3, 140e6, 0), (4, 140e6, 20e6)]
    some = sweep(sample=True, scenarios=grid.filter(transition_fund=0))
    assert some.frame["revenue_budget"].unique().to_list() == [133e6, 140e6]
    assert some.frame.filter(year="2015/16")["allocated"].to_list() == [133e6, 140e6]


@pytest.mark.parametrize("vary", [[], ["transition=none,floor-damping"]])
def test_scenarios_of_no_parameter_are_refused(vary):
    """A frame of scenarios has values of parameters only."""
    with pytest.raises(UsageError, match="give parameters to vary"):
        scenarios(vary)


def test_four_parameters_fit_on_80_columns(capsys, monkeypatch):
    """Figures that have no room are named; no line is longer than the screen, in either table."""
    many = [f"{name}=1000000,100000000" for name in ("revenue_budget@2014/15", "revenue_budget@2015/16")]
    many += [f"transition_fund@{year}=0,20000000" for year in ("2014/15", "2015/16")]
    lines = screen(sweep(sample=True, vary=many), capsys, monkeypatch)

    assert max(map(len, lines)) <= 80
    assert sum("because the screen is too narrow" in line for line in lines) == 2


def test_a_setting_that_one_rule_does_not_have_names_the_rule():
    """Cap and scale has no transition fund."""
    with pytest.raises(UsageError, match=r"^with cap-and-scale: --set transition_fund: there is no such parameter"):
        sweep(
            sample=True,
            settings={"transition_fund": 800_000},
            vary=["transition=above-average-cost,cap-and-scale"],
        )


def test_why_there_is_no_base_run_is_said():
    """The scheme's own transition has no floor growth, so only the two that vary have it."""
    floors = sweep(
        sample=True,
        settings={"floor_growth": "-20%"},
        vary=["transition=floor-damping,floor-and-ceiling"],
    )
    text = " ".join(floors._repr_html_().split())

    assert "There is no base run of the scheme&#x27;s own rule and values to compare with: --set floor_growth" in text


def test_rows_of_organisations_say_what_their_scenario_is(floors):
    """A row has what varies, the year, the organisation, its result in the base run and in the scenario."""
    names = ["scenario", "revenue_budget", "year", "org_code", "org_name", "base", "allocation", "difference"]

    assert floors.organisations.columns == [*names, "impossible"]
