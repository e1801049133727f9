"""Files published by NHS bodies, read by `gpit check` and by `read_inputs`: rows and totals are as published."""

from __future__ import annotations

from fractions import Fraction

import openpyxl
import pytest

from folders import column, published
from gpit_fairshare import check
from gpit_fairshare.inputs.checked_tables import read_inputs
from gpit_fairshare.inputs.model import NeededColumn, Request
from gpit_fairshare.inputs.tables.sums import exact_total

BOOK = "nhs-england-icb-allocations-2025-26.xlsx"
CORE = "ICB Core Allocations 2025-26"


def of(report, number):
    """Return the findings with this code."""
    return [finding for finding in report.findings if finding.number == number]


def column_of(report, name):
    """Return the column with this name."""
    (match,) = [column for column in report.columns if column.name == name]
    return match


def cells_of(sheet):
    """Return the cells of a sheet by row and column from 1, read by openpyxl: no code shared with the reader."""
    book = openpyxl.load_workbook(published(BOOK), data_only=True, read_only=True)
    rows = book[sheet].iter_rows(values_only=True)
    return {(row, at): cell for row, cells in enumerate(rows, 1) for at, cell in enumerate(cells, 1)}


def test_practices_of_january_2021():
    """NHS Digital, January 2021: 6,658 practices in 135 CCGs have 60,606,345 patients."""
    report = check(population=published("gp-reg-pat-prac-all-2021-01.csv"))

    assert report.sound
    assert report.organisations == {"": 135}
    assert column_of(report, "registered_population").total == 60_606_345
    (summed,) = of(report, "I28")
    assert "summed 6,658 practices to 135 organisations" in summed.found


def test_practices_of_2014():
    """NHS Payments 2014/15: 7,959 practices, 36 of them without patients; 211 CCGs and 56,633,982 patients."""
    report = check(population=published("england-2014-15-practices.csv"))

    assert report.sound
    assert report.organisations == {"": 211}
    assert column_of(report, "registered_population").total == 56_633_982
    assert "7,959 practices to 211" in of(report, "I28")[0].found
    assert "36 practices without patients" in of(report, "I24")[0].found


def test_running_costs():
    """Running costs 2025/26: 42 ICBs and £873,991,617.84; titles and the total row are left out and reported."""
    report = check(inputs=f"{published(BOOK)}:ICB running cost allowance")
    costs = column_of(report, "2025_26")

    assert report.sound
    assert (costs.filled, costs.blank) == (42, 0)
    assert (costs.unit, costs.stated) == ("£", "£k")
    assert costs.total == pytest.approx(873_991_617.84, abs=0.005)
    assert costs.total_as_written == pytest.approx(873_991.61784, abs=0.000005)
    assert "'Total', the sum of 42 rows" in of(report, "I42")[0].found
    assert "Allocations (running cost allowance)" in of(report, "I39")[0].found
    assert "by 1,000" in of(report, "I44")[0].found


def test_core_allocations():
    """Core services 2025/26: 42 ICBs, a baseline of £112,111,322,124.80; the table of regions below is left out."""
    report = check(inputs=f"{published(BOOK)}:{CORE}")
    baseline = column_of(report, "2024_25_adjusted_recurrent_baseline")

    assert report.sound
    assert report.organisations == {"": 42}
    assert baseline.total_as_written == pytest.approx(112_111_322.1248, abs=0.00005)
    assert "rows 46 to 54, headed 'R23', 'Region'" in of(report, "I41")[0].found


def test_negative_adjustments_count():
    """The parts of the core allocations, three of them negative, add up to the published total."""
    report = check(inputs=f"{published(BOOK)}:{CORE}")
    money = {column.name: Fraction(repr(column.total)) for column in report.columns if column.unit == "£"}
    parts = [
        name for name in money if name.startswith("2025_26") and name != "2025_26_total_allocation"
    ]  # the baseline and the target are of 2024/25

    assert abs(sum(money[name] for name in parts) - money["2025_26_total_allocation"]) < 1
    # The total row for England is below the regions, in row 54.
    cells = cells_of(CORE)
    (at,) = [at for (row, at), cell in cells.items() if row == 2 and cell == "2025/26 Total allocation (£k)"]
    assert float(money["2025_26_total_allocation"]) == pytest.approx(cells[54, at] * 1000, abs=0.01)
    below = of(report, "I18")
    assert [(finding.level, finding.place) for finding in below] == [("warning", f"{letter}3") for letter in "RTW"]
    assert "in 35 other rows" in below[0].found


def test_pharmacy_and_dentistry():
    """POD services 2025/26: 42 ICBs and 7 regions of NHS England, a baseline of 5,937,382.9422 (£k)."""
    report = check(inputs=f"{published(BOOK)}:POD Allocation 2025-26")
    baseline = column_of(report, "2024_25_adjusted_recurrent_baseline")

    assert report.sound
    assert (report.organisations, baseline.filled) == ({"": 49}, 49)
    assert baseline.total_as_written == pytest.approx(5_937_382.9422, abs=0.00005)
    assert of(report, "I41")
    assert "7 dashes" in of(report, "I51")[0].found


@pytest.mark.parametrize(
    ("sheet", "heading", "rows", "thousands"),
    [
        ("ICB running cost allowance", "2025/26 (£k)", 42, 873_991.61784),
        (CORE, "2024/25 Adjusted recurrent baseline (£k)", 42, 112_111_322.1248),
        ("POD Allocation 2025-26", "2024/25 Adjusted recurrent baseline (£k)", 49, 5_937_382.9422),
    ],
)
def test_with_map(sheet, heading, rows, thousands):
    """The same sheets as inputs of a run, with a heading named by --map, have the same rows and pounds."""
    request = Request(
        population=(f"{published(BOOK)}:{sheet}",),
        years=("2025/26",),
        needs=(NeededColumn("baseline", "number", "£"),),
        mapping={heading: "baseline"},
        organisation="ICB",
    )
    figures = column(read_inputs(request), "baseline", "2025/26")

    assert len(figures) == rows
    assert exact_total(figures.values()) == pytest.approx(thousands * 1000, abs=0.05)


def test_cells_are_as_openpyxl_reads_them():
    """The running costs of every ICB are its cell times a thousand, exactly as written."""
    sheet = "ICB running cost allowance"
    request = Request(
        population=(f"{published(BOOK)}:{sheet}",),
        years=("2025/26",),
        needs=(NeededColumn("costs", "number", "£"),),
        mapping={"2025/26 (£k)": "costs"},
        organisation="ICB",
    )
    inputs = read_inputs(request)
    figures = column(inputs, "costs", "2025/26")

    cells = cells_of(sheet)

    assert len(figures) == 42
    for code, figure in figures.items():
        place = inputs.origins["2025/26", code, "costs"].rpartition(" ")[2]
        cell = cells[int(place[1:]), ord(place[0]) - ord("A") + 1]
        assert figure == float(Fraction(repr(cell)) * 1000)
