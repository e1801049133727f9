"""The page writes every figure and word as Python does."""

from __future__ import annotations

import random
import struct
from typing import TYPE_CHECKING, Any

import pytest

from gpit_fairshare import numbers, words
from gpit_fairshare.reports.organisation_table import ratio_change
from javascript import run_script

if TYPE_CHECKING:
    from collections.abc import Callable

WORDS = ("numbers.js", "words.js")
UNITS = ("£", "£ per head", "people", "%", None, "ratio")


def hard_numbers(seed: int = 2014, size: int = 500) -> list[float]:
    """Return floats of every kind: ties of 0 to 3 decimals and their neighbours, money, tiny and huge ones."""
    draw = random.Random(seed)
    drawn = [0.0, 1.0, 0.5, 1.5, 2.5, 0.125, 0.375, 2.675, 1.005, 0.0005, 0.05, 0.00049999, 999_999.5, 1e15, 1e16, 1e21]
    drawn += [1e22, 123456789012345680.0, 1e50, 1e-50, 1e-9, 1e-10, 5e-324, 0.1 + 0.2, 9_999_999.95, 10_000.0]
    for _ in range(size):
        power = draw.randrange(-12, 22)
        drawn.append(draw.random() * 10.0**power)
        drawn.append(draw.randrange(10**6) / draw.choice((2, 8, 20, 100, 200, 1_000, 2_000, 16_000)))
        drawn.append(struct.unpack("d", struct.pack("d", draw.uniform(-2, 2) * 10.0**power))[0])
        drawn.append(round(draw.uniform(0, 10**8), draw.randrange(4)))
    return [*drawn, *(-number for number in drawn if number)]  # no step is minus zero


WRITERS: dict[str, Callable[[Any], str]] = {
    "money(x)": numbers.money,
    "money(x, 2)": lambda number: numbers.money(number, 2),
    "perHead(x)": numbers.per_head,
    "signed(x)": numbers.signed,
    "signed(x, 2)": lambda number: numbers.signed(number, 2),
    "percentage(x)": numbers.percentage,
    "percentChange(x)": ratio_change,
    "plainNumber(x)": numbers.plain_number,
    "wholeNumber(x)": numbers.whole,
    "shortestText(shortestDecimal(x))": lambda number: numbers.shortest_decimal(numbers.exact(number)),
    "groupedText(shortestDecimal(x))": lambda number: numbers.grouped_decimal(numbers.exact(number)),
}


@pytest.mark.parametrize("call", WRITERS)
def test_figures_are_written_as_in_python(call: str) -> None:
    """Four thousand floats, ties among them, have the same text in the page and in reports."""
    drawn = hard_numbers()

    in_page = run_script(f"return DATA.map((x) => {call})", data=drawn, scripts=WORDS)

    assert differences(drawn, in_page, map(WRITERS[call], drawn)) == []


def test_values_of_parameters_are_written_as_in_python() -> None:
    """A parameter's value, short, in full and as typed, has the same text in the page and in reports."""
    drawn = hard_numbers(seed=7, size=100)
    typed = ["1/3", *map(repr, drawn[1:])]
    pairs = list(zip(drawn, drawn[1:] + drawn[:1], strict=True))

    in_page = run_script(
        "return DATA.units.map((unit) => DATA.pairs.map(([x, y], index) => [parameterValue(x, unit), "
        "parameterValue(x, unit, true), writtenValue(x, unit, DATA.typed[index]), ...parameterValues(x, y, unit), "
        "...parameterValues(x, x + 1e-9, unit)]))",
        data={"units": UNITS, "pairs": pairs, "typed": typed},
        scripts=WORDS,
    )

    for unit, texts in zip(UNITS, in_page, strict=True):
        expected = [
            [
                numbers.parameter_value(number, unit),
                numbers.parameter_value(number, unit, full=True),
                numbers.written_value(number, unit, text),
                *numbers.parameter_values(number, other, (unit, unit)),
                *numbers.parameter_values(number, number + 1e-9, (unit, unit)),
            ]
            for (number, other), text in zip(pairs, typed, strict=True)
        ]
        assert differences(drawn, texts, expected) == []


def test_rounding_to_pence_is_that_of_python() -> None:
    """`round(x, 2)` gives the same float: halves by the exact value, ties to even."""
    drawn = hard_numbers(seed=3)

    in_page = run_script("return DATA.map(roundToPence)", data=drawn, scripts=WORDS)

    assert differences(drawn, [*map(float, in_page)], (round(number, 2) + 0.0 for number in drawn)) == []


def test_nouns_lists_and_years_are_written_as_in_python() -> None:
    """Plurals, counts, lists, sentences and spans of years have the same text in the page and in reports."""
    nouns = [
        "CCG",
        "practice",
        "surgery",
        "ICS",
        "trust",
        "bus",
        "box",
        "church",
        "day",
        "y",
        "",
        "étage",
        "É",
        "sub-ICB",
    ]
    labels = [*nouns, "Historic spend", "GP IT spend", "a.csv is old", "x", "Élan", "élan", "ßa", "plan a.b"]
    lists = [list("abcdefghijklmnop"[:length]) for length in range(16)]
    years = ["2014/15", "2015/16", "2016/17", "2018/19"]
    spans = [years[first:last] for first in range(4) for last in range(first + 1, 5)]

    in_page = run_script(
        "return [DATA.nouns.map(plural), DATA.nouns.map((noun) => counted(noun.length, noun)), "
        "DATA.labels.map(inside), DATA.labels.map(sentence), DATA.lists.map((texts) => joined(texts)), "
        "DATA.lists.map((texts) => listed(texts, 3)), DATA.spans.map((years) => span(years)), "
        "DATA.spans.map((years) => span(years, DATA.years))]",
        data={"nouns": nouns, "labels": labels, "lists": lists, "spans": spans, "years": years},
        scripts=WORDS,
    )

    assert in_page == [
        [words.plural(noun) for noun in nouns],
        [words.counted(len(noun), noun) for noun in nouns],
        [words.inside(label) for label in labels],
        [words.sentence(label) for label in labels],
        [words.joined(texts) for texts in lists],
        [words.listed(texts, 3) for texts in lists],
        [words.span(some) for some in spans],
        [words.span(some, years) for some in spans],
    ]


def differences(inputs: list[Any], in_page: list[Any], in_python: Any) -> list[tuple[Any, Any, Any]]:
    """Return the inputs whose texts differ, with both texts; at most ten."""
    compared = zip(inputs, in_page, in_python, strict=True)
    return [triple for triple in compared if triple[1] != triple[2]][:10]
