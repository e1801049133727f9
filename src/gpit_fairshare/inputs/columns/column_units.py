"""Find the unit of each column of a file: from `--unit`, else its heading, a cell next to it, or a title."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gpit_fairshare.findings import FindingCode
from gpit_fairshare.inputs.columns.cells import read_number
from gpit_fairshare.inputs.columns.standard_columns import is_named, standard_columns
from gpit_fairshare.inputs.columns.units import (
    CELL,
    RATES,
    StatedUnit,
    has_percent_sign,
    heading_unit,
    is_possible_unit,
    is_vague,
    parse_unit,
    rate_unit,
    split_unit,
    unit_in_title,
)
from gpit_fairshare.inputs.model import AppliedUnit, Request
from gpit_fairshare.words import listed, quoted_option

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from gpit_fairshare.inputs.files.reading import InputSheet

HEADING = "heading"
TITLE = "title"

_UNIT_HEADINGS = ("unit", "units", "unit of measure", "currency")
_IN_HEADING = (
    "State the unit in the heading of each column, as in 'Spend (£000)' or 'Spend (£)', or give it with --unit"
)


class ColumnUnits:
    """The units of the columns of one file.

    Args:
        sheet: the file.
        columns: index of each column by name.
        request: the request, with the user's units.
    """

    def __init__(self, sheet: InputSheet, columns: Mapping[str, int], request: Request) -> None:
        self.sheet = sheet
        self.columns = columns
        standard = standard_columns()
        needed = {need.name: need.unit for need in request.needs}
        self._measures = {
            index: needed.get(name) or (standard[name].unit if name in standard else "")
            for name, index in columns.items()
        }
        """The unit of each column, such as `£` or `people`, from the scheme or headings.toml."""
        self._by_user = {
            index: unit._replace(stated_by="--unit")
            for heading, text in request.units.items()
            for index, file_heading in enumerate(sheet.headings)
            if is_named(file_heading, heading) and (unit := parse_unit(text) or rate_unit(text))
        }
        self._known_words = frozenset().union(
            *(column.words for column in standard.values() if column.kind == "number")
        )
        text_names = {*request.keep_text, *(name for name, column in standard.items() if column.kind == "text")}
        self._text_columns = {index for name, index in columns.items() if name in text_names}
        self._names = [(sheet.sheet, "name of the sheet"), (sheet.file.rpartition(".")[0], "name of the file")]
        """The names of the sheet and the file, which may state a unit."""
        texts = [*((title, TITLE) for title in sheet.titles), *self._names]
        self._whole_table = [
            *(unit for index, unit in sheet.units.items() if unit.factor > 1 and not self._has_figures(index)),
            *(unit._replace(stated_by=place) for text, place in texts if (unit := unit_in_title(text))),
        ]
        """Units stated for the whole table: by titles, names, and cells next to headings of columns without figures."""
        self._units = {index: self._find_unit(index) for index in columns.values()}

    def unit_of(self, index: int) -> StatedUnit | None:
        """Return the unit of a column, or None if nothing states one."""
        return self._units[index]

    def factor_of(self, index: int) -> int:
        """Return the factor for the figures of a column, from its unit: 1,000 for `£'000`, usually 1."""
        unit = self.unit_of(index)
        return unit.factor if unit else 1

    def rate_of(self, index: int) -> str:
        """Return `%` if plain numbers of a column are percentages, `ratio` if multiples; empty if neither is stated."""
        unit = self.unit_of(index)
        return unit.measure if unit and unit.measure in RATES else ""

    def applied_units(self, used: Collection[str]) -> tuple[AppliedUnit, ...]:
        """Return the unit of each used column that is in £ or people, or whose unit is stated, from left to right.

        If nothing states the unit of a column, it is plain £ or people.

        Args:
            used: names of the columns that the run uses.
        """
        applied = []
        for index, name in sorted((index, name) for name, index in self.columns.items() if name in used):
            measure = self._measures[index]
            unit = self.unit_of(index) or StatedUnit(1, measure, "")
            if measure in ("£", "people") or unit.factor > 1 or unit.measure in RATES:
                heading, factor = self.sheet.headings[index], 0.01 if unit.measure == "%" else unit.factor
                applied.append(AppliedUnit(heading, name, unit.text, factor, unit.stated_by))
        return tuple(applied)

    def report(self, used: Collection[str], essential: Collection[str]) -> None:
        """Report which figures are multiplied, and units of £ and people that are not understood or contradictory.

        Args:
            used: names of the columns that the run uses.
            essential: names of columns in which an error stops the run; in others it is only a warning. Unclear units
                of the whole table are always errors.
        """
        columns = sorted((index, name) for name, index in self.columns.items() if name in used)
        multiplied = [
            f"'{self.sheet.headings[index]}' by {unit.factor:,}{_source_in_words(unit)}"
            for index, _ in columns
            if (unit := self.unit_of(index)) and unit.factor > 1
        ]
        if multiplied:
            texts = listed(multiplied, 20)
            self.sheet.findings.note(FindingCode.UNIT, f"figures are multiplied because of their unit: {texts}")
        percentages = [
            f"'{self.sheet.headings[index]}'{_source_in_words(unit)}"
            for index, _ in columns
            if (unit := self.unit_of(index)) and unit.measure == "%"
        ]
        if percentages:
            texts = listed(percentages, 20)
            self.sheet.findings.note(FindingCode.UNIT, f"plain numbers are percentages because of their unit: {texts}")
        measured = [(index, name) for index, name in columns if self._measures[index] in ("£", "people")]
        rates = [(index, name) for index, name in columns if self.rate_of(index) and self._measures[index]]
        for index, name in dict.fromkeys([*measured, *rates]):
            report = self.sheet.findings.error if name in essential else self.sheet.findings.warning
            self._report_column(index, name, report)
        self._report_table_units([index for index, _ in measured if index not in self._by_user])

    def _find_unit(self, index: int) -> StatedUnit | None:
        """Return the unit of a column, or None: from `--unit`, else its heading, the cell next to it, or the table.

        A unit of the whole table is used only if it measures the same as the column: £ or people.
        """
        measure = self._measures[index]
        stated = (self._by_user.get(index), self._heading_unit(index)[0], self._cell_unit(index))
        of_table = (unit for unit in self._whole_table if measure and unit.measure == measure)
        return next(filter(None, (*stated, *of_table)), None)

    def _heading_unit(self, index: int) -> tuple[StatedUnit | None, str]:
        """Return the unit in a heading, or None, and the part of the heading that is not understood.

        Only columns of £ or people are checked for parts that are not understood; for others, the second text is empty.
        """
        heading = self.sheet.headings[index]
        unit: StatedUnit | None
        if heading in standard_columns():  # no name in headings.toml states a unit
            unit, unknown = None, ""
        elif self._measures[index] in ("£", "people"):
            unit, unknown = heading_unit(heading, self._known_words)
        elif self._measures[index] in RATES and has_percent_sign(heading):
            unit, unknown = rate_unit("%"), ""
        else:
            unit, unknown = split_unit(heading)[1], ""
        return unit and unit._replace(stated_by=HEADING), unknown

    def _cell_unit(self, index: int) -> StatedUnit | None:
        """Return the unit in the cell next to a heading, or None; % and ratio only for columns of rates."""
        rate = rate_unit(self.sheet.odd_units.get(index, "")) if self._measures[index] in RATES else None
        return self.sheet.units.get(index) or (rate and rate._replace(stated_by=CELL))

    def _first_unit_of_rows(self) -> list[str]:
        """Return an entry in a column headed `Unit` or `Currency` that is not plain £ or people, with the heading.

        The list has only the first such entry in alphabetical order, and is empty if there is none. Units of single
        rows are not applied, so the entry is reported.
        """
        indices = [index for index, heading in enumerate(self.sheet.headings) if heading.casefold() in _UNIT_HEADINGS]
        texts = {(index, str(row[index]).strip()) for index in indices for _, row in self.sheet.rows if row[index]}
        return [
            f"{self.sheet.headings[index]}: {text}"
            for index, text in sorted(texts)
            if is_possible_unit(text) and (not (unit := parse_unit(text)) or unit.factor != 1)
        ][:1]

    def _has_figures(self, index: int) -> bool:
        """Return whether a column has any number or text that is read as one; False for columns of texts."""
        if index in self._text_columns:
            return False
        cells = (row[index] for _, row in self.sheet.rows)
        return any(
            read_number(cell.strip()) is not None if isinstance(cell, str) else isinstance(cell, int | float)
            for cell in cells
        )

    def _report_column(self, index: int, name: str, report: Callable[..., None]) -> None:
        """Report the first problem with the unit of one column of £ or people.

        The unit measures something else than the column, is not understood, or differs between the heading and the cell
        next to it. If `--unit` gives a unit that fits the column, there is only a warning if the file states another.

        Args:
            index: the column.
            name: the name of the column.
            report: adds an error or a warning.
        """
        heading, measure = self.sheet.headings[index], self._measures[index]
        in_heading, unknown = self._heading_unit(index)
        unit, in_cell = self.unit_of(index), self._cell_unit(index)
        if unit and unit.measure not in ("", measure) and not {unit.measure, measure} <= {*RATES}:
            right_unit = quoted_option("--unit", heading, measure)
            report(
                FindingCode.UNIT,
                f"'{heading}' is read as {name}, in {measure}, but its unit is {unit.text}"
                + ("" if unit.stated_by == HEADING else f" ({unit.stated_by})"),
                remedy=f"Name the right column with --map 'HEADING={name}', "
                + (f"or the right unit with {right_unit}" if measure in ("£", "people") else "or leave out --unit"),
            )
        elif index in self._by_user:
            self._report_overruled(index, in_heading, unknown)
        elif unknown or (index in self.sheet.odd_units and not in_cell):
            text = unknown.strip() or self.sheet.odd_units[index]
            report(
                FindingCode.UNIT,
                f"'{heading}' is read as {name}, in {measure}, but seems to state another unit"
                f"{'' if unknown else ' in the cell next to it'}: '{text}' is not understood",
                "a unit such as (£), (£000) or (£m), or none" if measure == "£" else "people, (000s) or no unit",
                f"If the unit is {measure}, say so with {quoted_option('--unit', heading, measure)}; "
                "otherwise correct the heading or the figures",
            )
        elif in_heading and in_cell and not in_cell.reads_like(in_heading):
            report(
                FindingCode.UNIT,
                f"'{heading}' says {in_heading.text}, but the cell next to it says {in_cell.text}",
                "one unit for each column",
                _IN_HEADING,
            )

    def _report_overruled(self, index: int, in_heading: StatedUnit | None, unknown: str) -> None:
        """Warn if the file states a unit for a column that reads figures differently from `--unit`, or an unclear one.

        Units of the whole table are compared only if neither the heading nor the cell next to it states one.

        Args:
            index: the column.
            in_heading: the unit in its heading, if any.
            unknown: the part of its heading that is not understood.
        """
        user_unit = self._by_user[index]
        in_cell = self._cell_unit(index)
        odd_text = "" if in_cell else self.sheet.odd_units.get(index, "")
        of_table = (
            [] if in_heading or in_cell else [unit for unit in self._whole_table if unit.measure == user_unit.measure]
        )
        others = [str(in_heading)] if in_heading and not in_heading.reads_like(user_unit) else []
        others += [f"'{text}' ({place})" for text, place in ((unknown.strip(), HEADING), (odd_text, CELL)) if text]
        others += [str(unit) for unit in (in_cell, *of_table) if unit and not unit.reads_like(user_unit)]
        if others:
            self.sheet.findings.warning(
                FindingCode.UNIT,
                f"'{self.sheet.headings[index]}' is read in {user_unit.text}, as --unit says; "
                f"the file says {listed(others)}",
                remedy="If the file is right, remove --unit",
            )

    def _report_table_units(self, indices: Collection[int]) -> None:
        """Report as errors units of the whole table that contradict a heading, or are not clear.

        These are a unit such as £000 if a heading says plain £; several units of money if a column of £ states none;
        and texts about thousands or millions if a column is left without any unit.

        Args:
            indices: columns of £ or people without a unit from the user.
        """
        pounds = [unit for unit in self._whole_table if unit.measure == "£"]
        factors = {unit.factor for unit in pounds}
        money = [index for index in indices if self._measures[index] == "£"]
        plain = [index for index in money if (stated := self._heading_unit(index)[0]) and stated.factor == 1]
        if factors - {1} and plain:
            self._refuse(
                f"the {pounds[0].stated_by} states {pounds[0].text}, but '{self.sheet.headings[plain[0]]}' says £",
                "one unit for each column",
            )
        unstated = [index for index in indices if index not in self.sheet.units and not any(self._heading_unit(index))]
        if len(factors) > 1 and any(self._measures[index] == "£" for index in unstated):
            self._refuse(f"the file states several units of money: {listed([str(unit) for unit in pounds])}", "one")
        if not all(map(self.unit_of, unstated)):
            self._report_vague_texts()

    def _report_vague_texts(self) -> None:
        """Report as errors texts about thousands or millions that may refer to columns without a unit.

        They may be titles, notes, the names of the file and sheet, and entries in a row or column of units.
        """
        sheet = self.sheet
        texts = [title for title in sheet.titles if is_vague(title)]
        texts += [note for note in sheet.notes if is_vague(note) or unit_in_title(note)]
        texts += [name for name, _ in self._names if is_vague(name)]
        texts += [unit.text for unit in self._whole_table if not unit.measure]
        texts += [text for index, text in sheet.odd_units.items() if not self._has_figures(index)]
        texts += self._first_unit_of_rows()
        for text in texts:
            self._refuse(f"'{text[:200]}' does not make clear which figures are in thousands or millions")

    def _refuse(self, message: str, expected: str = "") -> None:
        """Report as an error that a unit is not clear."""
        self.sheet.findings.error(FindingCode.UNIT, message, expected, _IN_HEADING)


def _source_in_words(unit: StatedUnit) -> str:
    """Return the text that states a unit, in brackets; empty if it is the heading, which the message names already.

    If the text is neither a title nor a cell next to the heading, its source follows, such as `--unit`.
    """
    if unit.stated_by == HEADING:
        return ""
    return f" ({unit.text})" if unit.stated_by in (CELL, TITLE) else f" ({unit})"
