"""Plug-in packages for gpit as an installer leaves them: a module, and a folder of metadata next to it."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING

from running import ROOT

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

LIBRARY = "gpit_fairshare.library"
FUNCTIONS = "gpit_fairshare.functions"
EXAMPLE = ROOT / "examples" / "plugin-package" / "src"
_NUMBERS = count(1)

HALVED = """
from gpit_fairshare import Function

HALVED = Function(polars=lambda x: x / 2, arguments={"x": None}, unit="x", excel="{x}/2", words="Half of it.")
"""


def metadata(site: Path, package: str, points: Mapping[str, Mapping[str, str]], version: str = "1.0") -> None:
    """Write the metadata of an installed package: its name, version and entry points."""
    folder = site / f"{package.replace('-', '_')}-{version}.dist-info"
    folder.mkdir(parents=True)
    (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: {version}\n", "utf-8")
    lines = [
        line
        for group, names in points.items()
        for line in (f"[{group}]", *(f"{name} = {value}" for name, value in names.items()))
    ]
    (folder / "entry_points.txt").write_text("\n".join(lines) + "\n", "utf-8")


def example(site: Path) -> Path:
    """Register the example package in its own folder as a plug-in; return the folder of its modules."""
    points = {
        LIBRARY: {"example": "fairshare_example.library"},
        FUNCTIONS: {
            "damped": "fairshare_example.functions:DAMPED",
            "s_curve": "fairshare_example.functions:S_CURVE",
        },
    }
    metadata(site, "fairshare-example", points)
    return EXAMPLE


def package(site: Path, module: str = "", files: Mapping[str, str] | None = None, **functions: str) -> str:
    """Install a package with a module of functions and a library of files; return its name, also that of its module."""
    name = f"stranger_{next(_NUMBERS)}"
    folder = site / name
    folder.mkdir(parents=True)
    (folder / "__init__.py").write_text(module, "utf-8")
    for file, text in (files or {}).items():
        (folder / file).parent.mkdir(exist_ok=True)
        (folder / file).write_text(text, "utf-8")
    points = {FUNCTIONS: {function: f"{name}:{value}" for function, value in functions.items()}}
    metadata(site, name, points | ({LIBRARY: {"rules": name}} if files else {}))
    return name
