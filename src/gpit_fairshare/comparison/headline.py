"""The sentences of a comparison: whether two results differ and by how much, and how causes are told apart."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gpit_fairshare.comparison.shown import alike
from gpit_fairshare.comparison.words import figure, signed, total
from gpit_fairshare.words import counted, is_money, joined

if TYPE_CHECKING:
    from gpit_fairshare.comparison.model import Change, Comparison

QUOTED: Final = "Illustrative inputs: no figure that rests on them may be quoted"
"""Heading of the sentences about inputs that call themselves illustrative."""

_RULE: Final = tuple(
    (f"{noun} {verb}", noun, verb)
    for noun, verbs in {
        "formula": ("changed",),
        "step": ("added", "removed"),
        "unit": ("changed",),
        "parameter": ("changed", "added", "removed"),
        "check": ("changed", "added", "removed"),
    }.items()
    for verb in verbs
)
"""Kinds of differences between two rules that are counted: in the document, as a noun and as what happened."""


def headline(comparison: Comparison) -> str:
    """Return one sentence or two: same or not, how many rows, how much in all, the largest gain and loss."""
    return " ".join(part for part in (_rows(comparison), _limit(comparison), _rule(comparison)) if part)


def method(comparison: Comparison) -> str:
    """Return how causes are told apart, and what their figures mean."""
    least = "penny" if is_money(comparison.unit) else "millionth"
    return (
        "One after another, in this order, each on top of those before it, starting from OLD and worked out without "
        f"rounding; each contribution is rounded to the nearest {least}, and rounding takes the rest, so that the "
        "causes add up exactly. Alone: only that cause changed from OLD; rounding and what was typed over are nothing "
        "alone (–). Interaction: contribution less alone."
    )


def _rows(comparison: Comparison) -> str:
    unit, rows = comparison.unit, counted(comparison.height, "row")
    if comparison.same:
        return f"The same: {'the row agrees' if comparison.height == 1 else f'all {rows} agree'} in every figure."
    moved, within, others = comparison.moved, comparison.within, comparison.others
    sides = {status: comparison.only(status) for status in ("added", "removed")}
    said = []
    if moved:
        verb = "differs" if len(moved) == 1 else "differ"
        alone = sum(len(there) for there in sides.values())
        both = f"{comparison.height - alone:,} rows that both have" if alone else rows
        said.append(f"{len(moved):,} of {both} {verb}")
    said += [f"{counted(len(there), 'row')} {status}" for status, there in sides.items() if there]
    if said:
        changes = [*moved, *sides["added"], *sides["removed"]]
        told = f"{', '.join(said)}: {signed(total(one.change for one in changes), unit)} in all"
        told += _extreme("gain", [one for one in moved if one.change > 0], unit)
        told += _extreme("loss", [one for one in moved if one.change < 0], unit)
        return f"{told}."
    if within:
        verb = "differs" if len(within) == 1 else "differ"
        most = figure(comparison.tolerance, unit)
        return f"The same but for {most}: {len(within):,} of {rows} {verb}, none by more."
    verb = "differs" if len(others) == 1 else "differ"
    return f"The answers are the same; {len(others):,} of {rows} {verb} in other figures."


def _extreme(word: str, changes: list[Change], unit: str | None) -> str:
    if not changes:
        return ""
    one = changes[0]
    return f"; largest {word} {signed(one.change, unit)} ({one.code}, {one.year})"


def _limit(comparison: Comparison) -> str:
    if comparison.limit is None:
        return ""
    beyond = len(comparison.beyond)
    return f"{'None' if not beyond else f'{beyond:,}'} beyond {comparison.limit}."


def _rule(comparison: Comparison) -> str:
    """Say that the rule differs where no figure does: that is what a tidied formula should come to."""
    if not comparison.same:
        return ""
    whats = [one.what for one in alike(comparison.differences)]
    kinds = [f"{counted(whats.count(what), noun)} {verb}" for what, noun, verb in _RULE if what in whats]
    return f"The definition differs: {joined(kinds)}." if kinds else ""
