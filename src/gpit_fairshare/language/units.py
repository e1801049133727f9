"""Units carried through a formula: £ ÷ people is £ per head, and £ plus people is an error.

A unit is a pair of powers, of pounds and of people. A value without a unit is not checked. A bare number can be added
to or compared with anything.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

UNITS: Final = ("£", "£ per head", "people", "%", "ratio", "yes/no")
MONEY_AND_PEOPLE: Final = frozenset({"£", "people"})
"""Units whose values may be summed when organisations merge."""


@dataclass(frozen=True, slots=True)
class Dimension:
    """Powers of pounds and of people; `bare` marks a number written in a formula, which fits anything.

    A count of organisations is `counted`: a plain ratio in arithmetic, but shown without a unit.
    """

    pounds: int = 0
    people: int = 0
    bare: bool = False
    counted: bool = False

    def __str__(self) -> str:
        """Return the unit for a message: `£ per head`, `£ × people`, `a count`, `a bare number`."""
        if self.bare:
            return "a bare number"
        if self.counted:
            return "a count"
        name = unit_of(self)
        if name:
            return "a ratio" if name == "ratio" else name
        above = ["£"] * self.pounds + ["people"] * self.people
        below = ["£"] * -self.pounds + ["people"] * -self.people
        return " ÷ ".join([" × ".join(above) or "1", *below])

    @property
    def powers(self) -> tuple[int, int]:
        """Return the powers of pounds and of people: values with equal powers may be added and compared."""
        return self.pounds, self.people


PURE: Final = Dimension()
BARE: Final = Dimension(bare=True)
COUNT: Final = Dimension(counted=True)

_DIMENSIONS: Final = {
    "£": Dimension(1, 0),
    "£ per head": Dimension(1, -1),
    "people": Dimension(0, 1),
    "%": PURE,
    "ratio": PURE,
}
_NAMES: Final = {dimension.powers: unit for unit, dimension in _DIMENSIONS.items()}
"""The unit to show for each dimension: ratio instead of %, because it comes later."""


def dimension(unit: str | None) -> Dimension | None:
    """Return the dimension of a unit as schemes write it; None if there is nothing to check."""
    return _DIMENSIONS.get(unit or "")


def is_comparable_unit(unit: str | None, other_unit: str | None) -> bool:
    """Return whether values in two units may be compared; an unknown unit may be compared with any."""
    left, right = dimension(unit), dimension(other_unit)
    return left is None or right is None or left.powers == right.powers


def unit_of(dimension: Dimension | None) -> str | None:
    """Return the unit to show for a dimension; None if it has no name, or is a bare number or a count."""
    if dimension is None or dimension.bare or dimension.counted:
        return None
    return _NAMES.get(dimension.powers)


def common_unit(left: Dimension | None, right: Dimension | None) -> Dimension | None:
    """Return the unit of two values that are added, compared or chosen between; None if either unit is not known.

    A bare number takes the unit of the other value, and a count with a ratio is a count.

    Raises:
        ValueError: Both have a unit and they differ.
    """
    if left is None or right is None:
        return None
    if left.bare:
        return right
    if right.bare:
        return left
    if left.powers == right.powers:
        return left if left.counted else right
    raise ValueError(f"{left} and {right}")


def times(left: Dimension | None, right: Dimension | None, sign: int = 1) -> Dimension | None:
    """Return the unit of a product, or of a quotient with `sign` -1; None if either unit is not known.

    Two bare numbers give a bare number; with a count the result is a count, if no pounds or people are left in it.
    """
    if left is None or right is None:
        return None
    pounds, people = left.pounds + sign * right.pounds, left.people + sign * right.people
    return Dimension(
        pounds,
        people,
        bare=left.bare and right.bare,
        counted=(left.counted or right.counted) and (pounds, people) == (0, 0),
    )
