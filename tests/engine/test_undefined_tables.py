"""Where a table has no row for a text, or no band for a number: undefined, and an error only where it is used."""

from __future__ import annotations

import openpyxl
import pytest

from gpit_fairshare import CalculationError, allocate, check
from running import write_rows
from small_schemes import rows_of, scheme

TABLES = """
[inputs.stage]
label = "Stage"
type = "text"
optional = true

[inputs.need]
label = "Need"
optional = true

[tables.stage_weight]
label = "Weight by stage"
rows = [{ key = "a", value = 2, assumption = "A test." }, { key = "b", value = 3, assumption = "A test." }]

[tables.need_band]
label = "Weight by need"
rows = [{ from = 10, value = 1, assumption = "A test." }, { from = 20, up_to = 30, value = 5, assumption = "A test." }]
"""


def calculated(folder, formula, extra="", **cells):
    """The steps of A and B, which have these cells; A has stage a and need 25."""
    return allocate(**_files(folder, f"allocation = {formula}", cells, extra))


def _files(folder, steps, cells, extra=""):
    """The file of A and B and the scheme, as options of a run."""
    rows = [
        {"org_code": code, "registered_population": 10, "stage": "a", "need": 25, **(cells if code == "B" else {})}
        for code in "AB"
    ]
    return {
        "population": write_rows(folder / "p.csv", rows),
        "scheme": scheme(folder, steps, extra=TABLES + extra),
    }


def _without_row(folder, steps, **cells):
    """The level and text of what `check` says about values that a table lacks."""
    report = check(**_files(folder, steps, cells))
    return [(finding.level, str(finding)) for finding in report.findings if finding.number == "I63"]


@pytest.mark.parametrize(
    ("formula", "cells", "allocations"),
    [
        ("where(given(stage), lookup(stage_weight, stage), 7)", {"stage": ""}, {"A": 2, "B": 7}),
        ("where(stage == 'a', lookup(stage_weight, stage), 7)", {"stage": "c"}, {"A": 2, "B": 7}),
        ("where(given(need), band_value(need_band, need), 7)", {"need": ""}, {"A": 5, "B": 7}),
        ("where(need < 10, 7, band_sum(need_band, need))", {"need": 9}, {"A": 35, "B": 7}),
        ("where(need > 20, 7, band_line(need_band, need))", {"need": 15}, {"A": 7, "B": 3}),
    ],
)
def test_where_shuts_out_what_a_table_does_not_have(tmp_path, formula, cells, allocations):
    """A blank, an unknown text and a number outside the bands harm nothing in a branch that is not taken."""
    assert rows_of(calculated(tmp_path, formula, **cells), "allocation") == allocations
    assert _without_row(tmp_path, f"allocation = {formula}", **cells) == []


@pytest.mark.parametrize(
    ("formula", "cells", "message"),
    [
        (
            "2 * lookup(stage_weight, stage)",
            {"stage": "A"},
            "B (p.csv row 3): stage is 'A', and the table stage_weight has no",
        ),
        (
            "where(given(need), lookup(stage_weight, stage), 7)",
            {"stage": ""},
            "B (p.csv row 3): stage is blank",
        ),
        (
            "max(1, band_value(need_band, need))",
            {"need": 9.99},
            "B (p.csv row 3): need is 9.99, and the table need_band has no value for it",
        ),
        (
            "band_value(need_band, need) + 0",
            {"need": 30},
            "B (p.csv row 3): need is 30, and the table need_band has no value for it",
        ),
        ("band_line(need_band, need)", {}, "A (p.csv row 2): need is 25, and the table need_band has no value for it"),
    ],
)
def test_what_a_table_does_not_have_is_an_error_where_it_is_used(tmp_path, formula, cells, message):
    """The error names the organisation, the table and the text or number, on one line."""
    with pytest.raises(CalculationError) as raised:
        calculated(tmp_path, formula, **cells)

    assert f"2014/15, {message}" in str(raised.value)
    assert "\n" not in str(raised.value)
    code, _, problem = message.partition(" (p.csv row ")
    row, _, problem = problem.partition("): ")
    levels_and_texts = _without_row(tmp_path, f"allocation = {formula}", **cells)
    assert [level for level, _ in levels_and_texts] == ["error"] * len(levels_and_texts)
    assert any(f"p.csv: row {row}: {problem}" in text for _, text in levels_and_texts), code


def test_a_branch_that_steps_decide_is_a_warning(tmp_path):
    """`check` calculates no steps: it cannot know whether B, with the unknown stage c, takes the branch."""
    steps = "half = need / 2\nallocation = where(half > 20, lookup(stage_weight, stage), 7)"
    [(level, text)] = _without_row(tmp_path, steps, stage="c")

    assert level == "warning"
    assert "p.csv: row 3: stage is 'c', and the table stage_weight has no row for it; its rows are a and b" in text
    assert "Unless where(…) leaves this case out, correct the text or the table" in text


def test_one_text_is_reported_once(tmp_path):
    """Two steps need the weight of stage c, one of them in a branch: one error."""
    steps = "half = need / 2\nweight = where(half > 20, lookup(stage_weight, stage), 7)"
    levels = [
        level for level, _ in _without_row(tmp_path, f"{steps}\nallocation = lookup(stage_weight, stage)", stage="c")
    ]

    assert levels == ["error"]


def test_the_cell_of_a_workbook_is_named(tmp_path):
    """The finding is at the cell, so that a copy of the workbook can mark it."""
    options = _files(tmp_path, "allocation = lookup(stage_weight, stage)", {})
    book = openpyxl.Workbook()
    book.active.title = "Data"
    for row in (["org_code", "registered_population", "stage", "need"], ["A", 10, "a", 25], ["B", 10, "c", 25]):
        book.active.append(row)
    book.save(tmp_path / "p.xlsx")
    report = check(**{**options, "population": tmp_path / "p.xlsx"})

    assert [(finding.file, finding.cell) for finding in report.findings if finding.number == "I63"] == [
        ("p.xlsx:Data", "C3")
    ]


def test_a_table_is_no_heading(tmp_path):
    """Where the column stage is missing, the message does not suggest the table stage_weight or one of its rows."""
    options = _files(tmp_path, "allocation = lookup(stage_weight, stage)", {})
    path = write_rows(tmp_path / "p.csv", [{"org_code": "A", "registered_population": 10, "Phase": "a"}])
    scheme_text = options["scheme"].read_text(encoding="utf-8").replace("optional = true", "", 1)
    options["scheme"].write_text(scheme_text, encoding="utf-8")
    [finding] = [finding for finding in check(**{**options, "population": path}).findings if finding.number == "I09"]

    assert "no column stage" in finding.found
    assert "the nearest is" not in finding.found


def test_a_table_is_not_blamed_for_another_fault(tmp_path):
    """B has no stage, which `where` shuts out; its division by 0 is the reason."""
    with pytest.raises(CalculationError, match="a division by zero") as raised:
        calculated(tmp_path, "where(given(stage), lookup(stage_weight, stage), 7) / (need - 24)", stage="", need=24)

    assert "lookup(stage_weight, stage) = blank" in str(raised.value)


def test_a_rate_is_not_blamed_for_another_fault(tmp_path):
    """The rate that `where` shuts out does not exist; the logarithm of -8 has no value and is the reason."""
    steps = """
        full = share_out(10, by=need, at_most=need)
        allocation = where(need > 5, ln(1 - need), rate_of(full))
    """
    rows = write_rows(tmp_path / "p.csv", [{"org_code": "A", "registered_population": 1, "need": 9}])
    path = scheme(tmp_path, steps, extra='[inputs.need]\nlabel = "Need"\n')

    with pytest.raises(CalculationError) as raised:
        allocate(population=rows, scheme=path)

    assert "a number too large, or no value from ln" in str(raised.value)
    assert "has no rate" not in str(raised.value)


def test_checks_and_outcomes_use_tables(tmp_path):
    """B's stage b weighs 3: the check that no weight is above 2.5 fails for it, and its outcome is heavy."""
    extra = '[[checks]]\nname = "Light"\nformula = "lookup(stage_weight, stage) <= 2.5"\n'
    extra += '[[outcomes]]\nlabel = "heavy"\nformula = "lookup(stage_weight, stage) > 2.5"\n'
    result = calculated(tmp_path, "registered_population", extra, stage="b")

    assert [check.failing for check in result.checks] == [("B",)]
    assert result.years["2014/15"].outcomes == ["", "heavy"]


def test_a_value_of_a_table_changes_in_one_year(tmp_path):
    """Set for 2015/16 alone, the weight of stage a is 2 in the first year and 4 in the second."""
    rows = [{"org_code": "A", "registered_population": 10, "stage": "a", "need": 25}]
    path = scheme(tmp_path, "allocation = lookup(stage_weight, stage)", '["2014/15", "2015/16"]', extra=TABLES)
    settings = {"stage_weight[a]@2015/16": 4}
    result = allocate(population=write_rows(tmp_path / "p.csv", rows), scheme=path, settings=settings)

    assert [rows_of(result, "allocation", year) for year in result.years] == [{"A": 2}, {"A": 4}]
