"""The library: folders of formulas, transitions and schemes, gpit's own and those of plug-ins.

All come through one door. A name that gpit has itself is found without looking for plug-ins.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

from gpit_fairshare import plugins
from gpit_fairshare.errors import PluginError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from importlib.resources.abc import Traversable

    from gpit_fairshare.plugins import Plugin

Shelf = Literal["schemes", "formulas", "transitions"]
SINGULAR: Final[dict[Shelf, str]] = {"schemes": "scheme", "formulas": "formula", "transitions": "transition"}
KINDS: Final = ("formula", "transition", "scheme")
"""The three kinds of file, in the order in which people read them."""
_OWN: Final = plugins.own(plugins.LIBRARY, "gpit_fairshare.library")
"""As pyproject.toml registers it; known without metadata, so that a source tree serves as well."""


@dataclass(frozen=True, slots=True)
class Book:
    """One file of the library."""

    shelf: Shelf
    name: str
    """The file's name without its ending: that by which it is called."""
    place: Traversable
    plugin: Plugin | None
    """Where it comes from; None for gpit's own."""


def library_names(shelf: Shelf) -> list[str]:
    """Return the names of all files of one shelf, gpit's own and those of plug-ins, sorted."""
    return sorted({one.name for one in library_books([shelf])})


def own_names(shelf: Shelf) -> list[str]:
    """Return the names of gpit's own files of one shelf, sorted; plug-ins are not looked for."""
    return sorted(one.name for one in _books(_OWN) if one.shelf == shelf)


def library_books(shelves: Sequence[Shelf] = tuple(SINGULAR), *, with_plugins: bool = True) -> list[Book]:
    """Return every file that a name finds: gpit's own first, then those of plug-ins, by package."""
    found = {(one.shelf, one.name): one for one in _books(_OWN)}
    for one in _plugged() if with_plugins else ():
        found.setdefault((one.shelf, one.name), one)
    return [one for shelf in shelves for one in found.values() if one.shelf == shelf]


def find_book(name: str, shelves: Sequence[Shelf]) -> Book | None:
    """Return the file that has a name on one of some shelves: gpit's own goes before all others."""
    for books in (_books(_OWN), _plugged):
        there = [one for one in (books() if callable(books) else books) if one.name == name]
        for shelf in shelves:
            for one in there:
                if one.shelf == shelf:
                    return one
    return None


def shelf_problems() -> list[str]:
    """Return a line for each library of a plug-in that cannot be used, and each of its files whose name is taken."""
    problems: list[str] = []
    seen = {(one.shelf, one.name): one for one in _books(_OWN)}
    for plugin in plugins.installed(plugins.LIBRARY):
        try:
            books = _books(plugin)
        except PluginError as fault:
            problems.append(str(fault))
            continue
        for one in books:
            other = seen.setdefault((one.shelf, one.name), one)
            if other is not one:
                holder = f"the {other.plugin}" if other.plugin else "gpit itself"
                found = f"{one.shelf}/{one.name}.toml: the name is taken by {holder}; this file is left out"
                problems.append(str(plugin.fault(found)))
    return problems


def _plugged() -> Iterator[Book]:
    for plugin in plugins.installed(plugins.LIBRARY):
        try:
            yield from _books(plugin)
        except PluginError:  # `shelf_problems` says so
            continue


@cache
def _books(plugin: Plugin) -> tuple[Book, ...]:
    """Return the files of a library by shelf and name.

    Raises:
        PluginError: It cannot be imported, or its folder has no shelves.
    """
    module = plugin.load()
    origin = None if plugin is _OWN else plugin
    books: list[Book] = []
    with plugins.contained(lambda fault: plugin.fault(f"its folder cannot be read ({fault})")):
        folder = _folder(module)
        shelves = {shelf: folder / shelf for shelf in SINGULAR if (folder / shelf).is_dir()} if folder else {}
        for shelf, place in shelves.items():
            files = sorted(place.iterdir(), key=lambda file: file.name)
            books += [
                Book(shelf, file.name.removesuffix(".toml"), file, origin)
                for file in files
                if file.name.endswith(".toml")
            ]
    if folder is None:
        raise plugin.fault(f"{plugin.value} is no package or module; its folder is to hold {', '.join(SINGULAR)}")
    if not shelves:
        raise plugin.fault(f"there is no folder {', '.join(SINGULAR)} in {plugin.value}")
    return tuple(books)


def _folder(module: Any) -> Traversable | None:
    """Return the folder of a package or a module; None for what is neither."""
    if hasattr(module, "__path__"):
        return resources.files(module.__name__)
    file = getattr(module, "__file__", None)
    return Path(file).parent if isinstance(file, str) else None
