"""What is wrong with the shape of a file, in words: the place as its author knows it, and what to do."""

from __future__ import annotations

import re
from dataclasses import dataclass
from types import UnionType
from typing import TYPE_CHECKING, Annotated, Any, Final, Union, get_args, get_origin

from pydantic import BaseModel

from gpit_fairshare.words import nearest, nearest_of, on_one_line

if TYPE_CHECKING:
    import tomllib
    from collections.abc import Iterator, Mapping, Sequence

    from pydantic import ValidationError
    from pydantic_core import ErrorDetails

_NUMBER: Final = 'expected a number, or a fraction in quotes such as "1/6"'
_TABLE: Final = "expected a table"
_SAID: Final = {
    "string_type": "expected a text in quotes",
    "int_type": _NUMBER,
    "float_type": _NUMBER,
    "bool_type": "expected true or false",
    "list_type": "expected a list in square brackets",
    "dict_type": _TABLE,
    "model_type": _TABLE,
    "date_type": "expected a date such as 2014-04-03, without quotes",
    "string_pattern_mismatch": (
        "a name has small letters a to z, digits and _, and begins with a letter, as fair_share"
    ),
}
"""What Pydantic's types of error come to in words; the others are said in `_said`."""


def one_line(text: object, longest: int = 80) -> str:
    """Return a text from a file or an option as it can be shown in a message: on one line, not too long."""
    return on_one_line(str(text), longest)


class OriginError(ValueError):
    """A figure that says no origin, or two."""


@dataclass(frozen=True, slots=True)
class ShapeFault:
    """One fault in the shape of a file."""

    path: tuple[int | str, ...]
    """Where it is in the data, as far as it is there."""
    place: str
    said: str
    kind: str
    """What Pydantic calls it."""
    key: str
    """The key that is not known or is missing."""
    near: str
    """The known key that was probably meant; empty if none is near."""
    of_origin: bool
    """Whether a figure lacks its origin, or has two."""


def of_shape(fault: ValidationError, data: Mapping[str, Any], model: type[BaseModel]) -> list[ShapeFault]:
    """Say the faults of a file, one for each place: where, what was expected, what was found.

    A key that is not known comes before one that is missing: a slip of the pen makes both.
    """
    by_place: dict[tuple[int | str, ...], ErrorDetails] = {}
    errors = [error for error in fault.errors() if not _other_branch(error, fault.errors())]
    for error in sorted(errors, key=lambda error: error["type"] != "extra_forbidden"):
        # Of a union, Pydantic reports each branch; for the author it is one place.
        by_place.setdefault((*_path(error["loc"], data), error["type"] == "missing" and error["loc"][-1]), error)
    return [_shape_fault(error, data, model) for error in by_place.values()]


def _other_branch(error: ErrorDetails, errors: Sequence[ErrorDetails]) -> bool:
    """Whether the author wrote a table and the error asks for the word that could stand there in its place."""
    *above, branch = error["loc"] or ("",)
    return (
        str(branch).startswith("literal[")
        and isinstance(error["input"], dict)
        and any(one is not error and list(one["loc"][: len(above)]) == above for one in errors)
    )


def first_of(found: Sequence[ShapeFault]) -> str:
    """Say the first fault of a file on one line, and how many more there are."""
    more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
    return ": ".join(part for part in (found[0].place, f"{found[0].said}{more}") if part)


def _shape_fault(error: ErrorDetails, data: Mapping[str, Any], model: type[BaseModel]) -> ShapeFault:
    location, kind = error["loc"], error["type"]
    path = _path(location, data)
    near = ""
    if kind == "extra_forbidden":
        near = nearest_of(str(location[-1]), _known_keys(location, model))
    place, said = _said(error, data, model)
    of_origin = isinstance(error.get("ctx", {}).get("error"), OriginError)
    return ShapeFault(path, place, said, kind, str(location[-1]) if location else "", near, of_origin)


def of_toml(fault: tomllib.TOMLDecodeError, text: str) -> tuple[str, str]:
    """Return where a text is no TOML, and why."""
    said = str(fault)
    found = re.search(r" \(at line (\d+), column (\d+)\)$", said)
    if found:
        place = f"line {found[1]}, column {found[2]}"
    else:
        lines = text.rstrip("\n").split("\n")
        place = f"line {len(lines)}, column {len(lines[-1]) + 1}"
    said = re.sub(r" \(at [^()]*\)$", "", said)
    twice = re.search(r"\((?P<key>'.*'),?\) twice$", said)
    if twice:
        table = ".".join(re.findall(r"'([^']*)'", twice["key"]))
        said = f"the table [{table}] stands there twice"
    elif said.startswith("Cannot overwrite"):
        said = "the same key is given twice before this place"
    elif said.startswith("Illegal character '\\n'"):
        said = "a text in quotes does not end on its line"
    return place, f"not valid TOML: {one_line(said[:1].lower() + said[1:], 200)}"


def _said(error: ErrorDetails, data: Mapping[str, Any], model: type[BaseModel]) -> tuple[str, str]:
    """Return the place of an error and what is to be said of it."""
    location, kind = error["loc"], error["type"]
    path, context = _path(location, data), error.get("ctx", {})
    key = one_line(location[-1]) if location else ""
    if kind == "extra_forbidden":
        return _place(path[:-1], data), _unknown(key, _known_keys(location, model))
    if kind == "missing":
        return _place(path, data), f"{key} is missing"
    if kind == "literal_error" and location[-1] == "[key]":
        known = re.findall(r"'([^']*)'", context["expected"])
        return _place(path[:-1], data), _unknown(one_line(path[-1]), known)
    match kind:
        case "value_error":
            said = one_line(context["error"], 300)
        case "literal_error":
            said = f"expected one of {context['expected'].replace(' or ', ', ')}"
        case "too_short":
            said = "is empty; expected one or more"
        case "too_long" | "string_too_long":
            unit = "characters" if kind == "string_too_long" else "of them"
            said = f"is too long; {context['max_length']} {unit} are allowed"
        case "greater_than_equal":
            said = f"expected {context['ge']} or more"
        case "model_type" if example := getattr(_model_at(location, model), "example", ""):
            said = f"expected a table such as {example}"
        case _:
            said = _SAID.get(kind, "is not what is expected here")
    found = error.get("input")
    if kind not in ("value_error", "too_long", "too_short"):
        said += f"; found {_kind_of(found)}"
    return _place(path, data), said


def _unknown(key: str, known: Sequence[str]) -> str:
    return f"unknown key {key}{nearest(key, known) or '; known are ' + ', '.join(known)}"


def _kind_of(found: Any) -> str:
    match found:
        case dict():
            return "a table"
        case list():
            return "a list"
        case bool():
            return str(found).lower()
        case str():
            return repr(one_line(found, 40))
        case int() | float():
            return one_line(repr(found), 40) if abs(found) < 1e16 else "a large number"
        case _:
            return one_line(found, 40)


def _path(location: Sequence[int | str], data: Any) -> tuple[int | str, ...]:
    """Return the part of a location that stands in the file; a branch of a union does not."""
    path: list[int | str] = []
    for part in location:
        inside = part in data if isinstance(data, dict) else isinstance(data, list) and isinstance(part, int)
        if inside:
            data = data[part]
            path.append(part)
    return tuple(path)


def _place(path: Sequence[int | str], data: Any) -> str:
    """Name a place in a file as its author knows it: steps by their names, not by their numbers."""
    words: list[str] = []
    for part in path:
        data = data[part]
        if isinstance(part, int):
            name = (data.get("name") or data.get("as")) if isinstance(data, dict) else None
            words.append((one_line(name) if isinstance(name, str) else "") or f"number {part + 1}")
        else:
            words.append(one_line(part))
    return " › ".join(words)


def _known_keys(location: Sequence[int | str], model: type[BaseModel]) -> list[str]:
    found = _model_at(location[:-1], model)
    return [entry.alias or name for name, entry in found.model_fields.items()] if found else []


def _model_at(location: Sequence[int | str], model: type[BaseModel]) -> type[BaseModel] | None:
    """Return the model of the table at a location, or of the entries of a list or a dict there."""
    there: list[Any] = [model]
    for part in location:
        # Of a union Pydantic names the branch as well, which leads no further than the union.
        there = [inner for one in there for inner in _inside(one, part)] or there
    return next((one for one in there if isinstance(one, type) and issubclass(one, BaseModel)), None)


def _inside(kind: Any, part: int | str) -> Iterator[Any]:
    """Yield what may stand under a key, or a number of a list, of a type."""
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        for name, field in kind.model_fields.items():
            if part in (name, field.alias):
                yield from _branches(field.annotation)
    elif get_origin(kind) in (dict, list):
        yield from _branches(get_args(kind)[-1])


def _branches(annotation: Any) -> Iterator[Any]:
    """Yield the types that an annotation allows: those of a union, without what only annotates them."""
    origin = get_origin(annotation)
    if origin is Annotated:
        yield from _branches(get_args(annotation)[0])
    elif origin in (Union, UnionType):
        for one in get_args(annotation):
            yield from _branches(one)
    else:
        yield annotation
