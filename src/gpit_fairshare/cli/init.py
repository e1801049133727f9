"""`gpit init`: create a folder with input templates, a scheme to edit and a first case."""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gpit_fairshare.cli import options
from gpit_fairshare.cli.output import allow_closed_pipe, print_json
from gpit_fairshare.errors import UsageError
from gpit_fairshare.words import visible

if TYPE_CHECKING:
    from collections.abc import Mapping


@options.verb()
def init(
    *,
    folder: Annotated[
        str, typer.Argument(metavar="DIR", help="Folder to write to; created if it does not exist.", show_default=False)
    ],
    transition: Annotated[
        str, typer.Option("--transition", metavar="NAME", help="Start with this transition of the library.")
    ] = "",
    organisation: Annotated[
        str, typer.Option("--organisation", metavar="WORD", help="What a row is called: CCG, ICB, practice.")
    ] = "",
    years: Annotated[
        list[str] | None, typer.Option("--years", metavar="YEAR", help="A year of the scheme; may be repeated.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document instead of the list.")] = False,
) -> None:
    """Create a folder with input templates and an example scheme.

    It is ready to run: replace the examples with your own figures. With a transition, an organisation or years, the
    scheme is a draft that starts from registered patients and the transition.
    """
    _refuse_empty(folder)
    # XlsxWriter loads here, so that --help answers at once.
    from gpit_fairshare.templates import COMMAND, FILES, NeutralStart, write_folder  # noqa: PLC0415

    is_neutral = bool(transition or organisation or years)
    start = NeutralStart(transition, organisation, tuple(years or ())) if is_neutral else None
    paths = write_folder(Path(folder), start)
    with allow_closed_pipe():
        if as_json:
            files = [str(path) for path in paths]
            print_json({"schema": "gpit-init/1", "folder": folder, "files": files, "command": COMMAND})
        else:
            names = [path.relative_to(folder).as_posix() for path in paths]
            typer.echo(visible(_summary(folder, {name: FILES[name] for name in names}, COMMAND)))


def _refuse_empty(folder: str) -> None:
    """Refuse a folder's name that is blank.

    Raises:
        UsageError: It is blank.
    """
    if not folder.strip():
        raise UsageError("DIR is empty; give the name of a folder, or . for this one")


def _summary(folder: str, files: Mapping[str, str], command: str) -> str:
    """Return a summary of what was written and what to type next; the command is on one line, to be copied whole."""
    is_current_folder = Path(folder) == Path()
    width = max(map(len, files))
    return "\n".join(
        [
            f"Written in {'this folder' if is_current_folder else folder}, with example figures:",
            *(f"  {name:{width}}  {meaning}" for name, meaning in files.items()),
            "",
            "Next:",
            "",
            *([] if is_current_folder else [f"cd {_quoted(folder)}"]),
            command,
        ]
    )


def _quoted(path: str) -> str:
    """Return a path quoted so that bash and PowerShell both read it, as far as that is possible."""
    if all(sign.isalnum() or sign in f"_-./:{os.sep}" for sign in path):
        return path
    # Between double quotes these have a special meaning; a backslash only in bash.
    strange = {*'"$`!', "\\"} - {os.sep}
    return shlex.quote(path) if strange & {*path} else f'"{path}"'
