"""The sentences of a comparison: whether two results differ and by how much, and how causes are separated."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from gpit_fairshare.comparison.model import Cause, ComparedResults, RuleDifference, Side, total
from gpit_fairshare.numbers import exact_change, exact_money
from gpit_fairshare.words import counted, inside, is_money, joined

if TYPE_CHECKING:
    from collections.abc import Sequence


QUOTED: Final = "Illustrative inputs: do not quote any figure that uses them"
"""Heading of the sentences about inputs that are marked illustrative."""

NEW_FINDING: Final = "new finding"
_RULE: Final = (
    *("formula changed", "step added", "step removed", "unit changed"),
    *("parameter changed", "parameter added", "parameter removed", "check changed", "check added", "check removed"),
)
"""Kinds of differences between two rules that are counted, each a noun and what happened."""


def headline(comparison: ComparedResults) -> str:
    """Return a sentence or two: whether anything differs, in how many rows, by how much, the largest gain and loss.

    With a limit, it also says how many rows exceed it; if no figure differs, it says which parts of the rules do.
    """
    return " ".join(part for part in (_rows_text(comparison), _limit_text(comparison), _rules_text(comparison)) if part)


def method(comparison: ComparedResults) -> str:
    """Return the sentences that explain how causes are separated, and what their figures mean."""
    least = "penny" if is_money(comparison.unit) else "millionth"
    return (
        "Change: what each cause adds when all are applied to OLD one after another, in this order. It is calculated "
        f"without rounding and shown to the nearest {least}; rounding is the rest, so the causes add up exactly. "
        "Alone: the effect of applying only this cause (not for rounding and figures changed by hand). "
        "Interaction: Change − Alone."
    )


def _rows_text(comparison: ComparedResults) -> str:
    """Return the sentence on how many rows differ and by how much.

    It names the first that applies: no difference; changes beyond the tolerance and rows in one result only, with the
    largest gain and loss; changes within the tolerance; differences in other figures only.
    """
    unit, rows = comparison.unit, counted(comparison.row_count, "row")
    if comparison.same:
        return f"No differences: {'the row has' if comparison.row_count == 1 else f'all {rows} have'} the same figures."
    moved = comparison.moved
    sides = {status: comparison.with_status(status) for status in ("added", "removed")}
    counts = []
    if moved:
        alone = sum(map(len, sides.values()))
        both = f"{comparison.row_count - alone:,} rows in both results" if alone else rows
        counts.append(f"{len(moved):,} of {both} {_differ(len(moved))}")
    counts += [f"{counted(len(changes), 'row')} {status}" for status, changes in sides.items() if changes]
    if counts:
        changes = (*moved, *sides["added"], *sides["removed"])
        parts = [f"{', '.join(counts)}: {exact_change(total(change.change for change in changes), unit)} in total"]
        for word, sign in (("gain", 1), ("loss", -1)):
            largest = next((change for change in moved if change.change * sign > 0), None)
            if largest:
                parts.append(f"largest {word} {exact_change(largest.change, unit)} ({largest.code}, {largest.year})")
        return f"{'; '.join(parts)}."
    if count := len(comparison.within_tolerance):
        most = exact_money(comparison.tolerance, unit)
        return f"{count:,} of {rows} {_differ(count)}, none by more than {most}."
    count, label = len(comparison.changed_elsewhere), inside(comparison.new.answer_label)
    same = f"{'The row has' if comparison.row_count == 1 else f'All {rows} have'} the same {label}"
    return f"{same}; {count:,} {_differ(count)} in other figures."


def _differ(number: int) -> str:
    return "differs" if number == 1 else "differ"


def _limit_text(comparison: ComparedResults) -> str:
    """Return the sentence on how many rows change by more than the limit; an empty text if there is no limit."""
    if comparison.limit is None:
        return ""
    failing = len(comparison.failing)
    rows = f"{counted(failing, 'row')} {'changes' if failing == 1 else 'change'}" if failing else "No row changes"
    return f"{rows} by more than {comparison.limit}."


def _rules_text(comparison: ComparedResults) -> str:
    """Return a sentence on rules that differ although no figure does; else an empty text."""
    if not comparison.same:
        return ""
    kinds = [difference.kind for difference in merged_across_years(comparison.differences)]
    nouns_and_verbs = [(kind, *kind.split()) for kind in _RULE if kind in kinds]
    counts = [f"{counted(kinds.count(kind), noun)} {verb}" for kind, noun, verb in nouns_and_verbs]
    return f"The rules differ: {joined(counts)}." if counts else ""


def side_facts(side: Side) -> list[str]:
    """Return texts on one of the two results: its name, scheme and digest, number of rows, answer and version."""
    record = side.record
    facts = [side.name]
    if record.scheme:
        parts = [record.scheme.formula, record.scheme.transition]
        rule = f"{record.scheme.name} ({', '.join(part for part in parts if part) or 'own steps'})"
        facts.append(f"scheme {rule}, digest {record.scheme.digest[:12]}")
    else:
        facts.append("a table without its scheme")
    facts.append(counted(record.rows.height, "row"))
    label = "" if is_label_redundant(record.answer, side.answer_label) else f" ({inside(side.answer_label)})"
    facts.append(f"result compared: {record.answer}{label}{'' if record.scheme else f', {side.answer_from}'}")
    if record.manifest:
        facts.append(f"gpit {record.manifest['gpit']}")
    return facts


def cause_name(cause: Cause) -> str:
    """Return the name of a cause in a list: `transition_fund`, `rounding`."""
    return cause.symbol or inside(cause.label)


def cause_detail(cause: Cause) -> str:
    """Return what a cause changed, and why its effect alone is missing; an empty text if there is nothing to say."""
    alone = f"its effect alone cannot be calculated: {cause.no_alone}" if cause.no_alone else ""
    return "; ".join(part for part in (cause.detail, alone) if part)


def merged_across_years(differences: Sequence[RuleDifference]) -> list[RuleDifference]:
    """Return the differences, with those that are the same except for their year merged into one."""
    groups: dict[RuleDifference, list[str]] = {}
    for difference in differences:
        groups.setdefault(replace(difference, year=""), []).append(difference.year)
    return [replace(difference, year=joined(years)) for difference, years in groups.items()]


def is_label_redundant(name: str, label: str) -> bool:
    """Return whether a label only repeats a name."""
    return label.casefold() == name.replace("_", " ").casefold()
