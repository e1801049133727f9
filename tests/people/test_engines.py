"""Polars, DuckDB and Spark count the same people, and a plain loop does, too."""

import csv

import polars as pl
import pytest

from folders import repeatable
from gpit_fairshare import population
from gpit_fairshare.errors import UsageError
from gpit_fairshare.people import engines
from rows_of_people import HEADINGS, counted_plainly, people_file, spark, weights_file

MILLION = 1_000_000
ENGINES = ("polars", "duckdb", "spark")


@pytest.fixture(scope="module")
def million(tmp_path_factory):
    """A million people in Parquet, in CSV and in a folder of four Parquet files, and what a plain loop counts."""
    folder = tmp_path_factory.mktemp("million")
    draw = repeatable(22)
    codes = [f"A{number:05}" for number in range(300)]
    frame = pl.DataFrame(
        {
            "practice_code": draw.choices(codes, weights=range(1, 301), k=MILLION),
            "age": draw.choices(range(111), k=MILLION),
            "sex": draw.choices(["female", "male"], k=MILLION),
        }
    )
    frame.write_parquet(folder / "people.parquet")
    frame.write_csv(folder / "people.csv")
    (folder / "parts").mkdir()
    for number in range(4):
        frame.gather_every(4, number).write_parquet(folder / "parts" / f"{number}.parquet")
    with (folder / "people.csv").open(encoding="utf-8", newline="") as stream:
        expected = counted_plainly(
            (row["practice_code"], int(row["age"]), row["sex"]) for row in csv.DictReader(stream)
        )
    weights_file(folder)
    return folder, expected


@pytest.mark.slow
@pytest.mark.parametrize("engine", ENGINES)
def test_a_million_people_are_the_same_to_the_last_digit(million, engine):
    """For every engine and kind of file, each organisation has the people and the float of a loop over fractions."""
    folder, expected = million

    def count():
        for name in ("people.parquet", "people.csv", "parts"):
            counted = population(people=folder / name, weights=folder / "weights.toml", engine=engine)
            assert counted.frame.rows() == expected, name
            assert counted.row_count == counted.registered == MILLION

    if engine == "spark":
        with spark():
            count()
    else:
        count()


@pytest.mark.slow
def test_cells_are_the_same_in_every_engine(million):
    """Each engine gives the same table by cell, in the same order."""
    folder, _ = million
    with spark():
        tables = [
            population(people=folder / "people.csv", weights=folder / "weights.toml", suppress=40, engine=engine).cells
            for engine in ENGINES
        ]

    assert tables[0].equals(tables[1])
    assert tables[0].equals(tables[2])
    assert 0 < tables[0].filter(suppressed="yes").height < tables[0].height


PEOPLE = [("A81001", 47, "male"), ("A81001", 3, "female"), ("A81002", 90, "female")]


@pytest.mark.parametrize("engine", ["polars", "duckdb"])
@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_three_people(tmp_path, engine, ending):
    """A man of 47 weighs 0.6 × 0.9 = 0.54, a girl of 3 1.2 × 1.1 = 1.32, a woman of 90 2.45 × 1.1 = 2.695."""
    path = people_file(tmp_path, PEOPLE)
    if ending == "parquet":
        path = tmp_path / "people.parquet"
        pl.DataFrame(PEOPLE, HEADINGS, orient="row").write_parquet(path)

    counted = population(people=path, weights=weights_file(tmp_path), engine=engine)

    assert counted.frame.rows() == [("A81001", 2, 1.86), ("A81002", 1, 2.695)]


@pytest.mark.parametrize(
    ("end", "text"),
    [
        ("\r\n", 'practice_code,age,sex\nA81001,47,male\n"A81001","3","female"\nA81002,90,female\n'),
        ("\n", '\ufeffpractice_code,note,age,sex\nA81001,"a, ""b""",47,male\nA81001,,3,female\nA81002,"",90,female'),
    ],
    ids=["Windows", "mark of UTF-8, quotes and no last line end"],
)
@pytest.mark.parametrize("engine", ["polars", "duckdb"])
def test_csv_files_as_programs_write_them(tmp_path, engine, end, text):
    """Quotes, line ends and a mark of UTF-8 do not matter."""
    path = tmp_path / "people.csv"
    path.write_bytes(text.replace("\n", end).encode())

    assert population(people=path, engine=engine).frame.rows() == [("A81001", 2), ("A81002", 1)]


def test_engine_that_is_not_installed(tmp_path, monkeypatch):
    """The message says what to type."""
    monkeypatch.setattr(engines, "find_spec", lambda _: None)

    with pytest.raises(UsageError, match=r"duckdb is not installed; type pip install 'gpit-fairshare\[duckdb\]'"):
        population(people=people_file(tmp_path, PEOPLE), engine="duckdb")


def test_engine_that_there_is_not(tmp_path):
    """A mistyped engine is refused with the nearest name."""
    with pytest.raises(UsageError, match=r"--engine duck: expected polars, duckdb or spark; did you mean duckdb\?"):
        population(people=people_file(tmp_path, PEOPLE), engine="duck")


def test_folder_that_is_called_like_a_file(tmp_path):
    """Spark writes a folder people.parquet with files in it; it is read as such, also from the folder above."""
    (tmp_path / "rows" / "people.parquet").mkdir(parents=True)
    frame = pl.DataFrame(PEOPLE, HEADINGS, orient="row")
    frame.write_parquet(tmp_path / "rows" / "people.parquet" / "part-0.parquet")
    (tmp_path / "rows" / "people.parquet" / "_SUCCESS").touch()

    for folder in (tmp_path / "rows", tmp_path / "rows" / "people.parquet"):
        assert population(people=folder).registered == 3
