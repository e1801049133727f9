"""Find and read scheme, formula and transition files."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Generic, NamedTuple, TypeVar

from pydantic import ValidationError

from gpit_fairshare.errors import GpitError, SchemeError, UsageError
from gpit_fairshare.files import digest_of, read_regular
from gpit_fairshare.findings import FEW, FindingCode, Where
from gpit_fairshare.language.plugin_functions import function_problems
from gpit_fairshare.plugins import Plugin, PluginUse, are_allowed
from gpit_fairshare.scheme.faults import Faults, StoppedError, first_error, shape_errors, toml_problem, without_faults
from gpit_fairshare.scheme.library import KINDS, all_library_files, find_library_files, folder_problems, library_names
from gpit_fairshare.scheme.model import Source
from gpit_fairshare.scheme.shape import FILE_MODELS, File, SchemeFile, ValueEntry
from gpit_fairshare.scheme.tables import load_tables
from gpit_fairshare.structured_texts import TextError, parse_toml
from gpit_fairshare.words import counted, joined, listed, nearest, one_line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from importlib.resources.abc import Traversable

    from gpit_fairshare.scheme.library import FileKind, LibraryFile

_ALL_NAMES: Final = "gpit library list shows all names"
_ROUNDS: Final = 4
"""How often errors are taken out of a file: an error may hide another one level above."""

AnyFile = TypeVar("AnyFile", bound=File)


@dataclass(frozen=True, slots=True)
class LoadedFile(Generic[AnyFile]):
    """A file as read: its model, and the details for messages and the manifest."""

    file: str
    """Base name."""
    digest: str
    """SHA-256 of the text; the kind of line end makes no difference."""
    place: Path | None
    """Where it was found; None inside an archive."""
    model: AnyFile
    sources: Mapping[str, Source]
    text: str = ""
    """Its text, with line ends of one character."""
    plugin: Plugin | None = None
    """The plug-in that the file comes from, if any."""
    is_of_library: bool = False
    """Whether it is a file of the library, gpit's own or a plug-in's: its values cannot be edited, or be drafts."""
    table_files: tuple[tuple[str, str], ...] = ()
    """Base name and SHA-256 of each CSV file with the rows of a table."""

    def plugin_use(self) -> PluginUse | None:
        """Return the manifest's entry for the file if it comes from a plug-in; otherwise None."""
        if self.plugin is None:
            return None
        name = self.file.removesuffix(".toml")
        return PluginUse(self.model.kind, name, self.plugin.package, self.plugin.version, self.digest)


class _FoundFile(NamedTuple):
    """Where a file is, the plug-in that it comes from, and whether it is a file of the library."""

    place: Path | Traversable
    plugin: Plugin | None = None
    is_of_library: bool = False


def kinds_in_library(name: str) -> list[FileKind]:
    """Return the kinds of the library's files of that name; plug-ins are searched only if gpit itself has none."""
    return [] if _is_path(name) else [file.kind for file in find_library_files(name)]


def kinds_of(name: str, faults: Faults) -> list[FileKind]:
    """Return the kinds of the library's files with a name; if there are none, the kind that a file itself gives.

    A file that does not give its kind, or cannot be read, is reported as an error.
    """
    kinds = kinds_in_library(name)
    if kinds:
        return kinds
    place, *_ = _find_file(name, KINDS, None, faults)
    _, data = read_toml(place, faults=faults)
    for kind in KINDS:
        if isinstance(data.get(kind), dict):
            return [kind]
    heads = joined([f"[{kind}]" for kind in KINDS], "or")
    problem = f"expected a scheme, formula or transition file, which begins with {heads}"
    raise faults.abort(FindingCode.WRONG_KIND, Where(one_line(place.name)), problem)


def read_file(
    name: str, model: type[AnyFile], faults: Faults, named_in: LoadedFile[Any] | None = None
) -> LoadedFile[AnyFile]:
    """Read a file by library name or path; a name in the file `named_in` may mean another file in the same folder.

    A file that cannot be read is a `UsageError`; one that is not TOML, or not of the kind or shape of `model`, a
    `SchemeError`. When collecting errors, both are a `StoppedError`, but parts of a wrong shape are left out if the
    rest can be read.
    """
    return _load_file(_find_file(name, (model.kind,), named_in, faults), model, faults)


def _load_file(found: _FoundFile, model: type[AnyFile], faults: Faults) -> LoadedFile[AnyFile]:
    """Read a file that was found, and return its model with its sources; a wrong kind or shape is an error.

    Its name and digest are added to `faults.files`. When collecting errors, parts of a wrong shape are left out.
    """
    place, plugin, is_of_library = found
    file = one_line(place.name)
    text, data = read_toml(place, faults=faults)
    if model.kind not in data:
        other_kinds = [other for other in KINDS if isinstance(data.get(other), dict)]
        hint = f"; found a {other_kinds[0]} file" if other_kinds else f", which begins with [{model.kind}]"
        raise faults.abort(FindingCode.WRONG_KIND, Where(file), f"expected a {model.kind} file{hint}")
    digest = digest_of(text.encode())
    faults.files[file, digest] = None
    parsed, table_files = load_tables(_parse_model(data, file, model, faults), file, place, faults)
    sources = _sources(file, parsed, faults)
    _report_drafts(file, parsed, faults, is_of_library=is_of_library)
    path = place if isinstance(place, Path) else None
    return LoadedFile(file, digest, path, parsed, sources, text, plugin, is_of_library, table_files)


def read_library_file(file: LibraryFile, faults: Faults) -> LoadedFile[Any]:
    """Read a file of the library; the errors are those of `read_file`."""
    return _load_file(_FoundFile(file.place, file.plugin, is_of_library=True), FILE_MODELS[file.kind], faults)


def library_problems() -> list[str]:
    """Return a message for each plug-in that cannot be used: its library, a file of it, or a function."""
    problems = folder_problems()
    for file in all_library_files():
        if file.plugin:
            try:
                read_library_file(file, Faults())
            except GpitError as fault:
                problems.append(str(file.plugin.fault(f"{file.folder}/{fault}")))
    return [*problems, *function_problems()]


def library_files(*, with_plugins: bool = True) -> dict[str, frozenset[str]]:
    """Return the SHA-256 of each file of the library, by base name; more than one where two kinds have the name."""
    digests: dict[str, set[str]] = {}
    places: list[Any] = [file.place for file in all_library_files(with_plugins=with_plugins)]
    folders = {str(place.parent): place.parent for place in places}  # the rows of tables may be in CSV files
    places += [place for folder in folders.values() for place in folder.iterdir() if place.name.endswith(".csv")]
    for place in places:
        digests.setdefault(place.name, set()).add(digest_of(place.read_bytes()))
    return {name: frozenset(of_name) for name, of_name in digests.items()}


def read_toml(
    place: Path | Traversable,
    error: type[GpitError] = SchemeError,
    parse_float: Callable[[str], Any] = float,
    *,
    faults: Faults | None = None,
) -> tuple[str, dict[str, Any]]:
    """Read a TOML file; return its text with line ends of one character, and what it holds.

    A byte order mark is left out of the text, and `parse_float` turns the text of each float into its value. A file
    that cannot be read is a `UsageError`. One that is not UTF-8 or not TOML is an error of the type `error`, with the
    file and the place in it. With a `faults` that collects errors, both are a `StoppedError`.
    """
    file, faults = one_line(place.name), faults or Faults()
    position, remedy, raises = "", "", error
    try:
        # Editors save with or without a byte order mark, and with either line end.
        data = read_regular(place) if isinstance(place, Path) else place.read_bytes()
        text = data.decode().removeprefix("\ufeff").replace("\r\n", "\n")
        return text, parse_toml(text, parse_float)
    except OSError as fault:
        problem, raises = f"cannot be read ({fault.strerror or fault})", UsageError
    except UnicodeDecodeError as fault:
        problem, remedy = f"byte {fault.start + 1} is not UTF-8", "save the file as UTF-8"
    except tomllib.TOMLDecodeError as fault:
        position, problem = toml_problem(fault, text)
    except TextError as fault:
        position, problem = fault.place, fault.reason
    raise faults.abort(FindingCode.UNREADABLE_RULES, Where(file, position), problem, remedy, raises=raises)


def _parse_model(data: dict[str, Any], file: str, model: type[AnyFile], faults: Faults) -> AnyFile:
    """Return the model of a file's data; when collecting errors, report them and leave out the parts that have one.

    This repeats a few times, because an error may hide another.

    Raises:
        StoppedError: Too much depends on the errors to read the rest.
    """
    for _ in range(_ROUNDS):
        try:
            return model.model_validate(data)
        except ValidationError as fault:
            problems = shape_errors(fault, data, model)
        for problem in problems:
            code = FindingCode.ORIGIN if problem.kind == "origin" else FindingCode.SHAPE
            faults.error(code, Where(file, problem.place), problem.message, message=f"{file}: {first_error(problems)}")
        data = without_faults(data, problems, faults.unresolved) or {}
        if not data:
            break
    raise StoppedError


def _is_path(name: str) -> bool:
    return name.endswith(".toml") or "/" in name or "\\" in name


def _find_file(name: str, kinds: Sequence[FileKind], named_in: LoadedFile[Any] | None, faults: Faults) -> _FoundFile:
    """Return the place of a file, given its library name or path.

    A name in the file `named_in` means a file in the same folder before one in the library, and a path starts at that
    folder. If there is no such file of one of the `kinds`, that is a `UsageError` with the nearest names.
    """
    label = f"{joined(kinds, 'or')} {one_line(name) or '(empty)'}"
    folder = named_in.place.parent if named_in and named_in.place else None
    file = named_in.file if named_in else ""

    abort = partial(faults.abort, FindingCode.UNREADABLE_RULES, Where(file, label), raises=UsageError)
    try:
        if named_in and folder and (beside := _file_in_folder(folder, name, kinds[0], named_in)):
            return _FoundFile(beside, named_in.plugin, named_in.is_of_library)
        is_path = _is_path(name)
        if not is_path and (files := find_library_files(name, kinds)):
            return _FoundFile(files[0].place, files[0].plugin, is_of_library=True)
        path = (folder or Path()) / Path(name).expanduser()
        is_folder, is_file, exists = path.is_dir() and bool(name), path.is_file(), path.exists()
    except (OSError, RuntimeError, ValueError):  # too long, no such home, or a character that no path can have
        raise abort("no file can have this path", f"give a file's path or a library name; {_names(kinds)}") from None
    if is_folder:
        raise abort("expected a .toml file, found a folder")
    if is_path and is_file:
        return _FoundFile(path)
    if is_path and exists:
        raise abort("expected a .toml file, found a pipe or a device")
    known_names = [known_name for kind in kinds for known_name in library_names(kind)]
    near = nearest(path.name, [*known_names, *(place.name for place in path.parent.glob("*.toml"))])
    if is_path:
        where = " in its folder" if folder else ""
        remedy = _ALL_NAMES if near else f"give a file's path or a library name; {_names(kinds)}"
        raise abort(f"there is no such file{where}{near}", remedy)
    if (path.parent / f"{path.name}.toml").is_file():
        raise abort(f"not in the library; to use the file of that name, write {name}.toml")
    # The file may belong to a plug-in that is broken or left out.
    broken = "".join(f"; {problem}" for problem in library_problems())
    left_out = "" if are_allowed() else "; plug-ins are left out by --no-plugins"
    names = _ALL_NAMES if near else _names(kinds)
    remedy = f"{names}; the path of a file ends in .toml{broken}{left_out}"
    raise abort(f"not in the library{near}", remedy)


def _names(kinds: Sequence[FileKind]) -> str:
    return f"the library has {', '.join(dict.fromkeys(name for kind in kinds for name in library_names(kind)))}"


def _file_in_folder(folder: Path, name: str, kind: FileKind, named_in: LoadedFile[Any]) -> Path | None:
    """Return the file with a name in a folder, with or without its ending; None if there is none.

    Slashes of either kind are understood. The file `named_in`, which has the name, counts only if it is of the kind
    itself.
    """
    candidates = (folder / f"{path}{ending}" for path in (name, name.replace("\\", "/")) for ending in ("", ".toml"))
    # A scheme may have the name of its formula; the name then means the formula.
    itself = named_in.place if named_in.model.kind != kind else None
    return next((path for path in candidates if path.is_file() and path != itself), None)


def figures_of(model: File) -> Iterator[tuple[str, ValueEntry]]:
    """Yield each figure that a file gives for a parameter, after its place: `values › pot › 2014/15`.

    First come the default and the values in declarations of parameters, then the rows of tables, then what a scheme
    gives under `values`.
    """
    for name, parameter in model.parameters.items():
        if parameter.default:
            yield f"parameters › {name} › default", parameter.default
        for year, entry in parameter.values.items():
            yield f"parameters › {name} › values › {year}", entry
    for name, table in model.tables.items():
        for position, row in enumerate(table.rows, 1):
            yield f"tables › {name} › rows › {row.key or f'number {position}'}", row
        if table.otherwise:
            yield f"tables › {name} › otherwise", table.otherwise
    for name, values in model.values.items() if isinstance(model, SchemeFile) else ():
        for year, entry in values.items():
            yield f"values › {name} › {year}", entry


def _sources(file: str, model: File, faults: Faults) -> dict[str, Source]:
    """Return the sources that a file declares or cites, by key; one that is only declared or only cited is an error.

    A source that is only cited gets its key as its title. The list of sources in the file's header counts as citing.
    """
    used = [(f"{model.kind} › sources", key) for key in model.header.sources]
    used += [(place, entry.source) for place, entry in figures_of(model) if entry.source]
    if isinstance(model, SchemeFile) and model.spend and model.spend.source:
        used.append(("spend", model.spend.source))
    sources = {
        key: Source(key, **entry.model_dump() | {"date": str(entry.date or "")}) for key, entry in model.sources.items()
    }
    for place, key in used:
        if key not in model.sources and key not in faults.unresolved:
            label = one_line(key)
            problem = f"there is no source {label}{nearest(key, model.sources)}"
            remedy = f"declare it under [sources.{label}]"
            faults.error(FindingCode.NO_SUCH_SOURCE, Where(file, place), problem, remedy=remedy)
    cited = {key for _, key in used}
    sources |= {key: Source(key, one_line(key)) for key in cited if key not in sources}
    for key in model.sources:
        if key not in cited and key not in faults.unresolved:
            place, problem = f"sources › {key}", "nothing in the file uses this source"
            faults.error(FindingCode.SOURCE_NOT_CITED, Where(file, place), problem, remedy="cite it or remove it")
    return sources


def _report_drafts(file: str, model: File, faults: Faults, *, is_of_library: bool) -> None:
    """Report each parameter or table that has a value with neither source nor assumption, and such a table `[spend]`.

    In a user's file they are drafts, with a warning; a file of the library must not have any.
    """
    drafts: dict[Where, int] = {}
    for name, table in model.tables.items():
        rows = [str(row) for row, entry in enumerate(table.rows, 2) if entry.is_draft] if table.file else []
        if table.file and rows:
            drafts[Where(table.file, f"row{'s' * (len(rows) > 1)} {listed(rows, FEW)}", name)] = len(rows)
    in_csv = tuple(f"tables › {where.column} › rows › " for where in drafts)
    for place, entry in figures_of(model):
        if entry.is_draft and not place.startswith(in_csv):
            where = Where(file, " › ".join(place.split(" › ")[:2]))
            drafts[where] = drafts.get(where, 0) + 1
    if isinstance(model, SchemeFile) and model.spend and model.spend.is_draft:
        drafts[Where(file, "spend")] = 1
    for where, count in drafts.items():
        if is_of_library:
            problem = "a figure of the library must have either source or assumption; found neither"
            faults.error(FindingCode.ORIGIN, where, problem)
            continue
        form = "" if where.place == "spend" else ', as in { value = 5, source = "…" }'
        remedy = f'add source = "…" or assumption = "…"{form}'
        if where.file != file:
            remedy = "fill in source, a key of [sources], or assumption, the reason"
        of_table = where.column or where.place.startswith("tables")
        subject = f"{counted(count, 'value')} {'have' if count > 1 else 'has'}" if of_table else "it has"
        problem = f"a draft: {subject} neither source nor assumption, so the sheets and screens of a run say DRAFT"
        faults.warning(FindingCode.ORIGIN, Where(where.file, where.place), problem, remedy=remedy)
