"""Scheme, formula and transition files: their shape, where they are found, and how they are read.

The shape is held by Pydantic; unknown keys are refused. Every message names the file and the place in
it as its author knows it: steps by their names.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import math
import re
import tomllib
from dataclasses import dataclass, field
from fractions import Fraction
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from gpit_fairshare.errors import SchemeError, UsageError, nearest
from gpit_fairshare.scheme.model import Source

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from importlib.resources.abc import Traversable

_YEAR = re.compile(r"(\d{4})/(\d{2})")

StepName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=64)]
Unit = Literal["£", "£ per head", "people", "%", "ratio", "yes/no"]
Exact = int | float | str
"""A number, or an exact fraction in text such as `"1/6"`."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class SourceEntry(_Part):
    """A publication that a figure was read in."""

    title: str
    publisher: str = ""
    url: str = ""
    date: dt.date | None = None
    note: str = ""


class ValueEntry(_Part):
    """One figure with exactly one of `source` (a name under `[sources]`) or `assumption` (why it is taken)."""

    value: Exact
    source: str | None = None
    assumption: str | None = None
    owner: str | None = None
    date: dt.date | None = None
    quality: str | None = None
    impact: str | None = None

    @model_validator(mode="after")
    def _one_origin(self) -> Self:
        if (self.source is None) == (self.assumption is None):
            raise ValueError("a value carries exactly one of `source` or `assumption`")
        return self

    @field_validator("value")
    @classmethod
    def _is_number(cls, value: Exact) -> Exact:
        number(value)
        return value


class ParameterEntry(_Part):
    """A parameter as the file that uses it declares it; bounds are numbers or other parameters."""

    label: str
    unit: Unit | None = None
    minimum: Exact | None = None
    maximum: Exact | None = None
    default: ValueEntry | None = None
    values: dict[str, ValueEntry] = {}
    note: str = ""


class InputEntry(_Part):
    """A column of the inputs that the file gives a label, a unit, or leave to be blank or missing."""

    label: str = ""
    unit: Unit | None = None
    type: Literal["number", "text"] = "number"
    optional: bool = False
    note: str = ""


class StepEntry(_Part):
    """One named step: one column, one figure of a group, or one national figure."""

    name: StepName
    label: str = Field(min_length=1, max_length=200)
    formula: str
    unit: Unit | None = None
    note: str = ""


class CheckEntry(_Part):
    """A formula that must be true in every year; one on organisations must hold for each."""

    name: str = Field(min_length=1, max_length=200)
    formula: str
    note: str = ""


class UseEntry(_Part):
    """Another formula file used under a name of one's own, its names replaced as `with` says."""

    formula: str
    as_: StepName = Field(alias="as")
    with_: dict[str, str] = Field(default={}, alias="with")


class _Body(_Part):
    sources: dict[str, SourceEntry] = {}
    parameters: dict[StepName, ParameterEntry] = {}
    inputs: dict[StepName, InputEntry] = {}
    use: list[UseEntry] = []
    steps: list[StepEntry] = []
    checks: list[CheckEntry] = []


class Header(_Part):
    """What a formula or transition is called, and where it was read."""

    name: str
    title: str
    note: str = ""
    sources: list[str] = []


class FormulaFile(_Body):
    """A file whose steps end in `fair_share`."""

    formula: Header


class TransitionFile(_Body):
    """A file whose steps end in `allocation` and rely on `fair_share`, inputs and last year alone."""

    transition: Header


class SchemeHeader(Header):
    """What a scheme is called, for whom and which years, and what it is made of."""

    organisation: str = "organisation"
    years: list[str] = Field(min_length=1, max_length=50)
    formula: str | None = None
    transition: str | None = None
    result: str | None = None
    report_by: str | None = None

    @field_validator("years")
    @classmethod
    def _follow_on(cls, years: list[str]) -> list[str]:
        for year in years:
            found = _YEAR.fullmatch(year)
            if not found or (int(found[1]) + 1) % 100 != int(found[2]):
                raise ValueError(f"{year!r} is not a financial year; write it as 2014/15")
        firsts = [int(year[:4]) for year in years]
        if firsts != list(range(firsts[0], firsts[0] + len(firsts))):
            raise ValueError("years follow on from one another, the earliest first, none left out")
        return years


class SpendEntry(_Part):
    """Which lines of a detailed spend file make `historic_spend`."""

    counts: dict[Literal["category", "cost_type", "committed"], list[str]]
    source: str | None = None
    assumption: str | None = None


class SchemeFile(_Body):
    """A file that names a formula and a transition, or has steps of its own, and gives the values."""

    scheme: SchemeHeader
    values: dict[StepName, dict[str, ValueEntry]] = {}
    spend: SpendEntry | None = None


def number(value: Exact) -> float:
    """Return a value of a scheme file or an option as a number; `1/6` is a fraction, `5%` is 0.05.

    Raises:
        ValueError: It is not a finite number.
    """
    try:
        if isinstance(value, str):
            text = value.strip().replace("_", "")
            exact = Fraction(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
            result = float(exact)
        else:
            result = float(value)
    except (ValueError, ZeroDivisionError, OverflowError):
        raise ValueError(f"{value!r} is not a number; write 1500000, 0.5, 5% or 1/6") from None
    if isinstance(value, bool) or not math.isfinite(result):
        raise ValueError(f"{value!r} is not a finite number")
    return result


Shelf = Literal["schemes", "formulas", "transitions"]
_SINGULAR: Final[dict[Shelf, str]] = {"schemes": "scheme", "formulas": "formula", "transitions": "transition"}


def library_names(shelf: Shelf) -> list[str]:
    """Return the names of the built-in files of one shelf, sorted."""
    folder = resources.files("gpit_fairshare") / "library" / shelf
    return sorted(
        entry.name.removesuffix(".toml") for entry in folder.iterdir() if entry.name.endswith(".toml")
    )


@dataclass(frozen=True, slots=True)
class Read:
    """One file as read: its model, and what messages and the manifest say of it."""

    file: str
    digest: str
    folder: Path | None
    model: Any
    sources: Mapping[str, Source] = field(default_factory=dict)


def _find(name: str, shelf: Shelf, beside: Path | None) -> Path | Traversable:
    """Find a file by library name or path; a name in a file may also be a file beside it."""
    kind = _SINGULAR[shelf]
    looks_like_path = name.endswith(".toml") or "/" in name or "\\" in name
    if beside is not None:
        for candidate in (beside / name, beside / f"{name}.toml"):
            if candidate.is_file():
                return candidate
    if looks_like_path:
        path = Path(name).expanduser()
        if path.is_dir():
            raise UsageError(f"{kind} {name}: expected a .toml file, found a folder")
        if not path.is_file():
            raise UsageError(f"{kind} {name}: there is no such file; give a path or one of {_list(shelf)}")
        return path
    if name not in library_names(shelf):
        known = library_names(shelf)
        raise UsageError(
            f"{kind} {name}: not in the library{nearest(name, known)}; there are {_list(shelf)}; a file's path ends in .toml"
        )
    return resources.files("gpit_fairshare") / "library" / shelf / f"{name}.toml"


def _list(shelf: Shelf) -> str:
    return ", ".join(library_names(shelf))


_Model = TypeVar("_Model", SchemeFile, FormulaFile, TransitionFile)


def read_file(name: str, shelf: Shelf, model: type[_Model], beside: Path | None = None) -> Read:
    place = _find(name, shelf, beside)
    file = place.name
    try:
        raw = place.read_bytes()
        text = raw.decode("utf-8-sig").replace("\r\n", "\n")
        data = tomllib.loads(text)
    except OSError as fault:
        raise UsageError(f"{file}: cannot be read ({fault.strerror or fault})") from None
    except UnicodeDecodeError as fault:
        raise SchemeError(f"{file}: byte {fault.start + 1} is not UTF-8; save the file as UTF-8") from None
    except tomllib.TOMLDecodeError as fault:
        raise SchemeError(f"{file}: not valid TOML: {fault}") from None
    except RecursionError:
        raise SchemeError(f"{file}: nested too deeply") from None
    head = _SINGULAR[shelf]
    if head not in data:
        found = [other for other in _SINGULAR.values() if isinstance(data.get(other), dict)]
        hint = f"; it is a {found[0]} file" if found else f"; it begins with [{head}]"
        raise SchemeError(f"{file}: expected a {head} file, with a table [{head}]{hint}")
    try:
        parsed = model.model_validate(data)
    except ValidationError as fault:
        raise SchemeError(_explain(file, fault, data)) from None
    folder = place.parent if isinstance(place, Path) else None
    digest = hashlib.sha256(text.encode()).hexdigest()
    return Read(file, digest, folder, parsed, _check_sources(file, parsed))


def _explain(file: str, fault: ValidationError, data: Mapping[str, Any]) -> str:
    """Say the first fault of a file in one line: where, what was expected, what was found."""
    errors = fault.errors()
    first = errors[0]
    place = _place(first["loc"], data)
    if first["type"] == "extra_forbidden":
        key = str(first["loc"][-1])
        said = f"unknown key {key}{nearest(key, _known_keys(first['loc']))}"
    elif first["type"] == "missing":
        said = f"{first['loc'][-1]} is missing"
    else:
        said = first["msg"].removeprefix("Value error, ")
        found = first.get("input")
        said = said[:1].lower() + said[1:]
        if not isinstance(found, dict | list):
            said += f"; found {str(found)[:80]!r}"
    more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
    return f"{file}: {place}: {said}{more}" if place else f"{file}: {said}{more}"


def _place(location: Sequence[int | str], data: Any) -> str:
    """Name a place in a file as its author knows it: steps by their names, not by their numbers."""
    words: list[str] = []
    here = data
    for part in location:
        # The branch that pydantic tried of a union is no part of the file.
        if isinstance(part, str) and not (isinstance(here, dict) and part in here):
            words += [part] if part == location[-1] and isinstance(here, dict) else []
            continue
        here = here[part] if isinstance(here, dict | list) else None
        if isinstance(part, int):
            name = here.get("name") if isinstance(here, dict) else None
            words.append(str(name) if isinstance(name, str) else f"number {part + 1}")
        else:
            words.append(part)
    return " › ".join(words)


def _known_keys(location: Sequence[int | str]) -> list[str]:
    table: dict[str, type[BaseModel]] = {
        "steps": StepEntry,
        "checks": CheckEntry,
        "use": UseEntry,
        "parameters": ParameterEntry,
        "inputs": InputEntry,
        "sources": SourceEntry,
        "values": ValueEntry,
        "scheme": SchemeHeader,
        "formula": Header,
        "transition": Header,
        "spend": SpendEntry,
    }
    model = table.get(str(location[0]), SchemeFile) if len(location) > 1 else SchemeFile
    if "default" in location or "values" in location:
        model = ValueEntry
    return [entry.alias or name for name, entry in model.model_fields.items()]


def _entries(model: Any) -> Iterator[tuple[str, ValueEntry]]:
    """Yield every figure of a file, with its place."""
    for name, parameter in model.parameters.items():
        if parameter.default:
            yield f"parameters › {name} › default", parameter.default
        for year, entry in parameter.values.items():
            yield f"parameters › {name} › values › {year}", entry
    for name, values in getattr(model, "values", {}).items():
        for year, entry in values.items():
            yield f"values › {name} › {year}", entry


def _check_sources(file: str, model: Any) -> dict[str, Source]:
    """Return the sources of a file; one that is used and not declared, or the reverse, is an error."""
    head = next(
        getattr(model, name) for name in _SINGULAR.values() if isinstance(getattr(model, name, None), Header)
    )
    used = [(place, entry.source) for place, entry in _entries(model) if entry.source]
    used += [(f"{head.name} › sources", key) for key in head.sources]
    spend = getattr(model, "spend", None)
    if spend and (spend.source is None) == (spend.assumption is None):
        raise SchemeError(f"{file}: spend: `counts` carries exactly one of `source` or `assumption`")
    if spend and spend.source:
        used.append(("spend", spend.source))
    for place, key in used:
        if key not in model.sources:
            raise SchemeError(
                f"{file}: {place}: there is no source {key}{nearest(key, model.sources)}; declare it under [sources.{key}]"
            )
    unused = set(model.sources) - {key for _, key in used}
    if unused:
        raise SchemeError(
            f"{file}: sources › {min(unused)}: nothing in the file uses this source; cite it or take it out"
        )
    return {
        key: Source(
            key, entry.title, entry.publisher, entry.url, entry.date.isoformat() if entry.date else ""
        )
        for key, entry in model.sources.items()
    }
