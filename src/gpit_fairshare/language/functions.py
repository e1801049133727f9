"""Functions of the formula language: the class of a function, and the built-in functions.

A function is one object from which every rendering of a call is made. To add one to the language, add its object to
`BUILT_INS` and its row to docs/functions.md. Packages add functions by the same class, `Function`: see
`plugin_functions`.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from enum import Enum
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, Final, TypeVar

import polars as pl

from gpit_fairshare.words import joined

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from fractions import Fraction

T = TypeVar("T")
PLACE: Final = re.compile(r"\{([^\W\d]\w*)\}")
"""Where a text goes in a template: `{x}*EXP({rate})`."""


def filled(template: str, /, **texts: str) -> str:
    """Return a template with each place `{name}` replaced by the text of that name."""
    return PLACE.sub(lambda place: texts[place[1]], template)


class Argument(Enum):
    """A sort of argument that a built-in function takes, if it is not just a number in some unit."""

    CONDITION = "conditions"
    """A yes/no."""
    SAME_UNIT = "arguments"
    """A number that may be the result; all arguments of this sort are in one unit."""
    BRANCH = "branches"
    """A number or a yes/no that is the result if it is chosen; it may be undefined if it is not."""
    DIGITS = "digits"
    """A whole number from -9 to 9, written in the formula."""


@dataclass(frozen=True)
class Function:
    """A function that a package adds to the formula language: numbers in, a number out, row by row.

    The entry point's name, in the group `gpit_fairshare.functions`, is the function's name in formulas.
    """

    polars: Callable[..., Any]
    """Takes an expression for each argument and returns one; null or NaN means no value."""
    arguments: Mapping[str, str | Argument | None]
    """Name of each argument, in order, with the unit that it must have; None for any unit."""
    words: str
    """What the function gives, in a sentence for readers of the method."""
    unit: str | None = None
    """Unit of the value: one of the language's units, or the name of the argument with the same unit."""
    excel: str | None = None
    """The function as an Excel formula without its equals sign: `{x}*EXP({rate})`. Without it, a workbook has the
    values of the steps that use the function, and says so."""

    options: ClassVar[tuple[str, ...]] = ()
    """Names of the options that a call may have."""

    @property
    def limits(self) -> tuple[int, int]:
        """The fewest and the most arguments."""
        return len(self.arguments), len(self.arguments)

    @property
    def copies(self) -> int:
        """Return how often the Excel formula repeats the argument that it repeats most; 1 without an Excel formula."""
        places = PLACE.findall(self.excel or "")
        return max((places.count(name) for name in places), default=1)

    def paired(self, arguments: Sequence[T]) -> list[tuple[str | Argument | None, T]]:
        """Return each argument of a call after what it must be: a unit, an `Argument`, or None for any unit.

        Arguments after the last that the function names must be as the last one.
        """
        sorts = list(self.arguments.values())
        sorts += sorts[-1:] * (len(arguments) - len(sorts))
        return list(zip(sorts, arguments, strict=True))

    def in_excel(self, cells: Sequence[str]) -> str:
        """Return the Excel formula in brackets, with a cell or bracketed formula in the place of each argument."""
        return f"({filled(self.excel or '', **dict(zip(self.arguments, cells, strict=True)))})"

    def in_words(self, name: str, texts: Sequence[str]) -> str:
        """Return a call in words, given its arguments in words."""
        return f"{name} of {joined(texts)}"


@dataclass(frozen=True, kw_only=True)
class BuiltInFunction(Function):
    """A function of the language itself.

    An argument may be an `Argument` instead of a unit, and the last one may be repeated. In `excel` and `phrase`,
    `{all}` is the place of all arguments together. The Excel formula is one function or in brackets.
    """

    phrase: str
    """A call in words: `{x} without its sign`."""
    javascript: str
    """A call in JavaScript, with the functions of `reports/page/scripts/kernels.js`."""
    repeated_up_to: int = 0
    """The most arguments, if the last one may be repeated."""
    constants: Mapping[str, tuple[float, str]] = field(default_factory=dict)
    """Numbers that the Excel formula uses, each with its use, by the name of their place and of their cell."""
    exact: Callable[..., Fraction] | None = None
    """The same over fractions, with which an explanation calculates from the printed numbers."""
    copies_in_polars: int = 1
    is_partial: bool = False
    """Whether some numbers have no value: then null, NaN or infinite means undefined."""

    @property
    def limits(self) -> tuple[int, int]:
        """The fewest and the most arguments; the most is `repeated_up_to` if the last argument may be repeated."""
        return len(self.arguments), self.repeated_up_to or len(self.arguments)

    @property
    def copies(self) -> int:
        """How often a rendering writes the argument that it writes most."""
        return self.copies_in_polars

    def in_excel(self, cells: Sequence[str]) -> str:
        """Return the Excel formula, given a cell or formula for each argument, and then for each of `constants`."""
        places = (*self.arguments, *self.constants)
        return filled(self.excel or "", **dict(zip(places, cells, strict=False)), all=",".join(cells))

    def in_javascript(self, values: Sequence[str]) -> str:
        """Return the JavaScript of a call, given that of each argument."""
        return filled(self.javascript, **dict(zip(self.arguments, values, strict=False)), all=", ".join(values))

    def in_words(self, name: str, texts: Sequence[str]) -> str:
        """Return a call in words: the function's phrase with its arguments in words filled in; `name` is not used."""
        del name
        return filled(self.phrase, **dict(zip(self.arguments, texts, strict=False)), all=joined(texts))


@dataclass(frozen=True, kw_only=True)
class Aggregate:
    """A figure of a named column over all organisations or a group: `total(x)`, `total(x, within=region)`."""

    words: str
    """What it gives, in a sentence."""
    of_rows: Callable[[Sequence[Any]], float]
    """Calculates the figure from the values of the rows, in any order."""
    excel: str
    """The formula over the `{cells}` of a column."""
    excel_within: str
    """The formula for one `{group}`, where `{groups}` are the groups of the `{cells}`."""
    heading: str
    """Heading before the name of its column: `Total of`."""
    phrase: str
    """The same inside a formula in words: `total of`."""
    javascript: str
    """The function of `reports/page/scripts` that calculates it from the values of the rows."""
    is_count: bool = False
    """Whether it counts a yes/no column; otherwise it takes numbers and has their unit."""

    limits: ClassVar[tuple[int, int]] = (1, 1)
    options: ClassVar[tuple[str, ...]] = ("within",)

    def in_words(self, label: str, rows: str) -> str:
        """Return the figure in words: `total of need over 12 CCGs`, `number with need, of 12 CCGs`."""
        return f"{self.heading[0].lower()}{self.heading[1:]} {label}{', of' if self.is_count else ' over'} {rows}"


@dataclass(frozen=True, kw_only=True)
class TableFunction:
    """Gives the value of a table of the scheme for a named column: `lookup(stage_weight, stage)`."""

    words: str
    """What it gives, in a sentence."""
    phrase: str
    """A call in words, with the places `{table}` and `{of}`."""
    takes_bands: bool = True
    """Whether the keys of its table are the lower edges of bands of numbers; otherwise they are texts."""

    limits: ClassVar[tuple[int, int]] = (2, 2)
    options: ClassVar[tuple[str, ...]] = ()


@dataclass(frozen=True, kw_only=True)
class SpecialForm:
    """Written like a function, with its own kind of node in the tree; each rendering handles that node."""

    words: str
    """What it gives, in a sentence."""
    options: tuple[str, ...] = ()
    """Names of its options."""
    is_whole_step: bool = False

    limits: ClassVar[tuple[int, int]] = (1, 1)


# The functions of the language -----------------------------------------------------------------------------------


_HALF: Final = math.nextafter(0.5, 0)
"""Added instead of a half: it also rounds a half up, but never a whole number up to the next."""


def divided(left: pl.Expr, right: pl.Expr) -> pl.Expr:
    """Return the quotient of two Polars expressions, rounded as Excel and IEEE 754 do.

    If the divisor is the same in every row, Polars multiplies by its reciprocal, and 24.5 / 49 is less than a half.
    Adding zeros from a column turns the divisor into a column; a quotient without columns is divided as it is.
    """
    columns = (left / right).meta.root_names()
    return left / (right + pl.col(columns[0]).is_null().cast(pl.Float64) * 0.0) if columns else left / right


def rounded_half_up(value: pl.Expr, digits: int) -> pl.Expr:
    """Return values rounded to `digits` decimals, half away from 0, as LibreOffice does, and Excel as far as is known.

    Negative `digits` round to tens, hundreds and so on. Unless `digits` is 0, the scaled value is first rounded to 15
    significant digits, which corrects halves that binary cannot hold (1.005 is 1.01). From 2^41 these digits would be
    too few; from 2^52 there are no decimals left to round.
    """
    if digits == 0:
        return value.sign() * (value.abs() + _HALF).floor()
    scale = 10.0 ** abs(digits)
    scaled = value.abs() * scale if digits > 0 else divided(value.abs(), pl.lit(scale))
    whole = (
        pl.when(scaled < 2.0**41).then((scaled + 0.5).round_sig_figs(15).floor()).otherwise((scaled + _HALF).floor())
    )
    rounded = value.sign() * (divided(whole, pl.lit(scale)) if digits > 0 else whole * scale)
    return pl.when(scaled < 2.0**52).then(rounded).otherwise(value) if digits > 0 else rounded


_NOISE: Final = 1e-13  # above the 5e-15 within which LibreOffice's INT takes a number for a whole one
_MOST_NOISE: Final = 0.1
_CONSTANTS: Final = {
    "rounding_base": (10.0, "Rounding down or up: the base of decimals."),
    "rounding_noise": (_NOISE, "Rounding down or up: this near to a whole number, as a part of it, counts as whole."),
    "most_rounding_noise": (_MOST_NOISE, "Rounding down or up: but at most this near."),
}


def rounded_one_way(value: pl.Expr, digits: int, *, up: bool) -> pl.Expr:
    """Return values rounded to `digits` decimals towards 0, or with `up` away from 0, as Excel's ROUNDDOWN and ROUNDUP.

    Negative `digits` round to tens, hundreds and so on. A scaled value that is whole apart from the noise of floats is
    kept: 4.35 * 100 is 434.99999999999994, and rounds down to 435. From 2^52 there are no decimals left to round.
    """
    scale = 10.0 ** abs(digits)
    scaled = value.abs() * scale if digits >= 0 else divided(value.abs(), pl.lit(scale))
    noise = pl.min_horizontal(scaled * _NOISE, pl.lit(_MOST_NOISE))
    whole = (scaled - noise).ceil() if up else (scaled + noise).floor()
    rounded = value.sign() * (divided(whole, pl.lit(scale)) if digits >= 0 else whole * scale)
    return pl.when(scaled < 2.0**52).then(rounded).otherwise(value)


def _one_way(words: str, formula: str, *, up: bool) -> BuiltInFunction:
    """Return `rounddown` or `roundup`, described by `words`; `formula` is the Excel formula of the whole number.

    LibreOffice's own ROUNDDOWN and ROUNDUP keep 12 digits only, which are too few for pence of £1bn.
    """
    return BuiltInFunction(
        words=f"x rounded {words} to this many decimals, as Excel's ROUND{'UP' if up else 'DOWN'}",
        arguments={"x": None, "digits": Argument.DIGITS},
        unit="x",
        polars=partial(rounded_one_way, up=up),
        excel=f"(SIGN({{x}})*{formula}/{{rounding_base}}^{{digits}})",
        constants=_CONSTANTS,
        phrase=f"{{x}} rounded {words} to {{digits}} decimals",
        javascript=f"roundOneWay({{x}}, {{digits}}, {'true' if up else 'false'})",
        copies_in_polars=7,
    )


_SCALED: Final = "ABS({x})*{rounding_base}^{digits}"
_WITHIN: Final = f"MIN({{most_rounding_noise}},{_SCALED}*{{rounding_noise}})"
BUILT_INS: Final[dict[str, Function | Aggregate | TableFunction | SpecialForm]] = {
    "min": BuiltInFunction(
        words="the smallest of two or more values",
        arguments={"a": Argument.SAME_UNIT, "b": Argument.SAME_UNIT},
        repeated_up_to=64,
        unit="a",
        polars=pl.min_horizontal,
        excel="MIN({all})",
        phrase="the smallest of {all}",
        javascript="smallest({all})",
        exact=min,
    ),
    "max": BuiltInFunction(
        words="the largest of two or more values",
        arguments={"a": Argument.SAME_UNIT, "b": Argument.SAME_UNIT},
        repeated_up_to=64,
        unit="a",
        polars=pl.max_horizontal,
        excel="MAX({all})",
        phrase="the largest of {all}",
        javascript="largest({all})",
        exact=max,
    ),
    "clip": BuiltInFunction(
        words="x, but at least low and at most high; if low is above high, low",
        arguments={"x": Argument.SAME_UNIT, "low": Argument.SAME_UNIT, "high": Argument.SAME_UNIT},
        unit="x",
        polars=lambda x, low, high: pl.max_horizontal(low, pl.min_horizontal(x, high)),
        excel="MAX({low},MIN({x},{high}))",
        phrase="{x}, kept between {low} and {high}",
        javascript="clip({x}, {low}, {high})",
    ),
    "abs": BuiltInFunction(
        words="x without its sign",
        arguments={"x": Argument.SAME_UNIT},
        unit="x",
        polars=lambda x: x.abs(),
        excel="ABS({x})",
        phrase="{x} without its sign",
        javascript="Math.abs({x})",
        exact=abs,
    ),
    "round": BuiltInFunction(
        words="x rounded to this many decimals, halves away from 0; -3 rounds to thousands",
        arguments={"x": None, "digits": Argument.DIGITS},
        unit="x",
        polars=rounded_half_up,
        excel="ROUND({x},{digits})",
        phrase="{x} rounded to {digits} decimals",
        javascript="round({x}, {digits})",
        copies_in_polars=6,
    ),
    "rounddown": _one_way("towards 0", f"INT({_SCALED}+{_WITHIN})", up=False),
    "roundup": _one_way("away from 0", f"-INT({_WITHIN}-{_SCALED})", up=True),
    "where": BuiltInFunction(
        words="Excel's IF",
        arguments={"condition": Argument.CONDITION, "yes": Argument.BRANCH, "no": Argument.BRANCH},
        unit="yes",
        polars=lambda condition, yes, no: pl.when(condition).then(yes).otherwise(no),
        excel="IF({condition},{yes},{no})",
        phrase="{yes} if {condition}, else {no}",
        javascript="({condition} ? {yes} : {no})",
    ),
    "ln": BuiltInFunction(
        words="the natural logarithm of x, which must be above 0",
        arguments={"x": "ratio"},
        unit="ratio",
        polars=lambda x: x.log(),
        excel="LN({x})",
        phrase="natural logarithm of {x}",
        javascript="finite(Math.log({x}))",
        is_partial=True,
    ),
    "exp": BuiltInFunction(
        words="e to the power of x",
        arguments={"x": "ratio"},
        unit="ratio",
        polars=lambda x: x.exp(),
        excel="EXP({x})",
        phrase="e to the power of {x}",
        javascript="finite(Math.exp({x}))",
        is_partial=True,
    ),
    "power": BuiltInFunction(
        words="x to the power of n; 0 only to a power above 0, and a number below 0 only to a whole power",
        arguments={"x": "ratio", "n": "ratio"},
        unit="ratio",
        polars=lambda x, n: pl.when((x != 0) | (n > 0)).then(x.pow(n)),
        # LibreOffice has a value for 0 to the power of 0, and for odd roots of numbers below 0.
        excel="IF(OR({x}>0,AND({x}=0,{n}>0),AND({x}<0,{n}=INT({n}))),POWER({x},{n}),NA())",
        copies_in_polars=4,
        phrase="{x} to the power of {n}",
        javascript="power({x}, {n})",
        is_partial=True,
    ),
    "total": Aggregate(
        words="the sum over all organisations, or within a group",
        of_rows=math.fsum,  # exact, so the order of rows cannot change it
        excel="SUM({cells})",
        excel_within="SUMIFS({cells},{groups},{group})",
        heading="Total of",
        phrase="total of",
        javascript="sum",
    ),
    "count": Aggregate(
        words="the number of organisations with a yes",
        of_rows=sum,
        excel="SUMPRODUCT(--{cells})",
        excel_within="SUMPRODUCT(({groups}={group})*{cells})",
        heading="Number with",
        phrase="number of rows with",
        javascript="countOf",
        is_count=True,
    ),
    "largest": Aggregate(
        words="the largest value of all organisations",
        of_rows=max,
        excel="MAX({cells})",
        excel_within="_xlfn.MAXIFS({cells},{groups},{group})",
        heading="Largest",
        phrase="largest",
        javascript="largestOf",
    ),
    "smallest": Aggregate(
        words="the smallest value of all organisations",
        of_rows=min,
        excel="MIN({cells})",
        excel_within="_xlfn.MINIFS({cells},{groups},{group})",
        heading="Smallest",
        phrase="smallest",
        javascript="smallestOf",
    ),
    "lookup": TableFunction(
        words="the value of the table's row with this text", phrase="{table} for {of}", takes_bands=False
    ),
    "band_value": TableFunction(words="the value of the band that x is in", phrase="{table} at {of}"),
    "band_sum": TableFunction(
        words="each part of x times the value of the band that the part is in, as in income tax",
        phrase="{table} applied to each part of {of}",
    ),
    "band_line": TableFunction(
        words="the value at x on the straight lines between the edges of the bands",
        phrase="{table} at {of}, on straight lines",
    ),
    "rate_of": SpecialForm(words="what a share_out step gives for each unit of weight"),
    "given": SpecialForm(words="yes if the cell of an input column is filled"),
    "previous": SpecialForm(words="last year's x; y in the first year", options=("first",)),
    "share_out": SpecialForm(
        words="shares of an amount", options=("by", "base", "at_least", "at_most", "within"), is_whole_step=True
    ),
    "rounded": SpecialForm(words="x in whole pounds, keeping the total", options=("to", "within"), is_whole_step=True),
    "rank": SpecialForm(words="the place of x in order, 1 for the largest", options=("within",), is_whole_step=True),
    "running_total": SpecialForm(
        words="the sum of x down to one's own place in order", options=("by", "within"), is_whole_step=True
    ),
}
"""Every function of the language, by name; renderings also handle `where` and each `SpecialForm` themselves."""
FUNCTIONS: Final = tuple(BUILT_INS)
ROUNDING: Final = {"round": 0.5, "rounddown": 1.0, "roundup": 1.0}
"""Functions that round, each with the most that it moves a value by, in units of the last digit."""
AGGREGATES: Final = {name: entry for name, entry in BUILT_INS.items() if isinstance(entry, Aggregate)}
TABLE_FUNCTIONS: Final = {name: entry for name, entry in BUILT_INS.items() if isinstance(entry, TableFunction)}
