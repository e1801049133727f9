"""A comparison as a table: a row for each organisation and year in which anything differs."""

from __future__ import annotations

import csv
import io
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import polars as pl

from gpit_fairshare.numbers import decimal_text
from gpit_fairshare.results.writing import FORMULA_STARTS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gpit_fairshare.comparison.model import ComparedResults

_TEXTS = ("year", "org_code", "org_name", "status", "first_difference")


def rows(comparison: ComparedResults) -> tuple[list[str], list[list[Any]]]:
    """Return headings and rows; amounts are decimals, and those of the causes add up to the change."""
    causes = comparison.attribution
    told = [one for one in causes if one.alone is not None]
    heads = ["year", "org_code", "org_name", "status", "old", "new", "change", "change_percent", "change_per_head"]
    heads += ["first_difference", *(f"cause_{one.name}" for one in causes)]
    heads += [f"{word}_{one.name}" for one in told for word in ("alone", "interaction")]
    found = [
        [
            *(one.year, one.code, one.name, one.status, one.old, one.new, one.change, one.percent, one.per_head),
            one.first or None,
            *(cause.amounts[one.key] for cause in causes),
            *(amount for cause in told for amount in (cause.alone_of(one.key), cause.interaction_of(one.key))),
        ]
        for one in comparison.changes
    ]
    return heads, found


def csv_text(comparison: ComparedResults) -> str:
    r"""Return the rows as CSV with `\n`, amounts with all their digits; a text that Excel would run is quoted."""
    heads, found = rows(comparison)
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(heads)
    writer.writerows([_cell(value) for value in row] for row in found)
    return stream.getvalue()


def _cell(value: object) -> str:
    if isinstance(value, Decimal):
        return decimal_text(value)
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(FORMULA_STARTS) else text


def frame(comparison: ComparedResults) -> pl.DataFrame:
    """Return the rows as a frame; amounts are floats, those in whole pence the nearest to them."""
    heads, found = rows(comparison)
    return _frame(
        {
            name: (pl.String if name in _TEXTS else pl.Float64, [row[at] for row in found])
            for at, name in enumerate(heads)
        }
    )


def causes_frame(comparison: ComparedResults) -> pl.DataFrame:
    """Return a row for each cause and year, and one for all years, whose year is null."""
    found = [(cause, year) for cause in comparison.attribution for year in (*(y.year for y in comparison.years), "")]
    return _frame(
        {
            "cause": (pl.String, [cause.name for cause, _ in found]),
            "kind": (pl.String, [cause.kind for cause, _ in found]),
            "label": (pl.String, [cause.label for cause, _ in found]),
            "year": (pl.String, [year or None for _, year in found]),
            "change": (pl.Float64, [cause.total(year) for cause, year in found]),
            "alone": (pl.Float64, [cause.total_alone(year) for cause, year in found]),
            "interaction": (pl.Float64, [cause.interaction(year) for cause, year in found]),
        }
    )


def _frame(columns: Mapping[str, tuple[type[pl.DataType], list[Any]]]) -> pl.DataFrame:
    return pl.DataFrame(
        [
            pl.Series(name, [float(one) if isinstance(one, Decimal) else one for one in values], dtype=dtype)
            for name, (dtype, values) in columns.items()
        ]
    )
