"""A file with faults in its shape, as it would be without them, so that a review can go on to the rest.

Nothing that is mended is ever run. What is left out is noted as lost, so that nobody is told that it is missed.
"""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from gpit_fairshare.scheme.faults import ShapeFault

_LISTS: Final = ("steps", "checks")
_TABLES: Final = ("parameters", "inputs", "values", "sources")
_HEADS: Final = ("scheme", "formula", "transition")
STAND_IN: Final = "?"
_TEXTS: Final = frozenset({"label", "title"})
"""Texts for people: what they say changes nothing else."""
_PASSED_OVER: Final = frozenset(
    {"note", "minimum", "maximum", "publisher", "url", "date", "owner", "quality", "impact", "optional"}
    | {"non_recurrent", "indicative", "organisation", "unit"}
)
"""Keys that may be left out."""
_GONE: Final = object()

Path = tuple[int | str, ...]


def mended(data: dict[str, Any], found: Sequence[ShapeFault], lost: set[str]) -> dict[str, Any] | None:
    """Return the data of a file without its faults, or None where too much hangs on them.

    A misspelled key is taken for the one that is nearest, a text that is missing gets a stand-in, and an entry that
    cannot be read is left out; the names that go with it are added to `lost`.
    """
    whole = deepcopy(data)
    if not all(_mend(whole, fault, lost) for fault in found):
        return None
    for key in _LISTS:
        if isinstance(whole.get(key), list):
            whole[key] = [entry for entry in whole[key] if entry is not _GONE]
    return whole


def _mend(whole: dict[str, Any], fault: ShapeFault, lost: set[str]) -> bool:
    """Mend one fault, or say that it cannot be."""
    if fault.kind == "extra_forbidden":
        return _right_key(whole, fault)
    if fault.of_origin:
        return _give_origin(whole, fault.path)
    slot = (*fault.path, fault.key) if fault.kind == "missing" else fault.path
    table = _at(whole, slot[:-1])
    if table is None:  # left out already
        return True
    of_head = slot[0] in _HEADS and len(slot) == 2
    is_text = slot[-1] in _TEXTS or (slot[-1] == "name" and (of_head or slot[0] == "checks"))
    if is_text and (of_head or len(slot) == 3):
        table[slot[-1]] = STAND_IN
        return True
    if slot[-1] in _PASSED_OVER and len(slot) > (1 if of_head else 2):
        table.pop(slot[-1], None)
        lost.update(_names(whole, slot))
        return True
    return _leave_out(whole, slot, lost)


def _right_key(whole: dict[str, Any], fault: ShapeFault) -> bool:
    """Put a misspelled key right, or leave out one that is like no other."""
    table = _at(whole, fault.path[:-1])
    if table is None:
        return True
    if fault.near and fault.near not in table:
        table[fault.near] = table.pop(fault.path[-1])
        return True
    del table[fault.path[-1]]
    # Of two tables that may be one, neither can be read without the other.
    return not (fault.near and len(fault.path) == 1)


def _give_origin(whole: dict[str, Any], path: Path) -> bool:
    """Make a figure have one origin: its source if it names one, else a stand-in."""
    entry = _at(whole, path)
    if isinstance(entry, dict):
        if entry.get("source") is not None:
            entry.pop("assumption", None)
        else:
            entry["assumption"] = STAND_IN
    return True


def _leave_out(whole: dict[str, Any], slot: Path, lost: set[str]) -> bool:
    """Leave out the entry that holds a fault; say no where it is too large or has no name to miss it by."""
    table = slot[0]
    if table == "spend":
        lost.update(_sources_in(whole.get("spend")))
        whole["spend"] = {"counts": {}, "assumption": STAND_IN}
        return True
    of_values = table == "values" or (table == "parameters" and slot[2:3] in (("values",), ("default",)))
    length = 2 if not of_values else 3 if table == "values" or slot[2] == "default" else 4
    if table not in (*_LISTS, *_TABLES) or len(slot) < length or (table == "steps" and slot[2:] == ("name",)):
        return False
    place = _at(whole, slot[: length - 1])
    entry = _at(whole, slot[:length])
    lost.update(_names(whole, slot))
    lost.update(_sources_in(entry))
    if isinstance(place, list):
        place[int(slot[length - 1])] = _GONE
    elif place is not None:
        place.pop(slot[length - 1], None)
    return table != "steps" or (isinstance(entry, dict) and isinstance(entry.get("name"), str))


def _names(whole: dict[str, Any], slot: Path) -> Iterator[str]:
    """Yield the name that an entry gives to something."""
    entry = _at(whole, slot[:2])
    if slot[0] in _TABLES:
        yield str(slot[1])
    elif slot[0] in _LISTS and isinstance(entry, dict) and isinstance(entry.get("name"), str):
        yield entry["name"]


def _sources_in(entry: Any) -> Iterator[str]:
    """Yield the sources that an entry cites, so that they are not taken for unused."""
    if isinstance(entry, dict):
        for key, value in entry.items():
            if key == "source" and isinstance(value, str):
                yield value
            else:
                yield from _sources_in(value)


def _at(data: Any, path: Path) -> Any:
    """Return what stands at a place, or None if it is there no more."""
    for part in path:
        inside = part in data if isinstance(data, dict) else isinstance(data, list) and isinstance(part, int)
        if not inside:
            return None
        data = data[part]
    return None if data is _GONE else data
