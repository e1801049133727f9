"""Counted rows by organisation and cell: their values read and checked, people counted, small counts hidden."""

from __future__ import annotations

import re
from decimal import Decimal
from fractions import Fraction
from math import isfinite, lcm, prod
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import polars as pl

from gpit_fairshare.errors import InputError
from gpit_fairshare.findings import FindingCode, FindingCollector, Where
from gpit_fairshare.people.engines import MOST_COUNTS, PART, ROWS
from gpit_fairshare.people.weights import ORG_CODE
from gpit_fairshare.words import counted, listed, one_line

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from gpit_fairshare.language.kinds import Symbol
    from gpit_fairshare.people.weights import Weights

PEOPLE: Final = "registered_population"
WEIGHTED: Final = "weighted_population"
WEIGHT: Final = "weight"
SUPPRESSED: Final = "suppressed"
_DIGITS: Final = re.compile(r"-?[0-9]+(\.[0-9]+)?")
_MOST_DIGITS: Final = 9
"""Of the people of one row: a billion rows of a billion people are counted in whole numbers of 64 bits."""
_BITS: Final = 62
"""Whole numbers with fewer bits fit in a column, and so do their sums of two."""


def read_cells(
    counts: pl.DataFrame, columns: Mapping[str, Symbol], findings: FindingCollector, *, has_people: bool
) -> pl.DataFrame:
    """Return the number of people of each organisation and cell, with every value read; what cannot be is reported.

    Args:
        counts: `org_code`, the columns of the weights, the number of people of a row if there is one, and `rows`.
        columns: The columns of the weights.
        findings: Collects what is wrong, with the number of rows.
        has_people: Whether a row is for as many people as its column `registered_population` says, and not for one.

    Returns:
        `org_code`, the columns of the weights and `registered_population`, sorted; a cell is there once.
    """
    frame = _read_column(counts, ORG_CODE, _code, FindingCode.BLANK_CODE, findings)
    for name, symbol in columns.items():
        frame = _read_column(frame, name, _text if symbol.type == "text" else _number, FindingCode.BLANK, findings)
    people = pl.col(ROWS)
    if has_people:
        frame = _read_column(frame, PEOPLE, _whole, FindingCode.BLANK, findings)
        people = pl.col(PEOPLE) * pl.col(ROWS)
    return _sums(frame.with_columns(people.alias(PEOPLE)), [ORG_CODE, *columns])


def _sums(cells: pl.DataFrame, keys: Sequence[str]) -> pl.DataFrame:
    """Return the number of people of each combination of values, sorted; an array is much faster than to sort texts."""
    values = {name: cells[name].unique().sort() for name in keys}
    shape = [len(own) for own in values.values()]
    if not 0 < prod(shape) <= MOST_COUNTS:
        return cells.group_by(keys).agg(pl.col(PEOPLE).sum()).sort(keys)
    number = pl.lit(0, dtype=pl.Int64)
    for name, own in values.items():
        number = number * len(own) + pl.col(name).replace_strict(own, pl.int_range(len(own), eager=True))
    places = cells.select(number).to_series().to_numpy()
    people = np.full(prod(shape), -1)
    people[places] = 0  # rows for 0 people are a cell, too
    np.add.at(people, places, cells[PEOPLE].to_numpy())
    used = np.flatnonzero(people >= 0)
    columns = {PEOPLE: pl.Series(people[used])}
    for name, own in reversed(values.items()):
        columns[name] = own.gather(used % len(own))
        used //= len(own)
    return pl.DataFrame(columns).select(*keys, PEOPLE)


def weighted_totals(cells: pl.DataFrame, weights: Weights) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return cells with their weights, and the registered and weighted population of each organisation.

    Weights are decimals, and products and sums are fractions: a weighted population is the float nearest to the exact
    one.

    Raises:
        InputError: The weights know no value for some cells.
    """  # noqa: DOC502 - raised by what it calls
    combinations, exact = weights_of(cells, weights)
    denominator = lcm(*(weight.denominator for weight in exact))
    numerators = [int(weight * denominator) for weight in exact]
    # A sum in a column has 64 bits at most, so a column of products is for some bits of long numerators.
    bits = _BITS - int(cells[PEOPLE].sum()).bit_length()
    shifts = range(0, max(number.bit_length() for number in numerators) + 1, bits)
    shifted = [[number >> shift for number in numerators] for shift in shifts]
    shifted[:-1] = [[number % 2**bits for number in numbers] for numbers in shifted[:-1]]
    parts = [pl.Series(f"part {place}", numbers, dtype=pl.Int64) for place, numbers in enumerate(shifted)]
    numbered = combinations.with_columns(pl.Series(WEIGHT, map(float, exact)), *parts)
    # To join or group all rows of a frame at once takes several times their memory.
    slices = cells.iter_slices(PART)
    placed = pl.concat(
        [part.join(numbered, on=combinations.columns, how="left", maintain_order="left") for part in slices]
    )
    products = [(pl.col(PEOPLE) * pl.col(part.name)).sum().alias(part.name) for part in parts]
    by_code = placed.lazy().group_by(ORG_CODE).agg(pl.col(PEOPLE).sum(), *products)
    sums = by_code.collect(engine="streaming").sort(ORG_CODE)
    weighted = [
        float(Fraction(sum(own << shift for own, shift in zip(row, shifts, strict=True)), denominator))
        for row in sums.select(part.name for part in parts).iter_rows()
    ]
    totals = sums.select(ORG_CODE, PEOPLE, pl.Series(WEIGHTED, weighted, dtype=pl.Float64))
    return placed.drop(part.name for part in parts), totals


def weights_of(cells: pl.DataFrame, weights: Weights) -> tuple[pl.DataFrame, list[Fraction]]:
    """Return every combination of values once, sorted, and the weight of each.

    Raises:
        InputError: The weights know no value for some; messages say how many people have it.
    """  # noqa: DOC502 - raised by what it calls
    columns = [*weights.columns]
    combinations = cells.lazy().select(columns).unique().collect(engine="streaming").sort(columns)
    try:
        return combinations, weights.of(combinations, dict.fromkeys(columns, [""] * combinations.height))
    except InputError:  # only its messages need the people of each value, which take time to count
        people = {name: _people_by_value(cells, name, combinations) for name in columns}
        return combinations, weights.of(combinations, people)


def totals_of(cells: pl.DataFrame) -> pl.DataFrame:
    """Return the registered population of each organisation, sorted by code."""
    return cells.group_by(ORG_CODE, maintain_order=True).agg(pl.col(PEOPLE).sum())


def suppressed(cells: pl.DataFrame, least: int) -> pl.DataFrame:
    """Return cells without the counts below `least`, which say so in a column of their own.

    The total of an organisation would give away a count that is hidden alone. So where there is one, the smallest of
    its other counts is hidden, too.
    """
    numbered = cells.with_row_index("cell")
    is_small = (pl.col(PEOPLE) > 0) & (pl.col(PEOPLE) < least)
    small = numbered.filter(is_small)
    alone = small.group_by(ORG_CODE).len().filter(pl.col("len") == 1)[ORG_CODE]
    others = numbered.filter(~is_small & (pl.col(PEOPLE) > 0) & pl.col(ORG_CODE).is_in(alone.implode()))
    next_smallest = others.sort(PEOPLE, "cell").group_by(ORG_CODE, maintain_order=True).first()
    hidden = pl.col("cell").is_in([*small["cell"].to_list(), *next_smallest["cell"].to_list()])
    return numbered.with_columns(
        pl.when(~hidden).then(pl.col(PEOPLE)).alias(PEOPLE),
        pl.when(hidden).then(pl.lit("yes")).otherwise(pl.lit("no")).alias(SUPPRESSED),
    ).drop("cell")


def _people_by_value(cells: pl.DataFrame, name: str, combinations: pl.DataFrame) -> list[str]:
    """Return, for each combination, how many people of how many organisations have its value of a column."""
    by_value = cells.group_by(name).agg(pl.col(PEOPLE).sum(), pl.col(ORG_CODE).unique().sort())
    texts = {value: in_words(people, codes, "person") for value, people, codes in by_value.iter_rows()}
    return [texts[value] for value in combinations[name].to_list()]


def in_words(number: int, codes: Sequence[str], noun: str) -> str:
    """Return how many rows or people some counts are of: `34 rows of 2 organisations (A81001 and A81002)`."""
    rows = counted(number, noun) if noun != "person" else f"{number:,} {'person' if number == 1 else 'people'}"
    return (
        rows if not codes else f"{rows} of {counted(len(codes), 'organisation')} ({listed([*map(one_line, codes)], 3)})"
    )


def _read_column(
    frame: pl.DataFrame, name: str, read: Callable[[Any], Any], blank: FindingCode, findings: FindingCollector
) -> pl.DataFrame:
    """Return a frame with the values of a column read; rows with others are reported by cause, and left out."""
    if frame.schema[name].is_nested():
        expected, remedy = "a text or number in each row", "Write the files again"
        findings.error(FindingCode.TEXT, Where(), f"{name} is of type {frame.schema[name]}", expected, remedy)
        return frame.clear()
    values = frame[name].unique().to_list()
    if blanks := [text for text in values if isinstance(text, str) and not text.strip()]:
        frame = frame.with_columns(pl.col(name).replace(blanks, None))
        values = frame[name].unique().to_list()
    known: dict[Any, Any] = {}
    refused: dict[tuple[FindingCode, str], list[Any]] = {}
    for value in sorted(values, key=lambda value: (value is not None, str(value))):
        answer = _Refusal(blank, "") if value is None else read(value)
        if isinstance(answer, _Refusal):
            refused.setdefault((answer.code, answer.expected), []).append(value)
        else:
            known[value] = answer
    old = pl.Series([*known], dtype=frame.schema[name])
    for (code, expected), values in refused.items():
        others = pl.Series(values, dtype=old.dtype).implode()
        rows = frame.filter(pl.col(name).is_null() if values == [None] else pl.col(name).is_in(others))
        codes = sorted({str(code) for code in rows[ORG_CODE].to_list() if code is not None})
        where = Where(in_words(int(rows[ROWS].sum()), codes, "row"))
        texts = [one_line(repr(value) if isinstance(value, str) else value, 40) for value in values]
        problem = "blank" if values == [None] else listed(texts, 3)
        findings.error(
            code, where, f"{name} is {problem}", expected, "Correct the rows; nothing is left out or guessed"
        )
    if not known:
        return frame.clear()
    dtype = pl.Series([*known.values()]).dtype
    if not refused and dtype == old.dtype and all(value == answer for value, answer in known.items()):
        return frame
    kept = frame.filter(pl.col(name).is_in(old.implode())) if refused else frame
    return kept.with_columns(pl.col(name).replace_strict(old, [*known.values()], return_dtype=dtype))


class _Refusal:
    """Why a value cannot be read."""

    def __init__(self, code: FindingCode, expected: str) -> None:
        """Take the subject of the finding, and what was expected."""
        self.code, self.expected = code, expected


def _code(value: Any) -> str | _Refusal:
    """Read the code of an organisation, which must be text: a number may have lost its zeros."""
    return _text(value) if isinstance(value, str) else _Refusal(FindingCode.CODE_NOT_TEXT, "a code as text")


def _text(value: Any) -> str | _Refusal:
    """Read a text; whole numbers and yes/no are texts of their digits and words."""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if str(value) != str(value).strip():
        return _Refusal(FindingCode.TEXT, "a text without spaces around it")
    return str(value)


def _number(value: Any) -> float | _Refusal:
    """Read a number in digits, with a decimal point; nothing else is guessed."""
    is_number = _DIGITS.fullmatch(value) if isinstance(value, str) else isinstance(value, int | float | Decimal)
    if not is_number or isinstance(value, bool) or not isfinite(float(value)):
        return _Refusal(FindingCode.NOT_A_NUMBER, "a number such as 47")
    return float(value)


def _whole(value: Any) -> int | _Refusal:
    """Read a number of people: whole, and not negative."""
    number = _number(value)
    if isinstance(number, _Refusal):
        return _Refusal(number.code, "a number of people such as 47")
    if number < 0:
        return _Refusal(FindingCode.NEGATIVE, "0 people or more")
    if not number.is_integer() or number >= 10**_MOST_DIGITS:
        return _Refusal(FindingCode.NOT_A_NUMBER, f"a whole number of people, in up to {_MOST_DIGITS} digits")
    return int(number)
