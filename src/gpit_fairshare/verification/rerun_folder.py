"""The files of a run laid out anew, under the names that they had, in a folder that goes away afterwards.

What is run is a copy: so its digest is that of the bytes that were run, and a file that has another name now,
or lies in another folder than its scheme says, serves as it did.
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
from gpit_fairshare.verification.model import FileSeen
from gpit_fairshare.verification.searching import Digests, Places

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gpit_fairshare.verification.manifest_run import RunSpec

_DEEP: Final = "1/2/3/4/5/6/7/8"
"""Folders above a scheme, so that names such as `../rules/x.toml` stay inside."""


def stage(spec: RunSpec, places: Places, folder: Path) -> tuple[dict[str, Any], list[FileSeen], list[FileSeen]]:
    """Find all files of a run and lay them out in `folder`.

    Returns:
        What `allocate` is given, and which input files and scheme files serve for those of the run.

    Raises:
        UsageError: Files are missing, all of them named, or cannot be read.
    """
    paths, input_files, missing = _staged_inputs(spec, places, folder / "inputs")
    rules = _Rules(spec, places, folder / "rules")
    arguments: dict[str, Any] = {}
    for name, option in OPTIONS.items():
        value = getattr(spec.run, option.key)
        if option.kind is OptionKind.RULE:
            # These options are called by the kind of file that they take.
            arguments[name] = rules.option(name, value) if value else None  # type: ignore[arg-type]
        elif option.kind is not OptionKind.MEGABYTES:  # the manifest does not say how much is read
            arguments[name] = paths.get(option.key) if option.kind is OptionKind.FILES else value
    scheme_files = rules.seen()
    places.used |= set(rules.staged.values())
    missing = list(dict.fromkeys([*missing, *rules.missing]))
    if missing:
        files = "files of the run are" if len(missing) > 1 else "file of the run is"
        raise UsageError(
            f"{len(missing)} {files} missing: {', '.join(missing)}; looked {places.said}. "
            f"Name them, or the folder that they are in, after the result{_to_install(spec)}"
        )
    return arguments, input_files, scheme_files


def _to_install(spec: RunSpec) -> str:
    """Say which plug-ins the run used that are not there now: a file that is missing may be one of theirs."""
    packages = dict.fromkeys((one.package, one.version) for one in spec.plugins)
    lacking = [f"{package} {version}" for package, version in packages if version_of(package) is None]
    return f"; the run used plug-ins that are not installed, or left out: {', '.join(lacking)}" if lacking else ""


def _copy(source: Path, target: Path) -> None:
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)
    except OSError as fault:
        raise UsageError(f"{source}: cannot be read ({fault.strerror or fault})") from None


def _staged_inputs(
    spec: RunSpec, places: Places, folder: Path
) -> tuple[dict[str, list[str]], list[FileSeen], list[str]]:
    """Find and copy population, spend, further columns and crosswalks; a file that the run names twice is one here too.

    Returns:
        What the option of each role is given, the files, and the names of those that are missing.
    """
    digests = Digests(text=False)
    paths, files, missing = defaultdict[str, list[str]](list), list[FileSeen](), list[str]()
    numbers: dict[Path, int] = {}
    for asked_sheet, then in spec.input_files:
        right = {then.sha256_then} if then.sha256_then else set()
        of_name = {other.sha256_then for _, other in spec.input_files if other.name == then.name and other.sha256_then}
        source = places.find(then.name, digests, right, of_name - right)
        if source is None:
            missing.append(then.name)
            continue
        target = folder / str(numbers.setdefault(source, len(numbers))) / then.name
        if not target.exists():
            _copy(source, target)
        paths[then.role].append(f"{target}:{asked_sheet}" if asked_sheet else str(target))
        files.append(replace(then, place=str(source), sha256_now=digests.of(target)))
    return paths, files, missing


class _Rules:
    """Scheme, formula and transition files that are no part of the library, with those that they name in turn."""

    def __init__(self, spec: RunSpec, places: Places, folder: Path) -> None:
        self.places, self.folder, self.with_plugins = places, folder, bool(spec.plugins)
        self.then = [(file.file, file.sha256) for file in spec.scheme.files]
        """Base name and digest of each file that the run read."""
        self.missing: list[str] = []
        self.digests = Digests(text=True)
        self.staged: dict[Path, Path] = {}
        """Where each file lies now to where it was found."""
        self.library = library_files(with_plugins=self.with_plugins)

    def option(self, kind: FileKind, name: str) -> str:
        """Return what `allocate` is given for an option: a library name, or the path of a copy."""
        is_in_library = not name.endswith(".toml") and name in library_names(kind, with_plugins=self.with_plugins)
        if is_in_library and (self._digests_of(f"{name}.toml") or not self._digests_of(name)):
            return name
        source = self.places.find(name, self.digests, self._digests_of(name))
        if source is None:
            self.missing.append(name)
            return name
        target = self.folder / kind / _DEEP / name
        self._stage(source, target)
        return str(target)

    def seen(self) -> list[FileSeen]:
        """Return each file that the scheme was read from, as it is now; what is nowhere is missing."""
        there: dict[str, list[tuple[str, str]]] = {}
        for target, source in self.staged.items():
            there.setdefault(target.name, []).append((str(source), self.digests.of(target)))
        exact = {(name, digest) for name, found in there.items() for _, digest in found}
        seen = {}
        unheard: list[str] = []
        # Those that are as they were come first, so that what is left of a name goes to what is left.
        for name, then in sorted(self.then, key=lambda one: one not in exact):
            found = there.get(name) or self._elsewhere(name, then)
            if not found:
                unheard.append(name)
                continue
            place, now = next((one for one in found if one[1] == then), found[0])
            if len(found) > 1:
                found.remove((place, now))
            seen[name, then] = FileSeen("scheme", name, "", place, then, now)
        if not any(one.differs for one in seen.values()):
            self.missing += unheard
        # Else a file that names them may have changed, and says otherwise now which it wants.
        return [seen[one] for one in self.then if one in seen]

    def _elsewhere(self, name: str, then: str) -> list[tuple[str, str]]:
        """Return a file that no file names any more: of the library, or wherever it lies."""
        if name in self.library:
            return [("", digest) for digest in sorted(self.library[name])]
        place = self.places.find(name, self.digests, {then})
        return [(str(place), self.digests.of(place))] if place else []

    def _digests_of(self, name: str) -> set[str]:
        return {digest for file, digest in self.then if file == name}

    def _stage(self, source: Path, target: Path) -> None:
        if target in self.staged:
            return
        self.staged[target] = source
        if source != target:
            _copy(source, target)
        for name in _named_in(target):
            self._follow(name, source, target)

    def _follow(self, name: str, source: Path, target: Path) -> None:
        """Lay a file out that another names, at the place that this one says."""
        for one in (name, f"{name}.toml", name.replace("\\", "/"), f"{name}.toml".replace("\\", "/")):
            beside = _path(source.parent, one)
            if beside is None:
                continue
            found = self._best(PureWindowsPath(one).name, beside if beside != source else None)
            if found is None:
                continue
            place = Path(posixpath.normpath((target.parent / one).as_posix()))
            if place.is_relative_to(self.folder):
                self._stage(found, place)
            elif beside.is_file():  # an absolute path: it is read where it is
                self._stage(beside, beside)
            return

    def _best(self, base: str, beside: Path | None) -> Path | None:
        """Return the file that serves for a base name; None where the library serves, or nothing does."""
        then = self._digests_of(base)
        found = beside if beside and beside.is_file() else None
        if not then or (found and self.digests.of(found) in then):
            return found
        if found is None and self.library.get(base, frozenset()) & then:
            return None
        elsewhere = self.places.find(base, self.digests, then)
        if elsewhere and self.digests.of(elsewhere) in then:
            return elsewhere
        return found or (None if base in self.library else elsewhere)


def _path(folder: Path, name: str) -> Path | None:
    """Return the path that a name in a file of that folder means; None where no path may be called so."""
    try:
        path = folder / Path(name).expanduser()
        path.is_file()
    except (OSError, RuntimeError, ValueError):
        return None
    return path


def _named_in(path: Path) -> Iterator[str]:
    """Yield the names of the formulas and transitions that a scheme or formula file names.

    A file that cannot be read names none: whoever runs it says why.
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
