"""The files that a document can be written to: a module for each, called after its ending, with a function `render`.

To add a format, add its module. None of them is loaded here, so that the command line knows the endings at once.
"""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

    from gpit_fairshare.reports.document import Document

FORMATS: Final = tuple(f".{module.name}" for module in iter_modules(__path__))
"""Endings of documents."""


def rendered(document: Document, ending: str) -> str:
    """Return a document as the text of a file with this ending."""
    return str(import_module(f"{__name__}.{ending[1:]}").render(document))


def write_file(document: Document, path: Path, ending: str) -> None:
    """Write a document in UTF-8."""
    path.write_bytes(rendered(document, ending).encode())
