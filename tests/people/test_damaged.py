"""Damaged rows of people: each is refused in one line that says where, what was found, what is expected, what to do."""

from __future__ import annotations

import io
import math
from datetime import date
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

import polars as pl
import pytest

from gpit_fairshare import population
from gpit_fairshare.errors import InputError, UsageError
from rows_of_people import WEIGHTS, spark, weights_file
from running import gpit, words

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

HEAD = "practice_code,age,sex\n"
ROWS = "A81001,47,male\nA81001,30,female\nA81002,5,female\n"
NUMBERS = "practice_code,age,sex,registered_population\nA81001,40,male,12\n"
FRAME = pl.DataFrame({"practice_code": ["A81001", "A81002"], "age": [4, 5], "sex": ["male", "female"]})
REMEDY = "Correct the rows; nothing is left out or guessed."
TO_LINE = "Correct the rows."


def packed(frame: pl.DataFrame = FRAME) -> bytes:
    """Return a frame as the bytes of a Parquet file."""
    stream = io.BytesIO()
    frame.write_parquet(stream)
    return stream.getvalue()


class Damage(NamedTuple):
    """Files, options, and what the message must say, in order."""

    name: str
    files: dict[str, str | bytes]
    says: tuple[str, ...]
    options: Mapping[str, Any] = MappingProxyType({})
    error: type[Exception] = InputError
    path: str = ""
    """What to count; the folder if it is empty."""


def rows(name: str, text: str, *says: str, **options: Any) -> Damage:
    """Return damage in a CSV file."""
    return Damage(name, {"people.csv": text}, says, options, path="people.csv")


def frame(name: str, *says: str, **columns: Any) -> Damage:
    """Return damage in some columns of a Parquet file."""
    return Damage(name, {"people.parquet": packed(FRAME.with_columns(**columns))}, says, path="people.parquet")


def people(number: str, *says: str) -> Damage:
    """Return damage in the number of people of a row."""
    return rows(f"{number or 'blank'} people", f'{NUMBERS}A81002,40,male,"{number}"\n', ROW_2, *says, REMEDY)


ROW = "1 row of 1 organisation (A81001)"
ROW_2 = "1 row of 1 organisation (A81002)"
PERSON = "1 person of 1 organisation (A81001)"
BOTH = "2 rows of 2 organisations (A81001 and A81002)"
TWO = "A81001,{0},male\nA81002,{0},female\n"
LINE_5 = "people.csv: 1 row cannot be split into cells, the first in line 5; expected 3 cells in each row"
LIKE_FIRST = "Leave the file out, or write it again with the columns of the first."
OTHER_SEX = ("which the weights do not name", "Correct the rows, or add it to the weights.")
WHERE_MALE = WEIGHTS.replace(
    "lookup(sex_weight, sex)", r"where(sex == \"male\", 0.9, where(sex == \"female\", 1.1, 0))"
)
TOTAL = WEIGHTS.replace('lookup(sex_weight, sex)"', 'lookup(sex_weight, sex) / total(age)"')

DAMAGED = [
    # Values
    rows("age 130", HEAD + ROWS + TWO.format(130), "2 people of 2 organisations (A81001 and A81002): age is 130",
         "its last band ends at 120. Raise up_to, or add a band."),
    rows("age -1", HEAD + ROWS + TWO.format(-1), "2 people of 2 organisations", "age is -1",
         "its first band begins at 0. Add a band below it."),
    rows("age 47y", HEAD + ROWS + TWO.format("47y"), BOTH, "age is '47y'; expected a number such as 47", REMEDY),
    rows("age blank", HEAD + ROWS + TWO.format(""), BOTH, "age is blank", REMEDY),
    rows("age NA", HEAD + ROWS + TWO.format("NA"), BOTH, "age is 'NA'; expected a number such as 47", REMEDY),
    rows("age 1e2", HEAD + ROWS + TWO.format("1e2"), BOTH, "age is '1e2'; expected a number such as 47", REMEDY),
    rows("age with a space", HEAD + ROWS + TWO.format(" 47"), BOTH, "age is ' 47'; expected a number such as 47"),
    rows("six ages", HEAD + ROWS + "".join(f"A81001,{age}y,male\n" for age in range(6)), "6 rows of 1 organisation",
         "age is '0y', '1y', '2y' and 3 more; expected a number", REMEDY),
    frame("age of day", BOTH, "age is 2000-01-01; expected a number such as 47", REMEDY, age=pl.lit(date(2000, 1, 1))),
    frame("age NaN", ROW_2, "age is nan; expected a number such as 47", REMEDY, age=pl.Series([4.0, math.nan])),
    frame("age yes/no", BOTH, "age is False and True; expected a number", REMEDY, age=pl.Series([True, False])),
    frame("age in lists", "age is of type List(Int64); expected a text or number in each row. Write the files again.",
          age=pl.Series([[4], [5]])),
    rows("sex NA", HEAD + ROWS + "A81001,40,NA\n", PERSON, "sex is 'NA'", "its rows are female and male",
         "Correct the text or the table."),
    rows("sex blank", HEAD + ROWS + "A81001,40,\n", ROW, "sex is blank", REMEDY),
    rows("sex with a space", HEAD + ROWS + "A81001,40, male\n", ROW,
         "sex is ' male'; expected a text without spaces around it", REMEDY),
    rows("sex Male", HEAD + ROWS + "A81001,40,Male\n", PERSON, "sex is 'Male'", "did you mean male or female?"),
    frame("sex in lists", "sex is of type List(String); expected a text or number", sex=pl.Series([["male"], []])),
    rows("where: unknown sex", HEAD + ROWS + "A81001,40,other\n", PERSON, "sex is 'other'", *OTHER_SEX,
         weights=WHERE_MALE),
    # Codes
    rows("practice blank", HEAD + ROWS + ",40,male\n  ,41,male\n", "2 rows: org_code is blank", REMEDY),
    frame("practice null", "2 rows: org_code is blank", REMEDY, practice_code=pl.lit(None, pl.String)),
    frame("practice a number", "2 rows of 2 organisations (81001 and 81002): org_code is 81001 and 81002",
          "expected a code as text", REMEDY, practice_code=pl.Series([81001, 81002])),
    rows("practice with a space", HEAD + ROWS + "A81001 ,40,male\n", "org_code is 'A81001 '; expected a text without",
         REMEDY),
    rows("code with a tab", HEAD + "A\t1,40,male\n", "1 person of 1 organisation (A 1): 'A\\t1' contains", "Type"),
    rows("crosswalk", "org_code,age,sex\n00F,4,male\n00G,4,male\n00H,4,male\nZZZ,5,male\nZZZ,5,male\n",
         "2 people of 1 organisation (ZZZ): ZZZ is not in a crosswalk; expected codes that are in a crosswalk",
         "with --crosswalk FILE.", boundaries="2015-04-01"),
    rows("half a merger", "org_code,age,sex\n00F,4,male\n00G,4,male\n", "no row for 00H",
         "the figures of 13T would be too low", "Add the missing rows", boundaries="2015-04-01"),
    # Numbers of people
    people("", "registered_population is blank"),
    people("-3", "registered_population is '-3'; expected 0 people or more"),
    people("2.5", "registered_population is '2.5'; expected a whole number of people, in up to 9 digits"),
    people("9" * 16, "expected a whole number of people, in up to 9 digits"),
    people("1,234", "registered_population is '1,234'; expected a number of people such as 47"),
    people("*", "registered_population is '*'; expected a number of people such as 47"),
    # Columns
    rows("no sex", "practice_code,age\nA81001,4\n",
         "no column sex, which the weights use; the headings are 'practice_code' and 'age'",
         "expected a column sex. Use --map 'HEADING=sex', or correct the weights."),
    rows("semicolons", (HEAD + ROWS).replace(",", ";"),
         "cells are separated by semicolons: expected commas; save the rows")
    ._replace(error=UsageError),
    rows("two headings", "practice_code,Practice code,age,sex\nA81001,A81001,4,male\n",
         "'practice_code' and 'Practice code' are all org_code; expected one column. Say which with --map"),
    rows("a heading twice", "practice_code,age,age,sex\nA81001,4,5,male\n",
         "'age' and 'age' are all age; expected one column. Rename or delete the others."),
    rows("two years", "practice_code,age,sex,year\nA81001,4,male,2014/15\nA81001,4,male,2013-14\n",
         "the rows are of 2013/14 and 2014/15; say which year with --year")._replace(error=UsageError),
    rows("a year that is none", "practice_code,age,sex,year\nA81001,4,male,2014/15\nA81001,4,male,last\n",
         "1 row: year is 'last'; expected a financial year such as 2014/15. Correct the rows."),
    rows("not that year", "practice_code,age,sex,year\nA81001,4,male,2013/14\n",
         "--year 2014/15: no row is of that year; the rows are of 2013/14", year="2014/15")._replace(error=UsageError),
    # Files
    Damage("a file without a column", {"a.parquet": packed(), "b.parquet": packed(FRAME.drop("sex"))},
           ("b.parquet: has no column sex", "expected 'sex', as in the first file.", LIKE_FIRST)),
    Damage("a file of another type", {"a.parquet": packed(), "b.parquet": packed(FRAME.cast({"age": pl.String}))},
           ("b.parquet: 'age' is of type text; expected Int64, as in the first file.", LIKE_FIRST)),
    Damage("CSV in another order", {"a.csv": HEAD + ROWS, "b.csv": "practice_code,sex,age\nA81001,male,3\n"},
           ("b.csv: has other headings than the first file", "expected the same headings in the same order.")),
    Damage("half a file", {"a.parquet": packed(), "b.parquet": packed()[:400]},
           ("b.parquet: cannot be read (", "expected a whole file. Copy the file again.")),
    Damage("zeros in a file", {"a.parquet": packed(), "b.parquet": b"PAR1" + bytes(96) + packed()[100:]},
           ("b.parquet: cannot be read (", "expected a whole file. Copy the file again.")),
    Damage("an empty Parquet file", {"people.parquet": b""}, ("people.parquet: cannot be read (", "a whole file")),
    Damage("an empty CSV file", {"a.csv": HEAD + ROWS, "b.csv": ""},
           ("b.csv: the file is empty; expected headings and rows. Leave the file out.",)),
    Damage("headings alone", {"people.csv": HEAD}, ("people.csv: there are no rows of people",), error=UsageError),
    Damage("text as Parquet", {"people.parquet": HEAD + ROWS}, ("people.parquet: cannot be read (", "a whole file")),
    Damage("Latin-1", {"people.csv": (HEAD + ROWS * 9000).encode() + "A81001,4,mâle\n".encode("latin-1")},
           ("people.csv: cannot be read (", "expected text in UTF-8. Save it again as 'CSV UTF-8'.")),
    rows("a short row", HEAD + ROWS + "A81002,40\n", LINE_5, TO_LINE),
    rows("a short row in a column that is not used", "practice_code,note\nA81001,x\nA81002\n", "people.csv: 1 row",
         "the first in line 3; expected 2 cells in each row", TO_LINE, weights=None),
    rows("a long row", HEAD + ROWS + "A81002,40,male,x\n", LINE_5, TO_LINE),
    rows("blank lines", HEAD + ROWS + "\n\r\n", "people.csv: 2 rows cannot be split into cells, the first in line 5"),
    rows("an open quote", HEAD + ROWS + '"A81001,47,male\n', LINE_5, 'no line break or single " in a cell', TO_LINE),
    rows("a quote inside", HEAD + ROWS + 'A81001,4"7,male\n', LINE_5, TO_LINE),
    Damage("no files", {}, ("the folder holds no file ending in .parquet or .csv",), error=UsageError),
    Damage("two kinds", {"a.csv": HEAD + ROWS, "b.parquet": packed()},
           ("the rows are in Parquet and in CSV files; give files of one kind",), error=UsageError),
    Damage("nothing there", {}, ("none.csv: there is no such file or folder",), error=UsageError, path="none.csv"),
    Damage("another kind", {"people.txt": HEAD}, ("people.txt: expected a file ending in .parquet or .csv",),
           error=UsageError, path="people.txt"),
    Damage("a hidden file", {"a.csv": HEAD + ROWS, "_b.csv": HEAD + ROWS},
           ("_b.csv: expected a name that does not begin with . or _",), error=UsageError),
    Damage("a name like a pattern", {"a*.csv": HEAD + ROWS, "ab.csv": HEAD + ROWS},
           ("a*.csv: expected a name that", "has none of *?[]{}"), error=UsageError, path="a*.csv"),
    Damage("a folder of an unfinished job", {"a.csv": HEAD + ROWS, "_temporary/0/b.csv": HEAD + ROWS},
           ("_temporary/0/b.csv: expected a name that does not begin with . or _",), error=UsageError),
    # Weights
    rows("weights of others", HEAD + ROWS, "total(age): the weight of a person cannot depend on other people",
         weights=TOTAL)._replace(error=UsageError),
]  # fmt: skip


def refused(damage: Damage, folder: Path, engine: str) -> tuple[str, list[str]]:
    """Return the message and the findings of damaged rows; its text is one line, and names all that it must."""
    place = folder / "rows"
    place.mkdir(exist_ok=True)
    for name, content in damage.files.items():
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    weights = damage.options.get("weights", WEIGHTS)
    options = {**damage.options, "weights": weights and weights_file(folder, weights)}

    with pytest.raises(damage.error) as caught:
        population(people=place / damage.path, engine=engine, **options)

    assert type(caught.value) is damage.error
    message = str(caught.value)
    place_of_part = -1
    for part in damage.says:
        assert part in message
        assert (place_of_part := message.find(part, place_of_part + 1)) >= 0, f"{part} is not in this order: {message}"
    assert "\n" not in message
    assert message.isprintable()
    kept = [path.relative_to(place).as_posix() for path in place.rglob("*") if path.is_file()]
    assert sorted(kept) == sorted(damage.files)
    findings = [str(finding) for finding in caught.value.findings]
    # The reason for an unreadable file is in the words of its engine.
    return (message.partition("cannot be read (")[0], [text.partition("cannot be read (")[0] for text in findings])


@pytest.mark.parametrize("damage", DAMAGED, ids=lambda damage: damage.name)
def test_polars_refuses(damage, tmp_path):
    """Damaged rows are an error in one line with their number, what was found, what is expected and what to do."""
    refused(damage, tmp_path, "polars")


@pytest.mark.slow
@pytest.mark.parametrize("damage", DAMAGED, ids=lambda damage: damage.name)
def test_duckdb_refuses_the_same(damage, tmp_path):
    """DuckDB gives the same findings as Polars."""
    assert refused(damage, tmp_path, "duckdb") == refused(damage, tmp_path, "polars")


@pytest.mark.slow
def test_spark_refuses_the_same(tmp_path):
    """Spark gives the same findings as Polars."""
    with spark():
        for number, damage in enumerate(DAMAGED):
            folder = tmp_path / str(number)
            folder.mkdir()
            assert refused(damage, folder, "spark") == refused(damage, folder, "polars"), damage.name


def test_a_file_that_is_given_twice(tmp_path):
    """A folder and a file in it are not two files: its people would count twice."""
    (tmp_path / "people.csv").write_text(HEAD + ROWS, encoding="utf-8")

    with pytest.raises(UsageError, match=r"people\.csv: the file is given twice, so its people would count twice"):
        population(people=[tmp_path, tmp_path / "people.csv"])


@pytest.mark.slow
def test_nothing_is_written(tmp_path):
    """The command ends with 2 and one line, and neither the table, the cells nor a manifest is there."""
    weights_file(tmp_path)
    (tmp_path / "people.csv").write_text(HEAD + ROWS + "A81001,40,NA\n", encoding="utf-8")

    done = gpit("population", "people.csv", "--weights", "weights.toml", "-o", "out.csv", "--manifest",
                "--cells", "cells.csv", "--suppress", "5", folder=tmp_path)  # fmt: skip

    assert done.returncode == 2
    assert f"{PERSON}: sex is 'NA'" in words(done.stderr)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["people.csv", "weights.toml"]
