"""Combine several rows into one: exact totals and parts, and practices summed to their organisations.

Money and people are added up. Rates, and numbers without a known unit, are not: the rate of a whole cannot be
calculated from the rates of its parts.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from dataclasses import replace
from decimal import Decimal
from enum import Enum
from fractions import Fraction
from itertools import groupby
from typing import TYPE_CHECKING

from gpit_fairshare.findings import FindingCode, Where
from gpit_fairshare.inputs.columns.cells import decimal_places
from gpit_fairshare.inputs.tables.rows import CheckedValue, InputFile, InputRow
from gpit_fairshare.sharing import rounded
from gpit_fairshare.words import counted, listed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from gpit_fairshare.inputs.model import NeededColumn


SMALLEST = {"£": Fraction(1, 100), "people": Fraction(1)}
"""The smallest amount of money and people that is shared out, by unit."""


class Clash(Enum):
    """Returned instead of a value if the values of several rows cannot be combined."""

    CLASH = "clash"


def exact_total(numbers: Iterable[float]) -> float:
    """Add up numbers as written, without rounding, in any order.

    Ten times 0.1 is exactly 1, and three times 0.1 is exactly 0.3; sums of binary fractions are not.
    """
    numbers = list(numbers)
    if all(map(float.is_integer, numbers)):
        return math.fsum(numbers)  # exact for whole numbers
    return float(sum(int(number) if number.is_integer() else Fraction(repr(number)) for number in numbers))


def portions(amount: float, fractions: Mapping[str, Fraction], unit: str) -> dict[str, float]:
    """Share out an amount by fractions that add up to 1; the parts add up to the amount exactly.

    The parts are whole pence or whole people, or have as many decimal places as the amount if it has more. The units
    left over by rounding go to the largest remainders, as the kernel's rule says, and then to the earlier code.
    """
    if len(fractions) == 1:
        return dict.fromkeys(fractions, amount)
    exact = Fraction(repr(amount))
    step = min(SMALLEST.get(unit, Fraction(1)), Fraction(1, 10 ** decimal_places(Decimal(repr(amount)))))
    codes = sorted(fractions)
    parts = rounded([exact * fractions[code] for code in codes], to=str(step))
    return dict(zip(codes, parts.values, strict=True))


def combine_values(values: Sequence[CheckedValue], need: NeededColumn, file: str) -> CheckedValue | Clash:
    """Combine the values of several rows: the sum of money and people, else the value that all rows have.

    Blank texts and blank parts of sums are ignored; if all are blank, so is the result. If texts or rates differ, or a
    rate is blank in some rows, the result is a `Clash`. A single value is returned unchanged; the origin of any other
    result is the number of rows.

    Args:
        values: the value of each row in the column.
        need: the column.
        file: the name of the file, for the origin.
    """
    if len(values) == 1:
        return values[0]
    origin = origin_of_rows(len(values), file)
    filled = [value.value for value in values if value.value is not None]
    if not filled:
        return CheckedValue(None, origin)
    if need.is_sum:
        return CheckedValue(exact_total(number for number in filled if isinstance(number, float)), origin)
    if len(set(filled)) > 1 or (need.kind == "number" and len(filled) < len(values)):
        return Clash.CLASH
    return CheckedValue(filled[0], origin)


def origin_of_rows(number: int, file: str) -> str:
    """Return the origin of a value that combines several rows, such as `3 rows of a.csv`."""
    return f"{counted(number, 'row')} of {file}"


def join_rows(
    file: InputFile,
    needs: Sequence[NeededColumn],
    further: Callable[[Sequence[InputRow]], Mapping[str, CheckedValue]] = lambda _: {},
) -> None:
    """Combine the rows of each organisation in each year of a file into one row, in place.

    Money and people are added up. A rate, or a number without a unit, is an error and is left out. If texts differ,
    that is an error if the scheme needs the column; else a warning, and the column is added to `file.dropped` (a name
    is left blank).

    Args:
        file: the file; its rows are replaced.
        needs: the columns that the tables take from it: sums, or texts that are the same in all rows.
        further: returns values for an organisation's rows that are not in a column of the file.
    """
    summable = [need for need in needs if need.kind == "text" or need.is_sum]
    for need in needs:
        if need not in summable:
            file.findings.error(
                FindingCode.NOT_SUMMED,
                f"{need.name} is a rate or has no unit, and cannot be summed",
                remedy=f"Give it by {file.request.organisation} in another file, "
                "or give it the unit £ or people in the scheme",
                at=Where(file.sheet.name, file.title(need.name)),
            )
    clashes: defaultdict[str, set[str]] = defaultdict(set)
    rows = sorted(file.rows, key=lambda row: (row.year or "", row.code, row.number))
    groups = [list(members) for _, members in groupby(rows, key=lambda row: (row.year, row.code))]
    file.rows = [replace(group[0], values={**_values(group, summable, clashes), **further(group)}) for group in groups]
    for column, codes in sorted(clashes.items()):
        # A grouping such as area_team is useful only if it is complete; a missing name does little harm.
        consequence = "their names are left blank" if column == "org_name" else "the column is left out"
        file.dropped |= {column} - {"org_name"}
        file.findings.warning(
            FindingCode.TEXTS_DIFFER,
            f"the rows of {listed(sorted(codes))} have different texts; {consequence}",
            at=Where(file.sheet.name, file.title(column)),
        )


def _values(
    group: Sequence[InputRow], needs: Iterable[NeededColumn], clashes: Mapping[str, set[str]]
) -> dict[str, CheckedValue]:
    """Return the combined values of an organisation's rows, without texts that differ.

    Such texts are reported as an error if the scheme needs their column; else the code is added to `clashes`. A sum
    that leaves out blank cells gets a warning.

    Args:
        group: the rows of an organisation in a year.
        needs: the columns.
        clashes: codes by column.
    """
    values: dict[str, CheckedValue] = {}
    file, code = group[0].file, group[0].code
    for need in needs:
        cells = [row.values[need.name] for row in group if need.name in row.values]
        blank = sum(cell.value is None for cell in cells)
        value = combine_values(cells, need, file.sheet.file) if cells else None
        if value and not isinstance(value, Clash):
            values[need.name] = value
            if need.is_sum and 0 < blank < len(cells):
                file.findings.collector.warning(
                    FindingCode.PARTLY_BLANK,
                    Where(file.sheet.name, file.title(need.name), need.name),
                    f"blank in {blank:,} of the {counted(len(cells), 'row')} of {code}, which the sum leaves out",
                    organisation=code,
                )
        elif value and need.name in file.request.essential:
            texts = sorted({row.text_of(need.name) for row in group} - {""})
            file.findings.error(
                FindingCode.TEXTS_DIFFER,
                f"the rows of {code} have different texts: {listed([repr(text) for text in texts])}",
                f"one {need.name} for all of them",
                at=group[0].where(need.name),
            )
        elif value:
            clashes[need.name].add(code)
    return values


def sum_practices(file: InputFile, needs: Sequence[NeededColumn]) -> None:
    """Sum the rows of practices to organisations, in place, and note how many became how many in each year.

    A practice with two rows for a year is an error; practices without patients are noted.

    Args:
        file: the file; its rows are replaced.
        needs: the columns that the tables take from it: sums, or texts that are the same in all rows.
    """
    _report_repeated_practices(file)
    practices = Counter(row.year or "" for row in file.rows)
    empty = {row.text_of("practice_code") for row in file.rows if row.number_of("registered_population") == 0}
    if empty:
        file.findings.note(
            FindingCode.NO_PATIENTS, f"{counted(len(empty), 'practice')} without patients: {listed(sorted(empty))}"
        )
    join_rows(file, needs)
    organisations = Counter(row.year or "" for row in file.rows)
    sums = [
        f"{counted(number, 'practice')} to {counted(organisations[year], file.request.organisation)}"
        + (f" in {year}" if year else "")
        for year, number in sorted(practices.items())
    ]
    if sums:
        file.findings.note(FindingCode.PRACTICES, f"summed {', '.join(sums)}")


def _report_repeated_practices(file: InputFile) -> None:
    """Report each practice that has more than one row for a year."""
    first_rows: dict[tuple[str | None, str], InputRow] = {}
    for row in file.rows:
        practice = row.text_of("practice_code")
        first = first_rows.setdefault((row.year, practice), row) if practice else row
        if first is not row:
            file.findings.error(
                FindingCode.DUPLICATE_ROW,
                f"practice {practice} is already in {first.place}" + (f" for {row.year}" if row.year else ""),
                "each practice once a year",
                "Delete one of the rows",
                at=row.where("practice_code"),
            )
