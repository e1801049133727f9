"""CSV and Parquet files compared row by row, each organisation's of a year with its own."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import polars as pl

from gpit_fairshare.results.model import KEYS
from gpit_fairshare.verification.documents import paired
from gpit_fairshare.verification.model import Difference, Kind

if TYPE_CHECKING:
    from gpit_fairshare.verification.documents import ColumnRules
    from gpit_fairshare.verification.model import Differences


def compare_tables(
    found: pl.DataFrame, expected: pl.DataFrame, types: pl.DataFrame, rules: ColumnRules, into: Differences
) -> list[str]:
    """Compare two tables by their keys and columns; the facts that are no differences are returned.

    Args:
        found: The table of the file; of a CSV file all cells are texts.
        expected: What gpit writes, read in the same way.
        types: The rows of the run, which know numbers from texts.
        rules: How figures are compared.
        into: Takes the differences.
    """
    for column in sorted({*found.columns} - {*expected.columns}):
        into.add(Difference(Kind.ADDED, f"column {column}", "", "a column", None))
    for column in [one for one in expected.columns if one not in found.columns]:
        into.add(Difference(Kind.REMOVED, f"column {column}", "", None, "a column"))
    if not {*KEYS} <= {*found.columns}:  # nobody can say which row is whose
        return []
    columns = [column for column in expected.columns if column in found.columns]
    rows, again = (frame.select(columns).to_dicts() for frame in (found, expected))
    keys, keys_again = ([(str(row["year"]), str(row["org_code"])) for row in side] for side in (rows, again))
    matches, left = paired(keys, keys_again)
    for match, key, row in zip(matches, keys_again, again, strict=True):
        if match is None:
            into.add(Difference(Kind.REMOVED, f"row {' '.join(key)}", "", None, "the row"))
            continue
        for column in columns:
            one, other = (_read(cells[column], types.schema[column]) for cells in (rows[match], row))
            if not rules.are_same(column, one, other):
                place, about = f"{' '.join(key)}, {column}", str(row.get("org_name") or "")
                into.add(Difference(Kind.VALUE, place, about, one, other, rules.unit(column)))
    for number in left:
        into.add(Difference(Kind.ADDED, f"row {' '.join(keys[number])}", "", "the row", None))
    facts = []
    if [column for column in found.columns if column in columns] != columns:
        facts.append("Its columns stand in another order.")
    if keys != keys_again and sorted(keys) == sorted(keys_again):
        facts.append("Its rows stand in another order.")
    return facts


def _read(cell: Any, dtype: pl.DataType) -> Any:
    """Return what a cell of a column of that type holds; a text that is no such thing stays as it is."""
    if not isinstance(cell, str):
        return cell
    if dtype == pl.Boolean:
        return {"true": True, "false": False}.get(cell.casefold(), cell)  # Excel writes them in capitals
    if dtype.is_numeric():
        with contextlib.suppress(ValueError):
            return float(cell)
    return cell
