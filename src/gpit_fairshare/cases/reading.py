"""Read a case file and its files of expected figures; every error is one line."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from pydantic import ValidationError

from gpit_fairshare.cases.shape import CaseDocument, CaseHeader, Exact
from gpit_fairshare.errors import CaseError, UsageError
from gpit_fairshare.files import read_regular, reading_problem
from gpit_fairshare.scheme.faults import first_error, shape_errors
from gpit_fairshare.scheme.files import read_toml
from gpit_fairshare.words import one_line

if TYPE_CHECKING:
    from pathlib import Path

    from gpit_fairshare.cases.discovery import DiscoveredFile

KEYS: Final = ("year", "org_code")
"""Columns of a file of expected figures that identify the row."""
_MOST_ROWS: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class ExpectedFigure:
    """One expected figure."""

    year: str
    code: str
    """Code of the organisation; empty for a national figure."""
    column: str
    value: Exact
    """A number, a yes/no or a text; a text from a table may be any of them."""
    place: str
    """Where the figure is, for messages."""
    tabled: bool = False
    """Whether the figure comes from a table of texts, not from TOML."""


@dataclass(frozen=True, slots=True)
class ExpectedTable:
    """A file of expected figures, with its records unchanged."""

    path: Path
    text: str
    """The whole text, with its line ends and byte order mark."""
    header: tuple[str, ...]
    records: tuple[tuple[str, ...], ...]
    lines: tuple[tuple[int, int], ...]
    """For the header and each record: its first line, from 0, and the line after its last."""

    @property
    def figures(self) -> list[ExpectedFigure]:
        """Return every figure of the table as an `ExpectedFigure`; its `place` names the file, row and column."""
        year, code = (self.header.index(key) for key in KEYS)
        return [
            ExpectedFigure(
                record[year], record[code], column, cell, f"{self.path.name}: row {first + 1}, {column}", tabled=True
            )
            for record, (first, _) in zip(self.records, self.lines[1:], strict=True)
            for column, cell in zip(self.header, record, strict=True)
            if column not in KEYS
        ]


@dataclass(frozen=True, slots=True)
class Case:
    """A case that was read and not run yet."""

    case_file: DiscoveredFile
    model: CaseDocument
    inline: tuple[ExpectedFigure, ...]
    tables: tuple[ExpectedTable, ...]
    lacking: Path | None = None
    """The file of expected figures, if it does not exist yet."""

    @property
    def head(self) -> CaseHeader:
        """Return the table `[case]` of the case file."""
        return self.model.case

    @property
    def figures(self) -> list[ExpectedFigure]:
        """Return every expected figure, inline ones first."""
        return [*self.inline, *(figure for table in self.tables for figure in table.figures)]


def read_model(case_file: DiscoveredFile) -> CaseDocument:
    """Read a case file and return its checked content; the files of expected figures that it names are not read.

    Raises:
        CaseError: The file does not have the shape of a case.
    """
    # Decimal keeps every digit, so the comparison uses the figures as written.
    _, data = read_toml(case_file.path, CaseError, Decimal)
    try:
        return CaseDocument.model_validate(data)
    except ValidationError as fault:
        first = first_error(shape_errors(fault, data, CaseDocument))
        raise CaseError(f"{one_line(case_file.path.name)}: {first}") from None


def expected_paths(case_file: DiscoveredFile, model: CaseDocument) -> list[Path]:
    """Return the paths of the files of expected figures that a case names, in the folder of the case."""
    return [case_file.path.parent / name.replace("\\", "/") for name in model.case.expected_file]


def read_case(case_file: DiscoveredFile, model: CaseDocument, *, may_lack: bool = False) -> Case:
    """Return a case with its expected figures: those in the case file, and those of the files that it names.

    If a file may be missing and is, it is stored as `lacking` and no file of expected figures is read.

    Args:
        case_file: The case file.
        model: Its content.
        may_lack: Whether the file of a regression case that names only one may be missing, since it is written later.

    Raises:
        CaseError: A file does not exist, or a figure is given twice.
    """
    file = one_line(case_file.path.name)
    paths = expected_paths(case_file, model)
    lacking = next((path for path in paths if not path.is_file()), None)
    regression = model.case.origin == "regression"
    if lacking and not (may_lack and regression and len(paths) == 1):
        hint = "; gpit test --update writes it" if regression and len(paths) == 1 else ""
        raise CaseError(f"{file}: case › expected_file: there is no file {one_line(lacking.name)} in this folder{hint}")
    inline = [
        ExpectedFigure(
            year, code, column, value, f"{file}: expected › {one_line(year)} › {one_line(code)} › {one_line(column)}"
        )
        for year, organisations in model.expected.items()
        for code, figures in organisations.items()
        for column, value in figures.items()
    ]
    inline += [
        ExpectedFigure(year, "", column, value, f"{file}: expected_national › {one_line(year)} › {one_line(column)}")
        for year, figures in model.expected_national.items()
        for column, value in figures.items()
    ]
    tables = () if lacking else tuple(_read_expected_table(path) for path in paths)
    case = Case(case_file, model, tuple(inline), tables, lacking)
    figures_by_key: dict[tuple[str, str, str], ExpectedFigure] = {}
    for figure in case.figures:
        earlier = figures_by_key.setdefault((figure.year, figure.code, figure.column), figure)
        if earlier is not figure:
            raise CaseError(f"{figure.place}: given twice; the first is {earlier.place}")
    return case


def _read_expected_table(path: Path) -> ExpectedTable:
    """Read a CSV file of expected figures and check its headings and rows; empty lines are ignored.

    Raises:
        UsageError: The file cannot be opened.
        CaseError: It is not UTF-8 or not CSV, has no figures, or has too many rows.
    """
    file = one_line(path.name)
    try:
        text = read_regular(path).decode()
    except OSError as fault:
        raise UsageError(f"{file}: {reading_problem(path, fault)}") from None
    except UnicodeDecodeError as fault:
        raise CaseError(f"{file}: byte {fault.start + 1} is not UTF-8; save the file as UTF-8") from None
    reader = csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline=""), strict=True)
    records: list[tuple[str, ...]] = []
    lines: list[tuple[int, int]] = []
    first = 0
    try:
        for record in reader:
            if any(record):
                records.append(tuple(record))
                lines.append((first, reader.line_num))
            first = reader.line_num
    except csv.Error as fault:
        raise CaseError(f"{file}: row {reader.line_num}: is not CSV ({fault})") from None
    if len(records) < 2:
        raise CaseError(f"{file}: no figures; expected a row of headings, then rows of figures")
    if len(records) > _MOST_ROWS:
        raise CaseError(f"{file}: has more than {_MOST_ROWS:,} rows")
    _check_header(file, records[0], lines[0][0] + 1)
    _check_rows(file, records, lines)
    return ExpectedTable(path, text, records[0], tuple(records[1:]), tuple(lines))


def refuse_spaces(text: str, place: str) -> None:
    """Refuse spaces around a text of a table: no result has any, and they are invisible in a difference.

    Raises:
        CaseError: The text begins or ends with a space.
    """
    if text != text.strip():
        raise CaseError(f"{place} {text[:80]!r} begins or ends with a space; remove it")


def _check_header(file: str, header: tuple[str, ...], row: int) -> None:
    """Refuse the headings of a file of expected figures if one is missing or wrong.

    Raises:
        CaseError: Year, org_code or any column of figures is missing, or a heading is given twice or has spaces around
            it.
    """
    for name in header:
        refuse_spaces(name, f"{file}: row {row}: the heading")
    for key in KEYS:
        if key not in header:
            headings = one_line(", ".join(header), 200)
            raise CaseError(
                f"{file}: there is no column {key}; expected the columns {' and '.join(KEYS)}; found {headings}"
            )
    if len(header) == len(KEYS):
        raise CaseError(
            f"{file}: no figures are expected: the only columns are {' and '.join(KEYS)}; add a column, such as "
            "allocation"
        )
    repeated = next((name for name in header if header.count(name) > 1), None)
    if repeated is not None:
        raise CaseError(f"{file}: the column {one_line(repeated) or '(empty)'} occurs twice")


def _check_rows(file: str, records: list[tuple[str, ...]], lines: list[tuple[int, int]]) -> None:
    """Refuse rows of a file of expected figures that do not fit the headings, have no year or code, or occur twice.

    Raises:
        CaseError: There is such a row.
    """
    header = records[0]
    year_index, code_index = (header.index(name) for name in KEYS)
    lines_by_key: dict[tuple[str, str], int] = {}
    for record, (line, _) in zip(records[1:], lines[1:], strict=True):
        place = f"{file}: row {line + 1}"
        if len(record) != len(header):
            raise CaseError(f"{place}: has {len(record)} cells, but there are {len(header)} headings")
        year, code = record[year_index], record[code_index]
        if not year or not code:
            raise CaseError(f"{place}: year or org_code is empty")
        for key, cell in zip(KEYS, (year, code), strict=True):
            refuse_spaces(cell, f"{place}, {key}:")
        if (year, code) in lines_by_key:
            first = lines_by_key[year, code] + 1
            raise CaseError(f"{place}: {one_line(code)} in {one_line(year)} is already in row {first}")
        lines_by_key[year, code] = line
