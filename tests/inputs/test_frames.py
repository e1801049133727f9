"""DataFrames of Polars and pandas are read as files are: the same figures, findings and refusals."""

from __future__ import annotations

import datetime as dt
import hashlib
import sys
from decimal import Decimal

import numpy as np
import pandas as pd
import polars as pl
import pytest

from gpit_fairshare import InputError, UsageError, allocate, check, compare, reallocate
from gpit_fairshare.inputs.files.frames import read_frame
from running import SAMPLES
from tiers import slow, slow_but

CODES = ["A", "B", "C", "D"]
PEOPLE = [100_000, 200_000, 300_000, 400_000]
SPEND = [500_000, 500_000, 450_000, 820_000]
TARGETS = [200_000, 400_000, 600_000, 800_000]
"""The fair shares of £2,000,000: £2 for each patient."""


def people(**columns):
    """The population of A, B, C and D as columns, with others added or replaced."""
    return {"org_code": CODES, "registered_population": PEOPLE, **columns}


def run(population, spend=None, **options):
    """Allocate £2,000,000 with the population and, unless another is given, the spend of A, B, C and D."""
    spend = pl.DataFrame({"org_code": CODES, "historic_spend": SPEND}) if spend is None else spend
    settings = {"revenue_budget": 2_000_000}
    return allocate(population=population, spend=spend, settings=settings, with_effects=False, **options)


def targets(result):
    """The fair shares of the first year, by code."""
    return result.year("2014/15")["fair_share"].to_list()


def refusal(population):
    """The text of the error that a population gives: one line."""
    with pytest.raises(InputError) as refused:
        run(population)
    assert "\n" not in str(refused.value)
    return str(refused.value)


# Figures ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("library", [pl, slow(pd)], ids=["polars", "pandas"])
def test_frames_of_the_sample_give_the_figures_of_its_files(library):
    """The rows, findings and origins of the sample are the same from frames as from files, but for the names."""
    paths = {role: SAMPLES / f"england-2014-15-{role}.csv" for role in ("population", "spend")}
    files = allocate(**paths, with_effects=False)
    frames = allocate(**{role: library.read_csv(path) for role, path in paths.items()}, with_effects=False)

    def renamed(text):
        """A finding's text with the names of the frames, and columns by number."""
        for role, path in paths.items():
            text = text.replace(path.name, f"{role} (frame)")
        return text.replace("column D", "column 4").replace("column F", "column 6")

    assert frames.rows.equals(files.rows)
    assert [str(finding) for finding in frames.findings] == [renamed(str(finding)) for finding in files.findings]
    # Row 2 of a file, below its headings, is row 1 of a frame.
    key = ("2014/15", "00C", "registered_population")
    assert files.inputs.origins[key] == "england-2014-15-population.csv row 2"
    assert frames.inputs.origins[key] == "population (frame) row 1"


NUMBERS = {
    "Int64": pd.Series(PEOPLE, dtype="Int64"),
    "UInt32": pd.Series(PEOPLE, dtype="UInt32"),
    "float64": pd.Series(PEOPLE, dtype="float64"),
    "float32": pd.Series(PEOPLE, dtype="float32"),
    "category": pd.Series(PEOPLE).astype("category"),
    "decimals": pd.Series([Decimal(number) for number in PEOPLE]),
    "texts": pd.Series([f"{number:,}" for number in PEOPLE]),
    "numpy": pd.Series([np.int64(PEOPLE[0]), np.float32(PEOPLE[1]), np.float64(PEOPLE[2]), PEOPLE[3]], dtype="object"),
    "polars decimals": pl.Series(PEOPLE).cast(pl.Decimal(12, 2)),
    "polars float32": pl.Series(PEOPLE).cast(pl.Float32),
    "polars int128": pl.Series(PEOPLE).cast(pl.Int128),
}


@pytest.mark.parametrize("kind", slow_but(("float64", "numpy", "polars decimals"), NUMBERS))
def test_numbers_of_every_type_are_the_same_numbers(kind):
    """£2,000,000 over 1,000,000 patients is £2 for each, for every type of the column."""
    library = pl if kind.startswith("polars") else pd

    assert targets(run(library.DataFrame(people(registered_population=NUMBERS[kind])))) == TARGETS


@pytest.mark.parametrize(
    "codes",
    [
        pd.Series(CODES, dtype="category"),
        pd.Series(CODES, dtype="string"),
        pd.Series(CODES, dtype="object"),
        pl.Series(CODES).cast(pl.Categorical),
    ],
    ids=["category", "string", "object", "Categorical"],
)
def test_codes_may_be_texts_of_any_type(codes):
    """A column of texts is read in every type that the libraries store texts as."""
    library = pl if isinstance(codes, pl.Series) else pd

    assert run(library.DataFrame(people(org_code=codes))).year("2014/15")["org_code"].to_list() == CODES


def test_levels_of_the_index_with_a_name_are_columns():
    """`set_index("org_code")`, which analysts use to join, hides no code; nor does a second level hide the year."""
    frame = pd.DataFrame(people(year=["2014/15"] * 4))

    for levels in ("org_code", ["org_code", "year"]):
        report = check(population=frame.set_index(levels))
        assert report.organisations == {"2014/15": 4}
        assert report.sources[0].rows == 4


def test_an_index_that_is_also_a_column_is_read_once():
    """After `set_index("org_code", drop=False)` there is one column of codes; an index without a name is not read."""
    frame = pd.DataFrame(people())

    assert targets(run(frame.set_index("org_code", drop=False))) == TARGETS
    assert targets(run(frame.set_axis([7, 5, 3, 1], axis=0))) == TARGETS


def test_a_frame_with_a_title_above_its_headings():
    """A frame of `read_excel(header=None)` has the columns 0 and 1, and its headings in a row below the title."""
    frame = pd.DataFrame([["Patients", None], ["org_code", "registered_population"], *zip(CODES, PEOPLE, strict=True)])
    result = run(frame)

    assert targets(result) == TARGETS
    assert result.inputs.origins["2014/15", "A", "registered_population"] == "population (frame) row 3"


def test_a_year_stored_with_decimals_is_a_year():
    """Whole numbers next to a blank have decimals in pandas; 201415.0 is 2014/15, as in a workbook."""
    assert check(population=pd.DataFrame(people(year=[201_415.0] * 4))).years == ("2014/15",)


def test_practices_of_a_frame_are_added_up():
    """Two practices of A with 60,000 and 40,000 patients are the 100,000 patients of A."""
    frame = pl.DataFrame(
        {
            "org_code": ["A", *CODES],
            "practice_code": ["P1", "P2", "P3", "P4", "P5"],
            "registered_population": [60_000, 40_000, *PEOPLE[1:]],
        }
    )

    assert targets(run(frame)) == TARGETS


def test_frames_and_files_in_one_list(tmp_path):
    """A list of a file and frames of both libraries is one table; each frame has a number in its name."""
    path = tmp_path / "a.csv"
    path.write_text("org_code,registered_population\nA,100000\n", encoding="utf-8")
    result = run([pl.DataFrame(people())[1:2], path, pd.DataFrame(people()).iloc[2:]])

    assert targets(result) == TARGETS
    assert result.manifest["run"]["population"] == ["population 1 (frame)", "a.csv", "population 2 (frame)"]
    # Row 1 is the first row of the frame, although pandas calls it 2.
    assert result.inputs.origins["2014/15", "C", "registered_population"] == "population 2 (frame) row 1"


def test_a_crosswalk_may_be_a_frame():
    """The spend of X, which became D on 1 April 2014, counts with D; the day may be a date."""
    crosswalk = pl.DataFrame({"org_code": ["X"], "successor_code": ["D"], "effective_date": [dt.date(2014, 4, 1)]})
    result = run(
        pl.DataFrame(people()),
        pl.DataFrame({"org_code": ["A", "B", "C", "X"], "historic_spend": SPEND}),
        crosswalk=crosswalk,
    )

    assert result.year("2014/15")["historic_spend"].to_list() == SPEND
    assert result.inputs.sources[-1].name == "crosswalk (frame)"


def test_the_allocations_of_a_result_are_reallocated():
    """With a forecast of half the allocation, 95% - 50% = 45% of it is above the tolerance of 5% and is recovered."""
    result = run(pl.DataFrame(people()))
    rows = result.year("2014/15")
    forecast = rows.select("org_code", forecast_outturn=pl.col("allocation") / 2)
    moved = reallocate(
        allocation=result.rows, forecast=forecast, year="2014/15", tolerance=0.05, recover=1, with_effects=False
    )

    assert moved.rows["recovered"].to_list() == [float(round(amount * 0.45)) for amount in rows["allocation"]]
    assert moved.manifest["run"]["population"] == ["allocation (frame)"]
    assert moved.manifest["run"]["input"] == ["forecast (frame)"]
    with pytest.raises(InputError, match=r"forecast \(frame\): no column forecast_outturn"):
        reallocate(allocation=result.rows, forecast=forecast.rename({"forecast_outturn": "x"}), year="2014/15")
    with pytest.raises(UsageError, match="allocation: expected one file or frame, found 2"):
        reallocate(allocation=[result.rows, result.rows], forecast=forecast)


# Findings and refusals -----------------------------------------------------------------------------


BLANKS = {
    "NaN": pd.Series([*PEOPLE[:3], float("nan")]),
    "NA": pd.Series([*PEOPLE[:3], pd.NA], dtype="Int64"),
    "None": pd.Series([*PEOPLE[:3], None], dtype="object"),
    "NaT": pd.Series([*PEOPLE[:3], pd.NaT], dtype="object"),
    "null": pl.Series([*PEOPLE[:3], None]),
}


@pytest.mark.parametrize("kind", slow_but(("NaN", "null"), BLANKS))
def test_values_that_are_missing_are_blank_cells(kind):
    """Each library's own missing value is a blank cell, which a required column refuses with its row and column."""
    library = pl if kind == "null" else pd

    assert "population (frame): row 4, registered_population: the cell is blank" in refusal(
        library.DataFrame(people(registered_population=BLANKS[kind]))
    )


WRONG = {
    "NaN of Polars": (pl.Series([*map(float, PEOPLE[:3]), float("nan")]), "row 4, registered_population: nan is not a"),
    "yes/no": (pd.Series([True] * 4), "row 1, registered_population: TRUE is not a number"),
    "yes/no of NumPy": (pd.Series([*PEOPLE[:3], np.bool_(True)], dtype="object"), "row 4, registered_population: TRUE"),
    "dates": (pd.to_datetime(pd.Series(["2014-04-01"] * 4)), "the date or time 2014-04-01 is not a number"),
    "lists": (pl.Series([[1], [2], [3], [4]]), "row 1, registered_population: expected a text, number, date or yes/no"),
    "structs": (pl.Series([{"a": 1}] * 4), "found a value of type dict"),
    "arrays": (pd.Series([1, 2, 3, np.array([4.0])], dtype="object"), "row 4, registered_population: expected a text"),
    "periods": (pd.Series(pd.period_range("2014", periods=4)), "found a value of type Period"),
    "bytes": (pd.Series([b"1"] * 4), "found a value of type bytes"),
}


@pytest.mark.parametrize("kind", slow_but(("NaN of Polars", "lists", "bytes"), WRONG))
def test_values_that_are_no_numbers_are_refused(kind):
    """A value that no cell of a file can have, or that is no number, is refused with its row and column."""
    values, text = WRONG[kind]
    library = pl if isinstance(values, pl.Series) else pd

    assert text in refusal(library.DataFrame(people(registered_population=values)))


def test_codes_that_are_numbers_are_refused_as_in_a_workbook():
    """The codes 01 to 04 of a file are 1 to 4 after `pd.read_csv`, so numbers are no codes; nor is 1.0."""
    for codes in ([1, 2, 3, 4], [1.0, 2.0, 3.0, 4.0]):
        text = refusal(pd.DataFrame(people(org_code=codes)))
        assert "population (frame): row 1, org_code: 1 is not text" in text
        assert "dtype=str" in text


def test_frames_without_one_row_of_headings_and_values_are_refused():
    """Headings of two levels, no rows, and no columns are each one line."""
    frame = pd.DataFrame(people())
    two_levels = frame.set_axis(pd.MultiIndex.from_product([["2014/15"], frame.columns]), axis=1)

    assert "its headings have 2 levels" in refusal(two_levels)
    for empty in (pl.DataFrame(), pd.DataFrame(), frame.iloc[:0], pl.DataFrame(people()).clear()):
        assert "the frame has no rows" in refusal(empty)


def test_two_columns_with_one_name_are_refused_as_in_a_file():
    """A frame of pandas can have two columns of one name; both are named by their number."""
    frame = pd.concat([pd.DataFrame(people()), pd.DataFrame({"registered_population": SPEND})], axis=1)

    assert "'registered_population' (column 2) and 'registered_population' (column 3)" in refusal(frame)


@pytest.mark.parametrize(
    ("population", "problem"),
    [
        (5, r"expected a path, a DataFrame of Polars or pandas, or a list of these; found 5 \(int\)"),
        ({"org_code": CODES}, r"found \{'org_code': .*\(dict\)"),
        ([1, 2], r"found 1 \(int\)"),
        (b"a.csv", r"\(int\)"),
        (pl.Series(PEOPLE), r"\(Series\)"),
        (pl.LazyFrame(people()), r"a LazyFrame holds no rows yet; call \.collect\(\)"),
    ],
    ids=["number", "dict", "numbers", "bytes", "series", "lazy"],
)
def test_what_is_neither_a_file_nor_a_frame_is_refused(population, problem):
    """The error is one line, and names the argument and the value."""
    for call in (allocate, check):
        with pytest.raises(UsageError, match=f"^population: .*{problem}") as refused:
            call(population=population)
        assert "\n" not in str(refused.value)


def test_a_frame_instead_of_a_result_is_refused():
    """`compare` takes results and result files: a frame is one line of error."""
    with pytest.raises(UsageError, match=r"expected the path of a result file, or a Result .*; found a DataFrame"):
        compare(pl.DataFrame(people()), pl.DataFrame(people()))


def test_frames_of_polars_need_no_pandas(monkeypatch):
    """Where pandas is not installed, frames of Polars are read."""
    monkeypatch.setitem(sys.modules, "pandas", None)

    assert targets(run(pl.DataFrame(people()))) == TARGETS


# Digests ------------------------------------------------------------------------------------------


def test_the_digest_is_that_of_the_headings_and_cells_as_json():
    """The recipe in docs/outputs.md: rows as lists, whole numbers without decimals, and days as texts in lists."""
    first, second = '["A", 100, ["2014-04-01 00:00:00"]]', '["\\u00c9", null, ["2014-05-01 00:00:00"]]'
    text = f'[["org_code", "people", "day"], {first}, {second}]'
    days = [dt.datetime(2014, 4, 1), dt.datetime(2014, 5, 1)]  # noqa: DTZ001 - days of a table have no zone
    columns = {"org_code": ["A", "É"], "people": [100.0, None], "day": days}

    for frame in (pl.DataFrame(columns), pd.DataFrame(columns), pd.DataFrame(columns).set_index("org_code")):
        assert read_frame(frame)[1] == hashlib.sha256(text.encode()).hexdigest()


@pytest.mark.parametrize(
    "changed",
    [
        {"org_code": ["A", "B", "D", "C"]},
        {"registered_population": [*PEOPLE[:3], 400_001]},
        {"registered_population": [str(number) for number in PEOPLE]},
        {"registered_population": [*PEOPLE[:3], None]},
        {"year": ["2014/15"] * 4},
    ],
    ids=["order", "value", "type", "blank", "column"],
)
def test_any_change_of_a_frame_changes_its_digest(changed):
    """Codes in another order, another value, text instead of a number, a blank, and a further column are noticed."""
    assert read_frame(pl.DataFrame(people(**changed)))[1] != read_frame(pl.DataFrame(people()))[1]
