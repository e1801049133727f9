"""Workbooks of many organisations: no work grows with the square of the rows, and progress is reported."""

from __future__ import annotations

import random
import re
import zipfile
from itertools import pairwise

import openpyxl
import pytest

import recalculation
from gpit_fairshare import allocate
from gpit_fairshare.workbook.per_head import MOST_SORTED
from gpit_fairshare.workbook.result_workbook import write_workbook
from running import write_rows
from small_schemes import rows_of, scheme

CCGS = 20
STEPS = """
    floor = historic_spend * 0.9 # £
    ceiling = historic_spend * 1.3 # £
    ccg_people = total(registered_population, within=ccg) # people
    ccg_spend = total(historic_spend, within=ccg) # £
    ccg_share = share_out(pot, by=ccg_people) # £
    ccg_money = clip(ccg_share, 0.95 * ccg_spend, 1.15 * ccg_spend) # £
    unrounded = share_out(ccg_money, by=registered_population, at_least=floor, at_most=ceiling, within=ccg) # £
    allocation = rounded(unrounded, within=ccg) # £
"""
# LibreOffice writes the bars beside £ per head as an extension, which openpyxl does not read.
BARS = "ignore:.*xtension is not supported:UserWarning"


def practices(count):
    """Return invented practices, mixed across CCGs, and their spend of £2 to £3 a head."""
    draw = random.Random(2014)
    people = [
        {
            "org_code": f"P{number:05}",
            "ccg": f"{draw.randrange(CCGS):02}C",
            "registered_population": draw.randrange(1_000, 20_000),
        }
        for number in range(count)
    ]
    spend = [
        {"org_code": row["org_code"], "historic_spend": round(row["registered_population"] * draw.uniform(2, 3))}
        for row in people
    ]
    return people, spend


def run(folder, people, spend, steps=STEPS):
    """Allocate 2 per cent more than was spent."""
    return allocate(
        population=write_rows(folder / "p.csv", people),
        spend=write_rows(folder / "s.csv", spend),
        scheme=scheme(folder, steps, pot=round(1.02 * sum(row["historic_spend"] for row in spend))),
    )


def progress_of(result, path):
    """Write a workbook and return the reports of its progress."""
    progress = []
    write_workbook(result, path, lambda done, total: progress.append((done, total)))
    return progress


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    """A run of more practices than are sorted live, its workbook, and the reports of its progress."""
    folder = tmp_path_factory.mktemp("large")
    result = run(folder, *practices(MOST_SORTED + 100))
    return result, folder / "out.xlsx", progress_of(result, folder / "out.xlsx")


def sheets_of(path):
    """Return the XML of every sheet, by its name."""
    with zipfile.ZipFile(path) as archive:
        names = re.findall(r'<sheet name="([^"]+)"', archive.read("xl/workbook.xml").decode())
        return {name: archive.read(f"xl/worksheets/sheet{number}.xml").decode() for number, name in enumerate(names, 1)}


def squares(path, rows):
    """Return the columns with a formula on every row that scans as many rows: work of rows x rows.

    INDEX reads one row of its range, and so does the MATCH that finds a position among the first positions of the
    groups. The MATCH for the first row of a group is calculated once per group.
    """
    columns = {}
    for name, sheet in sheets_of(path).items():
        for column, formula in re.findall(r'<c r="([A-Z]+)\d+"[^>]*><f>([^<]*)</f>', sheet):
            scanned = re.sub(r"INDEX\((?:'[^']+'!)?\$[A-Z]+\$\d+:\$[A-Z]+\$\d+,", "", formula)
            if name.startswith("Order "):
                scanned = re.sub(r"MATCH\(\$B\d+,'[^']+'!\$[A-Z]+\$\d+:\$[A-Z]+\$\d+,0\)", "", scanned)
                scanned = re.sub(r"ROWS\([^)]*\)", "", scanned)
            heights = [int(last) - int(first) + 1 for first, last in re.findall(r"\$(\d+):\$?[A-Z]+\$?(\d+)", scanned)]
            if heights and max(heights) >= rows / 4:
                columns[name, column] = columns.get((name, column), 0) + 1
    return {place for place, count in columns.items() if count >= rows / 4}


@pytest.mark.slow
def test_no_column_of_a_large_workbook_looks_through_all_rows_from_every_row(large):
    """Of 1,100 practices, no column has a formula on every row that scans a column of as many rows."""
    _, path, _ = large

    assert squares(path, MOST_SORTED + 100) == set()


def test_a_column_that_looks_through_all_rows_is_found(tmp_path):
    """The count above can fail: up to 1,000 organisations are sorted live, which scans all rows.

    The workings have the rank of each change, by which Gains and losses is sorted.
    """
    result = run(tmp_path, *practices(200))
    write_workbook(result, tmp_path / "out.xlsx")

    assert {name for name, _ in squares(tmp_path / "out.xlsx", 200)} == {"Workings 2014-15"}


@pytest.mark.slow
def test_a_large_workbook_does_not_sort(large):
    """Above 1,000 organisations no sheet and no chart is sorted by gains and losses; Summary names none."""
    book = openpyxl.load_workbook(large[1], read_only=True)
    labels = [row[0] for row in book["Summary"].iter_rows(min_row=5, max_col=1, values_only=True)]

    assert "Gains and losses" not in book.sheetnames
    assert not [label for label in labels if "argest" in label]


@pytest.mark.slow
def test_progress_goes_up_to_its_end_by_small_steps(large):
    """Progress never goes back, the total stays, only the last report is complete, and no step is 10% of the total."""
    _, path, progress = large
    total = progress[-1][1]

    assert progress[-1] == (total, total)
    assert {all_cells for _, all_cells in progress} == {total}
    assert all(before[0] <= after[0] for before, after in pairwise(progress))
    assert max(done for done, _ in progress[:-1]) < total
    assert max(after[0] - before[0] for before, after in pairwise(progress)) < total / 10
    assert total == sum(sheet.count("<c ") for sheet in sheets_of(path).values())


@pytest.mark.slow
def test_two_large_workbooks_of_one_process_are_the_same(large, tmp_path):
    """The same result gives the same bytes, also after another workbook in the same process."""
    result, path, _ = large
    write_workbook(result, tmp_path / "again.xlsx")

    assert path.read_bytes() == (tmp_path / "again.xlsx").read_bytes()


@pytest.mark.slow
def test_charts_hold_the_figures_that_they_show(large):
    """The stored values of a chart, which previews draw, are those of the cells: bands of £ per head."""
    _, path, _ = large
    sheet = openpyxl.load_workbook(path, data_only=True)["Spread per head"]
    with zipfile.ZipFile(path) as archive:
        charts = [archive.read(name).decode() for name in archive.namelist() if name.startswith("xl/charts/chart")]
    (chart,) = [text for text in charts if "'Spread per head'!$C$5" in text]
    values = re.findall(r"<c:v>([^<]*)</c:v>", chart.partition("<c:val>")[2].partition("</c:val>")[0])

    assert [float(text) for text in values] == [sheet.cell(row, 3).value for row in range(5, sheet.max_row + 1)]


@pytest.mark.filterwarnings(BARS)
@pytest.mark.usefixtures("libreoffice")
def test_a_practice_moved_in_the_workbook_is_shared_with_its_new_ccg(tmp_path):
    """A practice moved to another CCG on Population is in the search and the rounding of that CCG, as in a new run."""
    people, spend = practices(120)
    write_workbook(run(tmp_path, people, spend), tmp_path / "book.xlsx")
    moved = next(row for row in people[60:] if row["ccg"] != people[0]["ccg"])
    book = openpyxl.load_workbook(tmp_path / "book.xlsx")
    sheet, headings = book["Other inputs" if "Other inputs" in book.sheetnames else "Population"], None
    headings = [cell.value.casefold() for cell in sheet[4]]
    for row in range(5, sheet.max_row + 1):
        if sheet.cell(row, 2).value == moved["org_code"]:
            sheet.cell(row, headings.index("ccg") + 1).value = people[0]["ccg"]
    book.save(tmp_path / "moved.xlsx")
    before = rows_of(run(tmp_path, people, spend), "allocation")
    moved["ccg"] = people[0]["ccg"]
    expected = rows_of(run(tmp_path, people, spend), "allocation")
    values = openpyxl.load_workbook(recalculation.recalculate(tmp_path / "moved.xlsx", tmp_path), data_only=True)
    sheet = values["2014-15"]
    column = [cell.value for cell in sheet[4]].index("allocation (£)")

    assert expected != before
    assert {row[0]: row[column] for row in sheet.iter_rows(min_row=5, values_only=True)} == expected
    assert values["Checks"]["B3"].value == "pass"


@pytest.mark.filterwarnings(BARS)
@pytest.mark.usefixtures("libreoffice")
def test_odd_pounds_go_to_the_earlier_rows_of_equal_remainders_in_every_group(tmp_path):
    """Of £11 for four equal practices of each CCG (£2.75) the first three by code get £3 each.

    A third CCG has £11 by 1, 1, 1, 8: £1, £1, £1 and £8, so nothing is left over. LibreOffice agrees when all
    stored values are wrong, and nationally too: £33 for twelve equal practices is £3 for the first nine, £2 for three.
    """
    people = [
        {"org_code": f"P{number:02}", "ccg": f"{number % 3}C", "registered_population": 8 if number == 11 else 1}
        for number in range(12)
    ]
    steps = """
        everyone = where(registered_population > 0, 1, 1)
        unrounded = share_out(11, by=registered_population, within=ccg) # £
        nation = share_out(33, by=everyone) # £
        nation_rounded = rounded(nation) # £
        allocation = rounded(unrounded, within=ccg) # £
    """
    result = allocate(population=write_rows(tmp_path / "p.csv", people), scheme=scheme(tmp_path, steps))
    write_workbook(result, tmp_path / "book.xlsx")
    recalculation.plant_everywhere(tmp_path / "book.xlsx", tmp_path / "planted.xlsx")
    again = recalculation.recalculate(tmp_path / "planted.xlsx", tmp_path)

    # P00, P03, P06, P09 are 0C; P01, P04, P07, P10 are 1C; P02, P05, P08, P11 are 2C.
    assert list(rows_of(result, "allocation").values()) == [3, 3, 1, 3, 3, 1, 3, 3, 1, 2, 2, 8]
    assert list(rows_of(result, "nation_rounded").values()) == [3] * 9 + [2] * 3
    assert recalculation.compare(tmp_path / "book.xlsx", again) == []
