"""Reads files, walks folders, and writes files safely.

Every file is written beside its place, under another name, and moved there when it is complete: a
failure or a kill at any moment leaves either the old file or the new one.
"""

from __future__ import annotations

import errno
import os
import secrets
import stat
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

from gpit_fairshare.errors import OutputError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_LOCKED: Final = "is open in another program or write-protected; close it or choose another name; the old file is whole"


def read_regular(path: Path) -> bytes:
    """Return the bytes of a file.

    Raises:
        OSError: It cannot be read, or is a pipe or a device, which may keep a reader waiting or never end.
    """
    _refuse_others(path)
    return path.read_bytes()


def walk(folder: Path, on_error: Callable[[OSError], None] | None = None) -> Iterator[tuple[str, list[str], list[str]]]:
    """Go through a folder and all below it, as `os.walk` does.

    Raises:
        UsageError: Folders are nested too deeply.
    """
    try:
        yield from os.walk(folder, onerror=on_error)
    except RecursionError:  # of Python 3.11
        raise UsageError(f"{folder}: cannot be searched (its folders are nested too deeply)") from None


@contextmanager
def in_place(path: Path) -> Iterator[Path]:
    """Yield a path beside `path` to write to, and move the written file to `path` at the end.

    A link is kept, and the file it leads to is written; an existing file keeps its permissions.

    Raises:
        OutputError: The folder cannot be written to, another program holds the old file open, or `path` is no file.
    """
    draft: Path | None = None
    try:
        try:
            place = place_to_write(path)
            draft = place.with_name(f".{place.stem[:40]}.{secrets.token_hex(4)}{place.suffix}.part")
            mode = stat.S_IMODE(place.stat().st_mode) if place.exists() else None
            if mode is not None:
                _refuse_locked(place)
            draft.touch(exist_ok=False)
            if mode is not None:
                draft.chmod(mode | stat.S_IRUSR | stat.S_IWUSR)
        except OSError as fault:
            raise OutputError(
                f"{path.name}: cannot write to {path.parent} ({fault.strerror or fault}); nothing was changed"
            ) from None
        yield draft
        with draft.open("r+b") as file:
            os.fsync(file.fileno())
        draft.replace(place)
        if mode is not None:
            place.chmod(mode)
    except PermissionError:
        raise OutputError(f"{path.name}: {_LOCKED}") from None
    except OSError as fault:
        raise OutputError(
            f"{path.name}: cannot be written ({fault.strerror or fault}); the old file, if any, is whole"
        ) from None
    finally:
        if draft is not None:
            draft.unlink(missing_ok=True)


def _refuse_locked(place: Path) -> None:
    """Refuse a file that another program keeps open, as Excel does on Windows, before any answer is printed.

    Raises:
        OutputError: It cannot be opened for writing.
    """
    try:
        with place.open("r+b"):
            pass
    except PermissionError:
        raise OutputError(f"{place.name}: {_LOCKED}") from None


def place_to_write(path: Path) -> Path:
    """Return the file to write: where links lead, so that a link stays a link.

    Raises:
        OSError: Links lead in a circle, a name is too long, or something that is no file is there.
    """
    with suppress(FileNotFoundError):
        _refuse_others(path)
    return followed(path)


def followed(path: Path) -> Path:
    """Return where links lead; `Path.resolve` does so too, but fails at links that lead in a circle."""
    return Path(os.path.realpath(path))


def _refuse_others(path: Path) -> None:
    try:
        mode = path.stat().st_mode
    except ValueError as fault:  # a character that no name may have
        raise OSError(errno.EINVAL, str(fault), str(path)) from None
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, "is a folder", str(path))
    if not stat.S_ISREG(mode):
        raise OSError(errno.EINVAL, "is a pipe, a socket or a device", str(path))
