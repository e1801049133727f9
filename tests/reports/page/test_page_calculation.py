"""The page calculates what the engine does, bit for bit: kernels, scalars, every step of every rule, and refusals.

"Equal to the penny" is not enough: on the sample, plain comparisons in place of tolerant ones change no allocation.
"""

from __future__ import annotations

import json
import math
import random
import struct
from fractions import Fraction
from functools import partial

import polars as pl
import pytest

from gpit_fairshare import GpitError, allocate
from gpit_fairshare.language import in_polars, tree
from gpit_fairshare.language.functions import rounded_half_up, rounded_one_way
from gpit_fairshare.numbers import figure, shortest
from gpit_fairshare.ordering import compared
from gpit_fairshare.scheme.written_numbers import number
from gpit_fairshare.sharing import SharingError, rounded, share_out
from hard_schemes import HARD
from javascript import calculated, differences, run_script
from rulebook import RULES, invented
from running import write_rows
from small_schemes import TWO, scheme
from tiers import slow, slow_but

MANY = 20_000
CHANCE = 20261130
"""Seed of the random cases."""


def floats(texts):
    """The numbers of a list from Node, in which what JSON cannot write is a text."""
    words = {"-0": -0.0, "NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}
    return [words[text] if isinstance(text, str) else float(text) for text in texts]


def bits(values):
    """The bits of numbers, so that -0 and 0 differ."""
    return [struct.pack(">d", value) for value in values]


# Scalars ---------------------------------------------------------------------------------------------------------


def numbers_near(chance, count):
    """Random numbers of all sizes, many of them near halves, whole numbers and powers of ten."""
    numbers = []
    for _ in range(count):
        power = chance.randint(-7, 13)
        start = chance.choice(
            [10.0**power, 10.0**power * 0.5, chance.randint(0, 10**6) / 200, chance.uniform(0, 10**6), 2.0**41, 2.0**52]
        )
        for _ in range(chance.randint(0, 4)):
            start = math.nextafter(start, chance.choice([0, math.inf]))
        numbers.append(chance.choice([-1, 1]) * start)
    return numbers


def test_numbers_are_rounded_as_polars_rounds_them():
    """`round`, `rounddown` and `roundup` to -9 to 9 decimals, at halves and beside powers of ten."""
    values = numbers_near(random.Random(CHANCE), MANY)
    functions = {
        "round(x, digits)": rounded_half_up,
        "roundOneWay(x, digits, false)": partial(rounded_one_way, up=False),
        "roundOneWay(x, digits, true)": partial(rounded_one_way, up=True),
    }
    digits = (0, 1, 2, 3, 9, -2)
    calls = ", ".join(f"(x, digits) => {call}" for call in functions)
    body = f"return [{calls}].map((call) => DATA[1].map((digits) => DATA[0].map((x) => call(x, digits) + 0)));"
    for function, by_digits in zip(functions.values(), run_script(body, data=[values, digits]), strict=True):
        for places, rounded_values in zip(digits, by_digits, strict=True):
            expected = pl.DataFrame({"x": values}).select(function(pl.col("x"), places))["x"].to_list()
            assert bits(floats(rounded_values)) == bits(value + 0.0 for value in expected), (function, places)


def test_fifteen_digits_are_those_of_polars_beside_powers_of_ten():
    """Just below a power of ten its logarithm is already rounded up, and with it the number of digits."""
    values = []
    for power in range(13):
        for _ in range(60):
            values.append(math.nextafter(values[-1], 0) if values and len(values) % 60 else 10.0**power)
    expected = pl.Series(values).round_sig_figs(15).to_list()

    assert bits(floats(run_script("return DATA.map(toFifteenDigits);", data=values))) == bits(expected)


RELATIONS = ("<", "<=", ">", ">=", "==", "!=")


def test_comparisons_have_the_tolerance_of_polars():
    """Pairs within 1.1e-12 of each other, and numbers that are infinite or none."""
    chance = random.Random(CHANCE)
    left = [chance.choice([1e-9, 1.0, 8.71, 1e9]) * chance.uniform(0.5, 2) for _ in range(MANY)]
    right = [value + chance.uniform(-1.1e-12, 1.1e-12) * max(1, abs(value)) for value in left]
    values = (*in_polars.SAME * pl.Series([1.0, -1.0]), 0.0, 1.0)
    pairs = [(a, b) for a in values for b in values]
    left += [a for a, _ in pairs]
    right += [b for _, b in pairs]
    frame = pl.DataFrame({"a": left, "b": right})
    for relation in RELATIONS:
        expression = tree.ComparisonOperation(relation, tree.Name("a"), tree.Name("b"))
        expected = frame.select(in_polars.render(expression, first_year=True).value)["a"].to_list()
        name = {
            "<": "isBelow",
            "<=": "isAtMost",
            ">": "isAbove",
            ">=": "isAtLeast",
            "==": "isSame",
            "!=": "isDifferent",
        }
        body = f"return DATA[0].map((a, place) => {name[relation]}(a, DATA[1][place]));"
        assert run_script(body, data=[left, right]) == expected, relation


def test_comparisons_order_what_is_no_number_as_polars_does():
    """NaN is above everything; infinity minus infinity is NaN."""
    values = [math.nan, math.inf, -math.inf, 0.0, 1.0]
    pairs = [(a, b) for a in values for b in values]
    frame = pl.DataFrame(pairs, schema={"a": pl.Float64, "b": pl.Float64}, orient="row")
    texts = [[str(value).replace("inf", "Infinity").replace("nan", "NaN") for value in pair] for pair in pairs]
    names = {"<": "isBelow", "<=": "isAtMost", ">": "isAbove", ">=": "isAtLeast", "==": "isSame", "!=": "isDifferent"}
    for relation, name in names.items():
        expression = tree.ComparisonOperation(relation, tree.Name("a"), tree.Name("b"))
        expected = frame.select(in_polars.render(expression, first_year=True).value)["a"].to_list()
        body = f"return DATA.map(([a, b]) => {name}(Number(a), Number(b)));"
        assert run_script(body, data=texts) == expected, relation
    for function, name in ((pl.max_horizontal, "largest"), (pl.min_horizontal, "smallest")):
        expected = frame.select(function("a", "b"))["a"].to_list()
        body = f"return DATA.map(([a, b]) => {name}(Number(a), Number(b)));"
        assert bits(floats(run_script(body, data=texts))) == bits(expected), name


def test_sums_are_correctly_rounded():
    """Sums of figures of all sizes and signs are those of math.fsum."""
    chance = random.Random(CHANCE)
    lists = [
        [
            chance.choice([-1, 1]) * chance.uniform(0, 1) * 10.0 ** chance.randint(-20, 20)
            for _ in range(chance.randint(0, 12))
        ]
        for _ in range(5_000)
    ]
    lists += [[1.0, 1e-16, 1e16, -1e16], [2.0**53, 1.0, 2.0**-60], [2.0**53, 1.0, -(2.0**-60)], [0.1] * 10]
    expected = [*map(math.fsum, lists)]

    assert bits(floats(run_script("return DATA.map((list) => sum(list));", data=lists))) == bits(expected)


def test_fractions_become_the_nearest_float():
    """Fractions of all sizes, halfway cases, subnormal numbers and those that are too large."""
    chance = random.Random(CHANCE)
    fractions = [Fraction(chance.randint(-(10**30), 10**30), chance.randint(1, 10**30)) for _ in range(3_000)]
    fractions += [
        Fraction(2 * chance.getrandbits(53) + 1, 2) * Fraction(2) ** chance.randint(-1_090, 900) for _ in range(3_000)
    ]
    fractions += [Fraction(chance.getrandbits(8), 2**1080) for _ in range(200)]
    texts = [[str(each.numerator), str(each.denominator)] for each in fractions]
    body = "return DATA.map(([top, bottom]) => toFloat({ top: BigInt(top), bottom: BigInt(bottom) }));"
    assert bits(floats(run_script(body, data=texts))) == bits([each.numerator / each.denominator for each in fractions])
    values = [float(each) for each in fractions]
    back = run_script("return DATA.map(toFraction).map(({ top, bottom }) => [top, bottom]);", data=values)
    assert [Fraction(int(top), int(bottom)) for top, bottom in back] == [*map(Fraction, values)]
    assert run_script("return toFloat({ top: -(10n ** 400n), bottom: 3n });") == "-Infinity"


def test_numbers_are_compared_in_twelve_digits():
    """`rank` compares numbers as ordering.py does: to 15 and then to 12 digits, halves away from 0."""
    chance = random.Random(CHANCE)
    values = numbers_near(chance, 3_000)
    values += [chance.randint(1, 10**13) / 10 ** chance.randint(0, 13) + 5e-13 for _ in range(3_000)] + [0.0]
    expected = [float(compared(value)) for value in values]

    assert bits(floats(run_script("return DATA.map((x) => compared(x) + 0);", data=values))) == bits(expected)


def test_figures_of_messages_are_written_alike():
    """Figures with pence, halves of a penny, thousands; numbers in six digits."""
    chance = random.Random(CHANCE)
    values = [*numbers_near(chance, 3_000), 0.125, 2.675, 0.005, 1e22, -0.001, 1234567.895]
    units = ["£", "people", None, "£ per head"]
    texts = run_script("return DATA[0].map((x, place) => figure(x, DATA[1][place % 4]));", data=[values, units])
    assert texts == [figure(value, units[place % 4]) for place, value in enumerate(values)]
    assert run_script("return DATA.map(shortest);", data=values) == [*map(shortest, values)]


TYPED = [
    *("1500000", "1_500_000", " 5 % ", "5%", "1/6", "-1/6", "0.007%", "1e6", "1E-7", ".5", "5.", "+3", "0", "-0"),
    *("1/0", "0/5", "", " ", "abc", "£200m", "£219,220,000", "1,500,000", "2.5bn", "−5", "–5%", "1.2.3", "1e", "e5"),
    *("_1", "1_", "1e99999", "1e400", "1e51", "1e-51", "1e-400", "1/3%", "0x10", "1 000", "nan", "inf", "12k", "00012"),
    *("1e1000", "9" * 400, "9" * 1001, "'", '"', "\\", "5%%", "1e+5", "1e-5", "1.e5", "٣", "1/6e2", "3.25 million"),
    *("0.1234567890123456789", "1__0", "£0.5m", "0012k", "-£3m", "1.5", "+12%", "£1,00", "7 bn%", "0.0000001m"),
]


def test_a_number_is_read_as_a_setting_is():
    """Texts as people type them become the same number, or the same refusal, as `--set` gives."""
    chance = random.Random(CHANCE)
    texts = TYPED + [
        f"{chance.uniform(-1e6, 1e6):.{chance.randint(0, 12)}f}{chance.choice(['', '%'])}" for _ in range(5_000)
    ]
    texts += [f"{chance.randint(0, 10 ** chance.randint(1, 20))}/{chance.randint(1, 999)}" for _ in range(1_000)]
    texts += [f"{chance.randint(0, 99999) / 1000}%" for _ in range(3_000)]
    body = """return DATA.map((text) => {
        try { return readNumber(text); } catch (fault) { return { refusal: fault.message }; }
    });"""

    def read(text):
        try:
            return number(text)
        except ValueError as fault:
            return {"refusal": str(fault)}

    for text, value in zip(texts, run_script(body, data=texts), strict=True):
        expected = read(text)
        assert (value if isinstance(value, dict) else bits([float(value)])) == (
            expected if isinstance(expected, dict) else bits([expected])
        ), text


# Kernels ---------------------------------------------------------------------------------------------------------


def random_case(chance):
    """The arguments of a `share_out`: some are refused, some have groups, many have ties and noise."""
    rows, pound = chance.randint(0, 8), chance.choice([1.0, 0.01, 1000.0, 1 / 3, 137.13, 1e9 / 7, 2e10, 1e-300])
    unit = chance.choice([1, 0.1, 1 / 3, 1e-6, 54_321.0, 5e-324])
    weights = [chance.choice([0, 1, 1, 1, 2, 3, 7]) * unit for _ in range(rows)]
    base = [chance.randint(0, 6) * pound for _ in range(rows)]
    low = [start + chance.randint(-3, 3) * pound for start in base]
    high = [floor + chance.choice([0, 1, 2, 5, 9]) * pound for floor in low]
    if rows and chance.random() < 0.1:
        row = chance.randrange(rows)
        weights[row] = chance.choice([-1.0, -1e-12, -2e-12, -1e-15])
        high[row] = low[row] - chance.choice([1, 1e-12, 2e-12]) * max(1, abs(low[row]))
    options = {"base": base, "at_least": low, "at_most": high}
    options = {name: column for name, column in options.items() if chance.random() < 0.5}
    groups = [chance.randrange(2) for _ in range(rows)] if chance.random() < 0.3 else None
    amounts = [
        chance.choice([0.0, chance.uniform(0, 30) * pound, sum(base), math.nextafter(sum(base), math.inf), sum(high)])
        for _ in range(2 if groups else 1)
    ]
    return amounts, weights, options, groups


def in_python(case):
    """The result of a case by sharing.py, as the script returns it."""
    amounts, weights, options, groups = case
    try:
        shares = share_out(amounts, weights, groups=groups, **options)
    except SharingError as fault:
        return [fault.reason, fault.group, fault.row]
    whole = [
        [rounded(column, to=to, groups=groups).exact for to in (1, 0.01)] for column in (shares.exact, shares.values)
    ]
    return [shares.values, shares.exact, shares.unspent, shares.factor, shares.rate, *whole[0], *whole[1]]


SHARED = """
const pair = (fraction) => fraction && `${fraction.top}/${fraction.bottom}`;
return DATA.map(([amounts, weights, options, groups]) => {
  try {
    const { exact, unspent, factors, rates } = shareOut(amounts, weights,
      { base: options.base, atLeast: options.at_least, atMost: options.at_most }, groups);
    const values = exact.map(toFloat);
    const whole = [exact, values].flatMap((column) => [{ top: 1n, bottom: 1n }, { top: 1n, bottom: 100n }].map((to) =>
      rounded(column, to, groups, amounts.length).map(pair)));
    return [values, exact.map(pair), unspent.map(pair), factors.map(pair), rates.map(pair), ...whole];
  } catch (fault) {
    if (!(fault instanceof SharingRefusal)) throw fault;
    return [fault.reason, fault.group, fault.row ?? null];
  }
});
"""


@pytest.mark.parametrize("count", [1_000, slow(MANY)])
def test_kernels_agree_on_random_cases(count):
    """Shares, unspent money, factors, rates, rounded shares and refusals are exactly those of Python."""
    chance = random.Random(CHANCE)
    cases = [random_case(chance) for _ in range(count)]
    refused = 0
    for case, shared in zip(cases, run_script(SHARED, data=cases), strict=True):
        expected = in_python(case)
        if len(expected) == 3:
            refused += 1
            assert shared == expected, case
            continue
        assert bits(floats(shared[0])) == bits(expected[0]), case
        exact = [[pair and Fraction(*map(int, pair.split("/"))) for pair in column] for column in shared[1:]]
        assert exact == expected[1:], case

    assert count / 20 < refused < count / 2


# Whole runs ------------------------------------------------------------------------------------------------------


def faults(result, **options):
    """What differs between a run and its page."""
    page = calculated(result, **options)
    assert not isinstance(page, dict), page
    wrong, count = differences(result, page)
    assert count > 5
    return wrong


@pytest.mark.parametrize("rule", slow_but(("scheme-gpit-2014-16", "transition-floor-and-ceiling"), RULES), ids=str)
def test_every_step_of_the_library_is_the_engines(tmp_path, rule):
    """Every step, factor, unspent amount, check and outcome of every rule, over a dozen invented organisations."""
    assert faults(allocate(**invented(rule, tmp_path), **rule.options(), with_effects=False)) == []


@pytest.mark.slow
@pytest.mark.parametrize("rule", [rule for rule in RULES if rule.kind == "transition"], ids=str)
def test_every_transition_is_the_engines_for_england(rule):
    """Every value of all CCGs and years of the sample."""
    assert faults(allocate(sample=True, **rule.options(), with_effects=False)) == []


DIFFICULT = ("groups_of_groups", "merged", "optional_blanks", "rates", "rows_in_order", "tables_of_all_kinds")


@pytest.mark.parametrize("make", slow_but(DIFFICULT, HARD), ids=lambda make: make.__name__)
def test_every_step_of_a_difficult_scheme_is_the_engines(tmp_path, make):
    """Mergers, groups, `previous`, blanks, texts, tables, ranks, rates, names that JavaScript knows."""
    assert faults(make(tmp_path)) == []


PRACTICES = 8_000


def practices(folder):
    """A file of 8,000 invented practices in 211 CCGs, with spend."""
    chance = random.Random(CHANCE)
    rows = [
        {
            "org_code": f"A{number:05}",
            "org_name": f"Practice {number}",
            "ccg": f"{chance.randrange(211):03}",
            "registered_population": chance.randint(500, 20_000),
            "historic_spend": round(chance.uniform(500, 34_000), 2),
        }
        for number in range(PRACTICES)
    ]
    return write_rows(folder / "practices.csv", rows)


@pytest.mark.slow
@pytest.mark.parametrize("transition", ["above-average-cost", "annual-loss-cap", "gap-percentage", "fixed-taper"])
def test_every_step_of_8_000_practices_is_the_engines(tmp_path, transition):
    """Every value of 8,000 practices, with each of four transitions."""
    assert faults(allocate(population=practices(tmp_path), transition=transition, with_effects=False)) == []


# Refusals and settings -------------------------------------------------------------------------------------------

SETTINGS = [
    ("above-average-cost", {"revenue_budget": 0}),
    ("above-average-cost", {"revenue_budget": 1e49, "transition_fund": 0.37}),
    ("floor-and-ceiling", {"floor_growth": 0.19}),
    ("floor-and-ceiling", {"revenue_budget": 1_000_000}),
    ("minimum-per-head", {"minimum_per_head": 30}),
    ("annual-loss-cap", {"revenue_budget": 12_345_678.9}),
]


@pytest.mark.parametrize(("transition", "settings"), SETTINGS)
def test_a_setting_gives_what_a_run_with_it_gives(transition, settings):
    """Values of a what-if give every figure of `gpit allocate --set`, or its refusal in the same words."""
    start = allocate(sample=True, transition=transition, with_effects=False)
    known = {name: value for name, value in settings.items() if name in start.scheme.parameters}
    assert known
    values = [(name, [(year, float(value)) for year in start.scheme.years]) for name, value in known.items()]
    page = calculated(start, values)
    try:
        result = allocate(sample=True, transition=transition, settings=known, with_effects=False)
    except GpitError as fault:
        expected = str(fault)
    else:
        expected, page = [], differences(result, page)[0] if isinstance(page, list) else page
    assert (page["refusal"] if isinstance(page, dict) else page) == expected


LEVEL = """
[parameters.level]
label = "Level"
values = { every_year = { value = 7, assumption = "A test." } }
"""
BOUNDED = "high = need - (6 - level)\nallocation = share_out(9, by=need, at_least=need, at_most=high)"
RATED = "share = share_out(level, by=need, at_most=need)\nallocation = where(level < 6, 0, rate_of(share)) + share"
REFUSED = {
    "undefined": ("part = need / (level - 5)\nallocation = part", "a division by zero"),
    "no weight": ("weight = need * (level - 5)\nallocation = share_out(100, by=weight)", "every weight"),
    "a negative weight": ("weight = need * (level - 6)\nallocation = share_out(9, by=weight)", "negative"),
    "crossed bounds": (BOUNDED, "no amount fits both"),
    "floors": (
        "allocation = share_out(level, by=need, at_least=need)",
        "needs 7 in total, but level is 5, 2 too little",
    ),
    "no rate": (RATED, "has no rate"),
    "too large": ("allocation = need * power(10, 10 * level)", "too large"),
    "too large to round": ("large = need * power(10, level)\nallocation = rounded(large)", "adds up to"),
}
"""Steps that are possible with one pot and refused with another, and a text of the refusal."""


@pytest.mark.parametrize("case", REFUSED)
def test_what_the_engine_refuses_the_page_refuses_in_the_same_words(tmp_path, case):
    """A value of a parameter makes a step impossible: place, row, figures and remedy are the engine's."""
    steps, text = REFUSED[case]
    rows = [{"org_code": code, "need": number} for code, number in (("A", 1), ("B", 2), ("C", 4))]
    start, stop = (1, 20) if case.startswith("too large") else (5, 7) if case == "no rate" else (7, 5)
    path = write_rows(tmp_path / "p.csv", rows)

    def run(level):
        file = scheme(tmp_path, steps.replace("\n", "\n    "), years=TWO, extra=LEVEL)
        return allocate(population=path, scheme=file, settings={"level": level})

    page = calculated(run(start), [("level", [(year, float(stop)) for year in ("2014/15", "2015/16")])])
    with pytest.raises(GpitError) as refusal:
        run(stop)

    assert text in str(refusal.value)
    assert page == {"refusal": str(refusal.value)}


# Tests of these tests --------------------------------------------------------------------------------------------

MUTATIONS = {
    "plain comparisons": ("return isGreater(a - b, margin(a, b));", "return a > b;"),
    "a naive sum": (
        "  const partials = [];\n",
        "  return numbers.reduce((a, b) => a + b, 0);\n  const partials = [];\n",
    ),
    "floats into rounded": (
        "if (this.exact.has(argument) && this.kindOf(argument) === kind) return this.exact.get(argument);",
        "",
    ),
    "ties of Math.round": ("return Math.sign(value) * Math.floor(size + BELOW_HALF);", "return Math.round(value);"),
    "remainders that are not in millionths": ("const MILLION = 10n ** 6n;", "const MILLION = 10n ** 18n;"),
}


@pytest.mark.parametrize("name", MUTATIONS)
def test_a_wrong_rendering_is_noticed(tmp_path, name):
    """Each of five plausible mistakes changes a value of a small scheme that is made to show them."""
    old, new = MUTATIONS[name]
    changed = []

    def change(text):
        changed.append(old in text)
        return text.replace(old, new)

    rows = [{"org_code": code, "need": need} for code, need in zip("ABCDEFG", TELLING, strict=True)]
    steps = """
        third = need / 3
        is_above = third * 3.0000000000000004 > need
        half = round(0 - need / 2, 0)
        shared = share_out(100, by=need)
        pence = rounded(shared, to=0.01)
        share = share_out(10, by=third)
        whole = rounded(share)
        size = need * 0.1
        noisy = need * need / 3
        sized = total(noisy)
        whole_sizes = rounded(size)
        seventh = need / 7
        large = share_out(9000000000001, by=seventh)
        large_pence = rounded(large, to=0.01)
        allocation = whole + pence + sized + where(is_above, 1, 0) + half
    """
    result = allocate(
        population=write_rows(tmp_path / "p.csv", rows), scheme=scheme(tmp_path, steps), with_effects=False
    )
    assert faults(result) == []
    assert faults(result, change=change) != []
    assert any(changed)


TELLING = (13, 20, 20, 20, 13, 20, 23)
"""Needs with ties, thirds and halves; a tenth of 23 has a little more noise than a tenth of 13."""


def test_no_name_of_a_scheme_is_markup_in_the_data(tmp_path):
    """A name with `</script>` stays a text: no `<` is in the data or in the formulas."""
    from gpit_fairshare.reports.page.model import as_json, page_model

    rows = [{"org_code": code, "need": 5, "area": "</script><script>alert(1)"} for code in "AB"]
    steps = "here = area == '</script><!--'\n    allocation = where(here, 1, 2)"
    result = allocate(population=write_rows(tmp_path / "p.csv", rows), scheme=scheme(tmp_path, steps))
    model = page_model(result)

    assert "</script" in json.dumps(model.data)
    assert "<" not in as_json(model.data) + model.formulas
    assert faults(result) == []
