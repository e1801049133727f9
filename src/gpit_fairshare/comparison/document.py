"""A comparison as data: one document with stable keys, and a table of the rows in which anything differs."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, Final

import polars as pl

from gpit_fairshare.comparison.headline import headline, method
from gpit_fairshare.comparison.model import Cause, ComparedResults, RowChange, RuleDifference, Side, YearTotal, as_float
from gpit_fairshare.comparison.movement import is_additive, moved_by_cause, movement
from gpit_fairshare.numbers import decimal_text
from gpit_fairshare.results.writing import rows_as_csv

SCHEMA: Final = "gpit-comparison/1"
_HEADINGS: Final = (
    *("year", "org_code", "org_name", "status", "old", "new", "change", "change_percent", "change_per_head"),
    "first_difference",
)
"""Columns of every table of rows, before those of its causes."""
_TEXTS: Final = ("year", "org_code", "org_name", "status", "first_difference")


def document(comparison: ComparedResults) -> dict[str, Any]:
    """Return the whole comparison for JSON: rows, causes and differences of rules; amounts in whole pence are exact."""
    old, new = comparison.columns
    return {
        "schema": SCHEMA,
        "agrees": comparison.agrees,
        "same": comparison.same,
        "headline": headline(comparison),
        "old": _side_entry(comparison.old),
        "new": _side_entry(comparison.new),
        "organisation": comparison.organisation,
        "unit": comparison.unit,
        "tolerance": as_float(comparison.tolerance),
        "fail_over": str(comparison.limit) if comparison.limit else None,
        "counts": {
            "rows": comparison.row_count,
            "moved": len(comparison.moved),
            "within_tolerance": len(comparison.within_tolerance),
            "other_figures": len(comparison.changed_elsewhere),
            "added": len(comparison.with_status("added")),
            "removed": len(comparison.with_status("removed")),
            "beyond": len(comparison.failing),
        },
        "years": [_year_entry(year, comparison) for year in comparison.years],
        "outcomes": [asdict(change) for change in comparison.outcomes],
        "columns": {"removed": list(old), "added": list(new)},
        "first_differences": [
            {"column": column, "label": comparison.label(column), "rows": rows, "moved": moved}
            for column, rows, moved in comparison.first_differences()
        ],
        "method": method(comparison) if comparison.attribution else "",
        "no_causes": comparison.no_causes_reason,
        "causes": [_cause_entry(cause, comparison) for cause in comparison.attribution],
        "differences": [_difference_entry(difference) for difference in comparison.differences],
        "illustrative": list(comparison.illustrative),
        "draft": list(comparison.drafts),
        "off_rule": [
            {"side": word, **figure.document()}
            for word, side in (("old", comparison.old), ("new", comparison.new))
            for figure in side.off_rule
        ],
        "remarks": list(comparison.remarks),
        "rows": [_row_entry(change, comparison) for change in comparison.changes],
    }


def _side_entry(side: Side) -> dict[str, Any]:
    """Return the facts about one of the two results, for JSON."""
    record, scheme = side.record, side.record.scheme
    return {
        "name": side.name,
        "kind": side.kind,
        "scheme": scheme.name if scheme else None,
        "title": scheme.title if scheme else None,
        "digest": scheme.digest if scheme else None,
        "gpit": record.manifest["gpit"] if record.manifest else None,
        "answer": record.answer,
        "answer_label": side.answer_label,
        "answer_from": side.answer_from,
        "years": record.years,
        "rows": record.rows.height,
        "set": [
            {"name": name, "year": year, "value": value.value}
            for name, year, value in (scheme.overridden() if scheme else ())
        ],
    }


def _cause_entry(cause: Cause, comparison: ComparedResults) -> dict[str, Any]:
    """Return a cause with its amounts in all and in each year, for JSON."""
    return {
        "name": cause.name,
        "kind": cause.kind,
        "label": cause.label,
        "said": cause.detail,
        "no_alone": cause.no_alone,
        **_amount_entries(cause),
        "moved": _moved_entry(cause, comparison),
        "years": [
            {
                "year": year.year,
                **_amount_entries(cause, year.year),
                "moved": _moved_entry(cause, comparison, year.year),
            }
            for year in comparison.years
        ],
    }


def _moved_entry(cause: Cause, comparison: ComparedResults, year: str = "") -> float | None:
    """Return what a cause moves between organisations in a year, or in all; None if answers cannot be added up."""
    return as_float(moved_by_cause(cause, year)) if is_additive(comparison.unit) else None


def _difference_entry(difference: RuleDifference) -> dict[str, str]:
    """Return a difference between the two rules or inputs, for JSON."""
    fields = asdict(difference)
    return {"what": fields.pop("kind"), **fields}


def _amount_entries(cause: Cause, year: str = "") -> dict[str, float | None]:
    """Return a cause's contribution, its effect alone and their difference in a year, or in all if no year is given."""
    return {
        "change": as_float(cause.total(year)),
        "alone": as_float(cause.total_alone(year)),
        "interaction": as_float(cause.interaction(year)),
    }


def _year_entry(year: YearTotal, comparison: ComparedResults) -> dict[str, Any]:
    """Return the totals of a year and what moves between organisations, for JSON."""
    moved = movement(comparison, [year.year]).moved if is_additive(comparison.unit) else None
    return {**{name: as_float(value) for name, value in asdict(year).items()}, "moved": as_float(moved)}


def _row_entry(change: RowChange, comparison: ComparedResults) -> dict[str, Any]:
    """Return a changed row with the contribution of each cause, for JSON.

    The effect alone and the interaction are included only for causes whose effect alone is known.
    """
    causes = comparison.attribution
    separable = [cause for cause in causes if cause.alone is not None]
    return {
        **dict(zip(_HEADINGS, map(as_float, _row_cells(change)), strict=True)),
        "causes": {cause.name: as_float(cause.amounts[change.key]) for cause in causes},
        "alone": {cause.name: as_float(cause.alone_of(change.key)) for cause in separable},
        "interaction": {cause.name: as_float(cause.interaction_of(change.key)) for cause in separable},
    }


def _row_cells(change: RowChange) -> tuple[Any, ...]:
    """Return the values of a changed row, in the order of `_HEADINGS`; amounts are decimals."""
    amounts = (change.old, change.new, change.change, change.percent, change.per_head)
    return (change.year, change.code, change.name, change.status, *amounts, change.first or None)


def table_rows(comparison: ComparedResults) -> tuple[list[str], list[list[Any]]]:
    """Return the headings and rows of the table of changes, with the contribution of each cause; amounts are decimals.

    The effect alone and the interaction are included only for causes whose effect alone is known.
    """
    causes = comparison.attribution
    separable = [cause for cause in causes if cause.alone is not None]
    headings = [*_HEADINGS, *(f"cause_{cause.name}" for cause in causes)]
    headings += [f"{word}_{cause.name}" for cause in separable for word in ("alone", "interaction")]
    rows = [
        [
            *_row_cells(change),
            *(cause.amounts[change.key] for cause in causes),
            *(amount_of(change.key) for cause in separable for amount_of in (cause.alone_of, cause.interaction_of)),
        ]
        for change in comparison.changes
    ]
    return headings, rows


def csv_text(comparison: ComparedResults) -> str:
    """Return the table of changes as CSV, with all digits of amounts; texts that Excel would run are made harmless."""
    headings, rows = table_rows(comparison)
    return rows_as_csv([headings, *rows], decimal_text)


def rows_frame(comparison: ComparedResults) -> pl.DataFrame:
    """Return the table of changes as a data frame; amounts are floats, those in whole pence the nearest ones."""
    headings, rows = table_rows(comparison)
    schema = {name: pl.String if name in _TEXTS else pl.Float64 for name in headings}
    return pl.DataFrame([[*map(as_float, row)] for row in rows], schema, orient="row")


def causes_frame(comparison: ComparedResults) -> pl.DataFrame:
    """Return a table with the contribution of each cause, its effect alone, and the difference of the two.

    It has a row for each cause and year, and one for all years, whose year is null.
    """
    rows = [
        (cause.name, cause.kind, cause.label, year or None, *_amount_entries(cause, year).values())
        for cause in comparison.attribution
        for year in (*(total.year for total in comparison.years), "")
    ]
    schema = dict.fromkeys(("cause", "kind", "label", "year"), pl.String)
    return pl.DataFrame(
        rows, {**schema, "change": pl.Float64, "alone": pl.Float64, "interaction": pl.Float64}, orient="row"
    )
