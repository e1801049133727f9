import itertools
import re
from datetime import date
from fractions import Fraction
from pathlib import Path

import openpyxl
import polars as pl
import pytest
import xlsxwriter

from folders import (
    COUNTS,
    LINES,
    PEOPLE,
    POPULATION,
    SAMPLES,
    SPEND,
    TOTALS,
    about,
    column,
    published,
    repeatable,
    rezipped,
)
from gpit_fairshare.errors import InputError, UsageError
from gpit_fairshare.findings import FindingCode
from gpit_fairshare.inputs.checked_tables import read_inputs
from gpit_fairshare.inputs.columns.cells import year_start
from gpit_fairshare.inputs.columns.headings import plain_name
from gpit_fairshare.inputs.columns.standard_columns import folded, standard_columns
from gpit_fairshare.inputs.files.grids import LARGEST, MEGABYTE
from gpit_fairshare.inputs.files.reading import letters, split_sheet
from gpit_fairshare.inputs.model import NeededColumn, Request, Restated
from gpit_fairshare.inputs.tables.sums import exact_total
from gpit_fairshare.run_options import MEGABYTES
from gpit_fairshare.words import parse_year

# The table of findings


def test_numbers_of_findings():
    """Findings are numbered I01, I02 and so on; each number is used once and has a meaning of one line."""
    codes = [code for code in FindingCode if code.number.startswith("I")]
    numbers = [code.number for code in codes]
    assert numbers == sorted(set(numbers))
    assert all(re.fullmatch(r"I[0-9]{2}", number) for number in numbers)
    assert all(code.meaning and "\n" not in code.meaning for code in codes)


# Plain files


def test_population_and_spend(folder):
    """Plain files give one table, sorted by code, with code and name as texts and figures as numbers."""
    inputs = folder.read(POPULATION, TOTALS)

    table = inputs.tables["2014/15"]
    assert table.schema == {
        "org_code": pl.String,
        "org_name": pl.String,
        "registered_population": pl.Float64,
        "historic_spend": pl.Float64,
    }
    assert table.rows() == [("00C", "Darlington", 100.0, 10.5), ("00D", "Durham Dales", 200.0, 20.0)]
    assert inputs.lines is None
    assert inputs.restated == ()
    assert [(c.name, c.kind, c.unit, c.table, c.file) for c in inputs.columns.values()] == [
        ("registered_population", "number", "people", "population", "population.csv"),
        ("historic_spend", "number", "£", "spend", "spend.csv"),
    ]


def test_sources(folder):
    """A source has its base name, digest, rows, and headings with their columns."""
    inputs = folder.read(POPULATION)

    (source,) = inputs.sources
    assert (source.role, source.file, source.sheet, source.rows) == ("population", "population.csv", "", 2)
    # calculated with sha256sum
    assert source.sha256 == "b973f69ab233241cf9785f7c66f0bac145b891ab6d6160fd2adb2cc0c58e5ca8"
    assert source.matched[0] == ("org_code", "org_code")


def test_origins_of_text_files(folder):
    """The origin of a value is its row as in a spreadsheet: the headings are row 1."""
    inputs = folder.read(POPULATION, TOTALS)

    assert inputs.origins["2014/15", "00C", "registered_population"] == "population.csv row 2"
    assert inputs.origins["2014/15", "00D", "historic_spend"] == "spend.csv row 3"


def test_blank_rows_count_as_rows(folder):
    """Blank rows are skipped, but later rows keep their number."""
    inputs = folder.read("\norg_code,registered_population\n\n00C,5\n,\n\n00D,6\n\n")

    assert inputs.origins["2014/15", "00C", "registered_population"] == "population.csv row 4"
    assert inputs.origins["2014/15", "00D", "registered_population"] == "population.csv row 7"


@pytest.mark.parametrize("code", ["00C", "01E", "1E5", "5E1", "0123", "01E05", "TRUE", "1,5", "É 1"])
def test_codes_are_text_from_the_first_byte(folder, code):
    """A code is read without change, even if it looks like a number or a date."""
    inputs = folder.read(f'org_code,registered_population\n"{code}",5\n')

    assert inputs.tables["2014/15"]["org_code"].to_list() == [code]


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_utf8_with_and_without_mark(folder, mark):
    """UTF-8 is read with and without a byte order mark; names keep their letters."""
    text = "org_code,org_name,registered_population\n00C,Sant Andreu é – ŵ,5\n"
    inputs = folder.read(folder.file("people.csv", mark + text.encode()))

    assert inputs.tables["2014/15"]["org_name"].to_list() == ["Sant Andreu é – ŵ"]


def test_tabs(folder):
    """A .tsv file has tabs between its cells."""
    inputs = folder.read(folder.file("people.tsv", "org_code\torg_name\tlist size\n00C\tA, B\t5\n"))

    assert inputs.tables["2014/15"].rows() == [("00C", "A, B", 5.0)]


def test_quoted_line_breaks_and_endings(folder):
    """Windows line ends are read, and a quoted separator belongs to its cell."""
    inputs = folder.read('org_code,org_name,registered_population\r\n00C,"A, ""B""",5\r\n')

    assert inputs.tables["2014/15"].rows() == [("00C", 'A, "B"', 5.0)]


def test_short_rows_end_in_blank_cells(folder):
    """Cells missing at the end of a row are blank cells."""
    fault = folder.fault("org_code,registered_population\n00C,5\n00D\n")

    assert (fault.number, fault.place) == (FindingCode.BLANK.number, "row 3, registered_population")


# Files that give no cells


def test_windows_1252(folder):
    """Excel's plain "CSV" is read, and the note shows a character so that a person can check it."""
    text = "org_code,org_name,registered_population\n00C,A,5\n00D,Café,5\n"
    inputs = folder.read(folder.file("people.csv", text.encode("cp1252")))

    assert inputs.tables["2014/15"]["org_name"].to_list() == ["A", "Café"]
    assert "in Windows-1252; line 3 has 'é'" in about(inputs, FindingCode.ENCODING)[0]


@pytest.mark.parametrize(
    ("content", "place", "message"),
    [
        (b"org_code,org_name,list size\n00C,\x81,5\n", "line 2", "neither UTF-8 nor Windows-1252"),
        ("org_code,org_name,list size\n00C,Café,5\n00D,".encode() + b"\xe9,5\n", "line 3", "not UTF-8, but other"),
        (b"org_code,list size\n00C,5\x00\n", "line 2", "a zero byte"),
    ],
)
def test_text_in_no_encoding(folder, content, place, message):
    """Text in no encoding, or in two, is an error with its place and how to save it."""
    fault = folder.fault(folder.file("people.csv", content))

    assert fault.number == FindingCode.ENCODING.number
    assert place in fault.place
    assert message in fault.found
    assert "CSV UTF-8" in fault.remedy


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_wide_encodings(folder, encoding):
    """UTF-16 is read with and without a byte order mark, and UTF-32 with one."""
    inputs = folder.read(folder.file("people.csv", POPULATION.encode(encoding)))

    assert inputs.tables["2014/15"].rows() == folder.read(POPULATION).tables["2014/15"].rows()
    assert encoding[:6].upper() in about(inputs, FindingCode.ENCODING)[0]


@pytest.mark.parametrize("content", [b"", b"\n\n", b"\xef\xbb\xbf", b",,\n,,\n", b"org_code,registered_population\n"])
def test_empty_text(folder, content):
    """A file without rows is an error."""
    assert folder.fault(folder.file("people.csv", content)).number == FindingCode.EMPTY.number


@pytest.mark.parametrize("separator", [";", "\t", "|"])
def test_other_separators(folder, separator):
    """The separator is found from the rows, and reported."""
    inputs = folder.read(POPULATION.replace(",", separator))

    assert inputs.tables["2014/15"].rows() == folder.read(POPULATION).tables["2014/15"].rows()
    assert "its cells are separated by" in about(inputs, FindingCode.SEPARATORS)[0]


def test_separators_among_commas(folder):
    """Commas in titles and texts are not read as separators."""
    text = (
        "Table 1: people, places, and more, much more\norg_code;org_name;list size\n00C;Durham, Darlington;5\n00D;B;6\n"
    )
    inputs = folder.read(text)

    assert inputs.tables["2014/15"].rows() == [("00C", "Durham, Darlington", 5.0), ("00D", "B", 6.0)]


def test_first_line_names_the_separator(folder):
    """A first line `sep=;` sets the separator and is not a row; an unknown separator is an error."""
    inputs = folder.read("sep=;\norg_code;list size\n00C;5\n")
    assert inputs.origins["2014/15", "00C", "registered_population"] == "population.csv row 3"

    fault = folder.fault("sep=#\norg_code#list size\n00C#5\n")
    assert (fault.number, fault.place) == (FindingCode.SEPARATORS.number, "row 1")


def test_decimal_commas(folder):
    """Between semicolons, `1,234` may be either of two numbers; with a pound sign or two commas it is one."""
    text = "org_code;list size;historic_spend\n00C;{};{}\n"
    inputs = folder.read(text.format("1,234,567", "£1,234"), needs=(PEOPLE, SPEND))
    assert inputs.tables["2014/15"].rows() == [("00C", "", 1234567.0, 1234.0)]

    faults = folder.faults(text.format("1,234", "12,5"), needs=(PEOPLE, SPEND))
    assert [fault.place for fault in faults] == ["row 2, list size", "row 2, historic_spend"]
    assert "a decimal or thousands" in faults[0].remedy  # as of 1.234; a full stop would not help
    assert "full stop as the decimal point" in faults[1].remedy


def test_open_quotation_mark(folder):
    """An unclosed quotation mark is an error in its row, and does not take in other rows."""
    fault = folder.fault('org_code,registered_population\n00C,5\n"00D,6\n00E,7\n')

    assert (fault.number, fault.place) == (FindingCode.SEPARATORS.number, "row 3")


def test_too_many_cells(folder):
    """A row with more cells than headings is an error; the usual cause is a comma in a number."""
    fault = folder.fault("org_code,registered_population\n00C,1,234\n00D,5\n")

    assert (fault.file, fault.place) == ("population.csv", "row 2")
    assert "3 cells for 2 headings" in fault.found


def test_missing_file(folder):
    """The error about a missing file suggests similar names in its folder."""
    folder.file("population.csv", POPULATION)

    with pytest.raises(UsageError, match=r"populaton\.csv: there is no such file; did you mean population\.csv\?"):
        folder.read(str(folder.path / "populaton.csv"))
    with pytest.raises(UsageError, match=r"the folder .* does not exist"):
        folder.read(str(folder.path / "elsewhere" / "population.csv"))
    with pytest.raises(UsageError, match="cannot be found"):
        folder.read("x" * 300 + ".csv")


def test_folder_instead_of_file(folder):
    """A folder is not a file, even with the ending of one."""
    (folder.path / "people.csv").mkdir()

    with pytest.raises(UsageError, match="is a folder"):
        folder.read(str(folder.path / "people.csv"))


@pytest.mark.parametrize(
    ("name", "hint"), [("a.xls", "save the workbook as .xlsx"), ("a.pdf", ".parquet"), ("a", ".csv")]
)
def test_other_kinds_of_file(folder, name, hint):
    """A file of an unknown kind is refused, and the message lists the known kinds."""
    with pytest.raises(UsageError, match="cannot be read") as caught:
        folder.read(folder.file(name, POPULATION))
    assert hint in str(caught.value)


def test_no_file():
    """Without any file, the error names the options."""
    with pytest.raises(UsageError, match="--population"):
        read_inputs(Request(years=("2014/15",)))


def test_sheet_of_a_text_file(folder):
    """A text file has no sheets."""
    with pytest.raises(UsageError, match="has no sheets"):
        folder.read(folder.file("people.csv", POPULATION) + ":Sheet 1")


# A file and its sheet


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (r"C:\a.xlsx:Sheet 1", (r"C:\a.xlsx", "Sheet 1")),
        (r"C:\a.xlsx", (r"C:\a.xlsx", "")),
        (r"C:\my files\a.XLSX:2014-15", (r"C:\my files\a.XLSX", "2014-15")),
        (r"\\server\share\a.xlsx:Sheet 1", (r"\\server\share\a.xlsx", "Sheet 1")),
        ("a.xlsx", ("a.xlsx", "")),
        ("a:b.xlsx", ("a:b.xlsx", "")),
        ("folder/a.xlsx:Sheet:1", ("folder/a.xlsx:Sheet:1", "")),
    ],
)
def test_split_sheet(text, expected):
    """The last colon separates file and sheet, but never a drive and its path."""
    assert split_sheet(text) == expected


def test_existing_path_before_sheet(folder):
    """A file with a name that looks like FILE:SHEET is read as a file."""
    name = "old.csv:new.csv"
    inputs = folder.read(folder.file(name, POPULATION))

    assert inputs.sources[0].file == name


# Workbooks


def test_workbook(folder):
    """A workbook with one sheet needs no sheet name; origins are cells."""
    book = folder.book("people.xlsx", People=[["org_code", "org_name", "Registered Patients"], ["00C", "É", 5]])
    inputs = folder.read(book)

    assert inputs.tables["2014/15"].rows() == [("00C", "É", 5.0)]
    assert inputs.origins["2014/15", "00C", "registered_population"] == "people.xlsx:People C2"
    assert (inputs.sources[0].file, inputs.sources[0].sheet) == ("people.xlsx", "People")


def test_cells_far_from_the_corner(folder):
    """Cells keep their place if the table does not begin in A1."""
    rows = [[], [], [None, None, "org_code", "list size"], [], [None, None, "00C", "many"]]
    fault = folder.fault(folder.book("people.xlsx", Data=rows))

    assert (fault.file, fault.place) == ("people.xlsx:Data", "D5")


def test_several_sheets(folder):
    """If several sheets have a table of codes, one must be named; the error lists them."""
    rows = [["org_code", "list size"], ["00C", 5]]
    book = folder.book("people.xlsx", Notes=[["Text"]], Data=rows, Old=rows, Empty=[])

    fault = folder.fault(book)
    assert fault.number == FindingCode.SHEET.number
    assert "Notes, Data and Old" in fault.found
    assert "'FILE:Data'" in fault.remedy
    assert column(folder.read(f"{book}:Data"), "registered_population") == {"00C": 5.0}
    assert column(folder.read(f"{book}: data "), "registered_population") == {"00C": 5.0}


def test_the_only_sheet_with_a_table(folder):
    """If only one sheet has a table of codes, it is read, and the run says so."""
    book = folder.book("people.xlsx", Instructions=[["How to"]], Data=[["org_code", "list size"], ["00C", 5]])
    inputs = folder.read(book)

    assert column(inputs, "registered_population") == {"00C": 5.0}
    (note,) = about(inputs, FindingCode.SHEET)
    assert "read sheet 'Data', the only visible sheet with a table of codes; not read: Instructions" in note


def test_hidden_sheets(folder):
    """A table on a hidden sheet is not read, and a warning says so."""
    rows = [["org_code", "list size"], ["00C", 5]]

    def workbook(name, **pages):
        book = openpyxl.Workbook()
        book.remove(book.active)
        for title, (cells, state) in pages.items():
            sheet = book.create_sheet(title)
            sheet.sheet_state = state
            for row in cells:
                sheet.append(row)
        book.save(folder.path / name)
        return str(folder.path / name)

    both = folder.read(workbook("both.xlsx", Data=(rows, "visible"), Old=(rows, "hidden")))
    assert "not read: 1 hidden sheet with a table of codes (Old)" in about(both, FindingCode.HIDDEN)[0]

    fault = folder.fault(workbook("hidden.xlsx", Cover=([["Cover"], ["x"]], "visible"), Data=(rows, "hidden")))
    assert (fault.number, fault.remedy) == (
        FindingCode.SHEET.number,
        "To read a hidden sheet, name it, as in 'FILE:Data'",
    )


def test_columns_without_headings(folder):
    """Figures without a heading are not read, and the run says which column they are in."""
    inputs = folder.read("org_code,,registered_population\n00C,7,5\n")

    assert "columns without a heading are not read: B" in about(inputs, FindingCode.SEPARATORS)[0]


@pytest.mark.parametrize("code", ["01-Mar", "Mar-01", "1-Mar-14", "01/03/2014", "2014-03-01"])
def test_dates_for_codes_in_text(folder, code):
    """A code that Excel changed into a date is an error in a text file, too."""
    fault = folder.fault(f"org_code,list size\n00C,5\n{code},6\n")

    assert (fault.number, fault.place) == (FindingCode.CODE_NOT_TEXT.number, "row 3, org_code")


def test_left_out_practices(folder):
    """--leave-out matches practices before organisations; a file with no rows left is an error."""
    text = "CCG Code,Practice Code,Patients\n00C,A81001,4321\n00C,A81002,5678\n00C,00C,9999\n"
    inputs = folder.read(text, leave_out=("00C",))
    assert column(inputs, "registered_population") == {"00C": 9999.0}
    assert "left out 1 row of 00C" in about(inputs, FindingCode.LEFT_OUT)[0]

    fault = folder.fault("org_code,list size\n00C,5\n", leave_out=("00C",))
    assert (fault.number, fault.found) == (FindingCode.EMPTY.number, "all rows were left out, so none remains")


def test_unknown_sheet(folder):
    """A missing sheet is an error that lists the sheets and suggests the nearest."""
    book = folder.book("people.xlsx", **{"Sheet 1": [["a"]], "Other": [["b"]]})

    fault = folder.fault(f"{book}:Sheet 2")
    assert "'Sheet 2'; the sheets are Sheet 1 and Other" in fault.found
    assert "The nearest name is Sheet 1" in fault.remedy


def test_numbers_as_codes(folder):
    """A number or date in the code column of a workbook is an error: Excel may have changed the code."""
    rows = [
        ["org_code", "list size"],
        [7, 1],
        [100000.0, 2],
        [date(2015, 3, 1), 3],
        [True, 4],
        ["0007", 5],
    ]
    faults = folder.faults(folder.book("people.xlsx", Data=rows))

    assert {fault.number for fault in faults} == {FindingCode.CODE_NOT_TEXT.number}
    assert [fault.place for fault in faults] == ["A2", "A3", "A4", "A5"]
    assert "the date or time 2015-03-01" in faults[2].found
    assert all("01E05" in fault.found and fault.remedy for fault in faults)


def test_cells_that_are_no_numbers(folder):
    """Errors, texts, dates and yes/no values in a workbook are reported with their cell."""
    rows = [["org_code", "list size"]]
    rows += [[f"A{number}", cell] for number, cell in enumerate(["#N/A", "n/a", date(2014, 4, 1), True, "1.234,56"])]
    faults = folder.faults(folder.book("people.xlsx", Data=rows))

    assert [fault.place for fault in faults] == ["B2", "B3", "B4", "B5", "B6"]
    assert {fault.number for fault in faults} == {FindingCode.NOT_A_NUMBER.number}


def test_formulas(folder):
    """A formula is read with its stored value; without a value it is an error, and with an empty text it is blank."""
    path = folder.path / "people.xlsx"
    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet("Data")
        sheet.write_row("A1", ["org_code", "list size", "index"])
        sheet.write_row("A2", ["00C"])
        sheet.write_formula("B2", "=2+3", value=5)
        sheet.write_formula("C2", '=""', value="none")
    # Excel stores an empty text like this; XlsxWriter cannot.
    data = rezipped(path.read_bytes(), sheet1=lambda text: text.replace(b"<v>none</v>", b"<v></v>"))
    index = NeededColumn("index", "number", optional=True)

    inputs = folder.read(folder.file("stored.xlsx", data), needs=(PEOPLE, index))
    assert inputs.tables["2014/15"].rows() == [("00C", "", 5.0, None)]

    rows = [["org_code", "list size", "index"], ["00C", 5, "=2+3"]]
    fault = folder.fault(folder.book("new.xlsx", Data=rows), needs=(PEOPLE, index))
    assert (fault.place, fault.number) == ("C2", FindingCode.NOT_A_NUMBER.number)
    assert "without a stored value" in fault.found
    assert "save it again" in fault.remedy


def test_numbers_written_as_text(folder):
    """Numbers in text cells of a workbook are read, and a note says so."""
    inputs = folder.read(folder.book("people.xlsx", Data=[["org_code", "list size"], ["00C", "1,234"]]))

    assert column(inputs, "registered_population") == {"00C": 1234.0}
    assert (
        "1 number written as text or with £, commas, brackets or a size, the first in B2"
        in about(inputs, FindingCode.LOOSE_NUMBERS)[0]
    )


@pytest.mark.parametrize(
    "content", [b"not a workbook", b"PK\x03\x04 cut off", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600]
)
def test_no_workbook(folder, content):
    """A file that is not a workbook, or has a password, is an error without a traceback."""
    assert folder.fault(folder.file("people.xlsx", content)).number == FindingCode.UNREADABLE.number


def test_damaged_workbooks(folder):
    """A workbook that is cut short, or has a sheet that is not XML, is an error."""
    data = Path(folder.book("good.xlsx", Data=[["org_code", "list size"], ["00C", 5]])).read_bytes()

    for number, broken in enumerate(
        [
            data[: len(data) // 2],
            rezipped(data, sheet1=lambda text: text[:-40]),
            rezipped(data, workbook=lambda _: b""),
        ]
    ):
        assert folder.fault(folder.file(f"{number}.xlsx", broken)).number == FindingCode.UNREADABLE.number


def test_entities_are_refused(folder):
    """A workbook that declares XML entities is refused, because they can grow to any size."""
    data = Path(folder.book("good.xlsx", Data=[["org_code", "list size"], ["00C", 5]])).read_bytes()
    bomb = b'<!DOCTYPE x [<!ENTITY a "aaaaaaaa"><!ENTITY b "&a;&a;&a;">]>'
    evil = rezipped(data, sheet1=lambda text: text.replace(b"<worksheet", bomb + b"<worksheet", 1))

    fault = folder.fault(folder.file("evil.xlsx", evil))
    assert fault.number == FindingCode.UNREADABLE.number
    assert "declares XML entities" in fault.found


def test_small_files_that_unpack_to_much(folder):
    """A workbook that unpacks to more than the limit is refused before it is parsed."""
    data = Path(folder.book("good.xlsx", Data=[["org_code", "list size"], ["00C", 5]])).read_bytes()
    bomb = rezipped(data, sheet1=lambda text: text + b" " * LARGEST)

    assert len(bomb) < 1_000_000
    fault = folder.fault(folder.file("bomb.xlsx", bomb))
    assert "unpacks to 64 MB; the limit is 64 MB" in fault.found
    assert "--max-size 65" in fault.remedy


def test_parquet(folder):
    """Parquet is read with its types; rows are numbered as if below headings."""
    path = folder.path / "people.parquet"
    pl.DataFrame({"org_code": ["00C"], "org_name": ["A"], "registered_population": [5]}).write_parquet(path)
    inputs = folder.read(str(path))

    assert inputs.tables["2014/15"].rows() == [("00C", "A", 5.0)]
    assert inputs.origins["2014/15", "00C", "registered_population"] == "people.parquet row 2"


def test_parquet_errors(folder):
    """Numbers as codes, figures that are not finite and damaged files are errors in Parquet, too."""
    path = folder.path / "people.parquet"
    pl.DataFrame({"org_code": [1, 2], "list_size": [5.0, float("nan")]}).write_parquet(path)

    faults = folder.faults(str(path))
    assert [fault.place for fault in faults] == ["row 2, org_code", "row 3, org_code", "row 3, list_size"]
    assert folder.fault(folder.file("bad.parquet", b"PAR1 nothing")).number == FindingCode.UNREADABLE.number
    assert folder.fault(folder.file("none.parquet", b"")).number == FindingCode.UNREADABLE.number


# Headings


@pytest.mark.parametrize(
    ("heading", "name"),
    [
        ("CCG Code", "org_code"),
        ("CCG_CODE", "org_code"),
        ("ODS code", "org_code"),
        ("  Organisation   Code ", "org_code"),
        ("org-code", "org_code"),
        ("Code", "org_code"),
    ],
)
def test_headings_of_codes(folder, heading, name):
    """Headings are matched without case, spaces and punctuation, and the match is reported."""
    inputs = folder.read(f"{heading},registered_population\n00C,5\n")

    assert inputs.sources[0].matched[0][1] == name
    assert f"as {name}" in about(inputs, FindingCode.HEADING)[0]


@pytest.mark.parametrize(
    "heading",
    [
        "Number of Registered Patients (Last Known Figure)",
        "NUMBER_OF_PATIENTS",
        "registered patients",
        "List Size",
        "Population",
        "Registered Population",
    ],
)
def test_headings_of_population(folder, heading):
    """The population is recognised by the headings used in publications."""
    inputs = folder.read(f"org_code,{heading}\n00C,5\n")

    assert column(inputs, "registered_population") == {"00C": 5.0}


def test_no_alias_means_two_columns():
    """No heading means two columns, and none is both an alias and a weak alias."""
    aliases = [alias for entry in standard_columns().values() for alias in entry.aliases | entry.weak]

    assert len(aliases) == len(set(aliases))
    assert all(folded(name) in entry.aliases for name, entry in standard_columns().items())


def test_weak_alias_gives_way(folder):
    """A vague heading is used only if there is no clearer one."""
    inputs = folder.read("Code,CCG code,Population,list size\nX,00C,1,5\n")

    assert column(inputs, "registered_population") == {"00C": 5.0}


def test_own_name_before_alias(folder):
    """A column's own name comes before an alias, and the scheme's kind of organisation before another kind."""
    inputs = folder.read("ODS code,org_code,list size,registered_population\nX,00C,1,5\n")
    assert column(inputs, "registered_population") == {"00C": 5.0}

    inputs = folder.read("ICB code,CCG code,registered_population\nX,00C,5\n", organisation="ICB")
    assert inputs.tables["2014/15"]["org_code"].to_list() == ["X"]


def test_needed_name_before_alias(folder):
    """A heading that is exactly the name of a needed column is not read as another column."""
    inputs = folder.read("org_code,Total patients\n00C,5\n", needs=(NeededColumn("total_patients", "number"),))

    assert column(inputs, "total_patients") == {"00C": 5.0}


def test_mapping_wins(folder):
    """A heading mapped by the user comes before all other headings for the column."""
    text = "Org,registered_population,Adjusted list\n00C,1,5\n"
    inputs = folder.read(text, mapping={"adjusted LIST": "registered_population"})

    assert column(inputs, "registered_population") == {"00C": 5.0}


def test_mapping_of_no_heading(folder):
    """Mapping a heading that no file has is refused; the message suggests the nearest."""
    with pytest.raises(UsageError, match="no file has the heading 'List sise'; did you mean List size"):
        folder.read("org_code,List size\n00C,5\n", mapping={"List sise": "registered_population"})


@pytest.mark.parametrize("name", ["class", "2014", "a b", ""])
def test_mapping_to_no_name(folder, name):
    """Mapping to a text that cannot be a name in a formula is refused."""
    with pytest.raises(UsageError, match="cannot be the name of a column"):
        folder.read(POPULATION, mapping={"registered_population": name})


@pytest.mark.parametrize(
    ("heading", "name"),
    [
        ("Need Index", "need_index"),
        ("Rate (%) – 2014", "rate_2014"),
        ("  A--B__C  ", "a_b_c"),
        ("Größe", "größe"),
    ],
)
def test_plain_names(heading, name):
    """Other headings become names: small letters, and _ for each run of other characters."""
    assert plain_name(heading) == name


def test_keyword_headings(folder):
    """A heading that becomes a Python keyword gives a warning with the way to rename it."""
    inputs = folder.read("org_code,registered_population,Class\n00C,5,x\n")

    (text,) = about(inputs, FindingCode.KEYWORD)
    assert "'Class' becomes class" in text
    assert "--map 'Class=" in text


def test_duplicate_headings(folder):
    """Two headings for the same column are an error that states their places."""
    fault = folder.fault("org_code,List size,Registered patients\n00C,5,6\n")

    assert fault.number == FindingCode.DUPLICATE_HEADING.number
    assert "'List size' (column B) and 'Registered patients' (column C)" in fault.found
    assert "--map" in fault.remedy


def test_duplicate_headings_of_no_use(folder):
    """Two headings for a column that is not needed are a warning."""
    inputs = folder.read("org_code,list size,Note,note\n00C,5,a,b\n")

    assert "'Note' (column C) and 'note' (column D)" in about(inputs, FindingCode.DUPLICATE_HEADING)[0]


def test_letters():
    """Columns are lettered as in a spreadsheet."""
    assert [letters(index) for index in (0, 25, 26, 51, 52, 701, 702, 16383)] == [
        *("A", "Z", "AA", "AZ", "BA", "ZZ", "AAA", "XFD"),
    ]


def test_missing_column(folder):
    """A missing column is an error with the headings of the file, the nearest one and the remedy."""
    fault = folder.fault("org_code,registred_populaton\n00C,5\n")

    assert fault.number == FindingCode.MISSING_COLUMN.number
    assert fault.file == "population.csv"
    assert "the headings are 'org_code' and 'registred_populaton'" in fault.found
    assert "nearest is 'registred_populaton'" in fault.found
    assert "--map 'HEADING=registered_population'" in fault.remedy


def test_missing_file_for_a_column(folder):
    """If no file of an option is given, the error says which option gives the column."""
    assert "--spend FILE" in folder.fault(POPULATION, needs=(PEOPLE, SPEND)).remedy
    assert "--population FILE" in folder.fault(None, TOTALS, needs=(PEOPLE, SPEND)).remedy


def test_missing_code_column(folder):
    """A file must have codes."""
    fault = folder.fault("Name,list size\nA,5\n", TOTALS)

    assert fault.number == FindingCode.MISSING_COLUMN.number
    assert "no column org_code; the headings are 'Name' and 'list size'" in fault.found


def test_column_in_two_files(folder):
    """A column in two files is an error."""
    fault = folder.fault(POPULATION, "org_code,historic_spend,registered_population\n00C,1,1\n00D,1,1\n")

    assert fault.number == FindingCode.TWO_FILES.number
    assert "population.csv and spend.csv" in fault.found


def test_any_column_from_any_file(folder):
    """Columns may come from any of the files; a population file may be enough."""
    inputs = folder.read("org_code,list size,historic_spend\n00C,5,6\n", needs=(PEOPLE, SPEND))

    assert inputs.tables["2014/15"].rows() == [("00C", "", 5.0, 6.0)]
    assert inputs.columns["historic_spend"].table == "population"


def test_faults_in_columns_of_no_use(folder):
    """Cells of a column that is not needed do no harm and are not in the tables."""
    inputs = folder.read("org_code,list size,Remarks,weighted_population\n00C,5,#N/A,none\n")

    assert inputs.tables["2014/15"].columns == ["org_code", "org_name", "registered_population"]


def test_further_columns(folder):
    """Further files give any column by code, including area_team and texts to keep."""
    inputs = folder.read(
        "org_code,area_team,Region,list size\n00C,Durham,North,5\n",
        extra="org_code,Need Index\n00C,1.25\n",
        needs=(PEOPLE, NeededColumn("need_index", "number")),
        keep_text=("region", "tier"),
    )

    assert inputs.tables["2014/15"].rows() == [("00C", "", 5.0, 1.25, "Durham", "North")]
    assert list(inputs.columns) == ["registered_population", "need_index", "area_team", "region"]
    assert inputs.columns["need_index"].table == "input"


def test_file_of_no_use(folder):
    """A file without a used column is not read, even with errors, and a note says so."""
    inputs = folder.read(POPULATION, "org_code,historic_spend\n99Z,none\n99Z,\n", needs=(PEOPLE,))

    assert "spend.csv: no column of this file is used" in about(inputs, FindingCode.UNUSED)[0]


# Cells


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("5", 5.0),
        (" 5 ", 5.0),
        ("1234.56", 1234.56),
        ("0.5", 0.5),
        ("£1,234", 1234.0),
        ("£5", 5.0),
        ("12,345,678.90", 12345678.9),
        ("999999999999999", 999999999999999.0),
        ("-0", 0.0),
        (".5", 0.5),
        ("+5", 5.0),
        ("GBP 5", 5.0),
        ("£ 5", 5.0),
        ("1\u00a0234", 1234.0),
        ("1\u2009234\u2009567.5", 1234567.5),
        ("1\u202f234", 1234.0),
        ("£4.2m", 4200000.0),
        ("4.35k", 4350.0),
        ("£1.2bn", 1200000000.0),
        ("£3 million", 3000000.0),
        ("-", 0.0),
        ("–", 0.0),
        ("£-", 0.0),
    ],
)
def test_numbers(folder, text, number):
    """Numbers are read as finance writes them, if they have one meaning."""
    inputs = folder.read(f'org_code,registered_population\n00C,"{text}"\n')

    (value,) = inputs.tables["2014/15"]["registered_population"]
    assert repr(value) == repr(number)


NOT_NUMBERS = """
n/a|1.234,56|1,23|1234,567|12%|nan|inf|-inf|1e400|1E5|1E+05|#N/A|TRUE|0x10|1_000|£|(5|5 CR|1 234|1'234|٣|1.|--5
|-(5)|(-5)|-5-|2014-04-01|12/13|1000000000000000|£4.2mm|4.2 £m|$5|5*|5 [note 1]|1,234 567|1.2.3|5k%
"""


@pytest.mark.parametrize("text", NOT_NUMBERS.replace("\n", "").split("|"))
def test_no_numbers(folder, text):
    """A cell that is not a plain number is an error with its place; nothing is guessed."""
    fault = folder.fault(f'org_code,registered_population\n00C,5\n00D,"{text}"\n')

    assert (fault.number, fault.place) == (FindingCode.NOT_A_NUMBER.number, "row 3, registered_population")
    assert fault.expected


@pytest.mark.parametrize("text", ["(5)", "(£5)", "£(5)", "−5", "–5", "-£5", "£-5", "5-", "(5.00)"])
def test_signs_that_mean_negative(folder, text):
    """Brackets and every kind of minus sign mean negative: an error for people, accepted for other numbers."""
    change = NeededColumn("change", "number")
    inputs = folder.read(f'org_code,list size,change\n00C,5,"{text}"\n', needs=(PEOPLE, change))
    assert column(inputs, "change") == {"00C": -5.0}

    fault = folder.fault(f'org_code,list size\n00C,"{text}"\n')
    assert fault.number == FindingCode.NEGATIVE.number


def test_percentages(folder):
    """A percentage is accepted as a ratio, but not as an amount of money or people."""
    growth = NeededColumn("growth", "number")
    inputs = folder.read("org_code,list size,growth\n00C,5,12.5%\n00D,5,-0.1 %\n", needs=(PEOPLE, growth))

    assert column(inputs, "growth") == {"00C": 0.125, "00D": -0.001}


def test_negative_numbers(folder):
    """Negative people and money are errors; other numbers may be negative."""
    growth = NeededColumn("growth", "number")
    rows = "org_code,registered_population,historic_spend,growth\n00C,-1,-£5,-0.5\n"
    faults = folder.faults(rows, needs=(PEOPLE, SPEND, growth))

    assert [(fault.number, fault.place) for fault in faults] == [
        (FindingCode.NEGATIVE.number, "row 2, registered_population"),
        (FindingCode.NEGATIVE.number, "row 2, historic_spend"),
    ]


def test_units_of_the_headings_file(folder):
    """If the scheme gives no unit, the column decides between people and pounds."""
    inputs = folder.read(POPULATION, needs=(NeededColumn("registered_population", "number"),))

    assert inputs.columns["registered_population"].unit == "people"


def test_optional_columns(folder):
    """Only optional columns may be blank or missing; both are null."""
    some = NeededColumn("some", "number", optional=True)
    none = NeededColumn("none", "text", optional=True)
    inputs = folder.read("org_code,some,list size\n00C,,5\n00D,2,6\n", needs=(PEOPLE, some, none))

    assert inputs.tables["2014/15"].rows() == [("00C", "", 5.0, None, None), ("00D", "", 6.0, 2.0, None)]
    assert inputs.tables["2014/15"].schema["none"] == pl.String
    assert inputs.columns["none"].file == ""


def test_faults_in_optional_columns(folder):
    """An optional cell may be blank, but not wrong."""
    some = NeededColumn("some", "number", optional=True)

    assert folder.fault("org_code,list size,some\n00C,5,n/a\n", needs=(PEOPLE, some)).place == "row 2, some"


def test_text_columns(folder):
    """Texts that the scheme uses must not be blank and must be texts; digits in a text column are a text."""
    tier = NeededColumn("tier", "text")
    rows = [
        ["org_code", "tier"],
        ["00C", "island"],
        ["00D", 2],
        ["00E", None],
        ["00F", 1.5],
        ["00G", "#REF!"],
    ]
    faults = folder.faults(folder.book("people.xlsx", Data=rows), needs=(tier,))
    assert [(fault.place, fault.number) for fault in faults] == [
        ("B4", FindingCode.BLANK.number),
        ("B5", FindingCode.TEXT.number),
        ("B6", FindingCode.TEXT.number),
    ]

    inputs = folder.read(folder.book("two.xlsx", Data=rows[:3]), needs=(tier,))
    assert column(inputs, "tier") == {"00C": "island", "00D": "2"}


def test_trimmed_texts(folder):
    """Spaces around codes and names are removed; one note states the first place."""
    inputs = folder.read("org_code,org_name,registered_population\n 00C , Ash ,5\n00D\u00a0,Elm,6\n")

    assert inputs.tables["2014/15"].rows() == [("00C", "Ash", 5.0), ("00D", "Elm", 6.0)]
    assert about(inputs, FindingCode.TRIMMED) == [
        "population.csv: removed the spaces around 3 texts, the first in row 2, org_code."
    ]


@pytest.mark.parametrize("sign", ["\n", "\t", "\x07", "\x7f", "\u200b", "\u2028", "\u202e"])
def test_signs_that_cannot_be_seen(folder, sign):
    """Control characters, line breaks and invisible characters in a code or name are errors."""
    faults = folder.faults(f'org_code,org_name,registered_population\n"0{sign}C","A{sign}B",5\n')

    assert [(fault.number, fault.place) for fault in faults] == [
        (FindingCode.TEXT.number, "row 2, org_code"),
        (FindingCode.TEXT.number, "row 2, org_name"),
    ]
    assert sign not in str(faults[0])


def test_lengths(folder):
    """A code may have 100 characters and a name 500, and no more."""
    row = "{},{},5\n"
    text = "org_code,org_name,registered_population\n"
    folder.read(text + row.format("C" * 100, "N" * 500))

    faults = folder.faults(text + row.format("C" * 101, "N" * 501))
    assert [fault.expected for fault in faults] == ["at most 100", "at most 500"]


def test_blank_codes(folder):
    """A row with figures and no code is an error, unless it is the sum of the others."""
    fault = folder.fault("org_code,registered_population\n00C,5\n,5\n")

    assert (fault.number, fault.place) == (FindingCode.BLANK_CODE.number, "row 3, org_code")
    assert "total" in fault.remedy


def test_codes_that_differ_in_case(folder):
    """Codes that differ only in case are an error, within a file and between files."""
    fault = folder.fault("org_code,registered_population\n0a,5\n0A,6\n")
    assert fault.number == FindingCode.CODE_CASE.number
    assert "'0A' (population.csv row 3) and '0a' (population.csv row 2)" in fault.found

    faults = folder.faults(POPULATION, TOTALS.replace("00C", "00c"))
    assert FindingCode.CODE_CASE.number in {fault.number for fault in faults}


# Rows and organisations


def test_duplicate_rows(folder):
    """Two rows of one organisation are an error that names both."""
    fault = folder.fault("org_code,registered_population\n00C,5\n00D,6\n00C,5\n")

    assert (fault.number, fault.place) == (FindingCode.DUPLICATE_ROW.number, "row 4, org_code")
    assert "00C is already in population.csv row 2" in fault.found


def test_duplicate_rows_are_reported_once(folder):
    """Repeated rows used for two years are reported once; rows of different years are not repeats."""
    folder.fault("org_code,list size\n00C,5\n00C,6\n", years=("2014/15", "2015/16"))
    folder.read("org_code,year,list size\n00C,2014/15,5\n00C,2015/16,6\n", years=("2014/15", "2015/16"))


def test_organisations_in_one_file_alone(folder):
    """An organisation missing from one file is an error with its row in the other, in both directions."""
    faults = folder.faults(POPULATION, "org_code,org_name,historic_spend\n00D,,1\n99Z,Zed,2\n")

    assert [(fault.number, fault.file, fault.place) for fault in faults] == [
        (FindingCode.ONE_SIDED.number, "population.csv", "row 2, org_code"),
        (FindingCode.ONE_SIDED.number, "spend.csv", "row 3, org_code"),
    ]
    assert "Darlington (00C) is not in spend.csv" in faults[0].found
    assert "Zed (99Z) is not in population.csv" in faults[1].found


def test_optional_files_may_lack_organisations(folder):
    """If all columns of a file are optional, it need not have every organisation."""
    some = NeededColumn("some", "number", optional=True)
    inputs = folder.read(POPULATION, extra="org_code,some\n00D,3\n", needs=(PEOPLE, some))

    assert column(inputs, "some") == {"00C": None, "00D": 3.0}


def test_rows_of_optional_organisations(folder):
    """If nothing needed is missing, organisations that only another file has are left out with a warning."""
    some = NeededColumn("some", "number", optional=True)
    inputs = folder.read("org_code,some\n00C,1\n", TOTALS, needs=(some, SPEND))

    assert inputs.tables["2014/15"]["org_code"].to_list() == ["00C"]
    assert "00D is not in population.csv and is left out" in about(inputs, FindingCode.ONE_SIDED)[0]


def test_organisations_without_population_file(folder):
    """Without a population file, the spend file gives the organisations, else the first other file."""
    assert column(folder.read(None, TOTALS), "historic_spend") == {"00C": 10.5, "00D": 20.0}
    inputs = folder.read(extra="org_code,x\n00C,1\n", needs=(NeededColumn("x", "number"),))
    assert column(inputs, "x") == {"00C": 1.0}


def test_files_that_are_stacked(folder):
    """Several population files are one table, and each must have the columns."""
    north, south = "org_code,list size\n00C,5\n", "org_code,list size\n99Z,6\n"

    inputs = folder.read([north, south])
    assert column(inputs, "registered_population") == {"00C": 5.0, "99Z": 6.0}
    assert inputs.columns["registered_population"].file == "population.csv, population1.csv"
    assert folder.fault([north, north]).place == "row 2, org_code"
    assert folder.fault([north, "org_code,size\n99Z,6\n"]).file == "population1.csv"


def test_spend_without_patients(folder):
    """Spend of an organisation without patients is an error; no patients and no spend is a warning."""
    people = POPULATION.replace("100", "0")

    fault = folder.fault(people, TOTALS)
    assert (fault.number, fault.place) == (FindingCode.NO_PATIENTS.number, "row 2, registered_population")
    assert "spend.csv row 2" in fault.found
    inputs = folder.read(people, TOTALS.replace("10.50", "0"))
    assert [finding.level for finding in inputs.findings if finding.number == "I24"] == ["warning"]


def test_all_errors_in_one_run(folder):
    """One run finds every error of every file, with file, place, what was found, expected and what to do."""
    people = "org_code,Org Name,list size\n00C,A,\n00D,B,12%\n00D,C,5\n00E,D,5\n,E,5\n00F,F,5,6\n"
    faults = folder.faults(people, "org_code,historic_spend\n00C,-1\n00D,1\n99Z,1\n00F,x\n")

    assert [(fault.number, fault.file, fault.place) for fault in faults] == [
        ("I05", "population.csv", "row 7"),
        ("I17", "population.csv", "row 2, list size"),
        ("I16", "population.csv", "row 3, list size"),
        ("I12", "population.csv", "row 6, org_code"),
        ("I15", "population.csv", "row 4, org_code"),
        ("I18", "spend.csv", "row 2, historic_spend"),
        ("I16", "spend.csv", "row 5, historic_spend"),
        ("I23", "population.csv", "row 5, org_code"),
        ("I23", "spend.csv", "row 4, org_code"),
    ]
    assert all(fault.expected or fault.remedy for fault in faults)


def test_notes_come_with_errors(folder):
    """Notes made before an error was found are kept."""
    with pytest.raises(InputError, match=r"^population\.csv: row 2, list size: the cell is blank") as caught:
        folder.read("org_code,list size\n00C,\n")

    assert {finding.level for finding in caught.value.findings} == {"note", "error"}


def test_names_that_are_needed(folder):
    """If a step uses names, each organisation must have one."""
    needs = (PEOPLE, NeededColumn("org_name", "text"))

    assert "no org_name for 00C" in folder.fault("org_code,Name,list size\n00C,,5\n00D,D,6\n", needs=needs).found
    assert folder.read(POPULATION, needs=needs).tables["2014/15"].width == 3


# Years


@pytest.mark.parametrize(
    ("text", "year"),
    [
        ("2014/15", "2014/15"),
        ("2014-15", "2014/15"),
        ("2014–15", "2014/15"),
        ("2014/2015", "2014/15"),
        ("2014-2015", "2014/15"),
        ("201415", "2014/15"),
        (201415, "2014/15"),
        ("FY2014-15", "2014/15"),
        ("fy 2014/15", "2014/15"),
        (" 2014/15 ", "2014/15"),
        ("1999/00", "1999/00"),
        ("1999/2000", "1999/00"),
        ("2014/16", None),
        ("2014", None),
        (2014, None),
        ("14/15", None),
        ("2015/14", None),
        ("2014/2115", None),
        ("2014/15/16", None),
        ("", None),
        (None, None),
        (True, None),
        (2014.5, None),
        (date(2014, 4, 1), None),
    ],
)
def test_parse_year(text, year):
    """A financial year is read in its usual spellings, and only if the second part follows the first."""
    assert parse_year(text) == year


def test_year_start():
    """A financial year begins on 1 April; any other text is refused."""
    assert year_start("2014/15") == date(2014, 4, 1)
    assert year_start("1999/00") == date(1999, 4, 1)
    with pytest.raises(UsageError, match="2014/15"):
        year_start("2014")


def test_rows_by_year(folder):
    """With a year column each year has its own rows; other years are left out with a note."""
    text = "FY,org_code,list size\n2014-15,00C,1\n201516,00C,2\n2016/17,00C,3\n2016/17,00D,4\n"
    inputs = folder.read(text, years=("2014/15", "2015/16"))

    assert [column(inputs, "registered_population", year) for year in inputs.years] == [
        {"00C": 1.0},
        {"00C": 2.0},
    ]
    assert inputs.origins["2015/16", "00C", "registered_population"] == "population.csv row 3"
    assert "left out 2 rows of 2016/17" in about(inputs, FindingCode.OTHER_YEARS)[0]


@pytest.mark.parametrize("text", [POPULATION, "year,org_code,list size\n,00C,1\n,00D,2\n"])
def test_rows_without_year(folder, text):
    """Without a year column, or with a blank one, rows are used for every year, and a note says so."""
    inputs = folder.read(text, years=("2014/15", "2015/16"))

    assert inputs.tables["2014/15"].equals(inputs.tables["2015/16"])
    assert "are used for every year of the scheme: 2014/15 and 2015/16" in about(inputs, FindingCode.EVERY_YEAR)[0]


def test_some_years_blank(folder):
    """Years in some rows only are an error."""
    fault = folder.fault("year,org_code,list size\n2014/15,00C,1\n,00D,2\n,00E,2\n")

    assert (fault.number, fault.place) == (FindingCode.YEAR.number, "row 3, year")
    assert "blank here and in 1 other row" in fault.found


def test_years_that_cannot_be_read(folder):
    """A year that cannot be read is an error with its place."""
    fault = folder.fault("year,org_code,list size\n2014/15,00C,1\n2014/16,00D,2\n")

    assert (fault.number, fault.place) == (FindingCode.YEAR.number, "row 3, year")


def test_missing_years(folder):
    """A year of the scheme that a file lacks is an error that names the file's years."""
    text = "year,org_code,list size\n2014/15,00C,1\n2016/17,00C,1\n"
    fault = folder.fault(text, years=("2014/15", "2015/16", "2017/18"))

    assert fault.number == FindingCode.MISSING_YEAR.number
    assert "no rows for 2015/16 and 2017/18; the file has rows for 2014/15 and 2016/17" in fault.found


def test_files_of_a_year_each(folder):
    """Files with one year each together give all years."""
    texts = [f"year,org_code,list size\n{year},00C,{size}\n" for year, size in (("2014/15", 1), ("2015/16", 2))]
    inputs = folder.read(texts, years=("2014/15", "2015/16"))

    assert column(inputs, "registered_population", "2015/16") == {"00C": 2.0}


def test_faults_of_one_year(folder):
    """An organisation missing in only one year is named with this year."""
    people = "year,org_code,list size\n2014/15,00C,1\n2014/15,00D,1\n2015/16,00C,1\n2015/16,00D,1\n"
    spend = "year,org_code,historic_spend\n2014/15,00C,1\n2014/15,00D,1\n2015/16,00C,1\n"
    fault = folder.fault(people, spend, years=("2014/15", "2015/16"))

    assert "00D is not in spend.csv for 2015/16" in fault.found
    assert fault.place == "row 5, org_code"


def test_organisations_that_come_and_go(folder):
    """Organisations that opened or closed between years are named, with the merger if it is known."""
    people = "year,org_code,org_name,list size\n" + "".join(
        f"{year},{code},{name},1\n"
        for year, codes in (
            ("2014/15", {"00F": "Gateshead", "00G": "East", "00H": "West", "X1": "Old", "00C": "D"}),
            ("2015/16", {"13T": "Newcastle Gateshead", "X2": "New", "00C": "D"}),
        )
        for code, name in codes.items()
    )
    inputs = folder.read(people, years=("2014/15", "2015/16"))

    assert about(inputs, FindingCode.CHANGES) == [
        (
            "population.csv: 5 in 2014/15 and 3 in 2015/16: Gateshead (00F), East (00G) and West (00H) "
            "became Newcastle Gateshead (13T) on 1 April 2015; new: New (X2); gone: Old (X1)."
        )
    ]


# Lines of cost


def test_lines(folder):
    """The spend is the sum of counted lines; lines left out are reported by reason."""
    inputs = folder.read(POPULATION, LINES, counts=COUNTS)

    assert column(inputs, "historic_spend") == {"00C": 10.1, "00D": 20.2}
    assert about(inputs, FindingCode.NOT_COUNTED) == [
        (
            "spend.csv: left out of historic spend: £12 of £42.30, in 2 lines: "
            "£5 with cost_type capital; of the others, £7 with committed no."
        )
    ]
    assert inputs.origins["2014/15", "00C", "historic_spend"] == "1 row of spend.csv"


def test_many_reasons_for_leaving_lines_out_are_counted(folder):
    """Of 25 kinds of cost that a scheme does not count, 20 are listed and 5 counted, so that the note stays short."""
    lines = "org_code,category,amount\n00C,core,10\n00D,core,20\n"
    lines += "".join(f"00C,kind {number:02},1\n" for number in range(25))
    inputs = folder.read(POPULATION, lines, counts={"category": ("core",)})
    (note,) = about(inputs, FindingCode.NOT_COUNTED)

    assert note.startswith("spend.csv: left out of historic spend: £25 of £55, in 25 lines: £1 with category kind 00; ")
    assert note.endswith("; of the others, £1 with category kind 19; and for 5 more reasons.")


def test_table_of_lines(folder):
    """All lines are kept with their words in small letters, their row, and whether they are counted."""
    lines = folder.read(POPULATION, LINES, counts=COUNTS).lines

    assert lines.columns == [
        *(
            "year",
            "org_code",
            "amount",
            "category",
            "cost_type",
            "committed",
            "counts",
            "basis",
            "row",
            "file",
            "predecessor",
            "description",
        ),
    ]
    assert lines.rows() == [
        (None, "00C", 5.0, "core", "capital", "yes", False, None, 3, "spend.csv", None, None),
        (None, "00C", 10.1, "core", "revenue", "yes", True, None, 2, "spend.csv", None, None),
        (None, "00D", 20.2, "core", "revenue", "yes", True, None, 5, "spend.csv", None, None),
        (None, "00D", 7.0, "other", "revenue", "no", False, None, 4, "spend.csv", None, None),
    ]


def test_lines_that_count_by_category(folder):
    """A scheme may count by category; without a rule every line is counted."""
    inputs = folder.read(POPULATION, LINES, counts={"category": ("CORE",)})
    assert column(inputs, "historic_spend") == {"00C": 15.1, "00D": 20.2}

    inputs = folder.read(POPULATION, LINES)
    assert column(inputs, "historic_spend") == {"00C": 15.1, "00D": 27.2}
    assert inputs.origins["2014/15", "00C", "historic_spend"] == "2 rows of spend.csv"


def test_no_line_counts(folder):
    """An organisation without counted lines has a spend of 0, and a warning says so."""
    inputs = folder.read(POPULATION, LINES.replace("YES", "no"), counts=COUNTS)

    assert column(inputs, "historic_spend") == {"00C": 0.0, "00D": 20.2}
    assert "no line of 00C counts" in about(inputs, FindingCode.NONE_COUNTED)[0]
    assert inputs.origins["2014/15", "00C", "historic_spend"] == "none of 2 rows of spend.csv"


def test_every_line_of_cost_left_out(folder):
    """A file of lines with no rows left is an error, like any file without rows."""
    lines = "org_code,category,amount\n00C,Hardware,5.25\n00C,Software,7.5\n"

    faults = folder.faults(None, lines, leave_out=("00C",))

    assert [str(fault).partition(";")[0] for fault in faults] == ["spend.csv: all rows were left out, so none remains"]


def test_words_of_lines(folder):
    """An unknown word, or a blank where it decides, is an error with its place."""
    text = "org_code,cost_type,committed,amount\n00C,rent,maybe,1\n00D,revenue,,2\n00D,,yes,2\n"
    faults = folder.faults(POPULATION, text, counts=COUNTS)

    assert [(fault.number, fault.place) for fault in faults] == [
        (FindingCode.LINE.number, "row 2, cost_type"),
        (FindingCode.LINE.number, "row 2, committed"),
        (FindingCode.BLANK.number, "row 3, committed"),
        (FindingCode.BLANK.number, "row 4, cost_type"),
    ]
    assert faults[0].expected == "revenue or capital"
    assert faults[1].expected == "yes or no"


def test_missing_column_of_a_rule(folder):
    """A column that decides which lines are counted must be in the file."""
    fault = folder.fault(POPULATION, "org_code,cost_type,amount\n00C,revenue,1\n00D,revenue,2\n", counts=COUNTS)

    assert fault.number == FindingCode.MISSING_COLUMN.number
    assert "no column committed" in fault.found


def test_faulty_lines(folder):
    """A line with a negative amount, or without one, is an error."""
    text = "org_code,amount\n00C,-1\n00D,\n"

    assert [fault.number for fault in folder.faults(POPULATION, text)] == ["I18", "I17"]


def test_totals_cannot_be_checked(folder):
    """If spend is given as totals, a note says that the scheme's rule cannot be checked."""
    inputs = folder.read(POPULATION, TOTALS, counts=COUNTS)

    assert "cost_type revenue and committed yes" in about(inputs, FindingCode.TOTALS_GIVEN)[0]


def test_two_files_of_lines(folder):
    """Lines of one organisation may be in two files."""
    inputs = folder.read(POPULATION, ["org_code,amount\n00C,0.1\n00D,1\n", "org_code,amount\n00C,0.2\n00D,1\n"])

    assert column(inputs, "historic_spend") == {"00C": 0.3, "00D": 2.0}
    assert inputs.lines.height == 4


def test_other_numbers_in_files_of_lines(folder):
    """A figure next to lines of cost is an error: it may be for one line or for all."""
    forecast = NeededColumn("forecast", "number", "£")
    text = "org_code,amount,forecast\n00C,1,9\n00C,2,9\n00D,3,9\n"

    assert folder.fault(POPULATION, text, needs=(PEOPLE, SPEND, forecast)).number == FindingCode.NOT_SUMMED.number


def test_illustrative_figures(folder):
    """A sentence names a file with rows marked illustrative."""
    text = "org_code,amount,basis\n00C,1,Illustrative\n00C,2,from the ledger\n00D,3,illustrative: £2 a head\n"
    inputs = folder.read(POPULATION, text)

    assert inputs.illustrative == ("spend.csv: 2 of 3 rows are marked illustrative.",)
    assert folder.read(POPULATION, TOTALS).illustrative == ()


def test_exact_totals():
    """Sums are exact before rounding, so the order of rows has no effect."""
    draw = repeatable(7)
    numbers = [round(draw.uniform(0, 10 ** draw.randint(0, 12)), 2) for _ in range(500)]
    expected = float(sum(Fraction(str(number)) for number in numbers))

    for _ in range(5):
        draw.shuffle(numbers)
        assert exact_total(numbers) == expected
    assert exact_total([0.1] * 3) == 0.3
    assert exact_total([1e14, 0.01, -1e14]) == 0.01
    assert exact_total([]) == 0.0


# Practices

PRACTICES = """practice_code,practice_name,org_code,org_name,area_team,registered_population
P1,One,00C,Darlington,North,10
P2,Two,00D,Durham,North,20.5
P3,Three,00C,Darlington,North,0
"""


def test_practices(folder):
    """Rows of practices are summed to organisations; notes say so and name practices without patients."""
    inputs = folder.read(PRACTICES)

    assert inputs.tables["2014/15"].rows() == [
        ("00C", "Darlington", 10.0, "North"),
        ("00D", "Durham", 20.5, "North"),
    ]
    assert inputs.origins["2014/15", "00C", "registered_population"] == "2 rows of population.csv"
    assert inputs.origins["2014/15", "00D", "registered_population"] == "population.csv row 3"
    assert about(inputs, FindingCode.PRACTICES) == ["population.csv: summed 3 practices to 2 CCGs."]
    assert about(inputs, FindingCode.NO_PATIENTS) == ["population.csv: 1 practice without patients: P3."]


def test_practices_of_two_years(folder):
    """Practices are summed within each year."""
    text = "year,practice code,CCG code,patients\n2014/15,P1,00C,1\n2014/15,P2,00C,2\n2015/16,P1,00C,4\n"
    inputs = folder.read(text, years=("2014/15", "2015/16"))

    assert [column(inputs, "registered_population", year) for year in inputs.years] == [
        {"00C": 3.0},
        {"00C": 4.0},
    ]
    assert "2 practices to 1 CCG in 2014/15, 1 practice to 1 CCG in 2015/16" in about(inputs, FindingCode.PRACTICES)[0]


def test_practices_with_rates(folder):
    """A rate, or a number without a unit, cannot be summed over practices."""
    rate = NeededColumn("rate", "number", "ratio")
    fault = folder.fault(
        PRACTICES.replace("practice_name", "rate").replace("One", "1").replace("Two", "2").replace("Three", "3"),
        needs=(PEOPLE, rate),
    )

    assert fault.number == FindingCode.NOT_SUMMED.number
    assert "rate is a rate or has no unit" in fault.found


def test_practices_with_other_sums(folder):
    """Every column of money or people is summed; a blank optional cell is reported, not read as 0."""
    need = NeededColumn("rent", "number", "£", optional=True)
    text = "practice_code,org_code,rent,list size\nP1,00C,1.5,1\nP2,00C,,1\nP3,00D,,1\nP4,00E,2,1\n"
    inputs = folder.read(text, needs=(PEOPLE, need))

    assert column(inputs, "rent") == {"00C": 1.5, "00D": None, "00E": 2.0}
    assert "blank in 1 of the 2 rows of 00C" in about(inputs, FindingCode.PARTLY_BLANK)[0]


def test_texts_of_practices(folder):
    """A text that differs within an organisation is left out with a warning, or an error if it is needed."""
    text = PRACTICES.replace("Three,00C,Darlington,North", "Three,00C,Darlo,South")
    inputs = folder.read(text)

    assert inputs.tables["2014/15"].columns == ["org_code", "org_name", "registered_population"]
    assert inputs.tables["2014/15"]["org_name"].to_list() == ["", "Durham"]
    assert len(about(inputs, FindingCode.TEXTS_DIFFER)) == 2
    fault = folder.fault(text, needs=(PEOPLE, NeededColumn("area_team", "text")))
    assert fault.found == "the rows of 00C have different texts: 'North' and 'South'"


def test_duplicate_practices(folder):
    """A practice may appear once a year, under any organisation, and needs a code."""
    fault = folder.fault(PRACTICES.replace("P3", "P1"))
    assert (fault.number, fault.place) == (FindingCode.DUPLICATE_ROW.number, "row 4, practice_code")
    assert "population.csv row 2" in fault.found
    assert folder.fault(PRACTICES.replace("P3", "")).number == FindingCode.BLANK_CODE.number
    assert folder.fault(PRACTICES.replace("P3", "p1")).number == FindingCode.CODE_CASE.number


def test_practices_without_organisation(folder):
    """Practices cannot be summed without organisations."""
    fault = folder.fault("practice_code,list size\nP1,5\n")

    assert "code of each practice's organisation" in fault.expected


def test_practices_as_the_organisations(folder):
    """In a scheme for practices, each row is a practice, and its organisation is a text column."""
    inputs = folder.read(PRACTICES, organisation="Practice", keep_text=("parent_code",))

    assert inputs.tables["2014/15"].rows()[0] == ("P1", "One", 10.0, "North", "00C")
    assert inputs.tables["2014/15"].height == 3
    assert about(inputs, FindingCode.PRACTICES) == []


def test_practice_spend(folder):
    """Spend by practice is summed, too, and lines of cost need no practice."""
    people = "org_code,list size\n00C,5\n"

    inputs = folder.read(people, "practice_code,org_code,historic_spend\nP1,00C,1.1\nP2,00C,2.2\n")
    assert column(inputs, "historic_spend") == {"00C": 3.3}
    inputs = folder.read(people, "practice_code,org_code,amount\nP1,00C,1.1\nP1,00C,2.2\n,00C,1\n")
    assert column(inputs, "historic_spend") == {"00C": 4.3}


# Mergers

TWO_YEARS = "year,org_code,list size\n" + "".join(
    f"{year},{code},1\n"
    for year, codes in (("2014/15", ["00C", "00F", "00G", "00H"]), ("2015/16", ["00C", "13T"]))
    for code in codes
)
YEARS = ("2014/15", "2015/16")
OLD_SPEND = "org_code,historic_spend\n00C,1\n00F,0.10\n00G,0.20\n00H,0.40\n"


def test_restating(folder):
    """Spend without a year of CCGs that merged is counted with their successor from the merger on."""
    inputs = folder.read(TWO_YEARS, OLD_SPEND, years=YEARS)

    assert column(inputs, "historic_spend", "2014/15") == {"00C": 1.0, "00F": 0.1, "00G": 0.2, "00H": 0.4}
    assert column(inputs, "historic_spend", "2015/16") == {"00C": 1.0, "13T": 0.7}
    assert inputs.restated == (
        Restated("2015/16", "00F", "13T", "historic_spend", 0.1),
        Restated("2015/16", "00G", "13T", "historic_spend", 0.2),
        Restated("2015/16", "00H", "13T", "historic_spend", 0.4),
    )
    assert inputs.origins["2015/16", "13T", "historic_spend"] == "00F, 00G and 00H of spend.csv"
    assert about(inputs, FindingCode.RESTATED) == [
        (
            "spend.csv: for 2015/16, counted 3 closed CCGs with their successor: 00F, 00G and 00H became 13T "
            "on 1 April 2015; historic_spend adds up to £1.70 before and £1.70 after."
        )
    ]


def test_restating_through_a_chain(folder):
    """A chain of mergers is followed to the organisation that exists in the year."""
    people = "year,org_code,list size\n2021/22,D4U1Y,1\n"
    spend = "org_code,historic_spend\n10C,1\n99M,2\n10G,4\n10T,8\n11C,16\n"

    inputs = folder.read(people, spend, years=("2021/22",))
    assert column(inputs, "historic_spend", "2021/22") == {"D4U1Y": 31.0}
    fault = folder.fault(people, spend.replace("10T,8\n", ""), years=("2021/22",))
    assert "no row for 10T" in fault.found


def test_half_a_merger(folder):
    """A merger with a missing part, or a successor together with its parts, is an error."""
    spend = OLD_SPEND.replace("00H,0.40\n", "")
    faults = folder.faults(TWO_YEARS, spend, years=YEARS)
    assert [fault.number for fault in faults] == [FindingCode.INCOMPLETE.number, FindingCode.ONE_SIDED.number]
    assert "no row for 00H" in faults[0].found

    faults = folder.faults(TWO_YEARS, OLD_SPEND + "13T,0.7\n", years=YEARS)
    assert "counted twice" in faults[0].found


def test_rows_with_a_year_are_not_restated(folder):
    """Rows with a year are not restated; the error mentions the merger."""
    spend = "year,org_code,historic_spend\n" + "".join(
        f"{year},{code},1\n" for year in YEARS for code in ("00C", "00F", "00G", "00H")
    )
    faults = folder.faults(TWO_YEARS, spend, years=YEARS)

    assert [fault.number for fault in faults] == [FindingCode.ONE_SIDED.number] * 4
    assert "13T is not in spend.csv for 2015/16 (00F, 00G and 00H became 13T on 1 April 2015)" in faults[0].found


def test_rates_of_merged_organisations(folder):
    """Rates and texts of merged organisations are kept only if they agree."""
    needs = (PEOPLE, NeededColumn("rate", "number", "ratio"), NeededColumn("tier", "text"))
    extra = "org_code,rate,tier\n00C,1,a\n00F,2,b\n00G,2,b\n00H,2,b\n"

    inputs = folder.read(TWO_YEARS, extra=extra, needs=needs, years=YEARS)
    assert inputs.tables["2015/16"].rows() == [("00C", "", 1.0, 1.0, "a"), ("13T", "", 1.0, 2.0, "b")]
    assert inputs.restated == ()
    faults = folder.faults(TWO_YEARS, extra=extra.replace("00H,2,b", "00H,3,c"), needs=needs, years=YEARS)
    assert [fault.number for fault in faults] == [FindingCode.NOT_SUMMED.number] * 2


def test_what_merged_organisations_lack(folder):
    """A text is blank if merged organisations differ, and blank optional sums are reported."""
    rent = NeededColumn("rent", "number", "£", optional=True)
    extra = "org_code,rent,region\n00C,1,a\n00F,2,b\n00G,,b\n00H,3,c\n"
    inputs = folder.read(TWO_YEARS, extra=extra, needs=(PEOPLE, rent), keep_text=("region",), years=YEARS)

    assert inputs.tables["2015/16"].rows() == [("00C", "", 1.0, 1.0, "a"), ("13T", "", 1.0, 5.0, None)]
    assert "rent is blank for 00G, so it is not in the sum of 13T" in about(inputs, FindingCode.PARTLY_BLANK)[0]
    assert "region differs between 00F, 00G and 00H" in about(inputs, FindingCode.NOT_SUMMED)[0]


# Order of rows


def shuffled(text, seed):
    """The same rows in another order."""
    heading, *rows = text.splitlines(keepends=True)
    repeatable(seed).shuffle(rows)
    return "".join([heading, *rows])


@pytest.mark.parametrize("seed", range(3))
def test_order_of_rows(folder, seed):
    """The order of rows changes no table, no line and no reported figure."""
    draw = repeatable(1)
    codes = ["00C", "00F", "00G", "00H"]
    lines = "org_code,category,cost_type,committed,amount\n" + "".join(
        f"{code},{draw.choice('abc')},{draw.choice(['revenue', 'capital'])},{draw.choice(['yes', 'no'])},"
        f"{draw.randint(1, 10**7) / 100}\n"
        for code, _ in itertools.product(codes, range(40))
    )

    def results(people, spend):
        inputs = folder.read(people, spend, years=YEARS, counts=COUNTS)
        frames = [inputs.tables[year].rows() for year in YEARS]
        notes = [str(finding) for finding in inputs.findings]
        return frames, inputs.lines.drop("row").rows(), inputs.restated, notes

    assert results(TWO_YEARS, lines) == results(shuffled(TWO_YEARS, seed), shuffled(lines, seed))


# Files as published, and the samples


def test_published_ccgs():
    """England's published CCGs: 211 in 2014/15, 209 a year later, and the merger in between."""
    inputs = read_inputs(Request(population=(published("england-ccg-populations.csv"),), years=YEARS, needs=(PEOPLE,)))

    assert [inputs.tables[year].height for year in YEARS] == [211, 209]
    assert inputs.tables["2014/15"]["registered_population"].sum() == 56_633_982
    (change,) = about(inputs, FindingCode.CHANGES)
    assert "211 in 2014/15 and 209 in 2015/16: Gateshead (00F), Newcastle North and East (00G)" in change
    assert "(13T) on 1 April 2015" in change


@pytest.mark.slow
def test_published_practices():
    """England's practices of 2014/15 add up to the published CCGs; 36 have no patients."""
    request = Request(
        population=(published("england-2014-15-practices.csv"),),
        years=("2014/15",),
        needs=(PEOPLE, NeededColumn("weighted_population", "number")),
    )
    inputs = read_inputs(request)

    table = inputs.tables["2014/15"]
    assert table.height == 211
    assert table["registered_population"].sum() == 56_633_982
    assert "summed 7,959 practices to 211 CCGs" in about(inputs, FindingCode.PRACTICES)[0]
    assert "36 practices without patients" in about(inputs, FindingCode.NO_PATIENTS)[0]
    ccgs = read_inputs(Request(population=(published("england-ccg-populations.csv"),), years=YEARS, needs=(PEOPLE,)))
    assert column(inputs, "registered_population") == column(ccgs, "registered_population")
    assert table["area_team"].n_unique() == 25


def test_sample_spend_of_one_year_serves_both():
    """The sample's spend of 2014/15 is used for the CCGs of 2015/16, and 13T gets every penny."""
    request = Request(
        population=(published("england-ccg-populations.csv"),),
        spend=(str(SAMPLES / "england-2014-15-spend.csv"),),
        years=YEARS,
        needs=(PEOPLE, SPEND),
        counts=COUNTS,
    )
    inputs = read_inputs(request)

    totals = [exact_total(inputs.tables[year]["historic_spend"]) for year in YEARS]
    assert totals == [148_000_000.0, 148_000_000.0]
    assert {move.predecessor for move in inputs.restated} == {"00F", "00G", "00H"}
    assert inputs.illustrative == ("england-2014-15-spend.csv: 1,486 of 1,486 rows are marked illustrative.",)


def test_samples():
    """The samples are read without an error; the only warning is about £ per head, as widely spread as in 2013."""
    request = Request(
        population=(str(SAMPLES / "england-2014-15-population.csv"),),
        spend=(str(SAMPLES / "england-2014-15-spend.csv"),),
        years=YEARS,
        needs=(PEOPLE, SPEND),
        counts=COUNTS,
    )
    inputs = read_inputs(request)

    assert {finding.number for finding in inputs.findings if finding.level != "note"} == {FindingCode.OUTLIER.number}
    assert "£38,000,000 of £186,000,000" in about(inputs, FindingCode.NOT_COUNTED)[0]


def test_the_limit_of_the_command_line():
    """The help of `--max-size` says 64 MB, which is the reader's limit."""
    assert MEGABYTES * MEGABYTE == LARGEST
