"""The page's measures, tables and sentences of a run are those of the reports, whatever the settings."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import pytest

from gpit_fairshare.allocation import allocate
from gpit_fairshare.engine.organisation_years import organisation_years
from gpit_fairshare.reports import document
from gpit_fairshare.reports.allocation import year_table
from gpit_fairshare.reports.allocation_opening import Opening
from gpit_fairshare.reports.page.controls import what_if_data
from gpit_fairshare.reports.page.model import page_model
from gpit_fairshare.scheme.library import library_names
from javascript import CALCULATION, run_script
from tiers import slow

if TYPE_CHECKING:
    from gpit_fairshare.engine import Result
    from gpit_fairshare.engine.measures import YearMeasures

OTHER_INPUTS = [
    "fair-share",
    "gp-it-capital-2014-15",
    "icb-core-2023-24",
    "icb-core-2025-26",
    "icb-primary-medical-2023-24",
    "icb-primary-medical-2025-26",
    "maturity-index",
    "reallocate",
    "given-target",
    "market-forces-factor",
    "need-index",
    "practice-shares",
]
"""Schemes and formulas that need inputs or years that the sample does not have."""
RUNS: list[dict[str, Any]] = [
    {kind: name}
    for kind in ("scheme", "formula", "transition")
    for name in library_names(kind)
    if name not in OTHER_INPUTS
]
"""Every scheme, formula and transition of the library that runs on the sample."""
SETTINGS: list[dict[str, Any]] = [
    {"settings": {"revenue_budget": "-3%"}},
    {"settings": {"revenue_budget": "*1.25"}},
    {"transition": "floor-and-ceiling", "settings": {"revenue_budget": "+40%"}},
    {"transition": "cap-and-scale", "settings": {"revenue_budget": "+10%"}},
    {"transition": "none", "settings": {"revenue_budget": "123456789.01"}},
    {"transition": "above-average-cost", "settings": {"revenue_budget": "*0.9"}},
]
"""Settings that move who gains, what is unspent and whether checks hold."""
SCRIPTS = (*CALCULATION, "words.js", "measures.js")
MEASURES = """
const model = makeModel(DATA.model, FORMULAS);
const data = withRepeats(DATA);
const values = new Map(DATA.values.map(([name, years]) => [name, new Map(years)]));
const run = calculate(model, data, values);
const measures = runMeasures(model, data, run);
const { years, rows, note } = nationalFigures(model, measures, run);
return {
  measures,
  agreement: agreementOf(model, run),
  answer: answerSentences(model, measures, run),
  table: [years, rows.map(({ cells, below }) => [cells, below]), note],
};
"""


@pytest.mark.parametrize("options", [RUNS[0], *map(slow, RUNS[1:]), SETTINGS[0], *map(slow, SETTINGS[1:])], ids=str)
def test_measures_are_those_of_the_reports(options: dict[str, Any]) -> None:
    """Each figure of each organisation and year, the table of the nation and the sentences are the same."""
    result = allocate(sample=True, with_effects=False, **options)
    written = allocate(inputs_of=result, with_effects=False, **{**options, "settings": {}})

    in_page = measures_in_page(written, settled_values(result))

    assert [sorted_figures(year["rows"]) for year in in_page["measures"]] == organisation_figures(result)
    assert [year_figures(year) for year in in_page["measures"]] == [expected_year(year) for year in result.measures()]
    assert in_page["table"] == national_table(result)
    assert in_page["answer"] == sentences(result)
    assert in_page["agreement"] == Opening(result).agreement()


def settled_values(result: Result) -> list[Any]:
    """Return the values that settings give parameters, by name and year, as the page's engine takes them."""
    values: dict[str, list[Any]] = {}
    for name, year, value in result.scheme.overridden():
        values.setdefault(name, []).append([year, value.value])
    return [*values.items()]


def measures_in_page(written: Result, values: list[Any]) -> dict[str, Any]:
    """Return the page's measures of a run as written, with other values of parameters."""
    formulas, data = page_model(written)
    everything = {**data, "whatIf": what_if_data(written), "values": values}
    measures: dict[str, Any] = run_script(MEASURES, data=everything, scripts=SCRIPTS, extra=formulas)
    return measures


def sorted_figures(rows: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    """Return the figures of organisations that `engine/organisation_years.py` has too."""
    names = (
        "code",
        "name",
        "area",
        "people",
        "before",
        "fairShare",
        "result",
        "change",
        "perHead",
        "outcome",
    )
    return [tuple(row[name] for name in names) for row in rows]


def organisation_figures(result: Result) -> list[list[tuple[Any, ...]]]:
    """Return the figures of every organisation by year, as the reports have them."""
    names = ("code", "name", "area", "people", "opening", "fair_share", "allocation", "change")
    return [
        [
            tuple(getattr(row, name) for name in (*names, "per_head", "outcome"))
            for row in organisation_years(result, year)
        ]
        for year in result.years
    ]


def year_figures(measures: dict[str, Any]) -> dict[str, Any]:
    """Return the figures of a year without its organisations."""
    return {name: value for name, value in measures.items() if name != "rows"}


def expected_year(measures: YearMeasures) -> dict[str, Any]:
    """Return the measures of the reports in the page's shape."""
    figures = asdict(measures)
    expected = {name: figures[name] for name in ("year", "organisations", "allocated")}
    expected["outcomes"] = [*figures["outcomes"]]
    for name in ("before", "after"):
        ends = figures[name]
        expected[name] = ends and {end: ends[end] for end in ("lowest", "highest")}
    expected["money"] = None
    if measures.money:
        lines = {"moneyIn": "money_in", "takenAway": "taken_away", "unspent": "unspent"}
        expected["money"] = {key: [*figures["money"][name]] for key, name in lines.items()}
        expected["money"] |= {"out": figures["money"]["out"], "difference": measures.money.difference}
        expected["money"]["isBalanced"] = measures.money.is_balanced
    return expected


def national_table(result: Result) -> list[Any]:
    """Return the table of national figures: years, rows with the texts below them, and the note."""
    blocks = [*year_table(Opening(result))]
    table = next((block for block in blocks if isinstance(block, document.Table)), None)
    note = next((block.text for block in blocks if isinstance(block, document.Paragraph)), "")
    if not table:
        return [[*result.years], [], note]
    rows = [[[*map(str, row.cells)], str(row.below)] for row in table.rows]
    return [[column.heading for column in table.columns[1:]], rows, note]


def sentences(result: Result) -> list[dict[str, str]]:
    """Return the sentences of the opening that follow from figures, in the order of the page."""
    opening = Opening(result, full=True, with_codes=False)
    constant = ("Set for this run", "DRAFT", "Illustrative", "Indicative")
    blocks = [*opening.allocated(), *opening.gains_and_losses(), *opening.problems()]
    return [
        {"text": block.text, "tone": str(block.tone)}
        for block in blocks
        if isinstance(block, document.Paragraph) and not block.text.startswith(constant) and not block.marker
    ]
