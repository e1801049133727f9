"""The findings of `gpit check` on published files and the sample, compared with the stored ones."""

import json

import pytest

import checked_files
from gpit_fairshare import check

KEPT = json.loads(checked_files.KEPT.read_text(encoding="utf-8"))


FAST = ("data/samples/abcd-population.csv", "shared/data/ccg-targets-2013-14-sample.csv")


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=[] if name in FAST else [pytest.mark.slow]) for name in KEPT if name != "sample"],
)
def test_same_findings_as_before(name):
    """The findings about a published table equal the stored ones: none is new, none is missing."""
    address = checked_files.tables().get(name)
    if address is None:
        pytest.skip(f"{name}, a published file, is not beside the repository")

    assert checked_files.findings(address) == KEPT[name]


def test_every_table_is_kept():
    """Every table next to the repository has stored findings."""
    assert set(checked_files.tables()) <= set(KEPT)


def test_sample_has_the_same_findings():
    """The findings about the sample equal the stored ones."""
    assert checked_files.shortened(check(sample=True).findings) == KEPT["sample"]["sample"]
