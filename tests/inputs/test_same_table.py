"""One table saved in any format: `gpit allocate` writes exactly the same bytes."""

from __future__ import annotations

import csv
import io

import pytest

from folders import SAMPLES
from fuzzing import ods
from gpit_fairshare import allocate
from gpit_fairshare.results.writing import write_csv
from running import gpit
from torture import book, parquet, text

HEAD = ("org_code", "org_name", "area_team", "registered_population")
NAMES = {"00C": "Café Darlington", "00D": "Ünder Dales", "01E": "Preston £ Ribble; North | South"}
SCHEME = """
[scheme]
name = "same-table"
title = "A million by patients"
organisation = "CCG"
years = ["2014/15"]
formula = "registered-population"
transition = "none"
report_by = "area_team"

[values.revenue_budget]
"2014/15" = { value = 1_000_000, assumption = "A round sum, for a test." }
"""


def england():
    """The population of England 2014/15, with a few names that need more than ASCII, and names with commas."""
    with (SAMPLES / "england-2014-15-population.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    named = [{**row, "org_name": NAMES.get(row["org_code"], row["org_name"])} for row in rows]
    return [(*(row[name] for name in HEAD[:-1]), int(row["registered_population"])) for row in named]


ROWS = england()
TABLE = [HEAD, *ROWS]
TITLED = [
    ["Registered patients by CCG"],
    ["April 2014", "", "", "v1.2"],
    [],
    *TABLE,
    ["Total", "", "", sum(row[-1] for row in ROWS)],
    [],
    ["Notes"],
    ["1. Source: HSCIC"],
]
FORMS = {
    "bom.csv": text(TABLE).encode("utf-8-sig"),
    "windows.csv": text(TABLE, end="\r\n").encode("cp1252"),
    "utf-16.csv": text(TABLE).encode("utf-16"),
    "semicolons.csv": text(TABLE, ";").encode(),
    "sep.csv": f"sep=;\r\n{text(TABLE, ';')}".encode(),
    "tabs.tsv": text(TABLE, "\t").encode(),
    "titled.csv": text(TITLED).encode(),
    "plain.xlsx": book(TABLE),
    "titled.xlsx": book(TITLED),
    "formulas.xlsx": book([HEAD, *((*row[:3], ("formula", f"={row[3]}+0", row[3])) for row in ROWS)]),
    "plain.ods": ods(TABLE),
    "plain.parquet": parquet({name: [row[at] for row in ROWS] for at, name in enumerate(HEAD)}),
    "reversed.csv": text([HEAD, *ROWS[::-1]]).encode(),
    "columns.csv": text([row[::-1] for row in TABLE]).encode(),
}


def allocated(folder, name, data):
    """The result as a CSV file, for a population file with this content."""
    (folder / name).write_bytes(data)
    out = folder / "out.csv"
    write_csv(allocate(population=folder / name, scheme=folder / "scheme.toml"), out)
    return out.read_bytes()


@pytest.fixture
def same(tmp_path):
    """A folder with the scheme."""
    (tmp_path / "scheme.toml").write_text(SCHEME, encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize("name", FORMS)
def test_same_bytes(same, name):
    """211 CCGs share £1,000,000 with the same bytes in the result, from every kind of file."""
    plain = allocated(same, "plain.csv", text(TABLE).encode())

    assert allocated(same, name, FORMS[name]) == plain


def test_the_table_itself(same):
    """Each result holds every organisation once, with its exact name and its patients."""
    out = allocated(same, "plain.csv", text(TABLE).encode())
    rows = list(csv.DictReader(io.StringIO(out.decode("utf-8-sig"))))

    assert [tuple(row[name] for name in HEAD) for row in rows] == [
        (*row[:3], str(row[3])) for row in sorted(ROWS, key=lambda row: row[0])
    ]


@pytest.mark.slow
def test_same_bytes_as_a_process(same):
    """The command line writes the same bytes as the library, from a workbook with titles, notes and a total."""
    (same / "titled.xlsx").write_bytes(FORMS["titled.xlsx"])
    done = gpit(*("allocate", "--population", "titled.xlsx", "--scheme", "scheme.toml", "-o", "cli.csv"), folder=same)

    assert done.returncode == 0, done.stderr.decode()
    assert (same / "cli.csv").read_bytes() == allocated(same, "plain.csv", text(TABLE).encode())
