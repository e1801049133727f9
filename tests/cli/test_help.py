"""What `--help` and `--version` print, and what a shell completes."""

from __future__ import annotations

import importlib.metadata
import os
import re
import shlex
import subprocess
import sys

import pytest
from typer.main import get_command

from gpit_fairshare import cli, plugins
from gpit_fairshare.cli import help as help_texts
from gpit_fairshare.cli.help import DOCS, VERBS
from gpit_fairshare.scheme.library import library_names
from rows_of_people import people_file, weights_file
from running import ROOT, gpit, write_rows
from tiers import slow_but

ROOT_COMMAND = get_command(cli.app)
PATHS = {
    "gpit",
    *(f"gpit {verb}" for verb in ROOT_COMMAND.commands),
    *(f"gpit library {verb}" for verb in ROOT_COMMAND.commands["library"].commands),
}
EXAMPLES = {path: [f"{path} {words}".rstrip() for words in verb[1:]] for path, verb in VERBS.items()}
EVERY_EXAMPLE = [example for examples in EXAMPLES.values() for example in examples]
FAST = [
    example for example in EVERY_EXAMPLE if example.startswith(("gpit init", "gpit library show", "gpit library new"))
]
PRACTICES = [
    {"practice_code": "A81001", "CCG code": "00C", "list_size": 6000, "records_access": "40%"},
    {"practice_code": "B82001", "CCG code": "00D", "list_size": 8000, "records_access": "5%"},
]
ALLOCATIONS = [{"org_code": code, "year": "2014/15", "allocation": 1000} for code in "AB"]
FORECASTS = [{"org_code": "A", "forecast_outturn": 900}, {"org_code": "B", "forecast_outturn": 1100}]


def run(command: str, monkeypatch, capsys) -> tuple[int, str, str]:
    """Run a command in this process; return its exit code and what it printed."""
    monkeypatch.setattr(sys, "argv", shlex.split(command))
    try:
        code = cli._run()
    except SystemExit as leaving:
        code = leaving.code
    printed = capsys.readouterr()
    return code, printed.out, printed.err


def help_of(path: str, monkeypatch, capsys) -> str:
    """The help of a verb at 80 columns."""
    monkeypatch.setenv("COLUMNS", "80")
    code, printed, _ = run(f"{path} --help", monkeypatch, capsys)
    assert code == 0
    return printed


@pytest.mark.parametrize("path", sorted(PATHS))
def test_help_ends_with_two_examples_and_its_page(path, monkeypatch, capsys):
    """Every help ends with two commands of its verb, each on one line of 80 columns, and the address of its page."""
    lines = help_of(path, monkeypatch, capsys).splitlines()
    page, _, anchor = VERBS[path].page.partition("#")
    headings = re.findall(r"^#+ (.+)$", (ROOT / "docs" / page).read_text(encoding="utf-8"), re.MULTILINE)

    assert lines[-5] == "Examples:"
    assert [line.strip() for line in lines[-4:-2]] == EXAMPLES[path]
    assert lines[-1] == f"Docs: {DOCS}/{VERBS[path].page}"
    assert all(len(line) <= 80 for line in lines[:-1])
    assert anchor in ["", *(heading.lower().replace(" ", "-") for heading in headings)]


@pytest.mark.parametrize("path", ["gpit", "gpit library"])
def test_short_helps_are_whole_sentences(path, monkeypatch, capsys):
    """Each verb in a list has one whole sentence on its line, in the order of the table of docs/commands.md."""
    listed = help_of(path, monkeypatch, capsys).split("Commands:\n")[1].split("\n\n")[0].splitlines()
    pairs = [line.split(maxsplit=1) for line in listed]
    table = (ROOT / "docs" / "commands.md").read_text(encoding="utf-8").split("| verb |")[1].split("\n\n")[0]

    assert len(pairs) == sum(other.rpartition(" ")[0] == path for other in PATHS)
    assert all(re.fullmatch(r"[A-Z][^.]*\.", sentence) for _, sentence in pairs)
    assert path != "gpit" or [verb for verb, _ in pairs] == re.findall(r"^\| `(\w+)`", table, re.MULTILINE)


def test_summaries_are_the_first_sentences_of_the_verbs():
    """The line of a verb in `gpit --help`, which loads no verb, is the first sentence of the verb's own help."""
    first_sentences = {name: verb.help.splitlines()[0] for name, verb in ROOT_COMMAND.commands.items()}

    assert first_sentences == help_texts._SUMMARIES


def test_help_loads_no_verb(tmp_path):
    """`gpit --help` loads neither a module of a verb nor the options of a run."""
    code = (
        "import sys; sys.argv = ['gpit', '--help']\nfrom gpit_fairshare.cli import _run\n_run()\n"
        "print(sorted(name for name in sys.modules if name.startswith('gpit_fairshare')), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, check=True, text=True)
    names = ("", ".cli", ".cli.help", ".cli.output", ".errors", ".reports", ".reports.formats", ".words")

    assert done.stderr.strip() == str([f"gpit_fairshare{name}" for name in names])


@pytest.mark.parametrize("path", ["gpit allocate", "gpit check", "gpit compare", "gpit explain", "gpit maturity"])
def test_many_options_are_in_groups(path, monkeypatch, capsys):
    """Files come before everything else, and only --help has no group."""
    headings = re.findall(r"^(\w.*):$", help_of(path, monkeypatch, capsys), re.MULTILINE)
    others = help_of(path, monkeypatch, capsys).split("Other options:\n")[1].split("\n\n")[0]

    assert next(heading for heading in headings if heading != "Arguments") == "Input files"
    assert " ".join(others.split()) == "-h, --help Show this message and exit."


def test_an_option_without_a_group_is_shown(monkeypatch, capsys):
    """An option that is new, and in no group yet, is among the other options instead of missing."""
    groups = {heading: flags for heading, flags in help_texts._GROUPS.items() if heading != "Screen"}
    monkeypatch.setattr(help_texts, "_GROUPS", groups)

    others = help_of("gpit allocate", monkeypatch, capsys).split("Other options:\n")[1]

    assert "--table " in others


@pytest.fixture(scope="module")
def folder_of_examples(tmp_path_factory):
    """A folder of `gpit init`, with the results and files that examples name."""
    folder = tmp_path_factory.mktemp("examples")
    assert gpit("init", ".", folder=folder).returncode == 0
    (folder / "gpit.toml").unlink()  # its scheme is not one for the sample
    for name, more in (("before.xlsx", ()), ("after.xlsx", ("--transition", "none"))):
        assert gpit("allocate", "--sample", "-o", name, *more, folder=folder).returncode == 0
    assert gpit("allocate", "--sample", "-o", "result.csv", "--manifest", folder=folder).returncode == 0
    write_rows(folder / "practices.csv", PRACTICES)
    write_rows(folder / "allocations.csv", ALLOCATIONS)
    write_rows(folder / "forecast.csv", FORECASTS)
    people_file(folder, [("A", 47, "male"), ("B", 90, "female")])
    weights_file(folder)
    (folder / "result.xlsx").write_bytes((folder / "before.xlsx").read_bytes())
    return folder


@pytest.mark.parametrize("example", FAST)
def test_examples_of_the_library_and_of_init_run(example, tmp_path, monkeypatch, capsys):
    """They run as written, in any folder."""
    monkeypatch.chdir(tmp_path)

    code, printed, problems = run(example, monkeypatch, capsys)

    assert (code, problems) == (0, "")
    assert printed


@pytest.mark.slow
@pytest.mark.parametrize("example", [example for example in EVERY_EXAMPLE if example not in FAST])
def test_examples_run(example, folder_of_examples):
    """Each example runs as written, on the sample, on the files of `gpit init`, or on those that its page shows."""
    done = subprocess.run(
        [sys.executable, "-m", "gpit_fairshare", *shlex.split(example)[1:]],
        cwd=folder_of_examples,
        capture_output=True,
        check=False,
        timeout=120,
    )

    # A comparison that finds differences is 1.
    assert (done.returncode, done.stderr.decode()) == (int(example.startswith("gpit compare")), "")
    assert done.stdout


def test_version_has_what_a_bug_report_needs(monkeypatch, capsys):
    """After `gpit X.Y.Z` come Python, the system, and every library whose version can change a run or its texts."""
    code, printed, _ = run("gpit --version", monkeypatch, capsys)
    lines = printed.splitlines()
    libraries = ("polars", "python-calamine", "XlsxWriter", "typer", "pydantic", "rich", "openpyxl")

    assert code == 0
    assert lines[0] == f"gpit {importlib.metadata.version('gpit-fairshare')}"
    assert lines[1].startswith(f"Python {sys.version.split()[0]}, ")
    assert [entry for line in lines[2:4] for entry in line.split(", ")] == [
        f"{name} {importlib.metadata.version(name)}" for name in libraries
    ]
    assert lines[4:] == ["Plug-ins: none"]


def test_version_names_plugins(monkeypatch, capsys):
    """A package with a plug-in is named once with its version; with --no-plugins the line says that none is used."""
    added = plugins.Plugin(plugins.LIBRARY, "rules", "rules", "rules-of-ours", "1.2")
    monkeypatch.setattr(plugins, "_installed", lambda _group, _path: (added,))

    assert run("gpit --version", monkeypatch, capsys)[1].splitlines()[4:] == ["Plug-ins: rules-of-ours 1.2"]
    assert run("gpit --no-plugins --version", monkeypatch, capsys)[1].splitlines()[4:] == [
        "Plug-ins: left out by --no-plugins"
    ]


def test_a_bug_asks_for_the_versions(monkeypatch, capsys):
    """The line about a bug of gpit, with exit code 3, says how to report it."""
    monkeypatch.setattr(cli, "app", lambda **_: 1 / 0)

    code, _, problems = run("gpit allocate", monkeypatch, capsys)

    assert code == 3
    assert problems.endswith("; run again with --debug, and report it with the lines of gpit --version\n")


COMPLETIONS = [
    ("gpit allo", ["allocate"]),
    ("gpit allocate --s", ["--spend", "--scheme", "--set", "--sample", "--sort"]),
    ("gpit library ", ["list", "show", "new", "schema", "check"]),
    ("gpit allocate --scheme ", [*library_names("scheme"), "mine.toml"]),
    ("gpit allocate --transition floor", ["floor-and-ceiling", "floor-damping"]),
    ("gpit check --formula need", ["need-index"]),
    ("gpit compare gpit-2014", ["gpit-2014-16", "gpit-2014-16-cost-above-funding", "gpit-2014-16-streams"]),
    ("gpit compare gpit-2014-16 mine", ["mine.toml"]),
    ("gpit library show floor", ["floor-and-ceiling", "floor-damping"]),
    ("gpit library show --kind scheme maturity", ["maturity-index"]),
    ("gpit library show --kind formula maturity", []),
    ("gpit library new mine --from unit", ["unit-rate"]),
    ("gpit library list --kind ", ["formula", "transition", "scheme"]),
    ("gpit allocate --sort p", ["percent", "per-head"]),
    ("gpit explain A --format ", ["text", "markdown"]),
    ("gpit allocate --population ", []),
]


@pytest.mark.parametrize(("line", "expected"), COMPLETIONS)
def test_completion(line, expected, tmp_path, monkeypatch, capsys):
    """Bash is offered verbs, options, names of the library, rule files here, and words; else it offers files."""
    (tmp_path / "mine.toml").touch()
    (tmp_path / "gpit.toml").touch()  # defaults, not a rule
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("_GPIT_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", line)
    monkeypatch.setenv("COMP_CWORD", str(len(line.split(" ")) - 1))

    code, printed, problems = run("gpit", monkeypatch, capsys)

    assert (code, problems) == (0, "")
    assert sorted(printed.split()) == sorted(expected)


def test_completion_loads_nothing_heavy(tmp_path):
    """Names of the library are offered without polars, pydantic's models, or XlsxWriter."""
    code = (
        "import sys; sys.argv = ['gpit']\nfrom gpit_fairshare.cli import _run\n"
        "try:\n    _run()\nexcept SystemExit:\n"
        "    print(sorted({'polars', 'lxml', 'xlsxwriter', 'rich'} & {*sys.modules}))"
    )
    asked = {"_GPIT_COMPLETE": "complete_bash", "COMP_WORDS": "gpit allocate --scheme maturity", "COMP_CWORD": "3"}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env={**os.environ, **asked}, capture_output=True, check=True
    )

    assert done.stdout.decode().split("\n")[:2] == ["maturity-index", "[]"]


@pytest.mark.parametrize("shell", slow_but(["zsh"], ["bash", "zsh", "fish", "powershell", "pwsh"]))
def test_scripts_of_shells(shell, tmp_path):
    """Every shell that typer knows gets a script that asks gpit."""
    done = gpit(folder=tmp_path, env={"_GPIT_COMPLETE": f"source_{shell}"})

    assert done.returncode == 0
    assert "_GPIT_COMPLETE" in done.stdout.decode()
