"""The parts of a page in one HTML file, with a policy that allows its two scripts and its style, and nothing else."""

from __future__ import annotations

import base64
import hashlib
from importlib.resources import files
from typing import TYPE_CHECKING, Final

from gpit_fairshare.reports.formats.html import escaped

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

SCRIPTS: Final = (
    "numbers",
    "kernels",
    "engine",
    "words",
    "elements",
    "measures",
    "settings",
    "charts",
    "table",
    "organisation",
    "what_if",
)
"""Files of `scripts/` in the order in which they are joined; the formulas of the run and `page` follow."""
COMPARISON_SCRIPTS: Final = ("numbers", "words", "elements", "measures", "charts", "table", "comparison")
"""Those of the page of a comparison, which has no formulas."""
LICENCES: Final = "Licences of the drawing library in this file"
_FOLDER: Final = "gpit_fairshare.reports.page"
_NEVER_IN_A_SCRIPT: Final = ("</script", "<!--", "\r")
"""Texts that would end a script early, or change it when it is parsed, so that its hash no longer fits."""


def own_script(formulas: str, names: Sequence[str] = SCRIPTS) -> str:
    """Return the script of a page: its files in one function, with the formulas of a run (`page_model`) among them."""
    folder = files(_FOLDER).joinpath("scripts")
    parts = [folder.joinpath(f"{name}.js").read_text(encoding="utf-8") for name in names]
    parts += [formulas, folder.joinpath("page.js").read_text(encoding="utf-8")]
    return f'(() => {{\n"use strict";\n{"".join(f"{part}{chr(10)}" for part in parts)}}})();'


def style() -> str:
    """Return the style sheet of a page."""
    return files(_FOLDER).joinpath("page.css").read_text(encoding="utf-8")


def assembled(title: str, body: str, *, data: Mapping[str, str], scripts: tuple[str, str]) -> str:
    """Return a page as one file.

    Args:
        title: The text of its window.
        body: Its content as HTML.
        data: JSON by the id of its element; no text in it begins a tag.
        scripts: That of the charts and that of the page.

    Raises:
        ValueError: A script or JSON would end its element early: a mistake in gpit, not in a file.
    """
    for text in (*scripts, *data.values()):
        if any(mark in text.lower() for mark in _NEVER_IN_A_SCRIPT):
            raise ValueError(f"a script of the page has one of {_NEVER_IN_A_SCRIPT}")
    sheet = style()
    elements = [f'<script type="application/json" id="{name}">{text}</script>\n' for name, text in data.items()]
    elements += [f"<script>{script}</script>\n" for script in scripts]
    return (
        f'<!DOCTYPE html>\n<html lang="en-GB">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_policy(scripts, sheet)}">\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n<title>{escaped(title)}</title>\n'
        f"<style>{sheet}</style>\n</head>\n<body>\n{body}{''.join(elements)}</body>\n</html>\n"
    )


def _policy(scripts: tuple[str, ...], sheet: str) -> str:
    """Return the policy that allows these scripts and this style sheet by their digests, and no request."""
    allowed = " ".join(map(_digest, scripts))
    return (
        f"default-src 'none'; script-src {allowed}; style-src {_digest(sheet)}; img-src data:; "
        "form-action 'none'; base-uri 'none'"
    )


def _digest(text: str) -> str:
    """Return the SHA-256 of a text as a source of the policy."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
