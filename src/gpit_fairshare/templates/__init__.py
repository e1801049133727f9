"""What `gpit init` puts into a folder: input templates, a scheme of one's own and a first regression case.

The texts stand in `files/` as they are written, so that whoever changes one sees what its reader will see.
The same version writes the same bytes.
"""

from __future__ import annotations

import os
import secrets
import shutil
from contextlib import ExitStack
from importlib import resources
from typing import TYPE_CHECKING, Final

from gpit_fairshare.errors import OutputError, UsageError
from gpit_fairshare.templates.workbooks import COMMAND, POPULATION, SPEND, workbook

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

__all__ = ["COMMAND", "FILES", "write_folder"]

FILES: Final = {
    "README.md": "what is what, and the commands",
    "population.xlsx": "organisations and their patients",
    "spend.xlsx": "what they spend, line by line",
    "scheme.toml": "years, values and where they come from",
    "my-formula.toml": "the rule: the fair share, step by step",
    "cases/first-case.toml": "what the rule should give, worked by hand",
    "cases/first-case-population.csv": "its organisations",
    "cases/first-case-spend.csv": "its lines of cost",
}
"""Every file that is written, by its name inside the folder, with what it is."""

_WORKBOOKS: Final = {"population.xlsx": POPULATION, "spend.xlsx": SPEND}


def write_folder(folder: Path) -> list[Path]:
    """Write all files into a folder, which is made if it is not there; return their paths, README first.

    All or none: they are written beside their places and moved in together.

    Raises:
        UsageError: The folder cannot be one, its parent is not there, or a file would be written over.
        OutputError: The folder cannot be written to; it is as it was.
    """
    try:
        _refuse(folder)
        _write(folder, {name: _content(name) for name in FILES})
    except OSError as fault:
        raise OutputError(f"{folder}: cannot be written to ({fault.strerror or fault}); nothing was changed") from None
    return [folder / name for name in FILES]


def _refuse(folder: Path) -> None:
    """Refuse a folder that would lose something, or whose place is not there."""
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"{folder}: is a file; give the name of a folder")
    if not folder.exists() and not folder.parent.is_dir():
        raise UsageError(f"{folder}: there is no folder {folder.parent}; make it first")
    there = [name for name in FILES if os.path.lexists(folder / name)]
    if (folder / "cases").exists() and not (folder / "cases").is_dir():
        there.append("cases")
    if there:
        listed = ", ".join(there)
        raise UsageError(f"{folder}: {listed} would be written over; give another folder, or move that away first")


def _content(name: str) -> bytes:
    if name in _WORKBOOKS:
        return workbook(_WORKBOOKS[name])
    return (resources.files("gpit_fairshare") / "templates" / "files" / name).read_bytes()


def _write(folder: Path, contents: Mapping[str, bytes]) -> None:
    """Write into a draft beside the folder, or within it if it is there, and move what was written into place."""
    new = not folder.exists()
    draft = f".gpit-init.{secrets.token_hex(4)}.part"
    stage = folder.with_name(draft) if new else folder / draft
    try:
        for name, content in contents.items():
            place = stage / name
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(content)
        if new:
            stage.rename(folder)
        else:
            _move(stage, folder, contents)
    finally:
        shutil.rmtree(stage, ignore_errors=True)


def _move(stage: Path, folder: Path, names: Iterable[str]) -> None:
    """Move files from the stage into the folder; after a failure, take those back that were moved."""
    with ExitStack() as undo:
        for name in names:
            place = folder / name
            if not place.parent.is_dir():
                place.parent.mkdir()
                undo.callback(place.parent.rmdir)
            (stage / name).rename(place)
            undo.callback(place.unlink)
        undo.pop_all()
