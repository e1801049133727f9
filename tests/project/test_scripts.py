"""Scripts and benchmarks, which no other test runs, find what they import."""

from __future__ import annotations

import ast
from importlib import import_module

import pytest

from running import ROOT

PROGRAMS = [
    *sorted((ROOT / "benchmarks").glob("*.py")),
    *sorted((ROOT / "scripts").glob("*.py")),
    ROOT / "scripts/pictures",
]


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda path: path.name)
def test_every_name_that_a_program_imports_is_there(program):
    """Modules and names move; a program that is run by hand is not to be the last to know."""
    for node in ast.walk(ast.parse(program.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            for alias in node.names:
                import_module(alias.name)
        elif isinstance(node, ast.ImportFrom):
            module = import_module(node.module)
            assert [alias.name for alias in node.names if not hasattr(module, alias.name)] == []
