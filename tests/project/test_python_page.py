"""docs/python.md and docs/python-results.md are what `scripts/python-page` makes of the public names."""

from __future__ import annotations

import runpy

import gpit_fairshare
from running import ROOT

PAGES = {name: (ROOT / "docs" / name).read_text(encoding="utf-8") for name in ("python.md", "python-results.md")}


def test_the_pages_are_those_of_the_code():
    """Signatures and docstrings of today give the pages; if they do not, run `scripts/python-page`."""
    assert runpy.run_path(str(ROOT / "scripts" / "python-page"))["pages"]() == PAGES


def test_the_pages_name_everything_public():
    """Each name of the package is on a page, but for its version."""
    texts = "".join(PAGES.values())
    missing = {name for name in gpit_fairshare.__all__ if f"`{name}`" not in texts and f"\n## {name}\n" not in texts}

    assert missing == {"__version__"}
