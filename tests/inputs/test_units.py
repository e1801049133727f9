"""Units that files state, numbers as finance writes them, and figures that are unlikely to be right."""

from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from folders import PEOPLE as POPULATION
from folders import SPEND, about, column
from gpit_fairshare.findings import FindingCode
from gpit_fairshare.inputs.columns.cells import read_number
from gpit_fairshare.inputs.columns.units import scale_figure, split_unit, unit_alone, unit_in_title
from gpit_fairshare.inputs.model import NeededColumn

PEOPLE = "org_code,registered_population\n00C,100\n00D,200\n"


@pytest.mark.parametrize(
    ("heading", "bare", "factor"),
    [
        ("Spend (£k)", "Spend", 1_000),
        ("Spend (£'000)", "Spend", 1_000),
        ("Spend £000s", "Spend", 1_000),
        ("Spend, £m", "Spend", 1_000_000),
        ("£m spend", "spend", 1_000_000),
        ("Spend (£bn)", "Spend", 1_000_000_000),
        ("Spend [£ thousands]", "Spend", 1_000),
        ("Spend (£)", "Spend", 1),
        ("Spend (GBP)", "Spend", 1),
        ("Patients (000s)", "Patients", 1_000),
    ],
)
def test_unit_of_a_heading(heading, bare, factor):
    """A unit at the end, at the start or in brackets is removed from the heading and scales the figures."""
    words, unit = split_unit(heading)

    assert (words, unit.factor) == (bare, factor)


@pytest.mark.parametrize(
    "heading", ["Spend", "Market", "Items 1000", "M", "Cost per 1,000 patients", "Band K", "Patients aged 18m"]
)
def test_no_unit(heading):
    """Letters and figures that only look like a unit scale nothing."""
    assert split_unit(heading) == (heading, None)


@pytest.mark.parametrize(
    "title",
    ["GP IT spend £'000, 2014/15", "£000", "GP IT returns (£k)", "All figures in £000", "Spend in £000 (draft)"],
)
def test_unit_of_a_title(title):
    """A title states a unit if it ends in a unit, or if it says that all figures are in a unit."""
    assert unit_in_title(title).factor == 1_000


@pytest.mark.parametrize(
    "title",
    [
        "All spend rounded to the nearest £000",
        "Figures in £ (previously £000)",
        "Units: £, not £000",
        "Allocations to CCGs £m; spend in £000",
        "Note: £000 where shown",
    ],
)
def test_ambiguous_titles(title, folder):
    """A title that mentions £000 in another sense scales nothing and is refused: the heading must state the unit."""
    assert unit_in_title(title) is None

    text = f'"{title}",\norg_code,Spend\n00C,300123.5\n00D,400456\n'
    (fault,) = [finding for finding in folder.faults(spend=text) if finding.number == FindingCode.UNIT.number]
    assert "does not make clear" in fault.found
    clear = folder.read(spend=text.replace("Spend\n", "Spend (£)\n"))
    assert column(clear, "historic_spend") == {"00C": 300123.5, "00D": 400456.0}


@pytest.mark.parametrize(
    "heading", ["Spend (pence)", "Spend (€)", "historic_spend_k", "GP IT Spend £,000", "Spend (K£)"]
)
def test_units_that_are_not_understood(heading, folder):
    """A heading of money that seems to state another unit is refused, both with --map and as a known heading."""
    fault = folder.fault(spend=f'org_code,"{heading}"\n00C,5\n', mapping={heading: "historic_spend"})

    assert fault.number == FindingCode.UNIT.number
    assert "seems to state another unit" in fault.found


def test_units_that_contradict(folder):
    """£000 in the title and £ in the heading contradict each other; a note below may mean either."""
    fault = folder.fault(spend="GP IT returns £000,\norg_code,Spend (£)\n00C,5\n")
    assert "states £000, but 'Spend (£)' says £" in fault.found

    fault = folder.fault(spend='org_code,Spend\n00C,5\n\n"Note: all figures in £000",\n')
    assert "does not make clear" in fault.found


def test_texts_without_a_unit():
    """A text that names an amount states no unit."""
    assert unit_in_title("How the £140m was shared out") is None
    assert unit_in_title("Allocations of £1.5m and more") is None
    assert unit_alone("£ thousands").factor == 1_000
    assert unit_alone("Darlington") is None


@given(st.integers(0, 10**9), st.integers(0, 4), st.sampled_from([1, 1_000, 1_000_000]))
@example(435, 2, 1_000)
def test_scaled_exactly(digits, places, factor):
    """4.35 in £k is £4,350, and every decimal is the written figure times the unit, rounded to the nearest float."""
    figure = Fraction(digits, 10**places)

    assert scale_figure(float(figure), factor) == float(figure * factor)


def test_4_35_thousand(folder):
    """4.35 in £k is £4,350; floating point alone gives 4,349.999999999999."""
    inputs = folder.read(PEOPLE, "org_code,Spend (£k)\n00C,4.35\n00D,1.1\n")

    assert column(inputs, "historic_spend") == {"00C": 4350.0, "00D": 1100.0}
    assert "'Spend (£k)' by 1,000" in about(inputs, FindingCode.UNIT)[0]


def test_heading_before_title(folder):
    """A unit in the heading overrides the title; other money uses the unit of the title."""
    text = "All figures in £m\norg_code,Spend (£k),Need (£)\n00C,4,5\n00D,6,7\n"
    plain = "All figures £m\norg_code,Spend\n00C,4\n00D,6\n"

    assert column(folder.read(PEOPLE, text), "historic_spend") == {"00C": 4000.0, "00D": 6000.0}
    assert column(folder.read(PEOPLE, plain), "historic_spend") == {"00C": 4e6, "00D": 6e6}


def test_row_of_units_before_title(folder):
    """A row of units below the headings overrides the title, and is not an organisation."""
    text = "All figures in £m\norg_code,Spend\n,£000\n00C,4\n00D,6\n"

    assert column(folder.read(PEOPLE, text), "historic_spend") == {"00C": 4000.0, "00D": 6000.0}


def test_people_are_not_scaled_by_money(folder):
    """A title of £k does not affect patients."""
    inputs = folder.read("GP IT, £k\norg_code,patients,weighted population\n00C,100,1\n00D,200,2\n")

    assert column(inputs, "registered_population") == {"00C": 100.0, "00D": 200.0}


def thousands(digits, mark):
    """The digits with a mark between thousands."""
    return f"{digits:,}".replace(",", mark)


@given(
    st.integers(0, 10**12),
    st.integers(0, 999),
    st.sampled_from(["", ",", "\u00a0", "\u2009", "\u202f"]),
    st.sampled_from(["{}", "£{}", "£ {}", "({})", "(£{})", "£({})", "-{}", "-£{}", "£-{}", "−{}", "–{}", "{}-", "+{}"]),
    st.sampled_from(["", "k", "m", "bn", " million", "M"]),
)
def test_notations_are_exact(whole, decimals, mark, form, size):
    """Every notation is read as exactly the fraction that it writes, with its sign and size."""
    text = form.format(f"{thousands(whole, mark)}.{decimals:03}{size}")
    below = form not in ("{}", "£{}", "£ {}", "+{}")
    times = {"": 1, "k": 10**3, "m": 10**6, "bn": 10**9, "million": 10**6}[size.strip().lower()]
    value = (whole + Fraction(decimals, 1000)) * times * (-1 if below else 1)

    assert Fraction(read_number(text).value) == value


@given(st.text(max_size=12))
def test_no_digits_are_invented(text):
    """A text that is read as a number keeps its digits in order; only a size and zeros are added."""
    read = read_number(text.strip())
    if read is not None and read.remark is not FindingCode.DASHES:
        digits = "".join(sign for sign in text if sign in "0123456789").lstrip("0").rstrip("0")
        value = "".join(map(str, Decimal(read.value).as_tuple().digits)).strip("0")
        assert value == digits


OTHERS = {"00C": 106_613, "00D": 290_007, "00J": 245_011, "00K": 290_123, "00L": 320_111, "00M": 276_017}


@pytest.mark.parametrize(("spend", "is_warned"), [(4_200_000, True), (940_000, False)])
def test_liverpool(folder, spend, is_warned):
    """Liverpool's £4.2m for 450,000 people was all IT support; £0.94m was GP IT (Digital Health, March 2013)."""
    people = {**OTHERS, "99A": 450_000}
    costs = {code: round(heads * 2.6) for code, heads in OTHERS.items()} | {"99A": spend}
    inputs = folder.read(
        "org_code,registered_population\n" + "".join(f"{code},{heads}\n" for code, heads in people.items()),
        "org_code,historic_spend\n" + "".join(f"{code},{cost}\n" for code, cost in costs.items()),
    )

    warnings = about(inputs, FindingCode.OUTLIER)
    assert len(warnings) == is_warned
    # £4,200,000 / 450,000 = £9.33.
    parts = ("historic spend of 99A is £9.33 a head", "median of 7", "£2.60")
    assert all(part in text for text in warnings for part in parts)


def test_full_stop_between_semicolons(folder):
    """A file with semicolons may separate thousands by full stops: 106.613 may mean either number and is refused."""
    text = "org_code;registered_population\n00C;{}\n00D;290007\n"

    fault = folder.fault(text.format("106.613"))
    assert (fault.number, fault.place) == ("I16", "row 2, registered_population")
    assert "with commas between cells" in fault.remedy
    for figure in ("0.613", "106.61", "106.6130", "1106.613"):
        assert column(folder.read(text.format(figure)), "registered_population")["00C"] == float(figure)
    with_commas = text.replace(";", ",").format("106.613")
    assert column(folder.read(with_commas), "registered_population")["00C"] == 106.613


@pytest.mark.parametrize(
    ("unit", "value"), [("£", 0.0), ("people", 0.0), ("", None), ("%", None), ("£ per head", None)]
)
def test_a_dash_is_0_only_in_money_and_people(folder, unit, value):
    """Finance writes a dash for £0, but no score is not a score of 0: it is refused, or blank in an optional column.

    Each of these findings names the cell.
    """
    text = "org_code,score\n00C,0.4\n00D,-\n"
    need = NeededColumn("score", "number", unit, optional=True)
    inputs = folder.read(extra=text, needs=(need,))
    (finding,) = [finding for finding in inputs.findings if finding.number in ("I51", "I62")]
    assert column(inputs, "score")["00D"] == value
    assert finding.number == ("I62" if value is None else "I51")
    assert "row 3" in finding.found

    needs = (replace(need, optional=False),)
    if value is None:
        fault = folder.fault(extra=text, needs=needs)
        assert (fault.number, fault.place) == ("I16", "row 3, score")
    else:
        assert column(folder.read(extra=text, needs=needs), "score")["00D"] == value


@pytest.mark.parametrize("code", ["-", "–", "*", "..", "()"])
def test_marks_are_not_codes(folder, code):
    """A dash in the column of codes means that there is no code: the row is not an organisation called -."""
    fault = folder.fault(f"org_code,org_name,registered_population\n00C,Darlington,100\n{code},Unallocated,7\n")

    assert (fault.number, fault.place) == ("I12", "row 3, org_code")
    assert "is not a code" in fault.found


@pytest.mark.parametrize(
    ("heading", "rate", "median"),
    [("Spend", 2.6, ""), ("Spend", 0.0026, "£0.0026 a head"), ("Spend (£m)", 2.6, "£2,600,000.00 a head")],
)
def test_implausible_units(folder, heading, rate, median):
    """Figures in thousands without that unit give 0.26p a head, and figures wrongly in £m £2.6m: both are warnings.

    GP IT was reported at 50p to over £10 a head in 2013.
    """
    inputs = folder.read(
        "org_code,registered_population\n" + "".join(f"{code},{heads}\n" for code, heads in OTHERS.items()),
        f"org_code,{heading}\n" + "".join(f"{code},{heads * rate:.4f}\n" for code, heads in OTHERS.items()),
    )
    warnings = about(inputs, FindingCode.OUTLIER)

    assert len(warnings) == bool(median)
    assert all(f"the median of 6 CCGs is {median}" in text for text in warnings)


def test_parts_of_people(folder):
    """106.613 patients give a warning, because they are likely to be in thousands; whole people give none."""
    inputs = folder.read("org_code,list size\n00C,106.613\n00D,288.39\n00F,157000\n")
    (warning,) = about(inputs, FindingCode.UNIT)
    assert (
        "row 2, list size: 106.613 patients is not a whole number, nor are the patients of 1 other organisation"
        in warning
    )

    assert about(folder.read("org_code,list size\n00C,106613\n"), FindingCode.UNIT) == []


@pytest.mark.parametrize(
    "heading", ["GP IT spend 2024/25 (£m)", "GP IT spend (£m) 2024-25", "2024/2025 GP IT spend (£m)"]
)
def test_a_financial_year_in_a_heading_does_not_hide_it(folder, heading):
    """£1.5m is 1,500,000, whatever year the heading names; a year far from that of the run is a warning."""
    for text, warned in ((heading, True), (heading.replace("2024", "2013").replace("25", "14"), False)):
        inputs = folder.read(
            "org_code,list size\n00C,5\n", f"org_code,{text}\n00C,1.5\n", needs=(POPULATION, SPEND), scheme="x"
        )

        assert column(inputs, "historic_spend") == {"00C": 1_500_000}
        assert any("is about 2024/25" in warning for warning in about(inputs, FindingCode.OTHER_SCHEME)) == warned


@pytest.mark.parametrize(
    "headings",
    [
        "org_code,GP IT spend 2013/14,GP IT spend 2014/15",
        "org_code,GP IT spend 2013/14,Plan 2014/15",
        "org_code,year,GP IT spend 2013/14",
    ],
)
def test_headings_of_several_years_are_not_read_as_one(folder, headings):
    """With a column for each year, or years in rows, no heading is taken for the spend of the run."""
    fault = folder.fault(
        "org_code,list size\n00C,5\n",
        f"{headings}\n00C,2014/15,2\n" if "year" in headings else f"{headings}\n00C,1,2\n",
        needs=(POPULATION, SPEND),
    )

    assert fault.number == "I09"
    assert "no column historic_spend" in fault.found
