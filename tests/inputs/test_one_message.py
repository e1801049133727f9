"""One cause, one message: a problem of a column is reported once, with a remedy, and marked in every cell."""

import json
from io import StringIO

import openpyxl
import pytest
from rich.console import Console

from folders import COUNTS, about, column
from gpit_fairshare import allocate, check, verify
from gpit_fairshare.errors import UsageError
from gpit_fairshare.findings import Finding, FindingCode
from gpit_fairshare.inputs.mergers.other_codes import bare_name, is_one_letter_apart
from gpit_fairshare.inputs.model import NeededColumn
from gpit_fairshare.reports.document import Document, Findings
from gpit_fairshare.reports.screen import show
from gpit_fairshare.words import quoted_option
from running import gpit, words
from torture import book

HEAD = "org_code,org_name,registered_population\n"
LINES = "org_code,Category,Type of cost,Committed?,{heading}\n"
EVERY_YEAR = """
[scheme]
name = "every"
title = "A pot by list size"
organisation = "{organisation}"
years = ["2014/15", "2015/16"]
[parameters.pot]
label = "Pot"
unit = "£"
values.every_year = {{ value = 30_000, assumption = "For a test." }}
[[steps]]
name = "allocation"
label = "Allocation"
unit = "£"
formula = "share_out(pot, by=registered_population)"
"""


def codes(count):
    """Codes that no file of gpit knows: XA0, XA1 and so on."""
    return [f"X{letter}{digit}" for letter in "ABCDEFGHJK" for digit in range(10)][:count]


def lines_of(heading, per_code=4, count=39):
    """A file of lines of cost: a number of codes with a number of lines each, under a heading for the figures."""
    kinds = [
        ("core", "revenue", "yes"),
        ("core", "capital", "yes"),
        ("extra", "revenue", "no"),
        ("desk", "revenue", ""),
    ]
    rows = [f"{code},{','.join(kinds[line])},{line + 2}" for code in codes(count) for line in range(per_code)]
    return LINES.format(heading=heading) + "\n".join(rows) + "\n"


def people(count=39):
    """A population with the codes of `lines_of`."""
    return "org_code,registered_population\n" + "".join(f"{code},1000\n" for code in codes(count))


@pytest.fixture
def every_year(tmp_path):
    """A scheme file that runs in any years."""
    path = tmp_path / "every.toml"
    path.write_text(EVERY_YEAR.format(organisation="CCG"), encoding="utf-8")
    return path


# Lines of cost under the heading of a total -----------------------------------------------------------


@pytest.mark.parametrize(
    ("heading", "option"),
    [
        ("Spend (£'000)", '--map "Spend (£\'000)=amount"'),
        ("Spend", "--map 'Spend=amount'"),
        ("Historic spend (£)", "--map 'Historic spend (£)=amount'"),
        ("Total spend £k", "--map 'Total spend £k=amount'"),
        ("Expenditure", "--map 'Expenditure=amount'"),
    ],
)
def test_total_over_lines_of_cost(folder, heading, option):
    """A heading for a total over 39 codes with 4 lines each is one error, and the option that it suggests is right."""
    fault = folder.fault(people(), lines_of(heading).replace(",,", ",no,"), counts=COUNTS)

    assert (fault.number, fault.place) == ("I15", "row 3, org_code")
    assert "XA0 has 4 rows that differ in 'Category', 'Type of cost' and 'Committed?'" in fault.found
    assert "(38 other codes too)" in fault.found
    assert option in fault.remedy
    inputs = folder.read(people(), lines_of(heading).replace(",,", ",no,"), counts=COUNTS, mapping={heading: "amount"})
    # Of 2, 3, 4 and 5, only the first is committed revenue.
    factor = 1000 if "000" in heading or "k" in heading else 1
    assert column(inputs, "historic_spend")["XA0"] == 2 * factor


def test_lines_without_every_mark(folder):
    """Lines without a column that decides which lines count are still one error: what to map comes first."""
    text = "org_code,Category,Spend\n" + "".join(f"{code},{kind},5\n" for code in codes(3) for kind in ("a", "b"))

    assert "--map 'Spend=amount'" in folder.fault(people(3), text, counts=COUNTS).remedy


def test_faults_of_lines_under_a_total(folder):
    """Other errors of the lines are reported in the same run."""
    text = lines_of("Spend", count=3).replace("revenue", "revnue", 1)
    faults = folder.faults(people(3), text)

    assert [fault.number for fault in faults] == ["I15", "I25"]


@pytest.mark.parametrize(
    "rows",
    [
        ["XA0,core,5", "XA1,core,6", "XA2,core,7", "XA2,extra,8"],
        ["XA0,core,5", "XA0,core,5", "XA1,core,6", "XA1,core,6"],
    ],
)
def test_repeated_totals_are_not_lines(folder, rows):
    """A single code that occurs twice, or rows that occur twice with the same words, are reported as repeats."""
    faults = folder.faults(people(3), "org_code,Category,Spend\n" + "\n".join(rows) + "\n")

    assert {fault.number for fault in faults} <= {"I15", "I23"}
    assert "already" in next(fault.found for fault in faults if fault.number == "I15")


def test_map_option_can_be_typed():
    """A heading with an apostrophe is put in double quotes."""
    assert quoted_option("--map", "Spend", "amount") == "--map 'Spend=amount'"
    assert quoted_option("--map", "Spend £'000", "amount") == '--map "Spend £\'000=amount"'


# A fault of a column ----------------------------------------------------------------------------------

TWELVE = codes(12)


def population_of(cells, extra=""):
    """A population file with these cells of people."""
    return (
        "org_code,registered_population\n"
        + "".join(f"{code},{cell}\n" for code, cell in zip(codes(len(cells)), cells, strict=True))
        + extra
    )


FAULTY_COLUMNS = {
    "no number": (population_of(["tbc"] * 12), None, "I16", "row 2, registered_population"),
    "blank": (population_of([""] * 12), None, "I17", "row 2, registered_population"),
    "negative": (population_of([-5] * 12), None, "I18", "row 2, registered_population"),
    "repeated": (
        population_of([5] * 13) + "".join(f"{code},6\n" for code in TWELVE),
        None,
        "I15",
        "row 15, org_code",
    ),
    "year": (
        "org_code,year,registered_population\nXZ9,2014/15,1\n" + "".join(f"{code},2014/16,5\n" for code in TWELVE),
        None,
        "I19",
        "row 3, year",
    ),
    "no code": (
        population_of([5]) + "".join(f",{number}7\n" for number in range(1, 13)),
        None,
        "I12",
        "row 3, org_code",
    ),
    "date for a code": (
        population_of([5]) + "".join(f"{number:02}-Mar,5\n" for number in range(1, 13)),
        None,
        "I11",
        "row 3, org_code",
    ),
    "word": (
        people(12),
        "org_code,category,cost_type,amount\n" + "".join(f"{code},core,opex,5\n" for code in TWELVE),
        "I25",
        "row 2, cost_type",
    ),
    "no patients": (
        population_of([0] * 12 + [5]),
        "org_code,historic_spend\n" + "".join(f"{code},5\n" for code in codes(13)),
        "I24",
        "row 2, registered_population",
    ),
    "other file": (people(13), "org_code,historic_spend\nXA0,1\n", "I23", "row 3, org_code"),
    "too many cells": (population_of(["1,234"] * 12), None, "I05", "row 2"),
    "case": (
        people(12),
        "org_code,historic_spend\n" + "".join(f"{code.lower()},5\n" for code in TWELVE),
        "I14",
        "",
    ),
}


@pytest.mark.parametrize("kind", FAULTY_COLUMNS)
def test_a_fault_of_a_column_is_one_finding(folder, kind):
    """Twelve cells with the same problem are one finding: the first, the count, the first five places, the others."""
    population, spend, number, place = FAULTY_COLUMNS[kind]
    faults = folder.faults(population, spend) if spend else folder.faults(population)
    (fault,) = [fault for fault in faults if fault.number == number and fault.file.startswith(("population", "spend"))][
        :1
    ]

    # A code that one file lacks may be an error in both files.
    assert sum(fault.number == number for fault in faults) in (1, 2)
    assert fault.place == place
    assert "the first of 12 such " in fault.found
    assert "and 7 more)" in fault.found
    assert len(fault.each) == 12
    assert len({(each.place, each.found) for each in fault.each}) == 12
    assert all(each.number == number and not each.others for each in fault.others)


def test_few_faults_are_listed_one_by_one(folder):
    """Five cells with the same problem are five findings; with six cells they become one."""
    assert len(folder.faults(population_of([*["tbc"] * 5, 7]))) == 5
    (fault,) = folder.faults(population_of([*["tbc"] * 6, 7]))

    assert fault.found == (
        "'tbc' is not a plain number (the first of 6 such cells: row 2, row 3, row 4, row 5, row 6 and 1 more)"
    )


def test_other_causes_are_other_findings(folder):
    """Cells of another column, and cells with another remedy, are separate findings."""
    cells = [*["tbc"] * 6, *["12/13"] * 6]
    faults = folder.faults(population_of(cells), "org_code,historic_spend\n" + "".join(f"{c},x\n" for c in TWELVE))

    assert [(fault.file, fault.place, len(fault.each)) for fault in faults] == [
        ("population.csv", "row 2, registered_population", 6),
        ("population.csv", "row 8, registered_population", 6),
        ("spend.csv", "row 2, historic_spend", 12),
    ]


def test_unusual_figures_are_listed_one_by_one(folder):
    """Unlikely figures of several organisations have no cause in common: seven are seven warnings."""
    spend = "org_code,historic_spend\n" + "".join(
        f"{code},{900 if at < 7 else 3}000\n" for at, code in enumerate(codes(30))
    )

    assert len(about(folder.read(people(30), spend), FindingCode.OUTLIER)) == 7


@pytest.mark.slow
def test_every_cell_is_marked(tmp_path):
    """In a marked copy, each cell of a column with errors has its note, although the report has one finding."""
    rows = [["org_code", "registered_population"], *([code, "tbc" if at else 5] for at, code in enumerate(codes(30)))]
    (tmp_path / "many.xlsx").write_bytes(book(rows))
    done = gpit("check", "--population", "many.xlsx", "--annotate", "marked.xlsx", "--json", folder=tmp_path)
    (fault,) = [finding for finding in json.loads(done.stdout)["findings"] if finding["level"] == "error"]
    copy = openpyxl.load_workbook(tmp_path / "marked.xlsx")
    places = [f"B{row}" for row in range(3, 32)]

    assert [fault["cell"], *(other["cell"] for other in fault["others"])] == places
    assert all("'tbc' is not a plain number" in copy["Data"][place].comment.text for place in places)
    assert [row[3].value for row in copy["Findings"].iter_rows(min_row=2) if row[1].value == "error"] == places


@pytest.mark.parametrize("kinds", [1, 19, 20, 21, 22, 40])
@pytest.mark.parametrize("each", [1, 2, 3, 4, 5])
def test_one_finding_is_shown_and_not_counted(kinds, each):
    """If only one finding of a kind remains, it is shown: the screen never says that there is 1 more."""
    findings = [
        Finding(f"I{kind:02}", "warning", "a.csv", f"row {row}", f"thing {kind}")
        for kind in range(1, kinds + 1)
        for row in range(each)
    ]
    for most_alike in (3, 20):
        out = StringIO()
        show(Document([Findings(findings, most_per_kind=most_alike)]), Console(file=out, width=80))
        assert "… 1 of these" not in out.getvalue()
        assert "… and 1 more" not in out.getvalue()


# Memo lines -------------------------------------------------------------------------------------------

TABLE = [
    ["District ID", "Name", "Pop", "Gap", "Note figure"],
    ["0010", "Alpha", 100, 5, 1],
    ["0020", "Beta", 300, 7, 2],
]
TOTALS = [None, "TOTALS", 400, 12, 3]
MAPPING = {"District ID": "org_code", "Pop": "registered_population"}


def both_ways(folder, rows, **options):
    """The inputs of the same table from a CSV file and from a workbook, read with `options`."""
    text = "\n".join(",".join("" if cell is None else str(cell) for cell in row) for row in rows) + "\n"
    files = [folder.file("table.csv", text), folder.book("table.xlsx", Sheet=rows)]
    return [folder.read(file, **options) for file in files]


@pytest.mark.parametrize(
    "memo",
    [
        [[None, None, None, "Sum of positive gaps", 5986]],
        [[None] * 5, [None, None, None, "Sum of positive gaps", 5986]],
        [TOTALS, [None, None, None, "Sum of positive gaps", 5986]],
        [TOTALS, [None] * 5, [None, None, None, "Sum of positive gaps", 5986]],
        [TOTALS, [None, None, None, "Sum of positive gaps", None]],
        [TOTALS, ["Sum of positive gaps", None, None, None, 5986]],
        [TOTALS, [None, "Sum of positive gaps", None, None, 5986]],
        [TOTALS, [None, "Of which rural", None, 3, 5986]],
        [[None, None, "see the memo", None, 5986]],
        [["–", None, None, None, 5986]],
    ],
)
def test_memo_lines_are_a_note(folder, memo):
    """A row without code, name or used figure, or without code and figure below the totals, is left out."""
    for inputs in both_ways(folder, [*TABLE, *memo], mapping=MAPPING):
        assert column(inputs, "registered_population") == {"0010": 100.0, "0020": 300.0}
        left_out = about(inputs, FindingCode.NOTES)
        assert len(left_out) == 1
        assert all(str(cell) in left_out[0] for row in memo if row is not TOTALS for cell in row if cell is not None)
        assert [finding.level for finding in inputs.findings].count("warning") == 0


@pytest.mark.parametrize(
    ("row", "number"),
    [
        ([None, None, 17, None, None], "I12"),
        ([None, None, "17 [note 2]", None, None], "I12"),
        ([None, "Gamma", None, 3, 4], "I12"),
        ([None, "Gamma", 17, None, None], "I12"),
        (["0030", None, None, 3, 4], "I17"),
        (["North of Alpha", None, None, 3, 4], "I17"),
    ],
)
def test_rows_that_may_be_organisations_stay_errors(folder, row, number):
    """A row with a used figure, or with a name or code inside the table, is never left out as a memo line."""
    rows = [*TABLE, row]
    text = "\n".join(",".join("" if cell is None else str(cell) for cell in row) for row in rows) + "\n"
    for file in (folder.file("table.csv", text), folder.book("table.xlsx", Sheet=rows)):
        assert number in {fault.number for fault in folder.faults(file, mapping=MAPPING)}


def test_memo_lines_with_a_figure_that_is_used(folder):
    """A row that is a memo line is an error if a step uses the column in which it has a figure."""
    gap = NeededColumn("gap", "number")
    rows = "District ID,Name,Pop,Gap\n0010,Alpha,100,5\n0020,Beta,300,7\n,,,12\n"

    assert "I12" in {fault.number for fault in folder.faults(rows, mapping=MAPPING, needs=(gap,))}


# --leave-out ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("row", "typed"),
    [
        (["Total", None, 977, None, None], "Total"),
        (["Total", None, 977, None, None], "TOTAL"),
        (["  Grand   total ", None, 977, None, None], "Grand total"),
        ([None, "All districts", 977, None, None], "All districts"),
        ([None, "All districts", 977, None, None], "all districts"),
        ([None, " Of which rural", 17, None, None], "Of which rural"),
        (["Q44", "Cheshire", 977, None, None], "Q44"),
        (["Q44", "Cheshire", 977, None, None], "q44"),
        ([77, "Numbered", 977, None, None], "77"),
        ([0, "Zero", 977, None, None], "0"),
        (["Average", None, 200, None, None], "Average"),
        (["0030", "Gamma", "n/a", None, None], "0030"),
    ],
)
def test_leave_out_does_the_same_for_csv_and_excel(folder, row, typed):
    """--leave-out excludes the same row of a CSV file and of a workbook, by code, or by name if it has no code."""
    for inputs in both_ways(folder, [*TABLE, row], mapping=MAPPING, leave_out=(typed,)):
        assert column(inputs, "registered_population") == {"0010": 100.0, "0020": 300.0}
        assert f"left out 1 row of {typed}" in about(inputs, FindingCode.LEFT_OUT)[0]


def test_leave_out_a_code_without_its_zeros(folder):
    """If Excel turned a code into a number, the code with its zeros matches it; a text matches letter by letter."""
    file = folder.book("table.xlsx", Sheet=[*TABLE, [7, "Gamma", 50, 1, 1]])
    inputs = folder.read(file, mapping=MAPPING, leave_out=("007",))
    assert column(inputs, "registered_population") == {"0010": 100.0, "0020": 300.0}
    with pytest.raises(UsageError, match="--leave-out 10"):
        folder.read(file, mapping=MAPPING, leave_out=("007", "10"))


def test_leave_out_two_spellings(folder):
    """If two files write a total in different ways, both may be given, and each is found."""
    texts = [HEAD + "A,Ash,5\nTotal,,5\n", HEAD + "B,Box,6\nTOTAL,,6\n"]

    assert column(folder.read(texts, leave_out=("Total", "TOTAL")), "registered_population") == {"A": 5.0, "B": 6.0}
    assert column(folder.read(texts, leave_out=("total",)), "registered_population") == {"A": 5.0, "B": 6.0}


@pytest.mark.parametrize("typed", ["None", "Gamma", "0.0"])
def test_leave_out_without_a_match(folder, typed):
    """A blank code does not match None, and a row with a code is not excluded by its name, in either kind of file."""
    rows = [*TABLE, ["0030", "Gamma", 50, 1, 1], [None, None, 450, None, None]]
    for file in (
        folder.file("table.csv", "\n".join(",".join("" if c is None else str(c) for c in row) for row in rows) + "\n"),
        folder.book("table.xlsx", Sheet=rows),
    ):
        with pytest.raises(UsageError, match="no file has a row with this code"):
            folder.read(file, mapping=MAPPING, leave_out=(typed,))


# Did you mean ------------------------------------------------------------------------------------------

ICBS = HEAD + "QE1,NHS Lancashire and South Cumbria ICB,100\nQOP,NHS Greater Manchester ICB,200\n"


@pytest.mark.parametrize(
    ("spend", "candidate", "theirs"),
    [
        ("QOO,NHS Greater Manchester ICB", "QOO (NHS Greater Manchester ICB)", "QOP (NHS Greater Manchester ICB)"),
        ("QOO,greater manchester", "QOO (greater manchester)", "QOP (NHS Greater Manchester ICB)"),
        ("Q0P,", "Q0P", "QOP (NHS Greater Manchester ICB)"),
        ("QO,", "QO", "QOP (NHS Greater Manchester ICB)"),
        ("QOPX,", "QOPX", "QOP (NHS Greater Manchester ICB)"),
        (
            "ZZ9,Greater Manchester Integrated Care Board",
            "ZZ9 (Greater Manchester Integrated Care Board)",
            "QOP (NHS Greater Manchester ICB)",
        ),
    ],
)
def test_did_you_mean(folder, spend, candidate, theirs):
    """If only one file has a code, the message suggests a code of the other with that name, or one letter apart."""
    faults = folder.faults(ICBS, f"org_code,org_name,historic_spend\nQE1,,5\n{spend},6\n")

    assert [fault.number for fault in faults] == ["I23", "I23"]
    assert f"did you mean {candidate}?" in faults[0].found
    assert f"did you mean {theirs}?" in faults[1].found
    assert str(faults[0]).endswith("? If it is the same organisation, write the code the same way in both files.")


@pytest.mark.parametrize(
    "spend",
    [
        "XYZ,NHS Kent ICB,6",  # another name, and no letter in common
        "QOO,NHS Kent and Medway ICB,6",  # one letter apart, but certainly another organisation
        "QE2,NHS Lancashire and South Cumbria ICB,6",  # the name of an organisation that both files have
    ],
)
def test_no_candidate(folder, spend):
    """A different organisation, or one that both files have, is not suggested."""
    faults = folder.faults(ICBS, f"org_code,org_name,historic_spend\nQE1,,5\n{spend}\n")

    assert not any("did you mean" in str(fault) for fault in faults)
    assert "Add the code to spend.csv, or remove it here" in str(faults[0])


def test_too_many_candidates(folder):
    """If four codes are one letter apart, none is suggested; if two are, both are."""
    texts = [
        "org_code,historic_spend\nQE1,5\n" + "".join(f"QO{letter},6\n" for letter in letters)
        for letters in ("AB", "ABCD")
    ]

    assert "did you mean QOA or QOB?" in str(folder.faults(ICBS, texts[0])[0])
    assert "did you mean" not in str(folder.faults(ICBS, texts[1])[0])


def test_candidate_where_it_is_left_out(folder):
    """An organisation that is left out with a warning gets a suggestion as well."""
    need = NeededColumn("score", "number", optional=True)
    inputs = folder.read(
        HEAD + "QOP,A,200\nQE1,B,5\n",
        extra="org_code,score\nQOO,6\nQE1,2\n",
        needs=(NeededColumn("registered_population", "number", "people", optional=True), need),
    )

    assert (
        "QOO is not in population.csv and is left out; did you mean QOP (A)?" in about(inputs, FindingCode.ONE_SIDED)[0]
    )


@pytest.mark.parametrize(
    ("code", "other", "expected"),
    [
        ("QOP", "QOO", True),
        ("QOP", "QO", True),
        ("QOP", "OP", True),
        ("QOP", "QOPX", True),
        ("QOP", "QXOP", True),
        ("QOP", "QOP", False),
        ("QOP", "QPO", False),
        ("QOP", "Q", False),
        ("QOP", "XXP", False),
    ],
)
def test_one_letter_apart(code, other, expected):
    """Codes are close if one letter is changed, added or missing, in either direction."""
    assert is_one_letter_apart(code, other) is is_one_letter_apart(other, code) is expected


def test_bare_names():
    """Case, punctuation and the kind of organisation make no difference to a name; other words do."""
    same = [
        "NHS Kent & Medway ICB",
        "kent and medway",
        "Kent and Medway (CCG)",
        "NHS KENT AND MEDWAY Integrated Care Board",
    ]

    assert {bare_name(name) for name in same} == {"kent and medway"}
    assert bare_name("NHS Kent ICB") != bare_name("NHS Medway ICB")


# A folder of marked copies ------------------------------------------------------------------------------


@pytest.fixture
def two_books(tmp_path):
    """A population and a spend file that each have a code that the other lacks, and one cell that is not a number."""
    people_rows = [["org_code", "org_name", "registered_population"], ["QE1", "Kent", 100], ["QOP", "Leeds", 200]]
    spend_rows = [["org_code", "historic_spend"], ["QE1", "tbc"], ["QOO", 6]]
    (tmp_path / "population.xlsx").write_bytes(book(people_rows))
    (tmp_path / "spend.xlsx").write_bytes(book(spend_rows))
    return tmp_path


FILES = ("check", "--population", "population.xlsx", "--spend", "spend.xlsx", "--scheme", "gpit-2014-16")


@pytest.mark.slow
@pytest.mark.parametrize("exists", [False, True])
def test_folder_of_marked_copies(two_books, exists):
    """Every workbook has a marked copy, with the mismatches between files; the files themselves do not change."""
    before = {path.name: path.read_bytes() for path in two_books.iterdir()}
    if exists:
        (two_books / "marked").mkdir()
        (two_books / "marked" / "other.txt").write_text("mine", encoding="utf-8")
    done = gpit(*FILES, "--annotate", "marked", folder=two_books, env={"PYTHONIOENCODING": "utf-8"})
    copies = {path.name: openpyxl.load_workbook(path) for path in (two_books / "marked").glob("*.xlsx")}

    assert done.returncode == 2
    assert "Written: population.xlsx and spend.xlsx in marked" in words(done.stdout)
    assert set(copies) == {"population.xlsx", "spend.xlsx"}
    assert "did you mean QOO?" in copies["population.xlsx"]["Data"]["A3"].comment.text
    assert "did you mean QOP (Leeds)?" in copies["spend.xlsx"]["Data"]["A3"].comment.text
    assert "'tbc'" in copies["spend.xlsx"]["Data"]["B2"].comment.text
    assert copies["population.xlsx"]["Data"]["A2"].comment is None
    numbers = [row[0].value for row in copies["population.xlsx"]["Findings"].iter_rows(min_row=2)]
    assert "I23" in numbers
    assert "I16" not in numbers
    assert {path.name: path.read_bytes() for path in two_books.iterdir() if path.is_file()} == before


@pytest.mark.slow
def test_findings_about_several_files_are_on_each_list(tmp_path):
    """A finding about two files together has no cell, and is in the list of findings of both copies."""
    for name in ("north", "south"):
        (tmp_path / f"{name}.xlsx").write_bytes(book([["org_code", "year", "people"], [f"{name}1", "2014/15", 5]]))
    both = ("--population", "north.xlsx", "--population", "south.xlsx", "--map", "people=registered_population")
    gpit("check", *both, "--scheme", "gpit-2014-16", "--annotate", "marked", folder=tmp_path)

    for name in ("north", "south"):
        listed = openpyxl.load_workbook(tmp_path / "marked" / f"{name}.xlsx")["Findings"]
        rows = {row[0].value: (row[2].value, row[3].value) for row in listed.iter_rows(min_row=2)}
        assert rows["I20"] == (None, None)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--population", "population.xlsx", "--annotate", "."), "exists already and is never overwritten"),
        (("--population", "population.xlsx", "--annotate", "full"), "exists already and is never overwritten"),
        (
            ("--population", "population.xlsx", "--spend", "deep/population.xlsx", "--annotate", "marked"),
            "two of the files",
        ),
        (("--population", "a.csv", "--annotate", "marked"), "none of the files is one"),
        (("--population", "population.xlsx", "--annotate", "nowhere/marked"), "no folder nowhere"),
        (("--population", "population.xlsx", "--annotate", "plain"), "is a file"),
        (("--population", "population.xlsx", "--spend", "spend.xlsx", "--annotate", "a.xlsx"), "name a folder"),
        (("--population", "missing.xlsx", "--annotate", "marked"), "there is no such file"),
    ],
)
def test_folder_that_is_refused(two_books, arguments, message):
    """Copies that would overwrite a file, or have no folder, are refused in one line; nothing is written."""
    (two_books / "deep").mkdir()
    (two_books / "deep" / "population.xlsx").write_bytes((two_books / "population.xlsx").read_bytes())
    (two_books / "full").mkdir()
    (two_books / "full" / "population.xlsx").write_bytes(b"mine")
    (two_books / "plain").write_bytes(b"mine")
    (two_books / "a.csv").write_text("org_code,registered_population\nA,1\n", encoding="utf-8")
    before = {path: path.read_bytes() for path in two_books.rglob("*") if path.is_file()}
    done = gpit("check", *arguments, folder=two_books)

    assert done.returncode == 2
    assert done.stderr.decode().count("\n") == 1
    assert message in done.stderr.decode()
    assert {path: path.read_bytes() for path in two_books.rglob("*") if path.is_file()} == before
    assert not (two_books / "marked").exists()


@pytest.mark.slow
def test_workbook_that_cannot_be_marked_in_a_folder(two_books):
    """If one workbook cannot be marked, no copy is written, and a new folder is removed."""
    (two_books / "spend.xlsx").write_bytes(b"PK no workbook")
    done = gpit(*FILES, "--annotate", "marked", folder=two_books)

    assert done.returncode == 2
    assert b"spend.xlsx" in done.stderr + done.stdout
    assert not (two_books / "marked").exists()


# Another scheme or other years ----------------------------------------------------------------------------


def warnings_of_fit(findings):
    """The warnings that a file belongs to another scheme."""
    return [str(finding) for finding in findings if finding.number == "I61"]


def checked(folder, name, rows, **options):
    """The findings of a check of one population against a scheme for CCGs of 2014/15 and 2015/16."""
    (folder.path / "every.toml").write_text(EVERY_YEAR.format(organisation=options.pop("organisation", "CCG")))
    return check(population=folder.book(name, Sheet=rows), scheme=folder.path / "every.toml", **options).findings


TABLE_OF_CCGS = [["CCG code", "Patients"], ["00C", 100], ["00D", 200], ["00J", 300]]


@pytest.mark.parametrize(
    ("name", "title", "year"),
    [
        ("population.xlsx", "Registered patients 2024/25", "2024/25"),
        ("population.xlsx", "Registered patients, financial year 2024-25", "2024/25"),
        ("population.xlsx", "Patients 2022/23 and 2023/24", "2022/23 and 2023/24"),
        ("population.xlsx", "Patients 2016/2017", "2016/17"),
        ("population.xlsx", "Patients 2009/10", "2009/10"),
        ("patients-2024-25.xlsx", "Registered patients", "2024/25"),
        ("patients_2024_25.xlsx", "Registered patients", "2024/25"),
    ],
)
def test_titles_of_other_years(folder, name, title, year):
    """A title or name with only other years than the run's gives a warning that names the two options."""
    (warning,) = warnings_of_fit(checked(folder, name, [[title], [], *TABLE_OF_CCGS]))

    assert f"is about {year}, but this run is for CCGs of 2014/15 and 2015/16 (scheme every)" in warning
    assert "--scheme" in warning
    assert "--years" in warning


@pytest.mark.parametrize(
    ("name", "title"),
    [
        ("population.xlsx", "Registered patients 2014/15"),
        ("population.xlsx", "Registered patients 2013/14, the year before"),
        ("population.xlsx", "From 2012/13 to 2024/25"),
        ("population.xlsx", "2015/16, published 2024/25"),
        ("population-2014-15.xlsx", "Published in 2024-25"),
        ("population.xlsx", "Taken on 2024-25-03, 2024-04-01 and 1 April 2024"),
        ("population.xlsx", "Codes 2024-26, telephone 0202024/25"),
        ("gp-reg-pat-prac-all-2021-01.xlsx", "Registered patients"),
    ],
)
def test_titles_that_fit(folder, name, title):
    """One of the run's years, the year before, a range of years, days and other numbers give no warning."""
    assert warnings_of_fit(checked(folder, name, [[title], [], *TABLE_OF_CCGS])) == []


@pytest.mark.parametrize(
    ("organisation", "present", "message"),
    [
        ("CCG", ["QE1", "QOP", "QHL", "QJK"], "4 of its 4 codes are codes of ICBs, such as QE1"),
        ("CCG", ["E54000050", "E54000057", "E54000055"], "3 of its 3 codes are codes of ICBs"),
        ("CCG", ["QE1", "QOP", "QHL", "XA1"], "3 of its 4 codes are codes of ICBs"),
        ("CCG", ["36L", "93C", "15N", "00L"], "3 of its 4 codes are codes of later CCGs"),
        ("ICB", ["00C", "00D", "00J"], "3 of its 3 codes are codes of CCGs, such as 00C"),
    ],
)
def test_codes_of_other_organisations(folder, organisation, present, message):
    """Codes of ICBs in a scheme for CCGs, CCGs in a scheme for ICBs, and CCGs that opened later give a warning."""
    rows = [["org_code", "Patients"], *([code, 100 + at] for at, code in enumerate(present))]
    (warning,) = warnings_of_fit(checked(folder, "population.xlsx", rows, organisation=organisation))

    assert message in warning


@pytest.mark.parametrize(
    ("organisation", "present"),
    [
        ("CCG", ["XA1", "XB2", "QC3"]),
        ("CCG", ["00C", "00D", "00J", "13T"]),
        ("CCG", ["Q44", "Q45", "Q46", "Q47"]),
        ("CCG", ["A", "B", "C", "D"]),
        ("ICB", ["QE1", "QOP", "QHL"]),
        ("practice", ["A81001", "A81002", "A81003"]),
        ("STP", ["QE1", "QOP", "QHL"]),
    ],
)
def test_codes_that_fit(folder, organisation, present):
    """Unknown codes, and codes of the scheme's organisations, give no warning."""
    rows = [["org_code", "Patients"], *([code, 100 + at] for at, code in enumerate(present))]

    assert warnings_of_fit(checked(folder, "population.xlsx", rows, organisation=organisation)) == []


def test_one_warning_for_titles_and_codes(folder):
    """The title and the codes of one file give one warning; without a scheme there is none."""
    rows = [["ICBs 2024/25"], ["ICB code", "Patients"], ["QE1", 5], ["QOP", 6], ["QHL", 7]]

    (warning,) = warnings_of_fit(checked(folder, "p.xlsx", rows))
    assert "'ICBs 2024/25' is about 2024/25 and 3 of its 3 codes are codes of ICBs" in warning
    assert warnings_of_fit(check(population=folder.path / "p.xlsx").findings) == []


def test_rows_of_other_years_name_the_options(folder):
    """A file whose rows have only other years gives an error that names the two options."""
    rows = [["org_code", "year", "Patients"], ["00C", "2024/25", 5]]
    faults = [finding for finding in checked(folder, "p.xlsx", rows) if finding.level == "error"]

    assert "--years" in next(fault.remedy for fault in faults if fault.number == "I20")
    assert "--scheme" in next(fault.remedy for fault in faults if fault.number == "I20")
    titled = checked(folder, "p.xlsx", [["Patients 2024/25"], [], *rows])
    assert [finding.number for finding in titled if "--years" in finding.remedy] == ["I20"]
    assert not [finding for finding in checked(folder, "p.xlsx", rows, years=["2024/25"]) if finding.level == "error"]


@pytest.mark.slow
def test_years_of_a_run(folder, every_year):
    """`--years` runs the scheme for other years, is in the manifest, and `gpit verify` runs the same again."""
    folder.file("population.csv", people(3))
    run = ("--population", "population.csv", "--scheme", every_year.name, "--years", "2024/25", "--years", "2025/26")
    done = gpit("allocate", *run, "-o", "out.json", folder=folder.path)
    document = json.loads((folder.path / "out.json").read_bytes())

    assert done.returncode == 0
    assert document["manifest"]["run"]["years"] == ["2024/25", "2025/26"]
    assert [row["year"] for row in document["rows"]] == ["2024/25"] * 3 + ["2025/26"] * 3
    assert verify(folder.path / "out.json").verified
    for verb in (("explain", "XA0"), ("check", "--details")):
        assert "2024/25" in words(gpit(*verb, *run, folder=folder.path).stdout)
    compared = gpit("compare", every_year.name, every_year.name, *run[:2], *run[4:], folder=folder.path)
    assert compared.returncode == 0


@pytest.mark.slow
def test_invalid_years(folder, every_year):
    """A text that is not a financial year is refused in one line."""
    folder.file("population.csv", people(3))
    run = ("--population", "population.csv", "--scheme", every_year.name)
    done = gpit("allocate", *run, "--years", "2024", folder=folder.path)

    assert done.returncode == 2
    assert b"'2024' is not a financial year; write it as 2014/15" in done.stderr


# Columns that are not used --------------------------------------------------------------------------------


def unused(findings):
    """The notes about columns that are not used."""
    return [(finding.file, finding.found) for finding in findings if finding.number == "I38"]


def test_columns_that_are_not_used(folder, every_year):
    """A run names, in one note for each file, the columns that have values and are not used."""
    population = folder.file(
        "population.csv",
        "org_code,org_name,Cost line,registered_population,Blank,Notes\nA,Ash,x,5,,\nB,Box,y,6,,seen\n",
    )
    result = allocate(population=population, scheme=every_year)

    assert unused(result.findings) == [("population.csv", "not used: Cost line (column C) and Notes (column F)")]
    assert unused(check(population=population, scheme=every_year).findings) == unused(result.findings)
    assert unused(check(population=population).findings) == []


def test_many_columns_that_are_not_used(folder, every_year):
    """If there are many unused columns, the first are named and the others counted; used columns are not among them."""
    names = [f"extra {number}" for number in range(50)]
    population = folder.file(
        "population.csv",
        f"org_code,year,registered_population,{','.join(names)}\nA,2014/15,5,{','.join('7' * 50)}\n"
        f"A,2015/16,5,{','.join('7' * 50)}\n",
    )
    ((_, note),) = unused(allocate(population=population, scheme=every_year).findings)

    assert note.startswith("not used: extra 0 (column D), extra 1 (column E), ")
    assert note.endswith("and 38 more")


def test_a_file_that_gives_nothing_has_one_note(folder, every_year):
    """If no column of a file is used, one note says so and does not list its columns."""
    files = {"population": folder.file("p.csv", people(2)), "inputs": folder.file("i.csv", "org_code,x\nXA0,1\n")}

    assert unused(allocate(**files, scheme=every_year).findings) == [("i.csv", "no column of this file is used")]


def test_columns_that_cannot_be_summed_are_named(folder):
    """Without a scheme, a note names a column of numbers that is skipped because rows are summed."""
    text = "org_code,practice_code,list size,Score,Band\nA,P1,5,3,x\nA,P2,6,4,y\n"
    report = check(population=folder.file("p.csv", text))

    ((_, note),) = unused(report.findings)
    assert note.startswith("not checked: Score (column D); ")
