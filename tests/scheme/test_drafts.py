"""Drafts: schemes whose values have no source yet, or that have no years or values at all."""

from __future__ import annotations

import json

import openpyxl
import pytest
from jsonschema import Draft202012Validator

from gpit_fairshare import SchemeError, UsageError, allocate, compare, explain, verify
from gpit_fairshare.reports.allocation import allocation_screen
from gpit_fairshare.reports.allocation_view import AllocationView
from gpit_fairshare.results.writing import write_json
from gpit_fairshare.scheme import files
from gpit_fairshare.scheme.definition import defined, definition
from gpit_fairshare.scheme.joining import load
from gpit_fairshare.scheme.library import LibraryFile
from gpit_fairshare.scheme.review import review
from gpit_fairshare.scheme.schema import file_schema
from gpit_fairshare.scheme.values import Setting
from gpit_fairshare.structured_texts import parse_toml
from gpit_fairshare.workbook.result_workbook import write_workbook
from running import write_rows

HEAD = """
[scheme]
name = "mine"
title = "Mine"
organisation = "ICB"
years = ["2025/26", "2026/27"]
formula = "registered-population"
transition = "floor-and-ceiling"
"""
VALUES = """
[values]
revenue_budget = 1_000_000
floor_growth = "-5%"

[values.ceiling_growth]
"2025/26" = 0.1
"2026/27" = { value = "10%", assumption = "As before." }
"""
DRAFTS = ("revenue_budget", "floor_growth", "ceiling_growth in 2025/26")
ROWS = [
    {"org_code": "A", "registered_population": 100, "historic_spend": 300_000},
    {"org_code": "B", "registered_population": 300, "historic_spend": 690_000},
]


@pytest.fixture
def file(tmp_path):
    """Return a function that writes a scheme and returns its path."""

    def write(text):
        path = tmp_path / "mine.toml"
        path.write_text(text, encoding="utf-8")
        return str(path)

    return write


@pytest.fixture
def run(file, tmp_path):
    """Return a function that runs a scheme for two organisations."""

    def allocated(text, **options):
        return allocate(population=write_rows(tmp_path / "p.csv", ROWS), scheme=file(text), **options)

    return allocated


def test_plain_numbers_are_values_of_their_years(file):
    """A number alone is the value of every year; one under a year is that year's, and keeps how it was written."""
    parameters = load(file(HEAD + VALUES)).parameters

    assert [value.value for value in parameters["revenue_budget"].values.values()] == [1_000_000, 1_000_000]
    assert [value.as_written for value in parameters["floor_growth"].values.values()] == ["-5%", "-5%"]
    assert [value.value for value in parameters["ceiling_growth"].values.values()] == [0.1, 0.1]
    assert parameters["ceiling_growth"].values["2026/27"].assumption == "As before."


@pytest.mark.parametrize(
    ("text", "drafts"),
    [
        (VALUES, DRAFTS),
        ("[values]\nrevenue_budget = { value = 1_000_000 }\n", ("revenue_budget",)),
        ("[values.revenue_budget]\nevery_year = 1_000_000\n", ("revenue_budget",)),
        ('[values]\nrevenue_budget = { value = 1_000_000, assumption = "x" }\n', ()),
    ],
)
def test_a_parameter_counts_once(file, text, drafts):
    """Each parameter with a value that lacks an origin is named, with its years if another year has one."""
    assert load(file(HEAD + text)).drafts == drafts


def test_spend_that_counts_may_be_a_draft(file):
    """[spend] without source and assumption is a draft, unless no step uses historic spend."""
    text = (
        HEAD
        + '[values]\nrevenue_budget = { value = 1, assumption = "x" }\n[spend]\ncounts = { cost_type = ["revenue"] }\n'
    )

    assert load(file(text)).drafts == ("[spend]",)
    assert load(file(text.replace("floor-and-ceiling", "none"))).drafts == ()


def test_values_set_for_a_run_are_no_drafts(file):
    """A value of --set replaces the draft; it has its own mark."""
    settings = [Setting.read("floor_growth=-5%"), Setting.read("ceiling_growth=10%")]

    assert load(file(HEAD + VALUES), settings=settings).drafts == ("revenue_budget",)


def test_the_library_has_no_drafts(monkeypatch, tmp_path):
    """A file of the library with a figure without an origin is refused, and names the place."""
    path = tmp_path / "mine.toml"
    path.write_text(HEAD + "[values]\nrevenue_budget = 5\n", encoding="utf-8")
    monkeypatch.setattr(files, "find_library_files", lambda *_: [LibraryFile("scheme", "mine", path, None)])

    with pytest.raises(SchemeError, match=r"^mine.toml: values › revenue_budget: a figure of the library must have"):
        load("mine")


def test_check_warns_about_each_draft(file):
    """A review has a warning for each parameter, at its place, and the scheme can be used."""
    outcome = review(file(HEAD + VALUES))

    assert outcome.sound
    warnings = [(finding.number, finding.place) for finding in outcome.findings if finding.level == "warning"]
    assert warnings == [("S04", f"values › {name}") for name in ("revenue_budget", "floor_growth", "ceiling_growth")]


def test_editors_accept_drafts():
    """The JSON Schema accepts plain numbers and values without an origin, and refuses a text that is no number."""
    schema = Draft202012Validator(file_schema("scheme"))

    assert schema.is_valid(parse_toml(HEAD + VALUES))
    assert not schema.is_valid(parse_toml(HEAD + VALUES.replace('"-5%"', '"minus five"')))
    assert not schema.is_valid(parse_toml(HEAD + VALUES.replace("1_000_000", "true")))


def test_screen_and_results_say_draft(run, tmp_path):
    """The first line of the screen, the manifest, the document, an explanation and a comparison have the drafts."""
    result = run(HEAD + VALUES)
    write_json(result, tmp_path / "r.json")
    document = json.loads((tmp_path / "r.json").read_text("utf-8"))

    for details, line in ((False, "DRAFT: 3 values without a source."), (True, f"source: {', '.join(DRAFTS)}.")):
        blocks = allocation_screen(result, AllocationView(details=details)).blocks
        assert blocks[0].text.endswith(line)
    assert document["draft"] == document["manifest"]["draft"] == list(DRAFTS)
    assert explain(tmp_path / "r.json", "A").draft == DRAFTS
    named = "DRAFT: 3 values without a source in r.json: revenue_budget, floor_growth and ceiling_growth in 2025/26."
    assert named in compare(tmp_path / "r.json", run(HEAD + VALUES.replace("1_000_000", "2_000_000"))).drafts


def test_every_sheet_says_draft(run, tmp_path):
    """Each sheet says so in its note, published sheets also in their status; without drafts no sheet does."""
    write_workbook(run(HEAD + VALUES), tmp_path / "r.xlsx", lambda *_: None)
    book = openpyxl.load_workbook(tmp_path / "r.xlsx", read_only=True)
    notes = {sheet.title: str(sheet["A2"].value) for sheet in book}

    assert len(notes) > 10
    assert [name for name, note in notes.items() if "DRAFT: 3 values without a source." not in note] == []
    assert "DRAFT: 3 values without a source." in str(book["Summary"]["A3"].value)


def test_a_draft_is_verified_and_read_back(run, tmp_path, monkeypatch):
    """Running it again from its manifest gives the same file, and its rule read back has the same drafts."""
    monkeypatch.chdir(tmp_path)
    spend = '[spend]\ncounts = { cost_type = ["revenue"] }\n'
    result = run(HEAD + VALUES + spend)
    write_json(result, tmp_path / "r.json")
    table = json.loads(json.dumps(definition(result.scheme)))

    assert result.scheme.drafts == (*DRAFTS, "[spend]")
    assert defined(table, result.scheme.files, result.scheme.digest, "r.json").drafts == (*DRAFTS, "[spend]")
    assert verify(tmp_path / "r.json").verified


# Without years or values ------------------------------------------------------------------------------------------


def test_a_scheme_without_years_asks_for_them():
    """A run without years, and one without values, say in one line what to add."""
    with pytest.raises(UsageError, match=r"^fair-share has no years of its own; give --years 2025/26"):
        load("fair-share")
    with pytest.raises(SchemeError, match=r"in 2025/26; set it with --set revenue_budget=VALUE$"):
        load("fair-share", years=["2025/26"])
    with pytest.raises(SchemeError, match=r"set them with --set revenue_budget=VALUE --set transition_fund=VALUE"):
        load("fair-share", years=["2025/26"], transition="above-average-cost")


def test_own_scheme_without_years(file):
    """A scheme of a user may leave out its years too; its values for single years count in a run of these years."""
    text = HEAD.replace('years = ["2025/26", "2026/27"]\n', "") + '[values.revenue_budget]\n"2025/26" = 5\n'

    assert review(file(text)).sound
    assert load(file(text), years=["2025/26"]).parameters["revenue_budget"].values["2025/26"].value == 5
    with pytest.raises(SchemeError, match="there is no value for revenue_budget"):
        load(file(text), years=["2024/25"])


def test_fair_share_without_a_transition(tmp_path):
    """The neutral scheme pays the fair share: of £1,000 for 100 and 300 people, £250 and £750."""
    people = write_rows(tmp_path / "p.csv", ROWS)
    result = allocate(population=people, scheme="fair-share", years=["2025/26"], settings={"revenue_budget": 1_000})

    assert result.rows["allocation"].to_list() == [250, 750]
    assert {effect.assumption for effect in result.effects} == {1}


def test_a_title_names_the_rule_that_a_run_replaces(tmp_path):
    """A title speaks of the scheme's own rule; with another the run says so, and its file verifies with that title."""
    people = write_rows(tmp_path / "p.csv", ROWS)
    (library_file,) = files.find_library_files("registered-population", ["formula"])
    formula = library_file.place.read_text(encoding="utf-8")
    (tmp_path / "mine.toml").write_text(formula.replace("registered-population", "mine"), encoding="utf-8")
    options = {"population": people, "scheme": "fair-share", "years": ["2025/26"], "settings": {"revenue_budget": 1000}}
    result = allocate(**options, formula=tmp_path / "mine.toml")
    result.write(tmp_path / "r.json")

    assert result.scheme.title == "Fair shares of funding, with formula mine"
    assert verify(tmp_path / "r.json").verified
    assert load("gpit-2014-16", transition="none").title.endswith("2014-16, with transition none")
    own = {"formula": "registered-population", "transition": "above-average-cost"}
    assert load("gpit-2014-16", **own).title == load("gpit-2014-16").title
    both = load("gpit-2014-16", formula="weighted-population", transition="floor-and-ceiling")
    assert both.title.endswith(", with formula weighted-population and transition floor-and-ceiling")
    assert load("fair-share", years=["2025/26"], settings=[Setting("revenue_budget", None, "1")]).title.endswith(
        "funding"
    )


# Slips of TOML ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("floor_growth = -5%", 'a percentage without quotes; write "-5%"'),
        ('floor_growth = { value = -5%, assumption = "x" }', 'a percentage without quotes; write "-5%"'),
        ("revenue_budget = 1,000,000", "a number with commas or blanks; write 1_000_000"),
        ('revenue_budget = { value = 1,000, source = "x" }', "a number with commas or blanks; write 1_000"),
        ("revenue_budget = 5 000", "a number with commas or blanks; write 5_000"),
        ("revenue_budget = 5_000_000 £", "a number with £ or letters; write it in pounds, such as 5_000_000"),
        ("revenue_budget = £5m", "a number with £ or letters; write it in pounds, such as 5_000_000"),
        ("revenue_budget = 5m", "a number with £ or letters; write it in pounds, such as 5_000_000"),
        ("revenue_budget == 5", "two equals signs; write one"),
        ("revenue_budget 5", "a key without =; write one word, = and a value, such as floor_growth = 0.5"),
        ("revenue_budget: 5", "a key without =; write one word, = and a value, such as floor_growth = 0.5"),
        ("revenue_budget = “5”", 'curly quotes; write straight ones, as in "text"'),
        ("years = 2025/26", 'a year or fraction without quotes; write "2025/26"'),
        ("date = 27-03-2025", "a date with its day first; write it as 2025-03-27"),
        ("date = 27/03/2025", "a date with its day first; write it as 2025-03-27"),
        (
            r'formula = "C:\Users\x.toml"',
            r"\ in a text in double quotes; write / in its place, or put the text in single quotes",
        ),
        (
            r'formula = "rules\x.toml"',
            r"\ in a text in double quotes; write / in its place, or put the text in single quotes",
        ),
        ("date = 3 April 2014", "a date in words; write it as 2014-04-03"),
        ("formula = registered-population", 'a text without quotes; write "registered-population"'),
        ("share = .5", "a number that begins with a point; write 0.5"),
    ],
)
def test_a_slip_says_what_to_write(file, line, message):
    """What an analyst writes as in Excel is refused with its line, what it is, and what to write instead."""
    with pytest.raises(SchemeError, match=r"^mine.toml: line 3, column \d+: not valid TOML: ") as refused:
        load(file(f"[scheme]\n\n{line}\n"))
    assert str(refused.value).endswith(f": {message}")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("years =", "Years =", "scheme: unknown key Years; did you mean years?"),
        ("organisation =", "organization =", "scheme: unknown key organization; did you mean organisation or"),
        ("organisation =", 'unit = "£"\norganisation =', "or unit in [parameters.…]?"),
        ("organisation =", 'source = "x"\norganisation =', "unknown key source; did you mean sources or source in ["),
    ],
)
def test_an_unknown_key_names_its_table(file, old, new, message):
    """A key that is misspelt, or that belongs in another table, says so."""
    with pytest.raises(SchemeError) as refused:
        load(file(HEAD.replace(old, new) + VALUES))
    assert message in str(refused.value)
