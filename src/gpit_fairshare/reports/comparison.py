"""The report of `gpit compare`: what changed, for whom, and why."""

from __future__ import annotations

import re
from collections import defaultdict
from typing import TYPE_CHECKING, Final

from gpit_fairshare.comparison.headline import (
    NEW_FINDING,
    QUOTED,
    cause_detail,
    cause_name,
    headline,
    is_label_redundant,
    merged_across_years,
    method,
    side_facts,
)
from gpit_fairshare.comparison.model import ComparedResults, RowChange, RuleDifference, percent, quantum, total
from gpit_fairshare.numbers import exact_change, exact_money, percent_change, rounded_to
from gpit_fairshare.reports.document import (
    Block,
    Code,
    Column,
    Document,
    Heading,
    Item,
    Listing,
    Paragraph,
    Role,
    Row,
    Table,
    Title,
    Tone,
    section,
    written_line,
)
from gpit_fairshare.words import counted, inside, is_money, sentence

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from decimal import Decimal


LONGEST: Final = 60_000
"""Most characters of Markdown; GitHub takes 65,536 in a comment."""
_FORMULAS: Final = ("formula changed", "step added", "step removed", "check added", "check removed", "check changed")
"""Differences that show formulas."""
_MOST_PER_KIND: Final = 8
"""Differences of one kind that a screen shows."""
_FINDINGS: Final = 3
"""New findings that a screen shows."""
_WHOLE: Final = 99
"""More characters than a year has, so that a year is never cut."""
_DIGEST: Final = re.compile(r"(SHA-256 [0-9a-f]{12})[0-9a-f]{52}")


def comparison_document(comparison: ComparedResults, *, top: int = 10, file_names: Sequence[str] = ()) -> Document:
    """Return the report of a comparison, the verdict first.

    Args:
        comparison: The compared results.
        top: Rows of each list of organisations.
        file_names: Names of the files that the comparison was written to.
    """
    return Document([*_blocks(comparison, top, file_names)], LONGEST)


def _blocks(comparison: ComparedResults, top: int, file_names: Sequence[str]) -> Iterator[Block]:
    """Yield the parts of the report: verdict, both sides, totals, causes, largest changes, and changes of the rules."""
    yield Title([headline(comparison)], Tone.GOOD if comparison.agrees else Tone.STRONG)
    yield from (Paragraph(line, Tone.BAD) for line in comparison.off_rule)
    yield from written_line(file_names)
    for word, side in (("Old", comparison.old), ("New", comparison.new)):
        yield Paragraph("; ".join(side_facts(side)), marker=f"{word}  ")
    yield from section(QUOTED, comparison.illustrative, Tone.WARNING)
    if not comparison.same:
        yield from _totals(comparison)
        yield from _causes(comparison)
        for title, changes in (
            ("Largest changes", comparison.moved),
            ("Added", comparison.with_status("added")),
            ("Removed", comparison.with_status("removed")),
        ):
            yield from _movements(title, changes, comparison, top)
        yield from section("Where differences start", _first_differences(comparison), most=_MOST_PER_KIND)
    yield from section("Remarks", [*map(sentence, comparison.remarks)], most=_MOST_PER_KIND)
    for which, columns in zip(("old", "new"), comparison.columns, strict=True):
        yield from section(f"Columns only in the {which} result", [", ".join(columns)] if columns else [])
    yield from _rule_differences(comparison.differences)


def _totals(comparison: ComparedResults) -> Iterator[Block]:
    """Yield the totals; if there is no room, pence are dropped first, then per cent, then gains and losses."""
    if comparison.years:
        yield Heading("Totals")
        yield _totals_table(comparison, None, otherwise=[_totals_table(comparison, pence=False)])


def _totals_table(comparison: ComparedResults, pence: bool | None, otherwise: Sequence[Block] = ()) -> Table:
    """Return a table of both totals, the change, and how many gain and lose: a row for each year, and one for all.

    Args:
        comparison: The compared results.
        pence: As in `exact_money`: None writes pence if there are any.
        otherwise: Shown instead if the table does not fit; without it, columns are dropped.
    """
    unit, years = comparison.unit, comparison.years

    def row(name: str, old: Decimal, new: Decimal, change: Decimal, gain: int, lose: int) -> Row:
        """Return the row of a year: both totals, the change, and how many gain and lose."""
        amounts = [exact_money(amount, unit, pence=pence) for amount in (old, new)]
        changes = [exact_change(change, unit, pence=pence), percent_change(percent(change, old))]
        return Row([name, *amounts, *changes, f"{gain:,}", f"{lose:,}"])

    rows = [row(year.year, year.old, year.new, year.change, year.gain, year.lose) for year in years]
    if len(years) > 1:
        old, new, change = (total(getattr(year, name) for year in years) for name in ("old", "new", "change"))
        rows.append(row("All", old, new, change, sum(year.gain for year in years), sum(year.lose for year in years)))
    spare = (0, 0) if otherwise else (1, 2)
    columns = [Column("Year", Role.NAME, required_width=_WHOLE), *map(Column, ("Old", "New", "Change"))]
    columns += [Column("%", spare=spare[0]), Column("Gain", spare=spare[1]), Column("Lose", spare=spare[1])]
    return Table(columns, rows, otherwise=otherwise)


def _causes(comparison: ComparedResults) -> Iterator[Block]:
    """Yield a table of the causes with their sum, a line on each and the method; or why no causes are known."""
    if comparison.no_causes_reason:
        yield from section("Causes not known", [comparison.no_causes_reason])
        return
    causes, unit = comparison.attribution, comparison.unit
    if not causes:
        return

    def as_text(amount: Decimal | None) -> str:
        """Return an amount to the penny with its sign, a dash for None."""
        # To the penny, as contributions are: further digits are noise of the sums.
        return "–" if amount is None else exact_change(rounded_to(amount, quantum(unit)), unit)

    amounts = [(cause.total(), cause.total_alone(), cause.interaction()) for cause in causes]
    rows = [Row([cause_name(cause), *map(as_text, three)]) for cause, three in zip(causes, amounts, strict=True)]
    if len(rows) > 1:
        rows.append(Row(["total", as_text(total(cause.total() for cause in causes)), "", ""]))
    yield Heading("Causes")
    yield Table([Column("Cause", Role.NAME, required_width=8), *map(Column, ("Change", "Alone", "Interaction"))], rows)
    yield from (Item(f"{cause_name(cause)}: {cause_detail(cause)}") for cause in causes if cause_detail(cause))
    yield Item(method(comparison))


def _movements(title: str, changes: Sequence[RowChange], comparison: ComparedResults, top: int) -> Iterator[Block]:
    """Yield a heading, a table of the first changes of rows, and how many more there are; nothing if there are none.

    Each change is in the unit of the result and in per cent; money also per head, if any population is known.

    Args:
        title: The heading.
        changes: The changes, largest first.
        comparison: The compared results.
        top: Rows of the table; with 0 nothing is shown.
    """
    if not changes or not top:
        return
    unit, several = comparison.unit, len(comparison.years) > 1
    top_changes = changes[:top]
    per_head = is_money(unit) and any(change.per_head is not None for change in top_changes)
    rows = []
    for change in top_changes:
        cells = [change.code, change.name, *([change.year] if several else [])]
        cells += [exact_change(change.change, unit), percent_change(change.percent)]
        if per_head:
            cells.append("–" if change.per_head is None else exact_change(change.per_head, pence=True))
        rows.append(Row(cells))
    columns = [Column("Code", Role.CODE), Column("Name", Role.NAME, required_width=8)]
    columns += [Column("Year", Role.CODE)] if several else []
    columns += [Column("Change"), Column("%"), *([Column("Per head")] if per_head else [])]
    yield Heading(title)
    yield Table(columns, rows)
    if len(changes) > top:
        yield Item(f"… and {len(changes) - top:,} more; --top {len(changes)} shows all.")


def _first_differences(comparison: ComparedResults) -> list[str]:
    """Return a line for each column that is the first to differ in a row, with its number of rows.

    Rows whose result changes come first; those whose result does not change have lines of their own at the end.
    """
    several = len(comparison.years) > 1
    behind_changes, quiet = [], []
    for column, rows, moved in comparison.first_differences():
        label = comparison.label(column)
        name = column if is_label_redundant(column, label) else f"{column} ({inside(label)})"
        if moved:
            affected = counted(moved, "row" if several else comparison.organisation)
            behind_changes.append(f"{name}: {affected}")
        if rows > moved:
            quiet.append(f"{name}: {counted(rows - moved, 'row')} without a change in the result")
    return [*behind_changes, *quiet]


def _rule_differences(differences: Sequence[RuleDifference]) -> Iterator[Block]:
    """Yield the differences in scheme and inputs, grouped by kind; new notes are only counted.

    Those that are the same in several years are merged, and a screen shows only the first of each kind.
    """
    if not differences:
        return
    yield Heading("Differences in scheme and inputs")
    new_notes = [change for change in differences if change.kind == NEW_FINDING and change.note == "note"]
    by_kind = defaultdict(list)
    for difference in merged_across_years([change for change in differences if change not in new_notes]):
        by_kind[difference.kind].append(_difference_item(difference))
    for kind, items in by_kind.items():
        most = _FINDINGS if kind == NEW_FINDING else _MOST_PER_KIND
        most += len(items) == most + 1  # "1 more" takes as much room as showing it
        yield Listing(items, most, f"… and {{}} more of these: {kind}")
    if new_notes:
        numbers = ", ".join(sorted({note.name for note in new_notes}))
        new = counted(len(new_notes), "new note")
        yield Item(f"{new} on the inputs and the run ({numbers}): see the JSON document")


def _difference_item(difference: RuleDifference) -> Item:
    """Return an item with the kind, name, year and values of a difference, formulas below it.

    For example: `Parameter changed: fund, 2015/16: old → new`.
    """
    name = "" if difference.kind.startswith(difference.name) else difference.name
    named = ", ".join(part for part in (name, difference.year) if part)
    head = sentence(f"{difference.kind}: {named}" if named else difference.kind)
    note = f" ({difference.note})" if difference.note else ""
    texts = [(word, text) for word, text in (("old", difference.old), ("new", difference.new)) if text]
    if difference.kind in _FORMULAS:
        return Item(f"{head}{note}", below=[Item(Code(text), f"{word}  ") for word, text in texts])
    values = " → ".join(_DIGEST.sub(r"\1…", text) for _, text in texts)
    return Item(f"{head}{': ' if values else ''}{values}{note}")
