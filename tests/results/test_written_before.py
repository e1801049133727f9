"""Results that gpit 0.3.0 wrote, before the words of sheets and messages changed, are read, explained and verified.

The folder `written_by_0_3_0` holds 12 CCGs of the sample, run with
`gpit allocate --population population.csv --spend spend.csv --set revenue_budget=9000000 --set transition_fund=900000`.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from gpit_fairshare import allocate, compare, explain, verify
from gpit_fairshare.verification import DifferenceKind
from retouching import type_over
from running import ROOT, gpit
from tiers import slow_but

FOLDER = Path(__file__).parent / "written_by_0_3_0"
RESULTS = ("result.xlsx", "result.json", "result.csv")


@pytest.fixture(scope="module")
def today():
    """The same run by this version."""
    return allocate(
        population=FOLDER / "population.csv",
        spend=FOLDER / "spend.csv",
        settings={"revenue_budget": 9_000_000, "transition_fund": 900_000},
    )


def allocations():
    """Each organisation's allocation of each year, as the JSON document of 0.3.0 has it."""
    document = json.loads((FOLDER / "result.json").read_text(encoding="utf-8"))
    return {(row["year"], row["org_code"]): row["allocation"] for row in document["rows"]}


@pytest.mark.parametrize("name", slow_but(["result.xlsx"], RESULTS))
def test_an_earlier_result_is_explained(name):
    """Oxfordshire's allocation of 2014/15 is explained from each file of 0.3.0, and is the figure in it."""
    explanation = explain(FOLDER / name, "10Q", year="2014/15")

    (year,) = explanation.years
    assert explanation.differences == ()
    assert [line.value for line in year.lines if line.answer] == [allocations()["2014/15", "10Q"]]


@pytest.mark.parametrize("name", slow_but(["result.xlsx"], RESULTS))
def test_an_earlier_result_is_compared_with_todays(name, today):
    """No row differs between a file of 0.3.0 and the same run by this version."""
    comparison = compare(FOLDER / name, today)

    assert comparison.row_count == len(allocations()) == 24
    assert comparison.same
    assert comparison.rows.is_empty()
    kinds = {difference.kind for difference in comparison.differences}
    assert kinds <= {"check renamed", "origin of a value changed", "version changed"}
    assert comparison.illustrative == ("spend.csv: 89 of 89 rows are marked illustrative.",)


@pytest.mark.parametrize("name", slow_but(["result.xlsx"], RESULTS))
def test_verify_tells_words_from_figures(name):
    """Verifying a file of 0.3.0: the version comes first, every figure is the same, and only words differ."""
    verification = verify(FOLDER / name)

    assert (verification.versions[0].name, verification.versions[0].then) == ("gpit", "0.3.0")
    assert not any(file.differs for file in verification.files)
    assert verification.parameters == verification.manifest == verification.off_rule == ()
    assert set(verification.content.counts) == {DifferenceKind.WORDS}
    assert (verification.verdict, verification.answer.differing) == ("same figures", 0)


def test_the_screen_names_the_version_first():
    """The first words of the report are about the version, and the exit code is 1: texts differ."""
    done = gpit("verify", "result.xlsx", folder=FOLDER)

    assert done.returncode == 1
    assert done.stdout.decode().startswith("result.xlsx was written by gpit 0.3.0; this is gpit ")


def test_the_guide_shows_the_first_lines_of_the_report():
    """The example in docs/verify.md is how the report on the JSON document of 0.3.0 begins."""
    begins = "\n".join(gpit("verify", "result.json", folder=FOLDER).stdout.decode().splitlines()[:3])

    assert f"```\n{begins}\n```" in (ROOT / "docs" / "verify.md").read_text(encoding="utf-8")


def test_a_figure_changed_in_an_earlier_workbook_is_named(tmp_path):
    """A pound more in a cell of a workbook of 0.3.0 is a figure, among all the words that differ."""
    folder = Path(shutil.copytree(FOLDER, tmp_path / "earlier"))
    type_over(folder / "result.xlsx", "Population", "E5", 106_614)
    verification = verify(folder / "result.xlsx")

    assert verification.verdict == "differs"
    (changed,) = verification.content.kept_of_kind(DifferenceKind.INPUT)
    assert (changed.place, changed.found, changed.expected) == ("Population!E5", 106_614, 106_613)
