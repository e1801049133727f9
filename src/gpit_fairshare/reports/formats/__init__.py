"""The file formats of documents: one module each, named after the file ending, with a function `render`.

To add a format, add its module. The modules load only when needed, so that the command line starts quickly.
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
    """Return the text of a document in the format of a file ending, such as `.md`."""
    return str(import_module(f"{__name__}.{ending[1:]}").render(document))


def write_file(document: Document, path: Path, ending: str) -> None:
    """Write a document to a file in UTF-8, in the format of a file ending."""
    path.write_bytes(rendered(document, ending).encode())
