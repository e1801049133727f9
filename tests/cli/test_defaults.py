"""`gpit.toml` in the current folder gives options that then need not be typed.

Four organisations with 100,000, 200,000, 300,000 and 400,000 patients share £140,000,000 as fair shares: 1/10, 2/10,
3/10 and 4/10 of it.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import sys
from contextlib import redirect_stderr, redirect_stdout

import openpyxl
import pytest

from gpit_fairshare import UsageError, allocate, verify
from gpit_fairshare.cli import _run
from gpit_fairshare.cli.defaults import read_defaults
from gpit_fairshare.run_options import OPTIONS
from running import ABCD_PEOPLE, ABCD_SPEND, population_file, spend_file, write_rows
from tiers import slow, slow_but

FILES = 'population = "population.csv"\nspend = ["spend.csv"]\n'
TARGETS = {"A": 14_000_000, "B": 28_000_000, "C": 42_000_000, "D": 56_000_000}
"""Fair shares of £140,000,000, the revenue budget of 2014/15."""


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """The current folder, with a population file and a spend file."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    population_file(tmp_path, ABCD_PEOPLE)
    spend_file(tmp_path, ABCD_SPEND)
    return tmp_path


def defaults(folder, text):
    """Write `gpit.toml` into a folder."""
    (folder / "gpit.toml").write_text(text, encoding="utf-8")


def typed(*words):
    """Run a command in this process; return its exit code, what it printed, and its messages."""
    output = io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True)
    messages = io.StringIO()
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(output), redirect_stderr(messages):
        patch.setattr(sys, "argv", ["gpit", *map(str, words)])
        code = _run()
    return code, output.buffer.getvalue().decode(), messages.getvalue()


def refused(*words):
    """Run a command that is refused with exit code 2, nothing on standard output and one line; return this line."""
    code, output, messages = typed(*words)
    assert (code, output, messages.count("\n")) == (2, "", 1)
    return messages.strip().removeprefix("gpit: error: ")


def run_json(*words):
    """Run `gpit allocate --json` and return its document."""
    code, output, messages = typed("allocate", "--json", *words)
    assert code == 0, messages
    return json.loads(output)


def fair_shares(document):
    """The fair share of each organisation in 2014/15."""
    return {row["org_code"]: row["fair_share"] for row in document["rows"] if row["year"] == "2014/15"}


# What the file gives ----------------------------------------------------------------------------------------


def test_files_and_scheme_need_not_be_typed(folder):
    """With population, spend and scheme in the file, `gpit allocate` alone gives the figures worked by hand."""
    defaults(folder, f'{FILES}scheme = "gpit-2014-16"\n')

    document = run_json()

    assert fair_shares(document) == TARGETS
    assert document["manifest"]["run"]["population"] == ["population.csv"]
    assert document["manifest"]["run"]["scheme"] == "gpit-2014-16"


def test_headings_and_units_need_not_be_typed(folder):
    """`[map]` names the column of a heading, even one with =, and `[unit]` its unit: £500,000 is 500 in £000."""
    rows = [{"ICB=Code": code, "GP IT cost": cost / 1000} for code, cost in ABCD_SPEND.items()]
    write_rows(folder / "costs.csv", rows)
    tables = '[map]\n"ICB=Code" = "org_code"\n"GP IT cost" = "historic_spend"\n[unit]\n"GP IT cost" = "£000"\n'
    defaults(folder, f'population = "population.csv"\nspend = "costs.csv"\n{tables}')

    document = run_json()

    spend = {row["org_code"]: row["historic_spend"] for row in document["rows"] if row["year"] == "2014/15"}
    assert spend == ABCD_SPEND
    assert document["manifest"]["run"]["map"] == {"GP IT cost": "historic_spend", "ICB=Code": "org_code"}
    assert document["manifest"]["run"]["unit"] == {"GP IT cost": "£000"}


def test_a_scheme_file_starts_from_the_folder(folder):
    """A path of a scheme is that of a file below the folder."""
    (folder / "rules").mkdir()
    scheme = '[scheme]\nname = "own"\ntitle = "Own"\norganisation = "CCG"\nyears = ["2014/15"]\nresult = "answer"\n'
    step = '[[steps]]\nname = "answer"\nlabel = "Answer"\nformula = "registered_population * 2"\n'
    (folder / "rules" / "own.toml").write_text(f"{scheme}{step}", encoding="utf-8")
    defaults(folder, 'population = "population.csv"\nscheme = "rules/own.toml"\n')

    assert [row["answer"] for row in run_json()["rows"]] == [200_000, 400_000, 600_000, 800_000]


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (("allocate",), "Defaults from gpit.toml: population, spend and scheme."),
        slow(("check",), "Defaults from gpit.toml: population, spend and scheme."),
        slow(("explain", "A", "--year", "2014/15"), "Defaults from gpit.toml: population, spend and scheme."),
        # The sides of a comparison are schemes of their own.
        slow(("compare", "gpit-2014-16", "gpit-2014-16"), "Defaults from gpit.toml: population and spend."),
        slow(("allocate", "--population", "population.csv"), "Defaults from gpit.toml: spend and scheme."),
    ],
)
def test_a_report_says_which_defaults_it_used(words, line, folder):
    """Screen and document name the keys that were used, on a line of its own near the top."""
    defaults(folder, f'{FILES}scheme = "gpit-2014-16"\n')

    code, output, _ = typed(*words, "-o", "report.md")

    assert code == 0
    assert line in output.splitlines()[:6]
    assert line in (folder / "report.md").read_text("utf-8").splitlines()[:6]


@pytest.mark.slow
def test_the_manifest_records_the_file(folder):
    """It has the name, the SHA-256 and the used keys of the file, and nothing if no key is used; so has the sheet."""
    text = f'{FILES}scheme = "gpit-2014-16"\n'
    defaults(folder, text)
    digest = hashlib.sha256(text.encode()).hexdigest()
    code, _, _ = typed("allocate", "--scheme", "gpit-2014-16", "-o", "out.json", "-o", "out.xlsx")
    sheet = openpyxl.load_workbook(folder / "out.xlsx", read_only=True)["Manifest"]

    assert code == 0
    manifest = json.loads((folder / "out.json").read_text("utf-8"))["manifest"]
    assert manifest["defaults"] == {"file": "gpit.toml", "sha256": digest, "keys": ["population", "spend"]}
    assert ("Defaults gpit.toml", f"population and spend; SHA-256 {digest}") in sheet.iter_rows(values_only=True)
    defaults(folder, 'scheme = "gpit-2014-16"\n')
    files = ("--population", "population.csv", "--spend", "spend.csv", "--scheme", "gpit-2014-16")
    assert run_json(*files)["manifest"]["defaults"] is None


# Options replace keys ---------------------------------------------------------------------------------------


def test_an_option_replaces_the_whole_key(folder):
    """`--map` sets the whole table aside, with a heading that is in no file, and `--population` every file."""
    write_rows(folder / "spend.csv", [{"Org": code, "historic_spend": cost} for code, cost in ABCD_SPEND.items()])
    defaults(folder, 'population = ["gone.csv", "lost.csv"]\nspend = "spend.csv"\n[map]\nAbsent = "org_code"\n')

    document = run_json("--population", "population.csv", "--map", "Org=org_code")

    assert fair_shares(document) == TARGETS
    assert document["manifest"]["run"]["map"] == {"Org": "org_code"}
    assert document["manifest"]["defaults"]["keys"] == ["spend"]


def test_the_default_scheme_typed_replaces_the_scheme(folder):
    """`--scheme gpit-2014-16` replaces the key although it is the default, and the command to type next keeps it."""
    defaults(folder, f'{FILES}scheme = "no-such-scheme"\n')

    _, output, _ = typed("allocate", "--scheme", "gpit-2014-16")

    assert "gpit explain D --scheme gpit-2014-16" in output
    assert "Defaults from gpit.toml: population and spend." in output


@pytest.mark.slow
def test_the_command_to_type_next_leaves_the_defaults_out(folder):
    """It runs in the same folder, so it has only what was typed: here a setting."""
    defaults(folder, f'{FILES}scheme = "gpit-2014-16"\n')

    _, output, _ = typed("allocate", "--set", "support_share=0")

    assert "gpit explain D --set support_share=0" in output.replace("\n  ", " ")


@pytest.mark.slow
def test_the_sample_has_its_own_files(folder):
    """With `--sample` only the scheme counts, so that files that do not exist, headings and units do not matter."""
    others = '[map]\nAbsent = "org_code"\n[unit]\nAbsent = "£m"\n'
    defaults(folder, f'population = "gone.csv"\nspend = "gone.csv"\nscheme = "gpit-2014-16"\n{others}')

    code, output, _ = typed("check", "--sample")

    assert code == 0
    assert "Defaults from gpit.toml: scheme." in output


# Who ignores the file ---------------------------------------------------------------------------------------


@pytest.mark.slow
def test_results_are_read_without_it(folder):
    """A broken file stops no command that only reads results: explain, compare, verify; the rerun has all options."""
    defaults(folder, f"{FILES}[map]\nregistered_population = 'registered_population'\n")
    assert typed("allocate", "-o", "out.json", "-q")[0] == 0
    defaults(folder, "population = ")

    assert typed("explain", "A", "--result", "out.json")[0] == 0
    code, output, _ = typed("compare", "out.json", "out.json")
    assert code == 0
    assert "gpit.toml" not in output
    assert typed("verify", "out.json")[:2] == (0, "out.json: verified. Running it again gives the same file.\n")
    assert typed("allocate", "--help")[0] == 0
    assert refused("allocate").startswith("gpit.toml: line 1")


@pytest.mark.slow
def test_an_edited_entry_of_the_manifest_is_not_verified(folder):
    """A key more in the manifest's entry is a difference; an entry of another shape is refused in one line."""
    defaults(folder, FILES)
    assert typed("allocate", "-o", "out.json", "-q")[0] == 0
    document = json.loads((folder / "out.json").read_text("utf-8"))
    document["manifest"]["defaults"]["approved_by"] = "me"
    (folder / "out.json").write_text(json.dumps(document), encoding="utf-8")

    assert not verify(folder / "out.json").verified
    document["manifest"]["defaults"] = "population"
    (folder / "out.json").write_text(json.dumps(document), encoding="utf-8")
    with pytest.raises(UsageError, match=r"^out\.json: this version of gpit cannot read its manifest \(defaults: "):
        verify(folder / "out.json")


def test_only_the_command_line_reads_it(folder):
    """A function does not depend on the current folder, and a command not on the folder above."""
    defaults(folder, FILES)
    with pytest.raises(UsageError, match="no input file is given"):
        allocate()
    (folder / "below").mkdir()
    os.chdir(folder / "below")

    assert "no input file is given" in refused("allocate")


@pytest.mark.parametrize("verb", slow_but(["maturity"], ["maturity", "reallocate"]))
def test_other_files_do_not_use_its_headings(verb, folder):
    """`gpit reallocate` and `gpit maturity` read other files: a broken `gpit.toml` does not stop them."""
    defaults(folder, "population = ")
    files = (
        ("--allocation", "gone.csv", "--forecast", "gone.csv") if verb == "reallocate" else ("--indicators", "gone.csv")
    )

    assert refused(verb, *files).startswith("gone.csv: there is no such file")


# Errors -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            'population = "a.csv\n',
            "gpit.toml: line 1, column 20: not valid TOML: a text in quotes does not end on its line",
        ),
        ('populaton = "a.csv"', "gpit.toml: unknown key populaton; did you mean population?"),
        ("leave_out = []", "gpit.toml: unknown key leave_out; known keys are population, spend, scheme, map, unit"),
        ("population = 3", "gpit.toml: population: expected a text in quotes, or a list of texts"),
        ('population = ["a.csv", 4]', "gpit.toml: population › number 2: expected a text in quotes; found 4"),
        ('population = ""', "gpit.toml: population: is empty; write a text"),
        ('scheme = ["a"]', "gpit.toml: scheme: expected a text in quotes; found a list"),
        ('map = "org_code"', "gpit.toml: map: expected a table; found 'org_code'"),
        ("[unit]\nCost = 1000", "gpit.toml: unit › Cost: expected a text in quotes; found 1000"),
    ],
)
def test_a_wrong_key_or_value_is_named(text, message, folder):
    """The error has the line, or the key, what was expected, and what was found."""
    defaults(folder, text)

    with pytest.raises(UsageError, match=f"^{re.escape(message)}$"):
        read_defaults()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        slow("", "no input file is given; use --population FILE and --spend FILE, or --sample"),
        slow('population = "peple.csv"', "gpit.toml: population: peple.csv: there is no such file"),
        ('spend = "spnd.csv"', "gpit.toml: spend: spnd.csv: there is no such file; did you mean spend.csv?"),
        slow(
            'spend = "./spnd.xlsx:All"', "gpit.toml: spend: spnd.xlsx: there is no such file; did you mean spend.csv?"
        ),
        slow('spend = "spend.csv:All"', "gpit.toml: spend: spend.csv:All: a .csv file has no sheets; remove ':All'"),
        (
            f'{FILES}scheme = "gpit-2014-61"',
            "gpit.toml: scheme gpit-2014-61: not in the library; did you mean gpit-2014-16",
        ),
        slow(f'{FILES}scheme = "x/y.toml"', "gpit.toml: scheme x/y.toml: there is no such file"),
        (
            f'{FILES}[map]\n"Org kode" = "org_code"',
            "gpit.toml: map 'Org kode=org_code': no file has the heading 'Org kode'; did you mean org_code?",
        ),
        slow(f'{FILES}[unit]\nCost = "£m"', "gpit.toml: unit 'Cost=£m': no file has the heading 'Cost'"),
        slow(f'{FILES}[unit]\nCost = "bn"', "gpit.toml: unit 'Cost=bn': 'bn' is not a known unit"),
    ],
)
def test_errors_name_the_file_and_the_key(text, message, folder):
    """Each error about a value is one line that begins with the file and the key that gives it."""
    defaults(folder, text)

    assert refused("allocate").startswith(message)


@pytest.mark.slow
def test_an_error_about_a_typed_option_names_the_option(folder):
    """A heading that was typed is named with `--unit`, although the file has another table."""
    defaults(folder, f'{FILES}[unit]\nCost = "£m"')

    assert refused("allocate", "--unit", "Costs=£m").startswith("--unit 'Costs=£m': no file has the heading 'Costs'")


def make_folder(path):
    """Make a folder."""
    path.mkdir()


def make_dangling_link(path):
    """Make a link to a file that does not exist."""
    path.symlink_to("nowhere.toml")


def make_large(path):
    """Write 10 MB."""
    path.write_text("#" * 10_000_000, encoding="utf-8")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (make_folder, "gpit.toml: cannot be read (is a folder)"),
        (make_dangling_link, "gpit.toml: cannot be read (No such file or directory)"),
        (make_large, "gpit.toml: is larger than 1,000,000 bytes; expected a short file of options"),
        (
            lambda path: path.write_bytes(b'spend = "\xa3.csv"'),
            "gpit.toml: byte 10 is not UTF-8; save the file as UTF-8",
        ),
    ],
)
def test_a_file_that_cannot_be_used_is_one_line(make, message, folder):
    """A folder, a link that leads nowhere, 10 MB, and another encoding are each refused in one line."""
    make(folder / "gpit.toml")

    with pytest.raises(UsageError, match=f"^{re.escape(message)}$"):
        read_defaults()


def test_a_link_to_a_file_is_read(folder):
    """A link to another file gives what that file has."""
    (folder / "shared.toml").write_text(FILES, encoding="utf-8")
    (folder / "gpit.toml").symlink_to("shared.toml")

    assert sorted(read_defaults().values) == ["population", "spend"]


def test_five_options_may_be_given():
    """The file may give the files, the scheme, and how their headings are read."""
    keys = [option.key for option in OPTIONS.values() if option.in_defaults]

    assert keys == ["population", "spend", "scheme", "map", "unit"]
