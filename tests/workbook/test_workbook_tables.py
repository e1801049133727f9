"""Tables in a workbook: changed values, texts and numbers give what a run on changed inputs gives."""

from __future__ import annotations

import formualizer
import openpyxl
import pytest
from openpyxl.formula import Tokenizer

from changing import Book, Case, Change, differences, evaluated, outcome
from gpit_fairshare import GpitError, allocate, explain
from gpit_fairshare.workbook.result_workbook import write_workbook
from hard_schemes import tables_of_all_kinds
from recalculation import recalculate, recalculated_rows
from running import YEARS, write_rows
from small_schemes import TWO, scheme
from tiers import slow

TABLES = """
[inputs.stage]
label = "Stage"
type = "text"

[inputs.kind]
label = "Kind"
type = "text"

[inputs.need]
label = "Need"

[tables.stage_weight]
label = "Weight by stage"
rows = [{ key = "early", value = 2, assumption = "A test." }, { key = "late", value = 3, assumption = "A test." }]

[tables.kind_weight]
label = "Weight by kind"
rows = [{ key = "x", value = 1, assumption = "A test." }, { key = "y", value = 1.5, assumption = "A test." }]
otherwise = { value = 0.25, assumption = "A test." }

[tables.band]
label = "Weight by need"
rows = [
  { from = -10, value = 1, assumption = "A test." },
  { from = 0, value = 4, assumption = "A test." },
  { from = 50, value = 0.5, assumption = "A test." },
  { from = 100, up_to = 400, value = 2, assumption = "A test." },
]
"""
STEPS = """
    weight = lookup(stage_weight, stage) * lookup(kind_weight, kind) * band_value(band, need)
    tax = band_sum(band, need)
    line = where(need <= 100, band_line(band, need), 0)
    unrounded = (weight + tax + line) * registered_population + historic_spend # £
    allocation = rounded(unrounded) # £
"""
PEOPLE = [
    {"year": year, "org_code": code, "registered_population": "100", "stage": stage, "kind": kind, "need": need}
    for year in YEARS
    for code, stage, kind, need in (("A", "early", "x", "20"), ("B", "late", "y", "70"), ("C", "late", "z", "110"))
]
ACCEPTED = [
    [Change("", 0, "stage_weight[early]", 5)],
    [Change("", 1, "stage_weight[late]", -1), Change("", 0, "kind_weight[otherwise]", 7)],
    [Change("", 0, "band[50]", 9), Change("", 0, "band[0]", 0), Change("", 1, "band[-10]", 3)],
    [Change("population", 0, "stage", "late")],
    [Change("population", 0, "kind", "X"), Change("population", 4, "kind", "*")],
    [Change("population", 0, "kind", "otherwise"), Change("population", 1, "kind", "all other texts")],
    [
        Change("population", row, "need", need)
        for row, need in enumerate((-10, 49.999999999, 100, 49.99999999998, -0.5, 399))
    ],
    [Change("population", 0, "need", 100.00000000000001), Change("population", 2, "need", 0)],
    [Change("population", 0, "need", 150), Change("population", 1, "need", 399)],
]
"""Changes that gpit accepts: values in one year, texts in other capitals, numbers at and beside edges.

The last has more numbers that `where` shuts out of the line than the run had.
"""
REFUSED = [
    Change("population", 0, "stage", "Early"),
    Change("population", 0, "stage", "e*y"),
    Change("population", 0, "stage", "middle"),
    Change("population", 0, "stage", None),
    Change("population", 0, "kind", None),
    Change("population", 0, "need", -10.001),
    Change("population", 0, "need", 400),
    Change("population", 0, "need", "n/a"),
    Change("", 0, "stage_weight[early]", "n/a"),
]


@pytest.fixture(scope="session")
def tables_book(tmp_path_factory):
    """Three organisations in two years, and a scheme that uses every function of tables."""
    folder = tmp_path_factory.mktemp("tables")
    spend = [{"org_code": code, "historic_spend": "500"} for code in "ABC"]
    return Book(Case(folder, PEOPLE, spend, {"scheme": scheme(folder, STEPS, years=TWO, extra=TABLES)}, {}))


@pytest.mark.parametrize("changes", [ACCEPTED[4], *map(slow, [*ACCEPTED[:4], *ACCEPTED[5:-1]]), ACCEPTED[-1]])
def test_changes_give_what_gpit_gives(tables_book, changes):
    """After each change the figures are those of a new run, and About says what kind of thing was changed."""
    expected = tables_book.case.allocate(changes)

    assert differences(tables_book, changes, tables_book.by_formualizer(changes), expected) == []


@pytest.mark.usefixtures("libreoffice")
def test_libreoffice_gives_what_gpit_gives(tables_book, tmp_path):
    """The same changes, and those that gpit refuses, in copies of the workbook without values."""
    runs = [*ACCEPTED, *([change] for change in REFUSED)]
    copies = [tables_book.save(changes, tmp_path / f"{number}.xlsx") for number, changes in enumerate(runs)]

    for changes, sheets in zip(runs, recalculated_rows(copies), strict=True):
        expected = outcome(tables_book.case, changes)
        assert differences(tables_book, changes, sheets, expected) == [], changes


@pytest.mark.parametrize("change", [*REFUSED[:5], *map(slow, REFUSED[5:])], ids=str)
def test_what_a_table_does_not_have_is_an_error_and_a_check_that_fails(tables_book, change):
    """Other capitals, a pattern, an empty cell, a number outside the bands: an error for A alone, never a value."""
    with pytest.raises(GpitError):
        tables_book.case.allocate([change])
    sheets = tables_book.by_formualizer([change])
    unrounded = sheets["2014-15"][3].index("unrounded (£)")

    assert differences(tables_book, [change], sheets, None) == []
    first, second, *_ = (row[unrounded] for row in sheets["2014-15"][4:])
    assert not isinstance(first, float), first
    assert isinstance(second, float), second


def test_the_sheet_has_a_row_for_each_row_and_year(tables_book):
    """Values may be changed, keys may not; the sum below the band from 100 is 10 × 1 + 50 × 4 + 50 × 0.5 = 235."""
    sheet = tables_book.cells["Tables"]
    headings = [cell.value for cell in sheet[4]]
    rows = {(row[1].value, row[2].value): dict(zip(headings, row, strict=True)) for row in sheet.iter_rows(min_row=5)}
    row = rows["band[100]", "2015/16"]

    assert len(rows) == 2 * (2 + 3 + 4)
    assert not row["Value"].protection.locked
    assert row["From"].protection.locked
    assert rows["kind_weight[otherwise]", "2014/15"]["Row of the table"].value == 0
    with tables_book.path.open("rb") as stream:
        values = openpyxl.load_workbook(stream, data_only=True)["Tables"]
    assert values.cell(row["From"].row, headings.index("Sum of the bands below (value times width)") + 1).value == 235


LIMITS = "Parameters are numbers within their limits"


@pytest.mark.parametrize(
    ("name", "heading", "value", "state", "check"),
    [
        ("band[50]", "From", 60, "changed", ""),
        slow(
            "stage_weight[early]",
            "Text",
            "Early",
            "changed",
            "weight: weight by stage has a row for each value of stage",
        ),
        slow("band[100]", "Up to (not included)", 500, "changed", ""),
        slow("kind_weight[y]", "Row of the table", 1, "changed", ""),
        slow("kind_weight[otherwise]", "Row of the table", 1, "changed", ""),
        slow("kind_weight[x]", "Text", "w", "changed", ""),
        ("band[50]", "From", 0, "outside its limits", LIMITS),
        slow("band[50]", "From", "fifty", "outside its limits", LIMITS),
        slow("band[100]", "Up to (not included)", 100, "outside its limits", LIMITS),
        slow("kind_weight[y]", "Text", "X", "outside its limits", LIMITS),
    ],
)
def test_a_changed_edge_or_key_is_noticed(tables_book, name, heading, value, state, check):
    """An edge that still rises is only changed; one that does not, and a key that comes twice, fail a check as well."""
    row, column = tables_book.row("Tables", Name=[name], Year=["2014/15"]), tables_book.column("Tables", heading)
    book = formualizer.load_workbook(str(tables_book.planted))
    book.set_value("Tables", row, column, value)
    sheets = evaluated(book, {sheet.title: (sheet.max_row, sheet.max_column) for sheet in tables_book.cells})
    about = {entry[0]: entry[1] for entry in reversed(sheets["About"][4:])}
    failing = [entry[0] for entry in sheets["Checks"][4:] if "FAIL" in entry]

    assert sheets["Tables"][row - 1][4] == state
    assert int(about["Changed since the run"].split()[1].rstrip(".")) >= 1
    assert (check in failing) if check else not failing


FEW = """
[inputs.area]
label = "Area"
type = "text"

[tables.few]
label = "Few"
rows = [
  { from = 0, value = 1, assumption = "A test." },
  { from = 300, up_to = 350, value = 2, assumption = "A test." },
]

[[outcomes]]
label = "few"
formula = "where(registered_population < 500, band_value(few, registered_population), 0) >= 2"
"""
FEW_STEPS = """
    own = where(registered_population < 500, band_value(few, registered_population), 0)
    area_people = total(registered_population, within=area) # people
    of_area = where(area_people < 900, band_value(few, area_people), 0)
    nation = total(registered_population) # people
    of_nation = where(nation < 1900, band_value(few, nation), 0)
    allocation = historic_spend / registered_population # £ per head
"""


@pytest.fixture(scope="module")
def few_book(tmp_path_factory):
    """Three organisations in two areas, and bands up to 350 people: `where` shuts out B, C, both areas and the nation.

    A and B are in the North, which has 940 people; the nation has 1,940. No figure is a part of the result.
    """
    folder = tmp_path_factory.mktemp("few")
    people = [
        {"org_code": code, "registered_population": str(heads), "area": area}
        for code, heads, area in (("A", 340, "North"), ("B", 600, "North"), ("C", 1000, "South"))
    ]
    spend = [{"org_code": code, "historic_spend": "500"} for code in "ABC"]
    return Book(Case(folder, people, spend, {"scheme": scheme(folder, FEW_STEPS, extra=FEW)}, {}))


@pytest.mark.parametrize(
    ("people", "users"),
    [
        ({"A": 600}, []),
        ({"A": 400}, ["Outcome", "own"]),
        slow({"A": 299, "C": 1100}, ["of_area"]),
        ({"C": 950, "A": 310}, ["of_nation"]),
        slow({"C": 300, "A": 345}, ["of_nation"]),
    ],
)
def test_a_band_that_is_needed_and_missing_fails_a_check(few_book, people, users):
    """For organisations, areas, the nation and outcomes: more than 350 people fail only where the formula needs a band.

    With 400 people A needs one. With 299 the North has 899 and needs one. With 310 and 950 the nation has 1,860.
    """
    changes = [
        Change("population", "ABC".index(code), "registered_population", heads) for code, heads in people.items()
    ]
    checks = few_book.by_formualizer(changes)["Checks"][4:]

    failing = sorted(row[0].partition(":")[0] for row in checks if row[3] == "FAIL")
    assert failing == (["No figure is an error", *users] if users else [])


def test_formulas_are_plain(tables_book):
    """As on other sheets: at most one IF inside another, 500 characters, and [z] is explained on its sheet."""
    for sheet in tables_book.cells:
        for row in sheet.iter_rows(min_row=5):
            for cell in row:
                text = str(cell.value)
                assert "[z]" not in text or "[z] = " in sheet["A2"].value, (sheet.title, cell.coordinate)
                assert not text.startswith("=") or len(text) <= 501, text
                calls = []
                for token in Tokenizer(text).items if text.startswith("=IF") else ():
                    if token.type == "FUNC":
                        calls = [*calls, token.value] if token.subtype == "OPEN" else calls[:-1]
                        assert calls.count("IF(") <= 2, text


def test_values_of_tables_are_not_parameters_twice(tables_book):
    """A value is on the sheet Tables alone, and the sheet Parameters has the pot of both years."""
    names = [row[1].value for row in tables_book.cells["Parameters"].iter_rows(min_row=5)]

    assert names == ["pot", "pot"]


@pytest.mark.usefixtures("libreoffice")
def test_a_changed_table_is_read_back(tables_book, tmp_path):
    """A weight of 5 for stage early, typed into the workbook, is 5 in explain, which says that it was changed."""
    change = Change("", 0, "stage_weight[early]", 5)
    book = recalculate(tables_book.save([change], tmp_path / "changed.xlsx"), tmp_path / "again")
    explanation = explain(book, "A", year="2014/15")
    (line,) = [line for line in explanation.lines if line.name == "lookup(stage_weight, stage)"]

    assert line.value == 5
    assert "hanged in the workbook" in line.origin


@pytest.mark.slow
def test_a_figure_that_is_shut_out_is_no_error(tmp_path):
    """Blanks and numbers outside the bands that `where` shuts out are [z] in the sheet, and all checks pass."""
    result = tables_of_all_kinds(tmp_path)
    write_workbook(result, tmp_path / "book.xlsx")
    with (tmp_path / "book.xlsx").open("rb") as stream:
        sheet = openpyxl.load_workbook(stream, data_only=True)["2014-15"]
    headings = [cell.value for cell in sheet[4]]
    weights = [row[headings.index("Weight by stage for Stage (ratio)")].value for row in sheet.iter_rows(min_row=5)]

    assert weights[3] == "[z]"
    assert [weights[0], weights[1], weights[2], weights[4]] == [1, 0.5, 3, 0.5]


def test_two_lookups_have_two_control_totals(tmp_path):
    """A table a_b by column c, and a table a by column b_c: a total of the one is not taken for one of the other."""
    table = '[tables.{}]\nlabel = "{}"\nrows = [{{ key = "p", value = 2 }}, {{ key = "q", value = 3 }}]\n'
    extra = "".join(f'[inputs.{name}]\nlabel = "{name}"\ntype = "text"\n' for name in ("c", "b_c"))
    extra += "".join(table.format(name, name) for name in ("a_b", "a"))
    rows = [
        {"org_code": code, "registered_population": 1, "c": c, "b_c": b_c}
        for code, c, b_c in (("A", "p", "q"), ("B", "q", "q"))
    ]
    path = scheme(tmp_path, "allocation = lookup(a_b, c) + lookup(a, b_c)", extra=extra)
    write_workbook(allocate(population=write_rows(tmp_path / "p.csv", rows), scheme=path), tmp_path / "r.xlsx")

    sheet = openpyxl.load_workbook(tmp_path / "r.xlsx")["Constants"]
    controls = [row for row in sheet.iter_rows(values_only=True) if str(row[0]).startswith("as_read_row")]
    # A is in the first row of a_b and the second of a; B is in the second of both.
    assert len({row[0] for row in controls}) == 2
    assert len({row[1] for row in controls}) == 2
