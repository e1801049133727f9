"""Scripts and benchmarks, which no other test runs, can import what they need."""

from __future__ import annotations

import ast
from importlib import import_module

import pytest

from running import ROOT

PROGRAMS = [
    *sorted((ROOT / "benchmarks").glob("*.py")),
    *sorted((ROOT / "scripts").glob("*.py")),
    ROOT / "scripts/pictures",
    ROOT / "scripts/published-examples",
    ROOT / "scripts/python-page",
    ROOT / "scripts/screens",
]


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda path: path.name)
def test_every_import_of_a_program_works(program):
    """Every module and name that the program imports exists."""
    for node in ast.walk(ast.parse(program.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            for alias in node.names:
                import_module(alias.name)
        elif isinstance(node, ast.ImportFrom):
            module = import_module(node.module)
            for name in [alias.name for alias in node.names if not hasattr(module, alias.name)]:
                import_module(f"{node.module}.{name}")  # a module of a package that is not loaded yet
