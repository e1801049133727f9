"""What a run comes to, live: national figures, money that is left, and totals by area."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from gpit_fairshare.language import ORGANISATION, group
from gpit_fairshare.language import in_excel as x
from gpit_fairshare.summary import BASELINE, NO_CHANGE, PEOPLE, SUPPORT
from gpit_fairshare.workbook.layout import Layout, number_format, sheet_name
from gpit_fairshare.workbook.per_head import column_of, rates_of
from gpit_fairshare.workbook.sheets import FIRST_ROW, NOT_APPLICABLE, TOTAL_ROW, Sheet

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from gpit_fairshare.engine import Fund
    from gpit_fairshare.workbook.layout import Block

# Summary ----------------------------------------------------------------------------------------------------


class _Rows:
    """The rows of Summary: a figure each, a column a year."""

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        note = f"{layout.illustrative}National figures, each a live formula; charts stand below the table."
        self.sheet = Sheet("Summary", f"{layout.scheme.title}: summary", note)
        self.sheet.heading("Figure", 62)
        for year in layout.years:
            self.sheet.heading(f"{year} {layout.scheme.certainty(year)}", 22)
        self.rows: dict[str, int] = {}

    def put(self, label: str, year: str, formula: str, value: float, number: str) -> None:
        """Write one figure of one year on the row of its label."""
        row = self.rows.setdefault(label, FIRST_ROW + len(self.rows))
        self.sheet.put(row, 1, label)
        self.sheet.put(row, 2 + self.layout.years.index(year), value, formula, number)


def summary_sheet(layout: Layout) -> Sheet:
    """Return the years' main figures, each a live formula on the year sheets."""
    result, rows = layout.result, _Rows(layout)
    for year in layout.years:
        block = layout.block(ORGANISATION, year)
        answer, allocation = block.column_range(layout.scheme.result), block.values(layout.scheme.result)
        for fund in result.funds:
            if fund.year == year and fund.parameter:
                amount = fund_amount(layout, fund, year)
                rows.put(f"Money in: {fund.label} (£)", year, amount, fund.amount, _money(fund.amount))
        if layout.adds_up:
            total = math.fsum(allocation)
            rows.put("Money out: allocations (£)", year, f"SUM({answer})", total, _money(total))
        else:
            _ends(layout, rows, year, answer, allocation)
        for fund in result.funds:
            if fund.year == year and fund.parameter:
                formula = unspent_formula(layout, fund, year)
                rows.put(f"Unspent: {fund.label} (£)", year, formula, fund.unspent, _money(fund.unspent))
        formula, beyond = beyond_money_in(layout, year, allocation, answer)
        if layout.scheme.takes_new_money and formula:
            rows.put("Money in: new money beyond that (£)", year, f"MAX(0,{formula})", max(0.0, beyond), _money(beyond))
        baseline, people = column_of(block, BASELINE), column_of(block, PEOPLE)
        if baseline:
            _against_baseline(layout, block, rows, baseline)
        if people and math.fsum(people) and f"{layout.scheme.result} per head" in block.helpers:
            _per_head(layout, block, rows, allocation)
        if column_of(block, SUPPORT):
            label = f"{layout.scheme.organisation}s that draw transition support"
            drawing = sum(value > 0 for value in block.values(SUPPORT))
            rows.put(label, year, f'COUNTIF({block.column_range(SUPPORT)},">0")', drawing, "count")
    return rows.sheet


def _ends(layout: Layout, rows: _Rows, year: str, cells: str, answers: Sequence[float]) -> None:
    """Write the ends of an answer that does not add up, an index or a rate."""
    label, unit = layout.scheme.labels[layout.scheme.result], layout.scheme.symbols[layout.scheme.result].unit
    number = number_format(unit, list(answers))
    rows.put(f"{label}: lowest ({unit})", year, f"MIN({cells})", min(answers), number)
    rows.put(f"{label}: highest ({unit})", year, f"MAX({cells})", max(answers), number)


def _money(amount: float) -> str:
    return number_format("£", [amount])


def beyond_money_in(layout: Layout, year: str, values: Sequence[float], cells: str) -> tuple[str, float]:
    """Return what allocations and unspent money come to beyond the parameters that were shared out, in £.

    The formula is an empty text where nothing was shared out, or money comes in that is no parameter.
    """
    there = [one for one in layout.result.funds if one.year == year]
    coming = [one for one in there if one.new_money]
    if not coming or not all(one.parameter for one in coming):
        return "", 0.0
    funds = {one.parameter: one for one in there if one.parameter}
    new = [one for one in funds.values() if one.new_money]
    beyond = math.fsum((*values, *(one.unspent for one in funds.values()), *(-one.amount for one in new)))
    money = "-".join(fund_amount(layout, one, year) for one in new)
    unspent = "+".join(unspent_formula(layout, one, year) for one in funds.values())
    return f"SUM({cells})+{unspent}-{money}", beyond


def fund_amount(layout: Layout, fund: Fund, year: str) -> str:
    """Return a fund's amount; where every group gets a parameter's amount it is that many times as much."""
    cell = layout.parameter_cell(fund.parameter, year)
    return f"{cell}*ROWS({layout.block(group(fund.within), year).column_range(fund.within)})" if fund.within else cell


def unspent_formula(layout: Layout, fund: Fund, year: str) -> str:
    """Return what is left of a fund; where everything was shared out, a difference is rounding."""
    kind = layout.scheme.symbols[fund.step].kind
    block = layout.block(kind, year)
    amount = fund_amount(layout, fund, year)
    shared = f"SUM({block.column_range(fund.step)})"
    given = f"SUM({block.column_range(final_step(layout, fund.step))})"
    return f"IF({amount}-{shared}>sums_within*MAX(1,{amount}),MAX(0,{amount}-{given}),0)"


def final_step(layout: Layout, step: str) -> str:
    """Return the step that rounds a `share_out`, or the `share_out` itself."""
    for one in layout.scheme.steps:
        if one.formula.startswith("rounded(") and getattr(getattr(one.tree, "of", None), "name", None) == step:
            return one.name
    return step


def _against_baseline(layout: Layout, block: Block, rows: _Rows, old: Sequence[float]) -> None:
    """Write who gains and loses on historic spend, and what is short."""
    year, noun = block.year.year, layout.scheme.organisation
    now = block.values(layout.scheme.result)
    here, there = block.column_range(layout.scheme.result), block.column_range(BASELINE)
    pairs = list(zip(now, old, strict=True))
    total = math.fsum(old)
    least = layout.constant("no_change", NO_CHANGE, "£: a smaller change of an allocation is rounding.")
    rows.put("Historic spend (£)", year, f"SUM({there})", total, _money(total))
    gain, lose = f"({here}-{there}>={least})", f"({there}-{here}>={least})"
    gains, losses = sum(a - b >= NO_CHANGE for a, b in pairs), sum(b - a >= NO_CHANGE for a, b in pairs)
    rows.put(f"{noun}s that gain on historic spend", year, f"SUMPRODUCT(--{gain})", gains, "count")
    rows.put(f"{noun}s that lose on historic spend", year, f"SUMPRODUCT(--{lose})", losses, "count")
    short = math.fsum(b - a for a, b in pairs if b - a >= NO_CHANGE)
    formula = f"SUMPRODUCT({lose}*({there}-{here}))"
    rows.put("Shortfall: historic spend above allocation (£)", year, formula, short, _money(short))
    people = column_of(block, PEOPLE)
    if people and math.fsum(people):
        cells, heads = block.column_range(PEOPLE), math.fsum(people)
        rate = f"SUM({there})/SUM({cells})"
        rows.put("Historic spend per registered patient (£)", year, rate, total / heads, "£ per head")


def _per_head(layout: Layout, block: Block, rows: _Rows, now: Sequence[float]) -> None:
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
    for block in blocks:
        texts, where = [text or "" for text in block.values(column)], block.column_range(column)
        rows = {text: [row for row, one in enumerate(texts) if one == text] for text in names}

        def same(row: int, where: str = where) -> str:
            wanted = f"$A{row}" if names[row - FIRST_ROW] else x.text("")
            return f"EXACT({where},{wanted})" if alike else f"({where}={wanted})"

        def counted(row: int, same: Callable[[int], str] = same) -> str:
            return f"SUMPRODUCT(--{same(row)})"

        counts = [len(rows[text]) for text in names]
        column_ = sheet.heading(f"{layout.scheme.organisation}s {block.year.year}", 14)
        sheet.fill(column_, counts, counted, "count")
        sheet.total_above(column_, counts, "count")
        for step in (PEOPLE, BASELINE, layout.scheme.result):
            values = column_of(block, step)
            if not values:
                continue
            totals = [math.fsum(values[row] for row in rows[text]) for text in names]
            unit = layout.scheme.symbols[step].unit
            head = f"{layout.scheme.labels[step]} {block.year.year}" + (f" ({unit})" if unit else "")

            def summed(row: int, same: Any = same, cells: str = block.column_range(step)) -> str:
                return f"SUMPRODUCT({same(row)}*{cells})"

            number, column_ = number_format(unit, totals), sheet.heading(head, 18)
            sheet.fill(column_, totals, summed, number)
            sheet.total_above(column_, totals, number)
    sheet.put(TOTAL_ROW, 1, "Total")
    return sheet
