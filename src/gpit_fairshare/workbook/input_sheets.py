"""The sheets that a reader may change: parameters, people, money, lines of spend and other inputs."""

from __future__ import annotations

import math
from collections import Counter
from typing import TYPE_CHECKING, Any, Final

from gpit_fairshare.engine.measures import BASELINE, PEOPLE
from gpit_fairshare.inputs.tables.spend import DESCRIPTION
from gpit_fairshare.inputs.tables.spend import WORDS as LINE_WORDS
from gpit_fairshare.language import in_excel as excel
from gpit_fairshare.language.kinds import ORGANISATION, group
from gpit_fairshare.scheme.written_numbers import number as as_number
from gpit_fairshare.words import inside, sentence
from gpit_fairshare.workbook.layout import (
    CHANGED,
    EVERY_YEAR,
    NOT_GIVEN,
    PARAMETERS,
    TABLES,
    Layout,
    number_format,
    with_unit,
)
from gpit_fairshare.workbook.places import PLACES, cell_digest, place_marks
from gpit_fairshare.workbook.sheets import EMPTY_CELL, FIRST_ROW, OPEN, ROW, Cell, Prose, Sheet, is_web, letter, quoted

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import polars as pl

    from gpit_fairshare.scheme.model import Parameter


SPEND_LINES: Final = "Spend lines"
_LINE_COLUMNS: Final = (
    ("org_code", "Code", 9),
    ("year", "Year", 12),
    ("amount", "Amount (£)", 16),
    ("category", "Category", 16),
    ("cost_type", "Cost type", 14),
    ("committed", "Committed", 14),
    ("basis", "Basis", 14),
    (DESCRIPTION, "Description", 30),
    ("file", "File", 24),
    ("row", "Row of the file", 12),
)
_MOST_RUNS: Final = 3
"""Most places of a file that an organisation's lines may be in: the formula of its spend names each."""
_COUNTS: Final = "Part of historic spend"
OUTSIDE: Final = "outside its limits"
_PARAMETER_COLUMNS: Final = (
    ("Parameter", Prose(36)),
    ("Name", 22),
    ("Year", 9),
    ("Value", 14),
    ("Status", 20),
    ("Unit", 10),
    ("Minimum", 12),
    ("Maximum", 12),
    ("Original value", 14),
    ("Source or assumption", Prose(50)),
    ("Link", Prose(44)),
)
_ORDER_RATE: Final = 0.001
_LARGEST: Final = 1e15
"""Used where a value has no limit: Excel's rules need two numbers, and above this it cannot count single pounds."""
_MOST_TEXTS: Final = 20
"""How many different texts of a column are counted one by one."""
_LONGEST_TEXT: Final = 120
"""The longest text that is counted: formulas take up to 255 characters, and a quotation mark counts as two."""


# Parameters ---------------------------------------------------------------------------------------


def _parameters_sheet(layout: Layout) -> Sheet:
    """Return the sheet Parameters: a row for each parameter and year, with value, limits, and source or assumption.

    Each value is restricted to numbers within its limits, which may be other parameters.
    """
    note = "Change a blue value and the whole workbook recalculates. A value outside its limits fails a check."
    sheet = Sheet(PARAMETERS, "Parameters of the scheme", note, "Input", frozen=3)
    sheet.add_headings(_PARAMETER_COLUMNS)
    for (name, year), row in layout.parameter_rows.items():
        parameter = layout.scheme.parameters[name]
        # The limits as formulas refer to them: a cell of the row, another parameter, or nothing.
        low, high = (
            layout.name_of(bound, year) if bound in layout.scheme.parameters else f"${column}{row}" if bound else ""
            for column, bound in (("G", parameter.minimum), ("H", parameter.maximum))
        )
        wrong = [f"$D{row}{sign}{limit}" for sign, limit in (("<", low), (">", high)) if limit]
        sheet.put_row(row, parameter_cells(layout, parameter, year, row, wrong))
        require_number(sheet, f"D{row}", low, high, f"{parameter.label}, {year}", parameter.unit)
    return sheet


def parameter_cells(
    layout: Layout,
    parameter: Parameter,
    year: str,
    row: int,
    wrong: Sequence[str],
    *,
    original: str = "I",
    same: Sequence[str] = (),
) -> Iterator[Any]:
    """Yield the cells of one parameter in one year; its state says whether it was changed or is outside its limits.

    Args:
        layout: The layout of the workbook.
        parameter: The parameter.
        year: The year.
        row: The row of the cells.
        wrong: Formulas of which any is true if the row is outside its limits.
        original: Letter of the column of the original values.
        same: More formulas that are all true as long as nothing was changed.
    """
    value, cell = parameter.values[year], f"$D{row}"
    number = number_format(parameter.unit, [year_value.value for year_value in parameter.values.values()])
    in_run = "set for this run" if value.overridden else "original"
    outside = ",".join((f"NOT(ISNUMBER({cell}))", *wrong))
    unchanged = f"{cell}=${original}{row}"
    unchanged = f"AND({','.join((unchanged, *same))})" if same else unchanged
    state = f'IF({unchanged},{excel.text(in_run)},"{CHANGED}")'
    yield from (parameter.label, parameter.name, year)
    yield Cell(value.value, None, number, unlocked=True)
    yield Cell(in_run, f'IF(IFERROR(OR({outside}),TRUE),"{OUTSIDE}",{state})')
    yield parameter.unit
    for bound in (parameter.minimum, parameter.maximum):
        is_number = bool(bound) and bound not in layout.scheme.parameters
        yield Cell(as_number(bound) if is_number else bound or OPEN, None, number)
    yield Cell(value.value, None, number)
    replaced = f" The scheme has {value.replaces.change_text(parameter.unit)}." if value.replaces else ""
    yield f"Assumption: {value.assumption}{replaced}" if value.assumption else f"{sentence(value.origin)}."
    source = value.source
    yield Cell(source.title, link=source.url) if source and is_web(source.url) else ""


def count_formula(layout: Layout, *states: str) -> str:
    """Return the formula that counts parameters and rows of tables in these states; an empty text if there are none."""
    ranges = [
        f"{sheet}!$E${FIRST_ROW}:$E${FIRST_ROW + len(rows) - 1}"
        for sheet, rows in ((PARAMETERS, layout.parameter_rows), (TABLES, layout.table_rows))
        if rows
    ]
    return "+".join(f'COUNTIF({cells},"{state}")' for cells in ranges for state in states)


def changed_parameters(layout: Layout) -> str:
    """Return the formula that counts changed parameters; a value outside its limits counts as changed."""
    return count_formula(layout, CHANGED, OUTSIDE)


# Inputs -------------------------------------------------------------------------------------------


def input_sheets(layout: Layout) -> list[Sheet]:
    """Return the sheets of parameters, people, money, other inputs and lines of spend; record each input's cell.

    A row without a year appears once, so that changing it changes all years, as in its file. If spend is given in
    lines, historic spend is the live sum of those that count. A sheet without inputs is left out.
    """
    noun, lines = layout.scheme.organisation, _ordered_lines(layout)
    line_sums = {} if lines is None else _line_sum_formulas(layout, lines)
    spend = f"Historic spend of each {noun}, as read and checked."
    if line_sums:
        spend = f"Sums of the lines marked yes on the sheet {SPEND_LINES}. To change a figure, edit those lines."
    notes = {
        "Population": f"Registered population and other inputs of each {noun}.",
        "Spend": f"{layout.illustrative}{spend}",
        "Other inputs": "Other columns that the scheme uses, as read and checked.",
    }
    sheets = [_parameters_sheet(layout)]
    for name, note in notes.items():
        columns = [column for column in input_names(layout) if _sheet_name_of(layout, column) == name]
        if columns:
            symbols = [layout.scheme.symbols.get(column) for column in columns]
            blank = f" {EMPTY_CELL}" if any(symbol and symbol.optional for symbol in symbols) else ""
            sheet = Sheet(name, f"{name} of each {noun}", f"{note}{blank}", "Input", frozen=3)
            _fill_inputs(layout, sheet, columns, line_sums)
            sheets.append(sheet)
    return sheets if lines is None else [*sheets, _lines_sheet(layout, lines)]


def input_names(layout: Layout) -> list[str]:
    """Return the names of the run's inputs: the `report_by` column if no step uses it, then the scheme's inputs.

    Names that no year has as a column are left out.
    """
    columns_read = {column for year in layout.result.years.values() for column in year.organisations.columns}
    names, by = [symbol.name for symbol in layout.scheme.inputs], layout.scheme.report_by
    return [name for name in ([] if by in names else [by]) + names if name in columns_read]


def _sheet_name_of(layout: Layout, name: str) -> str:
    """Return the name of the sheet that an input column is on: Population, Spend or Other inputs.

    Registered patients and historic spend have theirs; other columns follow the kind of file that they came from. A
    column that no file has is on Population.
    """
    column = layout.result.inputs.columns.get(name)
    role = {PEOPLE: "population", BASELINE: "spend"}.get(name, column.table if column else "population")
    return {"population": "Population", "spend": "Spend"}.get(role, "Other inputs")


def _fill_inputs(layout: Layout, sheet: Sheet, names: Sequence[str], line_sums: Mapping[tuple[str, str], str]) -> None:
    """Fill a sheet of inputs: rows without a year first, by code, then year by year; record where each input is.

    Historic spend sums its lines and a merged organisation's figure sums its predecessors, as formulas. The last
    columns say which file each row came from and, after mergers, its predecessors. A digest of each value is kept for
    reading the workbook back.

    Args:
        layout: The layout of the workbook.
        sheet: The sheet.
        names: The inputs on it.
        line_sums: By year and code, the formula that sums the lines of spend.
    """
    entries = _row_keys(layout, names)
    inputs = {}
    for year, result in layout.result.years.items():
        columns_read = {"org_code", "org_name", *names}.intersection(result.organisations.columns)
        inputs[year] = result.organisations.select(columns_read).rows_by_key("org_code", named=True, unique=True)
    sheet.add_column("Year", 12, [word for word, _, _ in entries])
    sheet.add_column("Code", 9, [code for _, _, code in entries])
    sheet.add_column("Name", 40, [inputs[year][code]["org_name"] or NOT_GIVEN for _, year, code in entries])
    rows = {
        (own_year, code): row
        for row, (word, year, code) in enumerate(entries, FIRST_ROW)
        for own_year in (layout.years if word == EVERY_YEAR else [year])
    }
    cells = {name: [inputs[year][code].get(name) for _, year, code in entries] for name in names}
    columns = {name: letter(column) for column, name in enumerate(names, len(sheet.headings) + 1)}
    for name in names:
        formulas = [
            (line_sums.get((year, code)) if name == BASELINE else None)
            or _sum_of_predecessors(layout, rows, name, columns[name], year, code)
            for _, year, code in entries
        ]
        _write_input_column(layout, sheet, name, cells[name], formulas)
        place = f"{quoted(sheet.name)}!${columns[name]}$"
        layout.input_cells |= {(year, code, name): f"{place}{row}" for (year, code), row in rows.items()}
    origins = layout.result.inputs.origins
    places_by_column = {name: [origins.get((year, code, name), "") for _, year, code in entries] for name in names}
    places = [list(dict.fromkeys(filter(None, row))) for row in zip(*places_by_column.values(), strict=True)]
    where = sheet.add_column("Source", 50, [PLACES.join(row) or NOT_GIVEN for row in places])
    layout.input_tables.append(
        {
            "sheet": sheet.name,
            "first_row": FIRST_ROW,
            "last_row": sheet.last_row,
            "columns": {"year": "A", "org_code": "B", **columns, "where_from": letter(where)},
            "digests": {name: "".join(map(cell_digest, cells[name])) for name in names},
            "places": {name: place_marks(places, places_by_column[name]) for name in names},
        }
    )
    moved = [layout.moved.get((year, code), ()) for _, year, code in entries]
    if any(moved):
        before = [", ".join(sorted({part.predecessor for part in parts})) or "none" for parts in moved]
        sheet.add_column("Predecessors", 24, before)


def _write_input_column(
    layout: Layout, sheet: Sheet, name: str, cells: Sequence[Any], formulas: Sequence[str | None]
) -> None:
    """Write one column of inputs with its validation, and record its cells and the totals that show later changes.

    Readers may change its cells, but not those with a formula, and not texts that no step uses.

    Args:
        layout: The layout of the workbook.
        sheet: The sheet.
        name: The input.
        cells: Its values, row by row.
        formulas: The formula of each row; None for a plain value.
    """
    symbol = layout.scheme.symbols.get(name)
    is_text, unit = any(isinstance(value, str) for value in cells), symbol.unit if symbol else None
    heading, number = with_unit(layout.label(name), unit), "number" if is_text else number_format(unit, cells)
    formula = (lambda row: formulas[row - FIRST_ROW]) if any(formulas) else None
    # A text that no step uses names an area, and the sheet of areas only has rows for the areas of the run.
    unlocked = not (is_text and symbol is None)
    column = sheet.add_column(heading, 22, cells, formula, number, unlocked=unlocked)
    region = sheet.region(column)
    layout.input_ranges[name] = cell_range = sheet.column_range(column)
    if is_text:
        if symbol is not None:
            layout.text_inputs[name] = sheet, region
            _control_texts(layout, name, cell_range, cells)
        return
    _control_numbers(layout, name, cell_range, cells)
    low = "0" if unit in ("£", "people") and not (symbol and symbol.signed) else ""
    label, optional = layout.scheme.labels.get(name, name), symbol is not None and symbol.optional
    require_number(sheet, region, low, "", label, unit, optional=optional)


def offer_choices(layout: Layout, areas: Sheet | None) -> None:
    """Restrict the texts that group organisations to a list of the run's groups: no sheet has a row for any other.

    The `report_by` column takes the names on the sheet `areas`. Other columns are only restricted if all years have the
    same groups.
    """
    for name, (sheet, region) in layout.text_inputs.items():
        years = [year.labels.get(name) for year in layout.result.years.values()]
        if areas and name == layout.scheme.report_by:
            source = areas.column_range(1)
        elif years[0] and all(labels == years[0] for labels in years):
            source = layout.blocks[group(name), layout.years[0]].sheet.column_range(1)
        else:
            continue
        rule = {"validate": "list", "source": f"={source}", "error_title": "Not accepted"}
        message = f"Expected a name from the sheet {source.partition('!')[0]}."
        sheet.validations.append((region, rule | {"error_message": message}))


def _row_keys(layout: Layout, names: Sequence[str]) -> list[tuple[str, str, str]]:
    """Return for each row of a sheet of inputs the text of its year, a year that has its values, and its code.

    An organisation has one row for every year if all inputs in `names` come from rows without a year; a year in which
    predecessors merged into it has a row of its own. Rows for every year come first.
    """
    inputs = layout.result.inputs
    moved = set() if inputs.boundaries else {(restated.year, restated.successor) for restated in inputs.restated}
    shared: dict[str, str] = {}
    dated: list[tuple[str, str, str]] = []
    for year, result in layout.result.years.items():
        for code in result.codes():
            if (year, code) not in moved and all((year, code, name) in inputs.undated for name in names):
                shared.setdefault(code, year)
            else:
                dated.append((year, year, code))
    return [(EVERY_YEAR, year, code) for code, year in sorted(shared.items())] + dated


def _sum_of_predecessors(  # one parameter for each part of a cell's address
    layout: Layout, rows: Mapping[tuple[str, str], int], name: str, column: str, year: str, code: str
) -> str | None:
    """Return the formula that sums an input of merged predecessors; None unless all of them are on the sheet.

    It is also None if there are none, or if the run restated all inputs to the boundaries of one day.

    Args:
        layout: The layout of the workbook.
        rows: The row of each year and code.
        name: The input.
        column: Letter of its column.
        year: The year.
        code: The organisation that the predecessors became.
    """
    if layout.result.inputs.boundaries:
        return None
    parts = [part for part in layout.moved.get((year, code), ()) if part.column == name]
    predecessor_rows = [rows.get((layout.years[0], part.predecessor)) for part in parts]
    return None if None in predecessor_rows else "+".join(f"${column}${row}" for row in predecessor_rows) or None


def _lines_sheet(layout: Layout, lines: pl.DataFrame) -> Sheet:
    """Return the sheet of the lines of spend; its last formula says by the scheme's rule whether a line counts.

    It also records the cells of each column, and totals that show whether a line was changed.
    """
    order = "in the order of the file" if _is_in_file_order(lines) else "by organisation"
    note = f"Lines are {order}. Change one and the spend recalculates. {_COUNTS}: yes if the scheme counts the line."
    sheet = layout.make_sheet(SPEND_LINES, "Lines of spend", note, "Input", frozen=1)
    amounts = lines["amount"].to_list()
    for name, heading, width in _line_columns(lines):
        blank = EVERY_YEAR if name == "year" else NOT_GIVEN
        values = [blank if value is None else value for value in lines[name].to_list()]
        unlocked = name in ("amount", *LINE_WORDS, *layout.scheme.counts)
        number = number_format("£", values) if name == "amount" else "number"
        column = sheet.add_column(heading, width, values, None, number, unlocked=unlocked)
        region, cells = sheet.region(column), sheet.column_range(column)
        layout.line_ranges[name] = cells
        if name == "amount":
            require_number(sheet, region, "0", "", "Amount of the line", "£")
            _control_numbers(layout, "amount_of_lines", cells, amounts)
        elif name in LINE_WORDS:
            sheet.validations.append((region, {"validate": "list", "source": list(LINE_WORDS[name])}))
            _control_words(layout, name, cells, values, amounts)
        elif unlocked:
            _control_texts(layout, f"{name}_of_lines", cells, values)
    place = {name: f"${letter(column)}{ROW}" for column, (name, _, _) in enumerate(_line_columns(lines), 1)}
    rule = ",".join(
        "OR(" + ",".join(f"EXACT(LOWER({place[key]}),{excel.text(text.lower())})" for text in allowed) + ")"
        for key, allowed in layout.scheme.counts.items()
    )
    counts = ["yes" if counts else "no" for counts in lines["counts"].to_list()]
    column = sheet.add_column(_COUNTS, 12, counts, f'IF(AND({rule}),"yes","no")' if rule else None)
    _control_words(layout, "counts", sheet.column_range(column), counts, amounts)
    if lines["predecessor"].count():
        sheet.add_column("Predecessor", 14, [code or "none" for code in lines["predecessor"].to_list()])
    return sheet


def _control_words(layout: Layout, name: str, cells: str, values: Sequence[str], amounts: Sequence[float]) -> None:
    """Record how many lines have each word, and the £ of the lines with one word, since two changes may cancel out.

    That word is `yes` if any line has it, or else the last by the alphabet.
    """
    _control_texts(layout, f"{name}_of_lines", cells, values)
    word = max(values, key=lambda value: (value == "yes", value))
    total = math.fsum(amount for amount, value in zip(amounts, values, strict=True) if value == word)
    use = f"Control total (£) of lines with {_in_words(layout, name)} {word!r} when read."
    formula = f"SUMIFS({layout.line_ranges['amount']},{cells},{excel.text(word)})"
    layout.record_control(f"as_read_amount_by_{name}", total, use, formula)


def _line_columns(lines: pl.DataFrame) -> list[tuple[str, str, float]]:
    """Return the columns of the sheet of lines, without descriptions if no line has one, and the file if it is one."""
    unneeded = {DESCRIPTION} if not lines[DESCRIPTION].count() else set()
    unneeded |= {"file"} if lines["file"].n_unique() < 2 else set()
    return [column for column in _LINE_COLUMNS if column[0] not in unneeded]


def _ordered_lines(layout: Layout) -> pl.DataFrame | None:
    """Return the lines of spend in the order of their files; None without lines, or if no step uses spend.

    If the lines of an organisation are scattered over a file, a formula cannot name them all: they are then sorted by
    organisation and year.
    """
    lines = layout.result.inputs.lines
    if lines is None or BASELINE not in layout.scheme.symbols:
        return None
    in_file_order = lines.sort("file", "row", "predecessor", nulls_last=False)
    if all(len(runs) <= _MOST_RUNS for runs in _runs_of_lines(in_file_order).values()):
        return in_file_order
    keys = ["org_code", "year", "category", "cost_type", "committed", "amount", "predecessor"]
    return lines.sort(keys, nulls_last=False)


def _is_in_file_order(lines: pl.DataFrame) -> bool:
    """Return whether lines are in the order of their files."""
    places = lines.select("file", "row").rows()
    return places == sorted(places)


def _runs_of_lines(lines: pl.DataFrame) -> dict[tuple[str, str | None], list[tuple[int, int]]]:
    """Return the first and last row on the sheet of each run of lines of one organisation and year."""
    runs: dict[tuple[str, str | None], list[tuple[int, int]]] = {}
    previous = None
    for row, key in enumerate(lines.select("org_code", "year").iter_rows(), FIRST_ROW):
        of_key = runs.setdefault((key[0], key[1]), [])
        if key == previous:
            of_key[-1] = of_key[-1][0], row
        else:
            of_key.append((row, row))
        previous = key
    return runs


def _line_sum_formulas(layout: Layout, lines: pl.DataFrame) -> dict[tuple[str, str], str]:
    """Return, by year and code, the formula that sums an organisation's lines that count; `0` if it has no lines.

    Lines without a year count in every year, and those of merged predecessors count with their successor.
    """
    runs_of = _runs_of_lines(lines)
    names = [name for name, _, _ in _line_columns(lines)]
    columns = letter(names.index("amount") + 1), letter(len(names) + 1)

    def counted(first: int, last: int) -> str:
        amounts, counts = (f"{quoted(SPEND_LINES)}!${column}${first}:${column}${last}" for column in columns)
        return f'SUMIFS({amounts},{counts},"yes")'

    formulas = {}
    for year, result in layout.result.years.items():
        for code in result.codes():
            moved = layout.moved.get((year, code), ())
            predecessors = [restated.predecessor for restated in moved if restated.column in (BASELINE, "amount")]
            members = dict.fromkeys([code, *predecessors])
            keys = [(member, line_year) for member in members for line_year in (None, year)]
            formulas[year, code] = "+".join(counted(*run) for key in keys for run in runs_of.get(key, ())) or "0"
    return formulas


# What may be typed, and how changes are detected ----------------------------------------------------


def require_number(  # one parameter for each property of a rule
    sheet: Sheet, cells: str, low: str, high: str, label: str, unit: str | None, *, optional: bool = False
) -> None:
    """Restrict cells to numbers within their limits, with a message that says what to enter.

    Args:
        sheet: The sheet.
        cells: The cells.
        low: The minimum, as in a formula; empty for none.
        high: The maximum, as in a formula; empty for none.
        label: What the cells hold.
        unit: Its unit.
        optional: Whether a cell may be empty.
    """
    rule = {
        "validate": "decimal",
        "criteria": "between",
        "minimum": f"={low}" if low else -_LARGEST,
        "maximum": f"={high}" if high else _LARGEST,
        "ignore_blank": optional,
        "input_title": "Input",
        "input_message": (f"{label}, in {unit}." if unit else f"{label}.")[:250],
        "error_title": "Not accepted",
        "error_message": "Expected a number within its limits; money and people are never negative.",
    }
    sheet.validations.append((cells, rule))


def _control_numbers(layout: Layout, name: str, cells: str, values: Sequence[float | None]) -> None:
    """Record two totals of a column as it was read, so that a change made in the workbook is detected.

    The second total gives each row a little less weight than the row above, so that swapped values change it; a single
    number has only the first. Blanks are left out.
    """
    use = f"Control total of {inside(layout.label(name))}"
    numbers = [value for value in values if value is not None]
    layout.record_control(f"as_read_{name}", math.fsum(numbers), f"{use} when read.", f"SUM({cells})")
    if len(numbers) > 1:
        control_order(layout, f"{name}_in_order", use, cells, numbers)


def control_order(layout: Layout, name: str, use: str, cells: str, numbers: Sequence[float]) -> None:
    """Record a total that gives each row a little less weight than the row above, by NPV's discount."""
    rate = layout.constant(
        "order_rate", _ORDER_RATE, "For control totals in row order: how much less a row counts than the row above."
    )
    total = math.fsum(number / (1 + _ORDER_RATE) ** place for place, number in enumerate(numbers, 1))
    layout.record_control(f"as_read_{name}", total, f"{use} in row order (finds swapped rows).", f"NPV({rate},{cells})")


def control_groups(layout: Layout, year: str) -> None:
    """Record a total of the group numbers of a year's organisations, so that a swap of two organisations is detected.

    Each row has a little less weight in it than the row above. Only groupings are recorded whose numbers are in the
    workings.
    """
    block = layout.blocks[ORGANISATION, year]
    for column, members in block.year.membership.items():
        if f"group {column}" in block.helpers:
            name, numbers = f"{column}_{year.replace('/', '_')}", [float(member + 1) for member in members]
            use = f"Control total of numbers of {inside(layout.scheme.labels[column])} {year}"
            control_order(layout, name, use, block.helper_range(f"group {column}"), numbers)


def _in_words(layout: Layout, column: str) -> str:
    """Return the heading of a column of texts as it is written inside a sentence."""
    return inside(_COUNTS if column == "counts" else layout.label(column))


def _control_texts(layout: Layout, name: str, cells: str, values: Sequence[str | None]) -> None:
    """Record how many rows have each text of a column, so that a change is detected.

    A column of more than 20 different texts or of long ones, such as names, is left out.

    Args:
        layout: The layout of the workbook.
        name: The column, followed by `_of_lines` if it is one of the lines of spend.
        cells: Its range.
        values: Its texts.
    """
    counts, (column, of_lines, _) = Counter(value or "" for value in values), name.partition("_of_lines")
    in_any_capitals = Counter((value or "").lower() for value in values)  # as a comparison in Excel counts
    if len(counts) > _MOST_TEXTS or max(map(len, counts)) > _LONGEST_TEXT:
        return
    for number, text in enumerate(sorted(counts), 1):
        use = f"Number of {'lines' if of_lines else 'rows'} with {_in_words(layout, column)} {text!r} when read."
        count = in_any_capitals[text.lower()]
        layout.record_control(f"as_read_{name}_{number}", count, use, f"SUMPRODUCT(--({cells}={excel.text(text)}))")
