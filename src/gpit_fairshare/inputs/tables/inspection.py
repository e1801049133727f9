"""Describe the contents of files, without a scheme that says which columns are needed."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from gpit_fairshare.findings import FindingCode
from gpit_fairshare.inputs.columns.cells import EVERY_YEAR, read_number, read_year
from gpit_fairshare.inputs.columns.headings import LINE_WORDS, STRUCTURE, Headings, headings_sentence
from gpit_fairshare.inputs.columns.standard_columns import standard_columns
from gpit_fairshare.inputs.files.grids import Broken, is_blank
from gpit_fairshare.inputs.model import ADDED_UP, InputColumn, Inputs, NeededColumn, Role
from gpit_fairshare.inputs.tables.sums import exact_total
from gpit_fairshare.words import counted, listed

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import polars as pl

    from gpit_fairshare.inputs.files.reading import InputSheet
    from gpit_fairshare.inputs.tables.groups import Group
    from gpit_fairshare.inputs.tables.rows import InputFile

_GIVES: Mapping[Role, tuple[str, ...]] = {
    "population": ("registered_population",),
    "spend": ("historic_spend", "amount"),
}
"""The main columns of the files of an option."""
MOST_COLUMNS = 200
"""Most columns of numbers that are inspected without a scheme."""


@dataclass(frozen=True)
class ColumnSummary:
    """A column of numbers in one year."""

    name: str
    heading: str
    """Heading in the file, or in the first of several files that form one table."""
    file: str
    unit: str
    """`£`, `people`, or empty if it is not known."""
    stated: str
    """Unit that the file states, if it changes the figures, such as `£k`; else empty."""
    year: str
    """Empty if no file has a year."""
    filled: int
    """Number of organisations with a figure."""
    blank: int
    """Number of organisations without a figure: the cell is blank, or a finding refuses it."""
    refused: int
    """How many of these have a cell that a finding refuses."""
    total: float | None
    """Sum of money or people; None for rates and figures without a unit."""
    total_as_written: float | None
    """The sum in the unit that the file states."""
    least: float | None
    greatest: float | None


def summarise_columns(inputs: Inputs, groups: Sequence[Group]) -> list[ColumnSummary]:
    """Return a summary of each column of numbers in each year.

    Args:
        inputs: tables; cells with errors may be missing.
        groups: the files.
    """
    columns = [column for column in inputs.columns.values() if column.kind == "number"]
    return [_summarise_column(inputs, column, groups, year) for year in inputs.years for column in columns]


def _summarise_column(inputs: Inputs, column: InputColumn, groups: Sequence[Group], year: str) -> ColumnSummary:
    """Return the number of figures and blanks, the total, the lowest and the highest of a column in a year.

    The summary also has its heading and the unit that the file states. Only money and people have a total, in the
    column's unit and in that of the file.
    """
    files = [file for group in groups if column.name in group.gives for file in group.files]
    headings = next((file for file in files if column.name in file.columns), None)
    stated = headings.units.unit_of(headings.columns[column.name]) if headings else None
    factor = stated.factor if stated else 1
    figures = [figure for figure in inputs.tables[year][column.name].to_list() if figure is not None]
    total = exact_total(figures) if column.unit in ADDED_UP and figures else None
    return ColumnSummary(
        name=column.name,
        heading=headings.title(column.name) if headings else "",
        file=column.file,
        unit=column.unit,
        stated=stated.text if stated and factor > 1 else "",
        year="" if year == EVERY_YEAR else year,
        filled=len(figures),
        blank=inputs.tables[year].height - len(figures),
        refused=_count_refused(inputs.tables[year], column.name, year, files),
        total=total,
        total_as_written=None if total is None else float(Fraction(repr(total)) / factor),
        least=min(figures, default=None),
        greatest=max(figures, default=None),
    )


def _count_refused(table: pl.DataFrame, name: str, year: str, files: Iterable[InputFile]) -> int:
    """Return how many organisations of a year have no figure because their cell in one of the files was refused."""
    names = (name, "amount") if name == "historic_spend" else (name,)  # spend may be the sum of lines of cost
    refused = {
        code for file in files for of_year, code, column in file.refused if column in names and of_year in (None, year)
    }
    pairs = zip(table["org_code"].to_list(), table[name].to_list(), strict=True)
    return sum(code in refused and figure is None for code, figure in pairs)


def years_of(files: Iterable[Headings]) -> tuple[str, ...]:
    """Return the years in the files' columns of years, sorted; empty if no file has such a column.

    Cells that hold no year are passed over.
    """
    dated = [headings for headings in files if "year" in headings.columns]
    years = {read_year(row[headings.columns["year"]]).value for headings in dated for _, row in headings.sheet.rows}
    return tuple(sorted(str(year) for year in years if year))


def needs_of(files: Iterable[Headings]) -> tuple[NeededColumn, ...]:
    """Return the columns to inspect: patients and spend, and every other standard column or column of numbers.

    At most 200 columns are returned. Patients and spend are needed in full. In other columns, a cell that cannot be
    read is a warning, since they may not be needed. If practices are summed, columns without a unit are skipped; in a
    file of lines of cost, all columns but the spend. A note names the columns that are skipped, and another counts
    those above 200.
    """
    needs: dict[str, NeededColumn] = {}
    for headings in files:
        sheet, columns = headings.sheet, headings.columns
        passed_over = 0
        unsummed = []
        lines = headings.has_lines
        if lines:
            needs.setdefault("historic_spend", NeededColumn("historic_spend", "number", "£"))
        summed = lines or ("practice_code" in columns and not headings.request.is_by_practice)
        for name, index in sorted(columns.items(), key=lambda pair: pair[1]):
            standard = standard_columns().get(name)
            stated = headings.units.unit_of(index)
            unit = standard.unit if standard else "£" if stated and stated.measure == "£" else ""
            is_other_kind = name in (*STRUCTURE, *LINE_WORDS, "amount") or (standard and standard.kind == "text")
            if is_other_kind or name in needs:
                continue
            if summed and (lines or not unit):
                if not standard and _has_mostly_numbers(sheet, index):
                    unsummed.append(f"{sheet.headings[index]} ({sheet.column_in_words(index)})")
            elif name in ("registered_population", "historic_spend"):
                needs[name] = NeededColumn(name, "number", unit)
            elif len(needs) >= MOST_COLUMNS:
                passed_over += 1
            elif standard or _has_mostly_numbers(sheet, index):
                needs[name] = NeededColumn(name, "number", unit, optional=True, lenient=True)
        remedy = "To check the columns that a scheme needs, name it with --scheme"
        if unsummed:
            message = f"not checked: {listed(unsummed)}; rows are summed, and columns without a unit cannot be"
            headings.findings.note(FindingCode.UNUSED, message, remedy)
        if passed_over:
            message = f"checked {len(needs):,} columns; {counted(passed_over, 'further column')} not checked"
            headings.findings.note(FindingCode.UNUSED, message, remedy)
    return tuple(needs.values())


def report_lacking(files: Sequence[Headings]) -> None:
    """Warn of the files of patients if none of them has a column of patients, and likewise of spend and money.

    A run with these files would be refused.
    """
    for role, names in _GIVES.items():
        files_of_role = [headings for headings in files if headings.role == role]
        if any(name in headings.columns for headings in files_of_role for name in names):
            continue
        for headings in files_of_role:
            headings.findings.warning(
                FindingCode.MISSING_COLUMN,
                f"no column was recognised as {' or '.join(names)}; {headings_sentence(headings.sheet.headings)}",
                remedy=f"Name it with --map 'HEADING={names[0]}', or give the file with --input",
            )


def _has_mostly_numbers(sheet: InputSheet, index: int) -> bool:
    """Return whether more than half of the filled cells of a column are numbers."""
    filled = [row[index] for _, row in sheet.rows if not is_blank(row[index])]
    return sum(_is_number(cell, typed=sheet.typed) for cell in filled) * 2 > len(filled)


def _is_number(cell: Any, *, typed: bool) -> bool:
    """Return whether a cell holds a number, or a text that is read as one.

    A text that begins with 0 is not a number in a `typed` file, such as a workbook, whose cells are numbers or texts.
    """
    if isinstance(cell, str):
        # A text such as 00123 in a workbook is intended as a text.
        return len(cell) < 40 and read_number(cell.strip()) is not None and not (typed and cell.startswith("0"))
    return isinstance(cell, int | float) and not isinstance(cell, bool | Broken)
