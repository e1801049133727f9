"""What installed packages add to gpit, found through their entry points: library files and functions.

Nothing is looked for before a name is asked for that gpit itself does not have, or all are to be listed. A package
that is broken is told in one line, and hides no other.
"""

from __future__ import annotations

import hashlib
import sys
from contextlib import contextmanager, redirect_stdout
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from gpit_fairshare.errors import PluginError
from gpit_fairshare.words import on_one_line

if TYPE_CHECKING:
    from collections.abc import Iterator

LIBRARY: Final = "gpit_fairshare.library"
FUNCTIONS: Final = "gpit_fairshare.functions"
"""Groups of entry points: folders of library files, and functions of the formula language."""
_OWN: Final = "gpit-fairshare"
_WHAT: Final = {LIBRARY: "library", FUNCTIONS: "function"}

_ALLOWED: ContextVar[bool] = ContextVar("plugins_allowed", default=True)


@dataclass(frozen=True, slots=True)
class Plugin:
    """One entry point of an installed package; nothing of the package is imported until it is loaded."""

    group: str
    name: str
    value: str
    """What is to be imported, `module` or `module:object`."""
    package: str
    """Name of the distribution; empty for what gpit has itself."""
    version: str

    def __str__(self) -> str:
        return f"plug-in {self.package} {self.version}".rstrip()

    @property
    def module(self) -> str:
        """Name of the module that is imported."""
        return self.value.partition(":")[0].strip()

    def fault(self, found: str) -> PluginError:
        """Return what is to be said of a plug-in that is at fault: one line, with its name and what to do."""
        what = f"{self}: {_WHAT[self.group]} {self.name}"
        return PluginError(f"{what}: {one_line(found)}; mend or uninstall it, or run with --no-plugins")

    def load(self) -> Any:
        """Import the module and return it, or the object in it that is meant.

        Raises:
            PluginError: It cannot be imported, or has no such object.
        """
        try:
            with redirect_stdout(sys.stderr):  # standard output is for results, such as a JSON document
                found = import_module(self.module)
            for part in filter(None, self.value.partition(":")[2].strip().split(".")):
                found = getattr(found, part)
        except (Exception, SystemExit) as fault:  # noqa: BLE001  # whatever a stranger's module raises
            raise self.fault(f"{self.value} cannot be imported ({described(fault)})") from None
        return found

    def digest(self) -> str:
        """Return the SHA-256 of the file of its module; an empty text where it has none."""
        try:
            spec = find_spec(self.module)
            origin = Path(spec.origin) if spec and spec.origin else None
            return hashlib.sha256(origin.read_bytes()).hexdigest() if origin else ""
        except (ImportError, OSError, ValueError):
            return ""


@dataclass(frozen=True, slots=True)
class Used:
    """What a run took from a plug-in, as its manifest says it."""

    kind: str
    """`scheme`, `formula`, `transition` or `function`."""
    name: str
    package: str
    version: str
    digest: str
    """SHA-256 of the library file's text, or of the file of the function's module."""


def own(group: str, value: str) -> Plugin:
    """Return what gpit itself adds to a group: the same door, without looking for packages."""
    return Plugin(group, _OWN, value, "", "")


@contextmanager
def allowed(wanted: bool) -> Iterator[None]:
    """Leave plug-ins out where they are not wanted, for as long as this lasts."""
    token = _ALLOWED.set(wanted and _ALLOWED.get())
    try:
        yield
    finally:
        _ALLOWED.reset(token)


def are_allowed() -> bool:
    """Say whether plug-ins take part at all."""
    return _ALLOWED.get()


def installed(group: str) -> tuple[Plugin, ...]:
    """Return the plug-ins of a group by package and name, but for what gpit has itself."""
    return _installed(group, tuple(sys.path)) if _ALLOWED.get() else ()


def version_of(package: str) -> str | None:
    """Return the version of a package that is installed now; None where it is not, or plug-ins are left out."""
    from importlib import metadata  # noqa: PLC0415  # as in `_installed`

    try:
        return metadata.version(package) if _ALLOWED.get() else None
    except (metadata.PackageNotFoundError, ValueError):
        return None


@cache
def _installed(group: str, path: tuple[str, ...]) -> tuple[Plugin, ...]:
    del path  # what is installed is found along it: where it changes, it is looked for again
    from importlib import metadata  # noqa: PLC0415  # start-up time: only where a name is not gpit's own

    found = {
        Plugin(group, one.name, one.value, one.dist.name if one.dist else "?", one.dist.version if one.dist else "")
        for one in metadata.entry_points(group=group)
    }
    others = [one for one in found if one.package.replace("_", "-").casefold() != _OWN]
    return tuple(sorted(others, key=lambda one: (one.package, one.name, one.value)))


def described(fault: BaseException) -> str:
    """Return an error that a plug-in raised in a few words: `ValueError: too small`."""
    return one_line(": ".join(part for part in (type(fault).__name__, str(fault)) if part))


def one_line(text: str) -> str:
    """Return a text of somebody else on one line of fair length."""
    return on_one_line(text, 300)
