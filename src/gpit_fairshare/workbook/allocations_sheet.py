"""The published tables: every organisation's allocation of every year, in pounds and in thousands."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

from gpit_fairshare.engine.measures import BASELINE, PEOPLE
from gpit_fairshare.engine.organisation_years import FAIR_SHARE, predecessors
from gpit_fairshare.language.kinds import ORGANISATION
from gpit_fairshare.words import inside
from gpit_fairshare.workbook.layout import ALLOCATIONS, NOT_GIVEN, Block, Layout, number_format, sheet_name, with_unit
from gpit_fairshare.workbook.sheets import FIRST_ROW, NOT_APPLICABLE, ROW, TOTAL_ROW, Sheet, letter

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence


THOUSANDS: Final = "Allocations £000"


class AllocationsSheet:
    """The sheet of allocations, or other answers: one row per organisation of any year, by code."""

    def __init__(self, layout: Layout) -> None:
        """Make the sheet: code, name and area, and then the columns of each year.

        Answers that are not added up, such as an index, have one column a year.
        """
        self.layout, self.adds_up = layout, layout.adds_up
        scheme = layout.scheme
        self.blocks = layout.organisations()
        self.row_in = {
            year: {code: row for row, code in enumerate(block.year.codes(), FIRST_ROW)}
            for year, block in self.blocks.items()
        }
        self.codes = sorted({code for rows in self.row_in.values() for code in rows})
        unit = scheme.symbols[scheme.result].unit
        self.money = unit == "£"
        self.unit = "" if unit == "yes/no" else unit
        note = f"One row per {scheme.organisation}. {NOT_APPLICABLE} = not applicable."
        if self.adds_up and not scheme.non_recurrent:
            note += " The scheme names no non-recurrent money."
        years = ", ".join(f"{year} ({scheme.certainty(year)})" for year in layout.years)
        name = ALLOCATIONS if self.adds_up else sheet_name(layout.answers, layout.used_sheet_names)
        self.sheet = layout.make_sheet(name, f"{scheme.title}: {inside(layout.answers)} {years}", note)
        self.totals: dict[str, int] = {}
        """Year to the column of its total."""
        self.parts: list[int] = []
        """The columns of recurrent and non-recurrent money and of totals."""
        _add_name_columns(layout, self.sheet, self.codes)
        for year in layout.years:
            if self.adds_up:
                self._add_amounts(year)
            else:
                self._add_answer(year)
        if self.adds_up:
            self.sheet.put(TOTAL_ROW, 2, "Total")

    def _add_amounts(self, year: str) -> None:
        """Add a year's columns: recurrent, non-recurrent, total, change, £ per head, and distance from fair share.

        The change is on the year before, or on historic spend in the first year. £ per head has bars and is only for
        money; the distance is the allocation over its fair share, less 1. Columns whose figures are missing are left
        out. The numbers of the first three are recorded in `parts`, that of the total also in `totals`.
        """
        scheme, block = self.layout.scheme, self.blocks[year]
        allocation = self._values_by_code(block, scheme.result)
        non_recurrent_parts = [self._values_by_code(block, step.name) for step in scheme.non_recurrent]
        non_recurrent_amounts = {code: math.fsum(part[code] for part in non_recurrent_parts) for code in allocation}
        recurrent = {code: allocation[code] - non_recurrent_amounts[code] for code in allocation}
        number = number_format("£" if self.money else None, [*allocation.values(), *non_recurrent_amounts.values()])

        def non_recurrent(code: str) -> str:
            return "+".join(self._cell(year, step.name, code) for step in scheme.non_recurrent) or "0"

        def remaining(code: str) -> str:
            less = f"-({non_recurrent(code)})" if scheme.non_recurrent else ""
            return self._cell(year, scheme.result, code) + less

        first = self._add_column(year, "recurrent", recurrent, remaining, number)
        second = self._add_column(year, "non-recurrent", non_recurrent_amounts, non_recurrent, number)
        sum_of_parts = f"${letter(first)}{ROW}+${letter(second)}{ROW}"
        total = self._add_column(year, "total", allocation, lambda _: sum_of_parts, number)
        self.totals[year] = total
        self.parts += [first, second, total]
        self._add_change(year, total, allocation)
        if self.money:
            column = self._add_ratio(year, "per head", "£", PEOPLE, allocation)
            if column:
                # The bars of Excel 2007: those of later versions are an extension that other programs drop.
                bars = {"type": "data_bar", "bar_color": "#8FB8DE"}
                self.sheet.conditional_formats.append((self.sheet.region(column), bars))
        self._add_ratio(year, "distance of allocation from fair share", "%", FAIR_SHARE, allocation)

    def _add_answer(self, year: str) -> None:
        """Add the column of a year's answers that are not added up, such as an index."""
        name, scheme = self.layout.scheme.result, self.layout.scheme
        values = self._values_by_code(self.blocks[year], name)
        number = number_format(scheme.symbols[name].unit, values.values())
        self._add_column(year, inside(scheme.labels[name]), values, lambda code: self._cell(year, name, code), number)

    def _values_by_code(self, block: Block, name: str) -> dict[str, float]:
        """Return the numbers of a column by code of organisation; empty if it is absent or has a blank.

        It is also empty for figures of the nation or of groups.
        """
        symbol = self.layout.scheme.symbols.get(name)
        values = block.number_column(name) if not symbol or symbol.kind == ORGANISATION else []
        return dict(zip(block.year.codes(), values, strict=True)) if values else {}

    def _cell(self, year: str, name: str, code: str) -> str:
        """Return how formulas refer to an organisation's cell in a column of a year's sheet."""
        return self.blocks[year].cell(name, self.row_in[year][code])

    def _add_column(  # one parameter for each property of a column
        self,
        year: str,
        label: str,
        values: Mapping[str, Any],
        formula: Callable[[str], str],
        number: str,
        unit: str | None = None,
    ) -> int:
        """Add a column of a year and return its number.

        The column has a total if it is in the unit of the answers and the answers are added up. The heading names the
        year, whether it is firm or indicative, the label and the unit.

        Args:
            year: The year, for the heading.
            label: The rest of the heading.
            values: The value of each organisation by its code; the others get `[z]`.
            formula: Gives the formula of an organisation by its code, with ROW for the row.
            number: Name of the number format.
            unit: The unit, if it is not that of the answers.
        """
        cells = [values.get(code, NOT_APPLICABLE) for code in self.codes]

        def formula_of(row: int) -> str | None:
            code = self.codes[row - FIRST_ROW]
            return formula(code).replace(ROW, str(row)) if code in values else None

        heading = with_unit(f"{year} {self.layout.scheme.certainty(year)}: {label}", unit or self.unit)
        return self.sheet.add_column(heading, 15, cells, formula_of, number, total=self.adds_up and not unit)

    def _add_change(self, year: str, total: int, allocation: dict[str, float]) -> None:
        """Add the column of the change on the year before, or on historic spend in the first year.

        The money of merged predecessors is added up. Organisations without a predecessor get `[z]`; without any older
        figures there is no column.

        Args:
            year: The year.
            total: Number of the column that has the year's total.
            allocation: The year's answers by code.
        """
        index = self.layout.years.index(year)
        if index == 0:
            old, name, label = year, BASELINE, "change on historic spend"
            before_of: Mapping[str, Sequence[str]] = {code: [code] for code in self.row_in[year]}
        else:
            old, name = self.layout.years[index - 1], self.layout.scheme.result
            label, before_of = f"change on {old}", predecessors(self.layout.result, year)
        values = self._values_by_code(self.blocks[old], name)
        if not values or not before_of:
            return
        before = {code: math.fsum(values[predecessor] for predecessor in codes) for code, codes in before_of.items()}
        changes = {code: allocation[code] - before[code] for code in allocation if code in before}

        def formula(code: str) -> str:
            cells = "+".join(self._cell(old, name, predecessor) for predecessor in before_of[code])
            return f"${letter(total)}{ROW}-({cells})"

        number = "change" if number_format("£", changes.values()) == "£" else "change per head"
        self._add_column(year, label, changes, formula, number)

    def _add_ratio(self, year: str, label: str, unit: str, divisor: str, allocation: dict[str, float]) -> int | None:
        """Add the column of allocations divided by another column of the year, minus 1 if the unit is %.

        It is `[z]` where the divisor is not above 0. In the row of totals it has the ratio of the two totals.

        Args:
            year: The year.
            label: The heading, without the year.
            unit: Unit of the ratio, `£` or `%`.
            divisor: Name of the column to divide by, such as the registered population.
            allocation: The year's answers by code.

        Returns:
            The number of the column; None if the year has no such divisor.
        """
        divisors = self._values_by_code(self.blocks[year], divisor)
        if not divisors:
            return None
        less, minus, number = (1, "-1", "distance") if unit == "%" else (0, "", "£ per head")
        ratios = {
            code: value / divisors[code] - less if divisors[code] > 0 else NOT_APPLICABLE
            for code, value in allocation.items()
        }
        total = letter(self.totals[year])

        def formula(code: str) -> str:
            cell = self._cell(year, divisor, code)
            return f'IF({cell}>0,${total}{ROW}/{cell}{minus},"{NOT_APPLICABLE}")'

        column = self._add_column(year, label, ratios, formula, number, unit)
        divisor_total = math.fsum(divisors.values())
        if divisor_total > 0:
            summed = f"SUM({self.blocks[year].column_range(divisor)})"
            ratio = math.fsum(allocation.values()) / divisor_total - less
            self.sheet.put(TOTAL_ROW, column, ratio, f"IF({summed}>0,{total}{TOTAL_ROW}/{summed}{minus},0)", number)
        return column


def _add_name_columns(layout: Layout, sheet: Sheet, codes: Sequence[str]) -> None:
    """Add the columns of code, name and area of each organisation, as in the last year that has it.

    The area is left out if the inputs do not have the scheme's `report_by` column.
    """
    names: dict[str, str] = {}
    areas: dict[str, str] = {}
    by = layout.scheme.report_by
    for year in layout.result.years.values():
        names |= {code: name for code, name in year.organisations.select("org_code", "org_name").iter_rows() if name}
        if by and by in year.organisations.columns:
            areas |= dict(year.organisations.select("org_code", by).iter_rows())
    sheet.add_column("Code", 9, list(codes))
    sheet.add_column("Name", 40, [names.get(code, NOT_GIVEN) for code in codes])
    if by and areas:
        sheet.add_column(layout.label(by), 30, [areas.get(code) or NOT_GIVEN for code in codes])


def thousands_sheet(layout: Layout, published: AllocationsSheet) -> Sheet | None:
    """Return a sheet with the money columns of the published table divided by 1,000; None if the answer is not money.

    These are recurrent, non-recurrent and total of each year, without changes and ratios.
    """
    if not published.money:
        return None
    title = f"{published.sheet.title}, in thousands of pounds"
    note = "Shown to the nearest £1,000. Totals are exact, so the figures shown may not add up."
    sheet = layout.make_sheet(THOUSANDS, title, note)
    _add_name_columns(layout, sheet, published.codes)
    thousand = layout.constant("constant_1000", 1000, "Pounds in £1,000.")
    for source in published.parts:
        pounds = published.sheet.fills[source].values

        def formula(row: int, source: int = source, pounds: Sequence[Any] = pounds) -> str | None:
            is_text = isinstance(pounds[row - FIRST_ROW], str)
            return None if is_text else f"{ALLOCATIONS}!${letter(source)}{row}/{thousand}"

        heading = published.sheet.headings[source - 1].replace("(£)", "(£000)")
        values = [value if isinstance(value, str) else value / 1000 for value in pounds]
        sheet.add_column(heading, 15, values, formula, "thousands", total=True)
    sheet.put(TOTAL_ROW, 2, "Total")
    return sheet
