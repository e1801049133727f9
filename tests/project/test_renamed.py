"""Earlier names of the Python API still work, and a warning names the new name."""

from __future__ import annotations

from importlib import import_module

import pytest

from gpit_fairshare import Finding, allocate, explain
from gpit_fairshare.findings import FindingCode

NAMES = [
    ("comparison", "Change", "RowChange"),
    ("comparison", "Difference", "RuleDifference"),
    ("engine", "Effect", "Sensitivity"),
    ("explanation", "Line", "ExplanationLine"),
    ("verification", "Change", "ManifestChange"),
    ("verification", "Difference", "FileDifference"),
    ("verification", "Kind", "DifferenceKind"),
    ("verification", "FileSeen", "RunFile"),
]


@pytest.mark.parametrize(("module", "old", "new"), NAMES)
def test_an_earlier_name_of_a_class_is_the_class(module, old, new):
    """The earlier name gives the same class, and the warning names the new one."""
    package = import_module(f"gpit_fairshare.{module}")

    with pytest.warns(DeprecationWarning, match=f"gpit_fairshare.{module}.{old} is now {new};"):
        assert getattr(package, old) is getattr(package, new)


def test_a_name_that_never_was_is_an_error():
    """A module has no attributes but its own and their earlier names."""
    with pytest.raises(AttributeError, match=r"module 'gpit_fairshare\.verification' has no attribute 'Chance'"):
        import_module("gpit_fairshare.verification").Chance  # noqa: B018


def test_the_text_of_a_finding_has_its_earlier_name():
    """`Finding.said` is `Finding.found_and_expected`."""
    finding = Finding(FindingCode("I16"), "error", "p.csv", "C5", "'2x' is not a number", "a number")

    with pytest.warns(DeprecationWarning, match="Finding.said is now found_and_expected;"):
        assert finding.said == "'2x' is not a number; expected a number"


def test_an_earlier_argument_is_the_argument():
    """`explain(what=…)` is `explain(source=…)`."""
    result = allocate(sample=True)

    with pytest.warns(DeprecationWarning, match=r"explain\(what=…\) is now source=…;"):
        explanation = explain(what=result, organisation="00C", year="2014/15")

    assert explanation.code == "00C"
