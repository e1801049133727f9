"""Runs over the checked inputs of an earlier result, and results of frames: written, read back, compared, explained."""

from __future__ import annotations

import json
from dataclasses import fields
from fractions import Fraction

import openpyxl
import polars as pl
import pytest

from gpit_fairshare import Result, UsageError, allocate, compare, explain, verify
from gpit_fairshare.inputs import checked_tables
from gpit_fairshare.inputs.files import frames, reading
from gpit_fairshare.results.writing import document, write_csv, write_manifest, write_result
from running import ABCD_PEOPLE, ABCD_SPEND, gpit, population_file, spend_file, words

PEOPLE = pl.DataFrame({"org_code": list(ABCD_PEOPLE), "registered_population": list(ABCD_PEOPLE.values())})
SPEND = pl.DataFrame({"org_code": list(ABCD_SPEND), "historic_spend": list(ABCD_SPEND.values())})


def run(budget=2_000_000, **options):
    """Allocate a budget to A, B, C and D, with their frames unless other inputs are given."""
    inputs = {} if "inputs_of" in options else {"population": PEOPLE, "spend": SPEND}
    settings = {"revenue_budget": budget}
    return allocate(**{**inputs, "settings": settings, "with_effects": False, **options})


# The inputs of an earlier result ------------------------------------------------------------------


@pytest.mark.parametrize("source", ["files", "frames"])
def test_a_run_on_the_inputs_of_a_result_is_the_run_on_the_files(source, tmp_path, monkeypatch):
    """Every field, the JSON document and the bytes of the CSV are those of a fresh run, and nothing is read."""
    paths = {"population": population_file(tmp_path, ABCD_PEOPLE), "spend": spend_file(tmp_path, ABCD_SPEND)}
    inputs = paths if source == "files" else {"population": PEOPLE, "spend": SPEND}
    inputs = {**inputs, "leave_out": ["D"], "units": {"historic_spend": "£"}}
    changes = [
        {"settings": {"revenue_budget": 1_500_000, "transition_fund@2015/16": 100_000}},
        {"transition": "floor-and-ceiling"},
    ]
    fresh = [allocate(**inputs, **options) for options in changes]
    base = allocate(**inputs)
    for module, name in ((checked_tables, "read_sheet"), (reading, "read_regular"), (frames, "read_frame")):
        monkeypatch.setattr(module, name, None)

    for expected, options in zip(fresh, changes, strict=True):
        result = allocate(inputs_of=base, **options)
        write_csv(result, tmp_path / "new.csv")
        write_csv(expected, tmp_path / "fresh.csv")
        assert (tmp_path / "new.csv").read_bytes() == (tmp_path / "fresh.csv").read_bytes()
        assert document(result) == document(expected)
        for field in fields(Result):
            # Frames are compared by `repr` with all their rows; inputs have functions and hashes of their own.
            if field.name != "inputs":
                with pl.Config(tbl_rows=-1, tbl_cols=-1):
                    assert repr(getattr(result, field.name)) == repr(getattr(expected, field.name)), field.name
        assert result.inputs is base.inputs


def test_inputs_of_an_earlier_result_are_refused_where_they_may_be_wrong(tmp_path):
    """Files as well, options for reading, other years, other columns, and what is no such result: one line each."""
    base = run()
    path = tmp_path / "out.json"
    write_result(base, path, ".json", lambda _done, _total: None)
    cases = {
        "leave out population and spend": {"population": PEOPLE, "spend": SPEND},
        "leave out mapping": {"mapping": {"a": "b"}},
        "leave out sample": {"sample": True},
        "needs other columns than the earlier result": {"transition": "none"},
        "needs other years, columns, costs that count, organisations and": {
            "scheme": "icb-core-2023-24",
            "settings": {},
        },
        "expected a Result that allocate returned": {"inputs_of": path},
    }
    for text, options in cases.items():
        with pytest.raises(UsageError, match=f"^inputs_of: .*{text}"):
            run(**{"inputs_of": base, **options})


# Results of frames ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """A result of frames, written in every format."""
    folder = tmp_path_factory.mktemp("frames")
    result = run()
    for suffix in (".xlsx", ".json", ".csv"):
        write_result(result, folder / f"out{suffix}", suffix, lambda _done, _total: None)
    write_manifest(result, folder / "out.csv.manifest.json", folder / "out.csv", "out.csv")
    return result, folder


@pytest.mark.parametrize("suffix", [".xlsx", ".json", ".csv"])
def test_a_result_of_frames_cannot_be_verified_and_says_why(written, suffix):
    """No file holds the frames, so the result cannot be run again; the error names them and says what to do."""
    with pytest.raises(UsageError) as refused:
        verify(written[1] / f"out{suffix}")

    assert str(refused.value) == (
        f"out{suffix}: cannot be run again from its manifest: population (frame) and spend (frame) came from Python, "
        "and no file holds the data; give allocate the same data there, and compare its result with this file"
    )


def test_a_sheet_with_the_name_of_a_frame_is_not_one(tmp_path):
    """The sheet `people (frame)` of a workbook is in a file, so its result is run again: the same bytes."""
    book = openpyxl.Workbook()
    book.active.title = "people (frame)"
    for row in [("org_code", "registered_population"), *ABCD_PEOPLE.items()]:
        book.active.append(row)
    book.save(tmp_path / "people.xlsx")
    spend = spend_file(tmp_path, ABCD_SPEND)
    result = run(population=f"{tmp_path / 'people.xlsx'}:people (frame)", spend=spend)
    write_result(result, tmp_path / "out.json", ".json", lambda _done, _total: None)

    assert result.manifest["run"]["population"] == ["people.xlsx:people (frame)"]
    assert verify(tmp_path / "out.json", [tmp_path]).files[0].place


@pytest.mark.slow
def test_the_command_verify_ends_with_2(written):
    """`gpit verify` prints the same line and ends with exit code 2."""
    done = gpit("verify", "out.xlsx", folder=written[1])

    assert done.returncode == 2
    assert "population (frame) and spend (frame) came from Python" in words(done.stderr)


@pytest.mark.parametrize("suffix", [".xlsx", ".json", ".csv"])
def test_a_result_of_frames_is_explained_and_compared(written, suffix):
    """The file explains A's allocation and the place of its inputs, and equals the run that it came from."""
    result, folder = written
    explanation = explain(folder / f"out{suffix}", "A", year="2014/15")

    assert "population (frame) row 1" in json.dumps(explanation.document())
    assert compare(folder / f"out{suffix}", result).rows.is_empty()


def test_causes_of_a_change_in_a_frame_add_up_to_the_penny():
    """C loses £600,000 - £2,000,000 × 300,000 ÷ 1,050,000 if 50,000 people join A; the cause is the population."""
    joined = PEOPLE.with_columns(registered_population=pl.Series([150_000, 200_000, 300_000, 400_000]))
    rows = compare(run(), run(population=joined)).rows.filter(pl.col("year") == "2014/15", pl.col("org_code") == "C")
    loss = Fraction(2_000_000 * 300_000, 1_050_000) - 600_000

    assert rows["change"][0] == round(loss)
    assert rows["cause_data_registered_population"][0] == round(float(loss), 2)
    assert rows["cause_rounding"][0] == round(round(loss) - float(loss), 2)
