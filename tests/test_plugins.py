from __future__ import annotations

import json
import os
import re
from fractions import Fraction
from importlib import metadata as installed
from typing import TYPE_CHECKING

import formualizer
import openpyxl
import pytest

from gpit_fairshare import (
    CalculationError,
    GpitError,
    PluginError,
    SchemeError,
    UsageError,
    allocate,
    explain,
    sweep,
    verify,
)
from gpit_fairshare.cli import app
from gpit_fairshare.results.writing import write_json
from gpit_fairshare.scheme.files import library_files, library_problems
from gpit_fairshare.scheme.library import library_names
from gpit_fairshare.workbook.result_workbook import write_workbook
from oracle import rounded
from plugging import EXAMPLE, HALVED, example, package
from running import ROOT, SAMPLES, gpit, words

if TYPE_CHECKING:
    from pathlib import Path

ABCD = {"population": SAMPLES / "abcd-population.csv", "spend": SAMPLES / "abcd-spend.csv", "with_effects": False}
BUDGET = {"revenue_budget": 2_000_000}
PEOPLE = {"A": 100_000, "B": 200_000, "C": 300_000, "D": 400_000}


@pytest.fixture
def site(tmp_path, monkeypatch):
    """A folder of installed packages, on the path of this process."""
    place = tmp_path / "site"
    place.mkdir()
    monkeypatch.syspath_prepend(place)
    return place


@pytest.fixture
def plugged(site, monkeypatch):
    """The installed example package."""
    monkeypatch.syspath_prepend(example(site))
    return site


def formula(text: str, *, unit: str = "people") -> str:
    """Return a formula file whose weight is calculated by a formula."""
    return f"""
[formula]
name = "weighted"
title = "By a weight"
[parameters.revenue_budget]
label = "Budget"
unit = "£"
[[steps]]
name = "weight"
label = "Weight"
unit = "{unit}"
formula = "{text}"
[[steps]]
name = "unrounded_fair_share"
label = "Fair share before rounding"
unit = "£"
formula = "share_out(revenue_budget, by=weight)"
[[steps]]
name = "fair_share"
label = "Fair share"
unit = "£"
formula = "rounded(unrounded_fair_share)"
"""


def run(folder: Path, text: str, **more: object):
    """Run the four organisations with a formula file that has this weight."""
    path = folder / "weighted.toml"
    path.write_text(formula(text, unit=str(more.pop("unit", "people"))), "utf-8")
    return allocate(**ABCD, formula=path, transition="none", settings=BUDGET, **more)


def shares(result) -> list[float]:
    """Return the fair shares of the first year."""
    return result.year("2014/15")["fair_share"].to_list()


# Files and functions of plug-ins --------------------------------------------------------------------------------


@pytest.mark.usefixtures("plugged")
def test_formula_of_a_plug_in_gives_the_figures_calculated_by_hand():
    """Weights are 1 + 10% × (3x² − 2x³), x = 0.6 for A, 0.2 for B and 0 for the others: calculated in fractions."""
    result = allocate(**ABCD, formula="rural-weight", transition="none", settings=BUDGET)
    curve = {code: 3 * x**2 - 2 * x**3 for code, x in (("A", Fraction(3, 5)), ("B", Fraction(1, 5)))}
    weighted = [people * (1 + curve.get(code, 0) / 10) for code, people in PEOPLE.items()]

    assert weighted[:2] == [106_480, 202_080]
    assert shares(result) == rounded([2_000_000 * weight / sum(weighted) for weight in weighted])


@pytest.mark.usefixtures("plugged")
def test_transition_of_a_plug_in_gives_the_figures_calculated_by_hand():
    """With fair shares of £200,000 to £800,000 the changes are −60%, −20%, +33.3% and −2.4%, damped by 1 + size."""
    result = allocate(**ABCD, transition="damped-change", settings=BUDGET)
    old = [Fraction(spend) for spend in (500_000, 500_000, 450_000, 820_000)]
    change = [Fraction(2 * people) / spend - 1 for people, spend in zip(PEOPLE.values(), old, strict=True)]
    weights = [spend * (1 + size / (1 + abs(size))) for spend, size in zip(old, change, strict=True)]
    expected = rounded([2_000_000 * weight / sum(weights) for weight in weights])

    assert result.year("2014/15")["allocation"].to_list() == expected
    assert result.agrees


@pytest.mark.usefixtures("plugged")
def test_manifest_lists_what_was_used():
    """The formula, the transition and both functions are listed with package, version and digest, and nothing else."""
    used = allocate(sample=True, formula="rural-weight", transition="damped-change", with_effects=False)
    plain = allocate(**ABCD, settings=BUDGET)

    assert [
        (plugin["kind"], plugin["name"], plugin["package"], plugin["version"]) for plugin in used.manifest["plugins"]
    ] == [
        (kind, name, "fairshare-example", "1.0")
        for kind, name in (
            ("formula", "rural-weight"),
            ("transition", "damped-change"),
            ("function", "s_curve"),
            ("function", "damped"),
        )
    ]
    assert {len(plugin["digest"]) for plugin in used.manifest["plugins"]} == {64}
    assert plain.manifest["plugins"] == []


@pytest.mark.usefixtures("plugged")
def test_a_sweep_leaves_functions_to_single_runs():
    """Three weights of the function: each scenario has the allocations of a run with that weight."""
    rule = {"formula": "rural-weight", "transition": "none", "settings": BUDGET}
    swept = sweep(**ABCD, **rule, vary=["extra_weight=0%,10%,20%"])

    for number, strength in enumerate(("0%", "10%", "20%"), 1):
        run = allocate(**ABCD, **rule | {"settings": {**BUDGET, "extra_weight": strength}})
        rows = swept.organisations.filter(scenario=number)
        assert rows["allocation"].to_list() == run.rows["allocation"].to_list()


@pytest.mark.usefixtures("plugged")
def test_explanation_shows_the_function():
    """A's line shows the numbers and the result of the function: 3 × 0.36 − 2 × 0.216 is 0.648."""
    result = allocate(**ABCD, formula="rural-weight", transition="none", settings=BUDGET)
    (line,) = [line for line in explain(result, "A", year="2014/15").years[0].lines if line.name == "size_weight"]

    assert line.numbers == "1 + 10% * s_curve(60%)"
    assert line.result == "1.0648"
    assert [note for note in line.notes if note.startswith("s_curve(60%) = 0.648 (plug-in fairshare-example 1.0): A")]


def test_units_go_through_a_function(site, tmp_path):
    """Half of people is people, which fits people and not £; people do not fit an argument in ratios."""
    asked = HALVED.replace('{"x": None}', '{"x": "ratio"}')
    package(site, HALVED, halved="HALVED")
    package(site, asked, ratio_halved="HALVED")

    assert shares(run(tmp_path, "halved(registered_population)")) == [200_000, 400_000, 600_000, 800_000]
    with pytest.raises(SchemeError, match="the formula gives people, but the step's unit is £"):
        run(tmp_path, "halved(registered_population)", unit="£")
    with pytest.raises(SchemeError, match="character 14: ratio_halved takes ratio for x; found people"):
        run(tmp_path, "ratio_halved(registered_population)")
    with pytest.raises(SchemeError, match="halved takes 1 argument, not 2"):
        run(tmp_path, "halved(registered_population, 2)")


def test_a_function_and_a_step_may_share_a_name(site, tmp_path):
    """A step may have the name of a plug-in's function: only the function is followed by a bracket."""
    package(site, HALVED, weight="HALVED")

    assert shares(run(tmp_path, "2 * weight(registered_population)")) == [200_000, 400_000, 600_000, 800_000]


def test_built_in_names_win(site, tmp_path):
    """A plug-in cannot replace a built-in formula or a function of the language."""
    name = package(
        site, HALVED, {"formulas/registered-population.toml": formula("historic_spend", unit="£")}, abs="HALVED"
    )

    assert shares(allocate(**ABCD, transition="none", settings=BUDGET)) == [200_000, 400_000, 600_000, 800_000]
    assert shares(run(tmp_path, "abs(0 - registered_population)")) == [200_000, 400_000, 600_000, 800_000]
    assert [f"plug-in {name} 1.0" in line and "taken by" in line for line in library_problems()] == [True, True]


@pytest.mark.usefixtures("plugged")
def test_built_in_names_do_not_look_for_plug_ins(monkeypatch):
    """A run with only built-in names never asks which packages are installed."""

    def asked(**_group: str) -> None:
        raise AssertionError("looked for plug-ins")

    monkeypatch.setattr(installed, "entry_points", asked)
    monkeypatch.syspath_prepend("elsewhere")  # nothing is known of this path yet

    assert shares(allocate(**ABCD, transition="none", settings=BUDGET)) == [200_000, 400_000, 600_000, 800_000]
    with pytest.raises(AssertionError, match="looked for plug-ins"):
        allocate(**ABCD, formula="rural-weight")


# Without plug-ins -----------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("plugged")
def test_plug_ins_can_be_left_out(tmp_path, monkeypatch):
    """With --no-plugins, before or after the verb, files and functions are not found; later they are."""
    weighted = tmp_path / "weighted.toml"
    weighted.write_text(formula("registered_population * s_curve(1)"), "utf-8")
    monkeypatch.chdir(tmp_path)
    options = ["--sample", "--transition", "none", "-o", "out.csv"]
    for words_ in (
        ["--no-plugins", "allocate", *options, "--formula", "rural-weight"],
        ["allocate", "--no-plugins", *options, "--formula", "rural-weight"],
        ["allocate", *options, "--formula", "weighted.toml", "--no-plugins"],
    ):
        with pytest.raises(GpitError, match=r"(not in the library|no function s_curve).*left out by --no-plugins"):
            app(words_, standalone_mode=False)
    with pytest.raises(UsageError, match="not in the library"):
        allocate(**ABCD, formula="rural-weight", plugins=False)

    assert not (tmp_path / "out.csv").exists()
    assert "rural-weight" in library_names("formula")


# The workbook ---------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def workbook(tmp_path_factory):
    """The workbook of the four organisations with the formula and transition of the example."""
    place = tmp_path_factory.mktemp("workbook")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(place / "site")
        patch.syspath_prepend(example(place / "site"))
        result = allocate(**ABCD, formula="rural-weight", transition="damped-change", settings=BUDGET)
        write_workbook(result, place / "out.xlsx")
    return place / "out.xlsx"


def column(sheet, heading: str) -> list[object]:
    """Return the cells of the four organisations under a heading."""
    place = next(cell.column for cell in sheet[4] if str(cell.value).startswith(heading))
    return [sheet.cell(row, place).value for row in range(5, 9)]


def test_workbook_has_formulas_where_it_can(workbook):
    """`damped` is a formula; `s_curve` has no Excel formula, so its step has values; steps that use it are formulas."""
    sheet = openpyxl.load_workbook(workbook)["2014-15"]
    live = column(sheet, "Damped change (%)"), column(sheet, "Weighted people"), column(sheet, "Allocation (£)")

    assert column(sheet, "Weight for size (ratio; values of the run)") == pytest.approx([1.0648, 1.0104, 1, 1])
    assert all(str(cell).startswith("=") for cells in live for cell in cells)
    assert "/(1+damping_rate_2014_15*ABS(" in str(live[0][0])


def test_workbook_says_which_values_do_not_follow(workbook):
    """About, Method, Findings and Checks name the values; no text says that every figure is live."""
    book = openpyxl.load_workbook(workbook)
    about = {row[0].value: str(row[1].value) for row in book["About"].iter_rows(min_row=5)}
    method = {row[1].value: str(row[5].value) for row in book["Method"].iter_rows(min_row=5)}
    findings = [str(row[4].value) for row in book["Findings"].iter_rows(min_row=5) if row[0].value == "R10"]
    checks = [row[0].value for row in book["Checks"].iter_rows(min_row=5)]

    assert about["Values, not formulas"].startswith("Weight for size: the function s_curve of the plug-in fairshare-ex")
    assert "do not recalculate" in about["Changed since the run"]
    assert "Everything else recalculates, except the values named above, the effects" in about["How to read it"]
    assert "function damped of fairshare-example 1.0" in about["Plug-ins"]
    assert "s_curve" in method["Weight for size"]
    assert [("s_curve" in text, "damped" in text) for text in findings] == [(True, False)]
    assert "No parameter or input was changed since the run" in checks


def test_a_change_fails_a_check_where_values_do_not_follow(workbook):
    """All checks pass in the workbook as written; after a change of a parameter, one does not."""
    cells = openpyxl.load_workbook(workbook)["Parameters"]
    heads = [cell.value for cell in cells[4]]
    row = next(
        row for row in range(5, 20) if "Extra weight" in str(cells.cell(row, 1).value) + str(cells.cell(row, 2).value)
    )
    value = 1 + heads.index("Value")
    verdicts = []
    for change in (None, 0.2):
        book = formualizer.load_workbook(str(workbook))
        if change is not None:
            book.set_value("Parameters", row, value, change)
        book.evaluate_all()
        verdicts.append(book.get_value("Checks", 3, 2))

    assert verdicts == ["pass", "FAIL"]


@pytest.mark.usefixtures("plugged")
def test_a_check_without_excel_keeps_its_result(tmp_path):
    """A check that uses `s_curve` shows its result in the run as a value, and says so."""
    path = tmp_path / "checked.toml"
    check = '[[checks]]\nname = "Curved"\nformula = "s_curve(total(fair_share) / revenue_budget) == 1"\n'
    path.write_text(formula("registered_population") + check, "utf-8")
    result = allocate(**ABCD, formula=path, transition="none", settings=BUDGET)
    write_workbook(result, tmp_path / "out.xlsx")
    rows = openpyxl.load_workbook(tmp_path / "out.xlsx")["Checks"].iter_rows(min_row=5, values_only=True)

    assert next(row for row in rows if row[0] == "Curved")[1:] == (
        "s_curve(total(fair_share) / revenue_budget) == 1 [as in the run, not recalculated]",
        "Check",
        "pass",
        "pass",
        "–",
        "–",
    )


# Verification ---------------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.usefixtures("plugged")
def test_verify_compares_plug_ins_with_those_installed(tmp_path):
    """The same plug-ins give the same bytes; different ones are reported by package, version and function."""
    for source in ("abcd-population.csv", "abcd-spend.csv"):
        (tmp_path / source).write_bytes((SAMPLES / source).read_bytes())
    result = allocate(
        population=tmp_path / "abcd-population.csv",
        spend=tmp_path / "abcd-spend.csv",
        formula="rural-weight",
        settings=BUDGET,
    )
    path = tmp_path / "out.json"
    write_json(result, path)
    same = verify(path)
    document = json.loads(path.read_text("utf-8"))
    for plugin in document["manifest"]["plugins"]:
        plugin["version"] = "0.9"
        plugin["digest"] = "0" * 64
    path.write_text(json.dumps(document), "utf-8")
    other = verify(path)

    assert str(same.verdict) == "same bytes"
    assert [(version.name, version.then) for version in other.versions] == [
        ("plug-in fairshare-example", "0.9"),
        ("function s_curve of fairshare-example", "0" * 64),
    ]
    assert other.versions[0].now == "1.0"
    assert not any(
        difference.place.startswith("manifest.plugins")
        for kind in other.content.counts
        for difference in other.content.kept_of_kind(kind)
    )


def test_verify_names_a_function_that_was_changed(site, tmp_path):
    """A comment added to the module changes no figure: the content is verified, and the function is named."""
    name = package(site, HALVED, halved="HALVED")
    (tmp_path / "weighted.toml").write_text(formula("halved(registered_population)"), "utf-8")
    files = {role: tmp_path / f"abcd-{role}.csv" for role in ("population", "spend")}
    for place in files.values():
        place.write_bytes((SAMPLES / place.name).read_bytes())
    rule = {"formula": tmp_path / "weighted.toml", "transition": "none", "settings": BUDGET}
    write_json(allocate(**files, **rule), tmp_path / "out.json")
    module = site / name / "__init__.py"
    module.write_text(f"{HALVED}# Another comment.\n", "utf-8")
    verification = verify(tmp_path / "out.json")

    assert [version.name for version in verification.versions] == [f"function halved of {name}"]
    assert str(verification.verdict) == "same content"
    assert verification.manifest == ()


def test_a_result_is_not_calculated_with_another_function(site, tmp_path):
    """A result is explained only with its own function, so its figures do not seem changed by hand."""
    name = package(site, HALVED, halved="HALVED")
    (tmp_path / "weighted.toml").write_text(formula("halved(registered_population)"), "utf-8")
    result = allocate(**ABCD, formula=tmp_path / "weighted.toml", transition="none", settings=BUDGET)
    write_json(result, tmp_path / "out.json")

    assert explain(tmp_path / "out.json", "A").years
    (site / name / "__init__.py").write_text(HALVED.replace("x / 2", "x / 3"), "utf-8")
    with pytest.raises(UsageError, match=rf"the function halved of {name} 1.0, but {name} 1.0 has a different one"):
        explain(tmp_path / "out.json", "A")
    document = json.loads((tmp_path / "out.json").read_text("utf-8"))
    document["manifest"]["plugins"][0]["name"] = "quartered"
    (tmp_path / "out.json").write_text(json.dumps(document), "utf-8")
    with pytest.raises(UsageError, match=rf"the function quartered of {name} 1.0, which is not installed"):
        explain(tmp_path / "out.json", "A")


@pytest.mark.slow
def test_output_of_a_plug_in_is_not_in_results(tmp_path):
    """A module that prints while it is imported does not break the JSON document of the run."""
    site = tmp_path / "site"
    package(site, HALVED + "print('NOISE')\n", halved="HALVED")
    (tmp_path / "weighted.toml").write_text(formula("halved(registered_population)"), "utf-8")
    rule = ("--formula", "weighted.toml", "--transition", "none", "--sample", "--json")
    done = gpit("allocate", *rule, folder=tmp_path, env={"PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{site}"})

    assert done.returncode == 0
    assert json.loads(done.stdout)["manifest"]["plugins"][0]["name"] == "halved"
    assert b"NOISE" in done.stderr


@pytest.mark.usefixtures("plugged")
def test_verify_names_a_missing_plug_in(tmp_path, monkeypatch):
    """Without the plug-in the run cannot be repeated, and the message says what to install."""
    result = allocate(sample=True, formula="rural-weight", with_effects=False)
    write_json(result, tmp_path / "out.json")
    monkeypatch.chdir(tmp_path)

    with pytest.raises(UsageError, match=r"rural-weight.*not installed or are switched off: fairshare-example 1.0"):
        app(["--no-plugins", "verify", "out.json"], standalone_mode=False)


# Broken plug-ins ------------------------------------------------------------------------------------------------

BROKEN = {
    "no module": ("raise ValueError('no')\n", {"halved": "HALVED"}, r"cannot be imported \(ValueError: no\)"),
    "leaves": ("raise SystemExit(0)\n", {"halved": "HALVED"}, "cannot be imported"),
    "no object": (HALVED, {"halved": "OTHER"}, "cannot be imported .*OTHER"),
    "no function": ("HALVED = 1\n", {"halved": "HALVED"}, "expected an object of gpit_fairshare.Function, found int"),
    "no Polars": (HALVED.replace("lambda x: x / 2", "None"), {"halved": "HALVED"}, "no Polars rendering"),
    "arguments": (HALVED.replace("lambda x:", "lambda x, y:"), {"halved": "HALVED"}, "does not take the 1 arg"),
    "none": (HALVED.replace('{"x": None}', "{}"), {"halved": "HALVED"}, "1 to 16 names"),
    "unit": (
        HALVED.replace('"x": None', '"x": "pounds"'),
        {"halved": "HALVED"},
        "argument x: expected a name and one of the units",
    ),
    "gives": (HALVED.replace('unit="x"', 'unit="y"'), {"halved": "HALVED"}, "`unit` must be one of"),
    "excel": (HALVED.replace("{x}/2", "{y}/2"), {"halved": "HALVED"}, r"`excel` names \{y\}, which is not an argument"),
    "equals": (HALVED.replace("{x}/2", "={x}/2"), {"halved": "HALVED"}, "without its equals sign"),
    "words": (HALVED.replace("Half of it.", " "), {"halved": "HALVED"}, "`words` must say"),
    "bracket": (HALVED.replace("{x}/2", "({x}/2"), {"halved": "HALVED"}, "a bracket or a quotation mark too many"),
    "quotation": (HALVED.replace('excel="{x}/2"', "excel='{x}&\"x'"), {"halved": "HALVED"}, "quotation mark too many"),
    "lines": (HALVED.replace("{x}/2", "{x}\\n/2"), {"halved": "HALVED"}, "on one line"),
    "name": (HALVED, {"Halved": "HALVED"}, "its name must be up to 64 small letters"),
    "keyword": (HALVED, {"if": "HALVED"}, "its name is a word of the language"),
    "language": (HALVED, {"total": "HALVED"}, "taken by the language"),
}


@pytest.mark.parametrize("fault", BROKEN)
def test_a_broken_function_is_one_line(fault, plugged):
    """The line names the package and the problem; the functions of the other package can be used."""
    module, functions, says = BROKEN[fault]
    name = package(plugged, module, **functions)
    (line,) = library_problems()

    assert line.startswith(f"plug-in {name} 1.0: function {next(iter(functions))}: ")
    assert "\n" not in line
    assert re.search(says, line)
    assert "rural-weight" in library_names("formula")


def test_a_broken_library_is_one_line(plugged):
    """No folder, a file that is not TOML, one of the wrong kind and one with a misspelling have a line each."""
    empty = package(plugged, "", {"other/x.toml": ""})
    texts = {
        "formulas/broken.toml": "[formula",
        "formulas/kind.toml": '[transition]\nname = "n"\ntitle = "t"\n',
        "transitions/slip.toml": '[transition]\nname = "n"\ntitel = "t"\n',
    }
    faulty = package(plugged, "", texts)
    problems = library_problems()

    assert [line.partition(": ")[0] for line in problems] == [f"plug-in {empty} 1.0"] + [f"plug-in {faulty} 1.0"] * 3
    for line, says in zip(problems, ("none of the folders", "broken.toml", "found a transition", "titel"), strict=True):
        assert says in line
    assert {"broken", "rural-weight"} <= set(library_names("formula"))


def test_two_plug_ins_of_one_name(plugged):
    """The first package by name has it; the other's file is reported and left out."""
    text = (EXAMPLE / "fairshare_example" / "library" / "formulas" / "rural-weight.toml").read_text("utf-8")
    name = package(plugged, HALVED, {"formulas/rural-weight.toml": text}, damped="HALVED")

    assert [
        f"plug-in {name} 1.0" in line and "taken by the plug-in fairshare-example" in line
        for line in (library_problems())
    ] == [True, True]


def test_an_unknown_name_lists_broken_plug_ins(site, tmp_path):
    """The message for an unknown name lists the broken plug-ins, which may have it."""
    name = package(site, "import nothing_of_this_name\n", {"formulas/x.toml": ""}, lost="LOST")

    with pytest.raises(
        UsageError, match=rf"formula x: not in the library.*plug-in {name} 1.0: library rules: .*nothing"
    ):
        allocate(**ABCD, formula="x")
    with pytest.raises(SchemeError, match=rf"there is no function lost.*plug-in {name} 1.0: function lost: .*nothing"):
        run(tmp_path, "lost(registered_population)")


@pytest.mark.slow
def test_the_command_line_reports_a_broken_plug_in_and_continues(tmp_path):
    """`library list` prints its list, and the problem on standard error, and exits with 0; a run exits with 2."""
    source = example(tmp_path / "site")
    name = package(tmp_path / "site", "raise ValueError('no')\n", broken="X")
    env = {"PYTHONPATH": os.pathsep.join(map(str, (ROOT / "src", tmp_path / "site", source)))}
    listed = gpit("library", "list", folder=tmp_path, env=env)
    (tmp_path / "weighted.toml").write_text(formula("broken(registered_population)"), "utf-8")
    ran = gpit("allocate", "--sample", "--formula", "weighted.toml", folder=tmp_path, env=env)

    assert listed.returncode == 0
    assert "rural-weight" in listed.stdout.decode()
    assert listed.stderr.decode().rstrip() == (
        f"gpit: warning: plug-in {name} 1.0: function broken: {name}:X cannot be imported (ValueError: no); "
        "fix or uninstall it, or run with --no-plugins"
    )
    assert ran.returncode == 2
    assert "Traceback" not in ran.stderr.decode()
    assert f"plug-in {name} 1.0" in words(ran.stderr)


# Functions with errors ------------------------------------------------------------------------------------------

MISBEHAVING = {
    "raises": ("lambda x: 1 / 0", "raised ZeroDivisionError"),
    "returns a number": ("lambda x: 2", "returned int; expected a Polars expression"),
    "is a total": ("lambda x: x.sum()", "gives 1 values for 4 rows"),
    "looks at the row before": ("lambda x: x.cum_sum()", "may use only its own row"),
    "looks at the total": ("lambda x: x / x.sum()", "may use only its own row"),
    "gives texts": ("lambda x: x.cast(str)", "gives String"),
    "names a column": ("lambda x: __import__('polars').col('no_such_column')", "cannot be calculated"),
    "has another length": ("lambda x: x.filter(x > 150_000)", "gives 3 values for 4 rows"),
}


@pytest.mark.parametrize("fault", MISBEHAVING)
def test_a_function_that_misbehaves_is_an_error(fault, site, tmp_path):
    """The run stops with the step, the year, the function and the package."""
    code, says = MISBEHAVING[fault]
    name = package(site, HALVED.replace("lambda x: x / 2", code), halved="HALVED")

    with pytest.raises(PluginError) as raised:
        run(tmp_path, "1 + halved(registered_population)")
    assert str(raised.value).startswith(
        f"weighted.toml, step weight, 2014/15: the function halved of the plug-in {name}"
    )
    assert says in str(raised.value)
    assert "\n" not in str(raised.value)
    assert raised.value.exit_code == 2


@pytest.mark.parametrize("gives", ["float('nan')", "float('inf')", "None"])
def test_undefined_values_of_a_function(gives, site, tmp_path):
    """Null, NaN and infinite are undefined: the run stops and names the organisation, unless `where` excludes it."""
    code = f"lambda x: __import__('polars').when(x > 100_000).then(x).otherwise({gives})"
    name = package(site, HALVED.replace("lambda x: x / 2", code), high="HALVED")

    with pytest.raises(CalculationError, match=rf"2014/15, A: .*undefined.*no value from the function high.*{name}"):
        run(tmp_path, "high(registered_population)")
    shut_out = "where(registered_population > 100_000, high(registered_population), 100_000)"
    assert shares(run(tmp_path, shut_out)) == [200_000, 400_000, 600_000, 800_000]


def test_a_table_of_a_plugin_has_its_rows_in_a_file_of_the_library(site, tmp_path):
    """A formula of a plug-in may have a CSV file beside it: it is read, and `gpit verify` knows it as the library's."""
    formula = """
[formula]
name = "by-stage"
title = "By stage"
[sources.dfe]
title = "Weights"
[parameters.revenue_budget]
label = "Budget"
unit = "£"
[tables.stage_weight]
label = "Weight by stage"
unit = "ratio"
file = "weights.csv"
[[steps]]
name = "weight"
label = "Weight"
formula = "registered_population * lookup(stage_weight, stage)"
[[steps]]
name = "fair_share"
label = "Fair share"
unit = "£"
formula = "share_out(revenue_budget, by=weight)"
"""
    rows = "key,value,source\nprimary,1,dfe\nsecondary,3,dfe\n"
    package(site, files={"formulas/by-stage.toml": formula, "formulas/weights.csv": rows})
    population = tmp_path / "population.csv"
    population.write_text("org_code,registered_population,stage\nA,100,primary\nB,100,secondary\n", "utf-8")

    options = {"years": ["2014/15"], "settings": {"revenue_budget": 400}}
    result = allocate(population=population, scheme="fair-share", formula="by-stage", **options)

    assert result.rows["allocation"].to_list() == [100, 300]
    digests = {file["file"]: file["sha256"] for file in result.manifest["scheme"]["files"]}
    assert library_files()["weights.csv"] == {digests["weights.csv"]}
