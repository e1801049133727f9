"""What `gpit allocate` prints; its options do not change the result, so no manifest has them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from gpit_fairshare.errors import UsageError
from gpit_fairshare.words import joined, nearest

SORTS: Final = ("code", "name", "area", "before", "after", "change", "percent", "per-head", "outcome")
"""The orders of the table of organisations."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AllocationView:
    """What a screen shows of a run: without any option the short report."""

    table: bool = False
    """All organisations of the last year instead of the largest gains and losses."""
    sort: str = ""
    """The order of that table, one of `SORTS`; empty is by area, or by code where there are no areas."""
    top: int = 0
    """If not 0, how many of its rows are shown."""
    details: bool = False
    """All figures, assumptions and findings instead of the short tables."""
    quiet: bool = False
    """One line."""

    def __post_init__(self) -> None:
        """Refuse an order that does not exist, and options that contradict each other.

        Raises:
            UsageError: There is no such order, or `--quiet` is given with another view.
        """
        if self.sort and self.sort not in SORTS:
            raise UsageError(f"--sort {self.sort}: expected {joined(SORTS, 'or')}{nearest(self.sort, SORTS)}")
        options = [("--table", self.table), ("--sort", self.sort), ("--top", self.top), ("--details", self.details)]
        others = [option for option, is_given in options if is_given]
        if self.quiet and others:
            raise UsageError(f"-q: prints one line, so it cannot be used with {joined(others)}; leave out one of them")

    @property
    def has_table(self) -> bool:
        """Return whether all organisations are shown: `--sort` and `--top` ask for them too."""
        return self.table or bool(self.sort or self.top)
