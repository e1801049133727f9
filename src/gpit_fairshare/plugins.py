"""What installed packages add to gpit, found through their entry points: library files and functions.

Nothing is looked for before a name is asked for that gpit itself does not have, or all are to be listed. A package
that is broken is told in one line, and hides no other.
"""

from __future__ import annotations

import hashlib
import os
import signal
import sys
import warnings
from contextlib import contextmanager, redirect_stdout, suppress
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from threading import current_thread, main_thread
from typing import TYPE_CHECKING, Any, Final

from gpit_fairshare.errors import PluginError, Stopped
from gpit_fairshare.words import one_line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType

LIBRARY: Final = "gpit_fairshare.library"
FUNCTIONS: Final = "gpit_fairshare.functions"
"""Groups of entry points: folders of library files, and functions of the formula language."""
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
        return PluginError(f"{what}: {one_line(found, 300)}; mend or uninstall it, or run with --no-plugins")

    def load(self) -> Any:
        """Import the module and return it, or the object in it that is meant.

        Raises:
            PluginError: It cannot be imported, or has no such object.
        """
        with contained(lambda fault: self.fault(f"{self.value} cannot be imported ({fault})")):
            found = import_module(self.module)
            for part in filter(None, self.value.partition(":")[2].strip().split(".")):
                found = getattr(found, part)
        return found

    def digest(self) -> str:
        """Return the SHA-256 of the file of its module; an empty text where it has none."""
        try:
            spec = find_spec(self.module)
            origin = Path(spec.origin) if spec and spec.origin else None
            return hashlib.sha256(origin.read_bytes()).hexdigest() if origin else ""
        except Exception:  # noqa: BLE001  # the spec of a plug-in may be anything
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
        Plugin(group, one.name, one.value, (one.dist and one.dist.name) or "?", (one.dist and one.dist.version) or "")
        for one in metadata.entry_points(group=group)
    }
    others = [one for one in found if one.package.replace("_", "-").casefold() != "gpit-fairshare"]
    return tuple(sorted(others, key=lambda one: (one.package, one.name, one.value)))


@contextmanager
def contained(error: Callable[[str], PluginError]) -> Iterator[None]:
    """Run code of a plug-in: what it raises becomes an error, and what it changes is put back.

    What it prints goes to standard error, as standard output is for results, such as a JSON document. Its warnings
    are for its author, and are not shown. Signals stop gpit as always; a `KeyboardInterrupt` without a signal is one
    that the plug-in raises itself.

    Args:
        error: Returns the error, given in a few words what was raised.

    Raises:
        PluginError: The code raises anything at all, an exit among it.
    """
    interrupted, handler, limit = False, signal.getsignal(signal.SIGINT), sys.getrecursionlimit()

    def interrupt(number: int, frame: FrameType | None) -> None:
        nonlocal interrupted
        interrupted = True
        if callable(handler):
            handler(number, frame)

    has_handler = callable(handler) and current_thread() is main_thread()
    if has_handler:
        signal.signal(signal.SIGINT, interrupt)
    try:
        with redirect_stdout(sys.stderr), _output_of_programs_as_messages(), warnings.catch_warnings(action="ignore"):
            yield
    except Stopped:
        raise
    except BaseException as fault:  # noqa: BLE001  # code of a plug-in may raise anything
        if not interrupted:
            raise error(described(fault)) from None
    finally:
        sys.setrecursionlimit(limit)
        if has_handler:
            signal.signal(signal.SIGINT, handler)
    if interrupted:  # even if the plug-in went on
        raise KeyboardInterrupt


@contextmanager
def _output_of_programs_as_messages() -> Iterator[None]:
    """Send to standard error what goes past `sys.stdout`, as what other programs print does."""
    try:
        sys.__stdout__.flush()  # type: ignore[union-attr]  # what gpit has printed goes before
        output = os.dup(1)
        os.dup2(2, 1)
    except (AttributeError, OSError, ValueError):  # one of the two is closed
        yield
        return
    try:
        yield
    finally:
        with suppress(AttributeError, OSError, ValueError):
            sys.__stdout__.flush()  # type: ignore[union-attr]
        os.dup2(output, 1)
        os.close(output)


def described(fault: BaseException) -> str:
    """Return an error that a plug-in raised in a few words: `ValueError: too small`."""
    try:
        said = str(fault)
    except Exception:  # noqa: BLE001  # a stranger's error, whose text may be broken as well
        said = ""
    return one_line(": ".join(part for part in (type(fault).__name__, said) if part), 300)
