"""The report of `gpit reallocate`: the pot, who receives it, and the allocations that change most."""

from __future__ import annotations

import math
from dataclasses import fields
from typing import TYPE_CHECKING, Final

from gpit_fairshare.language.kinds import ORGANISATION
from gpit_fairshare.numbers import figure, money, signed
from gpit_fairshare.reallocation import HEADINGS, AllocationChange
from gpit_fairshare.reports import document
from gpit_fairshare.reports.allocation_details import ResultReport, code_and_name
from gpit_fairshare.reports.allocation_opening import Opening
from gpit_fairshare.reports.document import Role
from gpit_fairshare.words import counted

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from gpit_fairshare.engine import Result

MOST: Final = 10
"""Organisations that the screen lists."""


def reallocation_document(
    result: Result, changes: Sequence[AllocationChange], *, file_names: Sequence[str] = ()
) -> document.Document:
    """Return the report of a reallocation: verdict, pot, who receives, the largest changes, assumptions, checks.

    Args:
        result: A finished run of the scheme `reallocate`.
        changes: The changes of the organisations whose money moves.
        file_names: Names of the files that were written.
    """
    opening = Opening(result, full=True)
    report = ResultReport(opening)
    return document.Document(
        [
            *opening.title(),
            *opening.problems(),
            opening.checks(),
            *document.written_line(file_names),
            _money(result),
            *_largest(changes, result.scheme.organisation),
            *report.assumptions(),
            report.findings(),
            *report.failed_checks(),
        ]
    )


def letters_document(changes: Sequence[AllocationChange]) -> document.Document:
    """Return the table of changes, with a warning above if a value has no source or figures are illustrative.

    With no changes it has only the headings.
    """
    amounts = [field.name for field in fields(AllocationChange) if field.type == "float"]
    names = [name for name in HEADINGS if name != "basis"]
    basis = next((change.basis for change in changes if change.basis), "")
    marker = "" if basis.startswith("DRAFT") else "Illustrative figures. "
    warning = [document.Paragraph(basis, marker=marker)] if basis else []
    columns = [document.Column(name.replace("_", " "), Role.FIGURE if name in amounts else Role.TEXT) for name in names]
    rows = [document.Row([figure(getattr(change, name), "£") for name in names]) for change in changes]
    return document.Document([*warning, document.Table(columns, rows)])


def _money(result: Result) -> document.Table:
    """Return a table of where the pot comes from, who receives it, and the control total before and after."""
    (year,) = result.years.values()
    noun = result.scheme.organisation

    def added(name: str) -> float:
        """Return the sum of a column over all organisations."""
        return math.fsum(year.values(name, ORGANISATION))

    def line(label: str, name: str) -> document.Row:
        """Return a row with the sum of a column and the number of organisations that have an amount in it."""
        moved = sum(value != 0 for value in year.values(name, ORGANISATION))
        return document.Row([label, money(added(name)), counted(moved, noun) if moved else "–"])

    unallocated = year.national("unallocated")
    rows = [
        document.Row(["Pot", "", ""], heading=True),
        line("Recovered", "recovered"),
        line("Taken away by adjustment", "adjustment_taken"),
        document.Row(["Total pot", money(year.national("pot")), ""]),
        document.Row(["Given", "", ""], heading=True),
        line("By adjustment", "adjustment_given"),
        line("For pressures", "received_for_pressures"),
        line("For unmet transition need", "received_for_unmet_need"),
        line("To everyone by fair share", "received_by_fair_share"),
        document.Row(["Unallocated", money(unallocated), ""]),
        document.Row(["Control total", "", ""], heading=True),
        document.Row(["Current allocations", money(added("current_allocation")), ""]),
        document.Row(["Revised allocations + unallocated", money(added("revised_allocation") + unallocated), ""]),
    ]
    return document.Table([document.Column(year.year, Role.TEXT), document.Column(""), document.Column("")], rows)


def _largest(changes: Sequence[AllocationChange], noun: str) -> Iterator[document.Block]:
    """Yield a table of the ten largest changes of allocations, increases and decreases together.

    The others are counted. If no allocation changes, only a heading says so.

    Args:
        changes: The changes.
        noun: What an organisation is called.
    """
    moved = sorted((row for row in changes if row.change), key=lambda row: (-abs(row.change), row.org_code))
    if not moved:
        yield document.Heading("No allocation changes")
        return
    yield document.Heading(f"{counted(len(moved), noun)} with a changed allocation, largest changes first")
    columns = [*code_and_name(""), *map(document.Column, ("Before", "Change", "After"))]
    rows = []
    for change in moved[:MOST]:
        amounts = [money(change.allocation_before), signed(change.change), money(change.allocation_after)]
        rows.append(document.Row([change.org_code, change.org_name, *amounts]))
    yield document.Table(columns, rows)
    if len(moved) > MOST:
        yield document.Item(f"… and {len(moved) - MOST:,} more; use --letters FILE to list all")
