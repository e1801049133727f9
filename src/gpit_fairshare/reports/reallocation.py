"""What `gpit reallocate` says: the pot, what became of it, and whose allocations change most."""

from __future__ import annotations

import math
from dataclasses import fields
from typing import TYPE_CHECKING, Final

from gpit_fairshare.findings import FindingCode
from gpit_fairshare.language.kinds import ORGANISATION
from gpit_fairshare.numbers import figure, money, signed
from gpit_fairshare.reallocation.letters import HEADINGS, Change
from gpit_fairshare.reports.allocation import ResultReport
from gpit_fairshare.reports.document import (
    Column,
    Document,
    Heading,
    Item,
    Paragraph,
    Role,
    Row,
    Table,
)
from gpit_fairshare.words import counted

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from gpit_fairshare.engine import Result
    from gpit_fairshare.reports.document import Block

MOST: Final = 10
"""Organisations that are named."""
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


def reallocation_document(result: Result, changes: Sequence[Change], *, written: Sequence[str] = ()) -> Document:
    """Return what a reallocation comes to: verdict, pot, who receives, the largest changes, assumptions, checks.

    Args:
        result: A finished run of the scheme `reallocate`.
        changes: What becomes of each organisation that money moves for.
        written: Names of the files that were written.
    """
    report = ResultReport(result, result.measures())
    return Document(
        [
            *report.verdict(written),
            *report.illustrative(),
            *report.settings(),
            _money(result),
            *_largest(changes, result.scheme.organisation),
            *report.assumptions(),
            report.findings({FindingCode.SET_FOR_THIS_RUN, FindingCode.UNSPENT}),
            *report.checks(),
        ]
    )


def letters_document(changes: Sequence[Change]) -> Document:
    """Return the table of changes, under what the files say of illustrative figures; with no change headings alone."""
    amounts = [field.name for field in fields(Change) if field.type == "float"]
    names = [name for name in HEADINGS if name != "basis"]
    illustrative = next((change.basis for change in changes if change.basis), "")
    warning = [Paragraph(illustrative, marker="Illustrative figures. ")] if illustrative else []
    columns = [Column(name.replace("_", " "), Role.FIGURE if name in amounts else Role.TEXT) for name in names]
    rows = [
        Row([figure(getattr(change, name), "£") if name in amounts else getattr(change, name) for name in names])
        for change in changes
    ]
    return Document([*warning, Table(columns, rows)])


def _money(result: Result) -> Table:
    """Return where the pot comes from and where it goes, and the control total, before and after."""
    (year,) = result.years.values()
    noun = result.scheme.organisation

    def added(name: str) -> float:
        return math.fsum(year.values(name, ORGANISATION))

    def line(label: str, name: str) -> Row:
        moved = sum(value != 0 for value in year.values(name, ORGANISATION))
        return Row([label, money(added(name)), counted(moved, noun) if moved else "–"])

    rows = [
        Row(["Pot", "", ""], heading=True),
        *(line(*entry) for entry in _POT),
        Row(["Pot", money(year.national("pot")), ""]),
        Row(["Given", "", ""], heading=True),
        *(line(*entry) for entry in _GIVEN),
        Row(["Left unallocated", money(year.national("unallocated")), ""]),
        Row(["Control total", "", ""], heading=True),
        Row(["Current allocations", money(added("current_allocation")), ""]),
        Row(["Revised and left unallocated", money(added("revised_allocation") + year.national("unallocated")), ""]),
    ]
    return Table([Column(year.year, Role.TEXT), Column(""), Column("")], rows)


def _largest(changes: Sequence[Change], noun: str) -> Iterator[Block]:
    """Yield the largest changes, up and down together."""
    moved = sorted((change for change in changes if change.change), key=lambda one: (-abs(one.change), one.org_code))
    if not moved:
        yield Heading("No allocation changes")
        return
    yield Heading(f"{counted(len(moved), noun)} with another allocation, the largest changes first")
    columns = [Column("", Role.CODE), Column("", Role.NAME), *map(Column, ("Before", "Change", "After"))]
    rows = []
    for change in moved[:MOST]:
        amounts = [money(change.allocation_before), signed(change.change), money(change.allocation_after)]
        rows.append(Row([change.org_code, change.org_name, *amounts]))
    yield Table(columns, rows)
    if len(moved) > MOST:
        yield Item(f"… and {len(moved) - MOST:,} more: --letters FILE has all of them")
