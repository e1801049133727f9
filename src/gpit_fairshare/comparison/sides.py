"""The two sides of a comparison: where they come from, whether they can be compared, and what to remark on both."""

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


Given = Result | Record | str | Path
_NAMED: Final = 3
"""Organisations with another name that are named."""


def side_of(given: Given, name: str = "") -> Side:
    """Return a side: a finished run, or a result file with what its own rule gives.

    Args:
        given: A run, a record, or the path of a result file.
        name: What to call a run; the name of its scheme where there is none.

    Raises:
        UsageError: The file is not there, or holds no result.
    """
    if isinstance(given, Result):
        return Side(record_of(given, name or given.scheme.name), "run", given)
    record = given if isinstance(given, Record) else read_record(given)
    try:
        result = record.calculate()
        return Side(record, "file", result, off_rule=off_rule(record, result))
    except GpitError as fault:
        return Side(record, "file", None, str(fault))


def comparable(old: Side, new: Side) -> tuple[Side, Side]:
    """Return the sides with their answers told: a table that says nothing of its answer takes the other's.

    Raises:
        UsageError: They are results of unlike things.
    """
    old = _settled(old, new.record)
    new = _settled(new, old.record)
    here, there = old.record, new.record
    if here.scheme and there.scheme:
        nouns = here.organisation, there.organisation
        if nouns[0].casefold() != nouns[1].casefold():
            raise UsageError(
                f"{old.name} has one row per {nouns[0]} and {new.name} one per {nouns[1]}; "
                "compare results of the same organisations"
            )
        if old.unit and new.unit and old.unit != new.unit:
            raise UsageError(
                f"the answer of {old.name} ({here.answer}) is in {old.unit} and that of {new.name} ({there.answer}) in "
                f"{new.unit}; compare results in the same unit"
            )
    sides = _answering(old, there), _answering(new, here)
    names = [side.record.answer for side in sides]
    if names[0] != names[1] and not (here.scheme and there.scheme):
        raise UsageError(
            f"the answer of {old.name} would be {names[0]} and that of {new.name} {names[1]}, and a table without its "
            "manifest does not say; call the column alike in both, or compare workbooks, JSON documents, or tables "
            "with their manifests"
        )
    return sides


def _settled(side: Side, other: Record) -> Side:
    """Return a file's side with the other's figures where both count as the same.

    A program that saves a file again may write 15 digits of each figure, and works those that no step rounds out
    again, adding up in another order, which is no change by a person.
    """
    record = side.record
    if side.kind == "run":
        return side
    theirs = record.rows.select(*KEYS).join(other.rows, on=list(KEYS), how="left", maintain_order="left")
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
        # Most figures are equal to the last digit; only the others are looked at one by one.
        cells = zip(record.rows[name], theirs[name], record.rows[name].ne_missing(theirs[name]), strict=True)
        kept = [there if apart and same(here, there) else here for here, there, apart in cells]
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
    # What its own rule gives was asked of the file's own figures.
    return replace(side_of(record), off_rule=side.off_rule)


def _answering(side: Side, other: Record) -> Side:
    """Return a side with its answer, and how that was chosen; a table that does not say it follows the other side.

    Raises:
        UsageError: Nobody says which column is the answer, or a row has none.
    """
    record = side.record
    if record.scheme:
        return replace(side, answer_from="as its scheme says")
    if record.answer:
        return replace(side, answer_from="by its name")
    if other.answer not in record.rows.columns:
        raise UsageError(
            f"{record.name}: has no column {other.answer or 'allocation'}, and no manifest beside it says which column "
            "is the answer; write the table with --manifest"
        )
    refuse_blanks(record.rows, [other.answer], record.name)
    return replace(side, record=replace(record, answer=other.answer), answer_from="as the other result has it")


def remarks_on(old: Side, new: Side, changes: Sequence[RowChange]) -> tuple[str, ...]:
    """Return what is worth saying besides figures: mergers that the crosswalk knows, names that changed."""
    return (*_mergers(old, new, changes), *_names(old.record, new.record))


def _mergers(old: Side, new: Side, changes: Sequence[RowChange]) -> list[str]:
    """Say which organisations that are gone became one that has come; equal money is no reason to think so."""
    inputs = new.record.inputs or old.record.inputs
    crosswalk = inputs.crosswalk if inputs else packaged_crosswalk()
    unit = new.unit or old.unit
    found = []
    for year in dict.fromkeys(one.year for one in changes):
        gone = {one.code: one for one in changes if one.year == year and one.status == "removed"}
        come = {one.code: one for one in changes if one.year == year and one.status == "added"}
        ends = {code: sorted(crosswalk.route(code, date.max) & come.keys()) for code in gone}
        for code, after in come.items():
            merged = [one for one in gone if ends[one] == [code]]
            if merged:
                before = total(gone[one].old or NOTHING for one in merged)
                amounts = f"{exact_money(before, unit)} before, {exact_money(after.new or NOTHING, unit)} after"
                found.append(f"{year}: {listed(merged)} became {code}: {amounts}")
        found += [f"{year}: {code} went into {listed(into)}" for code, into in ends.items() if len(into) > 1]
    return found


def _names(old: Record, new: Record) -> list[str]:
    """Say which organisations have another name; names decide nothing."""
    before, after = (dict(one.rows.select("org_code", "org_name").iter_rows()) for one in (old, new))
    other = [code for code, name in after.items() if before.get(code) and name and before[code] != name]
    if not other:
        return []
    shown = [f"{code} {after[code]}, before {before[code]}" for code in other[:_NAMED]]
    more = f"; and {len(other) - _NAMED:,} more" if len(other) > _NAMED else ""
    return [f"{counted(len(other), 'organisation')} with another name: {'; '.join(shown)}{more}"]
