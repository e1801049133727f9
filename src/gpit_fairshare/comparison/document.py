"""A comparison as data: one document with stable keys, and a table of the rows in which anything differs."""

from __future__ import annotations

from dataclasses import asdict
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

import polars as pl

from gpit_fairshare.comparison.headline import headline, method
from gpit_fairshare.numbers import decimal_text
from gpit_fairshare.results.writing import rows_as_csv

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gpit_fairshare.comparison.model import Cause, Change, ComparedResults, Side

SCHEMA: Final = "gpit-comparison/1"
_TEXTS = ("year", "org_code", "org_name", "status", "first_difference")


def document(comparison: ComparedResults) -> dict[str, Any]:
    """Return everything: all rows, all causes, all differences of the definition. Amounts in whole pence are exact."""
    old, new = comparison.columns
    return {
        "schema": SCHEMA,
        "agrees": comparison.agrees,
        "same": comparison.same,
        "headline": headline(comparison),
        "old": _side(comparison.old),
        "new": _side(comparison.new),
        "organisation": comparison.organisation,
        "unit": comparison.unit,
        "tolerance": _number(comparison.tolerance),
        "fail_over": str(comparison.limit) if comparison.limit else None,
        "counts": {
            "rows": comparison.height,
            "moved": len(comparison.moved),
            "within_tolerance": len(comparison.within),
            "other_figures": len(comparison.others),
            "added": len(comparison.only("added")),
            "removed": len(comparison.only("removed")),
            "beyond": len(comparison.beyond),
        },
        "years": [
            {
                "year": one.year,
                "old": _number(one.old),
                "new": _number(one.new),
                "change": _number(one.change),
                "organisations_old": one.organisations_old,
                "organisations_new": one.organisations_new,
                "gain": one.gain,
                "lose": one.lose,
                "added": one.added,
                "removed": one.removed,
            }
            for one in comparison.years
        ],
        "columns": {"removed": list(old), "added": list(new)},
        "first_differences": [
            {"column": column, "label": comparison.label(column), "rows": rows, "moved": moved}
            for column, rows, moved in comparison.firsts()
        ],
        "method": method(comparison) if comparison.attribution else "",
        "no_causes": comparison.untold,
        "causes": [_cause(one, comparison) for one in comparison.attribution],
        "differences": [asdict(one) for one in comparison.differences],
        "illustrative": list(comparison.illustrative),
        "off_rule": [
            {"side": word, **figure.document()}
            for word, side in (("old", comparison.old), ("new", comparison.new))
            for figure in side.off_rule
        ],
        "remarks": list(comparison.remarks),
        "rows": [_row(one, comparison) for one in comparison.changes],
    }


def _number(amount: Decimal | None) -> float | None:
    return None if amount is None else float(amount)


def _side(side: Side) -> dict[str, Any]:
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


def _cause(cause: Cause, comparison: ComparedResults) -> dict[str, Any]:
    return {
        "name": cause.name,
        "kind": cause.kind,
        "label": cause.label,
        "said": cause.said,
        "no_alone": cause.no_alone,
        **_amounts(cause),
        "years": [{"year": one.year, **_amounts(cause, one.year)} for one in comparison.years],
    }


def _amounts(cause: Cause, year: str = "") -> dict[str, float | None]:
    return {
        "change": _number(cause.total(year)),
        "alone": _number(cause.total_alone(year)),
        "interaction": _number(cause.interaction(year)),
    }


def _row(change: Change, comparison: ComparedResults) -> dict[str, Any]:
    causes = comparison.attribution
    return {
        "year": change.year,
        "org_code": change.code,
        "org_name": change.name,
        "status": change.status,
        "old": _number(change.old),
        "new": _number(change.new),
        "change": _number(change.change),
        "change_percent": _number(change.percent),
        "change_per_head": _number(change.per_head),
        "first_difference": change.first or None,
        "causes": {one.name: _number(one.amounts[change.key]) for one in causes},
        "alone": {one.name: _number(one.alone[change.key]) for one in causes if one.alone is not None},
        "interaction": {one.name: _number(one.interaction_of(change.key)) for one in causes if one.alone is not None},
    }


def table_rows(comparison: ComparedResults) -> tuple[list[str], list[list[Any]]]:
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
    heads, found = table_rows(comparison)
    return rows_as_csv([heads, *found], decimal_text)


def frame(comparison: ComparedResults) -> pl.DataFrame:
    """Return the rows as a frame; amounts are floats, those in whole pence the nearest to them."""
    heads, found = table_rows(comparison)
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
