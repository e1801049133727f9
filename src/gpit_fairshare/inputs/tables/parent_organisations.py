"""Files of larger organisations: what is said of a CCG comes to each of its practices.

A scheme declares of which text column's organisations an input column is (`of = "ccg_code"`). It may stand on
the rows themselves, or in an input file with one row for each larger organisation.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gpit_fairshare.findings import FindingCode
from gpit_fairshare.words import listed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gpit_fairshare.inputs.model import Need
    from gpit_fairshare.inputs.tables.groups import Group
    from gpit_fairshare.inputs.tables.rows import Row


def mark_larger(groups: Sequence[Group], needs: Sequence[Need]) -> None:
    """Find the input files of larger organisations: they have a column of theirs, and no code of a row.

    The first group says which rows there are. A file that has the larger organisations' column and no other codes,
    as one headed `CCG Code`, has that for its codes.
    """
    rows = _codes(groups[0]) if groups else set()
    for group in groups[1:]:
        of = next((need.of for need in needs if need.of and group.has(need.name)), "")
        if group.role != "input" or not of:
            continue
        for part in group.parts:
            columns = part.columns
            if "org_code" not in columns and of in columns:
                columns["org_code"] = columns.pop(of)
        if not rows & _codes(group):
            group.of = of


def _codes(group: Group) -> set[str]:
    """Return the codes of a group's rows as they stand, before anything is checked."""
    places = [(part, part.columns.get("org_code")) for part in group.parts]
    return {str(row[at]).strip() for part, at in places if at is not None for _, row in part.sheet.rows}


def give_to_rows(group: Group, belonging: Mapping[str, Mapping[str, str]]) -> dict[str, dict[str, Row]]:
    """Return the group's rows by year and by the code of each row of the tables that belongs to them.

    Args:
        group: Files of larger organisations, their rows by year and code.
        belonging: By year, the code of each row of the tables and that of its larger organisation; empty if none.
    """
    findings = group.findings
    lacking: set[str] = set()
    strange: set[str] = set()
    given: dict[str, dict[str, Row]] = {}
    for year, parents in belonging.items():
        rows = group.rows[year]
        lacking |= {parent for parent in parents.values() if parent} - rows.keys()
        strange |= rows.keys() - set(parents.values())
        given[year] = {code: rows[parent] for code, parent in parents.items() if parent in rows}
    if strange and not any(given.values()):
        findings.error(
            FindingCode.ONE_SIDED,
            f"no code of it, such as {min(strange)}, is the {group.of} of a row",
            f"codes of {group.of}, or those of the rows",
            "Correct the codes",
        )
        return given
    if lacking:
        report = findings.error if group.essential else findings.warning
        found = f"no row for {listed(sorted(lacking))}, each the {group.of} of other rows"
        report(FindingCode.ONE_SIDED, found, remedy="Add the rows; without them those have no values of this file")
    if strange:
        found = f"{listed(sorted(strange))} is left out: no row has it as {group.of}"
        findings.warning(FindingCode.ONE_SIDED, found)
    return given
