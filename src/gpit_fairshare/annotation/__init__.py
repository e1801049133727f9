"""Write a copy of the user's workbook with the findings marked: see `annotate`. Nothing else in it changes.

Each cell with a finding gets a fill and a note, and a sheet at the end lists the findings with links to the
cells. Everything else keeps its bytes: values, formulas and their last results, charts, pictures,
filters, shared texts. To do so, the module changes single parts of the file. It does not read the workbook into a model
and write it again, which would lose everything that the model does not know.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from gpit_fairshare.annotation.markup import Unfit, get_int
from gpit_fairshare.annotation.notes import add_notes
from gpit_fairshare.annotation.package import Package
from gpit_fairshare.annotation.report import FIRST_ROW, Mark, findings_sheet, note_text
from gpit_fairshare.annotation.sheets import MOST_ROWS, AnnotatedSheet, CellPlace, WorkbookPart, place_of
from gpit_fairshare.annotation.styles import STYLES_TYPE, StylesPart
from gpit_fairshare.errors import InputError, OutputError, UsageError
from gpit_fairshare.files import read_regular, reading_problem
from gpit_fairshare.findings import LEVELS
from gpit_fairshare.numbers import megabytes
from gpit_fairshare.words import nearest

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


__all__ = ["Mark", "annotate"]

LARGEST: Final = 64_000_000
"""Most bytes of unpacked XML in a workbook; a sheet takes about twenty times its size while it is changed."""


def annotate(original: Path, copy: Path, marks: Sequence[Mark], *, largest: int = LARGEST) -> None:
    """Write a copy of a workbook with a fill and a note on each marked cell, and a sheet that lists the findings.

    Several findings on a cell share one note and the fill of the most serious; an existing note keeps its
    text. If a cell is hidden in a merged range, the visible cell of the range is marked. The original is read once and
    never changed.

    Args:
        original: an .xlsx workbook.
        copy: where to write, usually a draft in the same folder: see `files.in_place`.
        marks: the findings; the sheet lists them in this order.
        largest: most bytes of unpacked XML in the workbook.

    Raises:
        UsageError: the original is not an .xlsx file or does not exist, the copy is the original, or a mark is on a
            sheet or a cell that the workbook does not have.
        InputError: the original is damaged, protected by a password, has macros or is too large.
        OutputError: there are more findings than rows on a sheet.
    """
    if original.suffix.lower() != ".xlsx":
        raise UsageError(f"{original.name}: gpit can mark only .xlsx workbooks; save it as .xlsx")
    if original.resolve() == copy.resolve() or (original.exists() and copy.exists() and original.samefile(copy)):
        raise UsageError(f"{copy.name}: is the workbook itself, which gpit never overwrites; give another name")
    if len(marks) >= MOST_ROWS:
        raise OutputError(f"{original.name}: {len(marks):,} findings are too many for a sheet; correct some first")
    data = _read_original(original, largest)
    try:
        package = Package(data, largest)
        _mark_cells(package, marks, original.name)
        package.save(copy)
    except Unfit as fault:
        raise InputError([replace(fault.finding, file=original.name)]) from fault


def _read_original(original: Path, largest: int) -> bytes:
    """Return the bytes of the workbook.

    Raises:
        UsageError: It cannot be read, or it is more than four times as large as `largest`.
    """
    try:
        if original.stat().st_size > 4 * largest:
            raise UsageError(f"{original.name}: is larger than {megabytes(4 * largest)}, too large to mark")
        return read_regular(original)
    except OSError as fault:
        raise UsageError(f"{original.name}: {reading_problem(original, fault)}") from None


def _mark_cells(package: Package, marks: Sequence[Mark], file: str) -> None:
    """Mark the cells of an opened workbook with fills and notes, and add the sheet of findings to it.

    A cell with several findings gets the fill of the most serious one and one note. For a cell hidden in a merged
    range, the visible cell is marked. A finding without a cell is only on the sheet.
    """
    book = WorkbookPart(package)
    named_marks = [_as_named(mark, book, file) for mark in marks]
    title = book.free_name("Findings")
    styles = _open_styles(package)
    cells: dict[str, list[tuple[int, Mark]]] = {}
    for row, mark in enumerate(named_marks, FIRST_ROW):
        if mark.cell:
            cells.setdefault(mark.sheet, []).append((row, mark))
    for name, findings in cells.items():
        part = book.pages[name.casefold()].part
        sheet = AnnotatedSheet(package.edit(part), part)
        groups: defaultdict[CellPlace, list[tuple[int, Mark]]] = defaultdict(list)
        for row, mark in findings:
            if place := place_of(mark.cell):
                groups[sheet.visible_cell(place)].append((row, mark))
        texts: dict[CellPlace, str] = {}
        for place, group in sorted(groups.items()):
            most_serious = min((mark.level for _, mark in group), key=LEVELS.index)
            cell = sheet.cell(place)
            cell.set("s", str(styles.marked(get_int(cell, "s", 0), most_serious)))
            texts[place] = note_text(group, title, cell=str(place))
        add_notes(package, sheet, texts)
    linked = frozenset(page.name for page in book.pages.values() if page.cells)
    root = findings_sheet(named_marks, linked, styles, package.dialect)
    book.append_sheet(title, root)


def _as_named(mark: Mark, book: WorkbookPart, file: str) -> Mark:
    """Return a mark with the names of its sheet and cell as the workbook writes them.

    A mark without a sheet also loses its cell.

    Raises:
        UsageError: the sheet or the cell does not exist.
    """
    if not mark.sheet:
        return replace(mark, cell="")
    page = book.pages.get(mark.sheet.casefold())
    if page is None:
        suggestion = nearest(mark.sheet, [entry.name for entry in book.pages.values()])
        raise UsageError(f"{file}: there is no sheet '{mark.sheet}'{suggestion}")
    if mark.cell and not page.cells:
        raise UsageError(f"{file}: the sheet '{page.name}' is a chart and has no cell {mark.cell}")
    place = place_of(mark.cell)
    if mark.cell and place is None:
        raise UsageError(f"{file}: '{mark.cell}' is not a cell; write it as C5")
    return replace(mark, sheet=page.name, cell=str(place) if place else "")


def _open_styles(package: Package) -> StylesPart:
    """Return the cell styles of the workbook; their part is created if there is none."""
    part = package.target(package.workbook, kind="styles")
    if not part:
        empty = f'<styleSheet xmlns="{package.dialect.main}"/>'.encode()
        part, _ = package.add(package.workbook, "styles", "styles.xml", empty, STYLES_TYPE)
    return StylesPart(package.edit(part))
