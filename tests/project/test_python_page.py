"""docs/python.md is what `scripts/python-page` makes of the public names."""

from __future__ import annotations

import runpy

import gpit_fairshare
from running import ROOT

PAGE = (ROOT / "docs" / "python.md").read_text(encoding="utf-8")


def test_the_page_is_that_of_the_code():
    """Signatures and docstrings of today give the page; if they do not, run `scripts/python-page`."""
    assert runpy.run_path(str(ROOT / "scripts" / "python-page"))["page"]() == PAGE


def test_the_page_names_everything_public():
    """Each name of the package is on the page, but for its version."""
    missing = {name for name in gpit_fairshare.__all__ if f"`{name}`" not in PAGE and f"\n## {name}\n" not in PAGE}

    assert missing == {"__version__"}
