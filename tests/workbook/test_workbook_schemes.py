"""Workbooks of other schemes than the sample's: every formula gives its stored value.

All stored values are replaced by wrong ones; recalculation must give the right ones again: texts, yes/no and rounded
money identical, other numbers within a billionth.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import formualizer
import openpyxl
import pytest

from changing import evaluated, is_error
from gpit_fairshare import allocate
from gpit_fairshare.workbook.result_workbook import write_workbook
from hard_schemes import HARD
from recalculation import by_cell, cached_values, compare, formulas, plant_everywhere, recalculated_rows
from rulebook import REPRESENTATIVE, RULES, Rule, invented
from running import ROOT, SHARED, write_rows
from small_schemes import scheme
from tiers import slow_but

if TYPE_CHECKING:
    from pathlib import Path

    from gpit_fairshare import Result

RELATIVE = 1e-9
LONGEST_FORMULA = 8_192
"""Characters that Excel takes, with the equals sign; it calls a file with more of them damaged."""


# Difficult schemes --------------------------------------------------------------------


SMALL = ("groups_of_groups", "merged", "new_organisations", "no_population", "no_spend", "optional_blanks", "rates")
"""Names of those that are enough at a desk."""

PARTS = 4
"""LibreOffice is started so many times, so that several can work beside one another."""


# Both engines -------------------------------------------------------------------------------------------


def written_books(result: Result, folder: Path) -> tuple[Path, Path]:
    """The workbook of a result, and a copy with a wrong value for every formula."""
    book, planted = folder / "book.xlsx", folder / "planted.xlsx"
    write_workbook(result, book)
    assert plant_everywhere(book, planted) > 0
    return book, planted


def by_formualizer(planted: Path) -> dict[tuple[str, str], object]:
    """The cells of a workbook as calculated by formualizer."""
    with planted.open("rb") as stream:
        sheets = openpyxl.load_workbook(stream, read_only=True)
        sizes = {sheet.title: (sheet.max_row, sheet.max_column) for sheet in sheets}
    return by_cell(evaluated(formualizer.load_workbook(str(planted)), sizes))


def rounded_cells(book: Path, result: Result) -> list[tuple[str, str]]:
    """The cells of the steps that round money, on the sheets of the years."""
    headings = {
        f"{step.label} ({step.unit})" if step.unit else step.label
        for step in result.scheme.steps
        if step.formula.startswith("rounded(")
    }
    years = {year.replace("/", "-") for year in result.years}
    headings = {
        (sheet, re.fullmatch(r"([A-Z]+)4", address)[1])
        for (sheet, address), value in cached_values(book).items()
        if sheet in years and value in headings and re.fullmatch(r"[A-Z]+4", address)
    }
    return [(sheet, address) for sheet, address in formulas(book) if (sheet, address.rstrip("0123456789")) in headings]


def faults(book: Path, result: Result, values: dict[tuple[str, str], object]) -> list[str]:
    """The differences between a workbook and its recalculated cells, and every cell with an error."""
    differences = [
        f"{cell}: {len(text)} characters" for cell, text in formulas(book).items() if len(text) > LONGEST_FORMULA
    ]
    differences += [f"{cell}: {value}" for cell, value in cached_values(book).items() if is_error(value)]
    return differences + compare(book, values, relative=RELATIVE, identical=rounded_cells(book, result))


@pytest.mark.parametrize("rule", slow_but(REPRESENTATIVE, RULES), ids=str)
def test_every_file_of_the_library_agrees(tmp_path, rule):
    """Every transition, formula and scheme over a dozen invented organisations."""
    result = allocate(**invented(rule, tmp_path), **rule.options(), with_effects=False)
    book, planted = written_books(result, tmp_path)

    assert faults(book, result, by_formualizer(planted)) == []


@pytest.mark.parametrize("make", slow_but(SMALL, HARD), ids=lambda make: make.__name__)
def test_a_scheme_that_asks_much_agrees(tmp_path, make):
    """Schemes without people, spend or money; groups, mergers, names of all kinds, one row, three years, blanks."""
    result = make(tmp_path)
    book, planted = written_books(result, tmp_path)

    assert faults(book, result, by_formualizer(planted)) == []


EXAMPLES = ROOT / "examples" / "published"


def published_examples():
    """The runs of examples/published, and those on the full tables that are beside the repository."""
    new_jersey, illinois = EXAMPLES / "new-jersey-2020-21", EXAMPLES / "illinois-2022-23"
    full = SHARED / "published"
    hudson = {"reductions_elsewhere": 100_183_824, "below_uncapped_elsewhere": 2_021_299_807}
    rates = {"statewide_equalization_aid": 660_536_526}
    for name in ("icb-core-2025-26", "icb-primary-medical-2025-26"):
        yield {"scheme": name, "inputs": EXAMPLES / f"{name}.csv"}
    revised = EXAMPLES / "icb-primary-medical-revised-2025-26" / "revised-allocations.toml"
    yield {"scheme": revised, "inputs": EXAMPLES / "icb-primary-medical-2025-26.expected.csv"}
    aid, shares = new_jersey / "new-jersey-2020-21.toml", new_jersey / "local-share-rates.toml"
    funding = illinois / "illinois-2022-23.toml"
    county = new_jersey / "districts.csv"
    yield {"scheme": aid, "inputs": county, "settings": hudson}
    yield {"scheme": shares, "inputs": [county, new_jersey / "districts.expected.csv"], "settings": rates}
    yield {"scheme": funding, "inputs": illinois / "districts.csv", "years": ["2022/23"]}
    if full.is_dir():
        districts = full / "nj-2020-21-inputs.csv"
        yield {"scheme": aid, "inputs": districts}
        yield {"scheme": shares, "inputs": [districts, full / "nj-2020-21-published.csv"]}
        yield {"scheme": funding, "inputs": full / "il-ebf-inputs.csv"}


@pytest.mark.usefixtures("libreoffice")
def test_libreoffice_agrees_with_the_published_examples(tmp_path):
    """The books of ICBs, New Jersey and Illinois, with wrong values planted everywhere, have the right ones again."""
    results, books = [], []
    for number, options in enumerate(published_examples()):
        folder = tmp_path / str(number)
        folder.mkdir()
        results.append(allocate(**options, with_effects=False))
        books.append(written_books(results[-1], folder))
    recalculated = recalculated_rows([planted for _, planted in books])

    for result, (book, _), sheets in zip(results, books, recalculated, strict=True):
        assert faults(book, result, by_cell(sheets)) == []


@pytest.mark.usefixtures("libreoffice")
@pytest.mark.parametrize("part", range(PARTS))
def test_libreoffice_agrees_with_them(tmp_path, part):
    """Some of them in each LibreOffice, which shows what Excel will show; transitions for all of England."""
    results, books = [], []
    transitions = [rule for rule in RULES if rule.kind == "transition"]
    for number, make in enumerate([*HARD, *transitions][part::PARTS]):
        folder = tmp_path / str(number)
        folder.mkdir()
        if isinstance(make, Rule):
            results.append(allocate(sample=True, **make.options(), with_effects=False))
        else:
            results.append(make(folder))
        books.append(written_books(results[-1], folder))
    recalculated = recalculated_rows([planted for _, planted in books])

    for result, (book, _), sheets in zip(results, books, recalculated, strict=True):
        assert faults(book, result, by_cell(sheets)) == []


# Many rows in order -----------------------------------------------------------------------------------


def headings_and_cells(book: Path, sheet: str) -> dict[str, list[object]]:
    """The cells below each heading of a sheet, as formulas."""
    columns = openpyxl.load_workbook(book)[sheet].iter_cols(min_row=4, values_only=True)
    return {str(heading): cells for heading, *cells in columns}


def test_more_rows_than_a_spreadsheet_can_order_are_values_of_the_run(tmp_path, monkeypatch):
    """Beyond the most rows, here 8 of 9, the steps in order are values and say so; groups, which are few, are live."""
    monkeypatch.setattr("gpit_fairshare.engine.notes.MOST_LIVE_ROWS", 8)
    (make,) = [make for make in HARD if make.__name__ == "rows_in_order"]
    result = make(tmp_path)
    book, planted = written_books(result, tmp_path)
    columns, regions = (headings_and_cells(book, sheet) for sheet in ("2014-15", "region 2014-15"))
    checks = openpyxl.load_workbook(book)["Checks"]
    notes = [finding.found for finding in result.findings if finding.number == "R10"]

    for heading in ("place", "so_far", "place_in_region", "so_far_in_region"):
        (fixed,) = [name for name in columns if name.startswith(f"{heading} (") and "values of the run" in name]
        assert not any(str(cell).startswith("=") for cell in columns[fixed])
    assert all(str(cell).startswith("=") for cell in columns["funded"])
    assert all(str(cell).startswith("=") for cell in regions["region_place"])
    assert len(notes) == 4
    assert "rank(score) of 9 rows (the most is 8) has no Excel formula: a workbook keeps the values" in notes[0]
    assert "No parameter or input was changed since the run" in [row[0].value for row in checks.iter_rows(min_row=5)]
    assert faults(book, result, by_formualizer(planted)) == []


@pytest.mark.slow
def test_two_thousand_rows_are_live_and_one_more_is_not(tmp_path):
    """The most rows that a workbook puts in order is 2,000."""
    for count, live in ((2_000, True), (2_001, False)):
        rows = [{"org_code": f"X{row:04d}", "registered_population": row % 700} for row in range(count)]
        steps = "place = rank(registered_population)\nallocation = running_total(registered_population, by=place)"
        result = allocate(population=write_rows(tmp_path / "p.csv", rows), scheme=scheme(tmp_path, steps))
        write_workbook(result, tmp_path / "book.xlsx")
        columns = headings_and_cells(tmp_path / "book.xlsx", "2014-15")

        names = [name for name in columns if name.startswith(("place", "allocation"))]
        assert len(names) == 2
        assert ["values of the run" in name for name in names] == [not live] * 2
        assert [str(columns[name][-1]).startswith("=") for name in names] == [live] * 2
