"""Rates in %: a heading, a cell, a format or --unit says which numbers are percentages; unclear ones are refused."""

import openpyxl
import pytest

from folders import POPULATION, about, column, rezipped
from fuzzing import ods
from gpit_fairshare.findings import FindingCode
from gpit_fairshare.inputs.model import NeededColumn

RATE = NeededColumn("deprivation_rate", "number", "%")
INDEX = NeededColumn("deprivation_rate", "number", "ratio")


def rates(first, second, heading="Deprivation rate"):
    """A file with the rates of Darlington and Durham Dales as they are written."""
    return f"org_code,{heading}\n00C,{first}\n00D,{second}\n"


def read(folder, extra, need=RATE, **options):
    """The rates by organisation, and the messages about units."""
    inputs = folder.read(POPULATION, extra=extra, needs=(need,), **options)
    return column(inputs, "deprivation_rate"), about(inputs, FindingCode.UNIT)


@pytest.mark.parametrize("need", [RATE, INDEX])
@pytest.mark.parametrize("heading", ["Deprivation rate (%)", "Deprivation rate %", "deprivation_rate [%]"])
def test_plain_numbers_below_a_percent_sign_are_percentages(folder, heading, need):
    """55.0 below `(%)` is 55%, exactly 0.55, and 0.5 is half a per cent; the reading is reported."""
    read_rates, messages = read(folder, rates("55.0", "0.5", heading), need)

    assert read_rates == {"00C": 0.55, "00D": 0.005}
    assert messages == [f"extra.csv: plain numbers are percentages because of their unit: '{heading}'."]


def test_a_cell_with_its_own_sign_is_not_divided_twice(folder):
    """Below `(%)`, 55% stays 55%, and 110 next to it is 110%."""
    assert read(folder, rates("55%", "110", "Deprivation rate (%)"))[0] == {"00C": 0.55, "00D": 1.1}


def test_a_row_of_units_states_percentages(folder):
    """% in the cell below the heading counts as in the heading."""
    text = "org_code,Deprivation rate\n,%\n00C,55\n00D,5.1\n"

    assert read(folder, text)[0] == {"00C": 0.55, "00D": 0.051}


def test_the_unit_option_decides(folder):
    """With --unit, 55 is 55% or 5,500%; a heading that says something else is a warning."""
    text, with_sign = rates("55", "5.1"), rates("55", "5.1", "Deprivation rate (%)")

    assert read(folder, text, units={"Deprivation rate": "%"})[0] == {"00C": 0.55, "00D": 0.051}
    assert read(folder, text, units={"Deprivation rate": "ratio"})[0] == {"00C": 55, "00D": 5.1}
    read_rates, messages = read(folder, with_sign, units={"Deprivation rate (%)": "ratio"})
    assert read_rates == {"00C": 55, "00D": 5.1}
    assert "is read in ratio, as --unit says; the file says % (heading)" in messages[0]


def test_plain_numbers_beyond_one_are_refused_together(folder):
    """One error counts them, shows the first cells and names both remedies."""
    fault = folder.fault(POPULATION, extra=rates("55.0", "-5.1"), needs=(RATE,))

    assert (fault.number, fault.place) == ("I44", "row 2, Deprivation rate")
    assert "2 plain numbers may be percentages or multiples: '55.0' in row 2 and '-5.1' in row 3" in str(fault)
    assert "expected 55% or 5500%" in str(fault)
    assert "--unit 'Deprivation rate=%'" in str(fault)
    assert "--unit 'Deprivation rate=ratio'" in str(fault)


def test_one_plain_number_among_percentages_is_refused(folder):
    """7.7 next to 55% is more likely 7.7% than 770%."""
    assert folder.fault(POPULATION, extra=rates("55%", "7.7"), needs=(RATE,)).place == "row 3, Deprivation rate"


def test_numbers_up_to_one_and_other_units_keep_their_value(folder):
    """1 is 100%; an index of 1.05 or 3 is a ratio, which may be above 1."""
    assert read(folder, rates("1", "-0.2"))[0] == {"00C": 1, "00D": -0.2}
    assert read(folder, rates("1.05", "3"), INDEX)[0] == {"00C": 1.05, "00D": 3}


def test_a_number_in_a_heading_is_no_unit(folder):
    """`Share of the 10% most deprived` says nothing about the unit of the figures."""
    text, mapping = rates("0.4", "0.6", "Most deprived 10%"), {"Most deprived 10%": "deprivation_rate"}

    assert read(folder, text, mapping=mapping) == ({"00C": 0.4, "00D": 0.6}, [])


def test_ratios_below_a_percent_sign_are_a_warning(folder):
    """If no figure is above 1%, the heading may be wrong; --unit settles it."""
    text = rates("0.55", "0.051", "Deprivation rate (%)")
    read_rates, messages = read(folder, text)

    assert read_rates == {"00C": 0.0055, "00D": 0.00051}
    assert "no figure is above 1%" in messages[1]
    assert len(read(folder, text, units={"Deprivation rate (%)": "%"})[1]) == 1


def test_a_rate_is_no_unit_of_money_or_people(folder):
    """--unit 'Patients=%' is refused, as a heading with another unit is."""
    fault = folder.fault(
        "org_code,Patients\n00C,100\n00D,200\n", units={"Patients": "%"}, mapping={"Patients": "registered_population"}
    )

    assert "in people, but its unit is % (--unit)" in str(fault)


@pytest.mark.parametrize("number_format", ["0%", "0.0%", "0.0%;[Red]-0.0%", "0.0\\ %"])
@pytest.mark.parametrize("heading", ["Deprivation rate", "Deprivation rate (%)"])
def test_a_workbook_that_shows_percentages(folder, heading, number_format):
    """A cell that Excel shows as 250% holds 2.5 and is 250%, below any heading; 100% holds the whole number 1."""
    name = folder.book("rates.xlsx", Rates=[["org_code", heading], ["00C", 2.5], ["00D", 1]])
    book = openpyxl.load_workbook(name)
    for row in (2, 3):
        book["Rates"].cell(row, 2).number_format = number_format
    book["Rates"]["E9"].number_format = "0%"  # a cell without a value
    book.save(name)

    assert read(folder, name)[0] == {"00C": 2.5, "00D": 1}


@pytest.mark.parametrize("number_format", ["General", "0.0", '0.0"%"'])
def test_a_workbook_that_shows_plain_numbers(folder, number_format):
    """55 in a cell without a format of % is refused; a % in quotation marks does not multiply what Excel shows."""
    name = folder.book("rates.xlsx", Rates=[["org_code", "Deprivation rate"], ["00C", 55], ["00D", 5.1]])
    book = openpyxl.load_workbook(name)
    book["Rates"]["B2"].number_format = number_format
    book.save(name)

    fault = folder.fault(POPULATION, extra=name, needs=(RATE,))
    assert fault.place == "B2"
    assert "2 plain numbers may be percentages or multiples: 55 in B2 and 5.1 in B3" in str(fault)


def test_an_ods_workbook_that_shows_percentages(folder):
    """A cell of type percentage holds 2 and is 200%; a plain 55 next to it is 55% below `(%)`."""
    data = ods([["org_code", "Deprivation rate (%)"], ["00C", 2], ["00D", 55]])
    plain, percentage = (f'value-type="{kind}" office:value="2"'.encode() for kind in ("float", "percentage"))
    name = folder.file("rates.ods", rezipped(data, content=lambda part: part.replace(plain, percentage)))

    assert read(folder, name)[0] == {"00C": 2, "00D": 0.55}
