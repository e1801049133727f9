"""What a reader may change: parameters, people and money, each on a sheet of its own."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from gpit_fairshare.engine import BASELINE, PEOPLE
from gpit_fairshare.inputs.spend import WORDS as LINE_WORDS
from gpit_fairshare.language import group
from gpit_fairshare.language import in_excel as x
from gpit_fairshare.scheme import number as as_number
from gpit_fairshare.workbook.layout import (
    CHANGED,
    PARAMETER_STATE,
    PARAMETER_VALUE,
    PARAMETERS,
    Layout,
    number_format,
)
from gpit_fairshare.workbook.places import PLACES, cell_digest, place_marks
from gpit_fairshare.workbook.sheets import FIRST_ROW, ROW, Prose, Region, Sheet, is_web, letter, quoted

if TYPE_CHECKING:
    from collections.abc import Sequence

    import polars as pl

    from gpit_fairshare.scheme import Parameter

SPEND_LINES: Final = "Spend lines"
OUTSIDE: Final = "out of bounds"
EVERY_YEAR: Final = "every year"
_ORDER_RATE: Final = 0.001
_LARGEST: Final = 1e15
"""What stands for no bound: Excel's rules want two numbers, and beyond this it counts no pounds."""
_MOST_TEXTS: Final = 20
"""Different texts of a column that are counted one by one."""
_LONGEST_TEXT: Final = 120
"""Characters of a text that is counted; in formulas Excel takes up to 255, quotation marks being two each."""


# Parameters -----------------------------------------------------------------------------------------------


def parameters_sheet(layout: Layout) -> Sheet:
    """Return every parameter with its value, bounds, and source or assumption: a row for each year."""
    note = "Change a value in blue and the whole workbook follows; what is not within the bounds fails a check."
    sheet = Sheet(PARAMETERS, "Parameters of the scheme", note, "Input", frozen=3)
    sheet.add_headings(
        (
            ("Parameter", Prose(36)),
            ("Name", 22),
            ("Year", 9),
            ("Value", 14),
            ("State", 20),
            ("Unit", 10),
            ("Minimum", 12),
            ("Maximum", 12),
            ("Value in the run", 14),
            ("Source or assumption of the value in the run", Prose(50)),
            ("Link", Prose(44)),
        )
    )
    for parameter in layout.scheme.parameters.values():
        for year in layout.years:
            _parameter(layout, sheet, parameter, year)
    return sheet


def _parameter(layout: Layout, sheet: Sheet, parameter: Parameter, year: str) -> None:
    """Write one parameter in one year: the value to change, what became of it, its bounds, that of the run."""
    row, value = layout.parameter_rows[parameter.name, year], parameter.values[year]
    number = number_format(parameter.unit, [one.value for one in parameter.values.values()])
    for column, text in enumerate((parameter.label, parameter.name, year), 1):
        sheet.put(row, column, text)
    sheet.put(row, PARAMETER_VALUE, value.value, None, number, unlocked=True)
    sheet.put(row, 6, parameter.unit or "none")
    bounds = ((7, parameter.minimum), (8, parameter.maximum))
    for column, bound in bounds:
        own = bool(bound) and bound not in layout.scheme.parameters
        sheet.put(row, column, as_number(bound) if own else bound or "none", None, number)
    sheet.put(row, 9, value.value, None, number)
    low, high = (_bound_cell(layout, bound, f"${letter(column)}{row}", year) for column, bound in bounds)
    cell = f"${letter(PARAMETER_VALUE)}{row}"
    outside = [f"{cell}<{low}"] if low else []
    outside += [f"{cell}>{high}"] if high else []
    in_run = "set for this run" if value.overridden else "as the scheme has it"
    state = f'IF({cell}=$I{row},{x.text(in_run)},"{CHANGED}")'
    beyond = f"IFERROR(OR({','.join([f'NOT(ISNUMBER({cell}))', *outside])}),TRUE)"
    sheet.put(row, PARAMETER_STATE, in_run, f'IF({beyond},"{OUTSIDE}",{state})')
    sheet.put(row, 10, f"Source: {value.source}." if value.source else f"Assumption: {value.assumption}")
    if value.source and is_web(value.source.url):
        sheet.link(row, 11, value.source.title, value.source.url)
    else:
        sheet.put(row, 11, "none")
    place = Region(row, PARAMETER_VALUE, row, PARAMETER_VALUE)
    _rule(sheet, place, (low, high), f"{parameter.label}, {year}", parameter.unit or "")


def parameter_states(layout: Layout) -> str:
    """Return the cells that say what became of each parameter."""
    state = letter(PARAMETER_STATE)
    return f"{PARAMETERS}!${state}${FIRST_ROW}:${state}${FIRST_ROW + len(layout.parameter_rows) - 1}"


def _bound_cell(layout: Layout, bound: str, cell: str, year: str) -> str:
    """Return a bound as formulas find it: its own cell, the parameter that it names, or nothing."""
    return "" if not bound else layout.name_of(bound, year) if bound in layout.scheme.parameters else cell


def _rule(
    sheet: Sheet, region: Region, bounds: tuple[str, str], asked: str, unit: str, *, optional: bool = False
) -> None:
    """Let cells take numbers between their bounds alone, and say what is asked for."""
    low, high = bounds
    rule: dict[str, Any] = {
        "validate": "decimal",
        "criteria": "between",
        "minimum": f"={low}" if low else -_LARGEST,
        "maximum": f"={high}" if high else _LARGEST,
        "ignore_blank": optional,
        "input_title": "Input",
        "input_message": (f"{asked}, in {unit}." if unit else f"{asked}.")[:250],
        "error_title": "Not taken",
        "error_message": "Expected a number within its bounds; money and people are not below nil.",
    }
    sheet.validations.append((region, rule))


# People, money and whatever else the scheme's steps use ---------------------------------------------------


@dataclass(slots=True)
class _Table:
    """One sheet of inputs while it is made: its columns, and the row of every organisation and year."""

    sheet: Sheet
    names: list[str]
    columns: dict[str, int] = field(default_factory=dict)
    rows: dict[tuple[str, str], int] = field(default_factory=dict)
    """(year, code) to the row; years that share a row each have it."""


def input_sheets(layout: Layout) -> list[Sheet]:
    """Return the sheets of people, money and other inputs, and remember where each cell stands.

    A row that serves every year stands once, so that changing it changes all years, as it would in its file.
    """
    scheme, result = layout.scheme, layout.result
    names = [symbol.name for symbol in scheme.inputs]
    if scheme.report_by and scheme.report_by not in names:
        names.insert(0, scheme.report_by)
    there = {column for year in result.years.values() for column in year.organisations.columns}
    names = [name for name in names if name in there]
    sorted_out: dict[str, list[str]] = {"Population": [], "Spend": [], "Other inputs": []}
    for name in names:
        sorted_out[_sheet_of(layout, name)].append(name)
    noun = scheme.organisation
    says = {
        "Population": (
            f"Population of each {noun}",
            f"Registered patients and what else is said of each {noun}, as read and checked.",
        ),
        "Spend": (
            f"Spend of each {noun}",
            "Each figure of historic spend is the sum of the lines that count: change the lines."
            if _lines_of(layout)
            else f"Historic spend of each {noun}, as read and checked.",
        ),
        "Other inputs": (
            f"Other inputs of each {noun}",
            "Further columns that the scheme's steps use, as read and checked.",
        ),
    }
    sheets = []
    for name, columns in sorted_out.items():
        if columns:
            title, note = says[name]
            note += " An empty cell: no value was given." if _may_be_blank(layout, columns) else ""
            sheet = Sheet(name, title, f"{layout.illustrative if name == 'Spend' else ''}{note}", "Input", frozen=3)
            _fill_inputs(layout, _Table(sheet, columns))
            sheets.append(sheet)
    return sheets


def _sheet_of(layout: Layout, name: str) -> str:
    """Return the sheet of an input column: people and money have their own, wherever they were read."""
    if name in (PEOPLE, BASELINE):
        return "Population" if name == PEOPLE else "Spend"
    column = layout.result.inputs.columns.get(name)
    role = column.table if column else "population"
    return {"population": "Population", "spend": "Spend"}.get(role, "Other inputs")


def _may_be_blank(layout: Layout, names: Sequence[str]) -> bool:
    return any(name in layout.scheme.symbols and layout.scheme.symbols[name].optional for name in names)


def _fill_inputs(layout: Layout, table: _Table) -> None:
    """Write the rows of a sheet of inputs: those that serve every year first, by code; then year by year."""
    scheme, sheet = layout.scheme, table.sheet
    entries = _entries(layout, table.names)
    frames = {year.year: year.organisations for year in layout.result.years.values()}
    called = {year: dict(frame.select("org_code", "org_name").iter_rows()) for year, frame in frames.items()}
    sheet.fill(sheet.heading("Year", 12), [word for word, _, _ in entries])
    sheet.fill(sheet.heading("Code", 9), [code for _, _, code in entries])
    sheet.fill(sheet.heading("Name", 40), [called[year][code] or "[not given]" for _, year, code in entries])
    for name in table.names:
        unit = scheme.symbols[name].unit if name in scheme.symbols else None
        label = scheme.labels.get(name, name.replace("_", " ").capitalize())
        table.columns[name] = sheet.heading(f"{label} ({unit})" if unit else label, 22)
    for row, (word, year, code) in enumerate(entries, FIRST_ROW):
        for one in layout.years if word == EVERY_YEAR else [year]:
            table.rows[one, code] = row
    values = {year: _values(frame, table.names) for year, frame in frames.items()}
    lines = _lines_of(layout)
    for name in table.names:
        cells = [values[year][code, name] for _, year, code in entries]
        formulas = [
            (lines.get((year, code)) if name == BASELINE else None)
            or _sum_of_predecessors(layout, table, name, year, code)
            for _, year, code in entries
        ]
        _input_column(layout, table, name, cells, formulas)
    origins = layout.result.inputs.origins
    own = {name: [origins.get((year, code, name), "") for _, year, code in entries] for name in table.names}
    places = [list(dict.fromkeys(filter(None, row))) for row in zip(*own.values(), strict=True)]
    where = sheet.heading("Where from", 50)
    sheet.fill(where, [PLACES.join(row) or "[not given]" for row in places])
    layout.input_tables.append(
        {
            "sheet": sheet.name,
            "first_row": FIRST_ROW,
            "last_row": sheet.last_row,
            "columns": {"year": "A", "org_code": "B"}
            | {name: letter(column) for name, column in table.columns.items()}
            | {"where_from": letter(where)},
            "digests": {
                name: "".join(cell_digest(values[year][code, name]) for _, year, code in entries)
                for name in table.names
            },
            "places": {name: place_marks(places, own[name]) for name in table.names},
        }
    )
    olds = predecessors(layout)
    if any((year, code) in olds for _, year, code in entries):
        before = [", ".join(olds.get((year, code), [])) or "none" for _, year, code in entries]
        sheet.fill(sheet.heading("Predecessors", 24), before)


def _input_column(
    layout: Layout, table: _Table, name: str, cells: Sequence[Any], formulas: Sequence[str | None]
) -> None:
    """Write one column of inputs: what may be changed, what follows from other cells, and what is allowed."""
    sheet, column, symbol = table.sheet, table.columns[name], layout.scheme.symbols.get(name)
    text = any(isinstance(one, str) for one in cells)
    unit = symbol.unit if symbol else None
    number = "number" if text else number_format(unit, list(cells))
    live = (lambda row: formulas[row - FIRST_ROW]) if any(formulas) else None
    # A text that no step uses names an area, and the sheet of areas has a row for those of the run alone.
    sheet.fill(column, cells, live, number, unlocked=not (text and symbol is None))
    for (year, code), row in table.rows.items():
        layout.input_cells[year, code, name] = f"{quoted(sheet.name)}!${letter(column)}${row}"
    layout.input_ranges[name] = sheet.column_range(column)
    region = Region(FIRST_ROW, column, sheet.last_row, column)
    if text:
        if symbol is not None:
            layout.text_inputs[name] = sheet, region
            _control_texts(layout, name, sheet.column_range(column), cells)
        return
    _control(layout, name, sheet.column_range(column), cells)
    low = "0" if unit in ("£", "people") and not (symbol and symbol.signed) else ""
    asked = layout.scheme.labels.get(name, name)
    _rule(sheet, region, (low, ""), asked, unit or "", optional=symbol is not None and symbol.optional)


def offer_choices(layout: Layout, areas: Sheet | None) -> None:
    """Let texts that group organisations be those of the run alone: no sheet has a row for another."""
    for name, (sheet, region) in layout.text_inputs.items():
        years = [year.labels.get(name) for year in layout.result.years.values()]
        if areas and name == layout.scheme.report_by:
            source = areas.column_range(1)
        elif years[0] and all(labels == years[0] for labels in years):
            source = layout.block(group(name), layout.years[0]).sheet.column_range(1)
        else:
            continue
        rule = {"validate": "list", "source": f"={source}", "error_title": "Not taken"}
        says = f"Expected one of those on the sheet {source.partition('!')[0]}."
        sheet.validations.append((region, rule | {"error_message": says}))


def _control(layout: Layout, name: str, cells: str, values: Sequence[float | None]) -> None:
    """Keep two totals of a column as it was read, so that a change made in the workbook is seen.

    The second counts each value for a little less than the one above: values that change places change it.
    """
    label = layout.scheme.labels.get(name, name.replace("_", " ").capitalize())
    numbers = [value for value in values if value is not None]
    layout.control(f"as_read_{name}", math.fsum(numbers), f"{label}: total in the run.", f"SUM({cells})")
    if len(numbers) > 1:
        control_order(layout, f"{name}_in_order", f"{label}: total in the run", cells, numbers)


def control_order(layout: Layout, name: str, says: str, cells: str, numbers: Sequence[float]) -> None:
    """Keep a total in which each number, from the top down, counts for a little less: NPV's discount."""
    rate = layout.constant("order_rate", _ORDER_RATE, "By which a row counts for less than the one above it, in order.")
    total = math.fsum(number / (1 + _ORDER_RATE) ** place for place, number in enumerate(numbers, 1))
    layout.control(f"as_read_{name}", total, f"{says}, each row for a little less.", f"NPV({rate},{cells})")


def _control_texts(layout: Layout, name: str, cells: str, values: Sequence[str | None]) -> None:
    """Keep how many rows have each text of a column, so that a change of one is seen; not of a column of names."""
    label = layout.scheme.labels.get(name, name.replace("_", " ").capitalize())
    counts = Counter(value or "" for value in values)
    if len(counts) > _MOST_TEXTS or max(map(len, counts)) > _LONGEST_TEXT:
        return
    for number, (text, count) in enumerate(sorted(counts.items()), 1):
        says = f"{label}: rows with {text!r} in the run."
        layout.control(f"as_read_{name}_{number}", count, says, f"SUMPRODUCT(--({cells}={x.text(text)}))")


def _control_words(layout: Layout, name: str, cells: str, values: Sequence[str], amounts: Sequence[float]) -> None:
    """Keep how many lines have each word of a column, and the £ of those with one: two changes may cancel out."""
    _control_texts(layout, f"{name}_of_lines", cells, values)
    word = max(values, key=lambda value: (value == "yes", value))
    total = math.fsum(amount for amount, one in zip(amounts, values, strict=True) if one == word)
    label = name.replace("_", " ").capitalize()
    says = f"{label}: £ of the lines with {word!r} in the run."
    formula = f"SUMIFS({layout.line_ranges['amount']},{cells},{x.text(word)})"
    layout.control(f"as_read_amount_by_{name}", total, says, formula)


def _all_rows(layout: Layout) -> list[tuple[str, str]]:
    return [(year.year, code) for year in layout.result.years.values() for code in year.codes()]


def _values(frame: pl.DataFrame, names: Sequence[str]) -> dict[tuple[str, str], Any]:
    codes = frame["org_code"].to_list()
    columns = {name: frame[name].to_list() if name in frame.columns else [None] * frame.height for name in names}
    return {(code, name): cells[row] for name, cells in columns.items() for row, code in enumerate(codes)}


def _entries(layout: Layout, names: Sequence[str]) -> list[tuple[str, str, str]]:
    """Return what each row of a sheet is for: the word for its year, a year that has its values, and the code."""
    inputs = layout.result.inputs
    moved = set() if inputs.boundaries else {(one.year, one.successor) for one in inputs.restated}
    shared: dict[str, str] = {}
    own: list[tuple[str, str, str]] = []
    for year, code in _all_rows(layout):
        if (year, code) not in moved and all((year, code, name) in inputs.undated for name in names):
            shared.setdefault(code, year)
        else:
            own.append((year, year, code))
    return [(EVERY_YEAR, year, code) for code, year in sorted(shared.items())] + own


def predecessors(layout: Layout) -> dict[tuple[str, str], list[str]]:
    """Return, by year and organisation, the closed ones whose money or people were counted with it."""
    return {key: sorted({one.predecessor for one in moved}) for key, moved in layout.moved.items()}


def _sum_of_predecessors(layout: Layout, table: _Table, name: str, year: str, code: str) -> str | None:
    """Return the sum of the cells of merged predecessors, where all of them stand on the sheet."""
    inputs = layout.result.inputs
    if inputs.boundaries:
        return None
    parts = [one for one in layout.moved.get((year, code), ()) if one.column == name]
    rows = [table.rows.get((layout.years[0], one.predecessor)) for one in parts]
    if not parts or None in rows:
        return None
    return "+".join(f"${letter(table.columns[name])}${row}" for row in rows)


# Lines of spend -------------------------------------------------------------------------------------------


_LINE_COLUMNS: Final = (
    ("org_code", "Code", 9),
    ("year", "Year", 12),
    ("amount", "Amount (£)", 16),
    ("category", "Category", 16),
    ("cost_type", "Cost type", 14),
    ("committed", "Committed", 14),
    ("basis", "Basis", 14),
)


def spend_lines_sheet(layout: Layout) -> Sheet | None:
    """Return the lines of cost with the live rule of which count, or None where the spend has no lines."""
    lines = layout.result.inputs.lines
    if lines is None or BASELINE not in layout.scheme.symbols:
        return None
    lines = _sorted_lines(lines)
    note = f"{layout.illustrative}Change a line and the spend follows; Counts is the scheme's rule applied to the line."
    sheet = Sheet(SPEND_LINES, "Lines of spend", note, "Input", frozen=1)
    blanks = {"year": EVERY_YEAR, "basis": "[not given]", "category": "[not given]"}
    for name, heading, width in _LINE_COLUMNS:
        column = sheet.heading(heading, width)
        values = [blanks.get(name, "[not given]") if one is None else one for one in lines[name].to_list()]
        unlocked = name in ("amount", *LINE_WORDS, *layout.scheme.counts)
        number = number_format("£", values) if name == "amount" else "number"
        sheet.fill(column, values, None, number, unlocked=unlocked)
        region, cells = Region(FIRST_ROW, column, sheet.last_row, column), sheet.column_range(column)
        layout.line_ranges[name] = cells
        if name == "amount":
            _rule(sheet, region, ("0", ""), "Amount of the line", "£")
            _control(layout, "amount_of_lines", cells, lines[name].to_list())
        elif name in LINE_WORDS:
            sheet.validations.append((region, {"validate": "list", "source": list(LINE_WORDS[name])}))
            _control_words(layout, name, cells, values, lines["amount"].to_list())
        elif unlocked:
            _control_texts(layout, f"{name}_of_lines", cells, values)
    place = {name: f"${letter(column)}{ROW}" for column, (name, _, _) in enumerate(_LINE_COLUMNS, 1)}
    rule = ",".join(
        "OR(" + ",".join(f"EXACT(LOWER({place[key]}),{x.text(text.lower())})" for text in allowed) + ")"
        for key, allowed in layout.scheme.counts.items()
    )
    counts = ["yes" if one else "no" for one in lines["counts"].to_list()]
    column = sheet.heading("Counts", 12)
    sheet.fill(column, counts, f'IF(AND({rule}),"yes","no")' if rule else None)
    _control_words(layout, "counts", sheet.column_range(column), counts, lines["amount"].to_list())
    if lines["predecessor"].count():
        sheet.fill(sheet.heading("Predecessor", 14), [one or "none" for one in lines["predecessor"].to_list()])
    return sheet


def _sorted_lines(lines: pl.DataFrame) -> pl.DataFrame:
    """Return the lines so that those of one organisation and year stand together, in a fixed order."""
    keys = ["org_code", "year", "category", "cost_type", "committed", "amount", "predecessor"]
    return lines.sort([name for name in keys if name in lines.columns], nulls_last=False)


def _lines_of(layout: Layout) -> dict[tuple[str, str], str]:
    """Return the formula that sums the counting lines of each year and organisation."""
    lines = layout.result.inputs.lines
    if lines is None or BASELINE not in layout.scheme.symbols:
        return {}
    blocks: dict[tuple[str, str | None], list[int]] = {}
    for row, (code, year) in enumerate(_sorted_lines(lines).select("org_code", "year").iter_rows(), FIRST_ROW):
        blocks.setdefault((code, year), []).append(row)
    formulas = {}
    for year, one in layout.result.years.items():
        for code in one.codes():
            moved = [
                one.predecessor for one in layout.moved.get((year, code), ()) if one.column in (BASELINE, "amount")
            ]
            codes = dict.fromkeys([code, *moved])
            ranges = [rows for each in codes for key in (None, year) if (rows := blocks.get((each, key)))]
            parts = [
                f'SUMIFS({quoted(SPEND_LINES)}!$C${rows[0]}:$C${rows[-1]},{quoted(SPEND_LINES)}!$H${rows[0]}:$H${rows[-1]},"yes")'
                for rows in ranges
            ]
            formulas[year, code] = "+".join(parts) or "0"
    return formulas
