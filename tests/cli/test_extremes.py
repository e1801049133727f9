"""Extreme numbers, faulty plug-ins and large crosswalks end with one line and exit code 2, or with the answer."""

import json
import os
import signal
import subprocess
import sys
import time
from datetime import date, timedelta
from fractions import Fraction

import openpyxl
import pytest

from extremes import endings, people_book, run
from folders import SAMPLES
from gpit_fairshare import allocate
from gpit_fairshare.inputs.mergers.crosswalk import Crosswalk, Succession, contradictions
from plugging import example, package
from running import ROOT, write_rows
from tiers import slow, slow_but

POPULATION, SPEND = SAMPLES / "abcd-population.csv", SAMPLES / "abcd-spend.csv"
ABCD = ("--population", POPULATION, "--spend", SPEND)
BUDGET = ("--set", "revenue_budget=2000000")
PEOPLE = {"A": 100_000, "B": 200_000, "C": 300_000, "D": 400_000}
RULE = """
    [formula]
    name = "hard"
    title = "A weight, and shares by it"
    [parameters.revenue_budget]
    label = "Budget"
    unit = "£"
    [[steps]]
    name = "weight"
    label = "Weight"
    formula = "{weight}"
    unit = "people"
    [[steps]]
    name = "unrounded"
    label = "Share"
    formula = "share_out(revenue_budget, by=weight)"
    [[steps]]
    name = "fair_share"
    label = "Fair share"
    formula = "rounded(unrounded{to})"
"""
CASE = """
    [case]
    name = "hard"
    title = "Hard"
    origin = "worked by hand"
    working = "By hand."
    [run]
    population = "{population}"
    spend = "{spend}"
    formula = "hard.toml"
    transition = "none"
    set = {{ revenue_budget = {budget} }}
    [expected."2014/15"]
    A = {{ allocation = 200000 }}
"""


def lines(text):
    """A file from a text without its indentation."""
    return "\n".join(line.strip() for line in text.splitlines())


def rule(folder, weight="registered_population * 1", to=""):
    """Write a formula file, and return its path."""
    path = folder / "hard.toml"
    path.write_text(lines(RULE.format(weight=weight, to=to)), "utf-8")
    return path


def case(folder, budget="2_000_000"):
    """Write a regression case for the formula, next to the sample's files."""
    for path in (POPULATION, SPEND):
        (folder / path.name).write_bytes(path.read_bytes())
    text = CASE.format(population=POPULATION.name, spend=SPEND.name, budget=budget)
    (folder / "case.toml").write_text(lines(text), "utf-8")
    return folder / "case.toml"


def result(folder):
    """Write the result of the sample, and return the path of its JSON document."""
    assert run("allocate", *ABCD, *BUDGET, "-o", folder / "r.json", "-o", folder / "r.csv").code == 0
    return folder / "r.json"


def answers(folder, patients):
    """Write a workbook of a practice's answers."""
    book = openpyxl.Workbook()
    for row in (("practice_code", "ccg_code", "clinical_safety", "registered_population"), ("A81001", "00C", "yes")):
        book.active.append([*row, patients][:4])
    book.save(folder / "answers.xlsx")
    return folder / "answers.xlsx"


# Numbers: every command that reads one -----------------------------------------------------------------------------


def a_value(folder, number):
    """Commands that set a parameter's value."""
    made = result(folder)
    setting = ("--set", f"revenue_budget={number}")
    forecast = write_rows(folder / "forecast.csv", [{"org_code": code, "forecast_outturn": 1} for code in PEOPLE])
    case(folder, json.dumps(number))
    rule(folder)
    return {
        "allocate": ("allocate", *ABCD, *setting),
        "explain": ("explain", "A", *ABCD, *setting),
        "compare": ("compare", "gpit-2014-16", "gpit-2014-16", *ABCD, *setting),
        "maturity": ("maturity", "--indicators", answers(folder, 100), "--set", f"clinical_safety_weight={number}"),
        "reallocate": ("reallocate", "--allocation", made, "--forecast", forecast, "--tolerance", number),
        "test": ("test", folder / "case.toml"),
    }


def a_cell(folder, number):
    """Commands that read a workbook with a number in a cell."""
    made = result(folder)
    people = people_book(folder / "people.xlsx", list({**PEOPLE, "B": float(number)}.items()), "registered_population")
    forecast = people_book(folder / "forecast.xlsx", list({**PEOPLE, "B": float(number)}.items()), "forecast_outturn")
    files = ("--population", people, "--spend", SPEND)
    return {
        "allocate": ("allocate", *files),
        "check": ("check", *files),
        "compare": ("compare", "gpit-2014-16", "gpit-2014-16", *files),
        "explain": ("explain", "A", *files),
        "maturity": ("maturity", "--indicators", answers(folder, float(number))),
        "reallocate": ("reallocate", "--allocation", made, "--forecast", forecast, "--year", "2014/15"),
    }


def a_literal(folder, number):
    """Commands that read a formula with a number."""
    file = rule(folder, f"registered_population * {number}")
    rules = ("--formula", file)
    return {
        "allocate": ("allocate", *ABCD, *rules),
        "check": ("check", *ABCD, *rules, "--scheme", "gpit-2014-16"),
        "compare": ("compare", "gpit-2014-16", "gpit-2014-16", *ABCD, *rules),
        "explain": ("explain", "A", *ABCD, *rules),
        "test": ("test", case(folder)),
        "library check": ("library", "check", file),
        "library show": ("library", "show", file),
    }


def a_result(folder, number):
    """Commands that read a result with a changed figure."""
    made = result(folder)
    text = made.read_text("utf-8")
    figure = text.index('"allocation": ', text.index('"rows"')) + len('"allocation": ')
    end = min(text.index(sign, figure) for sign in ",\n")
    changed = folder / "changed.json"
    changed.write_text(f"{text[:figure]}{number}{text[end:]}", "utf-8")
    forecast = write_rows(folder / "forecast.csv", [{"org_code": code, "forecast_outturn": 1} for code in PEOPLE])
    return {
        "compare": ("compare", made, changed),
        "explain": ("explain", "A", "--result", changed),
        "reallocate": ("reallocate", "--allocation", changed, "--forecast", forecast, "--year", "2014/15"),
        "verify": ("verify", changed, SAMPLES),
    }


VERBS = {
    a_value: ("allocate", "compare", "explain", "maturity", "reallocate", "test"),
    a_cell: ("allocate", "check", "compare", "explain", "maturity", "reallocate"),
    a_literal: ("allocate", "check", "compare", "explain", "test", "library check", "library show"),
    a_result: ("compare", "explain", "reallocate", "verify"),
}
TOO_LARGE_OR_SMALL = ("1e308", "1e200", "5e-324", "1e-161")
NO_NUMBERS = ("1e400", "NaN", "-Infinity")
TABLE = [
    (accident, number, verb)
    for accident, numbers in (
        (a_value, (*TOO_LARGE_OR_SMALL, *NO_NUMBERS, "-1e308", "0x10", "1/0", "1/3e-320", "1e308%")),
        (a_cell, TOO_LARGE_OR_SMALL),
        (a_literal, (*TOO_LARGE_OR_SMALL, "1e400")),
        (a_result, ("1e308", *NO_NUMBERS)),
    )
    for number in numbers
    for verb in VERBS[accident]
]


QUICK = {("1e308", "allocate"), ("1e308", "explain"), ("1e-161", "verify")}
"""Rows of the table that run in the fast tier, for each kind of number."""


@pytest.mark.parametrize(
    ("accident", "number", "verb"),
    [row if row[1:] in QUICK else slow(*row) for row in TABLE],
    ids=lambda value: getattr(value, "__name__", value),
)
def test_a_number_that_cannot_be_held_is_refused_in_one_line(accident, number, verb, tmp_path):
    """Exit code 2 and one line, for a value, a cell, a literal or a figure of a result.

    `verify` names a figure that the run does not give; what is no number in JSON it refuses as the others do.
    """
    ending = run(*accident(tmp_path, number)[verb])

    assert ending.fault == ""
    assert ending.code == (1 if verb == "verify" and number not in NO_NUMBERS else 2)


def held(folder, to, budget):
    """The outcome of a run that rounds shares of a budget."""
    people = write_rows(
        folder / "p.csv", [{"org_code": code, "registered_population": heads} for code, heads in (("A", 1), ("B", 2))]
    )
    spend = write_rows(folder / "s.csv", [{"org_code": code, "historic_spend": 1} for code in "AB"])
    rules = ("--formula", rule(folder, to=to), "--transition", "none", "--set", f"revenue_budget={budget}")
    files = [word for ending in ("json", "xlsx", "csv") for word in ("-o", folder / f"r.{ending}")]
    return run("allocate", "--population", people, "--spend", spend, *rules, *files)


@pytest.mark.parametrize(
    ("to", "budget"),
    [
        (", to=0.01", "1e17"),
        ("", "1e50"),
        ("", "1e17"),
        (", to=1e-17", "1000"),
        (", to=1e-50", "1"),
        (", to=1000", "1e19"),
    ],
)
def test_money_that_no_float_holds_in_units_of_rounding_is_refused(to, budget, tmp_path):
    """More than 10^15 pennies, pounds or other units exceed a float's digits: the line states the exact limit."""
    ending = held(tmp_path, to, budget)

    assert ending.fault == ""
    assert ending.code == 2
    assert "only; lower it, or round to a larger unit" in ending.messages
    assert not (tmp_path / "r.json").exists()


@pytest.mark.parametrize(
    ("to", "budget", "digits"), [(", to=0.01", 10**13, 2), ("", 10**15, 0), (", to=1000", 10**18, -3)]
)
def test_money_of_as_many_units_as_a_float_holds_is_exact(to, budget, digits, tmp_path):
    """A third and two thirds of 10^15 units: each share is the nearest unit, written with all of its digits."""
    ending = held(tmp_path, to, budget)
    rows = json.loads((tmp_path / "r.json").read_text("utf-8"), parse_float=Fraction, parse_int=Fraction)["rows"]
    shares = [Fraction(row["allocation"]) for row in rows if row["year"] == rows[0]["year"]]

    assert ending.code == 0
    assert shares == [round(Fraction(budget * part, 3), digits) for part in (1, 2)]


@pytest.mark.parametrize("to", ["0", "-1", "1e-300", "1e300"])
def test_a_unit_of_rounding_that_cannot_be_is_refused(to, tmp_path):
    """0, a negative number, and numbers too small or too large for calculations."""
    ending = held(tmp_path, f", to={to}", 1000)

    assert (ending.code, ending.fault) == (2, "")


@pytest.mark.parametrize("weight", ["round({}, 400)", "round({}, -400)", "{} * (1e50 * 1e50)", "{} / 1e-50 / 1e-50"])
def test_a_step_that_comes_to_too_much_is_refused(weight, tmp_path):
    """Digits that `round` does not have, and valid numbers with an invalid product."""
    ending = run("allocate", *ABCD, *BUDGET, "--formula", rule(tmp_path, weight.format("registered_population")))

    assert (ending.code, ending.fault) == (2, "")


def test_a_trace_of_a_number_counts_as_none(tmp_path):
    """A weight of 1e-49 times a thousandth is 0, so nothing can be shared out: one line says so."""
    file = rule(tmp_path, "registered_population * 1e-50 * 1e-9")
    ending = run("allocate", *ABCD, *BUDGET, "--formula", file)

    assert (ending.code, ending.fault) == (2, "")
    assert "every weight weight is 0" in ending.messages


def test_a_result_with_a_trace_of_a_number_is_compared(tmp_path):
    """The smallest float instead of a figure: the change is the whole figure, without a percentage of 0."""
    result(tmp_path)
    text = (tmp_path / "r.csv").read_text("utf-8").splitlines()
    row = dict(zip(text[0].split(","), text[1].split(","), strict=True))
    changed = ",".join({**row, "allocation": "5e-324"}.values())
    (tmp_path / "traces.csv").write_text("\n".join([text[0], changed, *text[2:]]) + "\n", "utf-8")
    ending = run("compare", tmp_path / "traces.csv", tmp_path / "r.csv", "--json")

    assert (ending.code, ending.fault) == (1, "")
    changes = [change for change in json.loads(ending.printed)["rows"] if change["change"]]
    assert [(change["old"], change["new"], change["change_percent"]) for change in changes] == [
        (0, float(row["allocation"]), None)
    ]


@pytest.mark.parametrize("seed", [17, 33, *map(slow, (21, *range(40, 60)))])
def test_no_draw_of_hard_numbers_ends_in_a_bug(seed, tmp_path):
    """Random schemes, values and inputs through allocate, check, compare, explain, reallocate and verify."""
    assert [ending.fault for ending in endings(seed, tmp_path) if ending.fault] == []


# Faulty plug-ins -------------------------------------------------------------------------------------------

CALLED = """
from gpit_fairshare import Function

def halved(x):
    {body}

HALVED = Function(polars=halved, arguments={{"x": None}}, unit="x", words="Half of it.")
"""
AT_IMPORT = {
    "Ctrl-C of its own": "raise KeyboardInterrupt",
    "GeneratorExit": "raise GeneratorExit",
    "BaseException": "class Odd(BaseException):\n    pass\n\nraise Odd('odd')",
    "sys.exit": "import sys\nsys.exit()",
    "RecursionError": "def deeper():\n    deeper()\n\ndeeper()",
    "an error without a text": "class Odd(Exception):\n    def __str__(self):\n        raise ValueError\n\nraise Odd",
}
AT_CALL = {
    "Ctrl-C of its own": "raise KeyboardInterrupt",
    "sys.exit": "raise SystemExit(0)",
    "RecursionError": "return halved(x)",
    "Ctrl-C in a row": "return x.map_elements(lambda _: (_ for _ in ()).throw(KeyboardInterrupt), return_dtype=float)",
    "an exit in a row": "return x.map_elements(lambda _: exit(3), return_dtype=float)",
}
NOISY = {
    "prints": "print('noise')",
    "prints past sys.stdout": "import os, sys\n    sys.__stdout__.write('noise')\n    os.system('echo noise')",
    "warns": "import warnings\n    warnings.warn('noise')\n    warnings.simplefilter('error')",
    "sets the recursion limit": "import sys\n    sys.setrecursionlimit(sys.getrecursionlimit() - 500)",
}


@pytest.fixture
def site(tmp_path, monkeypatch):
    """A folder of installed packages, on the path of this process, with the example package plugged in."""
    place = tmp_path / "site"
    place.mkdir()
    monkeypatch.syspath_prepend(example(place))
    monkeypatch.syspath_prepend(place)
    return place


def verbs_with_a_function(folder):
    """Commands with a formula that uses a plug-in's function, and their allowed exit codes."""
    file = rule(folder, "halved(registered_population)")
    return {
        "allocate": ("allocate", *ABCD, *BUDGET, "--formula", file, "--json"),
        "check": ("check", *ABCD, "--scheme", "gpit-2014-16", "--formula", file, "--json"),
        "compare": ("compare", "gpit-2014-16", "gpit-2014-16", *ABCD, *BUDGET, "--formula-new", file, "--json"),
        "explain": ("explain", "A", *ABCD, *BUDGET, "--formula", file, "--json"),
        "test": ("test", case(folder), "--json"),
        "library check": ("library", "check", file, "--json"),
        "library show": ("library", "show", file, "--json"),
    }


@pytest.mark.parametrize("verb", ["allocate", "check", "compare", "explain", "test", "library check", "library show"])
@pytest.mark.parametrize("accident", slow_but(["Ctrl-C of its own"], AT_IMPORT))
def test_a_plug_in_that_cannot_be_imported_is_a_line_in_every_verb(accident, verb, site, tmp_path):
    """Exit code 2, the name of the package, one JSON document; the plug-in's exception is caught."""
    name = package(site, AT_IMPORT[accident], halved="HALVED")
    ending = run(*verbs_with_a_function(tmp_path)[verb])

    assert (ending.code, ending.fault) == (2, "")
    assert f"plug-in {name} 1.0" in ending.messages + ending.printed


@pytest.mark.parametrize("accident", slow_but(["sys.exit"], AT_IMPORT))
def test_a_plug_in_that_cannot_be_imported_harms_no_other(accident, site, tmp_path):
    """The library lists the files of the other package, and one line names the broken package."""
    name = package(site, AT_IMPORT[accident], halved="HALVED")
    listed, checked = run("library", "list"), run("library", "check", "rural-weight")
    new = run("library", "new", tmp_path / "new.toml", "--from", "rural-weight")

    assert (listed.code, checked.code, new.code) == (0, 0, 0)
    assert "rural-weight" in listed.printed
    assert [line.partition(": function")[0] for line in listed.messages.splitlines()] == [
        f"gpit: warning: plug-in {name} 1.0"
    ]


@pytest.mark.parametrize("verb", ["allocate", "compare", "explain", "test"])
@pytest.mark.parametrize("accident", slow_but(["sys.exit"], AT_CALL))
def test_a_function_that_raises_anything_is_a_line_in_every_verb(accident, verb, site, tmp_path):
    """Exit code 2, with the step, the function and the package; one JSON document."""
    name = package(site, CALLED.format(body=AT_CALL[accident]), halved="HALVED")
    ending = run(*verbs_with_a_function(tmp_path)[verb])

    assert (ending.code, ending.fault) == (2, "")
    assert f"step weight, 2014/15: the function halved of the plug-in {name} 1.0" in ending.messages + ending.printed


@pytest.mark.parametrize("moment", ["import", "call"])
@pytest.mark.slow
@pytest.mark.parametrize("noise", NOISY)
def test_noise_of_a_plug_in_changes_no_answer(noise, moment, site, tmp_path):
    """Standard output is one JSON document, the same as with a quiet function, and no warning is shown."""
    quiet = package(site, CALLED.format(body="return x / 2"), halved="HALVED")
    limit = sys.getrecursionlimit()
    command = verbs_with_a_function(tmp_path)["allocate"]
    expected = rows_of(gpit_in(tmp_path, site, command))
    (site / quiet / "__init__.py").write_text(
        "def noise():\n    "
        + NOISY[noise]
        + "\n"
        + ("noise()\n" if moment == "import" else "")
        + CALLED.format(body="noise()\n    return x / 2" if moment == "call" else "return x / 2"),
        "utf-8",
    )
    done = gpit_in(tmp_path, site, command)

    assert rows_of(done) == expected
    assert b"Warning" not in done.stderr
    assert sys.getrecursionlimit() == limit


def gpit_in(folder, site, command):
    """Run the command line as a program, with the packages of a site."""
    places = os.pathsep.join(map(str, (ROOT / "src", site)))
    return subprocess.run(
        [sys.executable, "-m", "gpit_fairshare", *map(str, command)],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": places},
        capture_output=True,
        check=False,
        timeout=120,
    )


def rows_of(done):
    """The rows of the JSON document, the only output of a run."""
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)["rows"]


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="no signals")
@pytest.mark.parametrize(
    "body", ["time.sleep(60)", "try:\n        time.sleep(60)\n    except KeyboardInterrupt:\n        pass"]
)
def test_ctrl_c_stops_gpit_whatever_a_plug_in_makes_of_it(body, site, tmp_path):
    """A signal during a function call ends the run with 130, even if the function catches it."""
    started = f"open({str(tmp_path / 'started')!r}, 'w').close()"
    package(
        site,
        "import contextlib, time\n" + CALLED.format(body=f"{started}\n    {body}\n    return x / 2"),
        halved="HALVED",
    )
    command = verbs_with_a_function(tmp_path)["allocate"]
    listening = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"
    program = subprocess.Popen(
        [sys.executable, "-c", f"{listening}; from gpit_fairshare.cli import main; main()", *map(str, command)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(map(str, (ROOT / "src", site)))},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    while not (tmp_path / "started").exists():
        time.sleep(0.05)
    program.send_signal(signal.SIGINT)

    printed, _ = program.communicate(timeout=30)
    assert (program.returncode, printed) == (130, b"")


# Crosswalks --------------------------------------------------------------------------------------------------------

FIRST, DAY = date(1990, 1, 1), timedelta(days=1)


class CountedDay(date):
    """A day that counts its comparisons: one for each succession that is checked."""

    compared = 0

    def __ge__(self, other):
        CountedDay.compared += 1
        return date.__ge__(self, other)


class CountedFraction(Fraction):
    """A fraction that counts its multiplications: one for each succession that is followed."""

    products = 0

    def __mul__(self, other):
        CountedFraction.products += 1
        return Fraction.__mul__(self, other)


def diamonds(rows):
    """Splits that merge again, four rows each: D0 splits into B0 and C0, which both become D1, and so on."""
    successions = []
    for number in range(rows // 4):
        day, half = FIRST + 2 * number * DAY, Fraction(1, 2)
        successions += [Succession(f"D{number}", f"{part}{number}", day, fraction=half) for part in "BC"]
        successions += [Succession(f"{part}{number}", f"D{number + 1}", day + DAY) for part in "BC"]
    return successions


def chain(rows):
    """A0 became A1, which became A2, and so on."""
    return [Succession(f"A{number}", f"A{number + 1}", FIRST + number * DAY) for number in range(rows)]


def test_each_succession_is_followed_once():
    """48 rows of splits that merge again end in D12, with 48 products and at most two checks of each row."""
    steps = [step._replace(fraction=CountedFraction(step.fraction)) for step in diamonds(48)]
    walk, until = Crosswalk(steps), CountedDay(2014, 4, 1)
    CountedFraction.products = CountedDay.compared = 0

    assert walk.shares("D0", date.min, until) == {"D12": 1}
    assert CountedFraction.products == 48
    for follow, expected in (
        (lambda: len(walk.mergers("D12", date.min, until)), 36),
        (lambda: walk.missing("D12", until, set()), ["D0"]),
        (lambda: len(walk.origins("D12", until)), 36),
    ):
        CountedDay.compared = 0
        assert follow() == expected
        assert CountedDay.compared <= 2 * 48


def walk_file(folder, steps):
    """Write a crosswalk that also keeps X and Y."""
    rows = [
        {"org_code": step.predecessor, "successor_code": step.successor, "effective_date": step.effective}
        | {"fraction": step.fraction}
        for step in steps
    ]
    rows += [{"org_code": code, "successor_code": code, "effective_date": FIRST, "fraction": 1} for code in "XY"]
    return write_rows(folder / "walk.csv", rows)


@pytest.mark.parametrize("boundaries", [None, "2014/15"])
@pytest.mark.parametrize(("steps", "first", "last"), [(diamonds(1_000), "D0", "D250"), (chain(3_000), "A0", "A3000")])
def test_thousands_of_successions_are_followed_to_the_end(steps, first, last, boundaries, tmp_path):
    """With 1,000 rows of splits that merge again, and a chain of 3,000, the last has the patients of the first."""
    people = {first: 100, "X": 200, "Y": 300}
    rows = [{"org_code": code, "registered_population": heads} for code, heads in people.items()]
    spend = [{"org_code": code, "historic_spend": heads} for code, heads in people.items()]
    options = {"boundaries": boundaries, "crosswalk": walk_file(tmp_path, steps), "with_effects": False}
    files = {"population": write_rows(tmp_path / "p.csv", rows), "spend": write_rows(tmp_path / "s.csv", spend)}
    table = allocate(**files, **options).year("2014/15")

    counted = dict(zip(table["org_code"], table["registered_population"], strict=True))
    assert counted == {last if boundaries else first: 100, "X": 200, "Y": 300}


@pytest.mark.parametrize("verb", slow_but(["check"], ["allocate", "check", "compare", "explain"]))
def test_a_circle_of_thousands_is_refused_in_every_verb(verb, tmp_path):
    """A0 became A1, and so on, and A3000 became A0 again: one error, exit code 2."""
    circle = [*chain(3_000), Succession("A3000", "A0", FIRST + 3_000 * DAY)]
    options = (*ABCD, "--crosswalk", walk_file(tmp_path, circle))
    words = {"compare": ("compare", "gpit-2014-16", "gpit-2014-16"), "explain": ("explain", "A")}.get(verb, (verb,))
    ending = run(*words, *options)

    assert ending.code == 2
    assert "Traceback" not in ending.messages
    assert [len(fault.codes) for fault in contradictions(circle)] == [3_001]


def test_a_long_history_is_counted_after_a_hundred_mergers():
    """The sentence names the first 100 of 150 mergers and counts the others."""
    sentence = Crosswalk(chain(150)).merger_sentence("A150", date.min, date.max)

    assert sentence.startswith("A0 became A1 on 1 January 1990; A1 became A2 on 2 January 1990; ")
    assert sentence.endswith("A99 became A100 on 10 April 1990; and 50 more")
