"""The sentences of a comparison: whether two results differ and by how much, and how causes are told apart."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from gpit_fairshare.comparison.model import Cause, ComparedResults, RuleDifference, Side, total
from gpit_fairshare.numbers import exact_change, exact_money
from gpit_fairshare.words import counted, inside, is_money, joined

if TYPE_CHECKING:
    from collections.abc import Sequence


QUOTED: Final = "Illustrative inputs: no figure that rests on them may be quoted"
"""Heading of the sentences about inputs that call themselves illustrative."""

NEW_FINDING: Final = "new finding"
_RULE: Final = (
    *("formula changed", "step added", "step removed", "unit changed"),
    *("parameter changed", "parameter added", "parameter removed", "check changed", "check added", "check removed"),
)
"""Kinds of differences between two rules that are counted, each a noun and what happened."""


def headline(comparison: ComparedResults) -> str:
    """Return one sentence or two: same or not, how many rows, how much in all, the largest gain and loss."""
    return " ".join(part for part in (_rows(comparison), _limit(comparison), _rule(comparison)) if part)


def method(comparison: ComparedResults) -> str:
    """Return how causes are told apart, and what their figures mean."""
    least = "penny" if is_money(comparison.unit) else "millionth"
    return (
        "One after another, in this order, each on top of those before it, starting from OLD and worked out without "
        f"rounding; each contribution is rounded to the nearest {least}, and rounding takes the rest, so that the "
        "causes add up exactly. Alone: only that cause changed from OLD; rounding and what was typed over are nothing "
        "alone (–). Interaction: contribution less alone."
    )


def _rows(comparison: ComparedResults) -> str:
    unit, rows = comparison.unit, counted(comparison.height, "row")
    if comparison.same:
        return f"The same: {'the row agrees' if comparison.height == 1 else f'all {rows} agree'} in every figure."
    moved, within, others = comparison.moved, comparison.within, comparison.others
    sides = {status: comparison.only(status) for status in ("added", "removed")}
    said = []
    if moved:
        alone = sum(len(there) for there in sides.values())
        both = f"{comparison.height - alone:,} rows that both have" if alone else rows
        said.append(f"{len(moved):,} of {both} {_differ(len(moved))}")
    said += [f"{counted(len(there), 'row')} {status}" for status, there in sides.items() if there]
    if said:
        changes = [*moved, *sides["added"], *sides["removed"]]
        parts = [f"{', '.join(said)}: {exact_change(total(change.change for change in changes), unit)} in all"]
        for word, sign in (("gain", 1), ("loss", -1)):
            largest = next((change for change in moved if change.change * sign > 0), None)
            if largest:
                parts.append(f"largest {word} {exact_change(largest.change, unit)} ({largest.code}, {largest.year})")
        return f"{'; '.join(parts)}."
    if within:
        most = exact_money(comparison.tolerance, unit)
        return f"The same but for {most}: {len(within):,} of {rows} {_differ(len(within))}, none by more."
    return f"The answers are the same; {len(others):,} of {rows} {_differ(len(others))} in other figures."


def _differ(number: int) -> str:
    return "differs" if number == 1 else "differ"


def _limit(comparison: ComparedResults) -> str:
    if comparison.limit is None:
        return ""
    beyond = len(comparison.beyond)
    return f"{'None' if not beyond else f'{beyond:,}'} beyond {comparison.limit}."


def _rule(comparison: ComparedResults) -> str:
    """Say that the rule differs where no figure does: that is what a tidied formula should come to."""
    if not comparison.same:
        return ""
    whats = [one.what for one in alike(comparison.differences)]
    nouns_and_verbs = [(what, *what.split()) for what in _RULE if what in whats]
    kinds = [f"{counted(whats.count(what), noun)} {verb}" for what, noun, verb in nouns_and_verbs]
    return f"The definition differs: {joined(kinds)}." if kinds else ""


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
    label = "" if says_no_more(record.answer, side.answer_label) else f" ({inside(side.answer_label)})"
    said.append(f"answer {record.answer}{label}{', ' if side.answer_from else ''}{side.answer_from}")
    if record.manifest:
        said.append(f"gpit {record.manifest['gpit']}")
    return said


def cause_name(cause: Cause) -> str:
    """Return what a cause is called in a list: `transition_fund`, `rounding`."""
    return cause.of or inside(cause.label)


def cause_said(cause: Cause) -> str:
    """Return what was changed, and why there is no figure of what it does alone."""
    alone = f"alone it cannot be worked out: {cause.no_alone}" if cause.no_alone else ""
    return "; ".join(part for part in (cause.said, alone) if part)


def alike(differences: Sequence[RuleDifference]) -> list[RuleDifference]:
    """Return the differences, those that differ in their year alone put together."""
    found: dict[tuple[str, ...], list[RuleDifference]] = {}
    for one in differences:
        found.setdefault((one.what, one.name, one.old, one.new, one.note), []).append(one)
    return [replace(there[0], year=joined([one.year for one in there])) for there in found.values()]


def says_no_more(name: str, label: str) -> bool:
    """Say whether a label says no more than the name."""
    return label.casefold() == name.replace("_", " ").casefold()
