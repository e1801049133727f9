"""What a function of the formula language is: one object from which every rendering of a call is made."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any, ClassVar, Final, TypeVar

from gpit_fairshare.words import joined

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from fractions import Fraction

T = TypeVar("T")
PLACE: Final = re.compile(r"\{([^\W\d]\w*)\}")
"""Where a text goes in a template: `{x}*EXP({rate})`."""


def filled(template: str, /, **texts: str) -> str:
    """Return a template with each text in its place."""
    return PLACE.sub(lambda place: texts[place[1]], template)


class Argument(Enum):
    """What a built-in function takes for an argument, where that is more than a number in some unit."""

    CONDITION = "conditions"
    """A yes/no."""
    ALIKE = "arguments"
    """A number that may be the result; all arguments of this sort are in one unit."""
    BRANCH = "branches"
    """A number or a yes/no that is the result if it is chosen; otherwise it may be undefined."""
    DIGITS = "digits"
    """A whole number from -9 to 9, written in the formula."""


@dataclass(frozen=True)
class Function:
    """A function that a package adds to the formula language: numbers in, a number out, row by row.

    The entry point's name, in the group `gpit_fairshare.functions`, is the function's name in formulas.
    """

    polars: Callable[..., Any]
    """Is given an expression for each argument, and returns one; null or NaN where there is no value."""
    arguments: Mapping[str, str | Argument | None]
    """Name of each argument, in order, with the unit that it must have; None where any will do."""
    words: str
    """What it gives, in a sentence for whoever reads the method."""
    unit: str | None = None
    """Unit of what it gives: one of the language's, or the name of the argument whose unit it has."""
    excel: str | None = None
    """The same as a formula of Excel, without its equals sign: `{x}*EXP({rate})`. Without it a workbook holds
    the values of the steps that use the function, and says so."""

    options: ClassVar[tuple[str, ...]] = ()
    """Names of the options that a call may have."""

    @property
    def limits(self) -> tuple[int, int]:
        """The fewest and the most arguments."""
        return len(self.arguments), len(self.arguments)

    @property
    def copies(self) -> int:
        """How often a rendering writes the argument that it writes most."""
        places = PLACE.findall(self.excel or "")
        return max((places.count(name) for name in places), default=1)

    def sorted(self, arguments: Sequence[T]) -> list[tuple[str | Argument | None, T]]:
        """Return the arguments of a call, each behind the unit or the `Argument` that it has to be."""
        sorts = list(self.arguments.values())
        sorts += sorts[-1:] * (len(arguments) - len(sorts))
        return list(zip(sorts, arguments, strict=True))

    def in_excel(self, cells: Sequence[str]) -> str:
        """Return its Excel formula over the cells, or formulas in brackets, of its arguments."""
        return f"({filled(self.excel or '', **dict(zip(self.arguments, cells, strict=True)))})"

    def in_words(self, name: str, texts: Sequence[str]) -> str:
        """Return a call in words, given its arguments in words."""
        return f"{name} of {joined(texts)}"


@dataclass(frozen=True, kw_only=True)
class BuiltInFunction(Function):
    """A function that the language has itself.

    An argument may be an `Argument` in place of a unit, and the last one may be repeated. In `excel` and `phrase`
    `{all}` is the place of all arguments together. Excel's function gives one value: no brackets are needed.
    """

    phrase: str
    """A call in words: `{x} without its sign`."""
    repeated_up_to: int = 0
    """The most arguments, where the last one may be repeated."""
    exact: Callable[..., Fraction] | None = None
    """The same over fractions, where an explanation works it out from the printed numbers."""
    copies_in_polars: int = 1

    @property
    def limits(self) -> tuple[int, int]:
        """The fewest and the most arguments."""
        return len(self.arguments), self.repeated_up_to or len(self.arguments)

    @property
    def copies(self) -> int:
        """How often a rendering writes the argument that it writes most."""
        return self.copies_in_polars

    def in_excel(self, cells: Sequence[str]) -> str:
        """Return its Excel formula over the cells or formulas of its arguments."""
        return filled(self.excel or "", **dict(zip(self.arguments, cells, strict=False)), all=",".join(cells))

    def in_words(self, name: str, texts: Sequence[str]) -> str:
        """Return a call in words, given its arguments in words."""
        del name
        return filled(self.phrase, **dict(zip(self.arguments, texts, strict=False)), all=joined(texts))


@dataclass(frozen=True, kw_only=True)
class Aggregate:
    """A figure over all organisations or groups of a named column: `total(x)`, `total(x, within=region)`."""

    words: str
    """What it gives, in a sentence."""
    of_rows: Callable[[Sequence[Any]], float]
    """What it is of the values of the rows, in whatever order they come."""
    excel: str
    """The formula over the `{cells}` of a column."""
    excel_within: str
    """The formula for one `{group}`, where `{groups}` are the groups of the `{cells}`."""
    heading: str
    """What stands before the name of its column as a heading: `Total of`."""
    phrase: str
    """The same inside a formula in words: `total of`."""
    is_count: bool = False
    """Whether it takes a yes/no and counts; otherwise it takes numbers and has their unit."""

    limits: ClassVar[tuple[int, int]] = (1, 1)
    options: ClassVar[tuple[str, ...]] = ("within",)

    def in_words(self, label: str, rows: str) -> str:
        """Return the figure in words: `total of need over 12 CCGs`, `number with need, of 12 CCGs`."""
        return f"{self.heading[0].lower()}{self.heading[1:]} {label}{', of' if self.is_count else ' over'} {rows}"


@dataclass(frozen=True, kw_only=True)
class SpecialForm:
    """What is written like a function and has a node of its own in the tree; each rendering knows it by that node."""

    words: str
    """What it gives, in a sentence."""
    options: tuple[str, ...] = ()
    """Names of its options."""
    is_whole_step: bool = False

    limits: ClassVar[tuple[int, int]] = (1, 1)
