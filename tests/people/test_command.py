"""The command: what it writes, that `gpit verify` counts it again, and that every engine writes the same bytes."""

import json

import polars as pl
import pytest

from documents import run_as_typed
from gpit_fairshare import UsageError, verify
from rows_of_people import people_file, weights_file

HEADINGS = ("Surgery", "age", "sex", "year")
ROWS = [
    ("00F", 47, "male", "2014/15"),
    ("00G", 90, "female", "2014/15"),
    ("00H", 3, "male", "2014/15"),
    ("00H", 3, "male", "2013/14"),
    ("00C", 30, "female", "2014/15"),
    ("00D", 30, "female", "2014/15"),
    ("Z1", 30, "female", "2014/15"),
]
CROSSWALK = "org_code,successor_code,effective_date\nZ1,Z2,2015-04-01\n"
COMMAND = (
    "gpit population people.csv --weights weights.toml --year 2014/15 --set 'age_weight[85]=3' --map Surgery=org_code "
    "--leave-out 00D --boundaries 2015/16 --crosswalk mergers.csv --manifest"
)


@pytest.fixture
def folder(tmp_path):
    """A folder with people of two years, weights and a crosswalk."""
    people_file(tmp_path, ROWS, HEADINGS)
    weights_file(tmp_path)
    (tmp_path / "mergers.csv").write_text(CROSSWALK, encoding="utf-8")
    return tmp_path


def test_every_option_is_in_the_table_and_verified(folder):
    """13T has 0.54 + 3 × 1.1 + 1.2 × 0.9 = 4.92; verify counts again with each option of the manifest."""
    assert run_as_typed(f"{COMMAND} -o out.csv -o out.parquet", folder) == 0

    assert (folder / "out.csv").read_text() == (
        "year,org_code,registered_population,weighted_population\n"
        "2014/15,00C,1,0.66\n2014/15,13T,3,4.92\n2014/15,Z2,1,0.66\n"
    )
    assert pl.read_parquet(folder / "out.parquet")["weighted_population"].to_list() == [0.66, 4.92, 0.66]
    for name in ("out.csv", "out.parquet"):
        assert verify(folder / name).same_bytes


def test_a_changed_figure_is_found(folder):
    """One person more is a difference."""
    assert run_as_typed(f"{COMMAND} -o out.csv", folder) == 0
    (folder / "out.csv").write_text((folder / "out.csv").read_text().replace("13T,3,", "13T,4,"))

    answer = verify(folder / "out.csv")

    assert not answer.same_bytes
    assert [difference.place for difference in answer.content.kept] == ["2014/15 13T, registered_population"]


def test_a_changed_row_is_found(folder):
    """Rows that were changed since have another digest, and give other weights."""
    assert run_as_typed(f"{COMMAND} -o out.csv", folder) == 0
    text = (folder / "people.csv").read_text()
    (folder / "people.csv").write_text(text.replace("00F,47,", "00F,67,"))

    answer = verify(folder / "out.csv")

    assert [file.name for file in answer.files if file.differs] == ["people.csv"]
    assert [difference.place for difference in answer.content.kept] == ["2014/15 13T, weighted_population"]


def test_missing_rows_are_named(folder):
    """Without the rows there is nothing to count again."""
    assert run_as_typed(f"{COMMAND} -o out.csv", folder) == 0
    (folder / "people.csv").unlink()

    with pytest.raises(UsageError, match=r"1 of the files of the run missing: people\.csv"):
        verify(folder / "out.csv")


def test_engines_write_the_same_bytes(folder):
    """The manifest does not say which engine counted, because all give the same."""
    for engine in ("polars", "duckdb"):
        (folder / engine).mkdir()
        outputs = f"-o {engine}/out.csv --cells {engine}/cells.csv --suppress 2"
        assert run_as_typed(f"{COMMAND} --engine {engine} {outputs}", folder) == 0

    names = sorted(path.name for path in (folder / "polars").iterdir())
    assert names == ["cells.csv", "out.csv", "out.csv.manifest.json"]
    for name in names:
        assert (folder / "polars" / name).read_bytes() == (folder / "duckdb" / name).read_bytes(), name


def test_document_and_screen(folder, capsys):
    """JSON has the totals and the notes; the screen says them, and how many counts are hidden."""
    assert run_as_typed(f"{COMMAND.removesuffix(' --manifest')} --json", folder) == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["rows_read"], document["registered_population"]) == (6, 5)
    assert {"year": "2014/15", "org_code": "13T", "registered_population": 3, "weighted_population": 4.92} in document[
        "rows"
    ]

    command = COMMAND.removesuffix(" --manifest")
    assert run_as_typed(f"{command} --cells cells.csv --suppress 5", folder) == 0
    screen = " ".join(capsys.readouterr().out.split())
    assert "5 people in 3 organisations" in screen
    assert "6 of 6 counts by cell are hidden" in screen
    assert "1 row of other years than 2014/15 was left out" in screen


def test_suppress_without_a_table_of_cells(folder, capsys):
    """Totals are never hidden, so the option needs the table by cell."""
    assert run_as_typed("gpit population people.csv --suppress 5", folder) == 2
    assert "--suppress: hides counts in the table by cell; give it a file with --cells" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("old", "new", "differing"),
    [("2014/15,Z2,1,0.66\n", "", (3, 1)), ("Z2", "Z9", (4, 2)), (",0.66\n2014/15,13T", ",0.67\n2014/15,13T", (3, 1))],
)
def test_verify_counts_rows_that_are_missing_or_renamed(folder, old, new, differing):
    """The answer is about every organisation that either table has."""
    assert run_as_typed(f"{COMMAND} -o out.csv", folder) == 0
    text = (folder / "out.csv").read_text()
    assert old in text
    (folder / "out.csv").write_text(text.replace(old, new, 1))

    answer = verify(folder / "out.csv")

    assert not answer.verified
    assert (answer.answer.rows, answer.answer.differing) == differing


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("table", "sha256"), "0"),
        (("manifest", "weights", "digest"), "0"),
        (("manifest", "findings"), []),
        (("manifest", "headings", "age"), "sex"),
        (("manifest", "run", "other"), 1),
    ],
    ids=str,
)
def test_verify_finds_what_is_changed_in_the_manifest(folder, place, value):
    """Every entry is compared with what counting again gives, and the digest of the table with the table."""
    assert run_as_typed(f"{COMMAND} -o out.csv", folder) == 0
    path = folder / "out.csv.manifest.json"
    document = json.loads(path.read_text())
    entry = document
    for key in place[:-1]:
        entry = entry[key]
    entry[place[-1]] = value
    path.write_text(json.dumps(document))

    answer = verify(folder / "out.csv")

    assert not answer.verified
    assert answer.manifest[0].name.startswith(".".join(place))


def test_an_output_among_the_rows_is_refused(folder, capsys):
    """The next run over the folder would count the organisations of the output as people."""
    (folder / "rows").mkdir()
    (folder / "people.csv").rename(folder / "rows" / "people.csv")

    assert run_as_typed("gpit population rows --map Surgery=org_code --year 2014/15 -o rows/out.csv", folder) == 2

    assert "is in a folder of people" in capsys.readouterr().err
    assert [path.name for path in (folder / "rows").iterdir()] == ["people.csv"]
