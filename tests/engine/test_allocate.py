"""`gpit allocate` from end to end, as a person or a CI job runs it."""

from __future__ import annotations

import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from fractions import Fraction
from pathlib import Path
from unittest.mock import Mock

import openpyxl
import polars as pl
import pytest

import oracle
import recalculation
from gpit_fairshare import allocate
from running import (
    ABCD_PEOPLE,
    ABCD_SPEND,
    SAMPLES,
    SHARED,
    YEARS,
    gpit,
    population_file,
    read_rows,
    spend_file,
    words,
    write_rows,
)
from tiers import slow, slow_but

ABCD_SETTINGS = {"revenue_budget": 2_000_000}


@pytest.fixture(scope="session")
def sample_run(tmp_path_factory):
    """The sample, run once from the command line with every kind of file."""
    folder = tmp_path_factory.mktemp("sample")
    done = gpit(
        "allocate",
        "--sample",
        "-o",
        "out.xlsx",
        "-o",
        "out.csv",
        "-o",
        "out.json",
        "-o",
        "out.parquet",
        folder=folder,
    )
    assert done.returncode == 0, done.stderr.decode()
    return folder, done


@pytest.fixture
def abcd(tmp_path):
    """A folder with the files of A, B, C and D."""
    population_file(tmp_path, ABCD_PEOPLE)
    spend_file(tmp_path, ABCD_SPEND)
    return tmp_path


def by_year(rows, column):
    """Return a column's numbers by year."""
    return {year: [Fraction(row[column]) for row in rows if row["year"] == year] for year in YEARS}


# The sample -------------------------------------------------------------------------------------------


def test_fair_shares_of_the_sample_add_up_to_the_budget_exactly(sample_run):
    """The 211 fair shares of each year are whole pounds and add up to exactly £140,000,000."""
    shares = by_year(read_rows(sample_run[0] / "out.csv"), "fair_share")

    assert {year: len(values) for year, values in shares.items()} == dict.fromkeys(YEARS, 211)
    assert {year: sum(values) for year, values in shares.items()} == dict.fromkeys(YEARS, 140_000_000)
    assert all(value.denominator == 1 for values in shares.values() for value in values)


def test_support_of_the_sample_is_the_fund_or_the_need_whichever_is_less(sample_run):
    """Transition support adds up to min(fund, need), rounded half up to the pound, and never to more than £20m."""
    rows = read_rows(sample_run[0] / "out.csv")
    support, need = by_year(rows, "transition_support"), by_year(rows, "transition_need")

    for year in YEARS:
        due = min(Fraction(20_000_000), sum(need[year]))
        assert sum(support[year]) == (due + Fraction(1, 2)) // 1
        assert sum(support[year]) <= 20_000_000
    assert sum(need["2014/15"]) > 20_000_000 > sum(need["2015/16"])


def counted_spend():
    """Committed revenue of each CCG, from the sample's lines."""
    spend = dict.fromkeys((row["org_code"] for row in read_rows(SAMPLES / "england-2014-15-population.csv")), 0)
    for line in read_rows(SAMPLES / "england-2014-15-spend.csv"):
        if line["cost_type"] == "revenue" and line["committed"] == "yes":
            spend[line["org_code"]] += int(line["amount"])
    return spend


@pytest.mark.parametrize("transition", ["above-average-cost", slow("cost-above-funding"), slow("none")])
def test_every_allocation_of_the_sample_equals_the_oracles(sample_run, tmp_path, transition):
    """Every fair share, award and allocation of both years is the one that exact fractions give."""
    folder = sample_run[0]
    if transition != "above-average-cost":
        gpit("allocate", "--sample", "--transition", transition, "-o", "out.csv", folder=tmp_path)
        folder = tmp_path
    people = {
        row["org_code"]: int(row["registered_population"])
        for row in read_rows(SAMPLES / "england-2014-15-population.csv")
    }
    rows = {(row["year"], row["org_code"]): row for row in read_rows(folder / "out.csv")}

    for year, support_share in zip(YEARS, (Fraction(1), Fraction(1, 2)), strict=True):
        expected = oracle.gpit_2014_16(people, counted_spend(), 140_000_000, 20_000_000, support_share, test=transition)
        names = ["fair_share", "allocation"] + (["transition_support"] if transition != "none" else [])
        for code, figures in expected.items():
            assert {name: Fraction(rows[year, code][name]) for name in names} == {
                name: figures[name] for name in names
            }, (year, code)


def test_every_screen_and_sheet_with_spend_says_illustrative(sample_run):
    """Console, JSON and every sheet that shows spend say that the sample's spend is illustrative."""
    folder, done = sample_run

    assert "illustrative spend" in words(done.stdout).casefold()
    document = json.loads((folder / "out.json").read_text(encoding="utf-8"))
    assert document["illustrative"]
    book = openpyxl.load_workbook(folder / "out.xlsx", data_only=True)
    without = {"Parameters", "Population", "Method", "Sources", "Findings", "Manifest"}
    assert without < set(book.sheetnames)
    for name in set(book.sheetnames) - without:
        assert "Illustrative spend" in book[name]["A2"].value, name


def test_csv_parquet_json_and_workbook_hold_the_same_allocations(sample_run):
    """The four files of one run agree on every allocation, as they are read back by other programs."""
    folder = sample_run[0]
    rows = read_rows(folder / "out.csv")
    expected = [(row["year"], row["org_code"], float(row["allocation"])) for row in rows]

    frame = pl.read_parquet(folder / "out.parquet")
    document = json.loads((folder / "out.json").read_text(encoding="utf-8"))
    book = openpyxl.load_workbook(folder / "out.xlsx", data_only=True)
    in_book = []
    for year in YEARS:
        sheet = book[year.replace("/", "-")]
        headings = [cell.value for cell in sheet[4]]
        column = headings.index("Allocation (£)")
        in_book += [(year, row[0], row[column]) for row in sheet.iter_rows(min_row=5, values_only=True)]

    assert frame.select("year", "org_code", "allocation").rows() == expected
    assert [(row["year"], row["org_code"], row["allocation"]) for row in document["rows"]] == expected
    assert in_book == expected


def test_the_tidy_table_has_the_columns_of_the_contract(sample_run):
    """Columns are year, code, name, inputs used, every step in order, and the allocation last."""
    first = (sample_run[0] / "out.csv").read_text(encoding="utf-8").splitlines()[0].split(",")

    assert first[:3] == ["year", "org_code", "org_name"]
    assert first[-1] == "allocation"
    steps = [
        "fair_share_weight",
        "unrounded_fair_share",
        "fair_share",
        "cost_per_head",
        "average_cost_per_head",
    ]
    assert [name for name in first if name in steps] == steps


def test_the_readme_command_writes_nothing_outside_its_folder(sample_run):
    """A run leaves the files that were asked for and nothing else beside them."""
    assert sorted(path.name for path in sample_run[0].iterdir()) == [
        "out.csv",
        "out.json",
        "out.parquet",
        "out.xlsx",
    ]


# Calculated by hand ---------------------------------------------------------------------------------------


def allocations(folder, **settings):
    """Run A, B, C and D and return the rows by year and code."""
    transition = settings.pop("transition", None)
    result = allocate(
        population=folder / "population.csv",
        spend=folder / "spend.csv",
        transition=transition,
        settings={**ABCD_SETTINGS, **settings},
    )
    return result, {(row["year"], row["org_code"]): row for row in result.rows.to_dicts()}


def column(rows, name, year):
    """Return one column of A, B, C and D."""
    return [rows[year, code][name] for code in "ABCD"]


def test_abcd_fair_shares_and_need(abcd):
    """£2,000,000 by 100, 200, 300 and 400 thousand people: 200, 400, 600 and 800 thousand pounds.

    Average £2,270,000 ÷ 1,000,000 = £2.27 a head (the mean of the rates 5.00, 2.50, 1.50, 2.05 would be £2.7625, and
    miss B). A (£5.00) and B (£2.50) are above it: need 500 - 200 = 300 and 500 - 400 = 100 thousand pounds.
    D costs more than its share but less than the average.
    """
    _, rows = allocations(abcd, transition_fund=100_000)

    assert column(rows, "fair_share", "2014/15") == [200_000, 400_000, 600_000, 800_000]
    assert column(rows, "average_cost_per_head", "2014/15") == [2.27] * 4
    assert column(rows, "transition_need", "2014/15") == [300_000, 100_000, 0, 0]


def test_abcd_a_small_fund_is_rationed_in_both_years(abcd):
    """A fund of £100,000 gives 3:1, £75,000 and £25,000; in year two, at half the need, still 3:1."""
    result, rows = allocations(abcd, transition_fund=100_000)

    for year in YEARS:
        assert column(rows, "transition_support", year) == [75_000, 25_000, 0, 0]
    assert result.national["unspent_transition_fund"].to_list() == [0, 0]


def test_abcd_a_larger_fund_is_left_unspent_in_the_second_year(abcd):
    """A fund of £300,000: 225,000 and 75,000; then half of the need, 150,000 and 50,000, with 100,000 unspent."""
    result, rows = allocations(abcd, transition_fund=300_000)

    assert column(rows, "transition_support", "2014/15") == [225_000, 75_000, 0, 0]
    assert column(rows, "transition_support", "2015/16") == [150_000, 50_000, 0, 0]
    assert result.national["unspent_transition_fund"].to_list() == [0, 100_000]
    assert any("£100,000 of £300,000 is unspent" in finding.found for finding in result.findings)


def test_abcd_cost_above_funding_treats_d_too(abcd):
    """Need 300, 100, 0 and 20 thousand; £100,000 × 300/420 = 71,428.57, 23,809.52, 4,761.90: two pounds are left over.

    They go to the largest remainders, .90 (D) and .57 (A): 71,429, 23,809, 0 and 4,762.
    """
    _, rows = allocations(abcd, transition_fund=100_000, transition="cost-above-funding")

    assert column(rows, "transition_support", "2014/15") == [71_429, 23_809, 0, 4_762]


EQUAL_PEOPLE = {"X": 468_022, "Y": 280_267, "Z": 757_589}


def equal_rates(folder):
    """Write three CCGs that all spend £8.71 a head; return the command's arguments."""
    population_file(folder, EQUAL_PEOPLE)
    spend_file(folder, {code: round(heads * 8.71, 2) for code, heads in EQUAL_PEOPLE.items()})
    return ["allocate", "--population", "population.csv", "--spend", "spend.csv"]


@pytest.mark.slow
def test_equal_costs_per_head_are_not_above_average(tmp_path):
    """Three CCGs at £8.71 a head: none is above the average, and the whole fund is reported unspent."""
    done = gpit(*equal_rates(tmp_path), "-o", "out.csv", folder=tmp_path)
    rows = read_rows(tmp_path / "out.csv")

    assert done.returncode == 0
    assert {row["above_average"] for row in rows} == {"false"}
    assert {row["unspent_transition_fund"] for row in rows} == {"20000000"}
    assert words(done.stdout).count("£20,000,000") >= 4, "in, and unspent, in both years"


@pytest.mark.usefixtures("libreoffice")
def test_equal_costs_per_head_are_not_above_average_in_the_workbook(tmp_path):
    """The workbook gives the same, also when LibreOffice recalculates it from planted wrong values."""
    gpit(*equal_rates(tmp_path), "-o", "out.xlsx", folder=tmp_path)
    planted = tmp_path / "planted.xlsx"
    recalculation.plant_everywhere(tmp_path / "out.xlsx", planted)
    again = recalculation.recalculate(planted, tmp_path)

    for path in (tmp_path / "out.xlsx", again):
        book = openpyxl.load_workbook(path, data_only=True)
        sheet = book["2014-15"]
        column_ = [cell.value for cell in sheet[4]].index("Above average cost")
        assert [row[column_] for row in sheet.iter_rows(min_row=5, max_row=7, values_only=True)] == [False] * 3
        summary = {row[0]: row[1] for row in book["Summary"].iter_rows(min_row=5, values_only=True)}
        assert summary["Unspent: Transition fund (£)"] == 20_000_000


THIRDS = """
[scheme]
name = "thirds"
title = "A hundred pounds in pence"
organisation = "CCG"
years = ["2014/15"]
[parameters.pot]
label = "Pot"
unit = "£"
[parameters.pot.values]
every_year = { value = 100, assumption = "A test." }
[[steps]]
name = "unrounded"
label = "Unrounded"
unit = "£"
formula = "share_out(pot, by=registered_population)"
[[steps]]
name = "allocation"
label = "Allocation"
unit = "£"
formula = "rounded(unrounded, to=0.01)"
"""


@pytest.mark.slow
@pytest.mark.parametrize("order", ["ABC", "CBA", "BCA"])
def test_pence_left_over_go_by_code_whatever_the_order_of_the_file(tmp_path, order):
    """Three equal CCGs sharing £100 in pence get 33.34, 33.33 and 33.33 in the order of their codes."""
    (tmp_path / "thirds.toml").write_text(THIRDS, encoding="utf-8")
    population_file(tmp_path, dict.fromkeys(order, 1_000))
    done = gpit(
        "allocate",
        "--scheme",
        "thirds.toml",
        "--population",
        "population.csv",
        "-o",
        "out.csv",
        folder=tmp_path,
    )

    assert done.returncode == 0, done.stderr.decode()
    assert [(row["org_code"], row["allocation"]) for row in read_rows(tmp_path / "out.csv")] == [
        ("A", "33.34"),
        ("B", "33.33"),
        ("C", "33.33"),
    ]


# Real populations of two years ------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.skipif(not SHARED.is_dir(), reason="the published populations of all years are not beside this project")
def test_each_year_has_its_own_organisations(tmp_path):
    """2014/15 has 211 CCGs and 2015/16 has 209: 00F, 00G and 00H became 13T, which has their spend together."""
    published = SHARED / "england-ccg-populations.csv"
    done = gpit(
        "allocate", "--population", published, "--spend", SAMPLES / "england-2014-15-spend.csv",
        "-o", "out.csv", "--json", folder=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr.decode()
    rows = read_rows(tmp_path / "out.csv")
    codes = {year: {row["org_code"] for row in rows if row["year"] == year} for year in YEARS}
    spend = {(row["year"], row["org_code"]): float(row["historic_spend"]) for row in rows}
    findings = " ".join(finding["found"] for finding in json.loads(done.stdout)["findings"])

    assert {year: len(codes_of_year) for year, codes_of_year in codes.items()} == {"2014/15": 211, "2015/16": 209}
    assert codes["2014/15"] - codes["2015/16"] == {"00F", "00G", "00H"}
    assert codes["2015/16"] - codes["2014/15"] == {"13T"}
    assert spend["2015/16", "13T"] == sum(spend["2014/15", code] for code in ("00F", "00G", "00H"))
    assert all(code in findings for code in ("00F", "00G", "00H", "13T"))
    assert sum(int(row["fair_share"]) for row in rows if row["year"] == "2015/16") == 140_000_000


# The same bytes -----------------------------------------------------------------------------------------


def digests(folder):
    """Return the SHA-256 of every file of a run."""
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir() if path.name != "in"}


OUTPUTS = ("-o", "out.xlsx", "-o", "out.csv", "-o", "out.json", "-o", "out.parquet")


@pytest.mark.slow
def test_the_number_of_threads_changes_no_byte(tmp_path, sample_run):
    """One thread and eight threads give the same SHA-256 for all four kinds of file."""
    for threads in ("1", "8"):
        (tmp_path / threads).mkdir()
        gpit("allocate", "--sample", *OUTPUTS, folder=tmp_path / threads, env={"POLARS_MAX_THREADS": threads})

    assert digests(tmp_path / "1") == digests(tmp_path / "8") == digests(sample_run[0])


def shuffled(path, seed):
    """Return a file's lines with the rows below the heading shuffled."""
    head, *rows = path.read_text(encoding="utf-8").splitlines()
    random.Random(seed).shuffle(rows)
    return "\n".join([head, *rows]) + "\n"


def run_of_copies(folder, change):
    """Run the sample with each of its files changed by `change`; return the folder."""
    inputs = folder / "in"
    inputs.mkdir(parents=True)
    for name in ("population", "spend"):
        file = f"england-2014-15-{name}.csv"
        (inputs / file).write_text(change(SAMPLES / file, name), encoding="utf-8", newline="\n")
    done = gpit(
        "allocate", "--population", inputs / "england-2014-15-population.csv",
        "--spend", inputs / "england-2014-15-spend.csv", *OUTPUTS, folder=folder,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr.decode()
    return folder


def lines_of(book):
    """The lines on the sheet Spend lines in sorted order, without their formula and their row in the file."""
    headings = [cell.value for cell in book["Spend lines"][4]]
    columns = [headings.index(name) for name in ("Code", "Year", "Amount (£)", "Category", "Cost type", "Committed")]
    return sorted(
        tuple(str(row[column]) for column in columns)
        for row in book["Spend lines"].iter_rows(min_row=5, values_only=True)
    )


@pytest.mark.slow
def test_the_order_of_rows_changes_digests_and_source_references_alone(tmp_path, sample_run):
    """Shuffled inputs give CSV and Parquet the same bytes; workbook and JSON differ only in digests and places."""
    folders = [
        run_of_copies(tmp_path / "as they are", lambda path, _: path.read_text(encoding="utf-8")),
        run_of_copies(tmp_path / "shuffled", shuffled),
    ]
    sample_digests, shuffled_digests = digests(sample_run[0]), digests(folders[1])

    assert (shuffled_digests["out.csv"], shuffled_digests["out.parquet"]) == (
        sample_digests["out.csv"],
        sample_digests["out.parquet"],
    )
    first, second = (json.loads((folder / "out.json").read_text(encoding="utf-8")) for folder in folders)
    for document in (first, second):
        del document["origins"]
        for source in document["manifest"]["inputs"]:
            del source["sha256"]
    assert first == second
    books, stored = (
        [openpyxl.load_workbook(folder / "out.xlsx", data_only=data_only) for folder in folders]
        for data_only in (False, True)
    )
    assert books[0].sheetnames == books[1].sheetnames
    assert lines_of(books[0]) == lines_of(books[1])
    for sheet in books[0]:
        if sheet.title == "Spend lines":
            continue  # in the order of the file
        # The formulas of spend name the rows of its lines; its values are the same.
        first, second = (pair[sheet.title] for pair in (stored if sheet.title == "Spend" else books))
        places = {cell.column for cell in sheet[4] if cell.value == "Source"}
        for row, other in zip(first.iter_rows(), second.iter_rows(), strict=True):
            if str(row[0].value).endswith("_of_lines_in_order"):
                continue  # the control total of the order of lines
            for cell, twin in zip(row, other, strict=True):
                if cell.column in places or (
                    sheet.title == "Manifest" and "sha256" in str(cell.value).casefold().replace("-", "")
                ):
                    continue
                assert cell.value == twin.value, f"{sheet.title}!{cell.coordinate}"


# No partly written files -----------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGKILL; os.replace is atomic there too")
def test_a_kill_at_any_moment_leaves_the_old_file_or_the_new_one(tmp_path, sample_run):
    """Killed after any delay, an output is the old file byte for byte, or the whole new one."""
    arguments = ["allocate", "--sample", "-o", "out.csv", "-o", "out.xlsx"]
    new = {name: digests(sample_run[0])[name] for name in ("out.csv", "out.xlsx")}
    old = hashlib.sha256(b"old").hexdigest()
    started = time.monotonic()
    gpit(*arguments, folder=tmp_path)
    whole = time.monotonic() - started
    outcomes = set()
    for step in range(12):
        for name in new:
            (tmp_path / name).write_bytes(b"old")
        process = subprocess.Popen(
            [sys.executable, "-m", "gpit_fairshare", *arguments],
            cwd=tmp_path,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        time.sleep(whole * (0.3 + step / 14))
        process.send_signal(signal.SIGKILL)
        process.wait()
        for name, expected in new.items():
            digest = hashlib.sha256((tmp_path / name).read_bytes()).hexdigest()
            assert digest in (old, expected), f"{name} is neither the old file nor the new one"
            outcomes.add(digest == old)
    assert True in outcomes, "no kill came before the end; the test proved nothing"


def test_a_failure_while_writing_leaves_the_old_file(tmp_path):
    """If one of two files cannot be written, the old files stay unchanged and no temporary file is left."""
    from gpit_fairshare.files import in_place

    (tmp_path / "a.csv").write_bytes(b"old")

    def fail():
        with in_place(tmp_path / "a.csv") as draft:
            draft.write_bytes(b"half")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("a.csv", b"old")]


def test_a_file_open_elsewhere_is_named_and_left_whole(abcd, monkeypatch):
    """Windows refuses to replace a file that is open in Excel: gpit names it, exits with 2, and leaves it unchanged."""
    from pathlib import Path

    from gpit_fairshare.cli import _run

    (abcd / "out.csv").write_bytes(b"old")

    def refuse(_draft, target):
        raise PermissionError(13, "The process cannot access the file", str(target))

    monkeypatch.setattr(Path, "replace", refuse)
    monkeypatch.chdir(abcd)
    monkeypatch.setattr(
        sys,
        "argv",
        ["gpit", "allocate", "--population", "population.csv", "--spend", "spend.csv", "-o", "out.csv"],
    )
    echoed = []
    monkeypatch.setattr("typer.echo", lambda text="", **_: echoed.append(str(text)))

    assert _run() == 2
    assert "out.csv" in echoed[-1]
    assert "open in another program" in echoed[-1]
    assert (abcd / "out.csv").read_bytes() == b"old"
    assert sorted(path.name for path in abcd.iterdir()) == ["out.csv", "population.csv", "spend.csv"]


# Settings -------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_setting_for_one_year_changes_that_year_and_says_so_everywhere(tmp_path, sample_run):
    """`--set revenue_budget@2015/16=150000000` changes 2015/16 only; summary, workbook and manifest say so."""
    done = gpit("allocate", "--sample", "--set", "revenue_budget@2015/16=150000000", *OUTPUTS, folder=tmp_path)
    rows, sample_rows = read_rows(tmp_path / "out.csv"), read_rows(sample_run[0] / "out.csv")

    assert done.returncode == 0
    assert sum(by_year(rows, "fair_share")["2015/16"]) == 150_000_000
    assert [row for row in rows if row["year"] == "2014/15"] == [row for row in sample_rows if row["year"] == "2014/15"]
    assert "set for this run" in words(done.stdout).casefold()
    manifest = json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))["manifest"]
    assert [
        (parameter["name"], parameter["year"]) for parameter in manifest["parameters"] if parameter["overridden"]
    ] == [("revenue_budget", "2015/16")]
    book = openpyxl.load_workbook(tmp_path / "out.xlsx", data_only=True)
    about = {row[0]: row[1] for row in book["About"].iter_rows(min_row=5, values_only=True)}
    assert about["Parameters changed for this run"] == "revenue_budget 2015/16: £140,000,000 → £150,000,000"
    texts = [str(cell) for row in book["Parameters"].iter_rows(values_only=True) for cell in row]
    assert "set for this run" in texts


# Windows, code pages and unusual paths ---------------------------------------------------------------------


@pytest.mark.slow
def test_names_with_spaces_and_accents_and_a_cp1252_console(abcd):
    """Spaces and é in paths and names work, and a cp1252 console shows pounds and never stops the run."""
    folder = abcd / "Été 2014 – données"
    folder.mkdir()
    write_rows(
        folder / "population né.csv",
        [
            {"org_code": code, "org_name": f"Évora 日本 {code}", "registered_population": heads}
            for code, heads in ABCD_PEOPLE.items()
        ],
    )
    done = gpit(
        "allocate", "--population", folder / "population né.csv", "--spend", "spend.csv",
        "-o", folder / "résultat final.xlsx", folder=abcd, env={"PYTHONIOENCODING": "cp1252"},
    )  # fmt: skip

    assert done.returncode == 0, done.stderr
    assert "£140,000,000" in done.stdout.decode("cp1252")
    assert (folder / "résultat final.xlsx").is_file()


@pytest.mark.slow
def test_an_ascii_console_does_not_stop_a_run(abcd):
    """Even an ASCII console gets a summary, and exit code 0."""
    done = gpit(
        "allocate", "--population", "population.csv", "--spend", "spend.csv", folder=abcd,
        env={"PYTHONIOENCODING": "ascii"},
    )  # fmt: skip

    assert done.returncode == 0, done.stderr
    assert b"140,000,000" in done.stdout


@pytest.mark.slow
def test_a_windows_path_with_a_sheet_is_read(abcd):
    r"""`C:\figures\a.xlsx:Sheet 1` is a file and a sheet: an existing path first, then the last colon."""
    book = openpyxl.Workbook()
    book.active.title = "Notes"
    sheet = book.create_sheet("Sheet 1")
    for row in [("Org Code", "Registered Population"), *ABCD_PEOPLE.items()]:
        sheet.append(row)
    book["Notes"]["A1"] = "Read me"
    name = "C:\\figures\\a.xlsx"  # on this system a file's name; on Windows a path
    target = abcd / name if os.name != "nt" else abcd / "a.xlsx"
    book.save(target)
    population = f"{name}:Sheet 1" if os.name != "nt" else f"{target}:Sheet 1"
    done = gpit("allocate", "--population", population, "--spend", "spend.csv", "-o", "out.csv", folder=abcd)

    assert done.returncode == 0, done.stderr.decode()
    assert len(read_rows(abcd / "out.csv")) == 8


# Errors: one line, exit code 2 ----------------------------------------------------------


WRONG = {
    "an unknown scheme": (["--sample", "--scheme", "gpit-2014"], "gpit-2014-16"),
    "an unknown transition": (["--sample", "--transition", "above-averge-cost"], "above-average-cost"),
    "an unknown formula": (["--sample", "--formula", "registered"], "registered-population"),
    "a scheme that is not there": (["--sample", "--scheme", "nowhere/none.toml"], "nowhere/none.toml"),
    "a broken formula": (
        ["--sample", "--formula", "broken.toml"],
        "broken.toml, step fair_share, character 3",
    ),
    "a misspelt name": (["--sample", "--formula", "misspelt.toml"], "misspelt.toml, step fair_share, character 1"),
    "a misspelt step": (["--sample", "--formula", "misspelt-step.toml"], "fair_share_weight"),
    "an unknown parameter": (["--sample", "--set", "revenue_budgit=1"], "revenue_budget"),
    "a setting that is no number": (["--sample", "--set", "revenue_budget=lots"], "lots"),
    "a year that is not there": (["--sample", "--set", "revenue_budget@2016/17=1"], "2014/15, 2015/16"),
    "a parameter below its minimum": (["--sample", "--set", "revenue_budget=-1"], "minimum"),
    "a missing file": (["--population", "populaton.csv", "--spend", "spend.csv"], "population.csv"),
    "no files at all": ([], "--population"),
    "no spend": (["--population", "population.csv"], "historic_spend"),
    "the sample and files": (["--sample", "--population", "population.csv"], "not both"),
    "an ending that cannot be written": (["--sample", "-o", "out.docx"], ".xlsx"),
    "a folder that is not there": (["--sample", "-o", "nowhere/out.csv"], "nowhere"),
    "an input as output": (
        ["--population", "population.csv", "--spend", "spend.csv", "-o", "spend.csv"],
        "inputs",
    ),
    "an unknown option": (["--smaple"], "--smaple"),
}


@pytest.mark.parametrize(
    "case",
    slow_but(
        [
            "an ending that cannot be written",
            "a folder that is not there",
            "an input as output",
            "an unknown option",
        ],
        WRONG,
    ),
)
def test_what_is_wrong_is_said_in_one_line(abcd, case):
    """Bad input, a broken formula or an unknown name: exit 2, one line that says where, nothing written.

    A formula that cannot be read is shown below it.
    """
    arguments, expected = WRONG[case]
    broken = "[formula]\nname='x'\ntitle='x'\n[[steps]]\nname='fair_share'\nlabel='x'\nformula='{}'\n"
    (abcd / "broken.toml").write_text(broken.format("1 ** 2"), encoding="utf-8")
    (abcd / "misspelt.toml").write_text(broken.format("registered_populaton"), encoding="utf-8")
    weight = "[[steps]]\nname='fair_share_weight'\nlabel='x'\nformula='registered_population'\n[[steps]]"
    (abcd / "misspelt-step.toml").write_text(
        broken.format("fair_share_wieght").replace("[[steps]]", weight), encoding="utf-8"
    )
    before = {path.name: path.read_bytes() for path in abcd.iterdir()}
    extra = [] if "-o" in arguments else ["-o", "out.csv"]
    done = gpit("allocate", *arguments, *extra, folder=abcd)

    assert done.returncode == 2, (done.returncode, done.stderr.decode())
    message = done.stderr.decode()
    assert expected in words(done.stderr), message
    below = ["  1 ** 2", "    ^"] if case == "a broken formula" else []  # its line, and the place in it
    assert message.splitlines()[1:] == below, message
    assert "Traceback" not in message
    assert done.stdout == b""
    assert {path.name: path.read_bytes() for path in abcd.iterdir()} == before


@pytest.mark.slow
def test_every_fault_of_the_inputs_is_listed_at_once(tmp_path):
    """One run lists a duplicate, a negative and an organisation without spend, after one line with their number."""
    write_rows(
        tmp_path / "population.csv",
        [
            {"org_code": "A", "registered_population": 100},
            {"org_code": "A", "registered_population": 100},
            {"org_code": "B", "registered_population": -5},
            {"org_code": "C", "registered_population": 7},
        ],
    )
    spend_file(tmp_path, {"A": 10, "B": 20})
    done = gpit("allocate", "--population", "population.csv", "--spend", "spend.csv", "-o", "o.csv", folder=tmp_path)
    message = done.stderr.decode()

    assert done.returncode == 2
    assert "problems" in message.splitlines()[0]
    for part in ("row 3", "row 4", "C"):
        assert part in message
    assert not (tmp_path / "o.csv").exists()


@pytest.mark.slow
def test_json_gives_every_finding_of_inputs_that_cannot_be_used(tmp_path):
    """With `--json` a run that fails prints one document with all of its findings, as well as the line of the error."""
    people = [{"org_code": f"{number:03}", "registered_population": -1} for number in range(30)]
    write_rows(tmp_path / "population.csv", people)
    done = gpit("allocate", "--population", "population.csv", "--transition", "none", "--json", folder=tmp_path)
    document = json.loads(done.stdout.decode("utf-8"))

    assert done.returncode == 2
    assert document["schema"] == "gpit-error/1"
    (fault,) = [finding for finding in document["findings"] if finding["level"] == "error"]
    assert len([fault, *fault["others"]]) == 30
    assert len(done.stderr.decode().strip().splitlines()) == 1


@pytest.mark.slow
def test_a_check_that_does_not_hold_is_exit_code_1_and_named(abcd):
    """A check that fails is exit code 1; the files are written, and the check is named with its year."""
    scheme = THIRDS + '\n[[checks]]\nname = "No CCG gets more than a pound"\nformula = "allocation <= 1"\n'
    (abcd / "thirds.toml").write_text(scheme, encoding="utf-8")
    done = gpit(
        "allocate", "--scheme", "thirds.toml", "--population", "population.csv", "-o", "out.csv", "-o", "out.xlsx",
        folder=abcd,
    )  # fmt: skip

    assert done.returncode == 1, done.stderr.decode()
    assert "No CCG gets more than a pound" in words(done.stdout)
    assert (abcd / "out.csv").is_file()
    book = openpyxl.load_workbook(abcd / "out.xlsx", data_only=True)
    assert book["Checks"]["B3"].value == "FAIL"


@pytest.mark.slow
def test_json_prints_one_document_and_nothing_else(abcd):
    """`--json` prints one JSON document with stable keys on standard output."""
    done = gpit("allocate", "--population", "population.csv", "--spend", "spend.csv", "--json", folder=abcd)
    document = json.loads(done.stdout.decode("utf-8"))

    assert document["schema"] == "gpit-allocation/1"
    assert {"rows", "national", "summary", "assumptions", "findings", "manifest", "steps", "agrees"} <= set(document)
    assert b"\r" not in done.stdout


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="Windows has no head")
@pytest.mark.parametrize("option", ["", "--json"])
def test_a_reader_that_leaves_changes_nothing(tmp_path, option):
    """`gpit allocate … | head -1` exits with 0 and no message: 1 would mean that a check fails."""
    run = f'"{sys.executable}" -m gpit_fairshare allocate --sample {option} 2>err'
    command = run + " | (head -c 10; exec 0<&-); echo ${PIPESTATUS[0]}"
    done = subprocess.run(["bash", "-c", command], cwd=tmp_path, capture_output=True, check=False)

    assert done.stdout.decode().splitlines()[-1].endswith("0")
    assert (tmp_path / "err").read_text() == ""


def closing(unbuffered, command, *arguments, folder):
    """Run gpit with its streams redirected by a shell command, buffered as for a user."""
    words = [sys.executable, "-m", "gpit_fairshare", *arguments]
    done = subprocess.run(
        ["bash", "-c", f'"$@" {command}', "bash", *words],
        cwd=folder,
        env={**os.environ, "PYTHONUNBUFFERED": unbuffered},
        capture_output=True,
        check=False,
    )
    return done.returncode, done.stdout.decode(), done.stderr.decode()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has a device that is always full")
@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize(
    "arguments",
    [
        "--version",
        "--help",
        slow("init new --json"),
        slow("library check gpit-2014-16"),
        slow("allocate --sample"),
    ],
)
def test_a_disk_that_is_full_is_no_bug(tmp_path, arguments, unbuffered):
    """If the result cannot be printed, exit code and one line report it, and Python adds nothing."""
    code, _, stderr = closing(unbuffered, ">/dev/full", *arguments.split(), folder=tmp_path)

    assert code == 2
    assert stderr == (
        "gpit: error: standard output cannot be written: No space left on device; "
        "the output is incomplete, send it elsewhere\n"
    )


@pytest.mark.slow
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has a device that is always full")
def test_a_refusal_that_cannot_be_printed_is_still_one(tmp_path):
    """The exit code is 2, never 1 (a check fails), if standard error is full or closed."""
    wrong = ("check", "--population", "nowhere.csv", "--json")

    assert closing("", "2>/dev/full", *wrong, folder=tmp_path)[0] == 2
    assert closing("", "2>&-", *wrong, folder=tmp_path)[0] == 2
    code, _, stderr = closing("", ">/dev/full", *wrong, folder=tmp_path)
    assert code == 2
    assert [line[:40] for line in stderr.splitlines()] == [
        "gpit: error: nowhere.csv: there is no su",
        "gpit: error: standard output cannot be w",
    ]


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="the shell of Windows closes no streams")
def test_streams_that_are_closed(tmp_path):
    """Without standard output nothing is done, and gpit says so; without standard error the result is the same."""
    code, _, stderr = closing("", ">&-", "init", "new", folder=tmp_path)

    assert code == 2
    assert stderr.startswith("gpit: error: standard output is closed, so nothing was done")
    assert not (tmp_path / "new").exists()
    assert closing("", "2>&-", "library", "check", "gpit-2014-16", folder=tmp_path)[0] == 0


@pytest.mark.skipif(os.name == "nt", reason="Windows has no head")
def test_a_reader_that_leaves_the_help(tmp_path):
    """`gpit --help | true` is exit code 0 as well."""
    assert closing("", "| true; exit ${PIPESTATUS[0]}", "--help", folder=tmp_path) == (0, "", "")


@pytest.mark.slow
def test_a_text_that_begins_with_an_equals_sign_stays_a_text(abcd):
    """A name such as `=cmd|…` is a text in the workbook and cannot run from the CSV file."""
    write_rows(
        abcd / "population.csv",
        [
            {"org_code": code, "org_name": "=cmd|'/c calc'!A1", "registered_population": heads}
            for code, heads in ABCD_PEOPLE.items()
        ],
    )
    done = gpit(
        "allocate",
        "--population",
        "population.csv",
        "--spend",
        "spend.csv",
        "-o",
        "o.xlsx",
        "-o",
        "o.csv",
        folder=abcd,
    )
    book = openpyxl.load_workbook(abcd / "o.xlsx")

    assert done.returncode == 0, done.stderr.decode()
    assert [cell.data_type for cell in (book["2014-15"]["B5"], book["Population"]["C5"])] == ["s", "s"]
    assert read_rows(abcd / "o.csv")[0]["org_name"].startswith("'=")


def test_gpit_alone_shows_how_to_use_it(tmp_path):
    """Without a verb gpit prints its help, without an error, and exits with 2, since nothing was done."""
    done = gpit(folder=tmp_path)

    assert done.returncode == 2
    assert done.stderr.decode().startswith("Usage: gpit")


def test_help_and_version_load_nothing_heavy(tmp_path):
    """`--help` answers without polars, calamine, lxml, XlsxWriter or rich (typer itself may load pydantic)."""
    code = (
        "import sys; sys.argv=['gpit','allocate','--help']\n"
        "from gpit_fairshare.cli import _run\n"
        "_run()\n"
        "heavy = {'polars', 'python_calamine', 'lxml', 'xlsxwriter', 'rich.console'}\n"
        "print(sorted(heavy & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False, cwd=tmp_path)

    assert done.stderr.decode().strip().splitlines()[-1] == "[]"


@pytest.mark.parametrize(("options", "number"), [("-q -o o.csv", 0), ("-q -o o.parquet", 0), ("-q -o o.json", 1)])
def test_effects_are_calculated_where_they_are_seen(abcd, monkeypatch, options, number):
    """One line and tables have no effects of assumptions, so a quiet run to a table calculates none."""
    from gpit_fairshare import allocation
    from gpit_fairshare.cli import app

    calculate = Mock(wraps=allocation.sensitivities)
    monkeypatch.setattr(allocation, "sensitivities", calculate)
    monkeypatch.chdir(abcd)
    files = ["--population", "population.csv", "--spend", "spend.csv"]

    assert app(["allocate", *files, *options.split()], standalone_mode=False) == 0
    assert calculate.call_count == number


@pytest.mark.slow
def test_a_table_loads_little(tmp_path):
    """A quiet run on CSV files to a table, and one from Python, load no NumPy, writer of workbooks or other reports."""
    code = (
        "import sys; sys.argv = 'gpit allocate --sample -q -o o.csv'.split()\n"
        "from gpit_fairshare import allocate\n"
        "from gpit_fairshare.cli import _run\n"
        "assert _run() == 0\n"
        "allocate(sample=True, with_effects=False).write('p.csv')\n"
        "heavy = {'numpy', 'openpyxl', 'xlsxwriter', 'lxml', 'gpit_fairshare.verification'}\n"
        "print(sorted(heavy & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False, cwd=tmp_path)

    assert done.stderr.decode().strip().splitlines()[-1] == "[]"
    assert (tmp_path / "o.csv").read_bytes() == (tmp_path / "p.csv").read_bytes()
