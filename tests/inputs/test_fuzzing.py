"""2,000 damaged files in this process, and the worst in new processes: no traceback, no wrong figure."""

import csv
import io
import json
import os
import re
import subprocess
import sys
import time
from collections import Counter
from fractions import Fraction

import openpyxl
import polars as pl
import pytest

from fuzzing import mutation, ods
from gpit_fairshare.inputs.checked_tables import inspect_inputs
from gpit_fairshare.inputs.model import NeededColumn, Request
from torture import HEAD, NUMBERS, ROWS, SHEET, bomb, book, million_rows, rezipped, text

PEOPLE = NeededColumn("registered_population", "number", "people")
FILES = 2_000
A_CHUNK = 250


def figure(cell):
    """The number of people in a cell by hand: from the table of notations, or a plain decimal; None if it has none.

    The notations are those of a column without a unit; a dash is 0 people.
    """
    cell = cell.strip()
    if cell in ("-", "–", "—", "£-"):
        return 0.0
    if cell in NUMBERS:
        return NUMBERS[cell]
    return float(Fraction(cell)) if re.fullmatch(r"[+-]?[0-9]+(\.[0-9]+)?|[+-]?\.[0-9]+", cell) else None


def meanings(cell):
    """The possible values of a cell; a comma between thousands gives one."""
    cell = cell.strip().strip('"')
    figures = {figure(cell)}
    if re.fullmatch(r"£?[0-9]{1,3}(,[0-9]{3})+(\.[0-9]+)?", cell):
        figures.add(float(Fraction(cell.lstrip("£").replace(",", ""))))
    return figures - {None}


def read(case, folder):
    """Write and read a damaged file: return the accepted figures by code, and the findings."""
    path = folder / case.name
    path.write_bytes(case.data)
    inputs = inspect_inputs(Request(population=(str(path),), years=("2014/15",), needs=(PEOPLE,)))[1]
    faults = [finding for finding in inputs.findings if finding.level == "error"]
    table = inputs.tables["2014/15"]
    was_read = not faults and "registered_population" in table.columns
    return (
        dict(zip(table["org_code"], table["registered_population"], strict=True)) if was_read else None
    ), inputs.findings


def check_table(case, figures):
    """Every figure is in a row with its code, and no code is missing."""
    for code, value in figures.items():
        assert code in case.cells, code
        assert any(value in meanings(cell) for cell in case.cells[code]), (code, value, case.cells[code])
    lost = {code for code in case.cells if code not in figures and code not in ("", "Total", "England")}
    assert lost == set()


def check_text(case, figures):
    """Every figure is on a line with its code, in some encoding of the bytes."""
    texts = []
    for encoding in ("utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252"):
        try:
            texts.append(case.data.decode(encoding))
        except UnicodeDecodeError:
            continue
    lines = []
    for decoded in texts:
        for separator in ",;\t|":
            try:
                lines += [
                    [cell.strip() for cell in row]
                    for row in csv.reader(io.StringIO(decoded, newline=""), delimiter=separator)
                ]
            except csv.Error:
                continue
    for code, value in figures.items():
        beside = [row for row in lines if code in row]
        assert any(value in meanings(cell) for row in beside for cell in row), (code, value)


def check_archive(case, figures):
    """Every figure belongs to its code, originally or as openpyxl reads it; False if openpyxl reads nothing."""
    if case.name.endswith(".parquet"):
        frame = pl.read_parquet(io.BytesIO(case.data))
        pairs = {(str(row[0]), row[-1]) for row in frame.rows()}
        assert {(code, value) for code, value in figures.items()} <= pairs
        return True
    changed = {code: value for code, value in figures.items() if str(int(value)) not in case.cells.get(code, ())}
    try:
        workbook = openpyxl.load_workbook(io.BytesIO(case.data), data_only=True)
        rows = [[cell.value for cell in row] for sheet in workbook.worksheets for row in sheet.iter_rows()]
    except Exception:  # noqa: BLE001 – openpyxl has its own limits, and says so in many ways
        assert not changed or case.name.endswith(".ods"), changed
        return False
    for code, value in changed.items():
        beside = [row for row in rows if any(isinstance(cell, str) and cell.strip() == code for cell in row)]
        values = {float(cell) for row in beside for cell in row if isinstance(cell, int | float)}
        texts = {meaning for row in beside for cell in row if isinstance(cell, str) for meaning in meanings(cell)}
        assert value in values | texts, (code, value, beside)
    return True


@pytest.mark.slow
@pytest.mark.parametrize("start", range(0, FILES, A_CHUNK))
def test_damaged_files(start, tmp_path):
    """A damaged file is refused with findings that have a place or a remedy, or read correctly."""
    outcomes = Counter()
    for seed in range(start, start + A_CHUNK):
        case = mutation(seed)
        figures, findings = read(case, tmp_path)
        outcomes[case.kind, figures is not None] += 1
        assert all(finding.file and "\n" not in str(finding) for finding in findings if finding.level == "error"), seed
        if figures is None:
            assert any(finding.level == "error" for finding in findings), seed
        elif case.kind == "table":
            check_table(case, figures)
        elif case.kind == "text":
            check_text(case, figures)
        else:
            outcomes["looked at"] += check_archive(case, figures)

    # Both outcomes are common, so both are tested.
    assert outcomes["table", True] >= 20
    assert outcomes["table", False] >= 20
    assert outcomes["text", True] >= 3
    assert outcomes["text", False] >= 20
    assert outcomes["looked at"] >= 1


def test_the_same_seed_gives_the_same_file():
    """A seed that fails can be run again."""
    assert all(mutation(seed).data == mutation(seed).data for seed in range(0, 40, 3))


def heavy():
    """Files made to take time or memory."""
    plain = book([HEAD, *ROWS])
    rows = "".join(f"A{number:07},x,5\n" for number in range(1_900_000))
    repeated = ods([HEAD, *ROWS]).replace(
        b"<table:table-row>", b'<table:table-row table:number-rows-repeated="1048576">'
    )
    quotes = text([HEAD]) + '"' * 3_000_000
    tags = {SHEET: lambda part: part.replace(b"</sheetData>", b"<c " * 9_000_000 + b"</sheetData>")}
    yield "bomb.xlsx", bomb(plain, SHEET)
    yield "million.xlsx", million_rows(plain)
    yield "rows.csv", (text([HEAD]) + rows).encode()
    yield "repeated.ods", repeated
    yield "quotes.csv", quotes.encode()
    yield "tags.xlsx", rezipped(plain, tags)
    yield "spaces.csv", text([HEAD, *ROWS]).encode() + b" " * 30_000_000
    yield "blank-lines.csv", text([HEAD, *ROWS]).encode() + b"\n" * 30_000_000
    yield "wide.csv", (",".join(f"h{number}" for number in range(400_000)) + "\n1\n").encode()
    yield "digits.csv", (text([HEAD]) + "99A,x," + "9" * 100_000 + "\n").encode()
    frame = pl.DataFrame(
        {"org_code": pl.repeat("00C", 30_000_000, eager=True), HEAD[2]: pl.repeat(5, 30_000_000, eager=True)}
    )
    data = io.BytesIO()
    frame.write_parquet(data)
    yield "rows.parquet", data.getvalue()


# A small process measures another one; a large process would add its own size.
MEASURE = """
import json, os, subprocess, sys
child = subprocess.Popen(sys.argv[1:], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
out, err = child.stdout.read(), child.stderr.read()
_, status, usage = os.wait4(child.pid, 0)
print(json.dumps([os.waitstatus_to_exitcode(status), usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024,
    out.decode(), err.decode()]))
"""


def measured(path):
    """Run `gpit check` on a file: exit code, seconds, megabytes, output, messages."""
    command = [sys.executable, "-m", "gpit_fairshare", "check", "--population", str(path), "--json"]
    run = subprocess.run([sys.executable, "-c", MEASURE, *command], capture_output=True, check=True)
    return json.loads(run.stdout)


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "wait4"), reason="only Unix measures what a process used")
@pytest.mark.parametrize("part", range(3))
def test_processes(part, tmp_path):
    """In new processes: exit code 0 or 2 with a JSON document of findings, within 10 seconds and 500 MB."""
    files = [(mutation(seed).name, mutation(seed).data) for seed in range(part, FILES, 234)]
    for name, data in [*files, *list(heavy())[part::3]]:
        (tmp_path / name).write_bytes(data)
        code, seconds, megabytes, out, err = measured(tmp_path / name)

        assert code in (0, 2), (name, err)
        assert "Traceback" not in err, name
        assert "a bug in gpit" not in err, name
        document = json.loads(out)
        assert (code == 0) == document["sound"], name
        assert code == 0 or any(finding["level"] == "error" for finding in document["findings"]), name
        assert seconds < 10, (name, seconds)
        assert megabytes < 500, (name, megabytes)


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "wait4"), reason="only Unix measures what a process used")
def test_a_bomb_goes_off_nowhere(tmp_path):
    """Less than 422 KB that unpack to 147 MB are refused within 2 seconds and 200 MB, with the limit and the option."""
    (tmp_path / "bomb.xlsx").write_bytes(bomb(book([HEAD, *ROWS]), SHEET))
    started = time.perf_counter()
    code, _, megabytes, out, _ = measured(tmp_path / "bomb.xlsx")
    took = time.perf_counter() - started

    assert (tmp_path / "bomb.xlsx").stat().st_size < 422_000
    assert code == 2
    assert "unpacks to 147 MB; the limit is 64 MB" in out
    assert "--max-size 148" in out
    assert took < 2
    assert megabytes < 200
