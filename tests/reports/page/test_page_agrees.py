"""Every allocation on a page is the one of `gpit allocate`, as written and in a what-if, typed into the boxes."""

from __future__ import annotations

import csv
import random
import re

import pytest

from browser import opened
from gpit_fairshare import GpitError, allocate
from gpit_fairshare.engine import calculate
from gpit_fairshare.language.tree import number_text
from gpit_fairshare.numbers import money
from gpit_fairshare.reports.page import page_text
from gpit_fairshare.reports.page.bundle import notices, vega_script
from gpit_fairshare.reports.page.controls import slider_range
from gpit_fairshare.scheme.joining import load
from gpit_fairshare.scheme.values import Setting
from rulebook import RULES, invented

pytestmark = pytest.mark.slow

TYPED = 25
"""Random settings that are typed for each of five rules."""
SEED = 20261130


def written(folder, result):
    """Write the page of a run and return its path."""
    path = folder / "page.html"
    path.write_text(page_text(result, vega=vega_script(), notices=notices()), encoding="utf-8", newline="\n")
    return path


SAVED = """async (place) => {
  const year = document.getElementById("table-year");
  if (year) {
    year.value = place;
    year.dispatchEvent(new Event("change"));
  }
  // Off the window the table is drawn later.
  document.getElementById("organisations").scrollIntoView();
  for (let frame = 0; frame < 3; frame += 1) await new Promise((resolve) => requestAnimationFrame(resolve));
  let saved = null;
  URL.createObjectURL = (blob) => { saved = blob.text(); return ""; };
  HTMLAnchorElement.prototype.click = () => {};
  document.getElementById("table-download").click();
  const index = [...document.querySelectorAll("#organisations thead th")].findIndex(
    ({ dataset }) => dataset.key === "result");
  const rows = [...document.querySelectorAll("#organisations tbody tr")];
  return [await saved, index, rows.map((row) => [row.dataset.code, row.cells[index].textContent])];
}"""
"""Chooses a year; returns its CSV file instead of saving it, and the cells of the column of allocations."""


def allocations(page, result):
    """Return every allocation on the page by year and code, as its CSV files have it; the cells are checked with it."""
    amounts = {}
    for place, year in enumerate(result.scheme.years):
        text, index, cells = page.evaluate(SAVED, str(place))
        headings, *rows = csv.reader(text.splitlines())
        column = headings.index(page.locator("#organisations thead th").nth(index).inner_text())
        position = headings.index("Code")
        assert {row[0] for row in rows} == {year}
        amounts |= {(year, row[position]): float(row[column]) for row in rows}
        if result.scheme.symbols[result.scheme.result].unit == "£":
            assert dict(cells) == {code: money(amounts[year, code]) for code, _ in cells}
    return amounts


def expected(result):
    """Return every allocation of a run by year and code."""
    return {
        (year, code): amount
        for year, code, amount in result.rows.select("year", "org_code", result.scheme.result).rows()
    }


def agrees(folder, result):
    """Check that a page has the allocations of its run: without their CSV file, and recalculated by the script."""
    with opened(written(folder, result)) as page:
        assert allocations(page, result) == expected(result)


@pytest.mark.parametrize("rule", [rule for rule in RULES if rule.kind == "transition"], ids=str)
def test_every_transition_agrees_on_the_sample(tmp_path, rule):
    """211 CCGs in each year."""
    agrees(tmp_path, allocate(sample=True, **rule.options(), with_effects=False))


@pytest.mark.parametrize("rule", [rule for rule in RULES if rule.kind != "transition"], ids=str)
def test_every_scheme_and_formula_agrees_on_inputs_that_it_can_read(tmp_path, rule):
    """A dozen organisations with every column that it needs."""
    agrees(tmp_path, allocate(**invented(rule, tmp_path), **rule.options(), with_effects=False))


# What-ifs ---------------------------------------------------------------------------------------------------------

TYPE = """([texts]) => {
  for (const [name, year, text] of texts) {
    const control = [...document.querySelectorAll(".setting-control")].find(
      ({ dataset }) => dataset.name === name && dataset.year === year);
    const box = control.querySelector("input[type=text]");
    box.value = text;
    box.dispatchEvent(new Event("change"));
  }
  return new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)));
}"""
"""Types texts into the boxes of controls, and waits until they are calculated."""


def random_texts(chance, result, parameter):
    """Return a text for each control of a parameter, with its year: near its value, at a bound, or beyond one."""
    values = parameter.values
    years = [""] if len({value.value for value in values.values()}) == 1 else [*values]
    texts = []
    for year in years:
        low, high = slider_range(result.scheme, parameter, year or next(iter(values)))
        figure = chance.choice(
            [low, high, chance.uniform(low, high), chance.uniform(low, high), high + (high - low) / 3]
        )
        texts.append((year, number_text(round(figure, chance.choice([2, 6])))))
    return texts


@pytest.mark.parametrize(
    "transition",
    ["above-average-cost", "floor-and-ceiling", "pace-of-change", "cap-and-scale", "minimum-per-head"],
)
def test_what_is_typed_gives_what_a_setting_gives(tmp_path, transition):
    """25 random settings, each parameter at both ends among them, give the allocations of `--set`, or its refusal."""
    chance = random.Random(SEED)
    start = allocate(sample=True, transition=transition, with_effects=False)
    parameters = start.scheme.parameters
    ends = [
        [(parameter.name, year, number_text(end))]
        for parameter in parameters.values()
        for year in ([""] if len({value.value for value in parameter.values.values()}) == 1 else parameter.values)
        for end in slider_range(start.scheme, parameter, year or start.scheme.years[0])
    ]
    cases = [
        [
            (name, *text)
            for name, parameter in parameters.items()
            if chance.random() < 0.5
            for text in random_texts(chance, start, parameter)
        ]
        for _ in range(TYPED)
    ]
    refused = 0
    with opened(written(tmp_path, start)) as page:
        for case in [*ends, *cases]:
            page.locator("#reset").click()
            page.evaluate(TYPE, [case])
            problems = [text for text in page.locator(".setting-problem").all_inner_texts() if text]
            settings = [f"{name}@{year}={text}" if year else f"{name}={text}" for name, year, text in case]
            result, refusal = start, ""
            try:
                # As allocate does, but the files are not read again.
                scheme = load(transition=transition, settings=[Setting.read(text) for text in settings])
                result = calculate(scheme, start.inputs)
            except GpitError as fault:
                refusal = str(fault)
            assert len(problems) == bool(refusal), case
            for problem in problems:
                refused += 1
                reason = re.fullmatch(r"Not possible: (.*)\. The figures shown are still .*", problem)[1]
                assert refusal.endswith(reason), case
            assert allocations(page, start) == expected(result), case

    assert refused < len(cases)
