"""Scheme, formula and transition files: where they are found, and how they are read."""

from __future__ import annotations

import hashlib
import tomllib
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Generic, Literal, TypeVar

from pydantic import ValidationError

from gpit_fairshare.errors import SchemeError, UsageError, nearest
from gpit_fairshare.scheme import faults
from gpit_fairshare.scheme.faults import one_line
from gpit_fairshare.scheme.model import Source
from gpit_fairshare.scheme.shape import File, FormulaFile, Header, SchemeFile, TransitionFile

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from importlib.resources.abc import Traversable

    from gpit_fairshare.scheme.shape import ValueEntry

Shelf = Literal["schemes", "formulas", "transitions"]
_SINGULAR: Final[dict[Shelf, str]] = {"schemes": "scheme", "formulas": "formula", "transitions": "transition"}
_MODELS: Final[dict[type, Shelf]] = {
    SchemeFile: "schemes",
    FormulaFile: "formulas",
    TransitionFile: "transitions",
}

AnyFile = TypeVar("AnyFile", bound=File)


@dataclass(frozen=True, slots=True)
class Read(Generic[AnyFile]):
    """One file as read: its model, and what messages and the manifest say of it."""

    file: str
    """Base name."""
    digest: str
    """SHA-256 of the text, whatever its line ends."""
    place: Path | None
    """Where it was found; None inside an archive."""
    model: AnyFile
    sources: Mapping[str, Source]


def library_names(shelf: Shelf) -> list[str]:
    """Return the names of the built-in files of one shelf, sorted."""
    folder = resources.files("gpit_fairshare") / "library" / shelf
    return sorted(entry.name.removesuffix(".toml") for entry in folder.iterdir() if entry.name.endswith(".toml"))


def read_file(name: str, model: type[AnyFile], named_in: Read[Any] | None = None) -> Read[AnyFile]:
    """Read a file by library name or path; a name that stands in a file may be a file beside that one.

    Raises:
        UsageError: There is no such file, or it cannot be read.
        SchemeError: It is not TOML, not a file of this kind, or not of its shape.
    """
    shelf = _MODELS[model]
    place = _find(name, shelf, named_in)
    file = one_line(place.name)
    try:
        # Whatever the editor made of it: with a byte order mark or without, with either line end.
        text = place.read_bytes().decode().removeprefix("\ufeff").replace("\r\n", "\n")
        data = tomllib.loads(text)
    except OSError as fault:
        raise UsageError(f"{file}: cannot be read ({fault.strerror or fault})") from None
    except UnicodeDecodeError as fault:
        raise SchemeError(f"{file}: byte {fault.start + 1} is not UTF-8; save the file as UTF-8") from None
    except tomllib.TOMLDecodeError as fault:
        raise SchemeError(f"{file}: {faults.of_toml(fault, text)}") from None
    except RecursionError:
        raise SchemeError(f"{file}: lists or tables are nested too deeply") from None
    except ValueError:  # Python reads no whole number of more than 4,300 digits
        raise SchemeError(f"{file}: a number has too many digits; numbers are finite") from None
    head = _SINGULAR[shelf]
    if head not in data:
        others = [other for other in _SINGULAR.values() if isinstance(data.get(other), dict)]
        found = f"found a {others[0]} file" if others else f"it begins with a table [{head}]"
        raise SchemeError(f"{file}: expected a {head} file; {found}")
    try:
        parsed = model.model_validate(data)
    except ValidationError as fault:
        raise SchemeError(f"{file}: {faults.of_shape(fault, data, model)}") from None
    digest = hashlib.sha256(text.encode()).hexdigest()
    return Read(file, digest, place if isinstance(place, Path) else None, parsed, _sources(file, head, parsed))


def _find(name: str, shelf: Shelf, named_in: Read[Any] | None) -> Path | Traversable:
    """Find a file by library name or path; a name in a file may also be a file beside it."""
    kind, known = f"{_SINGULAR[shelf]} {one_line(name) or '(empty)'}", library_names(shelf)
    there = f"there are {', '.join(known)}"
    folder = named_in.place.parent if named_in and named_in.place else None
    if named_in:
        kind = f"{named_in.file}: {kind}"
    try:
        if named_in and folder and (beside := _beside(folder, name, shelf, named_in)):
            return beside
        if name in known:
            return resources.files("gpit_fairshare") / "library" / shelf / f"{name}.toml"
        path = (folder or Path()) / Path(name).expanduser()
        is_path = name.endswith(".toml") or "/" in name or "\\" in name
        if path.is_dir() and name:
            raise UsageError(f"{kind}: expected a .toml file, found a folder")
        if is_path and path.is_file():
            return path
    except (OSError, RuntimeError, ValueError):  # too long, no such home, a character that no path may have
        raise UsageError(f"{kind}: no file can be read there; give a file's path or a library name; {there}") from None
    if is_path:
        where = " beside it" if folder else ""
        raise UsageError(f"{kind}: there is no such file{where}; give a file's path or a library name; {there}")
    if (path.parent / f"{path.name}.toml").is_file():
        raise UsageError(f"{kind}: not in the library; for the file of that name write {name}.toml")
    raise UsageError(f"{kind}: not in the library{nearest(name, known)}; {there}; the path of a file ends in .toml")


def _beside(folder: Path, name: str, shelf: Shelf, named_in: Read[Any]) -> Path | None:
    """Return the file of that name in a folder: with or without its ending, with slashes of either kind."""
    for one in (name, name.replace("\\", "/")):
        for candidate in (folder / one, folder / f"{one}.toml"):
            # A scheme may bear the name of its formula; it does not mean itself.
            itself = candidate == named_in.place and _MODELS[type(named_in.model)] != shelf
            if candidate.is_file() and not itself:
                return candidate
    return None


def _entries(model: File) -> Iterator[tuple[str, ValueEntry]]:
    """Yield every figure of a file, with its place."""
    for name, parameter in model.parameters.items():
        if parameter.default:
            yield f"parameters › {name} › default", parameter.default
        for year, entry in parameter.values.items():
            yield f"parameters › {name} › values › {year}", entry
    for name, values in model.values.items() if isinstance(model, SchemeFile) else ():
        for year, entry in values.items():
            yield f"values › {name} › {year}", entry


def _sources(file: str, head: str, model: File) -> dict[str, Source]:
    """Return the sources of a file; one that is used and not declared, or the reverse, is an error."""
    header: Header = getattr(model, head)
    used = [(f"{head} › sources", key) for key in header.sources]
    used += [(place, entry.source) for place, entry in _entries(model) if entry.source]
    if isinstance(model, SchemeFile) and model.spend and model.spend.source:
        used.append(("spend", model.spend.source))
    for place, key in used:
        if key not in model.sources:
            raise SchemeError(
                f"{file}: {place}: there is no source {one_line(key)}{nearest(key, model.sources)}; "
                f"declare it under [sources.{one_line(key)}]"
            )
    cited = {key for _, key in used}
    for key in model.sources:
        if key not in cited:
            raise SchemeError(f"{file}: sources › {key}: nothing in the file uses this source; cite it or take it out")
    return {
        key: Source(
            key,
            entry.title,
            entry.publisher,
            entry.url,
            entry.date.isoformat() if entry.date else "",
            entry.note,
        )
        for key, entry in model.sources.items()
    }
