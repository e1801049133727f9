"""A Result as a live Excel workbook: every calculated cell a formula, with the value that it gives.

Only Input sheets have values, and Constants has the few numbers that formulas need; everything else follows from
them. The same result gives the same bytes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gpit_fairshare.language.kinds import ORGANISATION, Kind, group
from gpit_fairshare.words import inside
from gpit_fairshare.workbook import reference_sheets
from gpit_fairshare.workbook.allocations_sheet import AllocationsSheet
from gpit_fairshare.workbook.checks import CHECKS, checks_sheet
from gpit_fairshare.workbook.input_sheets import SPEND_LINES, control_groups, input_names, input_sheets, offer_choices
from gpit_fairshare.workbook.layout import NOT_GIVEN, Block, Layout, number_format, sheet_name, with_unit
from gpit_fairshare.workbook.one_organisation_sheet import codes_sheet, one_organisation_sheet
from gpit_fairshare.workbook.opening_columns import add_opening_baseline, add_outcome
from gpit_fairshare.workbook.per_head import gains_sheet, path_sheet, spread_sheet, write_per_head
from gpit_fairshare.workbook.sheets import FIRST_ROW, TOTAL_ROW, Sheet
from gpit_fairshare.workbook.steps import StepWriter
from gpit_fairshare.workbook.summary_sheets import areas_sheet, charts_sheet, spread_charts, summary_rows
from gpit_fairshare.workbook.tables import tables_sheet
from gpit_fairshare.workbook.writing import write_sheets

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from gpit_fairshare.engine import Result


_PRINTED: Final = (CHECKS, "Assumptions")
"""Sheets to audit that are read on paper."""


def write_workbook(
    result: Result, path: Path, advance: Callable[[int, int], None] = lambda _done, _total: None
) -> None:
    """Write a result as a workbook of live formulas, with document properties that name the scheme and the program.

    `advance` is called with the number of cells done and of all cells.
    """
    layout = Layout(result)
    scheme = result.scheme
    properties = {
        "title": scheme.title,
        "subject": f"{scheme.organisation} {inside(layout.answers)} {', '.join(scheme.years)}",
        "author": f"gpit_fairshare {result.manifest['gpit']}",
        "keywords": "NHS, GP IT, fair share, allocations",
        "comments": f"Scheme {scheme.name}, digest {scheme.digest}",
    }
    write_sheets(path, _build_sheets(layout), properties, advance, layout.names)


def _build_sheets(layout: Layout) -> list[Sheet]:
    """Build every sheet of the workbook, and return them in order: to read, About, to audit, and for formulas alone.

    Sheets with nothing to show are left out. If values have no source, every sheet says so first.
    """
    inputs = [sheet for sheet in (*input_sheets(layout), tables_sheet(layout)) if sheet]
    groupings = layout.result.years[layout.years[0]].labels
    for year in layout.years:
        for kind in (ORGANISATION, *map(group, groupings)):
            layout.blocks[kind, year] = _make_block(layout, kind, year)
    writers = {year: StepWriter(layout, year) for year in layout.years}
    for writer in writers.values():
        for step in layout.scheme.steps:
            writer.write_step(step)
        control_groups(layout, writer.year)
        add_opening_baseline(layout, writer.year)
        add_outcome(layout, writer)
    published = {year: AllocationsSheet(layout, year) for year in layout.years}
    write_per_head(writers)
    summary = summary_rows(layout, writers)
    checks = checks_sheet(layout, writers, published, summary)
    gains, areas, spread, path = gains_sheet(layout), areas_sheet(layout), spread_sheet(layout), path_sheet(layout)
    offer_choices(layout, areas)
    if charts := spread_charts(layout, spread, path):
        summary.sheet.charts = charts
        summary.sheet.note += " Charts are below the table."
    # The sheets of organisations come first.
    blocks = sorted(layout.blocks.values(), key=lambda block: block.kind != ORGANISATION)
    to_read = [
        summary.sheet,
        *(table.sheet for table in published.values()),
        charts_sheet(layout, gains, areas),
        one_organisation_sheet(layout),
    ]
    to_audit = [
        *(block.sheet for block in blocks),
        *(sheet for sheet in inputs if sheet.name != SPEND_LINES),
        layout.national,
        checks,
        reference_sheets.steps_sheet(layout),
        reference_sheets.assumptions_sheet(layout),
        reference_sheets.findings_sheet(layout),
        reference_sheets.sources_sheet(layout),
        reference_sheets.manifest_sheet(layout),
        *(sheet for sheet in inputs if sheet.name == SPEND_LINES),
    ]
    for_formulas = [
        *(block.workings for block in blocks if block.helpers),
        layout.constants,
        layout.sharing if layout.sharing.cells else None,
        *(order.sheet for writer in writers.values() for order in writer.orders.values()),
        gains,
        areas,
        spread,
        path,
        codes_sheet(layout),
    ]
    first, later = ([sheet for sheet in sheets if sheet] for sheets in (to_read, [*to_audit, *for_formulas]))
    for sheet in later:
        sheet.prints = sheet.name in _PRINTED
    status = (str(checks.value(TOTAL_ROW, 2)), str(checks.value(TOTAL_ROW, 3)))
    reference_sheets.add_status(layout, first, status[0])
    sheets = [*first, reference_sheets.about_sheet(layout, [*first, *later], status), *later]
    for sheet in sheets:
        sheet.note = f"{layout.scheme.draft_warning} {sheet.note}".strip()
    return sheets


def _make_block(layout: Layout, kind: Kind, year: str) -> Block:
    """Make the sheet and workings of one kind of row in one year, with the columns that name the rows.

    A sheet of organisations also gets a column for each input; a sheet of groups also gets the number of each group.
    """
    scheme, now, word = layout.scheme, layout.result.years[year], year.replace("/", "-")
    if kind.column is None:
        name, end, title, noun = word, "", f"{scheme.title}: calculation for {year}", scheme.organisation
        per, rows, users = "step, in the order of the scheme", f"of each {noun}", "sharing, checks and charts"
    else:
        name, end = scheme.labels[kind.column], word
        title, noun = f"{name}, {year}", inside(name)
        per, rows, users = "figure", f"by {noun}", "sharing and checks"
    note = f"One row per {noun}, one column per {per}."
    sheet = layout.make_sheet(sheet_name(name, layout.used_sheet_names, end), title, note, "Working", frozen=2)
    own_name = sheet_name(f"Workings {name}", layout.used_sheet_names, end)
    note = f"Figures for rounding, {users}; rows as on {sheet.name}."
    workings = layout.make_sheet(own_name, f"Workings {rows}, {year}", note, "Working", frozen=1)
    block = Block(kind, now, sheet, workings)
    if kind.column is None:
        for target in (sheet, workings):
            block.columns["org_code"] = target.add_column("Code", 9, now.codes())
        names = [name or NOT_GIVEN for name in now.organisations["org_name"].to_list()]
        block.columns["org_name"] = sheet.add_column("Name", 40, names)
        sheet.put(TOTAL_ROW, 2, "Total")
        _add_input_columns(layout, block)
    else:
        labels = now.labels[kind.column]
        for target in (sheet, workings):
            block.columns[kind.column] = target.add_column(name, 32, labels)
        sheet.add_column("Number", 9, list(range(1, len(labels) + 1)), None, "count")
    return block


def _add_input_columns(layout: Layout, block: Block) -> None:
    """Add the inputs, and the labels that group organisations, to a year's sheet of organisations.

    Each cell is a direct reference to the cell of the sheet of inputs; where that may be blank, a blank gives an empty
    text. A column of £ or people gets a total, but not figures of a larger organisation, which are repeated on its
    members' rows.
    """
    scheme, year, codes = layout.scheme, block.year.year, block.year.codes()
    for name in dict.fromkeys((*input_names(layout), *block.year.labels)):
        symbol, values = scheme.symbols.get(name), block.values(name)
        unit, optional = (symbol.unit, symbol.optional) if symbol else (None, False)
        is_text = symbol is None or symbol.type == "text"
        width, number = (30, "number") if is_text else (16, number_format(unit, values))
        # A figure of a larger organisation is on the row of each of its members: a total would count it repeatedly.
        total = unit in ("£", "people") and not (symbol and symbol.of)

        def formula(row: int, name: str = name, optional: bool = optional, values: list[object] = values) -> str:
            """Return the formula of an input on the row of an organisation."""
            place = layout.input_cells[year, codes[row - FIRST_ROW], name]
            blank = optional or values[row - FIRST_ROW] is None
            return f'IF(ISBLANK({place}),"",{place})' if blank else place

        heading = with_unit(layout.label(name), unit)
        block.columns[name] = block.sheet.add_column(heading, width, values, formula, number, total=total)
