"""`gpit init`: the folder runs at once, its workbooks guide the user, and no file is overwritten."""

from __future__ import annotations

import io
import json
import os
import re
import shlex
import subprocess
import sys
import tomllib
import zipfile
from contextlib import chdir, redirect_stdout
from pathlib import Path

import openpyxl
import pytest

from gpit_fairshare import GpitError, OutputError, UsageError
from gpit_fairshare.cases.suite import run_all
from gpit_fairshare.cli import app
from gpit_fairshare.cli.init import _quoted
from gpit_fairshare.scheme.library import library_names
from gpit_fairshare.scheme.review import review
from gpit_fairshare.templates import COMMAND, FILES, NeutralStart, write_folder
from recalculation import cached_values, recalculate
from running import ROOT, gpit, read_rows, words
from tiers import slow, slow_but

DOCUMENT = ROOT / "docs" / "commands.md"

# Four core sums of £50,000 leave £1.80 a head; above the average of £2.27 a head are A (£5.00) and B (£2.50).
# 2014/15: needs of £270,000 and £90,000 on a fund of £300,000. 2015/16: half of them, in full.
ALLOCATIONS = {
    "2014/15": {"A": 230_000 + 225_000, "B": 410_000 + 75_000, "C": 590_000, "D": 770_000},
    "2015/16": {"A": 230_000 + 135_000, "B": 410_000 + 45_000, "C": 590_000, "D": 770_000},
}


@pytest.fixture
def folder(tmp_path):
    """A folder written by `gpit init`."""
    write_folder(tmp_path / "mine")
    return tmp_path / "mine"


def typed(command: str, *more: str, folder: Path) -> int:
    """Run a command of a text in a folder, in this process."""
    with chdir(folder), redirect_stdout(io.StringIO()):
        return app([*shlex.split(command)[1:], *more], standalone_mode=False)


def allocations(rows) -> dict[str, dict[str, int]]:
    """Return allocations by year and code."""
    amounts: dict[str, dict[str, int]] = {}
    for row in rows:
        amounts.setdefault(row["year"], {})[row["org_code"]] = int(row["allocation"])
    return amounts


def contents(folder: Path) -> dict[str, bytes]:
    """Return every file of a folder, hidden ones too."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def edit(path: Path, old: str, new: str) -> None:
    """Change one place in a text file."""
    text = path.read_text(encoding="utf-8")
    assert text.count(old) == 1
    path.write_text(text.replace(old, new), encoding="utf-8")


# The folder runs -----------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="the commands are typed into bash")
@pytest.mark.parametrize("name", ["demo", slow("été à Évreux"), slow('l\'école "$1" `x`; y')])
def test_what_is_printed_runs_as_it_is_typed(tmp_path, name):
    """The lines after `Next:` give the allocations calculated by hand, for any name of the folder."""
    done = gpit("init", name, folder=tmp_path)
    lines = done.stdout.decode().splitlines()
    command = "\n".join(lines[lines.index("Next:") + 1 :])
    shell = f'set -e\ngpit() {{ "{sys.executable}" -m gpit_fairshare "$@"; }}\n{command} -o out.csv'
    ran = subprocess.run(["bash", "-c", shell], cwd=tmp_path, capture_output=True, check=False)

    assert done.returncode == 0, done.stderr.decode()
    assert all(len(line) <= 80 for line in lines if line != COMMAND)
    assert ran.returncode == 0, ran.stderr.decode()
    assert allocations(read_rows(tmp_path / name / "out.csv")) == ALLOCATIONS
    assert (tmp_path / name / "allocations.xlsx").is_file()


@pytest.mark.slow
def test_every_output_of_the_examples_says_illustrative(folder):
    """All rows of both workbooks are marked illustrative; there is no warning, and all checks pass."""
    assert typed(COMMAND, "-o", "out.json", folder=folder) == 0
    document = json.loads((folder / "out.json").read_text("utf-8"))

    assert [note.split(":")[0] for note in document["illustrative"]] == ["population.xlsx", "spend.xlsx"]
    assert "4 of 4 rows" in document["illustrative"][0]
    assert "7 of 7 rows" in document["illustrative"][1]
    assert {finding["level"] for finding in document["findings"]} == {"note"}
    assert document["agrees"]


@pytest.mark.slow
def test_the_commands_of_the_readme_give_its_figures(folder):
    """Each `gpit allocate` of the folder's README runs, and its two tables match the first two commands."""
    text = (folder / "README.md").read_text(encoding="utf-8")
    commands = re.findall(r"^```\n(gpit allocate .*)\n```$", text, re.MULTILINE)
    rows = re.findall(r"^\| (20\d\d/\d\d) \| (.+) \|$", text, re.MULTILINE)
    tables = [[int(re.sub("[£,]", "", cell)) for cell in cells.split(" | ")] for _, cells in rows]
    calculated = []
    for command in commands:
        assert typed(command, "-o", "out.csv", folder=folder) == 0
        calculated.append([list(year.values()) for year in allocations(read_rows(folder / "out.csv")).values()])

    assert len(commands) == 4
    assert commands[0] == COMMAND
    assert tables == [*calculated[0], *calculated[1]]
    assert calculated[0] == [list(year.values()) for year in ALLOCATIONS.values()]


@pytest.mark.slow
def test_the_readme_shows_what_testing_prints(folder):
    """`gpit test cases` in the new folder prints exactly what the README shows."""
    text = (folder / "README.md").read_text(encoding="utf-8")
    (command,) = re.findall(r"^```\n(gpit test .*)\n```$", text, re.MULTILINE)
    (expected,) = re.findall(r"^```text\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    done = gpit(*shlex.split(command)[1:], folder=folder)

    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.decode().splitlines() == expected.splitlines()


def test_the_readme_names_every_file(folder):
    """Each file is in the README's table; the inputs of the case are mentioned with it."""
    text = (folder / "README.md").read_text(encoding="utf-8")

    assert set(FILES) == set(contents(folder))
    assert all(f"`{name}`" in text for name in FILES if name != "README.md" and not name.endswith(".csv"))


def test_the_templates_suit_the_default_scheme(folder):
    """With `gpit-2014-16`, £140m is shared by population, 1:2:3:4."""
    command = "gpit allocate --population population.xlsx:Population --spend spend.xlsx:Spend --scheme gpit-2014-16"

    assert typed(command, "-o", "out.csv", folder=folder) == 0
    shares = [int(row["fair_share"]) for row in read_rows(folder / "out.csv") if row["year"] == "2014/15"]
    assert shares == [14_000_000, 28_000_000, 42_000_000, 56_000_000]


@pytest.mark.slow
def test_the_transitions_that_the_scheme_offers_work(folder):
    """`none`, with its two values deleted, gives the fair shares; `cost-above-funding` counts D's need too.

    Needs are then £270,000, £90,000 and £50,000, £410,000 in all: D has 50 parts of 410 of the £300,000.
    """
    scheme = folder / "scheme.toml"
    edit(scheme, 'transition = "above-average-cost"', 'transition = "cost-above-funding"')
    assert typed(COMMAND, "-o", "out.csv", folder=folder) == 0
    assert allocations(read_rows(folder / "out.csv"))["2014/15"]["D"] == 770_000 + 36_585

    edit(scheme, 'transition = "cost-above-funding"', 'transition = "none"')
    text = scheme.read_text(encoding="utf-8")
    without = re.sub(r"\[values\.(transition_fund|support_share)\].*?\n\n", "", text, flags=re.DOTALL)
    scheme.write_text(without, encoding="utf-8")
    assert typed(COMMAND, "-o", "out.csv", folder=folder) == 0
    assert list(allocations(read_rows(folder / "out.csv"))["2015/16"].values()) == [230_000, 410_000, 590_000, 770_000]


@pytest.mark.slow
def test_the_weight_that_the_formula_suggests_works(folder):
    """Weighted by need_index as its comment says: 2, 1, 1 and 0.75 make 200,000 : 200,000 : 300,000 : 300,000."""
    book = openpyxl.load_workbook(folder / "population.xlsx")
    for row, value in enumerate(["need_index", 2, 1, 1, 0.75], 1):
        book["Population"].cell(row, 7, value)
    book.save(folder / "population.xlsx")
    remark = "registered_population * need_index"
    edit(folder / "my-formula.toml", 'formula = "registered_population"', f'formula = "{remark}"')

    assert f"#   {remark}\n" in (folder / "my-formula.toml").read_text(encoding="utf-8")
    assert typed(COMMAND, "-o", "out.csv", folder=folder) == 0
    # £1.80 for each of 1,000,000 weighted people, on top of the core sums.
    shares = [int(row["fair_share"]) for row in read_rows(folder / "out.csv") if row["year"] == "2014/15"]
    assert shares == [410_000, 410_000, 590_000, 590_000]


# The case -----------------------------------------------------------------------------------------------------


def differences(folder: Path) -> list[tuple[str, str, str]]:
    """Return year, code and column of each figure of the folder's case that is out of its tolerance."""
    (verdict,) = run_all([str(folder / "cases")]).verdicts
    return [(difference.year, difference.code, difference.column) for difference in verdict.differences]


def test_the_case_holds_and_is_that_of_the_folder(folder):
    """The case is ok, and its allocations are those calculated by hand for the folder's examples."""
    suite = run_all([str(folder / "cases")])
    data = tomllib.loads((folder / "cases" / "first-case.toml").read_text(encoding="utf-8"))
    expected = {
        year: {code: figures["allocation"] for code, figures in organisations.items()}
        for year, organisations in data["expected"].items()
    }

    assert [(verdict.outcome, verdict.origin) for verdict in suite.verdicts] == [("ok", "worked by hand")]
    assert expected == ALLOCATIONS


def test_the_case_holds_with_figures_of_ones_own(folder):
    """Another budget, fund and population in the folder do not affect the case, as its comment says."""
    edit(folder / "scheme.toml", "value = 2_000_000", "value = 3_000_000")
    edit(folder / "scheme.toml", '"2014/15" = { value = 300_000', '"2014/15" = { value = 1_000')
    (folder / "population.xlsx").unlink()

    assert differences(folder) == []


def test_the_case_sees_another_rule(folder):
    """Without the base, A has £2.00 a head and no core sum: the case reports its fair share."""
    edit(folder / "my-formula.toml", ", base=core_sum)", ")")
    edit(folder / "my-formula.toml", "fair_share >= core_sum - 1", "fair_share + core_sum >= 0")

    assert ("2014/15", "A", "fair_share") in differences(folder)


# The workbooks ------------------------------------------------------------------------------------------------

TEMPLATES = {
    "population.xlsx": {
        "org_code": "custom",
        "org_name": "any",
        "year": "custom",
        "registered_population": "whole",
        "area_team": "any",
        "basis": "list",
    },
    "spend.xlsx": {
        "org_code": "custom",
        "category": "list",
        "provider": "any",
        "cost_type": "list",
        "committed": "list",
        "amount": "decimal",
        "year": "custom",
        "basis": "list",
    },
}


def validations(page):
    """Return data validations by heading."""
    rules = {}
    for rule in page.data_validations.dataValidation:
        (cells,) = rule.sqref.ranges
        assert (cells.min_row, cells.max_row) == (2, 10_001)
        rules[page.cell(1, cells.min_col).value] = rule
    return rules


@pytest.mark.parametrize("name", TEMPLATES)
def test_every_column_has_its_rule_note_and_messages(folder, name):
    """Each column says what may be typed: in its heading's note, while typing and on an error."""
    page = openpyxl.load_workbook(folder / name).worksheets[0]
    rules = validations(page)

    assert {heading: rule.type or "any" for heading, rule in rules.items()} == TEMPLATES[name]
    for cell in page[1]:
        rule = rules[cell.value]
        assert rule.showInputMessage
        assert 0 < len(rule.prompt) <= 255
        assert rule.error == rule.prompt
        assert rule.prompt in cell.comment.text
        # Other words are allowed in lists that the scheme does not count by.
        assert rule.showErrorMessage == (cell.value not in ("category", "basis"))


def test_the_rules_are_those_of_the_columns(folder):
    """People and pounds are 0 or more; a line is revenue or capital, committed or not."""
    population = validations(openpyxl.load_workbook(folder / "population.xlsx")["Population"])
    spend = validations(openpyxl.load_workbook(folder / "spend.xlsx")["Spend"])
    numbers = [population["registered_population"], spend["amount"]]

    assert [(rule.operator, rule.formula1) for rule in numbers] == [("greaterThanOrEqual", "0")] * 2
    assert [spend[column].formula1 for column in ("cost_type", "committed")] == ['"revenue,capital"', '"yes,no"']


@pytest.mark.usefixtures("libreoffice")
def test_codes_and_years_are_judged_as_said(folder, tmp_path):
    """A code is a text of at most 10 characters, once for each year; 01 and 1, or 1E5 and 100000, are two codes."""
    book = openpyxl.load_workbook(folder / "population.xlsx")
    page = book["Population"]
    rules = validations(page)
    cases = [
        # code, year, whether the code and the year are allowed
        ("01E", None, True, None),
        ("01", None, True, None),
        ("1", None, True, None),
        ("1E5", None, True, None),
        ("100000", None, True, None),
        ("TWICE", None, False, None),
        ("twice", None, False, None),
        ("YEARS", "2014/15", True, True),
        ("YEARS", "2015/16", True, True),
        ("CENTURY", "1999/00", True, True),
        (123, "2014/16", False, False),
        ("ELEVENCHARS", "2014-15", False, False),
        ("TENLETTERS", 201415, True, False),
    ]
    for row, (code, year, *_) in enumerate(cases, 2):
        page.cell(row, 1, code)
        page.cell(row, 3, year)
        for column, heading in ((10, "org_code"), (11, "year")):
            # Excel moves a rule's relative references along with its cell.
            formula = re.sub(r"(?<![$\w])([AC])2(?!\d)", rf"\g<1>{row}", rules[heading].formula1)
            page.cell(row, column, f'=IF(ISERROR({formula}),"no",IF({formula},"yes","no"))')
    book.save(folder / "judged.xlsx")
    values = cached_values(recalculate(folder / "judged.xlsx", tmp_path / "again"))

    for row, (code, year, right_code, right_year) in enumerate(cases, 2):
        assert (values["Population", f"J{row}"] == "yes") == right_code, code
        assert right_year is None or (values["Population", f"K{row}"] == "yes") == right_year, year


@pytest.mark.usefixtures("libreoffice")
def test_codes_with_zeros_survive_another_program(folder, tmp_path):
    """`01E` and `0123` below the examples are texts in a text column, and still are when LibreOffice has saved them."""
    added = {"01E": 500_000, "0123": 600_000}
    for name, sheet in (("population.xlsx", "Population"), ("spend.xlsx", "Spend")):
        book = openpyxl.load_workbook(folder / name)
        page = book[sheet]
        assert page.column_dimensions["A"].number_format == "@"
        for row, (code, number) in enumerate(added.items(), page.max_row + 1):
            page.cell(row, 1, code).number_format = "@"
            if sheet == "Population":
                page.cell(row, 4, number)
            else:
                for column, value in enumerate(["core", None, "revenue", "yes", number], 2):
                    page.cell(row, column, value)
        book.save(folder / name)
        again = recalculate(folder / name, tmp_path / "again")
        assert openpyxl.load_workbook(again)[sheet].column_dimensions["A"].number_format == "@"
        (folder / name).write_bytes(again.read_bytes())

    assert typed(COMMAND, "-o", "out.csv", folder=folder) == 0
    codes = [row["org_code"] for row in read_rows(folder / "out.csv") if row["year"] == "2014/15"]
    assert codes == ["0123", "01E", "A", "B", "C", "D"]


@pytest.mark.parametrize("name", TEMPLATES)
def test_a_workbook_is_a_plain_table_that_anybody_can_read(folder, name):
    """Row 1 has frozen headings of an Excel table; texts are texts; no cell is merged; title and language are set."""
    book = openpyxl.load_workbook(folder / name)
    page, instructions = book.worksheets
    texts = [cell for cell in page[2] if isinstance(cell.value, str)]

    assert [cell.value for cell in page[1]] == list(TEMPLATES[name])
    assert [page.title, instructions.title] == [name.removesuffix(".xlsx").capitalize(), "Instructions"]
    assert page.freeze_panes == "A2"
    assert [table.ref for table in page.tables.values()] == [page.dimensions]
    assert {cell.number_format for cell in texts} == {"@"}
    assert not page.merged_cells.ranges
    assert not instructions.merged_cells.ranges
    assert book.properties.title
    assert book.properties.language == "en-GB"


@pytest.mark.parametrize("name", TEMPLATES)
def test_the_instructions_tell_all(folder, name):
    """The second sheet describes every column, the command and the kinds of findings."""
    book = openpyxl.load_workbook(folder / name)
    page, instructions = book.worksheets
    lines = {row[0].value: row[1].value for row in instructions.iter_rows(min_row=2)}

    for cell in page[1]:
        assert lines[f"{cell.column_letter}: {cell.value}"] == cell.comment.text.replace("\n", " ")
    assert lines["Command"] == COMMAND
    assert {"Error", "Warning", "Note"} < set(lines)


@pytest.mark.slow
def test_the_same_bytes_on_any_day(tmp_path):
    """Two folders have the same bytes; the workbooks have the date of the scheme."""
    for name in ("one", "two"):
        assert gpit("init", name, folder=tmp_path).returncode == 0
    first = contents(tmp_path / "one")

    assert first == contents(tmp_path / "two")
    for name in TEMPLATES:
        with zipfile.ZipFile(tmp_path / "one" / name) as archive:
            assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
            assert archive.read("docProps/core.xml").count(b"2014-04-01T00:00:00Z") == 2


# What is refused ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", FILES)
def test_nothing_is_written_over(tmp_path, name):
    """A single existing file is named, with exit code 2, and nothing changes."""
    (tmp_path / "mine" / name).parent.mkdir(parents=True)
    (tmp_path / "mine" / name).write_text("mine", encoding="utf-8")
    with pytest.raises(UsageError, match=re.escape(f"mine: {name} would be overwritten")):
        write_folder(tmp_path / "mine")

    assert contents(tmp_path) == {str(Path("mine", name)): b"mine"}


def test_files_of_ones_own_stay(tmp_path):
    """In a folder with other files and a folder `cases`, the new files are added."""
    (tmp_path / "cases").mkdir()
    for name in ("notes.txt", "cases/second-case.toml"):
        (tmp_path / name).write_text("mine", encoding="utf-8")
    done = gpit("init", ".", folder=tmp_path)

    assert done.returncode == 0, done.stderr.decode()
    assert "Written in this folder" in done.stdout.decode()
    assert "cd " not in done.stdout.decode()
    assert set(contents(tmp_path)) == {str(Path(name)) for name in (*FILES, "notes.txt", "cases/second-case.toml")}
    assert (tmp_path / "notes.txt").read_text(encoding="utf-8") == "mine"


WRONG = {
    "a parent that is not there": ("a/b", "there is no folder a; create it first"),
    "a file": ("file", "file: is a file; give the name of a folder"),
    "a place in a file": ("file/b", "there is no folder file"),
    "a name that is too long": ("x" * 300, "cannot be written to"),
    "an empty name": ("", "DIR is empty"),
    "a folder whose cases is a file": ("odd", "odd: cases would be overwritten"),
    "a folder that is full": ("full", "README.md, population.xlsx, spend.xlsx"),
}


@pytest.mark.parametrize("case", slow_but(["a file", "a folder whose cases is a file"], WRONG))
def test_what_is_wrong_is_said_in_one_line(tmp_path, case):
    """An impossible place gives exit code 2 and one line, and nothing changes."""
    folder_name, expected = WRONG[case]
    (tmp_path / "file").write_text("mine", encoding="utf-8")
    (tmp_path / "odd").mkdir()
    (tmp_path / "odd" / "cases").write_text("mine", encoding="utf-8")
    write_folder(tmp_path / "full")
    before = contents(tmp_path)
    done = gpit("init", folder_name, folder=tmp_path)

    assert done.returncode == 2
    assert expected in words(done.stderr)
    assert len(done.stderr.decode().strip().splitlines()) == 1
    assert done.stdout == b""
    assert contents(tmp_path) == before


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs a folder that no user may write to")
def test_a_folder_that_cannot_be_written_to(tmp_path):
    """In /proc not even the superuser can create a folder: exit code 2, and the reason."""
    for place in ("/proc/gpit", "/proc/self"):
        done = gpit("init", place, folder=tmp_path)

        assert done.returncode == 2
        assert f"{place}: cannot be written to" in words(done.stderr)
        assert len(done.stderr.decode().strip().splitlines()) == 1


@pytest.mark.parametrize("exists", [True, False])
def test_a_failure_on_the_way_leaves_nothing(tmp_path, monkeypatch, exists):
    """If the third file, or the folder, cannot be moved into place, no file and no folder remains."""
    if exists:
        (tmp_path / "mine").mkdir()
        (tmp_path / "mine" / "notes.txt").write_text("mine", encoding="utf-8")
    before = sorted(tmp_path.rglob("*"))
    rename, moves = Path.rename, []

    def failing(self, target):
        moves.append(target)
        if len(moves) == (3 if exists else 1):
            raise OSError(28, "No space left on device")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", failing)
    with pytest.raises(OutputError, match=r"mine: .*No space left on device.*nothing was changed"):
        write_folder(tmp_path / "mine")

    assert len(moves) == (3 if exists else 1)
    assert sorted(tmp_path.rglob("*")) == before


def test_a_typed_number_below_nil_is_refused_with_its_cell(folder):
    """Wrong values that were pasted past the checks of the cells are refused, with file, sheet and cell."""
    book = openpyxl.load_workbook(folder / "population.xlsx")
    book["Population"]["D3"] = -5
    book["Population"]["A4"] = 123
    book.save(folder / "population.xlsx")
    with pytest.raises(GpitError) as caught:
        typed(COMMAND, folder=folder)

    errors = {
        (finding.file, finding.place, finding.number) for finding in caught.value.findings if finding.level == "error"
    }
    assert {("population.xlsx:Population", "D3", "I18"), ("population.xlsx:Population", "A4", "I11")} <= errors


# Output ---------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_json_is_one_document(tmp_path):
    """`--json` prints the schema, the folder as it was given, the files and the command, and nothing else."""
    done = gpit("init", "mon été/", "--json", folder=tmp_path, env={"PYTHONIOENCODING": "ascii"})

    assert done.returncode == 0, done.stderr.decode()
    assert json.loads(done.stdout.decode("utf-8")) == {
        "schema": "gpit-init/1",
        "folder": "mon été/",
        "files": [str(Path("mon été", name)) for name in FILES],
        "command": COMMAND,
    }


@pytest.mark.slow
def test_a_fault_is_json_too(tmp_path):
    """With `--json` an error is a document too."""
    done = gpit("init", "a/b", "--json", folder=tmp_path)

    assert done.returncode == 2
    assert json.loads(done.stdout.decode())["schema"] == "gpit-error/1"


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="Windows has no true")
def test_a_reader_that_leaves_changes_nothing(tmp_path):
    """`gpit init x | true` writes the folder without an error."""
    command = f'"{sys.executable}" -m gpit_fairshare init x 2>err | true; echo ${{PIPESTATUS[0]}}'
    done = subprocess.run(["bash", "-c", command], cwd=tmp_path, capture_output=True, check=False)

    assert done.stdout == b"0\n"
    assert (tmp_path / "err").read_text(encoding="utf-8") == ""
    assert set(contents(tmp_path / "x")) == {str(Path(name)) for name in FILES}


@pytest.mark.skipif(os.name == "nt", reason="a backslash parts folders there")
def test_paths_are_quoted_only_where_they_must_be():
    """Double quotes work in bash and PowerShell; if they are not enough, the path is quoted for bash."""
    paths = ["demo/2026", "été", "a b", "it's", "a$b", "a\\b"]

    assert [_quoted(path) for path in paths] == ["demo/2026", "été", '"a b"', '"it\'s"', "'a$b'", "'a\\b'"]


@pytest.mark.slow
def test_help_loads_nothing_heavy(tmp_path):
    """`gpit init --help` answers without XlsxWriter, polars, openpyxl or rich; `gpit init` needs only XlsxWriter."""
    heavy = "{'polars','openpyxl','xlsxwriter','rich.console'}"
    for arguments, loaded in ((["init", "--help"], "[]"), (["init", "x"], "['xlsxwriter']")):
        code = (
            f"import sys; sys.argv=['gpit', *{arguments}]\n"
            "from gpit_fairshare.cli import _run\n"
            f"_run()\nprint(sorted({heavy} & set(sys.modules)), file=sys.stderr)"
        )
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False, cwd=tmp_path)

        assert done.stderr.decode().strip().splitlines()[-1] == loaded


def rows_below(heading: str) -> list[list[str]]:
    """Return the rows of the table in docs/commands.md whose first heading this is, its cells without backticks."""
    text = DOCUMENT.read_text(encoding="utf-8")
    table = text.split(f"\n| {heading} |")[1].split("\n\n")[0].splitlines()[2:]
    return [[cell.strip(" `") for cell in row.strip("|").split(" | ")] for row in table]


@pytest.mark.slow
def test_the_document_has_every_file_option_and_key(tmp_path):
    """docs/commands.md lists the files, the options of `gpit init --help` and the keys of its document."""
    help_text = gpit("init", "--help", folder=tmp_path).stdout.decode()
    options = re.findall(r"^ +(?:-\w, )?(--[a-z]+)", help_text, re.MULTILINE)
    document = json.loads(gpit("init", "x", "--json", folder=tmp_path).stdout.decode())
    listed = {name for cell, _ in rows_below("file in the folder") for name in cell.replace("`", "").split(", ")}

    assert listed == set(FILES)
    assert [re.split(r"[`,]", cell)[0] for cell, _ in rows_below("word after `gpit init`")] == [
        *("DIR", "--transition NAME", "--organisation WORD", "--years YEAR"),
        *("--json", "-h"),
    ]
    assert set(options) == {"--transition", "--organisation", "--years", "--json", "--help"}
    assert [key for key, _ in rows_below("key of `gpit-init/1`")] == list(document)
    assert COMMAND in DOCUMENT.read_text(encoding="utf-8")


# With a transition, an organisation, years ---------------------------------------------------------------------


@pytest.mark.parametrize(
    "transition", slow_but(["floor-and-ceiling", "transition-fund-application"], library_names("transition"))
)
def test_any_transition_gives_a_folder_that_runs(tmp_path, transition):
    """The command runs and all checks pass, the case holds, and a review of the scheme finds no error.

    £2,300,000 for 100,000 to 400,000 of 1,000,000 people is £230,000, £460,000, £690,000 and £920,000 in each year.
    """
    folder = tmp_path / "mine"
    write_folder(folder, NeutralStart(transition, "ICB", ("2025/26", "2026/27")))

    assert typed(COMMAND, "-o", "out.json", folder=folder) == 0
    document = json.loads((folder / "out.json").read_text("utf-8"))
    shares = [230_000, 460_000, 690_000, 920_000]
    assert [row["fair_share"] for row in document["rows"]] == [*shares, *shares]
    assert {row["year"] for row in document["rows"]} == {"2025/26", "2026/27"}
    assert document["organisation"] == "ICB"
    assert len(document["draft"]) == len(document["manifest"]["parameters"]) // 2
    assert run_all([str(folder / "cases")]).exit_code == 0
    assert review(str(folder / "scheme.toml")).sound


def test_the_first_case_of_a_transition_by_hand(tmp_path):
    """With annual-loss-cap, whose cap is 7%, A falls to 93% of £500,000; C and D gain their fair share."""
    write_folder(tmp_path / "mine", NeutralStart("annual-loss-cap", years=("2025/26",)))
    case = tomllib.loads((tmp_path / "mine" / "cases" / "first-case.toml").read_text("utf-8"))

    assert case["case"]["origin"] == "regression"
    assert case["expected"] == {
        "2025/26": {
            "A": {"fair_share": 230_000, "allocation": 465_000},
            "B": {"fair_share": 460_000, "allocation": 465_000},
            "C": {"fair_share": 690_000, "allocation": 690_000},
            "D": {"fair_share": 920_000, "allocation": 920_000},
        }
    }


def test_a_transition_may_need_more_columns(tmp_path):
    """The columns of an application are in the workbook and in the case; they may be blank."""
    write_folder(tmp_path / "mine", NeutralStart("transition-fund-application"))
    page = openpyxl.load_workbook(tmp_path / "mine" / "population.xlsx")["Population"]
    table = (tmp_path / "mine" / "cases" / "first-case-population.csv").read_text("utf-8").splitlines()

    assert [cell.value for cell in page[1]][-2:] == ["plan_reaches_parity", "requested_support"]
    assert table[0].endswith(",basis,plan_reaches_parity,requested_support")
    assert table[1].endswith(",illustrative,,")


def test_what_is_not_chosen_stays(tmp_path):
    """An organisation alone: the years of the template, no transition, no formula of its own, no worked figures."""
    paths = write_folder(tmp_path / "mine", NeutralStart(organisation='local "care" board'))
    scheme = tomllib.loads((tmp_path / "mine" / "scheme.toml").read_text("utf-8"))
    readme = (tmp_path / "mine" / "README.md").read_text("utf-8")

    assert scheme["scheme"]["organisation"] == 'local "care" board'
    assert (scheme["scheme"]["years"], scheme["scheme"]["transition"]) == (["2014/15", "2015/16"], "none")
    assert scheme["values"] == {"revenue_budget": 2_300_000}
    assert [path.name for path in paths if path.name == "my-formula.toml"] == []
    assert [word for word in ("my-formula", "core_sum", "£455,000", "<!--") if word in readme] == []


@pytest.mark.parametrize(
    ("start", "message"),
    [
        (
            NeutralStart("floor-and-ceilings"),
            r"^--transition floor-and-ceilings: not in the library; did you mean floor",
        ),
        (NeutralStart("none", years=("2025",)), r"^years 2025: '2025' is not a financial year; write it as 2014/15$"),
        (NeutralStart(organisation=" "), r"scheme.toml: scheme › organisation: is empty"),
    ],
)
def test_a_choice_that_cannot_be_is_refused(tmp_path, start, message):
    """The message is one line, and nothing is written."""
    with pytest.raises(GpitError, match=message):
        write_folder(tmp_path / "mine", start)
    assert not (tmp_path / "mine").exists()


def test_the_options_of_the_command(tmp_path):
    """`gpit init` with all three options writes every file except the formula of a user."""
    options = "--transition none --organisation ICB --years 2025/26 --years 2026/27"

    typed(f"gpit init mine {options}", folder=tmp_path)
    assert set(contents(tmp_path / "mine")) == set(FILES) - {"my-formula.toml"}
