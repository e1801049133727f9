"""What `gpit library new` writes: a formula, transition or scheme file to begin with, from a template or a copy."""

from __future__ import annotations

import json
import os
import re
from importlib import resources
from pathlib import Path
from typing import Final

from gpit_fairshare.errors import UsageError
from gpit_fairshare.files import in_place
from gpit_fairshare.scheme.method import library_entries, method
from gpit_fairshare.words import nearest

_NAME: Final = re.compile(r"[^\W_](?:[\w .-]*\w)?")
_ENDING: Final = ".toml"


def write_rule(wanted: str, kind: str | None = None, copied: str | None = None) -> tuple[Path, str, str]:
    """Write a new file that can be run as it stands; return its path, its kind and what it was made from.

    Args:
        wanted: A name, for a file of that name in this folder, or a path that ends in `.toml`.
        kind: `formula`, `transition` or `scheme`; a formula if neither this nor `copied` says it.
        copied: Name of a file of the library that is copied, its name changed and all else as it is.

    Raises:
        UsageError: The file is there already, its folder is not, or the name can be none.
        OutputError: It cannot be written.
    """
    path = _path(wanted)
    name = path.name.removesuffix(_ENDING)
    text, kind, origin = _template(kind or "formula") if copied is None else _copy(copied, kind)
    if os.path.lexists(path):
        raise UsageError(f"{path}: is there already, and is not written over; give another name")
    with in_place(path) as draft:
        draft.write_bytes(_named(text, kind, name).encode())
    return path, kind, origin


def _path(wanted: str) -> Path:
    path = Path(wanted if wanted.endswith(_ENDING) else f"{wanted}{_ENDING}")
    if not _NAME.fullmatch(path.name.removesuffix(_ENDING)):
        raise UsageError(f"{wanted}: is no name for a file; write letters, digits, - and _, such as my-formula")
    if not path.parent.is_dir():
        raise UsageError(f"{path}: there is no folder {path.parent}; make it first")
    return path


def _template(kind: str) -> tuple[str, str, str]:
    place = resources.files("gpit_fairshare") / "templates" / "files" / f"new-{kind}{_ENDING}"
    return place.read_bytes().decode().replace("\r\n", "\n"), kind, "the template"


def _copy(name: str, kind: str | None) -> tuple[str, str, str]:
    known = {one.name for one in library_entries(kind)}
    if name not in known:
        what = kind or "file"
        raise UsageError(f"--from {name}: there is no such {what} in the library{nearest(name, known)}")
    found, text = method(name, kind)
    return text, found.kind, f"{found.kind} {name}"


def _named(text: str, kind: str, name: str) -> str:
    """Return the text of a file with another name in its head, remarks and all else as they are."""
    table = rf"^\[{kind}\]\s*(?:#.*)?\n(?:(?!\[)[^\n]*\n)*?"
    head = re.compile(rf"({table}name[ \t]*=[ \t]*)(\"[^\"\n]*\"|'[^'\n]*')", re.MULTILINE)
    return head.sub(lambda found: found[1] + json.dumps(name, ensure_ascii=False), text, count=1)
