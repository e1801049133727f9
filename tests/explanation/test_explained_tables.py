"""The lines of functions of tables: row or band, source, and arithmetic that gives the value."""

from __future__ import annotations

import re
from fractions import Fraction

import pytest

from by_hand import Reader, worked
from gpit_fairshare import allocate, explain
from running import write_rows
from small_schemes import scheme

TABLES = """
[sources.circular]
title = "Circular 7"

[inputs.stage]
label = "Stage"
type = "text"

[inputs.need]
label = "Need"

[tables.stage_weight]
label = "Weight by stage"
unit = "ratio"
rows = [{ key = "primary", value = 1, source = "circular" }, { key = "second", value = "130%", assumption = "More." }]
otherwise = { value = 0.9, assumption = "Less." }

[tables.rate]
label = "Rate by need"
unit = "£ per head"
key_unit = "people"
rows = [
  { from = -20, value = 5, assumption = "First." },
  { from = 0, value = 2, assumption = "Second." },
  { from = 100, value = 1.5, assumption = "Third." },
  { from = 300, up_to = 500, value = -1, assumption = "Fourth." },
]
"""
STAGES = ("primary", "second", "Primary")
STEPS = """
    tax = band_sum(rate, need) # £
    allocation = tax + where(need > 300, 0, band_line(rate, need)) * need * lookup(stage_weight, stage) # £
"""


@pytest.fixture(scope="module")
def lines(tmp_path_factory):
    """The lines of each organisation by name; a key is the organisation's code."""
    folder = tmp_path_factory.mktemp("tables")
    people = (("A", "primary", 250), ("B", "second", 0), ("C", "Primary", 400), ("D", "second", -20))
    rows = [
        {"org_code": code, "registered_population": 10, "stage": stage, "need": need} for code, stage, need in people
    ]
    result = allocate(population=write_rows(folder / "p.csv", rows), scheme=scheme(folder, STEPS, extra=TABLES))
    return {code: {line.name: line for line in explain(result, code).lines} for code, _, _ in people}


def test_a_lookup_says_its_row_and_source(lines):
    """A has the row of its text with its source, B its assumption, and C the value for other texts: capitals count."""
    found = {code: lines[code]["lookup(stage_weight, stage)"] for code in "ABC"}

    assert [line.label for line in found.values()] == [f"Weight by stage for '{text}'" for text in STAGES]
    assert [line.value for line in found.values()] == [1, 1.3, 0.9]
    assert found["A"].origin.startswith("row 'primary'; ")
    assert "Circular 7" in found["A"].origin
    assert found["B"].origin == "row 'second'; assumption: More"
    assert found["C"].origin == "otherwise: no row has this text; assumption: Less"


def test_a_band_sum_is_written_band_by_band(lines):
    """250 people are 20 × £5, 100 × £2 and 150 × £1.50: £525, with the three assumptions."""
    line = lines["A"]["band_sum(rate, need)"]

    assert (line.label, line.of, line.unit) == ("Rate by need applied to each part of 250 people", "A", "£")
    assert (line.arithmetic, line.result) == ("20 * 5 + 100 * 2 + (need - 100) * 1.5", "£525")
    assert line.origin == "band from 100 to 300 people; assumption: First; assumption: Second; assumption: Third"


def test_a_line_is_written_between_two_edges(lines):
    """At 250 people, three quarters of the way from £1.50 at 100 to £-1 at 300, the rate is £-0.375."""
    line = lines["A"]["band_line(rate, need)"]

    assert line.arithmetic == "1.5 + (need - 100) * (-1 - 1.5) / (300 - 100)"
    assert worked(Reader(line.numbers).whole()) == Fraction(-3, 8) == Fraction(line.value)


def test_a_line_above_its_last_edge_is_blank_with_its_reason(lines):
    """C's 400 people are above the last edge, which `where` shuts out."""
    line = lines["C"]["band_line(rate, need)"]

    assert (line.value, line.result, line.numbers) == (None, "blank", "")
    assert line.notes == ("rate by need has no line for 400",)


def test_at_the_first_edge_a_band_sum_is_nothing(lines):
    """D is at -20, where the first band begins; B is at 0, the edge of two bands."""
    assert [lines[code]["band_sum(rate, need)"].numbers for code in "DB"] == ["0", "20 * 5"]
    assert lines["B"]["band_line(rate, need)"].origin == "band from 0 to 100 people; assumption: Second"


def test_rows_of_tables_are_not_listed_as_parameters(lines):
    """Only the pot would be a parameter, and no step uses it."""
    assert {line.kind for line in lines["A"].values()} == {"input", "figure", "step"}


@pytest.mark.parametrize(
    ("formula", "counts"),
    [
        ("lookup(stage_weight, stage)", ["", "1 of 1", "1 of 1"]),
        ("pot * lookup(stage_weight, stage)", ["1 of 2", "2 of 2", "2 of 2"]),
        ("band_sum(rate, need)", ["3 of 3", "3 of 3", "3 of 3"]),
    ],
)
def test_rows_that_are_assumptions_are_counted(tmp_path, formula, counts):
    """The pot is an assumption, and every row but that of primary, A's; 250 people use three bands."""
    people = [
        {"org_code": code, "registered_population": 10, "stage": stage, "need": 250}
        for code, stage in zip("ABC", STAGES, strict=True)
    ]
    path = scheme(tmp_path, f"allocation = {formula}", extra=TABLES)
    result = allocate(population=write_rows(tmp_path / "p.csv", people), scheme=path)
    texts = [explain(result, code).markdown() for code in "ABC"]

    assert ["".join(re.findall(r"Parameters that are assumptions: (\d of \d)\.", text)) for text in texts] == counts
