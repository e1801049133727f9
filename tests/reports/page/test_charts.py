"""The charts of a page: what they say in words, what they draw, and that a what-if draws what Python would."""

from __future__ import annotations

import json
from collections import Counter
from itertools import pairwise

import pytest

from chart_page import CHART_SCRIPTS, chart_page, drawn
from gpit_fairshare.allocation import allocate
from gpit_fairshare.reports.allocation_opening import Opening
from gpit_fairshare.reports.page.charts import CONFIG, _label, charts_of, movers, waterfall
from gpit_fairshare.reports.page.model import as_json, page_model
from javascript import run_script

FOUR = [("Ayton", -500.0), ("Beeford", 0.4), ("Carnaby", -2_000.0), ("Driffield", 1_000.0)]
CHARTS = """
const model = makeModel(DATA.page.model, FORMULAS);
const data = withRepeats(DATA.page);
const run = calculate(model, data, new Map(DATA.values.map(([name, years]) => [name, new Map(years)])));
return DATA.charts.map((chart) => chartOf(chart, model, data, run));
"""
"""The rows and the description of each chart, as the page calculates them."""


@pytest.fixture(scope="module")
def sample():
    """The run of the sample."""
    return allocate(sample=True, with_effects=False)


def in_page(written, values=()):
    """Return the rows and the descriptions of a run's charts as its page calculates them with these values."""
    model = page_model(written)
    facts = [
        {"id": chart.id, "title": chart.title, "near": chart.near, "bands": chart.bands}
        for chart in charts_of(Opening(written))
    ]
    data = {"page": json.loads(as_json(model.data)), "charts": facts, "values": list(values)}
    return run_script(CHARTS, data=data, scripts=CHART_SCRIPTS, extra=model.formulas)


def in_python(result):
    """Return the rows and the descriptions of a run's charts."""
    return [{"rows": chart.rows, "description": chart.description} for chart in charts_of(Opening(result))]


# In words ------------------------------------------------------------------------------------------------------


def test_changes_are_told_from_the_largest():
    """40p is no change, so of four villages two lose and one gains; the largest loss comes first."""
    chart = movers("gains-and-losses", "Change on historic spend", FOUR, "village")

    assert chart.description == (
        "Change on historic spend: 2 of 4 villages lose and 1 gain. "
        "Largest losses: Carnaby -£2,000 and Ayton -£500. Largest gains: Driffield +£1,000."
    )
    assert [row["label"] for row in chart.rows if row["side"]] == ["Carnaby", "Ayton", "Beeford", "Driffield"]


@pytest.mark.parametrize(
    ("number", "bars", "note"), [(40, 40, ""), (211, 211, "191 others"), (8_000, 60, "7,940 others")]
)
def test_many_organisations_still_fit(number, bars, note):
    """Up to 300 have a bar each, the largest a name; of 8,000 the 30 largest losses and gains have one."""
    chart = movers("movers", "Change", [(f"P{place}", place - number / 2) for place in range(number)], "X")
    bars_drawn = [row for row in chart.rows if row["bottom"] > row["top"] and row["label"]]

    assert len(bars_drawn) == bars
    assert [row["label"] for row in chart.rows if row["label"].endswith("others")] == ([note] if note else [])
    assert all(row["bottom"] - row["top"] >= 2 for row in bars_drawn)
    assert all(bar["bottom"] <= below["top"] for bar, below in pairwise(bars_drawn))


def test_organisations_with_one_name_are_told_apart():
    """Two surgeries with one name have their codes before it; without a name the code is the label."""
    names = {"A1": "The Surgery", "A2": "The Surgery", "A3": "Hill Practice", "A4": ""}

    labels = [_label(name, code, Counter(names.values())) for code, name in names.items()]

    assert labels == ["A1 The Surgery", "A2 The Surgery", "Hill Practice", "A4"]


def test_a_waterfall_leads_from_the_old_total_to_the_new():
    """£100 less £30 plus £5 is £75: each bar begins where the one before ends."""
    chart = waterfall("Total", ("Before", 100.0), [("Budget", -30.0), ("People", 5.0)], ("After", 75.0))

    assert [(row["from"], row["to"]) for row in chart.rows] == [(100, 100), (100, 70), (70, 75), (75, 75)]
    assert chart.description == "Total: £100 Before; -£30 Budget; +£5 People; £75 After."


def test_the_sample_has_three_charts_with_a_description_each(sample):
    """The published support of 2014-16 brings most CCGs near their fair share; Oxfordshire loses most on its spend."""
    charts = charts_of(Opening(sample))

    assert [chart.id for chart in charts] == ["gains-and-losses", "spread", "path"]
    assert len({chart.description for chart in charts}) == 3
    assert "Largest losses: Oxfordshire" in charts[0].description
    assert all(
        sum(row["count"] for row in charts[2].rows if row["when"] == when) == 211
        for when in ("Before 2014/15", "After 2015/16")
    )


# In a what-if --------------------------------------------------------------------------------------------------


def test_the_page_draws_the_run_as_python_does(sample):
    """Without a change in the what-if every row and every word is that of the run as written."""
    assert in_page(sample) == in_python(sample)


@pytest.mark.slow
@pytest.mark.parametrize("transition", [None, "none", "pace-of-change", "floor-damping", "blend-of-old-and-new"])
def test_a_what_if_draws_the_run_that_gpit_would(transition):
    """With 3% less money the charts of the page are those of a run with that setting."""
    options = {"sample": True, "with_effects": False, **({"transition": transition} if transition else {})}
    written = allocate(**options)
    budget = written.scheme.parameters["revenue_budget"].values
    other = allocate(**options, settings={"revenue_budget": "*0.97"})
    lower = other.scheme.parameters["revenue_budget"].values
    values = [["revenue_budget", [[year, lower[year].value] for year in budget]]]

    charts, expected = in_page(written, values), in_python(other)

    assert [chart["rows"] for chart in charts][:2] == [chart["rows"] for chart in expected][:2]
    assert [chart["description"] for chart in charts][:2] == [chart["description"] for chart in expected][:2]
    assert charts != in_page(written)


# Drawn ---------------------------------------------------------------------------------------------------------


def all_charts(result):
    """Return every kind of chart."""
    steps = [("Budget: £140,000,000 → £135,800,000", -4_200_000.0), ("Registered population", 12_345.0)]
    totals = ("Old total", 140_000_000.0), ("New total", 135_812_345.0)
    return [
        *charts_of(Opening(result)),
        waterfall("What changes the total", totals[0], steps, totals[1]),
        movers("movers", "Who moves", FOUR, "village"),
    ]


@pytest.mark.slow
def test_vega_lite_draws_every_chart(sample):
    """Each specification is one that Vega-Lite compiles and draws, with the names of its largest rows."""
    import vl_convert

    for chart in all_charts(sample):
        spec = {**chart.spec, "config": CONFIG, "width": 600, "datasets": {"rows": chart.rows}}
        svg = vl_convert.vegalite_to_svg(spec)
        assert "<path" in svg
        assert svg.count("<text") > 3
        assert "NaN" not in svg
        assert "undefined" not in svg


@pytest.mark.slow
@pytest.mark.parametrize("width", [375, 1280])
def test_charts_draw_under_the_policy_of_the_page(sample, tmp_path, width):
    """In Chromium, offline: no message in the console, no request, no sideways scroll; each chart has its own label."""
    charts = all_charts(sample)
    with drawn(tmp_path, chart_page(charts), width) as page:
        labels = [page.get_attribute(f"#chart-{chart.id}", "aria-label") for chart in charts]
        roles = {page.get_attribute(f"#chart-{chart.id}", "role") for chart in charts}
        widths = page.evaluate("[...document.querySelectorAll('svg')].map((svg) => svg.getBoundingClientRect().width)")
        scroll = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        inside = page.evaluate("document.querySelectorAll('.chart > :not([aria-hidden=true])').length")

    assert labels == [chart.description for chart in charts]
    assert roles == {"img"}
    assert len(widths) == len(charts)
    assert all(width - 40 <= each <= width - 30 for each in widths)
    assert (scroll, inside) == (0, 0)


@pytest.mark.slow
def test_a_move_redraws_all_charts_at_once(sample, tmp_path):
    """Half the budget moves the bars and the words of every chart of 211 organisations, and back again."""
    charts = charts_of(Opening(sample))
    less = [
        [
            "revenue_budget",
            [[year, value.value / 2] for year, value in sample.scheme.parameters["revenue_budget"].values.items()],
        ]
    ]
    with drawn(tmp_path, chart_page(charts, sample)) as page:
        pictures = "[...document.querySelectorAll('.chart')].map((chart) => chart.ariaLabel + chart.innerHTML)"
        as_written = page.evaluate(pictures)
        page.evaluate("(values) => window.redraw(values)", less)
        moved = page.evaluate(pictures)
        page.evaluate("window.redraw([])")
        back = page.evaluate(pictures)

    assert [one == other for one, other in zip(as_written, moved, strict=True)] == [False] * len(charts)
    assert [chart.partition("<")[0] for chart in back] == [chart.description for chart in charts]
