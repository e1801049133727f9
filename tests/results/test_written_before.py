"""Results of gpit 0.3.0 and 0.4.0, before words changed and rules had outcomes, are read, explained and verified.

Each folder holds 12 CCGs of the sample, run with
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
from tiers import slow

FOLDER = Path(__file__).parent / "written_by_0_3_0"
FOLDERS = {"0.3.0": FOLDER, "0.4.0": FOLDER.with_name("written_by_0_4_0")}
FAST = {("0.3.0", "result.xlsx"), ("0.4.0", "result.json")}
RESULTS = [
    (version, name) if (version, name) in FAST else slow(version, name)
    for version in FOLDERS
    for name in ("result.xlsx", "result.json", "result.csv")
]


@pytest.fixture(scope="module")
def today():
    """The same run by this version."""
    return allocate(
        population=FOLDER / "population.csv",
        spend=FOLDER / "spend.csv",
        settings={"revenue_budget": 9_000_000, "transition_fund": 900_000},
    )


def allocations(version="0.3.0"):
    """Each organisation's allocation of each year, as the JSON document of a version has it."""
    document = json.loads((FOLDERS[version] / "result.json").read_text(encoding="utf-8"))
    return {(row["year"], row["org_code"]): row["allocation"] for row in document["rows"]}


@pytest.mark.parametrize(("version", "name"), RESULTS)
def test_an_earlier_result_is_explained(version, name):
    """Oxfordshire's allocation of 2014/15 is explained from each file, and is the figure in it.

    It spent £5,551,175, its share of £9,000,000 is £1,752,793, and £275,635 of the £900,000 fund makes £2,028,428.
    """
    explanation = explain(FOLDERS[version] / name, "10Q", year="2014/15")

    (year,) = explanation.years
    assert explanation.differences == ()
    assert [line.value for line in year.lines if line.answer] == [allocations(version)["2014/15", "10Q"]]
    assert year.sentences == (
        "Oxfordshire gets £2,028,428 in 2014/15, £3,522,747 (63.5%) less than its historic spend.",
        "Its fair share is £1,752,793, 68.4% below its historic spend.",
    )
    assert [rung.text for rung in year.ladder] == ["£5,551,175", "-£3,798,382", "£1,752,793", "+£275,635", "£2,028,428"]


@pytest.mark.parametrize(("version", "name"), RESULTS)
def test_an_earlier_result_is_compared_with_todays(version, name, today):
    """No row differs between an earlier file and the same run by this version."""
    comparison = compare(FOLDERS[version] / name, today)

    assert comparison.row_count == len(allocations()) == 24
    assert comparison.same
    assert comparison.rows.is_empty()
    kinds = {difference.kind for difference in comparison.differences}
    assert kinds <= {"check renamed", "origin of a value changed", "version changed"}
    assert comparison.illustrative == ("spend.csv: 89 of 89 rows are marked illustrative.",)


@pytest.mark.parametrize(("version", "name"), RESULTS)
def test_verify_tells_words_from_figures(version, name):
    """Verifying an earlier file: the version comes first, every figure is the same, and only words differ."""
    verification = verify(FOLDERS[version] / name)

    assert (verification.versions[0].name, verification.versions[0].then) == ("gpit", version)
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


def test_a_measure_changed_in_an_earlier_document_is_named(tmp_path):
    """Measures that this version adds are no difference; one more organisation that gains is."""
    document = json.loads((FOLDERS["0.4.0"] / "result.json").read_text("utf-8"))
    document["summary"][0]["gain"] += 1
    folder = Path(shutil.copytree(FOLDERS["0.4.0"], tmp_path / "earlier"))
    (folder / "result.json").write_text(json.dumps(document), "utf-8")
    verification = verify(folder / "result.json")

    assert verification.verdict == "differs"
    assert [entry.place for entry in verification.content.kept_of_kind(DifferenceKind.VALUE)] == ["summary[0].gain"]
