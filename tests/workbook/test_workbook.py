"""The workbook has live formulas with the right cached values; LibreOffice checks them."""

from __future__ import annotations

import datetime as dt
import shutil
import zipfile

import openpyxl
import pytest

import recalculation
from gpit_fairshare import allocate
from gpit_fairshare.workbook.layout import FIXED_NAMES, sheet_name
from gpit_fairshare.workbook.result_workbook import write_workbook
from gpit_fairshare.workbook.sheets import clean
from gpit_fairshare.workbook.text_widths import lines_needed
from icb_floor_and_ceiling import icb_options
from running import SAMPLES, YEARS, write_rows
from small_schemes import MERGER, NATION, TWO, people_by_year, scheme

ROUNDED = ("Fair share (£)", "Transition support (£)", "Allocation (£)")


@pytest.fixture(scope="session")
def sample_book(tmp_path_factory):
    """The workbook of the sample."""
    path = tmp_path_factory.mktemp("book") / "out.xlsx"
    write_workbook(allocate(sample=True), path)
    return path


def rounded_cells(path):
    """Return the cells of rounded money on the year sheets, and those of yes/no."""
    book = openpyxl.load_workbook(path)
    cells = []
    for year in YEARS:
        sheet = book[year.replace("/", "-")]
        for column in (cell.column for cell in sheet[4] if cell.value in ROUNDED):
            cells += [(sheet.title, sheet.cell(row, column).coordinate) for row in range(5, sheet.max_row + 1)]
    return cells


@pytest.mark.usefixtures("libreoffice")
def test_libreoffice_reproduces_every_cached_value_of_the_sample(sample_book, tmp_path):
    """Every formula, recalculated from planted wrong values, gives the cached value: money to the pound exactly."""
    planted = tmp_path / "planted.xlsx"
    count = recalculation.plant_everywhere(sample_book, planted)
    again = recalculation.recalculate(planted, tmp_path)
    cells = rounded_cells(sample_book)

    assert count > 10_000
    assert len(cells) == 211 * 2 * 3
    assert recalculation.compare(sample_book, again, identical=cells) == []


@pytest.mark.usefixtures("libreoffice")
def test_a_wrong_allocation_planted_in_a_copy_is_corrected(sample_book, tmp_path):
    """The check above can fail: it finds one changed allocation, and recalculation corrects it."""
    column = [cell.value for cell in openpyxl.load_workbook(sample_book)["2015-16"][4]].index("Allocation (£)")
    address = openpyxl.utils.get_column_letter(column + 1) + "100"
    wrong = tmp_path / "wrong.xlsx"
    recalculation.plant(sample_book, "2015-16", address, 1234567, wrong)
    (difference,) = recalculation.compare(sample_book, wrong)

    assert f"2015-16!{address}" in difference
    assert recalculation.compare(sample_book, recalculation.recalculate(wrong, tmp_path)) == []


def test_every_calculated_cell_is_a_live_formula(sample_book):
    """On the year sheets, National and Summary every figure is a formula."""
    book = openpyxl.load_workbook(sample_book)
    for name in (
        "2014-15",
        "2015-16",
        "Workings 2014-15",
        "National figures",
        "Summary",
        "Allocations 2014-15",
        "Allocations 2015-16",
        "By Area team",
    ):
        sheet = book[name]
        for row in sheet.iter_rows(min_row=5):
            for cell in row:
                assert cell.value is None or cell.data_type in ("f", "s"), f"{name}!{cell.coordinate}"


def test_every_formula_has_a_cached_value_that_is_no_error(sample_book):
    """Previews and readers that do not recalculate see true figures: no blank, no #VALUE!."""
    cached = recalculation.cached_values(sample_book)
    formulas = recalculation.formulas(sample_book)

    assert [cell for cell in formulas if cached.get(cell) is None] == []
    assert [cell for cell in formulas if str(cached[cell]).startswith("#")] == []


def test_the_summary_has_the_rate_of_fair_shares(sample_book):
    """£140,000,000 for 56,633,982 patients, in both years."""
    cached = recalculation.cached_values(sample_book)
    (row,) = [cell[1][1:] for cell, value in cached.items() if value == "Fair share per head (£)"]

    assert [cached["Summary", f"{column}{row}"] for column in "BC"] == pytest.approx([140e6 / 56_633_982] * 2)


def test_parameters_stand_with_source_or_assumption(sample_book):
    """Each parameter and year has its value, and on the same row a source or an assumption, never both."""
    sheet = openpyxl.load_workbook(sample_book)["Parameters"]
    headings = [cell.value for cell in sheet[4]]
    value, origin = headings.index("Value"), headings.index("Source or assumption")
    rows = list(sheet.iter_rows(min_row=5, values_only=True))

    assert len(rows) == 3 * 2
    for row in rows:
        assert isinstance(row[value], int | float)
        assert row[origin].startswith(("Source: ", "Assumption: "))


def test_findings_begin_with_money_and_each_source_is_listed_once(sample_book):
    """Unspent money, 13 warnings, then 7 notes; the scheme and the transition cite Digital Health, with other notes."""
    book = openpyxl.load_workbook(sample_book)
    levels = [row[1] for row in book["Findings"].iter_rows(min_row=5, values_only=True)]
    keys = [row[0] for row in book["Sources"].iter_rows(min_row=5, values_only=True)]

    assert book["Findings"]["A5"].value == "R03"
    assert levels == ["note"] + ["warning"] * 13 + ["note"] * 7
    assert keys == ["ehi-2014-04", "nhs-england-slides-2014-03", "itpro-2014-04"]


@pytest.mark.slow
def test_the_same_result_gives_the_same_bytes(sample_book, tmp_path):
    """Two workbooks of one run are the same: nothing depends on a clock or a random order."""
    write_workbook(allocate(sample=True), tmp_path / "again.xlsx")

    assert sample_book.read_bytes() == (tmp_path / "again.xlsx").read_bytes()


@pytest.mark.slow
def test_properties_name_title_and_digest_and_a_fixed_date(sample_book):
    """Document properties have title, subject, version and the scheme's digest; the date is always the same."""
    result = allocate(sample=True)
    properties = openpyxl.load_workbook(sample_book).properties

    assert properties.title == "Securing Excellence in GP IT Services 2014-16"
    assert result.scheme.digest in properties.description
    assert properties.created == dt.datetime(2014, 4, 1)  # noqa: DTZ001  # as openpyxl gives it


def test_no_external_links_and_no_macros(sample_book):
    """The file has only sheets, tables and styles, and no links to other files."""
    with zipfile.ZipFile(sample_book) as parts:
        names = parts.namelist()

    assert not [name for name in names if "external" in name.lower() or "vba" in name.lower()]


# Other schemes than the sample's ------------------------------------------------------------------------


def agrees(result, folder):
    """Write a workbook, have LibreOffice recalculate it from wrong values, and return the differences."""
    write_workbook(result, folder / "book.xlsx")
    assert recalculation.plant_everywhere(folder / "book.xlsx", folder / "planted.xlsx") > 0
    again = recalculation.recalculate(folder / "planted.xlsx", folder)
    return recalculation.compare(folder / "book.xlsx", again)


FLOORS = """
    baseline = previous(allocation, first=money)
    floor = baseline * 0.9
    ceiling = baseline * 1.2
    gain = max(0, target - floor)
    unrounded = share_out(pot, by=gain, {bounds})
    allocation = rounded(unrounded)
"""


BOUNDS = (
    "base=floor",
    "base=floor, at_least=floor",
    "base=floor, at_least=floor, at_most=ceiling",
    "at_least=floor",
    "at_most=ceiling",
    "at_least=floor, at_most=ceiling",
    "base=baseline, at_least=floor, at_most=ceiling",
    "at_most=gain",
)


@pytest.mark.usefixtures("libreoffice")
def test_sharing_between_bounds_is_live(tmp_path):
    """Floors, ceilings, both, neither: the workings find the rows at a limit, and LibreOffice agrees."""
    people = {f"{number:02}": 900 + 37 * number % 211 for number in range(40)}
    rows = [
        {
            "year": year,
            "org_code": code,
            "money": heads,
            "target": heads * (0.7 + 0.02 * int(code)) + shift,
        }
        for shift, year in enumerate(YEARS)
        for code, heads in people.items()
    ]
    rows[7]["target"] = rows[8]["target"] = 0
    inputs = '[inputs.money]\nlabel = "Money"\nunit = "£"\n[inputs.target]\nlabel = "Target"\nunit = "£"\n'
    books = []
    for number, bounds in enumerate(BOUNDS):
        folder = tmp_path / str(number)
        folder.mkdir()
        steps = FLOORS.format(bounds=bounds)
        place = scheme(folder, steps, years=TWO, pot=sum(people.values()), extra=inputs)
        write_workbook(allocate(population=write_rows(folder / "p.csv", rows), scheme=place), folder / "book.xlsx")
        assert recalculation.plant_everywhere(folder / "book.xlsx", folder / f"planted{number}.xlsx") > 0
        books.append(folder / f"planted{number}.xlsx")

    for bounds, planted, sheets in zip(BOUNDS, books, recalculation.recalculated_rows(books), strict=True):
        again = recalculation.by_cell(sheets)
        assert recalculation.compare(planted.parent / "book.xlsx", again) == [], bounds


@pytest.mark.usefixtures("libreoffice")
def test_groups_are_live_from_nation_to_ccg_to_practice(tmp_path):
    """Totals, counts, extremes, sharing with bounds and rounding in pence, all within groups and groups of groups."""
    rows = [
        {
            **row,
            "org_code": f"{row['org_code']}{copy}",
            "registered_population": row["registered_population"] + 13 * copy,
        }
        for row in NATION
        for copy in range(6)
    ]
    for row in rows[:3]:
        row["ccg"] = "<b>"  # SUMIFS would read this as a comparison
    steps = """
        ccg_people = total(registered_population, within=ccg) # people
        ccg_unrounded = share_out(pot, by=ccg_people, within=region)
        ccg_money = rounded(ccg_unrounded, to=10, within=region)
        region_money = total(ccg_money, within=region)
        big = registered_population > 350
        bigs = count(big, within=ccg)
        top = largest(registered_population, within=ccg)
        low = smallest(registered_population, within=region)
        floor = where(big, 30, 20)
        ceiling = floor + 100
        unrounded = share_out(ccg_money, by=registered_population, at_least=floor, at_most=ceiling, within=ccg)
        allocation = rounded(unrounded, to=0.01, within=ccg)
        in_area = region == 'North'
        northern = count(in_area)
        spread = (top / low + bigs + northern) * region_money
    """
    result = allocate(population=write_rows(tmp_path / "p.csv", rows), scheme=scheme(tmp_path, steps, pot=2000))

    assert agrees(result, tmp_path) == []


@pytest.mark.usefixtures("libreoffice")
def test_the_year_before_is_live_over_a_merger(tmp_path):
    """13T's cell adds up those of 00F, 00G and 00H on the sheet of the year before."""
    steps = """
        share = share_out(pot, by=registered_population) # £
        allocation = 0.5 * previous(allocation, first=share) + 0.5 * share # £
        all = total(allocation) # £
        growth = all - previous(all, first=all) # £
    """
    result = allocate(population=people_by_year(tmp_path, MERGER), scheme=scheme(tmp_path, steps, years=TWO))

    assert agrees(result, tmp_path) == []
    formulas = recalculation.formulas(tmp_path / "book.xlsx")
    assert any(text.count("'2014-15'!") == 3 for (sheet, _), text in formulas.items() if sheet == "2015-16")


@pytest.mark.usefixtures("libreoffice")
def test_blank_optional_cells_stay_blank(tmp_path):
    """A blank optional cell is not 0: `given` is no, and the branch that needs the cell is not used."""
    write_rows(
        tmp_path / "p.csv",
        [
            {"org_code": code, "registered_population": 10, "extra": extra}
            for code, extra in zip("ABC", (5, "", 0), strict=True)
        ],
    )
    steps = """
        asked = where(given(extra), min(extra, 3), 0 - 1)
        allocation = asked * registered_population
    """
    extra = '[inputs.extra]\nlabel = "Extra"\noptional = true\n'
    result = allocate(population=tmp_path / "p.csv", scheme=scheme(tmp_path, steps, extra=extra))

    assert result.rows["allocation"].to_list() == [30, -10, 0]
    assert agrees(result, tmp_path) == []


@pytest.mark.usefixtures("libreoffice")
@pytest.mark.parametrize("change", ["parameter", "input", "line"])
def test_a_change_in_the_workbook_gives_what_gpit_gives_for_it(sample_book, tmp_path, change):
    """A budget, population or line of spend changed in the workbook and recalculated equals a run with the change."""
    book = openpyxl.load_workbook(sample_book)
    files = {
        "population": SAMPLES / "england-2014-15-population.csv",
        "spend": SAMPLES / "england-2014-15-spend.csv",
    }
    settings = {}
    if change == "parameter":
        sheet = book["Parameters"]
        row = next(row for row in range(5, 20) if sheet.cell(row, 2).value == "transition_fund")
        assert sheet.cell(row, 3).value == "2014/15"
        sheet.cell(row, 4).value = settings["transition_fund@2014/15"] = 12_345_678
    elif change == "input":
        sheet = book["Population"]
        (row,) = [row for row in range(5, sheet.max_row + 1) if sheet.cell(row, 2).value == "10Q"]
        assert sheet.cell(row, 1).value == "every year"
        sheet.cell(row, 5).value = 345_678
        files["population"] = edited(files["population"], tmp_path, "10Q,", "registered_population", "345678")
    else:
        sheet = book["Spend lines"]
        row = next(
            row
            for row in range(5, sheet.max_row + 1)
            if (sheet.cell(row, 1).value, sheet.cell(row, 6).value) == ("07H", "no")
        )
        sheet.cell(row, 6).value = "yes"
        sheet.cell(row, 5).value = "revenue"
        line = [sheet.cell(row, column).value for column in (4, 5, 6, 3)]
        files["spend"] = edited_line(files["spend"], tmp_path, "07H", line)
    book.save(tmp_path / "changed.xlsx")
    again = recalculation.recalculate(tmp_path / "changed.xlsx", tmp_path)
    expected = allocate(**files, settings=settings).rows
    before = allocate(sample=True).rows
    assert expected["allocation"].to_list() != before["allocation"].to_list()
    values = openpyxl.load_workbook(again, data_only=True)
    for year in YEARS:
        sheet = values[year.replace("/", "-")]
        column = [cell.value for cell in sheet[4]].index("Allocation (£)")
        amounts = [row[column] for row in sheet.iter_rows(min_row=5, values_only=True)]
        assert amounts == expected.filter(expected["year"] == year)["allocation"].to_list()
    assert values["Checks"]["B3"].value == "pass"


def edited(path, folder, start, column, value):
    """Return a copy of a CSV file with one cell changed."""
    head, *lines = path.read_text(encoding="utf-8").splitlines()
    place = head.split(",").index(column)
    changed = []
    for line in lines:
        # Area teams have commas in quotation marks; counting from the right avoids them.
        cells = line.rsplit(",", len(head.split(",")) - place)
        changed.append(",".join([*cells[:1], value, *cells[2:]]) if line.startswith(start) else line)
    copy = folder / path.name
    copy.write_text("\n".join([head, *changed]) + "\n", encoding="utf-8")
    return copy


def edited_line(path, folder, code, line):
    """Return a copy of the spend file with one uncommitted line of a CCG committed."""
    category, _, _, amount = line
    rows = path.read_text(encoding="utf-8").splitlines()
    matches = [i for i, row in enumerate(rows) if row.startswith(f"{code},{category},") and f",no,{amount}," in row]
    rows[matches[0]] = f"{code},{category},revenue,yes,{amount},illustrative"
    copy = folder / path.name
    copy.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return copy


@pytest.mark.usefixtures("libreoffice")
def test_floors_that_no_longer_fit_are_seen_in_the_workbook(tmp_path):
    """A run refuses floors that cost more than the amount; if the amount is cut in the workbook, a check says FAIL."""
    steps = """
        floor = where(registered_population > 0, 300, 300)
        allocation = share_out(pot, by=registered_population, base=floor, at_least=floor)
    """
    result = allocate(population=write_rows(tmp_path / "p.csv", NATION[:3]), scheme=scheme(tmp_path, steps))
    write_workbook(result, tmp_path / "book.xlsx")
    book = openpyxl.load_workbook(tmp_path / "book.xlsx")
    assert book["Parameters"].cell(5, 4).value == 1000
    book["Parameters"].cell(5, 4).value = 800
    book.save(tmp_path / "cut.xlsx")
    values = openpyxl.load_workbook(recalculation.recalculate(tmp_path / "cut.xlsx", tmp_path), data_only=True)

    assert values["Checks"]["B3"].value == "FAIL"
    assert values["About"]["B5"].value == "FAIL"


@pytest.mark.usefixtures("libreoffice")
@pytest.mark.parametrize("value", [None, "n/a"])
def test_an_empty_or_invalid_input_makes_a_check_fail(sample_book, tmp_path, value):
    """A population emptied or made a text in the workbook makes the status "FAIL", never an error."""
    book = openpyxl.load_workbook(sample_book)
    book["Population"]["E5"].value = value
    book.save(tmp_path / "emptied.xlsx")
    values = openpyxl.load_workbook(recalculation.recalculate(tmp_path / "emptied.xlsx", tmp_path), data_only=True)

    assert values["Checks"]["B3"].value == "FAIL"
    assert values["About"]["B5"].value == "FAIL"


def printed_texts(book, folder):
    """The text of each page that LibreOffice prints of a workbook; none is empty, and none has ### or an error."""
    if shutil.which("pdftoppm") is None:
        pytest.skip("pdftoppm is not installed")
    pages = recalculation.to_png(book, folder)
    texts = recalculation.page_texts(folder)

    assert len(pages) == len(texts)
    assert [text for text in texts if "###" in text or "Err:" in text or "#VALUE!" in text] == []
    assert min(page.stat().st_size for page in pages) > 2_000
    return texts


PRINTED = ("Summary", "Allocations", "Charts", "One organisation", "About", "Checks", "Assumptions")


def printed_titles(book):
    """The titles of the sheets that are read on paper."""
    return {sheet["A1"].value for sheet in openpyxl.load_workbook(book) if sheet.title.startswith(PRINTED)}


@pytest.mark.usefixtures("libreoffice")
def test_england_prints_on_twenty_pages_at_most(sample_book, tmp_path):
    """211 CCGs in two years: each sheet that is read on paper begins with its title, and all others take no page."""
    texts = printed_texts(sample_book, tmp_path)
    firsts = {text.strip().splitlines()[0].strip() for text in texts}
    charts = {chart.value for chart in openpyxl.load_workbook(sample_book)["Charts"]["A"][4:]}

    assert len(texts) <= 20
    assert printed_titles(sample_book) <= firsts
    assert firsts <= printed_titles(sample_book) | charts


@pytest.mark.usefixtures("libreoffice")
def test_forty_two_boards_print_on_eight_pages_at_most(tmp_path):
    """England's integrated care boards between a floor and a ceiling; their allocations take one page."""
    write_workbook(allocate(**icb_options(tmp_path)), tmp_path / "icb.xlsx")
    texts = printed_texts(tmp_path / "icb.xlsx", tmp_path / "pages")
    title = openpyxl.load_workbook(tmp_path / "icb.xlsx")["Allocations"]["A1"].value

    assert len(texts) <= 8
    assert sum(title in text for text in texts) == 1


# Names and texts ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2014/15", "2014-15"),
        ("a[b]:c*d?e\\f", "a-b--c-d-e-f"),
        ("x" * 40, "x" * 31),
        ("'quoted'", "quoted"),
        ("", "Sheet"),
    ],
)
def test_sheet_names_are_those_that_excel_allows(text, expected):
    """At most 31 characters, no brackets, slashes or :*?, no quotation mark at an end."""
    assert sheet_name(text, set()) == expected


def test_sheets_with_a_fixed_name_are_reserved(sample_book):
    """A scheme whose years, groups or result are called like one of them gets another name for its sheet."""
    names = openpyxl.load_workbook(sample_book, read_only=True).sheetnames
    fixed = [name for name in names if not name.endswith(("2014-15", "2015-16")) and not name.startswith("By ")]

    assert "Charts" in fixed
    assert set(fixed) <= set(FIXED_NAMES)


def test_two_sheets_never_share_a_name():
    """A second sheet of the same name gets a number, within 31 characters; capitals make no difference."""
    used_names: set[str] = set()
    names = [sheet_name("Y" * 35, used_names), sheet_name("y" * 35, used_names)]

    assert names == ["Y" * 31, "y" * 29 + " 2"]


def test_control_characters_become_blanks():
    """A workbook cannot have control characters: they become blanks, line feeds stay."""
    assert clean("a\x00b\x1fc\nd") == "a b c\nd"


def test_lines_that_a_text_needs():
    """Ten words of nine letters need five lines in a column of 20 characters, two to a line."""
    assert lines_needed(" ".join(["nineletts"] * 10), 20) == 5
