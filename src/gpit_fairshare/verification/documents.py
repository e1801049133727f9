"""Two documents compared entry by entry: each place where they differ, by its path."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from gpit_fairshare.results.agreement import same_as_written
from gpit_fairshare.verification.model import Kind

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from gpit_fairshare.results.agreement import Same
    from gpit_fairshare.verification.model import Differences

_KEYS: Final = ("year", "org_code")
_CALLED: Final = ("year", "org_code", "name", "number", "assumption", "parameter", "role", "file")
"""Keys whose values say, in this order, what an entry of a list is."""
_MISSING: Final = object()
_ALL_AS_WRITTEN: Final[Mapping[str, Same]] = MappingProxyType({})


class Entry(NamedTuple):
    """One entry that differs; a side that has none has `None`, and its kind says so."""

    kind: Kind
    path: str
    about: str
    found: Any
    expected: Any
    key: str
    """Last name on the path, such as a column."""


def entries(
    found: Any,
    expected: Any,
    same: Mapping[str, Same] = _ALL_AS_WRITTEN,
    path: str = "",
    about: str = "",
    key: str = "",
) -> Iterator[Entry]:
    """Yield every entry in which two documents differ, in the order of what is expected.

    `same` has, for names whose values are not compared as written, what says whether two of them are the same.
    """
    if isinstance(found, dict) and isinstance(expected, dict):
        for name in dict.fromkeys([*expected, *found]):
            inner = f"{path}.{name}" if path else name
            yield from _pair(found.get(name, _MISSING), expected.get(name, _MISSING), same, inner, about, name)
    elif isinstance(found, list) and isinstance(expected, list):
        if path == "rows":
            yield from _rows(found, expected, same)
            return
        for index in range(max(len(found), len(expected))):
            here = found[index] if index < len(found) else _MISSING
            there = expected[index] if index < len(expected) else _MISSING
            called = about or _called(here if there is _MISSING else there)
            yield from _pair(here, there, same, f"{path}[{index}]", called, key)
    elif (found is None) != (expected is None) or not same.get(key, same_as_written)(found, expected):
        yield Entry(Kind.VALUE, path, about, _short(found), _short(expected), key)


def _pair(found: Any, expected: Any, same: Mapping[str, Same], path: str, about: str, key: str) -> Iterator[Entry]:
    if found is _MISSING:
        yield Entry(Kind.REMOVED, path, about, None, _short(expected), key)
    elif expected is _MISSING:
        yield Entry(Kind.ADDED, path, about, _short(found), None, key)
    else:
        yield from entries(found, expected, same, path, about, key)


def _rows(found: Sequence[Any], expected: Sequence[Any], same: Mapping[str, Same]) -> Iterator[Entry]:
    """Compare the tidy table row by row, each organisation's of a year with its own, wherever it stands."""
    places: dict[tuple[str, ...], list[int]] = {}
    for index, row in enumerate(found):
        places.setdefault(_key(row), []).append(index)
    for index, row in enumerate(expected):
        there = places.get(_key(row))
        if not there:
            yield Entry(Kind.REMOVED, f"rows[{index}]", _called(row), None, "the row", "")
            continue
        own = there.pop(0)
        yield from entries(found[own], row, same, f"rows[{own}]", _called(row))
    for place in sorted(place for there in places.values() for place in there):
        yield Entry(Kind.ADDED, f"rows[{place}]", _called(found[place]), "the row", None, "")


def _key(row: Any) -> tuple[str, ...]:
    return tuple(str(row.get(name)) for name in _KEYS) if isinstance(row, dict) else ()


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
    found: Mapping[str, Any],
    expected: Mapping[str, Any],
    units: Mapping[str, str | None],
    same: Mapping[str, Same],
    into: Differences,
    *,
    name: str = "",
) -> None:
    """Compare two documents, but for their manifests.

    Args:
        found: The document of the file.
        expected: What gpit writes.
        units: Unit of each column.
        same: For each step, what says whether two of its figures are the same.
        into: Takes the differences.
        name: Name of the file, where it is not the result's own; it stands before the paths.
    """
    # The rows come first: all else follows from them.
    keys = [key for key in dict.fromkeys(["rows", *expected, *found]) if key not in ("manifest", "table")]
    here, there = ({key: side[key] for key in keys if key in side} for side in (found, expected))
    for one in entries(here, there, same):
        path = f"{name}: {one.path}" if name else one.path
        into.add(one.kind, path, one.about, one.found, one.expected, units.get(one.key) or "")
