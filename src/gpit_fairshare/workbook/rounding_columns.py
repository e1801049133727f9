"""`rounded` as live cells: whole units and remainders, and who gets the units that are left over.

A unit goes to each remainder above that at which the units run out, and at that one to the first rows.
Ranks of all remainders would say the same, in work that grows with the square of the rows.
"""

from __future__ import annotations

import math
from fractions import Fraction
from typing import TYPE_CHECKING, Final

from gpit_fairshare.language import in_excel as x
from gpit_fairshare.workbook.columns import KernelFigures
from gpit_fairshare.workbook.sheets import HEADING_ROW, ROW

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gpit_fairshare.language import tree as t
    from gpit_fairshare.scheme.model import Step
    from gpit_fairshare.workbook.columns import YearColumns

REMAINDER: Final = "remainder"
"""In the heading of what is left of a large number, of which few digits are sure."""


def write_rounded(columns: YearColumns, step: Step, tree: t.Rounded) -> None:
    """Write a step that rounds to whole units and keeps the total of each group."""
    to, name, number = Fraction(str(tree.to)), step.name, columns.layout.number
    figures = KernelFigures(columns, step, tree.within)
    block, of, unit = figures.block, columns.vector(figures.block, tree.of), _one_unit(step.unit, tree.to)
    places = list(range(1, block.height + 1))
    order = columns.helper(block, "order", "Place by code", f"ROW()-ROW($A${HEADING_ROW})", places, "count")
    whole_values, remainder_values = whole_units(of.values, to)
    key, heading = f"{name} whole", f"{step.label}: whole units of {unit} ({unit})"
    wholes = columns.helper(block, key, heading, x.whole(of.cell, to, number), whole_values, "count")
    formula = x.remainder(of.cell, block.helper_cell(key, here=block.workings), to, number)
    key, heading = f"{name} remainder", f"{step.label}: {REMAINDER} (part of {unit})"
    remainders = columns.helper(block, key, heading, formula, remainder_values, "remainder")

    left = [_left_over(rows, of.values, whole_values, to) for rows in figures.rows]
    formula = f"{x.rounded_total(figures.sum_of(of.range), to, number)}-{figures.sum_of(wholes.range)}"
    count = figures.put(f"left over of {name}", "units left over", formula, left, unit).beside()
    ends = [_last_served(rows, remainder_values, many) for rows, many in zip(figures.rows, left, strict=True)]
    same = f"({figures.numbers}=$B{ROW})" if tree.within else ""
    formula, says = x.least_served(remainders.range, same, count), f"smallest {REMAINDER} that gets a unit"
    least = figures.put(f"least remainder of {name}", says, formula, [end for end, _ in ends], "")
    formula = x.last_served(remainders.range, order.range, same, count, least.beside())
    says = "place of the last row that gets a unit at that remainder"
    last = figures.put(f"last row of {name}", says, formula, [row for _, row in ends], "")

    extra = x.is_served(remainders.cell, order.cell, least.on_rows(), last.on_rows())
    columns.step(step, x.unscaled(f"({wholes.cell}+IF({extra},1,0))", to, number))


def write_rounded_figure(columns: YearColumns, step: Step, tree: t.Rounded) -> None:
    """Write a national step that rounds one figure."""
    to, number = Fraction(str(tree.to)), columns.layout.number
    units = x.rounded_total(columns.national_refs().name(tree.of.name), to, number)
    columns.national(step.name, step.label, step.unit, x.unscaled(units, to, number), columns.now.national(step.name))


def whole_units(values: Sequence[float], to: Fraction) -> tuple[list[int], list[float]]:
    """Return whole units and remainders snapped to a millionth, as the workbook's formulas give them."""
    wholes, remainders = [], []
    for value in values:
        units = value * to.denominator / to.numerator
        carried = math.floor(units) + math.floor(round(units - math.floor(units), 6))
        wholes.append(carried)
        remainders.append(abs(round(units - carried, 6)))
    return wholes, remainders


def _one_unit(unit: str | None, to: float) -> str:
    """Return what rounding gives out one of: £1, £0.01, 100 people."""
    size = f"{to:,.12g}"
    return f"£{size}" if unit == "£" else f"{size} {unit}" if unit else f"unit of {size}"


def _left_over(rows: Sequence[int], values: Sequence[float], wholes: Sequence[int], to: Fraction) -> int:
    """Return how many units are left to give to the largest remainders of a group."""
    total = math.fsum(values[row] for row in rows) * to.denominator / to.numerator
    return math.floor(round(total, 6) + 0.5) - sum(wholes[row] for row in rows)


def _last_served(rows: Sequence[int], remainders: Sequence[float], count: int) -> tuple[float, int]:
    """Return the smallest remainder that gets a unit, and the place of the last row that does at that remainder."""
    if not count:
        return 1, 0
    last = sorted(rows, key=lambda row: (-remainders[row], row))[count - 1]
    return remainders[last], last + 1
