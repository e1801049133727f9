"""Comparison of two results: what changed, for whom, and why.

Rows are matched by year and code only: an organisation with another code is another organisation, even if its
money is the same. Amounts are decimals, taken from the shortest text of each figure, so that no digit is lost
and sums are exact to the penny.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from gpit_fairshare.comparison.causes import causes_of
from gpit_fairshare.comparison.definition import differences_of
from gpit_fairshare.comparison.document import causes_frame, csv_text, document, rows_frame
from gpit_fairshare.comparison.model import Cause, ComparedResults, Limit, RowChange, RuleDifference, Side, read_amount
from gpit_fairshare.comparison.movement import outcome_changes
from gpit_fairshare.comparison.rows import changes_of, year_totals
from gpit_fairshare.comparison.sides import ResultSource, comparable, remarks_on, side_of
from gpit_fairshare.errors import UsageError
from gpit_fairshare.presentation import PresentedAsPage, cut
from gpit_fairshare.renamed import renamed_names

if TYPE_CHECKING:
    from decimal import Decimal

    import polars as pl


__all__ = [
    "Cause",
    "Comparison",
    "Limit",
    "RowChange",
    "RuleDifference",
    "Side",
    "compare",
    "csv_text",
    "limit_of",
    "side_of",
    "tolerance_of",
]

__getattr__ = renamed_names(__name__, {"Change": "RowChange", "Difference": "RuleDifference"})


class Comparison(PresentedAsPage, ComparedResults):
    """Two compared results: what changed, for whom, and why."""

    def __repr__(self) -> str:
        changes = f"{len(self.changes):,} of {self.row_count:,} rows differ"
        verdict = "agrees" if self.agrees else "does not agree"
        return cut(
            f"<Comparison of {self.old.name!r} with {self.new.name!r}: {changes}; {verdict}; "
            "see .rows, .causes, .markdown()>"
        )

    @cached_property
    def rows(self) -> pl.DataFrame:
        """Return a table: a row for each organisation and year in which anything differs, a column for each cause."""
        return rows_frame(self)

    @cached_property
    def causes(self) -> pl.DataFrame:
        """Return a table of each cause's contribution and effect alone: a row for each year, and one for all years."""
        return causes_frame(self)

    def document(self) -> dict[str, Any]:
        """Return the whole comparison with stable keys, for JSON."""
        return document(self)

    def markdown(self, top: int | None = None) -> str:
        """Return the report of `gpit compare` as Markdown, for a pull request, with `top` rows in each list.

        None shows the usual number of rows.
        """
        return self._markdown(top=top)


def compare(
    old: ResultSource | Side,
    new: ResultSource | Side,
    *,
    tolerance: float | str | Decimal = 0,
    fail_over: str | float | Limit | None = None,
) -> Comparison:
    """Compare two results.

    Args:
        old: The result before: a `Result`, a `Record`, or the path of a result file.
        new: The result after.
        tolerance: An answer that differs by no more than this counts as the same: £, or the answer's own unit.
        fail_over: `"£1000"` or `"0.5%"` of the old answer: `agrees` is false only if a row changes by more.

    Returns:
        A `Comparison`; `rows` has a row for each organisation and year in which anything differs, `causes` says
        why it changed.

    Raises:
        GpitError: The two cannot be compared, or one of them cannot be read; the message is one line.
    """  # noqa: DOC502 - raised by what it calls
    tolerated, limit = tolerance_of(tolerance), limit_of(fail_over)
    old_side, new_side = comparable(*(side if isinstance(side, Side) else side_of(side) for side in (old, new)))
    old_record, new_record = old_side.record, new_side.record
    changes, row_count = changes_of(old_record, new_record)
    causes, no_causes_reason = causes_of(old_side, new_side, changes)
    records = (old_record, new_record)
    old_columns, new_columns = ([name for name in record.labels if name != record.answer] for record in records)
    return Comparison(
        old=old_side,
        new=new_side,
        changes=changes,
        years=year_totals(old_record, new_record, changes),
        row_count=row_count,
        attribution=causes,
        no_causes_reason=no_causes_reason,
        differences=differences_of(old_side, new_side),
        remarks=remarks_on(old_side, new_side, changes),
        columns=(
            tuple(name for name in old_columns if name not in new_columns),
            tuple(name for name in new_columns if name not in old_columns),
        ),
        outcomes=outcome_changes(old_side, new_side),
        labels={**old_record.labels, **new_record.labels},
        tolerance=tolerated,
        limit=limit,
    )


def tolerance_of(tolerance: float | str | Decimal) -> Decimal:
    """Return a tolerance as a decimal amount.

    Raises:
        UsageError: It is not an amount, or below 0.
    """
    amount = read_amount(str(tolerance))
    if amount is None:
        raise UsageError(f"--tolerance {tolerance}: expected an amount of 0 or more, such as 1 or 0.50")
    return amount


def limit_of(limit: str | float | Limit | None) -> Limit | None:
    """Return the limit of a comparison from a text such as `1000`, `£1000` or `0.5%`; None if there is none.

    Without `%` it is an amount. A `Limit` is returned unchanged.

    Raises:
        UsageError: It is neither an amount nor a percentage, or below 0.
    """
    if limit is None or isinstance(limit, Limit):
        return limit
    text = str(limit).strip()
    amount = read_amount(text.removesuffix("%"))
    if amount is None or (text.endswith("%") and "£" in text):
        raise UsageError(f"--fail-over {text}: expected an amount or a percentage of 0 or more, such as £1000 or 0.5%")
    return Limit(amount, relative=text.endswith("%"))
