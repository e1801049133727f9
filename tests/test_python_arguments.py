"""Wrong arguments of the Python calls: one line each, never an error from inside the package."""

from __future__ import annotations

import pytest

from gpit_fairshare import SchemeError, UsageError, allocate, check, compare, explain, reallocate, verify
from running import ABCD_PEOPLE, ABCD_SPEND, population_file, spend_file


@pytest.fixture
def files(tmp_path):
    """The files of four organisations, A to D."""
    return {
        "population": population_file(tmp_path, ABCD_PEOPLE),
        "spend": spend_file(tmp_path, ABCD_SPEND),
        "with_effects": False,
    }


@pytest.mark.parametrize("call", [allocate, check])
@pytest.mark.parametrize(
    ("positional", "named", "message"),
    [
        ([], {"populaton": "x.csv"}, r"\(populaton=…\): there is no such argument; did you mean population"),
        ([], {"zzz": 1}, r"\(zzz=…\): there is no such argument; the arguments are population, spend, .* and "),
        (["x.csv"], {}, r"\('x.csv'\): every argument needs its name, such as population=…"),
        ([], {"settings": ["a=1"]}, r'settings=\[\'a=1\'\]: expected a dictionary, such as {"revenue_budget@2015/16"'),
        ([], {"settings": {"a": None}}, r"settings: 'a': expected a number or a text; found None"),
        ([], {"settings": {5: 1}}, r"settings={5: 1}: expected a dictionary"),
        ([], {"mapping": {"A": 5}}, r"mapping: 'A': expected a text; found 5"),
        ([], {"units": {"A": 5}}, r"units: 'A': expected a text; found 5"),
        ([], {"years": 2014}, r'years=2014: expected a text or a list of texts, such as "2014/15"'),
        ([], {"years": [2014]}, r"years=\[2014\]: expected a text or a list of texts"),
        ([], {"leave_out": 5}, r"leave_out=5: expected a text or a list of texts"),
        ([], {"boundaries": 5}, r"boundaries=5: expected a date or a text such as '2020-04-01'"),
        ([], {"max_size": "9"}, r"max_size='9': expected a number of megabytes"),
    ],
)
def test_a_wrong_argument_is_refused_in_one_line(call, positional, named, message):
    """The error names the argument, its value, and what was expected."""
    with pytest.raises(UsageError, match=message) as refusal:
        call(*positional, **named)

    assert "\n" not in str(refusal.value)


def test_a_long_value_is_cut_in_the_message():
    """A thousand settings given as a list do not fill the screen."""
    with pytest.raises(UsageError) as refusal:
        allocate(settings=["a=1"] * 1000)

    assert len(str(refusal.value)) < 200


def test_one_code_may_be_given_as_a_text(files):
    """`leave_out="A"` and `leave_out=["A"]` leave out the same row; so does an iterator, which can be read once."""
    runs = [allocate(**files, leave_out=codes) for codes in ("A", ["A"], iter(["A"]))]

    assert allocate(**files, leave_out=None).year("2014/15").height == 4
    for result in runs:
        assert result.year("2014/15")["org_code"].to_list() == ["B", "C", "D"]
        assert result.manifest["run"]["leave_out"] == ["A"]


def test_a_text_of_two_letters_is_one_code(files):
    """`leave_out="AB"` is the code AB, not the codes A and B."""
    with pytest.raises(UsageError, match=r"AB: no file has a row with this code"):
        allocate(**files, leave_out="AB")


def test_one_year_may_be_given_as_a_text(files):
    """`years="2020/21"` is one year, not seven letters: the default scheme has no value for it."""
    with pytest.raises(SchemeError, match=r"no value for revenue_budget .* in 2020/21"):
        allocate(**files, years="2020/21")


def test_a_year_that_a_result_does_not_have(files):
    """The error names the years; any spelling of a year is read."""
    result = allocate(**files)

    assert result.year("2014-2015").height == 4
    for year in ("2031/32", 2014, None):
        with pytest.raises(UsageError, match=r"^there is no year .*; the result has 2014/15 and 2015/16$"):
            result.year(year)


def test_what_is_no_result_is_refused(files):
    """Neither a number nor an unknown file can be explained, compared or verified."""
    result = allocate(**files)

    for call in (lambda: explain(5, "A"), lambda: compare(result, 5), lambda: verify(5)):
        with pytest.raises(UsageError, match=r"^expected the path of a result file, .*; found a int$"):
            call()
    with pytest.raises(UsageError, match=r"^expected the path of a result file, .*; found a Result$"):
        verify(result)
    with pytest.raises(UsageError, match=r"^nope.xlsx: there is no such file"):
        compare("nope.xlsx", result)


def test_what_is_no_organisation_or_step_is_refused(files):
    """A code of the wrong type, an unknown code and a step of the wrong type: each is one line."""
    result = allocate(**files)

    with pytest.raises(UsageError, match=r"^explain: the organisation is 5; expected its code or name as a text$"):
        explain(result, 5)
    with pytest.raises(UsageError, match=r"^there is no CCG ZZZ"):
        explain(result, "ZZZ")
    with pytest.raises(UsageError, match=r"^--step 5: there is no such step; the steps are fair_share_weight, "):
        explain(result, "A", step=5)


def test_a_missing_argument_is_named(files):
    """Python's own error says which argument of which call is missing."""
    result = allocate(**files)

    with pytest.raises(TypeError, match=r"^explain\(\) missing 1 required positional argument: 'organisation'$"):
        explain(result)
    with pytest.raises(TypeError, match=r"^compare\(\) missing 1 required positional argument: 'new'$"):
        compare(result)


def test_one_receiver_or_folder_may_be_given_as_a_text(files, tmp_path):
    """`receive="me"` is one word, not two letters; a folder of inputs for `verify` is one folder."""
    with pytest.raises(UsageError, match=r"^--receive me: expected pressures, unmet-need, everybody"):
        reallocate(allocation="a.csv", forecast="b.csv", receive="me")
    inputs = tmp_path / "inputs"
    inputs.mkdir()
    for name in ("population", "spend"):
        (tmp_path / f"{name}.csv").rename(inputs / f"{name}.csv")
    run = {**files, "population": inputs / "population.csv", "spend": inputs / "spend.csv"}
    (path,) = allocate(**run).write(tmp_path / "a.json")

    assert verify(path, str(inputs)).files[0].place.endswith("population.csv")


@pytest.mark.parametrize("year", ["2014/15", "2014-15", "2014/2015", "201415", "FY2014/15"])
def test_years_are_read_in_every_spelling_of_files(files, year):
    """A year that a file may have may be typed: for the years of a run, a setting, and one year of an explanation."""
    run = allocate(**files, years=year, settings={f"revenue_budget@{year}": 1_000_000})

    assert run.scheme.years == ("2014/15",)
    assert run.year(year)["fair_share"].sum() == 1_000_000
    assert explain(run, "A", year=year).years
