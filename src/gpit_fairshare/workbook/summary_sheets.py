"""The summary of a run, live: national figures with their charts, unspent money, and totals by area."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from gpit_fairshare.engine.measures import (
    BASELINE,
    DIFFERENCE,
    NO_CHANGE,
    NO_OUTCOME,
    PEOPLE,
    Area,
    fair_share_rate,
    only_row_with,
)
from gpit_fairshare.engine.measures import NOT_GIVEN as UNNAMED_AREA
from gpit_fairshare.language import in_excel as excel
from gpit_fairshare.language.kinds import NATIONAL, ORGANISATION
from gpit_fairshare.numbers import signed
from gpit_fairshare.words import inside, joined, plural, sentence
from gpit_fairshare.workbook.layout import NOT_GIVEN, Block, Layout, number_format, sheet_name, with_unit
from gpit_fairshare.workbook.opening_columns import OUTCOME
from gpit_fairshare.workbook.per_head import AT_EACH_END, CHANGE_ON_SPEND, GAINS, LABEL, PLACE_USE, ROOM, applicable
from gpit_fairshare.workbook.sheets import (
    COLOURS,
    FIRST_ROW,
    NONE,
    TOTAL_ROW,
    Cell,
    Chart,
    Prose,
    SeriesLook,
    Sheet,
    letter,
    quoted,
)
from gpit_fairshare.workbook.text_widths import FORMATS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from gpit_fairshare.engine.measures import MoneyAccount, MoneyLine, YearMeasures
    from gpit_fairshare.workbook.steps import StepWriter

SUMMARY: Final = "Summary"
UNSPENT: Final = "Unspent"
_MOST_WIDE_YEARS: Final = 2
_PLACES: Final = ("Largest", "Second largest", "Third largest")
"""Gains and losses that Summary names."""
_MOST_AREAS: Final = 45
"""Most areas that fit in a chart."""


# Summary ----------------------------------------------------------------------------------------------------


class SummaryRows:
    """The rows of Summary: a figure each, a column a year."""

    def __init__(self, layout: Layout) -> None:
        """Make the sheet Summary with a column for each year, and no rows yet."""
        self.layout = layout
        note = "Each figure is a live formula."
        self.sheet = layout.make_sheet(SUMMARY, f"{layout.scheme.title}: summary", note)
        self.sheet.add_heading("Figure", 62)
        # Names of organisations are wrapped in many years, so that all fit on the page.
        width = Prose(26) if len(layout.years) > _MOST_WIDE_YEARS else 22
        self.sheet.add_headings((f"{year} {layout.scheme.certainty(year)}", width) for year in layout.years)
        self.rows: dict[str, int] = {}

    def put(self, label: str, year: str, formula: str, value: float, number: str = "", key: str = "") -> str:
        """Write one figure of one year.

        Args:
            label: Label of the row.
            year: The year.
            formula: The formula.
            value: The value that it gives.
            number: Name of the number format; that of £ if it is empty.
            key: Identifies the row if two figures may have the same label.

        Returns:
            How formulas on the same sheet refer to the cell.
        """
        row = self.rows.setdefault(key or label, FIRST_ROW + len(self.rows))
        column = 2 + self.layout.years.index(year)
        self.sheet.put(row, 1, label)
        self.sheet.put(row, column, value, formula, number or self.layout.money_format)
        return f"{letter(column)}{row}"

    def put_text(self, label: str, year: str, formula: str | None, value: str) -> None:
        """Write one text of one year, and the formula that gives it if there is one."""
        row = self.rows.setdefault(label, FIRST_ROW + len(self.rows))
        self.sheet.put(row, 1, label)
        self.sheet.put(row, 2 + self.layout.years.index(year), value, formula)

    def cell(self, key: str, year: str) -> str:
        """Return how formulas on other sheets refer to a figure, by the label or key of its row."""
        return f"{SUMMARY}!${letter(2 + self.layout.years.index(year))}${self.rows[key]}"


def summary_rows(layout: Layout, writers: Mapping[str, StepWriter]) -> SummaryRows:
    """Return the sheet Summary with the main figures of each year, each a live formula on the year sheets.

    These are the money account, or the totals or range of other answers; then outcomes, gains and losses with the three
    largest of each, £ per head, and the rate of fair shares, as far as the year has their figures.
    """
    rows = SummaryRows(layout)
    for measures in layout.measures:
        year = measures.year
        block = layout.blocks[ORGANISATION, year]
        if measures.money:
            _write_account(rows, writers[year], measures.money)
        else:
            _write_answers(rows, block, measures)
        _write_outcomes(rows, block, measures)
        if block.number_column(BASELINE):
            _write_against_baseline(rows, block, measures)
            _write_largest(rows, block)
        if math.fsum(block.number_column(PEOPLE)) and f"{layout.scheme.result} per head" in block.helpers:
            _write_per_head(rows, block)
        if rated := fair_share_rate(layout.scheme):
            step, label = rated
            rate = next(fund.rate for fund in measures.funds if fund.step == step)
            if rate is not None:
                rows.put(f"{label} (£)", year, writers[year].share_outs[step].rate, rate, "£ per head")
    return rows


def _write_account(rows: SummaryRows, writer: StepWriter, account: MoneyAccount) -> None:
    """Write the money account of one year; each line has its formula, and the difference follows from the lines.

    Money in has a total if it has several lines. There is no difference if money in is unknown.
    """
    layout, year = rows.layout, writer.year

    def lines(side: str, listed: Sequence[MoneyLine]) -> list[str]:
        """Write the lines of one side of the account, and return their cells."""
        cells = []
        for line in listed:
            formula, key = _line_formula(writer, side, line.name), f"{side} {line.name}"
            cells.append(rows.put(f"{side}: {line.label} (£)", year, formula, line.amount, key=key))
        return cells

    money_in = lines("Money in", account.money_in)
    if len(money_in) > 1:
        value = math.fsum(line.amount for line in account.money_in)
        rows.put("Money in: total (£)", year, f"SUM({money_in[0]}:{money_in[-1]})", value)
    taken_away = lines("Taken away", account.taken_away)
    allocated = f"SUM({layout.blocks[ORGANISATION, year].column_range(account.out.name)})"
    out = rows.put("Money out: allocations (£)", year, allocated, account.out.amount)
    unspent = lines(UNSPENT, account.unspent)
    if account.difference is not None:
        formula = "+".join(money_in) + "".join(f"-{cell}" for cell in (*taken_away, out, *unspent))
        pence = layout.constant("pence", 2, "Decimal places of a difference: whole pence.")
        rows.put(f"{DIFFERENCE} (£)", year, f"ROUND({formula},{pence})", account.difference, key=DIFFERENCE)


def _line_formula(writer: StepWriter, side: str, name: str) -> str:
    """Return the formula for one line of the account: the money of a name, over all organisations.

    This is what a `share_out` leaves over or has to share, a national figure, or the sum of a column.

    Args:
        writer: The steps of the year.
        side: The side of the account, such as `Unspent`.
        name: The parameter, input or step of the line.
    """
    layout = writer.layout
    if side == UNSPENT and name in writer.share_outs:  # a share_out step without a ceiling leaves nothing over
        return writer.share_outs[name].left_over or "0"
    if name in layout.scheme.money.whole_amounts:
        return writer.share_outs[name].shared
    kind = layout.scheme.symbols[name].kind
    if kind == NATIONAL:
        return layout.name_of(name, writer.year)
    return f"SUM({layout.blocks[kind, writer.year].column_range(name)})"


def _write_answers(rows: SummaryRows, block: Block, measures: YearMeasures) -> None:
    """Write the total of answers that are not money, or the lowest and highest if they are not added up."""
    scheme, cells = rows.layout.scheme, block.column_range(rows.layout.scheme.result)
    answers, unit = block.values(scheme.result), scheme.symbols[scheme.result].unit
    ends = [("lowest", "MIN", min(answers)), ("highest", "MAX", max(answers))]
    figures = [("total", "SUM", measures.allocated)] if rows.layout.adds_up else ends
    for which, function, value in figures:
        label, number = f"{scheme.labels[scheme.result]}: {which} ({unit})", number_format(unit, answers)
        rows.put(label, block.year.year, f"{function}({cells})", value, number)


def _write_against_baseline(rows: SummaryRows, block: Block, measures: YearMeasures) -> None:
    """Write historic spend, how many organisations gain and lose on it, the total of reductions, and spend per head.

    A change of less than £1 is neither a gain nor a loss.
    """
    layout, year, noun = rows.layout, block.year.year, rows.layout.scheme.organisation
    after, before = block.column_range(layout.scheme.result), block.column_range(BASELINE)
    total = measures.baseline or 0.0
    least = layout.constant("no_change", NO_CHANGE, "£: a smaller change counts as rounding.")
    gain, lose = f"({after}-{before}>={least})", f"({before}-{after}>={least})"
    rows.put("Historic spend (£)", year, f"SUM({before})", total)
    for word, test, count in (("gain", gain, measures.gain), ("lose", lose, measures.lose)):
        rows.put(f"{noun}s that {word} on historic spend", year, f"SUMPRODUCT(--{test})", count or 0, "count")
    short = measures.shortfall.total if measures.shortfall else 0.0
    formula = f"SUMPRODUCT({lose}*({before}-{after}))"
    rows.put("Total of reductions on historic spend (£)", year, formula, short)
    if heads := math.fsum(block.number_column(PEOPLE)):
        rate = f"SUM({before})/SUM({block.column_range(PEOPLE)})"
        rows.put("Historic spend per head (£)", year, rate, total / heads, "£ per head")


def _write_outcomes(rows: SummaryRows, block: Block, measures: YearMeasures) -> None:
    """Write how many organisations have each outcome of the rule, and which it is if only one has it in a year."""
    if OUTCOME not in block.helpers:
        return
    cells, noun = block.helper_range(OUTCOME), plural(rows.layout.scheme.organisation)
    for outcome in measures.outcomes:
        label = NONE if outcome.label == NO_OUTCOME else outcome.label
        formula = f"SUMPRODUCT(--({cells}={excel.text(label)}))"
        count = rows.put(f"{sentence(noun)}: {outcome.label}", measures.year, formula, outcome.organisations, "count")
        if all(only_row_with(year, outcome.label) is None for year in rows.layout.result.years.values()):
            continue
        only_row, texts = only_row_with(block.year, outcome.label), (block.values("org_name"), block.values("org_code"))
        value = NONE if only_row is None else f"{texts[0][only_row] or NOT_GIVEN} ({texts[1][only_row]})"
        match = f"MATCH({excel.text(label)},{cells},0)"
        name, code = (f"INDEX({block.column_range(key)},{match})" for key in ("org_name", "org_code"))
        text = f'IF({count}=1,{name}&" ("&{code}&")",{excel.text(NONE)})'
        rows.put_text(f"{sentence(noun)}: {outcome.label} (name)", measures.year, text, value)


def _write_largest(rows: SummaryRows, block: Block) -> None:
    """Write the three largest gains and losses on historic spend, each by name; a dash if there is none.

    Nothing is written if there are too many organisations to rank.
    """
    layout, year = rows.layout, block.year.year
    if any("rank" not in other.helpers for other in layout.organisations().values()):
        return
    changes, ranks, labels = (
        block.helper_values(CHANGE_ON_SPEND),
        block.helper_range("rank"),
        block.helper_values(LABEL),
    )
    order = sorted(range(len(changes)), key=lambda row: (-changes[row], row))
    least = layout.constant("no_change", NO_CHANGE, "£: a smaller change counts as rounding.")
    for word, sign in (("gain", ">="), ("loss", "<=-")):
        for place, prefix in enumerate(_PLACES, 1):
            number = "1" if place == 1 else layout.constant(f"constant_{place}", place, PLACE_USE)
            rank = number if word == "gain" else f"COUNT({ranks})+1-{number}"
            match = f"MATCH({rank},{ranks},0)"
            change = f"INDEX({block.helper_range(CHANGE_ON_SPEND)},{match})"
            text = f'INDEX({block.helper_range(LABEL)},{match})&": "&TEXT({change},"+£#,##0;-£#,##0")'
            formula, value = None, NONE
            if place <= block.height:
                row = order[place - 1] if word == "gain" else order[-place]
                applies = changes[row] >= NO_CHANGE if word == "gain" else changes[row] <= -NO_CHANGE
                value = f"{labels[row]}: {signed(changes[row])}" if applies else NONE
                formula = f'IF({change}{sign}{least},{text},"{NONE}")'
            rows.put_text(f"{prefix} {word} on historic spend", year, formula, value)


def _write_per_head(rows: SummaryRows, block: Block) -> None:
    """Write the allocation per head in all, and the lowest and highest historic spend and allocation per head."""
    scheme, year = rows.layout.scheme, block.year.year
    rate = f"SUM({block.column_range(scheme.result)})/SUM({block.column_range(PEOPLE)})"
    value = math.fsum(block.values(scheme.result)) / math.fsum(block.values(PEOPLE))
    rows.put("Allocation per head (£)", year, rate, value, "£ per head")
    for key, word in ((BASELINE, "historic spend"), (scheme.result, "allocation")):
        if f"{key} per head" not in block.helpers:
            continue
        rates, column = applicable(block, f"{key} per head"), block.helper_range(f"{key} per head")
        for which, function, value in (("Lowest", "MIN", min(rates)), ("Highest", "MAX", max(rates))):
            label = f"{which} {word} per head of any {scheme.organisation} (£)"
            rows.put(label, year, f"{function}({column})", value, "£ per head")


# Areas ----------------------------------------------------------------------------------------------------------


def areas_sheet(layout: Layout) -> Sheet | None:
    """Return the sheet of totals by the scheme's `report_by` column, live; None if there is no such column.

    For each area and year it has the number of organisations, their patients, historic spend and allocation.
    """
    column, blocks = layout.scheme.report_by, layout.organisations().values()
    if not column or not all(column in block.columns for block in blocks):
        return None
    label = layout.label(column)
    title = f"{layout.scheme.title}: totals by {inside(label)}"
    note = "Totals of the year sheets, each a live formula."
    sheet = layout.make_sheet(sheet_name(f"By {label}", layout.used_sheet_names), title, note, "Working")
    names = sorted({text or "" for block in blocks for text in block.values(column)})
    sheet.add_column(label, 40, [text or NOT_GIVEN for text in names])
    # EXACT is only needed for areas that differ only in capitals.
    exact = len({text.casefold() for text in names}) < len(names)
    nothing = Area("", 0, 0.0, 0.0, 0.0)
    for block, measures in zip(blocks, layout.measures, strict=True):
        by_name = {area.name: area for area in measures.areas}
        areas = [by_name.get(text or UNNAMED_AREA, nothing) for text in names]

        def formula(start: str, end: str, column_range: str = block.column_range(column)) -> Callable[[int], str]:
            """Return a function that gives the formula of each area's row: `start`, a test for the area, and `end`."""

            def of_row(row: int) -> str:
                """Return the formula of one area's row."""
                name = f"$A{row}" if names[row - FIRST_ROW] else excel.text("")
                same = f"EXACT({column_range},{name})" if exact else f"({column_range}={name})"
                return f"{start}{same}{end}"

            return of_row

        counts = [area.organisations for area in areas]
        heading = f"{layout.scheme.organisation}s {block.year.year}"
        sheet.add_column(heading, 14, counts, formula("SUMPRODUCT(--", ")"), "count", total=True)
        for step, figure in ((PEOPLE, "people"), (BASELINE, "baseline"), (layout.scheme.result, "allocation")):
            if block.number_column(step):
                totals, unit = [getattr(area, figure) or 0.0 for area in areas], layout.scheme.symbols[step].unit
                heading = with_unit(f"{layout.scheme.labels[step]} {block.year.year}", unit)
                summed = formula("SUMPRODUCT(", f"*{block.column_range(step)})")
                sheet.add_column(heading, 18, totals, summed, number_format(unit, totals), total=True)
    sheet.put(TOTAL_ROW, 1, "Total")
    return sheet


# Charts ---------------------------------------------------------------------------------------------------------


def spread_charts(layout: Layout, spread: Sheet | None, path: Sheet | None) -> list[Chart]:
    """Return the charts of the spread of £ per head, for the sheets of figures that exist."""
    noun = layout.scheme.organisation
    return [
        *([_spread_chart(spread, noun)] if spread else []),
        *([_path_chart(path, noun)] if path else []),
    ]


def charts_sheet(layout: Layout, gains: Sheet | None, areas: Sheet | None) -> Sheet | None:
    """Return the sheet Charts: gains and losses by name, £ per head before and after, and areas; None without charts.

    Its table lists the charts, with what each shows and where its figures are. Areas have a chart only if there are at
    most 45.
    """
    charts = [] if gains is None else _gains_charts(layout, gains)
    sources = [GAINS] * len(charts)
    if areas and areas.last_row - FIRST_ROW < _MOST_AREAS:
        charts.append(_areas_chart(layout, areas))
        sources.append(areas.name)
    if not charts:
        return None
    sheet = layout.make_sheet("Charts", f"{layout.scheme.title}: charts", "The charts are below the list.")
    sheet.add_headings((("Chart", Prose(50)), ("What it shows", Prose(64)), ("Figures", 18)))
    for row, (chart, source) in enumerate(zip(charts, sources, strict=True), FIRST_ROW):
        sheet.put_row(
            row, (chart.title, chart.alternative_text.rpartition(" The figures")[0], Cell(source, link=source))
        )
    sheet.charts = charts
    return sheet


def _gains_charts(layout: Layout, sheet: Sheet) -> list[Chart]:
    """Return the charts of gains and losses by name, and of £ per head before and after, of the last year."""
    noun, year = layout.scheme.organisation, layout.years[-1]
    named = [row for row in range(FIRST_ROW, sheet.last_row + 1) if sheet.value(row, 1) != NONE]
    several = len(named) < layout.blocks[ORGANISATION, year].height
    which = f"the {AT_EACH_END} largest gains and {AT_EACH_END} largest losses" if several else f"every {noun}"
    columns = {heading: column for column, heading in enumerate(sheet.headings, 1)}

    def cells(column: int) -> str:
        """Return a column of the sheet as a range, without the row of all others."""
        return f"{quoted(sheet.name)}!${letter(column)}${FIRST_ROW}:${letter(column)}${named[-1]}"

    amount = FORMATS["change or nothing"]
    looks = {
        "Gain": SeriesLook(COLOURS[0], label=amount),
        ROOM: SeriesLook(""),
        "Loss": SeriesLook(COLOURS[1], label=amount),
    }
    height = max(320, 110 + (19 + 4 * (len(named) < AT_EACH_END)) * len(named))
    charts = [
        Chart(
            "bar",
            f"Gains and losses on historic spend, {year}: {which}",
            sentence(noun),
            "£ thousand",
            cells(columns["Name and code"]),
            {name: cells(columns[f"{name} (£)"]) for name in looks},
            f"Bars to the right of zero: gain in £; to the left: loss; {which}. {_source_sentence(sheet)}",
            "change in thousands",
            height=height,
            wide=True,
            looks=looks,
        )
    ]
    rates = {heading.partition(" (£")[0]: cells(column) for heading, column in columns.items() if "per head" in heading}
    if rates:
        shown = " and ".join(rates).lower()
        description = f"Bars: {shown}, in £ per head; {which}, in the same order. {_source_sentence(sheet)}"
        charts.append(
            Chart(
                "bar",
                f"£ per head before and after, {year}: {which}",
                sentence(noun),
                "£ per head",
                cells(columns["Name and code"]),
                rates,
                description,
                "£ per head",
                height=height,
                wide=True,
            )
        )
    return charts


def _spread_chart(sheet: Sheet, noun: str) -> Chart:
    """Return the chart of organisations by band of £ per head: historic spend or the first allocation, and the last."""
    columns = (3, len(sheet.headings))
    series = {sheet.headings[column - 1].rpartition(" (")[0]: sheet.column_range(column) for column in columns}
    sets = " and ".join(series).lower()
    return Chart(
        "column",
        f"{sentence(noun)}s by £ per head: {joined(list(dict.fromkeys(map(_year_first, series))))}",
        "£ per head (start of each band)",
        f"Number of {noun}s",
        sheet.column_range(2),
        series,
        f"Columns: number of {noun}s in each band of £ per head, {sets}. {_source_sentence(sheet)}",
        "count",
    )


def _year_first(heading: str) -> str:
    """Return the heading of a set of £ per head inside a sentence: `2015/16 allocation`."""
    name, _, year = heading.partition(" 20")
    return f"20{year} {inside(name)}" if year else inside(name)


def _path_chart(sheet: Sheet, noun: str) -> Chart:
    """Return the chart of the spread of organisations, from the first figures to the last year."""
    first, across = "the first year", "Allocations by year"
    if sheet.value(FIRST_ROW, 1) == "Historic spend":
        first, across = "historic spend", "Historic spend, then allocations by year"
    description = "Lines: highest, upper quartile, median, lower quartile and lowest £ per head"
    return Chart(
        "line",
        "£ per head: highest, quartiles and lowest",
        across,
        "£ per head",
        sheet.column_range(1),
        {name.partition(" (")[0]: sheet.column_range(column) for column, name in enumerate(sheet.headings[1:], 2)},
        f"{description} of any {noun}, from {first} to the last year. {_source_sentence(sheet)}",
        "£ per head",
    )


def _areas_chart(layout: Layout, sheet: Sheet) -> Chart:
    """Return the chart of the money that each area gets, year by year."""
    label, by = layout.scheme.labels[layout.scheme.result], sheet.headings[0]
    areas = inside(by)
    series = {
        year: sheet.column_range(column)
        for year in layout.years
        for column, heading in enumerate(sheet.headings, 1)
        if heading.startswith(f"{label} {year}")
    }
    return Chart(
        "bar",
        f"{label} by {areas}, in £ million",
        by,
        "£ million",
        sheet.column_range(1),
        series,
        f"Bars: total of the allocations of each {areas} in £ million, by year. {_source_sentence(sheet)}",
        "millions",
        height=max(300, 90 + (sheet.last_row - FIRST_ROW + 1) * (10 + 6 * min(4, len(series)))),
        wide=True,
    )


def _source_sentence(sheet: Sheet) -> str:
    return f"The figures are on the sheet {sheet.name}."
