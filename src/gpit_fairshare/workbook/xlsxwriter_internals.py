"""Everything that overrides or calls a private member of XlsxWriter; no other module does.

XlsxWriter keeps every cell of a workbook until the end, some three hundred bytes each; its way of writing
row by row leaves out tables. So it only gets titles, headings and links. Everything else is read from our own
sheet, one row at a time, when XlsxWriter writes the rows: no formula is kept longer than its row.

A newer XlsxWriter may differ here: `tests/workbook/test_xlsxwriter_internals.py` names the tested version.
"""

from __future__ import annotations

import errno
import io
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Final
from xml.sax.saxutils import escape

from xlsxwriter import Workbook
from xlsxwriter.core import Core
from xlsxwriter.exceptions import XlsxFileError
from xlsxwriter.packager import Packager
from xlsxwriter.worksheet import Worksheet

from gpit_fairshare.workbook.sheets import FIRST_ROW, TITLE_ROW, TOTAL_ROW, Cell, Look, Sheet, clean, letter

if TYPE_CHECKING:
    from collections.abc import Callable

    from xlsxwriter.format import Format


_LANGUAGE: Final = "en-GB"
_FONT: Final = {"font_name": "Arial", "font_size": 10}
_REPORT_AFTER: Final = 2_000
"""Number of cells after which progress is reported."""


class WorksheetWriter(Worksheet):  # type: ignore[misc]  # the package ships no types
    """A sheet that takes formulas unchanged and writes its rows one at a time."""

    sheet: Sheet
    style: Callable[[Cell, int, Look], int]
    """Gives the number of a cell's format, by its column and the look of its row."""
    report: Callable[[int], None]
    """Called with the number of cells written since the last call."""

    def __init__(self) -> None:
        """Make an empty sheet with rows of one line."""
        super().__init__()
        self.heights: dict[int, float] = {}
        """Heights in points of rows that are not one line high."""

    def set_height(self, row: int, points: float) -> None:
        """Set the height of a row, both in the file and for the positions of charts below it."""
        self.heights[row] = points
        self.set_row(row - 1, points)

    def describe_table(self, text: str) -> None:
        """Set the alternative text of the only table of the sheet; `add_table` has no option for it."""
        self.tables[-1]["description"] = text
        # A single table cannot overlap another, so XlsxWriter need not keep its record of every cell.
        self.table_cells.clear()

    def set_sheet(self, sheet: Sheet, style: Callable[[Cell, int, Look], int], report: Callable[[int], None]) -> None:
        """Set the sheet whose cells are written; the cells are dropped once written.

        Args:
            sheet: The sheet.
            style: Gives the number of a cell's format, by its column and the look of its row.
            report: Called with the number of cells written since the last call.
        """
        self.sheet, self.style, self.report = sheet, style, report
        self._check_dimensions(sheet.last_row - 1, len(sheet.headings) - 1)

    def _prepare_formula(self, formula: str, expand_future_functions: bool = False) -> str:
        """Return a formula without its equals sign, otherwise unchanged."""
        # XlsxWriter looks for the names of newer functions with thirty regular expressions; ours have their prefix.
        return super()._prepare_formula(formula, True) if expand_future_functions else formula.removeprefix("=")

    def _get_range_data(self, first_row: int, first_column: int, last_row: int, last_column: int) -> list[Any]:
        """Return the values of a range, which a chart shows until Excel redraws it."""
        rows, columns = range(first_row + 1, last_row + 2), range(first_column + 1, last_column + 2)
        return [self.sheet.value(row, column) for row in rows for column in columns]

    def _write_rows(self) -> None:
        """Write all cells of the sheet to the file, row by row, and then drop them.

        At a place that has several, a cell that XlsxWriter was given is written, or else a single cell of the sheet.
        Progress is reported every 2,000 cells.
        """
        sheet = self.sheet
        placed: dict[int, dict[int, Cell]] = {}
        for (row, column), cell in sheet.cells.items():
            placed.setdefault(row, {})[column] = cell
        letters = {column: letter(column) for column in range(1, len(sheet.headings) + 1)}
        styles: dict[tuple[int, bool, bool, Look], int] = {}
        """Styles of filled columns, looked up once for all rows: by column, text or figure, formula or value, look."""
        unreported = 0
        for row in range(TITLE_ROW, sheet.last_row + 1):
            xlsxwriter_cells, placed_cells = self.table.get(row - 1, {}), placed.get(row, {})
            cells: list[str] = []
            look: Look = "bold" if row == TOTAL_ROW else sheet.looks.get(row, "")
            for column, name in letters.items():
                if column - 1 in xlsxwriter_cells:
                    cells.append(self._xlsxwriter_cell(f"{name}{row}", xlsxwriter_cells[column - 1]))
                elif column in placed_cells:
                    cell = placed_cells[column]
                    style = self.style(cell, column, look)
                    cells.append(self._cell_element(f"{name}{row}", style, cell.value, cell.formula))
                elif column in sheet.fills and 0 <= row - FIRST_ROW < len(sheet.fills[column].values):
                    fill = sheet.fills[column]
                    value, formula = fill.values[row - FIRST_ROW], fill.formula_of(row)
                    kind = (column, isinstance(value, str), formula is None, look)
                    if kind not in styles:
                        styles[kind] = self.style(fill.cell(row), column, look)
                    cells.append(self._cell_element(f"{name}{row}", styles[kind], value, formula))
            if cells:
                height = f' ht="{self.heights[row]:g}" customHeight="1"' if row in self.heights else ""
                self.fh.write(f'<row r="{row}"{height}>{"".join(cells)}</row>')
            unreported += len(cells)
            if unreported >= _REPORT_AFTER:
                self.report(unreported)
                unreported = 0
        self.report(unreported)
        sheet.cells, sheet.fills = {}, {}

    def _xlsxwriter_cell(self, place: str, cell: Any) -> str:
        """Return the XML element of a text that XlsxWriter was given: a title, a heading or a link."""
        style = format_number(cell.format) if cell.format else 0
        return f'<c r="{place}" s="{style}" t="s"><v>{cell.string}</v></c>'

    def _cell_element(self, place: str, style: int, value: Any, formula: str | None) -> str:
        """Return the XML element of a cell; a text without a formula is added to the workbook's shared texts.

        Args:
            place: The cell's address.
            style: Number of its format.
            value: Its value.
            formula: Its formula; None if it has none.
        """
        if value is None and formula is None:
            return f'<c r="{place}" s="{style}"/>'
        if isinstance(value, bool):
            kind, content = ' t="b"', str(int(value))
        elif isinstance(value, int | float):
            kind, content = "", str(value) if formula is not None else f"{value:.16G}"
        elif formula is not None:
            kind, content = ' t="str"', escape(clean(value or ""))  # a text, also where it is empty
        else:
            # A text that begins with = stays a text, and so do codes such as 0123.
            index = self.str_table._get_shared_string_index(clean(str(value)))  # noqa: SLF001  # as it does itself
            kind, content = ' t="s"', str(index)
        live = "" if formula is None else f"<f>{escape(formula)}</f>"
        return f'<c r="{place}" s="{style}"{kind}>{live}<v>{content}</v></c>'


def format_number(made: Format) -> int:
    """Return the number of a format in the file, which it gets on the first call."""
    return int(made._get_xf_index())  # noqa: SLF001  # as XlsxWriter does itself


class _Core(Core):  # type: ignore[misc]  # the package ships no types
    """Document properties with the language, which screen readers use and XlsxWriter has no setting for."""

    def _write_cp_content_status(self) -> None:
        """Write the language after the other document properties."""
        super()._write_cp_content_status()
        self._xml_data_element("dc:language", _LANGUAGE)


class _Packager(Packager):  # type: ignore[misc]
    def _write_core_file(self) -> None:
        """Write the document properties with our class, which adds the language."""
        core = _Core()
        core._set_properties(self.workbook.doc_properties)  # noqa: SLF001  # as the packager itself does
        core._set_xml_writer(self._filename("docProps/core.xml"))  # noqa: SLF001
        core._assemble_xml_file()  # noqa: SLF001

    def _write_shared_strings_file(self) -> None:
        """Write the table of texts, after the rows that added to it."""
        # The rows are already in the file, so that every text is known.
        self.workbook.str_table._sort_string_data()  # noqa: SLF001
        super()._write_shared_strings_file()


class _Stream(io.BytesIO):
    """An archive in memory that stays open as long as it exists.

    After a failure, XlsxWriter drops its archive and this stream together. If the stream were closed first, the archive
    could not be finished and would print an error.
    """

    def close(self) -> None:
        """Do nothing: the stream stays open."""


class WorkbookWriter(Workbook):  # type: ignore[misc]
    """A workbook in memory whose texts stay texts, with its language among its properties."""

    def __init__(self, **options: Any) -> None:
        """Make an empty workbook in memory; `options` are those of XlsxWriter."""
        texts = dict.fromkeys(("strings_to_formulas", "strings_to_numbers", "strings_to_urls"), False)
        super().__init__(_Stream(), {**texts, **options})

    def contents(self) -> bytes:
        """Return the finished workbook as bytes; temporary files of XlsxWriter are removed, also after an error.

        An error of the disk is raised as itself, and any other error of XlsxWriter's file as an OSError.
        """
        with TemporaryDirectory(prefix="gpit-workbook-") as self.tmpdir:
            try:
                self.close()
            except XlsxFileError as fault:
                cause = fault.args[0]
                raise cause if isinstance(cause, OSError) else OSError(errno.EFBIG, str(cause)) from None
        return bytes(self.filename.getvalue())

    def _get_packager(self) -> Packager:
        """Return our packager, which writes the language and the late texts."""
        return _Packager()

    def _prepare_sst_string_data(self) -> None:
        """Do nothing: the table of texts stays open, as later rows add to it."""


class LiveBook(WorkbookWriter):
    """A workbook of our own sheets, in Arial."""

    worksheet_class = WorksheetWriter

    def __init__(self) -> None:
        """Make an empty workbook in Arial."""
        # XlsxWriter changes the settings it is given; without a copy, a second workbook of a process would differ.
        super().__init__(default_format_properties=dict(_FONT))
        self.set_size(2400, 1400)
