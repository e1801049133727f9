"""Damaged files: each is read correctly or refused with a finding, and none crashes the program."""

import itertools
from operator import attrgetter

import pytest

from gpit_fairshare.findings import FindingCode
from gpit_fairshare.inputs.checked_tables import inspect_inputs
from gpit_fairshare.inputs.model import NeededColumn, Request
from tiers import fast_but
from torture import cases

CASES = list(cases())
HUGE = ("16384-columns.xlsx", "million-blank-rows.xlsx", "bomb-sharedStrings.xlsx", "bomb-sheet1.xlsx")
NAME = attrgetter("name")


def needs_of(case):
    """What the files of a case should give: patients, spend, or a plain number."""
    if "plain" in case.options:
        return (NeededColumn(case.options["plain"], "number"),)
    needs = []
    if "population" in case.files:
        needs.append(NeededColumn("registered_population", "number", "people"))
    if "spend" in case.files:
        needs.append(NeededColumn("historic_spend", "number", "£"))
    return tuple(needs)


def read(case, folder):
    """Write the files of a case and read them."""
    names = {}
    for option, (name, data) in case.files.items():
        (folder / name).write_bytes(data() if callable(data) else data)
        sheet = f":{case.sheet}" if case.sheet else ""
        names[option] = (f"{folder / name}{sheet}",)
    options = {key: value for key, value in case.options.items() if key != "plain"}
    request = Request(**{"years": ("2014/15",), "needs": needs_of(case), **names, **options})
    return inspect_inputs(request)[1]


@pytest.mark.parametrize("case", fast_but(HUGE, CASES, NAME), ids=NAME)
def test_damaged_file(case, tmp_path):
    """Accepted figures are those that the case wrote; refused figures have their finding."""
    inputs = read(case, tmp_path)
    errors = [finding for finding in inputs.findings if finding.level == "error"]

    assert case.finds <= {finding.number for finding in inputs.findings}
    assert bool(errors) == (case.figures is None), [str(error) for error in errors]
    for error in errors:
        assert error.expected or error.remedy
        assert error.file
        assert "\n" not in str(error)
        assert len(str(error)) < 1_500
    if case.figures is not None:
        table = inputs.tables["2014/15"]
        assert dict(zip(table["org_code"], table[case.column], strict=True)) == case.figures


def test_enough_cases():
    """There are at least 150 files with different names, and they cover every finding that files alone can cause."""
    names = [case.name for case in CASES]
    codes = set(itertools.chain.from_iterable(case.finds for case in CASES))

    assert len(CASES) >= 150
    assert len(set(names)) == len(names)
    elsewhere = {
        *("I10", "I22", "I29", "I31", "I32", "I33", "I34", "I53", "I54", "I55", "I56", "I57", "I58", "I61"),
        *("I62", "I63"),
    }
    assert {code.number for code in FindingCode if code.number.startswith("I")} - codes - elsewhere == set()
