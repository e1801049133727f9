"""`gpit verify` of a file that another version of gpit wrote: words that differ are not figures that differ."""

from __future__ import annotations

import json
from contextlib import chdir
from dataclasses import replace
from pathlib import Path

import openpyxl
import pytest

from gpit_fairshare import allocate, verify
from gpit_fairshare.results import writing
from gpit_fairshare.verification import DifferenceKind, FileDifference
from gpit_fairshare.verification.wording import Wording
from gpit_fairshare.workbook.result_workbook import write_workbook
from retouching import change_cell, type_over
from running import gpit
from verify_runs import OPTIONS, own_files, write

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
    """In a workbook a heading and the words that a formula gives are words; a code of an organisation is not."""
    path = Path(tmp_path, "out.xlsx")
    path.write_bytes((folder / "out.xlsx").read_bytes())
    type_over(path, "Allocations", "A4", "ONS or ODS code")
    change_cell(path, "Checks", "D5", lambda xml: xml.replace("holds", "is met").replace("pass", "is met"))
    words = verify(path, [folder])

    type_over(path, "2014-15", "A5", "ZZZ")
    data = verify(path, [folder])

    assert words.verdict == "same figures"
    assert {difference.place for difference in words.content.kept} == {"Allocations!A4", "Checks!D5"}
    assert data.verdict == "differs"
    assert [difference.place for difference in data.content.kept_of_kind(DifferenceKind.VALUE)] == ["2014-15!A5"]


@pytest.mark.slow
def test_an_earlier_version_lists_findings_and_sources_in_another_order(tmp_path):
    """Notes above warnings and a source listed twice are no differences; a warning with another figure is one."""
    path, result = tmp_path / "out.xlsx", allocate(sample=True)
    write_workbook(replace(result, manifest={**result.manifest, "gpit": EARLIER}), path)
    book = openpyxl.load_workbook(path)
    findings, sources = book["Findings"], book["Sources"]
    rows = list(findings.iter_rows(min_row=5, values_only=True))
    for number, row in enumerate(sorted(rows, key=lambda row: row[1] == "warning"), 5):
        for column, text in enumerate(row, 1):
            findings.cell(number, column).value = text
    sources.append([cell.value for cell in sources[5]])
    book.save(path)
    moved = verify(path)

    (cell,) = [cell for cell in findings["E"] if cell.value == rows[0][4]]
    cell.value = str(cell.value).replace("7.33", "7.34")
    book.save(path)
    changed = verify(path)

    assert moved.verdict == "same content"
    assert [difference.about for difference in changed.content.kept] == ["I49, Found"]
    assert changed.verdict == "differs"


def test_the_report_begins_with_the_version(folder, tmp_path):
    """The first line names both versions, the second says that the figures are the same, and three texts are shown."""
    document = json.loads((folder / "out.json").read_text("utf-8"))
    for step in document["steps"]:
        step["label"] = f"The {step['label']}"
    (tmp_path / "out.json").write_text(writing.json_text(document), encoding="utf-8", newline="")

    done = gpit("verify", "out.json", str(folder), folder=tmp_path)
    text = " ".join(done.stdout.decode().split())

    assert done.returncode == 1
    assert text.startswith(f"out.json was written by gpit {EARLIER}; this is gpit ")
    assert "Figures verified: every figure and formula is the same. " in text
    assert f"{len(document['steps'])} texts are worded differently." in text
    assert f"… and {len(document['steps']) - 3} more" in text


@pytest.mark.parametrize(
    ("actual", "expected", "same"),
    [
        ('=IF(A1>0,"holds","fails")', '=IF(A1>0,"pass","FAIL")', True),
        ('=IF(A1>0,"holds","fails")', '=IF(A1<0,"pass","FAIL")', False),
        ('=COUNTIF(A1:A9,"X01")', '=COUNTIF(A1:A9,"all")', False),
        ("£5 a head at most", "at most £5 for each patient", True),
        ("£5 a head at most", "at most £6 for each patient", False),
        ("A tenth less: -£300", "At 4.5%: -£300", True),
    ],
)
def test_numbers_and_codes_are_no_words(actual, expected, same):
    """Two texts or formulas are the same but for words if no number, code or reference differs."""
    kind = DifferenceKind.FORMULA if actual.startswith("=") else DifferenceKind.VALUE
    difference = FileDifference(kind, "Checks!B2", "", actual, expected)

    assert Wording(frozenset({"X01"})).is_cell_reworded(difference) is same
