"""The tutorial works from its first step to its last, in an empty folder, and prints what the page shows."""

from __future__ import annotations

import re
import shutil

import pytest

from documents import pieces, quoted, run_as_typed
from tutorial import PAGE, WORKBOOKS, correct_cells

FIRST_CHECK, WHAT_IF = "gpit check", "gpit compare"


@pytest.mark.slow
def test_tutorial(tmp_path, capsys):
    """The first check is refused, the comparison finds a difference, and all other commands end with 0.

    Each text that the page shows is in what the command above it prints.
    """
    folder, codes, printed = tmp_path, [], ""
    for piece in pieces(PAGE):
        if "Copy the two workbooks into the folder" in piece.before:
            for path in WORKBOOKS.glob("*.xlsx"):
                shutil.copy(path, folder)
        correct_cells(piece.before, folder)
        if piece.kind == "toml":
            (folder / quoted(piece.before)[-1]).write_text(piece.text, encoding="utf-8")
        elif piece.kind == "text":
            assert " ".join(piece.text.split()) in printed
        else:
            assert piece.kind == "bash"
            for command in piece.text.splitlines():
                if command.startswith("cd "):
                    folder /= command.removeprefix("cd ")
                else:
                    codes.append((command, run_as_typed(command, folder)))
                    printed = " ".join("".join(capsys.readouterr()).split())

    assert [command for command, code in codes if code == 2] == [FIRST_CHECK]
    assert [command for command, code in codes if code == 1 and not command.startswith(WHAT_IF)] == []
    assert (codes[1], codes[2]) == ((FIRST_CHECK, 2), (FIRST_CHECK, 0))
    assert len(re.findall(r"^## \d+\. ", PAGE.read_text("utf-8"), re.MULTILINE)) == 10
    names = {path.name for path in folder.iterdir()}
    assert {"allocations.xlsx", "what-if.xlsx", "board-paper.html", "letters.md"} <= names
