"""The figures of one organisation in sentences, and as a ladder from what it had before to what it gets.

Both are made from labels, outcomes and steps of the rule. What a rule or the inputs do not have is left out.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from gpit_fairshare.engine.measures import NO_CHANGE, fair_share_rate
from gpit_fairshare.engine.organisation_years import opening_label, organisation_years, predecessors
from gpit_fairshare.explanation.model import Rung
from gpit_fairshare.language import tree
from gpit_fairshare.language.kinds import ORGANISATION
from gpit_fairshare.numbers import (
    PENNY,
    exact,
    exact_change,
    exact_money,
    in_sentence,
    rounded_to,
    visible_percentage,
    visible_rate,
    with_unit,
)
from gpit_fairshare.scheme.money import FAIR_SHARE
from gpit_fairshare.scheme.outcomes import COMPARED_WITH_SPEND, clause_with_figures
from gpit_fairshare.words import inside, is_money, sentence

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from gpit_fairshare.engine import Result
    from gpit_fairshare.engine.organisation_years import OrganisationYear

_ANSWER: Final = "allocation"
"""Name of a result that an organisation gets; a result with another name may be a target or an index."""
_HALF_A_PENNY: Final = 0.005
_POUND: Final = Decimal(1)
_REPEATING: Final = frozenset(label for label, _ in COMPARED_WITH_SPEND)
"""Outcomes that say no more than the comparison in the first sentence."""


def year_summaries(result: Result, year: str) -> dict[str, YearSummary]:
    """Return the summary of every organisation of a year, by code; all are looked up at once, which is quick."""
    before, figures = predecessors(result, year), result.years[year].organisations.iter_rows(named=True)
    return {
        row.code: YearSummary(result, year, row, values, before.get(row.code, ()))
        for row, values in zip(organisation_years(result, year), figures, strict=True)
    }


class YearSummary:
    """The sentences and the ladder of one organisation in one year."""

    def __init__(
        self,
        result: Result,
        year: str,
        row: OrganisationYear,
        figures: Mapping[str, Any],
        before: Sequence[str],
    ) -> None:
        """Take a run, a year and the organisation; see `year_summaries`.

        Args:
            result: The run.
            year: The year.
            row: The organisation's main figures of the year.
            figures: All its inputs and steps of the year, by name.
            before: Codes whose results of the year before are the opening baseline; empty in the first year.
        """
        self.result, self.scheme, self.year, self.row, self.figures = result, result.scheme, year, row, figures
        symbol = self.scheme.symbols.get(FAIR_SHARE)
        is_target = bool(symbol and symbol.role == "step" and symbol.unit == "£" and self.scheme.result != FAIR_SHARE)
        self.fair_share = self.row.fair_share if is_target else None
        """None if the rule has no fair share in £, or the fair share is the result itself."""
        unit = self.scheme.symbols[self.scheme.result].unit
        self.unit = "£" if is_money(unit) else unit
        self.pence = not self.row.allocation.is_integer()
        self.predecessors = tuple(before)
        self.rate = ""
        """The sentence on the rate of fair shares; empty if there is none."""
        if rated := fair_share_rate(self.scheme):
            (rate,), label = result.years[year].rate[rated[0]], rated[1]
            self.rate = f"The {inside(label)} is {visible_rate(float(rate))}." if rate is not None else ""

    # Sentences

    def sentences(self) -> tuple[str, ...]:
        """Return the sentences: what it gets and how much more or less that is, then its fair share and the outcome."""
        return (self._first_sentence(), *self._other_sentences())

    def _first_sentence(self) -> str:
        """Return what the organisation gets, compared with what it had before."""
        name = " ".join((self.row.name or self.row.code).split())
        unit = self.scheme.symbols[self.scheme.result].unit  # without a unit it has no £, here and on the screen
        amount = with_unit(in_sentence(self.row.allocation, unit, pence=self.pence), unit)
        indicative = " (indicative)" if self.scheme.certainty(self.year) == "indicative" else ""
        if self.scheme.result == _ANSWER and self.unit == "£":
            return f"{name} gets {amount} in {self.year}{indicative}{self._comparison()}."
        label = inside(self._label(self.scheme.result).partition(", ")[0])
        return f"In {self.year}{indicative} the {label} of {name} is {amount}{self._comparison()}."

    def _comparison(self) -> str:
        """Return a clause that compares the result with the opening baseline; empty if there is none."""
        row = self.row
        if row.opening is None or row.change is None:
            return ""
        before = self._year_before() or self._before()
        if abs(row.change) < NO_CHANGE:
            return f", the same as {before}" if abs(row.change) < _HALF_A_PENNY else f", within £1 of {before}"
        ratio = row.change_ratio
        size = in_sentence(abs(row.change), "£", pence=self.pence)
        share = f" ({visible_percentage(abs(ratio))})" if ratio is not None else ""
        of_nothing = " of £0" if row.opening == 0 else ""
        return f", {size}{share} {'more' if row.change > 0 else 'less'} than {before}{of_nothing}"

    def _before(self) -> str:
        """Return what the opening baseline is: `its historic spend`, `its 2014/15 allocation`."""
        years = list(self.result.years)
        index = years.index(self.year)
        if index == 0:
            return f"its {inside(' '.join(opening_label(self.result, self.year).split()))}"
        label = inside(self._label(self.scheme.result))
        if self._year_before():
            return f"its {years[index - 1]} {label}"
        noun = "its predecessor" if len(self.predecessors) == 1 else "its predecessors"
        return f"the {years[index - 1]} {label} of {noun}"

    def _year_before(self) -> str:
        """Return `in 2014/15` if the opening baseline is this organisation's own result of that year; else ""."""
        years = list(self.result.years)
        return f"in {years[years.index(self.year) - 1]}" if self.predecessors == (self.row.code,) else ""

    def _other_sentences(self) -> Iterator[str]:
        """Yield the fair share and the clause of the outcome; an outcome without a clause by its label."""
        outcome = next((part for part in self.scheme.outcomes if part.label == self.row.outcome), None)
        clause = clause_with_figures(self.scheme, outcome, self.figures, self.year) if outcome else ""
        if self.fair_share is not None:
            label = inside(self._label(FAIR_SHARE))
            amount = in_sentence(self.fair_share, "£", pence=self.pence)
            text = f"Its {label} is {amount}{self._distance(self.fair_share)}"
            yield f"{text}; {clause}." if clause else f"{text}."
        elif clause:
            yield f"{sentence(clause)}."
        if outcome and not clause and outcome.label not in _REPEATING:
            yield f"Outcome: {outcome.label}."
        if self.rate:
            yield self.rate

    def _distance(self, fair_share: float) -> str:
        """Return how far the fair share is above or below the opening baseline; empty without one above 0.

        It is also empty if the fair share is the result: the first sentence then has the same comparison.
        """
        opening = self.row.opening
        if opening is None or opening <= 0 or abs(fair_share - self.row.allocation) < NO_CHANGE:
            return ""
        if abs(fair_share - opening) < NO_CHANGE:
            return f", the same as {self._before()}"
        ratio = fair_share / opening - 1
        return f", {visible_percentage(abs(ratio))} {'above' if ratio > 0 else 'below'} {self._before()}"

    def _label(self, name: str) -> str:
        """Return the label of a name on one line."""
        return " ".join(self.scheme.labels[name].split())

    # Ladder

    def ladder(self) -> tuple[Rung, ...]:
        """Return opening baseline, fair share and result, with the changes between them; empty if nothing changes.

        The changes add up: they are differences of the amounts as written, which have pence only if the result has.
        """
        if self.unit != "£":
            return ()
        amounts = [
            (opening_label(self.result, self.year), self.row.opening),
            (self._label(FAIR_SHARE) if self.fair_share is not None else "", self.fair_share),
            (self._label(self.scheme.result), self.row.allocation),
        ]
        present = [(label, self._to_write(amount)) for label, amount in amounts if amount is not None]
        rungs: list[Rung] = []
        for index, (label, amount) in enumerate(present):
            if rungs:
                rungs += self._changes(present[index - 1][1], amount, is_last=index == len(present) - 1)
            rungs.append(
                Rung(" ".join(label.split()), "amount", float(amount), 0.0, exact_money(amount, pence=self.pence))
            )
        return tuple(rungs) if any(rung.kind == "change" for rung in rungs) else ()

    def _changes(self, old: Decimal, new: Decimal, *, is_last: bool) -> Iterator[Rung]:
        """Yield the changes between two amounts; the last are the steps that the result adds, or one for the outcome.

        Steps are used only if they add up as written.
        """
        steps = [(self._label(name), sign * self._to_write(self.figures[name])) for name, sign in self._added_steps()]
        if not is_last:
            changes = [(f"To its {inside(self._label(FAIR_SHARE))}", new - old)]
        elif steps and self.fair_share is not None and sum(change for _, change in steps) == new - old:
            changes = steps
        else:
            outcome = "" if self.row.outcome in _REPEATING else self.row.outcome
            changes = [(self._change_label(outcome), new - old)] if new != old else []
        start = old
        for label, change in changes:
            yield Rung(label, "change", float(change), float(start), exact_change(change, pence=self.pence))
            start += change

    def _change_label(self, outcome: str) -> str:
        """Return the label of the last change: the transition, if there is one, and the outcome."""
        if self.scheme.transition:
            return f"Transition: {outcome}" if outcome else "Transition"
        return sentence(outcome) or "Other steps"

    def _to_write(self, amount: float) -> Decimal:
        """Return an amount rounded as it is written: to whole pounds, or to pence if the result has pence."""
        return rounded_to(exact(amount), PENNY if self.pence else _POUND)

    def _added_steps(self) -> Sequence[tuple[str, int]]:
        """Return the steps that the result adds to or takes from the fair share, each with 1 or -1.

        Empty if the result is not a plain sum of the fair share and other steps in £.
        """
        answer = next(step for step in self.scheme.steps if step.name == self.scheme.result)
        terms = [*_terms(answer.tree, 1)]
        symbols = self.scheme.symbols
        is_plain = all(
            name and symbols[name].role == "step" and (symbols[name].kind, symbols[name].unit) == (ORGANISATION, "£")
            for name, _ in terms
        )
        others = [(name, sign) for name, sign in terms if name != FAIR_SHARE]
        return others if is_plain and (FAIR_SHARE, 1) in terms and len(others) == len(terms) - 1 else []


def _terms(expression: tree.Expression, sign: int) -> Iterator[tuple[str, int]]:
    """Yield the name and sign of each term of a sum; an empty name for a term that is not a name."""
    match expression:
        case tree.Name(name):
            yield name, sign
        case tree.BinaryOperation("+" | "-" as operator, left, right):
            yield from _terms(left, sign)
            yield from _terms(right, sign if operator == "+" else -sign)
        case _:
            yield "", sign
