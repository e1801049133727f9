"""An unknown name of any kind gets the nearest known one, in one line."""

from __future__ import annotations

import shlex
import sys

import pytest

from gpit_fairshare import cli
from gpit_fairshare.scheme.library import library_names
from gpit_fairshare.scheme.method import library_entries
from gpit_fairshare.words import near_names
from running import ABCD_PEOPLE, ABCD_SPEND, population_file, spend_file
from tiers import slow


def run(command: str, monkeypatch, capsys) -> tuple[int, str, str]:
    """Run a command in this process; return its exit code and what it printed."""
    monkeypatch.setattr(sys, "argv", shlex.split(command))
    code = cli._run()
    printed = capsys.readouterr()
    return code, printed.out, printed.err


UNKNOWN = [
    ("gpit alocate", "No such command 'alocate'. Did you mean 'allocate', 'reallocate'?"),
    ("gpit help", "No such command 'help'; gpit --help lists all"),
    ("gpit library lst", "No such command 'lst'. Did you mean 'list'?"),
    ("gpit allocate --populaton x", "No such option: --populaton; did you mean --population?"),
    ("gpit allocate --quite", "No such option: --quite; did you mean --quiet?"),
    ("gpit allocate -z", "No such option: -z; gpit allocate --help lists all"),
    ("gpit solve x --for balanced --between 0 --sample", "--between: expected A B; found 0"),
    ("gpit solve x --for=balanced --between=0 --sample", "--between: expected A B; found 0"),
    ("gpit solve x --sample --between -5%", "--between: expected A B; found -5%"),
    ("gpit solve x --for --between 0 1", "--for: expected FORMULA; found nothing"),
    ("gpit allocate -o --sample", "-o: expected FILE; found nothing"),
    ("gpit sweep --sample --vary", "--vary: expected NAME=VALUES; found nothing"),
    ("gpit library list --wrong-thing", "No such option: --wrong-thing; gpit library list --help lists all"),
    ("gpit library show floor", "did you mean floor-and-ceiling or floor-damping?; gpit library list shows all names"),
    ("gpit library show rules.tml", "did you mean rules.toml?"),
    ("gpit library show ruels.toml", "there is no such file; did you mean rules.toml?"),
    ("gpit allocate --sample --scheme gpit-2014-2016", "not in the library; did you mean gpit-2014-16"),
    ("gpit library new x --from florr-and-ceiling", "did you mean floor-and-ceiling"),
    ("gpit compare before.xlsx after.xslx", "did you mean .xlsx?"),
    ("gpit verify spedn.csv", "there is no such file; did you mean spend.csv or people.csv?"),
    ("gpit allocate --sample --set revenue_budgt=1", "did you mean revenue_budget?"),
    ("gpit allocate --population people.csv --spend spend.csv --unit historic_spnd=£m", "did you mean historic_spend?"),
    slow("gpit explain 0OC --sample", "there is no CCG 0OC; did you mean 00C"),
    slow("gpit explain 00C --sample --step fair_shar", "did you mean fair_share"),
    slow("gpit explain 00C --sample --year 2013/14", "the scheme has the years 2014/15, 2015/16"),
]  # fmt: skip


@pytest.mark.parametrize(("command", "expected"), UNKNOWN)
def test_the_nearest_name(command, expected, tmp_path, monkeypatch, capsys):
    """One line on standard error says what is near, or where all names are listed; the exit code is 2."""
    population_file(tmp_path, ABCD_PEOPLE, "people.csv")
    spend_file(tmp_path, ABCD_SPEND)
    (tmp_path / "rules.toml").touch()
    monkeypatch.chdir(tmp_path)

    code, printed, problems = run(command, monkeypatch, capsys)

    assert (code, printed) == (2, "")
    assert expected in problems
    assert len(problems.splitlines()) == 1


def test_characters_that_look_alike():
    """O and 0, I, l and 1 are one character in a comparison, so the code that was meant is the first."""
    codes = ["10C", "09C", "00C", "15A", "1L5"]

    assert near_names("0OC", codes)[0] == "00C"
    assert near_names("ooc", codes)[0] == "00C"
    assert near_names("I5A", codes)[0] == "15A"
    assert near_names("115", codes)[0] == "1L5"


def test_a_word_of_a_name():
    """A whole word of a longer name finds it, if no name is similar as a whole."""
    names = ["floor-and-ceiling", "floor-damping", "unit-rate"]

    assert near_names("floor", names) == ["floor-and-ceiling", "floor-damping"]
    assert near_names("flo", names) == []
    assert near_names("unit-rat", names) == ["unit-rate"]


SEARCHES = [
    # by hand, from the text of library/transitions/floor-damping.toml
    (["floor-damp"], {"floor-damping"}),  # its name
    (["SCALING back gains"], {"floor-damping"}),  # its title
    (["police and fire"], {"floor-damping"}),  # its note
    (["total gains above the floors"], {"floor-damping"}),  # the label of a step
    (["floor-damp", "police"], {"floor-damping"}),
    (["floor-damp", "zebra"], set()),
]


@pytest.mark.parametrize(("words", "expected"), SEARCHES)
def test_search_of_the_library(words, expected):
    """Every word must be in the name, title, notes or labels of a file; capitals do not count."""
    assert {entry.name for entry in library_entries("transition", words)} == expected


def test_search_without_a_match(monkeypatch, capsys):
    """Nothing found is no error: one line says so, with the nearest words; the JSON document has no files."""
    code, printed, problems = run("gpit library list ceilng", monkeypatch, capsys)

    assert (code, problems) == (0, "")
    assert " ".join(printed.split()).startswith(
        "No file has ceilng in its name, title, notes or labels; did you mean ceiling"
    )
    assert run("gpit library list zebra --json", monkeypatch, capsys)[1].count('"name"') == 0


def test_search_shows_the_table(monkeypatch, capsys):
    """The files found are listed as in the whole list, and no others."""
    code, printed, _ = run("gpit library list damping --kind transition", monkeypatch, capsys)

    assert code == 0
    assert "floor-damping " in printed
    assert all(name not in printed for name in library_names("formula"))
