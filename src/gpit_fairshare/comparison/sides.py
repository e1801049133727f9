"""The two sides of a comparison: where they come from, whether they can be compared, and what to remark on both."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Final

import polars as pl

from gpit_fairshare.comparison.model import Side
from gpit_fairshare.comparison.words import NOTHING, figure, total
from gpit_fairshare.engine import Result
from gpit_fairshare.errors import GpitError, UsageError
from gpit_fairshare.inputs import packaged_crosswalk
from gpit_fairshare.inputs.findings import counted, listed
from gpit_fairshare.records import Record, read_record, record_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gpit_fairshare.comparison.model import Change

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
        return Side(record, "file", record.calculate())
    except GpitError as fault:
        return Side(record, "file", None, str(fault))


def comparable(old: Side, new: Side) -> tuple[Side, Side]:
    """Return the sides with their answers told: a table that says nothing of its answer takes the other's.

    Raises:
        UsageError: They are results of unlike things.
    """
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
    return _answering(old, there), _answering(new, here)


def _answering(side: Side, other: Record) -> Side:
    record = side.record
    known = record.scheme is None and record.rows.schema.get(other.answer) == pl.Float64
    return replace(side, record=replace(record, answer=other.answer)) if known else side


def remarks_on(old: Side, new: Side, changes: Sequence[Change]) -> tuple[str, ...]:
    """Return what is worth saying besides figures: mergers that the crosswalk knows, names that changed."""
    return (*_mergers(old, new, changes), *_names(old.record, new.record))


def _mergers(old: Side, new: Side, changes: Sequence[Change]) -> list[str]:
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
                amounts = f"{figure(before, unit)} before, {figure(after.new or NOTHING, unit)} after"
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
