"""Tables of a comparison as people read them: headings and texts, for a screen and for Markdown alike."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Final, NamedTuple

from gpit_fairshare.comparison.words import (
    figure,
    percent,
    quantum,
    rounded_to,
    signed,
    total,
    written_percent,
)
from gpit_fairshare.words import counted, inside, is_money, joined

if TYPE_CHECKING:
    from collections.abc import Sequence
    from decimal import Decimal

    from gpit_fairshare.comparison.model import Cause, Change, Comparison, Difference, Side

FORMULAS: Final = ("formula changed", "step added", "step removed", "check added", "check removed", "check changed")
"""Differences that show formulas."""
NEW_FINDING: Final = "new finding"
_PREFIXES: Final = {"data": "data_", "parameter": "parameter_"}


class Shown(NamedTuple):
    """A table of texts; `figures` are the columns that stand to the right."""

    heads: list[str]
    rows: list[list[str]]
    figures: range


def side_said(side: Side) -> list[str]:
    """Return what a side is: its name, its scheme and digest, its size, its version, what was set for it."""
    record = side.record
    said = [side.name]
    if record.scheme:
        parts = [record.scheme.formula, record.scheme.transition]
        rule = f"{record.scheme.name} ({', '.join(part for part in parts if part) or 'own steps'})"
        said.append(f"scheme {rule}, digest {record.scheme.digest[:12]}")
    else:
        said.append("rows alone, nothing of the rule")
    said.append(counted(record.rows.height, "row"))
    label = "" if _alike(record.answer, side.answer_label) else f" ({inside(side.answer_label)})"
    said.append(f"answer {record.answer}{label}{', ' if side.answer_from else ''}{side.answer_from}")
    if record.manifest:
        said.append(f"gpit {record.manifest['gpit']}")
    return said


def totals(comparison: Comparison, *, pence: bool | None = None) -> Shown:
    """Return a row for each year, and one for all where there are several; `pence` is as in `figure`."""
    unit, years = comparison.unit, comparison.years
    rows = [_total_row(one.year, (one.old, one.new, one.change), unit, (one.gain, one.lose), pence) for one in years]
    if len(years) > 1:
        amounts = [total(getattr(one, name) for one in years) for name in ("old", "new", "change")]
        counts = (sum(one.gain for one in years), sum(one.lose for one in years))
        rows.append(_total_row("All", amounts, unit, counts, pence))
    return Shown(["Year", "Old", "New", "Change", "%", "Gain", "Lose"], rows, range(1, 7))


def _total_row(
    name: str, amounts: Sequence[Decimal], unit: str | None, counts: Sequence[int], pence: bool | None
) -> list[str]:
    old, new, change = amounts
    written = [figure(old, unit, pence=pence), figure(new, unit, pence=pence), signed(change, unit, pence=pence)]
    return [name, *written, written_percent(percent(change, old)), *(f"{one:,}" for one in counts)]


def cause_name(cause: Cause) -> str:
    """Return what a cause is called in a list: `transition_fund`, `rounding`."""
    prefix = _PREFIXES.get(cause.kind, "")
    if prefix and cause.name.startswith(prefix):
        return cause.name.removeprefix(prefix)
    return inside(cause.label)


def causes(comparison: Comparison) -> Shown:
    """Return a row for each cause, and their sum."""
    unit = comparison.unit

    def written(amount: Decimal) -> str:
        # To the penny, as contributions are: what rounding has beyond it is noise of the sums.
        return signed(rounded_to(amount, quantum(unit)), unit)

    rows = [
        [
            cause_name(one),
            written(one.total()),
            *("–" if amount is None else written(amount) for amount in (one.total_alone(), one.interaction())),
        ]
        for one in comparison.attribution
    ]
    if len(rows) > 1:
        rows.append(["all together", written(total(one.total() for one in comparison.attribution)), "", ""])
    return Shown(["Cause", "Change", "Alone", "Interaction"], rows, range(1, 4))


def cause_said(cause: Cause) -> str:
    """Return what was changed, and why there is no figure of what it does alone."""
    alone = f"alone it cannot be worked out: {cause.no_alone}" if cause.no_alone else ""
    return "; ".join(part for part in (cause.said, alone) if part)


def movements(changes: Sequence[Change], comparison: Comparison) -> Shown:
    """Return a row for each organisation: what it gains or loses, in per cent, and per head where people are known."""
    unit = comparison.unit
    heads = ["Code", "Name", "Year", "Change", "%"]
    per_head = is_money(unit) and any(one.per_head is not None for one in changes)
    rows = []
    for one in changes:
        row = [one.code, one.name, one.year, signed(one.change, unit), written_percent(one.percent)]
        if per_head:
            row.append("–" if one.per_head is None else signed(one.per_head, pence=True))
        rows.append(row)
    heads += ["Per head"] if per_head else []
    return Shown(heads, rows, range(3, len(heads)))


def firsts(comparison: Comparison) -> list[str]:
    """Return a sentence for each column that is the first to differ, those behind a change of the answer first."""
    several = len(comparison.years) > 1
    found, quiet = [], []
    for column, rows, moved in comparison.firsts():
        label = comparison.label(column)
        name = column if _alike(column, label) else f"{column} ({inside(label)})"
        if moved:
            who = counted(moved, "row" if several else comparison.organisation)
            found.append(f"{name} is the first to differ for {who}")
        if rows > moved:
            quiet.append(f"{name} is the first to differ for {counted(rows - moved, 'row')} whose answer is the same")
    return [*found, *quiet]


def _alike(name: str, label: str) -> bool:
    """Say whether a label says no more than the name."""
    return label.casefold() == name.replace("_", " ").casefold()


def brief(text: str) -> str:
    """Return a text with its digests shortened."""
    return re.sub(r"(SHA-256 [0-9a-f]{12})[0-9a-f]{52}", r"\1…", text)


def alike(differences: Sequence[Difference]) -> list[Difference]:
    """Return the differences, those that differ in their year alone put together."""
    found: dict[tuple[str, ...], list[Difference]] = {}
    for one in differences:
        found.setdefault((one.what, one.name, one.old, one.new, one.note), []).append(one)
    return [replace(there[0], year=joined([one.year for one in there])) for there in found.values()]


def headed(one: Difference) -> str:
    """Return what differs, its name and its year: `parameter changed: transition_fund, 2015/16`."""
    name = "" if one.what.startswith(one.name) else one.name
    named = ", ".join(part for part in (name, one.year) if part)
    return f"{one.what}: {named}" if named else one.what


def grouped(differences: Sequence[Difference]) -> dict[str, list[Difference]]:
    """Return the differences by kind, in their order."""
    found: dict[str, list[Difference]] = {}
    for one in differences:
        found.setdefault(one.what, []).append(one)
    return found


def without_notes(differences: Sequence[Difference]) -> tuple[list[Difference], str]:
    """Return the differences to be listed, and a sentence that counts new findings which are notes."""
    notes = [one for one in differences if one.what == NEW_FINDING and one.note == "note"]
    listed = alike([one for one in differences if one not in notes])
    if not notes:
        return listed, ""
    numbers = ", ".join(sorted({one.name for one in notes}))
    return listed, f"{counted(len(notes), 'new note')} on the inputs and the run ({numbers}); the JSON document has all"


def table_without(table: Shown, *names: str) -> Shown:
    """Return a table without some of its columns of figures."""
    kept = [at for at, head in enumerate(table.heads) if head not in names]
    rows = [[row[at] for at in kept] for row in table.rows]
    lost = len(table.heads) - len(kept)
    return Shown([table.heads[at] for at in kept], rows, range(table.figures.start, table.figures.stop - lost))
