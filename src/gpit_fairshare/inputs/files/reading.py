"""Read files and frames into cells, each with its value, type and place."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from gpit_fairshare.errors import UsageError
from gpit_fairshare.files import read_regular, reading_problem
from gpit_fairshare.findings import WHOLE_ROW, FileFindings, FindingCode, FindingCollector, Where
from gpit_fairshare.inputs.files.formats import READERS, SHEETS, max_size_needed
from gpit_fairshare.inputs.files.frames import read_frame
from gpit_fairshare.inputs.files.grids import Grid, ReadOptions, TooLarge, Unreadable, check_size
from gpit_fairshare.inputs.files.regions import Region, find_table, report_region
from gpit_fairshare.inputs.model import AppliedUnit, InputSource, Role
from gpit_fairshare.run_options import FRAME, InputFrame
from gpit_fairshare.words import counted, listed

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(kw_only=True)
class InputSheet(Region):
    """The table of one file, sheet or frame.

    Rows are numbered from 1, as a spreadsheet shows them; the headings of a frame are row 0.
    """

    file: str
    """Base name, or the name of a frame."""
    sheet: str
    """Name of the sheet, if the file is a workbook; else empty."""
    name: str
    """File, with the sheet where there is one."""
    sha256: str
    typed: bool
    """Whether the file stores numbers and texts differently."""
    decimal_comma: bool
    """Whether a comma in a number may be a decimal point."""
    uncalculated: Mapping[int, tuple[int, ...]]
    """Rows of formulas by column, if no formula of the column was ever calculated."""
    findings: FileFindings
    """Collects the findings about the file."""

    def describe(
        self,
        role: Role | Literal["crosswalk"],
        matched: tuple[tuple[str, str], ...],
        units: tuple[AppliedUnit, ...] = (),
    ) -> InputSource:
        """Return the description of the file for the result: its role, names, digest, rows, headings, units and titles.

        Args:
            role: the option that gave the file. The titles of a crosswalk are left out.
            matched: each heading with the column that it was read as.
            units: the units used to read its columns.
        """
        rows, titles = len(self.rows), () if role == "crosswalk" else tuple(self.titles)
        return InputSource(role, self.file, self.sheet, self.sha256, rows, matched, titles, units)

    def column_in_words(self, index: int) -> str:
        """Return a column with its letter for a message: `column C`; of a frame with its number from 1: `column 3`."""
        return f"column {index + 1 if self.file.endswith(FRAME) else letters(index)}"

    def where(self, row: int, index: int) -> Where:
        """Return the place of a cell for a finding: `C5`, or `row 5, Heading` in files without column letters.

        The place of a heading of a frame is `column Heading`.
        """
        if self.sheet:
            return Where(self.name, f"{letters(index)}{row}", letters(index))
        heading = self.headings[index]
        return Where(self.name, f"row {row}, {heading}" if row else f"column {heading}", heading)

    def origin(self, row: int, index: int) -> str:
        """Return the place of a value as a reference: `b.xlsx:Sheet C5`, or `a.csv row 5`."""
        return f"{self.name} {letters(index)}{row}" if self.sheet else f"{self.file} row {row}"


def locate_file(text: str | InputFrame) -> tuple[Path, str] | InputFrame:
    """Return the path and the sheet (empty if none is named) of `FILE` or `FILE:SHEET`; a frame unchanged.

    If a file has the whole text as its name, that file is meant.

    Raises:
        UsageError: there is no such file, it is a folder, or gpit does not read this kind of file.
    """
    if isinstance(text, InputFrame):
        return text
    try:
        return _check_file_and_sheet(text)
    except OSError as error:  # a folder without permission to read it, a name of 300 letters
        raise UsageError(f"{text} cannot be found: {error.strerror}") from error


def _check_file_and_sheet(text: str) -> tuple[Path, str]:
    """Split `FILE` or `FILE:SHEET` into path and sheet, and check that gpit can read such a file.

    Raises:
        UsageError: there is no such file, it is a folder, gpit does not read its format, or the format has no sheets.
    """
    name, sheet = split_sheet(text)
    path = Path(name)
    if not path.exists():
        raise UsageError(f"{path}: {reading_problem(path, FileNotFoundError(), READERS)}")
    if not path.is_file():
        raise UsageError(f"{name} is a folder or a device; name one file ({listed(list(READERS))})")
    suffix = path.suffix.lower()
    if suffix not in READERS:
        hint = "; save the workbook as .xlsx" if suffix in (".xls", ".xlsm", ".xlsb") else ""
        raise UsageError(f"{name} cannot be read; gpit reads {listed(list(READERS))} files{hint}")
    if sheet and suffix not in SHEETS:
        raise UsageError(f"{text}: a {suffix} file has no sheets; remove ':{sheet}'")
    return path, sheet


def split_sheet(text: str) -> tuple[str, str]:
    r"""Split `FILE:SHEET` at its last colon, if what comes before it ends like the name of a readable file.

    So `C:\a.xlsx` has no sheet, and `C:\a.xlsx:Sheet 1` has one. If a file has the whole text as its name, it is not
    split.
    """
    name, colon, sheet = text.rpartition(":")
    if colon and Path(name).suffix.lower() in READERS and not Path(text).exists():
        return name, sheet
    return text, ""


def read_sheet(
    target: tuple[Path, str] | InputFrame, findings: FindingCollector, options: ReadOptions
) -> InputSheet | None:
    """Read the table of a file, sheet or frame, and report what was left out or is hidden. If that fails, return None.

    The reason is then reported as a finding; for a file that is too large, with the `--max-size` that it needs.

    Args:
        target: the file and the sheet, or the frame, as `locate_file` returns them.
        findings: collects the findings.
        options: the size limit, for files, and the known headings; its sheet is replaced by that of the target.
    """
    if isinstance(target, InputFrame):
        file, sheet_name = target.name, ""
    else:
        file, sheet_name = target[0].name, target[1]
    try:
        grid, digest = read_cells(target, options)
        region = find_table(grid, options.recognise)
    except Unreadable as error:
        findings.add(error.finding, Where(f"{file}:{sheet_name}" if sheet_name else file, error.finding.place))
        return None
    name = f"{file}:{grid.sheet}" if grid.sheet else file
    sheet = InputSheet(
        **vars(region),
        file=file,
        sheet=grid.sheet,
        name=name,
        sha256=digest,
        typed=grid.typed,
        decimal_comma=grid.decimal_comma,
        uncalculated=_uncalculated_rows(grid, region),
        findings=FileFindings(findings, name),
    )
    _report_file(sheet, grid)
    return sheet


def read_cells(target: tuple[Path, str] | InputFrame, options: ReadOptions) -> tuple[Grid, str]:
    """Return all cells of a file, sheet or frame, and their SHA-256; `Unreadable` gives the reason if there are none.

    Args:
        target: the file and the sheet, or the frame, as `locate_file` returns them.
        options: as of `read_sheet`.
    """
    if isinstance(target, InputFrame):
        return read_frame(target.frame)
    return _read_file(target[0], replace(options, sheet=target[1]))


def _read_file(path: Path, options: ReadOptions) -> tuple[Grid, str]:
    """Return the cells of a file, or of a sheet of a workbook, and the SHA-256 of the bytes that they were read from.

    Raises:
        UsageError: the file cannot be opened.
        TooLarge: the file exceeds a limit; the remedy has the `--max-size` that it needs.
    """
    try:
        check_size(path.stat().st_size, options, "the file has")
        # Read only once, so that the digest matches the bytes that are parsed.
        data = read_regular(path)
        return READERS[path.suffix.lower()](data, options), hashlib.sha256(data).hexdigest()
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}") from error
    except TooLarge as error:
        if needed := max_size_needed(error, path, options):
            remedy = f"{error.finding.remedy}, or raise the limit with --max-size {needed}"
            error.finding = replace(error.finding, remedy=remedy)
        raise


@cache
def letters(index: int) -> str:
    """Return the letters of a column in a spreadsheet: 0 is A, 26 is AA."""
    name = ""
    index += 1
    while index:
        index, letter_index = divmod(index - 1, 26)
        name = chr(ord("A") + letter_index) + name
    return name


def _uncalculated_rows(grid: Grid, region: Region) -> dict[int, tuple[int, ...]]:
    """Return, by column, the rows of formulas that were never calculated; columns without such formulas are left out.

    A program that cannot calculate stores 0 for every formula and asks for the workbook to be calculated when opened.
    So the formulas of a column count if they all store 0; a zero among other values is a real zero.
    """
    columns = {
        column: {row: is_zero[row] for row, _ in region.rows if row in is_zero}
        for column, is_zero in grid.markup.formulas.items()
    }
    return {column: tuple(rows) for column, rows in columns.items() if rows and all(rows.values())}


def _report_file(sheet: InputSheet, grid: Grid) -> None:
    """Report what was noticed while reading the file: rows and cells outside the table, hidden and merged cells.

    Cells to the right of the headings are an error in a text file, whose rows may have been split incorrectly, and a
    note in other files.
    """
    for remark in grid.remarks:
        sheet.findings.add(remark)
    report_region(sheet, sheet.findings)
    if grid.typed and sheet.wide:
        first, width = sheet.wide[0]
        rows = counted(len(sheet.wide), "row")
        cells = f"{letters(len(sheet.headings))}{first}:{letters(width - 1)}{first}"
        sheet.findings.note(
            FindingCode.SEPARATORS, f"not read: cells to the right of the headings in {rows}, first {cells}"
        )
    elif sheet.wide:
        for row, width in sheet.wide:
            sheet.findings.error(
                FindingCode.SEPARATORS,
                f"the row has {counted(width, 'cell')} for {counted(len(sheet.headings), 'heading')}",
                remedy='Put quotation marks around a text or number that contains the separator: "1,234"',
                at=Where(sheet.name, f"row {row}", WHOLE_ROW),
            )
    unheaded = [index for index, heading in enumerate(sheet.headings) if not heading and sheet.is_filled(index)]
    if unheaded:
        columns_in_words = listed([letters(index) for index in unheaded])
        sheet.findings.note(FindingCode.SEPARATORS, f"columns without a heading are not read: {columns_in_words}")
    rows_there = {number for number, _ in sheet.rows}
    hidden = [number for number in grid.markup.hidden_rows if number in rows_there]
    if hidden:
        sheet.findings.warning(
            FindingCode.HIDDEN,
            f"read {counted(len(hidden), 'hidden row')} of the table: "
            f"{listed([f'row {number:,}' for number in hidden], 5)}",
            remedy="Delete hidden rows that should not be read",
        )
    columns = [index for index in grid.markup.hidden_columns if index < len(sheet.headings) and sheet.headings[index]]
    if columns:
        columns_in_words = listed([f"{letters(index)} '{sheet.headings[index]}'" for index in columns])
        sheet.findings.warning(
            FindingCode.HIDDEN,
            f"read {counted(len(columns), 'hidden column')}: {columns_in_words}",
            remedy="Delete hidden columns that should not be read",
        )
    for column, blank in sheet.moved.items():
        sheet.findings.note(
            FindingCode.MERGED,
            f"the heading '{sheet.headings[column]}' is merged over a blank column ({letters(blank)}); it is read as "
            f"the heading of {sheet.column_in_words(column)}",
        )
    for top, left, bottom, right in grid.markup.merged:
        if bottom > top and bottom in rows_there and top >= sheet.heading_row and left < len(sheet.headings):
            sheet.findings.warning(
                FindingCode.MERGED,
                f"the cells {letters(left)}{top}:{letters(right)}{bottom} are merged, so only the first has the value",
                remedy="Unmerge them and fill in each cell that should have it",
                at=Where(sheet.name, f"{letters(left)}{top}", letters(left)),
            )
