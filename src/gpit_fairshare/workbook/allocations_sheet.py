"""The published tables: a sheet for each year with every organisation's allocation, in the order of NHS England's."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

from gpit_fairshare.engine.measures import PEOPLE
from gpit_fairshare.engine.organisation_years import opening_label, organisation_years
from gpit_fairshare.language import in_excel as excel
from gpit_fairshare.language.kinds import ORGANISATION
from gpit_fairshare.scheme.money import FAIR_SHARE
from gpit_fairshare.words import inside, plural
from gpit_fairshare.workbook.layout import ALLOCATIONS, NOT_GIVEN, Layout, number_format, sheet_name, with_unit
from gpit_fairshare.workbook.opening_columns import CHANGE, OPENING, OUTCOME
from gpit_fairshare.workbook.sheets import FIRST_ROW, NONE, NOT_APPLICABLE, column_number, letter

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from gpit_fairshare.engine.organisation_years import OrganisationYear

AREA: Final = "area"
CODE: Final = "code"
ALLOCATION: Final = "allocation"


@dataclass(frozen=True, slots=True)
class _AllocationRow:
    """A row of the table: the total of all, the subtotal of an area, or an organisation."""

    kind: Literal["total", "area", "organisation"]
    area: str = ""
    """The area of a subtotal or an organisation, as the inputs have it."""
    block_row: int = 0
    """Row of an organisation on the sheet of the year."""
    members: tuple[OrganisationYear, ...] = ()
    """The organisations that the row is about."""


class AllocationsSheet:
    """The sheet of one year's allocations, or other answers: the total, then each area with its organisations.

    A subtotal adds up the organisations that have the area on the sheet of the year, so it follows a change there.
    """

    def __init__(self, layout: Layout, year: str) -> None:
        """Make the sheet with its rows and columns; columns whose figures the inputs lack are left out."""
        self.layout, self.year, self.block = layout, year, layout.blocks[ORGANISATION, year]
        scheme = layout.scheme
        self.unit = scheme.symbols[scheme.result].unit
        self.by = scheme.report_by if scheme.report_by in self.block.columns else None
        self.rows = self._make_rows()
        self.columns: dict[str, str] = {}
        """Letters of the columns that formulas of other columns use."""
        name = ALLOCATIONS if layout.adds_up else layout.answers
        end = year if len(layout.years) > 1 else ""
        certainty = f", {scheme.certainty(year)}" if year in scheme.indicative else ""
        title = f"{scheme.title}: {inside(layout.answers)} {year}{certainty}"
        # One sheet of all years may have the plain name; the sheets of several years need their own.
        name = sheet_name(name, layout.used_sheet_names, end) if end or not layout.adds_up else ALLOCATIONS
        self.sheet = layout.make_sheet(name, title, "Notes are on the sheet About.")
        self.sheet.looks = {
            row: "total" if described.kind == "total" else "band"
            for row, described in enumerate(self.rows, FIRST_ROW)
            if described.kind != "organisation"
        }
        self._add_names()
        if layout.adds_up:
            self._add_money()
        else:
            self._add_answers()
        self._add_outcomes()

    def sum_of_organisations(self) -> str:
        """Return a formula for other sheets that adds up the allocations of the organisations, without subtotals."""
        code, amount = (self.sheet.column_range(column_number(self.columns[key])) for key in (CODE, ALLOCATION))
        return f'SUMIF({code},"<>{NONE}",{amount})'

    def _make_rows(self) -> list[_AllocationRow]:
        """Return the rows: the total, then each area's subtotal and organisations by code; without areas, by code."""
        organisations = organisation_years(self.layout.result, self.year)
        places = {member.code: row for row, member in enumerate(organisations, FIRST_ROW)}
        rows = [_AllocationRow("total", members=tuple(organisations))] if self.layout.adds_up else []
        for area in sorted({member.area for member in organisations}) if self.by else [""]:
            members = tuple(member for member in organisations if member.area == area or not self.by)
            if self.by and self.layout.adds_up:
                rows.append(_AllocationRow("area", area, members=members))
            rows += [_AllocationRow("organisation", area, places[member.code], (member,)) for member in members]
        return rows

    # Columns ------------------------------------------------------------------------------------------

    def _add_names(self) -> None:
        """Add the columns of area, code and name; a subtotal has the number of its organisations as its name."""
        noun = self.layout.scheme.organisation
        if self.by:
            areas = [NONE if row.kind == "total" else row.area or NOT_GIVEN for row in self.rows]
            column = self.sheet.add_column(self.layout.label(self.by), 24, areas, self._area_formula)
            self.columns[AREA] = letter(column)
        codes = [row.members[0].code if row.kind == "organisation" else NONE for row in self.rows]
        names = []
        for row in self.rows:
            count = len(row.members)
            if row.kind == "organisation":
                names.append(row.members[0].name or NOT_GIVEN)
            else:
                names.append(f"{'All ' if row.kind == 'total' else ''}{count:,} {noun if count == 1 else plural(noun)}")
        self.columns[CODE] = letter(self.sheet.add_column("Code", 9, codes))
        self.sheet.add_column("Name", 36, names)

    def _area_formula(self, row: int) -> str | None:
        """Return the formula of an organisation's area, from the sheet of the year; subtotals have a plain text."""
        described = self.rows[row - FIRST_ROW]
        if described.kind != "organisation" or not self.by:
            return None
        cell = self.block.cell(self.by, described.block_row)
        return f"IF({cell}={excel.text('')},{excel.text(NOT_GIVEN)},{cell})"

    def _add_money(self) -> None:
        """Add the columns of money, people and distances, and record the letters of those that others use."""
        block, scheme, money = self.block, self.layout.scheme, self.unit == "£"
        if money and block.number_column(PEOPLE):
            self._add_sums(PEOPLE, "Registered population", "people", block.column_range(PEOPLE), "people")
        if OPENING in block.helpers:
            heading = f"Opening baseline: {inside(opening_label(self.layout.result, self.year))}"
            self._add_sums(OPENING, heading, "£", block.helper_range(OPENING), "opening", note=1)
        if money and scheme.result != FAIR_SHARE and block.number_column(FAIR_SHARE):
            self._add_sums(FAIR_SHARE, scheme.labels[FAIR_SHARE], "£", block.column_range(FAIR_SHARE), "fair_share")
            if OPENING in block.helpers:
                self._add_distance("Opening distance from fair share (%) [note 2]", OPENING, "opening")
        if scheme.non_recurrent:
            self._add_parts()
        label = scheme.labels[scheme.result]
        self._add_sums(ALLOCATION, label, self.unit, block.column_range(scheme.result), "allocation")
        if PEOPLE in self.columns:
            heading = f"{label} per head (£)"
            self._add_ratio(heading, ALLOCATION, PEOPLE, "allocation", "people", "£ per head")
        if FAIR_SHARE in self.columns:
            self._add_distance("Closing distance from fair share (%) [note 2]", ALLOCATION, "allocation")
        if OPENING in self.columns:
            self._add_change()

    def _add_sums(  # one parameter for each property of a column
        self, key: str, label: str, unit: str | None, source: str, attribute: str, note: int = 0
    ) -> None:
        """Add a column of amounts: each organisation's cell of a column of the year, with totals and subtotals.

        Args:
            key: Name under which its letter is recorded.
            label: The heading, without the unit.
            unit: The unit.
            source: The column of the year as a range.
            attribute: The attribute of an `OrganisationYear` with the amount.
            note: Number of the note on About that explains it; 0 for none.
        """
        heading = with_unit(label, unit) + (f" [note {note}]" if note else "")
        values = [_sum_of(row, attribute) for row in self.rows]
        number = self.layout.money_format if unit == "£" else number_format(unit, values)
        self._add(key, heading, values, self._sums_of(source), number)

    def _sums_of(self, source: str) -> Callable[[int], str]:
        """Return the formulas of a column that repeats a column of the year, and adds it up in totals and subtotals."""
        column = source.partition(":")[0].rpartition("$")[0]

        def formula(row: int) -> str:
            described = self.rows[row - FIRST_ROW]
            if described.kind == "organisation":
                return f"{column}{described.block_row}"
            return f"SUM({source})" if described.kind == "total" else f"SUMPRODUCT({self._in_area(row)},{source})"

        return formula

    def _in_area(self, row: int) -> str:
        """Return a formula with 1 for each organisation of the year in the area of a subtotal, and 0 for the others."""
        assert self.by is not None  # noqa: S101  # only a sheet with areas has subtotals
        cells = self.block.column_range(self.by)
        names = {described.area for described in self.rows if described.kind == "area"}
        cell = f"${self.columns[AREA]}{row}" if self.rows[row - FIRST_ROW].area else excel.text("")
        # EXACT is only needed for areas that differ only in capitals.
        exact = len({name.casefold() for name in names}) < len(names)
        return f"--EXACT({cells},{cell})" if exact else f"--({cells}={cell})"

    def _add_parts(self) -> None:
        """Add the recurrent and non-recurrent parts of the allocation; the second adds up the non-recurrent steps."""
        steps, scheme, block = self.layout.scheme.non_recurrent, self.layout.scheme, self.block
        parts = {
            member.code: math.fsum(amounts)
            for member, *amounts in zip(
                organisation_years(self.layout.result, self.year),
                *(block.values(step.name) for step in steps),
                strict=True,
            )
        }
        columns = [self._sums_of(block.column_range(step.name)) for step in steps]
        whole = self._sums_of(block.column_range(scheme.result))

        def non_recurrent(row: int) -> str:
            return "+".join(column(row) for column in columns)

        def recurrent(row: int) -> str:
            return f"{whole(row)}-({non_recurrent(row)})"

        paid_once = [math.fsum(parts[member.code] for member in row.members) for row in self.rows]
        allocations = [math.fsum(member.allocation for member in row.members) for row in self.rows]
        lasting = [allocation - once for allocation, once in zip(allocations, paid_once, strict=True)]
        number = self.layout.money_format if self.unit == "£" else number_format(self.unit, allocations)
        self._add("recurrent", with_unit("Recurrent", self.unit), lasting, recurrent, number)
        self._add("non-recurrent", with_unit("Non-recurrent", self.unit), paid_once, non_recurrent, number)

    def _add_distance(self, heading: str, key: str, attribute: str) -> None:
        """Add the distance of an amount from the fair share: the amount divided by the fair share, less 1."""
        self._add_ratio(heading, key, FAIR_SHARE, attribute, "fair_share", "distance")

    def _add_ratio(self, heading: str, key: str, divisor: str, above: str, below: str, number: str) -> None:
        """Add a column of one column divided by another, less 1 for a change or a distance; `[z]` if there is none.

        A total or subtotal is `[z]` if an organisation in it lacks the amount: the two sums would not be comparable.

        Args:
            heading: The heading.
            key: The column that is divided.
            divisor: The column to divide by.
            above: The attribute of an `OrganisationYear` that is divided.
            below: The attribute to divide by.
            number: Name of the number format; `distance` takes 1 away.
        """
        less = 0 if number == "£ per head" else 1
        incomplete = [
            row.kind != "organisation" and any(getattr(member, above) is None for member in row.members)
            for row in self.rows
        ]
        values: list[Any] = []
        for row, is_incomplete in zip(self.rows, incomplete, strict=True):
            amount, base = _sum_of(row, above), _sum_of(row, below)
            applies = not is_incomplete and amount is not None and base and base > 0
            values.append((amount or 0.0) / (base or 1.0) - less if applies else NOT_APPLICABLE)
        top, bottom = self.columns[key], self.columns[divisor]

        def formula(row: int) -> str | None:
            if incomplete[row - FIRST_ROW]:
                return None
            test = f"${bottom}{row}>0"
            if OPENING in (key, divisor):  # an organisation may have no opening baseline
                test = f"AND(ISNUMBER(${self.columns[OPENING]}{row}),{test})"
            return f'IF({test},${top}{row}/${bottom}{row}{"-1" if less else ""},"{NOT_APPLICABLE}")'

        self._add("", heading, values, formula, number)

    def _add_change(self) -> None:
        """Add the change on the opening baseline in £ and in %; organisations without one do not count."""
        values: list[Any] = []
        for row in self.rows:
            change = _sum_of(row, "change")
            values.append(NOT_APPLICABLE if change is None else change)
        label = inside(opening_label(self.layout.result, self.year)).removeprefix("allocation ")
        opening = self.columns[OPENING]
        formula = self._sums_of(self.block.helper_range(CHANGE))
        number = "change" if self.layout.money_format == "£" else "change per head"
        self._add("change", f"Change on {label} (£)", values, formula, number)
        ratios: list[Any] = []
        for row, change in zip(self.rows, values, strict=True):
            base = _sum_of(row, "opening")
            ratios.append(change / base if change != NOT_APPLICABLE and base and base > 0 else NOT_APPLICABLE)
        change_column = self.columns["change"]

        def share(row: int) -> str:
            test = f"AND(ISNUMBER(${opening}{row}),${opening}{row}>0)"
            return f'IF({test},${change_column}{row}/${opening}{row},"{NOT_APPLICABLE}")'

        self._add("", f"Change on {label} (%)", ratios, share, "distance")

    def _add_answers(self) -> None:
        """Add the column of answers that are not added up, such as an index."""
        scheme, block = self.layout.scheme, self.block
        unit = "" if self.unit == "yes/no" else self.unit
        values = [row.members[0].allocation for row in self.rows]

        def formula(row: int) -> str:
            return block.cell(scheme.result, self.rows[row - FIRST_ROW].block_row)

        self._add(
            ALLOCATION, with_unit(scheme.labels[scheme.result], unit), values, formula, number_format(unit, values)
        )

    def _add_outcomes(self) -> None:
        """Add the outcome of the rule for each organisation, if the rule has any; totals and subtotals have a dash."""
        block = self.block
        if OUTCOME not in block.helpers:
            return

        def formula(row: int) -> str | None:
            described = self.rows[row - FIRST_ROW]
            return block.helper_cell(OUTCOME, described.block_row) if described.kind == "organisation" else None

        values = [row.members[0].outcome or NONE if row.kind == "organisation" else NONE for row in self.rows]
        self.sheet.add_column("Outcome [note 3]", 24, values, formula)

    def _add(self, key: str, heading: str, values: Sequence[Any], formula: Any, number: str) -> None:
        """Add a column and record its letter under a key."""
        cells = [NOT_APPLICABLE if value is None else value for value in values]
        self.columns[key] = letter(self.sheet.add_column(heading, 13, cells, formula, number))


def _sum_of(row: _AllocationRow, attribute: str) -> float | None:
    """Return the sum of an amount over the organisations of a row that have it; None for an organisation without it."""
    known = [amount for member in row.members if (amount := getattr(member, attribute)) is not None]
    return math.fsum(known) if known or row.kind != "organisation" else None
