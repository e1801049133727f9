"""What a function of tables gave for one organisation: the row or band, and the arithmetic."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Final

from gpit_fairshare.explanation.unformatted_lines import UnformattedLine, origin_text
from gpit_fairshare.language import in_words, tree
from gpit_fairshare.language.kinds import ORGANISATION
from gpit_fairshare.language.meaning import unit_in
from gpit_fairshare.language.parsing import parse
from gpit_fairshare.language.tables import row_numbers, sums_below
from gpit_fairshare.language.with_numbers import value_text
from gpit_fairshare.numbers import with_unit
from gpit_fairshare.words import inside, sentence

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gpit_fairshare.explanation.organisation import OrganisationInYear
    from gpit_fairshare.language.tables import FormulaTable

_MOST_BANDS: Final = 6
"""Bands below a number that a `band_sum` adds one by one; more are one number."""


def table_line(place: OrganisationInYear, node: tree.TableCall) -> UnformattedLine:
    """Return the line of a function of tables: its value, the row or band, and the source of the values used.

    The line of a `band_sum` or `band_line` has the arithmetic too, unless the value is that of an edge. Where the table
    has no row or band, the value is a blank, and a note says so.
    """
    symbols, column, table = place.scheme.symbols, place.scheme.symbols[node.of], place.scheme.table(node.table)
    name, row_of_kind = tree.to_text(node), place.row_of(column.kind)
    key, value = (place.year.values(column_name, column.kind)[row_of_kind] for column_name in (node.of, name))
    row, unit = row_numbers(node.function, table, [key])[0], table.key_unit or column.unit
    phrase = in_words.render(node, {**place.scheme.labels, node.of: with_unit(value_text(key, unit), unit)})
    label = sentence(phrase) if column.kind == ORGANISATION else inside(phrase)
    line = UnformattedLine("figure", name, label, place.of(column.kind), None, value)
    if row is None:
        if key is not None:
            word = "line" if node.function == "band_line" else "band" if table.has_bands else "row"
            line.notes = (f"{place.label(node.table)} has no {word} for {value_text(key, unit)}",)
        return line
    line.unit = unit_in(node, symbols)
    values = [place.scheme.parameters[name_of_row].values[place.year.year] for name_of_row in table.rows]
    used = range(row, row + 1)
    if isinstance(key, float) and node.function != "band_value":
        formula, used = _arithmetic(node, table.edges, [entry.value for entry in values], key, row)
        line.tree, line.arithmetic = parse(formula), True
    line.rows = {table.rows[number]: origin_text(values[number]) for number in used}
    line.origin = "; ".join([_row_in_words(table, row, unit), *dict.fromkeys(line.rows.values())])
    return line


def _row_in_words(table: FormulaTable, row: int, unit: str | None) -> str:
    """Return a row of a table in words: `row 'primary'`, `band from 200 to 500 people`."""
    if not table.has_bands:
        return f"row {value_text(table.keys[row])}" if row < len(table.keys) else "otherwise: no row has this text"
    low, *higher = (
        value_text(edge, unit) for edge in (*table.edges, *([] if table.end is None else [table.end]))[row:]
    )
    return f"band from {low} to {with_unit(higher[0], unit)}" if higher else f"band from {with_unit(low, unit)} up"


def _arithmetic(
    node: tree.TableCall, edges: Sequence[float], values: Sequence[float], key: float, row: int
) -> tuple[str, range]:
    """Return the arithmetic of a `band_sum` or `band_line` as a formula, and the rows whose values it uses.

    Args:
        node: The call.
        edges: The edges of the table.
        values: The value of each of its rows.
        key: The number.
        row: The band that it is in.
    """
    number = tree.number_text
    above = _less(node.of, edges[row])
    if node.function == "band_line":
        if row + 1 == len(edges) or key <= edges[row]:
            return number(values[row]), range(row, row + 1)
        rise, run = (_less(number(cells[row + 1]), cells[row]) for cells in (values, edges))
        return f"{number(values[row])} + {above} * {rise} / {run}", range(row, row + 2)
    widths = [_less(number(high), low) if high else number(-low) for low, high in pairwise(edges[: row + 1])]
    parts = [f"{width} * {number(value)}" for width, value in zip(widths, values, strict=False)]
    if row > _MOST_BANDS:
        parts = [number(sums_below(edges, values)[row])]
    if key > edges[row]:
        parts.append(f"{above} * {number(values[row])}")
    return " + ".join(parts) or "0", range(row + 1)


def _less(text: str, value: float) -> str:
    """Return a formula less a number, in brackets; less a number below 0 is plus, and less 0 is the formula itself."""
    return f"({text} {'-' if value > 0 else '+'} {tree.number_text(abs(value))})" if value else text
