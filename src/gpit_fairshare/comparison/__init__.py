"""Two results held against each other: what changed, for whom, and why.

Rows are known by year and code alone: an organisation of another code is another organisation, however much
its money is alike. Amounts are decimals, taken from the shortest text of each figure, so that nothing is lost
and what is said to add up does so to the penny.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from gpit_fairshare.comparison.causes import causes_of
from gpit_fairshare.comparison.definition import differences_of
from gpit_fairshare.comparison.document import causes_frame, csv_text, document, frame
from gpit_fairshare.comparison.model import Cause, ComparedResults, Limit, RowChange, RuleDifference, Side, read_amount
from gpit_fairshare.comparison.rows import changes_of, year_totals
from gpit_fairshare.comparison.sides import Given, comparable, remarks_on, side_of
from gpit_fairshare.errors import UsageError

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


class Comparison(ComparedResults):
    """Two results, held against each other, with all that can be made of them."""

    @cached_property
    def rows(self) -> pl.DataFrame:
        """Return a row for each organisation and year in which anything differs, with a column for each cause."""
        return frame(self)

    @cached_property
    def causes(self) -> pl.DataFrame:
        """Return a row for each cause and year, and one for all years: what it comes to, and alone."""
        return causes_frame(self)

    def document(self) -> dict[str, Any]:
        """Return everything with stable keys, for JSON."""
        return document(self)

    def markdown(self, top: int = 10) -> str:
        """Return a summary for a pull request: what the screen says, with `top` rows in each list."""
        # The one import that goes up: a method of the Python API, for those who have a comparison in their hands.
        from gpit_fairshare.reports.comparison import comparison_document  # noqa: PLC0415
        from gpit_fairshare.reports.formats import rendered  # noqa: PLC0415

        return rendered(comparison_document(self, top=top), ".md")


def compare(
    old: Given | Side,
    new: Given | Side,
    *,
    tolerance: float | str | Decimal = 0,
    fail_over: str | float | Limit | None = None,
) -> Comparison:
    """Compare two results.

    Args:
        old: The result before: a `Result`, a `Record`, or the path of a result file.
        new: The result after.
        tolerance: An answer that differs by no more than this is the same: £, or the answer's own unit.
        fail_over: `"£1000"` or `"0.5%"` of the old answer: `agrees` is false only if a row changes by more.

    Returns:
        A `Comparison`; `rows` has a row for each organisation and year in which anything differs, `causes` says
        what is behind it.

    Raises:
        GpitError: The two cannot be compared, or one of them cannot be read; its text is one line.
    """
    allowed, limit = tolerance_of(tolerance), limit_of(fail_over)
    here, there = comparable(*(one if isinstance(one, Side) else side_of(one) for one in (old, new)))
    before, after = here.record, there.record
    changes, height = changes_of(before, after)
    causes, untold = causes_of(here, there, changes)
    columns = [[name for name in record.labels if name != record.answer] for record in (before, after)]
    return Comparison(
        old=here,
        new=there,
        changes=changes,
        years=year_totals(before, after, changes),
        height=height,
        attribution=causes,
        untold=untold,
        differences=differences_of(here, there),
        remarks=remarks_on(here, there, changes),
        columns=(
            tuple(name for name in columns[0] if name not in columns[1]),
            tuple(name for name in columns[1] if name not in columns[0]),
        ),
        labels={**before.labels, **after.labels},
        tolerance=allowed,
        limit=limit,
    )


def tolerance_of(given: float | str | Decimal) -> Decimal:
    """Read a tolerance.

    Raises:
        UsageError: It is no amount, or below 0.
    """
    amount = read_amount(str(given))
    if amount is None:
        raise UsageError(f"--tolerance {given}: expected an amount of 0 or more, such as 1 or 0.50")
    return amount


def limit_of(given: str | float | Limit | None) -> Limit | None:
    """Read what a comparison may not go beyond: `1000`, `£1000` or `0.5%`.

    Raises:
        UsageError: It is neither an amount nor a percentage, or below 0.
    """
    if given is None or isinstance(given, Limit):
        return given
    text = str(given).strip()
    amount = read_amount(text.removesuffix("%"))
    if amount is None or (text.endswith("%") and "£" in text):
        raise UsageError(f"--fail-over {text}: expected an amount or a percentage of 0 or more, such as £1000 or 0.5%")
    return Limit(amount, relative=text.endswith("%"))
