"""A change made in a workbook gives what a run on changed inputs gives."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import formualizer
import openpyxl
import pytest

from changing import Book, Case, Change, differences, outcome
from folders import repeatable
from gpit_fairshare import GpitError, allocate
from gpit_fairshare.workbook.result_workbook import write_workbook
from recalculation import recalculated_rows
from running import SAMPLES, YEARS, read_rows, write_rows
from small_schemes import TWO, scheme
from tiers import slow, slow_but

if TYPE_CHECKING:
    from gpit_fairshare import Result

FLOORS = """
[transition]
name = "floors-and-ceilings"
title = "Floors and ceilings on growth"
note = "Opening baseline: historic_spend, then last year's allocation."

[parameters.floor_growth]
label = "Least growth"
unit = "%"
minimum = -1
default = { value = -0.2, assumption = "A test." }

[parameters.ceiling_growth]
label = "Greatest growth"
unit = "%"
minimum = -1
default = { value = 0.1, assumption = "A test." }

"""
STEPS = (
    ("money", "Money to be shared out", "£", "total(fair_share)"),
    ("baseline", "Opening baseline", "£", "previous(allocation, first=historic_spend)"),
    ("floor", "Floor", "£", "baseline * (1 + floor_growth)"),
    ("ceiling", "Ceiling", "£", "baseline * (1 + ceiling_growth)"),
    ("gain", "Gain above the floor", "£", "max(0, fair_share - floor)"),
    (
        "unrounded_allocation",
        "Allocation before rounding",
        "£",
        "share_out(money, by=gain, base=floor, at_least=floor, at_most=ceiling)",
    ),
    ("most", "Most that one may get", "£", "where(gain > 0, ceiling, min(floor, ceiling))"),
    # Where everybody gets the most there is no rate.
    ("paid", "Gain at the rate", "£", "where(total(most) > money, rate_of(unrounded_allocation), 0) * gain"),
    ("allocation", "Allocation", "£", "rounded(unrounded_allocation)"),
)


def floors(folder):
    """Write the transition with floors and ceilings."""
    steps = "".join(
        f'[[steps]]\nname = "{name}"\nlabel = "{label}"\nunit = "{unit}"\nformula = "{formula}"\n'
        for name, label, unit, formula in STEPS
    )
    (folder / "floors-and-ceilings.toml").write_text(FLOORS + steps, encoding="utf-8")
    return folder / "floors-and-ceilings.toml"


def england():
    """Patients and lines of spend of the sample's 211 CCGs."""
    return read_rows(SAMPLES / "england-2014-15-population.csv"), read_rows(SAMPLES / "england-2014-15-spend.csv")


def totals(lines):
    """The committed revenue of each organisation, as a file of totals."""
    counting = [line for line in lines if (line["cost_type"], line["committed"]) == ("revenue", "yes")]
    amounts = {}
    for line in counting:
        amounts[line["org_code"]] = amounts.get(line["org_code"], 0) + int(line["amount"])
    return [{"org_code": code, "historic_spend": str(amount)} for code, amount in amounts.items()]


BUDGET = {"revenue_budget": (0, 180_000_000)}
FUND = {"transition_fund": (0, 40_000_000), "support_share": (0, 1)}
# The ends of both ranges need more money than there is.
GROWTH = {"floor_growth": (-0.4, 0.05), "ceiling_growth": (-0.25, 0.4)}
SMALL = {"revenue_budget": (0, 300_000), "transition_fund": (0, 20_000)}
MERGED = {
    "2014/15": {"00F": 10_000, "00G": 20_000, "00H": 30_000, "01A": 40_000, "01C": 15_000},
    "2015/16": {"13T": 61_000, "01A": 41_000, "01C": 14_000},
}
COSTS = {"00F": 40_000, "00G": 30_000, "00H": 90_000, "01A": 70_000, "01C": 60_000}


def transition_fund(folder):
    """England, with a fund for CCGs with costs above the average."""
    people, lines = england()
    return Case(folder, people, lines, {}, BUDGET | FUND)


def growth_with_lines(folder):
    """England, with a floor and a ceiling on what each CCG had the year before."""
    people, lines = england()
    return Case(folder, people, lines, {"transition": floors(folder)}, BUDGET | GROWTH)


def growth_with_totals(folder):
    """The same with spend as totals."""
    people, lines = england()
    return Case(folder, people, totals(lines), {"transition": floors(folder)}, BUDGET | GROWTH)


def merger(folder, spend, **options):
    """00F, 00G and 00H, which become 13T in the second year; their spend has no year and is used for both."""
    people = [
        {"year": year, "org_code": code, "registered_population": str(heads)}
        for year, codes in MERGED.items()
        for code, heads in codes.items()
    ]
    settings = {f"{name}@{year}": value for name, value in (("revenue_budget", 250_000),) for year in YEARS}
    settings |= {} if options else {f"transition_fund@{year}": 10_000 for year in YEARS}
    ranges = {"revenue_budget": SMALL["revenue_budget"]} | GROWTH if options else SMALL | {"support_share": (0, 1)}
    return Case(folder, people, spend, {"settings": settings, **options}, ranges)


def merger_with_totals(folder):
    """The merger, with spend in totals."""
    return merger(folder, [{"org_code": code, "historic_spend": str(cost)} for code, cost in COSTS.items()])


def merger_with_lines(folder):
    """The merger, with two lines of spend for each CCG, and floors that look back over it."""
    lines = [
        {"org_code": code, "category": "core", "cost_type": kind, "committed": "yes", "amount": str(amount)}
        for code, cost in COSTS.items()
        for kind, amount in (("revenue", cost), ("capital", 5_000))
    ]
    return merger(folder, lines, transition=floors(folder))


class Drawn(NamedTuple):
    """Changes, and the result of gpit for them; None if it refuses them."""

    changes: list[Change]
    result: Result | None


class Prepared(NamedTuple):
    """A workbook, and random changes for it, the same in every run."""

    book: Book
    runs: list[Drawn]


CASES = {
    "fund": (transition_fund, 1, 25),
    "floors, lines": (growth_with_lines, 2, 13),
    "floors, totals": (growth_with_totals, 3, 12),
    "merger, totals": (merger_with_totals, 6, 12),
    "merger, floors, lines": (merger_with_lines, 5, 12),
}
BOOKS: dict[str, Prepared] = {}


@pytest.fixture
def prepared(tmp_path_factory):
    """Return a case by its name; each is made once, since both engines are compared with the same runs."""

    def prepare(name):
        if name not in BOOKS:
            make, seed, count = CASES[name]
            book = Book(make(tmp_path_factory.mktemp("case")))
            draws = repeatable(seed)
            changes = [book.case.draw(draws) for _ in range(count)]
            BOOKS[name] = Prepared(book, [Drawn(each, outcome(book.case, each)) for each in changes])
        return BOOKS[name]

    return prepare


@pytest.mark.parametrize("name", slow_but(["merger, floors, lines"], CASES))
def test_a_changed_workbook_gives_what_gpit_gives(name, prepared):
    """Random changes of parameters, patients and spend give the same figures in the workbook and in a new run.

    gpit refuses some of them, such as floors that cost too much; a check of the workbook then says FAIL.
    """
    book, runs = prepared(name)

    assert 0 < sum(run.result is None for run in runs) < len(runs) / 2
    for run in runs:
        assert differences(book, run.changes, book.by_formualizer(run.changes), run.result) == [], run.changes


@pytest.mark.usefixtures("libreoffice")
@pytest.mark.parametrize("name", CASES)
def test_libreoffice_gives_the_same_for_a_changed_workbook(name, prepared, tmp_path):
    """The same changes, in copies of the workbook without values, calculated by LibreOffice."""
    book, runs = prepared(name)
    copies = [book.save(run.changes, tmp_path / f"{number}.xlsx") for number, run in enumerate(runs)]

    for run, sheets in zip(runs, recalculated_rows(copies), strict=True):
        assert differences(book, run.changes, sheets, run.result) == [], run.changes


@pytest.mark.parametrize("make", [slow(merger_with_totals), merger_with_lines])
def test_a_change_of_a_merged_organisation_reaches_its_successor(make, tmp_path):
    """£2,000 more for 00F (£40,000, with £30,000 and £90,000 of 00G and 00H) make 13T's £160,000 £162,000."""
    book = Book(make(tmp_path))
    name = "amount" if "amount" in book.case.spend[0] else "historic_spend"
    sheets = book.by_formualizer([Change("spend", 0, name, 42_000)])
    spend = {
        (year, row[0]): row[sheets[year][3].index("Historic spend (£)")]
        for year in ("2014-15", "2015-16")
        for row in sheets[year][4:]
    }

    assert spend["2014-15", "00F"] == 42_000
    assert spend["2015-16", "13T"] == 162_000


# What gpit would refuse -----------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def small(tmp_path_factory):
    """Four organisations with lines of spend, and a scheme that shares within regions and between bounds."""
    folder = tmp_path_factory.mktemp("small")
    people = [
        {"org_code": code, "region": region, "registered_population": "1000", "need": "1.5", "pool": pool}
        for code, region, pool in (("A", "North", "900"), ("B", "North", "900"), ("C", "South", "700"))
    ]
    spend = [
        {"org_code": code, "category": "core", "cost_type": kind, "committed": "yes", "amount": "500"}
        for code in "ABC"
        for kind in ("revenue", "capital")
    ]
    steps = """
        floor = historic_spend * least # £
        ceiling = historic_spend * most # £
        weight = need * registered_population
        bounded = share_out(pot, by=weight, at_least=floor, at_most=ceiling) # £
        regional = share_out(pool, by=registered_population, within=region) # £
        allocation = bounded + regional # £
    """
    extra = "".join(
        f'[parameters.{name}]\nlabel = "{name}"\nvalues = {{ every_year = {{ value = {value}, assumption = "A." }} }}\n'
        for name, value in (("least", 0.5), ("most", 3))
    )
    extra += '[inputs.pool]\nlabel = "Pool"\nunit = "£"\n'
    extra += (
        '[spend]\ncounts = { cost_type = ["revenue"], committed = ["yes"], category = ["Core"] }\nassumption = "A."\n'
    )
    path = scheme(folder, steps, years='["2014/15"]', pot=2000, extra=extra)
    return Book(Case(folder, people, spend, {"scheme": path}, {}))


@pytest.mark.parametrize(
    "change",
    [
        Change("spend", 0, "amount", None),
        Change("spend", 0, "amount", "n/a"),
        Change("spend", 0, "amount", -1),
        Change("spend", 1, "amount", None),
        Change("spend", 0, "committed", None),
        Change("spend", 0, "committed", "maybe"),
        Change("spend", 1, "cost_type", "both"),
        Change("spend", 1, "category", None),
        Change("population", 0, "registered_population", None),
        Change("population", 0, "registered_population", "n/a"),
        Change("population", 0, "registered_population", -1),
        Change("population", 0, "need", -0.1),
        Change("population", 0, "need", None),
        Change("population", 0, "pool", 901),
        Change("population", 0, "region", None),
        Change("", 0, "least", 3.1),
        Change("", 0, "least", 2),
        Change("", 0, "most", 0.4),
        Change("", 0, "pot", "all"),
        Change("", 0, "pot", None),
    ],
    ids=lambda change: f"{change.name}={change.value}",
)
def test_what_gpit_refuses_is_a_check_that_fails(small, change):
    """A cell that is empty, outside its limits or an unknown word: the status is never "pass", and the change shows."""
    with pytest.raises(GpitError):
        small.case.allocate([change])
    assert differences(small, [change], small.by_formualizer([change]), None) == []


def test_a_new_group_is_a_check_that_fails(small):
    """A workbook has no row for a region that was not in the run; gpit makes one from the files."""
    change = [Change("population", 0, "region", "East")]

    assert small.case.allocate([*change, Change("population", 0, "pool", 100)]).agrees
    assert differences(small, change, small.by_formualizer(change), None) == []


def test_a_category_counts_in_capitals_and_in_small_letters(small):
    """The scheme counts the category Core; its lines say core, and a line changed to Other no longer counts."""
    change = [Change("spend", 0, "category", "Other")]

    assert small.result.rows["historic_spend"].to_list() == [500, 500, 500]
    assert small.case.allocate(change).rows["historic_spend"].to_list() == [0, 500, 500]
    assert differences(small, change, small.by_formualizer(change), small.case.allocate(change)) == []


@pytest.mark.parametrize("column", ["region", slow("registered_population")])
def test_two_organisations_that_change_places_are_a_change(tmp_path, column):
    """Swapping the regions or patients of two organisations keeps every total and count, and About still reports it."""
    people = [
        {"org_code": code, "region": region, "registered_population": heads}
        for code, region, heads in zip("ABCD", ("North", "South", "North", "South"), (100, 250, 370, 480), strict=True)
    ]
    steps = """
        region_people = total(registered_population, within=region) # people
        region_money = share_out(pot, by=region_people)
        allocation = share_out(region_money, by=registered_population, within=region)
    """
    result = allocate(population=write_rows(tmp_path / "p.csv", people), scheme=scheme(tmp_path, steps))
    write_workbook(result, tmp_path / "book.xlsx")
    with (tmp_path / "book.xlsx").open("rb") as stream:
        cells = openpyxl.load_workbook(stream)["Population"]
    heading = {"region": "Region", "registered_population": "Registered population (people)"}[column]
    at = [cell.value for cell in cells[4]].index(heading) + 1
    book = formualizer.load_workbook(str(tmp_path / "book.xlsx"))
    for row, other in ((5, 6), (6, 5)):
        book.set_value("Population", row, at, cells.cell(other, at).value)
    book.evaluate_all()
    about = {book.get_value("About", row, 1): book.get_value("About", row, 2) for row in reversed(range(5, 25))}

    assert about["Changed since the run"] == "Parameters: 0. Inputs: yes."
    assert about["Checks"] == "pass"


ERRORS = """
    need = max(0, historic_spend - 400) # £
    support = share_out(pot, by=need, at_most=need) # £
    part = rate_of(support)
    each = need / (pot - 50)
    regional = total(need, within=region) / (pot - 60)
    national = pot / (pot - 70)
    allocation = share_out(pot, by=registered_population) # £
"""
OUTCOME = '[[outcomes]]\nlabel = "some"\nformula = "need / (pot - 80) >= 0"\n'


@pytest.fixture(scope="session")
def errors_book(tmp_path_factory):
    """Two organisations in two years: steps that the allocation does not use divide by the pot less some pounds."""
    folder = tmp_path_factory.mktemp("errors")
    people = [
        {"year": year, "org_code": code, "region": "North", "registered_population": "100"}
        for year in YEARS
        for code in "AB"
    ]
    spend = [{"org_code": code, "historic_spend": "500"} for code in "AB"]
    rule = scheme(folder, ERRORS, years=TWO, pot=150, extra=OUTCOME)
    return Book(Case(folder, people, spend, {"scheme": rule}, {}))


@pytest.mark.parametrize("pot", [100, 250, 50, 60, 70, 80])
def test_an_error_in_a_step_that_nothing_uses_fails_a_check(errors_book, pot):
    """A pot of £250 pays all needs, so that there is no rate; £50 to £80 divide by 0. Only £100 is a run of gpit."""
    change = Change("", 0, "pot", pot)
    sheets = errors_book.by_formualizer([change])
    outcomes = {row[0]: row[3:5] for row in sheets["Checks"] if row[0]}
    about = {row[0]: row[1] for row in reversed(sheets["About"])}
    expected = "pass" if pot == 100 else "FAIL"

    assert (outcome(errors_book.case, [change]) is None) is (pot != 100)
    assert outcomes["No figure is an error"] == [expected, "pass"]
    assert about["Checks"] == expected


def test_columns_that_mean_nothing_added_up_have_no_total(tmp_path):
    """Bids of £30 and £50 from a pot of £60: £60 and £30 are left for them, which is not £90 of a pot of £60.

    Bids that fit by a comparison with the running total add up; a factor of 1/7 is shown with four decimals; Summary
    without charts does not name any.
    """
    rule = scheme(
        tmp_path,
        """
        place = rank(score)
        so_far = running_total(bid, by=place) # £
        left = max(0, pot - (so_far - bid)) # £
        fits = where(so_far <= pot, bid, 0) # £
        factor = score / 7
        award = min(bid, left) # £
        """,
        pot=60,
        extra='[inputs.bid]\nlabel = "Bid"\nunit = "£"\n[inputs.score]\nlabel = "Score"\n',
    )
    rule.write_text(rule.read_text("utf-8").replace("organisation =", 'result = "award"\norganisation ='), "utf-8")
    bids = [{"org_code": "A", "bid": "30", "score": "8"}, {"org_code": "B", "bid": "50", "score": "1"}]
    write_workbook(allocate(inputs=[write_rows(tmp_path / "bids.csv", bids)], scheme=rule), tmp_path / "book.xlsx")
    with (tmp_path / "book.xlsx").open("rb") as stream:
        book = openpyxl.load_workbook(stream, data_only=True)
    sheet = book["2014-15"]
    totals = {cell.value: sheet.cell(3, cell.column).value for cell in sheet[4]}
    factor = next(cell.column for cell in sheet[4] if cell.value == "factor")

    assert (totals["so_far (£)"], totals["left (£)"]) == (None, None)
    assert (totals["Bid (£)"], totals["fits (£)"], totals["award (£)"]) == (80, 30, 60)
    assert sheet.cell(5, factor).number_format == "#,##0.0000"
    assert "charts" not in book["Summary"]["A2"].value.lower()
