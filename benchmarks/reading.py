"""Time to read a workbook of 8,000 practices, as a multiple of the time that python-calamine takes alone.

All are measured in turn in one run, and medians are compared, because seconds depend on the machine. Exit code 1 if a
limit is missed.
"""

from __future__ import annotations

import random
import sys
import tempfile
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import TYPE_CHECKING

import openpyxl
import python_calamine
import xlsxwriter

from gpit_fairshare.findings import FindingCollector
from gpit_fairshare.inputs.checked_tables import read_inputs
from gpit_fairshare.inputs.columns.headings import recogniser
from gpit_fairshare.inputs.files.grids import ReadOptions
from gpit_fairshare.inputs.files.reading import locate_file, read_sheet
from gpit_fairshare.inputs.model import NeededColumn, Request

if TYPE_CHECKING:
    from collections.abc import Callable

PRACTICES = 8_000
ROUNDS = 7
MOST_OF_CALAMINE = 5.0
MOST_OF_OPENPYXL = 0.5
"""Limits on reading a file into a table, with the findings about its layout."""


def write(path: Path) -> None:
    """Write made-up practices with the columns of the published ones."""
    draw = random.Random(2014)
    headings = "practice_code,practice_name,org_code,org_name,area_team_code,area_team,registered_population,weighted"
    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet("Practices")
        sheet.write_row(0, 0, headings.split(","))
        for row in range(1, PRACTICES + 1):
            group = draw.randrange(211)
            sheet.write_row(
                row, 0, [f"A{80000 + row}", f"Surgery {row}", f"{group:02}C", f"Place {group}", "Q44", "Team"]
            )
            sheet.write_row(row, 6, [draw.randrange(1_000, 20_000), draw.random() * 20_000])


def main() -> int:
    """Measure, print, and return 0 if all limits are met, else 1."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "practices.xlsx"
        write(path)
        request = Request(
            population=(str(path),),
            years=("2014/15",),
            needs=(NeededColumn("registered_population", "number", "people"),),
        )
        options = ReadOptions(recognise=recogniser("population", request))
        ways: dict[str, Callable[[], object]] = {
            "calamine alone": lambda: (
                python_calamine.CalamineWorkbook.from_path(path).get_sheet_by_index(0).to_python()
            ),
            "reading": lambda: read_sheet(locate_file(str(path)), FindingCollector(), options),
            "reading, checking and summing": lambda: read_inputs(request),
            "openpyxl, read-only": lambda: _by_openpyxl(path),
        }
        times: dict[str, list[float]] = {name: [] for name in ways}
        for _ in range(ROUNDS):
            for name, way in ways.items():
                started = perf_counter()
                way()
                times[name].append(perf_counter() - started)
    medians = {name: median(seconds) for name, seconds in times.items()}
    for name, seconds in medians.items():
        print(
            f"{name:30} {seconds * 1000:8.0f} ms {seconds / medians['calamine alone']:6.2f} x calamine "
            f"{seconds / medians['openpyxl, read-only']:6.2f} x openpyxl"
        )
    of_calamine = medians["reading"] / medians["calamine alone"]
    of_openpyxl = medians["reading"] / medians["openpyxl, read-only"]
    holds = of_calamine <= MOST_OF_CALAMINE and of_openpyxl < MOST_OF_OPENPYXL
    verdict = "met" if holds else "MISSED"
    print(f"limits on reading, {MOST_OF_CALAMINE} x calamine and {MOST_OF_OPENPYXL} x openpyxl: {verdict}")
    return 0 if holds else 1


def _by_openpyxl(path: Path) -> list[list[object]]:
    book = openpyxl.load_workbook(path, read_only=True, data_only=True)
    rows = [[cell.value for cell in row] for row in book.worksheets[0].iter_rows()]
    book.close()
    return rows


if __name__ == "__main__":
    sys.exit(main())
