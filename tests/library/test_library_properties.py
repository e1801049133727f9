"""Properties that library files claim to keep, tested with random organisations; broken ones have a counterexample.

A counterexample is with the other tests of its file, as `test_<file>__<property>_is_broken`.
A scheme whose columns depend on each other tests a property in `test_<file>__<property>_is_kept`.
"""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from gpit_fairshare import allocate
from gpit_fairshare.engine.measures import account_of
from gpit_fairshare.errors import CalculationError
from rulebook import (
    PROPERTIES,
    REPRESENTATIVE,
    RULES,
    all_test_names,
    answers,
    declaring,
    merged,
    organisations,
    run,
    scheme_of,
    units_of,
)
from running import write_rows
from tiers import slow_but

EXAMPLES = settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.filter_too_much])

TRANSITIONS = [rule for rule in declaring("rising_target") if rule.kind == "transition"]

BY_TARGET = """
[formula]
name = "by-target"
title = "A target that has nothing to do with patients"
[inputs.target_weight]
unit = "people"
[parameters.revenue_budget]
label = "National GP IT revenue funding"
unit = "£"
minimum = 0
[[steps]]
name = "unrounded_fair_share"
label = "Fair share before rounding"
unit = "£"
formula = "share_out(revenue_budget, by=target_weight)"
[[steps]]
name = "fair_share"
label = "Fair share"
unit = "£"
formula = "rounded(unrounded_fair_share)"
"""


@pytest.fixture(scope="module")
def by_target(tmp_path_factory):
    """A formula whose targets can rise while populations stay the same."""
    place = tmp_path_factory.mktemp("formula") / "by-target.toml"
    place.write_text(BY_TARGET, encoding="utf-8")
    return place


def feasible(scheme, rows, but=None):
    """Return the result; skip organisations that the rule refuses with a message."""
    try:
        return run(scheme, rows, but)
    except CalculationError:
        assume(condition=False)
        raise


@pytest.mark.parametrize("rule", RULES, ids=str)
def test_every_file_declares_every_property(rule):
    """A file states for each property if it is kept, broken or absent; broken ones have a counterexample."""
    assert set(rule.properties) == set(PROPERTIES)
    for name, state in rule.properties.items():
        # A scheme also breaks the properties that its transition breaks.
        files = [rule.identifier, *([rule.transition] if rule.transition else [])]
        if state == "kept":
            assert rule.runs_alone or f"test_{files[0]}__{name}_is_kept" in all_test_names(), name
        elif "broken" in state:
            assert {f"test_{file}__{name}_is_broken" for file in files} & all_test_names(), name


@pytest.mark.parametrize("rule", slow_but(REPRESENTATIVE, declaring("control_total")), ids=str)
def test_control_totals_are_exact(rule):
    """Allocations and what stays unspent are the budget and the funds, to the penny; all checks pass."""

    @EXAMPLES
    @given(data=st.data())
    def holds(data):
        scheme = scheme_of(rule)
        result = feasible(scheme, data.draw(organisations(scheme)))

        assert result.agrees, [check for check in result.checks if not check.holds]
        for year in result.years:
            funds = [fund for fund in result.funds if fund.year == year]
            coming = {fund.parameter: fund.amount for fund in funds if fund.new_money}
            left = math.fsum(fund.unspent for fund in funds)
            if not funds:  # without a share_out, the file's own account says what comes in and is left
                money = account_of(scheme, result.years[year])
                coming = {line.name: line.amount for line in money.money_in}
                left = math.fsum(line.amount for line in money.unspent)
            given_out = math.fsum(value for (of, _), value in answers(result).items() if of == year)
            assert coming, "no money is shared out"
            assert given_out + left == math.fsum(coming.values())

    holds()


@pytest.mark.parametrize("rule", slow_but(REPRESENTATIVE, declaring("row_order")), ids=str)
def test_the_order_of_rows_changes_nothing(rule, tmp_path):
    """Files with their rows in another order give the same allocations."""
    scheme = scheme_of(rule)
    names = ["registered_population", "historic_spend", *(symbol.name for symbol in scheme.inputs)]

    @settings(EXAMPLES, max_examples=4, suppress_health_check=list(HealthCheck))
    @given(rows=organisations(scheme, least=4), seed=st.integers(0, 99))
    def holds(rows, seed):
        feasible(scheme, rows)
        codes = sorted(rows)
        shuffled = random.Random(seed).sample(codes, len(codes))
        results = []
        for order in (codes, shuffled):
            columns = [{"org_code": code, **{name: rows[code][name] for name in names}} for code in order]
            budget = {name: 1_000_000 for name in ("revenue_budget",) if name in scheme.parameters}
            table = write_rows(tmp_path / "rows.csv", columns)
            results.append(allocate(population=table, **rule.options(), settings=budget, with_effects=False))
        assert results[0].rows.equals(results[1].rows)

    holds()


@pytest.mark.parametrize("rule", slow_but(REPRESENTATIVE, declaring("rising_target")), ids=str)
def test_more_patients_never_mean_less(rule):
    """An organisation with more registered patients in a year gets no less in that year, within £1 of rounding."""

    @EXAMPLES
    @given(data=st.data(), more=st.integers(1, 400_000))
    def holds(data, more):
        scheme = scheme_of(rule)
        rows = data.draw(organisations(scheme))
        code = data.draw(st.sampled_from(sorted(rows)))
        grown = {
            name: value + more if units_of(scheme).get(name) == "people" or name == "registered_population" else value
            for name, value in rows[code].items()
        }
        year = data.draw(st.sampled_from(scheme.years))
        before, after = feasible(scheme, rows), feasible(scheme, rows, {year: {**rows, code: grown}})
        assert answers(after)[year, code] >= answers(before)[year, code] - 1

    holds()


@pytest.mark.parametrize("rule", slow_but(REPRESENTATIVE, TRANSITIONS), ids=str)
def test_a_higher_target_never_means_less(rule, by_target):
    """An organisation whose target alone rises in a year, with the same budget, gets no less, within £1."""

    @EXAMPLES
    @given(data=st.data(), more=st.integers(1, 400_000))
    def holds(data, more):
        scheme = scheme_of(rule, by_target)
        rows = data.draw(organisations(scheme))
        code = data.draw(st.sampled_from(sorted(rows)))
        raised = {**rows[code], "target_weight": rows[code]["target_weight"] + more}
        year = data.draw(st.sampled_from(scheme.years))
        before, after = feasible(scheme, rows), feasible(scheme, rows, {year: {**rows, code: raised}})
        assert answers(after)[year, code] >= answers(before)[year, code] - 1

    holds()


@pytest.mark.parametrize("rule", slow_but(REPRESENTATIVE, declaring("population_scale")), ids=str)
def test_scaling_all_populations_changes_nothing(rule):
    """If all populations are multiplied by the same number, every allocation stays the same."""

    @EXAMPLES
    @given(data=st.data(), factor=st.sampled_from([2, 3, 7, 10, 1000]))
    def holds(data, factor):
        scheme = scheme_of(rule)
        rows = data.draw(organisations(scheme))
        people = {name for name, unit in units_of(scheme).items() if unit == "people"} | {"registered_population"}
        scaled = {
            code: {name: value * factor if name in people else value for name, value in row.items()}
            for code, row in rows.items()
        }

        assert answers(feasible(scheme, scaled)) == answers(feasible(scheme, rows))

    holds()


@pytest.mark.parametrize("rule", slow_but(REPRESENTATIVE, declaring("bounds")), ids=str)
def test_floors_and_ceilings_hold(rule):
    """Every allocation is between the steps `floor` and `ceiling`, within £1 of rounding."""
    scheme = scheme_of(rule)
    named = {step.name for step in scheme.steps} & {"floor", "ceiling"}

    assert named, "a rule that keeps its bounds has a step floor or ceiling"

    @EXAMPLES
    @given(rows=organisations(scheme))
    def holds(rows):
        result = feasible(scheme, rows)
        table = result.rows
        if "floor" in named:
            assert (table[scheme.result] - table["floor"]).min() >= -1
        if "ceiling" in named:
            assert (table[scheme.result] - table["ceiling"]).max() <= 1
        assert result.agrees, [check for check in result.checks if not check.holds]

    holds()


@pytest.mark.parametrize("rule", slow_but(REPRESENTATIVE, declaring("mergers")), ids=str)
def test_merged_organisations_get_what_their_members_got(rule):
    """Two merged organisations get the sum of what they got before, within £1 of rounding each and per year."""

    @EXAMPLES
    @given(data=st.data())
    def holds(data):
        scheme = scheme_of(rule)
        rows = data.draw(organisations(scheme, least=3))
        first, second = sorted(rows)[:2]
        before, after = feasible(scheme, rows), feasible(scheme, merged(scheme, rows, first, second))
        for number, year in enumerate(scheme.years, 1):
            members = answers(before)[year, first] + answers(before)[year, second]
            assert abs(answers(after)[year, first] - members) <= 2 * number

    holds()
