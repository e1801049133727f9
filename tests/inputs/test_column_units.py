"""Units of columns: unknown units are refused, harmless words are accepted, and --unit decides."""

import json

import pytest

from folders import POPULATION, about, column
from gpit_fairshare import allocate, verify
from gpit_fairshare.errors import UsageError
from gpit_fairshare.findings import FindingCode
from gpit_fairshare.inputs.columns.standard_columns import standard_columns
from gpit_fairshare.inputs.columns.units import has_percent_sign, heading_unit, split_unit
from gpit_fairshare.results.writing import write_json
from running import gpit, words

K, M = 1_000, 1_000_000
REFUSED = None

MONEY = {
    # heading: value of one figure in £; None if it is refused
    "GP IT spend (£m, 2014/15 prices)": M,
    "GP IT spend (£mill)": M,
    "GP IT spend per head (£)": REFUSED,
    "Spend (£m 2014/15)": M,
    "Spend (£m, nominal)": M,
    "Spend (£mil)": M,
    "Spend (£mln)": M,
    "Spend (£ Mio)": M,
    "Spend (£MM)": M,
    "Spend (M£)": REFUSED,
    "Spend (£m.)": M,
    "Spend (£th)": K,
    "Spend (£thou)": K,
    "Spend (Thous)": K,
    "Spend (m)": REFUSED,
    "Spend (p)": REFUSED,
    "Spend (Â£m)": M,
    # further ones
    "Spend (£ mills, outturn)": M,
    "Spend (2013/14 outturn, £000s)": K,
    "Spend, £ million (cash)": M,
    "GP IT costs £m net of VAT": M,
    "Spend (thousands of pounds)": K,
    "Spend (GBP k, provisional)": K,
    "Spend (£1000s)": K,
    "Spend (£/patient)": REFUSED,
    "Spend a head (£)": REFUSED,
    "Spend per weighted patient, £": REFUSED,
    "Spend (£00)": REFUSED,
    "Spend (£ lakh)": REFUSED,
    "Spend (tsd)": REFUSED,
    "Spend (EUR)": REFUSED,
    "Spend £000 or £m": REFUSED,
    "spend_m": REFUSED,
    "Spend pence": REFUSED,
    "Spend (% of total)": REFUSED,
    "Spend (x 1,000)": REFUSED,
    "Spend (patients)": REFUSED,
    "Spend £/month": REFUSED,
    "Spend £ 10k": REFUSED,
    "Outturn £ 0.1m": REFUSED,
    "Spend p": REFUSED,
    "Spend TEUR": REFUSED,
    "Monthly spend": REFUSED,
    "Spend YTD": REFUSED,
    "Spend £ (Apr-Sep)": REFUSED,
    "Spend £k (rounded)": K,
    "Spend £m (2dp)": M,
}
PEOPLE = {
    "Patients (k)": K,
    "Patients (th)": K,
    "Patients (1000s)": K,
    "Patients per 1,000": REFUSED,
    "Patients (%)": REFUSED,
    # further ones
    "Patients (000 people)": K,
    "Patients (thousands, all ages)": K,
    "Patients, million": M,
    "Patients '000s": K,
    "List size '000": K,
    "Registered list (1,000s)": K,
    "Patients per GP": REFUSED,
    "Patients (per cent)": REFUSED,
    "Patients (m)": REFUSED,
    "Patients (hundreds)": REFUSED,
    "Patients (£)": REFUSED,
    "Patients (per practice)": REFUSED,
}
AS_WRITTEN = [
    # money, of the issue and of other tables
    ("spend", "Spend 2014/15 (£)"),
    ("spend", "Historic spend (£, net of VAT)"),
    ("spend", "Historic spend (£) (outturn)"),
    ("spend", "GP IT revenue 2013-14 outturn (£)"),
    ("spend", "GPIT 13/14 actual £"),
    ("spend", "GP IT spend (net of VAT)"),
    ("spend", "GP IT spend (committed, revenue)"),
    ("spend", "GP IT spend [2013-14]"),
    ("spend", "IM&T expenditure (£)"),
    ("spend", "Total expenditure, £"),
    ("spend", "Spend (GBP)"),
    ("spend", "Spend in pounds"),
    ("spend", "Spend (£ sterling)"),
    ("spend", "spend_gbp"),
    ("spend", "Historic spend (revenue, recurrent)"),
    ("spend", "Historic spend, 2013/14 prices"),
    ("spend", "Historic spend (cash terms)"),
    ("spend", "Annual cost of GP IT (£ per annum)"),
    ("spend", "GP IT spend per CCG (£)"),
    ("spend", "GP IT budget 2013/14 (£) - final"),
    ("spend", "Spend FY2013-14 (£, unaudited)"),
    ("spend", "Spend at month 12 (£)"),
    ("spend", "GP IT Spend (draft)"),
    ("spend", "GP IT Spend (£) (excluding VAT)"),
    ("spend", "Pay: PRB, DDRB, SAS pay deal (£)"),
    ("spend", "Expenditure: primary care IT (£)"),
    ("spend", "Spend (31/03/2014)"),
    ("spend", "Spend (year end 31 March 2014)"),
    ("spend", "historic_spend"),
    ("spend", "Cost - GP IT (£) 2013/14"),
    ("spend", "Running costs (total, £)"),
    ("spend", "GP IT: running costs and licences"),
    ("spend", "Spend £ (excl. VAT)"),
    ("spend", "Spend (whole £)"),
    ("spend", "Historic spend (£, rounded)"),
    ("spend", "Spend £ (Apr 2013 to Mar 2014)"),
    # people
    ("population", "Registered population (people)"),
    ("population", "Patients (1 April 2014)"),
    ("population", "Number of Registered Patients (Last Known Figure)"),
    ("population", "Average Number of Registered Patients"),
    ("population", "NUMBER_OF_PATIENTS"),
    ("population", "Patients registered at 1 April 2014"),
    ("population", "Patients, all ages"),
    ("population", "Registered population (2014-15)"),
    ("population", "List size (as at 01/04/2014)"),
    ("population", "Raw list size (Apr-14)"),
    ("population", "Registered patients (persons)"),
    ("population", "Population, mid-year 2014"),
    ("population", "Registered patients, ONS, 2014"),
    ("population", "Total list size (all practices)"),
    ("population", "GP registered population (all ages, both sexes)"),
    ("population", "Registered Patients at 1st January 2014"),
    ("population", "Patients (April 2014, provisional)"),
    ("population", "Patients 2014"),
    ("population", "Total patients (NHS England)"),
    ("population", "List size [as at 2014-04-01]"),
]
NAMES_THAT_SAY_NOTHING = [
    ("M12", "spend.xlsx"),
    ("Sheet1 (2)", "spend.xlsx"),
    ("Table 3(k)", "spend.xlsx"),
    ("Sheet1", "spend_final (1).xlsx"),
    ("GP IT £140m", "spend.xlsx"),
    ("2014-15", "CCG returns v2 FINAL.xlsx"),
    ("Band K", "M12 returns.xlsx"),
    ("CCG (M-Z)", "spend 2014 m.xlsx"),
    ("1000 practices", "000123.xlsx"),
    ("GP IT (£)", "returns k.xlsx"),
    ("Data (thousand islands)", "x (000).xlsx"),
]
TITLES_THAT_SAY_NOTHING = [
    "Table 3(k): GP IT spend by CCG",
    "How the £140m was shared out",
    "GP IT spend by CCG, 2014/15 (£)",
    "M12 returns of 211 CCGs",
    "For CCGs with more than 500,000 patients",
    "Data (2)",
]


def money(heading, *rows):
    """A spend file with this heading and figures of two CCGs."""
    first, second = rows or ("0.25", "300")
    return f'org_code,"{heading}"\n00C,{first}\n00D,{second}\n'


@pytest.mark.parametrize(("heading", "factor"), MONEY.items())
def test_headings_of_money(folder, heading, factor):
    """A figure of 0.25 is read in the unit of its heading, or an error names the heading."""
    text = money(heading)
    mapping = {heading: "historic_spend"}
    if factor is REFUSED:
        (fault,) = folder.faults(POPULATION, text, mapping=mapping)
        assert fault.number == FindingCode.UNIT.number
        assert heading in fault.found
        return
    inputs = folder.read(POPULATION, text, mapping=mapping)

    assert column(inputs, "historic_spend") == {"00C": 0.25 * factor, "00D": 300.0 * factor}
    assert f"by {factor:,}" in about(inputs, FindingCode.UNIT)[0]


@pytest.mark.parametrize(("heading", "factor"), PEOPLE.items())
def test_headings_of_people(folder, heading, factor):
    """A figure of 2.5 is read in the unit of its heading, or an error names the heading."""
    text = f'org_code,"{heading}"\n00C,2.5\n00D,3\n'
    mapping = {heading: "registered_population"}
    if factor is REFUSED:
        (fault,) = folder.faults(text, mapping=mapping)
        assert fault.number == FindingCode.UNIT.number
        assert heading in fault.found
        return

    people = column(folder.read(text, mapping=mapping), "registered_population")
    assert people == {"00C": 2.5 * factor, "00D": 3.0 * factor}


@pytest.mark.parametrize(("role", "heading"), AS_WRITTEN)
def test_headings_that_change_no_figure(folder, role, heading):
    """Years, dates, prices and similar words in a heading do not change its figures."""
    name = "historic_spend" if role == "spend" else "registered_population"
    text = f'org_code,"{heading}"\n00C,100\n00D,200\n'
    files = {"population": POPULATION, role: text}
    inputs = folder.read(**files, mapping={heading: name})

    assert column(inputs, name) == {"00C": 100.0, "00D": 200.0}
    assert about(inputs, FindingCode.UNIT) == []


@pytest.mark.parametrize(("sheet", "file"), NAMES_THAT_SAY_NOTHING)
def test_names_that_say_nothing(folder, sheet, file):
    """The name of a sheet or file without £ and a scale, or a scale next to a word for figures, states no unit."""
    book = folder.book(file, **{sheet: [["org_code", "historic_spend"], ["00C", 100], ["00D", 200]]})
    inputs = folder.read(POPULATION, book)

    assert column(inputs, "historic_spend") == {"00C": 100.0, "00D": 200.0}
    assert about(inputs, FindingCode.UNIT) == []


@pytest.mark.parametrize("title", TITLES_THAT_SAY_NOTHING)
def test_titles_that_say_nothing(folder, title):
    """A title about amounts without a scale states no unit."""
    inputs = folder.read(POPULATION, f'"{title}",\norg_code,historic_spend\n00C,100\n00D,200\n')

    assert column(inputs, "historic_spend") == {"00C": 100.0, "00D": 200.0}


@pytest.mark.parametrize(
    ("sheet", "file", "stated_by"),
    [
        ("GP IT spend £000", "spend.xlsx", "name of the sheet"),
        ("Spend (£k)", "spend.xlsx", "name of the sheet"),
        ("GBP 000", "spend.xlsx", "name of the sheet"),
        ("Sheet1", "GP IT spend £000.xlsx", "name of the file"),
        ("Sheet1", "gp_it_spend_£k.xlsx", "name of the file"),
        ("Sheet1", "returns (£ thousands).xlsx", "name of the file"),
    ],
)
def test_names_that_state_a_unit(folder, sheet, file, stated_by):
    """£ with a scale in the name of the sheet or file applies to the whole table, and the finding says where it is."""
    book = folder.book(file, **{sheet: [["org_code", "historic_spend"], ["00C", 100], ["00D", 200]]})
    inputs = folder.read(POPULATION, book)

    assert column(inputs, "historic_spend") == {"00C": 100_000.0, "00D": 200_000.0}
    (note,) = about(inputs, FindingCode.UNIT)
    assert stated_by in note


@pytest.mark.parametrize("name", ["spend_000s", "Spend in thousands", "figures in millions", "Patients (thousands)"])
@pytest.mark.parametrize("place", ["sheet", "file", "title", "note"])
def test_scales_that_leave_open_which_figures(folder, name, place):
    """A scale next to a word for figures, without £, may mean money or people: an error unless a heading decides."""
    rows = [["org_code", "historic_spend"], ["00C", 100], ["00D", 200]]
    if place == "title":
        rows.insert(0, [name, None])
    if place == "note":
        rows += [[None, None], [f"Note: {name}", None]]
    book = folder.book(f"{name if place == 'file' else 's'}.xlsx", **{name if place == "sheet" else "S": rows})

    (fault,) = folder.faults(POPULATION, book)
    assert fault.number == FindingCode.UNIT.number
    assert "does not make clear" in fault.found
    inputs = folder.read(POPULATION, book, units={"historic_spend": "£000"})
    assert column(inputs, "historic_spend")["00C"] == 100_000.0


def test_scale_of_patients_in_a_title(folder):
    """A title with thousands above patients is an error: ignoring it would lose 999 of 1,000 patients."""
    text = "Registered patients (thousands)\norg_code,registered_population\n00C,106\n00D,290\n"

    assert "does not make clear" in folder.fault(text).found
    inputs = folder.read(text, units={"registered_population": "000 people"})
    assert column(inputs, "registered_population") == {"00C": 106_000.0, "00D": 290_000.0}


ABOVE = "GP IT spend by CCG\n{}\n\norg_code,historic_spend\n00C,0.25\n00D,0.3\n"


@pytest.mark.parametrize(("cell", "factor"), [("£ million", M), ("£m", M), ("£'000", K), ("(£k)", K), ("GBP m", M)])
@pytest.mark.parametrize("below", [False, True])
def test_unit_in_the_column_of_codes(folder, cell, factor, below):
    """A unit above or below the heading of codes applies to the whole table, because codes have no unit."""
    text = f"org_code,historic_spend\n{cell},\n00C,0.25\n00D,0.3\n" if below else ABOVE.format(cell)
    inputs = folder.read(POPULATION, text)

    assert column(inputs, "historic_spend") == {"00C": 0.25 * factor, "00D": 0.3 * factor}
    assert f"by {factor:,} ({cell.strip('()')})" in about(inputs, FindingCode.UNIT)[0]


PAIR = [["00C", "Darlington", 713, 1426], ["00D", "Durham Dales", 500, 900]]


def both(folder, *rows, **options):
    """Both tables from one workbook with rows above or below its headings."""
    book = folder.book("both.xlsx", S=[*rows, *PAIR])
    inputs = folder.read(book, book, **options)
    return column(inputs, "registered_population")["00C"], column(inputs, "historic_spend")["00C"]


BOTH = ["CCG Code", "CCG Name", "Registered patients", "GP IT spend"]


@pytest.mark.parametrize("below", [False, True])
@pytest.mark.parametrize(
    "units",
    [
        ["", "", "k", "£k"],
        ["", "", "thousands", "£000, net of VAT"],
        ["", "Units", "(000)", "£000 2013/14"],
        ["Units", "", "000s", "£000 (net)"],
        ["", "unit of measure", "1,000s", "£'000 pa"],
        ["", "", "000 people", "£ thousands, outturn"],
    ],
)
def test_rows_of_units(folder, units, below):
    """A row of units is read cell by cell, above the headings or below them, with years and words among its units."""
    rows = [BOTH, units] if below else [units, BOTH]

    assert both(folder, *rows) == (713_000.0, 1_426_000.0)


@pytest.mark.parametrize("code", ["10K", "11M", "1K", "00K", "05M", "11k"])
@pytest.mark.parametrize("figure", ["1000", "1,000", "1000000", "0"])
def test_first_rows_are_no_units(folder, code, figure):
    """A code such as 10K and a figure of 1,000 in the first row are an organisation, not a row of units."""
    inputs = folder.read(f'org_code,registered_population\n{code},"{figure}"\n00D,200\n')

    assert column(inputs, "registered_population")[code] == float(figure.replace(",", ""))


@pytest.mark.parametrize("below", [False, True])
@pytest.mark.parametrize("neighbour", ["FTE", "Y/N", "n/a", "rank", "date", "index"])
def test_neighbours_of_units(folder, neighbour, below):
    """A text above another column does not hide units: thousands and £000 are applied next to FTE."""
    units = ["", "", "thousands", "£000", neighbour]
    head = [*BOTH, "other"]
    rows = [head, units] if below else [units, head]

    assert both(folder, *rows) == (713_000.0, 1_426_000.0)


@pytest.mark.parametrize("below", [False, True])
@pytest.mark.parametrize(
    "unit", ["€", "pence", "£ per month", "£ per head", "£/head", "x1000", "£,000", "£00", "£ (6 months)", "%", "£ 10k"]
)
def test_units_next_to_headings_that_are_not_understood(folder, unit, below):
    """A unit that is an error in a heading is also an error above or below it; --unit resolves it."""
    units = ["", "", "", unit]
    rows = [BOTH, units] if below else [units, BOTH]
    (fault,) = folder.faults(*[folder.book("both.xlsx", S=[*rows, *PAIR])] * 2)

    assert fault.number == FindingCode.UNIT.number
    assert f"'{unit}' is not understood" in fault.found
    assert both(folder, *rows, units={"GP IT spend": "£000"})[1] == 1_426_000.0


@pytest.mark.parametrize(
    "groups",
    [
        ["", "", "April 2014", "2013/14 outturn"],
        ["Allocations (ICB core services)", "", "", "Baseline construction 2025/26"],
        ["CCGs (all)", "", "Patients (GP lists)", "Spend (returns, draft)"],
    ],
)
def test_group_headings_are_no_units(folder, groups):
    """Years and words above the headings, as over groups of columns, are not a row of units."""
    assert both(folder, groups, BOTH) == (713.0, 1426.0)


@pytest.mark.parametrize(
    "title",
    [
        "Units: thousands",
        "Unit: 1,000 GBP",
        "Currency: GBP ('000)",
        "Money in k",
        "x 1000",
        "(000)",
        "All figures in pence",
        "Figures in £00s",
        "All figures are in euros",
        "Currency: €",
    ],
)
def test_titles_of_other_units(folder, title):
    """A title with a unit other than pounds and people is an error unless a heading decides."""
    faults = folder.faults(*[folder.book("both.xlsx", S=[[title], [], BOTH, *PAIR])] * 2)

    assert any("does not make clear" in fault.found for fault in faults)


@pytest.mark.parametrize(("heading", "unit"), [("Unit", "£000"), ("Units", "£k"), ("Currency", "EUR")])
def test_units_of_rows(folder, heading, unit):
    """A column with the unit of each row is not supported, so a unit in it is an error."""
    text = f"org_code,historic_spend,{heading}\n00C,5,{unit}\n00D,6,{unit}\n"

    assert f"'{heading}: {unit}' does not make clear" in folder.fault(POPULATION, text).found
    plain = folder.read(POPULATION, text.replace(unit, "£"))
    assert column(plain, "historic_spend") == {"00C": 5.0, "00D": 6.0}


@pytest.mark.parametrize("cell", ["000s", "thousands", "in millions"])
def test_scale_in_the_column_of_codes(folder, cell):
    """A scale without £ in the column of codes may mean any figures, and is an error."""
    assert "does not make clear" in folder.fault(POPULATION, ABOVE.format(cell)).found


def test_heading_and_cell_that_contradict(folder):
    """£ in the heading and £000 in the cell below it cannot both be right."""
    fault = folder.fault(POPULATION, "org_code,Spend (£)\n,£000\n00C,5\n00D,6\n")

    assert "'Spend (£)' says £, but the cell next to it says £000" in fault.found


def test_other_columns_are_left_alone(folder):
    """The heading of an index, or of a column that is not used, may have any words."""
    text = 'org_code,"historic_spend","Index (per 1,000)","Weighted patients (x)"\n00C,100,1,2\n00D,200,3,4\n'
    inputs = folder.read(POPULATION, text)

    assert column(inputs, "historic_spend") == {"00C": 100.0, "00D": 200.0}


@pytest.mark.parametrize(
    ("heading", "unit", "factor", "warned"),
    [
        ("Spend", "£m", M, ""),
        ("Spend", "£", 1, ""),
        ("Spend", "£000", K, ""),
        ("Spend", "GBP 000", K, ""),
        ("Spend (£k)", "£m", M, "£k (heading)"),
        ("Spend (p)", "£", 1, "'p' (heading)"),
        ("GP IT spend per head (£)", "£000", K, "'per head' (heading)"),
        ("Spend (£000)", "£000", K, ""),
    ],
)
def test_unit_option(folder, heading, unit, factor, warned):
    """--unit decides; if the file states another unit, a warning names both."""
    inputs = folder.read(POPULATION, money(heading, 2, 3), mapping={heading: "historic_spend"}, units={heading: unit})
    warnings = [
        finding
        for finding in inputs.findings
        if finding.number == FindingCode.UNIT.number and finding.level == "warning"
    ]

    assert column(inputs, "historic_spend") == {"00C": 2.0 * factor, "00D": 3.0 * factor}
    assert len(warnings) == bool(warned)
    assert all(f"read in {unit}" in warning.found and warned in warning.found for warning in warnings)


@pytest.mark.parametrize("stated", ["title", "cell"])
def test_unit_option_over_title_and_cell(folder, stated):
    """A title or a cell that states another unit than --unit is named in the warning."""
    text = {"title": "All figures in £m\norg_code,Spend\n", "cell": "org_code,Spend\n,£m\n"}[stated] + "00C,2\n00D,3\n"
    inputs = folder.read(POPULATION, text, units={"Spend": "£000"})

    assert column(inputs, "historic_spend") == {"00C": 2000.0, "00D": 3000.0}
    (warning,) = [finding for finding in inputs.findings if finding.number == "I44" and finding.level == "warning"]
    assert "£m" in warning.found
    assert "£000" in warning.found


def test_unit_option_of_another_measure(folder):
    """--unit cannot turn a column of money into people."""
    fault = folder.fault(POPULATION, money("Spend", 2, 3), units={"Spend": "000 people"})

    assert fault.number == FindingCode.UNIT.number
    assert "in £, but its unit is 000 people" in fault.found


@pytest.mark.parametrize("unit", ["m", "£x", "k", "€", "‰", "pounds of butter"])
def test_unit_option_that_is_not_understood(folder, unit):
    """An unknown unit is refused before any file is read, and the message lists the known ones."""
    with pytest.raises(UsageError, match="write £, £000, £m, people or 000 people"):
        folder.read(POPULATION, money("Spend", 2, 3), units={"Spend": unit})


def test_unit_option_for_a_heading_that_is_not_there(folder):
    """A misspelt heading is refused with the nearest one."""
    with pytest.raises(UsageError, match=r"--unit 'Spent=£': no file has the heading 'Spent'; did you mean Spend"):
        folder.read(POPULATION, money("Spend", 2, 3), units={"Spent": "£"})


def test_units_in_the_manifest(tmp_path, folder):
    """The manifest has the unit of each column and its source; verify runs it again."""
    population = folder.file("population.csv", "org_code,Patients (000s)\n00C,106.613\n00D,290\n")
    spend = folder.file("spend.csv", money("GP IT (p)", 250, 300))
    options = {"mapping": {"GP IT (p)": "historic_spend"}, "units": {"GP IT (p)": "£000"}}
    result = allocate(population=population, spend=spend, **options)
    path = tmp_path / "out.json"
    write_json(result, path)
    manifest = json.loads(path.read_text(encoding="utf-8"))["manifest"]

    assert manifest["run"]["unit"] == {"GP IT (p)": "£000"}
    assert [entry["units"] for entry in manifest["inputs"]] == [
        [
            {
                "heading": "Patients (000s)",
                "column": "registered_population",
                "unit": "000s",
                "factor": 1000,
                "stated_by": "heading",
            }
        ],
        [
            {
                "heading": "GP IT (p)",
                "column": "historic_spend",
                "unit": "£000",
                "factor": 1000,
                "stated_by": "--unit",
            }
        ],
    ]
    assert verify(path).verified


@pytest.mark.slow
def test_unit_on_the_command_line(tmp_path, folder):
    """The remedy in the message works as printed, without opening the file."""
    population = folder.file("population.csv", POPULATION)
    spend = folder.file("spend.csv", money("GP IT spend per head (£)", 2, 3))
    options = ["--population", population, "--spend", spend, "--map", "GP IT spend per head (£)=historic_spend"]
    refused = gpit("check", "--scheme", "gpit-2014-16", *options, folder=tmp_path)
    allowed = gpit(
        "check", "--scheme", "gpit-2014-16", *options, "--unit", "GP IT spend per head (£)=£", folder=tmp_path
    )

    assert refused.returncode == 2
    assert "--unit 'GP IT spend per head (£)=£'" in words(refused.stdout)
    assert allowed.returncode == 0
    assert "as --unit says" in words(allowed.stdout)


@pytest.mark.parametrize("name", standard_columns())
def test_names_of_columns_state_no_unit(name):
    """The name of a standard column, as its heading, is read without looking for a unit: it has none."""
    words = frozenset().union(*(column.words for column in standard_columns().values()))

    assert (heading_unit(name, words), split_unit(name)[1], has_percent_sign(name)) == ((None, ""), None, False)
