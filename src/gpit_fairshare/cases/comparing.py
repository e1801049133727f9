"""Compare expected figures with those of a run exactly: `Decimal` without any rounding."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from decimal import MAX_EMAX, MIN_EMIN, Context, Decimal, Inexact, InvalidOperation, Overflow
from typing import TYPE_CHECKING, Any, Final, Literal

from gpit_fairshare.cases.reading import ExpectedFigure, refuse_spaces
from gpit_fairshare.cases.shape import OTHER_COLUMNS, Exact, ToleranceEntry, exact_number
from gpit_fairshare.errors import CaseError
from gpit_fairshare.numbers import shortest_decimal
from gpit_fairshare.results.agreement import allowed_difference
from gpit_fairshare.results.writing import harmless
from gpit_fairshare.words import one_line

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


Kind = Literal["number", "yes/no", "text"]
ZERO: Final = Decimal(0)
_WORDS: Final = {"true": True, "yes": True, "false": False, "no": False}
_KINDS: Final[Mapping[Kind, tuple[type[Exact], Callable[[str], Exact], str, str]]] = {
    "number": (Decimal, exact_number, "numbers", "a plain number, such as 1500.5"),
    "yes/no": (bool, lambda cell: _WORDS[cell.strip().lower()], "yes or no", "true or false"),
    "text": (str, str, "texts", "a text in quotes"),
}
"""The type of a kind's figures, the reader for a cell of a table, their name and an example."""

# Figures have a few hundred digits at most: every sum and product of them fits, or an error is raised.
_EXACTLY: Final = Context(prec=5_000, Emin=MIN_EMIN, Emax=MAX_EMAX, traps=[Inexact, InvalidOperation, Overflow])


@dataclass(frozen=True, slots=True)
class FigureDifference:
    """One figure that is not as expected, or a row that is missing or extra.

    Figures are texts, to the last digit; None is a blank, or a row that does not exist.
    """

    year: str
    code: str
    """Empty for a national figure."""
    column: str
    """Empty for a whole row."""
    kind: Literal["figure", "missing row", "extra row"]
    expected: str | None
    got: str | None
    difference: Decimal | None = None
    """`got` minus `expected`, for two numbers."""
    allowed: Decimal | None = None
    """The tolerance, for two numbers."""

    @property
    def place(self) -> dict[str, str | None]:
        """Return the place of the figure with stable keys, for JSON."""
        return {"year": self.year, "org_code": self.code or None, "column": self.column or None}

    @property
    def key(self) -> tuple[str, str, str]:
        """Return year, code and column."""
        return self.year, self.code, self.column

    @property
    def excess(self) -> tuple[bool, Decimal]:
        """Return a sort key: how far the difference of two numbers exceeds its tolerance.

        A difference without numbers, such as a missing row, a blank or a text, sorts above all of these.
        """
        if self.difference is None or self.allowed is None:
            return True, ZERO
        return False, _EXACTLY.subtract(self.difference.copy_abs(), self.allowed)


def figure_text(value: Any) -> str | None:
    """Return a figure of a run or a case as text, with all its digits; None for a blank."""
    match value:
        case None | "":
            return None
        case bool():
            return str(value).lower()
        case float() | int():
            return shortest_decimal(Decimal(repr(value)))
        case Decimal():
            return shortest_decimal(value)
        case _:
            return str(value)


def compare_figure(
    figure: ExpectedFigure, actual: Any, kind: Kind, tolerances: Mapping[str, ToleranceEntry]
) -> FigureDifference | None:
    """Return how a figure of the run differs from the expected figure of a case, or None if it does not.

    Two numbers are the same within the tolerance of the column, or that of other columns; without one they must be
    equal. All else must be equal; a text in a CSV file may have the apostrophe that gpit adds. A number that is not
    finite always differs.
    """
    expected = expected_value(figure, kind)

    def difference_of(difference: Decimal | None = None, allowed: Decimal | None = None) -> FigureDifference:
        texts = figure_text(expected), figure_text(actual)
        return FigureDifference(figure.year, figure.code, figure.column, "figure", *texts, difference, allowed)

    is_blank = actual is None or actual == ""
    if expected == "" or is_blank:
        return None if expected == "" and is_blank else difference_of()
    if not isinstance(expected, Decimal):
        is_same = actual == expected or (figure.tabled and isinstance(actual, str) and harmless(actual) == expected)
        return None if is_same else difference_of()
    number = Decimal(repr(actual))
    if not number.is_finite():
        return difference_of()
    difference = _EXACTLY.subtract(number, expected)
    tolerance = tolerances.get(figure.column) or tolerances.get(OTHER_COLUMNS)
    absolute, relative = (tolerance.absolute, tolerance.relative) if tolerance else (None, None)
    allowed = allowed_difference(expected, absolute or ZERO, relative or ZERO, _EXACTLY)
    return None if difference.copy_abs() <= allowed else difference_of(difference, allowed)


def expected_value(figure: ExpectedFigure, kind: Kind) -> Exact:
    """Return an expected figure with the type of its column; an empty text is a blank and is returned unchanged.

    A cell of a CSV file is read as that type; a figure in TOML must have it already.

    Raises:
        CaseError: The figure cannot be read as that type, or a text in a CSV file begins or ends with a space.
    """
    value = figure.value
    if value == "":
        return value
    kind_type, read, nouns, hint = _KINDS[kind]
    if figure.tabled and isinstance(value, str):
        if kind == "text":
            refuse_spaces(value, f"{figure.place}:")
        with suppress(ValueError, KeyError):  # reported below, for both kinds of file
            value = read(value)
    if isinstance(value, kind_type):
        return value
    value_text = f"'{one_line(value, 40)}'" if isinstance(value, str) else figure_text(value)
    raise CaseError(f"{figure.place}: the column holds {nouns}; expected {hint}, found {value_text}")
