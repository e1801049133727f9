"""`solve`: how far a value can go. Four organisations, with answers worked by hand or found by single runs alone.

A has 100,000 people, B 200,000, C 300,000 and D 400,000, so that they share a budget as 1 : 2 : 3 : 4. They spent
£500,000, £500,000, £450,000 and £820,000: £2,270,000.
"""

from __future__ import annotations

import json
from fractions import Fraction
from typing import TYPE_CHECKING

import polars as pl
import pytest

from gpit_fairshare import GpitError, allocate, solve
from gpit_fairshare.reports.solving import _SolutionReport, solution_document
from gpit_fairshare.scheme.written_numbers import fraction, fraction_text
from gpit_fairshare.sweeps import solving
from running import ABCD_PEOPLE, ABCD_SPEND, gpit, population_file, spend_file, words

if TYPE_CHECKING:
    from collections.abc import Callable

    from gpit_fairshare import Result

FILES = {
    "population": pl.DataFrame({"org_code": [*ABCD_PEOPLE], "registered_population": [*ABCD_PEOPLE.values()]}),
    "spend": pl.DataFrame({"org_code": [*ABCD_SPEND], "historic_spend": [*ABCD_SPEND.values()]}),
}
TWO_MILLION = {"revenue_budget": 2_000_000}


def solved(transition: str, parameter: str, condition: str, *between: object, **options: object) -> solving.Solution:
    """Solve for a parameter of gpit-2014-16 with this transition."""
    return solve(
        **FILES,
        transition=transition,
        parameter=parameter,
        condition=condition,
        between=[*map(str, between)],
        **options,
    )


def texts(solution: solving.Solution) -> list[str]:
    """The values of the answers, as `--set` takes them."""
    return [answer.at.text for answer in solution.answers]


# One answer ---------------------------------------------------------------------------------------------------------


def test_a_budget_can_fall_until_the_smallest_share_is_too_small():
    """A has a tenth. Of £999,995 it has £99,999.50 and wins the tie for the last pound; of £999,994 £99,999.40 is cut.

    Of £999,994 the shares end in .4, .8, .2 and .6, and the two pounds left go to B and D.
    """
    solution = solved("none", "revenue_budget", "allocation >= 100000", 3_000_000, 0)

    assert solution.is_found
    assert texts(solution) == ["999995"]
    (answer,) = solution.answers
    assert (answer.beside.text, answer.beside.is_true) == ("999994", False)
    assert [(figure.row, figure.left) for figure in answer.at.figures] == [("A", 100_000)] * 2
    assert [(figure.row, figure.left) for figure in answer.beside.figures] == [("A", 99_999)] * 2


def test_a_budget_can_rise_to_the_limit():
    """Without a transition all of the budget is paid."""
    assert texts(solved("none", "revenue_budget", "total(allocation) <= 1500000", 0, 20_000_000)) == ["1500000"]


def test_below_is_not_at():
    """`<` is not true at the limit itself."""
    assert texts(solved("none", "revenue_budget", "total(allocation) < 1500000", 0, 20_000_000)) == ["1499999"]


def test_two_comparisons_hold_together():
    """The total may be £1,500,000 at most, but D, who has four tenths, only £500,000: so the budget is £1,250,000.

    Of £1,250,001 D has £500,000.40, which is the largest remainder.
    """
    condition = "total(allocation) <= 1500000 and largest(allocation) <= 500000"

    assert texts(solved("none", "revenue_budget", condition, 0, 20_000_000)) == ["1250000"]


def test_a_total_is_met():
    """Of an equality the answer is where both sides are equal, and one step beside it they are £1 apart."""
    solution = solved("none", "revenue_budget", "total(allocation) == 1234567", 0, 20_000_000)

    assert solution.is_found
    assert texts(solution) == ["1234567"]
    assert {abs(figure.left - figure.right) for figure in solution.answers[0].beside.figures} == {1}


@pytest.mark.slow
def test_a_fund_can_rise_until_need_is_met():
    """Of £2,000,000 A is £300,000 short of its spend, B £100,000, D £20,000: £420,000 can be spent."""
    solution = solved(
        "cost-above-funding", "transition_fund", "balanced", 0, 20_000_000, year="2014/15", settings=TWO_MILLION
    )

    assert texts(solution) == ["420000"]
    assert solution.answers[0].beside.figures[0].left == 1


def test_a_fund_must_be_spent_in_every_year():
    """In the second year half of the need is met: £210,000."""
    solution = solved(
        "cost-above-funding", "transition_fund", "balanced", 200_000, 220_000, step=1000, settings=TWO_MILLION
    )

    assert texts(solution) == ["210000"]
    assert solution.answers[0].beside.failing_years == ("2015/16",)


def test_a_parameter_of_one_year():
    """The fund of the first year can rise to £420,000, that of the second is £0."""
    settings = {**TWO_MILLION, "transition_fund@2015/16": 0}
    solution = solved(
        "cost-above-funding", "transition_fund@2014/15", "balanced", 400_000, 440_000, step=1000, settings=settings
    )

    assert texts(solution) == ["420000"]


@pytest.mark.slow
def test_support_can_fall_to_a_percentage():
    """A quarter of a need of £420,000 is £105,000; the default step is 0.01 percentage points."""
    solution = solved(
        "cost-above-funding",
        "support_share",
        "total(transition_support) >= 105000",
        "100%",
        "0%",
        year="2014/15",
        settings={**TWO_MILLION, "transition_fund": 1_000_000},
    )

    assert texts(solution) == ["25%"]
    assert solution.answers[0].beside.text == "24.99%"


def test_what_is_impossible_is_not_true():
    """Floors of 90% of £2,270,000 cost £2,043,000: below that there is no result, and the reason is that of a run."""
    solution = solved("floor-damping", "revenue_budget", "allocation >= 0", 3_000_000, 0)

    assert texts(solution) == ["2043000"]
    (impossible,) = solution.impossible
    assert (impossible.first, impossible.last, impossible.reaches_end) == (2_042_999, 0, True)
    with pytest.raises(GpitError) as fault:
        allocate(**FILES, transition="floor-damping", settings={"revenue_budget": 2_042_999})
    assert impossible.reason == str(fault.value)


def test_floors_can_rise_until_they_cost_the_budget():
    """95% of £2,270,000 is £2,156,500."""
    settings = {"revenue_budget": 2_156_500}
    solution = solved("floor-damping", "floor_growth", "allocation >= 0", "-20%", "0%", settings=settings)

    assert texts(solution) == ["-5%"]
    assert "too little" in solution.answers[0].beside.impossible


def test_a_ceiling_can_fall_until_money_is_left():
    """Of £3,000,000, at a ceiling of g, A stays at its floor of £450,000 and B and D have their fair shares.

    These are £600,000 and £1,200,000, so C has to take £750,000, which is its £450,000 and two thirds.
    """
    options = {"year": "2014/15", "settings": {"revenue_budget": 3_000_000}}
    solution = solved("floor-and-ceiling", "ceiling_growth", "balanced", "100%", "0%", **options)

    assert texts(solution) == ["66.67%"]
    assert solution.answers[0].beside.figures[0].left == 30


def test_losses_can_be_cut_for_a_sum():
    """Above 2.5% and up to 20% top-ups of A and B cost £400,000 less £1,000,000 times the loss: £300,000 at 10%."""
    options = {"year": "2014/15", "settings": TWO_MILLION}
    solution = solved("annual-loss-cap", "largest_loss", "total(top_up) <= 300000", "50%", "0%", **options)

    assert texts(solution) == ["10%"]


def test_a_minimum_per_head_can_rise_for_a_sum():
    """Each has £2 for each of 1,000,000 people: five pence more cost £50,000. The default step is £0.0001."""
    options = {"year": "2014/15", "settings": TWO_MILLION}
    solution = solved("minimum-per-head", "minimum_per_head", "total(top_up) <= 50000", 2, 3, **options)

    assert texts(solution) == ["2.05"]


def bisected(is_true: Callable[[Result], bool], parameter: str, first: str, last: str, step: str, **options) -> str:
    """The last value that is true, by single runs only; a run that fails is not true. It is true first and not last."""
    start, distance = fraction(first), fraction(step) * (1 if fraction(last) > fraction(first) else -1)
    low, high = 0, int((fraction(last) - start) / distance)
    while high - low > 1:
        middle = (low + high) // 2
        value = fraction_text(Fraction(start + distance * middle))
        try:
            result = allocate(**FILES, with_effects=False, settings={parameter: value, **TWO_MILLION}, **options)
            low, high = (middle, high) if is_true(result) else (low, middle)
        except GpitError:
            high = middle
    return fraction_text(start + distance * low)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("transition", "parameter", "condition", "is_true", "between"),
    [
        (
            "fixed-taper",
            "guaranteed_share",
            "smallest(allocation) >= 300000",
            lambda result: min(result.rows["allocation"]) >= 300_000,
            ("100%", "0%"),
        ),
        (
            "safety-net-and-levy",
            "safety_net_share",
            "total(safety_net_payment) <= 123456",
            lambda result: all(
                sum(result.rows.filter(year=year)["safety_net_payment"]) <= 123_456 for year in result.years
            ),
            ("50%", "100%"),
        ),
        (
            "growth-to-those-under-target",
            "baseline_kept",
            "allocation >= 210000",
            lambda result: min(result.rows["allocation"]) >= 210_000,
            ("85%", "10%"),
        ),
    ],
)
def test_other_transitions_agree_with_bisection(transition, parameter, condition, is_true, between):
    """The answer is the one that single runs find without `solve`."""
    solution = solved(transition, parameter, condition, *between, settings=TWO_MILLION)
    expected = bisected(is_true, parameter, *between, "0.01%", transition=transition)

    assert [fraction(text) for text in texts(solution)] == [fraction(expected)]


# No answer, or several ----------------------------------------------------------------------------------------------


def test_true_everywhere():
    """No allocation is below £0, so there is no limit."""
    solution = solved("none", "revenue_budget", "allocation >= 0", 0, 1_000_000)

    assert not solution.is_found
    assert (solution.answers, [proof.is_true for proof in solution.ends]) == ((), [True, True])


def test_true_nowhere():
    """No total is below £0."""
    solution = solved("none", "revenue_budget", "total(allocation) < 0", 0, 1_000_000)

    assert not solution.is_found
    assert (solution.answers, [proof.is_true for proof in solution.ends]) == ((), [False, False])


def test_true_from_a_value_on():
    """Coming from £0 nothing is true before it is not: the value from which it is true is named, and is no answer."""
    solution = solved("none", "revenue_budget", "total(allocation) >= 400000", 0, 1_000_000)

    assert (solution.answers, solution.begins) == ((), (400_000,))


def test_several_limits_are_all_named():
    """A total between £400,000 and £600,000, or £1,400,000 and £1,600,000, makes it false: two limits from £0 up."""
    condition = "abs(abs(total(allocation) - 1000000) - 500000) >= 100000"
    solution = solved("none", "revenue_budget", condition, 0, 2_000_000)

    assert not solution.is_found
    assert texts(solution) == ["400000", "1400000"]
    assert solution.begins == (600_000, 1_600_000)


def test_several_equal_values_are_all_named():
    """£750,000 and £1,250,000 are both £250,000 from £1,000,000."""
    solution = solved("none", "revenue_budget", "abs(total(allocation) - 1000000) == 250000", 2_000_000, 0)

    assert not solution.is_found
    assert texts(solution) == ["1250000", "750000"]


def test_an_equality_that_is_never_met():
    """Half a pound is never paid: coming from £0, £1,234,567 is the first of the two closest values."""
    solution = solved("none", "revenue_budget", "total(allocation) == 1234567.5", 0, 20_000_000)

    assert not solution.is_found
    (answer,) = solution.answers
    assert (answer.at.text, answer.until.text, answer.beside.text) == ("1234567", "1234568", "1234566")


@pytest.mark.slow
def test_a_plateau():
    """Any fund up to the need of £420,000 is spent: from the other end, the first value is £420,000, the last is £0."""
    options = {"year": "2014/15", "settings": TWO_MILLION}
    solution = solved("cost-above-funding", "transition_fund", "unspent_transition_fund == 0", 20_000_000, 0, **options)

    assert solution.is_found
    (answer,) = solution.answers
    assert (answer.at.text, answer.until.text, answer.beside.text) == ("420000", "0", "420001")


def test_a_change_between_two_calculated_values_can_be_missed_and_is_said_to_be():
    """Of 20,000,001 values 401 are calculated first, £50,000 apart: a dip of £2 between two of them is not seen."""
    solution = solved("none", "revenue_budget", "abs(total(allocation) - 10025000) >= 2", 0, 20_000_000)

    assert solution.answers == ()
    assert solution.spacing == 50_000


def test_a_spacing_is_written_without_noise_of_floats():
    """-50% to 0% by 0.01% are 5,001 values; every 13th is calculated first, 0.13% apart, not 0.13000000000000002%."""
    solution = solved("floor-and-ceiling", "floor_growth", "total(allocation) >= 0", "-50%", "0%")

    assert solution.spacing == 13
    assert "at most 0.13% apart" in " ".join(_SolutionReport(solution).caveats())
    assert "changes back between two neighbours, the search misses that" in " ".join(
        _SolutionReport(solution).caveats()
    )


@pytest.mark.parametrize(
    ("condition", "between", "sentences"),
    [
        (
            "total(allocation) <= 900",
            (0, 1000),
            ["revenue_budget can rise to £900: above that, total(allocation) <= 900 is not true in any year."],
        ),
        (
            "abs(total(allocation) - 500) >= 100",
            (0, 1000),
            [
                (
                    "revenue_budget can rise to £400: above that, abs(total(allocation) - 500) >= 100 is not true in "
                    "any year."
                ),
                "Coming from £0, it becomes true again at £600.",
            ],
        ),
        (
            "total(allocation) >= 400",
            (0, 1000),
            [
                (
                    "At £0, total(allocation) >= 400 is not true in any year; from £400 on total(allocation) >= 400 is "
                    "true in every year."
                ),
                "To have £400 as the answer, come from the other end: --between 1000 0",
            ],
        ),
        (
            "total(allocation) == 400",
            (0, 1000),
            ["revenue_budget must be £400: there, total(allocation) == 400 is true in every year."],
        ),
    ],
)
def test_the_answer_is_said_in_words(condition, between, sentences):
    """The first sentence is the answer; others say what else must be known."""
    assert [*_SolutionReport(solved("none", "revenue_budget", condition, *between)).answer()] == sentences


# What is refused ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"condition": "allocation > alocation"}, "--for, character 14: there is no alocation"),
        ({"condition": "zzz > 1"}, "--for, character 1: there is no zzz; the steps are fair_share_weight, "),
        ({"condition": "allocation"}, "--for, character 1: expected a comparison of numbers by <=, >=, <, >, =="),
        ({"condition": "balance"}, "joined by and; did you mean balanced?"),
        ({"condition": " BALANCED "}, "joined by and; did you mean balanced?"),
        ({"condition": "allocation >="}, "--for, character 13: the formula ends after >=; expected a name, a number"),
        ({"condition": "allocation >= 1 and fair_share == 2"}, "--for, character 1: expected a comparison"),
        ({"condition": "allocation != 2"}, "--for, character 1: expected a comparison"),
        ({"condition": "allocation >= registered_population"}, "£ and people cannot be compared"),
        ({"parameter": ""}, "solve '': expected a parameter, as NAME or NAME@2015/16"),
        ({"condition": ""}, "--for, character 1: the formula is empty"),
        ({"parameter": "budget"}, "solve budget: there is no such parameter; did you mean revenue_budget?"),
        ({"parameter": "revenue_budget@2020/21"}, "solve revenue_budget@2020/21: the scheme has the years"),
        ({"between": ("0", "+5%")}, "--between +5%: is a change; give the value itself"),
        ({"between": ("0", "5%")}, "--between: 5% is a percentage, but the unit of revenue_budget is £"),
        ({"between": ("5", "5")}, "--between 5 5: both are the same"),
        ({"between": ("5", "5.5")}, "--between 5 5.5: they are less than one step of 1 apart"),
        ({"between": ("5",)}, "--between: expected two values of revenue_budget; found 1"),
        ({"step": "0"}, "--step 0: expected a number above 0"),
        ({"year": "2020/21"}, "--year 2020/21: the scheme has the years 2014/15, 2015/16"),
        ({"settings": {"revenue_budget": 5}}, "--set revenue_budget: solve looks for this value"),
        ({"settings": {"revenue_budget@2014/15": 5}}, "--set revenue_budget@2014/15: solve looks for this value"),
    ],
)
def test_refusals_say_what_to_give(changes, message):
    """Each is one line with the option, what was found and what is expected."""
    arguments = {"parameter": "revenue_budget", "condition": "allocation >= 1", "between": ("0", "1000")}
    with pytest.raises(GpitError) as fault:
        solve(**FILES, **{**arguments, **changes})

    assert message in str(fault.value)
    assert "\n" not in str(fault.value)


@pytest.mark.parametrize(
    ("condition", "message"),
    [
        ("allocation = 5", "character 12: write == to compare"),
        ("allocation <= £5", "character 15: the character £ is not part of the language; write amounts without it"),
        ("allocation > 5 # pounds", "character 16: the character # is not part of the language"),
        ("1 < rank(allocation)", "rank must be a step of the scheme; make it a step of the scheme and use that step's"),
    ],
)
def test_advice_on_a_formula_is_for_this_option(condition, message):
    """A formula here is no step of a scheme: it has no name, unit and note, and what must be a step is in a scheme."""
    with pytest.raises(GpitError) as fault:
        solved("none", "revenue_budget", condition, 0, 1000)

    assert str(fault.value).removeprefix("--for, ").removeprefix("character 5: ").startswith(message)
    assert "step's unit" not in str(fault.value)


def test_each_reason_has_its_own_range():
    """Floors of 90% cost £2,043,000, more than £0; above £1,000,000,000,000,000 whole pounds are not exact.

    Of five values that are £1,000,000,000,000,000 apart, the first and the last three have no result.
    """
    search = ("floor-and-ceiling", "revenue_budget", "total(allocation) >= 1", 0, 4 * 10**15)
    solution = solved(*search, step=10**15, year="2014/15")
    sentences = [getattr(block, "text", "") for block in solution_document(solution, is_short=True).blocks]
    beyond = solved(*search[:3], 2 * 10**15, 10**18, step=10**15, year="2014/15")
    title = solution_document(beyond, is_short=True).blocks[0]

    assert [(part.first, part.last, part.reaches_end) for part in solution.impossible] == [
        (0, 0, False),
        (2e15, 4e15, True),
    ]
    assert any(text.startswith("At £0 it is impossible: floor-and-ceiling.toml, step") for text in sentences)
    assert any(text.startswith("From £2,000,000,000,000,000 up it is impossible:") for text in sentences)
    assert "none of the 401 values that were calculated" in " ".join(title.pieces)


def test_values_outside_their_bounds_are_those_of_between():
    """A share has at most 100%: what is beyond is impossible, and its reason names no option."""
    search = ("cost-above-funding", "support_share", "total(transition_support) >= 0", "90%", "110%")
    solution = solved(*search, step="5%", year="2014/15")

    (impossible,) = solution.impossible
    assert impossible.reason == "support_share is 105% in 2014/15; its maximum is 100%"
    assert solution.answers[0].beside.impossible == impossible.reason


def test_a_proof_that_differs_is_a_bug(monkeypatch):
    """The answer of the sweep is compared with single runs: here these have a budget that is £1 higher."""
    monkeypatch.setattr(
        solving,
        "load_scheme",
        lambda options, load=solving.load_scheme, **others: load(
            solving.replace(
                options,
                settings={name: str(int(value) + 1) for name, value in (options.settings or {}).items()},
            ),
            **others,
        ),
    )
    with pytest.raises(RuntimeError, match="the sweep and a single run differ"):
        solved("none", "revenue_budget", "total(allocation) <= 1500000", 0, 20_000_000)


# On the command line ------------------------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path):
    """A folder with the two files."""
    population_file(tmp_path, ABCD_PEOPLE)
    spend_file(tmp_path, ABCD_SPEND)
    return tmp_path


@pytest.mark.slow
def test_the_answer_is_read_first_and_written(folder):
    """The first line is the answer; the JSON file has it with both runs, the CSV file a row for each figure of them."""
    files = ["--population", "population.csv", "--spend", "spend.csv", "--transition", "floor-damping"]
    search = ["solve", "revenue_budget", "--for", "allocation >= 0", "--between", "3000000", "0", *files]
    outputs = [word for name in ("a.json", "a.csv", "a.md", "a.html") for word in ("-o", name)]
    run = gpit(*search, *outputs, folder=folder, env={"COLUMNS": "80"})

    assert run.returncode == 0
    assert run.stdout.decode().splitlines()[0] == "revenue_budget can fall to £2,043,000: below that, it is impossible."
    assert "From £2,042,999 down it is impossible: floor-damping.toml" in words(run.stdout)
    document = json.loads((folder / "a.json").read_text("utf-8"))
    (answer,) = document["answers"]
    assert (answer["at"]["text"], answer["beside"]["text"], document["is_found"]) == ("2043000", "2042999", True)
    rows = pl.read_csv(folder / "a.csv")
    assert rows["value"].to_list() == [2_043_000, 2_043_000, 2_042_999]
    for name in ("a.md", "a.html"):
        assert "can fall to £2,043,000:" in (folder / name).read_text("utf-8")


@pytest.mark.slow
def test_no_answer_is_1_and_a_wrong_formula_2(folder):
    """The exit code is 1 where there is no single answer, and 2 for a formula that cannot be read, with a caret."""
    files = ["--population", "population.csv", "--spend", "spend.csv", "--transition", "none"]
    search = ["solve", "revenue_budget", "--between", "0", "3000000", *files]
    nowhere = gpit(*search, "--for", "allocation < 0", folder=folder)
    unread = gpit(*search, "--for", "allocation <", folder=folder)

    assert nowhere.returncode == 1
    answer = "There is no answer: at none of the 401 values that were calculated is allocation < 0"
    assert words(nowhere.stdout).startswith(answer)
    assert unread.returncode == 2
    assert unread.stderr.decode().startswith("gpit: error: --for, character ")
    assert unread.stdout == b""
