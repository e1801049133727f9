"""A file without what is wrong in its shape, so that a review can go on to the rest of it.

Such a file is never run. The names of what is left out count as unresolved, so that nothing reports them as missing.
"""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING, Any, Final

from gpit_fairshare.scheme.library import KINDS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from gpit_fairshare.scheme.faults import ShapeFault

STAND_IN: Final = "?"
_LISTS: Final = ("steps", "checks")
_TABLES: Final = ("parameters", "inputs", "values", "sources")
_INDIVISIBLE: Final = ("use", "money")


def without_faults(data: dict[str, Any], faults: Sequence[ShapeFault], unresolved: set[str]) -> dict[str, Any] | None:
    """Return the data of a file without its faults, or None where too much depends on them.

    A misspelled key is taken for the nearest one, a text that is missing gets a stand-in, and a key or an entry that
    cannot be read is left out; the names that go with it are added to `unresolved`.
    """
    usable = deepcopy(data)
    for fault in faults:
        *above, key = fault.path
        table = _at(usable, above)
        if table is None:  # left out already
            continue
        if fault.kind == "extra_forbidden":
            value = table.pop(key)
            if fault.near and fault.near not in table:
                table[fault.near] = value
            elif fault.near and not above:  # of two tables that may be one, neither can be read without the other
                return None
        elif fault.kind == "origin":
            table[key]["assumption"] = STAND_IN if table[key].get("source") is None else None
        elif _is_text_for_people(fault.path):
            table[key] = STAND_IN
        elif not _leave_out(usable, fault, unresolved):
            return None
    for key in _LISTS:
        if isinstance(usable.get(key), list):
            usable[key] = [entry for entry in usable[key] if entry is not None]
    return usable


def _is_text_for_people(path: Sequence[int | str]) -> bool:
    """Return whether a text changes nothing else, whatever it says."""
    of_header = path[0] in KINDS and len(path) == 2
    is_name = path[-1] == "name" and (of_header or path[0] == "checks")
    return (of_header or len(path) == 3) and (is_name or path[-1] in ("label", "title"))


def _leave_out(usable: dict[str, Any], fault: ShapeFault, unresolved: set[str]) -> bool:
    """Leave out the smallest part that holds a fault; return False if that is too much, or has no name."""
    table, part = fault.path[0], fault.path[: fault.removable]
    entry, left_out = _at(usable, part[:2]), _at(usable, part)
    name = entry.get("name") if isinstance(entry, dict) and table in _LISTS else None
    if table in _INDIVISIBLE or (len(part) < 2 and table != "spend"):
        return False
    if table == "steps" and (not isinstance(name, str) or fault.path[2:] == ("name",)):
        return False
    unresolved.update(_sources_in(left_out))
    if table in _TABLES:
        unresolved.add(str(part[1]))
    elif isinstance(name, str):
        unresolved.add(name)
    holder = _at(usable, part[:-1])
    if isinstance(holder, list):
        holder[int(part[-1])] = None  # so that the others keep their numbers
    else:
        holder.pop(part[-1], None)
    return True


def _sources_in(entry: Any) -> Iterator[str]:
    """Yield the sources that an entry cites, so that they are not taken for unused."""
    if isinstance(entry, dict):
        for key, value in entry.items():
            if key == "source" and isinstance(value, str):
                yield value
            else:
                yield from _sources_in(value)


def _at(data: Any, path: Sequence[int | str]) -> Any:
    """Return what is at a place, or None if it is no longer there."""
    for part in path:
        inside = part in data if isinstance(data, dict) else isinstance(data, list) and isinstance(part, int)
        if not inside:
            return None
        data = data[part]
    return data
