"""Tables of a scheme: the sheet Tables with their values, and the live columns of the functions that use them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from gpit_fairshare.language import in_excel as excel
from gpit_fairshare.language import in_words, tree
from gpit_fairshare.language.kinds import NATIONAL
from gpit_fairshare.language.meaning import unit_in
from gpit_fairshare.language.tables import row_numbers, sums_below
from gpit_fairshare.language.units import dimension, times, unit_of
from gpit_fairshare.words import inside
from gpit_fairshare.workbook.columns import Refs
from gpit_fairshare.workbook.input_sheets import control_order, parameter_cells, require_number
from gpit_fairshare.workbook.layout import TABLES, number_format
from gpit_fairshare.workbook.sheets import NOT_APPLICABLE, OPEN, ROW, Cell, Prose, Sheet, letter

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gpit_fairshare.language.tables import FormulaTable
    from gpit_fairshare.scheme.model import Part
    from gpit_fairshare.workbook.columns import YearColumns
    from gpit_fairshare.workbook.layout import Layout

_COLUMNS: Final = (
    ("Table and row", Prose(36)),
    ("Name", 22),
    ("Year", 9),
    ("Value", 14),
    ("Status", 20),
    ("Unit", 10),
    ("Original value", 14),
)
_OF_TEXTS: Final = (("rows", "Row of the table", 10), ("texts", "Text", 24))
_OF_BANDS: Final = (("from", "From", 12), ("ends", "Up to (not included)", 12), ("units", "Unit of From", 10))
_OF_SUMS: Final = (("sums", "Sum of the bands below (value times width)", 14),)
_WHY: Final = (("Source or assumption", Prose(50)), ("Link", Prose(44)))
_Key = tuple["Mapping[str, Any]", "Sequence[str]", "Sequence[str]"]
"""The cells of a row's key; formulas that are all true while it is that of the run; any true if the key is wrong."""
_NONE: Final = f'"{NOT_APPLICABLE}"'
"""In formulas in place of a row that the table does not have; arithmetic with this text is an error."""


def tables_sheet(layout: Layout) -> Sheet | None:
    """Return the sheet Tables, and name the cells of each table and year; None if the scheme has no tables.

    It has one row for each row of a table in each year, so that the rows of one table and year are together. A value
    that a table has for all other texts has the row number 0.
    """
    if not layout.table_rows:
        return None
    note = "Change a blue value and the whole workbook recalculates. A lookup is exact: capitals count."
    sheet = Sheet(TABLES, "Tables of the scheme", note, "Input", frozen=3)
    sheet.add_headings(_COLUMNS)
    parts: list[Part] = [*layout.scheme.steps, *layout.scheme.checks, *layout.scheme.outcomes]
    calls = [node for part in parts for node in tree.walk(part.tree) if isinstance(node, tree.TableCall)]
    summed = {call.table for call in calls if call.function == "band_sum"}
    shown = [
        *(_OF_TEXTS if not all(table.has_bands for table in layout.tables) else ()),
        *(_OF_BANDS if any(table.has_bands for table in layout.tables) else ()),
        *(_OF_SUMS if summed else ()),
    ]
    letters = {"": "D"} | {part: letter(sheet.add_heading(heading, width)) for part, heading, width in shown}
    sheet.add_headings(_WHY)
    for table in layout.tables:
        layout.user = layout.scheme.labels[table.name]
        for year in layout.years:
            _fill_table(layout, sheet, table, year, letters, with_sums=table.name in summed)
    return sheet


def _fill_table(  # one parameter for each property of a table
    layout: Layout, sheet: Sheet, table: FormulaTable, year: str, letters: Mapping[str, str], *, with_sums: bool
) -> None:
    """Write the rows of one table in one year, and name its columns.

    Args:
        layout: The layout of the workbook.
        sheet: The sheet Tables.
        table: The table.
        year: The year.
        letters: The letter of each column that formulas use; "" is that of the values.
        with_sums: Whether a `band_sum` uses it, which needs the sum of the bands below each edge.
    """
    parameters = [layout.scheme.parameters[name] for name in table.rows]
    rows = [layout.table_rows[name, year] for name in table.rows]
    if table.has_bands:
        keys = _band_keys(layout, table, year, rows[0], letters, with_sums=with_sums)
    else:
        keys = _text_keys(table, rows[0], letters)
    for part, column in letters.items():
        if not part or part in keys[0][0]:
            layout.names[layout.name_of(f"{table.name} {part}".strip(), year)] = (
                f"{TABLES}!${column}${rows[0]}:${column}${rows[-1]}"
            )
    for parameter, row, (key_cells, same, wrong) in zip(parameters, rows, keys, strict=True):
        own_cells = parameter_cells(layout, parameter, year, row, wrong, original="G", same=same)
        *first, _, _, original, why, link = own_cells
        cells = [key_cells.get(part, NOT_APPLICABLE) for part in letters if part]
        sheet.put_row(row, (*first, original, *cells, why, link))
        require_number(sheet, f"D{row}", "", "", f"{parameter.label}, {year}", parameter.unit)


def _text_keys(table: FormulaTable, first: int, letters: Mapping[str, str]) -> list[_Key]:
    """Return the number and the text of each row; the value for all other texts has the number 0.

    A text is wrong if another row has it in any capitals.
    """
    rows, texts = letters["rows"], letters["texts"]
    column = f"${texts}${first}:${texts}${first + len(table.keys) - 1}"
    keys: list[_Key] = []
    for row, text in enumerate(table.keys, first):
        number = f"${rows}{row}={f'${rows}{row - 1}+' if row > first else ''}1"
        same = f"EXACT(${texts}{row},{excel.text(str(text))})", number
        cells = {"rows": row - first + 1, "texts": text}
        keys.append((cells, same, [f"SUMPRODUCT(--({column}=${texts}{row}))>1"]))
    if table.has_otherwise:
        keys.append(({"rows": 0, "texts": "all other texts"}, [f"${rows}{first + len(keys)}=0"], []))
    return keys


def _band_keys(
    layout: Layout, table: FormulaTable, year: str, first: int, letters: Mapping[str, str], *, with_sums: bool
) -> list[_Key]:
    """Return the edges of each band, their unit, and a live sum of the bands below it; the first is in row `first`.

    An edge is wrong if it is no number, or not above the edge before it.
    """
    values = [layout.scheme.parameters[name].values[year].value for name in table.rows]
    number, edges = number_format(table.key_unit, table.edges), table.edges
    sums = sums_below(edges, values)
    unit = layout.scheme.symbols[table.name].unit
    number_of_sums = number_format(unit_of(times(dimension(unit), dimension(table.key_unit))), sums)
    keys: list[_Key] = []
    for row, (edge, below) in enumerate(zip(edges, sums, strict=True), first):
        start, end, total = f"${letters['from']}", f"${letters['ends']}", f"${letters.get('sums', '')}"
        is_last = row + 1 == first + len(edges)
        upper = Cell(OPEN if table.end is None else table.end, None, number)
        above = f"{total}{row - 1}+({start}{row}-{start}{row - 1})*$D{row - 1}"
        cells = {
            "from": Cell(edge, None, number),
            "ends": upper if is_last else Cell(edges[row + 1 - first], f"{start}{row + 1}", number),
            "units": table.key_unit or "",
        }
        if with_sums:
            cells["sums"] = Cell(below, None if row == first else above, number_of_sums)
        same, wrong = [f"{start}{row}={layout.number(edge)}"], [f"NOT(ISNUMBER({start}{row}))"]
        wrong += [f"{start}{row}<={start}{row - 1}"] if row > first else []
        if table.end is not None:
            same.append(f"{end}{row}={layout.number(table.end) if is_last else f'{start}{row + 1}'}")
            wrong.append(f"NOT({end}{row}>{start}{row})")
        keys.append((cells, same, wrong))
    return keys


class TableColumns:
    """The cells of one function of tables in one year: which row or band each key has, and the value there."""

    def __init__(self, columns: YearColumns, node: tree.TableCall) -> None:
        """Write the figure of a function of tables, and its workings, unless they are written already."""
        self.columns, self.layout, self.node = columns, columns.layout, node
        self.table = table = columns.scheme.table(node.table)
        self.kind = columns.scheme.symbols[node.of].kind
        self.block = None if self.kind == NATIONAL else columns.block(self.kind)
        self.keys = columns.now.values(node.of, self.kind)
        self.numbers = row_numbers(node.function, table, self.keys)
        table_label, of_label = (columns.scheme.labels[name] for name in (node.table, node.of))
        line, word = ", on straight lines" if node.function == "band_line" else "", "band" if table.has_bands else "row"
        self.check = f"{inside(table_label)}{line and f'{line},'} has a {word} for each value of {inside(of_label)}"
        """Name of the check that every key has a row, after what uses it."""
        self.key = f"{word}{line} {node.table} {node.of}"
        self.heading = f"{table_label}{line}: {word} for {of_label}"
        formula = self._band() if table.has_bands else self._row()
        self._add(self.key, self.heading, formula, [NOT_APPLICABLE if row is None else row + 1 for row in self.numbers])
        self._write_values()

    def control_rows(self) -> None:
        """Record a total of the rows of a lookup: a change of capitals alone is noticed by no other control total."""
        if self.block is not None and not self.table.has_bands:
            name = f"{self.layout.identifier(self.key)}_{self.columns.year.replace('/', '_')}"
            use = f"Control total of {inside(self.heading)}, {self.columns.year}"
            numbers = [row + 1.0 for row in self.numbers if row is not None]
            control_order(self.layout, name, use, self.block.helper_range(self.key), numbers)

    def has_rows(self, user: str) -> str:
        """Return the formula of whether every key has a row, or else none is needed in the cells `user`.

        Where a key without a row is needed, the figure that needs it is an error; `where` may shut it out.
        """
        cells = (
            self.layout.name_of(self.key, self.columns.year) if not self.block else self.block.helper_range(self.key)
        )
        return f"OR(COUNT({cells})=ROWS({cells}),ISNUMBER(SUM({user})))"

    def _range(self, part: str = "") -> str:
        """Return the name of a column of the table in the year: its values, or the part named."""
        return self.layout.name_of(f"{self.node.table} {part}".strip(), self.columns.year)

    def _of(self, *, on_workings: bool = True) -> str:
        """Return how formulas on the workings or the sheet refer to the key on their own row."""
        if self.block is None:
            return self.columns.national_refs().name(self.node.of)
        sheet = self.block.workings if on_workings else self.block.sheet
        return Refs(self.layout, self.columns.year, self.block, ROW, sheet).name(self.node.of)

    def _add(self, key: str, heading: str, formula: str, values: Sequence[Any]) -> str:
        """Add a column to the workings, or a national figure; return how the workings refer to it on their own row."""
        if self.block is None:
            self.columns.write_figure(None, key, heading, "", formula, values)
            return self.layout.name_of(key, self.columns.year)
        self.columns.add_helper(self.block, key, heading, formula, values)
        return self.block.helper_cell(key, on_sheet=self.block.workings)

    def _row(self) -> str:
        """Return the formula of the row that has exactly a text, or of the row for all other texts.

        A comparison ignores capitals, so that the text of the row that it finds is compared again, exactly.
        """
        texts, text = self._range("texts"), self._of()
        positions = {str(key).lower(): row for row, key in enumerate(self.table.keys, 1)}
        matches = [positions.get(str(key).lower(), 0) for key in self.keys]
        formula = f"SUMPRODUCT(--({texts}={text}),{self._range('rows')})"
        found = self._add(f"match {self.key}", f"{self.heading}, in any capitals", formula, matches)
        # A blank of an optional column is an empty text, and a cell that was emptied is 0.
        others = f'IF(OR({text}="",ISNUMBER({text})),{_NONE},ROWS({texts}))' if self.table.has_otherwise else _NONE
        return f"IF(AND({found}>0,EXACT(INDEX({texts},MAX(1,{found})),{text})),{found},{others})"

    def _band(self) -> str:
        """Return the formula of the band that a number is in; an edge counts as reached within the tolerance."""
        edges, number = self._range("from"), self._of()
        margin = f"tolerance*MAX(1,ABS({number}))"
        band = f"MATCH({number}+{margin},{edges},1)"
        if self.node.function == "band_line":
            band = f"IF({number}-MAX({edges})<={margin},{band},{_NONE})"
        if self.table.end is not None:
            band = f"IF({number}+{margin}<MAX({self._range('ends')}),{band},{_NONE})"
        return f"IFERROR({band},{_NONE})"

    def _write_values(self) -> None:
        """Write the column or national figure with the value of the table for each key."""
        columns, block, text = self.columns, self.block, tree.to_text(self.node)
        row = self.layout.name_of(self.key, columns.year)
        if block is not None:
            row = block.helper_cell(self.key, on_sheet=block.sheet)
        edges, values, number = self._range("from"), self._range(), self._of(on_workings=False)
        formula, above = f"INDEX({values},{row})", f"MAX(0,{number}-INDEX({edges},{row}))"
        if self.node.function == "band_sum":
            formula = f"INDEX({self._range('sums')},{row})+{above}*{formula}"
        elif self.node.function == "band_line":
            rise, run = (f"(INDEX({cells},{row}+1)-INDEX({cells},{row}))" for cells in (values, edges))
            formula = f"{formula}+IF({row}<ROWS({values}),{above}*{rise}/{run},0)"
        formula = f"IF(ISNUMBER({row}),{formula},{_NONE})"
        results = columns.now.values(text, self.kind)
        shown = [NOT_APPLICABLE if value is None else value for value in results]
        label, unit = in_words.render(self.node, columns.scheme.labels), unit_in(self.node, columns.scheme.symbols)
        if block is None:
            columns.write_figure(None, text, label, unit, formula, shown)
        else:
            columns.write_column(block, text, label, unit, formula, shown)
