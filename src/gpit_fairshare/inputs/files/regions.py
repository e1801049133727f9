"""Find the table on a sheet: its headings, its rows, and the rows around it that are not part of it.

Sheets have titles above the table, notes, sources and other tables below it, headings repeated on each page, and
section headings. None of these is read as an organisation, and all of them are reported.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from gpit_fairshare.findings import FileFindings, FindingCode
from gpit_fairshare.inputs.columns.cells import read_number
from gpit_fairshare.inputs.columns.marks import bare_heading, bare_text, without_number
from gpit_fairshare.inputs.columns.units import CELL, StatedUnit, cell_unit, is_possible_unit, unit_alone, unit_in_title
from gpit_fairshare.inputs.files.grids import (
    ERROR_TEXTS,
    HEADINGS_AMONG,
    Broken,
    Grid,
    Unreadable,
    heading_scores,
    is_blank,
    known_headings,
)
from gpit_fairshare.words import counted, listed, one_line

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence


Record = tuple[int, "Sequence[Any]"]

MOST_COLUMNS = 16_384
"""Columns of a sheet of Excel."""
_CODE = re.compile(r"[0-9A-Za-z][0-9A-Za-z._/-]{0,14}")
"""The form of a code; notes and section headings have spaces or are longer."""
_NOTE = re.compile(
    r"\W*(?:notes?|sources?|footnotes?|published|produced|copyright|©|\*|\[|contact|page \d)", re.IGNORECASE
)
_FIGURE = re.compile(r"[1-9][0-9,]*(?:\.[0-9]+)?|0(?:\.[0-9]+)?")
_LABELS = ("unit", "units", "unit of measure", "code", "codes")
"""Words that a row of units may have in the column for codes."""
_MOST_WORDS = 4
"""Most words of a cell above or below a heading that states its unit; a longer text is a title."""


@dataclass
class Region:
    """A table and the rows around it."""

    heading_row: int
    headings: list[str]
    """Headings without surrounding spaces and footnote marks; empty if a column has no heading."""
    units: dict[int, StatedUnit] = field(default_factory=dict)
    """Units by column, from a row of units above or below the headings."""
    odd_units: dict[int, str] = field(default_factory=dict)
    """Texts by column in such a row that seem to be units but are not understood."""
    rows: list[tuple[int, tuple[Any, ...]]] = field(default_factory=list)
    """Rows that are not blank: the number, and one cell for each heading."""
    rows_above: dict[int, str] = field(default_factory=dict)
    """Rows above the headings, and their texts."""
    titles: list[str] = field(default_factory=list)
    """Full texts above the headings, for the units in them."""
    rows_left_out: dict[int, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    """Full texts of notes in or below the table, for the units in them."""
    repeats: list[int] = field(default_factory=list)
    """Rows that repeat the headings."""
    second: str = ""
    """Rows and headings of a second table below, which is not read."""
    wide: list[tuple[int, int]] = field(default_factory=list)
    """Rows with cells to the right of the headings: row and number of cells."""
    marked: dict[int, str] = field(default_factory=dict)
    """Original headings by column, if a footnote mark was removed."""
    spread: dict[int, tuple[int, ...]] = field(default_factory=dict)
    """Columns of figures under a heading merged over several of them, by the heading's column."""
    moved: dict[int, int] = field(default_factory=dict)
    """Columns that got the heading merged over them and a blank column: column and blank column."""

    def is_filled(self, index: int) -> bool:
        """Return whether a column has any value below its heading."""
        return any(not is_blank(cells[index]) for _, cells in self.rows)

    def read_units(self, cells: Sequence[Any]) -> None:
        """Store the unit of each column that a row above or below the headings states, in `units`.

        A text that seems to be a unit but is not understood is stored in `odd_units`.
        """
        for index, cell in enumerate(cells):
            text = bare_text(cell.strip())[0] if isinstance(cell, str) else ""
            unit, unknown = cell_unit(text) if text else (None, "")
            if unit:
                self.units[index] = unit._replace(stated_by=CELL)
            elif unknown and is_possible_unit(text):
                self.odd_units[index] = text


def find_table(grid: Grid, recognise: Callable[[str], str | None]) -> Region:
    """Find the table of a sheet: its headings, units and rows, and the rows around it.

    The headings are the row among the first 60 that has the most known headings, including one for codes; of equal
    rows, the first. If there is no such row, they are the first row with at least half as many filled cells as is
    usual. Footnote marks are removed from them, and a heading merged over blank columns goes to the column with values.

    Raises:
        Unreadable: there are no rows below the headings, or there are too many columns.
    """
    records = grid.records
    place = _find_headings(records, recognise)
    number, cells = records[place]
    raw_headings = ["" if is_blank(cell) else _text_of_cell(cell) for cell in cells]
    merged = {left: right for top, left, _, right in grid.markup.merged if top == number and right > left}
    covered = {column for left, right in merged.items() for column in range(left + 1, right + 1)}
    while raw_headings and not raw_headings[-1] and len(raw_headings) - 1 not in covered:
        raw_headings.pop()
    if len(raw_headings) > MOST_COLUMNS:
        message = f"row {number:,} has {len(raw_headings):,} cells; a table may have at most {MOST_COLUMNS:,} columns"
        raise Unreadable(FindingCode.SEPARATORS, message, "Save only the columns you need in a separate file")
    headings = _bare_headings(raw_headings, recognise)
    region = Region(number, headings)
    region.marked = {index: text for index, text in enumerate(raw_headings) if text != headings[index]}
    columns = {recognise(heading): index for index, heading in reversed(list(enumerate(headings))) if heading}
    key = columns.get("org_code", columns.get("practice_code", min(columns.values(), default=0)))
    above = list(records[:place])
    if above and _is_row_of_units(above[-1][1], headings, key, grid, is_above=True):
        region.read_units(above.pop()[1])
    region.rows_above = {row: _texts_of_row(texts) for row, texts in above}
    region.titles = [_text_of_cell(cell) for _, texts in above for cell in texts if isinstance(cell, str)]
    _RowsBelow(region, grid, recognise, key, {*columns.values()} - {key}).sort_rows(records[place + 1 :])
    if not region.rows:
        raise Unreadable(FindingCode.EMPTY, "there are no rows below the headings", "Export it again with its rows")
    for left, right in merged.items():
        _place_merged_heading(region, left, min(right, len(headings) - 1))
    return region


def report_region(region: Region, findings: FileFindings) -> None:
    """Note the rows around the table that were not read, and the headings that were read without footnote marks."""
    if region.marked:
        marked = listed([f"'{text}'" for text in region.marked.values()])
        findings.note(FindingCode.HEADING, f"headings read without their footnote marks: {marked}")
    if region.rows_above:
        findings.note(
            FindingCode.TITLES,
            f"the headings are in row {region.heading_row}, below {_rows_in_words(region.rows_above)}",
        )
    if region.repeats:
        rows = listed([f"{row:,}" for row in region.repeats])
        findings.note(FindingCode.NOTES, f"left out as repeated headings: row {rows}")
    if region.rows_left_out:
        findings.note(
            FindingCode.NOTES, f"left out as notes or section headings: {_rows_in_words(region.rows_left_out)}"
        )
    if region.second:
        findings.note(FindingCode.SECOND_TABLE, f"left out another table below: {region.second}")


def _find_headings(records: Sequence[Record], recognise: Callable[[str], str | None]) -> int:
    """Return the index of the row of headings among the records.

    It is the first of the rows with the most known headings, including one for codes. If there is no such row, it is
    the first with at least half as many filled cells as the median of the first 60 rows.
    """
    scores = heading_scores(records, recognise)
    if any(scores):
        return scores.index(max(scores))
    widths = [sum(not is_blank(cell) for cell in cells) for _, cells in records[:HEADINGS_AMONG]]
    usual = sorted(widths)[len(widths) // 2]
    return next(index for index, width in enumerate(widths) if width * 2 >= usual)


def _bare_headings(raw_headings: Sequence[str], recognise: Callable[[str], str | None]) -> list[str]:
    """Return headings without their footnote marks.

    A number in brackets at the end is a footnote mark if the heading is not known with it, and no other heading is the
    same apart from such a number. In round brackets, as in `Score (1)`, the heading must also be known without the
    number, as a column that no other heading names.
    """
    headings = [bare_heading(heading) for heading in raw_headings]
    shorter_headings = [without_number(heading) for heading in headings]
    counts = Counter(heading.casefold() for heading, _ in shorter_headings)
    recognised_columns = {recognise(heading) for heading in headings}
    return [
        shorter
        if shorter != heading
        and counts[shorter.casefold()] == 1
        and recognise(heading) is None
        and (is_mark or recognise(shorter) not in recognised_columns)
        else heading
        for heading, (shorter, is_mark) in zip(headings, shorter_headings, strict=True)
    ]


def _place_merged_heading(region: Region, left: int, right: int) -> None:
    """Move a merged heading to the only column with values under it, and record the move in `moved`.

    If several columns under it have figures, it stays in place, and `spread` records these columns. It also stays if
    its own column has values, or if the other column has a heading.

    Args:
        region: the table.
        left: first column under the heading.
        right: last column under the heading.
    """
    filled = [index for index in range(left, right + 1) if region.is_filled(index)]
    figures = [index for index in filled if any(_is_figure(cells[index]) for _, cells in region.rows)]
    if len(figures) > 1 and region.headings[left]:
        region.spread[left] = tuple(figures)
    elif len(filled) == 1 and filled[0] != left and not region.headings[filled[0]]:
        region.headings[filled[0]], region.headings[left] = region.headings[left], ""
        region.moved[filled[0]] = left


def _is_figure(cell: Any) -> bool:
    """Return whether a cell is a number, or a text that can be read as one other than a dash."""
    if isinstance(cell, str):
        reading = read_number(cell.strip()) if len(cell) < 40 else None
        return reading is not None and reading.remark is not FindingCode.DASHES
    return isinstance(cell, int | float) and not isinstance(cell, bool)


class _RowsBelow:
    """Sorts the rows below the headings: into rows of the table, notes, units, repeated headings, another table.

    Args:
        region: the table, with its headings.
        grid: tells whether the file stores numbers and texts differently.
        recognise: returns the column of a heading, or None.
        key: the column of codes.
        others: other columns with a heading; of columns with the same name, and of all with an unknown heading, only
            the first.
    """

    def __init__(
        self, region: Region, grid: Grid, recognise: Callable[[str], str | None], key: int, others: set[int]
    ) -> None:
        self.region = region
        self.grid = grid
        self.recognise = recognise
        self.key = key
        self.others = others
        self.folded = [heading.casefold() for heading in region.headings]
        self.last = region.heading_row
        self._numeric: set[int] | None = None

    def sort_rows(self, records: Sequence[Record]) -> None:
        """Add rows of the table to the region, and record the other rows, until a second table begins.

        A row with a code that follows another of these rows without a gap is always one of the table. Rows are cut or
        filled up to the width of the headings; those with further values are recorded in `wide`.
        """
        width, rows, headings = len(self.region.headings), self.region.rows, frozenset(self.folded)
        for index, (number, cells) in enumerate(records):
            key = cells[self.key] if self.key < len(cells) else None
            gap = number > self.last + 1
            self.last = number
            plain = isinstance(key, str) and is_code(text := key.strip()) and text.casefold() not in headings
            if not plain or gap or index == 0:
                verdict = self._classify_row(cells, gap=gap, first=index == 0)
                if verdict == "second":
                    self.region.second = f"rows {number:,} to {records[-1][0]:,}, headed {_texts_of_row(cells)}"
                    return
                if verdict == "left":
                    continue
            if len(cells) > width and not all(map(is_blank, cells[width:])):
                self.region.wide.append((number, len(cells)))
            fitted = cells if len(cells) == width else [*cells[:width], *[None] * (width - len(cells))]
            rows.append((number, tuple(fitted)))

    def _classify_row(self, cells: Sequence[Any], *, gap: bool, first: bool) -> str:
        """Return `left` for a row to leave out, `second` for the start of a second table, else `row`.

        The units, notes and repeated headings in a row to leave out are recorded in the region.

        Args:
            cells: the row.
            gap: whether blank rows come before it.
            first: whether it is the first row below the headings.
        """
        filled = [(index, cell) for index, cell in enumerate(cells) if not is_blank(cell)]
        texts = [(index, cell) for index, cell in filled if isinstance(cell, str)]
        may_be_headings = len(texts) == len(filled) > 1
        if first and _is_row_of_units(cells, self.region.headings, self.key, self.grid, is_above=False):
            self.region.read_units(cells)
        elif may_be_headings and all(self._is_heading(index, cell) for index, cell in texts):
            self.region.repeats.append(self.last)
            return "left"
        elif may_be_headings and self._is_start_of_table(texts, gap=gap):
            return "second"
        elif self._is_note(filled, gap=gap):
            self.region.notes += [_text_of_cell(cell) for _, cell in filled]
        else:
            return "row"
        self.region.rows_left_out[self.last] = _texts_of_row(cells)
        return "left"

    def _is_heading(self, index: int, cell: str) -> bool:
        """Return whether a cell repeats the heading of its column, with or without footnote marks."""
        if index >= len(self.folded):
            return False
        text = " ".join(cell.split())
        return bare_heading(text).casefold() == self.folded[index] or text == self.region.marked.get(index)

    def _is_start_of_table(self, texts: Sequence[tuple[int, str]], *, gap: bool) -> bool:
        """Return whether a row of texts has the headings of another table.

        That is so if at least half of them repeat headings of this table, or at least two are known headings. After
        blank rows, it is also so if at least two texts are in columns where this table has figures.

        Args:
            texts: the cells that are not blank, each with its column.
            gap: whether blank rows come before the row.
        """
        cells = [cell for _, cell in texts]
        folded = {" ".join(cell.split()).casefold() for cell in cells} - {""}
        if len(folded & set(self.folded)) * 2 >= len(cells) or len(known_headings(cells, self.recognise)) > 1:
            return True
        over = [cell for index, cell in texts if index in self._numeric_columns()]
        return gap and len(over) > 1 and not any(self._is_number(cell) for cell in over)

    def _is_note(self, filled: Sequence[tuple[int, Any]], *, gap: bool) -> bool:
        """Return whether a row has only texts and is a note or a section heading, not a row of the table.

        A single text is one in the column of codes if it is not a code; elsewhere, if it is not in one of the `others`
        or comes after blank rows. Several texts are one if the first begins like a note (`Source: …`), or if they come
        after blank rows, none is in a column of figures, and the first is not a code in the column of codes. Several
        texts with a number among them in a text file, and a row that begins with a text such as `#N/A`, are none.

        Args:
            filled: the cells that are not blank, each with its column.
            gap: whether blank rows come before the row.
        """
        if not filled or any(not isinstance(cell, str) for _, cell in filled):
            return False
        index, text = filled[0][0], filled[0][1].strip()
        if text in ERROR_TEXTS:
            return False
        if len(filled) == 1:
            if index == self.key:
                return not is_code(text)
            return gap or index not in self.others
        if any(self._is_number(cell) for _, cell in filled):
            return False
        if _NOTE.match(text):
            return True
        # A text instead of a figure is an error to report, not a note.
        over = any(index in self._numeric_columns() for index, _ in filled)
        return gap and not over and not (index == self.key and is_code(text))

    def _is_number(self, cell: Any) -> bool:
        """Return whether a cell has a value other than text or, in a text file, a text that is read as a number."""
        if isinstance(cell, str):
            return not self.grid.typed and read_number(cell.strip()) is not None
        return not isinstance(cell, Broken) and cell is not None

    def _numeric_columns(self) -> set[int]:
        """Return the columns with numbers in most of the rows so far; empty until two rows are read.

        They are found once, from at most 60 rows, and do not change after that.
        """
        if self._numeric is None and len(self.region.rows) > 1:
            sample = self.region.rows[:HEADINGS_AMONG]
            self._numeric = {
                index
                for index in range(len(self.region.headings))
                if sum(self._is_number(cells[index]) for _, cells in sample) * 2 > len(sample)
            }
        return self._numeric or set()


@lru_cache(maxsize=4096)
def is_code(text: str) -> bool:
    """Return whether a text may be a code: at most 15 characters, no spaces, and not a word of four or more letters."""
    # Codes of four or more letters have a digit; section headings such as "North" do not.
    return bool(_CODE.fullmatch(text)) and not (text.isalpha() and len(text) > 3)


def _is_row_of_units(cells: Sequence[Any], headings: Sequence[str], key: int, grid: Grid, *, is_above: bool) -> bool:
    """Return whether a row above or below the headings states their units: it has only texts, some of them units.

    Every unit must be at a heading. Below the headings, a row with a code or, in a text file, with a figure is none;
    above them, a row with a title is none.

    Args:
        cells: the row.
        headings: the headings of the table.
        key: the column of codes. A text in it may be a title above the headings, or a code below them.
        grid: tells whether the file stores numbers and texts differently.
        is_above: whether the row is above the headings.
    """
    filled = [(index, cell) for index, cell in enumerate(cells) if not is_blank(cell)]
    texts = [(index, bare_text(cell.strip())[0]) for index, cell in filled if isinstance(cell, str)]
    code = dict(texts).get(key, "")
    # 10K is the code of a CCG. Most rows below the headings have such a code.
    if not is_above and is_code(code) and not code.isalpha() and unit_alone(code) is None:
        return False
    units = [index for index, text in texts if is_possible_unit(text)]
    is_inside = all(index < len(headings) and headings[index] for index in units)
    if not units or not is_inside or len(texts) < len(filled):
        return False
    if not is_above:
        is_row = not is_code(code) or unit_alone(code) is not None or key in units
        # 1000 is a figure.
        return is_row and not any(_is_plain_figure(text, index in units) for index, text in texts if not grid.typed)
    # A sentence above the headings is a title, even with a unit. In a text file, commas may split it into cells.
    is_title = any(
        len(text.split()) > _MOST_WORDS
        or (unit_in_title(text) and not cell_unit(text)[0])
        or (index == key and index not in units and not grid.typed and text.casefold().strip(":") not in _LABELS)
        for index, text in texts
    )
    return not is_title and (units != [key] or unit_alone(dict(texts)[key]) is not None)


def _is_plain_figure(text: str, may_be_unit: bool) -> bool:
    """Return whether a text of a row that may state units is a figure: 1000 and 0 are, 000 and £000 are not."""
    return bool(_FIGURE.fullmatch(text)) or (not may_be_unit and read_number(text) is not None)


def _text_of_cell(cell: Any) -> str:
    """Return a cell as a text with single spaces; of a cell without a value, the reason."""
    return " ".join(str(cell.why if isinstance(cell, Broken) else cell).split())


def _texts_of_row(cells: Sequence[Any]) -> str:
    """Return the texts in a row for a message, each quoted and shortened: `'Notes', 'All figures in £'`."""
    return listed([f"'{one_line(_text_of_cell(cell), 60)}'" for cell in cells if not is_blank(cell)], 4)


def _rows_in_words(rows: Mapping[int, str]) -> str:
    """Return a count of rows, and their texts, for a message: `2 rows ('Source' in row 3 and 'Note 1' in row 4)`."""
    return f"{counted(len(rows), 'row')} ({listed([f'{text} in row {row:,}' for row, text in rows.items()], 5)})"
