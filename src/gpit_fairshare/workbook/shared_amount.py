"""What a `share_out` has to share: one amount, or one for each group."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gpit_fairshare.language import NATIONAL
from gpit_fairshare.language import tree as t
from gpit_fairshare.workbook.sheets import FIRST_ROW, ROW

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gpit_fairshare.workbook.columns import KernelFigures
    from gpit_fairshare.workbook.sheets import Sheet


class SharedAmount:
    """The amount of each group, and how formulas find it."""

    def __init__(self, figures: KernelFigures, amount: t.Name | t.Number) -> None:
        self.figures = figures
        self.values: Sequence[Any]
        """The amount of each group."""
        self.only = ""
        """How formulas write the amount where it is one for all groups."""
        self.key = f"amount of {figures.step.name}"
        """Column of the amounts on the sheet of the groups, where each has its own."""
        self.by_row = False
        """Whether each row says what its group has."""
        columns, layout, groups = figures.columns, figures.layout, len(figures.rows)
        if isinstance(amount, t.Number):
            self.values, self.only = [amount.value] * groups, layout.number(amount.value)
            return
        name, kind = amount.name, columns.scheme.symbols[amount.name].kind
        if kind == NATIONAL:
            self.values, self.only = [columns.now.national(name)] * groups, layout.name_of(name, columns.year)
            return
        self.by_row = kind == figures.block.kind
        values = columns.now.values(name, kind)
        self.values = [values[rows[0]] for rows in figures.rows] if self.by_row else values
        if figures.within and kind == figures.groups.kind:
            self.key = name
            return
        cells = figures.block.column_range(name)
        # Where all are one group, any row says the amount.
        place = f"MATCH($B{ROW},{figures.numbers},0)" if figures.within else "1"
        figures.put(self.key, "amount to be shared out", f"INDEX({cells},{place})", self.values)
        if not figures.within:
            self.only = layout.name_of(self.key, columns.year)

    def beside(self) -> str:
        """Return the amount as written beside the figures of the step."""
        return self.only or self.figures.beside(self.key)

    def on_rows(self, here: Sheet) -> str:
        """Return the amount for each row of the step's block, as written on one of its two sheets."""
        return self.only or self.figures.on_rows(self.key, here)

    def of_group(self, index: int) -> str:
        """Return the amount of a group as written on any other sheet."""
        return self.only or self.figures.groups.cell(self.key, FIRST_ROW + index)

    def of_all(self) -> str:
        """Return what all groups have to share together."""
        if self.only and self.figures.within:
            return f"{self.only}*ROWS({self.figures.groups.column_range(self.figures.within)})"
        return self.only or self.figures.over_all("SUM", self.key)
