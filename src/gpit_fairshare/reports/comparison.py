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
    cause_text,
    headline_parts,
    is_label_redundant,
    merged_across_years,
    method,
    outcome_text,
    short_facts,
    side_facts,
)
from gpit_fairshare.comparison.model import ComparedResults, RowChange, RuleDifference, percent, quantum, total
from gpit_fairshare.comparison.movement import (
    OrganisationChange,
    common_years,
    is_additive,
    most_changed,
    moved_by_cause,
    organisation_changes,
    together,
)
from gpit_fairshare.numbers import exact_change, exact_money, percent_change, rounded_to
from gpit_fairshare.reports.document import (
    Block,
    Code,
    Column,
    Document,
    Heading,
    Item,
    Listing,
    OnScreen,
    Paragraph,
    Role,
    Row,
    Table,
    Title,
    Tone,
    section,
    written_line,
)
from gpit_fairshare.words import counted, inside, is_money, joined, sentence

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from decimal import Decimal


LONGEST: Final = 60_000
"""Most characters of Markdown; GitHub takes 65,536 in a comment."""
_FORMULAS: Final = (
    *("formula changed", "step added", "step removed", "check added", "check removed", "check changed"),
    *("outcome added", "outcome removed", "outcome changed"),
)
"""Differences that show formulas."""
_MOST_PER_KIND: Final = 8
"""Differences of one kind that a screen shows."""
_FORMULA_KINDS: Final = ("formula changed", "step added", "step removed")
"""Differences that the cause `formula` counts."""
_SERIOUS: Final = ("check fails",)
"""Differences that every report shows in full."""
_TOP: Final = 3
"""Organisations that gain, and as many that lose, in the short report."""
_TOP_ROWS: Final = 10
"""Rows of the lists of the long report."""
_CAUSES: Final = 6
"""Causes that the short report shows."""
_OUTCOMES: Final = 3
"""Changes of outcomes that the short report shows."""
_FINDINGS: Final = 3
"""New findings that a screen shows."""
_WHOLE: Final = 99
"""More characters than a year has, so that a year is never cut."""
_DIGEST: Final = re.compile(r"(SHA-256 [0-9a-f]{12})[0-9a-f]{52}")


def comparison_document(
    comparison: ComparedResults, *, top: int | None = None, details: bool = True, file_names: Sequence[str] = ()
) -> Document:
    """Return the report of a comparison: how much changes, who gains and loses, why, and then the method.

    Args:
        comparison: The compared results.
        top: Rows of each list of organisations; None shows the usual number.
        details: Whether to add totals by year, effects alone, every difference of the rules, digests and the method.
        file_names: Names of the files that the comparison was written to.
    """
    return Document([*_blocks(comparison, top, file_names, details=details)], LONGEST)


def _blocks(
    comparison: ComparedResults, top: int | None, file_names: Sequence[str], *, details: bool
) -> Iterator[Block]:
    """Yield the parts of the report, the answer first."""
    tone = Tone.GOOD if comparison.agrees else Tone.STRONG
    yield Title(headline_parts(comparison), tone)
    yield from (Paragraph(line, Tone.BAD) for line in comparison.off_rule)
    yield from written_line(file_names)
    yield from (Paragraph(text, Tone.WARNING) for text in comparison.drafts)
    if comparison.illustrative:
        yield Paragraph(f"{QUOTED}: {' '.join(comparison.illustrative)}", Tone.WARNING)
    if not comparison.same:
        usual = _TOP_ROWS if details else _TOP
        yield from _gains_and_losses(comparison, usual if top is None else top)
        yield from outcomes(comparison, details=details)
        yield from cause_table(comparison) if details else why(comparison)
    if details:
        yield from _details(comparison, _TOP_ROWS if top is None else top)
        return
    yield from notable(comparison)
    yield from sides(comparison, details=False)
    if not_shown := _not_shown(comparison):
        yield OnScreen([Paragraph(not_shown)])


def _details(comparison: ComparedResults, top: int) -> Iterator[Block]:
    """Yield what only the long report has: rows by year, differences of the rules, both sides, and the method."""
    if not comparison.same:
        yield from totals(comparison)
        # With one year, or amounts that cannot be added up, they are already above.
        if len(comparison.years) > 1 and is_additive(comparison.unit):
            for title, changes in _row_lists(comparison).items():
                yield from _movements(title, changes, comparison, top)
        yield from section("Where differences start", first_differences(comparison), most=_MOST_PER_KIND)
    yield from section("Remarks", [*map(sentence, comparison.remarks)], most=_MOST_PER_KIND)
    for which, columns in zip(("old", "new"), comparison.columns, strict=True):
        yield from section(f"Columns only in the {which} result", [", ".join(columns)] if columns else [])
    yield from rule_differences(comparison.differences)
    yield from sides(comparison, details=True)
    yield from section("Method", [method(comparison)] if comparison.attribution else [])


def _row_lists(comparison: ComparedResults) -> dict[str, Sequence[RowChange]]:
    """Return the changes of rows by title: those of both results, and those that only one of them has."""
    return {
        "Largest changes in a year": comparison.moved,
        "Added": comparison.with_status("added"),
        "Removed": comparison.with_status("removed"),
    }


def sides(comparison: ComparedResults, *, details: bool) -> Iterator[Block]:
    """Yield a line on each of the two results; in the short report only what tells them apart."""
    sides = comparison.old, comparison.new
    for index, (word, side) in enumerate(zip(("Old", "New"), sides, strict=True)):
        facts = side_facts(side) if details else short_facts(side)
        yield Paragraph("; ".join(facts), marker=f"{word}  ", blank_before=index == 0)


def _gains_and_losses(comparison: ComparedResults, top: int) -> Iterator[Block]:
    """Yield the organisations that gain most and lose most over the common years, and the totals of all others.

    The rows add up to the total. Answers that cannot be added up have the list of the largest changes instead.
    """
    if not is_additive(comparison.unit):
        for title, changes in _row_lists(comparison).items():
            yield from _movements(title, changes, comparison, top)
        return
    organisations = organisation_changes(comparison)
    changed = [organisation for organisation in organisations if organisation.change]
    if not changed or not top:
        return
    lists = [most_changed(organisations, sign, top) for sign in (1, -1)]
    rows: list[OrganisationChange] = []
    for verb, most in zip(("gain", "lose"), lists, strict=True):
        rows += most.largest
        rows += [together(most.others, f"{len(most.others):,} others {verb}")] if most.others else []
    unchanged = [organisation for organisation in organisations if not organisation.change]
    rows += [together(unchanged, f"{len(unchanged):,} unchanged")] if unchanged else []
    rows.append(together(organisations, "Total"))
    years, noun, row_count = common_years(comparison), comparison.organisation, sum(len(most.largest) for most in lists)
    all_years = f", {years_text(years)} together" if len(years) > 1 else ""
    # Room for "3,920 others gain".
    columns = [Column("Code", Role.CODE), Column("Name", Role.NAME, required_width=18)]
    columns += [Column("Old", spare=2), Column("New", spare=2), Column("Change"), Column("%")]
    # The figures of several years have no population of their own.
    rates = {change.code: change.per_head for change in comparison.changes} if len(comparison.years) == 1 else {}
    per_head = is_money(comparison.unit) and any(rates.get(row.code) is not None for row in rows)
    columns += [Column("Per head", spare=1)] if per_head else []
    table_rows = []
    for row in rows:
        rate = rates.get(row.code)
        cells = [row.code, row.name, *_change_cells(row, comparison)]
        cells += ["" if rate is None else exact_change(rate, pence=True)] if per_head else []
        table_rows.append(Row(cells))
    yield Heading(f"Who gains and who loses{all_years}: {row_count:,} of {counted(len(changed), noun)} shown")
    yield Table(columns, table_rows)


def years_text(years: Sequence[str]) -> str:
    """Return which years are added up: `both years`, `all 5 years`."""
    return "both years" if len(years) == 2 else f"all {len(years)} years"


def _change_cells(organisation: OrganisationChange, comparison: ComparedResults) -> list[str]:
    """Return the figures of one organisation, or of several: old, new, change and per cent."""
    unit = comparison.unit
    ratio = f"only {organisation.only_in}" if organisation.only_in else percent_change(organisation.percent)
    amounts = [exact_money(amount, unit) for amount in (organisation.old, organisation.new)]
    return [*amounts, exact_change(organisation.change, unit), ratio]


def outcomes(comparison: ComparedResults, *, details: bool) -> Iterator[Block]:
    """Yield how many organisations have another outcome of the rule: in the last year, with details in every year."""
    changes, years = comparison.outcomes, list(dict.fromkeys(change.year for change in comparison.outcomes))
    if not changes:
        return
    if not details:
        changes = tuple(change for change in changes if change.year == years[-1])
    several = details and len(years) > 1
    texts = [
        f"{f'{change.year}: ' if several else ''}{outcome_text(change, comparison.organisation)}" for change in changes
    ]
    yield Heading("What the rule does to them" if several else f"What the rule does to them in {years[-1]}")
    most = len(texts) if details else _OUTCOMES + (len(texts) == _OUTCOMES + 1)
    others = sum(change.count for change in changes[most:])
    yield Listing(
        [*map(Item, texts)], most, f"… and {{}} more such moves, of {counted(others, comparison.organisation)}"
    )


def why(comparison: ComparedResults) -> Iterator[Block]:
    """Yield the causes in plain words, each with its change of the total and what it moves between organisations."""
    if comparison.no_causes_reason:
        yield from section("Why: the causes are not known", [comparison.no_causes_reason])
        return
    causes, additive = comparison.attribution, is_additive(comparison.unit)
    if not causes:
        return
    by_size = sorted(causes, key=lambda cause: (moved_by_cause(cause) + cause.total().copy_abs(), cause.name))
    most = _CAUSES + (len(causes) == _CAUSES + 1)
    names = {cause.name for cause in by_size[-most:]}
    main_causes, other_causes = (
        [cause for cause in causes if (cause.name in names) is large] for large in (True, False)
    )
    rows = [
        Row([cause_text(cause), *_cause_amounts(comparison, cause.total(), moved_by_cause(cause))])
        for cause in main_causes
    ]
    if other_causes:
        amount = total(cause.total() for cause in other_causes)
        rows.append(Row([counted(len(other_causes), "other cause"), *_cause_amounts(comparison, amount, None)]))
    if len(causes) > 1:
        amount = total(cause.total() for cause in causes)
        rows.append(Row(["Total", *_cause_amounts(comparison, amount, None)]))
    yield Heading("Why")
    moves = [Column("Moves")] if additive else []
    name = Column("Cause", Role.TEXT, least=12, required_width=20)
    heading = "Change of total" if additive else "Sum of changes"
    yield Table([name, Column(heading), *moves], rows)


def _cause_amounts(comparison: ComparedResults, amount: Decimal, moved: Decimal | None) -> list[str]:
    """Return the cells of a cause: its change of the total, and what it moves, if answers can be added up."""
    unit = comparison.unit
    cells = [exact_change(rounded_to(amount, quantum(unit)), unit)]
    if is_additive(unit):
        cells.append("" if moved is None else exact_money(rounded_to(moved, quantum(unit)), unit))
    return cells


def notable(comparison: ComparedResults) -> Iterator[Block]:
    """Yield what the short report shows of the differences: checks that fail, mergers, and new warnings by kind."""
    serious = merged_across_years([difference for difference in comparison.differences if _is_serious(difference)])
    items = [_difference_item(difference) for difference in serious if difference.kind != NEW_FINDING]
    items += [Item(sentence(remark)) for remark in comparison.remarks]
    by_kind: dict[tuple[str, str], list[RuleDifference]] = defaultdict(list)
    for difference in serious:
        if difference.kind == NEW_FINDING:
            by_kind[difference.note, difference.name].append(difference)
    for (level, number), findings in by_kind.items():
        count = f", {len(findings):,} times; the first: " if len(findings) > 1 else ": "
        items.append(Item(f"New {level} {number}{count}{findings[0].new}"))
    if items:
        yield Heading("Also different")
        yield Listing(items, _MOST_PER_KIND, "… and {} more; --details shows all")


def _is_serious(difference: RuleDifference) -> bool:
    """Return whether every report shows a difference: a check that fails, a new warning or error."""
    return difference.kind in _SERIOUS or (difference.kind == NEW_FINDING and difference.note != "note")


def _not_shown(comparison: ComparedResults) -> str:
    """Return what only the long report shows, with the number of differences of each kind that no cause has named."""
    counts: dict[str, int] = defaultdict(int)
    kinds = {cause.kind for cause in comparison.attribution}
    named = {cause.symbol for cause in comparison.attribution}
    for difference in merged_across_years(comparison.differences):
        kind = difference.kind
        in_causes = (kind in _FORMULA_KINDS and "formula" in kinds) or (
            kind == "parameter changed" and difference.name in named
        )
        if not (in_causes or _is_serious(difference)):
            counts[f"new {difference.note}" if kind == NEW_FINDING else kind] += 1
    for which, columns in zip(("old", "new"), comparison.columns, strict=True):
        counts[f"column only in the {which} result"] += len(columns)
    differences = [f"{kind} ({count:,})" for kind, count in counts.items() if count]
    others = f"; other differences: {', '.join(differences)}" if differences else ""
    parts = [] if comparison.same else ["totals by year"]
    parts += ["each cause alone", "the method"] if comparison.attribution else []
    parts += ["digests"] if comparison.old.record.scheme or comparison.new.record.scheme else []
    return f"--details prints {joined(parts)}{others}." if parts else ""


def totals(comparison: ComparedResults) -> Iterator[Block]:
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


def cause_table(comparison: ComparedResults) -> Iterator[Block]:
    """Yield a table of the causes with their sum and a line on each; or why no causes are known."""
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

    additive = is_additive(unit)
    rows = [
        Row(
            [
                cause_name(cause),
                *_cause_amounts(comparison, cause.total(), moved_by_cause(cause)),
                *map(as_text, (cause.total_alone(), cause.interaction())),
            ]
        )
        for cause in causes
    ]
    if len(rows) > 1:
        amount = total(cause.total() for cause in causes)
        rows.append(Row(["total", *_cause_amounts(comparison, amount, None), "", ""]))
    yield Heading("Why")
    columns = [Column("Cause", Role.NAME, required_width=8), Column("Change")]
    columns += [Column("Moves", spare=1)] if additive else []
    yield Table([*columns, Column("Alone"), Column("Interaction")], rows)
    yield from (Item(f"{cause_name(cause)}: {cause_detail(cause)}") for cause in causes if cause_detail(cause))


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


def first_differences(comparison: ComparedResults) -> list[str]:
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


def rule_differences(differences: Sequence[RuleDifference]) -> Iterator[Block]:
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
