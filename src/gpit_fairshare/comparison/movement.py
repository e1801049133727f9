"""How much money moves between organisations, who gains and loses most, and whose outcome of the rule changes.

Money that moves is the smaller of two sums: all that organisations gain, and all that others lose. The change of the
total is the difference of the two. If the total is unchanged, the money that moves is half the sum of all changes. An
organisation in only one result counts as 0 in the other. Years are never set off against each other: the money that
moves in several years is the sum of that of each year.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import polars as pl

from gpit_fairshare.comparison.model import NOTHING, OutcomeChange, less, percent, total
from gpit_fairshare.numbers import exact
from gpit_fairshare.words import is_money

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from decimal import Decimal

    from gpit_fairshare.comparison.model import Cause, ComparedResults, Key, Side
    from gpit_fairshare.results.model import Record


def is_additive(unit: str | None) -> bool:
    """Return whether amounts of different organisations in this unit can be added: pounds and people, but no rates."""
    return is_money(unit) or unit == "people"


def moved_amount(amounts: Mapping[Key, Decimal]) -> Decimal:
    """Return how much moves between organisations in changes by year and code, in their unit."""
    years: dict[str, list[Decimal]] = {}
    for (year, _), amount in amounts.items():
        years.setdefault(year, []).append(amount)
    return total(
        min(total(amount for amount in changes if amount > 0), -total(amount for amount in changes if amount < 0))
        for changes in years.values()
    )


def moved_by_cause(cause: Cause, year: str = "") -> Decimal:
    """Return how much one cause moves between organisations, in all years or in one, in the unit of the answer."""
    return moved_amount({key: amount for key, amount in cause.amounts.items() if year in ("", key[0])})


@dataclass(frozen=True, slots=True)
class MovedMoney:
    """How the answers of some years change; amounts are in the unit of the answer."""

    old: Decimal
    """Total of the old result."""
    new: Decimal
    moved: Decimal
    """What moves between organisations."""
    gain: int
    """Organisations that gain in any of the years."""
    lose: int
    affected: int
    """Organisations whose answer changes in any of the years."""
    organisations: int
    """Organisations of either result."""

    @property
    def change(self) -> Decimal:
        """Return the new total less the old one."""
        return less(self.new, self.old)


def movement(comparison: ComparedResults, years: Sequence[str]) -> MovedMoney:
    """Return how the answers of some years change, all together."""
    changes = {change.key: change.change for year in years for change in comparison.changes_by_year.get(year, ())}
    gain, lose = ({code for (_, code), change in changes.items() if sign * change > 0} for sign in (1, -1))
    totals = [year for year in comparison.years if year.year in years]
    sides = (comparison.old, comparison.new)
    codes = pl.concat([side.record.rows.filter(pl.col("year").is_in([*years]))["org_code"] for side in sides])
    return MovedMoney(
        old=total(year.old for year in totals),
        new=total(year.new for year in totals),
        moved=moved_amount(changes),
        gain=len(gain),
        lose=len(lose),
        affected=len(gain | lose),
        organisations=codes.n_unique(),
    )


def common_years(comparison: ComparedResults) -> list[str]:
    """Return the years that both results have, in order."""
    return [year.year for year in comparison.years if year.organisations_old and year.organisations_new]


@dataclass(frozen=True, slots=True)
class OrganisationChange:
    """One organisation, or several, over the years that both results have; amounts are in the unit of the answer."""

    code: str
    """Empty for several organisations."""
    name: str
    old: Decimal
    new: Decimal
    only_in: str = ""
    """`old` or `new` if only that result has the organisation."""

    @property
    def change(self) -> Decimal:
        """Return new less old."""
        return less(self.new, self.old)

    @property
    def percent(self) -> Decimal | None:
        """Return the change in per cent of the old amount; None if that is 0, or only one result has it."""
        return None if self.only_in else percent(self.change, self.old)


def organisation_changes(comparison: ComparedResults, of_years: Sequence[str] = ()) -> list[OrganisationChange]:
    """Return every organisation of either result by code; its answers of the common years, or of some, are added up."""
    years = set(of_years or common_years(comparison))
    old, new = (_answers_by_code(side.record, years) for side in (comparison.old, comparison.new))
    names: dict[str, str] = {}
    for side in (comparison.old, comparison.new):
        names.update(zip(side.record.rows["org_code"].to_list(), side.record.rows["org_name"].to_list(), strict=True))
    return [
        OrganisationChange(
            code=code,
            name=names[code] or "",
            old=old.get(code, NOTHING),
            new=new.get(code, NOTHING),
            only_in="old" if code not in new else "new" if code not in old else "",
        )
        for code in sorted(old.keys() | new.keys())
    ]


def _answers_by_code(record: Record, years: set[str]) -> dict[str, Decimal]:
    """Return the sum of the answers of some years by code; a missing answer counts as 0."""
    answers: dict[str, list[Decimal]] = {}
    for year, code, value in record.rows.select("year", "org_code", record.answer).iter_rows():
        if year in years:
            answers.setdefault(code, []).append(NOTHING if value is None else exact(value))
    return {code: total(amounts) for code, amounts in answers.items()}


@dataclass(frozen=True, slots=True)
class MostChanged:
    """The organisations with the largest changes in one direction, and the others in it."""

    largest: Sequence[OrganisationChange]
    others: Sequence[OrganisationChange]


def most_changed(organisations: Iterable[OrganisationChange], sign: int, top: int) -> MostChanged:
    """Return the organisations that gain (sign 1) or lose (sign -1), the largest change first.

    One organisation more than `top` is shown if it would be the only other one.
    """
    changed = sorted(
        (organisation for organisation in organisations if organisation.change * sign > 0),
        key=lambda organisation: (-organisation.change * sign, organisation.code),
    )
    top += len(changed) == top + 1 and top > 0
    return MostChanged(changed[:top], changed[top:])


def together(organisations: Sequence[OrganisationChange], name: str) -> OrganisationChange:
    """Return several organisations as one, with their amounts added up."""
    old, new = (total(getattr(each, side) for each in organisations) for side in ("old", "new"))
    return OrganisationChange("", name, old, new)


_OUTCOMES: Final = "outcomes"


def states_outcomes(side: Side) -> bool:
    """Return whether a result's definition has outcomes; those of gpit 0.4.0 and before have none."""
    return _OUTCOMES in ((side.record.manifest or {}).get("definition") or {})


def outcome_changes(old: Side, new: Side) -> tuple[OutcomeChange, ...]:
    """Return how many organisations of both results have another outcome, by year, the most frequent change first.

    It is empty if a result has no outcomes. Organisations whose answer was changed by hand are left out: their outcome
    would be that of another amount.
    """
    if old.result is None or new.result is None or not (states_outcomes(old) and states_outcomes(new)):
        return ()
    edited = {
        (figure.year, code)
        for side in (old, new)
        for figure in side.off_rule
        if figure.name == side.record.answer
        for code in figure.codes
    }
    changes = []
    for year in sorted(old.result.years.keys() & new.result.years.keys()):
        before, after = (
            dict(zip(result.years[year].codes(), result.years[year].outcomes, strict=False))
            for result in (old.result, new.result)
        )
        pairs = Counter(
            (label, after[code])
            for code, label in before.items()
            if label and after.get(code, label) not in ("", label) and (year, code) not in edited
        )
        changes += [OutcomeChange(year, *labels, count) for labels, count in sorted(pairs.items(), key=_by_frequency)]
    return tuple(changes)


def _by_frequency(pair: tuple[tuple[str, str], int]) -> tuple[int, tuple[str, str]]:
    """Return the key that sorts pairs of labels: the most frequent first, then by label."""
    labels, count = pair
    return -count, labels
