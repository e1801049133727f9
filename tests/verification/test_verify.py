"""`gpit verify`: a result run again from its manifest gives the same bytes, or what differs is named."""

from __future__ import annotations

import io
import json
import random
import re
import shutil
import sys
import zipfile
from contextlib import chdir, redirect_stderr, redirect_stdout
from pathlib import Path

import openpyxl
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

import recalculation
from books import RUNS
from gpit_fairshare import UsageError, allocate, verify
from gpit_fairshare.cli import _run
from gpit_fairshare.results import writing
from gpit_fairshare.results.agreement import is_same_as_calculated, is_same_as_written
from gpit_fairshare.results.reading import open_result
from gpit_fairshare.verification import DifferenceKind
from gpit_fairshare.verification.workbooks import normal
from gpit_fairshare.workbook.result_workbook import write_workbook
from retouching import (
    by_openpyxl,
    calculated,
    change_cell,
    change_cells,
    change_manifest,
    edited,
    element,
    formula_of,
    type_all_over,
    type_over,
)
from running import gpit, write_rows
from tiers import slow, slow_but
from verify_runs import OPTIONS, PEOPLE, SCHEME, SPEND, own_files, printed, write

SUFFIXES = ("xlsx", "json", "csv", "parquet")


@pytest.fixture(scope="session")
def sample():
    """The sample, run once."""
    return allocate(sample=True)


@pytest.fixture(scope="session")
def sample_books(sample, tmp_path_factory):
    """A folder with the sample's result of every kind."""
    folder = tmp_path_factory.mktemp("sample")
    for suffix in SUFFIXES:
        write(sample, folder / f"out.{suffix}")
    return folder


@pytest.fixture(scope="session")
def own_books(tmp_path_factory):
    """A folder with files of a user and their result in every format."""
    folder = tmp_path_factory.mktemp("own")
    own_files(folder)
    with chdir(folder):
        result = allocate(**OPTIONS)
    for suffix in SUFFIXES:
        write(result, folder / f"out.{suffix}")
    return folder


@pytest.fixture
def sample_copy(sample_books, tmp_path):
    """A copy of the sample's results, to be changed."""
    return Path(shutil.copytree(sample_books, tmp_path / "sample"))


@pytest.fixture
def own(own_books, tmp_path):
    """A copy of a user's files and their results, to be changed."""
    return Path(shutil.copytree(own_books, tmp_path / "own"))


def content(verification, kind=None):
    """The places where content differs: of one kind, or of all but consequences."""
    kinds = (
        [kind] if kind else [other_kind for other_kind in DifferenceKind if other_kind != DifferenceKind.CONSEQUENCE]
    )
    return [difference.place for difference in verification.content.kept if difference.kind in kinds]


def typed(*arguments, folder):
    """Run `gpit verify` in a folder: its exit code, and what it printed, with single spaces."""
    code, output = printed(*arguments, folder=folder)
    return code, " ".join(output.split())


def column_of(path, sheet, heading):
    """The letter of the column with a heading."""
    book = openpyxl.load_workbook(path, read_only=True)
    headings = [cell.value for cell in next(book[sheet].iter_rows(min_row=4, max_row=4))]
    book.close()
    return openpyxl.utils.get_column_letter(headings.index(heading) + 1)


# Untouched -------------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("suffix", SUFFIXES)
def test_the_sample_gives_the_same_bytes(sample_books, suffix):
    """A result in any format, verified straight after it was written, has the same bytes."""
    assert verify(sample_books / f"out.{suffix}").verdict == "same bytes"


@pytest.mark.slow
def test_the_command_says_so_and_ends_with_0(sample_books):
    """`gpit verify` prints one line, which says that the file is the same, and ends with 0."""
    done = gpit("verify", "out.xlsx", folder=sample_books)

    assert (done.returncode, done.stdout.decode()) == (0, "out.xlsx: verified. Running it again gives the same file.\n")
    assert done.stderr == b""


@pytest.mark.parametrize("suffix", slow_but(["csv"], SUFFIXES))
def test_files_of_ones_own_give_the_same_bytes_wherever_they_lie(own, tmp_path, suffix):
    """Sheet, --map, --leave-out, --set, further inputs and a scheme with its formula in a folder below: all found.

    So they are beside the result, in a folder given, and below it; the working folder is another one.
    """
    alone = tmp_path / "alone"
    alone.mkdir()
    for file in own.glob(f"out.{suffix}*"):
        shutil.copy(file, alone)

    assert verify(own / f"out.{suffix}").verdict == "same bytes"
    assert verify(alone / f"out.{suffix}", [own]).verdict == "same bytes"
    assert verify(alone / f"out.{suffix}", [tmp_path]).verdict == "same bytes"


@pytest.mark.slow
def test_nothing_is_written_beside_the_result(own):
    """After a success or a failure, the folder of the result is unchanged, to the byte."""
    (own / "spend.csv").write_text("org_code,historic_spend\nA,1\nB,2\nC,3\nD,4\n", encoding="utf-8")
    before = {path: path.read_bytes() for path in own.rglob("*") if path.is_file()}
    for suffix in SUFFIXES:
        verify(own / f"out.{suffix}")

    assert {path: path.read_bytes() for path in own.rglob("*") if path.is_file()} == before


@pytest.mark.slow
def test_boundaries_and_a_crosswalk_of_ones_own_are_run_again(tmp_path):
    """Rows restated by a crosswalk file give the same bytes, and the crosswalk is one of the run's files."""
    write_rows(tmp_path / "p.csv", [{"org_code": c, "registered_population": n} for c, n in PEOPLE.items()])
    write_rows(tmp_path / "s.csv", [{"org_code": c, "historic_spend": n} for c, n in SPEND.items()])
    rows = [("A", "E", "0.25"), ("A", "B", "0.75"), *((code, code, "") for code in "BCD")]
    write_rows(
        tmp_path / "walk.csv",
        [
            {"org_code": old, "successor_code": new, "effective_date": "2015-04-01", "fraction": part}
            for old, new, part in rows
        ],
    )
    with chdir(tmp_path):
        result = allocate(population="p.csv", spend="s.csv", boundaries="2015/16", crosswalk="walk.csv")
    write(result, tmp_path / "out.xlsx")
    assert "E" in result.rows["org_code"]

    assert verify(tmp_path / "out.xlsx").verdict == "same bytes"
    text = (tmp_path / "walk.csv").read_text().replace("0.25", "0.35").replace("0.75", "0.65")
    (tmp_path / "walk.csv").write_text(text)
    verification = verify(tmp_path / "out.xlsx")
    assert [(run_file.role, run_file.name) for run_file in verification.files if run_file.differs] == [
        ("crosswalk", "walk.csv")
    ]
    assert verification.answer.differing > 0


def test_sample_with_a_scheme_of_ones_own(tmp_path):
    """The sample on another transition and with values set needs no file but the scheme."""
    (tmp_path / "mine.toml").write_text(
        SCHEME.replace('formula = "rules/need.toml"', 'formula = "registered-population"').replace(
            "values.pot", "values.revenue_budget"
        ),
        encoding="utf-8",
    )
    with chdir(tmp_path):
        result = allocate(sample=True, scheme="mine.toml", transition="none", settings={"revenue_budget": "1e8"})
    write(result, tmp_path / "out.json")

    assert verify(tmp_path / "out.json").verdict == "same bytes"


# Finding files ---------------------------------------------------------------------------------------------


def test_all_missing_files_are_named(own, tmp_path):
    """Without its files a result cannot be run again: exit code 2, with every missing file and every place searched."""
    alone = tmp_path / "alone"
    alone.mkdir()
    shutil.copy(own / "out.json", alone)
    code, output = typed("out.json", folder=alone)

    assert code == 2
    assert output.startswith("gpit: error: 5 files of the run are missing")
    assert all(name in output for name in ("people.xlsx", "spend.csv", "need.ods", "own.toml", "need.toml"))
    assert "beside the result" in output


@pytest.mark.slow
def test_of_two_files_of_one_name_the_right_one_serves(own, tmp_path):
    """A changed spend.csv beside the result, and the one of the run in a folder: `verify` uses the second."""
    other = tmp_path / "other" / "deep"
    other.mkdir(parents=True)
    shutil.copy(own / "spend.csv", other)
    (own / "spend.csv").write_text("org_code,historic_spend\nA,1\nB,2\nC,3\nD,4\n", encoding="utf-8")

    assert not verify(own / "out.csv").verified
    assert verify(own / "out.csv", [tmp_path / "other"]).verdict == "same bytes"


@pytest.mark.slow
def test_a_file_under_another_name_serves_by_its_digest(own):
    """A file that is given and has the right SHA-256 is used under any name, and the report says so."""
    (own / "spend.csv").rename(own / "spend (1).csv")
    verification = verify(own / "out.xlsx", [own / "spend (1).csv"])
    code, output = typed("out.xlsx", "spend (1).csv", folder=own)

    assert verification.verdict == "same bytes"
    assert [run_file.another_name for run_file in verification.files] == ["", "spend (1).csv", ""]
    assert code == 0
    assert "spend.csv: the file is now called spend (1).csv" in output
    with pytest.raises(UsageError, match=r"1 file of the run is missing: spend\.csv"):
        verify(own / "out.xlsx")


def test_two_inputs_of_one_name(tmp_path):
    """Two population.csv of two folders are each found by their digests; changing one of them names it."""
    for place, codes in (("north", "AB"), ("south", "CD")):
        (tmp_path / place).mkdir()
        rows = [{"org_code": code, "registered_population": PEOPLE[code]} for code in codes]
        write_rows(tmp_path / place / "population.csv", rows)
    write_rows(tmp_path / "s.csv", [{"org_code": c, "historic_spend": n} for c, n in SPEND.items()])
    with chdir(tmp_path):
        result = allocate(population=["south/population.csv", "north/population.csv"], spend="s.csv")
    write(result, tmp_path / "out.json")
    assert verify(tmp_path / "out.json", [tmp_path]).verdict == "same bytes"

    with (tmp_path / "south" / "population.csv").open("a") as stream:
        stream.write("E,7\n")
    verification = verify(tmp_path / "out.json", [tmp_path])
    assert [(run_file.place, run_file.differs) for run_file in verification.files if run_file.role == "population"] == [
        (str(tmp_path / "south" / "population.csv"), True),
        (str(tmp_path / "north" / "population.csv"), False),
    ]


@pytest.mark.slow
def test_a_formula_elsewhere_than_the_scheme_says_is_found(own, tmp_path):
    """Files saved into one folder, as from an e-mail, work for a scheme that expects its formula in a folder below."""
    flat = tmp_path / "flat"
    flat.mkdir()
    for file in own.rglob("*"):
        if file.is_file():
            shutil.copy(file, flat)

    assert verify(flat / "out.xlsx").verdict == "same bytes"


def test_what_is_given_and_serves_nothing_is_said(own):
    """A file with neither name nor digest of the run is reported as unused; a path that is not there is exit code 2."""
    (own / "stray.csv").write_text("a\n", encoding="utf-8")

    assert "stray.csv was not used" in verify(own / "out.csv", [own / "stray.csv"]).facts[0]
    assert typed("out.csv", "gone.csv", folder=own)[0] == 2


# Input and scheme files that differ ------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", [slow("people.xlsx"), "spend.csv", slow("need.ods"), "own.toml", slow("rules/need.toml")]
)
def test_any_byte_of_any_input_flipped_is_found(own, name):
    """One byte flipped anywhere: exit code 1 and the file named, whether figures change, stay, or cannot be read."""
    draws = random.Random(name)
    whole = (own / name).read_bytes()
    verdicts = set()
    for turn in range(8):
        data = bytearray(whole)
        data[draws.randrange(len(data))] ^= 1 << draws.randrange(8)
        (own / name).write_bytes(data)
        verification = verify(own / f"out.{SUFFIXES[turn % 4]}")
        verdicts.add(str(verification.verdict))
        differing = [
            run_file.name for run_file in (*verification.files, *verification.scheme_files) if run_file.differs
        ]

        assert not verification.verified
        assert differing == [Path(name).name]
    assert verdicts <= {"differs", "cannot be run"}


def test_a_file_that_cannot_be_read_is_named_with_the_reason(own):
    """The report gives the digest that differs and the reason why the file cannot be run; the exit code is 1."""
    (own / "spend.csv").write_bytes((own / "spend.csv").read_bytes().replace(b"450000", b"45O000"))
    code, output = typed("out.xlsx", folder=own)

    assert code == 1
    assert "not verified. It cannot be run again: 1 input file differs" in output
    assert "spend.csv: not the file of the run" in output
    assert "45O000" in output
    assert "gpit-verify-" not in output


@pytest.mark.slow
def test_whether_the_result_would_differ_is_said(own):
    """A changed figure: the file, how many rows differ and both totals. A changed note: the file, and that none do.

    Of £2,100,000 all is given out either way; transition support of 2014/15 is £100,000, of 2015/16 what the rule says.
    """
    path = own / "spend.csv"
    path.write_text(path.read_text() + "\n", encoding="utf-8")
    same = verify(own / "out.json")
    assert [run_file.name for run_file in same.files if run_file.differs] == ["spend.csv"]
    assert (same.answer.rows, same.answer.differing, same.content.counts.total()) == (8, 0, 0)
    assert "The result is the same: allocation agrees in all 8 rows" in typed("out.json", folder=own)[1]

    path.write_text(path.read_text().replace("A,500000", "A,900000"), encoding="utf-8")
    verification = verify(own / "out.json")
    with chdir(own):
        now = allocate(**OPTIONS)
    then = pl.read_csv(own / "out.csv")["allocation"].to_list()
    differing = sum(old != new for old, new in zip(then, now.rows["allocation"], strict=True))
    assert verification.answer.differing == differing > 0
    assert (verification.answer.total_found, verification.answer.total_again) == (
        sum(then),
        sum(now.rows["allocation"]),
    )
    assert f"The result differs: allocation in {differing} of 8 rows" in typed("out.json", folder=own)[1]


# Manifest and versions -------------------------------------------------------------------------------------


def in_json(path, change):
    """Change the document of a JSON file and write it as `gpit` does."""
    document = json.loads(path.read_text("utf-8"))
    change(document)
    path.write_text(writing.json_text(document), encoding="utf-8", newline="")


@pytest.mark.parametrize("suffix", ["json", slow("csv"), slow("parquet")])
@pytest.mark.parametrize(
    ("where", "value", "named"),
    [
        slow(("inputs", 1, "rows"), 99, "inputs[1].rows"),
        slow(("scheme", "title"), "Another", "scheme.title"),
        (("definition", "steps", 0, "formula"), "1", "definition.steps[0].formula"),
        (("checks", 0, "holds"), False, "checks[0].holds"),
        slow(("findings", 0, "found"), "nothing", "findings[0].found"),
        slow(("columns", 0, "unit"), "£", "columns[0].unit"),
        (("note",), "added", "note"),
    ],
)
def test_an_entry_of_the_manifest_that_was_edited_is_named(own, suffix, where, value, named):
    """An edited entry of the manifest is named, and nothing else differs."""

    def change(document):
        place = document["manifest"]
        for key in where[:-1]:
            place = place[key]
        assert place.get(where[-1]) != value
        place[where[-1]] = value

    in_json(own / (f"out.{suffix}" if suffix == "json" else f"out.{suffix}.manifest.json"), change)
    verification = verify(own / f"out.{suffix}")

    assert [entry.name for entry in verification.manifest] == [named]
    assert (verification.verdict, verification.content.counts.total()) == ("differs", 0)


def test_an_edited_digest_names_its_file(own):
    """A digest edited in the manifest: the file is no longer the one that the digest names."""

    def change(document):
        document["manifest"]["inputs"][1]["sha256"] = "0" * 64
        document["manifest"]["scheme"]["files"][0]["sha256"] = "1" * 64

    in_json(own / "out.json", change)
    verification = verify(own / "out.json")
    code, output = typed("out.json", folder=own)

    assert [run_file.name for run_file in verification.files if run_file.differs] == ["spend.csv"]
    assert [run_file.name for run_file in verification.scheme_files if run_file.differs] == ["need.toml"]
    assert verification.manifest == ()
    assert code == 1
    assert "spend.csv: not the file of the run: SHA-256 000000000000… in the manifest" in output


def test_an_edited_parameter_is_named(own):
    """A parameter edited in the manifest is named with the value that the run has; so is one edited in its options."""

    def change(document):
        (entry,) = [p for p in document["manifest"]["parameters"] if (p["name"], p["year"]) == ("pot", "2014/15")]
        entry["written"], entry["value"] = "2200000", 2_200_000

    in_json(own / "out.json", change)
    verification = verify(own / "out.json")
    assert [(entry.name, entry.then, entry.now) for entry in verification.parameters] == [
        ("pot@2014/15", "2200000", "2100000")
    ]
    assert verification.content.counts.total() == 0

    in_json(own / "out.csv.manifest.json", lambda document: document["manifest"]["run"]["set"].update(pot="2200000"))
    verification = verify(own / "out.csv")
    assert {entry.name for entry in verification.parameters} == {"pot@2014/15", "pot@2015/16"}
    assert verification.answer.differing == 8


@pytest.mark.slow
def test_the_manifest_of_a_workbook_is_compared_entry_by_entry(own):
    """An entry edited in the pieces on the sheet Manifest is named; the rows above that repeat it are cells."""
    path = own / "out.xlsx"

    def change(manifest):
        manifest["checks"][0]["holds"] = False
        manifest["inputs"][1]["sha256"] = "0" * 64

    change_manifest(path, change)
    verification = verify(path)
    row = next(cell.row for cell in openpyxl.load_workbook(path)["Manifest"]["A"] if "(spend)" in str(cell.value))

    assert [entry.name for entry in verification.manifest] == ["checks[0].holds"]
    assert [run_file.name for run_file in verification.files if run_file.differs] == ["spend.csv"]
    assert content(verification) == [f"Manifest!B{row}"]


@pytest.mark.parametrize("suffix", slow_but(["parquet"], SUFFIXES))
def test_other_versions_are_said_and_all_is_compared(own, suffix):
    """A result of other versions of gpit and its libraries is compared whole: it agrees, and the versions are named."""

    def change(document):
        manifest = document.get("manifest", document)
        manifest["gpit"] = "0.0.9"
        manifest["libraries"]["polars"] = "0.20.1"
        manifest["later"] = "an entry of that version"

    path = own / f"out.{suffix}"
    if suffix == "xlsx":
        change_manifest(path, change)
    else:
        in_json(path if suffix == "json" else own / f"out.{suffix}.manifest.json", change)
    verification = verify(path)

    assert {version.name: version.then for version in verification.versions} == {"gpit": "0.0.9", "polars": "0.20.1"}
    assert verification.manifest == ()
    if suffix != "xlsx":  # where cells have the version too
        assert verification.verdict == "same content"
        assert "was written by gpit 0.0.9" in typed(path.name, folder=own)[1]


@pytest.mark.slow
def test_a_workbook_of_another_version(own):
    """A workbook that differs in the version alone has the bytes of the rerun; otherwise only figures are compared."""
    path = own / "out.xlsx"
    with chdir(own):
        result = allocate(**OPTIONS)
    manifest = {**result.manifest, "gpit": "0.0.9"}
    write_workbook(type(result)(**{**fields(result), "manifest": manifest}), path)
    verification = verify(path)
    assert (verification.verdict, [version.name for version in verification.versions]) == ("same content", ["gpit"])

    type_over(path, "Manifest", "B5", "0.0.8")
    saved = verify(path)
    assert (saved.verdict, saved.only_figures, content(saved)) == ("same figures", True, [])
    type_over(path, "Parameters", "D5", 1)
    assert content(verify(path)) == ["Parameters!D5"]


@pytest.mark.slow
@pytest.mark.parametrize("which", RUNS)
def test_any_workbook_of_another_version_is_compared_by_its_figures(tmp_path, which):
    """Groups, mergers, floors and names that trip programs up: no figure differs, and a step changed by hand does."""
    result = RUNS[which](tmp_path)
    manifest = {**result.manifest, "gpit": "0.0.9"}
    path = tmp_path / "out.xlsx"
    write_workbook(type(result)(**{**fields(result), "manifest": manifest}), path)
    edited(path, {"xl/workbook.xml": lambda data: data.replace(b"</workbook>", b" </workbook>")})
    same = verify(path)
    assert (same.verdict, same.content.kept, same.manifest) == ("same figures", [], ())

    table = open_result(path).manifest["workbook"]["tables"][-1]
    step = result.scheme.steps[0].name if not table["by"] else list(table["columns"])[-1]
    cell = f"{table['columns'][step]}{table['last_row']}"
    type_over(path, table["sheet"], cell, 0.123)
    (changed,) = verify(path).content.kept
    assert (changed.place, changed.found) == (f"{table['sheet']}!{cell}", 0.123)


def fields(result):
    """The fields of a result by name."""
    return {name: getattr(result, name) for name in result.__slots__}


@pytest.mark.parametrize(
    ("old", "new", "setting"),
    [
        ("<calcPr ", '<calcPr fullPrecision="0" ', "fullPrecision"),
        slow("<calcPr ", '<calcPr iterate="1" ', "iterate"),
        slow("<calcPr ", '<calcPr calcMode="manual" ', "calcMode"),
        slow("<workbookPr ", '<workbookPr date1904="true" ', "date1904"),
    ],
)
def test_settings_that_make_formulas_give_other_values_are_named(own, old, new, setting):
    """Precision as displayed would change allocations at the next recalculation, though no cell has changed."""
    edited(own / "out.xlsx", {"xl/workbook.xml": lambda data: data.replace(old.encode(), new.encode(), 1)})
    verification = verify(own / "out.xlsx")

    assert [difference.place for difference in verification.content.kept] == [f"setting {setting} of the workbook"]


def test_rows_that_stand_twice_count_twice(own):
    """A repeated row adds to the total, and is not reported as a change of order."""
    lines = (own / "out.csv").read_text("utf-8").splitlines()
    (own / "out.csv").write_text("\n".join([*lines, lines[-1], "", ""]) + "\n", encoding="utf-8")
    verification = verify(own / "out.csv")
    extra = float(lines[-1].rpartition(",")[2])

    assert verification.answer.total_found == verification.answer.total_again + extra
    assert verification.answer.rows == len(lines)
    assert not [fact for fact in verification.facts if "order" in fact]
    assert [difference.kind for difference in verification.content.kept] == [DifferenceKind.ADDED]


def test_a_table_changed_since_its_manifest_is_said_at_once(own):
    """The manifest beside a CSV holds the digest of the table: a different table is reported before anything else."""
    path = own / "out.csv"
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    verification = verify(path)

    assert verification.facts[0] == "The table has changed since out.csv.manifest.json was written: its digest differs."
    assert verification.verdict == "same content"
    in_json(own / "out.parquet.manifest.json", lambda document: document["table"].update(sha256="0" * 64))
    assert [entry.name for entry in verify(own / "out.parquet").manifest] == ["table.sha256"]


# JSON, CSV and Parquet -------------------------------------------------------------------------------------


@pytest.mark.slow
def test_one_figure_of_a_json_document(sample_copy):
    """A pound more for Darlington: exit code 1, and path, year, code and both values are named."""
    text = (sample_copy / "out.json").read_text("utf-8")
    row = next(row for row in json.loads(text)["rows"] if (row["year"], row["org_code"]) == ("2014/15", "00C"))
    in_json(sample_copy / "out.json", lambda document: document["rows"][0].update(allocation=row["allocation"] + 1))
    code, output = typed("out.json", folder=sample_copy)

    assert code == 1
    assert "out.json: not verified: 1 value changed." in output
    expected = f"£{row['allocation'] + 1:,.0f} in the file, £{row['allocation']:,.0f} when run again"
    assert f"rows[0].allocation (2014/15 00C): {expected}" in output


def test_rows_and_entries_of_a_json_document(sample_copy):
    """A row taken out, one put in, a summary edited and an entry added are each named."""

    def change(document):
        del document["rows"][5], document["origins"][5]
        document["rows"].append({**document["rows"][0], "org_code": "ZZZ"})
        document["summary"][1]["gain"] += 1
        document["extra"] = [1, 2]

    in_json(sample_copy / "out.json", change)
    verification = verify(sample_copy / "out.json")
    gone = json.loads((sample_copy.parent / "sample" / "out.json").read_text("utf-8"))["rows"][5]

    assert gone["org_code"] not in ("00C", "ZZZ")
    assert [place for place in content(verification, DifferenceKind.ADDED) if place.startswith(("rows", "extra"))] == [
        "rows[421]",
        "extra",
    ]
    assert "rows[5]" in content(verification, DifferenceKind.REMOVED)
    assert "summary[1].gain" in content(verification, DifferenceKind.VALUE)
    assert [place for place in content(verification, DifferenceKind.VALUE) if place.startswith("rows")] == []


def test_a_json_document_written_anew_agrees(sample_copy):
    """Other spaces, other order of keys and rows: no byte is the same and everything is, so the exit code is 0."""
    document = json.loads((sample_copy / "out.json").read_text("utf-8"))
    order = list(range(len(document["rows"])))
    random.Random(7).shuffle(order)
    (sample_copy / "out.json").write_text(json.dumps(document, sort_keys=True, ensure_ascii=True), encoding="utf-8")
    code, output = typed("out.json", folder=sample_copy)

    assert code == 0
    assert output == "out.json: verified. Another program has saved it, and every entry is still what gpit writes."


def rewrite(path, change):
    """Change a table's frame and write it again."""
    if path.suffix == ".parquet":
        change(pl.read_parquet(path)).write_parquet(path)
    else:
        change(pl.read_csv(path, infer_schema=False)).write_csv(path)


@pytest.mark.slow
@pytest.mark.parametrize("suffix", ["csv", slow("parquet")])
def test_tables_are_compared_by_key_and_column(sample_copy, suffix):
    """A figure, a name, a row less, a row more and a column more: each is named by year, code and column."""

    def change(frame):
        value = pl.col("allocation").cast(pl.Float64) + 1
        first = (pl.col("year") == "2014/15") & (pl.col("org_code") == "00C")
        frame = frame.with_columns(
            pl.when(first)
            .then(value.cast(frame.schema["allocation"]))
            .otherwise(pl.col("allocation"))
            .alias("allocation"),
            pl.when(first).then(pl.lit("00c")).otherwise(pl.col("org_name")).alias("org_name"),
            pl.lit("x").alias("remark"),
        )
        more = frame[0].with_columns(pl.lit("ZZZ").alias("org_code"))
        return pl.concat([frame.filter(pl.col("org_code") != "00D"), more])

    rewrite(sample_copy / f"out.{suffix}", change)
    verification = verify(sample_copy / f"out.{suffix}")

    assert content(verification, DifferenceKind.VALUE) == ["2014/15 00C, org_name", "2014/15 00C, allocation"]
    assert content(verification, DifferenceKind.REMOVED) == ["row 2014/15 00D", "row 2015/16 00D"]
    assert content(verification, DifferenceKind.ADDED) == ["column remark", "row 2014/15 ZZZ"]
    assert typed(f"out.{suffix}", folder=sample_copy)[0] == 1


@pytest.mark.slow
@pytest.mark.parametrize("suffix", ["csv", slow("parquet")])
def test_tables_in_another_order_agree(sample_copy, suffix):
    """A table with rows and columns in another order is the same: exit code 0, and the report mentions the order."""
    rewrite(sample_copy / f"out.{suffix}", lambda frame: frame.reverse().select(reversed(frame.columns)))
    verification = verify(sample_copy / f"out.{suffix}")

    assert verification.verdict == "same content"
    assert verification.facts[1:] == ("Its columns are in a different order.", "Its rows are in a different order.")


def test_codes_that_excel_damaged_are_differences(tmp_path):
    """0123 that became 123 is another code, though both are the same number."""
    rows = [{"org_code": code, "registered_population": 10} for code in ("0123", "0124")]
    write_rows(tmp_path / "p.csv", rows)
    with chdir(tmp_path):
        result = allocate(population="p.csv", transition="none")
    path = write(result, tmp_path / "out.csv")
    path.write_text(path.read_text().replace("0123", "123"), encoding="utf-8")

    assert "row 2014/15 0123" in content(verify(path), DifferenceKind.REMOVED)


# Workbooks -------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_one_allocation_typed_over_is_named(sample_copy):
    """Sheet, cell, organisation, label and both values, and exit code 1: the other cells keep what they show."""
    path = sample_copy / "out.xlsx"
    cell = column_of(path, "2014-15", "Allocation (£)") + "5"
    true = json.loads((sample_copy / "out.json").read_text("utf-8"))["rows"][0]["allocation"]
    type_over(path, "2014-15", cell, true + 1000)
    code, output = typed("out.xlsx", folder=sample_copy)
    document = json.loads(gpit("verify", "out.xlsx", "--json", folder=sample_copy).stdout)

    assert code == 1
    assert output.startswith("out.xlsx: not verified: 1 formula replaced by a value.")
    about = "00C Darlington, Allocation (£)"
    assert f"2014-15!{cell} ({about}): £{true + 1000:,.0f} in the file, £{true:,.0f} when run again" in output
    assert "allocation in 1 of 422 rows" in output
    assert document["content"] == [
        {"kind": "typed over", "place": f"2014-15!{cell}", "about": about, "found": true + 1000, "expected": true}
    ]


@pytest.mark.slow
def test_a_formula_typed_over_with_its_own_value_is_named(sample_copy):
    """A formula replaced by its own value is reported: it looks the same today and will not follow a change."""
    path = sample_copy / "out.xlsx"
    cell = column_of(path, "2014-15", "Fair share (£)") + "7"
    change_cell(path, "2014-15", cell, lambda xml: re.sub(r"<f>.*?</f>", "", xml))

    assert content(verify(path)) == content(verify(path), DifferenceKind.TYPED_OVER) == [f"2014-15!{cell}"]


@pytest.mark.slow
def test_any_calculated_cell_typed_over_is_named(sample_books, tmp_path):
    """Of 15,000 calculated cells, drawn at random on every sheet, each is named when a value replaces it."""
    draws = random.Random(2014)
    cells = calculated(sample_books / "out.xlsx")
    sheets = sorted({sheet for sheet, _ in cells})
    assert len(cells) > 15_000
    chosen = [draws.choice([cell for cell in cells if cell[0] == sheet]) for sheet in sheets]
    chosen = sorted({*chosen, *draws.sample(cells, 40)})
    path = tmp_path / "out.xlsx"
    shutil.copy(sample_books / "out.xlsx", path)
    values = {}
    for place in chosen:
        values[place] = draws.choice((0.0, 12.5, "text", 1e9))
    type_all_over(path, values)
    verification = verify(path)

    named = {
        tuple(difference.place.split("!")): difference.found
        for difference in verification.content.kept_of_kind(DifferenceKind.TYPED_OVER)
    }
    assert named == values
    assert verification.content.counts.total() == len(chosen)


@pytest.mark.slow
def test_any_calculated_cell_typed_over_by_openpyxl_is_named(own_books, tmp_path):
    """The same in a copy that openpyxl saved, which drops the values of all formulas."""
    draws = random.Random(15)
    chosen = draws.sample(calculated(own_books / "out.xlsx"), 25)
    folder = Path(shutil.copytree(own_books, tmp_path / "own"))

    def change(book):
        for sheet, cell in chosen:
            book[sheet][cell] = 7

    by_openpyxl(folder / "out.xlsx", change)
    verification = verify(folder / "out.xlsx")

    assert sorted(content(verification)) == sorted(f"{sheet}!{cell}" for sheet, cell in chosen)
    assert "It was saved without values, so only its formulas were compared." in verification.facts
    assert verification.answer is None


@pytest.mark.slow
def test_every_way_of_changing_a_cell(sample_copy):
    """A formula edited, a formula put for a text, a cell emptied, one added, a heading and a note: each in its kind."""
    path = sample_copy / "out.xlsx"
    cell = column_of(path, "2015-16", "Transition need (£)")
    change_cell(path, "2015-16", f"{cell}9", lambda xml: xml.replace("<f>", "<f>2*"))
    change_cell(path, "2015-16", f"{cell}10", lambda _: "")
    change_cell(path, "2015-16", "B12", lambda _: element("B12", "Another", '"An"&"other"'))
    change_cell(path, "2015-16", f"{cell}4", lambda _: element(f"{cell}4", "Other (£)"))
    change_cell(path, "Sources", "E5", lambda xml: xml + element("F5", 5))
    verification = verify(path)

    assert sorted(content(verification, DifferenceKind.FORMULA)) == sorted([f"2015-16!{cell}9", "2015-16!B12"])
    assert content(verification, DifferenceKind.REMOVED) == [f"2015-16!{cell}10"]
    assert content(verification, DifferenceKind.VALUE) == [f"2015-16!{cell}4"]
    assert content(verification, DifferenceKind.ADDED) == ["Sources!F5"]
    (edited_one,) = [difference for difference in verification.content.kept if difference.place == f"2015-16!{cell}9"]
    assert str(edited_one.found) == "=2*" + str(edited_one.expected)[1:]


@pytest.mark.usefixtures("libreoffice")
def test_inputs_and_parameters_changed_come_with_what_follows(sample_copy):
    """A patient figure and a parameter changed, and recalculated: two causes named, the others as consequences."""
    path = sample_copy / "out.xlsx"
    people = column_of(path, "Population", "Registered population (people)") + "5"
    by_openpyxl(path, lambda book: (book["Population"].__setitem__(people, 1), None))
    recalculation.recalculate(path, sample_copy / "again").replace(path)
    verification = verify(path)

    assert content(verification) == [f"Population!{people}"]
    assert (
        verification.content.kept_of_kind(DifferenceKind.INPUT)[0].about
        == "00C Darlington, every year, Registered population (people)"
    )
    assert verification.content.counts[DifferenceKind.CONSEQUENCE] > 100
    assert verification.answer.differing > 100

    type_over(path, "Parameters", "D5", 1)
    assert content(verify(path), DifferenceKind.INPUT) == ["Parameters!D5", f"Population!{people}"]


@pytest.mark.slow
def test_a_value_that_no_formula_gives_is_named(sample_copy):
    """A wrong stored value behind an unchanged formula is named: readers see it until the next recalculation."""
    path = sample_copy / "out.xlsx"
    cell = column_of(path, "2014-15", "Allocation (£)") + "20"
    recalculation.plant(path, "2014-15", cell, 1_234_567.0, sample_copy / "planted.xlsx")
    verification = verify(sample_copy / "planted.xlsx")

    assert content(verification, DifferenceKind.CONSEQUENCE) == [f"2014-15!{cell}"]
    assert not verification.verified


@pytest.mark.slow
def test_sheets_added_removed_and_renamed(own):
    """A sheet added, one removed and one renamed with the formulas that use it: these three are named, and no cell."""
    path = own / "out.xlsx"

    def change(book):
        book.create_sheet("Mine")["A1"] = "Notes"
        del book["Sources"]
        book["Population"].title = "People"
        for sheet in book:
            for row in sheet.iter_rows():
                for cell in row:
                    if cell.data_type == "f":
                        cell.value = cell.value.replace("'Population'!", "People!")

    by_openpyxl(path, change)
    verification = verify(path)

    assert content(verification, DifferenceKind.ADDED) == ["sheet Mine"]
    assert content(verification, DifferenceKind.REMOVED) == ["sheet Sources"]
    assert content(verification, DifferenceKind.RENAMED) == ["sheet Population"]
    assert verification.content.counts.total() == 3


@pytest.mark.slow
def test_a_name_that_leads_elsewhere_is_named(own):
    """transition_fund_2014_15 made to name another cell changes what formulas give and not one of their texts."""
    path = own / "out.xlsx"
    book = openpyxl.load_workbook(path)
    true = book.defined_names["transition_fund_2014_15"].attr_text
    other = book.defined_names["pot_2014_15"].attr_text
    edited(path, {"xl/workbook.xml": lambda data: data.replace(f">{true}<".encode(), f">{other}<".encode())})
    verification = verify(path)

    assert content(verification) == ["name transition_fund_2014_15"]
    assert (verification.content.kept[0].found, verification.content.kept[0].expected) == (f"={other}", f"={true}")


@pytest.mark.slow
def test_fields_that_are_filled_in_are_no_difference(own):
    """Final in place of Draft, names, and the date of the data: reported as filled in, and the exit code is 0."""
    path = own / "out.xlsx"
    rows = {cell.value: cell.row for cell in openpyxl.load_workbook(path)["About"]["A"]}
    type_over(path, "About", f"B{rows['Final or not']}", "Final")
    type_over(path, "About", f"B{rows['Prepared by']}", "A. Analyst, 1 May")
    type_over(path, "About", f"B{rows['Date of the data']}", 41730)
    code, output = typed("out.xlsx", folder=own)

    assert code == 0
    assert (
        "Filled in by readers Final or not: “Final” Date of the data: 41,730 Prepared by: “A. Analyst, 1 May”" in output
    )
    type_over(path, "About", f"B{rows['Scheme']}", "Another")
    assert content(verify(path)) == [f"About!B{rows['Scheme']}"]


@pytest.mark.slow
def test_final_on_about_is_in_the_status_of_every_published_sheet(own):
    """Final on About and in each published sheet's status, as Excel would recalculate it, is no difference.

    A status that says Final, while About says Draft, is one.
    """
    path = own / "out.xlsx"
    book = openpyxl.load_workbook(path)
    row = next(cell.row for cell in book["About"]["A"] if cell.value == "Final or not")
    published = [sheet.title for sheet in book if "final_or_not" in str(sheet["A3"].value)]
    assert {"Summary", "Allocations 2014-15", "Allocations 2015-16"} <= {*published}
    final = {
        (sheet, "A3"): lambda xml: re.sub('Status: NOT FINAL([^"]*</v>)', r"Status: FINAL\1", xml)
        for sheet in published
    }
    change_cells(path, final)
    (status, *_) = verify(path).content.kept
    assert len(verify(path).content.kept) == len(published)
    assert (status.kind, status.place, status.about) == (DifferenceKind.CONSEQUENCE, "Summary!A3", "status")

    type_over(path, "About", f"B{row}", "Final")
    verification = verify(path)
    assert (verification.verdict, [entry.now for entry in verification.filled_in]) == ("same content", ["Final"])


def test_a_subtotal_changed_on_a_published_sheet_is_named_by_its_area(own):
    """The subtotal of an area, the total and an organisation's figure are named by area, all and organisation."""
    path = own / "out.xlsx"
    rows = openpyxl.load_workbook(path, data_only=True)["Allocations 2014-15"].iter_rows(min_row=5, max_row=7)
    (total, area, first) = [row[0].row for row in rows]
    type_all_over(path, {("Allocations 2014-15", f"D{row}"): 7 for row in (total, area, first)})

    assert [difference.about for difference in verify(path).content.kept_of_kind(DifferenceKind.TYPED_OVER)] == [
        "All 4 CCGs, Registered population (people)",
        "North 2 CCGs, Registered population (people)",
        "A, Registered population (people)",
    ]


@pytest.mark.usefixtures("libreoffice")
def test_final_and_recalculated_is_no_difference(own):
    """Final on About changes what every published sheet says below its title; by LibreOffice, and still verified."""
    path = own / "out.xlsx"
    row = next(cell.row for cell in openpyxl.load_workbook(path)["About"]["A"] if cell.value == "Final or not")
    by_openpyxl(path, lambda book: book["About"].__setitem__(f"B{row}", "Final"))
    again = recalculation.recalculate(path, own)
    status = openpyxl.load_workbook(again, data_only=True)["Allocations 2014-15"]["A3"].value

    assert status.startswith("Status: FINAL. ")
    assert verify(again).verdict == "same content"


@pytest.mark.usefixtures("libreoffice")
@pytest.mark.parametrize("which", ["cost above funding", "odd"])
def test_a_workbook_saved_by_others_agrees_and_changes_are_found_in_it(tmp_path, which):
    """Saved by LibreOffice, by openpyxl and by both, every cell agrees; a figure changed by hand in a copy is named.

    The odd run has floors, ceilings, groups, £30bn in pence, and names that trip programs up.
    """
    path = write(RUNS[which](tmp_path), tmp_path / "out.xlsx")
    by_both = path.with_name("both.xlsx")
    office = recalculation.recalculate(path, path.parent)
    shutil.copy(office, by_both)
    by_openpyxl(by_both, lambda _: None)
    by_openpyxl(path, lambda _: None)
    for copy in (office, by_both, path):
        verification = verify(copy)
        assert (verification.verdict, verification.content.kept) == ("same content", [])
    assert "Another program has saved it, and every cell is still what gpit writes" in " ".join(
        typed(office.name, folder=path.parent)[1].split()
    )

    cell = column_of(office, "2015-16", "Allocation (£)") + "6"
    type_over(office, "2015-16", cell, 1)
    assert content(verify(office)) == [f"2015-16!{cell}"]
    shutil.copy(by_both, path)
    by_openpyxl(path, lambda book: book["2015-16"].__setitem__(cell, 1))
    assert content(verify(path)) == [f"2015-16!{cell}"]


@pytest.mark.slow
def test_shared_and_array_formulas(own):
    """Excel writes a formula that fills a column once: that is the same formula; an array formula is another."""
    path = own / "out.xlsx"
    column = column_of(path, "2014-15", "Weight (people)")
    shared = [f'<f t="shared" ref="{column}5:{column}8" si="3">{{}}</f>', *['<f t="shared" si="3"/>'] * 3]

    def share(row):
        def change(xml):
            return re.sub(r"<f>(.*?)</f>", lambda verification: shared[row - 5].format(verification[1]), xml)

        return change

    for row in range(5, 9):
        change_cell(path, "2014-15", f"{column}{row}", share(row))
    assert verify(path).verdict == "same content"

    change_cell(
        path, "2014-15", f"{column}8", lambda xml: xml.replace('<f t="shared" si="3"/>', '<f t="array" ref="A1">1</f>')
    )
    assert content(verify(path), DifferenceKind.FORMULA) == [f"2014-15!{column}8"]


# How others write formulas and numbers ---------------------------------------------------------------------

ALIKE = [
    ('IF(A1<$B$2, TRUE, "it\'s  so")', 'if(A1 < $B$2,TRUE(),"it\'s  so")'),
    ("'Population'!$D$5*2", "Population!$D$5*2"),
    ("'2014-15'!A1", "'2014-15'!a1"),
    ("'It''s'!A1+1", "'IT''S'!A1 + 1"),
    ("_xlfn.STDEV.S(A1:A9)", "STDEV.S(A1:A9)"),
    ("IFERROR(x,FALSE)", "IFERROR( x , FALSE( ) )"),
    ("SUM(Old!A1:A3)", "SUM('New name'!A1:A3)"),
]
DIFFERENT = [
    ("A1", "$A1"),
    ("A1+B1", "A1-B1"),
    ('"a b"', '"a  b"'),
    ('"TRUE()"', '"TRUE"'),
    ('"abc"', '"ABC"'),
    ("SUM(A1:A3 B1)", "SUM(A1:A3B1)"),
    ("NOTTRUE()", "NOTTRUE"),
    ("'Population'!A1", "'Spend'!A1"),
    ("1.50", "1.5"),
]


@pytest.mark.parametrize(("formula", "variant"), ALIKE)
def test_ways_of_writing_one_formula(formula, variant):
    """Spaces, capitals, quotation marks around sheets, prefixes and TRUE() are ways of writing the same."""
    sheets = {"new name": "Old"}

    assert normal(formula, sheets) == normal(variant, sheets)


@pytest.mark.parametrize(("formula", "variant"), DIFFERENT)
def test_formulas_that_are_not_the_same(formula, variant):
    """Dollar signs, operators, texts and the space between ranges are part of a formula."""
    assert normal(formula, {}) != normal(variant, {})


@given(st.floats(-1e300, 1e300))
def test_fifteen_digits_are_the_same_number(number):
    """The 15 digits that a spreadsheet program keeps count as the same number, at any size."""
    assert is_same_as_written(number, float(f"{number:.15g}"))
    assert is_same_as_calculated(number, float(f"{number:.15g}"))


def test_a_penny_is_a_penny():
    """A penny in £140,000,000 is a difference, and so are another type, a text, and a figure in place of a blank."""
    assert not is_same_as_calculated(140_000_000.01, 140_000_000.0)
    assert not is_same_as_written(140_000_000.01, 140_000_000.0)
    assert is_same_as_calculated(140_000_000.0000001, 140_000_000.0)
    assert not any(
        is_same_as_calculated(*pair) for pair in ((1, True), ("1", 1), (None, 0), ("a", "A"), (float("nan"), 1))
    )
    assert is_same_as_calculated(None, "")


# Damaged and hostile ---------------------------------------------------------------------------------------


def refused(path):
    """The one line in which a file is refused, by exit code 2."""
    output = io.StringIO()
    with pytest.MonkeyPatch.context() as patch, redirect_stderr(output), redirect_stdout(io.StringIO()) as printed:
        patch.setattr(sys, "argv", ["gpit", "verify", str(path)])
        assert (_run(), printed.getvalue()) == (2, "")
    assert output.getvalue().startswith("gpit: error: ")
    assert output.getvalue().count("\n") == 1
    return output.getvalue()


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_truncated_files_are_refused(own, suffix):
    """Half a file is no result: one line and exit code 2. Half a CSV lacks rows."""
    path = own / f"out.{suffix}"
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    if suffix == "csv":
        assert not verify(path).verified
        path = path.with_name("out.csv.manifest.json")
        path.write_bytes(path.read_bytes()[:500])
        assert "out.csv.manifest.json: is not valid JSON" in refused(own / "out.csv")
    else:
        assert f"out.{suffix}" in refused(path)


def test_tables_without_a_manifest_are_refused(own):
    """A table without its manifest is refused with exit code 2 and what to do."""
    (own / "out.csv.manifest.json").unlink()

    assert "its manifest out.csv.manifest.json is not in its folder" in refused(own / "out.csv")
    assert "put the manifest there" in refused(own / "out.csv")


def set_entry(*where):
    """A change that puts the last of its arguments into a document, at the place that the others say."""

    def change(document):
        place = document
        for key in where[:-2]:
            place = place[key]
        place[where[-2]] = where[-1]

    return change


@pytest.mark.parametrize(
    "change",
    [
        set_entry("manifest", "nothing"),
        set_entry("manifest", {}),
        set_entry("manifest", "run", None),
        set_entry("manifest", "run", "set", ["pot"]),
        set_entry("manifest", "run", "max_size", -1),
        set_entry("manifest", "run", "population", ["../../secret.csv"]),
        set_entry("manifest", "run", "population", ["/etc/secret.csv"]),
        set_entry("manifest", "run", "population", ["C:\\secret.csv"]),
        set_entry("manifest", "run", "scheme", ".."),
        set_entry("manifest", "run", "scheme", "../own.toml"),
        set_entry("manifest", "run", "boundaries", "yesterday"),
        set_entry("manifest", "run", "set", {"pot": "many"}),
        set_entry("manifest", "run", "unheard", True),
        set_entry("manifest", "inputs", 5),
        set_entry("manifest", "inputs", [None]),
        set_entry("manifest", "inputs", 0, "sha256", 7),
        set_entry("manifest", "scheme", "files", {}),
        set_entry("manifest", "libraries", "polars", 1),
        set_entry("manifest", "gpit", None),
        set_entry("schema", "gpit-check/1"),
        set_entry("rows", {}),
    ],
)
def test_manifests_of_the_wrong_shape_are_refused(own, change):
    """A manifest of the wrong shape is one line and exit code 2; it never opens a file outside the folders given."""
    in_json(own / "out.json", change)

    with pytest.raises(UsageError) as caught:
        verify(own / "out.json")
    assert str(caught.value).startswith("out.json: ")
    assert "\n" not in str(caught.value)


@pytest.mark.slow
def test_documents_of_any_depth_are_refused_or_compared(own):
    """Lists in lists, as deep as they can be read or deeper, where one value is expected or where the manifest is."""
    text = (own / "out.json").read_text("utf-8")
    for depth in (600, 900, 100_000):
        deep = f'"agrees": {"[" * depth}{"]" * depth}'
        (own / "out.json").write_text(text.replace('"agrees": true', deep), encoding="utf-8")
        code, output = typed("out.json", "--debug", folder=own)
        assert code == (2 if depth > 1_000 else 1), output
    manifest = openpyxl.load_workbook(own / "out.xlsx")["Manifest"]["A"]
    row = next(cell.row for cell in manifest if str(cell.value).startswith("JSON 1 of "))
    type_over(own / "out.xlsx", "Manifest", f"B{row}", "[" * 30_000)
    assert "has no readable manifest" in refused(own / "out.xlsx")


@pytest.mark.parametrize("label", ["JSON 1 of 99999", "JSON 1 of 99999999999999", f"JSON 1 of {'9' * 5_000}", "JSON"])
def test_pieces_that_count_wrongly_are_refused(own, label):
    """A manifest said to be in more pieces than there are is refused, without counting to a thousand million."""
    path = own / "out.xlsx"
    rows = [cell.row for cell in openpyxl.load_workbook(path)["Manifest"]["A"] if str(cell.value).startswith("JSON ")]
    type_over(path, "Manifest", f"A{rows[-1]}", label)

    assert "has no readable manifest" in refused(path)


@pytest.mark.slow
def test_a_zip_bomb_is_refused(own):
    """A workbook that unpacks to more than any result is refused before it is parsed."""
    path = own / "out.xlsx"
    with (
        zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive,
        archive.open("xl/bomb.xml", "w", force_zip64=True) as part,
    ):
        for _ in range(600):
            part.write(bytes(1_000_000))

    assert "unpacks to" in refused(path)


@pytest.mark.parametrize(
    ("part", "old", "new"),
    [
        ("xl/worksheets/sheet8.xml", b"<worksheet", b'<!DOCTYPE x [<!ENTITY a "aa">]><worksheet'),
        ("xl/worksheets/sheet8.xml", b'<row r="6"', b'<row r="3"'),
        slow("xl/worksheets/sheet8.xml", b'<c r="B6"', b'<c r="A6"'),
        slow("xl/worksheets/sheet8.xml", b'<c r="B6"', b'<c r="B7"'),
        slow("xl/worksheets/sheet8.xml", b"</sheetData>", b""),
        ("xl/workbook.xml", b'name="Summary"', b'name="about"'),
        ("xl/workbook.xml", b"<sheets>", b""),
    ],
)
def test_sheets_as_no_program_writes_them_are_refused(own, part, old, new):
    """Entities, rows out of order, a cell twice, two sheets of one name, broken XML: refused in one line."""
    edited(own / "out.xlsx", {part: lambda data: data.replace(old, new, 1)})

    assert "out.xlsx" in refused(own / "out.xlsx")


@pytest.mark.slow
def test_cells_of_another_vocabulary_hide_nothing(own):
    """A value in an element that Excel passes over is passed over: the one that Excel shows is compared."""
    path = own / "out.xlsx"
    cell = column_of(path, "2014-15", "Allocation (£)") + "5"

    def change(xml):
        value = re.search(r"<v>(.*?)</v>", xml)[1]
        strange = f'<x:f xmlns:x="urn:x">{formula_of(xml)}</x:f><x:v xmlns:x="urn:x">{value}</x:v>'
        return element(cell, 5).replace("<v>", f"{strange}<v>")

    change_cell(path, "2014-15", cell, change)
    assert content(verify(path)) == [f"2014-15!{cell}"]


@pytest.mark.slow
def test_a_parquet_file_of_a_thousand_million_rows_is_refused(own):
    """A column of one value takes a few bytes for any number of rows: the rows are counted before they are made."""
    path = own / "out.parquet"
    pl.DataFrame({"year": pl.repeat("2014/15", 70_000_000, eager=True)}).write_parquet(path)

    assert "cells; no result of gpit has more" in refused(path)


def leaves(document, place=()):
    """The places of all values of a document."""
    inner = (
        document.items() if isinstance(document, dict) else enumerate(document) if isinstance(document, list) else ()
    )
    verification = [leaf for key, value in inner for leaf in leaves(value, (*place, key))]
    return [*([place] if place else []), *verification]


@pytest.mark.slow
def test_no_document_breaks_it(own):
    """A JSON document with any value anywhere is refused in one line, or the difference is named."""
    draws = random.Random(99)
    whole = (own / "out.json").read_text("utf-8")
    places = leaves(json.loads(whole))
    kinds = {place[0]: [other for other in places if other[0] == place[0]] for place in places}
    refusals = []
    for _ in range(40):
        document = json.loads(whole)
        where = draws.choice(kinds[draws.choice([*kinds, "manifest", "rows"])])
        value = draws.choice(
            [None, True, [], {}, {"x": [{}]}, "x\x00y", "\ud800", -1, 1e308, 10**400, float("nan"), [[]]]
        )
        place = document
        for key in where[:-1]:
            place = place[key]
        if repr(place[where[-1]]) == repr(value):
            continue
        place[where[-1]] = value
        (own / "out.json").write_text(json.dumps(document), encoding="utf-8")
        try:
            verification = verify(own / "out.json")
        except UsageError as fault:
            refusals.append(str(fault))
        else:
            assert not verification.verified, where
            assert writing.json_text(verification.document()).encode()

    assert not any("\n" in refusal for refusal in refusals)


def test_no_damaged_archive_breaks_it(own):
    """A workbook with any byte changed is refused in one line, or compared."""
    draws = random.Random(98)
    whole = (own / "out.xlsx").read_bytes()
    outcomes = set()
    for _ in range(40):
        data = bytearray(whole)
        for _ in range(draws.choice((1, 1, 30))):
            data[draws.randrange(len(data))] = draws.randrange(256)
        (own / "out.xlsx").write_bytes(data)
        try:
            outcomes.add(verify(own / "out.xlsx").verified)
        except UsageError as fault:
            outcomes.add(str(fault))

    refusals = outcomes - {True, False}
    assert refusals
    assert not any("\n" in refusal for refusal in refusals)


# On the screen ---------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_screens_fit_and_lists_are_capped(sample_copy):
    """Of 40 figures changed by hand 20 are shown and the others counted; no line is wider than 80; --json has all."""
    path = sample_copy / "out.xlsx"
    column = column_of(path, "2014-15", "Allocation (£)")
    type_all_over(path, {("2014-15", f"{column}{row}"): row for row in range(5, 45)})
    done = gpit("verify", "out.xlsx", folder=sample_copy, env={"COLUMNS": "80", "PYTHONIOENCODING": "ascii"})
    lines = done.stdout.decode("ascii").splitlines()

    assert max(map(len, lines)) <= 80
    assert "  ... and 20 more" in lines
    assert lines[-1] == "--json lists all of them."
    assert len(json.loads(gpit("verify", "out.xlsx", "--json", folder=sample_copy).stdout)["content"]) == 40


@pytest.mark.slow
def test_hostile_texts_do_not_reach_the_screen(own):
    """Control characters in a cell, a name or an entry are replaced, and long texts are cut where they differ."""
    path = own / "out.xlsx"
    type_over(path, "2014-15", "B5", "x" * 5_000 + "\u202e[bold]")
    in_json(own / "out.json", lambda document: document["rows"][0].update(org_name="\x1b[2J\x07 gone"))
    workbook, document = (gpit("verify", f"out.{ending}", folder=own).stdout.decode() for ending in ("xlsx", "json"))

    assert "\u202e" not in workbook
    assert "\x1b" not in document
    assert len(workbook) < 1_000
    assert "[2J" in document
