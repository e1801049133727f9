"""What `gpit library new` writes: a starter formula, transition or scheme file, from a template or a copy."""

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


def write_rule(target: str, kind: str | None = None, copied: str | None = None) -> tuple[Path, str, str]:
    """Write a new file that runs unchanged; return its path, its kind and its origin.

    Args:
        target: A name, for a file of that name in this folder, or a path that ends in `.toml`.
        kind: `formula`, `transition` or `scheme`; a formula if neither this nor `copied` is given.
        copied: Name of a file of the library to copy; only the name in it changes.

    Raises:
        UsageError: The file exists already, its folder does not, or the name is not valid.
    """
    path = _path_to_write(target)
    name = path.name.removesuffix(_ENDING)
    text, kind, origin = _read_template(kind or "formula") if copied is None else _read_library_file(copied, kind)
    if os.path.lexists(path):
        raise UsageError(f"{path}: exists already and is never overwritten; give another name")
    with in_place(path) as draft:
        draft.write_bytes(_with_name(text, kind, name).encode())
    return path, kind, origin


def _path_to_write(target: str) -> Path:
    """Return the path of a new file, with the ending `.toml` if the user did not type it.

    Raises:
        UsageError: The name is not valid, or the folder does not exist.
    """
    path = Path(target if target.endswith(_ENDING) else f"{target}{_ENDING}")
    if not _NAME.fullmatch(path.name.removesuffix(_ENDING)):
        raise UsageError(f"{target}: is not a valid file name; use letters, digits, - and _, such as my-formula")
    if not path.parent.is_dir():
        raise UsageError(f"{path}: there is no folder {path.parent}; create it first")
    return path


def _read_template(kind: str) -> tuple[str, str, str]:
    """Return the text of the template for a kind of file, the kind, and the origin `the template`."""
    template = resources.files("gpit_fairshare") / "templates" / "files" / f"new-{kind}{_ENDING}"
    return template.read_bytes().decode().replace("\r\n", "\n"), kind, "the template"


def _read_library_file(name: str, kind: str | None) -> tuple[str, str, str]:
    """Return the text of a library file, its kind, and its origin as kind and name; without a kind, search them all.

    Raises:
        UsageError: The library has no such file.
    """
    names = {entry.name for entry in library_entries(kind)}
    if name not in names:
        raise UsageError(f"--from {name}: the library has no such {kind or 'file'}{nearest(name, names)}")
    entry, text = method(name, kind)
    return text, entry.kind, f"{entry.kind} {name}"


def _with_name(text: str, kind: str, name: str) -> str:
    """Return the text of a file with another name in its head; comments and everything else stay the same."""
    table = rf"^\[{kind}\]\s*(?:#.*)?\n(?:(?!\[)[^\n]*\n)*?"
    head = re.compile(rf"({table}name[ \t]*=[ \t]*)(\"[^\"\n]*\"|'[^'\n]*')", re.MULTILINE)
    return head.sub(lambda match: match[1] + json.dumps(name, ensure_ascii=False), text, count=1)
