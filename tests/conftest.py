"""Fixtures for all tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from folders import Folder
from recalculation import soffice_or_skip

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="session")
def libreoffice() -> Path:
    """The LibreOffice program, for tests that recalculate: `@pytest.mark.usefixtures("libreoffice")`.

    Without it the test is skipped, but fails where the environment variable CI is set. There is nothing to
    share between tests or processes: `recalculate` gives every run a profile of its own.
    """
    return soffice_or_skip()


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    """An empty folder for input files."""
    return Folder(tmp_path)
