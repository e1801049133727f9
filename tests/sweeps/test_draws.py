"""Draws of input columns: reproducible, never below 0, whole people, blanks kept, one error for an organisation."""

import numpy as np
import pytest

from gpit_fairshare import allocate
from gpit_fairshare.errors import GpitError
from gpit_fairshare.sweeps.draws import draws
from running import write_rows
from scheme_files import proper, write

TEXT = """
[scheme]
name = "drawn"
title = "Drawn"
organisation = "practice"
years = ["2014/15", "2015/16"]

[inputs.practice_cost]
unit = "£"
optional = true
[inputs.adjustment]
unit = "£"
signed = true
[inputs.ccg]
type = "text"
[inputs.ccg_target]
unit = "£"
of = "ccg"

[[steps]]
name = "allocation"
label = "Allocation"
unit = "£"
formula = "where(given(practice_cost), practice_cost, 0) + adjustment + ccg_target"

[[checks]]
name = "People"
formula = "registered_population >= 0"
"""
NONE = "the scheme has no such input of numbers"
COLUMNS = "it has practice_cost, adjustment, ccg_target and registered_population"
PEOPLE = {
    "2014/15": {"B00001": 101, "A00001": 2_000, "C00001": 0},
    "2015/16": {"A00001": 4_000, "C00001": 7, "D00001": 5},
}
OTHERS = {"practice_cost": {"A00001": 10.5, "B00001": ""}, "adjustment": {"A00001": -50, "B00001": 8}}


@pytest.fixture
def drawn(tmp_path):
    """Return a function that draws from small inputs of practices in two CCGs."""
    rows = [
        {
            "year": year,
            "practice_code": code,
            "registered_population": people,
            "practice_cost": OTHERS["practice_cost"].get(code, 3),
            "adjustment": OTHERS["adjustment"].get(code, 0),
            "ccg": "00A" if code < "C" else "00B",
            "ccg_target": 1_000 if code < "C" else 2_000,
        }
        for year, practices in PEOPLE.items()
        for code, people in practices.items()
    ]
    result = allocate(
        scheme=write(tmp_path, "drawn.toml", TEXT), population=write_rows(tmp_path / "p.csv", rows), with_effects=False
    )
    return lambda *texts, runs=500, seed=1: draws(result.scheme, result.inputs, texts, runs=runs, seed=seed)


def message_of(call, *texts, **options):
    """Return the message that refuses draws."""
    with pytest.raises(GpitError) as caught:
        call(*texts, **options)
    return proper(caught.value)


def test_draws_are_those_of_numpy_and_come_again(drawn):
    """An organisation's figure is times the standard normal draw of `default_rng(seed)`, in the order of codes."""
    swept = drawn("practice_cost:normal:0.02", runs=3, seed=7)
    errors = np.random.default_rng(7).standard_normal((3, 4)) * 0.02  # A, B, C and D over both years
    assert swept.inputs["practice_cost", "2014/15"][:, 0] == pytest.approx(10.5 * (1 + errors[:, 0]), rel=1e-15)
    assert swept.inputs["practice_cost", "2015/16"][:, 2] == pytest.approx(3 * (1 + errors[:, 3]), rel=1e-15)
    again = drawn("practice_cost:normal:2%", runs=3, seed=7)
    assert np.array_equal(*(each.inputs["practice_cost", "2014/15"] for each in (swept, again)), equal_nan=True)
    assert (swept.count, swept.seed, swept.values, swept.refused) == (3, 7, {}, {})
    other = drawn("practice_cost:normal:0.02", runs=3, seed=8)
    assert not np.array_equal(*(each.inputs["practice_cost", "2015/16"] for each in (swept, other)))


def test_people_are_whole_and_zero_stays(drawn):
    """A list of 101 with errors of 50% is a whole number in every draw, and a list of none stays empty."""
    people = drawn("registered_population:normal:0.5").inputs["registered_population", "2014/15"]
    assert people.shape == (500, 3)  # sorted by code
    assert (people == people.round()).all()
    assert len(set(people[:, 1])) > 100
    assert (people[:, 2] == 0).all()
    assert not np.signbit(people).any()


def test_figures_are_never_below_nothing(drawn):
    """Of a normal error of 100%, one in six would take more than all; the figure is then 0, and an adjustment's too."""
    costs = drawn("practice_cost:normal:1").inputs["practice_cost", "2014/15"][:, 0]
    assert costs.min() == 0
    assert (costs == 0).sum() == pytest.approx(500 / 6.3, abs=30)  # 15.9%; 30 is nearly four standard deviations
    adjustments = drawn("adjustment:normal:1").inputs["adjustment", "2014/15"]
    assert adjustments[:, 0].max() == 0
    assert adjustments[:, 0].min() < -100
    assert adjustments[:, 1].min() == 0


def test_a_uniform_error_has_its_largest_size(drawn):
    """Errors of up to 10% fill the range from £9.45 to £11.55 and never leave it."""
    costs = drawn("practice_cost:uniform:10%").inputs["practice_cost", "2014/15"][:, 0]
    assert 9.45 <= costs.min() < 9.5
    assert 11.5 < costs.max() <= 11.55


def test_a_blank_stays_blank(drawn):
    """The blank cost of B is NaN in every scenario, and no other is."""
    costs = drawn("practice_cost:normal:0.1").inputs["practice_cost", "2014/15"]
    assert np.isnan(costs).tolist() == [[False, True, False]] * 500


def test_an_organisation_has_one_error_in_every_year(drawn):
    """A cost of £10.50 in both years is drawn the same in both, and that of C differs from it."""
    both = drawn("practice_cost:normal:0.1").inputs
    assert (both["practice_cost", "2014/15"][:, 0] == both["practice_cost", "2015/16"][:, 0]).all()
    ratios = both["practice_cost", "2015/16"][:, 1:] / 3
    assert abs(np.corrcoef(ratios.T)[0, 1]) < 0.2  # of 500 independent pairs, 99.999% are within it


def test_a_figure_of_a_larger_organisation_has_one_error(drawn):
    """The target of CCG 00A is the same for its practices A and B in each scenario."""
    targets = drawn("ccg_target:normal:0.1").inputs["ccg_target", "2014/15"]
    assert (targets[:, 0] == targets[:, 1]).all()
    assert (targets[:, 2] != 2 * targets[:, 0]).all()


def test_columns_have_errors_of_their_own(drawn):
    """The second column does not repeat the errors of the first."""
    both = drawn("practice_cost:normal:0.1", "adjustment:normal:0.1").inputs
    ratios = both["practice_cost", "2014/15"][:, 0] / 10.5, both["adjustment", "2014/15"][:, 0] / -50
    assert abs(np.corrcoef(ratios)[0, 1]) < 0.2


def test_notes_say_what_draws_leave_out(drawn):
    """A reader sees the size of the errors, that they are independent, and what that leaves out."""
    notes = drawn("registered_population:normal:0.02", "ccg_target:uniform:1/8").notes
    assert notes[0] == (
        "registered_population: each practice has a random error with a standard deviation of 2%, the same in every "
        "year; figures stay at 0 or above, in whole people."
    )
    assert notes[1] == (
        "ccg_target: each ccg has a random error of up to 12.5%, the same in every year; figures stay at 0 or above."
    )
    assert notes[2] == (
        "All errors are independent of each other. An error that moves many figures together, such as lists that are "
        "too long everywhere, is left out, so results are less sure than the draws show."
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("registered_population", "--draw registered_population: {form}"),
        ("registered_population:0.02", "--draw registered_population:0.02: {form}"),
        (":normal:0.02", "--draw :normal:0.02: {form}"),
        (
            "registered_populaton:normal:0.02",
            f"--draw registered_populaton: {NONE}; did you mean registered_population?; {COLUMNS}",
        ),
        (
            "ccg:normal:0.02",
            f"--draw ccg: {NONE}; did you mean ccg_target?; {COLUMNS}",
        ),
        ("adjustment:norml:0.02", "--draw adjustment:norml:0.02: expected normal or uniform"),
        (
            "adjustment:normal:x",
            "--draw adjustment:normal:x: 'x' is not a number; write 1500000, 0.5, 5% or 1/6",
        ),
        ("adjustment:normal:0", "--draw adjustment:normal:0: {spread}; found 0%"),
        ("adjustment:normal:2", "--draw adjustment:normal:2: {spread}; found 200%"),
        ("adjustment:uniform:-1%", "--draw adjustment:uniform:-1%: {spread}; found -1%"),
    ],
)
def test_a_draw_that_cannot_be_is_refused(drawn, text, message):
    """Every mistake is one line that says what was expected."""
    form = "expected COLUMN:normal:SPREAD or COLUMN:uniform:SPREAD, such as registered_population:normal:0.02"
    spread = "expected a spread above 0 and up to 100%, such as 0.02"
    assert message_of(drawn, text) == message.format(form=form, spread=spread)


def test_runs_seeds_and_repeats_are_checked(drawn):
    """Runs are 1 to a million and fit in memory, a seed is 0 or more, and a column is drawn once."""
    draw = "adjustment:normal:1%"
    assert message_of(drawn, draw, runs=0) == "--runs 0: expected 1 to 1,000,000"
    assert message_of(drawn, draw, runs=1_000_001) == "--runs 1,000,001: expected 1 to 1,000,000"
    assert message_of(drawn, draw, seed=-1) == "--seed -1: expected 0 or more"
    assert message_of(drawn, draw, draw) == "--draw adjustment: given twice; give it once"
    texts = [f"{name}:normal:1%" for name in ("adjustment", "practice_cost", "ccg_target", "registered_population")]
    assert len(drawn(*texts, runs=10).inputs) == 8


def test_draws_that_do_not_fit_in_memory_are_refused(drawn, monkeypatch):
    """Of at most 60 figures, six in each scenario, ten scenarios are the most."""
    monkeypatch.setattr("gpit_fairshare.sweeps.draws.MOST_FIGURES", 60)
    assert drawn("adjustment:normal:1%", runs=10).count == 10
    expected = "--runs 11: 11 × 6 figures to draw; the most runs are 10"
    assert message_of(drawn, "adjustment:normal:1%", runs=11) == expected
