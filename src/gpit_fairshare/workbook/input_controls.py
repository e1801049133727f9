"""What cells of inputs may hold, and the totals by which a change made in the workbook is seen."""

from __future__ import annotations

import math
from collections import Counter
from typing import TYPE_CHECKING, Final

from gpit_fairshare.language import in_excel as x

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gpit_fairshare.workbook.layout import Layout
    from gpit_fairshare.workbook.sheets import Sheet

_ORDER_RATE: Final = 0.001
_LARGEST: Final = 1e15
"""The bound where there is none: Excel's rules want two numbers, and beyond this it counts no pounds."""
_MOST_TEXTS: Final = 20
"""Different texts of a column that are counted one by one."""
_LONGEST_TEXT: Final = 120
"""Characters of a text that is counted; in formulas Excel takes up to 255, quotation marks being two each."""


def require_number(
    sheet: Sheet, cells: str, bounds: tuple[str, str], asked: str, unit: str | None, *, optional: bool = False
) -> None:
    """Let cells take numbers between their bounds alone, and say what is asked for."""
    low, high = bounds
    sheet.validate(
        cells,
        {
            "validate": "decimal",
            "criteria": "between",
            "minimum": f"={low}" if low else -_LARGEST,
            "maximum": f"={high}" if high else _LARGEST,
            "ignore_blank": optional,
            "input_title": "Input",
            "input_message": (f"{asked}, in {unit}." if unit else f"{asked}.")[:250],
            "error_title": "Not taken",
            "error_message": "Expected a number within its bounds; money and people are not below nil.",
        },
    )


def control_numbers(layout: Layout, name: str, cells: str, values: Sequence[float | None]) -> None:
    """Keep two totals of a column as it was read, so that a change made in the workbook is seen.

    The second counts each value for a little less than the one above: values that change places change it.
    """
    says = f"{layout.label(name)}: total in the run"
    numbers = [value for value in values if value is not None]
    layout.control(f"as_read_{name}", math.fsum(numbers), f"{says}.", f"SUM({cells})")
    if len(numbers) > 1:
        control_order(layout, f"{name}_in_order", says, cells, numbers)


def control_order(layout: Layout, name: str, says: str, cells: str, numbers: Sequence[float]) -> None:
    """Keep a total in which each number, from the top down, counts for a little less: NPV's discount."""
    rate = layout.constant("order_rate", _ORDER_RATE, "By which a row counts for less than the one above it, in order.")
    total = math.fsum(number / (1 + _ORDER_RATE) ** place for place, number in enumerate(numbers, 1))
    layout.control(f"as_read_{name}", total, f"{says}, each row for a little less.", f"NPV({rate},{cells})")


def control_texts(layout: Layout, name: str, cells: str, values: Sequence[str | None]) -> None:
    """Keep how many rows have each text of a column, so that a change of one is seen; not of a column of names."""
    counts = Counter(value or "" for value in values)
    if len(counts) > _MOST_TEXTS or max(map(len, counts)) > _LONGEST_TEXT:
        return
    for number, (text, count) in enumerate(sorted(counts.items()), 1):
        says = f"{layout.label(name)}: rows with {text!r} in the run."
        layout.control(f"as_read_{name}_{number}", count, says, f"SUMPRODUCT(--({cells}={x.text(text)}))")
