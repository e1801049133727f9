"""What becomes of each organisation's allocation, as a table and in one sentence, for the letters that go out."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, Final

from gpit_fairshare.numbers import figure
from gpit_fairshare.results.writing import rows_as_csv
from gpit_fairshare.words import joined

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from gpit_fairshare.engine import Result

_MOVED: Final = ("recovered", "received", "adjustment_given", "adjustment_taken")


@dataclass(frozen=True, slots=True)
class Change:
    """What becomes of one organisation's allocation: £, those that are recovered or received above nil."""

    year: str
    org_code: str
    org_name: str
    allocation_before: float
    forecast_outturn: float
    recovered: float
    received: float
    adjustment: float
    """Below nil where it takes money away."""
    reason: str
    approver: str
    change: float
    allocation_after: float
    sentence: str
    """One plain sentence for the letter."""
    basis: str
    """What the files say of themselves if their figures are illustrative; else empty."""


HEADINGS: Final = tuple(field.name for field in fields(Change))


def changes(result: Result) -> list[Change]:
    """Return what becomes of each organisation that money moves for, by code; for the others nothing changes."""
    basis = " ".join(result.inputs.illustrative)
    return [_change(row, basis) for row in result.rows.iter_rows(named=True) if any(row[name] for name in _MOVED)]


def _change(row: Mapping[str, Any], basis: str) -> Change:
    return Change(
        year=row["year"],
        org_code=row["org_code"],
        org_name=row["org_name"] or "",
        allocation_before=row["current_allocation"],
        forecast_outturn=row["forecast_outturn"],
        recovered=row["recovered"],
        received=row["received"],
        adjustment=row["adjustment_given"] - row["adjustment_taken"],
        reason=row["reason"] or "",
        approver=row["approver"] or "",
        change=row["change"],
        allocation_after=row["revised_allocation"],
        sentence=_sentence(row),
        basis=basis,
    )


def _sentence(row: Mapping[str, Any]) -> str:
    """Say how the allocation changes, and what it is made of."""
    before, after = (figure(row[name], "£") for name in ("current_allocation", "revised_allocation"))
    how = f"changes from {before} to {after}" if row["change"] else f"stays at {after}"
    return f"Your allocation for {row['year']} {how}: {joined(list(_reasons(row)))}."


def _reasons(row: Mapping[str, Any]) -> Iterator[str]:
    approved = f"({row['reason']}; approved by {row['approver']})"
    for name, said in (
        ("recovered", "of forecast underspend is recovered"),
        ("adjustment_taken", f"is taken away by adjustment {approved}"),
        ("adjustment_given", f"is added by adjustment {approved}"),
        ("received_for_pressures", "is added for your forecast pressure"),
        ("received_for_unmet_need", "is added for your unmet transition need"),
        ("received_by_fair_share", "is added as your share of what was left"),
    ):
        if row[name]:
            yield f"{figure(row[name], '£')} {said}"


def letters_csv(found: Sequence[Change]) -> str:
    r"""Return the changes as CSV with `\n`; a text that a spreadsheet would run has an apostrophe in front."""
    rows = [[getattr(change, name) for name in HEADINGS] for change in found]
    return rows_as_csv([HEADINGS, *rows], lambda amount: f"{amount:.2f}".removesuffix(".00"))
