"""Results compared entry by entry: documents by the path of each entry, CSV and Parquet tables by row and column."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field, replace
from itertools import zip_longest
from typing import TYPE_CHECKING, Any, Final

import polars as pl

from gpit_fairshare.results.agreement import Same, is_same_as_written
from gpit_fairshare.results.model import KEYS
from gpit_fairshare.verification.model import DifferenceKind, Differences, FileDifference

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence


_CALLED: Final = ("year", "org_code", "name", "number", "assumption", "parameter", "role", "file")
"""Keys whose values say, in this order, what an entry of a list is."""
_MISSING: Final = object()


@dataclass(frozen=True, slots=True)
class ColumnRules:
    """How values are compared, by the name of their column or entry."""

    units: Mapping[str, str | None] = field(default_factory=dict)
    predicates: Mapping[str, Same] = field(default_factory=dict)
    """What says whether two values are the same; those of other names are compared as written."""

    def are_same(self, name: str, found: Any, expected: Any) -> bool:
        """Return whether two values of a name count as the same."""
        return self.predicates.get(name, is_same_as_written)(found, expected)

    def unit(self, name: str) -> str:
        """Return the unit of a name; empty where it has none."""
        return self.units.get(name) or ""


def entries(
    found: Any, expected: Any, rules: ColumnRules, path: str = "", about: str = "", name: str = ""
) -> Iterator[FileDifference]:
    """Yield every entry in which two documents differ, in the order of what is expected.

    `name` is the last name on the path, such as a column.
    """
    if found is _MISSING:
        yield FileDifference(DifferenceKind.REMOVED, path, about, None, _short(expected), rules.unit(name))
    elif expected is _MISSING:
        yield FileDifference(DifferenceKind.ADDED, path, about, _short(found), None, rules.unit(name))
    elif isinstance(found, dict) and isinstance(expected, dict):
        for key in dict.fromkeys([*expected, *found]):
            inner = f"{path}.{key}" if path else key
            yield from entries(found.get(key, _MISSING), expected.get(key, _MISSING), rules, inner, about, key)
    elif isinstance(found, list) and isinstance(expected, list):
        if path == "rows":
            yield from _rows(found, expected, rules)
            return
        for index, (here, there) in enumerate(zip_longest(found, expected, fillvalue=_MISSING)):
            called = about or _called(here if there is _MISSING else there)
            yield from entries(here, there, rules, f"{path}[{index}]", called, name)
    elif (found is None) != (expected is None) or not rules.are_same(name, found, expected):
        yield FileDifference(DifferenceKind.VALUE, path, about, _short(found), _short(expected), rules.unit(name))


def _rows(found: Sequence[Any], expected: Sequence[Any], rules: ColumnRules) -> Iterator[FileDifference]:
    """Compare the tidy table row by row, each organisation's of a year with its own, wherever it stands."""
    matches, left = paired(map(row_key, found), map(row_key, expected))
    for index, (own, row) in enumerate(zip(matches, expected, strict=True)):
        if own is None:
            yield FileDifference(DifferenceKind.REMOVED, f"rows[{index}]", _called(row), None, "the row")
        else:
            yield from entries(found[own], row, rules, f"rows[{own}]", _called(row))
    for place in sorted(left):
        yield FileDifference(DifferenceKind.ADDED, f"rows[{place}]", _called(found[place]), "the row", None)


def paired(found: Iterable[Hashable], expected: Iterable[Hashable]) -> tuple[list[int | None], list[int]]:
    """Return for each key that is expected the place of its row in the file, and the places that are left over."""
    places: dict[Hashable, list[int]] = {}
    for place, key in enumerate(found):
        places.setdefault(key, []).append(place)
    matches = [places[key].pop(0) if places.get(key) else None for key in expected]
    return matches, [place for left in places.values() for place in left]


def row_key(row: Any) -> tuple[str, ...]:
    """Return year and code of a row, as texts; nothing for what is no row."""
    return tuple(str(row.get(name)) for name in KEYS) if isinstance(row, dict) else ()


def _called(entry: Any) -> str:
    """Return what an entry of a list is, as `2014/15 00C`; empty where it does not say."""
    if not isinstance(entry, dict):
        return ""
    said = [str(entry[name]) for name in _CALLED if isinstance(entry.get(name), str | int) and entry[name] != ""]
    return " ".join(said[:2])[:80]


def _short(value: Any) -> Any:
    """Return a value as it is told; of a list or table, which may be of any depth, how much there is."""
    if isinstance(value, dict | list):
        return f"{len(value)} entries"
    return value


def compare_documents(
    found: Mapping[str, Any], expected: Mapping[str, Any], rules: ColumnRules, into: Differences, *, name: str = ""
) -> None:
    """Compare two documents, but for their manifests.

    Args:
        found: The document of the file.
        expected: What gpit writes.
        rules: How figures are compared.
        into: Takes the differences.
        name: Name of the file, where it is not the result's own; it stands before the paths.
    """
    # The rows come first: all else follows from them.
    keys = [key for key in dict.fromkeys(["rows", *expected, *found]) if key not in ("manifest", "table")]
    here, there = ({key: side[key] for key in keys if key in side} for side in (found, expected))
    for difference in entries(here, there, rules):
        into.add(replace(difference, place=f"{name}: {difference.place}") if name else difference)


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
        into.add(FileDifference(DifferenceKind.ADDED, f"column {column}", "", "a column", None))
    for column in [one for one in expected.columns if one not in found.columns]:
        into.add(FileDifference(DifferenceKind.REMOVED, f"column {column}", "", None, "a column"))
    if not {*KEYS} <= {*found.columns}:  # nobody can say which row is whose
        return []
    columns = [column for column in expected.columns if column in found.columns]
    rows, again = (frame.select(columns).to_dicts() for frame in (found, expected))
    keys, keys_again = ([row_key(row) for row in side] for side in (rows, again))
    matches, left = paired(keys, keys_again)
    for match, key, row in zip(matches, keys_again, again, strict=True):
        if match is None:
            into.add(FileDifference(DifferenceKind.REMOVED, f"row {' '.join(key)}", "", None, "the row"))
            continue
        for column in columns:
            one, other = (_read(cells[column], types.schema[column]) for cells in (rows[match], row))
            if not rules.are_same(column, one, other):
                place, about = f"{' '.join(key)}, {column}", str(row.get("org_name") or "")
                into.add(FileDifference(DifferenceKind.VALUE, place, about, one, other, rules.unit(column)))
    for number in left:
        into.add(FileDifference(DifferenceKind.ADDED, f"row {' '.join(keys[number])}", "", "the row", None))
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
