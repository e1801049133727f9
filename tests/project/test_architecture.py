"""docs/architecture.md is in line with the code: its picture of the layers, and the modules that it names."""

from __future__ import annotations

import ast
import re
import tomllib
from itertools import chain

import pytest

from running import ROOT

PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
PICTURE = re.search(r"```mermaid\n(.*?)```", PAGE, re.DOTALL)[1]
PACKAGE = ROOT / "src" / "gpit_fairshare"
LAYERS = [
    {name.strip() for name in layer.split("|")}
    for layer in reversed(
        tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]["contracts"][0][
            "layers"
        ]
    )
]
"""The modules of each layer, lowest first."""
ARROWS = re.findall(r'^\s+(\w+) -- "[^"]+" --> (\w+)$', PICTURE, re.MULTILINE)


def imported_by(module):
    """Return the modules and packages directly in `gpit_fairshare` that a module or package imports."""
    path = PACKAGE / module
    files = path.rglob("*.py") if path.is_dir() else [path.with_suffix(".py")]
    nodes = chain.from_iterable(ast.walk(ast.parse(file.read_text(encoding="utf-8"))) for file in files)
    imported = set()
    for node in nodes:
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "gpit_fairshare":
            imported |= {node.module.split(".")[1]} if "." in node.module else {alias.name for alias in node.names}
    return imported


def test_each_module_is_in_one_layer_of_the_picture():
    """The boxes of the picture have every module of the layers once; a box is a run of whole layers, in order."""
    boxes = [re.findall(r"\w+", body) for body in re.findall(r"subgraph [^\n]+\n([^\n]+)\n\s+end", PICTURE)]
    layers = list(LAYERS)
    for box in boxes:
        left = set(box)
        assert len(left) == len(box)
        while left:
            assert layers, left
            assert layers[0] <= left, (layers[0], left)
            left -= layers.pop(0)
    assert not layers


@pytest.mark.parametrize(("start", "end"), ARROWS, ids=" to ".join)
def test_arrows_point_to_the_importing_module(start, end):
    """The module at the end of an arrow imports the one at its start."""
    assert start in imported_by(end)


@pytest.mark.parametrize("path", sorted({*re.findall(r"`((?:[a-z_]+/)*[a-z_]+\.(?:py|md|toml))`", PAGE)}), ids=str)
def test_named_files_exist(path):
    """Each file that the page names is in the package or in the project."""
    assert (PACKAGE / path).is_file() or (ROOT / path).is_file()
