"""What varies in a sweep has the floats that a run with `--set` has, and is refused in the words of `load`."""

from fractions import Fraction
from functools import cache
from itertools import product

import numpy as np
import openpyxl
import polars as pl
import pytest

from gpit_fairshare.engine.batches.batch import Impossible
from gpit_fairshare.errors import GpitError, InputError, UsageError
from gpit_fairshare.run_options import InputFrame
from gpit_fairshare.scheme.joining import load
from gpit_fairshare.scheme.values import Setting
from gpit_fairshare.sweeps import scenarios
from gpit_fairshare.sweeps.scenarios import from_file, from_rows, grid, rules_in
from running import write_rows
from scheme_files import proper, write

YEARS = ("2014/15", "2015/16")
PARAMETERS = {
    "budget": ("£", {"2014/15": "140_000_000", "2015/16": '"1000000/3"'}, "minimum = 0"),
    "low": ("%", {"every_year": '"-10%"'}, 'minimum = -1\nmaximum = "high"'),
    "high": ("%", {"2014/15": '"5%"', "2015/16": '"20%"'}, "maximum = 1"),
    "weight": ("ratio", {"every_year": "0.3"}, ""),
    "heads": ("people", {"every_year": "1000"}, ""),
    "rate": ("£ per head", {"every_year": "2.5"}, ""),
    "plain": ("", {"every_year": "7"}, ""),
}
NAMES = "band[…], budget, heads, high, low, plain, rate, stage_weight[…], weight"
NO_BUDGET = f"there is no such parameter; did you mean budget?; the parameters are {NAMES}"
HEADING = "; correct the heading, or leave the column out"
SIGN = "for a change of the scheme's value write"
TABLES = """
[tables.stage_weight]
label = "Weight"
unit = "ratio"
[[tables.stage_weight.rows]]
key = "primary"
value = 1
assumption = "x"
[[tables.stage_weight.rows]]
key = "secondary"
value = 2
assumption = "x"

[tables.band]
label = "Band"
unit = "ratio"
[[tables.band.rows]]
from = 0
up_to = 1000
value = 1
assumption = "x"
[[tables.band.rows]]
from = 1000
value = 2
assumption = "x"

[inputs.stage]
type = "text"

[[steps]]
name = "weight_of_rows"
label = "Weight"
formula = "lookup(stage_weight, stage) * band_value(band, registered_population)"

[[steps]]
name = "allocation"
label = "Allocation"
unit = "£"
formula = "share_out(budget, by=weight_of_rows)"
"""


@cache
def scheme_text(**changes):
    """Return a scheme with a parameter of every unit, of which some have other bounds."""
    text = '[scheme]\nname = "varied"\ntitle = "Varied"\norganisation = "CCG"\nyears = ["2014/15", "2015/16"]\n'
    for name, (unit, values, bounds) in PARAMETERS.items():
        text += f'[parameters.{name}]\nlabel = "{name}"\n{changes.get(name, bounds)}\n'
        text += f'unit = "{unit}"\n' if unit else ""
        text += f"[parameters.{name}.values]\n"
        text += "".join(f'"{year}" = {{ value = {value}, assumption = "x" }}\n' for year, value in values.items())
        text += f'[[checks]]\nname = "{name}"\nformula = "{name} == {name}"\n'
    return text + TABLES


@pytest.fixture
def scheme_of(tmp_path):
    """Return a function that loads the scheme with settings as typed after `--set`."""
    path = str(write(tmp_path, "varied.toml", scheme_text()))
    return lambda *typed: load(path, settings=[Setting.read(text) for text in typed])


def message_of(call, *arguments):
    """Return the message that refuses something."""
    with pytest.raises(GpitError) as caught:
        call(*arguments)
    return proper(caught.value)


def check_like_set(scheme_of, swept, settings, shared=(), places=None):
    """Check that each scenario has the floats of a run with the settings that are listed for it, or its refusal.

    The refusal has no option; of a table, it begins with the place of the value, by scenario.
    """
    assert swept.count == len(settings)
    for scenario, typed in enumerate(settings):
        single, message = None, None
        try:
            single = scheme_of(*shared, *typed)
        except GpitError as fault:
            reason = str(fault).removeprefix("--set: ")
            message = f"{places[scenario]} {reason}" if places else reason
        why = swept.refused.get(scenario)
        assert (why.reason if why else None) == message
        if single is None:
            continue
        for (name, year), numbers in swept.values.items():
            single_number = single.parameters[name].values[year].value
            assert numbers[scenario].hex() == single_number.hex(), (name, year, typed)
        for name, year, _ in single.overridden():
            assert (name, year) in swept.values or any(name in text for text in shared)


# Grids -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("vary", "texts"),
    [
        ("budget=1:5:2", ["1", "3", "5"]),
        ("budget=0:10:4", ["0", "4", "8", "10"]),  # the last is one of them, though the steps do not meet it
        ("budget=5:1:-2", ["5", "3", "1"]),
        ("budget=3:3:1", ["3"]),
        ("budget = 10 , 7", ["10", "7"]),
        ("budget=0:1:1/3", ["0", "1/3", "2/3", "1"]),
        ("budget=1e6:1_000_000.3:0.1", ["1000000", "1000000.1", "1000000.2", "1000000.3"]),
        ("budget=-5%:+0%:1%", ["-5%", "-4%", "-3%", "-2%", "-1%", "+0%"]),
        ("budget=-5%:0%:2.5%", ["-5%", "-2.5%", "+0%"]),
        ("budget=-0.3%,0%,+0.1%", ["-0.3%", "+0%", "+0.1%"]),
        ("budget=*0.9:*1.2:0.1", ["*0.9", "*1", "*1.1", "*1.2"]),
        ("budget=*1/3,*0.97", ["*1/3", "*0.97"]),
        ("budget=200-1%,200*0.97", ["200-1%", "200*0.97"]),
        ("budget@2015/16=-5%,+5%", ["-5%", "+5%"]),
        ("budget@201516=1,2", ["1", "2"]),
        ("low=-5%:0%:0.5%", [f"-{k / 2:g}%" for k in range(10, 0, -1)] + ["0%"]),
        (
            "low=-0.05:0:0.005",
            [f"-0.0{k}" for k in ("50", "45", "40", "35", "30", "25", "20", "15", "10", "05")] + ["0"],
        ),
        ("low=-5%:0:1%", ["-5%", "-4%", "-3%", "-2%", "-1%", "0"]),
        ("high=10%:30%:10%", ["10%", "20%", "30%"]),
        ("weight=0.1:0.7:0.1", ["0.1", "0.2", "0.3", "0.4", "0.5", "0.6", "0.7"]),
        ("weight=10%:30%:10%", ["10%", "20%", "30%"]),
        ("heads=-10%:+10%:5%", ["-10%", "-5%", "+0%", "+5%", "+10%"]),
        ("rate=2.1:2.5:0.2", ["2.1", "2.3", "2.5"]),
        ("rate=*0.9,*1.1", ["*0.9", "*1.1"]),
        ("plain=-1:1:0.5", ["-1", "-0.5", "0", "0.5", "1"]),
        ("stage_weight[primary]=1:2:0.5", ["1", "1.5", "2"]),
        ("band[1_000.0]=1,2", ["1", "2"]),
    ],
)
def test_each_value_is_the_float_of_set(scheme_of, vary, texts):
    """A step is made in decimals and read as the text that a user types: 0.1 + 0.2 is `0.3`, and -4.5% is `-4.5%`."""
    name = vary.partition("=")[0].strip()
    check_like_set(scheme_of, grid(scheme_of(), [vary]), [[f"{name}={text}"] for text in texts])


def test_steps_are_the_nearest_floats_of_exact_decimals(scheme_of):
    """Of £140,000,000 less 4.5%, and of -4.5% itself, the float is the one nearest to the exact value."""
    swept = grid(scheme_of(), ["budget=-5%:+0%:0.5%", "low=-5%:0%:0.5%"])
    expected = [Fraction(k, 1000) for k in range(-50, 1, 5)]
    assert swept.count == 121
    assert swept.values["budget", "2014/15"].tolist()[::11] == [
        float(140_000_000 * (1 + change)) for change in expected
    ]
    assert swept.values["low", "2015/16"].tolist()[:11] == [float(change) for change in expected]
    assert -0.045 in swept.columns["low"]
    assert np.arange(-0.05, 0, 0.005)[1] != -0.045  # what floats give


def test_the_last_of_several_varies_fastest(scheme_of):
    """A grid has all combinations in the order typed, as nested loops have them."""
    swept = grid(scheme_of(), ["heads=1,2", "rate=5,6,7", "plain=8,9"])
    assert list(zip(*swept.columns.values(), strict=True)) == list(product([1, 2], [5, 6, 7], [8, 9]))
    assert list(swept.columns) == ["heads", "rate", "plain"]
    assert grid(scheme_of(), []).count == 1


def test_a_year_of_its_own_comes_before_every_year(scheme_of):
    """`rate@2015/16` is for that year, and `rate` for the others, as with `--set`; each has its column."""
    swept = grid(scheme_of(), ["rate=1,2", "rate@2015/16=3,4"])
    settings = [[f"rate={a}", f"rate@2015/16={b}"] for a, b in product("12", "34")]
    check_like_set(scheme_of, swept, settings)
    assert swept.columns == {"rate": [1, 1, 2, 2], "rate@2015/16": [3, 4, 3, 4]}


def test_a_change_of_values_that_differ_has_a_column_for_each_year(scheme_of):
    """Half of £140,000,000 and of a third of £1,000,000 are two values: no column says one for both."""
    assert grid(scheme_of(), ["budget=*0.5"]).columns == {
        "budget@2014/15": [70_000_000],
        "budget@2015/16": [float(Fraction(500_000, 3))],
    }
    assert grid(scheme_of(), ["budget=5"]).columns == {"budget": [5]}


def test_a_change_is_one_of_the_value_that_set_gives(scheme_of):
    """With `--set heads=200`, 5% less is 190, and all scenarios depend on 200; a value of their own does not."""
    shared = scheme_of("heads=200", "rate@2015/16=9")
    assert grid(shared, ["heads=-5%,+0%"]).columns == {"heads": [190, 200]}
    assert grid(shared, ["heads=-5%,+0%", "rate@2014/15=1,2"]).notes == ()
    for swept in (grid(shared, ["heads=1,2"]), from_rows(shared, [{"heads": 1}, {"heads": 2}])):
        assert swept.columns == {"heads": [1, 2]}
        assert swept.notes == ("heads: only the base run, and changes such as +1%, use the value of --set.",)
    assert grid(shared, ["rate@2015/16=1,2"]).columns == {"rate@2015/16": [1, 2]}


@pytest.mark.parametrize(
    ("vary", "message"),
    [
        (["budget"], "--vary budget: {form}"),
        (["budget="], "--vary budget=: {form}"),
        (["=5"], "--vary =5: {form}"),
        (["budget@=5"], "--vary budget@: expected NAME or NAME@2015/16"),
        (["budget=5,"], "--vary budget=5,: {form}"),
        (["budget=1:5"], "--vary budget=1:5: {range}"),
        (["budget=1:5:"], "--vary budget=1:5:: {range}"),
        (["budget=1:5:1:1"], "--vary budget=1:5:1:1: {range}"),
        (["budget=1:5:1,9"], "--vary budget=1:5:1,9: {range}"),
        (["budget=1:5:0"], "--vary budget=1:5:0: STEP is 0; give one that leads from FIRST to LAST"),
        (["budget=5:1:1"], "--vary budget=5:1:1: STEP leads away from LAST; write -1, or swap FIRST and LAST"),
        (["low=-5%:0%:-1%"], "--vary low=-5%:0%:-1%: STEP leads away from LAST; write 1%, or swap FIRST and LAST"),
        (["budget=1:5:x"], "--vary budget=1:5:x: 'x' is not a number; write 1500000, 0.5, 5% or 1/6"),
        (["budget=1:x:1"], "--vary budget=x: 'x' is not a number; write 1500000, 0.5, 5% or 1/6"),
        (["budget=£5,6"], "--vary budget=£5: '£5' is not a number; write 5, without £, commas and letters"),
        (["budget=*-1"], "--vary budget=*-1: expected a factor without a sign, such as *0.97; found *-1"),
        (["budget=1e400"], "--vary budget=1e400: '1e400' is too large or not a number; write a finite number"),
        (["budget=-5%,7"], "--vary budget: -5% is a change, and 7 a value; give only changes or only values"),
        (["rate=*0.5:2:1"], "--vary rate: *0.5 is a change, and 2 a value; give only changes or only values"),
        (["budget=-5%:5%:1%"], "--vary budget: 5% has no sign; write +5% or -5% for a change"),
        (
            ["budget=5%:9%:1%"],
            f"--vary budget: 5% is a percentage, but the unit of budget is £; {SIGN} +5% or -5%",
        ),
        (["low=-5%:0%:0.5"], "--vary low=-5%:0%:0.5: write FIRST, LAST and STEP all with %, or all without"),
        (["low=1:3:1"], "--vary low: 2 is 200% for low; write 2%, or 200% if that is meant"),
        (
            ["budget=200,000,000"],
            "--vary budget=200,000,000: 000 is no value by itself; write a number without commas, as 200000000",
        ),
        (["low=5%,0.05"], "--vary low: 0.05 is given twice; give each value once, and numbers without commas"),
        (["budget=1,2", "budget=3"], "--vary budget: set twice; set it once"),
        (["budget@2016/17=1"], "--vary budget@2016/17: the scheme has the years 2014/15, 2015/16"),
        (
            ["rate=1", "rate@2014/15=1", "rate@2015/16=1"],
            "--vary rate: has no effect, because each year has its own values; leave it out",
        ),
        (
            ["bugdet=1"],
            f"--vary bugdet: {NO_BUDGET}",
        ),
        (
            ["stage_weight=1"],
            "--vary stage_weight: stage_weight is a table; set one of its rows, such as stage_weight[primary]",
        ),
        (["stage_weight[prim]=1"], "--vary stage_weight[prim]: stage_weight has no such row; did you mean primary?"),
        (["band[5]=1"], "--vary band[5]: band has no such row; its rows are 0 and 1000"),
        (
            ["budget=1:1_000_001:1"],
            "--vary budget=1:1_000_001:1: 1,000,001 scenarios; the most are 1,000,000; use a longer STEP",
        ),
        (
            ["budget=1:1001:1", "rate=1:1000:1"],
            "--vary: 1,001 × 1,000 = 1,001,000 scenarios; the most are 1,000,000; use fewer values",
        ),
    ],
)
def test_a_range_that_cannot_be_is_refused(scheme_of, vary, message):
    """Every mistake is one line that says what was expected and what to do."""
    form = "expected NAME=FIRST:LAST:STEP or NAME=VALUE,VALUE, such as revenue_budget=-5%:+0%:1%"
    parts = "expected FIRST:LAST:STEP, such as -5%:+0%:1% or 100000:200000:5000"
    assert message_of(grid, scheme_of(), vary) == message.format(form=form, range=parts)


def test_a_million_scenarios_are_the_most(scheme_of):
    """A grid of 1,000 × 1,000 is allowed, and each value is in its place."""
    swept = grid(scheme_of(), ["budget=1:1000:1", "rate=1:1000:1"])
    assert (swept.count, swept.values["budget", "2014/15"][1_999], swept.values["rate", "2014/15"][1_999]) == (
        10**6,
        2,
        1000,
    )


def test_settings_of_a_scenario_are_those_of_a_single_run(scheme_of):
    """Each pair of values, the last changing fastest, has the floats that it has after `--set`."""
    swept = grid(scheme_of(), ["budget=-5%:+0%:2.5%", "low@2015/16=1%,2%"])
    pairs = product(("-5%", "-2.5%", "+0%"), ("1%", "2%"))
    check_like_set(scheme_of, swept, [[f"budget={budget}", f"low@2015/16={low}"] for budget, low in pairs])


def test_what_varies_needs_no_value_of_its_own(tmp_path):
    """A scheme without a budget can vary it, within its bounds; a change of no value is refused."""
    text = scheme_text().replace('2014/15" = { value = 140_000_000, assumption = "x" }\n"', "")
    own = load(str(write(tmp_path, "varied.toml", text)), needs_values=False)
    assert own.parameters["budget"].values.keys() == {"2015/16"}
    swept = grid(own, ["budget=-1,5"])
    assert swept.values["budget", "2014/15"].tolist() == [-1, 5]
    assert swept.refused == {0: Impossible("2014/15", "budget", "budget is -1 in 2014/15; its minimum is 0")}
    expected = "--vary budget=*0.5: there is no value in 2014/15 to change; give a number"
    assert message_of(grid, own, ["budget=*0.5"]) == expected


# Bounds ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "vary",
    [
        ["budget=-1:1:1"],
        ["low=-200%,-1,0,5%,10%,20%,25%"],
        ["high=-20%,-10%,0%,100%,101%"],
        ["low@2014/15=-200%,4%,5%,6%", "high=-150%,5%,200%"],
        ["low=0%:30%:10%", "high@2015/16=0%:30%:10%", "budget=-1,1"],
        ["heads=-5,5", "low=30%,0%"],
    ],
)
def test_scenarios_outside_bounds_are_refused_in_the_words_of_load(scheme_of, vary):
    """What `load` refuses is refused, with the same text, at the first of several faults; all else is not."""
    swept = grid(scheme_of(), vary)
    names = [text.partition("=")[0] for text in vary]
    texts = [
        ["-1", "0", "1"] if "-1:1:1" in text else
        ["0%", "10%", "20%", "30%"] if ":" in text else
        text.partition("=")[2].split(",")
        for text in vary
    ]  # fmt: skip
    settings = [[f"{name}={text}" for name, text in zip(names, row, strict=True)] for row in product(*texts)]
    check_like_set(scheme_of, swept, settings)
    assert 0 < len(swept.refused) < swept.count


def test_a_refusal_names_the_bound_and_its_value(scheme_of):
    """A floor of 6% is above a ceiling of 5%, which only 2014/15 has; one at the ceiling is allowed."""
    swept = grid(scheme_of(), ["low=-1,5%,6%"])
    reason = "low is 6% in 2014/15; its maximum is high, which is 5% in that year"
    assert swept.refused == {2: Impossible("2014/15", "low", reason)}


# Rules -------------------------------------------------------------------------------------------------------------


def test_rules_are_combined_and_taken_out():
    """Formulas and transitions are pairs, in the order typed; None is the scheme's own."""
    assert rules_in(["budget=1,2"]) == ([(None, None)], ["budget=1,2"])
    assert rules_in(["transition = a, b", "budget=1"]) == ([(None, "a"), (None, "b")], ["budget=1"])
    assert rules_in(["transition=a,b", "formula=c,d"])[0] == [("c", "a"), ("d", "a"), ("c", "b"), ("d", "b")]


@pytest.mark.parametrize(
    ("vary", "message"),
    [
        (["transition="], "--vary transition=: expected transition=NAME,NAME with each name once"),
        (["formula=a,,b"], "--vary formula=a,,b: expected formula=NAME,NAME with each name once"),
        (
            ["transition=a", "transition=b"],
            "--vary transition: given twice; give all names at once, as transition=NAME,NAME",
        ),
        (["transition=a,b,a"], "--vary transition=a,b,a: expected transition=NAME,NAME with each name once"),
    ],
)
def test_rules_that_cannot_be_are_refused(vary, message):
    """An empty name and a name twice are mistakes."""
    assert message_of(rules_in, vary) == message


# Tables ------------------------------------------------------------------------------------------------------------

ROWS = [
    {"scenario": "Base", "budget": "+0%", "low@2015/16": "-10%", "rate": 2.5},
    {"scenario": "Cut", "budget": "-4.5%", "low@2015/16": 0.045, "rate": 3},
    {"scenario": "Own", "budget": "2_000_000", "low@2015/16": "-1/3", "rate": "*0.9"},
    {"scenario": "Bad", "budget": -1, "low@2015/16": "30%", "rate": 3},
]


def check_rows(scheme_of, swept, place):
    """Check that scenarios are those of `ROWS`; the last has a value outside its bounds at this place."""
    settings = [[f"{name}={row[name]}" for name in [*row][1:]] for row in ROWS]
    check_like_set(scheme_of, swept, settings, places=[place] * len(ROWS))
    assert swept.names == ("Base", "Cut", "Own", "Bad")
    assert swept.refused == {3: Impossible("2014/15", "budget", f"{place} budget is -1 in 2014/15; its minimum is 0")}
    assert list(swept.columns) == ["budget@2014/15", "budget@2015/16", "low@2015/16", "rate"]


def test_rows_are_scenarios(scheme_of):
    """Each row of a table, a file or a frame is what its texts after `--set` are."""
    check_rows(scheme_of, from_rows(scheme_of(), ROWS), "scenarios row 4:")


def test_rows_of_files_are_scenarios(scheme_of, tmp_path):
    """CSV, workbooks and frames give the same scenarios; a cell that shows a percentage is one."""
    check_rows(scheme_of, from_file(scheme_of(), str(write_rows(tmp_path / "s.csv", ROWS))), "s.csv row 5:")
    frame = pl.DataFrame([{name: str(cell) for name, cell in row.items()} for row in ROWS])
    frame_read = from_file(scheme_of(), InputFrame("scenarios (frame)", frame))
    check_rows(scheme_of, frame_read, "scenarios (frame) row 4:")
    book = openpyxl.Workbook()
    for cells in [[*ROWS[0]], *([*row.values()] for row in ROWS)]:
        book.active.append(cells)
    book.active["C2"], book.active["C2"].number_format = -0.1, "0%"
    book.active["C5"], book.active["C5"].number_format = 0.3, "0.0%"
    book.save(tmp_path / "s.xlsx")
    swept = from_file(scheme_of(), str(tmp_path / "s.xlsx"))
    check_rows(scheme_of, swept, "s.xlsx:Sheet B5:")
    assert len(swept.digest) == 64


def test_a_percentage_in_a_cell_is_a_change_only_with_a_sign(scheme_of, tmp_path):
    """-5% in a cell of £ is a change, not minus five pence; 95% may be one or the other, and is refused."""
    book = openpyxl.Workbook()
    for row, cell in enumerate(["budget", -0.05, 0, 0.95], 1):
        book.active.cell(row, 1, cell).number_format = "0%"
    book.save(tmp_path / "s.xlsx")
    assert message_of(from_file, scheme_of(), str(tmp_path / "s.xlsx")) == (
        f"s.xlsx:Sheet A4: budget: 95% is a percentage, but the unit of budget is £; {SIGN} +95% or -95%"
    )
    book.active.delete_rows(4)
    book.save(tmp_path / "s.xlsx")
    swept = from_file(scheme_of(), str(tmp_path / "s.xlsx"))
    assert swept.columns["budget@2014/15"] == [133_000_000, 140_000_000]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("budget,rate\n", "s.csv: there are no rows; give one for each scenario"),
        ("budget,rate\n1,\n", "s.csv row 2: rate is blank; give it in every row"),
        ("budget,rate\n1,2\n3\n", "s.csv row 3: rate is blank; give it in every row"),
        ("budget,rate\n1,2,3\n", "s.csv row 2: 3 has no heading; name its parameter"),
        ("budget,\n1,2\n", "s.csv row 2: 2 has no heading; name its parameter"),
        ("budget,rate\n1,abc\n", "s.csv row 2: rate=abc: 'abc' is not a number; write 1500000, 0.5, 5% or 1/6"),
        (
            'budget\n1\n"2,000,000"\n',
            "s.csv row 3: budget=2,000,000: '2,000,000' is not a number; write 2000000, without £, commas and letters",
        ),
        ("budget,budget\n1,2\n", f"s.csv row 1: budget: set twice; set it once{HEADING}"),
        (
            "budget@2020/21\n1\n",
            f"s.csv row 1: budget@2020/21: the scheme has the years 2014/15, 2015/16{HEADING}",
        ),
        ("scenario\nBase\n", "s.csv: there is no parameter; name each in a heading, such as floor@2015/16"),
        (
            "scenario,budget\nBase,1\nBase,2\n",
            "s.csv row 3: the name 'Base' is used in row 2 too; give each scenario its own",
        ),
        ("scenario,budget\n,1\n", "s.csv row 2: scenario is blank; give it in every row"),
        (
            "budgte\n1\n",
            f"s.csv row 1: budgte: {NO_BUDGET}{HEADING}",
        ),
        (
            "budget,notes\n1,first\n",
            f"s.csv row 1: notes: there is no such parameter; the parameters are {NAMES}{HEADING}",
        ),
        (
            "budget,Transition\n1,none\n",
            (
                "s.csv row 1: transition is a rule, not a parameter; leave the column out; "
                "with --vary transition=NAME,NAME each rule runs every row"
            ),
        ),
        (
            "Our scenarios,\n\nscenario,budget@2014/15\nBase,1\n",
            (
                "s.csv row 1: expected the names of parameters, as in row 3; found 'Our scenarios'; "
                "delete the rows above row 3"
            ),
        ),
    ],
)
def test_a_table_that_cannot_be_is_refused_with_its_place(scheme_of, tmp_path, text, message):
    """A blank cell is not the scheme's own value; each mistake is named with its row or column."""
    write(tmp_path, "s.csv", text)
    assert message_of(from_file, scheme_of(), str(tmp_path / "s.csv")) == message


def test_a_workbook_is_refused_with_the_cell(scheme_of, tmp_path):
    """Errors and formulas that were never calculated have no value; the cell is named."""
    book = openpyxl.Workbook()
    for cells in (["budget", "rate"], [1, "#DIV/0!"]):
        book.active.append(cells)
    book.active["B2"].data_type = "e"
    book.save(tmp_path / "s.xlsx")
    assert message_of(from_file, scheme_of(), str(tmp_path / "s.xlsx")).startswith("s.xlsx:Sheet B2: ")
    book.active["B2"] = "=1+1"
    book.save(tmp_path / "s.xlsx")
    assert message_of(from_file, scheme_of(), str(tmp_path / "s.xlsx")) == (
        "s.xlsx:Sheet B2: a formula without a stored value; open the workbook in Excel and save it again"
    )
    with pytest.raises(InputError, match=r"s\.xlsx.*no sheet 'Two'"):
        from_file(scheme_of(), f"{tmp_path / 's.xlsx'}:Two")
    with pytest.raises(UsageError, match=r"none\.csv"):
        from_file(scheme_of(), str(tmp_path / "none.csv"))


def test_rows_of_a_program_are_checked(scheme_of):
    """All rows set the same; there is at least one."""
    assert message_of(from_rows, scheme_of(), []) == "scenarios: there are no rows; give one for each scenario"
    assert message_of(from_rows, scheme_of(), [{"rate": 1}, {"rate": 1, "heads": 2}]) == (
        "scenarios row 2: every row sets the same; found a difference in heads"
    )
    assert message_of(from_rows, scheme_of(), [{"rate": True}]) == (
        "scenarios row 1: rate=True: 'True' is not a number; write 1500000, 0.5, 5% or 1/6"
    )


def test_a_thousand_equal_cells_are_read_once(scheme_of, monkeypatch):
    """Only distinct values go through the code of settings."""
    read = []
    setting_read = Setting.read
    monkeypatch.setattr(scenarios.Setting, "read", lambda text, option: read.append(text) or setting_read(text, option))
    from_rows(scheme_of(), [{"rate": 1 + index % 3} for index in range(1_000)])
    assert read == ["rate=0", "rate=1", "rate=2", "rate=3"]


def test_hidden_rows_are_scenarios_and_noted(scheme_of, tmp_path):
    """A filter in Excel hides rows without deleting them: they count, and a note says so."""
    book = openpyxl.Workbook()
    for cell in ("rate", 1, 2, 3):
        book.active.append([cell])
    book.active.row_dimensions[3].hidden = True
    book.save(tmp_path / "s.xlsx")
    swept = from_file(scheme_of(), str(tmp_path / "s.xlsx"))
    assert swept.columns == {"rate": [1, 2, 3]}
    assert swept.notes == ("s.xlsx:Sheet: hidden rows count as scenarios (1).",)
