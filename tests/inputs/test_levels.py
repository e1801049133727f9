"""Rows of higher levels among organisations are found by their figures or codes, without false alarms."""

import re

import pytest

from folders import PEOPLE, SPEND, about, column
from gpit_fairshare.errors import InputError
from gpit_fairshare.findings import FindingCode
from gpit_fairshare.inputs.model import NeededColumn
from gpit_fairshare.inputs.tables.block_sums import CERTAIN, find_sums
from gpit_fairshare.inputs.tables.code_levels import CodeLevels
from gpit_fairshare.inputs.tables.sum_evidence import FileRow, SummedColumn
from leveled_tables import PLAIN, leveled_table, plain_table

HEAD = "org_code,registered_population\n"


def table(text):
    """A file from rows such as `00C 106613, 01E 205822`."""
    return HEAD + "".join(f"{code},{figure}\n" for code, figure in (row.split() for row in text.split(",")))


HIGHER = {
    "area teams below CCGs": (
        "00C 106613, 01E 205822, Q44 312435, 1E5 160266, 0123 144007, 5E1 302011, Q45 606284",
        "Q44 Q45",
    ),
    "region, area teams, CCGs": ("Y54 1000, Q44 600, 00C 200, 00D 400, Q45 400, 00E 100, 00F 300", "Y54 Q44 Q45"),
    "England, regions, unitary authorities": (
        "E92000001 2000, E12000001 300, E06000001 100, E06000002 200, E12000002 1700, E06000003 800, E06000004 900",
        "E92000001 E12000001 E12000002",
    ),
    "counties above districts": (
        "E10000001 300, E07000001 100, E07000002 200, E10000002 700, E07000003 300, E07000004 400",
        "E10000001 E10000002",
    ),
    "ICBs of sub-ICBs by ONS code": ("E54000001 900, E38000001 400, E38000002 500", "E54000001"),
    "NHS regions, ICBs by ONS code": ("E40000001 5000, E54000001 2000, E54000002 3000", "E40000001"),
    "UK and Great Britain": ("K02000001 700, K03000001 700, E12000001 300, E12000002 400", "K02000001 K03000001"),
    "metropolitan county": ("E08000001 1000, E08000002 2000, E11000001 3000", "E11000001"),
    "boroughs and Inner London": ("E13000001 3000, E09000001 1000, E09000002 2000", "E13000001"),
    "ICBs among sub-ICB locations": ("00L 2000, 00N 3000, QHM 5000, 02P 700, 02X 800, QF7 1500", "QHM QF7"),
    "area team among practices": ("A81001 5000, A81002 6000, Y00123 7000, Q45 18000", "Q45"),
    "CCGs among practices": ("00C 9000, A81001 4000, A81002 5000, 00D 7000, A81003 3000, A81004 4000", "00C 00D"),
    "a region of one authority": (
        "E12000007 500, E06000001 500, E12000008 700, E06000002 300, E06000003 400",
        "E12000007 E12000008",
    ),
    "an area team that is no sum": ("00C 106613, 01E 205822, 00D 160266, Q44 312435", "Q44"),
    "a total that is off by one": ("00C 106613, 01E 205822, Q44 312436, 00D 160266, 00J 302011", "Q44"),
    "regions apart from their parts": ("00C 100, Y54 300, 00D 200, 00E 300, Y55 700, 00F 400", "Y54 Y55"),
}


@pytest.mark.parametrize("name", HIGHER)
def test_codes_of_higher_levels_are_no_organisations(folder, name):
    """A row with a code of a higher level than its neighbours is an error, even with a round or wrong figure."""
    text, codes = HIGHER[name]
    faults = [fault for fault in folder.faults(table(text)) if fault.number != FindingCode.TOTAL.number]

    assert {fault.number for fault in faults} == {FindingCode.SUBTOTAL.number}
    named = {code for fault in faults for code in re.findall(r"--leave-out (\w+)", fault.remedy)}
    # England's code shows that it is a total, so it is left out.
    assert named == set(codes.split()) - {"E92000001"}


@pytest.mark.parametrize("name", HIGHER)
def test_what_the_error_says_leaves_the_organisations(folder, name):
    """With the options named in the error, every other row is read with its figure."""
    text, codes = HIGHER[name]
    rows = [row.split() for row in text.split(",")]
    inputs = folder.read(table(text), leave_out=tuple(codes.split()))

    expected = [float(figure) for code, figure in rows if code not in codes.split()]
    assert sorted(column(inputs, "registered_population").values()) == sorted(expected)


ONE_LEVEL = {
    "area teams": "Q44 1000, Q45 2000, Q46 3000, Q47 4000, Q48 9000",
    "regional offices": "Y54 100, Y55 200, Y56 300, Y57 400",
    "ICBs": "QOQ 1000, QE1 2000, QHM 3000, QF7 900",
    "ICBs by ONS code": "E54000001 10, E54000002 20, E54000003 30",
    "regions": "E12000001 100, E12000002 200, E12000003 300",
    "practices of all letters": "A81001 1000, Y00001 2000, Y02345 3000, P81001 700",
    "upper-tier authorities": "E06000001 200, E08000001 400, E09000001 500, E10000003 900, E10000006 700",
    "CCGs of both kinds": "00C 100, 15E 200, D4U1Y 300, W2U3Z 400",
    "PCTs": "5E1 1000, 5QT 2000, 5A7 3000, 5PY 7000",
    "made-up codes": "K01 1000, Q01 2000, Y02 3000, A01 500, B01 600, Z01 700",
    "words": "NORTH 100, SOUTH 200, EAST 300, WEST 700",
}


@pytest.mark.parametrize("name", ONE_LEVEL)
def test_codes_of_one_level_are_organisations(folder, name):
    """If all codes have one level, every row is an organisation, even if round figures add up."""
    inputs = folder.read(table(ONE_LEVEL[name]))

    assert len(column(inputs, "registered_population")) == len(ONE_LEVEL[name].split(","))


def test_regions_with_money_of_their_own(folder):
    """NHS England's regions hold money that no ICB has (2025/26: POD baseline): read, and a warning says so."""
    inputs = folder.read(table("QOQ 170619, QHM 358037, QF7 171652, QWO 271366, Y63 6966, Y62 5891"))

    assert len(column(inputs, "registered_population")) == 6
    (text,) = about(inputs, FindingCode.SUBTOTAL)
    assert "Y63 and Y62 have codes of a higher level (region) than the other rows" in text


def test_regions_that_agree_in_one_column(folder):
    """Regions below the ICBs have the same total of patients but another of weighted patients: an error."""
    rows = "QOQ,100,200\nQHM,300,400\nQF7,500,600\nY63,400,610\nY62,500,590\n"
    needs = (PEOPLE, NeededColumn("weighted_population", "number", "people"))
    fault = folder.fault(f"org_code,registered_population,weighted_population\n{rows}", needs=needs)

    assert fault.number == FindingCode.SUBTOTAL.number


PARENTS = {
    "nation, region, authority": (
        "X01 918719, X02 312435, X03 106613, X04 205822, X05 606284, X06 160266, X07 144007, X08 302011",
        "X01 X02 X05",
    ),
    "subtotals below": ("A 106613, B 205822, C 312435, D 160266, E 144007, F 302011, G 606284", "C G"),
    "total at the end": ("A1 12345, A2 34567, A3 23451, A4 70363", "A4"),
    "total at the top": ("0001 70363, 0002 12345, 0003 34567, 0004 23451", "0001"),
    "total in the middle": ("AB1 12345, AB2 34567, AB3 70363, AB4 23451", "AB3"),
    "pairs of districts": ("W1 318657, W2 106613, W3 212044, W4 75044, W5 5043, W6 70001", "W1 W4"),
    "regions below organisations": (
        "B01 106613, B02 205822, B03 160266, B04 144007, B05 302011, B06 312435, B07 606284",
        "B06 B07",
    ),
    "regions above organisations": (
        "B06 472701, B07 446018, B01 106613, B02 205822, B03 160266, B04 144007, B05 302011",
        "B06 B07",
    ),
    "one region of one authority": (
        "S1 312435, S2 106613, S3 205822, S4 160266, S5 160266, S6 446018, S7 144007, S8 302011",
        "S1 S4 S6",
    ),
    "subtotals and a total": ("a 106613, b 205822, c 312435, d 144007, e 302011, f 446018, g 758453", "c f g"),
    "codes of several shapes": ("R1 312435, 00C 106613, ZZ99 205822, R2 446018, x 144007, 77 302011", "R1 R2"),
}


@pytest.mark.parametrize("name", PARENTS)
def test_parents_with_codes_of_one_shape(folder, name):
    """Parents are found by their figures only, and the error's remedy leaves their children."""
    text, codes = PARENTS[name]
    faults = folder.faults(table(text))
    named = {code for fault in faults for code in re.findall(r"--leave-out (\w+)", fault.remedy)}

    assert {fault.number for fault in faults} == {FindingCode.SUBTOTAL.number}
    assert named == set(codes.split())


def test_wrong_total_of_a_higher_level_is_reported_once(folder):
    """A total marked as such is compared with the organisations, without a row that has a wrong code."""
    fault = folder.fault(table("00C 106613, 01E 205822, Q44 312436, 00D 160266, 00J 302011, Total 774712"))

    assert "Q44 has a code of a higher level (area team or regional office)" in fault.found


def test_every_column_has_to_agree(folder):
    """A row with the patients of those above it but another spend is an organisation: the sum is a coincidence."""
    rows = "X1,106613,500\nX2,205822,700\nX3,312435,900\n"
    inputs = folder.read(f"org_code,registered_population,historic_spend\n{rows}", needs=(PEOPLE, SPEND))

    assert len(column(inputs, "registered_population")) == 3


def test_sum_that_may_be_chance(folder):
    """With figures of four digits, a row can be the sum of the two above it by chance, so it is only a warning."""
    inputs = folder.read(table("X1 1234, X2 3456, X3 4690, X4 8011, X5 9017"))

    assert len(column(inputs, "registered_population")) == 5
    (text,) = about(inputs, FindingCode.SUBTOTAL)
    assert "X3 is the sum of the 2 rows above it, which may be a coincidence" in text


def test_levels_in_years(folder):
    """The total of each year is found among the rows of its year, and all are reported together."""
    rows = [f"{year},{row}\n" for row in ("00C,106613", "00D,205822", "X44,312435") for year in ("2014/15", "2015/16")]
    fault = folder.fault("year," + HEAD + "".join(rows), years=("2014/15", "2015/16"))

    assert "X44 is the sum of the 2 rows above it" in fault.found


def test_total_of_subtotals_in_several_groups(folder):
    """A subtotal of two lower subtotals in the middle of a table is compared with their parts."""
    rows = (
        "a,106613\nSub-total,106613\nb,205822\nc,160266\nSub-total,366088\nd,144007\ne,302011\nSub-total,446018\n"
        "Total of b to e,812106\nTotal,918719\n"
    )
    inputs = folder.read(HEAD + rows)

    assert len(column(inputs, "registered_population")) == 5
    assert "'Total of b to e', the sum of 4 rows" in about(inputs, FindingCode.TOTAL)[0]


def totals_of(drawn):
    """The rows identified as totals by their figures and codes."""
    pence = 1 if drawn.unit == "people" else 100
    columns = [
        SummedColumn(name, position, [round(pence * figure) for figure in figures], 0, drawn.unit == "people")
        for position, (name, figures) in enumerate(zip(drawn.names(), drawn.columns, strict=True))
    ]
    rows = [FileRow(at, at + 2, "", "", code, "") for at, code in enumerate(drawn.codes)]
    sums = find_sums(columns, rows, CodeLevels(drawn.codes), (), CERTAIN)
    return {row.at for entry in sums.certain for row in entry.rows}


def read_or_refused(folder, drawn, leave_out=()):
    """The figures that are read, or the codes in errors."""
    option = "population" if drawn.unit == "people" else "spend"
    try:
        inputs = folder.read(**{option: drawn.csv()}, needs=drawn.needs(), leave_out=leave_out)
    except InputError as error:
        remedies = " ".join(finding.remedy for finding in error.findings if finding.level == "error")
        return {}, set(re.findall(r"--leave-out (\w+)", remedies))
    return column(inputs, drawn.names()[0]), set()


@pytest.mark.parametrize("kind", PLAIN)
def test_no_total_among_organisations(kind):
    """No row is read as a total in 50 tables of organisations."""
    assert [seed for seed in range(50) if totals_of(plain_table(kind, seed))] == []


@pytest.mark.slow
@pytest.mark.parametrize("kind", PLAIN)
def test_no_total_among_organisations_of_a_thousand_tables(kind):
    """No row is read as a total in 1,000 tables of organisations."""
    assert [seed for seed in range(1_000) if totals_of(plain_table(kind, seed))] == []


@pytest.mark.slow
@pytest.mark.parametrize("kind", PLAIN)
def test_no_false_alarm_in_files(folder, kind):
    """100 files of organisations are all read, with every row."""
    for seed in range(100):
        drawn = plain_table(kind, seed)
        figures, _ = read_or_refused(folder, drawn)
        assert figures == dict(zip(drawn.codes, drawn.columns[0], strict=True)), seed


@pytest.mark.slow
def test_planted_totals_are_found():
    """Of 100 tables with levels and codes of one form, totals are found in at least 99."""
    assert sum(bool(totals_of(leveled_table(seed))) for seed in range(100)) >= 99


@pytest.mark.slow
def test_planted_totals_are_found_in_a_thousand_files(folder):
    """Of 1,000 files with levels, at least 990 are refused; in 970 the errors' remedies leave the organisations."""
    refused = exact = 0
    for seed in range(1_000):
        drawn = leveled_table(seed)
        figures, codes = read_or_refused(folder, drawn)
        refused += bool(codes)
        left_out = set(codes)
        while codes:  # an error names up to 40 of them
            figures, codes = read_or_refused(folder, drawn, tuple(sorted(left_out)))
            left_out |= codes
        rows = zip(drawn.members, drawn.columns[0], strict=True)
        organisations = {members[0]: figure for members, figure in rows if len(members) == 1}
        exact += bool(left_out) and sorted(figures.values()) == sorted(organisations.values())

    assert refused >= 990
    assert exact >= 970
