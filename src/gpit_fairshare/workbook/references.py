"""What formulas call the names of a scheme, as seen from one cell."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gpit_fairshare.language.kinds import NATIONAL, group
from gpit_fairshare.language.tree import to_text
from gpit_fairshare.workbook.sheets import FIRST_ROW

if TYPE_CHECKING:
    from gpit_fairshare.language import tree as t
    from gpit_fairshare.language.kinds import Kind
    from gpit_fairshare.workbook.layout import Block, Layout
    from gpit_fairshare.workbook.sheets import Sheet


class Refs:
    """Where names stand as seen from one row of one sheet of a block, or from that of the national figures.

    The row may be ROW, where the formula is the same on every row.
    """

    def __init__(self, layout: Layout, year: str, block: Block | None, row: int | str, here: Sheet) -> None:
        self.layout = layout
        self.year = year
        self.block = block
        self.row = row
        self.here = here

    def name(self, name: str) -> str:
        """Return the cell of a name."""
        kind = self.layout.scheme.symbols[name].kind
        return self.layout.name_of(name, self.year) if kind == NATIONAL else self._in_block(name, kind)

    def _in_block(self, name: str, kind: Kind) -> str:
        home = self.layout.blocks[kind, self.year]
        if self.block is home:
            return home.cell(name, self.row, here=self.here)
        assert self.block is not None  # noqa: S101  # a national formula has no names of finer kinds
        number = self.block.helper_cell(f"group {kind.column}", self.row, here=self.here)
        return f"INDEX({home.column_range(name)},{number})"

    def figure(self, node: t.Figure) -> str:
        """Return the cell of a figure over organisations."""
        if node.within is None:
            return self.layout.name_of(to_text(node), self.year)
        return self._in_block(to_text(node), group(node.within))

    def previous(self, name: str) -> str:
        """Return the cells of last year's value: one, or the sum over merged predecessors."""
        year_before = self.layout.years[self.layout.years.index(self.year) - 1]
        symbol = self.layout.scheme.symbols[name]
        if symbol.kind == NATIONAL:
            return self.layout.name_of(name, year_before)
        old = self.layout.blocks[symbol.kind, year_before]
        now = self.layout.blocks[symbol.kind, self.year]
        assert isinstance(self.row, int)  # noqa: S101  # no two rows have the same predecessors
        row = self.row - FIRST_ROW
        if symbol.kind.column is not None:
            label = now.year.labels[symbol.kind.column][row]
            rows = [old.year.labels[symbol.kind.column].index(label)]
        else:
            rows = now.year.predecessors[row]
        return "+".join(old.cell(name, f"${FIRST_ROW + before}") for before in rows)

    def optional(self, name: str) -> bool:
        """Return whether the cell of a name may be empty."""
        return self.layout.scheme.symbols[name].optional

    def number(self, value: float) -> str:
        """Return what stands for a number of the scheme."""
        return self.layout.number(value)
