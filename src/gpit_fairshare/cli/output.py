"""What every verb does when it prints its answer."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

import typer

from gpit_fairshare.errors import OutputError, UsageError
from gpit_fairshare.files import place_to_write
from gpit_fairshare.words import nearest, visible

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from typing import TextIO


_TABLES: Final = (".csv", ".parquet")
_BESIDE: Final = ".manifest.json"
"""Ending of the manifest beside a table, as in `results.writing`, without loading what that needs."""


@contextmanager
def reader_may_leave() -> Iterator[None]:
    """Print an answer to the end, or as far as its reader wants: a pipe such as head may have seen enough.

    That changes nothing about the result, so it is no fault. Nothing but printing belongs inside.

    Raises:
        OutputError: The answer cannot be printed, as on a full disk.
    """
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError:
        abandon(sys.stdout)
    except OSError as fault:
        raise lost(fault) from None


def print_text(text: str) -> None:
    """Print a document in UTF-8; what would act on a terminal or in a log is printed as an escape."""
    # Bytes, so that a console of another code page changes nothing.
    typer.echo(visible(text).encode(), nl=False)


def print_json(document: object) -> None:
    """Print a document as JSON."""
    from gpit_fairshare.results.writing import json_text  # noqa: PLC0415  # polars loads here, not for --help

    print_text(json_text(document))


def tell(message: str) -> None:
    """Print a message on one line; where it cannot be printed, the exit code still says how the run ended."""
    try:
        typer.echo(visible(" ".join(message.splitlines())), err=True)
    except OSError:
        abandon(sys.stderr)


def lost(fault: OSError) -> OutputError:
    """Return what is to be said where standard output takes no more; nothing else is printed there."""
    abandon(sys.stdout)
    return OutputError(
        f"standard output cannot be written: {fault.strerror or fault}; the answer is not whole, send it elsewhere"
    )


def abandon(stream: TextIO) -> None:
    """Let what was not printed go, so that Python does not try again, and fail, when it leaves."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def checked(
    outputs: Sequence[Path], inputs: Sequence[str], endings: Sequence[str], *, option: str = "-o"
) -> list[Path]:
    """Refuse what cannot be written before anything is read; `option` is what messages call it by.

    Raises:
        UsageError: An ending that is not among those that can be written, a place that cannot be written, a file
            given twice, an input.
    """
    seen: set[Path] = set()
    kept, beside = _places(inputs)
    for path in outputs:
        ending = path.suffix.lower()
        if ending not in endings:
            raise UsageError(
                f"{option} {path}: the ending decides what is written: {', '.join(endings)}{nearest(ending, endings)}"
            )
        place = place_of(option, path)
        if place in seen:
            raise UsageError(f"{option} {path}: given twice")
        if place in kept:
            raise UsageError(f"{option} {path}: is one of the inputs; inputs are never written over")
        if place in beside:
            raise UsageError(
                f"{option} {path}: is the manifest of {beside[place]}, one of the inputs; inputs are never written over"
            )
        seen.add(place)
    return list(outputs)


def place_of(option: str, path: Path) -> Path:
    """Return the file that an option writes, where links lead.

    Raises:
        UsageError: It is a folder or a device, its folder is not there, or no file can be there.
    """
    try:
        if path.is_dir():
            raise UsageError(f"{option} {path}: is a folder; give a file's name")
        if not path.parent.is_dir():
            raise UsageError(f"{option} {path}: there is no folder {path.parent}; make it first")
        return place_to_write(path)
    except OSError as fault:
        raise UsageError(f"{option} {path}: cannot be written ({fault.strerror or fault})") from None


def _places(inputs: Iterable[str]) -> tuple[set[Path], dict[Path, str]]:
    """Return where the inputs lie, and where the manifest of each table among them does, with the table's name."""
    exists = os.path.exists  # unlike that of Path it takes any text: a name that is too long is not there
    texts = (given if exists(given) else given.rpartition(":")[0] for given in inputs)  # FILE:SHEET
    there = [Path(text) for text in texts if exists(text)]
    tables = [path for path in there if path.suffix.lower() in _TABLES]
    beside = {path.with_name(f"{path.name}{_BESIDE}").resolve(): path.name for path in tables}
    return {path.resolve() for path in there}, beside
