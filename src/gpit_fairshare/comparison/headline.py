"""The sentences of a comparison: whether two results differ and by how much, and how causes are separated."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from gpit_fairshare.comparison.model import (
    Cause,
    ComparedResults,
    OutcomeChange,
    RuleDifference,
    Side,
    percent,
    quantum,
    total,
)
from gpit_fairshare.comparison.movement import MovedMoney, common_years, is_additive, movement
from gpit_fairshare.numbers import exact_change, exact_money, percent_change, rounded_to
from gpit_fairshare.words import counted, inside, is_money, joined, listed, sentence

if TYPE_CHECKING:
    from collections.abc import Sequence
    from decimal import Decimal


QUOTED: Final = "Illustrative, do not quote"
"""The start of the sentences about inputs that are marked illustrative."""

NEW_FINDING: Final = "new finding"
_RULE: Final = (
    *("formula changed", "step added", "step removed", "unit changed"),
    "table changed",
    *("parameter changed", "parameter added", "parameter removed", "check changed", "check added", "check removed"),
    *("outcome changed", "outcome added", "outcome removed"),
)
"""Kinds of differences between two rules that are counted, each a noun and what happened."""
_YEARS: Final = 3
"""Most years that each have a sentence of their own."""


def headline(comparison: ComparedResults) -> str:
    """Return the sentences of `headline_parts` as one text."""
    return " ".join(headline_parts(comparison))


def headline_parts(comparison: ComparedResults) -> list[str]:
    """Return the first sentences of a comparison: how much changes and how much moves between organisations, by year.

    With a limit, they also say how many rows exceed it; if no figure differs, they say which parts of the rules do.
    """
    parts = [*_answer_texts(comparison), _limit_text(comparison), _rules_text(comparison)]
    return [part for part in parts if part]


def method(comparison: ComparedResults) -> str:
    """Return the sentences that explain how causes are separated, and what their figures mean."""
    least = "penny" if is_money(comparison.unit) else "millionth"
    moves = "Moves: what it takes from some organisations and gives to others in the same year. "
    return (
        "Change: what each cause adds when all are applied to OLD one after another, in this order. It is calculated "
        f"without rounding and shown to the nearest {least}; rounding is the rest, so the causes add up exactly. "
        f"{moves if is_additive(comparison.unit) else ''}"
        "Alone: the effect of applying only this cause (not for rounding and figures changed by hand). "
        "Interaction: Change − Alone."
    )


def _answer_texts(comparison: ComparedResults) -> list[str]:
    """Return the sentences on what differs: the answers, or else other figures, or nothing."""
    rows = counted(comparison.row_count, "row")
    if comparison.same:
        return [
            f"No differences: {'the row has' if comparison.row_count == 1 else f'all {rows} have'} the same figures."
        ]
    if comparison.moved or any(comparison.with_status(status) for status in ("added", "removed")):
        return _movement_texts(comparison) if is_additive(comparison.unit) else [_rates_text(comparison)]
    if count := len(comparison.within_tolerance):
        most = exact_money(comparison.tolerance, comparison.unit)
        return [f"{count:,} of {rows} {_differ(count)}, none by more than {most}."]
    count, label = len(comparison.changed_elsewhere), inside(comparison.new.answer_label)
    same = f"{'The row has' if comparison.row_count == 1 else f'All {rows} have'} the same {label}"
    return [f"{same}; {count:,} {_differ(count)} in other figures."]


def _movement_texts(comparison: ComparedResults) -> list[str]:
    """Return the sentences on the change of the total and the money that moves, for each year or for all together."""
    years = common_years(comparison)
    sentences = {year: _movement_text(comparison, movement(comparison, [year])) for year in years}
    if len(comparison.years) == 1:
        texts = [sentence(sentences[years[0]])]
    elif len(years) > 1 and len(set(sentences.values())) == 1:
        texts = [f"In each of the {len(years)} years, {sentences[years[0]]}"]
    elif len(years) <= _YEARS:
        texts = [f"{year}: {text}" for year, text in sentences.items()]
    else:
        changed = sum(text != UNCHANGED for text in sentences.values())
        texts = [f"Over {len(years)} years, {_movement_text(comparison, movement(comparison, years), several=True)}"]
        texts += [f"{changed} of the years change."] if changed < len(years) else []
    return [*texts, *_one_sided_texts(comparison, years)]


UNCHANGED: Final = "nothing changes."


def _movement_text(comparison: ComparedResults, moves: MovedMoney, *, several: bool = False) -> str:
    """Return what changes in a year, or in several together: the total, and what moves between organisations.

    In several years together, the text says that what moves is counted year by year: later years do not undo it.
    """
    if not moves.affected:
        return UNCHANGED
    noun, change = comparison.organisation, moves.change
    new_total, moving = _amount(comparison, moves.new), _with_share(comparison, moves.moved, moves.old)
    between = f"between {counted(moves.affected, noun)}"
    if not rounded_to(change, quantum(comparison.unit)):
        least = "" if not change else f" to the {'penny' if is_money(comparison.unit) else 'millionth'}"
        still = f"the total is unchanged{least} at {new_total}"
        if not moves.moved:
            return f"{_who_text(moves, noun)}; {still}."
        counting = ", counted year by year" if several else ""
        return f"{moving} {_moves(comparison)} {between}{counting}; {still}."
    direction = "rises" if change > 0 else "falls"
    rise = f"the total {direction} by {_with_share(comparison, change.copy_abs(), moves.old)} to {new_total}"
    if moves.moved and several:
        return f"{rise}; counted year by year, {moving} {_moves(comparison)} {between}."
    if moves.moved:
        return f"{rise}, and a further {moving} {_moves(comparison)} {between}."
    return f"{rise}; {_who_text(moves, noun)}."


def _moves(comparison: ComparedResults) -> str:
    return "moves" if is_money(comparison.unit) else "move"


def _who_text(moves: MovedMoney, noun: str) -> str:
    """Return how many organisations gain and lose: `all 211 CCGs gain`, `1 of 17 ICBs loses and none gains`."""
    every = moves.organisations
    if moves.gain and moves.lose:
        return f"{moves.gain:,} of {counted(every, noun)} gain in some years, and {moves.lose:,} lose"
    count, verb, other = (moves.gain, "gain", "loses") if moves.gain else (moves.lose, "lose", "gains")
    if count == every:
        return f"all {counted(every, noun)} {verb}" if every > 1 else f"its only {noun} {verb}s"
    return f"{count:,} of {counted(every, noun)} {verb if count > 1 else f'{verb}s'} and none {other}"


def _amount(comparison: ComparedResults, amount: Decimal) -> str:
    """Return an amount to the penny; one that is smaller than a penny is written with its first digits."""
    text = exact_money(amount, comparison.unit)
    return text if is_money(comparison.unit) else f"{text} {comparison.unit}"


def _with_share(comparison: ComparedResults, amount: Decimal, of_total: Decimal) -> str:
    """Return an amount with its share of the old total in brackets, if that is not 0: `£820,799 (0.5%)`."""
    text, share = _amount(comparison, amount), percent(amount, of_total)
    return text if share is None else f"{text} ({percent_change(share).lstrip('+')})"


def _one_sided_texts(comparison: ComparedResults, years: Sequence[str]) -> list[str]:
    """Return the sentences on organisations, and on years, that only one result has, with their amounts."""
    texts = []
    for status, word in (("added", "new"), ("removed", "old")):
        rows = [change for change in comparison.changes if change.status == status]
        own = [change for change in rows if change.year in years]
        if own:
            amount = _amount(comparison, total(change.size for change in own))
            codes = counted(len({change.code for change in own}), comparison.organisation)
            texts.append(f"Only in the {word} result: {codes} with {amount}.")
        own_years = [
            year for year in comparison.years if year.year not in years and getattr(year, f"organisations_{word}")
        ]
        if own_years:
            amount = _amount(comparison, total(getattr(year, word) for year in own_years))
            texts.append(f"Only the {word} result has {listed([year.year for year in own_years], 3)}, with {amount}.")
    return texts


def _rates_text(comparison: ComparedResults) -> str:
    """Return the sentence on answers that cannot be added up: how many rise and fall, and the largest of each."""
    moved, unit = comparison.moved, comparison.unit
    sides = {status: comparison.with_status(status) for status in ("added", "removed")}
    both = comparison.row_count - sum(map(len, sides.values()))
    counts = [f"{len(moved):,} of {counted(both, 'row')} {_differ(len(moved))}"] if moved else []
    counts += [
        f"{counted(len(changes), 'row')} only in the {word} result"
        for word, changes in (("new", sides["added"]), ("old", sides["removed"]))
        if changes
    ]
    parts = [", ".join(counts)]
    for word, sign in (("rise", 1), ("fall", -1)):
        rows = [change for change in moved if change.change * sign > 0]
        if rows:
            largest = f"{exact_change(rows[0].change, unit)} ({rows[0].code}, {rows[0].year})"
            verb = word if len(rows) > 1 else f"{word}s"
            parts.append(f"{len(rows):,} {verb}, at most by {largest}")
    return f"{'; '.join(parts)}."


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


def short_facts(side: Side) -> list[str]:
    """Return the name of a result and what is compared in it, without digest and version."""
    record = side.record
    if record.scheme:
        label = inside(side.answer_label)
        return [side.name, f"{counted(record.rows.height, 'row')} of {label}"]
    return side_facts(side)


def cause_name(cause: Cause) -> str:
    """Return the name of a cause in a list: `transition_fund`, `rounding`."""
    return cause.symbol or inside(cause.label)


def cause_detail(cause: Cause) -> str:
    """Return what a cause changed, and why its effect alone is missing; an empty text if there is nothing to say."""
    alone = f"its effect alone cannot be calculated: {cause.no_alone}" if cause.no_alone else ""
    return "; ".join(part for part in (cause.detail, alone) if part)


def cause_text(cause: Cause) -> str:
    """Return a cause in plain words: its label, its name in formulas, and what was changed."""
    name = f" ({cause.symbol})" if cause.symbol and not is_label_redundant(cause.symbol, cause.label) else ""
    detail = cause_detail(cause) if cause.kind != "rounding" else ""
    return f"{sentence(cause.label)}{name}{f': {detail}' if detail else ''}"


def outcome_text(change: OutcomeChange, noun: str) -> str:
    """Return how many organisations have another outcome: `3 ICBs move from gains to at the floor`."""
    verb = "moves" if change.count == 1 else "move"
    return f"{counted(change.count, noun)} {verb} from {change.old} to {change.new}"


def merged_across_years(differences: Sequence[RuleDifference]) -> list[RuleDifference]:
    """Return the differences, with those that are the same except for their year merged into one."""
    groups: dict[RuleDifference, list[str]] = {}
    for difference in differences:
        groups.setdefault(replace(difference, year=""), []).append(difference.year)
    return [replace(difference, year=joined(years)) for difference, years in groups.items()]


def is_label_redundant(name: str, label: str) -> bool:
    """Return whether a label only repeats a name."""
    return label.casefold() == name.replace("_", " ").casefold()
