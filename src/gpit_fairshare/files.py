"""Read files, walk through folders, and write files safely.

A file is first written to the same folder under a temporary name, and gets its own name when it is complete. If gpit
fails or is killed, either the old file or the new one is there.
"""

from __future__ import annotations

import errno
import hashlib
import os
import secrets
import stat
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

from gpit_fairshare.errors import OutputError, UsageError
from gpit_fairshare.words import nearest

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

_LOCKED: Final = "is open in another program or write-protected; close it or use another name; the old file is intact"


def read_regular(path: Path) -> bytes:
    """Return the bytes of a file; an `OSError` for a pipe or a device, which may block the reader or never end."""
    _refuse_irregular(path)
    return path.read_bytes()


def digest_of(data: bytes) -> str:
    """Return the digest that identifies a file with the text of a rule in results: SHA-256 of its text.

    As when reading, a byte order mark and the kind of line end make no difference.
    """
    return hashlib.sha256(data.removeprefix(b"\xef\xbb\xbf").replace(b"\r\n", b"\n")).hexdigest()


def reading_problem(path: Path, fault: OSError, endings: Collection[str] = ()) -> str:
    """Return why a file cannot be read: there is no such file, with the nearest names, or what the system says.

    Args:
        path: The file.
        fault: The error of the system.
        endings: Endings of the files that may be meant; empty for any file.
    """
    if not isinstance(fault, FileNotFoundError):
        return f"cannot be read ({fault.strerror or fault})"
    if not path.parent.is_dir():
        return f"there is no such file; the folder {path.parent} does not exist"
    with suppress(OSError):
        names = [entry.name for entry in path.parent.iterdir() if not endings or entry.suffix.lower() in endings]
        return f"there is no such file{nearest(path.name, names)}"
    return "there is no such file"


def walk(folder: Path, on_error: Callable[[OSError], None] | None = None) -> Iterator[tuple[str, list[str], list[str]]]:
    """Walk through a folder and all folders below it, as `os.walk` does.

    `on_error` is called with the error of each folder that cannot be read; without it, such folders are left out.

    Raises:
        UsageError: Folders are nested too deeply.
    """
    try:
        yield from os.walk(folder, onerror=on_error)
    except RecursionError:  # of Python 3.11
        raise UsageError(f"{folder}: cannot be searched (its folders are nested too deeply)") from None


@contextmanager
def in_place(path: Path) -> Iterator[Path]:
    """Yield a temporary path in the same folder to write to; at the end, move the written file to `path`.

    If an exception leaves the context, the temporary file is removed and the old file stays. If `path` is a link, the
    file that it points to is written. An existing file keeps its permissions.

    Raises:
        OutputError: The folder cannot be written to, another program has the old file open, `path` is not a file, or
            writing fails.
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
        except OSError as error:
            raise OutputError(
                f"{path.name}: cannot write to {path.parent} ({error.strerror or error}); nothing was changed"
            ) from None
        yield draft
        with draft.open("r+b") as file:
            os.fsync(file.fileno())
        draft.replace(place)
        if mode is not None:
            place.chmod(mode)
    except PermissionError:
        raise OutputError(f"{path.name}: {_LOCKED}") from None
    except OSError as error:
        raise OutputError(
            f"{path.name}: cannot be written ({error.strerror or error}); the old file, if any, is intact"
        ) from None
    finally:
        if draft is not None:
            draft.unlink(missing_ok=True)


def _refuse_locked(place: Path) -> None:
    """Refuse a file that another program has open, as Excel does on Windows, before any result is printed.

    Raises:
        OutputError: There is no permission to open it for writing.
    """
    try:
        with place.open("r+b"):
            pass
    except PermissionError:
        raise OutputError(f"{place.name}: {_LOCKED}") from None


def place_to_write(path: Path) -> Path:
    """Return the file to write for a path: if it is a link, the file that it points to, so that the link stays.

    An `OSError` means that links form a circle, a name is too long, or the path is not a file.
    """
    with suppress(FileNotFoundError):
        _refuse_irregular(path)
    return follow_links(path)


def follow_links(path: Path) -> Path:
    """Return the real path of a file, with all links followed; unlike `Path.resolve`, it allows circles of links."""
    return Path(os.path.realpath(path))


def _refuse_irregular(path: Path) -> None:
    """Refuse a path that is not a regular file.

    Raises:
        IsADirectoryError: It is a folder.
        OSError: It is a pipe, a socket or a device, or its name has a character that is not allowed.
    """
    try:
        mode = path.stat().st_mode
    except ValueError as error:  # a character that is not allowed in names
        raise OSError(errno.EINVAL, str(error), str(path)) from None
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, "is a folder", str(path))
    if not stat.S_ISREG(mode):
        raise OSError(errno.EINVAL, "is a pipe, a socket or a device", str(path))
