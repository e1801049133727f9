"""Values of parameters for one run: absolute, as a factor, or as a percentage of the scheme's own value."""

import json
from fractions import Fraction

import openpyxl
import pytest

import verify_runs
from gpit_fairshare import allocate, compare, explain, reallocate, verify
from gpit_fairshare.errors import UsageError
from gpit_fairshare.findings import FindingCode
from gpit_fairshare.results.reading import read_record
from gpit_fairshare.scheme.definition import defined
from gpit_fairshare.scheme.faults import Faults
from gpit_fairshare.scheme.joining import join, load
from gpit_fairshare.scheme.model import ParameterValue
from gpit_fairshare.scheme.values import Setting
from running import write_rows
from scheme_files import PEOPLE, SCHEME, changed, proper, refused, write
from tiers import slow_but

RATE = """
[parameters.rate]
label = "Rate"
unit = "{unit}"
default = {{ value = {value}, assumption = "An example." }}

[[checks]]
name = "The rate is used"
formula = "rate == rate"
"""


def with_rate(unit, value):
    """Return the small scheme with a parameter `rate` in a unit (empty for none) and a value as TOML."""
    return SCHEME + RATE.format(unit=unit, value=value).replace('unit = ""\n', "")


def loaded(folder, *texts, text=SCHEME, **options):
    """Load a scheme with settings as typed after `--set`."""
    return load(str(write(folder, "mine.toml", text)), settings=[Setting.read(typed) for typed in texts], **options)


def refusal(folder, *texts, text=SCHEME, **options):
    """Return the message that refuses settings."""
    try:
        settings = [Setting.read(typed) for typed in texts]
    except UsageError as fault:
        return proper(fault)
    return refused(write(folder, "mine.toml", text), settings=settings, **options)


def values_of(scheme, name="budget"):
    """Return the values of a parameter, year by year."""
    return [value.value for value in scheme.parameters[name].values.values()]


# Relative settings -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("setting", "expected"),
    [
        ("budget=*0.97", [970_000, 1_067_000]),
        ("budget=*97%", [970_000, 1_067_000]),
        ("budget = * 0.97", [970_000, 1_067_000]),
        ("budget=*1/2", [500_000, 550_000]),
        ("budget=*0", [0, 0]),
        ("budget=+3%", [1_030_000, 1_133_000]),
        ("budget=-3%", [970_000, 1_067_000]),
        ("budget=-3 %", [970_000, 1_067_000]),
        ("budget=-100%", [0, 0]),
        ("budget@2015/16=+10%", [1_000_000, 1_210_000]),
        ("budget@2014/15=*2", [2_000_000, 1_100_000]),
        ("budget=+3", [3, 3]),
    ],
)
def test_a_setting_relative_to_the_scheme_value_of_each_year(tmp_path, setting, expected):
    """The scheme has £1,000,000 and then £1,100,000: a factor or a signed percentage changes each of them."""
    assert values_of(loaded(tmp_path, setting)) == expected


@pytest.mark.parametrize("value", [140_000_000, 0.1, 2.47, 1234567.89, 3])
@pytest.mark.parametrize("factor", ["0.97", "1.1", "97.3%", "1/3", "1/7", "1e-3"])
def test_products_are_exact(value, factor):
    """The value is the float nearest to the exact product, and its text says the same number: 0.1 × 3 is 0.3."""
    own = ParameterValue(value, str(value))
    exact = Fraction(str(value)) * (Fraction(factor.strip("%")) / (100 if "%" in factor else 1))
    setting = Setting.read(f"budget=*{factor}").apply(own, "£", "2014/15")

    assert setting.value == float(exact)
    assert Setting.read(f"budget={setting.as_written}").apply(own, "£", "2014/15").value == float(exact)


def test_the_budget_of_the_library_scheme():
    """0.97 × £140,000,000 is £135,800,000, in figures and in words."""
    scheme = load(settings=[Setting.read("revenue_budget=*0.97")])

    assert values_of(scheme, "revenue_budget") == [135_800_000, 135_800_000]
    for _, _, value in scheme.overridden():
        assert (value.as_written, value.change_text("£")) == ("135800000", "£140,000,000 → £135,800,000")


@pytest.mark.parametrize("typed", ["-5%", "-0.05", "-1/20"])
def test_a_change_of_a_percentage_is_shown_in_its_unit(typed):
    """The floor of the library is -0.1; however it and its setting were typed, the change is from -10% to -5%."""
    scheme = load(transition="floor-and-ceiling", settings=[Setting.read(f"floor_growth={typed}")])

    changes = {value.change_text("%") for name, _, value in scheme.overridden() if name == "floor_growth"}
    assert changes == {"-10% → -5%"}
    assert {value.replaces.change_text("%") for _, _, value in scheme.overridden()} == {"-10%"}


@pytest.mark.parametrize(
    "order", [("budget@2015/16=*0.97", "budget=150_000_000"), ("budget=150_000_000", "budget@2015/16=*0.97")]
)
def test_a_setting_of_one_year_does_not_multiply_the_setting_of_all(tmp_path, order):
    """The setting of 2015/16 replaces that of all years there: 0.97 of the scheme's £1,100,000."""
    assert values_of(loaded(tmp_path, *order)) == [150_000_000, 1_067_000]


@pytest.mark.parametrize("year_key", ['"2014/15"', "every_year"])
def test_what_is_changed_is_the_value_that_the_run_would_have(tmp_path, year_key):
    """That is the value of the year, of every year, or the default: 0.5 of each."""
    text = with_rate("ratio", "0.5").replace('years = ["2014/15", "2015/16"]', 'years = ["2014/15"]')
    values = SCHEME[SCHEME.index('"2014/15" = {') : SCHEME.index("[[steps]]")]
    text = text.replace(values, f'{year_key} = {{ value = 1_000_000, source = "circular" }}\n')
    scheme = loaded(tmp_path, "budget=*0.5", "rate=*0.5", text=text)

    assert (values_of(scheme), values_of(scheme, "rate")) == ([500_000], [0.25])


@pytest.mark.parametrize(
    ("unit", "value", "setting", "expected", "as_written"),
    [
        ("%", '"-60%"', "*0.97", -0.582, "-58.2%"),
        ("%", "0.05", "*2", 0.1, "0.1"),
        ("%", '"5%"', "-5%", -0.05, "-5%"),
        ("%", '"1/3%"', "*1/7", 1 / 2100, None),
        ("ratio", "0.5", "+5%", 0.05, "+5%"),
        ("ratio", "0.5", "*97%", 0.485, "0.485"),
        ("", "30_000", "*0.97", 29_100, "29100"),
        ("", "30_000", "5%", 0.05, "5%"),
        ("people", "1_000", "+5%", 1_050, "1050"),
        ("£ per head", "2.50", "-10%", 2.25, "2.25"),
    ],
)
def test_what_a_percentage_means_depends_on_the_unit(tmp_path, unit, value, setting, expected, as_written):
    """It is the value of % and ratio, and a change of £, people and £ per head; a factor works in any unit."""
    scheme = loaded(tmp_path, f"rate={setting}", text=with_rate(unit, value))
    rate = scheme.parameters["rate"].values["2014/15"]

    assert rate.value == expected
    assert as_written is None or rate.as_written == as_written


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (["budget=5%"], "--set budget: 5% is a percentage, but the unit of budget is £; for a change of the scheme's"),
        (["budget=*-1"], "--set budget=*-1: expected a factor without a sign, such as *0.97; found *-1"),
        (["budget=*+3%"], "--set budget=*+3%: expected a factor without a sign, such as *0.97; found *+3%"),
        (["budget=-150%"], "--set budget=-150%: would change the sign of £1,000,000; give the value itself"),
        (["budget=*lots"], "--set budget=*lots: 'lots' is not a number"),
        (["budget=*"], "--set budget=*: '' is not a number"),
        (["budget=10-150%"], "--set budget=10-150%: would change the sign of 10; give the value itself"),
        (["budget=two*3"], "--set budget=two*3: 'two*3' is not a number"),
        (["budget=2*3*4"], "--set budget=2*3*4: '3*4' is not a number"),
        (["budget=**2"], "--set budget=**2: '*2' is not a number"),
        (["budget=*1e50"], "--set budget=*1e50: '1e+56' is too large; numbers must be 0 or between 1e-50 and 1e50"),
        (["budget=*2", "budget=+3%"], "--set budget: set twice; set it once"),
    ],
)
def test_relative_settings_that_cannot_be(tmp_path, settings, message):
    """A setting without a sense is refused in one line that says what to write."""
    assert refusal(tmp_path, *settings).startswith(message)


@pytest.mark.parametrize("unit", ["%", "ratio"])
def test_a_change_of_a_percentage_is_not_read_as_its_value(tmp_path, unit):
    """10%+3% could be 13% or 10.3%; read as 3%, it would change every figure silently. 10%*1.03 is clear."""
    message = f"--set rate=10%+3%: +3% is not a change of {unit}; write 10%*1.03, or the value itself"

    assert refusal(tmp_path, "rate=10%+3%", text=with_rate(unit, "0.5")) == message


@pytest.mark.parametrize(
    ("typed", "percentage", "meant"),
    [
        ("10", "1,000%", "write 10%, or 1000% if that is meant"),
        ("-5", "-500%", "write -5%, or -500% if that is meant"),
        ("2.5", "250%", "write 2.5%, or 250% if that is meant"),
        ("3/2", "150%", "write 3/2%, or 150% if that is meant"),
    ],
)
def test_a_percentage_without_its_sign_is_refused(tmp_path, typed, percentage, meant):
    """10 would be 1,000%; one that is meant is written so. That is so for settings, values, examples and bounds."""
    message = f"{typed} is {percentage} for rate; {meant}"
    in_toml = f'"{typed}"' if "/" in typed else typed

    assert refusal(tmp_path, f"rate={typed}", text=with_rate("%", "0.5")) == f"--set rate: {message}"
    assert refusal(tmp_path, f"rate={typed}*0.5", text=with_rate("%", "0.5")) == f"--set rate: {message}"
    assert refusal(tmp_path, text=with_rate("%", in_toml)).endswith(f": {message}")
    for key in ("minimum", "maximum", "example"):
        text = with_rate("%", "0.5").replace('unit = "%"', f'unit = "%"\n{key} = {in_toml}')
        assert refusal(tmp_path, text=text) == f"mine.toml: parameters › rate › {key}: {message}"


def test_a_percentage_above_100_with_its_sign_is_a_value(tmp_path):
    """1000% is ten times; so are 1 and -1 as numbers, which are 100% and -100%; a ratio may be 10."""
    for unit, typed, value in (("%", "1000%", 10), ("%", "1", 1), ("%", "-1", -1), ("ratio", "10", 10)):
        scheme = loaded(tmp_path, f"rate={typed}", text=with_rate(unit, "0.5"))
        assert values_of(scheme, "rate") == [value, value]
    changed_rate = loaded(tmp_path, "rate=*3", text=with_rate("%", "0.5")).parameters["rate"].values["2014/15"]
    assert (changed_rate.value, changed_rate.as_written) == (1.5, "150%")


@pytest.mark.parametrize(
    ("setting", "expected"),
    [("200_000*0.97", 194_000), ("200000 * 1/4", 50_000), ("200000+3%", 206_000), ("1e3-3%", 970)],
)
def test_a_change_of_a_number_is_worked_out(tmp_path, setting, expected):
    """With a number before it, the change is of that number, and not of the scheme's £1,000,000."""
    assert values_of(loaded(tmp_path, f"budget={setting}")) == [expected, expected]


def test_without_a_value_there_is_nothing_to_change(tmp_path):
    """A relative setting of a year without a value is refused, and asks for a number."""
    text = changed(SCHEME, ('"2015/16" = { value = 1_100_000, assumption = "Ten per cent more." }\n', ""))

    for setting in ("budget=*0.97", "budget@2015/16=*0.97"):
        message = f"--set {setting}: there is no value in 2015/16 to change; give a number"
        assert refusal(tmp_path, setting, text=text) == message
    assert values_of(loaded(tmp_path, "budget=*2", "budget@2015/16=7", text=text)) == [2_000_000, 7]


def test_bounds_are_checked_on_the_new_value(tmp_path):
    """A maximum of £1,100,000 allows the scheme's values, and no rise."""
    text = changed(SCHEME, ("minimum = 0", "minimum = 0\nmaximum = 1_100_000"))

    assert values_of(loaded(tmp_path, "budget=*0.97", text=text)) == [970_000, 1_067_000]
    message = "--set: budget is 1133000 in 2015/16; its maximum is 1100000"
    assert refusal(tmp_path, "budget=+3%", text=text) == message


# Percentages and units ---------------------------------------------------------------------------------------

NO_UNIT = "may be a value or a change, because rate has no unit; give the parameter its unit where it is declared"


def test_a_signed_percentage_without_a_unit_is_refused(tmp_path):
    """A saving of £30,000 without a unit does not become -£0.05: the unit decides, so it is asked for."""
    message = refusal(tmp_path, "rate=-5%", text=with_rate("", "30_000"))

    assert message == (
        f'--set rate: -5% {NO_UNIT}, such as unit = "%", or write -0.05 for the value and *0.95 for the change'
    )


@pytest.mark.parametrize("unit", ["", "£", "people", "£ per head"])
@pytest.mark.parametrize("place", ["default", "values", "minimum", "maximum"])
@pytest.mark.parametrize("percentage", ["5%", "+5%", " -5 % "])
def test_percentages_in_files(tmp_path, unit, place, percentage):
    """Values, defaults and bounds are no percentages of amounts, and without a unit none with a sign."""
    text = with_rate(unit, f'"{percentage}"' if place == "default" else 1)
    if place == "values":
        text = text.replace("default = { value = 1", f'values.every_year = {{ value = "{percentage}"')
    elif place != "default":
        text = text.replace('label = "Rate"', f'label = "Rate"\n{place} = "{percentage}"')
    if unit == "" and percentage == "5%":
        if place == "maximum":
            assert refusal(tmp_path, text=text) == "mine.toml: rate is 1 in 2014/15; its maximum is 5%"
            return
        assert values_of(loaded(tmp_path, text=text), "rate") == [1, 1] if place == "minimum" else [0.05, 0.05]
        return
    message = refusal(tmp_path, text=text)

    assert message.startswith("mine.toml: parameters › rate")
    assert (NO_UNIT if not unit else f"is a percentage, but the unit of rate is {unit}") in message
    faults = Faults(collect=True)
    join(str(tmp_path / "mine.toml"), faults)
    assert [finding.number for finding in faults.items if finding.level == "error"] == [FindingCode.UNITS_DO_NOT_FIT]


@pytest.mark.parametrize("unit", ["%", "ratio"])
def test_signed_percentages_of_ratios_are_values(tmp_path, unit):
    """A growth of -60% is -0.6, in a file and in a setting."""
    assert values_of(loaded(tmp_path, text=with_rate(unit, '"-60%"')), "rate") == [-0.6, -0.6]
    assert values_of(loaded(tmp_path, "rate=-60%", text=with_rate(unit, "0")), "rate") == [-0.6, -0.6]


# Other years -----------------------------------------------------------------------------------------------


def test_other_years_leave_values_of_the_schemes_years_unused(tmp_path):
    """With --years 2025/26 the values of 2014/15 and 2015/16 are not used; a value for 2025/26 is still needed."""
    scheme = loaded(tmp_path, "budget=60_000_000", years=["2025/26"])

    assert values_of(scheme) == [60_000_000]
    assert scheme.parameters["budget"].values["2025/26"].replaces is None
    assert values_of(loaded(tmp_path, years=["2015/16"])) == [1_100_000]
    message = refusal(tmp_path, years=["2025/26"])
    assert message.startswith("mine.toml: there is no value for budget (Budget) in 2025/26; add it under ")
    assert message.endswith("or set it with --set budget@2025/26=VALUE")
    message = "--set budget=*0.97: there is no value in 2025/26 to change; give a number"
    assert refusal(tmp_path, "budget=*0.97", years=["2025/26"]) == message


# Where settings come from, and where they are shown ------------------------------------------------------------


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A folder with the small scheme, populations of 100 to 400 thousand, and a run with relative settings."""
    folder = tmp_path_factory.mktemp("values")
    write(folder, "mine.toml", SCHEME)
    (folder / "people.csv").write_text(PEOPLE, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def result(files):
    """A run with 0.97 of the budget of 2014/15, and £9 in 2015/16."""
    return run(files, **{"budget@2014/15": "*0.97", "budget@2015/16": 9})


def run(files, **settings):
    """Run the small scheme with settings, and with the effects of assumptions, as the command does."""
    return allocate(population=files / "people.csv", scheme=files / "mine.toml", settings=settings)


def test_manifest(result):
    """Each value that was set has the scheme's own value; the run's settings are as typed."""
    entries = result.manifest["parameters"]

    assert [(entry["value"], entry["written"], entry["overridden"], entry["replaces"]) for entry in entries] == [
        (970_000, "970000", True, 1_000_000),
        (9, "9", True, 1_100_000),
    ]
    assert result.manifest["run"]["set"] == {"budget@2014/15": "*0.97", "budget@2015/16": "9"}
    recorded = result.manifest["definition"]["parameters"][0]["values"]
    assert [value["replaces"] for value in recorded.values()] == ["1000000", "1100000"]


def test_a_value_that_is_not_set_replaces_nothing(files):
    """Without settings no value replaces another, and the manifest has no such key."""
    manifest = run(files).manifest

    assert "replaces" not in json.dumps(manifest)


@pytest.mark.parametrize("ending", slow_but([".json"], [".json", ".xlsx"]))
def test_result_files(files, result, ending):
    """A result file is verified, read and explained with the scheme's own value beside the new one."""
    path = files / f"result{ending}"
    verify_runs.write(result, path)

    assert verify(path).verdict == "same bytes"
    value = read_record(path).scheme.parameters["budget"].values["2014/15"]
    assert (value.value, value.replaces.value) == (970_000, 1_000_000)
    assert explain(path, "A").settings == (
        "Budget (budget) 2014/15: £1,000,000 → £970,000",
        "Budget (budget) 2015/16: £1,100,000 → £9",
    )


@pytest.mark.slow
def test_workbook(files, result):
    """The sheets About and Parameters have the old and the new values."""
    verify_runs.write(result, files / "shown.xlsx")
    book = openpyxl.load_workbook(files / "shown.xlsx", data_only=True)
    about = {row[0]: row[1] for row in book["About"].iter_rows(min_row=5, values_only=True)}
    rows = list(book["Parameters"].iter_rows(values_only=True))

    changes = "budget 2014/15: £1,000,000 → £970,000; budget 2015/16: £1,100,000 → £9"
    assert about["Parameters changed for this run"] == changes
    assert any("Assumption: Set for this run with --set. The scheme has £1,000,000." in row for row in rows)


def test_compare(files):
    """0.97 of the budget takes 3% from all: £30,000 and then £33,000, and the budget is the only cause."""
    comparison = compare(run(files), run(files, budget="-3%"))

    cause = comparison.document()["causes"][0]

    assert cause["name"] == "parameter_budget"
    assert cause["said"] == "2014/15: £1,000,000 → £970,000; 2015/16: £1,100,000 → £1,067,000"
    assert cause["change"] == -63_000


@pytest.mark.slow
def test_reallocate(tmp_path):
    """`settings` of reallocate may be relative: half the tolerance of 2% is 1% of the £1,000 allocated."""
    allocations = write_rows(
        tmp_path / "a.csv", [{"org_code": "A", "allocation": 1000}, {"org_code": "B", "allocation": 1000}]
    )
    forecast = write_rows(
        tmp_path / "f.csv", [{"org_code": "A", "forecast_outturn": 900}, {"org_code": "B", "forecast_outturn": 1000}]
    )
    usual, halved = (
        reallocate(allocation=allocations, forecast=forecast, year="2014/15", settings=settings, with_effects=False)
        for settings in ({}, {"tolerance": "*0.5"})
    )
    values = [run.scheme.parameters["tolerance"].values["2014/15"].value for run in (usual, halved)]

    assert values[1] == values[0] / 2


def test_a_result_with_a_percentage_of_earlier_versions_is_read(result):
    """Earlier versions took -5% without a unit as -0.05; their results are read as what they were."""
    table = json.loads(json.dumps(result.manifest["definition"]))
    budget = table["parameters"][0]
    budget |= {"unit": None, "minimum": "-5%"}
    budget["values"]["2014/15"] |= {"value": "-5%"}
    scheme = defined(table, result.scheme.files, result.scheme.digest, "result.json")

    assert values_of(scheme) == [-0.05, 9]


def test_a_result_with_a_number_above_100_percent_of_earlier_versions_is_read(result):
    """Earlier versions took 10 and 3/2 in % as 1,000% and 150%; their results are read as what they were."""
    table = json.loads(json.dumps(result.manifest["definition"]))
    rate = json.loads(json.dumps(table["parameters"][0]))
    rate |= {"name": "rate", "unit": "%", "minimum": "-2", "maximum": "12.5"}
    rate["values"]["2014/15"] |= {"value": "10"}
    rate["values"]["2015/16"] |= {"value": "3/2"}
    table["parameters"].append(rate)
    scheme = defined(table, result.scheme.files, result.scheme.digest, "result.json")

    assert values_of(scheme, "rate") == [10, 1.5]
