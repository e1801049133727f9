"""What `gpit init` writes into a folder: input templates, a scheme to edit and a first regression case.

The texts are in `files/`: edit them there. What holds only for the worked example, and not if the user names a
transition, an organisation or years, is between `<!-- example -->` and `<!-- end -->`, or in files of its own.
The same version writes the same bytes.
"""

from __future__ import annotations

import os
import re
import secrets
import shutil
from contextlib import ExitStack
from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING, Final

from gpit_fairshare.errors import OutputError, UsageError
from gpit_fairshare.templates.workbooks import COMMAND, POPULATION, SPEND, workbook

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

__all__ = ["COMMAND", "FILES", "LETTER", "NeutralStart", "file_content", "write_folder"]

LETTER: Final = "letter.md"
FILES: Final = {
    "README.md": "what each file is, and the commands",
    "population.xlsx": "organisations and their patients",
    "spend.xlsx": "their spend, line by line",
    "scheme.toml": "years, values and where they come from",
    "my-formula.toml": "the rule: the fair share, step by step",
    LETTER: "the text of a letter to each organisation",
    "cases/first-case.toml": "what the rule should give for its inputs",
    "cases/first-case-population.csv": "its organisations",
    "cases/first-case-spend.csv": "its lines of spend",
    "gpit.toml": "the files that commands use here",
}
"""Every file that is written, by its name inside the folder, with a description."""

_EXAMPLE: Final = re.compile(r"<!-- example -->\n(.*?)<!-- end -->\n", re.DOTALL)
_WORKBOOKS: Final = {"population.xlsx": POPULATION, "spend.xlsx": SPEND}


@dataclass(frozen=True, slots=True)
class NeutralStart:
    """What the user chooses for a folder; empty if not chosen."""

    transition: str = ""
    """Name of a transition of the library."""
    organisation: str = ""
    """What a row is called."""
    years: tuple[str, ...] = ()


def write_folder(folder: Path, start: NeutralStart | None = None) -> list[Path]:
    """Write all files into a folder, which is created if it does not exist; return their paths, README first.

    All or none: they are written to a temporary folder and moved into place at the end.

    Args:
        folder: The folder.
        start: What the user chose; None for the worked example with a formula of its own.

    Raises:
        OutputError: The folder cannot be written to; it is unchanged.
    """
    try:
        _refuse_unusable(folder)
        files = {name: file_content(name) for name in FILES}
        readme, kept = files["README.md"].decode(), r"\1" if start is None else ""
        files["README.md"] = _EXAMPLE.sub(kept, readme).encode()
        if start is not None:
            # Polars loads only if there is something to calculate.
            from gpit_fairshare.templates.neutral_start import filled_in  # noqa: PLC0415

            files["cases/first-case.toml"] = file_content("cases/calculated-case.toml")
            files = filled_in(files, start.transition, start.organisation, start.years)
        _write_files(folder, files)
    except OSError as fault:
        raise OutputError(f"{folder}: cannot be written to ({fault.strerror or fault}); nothing was changed") from None
    return [folder / name for name in files]


def _refuse_unusable(folder: Path) -> None:
    """Refuse a folder whose files would be overwritten, or whose parent does not exist.

    Raises:
        UsageError: It is one of these, or a file.
    """
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"{folder}: is a file; give the name of a folder")
    if not folder.exists() and not folder.parent.is_dir():
        raise UsageError(f"{folder}: there is no folder {folder.parent}; create it first")
    existing = [name for name in FILES if os.path.lexists(folder / name)]
    if (folder / "cases").exists() and not (folder / "cases").is_dir():
        existing.append("cases")
    if existing:
        raise UsageError(
            f"{folder}: {', '.join(existing)} would be overwritten; give another folder, or move these files first"
        )


def file_content(name: str) -> bytes:
    """Return the bytes of a file of the folder: a workbook is made, all others are in the package."""
    if name in _WORKBOOKS:
        return workbook(_WORKBOOKS[name])
    return (resources.files("gpit_fairshare") / "templates" / "files" / name).read_bytes()


def _write_files(folder: Path, contents: Mapping[str, bytes]) -> None:
    """Write into a temporary folder beside the folder, or inside it if it exists, and move the files into place."""
    is_new = not folder.exists()
    stage_name = f".gpit-init.{secrets.token_hex(4)}.part"
    stage = folder.with_name(stage_name) if is_new else folder / stage_name
    try:
        for name, content in contents.items():
            path = stage / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        if is_new:
            stage.rename(folder)
        else:
            _move_files(stage, folder, contents)
    finally:
        shutil.rmtree(stage, ignore_errors=True)


def _move_files(stage: Path, folder: Path, names: Iterable[str]) -> None:
    """Move files from the stage into the folder; after a failure, remove those that were moved."""
    with ExitStack() as undo:
        for name in names:
            path = folder / name
            if not path.parent.is_dir():
                path.parent.mkdir()
                undo.callback(path.parent.rmdir)
            (stage / name).rename(path)
            undo.callback(path.unlink)
        undo.pop_all()
