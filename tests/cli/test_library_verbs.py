from __future__ import annotations

import datetime as dt
import io
import json
import re
import tomllib
from contextlib import redirect_stdout

import pytest
from jsonschema import Draft202012Validator
from rich.console import Console

from gpit_fairshare import GpitError, UsageError, allocate
from gpit_fairshare.cli import app
from gpit_fairshare.language import in_words
from gpit_fairshare.language.parsing import parse
from gpit_fairshare.reports.library import library_document, method_document
from gpit_fairshare.reports.screen import show
from gpit_fairshare.scheme.library import library_names
from gpit_fairshare.scheme.method import entries_document, library_entries, method
from gpit_fairshare.scheme.review import review
from gpit_fairshare.scheme.schema import file_schema
from gpit_fairshare.templates.rules import write_rule
from running import ROOT, SAMPLES, gpit

LIBRARY = ROOT / "src" / "gpit_fairshare" / "library"
SHELVES = {"formula": "formulas", "transition": "transitions", "scheme": "schemes"}
EVERY = [(kind, name) for kind in SHELVES for name in library_names(kind, with_plugins=False)]
LABELS = {"a": "Budget", "b": "Weighted population", "c": "Allocation", "d": "Region", "f": "Above average"}


def printed(document, *, width: int = 80, encoding: str = "utf-8") -> str:
    """The screen at this width and encoding."""
    stream = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    show(document, Console(file=stream, width=width, force_terminal=False))
    stream.flush()
    return stream.buffer.getvalue().decode(encoding)


def run(*arguments: str) -> str:
    """The output of a command, run in this process."""
    stream = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
    with redirect_stdout(stream):
        app(list(arguments), standalone_mode=False)
    stream.flush()
    return stream.buffer.getvalue().decode()


# List -------------------------------------------------------------------------------------------------------------


def test_list_has_every_file_of_the_library():
    """One entry for each file, formulas first; of the six figures of gpit-2014-16, three have a source."""
    entries = library_entries()

    assert [(entry.kind, entry.name) for entry in entries] == EVERY
    (scheme,) = [entry for entry in entries if entry.name == "gpit-2014-16"]
    assert (scheme.cited, scheme.assumed, scheme.years) == (3, 3, ("2014/15", "2015/16"))
    assert {entry.package for entry in entries} == {""}


@pytest.mark.parametrize("encoding", ["utf-8", "cp1252", "ascii"])
def test_list_fits_on_a_screen(encoding):
    """No line is longer than 80 columns; each name has its years and figures, and its title below."""
    lines = printed(library_document(library_entries()), encoding=encoding).splitlines()
    place = next(number for number, line in enumerate(lines) if line.strip().startswith("gpit-2014-16 "))

    assert max(map(len, lines)) <= 80
    assert lines[place].split() == ["gpit-2014-16", "2014/15", "and", "2015/16", "3", "3"]
    assert lines[place + 1].strip() == "Securing Excellence in GP IT Services 2014-16"


def test_list_as_json():
    """The document has the same entries, and the problems of plug-ins; --kind excludes other kinds."""
    document = json.loads(run("library", "list", "--kind", "transition", "--json"))

    assert document == json.loads(json.dumps(entries_document(library_entries("transition"), [])))
    assert [file["name"] for file in document["files"]] == library_names("transition")


# Show -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("kind", "name"), EVERY)
def test_every_method_can_be_shown(kind, name):
    """Every step with its formula, check and source is shown; only addresses and commands exceed 80 columns."""
    rule, text = method(name, kind)
    screen = printed(method_document(rule), encoding="cp1252")
    flat = re.sub(r"\s+", " ", screen)
    table = tomllib.loads(text)

    for step in table.get("steps", []):
        assert f"{step['label']}" in flat
        assert f"formula: {' '.join(step['formula'].split())}" in flat
    for check in table.get("checks", []):
        assert check["name"] in flat
    for source in table.get("sources", {}).values():
        assert source["title"] in flat
        assert source.get("url", "") in screen
    assert [
        line for line in screen.splitlines() if len(line) > 80 and "://" not in line and "gpit library" not in line
    ] == []


def test_show_says_where_figures_come_from():
    """Every value of the default scheme has its unit and its source or assumption; its parts are named."""
    screen = " ".join(printed(method_document(method("gpit-2014-16")[0])).split())

    assert "2014/15: £140,000,000 – Digital Health, Plans for £230m GP IT spend released, 2014-04-03" in screen
    assert "2015/16: £140,000,000 – assumption: No figure was found for 2015/16, so the figure of" in screen
    assert "Share of spend above fair share that counts as need, %, from 0% to 100% (support_share)" in screen
    assert "gpit library show above-average-cost --kind transition" in screen
    assert "(2015/16 indicative)" in screen


def test_show_has_what_reviewers_ask(tmp_path):
    """Order, payer, baseline, defaults, properties with their reasons and the infeasible case are all shown."""
    path, _, _ = write_rule(str(tmp_path / "pace"), "transition")
    text = path.read_text("utf-8")
    properties = """
[properties]
control_total = "kept"
rising_target = { broken = "A cliff." }
mergers = { absent = "None." }
"""
    path.write_text(text + properties, "utf-8")
    screen = " ".join(printed(method_document(method(str(path))[0])).split())

    assert "Opening baseline: Historic spend. Who pays for protection: those who gain, within the budget." in screen
    assert "1. The floor is the opening baseline less the largest loss. 2. The rest of the money is shared" in screen
    assert "default: 20% – assumption: An example" in screen
    assert "Opening baseline, £ (opening_baseline) = last year's Allocation (first year: Historic spend)" in screen
    assert "Control total: kept. Allocations and unspent money add up to the money available: exactly, if" in screen
    assert "Rising target: not kept (an organisation whose target is raised in a year never gets less" in screen
    assert "A cliff." in screen
    assert "Mergers: not applicable. None." in screen
    assert "When there is no answer If the floors cost more than the total of fair shares, the run stops" in screen


def test_show_as_markdown_toml_and_json():
    """Markdown has a section for each part, TOML is the file itself, JSON has every step."""
    markdown = run("library", "show", "cost-above-funding", "--format", "markdown")
    toml = run("library", "show", "cost-above-funding", "--format", "toml")
    document = json.loads(run("library", "show", "cost-above-funding", "--json"))

    assert toml == (LIBRARY / "transitions" / "cost-above-funding.toml").read_text("utf-8")
    assert markdown.startswith("# Transition fund for cost above the revised funding\n")
    assert "## Steps\n\n1. Cost above fair share, yes/no (`cost_above_funding`)\n" in markdown
    assert "* formula: `historic_spend > fair_share`" in markdown
    assert [step["name"] for step in document["steps"]] == [step["name"] for step in tomllib.loads(toml)["steps"]]
    with pytest.raises(UsageError, match="give only one of them"):
        run("library", "show", "none", "--json", "--format", "toml")


def test_show_takes_a_file_and_refuses_what_it_cannot_read(tmp_path):
    """A path works like a name; a missing file, another kind or an error is reported with exit code 2."""
    path, _, _ = write_rule(str(tmp_path / "mine.toml"))
    assert method(str(path))[0].name == "mine"
    with pytest.raises(UsageError, match=r"did you mean above-average-cost\?"):
        method("aboveaverage-cost")
    with pytest.raises(UsageError, match="none: is not a scheme"):
        method("none", "scheme")
    path.write_text(path.read_text("utf-8").replace("by=registered", "by=unregisterd_x +"), "utf-8")
    with pytest.raises(GpitError, match="step unrounded_fair_share"):
        method(str(path))


@pytest.mark.parametrize(
    ("formula", "says"),
    [
        ("previous(c, first=a)", "last year's Allocation (first year: Budget)"),
        (
            "share_out(a, by=b, base=c, at_least=1)",
            "Budget shared out by Weighted population, on top of Allocation, at least 1",
        ),
        ("rounded(c, within=d)", "Allocation rounded to whole pounds, keeping the total, within each Region"),
        ("rounded(c, to=100)", "Allocation rounded to multiples of 100, keeping the total"),
        ("where(f, a, 0)", "Budget if Above average, else 0"),
        ("a * (b - c) / 2", "Budget × (Weighted population − Allocation) ÷ 2"),
        ("a - (b - c)", "Budget − (Weighted population − Allocation)"),
        ("max(0, a - b)", "the largest of 0 and Budget − Weighted population"),
        ("clip(a, 0, b)", "Budget, kept between 0 and Weighted population"),
        (
            "total(b, within=d) / total(b)",
            "(total of Weighted population, within each Region) ÷ total of Weighted population",
        ),
        ("not f and a >= 1", "(not Above average) and (Budget is at least 1)"),
        ("d == 'North'", "Region is 'North'"),
        ("count(f)", "number of rows with Above average"),
        ("abs(a) + round(b, 2)", "(Budget without its sign) + (Weighted population rounded to 2 decimals)"),
        ("rounddown(a, 2)", "Budget rounded towards 0 to 2 decimals"),
        ("roundup(a - b, -3)", "Budget − Weighted population rounded away from 0 to −3 decimals"),
        ("rank(b, within=d)", "rank by Weighted population, 1 for the largest, within each Region"),
        ("running_total(a, by=f)", "running total of Budget in the order of Above average"),
        ("given(unknown_name)", "unknown_name is given"),
    ],
)
def test_formulas_in_words(formula, says):
    """Labels replace names, with brackets where the words would be ambiguous."""
    assert in_words.render(parse(formula), LABELS) == says


# New --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", SHELVES)
def test_a_new_file_passes_and_runs(kind, tmp_path):
    """The new file has no error and the name given, and runs on the sample with all checks passing."""
    path, written_kind, _ = write_rule(str(tmp_path / "my-own"), kind)
    looked_at = review(str(path))
    files = {"population": SAMPLES / "abcd-population.csv", "spend": SAMPLES / "abcd-spend.csv"}
    settings = {"revenue_budget": 2_000_000}

    assert (looked_at.kind, looked_at.name, looked_at.sound, written_kind) == (kind, "my-own", True, kind)
    assert not looked_at.has("warning")
    assert allocate(**files, **{kind: path}, settings=settings, with_effects=False).agrees


@pytest.mark.parametrize(("kind", "name"), EVERY)
def test_a_copy_differs_only_in_its_name(kind, name, tmp_path):
    """A copy has every comment of its original and no error; only the line of the name differs."""
    path, _, _ = write_rule(str(tmp_path / "copy of mine.toml"), kind, name)
    old = (LIBRARY / SHELVES[kind] / f"{name}.toml").read_text("utf-8").splitlines()
    new = path.read_text("utf-8").splitlines()

    assert [line for original, line in zip(old, new, strict=True) if original != line] == ['name = "copy of mine"']
    assert review(str(path)).sound


def test_new_refuses(tmp_path, monkeypatch):
    """No file is overwritten; a missing folder or an invalid name is refused."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.toml").write_text("kept", "utf-8")
    for arguments, says in (
        (("mine",), "mine.toml: exists already"),
        (("elsewhere/mine",), "there is no folder elsewhere"),
        (("",), "is not a valid file name"),
        (("a\nb",), "is not a valid file name"),
        (("other", "--from", "above-averge-cost"), "did you mean above-average-cost"),
        (("other", "--kind", "formula", "--from", "none"), "the library has no such formula"),
    ):
        with pytest.raises(UsageError, match=re.escape(says)):
            run("library", "new", *arguments)

    assert (tmp_path / "mine.toml").read_text("utf-8") == "kept"
    assert [path.name for path in tmp_path.iterdir()] == ["mine.toml"]


@pytest.mark.slow
def test_new_prints_commands_that_run(tmp_path):
    """Both commands under Next run unchanged and exit with 0."""
    done = gpit("library", "new", "my-rule", "--kind", "transition", folder=tmp_path)
    commands = [line for line in done.stdout.decode().splitlines() if line.startswith("gpit ")]

    assert commands == ["gpit library check my-rule.toml", "gpit allocate --sample --transition my-rule.toml"]
    assert gpit(*commands[1].split()[1:], folder=tmp_path).returncode == 0


# Schema -----------------------------------------------------------------------------------------------------------


def plain(value: object) -> object:
    """Return a TOML file as an editor sees it: dates are texts."""
    match value:
        case dict():
            return {key: plain(entry) for key, entry in value.items()}
        case list():
            return [plain(entry) for entry in value]
        case dt.date():
            return value.isoformat()
        case _:
            return value


def texts() -> dict[str, str]:
    """Every formula, transition and scheme file of the library, the templates, the examples and the documents."""
    places = [
        *LIBRARY.rglob("*.toml"),
        *(ROOT / "examples").rglob("*.toml"),
        *ROOT.glob("src/**/templates/files/*.toml"),
    ]
    texts_by_name = {str(place.relative_to(ROOT)): place.read_text("utf-8") for place in places}
    for document in ("docs/scheme-files.md", "docs/how-to-formula.md", "docs/how-to-year.md"):
        blocks = re.findall(r"^```toml\n(.*?)^```", (ROOT / document).read_text("utf-8"), re.MULTILINE | re.DOTALL)
        texts_by_name |= {f"{document} {number}": text for number, text in enumerate(blocks)}
    texts_by_name.pop("src/gpit_fairshare/templates/files/gpit.toml")
    return {name: text for name, text in texts_by_name.items() if set(tomllib.loads(text)) & set(SHELVES)}


@pytest.mark.slow
def test_schema_accepts_every_file():
    """Each file is valid by the schema of its kind and by that of all kinds."""
    everything = Draft202012Validator(file_schema())
    faults = {}
    for name, text in texts().items():
        data = plain(tomllib.loads(text))
        (kind,) = set(data) & set(SHELVES)
        validators = (Draft202012Validator(file_schema(kind)), everything)
        faults[name] = [fault.message for validator in validators for fault in validator.iter_errors(data)]

    assert len(faults) > 15
    assert {name: messages for name, messages in faults.items() if messages} == {}


@pytest.mark.parametrize(
    ("kind", "old", "new"),
    [
        ("transition", 'title = "A', 'titel = "A'),
        ("transition", 'label = "Floor"', 'lable = "Floor"'),
        ("transition", 'unit = "£"', 'unit = "pounds"'),
        ("transition", 'paid_from = "within the budget"', 'paid_from = "no one"'),
        ("transition", 'name = "floor"', 'name = "Floor"'),
        ("transition", "[parameters.largest_loss]", "[parameters.Largest]"),
        ("transition", "assumption =", 'source = "x", assumption ='),
        ("scheme", '"2014/15", "2015/16"]', '"2014-15"]'),
        ("scheme", '"2015/16" = {', '"2015-16" = {'),
        ("scheme", "every_year = {", "each_year = {"),
        ("scheme", "value = 140_000_000", 'value = "much"'),
        ("formula", "[formula]", "[formulae]"),
    ],
)
def test_schema_marks_mistakes(kind, old, new, tmp_path):
    """A misspelt key or word, a malformed name or year, a figure with both origins is marked."""
    path, _, _ = write_rule(str(tmp_path / "x"), kind)
    text = path.read_text("utf-8")
    assert old in text
    schema = Draft202012Validator(file_schema(kind))

    assert schema.is_valid(plain(tomllib.loads(text)))
    assert not schema.is_valid(plain(tomllib.loads(text.replace(old, new, 1))))


def test_schema_is_one_and_says_what_keys_mean():
    """It is a schema of draft 2020-12, printed as JSON; keys have the descriptions of their models."""
    schema = json.loads(run("library", "schema", "--kind", "scheme"))
    keys = schema["$defs"]["SchemeHeader"]["properties"]

    Draft202012Validator.check_schema(schema)
    Draft202012Validator.check_schema(file_schema())
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert keys["indicative"]["description"] == "Years whose allocations are not yet firm."
    assert keys["infeasible"]["description"].startswith("When the rule has no answer")
    assert schema["$defs"]["UseEntry"]["properties"].keys() == {"formula", "as", "with"}
    assert "null" not in json.dumps(schema)
