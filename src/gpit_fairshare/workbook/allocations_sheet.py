"""The tables that are published: every organisation's allocation of every year, in pounds and in thousands."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

from gpit_fairshare.engine import BASELINE, PEOPLE
from gpit_fairshare.inputs import year_start
from gpit_fairshare.language import ORGANISATION
from gpit_fairshare.words import inside
from gpit_fairshare.workbook.layout import ALLOCATIONS, number_format, sheet_name
from gpit_fairshare.workbook.sheets import FIRST_ROW, NOT_APPLICABLE, TOTAL_ROW, Region, Sheet, letter, quoted

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from gpit_fairshare.workbook.layout import Block, Layout

THOUSANDS: Final = "Allocations £000"
FAIR_SHARE: Final = "fair_share"


class AllocationsSheet:
    """The sheet of allocations, or other answers, while it is made: one row per organisation of any year, by code."""

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        scheme = layout.scheme
        self.blocks = {year: layout.block(ORGANISATION, year) for year in layout.years}
        self.row_in = {
            year: {code: row for row, code in enumerate(block.year.codes(), FIRST_ROW)}
            for year, block in self.blocks.items()
        }
        self.codes = sorted({code for rows in self.row_in.values() for code in rows})
        self.money = scheme.symbols[scheme.result].unit == "£"
        unit = scheme.symbols[scheme.result].unit
        self.unit = f" ({unit})" if unit and unit != "yes/no" else ""
        self.adds_up = layout.adds_up
        note = f"One row per {scheme.organisation}. {NOT_APPLICABLE}: does not apply."
        if self.adds_up and not scheme.non_recurrent:
            note += " All of it recurs, as far as the scheme says."
        title = f"{scheme.title}: {inside(layout.answers)} {', '.join(self.named(year) for year in layout.years)}"
        name = ALLOCATIONS if self.adds_up else sheet_name(layout.answers, layout.taken)
        self.sheet = Sheet(name, title, f"{layout.illustrative}{note}")
        self.totals: dict[str, int] = {}
        """Year to the column of its total."""
        self.parts: dict[str, list[int]] = {}
        """Year to the columns of its recurrent and non-recurrent money and its total."""

    def named(self, year: str) -> str:
        """Return a year with the word that says how sure it is."""
        return f"{year} ({self.layout.scheme.certainty(year)})"

    def write(self) -> Sheet:
        """Write all columns and return the sheet."""
        _name_columns(self.layout, self.sheet, self.codes)
        for year in self.layout.years:
            self._year(year)
        if self.adds_up:
            self.sheet.put(TOTAL_ROW, 2, "Total")
        return self.sheet

    def _year(self, year: str) -> None:
        scheme, block = self.layout.scheme, self.blocks[year]
        word = f"{year} {scheme.certainty(year)}"
        allocation = dict(zip(block.year.codes(), block.values(scheme.result), strict=True))
        if not self.adds_up:
            self._answer(year, word, allocation)
            return
        once = [dict(zip(block.year.codes(), block.values(one.name), strict=True)) for one in scheme.non_recurrent]
        single = {code: math.fsum(part[code] for part in once) for code in allocation}
        number = number_format("£" if self.money else None, [*allocation.values(), *single.values()])
        here = [block.columns[one.name] for one in scheme.non_recurrent]
        answer = letter(block.columns[scheme.result])
        place = quoted(block.sheet.name)

        def non_recurrent(row: int) -> str:
            return "+".join(f"{place}!${letter(column)}{row}" for column in here) or "0"

        recurrent = {code: allocation[code] - single[code] for code in allocation}
        first = self._column(
            year,
            f"{word}: recurrent{self.unit}",
            recurrent,
            lambda row: f"{place}!${answer}{row}" + (f"-({non_recurrent(row)})" if here else ""),
            number,
        )
        second = self._column(year, f"{word}: non-recurrent{self.unit}", single, non_recurrent, number)
        total = self._fill(
            f"{word}: total{self.unit}",
            allocation,
            lambda _, row: f"${letter(first)}{row}+${letter(second)}{row}",
            number,
        )
        for column, values in ((first, recurrent), (second, single), (total, allocation)):
            self.sheet.total_above(column, values.values(), number)
        self.totals[year], self.parts[year] = total, [first, second, total]
        self._change(year, word, total, allocation)
        people, shares = self._values(block, PEOPLE), self._values(block, FAIR_SHARE)
        if people and self.money:
            heads = f"{place}!${letter(block.columns[PEOPLE])}"
            heading = f"{word}: per registered patient (£)"
            column = self._ratio(year, heading, total, heads, (allocation, people), "£ per head")
            region = Region(FIRST_ROW, column, self.sheet.last_row, column)
            # The bars of Excel 2007: those of later versions are an extension that other programs drop.
            self.sheet.conditional_formats.append((region, {"type": "data_bar", "bar_color": "#8FB8DE"}))
        if shares:
            share = f"{place}!${letter(block.columns[FAIR_SHARE])}"
            heading = f"{word}: distance from fair share (%)"
            self._ratio(year, heading, total, share, (allocation, shares), "distance")

    def _answer(self, year: str, word: str, values: dict[str, float]) -> None:
        """Add an answer that is neither added up nor split into what recurs and what does not."""
        scheme, block = self.layout.scheme, self.blocks[year]
        answer = f"{quoted(block.sheet.name)}!${letter(block.columns[scheme.result])}"
        number = number_format(scheme.symbols[scheme.result].unit, [*values.values()])
        heading = f"{word}: {inside(scheme.labels[scheme.result])}{self.unit}"
        self._column(year, heading, values, lambda row: f"{answer}{row}", number)

    def _values(self, block: Block, name: str) -> dict[str, float]:
        """Return a column of numbers by organisation, empty where it is absent or has a blank."""
        symbol = self.layout.scheme.symbols.get(name)
        if name not in block.columns or (symbol and symbol.kind != ORGANISATION):
            return {}
        values = block.values(name)
        return {} if None in values else dict(zip(block.year.codes(), values, strict=True))

    def _column(
        self, year: str, heading: str, values: dict[str, float], formula: Callable[[int], str], number: str
    ) -> int:
        """Add a column that refers to the rows of a year's sheet."""
        rows = self.row_in[year]
        return self._fill(heading, values, lambda code, _: formula(rows[code]), number)

    def _fill(self, heading: str, values: dict[str, Any], formula: Callable[[str, int], str], number: str) -> int:
        column = self.sheet.heading(heading, 15)
        cells = [values.get(code, NOT_APPLICABLE) for code in self.codes]

        def written(row: int) -> str | None:
            code = self.codes[row - FIRST_ROW]
            return formula(code, row) if code in values else None

        self.sheet.fill(column, cells, written, number)
        return column

    def _change(self, year: str, word: str, total: int, allocation: dict[str, float]) -> None:
        """Add the change on the year before, or on historic spend in the first year."""
        index = self.layout.years.index(year)
        block = self.blocks[year]
        if index == 0:
            before = self._values(block, BASELINE)
            what = "change on historic spend"
            places = {code: [(block, BASELINE, row)] for code, row in self.row_in[year].items()} if before else {}
        else:
            old = self.blocks[self.layout.years[index - 1]]
            answer = self.layout.scheme.result
            what, places = f"change on {old.year.year}", self._year_before(year, old)
            values = dict(zip(old.year.codes(), old.values(answer), strict=True))
            rows = {row: code for code, row in self.row_in[old.year.year].items()}
            before = {code: math.fsum(values[rows[row]] for _, _, row in cells) for code, cells in places.items()}
        if not before:
            return
        changes = {code: allocation[code] - before[code] for code in allocation if code in before}

        def formula(code: str, row: int) -> str:
            cells = "+".join(f"{quoted(b.sheet.name)}!${letter(b.columns[name])}{at}" for b, name, at in places[code])
            return f"${letter(total)}{row}-({cells})"

        number = "change" if number_format("£", list(changes.values())) == "£" else "change per head"
        column = self._fill(f"{word}: {what}{self.unit}", changes, formula, number)
        self.sheet.total_above(column, changes.values(), number)

    def _year_before(self, year: str, old: Block) -> dict[str, list[tuple[Block, str, int]]]:
        """Return, by organisation, the cells of those that became it since the year before."""
        crosswalk, now = self.layout.result.inputs.crosswalk, self.row_in[year]
        found: dict[str, list[tuple[Block, str, int]]] = {}
        for code, row in self.row_in[old.year.year].items():
            successors = [code]
            if code not in now:
                successors = list(crosswalk.shares(code, year_start(old.year.year), year_start(year)))
            if len(successors) == 1 and successors[0] in now:
                found.setdefault(successors[0], []).append((old, self.layout.scheme.result, row))
        return found

    def _ratio(
        self,
        year: str,
        heading: str,
        total: int,
        below: str,
        values: tuple[dict[str, float], dict[str, float]],
        number: str,
    ) -> int:
        """Add allocations over something of the same row; distances are a ratio less one."""
        above, under = values
        less = 1 if number == "distance" else 0
        ratios = {code: above[code] / under[code] - less if under[code] > 0 else NOT_APPLICABLE for code in above}
        rows = self.row_in[year]

        def formula(code: str, row: int) -> str:
            cell = f"{below}{rows[code]}"
            return f'IF({cell}>0,${letter(total)}{row}/{cell}{"-1" if less else ""},"{NOT_APPLICABLE}")'

        column = self._fill(heading, ratios, formula, number)
        all_of = below.rpartition("!")[0], below.rpartition("$")[2]
        last = FIRST_ROW + len(rows) - 1
        whole = f"SUM({all_of[0]}!${all_of[1]}${FIRST_ROW}:${all_of[1]}${last})"
        bottom = math.fsum(under.values())
        if bottom > 0:
            value = math.fsum(above.values()) / bottom - less
            formula_of_all = f"IF({whole}>0,{letter(total)}{TOTAL_ROW}/{whole}{'-1' if less else ''},0)"
            self.sheet.put(TOTAL_ROW, column, value, formula_of_all, number)
        return column


def _name_columns(layout: Layout, sheet: Sheet, codes: Sequence[str]) -> None:
    """Write code, name and area of every organisation, as the last year that has it calls it."""
    names: dict[str, str] = {}
    areas: dict[str, str] = {}
    by = layout.scheme.report_by
    for year in layout.result.years.values():
        names |= {code: name for code, name in year.organisations.select("org_code", "org_name").iter_rows() if name}
        if by and by in year.organisations.columns:
            areas |= dict(year.organisations.select("org_code", by).iter_rows())
    sheet.fill(sheet.heading("Code", 9), list(codes))
    sheet.fill(sheet.heading("Name", 40), [names.get(code, "[not given]") for code in codes])
    if by and areas:
        label = layout.scheme.labels.get(by, by.replace("_", " ").capitalize())
        sheet.fill(sheet.heading(label, 30), [areas.get(code) or "[not given]" for code in codes])


def thousands_sheet(layout: Layout, published: AllocationsSheet) -> Sheet | None:
    """Return the same in thousands of pounds; None where the answer is no money."""
    if not published.money:
        return None
    title = f"{published.sheet.title}, in thousands of pounds"
    note = "Shown to the nearest £1,000; the cells hold every pound, so that they add up."
    sheet = Sheet(THOUSANDS, title, f"{layout.illustrative}{note}")
    _name_columns(layout, sheet, published.codes)
    thousand = layout.constant("constant_1000", 1000, "Pounds in a thousand pounds.")
    for year in layout.years:
        for source in published.parts[year]:
            heading = published.sheet.headings[source - 1].replace("(£)", "(£000)")
            column, fill = sheet.heading(heading, 15), published.sheet.fills[source]
            values = [value if isinstance(value, str) else value / 1000 for value in fill.values]

            def formula(row: int, source: int = source, cells: Sequence[Any] = fill.values) -> str | None:
                if isinstance(cells[row - FIRST_ROW], str):
                    return None
                return f"{ALLOCATIONS}!${letter(source)}{row}/{thousand}"

            sheet.fill(column, values, formula, "thousands")
            sheet.total_above(column, (value for value in values if not isinstance(value, str)), "thousands")
    sheet.put(TOTAL_ROW, 2, "Total")
    return sheet
