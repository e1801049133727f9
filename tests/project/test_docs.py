"""The documents say what the program does: their examples run, and their tables are those of the code."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import tomllib
from dataclasses import asdict, dataclass, fields, replace
from decimal import Decimal
from typing import TYPE_CHECKING

import openpyxl
import pytest

from documents import Piece, pieces, quoted, same, table, tables, typed
from gpit_fairshare import Function, GpitError, allocate, compare, explain, population, solve, structured_texts
from gpit_fairshare.cases.shape import ORIGINS, CaseDocument, CaseHeader, CaseSource, RunEntry
from gpit_fairshare.cli.defaults import read_defaults
from gpit_fairshare.comparison.model import OutcomeChange
from gpit_fairshare.findings import FindingCode
from gpit_fairshare.inputs.columns.standard_columns import folded, standard_columns
from gpit_fairshare.language import parsing
from gpit_fairshare.language.functions import BUILT_INS, FUNCTIONS
from gpit_fairshare.language.units import UNITS
from gpit_fairshare.reallocation import AllocationChange
from gpit_fairshare.reports.population import entries as population_entries
from gpit_fairshare.reports.sweep import SweepReport
from gpit_fairshare.results.agreement import OffRule
from gpit_fairshare.run_options import OPTIONS
from gpit_fairshare.scheme import joining, parts, shape, written_numbers
from gpit_fairshare.scheme.joining import load
from gpit_fairshare.scheme.library import library_names
from gpit_fairshare.scheme.method import MethodTable, entries_document, library_entries, method
from gpit_fairshare.scheme.naming import STANDARD_INPUTS
from gpit_fairshare.scheme.review import review, reviews_document
from gpit_fairshare.sweeps.sweep import sweep
from gpit_fairshare.verification import Answer, DifferenceKind, Verdict
from running import ROOT, SAMPLES, gpit, write_rows

if TYPE_CHECKING:
    from pathlib import Path

COMMANDS = ROOT / "docs" / "commands.md"
FILES = ROOT / "docs" / "files.md"
FINDINGS = ROOT / "docs" / "findings.md"
OUTPUTS = ROOT / "docs" / "outputs.md"
LANGUAGE = ROOT / "docs" / "language.md"
FUNCTION_PAGE = ROOT / "docs" / "functions.md"
SCHEME_FILES = ROOT / "docs" / "scheme-files.md"
KEYS = ROOT / "docs" / "keys.md"
LIBRARY = ROOT / "docs" / "library.md"
TESTING = ROOT / "docs" / "testing.md"
EXPLAIN = ROOT / "docs" / "explain.md"
COMPARE = ROOT / "docs" / "compare.md"
VERIFY = ROOT / "docs" / "verify.md"
SWEEP = ROOT / "docs" / "sweep.md"
POPULATION = ROOT / "docs" / "population.md"
REALLOCATE = ROOT / "docs" / "reallocate.md"
SOLVE = ROOT / "docs" / "solve.md"
PLUGINS = ROOT / "docs" / "plugins.md"
GLOSSARY = ROOT / "docs" / "glossary.md"
README = ROOT / "README.md"
INDEX = ROOT / "docs" / "index.md"
HOW_TO = tuple(sorted(ROOT.glob("docs/how-to-*.md")))
TABLES = ROOT / "docs" / "tables.md"
EXAMPLES = (*HOW_TO, SCHEME_FILES, KEYS, TABLES)
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("data/**/*.md")])
KINDS = ("formula", "transition", "scheme")
ABCD = ["A", "B", "C", "D"]
KEPT = ("name", "means", "state", "why")


# Reading Markdown ------------------------------------------------------------------------------------------


def complete(document: Path) -> list[tuple[str, str]]:
    """Return the examples that are a whole file, each with its kind: it has a table of that name."""
    examples = []
    for piece in pieces(document):
        if piece.kind == "toml":
            kinds = [kind for kind in KINDS if kind in tomllib.loads(piece.text)]
            examples += [(kind, piece.text) for kind in kinds]
    return examples


# Examples run ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Run:
    """A command of a document, what came of it, and the tables of figures that follow it."""

    command: str
    code: int
    document: dict[str, object]
    figures: tuple[Piece, ...]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with the samples, and every file that docs/scheme-files.md tells its reader to save."""
    place = tmp_path_factory.mktemp("docs")
    shutil.copytree(SAMPLES, place / "data" / "samples")
    for _, text in complete(SCHEME_FILES):
        name = next(iter(tomllib.loads(text).values()))["name"]
        (place / f"{name}.toml").write_text(text, encoding="utf-8")
    for piece in pieces(SCHEME_FILES):
        if piece.kind == "csv":
            name = next(name for name in reversed(quoted(piece.before)) if name.endswith(".csv"))
            (place / name).write_text(piece.text, encoding="utf-8")
    return place


@pytest.fixture(scope="module")
def runs(folder):
    """Every `gpit` command of docs/scheme-files.md, run unchanged."""
    runs: list[Run] = []
    for piece in pieces(SCHEME_FILES):
        if piece.kind == "" and piece.text.startswith("gpit "):
            code = typed(piece.text, "-o", "run.json", folder=folder)
            document = json.loads((folder / "run.json").read_text("utf-8"))
            runs.append(Run(piece.text, code, document, ()))
        elif piece.kind == "table" and re.fullmatch(r"\d{4}/\d\d", piece.rows[0][0]):
            last = runs.pop()
            runs.append(Run(last.command, last.code, last.document, (*last.figures, piece)))
    return runs


@pytest.mark.slow
def test_commands_of_the_scheme_files_run(runs):
    """Each of the four files that the reader is asked to save is run by a command, and all checks hold."""
    names = [next(iter(tomllib.loads(text).values()))["name"] for _, text in complete(SCHEME_FILES)]

    assert [run.code for run in runs] == [0] * len(names) == [0] * 4
    assert all(f"{name}.toml" in run.command for name, run in zip(names, runs, strict=True))
    assert all(run.figures for run in runs)


@pytest.mark.slow
def test_figures_of_the_scheme_files_are_those_of_the_runs(runs):
    """Every figure in the tables below a command, worked by hand there, is what the command gives."""
    wrong = []
    for run in runs:
        for piece in run.figures:
            year, *codes = piece.rows[0]
            rows = {row["org_code"]: row for row in run.document["rows"] if row["year"] == year}
            assert codes == list(rows) == ABCD
            wrong += [
                (year, name, code, cell, rows[code][quoted(name)[0]])
                for name, *cells in piece.rows[1:]
                for code, cell in zip(codes, cells, strict=True)
                if not same(cell, rows[code][quoted(name)[0]])
            ]

    assert wrong == []


def test_sums_by_region_are_those_in_the_text(runs):
    """`report_by` adds up 250,000 + 400,000 for the North and 600,000 + 750,000 for the South."""
    (run,) = [run for run in runs if "two-streams" in run.command]
    areas = {area["name"]: area["allocation"] for area in run.document["summary"][0]["areas"]}

    assert areas == {"North": 650_000, "South": 1_350_000}
    assert "North £650,000, South £1,350,000" in SCHEME_FILES.read_text(encoding="utf-8")


def test_a_floor_that_costs_too_much_stops_as_the_text_says(folder):
    """Floors at 90% of £2,270,000 cost £2,043,000, and there are £2,000,000."""
    command = next(piece.text for piece in pieces(SCHEME_FILES) if "--transition limited-loss.toml" in piece.text)
    with pytest.raises(GpitError, match=r"2,043,000.*2,000,000"):
        typed(command, "--set", "largest_loss=10%", folder=folder)
    assert re.search(r"£2,043,000.*£2,000,000", SCHEME_FILES.read_text(encoding="utf-8"))


def test_the_sentences_of_an_outcome_are_those_in_the_text(folder):
    """A spends £500,000 and may lose a fifth, so its floor is £400,000; its fair share is 10% of £2,000,000."""
    files = {"population": SAMPLES / "abcd-population.csv", "spend": SAMPLES / "abcd-spend.csv"}
    rule = {"transition": folder / "limited-loss.toml", "settings": {"revenue_budget": 2_000_000}}
    (year,) = explain(allocate(**files, **rule), "A", year="2014/15").years

    assert f"\n> {' '.join(year.sentences)}\n" in SCHEME_FILES.read_text(encoding="utf-8")


def test_lines_of_cost_count_as_the_text_says(tmp_path):
    """Of A's £620,000 in lines the £120,000 of capital do not count; with B's £30,000 that is £150,000 in 2 lines."""
    (lines,) = [piece.text for piece in pieces(FILES) if piece.kind == "csv"]
    (tmp_path / "lines.csv").write_text(lines, encoding="utf-8")

    result = allocate(population=SAMPLES / "abcd-population.csv", spend=tmp_path / "lines.csv")
    (left_out,) = [finding for finding in result.findings if finding.number == "I26"]

    assert result.year("2014/15")["historic_spend"].to_list() == [500_000, 500_000, 450_000, 820_000]
    assert left_out.found.startswith("left out of historic spend: £150,000 of")
    assert "in 2 lines" in left_out.found
    assert "A has £500,000, and I26 says that £150,000 in 2 lines" in FILES.read_text(encoding="utf-8")


def test_frames_of_the_text_run(folder, monkeypatch):
    """The examples with frames in docs/files.md run, and the loop has the same result as the run before it."""
    write_rows(folder / "spend.csv", [{"org_code": code, "historic_spend": 500_000} for code in "AB"])
    monkeypatch.chdir(folder)
    names: dict[str, object] = {}
    for piece in pieces(FILES):
        if piece.kind == "python":
            exec(piece.text, names)  # noqa: S102 - the example of the document

    # A has a quarter of the 400,000 people.
    assert [run.year("2014/15")["fair_share"][0] for run in names["results"]] == [475_000, 500_000, 525_000]
    assert names["results"][1].rows.equals(names["result"].rows)


@pytest.mark.parametrize("document", EXAMPLES, ids=lambda path: path.name)
def test_complete_files_load(document, tmp_path):
    """Every complete example loads: a scheme by itself, a formula or transition with the default scheme."""
    for number, (kind, text) in enumerate(complete(document)):
        path = tmp_path / f"{number}.toml"
        path.write_text(text, encoding="utf-8")
        scheme = load(**{kind: str(path)})

        assert tomllib.loads(text)[kind]["name"] in (scheme.name, scheme.formula, scheme.transition)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_pieces_of_files_have_the_right_shape(document):
    """An example that is a part of a file has the keys that a scheme file, or a case, may have."""
    head = {"scheme": {"name": "s", "title": "S", "years": ["2014/15"]}}
    model = shape.SchemeFile
    if document == TESTING:
        case = {"name": "c", "title": "C", "origin": "regression", "fails": "no"}
        head, model = {"case": case, "run": {}}, CaseDocument
    for piece in pieces(document):
        if piece.kind == "toml" and piece.text not in [text for _, text in complete(document)]:
            model.model_validate({**head, **tomllib.loads(piece.text, parse_float=Decimal)})


# Formulas in tables ------------------------------------------------------------------------------------------

HEAD = """
[scheme]
name = "docs"
title = "Docs"
organisation = "place"
years = ["2014/15"]
result = "answer"
[inputs.need_index]
unit = "ratio"
optional = true
[inputs.region]
type = "text"
"""


def run_steps(folder: Path, steps: list[tuple[str, str]]) -> list[dict[str, object]]:
    """Run steps over the four organisations, with the need index and region of the document."""
    text = HEAD
    for name, formula in [*steps, ("answer", "registered_population * 1")]:
        text += f'[[steps]]\nname = "{name}"\nlabel = "{name}"\nformula = """{formula}"""\n'
    (folder / "steps.toml").write_text(text, encoding="utf-8")
    samples = [str(SAMPLES / f"abcd-{name}.csv") for name in ("population", "spend")]
    result = allocate(population=samples[0], spend=samples[1], inputs=folder / "need.csv", scheme=folder / "steps.toml")
    return result.rows.to_dicts()


def test_formulas_of_numbers_give_what_is_said(folder):
    """Each formula of the tables `formula | gives` gives that figure."""
    examples = [piece for page in (LANGUAGE, FUNCTION_PAGE) for piece in tables(page, "formula", "gives")]
    rows = [row for piece in examples for row in piece.rows[1:]]
    formulas = [(f"step_{number}", quoted(row[0])[0]) for number, row in enumerate(rows)]
    values = run_steps(folder, formulas)[0]

    assert len(rows) >= 15
    assert [row for row, (name, _) in zip(rows, formulas, strict=True) if not same(row[1], values[name])] == []


@pytest.mark.parametrize("number", range(6))
def test_steps_give_what_is_said(number, folder):
    """Each step of the tables `step | A | B | C | D` gives those figures, given the steps above it."""
    examples = [piece for page in (LANGUAGE, FUNCTION_PAGE) for piece in tables(page, "step", *ABCD)]
    assert len(examples) == 6
    steps = [tuple(quoted(row[0])[0].split(" = ", 1)) for row in examples[number].rows[1:]]
    rows = run_steps(folder, steps)
    wrong = [
        (name, cell, row[name])
        for (name, _), (_, *cells) in zip(steps, examples[number].rows[1:], strict=True)
        for cell, row in zip(cells, rows, strict=True)
        if not same(cell, row[name])
    ]

    assert wrong == []


def test_tables_give_what_is_said(folder, tmp_path):
    """The example of docs/tables.md gives its figures, and so does each function of tables."""
    ((_, text),) = complete(TABLES)
    (rows,) = [piece.text for piece in pieces(TABLES) if piece.kind == "csv"]
    calls = table(TABLES, "with `size_rate`", *(f"{code}: {people}00,000" for people, code in enumerate(ABCD, 1)))
    for index, (call, *_) in enumerate(calls):
        text += f'[[steps]]\nname = "call_{index}"\nlabel = "Call"\nformula = "{quoted(call)[0]}"\n'
    (tmp_path / "by-size.toml").write_text(text, encoding="utf-8")
    (tmp_path / "stages.csv").write_text(rows, encoding="utf-8")
    population = folder / "data" / "samples" / "abcd-population.csv"
    result = allocate(population=population, inputs=tmp_path / "stages.csv", scheme=tmp_path / "by-size.toml")
    expected = {quoted(name)[0]: cells for name, *cells in table(TABLES, "step", *ABCD)}
    expected |= {f"call_{index}": cells for index, (_, *cells) in enumerate(calls)}

    assert len(expected) == 5
    for name, cells in expected.items():
        assert all(same(cell, value) for cell, value in zip(cells, result.rows[name], strict=True)), name


def test_refused_formulas_are_refused(folder):
    """Each formula of the table `refused | why` stops the run with a message about its step."""
    for formula, _ in table(LANGUAGE, "refused", "why"):
        with pytest.raises(GpitError, match="step refused"):
            run_steps(folder, [("refused", quoted(formula)[0])])


# Tables are those of the code -----------------------------------------------------------------------------------


def test_functions_are_all_there():
    """docs/functions.md has a row for each function of the language, in its order."""
    rows = table(FUNCTION_PAGE, "function", "what it gives")

    assert tuple(quoted(name)[0].partition("(")[0] for name, _ in rows) == FUNCTIONS


def test_functions_are_described_as_the_table_has_them():
    """A row of docs/functions.md gives a function's arguments and words as its object has them."""
    rows = table(FUNCTION_PAGE, "function", "what it gives")

    for call, words in rows:
        name, _, arguments = quoted(call)[0].rstrip(")").partition("(")
        function = BUILT_INS[name]
        assert words.replace("`", "").partition(": [")[0] == function.words, name
        if isinstance(function, Function):
            fewest, most = function.limits
            assert arguments == ", ".join([*function.arguments, *(["…"] if most > fewest else [])]), name


def test_units_and_limits():
    """The units and the limits of the language are those that the text gives."""
    text = LANGUAGE.read_text(encoding="utf-8")
    limits = {
        "characters of a formula": parsing.LONGEST,
        "levels of brackets and functions": parsing.DEEPEST,
        "signs `+ - * /` in a formula": parsing.MOST_SIGNS,
        "characters of a quoted text": parsing.LONGEST_TEXT,
        "steps of a scheme, with all of its files": parts.MOST_STEPS,
        "parameters of a scheme, with the rows of its tables": joining.MOST_PARAMETERS,
        "years of a scheme": 50,
        "levels of lists and tables in a file, and parts of a key with dots between them": structured_texts.DEEPEST,
    }
    years = [f"{year}/{(year + 1) % 100:02}" for year in range(1990, 2041)]

    assert table(LANGUAGE, "what", "at most") == [(limit, f"{most:,}") for limit, most in limits.items()]
    assert quoted(next(line for line in text.splitlines() if "A step may say its unit" in line)) == [*UNITS]
    assert len(shape.SchemeHeader(name="s", title="S", years=years[:50]).years) == 50
    with pytest.raises(ValueError, match="50"):
        shape.SchemeHeader(name="s", title="S", years=years)


def test_keys_are_those_of_the_files():
    """The table of all keys has every key of every table, and where each table is allowed."""
    models = {
        "[formula]": shape.Header,
        "[transition]": shape.PaidHeader,
        "[scheme]": shape.SchemeHeader,
        "[parameters.…]": shape.ParameterEntry,
        "[tables.…]": shape.TableEntry,
        "[inputs.…]": shape.InputEntry,
        "[sources.…]": shape.SourceEntry,
        "[[steps]]": shape.StepEntry,
        "[[checks]]": shape.CheckEntry,
        "[[outcomes]]": shape.OutcomeEntry,
        "[money]": shape.MoneyEntry,
        "[properties]": shape.PropertiesEntry,
        "[[use]]": shape.UseEntry,
        "[spend]": shape.SpendEntry,
        "{ key = … }": shape.TableRowEntry,
        "{ … }": shape.ValueEntry,
    }
    keys_by_table = {quoted(name)[0]: (keys, where) for name, keys, where in table(KEYS, "table", "keys", "in")}
    files = {"formula": shape.FormulaFile, "transition": shape.TransitionFile, "scheme": shape.SchemeFile}

    assert set(keys_by_table) == {*models, "[values.…]"}
    for name, model in models.items():
        keys = {entry.alias or key for key, entry in model.model_fields.items()}
        if model is shape.TableRowEntry:  # the row below has the keys of every value
            keys -= shape.ValueEntry.model_fields.keys()
        assert set(quoted(keys_by_table[name][0])) == keys, name
    for name, (_, where) in keys_by_table.items():
        key = name.strip("[]").removesuffix(".…")
        kinds_with_key = [kind for kind, model in files.items() if key in model.model_fields]
        assert name.startswith("{") or where == ("all" if len(kinds_with_key) == 3 else ", ".join(kinds_with_key)), name


@pytest.mark.parametrize(("document", "letter"), [(FINDINGS, "I"), (LIBRARY, "S")])
def test_findings_are_those_of_the_code(document, letter):
    """The table of findings is what `FindingCode` says; a new finding gets its row by pasting the right-hand side."""
    expected_rows = "".join(
        f"| {code.number} | {code.meaning} |\n" for code in FindingCode if code.number.startswith(letter)
    )
    text = document.read_text(encoding="utf-8")
    between = re.search(r"<!-- findings: [^\n]*\n(?:\|[^\n]*\n){2}(.*?)<!-- end of findings -->", text, re.DOTALL)

    assert between is not None
    assert between[1] == expected_rows


def test_notes_of_the_run_are_all_there():
    """Every number R01, R02 … has its row, and no number is written in the code but in the one list of them."""
    sources = "".join(path.read_text(encoding="utf-8") for path in ROOT.glob("src/gpit_fairshare/**/*.py"))
    rows = [row[0] for piece in tables(FINDINGS, "number", "what it is about") for row in piece.rows[1:]]

    assert set(re.findall(r'"(R\d\d)"', sources)) == {number for number in rows if number.startswith("R")}
    assert sorted(re.findall(r'"([IRS]\d\d)"', sources)) == sorted(code.number for code in FindingCode)


def test_headings_are_known():
    """Every column of the headings file has its row, and every heading shown there is read as that column."""
    columns = standard_columns()
    rows = table(FILES, "column", "what it holds", "also read from")

    assert {quoted(column)[0] for column, _, _ in rows} == set(columns)
    for column, _, headings in rows:
        entry = columns[quoted(column)[0]]
        strangers = [
            heading for heading in quoted(headings) if folded(heading) not in entry.aliases | entry.weak | entry.last
        ]
        assert strangers == []


@pytest.fixture(scope="module")
def outputs(tmp_path_factory):
    """A run of the default scheme with lines of cost and area teams, as a workbook, a table and a document."""
    place = tmp_path_factory.mktemp("written")
    teams = dict(zip(ABCD, ("North", "North", "South", "South"), strict=True))
    people = [{"org_code": code, "area_team": team, "registered_population": 10} for code, team in teams.items()]
    write_rows(place / "population.csv", people)
    (lines,) = [piece.text for piece in pieces(FILES) if piece.kind == "csv"]
    (place / "lines.csv").write_text(lines, encoding="utf-8")
    command = "gpit allocate --population population.csv --spend lines.csv -o o.xlsx -o o.csv -o o.json"
    assert typed(command, folder=place) == 0
    return place


def test_columns_of_the_tidy_table(outputs):
    """The columns in the text are those of a run of the default scheme."""
    listed = OUTPUTS.read_text(encoding="utf-8").split("<!-- columns -->")[1].split("\n\n")[0]
    header = (outputs / "o.csv").read_text(encoding="utf-8").partition("\n")[0]

    assert quoted(listed) == header.split(",")


def test_sheets_of_the_workbook(outputs):
    """The sheets in the text are those of the workbook, in their order; headings are in row 4."""
    book = openpyxl.load_workbook(outputs / "o.xlsx", data_only=True)
    year = book["2014-15"]

    assert [quoted(name)[0] for name, _ in table(OUTPUTS, "sheet", "what it holds")] == book.sheetnames
    assert [year.cell(row, 1).value for row in (4, 5)] == ["Code", "A"]
    fair_share = next(cell.column for cell in year[4] if str(cell.value).startswith("Fair share ("))
    assert year.cell(3, fair_share).value == 140_000_000


def test_a_grouping_has_a_sheet(folder):
    """Figures by region have a sheet called Region 2014-15, as the text says."""
    from gpit_fairshare.workbook.result_workbook import write_workbook

    run_steps(folder, [("people", "total(registered_population, within=region)")])
    result = allocate(
        population=SAMPLES / "abcd-population.csv", inputs=folder / "need.csv", scheme=folder / "steps.toml"
    )
    write_workbook(result, folder / "groups.xlsx")

    assert "Region 2014-15" in openpyxl.load_workbook(folder / "groups.xlsx").sheetnames
    assert "`Region 2014-15`" in OUTPUTS.read_text(encoding="utf-8")


def test_keys_of_the_json_document(outputs):
    """The keys in the text are those of a run, at the top and one level below."""
    document = json.loads((outputs / "o.json").read_text("utf-8"))
    rows = table(OUTPUTS, "key", "what it holds", "keys inside")

    assert [quoted(key)[0] for key, _, _ in rows] == list(document)
    for key, _, inside in rows:
        value = document[quoted(key)[0]]
        entry = value[0] if isinstance(value, list) and value else value
        if inside.strip() and "every national step" not in inside:
            assert quoted(inside) == list(entry), key
    national = [step["name"] for step in document["steps"] if step["kind"] == "national"]
    assert list(document["national"][0]) == ["year", *national]
    assert f"`{document['schema']}`" in OUTPUTS.read_text(encoding="utf-8")


def test_keys_of_the_manifest(outputs):
    """The keys of the manifest in the text are those of a run, at the top and one level below."""
    document = json.loads((outputs / "o.json").read_text("utf-8"))
    manifest, rows = document["manifest"], table(OUTPUTS, "key of the manifest", "what it holds", "keys inside")

    assert [quoted(key)[0] for key, _, _ in rows] == list(manifest)
    for key, _, inside in rows:
        value = manifest[quoted(key)[0]]
        if inside.strip():
            assert quoted(inside) == list(value[0] if isinstance(value, list) else value), key
    assert set(manifest["run"]) == {option.key for option in OPTIONS.values()}


RUN_FLAGS = {option.flag for option in OPTIONS.values()}


def options_listed(page, *head):
    """The options that a table of a page has in its first column."""
    names = [name.split()[0] for option, _ in table(page, *head) for name in quoted(option)]
    return {name for name in names if name.startswith("--")}


def options_in_help(verb):
    """The long names of the options that the help of a verb lists."""
    help_text = gpit(verb, "--help", folder=ROOT).stdout.decode()
    return set(re.findall(r"^ +(?:-\w, )?(--[a-z-]+)", help_text, re.MULTILINE))


def test_options_are_all_there():
    """Every option that `gpit allocate --help` lists has its row in docs/commands.md, and no other has."""
    of_a_run = options_listed(COMMANDS, "option of a run", "what it does")

    assert of_a_run == RUN_FLAGS
    assert of_a_run | options_listed(COMMANDS, "option of `gpit allocate`", "what it does") == options_in_help(
        "allocate"
    )


def test_keys_of_gpit_toml_are_all_there(tmp_path, monkeypatch):
    """The table has each key once, and the example is a file that has them all."""
    keys = [quoted(key)[0] for key, _ in table(COMMANDS, "key of `gpit.toml`", "what it gives")]
    example = next(piece.text for piece in pieces(COMMANDS) if piece.kind == "toml")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "gpit.toml").write_text(example, encoding="utf-8")

    assert keys == [option.key for option in OPTIONS.values() if option.in_defaults] == list(tomllib.loads(example))
    assert read_defaults().values["units"] == {"GP IT cost": "£000"}


def test_options_of_check_are_all_there():
    """Beside the options of a run without --set, every option of `gpit check` has its row in docs/commands.md."""
    own = options_listed(COMMANDS, "option of `gpit check`", "what it does")

    assert (own | RUN_FLAGS) - {"--set"} == options_in_help("check")


def test_options_of_library_check_are_all_there():
    """Every option that `gpit library check --help` lists has its row in docs/library.md, and no other has."""
    help_text = gpit("library", "check", "--help", folder=ROOT).stdout.decode()
    options = re.findall(r"^ +(?:-\w, )?(--[a-z-]+)", help_text, re.MULTILINE)
    rows = table(LIBRARY, "option of `gpit library check`", "what it does")
    documented = [name for option, _ in rows for name in quoted(option)]

    assert len(options) >= 5
    assert {name.split()[0] for name in documented if name.startswith("--")} == set(options)


@pytest.mark.parametrize("verb", ["list", "show", "new", "schema"])
def test_options_of_the_library_are_all_there(verb):
    """Every option of the verbs of `gpit library` has its row in docs/library.md, and no other has."""
    help_text = gpit("library", verb, "--help", folder=ROOT).stdout.decode()
    options = re.findall(r"^ +(?:-\w, )?(--[a-z-]+)", help_text, re.MULTILINE)
    rows = table(LIBRARY, f"option of `gpit library {verb}`", "what it does")
    documented = [name for option, _ in rows for name in quoted(option)]

    assert len(options) >= 2
    assert {name.split()[0] for name in documented if name.startswith("--")} == set(options)


def test_keys_of_a_method_and_of_the_list():
    """The keys in docs/library.md are those of the documents, at the top and one level below."""
    document = json.loads(json.dumps(method("gpit-2014-16")[0].document()))
    rows = table(LIBRARY, "key of `gpit-method/1`", "what it holds", "keys inside")
    below = {"steps": method("none")[0].document()["steps"], "properties": [dict.fromkeys(KEPT)]}
    below["checks"] = method("registered-population")[0].document()["checks"]
    below["tables"] = [{field.name: "" for field in fields(MethodTable)}]
    below["outcomes"] = method("none")[0].document()["outcomes"]
    listed = entries_document(library_entries(), [])
    text = LIBRARY.read_text(encoding="utf-8").partition("## Show")[0]

    assert {name for key, _, _ in rows for name in quoted(key)} == set(document)
    for key, _, inside in rows:
        if inside.strip():
            for name in quoted(key):
                assert quoted(inside) == list((document[name] or below[name])[0]), name
    assert all(f"`{key}`" in text for key in (*listed, *asdict(library_entries()[0])))


def test_fields_of_a_function_are_all_there():
    """docs/plugins.md has the fields of `Function`, and its example is one that can be used."""
    rows = table(PLUGINS, "field of `Function`", "what it is")
    (code,) = [piece.text for piece in pieces(PLUGINS) if piece.kind == "python"]
    made: dict[str, object] = {}
    exec(code, made)  # noqa: S102 - the example of the document

    assert {quoted(name)[0] for name, _ in rows} == {field.name for field in fields(Function)}
    assert isinstance(made["DAMPED"], Function)


def test_keys_of_reviews():
    """The keys in docs/library.md are those of the document, at the top, in a review, and below."""
    document = reviews_document([review("gpit-2014-16")])
    top = table(LIBRARY, "key of `gpit-library-check/1`", "what it holds", "keys inside")
    rows = table(LIBRARY, "key of a review", "what it holds", "keys inside")
    (review_entry,) = document["reviews"]

    assert [quoted(key)[0] for key, _, _ in top] == list(document)
    assert quoted(top[-1][2]) == list(review_entry)
    assert [name for key, _, _ in rows for name in quoted(key)] == list(review_entry)
    for key, _, inside in rows:
        if inside.strip():
            assert quoted(inside) == list(review_entry[quoted(key)[0]][0]), key
    assert f"`{document['schema']}`" in LIBRARY.read_text(encoding="utf-8")


def test_options_of_sweep_are_all_there():
    """Beside the options of a run, every option of `gpit sweep` has its row in docs/sweep.md, and no other has."""
    own = options_listed(SWEEP, "option of `gpit sweep`", "what it does")

    assert not own & RUN_FLAGS
    assert own | RUN_FLAGS == options_in_help("sweep")


@pytest.mark.slow
def test_keys_of_a_sweep():
    """The keys in docs/sweep.md are those of the JSON document of a sweep."""
    document = SweepReport(sweep(sample=True, vary=["revenue_budget=1,2"])).document()

    assert [quoted(key)[0] for key, _ in table(SWEEP, "key of `gpit-sweep/1`", "what it holds")] == list(document)
    assert f"`{document['schema']}`" in SWEEP.read_text(encoding="utf-8")


def test_options_of_population_are_all_there():
    """Every option that `gpit population --help` lists has its row in docs/population.md, and no other has."""
    own = options_listed(POPULATION, "option of `gpit population`", "what it does")

    assert own == options_in_help("population")


def test_people_of_the_text_get_what_it_says(tmp_path):
    """The rows and weights in docs/population.md give its table, and its keys are those of the JSON document."""
    for piece in pieces(POPULATION):
        if piece.kind in ("csv", "toml"):
            (tmp_path / quoted(piece.before)[-1]).write_text(piece.text, encoding="utf-8")

    counted = population(people=tmp_path / "people.csv", weights=tmp_path / "weights.toml", year="2014/15")

    result = allocate(
        population=counted.frame,
        scheme="fair-share",
        formula="weighted-population",
        years=["2014/15"],
        settings={"revenue_budget": 1_000_000},
    )
    allocations = result.rows["allocation"].to_list()
    assert table(POPULATION, "organisation", "registered population") == [
        (code, str(registered), f"{weighted:g}", f"£{allocation:,.0f}")
        for (_, code, registered, weighted), allocation in zip(counted.frame.rows(), allocations, strict=True)
    ]
    keys = [quoted(key)[0] for key, _ in table(POPULATION, "key of `gpit-population/1`", "what it holds")]
    assert keys == list(population_entries(counted))


def test_options_of_explain_are_all_there():
    """Beside the options of a run, every option of `gpit explain` has its row in docs/explain.md, and no other has."""
    own = options_listed(EXPLAIN, "option of `gpit explain`", "what it does")

    assert not own & RUN_FLAGS
    assert own | RUN_FLAGS == options_in_help("explain")


OFF_RULE = OffRule("2014/15", "A", "x", "X", 1.0, 2.0, "£", frozenset("A"))


def test_keys_of_an_explanation():
    """The keys in docs/explain.md are those of an explanation, of its years, of what differs and of a line."""
    run = explain(allocate(population=SAMPLES / "abcd-population.csv", spend=SAMPLES / "abcd-spend.csv"), "A")
    document = replace(run, differences=(OFF_RULE,), others_differ=(OFF_RULE,)).document()
    rows = table(EXPLAIN, "key of `gpit-explanation/1`", "what it holds", "keys inside")
    line = [key for keys, _ in table(EXPLAIN, "key of a line", "what it holds") for key in quoted(keys)]

    assert [quoted(key)[0] for key, _, _ in rows] == list(document)
    for key, _, inside in rows:
        if inside.strip():
            assert quoted(inside) == list(document[quoted(key)[0]][0]), key
    first = document["years"][0]["lines"][0]
    assert sorted(line) == sorted(first)
    rung = [quoted(key)[0] for key, _ in table(EXPLAIN, "key of a rung of the ladder", "what it holds")]
    assert rung == list(document["years"][0]["ladder"][0])
    assert f"`{document['schema']}`" in EXPLAIN.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def compared():
    """The sample with a smaller fund against the sample as it is."""
    return compare(allocate(sample=True), allocate(sample=True, settings={"transition_fund": 10_000_000}))


def test_options_of_compare_are_all_there():
    """Beside the options of a run without --scheme, every option of `gpit compare` has its row, and no other has."""
    own = options_listed(COMPARE, "option", "what it does")

    assert (own | RUN_FLAGS) - {"--scheme"} == options_in_help("compare")


@pytest.mark.slow
def test_keys_of_the_comparison(compared):
    """The keys in docs/compare.md are those of a comparison, at the top and one level below."""
    outcomes = (OutcomeChange("2014/15", "at the floor", "at the fair share", 1),)
    document = replace(compared, old=replace(compared.old, off_rule=(OFF_RULE,)), outcomes=outcomes).document()
    rows = table(COMPARE, "key", "what it holds", "keys inside")

    assert [quoted(key)[0] for key, _, _ in rows] == list(document)
    for key, _, inside in rows:
        value = document[quoted(key)[0]]
        entry = value[0] if isinstance(value, list) and value else value
        assert quoted(inside) == (list(entry) if isinstance(entry, dict) else []), key
    assert f"`{document['schema']}`" in COMPARE.read_text(encoding="utf-8")


@pytest.mark.slow
def test_columns_and_sheets_of_the_comparison(compared, tmp_path):
    """The columns of the CSV file and the sheets of the workbook are those in docs/compare.md."""
    from gpit_fairshare.comparison import csv_text
    from gpit_fairshare.comparison.book import write_workbook

    listed = COMPARE.read_text(encoding="utf-8").split("<!-- columns -->")[1].split("\n\n")[0]
    columns = [name for name in quoted(listed) if name not in ("both", "added", "removed")]
    header = csv_text(compared).partition("\n")[0].split(",")
    write_workbook(compared, tmp_path / "c.xlsx")

    assert columns == [name for name in header if not name.startswith(("cause_", "alone_", "interaction_"))]
    sheets = openpyxl.load_workbook(tmp_path / "c.xlsx").sheetnames
    assert [quoted(name)[0] for name, _ in table(COMPARE, "sheet", "what it holds")] == sheets


def test_options_of_solve_are_all_there():
    """Beside the options of a run, every option of `gpit solve` has its row in docs/solve.md, and no other has."""
    own = options_listed(SOLVE, "option", "what it does")

    assert own | RUN_FLAGS == options_in_help("solve")


def test_keys_of_a_solution():
    """The keys in docs/solve.md are those of an answer."""
    document = solve(
        sample=True, transition="none", parameter="revenue_budget", condition="allocation < 0", between=(1, 2)
    ).document()
    listed = [key for keys, _ in table(SOLVE, "key of an answer", "what it holds") for key in quoted(keys)]

    assert sorted(listed) == sorted(document)
    assert f"`{document['schema']}`" in SOLVE.read_text(encoding="utf-8")


def test_options_of_reallocate_are_all_there():
    """Every option that `gpit reallocate --help` lists has its row in docs/reallocate.md, and no other has."""
    help_text = gpit("reallocate", "--help", folder=ROOT).stdout.decode()
    options = re.findall(r"^ +(?:-\w, )?(--[a-z-]+)", help_text, re.MULTILINE)
    rows = table(REALLOCATE, "option of `gpit reallocate`", "what it does")
    documented = [name for option, _ in rows for name in quoted(option)]

    assert len(options) > 10
    assert {name.split()[0] for name in documented if name.startswith("--")} == set(options)


def test_columns_of_letters_and_values_of_reallocate():
    """The columns of the letters are those in docs/reallocate.md, and the values are those of the scheme."""
    columns = [name for names, _ in table(REALLOCATE, "column", "what it holds") for name in quoted(names)]
    values = {
        quoted(name)[0]: written_numbers.number(value)
        for name, value, _ in table(REALLOCATE, "parameter", "value", "what it decides")
    }
    scheme = load("reallocate")

    assert columns == [entry.name for entry in fields(AllocationChange)]
    assert values == {name: parameter.values["2014/15"].value for name, parameter in scheme.parameters.items()}


def test_words_of_verify_are_all_there():
    """Every word and option of `gpit verify --help` has its row in docs/verify.md, and no other has."""
    help_text = gpit("verify", "--help", folder=ROOT).stdout.decode()
    usage, options = help_text.splitlines()[0], re.findall(r"^ +(?:-\w, )?(--[a-z-]+)", help_text, re.MULTILINE)
    documented = [
        name for words, _ in table(VERIFY, "word after `gpit verify`", "what it does") for name in quoted(words)
    ]

    assert re.findall(r"[A-Z]{3,}", usage.partition("[OPTIONS]")[2]) == ["RESULT", "FILE", "FOLDER"]
    assert documented == ["RESULT", "FILE", "FOLDER", "--max-size MB", "--json", "-h", "--help"]
    assert set(options) == {"--max-size", "--json", "--help"}


@pytest.mark.slow
def test_keys_and_kinds_of_a_verification(outputs):
    """The keys in the text are those of the JSON document, at the top and one level below; so are the kinds."""
    book = openpyxl.load_workbook(outputs / "o.xlsx")
    book["About"]["B5"] = "typed over"
    manifest = next(cell for cell in book["Manifest"]["A"] if str(cell.value).startswith("JSON 1 of"))
    piece = book["Manifest"].cell(manifest.row, 2)
    piece.value = piece.value.replace('"polars": "', '"polars": "0.')
    for row in book["About"].iter_rows():
        if row[0].value == "Prepared by":
            row[1].value = "A. Analyst"
    book.save(outputs / "changed.xlsx")
    document = json.loads(gpit("verify", "changed.xlsx", "--json", folder=outputs).stdout)
    rows = table(VERIFY, "key of `gpit-verification/1`", "what it holds", "keys inside")

    assert [quoted(key)[0] for key, _, _ in rows] == list(document)
    inside = {quoted(key)[0]: quoted(keys) for key, _, keys in rows if keys.strip()}
    for key in ("versions", "files", "scheme_files", "content", "filled_in"):
        assert inside[key] == list(document[key][0]), key
    assert inside["off_rule"] == list(OFF_RULE.document())
    assert inside["parameters"] == inside["manifest"] == inside["versions"]
    assert inside["answer"] == [field.name for field in fields(Answer)]
    kinds = [quoted(kind)[0] for kind, _ in table(VERIFY, "kind of content", "what it means")]
    assert kinds == [str(kind) for kind in DifferenceKind]
    (verdicts,) = [quoted(text) for key, text, _ in rows if key == "`verdict`"]
    assert verdicts == [str(verdict) for verdict in Verdict]


def test_page_of_the_library_names_every_file():
    """The table of docs/library.md has every scheme, formula and transition of the library, and no other."""
    rows = dict(table(LIBRARY, "kind", "in the library"))

    assert {kind: sorted(quoted(names)) for kind, names in rows.items()} == {
        kind: library_names(kind) for kind in ("scheme", "formula", "transition")
    }


# Testing --------------------------------------------------------------------------------------------------------


@pytest.fixture
def documented(tmp_path):
    """A folder with the samples and the case of docs/testing.md."""
    shutil.copytree(SAMPLES, tmp_path / "data" / "samples")
    (text,) = [piece.text for piece in pieces(TESTING) if piece.kind == "toml" and "[case]" in piece.text]
    (tmp_path / "four-by-heads.toml").write_text(text, encoding="utf-8")
    return tmp_path


@pytest.mark.slow
def test_the_case_in_the_text_is_ok_and_fails_as_shown(documented):
    """The case as written is ok; with D a pound too high the answer is the one shown, to the letter."""
    (command,) = [piece.text for piece in pieces(TESTING) if piece.text.startswith("gpit test four")]
    printed = next(piece.text for piece in pieces(TESTING) if piece.kind == "text")
    place = documented / "four-by-heads.toml"

    assert typed(command, folder=documented) == 0
    text = place.read_text(encoding="utf-8")
    place.write_text(text.replace("allocation = 800_000", "allocation = 800_001"), encoding="utf-8")
    done = gpit(*shlex.split(command)[1:], folder=documented, env={"PYTHONIOENCODING": "utf-8"})
    assert done.returncode == 1
    assert done.stdout.decode().splitlines() == printed.splitlines()


def test_options_of_testing_are_all_there():
    """Every option that `gpit test --help` lists has its row in docs/testing.md, and no other has."""
    help_text = gpit("test", "--help", folder=ROOT).stdout.decode()
    options = re.findall(r"^ +(?:(-\w)[ ,]+)?(--[a-z]+)?", help_text.split("Options:")[1], re.MULTILINE)
    rows = table(TESTING, "option of `gpit test`", "what it does")
    documented = [name.split()[0] for option, _ in rows for name in quoted(option)]

    assert len(rows) == 7
    assert set(documented) == {"PATH", *(name for names in options for name in names if name)}


def test_keys_of_a_case_are_all_there():
    """The tables have the keys that a case may have, in the order of the models."""
    heads = [name for name, _ in table(TESTING, "key of `[case]`", "what it is")]
    kinds = [
        quoted(kind)[0].replace("\\|", "|") if quoted(kind) else ""
        for kind, _ in table(TESTING, "an option that takes", "is in `[run]`")
    ]
    parts = [quoted(name)[0] for name, _ in table(TESTING, "table", "what it holds")]
    origins = [quoted(name)[0] for name, *_ in table(TESTING, "origin", "what its figures prove")]
    source = next(text for key, text in table(TESTING, "key of `[case]`", "what it is") if key == "`source`")

    assert [quoted(name)[0] for name in heads] == list(CaseHeader.model_fields)
    assert set(RunEntry.model_fields) == {option.key for option in OPTIONS.values()}
    assert sorted(kinds) == sorted({option.kind.value for option in OPTIONS.values()})
    assert [re.sub(r'^\[|\]$|\."2014/15"', "", name) for name in parts] == list(CaseDocument.model_fields)[2:]
    assert tuple(origins) == ORIGINS
    assert set(CaseSource.model_fields) <= set(quoted(source))


@pytest.mark.slow
def test_keys_of_the_verdicts(documented):
    """The keys in the text are those of `gpit test --json`, and of its differences and changes."""
    text = TESTING.read_text(encoding="utf-8")
    place = documented / "four-by-heads.toml"
    place.write_text(
        place.read_text(encoding="utf-8").replace("800_000", "1").replace("worked by hand", "regression"), "utf-8"
    )
    failed = json.loads(gpit("test", place.name, "--json", folder=documented).stdout.decode())
    env = {"CI": ""}
    updated = json.loads(gpit("test", place.name, "--json", "--update", folder=documented, env=env).stdout.decode())
    (rows,) = [piece.rows[1:] for piece in tables(TESTING, "key of `gpit-test/1`", "what it holds", "keys inside")]

    assert [quoted(key)[0] for key, _, _ in rows] == list(failed) == list(updated)
    for key, _, inside in rows:
        value = updated[quoted(key)[0]]
        entry = value[0] if isinstance(value, list) and value else value
        assert quoted(inside) == (list(entry) if isinstance(entry, dict) else []), key
    for entry in (failed["cases"][0]["differences"][0], updated["update"]["changes"][0]):
        assert all(f"`{key}`" in text for key in entry)


def test_exit_codes_of_testing():
    """docs/testing.md has the exit codes of every verb, but for the keyboard."""
    assert list(dict(table(TESTING, "exit code", "meaning"))) == ["0", "1", "2", "3"]


# The documents as texts ---------------------------------------------------------------------------------------


def test_glossary_is_in_order():
    """One line a term, in alphabetical order, each once; columns of fixed meaning are among them."""
    lines = GLOSSARY.read_text(encoding="utf-8").splitlines()
    entries = [line for line in lines if line.startswith("* ")]
    terms = [match[1].casefold() for line in entries if (match := re.match(r"\* \*\*(.+?)\*\*: .+\.$", line))]

    assert len(terms) == len(entries) == len([line for line in lines[1:] if line]) - 1
    assert terms == sorted(set(terms))
    assert all(f"`{name}`" in "".join(entries) for name in STANDARD_INPUTS)


@pytest.mark.parametrize("document", [README, *sorted(ROOT.glob("docs/*.md"))], ids=lambda path: path.name)
def test_pages_are_short(document):
    """The README has at most 120 lines, a page at most 400."""
    assert len(document.read_text(encoding="utf-8").splitlines()) <= (120 if document == README else 400)


def test_index_has_every_page():
    """docs/index.md links to every page of the documentation, and the README to docs/index.md."""
    linked = set(re.findall(r"\]\(([\w-]+\.md)", INDEX.read_text(encoding="utf-8")))

    assert linked == {path.name for path in ROOT.glob("docs/*.md")} - {"index.md"}
    assert "(docs/index.md)" in README.read_text(encoding="utf-8")


def anchors(document: Path) -> set[str]:
    """Return the places of a document that links may point at, as GitHub names them."""
    text = re.sub(r"^```.*?^```", "", document.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(document):
    """Every link to a file of the project finds it, and every link to a heading finds the heading."""
    lost = []
    text = document.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"[a-z]+:", target):
            continue
        file, _, anchor = target.partition("#")
        place = (document.parent / file).resolve() if file else document
        if not place.exists() or (anchor and anchor not in anchors(place)):
            lost.append(target)

    assert lost == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_path_of_a_machine(document):
    """No document names a folder that is on one machine only."""
    assert not re.search(r"(?<![\w.])/(?:home|work|tmp|Users|root)/", document.read_text(encoding="utf-8"))
