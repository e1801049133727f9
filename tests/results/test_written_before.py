"""Results that earlier versions of gpit wrote, in other words and on other sheets, are read, explained and verified.

The folders `written_by_0_3_0` to `written_by_0_10_0` hold 12 CCGs of the sample, run with
`gpit allocate --population population.csv --spend spend.csv --set revenue_budget=9000000 --set transition_fund=900000`.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import openpyxl
import pytest

from gpit_fairshare import UsageError, __version__, allocate, compare, explain, verify
from gpit_fairshare.verification import DifferenceKind
from retouching import by_openpyxl, change_manifest, change_row, edited, element, type_all_over, type_over
from running import ROOT
from tiers import slow_but
from verify_runs import printed

FOLDERS = {
    version: Path(__file__).parent / f"written_by_{version.replace('.', '_')}"
    for version in ("0.3.0", "0.4.0", "0.5.0", "0.6.0", "0.7.0", "0.8.0", "0.9.0", "0.10.0")
}
FOLDER = FOLDERS["0.3.0"]
BEFORE_OUTCOMES = ("0.3.0", "0.4.0")
"""Versions whose texts and sheets are others than today's, and whose rules have no outcomes."""
RESULTS = ("result.xlsx", "result.json", "result.csv")


REASON = (
    "; its cost per head of £7.85 is above the national average of £5.41, so it gets transition support of £275,635 "
    "for its transition need of £3,798,382."
)
"""What the outcome of the rule adds: £5,551,175 for 707,000 patients, and £33,259,000 for 6.1m in all 12 CCGs."""


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


@pytest.mark.parametrize("name", slow_but(["result.xlsx"], RESULTS))
@pytest.mark.parametrize("version", slow_but(["0.3.0"], FOLDERS))
def test_an_earlier_result_is_explained(version, name):
    """Oxfordshire's allocation of 2014/15 is explained from each file, and is the figure in it.

    It spent £5,551,175, its share of £9,000,000 is £1,752,793, and £275,635 of the £900,000 fund makes £2,028,428.
    £9,000,000 for 3,631,008 people is £2.48 a head.
    """
    explanation = explain(FOLDERS[version] / name, "10Q", year="2014/15")

    (year,) = explanation.years
    assert explanation.differences == ()
    assert [line.value for line in year.lines if line.answer] == [allocations(version)["2014/15", "10Q"]]
    assert year.sentences == (
        "Oxfordshire gets £2,028,428 in 2014/15, £3,522,747 (63.5%) less than its historic spend.",
        "Its fair share is £1,752,793, 68.4% below its historic spend"
        + ("." if version in BEFORE_OUTCOMES else REASON),
        "The fair share per head is £2.48.",
    )
    assert [rung.text for rung in year.ladder] == ["£5,551,175", "-£3,798,382", "£1,752,793", "+£275,635", "£2,028,428"]


@pytest.mark.parametrize("name", slow_but(["result.xlsx"], RESULTS))
@pytest.mark.parametrize("version", slow_but(["0.3.0"], FOLDERS))
def test_an_earlier_result_is_compared_with_todays(version, name, today):
    """No row differs between an earlier file and the same run by this version."""
    comparison = compare(FOLDERS[version] / name, today)

    assert comparison.row_count == len(allocations()) == 24
    assert comparison.same
    assert comparison.rows.is_empty()
    kinds = {difference.kind for difference in comparison.differences}
    assert kinds <= {"check renamed", "origin of a value changed", "version changed"}
    assert comparison.illustrative == ("spend.csv: 89 of 89 rows are marked illustrative.",)


@pytest.mark.parametrize("name", slow_but(["result.xlsx"], RESULTS))
@pytest.mark.parametrize("version", FOLDERS)
def test_verify_tells_words_from_figures(version, name):
    """Verifying a file of an earlier version: the version comes first, figures are the same, only words may differ."""
    verification = verify(FOLDERS[version] / name)

    assert (verification.versions[0].name, verification.versions[0].then) == ("gpit", version)
    assert not any(file.differs for file in verification.files)
    assert verification.parameters == verification.manifest == verification.off_rule == ()
    assert set(verification.content.counts) <= {DifferenceKind.WORDS}
    assert verification.verdict in ("same figures", "same content")  # the content, if no text is worded differently
    assert verification.answer.differing == 0


@pytest.mark.slow
@pytest.mark.parametrize("version", slow_but(["0.3.0"], BEFORE_OUTCOMES))
def test_the_screen_says_first_who_wrote_it_and_what_was_compared(version):
    """The report on a workbook begins with both versions, the figures and what was compared; texts differ, so it is 1.

    The number of texts is that of the differences in the JSON document.
    """
    code, output = printed("result.xlsx", folder=FOLDERS[version])
    document = verify(FOLDERS[version] / "result.xlsx").document()
    text = " ".join(output.split())

    assert code == 1
    assert text.startswith(f"result.xlsx was written by gpit {version}; this is gpit {__version__}. ")
    assert (
        "Figures verified: every figure and formula is the same. "
        f"{len(document['content'])} texts are worded differently. "
        "Compared: the parameters, inputs and steps whose cells its manifest names. "
        "Not compared: formulas in cells, values on other sheets, layout and charts. "
    ) in text
    assert (document["verdict"], document["only_figures"], document["verified"]) == ("same figures", True, False)


@pytest.mark.slow
def test_the_guide_shows_the_first_lines_of_the_report():
    """The examples in docs/verify.md are how the reports on the JSON document and the workbook of 0.3.0 begin."""
    guide = (ROOT / "docs" / "verify.md").read_text(encoding="utf-8")
    for name, count in (("result.json", 3), ("result.xlsx", 5)):
        begins = "\n".join(printed(name, folder=FOLDER)[1].splitlines()[:count])
        assert f"```\n{begins}\n```" in guide


CHANGES = {
    "an allocation": ("2014-15", "N7", 700_000, "typed over", "00F Gateshead, allocation"),
    "a step": ("2015-16", "F16", 1, "typed over", "99N Wiltshire, weight (registered population)"),
    "a national step": ("National figures", "D13", 1, "typed over", "national average cost per head, 2014/15"),
    "a figure over rows": ("National figures", "D5", 1, "typed over", "total(fair_share_weight), 2014/15"),
    "an input": ("Population", "E5", 106_614, "input changed", "00C, every year, registered population"),
    "an input that adds up lines": ("Spend", "D6", 7, "typed over", "00D, every year, historic spend"),
    "a parameter": ("Parameters", "D6", 9_000_001, "input changed", "national GP IT revenue funding, 2015/16"),
    "the year of an input": ("Population", "A7", "2014/15", "input changed", "00F, every year, year"),
    "a code": ("2014-15", "A7", "ZZZ", "value changed", "00F Gateshead, code"),
    "a name": ("2014-15", "B7", "Elsewhere", "value changed", "00F Gateshead, name"),
    "a published figure": (
        "Allocations",
        "H7",
        12,
        "typed over",
        "00F Gateshead, 2014/15 firm: per registered patient (£)",
    ),
}
"""What is changed by hand in an old workbook: sheet, cell and value typed; kind and subject of the difference."""


@pytest.mark.parametrize("what", slow_but(["an allocation", "a step", "an input", "a parameter"], CHANGES))
@pytest.mark.parametrize("version", slow_but(["0.4.0"], BEFORE_OUTCOMES))
def test_a_figure_changed_in_an_earlier_workbook_is_named(tmp_path, version, what):
    """Whatever figure or name is changed by hand, it is the one difference, with sheet, cell and both values.

    A published figure has no known value: its formula is gone, and each version publishes on other sheets.
    """
    sheet, cell, value, kind, about = CHANGES[what]
    folder = Path(shutil.copytree(FOLDERS[version], tmp_path / "earlier"))
    path = folder / "result.xlsx"
    book = openpyxl.load_workbook(path, data_only=True)
    before = None if what == "a published figure" else book[sheet][cell].value
    type_over(path, sheet, cell, value)
    verification = verify(path)

    assert verification.verdict == "differs"
    (changed,) = [difference for difference in verification.content.kept if difference.kind != DifferenceKind.WORDS]
    assert (changed.kind, changed.place, changed.about) == (kind, f"{sheet}!{cell}", about)
    assert (changed.found, changed.expected) == (value, before)


@pytest.mark.slow
@pytest.mark.parametrize("version", FOLDERS)
def test_every_step_of_every_row_of_an_earlier_workbook_is_compared(tmp_path, version):
    """A pound or a patient more in any numeric cell of a year's sheet is named: all cells at once, and no other."""
    folder = Path(shutil.copytree(FOLDERS[version], tmp_path / "earlier"))
    path = folder / "result.xlsx"
    sheet = openpyxl.load_workbook(path, data_only=True)["2014-15"]
    cells = [cell for row in sheet.iter_rows(min_row=5) for cell in row if isinstance(cell.value, int | float)]
    numbers = [cell for cell in cells if not isinstance(cell.value, bool)]
    assert len(numbers) == 12 * 10  # 12 CCGs; patients, spend and 8 steps that are numbers
    type_all_over(path, {("2014-15", cell.coordinate): cell.value + 1 for cell in numbers})

    places = {difference.place for difference in verify(path).content.kept if difference.kind != DifferenceKind.WORDS}
    assert places == {f"2014-15!{cell.coordinate}" for cell in numbers}


def test_a_row_emptied_and_a_row_added_in_an_earlier_workbook_are_named(tmp_path):
    """An organisation taken off a year's sheet and another one typed below it are each one difference."""
    folder = Path(shutil.copytree(FOLDER, tmp_path / "earlier"))
    path = folder / "result.xlsx"
    change_row(path, "2014-15", 9, lambda _: "")
    change_row(path, "2014-15", 16, lambda xml: xml + f'<row r="17">{element("A17", "ZZZ")}{element("N17", 5)}</row>')
    verification = verify(path)
    code = sorted({code for _, code in allocations()})[4]

    named = {(difference.kind, difference.place) for difference in verification.content.kept}
    assert {entry for entry in named if entry[0] in (DifferenceKind.ADDED, DifferenceKind.REMOVED)} == {
        (DifferenceKind.REMOVED, f"2014-15, row of {code} {name_of(code)}"),
        (DifferenceKind.ADDED, "2014-15, row 17"),
    }
    assert verification.answer.differing == 2


@pytest.mark.slow
def test_a_sheet_renamed_in_an_earlier_workbook_is_missing(tmp_path):
    """A renamed sheet of a year is named as missing: once, and not cell by cell; the other year has no difference."""
    folder = Path(shutil.copytree(FOLDER, tmp_path / "earlier"))
    path = folder / "result.xlsx"
    edited(path, {"xl/workbook.xml": lambda data: data.replace(b'name="2015-16"', b'name="Year two"')})
    verification = verify(path)

    places = [difference.place for difference in verification.content.kept if difference.kind != DifferenceKind.WORDS]
    assert places == ["sheet 2015-16"]
    assert verification.answer.differing == 12


def name_of(code):
    """The name of an organisation in the JSON document of 0.3.0."""
    document = json.loads((FOLDER / "result.json").read_text(encoding="utf-8"))
    return next(row["org_name"] for row in document["rows"] if row["org_code"] == code)


def test_a_formula_of_the_rule_changed_in_an_earlier_workbook_is_named(tmp_path):
    """A step's formula, a check and a finding edited or taken out of the old manifest are entries that differ."""
    folder = Path(shutil.copytree(FOLDER, tmp_path / "earlier"))

    def change(manifest):
        manifest["definition"]["steps"][2]["formula"] = "rounded(unrounded_fair_share, to=100)"
        del manifest["checks"][-1], manifest["findings"][0]

    change_manifest(folder / "result.xlsx", change)
    verification = verify(folder / "result.xlsx")

    assert verification.verdict == "differs"
    assert sorted(entry.name for entry in verification.manifest) == [
        "checks[7]",
        "definition.steps[2].formula",
        "findings[0]",
    ]


@pytest.mark.slow
def test_an_earlier_workbook_without_values_cannot_be_verified(tmp_path):
    """A copy that openpyxl saved has formulas and no values: nothing could be compared, and that is an error."""
    folder = Path(shutil.copytree(FOLDER, tmp_path / "earlier"))
    by_openpyxl(folder / "result.xlsx", lambda _: None)

    with pytest.raises(UsageError, match=r"^result\.xlsx: was saved without values"):
        verify(folder / "result.xlsx")


@pytest.mark.slow
@pytest.mark.parametrize("name", ["result.json", "result.csv"])
def test_outcomes_that_an_earlier_version_did_not_write_are_no_difference(tmp_path, name):
    """0.3.0 knew no outcomes: their absence is no difference, but a total taken out of its summary is one."""
    assert "outcomes" not in (FOLDER / name).read_text(encoding="utf-8")
    assert {str(kind) for kind in verify(FOLDER / name).content.counts} == {"words changed"}
    folder = Path(shutil.copytree(FOLDER, tmp_path / "earlier"))
    document = json.loads((folder / "result.json").read_text(encoding="utf-8"))
    del document["summary"][0]["gain"]
    (folder / "result.json").write_text(json.dumps(document), encoding="utf-8")

    removed = verify(folder / "result.json").content.kept_of_kind(DifferenceKind.REMOVED)
    assert [difference.place for difference in removed] == ["summary[0].gain"]


def test_a_measure_changed_in_an_earlier_document_is_named(tmp_path):
    """Measures that this version adds are no difference; one more organisation that gains is."""
    document = json.loads((FOLDERS["0.4.0"] / "result.json").read_text("utf-8"))
    document["summary"][0]["gain"] += 1
    folder = Path(shutil.copytree(FOLDERS["0.4.0"], tmp_path / "earlier"))
    (folder / "result.json").write_text(json.dumps(document), "utf-8")
    verification = verify(folder / "result.json")

    assert verification.verdict == "differs"
    assert [entry.place for entry in verification.content.kept_of_kind(DifferenceKind.VALUE)] == ["summary[0].gain"]
