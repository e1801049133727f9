"""Random changes of inputs and parameters, made in a workbook and in the files it was calculated from.

Each change is made twice. In the workbook, its cell is found by heading, code and year, as a person would find it. In
the files, it is a cell of a CSV file, or a value set for the run. The workbook's results are then compared with the
results of `allocate`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import formualizer
import openpyxl

from gpit_fairshare import GpitError, Result, allocate
from gpit_fairshare.workbook.result_workbook import write_workbook
from recalculation import plant_everywhere
from running import YEARS, write_rows

if TYPE_CHECKING:
    import random
    from collections.abc import Mapping, Sequence
    from pathlib import Path

HEADINGS, FIRST = 4, 5
"""Row of the headings of every sheet, and the first below them."""
EVERY_YEAR = "every year"
HOLDS, FAILS = "pass", "FAIL"
LINE_HEADINGS = {"amount": "Amount (£)", "category": "Category", "cost_type": "Cost type", "committed": "Committed"}
"""Columns of a file of lines, and their headings on the sheet Spend lines."""
ROUNDED = {"fair_share", "transition_support", "allocation"}
"""Steps in whole pounds, which must be equal to the pound."""

Sheets = dict[str, list[list[Any]]]
"""Rows of cells by sheet, each counted from 0."""


@dataclass(frozen=True, slots=True)
class Change:
    """A new value for a cell of an input file, or for a parameter in a year."""

    file: str
    """`population` or `spend`; empty for a parameter."""
    row: int
    """Row of the file, from 0; for a parameter, the index of its year."""
    name: str
    """Column of the file, or the parameter."""
    value: float | str | None
    """None empties the cell."""


@dataclass(slots=True)
class Case:
    """Inputs and a scheme for a workbook to change, and the range of each parameter."""

    folder: Path
    people: list[dict[str, str]]
    spend: list[dict[str, str]]
    options: dict[str, Any]
    """Arguments of `allocate` other than the files."""
    ranges: dict[str, tuple[float, float]]
    """Lowest and highest value to draw for each parameter, both included."""

    def allocate(self, changes: Sequence[Change] = ()) -> Result:
        """Run on the files after the changes."""
        files = {"population": [dict(row) for row in self.people], "spend": [dict(row) for row in self.spend]}
        settings = dict(self.options.get("settings", {}))
        for change in changes:
            if change.file:
                files[change.file][change.row][change.name] = "" if change.value is None else str(change.value)
            else:
                settings[f"{change.name}@{YEARS[change.row]}"] = "" if change.value is None else change.value
        paths = {name: write_rows(self.folder / f"{name}.csv", rows) for name, rows in files.items()}
        return allocate(**paths, **{**self.options, "settings": settings})

    def draw(self, draws: random.Random) -> list[Change]:
        """One to three changes of different cells."""
        drawn: dict[tuple[str, int, str], Change] = {}
        for _ in range(draws.choice((1, 2, 3))):
            change = self._one_change(draws)
            drawn[change.file, change.row, change.name] = change
        return list(drawn.values())

    def _one_change(self, draws: random.Random) -> Change:
        lines = "amount" in self.spend[0]
        kind = draws.choice(
            ("parameter", "population", "amount", "mark") if lines else ("parameter", "population", "spend")
        )
        if kind == "parameter":
            name = draws.choice(sorted(self.ranges))
            low, high = self.ranges[name]
            places = 0 if high > 1_000 else 3
            value = draws.choice((low, high, *[round(draws.uniform(low, high), places) for _ in range(6)]))
            return Change("", draws.randrange(2), name, value)
        if kind == "population":
            row = draws.randrange(len(self.people))
            heads = round(float(self.people[row]["registered_population"]) * draws.uniform(0.4, 1.8))
            # Sometimes no patients are left: gpit refuses spend without patients.
            return Change("population", row, "registered_population", draws.choice((heads,) * 9 + (0,)))
        row = draws.randrange(len(self.spend))
        if kind == "mark":
            name, words = draws.choice((("committed", ("yes", "no")), ("cost_type", ("revenue", "capital"))))
            other = words[1] if self.spend[row][name] == words[0] else words[0]
            return Change("spend", row, name, other)
        name = "amount" if lines else "historic_spend"
        old = float(self.spend[row][name])
        return Change("spend", row, name, round(old * draws.uniform(0, 2.5), draws.choice((0, 2))))


class Book:
    """The workbook of a case as written; cells are found by heading, code and year."""

    def __init__(self, case: Case) -> None:
        self.case = case
        self.result = case.allocate()
        self.path = case.folder / "book.xlsx"
        write_workbook(self.result, self.path)
        # Every formula has a wrong stored value, so that it must be calculated again.
        self.planted = case.folder / "planted.xlsx"
        plant_everywhere(self.path, self.planted)
        with self.planted.open("rb") as stream:
            self.cells = openpyxl.load_workbook(stream)
        self.lines = self._rows_of_lines() if "Spend lines" in self.cells.sheetnames else []

    def column(self, sheet: str, heading: str) -> int:
        """The column with a heading, from 1."""
        headings = [cell.value for cell in self.cells[sheet][HEADINGS]]
        return headings.index(heading) + 1

    def row(self, sheet: str, **texts_by_heading: Any) -> int:
        """The only row that has one of the given texts in each of the given columns."""
        columns = {self.column(sheet, heading): texts for heading, texts in texts_by_heading.items()}
        (match,) = [
            row
            for row in range(FIRST, self.cells[sheet].max_row + 1)
            if all(self.cells[sheet].cell(row, column).value in texts for column, texts in columns.items())
        ]
        return match

    def _rows_of_lines(self) -> list[int]:
        """The row on the sheet Spend lines of each line of the file; equal lines in order."""
        sheet = self.cells["Spend lines"]
        names = ("Code", "Year", "Amount (£)", "Category", "Cost type", "Committed")
        columns = [self.column("Spend lines", name) for name in names]
        rows_of_line: dict[tuple[Any, ...], list[int]] = {}
        for row in range(FIRST, sheet.max_row + 1):
            rows_of_line.setdefault(tuple(sheet.cell(row, column).value for column in columns), []).append(row)
        return [
            rows_of_line[
                line["org_code"],
                line.get("year", EVERY_YEAR),
                float(line["amount"]),
                line["category"],
                line["cost_type"],
                line["committed"],
            ].pop(0)
            for line in self.case.spend
        ]

    def place(self, change: Change) -> tuple[str, int, int]:
        """Sheet, row and column of the cell to change."""
        if not change.file:
            sheet = "Tables" if "[" in change.name else "Parameters"
            row = self.row(sheet, Name=[change.name], Year=[YEARS[change.row]])
            return sheet, row, self.column(sheet, "Value")
        if change.name in LINE_HEADINGS:
            return "Spend lines", self.lines[change.row], self.column("Spend lines", LINE_HEADINGS[change.name])
        line = (self.case.people if change.file == "population" else self.case.spend)[change.row]
        symbol = self.result.scheme.symbols[change.name]
        heading = self.result.scheme.labels[change.name] + (f" ({symbol.unit})" if symbol.unit else "")
        for sheet in ("Population", "Spend", "Other inputs"):
            if sheet in self.cells.sheetnames and heading in [cell.value for cell in self.cells[sheet][HEADINGS]]:
                row = self.row(sheet, Code=[line["org_code"]], Year=[line.get("year"), EVERY_YEAR])
                return sheet, row, self.column(sheet, heading)
        raise AssertionError(f"no sheet of inputs has a column {heading}")

    def save(self, changes: Sequence[Change], path: Path) -> Path:
        """Write a copy with the changes; its formulas have no values until they are calculated."""
        old = []
        for change in changes:
            sheet, row, column = self.place(change)
            cell = self.cells[sheet].cell(row, column)
            assert not cell.protection.locked, f"{sheet}!{cell.coordinate} may not be changed"
            old.append((cell, cell.value))
            cell.value = change.value
        self.cells.save(path)
        for cell, value in old:
            cell.value = value
        return path

    def by_formualizer(self, changes: Sequence[Change]) -> Sheets:
        """Every value after the changes, calculated in this process."""
        book = formualizer.load_workbook(str(self.planted))
        for change in changes:
            sheet, row, column = self.place(change)
            book.set_value(sheet, row, column, change.value)
        return evaluated(book, {sheet.title: (sheet.max_row, sheet.max_column) for sheet in self.cells})


def evaluated(book: formualizer.Workbook, sizes: Mapping[str, tuple[int, int]]) -> Sheets:
    """Every value of a workbook after formualizer has calculated all formulas."""
    book.evaluate_all()

    def value(name: str, row: int, column: int) -> Any:
        cell = book.get_value(name, row, column)
        return None if cell == "" else cell

    return {
        name: [[value(name, row, column) for column in range(1, width + 1)] for row in range(1, height + 1)]
        for name, (height, width) in sizes.items()
    }


# Comparing a workbook with a run after the same changes -------------------------------------------------------


def outcome(case: Case, changes: Sequence[Change]) -> Result | None:
    """The result of gpit after the changes; None if it refuses them."""
    try:
        return case.allocate(changes)
    except GpitError:
        return None


def differences(book: Book, changes: Sequence[Change], sheets: Sheets, result: Result | None) -> list[str]:
    """Differences between a changed workbook and a run with the same changes."""
    about = {row[0]: row[1] for row in reversed(sheets["About"][FIRST - 1 :])}  # the list of sheets comes last
    texts = []
    status = HOLDS if result is not None and result.agrees else FAILS
    if about["Checks"] != status:
        texts.append(f"the status is {about['Checks']!r} and should be {status!r}")
    if about["Changed since the run"] != (changed := _changed(book, changes)):
        texts.append(f"it says {about['Changed since the run']!r} and should say {changed!r}")
    if result is None:
        return texts
    texts += [
        f"{name}: {cell!r} in row {number}"
        for name, rows in sheets.items()
        for number, row in enumerate(rows, 1)
        for cell in row
        if is_error(cell)
    ]
    for year in result.years:
        texts += _year(sheets, result, year)
    return texts + allocations(sheets, result)


def is_error(cell: object) -> bool:
    """Whether a cell shows an error."""
    if isinstance(cell, str):
        return cell.startswith(("#", "Err:"))
    return not isinstance(cell, bool | int | float | None)


def _changed(book: Book, changes: Sequence[Change]) -> str:
    """The text about the changes that the sheet About should have."""
    moved = [change for change in changes if _value_before(book, change) != change.value]
    parameters = sum(not change.file for change in moved)
    return f"Parameters: {parameters}. Inputs: {'yes' if parameters < len(moved) else 'none'}."


def _value_before(book: Book, change: Change) -> object:
    sheet, row, column = book.place(change)
    return book.cells[sheet].cell(row, column).value


def _year(sheets: Sheets, result: Result, year: str) -> list[str]:
    """Differences on the sheet of a year, in every input and step of every organisation."""
    rows = sheets[year.replace("/", "-")]
    headings, body = rows[HEADINGS - 1], {row[0]: row for row in rows[FIRST - 1 :]}
    expected = {row["org_code"]: row for row in result.year(year).to_dicts()}
    national = {row[1]: row for row in sheets["National figures"][FIRST - 1 :]}
    column = sheets["National figures"][HEADINGS - 1].index(year)
    if list(body) != list(expected):
        return [f"{year}: other organisations, {list(body)} for {list(expected)}"]
    texts = []
    steps = {step.name: (step.label, step.unit, str(step.kind)) for step in result.scheme.steps}
    inputs = {
        symbol.name: (result.scheme.labels[symbol.name], symbol.unit, "organisation") for symbol in result.scheme.inputs
    }
    for name, (label, unit, kind) in (inputs | steps).items():
        if kind == "national":
            pairs = [("national", national[name][column], next(iter(expected.values()))[name])]
        else:
            place = headings.index(f"{label} ({unit})" if unit and unit != "yes/no" else label)
            pairs = [(code, row[place], expected[code][name]) for code, row in body.items()]
        texts += [
            f"{year} {name} of {owner}: {actual!r} in the workbook, {by_gpit!r} from gpit"
            for owner, actual, by_gpit in pairs
            if not same(actual, by_gpit, exactly=name in ROUNDED)
        ]
    return texts


def same(actual: object, expected: object, *, exactly: bool) -> bool:
    """Whether a cell has gpit's value: texts, yes/no and rounded money exactly, other numbers to a billionth."""
    if isinstance(actual, bool) or isinstance(expected, bool) or not isinstance(expected, int | float):
        return actual is expected or (type(actual) is type(expected) and actual == expected)
    if not isinstance(actual, int | float):
        return False
    # The difference of two large sums may be 0 in one and a millionth of a pound in the other.
    return actual == expected if exactly else math.isclose(actual, expected, rel_tol=1e-9, abs_tol=1e-6)


def allocations(sheets: Sheets, result: Result) -> list[str]:
    """Differences on the sheets of allocations, by organisation and in total."""
    texts = []
    for year in result.years:
        several = len(result.years) > 1
        name = f"Allocations {year.replace('/', '-')}" if several else "Allocations"
        headings, *_ = rows = sheets[name][HEADINGS - 1 :]
        code = headings.index("Code")
        label = result.scheme.labels[result.scheme.result]
        column = next(place for place, heading in enumerate(headings) if heading in (label, f"{label} (£)"))
        expected = dict(result.year(year).select("org_code", "allocation").iter_rows())
        amounts = {row[code]: row[column] for row in rows[1:] if row[code] != "–"}
        texts += [
            f"{name}, {code}: {amount!r}, not {expected.get(code)!r}"
            for code, amount in amounts.items()
            if amount != expected.get(code)
        ]
        texts += [f"{name}: {code} is missing" for code in expected.keys() - amounts.keys()]
        if rows[1][column] != math.fsum(expected.values()):
            texts.append(f"{name}: {rows[1][column]!r} in all, not {math.fsum(expected.values())!r}")
    return texts
