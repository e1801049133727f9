"""A change of the code that changes no figure and no word changes no byte."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import same_bytes

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def digests() -> dict[str, str]:
    """The digests on file."""
    record = same_bytes.recorded()
    if same_bytes.versions() != record["versions"]:
        pytest.skip(f"the digests hold for {record['versions']}, and installed are {same_bytes.versions()}")
    return record["sha256"]


@pytest.mark.parametrize("transition", same_bytes.TRANSITIONS)
def test_outputs_of_the_sample_are_the_same_bytes(transition: str, digests: dict[str, str], tmp_path: Path) -> None:
    """Table, JSON document and workbook of the sample have the digests on file, whatever the transition."""
    made = same_bytes.output_digests(transition, tmp_path)
    assert made == {name: digests[name] for name in made}


@pytest.mark.slow
def test_what_is_printed_of_the_sample_is_the_same_bytes(digests: dict[str, str], tmp_path: Path) -> None:
    """What the verbs print of the sample, on screens of two widths and as documents, has the digests on file."""
    assert same_bytes.digests(tmp_path) == digests
