"""Every command of the README and of docs runs as written, page by page, in a folder with the files of its page."""

from __future__ import annotations

import re
import shutil
from contextlib import chdir

import pytest

from documents import Piece, pieces, quoted, run_as_typed
from running import ROOT, SAMPLES

PAGES = sorted(page for page in [ROOT / "README.md", *ROOT.glob("docs/*.md")] if page.name != "tutorial.md")
SHELLS = ("", "bash", "powershell")
OF_A_FOLDER = "gpit.toml"
"""Its defaults are for a folder with its files, not for all commands of a page."""
FORMULAS = ROOT / "docs" / "formulas.md"
DIFFERS = ("compare", "verify")
"""Verbs that may end with 1: what they compare differs."""
SAMPLE = "gpit allocate --sample -o allocations.xlsx -o allocations.json"
OF_FILES = "gpit allocate --population population.csv --spend spend.csv"
BEFORE = {
    "ci.md": (
        "gpit init .",
        f"{OF_FILES} --scheme scheme.toml -o main.json -o allocations.xlsx",
        f"{OF_FILES} --scheme scheme.toml --set core_sum=60000 -o change.json",
    ),
    "commands.md": ("gpit init .",),
    "compare.md": (
        "gpit library new my-scheme --kind scheme",
        "gpit allocate --sample -o last-year.xlsx",
        "gpit allocate --sample --transition none -o this-year.xlsx",
        f"{OF_FILES} -o out.json",
    ),
    "explain.md": (SAMPLE,),
    "library.md": ("gpit library new my-scheme --kind scheme",),
    "verify.md": (SAMPLE,),
}
"""Commands that make the files which a page names without showing them, by page."""
BOARDS = """\
ICB Code,Historic spend (£k),Target allocation (£k),Base growth
QAA,1000,1100,5.0%
QBB,2000,1900,5.0%
"""


def commands(page):
    """Return the commands of `gpit` on a page, each with the message of a refusal shown below it, or an empty text."""
    blocks = pieces(page)
    entries = []
    for piece, following in zip(blocks, (*blocks[1:], Piece("", "", "")), strict=False):
        lines = [line for line in piece.text.splitlines() if re.match(r"(\S*[/\\])?gpit ", line)]
        messages = [following.text] if following.kind == "text" else quoted(following.before)
        if piece.kind in SHELLS:
            entries += [(line, max(messages, key=len, default="")) for line in lines]
    return entries


def write_files(page, folder):
    """Write the files of a page: each block of TOML, CSV or Markdown below a text that names a file last."""
    for piece in pieces(page):
        ending = {"toml": ".toml", "csv": ".csv", "markdown": ".md"}.get(piece.kind)
        names = [name for name in quoted(piece.before) if re.fullmatch(r"[\w-]+\.(toml|csv|md)", name)]
        if ending and names and names[-1].endswith(ending) and names[-1] != OF_A_FOLDER:
            (folder / names[-1]).write_text(piece.text, encoding="utf-8")


@pytest.fixture
def folder(tmp_path):
    """A folder with the samples, files of made-up organisations, and the columns of docs/formulas.md."""
    shutil.copytree(SAMPLES, tmp_path / "data" / "samples")
    shutil.copytree(ROOT / "examples" / "capital-bids", tmp_path / "examples" / "capital-bids")
    for name in ("population.csv", "spend.csv"):
        shutil.copyfile(ROOT / "examples" / "team-repository" / name, tmp_path / name)
    (tmp_path / "boards.csv").write_text(BOARDS, encoding="utf-8")
    for name in ("inputs", "C:/My files"):
        (tmp_path / name).mkdir(parents=True)
    shutil.copyfile(ROOT / "examples" / "tutorial" / "patients.xlsx", tmp_path / "C:" / "My files" / "patients.xlsx")
    shutil.copyfile(ROOT / "examples" / "tutorial" / "it-costs.xlsx", tmp_path / "spend-final.xlsx")
    write_files(FORMULAS, tmp_path)
    return tmp_path


@pytest.mark.slow
@pytest.mark.parametrize("page", [page for page in PAGES if commands(page)], ids=lambda page: page.name)
def test_commands_run(page, folder, capsys):
    """Each command of a page does its work, or is refused with the message that the page shows below it."""
    for command in BEFORE.get(page.name, ()):
        assert run_as_typed(command, folder) == 0, capsys.readouterr().err
    write_files(page, folder)
    capsys.readouterr()
    for command, shown in commands(page):
        code = run_as_typed(command, folder)
        printed = capsys.readouterr()
        if code == 2:
            assert len(shown) > 40, f"{command}\n{printed.err}"
            assert " ".join(shown.split()) in " ".join(printed.err.split()), command
        else:
            assert code in ((0, 1) if command.split()[1] in DIFFERS else (0,)), f"{command}\n{printed.err}"


@pytest.mark.slow
@pytest.mark.parametrize("page", ["compare", "explain", "how-to-notebook", "population", "python", "sweep"])
def test_python_runs(page, folder):
    """The blocks of Python of a page run one after the other; other tests run those of the other pages.

    On the page about notebooks A keeps 95% of its £600,000 in each of the 50 runs.
    """
    names = {}
    for command in BEFORE.get(f"{page}.md", ()):
        assert run_as_typed(command, folder) == 0
    write_files(ROOT / "docs" / f"{page}.md", folder)
    with chdir(folder):
        for piece in pieces(ROOT / "docs" / f"{page}.md"):
            if piece.kind == "python":
                exec(compile(piece.text, folder / "page.py", "exec"), names)  # noqa: S102  # code of the documents

    assert "allocate" in names or "sweep" in names
    assert {len(names.get("totals", ())), *names.get("totals", {}).values()} in ({50, 570_000}, {0})
