"""One organisation in one year of a result: its row, its groups, and the rows that it is counted with."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from gpit_fairshare.language import tree as t
from gpit_fairshare.language.kinds import NATIONAL, Kind, group
from gpit_fairshare.results.agreement import NATION, label_inside
from gpit_fairshare.words import counted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gpit_fairshare.engine import Year
    from gpit_fairshare.scheme.model import Scheme


@dataclass(frozen=True, slots=True)
class Place:
    """Where an organisation stands in a year."""

    scheme: Scheme
    year: Year
    code: str
    row: int
    """Its row among the organisations, from 0."""

    def label(self, name: str) -> str:
        """Return the scheme's label of a name, as it stands inside a sentence and on one line."""
        return label_inside(self.scheme, name)

    def of(self, kind: Kind) -> str:
        """Say what a value of a kind is a value of: the organisation's code, its group, or the nation."""
        if kind == NATIONAL:
            return NATION
        return self.code if kind.column is None else self.group(kind.column)

    def label_of(self, kind: Kind) -> str | None:
        """Return the organisation's code, or its group as the inputs write it; None for the nation."""
        if kind == NATIONAL:
            return None
        if kind.column is None:
            return self.code
        return self.year.labels[kind.column][self.year.membership[kind.column][self.row]]

    def group(self, column: str) -> str:
        """Return the organisation's group by a text column: `area team Wessex`."""
        return f"{self.label(column)} {self.label_of(group(column))}"

    def scope(self, within: str | None) -> str:
        """Say over what a figure is taken: the organisation's group by a text column, or the nation."""
        return self.group(within) if within else NATION

    def over(self, kind: Kind, within: str | None) -> str:
        """Say over how many rows a figure is taken: `211 CCGs`, `12 CCGs of area team Wessex`."""
        rows = self.counted(kind, len(self.rows(kind, within)))
        return f"{rows} of {self.group(within)}" if within else rows

    def at(self, kind: Kind) -> int:
        """Return the row of the organisation, or of its group, in the frame of a kind."""
        if kind == NATIONAL:
            return 0
        return self.row if kind.column is None else self.year.membership[kind.column][self.row]

    def group_number(self, within: str | None) -> int:
        """Return the number of the organisation's group by a text column; 0 where all are in one."""
        return self.year.membership[within][self.row] if within else 0

    def rows(self, kind: Kind, within: str | None) -> list[int]:
        """Return the rows of a kind that are counted with the organisation: those of its group, or all."""
        rows = range(self.year.frames[kind].height)
        if within is None:
            return list(rows)
        members = self.year.members(kind, within)
        return [row for row in rows if members[row] == self.group_number(within)]

    def counted(self, kind: Kind, number: int) -> str:
        """Write how many rows of a kind there are: `211 CCGs`, `4 groups by region`."""
        if kind == NATIONAL:
            return counted(number, "national figure")
        if kind.column is None:
            return counted(number, self.scheme.organisation)
        return f"{counted(number, 'group')} by {self.label(kind.column)}"

    def values(self, leaf: t.Name | t.Number, kind: Kind) -> Sequence[Any]:
        """Return a kernel's argument on every row of a kind, exact where the run had it exactly."""
        if isinstance(leaf, t.Number):
            return [Fraction(leaf.value)] * self.year.frames[kind].height
        if leaf.name in self.year.exact and self.scheme.symbols[leaf.name].kind == kind:
            return self.year.exact[leaf.name]
        return self.year.values(leaf.name, kind)
