"""The formats of input files: from the bytes of a file to its rows.

To read another format, write a function from bytes and the sheet asked for to a `Grid`, and enter it in
`READERS`.
"""

from __future__ import annotations

import csv
import io
import warnings
import zipfile
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, NamedTuple

import polars as pl

from gpit_fairshare.inputs.findings import About, counted, listed, nearest_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

LARGEST_WORKBOOK = 200_000_000
"""Bytes that a workbook may unpack to. A small file can hold enough to fill the memory of a machine."""


@dataclass(frozen=True, slots=True)
class Broken:
    """A cell that holds no value: a spreadsheet's error, or a formula that was never worked out."""

    why: str
    remedy: str = ""


class Grid(NamedTuple):
    """All rows of a file with their numbers, the headings among them."""

    sheet: str
    records: Iterable[tuple[int, Sequence[Any]]]
    typed: bool = True
    """Whether the file knows numbers from texts. Where it does not, a row longer than the headings means
    that cells were told apart wrongly."""


class Unreadable(Exception):  # noqa: N818 – no error of the program: it becomes a finding
    """Why a file gives no cells; becomes a finding."""

    def __init__(self, about: About, found: str, remedy: str = "", place: str = "") -> None:
        super().__init__(found)
        self.about = about
        self.found = found
        self.remedy = remedy
        self.place = place


def _read_csv(data: bytes, _sheet: str) -> Grid:
    return _read_text(data, ",")


def _read_tsv(data: bytes, _sheet: str) -> Grid:
    return _read_text(data, "\t")


def _read_text(data: bytes, separator: str) -> Grid:
    text = _decoded(data)
    first = text.lstrip().partition("\n")[0]
    other = next((mark for mark in ",;\t|" if mark != separator and mark in first), None)
    if other and separator not in first:
        named = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "upright strokes"}
        raise Unreadable(
            About.SEPARATORS,
            f"its cells seem to stand between {named[other]}, not {named[separator]}",
            f"Save it with {named[separator]}, or as .xlsx",
        )
    return Grid("", _records(text, separator), typed=False)


def _decoded(data: bytes) -> str:
    if not data.strip():
        raise Unreadable(About.EMPTY, "the file is empty")
    remedy = "Save it as UTF-8; in Excel the file type is 'CSV UTF-8 (Comma delimited)'"
    if data.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\x00" in data:
        raise Unreadable(About.ENCODING, "the text is in UTF-16 or holds zero bytes, not UTF-8", remedy)
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        found = (
            f"byte {data[error.start]:#04x} is not UTF-8; the text may be in Windows-1252, "
            f"where it stands for '{data[error.start : error.start + 1].decode('cp1252', 'replace')}'"
        )
        raise Unreadable(About.ENCODING, found, remedy, f"line {line}") from error


def _records(text: str, separator: str) -> Iterator[tuple[int, Sequence[str]]]:
    # Strict: a quotation mark that is never closed would otherwise swallow the rest of the file.
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    number = 0
    try:
        for number, record in enumerate(reader, 1):
            yield number, record
    except csv.Error as error:
        raise Unreadable(
            About.SEPARATORS,
            f"the row cannot be told into cells: {error}",
            'Close every quotation mark, and double those inside a text: "the ""old"" system"',
            f"row {number + 1}",
        ) from error


def _read_parquet(data: bytes, _sheet: str) -> Grid:
    try:
        frame = pl.read_parquet(io.BytesIO(data))
        rows = frame.rows()
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError) as error:
        raise Unreadable(About.UNREADABLE, "it is damaged or not a Parquet file") from error
    return Grid("", enumerate([tuple(frame.columns), *rows], 1))


def _read_xlsx(data: bytes, sheet: str) -> Grid:
    formulas = _look_into_archive(data)
    # Slow to import, and most runs read no workbook. By name: it has no types of its own to check against.
    openpyxl = import_module("openpyxl")
    try:
        with warnings.catch_warnings():
            # openpyxl warns of styles and extensions that it drops; cells are all that is wanted here.
            warnings.simplefilter("ignore")
            book = openpyxl.load_workbook(io.BytesIO(data), read_only=True, data_only=True)
            name = _chosen_sheet({page.title: page for page in book.worksheets}, sheet)
            records = _cells(book[name])
            if formulas:
                records = _marked(records, openpyxl.load_workbook(io.BytesIO(data), read_only=True)[name])
            rows = [(number, [_value(cell) for cell in cells]) for number, cells in records if cells]
    except Unreadable:
        raise
    except Exception as error:
        raise Unreadable(
            About.UNREADABLE,
            f"the workbook is damaged or not plain ({type(error.__cause__ or error).__name__})",
            "Open it in Excel and save it again as .xlsx",
        ) from error
    return Grid(name, rows)


def _look_into_archive(data: bytes) -> bool:
    """Refuse what is no plain workbook before it is parsed; return whether it holds formulas."""
    if data.startswith(b"\xd0\xcf\x11\xe0"):  # the container of encrypted workbooks, and of .xls
        raise Unreadable(
            About.UNREADABLE,
            "the workbook is protected by a password, or is an old .xls file",
            "Save it without a password, as .xlsx",
        )
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            size = sum(part.file_size for part in archive.infolist())
            if size > LARGEST_WORKBOOK:
                raise Unreadable(
                    About.UNREADABLE,
                    f"the workbook unpacks to {size / 1e6:,.0f} MB; at most {LARGEST_WORKBOOK / 1e6:,.0f} MB are read",
                    "Save the one sheet that is needed as .csv",
                )
            pages = [part for part in archive.namelist() if part.startswith("xl/worksheets/")]
            return any(b"<f>" in page or b"<f " in page for page in map(archive.read, pages))
    except (zipfile.BadZipFile, OSError, EOFError, RuntimeError, NotImplementedError, ValueError) as error:
        raise Unreadable(
            About.UNREADABLE,
            "it is damaged or not an Excel workbook",
            "Open it in Excel and save it again as .xlsx",
        ) from error


def _chosen_sheet(pages: dict[str, Any], asked: str) -> str:
    """Return the sheet that was asked for, or the only one that can be meant."""
    if asked:
        match = [title for title in pages if title.strip().casefold() == asked.strip().casefold()]
        if not match:
            near = nearest_of(asked, pages)
            raise Unreadable(
                About.SHEET,
                f"there is no sheet '{asked}'; the sheets are {listed(list(pages))}",
                f"The nearest is {near}" if near else "",
            )
        return match[0]
    shown = {title: page for title, page in pages.items() if page.sheet_state == "visible"}
    filled = [title for title, page in (shown or pages).items() if _holds_anything(page)]
    if len(filled) > 1:
        raise Unreadable(
            About.SHEET,
            f"the workbook has {counted(len(filled), 'sheet')} that hold something: {listed(filled)}",
            f"Say which is meant, as in 'FILE:{filled[0]}'",
        )
    if not filled:
        raise Unreadable(About.EMPTY, "there is nothing in the workbook")
    return filled[0]


def _holds_anything(page: Any) -> bool:
    return any(cell.value is not None for _, cells in _cells(page) for cell in cells)


def _cells(page: Any) -> Iterator[tuple[int, Sequence[Any]]]:
    """Number the rows of a sheet from 1, the empty ones too."""
    page.reset_dimensions()  # what the file says of its own size may be wrong
    return enumerate(page.iter_rows(), 1)


def _marked(records: Iterator[tuple[int, Sequence[Any]]], formulas: Any) -> Iterator[tuple[int, Sequence[Any]]]:
    """Mark cells whose formula was never worked out: their value reads as blank, but is not."""
    for (number, cells), (_, sources) in zip(records, _cells(formulas), strict=True):
        yield (
            number,
            [
                Broken("a formula whose value was never stored", "Open the workbook in Excel and save it again")
                # A formula that gives an empty text has a type of its own, "str", and is truly blank.
                if cell.value is None and cell.data_type == "n" and source.data_type == "f"
                else cell
                for cell, source in zip(cells, sources, strict=True)
            ],
        )


def _value(cell: Any) -> Any:
    if isinstance(cell, Broken):
        return cell
    return Broken(f"the error {cell.value}") if cell.data_type == "e" else cell.value


READERS: Mapping[str, Callable[[bytes, str], Grid]] = {
    ".csv": _read_csv,
    ".tsv": _read_tsv,
    ".xlsx": _read_xlsx,
    ".parquet": _read_parquet,
}
