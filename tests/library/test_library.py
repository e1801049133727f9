"""The built-in formulas, transitions and schemes: sources of their numbers, and their results."""

import re
import tomllib
from fractions import Fraction
from importlib import resources
from pathlib import Path

import pytest

import oracle
from gpit_fairshare import allocate
from gpit_fairshare.language.parsing import parse
from gpit_fairshare.language.tree import Rank, names_in
from gpit_fairshare.scheme.joining import load
from gpit_fairshare.scheme.library import library_names
from gpit_fairshare.scheme.values import Setting
from running import write_rows
from tiers import slow, slow_but

LIBRARY = Path(str(resources.files("gpit_fairshare") / "library"))
FILES = {path.relative_to(LIBRARY).as_posix(): path for path in LIBRARY.glob("*/*.toml")}
NEUTRAL = {"fair-share": {"years": ["2025/26"], "settings": [Setting("revenue_budget", None, "1000000")]}}
"""Schemes without years and values of their own: what a run gives them."""
KINDS = {"schemes": "scheme", "formulas": "formula", "transitions": "transition"}
SAMPLES = Path(__file__).parents[2] / "data" / "samples"

PEOPLE = {"A": 100_000, "B": 200_000, "C": 300_000, "D": 400_000}
SPEND = {"A": 500_000, "B": 500_000, "C": 450_000, "D": 820_000}


def parsed(name):
    """Return a file of the library as plain TOML, without our own reader."""
    return tomllib.loads(FILES[name].read_text(encoding="utf-8"))


def numbers(data, path=()):
    """Yield every number of a file, with the keys that lead to it."""
    for key, value in data.items() if isinstance(data, dict) else enumerate(data):
        if isinstance(value, dict | list):
            yield from numbers(value, (*path, key))
        elif isinstance(value, int | float) and not isinstance(value, bool):
            yield (*path, key), value


def result_of_four(transition=None, **values):
    """Return the result of the default scheme for A, B, C and D, with £2m to share and a fund of £300,000."""
    return allocate(
        population=SAMPLES / "abcd-population.csv",
        spend=SAMPLES / "abcd-spend.csv",
        transition=transition,
        settings={"revenue_budget": 2_000_000, "transition_fund": 300_000, **values},
    )


def column(result, year, name):
    """Return a column of one year, from A to D."""
    return result.year(year)[name].to_list()


# Every file --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(FILES))
def test_name_of_a_file(name):
    """A file is in the folder of its kind, and its file name is the name in its header."""
    folder, file = name.split("/")
    data = parsed(name)

    assert data[KINDS[folder]]["name"] == file.removesuffix(".toml")
    assert data[KINDS[folder]]["title"].strip()
    assert not set(KINDS.values()) - {KINDS[folder]} & set(data)
    assert file.removesuffix(".toml") in library_names(KINDS[folder])


@pytest.mark.parametrize("name", sorted(FILES))
def test_every_number_has_its_origin(name):
    """A number is a value with either a source or an assumption, or a limit of -1, 0 or 1."""
    data = parsed(name)
    for path, value in numbers(data):
        if path[-1] == "value":
            figure = data
            for key in path[:-1]:
                figure = figure[key]
            assert ("source" in figure) != ("assumption" in figure), path
            assert figure.get("source", next(iter(data.get("sources", {"": 0})))) in data.get("sources", {"": 0})
        else:
            # Costs are at least 0, shares are from 0 to 1, losses are at most 100%, and an indicator met has at
            # least one point.
            assert path[0] == "parameters", path
            if path[-1] == "example":  # no run uses it
                continue
            assert path[-1] in ("minimum", "maximum"), path
            assert value in (-1, 0, 1), path


@pytest.mark.parametrize("name", sorted(FILES))
def test_numbers_in_formulas(name):
    """The only numbers in a formula are 0, 1, places of rounding, and tolerances that the check's name states."""
    data = parsed(name)
    for entry in (*data.get("steps", ()), *data.get("checks", ())):
        formula = re.sub(r"(\bround(?:down|up)?\(.*, )-?[0-9]\)", r"\1)", entry["formula"])
        figures = {float(digits) for digits in re.findall(r"(?<![\w.])[0-9][0-9_.]*", formula)}
        tolerances = {0.5} if re.search(r"\(± (50p|0\.5)\)$", entry["name"]) else set()
        assert figures <= {0.0, 1.0} | tolerances, entry


@pytest.mark.parametrize("name", sorted(FILES))
def test_steps_and_parameters_are_labelled(name):
    """Every step and every parameter has a label of its own and a unit, except for ranks, which are counts."""
    data = parsed(name)
    entries = [*data.get("steps", ()), *data.get("parameters", {}).values()]
    for entry in entries:
        assert entry["label"].strip(), entry
        if not entry.get("formula", "").startswith("rank("):
            assert entry["unit"] in {"£", "£ per head", "people", "%", "ratio", "yes/no"}, entry
    assert len({entry["label"].casefold() for entry in entries}) == len(entries)


@pytest.mark.parametrize("name", sorted(FILES))
def test_sources_have_an_address(name):
    """Every source has title, publisher and an address."""
    for source in parsed(name).get("sources", {}).values():
        assert source["title"].strip()
        assert source["publisher"].strip()
        assert re.fullmatch(r"https?://\S+", source["url"])


@pytest.mark.parametrize("name", sorted(name for name in FILES if "transitions/" in name))
def test_transitions_use_no_budget_by_name(name):
    """A transition uses only fair_share, input columns, and its own parameters and steps."""
    data = parsed(name)
    own = {step["name"] for step in data["steps"]} | {*data.get("parameters", {}), *data.get("inputs", {})}
    entries = (*data["steps"], *data.get("checks", ()))
    used = {used for entry in entries for used, _ in names_in(parse(entry["formula"]))}

    assert used - own <= {"fair_share", "registered_population", "historic_spend"}


@pytest.mark.parametrize("name", sorted(name for name in FILES if "transitions/" in name))
def test_transitions_describe_themselves(name):
    """A transition states its method, order of operations, who pays, opening baseline and infeasible case."""
    data = parsed(name)
    head = data["transition"]
    used = {used for step in data["steps"] for used, _ in names_in(parse(step["formula"]))}

    assert head["note"].strip()
    assert head["infeasible"].strip()
    assert head["order"]
    if name != "transitions/none.toml":
        assert head["paid_from"]
        assert head["opening_baseline"] in used
        assert head["sources"]


@pytest.mark.parametrize("scheme", library_names("scheme"))
def test_schemes_load(scheme):
    """Every built-in scheme loads, has a value with an origin for every year, and ends in its result."""
    loaded = load(scheme, **NEUTRAL.get(scheme, {}))

    assert loaded.name == scheme
    for parameter in loaded.parameters.values():
        assert tuple(parameter.values) == loaded.years
        for value in parameter.values.values():
            assert (value.source is None) != (value.assumption == "")
            assert value.overridden is (scheme in NEUTRAL)
    assert loaded.steps[-1].name == loaded.result
    assert all(step.unit or isinstance(step.tree, Rank) for step in loaded.steps)
    used = {*loaded.parameters, *(step.name for step in loaded.steps), *(column.name for column in loaded.inputs)}
    assert len({loaded.labels[name].casefold() for name in used}) == len(used)
    assert loaded.notes == ()


# The worked example ------------------------------------------------------------------------------------


@pytest.mark.parametrize("formula", slow_but(["registered-population"], library_names("formula")))
def test_any_transition_goes_with_any_formula(formula, tmp_path):
    """Each formula with each transition works for A to D with the columns that the formula takes; all checks pass."""
    table = write_rows(
        tmp_path / "population.csv",
        [
            {
                "org_code": code,
                "registered_population": people,
                "weighted_population": people + 5_000,
                "historic_spend": SPEND[code],
                "practices": people // 8_000,
                "need_index": 1,
                "market_forces_factor": 1,
                "ccg": "yes",
                "target_allocation": people * 2 + people * 3 // 10,
            }
            for code, people in PEOPLE.items()
        ],
    )
    # The budget has to cover floors 10% below historic spend.
    values = {"revenue_budget": 2_300_000, "unit_rate": 2.3, "transition_fund": 300_000}
    for transition in library_names("transition"):
        loaded = load(formula=formula, transition=transition)
        settings = {name: value for name, value in values.items() if name in loaded.parameters}
        result = allocate(
            population=table, formula=formula, transition=transition, settings=settings, with_effects=False
        )

        assert result.agrees, (transition, [check for check in result.checks if not check.holds])


def test_above_average_cost_by_hand():
    """A and B are above £2.27 a head; the fund pays 75p in the £ of £400,000 of need, then all of half of it."""
    result = result_of_four()

    # £2 a head. A needs 500,000 − 200,000, B 500,000 − 400,000; D's £2.05 a head is below the average.
    assert column(result, "2014/15", "fair_share") == [200_000, 400_000, 600_000, 800_000]
    assert column(result, "2014/15", "cost_per_head") == [5, 2.5, 1.5, 2.05]
    assert result.national["average_cost_per_head"].to_list() == [2.27, 2.27]
    assert column(result, "2014/15", "transition_need") == [300_000, 100_000, 0, 0]
    assert column(result, "2014/15", "allocation") == [425_000, 475_000, 600_000, 800_000]
    assert column(result, "2015/16", "transition_need") == [150_000, 50_000, 0, 0]
    assert column(result, "2015/16", "allocation") == [350_000, 450_000, 600_000, 800_000]
    assert result.national["unspent_transition_fund"].to_list() == [0, 100_000]


def test_cost_above_funding_by_hand():
    """D's £20,000 above its fair share counts under the test of the application form."""
    result = result_of_four("cost-above-funding")

    # 300,000 + 100,000 + 20,000 of need: 300/420 of each is 214,285.71, 71,428.57 and 14,285.71.
    assert column(result, "2014/15", "transition_need") == [300_000, 100_000, 0, 20_000]
    assert column(result, "2014/15", "transition_support") == [214_286, 71_428, 0, 14_286]
    assert column(result, "2015/16", "transition_support") == [150_000, 50_000, 0, 10_000]
    assert result.national["unspent_transition_fund"].to_list() == [0, 90_000]


def test_no_transition_by_hand():
    """Without a transition every allocation is the fair share at once, and no spend is needed."""
    result = allocate(
        population=SAMPLES / "abcd-population.csv", transition="none", settings={"revenue_budget": 2_000_000}
    )

    for year in ("2014/15", "2015/16"):
        assert column(result, year, "allocation") == [200_000, 400_000, 600_000, 800_000]


@pytest.mark.parametrize("transition", ["above-average-cost", "cost-above-funding", "none"])
@pytest.mark.parametrize("fund", [slow(0), slow(1), 299_999.99, slow(400_000), 10_000_000])
def test_transitions_against_the_oracle(transition, fund):
    """With a fund of 0, £1, a penny too small or too large, an exact oracle gives the same pounds."""
    settings = {"revenue_budget": 1_999_999} | ({"transition_fund": fund} if transition != "none" else {})
    result = result_of_four(transition, **settings) if transition != "none" else None
    result = result or allocate(
        population=SAMPLES / "abcd-population.csv",
        spend=SAMPLES / "abcd-spend.csv",
        transition=transition,
        settings=settings,
    )

    assert result.agrees
    for year, share in (("2014/15", 1), ("2015/16", Fraction(1, 2))):
        expected = oracle.gpit_2014_16(PEOPLE, SPEND, 1_999_999, fund, share, test=transition)
        for name in ("fair_share", "allocation"):
            assert column(result, year, name) == [expected[code][name] for code in PEOPLE]


# gpit-2014-16 ------------------------------------------------------------------------------------------


def test_values_of_gpit_2014_16():
    """£140m a year, a fund of £20m a year, all of the need and then half of it: each as decided."""
    scheme = load("gpit-2014-16")
    values = {
        name: [(value.value, value.source is not None) for value in parameter.values.values()]
        for name, parameter in scheme.parameters.items()
    }

    # METHOD.md, decisions: 2014/15 is sourced; £140m in 2015/16 and both shares are assumptions.
    assert values == {
        "revenue_budget": [(140_000_000, True), (140_000_000, False)],
        "transition_fund": [(20_000_000, True), (20_000_000, True)],
        "support_share": [(1, False), (0.5, False)],
    }
    assert scheme.years == ("2014/15", "2015/16")
    assert (scheme.formula, scheme.transition) == ("registered-population", "above-average-cost")
    assert (scheme.organisation, scheme.result, scheme.report_by) == ("CCG", "allocation", "area_team")
    assert scheme.counts == {"cost_type": ("revenue",), "committed": ("yes",)}


def test_order_of_operations_of_gpit_2014_16():
    """Fair shares are rounded first; cost, average and need follow; support is shared, rounded and added."""
    order = [step.name for step in load("gpit-2014-16").steps]

    assert order == [
        "fair_share_weight",
        "unrounded_fair_share",
        "fair_share",
        "cost_per_head",
        "average_cost_per_head",
        "above_average",
        "transition_need",
        "unrounded_transition_support",
        "transition_support",
        "unspent_transition_fund",
        "allocation",
    ]


def test_assumptions_of_gpit_2014_16():
    """There are four assumptions, among them pro rata support, the half and which spend counts."""
    assumptions = load("gpit-2014-16").assumptions

    assert [(item.number, item.parameter, item.years) for item in assumptions] == [
        (1, "revenue_budget", ("2015/16",)),
        (2, "support_share", ("2014/15",)),
        (3, "support_share", ("2015/16",)),
        (4, "", ("2014/15", "2015/16")),
    ]
    assert "pro rata" in assumptions[1].text
    assert "Half" in assumptions[2].text
    assert "committed revenue costs" in assumptions[3].text


def test_conflict_over_the_fund_is_written_down():
    """The scheme file says that the sources differ (over two years, or in each), and cites both."""
    text = " ".join(FILES["schemes/gpit-2014-16.toml"].read_text(encoding="utf-8").replace("#", "").split())

    assert "The sources differ" in text
    assert '£20m "over two years"' in text
    assert "140 + 20 + 66 + 10 = £236m" in text
    assert 140 + 20 + 66 + 10 == 236
    notes = {source.key: source.note for source in load("gpit-2014-16").sources}
    assert "over two years" in notes["nhs-england-slides-2014-03"]
    assert "in each of the next two years" in notes["ehi-2014-04"]


def test_unit_rate_follows():
    """£2.60 a patient follows from money and people (METHOD.md 1.1); it is not a value of the scheme."""
    assert 2.6 not in [value for _, value in numbers(parsed("schemes/gpit-2014-16.toml"))]


def test_the_other_reading_of_the_fund_can_be_tried():
    """£10m a year, the other reading, can be set, and is marked as overridden."""
    scheme = load(settings=[Setting.read("transition_fund=10_000_000")])

    assert [(name, year, value.value) for name, year, value in scheme.overridden()] == [
        ("transition_fund", "2014/15", 10_000_000),
        ("transition_fund", "2015/16", 10_000_000),
    ]
    assert scheme.digest != load().digest
