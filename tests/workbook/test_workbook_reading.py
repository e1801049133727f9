"""Programs that do not calculate read every allocation from the workbook; analysts use them."""

from __future__ import annotations

import openpyxl
import pandas as pd
import polars as pl
import pytest

from gpit_fairshare import allocate
from gpit_fairshare.workbook.result_workbook import write_workbook
from running import YEARS
from tiers import fast_but

HEADINGS = 4
"""Row of the headings; above them are title, note and totals."""


@pytest.fixture(scope="module")
def sample(tmp_path_factory):
    """The result of the sample, and its workbook."""
    result = allocate(sample=True)
    path = tmp_path_factory.mktemp("reading") / "out.xlsx"
    write_workbook(result, path)
    return result, path


def by_openpyxl(path, sheet):
    """Read a table with openpyxl: only values, no formulas."""
    with path.open("rb") as stream:
        headings, *rows = openpyxl.load_workbook(stream, data_only=True)[sheet].iter_rows(
            min_row=HEADINGS, values_only=True
        )
    return {heading: [row[column] for row in rows] for column, heading in enumerate(headings)}


def by_polars(path, sheet):
    """Read a table with polars and its default, calamine."""
    frame = pl.read_excel(path, sheet_name=sheet, read_options={"header_row": HEADINGS - 1})
    return frame.to_dict(as_series=False)


def by_polars_and_openpyxl(path, sheet):
    """Read a table with polars and openpyxl, by the name of the Excel table."""
    name = "Table_" + sheet.replace("-", "_").replace(" ", "_")
    return pl.read_excel(path, table_name=name, engine="openpyxl").to_dict(as_series=False)


def by_pandas(path, sheet):
    """Read a table with pandas and its default today, openpyxl."""
    frame = pd.read_excel(path, sheet_name=sheet, header=HEADINGS - 1, engine="openpyxl")
    return {heading: frame[heading].tolist() for heading in frame.columns}


def by_pandas_and_calamine(path, sheet):
    """Read a table with pandas and its future default, calamine."""
    frame = pd.read_excel(path, sheet_name=sheet, header=HEADINGS - 1, engine="calamine")
    return {heading: frame[heading].tolist() for heading in frame.columns}


READERS = [by_openpyxl, by_polars, by_polars_and_openpyxl, by_pandas, by_pandas_and_calamine]


@pytest.mark.parametrize(
    "read", fast_but(["by_openpyxl", "by_polars_and_openpyxl"], READERS), ids=lambda read: read.__name__
)
def test_the_published_allocations_can_be_read(sample, read):
    """The sheet of a year has the 211 CCGs' codes as texts, and what each gets, to the pound; 26 rows are totals."""
    result, path = sample

    for year in YEARS:
        table = read(path, f"Allocations {year.replace('/', '-')}")
        rows = result.year(year)
        amounts = zip(table["Code"], table["Allocation (£)"], strict=True)
        published = {code: amount for code, amount in amounts if code != "–"}
        assert published == dict(rows.select("org_code", "allocation").iter_rows())
        assert len(table["Code"]) == 211 + 26
        assert min(published.values()) > 0


@pytest.mark.parametrize(
    "read", fast_but(["by_openpyxl", "by_polars_and_openpyxl"], READERS), ids=lambda read: read.__name__
)
def test_every_step_can_be_read(sample, read):
    """The sheet of a year has every step of every CCG as calculated by the run: no cell is empty or a formula."""
    result, path = sample

    for year in YEARS:
        rows, table = result.year(year), read(path, year.replace("/", "-"))
        assert table["Code"] == rows["org_code"].to_list()
        for step in result.scheme.steps:
            if str(step.kind) == "national":
                continue
            heading = f"{step.label} ({step.unit})" if step.unit != "yes/no" else step.label
            assert table[heading] == pytest.approx(rows[step.name].to_list(), rel=1e-15), heading
        assert None not in [cell for cells in table.values() for cell in cells]
