"""The plug-in of pytest: the verdicts are those of `gpit test`, and suites without cases are not affected."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tomllib
from importlib import import_module
from pathlib import Path

import pytest
from lxml import etree

from casefolders import OF_EVERY_SORT, TABLE, case, every_sort, inputs
from gpit_fairshare.cases.suite import run_all
from gpit_fairshare.reports.cases import verdict_text
from running import ROOT, gpit

# By the module's name, even if an installation registers it: pytest must not load one module under two names.
LOADED = ("-p", "no:gpit_fairshare", "-p", "gpit_fairshare.pytest_plugin")


def suite(folder, *arguments, loaded=LOADED, path=()):
    """Run pytest in a folder, with warnings as errors and without settings of a project."""
    (folder / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
    places = [str(ROOT / "src"), *map(str, path), *filter(None, [os.environ.get("PYTHONPATH")])]
    return subprocess.run(
        [sys.executable, "-W", "error", "-m", "pytest", "-p", "no:cacheprovider", "-W", "error", *loaded, *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(places), "COLUMNS": "80", "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        check=False,
        encoding="utf-8",
    )


def reported(folder):
    """Return each test of the JUnit file that pytest wrote: its file and name, and the text of its failure."""
    root = etree.fromstring((folder / "out.xml").read_bytes())
    return {
        (entry.get("classname"), entry.get("name")): "".join(failure.text for failure in entry.iter("failure", "error"))
        for entry in root.iter("testcase")
    }


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    """Run a folder of cases of every kind with pytest and with `gpit test`."""
    folder = tmp_path_factory.mktemp("both")
    every_sort(folder / "cases")
    done = suite(folder, "cases", "--junitxml=out.xml")
    document = json.loads(gpit("test", "cases", "--json", folder=folder).stdout.decode())
    return folder, done, document


@pytest.mark.slow
def test_the_verdicts_are_those_of_gpit_test(both):
    """For every case and file a test passes in pytest exactly if it is ok in `gpit test`."""
    folder, _, document = both
    tests = {
        (entry["file"].replace("/", ".").removesuffix(".toml"), entry["name"] or "cannot be read"): entry["verdict"]
        == "ok"
        for entry in document["cases"]
    }
    tests |= {(file.replace("/", "."), "used by a case"): False for file in document["unused"]}
    passes = {(place.removesuffix(".toml"), name): not text for (place, name), text in reported(folder).items()}

    assert len(tests) == sum(verdict != "used" for _, verdict in OF_EVERY_SORT.values()) >= 12
    assert passes == tests


@pytest.mark.slow
def test_failures_are_those_of_gpit_test(both, monkeypatch):
    """A failure has the text of `gpit test`, including the table, and no traceback."""
    folder, done, _ = both
    monkeypatch.chdir(folder)
    texts = [verdict_text(verdict) for verdict in run_all(["cases"]).verdicts if verdict.outcome != "ok"]
    failures = [text for text in reported(folder).values() if text]

    assert done.returncode == 1
    assert sorted(failures) == sorted(
        [*texts, "cases/unused.expected.csv: No case uses this file of expected figures."]
    )
    assert all(text in done.stdout for text in texts)
    assert "2014/15  D     allocation   800,001  800,000          -1          0" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr
    assert ".py:" not in done.stdout


@pytest.mark.slow
def test_selecting_cases_and_single_files(both):
    """Options of pytest select cases, and do not make files unused that other cases use."""
    folder, _, _ = both
    chosen = suite(folder, "cases", "-k", "tabled or sound", "-q")
    named = suite(folder, "cases/a-pound.toml", "cases/sound.toml::sound", "-q")

    assert "2 passed" in chosen.stdout
    assert "1 failed, 1 passed in" in named.stdout


@pytest.mark.slow
def test_several_processes(both):
    """With pytest-xdist the verdicts are the same."""
    folder, done, _ = both
    counts = [line for line in done.stdout.splitlines() if " failed, " in line][-1].split(" in ")[0].strip("= ")
    again = suite(folder, "cases", "-n", "2", "-q")

    assert counts in again.stdout


@pytest.mark.slow
def test_a_suite_without_cases_is_left_alone(tmp_path):
    """Other TOML files, even broken ones, and a `*.expected.csv` far from any case are not tests."""
    texts = {
        "pyproject.toml": "[tool.other]\ncase = 1\n",
        "broken.toml": "[other\n",
        "scalar.toml": 'case = "upper"\n',
        "data.expected.csv": "a,b\n",
        "test_it.py": "def test_it():\n    pass\n",
    }
    for name, text in texts.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    done = suite(tmp_path, "-v")

    assert "1 passed" in done.stdout
    assert done.returncode == 0


@pytest.mark.slow
def test_a_file_that_no_case_uses_any_more(tmp_path):
    """In the folder of a case, or below it, the file is a test that fails; in a folder without a case it is not a test.

    pytest reports as many tests collected as run: the case, and two files.
    """
    cases = inputs(tmp_path / "cases")
    text = case("one", 'expected_file = "used.expected.csv"\n', figures="")
    (cases / "one.toml").write_text(text, encoding="utf-8")
    (cases / "used.expected.csv").write_text(TABLE, encoding="utf-8")
    for place in (tmp_path, cases, cases / "deep"):
        place.mkdir(exist_ok=True)
        (place / "x.expected.csv").write_text(TABLE, encoding="utf-8")
    done = suite(tmp_path, "--junitxml=out.xml")

    assert done.returncode == 1
    assert "collected 3 items\n" in done.stdout
    assert "2 failed, 1 passed in" in done.stdout
    assert {place for place, name in reported(tmp_path) if name == "used by a case"} == {
        "cases.x.expected.csv",
        "cases.deep.x.expected.csv",
    }


def test_it_loads_nothing_heavy():
    """The plug-in is loaded for every suite on the machine, so it loads only the standard library and pytest."""
    heavy = ("polars", "pydantic", "typer", "rich", "lxml", "openpyxl", "xlsxwriter", "python_calamine")
    code = f"import gpit_fairshare.pytest_plugin, sys; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, encoding="utf-8")

    assert done.stdout.strip() == "[]"


@pytest.fixture
def installed(tmp_path):
    """Return a folder for Python's path where the plug-in is registered as by an installation."""
    place = tmp_path / "site" / "somebody-1.dist-info"
    place.mkdir(parents=True)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    entries = "".join(f"{name} = {value}\n" for name, value in project["entry-points"]["pytest11"].items())
    (place / "METADATA").write_text("Metadata-Version: 2.1\nName: somebody\nVersion: 1\n", encoding="utf-8")
    (place / "entry_points.txt").write_text(f"[pytest11]\n{entries}", encoding="utf-8")
    return place.parent


@pytest.mark.slow
def test_an_installation_registers_it(tmp_path, installed):
    """An installed plug-in is active; `-p no:gpit_fairshare` disables it; loading it as a module works too."""
    cases = inputs(tmp_path / "cases")
    (cases / "one.toml").write_text(case("one"), encoding="utf-8")
    registered = suite(tmp_path, "cases", "-q", loaded=(), path=[installed])
    without = suite(tmp_path, "cases", "-q", loaded=("-p", "no:gpit_fairshare"), path=[installed])
    as_module = suite(tmp_path, "cases", "-q", path=[installed])

    assert "1 passed" in registered.stdout
    assert without.returncode == 5  # no test was found
    assert "1 passed" in as_module.stdout


def test_the_project_registers_it():
    """The entry point names a module that collects files."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    ((name, value),) = project["entry-points"]["pytest11"].items()

    assert name == "gpit_fairshare"
    assert callable(import_module(value).pytest_collect_file)


def test_the_projects_own_cases_are_collected(request):
    """`tests/cases` has published figures and figures by hand, which run in this suite through the plug-in."""
    files = sorted(path.name for path in Path(ROOT, "tests", "cases").glob("*.toml"))

    assert import_module("gpit_fairshare.pytest_plugin") in request.config.pluginmanager.get_plugins()
    assert {"abcd-by-hand.toml", "england-costs-2013.toml", "targets-2013-14.toml"} <= set(files)
