"""Comparison of two tidy tables, row by row and column by column."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl

from gpit_fairshare.comparison.model import NOTHING, PEOPLE, RowChange, Status, YearTotal, less, total
from gpit_fairshare.errors import UsageError
from gpit_fairshare.language import tree
from gpit_fairshare.numbers import exact
from gpit_fairshare.results.agreement import is_same_unrounded
from gpit_fairshare.results.model import KEYS, Record

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from decimal import Decimal


_OLD, _NEW = "old:", "new:"
_IN_OLD, _IN_NEW = "old", "new"
"""Columns that are true where the side has the row."""


def changes_of(old: Record, new: Record) -> tuple[tuple[RowChange, ...], int]:
    """Return the rows of two results in which anything differs, by year and code, and the number of all rows.

    Only columns of both results are compared, and the two answers under any name, last. Rows of one result only
    are included.
    """
    table = _join_rows(old, new)
    _refuse_nothing_in_common(old, new, table)
    old_answer, new_answer = f"{_OLD}{old.answer}", f"{_NEW}{new.answer}"
    pairs = [
        (name, f"{_OLD}{name}", f"{_NEW}{name}")
        for name in _ordered_columns(new)
        if name in old.rows.columns and name not in (old.answer, new.answer)
    ]
    pairs.append((new.answer, old_answer, new_answer))
    exact_columns = _exact_columns(old) & _exact_columns(new)
    first = pl.coalesce(
        pl.when(_differs(table, before, after, exactly=name in exact_columns or after == new_answer)).then(pl.lit(name))
        for name, before, after in pairs
    )
    people = [name for name in (f"{_NEW}{PEOPLE}", f"{_OLD}{PEOPLE}") if table.schema.get(name) == pl.Float64]
    rows = table.select(
        *KEYS,
        pl.coalesce(f"{_NEW}org_name", f"{_OLD}org_name").alias("name"),
        _IN_OLD,
        _IN_NEW,
        pl.col(old_answer).alias("before"),
        pl.col(new_answer).alias("after"),
        (pl.coalesce(people) if people else pl.lit(None, dtype=pl.Float64)).alias("people"),
        first.alias("first"),
    ).sort(*KEYS)
    has_change = pl.col("first").is_not_null() | pl.col(_IN_OLD).is_null() | pl.col(_IN_NEW).is_null()
    return tuple(map(_row_change, rows.filter(has_change).iter_rows(named=True))), table.height


def _row_change(row: Mapping[str, Any]) -> RowChange:
    """Return the change of one joined row: its two answers, whether both sides have it, and what differs first.

    A missing answer counts as 0 in the change. What differs first is empty if only one side has the row.
    """
    status: Status = "both" if row[_IN_OLD] and row[_IN_NEW] else "added" if row[_IN_NEW] else "removed"
    old, new = (exact(amount) if isinstance(amount, float) else None for amount in (row["before"], row["after"]))
    return RowChange(
        year=row["year"],
        code=row["org_code"],
        name=row["name"] or "",
        status=status,
        old=old,
        new=new,
        change=less(new or NOTHING, old or NOTHING),
        people=row["people"],
        first=row["first"] if status == "both" else "",
    )


def _join_rows(old: Record, new: Record) -> pl.DataFrame:
    """Return a table with one row for each year and code of either side.

    The columns of the sides begin with `old:` or `new:`; the columns `old` and `new` are true where the side has the
    row, else null.
    """

    def marked(rows: pl.DataFrame, prefix: str, side: str) -> pl.DataFrame:
        names = {name: f"{prefix}{name}" for name in rows.columns if name not in KEYS}
        return rows.rename(names).with_columns(pl.lit(value=True).alias(side))

    old_rows, new_rows = marked(old.rows, _OLD, _IN_OLD), marked(new.rows, _NEW, _IN_NEW)
    return old_rows.join(new_rows, on=list(KEYS), how="full", coalesce=True)


def _refuse_nothing_in_common(old: Record, new: Record, table: pl.DataFrame) -> None:
    """Refuse two results without a common year and organisation; `table` has their joined rows.

    Raises:
        UsageError: They have no year in common, or no organisation in the same year.
    """
    if not set(old.years) & set(new.years):
        raise UsageError(
            f"{old.name} and {new.name} have no year in common: {_first_few(old.years)} and {_first_few(new.years)}; "
            "compare results of the same years"
        )
    if not table.filter(pl.col(_IN_OLD) & pl.col(_IN_NEW)).height:
        old_codes, new_codes = (sorted(set(record.rows["org_code"].to_list())) for record in (old, new))
        raise UsageError(
            f"{old.name} and {new.name} have no organisation in common in the same year: "
            f"{_first_few(old_codes)} and {_first_few(new_codes)}; compare results of the same organisations"
        )


def _first_few(texts: Sequence[str]) -> str:
    """Return the first three texts with commas between them, each cut to 40 characters, and `…` if there are more.

    Without texts it is `none`.
    """
    return ", ".join(text[:40] for text in texts[:3]) + (" …" if len(texts) > 3 else "") or "none"


def _ordered_columns(record: Record) -> list[str]:
    """Return the names of the columns of figures and texts: inputs first, then steps in the order of the rule."""
    names, steps = record.labels, [step.name for step in record.scheme.steps] if record.scheme else []
    return [*(name for name in names if name not in steps), *(name for name in steps if name in names)]


def _exact_columns(record: Record) -> set[str]:
    """Return the names of columns that are compared exactly: inputs, and steps that `rounded` rounds.

    A table without a scheme has none.
    """
    if record.scheme is None:
        return set()
    steps = {step.name: step for step in record.scheme.steps}
    return {name for name in record.rows.columns if name not in steps or isinstance(steps[name].tree, tree.Rounded)}


def _differs(table: pl.DataFrame, old: str, new: str, *, exactly: bool) -> pl.Expr:
    """Return a Polars expression that is true for rows in which two columns differ; a blank differs from any value.

    Numbers may differ by the noise of adding up in another order, unless `exactly` is true. Columns of different types
    are compared as texts.
    """
    before, after = table[old], table[new]
    if before.dtype != after.dtype:
        if before.null_count() == after.null_count() == table.height:
            return pl.lit(value=False)
        # A table without a manifest has guessed types: codes of areas such as 1 and 2 are numbers there.
        differs = [_as_text(old_cell) != _as_text(new_cell) for old_cell, new_cell in zip(before, after, strict=True)]
        return pl.lit(pl.Series("differs", differs))
    if before.dtype != pl.Float64 or exactly:
        return pl.col(old).ne_missing(pl.col(new))
    # Most figures are equal to the last digit; the others are compared one by one.
    pairs = zip(before, after, before.ne_missing(after), strict=True)
    differs = [unequal and not is_same_unrounded(old_cell, new_cell) for old_cell, new_cell, unequal in pairs]
    return pl.lit(pl.Series("differs", differs))


def _as_text(value: object) -> str | None:
    """Return a cell as text, to compare columns of different types; None for a blank.

    Yes and no become `true` and `false`.
    """
    if isinstance(value, bool):
        return str(value).casefold()
    return tree.number_text(value) if isinstance(value, float) else value if isinstance(value, str) else None


def year_totals(old: Record, new: Record, changes: Sequence[RowChange]) -> tuple[YearTotal, ...]:
    """Return for each year of either side the totals of the answers, and how many rows gain, lose, come and go.

    Only rows of both sides count as gaining or losing.
    """
    totals = []
    for year in sorted({*old.years, *new.years}):
        old_amounts, new_amounts = (_answers_of_year(record, year) for record in (old, new))
        differing = [change for change in changes if change.year == year]
        moves = [change.change for change in differing if change.status == "both"]
        before, after = total(old_amounts), total(new_amounts)
        totals.append(
            YearTotal(
                year=year,
                old=before,
                new=after,
                change=less(after, before),
                organisations_old=len(old_amounts),
                organisations_new=len(new_amounts),
                gain=sum(move > 0 for move in moves),
                lose=sum(move < 0 for move in moves),
                added=sum(change.status == "added" for change in differing),
                removed=sum(change.status == "removed" for change in differing),
            )
        )
    return tuple(totals)


def _answers_of_year(record: Record, year: str) -> list[Decimal]:
    """Return the answers of a year as decimals; a missing answer counts as 0."""
    values = record.rows.filter(pl.col("year") == year)[record.answer]
    return [NOTHING if value is None else exact(value) for value in values]
