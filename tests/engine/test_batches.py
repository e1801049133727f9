"""Every float of every step of every scenario is that of a single run; so is the reason of an impossible scenario."""

from __future__ import annotations

import random
from dataclasses import replace

import numpy as np
import pytest

from gpit_fairshare import GpitError, allocate
from gpit_fairshare.engine import calculate
from gpit_fairshare.engine.batches import running
from gpit_fairshare.engine.batches.batch import Batch
from gpit_fairshare.engine.batches.running import run_scenarios
from gpit_fairshare.language import in_numpy, tree
from gpit_fairshare.language.kinds import ORGANISATION
from hard_schemes import HARD
from random_formulas import COLUMNS, Generator, in_a_frame
from rulebook import RULES, invented
from tiers import slow_but

SETTINGS = 20
"""Random settings of each rule."""
SEED = 20261130
FACTORS = (1.0, 1.0, 0.95, 1.03, 1.2, 0.0)


def random_values(scheme, chance, number):
    """Values of every parameter in every year: some as they are, some changed a little, some by any digits, some 0."""
    values = {}
    for name, parameter in scheme.parameters.items():
        for year, value in parameter.values.items():
            factors = [
                chance.choice((*FACTORS, chance.uniform(0.8, 1.2), chance.uniform(0.8, 1.2))) for _ in range(number)
            ]
            values[name, year] = np.array([value.value * factor for factor in factors])
    return values


def grid_values(scheme, chance):
    """A grid of up to three parameters with two values each, in every year, so that scenarios agree in some of them."""
    names = chance.sample(sorted(scheme.parameters), min(3, len(scheme.parameters)))
    number = 2 ** len(names)
    values = random_values(scheme, chance, 2)
    return {
        key: np.array([values[key][place >> names.index(key[0]) & 1] for place in range(number)])
        for key in values
        if key[0] in names
    }, number


def single_run(result, values, place):
    """The single run of one scenario, or the message that it has none."""
    parameters = dict(result.scheme.parameters)
    for (name, year), of_name in values.items():
        own = parameters[name]
        changed = replace(own.values[year], value=float(of_name[place]))
        parameters[name] = replace(own, values={**own.values, year: changed})
    try:
        return calculate(replace(result.scheme, parameters=parameters), result.inputs)
    except GpitError as fault:
        return str(fault)


def sweep_of(result, values, number):
    """The values of every step by year and name, checks, outcomes, and what else the sweep found."""
    steps, checks, outcomes = {}, {}, {}

    def take(_, years, scenarios):
        for year in years:
            for step in result.scheme.steps:
                array = np.broadcast_to(
                    year.column(step.name, step.kind)[0], (scenarios.count, year.shared.rows[step.kind])
                )
                steps.setdefault((year.shared.year, step.name), []).extend(array.tolist())
            for check in result.scheme.checks:
                holds = year.checks.get(check.where)
                same = [year.shared.checks[check.where].holds] * scenarios.count if holds is None else holds.tolist()
                checks.setdefault((year.shared.year, check.name), []).extend(same)
            for outcome in result.scheme.outcomes:
                array = year.outcomes.get(outcome.where, year.shared.is_true.get(outcome.where))
                array = np.broadcast_to(array, (scenarios.count, year.shared.rows[ORGANISATION]))
                outcomes.setdefault(year.shared.year, []).append((outcome.label, array))

    runs = run_scenarios(result.scheme, result.inputs, values, number, {}, take)
    return steps, checks, outcomes, runs


def differences(result, values, number):
    """What differs between a sweep and single runs, with the number of possible scenarios and of single runs needed."""
    steps, checks, _, runs = sweep_of(result, values, number)
    wrong, possible = [], 0
    for place in range(number):
        single = single_run(result, values, place)
        if isinstance(single, str):
            reason = runs.impossible[place].reason if place in runs.impossible else "none"
            if reason != single:
                wrong.append((place, reason, single))
            continue
        possible += 1
        if place in runs.impossible:
            wrong.append((place, runs.impossible[place]))
            continue
        for step in result.scheme.steps:
            for name, year in single.years.items():
                expected, found = year.values(step.name, step.kind), steps[name, step.name][place]
                if [*map(repr, expected)] != [*map(repr, found)]:
                    wrong.append((place, name, step.name))
        wrong += [
            (place, check.year, check.name)
            for check in single.checks
            if checks[check.year, check.name][place] != check.holds
        ]
    return wrong, possible, runs


@pytest.mark.parametrize("rule", slow_but(("scheme-gpit-2014-16", "transition-floor-and-ceiling"), RULES), ids=str)
def test_every_step_of_the_library_is_that_of_a_single_run(tmp_path, rule):
    """Every rule with 20 random settings over a dozen invented organisations."""
    result = allocate(**invented(rule, tmp_path), **rule.options(), with_effects=False)

    wrong, _, _ = differences(result, random_values(result.scheme, random.Random(SEED), SETTINGS), SETTINGS)

    assert wrong == []


@pytest.mark.parametrize("rule", slow_but(("scheme-gpit-2014-16", "transition-floor-and-ceiling"), RULES), ids=str)
def test_every_step_of_a_grid_is_that_of_a_single_run(tmp_path, monkeypatch, rule):
    """Every rule over three grids, in one batch and in batches of three scenarios that run in threads."""
    result = allocate(**invented(rule, tmp_path), **rule.options(), with_effects=False)
    for seed in range(3):
        values, number = grid_values(result.scheme, random.Random(f"{rule}{seed}"))
        assert differences(result, values, number)[0] == []
    monkeypatch.setattr(running, "_CELLS", 3 * max(table.height for table in result.inputs.tables.values()))
    assert differences(result, values, number)[0] == []


@pytest.mark.slow
@pytest.mark.parametrize("rule", [rule for rule in RULES if rule.kind == "transition"], ids=str)
def test_every_transition_is_that_of_single_runs_for_england(rule):
    """Every transition with 20 random settings for 211 CCGs and both years."""
    result = allocate(sample=True, **rule.options(), with_effects=False)

    wrong, possible, _ = differences(result, random_values(result.scheme, random.Random(SEED), SETTINGS), SETTINGS)

    assert wrong == []
    assert possible > 0


@pytest.mark.slow
@pytest.mark.parametrize("transition", ["above-average-cost", "floor-and-ceiling"])
def test_two_hundred_settings_are_those_of_single_runs(transition):
    """200 random settings for England; at most a few parts of the rule are left to single runs."""
    result = allocate(sample=True, transition=transition, with_effects=False)

    wrong, possible, runs = differences(result, random_values(result.scheme, random.Random(SEED + 1), 200), 200)

    assert wrong == []
    assert possible > 50
    assert sum(runs.single_runs.values()) < 10


HARD_BUT = ("groups_of_groups", "merged", "optional_blanks", "rates", "rows_in_order", "tables_of_all_kinds")


@pytest.mark.parametrize("make", slow_but(HARD_BUT, HARD), ids=lambda make: make.__name__)
def test_difficult_schemes_are_those_of_single_runs(tmp_path, make):
    """Mergers, groups, `previous`, blanks, texts, tables, ranks and rates, with 10 random settings and in a grid."""
    result = make(tmp_path)

    for values, number in (
        (random_values(result.scheme, random.Random(SEED), 10), 10),
        grid_values(result.scheme, random.Random(SEED)),
    ):
        wrong, _, _ = differences(result, values, number)

        assert wrong == []


@pytest.mark.slow
def test_scenarios_that_agree_are_calculated_once():
    """A fund in 50 sizes changes no fair share and no need, and of two budgets only two are calculated."""
    result = allocate(sample=True, with_effects=False)
    years = result.scheme.years
    values = {("revenue_budget", year): np.repeat([140e6, 150e6], 50) for year in years}
    values |= {("transition_fund", year): np.tile(np.linspace(1e6, 30e6, 50), 2) for year in years}
    batch = Batch(100, values)
    of_budget = batch.distinct(frozenset({("revenue_budget", years[0])}))
    assert of_budget.places.tolist() == [0, 50]
    assert of_budget.place_of.tolist() == [0] * 50 + [1] * 50
    assert batch.distinct(frozenset({("revenue_budget", years[1])})) is of_budget
    assert batch.distinct(frozenset(values)) is None
    assert differences(result, values, 100)[0] == []


def test_zero_and_minus_zero_are_distinct():
    """They are equal, but divide to other infinities, so one is never calculated for the other."""
    batch = Batch(4, {("rate", "2014/15"): np.array([0.0, -0.0, 0.0, -0.0])})
    assert batch.distinct(frozenset({("rate", "2014/15")})).places.tolist() == [1, 0]


def test_drawn_inputs_are_those_of_single_runs():
    """30 scenarios in which lists are out by 2% and spend by 5%: each is a run over the drawn figures."""
    result = allocate(sample=True, with_effects=False)
    generator = np.random.default_rng(SEED)
    names = {"registered_population": 0.02, "historic_spend": 0.05}
    values = {
        (name, year): np.rint(table[name].to_numpy() * generator.normal(1, spread, (30, table.height)))
        for name, spread in names.items()
        for year, table in result.inputs.tables.items()
    }
    steps, _, _, runs = sweep_of(result, values, 30)

    assert runs.impossible == {}
    for place in (0, 13, 29):
        tables = {
            year: table.with_columns(**{name: values[name, year][place] for name in names})
            for year, table in result.inputs.tables.items()
        }
        single = calculate(result.scheme, replace(result.inputs, tables=tables))
        for year in single.years.values():
            for step in result.scheme.steps:
                assert steps[year.year, step.name][place] == year.values(step.name, step.kind)


def test_a_wrong_sweep_is_noticed(monkeypatch):
    """With sums in the order of the rows in place of exact ones, some step differs from its single run."""
    result = allocate(sample=True, transition="floor-and-ceiling", with_effects=False)
    monkeypatch.setattr(
        "gpit_fairshare.engine.batches.batch_year.exact_totals", lambda values: np.cumsum(values, axis=1)[:, -1]
    )

    wrong, _, _ = differences(result, random_values(result.scheme, random.Random(SEED), 5), 5)

    assert wrong


@pytest.mark.parametrize("seed", range(40))
def test_formulas_over_arrays_have_the_bits_of_polars(seed):
    """Random formulas over random rows, blanks among them: value and whether it is defined."""
    choose = random.Random(SEED + seed)
    formulas = Generator(choose)
    node = formulas.yes_no(4) if seed % 4 == 0 else formulas.number(4)
    rows = [formulas.row() for _ in range(30)]
    for first_year in (False, True):
        expected = in_a_frame(node, rows, first_year=first_year)
        columns, given = {}, {}
        for name in (*COLUMNS, "region", "flag"):
            cells = [row[name] for row in rows]
            given[name] = np.array([[cell is not None for cell in cells]])
            as_type = {"region": object, "flag": bool}.get(name, float)
            columns[name] = np.array([cells], dtype=as_type)
        operations = in_numpy.NumpyOperations(columns, given)
        rendered = in_numpy.render(node, operations, first_year=first_year)
        shape = (1, len(rows))
        values, defined = (np.broadcast_to(part, shape)[0].tolist() for part in (rendered.value, rendered.defined))
        if operations.is_unsure.any():
            continue
        assert defined == [is_defined for _, is_defined in expected], tree.to_text(node)
        for value, (other, is_defined) in zip(values, expected, strict=True):
            if is_defined:
                assert repr(value) == repr(other), tree.to_text(node)


@pytest.mark.parametrize(
    ("relation", "holds"),
    [
        (">", [False, False, False, True, False, False]),
        (">=", [True, False, True, True, True, False]),
        ("<", [False, True, False, False, False, True]),
        ("<=", [True, True, True, False, True, True]),
        ("==", [True, False, True, False, True, False]),
        ("!=", [False, True, False, True, False, True]),
    ],
)
def test_numbers_are_compared_within_the_margin_of_each_row(relation, holds):
    """1e-12 times the larger of the two, at least 1: a difference of 1e-7 counts beside 1, and not beside a million."""
    left = np.array([[1.0, 1.0, 1e6 + 1e-7, 1e6 + 1e-5, 5e-13, -1e-7]])
    right = np.array([[1.0, 1.0 + 1e-7, 1e6, 1e6, 0.0, 0.0]])
    node = tree.ComparisonOperation(relation, tree.Name("left"), tree.Name("right"))
    operations = in_numpy.NumpyOperations({"left": left, "right": right}, {})

    rendered = in_numpy.render(node, operations, first_year=True)

    assert rendered.value[0].tolist() == holds
    assert not operations.is_unsure.any()
