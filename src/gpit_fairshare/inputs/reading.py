"""Files as cells: what stands in each cell, with its type and its place, and no more."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from gpit_fairshare.errors import UsageError, nearest
from gpit_fairshare.inputs.findings import About, Where, counted, listed
from gpit_fairshare.inputs.formats import READERS, Broken, Unreadable

if TYPE_CHECKING:
    from gpit_fairshare.inputs.findings import Findings
    from gpit_fairshare.inputs.formats import Grid


class Target(NamedTuple):
    """A file that is there, and the sheet that was asked for, if any."""

    path: Path
    sheet: str


@dataclass(frozen=True)
class Sheet:
    """The cells of one file or sheet. Rows count from 1 as people count them, headings and all."""

    file: str
    """Base name."""
    sheet: str
    """Name of the sheet of a workbook, else empty."""
    sha256: str
    headings: tuple[str, ...]
    """Headings without spaces around them; empty where a column has none."""
    rows: tuple[tuple[int, tuple[Any, ...]], ...]
    """Rows that hold anything: their number and their cells, as many as there are headings."""
    typed: bool = False
    """Whether the file itself knows numbers from texts."""

    @property
    def name(self) -> str:
        """File, with the sheet where there is one."""
        return f"{self.file}:{self.sheet}" if self.sheet else self.file

    def column(self, index: int) -> str:
        """Say which column is meant: `column C`."""
        return f"column {letters(index)}"

    def where(self, row: int, index: int) -> Where:
        """Return the place of a cell for a finding: `C5`, or `row 5, Heading` where there are no letters."""
        place = f"{letters(index)}{row}" if self.sheet else f"row {row}, {self.headings[index]}"
        return Where(self.name, place)

    def origin(self, row: int, index: int) -> str:
        """Return the place of a value as a reference: `b.xlsx:Sheet C5`, or `a.csv row 5`."""
        return f"{self.name} {letters(index)}{row}" if self.sheet else f"{self.file} row {row}"


def locate(text: str) -> Target:
    """Find the file that `FILE` or `FILE:SHEET` means. An existing file comes before a sheet.

    Raises:
        UsageError: there is no such file, it is a folder, or its kind is not read.
    """
    try:
        return _locate(text)
    except OSError as error:  # a folder that may not be looked into, a name of 300 letters
        raise UsageError(f"{text} cannot be found: {error.strerror}") from error


def _locate(text: str) -> Target:
    name, sheet = split_sheet(text)
    path = Path(name)
    if not path.exists():
        raise UsageError(_no_such_file(path))
    if not path.is_file():
        raise UsageError(f"{name} is a folder or a device; give one file of it ({listed(list(READERS))})")
    suffix = path.suffix.lower()
    if suffix not in READERS:
        hint = "; save the workbook as .xlsx" if suffix in (".xls", ".xlsm", ".xlsb", ".ods") else ""
        raise UsageError(f"{name} cannot be read; the files that can are {listed(list(READERS))}{hint}")
    if sheet and suffix != ".xlsx":
        raise UsageError(f"{text}: a {suffix} file has no sheets; leave out ':{sheet}'")
    return Target(path, sheet)


def split_sheet(text: str) -> tuple[str, str]:
    r"""Split `FILE:SHEET` at its last colon, but only behind the name of a file that can be read.

    So the colon of `C:\a.xlsx` is no sheet, and that of `C:\a.xlsx:Sheet 1` is one.
    """
    name, colon, sheet = text.rpartition(":")
    if colon and Path(name).suffix.lower() in READERS and not Path(text).exists():
        return name, sheet
    return text, ""


def read_sheet(target: Target, findings: Findings) -> Sheet | None:
    """Read the cells of a file; None if there are none, with a finding that says why.

    Raises:
        UsageError: the file may not be read.
    """
    file = target.path.name
    try:
        # Read once: what is parsed is what the digest stands for.
        data = target.path.read_bytes()
    except OSError as error:
        raise UsageError(f"{target.path} cannot be read: {error.strerror}") from error
    name = f"{file}:{target.sheet}" if target.sheet else file
    try:
        grid = READERS[target.path.suffix.lower()](data, target.sheet)
        return _with_headings(file, grid, hashlib.sha256(data).hexdigest(), findings)
    except Unreadable as fault:
        findings.error(fault.about, Where(name, fault.place), fault.found, remedy=fault.remedy)
        return None


def letters(index: int) -> str:
    """Name a column as a spreadsheet does: 0 is A, 26 is AA."""
    name = ""
    index += 1
    while index:
        index, rest = divmod(index - 1, 26)
        name = chr(ord("A") + rest) + name
    return name


def is_blank(cell: Any) -> bool:
    """Whether a cell holds nothing but spaces."""
    return cell is None or (isinstance(cell, str) and not cell.strip())


def _no_such_file(path: Path) -> str:
    folder = path.parent
    if not folder.is_dir():
        return f"{path}: there is no such file, nor the folder {folder}"
    there = [entry.name for entry in folder.iterdir() if entry.suffix.lower() in READERS]
    return f"{path}: there is no such file{nearest(path.name, there)}"


def _with_headings(file: str, grid: Grid, sha256: str, findings: Findings) -> Sheet:
    """Take the first row that holds anything as the headings, and the rest as rows."""
    records = iter(grid.records)
    first = next((record for _, record in records if not all(map(is_blank, record))), None)
    if first is None:
        raise Unreadable(About.EMPTY, "there is nothing in it")
    headings = ["" if is_blank(cell) else _heading(cell) for cell in first]
    width = len(headings)
    rows = []
    for number, record in records:
        if all(map(is_blank, record)):
            continue
        if not grid.typed and not all(map(is_blank, record[width:])):
            findings.error(
                About.SEPARATORS,
                Where(file, f"row {number}"),
                f"the row has {counted(len(record), 'cell')} under {counted(width, 'heading')}",
                remedy='Put a text or number that holds the separator between quotation marks: "1,234"',
            )
        cells = (*record[:width], *[None] * (width - len(record)))
        rows.append((number, cells))
    if not rows:
        raise Unreadable(About.EMPTY, "there are no rows below the headings")
    return Sheet(file, grid.sheet, sha256, tuple(headings), tuple(rows), grid.typed)


def _heading(cell: Any) -> str:
    return " ".join(str(cell.why if isinstance(cell, Broken) else cell).split())
