"""What every verb does when it prints its answer."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from gpit_fairshare.errors import UsageError, nearest

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


@contextmanager
def reader_may_leave() -> Iterator[None]:
    """Print an answer to the end, or as far as its reader wants: a pipe such as head may have seen enough.

    That changes nothing about the result, so it is no fault.
    """
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def checked(outputs: Sequence[Path], inputs: Sequence[str], endings: Sequence[str]) -> list[Path]:
    """Refuse what cannot be written before anything is read.

    Raises:
        UsageError: An ending that is not among those that can be written, a folder, a file given twice, an input.
    """
    seen: set[Path] = set()
    for path in outputs:
        ending = path.suffix.lower()
        if ending not in endings:
            raise UsageError(
                f"-o {path}: the ending decides what is written: {', '.join(endings)}{nearest(ending, endings)}"
            )
        if path.is_dir():
            raise UsageError(f"-o {path}: is a folder; give a file's name")
        if not path.parent.is_dir():
            raise UsageError(f"-o {path}: there is no folder {path.parent}; make it first")
        place = path.resolve()
        if place in seen:
            raise UsageError(f"-o {path}: given twice")
        if any(Path(given).exists() and Path(given).resolve() == place for given in inputs):
            raise UsageError(f"-o {path}: is one of the inputs; inputs are never written over")
        seen.add(place)
    return list(outputs)
