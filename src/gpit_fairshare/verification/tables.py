"""CSV and Parquet files compared row by row, each organisation's of a year with its own."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, Final

import polars as pl

from gpit_fairshare.results.agreement import same_as_written
from gpit_fairshare.verification.model import Kind

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from gpit_fairshare.results.agreement import Same
    from gpit_fairshare.verification.model import Differences

_KEYS: Final = ("year", "org_code")


def compare_tables(
    found: pl.DataFrame,
    expected: pl.DataFrame,
    types: pl.DataFrame,
    units: Mapping[str, str | None],
    same: Mapping[str, Same],
    into: Differences,
) -> list[str]:
    """Compare two tables by their keys and columns; the facts that are no differences are returned.

    Args:
        found: The table of the file; of a CSV file all cells are texts.
        expected: What gpit writes, read in the same way.
        types: The rows of the run, which know numbers from texts.
        units: Unit of each column.
        same: For each step, what says whether two of its figures are the same.
        into: Takes the differences.
    """
    for column in sorted({*found.columns} - {*expected.columns}):
        into.add(Kind.ADDED, f"column {column}", "", "a column", None)
    for column in [one for one in expected.columns if one not in found.columns]:
        into.add(Kind.REMOVED, f"column {column}", "", None, "a column")
    if not {*_KEYS} <= {*found.columns}:  # nobody can say which row is whose
        return []
    columns = [column for column in expected.columns if column in found.columns]
    readers = {column: _reader(types.schema[column]) for column in columns}
    rows: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in found.select(columns).iter_rows(named=True):
        rows.setdefault(_key(row), []).append(row)
    for row in expected.select(columns).iter_rows(named=True):
        there = rows.get(_key(row))
        if not there:
            into.add(Kind.REMOVED, f"row {' '.join(_key(row))}", "", None, "the row")
            continue
        here = there.pop(0)
        for column, read in readers.items():
            one, other = read(here[column]), read(row[column])
            if not same.get(column, same_as_written)(one, other):
                about = str(row.get("org_name") or "")
                into.add(Kind.VALUE, f"{' '.join(_key(row))}, {column}", about, one, other, units.get(column) or "")
    for key in [key for key, there in rows.items() for _ in there]:
        into.add(Kind.ADDED, f"row {' '.join(key)}", "", "the row", None)
    return _order(found, expected, columns)


def _order(found: pl.DataFrame, expected: pl.DataFrame, columns: list[str]) -> list[str]:
    """Say whether columns or rows stand in another order, which changes nothing."""
    keys = [[*map(_key, frame.select(_KEYS).iter_rows(named=True))] for frame in (found, expected)]
    facts = []
    if [column for column in found.columns if column in columns] != columns:
        facts.append("Its columns stand in another order.")
    if keys[0] != keys[1] and sorted(keys[0]) == sorted(keys[1]):
        facts.append("Its rows stand in another order.")
    return facts


def _key(row: Mapping[str, Any]) -> tuple[str, str]:
    return str(row["year"]), str(row["org_code"])


def _reader(dtype: pl.DataType) -> Callable[[Any], Any]:
    """Return what reads the cells of a column of that type; texts are taken as they are."""
    if dtype.is_numeric():
        return _as_number
    return _as_yes_no if dtype == pl.Boolean else _as_text


def _as_text(cell: Any) -> Any:
    return cell


def _as_number(cell: Any) -> Any:
    """Return the number that a cell holds; a text that is none stays as it is."""
    if isinstance(cell, str):
        with contextlib.suppress(ValueError):
            return float(cell)
    return cell


def _as_yes_no(cell: Any) -> Any:
    """Return a yes/no; Excel writes them in capitals."""
    return {"true": True, "false": False}.get(cell.casefold(), cell) if isinstance(cell, str) else cell
