"""Plug-ins: library files and functions that installed packages add to gpit through entry points.

gpit looks for them only when a name is not its own, or when it lists all names. A broken package is reported in one
line and does not affect the others.
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
_NOUNS: Final = {LIBRARY: "library", FUNCTIONS: "function"}

LIBRARIES_OF_RESULTS: Final = ("polars", "python-calamine", "XlsxWriter")
"""Installed libraries whose version can change the bytes of a result."""

_ALLOWED: ContextVar[bool] = ContextVar("plugins_allowed", default=True)


@dataclass(frozen=True, slots=True)
class Plugin:
    """One entry point of an installed package; nothing of the package is imported until it is loaded."""

    group: str
    name: str
    value: str
    """What to import: `module` or `module:object`."""
    package: str
    """Name of the installed package; empty for gpit's own files and functions."""
    version: str

    def __str__(self) -> str:
        return f"plug-in {self.package} {self.version}".rstrip()

    @property
    def module(self) -> str:
        """Name of the module that is imported."""
        return self.value.partition(":")[0].strip()

    def fault(self, problem: str) -> PluginError:
        """Return an error about this plug-in, for the caller to raise: one line, with its name and what to do."""
        subject = f"{self}: {_NOUNS[self.group]} {self.name}"
        return PluginError(f"{subject}: {one_line(problem, 300)}; fix or uninstall it, or run with --no-plugins")

    def load(self) -> Any:
        """Import the module and return it, or the object in it that the entry point names.

        Any problem is a `PluginError`.
        """
        with contained(lambda fault: self.fault(f"{self.value} cannot be imported ({fault})")):
            loaded = import_module(self.module)
            for part in filter(None, self.value.partition(":")[2].strip().split(".")):
                loaded = getattr(loaded, part)
        return loaded

    def digest(self) -> str:
        """Return the SHA-256 of the file of the plug-in's module; an empty text if it has none or cannot be read."""
        try:
            spec = find_spec(self.module)
            origin = Path(spec.origin) if spec and spec.origin else None
            return hashlib.sha256(origin.read_bytes()).hexdigest() if origin else ""
        except Exception:  # noqa: BLE001  # the spec of a plug-in may be anything
            return ""


@dataclass(frozen=True, slots=True)
class PluginUse:
    """A file or function that a run used from a plug-in, as recorded in its manifest."""

    kind: str
    """`scheme`, `formula`, `transition` or `function`."""
    name: str
    package: str
    version: str
    digest: str
    """SHA-256 of the library file's text, or of the file of the function's module."""


@contextmanager
def allowed(enabled: bool) -> Iterator[None]:
    """Enable or leave out plug-ins inside this context; once they are left out, nothing inside can enable them."""
    token = _ALLOWED.set(enabled and _ALLOWED.get())
    try:
        yield
    finally:
        _ALLOWED.reset(token)


def are_allowed() -> bool:
    """Return whether plug-ins are enabled."""
    return _ALLOWED.get()


def installed(group: str) -> tuple[Plugin, ...]:
    """Return the plug-ins of a group, sorted by package and name, without gpit's own; none if plug-ins are left out."""
    return _installed(group, tuple(sys.path)) if _ALLOWED.get() else ()


def version_of(package: str) -> str | None:
    """Return the installed version of a package; None if it is not installed, or plug-ins are left out."""
    from importlib import metadata  # noqa: PLC0415  # as in `_installed`

    try:
        return metadata.version(package) if _ALLOWED.get() else None
    except (metadata.PackageNotFoundError, ValueError):
        return None


@cache
def _installed(group: str, path: tuple[str, ...]) -> tuple[Plugin, ...]:
    """Return the plug-ins of a group on Python's import path, sorted by package and name, without gpit's own.

    The answer is kept for each group and `path`, which is not otherwise used.
    """
    del path  # part of the key of the cache: another path may have other packages
    from importlib import metadata  # noqa: PLC0415  # start-up time: only if a name is not gpit's own

    plugins = set()
    for entry_point in metadata.entry_points(group=group):
        package = entry_point.dist
        name, version = (package and package.name) or "?", (package and package.version) or ""
        plugins.add(Plugin(group, entry_point.name, entry_point.value, name, version))
    other_packages = [plugin for plugin in plugins if plugin.package.replace("_", "-").casefold() != "gpit-fairshare"]
    return tuple(sorted(other_packages, key=lambda plugin: (plugin.package, plugin.name, plugin.value)))


@contextmanager
def contained(error: Callable[[str], PluginError]) -> Iterator[None]:
    """Run code of a plug-in: any exception in it becomes a `PluginError`.

    Afterwards the recursion limit and the handler of interrupts are as before. Its output goes to standard error,
    because standard output is for results, such as a JSON document. Its warnings are for its author, so they are not
    shown. Signals stop gpit as always, even if the plug-in catches the interrupt; a `KeyboardInterrupt` without a
    signal is the plug-in's own, and becomes a `PluginError` too.

    Args:
        error: Returns the `PluginError` to raise, given a short description of the exception, which may be any.

    Raises:
        Stopped: A signal stops gpit.
        KeyboardInterrupt: A signal interrupts gpit.
    """
    interrupted, handler, limit = False, signal.getsignal(signal.SIGINT), sys.getrecursionlimit()

    def interrupt(number: int, frame: FrameType | None) -> None:
        """Remember that a signal interrupted gpit, then call the handler that was set before."""
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
            raise error(describe_exception(fault)) from None
    finally:
        sys.setrecursionlimit(limit)
        if has_handler:
            signal.signal(signal.SIGINT, handler)
    if interrupted:  # even if the plug-in went on
        raise KeyboardInterrupt


@contextmanager
def _output_of_programs_as_messages() -> Iterator[None]:
    """Inside this context, send output that bypasses `sys.stdout`, such as that of programs, to standard error.

    If standard output or standard error is closed, nothing is redirected.
    """
    try:
        sys.__stdout__.flush()  # type: ignore[union-attr]  # what gpit has printed comes first
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


def describe_exception(fault: BaseException) -> str:
    """Return an exception of a plug-in on one line of at most 300 characters: `ValueError: too small`.

    If its text cannot be read, only its type is named.
    """
    try:
        text = str(fault)
    except Exception:  # noqa: BLE001  # the text of a plug-in's error may be broken as well
        text = ""
    return one_line(": ".join(part for part in (type(fault).__name__, text) if part), 300)
