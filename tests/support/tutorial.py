"""The files of docs/tutorial.md as its reader has them: corrected workbooks, and the schemes of the page."""

from __future__ import annotations

import re
import shutil
from typing import TYPE_CHECKING

import openpyxl

from documents import pieces
from running import ROOT

if TYPE_CHECKING:
    from pathlib import Path

PAGE = ROOT / "docs" / "tutorial.md"
WORKBOOKS = ROOT / "examples" / "tutorial"
DRAFT, SOURCED = 1, 2
"""The first and second scheme of the page: its blocks of TOML are the defaults of the folder, and then these."""


def correct_cells(prose: str, folder: Path) -> None:
    """Change the cells of workbooks that a text tells its reader to change; each must have another value before."""
    for name, cell, value in re.findall(r"In `([\w-]+\.xlsx)`, change cell `([A-Z]+\d+)` to `(\w+)`", prose):
        book = openpyxl.load_workbook(folder / name)
        assert book.active[cell].value != value
        book.active[cell] = value
        book.save(folder / name)


def tutorial_files(folder: Path, scheme: int = SOURCED) -> dict[str, Path]:
    """Write the corrected workbooks and a scheme of the page into a folder; return them as options of a run."""
    for path in WORKBOOKS.glob("*.xlsx"):
        shutil.copy(path, folder)
    correct_cells(PAGE.read_text("utf-8"), folder)
    blocks = [piece.text for piece in pieces(PAGE) if piece.kind == "toml"]
    (folder / "scheme.toml").write_text(blocks[scheme], encoding="utf-8")
    names = {"population": "patients.xlsx", "spend": "it-costs.xlsx", "scheme": "scheme.toml"}
    return {option: folder / name for option, name in names.items()}
