"""What a run comes to, live: national figures, money that is left, and totals by area."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

from gpit_fairshare.engine import BASELINE, DIFFERENCE, NO_CHANGE, NOT_GIVEN, PEOPLE, SUPPORT, Area
from gpit_fairshare.language import NATIONAL, ORGANISATION
from gpit_fairshare.language import in_excel as x
from gpit_fairshare.workbook.layout import Layout, number_format, sheet_name
from gpit_fairshare.workbook.per_head import rates_of
from gpit_fairshare.workbook.sheets import FIRST_ROW, NOT_APPLICABLE, TOTAL_ROW, Sheet, letter

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from gpit_fairshare.engine import MoneyAccount, MoneyLine, YearMeasures
    from gpit_fairshare.workbook.layout import Block
    from gpit_fairshare.workbook.steps import StepWriter

SUMMARY: Final = "Summary"
UNSPENT: Final = "Unspent"

# Summary ----------------------------------------------------------------------------------------------------


class SummaryRows:
    """The rows of Summary: a figure each, a column a year."""

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        note = f"{layout.illustrative}National figures, each a live formula; charts stand below the table."
        self.sheet = Sheet(SUMMARY, f"{layout.scheme.title}: summary", note)
        self.sheet.heading("Figure", 62)
        for year in layout.years:
            self.sheet.heading(f"{year} {layout.scheme.certainty(year)}", 22)
        self.rows: dict[str, int] = {}

    def put(self, label: str, year: str, formula: str, value: float, number: str, key: str = "") -> str:
        """Write one figure of one year on the row of its label, or of a key where two figures may have one label.

        Returns:
            The cell, as seen from the same sheet.
        """
        row = self.rows.setdefault(key or label, FIRST_ROW + len(self.rows))
        column = 2 + self.layout.years.index(year)
        self.sheet.put(row, 1, label)
        self.sheet.put(row, column, value, formula, number)
        return f"{letter(column)}{row}"

    def cell(self, key: str, year: str) -> str:
        """Return the cell of a figure as seen from other sheets."""
        return f"{SUMMARY}!${letter(2 + self.layout.years.index(year))}${self.rows[key]}"

    def money(self, label: str, year: str, formula: str, value: float, key: str = "") -> str:
        """Write an amount in £."""
        return self.put(label, year, formula, value, _money(value), key)


def summary_rows(layout: Layout, writers: Mapping[str, StepWriter]) -> SummaryRows:
    """Return the years' main figures, each a live formula on the year sheets."""
    rows = SummaryRows(layout)
    for measures in layout.measures:
        year = measures.year
        block = layout.block(ORGANISATION, year)
        answer, allocation = block.column_range(layout.scheme.result), block.values(layout.scheme.result)
        if measures.money:
            _account(rows, writers[year], measures.money)
        elif layout.adds_up:
            label, unit = layout.scheme.labels[layout.scheme.result], layout.scheme.symbols[layout.scheme.result].unit
            number = number_format(unit, list(allocation))
            rows.put(f"{label}: total ({unit})", year, f"SUM({answer})", measures.allocated, number)
        else:
            _ends(layout, rows, year, answer, allocation)
        baseline, people = block.number_column(BASELINE), block.number_column(PEOPLE)
        if baseline:
            _against_baseline(layout, block, rows, measures)
        if people and math.fsum(people) and f"{layout.scheme.result} per head" in block.helpers:
            _per_head(layout, block, rows, allocation)
        if block.number_column(SUPPORT) and measures.supported is not None:
            label = f"{layout.scheme.organisation}s that draw transition support"
            rows.put(label, year, f'COUNTIF({block.column_range(SUPPORT)},">0")', measures.supported, "count")
    return rows


def _account(rows: SummaryRows, writer: StepWriter, account: MoneyAccount) -> None:
    """Write the money account of one year; each line has a formula of its own, and the difference follows from them."""
    layout, year = rows.layout, writer.year

    def lines(side: str, listed: Sequence[MoneyLine]) -> list[str]:
        return [
            rows.money(
                f"{side}: {line.label} (£)",
                year,
                _line(layout, writer, line.name, unspent=side == UNSPENT),
                line.amount,
                f"{side} {line.name}",
            )
            for line in listed
        ]

    money_in = lines("Money in", account.money_in)
    if len(money_in) > 1:
        value = math.fsum(line.amount for line in account.money_in)
        rows.money("Money in: total (£)", year, f"SUM({money_in[0]}:{money_in[-1]})", value)
    taken_away = lines("Taken away", account.taken_away)
    allocated = f"SUM({layout.block(ORGANISATION, year).column_range(account.out.name)})"
    out = rows.money("Money out: allocations (£)", year, allocated, account.out.amount)
    unspent = lines(UNSPENT, account.unspent)
    if account.difference is not None:
        formula = "+".join(money_in) + "".join(f"-{cell}" for cell in (*taken_away, out, *unspent))
        pence = layout.constant("pence", 2, "Decimal places of a difference: whole pence.")
        rows.money(f"{DIFFERENCE} (£)", year, f"ROUND({formula},{pence})", account.difference, DIFFERENCE)


def _line(layout: Layout, writer: StepWriter, name: str, *, unspent: bool) -> str:
    """Return the money of a name over all organisations, as the engine adds it up."""
    if unspent and name in writer.share_outs:  # a share_out step without a ceiling leaves nothing over
        return writer.share_outs[name].left_over or "0"
    if name in layout.scheme.money.whole_amounts:
        return writer.share_outs[name].shared
    kind = layout.scheme.symbols[name].kind
    if kind == NATIONAL:
        return layout.name_of(name, writer.year)
    return f"SUM({layout.block(kind, writer.year).column_range(name)})"


def _ends(layout: Layout, rows: SummaryRows, year: str, cells: str, answers: Sequence[float]) -> None:
    """Write the ends of an answer that does not add up, an index or a rate."""
    label, unit = layout.scheme.labels[layout.scheme.result], layout.scheme.symbols[layout.scheme.result].unit
    number = number_format(unit, list(answers))
    rows.put(f"{label}: lowest ({unit})", year, f"MIN({cells})", min(answers), number)
    rows.put(f"{label}: highest ({unit})", year, f"MAX({cells})", max(answers), number)


def _money(amount: float) -> str:
    return number_format("£", [amount])


def _against_baseline(layout: Layout, block: Block, rows: SummaryRows, measures: YearMeasures) -> None:
    """Write who gains and loses on historic spend, and what is short."""
    year, noun = block.year.year, layout.scheme.organisation
    here, there = block.column_range(layout.scheme.result), block.column_range(BASELINE)
    total = measures.baseline or 0.0
    least = layout.constant("no_change", NO_CHANGE, "£: a smaller change of an allocation is rounding.")
    rows.put("Historic spend (£)", year, f"SUM({there})", total, _money(total))
    gain, lose = f"({here}-{there}>={least})", f"({there}-{here}>={least})"
    gains, losses = measures.gain or 0, measures.lose or 0
    rows.put(f"{noun}s that gain on historic spend", year, f"SUMPRODUCT(--{gain})", gains, "count")
    rows.put(f"{noun}s that lose on historic spend", year, f"SUMPRODUCT(--{lose})", losses, "count")
    short = measures.shortfall.total if measures.shortfall else 0.0
    formula = f"SUMPRODUCT({lose}*({there}-{here}))"
    rows.put("Shortfall: historic spend above allocation (£)", year, formula, short, _money(short))
    people = block.number_column(PEOPLE)
    if people and math.fsum(people):
        cells, heads = block.column_range(PEOPLE), math.fsum(people)
        rate = f"SUM({there})/SUM({cells})"
        rows.put("Historic spend per registered patient (£)", year, rate, total / heads, "£ per head")


def _per_head(layout: Layout, block: Block, rows: SummaryRows, now: Sequence[float]) -> None:
    year, cells = block.year.year, block.column_range(PEOPLE)
    heads = math.fsum(block.values(PEOPLE))
    rate = f"SUM({block.column_range(layout.scheme.result)})/SUM({cells})"
    rows.put("Allocation per registered patient (£)", year, rate, math.fsum(now) / heads, "£ per head")
    for key, word in ((BASELINE, "historic spend"), (layout.scheme.result, "allocation")):
        if f"{key} per head" not in block.helpers:
            continue
        rates = [value for value in rates_of(block, key) if value != NOT_APPLICABLE]
        column = block.helper_range(f"{key} per head")
        for which, formula, value in (("Lowest", "MIN", min(rates)), ("Highest", "MAX", max(rates))):
            label = f"{which} {word} per registered patient of any {layout.scheme.organisation} (£)"
            rows.put(label, year, f"{formula}({column})", value, "£ per head")


# Areas ----------------------------------------------------------------------------------------------------------


def areas_sheet(layout: Layout) -> Sheet | None:
    """Return totals by the scheme's `report_by` column, live; None where there is no such column."""
    column = layout.scheme.report_by
    blocks = [layout.block(ORGANISATION, year) for year in layout.years]
    if not column or not all(column in block.columns for block in blocks):
        return None
    label = layout.scheme.labels.get(column, column.replace("_", " ").capitalize())
    name = sheet_name(f"By {label}", layout.taken)
    note = f"{layout.illustrative}Totals of the year sheets, each a live formula."
    sheet = Sheet(name, f"{layout.scheme.title}: by {label[:1].lower()}{label[1:]}", note)
    sheet.heading(label, 40)
    names = sorted({text or "" for block in blocks for text in block.values(column)})
    sheet.fill(1, [text or "[not given]" for text in names])
    # EXACT only where it is needed: two areas that differ in case alone.
    alike = len({text.casefold() for text in names}) < len(names)
    nothing = Area("", 0, 0.0, 0.0, 0.0)
    for block, measures in zip(blocks, layout.measures, strict=True):
        where = block.column_range(column)
        by_name = {area.name: area for area in measures.areas}
        areas = [by_name.get(text or NOT_GIVEN, nothing) for text in names]

        def same(row: int, where: str = where) -> str:
            wanted = f"$A{row}" if names[row - FIRST_ROW] else x.text("")
            return f"EXACT({where},{wanted})" if alike else f"({where}={wanted})"

        def counted(row: int, same: Callable[[int], str] = same) -> str:
            return f"SUMPRODUCT(--{same(row)})"

        counts = [area.organisations for area in areas]
        column_ = sheet.heading(f"{layout.scheme.organisation}s {block.year.year}", 14)
        sheet.fill(column_, counts, counted, "count")
        sheet.total_above(column_, counts, "count")
        for step, figure in ((PEOPLE, "people"), (BASELINE, "baseline"), (layout.scheme.result, "allocation")):
            if not block.number_column(step):
                continue
            totals = [getattr(area, figure) or 0.0 for area in areas]
            unit = layout.scheme.symbols[step].unit
            head = f"{layout.scheme.labels[step]} {block.year.year}" + (f" ({unit})" if unit else "")

            def summed(row: int, same: Any = same, cells: str = block.column_range(step)) -> str:
                return f"SUMPRODUCT({same(row)}*{cells})"

            number, column_ = number_format(unit, totals), sheet.heading(head, 18)
            sheet.fill(column_, totals, summed, number)
            sheet.total_above(column_, totals, number)
    sheet.put(TOTAL_ROW, 1, "Total")
    return sheet
