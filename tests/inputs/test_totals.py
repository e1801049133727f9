"""Rows of totals, subtotals and statistics are left out, refused or kept, and never counted twice without a finding."""

import itertools

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from folders import COUNTS, about, column
from gpit_fairshare.findings import FindingCode
from gpit_fairshare.inputs.model import NeededColumn

HEAD = "org_code,org_name,registered_population\n"
NORTH = "00C,Darlington,106613\n00D,Durham Dales,290007\n00J,North Durham,245011\n"
SOUTH = "99A,Isle of Wight,142003\n99B,Jersey Road,150017\n"
# By hand: 106,613 + 290,007 + 245,011 and 142,003 + 150,017.
NORTH_SUM, SOUTH_SUM = 641_631, 292_020
PEOPLE = {"00C": 106613.0, "00D": 290007.0, "00J": 245011.0, "99A": 142003.0, "99B": 150017.0}


def rows_left_out(inputs):
    """The text of the one finding about totals that were left out."""
    (text,) = about(inputs, FindingCode.TOTAL)
    return text


@pytest.mark.parametrize(
    "name",
    ["Sub-total North", "Subtotal North of England", "Total North", "North total", "North", "North of England"],
)
@pytest.mark.parametrize("before", [False, True])
def test_subtotals_without_a_code(folder, name, before):
    """A row without a code that is the sum of the rows above or below it is left out, with any name."""
    north, south = f',"{name}",{NORTH_SUM}\n', f',"{name.replace("North", "South")}",{SOUTH_SUM}\n'
    parts = [north, NORTH, south, SOUTH] if before else [NORTH, north, SOUTH, south]
    inputs = folder.read(HEAD + "".join(parts) + f',"England",{NORTH_SUM + SOUTH_SUM}\n')

    assert column(inputs, "registered_population") == PEOPLE
    text = rows_left_out(inputs)
    assert f"'{name}'" in text
    assert "the sum of 3 rows" in text
    assert "the sum of 2 rows" in text
    assert "the sum of 5 rows" in text


@pytest.mark.parametrize(
    "code", ["Total CCGs", "TOTAL (all CCGs)", "Total 2014/15", "Grand Total 5 CCGs", "Sub-total North", "Totals:"]
)
def test_totals_instead_of_a_code(folder, code):
    """A text in the column of codes that names its parts, such as `Total CCGs`, is not an organisation."""
    inputs = folder.read(f"{HEAD}{NORTH}{SOUTH}{code},,{NORTH_SUM + SOUTH_SUM}\n")

    assert column(inputs, "registered_population") == PEOPLE
    assert f"'{code}', the sum of 5 rows" in rows_left_out(inputs)


def test_organisation_called_total(folder):
    """A practice called Total Healthcare is an organisation: it has a code and is not a sum."""
    text = "practice_code,practice_name,list_size\nA81001,The Densham,6001\nA81002,Total Healthcare,5003\n"
    inputs = folder.read(text, organisation="practice")

    assert column(inputs, "registered_population") == {"A81001": 6001.0, "A81002": 5003.0}
    assert about(inputs, FindingCode.TOTAL) == []


def test_organisation_called_england(folder):
    """An organisation called England that is not the sum of the others is refused, with the way to keep it."""
    fault = folder.fault(HEAD + NORTH + "00K,England,3001\n")

    assert (fault.number, fault.place) == ("I42", "row 5, registered_population")
    assert "641,631" in fault.found
    assert "if 00K is an organisation, give it another name" in fault.remedy


def test_wrong_total(folder):
    """A total that is larger than its rows by the size of a row is refused: a row may have been deleted."""
    fault = folder.fault(f"{HEAD}{NORTH}Total,,{NORTH_SUM + 5_000}\n")

    assert fault.number == "I42"
    assert "has 646,631 as registered_population, but its 3 rows add up to 641,631" in fault.found


def test_code_is_missing(folder):
    """An organisation whose code is blank is an error, even next to totals; it is never left out."""
    faults = folder.faults(f"{HEAD}{NORTH},Isle of Wight,142003\nTotal,,{NORTH_SUM + 142_003}\n")

    assert [(fault.number, fault.place) for fault in faults] == [("I12", "row 5, org_code")]


def test_small_sum_is_not_a_total(folder):
    """A row of 30 patients without a code, below rows of 10 and 20, may be a coincidence: its code is required."""
    fault = folder.fault(HEAD + "00C,a,10\n00D,b,20\n,c,30\n")

    assert (fault.number, fault.place) == ("I12", "row 4, org_code")


def test_one_row_is_not_a_sum(folder):
    """A row without a code that repeats the only row above it may be an organisation of the same size."""
    fault = folder.fault(HEAD + "00C,Darlington,106613\n,North,106613\n")

    assert fault.number == "I12"


@pytest.mark.parametrize("code", ["Average", "England average", "Mean", "Median", "Max", "Minimum", "% change"])
def test_statistics(folder, code):
    """A row with an average is refused: it is not a sum and would be counted as an organisation."""
    text = f"{HEAD}{NORTH}{SOUTH}Total,,{NORTH_SUM + SOUTH_SUM}\n{code},,186730.2\n"
    fault = folder.fault(text)
    option = f"--leave-out {code}" if code.isalpha() else f'--leave-out "{code}"'

    assert (fault.number, fault.place) == ("I43", "row 8, org_code")
    assert option in fault.remedy
    assert column(folder.read(text, leave_out=(code,)), "registered_population") == PEOPLE


def test_codes_that_are_words(folder):
    """If all codes are words, MEAN may be a code."""
    inputs = folder.read(HEAD + "LEEDS,Leeds,800123\nMEAN,Mean Wood,5011\nYORK,York,200345\n")

    assert set(column(inputs, "registered_population")) == {"LEEDS", "MEAN", "YORK"}


def test_sum_with_a_code(folder):
    """A region with its own code is refused once, with the option that excludes it."""
    text = f"{HEAD}Y54,North,{NORTH_SUM + SOUTH_SUM}\n{NORTH}{SOUTH}"
    with_option = folder.read(text, leave_out=("Y54",))

    fault = folder.fault(text)
    assert (fault.number, fault.place) == ("I43", "row 2, org_code")
    assert "--leave-out Y54" in fault.remedy
    assert column(with_option, "registered_population") == PEOPLE


def test_regions_below_the_total(folder):
    """Regions below the total, with their own codes, together equal all CCGs, and are refused."""
    total = f"Total,,{NORTH_SUM + SOUTH_SUM}\n"
    regions = f"Y54,North,{NORTH_SUM}\nY55,South,{SOUTH_SUM}\n"
    fault = folder.fault(HEAD + NORTH + SOUTH + total + regions)
    others = regions.replace(str(SOUTH_SUM), str(SOUTH_SUM - 1))

    assert (fault.number, fault.place) == ("I43", "row 8, org_code")
    assert "Y54 and Y55 together equal the sum of the 5 other rows" in fault.found
    assert len(column(folder.read(HEAD + NORTH + SOUTH + others), "registered_population")) == 7
    left_out = folder.read(HEAD + NORTH + SOUTH + total + regions, leave_out=("Y54", "Y55"))
    assert column(left_out, "registered_population") == PEOPLE


def test_totals_by_year(folder):
    """Each year's total is compared with the rows of that year."""
    head = "year," + HEAD
    first = "".join(f"2014/15,{line}\n" for line in NORTH.splitlines())
    second = "".join(f"2015/16,{line}\n" for line in NORTH.splitlines())
    totals = f"2014/15,,Total,{NORTH_SUM}\n2015/16,,Total,{NORTH_SUM}\n"
    wrong = f"2014/15,,Total,{NORTH_SUM}\n2015/16,,Total,{2 * NORTH_SUM}\n"

    inputs = folder.read(head + first + second + totals, years=("2014/15", "2015/16"))
    fault = folder.fault(head + first + second + wrong, years=("2014/15", "2015/16"))

    assert len(column(inputs, "registered_population", "2015/16")) == 3
    assert rows_left_out(inputs).count("the sum of 3 rows") == 2
    assert fault.place == "row 9, registered_population"


def test_totals_in_both_files(folder):
    """Both files end with a total, and both totals are found."""
    spend = f"org_code,historic_spend\n00C,10.55\n00D,20.25\n00J,30.15\nTotal,{10.55 + 20.25 + 30.15:.2f}\n"
    inputs = folder.read(f"{HEAD}{NORTH}Total,,{NORTH_SUM}\n", spend)

    assert column(inputs, "historic_spend") == {"00C": 10.55, "00D": 20.25, "00J": 30.15}
    assert len(about(inputs, FindingCode.TOTAL)) == 2


def test_rounded_total(folder):
    """Three figures of 0.4 are printed as a total of 1: within half a unit of each, so a warning and not an error."""
    text = "org_code,historic_spend (£k)\n00C,1000.4\n00D,1000.4\n00J,1000.4\nTotal,3001\n"
    inputs = folder.read("org_code,registered_population\n00C,1\n00D,1\n00J,1\n", text)

    (warning,) = about(inputs, FindingCode.TOTAL)
    assert "differs by -0.2" in warning
    assert "rounding" in warning


def test_subtotals_of_lines_of_cost(folder):
    """If each organisation's lines are followed by a subtotal, the lines count once."""
    lines = (
        "org_code,category,cost_type,committed,amount\n"
        "00C,core,revenue,yes,1000.10\n00C,other,revenue,yes,200.25\n00C Total,,,,1200.35\n"
        "00D,core,revenue,yes,3000.10\n00D,other,revenue,yes,45.25\n00D Total,,,,3045.35\nGrand Total,,,,4245.70\n"
    )
    inputs = folder.read("org_code,registered_population\n00C,1\n00D,1\n", lines, counts={"cost_type": ("revenue",)})

    assert column(inputs, "historic_spend") == {"00C": 1200.35, "00D": 3045.35}
    assert "'Grand Total', the sum of 4 rows" in rows_left_out(inputs)


TITLES = st.lists(
    st.sampled_from([["Table 1: patients"], ["GP IT", "", "draft"], [], ["England, April 2014"], ["", "v1.2"]]),
    max_size=3,
)
NOTES = st.lists(
    st.sampled_from([[], ["Notes"], ["Source: NHS Digital"], ["* provisional, subject to change"], ["© Crown"]]),
    max_size=3,
)


@pytest.mark.slow
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_surroundings_change_nothing(folder, data):
    """Titles, notes, sections, blank rows, totals, further tables and the order of rows change no figure."""
    figures = data.draw(
        st.dictionaries(st.from_regex(r"\A[0-9]{2}[A-Z]\Z"), st.integers(1_000, 999_999), min_size=4, max_size=12)
    )
    codes = data.draw(st.permutations(sorted(figures)))
    cut = data.draw(st.integers(2, len(codes) - 2))
    head = ["CCG code", "CCG name", "Registered patients"]
    subtotals = data.draw(st.booleans())
    rows = [*data.draw(TITLES), head]
    for name, part in (("North", codes[:cut]), ("South", codes[cut:])):
        rows += [[name]] if data.draw(st.booleans()) else []
        for code in part:
            rows += [[], head] if data.draw(st.integers(0, 9)) == 0 else []
            rows.append([code, f"NHS {code}", figures[code]])
        rows += [["", f"Sub-total {name}", sum(figures[code] for code in part)]] if subtotals else []
    rows += [[*data.draw(st.sampled_from([["Total", ""], ["", "England"], ["", ""]])), sum(figures.values())]]
    rows += [[], *data.draw(NOTES)]
    if data.draw(st.booleans()):
        rows += [[], ["Region code", "CCG code", "Registered patients"], ["Y54", "99Z", 7]]
    path = folder.book("around.xlsx", Data=rows)

    inputs = folder.read(path)

    assert column(inputs, "registered_population") == {code: float(people) for code, people in figures.items()}


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_order_of_rows(folder, order):
    """Spend of 0.1, 0.2 and 0.3 in three lines is 0.6 in every order; sums of floats are not."""
    lines = [f"00C,core,revenue,yes,{amount}\n" for amount in ("0.1", "0.2", "0.3")]
    inputs = folder.read(
        "org_code,registered_population\n00C,5\n",
        "org_code,category,cost_type,committed,amount\n" + "".join(lines[at] for at in order),
        counts={"cost_type": ("revenue",)},
    )

    assert column(inputs, "historic_spend") == {"00C": 0.6}


def test_round_figures_hide_no_total(folder):
    """The sum of four round figures, with a code of another shape, is refused like any other sum."""
    rows = "00C,100000\n00D,200000\n00F,150000\n00G,160000\nQ74,610000\n"
    fault = folder.fault(f"org_code,registered_population\n{rows}")

    assert fault.number == FindingCode.SUBTOTAL.number
    assert "Q74 is the sum of the 4 rows above it" in fault.found


def test_one_column_that_adds_up_is_enough(folder):
    """A row whose patients are the sum of those above is refused, even if its weighted patients are slightly off."""
    weighted = NeededColumn("weighted_population", "number", "people")
    rows = "00C,106613,200000\n00D,288390,300001\n00F,157841,100000\nQ74,552844,600011\n"
    patients = NeededColumn("registered_population", "number", "people")
    fault = folder.fault(f"org_code,registered_population,weighted_population\n{rows}", needs=(patients, weighted))

    assert fault.number == FindingCode.SUBTOTAL.number


def test_rows_below_the_total(folder):
    """Rows below the last total may repeat figures that it includes: they are read, with a warning."""
    inputs = folder.read("org_code,list size\n00C,106613\n00D,288390\nTotal,395003\n00X,55555\n00Y,51058\n")

    assert "also read 2 rows below the total in row 4" in about(inputs, FindingCode.TOTAL)[1]


@pytest.mark.slow
def test_thousands_of_totals(folder):
    """A file with thousands of totals is refused at once: comparing each with all others would take too long."""
    rows = "".join(f"Total,,{number}\n" for number in range(20_000))
    fault = folder.fault(f"org_code,org_name,list size\n00C,x,5\n{rows}")

    assert "20,000 rows are labelled as totals" in fault.found


LINES_OF_THREE = {"00C": (1_424_554, 1_000), "00D": (310_721, 57_009), "00J": (882_236, 41_003)}


def lines_with_totals(label, *, above=False, codes=tuple(LINES_OF_THREE)):
    """Lines of cost in which the lines of some codes are followed by their total."""
    lines = ["org_code,category,cost_type,committed,amount"]
    for code, (core, extra) in LINES_OF_THREE.items():
        own = [f"{code},core,revenue,yes,{core}", f"{code},of which extra,revenue,yes,{extra}"]
        total = [f"{code},{label},revenue,yes,{core + extra}"] if code in codes else []
        lines += [*total, *own] if above else [*own, *total]
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize("label", ["Total", "Sub-total", "Grand total", "TOTAL", "Total GP IT", "Sum"])
@pytest.mark.parametrize("above", [False, True])
def test_totals_among_lines_of_cost(folder, label, above):
    """A line with the category Total is left out if it is the sum of the lines next to it."""
    people = "org_code,registered_population\n" + "".join(f"{code},100000\n" for code in LINES_OF_THREE)
    inputs = folder.read(people, lines_with_totals(label, above=above), counts=COUNTS)

    assert column(inputs, "historic_spend") == {code: float(sum(lines)) for code, lines in LINES_OF_THREE.items()}


def test_total_of_one_code_among_lines_of_cost(folder):
    """The total of a single organisation's lines is found as well."""
    people = "org_code,registered_population\n" + "".join(f"{code},100000\n" for code in LINES_OF_THREE)
    inputs = folder.read(people, lines_with_totals("Total", codes=("00D",)), counts=COUNTS)

    assert column(inputs, "historic_spend") == {code: float(sum(lines)) for code, lines in LINES_OF_THREE.items()}


@pytest.mark.parametrize("label", ["", "GP IT (all)", "All", "all costs", "Everything"])
@pytest.mark.parametrize("above", [False, True])
def test_sums_among_lines_of_cost(folder, label, above):
    """If most organisations have a line that is the sum of their other lines, the file is refused."""
    people = "org_code,registered_population\n" + "".join(f"{code},100000\n" for code in LINES_OF_THREE)
    fault = folder.fault(people, lines_with_totals(label, above=above), counts=COUNTS)

    assert fault.number == "I43"
    assert "is the sum of its other lines, and so is a line of 2 other organisations" in fault.found


def test_lines_of_cost_without_totals(folder):
    """Three lines are lines if none is the sum of the others."""
    people = "org_code,registered_population\n" + "".join(f"{code},100000\n" for code in LINES_OF_THREE)
    text = lines_with_totals("third").replace(",third,revenue,yes,", ",third,revenue,yes,1")
    inputs = folder.read(people, text, counts=COUNTS)

    assert len(column(inputs, "historic_spend")) == 3


@pytest.mark.parametrize("figure", ["12345678901234567.5", "999999999999999999.999999999999"])
def test_a_vast_figure_with_decimals_is_refused_by_its_place(folder, figure):
    """A figure with more digits than Python's decimals hold is refused like any figure that is too large."""
    fault = folder.fault(f"{HEAD}{NORTH}99A,Isle of Wight,{figure}\n")

    assert f"row 5, registered_population: '{figure}' is too large" in str(fault)
