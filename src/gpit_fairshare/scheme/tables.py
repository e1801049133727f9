"""Tables of scheme files: their keys, and a parameter for the value of each row."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gpit_fairshare.language.tables import OTHERWISE, FormulaTable
from gpit_fairshare.scheme.shape import EVERY_YEAR, ParameterEntry, ValueEntry
from gpit_fairshare.scheme.written_numbers import number

if TYPE_CHECKING:
    from gpit_fairshare.scheme.shape import TableEntry


def formula_table(name: str, entry: TableEntry) -> FormulaTable:
    """Return a table as formulas see it: its keys in order, without the values."""
    has_bands = entry.rows[0].from_ is not None
    end = entry.rows[-1].up_to
    keys = [number(row.from_) if row.from_ is not None else str(row.key) for row in entry.rows]
    return FormulaTable(
        name,
        tuple(keys),  # type: ignore[arg-type]  # all are texts, or all are numbers
        entry.key_unit,
        None if end is None else number(end),
        has_otherwise=entry.otherwise is not None and not has_bands,
    )


def row_parameters(name: str, entry: TableEntry) -> dict[str, ParameterEntry]:
    """Return a declared parameter for the value of each row of a table, by name: `stage_weight[primary]`."""
    table = formula_table(name, entry)
    values: list[ValueEntry] = [*entry.rows, *([entry.otherwise] if entry.otherwise else [])]
    keys = [row.key or str(row.from_) for row in entry.rows] + [OTHERWISE]
    return {
        row: ParameterEntry(
            label=f"{entry.label}: {key}",
            unit=entry.unit,
            values={EVERY_YEAR: ValueEntry(**value.model_dump(include=set(ValueEntry.model_fields)))},
        )
        for row, key, value in zip(table.rows, keys, values, strict=False)
    }
