"""`gpit test`: figures are compared exactly, each error is one line, and only regression figures are rewritten."""

from __future__ import annotations

import functools
import io
import json
import os
import subprocess
import sys
import time
from contextlib import chdir, redirect_stderr, redirect_stdout
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from casefolders import CHECKED, FIGURES, HEADS, OF_EVERY_SORT, RUN, SHARES, TABLE, case, every_sort, inputs
from gpit_fairshare import GpitError, OutputError, UsageError, allocate
from gpit_fairshare.cases.comparing import compare_figure
from gpit_fairshare.cases.discovery import find_cases
from gpit_fairshare.cases.reading import ExpectedFigure
from gpit_fairshare.cases.shape import ToleranceEntry, exact_number
from gpit_fairshare.cases.suite import run_all
from gpit_fairshare.cases.updating import update
from gpit_fairshare.cli import main
from gpit_fairshare.numbers import shortest_decimal
from running import gpit, words, write_rows
from tiers import slow


@pytest.fixture
def folder(tmp_path):
    """Make a folder `cases` with the inputs of the four organisations."""
    return inputs(tmp_path / "cases")


def put(folder, name, text):
    """Write a file into the folder, byte for byte."""
    (folder / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    return folder / name


def verdict_of(folder, text, name="one.toml"):
    """Return the verdict on one case."""
    (verdict,) = run_all([str(put(folder, name, text))]).verdicts
    return verdict


def verdicts(suite):
    """Return the outcome of each case, by the base name of its file."""
    return {Path(verdict.file).name: verdict.outcome for verdict in suite.verdicts}


# Figures ------------------------------------------------------------------------------------------------------

LARGE = ExpectedFigure("2013/14", "00D", "allocation", Decimal(398_372_000), "")


def differs(figure, got, kind="number", **tolerance):
    """Return whether a figure differs from that of a run, with the tolerance of its column."""
    entry = {"allocation": ToleranceEntry.model_validate(tolerance)} if tolerance else {}
    return compare_figure(figure, got, kind, entry) is not None


def test_a_pound_of_398_million():
    """£1 off £398,372,000 fails without a tolerance and passes with one of exactly £1."""
    assert not differs(LARGE, 398_372_000.0)
    for got in (398_372_001.0, 398_371_999.0):
        assert differs(LARGE, got)
        assert not differs(LARGE, got, absolute=1)
        assert differs(LARGE, got, absolute=Decimal("0.999999999999"))


def test_a_figure_is_right_within_either_tolerance():
    """5% of 200 is 10: 210 is right by the ratio, 211 by the £11, 212 by neither."""
    figure = ExpectedFigure("y", "A", "allocation", Decimal(200), "")

    assert not differs(figure, 210.0, relative="0.05")
    assert differs(figure, 210.5, relative="0.05")
    assert not differs(figure, 211.0, relative="0.05", absolute=11)
    assert differs(figure, 212.0, relative="0.05", absolute=11)


def test_a_float_is_the_number_that_people_see():
    """0.1 is 0.1, not the nearest binary fraction; 0.1 + 0.2 is 0.30000000000000004, not 0.3."""
    figure = ExpectedFigure("y", "A", "allocation", Decimal("0.1"), "")
    third = ExpectedFigure("y", "A", "allocation", Decimal("0.3"), "")

    assert not differs(figure, 0.1)
    difference = compare_figure(third, 0.1 + 0.2, "number", {})
    assert difference is not None
    assert difference.difference == Decimal("4E-17")


finite = st.floats(allow_nan=False, allow_infinity=False)
sizes = st.one_of(st.none(), st.decimals(0, 10**12, allow_nan=False, allow_infinity=False, places=9))


@given(got=finite, expected=finite, nudge=st.sampled_from([None, 0.0, 1.0]), absolute=sizes, relative=sizes)
def test_comparing_is_exact(got, expected, nudge, absolute, relative):
    """For all sizes the verdict is that of fractions: |got - expected| <= max(absolute, relative |expected|)."""
    if nudge is not None:
        expected = got + nudge
        expected = got if expected in (float("inf"), float("-inf")) else expected
    exact = Decimal(repr(expected))
    tolerance = {key: value for key, value in (("absolute", absolute), ("relative", relative)) if value is not None}
    allowed = max(Fraction(absolute or 0), Fraction(relative or 0) * abs(Fraction(exact)))
    figure = ExpectedFigure("y", "A", "allocation", exact, "")

    assert differs(figure, got, **tolerance) == (abs(Fraction(repr(got)) - Fraction(exact)) > allowed)


@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**40), max_value=10**40))
def test_a_number_is_written_so_that_it_reads_back(number):
    """The text of a number reads back as the same number, to the last digit."""
    assert Decimal(shortest_decimal(number)) == number


@pytest.mark.parametrize("text", ["£5", "1,000", "1/2", "5%", "nan", "inf", "", " ", "1e9999", "0x10", "1" * 401, "１"])
def test_texts_that_are_not_plain_numbers(text):
    """Money signs, separators, percentages and numbers too large for a result are not expected figures."""
    with pytest.raises(ValueError, match=r"plain number|digits"):
        exact_number(text)


@pytest.mark.parametrize(
    ("value", "got", "kind", "same"),
    [
        (True, True, "yes/no", True),
        (True, False, "yes/no", False),
        ("yes", True, "yes/no", True),
        ("false", False, "yes/no", True),
        ("Durham", "Durham", "text", True),
        ("Durham", "durham", "text", False),
        ("", None, "number", True),
        ("", None, "text", True),
        ("", "", "text", True),
        ("", 0.0, "number", False),
        ("0", None, "number", False),
        ("'=cmd", "=cmd", "text", True),
        ("1e3", 1000.0, "number", True),
    ],
)
def test_cells_of_a_table(value, got, kind, same):
    """Yes/no and texts are equal or differ, blanks equal blanks, and an apostrophe added by gpit does not count."""
    figure = ExpectedFigure("y", "A", "allocation", value, "x.csv: row 2, allocation", tabled=True)

    assert differs(figure, got, kind) == (not same)


@pytest.mark.parametrize(
    ("value", "kind", "message"),
    [
        ("many", "number", "x: the column holds numbers; expected a plain number, such as 1500.5, found 'many'"),
        (True, "number", "found true"),
        (Decimal(1), "text", "expected a text in quotes, found 1"),
        (Decimal(1), "yes/no", "expected true or false, found 1"),
    ],
)
def test_a_figure_of_another_kind_is_an_error(value, kind, message):
    """A text in a column of numbers is not a difference, but an error in the case."""
    with pytest.raises(GpitError, match=message):
        compare_figure(ExpectedFigure("y", "A", "c", value, "x"), 1.0, kind, {})


# Verdicts -----------------------------------------------------------------------------------------------------


def test_cases_of_every_sort(tmp_path):
    """Each kind of case has the right verdict, and the file that no case uses is named."""
    suite = run_all([str(every_sort(tmp_path / "cases"))])
    outcomes = {name: verdict for name, (_, verdict) in OF_EVERY_SORT.items()}

    assert verdicts(suite) == {
        name: outcome for name, outcome in outcomes.items() if outcome in ("ok", "failed", "fault")
    }
    assert [Path(name).name for name in suite.unused] == [
        name for name, outcome in outcomes.items() if outcome == "unused"
    ]
    assert suite.exit_code == 2


def test_differences_are_named(folder):
    """If D has £800,000 and £800,001 is expected, there is one difference of -£1, and no other figure is named."""
    verdict = verdict_of(folder, case("x", figures=FIGURES.replace("800_000", "800_001")))
    (difference,) = verdict.differences

    assert (difference.year, difference.code, difference.column, difference.expected, difference.got) == (
        "2014/15",
        "D",
        "allocation",
        "800001",
        "800000",
    )
    assert (difference.difference, difference.allowed) == (-1, 0)
    assert verdict.reasons == ("1 of 4 figures differs.",)


def test_extra_and_missing_rows(folder):
    """An organisation that is not expected, and one that is missing, fail; `rows = "some"` lets the first pass."""
    figures = FIGURES.partition("D =")[0] + "E = { allocation = 1 }\n"
    every = verdict_of(folder, case("x", figures=figures))
    some = verdict_of(folder, case("x", 'rows = "some"\n', figures=figures))

    assert [(difference.kind, difference.code) for difference in every.differences] == [
        ("extra row", "D"),
        ("missing row", "E"),
    ]
    assert [(difference.kind, difference.code) for difference in some.differences] == [("missing row", "E")]
    assert (some.looked_at, some.rows_in_result) == (4, 4)


def test_only_years_that_the_case_names_are_compared(folder):
    """Rows of 2015/16 do not fail a case of 2014/15; a case that names the year must have all its rows."""
    one_more = FIGURES + '[expected."2015/16"]\nA = { allocation = 200_000 }\n'

    assert verdict_of(folder, case("x")).outcome == "ok"
    assert [difference.code for difference in verdict_of(folder, case("x", figures=one_more)).differences] == [
        "B",
        "C",
        "D",
    ]


def test_any_column_can_be_expected(folder):
    """Inputs, names, steps, yes/no and national figures can be expected: £2,270,000 is £2.27 a head on average."""
    run = RUN.replace('transition = "none"\n', "")
    figures = """
[expected."2014/15"]
A = { org_name = "Alder", registered_population = 100_000, above_average = true, cost_per_head = 5 }
[expected_national."2014/15"]
average_cost_per_head = 2.27
"""
    verdict = verdict_of(folder, case("x", 'rows = "some"\n', run=run, figures=figures))
    wrong = verdict_of(folder, case("x", 'rows = "some"\n', run=run, figures=figures.replace("2.27", "2.28")))

    assert (verdict.outcome, verdict.figures) == ("ok", 5)
    assert [(difference.code, difference.got) for difference in wrong.differences] == [("", "2.27")]


def test_the_worst_come_first(folder):
    """Differences are sorted by their distance above the tolerance: D is £100 off, C £20."""
    figures = FIGURES.replace("600_000", "600_020").replace("800_000", "800_100")
    tolerance = '\n[tolerance]\nallocation = { relative = "0.0001" }\n'
    first = verdict_of(folder, case("x", figures=figures))
    # A ten-thousandth of 600,020 is 60.002, and of 800,100 it is 80.01: 20 is within, 100 is 19.99 above.
    second = verdict_of(folder, case("x", figures=figures + tolerance))

    assert [difference.code for difference in first.differences] == ["D", "C"]
    assert [(difference.code, difference.excess[1]) for difference in second.differences] == [("D", Decimal("19.99"))]


def test_other_columns(folder):
    """`other-columns` is for columns of numbers that are not named, and never for texts."""
    figures = FIGURES.replace("allocation = 800_000", 'allocation = 800_001, fair_share = 800_001, org_name = "Dams"')
    tolerance = "\n[tolerance]\nallocation = { absolute = 0 }\nother-columns = { absolute = 1 }\n"
    verdict = verdict_of(folder, case("x", figures=figures + tolerance))

    assert sorted(difference.column for difference in verdict.differences) == ["allocation", "org_name"]


def test_a_failing_check_fails_the_case(folder):
    """D has 400,000 heads: the check is named with year and organisation, although all figures agree."""
    verdict = verdict_of(folder, case("x", run=CHECKED, figures=HEADS))

    assert verdict.outcome == "failed"
    assert verdict.reasons == ("A check fails in 2014/15: No CCG has over 300,000 (D).",)


def test_any_error_in_the_inputs_can_be_expected(folder):
    """All errors of a run are searched, not only the first."""
    put(folder, "odd.csv", "org_code,registered_population\nA,-1\nB,many\n")
    run = RUN.replace("abcd-population", "odd")
    for text in ("is negative", "'many'", "row 3"):
        assert verdict_of(folder, case("x", f'fails = "{text}"\n', run=run, figures="")).outcome == "ok", text


def test_paths_start_from_the_folder_of_the_case(folder, tmp_path, monkeypatch):
    """A case finds its files from any folder, with slashes or backslashes, and messages have no other path."""
    (folder / "deep").mkdir()
    text = case("x", run=RUN.replace('"abcd-', "'..\\abcd-").replace('.csv"', ".csv'"))
    put(folder / "deep", "one.toml", text)
    put(folder / "deep", "two.toml", text.replace("abcd-spend", "nowhere"))
    before = Path.cwd()
    for place in (tmp_path, folder, folder / "deep"):
        monkeypatch.chdir(place)
        first, second = run_all([os.path.relpath(folder / "deep")]).verdicts
        assert (first.outcome, second.outcome) == ("ok", "fault")
        assert second.reasons == ("../nowhere.csv: there is no such file",)
    monkeypatch.chdir(before)
    (absolute, _) = run_all([str(folder)]).verdicts
    assert absolute.id == "cases/deep/one.toml::x"


@pytest.mark.slow
def test_the_sample_and_every_option(folder):
    """A case may run the sample, and has every option of `gpit allocate`."""
    sample = case("x", 'rows = "some"\n', run="[run]\nsample = true\n", figures='[expected."2014/15"]\n')
    people = (folder / "abcd-population.csv").read_text(encoding="utf-8")
    put(folder, "people.csv", people + "Z9,All,1000000\n")
    put(folder, "need.csv", "code,org_name\nA,a\nB,b\nC,c\nD,d\n")
    stay = "".join(f"{code},{code},2013-04-01\n" for code in "ABCD")
    put(folder, "moves.csv", "org_code,successor_code,effective_date\n" + stay)
    options = """
input = ["need.csv"]
map = { "code" = "org_code" }
leave_out = "Z9"
boundaries = 2014-04-01
crosswalk = "moves.csv"
max_size = 5
formula = "registered-population"
scheme = "gpit-2014-16"
"""

    assert verdict_of(folder, sample + '99A = { org_name = "Liverpool" }\n').outcome == "ok"
    verdict = verdict_of(folder, case("x", run=RUN.replace("abcd-population", "people") + options))
    assert (verdict.outcome, verdict.reasons) == ("ok", ())


# Errors -------------------------------------------------------------------------------------------------------

FAULTS = {
    "an unknown key": (case("x", "titel = 1\n"), "case: unknown key titel; did you mean title?"),
    "an unknown table": (case("x") + "[expectd]\n", "unknown key expectd; did you mean expected"),
    "an unknown option": (case("x", run=RUN + 'sheme = "x"\n'), "run: unknown key sheme; did you mean scheme?"),
    "an unknown part of a tolerance": (
        case("x") + "[tolerance]\nallocation = { absolut = 1 }\n",
        "tolerance › allocation: unknown key absolut; did you mean absolute?",
    ),
    "a tolerance that is a number": (
        case("x") + "[tolerance]\nallocation = 1\n",
        "tolerance › allocation: expected a table such as { absolute = 0.005 }; found 1",
    ),
    "a negative tolerance": (case("x") + "[tolerance]\nallocation = { absolute = -1 }\n", "tolerance is 0 or more"),
    "a tolerance of nothing": (case("x") + "[tolerance.allocation]\n", "needs absolute, relative or both"),
    "a tolerance of an unknown column": (
        case("x") + "[tolerance]\nallocatoin = { absolute = 1 }\n",
        "tolerance › allocatoin: the result has no column allocatoin; did you mean allocation",
    ),
    "a tolerance of a text": (
        case("x") + "[tolerance]\norg_name = { absolute = 1 }\n",
        "the column has no numbers, so a tolerance has no effect",
    ),
    "no run": (case("x", run=""), "run is missing"),
    "nothing expected": (case("x", figures=""), "nothing is expected"),
    "a year without figures": (
        case("x", figures=FIGURES + '[expected."2015/16"]\n'),
        "expected › 2015/16: is empty; expected one or more",
    ),
    "an organisation without figures": (case("x", figures=FIGURES + "E = {}\n"), "expected › 2014/15 › E: is empty"),
    "national figures without any": (
        case("x", figures=FIGURES + '[expected_national."2014/15"]\n'),
        "expected_national › 2014/15: is empty",
    ),
    "a size below one": (case("x", run=RUN + "max_size = -1\n"), "run › max_size: expected 1 or more; found -1"),
    "an unknown origin": (case("x", origin="guessed"), "case › origin: expected one of 'published', 'worked by hand'"),
    "published without a source": (
        case("x", origin="published").replace("[case.source]", "[other]"),
        "unknown key other",
    ),
    "published, and no source": (
        case("x").replace("worked by hand", "published"),
        "case: published figures need a table [case.source]",
    ),
    "a date of no shape": (
        case("x", origin="published").replace('"2014-04"', '"April 2014"'),
        "case › source › date: expected a date such as 2014-04-03",
    ),
    "worked by hand, and no working": (case("x").replace('working = "By hand."\n', ""), "need working: how"),
    "a name of two words": (case("two words"), "the name of a case has at most 80 letters"),
    "an unknown column": (
        case("x", figures=FIGURES.replace("allocation", "alocation")),
        "expected › 2014/15 › A › alocation: the result has no column alocation; did you mean allocation",
    ),
    "an unknown national column": (
        case("x", run=CHECKED, figures='[expected_national."2014/15"]\nheads = 1\n'),
        "the result has no national column heads; it has none",
    ),
    "an unknown year": (
        case("x", figures=FIGURES.replace("2014/15", "2013/14")),
        "2013/14 is not a year of the scheme; its years are 2014/15, 2015/16",
    ),
    "a figure that is a list": (case("x", figures=FIGURES.replace("200_000", "[1]")), "a figure is a number"),
    "a figure that is no number": (case("x", figures=FIGURES.replace("200_000", "nan")), "is not a plain number"),
    "a figure too large": (case("x", figures=FIGURES.replace("200_000", "1e999")), "has more than 400 digits"),
    "fails and figures": (case("x", 'fails = "no"\n'), "a run that fails gives no figures"),
    "an unknown check": (
        case("x", 'checks_fail = "No CCG has over"\n', run=CHECKED, figures=""),
        "case › checks_fail: the scheme has no check 'No CCG has over'; did you mean No CCG has over 300,000?",
    ),
    "a path that is a number": (
        case("x", run=RUN.replace('"abcd-spend.csv"', "5")),
        "run › spend: expected a text in quotes, or a list of texts",
    ),
    "a value that is a list": (case("x", run=RUN.replace("2_000_000", "[1]")), "run › set: revenue_budget: expected a"),
    "a parameter that is not there": (
        case("x", run=RUN.replace("revenue_budget", "revenue_buget")),
        "run › set › revenue_buget: there is no such parameter; did you mean revenue_budget?",
    ),
    "a scheme that is not there": (case("x", run=RUN + 'scheme = "mine.toml"\n'), "scheme mine.toml: there is no such"),
    "a file of expected figures that is no table": (case("x", 'expected_file = "x.xlsx"\n'), "is not a .csv file"),
    "a file of expected figures that is not there": (
        case("x", 'expected_file = "x.expected.csv"\n'),
        "there is no file x.expected.csv in this folder",
    ),
    "columns of another origin": (
        case("x", "columns = ['heads']\n"),
        "columns needs a regression case with one expected_file",
    ),
    "no TOML": (case("x").replace("[run]", "[run"), "not valid TOML"),
    "no UTF-8": (case("x").encode() + b"\xff", "is not UTF-8"),
    "UTF-16": (case("x").encode("utf-16"), "is not UTF-8"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_an_error_in_a_case_is_one_line(folder, fault):
    """The line has the place and, if one is similar, the right name."""
    text, message = FAULTS[fault]
    verdict = verdict_of(folder, text)

    assert verdict.outcome == "fault"
    assert message in verdict.reasons[0]
    assert "\n" not in verdict.reasons[0]
    assert not verdict.reasons[0].startswith("one.toml: one.toml")


TABLES = {
    "no year": ("org_code,allocation\nA,1\n", "there is no column year"),
    "keys alone": ("year,org_code\n2014/15,A\n", "no figures are expected: the only columns are year and org_code"),
    "a heading with a space": (TABLE.replace("allocation", " allocation"), "row 1: the heading ' allocation' begins"),
    "a year with a space": (TABLE.replace("2014/15,C", "2014/15 ,C"), "row 4, year: '2014/15 ' begins or ends with a"),
    "a code with a hard space": (
        TABLE.replace(",D", ",\xa0D"),
        r"row 5, org_code: '\xa0D' begins or ends with a space",
    ),
    "a text with a space": (
        "year,org_code,org_name\n2014/15,A,Alder \n",
        "row 2, org_name: 'Alder ' begins or ends with a space",
    ),
    "a column twice": ("year,org_code,a,a\n2014/15,A,1,1\n", "the column a occurs twice"),
    "a row twice": (TABLE + "2014/15,A,1\n", "row 6: A in 2014/15 is already in row 2"),
    "a row too long": (TABLE + "2014/15,E,1,2\n", "row 6: has 4 cells, but there are 3 headings"),
    "no code": (TABLE + "2014/15,,1\n", "row 6: year or org_code is empty"),
    "no rows": ("year,org_code,allocation\n", "no figures; expected a row of headings"),
    "nothing": ("", "no figures; expected a row of headings"),
    "no number": (TABLE.replace("800000", "many"), "row 5, allocation: the column holds numbers"),
    "an unknown column": (TABLE.replace("allocation", "allocations"), "no column allocations; did you mean allocation"),
    "a quote that does not end": (TABLE + '"2014/15', "is not CSV"),
    "another encoding": (TABLE.encode("utf-16"), "is not UTF-8"),
}


@pytest.mark.parametrize("fault", TABLES)
def test_an_error_in_a_table_has_its_row(folder, fault):
    """A wrong table of figures is an error of the case that uses it, with file and row."""
    content, message = TABLES[fault]
    put(folder, "x.expected.csv", content)
    verdict = verdict_of(folder, case("x", 'expected_file = "x.expected.csv"\n', figures=""))

    assert verdict.outcome == "fault"
    assert "x.expected.csv" in verdict.reasons[0]
    assert message in verdict.reasons[0]


def test_a_figure_that_is_given_twice(folder):
    """A figure given in the case and in its file is an error; other columns of the same row are not."""
    put(folder, "x.expected.csv", TABLE)
    put(folder, "y.expected.csv", TABLE.replace("allocation", "fair_share"))
    both = "expected_file = ['x.expected.csv', 'y.expected.csv']\n"

    assert "given twice; the first is" in verdict_of(folder, case("x", 'expected_file = "x.expected.csv"\n')).reasons[0]
    assert verdict_of(folder, case("x", both, figures="")).outcome == "ok"


# Finding ------------------------------------------------------------------------------------------------------


def test_a_folder_is_searched(folder, tmp_path):
    """Cases are found at any depth, sorted, once each; hidden folders and environments are not searched."""
    for place in ("", "b", "a", "a/deep", ".git", "node_modules", "venv"):
        (folder / place).mkdir(exist_ok=True)
        put(folder / place, "x.toml", case("x"))
    put(folder, ".hidden.toml", case("x"))
    put(folder / "venv", "pyvenv.cfg", "")
    with chdir(tmp_path):
        names = [case_file.name for case_file in find_cases(["cases/a", "cases", "./cases/x.toml"]).cases]

    assert names == ["cases/a/x.toml", "cases/a/deep/x.toml", "cases/x.toml", "cases/b/x.toml"]


@pytest.mark.skipif(os.name == "nt", reason="names there are always texts, and there are no pipes")
def test_names_that_are_not_text_and_pipes(folder):
    """A name that is not UTF-8, or has a line break, can be printed in every format; a pipe does not block."""
    for name in (b"\xff.toml", b"a\n\x1b[31mb.toml"):
        Path(os.fsdecode(os.fsencode(folder) + b"/" + name)).write_text(case("x"), encoding="utf-8")
    os.mkfifo(folder / "pipe.toml")
    plainly = answer(folder, "cases", "--junit", "out.xml")
    document = answer(folder, "cases", "--json")
    root = etree.fromstring((folder.parent / "out.xml").read_bytes())

    assert plainly.returncode == document.returncode == 0
    assert b"\x1b" not in plainly.stdout
    assert plainly.stdout.count(b"ok      cases/") == 2
    files = {entry["file"] for entry in json.loads(document.stdout.decode())["cases"]}
    assert files == {"cases/\ufffd.toml", "cases/a\n\x1b[31mb.toml"}
    assert len(list(root.iter("testcase"))) == 2


def test_a_broken_file_is_skipped_only_if_it_is_not_a_case(folder):
    """A broken scheme is skipped unless it is named; a broken file with a line that begins with [case is a case."""
    put(folder, "one.toml", case("x"))
    put(folder, "scheme.toml", "[scheme\n")
    put(folder, "quiet.toml", 'text = "the table [case] is meant"\n[scheme\n')
    assert verdicts(run_all([str(folder)])) == {"one.toml": "ok"}
    assert verdicts(run_all([str(folder / "scheme.toml")])) == {"scheme.toml": "fault"}

    put(folder, "two.toml", "  [ case\n")
    assert verdicts(run_all([str(folder)])) == {"one.toml": "ok", "two.toml": "fault"}


WRONG_PATHS = {
    "nowhere": "there is no such file or folder",
    "casess": "did you mean cases?",
    "": "there is no such file or folder",
    "cases/abcd-spend.csv": "is not a case; give a .toml file",
    "cases/named.toml": "has no table [case]",
    "empty": "no case found",
    "x" * 300: "cannot be read",
}


@pytest.mark.parametrize("path", WRONG_PATHS)
def test_wrong_paths_are_refused(tmp_path, folder, path):
    """A wrong path gives one line."""
    (tmp_path / "empty").mkdir()
    put(folder, "one.toml", case("x"))
    with chdir(tmp_path), pytest.raises(UsageError) as caught:
        run_all(["cases", path] if path != "empty" else [path])

    assert WRONG_PATHS[path] in str(caught.value)
    assert "\n" not in str(caught.value)


def test_ids_are_unique(tmp_path):
    """Two folders of the same name have cases with the same id: that is refused, so that no case is dropped."""
    for place in ("a", "b"):
        (tmp_path / place).mkdir()
        put(inputs(tmp_path / place / "cases"), "x.toml", case("x"))
    with pytest.raises(UsageError, match="two files have this name"):
        run_all([str(tmp_path / "a" / "cases"), str(tmp_path / "b" / "cases")])


@pytest.mark.parametrize(
    ("keep", "kept"),
    [
        ("FIRST", ["first"]),
        ("case second", ["second"]),
        ("first or second", ["first", "second"]),
        ("not first", ["second", "third"]),
        ("toml and not first and not third", ["second"]),
        ("first or not third and second", ["first", "second"]),
    ],
)
def test_selecting(folder, keep, kept):
    """`-k` searches id and title in any case; `not` is for one text, and `and` binds before `or`."""
    for name in ("first", "second", "third"):
        put(folder, f"{name}.toml", case(name))
    suite = run_all([str(folder)], keep=keep)

    assert [verdict.name for verdict in suite.verdicts] == kept
    assert suite.not_selected == 3 - len(kept)


def test_selecting_no_case_is_refused(folder):
    """A text that no case has is an error."""
    put(folder, "one.toml", case("one"))
    with pytest.raises(UsageError, match="-k two: no match in the id or title of 1 case"):
        run_all([str(folder)], keep="two")


def test_files_that_no_case_uses(folder):
    """A `*.expected.csv` fails unless a case, perhaps a broken one, uses it; selecting cases does not change that."""
    put(folder, "one.toml", case("one", 'expected_file = "sub/used.expected.csv"\n', origin="regression", figures=""))
    (folder / "sub").mkdir()
    put(folder / "sub", "used.expected.csv", TABLE)
    put(folder, "two.toml", case("two", 'expected_file = "broken.expected.csv"\ntitel = 1\n'))
    put(folder, "broken.expected.csv", "x")
    put(folder, "three.toml", case("three"))
    put(folder, "plain.csv", "x")
    assert run_all([str(folder)]).unused == ()
    assert run_all([str(folder)], keep="three").unused == ()

    put(folder, "idle.expected.csv", TABLE)
    suite = run_all([str(folder)], keep="not two")
    assert suite.unused == ("cases/idle.expected.csv",)
    assert suite.exit_code == 1


def test_stopping(folder):
    """With `--stop` the cases after the first that is not ok are not run, but counted."""
    put(folder, "a.toml", case("a"))
    put(folder, "b.toml", case("b", figures=FIGURES.replace("200_000", "1")))
    put(folder, "c.toml", case("c"))
    suite = run_all([str(folder)], stop=True)

    assert verdicts(suite) == {"a.toml": "ok", "b.toml": "failed"}
    assert suite.not_run == 1


@pytest.mark.slow
def test_a_hundred_cases_in_twenty_seconds(folder):
    """A hundred small cases on the same inputs take less than 20 seconds."""
    for number in range(100):
        put(folder, f"{number}.toml", case(f"case-{number}"))
    start = time.process_time()
    suite = run_all([str(folder)])

    assert suite.count("ok") == 100
    assert time.process_time() - start < 20


# Updating -------------------------------------------------------------------------------------------------------

REMARKED = (
    case(
        "x",
        origin="regression",
        figures="""
# What gpit gave in May; "A = { allocation = 1 }" is no figure.
[expected."2014/15"] # the first year
A = { fair_share = 200_000,   allocation = 199_000 } # 199_000 is wrong
'B' = { allocation=400000, above_average = false }
C = { allocation = 600_000.0 }
[expected . "2014/15" . D]
  allocation = 800_001 # and this
[expected_national."2014/15"]
average_cost_per_head = 2.26

[tolerance]
fair_share = { absolute = 199_000 }
""",
    )
    .replace('transition = "none"\n', "transition = 'above-average-cost'\n")
    .replace("set = { revenue_budget = 2_000_000 }", "set = { revenue_budget = 2_000_000, transition_fund = 0 }")
)


def updated(folder, name="one.toml", text=None, **files):
    """Run a case and update its figures; return the update."""
    for file, content in files.items():
        put(folder, f"{file}.expected.csv", content)
    if text is not None:
        put(folder, name, text)
    return update(run_all([str(folder)], may_lack=True).verdicts)


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_figures_in_the_case_are_replaced_in_place(folder, end):
    """Only wrong figures change; comments, spaces, line ends and right figures stay byte for byte."""
    text = REMARKED.replace("\n", end)
    done = updated(folder, text=text)
    new_text = (
        text.replace("allocation = 199_000 }", "allocation = 200_000 }")
        .replace("above_average = false", "above_average = true")
        .replace("800_001", "800_000")
        .replace("2.26", "2.27")
    )

    assert done.refused == ()
    assert (folder / "one.toml").read_bytes().decode() == new_text
    changes = [change for changes in done.changes.values() for change in changes]
    assert {(change.code, change.column, change.expected, change.got) for change in changes} == {
        ("A", "allocation", "199000", "200000"),
        ("B", "above_average", "false", "true"),
        ("D", "allocation", "800001", "800000"),
        ("", "average_cost_per_head", "2.26", "2.27"),
    }
    assert run_all([str(folder)]).exit_code == 0


@pytest.mark.parametrize(
    "figures",
    [
        'expected."2014/15".A.allocation = 5 # allocation = 5\n',
        "expected.'2014/15'.\"A\" = { 'allocation' = 5 }\n",
        'expected = { "2014/15" = { A = { allocation = 5 }, B = { allocation = 400_000 } } }\n',
        'expected = { "2014/15" = { B = { allocation = 400_000 }, A = { fair_share = 200_000, allocation = 5 } } }\n',
    ],
)
def test_keys_may_be_written_in_any_way(folder, figures):
    """With dotted or quoted keys, or all on one line, A's £5 becomes £200,000 and all other text stays."""
    other_text = case("x", 'rows = "some"\n', origin="regression", figures="")
    done = updated(folder, text=figures + other_text)

    assert done.refused == ()
    new_figures = figures.replace("allocation = 5", "allocation = 200000", 1).replace(
        "'allocation' = 5", "'allocation' = 200000"
    )
    assert (folder / "one.toml").read_bytes().decode() == new_figures + other_text


@pytest.mark.parametrize(
    ("figures", "reason"),
    [
        (
            FIGURES.replace("A = { allocation = 200_000 }", 'A = { allocation = "" }'),
            "2014/15 A allocation was or is a text or a blank; --update writes only numbers",
        ),
        (
            FIGURES.replace("A = { allocation = 200_000 }", 'A = { org_name = "Elder" }'),
            "2014/15 A org_name was or is a text or a blank",
        ),
        (
            FIGURES + "E = { allocation = 5 }\n",
            "the row 2014/15 E is gone, and --update removes no rows in a case file",
        ),
        (FIGURES.partition("D =")[0], "the row 2014/15 D is new, and --update adds no rows in a case file"),
    ],
)
def test_figures_that_cannot_be_replaced_are_refused(folder, figures, reason):
    """Texts, blanks, new and missing rows are refused with a reason, and the file does not change."""
    text = case("x", origin="regression", figures=figures)
    done = updated(folder, text=text)

    assert len(done.refused) == 1
    assert reason in done.refused[0]
    assert "expected_file" in done.refused[0]
    assert (folder / "one.toml").read_bytes().decode() == text


def test_a_text_that_looks_like_a_figure_does_not_change(folder):
    """Only the figure's own line changes from £5 to £200,000, not the same line inside a text."""
    working = 'working = """\n[expected.\'2014/15\']\nA.allocation = 5\n"""\n'
    text = case("x", 'rows = "some"\n', origin="regression", figures="[expected.'2014/15']\nA.allocation = 5\n")
    text = text.replace('working = "By hand."\n', working)
    done = updated(folder, text=text)

    before, _, after = text.rpartition("A.allocation = 5")
    assert done.refused == ()
    assert (folder / "one.toml").read_bytes().decode() == f"{before}A.allocation = 200000{after}"


TABLED = case("x", 'expected_file = "t.expected.csv"\n', origin="regression", figures="")


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_a_table_is_updated_where_it_differs(folder, mark, end):
    """Right rows keep their text and quotes; missing rows are removed, and new rows are added in order."""
    old = f'{mark}year,org_code,"org_name",allocation\n2014/15,A,"Alder","200000"\n2014/15,B,Birch,4\n2014/15,X,Xx,1'
    new = (
        f'{mark}year,org_code,"org_name",allocation\n2014/15,A,"Alder","200000"\n2014/15,B,Birch,400000\n'
        "2014/15,C,Cedar,600000\n2014/15,D,Damson,800000"
    )
    done = updated(folder, text=TABLED, t=old.replace("\n", end))

    assert (folder / "t.expected.csv").read_bytes().decode() == new.replace("\n", end)
    changes = [change for changes in done.changes.values() for change in changes]
    assert [(change.code, change.column, change.expected, change.got) for change in changes] == [
        ("B", "allocation", "4", "400000"),
        ("C", "", None, "a row"),
        ("D", "", None, "a row"),
        ("X", "", "a row", None),
    ]
    assert run_all([str(folder)]).exit_code == 0


def test_a_missing_table_is_written(folder):
    """It has the columns that the case names, or only the answer, for every year and organisation."""
    done = updated(folder, text=TABLED)
    rows = (folder / "t.expected.csv").read_text(encoding="utf-8")
    lines = [f"{year},{code},{share}" for year in ("2014/15", "2015/16") for code, share in SHARES.items()]
    assert done.file_names == ("t.expected.csv",)
    assert rows.splitlines() == ["year,org_code,allocation", *lines]

    put(folder, "two.toml", TABLED.replace("t.exp", "u.exp").replace("origin", "columns = ['org_name']\norigin"))
    update(run_all([str(folder)], may_lack=True).verdicts)
    assert (
        (folder / "u.expected.csv").read_text(encoding="utf-8").startswith("year,org_code,org_name\n2014/15,A,Alder\n")
    )
    assert run_all([str(folder)]).exit_code == 0


@pytest.mark.parametrize("origin", ["published", "worked by hand"])
def test_published_figures_and_those_by_hand_never_change(folder, origin):
    """One such case that fails prevents the whole update, and is named; the regression case does not change."""
    wrong = FIGURES.replace("200_000", "1")
    put(folder, "mine.toml", case("mine", origin=origin, figures=wrong))
    before = {path: path.read_bytes() for path in folder.iterdir()}
    done = updated(folder, text=TABLED, t=TABLE.replace("200000", "1"))

    assert done.refused == (
        (
            f"cases/mine.toml::mine: its figures are {origin}, and --update never changes those; "
            "find out which side is wrong, or choose other cases with -k"
        ),
    )
    assert (folder / "t.expected.csv").read_text(encoding="utf-8") == TABLE.replace("200000", "1")
    assert all(path.read_bytes() == content for path, content in before.items())


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (case("x"), "none of these is a regression case"),
        (case("x", origin="regression", run=CHECKED, figures=HEADS), "the run is wrong, not the figures"),
        (case("x", 'fails = "luck"\n', origin="regression", figures=""), "the run is wrong, not the figures"),
        (case("x", "titel = 1\n", origin="regression"), "cannot be run; correct it first"),
    ],
)
def test_reasons_against_an_update(folder, text, reason):
    """An update is refused without a regression case, and for a failing check, a run that should fail, or an error."""
    done = updated(folder, text=text)

    assert len(done.refused) == (2 if "titel" in text else 1)
    assert reason in done.refused[0]


def test_a_new_row_that_fits_two_files_is_refused(folder):
    """If two files have the year, only a person knows which of them needs the row."""
    first, second = TABLE.partition("2014/15,C")[0], "year,org_code,allocation\n2014/15,C,600000\n"
    text = TABLED.replace('"t.expected.csv"', "['t.expected.csv', 'u.expected.csv']")
    done = updated(folder, text=text, t=first, u=second)

    assert "it is not clear which file needs D of 2014/15" in done.refused[0]


def test_two_cases_that_need_different_figures_in_one_file(folder):
    """A table that two rules use cannot be updated for both."""
    put(folder, "two.toml", TABLED.replace("2_000_000", "1_000_000"))
    done = updated(folder, text=TABLED.replace("2_000_000", "4_000_000"), t=TABLE)

    assert "another case changes t.expected.csv too; use separate files" in done.refused[0]
    assert (folder / "t.expected.csv").read_text(encoding="utf-8") == TABLE


def test_an_update_that_fails_keeps_the_old_file(folder, monkeypatch):
    """If the new table cannot be moved into place, the old one is unchanged and no draft is left."""

    def failing(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", failing)
    with pytest.raises(OutputError, match="No space left"):
        updated(folder, text=TABLED, t=TABLE.replace("200000", "1"))

    assert (folder / "t.expected.csv").read_text(encoding="utf-8") == TABLE.replace("200000", "1")
    assert not list(folder.glob(".*"))


# The command line ---------------------------------------------------------------------------------------------


def answer(folder, *arguments, **env):
    """Run `gpit test` in the folder above the cases, in this process, which is faster."""
    encoding = env.pop("PYTHONIOENCODING", "utf-8")
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding, newline="\n") for _ in range(2))
    with (
        chdir(folder.parent),
        patch.dict(os.environ, {"CI": "", **env}),
        patch.object(sys, "argv", ["gpit", "test", *arguments]),
        redirect_stdout(out),
        redirect_stderr(err),
        pytest.raises(SystemExit) as left,
    ):
        main()
    out.flush()
    err.flush()
    return SimpleNamespace(returncode=left.value.code, stdout=out.buffer.getvalue(), stderr=err.buffer.getvalue())


def test_exit_codes(folder):
    """The exit code is 0 if all is well, 2 if a case has an error, else 1 if a figure differs."""
    put(folder, "one.toml", case("one"))
    assert answer(folder, "cases").returncode == 0
    put(folder, "two.toml", case("two", figures=FIGURES.replace("200_000", "1")))
    assert answer(folder, "cases").returncode == 1
    put(folder, "three.toml", "[case")
    done = gpit("test", "cases", folder=folder.parent)
    assert done.returncode == 2
    assert done.stderr == b""
    assert "3 cases: 1 ok, 1 failed and 1 error." in words(done.stdout)
    assert "Worked by hand 1 of 2 ok." in words(done.stdout)


@pytest.mark.slow
def test_the_same_words_twice(tmp_path):
    """Two runs of a copied folder print and write the same bytes: no time, no folder of the machine."""
    outputs = set()
    for place in ("one", "two"):
        (tmp_path / place).mkdir()
        cases = every_sort(tmp_path / place / "cases")
        plainly = gpit("test", "cases", "--junit", "out.xml", folder=tmp_path / place)
        document = gpit("test", str(cases), "--json", folder=tmp_path / place)
        junit = (cases.parent / "out.xml").read_bytes()
        outputs.add((plainly.stdout, document.stdout, junit))
        assert plainly.returncode == document.returncode == 2
        assert str(tmp_path).encode() not in plainly.stdout + document.stdout + junit

    assert len(outputs) == 1


SCREENS = [slow("utf-8", 80), ("cp1252", 80), ("ascii", 60), slow("utf-8", 120)]


@functools.cache
def allocations():
    """Return the answers for the sample, row by row."""
    return [
        (row["year"], row["org_code"], int(row["allocation"]))
        for row in allocate(sample=True).rows.iter_rows(named=True)
    ]


def england(folder, more=0):
    """Write a case of the whole sample, its allocations too large by `more`, with a title that is hard to show."""
    rows = [
        {"year": year, "org_code": code, "allocation": allocation + more} for year, code, allocation in allocations()
    ]
    write_rows(folder / "t.expected.csv", rows)
    text = case("one", 'expected_file = "t.expected.csv"\n', run="[run]\nsample = true\n", figures="")
    put(folder, "one.toml", text.replace("Case", "Été 測試" * 9))


@pytest.mark.parametrize(("encoding", "columns"), SCREENS)
def test_screens(folder, encoding, columns):
    """On every console, 422 rows that differ are shown as ten, with all digits and no line too long."""
    england(folder, more=1)
    done = answer(folder, "cases", PYTHONIOENCODING=encoding, COLUMNS=str(columns))
    lines = done.stdout.decode(encoding).splitlines()

    assert done.returncode == 1
    assert sum("2014/15" in line or "2015/16" in line for line in lines) == 10
    assert max(map(len, lines)) <= min(columns, 100)
    assert "422 of 422 figures differ." in words(done.stdout)
    assert "and 412 more; --json gives all" in words(done.stdout)


def test_figures_too_long_for_a_table(folder):
    """If a table does not fit, each difference is a line, with every digit of its figures."""
    figures = FIGURES.replace("A = { allocation = 200_000 }", f"A = {{ allocation = {'1' * 40}.{'2' * 40} }}")
    put(folder, "one.toml", case("one", figures=figures))
    done = answer(folder, "cases")

    assert "A allocation: expected" in words(done.stdout)
    assert "1" * 40 + "." + "2" * 40 in "".join(done.stdout.decode().split()).replace(",", "")
    assert max(map(len, done.stdout.decode().splitlines())) <= 80


def test_updating_by_command(folder):
    """`--update` shows the old and new figures; then the case is ok, and a second update writes nothing."""
    put(folder, "one.toml", TABLED)
    put(folder, "t.expected.csv", TABLE.replace("200000", "199000"))
    first, second = answer(folder, "cases", "--update"), answer(folder, "cases", "--update")

    assert (first.returncode, second.returncode) == (0, 0)
    assert "2014/15 A allocation 199,000 200,000" in words(first.stdout)
    assert "Written: t.expected.csv." in words(first.stdout)
    assert "Nothing to write." in words(second.stdout)


@pytest.mark.parametrize(
    ("value", "refused"), [("true", True), ("1", True), ("0", False), ("False", False), ("", False)]
)
def test_ci_writes_nothing(folder, value, refused):
    """If CI is set, `--update` is refused: the machine that judges a change must not make it."""
    put(folder, "one.toml", TABLED)
    put(folder, "t.expected.csv", TABLE.replace("200000", "1"))
    done = answer(folder, "cases", "--update", CI=value)

    assert done.returncode == (2 if refused else 0)
    assert ((folder / "t.expected.csv").read_text(encoding="utf-8") == TABLE) == (not refused)


def test_a_refused_update_is_an_error(folder):
    """The verdicts are on the screen, the reason is an error, and `--json` still prints one document."""
    put(folder, "one.toml", case("one", figures=FIGURES.replace("200_000", "1")))
    done = answer(folder, "cases", "--update")
    document = json.loads(answer(folder, "cases", "--update", "--json").stdout.decode())

    assert done.returncode == 2
    assert b"FAILED  cases/one.toml::one" in done.stdout
    assert b"gpit: error: --update: cases/one.toml::one: its figures are worked by hand" in done.stderr
    assert len(document["update"]["refused"]) == 2
    assert document["update"]["written"] == []


WRONG_OPTIONS = {
    ("--junit", "cases"): "is a folder",
    ("--junit", "no/out.xml"): "there is no folder no",
    ("--junit", "out.txt"): "give it the ending .xml",
    ("--update", "--stop"): "leave out --stop",
    ("-k", "no-such-case"): "no match in the id or title",
}


@pytest.mark.parametrize("arguments", WRONG_OPTIONS)
def test_wrong_options_are_refused(folder, arguments):
    """A wrong option gives exit code 2, one line, and nothing on standard output."""
    put(folder, "one.toml", case("one"))
    done = answer(folder, "cases", *arguments)

    assert done.returncode == 2
    assert WRONG_OPTIONS[arguments] in words(done.stderr)
    assert done.stdout == b""
    assert len(done.stderr.decode().splitlines()) == 1


def test_json_has_every_difference(folder):
    """The JSON document has all 422 differences of the sample, as texts with every digit."""
    england(folder, more=1)
    document = json.loads(answer(folder, "cases", "--json").stdout.decode())
    (only,) = document["cases"]

    assert document["schema"] == "gpit-test/1"
    assert (only["verdict"], only["origin"], len(only["differences"])) == ("failed", "worked by hand", 422)
    assert {difference["difference"] for difference in only["differences"]} == {"-1"}
    assert document["counts"]["failed"] == 1
    assert document["origins"][1] == {"origin": "worked by hand", "cases": 1, "ok": 0, "failed": 1, "faults": 0}


def test_help_loads_nothing_heavy(tmp_path):
    """`gpit test --help` answers without polars, lxml or rich."""
    heavy = "{'polars','lxml','rich.console','openpyxl','xlsxwriter'}"
    code = (
        "import sys; sys.argv=['gpit','test','--help']\nfrom gpit_fairshare.cli import _run\n"
        f"_run()\nprint(sorted({heavy} & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False, cwd=tmp_path)

    assert done.stderr.decode().strip().splitlines()[-1] == "[]"


# JUnit --------------------------------------------------------------------------------------------------------

# The format that CI servers read: https://github.com/jenkinsci/xunit-plugin (junit-10.xsd), without unused parts.
JUNIT = """<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema">
<xs:complexType name="reason" mixed="true">
  <xs:attribute name="message" type="xs:string"/><xs:attribute name="type" type="xs:string" use="required"/>
</xs:complexType>
<xs:attributeGroup name="counts">
  <xs:attribute name="name" type="xs:string" use="required"/>
  <xs:attribute name="tests" type="xs:nonNegativeInteger" use="required"/>
  <xs:attribute name="failures" type="xs:nonNegativeInteger" use="required"/>
  <xs:attribute name="errors" type="xs:nonNegativeInteger" use="required"/>
</xs:attributeGroup>
<xs:element name="testsuites"><xs:complexType><xs:sequence>
  <xs:element name="testsuite" maxOccurs="unbounded"><xs:complexType><xs:sequence>
    <xs:element name="testcase" minOccurs="0" maxOccurs="unbounded"><xs:complexType><xs:choice minOccurs="0">
      <xs:element name="failure" type="reason"/><xs:element name="error" type="reason"/>
    </xs:choice>
      <xs:attribute name="classname" type="xs:string" use="required"/>
      <xs:attribute name="name" type="xs:string" use="required"/>
    </xs:complexType></xs:element>
  </xs:sequence><xs:attributeGroup ref="counts"/></xs:complexType></xs:element>
</xs:sequence><xs:attributeGroup ref="counts"/></xs:complexType></xs:element>
</xs:schema>"""


def test_junit_is_what_ci_servers_read(tmp_path):
    """Counts and verdicts are those of the run; a figure that differs is a failure, a case that cannot run an error."""
    cases = every_sort(tmp_path / "cases")
    answer(cases, "cases", "--junit", "out.xml")
    root = etree.fromstring((tmp_path / "out.xml").read_bytes())
    etree.XMLSchema(etree.fromstring(JUNIT)).assertValid(root)
    tags_by_file = {entry.get("classname"): [reason.tag for reason in entry] for entry in root.iter("testcase")}
    tags = {"ok": [], "failed": ["failure"], "fault": ["error"], "unused": ["failure"]}

    assert tags_by_file == {
        f"cases/{name}": tags[outcome] for name, (_, outcome) in OF_EVERY_SORT.items() if outcome in tags
    }
    for suite in (root, root[0]):
        assert int(suite.get("tests")) == len(tags_by_file)
        assert int(suite.get("failures")) == list(tags_by_file.values()).count(["failure"])
        assert int(suite.get("errors")) == list(tags_by_file.values()).count(["error"])


def test_junit_of_texts_that_xml_does_not_allow(folder):
    """Characters of XML syntax are texts in the document, and U+FFFF, which XML does not allow, is escaped."""
    hostile = 'a < b & "c" ]]> \uffff \U0001f600'
    text = case("one", figures=FIGURES.replace("200_000", "1")).replace("Case one", hostile.replace('"', '\\"'))
    put(folder, "one.toml", text)
    done = answer(folder, "cases", "--junit", "out.xml", PYTHONIOENCODING="cp1252")
    (failure,) = etree.fromstring((folder.parent / "out.xml").read_bytes()).iter("failure")

    assert done.returncode == 1
    assert 'a < b & "c" ]]> ' in failure.text
    assert "\uffff" not in failure.text
    assert "\U0001f600" in failure.text


def test_a_case_of_a_scheme_without_years(tmp_path):
    """A case gives the years that the scheme does not have: of £1,000 for 100 and 300 people, £250 and £750."""
    write_rows(
        tmp_path / "p.csv",
        [{"org_code": "A", "registered_population": 100}, {"org_code": "B", "registered_population": 300}],
    )
    (tmp_path / "neutral.toml").write_text(
        '[case]\nname = "neutral"\ntitle = "Two"\norigin = "worked by hand"\nworking = "A quarter of £1,000."\n'
        '[run]\nscheme = "fair-share"\npopulation = "p.csv"\nyears = "2025/26"\n[run.set]\nrevenue_budget = 1_000\n'
        '[expected."2025/26"]\nA = { allocation = 250 }\nB = { allocation = 750 }\n',
        encoding="utf-8",
    )

    assert run_all([str(tmp_path / "neutral.toml")]).exit_code == 0


def test_a_key_of_a_case_in_the_wrong_table(tmp_path):
    """A file of expected figures is named in [case]: at the top or under [run], the message says so."""
    for head in ('expected_file = "x.csv"\n[case]\n', '[run]\nexpected_file = "x.csv"\n[case]\n'):
        (tmp_path / "a.toml").write_text(f'{head}name = "a"\ntitle = "A"\norigin = "regression"\n', encoding="utf-8")
        (verdict,) = run_all([str(tmp_path / "a.toml")]).verdicts

        assert "unknown key expected_file; did you mean" in verdict.reasons[0]
        assert "expected_file in [case]?" in verdict.reasons[0]
