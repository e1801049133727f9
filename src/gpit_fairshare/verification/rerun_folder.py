"""Copy the files of a run, under the names that they had, into a temporary folder.

The rerun reads these copies. So each digest is that of the bytes that were run, and a file that has another name
now, or is in another folder than its scheme says, can be used as before.
"""

from __future__ import annotations

import posixpath
import shutil
from collections import defaultdict
from dataclasses import replace
from pathlib import Path, PureWindowsPath
from typing import TYPE_CHECKING, Any, Final

from gpit_fairshare.errors import UsageError
from gpit_fairshare.plugins import version_of
from gpit_fairshare.run_options import OPTIONS, OptionKind
from gpit_fairshare.scheme.files import library_files
from gpit_fairshare.scheme.library import FileKind, library_names
from gpit_fairshare.structured_texts import parse_toml
from gpit_fairshare.verification.model import RunFile
from gpit_fairshare.verification.searching import Digests, Places

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gpit_fairshare.verification.manifest_run import RunSpec

_DEEP: Final = "1/2/3/4/5/6/7/8"
"""Folders above a scheme, so that names such as `../rules/x.toml` stay inside."""


def stage_files(spec: RunSpec, places: Places, folder: Path) -> tuple[dict[str, Any], list[RunFile], list[RunFile]]:
    """Find all files of a run, copy them into `folder`, and return what is needed to run it again.

    Rule files of the library are not copied; they are used by name. The originals of copied rule files are added to
    `places.used`.

    Returns:
        The arguments of `allocate`, with the paths of the copies; the input files; and the scheme, formula and
        transition files. Files have their digests then and now.

    Raises:
        UsageError: Files are missing, all of them named, or cannot be read.
    """
    paths, input_files, missing = _stage_input_files(spec, places, folder / "inputs")
    rules = _RuleFiles(spec, places, folder / "rules")
    arguments: dict[str, Any] = {}
    for name, option in OPTIONS.items():
        value = getattr(spec.run, option.key)
        if option.kind is OptionKind.RULE:
            # Each of these options has the name of the kind of file that it takes.
            arguments[name] = rules.stage_option(name, value) if value else None  # type: ignore[arg-type]
        elif option.kind is not OptionKind.MEGABYTES:  # the manifest does not say how much is read
            arguments[name] = paths.get(option.key) if option.kind is OptionKind.FILES else value
    scheme_files = rules.files_now()
    places.used |= set(rules.staged.values())
    missing = list(dict.fromkeys([*missing, *rules.missing]))
    if missing:
        files = "files of the run are" if len(missing) > 1 else "file of the run is"
        raise UsageError(
            f"{len(missing)} {files} missing: {', '.join(missing)}. gpit looked {places.searched_places}. "
            f"Add them, or their folder, to the command after the result{_plugins_to_install(spec)}"
        )
    return arguments, input_files, scheme_files


def _plugins_to_install(spec: RunSpec) -> str:
    """Return the end of a message: which plug-ins of the run are not installed now; an empty text if all are.

    A missing file may be one of theirs.
    """
    packages = dict.fromkeys((plugin.package, plugin.version) for plugin in spec.plugins)
    lacking = [f"{package} {version}" for package, version in packages if version_of(package) is None]
    return (
        f"; the run used plug-ins that are not installed or are switched off: {', '.join(lacking)}" if lacking else ""
    )


def _copy_file(source: Path, target: Path) -> None:
    """Copy a file, after making the folder for it.

    Raises:
        UsageError: It cannot be read.
    """
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)
    except OSError as fault:
        raise UsageError(f"{source}: cannot be read ({fault.strerror or fault})") from None


def _stage_input_files(
    spec: RunSpec, places: Places, folder: Path
) -> tuple[dict[str, list[str]], list[RunFile], list[str]]:
    """Find the input files of a run and copy them into `folder`; a file that the run names twice is copied once.

    If the run has several inputs of one name, a file with the digest of one is not used for another.

    Returns:
        The paths of the copies by role, with `:SHEET` if the run asked for one; the files, with their digests now; and
        the names of those that are missing.
    """
    digests = Digests(text=False)
    paths, files, missing = defaultdict[str, list[str]](list), list[RunFile](), list[str]()
    numbers: dict[Path, int] = {}
    for asked_sheet, then in spec.input_files:
        right = {then.sha256_then} if then.sha256_then else set()
        same_name = {file.sha256_then for _, file in spec.input_files if file.name == then.name and file.sha256_then}
        source = places.find(then.name, digests, right, same_name - right)
        if source is None:
            missing.append(then.name)
            continue
        target = folder / str(numbers.setdefault(source, len(numbers))) / then.name
        if not target.exists():
            _copy_file(source, target)
        paths[then.role].append(f"{target}:{asked_sheet}" if asked_sheet else str(target))
        files.append(replace(then, place=str(source), sha256_now=digests.of_file(target)))
    return paths, files, missing


class _RuleFiles:
    """Copies the scheme, formula and transition files outside the library, and the files that they name in turn."""

    def __init__(self, spec: RunSpec, places: Places, folder: Path) -> None:
        """Take from the manifest which rule files the run read; none is copied yet."""
        self.places, self.folder, self.with_plugins = places, folder, bool(spec.plugins)
        self.then = [(file.file, file.sha256) for file in spec.scheme.files]
        """Base name and digest of each file that the run read."""
        self.missing: list[str] = []
        self.digests = Digests(text=True)
        self.staged: dict[Path, Path] = {}
        """The path of each copy to the path of its original."""
        self.library = library_files(with_plugins=self.with_plugins)

    def stage_option(self, kind: FileKind, name: str) -> str:
        """Return the argument of `allocate` for a scheme, formula or transition: a library name or the path of a copy.

        A name of the library is returned unchanged, unless the manifest shows that the run read a file of exactly that
        name. Any other file is copied with the files that it names. If it is not found, it is added to `missing` and
        its name is returned.
        """
        is_in_library = not name.endswith(".toml") and name in library_names(kind, with_plugins=self.with_plugins)
        if is_in_library and (self._digests_of(f"{name}.toml") or not self._digests_of(name)):
            return name
        source = self.places.find(name, self.digests, self._digests_of(name))
        if source is None:
            self.missing.append(name)
            return name
        target = self.folder / kind / _DEEP / name
        self._stage_file(source, target)
        return str(target)

    def files_now(self) -> list[RunFile]:
        """Return the scheme, formula and transition files that the run read, as they are now, in the manifest's order.

        Each is matched by name, with an unchanged file if there is one; a file that no copied file names is looked for
        in the library and the searched places. Files not found are left out. They are added to `missing` only if no
        found file has changed, because a changed file may name other files now.
        """
        staged_by_name: dict[str, list[tuple[str, str]]] = {}
        for target, source in self.staged.items():
            staged_by_name.setdefault(target.name, []).append((str(source), self.digests.of_file(target)))
        exact = {(name, digest) for name, candidates in staged_by_name.items() for _, digest in candidates}
        files = {}
        unresolved: list[str] = []
        # Unchanged files come first, so that the other files of a name are left for the changed ones.
        for name, then in sorted(self.then, key=lambda name_and_digest: name_and_digest not in exact):
            candidates = staged_by_name.get(name) or self._find_unnamed_file(name, then)
            if not candidates:
                unresolved.append(name)
                continue
            place, now = next((candidate for candidate in candidates if candidate[1] == then), candidates[0])
            if len(candidates) > 1:
                candidates.remove((place, now))
            files[name, then] = RunFile("scheme", name, "", place, then, now)
        if not any(file.differs for file in files.values()):
            self.missing += unresolved
        # Else a file that names them may have changed, and may name other files now.
        return [files[name_and_digest] for name_and_digest in self.then if name_and_digest in files]

    def _find_unnamed_file(self, name: str, then: str) -> list[tuple[str, str]]:
        """Find a file of the run that no copied file names any more: in the library, else in the searched places.

        Args:
            name: Its base name.
            then: Its digest in the run.

        Returns:
            Pairs of path and digest: for a library file an empty path with each digest that the library has for the
            name; otherwise one pair at most. An empty list if it is not found.
        """
        if name in self.library:
            return [("", digest) for digest in sorted(self.library[name])]
        place = self.places.find(name, self.digests, {then})
        return [(str(place), self.digests.of_file(place))] if place else []

    def _digests_of(self, name: str) -> set[str]:
        """Return the digests that the manifest records for files with this name."""
        return {digest for file, digest in self.then if file == name}

    def _stage_file(self, source: Path, target: Path) -> None:
        """Copy a rule file to `target` and store it in `staged`; then do the same with the files that it names.

        If both paths are the same, the file itself is not copied, only the files that it names. Nothing happens if
        `target` is in `staged` already.
        """
        if target in self.staged:
            return
        self.staged[target] = source
        if source != target:
            _copy_file(source, target)
        for name in _names_in_file(target):
            self._stage_named_file(name, source, target)

    def _stage_named_file(self, name: str, source: Path, target: Path) -> None:
        """Copy a file that a rule file names to the place where the copy of the rule file will look for it.

        The name is tried with and without `.toml`, and with slashes for backslashes; the first spelling that finds a
        file is used. A file at an absolute path is not copied and is used where it is. Nothing happens if no file is
        found.

        Args:
            name: The name in the rule file.
            source: Path of the rule file.
            target: Path of its copy.
        """
        for spelling in (name, f"{name}.toml", name.replace("\\", "/"), f"{name}.toml".replace("\\", "/")):
            beside = _path_of_name(source.parent, spelling)
            if beside is None:
                continue
            chosen = self._best_source(PureWindowsPath(spelling).name, beside if beside != source else None)
            if chosen is None:
                continue
            place = Path(posixpath.normpath((target.parent / spelling).as_posix()))
            if place.is_relative_to(self.folder):
                self._stage_file(chosen, place)
            elif beside.is_file():  # an absolute path: it is read where it is
                self._stage_file(beside, beside)
            return

    def _best_source(self, base: str, beside: Path | None) -> Path | None:
        """Return the file to copy for a base name: if possible, one whose digest the manifest records for that name.

        Tried in this order: the file next to the rule file; the library, if there is no such file; the searched places.
        If no digest matches, the file next to the rule file is returned, then the library is used, then any file found.
        If the manifest records no file of this name, only the file next to the rule file counts.

        Args:
            base: The name without folders.
            beside: Path at which the rule file expects it; None if that is the rule file itself.

        Returns:
            None if the library's file is to be used, or if there is no file.
        """
        then = self._digests_of(base)
        nearby = beside if beside and beside.is_file() else None
        if not then or (nearby and self.digests.of_file(nearby) in then):
            return nearby
        if nearby is None and self.library.get(base, frozenset()) & then:
            return None
        elsewhere = self.places.find(base, self.digests, then)
        if elsewhere and self.digests.of_file(elsewhere) in then:
            return elsewhere
        return nearby or (None if base in self.library else elsewhere)


def _path_of_name(folder: Path, name: str) -> Path | None:
    """Return the path that a name in a rule file of that folder means; None if it cannot be a path."""
    try:
        path = folder / Path(name).expanduser()
        path.is_file()
    except (OSError, RuntimeError, ValueError):
        return None
    return path


def _names_in_file(path: Path) -> Iterator[str]:
    """Yield the names of the formulas and transitions that a file names, and of the CSV files with rows of its tables.

    A file that is not valid TOML yields none: the rerun reports why.
    """
    try:
        table = parse_toml(path.read_bytes().decode())
    except ValueError:
        return
    uses = table.get("use")
    for head in [table.get("scheme"), *(uses if isinstance(uses, list) else [])]:
        if isinstance(head, dict):
            for key in ("formula", "transition"):
                if isinstance(head.get(key), str) and head[key]:
                    yield head[key]
    tables = table.get("tables")
    for entry in tables.values() if isinstance(tables, dict) else ():
        if isinstance(entry, dict) and isinstance(entry.get("file"), str) and entry["file"]:
            yield entry["file"]
