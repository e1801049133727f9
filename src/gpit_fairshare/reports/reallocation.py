"""A reallocation on the screen: the pot, what became of it, and whose allocations change most."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from rich.cells import cell_len

from gpit_fairshare.findings import FindingCode
from gpit_fairshare.language import ORGANISATION
from gpit_fairshare.numbers import money, signed
from gpit_fairshare.reports.allocation import Screen
from gpit_fairshare.reports.checking import show_findings
from gpit_fairshare.reports.terminal import Column, Page, Row
from gpit_fairshare.words import counted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from gpit_fairshare.engine import Result
    from gpit_fairshare.reallocation import Change

MOST: Final = 10
"""Organisations that are named."""
_LONGEST_CODE: Final = 12
_ALIKE: Final = 3
"""Findings of one kind that are shown."""
_POT: Final = (
    ("Recovered", "recovered"),
    ("Taken away by adjustment", "adjustment_taken"),
)
_GIVEN: Final = (
    ("By adjustment", "adjustment_given"),
    ("For pressures", "received_for_pressures"),
    ("For unmet transition need", "received_for_unmet_need"),
    ("To everybody by fair share", "received_by_fair_share"),
)


def show_reallocation(
    result: Result, changes: Sequence[Change], console: Console, *, written: Sequence[str] = ()
) -> None:
    """Print what a reallocation comes to: verdict, pot, who receives, the largest changes, assumptions, checks.

    Args:
        result: A finished run of the scheme `reallocate`.
        changes: What becomes of each organisation that money moves for.
        console: Where to print; the layout needs 56 columns and uses 100 at most.
        written: Names of the files that were written.
    """
    page = Page(console)
    screen = Screen(page, result, result.measures())
    screen.verdict(written)
    screen.illustrative()
    screen.settings()
    _money(page, result)
    _largest(page, changes, result.scheme.organisation)
    screen.assumptions()
    shown_above = {FindingCode.SET_FOR_THIS_RUN, FindingCode.UNSPENT}
    show_findings([one for one in result.findings if one.number not in shown_above], console, alike=_ALIKE)
    screen.checks()


def _money(page: Page, result: Result) -> None:
    """Print where the pot comes from and where it goes, and the control total, before and after."""
    (year,) = result.years.values()
    one = result.scheme.organisation

    def added(name: str) -> float:
        return math.fsum(year.values(name, ORGANISATION))

    def line(label: str, name: str) -> Row:
        moved = sum(value != 0 for value in year.values(name, ORGANISATION))
        return Row([label, money(added(name)), counted(moved, one) if moved else "–"], indent=2)

    def total(label: str, amount: float) -> Row:
        return Row([label, money(amount), ""], indent=2)

    rows = [
        Row(["Pot", "", ""], heading=True),
        *(line(*entry) for entry in _POT),
        total("Pot", year.national("pot")),
        Row(["Given", "", ""], heading=True),
        *(line(*entry) for entry in _GIVEN),
        total("Left unallocated", year.national("unallocated")),
        Row(["Control total", "", ""], heading=True),
        total("Current allocations", added("current_allocation")),
        total("Revised and left unallocated", added("revised_allocation") + year.national("unallocated")),
    ]
    label = max(cell_len(page.fit(row.cells[0])) + row.indent for row in rows)
    columns = [page.figures([row.cells[place] for row in rows]) for place in (1, 2)]
    page.blank()
    page.table([Column(label), *columns], rows, [year.year, "", ""])


def _largest(page: Page, changes: Sequence[Change], noun: str) -> None:
    """Print the largest changes, up and down together."""
    moved = sorted((one for one in changes if one.change), key=lambda one: (-abs(one.change), one.org_code))
    if not moved:
        page.heading("No allocation changes")
        return
    page.heading(f"{counted(len(moved), noun)} with another allocation, the largest changes first")
    cells = [
        [
            page.cut(one.org_code, _LONGEST_CODE),
            one.org_name,
            money(one.allocation_before),
            signed(one.change),
            money(one.allocation_after),
        ]
        for one in moved[:MOST]
    ]
    heads = ["", "", "Before", "Change", "After"]
    code = page.figures([row[0] for row in cells]).width + 2
    figures = [page.figures([heads[place], *(row[place] for row in cells)]) for place in (2, 3, 4)]
    room = page.width - code - 2 - sum(one.width + 2 for one in figures)
    name = min(max(room, 1), max(1, *(cell_len(page.fit(row[1])) for row in cells)))
    rows = [Row([row[0], page.cut(row[1], name), *row[2:]], indent=2) for row in cells]
    page.table([Column(code), Column(name), *figures], rows, heads)
    if len(moved) > MOST:
        page.paragraph(f"… and {len(moved) - MOST:,} more: --letters FILE has all of them", lead="  ")
