"""A Result as a live Excel workbook: every calculated cell a formula, with the value that it gives.

Values stand on two kinds of sheet, Inputs (with the lines of spend) and Parameters; all else follows
from them. The same result gives the same bytes.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Final

import xlsxwriter

from gpit_fairshare.language import ORGANISATION
from gpit_fairshare.workbook import front
from gpit_fairshare.workbook.layout import Block, Layout, block_kinds, number_format, sheet_name
from gpit_fairshare.workbook.sheets import FIRST_ROW, Sheet, Styles, write
from gpit_fairshare.workbook.steps import StepWriter

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from gpit_fairshare.engine import Result
    from gpit_fairshare.language import Kind

# A workbook must not differ by when it was written: the date says nothing and is always the same.
_CREATED: Final = dt.datetime(2014, 4, 1)  # noqa: DTZ001  # XlsxWriter wants a plain date


def write_workbook(
    result: Result, path: Path, advance: Callable[[int, int], None] = lambda _done, _total: None
) -> None:
    """Write a result as a workbook; `advance` is told how many sheets are done, of how many."""
    sheets = _build(result)
    book = xlsxwriter.Workbook(
        str(path), {"strings_to_formulas": False, "strings_to_numbers": False, "strings_to_urls": False}
    )
    scheme = result.scheme
    book.set_properties(
        {
            "title": scheme.title,
            "subject": f"{scheme.organisation} allocations {', '.join(scheme.years)}",
            "author": f"gpit_fairshare {result.manifest['gpit']}",
            "comments": f"Scheme {scheme.name}, digest {scheme.digest}",
            "created": _CREATED,
        }
    )
    book.set_size(2400, 1400)
    styles = Styles(book)
    for done, sheet in enumerate(sheets):
        advance(done, len(sheets))
        write(sheet, book, styles)
    book.close()
    advance(len(sheets), len(sheets))


def _build(result: Result) -> list[Sheet]:
    """Lay out every sheet, in the order in which they stand in the workbook."""
    layout = Layout(result)
    inputs = front.inputs_sheet(layout)
    lines = front.spend_lines_sheet(layout)
    for year in layout.years:
        for kind in block_kinds(layout):
            layout.blocks[kind, year] = _block(layout, kind, year)
    writers = {year: StepWriter(layout, year) for year in layout.years}
    for writer in writers.values():
        for step in layout.scheme.steps:
            writer.step(step)
    checks = front.checks_sheet(layout, _live_checks(layout, writers))
    blocks = list(layout.blocks.values())
    organisations = [block for block in blocks if block.kind == ORGANISATION]
    groups = [block for block in blocks if block.kind != ORGANISATION]
    areas = front.areas_sheet(layout)
    body = [
        front.summary_sheet(layout),
        *([areas] if areas else []),
        *(block.sheet for block in organisations),
        *(block.sheet for block in groups),
        front.parameters_sheet(layout),
        layout.national,
        inputs,
        *([lines] if lines else []),
        *(block.workings for block in (*organisations, *groups) if block.helpers),
        checks,
        front.steps_sheet(layout),
        front.assumptions_sheet(layout),
        front.sources_sheet(layout),
        front.findings_sheet(layout),
        front.manifest_sheet(layout),
    ]
    return [front.about_sheet(layout, body), *body]


def _block(layout: Layout, kind: Kind, year: str) -> Block:
    """Make the sheet and workings of one kind in one year, with the columns that name its rows."""
    scheme, now = layout.scheme, layout.result.years[year]
    word = year.replace("/", "-")
    if kind.column is not None:
        label = scheme.labels[kind.column]
        sheet = Sheet(sheet_name(f"{label} {word}", layout.taken), f"{label}, {year}", layout.illustrative)
        workings = Sheet(
            sheet_name(f"Workings {label} {word}", layout.taken), f"Workings by {label}, {year}", layout.illustrative
        )
        block = Block(kind, now, sheet, workings, columns={kind.column: 1})
        sheet.heading(label, 32)
        sheet.heading("Number", 9)
        workings.heading(label, 32)
        for row, text in enumerate(now.labels[kind.column], FIRST_ROW):
            sheet.put(row, 1, text)
            sheet.put(row, 2, row - FIRST_ROW + 1)
            workings.put(row, 1, text)
        return block
    note = f"{layout.illustrative}One row per {scheme.organisation}, one column per step."
    sheet = Sheet(sheet_name(word, layout.taken), f"{scheme.title}: {year}", note)
    workings = Sheet(
        sheet_name(f"Workings {word}", layout.taken),
        f"Workings, {year}",
        f"{layout.illustrative}What rounding, sharing and checks need; same rows.",
    )
    block = Block(kind, now, sheet, workings)
    for target in (sheet, workings):
        target.heading("Code", 9)
    sheet.heading("Name", 40)
    for row, (code, name) in enumerate(now.organisations.select("org_code", "org_name").iter_rows(), FIRST_ROW):
        sheet.put(row, 1, code)
        sheet.put(row, 2, name)
        workings.put(row, 1, code)
    sheet.put(3, 2, "Total")
    _input_columns(layout, block)
    return block


def _input_columns(layout: Layout, block: Block) -> None:
    """Refer to the Inputs sheet, column by column."""
    scheme, year = layout.scheme, block.year.year
    names = [symbol.name for symbol in scheme.inputs]
    if scheme.report_by and scheme.report_by not in names and scheme.report_by in block.year.organisations.columns:
        names.insert(0, scheme.report_by)
    names += [column for column in block.year.labels if column not in names]
    writer = StepWriter(layout, year)
    for name in names:
        symbol = scheme.symbols.get(name)
        unit = symbol.unit if symbol else None
        text = symbol is None or symbol.type == "text"
        values = block.values(name)
        block.columns[name] = block.sheet.heading(
            scheme.labels.get(name, name.replace("_", " ").capitalize()) + (f" ({unit})" if unit else ""),
            30 if text else 16,
        )
        cells = []
        for code, value in zip(block.year.codes(), values, strict=True):
            place = layout.input_cells[year, code, name]
            blank = f'IF(ISBLANK({place}),"",{place})' if value is None or (symbol and symbol.optional) else place
            cells.append((blank, value))
        number = "number" if text else number_format(unit, values)
        block.sheet.column(block.columns[name], cells, number)
        if unit in ("£", "people"):
            writer.total_above(block, block.columns[name], values, number)


def _live_checks(layout: Layout, writers: dict[str, StepWriter]) -> list[tuple[str, str, dict[str, tuple[str, bool]]]]:
    """Return the scheme's checks, and those that only a workbook needs, each live for every year."""
    live: list[tuple[str, str, dict[str, tuple[str, bool]]]] = []
    held = {(one.year, one.name, one.formula): one.holds for one in layout.result.checks}
    for index, check in enumerate(layout.scheme.checks):
        years = {
            year: (writer.check(check, index), held[year, check.name, check.formula])
            for year, writer in writers.items()
        }
        live.append((check.name, check.formula, years))
    names = [symbol.name for symbol in layout.scheme.inputs if not symbol.optional and symbol.type == "number"]
    for name in names:
        label = layout.scheme.labels[name]
        years = {}
        for year in layout.years:
            places = [layout.input_cells[year, code, name] for code in layout.result.years[year].codes()]
            first, last = places[0], places[-1].partition("!")[2]
            years[year] = (f"COUNT({first}:{last})=ROWS({first}:{last})", True)
        live.append((f"{label} is a number for every {layout.scheme.organisation}", "", years))
    floors = dict.fromkeys(label for writer in writers.values() for label in writer.fits)
    live += [
        (f"{label}: the floors fit in the money", "", {year: (one.fits[label], True) for year, one in writers.items()})
        for label in floors
    ]
    for fund in {(one.step, one.parameter): one for one in layout.result.funds if one.parameter}.values():
        final = front.final_step(layout, fund.step)
        kind = layout.scheme.symbols[final].kind
        years = {}
        for year in layout.years:
            cells, amount = (
                layout.block(kind, year).column_range(final),
                front.fund_amount(layout, fund, year),
            )
            years[year] = (f"SUM({cells})<={amount}+1", True)
        live.append((f"{fund.label} is not overspent, to the rounding", "", years))
    return live
