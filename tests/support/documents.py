"""The documents of the project in pieces: code blocks, tables, and quotations in them."""

from __future__ import annotations

import io
import re
import shlex
import sys
from contextlib import chdir, redirect_stdout
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING
from unittest.mock import patch

from gpit_fairshare.cli import _run, app

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@dataclass(frozen=True)
class Piece:
    """A fenced block or a table of a document, with the prose before it."""

    kind: str
    """Language of the block, such as `toml`; `table` for a table; empty for a block without a language."""
    text: str
    before: str
    rows: tuple[tuple[str, ...], ...] = ()
    """Cells of a table; the first row has the headings."""


@cache
def pieces(document: Path) -> tuple[Piece, ...]:
    """Return the blocks and tables of a document, in order."""
    blocks, before = [], ""
    lines = iter(document.read_text(encoding="utf-8").splitlines())
    for line in lines:
        if line.startswith("```"):
            text = "".join(f"{block_line}\n" for block_line in iter(lambda: next(lines), "```"))
            blocks.append(Piece(line[3:].strip(), text, before))
            before = ""
        elif line.startswith("|"):
            table = [line, *_while_table(lines)]
            cells = [tuple(re.split(r"(?<!\\) ?\| ?", row)[1:-1]) for row in table]
            blocks.append(Piece("table", "\n".join(table), before, (cells[0], *cells[2:])))
            before = ""
        else:
            before += f"{line}\n"
    return tuple(blocks)


def _while_table(lines: Iterator[str]) -> Iterator[str]:
    for line in lines:
        if not line.startswith("|"):
            return
        yield line


def tables(document: Path, *headings: str) -> list[Piece]:
    """Return the tables with these first headings."""
    return [
        piece
        for piece in pieces(document)
        if piece.kind == "table" and piece.rows[0][: len(headings)] == tuple(headings)
    ]


def table(document: Path, *headings: str) -> list[tuple[str, ...]]:
    """Return the rows, without the headings, of the only table with these headings."""
    (match,) = tables(document, *headings)
    return list(match.rows[1:])


def quoted(text: str) -> list[str]:
    """Return the texts between backticks."""
    return re.findall(r"`([^`]+)`", text)


def same(text_shown: str, value: float | str | bool) -> bool:
    """Whether a figure of a table equals the value, to the digits shown."""
    text = text_shown.strip("` ").replace(",", "").replace("£", "").replace("−", "-")
    if isinstance(value, bool) or text in ("yes", "no"):
        return text == ("yes" if value else "no")
    scale = 100 if text.endswith("%") else 1
    decimals = len(text.rstrip("%").partition(".")[2])
    return abs(float(text.rstrip("%")) - value * scale) <= 0.5 * 10**-decimals + 1e-9


def typed(command: str, *more: str, folder: Path) -> int:
    """Run a command of a document in a folder, in this process, and return its exit code."""
    with chdir(folder), redirect_stdout(io.StringIO()):
        return app([*shlex.split(command)[1:], *more], standalone_mode=False)


def run_as_typed(command: str, folder: Path) -> int:
    """Run a command in a folder, in this process, with its messages on standard error, and return its exit code.

    A path of Windows is read with slashes.
    """
    with chdir(folder), patch.object(sys, "argv", shlex.split(command.replace("\\", "/"))):
        return _run()
