"""What `gpit library check` reports: each finding in a file made for it, and every error that stops a run."""

import json
import random
import re
import shutil
from importlib import resources
from pathlib import Path

import pytest

import scheme_files as schemes
from gpit_fairshare.errors import GpitError, UsageError
from gpit_fairshare.findings import FindingCode
from gpit_fairshare.scheme.joining import load
from gpit_fairshare.scheme.library import library_names
from gpit_fairshare.scheme.review import review, review_all
from running import gpit, words
from tiers import slow, slow_but

TEMPLATES = Path(str(resources.files("gpit_fairshare") / "templates" / "files"))

CLEAN = """
[scheme]
name = "clean"
title = "A scheme without findings"
organisation = "CCG"
years = ["2014/15", "2015/16"]

[sources.circular]
title = "Circular 7"
url = "https://example.org/7"
date = 2014-04-03

[parameters.budget]
label = "Budget"
unit = "£"
minimum = 0

[parameters.growth]
label = "Growth"
unit = "%"

[inputs.need_index]
unit = "ratio"

[values.budget]
"2014/15" = { value = 1_000_000, source = "circular" }
"2015/16" = { value = 1_100_000, assumption = "Guess.", owner = "Finance", quality = "low", impact = "all" }

[values.growth]
every_year = { value = "5%", source = "circular" }

[[steps]]
name = "weight"
label = "Weight"
unit = "people"
formula = "registered_population * need_index * (1 + growth)"

[[steps]]
name = "unrounded"
label = "Fair share before rounding"
unit = "£"
formula = "share_out(budget, by=weight)"

[[steps]]
name = "fair_share"
label = "Fair share"
unit = "£"
formula = "rounded(unrounded)"

[[checks]]
name = "Adds up"
formula = "abs(total(fair_share) - budget) <= 0.5"
"""
"""A scheme without a transition and without findings: each finding below is caused by one change."""

_VALUES = CLEAN[CLEAN.index("[values.budget]") : CLEAN.index("[[steps]]")]
_DECLARED = CLEAN[CLEAN.index("[parameters.budget]") : CLEAN.index("[values.budget]")]
FORMULA = '[formula]\nname = "clean-formula"\ntitle = "A formula"\n\n' + _DECLARED
FORMULA += CLEAN[CLEAN.index("[[steps]]") :]
SCHEME = CLEAN[: CLEAN.index("[parameters.budget]")] + _VALUES
SCHEME = SCHEME.replace('organisation = "CCG"', 'organisation = "CCG"\nformula = "my-formula.toml"')
"""The same in two files."""

SOURCE = '[sources.x]\ntitle = "X"\nurl = "x"\ndate = 2014-04-03\n\n'
SPARE = '[parameters.spare]\nlabel = "S"\ndefault = { value = 1, source = "circular" }\n\n'
VALUES_OF_X = '[values.x]\nevery_year = { value = 1, source = "circular" }\n\n'
UPKEEP = 'owner = "x", quality = "x", impact = "x"'
YEAR = '"2015-16" = { value = 1, source = "circular" }\n\n'
ON_PEOPLE = '[[checks]]\nname = "People"\nformula = "registered_population > 0"\n\n'
STEP = '\n[[steps]]\nname = "{}"\nlabel = "X"\nformula = "{}"\n'
RATES = STEP.format("rate", "fair_share / registered_population")
RATES += STEP.format("x", "total(rate) * registered_population")
USE = '\n[[use]]\nformula = "registered-population"\nas = "core"\nwith = {{ {} }}\n'


def findings_of(outcome):
    """Return the number, level and place of each finding of a review."""
    return [(finding.number, finding.level, finding.place) for finding in outcome.findings]


@pytest.fixture
def review_of(tmp_path):
    """Return a function that reviews the clean scheme with the changes of a test."""

    def look(*changes, text=CLEAN, **options):
        return review(str(schemes.write(tmp_path, "mine.toml", schemes.changed(text, *changes))), **options)

    return look


def test_clean_scheme_has_no_finding(review_of):
    """The scheme that all others here are made from has no findings."""
    outcome = review_of()

    assert outcome.findings == ()
    assert (outcome.kind, outcome.name, outcome.years) == ("scheme", "clean", ("2014/15", "2015/16"))
    # The allocation, which is the fair share, is the fourth step.
    assert (outcome.steps, outcome.checks, outcome.parameters) == (4, 1, 2)
    assert [file for file, _ in outcome.files] == ["mine.toml"]


ERRORS = [
    ("S01", [("[scheme]", "[scheme")], "line 2, column 8"),
    ("S02", [("[scheme]", "[schemes]")], ""),
    ("S03", [('label = "Budget"', 'lable = "Budget"')], "parameters › budget"),
    ("S03", [('label = "Weight"\n', "")], "steps › weight"),
    ("S04", [('000, source = "circular"', '000, source = "circular", assumption = "x"')], "values › budget › 2014/15"),
    ("S05", [('000_000, source = "circular"', '000_000, source = "circlar"')], "values › budget › 2014/15"),
    ("S06", [("[values.budget]", SOURCE + "[values.budget]")], "sources › x"),
    ("S07", [('name = "weight"', 'name = "growth"')], "step growth"),
    ("S08", [("rounded(unrounded)", "rounded(unrounded")], "step fair_share, character 8"),
    ("S09", [("share_out(budget, by=weight)", "fair_share * 2")], "step unrounded, character 1"),
    ("S09", [("by=weight", "by=year")], "step unrounded, character 22"),
    ("S10", [('unit = "people"', 'unit = "£"')], "step weight, character 1"),
    ("S10", [("minimum = 0", 'maximum = "growth"')], "parameters › budget › maximum"),
    (
        "S10",
        [('label = "Budget"\nunit = "£"\nminimum = 0', 'label = "B"\nunit = "£"'), ("1_000_000", '"5%"')],
        "values › budget",
    ),
    ("S11", [("abs(total(fair_share) - budget) <= 0.5", "total(fair_share)")], "check Adds up, character 1"),
    ("S12", [('organisation = "CCG"', 'result = "fair"')], "scheme › result"),
    ("S12", [('organisation = "CCG"', 'report_by = "weight"')], "scheme › report_by"),
    ("S15", [("[[checks]]", schemes.many(498, "steps") + "[[checks]]")], ""),
    ("S16", [("minimum = 0", 'values = { every_year = { value = 1, assumption = "x" } }')], "values › budget"),
    ("S17", [('every_year = { value = "5%", source = "circular" }', "")], "values › growth"),
    ("S18", [("[values.growth]", YEAR + "[values.growth]")], "values › budget"),
    ("S18", [('"2015/16" = {', "every_year = {")], "values › budget"),
    ("S19", [("[[checks]]", VALUES_OF_X + "[[checks]]")], "values › x"),
    ("S20", [("value = 1_000_000", "value = -1")], "values › budget"),
    ("S20", [("minimum = 0", 'minimum = "grwth"')], "parameters › budget › minimum"),
]

OTHERS = [
    ("S21", "warning", [("[inputs.need", SPARE + "[inputs.need")], "parameters › spare"),
    ("S22", "warning", [("[values.budget]", '[inputs.spare]\nunit = "£"\n\n[values.budget]')], "inputs › spare"),
    ("S23", "warning", [("[[checks]]", STEP.format("x", "weight") + "\n[[checks]]")], "step x"),
    ("S23", "note", [("[[checks]]", STEP.format("x", "weight") + 'note = "For the board."\n\n[[checks]]')], "step x"),
    ("S24", "warning", [("(1 + growth)", "(1 + growths)")], "step weight"),
    ("S25", "warning", [('unit = "people"\nformula = "registered', 'formula = "budget * registered')], "step weight"),
    ("S26", "warning", [("[[checks]]", RATES + "\n[[checks]]")], "step x"),
    ("S35", "warning", [("(1 + growth)", "(1 + growth) / 0")], "step weight"),
    ("S27", "note", [('"rounded(unrounded)"', '"unrounded * odd"')], "step fair_share"),
    (
        "S27",
        "note",
        [
            ('label = "Growth"\nunit = "%"', 'label = "Growth"'),
            ('"rounded(unrounded)"', '"unrounded + growth"'),
            ('"5%"', "0.05"),
        ],
        "step fair_share",
    ),
    ("S28", "note", [('url = "https://example.org/7"\n', "")], "sources › circular"),
    ("S28", "note", [("date = 2014-04-03\n", "")], "sources › circular"),
    ("S29", "note", [('"5%", source = "circular"', f'"5%", assumption = "x", {UPKEEP}')], "values › growth"),
    ("S30", "note", [(', owner = "Finance"', "")], ""),
    ("S31", "note", [("total(fair_share)", "total(unrounded)")], ""),
    ("S32", "note", [("[[checks]]", ON_PEOPLE + "[[checks]]")], "check People"),
    ("S33", "note", [("total(fair_share)", "total(unrounded)")], "step fair_share"),
]


@pytest.mark.parametrize(("number", "changes", "place"), ERRORS)
def test_errors(review_of, tmp_path, number, changes, place):
    """One error in the clean scheme is reported alone, in its place, and stops a run."""
    outcome = review_of(*changes)

    assert [(finding.number, finding.place) for finding in outcome.findings if finding.level == "error"] == [
        (number, place)
    ]
    assert not outcome.sound
    assert schemes.refused(tmp_path / "mine.toml").startswith("mine.toml")


@pytest.mark.parametrize(("number", "level", "changes", "place"), OTHERS)
def test_warnings_and_notes(review_of, tmp_path, number, level, changes, place):
    """One warning or note is reported in its place, and the scheme can still be run."""
    outcome = review_of(*changes)

    assert (number, level, place) in findings_of(outcome)
    assert outcome.sound
    assert load(str(tmp_path / "mine.toml"))


def test_a_step_that_only_shows_a_rate_is_not_reported(review_of):
    """A rate per person is for readers; half of it, which nothing uses either, is reported."""
    shown, half = (STEP.format("x", formula) for formula in ("rate_of(unrounded)", "rate_of(unrounded) / 2"))

    assert "S23" not in {finding.number for finding in review_of(("[[checks]]", f"{shown}\n[[checks]]")).findings}
    assert "S23" in {finding.number for finding in review_of(("[[checks]]", f"{half}\n[[checks]]")).findings}


def test_what_an_outcome_shows_is_used(review_of):
    """A step and a column that only the sentence of an outcome names are used: removing them would break it."""
    shown = '[[outcomes]]\nlabel = "any"\nformula = "fair_share >= 0"\nbecause = "it is {x}, and {spare}"\n\n[[checks]]'
    column = ("[values.budget]", '[inputs.spare]\nunit = "£"\n\n[values.budget]')
    outcome = review_of(("[[checks]]", STEP.format("x", "weight") + "\n" + shown), column)

    assert findings_of(outcome) == []


def test_every_number_has_its_file():
    """Every finding has a file that causes it."""
    elsewhere = {"S13", "S14", "S34"}  # in the tests of transitions, of uses, and of files by themselves
    tested = {number for number, *_ in (*ERRORS, *OTHERS)}

    assert tested | elsewhere == {code.number for code in FindingCode if code.number.startswith("S")}
    assert tested.isdisjoint(elsewhere)


def test_transition_that_leans(tmp_path):
    """Every place where a transition uses its formula's own names is reported, in steps and in checks."""
    text = schemes.TRANSITION.replace("max(fair_share, floor)", "max(fair_share, floor, budget)")
    schemes.write(tmp_path, "floor.toml", text + '\n[[checks]]\nname = "No"\nformula = "allocation > unrounded"\n')
    scheme = schemes.write(tmp_path, "mine.toml", CLEAN)
    outcome = review(str(scheme), transition=str(tmp_path / "floor.toml"))

    assert [finding[::2] for finding in findings_of(outcome) if finding[0] == "S13"] == [
        ("S13", "step allocation, character 24"),
        ("S13", "check No, character 14"),
    ]


def test_uses(review_of):
    """A second use with the same name is an error, and so is a name that the formula does not have."""
    twice = USE.format("") + USE.format("")
    strange = USE.format('revenue_budget = "budget", pot = "budget"')

    assert findings_of(review_of(text=CLEAN + twice)) == [("S14", "error", "use › core")]
    assert findings_of(review_of(text=CLEAN + strange)) == [("S09", "error", "use › core › with")]


def test_formula_that_uses_itself(tmp_path):
    """A circle of files is reported once, with the other errors in the file that closes it."""
    text = FORMULA.replace("rounded(unrounded)", "rounded(") + USE.format("").replace("registered-population", "a")
    schemes.write(tmp_path, "a.toml", text)

    assert findings_of(review(str(tmp_path / "a.toml"))) == [
        ("S14", "error", "use › core"),
        ("S08", "error", "step fair_share, character 8"),
    ]


def test_files_that_use_one_another_without_end(tmp_path):
    """Files that would expand to thousands are refused at once, although none has a step."""
    head = '[formula]\nname = "f"\ntitle = "F"\n'
    schemes.write(tmp_path, "f0.toml", head)
    for index in range(1, 16):
        uses = "".join(f'\n[[use]]\nformula = "f{index - 1}"\nas = "{name}"\n' for name in "ab")
        schemes.write(tmp_path, f"f{index}.toml", head + uses)

    assert "S15" in [number for number, *_ in findings_of(review(str(tmp_path / "f15.toml")))]


# Many errors at once ------------------------------------------------------------------------------------


def test_faults_do_not_hide_one_another(review_of):
    """All kinds of errors in one file are reported together, each once, without their consequences."""
    outcome = review_of(
        ('label = "Budget"', 'lable = "Budget"'),
        ('"2015/16" = { value = 1_100_000, assumption = "Guess."', '"2016/17" = { value = 1, assumption = ""'),
        ('"5%", source = "circular"', '"5%", source = "circular", assumption = "x"'),
        ("registered_population * need_index * (1 + growth)", "registered_population + budget"),
        ('"rounded(unrounded)"', '"rounded(unrounded"'),
        ("abs(total(fair_share) - budget) <= 0.5", "total(weight) > budget"),
    )

    # `lable` is read as label, and growth's value as 5%. What depends on fair_share, which cannot be read, is not
    # reported; nor that budget has no value for 2015/16, because one of its values could not be read.
    assert findings_of(outcome) == [
        ("S03", "error", "parameters › budget"),
        ("S03", "error", "values › budget › 2016/17 › assumption"),
        ("S04", "error", "values › growth › every_year"),
        ("S08", "error", "step fair_share, character 8"),
        ("S10", "error", "step weight, character 1"),
        ("S10", "error", "check Adds up, character 1"),
    ]


def test_every_formula_and_every_year(review_of):
    """All three formulas with unit errors are reported, and both parameters without values, with their years."""
    outcome = review_of(
        (_VALUES, '[values.budget]\n"2014/15" = { value = 1, source = "circular" }\n\n'),
        ("need_index * (1 + growth)", "need_index + growth"),
        ("share_out(budget, by=weight)", "share_out(budget, by=weight, at_most=registered_population)"),
        ("- budget) <= 0.5", "- registered_population) <= 0.5"),
    )

    assert [(finding.number, finding.place) for finding in outcome.findings if finding.level == "error"] == [
        ("S10", "step weight, character 1"),
        ("S10", "step unrounded, character 1"),
        ("S10", "check Adds up, character 5"),
        ("S17", "values › budget"),
        ("S17", "parameters › growth › values"),
    ]
    lacking = [finding.found for finding in outcome.findings if finding.number == "S17"]
    assert lacking[0].endswith("budget (Budget) in 2015/16 (there are values for 2014/15)")
    assert lacking[1].endswith("growth (Growth) in 2014/15, 2015/16")


def test_parts_of_a_scheme_are_read_though_one_cannot_be(tmp_path):
    """A formula that is not TOML is reported, and so are the errors in the scheme; they are not joined."""
    schemes.write(tmp_path, "my-formula.toml", "[formula")
    text = SCHEME.replace('000_000, source = "circular"', '000_000, source = "circlar"')
    outcome = review(str(schemes.write(tmp_path, "mine.toml", text)))

    assert [(finding.file, finding.number) for finding in outcome.findings] == [
        ("mine.toml", "S05"),
        ("my-formula.toml", "S01"),
    ]
    assert outcome.steps == 0


def test_swapped_parts_leave_values_over(tmp_path):
    """A scheme's values for its own formula are a note, not an error, if it is reviewed with another formula."""
    schemes.write(tmp_path, "my-formula.toml", FORMULA)
    scheme = schemes.write(tmp_path, "mine.toml", SCHEME)
    outcome = review(str(scheme), formula="registered-population")

    assert review(str(scheme)).findings == ()
    assert [finding for finding in findings_of(outcome) if finding[0] == "S19"] == [
        ("S19", "note", "values › budget"),
        ("S19", "note", "values › growth"),
    ]
    assert [finding.place for finding in outcome.findings if finding.level == "error"] == ["values › revenue_budget"]


def test_defaults_are_found_in_the_file_that_has_them(tmp_path):
    """A transition's default is an assumption in the transition's file, and a bounds error is reported there."""
    text = schemes.TRANSITION + '\n[parameters.q]\nlabel = "Q"\nunit = "%"\nmaximum = 1\n'
    text += 'default = { value = "500%", assumption = "x" }\n'
    schemes.write(tmp_path, "t.toml", text)
    outcome = review(str(schemes.write(tmp_path, "mine.toml", CLEAN)), transition=str(tmp_path / "t.toml"))
    of_q = {
        finding.number: (finding.file, finding.place)
        for finding in outcome.findings
        if finding.place.endswith("q") or "q" in finding.found
    }

    assert of_q["S20"] == of_q["S29"] == of_q["S21"] == ("t.toml", "parameters › q")
    upkeep = [finding for finding in outcome.findings if finding.number == "S30" and finding.found.endswith(" q")]
    assert [finding.file for finding in upkeep] == ["t.toml"]


REGION = '[inputs.region]\ntype = "text"\n\n[inputs.need_index]'


def test_misspelled_column_to_report_by(review_of):
    """`regoin` is similar to the declared region and is reported; `practice_type` is not similar to any name."""
    by = ('organisation = "CCG"', 'organisation = "CCG"\nreport_by = "{}"')
    findings_by_name = [
        findings_of(review_of((by[0], by[1].format(name)), ("[inputs.need_index]", REGION)))
        for name in ("regoin", "practice_type", "region")
    ]

    assert [[finding for finding in findings if finding[0] == "S24"] for findings in findings_by_name] == [
        [("S24", "warning", "scheme › report_by")],
        [],
        [],
    ]


def test_a_column_that_cannot_be_read_is_no_step(review_of):
    """Only `type = "string"` is reported: the type of the column to report by is unknown."""
    outcome = review_of(
        ('organisation = "CCG"', 'organisation = "CCG"\nreport_by = "region"'),
        ("[inputs.need_index]", REGION.replace('"text"', '"string"')),
    )

    assert findings_of(outcome) == [("S03", "error", "inputs › region › type")]


def test_a_misspelled_name_in_with_is_corrected(tmp_path):
    """`revenue_budgte` is read as revenue_budget, so that is not reported as missing, nor budget as unused."""
    text = CLEAN + USE.format('revenue_budgte = "budget"')
    outcome = review(str(schemes.write(tmp_path, "mine.toml", text)))

    assert [finding for finding in findings_of(outcome) if finding[1] == "error"] == [
        ("S09", "error", "use › core › with")
    ]


def test_two_steps_of_one_name(review_of):
    """A second `weight` is one error: growth is used by the first, and the second is not reported as unused."""
    assert findings_of(review_of(text=CLEAN + STEP.format("weight", "registered_population * 2"))) == [
        ("S07", "error", "step weight")
    ]


def test_files_are_listed_though_one_is_at_fault(tmp_path):
    """A formula that was read through [[use]] is listed, although the scheme could not be joined."""
    text = CLEAN + USE.format("") + USE.format("")
    outcome = review(str(schemes.write(tmp_path, "mine.toml", text)))

    assert [finding[0] for finding in findings_of(outcome)] == ["S14"]
    assert [file for file, _ in outcome.files] == ["mine.toml", "registered-population.toml"]


@pytest.mark.slow
def test_last_line_names_files(tmp_path):
    """Two files with the same name inside are distinguished by their file names."""
    for name in ("a.toml", "b.toml"):
        schemes.write(tmp_path, name, schemes.changed(CLEAN, ('unit = "people"', 'unit = "£"')))
    done = gpit("library", "check", "a.toml", "b.toml", folder=tmp_path, env={"PYTHONIOENCODING": "utf-8"})

    assert "2 reviewed, 2 cannot be used yet (a.toml and b.toml); " in words(done.stdout)


# Without a scheme ---------------------------------------------------------------------------------------


def test_formula_by_itself(tmp_path):
    """A formula is reviewed without a scheme; a note says that its values are not known."""
    path = schemes.write(tmp_path, "my-formula.toml", FORMULA)
    outcome = review(str(path))

    assert (outcome.kind, outcome.name, outcome.steps) == ("formula", "clean-formula", 3)
    assert findings_of(outcome) == [("S34", "note", "")]
    assert "budget, growth" in outcome.findings[0].found
    schemes.write(tmp_path, "my-formula.toml", FORMULA.replace("rounded(unrounded)", "unrounded + weight"))
    assert findings_of(review(str(path)))[0] == ("S10", "error", "step fair_share, character 1")


def test_default_of_a_formula_must_be_within_its_bounds(tmp_path):
    """A default below its minimum is an error; a bound that only a scheme declares is not an error."""
    default = 'minimum = {}\ndefault = {{ value = -1, assumption = "x" }}'
    path = schemes.write(tmp_path, "f.toml", FORMULA.replace("minimum = 0", default.format(0)))
    assert findings_of(review(str(path)))[0] == ("S20", "error", "parameters › budget")
    path = schemes.write(tmp_path, "f.toml", FORMULA.replace("minimum = 0", default.format('"of_the_scheme"')))
    assert review(str(path)).sound


def test_transition_by_itself(tmp_path):
    """A transition alone assumes that fair_share is in £, and a note says so."""
    path = schemes.write(tmp_path, "floor.toml", schemes.TRANSITION)

    assert [finding[:2] for finding in findings_of(review(str(path)))] == [("S34", "note"), ("S34", "note")]
    schemes.write(tmp_path, "floor.toml", schemes.TRANSITION.replace("max(fair", "max(registered_population, fair"))
    assert findings_of(review(str(path)))[0] == ("S10", "error", "step allocation, character 1")


def test_formula_goes_with_no_formula():
    """--formula is for schemes only."""
    with pytest.raises(UsageError, match="registered-population: is a formula; use --formula and --transition with"):
        review("registered-population", formula="registered-population")


@pytest.mark.parametrize("name", ["", "nothing", "nothing.toml", ".", "a\0b.toml", "x" * 5_000])
def test_what_is_not_there(name):
    """A name of nothing, in any form, is exactly one error."""
    outcome = review(name)

    assert [finding[:2] for finding in findings_of(outcome)] == [("S01", "error")]
    assert outcome.kind == ""


# The library, and everything that load refuses ----------------------------------------------------------


def test_library_is_clean():
    """Every built-in file is reviewed, without errors or warnings."""
    reviews = review_all()

    assert [(entry.kind, entry.name) for entry in reviews] == [
        (kind, name) for kind in ("scheme", "formula", "transition") for name in library_names(kind)
    ]
    assert [str(finding) for entry in reviews for finding in entry.findings if finding.level != "note"] == []


def test_templates_are_clean(tmp_path):
    """The files that `gpit init` writes have no errors or warnings."""
    for name in ("scheme.toml", "my-formula.toml"):
        shutil.copy(TEMPLATES / name, tmp_path)

    for outcome in review_all([str(tmp_path / "scheme.toml"), str(tmp_path / "my-formula.toml")]):
        assert not outcome.has("error")
        assert not outcome.has("warning")


def deleted(text, chance):
    """Delete a key, a table or an entry."""
    lines = text.split("\n")
    places = [at for at, line in enumerate(lines) if re.match(r"[\w\"\[]", line)]
    at = chance.choice(places)
    end = at + 1
    if lines[at].startswith("[") and chance.random() < 0.5:
        end = next((later for later in range(at + 1, len(lines)) if lines[later].startswith("[")), len(lines))
    return "\n".join(lines[:at] + lines[end:])


def renamed(text, chance):
    """Change a name of a step, parameter, source or key in one place."""
    match = chance.choice(list(re.finditer(r"\b[a-z][a-z0-9_]{3,}\b", text)))
    other = chance.choice([match[0] + "s", match[0][:-1], "budget", "fair_share", "total", "registered_population"])
    return text[: match.start()] + other + text[match.end() :]


def doubled(text, chance):
    """Repeat a table or an entry."""
    blocks = re.split(r"(?m)^(?=\[)", text)
    block = chance.choice(blocks[1:])
    return text + "\n" + block


def with_other_unit(text, chance):
    """Change or remove a unit in one place."""
    matches = list(re.finditer(r'unit = "[^"]*"', text))
    if not matches:
        return renamed(text, chance)
    match = chance.choice(matches)
    units = ("£", "£ per head", "people", "%", "yes/no")
    return text[: match.start()] + chance.choice([f'unit = "{unit}"' for unit in units] + [""]) + text[match.end() :]


def with_other_years(text, chance):
    """Remove or change a year."""
    matches = list(re.finditer(r'"20\d\d/\d\d"( =)?|every_year', text))
    if not matches:
        return deleted(text, chance)
    match = chance.choice(matches)
    new = chance.choice(['"2014/15"', '"2015/16"', '"2016/17"', "every_year"]) + (match[1] or "")
    return text[: match.start()] + new + text[match.end() :]


def with_other_figure(text, chance):
    """Change a number, origin or operator in one place."""
    places = list(re.finditer(r"\d[\d_]*|source = |assumption = |[-+*/<>](?= )", text))
    if not places:
        return renamed(text, chance)
    match = chance.choice(places)
    return text[: match.start()] + chance.choice(["-1", "0", '"x"', "source = ", "+", "*", ""]) + text[match.end() :]


CHANGES = (deleted, renamed, doubled, with_other_unit, with_other_years, with_other_figure)
TEXTS = {
    **schemes.FILES,
    "schemes/uses.toml": schemes.USES,
    "schemes/capped.toml": schemes.CAPPED,
    "schemes/clean.toml": CLEAN,
    "schemes/scheme.toml": (TEMPLATES / "scheme.toml").read_text(encoding="utf-8"),
    "formulas/my-formula.toml": (TEMPLATES / "my-formula.toml").read_text(encoding="utf-8"),
}


def agrees(fault, finding):
    """Return whether an error matches that of load: the same words, or the same place."""
    places = re.split(r", character | › |, ", finding.place)
    return finding.found in fault or (finding.file in fault and all(part in fault for part in places))


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    slow_but(
        ["schemes/uses.toml", "schemes/clean.toml", "schemes/capped.toml", "formulas/my-formula.toml"], sorted(TEXTS)
    ),
)
def test_errors_are_what_load_refuses(tmp_path, name):
    """After any changes to a file, load refuses it exactly if the review has errors, and its error is among them."""
    chance = random.Random(name)
    shelf, file = name.split("/")
    option = schemes.OPTIONS[shelf]
    schemes.write(tmp_path, "my-formula.toml", TEXTS["formulas/my-formula.toml"])
    refusals = 0
    for _ in range(40):
        text = TEXTS[name]
        for _ in range(chance.randint(1, 3)):
            text = chance.choice(CHANGES)(text, chance) or "\n"
        if chance.random() < 0.2:
            text = schemes.mutated(text, chance)
        path = str(schemes.write(tmp_path, file, text))
        fault = ""
        try:
            load(**{option: path})
        except GpitError as caught:
            fault = str(caught)
            refusals += 1
        if "has no years of its own" in fault:  # only a run needs years
            continue
        outcome = review(path) if option == "scheme" else review("gpit-2014-16", **{option: path})
        errors = [finding for finding in outcome.findings if finding.level == "error"]

        assert bool(errors) == bool(fault), (fault, errors, text)
        assert not errors or any(agrees(fault, finding) for finding in errors), (fault, errors)
        for finding in (*outcome.findings, *review(path).findings):
            assert "\n" not in str(finding)
            assert not schemes.JARGON.search(finding.found), finding

    # Most changes cause an error: with few refusals the test would prove nothing.
    assert refusals > 15


# The verb -----------------------------------------------------------------------------------------------

UTF8 = {"PYTHONIOENCODING": "utf-8"}


@pytest.mark.slow
def test_verb_says_all_of_the_library(tmp_path):
    """`gpit library check` prints a block for each built-in file, exits with 0, and has no output on standard error."""
    done = gpit("library", "check", folder=tmp_path, env=UTF8)
    printed = done.stdout.decode()

    assert (done.returncode, done.stderr) == (0, b"")
    for name in ("gpit-2014-16 (scheme)", "registered-population (formula)", "none (transition)"):
        assert f"{name}: ready to use; " in printed
    count = sum(len(library_names(kind)) for kind in ("scheme", "formula", "transition"))
    assert re.search(rf"^{count} reviewed, all ready to use; \d+ notes\.$", printed, re.MULTILINE)


@pytest.mark.parametrize(
    ("changes", "options", "code"),
    [
        slow([], [], 0),
        slow([], ["--strict"], 0),
        slow([(" * (1 + growth)", "")], [], 0),
        slow([(" * (1 + growth)", "")], ["--strict"], 1),
        slow([("date = 2014-04-03\n", "")], ["--strict"], 0),
        ([('unit = "people"', 'unit = "£"'), (" * (1 + growth)", "")], ["--strict"], 2),
    ],
)
def test_exit_codes(tmp_path, changes, options, code):
    """The exit code is 2 for an error, 1 for a warning with --strict, otherwise 0; notes are always 0."""
    schemes.write(tmp_path, "mine.toml", schemes.changed(CLEAN, *changes))

    assert gpit("library", "check", "mine.toml", *options, folder=tmp_path).returncode == code


@pytest.mark.slow
def test_verb_in_json(tmp_path):
    """--json prints one document with every review on any console; errors are findings in it."""
    schemes.write(tmp_path, "mine.toml", schemes.changed(CLEAN, ('unit = "people"', 'unit = "£"')))
    names = ("mine.toml", "none", "lost.toml")
    done = gpit("library", "check", *names, "--json", folder=tmp_path, env={"PYTHONIOENCODING": "ascii"})
    document = json.loads(done.stdout.decode("utf-8"))

    assert done.returncode == 2
    assert (document["schema"], document["sound"]) == ("gpit-library-check/1", False)
    assert [(entry["kind"], entry["name"], entry["sound"]) for entry in document["reviews"]] == [
        ("scheme", "clean", False),
        ("transition", "none", True),
        ("", "lost.toml", False),
    ]
    assert document["reviews"][0]["findings"][0] == {
        "number": "S10",
        "level": "error",
        "file": "mine.toml",
        "place": "step weight, character 1",
        "found": "the formula gives people, but the step's unit is £",
        "expected": "",
        "remedy": "",
    }


@pytest.mark.slow
def test_schemes_with_other_parts(tmp_path):
    """--transition without a name reviews the built-in schemes with it; with a formula it is refused."""
    done = gpit("library", "check", "--transition", "none", "--json", folder=tmp_path)
    reviews = json.loads(done.stdout)["reviews"]
    assert done.returncode == 0
    assert {entry["transition"] for entry in reviews} == {"none"}
    # A scheme that ends in steps of its own has no transition to replace.
    assert {"gpit-2014-16", "icb-core-2023-24"} <= {entry["name"] for entry in reviews}
    assert "reallocate" not in {entry["name"] for entry in reviews}

    done = gpit("library", "check", "none", "--transition", "none", folder=tmp_path)
    assert done.returncode == 2
    assert "none: is a transition; use --formula and --transition with schemes only" in words(done.stderr)


@pytest.mark.slow
@pytest.mark.parametrize("encoding", ["cp1252", "ascii"])
@pytest.mark.parametrize("columns", ["80", "200"])
def test_any_console(tmp_path, encoding, columns):
    """Long and unusual texts in a file do not break the layout or stop the verb, on consoles of any code page."""
    strange = '"Łódź \\u202e [red]x[/] ' + "y" * 400 + '"'
    text = schemes.changed(
        CLEAN,
        ('title = "A scheme without findings"', f"title = {strange}"),
        ('name = "Adds up"', f'name = {strange[:180]}"'),
        ("abs(total(fair_share) - budget) <= 0.5", "total(fair_share) - weight"),
        ('name = "clean"', 'name = "ünïcode"'),
    )
    schemes.write(tmp_path, "mine.toml", text)
    done = gpit(
        "library", "check", "mine.toml", folder=tmp_path, env={"PYTHONIOENCODING": encoding, "COLUMNS": columns}
    )
    printed = done.stdout.decode(encoding)

    assert (done.returncode, done.stderr) == (2, b"")
    assert max(map(len, printed.splitlines())) <= min(int(columns), 120)
    assert "\u202e" not in printed
    assert "[red]x[/]" in printed
    assert ("ünïcode" in printed) == (encoding == "cp1252")


OF = """
[formula]
name = "of"
title = "By the need of the CCG"
[parameters.budget]
label = "Budget"
unit = "£"
[inputs.ccg_code]
type = "text"
[inputs.need]
of = "ccg_code"
unit = "ratio"
[[steps]]
name = "weight"
label = "Weight"
formula = "registered_population * need"
[[steps]]
name = "fair_share"
label = "Fair share"
unit = "£"
formula = "share_out(budget, by=weight)"
"""


def test_the_column_that_of_names_is_used(tmp_path):
    """A column that `of` names is used: it is not reported as unused."""
    outcome = review(str(schemes.write(tmp_path, "of.toml", OF)))

    assert not [finding for finding in outcome.findings if finding.number == "S22"]


def test_an_opening_baseline_is_a_column_that_is_used(tmp_path):
    """An opening baseline that no step uses as an input column is a warning."""
    text = (schemes.LIBRARY / "transitions" / "annual-loss-cap.toml").read_text("utf-8")
    unused = text.replace('opening_baseline = "historic_spend"', 'opening_baseline = "x"')
    path = schemes.write(tmp_path, "cap.toml", unused)
    (finding,) = [finding for finding in review(str(path)).findings if finding.number == "S22"]

    assert finding.place == "transition › opening_baseline"
    assert "no step or check uses an input column x" in finding.found


def test_a_budget_in_a_transition_alone_is_named_as_such(tmp_path):
    """The budget is the formula's: the review of the transition says so, as a run does, and says nothing else of it."""
    path = schemes.write(
        tmp_path, "floor.toml", schemes.TRANSITION.replace("max(fair_share, floor)", "max(fair_share, revenue_budget)")
    )
    errors = [finding for finding in review(str(path)).findings if finding.level == "error"]

    assert [finding.number for finding in errors] == ["S13"]
    assert "but not revenue_budget; for the money to spend, write total(fair_share)" in errors[0].found
