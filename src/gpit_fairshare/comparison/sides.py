"""The two sides of a comparison: reading them, checking that they can be compared, and remarks on them."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Final

import polars as pl

from gpit_fairshare.comparison.model import NOTHING, RowChange, Side, total
from gpit_fairshare.engine import Result
from gpit_fairshare.errors import GpitError, UsageError
from gpit_fairshare.inputs.mergers.crosswalk import packaged_crosswalk
from gpit_fairshare.numbers import exact_money
from gpit_fairshare.results.agreement import is_same_as_written, off_rule, predicates_of
from gpit_fairshare.results.model import KEYS, Record, record_of
from gpit_fairshare.results.reading import read_record, refuse_blanks
from gpit_fairshare.words import counted, listed

if TYPE_CHECKING:
    from collections.abc import Sequence


ResultSource = Result | Record | str | Path
_NAMED: Final = 3
"""Organisations with a new name that a remark lists."""


def side_of(source: ResultSource, name: str = "") -> Side:
    """Return one side of a comparison: a finished run, or a result file calculated again by its own rule.

    The side of a file has the figures that differ from what its rule gives or, if it cannot be calculated again, the
    reason in `fault`.

    Args:
        source: A run, a record, or the path of a result file.
        name: Name of a run; the name of its scheme if it is empty.

    Raises:
        UsageError: The file does not exist, or holds no result.
    """  # noqa: DOC502 - raised by what it calls
    if isinstance(source, Result):
        return Side(record_of(source, name or source.scheme.name), "run", source)
    record = source if isinstance(source, Record) else read_record(source)
    try:
        result = record.calculate()
        return Side(record, "file", result, off_rule=off_rule(record, result))
    except GpitError as fault:
        return Side(record, "file", None, str(fault))


def comparable(old: Side, new: Side) -> tuple[Side, Side]:
    """Return the two sides ready to be compared, each with its answer column.

    In files, figures that differ from the other side only by noise are replaced by the other side's. A table that does
    not name its answer column has the same one as the other side.

    Raises:
        UsageError: Their rows, units or answers are not of the same kind.
    """
    old = _without_noise(old, new.record)
    new = _without_noise(new, old.record)
    old_record, new_record = old.record, new.record
    if old_record.scheme and new_record.scheme:
        nouns = old_record.organisation, new_record.organisation
        if nouns[0].casefold() != nouns[1].casefold():
            raise UsageError(
                f"{old.name} has one row per {nouns[0]} and {new.name} one per {nouns[1]}; "
                "compare results of the same organisations"
            )
        if old.unit and new.unit and old.unit != new.unit:
            raise UsageError(
                f"{old_record.answer} of {old.name} is in {old.unit} and {new_record.answer} of {new.name} "
                f"in {new.unit}; compare results in the same unit"
            )
    sides = _with_answer_column(old, new_record), _with_answer_column(new, old_record)
    names = [side.record.answer for side in sides]
    if names[0] != names[1] and not (old_record.scheme and new_record.scheme):
        raise UsageError(
            f"the column compared would be {names[0]} in {old.name} and {names[1]} in {new.name}: a table without its "
            "manifest does not say which column is the result; give the column the same name in both, or compare "
            "workbooks, JSON documents, or tables with their manifests"
        )
    return sides


def _without_noise(side: Side, other: Record) -> Side:
    """Return a file's side with the figures of the other side wherever both count as the same; a run is unchanged.

    A program that saves a file again may write only 15 digits of each figure. It also recalculates the figures that no
    step rounds, adding up in another order. Neither is a change by a person. If any figure was replaced, the inputs get
    the same figures and the file is calculated again; its differences from its own rule stay as they were found.
    """
    record = side.record
    if side.kind == "run":
        return side
    other_rows = record.rows.select(*KEYS).join(other.rows, on=list(KEYS), how="left", maintain_order="left")
    predicates = predicates_of(record.scheme)
    # A workbook keeps 15 digits of the inputs as well.
    is_workbook = record.name.lower().endswith(".xlsx")
    names = [
        name
        for name, dtype in record.rows.schema.items()
        if dtype == pl.Float64 and other.rows.schema.get(name) == pl.Float64 and (is_workbook or name in predicates)
    ]
    columns = []
    for name in names:
        same = predicates.get(name, is_same_as_written)
        # Most figures are equal to the last digit; only the others are compared one by one.
        own_cells, other_cells = record.rows[name], other_rows[name]
        pairs = zip(own_cells, other_cells, own_cells.ne_missing(other_cells), strict=True)
        kept = [other if differs and same(own, other) else own for own, other, differs in pairs]
        columns.append(pl.Series(name, kept, pl.Float64))
    rows = record.rows.with_columns(columns)
    if rows.equals(record.rows):
        return side
    record = replace(record, rows=rows)
    if record.inputs:
        tables = {
            year: table.with_columns(
                rows.filter(pl.col("year") == year).sort("org_code")[name] for name in table.columns if name in names
            )
            for year, table in record.inputs.tables.items()
        }
        record = replace(record, inputs=replace(record.inputs, tables=tables))
    # Keep the check of the file against its own rule: it was made with the file's own figures.
    return replace(side_of(record), off_rule=side.off_rule)


def _with_answer_column(side: Side, other: Record) -> Side:
    """Return a side with its answer column and how it was chosen; a table without a manifest follows the other side.

    Raises:
        UsageError: Neither side names the answer column, or a row has no answer.
    """
    record = side.record
    if record.scheme:
        return replace(side, answer_from="from its scheme")
    if record.answer:
        return replace(side, answer_from="found by its name")
    if other.answer not in record.rows.columns:
        raise UsageError(
            f"{record.name}: no column {other.answer or 'allocation'}, and no manifest that says which column is the "
            "result; write the table with --manifest"
        )
    refuse_blanks(record.rows, [other.answer], record.name)
    return replace(side, record=replace(record, answer=other.answer), answer_from="as in the other result")


def remarks_on(old: Side, new: Side, changes: Sequence[RowChange]) -> tuple[str, ...]:
    """Return remarks that are not about figures: mergers in the crosswalk, and changed names."""
    return (*_merger_remarks(old, new, changes), *_renaming_remarks(old.record, new.record))


def _merger_remarks(old: Side, new: Side, changes: Sequence[RowChange]) -> list[str]:
    """Return remarks on removed organisations that became an added one by the crosswalk, with money before and after.

    One that became several added organisations is reported as a split, without money.
    """
    inputs = new.record.inputs or old.record.inputs
    crosswalk = inputs.crosswalk if inputs else packaged_crosswalk()
    unit = new.unit or old.unit
    remarks = []
    for year in dict.fromkeys(change.year for change in changes):
        removed = {change.code: change for change in changes if change.year == year and change.status == "removed"}
        added = {change.code: change for change in changes if change.year == year and change.status == "added"}
        successors = {code: sorted(crosswalk.route(code, date.max) & added.keys()) for code in removed}
        for code, after in added.items():
            merged = [predecessor for predecessor in removed if successors[predecessor] == [code]]
            if merged:
                before = total(removed[predecessor].old or NOTHING for predecessor in merged)
                amounts = f"{exact_money(before, unit)} before, {exact_money(after.new or NOTHING, unit)} after"
                remarks.append(f"{year}: {listed(merged)} became {code}: {amounts}")
        remarks += [f"{year}: {code} split into {listed(into)}" for code, into in successors.items() if len(into) > 1]
    return remarks


def _renaming_remarks(old: Record, new: Record) -> list[str]:
    """Return one remark with the number of organisations whose name changed, and the first of them; empty if none."""
    before, after = (dict(record.rows.select("org_code", "org_name").iter_rows()) for record in (old, new))
    renamed = [code for code, name in after.items() if before.get(code) and name and before[code] != name]
    if not renamed:
        return []
    names = [f"{code} {after[code]} (was {before[code]})" for code in renamed[:_NAMED]]
    more = f"; and {len(renamed) - _NAMED:,} more" if len(renamed) > _NAMED else ""
    return [f"{counted(len(renamed), 'organisation')} with a new name: {'; '.join(names)}{more}"]
