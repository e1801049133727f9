"""Fixtures for all tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import recalculation
from folders import Folder

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence
    from pathlib import Path


@pytest.hookimpl(tryfirst=True)  # before pytest chooses tests by their markers
def pytest_collection_modifyitems(items: Sequence[pytest.Item]) -> None:
    """Mark every test that uses the fixture `libreoffice`."""
    for item in items:
        if "libreoffice" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.libreoffice)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Let only tests with the marker `libreoffice` find LibreOffice, so that the fast tier does without it."""
    recalculation.may_be_used = item.get_closest_marker("libreoffice") is not None
    return (yield)


@pytest.fixture(scope="session")
def libreoffice() -> Path:
    """The LibreOffice program, for tests that recalculate: `@pytest.mark.usefixtures("libreoffice")`.

    Without it the test is skipped, but fails where the environment variable CI is set. There is nothing to
    share between tests or processes: `recalculate` gives every run a profile of its own.
    """
    return recalculation.soffice_or_skip()


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    """An empty folder for input files."""
    return Folder(tmp_path)
