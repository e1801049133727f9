"""`gpit verify` of a file that another version of gpit wrote: words that differ are not figures that differ."""

from __future__ import annotations

import json
from contextlib import chdir
from dataclasses import replace
from pathlib import Path

import pytest

from gpit_fairshare import allocate, verify
from gpit_fairshare.results import writing
from gpit_fairshare.verification import DifferenceKind, FileDifference
from gpit_fairshare.verification.wording import Wording
from gpit_fairshare.workbook.result_workbook import write_workbook
from retouching import change_cell, type_over
from verify_runs import OPTIONS, own_files, printed, write

EARLIER = "0.0.9"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with the files of a run, and its results as written by an earlier gpit: out.json and out.xlsx."""
    place = tmp_path_factory.mktemp("earlier")
    own_files(place)
    with chdir(place):
        result = allocate(**OPTIONS)
    result = replace(result, manifest={**result.manifest, "gpit": EARLIER})
    write(result, place / "out.json")
    write_workbook(result, place / "out.xlsx")
    return place


def reworded(folder, tmp_path, *path, value):
    """Verify a copy of the JSON document in which the entry at a path has another value."""
    document = json.loads((folder / "out.json").read_text("utf-8"))
    entry = document
    for key in path[:-1]:
        entry = entry[key]
    entry[path[-1]] = value
    (tmp_path / "out.json").write_text(writing.json_text(document), encoding="utf-8", newline="")
    return verify(tmp_path / "out.json", [folder])


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("steps", 0, "label"), "Patients by need"),
        (("title",), "Two million by need"),
        (("findings", 0, "found"), "no year in rows: used for 2014/15 and 2015/16"),
        (("manifest", "definition", "steps", 0, "label"), "Patients by need"),
        (("manifest", "checks", 0, "name"), "Shares add up"),
        (("manifest", "definition", "checks", 0, "name"), "Support is within the fund to 75p"),
    ],
    ids=lambda value: str(value[-1]) if isinstance(value, tuple) else "",
)
def test_words_of_an_earlier_version_are_no_figures(folder, tmp_path, path, value):
    """A label, title, message or name of a check that an earlier gpit worded differently: every figure is the same."""
    verification = reworded(folder, tmp_path, *path, value=value)

    assert verification.verdict == "same figures"
    assert dict(verification.content.counts) == {DifferenceKind.WORDS: 1}
    assert not verification.verified


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("rows", 0, "allocation"), 1),
        (("rows", 0, "org_name"), "Another organisation"),
        (("steps", 0, "formula"), "registered_population / need_index"),
        (("steps", 0, "label"), "A"),
        (("manifest", "definition", "steps", 0, "formula"), "registered_population / need_index"),
        (("manifest", "definition", "parameters", 0, "unit"), "people"),
        (("manifest", "definition", "checks", 0, "formula"), "total(transition_support) <= transition_fund + 75"),
        (("manifest", "parameters", 0, "written"), "2200000"),
    ],
    ids=lambda value: str(value[-1]) if isinstance(value, tuple) else "",
)
def test_figures_formulas_and_data_of_an_earlier_version_count(folder, tmp_path, path, value):
    """A figure, formula, unit, code or name of an organisation that differs is a difference in any file."""
    verification = reworded(folder, tmp_path, *path, value=value)

    assert verification.verdict == "differs"
    assert DifferenceKind.WORDS not in verification.content.counts


def test_of_the_same_version_every_word_counts(tmp_path):
    """A label changed in a file of this very version of gpit is a difference: no version explains it."""
    own_files(tmp_path)
    with chdir(tmp_path):
        write(allocate(**OPTIONS), tmp_path / "out.json")

    verification = reworded(tmp_path, tmp_path, "steps", 0, "label", value="Patients by need")

    assert (verification.verdict, dict(verification.content.counts)) == ("differs", {DifferenceKind.VALUE: 1})


def test_a_workbook_of_an_earlier_version(folder, tmp_path):
    """A heading and the words of a check are layout and not compared; a code and a total of a year's sheet are data."""
    path = Path(tmp_path, "out.xlsx")
    path.write_bytes((folder / "out.xlsx").read_bytes())
    type_over(path, "Allocations 2014-15", "A4", "ONS or ODS code")
    change_cell(path, "Checks", "D5", lambda xml: xml.replace("holds", "is met").replace("pass", "is met"))
    words = verify(path, [folder])

    type_over(path, "2014-15", "A5", "ZZZ")
    type_over(path, "Allocations 2014-15", "D6", 1)
    data = verify(path, [folder])

    assert (words.verdict, words.content.kept, words.only_figures) == ("same figures", [], True)
    assert data.verdict == "differs"
    assert {(difference.kind, difference.place) for difference in data.content.kept} == {
        (DifferenceKind.VALUE, "2014-15!A5"),
        (DifferenceKind.TYPED_OVER, "Allocations 2014-15!D6"),
    }


def test_a_report_without_reworded_texts_counts_none(folder, tmp_path):
    """Where an earlier version wrote the same words, the report says that the figures are the same, and no more."""
    (tmp_path / "out.xlsx").write_bytes((folder / "out.xlsx").read_bytes())
    type_over(tmp_path / "out.xlsx", "Allocations 2014-15", "A4", "ONS or ODS code")
    text = " ".join(printed("out.xlsx", str(folder), folder=tmp_path)[1].split())

    assert "Figures verified: every figure and formula is the same. Compared: the parameters" in text


def test_an_earlier_version_lists_findings_and_checks_in_another_order(folder, tmp_path):
    """Findings and checks in another order are no differences; another level, or one less, is one."""
    document = json.loads((folder / "out.json").read_text("utf-8"))
    document["manifest"]["checks"].reverse()
    for findings in (document["findings"], document["manifest"]["findings"]):
        listed = [finding["number"] for finding in findings]
        findings.sort(key=lambda finding: finding["number"], reverse=True)
        assert listed != [finding["number"] for finding in findings]
    path = tmp_path / "out.json"
    path.write_text(writing.json_text(document), encoding="utf-8", newline="")
    moved = verify(path, [folder])

    findings = document["manifest"]["findings"]
    places = [(finding["number"], finding["file"], finding["sheet"]) for finding in findings]
    (gone, *_) = [position for position, place in enumerate(places) if places.count(place) == 1]
    del findings[gone], document["manifest"]["checks"][0]
    findings[0]["level"] = "another"
    path.write_text(writing.json_text(document), encoding="utf-8", newline="")
    changed = verify(path, [folder])

    assert moved.verdict == "same content"
    assert changed.verdict == "differs"
    assert sorted(entry.name.partition("[")[0] for entry in changed.manifest) == ["checks", "findings", "findings"]
    assert [entry.name for entry in changed.manifest if entry.then == "another"] == ["findings[0].level"]


def test_the_report_begins_with_the_version(folder, tmp_path):
    """The first line names both versions, the second says that the figures are the same, and three texts are shown."""
    document = json.loads((folder / "out.json").read_text("utf-8"))
    for step in document["steps"]:
        step["label"] = f"The {step['label']}"
    (tmp_path / "out.json").write_text(writing.json_text(document), encoding="utf-8", newline="")

    code, output = printed("out.json", str(folder), folder=tmp_path)
    text = " ".join(output.split())

    assert code == 1
    assert text.startswith(f"out.json was written by gpit {EARLIER}; this is gpit ")
    assert "Figures verified: every figure and formula is the same. " in text
    assert f"{len(document['steps'])} texts are worded differently." in text
    assert f"… and {len(document['steps']) - 3} more" in text


@pytest.mark.parametrize(
    ("actual", "expected", "same"),
    [
        ("£5 a head at most", "at most £5 for each patient", True),
        ("£5 a head at most", "at most £6 for each patient", False),
        ("A tenth less: -£300", "At 4.5%: -£300", True),
        ("X01", "Leeds", False),
    ],
)
def test_numbers_and_codes_are_no_words(actual, expected, same):
    """Two texts are the same but for words if neither is a code and no number differs; only in entries for people."""
    texts = Wording(frozenset({"X01"}))
    difference = FileDifference(DifferenceKind.VALUE, "findings[2].found", "", actual, expected)

    assert texts.is_entry_reworded(difference) is same
    assert not texts.is_entry_reworded(replace(difference, place="steps[2].formula"))
