"""When two figures count as the same: every tolerance by name, and the figures that differ from their rule.

`explain`, `compare` and `verify` use only these tolerances. A figure that a step rounds has to be the same number,
to the 15 digits that spreadsheet programs save; a figure that no step rounds is the same within 1e-12 of its size,
since Excel and LibreOffice add up in another order. The docstring of each predicate says when to use it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Context, Decimal
from typing import TYPE_CHECKING, Any, Final

import polars as pl

from gpit_fairshare.language import tree
from gpit_fairshare.language.kinds import NATIONAL
from gpit_fairshare.language.with_numbers import value_text
from gpit_fairshare.numbers import DIGITS, figure, with_unit
from gpit_fairshare.results.model import KEYS, Record
from gpit_fairshare.words import inside

if TYPE_CHECKING:
    from gpit_fairshare.engine import Result, Year
    from gpit_fairshare.scheme.model import Scheme, Step

SAVED: Final = Context(prec=15, rounding=ROUND_HALF_UP)
"""The 15 digits of a number that Excel and LibreOffice save."""
UNROUNDED: Final = 1e-12
"""Relative tolerance of a figure that no step rounds: programs that recalculate a workbook add up in another order,
which changes sums of thousands of figures in the 14th digit; a change by hand is larger."""
FRACTION_OF_PENNY: Final = 0.001
"""£: largest difference between figures that are the same, except for `FLOAT_NOISE`; 1e-12 of £1bn is as much."""
FLOAT_NOISE: Final = 1e-13
"""Relative effect of the order of a sum on a figure of any size: 16 digits, and a few hundred operations."""
NEARLY_NOTHING: Final = 1e-9
"""Figures this near to 0 count as 0: the difference of two equal sums is noise, and its digits mean nothing."""
RECALCULATED: Final = 1e-9
"""Relative tolerance of the workings of a workbook, which subtract large numbers from each other."""
REMAINDER: Final = 0.001
"""Tolerance of a remainder, in units: a float of £30bn in pence leaves four digits for it."""
PRINTED: Final = 1e-11
"""Relative tolerance of the arithmetic that `explain` prints with 12 digits."""
NATION: Final = "nation"
"""The subject of a national figure."""
_RULE: Final = ":rule"
"""Suffix of the columns that a file's own rule gives."""

Same = Callable[[Any, Any], bool]
"""A predicate: whether two values, the second as the rule gives it, count as the same."""


def is_same_as_written(actual: Any, expected: Any) -> bool:
    """Return whether a value in a file is the same: texts exactly, numbers to 15 digits.

    Use it for inputs, parameters and figures that a step rounds. None and an empty text are both blank.
    """
    if are_numbers(actual, expected):
        if actual == expected:
            return True
        actual_float, expected_float = as_float(actual), as_float(expected)
        # Programs round a float to 15 digits from its exact value, as Python does, or from its shortest text.
        from_value = f"{actual_float:.{SAVED.prec}g}" == f"{expected_float:.{SAVED.prec}g}"
        return from_value or SAVED.create_decimal(repr(actual_float)) == SAVED.create_decimal(repr(expected_float))
    if actual in (None, "") or expected in (None, ""):
        return actual in (None, "") and expected in (None, "")
    return type(actual) is type(expected) and bool(actual == expected)


def is_same_unrounded(actual: Any, expected: Any) -> bool:
    """Return whether a figure that no step rounds is the same: within 1e-12 of its size, and within a tenth of a penny.

    For very large figures, float noise of 1e-13 of their size is allowed as well. Two numbers next to 0 are the same;
    texts and yes/no are compared as written.
    """
    if not are_numbers(actual, expected):
        return is_same_as_written(actual, expected)
    size, distance = _size_and_distance(actual, expected)
    return size <= NEARLY_NOTHING or distance <= max(FLOAT_NOISE * size, min(UNROUNDED * size, FRACTION_OF_PENNY))


def is_same_as_calculated(actual: Any, expected: Any) -> bool:
    """Return whether a cell of a workbook has the value that its formula gives, whichever program calculated it.

    Cells hold workings as well as figures. It accepts everything that `is_same_unrounded` accepts, noise of a
    billionth, and noise of a billionth of the size up to a tenth of a penny; `off_rule` then checks figures against
    their own rule.
    """
    if not are_numbers(actual, expected):
        return is_same_as_written(actual, expected)
    size, distance = _size_and_distance(actual, expected)
    noise = max(NEARLY_NOTHING, min(RECALCULATED * size, FRACTION_OF_PENNY))
    return distance <= noise or is_same_unrounded(actual, expected)


def is_same_remainder(actual: Any, expected: Any) -> bool:
    """Return whether two remainders of large numbers are the same within 0.001 of a unit.

    The money shows who gets the odd penny.
    """
    return are_numbers(actual, expected) and _size_and_distance(actual, expected)[1] <= REMAINDER


def is_reproduced(printed: Any, value: Any) -> bool:
    """Return whether the arithmetic that `explain` prints gives a value: yes/no exactly, numbers to 1e-11."""
    if not are_numbers(printed, value):
        return printed is value
    return bool(abs(printed - value) <= PRINTED * abs(value))


def allowed_difference(expected: Decimal, absolute: Decimal, relative: Decimal, context: Context) -> Decimal:
    """Return the tolerance of a figure of a test case: the larger of the two that the case sets."""
    return max(absolute, context.multiply(relative, expected.copy_abs()))


def are_numbers(*values: Any) -> bool:
    """Return whether all values are numbers; yes/no is not a number."""
    return all(isinstance(value, int | float) and not isinstance(value, bool) for value in values)


def _size_and_distance(actual: float, expected: float) -> tuple[float, float]:
    """Return the larger of the absolute values of two numbers, and the absolute value of their difference."""
    actual_float, expected_float = as_float(actual), as_float(expected)
    distance = abs(actual_float - expected_float)
    if not math.isfinite(distance):  # a share of an infinite size would allow any difference
        return 1.0, 0.0 if actual == expected else math.inf
    return max(abs(actual_float), abs(expected_float)), distance


def as_float(number: float) -> float:
    """Return a number as a float; a whole number that is too long for one becomes infinite."""
    try:
        return float(number)
    except OverflowError:
        return math.inf if number > 0 else -math.inf


def predicates_of(scheme: Scheme | None) -> dict[str, Same]:
    """Return, by name of step, the function that says whether two of its figures count as the same.

    Steps of the kernels `rounded` and `rank` are compared as written, all other steps as unrounded. Inputs are not in
    it: they use `is_same_as_written`. Without a scheme it is empty.
    """
    steps = scheme.steps if scheme else ()
    return {
        step.name: is_same_as_written if isinstance(step.tree, tree.Rounded | tree.Rank) else is_same_unrounded
        for step in steps
    }


@dataclass(frozen=True, slots=True)
class OffRule:
    """A figure of a result file that differs from what the file's own rule gives for the file's own inputs."""

    year: str
    of: str
    """The organisation's code, its group such as `area team Wessex`, or `nation`."""
    name: str
    """Name of the step."""
    label: str
    actual: Any
    """The figure in the file."""
    expected: Any
    """The figure that the rule gives."""
    unit: str | None
    codes: frozenset[str]
    """Codes of the organisations whose rows have the figure."""
    too_fine: str = ""
    """The unit of rounding, if Excel or LibreOffice may give one unit to another row."""

    def __str__(self) -> str:
        actual, expected = distinct_texts(self.actual, self.expected, self.unit)
        reason = f"; {self.too_fine} is too small a unit here: Excel or LibreOffice may give it to another row"
        message = f"{self.of} {self.year} {self.label} ({self.name}): the file says {actual}, its rule gives {expected}"
        return f"{message}{reason if self.too_fine else ''}"

    def document(self) -> dict[str, Any]:
        """Return the figure that differs from its rule with stable keys, for JSON."""
        entry = {key: getattr(self, key) for key in ("year", "of", "name", "label")}
        return {**entry, "found": self.actual, "expected": self.expected, "text": str(self)}


def off_rule(record: Record, result: Result) -> tuple[OffRule, ...]:
    """Return every figure of a result file that differs from what the file's own rule gives, in the order of steps.

    A figure of the nation or of a group is repeated in many rows of the tidy table and is one figure. Rows that only
    one of the two tables has are not compared.

    Args:
        record: A result as read from its file.
        result: The result of `record.calculate()`.
    """
    table = record.rows.join(result.rows, on=list(KEYS), how="inner", suffix=_RULE, maintain_order="left")
    predicates, figures = predicates_of(result.scheme), list[OffRule]()
    for step in result.scheme.steps:
        rule_column = f"{step.name}{_RULE}"
        places: dict[tuple[str, str], list[tuple[str, Any, Any]]] = {}
        group = step.kind.column or "org_code"
        columns = table.select(*KEYS, pl.col(group).alias("group"), actual=step.name, expected=rule_column)
        differing = columns.filter(pl.col("actual").ne_missing(pl.col("expected")))
        for year, code, label, actual, expected in differing.rows():
            if not predicates[step.name](actual, expected):
                places.setdefault((year, _subject(step, label, result.scheme)), []).append((code, actual, expected))
        for (year, subject), rows in places.items():
            _, actual, expected = rows[0]
            label, unit = " ".join(step.label.split()), result.scheme.symbols[step.name].unit
            codes = frozenset(code for code, _, _ in rows)
            too_fine = _unit_too_fine(step, result.years[year], actual, expected)
            figures.append(OffRule(year, subject, step.name, label, actual, expected, unit, codes, too_fine))
    return tuple(figures)


def _unit_too_fine(step: Step, year: Year, actual: Any, expected: Any) -> str:
    """Return the unit of a step's rounding as text if a figure is one unit off and floats may cause that; else ""."""
    match step.tree:
        case tree.Rounded(to=to) if step.name in year.too_fine and abs(actual - expected) < 1.5 * to:
            return figure(to, step.unit)
    return ""


def _subject(step: Step, label: str, scheme: Scheme) -> str:
    """Return whose figure of a step it is: an organisation's code, a group such as `area team Wessex`, or `nation`.

    Args:
        step: The step that gives the figure.
        label: The text in the column of the step's groups, or the organisation's code.
        scheme: The scheme of the step.
    """
    if step.kind == NATIONAL:
        return NATION
    return f"{label_inside(scheme, step.kind.column)} {label}" if step.kind.column else label


def label_inside(scheme: Scheme, name: str) -> str:
    """Return a scheme's label of a step, input or parameter on one line, for use inside a sentence."""
    return inside(" ".join(scheme.labels.get(name, name.replace("_", " ")).split()))


def in_one_line(figures: Sequence[OffRule]) -> str:
    """Return a text with the first of the figures that differ from their rule, and the number of others."""
    others = f"; and {len(figures) - 1:,} more" if len(figures) > 1 else ""
    return f"{figures[0]}{others}"


def distinct_texts(actual: Any, expected: Any, unit: str | None) -> tuple[str, str]:
    """Return two values as texts, with enough digits to distinguish them and with their unit."""
    for digits in DIGITS[:3]:
        texts = value_text(actual, unit, digits), value_text(expected, unit, digits)
        if texts[0] != texts[1]:
            break
    return with_unit(texts[0], unit), with_unit(texts[1], unit)
