"""Errors in scheme, formula and transition files: collect them, describe them, and read the file without them.

A run stops at the first error; a review reports all of them. Both do the same checks: the collector raises an error,
or keeps it. A review leaves out the parts of a file that have the wrong shape and checks the rest; such a file is
never run. The names of the parts left out are unresolved, so they are not reported as missing.
"""

from __future__ import annotations

import re
from copy import deepcopy
from dataclasses import dataclass
from types import UnionType
from typing import TYPE_CHECKING, Annotated, Any, Final, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError

from gpit_fairshare.errors import FormulaError, SchemeError, Sort
from gpit_fairshare.findings import Finding, FindingCode, FindingCollector, Where
from gpit_fairshare.scheme.library import KINDS
from gpit_fairshare.words import near_names, nearest, nearest_of, one_line

if TYPE_CHECKING:
    import tomllib
    from collections.abc import Iterator, Mapping, Sequence

    from pydantic.fields import FieldInfo
    from pydantic_core import ErrorDetails

_CODES: Final[dict[Sort, FindingCode]] = {
    "text": FindingCode.FORMULA,
    "name": FindingCode.UNKNOWN_NAME,
    "unit": FindingCode.UNITS_DO_NOT_FIT,
    "kind": FindingCode.KINDS,
}
_MESSAGES: Final = {
    "string_type": "expected a text in quotes",
    **dict.fromkeys(("int_type", "float_type"), 'expected a number, or a fraction in quotes such as "1/6"'),
    "bool_type": "expected true or false",
    "list_type": "expected a list in square brackets",
    **dict.fromkeys(("dict_type", "model_type"), "expected a table"),
    "greater_than_equal": "expected {ge} or more",
    "string_too_long": "is too long; at most {max_length} characters are allowed",
    "date_type": "expected a date such as 2014-04-03, without quotes",
    "string_pattern_mismatch": (
        "a name has small letters a to z, digits and _, and begins with a letter, such as fair_share"
    ),
}
"""Messages for Pydantic's types of error; `_shape_message` has the others."""
_SLIPS: Final = (
    ("=", "two equals signs; write one"),
    (r"[-+]?[\d_.]+ ?%", 'a percentage without quotes; write "{0}"'),
    (r"(\d\d)[-/.](\d\d)[-/.](\d{4})", "a date with its day first; write it as {4}-{3}-{2}"),
    (r"\d{1,2} [A-Za-z]+ \d{4}", "a date in words; write it as 2014-04-03"),
    (r"\d+/\d+", 'a year or fraction without quotes; write "{0}"'),
    (r"[-+]?\d{1,3}(?:[, ]\d{3})+(?!\d)", "a number with commas or blanks; write {1}"),
    (r"[-+]?(?:[£$€]|[\d_.,]+\s*[£$€a-zA-Z])", "a number with £ or letters; write it in pounds, such as 5_000_000"),
    ("[“”„‘’]", 'curly quotes; write straight ones, as in "text"'),
    (r"\.\d+", "a number that begins with a point; write 0{0}"),
    (r"[A-Za-z][\w.-]*(?: [\w.-]+)*", 'a text without quotes; write "{0}"'),
)
"""What people write as a value that is no TOML, and what to write.

`{0}` is what was found, `{1}` only its digits, and `{2}` and further ones are the groups of the pattern.
"""
STAND_IN: Final = "?"
_LISTS: Final = ("steps", "checks", "outcomes")
_TABLES: Final = ("parameters", "tables", "inputs", "values", "sources")
_INDIVISIBLE: Final = ("use", "money")


class StoppedError(Exception):
    """Raised after an error that makes further checks meaningless. Internal."""


class Faults(FindingCollector):
    """Findings about the files of a scheme, and the names that could not be resolved."""

    def __init__(self, *, collect: bool = False, needs_values: bool = True) -> None:
        """Collect errors if `collect` is true; otherwise raise the first one as a `SchemeError`."""
        super().__init__(None if collect else SchemeError)
        self.needs_values = needs_values
        """Whether a parameter without a value for a year is an error."""
        self.files: dict[tuple[str, str], None] = {}
        """Base name and SHA-256 of every file that was read, in order, even if the files could not be joined."""
        self.unresolved: set[str] = set()
        """Names whose definition has an error: that they are missing, or do not fit, is not a further error."""

    def abort(
        self, code: FindingCode, where: Where, problem: str, remedy: str = "", *, raises: type[Exception] | None = None
    ) -> StoppedError:
        """Report an error after which nothing more can be read, and return the exception for the caller to raise.

        If errors are not collected, reporting raises the error itself: as `raises`, or else as a `SchemeError`.
        """
        self.error(code, where, problem, remedy=remedy, raises=raises)
        return StoppedError()

    def report(self, others: Faults) -> None:
        """Add all findings of another collector, or raise its first error, with the number of the others."""
        if self.raises and others.first:
            more = f" (and {others.errors - 1} more)" if others.errors > 1 else ""
            raise self.raises(f"{others.first.message}{more}", others.first)
        for finding in others.items:
            self.add(finding, Where(finding.file, finding.place))

    def formula_error(self, fault: FormulaError, where: Where, code: FindingCode | None = None) -> None:
        """Raise an error in a formula unchanged, or collect it with its place; without a code, its sort decides."""
        if self.raises:
            raise fault
        place = f"{where.place}, character {fault.position}" if fault.position else where.place
        finding = Finding(code or _CODES[fault.sort], "error", "", "", fault.message, excerpt=fault.excerpt)
        self.add(finding, Where(where.file, place))


@dataclass(frozen=True, slots=True)
class ShapeFault:
    """One error in the shape of a file."""

    path: tuple[int | str, ...]
    """Where it is in the data, or would be if it is missing."""
    removable: int
    """Length of the path to the smallest part of the file that can be left out; 0 if none can."""
    place: str
    message: str
    kind: str
    """Pydantic's type of error, or `origin` if a figure has two origins."""
    near: str = ""
    """The known key that was probably meant; empty if none is near."""


def shape_errors(fault: ValidationError, data: Mapping[str, Any], model: type[BaseModel]) -> list[ShapeFault]:
    """Return the errors in the shape of a file, one for each place: where, what was expected, what was found.

    Unknown keys come first, and a key that is missing because it is misspelled is left out. `data` is what the file
    holds.
    """
    by_path: dict[tuple[int | str, ...], ShapeFault] = {}
    errors = [error for error in fault.errors() if not _is_about_word(error)]
    for error in sorted(errors, key=lambda error: error["type"] != "extra_forbidden"):
        shape_fault = _shape_fault(error, data, model)
        # Pydantic reports each branch of a union; for the author it is one place.
        by_path.setdefault(shape_fault.path, shape_fault)
    misspelled = {(*shape_fault.path[:-1], shape_fault.near) for shape_fault in by_path.values() if shape_fault.near}
    return [
        shape_fault
        for shape_fault in by_path.values()
        if shape_fault.kind != "missing" or shape_fault.path not in misspelled
    ]


def _is_about_word(error: ErrorDetails) -> bool:
    """Return whether an error is about a word such as "kept", where the author wrote a table instead."""
    is_of_union = error["type"] == "literal_error" and str(error["loc"][-1]).startswith("literal[")
    return is_of_union and isinstance(error["input"], dict)


def first_error(shape_faults: Sequence[ShapeFault]) -> str:
    """Return the first error in a file on one line, with the number of further errors."""
    more = f" (and {len(shape_faults) - 1} more)" if len(shape_faults) > 1 else ""
    return ": ".join(part for part in (shape_faults[0].place, f"{shape_faults[0].message}{more}") if part)


def toml_problem(fault: tomllib.TOMLDecodeError, text: str) -> tuple[str, str]:
    """Return the place where a text is not TOML, and the problem there in plain words."""
    reason, _, place = str(fault).removesuffix(")").rpartition(" (at ")
    if place == "end of document":
        lines = text.rstrip("\n").split("\n")
        place = f"line {len(lines)}, column {len(lines[-1]) + 1}"
    match = re.search(r"\((?P<key>'.*'),?\) twice$", reason)
    if match:
        table = ".".join(re.findall(r"'([^']*)'", match["key"]))
        reason = f"the table [{table}] appears twice"
    elif reason.startswith("Cannot overwrite"):
        reason = "the same key is given twice before this place"
    elif reason.startswith("Illegal character '\\n'"):
        reason = "a text in quotes does not end on its line"
    elif reason.startswith(("Unescaped '", "Invalid hex value")):
        reason = "\\ in a text in double quotes; write / in its place, or put the text in single quotes"
    elif reason.startswith("Expected '=' after a key"):
        reason = _slip(text, place) or "a key without =; write one word, = and a value, such as floor_growth = 0.5"
    else:
        reason = _slip(text, place) or reason
    return place, f"not valid TOML: {one_line(reason[:1].lower() + reason[1:], 200)}"


def _slip(text: str, place: str) -> str:
    """Return what is wrong with the value at a place, and what to write; empty if it is no slip that is known."""
    line, column = map(int, re.findall("[0-9]+", place))
    row = text.split("\n")[line - 1]
    equals = row.rfind("=", 0, column - 1)
    value = row[equals + 1 :].strip()
    for pattern, slip in _SLIPS if equals > 0 else ():
        if match := re.match(pattern, value):
            return slip.format(match[0], re.sub("[, ]", "_", match[0]), *match.groups())
    return ""


def _table_of(key: str, model: type[BaseModel]) -> str:
    """Return the table of a kind of file that has a key: `[case]`, `[parameters.…]`; empty if none has it."""
    for table, field in _fields(model).items():
        for kind in (field.annotation, _type_below(field.annotation, "")):
            if key in _fields(kind):
                return f"[{table}]" if _model_of(field.annotation) else f"[{table}.…]"
    return ""


def _shape_fault(error: ErrorDetails, data: Mapping[str, Any], model: type[BaseModel]) -> ShapeFault:
    """Return one of Pydantic's errors with its place in the file, and its message in our own words.

    It also says which smallest part of the file can be left out, and the known key nearest to an unknown one.
    """
    kind, location, (path, types) = error["type"], error["loc"], _walk_location(error["loc"], data, model)
    optional = [
        length for length, part in enumerate(path, 1) if _can_be_left_out(types[length - 1], part, types[length])
    ]
    removable = max(optional, default=0)
    if kind == "missing":
        message = f"{one_line(location[-1])} is missing"
        return ShapeFault((*path, location[-1]), removable, _place(path, data), message, kind)
    if kind == "extra_forbidden":
        keys, key = [str(key) for key in _fields(types[-2])], str(path[-1])
        message = _unknown_key(key, keys, _table_of(key, model) if len(path) < 3 else "")
        return ShapeFault(path, 0, _place(path[:-1], data), message, kind, nearest_of(key, keys))
    if kind == "literal_error" and location[-1] == "[key]":
        message = _unknown_key(str(path[-1]), re.findall(r"'([^']*)'", error["ctx"]["expected"]))
        return ShapeFault(path, removable, _place(path[:-1], data), message, kind)
    return ShapeFault(path, removable, _place(path, data), _shape_message(error, types[-1]), kind)


def _shape_message(error: ErrorDetails, expected_type: Any) -> str:
    """Return what was expected at a place of the type `expected_type`, and in most cases what was found.

    An error of our own models keeps its message; of what is too short or too long only the limit is given.
    """
    kind, context = error["type"], error.get("ctx", {})
    match kind:
        case "value_error":
            return one_line(context["error"], 300)
        case "origin":
            return error["msg"]
        case "too_short":
            return "is empty; expected one or more"
        case "too_long":
            return f"is too long; at most {context['max_length']} entries are allowed"
        case "literal_error":
            message = f"expected one of {context['expected'].replace(' or ', ', ')}"
        case "model_type" if example := getattr(_model_of(expected_type), "example", ""):
            message = f"expected a table such as {example}"
        case _:
            message = _MESSAGES.get(kind, "is not valid").format(**context)
    return f"{message}; found {_found_value(error.get('input'))}"


def _unknown_key(key: str, known_keys: Sequence[str], table: str = "") -> str:
    """Return the message for an unknown key, with the nearest known key, or else with all known keys.

    If the key is one of another `table`, this is named too.
    """
    key = one_line(key)
    if table:
        return f"unknown key {key}; did you mean {' or '.join([*near_names(key, known_keys), f'{key} in {table}'])}?"
    return f"unknown key {key}{nearest(key, known_keys) or '; known keys are ' + ', '.join(known_keys)}"


def _found_value(value: Any) -> str:
    """Return a value of a file for a message: `a table`, `a list`, or a short form of the value itself."""
    match value:
        case dict():
            return "a table"
        case list():
            return "a list"
        case bool():
            return str(value).lower()
        case str():
            return repr(one_line(value, 40))
        case int() | float():
            return one_line(repr(value), 40) if abs(value) < 1e16 else "a large number"
        case _:
            return one_line(value, 40)


def _walk_location(location: Sequence[int | str], data: Any, model: Any) -> tuple[tuple[int | str, ...], list[Any]]:
    """Return the parts of an error's location that are in the file, with the type of the file and of each part.

    A branch of a union is not in the file, nor is a missing key.
    """
    path: list[int | str] = []
    types = [model]
    for part in location:
        if _has_part(data, part):
            data = data[part]
            path.append(part)
            types.append(_type_below(types[-1], part))
    return tuple(path), types


def _place(path: Sequence[int | str], data: Any) -> str:
    """Return a place in a file as its author knows it: `steps › fair_share › unit`.

    An entry of a list has its name, or the name under which a file uses it; without one, its number, from 1.
    """
    words: list[str] = []
    for part in path:
        data = data[part]
        if isinstance(part, int):
            name = (data.get("name") or data.get("as") or data.get("key")) if isinstance(data, dict) else None
            words.append((one_line(name) if isinstance(name, str) else "") or f"number {part + 1}")
        else:
            words.append(one_line(part))
    return " › ".join(words)


def _type_below(kind: Any, part: int | str) -> Any:
    """Return the type of the value under a key of a table, or at a number of a list; None if there is no such key."""
    if fields := _fields(kind):
        return fields[part].annotation if part in fields else None
    return next((get_args(branch)[-1] for branch in _branches(kind) if get_origin(branch) in (dict, list)), None)


def _can_be_left_out(holder: Any, part: int | str, inner: Any) -> bool:
    """Return whether a file can be read without a part: an optional key of a table, or one of several tables.

    A key that its table calls essential cannot be left out. `holder` is the type of what has the part, `inner` its own.
    """
    if model := _model_of(holder):
        field = _fields(model).get(part)
        return field is not None and not field.is_required() and part not in getattr(model, "essential", ())
    return bool(_model_of(inner)) or get_origin(inner) is dict


def _fields(kind: Any) -> dict[int | str, FieldInfo]:
    """Return the fields of the Pydantic model of a type, by their keys in a file; empty if it has no model."""
    model = _model_of(kind)
    return {field.alias or name: field for name, field in model.model_fields.items()} if model else {}


def _model_of(kind: Any) -> type[BaseModel] | None:
    """Return the Pydantic model that a type allows; None if it allows none."""
    models = (branch for branch in _branches(kind) if isinstance(branch, type) and issubclass(branch, BaseModel))
    return next(models, None)


def _branches(annotation: Any) -> Iterator[Any]:
    """Yield the types that an annotation allows: the members of a union, and the arguments of `Annotated`."""
    if get_origin(annotation) in (Annotated, Union, UnionType):
        for branch in get_args(annotation):
            yield from _branches(branch)
    else:
        yield annotation


def without_faults(data: dict[str, Any], faults: Sequence[ShapeFault], unresolved: set[str]) -> dict[str, Any] | None:
    """Return a copy of a file's data without its errors; None if too much depends on them.

    A misspelled key is read as the nearest one if that is not there too, and is otherwise left out. A wrong or missing
    title, label or the like gets a placeholder; of two origins, the assumption is left out. Any
    other part that cannot be read is left out, and its names are added to `unresolved`.
    """
    usable = deepcopy(data)
    for fault in faults:
        *above, key = fault.path
        table = _part_at(usable, above)
        if table is None:  # left out already
            continue
        if fault.kind == "extra_forbidden":
            value = table.pop(key)
            if fault.near and fault.near not in table:
                table[fault.near] = value
            elif fault.near and not above:  # two tables that may be one: neither can be read without the other
                return None
        elif fault.kind == "origin":
            table[key]["assumption"] = None
        elif _is_text_for_people(fault.path):
            table[key] = STAND_IN
        elif not _leave_out(usable, fault, unresolved):
            return None
    for key in _LISTS:
        if isinstance(usable.get(key), list):
            usable[key] = [entry for entry in usable[key] if entry is not None]
    return usable


def _is_text_for_people(path: Sequence[int | str]) -> bool:
    """Return whether the text at a place is only for readers (a title, a label, a check's name), so nothing uses it."""
    of_header = path[0] in KINDS and len(path) == 2
    is_name = path[-1] == "name" and (of_header or path[0] == "checks")
    return (of_header or len(path) == 3) and (is_name or path[-1] in ("label", "title"))


def _leave_out(usable: dict[str, Any], fault: ShapeFault, unresolved: set[str]) -> bool:
    """Remove the smallest part with the error from the data, and add its names and sources to `unresolved`.

    An entry of a list becomes None, so that the others keep their numbers. Return False, and remove nothing, if other
    parts depend on too much of it, or if it is a step without a name.
    """
    table = fault.path[0]
    part = fault.path[: 2 if table == "tables" else fault.removable]  # a table without a row would be another table
    entry, left_out = _part_at(usable, part[:2]), _part_at(usable, part)
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
    holder = _part_at(usable, part[:-1])
    if isinstance(holder, list):
        holder[int(part[-1])] = None  # so that the others keep their numbers
    else:
        holder.pop(part[-1], None)
    return True


def _sources_in(entry: Any) -> Iterator[str]:
    """Yield the sources that an entry cites, at any depth, so that they are not reported as unused."""
    if isinstance(entry, dict):
        for key, value in entry.items():
            if key == "source" and isinstance(value, str):
                yield value
            else:
                yield from _sources_in(value)


def _part_at(data: Any, path: Sequence[int | str]) -> Any:
    """Return the part of a file's data at a place; None if it was removed."""
    for part in path:
        if not _has_part(data, part):
            return None
        data = data[part]
    return data


def _has_part(data: Any, part: int | str) -> bool:
    return part in data if isinstance(data, dict) else isinstance(data, list) and isinstance(part, int)
