from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gpit_fairshare.errors import FormulaError
from gpit_fairshare.language.kinds import NATIONAL, ORGANISATION, Definition, Symbol, group
from gpit_fairshare.language.meaning import understand
from gpit_fairshare.language.parsing import parse

SYMBOLS = {
    symbol.name: symbol
    for symbol in (
        Symbol("registered_population", "input", ORGANISATION, unit="people"),
        Symbol("historic_spend", "input", ORGANISATION, unit="£"),
        Symbol("need_index", "input", ORGANISATION),
        Symbol("forecast", "input", ORGANISATION, unit="£", optional=True),
        Symbol("area_team", "input", ORGANISATION, "text"),
        Symbol("region", "input", ORGANISATION, "text"),
        Symbol("budget", "parameter", NATIONAL, unit="£"),
        Symbol("price", "parameter", NATIONAL, unit="£ per head"),
        Symbol("cap", "parameter", NATIONAL, unit="%"),
        Symbol("switch", "parameter", NATIONAL),
    )
}
"""A CCG's inputs, two text columns to group by, and parameters; need_index and switch have no unit."""


def learn(*steps, checks=()):
    """Return the symbols of steps written as `name = formula`, or `name (unit) = formula`."""
    return understand(
        [definition(step) for step in steps],
        SYMBOLS,
        [Definition(check, parse(check), None, f"own.toml, check {check}") for check in checks],
    )


def definition(step):
    """Return a step written as `name (unit) = formula`."""
    head, _, formula = step.partition(" = ")
    name, _, unit = head.partition(" (")
    return Definition(name, parse(formula), unit.rstrip(")") or None, f"own.toml, step {name}")


def fault(*steps, checks=()):
    """Return the error that the steps raise."""
    with pytest.raises(FormulaError) as caught:
        learn(*steps, checks=checks)
    return caught.value


def last(*steps):
    """Return the symbol of the last step."""
    return learn(*steps)[steps[-1].partition(" ")[0]]


# Kinds --------------------------------------------------------------------------------------------------------

AREA, REGION = group("area_team"), group("region")
BY_AREA = "area_spend = total(historic_spend, within=area_team)"
BY_REGION = "region_spend = total(historic_spend, within=region)"


@pytest.mark.parametrize(
    ("kind", "steps"),
    [
        (NATIONAL, ["x = 1"]),
        (NATIONAL, ["x = budget * cap"]),
        (NATIONAL, ["x = total(historic_spend) / total(registered_population)"]),
        (NATIONAL, ["over = historic_spend > 1", "x = count(over)"]),
        (ORGANISATION, ["x = historic_spend"]),
        (ORGANISATION, ["x = historic_spend - total(historic_spend)"]),
        (ORGANISATION, ["x = given(forecast)"]),
        (ORGANISATION, ["x = area_team == 'North'"]),
        (ORGANISATION, ["x = where(area_team == 'North', budget, 0)"]),
        (AREA, [BY_AREA, "x = area_spend"]),
        (AREA, ["x = 2 * smallest(historic_spend, within=area_team) + budget"]),
        (AREA, [BY_AREA, "x = max(area_spend, largest(historic_spend, within=area_team))"]),
        (AREA, [BY_AREA, "x = not area_spend > 1"]),
        (REGION, [BY_AREA, "x = total(area_spend, within=region)"]),
        (NATIONAL, [BY_AREA, "x = largest(area_spend)"]),
        (ORGANISATION, [BY_AREA, "x = historic_spend / area_spend"]),
        (ORGANISATION, [BY_AREA, BY_REGION, "x = area_spend / region_spend"]),
        # Kernels follow their weights and bounds, not the amount
        (ORGANISATION, ["x = share_out(budget, by=historic_spend)"]),
        (ORGANISATION, ["x = share_out(budget, by=1)"]),
        (ORGANISATION, [BY_AREA, "x = share_out(area_spend, by=1, within=area_team)"]),
        (AREA, [BY_AREA, "x = share_out(budget, by=area_spend)"]),
        (AREA, [BY_AREA, "x = share_out(budget, by=1, at_most=area_spend)"]),
        (ORGANISATION, [BY_AREA, "x = share_out(budget, by=area_spend, at_least=historic_spend)"]),
        (AREA, [BY_AREA, "x = rounded(area_spend)"]),
        (ORGANISATION, ["x = rounded(historic_spend, within=area_team)"]),
        # The year before
        (NATIONAL, ["x = previous(budget, first=0)"]),
        (ORGANISATION, ["x = previous(historic_spend, first=0)"]),
        (ORGANISATION, ["x = previous(budget, first=historic_spend)"]),
        (ORGANISATION, ["x = previous(x, first=historic_spend) * 1.05"]),
        (NATIONAL, ["x = previous(x, first=budget) * 1.05"]),
        (AREA, [BY_AREA, "x = previous(x, first=area_spend)"]),
    ],
)
def test_kind_is_the_finest_of_what_a_step_uses(kind, steps):
    """A step is national, one per group, or one per organisation; two groupings meet only in organisations."""
    assert last(*steps).kind == kind


def test_kind_reaches_through_previous_from_a_step_below():
    """A step may take last year's value of a step further down, which may do the same."""
    symbols = learn(
        "opening = previous(middle, first=1)",
        "half = opening / 2",
        "middle = previous(closing, first=1)",
        "closing = half + historic_spend",
    )

    assert {symbols[name].kind for name in ("opening", "half", "middle", "closing")} == {ORGANISATION}


def test_kind_settles_where_weights_come_from_the_step_itself():
    """Money shared out by an area's money of last year has one value per area, wherever the area is named."""
    named_above = learn(
        BY_AREA,
        "opening = previous(closing, first=area_spend)",
        "closing = share_out(budget, by=opening)",
    )
    named_below = learn(
        "opening = previous(following, first=1)",
        "closing = share_out(budget, by=opening)",
        "following = previous(closing, first=1) + total(historic_spend, within=area_team)",
    )

    assert {named_above[name].kind for name in ("opening", "closing")} == {AREA}
    assert {named_below[name].kind for name in ("opening", "closing", "following")} == {AREA}


def test_shares_by_nothing_but_their_own_past_are_the_organisations():
    """If no weight leads to a column, every organisation shares."""
    symbols = learn("opening = previous(closing, first=1)", "closing = share_out(budget, by=opening)")

    assert symbols["opening"].kind == symbols["closing"].kind == ORGANISATION


def test_long_chain_through_previous_settles():
    """A kind passes up a chain of 100 steps, each of which takes last year's value of the next step."""
    steps = [f"s{i} = previous(s{i + 1}, first=0)" for i in range(99)]
    symbols = learn(*steps, "s99 = historic_spend")

    assert all(symbols[f"s{i}"].kind == ORGANISATION for i in range(100))


SOURCES = {
    "budget": set(),
    "historic_spend": {ORGANISATION},
    "area_spend": {AREA},
    "region_spend": {REGION},
}


@pytest.mark.slow
@settings(derandomize=True, deadline=None, max_examples=150)
@given(st.data())
def test_kinds_are_those_of_all_that_a_step_reaches(data):
    """For any dependencies between steps, a step has the finest kind of all that it depends on."""
    names = [f"s{i}" for i in range(data.draw(st.integers(2, 8)))]
    steps, own, uses, shared = [BY_AREA, BY_REGION], {}, {}, set()
    for i, name in enumerate(names):
        if i and data.draw(st.booleans()):
            weight = data.draw(st.sampled_from(names[:i]))
            own[name], uses[name] = set(), {weight}
            shared.add(name)
            steps.append(f"{name} = share_out(budget, by={weight})")
        else:
            source = data.draw(st.sampled_from(sorted(SOURCES)))
            before = data.draw(st.sets(st.sampled_from(names), max_size=2))
            own[name], uses[name] = SOURCES[source], before
            steps.append(f"{name} = {' + '.join([source, *(f'previous({step}, first=0)' for step in sorted(before))])}")
    symbols = learn(*steps)

    def reached(name):
        names_reached, waiting = set(), [name]
        while waiting:
            step = waiting.pop()
            waiting += uses[step] - names_reached
            names_reached.add(step)
        return names_reached

    kinds = {name: set().union(*(own[step] for step in reached(name))) for name in names}
    for name in names:
        # Shares by weights that lead to no column have one value per organisation.
        finest = kinds[name] | {ORGANISATION for step in reached(name) & shared if not kinds[step]}
        expected = NATIONAL if not finest else next(iter(finest)) if len(finest) == 1 else ORGANISATION
        assert symbols[name].kind == expected, steps


# Types --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "formula"),
    [
        ("number", "historic_spend + 1"),
        ("number", "where(historic_spend > 1, 1, 0)"),
        ("number", "share_out(budget, by=historic_spend)"),
        ("yes/no", "historic_spend > 1"),
        ("yes/no", "area_team != 'North'"),
        ("yes/no", "'North' == area_team"),
        ("yes/no", "not given(forecast)"),
        ("yes/no", "given(forecast) and forecast > 1 or budget == 0"),
        ("yes/no", "where(given(forecast), forecast > 1, budget > 1)"),
        ("yes/no", "previous(x, first=historic_spend > 1)"),
        ("yes/no", "previous(x, first=budget > 0) or historic_spend > 1"),
        ("yes/no", "where(historic_spend > 1, previous(x, first=budget > 0), budget > 1)"),
        ("number", "previous(x, first=historic_spend) + 1"),
    ],
)
def test_type_is_inferred(kind, formula):
    """The formula decides whether a step is a number or a yes/no, even if it passes on its own previous value."""
    assert last(f"x = {formula}").type == kind


def test_yes_no_of_a_step_below():
    """A step may take last year's value of a yes/no further down, with a yes/no for the first year."""
    symbols = learn(
        "was_above = previous(above, first=budget < 0)",
        "need = where(was_above, historic_spend, 0)",
        "above = historic_spend > budget",
    )

    assert symbols["was_above"].type == "yes/no"
    assert symbols["above"].unit == "yes/no"


# Units --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("unit", "formula"),
    [
        ("£ per head", "historic_spend / registered_population"),
        ("£ per head", "total(historic_spend) / total(registered_population)"),
        ("£", "price * registered_population"),
        ("£", "historic_spend * cap"),
        ("£", "historic_spend / 3 + 2 * budget - 1"),
        ("£", "-historic_spend"),
        ("£", "abs(historic_spend - budget)"),
        ("£", "round(historic_spend, 2)"),
        ("£", "rounddown(historic_spend, 2)"),
        ("£ per head", "roundup(price, 2)"),
        (None, "rank(historic_spend)"),
        ("£", "max(0, historic_spend, budget)"),
        ("£", "clip(historic_spend, 0, budget)"),
        ("£", "where(given(forecast), forecast, historic_spend)"),
        ("£", "largest(historic_spend, within=area_team)"),
        ("£", "share_out(budget, by=registered_population)"),
        ("£", "rounded(historic_spend)"),
        ("£", "previous(historic_spend, first=budget)"),
        ("people", "historic_spend / price"),
        ("people", "registered_population * (historic_spend / budget)"),
        ("ratio", "historic_spend / budget"),
        ("ratio", "cap - 0.5"),
        ("ratio", "1 / cap"),
        ("yes/no", "historic_spend > budget"),
        (None, "2 * 3"),
        (None, "historic_spend * budget"),
        (None, "historic_spend * need_index"),
        (None, "historic_spend + need_index"),
        (None, "need_index"),
    ],
)
def test_unit_is_inferred(unit, formula):
    """£ ÷ people is £ per head; a number in a formula fits any unit; arithmetic with an unknown unit has none."""
    assert last(f"x = {formula}").unit == unit


@pytest.mark.parametrize(
    ("formula", "position", "message"),
    [
        ("historic_spend + registered_population", 1, "£ and people cannot be added"),
        ("1 + (historic_spend - registered_population)", 6, "£ and people cannot be subtracted"),
        ("historic_spend + cap", 1, "£ and a ratio cannot be added"),
        ("historic_spend > price", 1, "£ and £ per head cannot be compared"),
        ("budget * budget == budget", 1, "£ × £ and £ cannot be compared"),
        ("1 / registered_population < budget", 1, "1 ÷ people and £ cannot be compared"),
        ("2 * max(budget, price)", 5, "£ and £ per head cannot be arguments of the same max"),
        ("min(need_index, budget, registered_population)", 1, "£ and people cannot be arguments of the same min"),
        ("clip(historic_spend, 0, cap)", 1, "£ and a ratio cannot be arguments of the same clip"),
        ("where(budget > 0, budget, price)", 1, "£ and £ per head cannot be branches of the same where"),
        ("previous(historic_spend, first=price)", 32, "£ and £ per head cannot be values of the same step"),
        ("previous(x, first=0) + price * 1 + budget", 1, "£ per head and £ cannot be added"),
        (
            "share_out(budget, by=registered_population, at_most=registered_population)",
            1,
            "£ and people cannot be shared out together",
        ),
    ],
)
def test_units_that_do_not_fit_are_refused(formula, position, message):
    """£ plus people is an error that names both units and what cannot be done with them."""
    error = fault(f"x (£) = {formula}" if "previous(x" not in formula else f"x (£ per head) = {formula}")

    assert message in error.message
    assert error.position == position


def test_unknown_unit_is_not_checked():
    """A column without a unit may be added to anything, compared with anything and declared as anything."""
    learn(
        "a = need_index + historic_spend",
        "b = need_index + registered_population",
        "c (£) = need_index * historic_spend",
        "d = need_index > historic_spend and need_index > registered_population",
        "e (£ per head) = switch",
    )


@pytest.mark.parametrize(
    ("declared", "formula", "message"),
    [
        ("£", "historic_spend / registered_population", "gives £ per head, but the step's unit is £"),
        ("people", "historic_spend", "gives £, but the step's unit is people"),
        ("%", "historic_spend", "gives £, but the step's unit is %"),
        ("£ per head", "budget * historic_spend", "gives £ × £, but"),
        ("£", "historic_spend > 0", "gives a yes/no, but the step's unit is £"),
        ("yes/no", "historic_spend", "gives a number, but the step's unit is yes/no"),
    ],
)
def test_declared_unit_has_to_be_the_one_of_the_formula(declared, formula, message):
    """The unit that a step declares is compared with the unit of its formula."""
    assert message in fault(f"x ({declared}) = {formula}").message


@pytest.mark.parametrize(
    ("declared", "formula"), [("£", "1000"), ("people", "2 * 500"), ("%", "cap / 2"), ("%", "budget / budget")]
)
def test_declared_unit_gives_a_bare_number_its_meaning(declared, formula):
    """A bare number may be declared in any unit, and a percentage is a ratio."""
    assert last(f"x ({declared}) = {formula}").unit == declared


@pytest.mark.parametrize("formula", ["60% - cap", "budget * 95%", "-5% * price", "max(5%, cap)", "switch + 5%", "5%"])
def test_a_percentage_is_a_ratio(formula):
    """A percentage is added to ratios, and multiplies anything; a value without a unit is not checked."""
    learn(f"x = {formula}")


@pytest.mark.parametrize(
    ("formula", "message"),
    [
        ("budget - 5%", "£ and a ratio cannot be subtracted"),
        ("max(0, 5% + price)", "a ratio and £ per head cannot be added"),
        ("where(budget > 5%, 1, 0)", "£ and a ratio cannot be compared"),
        ("share_out(60%, by=registered_population, at_most=historic_spend)", "a ratio and £ cannot be shared out"),
    ],
)
def test_a_percentage_is_no_amount(formula, message):
    """5% of nothing in particular is not £0.05: it is not added to an amount or compared with one."""
    assert message in fault(f"x = {formula}").message
    assert "the formula gives a ratio, but the step's unit is £" in fault("x (£) = 5%").message


def test_declared_unit_holds_for_what_follows():
    """The unit that a step declares for a value of unknown unit is checked in later steps."""
    assert fault("weighted (people) = need_index * 2", "x = weighted + budget").message == (
        "people and £ cannot be added"
    )


def test_unit_inferred_above_is_known_through_previous():
    """A step above keeps its inferred unit, also if its value of last year is used."""
    error = fault("rate = historic_spend / registered_population", "x = previous(rate, first=0) + budget")

    assert error.message == "£ per head and £ cannot be added"
    assert error.where == "own.toml, step x"


# What makes no sense ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("formula", "position", "message"),
    [
        # Names
        ("historic_spnd * 2", 1, "there is no historic_spnd; did you mean historic_spend?"),
        ("2 * Historic_Spend", 5, "there is no Historic_Spend; did you mean historic_spend?"),
        ("1 + total(registered_pop)", 11, "there is no registered_pop; did you mean registered_population?"),
        ("given(forcast)", 7, "there is no forcast; did you mean forecast?"),
        ("total(historic_spend, within=regoin)", 30, "there is no regoin; did you mean region?"),
        ("share_out(budgte, by=1)", 11, "there is no budgte; did you mean budget?"),
        ("share_out(budget, by=need)", 22, "there is no need"),
        ("share_out(budget, by=1, within=regoin)", 32, "there is no regoin; did you mean region?"),
        ("rounded(speend)", 9, "there is no speend"),
        ("rounded(historic_spend, within=area)", 32, "there is no area"),
        ("rank(speend)", 6, "there is no speend"),
        ("rank(historic_spend, within=area)", 29, "there is no area"),
        ("rank(later)", 6, "later is defined further down"),
        ("running_total(historic_spend, by=plase)", 34, "there is no plase; did you mean place or price?"),
        ("previous(alocation, first=0)", 10, "there is no alocation"),
        ("previous(budget, first=budgte)", 24, "there is no budgte; did you mean budget?"),
        ("regoin == 'North'", 1, "there is no regoin; did you mean region?"),
        ("zzz", 1, "there is no zzz"),
        # A step uses what is above it
        ("x + 1", 1, "x is defined further down; a step uses what is above it, or previous(x, first=…)"),
        (
            "2 * later",
            5,
            "later is defined further down; a step uses what is above it, or previous(later, first=…)",
        ),
        ("total(later)", 7, "later is defined further down"),
        ("previous(x, first=x)", 19, "x is defined further down"),
        ("share_out(budget, by=later)", 22, "later is defined further down"),
        # Yes/no
        ("above * 2", 1, "a yes/no cannot be used in arithmetic or totals"),
        ("1 + (budget > 0)", 6, "a yes/no cannot be used in arithmetic or totals; use where or count"),
        ("-above", 2, "a yes/no cannot be used"),
        ("max(0, above)", 8, "a yes/no cannot be used"),
        ("round(above, 0)", 7, "a yes/no cannot be used"),
        ("above == above", 1, "a yes/no cannot be used"),
        ("above > 0", 1, "a yes/no cannot be used"),
        ("total(above)", 7, "total takes a number, but above is a yes/no; use count(…)"),
        ("count(historic_spend)", 7, "count takes a yes/no, but historic_spend is a number"),
        ("count(area_team)", 7, "count takes a yes/no, but area_team is a text"),
        ("rounded(above)", 9, "a yes/no cannot be used"),
        ("rounddown(above, 0)", 11, "a yes/no cannot be used"),
        ("rank(above)", 6, "a yes/no cannot be used"),
        ("running_total(above, by=place)", 15, "a yes/no cannot be used"),
        ("share_out(budget, by=above)", 22, "a yes/no cannot be used"),
        ("share_out(budget, by=1, at_most=above)", 33, "a yes/no cannot be used"),
        ("not historic_spend", 5, "expected a yes/no here, such as a comparison"),
        ("above and budget", 11, "expected a yes/no here"),
        ("above or 0", 10, "expected a yes/no here"),
        ("where(budget, 1, 0)", 7, "expected a yes/no here"),
        ("where(above, 1, above)", 17, "both branches of where must be numbers, or both yes/no"),
        ("previous(above, first=0)", 23, "`first` must be a yes/no, as above is"),
        ("previous(budget, first=above)", 24, "`first` must be a number, as budget is"),
        # Texts
        ("'North'", 1, "a quoted text can only be compared with a text column, by == or !="),
        ("where(above, 'North', 'South')", 14, "a quoted text can only be compared with"),
        ("1 + 'North'", 5, "a quoted text can only be compared with"),
        ("historic_spend == 'North'", 19, "a quoted text can only be compared with a text column, by == or !="),
        ("area_team > 'North'", 13, "a quoted text can only be compared with a text column"),
        ("'North' == 'North'", 1, "a quoted text can only be compared with"),
        ("(budget + 1) == 'North'", 17, "a quoted text can only be compared with"),
        ("min(area_team, 1)", 5, "area_team is a text column; compare it with a quoted text"),
        ("area_team", 1, "area_team is a text column"),
        ("area_team == region", 1, "area_team is a text column; compare it with a quoted text"),
        ("total(area_team)", 7, "total takes a number, but area_team is a text"),
        ("previous(area_team, first=1)", 10, "previous takes a number or a yes/no; area_team is a text column"),
        ("previous(budget, first='x')", 24, "a quoted text can only be compared with"),
        ("where(area_team, 1, 2)", 7, "area_team is a text column"),
        ("rank(area_team)", 6, "rank takes numbers; area_team is a text column"),
        ("running_total(area_team, by=place)", 15, "running_total takes numbers; area_team is a text column"),
        # Figures
        ("total(budget)", 7, "budget is one national figure; total takes a value per organisation or group"),
        ("smallest(average)", 10, "average is one national figure"),
        ("count(national_yes)", 7, "national_yes is one national figure"),
        ("total(budget, within=area_team)", 7, "budget is one national figure"),
        ("total(historic_spend, within=budget)", 30, "within takes a text column of the inputs; budget is not one"),
        ("total(historic_spend, within=need_index)", 30, "within takes a text column of the inputs"),
        ("rounded(historic_spend, within=above)", 32, "within takes a text column of the inputs"),
        ("share_out(budget, by=1, within=average)", 32, "within takes a text column of the inputs"),
        # Rows in order
        ("rank(budget)", 6, "budget is one national figure; expected a value per organisation or group"),
        ("rank(average)", 6, "average is one national figure"),
        ("running_total(budget, by=place)", 15, "budget is one national figure"),
        ("rank(historic_spend, within=above)", 29, "within takes a text column of the inputs; above is not one"),
        ("running_total(historic_spend, by=price)", 34, "by takes a step that is a rank; price is not: make a step"),
        ("running_total(historic_spend, by=above)", 34, "by takes a step that is a rank; above is not"),
        ("running_total(historic_spend, by=area_team)", 34, "by takes a step that is a rank; area_team is not"),
        (
            "running_total(historic_spend, by=place_by_region)",
            34,
            "place_by_region ranks within=region; write the same",
        ),
        (
            "running_total(historic_spend, by=place, within=region)",
            48,
            "place ranks without within; write the same in both",
        ),
        (
            "running_total(historic_spend, by=place_by_region, within=area_team)",
            58,
            "place_by_region ranks within=region; write the same in both",
        ),
        (
            "running_total(area_spend, by=place)",
            30,
            "place is one per organisation, but area_spend is one per area_team; expected ranks of the same rows",
        ),
        # given
        ("given(above)", 7, "given takes an input column; above is a step"),
        ("given(budget)", 7, "given takes an input column; budget is a parameter"),
        # The amount of share_out
        ("share_out(historic_spend, by=1)", 11, "the amount differs by organisation; expected a national figure"),
        ("share_out(area_spend, by=1)", 11, "the amount is one per area_team; add within=area_team"),
        ("share_out(area_spend, by=1, within=region)", 11, "the amount is one per area_team; add within=area_team"),
    ],
)
def test_refused_with_its_place_and_in_plain_words(formula, position, message):
    """A formula that makes no sense is refused at the name or sign, in the words of the language."""
    error = fault(
        "average = total(historic_spend) / total(registered_population)",
        "national_yes = average > 0",
        "above = historic_spend > budget",
        BY_AREA,
        "place = rank(historic_spend)",
        "place_by_region = rank(historic_spend, within=region)",
        f"x = {formula}",
        "later = historic_spend",
    )

    assert message in error.message
    assert error.position == position
    assert error.where == "own.toml, step x"
    assert str(error).startswith(f"own.toml, step x, character {position}: ")


def test_first_error_in_the_order_of_the_scheme_is_raised():
    """Of several errors the first in the scheme is raised: later ones may be its consequence."""
    error = fault("a = historic_spend + 1", "b = nothing", "c = b + no_such_name", checks=["no_check > 1"])

    assert (error.where, error.message) == ("own.toml, step b", "there is no nothing")


def test_name_below_is_no_circle_through_previous():
    """A step may use last year's value of itself and of a step further down."""
    learn("opening = previous(closing, first=historic_spend)", "closing = previous(closing, first=0) + opening")


# Checks -------------------------------------------------------------------------------------------------------


def test_checks_see_every_step():
    """A check may use all steps, figures over them and last year's values."""
    learn(
        "share = share_out(budget, by=registered_population)",
        "above = share > historic_spend",
        checks=[
            "total(share) == budget",
            "share >= 0",
            "above or share <= historic_spend",
            "above",
            "not above or previous(share, first=0) >= 0",
            "count(above, within=region) >= 0",
        ],
    )


@pytest.mark.parametrize(
    ("check", "position", "message"),
    [
        ("total(share) - budget", 1, "a check or an outcome must be a yes/no, such as allocation >= floor"),
        ("share", 1, "a check or an outcome must be a yes/no"),
        ("total(share) == budgte", 17, "there is no budgte; did you mean budget?"),
        ("shares", 1, "there is no shares; did you mean share?"),
        ("total(share) == registered_population", 1, "£ and people cannot be compared"),
        ("share_out(budget, by=share)", 1, "a check or an outcome must be a yes/no"),
    ],
)
def test_check_is_a_yes_no_that_makes_sense(check, position, message):
    """A check that is not a yes/no, or that has another error, is refused with its name."""
    error = fault("share = share_out(budget, by=registered_population)", checks=[check])

    assert message in error.message
    assert error.position == position
    assert error.where == f"own.toml, check {check}"


# In general ---------------------------------------------------------------------------------------------------


def test_symbols_that_were_given_are_not_changed():
    """Symbols of inputs and parameters are returned unchanged, and the caller's mapping is not changed."""
    before = dict(SYMBOLS)
    symbols = learn("x = historic_spend")

    assert before == SYMBOLS
    assert {name: symbols[name] for name in SYMBOLS} == SYMBOLS
    assert symbols["x"].role == "step"
    assert symbols["x"].optional is False


PARTS = ["historic_spend", "budget", "above", "area_team", "later", "x", "no_such_name", "1", "'North'"]
FORMS = [
    "{} + {}",
    "{} == {}",
    "{} and {}",
    "where({}, {}, 1)",
    "max({}, {})",
    "-{} / {}",
    "not {} or {}",
]
NAMED = ["total({})", "count({}, within={})", "previous({}, first={})", "given({})", "rounded({}, within={})"]
NAMED += ["share_out({}, by={})", "share_out(budget, by={}, within={})"]
NAMED += ["rank({}, within={})", "running_total({}, by={})"]


def every_pairing():
    """Yield every form of the language with every pair of parts, whether they fit or not."""
    names = [part for part in PARTS if part.isidentifier()]
    for form in FORMS:
        yield from (form.format(*pair) for pair in itertools.product(PARTS, PARTS))
    for form in NAMED:
        yield from (form.format(*pair) for pair in itertools.product(names, names))


def test_every_pairing_is_understood_or_refused():
    """Every pair of names, numbers and texts in every form gives a symbol or a FormulaError."""
    understood = refused = 0
    for formula in every_pairing():
        error = None
        try:
            learn("above = historic_spend > budget", f"x = {formula}", "later = historic_spend")
        except FormulaError as raised:
            error = raised
        if error is None:
            understood += 1
        else:
            refused += 1
            assert error.where == "own.toml, step x", formula
            assert 1 <= error.position <= len(formula), formula
            assert error.message.strip(), formula

    assert understood > 30
    assert refused > 300


# Units through counts, units without a name, and the year before ----------------------------------------------


@pytest.mark.parametrize(
    ("unit", "steps"),
    [
        (None, ["over = historic_spend > 1", "x = count(over)"]),
        (None, ["over = historic_spend > 1", "n = count(over)", "x = 2 * n + 1"]),
        # £ a year divided by so many organisations is still £ a year
        ("£", ["over = historic_spend > 1", "x = total(historic_spend) / count(over)"]),
        ("ratio", ["over = historic_spend > 1", "x (ratio) = count(over)"]),
        # £ × people ÷ people
        ("£", ["a = historic_spend * registered_population", "x = a / registered_population"]),
        # Only the first year gives the unit of x
        ("£", ["x = previous(x, first=historic_spend)"]),
        ("£", ["x = previous(later, first=historic_spend)", "later = x * 2", "x_again = x", "y = x_again"]),
        ("£ per head", ["x = previous(rate, first=price)", "rate = historic_spend / registered_population"]),
        # A step of only numbers may be £ or people: nothing says which
        (None, ["fixed = 1000", "x = historic_spend + fixed"]),
        ("£", ["fixed (£) = 1000", "x = historic_spend + fixed"]),
    ],
)
def test_unit_is_carried(unit, steps):
    """A count is a number; a unit without a name keeps its powers; last year's value has this year's unit."""
    assert learn(*steps)["x"].unit == unit


@pytest.mark.parametrize(
    ("steps", "message"),
    [
        (["over = historic_spend > 1", "n = count(over)", "x = n + registered_population"], "a count and people"),
        (["over = historic_spend > 1", "n = count(over)", "x = n > budget"], "a count and £ cannot be compared"),
        (["over = historic_spend > 1", "x (people) = count(over)"], "gives a count, but the step's unit is people"),
        (["a = historic_spend * registered_population", "x = a + historic_spend"], "£ × people and £ cannot be added"),
        (["a = 1 / registered_population", "x = max(a, budget)"], "1 ÷ people and £ cannot be arguments"),
        (
            ["x = previous(rate, first=historic_spend)", "rate = historic_spend / registered_population"],
            "£ per head and £ cannot be values of the same step",
        ),
        (["x = previous(x, first=historic_spend) * registered_population"], "£ × people and £ cannot be values"),
        (["x = previous(x, first=historic_spend) + cap"], "£ and a ratio cannot be added"),
        (
            ["a = previous(b, first=0)", "x = a + registered_population", "b = historic_spend * 2"],
            "£ and people cannot be added",
        ),
        (["x = rounded(registered_population)", "y = x + budget"], "people and £ cannot be added"),
        (["x = share_out(budget, by=registered_population, base=price)"], "£ and £ per head cannot be shared out"),
    ],
)
def test_holes_that_units_could_slip_through(steps, message):
    """People are not a count of organisations, and £ × people and last year's rate are not amounts in £."""
    assert message in fault(*steps).message


def test_every_error_can_be_reported():
    """With a reporter, errors in every formula are reported, without their consequences."""
    errors = []
    symbols = understand(
        [
            definition(step)
            for step in (
                "a (£) = historic_spend + registered_population",
                "b = a + registered_population",
                "c = nothing + 1",
                "d = where(c, budget, price)",
                "e = total(c) + budget",
                "f = d_below",
                "d_below = budget",
            )
        ],
        SYMBOLS,
        [Definition("g", parse("price"), None, "own.toml, check g")],
        report=errors.append,
    )

    # a stays £, as it declares, so b adds £ and people. c is unknown, so d may have no condition.
    assert [(error.where[-1], error.sort) for error in errors] == [
        ("a", "unit"), ("b", "unit"), ("c", "name"), ("f", "name"), ("g", "kind"),
    ]  # fmt: skip
    assert symbols["a"].unit == "£"


# Rates --------------------------------------------------------------------------------------------------------

SHARED = "shared (£) = share_out(budget, by=registered_population)"


@pytest.mark.parametrize(
    ("kind", "unit", "steps"),
    [
        (NATIONAL, "£ per head", [SHARED, "x = rate_of(shared)"]),
        (NATIONAL, "ratio", ["shared = share_out(budget, by=historic_spend)", "x = rate_of(shared)"]),
        (NATIONAL, "£", ["shared = share_out(budget, by=1)", "x = rate_of(shared)"]),
        (
            NATIONAL,
            "ratio",
            ["weight (£) = need_index", "shared = share_out(budget, by=weight)", "x = rate_of(shared)"],
        ),
        # Nothing is known of a rate whose weight has no unit.
        (NATIONAL, None, ["shared = share_out(budget, by=need_index)", "x = rate_of(shared)"]),
        (NATIONAL, None, ["shared = share_out(switch, by=registered_population)", "x = rate_of(shared)"]),
        # £ ÷ (£ × people) has no name, and times £ × people is £ again.
        (
            NATIONAL,
            "£",
            [
                "w = historic_spend * registered_population",
                "shared = share_out(budget, by=w)",
                "x = rate_of(shared) * total(w)",
            ],
        ),
        (
            REGION,
            "£ per head",
            ["shared = share_out(budget, by=registered_population, within=region)", "x = 2 * rate_of(shared)"],
        ),
        (ORGANISATION, "£", [SHARED, "x = rate_of(shared) * registered_population"]),
        (NATIONAL, "£ per head", [SHARED, "rate = rate_of(shared)", "x = previous(rate, first=price)"]),
        # Weights that follow from last year's shares, which are further down.
        (
            NATIONAL,
            "ratio",
            ["w = previous(shared, first=historic_spend)", "shared = share_out(budget, by=w)", "x = rate_of(shared)"],
        ),
    ],
)
def test_a_rate_is_one_for_each_amount_in_its_unit_for_each_unit_of_weight(kind, unit, steps):
    """The rate of a share_out is national, or of each group; £ shared by people is £ per head."""
    assert (last(*steps).kind, last(*steps).unit) == (kind, unit)


@pytest.mark.parametrize(
    ("steps", "message"),
    [
        ([SHARED, "x = rate_of(shard)"], "character 9: there is no share_out step shard; did you mean shared?"),
        ([SHARED, "x = 1 + rate_of(historic_spend)"], "character 13: there is no share_out step historic_spend"),
        (["x = rate_of(shared)", SHARED], "shared is defined further down; rate_of takes a share_out step above"),
        (["x = rate_of(budget)"], "rate_of takes a share_out step; budget is a parameter without a share_out"),
        (
            [SHARED, "fair = rounded(shared)", "x = rate_of(fair)"],
            "fair is a step without a share_out; share_out steps above: shared",
        ),
        ([SHARED, "x = rate_of(shared) + registered_population"], "£ per head and people cannot be added"),
        ([SHARED, "x (£) = rate_of(shared)"], "the formula gives £ per head, but the step's unit is £"),
        (["x = share_out(budget, by=rate_of)"], "rate_of is a function"),
    ],
)
def test_a_rate_of_anything_else_is_refused(steps, message):
    """Unknown names, steps further down and steps that share out nothing are refused, with the names that there are."""
    with pytest.raises(FormulaError) as caught:
        learn(*steps)

    assert message in str(caught.value)


def test_a_rate_is_not_advised_from_another_file():
    """The list of steps that have a rate leaves out those of the formula, which a transition may not use."""
    formulas = {"unrounded": "share_out(budget, by=registered_population)", "fair_share": "rounded(unrounded)"}
    steps = [Definition(name, parse(text), None, f"formula.toml, step {name}") for name, text in formulas.items()]
    steps.append(Definition("rate", parse("rate_of(fair_share)"), None, "transition.toml, step rate"))

    with pytest.raises(FormulaError, match=r"fair_share is a step without a share_out$"):
        understand(steps, SYMBOLS)


def test_a_check_may_use_a_rate():
    """A check compares a rate with a price, which has the same unit, and not with money."""
    assert learn(SHARED, checks=["rate_of(shared) <= price"])
    assert "cannot be compared" in str(fault(SHARED, checks=["rate_of(shared) <= budget"]))
