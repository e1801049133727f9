"""docs/formulas.md and docs/schemes.md say what the library does: their commands give the figures worked by hand."""

from __future__ import annotations

import io
import json
import re
import shlex
import shutil
from contextlib import chdir, redirect_stdout
from operator import attrgetter
from typing import NamedTuple

import pytest

from gpit_fairshare import GpitError
from gpit_fairshare.cli import app
from gpit_fairshare.scheme.library import library_names
from running import ROOT, SAMPLES
from tiers import fast_but

PAGES = [(ROOT / "docs" / name).read_text(encoding="utf-8").split("\n## ") for name in ("formulas.md", "schemes.md")]
HEAD = "".join(head for head, *_ in PAGES)
PARTS = [part for _, *parts in PAGES for part in parts]


class Section(NamedTuple):
    """A section of the document: its commands, its table, and the message of the command that has no answer."""

    name: str
    text: str
    commands: list[str]
    table: list[list[str]]
    message: str


def section(part):
    """Return the section in a text."""
    rows = re.findall(r"^\| (`.*) \|$", part.partition("| step |")[2], flags=re.MULTILINE)
    return Section(
        name=part.partition("\n")[0],
        text=part,
        commands=re.findall(r"^```\n(gpit .*)\n```$", part, flags=re.MULTILINE),
        table=[row.split(" | ") for row in rows],
        message="".join(re.findall(r"^```text\n(.*)\n```$", part, flags=re.MULTILINE)),
    )


SECTIONS = [section(part) for part in PARTS]
ENGLAND = ("gpit-2014-16", "gpit-2014-16-cost-above-funding", "gpit-2014-16-streams")
NAME = attrgetter("name")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with the samples and the files that the document tells the reader to save."""
    place = tmp_path_factory.mktemp("schemes")
    shutil.copytree(SAMPLES, place / "data" / "samples")
    blocks = re.findall(r"`(\w+\.csv)`:\n\n```csv\n(.*?)```", HEAD, flags=re.DOTALL)
    assert [name for name, _ in blocks] == ["columns.csv", "no_patients.csv"]
    for name, text in blocks:
        (place / name).write_text(text, encoding="utf-8")
    return place


def typed(command, *more, folder):
    """Run a command in the folder, without starting Python anew, and return its exit code."""
    with chdir(folder), redirect_stdout(io.StringIO()):
        return app([*shlex.split(command)[1:], *more], standalone_mode=False)


def same(figure, value):
    """Return whether a figure in a table is the value, to the digits that it shows."""
    text = figure.replace(",", "")
    if text in ("yes", "no"):
        return value is (text == "yes")
    scale = 100 if text.endswith("%") else 1
    decimals = len(text.rstrip("%").partition(".")[2])
    return abs(float(text.rstrip("%")) - value * scale) <= 0.5 * 10**-decimals + 1e-9


def test_every_formula_and_scheme_is_described():
    """Every formula has a section here, and every scheme here or in another document; the list links to each."""
    names = [part.name for part in SECTIONS]
    others = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "docs").glob("*.md"))

    assert set(library_names("formula")) <= set(names) <= {*library_names("formula"), *library_names("scheme")}
    assert [name for name in library_names("scheme") if name not in names and f"`{name}`" not in others] == []
    assert re.findall(r"\(#([\w-]+)\)", HEAD) == names


@pytest.mark.parametrize("part", fast_but(ENGLAND, SECTIONS, NAME), ids=NAME)
def test_figures_worked_by_hand(folder, part):
    """The command of a section gives the figures of its table in the first year, to the digits shown."""
    assert typed(part.commands[0], "-o", f"{part.name}.json", folder=folder) == 0
    document = json.loads((folder / f"{part.name}.json").read_text("utf-8"))
    first = document["rows"][0]["year"]
    rows = [row for row in document["rows"] if row["year"] == first]

    assert [row["org_code"] for row in rows] == ["A", "B", "C", "D"]
    assert part.table
    wrong = [
        (step, row["org_code"], cell, row[step.strip("`")])
        for step, *cells in part.table
        for row, cell in zip(rows, cells, strict=True)
        if not same(cell, row[step.strip("`")])
    ]
    assert wrong == []


@pytest.mark.parametrize("part", SECTIONS, ids=lambda part: part.name)
def test_what_has_no_answer_stops_as_the_text_says(folder, part):
    """The second command of a section ends with the message below it; a section without one says why there is none."""
    if not part.message:
        assert len(part.commands) == 1
        assert "there is always an answer" in part.text.lower()
        return
    with pytest.raises(GpitError) as caught:
        typed(part.commands[1], folder=folder)
    assert part.message in " ".join(str(caught.value).split())
    assert caught.value.exit_code == 2
