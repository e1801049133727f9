"""On the sheet One organisation a reader chooses a code, and every cell shows that organisation's figures."""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

import formualizer
import openpyxl
import pytest

from books import CODES, NAMES, a_dozen, odd_run
from changing import evaluated
from gpit_fairshare import allocate
from gpit_fairshare.language.kinds import ORGANISATION
from gpit_fairshare.verification import verify
from gpit_fairshare.workbook.result_workbook import write_workbook
from gpit_fairshare.workbook.text_widths import lines_needed
from hard_schemes import groups_of_groups, merged, no_money, no_population, one_organisation
from recalculation import plant_everywhere, recalculated_rows
from retouching import change_cell, type_over
from running import write_rows
from small_schemes import TWO, rows_of, scheme

if TYPE_CHECKING:
    from pathlib import Path

    from gpit_fairshare import Result

SHEET = "One organisation"
FIRST, CHOICE = 5, "D5"
YEARS = ("2014/15", "2015/16")
LADDER = "From opening baseline to allocation"
COMPARE = "Figures to compare"
CALCULATION = "Calculation, step by step"
NOTHING = "[z]"


@dataclass
class Written:
    """A result and its workbook, read once with its formulas; `rows` has the stored values of the sheet."""

    result: Result
    path: Path
    book: openpyxl.Workbook
    rows: dict[tuple[str, str, str], list[object]]


def written(result, path):
    """Write the workbook of a result and read it."""
    write_workbook(result, path)
    return Written(result, path, openpyxl.load_workbook(path), stored(path))


@pytest.fixture(scope="module")
def dozen(tmp_path_factory):
    """The first twelve CCGs of the sample in both years, with money of their size."""
    folder = tmp_path_factory.mktemp("dozen")
    money = {"revenue_budget": 7_000_000, "transition_fund@2014/15": 200_000, "transition_fund@2015/16": 20_000}
    return written(allocate(**a_dozen(folder), settings=money, with_effects=False), folder / "dozen.xlsx")


@pytest.fixture(scope="module")
def odd(tmp_path_factory):
    """Codes such as 0123 and 1E5, names such as =1+1, areas, groups and blanks."""
    folder = tmp_path_factory.mktemp("odd")
    return written(odd_run(folder), folder / "odd.xlsx")


def table(rows):
    """Return the rows of the sheet as {(part, figure, unit): values of the years}."""
    return {tuple(row[:3]): list(row[3:]) for row in rows[FIRST - 1 :]}


def stored(path):
    """Return the table with its stored values."""
    return table([list(row) for row in openpyxl.load_workbook(path, data_only=True)[SHEET].iter_rows(values_only=True)])


def by_figure(rows, part):
    """Return the rows of one part by their figure and unit."""
    return {(figure, unit): values for (its_part, figure, unit), values in rows.items() if its_part == part}


def chosen(path: Path, code: str, target: Path) -> Path:
    """Write a copy of a workbook with another code in the blue cell."""
    shutil.copyfile(path, target)
    type_over(target, SHEET, CHOICE, code)
    return target


def calculated(path: Path):
    """Return the table as formualizer calculates it."""
    with path.open("rb") as stream:
        sheets = openpyxl.load_workbook(stream, read_only=True)
        sizes = {sheet.title: (sheet.max_row, sheet.max_column) for sheet in sheets if sheet.title == SHEET}
    return table(evaluated(formualizer.load_workbook(str(path)), sizes)[SHEET])


def expected(result, code):
    """Return the ladder and the figures to compare of a CCG, from the columns of the run alone."""
    now = {year: result.year(year).filter(org_code=code).row(0, named=True) for year in YEARS}
    before = [now["2014/15"]["historic_spend"], now["2014/15"]["allocation"]]
    fair, answer, people = (
        [now[year][name] for year in YEARS] for name in ("fair_share", "allocation", "registered_population")
    )
    index = result.years["2014/15"].codes().index(code)
    pairs = list(zip(before, fair, answer, people, strict=True))
    ladder = {
        ("Opening baseline", "£"): before,
        ("Change from opening baseline to fair share", "£"): [target - opening for opening, target, _, _ in pairs],
        ("Fair share", "£"): fair,
        ("Change from fair share to allocation", "£"): [after - target for _, target, after, _ in pairs],
        ("Allocation", "£"): answer,
    }
    compared = {
        ("Registered population", "people"): people,
        ("Allocation per head", "£ per head"): [after / heads for _, _, after, heads in pairs],
        ("Distance of opening baseline from fair share", "%"): [old / target - 1 for old, target, _, _ in pairs],
        ("Distance of allocation from fair share", "%"): [after / target - 1 for _, target, after, _ in pairs],
        ("Change on opening baseline", "£"): [after - old for old, _, after, _ in pairs],
        ("Change on opening baseline", "%"): [after / old - 1 for old, _, after, _ in pairs],
        ("Outcome; gains and losses are on historic spend", "text"): [
            result.years[year].outcomes[index] for year in YEARS
        ],
    }
    return ladder, compared


def assert_same(rows, figures):
    """Every figure of the table is the expected one, to twelve digits, and no row is missing."""
    assert rows.keys() == figures.keys()
    for name, values in figures.items():
        if all(isinstance(value, int | float) for value in values):
            assert rows[name] == pytest.approx(values, rel=1e-12, abs=1e-12), name
        else:
            assert rows[name] == values, name


# What the sheet shows -----------------------------------------------------------------------------------------


def test_largest_loss_on_the_opening_baseline_is_chosen_at_first(dozen):
    """Of all CCGs, none falls by more £ from 2014/15 to 2015/16 than the one on the sheet."""
    before, after = (rows_of(dozen.result, "allocation", year) for year in YEARS)
    falls = {code: before[code] - after[code] for code in before}
    code = dozen.book[SHEET][CHOICE].value

    assert falls[code] == max(falls.values())
    assert falls[code] > 0


def test_figures_of_the_first_choice_are_those_of_the_run(dozen):
    """Ladder, comparison and each step of the calculation, with the columns of the run in the scheme's order."""
    result, rows, code = dozen.result, dozen.rows, dozen.book[SHEET][CHOICE].value
    ladder, compared = expected(result, code)

    assert_same(by_figure(rows, LADDER), ladder)
    assert_same(by_figure(rows, COMPARE), compared)
    assert rows["CCG", "Name", "text"] == [result.year(YEARS[0]).filter(org_code=code)["org_name"][0]] * 2
    steps = by_figure(rows, CALCULATION)
    organisation_steps = [step for step in result.scheme.steps if step.kind == ORGANISATION]
    assert [label for label, _ in steps] == ["Historic spend", *(step.label for step in organisation_steps)]
    for step in organisation_steps:
        values = [result.year(year).filter(org_code=code)[step.name][0] for year in YEARS]
        values = [("no", "yes")[value] if isinstance(value, bool) else value for value in values]
        assert steps[step.label, step.unit] == values, step.label


def test_ladder_adds_up_from_opening_baseline_to_allocation(dozen):
    """Opening baseline and both changes make the allocation of each year, to the penny."""
    opening, to_fair_share, fair_share, to_allocation, allocation = by_figure(dozen.rows, LADDER).values()

    for year in range(2):
        assert round(100 * (opening[year] + to_fair_share[year])) == 100 * fair_share[year]
        assert round(100 * (opening[year] + to_fair_share[year] + to_allocation[year])) == 100 * allocation[year]


def test_every_cell_but_the_blue_one_is_a_formula(dozen):
    """A plain figure would not follow the code that a reader chooses; the code of later years is the same cell."""
    sheet = dozen.book[SHEET]
    plain = [
        cell.coordinate
        for row in sheet.iter_rows(FIRST, None, 4)
        for cell in row
        if not str(cell.value).startswith("=")
    ]

    assert plain == [CHOICE]
    assert sheet["E5"].value == "=$D$5"
    assert sheet[CHOICE].number_format == "@"  # 0123 stays a text when it is chosen


def test_only_codes_of_the_run_are_accepted(dozen):
    """The blue cell has a list of the twelve codes, refuses others, and is the only cell that is not locked."""
    book = dozen.book
    (rule,) = book[SHEET].data_validations.dataValidation
    sheet, first, last = re.fullmatch(r"'(.*)'!\$A\$(\d+):\$A\$(\d+)", rule.formula1).groups()
    listed = [book[sheet].cell(row, 1).value for row in range(int(first), int(last) + 1)]

    assert str(rule.sqref) == CHOICE
    assert (rule.type, rule.errorStyle or "stop", bool(rule.showErrorMessage)) == ("list", "stop", True)
    assert not rule.allowBlank
    assert listed == sorted(dozen.result.years["2014/15"].codes())
    assert [cell.coordinate for row in book[SHEET].iter_rows() for cell in row if not cell.protection.locked] == [
        CHOICE
    ]


def test_rows_are_high_enough_for_the_longest_name(dozen, odd):
    """Another choice may have a longer name or area, and the height of a row of a protected sheet stays."""
    for run in (dozen, odd):
        result, sheet = run.result, run.book[SHEET]
        width = sheet.column_dimensions["D"].width
        for row, name in ((6, "org_name"), (7, result.scheme.report_by)):
            texts = [text for text in result.year(YEARS[0])[name].to_list() if text]
            lines = max(lines_needed(text, width) for text in texts)
            assert (sheet.row_dimensions[row].height or 15) >= 12.75 * lines


def test_chart_has_a_bar_for_each_rung_in_two_colours(dozen):
    """Amounts at places 1, 3 and 5 and changes at 2 and 4, of the last year, in two colours; changes have signs."""
    (chart,) = dozen.book[SHEET]._charts  # openpyxl has no other way
    amounts, changes = chart.series
    hidden = [[point.idx for point in series.dPt] for series in (amounts, changes)]
    colours = {str(series.spPr.solidFill.srgbClr) for series in (amounts, changes)}

    assert {series.val.numRef.f for series in (amounts, changes)} == {f"'{SHEET}'!$E$8:$E$12"}
    assert hidden == [[1, 3], [0, 2, 4]]
    assert len(colours) == 2
    assert changes.dLbls.numFmt.startswith("+")
    assert amounts.dLbls.numFmt.startswith("£")


# Other choices ------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("libreoffice")
def test_twenty_choices_recalculated_by_libreoffice_are_the_figures_of_the_run(tmp_path):
    """Every tenth CCG is chosen in a copy in which every stored value is wrong."""
    result, path = allocate(sample=True, with_effects=False), tmp_path / "sample.xlsx"
    write_workbook(result, path)
    plant_everywhere(path, tmp_path / "planted.xlsx")
    codes = result.years["2014/15"].codes()[3::10][:20]
    copies = [chosen(tmp_path / "planted.xlsx", code, tmp_path / f"{code}.xlsx") for code in codes]
    assert len(copies) == 20

    for code, sheets in zip(codes, recalculated_rows(copies, seconds=600), strict=True):
        rows = table(sheets[SHEET])
        ladder, compared = expected(result, code)
        assert_same(by_figure(rows, LADDER), ladder)
        assert_same(by_figure(rows, COMPARE), compared)
        steps = by_figure(rows, CALCULATION)
        for step in (step for step in result.scheme.steps if step.kind == ORGANISATION):
            values = [result.year(year).filter(org_code=code)[step.name][0] for year in YEARS]
            if step.unit == "yes/no":
                values = [("no", "yes")[value] for value in values]
            else:
                values = pytest.approx(values, rel=1e-12)
            assert steps[step.label, step.unit] == values, (code, step.label)


def test_a_code_without_one_of_the_years_shows_z_in_it(tmp_path):
    """00F became part of 13T: it has £200 of spend and an allocation in 2014/15, and nothing in 2015/16."""
    result = merged(tmp_path)
    write_workbook(result, tmp_path / "book.xlsx")
    rows = calculated(chosen(tmp_path / "book.xlsx", "00F", tmp_path / "00F.xlsx"))
    ladder = {figure: values for (figure, _), values in by_figure(rows, LADDER).items()}

    assert ladder["Opening baseline"] == [200, NOTHING]
    assert ladder["Allocation"] == [rows_of(result, "allocation")["00F"], NOTHING]
    assert ladder["Change from opening baseline to allocation"] == [ladder["Allocation"][0] - 200, NOTHING]
    assert {values[1] for (part, _, _), values in rows.items() if part in (LADDER, COMPARE, CALCULATION)} == {NOTHING}
    assert rows["CCG", "Name", "text"] == ["[not given]", NOTHING]


def test_choices_after_a_merger_are_the_codes_of_all_years(tmp_path):
    """00F, 00G and 00H of the first year, 13T of the second and 01A of both are on a sheet of their own."""
    write_workbook(merged(tmp_path), tmp_path / "book.xlsx")
    book = openpyxl.load_workbook(tmp_path / "book.xlsx")
    (rule,) = book[SHEET].data_validations.dataValidation

    assert rule.formula1 == "'Codes'!$A$5:$A$9"
    assert [cell.value for cell in book["Codes"]["A"][4:]] == ["00F", "00G", "00H", "01A", "13T"]


@pytest.mark.parametrize("code", ["XYZ", "", "0?23"])
def test_a_code_that_no_organisation_has_is_named_as_such(odd, tmp_path, code):
    """Pasted past the list, a code that is wrong, blank or a pattern gives no figure of any organisation."""
    rows = calculated(chosen(odd.path, code, tmp_path / "wrong.xlsx"))

    assert rows["Practice", "Name", "text"] == ["no practice of this run has this code"] * 2
    figures = {
        value for (part, _, _), values in rows.items() if part in (LADDER, COMPARE, CALCULATION) for value in values
    }
    assert figures <= {NOTHING}


@pytest.mark.parametrize("code", ["0123", "1E5", "00A", "P1", "P3"])
def test_codes_and_names_of_all_kinds_are_found(odd, tmp_path, code):
    """0123 and 1E5 are texts, a name such as =1+1 is a text, and the figures are those of its row."""
    rows = calculated(chosen(odd.path, code, tmp_path / "chosen.xlsx"))
    allocation = [rows_of(odd.result, "allocation", year)[code] for year in YEARS]

    assert rows["Practice", "Code: choose it in the blue cell", "text"] == [code] * 2
    assert rows["Practice", "Name", "text"] == [NAMES[CODES.index(code)] or "[not given]"] * 2
    assert by_figure(rows, LADDER)["Allocation", "£"] == pytest.approx(allocation, rel=1e-9)
    need = {"0123": 1.5, "1E5": "–", "P1": "–"}.get(code)
    if need:
        assert by_figure(rows, CALCULATION)["Need index", "ratio"] == [need] * 2


def test_small_letters_are_accepted(odd, tmp_path):
    """p1 finds P1; gpit refuses a second code that differs in capitals only."""
    rows = calculated(chosen(odd.path, "p1", tmp_path / "chosen.xlsx"))
    allocation = [rows_of(odd.result, "allocation", year)["P1"] for year in YEARS]

    assert by_figure(rows, LADDER)["Allocation", "£"] == pytest.approx(allocation, rel=1e-9)


# Other schemes ------------------------------------------------------------------------------------------------


def test_without_spend_the_first_year_has_no_opening_baseline(tmp_path):
    """Later years open with the allocation of the year before, and the note says so."""
    people = [{"org_code": code, "registered_population": heads} for code, heads in (("A", 100), ("B", 300))]
    path = scheme(tmp_path, "allocation = share_out(pot, by=registered_population) # £", years=TWO)
    write_workbook(allocate(population=write_rows(tmp_path / "p.csv", people), scheme=path), tmp_path / "book.xlsx")
    sheet = openpyxl.load_workbook(tmp_path / "book.xlsx")[SHEET]

    assert by_figure(stored(tmp_path / "book.xlsx"), LADDER)["Opening baseline", "£"] == [NOTHING, 250]
    assert "Opening baseline: last year's allocation." in sheet["A2"].value


@pytest.mark.parametrize(
    ("make", "label", "unit"),
    [(no_money, "Allocation", "ratio"), (no_population, "Allocation", "£")],
    ids=["not money", "one year without spend"],
)
def test_a_result_without_baseline_and_fair_share_has_no_ladder_and_no_chart(tmp_path, make, label, unit):
    """It has the answer with its unit, and no figures that the run does not have."""
    write_workbook(make(tmp_path), tmp_path / "book.xlsx")
    rows = stored(tmp_path / "book.xlsx")

    assert list(by_figure(rows, "Result")) == [(label, unit)]
    assert not openpyxl.load_workbook(tmp_path / "book.xlsx")[SHEET]._charts
    assert not {figure for _, figure, _ in rows if "baseline" in figure or "Distance" in figure}


def test_one_organisation_alone_has_its_sheet(tmp_path):
    """Every range has one cell; A's opening baseline is £950.25 and it gets all £1,000."""
    write_workbook(one_organisation(tmp_path), tmp_path / "book.xlsx")
    ladder = by_figure(stored(tmp_path / "book.xlsx"), LADDER)

    assert ladder["Opening baseline", "£"] == [950.25, 1000]
    assert ladder["Change from opening baseline to fair share", "£"] == [49.75, 0]
    assert ladder["Allocation", "£"] == [1000, 1000]


def test_steps_of_groups_show_the_figure_of_the_organisations_group(tmp_path):
    """P3 is alone in CCG 00B with 600 people; P1 and P2 of the other CCG of its region have 400 together."""
    write_workbook(groups_of_groups(tmp_path), tmp_path / "book.xlsx")
    for code, people in (("P1", 400), ("P3", 600), ("P4", 1000)):
        rows = calculated(chosen(tmp_path / "book.xlsx", code, tmp_path / f"{code}.xlsx"))
        assert by_figure(rows, CALCULATION)["ccg_people", "people"] == [people]


# A workbook with another choice --------------------------------------------------------------------------------


@pytest.mark.slow
def test_another_choice_is_no_difference_for_verify(tmp_path):
    """It is reported as filled in; a formula of the sheet that was changed is still found."""
    write_workbook(allocate(sample=True), tmp_path / "written.xlsx")
    path = chosen(tmp_path / "written.xlsx", "00C", tmp_path / "sample.xlsx")
    change_cell(path, SHEET, "D6", lambda xml: re.sub(r"<v>.*?</v>", "<v>Another name</v>", xml))
    verification = verify(path)

    assert verification.verdict == "same content"
    assert [(entry.name, entry.now) for entry in verification.filled_in] == [(f"Code on the sheet {SHEET}", "00C")]
    change_cell(path, SHEET, "D12", lambda xml: xml.replace("'2014-15'!", "'2015-16'!"))
    assert [difference.place for difference in verify(path).content.kept] == [f"{SHEET}!D12"]
