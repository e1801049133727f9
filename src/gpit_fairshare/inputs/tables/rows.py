"""Read the cells of one file as checked rows: organisation, year, and the values that are needed."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from gpit_fairshare.findings import FindingCode, Level, Where
from gpit_fairshare.inputs.columns.cells import (
    EVERY_YEAR,
    LARGEST_NUMBER,
    PLAIN_NUMBER,
    CellReading,
    NumberStyle,
    Refused,
    quoted,
    read_cell,
    read_code,
    read_number,
    read_year,
)
from gpit_fairshare.inputs.columns.headings import Headings
from gpit_fairshare.inputs.files.grids import is_blank
from gpit_fairshare.inputs.files.regions import Record, is_code
from gpit_fairshare.inputs.model import NeededColumn, Request, Role
from gpit_fairshare.inputs.tables.excluded_rows import organisation_rows
from gpit_fairshare.magnitude import SMALLEST
from gpit_fairshare.numbers import exact, shortest_decimal
from gpit_fairshare.words import counted, listed, nearest_of, quoted_option

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from gpit_fairshare.inputs.files.reading import InputSheet


class CheckedValue(NamedTuple):
    """A checked value and its place."""

    value: float | str | None
    origin: str


_NO_VALUE = CheckedValue(None, "")


@dataclass(frozen=True, slots=True)
class InputRow:
    """The values of one organisation, practice or line of cost; a cell with an error has no value here."""

    number: int
    """Row of the file, or the first of the rows that were summed."""
    year: str | None
    """None if the row is used for every year."""
    code: str
    values: Mapping[str, CheckedValue]
    file: InputFile = field(compare=False, repr=False)

    def where(self, column: str) -> Where:
        """Return the place of a cell for a finding."""
        return self.file.where(self.number, column)

    @property
    def place(self) -> str:
        """The place of the code, for a finding about another cell: `a.csv row 5`."""
        return self.file.sheet.origin(self.number, self.file.columns["org_code"])

    def number_of(self, column: str) -> float | None:
        """Return the row's number in a column; None if it is blank, has an error or is missing."""
        value = self.values.get(column, _NO_VALUE).value
        return value if isinstance(value, float) else None

    def text_of(self, column: str) -> str:
        """Return the row's text in a column; empty if it is blank, has an error or is missing."""
        value = self.values.get(column, _NO_VALUE).value
        return value if isinstance(value, str) else ""


class InputFile(Headings):
    """A file with its headings and rows, before they go into the tables. A role may have several files."""

    def __init__(self, sheet: InputSheet, role: Role, request: Request) -> None:
        super().__init__(sheet, role, request)
        self.rows: list[InputRow] = []
        self.years: tuple[str, ...] = ()
        """Years that the file has, including those outside the scheme."""
        self.dated = False
        """Whether rows have a year; if not, they are used for every year of the scheme."""
        self.refused: set[tuple[str | None, str, str]] = set()
        """Year, code and column of cells that hold something, but no value of their column; None is for every year."""
        self.dropped: set[str] = set()
        """Columns that are not used, because their texts differ."""
        self.left_out: set[str] = set()
        """Codes of rows that the user excludes."""
        self.keyed = False
        """Whether the rows were read, each with the code of its organisation."""

    @property
    def is_by_practice(self) -> bool:
        """Return whether the rows are practices that must be summed to organisations."""
        return "practice_code" in self.columns

    def has_column(self, column: str) -> bool:
        """Return whether the file gives a column, directly or by summing its lines."""
        return column in self.columns or (column == "historic_spend" and self.has_lines)

    def where(self, row: int, column: str) -> Where:
        """Return the place of a cell for a finding."""
        return self.sheet.where(row, self.columns[column])


class _ReadColumn(NamedTuple):
    """A column whose cells are read."""

    need: NeededColumn
    position: int
    is_plain: bool
    """Whether the column holds numbers that need no factor and cannot be percentages."""
    read: Callable[[Any], CellReading]


class RowReader:
    """Reads the rows of one file."""

    def __init__(self, file: InputFile) -> None:
        self.file = file
        self.request = file.request
        self.findings = file.findings
        self._has_plain_texts = not (file.sheet.typed or file.sheet.decimal_comma)
        """Whether digits in a text are a plain number, as in a CSV file."""
        self._remarks: defaultdict[FindingCode, list[tuple[Where, Any]]] = defaultdict(list)
        """Cells that were not read exactly as written, with their places, by the code of the note about them."""
        self._negative: defaultdict[str, list[Where]] = defaultdict(list)
        self._unclear: defaultdict[NeededColumn, list[tuple[Where, Any]]] = defaultdict(list)
        """Cells of columns in % whose numbers may be percentages or multiples."""

    def read(self, requested: Iterable[NeededColumn]) -> None:
        """Read the rows of the scheme's years into `file.rows`, with the requested columns that the file has.

        Errors are reported: a cell with one has no value, and a row whose code or year has one is left out, as are
        totals, remarks and the codes that the user excludes (`file.left_out`). No row is read if there is no column of
        codes, or if the formulas of its codes or years were not calculated; another column of such formulas is left
        out.
        """
        file, columns = self.file, self.file.columns
        if "org_code" not in columns:
            self._report_no_code_column()
            return
        present = [(need, columns[need.name]) for need in requested if need.name in columns]
        uncalculated = self._report_uncalculated(present)
        if uncalculated & {columns[name] for name in _KEYS if name in columns}:
            return
        file.keyed = True
        needs = [need for need, index in present if index not in uncalculated]
        records, file.left_out = organisation_rows(file, needs)
        code, *others = [self._prepare_column(need) for need in (NeededColumn("org_code", "text"), *needs)]
        years = self._read_years(records)
        plain_columns = [self._plain_values(column, records) for column in (code, *others)]
        for (number, cells), plain_code, *plain_values in zip(records, *plain_columns, strict=True):
            if number in years:
                own_code = plain_code
                if plain_code is _NOT_PLAIN:
                    own_code = self._read_cell(number, code, cells[code.position])
                # The origin of each value in a file without sheets is its row.
                row_origin = "" if file.sheet.sheet else file.sheet.origin(number, code.position)
                values = {}
                for column, plain_value in zip(others, plain_values, strict=True):
                    value = plain_value
                    if plain_value is _NOT_PLAIN:
                        value = self._read_cell(number, column, cells[column.position])
                    if value is not _FAULTY:
                        origin = row_origin or file.sheet.origin(number, column.position)
                        values[column.need.name] = CheckedValue(value, origin)
                    elif own_code is not _FAULTY and not is_blank(cells[column.position]):
                        file.refused.add((years[number], own_code, column.need.name))
                if own_code is not _FAULTY:
                    file.rows.append(InputRow(number, years[number], own_code, values, file))
        self._report_remarks()
        self._report_unclear_rates()
        self._report_small_percentages(others)

    def _report_uncalculated(self, present: Sequence[tuple[NeededColumn, int]]) -> set[int]:
        """Report columns of formulas that no program has calculated, and return their positions.

        The requested columns and those of codes and years are checked. It is only a warning for a column that may be
        faulty.

        Args:
            present: the requested columns that the file has, with their positions.
        """
        sheet, columns = self.file.sheet, self.file.columns
        used = {index: need for need, index in present}
        used |= {columns[name]: NeededColumn(name, "text") for name in _KEYS if name in columns}
        refused = used.keys() & sheet.uncalculated.keys()
        for index in sorted(refused):
            rows = sheet.uncalculated[index]
            cells = listed([sheet.where(row, index).place for row in rows], 3)
            report = self.findings.warning if used[index].lenient else self.findings.error
            report(
                FindingCode.NOT_CALCULATED,
                f"{counted(len(rows), 'formula')} of {used[index].name} ({cells}) "
                f"{'shows' if len(rows) == 1 else 'all show'} 0, because the workbook has not been calculated",
                "formulas with their values",
                "Open the workbook in Excel, calculate it, and save it",
                at=sheet.where(rows[0], index),
            )
        return refused

    def _report_no_code_column(self) -> None:
        """Report that the file has no column `org_code`, and suggest a heading for it.

        It is the heading most like `org_code`, else that of the first column in which all cells look like codes.
        """
        headings = [heading for heading in self.file.sheet.headings if heading]
        suggestion = nearest_of("org_code", headings) or self._heading_like_codes()
        self.findings.error(
            FindingCode.MISSING_COLUMN,
            f"no column org_code; the headings are {listed([repr(heading) for heading in headings], 30)}",
            "a column with the code of each "
            + (self.request.organisation if not self.file.is_by_practice else "practice's organisation"),
            f"Name it with --map '{suggestion or 'HEADING'}=org_code'",
        )

    def _heading_like_codes(self) -> str:
        """Return the heading of the first column whose filled cells all look like codes; empty if there is none."""
        sheet = self.file.sheet
        for index, heading in enumerate(sheet.headings):
            cells = [row[index] for _, row in sheet.rows if not is_blank(row[index])]
            if heading and cells and all(isinstance(cell, str) and is_code(cell.strip()) for cell in cells):
                return heading
        return ""

    def _read_years(self, records: Sequence[Record]) -> Mapping[int, str | None]:
        """Return the year of each row by its number, None if no row has a year; rows of other years are left out.

        Years that are blank or cannot be read are errors, and their rows are left out. Rows left out because of their
        year are noted, and gaps between years are a warning. This also sets `file.dated` and `file.years`.
        """
        file = self.file
        index = file.columns.get("year")
        cells = [] if index is None else [(number, row[index]) for number, row in records]
        blank = [number for number, cell in cells if is_blank(cell)]
        if len(blank) == len(cells):
            if self.request.years != (EVERY_YEAR,):
                self.findings.note(
                    FindingCode.EVERY_YEAR,
                    f"rows have no year, so they are used for every year of the scheme: {listed(self.request.years)}",
                )
            return {number: None for number, _ in records}
        file.dated = True
        if blank:
            self.findings.error(
                FindingCode.YEAR,
                f"the year is blank here{_phrase_of_others(blank)}, but other rows have a year",
                "a year in every row, or in none",
                at=file.where(blank[0], "year"),
            )
        years = {}
        for number, cell in cells:
            reading = read_year(cell)
            for code in reading.remarks:
                self._remarks[code].append((file.where(number, "year"), cell))
            if reading.value:
                years[number] = str(reading.value)
            elif not is_blank(cell):
                self.findings.error(
                    FindingCode.YEAR,
                    f"{quoted(cell)} is not a year",
                    "a year such as 2014/15",
                    at=file.where(number, "year"),
                )
        file.years = tuple(sorted(set(years.values())))
        self._report_missing_years()
        others = [year for year in years.values() if year not in self.request.years]
        if others:
            self.findings.note(
                FindingCode.OTHER_YEARS,
                f"left out {counted(len(others), 'row')} of {listed(sorted(set(others)))}, "
                "which the scheme does not have",
            )
        return {number: year for number, year in years.items() if year in self.request.years}

    def _report_missing_years(self) -> None:
        """Warn of years that the file lacks between its first and its last year."""
        starts = [int(year[:4]) for year in self.file.years]
        gaps = [start for start in range(min(starts, default=0), max(starts, default=0)) if start not in starts]
        if gaps:
            self.findings.warning(
                FindingCode.YEAR_GAP,
                f"rows for {listed(self.file.years)}, but not for "
                f"{listed([f'{start}/{(start + 1) % 100:02}' for start in gaps])} between them",
                remedy="Add the missing years, if the file should have them",
            )

    def _prepare_column(self, need: NeededColumn) -> _ReadColumn:
        """Return a needed column with its position and the functions that read its cells."""
        sheet, index = self.file.sheet, self.file.columns[need.name]
        units = self.file.units
        style = NumberStyle(sheet.typed, sheet.decimal_comma, units.factor_of(index), units.rate_of(index))
        read = read_code if need.name in ("org_code", "practice_code") else partial(read_cell, need=need, style=style)
        is_plain = need.kind == "number" and style.factor == 1 and "%" not in (need.unit, style.rate)
        return _ReadColumn(need, index, is_plain, read)

    def _plain_values(self, column: _ReadColumn, records: Sequence[Record]) -> list[Any]:
        """Return the values of a column's cells about which there is nothing to report; `_NOT_PLAIN` for all others.

        Most cells are plain. They are read column by column, and a text that many rows repeat is read once.
        """
        cells = [cells[column.position] for _, cells in records]
        if column.need.kind == "text":
            values = {}
            for text in {cell for cell in cells if type(cell) is str}:
                try:
                    reading = column.read(text)
                except Refused:
                    continue
                if reading.value is not None and not reading.remarks:
                    values[text] = reading.value
            return [values.get(cell, _NOT_PLAIN) if type(cell) is str else _NOT_PLAIN for cell in cells]
        if not column.is_plain:
            return [_NOT_PLAIN] * len(cells)
        if self._has_plain_texts:
            is_digits = PLAIN_NUMBER.fullmatch
            cells = [float(cell) if type(cell) is str and is_digits(cell) else cell for cell in cells]
        return [
            float(cell) + 0.0
            if type(cell) in (int, float) and (SMALLEST <= cell < LARGEST_NUMBER or cell == 0)
            else _NOT_PLAIN
            for cell in cells
        ]

    def _read_cell(self, number: int, column: _ReadColumn, cell: Any) -> Any:
        """Read a cell, and return its value: a number, a text, or None if a blank is allowed.

        An error, such as a blank in a needed column, is reported, and the result is `_FAULTY`; it is a warning if the
        column may be faulty. Cells not read exactly as written, negative amounts, and numbers that may be percentages
        are kept for later findings.
        """  # noqa: DOC501 - it is caught here
        need, sheet = column.need, self.file.sheet
        try:
            reading = column.read(cell)
            if reading.value is None and not need.optional:
                raise Refused(FindingCode.BLANK, "the cell is blank", *_expected_value(need))  # noqa: TRY301 – one reporter
        except Refused as fault:
            level: Level = "warning" if need.lenient else "error"
            self.findings.add(replace(fault.finding, level=level), at=sheet.where(number, column.position))
            return _FAULTY
        if FindingCode.UNIT in reading.remarks:
            self._unclear[need].append((sheet.where(number, column.position), cell))
            return _FAULTY
        for code in reading.remarks:
            self._remarks[code].append((sheet.where(number, column.position), cell))
        if isinstance(reading.value, float) and reading.value < 0 and need.is_sum and not need.signed:
            self._negative[need.name].append(sheet.where(number, column.position))
        return reading.value

    def _report_remarks(self) -> None:
        """Warn of negative figures by column, and note the cells that were not read exactly as written, by kind."""
        for name, places in self._negative.items():
            self.findings.warning(
                FindingCode.NEGATIVE,
                f"{name} is negative here{_phrase_of_others(places)}, and is counted as written",
                remedy="Check that it is intended: a scheme that adds this column up would refuse it",
                at=places[0],
            )
        for code, (noun, text, remedy) in _REMARKS.items():
            if cells := self._remarks[code]:
                first = cells[0][0].place
                examples = listed([f"{quoted(cell)} in {where.place}" for where, cell in cells], 3)
                message = text.format(counted(len(cells), noun), first=first, examples=examples)
                self.findings.note(code, message, remedy)

    def _report_unclear_rates(self) -> None:
        """Report plain numbers above 1 or below -1 by column in %; it is a warning if the column may be faulty."""
        for need, cells in self._unclear.items():
            heading, (where, cell) = self.file.title(need.name), cells[0]
            number = read_number(cell.strip()) if isinstance(cell, str) else None
            figure = exact(float(number.value if number else cell))
            examples = listed([f"{quoted(cell)} in {where.short}" for where, cell in cells], 3)
            report = self.findings.warning if need.lenient else self.findings.error
            report(
                FindingCode.UNIT,
                f"{need.name} is in %, and {counted(len(cells), 'plain number')} may be percentages or multiples: "
                f"{examples}",
                f"{shortest_decimal(figure)}% or {shortest_decimal(100 * figure)}%, with the sign",
                f"If all plain numbers of the column are percentages, use {quoted_option('--unit', heading, '%')}; "
                f"if they are multiples, {quoted_option('--unit', heading, 'ratio')}",
                at=where,
            )

    def _report_small_percentages(self, columns: Iterable[_ReadColumn]) -> None:
        """Warn of columns that the file says are in % if no figure is above 1%: they may be multiples, 0.55 for 55%."""
        for need, position, *_ in columns:
            unit = self.file.units.unit_of(position)
            figures = (abs(row.number_of(need.name) or 0.0) for row in self.file.rows)
            if unit and unit.measure == "%" and unit.stated_by != "--unit" and 0 < max(figures, default=0) <= 0.01:
                heading = self.file.title(need.name)
                self.findings.warning(
                    FindingCode.UNIT,
                    f"'{heading}' is read in %, and no figure is above 1%",
                    remedy=f"If 0.5 means 50%, say so with {quoted_option('--unit', heading, 'ratio')}",
                )


_REMARKS = {
    FindingCode.TRIMMED: ("text", "removed the spaces around {}, the first in {first}", ""),
    FindingCode.MARK: ("cell", "removed the footnote marks from {}: {examples}", ""),
    FindingCode.LOOSE_NUMBERS: (
        "number",
        "read {} written as text or with £, commas, brackets or a size, the first in {first}",
        "",
    ),
    FindingCode.DASHES: (
        "dash",
        "read {} as 0, the first in {first}",
        "If a dash means something else, replace it",
    ),
    FindingCode.BLANK_DASHES: ("dash", "read {} as blank: {examples}", "If a dash means 0, write 0"),
}
"""Notes on cells that were not read exactly as written: the noun for them, the text, and a remedy."""
_KEYS = ("org_code", "practice_code", "year")
"""Columns that identify a row."""
_FAULTY: Any = object()
"""Value of a cell whose error was already reported."""
_NOT_PLAIN: Any = object()
"""Value of a cell that has to be read by itself, because there may be something to report."""


def _phrase_of_others(places: Sequence[Any]) -> str:
    """Return a phrase that counts the rows after the first with the same problem; empty if there is only one."""
    return f" and in {counted(len(places) - 1, 'other row')}" if len(places) > 1 else ""


def _expected_value(need: NeededColumn) -> tuple[str, str]:
    """Return what a column's cell should hold and the remedy if it is blank, for a finding."""
    if need.kind == "text":
        return "a text", ""
    return "a number", "Write 0 if the figure is 0; if it is not known, find it out first"
