from __future__ import annotations

import itertools
import math
import random
import re
from decimal import ROUND_HALF_UP, Decimal, localcontext
from fractions import Fraction

import polars as pl
import pytest
import xlsxwriter
from hypothesis import given, settings
from hypothesis import strategies as st

from gpit_fairshare.errors import OutputError
from gpit_fairshare.language import in_excel, in_polars, tree
from gpit_fairshare.language.parsing import parse
from random_formulas import COLUMNS, OPTIONAL, UNDEFINED, Generator, agrees, expected, in_a_frame
from recalculation import cached_values, recalculate

# An independent evaluator, in fractions -----------------------------------------------------------------------
#
# With each exact value, it keeps how far floating point may differ from it. If that decides between yes and no (which
# side of a half, whether a divisor is 0), the row is left out instead of judged wrongly.


# Formulas and rows at random ----------------------------------------------------------------------------------


# Polars -------------------------------------------------------------------------------------------------------


@pytest.mark.slow
@settings(derandomize=True, deadline=None, max_examples=500)
@given(st.randoms(use_true_random=False), st.booleans(), st.booleans())
def test_polars_gives_what_the_definition_gives(choose, yes_no, first_year):
    """Polars gives the right value and "defined" for zeros, blanks, ties, negatives, large and small numbers."""
    generator = Generator(choose)
    node = generator.yes_no(3) if yes_no else generator.number(3)
    rows = [generator.row() for _ in range(4)]

    for row, (value, defined) in zip(rows, in_a_frame(node, rows, first_year=first_year), strict=True):
        exact = expected(node, row | {"first year": first_year})
        if exact is not None:
            assert defined is (exact is not UNDEFINED), tree.to_text(node)
            assert not defined or agrees(value, exact), tree.to_text(node)


def in_polars_over(formula, **columns):
    """Return the values of a formula over columns, None where it is undefined."""
    frame = pl.DataFrame(columns, strict=False)
    rendered = in_polars.render(parse(formula), first_year=False)
    rows = frame.select(value=rendered.value, defined=rendered.defined).rows()
    return [value if defined else None for value, defined in rows]


def test_none_is_above_an_average_that_all_share():
    """Three CCGs of 468,022, 280,267 and 757,589 people at £8.71 a head: plain floats put two above the average."""
    people = [468_022.0, 280_267.0, 757_589.0]
    spend = [4_076_471.62, 2_441_125.57, 6_598_600.19]
    assert [round(100 * amount) for amount in spend] == [871 * round(head) for head in people]
    assert spend[0] / people[0] > sum(spend) / sum(people), "the case proves nothing"

    for total in (sum(spend), math.fsum(spend)):
        columns = {"spend": spend, "people": people, "all_spend": [total] * 3, "all_people": [sum(people)] * 3}
        for relation, holds in {">": False, ">=": True, "==": True, "!=": False, "<=": True, "<": False}.items():
            formula = f"spend / people {relation} all_spend / all_people"
            assert in_polars_over(formula, **columns) == [holds] * 3, relation


MARGINS = [
    # a, b and whether a > b, a == b, by |a - b| <= 1e-12 max(1, |a|, |b|)
    (1.0, 1.0, False, True),
    (1 + 5e-13, 1.0, False, True),
    (1 + 2e-12, 1.0, True, False),
    (1e-13, 0.0, False, True),
    (2e-12, 0.0, True, False),
    (1e9 + 5e-4, 1e9, False, True),
    (1e9 + 2e-3, 1e9, True, False),
    (-1e9, -1e9 - 5e-4, False, True),
    (-1e9, -1e9 - 2e-3, True, False),
    (140_000_000.0, 139_999_999.99, True, False),
    (0.0, -0.0, False, True),
]


@pytest.mark.parametrize(("a", "b", "greater", "equal"), MARGINS)
def test_comparisons_share_one_tolerance(a, b, greater, equal):
    """Two numbers are equal within 1e-12 of the larger, or of 1; exactly one of <, == and > holds."""
    truth = {">": greater, ">=": greater or equal, "==": equal, "!=": not equal, "<=": not greater, "<": False}

    for relation, holds in truth.items():
        assert in_polars_over(f"a {relation} b", a=[a], b=[b]) == [holds], relation
        mirrored = relation.translate(str.maketrans("<>", "><"))
        assert in_polars_over(f"a {mirrored} b", a=[b], b=[a]) == [holds], mirrored


@pytest.mark.parametrize(
    "formula",
    [
        "a / 0",
        "min(1, a / 0)",
        "max(1, a / 0)",
        "clip(1, 0, a / 0)",
        "abs(a / 0)",
        "round(a / 0, 1)",
        "-(a / 0)",
        "0 * (a / 0)",
        "a / (b - b)",
        "0 / 0",
        "a / 0 > 1",
        "a / 0 == a / 0",
        "not a / 0 > 1",
        "a > 1 or a / 0 > 1",
        "a < 1 and a / 0 > 1",
        "where(a / 0 > 1, 1, 2)",
        "where(a > 1, a / 0, 2)",
        "blank",
        "blank + 1",
        "min(blank, 1)",
        "max(blank, 1)",
        "0 * blank",
        "blank == blank",
        "blank > 1 or a > 1",
        "a / blank",
        "nowhere == 'North'",
        "nowhere != 'North'",
        "where(given(a), blank, 1)",
        "previous(blank, first=1)",
    ],
)
def test_undefined_stays_undefined(formula):
    """A division by zero or a blank cell stays undefined inside min, times 0, or next to `or`."""
    columns = {"a": [2.0], "b": [0.1], "blank": [None], "nowhere": [None], "previous(blank)": [None]}
    frame_columns = {name: pl.Series(value, dtype=pl.Float64) for name, value in columns.items()}
    frame_columns["nowhere"] = pl.Series([None], dtype=pl.String)

    assert in_polars_over(formula, **frame_columns) == [None]


@pytest.mark.parametrize(
    ("formula", "value"),
    [
        ("where(a > 1, 1, a / 0)", 1.0),
        ("where(a < 1, a / 0, 2)", 2.0),
        ("where(given(blank), blank, 0)", 0.0),
        ("where(given(blank), blank > 1, a > 1)", True),
        ("where(a > 1, where(a > 1, 3, a / 0), a / 0)", 3.0),
        ("min(1, where(a == 0, 0, 1 / a))", 0.5),
        ("given(blank)", False),
        ("given(a) and not given(blank)", True),
        ("0 / a", 0.0),
    ],
)
def test_where_ignores_the_other_branch(formula, value):
    """An undefined value in the branch that is not chosen does not matter, and `given` is never undefined."""
    columns = {"a": [2.0], "blank": pl.Series([None], dtype=pl.Float64)}

    assert in_polars_over(formula, **columns) == [value]


def test_previous_is_its_first_value_in_the_first_year_only():
    """In the first year there is no year before; in later years `first` is not used, even if it is undefined."""
    frame = pl.DataFrame({"a": [2.0], "previous(a)": [5.0]})
    node = parse("previous(a, first=a / 0) + 1")
    before = in_polars.render(parse("previous(a, first=7) + 1"), first_year=True)
    after = in_polars.render(node, first_year=False)

    assert frame.select(before.value).item() == 8
    assert frame.select(after.value, defined=after.defined).row(0) == (6, True)
    assert frame.select(in_polars.render(node, first_year=True).defined).item() is False


def test_case_counts_in_texts():
    """North is not NORTH, as with Excel's EXACT; blanks and quotes matter as well."""
    regions = ["North", "NORTH", "North ", "O'Neill", 'a "b"']

    assert in_polars_over("r == 'North'", r=regions) == [True, False, False, False, False]
    assert in_polars_over("'North' != r", r=regions) == [False, True, True, True, True]
    assert in_polars_over('r == "O\'Neill" or r == \'a "b"\'', r=regions) == [False, False, False, True, True]


def halves():
    """Yield 3,000 decimals that end in a 5 after the last digit to keep: (number, digits)."""
    choose = random.Random(67)
    for _ in range(3000):
        digits = choose.randint(-3, 6)
        whole = choose.randrange(10 ** choose.randint(1, 9))
        sign = choose.choice((1, -1))
        yield sign * Decimal(2 * whole + 1) / 2 / Decimal(10) ** digits, digits


def rounding(digits, function="round"):
    """Return the tree of round(x, digits), or of another function that rounds."""
    node = tree.Number(float(digits)) if digits >= 0 else tree.Negative(tree.Number(float(-digits)))
    return tree.Call(function, (tree.Name("x"), node))


def rounded_in_polars(numbers, digits, function="round"):
    """Return round(x, digits) for each number, or the value of another function that rounds."""
    rendered = in_polars.render(rounding(digits, function), first_year=True)
    return pl.DataFrame({"x": numbers}, schema={"x": pl.Float64}).select(rendered.value).to_series().to_list()


def test_halves_go_away_from_zero():
    """3,000 halves, most of which binary cannot hold (1.005 is 1.00499…), are rounded exactly as by hand."""
    cases = sorted(halves(), key=lambda case: case[1])
    assert len(cases) == 3000

    for digits, group in itertools.groupby(cases, key=lambda case: case[1]):
        numbers = [number for number, _ in group]
        by_hand = [float(number.quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP)) for number in numbers]
        assert rounded_in_polars([float(number) for number in numbers], digits) == by_hand


@settings(derandomize=True, deadline=None, max_examples=200)
@given(st.integers(-(10**15), 10**15), st.integers(0, 6))
def test_rounding_a_rounded_number_changes_nothing(units, digits):
    """A number with this many decimals does not change, from pence to billions of pounds."""
    number = units / 10**digits

    assert rounded_in_polars([number], digits) == [number]


@pytest.mark.parametrize(
    ("number", "digits", "by_hand"),
    [
        (0.49999999999999994, 0, 0.0),
        (63.49999999999998, 0, 63.0),
        (300_000_000_000_000.0, 0, 300_000_000_000_000.0),
        (2.0**52 + 1, 0, 2.0**52 + 1),
        (2.0**52 + 1, 2, 2.0**52 + 1),
        (468_022_000.0, 6, 468_022_000.0),
        (105_720_633.8985, 4, 105_720_633.8985),
        (1e22, 9, 1e22),
        (99_592_165.0249999, 2, 99_592_165.02),
        (-0.4, 0, 0.0),
        (0.0, 3, 0.0),
        (149.0, -2, 100.0),
        (-150.0, -2, -200.0),
        (0.285, 2, 0.29),
        (-1.005, 2, -1.01),
    ],
)
def test_rounding_changes_only_halves(number, digits, by_hand):
    """The correction for halves does not change whole numbers, large numbers or values clearly below a half."""
    assert rounded_in_polars([number], digits) == [by_hand]


def one_way(value, digits, function):
    """Return a fraction rounded down or up to `digits` decimals, as a float: towards 0, or away from it."""
    scaled = abs(value) * Fraction(10) ** digits
    whole = math.ceil(scaled) if function == "roundup" else math.floor(scaled)
    return float((whole if value >= 0 else -whole) / Fraction(10) ** digits)


def with_noise(number, steps):
    """Return the float that is so many floats above a number, or below it."""
    for _ in range(abs(steps)):
        number = math.nextafter(number, math.copysign(math.inf, steps))
    return number


@settings(derandomize=True, deadline=None, max_examples=300)
@given(
    function=st.sampled_from(["rounddown", "roundup"]),
    units=st.integers(-(10**11), 10**11),
    places=st.integers(0, 3),
    digits=st.integers(-4, 6),
    noise=st.integers(-4, 4),
)
def test_rounding_one_way_is_exact_but_for_noise(function, units, places, digits, noise):
    """A decimal with up to 3 digits more than are kept, and 4 floats of noise, is rounded as the decimal is."""
    decimal = Fraction(units) / Fraction(10) ** (digits + places)

    (rounded,) = rounded_in_polars([with_noise(float(decimal), noise if units else 0)], digits, function)

    assert rounded == one_way(decimal, digits, function)


@pytest.mark.parametrize(
    ("number", "digits", "down", "up"),
    [
        (1.15, 2, 1.15, 1.15),
        (0.285 * 100, 0, 28.0, 29.0),
        (4.35 * 100, 2, 435.0, 435.0),
        (-4.35 * 100, 0, -435.0, -435.0),
        (1.1 * 1.1, 2, 1.21, 1.21),
        (0.1 + 0.2, 1, 0.3, 0.3),
        (8.2 * (1 - 1e-14), 1, 8.2, 8.2),
        (8.2 * (1 - 1e-12), 1, 8.1, 8.2),
        (1e-13, 2, 0.0, 0.01),
        (123_456_789_012.34, 2, 123_456_789_012.34, 123_456_789_012.34),
        (123_456_789_012.345, 2, 123_456_789_012.34, 123_456_789_012.35),
        (9_162_698_355_053.0, 0, 9_162_698_355_053.0, 9_162_698_355_053.0),
        (2.0**52 + 1, 0, 2.0**52 + 1, 2.0**52 + 1),
        (2.0**52 + 1, 2, 2.0**52 + 1, 2.0**52 + 1),
        (1e22, 9, 1e22, 1e22),
        (1_299.0, -2, 1_200.0, 1_300.0),
        (-1_201.0, -3, -1_000.0, -2_000.0),
        (0.0, 2, 0.0, 0.0),
    ],
)
def test_rounding_one_way_of_single_numbers(number, digits, down, up):
    """Noise is not rounded up, and a real fraction is not lost: of large and small amounts and of whole numbers."""
    assert rounded_in_polars([number], digits, "rounddown") == [down]
    assert rounded_in_polars([number], digits, "roundup") == [up]


def test_division_by_a_number_is_a_division():
    """Division by 49 gives the nearest float, as in Excel; 24.5 times the reciprocal of 49 is less than a half."""
    assert 24.5 * (1 / 49) < 0.5, "the case proves nothing"

    numbers = [24.5 * odd for odd in range(1, 2000)]
    for divisor in (3, 7, 12, 49, 100, 4.9e1, 1e9):
        assert in_polars_over(f"x / {divisor}", x=numbers) == [x / divisor for x in numbers]
        assert in_polars_over(f"x / where(x > 0, {divisor}, 1)", x=numbers) == [x / divisor for x in numbers]
    assert in_polars_over("round(x / 49, 0)", x=[24.5, 73.5]) == [1, 2]


def test_kernel_has_no_formula_of_its_own():
    """share_out and rounded are whole steps: rendering one as a formula is a programming error."""
    for formula in ("share_out(a, by=b)", "rounded(a)"):
        with pytest.raises(TypeError):
            in_polars.render(parse(formula), first_year=True)


# Excel --------------------------------------------------------------------------------------------------------

PLACES = {name: chr(ord("A") + index) for index, name in enumerate((*COLUMNS, "region", "flag"))}
MERGED = chr(ord("A") + len(PLACES))
"""A column with the value of a second predecessor; `previous(a)` is the sum of the two."""


class OnOneSheet:
    """Names and figures as columns of the sheet Cells, seen from another sheet."""

    def __init__(self, row: int) -> None:
        self.row = row

    def place(self, name: str) -> str:
        """Return the cell of a column in this row."""
        return f"Cells!${PLACES[name]}{self.row}"

    def name(self, name: str) -> str:
        """Return the cell, as a workbook's layout does."""
        return self.place(name)

    def figure(self, node: tree.Figure) -> str:
        """Return the cell of a figure, which has its own column."""
        return self.place(tree.to_text(node))

    def previous(self, name: str) -> str:
        """Return the cell of last year's value; `a` is the sum of two predecessors that merged."""
        cell = self.place(f"previous({name})")
        return f"{cell}+Cells!${MERGED}{self.row}" if name == "a" else cell

    def number(self, value: float) -> str:
        """Return the number itself, for which a workbook has a name."""
        text = in_excel.number(value)
        return f"({text})" if value < 0 else text

    def constant(self, name: str, value: float, use: str) -> str:  # noqa: ARG002 - as the protocol has it
        """Return the number itself, for which a workbook has a name."""
        return self.number(value)

    def is_optional(self, name: str) -> bool:
        """Return whether the column shows a blank as a blank."""
        return name in (*OPTIONAL, "region")


ERRORS = {"#DIV/0!", "#VALUE!", "#N/A", "#NUM!", "#REF!", "#NAME?"}


def recalculated(folder, cases, rows):
    """Return what LibreOffice calculates for each formula in each row: {(case, row): value}.

    Cells refer to inputs that may be blank as workbooks do, so that a blank stays a blank. The cached values are the
    oracle's, except that of A1, which is wrong on purpose: it proves that LibreOffice calculated all formulas.
    """
    path = folder / "formulas.xlsx"
    with xlsxwriter.Workbook(path) as book:
        inputs, cells, formulas = (book.add_worksheet(name) for name in ("Inputs", "Cells", "Formulas"))
        for name, (value, _) in in_excel.CONSTANTS.items():
            book.define_name(name, f"={value!r}")
        for line, row in enumerate(rows):
            for column, name in enumerate(PLACES):
                value = row[name]
                place = f"Inputs!{PLACES[name]}{line + 1}"
                if value is not None:
                    write = inputs.write_string if isinstance(value, str) else inputs.write
                    write(line, column, value)
                optional = name in (*OPTIONAL, "previous(o)", "region")
                text = f'IF(ISBLANK({place}),"",{place})' if optional else place
                cells.write_formula(line, column, f"={text}", None, "" if value is None else value)
            cells.write_number(line, len(PLACES), 0)
        formulas.write_formula(0, 0, "=1+1", None, 3)
        for index, (node, first_year) in enumerate(cases):
            for line, row in enumerate(rows):
                text = in_excel.render(node, OnOneSheet(line + 1), first_year=first_year)
                formulas.write_formula(line + 1, index, f"={text}", None, cached(node, row, first_year=first_year))
    values = cached_values(recalculate(path, folder))
    assert values["Formulas", "A1"] == 2
    return {
        (index, line): values.get(("Formulas", f"{xlsxwriter.utility.xl_col_to_name(index)}{line + 2}"))
        for index in range(len(cases))
        for line in range(len(rows))
    }


def cached(node, row, *, first_year):
    """Return the cached value of a formula, as a workbook has it."""
    exact = expected(node, row | {"first year": first_year})
    if exact is None or exact is UNDEFINED:
        return "#N/A"
    return exact if isinstance(exact, bool) else float(exact.value)


@pytest.mark.usefixtures("libreoffice")
def test_live_formulas_give_what_the_definition_gives(tmp_path):
    """400 formulas in 8 rows: numbers to 1e-12, yes/no the same, and an error wherever a value is undefined."""
    generator = Generator(random.Random(2014))
    rows = [generator.row() for _ in range(8)]
    cases = [(generator.number(3) if i % 3 else generator.yes_no(3), i % 5 == 0) for i in range(400)]
    values = recalculated(tmp_path, cases, rows)

    counts = {"undefined": 0, "number": 0, "yes/no": 0, "undecided": 0}
    wrong = []
    for (index, line), value in values.items():
        node, first_year = cases[index]
        exact = expected(node, rows[line] | {"first year": first_year})
        if exact is None:
            counts["undecided"] += 1
            continue
        kind = "undefined" if exact is UNDEFINED else "yes/no" if isinstance(exact, bool) else "number"
        counts[kind] += 1
        if kind == "undefined":
            right = value in ERRORS
        elif kind == "yes/no":
            right = value is exact
        else:
            right = isinstance(value, int | float) and not isinstance(value, bool) and agrees(value, exact)
        if not right:
            text = in_excel.render(node, OnOneSheet(line + 1), first_year=first_year)
            wrong.append(f"{tree.to_text(node)} → {text} in {rows[line]}: {value!r} for {exact}")

    assert wrong == []
    assert counts["undecided"] < 0.05 * len(values)
    assert min(counts["undefined"], counts["number"], counts["yes/no"]) > 0.1 * len(values)


ROW = {
    **dict.fromkeys(COLUMNS, 2.0),
    "b": 0.5,
    "c": 3.0,
    "d": -2.5,
    "o": None,
    "p": 4.0,
    "previous(o)": None,
    "previous(a)": 8.0,
    "region": "North",
    "flag": True,
}
BY_HAND = {
    # Precedence: a is 2, b 0.5, c 3, d -2.5, p 4, previous(a) 8, o and previous(o) blank, region North
    "a - (b - c)": 4.5,
    "a - b - c": -1.5,
    "a / (b * c)": 4 / 3,
    "a / b / c": 4 / 3,
    "a / (b / c)": 12.0,
    "a * (b + c)": 7.0,
    "-(a + b) * c": -7.5,
    "--d": -2.5,
    "a - -b": 2.5,
    "-d - -(a + c)": 7.5,
    "c * previous(a, first=0)": 24.0,
    "c - previous(a, first=0)": -5.0,
    "-previous(a, first=0)": -8.0,
    "previous(a, first=0) / c": 8 / 3,
    "abs(previous(a, first=0) - 2 * c) > a - 0.5": True,
    "where(a > b, a, b) - where(a > b, b, a)": 1.5,
    "a - b > c - d": False,
    "not (a > b and c > a)": False,
    "0.00001 * a": 0.00002,
    "1e22 / 1e21": 10.0,
    "clip(c, b, a)": 2.0,
    "clip(d, b, a)": 0.5,
    "clip(a, 5, 1)": 5.0,
    "round(d, 0)": -3.0,
    "round(1.005 * b * a, 2)": 1.01,
    "round(1234.5, -2)": 1200.0,
    "round(b, 0)": 1.0,
    # One way: 4.35 * 100 is 434.99999999999994 and 1.1 * 1.1 * 100 is 121.00000000000001 in binary
    "rounddown(d, 0)": -2.0,
    "roundup(d, 0)": -3.0,
    "rounddown(1.39 * b * a, 1)": 1.3,
    "roundup(-1.31 * b * a, 1)": -1.4,
    "rounddown(4.35 * 50 * a, 0)": 435.0,
    "roundup(1.1 * 1.1 * 50 * a, 0)": 121.0,
    "roundup(0.05 * a + 0.2, 1)": 0.3,
    "rounddown(-1299, -2)": -1200.0,
    "roundup(1201, -2)": 1300.0,
    "roundup(0 * a, 2)": 0.0,
    "roundup(0.001 * a, 2)": 0.01,
    "1 + rounddown(a / c, 2) * 100": 67.0,
    # Logarithms and powers
    "exp(0)": 1.0,
    "ln(a)": 0.6931471805599453,
    "ln(1)": 0.0,
    "exp(b) * exp(b)": 2.718281828459045,
    "power(c, a)": 9.0,
    "power(d, a)": 6.25,
    "power(p, b)": 2.0,
    "power(p, -b)": 0.5,
    "power(-8, 1 / 3)": UNDEFINED,
    "power(0 * a, 0)": UNDEFINED,
    "power(0, b)": 0.0,
    "power(a, 0)": 1.0,
    "ln(0)": UNDEFINED,
    "ln(d)": UNDEFINED,
    "max(1, ln(0))": UNDEFINED,
    "exp(1000)": UNDEFINED,
    "power(d, b)": UNDEFINED,
    "power(0, -1)": UNDEFINED,
    "power(o, 2)": UNDEFINED,
    "where(a > 1, 1, ln(0))": 1.0,
    # Texts
    "region == 'North'": True,
    "region == 'NORTH'": False,
    "region != 'north'": True,
    "region == 'North '": False,
    "region == '\"North\"'": False,
    "region != 'O\\'Neill \"& Sons\" <b>'": True,
    # Blanks
    "given(o)": False,
    "given(p) and given(region)": True,
    "where(given(o), o, -1)": -1.0,
    "where(given(p), p, -1)": 4.0,
    "o": UNDEFINED,
    "p": 4.0,
    "o + 1": UNDEFINED,
    "-o": UNDEFINED,
    "min(o, 1)": UNDEFINED,
    "max(o, 1, a)": UNDEFINED,
    "clip(1, o, 2)": UNDEFINED,
    "abs(o)": UNDEFINED,
    "round(o, 0)": UNDEFINED,
    "rounddown(o, 0)": UNDEFINED,
    "roundup(o, 2)": UNDEFINED,
    "o > 1": UNDEFINED,
    "o == o": UNDEFINED,
    "o != 1 or a > 1": UNDEFINED,
    "where(a > 1, o, 1)": UNDEFINED,
    "where(a > 1, where(a > 1, o, 1), 1)": UNDEFINED,
    "min(where(a > 1, o, 1), 1)": UNDEFINED,
    "previous(o, first=1)": UNDEFINED,
    "min(previous(o, first=1), 5)": UNDEFINED,
    "where(a > 1, previous(o, first=1), 1)": UNDEFINED,
    # Division by zero
    "a / 0": UNDEFINED,
    "min(1, a / 0)": UNDEFINED,
    "a > 1 or a / 0 > 1": UNDEFINED,
    "a < 1 and a / 0 > 1": UNDEFINED,
    "where(a > 1, 1, a / 0)": 1.0,
    "where(a / 0 > 1, 1, 1)": UNDEFINED,
}


@pytest.fixture(scope="module")
def live(libreoffice, tmp_path_factory):  # noqa: ARG001 - usefixtures has no effect on fixtures
    """Return what LibreOffice calculates for the formulas done by hand, and for comparisons at their tolerance."""
    cases = [(parse(formula), False) for formula in BY_HAND]
    margins = [
        (tree.ComparisonOperation(relation, tree.Number(abs(a)), tree.Number(abs(b))), False)
        for a, b, _, _ in MARGINS
        for relation in (">", ">=", "==", "!=", "<=", "<")
    ]
    values = recalculated(tmp_path_factory.mktemp("live"), [*cases, *margins], [ROW])
    by_formula = {formula: values[index, 0] for index, formula in enumerate(BY_HAND)}
    return by_formula, [values[index, 0] for index in range(len(cases), len(cases) + len(margins))]


@pytest.mark.parametrize("formula", BY_HAND)
def test_live_formula_by_hand(live, formula):
    """A formula in the workbook gives the value calculated by hand, or an error if it is undefined."""
    value, by_hand = live[0][formula], BY_HAND[formula]

    if by_hand is UNDEFINED:
        assert value in ERRORS
    elif isinstance(by_hand, bool):
        assert value is by_hand
    else:
        assert value == pytest.approx(by_hand, rel=1e-12)


@pytest.mark.parametrize("formula", BY_HAND)
def test_polars_by_hand(formula):
    """The calculation gives the value calculated by hand, and so the value in the workbook."""
    ((value, defined),) = in_a_frame(parse(formula), [ROW], first_year=False)
    by_hand = BY_HAND[formula]

    assert defined is (by_hand is not UNDEFINED)
    if defined:
        assert value == pytest.approx(by_hand, rel=1e-12)


@given(x=st.floats(1e-30, 1e30), n=st.floats(-3, 3))
def test_logarithms_and_powers_have_all_digits(x, n):
    """Logarithms and powers are those of 40-digit decimals to 1 part in 10^13; a logarithm near 0 to 10^-15."""
    with localcontext(prec=40):
        logarithm, power, exponential = Decimal(x).ln(), Decimal(x) ** Decimal(n), Decimal(n).exp()

    assert in_polars_over("ln(x)", x=[x]) == [pytest.approx(float(logarithm), rel=1e-13, abs=1e-15)]
    assert in_polars_over("power(x, n)", x=[x], n=[n]) == [pytest.approx(float(power), rel=1e-13)]
    assert in_polars_over("exp(n)", n=[n]) == [pytest.approx(float(exponential), rel=1e-13)]


def test_live_comparisons_share_the_tolerance(live):
    """Excel's comparisons are equal within 1e-12 where the calculation's are."""
    truths = []
    for a, b, greater, equal in MARGINS:
        first, second = (greater, False) if abs(a) >= abs(b) else (False, greater)
        truths += [first, first or equal, equal, not equal, second or equal, second]

    assert live[1] == truths


@pytest.mark.usefixtures("libreoffice")
def test_live_rounding_is_the_same_rounding(tmp_path):
    """600 halves and 1,200 whole numbers, and those a few bits next to them, round in LibreOffice as calculated."""
    choose = random.Random(68)
    cases = []
    for number, digits in itertools.islice(halves(), 600):
        cases.append((with_noise(float(number), choose.randint(-3, 3)), digits, "round"))
        for function in ("rounddown", "roundup"):
            whole = number * choose.choice((1, 2, 4_000))
            cases.append((with_noise(float(whole), choose.randint(-3, 3)), digits, function))
    path = tmp_path / "rounding.xlsx"
    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet("S")
        for line, (value, digits, function) in enumerate(cases):
            # The number is written in full: a cell's number is written with 16 digits.
            sheet.write_formula(line, 0, exactly(value), None, value)
            text = in_excel.render(rounding(digits, function), OneCell(line + 1), first_year=True)
            sheet.write_formula(line, 1, f"={text}", None, 0)
    values = cached_values(recalculate(path, tmp_path))

    for line, (value, digits, function) in enumerate(cases, 1):
        (calculated_,) = rounded_in_polars([value], digits, function)
        assert values["S", f"B{line}"] == pytest.approx(calculated_, rel=1e-14), (value, digits, function)


def exactly(value):
    """Return a formula for exactly this float, from whole numbers that Excel holds exactly."""
    numerator, denominator = value.as_integer_ratio()
    power = denominator.bit_length() - 1
    high, low = divmod(abs(numerator), 2**30)
    sign = "-" if numerator < 0 else ""
    return f"={sign}({high}*2^30+{low})/2^{power}"


class OneCell(OnOneSheet):
    """Every name is in column A."""

    def place(self, name: str) -> str:  # noqa: ARG002 - the same for every name
        """The cell in column A."""
        return f"A{self.row}"


def test_formula_too_long_for_excel_is_refused():
    """Excel calls a file with a formula of over 8,192 characters damaged; gpit refuses it and says what to do."""
    formula = parse(" and ".join(["a>b"] * 120))

    class FarAway(OnOneSheet):
        def place(self, name: str) -> str:
            """Return a cell on a sheet with as long a name as Excel allows."""
            return f"'A sheet with 31 characters here'!${PLACES[name]}${self.row}"

    with pytest.raises(OutputError, match=r"a > b and .* takes 2\d,\d{3} characters .* Excel allows 8,191; split it"):
        in_excel.render(formula, FarAway(1), first_year=True)
    assert len(in_excel.render(parse("a > b"), FarAway(1), first_year=True)) < 300


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0, "0"), (140e6, "140000000"), (0.1, "0.1"), (1e-7, "1E-07"), (1e16, "1E+16"), (1.5e300, "1.5E+300")],
)
def test_numbers_as_excel_writes_them(value, text):
    """Numbers in formulas have a decimal point and a capital E, even if Python writes them differently."""
    assert in_excel.number(value) == text


@pytest.mark.parametrize("length", [0, 1, 120, 121, 600])
def test_texts_as_excel_takes_them(length):
    """Excel takes at most 255 characters in one pair of quotation marks; joined, the pieces are the text again."""
    written = in_excel.text('"' * length)
    pieces = re.findall('"((?:[^"]|"")*)"', written)

    assert all(len(piece) <= 255 for piece in pieces)
    assert written == "&".join(f'"{piece}"' for piece in pieces)
    assert "".join(pieces).replace('""', '"') == '"' * length
