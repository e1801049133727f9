"""The sheets of people, money, lines of spend and other inputs, which a reader may change."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from gpit_fairshare.engine.measures import BASELINE, PEOPLE
from gpit_fairshare.inputs.tables.spend import WORDS as LINE_WORDS
from gpit_fairshare.language import in_excel as x
from gpit_fairshare.language.kinds import group
from gpit_fairshare.workbook.input_controls import control_numbers, control_texts, require_number
from gpit_fairshare.workbook.layout import EVERY_YEAR, NOT_GIVEN, Layout, input_names, number_format, with_unit
from gpit_fairshare.workbook.places import PLACES, cell_digest, place_marks
from gpit_fairshare.workbook.sheets import FIRST_ROW, ROW, Sheet, letter, quoted

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import polars as pl


_SPEND_LINES: Final = "Spend lines"
_LINE_COLUMNS: Final = (
    ("org_code", "Code", 9),
    ("year", "Year", 12),
    ("amount", "Amount (£)", 16),
    ("category", "Category", 16),
    ("cost_type", "Cost type", 14),
    ("committed", "Committed", 14),
    ("basis", "Basis", 14),
)


@dataclass(slots=True)
class _Table:
    """One sheet of inputs while it is made: its columns, and the row of every organisation and year."""

    sheet: Sheet
    names: list[str]
    columns: dict[str, int] = field(default_factory=dict)
    rows: dict[tuple[str, str], int] = field(default_factory=dict)
    """(year, code) to the row; years that share a row each have it."""


def input_sheets(layout: Layout) -> list[Sheet]:
    """Return the sheets of people, money and other inputs, and remember where each cell is.

    A row that serves every year is there once, so that changing it changes all years, as it would in its file.
    """
    noun, line_sums = layout.scheme.organisation, _sums_of_lines(layout)
    notes = {
        "Population": f"Registered patients and what else is said of each {noun}, as read and checked.",
        "Spend": f"{layout.illustrative}Historic spend of each {noun}, as read and checked.",
        "Other inputs": "Further columns that the scheme's steps use, as read and checked.",
    }
    if line_sums:
        says = "Each figure of historic spend is the sum of the lines that count: change the lines."
        notes["Spend"] = f"{layout.illustrative}{says}"
    sheets = []
    for name, note in notes.items():
        columns = [column for column in input_names(layout) if _sheet_of(layout, column) == name]
        if columns:
            symbols = [layout.scheme.symbols.get(column) for column in columns]
            blank = " An empty cell: no value was given." if any(one and one.optional for one in symbols) else ""
            sheet = Sheet(name, f"{name} of each {noun}", f"{note}{blank}", "Input", frozen=3)
            _fill_inputs(layout, _Table(sheet, columns), line_sums)
            sheets.append(sheet)
    return sheets


def _sheet_of(layout: Layout, name: str) -> str:
    """Return the sheet of an input column: people and money have their own, wherever they were read."""
    if name in (PEOPLE, BASELINE):
        return "Population" if name == PEOPLE else "Spend"
    column = layout.result.inputs.columns.get(name)
    role = column.table if column else "population"
    return {"population": "Population", "spend": "Spend"}.get(role, "Other inputs")


def _fill_inputs(layout: Layout, table: _Table, line_sums: Mapping[tuple[str, str], str]) -> None:
    """Write the rows of a sheet of inputs: those that serve every year first, by code; then year by year."""
    sheet, names = table.sheet, table.names
    entries = _entries(layout, names)
    rows = {year: _rows(layout, year, names) for year in layout.years}
    sheet.add_column("Year", 12, [word for word, _, _ in entries])
    sheet.add_column("Code", 9, [code for _, _, code in entries])
    sheet.add_column("Name", 40, [rows[year][code]["org_name"] or NOT_GIVEN for _, year, code in entries])
    for row, (word, year, code) in enumerate(entries, FIRST_ROW):
        for one in layout.years if word == EVERY_YEAR else [year]:
            table.rows[one, code] = row
    cells = {name: [rows[year][code].get(name) for _, year, code in entries] for name in names}
    for name in names:
        column = letter(len(sheet.headings) + 1)
        formulas = [
            (line_sums.get((year, code)) if name == BASELINE else None)
            or _sum_of_predecessors(layout, table, name, column, year, code)
            for _, year, code in entries
        ]
        _input_column(layout, table, name, cells[name], formulas)
    origins = layout.result.inputs.origins
    own = {name: [origins.get((year, code, name), "") for _, year, code in entries] for name in names}
    places = [list(dict.fromkeys(filter(None, row))) for row in zip(*own.values(), strict=True)]
    where = sheet.add_column("Where from", 50, [PLACES.join(row) or NOT_GIVEN for row in places])
    columns = {name: letter(column) for name, column in table.columns.items()}
    layout.input_tables.append(
        {
            "sheet": sheet.name,
            "first_row": FIRST_ROW,
            "last_row": sheet.last_row,
            "columns": {"year": "A", "org_code": "B", **columns, "where_from": letter(where)},
            "digests": {name: "".join(map(cell_digest, cells[name])) for name in names},
            "places": {name: place_marks(places, own[name]) for name in names},
        }
    )
    moved = [layout.moved.get((year, code), ()) for _, year, code in entries]
    if any(moved):
        before = [", ".join(sorted({one.predecessor for one in each})) or "none" for each in moved]
        sheet.add_column("Predecessors", 24, before)


def _rows(layout: Layout, year: str, names: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Return the inputs of each organisation in a year, by its code."""
    frame = layout.result.years[year].organisations
    columns = ["org_code", "org_name", *(name for name in names if name in frame.columns)]
    return {row["org_code"]: row for row in frame.select(columns).iter_rows(named=True)}


def _input_column(
    layout: Layout, table: _Table, name: str, cells: Sequence[Any], formulas: Sequence[str | None]
) -> None:
    """Write one column of inputs: what may be changed, what follows from other cells, and what is allowed."""
    sheet, symbol = table.sheet, layout.scheme.symbols.get(name)
    is_text, unit = any(isinstance(value, str) for value in cells), symbol.unit if symbol else None
    table.columns[name] = column = sheet.add_column(
        with_unit(layout.label(name), unit),
        22,
        cells,
        (lambda row: formulas[row - FIRST_ROW]) if any(formulas) else None,
        "number" if is_text else number_format(unit, cells),
        # A text that no step uses names an area, and the sheet of areas has a row for those of the run alone.
        unlocked=not (is_text and symbol is None),
    )
    for (year, code), row in table.rows.items():
        layout.input_cells[year, code, name] = sheet.cell(column, f"${row}")
    region = sheet.region(column)
    layout.input_ranges[name] = cell_range = sheet.column_range(column)
    if is_text:
        if symbol is not None:
            layout.text_inputs[name] = sheet, region
            control_texts(layout, name, cell_range, cells)
        return
    control_numbers(layout, name, cell_range, cells)
    low = "0" if unit in ("£", "people") and not (symbol and symbol.signed) else ""
    asked, optional = layout.scheme.labels.get(name, name), symbol is not None and symbol.optional
    require_number(sheet, region, (low, ""), asked, unit, optional=optional)


def offer_choices(layout: Layout, areas: Sheet | None) -> None:
    """Let texts that group organisations be those of the run alone: no sheet has a row for another."""
    for name, (sheet, region) in layout.text_inputs.items():
        years = [year.labels.get(name) for year in layout.result.years.values()]
        if areas and name == layout.scheme.report_by:
            source = areas.column_range(1)
        elif years[0] and all(labels == years[0] for labels in years):
            source = layout.blocks[group(name), layout.years[0]].sheet.column_range(1)
        else:
            continue
        rule = {"validate": "list", "source": f"={source}", "error_title": "Not taken"}
        says = f"Expected one of those on the sheet {source.partition('!')[0]}."
        sheet.validate(region, rule | {"error_message": says})


def _entries(layout: Layout, names: Sequence[str]) -> list[tuple[str, str, str]]:
    """Return what each row of a sheet is for: the word for its year, a year that has its values, and the code."""
    inputs = layout.result.inputs
    moved = set() if inputs.boundaries else {(one.year, one.successor) for one in inputs.restated}
    shared: dict[str, str] = {}
    own: list[tuple[str, str, str]] = []
    for year, result in layout.result.years.items():
        for code in result.codes():
            if (year, code) not in moved and all((year, code, name) in inputs.undated for name in names):
                shared.setdefault(code, year)
            else:
                own.append((year, year, code))
    return [(EVERY_YEAR, year, code) for code, year in sorted(shared.items())] + own


def _sum_of_predecessors(  # a cell has that many sides
    layout: Layout, table: _Table, name: str, column: str, year: str, code: str
) -> str | None:
    """Return the sum of the cells of merged predecessors, where all of them are on the sheet."""
    if layout.result.inputs.boundaries:
        return None
    parts = [one for one in layout.moved.get((year, code), ()) if one.column == name]
    rows = [table.rows.get((layout.years[0], one.predecessor)) for one in parts]
    if not parts or None in rows:
        return None
    return "+".join(f"${column}${row}" for row in rows)


def spend_lines_sheet(layout: Layout) -> Sheet | None:
    """Return the lines of cost with the live rule of which count, or None where the spend has no lines."""
    lines = _lines(layout)
    if lines is None:
        return None
    note = "Change a line and the spend follows; Counts is the scheme's rule applied to the line."
    sheet = layout.sheet(_SPEND_LINES, "Lines of spend", note, "Input", frozen=1)
    amounts = lines["amount"].to_list()
    for name, heading, width in _LINE_COLUMNS:
        blank = EVERY_YEAR if name == "year" else NOT_GIVEN
        values = [blank if value is None else value for value in lines[name].to_list()]
        unlocked = name in ("amount", *LINE_WORDS, *layout.scheme.counts)
        number = number_format("£", values) if name == "amount" else "number"
        column = sheet.add_column(heading, width, values, None, number, unlocked=unlocked)
        region, cells = sheet.region(column), sheet.column_range(column)
        layout.line_ranges[name] = cells
        if name == "amount":
            require_number(sheet, region, ("0", ""), "Amount of the line", "£")
            control_numbers(layout, "amount_of_lines", cells, amounts)
        elif name in LINE_WORDS:
            sheet.validate(region, {"validate": "list", "source": list(LINE_WORDS[name])})
            _control_words(layout, name, cells, values, amounts)
        elif unlocked:
            control_texts(layout, f"{name}_of_lines", cells, values)
    place = {name: f"${letter(column)}{ROW}" for column, (name, _, _) in enumerate(_LINE_COLUMNS, 1)}
    rule = ",".join(
        "OR(" + ",".join(f"EXACT(LOWER({place[key]}),{x.text(text.lower())})" for text in allowed) + ")"
        for key, allowed in layout.scheme.counts.items()
    )
    counts = ["yes" if counts else "no" for counts in lines["counts"].to_list()]
    column = sheet.add_column("Counts", 12, counts, f'IF(AND({rule}),"yes","no")' if rule else None)
    _control_words(layout, "counts", sheet.column_range(column), counts, amounts)
    if lines["predecessor"].count():
        sheet.add_column("Predecessor", 14, [code or "none" for code in lines["predecessor"].to_list()])
    return sheet


def _control_words(layout: Layout, name: str, cells: str, values: Sequence[str], amounts: Sequence[float]) -> None:
    """Keep how many lines have each word of a column, and the £ of those with one: two changes may cancel out."""
    control_texts(layout, f"{name}_of_lines", cells, values)
    word = max(values, key=lambda value: (value == "yes", value))
    total = math.fsum(amount for amount, value in zip(amounts, values, strict=True) if value == word)
    says = f"{name.replace('_', ' ').capitalize()}: £ of the lines with {word!r} in the run."
    formula = f"SUMIFS({layout.line_ranges['amount']},{cells},{x.text(word)})"
    layout.control(f"as_read_amount_by_{name}", total, says, formula)


def _lines(layout: Layout) -> pl.DataFrame | None:
    """Return the lines so that those of one organisation and year follow each other, in a fixed order."""
    lines = layout.result.inputs.lines
    if lines is None or BASELINE not in layout.scheme.symbols:
        return None
    keys = ["org_code", "year", "category", "cost_type", "committed", "amount", "predecessor"]
    return lines.sort([name for name in keys if name in lines.columns], nulls_last=False)


def _sums_of_lines(layout: Layout) -> dict[tuple[str, str], str]:
    """Return the formula that sums the counting lines of each year and organisation; empty without lines."""
    lines = _lines(layout)
    if lines is None:
        return {}
    rows_of: dict[tuple[str, str | None], list[int]] = {}
    for row, (code, year) in enumerate(lines.select("org_code", "year").iter_rows(), FIRST_ROW):
        rows_of.setdefault((code, year), []).append(row)

    def counted(first: int, last: int) -> str:
        amounts, counts = (f"{quoted(_SPEND_LINES)}!${column}${first}:${column}${last}" for column in "CH")
        return f'SUMIFS({amounts},{counts},"yes")'

    formulas = {}
    for year, result in layout.result.years.items():
        for code in result.codes():
            moved = layout.moved.get((year, code), ())
            olds = [one.predecessor for one in moved if one.column in (BASELINE, "amount")]
            blocks = [rows_of.get((old, of)) for old in dict.fromkeys([code, *olds]) for of in (None, year)]
            formulas[year, code] = "+".join(counted(rows[0], rows[-1]) for rows in blocks if rows) or "0"
    return formulas
