"""Read workbooks into cells with python-calamine; `markup` reads further facts from the sheets' XML."""

from __future__ import annotations

import io
import re
import zipfile
from dataclasses import replace
from functools import cached_property
from importlib import import_module
from posixpath import normpath
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote
from xml.etree.ElementTree import ParseError

from gpit_fairshare.findings import Finding, FindingCode
from gpit_fairshare.inputs.files.grids import (
    MEGABYTE,
    MOST_MEGABYTES,
    Grid,
    Markup,
    Percentage,
    ReadOptions,
    Unreadable,
    check_extent,
    check_size,
    heading_scores,
    megabytes_needed,
    whole_as_integer,
)
from gpit_fairshare.inputs.files.markup import percent_styles, shared_rich_texts, xlsx_extent, xlsx_markup
from gpit_fairshare.inputs.files.ods_markup import ods_markup, raised_styles
from gpit_fairshare.words import counted, listed, nearest_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

SAVE_AGAIN = "Open it in Excel and save it again as .xlsx"
_UNLOCK = "Save it without a password, as .xlsx"

_MARKUP = (".xml", ".rels")
_CALCULATE = re.compile(rb"<(?:\w+:)?calcPr\b[^<>]*\bfullCalcOnLoad=[\"'](?:1|true)[\"']")
_OURS = re.compile(rb"<dc:creator>gpit_fairshare ")
_ESCAPED = re.compile(r"_x([0-9A-Fa-f]{4})_")
"""How Excel writes a character that XML does not allow: `_x000D_` is a carriage return."""


def read_workbook(data: bytes, options: ReadOptions) -> Grid:
    """Read one sheet of an .xlsx or .ods workbook: the one named, else the only visible one with a table of codes.

    If none has such a table, the only visible sheet that is not blank is read. The last stored value of each formula is
    used; nothing is calculated and no other file is read. `Unreadable` means that the workbook is damaged, protected,
    too large or hostile, or that it is unclear which sheet to read.
    """
    book = _Workbook(data, options)
    name, remarks = (book.find_sheet(options.sheet), []) if options.sheet else book.choose_sheet()
    return replace(book.read_grid(name), remarks=[*remarks, *book.link_findings()])


def workbook_rows(data: bytes, options: ReadOptions) -> Callable[[str], Sequence[tuple[int, Sequence[Any]]]]:
    """Return a function from a sheet's name to its rows that are not blank, numbered from 1.

    A cell without a value, such as a formula that was never calculated, is a `Broken`. `Unreadable` means that the
    workbook is damaged, protected, too large or hostile or, when the function is called, that there is no such sheet.
    """
    book = _Workbook(data, options)
    return lambda name: book.read_grid(book.find_sheet(name)).records


class _Workbook:
    """A workbook; each of its sheets is read at most once."""

    def __init__(self, data: bytes, options: ReadOptions) -> None:
        self.options = options
        self.archive = open_package(data, options)
        self.names = self.archive.namelist()
        self.parts = sheet_parts(self.archive) if "xl/workbook.xml" in self.names else {}
        calamine = import_module("python_calamine")  # only when a workbook is read
        try:
            self.book = calamine.CalamineWorkbook.from_filelike(io.BytesIO(data))
            pages = self.book.sheets_metadata
        except Exception as error:  # a Rust library with different errors for each format
            raise Unreadable(FindingCode.UNREADABLE, "the workbook is damaged", SAVE_AGAIN) from error
        self.pages: dict[str, bool] = {
            page.name: str(page.visible).endswith(".Visible") for page in pages if str(page.typ).endswith(".WorkSheet")
        }
        """Sheets with cells, and whether they are visible."""
        if not self.pages:
            raise Unreadable(FindingCode.UNREADABLE, "the workbook has no sheets, or is damaged", SAVE_AGAIN)
        self._grids: dict[str, Grid] = {}

    def choose_sheet(self) -> tuple[str, list[Finding]]:
        """Return the name of the sheet to read if the user named none, and findings about the choice.

        It is the only visible sheet with a table of codes or, if none has such a table, the only visible one that is
        not blank. The findings name the other sheets, and warn of hidden ones with such a table. If no sheet is
        visible, all count as visible.

        Raises:
            Unreadable: the workbook is empty, only hidden sheets have a table of codes, or it is unclear which sheet to
                read.
        """
        visible = [name for name, is_visible in self.pages.items() if is_visible] or list(self.pages)
        filled = [name for name in visible if self.read_grid(name).records]
        hidden = [name for name in self.pages if name not in visible and self._has_table(name)]
        tables = [name for name in filled if self._has_table(name)]
        if hidden and not tables:
            raise Unreadable(
                FindingCode.SHEET,
                f"only hidden sheets have a table of codes: {listed(hidden)}",
                f"To read a hidden sheet, name it, as in 'FILE:{hidden[0]}'",
            )
        if not filled:
            raise Unreadable(FindingCode.EMPTY, "the workbook is empty", "Save it again with its rows")
        name = (tables or filled)[0]
        others = [other for other in filled if other != name]
        if others and len(tables) != 1:
            raise Unreadable(
                FindingCode.SHEET,
                f"the workbook has {counted(len(filled), 'sheet')} with content: {listed(filled)}",
                f"Name the one to read, as in 'FILE:{name}'",
            )
        remarks = []
        if others:
            message = f"read sheet '{name}', the only visible sheet with a table of codes; not read: {listed(others)}"
            remarks.append(Finding.note(FindingCode.SHEET, message))
        if hidden:
            message = f"not read: {counted(len(hidden), 'hidden sheet')} with a table of codes ({listed(hidden)})"
            remedy = f"To read a hidden sheet, name it, as in 'FILE:{hidden[0]}'"
            remarks.append(Finding.warning(FindingCode.HIDDEN, message, remedy))
        return name, remarks

    def find_sheet(self, requested: str) -> str:
        """Return the name of the requested sheet as the workbook has it; capitals and spaces around it do not matter.

        Raises:
            Unreadable: there is no such sheet.
        """
        matches = [name for name in self.pages if name.strip().casefold() == requested.strip().casefold()]
        if matches:
            return matches[0]
        nearest = nearest_of(requested, self.pages)
        raise Unreadable(
            FindingCode.SHEET,
            f"there is no sheet '{requested}'; the sheets are {listed(list(self.pages), 40)}",
            f"The nearest name is {nearest}" if nearest else "",
        )

    def _has_table(self, name: str) -> bool:
        """Return whether a sheet has a row with at least two known headings, one of them for codes."""
        return max(heading_scores(self.read_grid(name).records, self.options.recognise), default=0) > 1

    def read_grid(self, name: str) -> Grid:
        """Return the rows of a sheet that are not blank, numbered from 1, with the sheet's markup.

        A cell without a value is a `Broken`, and superscripts and subscripts are special characters. The markup keeps
        formulas only if the workbook was never calculated.

        Raises:
            Unreadable: the sheet is damaged or too large.
        """
        if name not in self._grids:
            markup = self._read_markup(name)
            # Checked first, because calamine allocates memory for the whole rectangle at once.
            check_extent(0, markup.cells, self.options, f"sheet '{name}' spans")
            try:
                page = self.book.get_sheet_by_name(name)
                cells = page.to_python(skip_empty_area=False)
                merged = page.merged_cell_ranges or ()  # calamine reports none for an .ods workbook
            except Exception as error:
                raise Unreadable(FindingCode.UNREADABLE, f"sheet '{name}' is damaged", SAVE_AGAIN) from error
            for (row, column), cell in [*markup.broken.items(), *markup.rich.items()]:
                cells.extend([] for _ in range(row - len(cells)))
                cells[row - 1].extend([""] * (column + 1 - len(cells[row - 1])))
                cells[row - 1][column] = cell
            for row, column in markup.percentages:
                # A cell with a format but without a value may be beyond the last one that calamine returns.
                if 0 < row <= len(cells) and column < len(cells[row - 1]) and type(cells[row - 1][column]) is float:
                    cells[row - 1][column] = Percentage(cells[row - 1][column])
            rows = [
                (number, [cell or None if type(cell) is str and "_x" not in cell else _value(cell) for cell in row])
                for number, row in enumerate(cells, 1)
                if row.count("") < len(row)
            ]
            check_extent(len(rows), 0, self.options, f"sheet '{name}' has")
            markup.merged += [(top + 1, left, bottom + 1, right) for (top, left), (bottom, right) in merged]
            if not self._has_uncalculated_formulas:
                markup.formulas = {}
            self._grids[name] = Grid(name, rows, markup=markup)
        return self._grids[name]

    def link_findings(self) -> list[Finding]:
        """Return a warning about links to other workbooks, which are never read; empty if there are none."""
        links = [name for name in self.names if "externallinks/" in name.lower() and name.lower().endswith(".xml")]
        if not links:
            return []
        message = f"the workbook has links to {counted(len(links), 'other file')}; the values last saved were read"
        return [
            Finding.warning(FindingCode.LINKS, message, "If those have changed, update the links in Excel and save it")
        ]

    @cached_property
    def _shared_rich_texts(self) -> dict[int, str]:
        """The texts with superscripts or subscripts among the shared strings of an .xlsx workbook, by number."""
        part = next((name for name in self.names if name.lower() == "xl/sharedstrings.xml"), "")
        return shared_rich_texts(self.archive.read(part)) if part else {}

    @cached_property
    def _percent_styles(self) -> frozenset[bytes]:
        """The numbers of the styles of an .xlsx workbook that show a number as a percentage."""
        part = next((name for name in self.names if name.lower() == "xl/styles.xml"), "")
        return percent_styles(self.archive.read(part)) if part else frozenset()

    @cached_property
    def _ods_sheets(self) -> dict[str, Markup]:
        """The markup of each sheet of an .ods workbook, by the name of the sheet."""
        parts = {name: self.archive.read(name) for name in ("styles.xml", "content.xml") if name in self.names}
        return ods_markup(io.BytesIO(parts["content.xml"]), raised_styles(*parts.values()))

    @cached_property
    def _has_uncalculated_formulas(self) -> bool:
        """Return whether the program that wrote an .xlsx workbook left it to another program to calculate the formulas.

        XlsxWriter always asks for this, and stores 0 for a formula without a given value. Workbooks of gpit ask for it,
        too, but store the value of every formula, so the result for them is False. It is also False for .ods.
        """
        if "xl/workbook.xml" not in self.names or not _CALCULATE.search(self.archive.read("xl/workbook.xml")):
            return False
        return "docProps/core.xml" not in self.names or not _OURS.search(self.archive.read("docProps/core.xml"))

    def _read_markup(self, name: str) -> Markup:
        """Return the facts about a sheet that only the workbook's XML has.

        Raises:
            Unreadable: the XML of the sheet is damaged or missing.
        """
        try:
            if "content.xml" in self.names:
                return self._ods_sheets.get(name, Markup())
            return xlsx_markup(self.archive.read(self.parts[name]), self._shared_rich_texts, self._percent_styles)
        except (KeyError, ValueError, ParseError, RecursionError) as error:
            raise Unreadable(FindingCode.UNREADABLE, f"sheet '{name}' is damaged or missing", SAVE_AGAIN) from error


def workbook_megabytes(path: Path, options: ReadOptions) -> int:
    """Return the `--max-size` in megabytes that a workbook needs for its size and the rows and cells of its sheets.

    Only the sheet that the user named counts, or all of them if none is named. Parts are read piece by piece. A damaged
    workbook raises one of a dozen exceptions.
    """
    with zipfile.ZipFile(path) as archive:
        needed = megabytes_needed(max(path.stat().st_size, _unpacked_size(archive)))
        if needed > MOST_MEGABYTES:
            return needed
        if "content.xml" in archive.namelist():
            with archive.open("content.xml") as content:
                extents = {name: (markup.height, markup.cells) for name, markup in ods_markup(content, {}).items()}
        else:
            extents = {}
            for name, part in sheet_parts(archive).items():
                with archive.open(part) as sheet:
                    extents[name] = xlsx_extent(sheet)
    requested = options.sheet.strip().casefold()
    extents_read = [extent for name, extent in extents.items() if not requested or name.strip().casefold() == requested]
    return max([needed, *(megabytes_needed(rows=rows, cells=cells) for rows, cells in extents_read)])


def _unpacked_size(archive: zipfile.ZipFile) -> int:
    """Return the size in bytes that a workbook declares for its unpacked XML."""
    return sum(entry.file_size for entry in archive.infolist() if entry.filename.lower().endswith(_MARKUP))


def open_package(data: bytes, options: ReadOptions) -> zipfile.ZipFile:
    """Open a workbook as an archive; refuse one that no spreadsheet program writes.

    Raises:
        Unreadable: it is damaged, protected, too large or hostile.
    """
    if data.startswith(b"\xd0\xcf\x11\xe0"):  # the container of encrypted workbooks, and of .xls
        message = "the workbook is protected by a password, or is an old .xls file"
        raise Unreadable(FindingCode.UNREADABLE, message, _UNLOCK)
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
        _check_archive(archive, options)
    except Unreadable:
        raise
    except Exception as error:  # zipfile and zlib raise a dozen kinds of error for damaged archives
        raise Unreadable(FindingCode.UNREADABLE, "the file is damaged or not a workbook", SAVE_AGAIN) from error
    return archive


def _check_archive(archive: zipfile.ZipFile, options: ReadOptions) -> None:
    """Refuse an archive that no spreadsheet program writes, or that is too large when unpacked.

    Raises:
        Unreadable: a name is unsafe or used twice, a part has a password, or its XML declares entities.
    """
    entries = archive.infolist()
    names = [entry.filename for entry in entries]
    markup = [entry for entry in entries if entry.filename.lower().endswith(_MARKUP)]
    check_size(_unpacked_size(archive), options, "the workbook unpacks to")
    if any(name.startswith("/") or ".." in name.split("/") for name in names):
        raise Unreadable(FindingCode.UNREADABLE, "no spreadsheet program names its parts like this", SAVE_AGAIN)
    if repeated := repeated_part(names):
        message = f"the file has two parts named {repeated[:80]}, and programs differ in which they read"
        raise Unreadable(FindingCode.UNREADABLE, message, SAVE_AGAIN)
    if any(entry.flag_bits & 1 for entry in entries):
        raise Unreadable(FindingCode.UNREADABLE, "the workbook is protected by a password", _UNLOCK)
    for entry in markup:
        # Unpacked once to its end: a part that is larger than it declares fails here, in limited memory.
        with archive.open(entry) as part:
            start = part.read(MEGABYTE)
            if b"<!DOCTYPE" in start or b"<!ENTITY" in start:
                message = f"its part {entry.filename[:80]} declares XML entities, which no spreadsheet program writes"
                raise Unreadable(FindingCode.UNREADABLE, message, SAVE_AGAIN)
            while part.read(MEGABYTE):
                pass


def repeated_part(names: Iterable[str]) -> str:
    """Return a name that two parts of an archive share for a program that reads names leniently; else an empty text.

    Such a program ignores capital letters, the kind of slash, `./` before a name and escapes such as `%41`.
    """
    plain_names = set()
    for name in names:
        plain = normpath(unquote(name).replace("\\", "/")).lstrip("/").casefold()
        if plain in plain_names:
            return name
        plain_names.add(plain)
    return ""


def sheet_parts(archive: zipfile.ZipFile) -> dict[str, str]:
    """Return the name of the part of an .xlsx archive that has the cells of each sheet, by the name of the sheet.

    Raises:
        Unreadable: the list of sheets is damaged, or contains a name or a link twice.
    """
    tree = import_module("defusedxml.ElementTree")
    try:
        nodes = list(tree.fromstring(archive.read("xl/_rels/workbook.xml.rels")))
        links = {node.get("Id"): node.get("Target", "") for node in nodes}
        book = tree.fromstring(archive.read("xl/workbook.xml"))
    except (KeyError, ValueError, tree.ParseError) as error:
        raise Unreadable(FindingCode.UNREADABLE, "the workbook is damaged", SAVE_AGAIN) from error
    sheets = [node for node in book.iter() if node.tag.rpartition("}")[2] == "sheet"]
    if len({node.get("name", "").casefold() for node in sheets}) < len(sheets) or len(links) < len(nodes):
        raise Unreadable(FindingCode.UNREADABLE, "two sheets, or two links, of the workbook share a name", SAVE_AGAIN)
    parts = {}
    for node in sheets:
        link = next((value for name, value in node.attrib.items() if name.endswith("}id")), "")
        target = links.get(link, "")
        parts[node.get("name", "")] = target.lstrip("/") if target.startswith("/") else normpath(f"xl/{target}")
    return parts


def _value(cell: Any) -> Any:
    """Return a cell as a Python value: whole numbers as integers, texts with `restore_characters`, others unchanged."""
    return restore_characters(cell) if isinstance(cell, str) else whole_as_integer(cell)


def restore_characters(text: str) -> str:
    """Return a text of a workbook with its escapes, such as `_x000D_`, replaced by the characters that they are for."""
    return _ESCAPED.sub(lambda match: chr(int(match[1], 16)), text) if "_x" in text else text
