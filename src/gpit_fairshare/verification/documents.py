"""Compare results entry by entry: documents by the path of each entry, CSV and Parquet tables by row and column."""

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
    from collections.abc import Callable, Collection, Hashable, Iterable, Iterator, Mapping, Sequence


_LABEL_KEYS: Final = ("year", "org_code", "name", "number", "assumption", "parameter", "role", "file")
"""Keys whose values, in this order, label an entry of a list."""
_MISSING: Final = object()


@dataclass(frozen=True, slots=True)
class ColumnRules:
    """How values are compared, by the name of their column or entry."""

    units: Mapping[str, str | None] = field(default_factory=dict)
    predicates: Mapping[str, Same] = field(default_factory=dict)
    """Functions that compare two values; names without one are compared as written."""
    row_keys: Mapping[str, Callable[[Any], Hashable]] = field(default_factory=lambda: {"rows": row_key})
    """Functions that give the key of an entry, by path of a list whose entries are matched by key, not by position."""
    later_keys: Collection[str] = ()
    """Keys of a dictionary that the file may lack, because the version of gpit that wrote it did not have them."""

    def is_same(self, name: str, actual: Any, expected: Any) -> bool:
        """Return whether two values of a column or entry with this name count as the same."""
        return self.predicates.get(name, is_same_as_written)(actual, expected)

    def unit(self, name: str) -> str:
        """Return the unit of the column or entry with this name; an empty text if it has none."""
        return self.units.get(name) or ""


def compare_values(
    actual: Any, expected: Any, rules: ColumnRules, path: str = "", about: str = "", name: str = ""
) -> Iterator[FileDifference]:
    """Yield every entry in which two values, such as documents, differ, in the order of the expected one.

    Dictionaries are compared by key and lists by position, but the list `rows` by year and organisation, and other
    lists as `rules` say.

    Args:
        actual: The value of the file.
        expected: What gpit writes.
        rules: How values are compared, and their units, by name.
        path: Path of the value in its document, such as `steps[3].label`.
        about: What the value is about, such as year and organisation; if empty, entries of a list get their own label.
        name: The last key on the path, such as the name of a column, for `rules`.
    """
    if actual is _MISSING:
        yield FileDifference(DifferenceKind.REMOVED, path, about, None, _shorten(expected), rules.unit(name))
    elif expected is _MISSING:
        yield FileDifference(DifferenceKind.ADDED, path, about, _shorten(actual), None, rules.unit(name))
    elif isinstance(actual, dict) and isinstance(expected, dict):
        for key in dict.fromkeys([*expected, *actual]):
            if key in rules.later_keys and key not in actual:
                continue
            inner = f"{path}.{key}" if path else key
            pair = actual.get(key, _MISSING), expected.get(key, _MISSING)
            yield from compare_values(*pair, rules, inner, about, key)
    elif isinstance(actual, list) and isinstance(expected, list):
        if path in rules.row_keys:
            yield from _compare_rows(actual, expected, rules, path)
            return
        for index, pair in enumerate(zip_longest(actual, expected, fillvalue=_MISSING)):
            label = about or _entry_label(pair[0] if pair[1] is _MISSING else pair[1])
            yield from compare_values(*pair, rules, f"{path}[{index}]", label, name)
    elif (actual is None) != (expected is None) or not rules.is_same(name, actual, expected):
        yield FileDifference(DifferenceKind.VALUE, path, about, _shorten(actual), _shorten(expected), rules.unit(name))


def _compare_rows(
    actual: Sequence[Any], expected: Sequence[Any], rules: ColumnRules, path: str
) -> Iterator[FileDifference]:
    """Yield the differences of two lists, such as tidy tables, whose entries are matched by key and not by position.

    An entry that only one list has is one difference.
    """
    noun = "the row" if path == "rows" else "the entry"
    matches, unmatched = pair_keys(map(rules.row_keys[path], actual), map(rules.row_keys[path], expected))
    for position, (match, row) in enumerate(zip(matches, expected, strict=True)):
        if match is None:
            yield FileDifference(DifferenceKind.REMOVED, f"{path}[{position}]", _entry_label(row), None, noun)
        else:
            yield from compare_values(actual[match], row, rules, f"{path}[{match}]", _entry_label(row))
    for position in sorted(unmatched):
        yield FileDifference(DifferenceKind.ADDED, f"{path}[{position}]", _entry_label(actual[position]), noun, None)


def pair_keys(actual: Iterable[Hashable], expected: Iterable[Hashable]) -> tuple[list[int | None], list[int]]:
    """Match two lists of keys; a repeated key is matched with one position after the other.

    Returns:
        For each expected key its position in `actual`, or None; and the positions in `actual` that no key matches.
    """
    positions: dict[Hashable, list[int]] = {}
    for position, key in enumerate(actual):
        positions.setdefault(key, []).append(position)
    matches = [positions[key].pop(0) if positions.get(key) else None for key in expected]
    return matches, [position for unmatched in positions.values() for position in unmatched]


def row_key(row: Any) -> tuple[str, ...]:
    """Return year and code of a row, as texts; an empty tuple if it is not a dictionary."""
    return entry_key(row, KEYS)


def entry_key(entry: Any, names: Sequence[str]) -> tuple[str, ...]:
    """Return the values of an entry of a list under some keys, as texts; an empty tuple if it is not a dictionary."""
    return tuple(str(entry.get(name)) for name in names) if isinstance(entry, dict) else ()


def _entry_label(entry: Any) -> str:
    """Return a label for an entry of a list, such as `2014/15 00C`; an empty text if it has none.

    It has the first two of year, code, name and similar keys, up to 80 characters.
    """
    if not isinstance(entry, dict):
        return ""
    texts = [str(entry[name]) for name in _LABEL_KEYS if isinstance(entry.get(name), str | int) and entry[name] != ""]
    return " ".join(texts[:2])[:80]


def _shorten(value: Any) -> Any:
    """Return a value for a report: for a list or dictionary, its number of entries; anything else unchanged."""
    if isinstance(value, dict | list):
        return f"{len(value)} entries"
    return value


def compare_documents(
    actual: Mapping[str, Any], expected: Mapping[str, Any], rules: ColumnRules, into: Differences, *, name: str = ""
) -> None:
    """Compare two documents and add each difference to `into`: rows first; the manifest and `table` are left out.

    Args:
        actual: The document of the file.
        expected: What gpit writes.
        rules: How figures are compared.
        into: Takes the differences.
        name: Name of the file, if it is not the result's own; put before each path.
    """
    # The rows come first: all else follows from them.
    keys = [key for key in dict.fromkeys(["rows", *expected, *actual]) if key not in ("manifest", "table")]
    contents = [{key: document[key] for key in keys if key in document} for document in (actual, expected)]
    for difference in compare_values(contents[0], contents[1], rules):
        into.add(replace(difference, place=f"{name}: {difference.place}") if name else difference)


def compare_tables(
    actual: pl.DataFrame, expected: pl.DataFrame, types: pl.DataFrame, rules: ColumnRules, into: Differences
) -> list[str]:
    """Compare two tables by their keys and columns, and add each difference to `into`.

    Rows are matched by year and organisation, in any order. If the file lacks one of these columns, only the columns
    are compared.

    Args:
        actual: The table of the file; all cells of a CSV file are texts.
        expected: What gpit writes, read in the same way.
        types: The rows of the run; the types of their columns say how texts are read.
        rules: How figures are compared.
        into: Takes the differences.

    Returns:
        Sentences on what is not a difference: columns or rows in a different order.
    """
    for column in sorted({*actual.columns} - {*expected.columns}):
        into.add(FileDifference(DifferenceKind.ADDED, f"column {column}", "", "a column", None))
    for column in [column for column in expected.columns if column not in actual.columns]:
        into.add(FileDifference(DifferenceKind.REMOVED, f"column {column}", "", None, "a column"))
    if not {*KEYS} <= {*actual.columns}:  # without these, rows cannot be matched
        return []
    columns = [column for column in expected.columns if column in actual.columns]
    actual_rows, expected_rows = (frame.select(columns).to_dicts() for frame in (actual, expected))
    actual_keys, expected_keys = ([row_key(row) for row in rows] for rows in (actual_rows, expected_rows))
    matches, unmatched = pair_keys(actual_keys, expected_keys)
    for match, key, row in zip(matches, expected_keys, expected_rows, strict=True):
        if match is None:
            into.add(FileDifference(DifferenceKind.REMOVED, f"row {' '.join(key)}", "", None, "the row"))
            continue
        for column in columns:
            values = [_typed_value(cells[column], types.schema[column]) for cells in (actual_rows[match], row)]
            if not rules.is_same(column, *values):
                place, about = f"{' '.join(key)}, {column}", str(row.get("org_name") or "")
                into.add(FileDifference(DifferenceKind.VALUE, place, about, values[0], values[1], rules.unit(column)))
    for position in unmatched:
        into.add(FileDifference(DifferenceKind.ADDED, f"row {' '.join(actual_keys[position])}", "", "the row", None))
    facts = []
    if [column for column in actual.columns if column in columns] != columns:
        facts.append("Its columns are in a different order.")
    if actual_keys != expected_keys and sorted(actual_keys) == sorted(expected_keys):
        facts.append("Its rows are in a different order.")
    return facts


def _typed_value(cell: Any, dtype: pl.DataType) -> Any:
    """Return a text of a CSV file as a number or a boolean, as its column requires.

    A text that is neither, and a cell that is not a text, are returned unchanged.
    """
    if not isinstance(cell, str):
        return cell
    if dtype == pl.Boolean:
        return {"true": True, "false": False}.get(cell.casefold(), cell)  # Excel writes them in capitals
    if dtype.is_numeric():
        with contextlib.suppress(ValueError):
            return float(cell)
    return cell
