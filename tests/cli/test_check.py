"""`gpit check` from end to end: the contents of files, their errors, and the place of each."""

from __future__ import annotations

import hashlib
import io
import json
import os
import subprocess
import sys

import openpyxl
import pytest
from rich.console import Console

from gpit_fairshare import GpitError, Report, UsageError, allocate, check, compare
from gpit_fairshare.reports.checking import checking_document
from gpit_fairshare.reports.formats import rendered
from gpit_fairshare.reports.screen import show
from running import gpit, population_file, spend_file, words
from torture import bomb, book

HEAD = ["CCG code", "CCG name", "Registered patients"]
PEOPLE = [["00C", "Darlington", 106613], ["00D", "Durham Dales", 290007], ["00J", "North Durham", 245011]]
TOTAL = 641_631  # 106,613 + 290,007 + 245,011
FAULTY = [["GP IT 2014/15"], [], HEAD, ["00C", "Darlington", "n/a"], *PEOPLE[1:], [7, "Hartlepool", 290123]]
UTF8 = {"PYTHONIOENCODING": "utf-8"}


@pytest.fixture
def good(tmp_path):
    """A folder with a population file and a spend file without errors."""
    population_file(tmp_path, {code: people for code, _, people in PEOPLE})
    spend_file(tmp_path, {"00C": 277_200, "00D": 754_000.5, "00J": 637_000})
    return tmp_path


@pytest.fixture
def faulty(tmp_path):
    """A folder with a workbook that has a title, two errors, and a reason for a note."""
    (tmp_path / "faulty.xlsx").write_bytes(book(FAULTY))
    return tmp_path


def refused(done, *texts):
    """Assert that a run was refused with one line that contains these texts, and printed nothing else."""
    lines = done.stderr.decode().splitlines()
    assert done.returncode == 2
    assert done.stdout == b""
    assert len(lines) == 1
    assert lines[0].startswith("gpit: error: ")
    for text in texts:
        assert text in lines[0]


# Exit codes and the screen ----------------------------------------------------------------------------


@pytest.mark.slow
def test_files_in_order(good):
    """Without a scheme, every column of numbers is listed with its total, after the verdict; exit code 0."""
    done = gpit("check", "--population", "population.csv", "--spend", "spend.csv", folder=good, env=UTF8)
    output = words(done.stdout)

    assert done.returncode == 0
    assert done.stderr == b""
    assert output.startswith("Ready to use: no errors (2 files checked).")
    assert "registered_population 3 0 641,631 106,613 290,007" in output
    # 277,200 + 754,000.50 + 637,000
    assert "historic_spend 3 0 £1,668,200.50 £277,200 £754,000.50" in output


def test_errors_at_once(faulty):
    """All errors are listed at once with their cells and remedies, errors first; exit code 2, nothing on stderr."""
    done = gpit("check", "--population", "faulty.xlsx", folder=faulty, env=UTF8)
    output = words(done.stdout)

    assert done.returncode == 2
    assert done.stderr == b""
    assert output.startswith("Cannot be used yet: 2 problems on 2 rows; 2 notes (1 file checked).")
    assert "faulty.xlsx:Data: C4: 'n/a' is not a plain number" in output
    assert "faulty.xlsx:Data: A7: 7 is not text" in output
    assert output.index("C4: 'n/a'") < output.index("A7: 7") < output.index("registered_population 2 0 1 535,018")
    assert output.endswith("--details also lists 2 notes on how the files were read.")
    details = words(gpit("check", "--population", "faulty.xlsx", "--details", folder=faulty, env=UTF8).stdout)
    assert details.index("C4: 'n/a'") < details.index("A7: 7") < details.index("'GP IT 2014/15' in row 1")


def test_problems_and_codes_are_counted_separately(tmp_path):
    """An error counts once with its rows, and codes that another file lacks count separately."""
    people = "".join(f"X{number:02},tbc\n" for number in range(12))
    spend = "".join(f"X{number:02},5\n" for number in range(11))
    (tmp_path / "p.csv").write_text(f"org_code,registered_population\n{people}", encoding="utf-8")
    (tmp_path / "s.csv").write_text(f"org_code,historic_spend\n{spend}Z50,5\nZ60,\n", encoding="utf-8")
    report = check(population=tmp_path / "p.csv", spend=tmp_path / "s.csv")
    (verdict,) = checking_document(report).blocks[0].pieces

    assert verdict.startswith("Cannot be used yet: 2 problems on 13 rows; 3 codes do not match")
    assert verdict.endswith("(2 files checked).")


def many_columns(path, faulty):
    """A workbook with as many columns of people, each with one cell that is not a number, and an invalid code."""
    names = [f"weighted {number}" for number in range(faulty)]
    first = [5, 1, *([1] * faulty)]
    path.write_bytes(
        book([["org_code", "patients", *names], first, ["A1", 1, *(["tbc"] * faulty)], ["A2", *first[1:]]])
    )
    return path


@pytest.mark.slow
def test_first_of_each_kind(tmp_path):
    """Of 30 columns with a cell that is not a number, and an invalid code, three are shown, the others counted."""
    many_columns(tmp_path / "many.xlsx", 30)
    done = gpit("check", "--population", "many.xlsx", folder=tmp_path, env={**UTF8, "COLUMNS": "200"})
    output = done.stdout.decode()

    assert "Cannot be used yet: 1 problem on 1 row; 30 warnings and 1 note" in output.splitlines()[0]
    assert output.count("I11  many.xlsx:Data: A2") == 1
    assert output.count("I16  30 times: a cell cannot be read as a number without guessing") == 1
    assert output.count("'tbc' is not a plain number") == 3
    assert "… and 27 more of these; --details lists them" in output
    assert output.rstrip().endswith(
        "--details also lists 1 note on how the files were read and 19 further rows of the table."
    )
    details = gpit("check", "--population", "many.xlsx", "--details", folder=tmp_path, env=UTF8).stdout.decode()
    assert details.count("'tbc' is not a plain number") == 30
    assert details.count("I06  many.xlsx:Data: ") == 1
    assert "weighted_29" in details


@pytest.mark.slow
@pytest.mark.parametrize("width", ["80", "100"])
@pytest.mark.parametrize("case", ["sample", "scheme", "faulty", "long"])
def test_width(faulty, case, width):
    """No line is wider than the screen, except for a single word that is wider."""
    long = [["org_code", "an exceedingly long heading of a column that goes on and on (£)"], ["00C", 5.25]]
    (faulty / "long.xlsx").write_bytes(book(long))
    arguments = {
        "sample": ["--sample"],
        "scheme": ["--sample", "--scheme", "gpit-2014-16"],
        "faulty": ["--population", "faulty.xlsx"],
        "long": ["--input", "long.xlsx"],
    }
    done = gpit("check", *arguments[case], folder=faulty, env={**UTF8, "COLUMNS": width})
    wide = [line for line in done.stdout.decode().splitlines() if len(line) > int(width)]

    assert [line for line in wide if len(line.split()) > 1] == []


@pytest.mark.slow
@pytest.mark.parametrize("encoding", ["cp1252", "ascii"])
def test_other_code_pages(good, encoding):
    """A console that lacks some characters gets others instead, and no traceback."""
    rows = [["org_code", "org_name", "Spend (£k)"], ["00C", "Łódź – café", 4.35]]
    (good / "odd.xlsx").write_bytes(book(rows))
    done = gpit("check", "--spend", "odd.xlsx", folder=good, env={"PYTHONIOENCODING": encoding})
    output = done.stdout.decode(encoding)

    assert (done.returncode, done.stderr) == (0, b"")
    assert "4,350" in output
    assert ("£4,350" in output) == (encoding == "cp1252")


@pytest.mark.slow
def test_reader_leaves(tmp_path):
    """A reader that stops after the first line causes no traceback."""
    rows = [["org_code", *(f"figure_{number}" for number in range(400))], ["00C", *range(400)]]
    (tmp_path / "wide.xlsx").write_bytes(book(rows))
    command = [sys.executable, "-m", "gpit_fairshare", "check", "--input", "wide.xlsx"]
    with subprocess.Popen(
        command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env={**os.environ, **UTF8}
    ) as running:
        running.stdout.readline()
        running.stdout.close()
        printed = running.stderr.read()
        running.wait(60)

    assert printed == b""


# With a scheme ----------------------------------------------------------------------------------------


@pytest.mark.slow
def test_columns_that_a_scheme_needs(good):
    """With a scheme, a column that it needs and no file has is an error that names the option for it."""
    done = gpit("check", "--population", "population.csv", "--scheme", "gpit-2014-16", folder=good, env=UTF8)
    output = words(done.stdout)

    assert done.returncode == 2
    assert "checked against gpit-2014-16" in output
    assert "I09 no file gives historic_spend" in output
    assert "--spend FILE" in output


def test_scheme_says_years_and_nouns(good):
    """The scheme decides the years and the name for a row."""
    report = check(population=good / "population.csv", spend=good / "spend.csv", scheme="gpit-2014-16")

    assert report.sound
    assert (report.scheme, report.organisation) == ("gpit-2014-16", "CCG")
    assert report.organisations == {"2014/15": 3, "2015/16": 3}
    assert {(column.name, column.year, column.total) for column in report.columns} == {
        ("registered_population", "2014/15", 641_631),
        ("registered_population", "2015/16", 641_631),
        ("historic_spend", "2014/15", 1_668_200.5),
        ("historic_spend", "2015/16", 1_668_200.5),
    }


@pytest.mark.slow
def test_same_findings_as_allocate(faulty):
    """`gpit check` with a scheme reports the errors that `gpit allocate` refuses, in the same words."""
    arguments = ("--population", "faulty.xlsx", "--scheme", "gpit-2014-16")
    run = gpit("allocate", *arguments, folder=faulty, env=UTF8)
    checked = gpit("check", *arguments, folder=faulty, env=UTF8)

    assert (run.returncode, checked.returncode) == (2, 2)
    for fault in ("C4: 'n/a' is not a plain number", "A7: 7 is not text", "no file gives historic_spend"):
        assert fault in words(run.stderr)
        assert fault in words(checked.stdout)


# Without a scheme -------------------------------------------------------------------------------------


def test_years_of_the_files(tmp_path):
    """Without a scheme the years are those of the file, each with its total; a missing year is a warning."""
    (tmp_path / "years.csv").write_text(
        "year,org_code,patients\n2014/15,00C,100\n2014/15,00D,200\n2016/17,00C,101\n2016/17,00D,202\n"
    )
    report = check(population=tmp_path / "years.csv")

    assert report.years == ("2014/15", "2016/17")
    assert [(column.year, column.filled, column.total) for column in report.columns] == [
        ("2014/15", 2, 300),
        ("2016/17", 2, 303),
    ]
    assert [finding.number for finding in report.findings if finding.level == "warning"] == ["I50"]


def test_every_column_of_numbers(tmp_path):
    """Money and people are totalled; rates and columns without a unit have only a lowest and a highest figure."""
    (tmp_path / "more.csv").write_text(
        "org_code,name,region,patients,Need index,Grant (£k),opened\n"
        "00C,a,North,100,0.95,1.1,01/04/2013\n00D,b,South,200,1.05,2.2,01/04/2013\n"
    )
    report = check(population=tmp_path / "more.csv")

    assert [(column.name, column.unit, column.total, column.least, column.greatest) for column in report.columns] == [
        ("registered_population", "people", 300, 100, 200),
        ("need_index", "", None, 0.95, 1.05),
        ("grant", "£", 3300, 1100, 2200),
    ]
    assert report.columns[2].total_as_written == pytest.approx(3.3)


def test_total_of_the_figures_used(tmp_path):
    """Of £1,000, £2,000 and £4,000 the last has no organisation: the figures used add up to 3, not to the file's 7."""
    (tmp_path / "p.csv").write_text("org_code,patients\nQA1,10\nQA2,20\n", encoding="utf-8")
    (tmp_path / "s.csv").write_text("org_code,Spend (£'000)\nQA1,1\nQA2,2\nQA9,4\nTotal,7\n", encoding="utf-8")
    report = check(population=tmp_path / "p.csv", spend=tmp_path / "s.csv")
    text = " ".join(rendered(checking_document(report), ".md").split())

    assert "in £'000: the figures used add up to 3 in that unit." in text
    assert "total in the file" not in text


def test_negative_adjustments(tmp_path):
    """Negative money in a column that may not be needed is counted, and reported once with its first cell."""
    rows = [["org_code", "Adjustment (£)"], ["00C", -5.5], ["00D", -4.5], ["00J", 1]]
    (tmp_path / "adjustments.xlsx").write_bytes(book(rows))
    report = check(inputs=tmp_path / "adjustments.xlsx")

    assert report.sound
    assert [(column.filled, column.blank, column.total) for column in report.columns] == [(3, 0, -9)]
    (finding,) = [finding for finding in report.findings if finding.number == "I18"]
    assert (finding.level, finding.place) == ("warning", "B2")
    assert "and in 1 other row," in finding.found


def test_columns_that_options_need(tmp_path):
    """A file of patients without a known column of patients gives a warning: a run would be refused."""
    (tmp_path / "people.csv").write_text("org_code,Registered patients (1 April)\n00C,100\n")
    (tmp_path / "costs.csv").write_text("org_code,Revenue,Total\n00C,5,7\n")
    report = check(population=tmp_path / "people.csv", spend=tmp_path / "costs.csv")
    warnings = [(finding.level, finding.file, finding.found) for finding in report.findings if finding.number == "I09"]

    assert report.sound
    assert [(level, file) for level, file, _ in warnings] == [("warning", "people.csv"), ("warning", "costs.csv")]
    assert "no column was recognised as registered_population; the headings are" in warnings[0][2]
    assert "historic_spend or amount" in warnings[1][2]
    mapped = check(
        population=tmp_path / "people.csv", mapping={"Registered patients (1 April)": "registered_population"}
    )
    assert [finding.number for finding in mapped.findings if finding.level != "note"] == []


def test_refused_figures_are_missing(faulty):
    """A figure that was refused counts as missing, and the total is that of the others."""
    report = check(population=faulty / "faulty.xlsx")

    (people,) = report.columns
    assert not report.sound
    assert (people.filled, people.blank, people.total) == (2, 1, 290_007 + 245_011)


def test_refused_and_missing_figures_are_counted_apart(tmp_path):
    """Of four organisations one has a figure, one a blank cell, one a text and one a negative figure."""
    (tmp_path / "p.csv").write_text("org_code,patients\nA1,100\nB1,\nC1,abc\nD1,-5\n", encoding="utf-8")
    report = check(population=tmp_path / "p.csv")

    (people,) = report.columns
    assert (people.filled, people.blank, people.refused) == (1, 3, 2)
    assert "registered_population 1 1 2 100 100 100" in on_screen(report)


@pytest.mark.parametrize(
    ("rows", "parts", "level"),
    [
        ("A1,100\nB1,abc\nC1,50\nD1,30\nEngland,180\n", "the sum of 3 rows with a figure", "note"),
        ("A1,100\nB1,20\nC1,50\nD1,30\nEngland,200\n", "the sum of 4 rows", "note"),
        ("A1,100\nB1,abc\nC1,50\nD1,30\nEngland,200\n", "its 3 rows with a figure add up to 180", "error"),
    ],
)
def test_a_total_counts_only_rows_with_a_figure(tmp_path, rows, parts, level):
    """A row whose figure is refused is not among the rows that a total adds up: 100 + 50 + 30 are 180."""
    (tmp_path / "p.csv").write_text(f"org_code,patients\n{rows}", encoding="utf-8")
    (finding,) = [finding for finding in check(population=tmp_path / "p.csv").findings if finding.number == "I42"]

    assert finding.level == level
    assert parts in finding.found


def test_not_ready_for_the_default_scheme_without_spend(tmp_path):
    """A run with the same file is refused without spend, so the files are not called ready; that is no error."""
    population = population_file(tmp_path, {"00C": 5, "00D": 7})
    report = check(population=population)
    screen = on_screen(report)

    with pytest.raises(GpitError, match="no file gives historic_spend"):
        allocate(population=population)
    assert report.sound
    assert report.not_given == ("historic_spend",)
    assert screen.startswith(
        "Nothing to correct: no errors (1 file checked). "
        "Not enough yet for the default scheme gpit-2014-16: it also needs historic_spend (--spend FILE)."
    )
    assert check(population=population, spend=spend_file(tmp_path, {"00C": 1, "00D": 2})).not_given == ()


def test_an_unreadable_file_is_not_called_incomplete(tmp_path):
    """Of a workbook with two sheets that could be meant nothing is known, so nothing is said of what it lacks."""
    workbook = openpyxl.Workbook()
    for sheet in (workbook.active, workbook.create_sheet("Other")):
        sheet.append(["org_code", "registered_population"])
        sheet.append(["00C", 5])
    workbook.save(tmp_path / "two.xlsx")
    report = check(population=tmp_path / "two.xlsx")

    assert [finding.number for finding in report.findings if finding.level == "error"] == ["I04"]
    assert report.not_given == ()
    assert on_screen(report).startswith("Cannot be used yet: 1 problem (no file could be read). 1 error")


def test_codes_alone_are_not_ready(tmp_path):
    """A file without any figure has no errors, but the default scheme needs patients and spend."""
    (tmp_path / "codes.csv").write_text("org_code,org_name\n00C,Darlington\n", encoding="utf-8")
    report = check(population=tmp_path / "codes.csv")

    assert report.sound
    assert report.not_given == ("registered_population", "historic_spend")


def test_a_named_scheme_says_what_is_missing(tmp_path):
    """With a scheme, a column that no file gives is an error with its option, and nothing is said of another scheme."""
    report = check(population=population_file(tmp_path, {"00C": 5}), scheme="gpit-2014-16")

    assert not report.sound
    assert report.not_given == ()
    assert on_screen(report).startswith("Cannot be used yet: 1 problem;")
    assert "no file gives historic_spend (Historic spend). Give a file that has it with --spend FILE." in on_screen(
        report
    )


def test_the_most_frequent_problem_is_first(tmp_path):
    """Seven texts come before two negative figures and one blank cell, each kind with its remedy once."""
    figures = ["-5", "", "-6", *["tbc"] * 7, "100"]
    rows = "".join(f"A{number:02},{figure}\n" for number, figure in enumerate(figures))
    (tmp_path / "p.csv").write_text(f"org_code,patients\n{rows}", encoding="utf-8")
    screen = on_screen(check(population=tmp_path / "p.csv"))
    places = [screen.index(number) for number in ("I16 ", "I18 ", "I17 ")]

    assert places == sorted(places)
    assert "I18 2 times: money or people are negative; expected 0 or more (people). Correct the figure." in screen
    assert screen.count("Correct the figure") == 1
    assert "(the first of 7 such cells: " in screen


def test_columns_that_are_the_same_in_every_year_are_one_row():
    """The sample has no years, so its columns have one row for both years of the scheme."""
    screen = on_screen(check(sample=True, scheme="gpit-2014-16"))

    assert "211 CCGs in every year" in screen
    assert "registered_population every year 211 0 56,633,982" in screen
    assert screen.count("registered_population") == 1


def on_screen(report, **options):
    """Return the words of the short report on a screen of 100 columns."""
    raw = io.StringIO()
    show(checking_document(report, details=False, **options), Console(file=raw, width=100, highlight=False))
    return " ".join(raw.getvalue().split())


def test_two_equal_headings(tmp_path):
    """Two years with the same heading are refused, and --map is not recommended, because it cannot help."""
    (tmp_path / "wide.csv").write_text("org_code,Patients,Patients\n00C,1,2\n")
    (fault,) = [finding for finding in check(population=tmp_path / "wide.csv").findings if finding.level == "error"]

    assert fault.number == "I07"
    assert "Rename those that should not be used" in fault.remedy
    (tmp_path / "other.csv").write_text("org_code,Patients,List size\n00C,1,2\n")
    (fault,) = [finding for finding in check(population=tmp_path / "other.csv").findings if finding.level == "error"]
    assert "--map 'HEADING=registered_population'" in fault.remedy


def test_practices_as_rows(tmp_path):
    """With --organisation practice, the rows are practices; otherwise practices are summed to organisations."""
    (tmp_path / "p.csv").write_text("practice_code,org_code,patients\nA81001,00C,10\nA81002,00C,20\n")

    assert check(population=tmp_path / "p.csv").organisations == {"": 1}
    assert check(population=tmp_path / "p.csv", organisation="practice").organisations == {"": 2}


@pytest.mark.slow
def test_boundaries_and_crosswalk(tmp_path):
    """The user's crosswalk restates rows for the organisations of a day: 0.4 of 1,000 people is 400."""
    (tmp_path / "p.csv").write_text("org_code,patients\nOLD,1000\nSTAY,500\n")
    (tmp_path / "c.csv").write_text(
        "org_code,successor_code,effective_date,fraction\n"
        "OLD,NEW1,2020-04-01,0.4\nOLD,NEW2,2020-04-01,0.6\nSTAY,STAY,2020-04-01,1\n"
    )
    report = check(population=tmp_path / "p.csv", crosswalk=tmp_path / "c.csv", boundaries="2020-04-01")

    assert report.sound, [str(finding) for finding in report.findings]
    assert report.organisations == {"": 3}
    assert [(column.total, column.least, column.greatest) for column in report.columns] == [(1500, 400, 600)]
    assert [source.role for source in report.sources] == ["population", "crosswalk"]

    options = ["--population", "p.csv", "--crosswalk", "c.csv", "--boundaries", "2020-04-01"]
    done = gpit("check", *options, folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "c.csv: crosswalk" in done.stdout.decode()


@pytest.mark.slow
def test_bad_boundaries(good):
    """A text that is not a day is refused in one line."""
    refused(gpit("check", "--population", "population.csv", "--boundaries", "soon", folder=good), "soon")


def test_several_files(good):
    """The files of one option form one table; each is listed with its rows."""
    population_file(good, {"99A": 142_003}, "more.csv")
    report = check(population=[good / "population.csv", good / "more.csv"])

    assert [(source.file, source.rows) for source in report.sources] == [("population.csv", 3), ("more.csv", 1)]
    assert report.columns[0].total == TOTAL + 142_003


def test_sample():
    """England 2014/15: 211 CCGs, 56,633,982 patients, £186m of illustrative lines of cost."""
    report = check(sample=True)

    assert report.sound
    assert report.organisations == {"": 211}
    totals = {column.name: column.total for column in report.columns}
    assert (totals["registered_population"], totals["historic_spend"]) == (56_633_982, 186_000_000)


def test_sample_or_files(good):
    """The sample replaces files, so both together are refused."""
    with pytest.raises(UsageError, match="not both"):
        check(sample=True, population=good / "population.csv")


@pytest.mark.parametrize("ending", ["csv", "json"])
def test_a_file_that_does_not_exist_is_reported_in_the_same_words(good, ending):
    """Of input files and of result files: there is no such file, with the nearest name, or which folder is missing."""
    (good / f"result.{ending}").write_text("", encoding="utf-8")
    read = {
        "csv": lambda path: check(population=path),
        "json": lambda path: compare(path, path),
    }[ending]

    with pytest.raises(
        UsageError, match=rf"reslt.{ending}: there is no such file; did you mean result.{ending}"
    ) as fault:
        read(good / f"reslt.{ending}")
    assert "\n" not in str(fault.value)
    with pytest.raises(UsageError, match=r"there is no such file; the folder .*nowhere does not exist$"):
        read(good / "nowhere" / f"result.{ending}")


# The JSON document ------------------------------------------------------------------------------------


@pytest.mark.slow
def test_document(faulty):
    """--json prints one document and nothing else, on any console; its keys are stable."""
    done = gpit("check", "--population", "faulty.xlsx", "--json", folder=faulty, env={"PYTHONIOENCODING": "ascii"})
    document = json.loads(done.stdout.decode("utf-8"))

    assert (done.returncode, done.stderr) == (2, b"")
    assert list(document) == [
        *("schema", "sound", "scheme", "organisation", "years", "organisations", "files", "columns", "findings"),
        "not_given",
    ]
    assert document["schema"] == "gpit-check/1"
    assert (document["sound"], document["scheme"], document["organisation"]) == (False, "", "organisation")
    assert document["organisations"] == [{"year": "", "count": 3}]
    assert document["files"] == [
        {
            "role": "population",
            "file": "faulty.xlsx",
            "sheet": "Data",
            "sha256": hashlib.sha256((faulty / "faulty.xlsx").read_bytes()).hexdigest(),
            "rows": 4,
            "headings": [
                {"heading": "CCG code", "column": "org_code"},
                {"heading": "CCG name", "column": "org_name"},
                {"heading": "Registered patients", "column": "registered_population"},
            ],
        }
    ]
    assert document["columns"] == [
        {
            "name": "registered_population",
            "heading": "Registered patients",
            "file": "faulty.xlsx",
            "unit": "people",
            "stated": "",
            "year": "",
            "filled": 2,
            "blank": 1,
            "refused": 1,
            "total": 535018,
            "total_as_written": 535018,
            "least": 245011,
            "greatest": 290007,
        }
    ]
    assert [(finding["number"], finding["level"], finding["place"]) for finding in document["findings"]] == [
        ("I16", "error", "C4"),
        ("I11", "error", "A7"),
        ("I39", "note", ""),
        ("I06", "note", ""),
    ]
    assert set(document["findings"][0]) == {
        "number",
        "level",
        "file",
        "place",
        "sheet",
        "cell",
        "found",
        "expected",
        "remedy",
        "others",
    }


@pytest.mark.slow
def test_document_has_all(tmp_path):
    """The document has every finding, even if the screen only counts them, and each cell of a column with errors."""
    many_columns(tmp_path / "many.xlsx", 30)
    rows = [["org_code", "registered_population"], *([f"A{row:02}", "tbc"] for row in range(50))]
    (tmp_path / "long.xlsx").write_bytes(book(rows))
    many = json.loads(gpit("check", "--population", "many.xlsx", "--json", folder=tmp_path).stdout)
    long = json.loads(gpit("check", "--population", "long.xlsx", "--json", folder=tmp_path).stdout)

    assert sum(finding["number"] == "I16" for finding in many["findings"]) == 30
    (fault,) = [finding for finding in long["findings"] if finding["number"] == "I16"]
    assert [fault["place"], *(other["place"] for other in fault["others"])] == [f"B{row}" for row in range(2, 52)]


@pytest.mark.slow
def test_report_is_the_document(good):
    """The library's report has the same contents as the command line, on every run."""
    done = gpit("check", "--population", "population.csv", "--json", folder=good)
    report = check(population=good / "population.csv")

    assert isinstance(report, Report)
    assert report.document() == json.loads(done.stdout)


# Options and files that are refused -----------------------------------------------------------------------------


@pytest.mark.slow
def test_no_files(tmp_path):
    """Without a file there is nothing to check."""
    refused(gpit("check", folder=tmp_path), "--population FILE")


@pytest.mark.slow
def test_misspelt_file(good):
    """A misspelt name gets a suggestion."""
    refused(
        gpit("check", "--population", "poplation.csv", folder=good), "poplation.csv", "did you mean population.csv?"
    )


@pytest.mark.slow
def test_unknown_scheme(good):
    """An unknown scheme is refused in one line."""
    refused(gpit("check", "--population", "population.csv", "--scheme", "gpit-2014", folder=good), "gpit-2014-16")


@pytest.mark.slow
def test_leave_out(tmp_path):
    """A code that is left out is in a note; a code that no file has is refused with a suggestion."""
    (tmp_path / "p.csv").write_text("org_code,patients\nY54,641631\n00C,106613\n00D,290007\n00J,245011\n")
    done = gpit("check", "--population", "p.csv", "--leave-out", "Y54", "--details", folder=tmp_path, env=UTF8)

    assert done.returncode == 0
    assert "left out 1 row of Y54 because of --leave-out" in words(done.stdout)
    assert "641,631" in words(done.stdout)
    refused(
        gpit("check", "--population", "p.csv", "--leave-out", "Y45", folder=tmp_path),
        "--leave-out Y45: no file has a row with this code; did you mean Y54?",
    )


@pytest.mark.slow
def test_max_size(tmp_path):
    """A workbook that unpacks to 147 MB is refused with the option that would allow it; 0 MB is refused."""
    (tmp_path / "bomb.xlsx").write_bytes(bomb(book([HEAD, *PEOPLE]), "xl/worksheets/sheet1.xml"))
    done = gpit("check", "--population", "bomb.xlsx", folder=tmp_path, env=UTF8)

    assert done.returncode == 2
    assert "(no file could be read)" in words(done.stdout)
    assert "the limit is 64 MB" in words(done.stdout)
    assert "--max-size 148" in words(done.stdout)
    none = gpit("check", "--population", "bomb.xlsx", "--max-size", "0", folder=tmp_path)
    assert (none.returncode, none.stdout) == (2, b"")


@pytest.mark.slow
def test_one_file_of_two(good):
    """A file that cannot be read does not hide the errors of the other file."""
    (good / "broken.xlsx").write_bytes(b"PK no workbook")
    (good / "faulty.xlsx").write_bytes(book(FAULTY))
    done = gpit("check", "--population", "faulty.xlsx", "--spend", "broken.xlsx", folder=good, env=UTF8)

    assert done.returncode == 2
    assert "I01 broken.xlsx" in words(done.stdout)
    assert "C4: 'n/a'" in words(done.stdout)


# The marked copy --------------------------------------------------------------------------------------


def test_annotated_copy(faulty):
    """The copy has fill and note in the cells of the findings, and a sheet that links to them; the exit code is 2."""
    before = (faulty / "faulty.xlsx").read_bytes()
    done = gpit("check", "--population", "faulty.xlsx", "--annotate", "marked.xlsx", folder=faulty, env=UTF8)

    assert done.returncode == 2
    assert "Written: marked.xlsx" in words(done.stdout)
    assert (faulty / "faulty.xlsx").read_bytes() == before
    assert sorted(path.name for path in faulty.iterdir()) == ["faulty.xlsx", "marked.xlsx"]
    copy = openpyxl.load_workbook(faulty / "marked.xlsx")
    sheet = copy["Data"]
    noted = {cell.coordinate: cell.comment.text for row in sheet for cell in row if cell.comment}
    assert set(noted) == {"C4", "A7"}
    assert "Error I16: 'n/a' is not a plain number" in noted["C4"]
    assert "Error I11: 7 is not text" in noted["A7"]
    filled = {cell.coordinate for row in sheet for cell in row if cell.fill.fill_type == "solid"}
    assert filled == {"C4", "A7"}
    assert [[cell.value for cell in row] for row in sheet] == [
        [*row, *[None] * (3 - len(row))] for row in [["GP IT 2014/15"], [], *FAULTY[2:]]
    ]
    listed = copy["Findings"]
    assert [(row[0].value, row[3].value) for row in listed.iter_rows(min_row=2)][:2] == [("I16", "C4"), ("I11", "A7")]
    assert listed["D2"].hyperlink.location == "'Data'!C4"


@pytest.mark.slow
def test_annotated_without_errors(tmp_path):
    """A workbook without errors is copied with its notes listed, and the exit code is 0, also with --json."""
    (tmp_path / "good.xlsx").write_bytes(book([HEAD, *PEOPLE]))
    done = gpit("check", "--population", "good.xlsx", "--annotate", "marked.xlsx", "--json", folder=tmp_path)

    assert done.returncode == 0
    assert json.loads(done.stdout)["sound"]
    assert openpyxl.load_workbook(tmp_path / "marked.xlsx")["Findings"]["A2"].value == "I06"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("files", "copy", "message"),
    [
        (["--population", "population.csv"], "copy.xlsx", "none of the files is one"),
        (["--sample"], "copy.xlsx", "none of the files is one"),
        (["--population", "faulty.xlsx", "--spend", "other.xlsx"], "copy.xlsx", "2 of the files are"),
        (["--population", "faulty.xlsx"], "faulty.xlsx", "is the workbook itself"),
        (["--population", "faulty.xlsx"], "./faulty.xlsx", "is the workbook itself"),
        (["--population", "faulty.xlsx:Data"], "faulty.xlsx", "is the workbook itself"),
        (["--population", "faulty.xlsx"], "linked.xlsx", "is the workbook itself"),
        (["--population", "faulty.xlsx"], "copy.csv", "ending .xlsx"),
        (["--population", "faulty.xlsx"], "nowhere/copy.xlsx", "no folder nowhere"),
        (["--population", "faulty.xlsx"], "folder.xlsx", "is a folder"),
        (["--population", "missing.xlsx"], "copy.xlsx", "missing.xlsx: there is no such file"),
    ],
)
def test_copy_that_is_refused(good, files, copy, message):
    """A copy that cannot be marked or written is refused in one line; nothing is written and nothing is changed."""
    for name in ("faulty.xlsx", "other.xlsx"):
        (good / name).write_bytes(book(FAULTY))
    (good / "linked.xlsx").hardlink_to(good / "faulty.xlsx")
    (good / "folder.xlsx").mkdir()
    before = {path.name: path.read_bytes() for path in good.iterdir() if path.is_file()}
    done = gpit("check", *files, "--annotate", copy, folder=good)

    refused(done, message)
    assert {path.name: path.read_bytes() for path in good.iterdir() if path.is_file()} == before


@pytest.mark.slow
def test_workbook_that_cannot_be_marked(good):
    """A workbook that cannot be opened cannot be marked either: one line, and no copy."""
    (good / "broken.xlsx").write_bytes(b"PK no workbook")
    done = gpit("check", "--population", "broken.xlsx", "--annotate", "copy.xlsx", folder=good, env=UTF8)

    assert done.returncode == 2
    assert b"Traceback" not in done.stderr
    assert "broken.xlsx" in words(done.stderr + done.stdout)
    assert not (good / "copy.xlsx").exists()


@pytest.mark.slow
def test_same_workbook_twice(tmp_path):
    """Population and spend on two sheets of one workbook are marked in one copy."""
    path = tmp_path / "both.xlsx"
    made = openpyxl.Workbook()
    made.active.title = "People"
    made.active.append(["org_code", "patients"])
    made.active.append(["00C", "n/a"])
    made.create_sheet("Spend").append(["org_code", "spend"])
    made["Spend"].append(["00C", "tbc"])
    made.save(path)
    done = gpit(
        *("check", "--population", "both.xlsx:People", "--spend", "both.xlsx:Spend", "--annotate", "copy.xlsx"),
        folder=tmp_path,
    )
    copy = openpyxl.load_workbook(tmp_path / "copy.xlsx")

    assert done.returncode == 2
    assert "'n/a'" in copy["People"]["B2"].comment.text
    assert "'tbc'" in copy["Spend"]["B2"].comment.text


def test_more_columns_than_are_checked(tmp_path):
    """Of 300 columns of numbers, 200 are checked, and a note counts the others."""
    names = [f"h{number}" for number in range(299)]
    (tmp_path / "p.csv").write_text(
        f"org_code,patients,{','.join(names)}\nA1,100,{','.join('7' for _ in names)}\n", encoding="utf-8"
    )
    report = check(population=tmp_path / "p.csv")

    assert len(report.columns) == 200
    (note,) = [finding for finding in report.findings if finding.number == "I38"]
    assert note.found == "checked 200 columns; 100 further columns not checked"


def test_the_largest_crosswalk(tmp_path):
    """--max-size applies to crosswalks too, as its message says."""
    (tmp_path / "p.csv").write_text("org_code,patients\nA1,1000\n", encoding="utf-8")
    rows = "".join(f"B{number},C{number},2020-04-01\n" for number in range(1_501))
    (tmp_path / "c.csv").write_text(
        f"org_code,successor_code,effective_date\nA1,X1,2020-04-01\n{rows}", encoding="utf-8"
    )
    files = {"population": tmp_path / "p.csv", "crosswalk": tmp_path / "c.csv", "boundaries": "2020-04-01"}

    assert not check(**files, max_size=1).sound
    assert check(**files, max_size=2).sound
