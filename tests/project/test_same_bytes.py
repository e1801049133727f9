"""Outputs keep their bytes when a change of code changes no figure and no word."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import same_bytes
from tiers import slow_but

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def digests() -> dict[str, str]:
    """Return the recorded digests."""
    record = same_bytes.recorded()
    if same_bytes.versions() != record["versions"]:
        pytest.skip(f"the digests are for {record['versions']}, but {same_bytes.versions()} are installed")
    return record["sha256"]


@pytest.mark.parametrize("transition", slow_but(["above-average-cost"], same_bytes.TRANSITIONS))
def test_outputs_of_the_sample_are_the_same_bytes(transition: str, digests: dict[str, str], tmp_path: Path) -> None:
    """Table, JSON document and workbook of the sample have the recorded digests, with each transition."""
    made = same_bytes.output_digests(transition, tmp_path)
    assert made == {name: digests[name] for name in made}


@pytest.mark.slow
def test_printed_texts_of_the_sample_are_the_same_bytes(digests: dict[str, str], tmp_path: Path) -> None:
    """Printed texts of all verbs for the sample, at two widths and as documents, have the recorded digests."""
    assert same_bytes.digests(tmp_path) == digests
