"""A Result as a live Excel workbook: every calculated cell a formula, with the value that it gives.

Values stand on sheets that call themselves Input, and the few numbers that formulas need on Constants; all
else follows from them. The same result gives the same bytes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gpit_fairshare.language import ORGANISATION
from gpit_fairshare.words import inside
from gpit_fairshare.workbook import reference_sheets
from gpit_fairshare.workbook.allocations_sheet import AllocationsSheet, thousands_sheet
from gpit_fairshare.workbook.charts import charts
from gpit_fairshare.workbook.checks import checks_sheet, live_checks
from gpit_fairshare.workbook.input_sheets import (
    control_order,
    input_sheets,
    offer_choices,
    parameters_sheet,
    spend_lines_sheet,
)
from gpit_fairshare.workbook.layout import Block, Layout, block_kinds, number_format, sheet_name
from gpit_fairshare.workbook.per_head import change_sheet, path_sheet, spread_sheet, write_per_head
from gpit_fairshare.workbook.sheets import FIRST_ROW, TOTAL_ROW, Sheet
from gpit_fairshare.workbook.steps import StepWriter
from gpit_fairshare.workbook.summary_sheets import areas_sheet, summary_rows
from gpit_fairshare.workbook.writing import write_sheets

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from gpit_fairshare.engine import Result
    from gpit_fairshare.language import Kind


def write_workbook(
    result: Result, path: Path, advance: Callable[[int, int], None] = lambda _done, _total: None
) -> None:
    """Write a result as a workbook; `advance` is told how many cells are done, of how many."""
    layout = Layout(result)
    scheme = result.scheme
    properties = {
        "title": scheme.title,
        "subject": f"{scheme.organisation} {inside(layout.answers)} {', '.join(scheme.years)}",
        "author": f"gpit_fairshare {result.manifest['gpit']}",
        "keywords": "NHS, GP IT, fair share, allocations",
        "comments": f"Scheme {scheme.name}, digest {scheme.digest}",
    }
    write_sheets(path, _build(layout), properties, advance, layout.names)


def _build(layout: Layout) -> list[Sheet]:
    """Lay out every sheet, in the order in which they stand in the workbook."""
    inputs = input_sheets(layout)
    lines = spend_lines_sheet(layout)
    for year in layout.years:
        for kind in block_kinds(layout):
            layout.blocks[kind, year] = _block(layout, kind, year)
    writers = {year: StepWriter(layout, year) for year in layout.years}
    for writer in writers.values():
        for step in layout.scheme.steps:
            writer.step(step)
        _control_groups(layout, writer)
    published = AllocationsSheet(layout)
    allocations = published.write()
    write_per_head(writers)
    summary = summary_rows(layout, writers)
    live = live_checks(layout, writers, published, summary)
    checks = checks_sheet(layout, live, summary)
    areas, change, spread, path = areas_sheet(layout), change_sheet(layout), spread_sheet(layout), path_sheet(layout)
    offer_choices(layout, areas)
    summary.sheet.charts = charts(layout, change, spread, path, areas)
    blocks = list(layout.blocks.values())
    organisations = [block for block in blocks if block.kind == ORGANISATION]
    groups = [block for block in blocks if block.kind != ORGANISATION]
    maybe = [
        summary.sheet,
        areas,
        allocations,
        thousands_sheet(layout, published),
        change,
        spread,
        path,
        *(block.sheet for block in (*organisations, *groups)),
        parameters_sheet(layout),
        *inputs,
        lines,
        layout.national,
        layout.constants,
        layout.sharing if layout.sharing.cells else None,
        *(order.sheet for writer in writers.values() for order in writer.orders.values()),
        *(block.workings for block in (*organisations, *groups) if block.helpers),
        checks,
        reference_sheets.steps_sheet(layout),
        reference_sheets.assumptions_sheet(layout),
        reference_sheets.sources_sheet(layout),
        reference_sheets.findings_sheet(layout),
        reference_sheets.manifest_sheet(layout),
    ]
    body = [sheet for sheet in maybe if sheet is not None]
    status = (str(checks.value(TOTAL_ROW, 2)), str(checks.value(TOTAL_ROW, 3)))
    reference_sheets.tell_status(layout, body, status[0])
    return [reference_sheets.about_sheet(layout, body, status), *body]


def _control_groups(layout: Layout, writer: StepWriter) -> None:
    """Keep which group each organisation was in, so that two that change places are seen."""
    block = layout.block(ORGANISATION, writer.year)
    for column, members in block.year.membership.items():
        if f"group {column}" in block.helpers:
            name, numbers = f"{column}_{writer.year.replace('/', '_')}", [float(member + 1) for member in members]
            says = f"{layout.scheme.labels[column]} {writer.year}: numbers of the groups in the run"
            control_order(layout, name, says, block.helper_range(f"group {column}"), numbers)


def _block(layout: Layout, kind: Kind, year: str) -> Block:
    """Make the sheet and workings of one kind in one year, with the columns that name its rows."""
    scheme, now = layout.scheme, layout.result.years[year]
    word = year.replace("/", "-")
    shown = layout.illustrative
    if kind.column is not None:
        label = scheme.labels[kind.column]
        note = f"{shown}One row per {inside(label)}, one column per figure."
        sheet = Sheet(sheet_name(label, layout.taken, word), f"{label}, {year}", note, "Working", frozen=2)
        workings = Sheet(
            sheet_name(f"Workings {label}", layout.taken, word),
            f"Workings by {inside(label)}, {year}",
            f"{shown}What rounding, sharing and checks need; same rows.",
            "Working",
            frozen=1,
        )
        block = Block(kind, now, sheet, workings, columns={kind.column: 1})
        labels = now.labels[kind.column]
        sheet.fill(sheet.heading(label, 32), labels)
        sheet.fill(sheet.heading("Number", 9), list(range(1, len(labels) + 1)), None, "count")
        workings.fill(workings.heading(label, 32), labels)
        return block
    note = f"{shown}One row per {scheme.organisation}, one column per step, in the order of the scheme."
    sheet = Sheet(sheet_name(word, layout.taken), f"{scheme.title}: {year}", note, "Working", frozen=2)
    workings = Sheet(
        sheet_name(f"Workings {word}", layout.taken),
        f"Workings of each {scheme.organisation}, {year}",
        f"{shown}What rounding, sharing, checks and charts need; same rows.",
        "Working",
        frozen=1,
    )
    block = Block(kind, now, sheet, workings)
    names = now.organisations["org_name"].to_list()
    for target in (sheet, workings):
        target.fill(target.heading("Code", 9), now.codes())
    sheet.fill(sheet.heading("Name", 40), [name or "[not given]" for name in names])
    sheet.put(TOTAL_ROW, 2, "Total")
    _input_columns(layout, block)
    return block


def _input_columns(layout: Layout, block: Block) -> None:
    """Refer to the sheets of inputs, column by column."""
    scheme, year = layout.scheme, block.year.year
    names = [symbol.name for symbol in scheme.inputs]
    if scheme.report_by and scheme.report_by not in names and scheme.report_by in block.year.organisations.columns:
        names.insert(0, scheme.report_by)
    names += [column for column in block.year.labels if column not in names]
    codes = block.year.codes()
    for name in names:
        symbol = scheme.symbols.get(name)
        unit = symbol.unit if symbol else None
        text = symbol is None or symbol.type == "text"
        values = block.values(name)
        optional = symbol is not None and symbol.optional
        label = scheme.labels.get(name, name.replace("_", " ").capitalize())
        block.columns[name] = block.sheet.heading(f"{label} ({unit})" if unit else label, 30 if text else 16)

        def formula(row: int, name: str = name, optional: bool = optional, values: list[object] = values) -> str:
            place = layout.input_cells[year, codes[row - FIRST_ROW], name]
            blank = optional or values[row - FIRST_ROW] is None
            return f'IF(ISBLANK({place}),"",{place})' if blank else place

        number = "number" if text else number_format(unit, values)
        block.sheet.fill(block.columns[name], values, formula, number)
        # What is of a larger organisation stands on the row of each of its members: its total would count it often.
        if unit in ("£", "people") and not (symbol and symbol.of):
            block.sheet.total_above(block.columns[name], values, number)
