"""The library: formulas, transitions and schemes in folders, gpit's own and those of plug-ins.

Both are found in the same way. A name that gpit itself has is found without searching plug-ins.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, get_args

from gpit_fairshare.errors import PluginError
from gpit_fairshare.plugins import LIBRARY, Plugin, contained, installed

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from importlib.resources.abc import Traversable

FileKind = Literal["scheme", "formula", "transition"]
"""The kinds of file. A file begins with a table of this name; the library has a folder for each: `schemes`."""
KINDS: Final[tuple[FileKind, ...]] = get_args(FileKind)
_FOLDERS: Final = {kind: f"{kind}s" for kind in KINDS}
_OWN: Final = Plugin(LIBRARY, "gpit-fairshare", "gpit_fairshare.library", package="", version="")
"""As pyproject.toml registers it; without package metadata, so that a source tree works too."""


@dataclass(frozen=True, slots=True)
class LibraryFile:
    """One file of the library."""

    kind: FileKind
    name: str
    """The file's name without its ending."""
    place: Traversable
    plugin: Plugin | None
    """Where it comes from; None for gpit's own."""

    @property
    def folder(self) -> str:
        """The folder of the library that it is in."""
        return _FOLDERS[self.kind]


def library_names(kind: FileKind, *, with_plugins: bool = True) -> list[str]:
    """Return the names of all files of one kind, gpit's own and those of plug-ins, sorted."""
    return sorted(file.name for file in all_library_files(with_plugins=with_plugins) if file.kind == kind)


def all_library_files(*, with_plugins: bool = True) -> list[LibraryFile]:
    """Return every file that a name finds, by kind: gpit's own first, then those of plug-ins, by package.

    Of several files with one kind and name, only the first is included.
    """
    files = {(file.kind, file.name): file for file in _files_of(_OWN)}
    for file in _files_of_plugins() if with_plugins else ():
        files.setdefault((file.kind, file.name), file)
    return sorted(files.values(), key=lambda file: KINDS.index(file.kind))


def find_library_files(name: str, kinds: Sequence[FileKind] = KINDS) -> list[LibraryFile]:
    """Return the files with a name, of some kinds; plug-ins are searched only if gpit itself has none."""
    own_files = [file for file in _files_of(_OWN) if file.name == name and file.kind in kinds]
    return own_files or [file for file in all_library_files() if file.name == name and file.kind in kinds]


def folder_problems() -> list[str]:
    """Return a message for each plug-in library that cannot be used, and each of its files whose name is taken."""
    problems: list[str] = []
    files_by_name = {(file.kind, file.name): file for file in _files_of(_OWN)}
    for plugin in installed(LIBRARY):
        try:
            files = _files_of(plugin)
        except PluginError as fault:
            problems.append(str(fault))
            continue
        for file in files:
            other = files_by_name.setdefault((file.kind, file.name), file)
            if other is not file:
                holder = f"the {other.plugin}" if other.plugin else "gpit itself"
                problem = f"{file.folder}/{file.name}.toml: the name is taken by {holder}; this file is left out"
                problems.append(str(plugin.fault(problem)))
    return problems


def _files_of_plugins() -> Iterator[LibraryFile]:
    """Yield the library files of all plug-ins; a library that cannot be used is left out."""
    for plugin in installed(LIBRARY):
        try:
            yield from _files_of(plugin)
        except PluginError:  # `folder_problems` reports it
            continue


@cache
def _files_of(plugin: Plugin) -> tuple[LibraryFile, ...]:
    """Return the files in the library of gpit or of a plug-in, by kind and name.

    A library that cannot be used is a `PluginError`.
    """
    module = plugin.load()
    origin = None if plugin is _OWN else plugin
    files: list[LibraryFile] = []
    with contained(lambda fault: plugin.fault(f"its folder cannot be read ({fault})")):
        root = _module_folder(module)
        folders = {kind: root / name for kind, name in _FOLDERS.items() if (root / name).is_dir()} if root else {}
        for kind, folder in folders.items():
            files += [
                LibraryFile(kind, place.name.removesuffix(".toml"), place, origin)
                for place in sorted(folder.iterdir(), key=lambda place: place.name)
                if place.name.endswith(".toml")
            ]
    if root is None:
        names = ", ".join(_FOLDERS.values())
        raise plugin.fault(f"{plugin.value} is not a package or module, so it has no folder with {names}")
    if not folders:
        raise plugin.fault(f"{plugin.value} has none of the folders {', '.join(_FOLDERS.values())}")
    return tuple(files)


def _module_folder(module: Any) -> Traversable | None:
    """Return the folder of a package or of a module's file; None for any other object."""
    if hasattr(module, "__path__"):
        return resources.files(module.__name__)
    file = getattr(module, "__file__", None)
    return Path(file).parent if isinstance(file, str) else None
