"""Outcomes in rules: which file's count, what follows from a rule without any, errors, and results that carry them."""

from __future__ import annotations

import json

import pytest

import gpit_fairshare.scheme.definition as definitions
from gpit_fairshare import InputError, SchemeError, allocate
from gpit_fairshare.engine.organisation_years import organisation_years
from gpit_fairshare.results.reading import read_record
from gpit_fairshare.results.writing import write_json
from gpit_fairshare.scheme.joining import load
from gpit_fairshare.scheme.outcomes import clause_with_figures
from gpit_fairshare.scheme.review import review
from gpit_fairshare.scheme.schema import file_schema
from running import ABCD_PEOPLE, ABCD_SPEND, ROOT, population_file, spend_file, write_rows
from small_schemes import scheme

TRANSITION = """
[transition]
name = "larger-of-two"
title = "The larger of fair share and floor"

[parameters.part]
label = "Part kept"
unit = "%"
default = {{ value = "50%", assumption = "A test." }}

[[steps]]
name = "floor"
label = "Floor"
unit = "£"
formula = "part * historic_spend"

[[steps]]
name = "is_higher"
label = "Floor is higher"
formula = "floor > fair_share"

[[steps]]
name = "allocation"
label = "Allocation"
unit = "£"
formula = "max(fair_share, floor)"
{outcomes}
"""
FLOOR = '[[outcomes]]\nlabel = "at the floor"\nformula = "is_higher"\nbecause = "the floor of {floor} holds it up"\n'


def transition(folder, *outcomes):
    """Write a transition with outcomes, each a text of TOML."""
    path = folder / "larger-of-two.toml"
    path.write_text(TRANSITION.format(outcomes="\n".join(outcomes)), encoding="utf-8")
    return path


def entry(label="x", formula="floor > 0", because=""):
    """One outcome as TOML."""
    clause = f'because = "{because}"\n' if because else ""
    return f'[[outcomes]]\nlabel = "{label}"\nformula = "{formula}"\n{clause}'


def run(folder, **options):
    """Allocate £2,000,000 to A, B, C and D, whose fair shares are £200,000 to £800,000."""
    files = {"population": population_file(folder, ABCD_PEOPLE), "spend": spend_file(folder, ABCD_SPEND)}
    return allocate(**files, settings={"revenue_budget": 2_000_000}, with_effects=False, **options)


def labels(result, year="2014/15"):
    """The outcome of each organisation."""
    return {row.code: row.outcome for row in organisation_years(result, year)}


# Which outcomes count --------------------------------------------------------------------------------------------


def test_the_first_true_outcome_counts(tmp_path):
    """Half of A's £500,000 is more than its £200,000; both outcomes are true for A, and the first is its own."""
    first, second = entry("at the floor", "is_higher"), entry("any", "allocation > 0")

    assert labels(run(tmp_path, transition=transition(tmp_path, first, second))) == {
        "A": "at the floor",
        **dict.fromkeys("BCD", "any"),
    }
    assert labels(run(tmp_path, transition=transition(tmp_path, second, first))) == dict.fromkeys("ABCD", "any")


def test_an_organisation_may_have_no_outcome(tmp_path):
    """Only A is at the floor; the three others have a count of their own, so that counts add up."""
    result = run(tmp_path, transition=transition(tmp_path, FLOOR))

    assert labels(result) == {"A": "at the floor", "B": "", "C": "", "D": ""}
    assert [(count.label, count.organisations) for count in result.measures()[0].outcomes] == [
        ("at the floor", 1),
        ("none of these", 3),
    ]


OWN = """
[scheme]
name = "own"
title = "A scheme with outcomes"
organisation = "CCG"
years = ["2014/15"]
formula = "registered-population"
transition = "annual-loss-cap"

[values.revenue_budget]
every_year = {{ value = 2_000_000, assumption = "A test." }}
{outcomes}
"""


def test_a_schemes_own_outcomes_come_first(tmp_path):
    """The scheme's list replaces that of its transition, but not that of a transition chosen for the run."""
    path = tmp_path / "own.toml"
    path.write_text(OWN.format(outcomes=entry("large", "fair_share > 500000")), encoding="utf-8")
    chosen = transition(tmp_path, FLOOR)

    assert labels(run(tmp_path, scheme=path)) == {"A": "", "B": "", "C": "large", "D": "large"}
    assert labels(run(tmp_path, scheme=path, transition=chosen)) == {"A": "at the floor", "B": "", "C": "", "D": ""}
    path.write_text(OWN.format(outcomes=""), encoding="utf-8")
    assert set(labels(run(tmp_path, scheme=path)).values()) == {"at the floor", "at the fair share"}


def test_outcomes_of_a_formula_used_by_name_do_not_count(tmp_path):
    """A formula that a scheme uses under a name brings its steps, not its outcomes."""
    formula = '[formula]\nname = "f"\ntitle = "F"\n[parameters.pot]\nlabel = "Pot"\nunit = "£"\n'
    formula += '[[steps]]\nname = "fair_share"\nlabel = "Fair share"\nunit = "£"\n'
    formula += 'formula = "share_out(pot, by=registered_population)"\n'
    (tmp_path / "f.toml").write_text(formula + entry("of the formula", "fair_share > 0"), encoding="utf-8")
    use = '[[use]]\nformula = "f.toml"\nas = "core"\n'
    path = scheme(tmp_path, "allocation = core_fair_share + 0 * historic_spend # £", extra=use, pot=2_000_000)
    path.write_text(path.read_text("utf-8").replace('as = "core"', 'as = "core"\nwith = { pot = "pot" }'), "utf-8")
    derived = [outcome.label for outcome in load(str(path)).outcomes]

    assert derived == ["gains", "loses", "unchanged"]


# Outcomes of a rule without any ----------------------------------------------------------------------------------


def test_optional_spend_gives_no_outcomes(tmp_path):
    """Where spend may be blank, gains and losses cannot be told for all: the run has no outcomes and does not fail."""
    people = [{"org_code": code, "registered_population": heads} for code, heads in (("A", 1), ("B", 3))]
    spend = [{"org_code": "A", "historic_spend": 10}, {"org_code": "B", "historic_spend": ""}]
    steps = """
        shared = share_out(pot, by=registered_population) # £
        allocation = where(given(historic_spend), 0 * historic_spend, 0) + shared # £
    """
    place = scheme(tmp_path, steps, extra="[inputs.historic_spend]\noptional = true\n", pot=400)
    files = {"population": write_rows(tmp_path / "p.csv", people), "spend": write_rows(tmp_path / "s.csv", spend)}
    result = allocate(**files, scheme=place, with_effects=False)

    assert result.rows["allocation"].to_list() == [100, 300]
    assert result.scheme.outcomes == ()


def test_bounds_become_outcomes(tmp_path):
    """£1,000 by people, 50 at least and 400 at most: B and C are at a bound, A and D share £550 as 900 to 2,100."""
    steps = """
        low = where(registered_population > 0, 50, 50) # £
        high = where(registered_population > 0, 400, 400) # £
        allocation = share_out(pot, by=registered_population, at_least=low, at_most=high) # £
    """
    people = {"A": 900, "B": 10_000, "C": 30, "D": 2_100}
    result = allocate(population=population_file(tmp_path, people), scheme=scheme(tmp_path, steps, pot=1_000))

    assert result.year("2014/15")["allocation"].to_list() == [165, 400, 50, 385]
    assert labels(result)["B"] == "at the most"
    assert labels(result)["C"] == "at the least"
    assert labels(result)["A"] == ""
    (least, most) = result.scheme.outcomes
    assert clause_with_figures(result.scheme, least, {"low": 50.0, "allocation": 50.0}, "2014/15") == (
        "the low of £50 is the least it can get"
    )
    assert most.because == "the high of {high} is the most it can get"


def test_gains_and_losses_against_spend(tmp_path):
    """A rule with spend and without outcomes: A loses, C gains, and less than £1 is no change."""
    result = allocate(
        population=population_file(tmp_path, {"A": 100, "B": 200, "C": 300}),
        spend=spend_file(tmp_path, {"A": 150, "B": 200.4, "C": 100}),
        scheme=scheme(
            tmp_path,
            """
            fair_share = share_out(pot, by=registered_population) # £
            allocation = fair_share + 0 * historic_spend # £
            """,
            pot=600,
        ),
    )

    assert labels(result) == {"A": "loses", "B": "unchanged", "C": "gains"}
    (measures,) = result.measures()
    assert (measures.gain, measures.lose) == (1, 1)


def test_a_result_that_is_not_money_has_no_derived_outcomes(tmp_path):
    """Nothing follows for a result in people."""
    path = scheme(tmp_path, "allocation = where(pot > 0, registered_population, 0) # people")

    assert load(str(path)).outcomes == ()


# Errors ----------------------------------------------------------------------------------------------------------

WRONG = [
    (entry(formula="floor + 1"), "S11", "must be a yes/no", "such as allocation >= floor"),
    (entry(because="the {flor} of it"), "S09", "flor is not a number of the scheme; did you mean floor?", "braces"),
    (entry(because="as {is_higher}"), "S09", "is_higher is not a number of the scheme", "in the braces"),
    (entry(because="as {}"), "S09", "an empty pair of braces is not a number", "in the braces"),
    (entry(because="the {floor"), "S03", "a brace has no partner", "write a name as {name}"),
    (entry() + entry(formula="floor <= 0"), "S07", "x is already the label of an outcome", "use another label"),
    ('[[outcomes]]\nlabel = "x"\nformul = "floor > 0"\n', "S03", "unknown key formul", "did you mean formula?"),
    ('[[outcomes]]\nformula = "floor > 0"\n', "S03", "label is missing", ""),
]


@pytest.mark.parametrize(("outcome", "number", "problem", "remedy"), WRONG)
def test_errors_are_reported_with_place_and_remedy(tmp_path, outcome, number, problem, remedy):
    """`gpit library check` names the file, the outcome and what to do; a run is refused with the same words."""
    path = transition(tmp_path, outcome)
    errors = [str(finding) for finding in review(str(path)).findings if finding.level == "error"]
    numbers = [finding.number for finding in review(str(path)).findings if finding.level == "error"]

    assert number in numbers
    (error,) = [text for text in errors if problem in text][:1]
    assert error.startswith("larger-of-two.toml: outcome")
    assert remedy.casefold() in error.casefold()
    with pytest.raises(SchemeError, match=r"larger-of-two\.toml"):
        load(transition=str(path))


def test_an_unknown_name_in_a_formula_is_a_column_that_no_file_has(tmp_path):
    """`flor` is read as a column: the review names the step that is almost the same, and a run refuses it."""
    path = transition(tmp_path, entry(formula="flor > 0"))
    (warning,) = [finding for finding in review(str(path)).findings if finding.number == "S24"]

    assert (warning.file, warning.place) == ("larger-of-two.toml", "outcome x")
    assert "there is a similar name: floor" in str(warning)
    with pytest.raises(InputError, match=r"no column flor.*larger-of-two\.toml, outcome x"):
        run(tmp_path, transition=path)


@pytest.mark.parametrize("outcome", [entry(formula="revenue_budget > 0"), entry(because="of {revenue_budget}")])
def test_a_transitions_outcomes_use_nothing_of_a_formula(tmp_path, outcome):
    """A transition goes with any formula, so its outcomes may not name the budget of one, in braces either."""
    with pytest.raises(SchemeError, match=r"a transition may .* not revenue_budget"):
        load(transition=str(transition(tmp_path, outcome)))


# Results and files -----------------------------------------------------------------------------------------------


def test_a_result_carries_its_outcomes(tmp_path):
    """Read back, the rule has the same outcomes in the same order, and gives each organisation the same one."""
    result = run(tmp_path, transition=transition(tmp_path, FLOOR, entry("gets its share", "not is_higher")))
    write_json(result, tmp_path / "out.json")
    record = read_record(tmp_path / "out.json")
    assert record.scheme is not None

    assert [(part.label, part.formula, part.because, part.where) for part in record.scheme.outcomes] == [
        (part.label, part.formula, part.because, part.where) for part in result.scheme.outcomes
    ]
    assert labels(record.calculate()) == labels(result)


@pytest.mark.parametrize("folder", ["written_by_0_3_0", "written_by_0_4_0"])
def test_an_earlier_result_gets_the_outcomes_that_follow(folder):
    """A file without outcomes has those of its last share_out, which is the transition fund, and of spend."""
    document = json.loads((ROOT / "tests" / "results" / folder / "result.json").read_text("utf-8"))
    earlier = definitions.defined(document["manifest"]["definition"], (), "", "result.json")

    assert "outcomes" not in document["manifest"]["definition"]
    assert [outcome.label for outcome in earlier.outcomes] == ["at the most", "gains", "loses", "unchanged"]


def test_the_schema_of_the_files_has_outcomes():
    """Editors offer label, formula and because in all three kinds of file, with a description each."""
    entries = file_schema()["$defs"]
    keys = entries["OutcomeEntry"]

    for file in ("FormulaFile", "TransitionFile", "SchemeFile"):
        assert "OutcomeEntry" in json.dumps(entries[file]["properties"]["outcomes"])
    assert set(keys["properties"]) == {"label", "formula", "because"}
    assert all(entry["description"] for entry in keys["properties"].values())
    assert keys["required"] == ["label", "formula"]
