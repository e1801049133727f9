"""All figures of a run, section by section: what `gpit allocate --details` prints below its opening."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from gpit_fairshare.engine.measures import BASELINE, DIFFERENCE, SUPPORT, fair_share_rate
from gpit_fairshare.engine.sensitivity import outcome_in_words, value_tried
from gpit_fairshare.language.kinds import ORGANISATION
from gpit_fairshare.numbers import (
    decimals,
    money,
    or_dash,
    per_head,
    percentage,
    signed,
    whole,
)
from gpit_fairshare.reports import document
from gpit_fairshare.reports.document import Role, Tone
from gpit_fairshare.scheme.model import table_of
from gpit_fairshare.words import counted, inside, joined, listed, plural, sentence, span

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from gpit_fairshare.engine import Sensitivity
    from gpit_fairshare.engine.measures import MoneyAccount, MoneyLine, Movement, YearMeasures
    from gpit_fairshare.reports.allocation_opening import Opening

NEED: Final = "transition_need"
"""Step whose national total is shown if the scheme has it."""
_MOST_YEARS: Final = 4
_NAMED: Final = 5
"""Organisations named at either end of a list."""
_HALF_A_PENNY: Final = 0.005
_HALF_A_POUND: Final = 0.5
_LABEL: Final = 28
"""Width that the label column keeps before another year is added."""
MOST_PER_KIND: Final = 20
"""Findings of one kind that a screen shows; `--json` and files have all."""
_MOST_FINDINGS: Final = 100


class ResultReport:
    """The sections of the report of one run."""

    def __init__(self, opening: Opening) -> None:
        """Take the opening of the run, which has its measures; the sections leave out what it says."""
        self.opening = opening
        self.result = opening.result
        self.scheme = opening.scheme
        self.years = opening.years
        self.organisation = self.scheme.organisation
        self.in_money, self.write = opening.in_money, opening.write
        self.has_spend = any(year.baseline is not None for year in self.years)
        self.has_support = SUPPORT in self.scheme.symbols
        uses_spend = self.has_spend or BASELINE in self.scheme.symbols
        illustrative = self.result.inputs.illustrative_heading.lower()
        self.mark = f" (uses {illustrative})" if illustrative and uses_spend else ""
        """Ends the heading of every section that uses spend."""

    def blocks(self) -> Iterator[document.Block]:
        """Yield all sections in order; those about gains, losses and money per head only if the result is money."""
        yield from self.year_by_year()
        if self.write is money:
            yield from self.spread_per_head()
        if self.in_money:
            yield from self.below_spend()
            yield from self.movements()
        yield from self.assumptions()
        yield self.findings()
        yield from self.failed_checks()

    def label(self, name: str) -> str:
        """Return the scheme's label of a step or column; without one, its name in words."""
        return self.scheme.labels.get(name, name.replace("_", " ").capitalize())

    # Figures year by year

    def year_by_year(self) -> Iterator[document.Block]:
        """Yield a table with one column for each year, split into several if there are many years.

        It has money, support and gains, or only lowest and highest if the result is not money. If rounding may explain
        a difference in the money, a line says by how much.
        """
        rows = (
            [*self._money_rows(), *self._support_rows(), *self._change_rows()] if self.in_money else self._other_rows()
        )
        names = [year.year for year in self.years]
        columns = [document.Column("", Role.TEXT, required_width=_LABEL), *map(document.Column, names)]
        yield document.Table(columns, rows, most=_MOST_YEARS)
        accounts = [year.money for year in self.years if year.money and year.money.is_balanced]
        if any(abs(account.difference or 0.0) >= _HALF_A_POUND for account in accounts):
            rounding = self.write(max(account.rounding for account in accounts))
            yield document.Paragraph(f"Rounding can change the difference by up to {rounding}.")

    def _row(self, label: str, values: Sequence[float | None], write: Callable[[float], str]) -> document.Row:
        """Return a row of a label and a value for each year, written by `write`; a dash for None."""
        return document.Row([label, *(or_dash(value, write) for value in values)])

    def _heading(self, label: str) -> document.Row:
        """Return a row that is the heading of the rows below it."""
        return document.Row([label, *("" for _ in self.years)], heading=True)

    def _money_rows(self) -> Iterator[document.Row]:
        """Yield the rows of money in, money taken away, money out and unspent; if money in is known, the difference."""
        accounts = [year.money for year in self.years if year.money]

        def lines(lines_of: Callable[[MoneyAccount], Sequence[MoneyLine]], ending: str = "") -> list[document.Row]:
            """Return a row for each line of the accounts, with its amount in each year.

            Args:
                lines_of: Returns the lines of an account.
                ending: Added to each label.
            """
            in_years = zip(*map(lines_of, accounts), strict=True)
            return [
                self._row(first.label + ending, [line.amount for line in (first, *others)], self.write)
                for first, *others in in_years
            ]

        money_in, taken_away = lines(lambda account: account.money_in), lines(lambda account: account.taken_away)
        unspent = lines(lambda account: account.unspent, ", unspent")
        yield from [self._heading("Money in"), *money_in] if money_in else []
        if len(money_in) > 1:
            sums = [math.fsum(line.amount for line in account.money_in) for account in accounts]
            yield self._row("Total in", sums, self.write)
        yield from [self._heading("Taken away"), *taken_away] if taken_away else []
        yield self._heading(f"Money out{' and unspent' if unspent else ''}{self.mark}")
        total = f"Total {inside(self.label(self.scheme.result))}"
        yield self._row(total, [account.out.amount for account in accounts], self.write)
        yield from unspent
        if money_in:
            yield self._row(DIFFERENCE, [account.difference for account in accounts], self.write)

    def _support_rows(self) -> Iterator[document.Row]:
        """Yield the rows of the need for transition support, the support given and how many get it.

        There are none for a scheme without a need and without support.
        """
        needs = self._needs()
        if needs or self.has_support:
            yield self._heading(f"{self.label(SUPPORT) if self.has_support else 'Need'}{self.mark}")
        if needs:
            yield self._row(self.label(NEED), needs, money)
        if not self.has_support:
            return
        support = [year.support for year in self.years]
        yield self._row("Support given", support, money)
        if needs:
            pairs = zip(support, needs, strict=True)
            shares = [amount / need if amount is not None and need > 0 else None for amount, need in pairs]
            yield self._row("Share of need paid", shares, percentage)
        supported = [year.supported for year in self.years]
        yield self._row(f"{sentence(plural(self.organisation))} that get support", supported, whole)

    def _needs(self) -> list[float]:
        """Return the national total of the need for each year; empty if there is no such step or a need is missing."""
        symbol = self.scheme.symbols.get(NEED)
        if symbol is None or symbol.kind != ORGANISATION or symbol.type != "number":
            return []
        columns = [year.organisations[NEED].to_list() for year in self.result.years.values()]
        return [] if any(None in column for column in columns) else [math.fsum(column) for column in columns]

    def _change_rows(self) -> Iterator[document.Row]:
        """Yield the rows of the baseline, of how many gain, lose and stay the same, and of the total of reductions.

        There are none if there is no spend; the last two are left out if no year has them.
        """
        if not self.has_spend:
            return
        many = sentence(plural(self.organisation))
        yield self._heading(f"Gains and losses{self.mark}")
        yield self._row(self.label(BASELINE), [year.baseline for year in self.years], money)
        yield self._row(f"{many} that gain", [year.gain for year in self.years], whole)
        yield self._row(f"{many} that lose", [year.lose for year in self.years], whole)
        same = [
            None if year.gain is None or year.lose is None else year.organisations - year.gain - year.lose
            for year in self.years
        ]
        if any(same):
            yield self._row(f"{many} with no change", same, whole)
        shortfalls = [year.shortfall.total if year.shortfall else None for year in self.years]
        if any(shortfall is not None for shortfall in shortfalls):
            yield self._row("Total of reductions", shortfalls, money)

    def _other_rows(self) -> list[document.Row]:
        """Return the lowest and the highest value of each year, for a result that is not money, such as a score."""
        symbol = self.scheme.symbols[self.scheme.result]
        columns = [year.organisations[symbol.name].to_list() for year in self.result.years.values()]
        return [
            self._heading(self.label(symbol.name)),
            self._row("Lowest", [min(column) for column in columns], self.write),
            self._row("Highest", [max(column) for column in columns], self.write),
        ]

    # Per head

    def spread_per_head(self) -> Iterator[document.Block]:
        """Yield a table of how much funding per head varies: one row before, one row after, for each year.

        If it is the same before in all years, one row is enough. Its columns are the lowest, the highest, the
        coefficient of variation and the Gini coefficient. Below is the fair share per head, if there is one rate.
        """
        before = [(f"{self.label(BASELINE)} {year.year}", year.before) for year in self.years if year.before]
        after = [(f"{self.label(self.scheme.result)} {year.year}", year.after) for year in self.years if year.after]
        if not after:
            return
        if len({spread for _, spread in before}) == 1:
            before = [(self.label(BASELINE), before[0][1])]
        rows = []
        for name, spread in (*before, *after):
            range_of_rates = map(per_head, (spread.lowest, spread.highest))
            rows.append(document.Row([name, *range_of_rates, decimals(spread.variation, 3), decimals(spread.gini, 3)]))
        heading = f"Spread of funding per head (population-weighted){self.mark}"
        yield document.Heading(heading.replace(") (", ", "))
        figures = [
            document.Column("Lowest", least=7),
            document.Column("Highest"),
            document.Column("Coefficient of variation"),
            document.Column("Gini", least=6),
        ]
        yield document.Table([document.Column("", Role.TEXT), *figures], rows)
        if rated := fair_share_rate(self.scheme):
            step, label = rated
            rates = [(year.year, fund.rate) for year in self.years for fund in year.funds if fund.step == step]
            texts = [f"{per_head(rate)} in {year}" for year, rate in rates if rate is not None]
            yield document.Paragraph(f"{label}: {joined(texts) or 'none'}.")

    def below_spend(self) -> Iterator[document.Block]:
        """Yield how many organisations have an allocation below spend in the last year, and a table of five.

        These are the largest amounts; the others are counted with their total. Nothing is yielded if the year has no
        comparison with spend.
        """
        last = self.years[-1]
        if last.shortfall is None:
            return
        reduced = last.shortfall.organisations
        spend = inside(self.label(BASELINE))
        organisations = counted(len(reduced), self.organisation) if reduced else "none"
        heading = f"{self.label(self.scheme.result)} below {spend} in {last.year}: {organisations}{self.mark}"
        yield document.Heading(heading)
        if not reduced:
            return
        rows = []
        for movement in reduced[:_NAMED]:
            below_per_head = or_dash(movement.per_head, lambda rate: per_head(-rate))
            rows.append(document.Row([movement.code, movement.name, money(-movement.change), below_per_head]))
        yield document.Table([*code_and_name(""), document.Column("Below by"), document.Column("Per head")], rows)
        if len(reduced) > _NAMED:
            amount = money(math.fsum(-movement.change for movement in reduced[_NAMED:]))
            yield document.Item(f"… and {len(reduced) - _NAMED:,} more, below by {amount} in total")

    def movements(self) -> Iterator[document.Block]:
        """Yield the largest changes per head of the first year and of the last, up and down."""
        tables = [_largest_changes(year) for year in (self.years[0], *self.years[1:][-1:])]
        if any(table.all_rows for table in tables):
            yield document.Heading(f"Largest gains and losses per head{self.mark}")
            yield document.Beside(tables)

    # Assumptions, findings and checks

    def assumptions(self) -> Iterator[document.Block]:
        """Yield each assumption by its number, with how the result changes if another value is tried.

        If no value was tried for it, the reason is given once.
        """
        assumptions = self.scheme.assumptions
        if not assumptions:
            return
        yield document.Heading(counted(len(assumptions), "assumption"))
        for assumption in assumptions:
            years = f" ({span(assumption.years, self.scheme.years)})" if assumption.years else ""
            number = f"{assumption.number}.".rjust(len(str(len(assumptions))) + 1)
            effects = [effect for effect in self.result.effects if effect.assumption == assumption.number]
            reasons = {effect.said for effect in effects if not value_tried(self.scheme, effect)}
            all_untried = len(reasons) == 1 and all(effect.said in reasons for effect in effects)
            text = reasons.pop() if all_untried else "; ".join(map(self._effect_sentence, effects))
            below = [document.Item(f"{sentence(text)}.")] if text else []
            yield document.Item(f"{assumption.about}{years}: {assumption.text}", f"{number} ", below=below)

    def _effect_sentence(self, effect: Sensitivity) -> str:
        """Return a phrase on how the result changes if another value is tried, or why that is not known."""
        value, outcome = value_tried(self.scheme, effect), outcome_in_words(self.scheme, effect)
        return f"at {value} (10% {'smaller' if effect.change < 0 else 'larger'}): {outcome}" if value else outcome

    def sources(self) -> Iterator[document.Block]:
        """Yield each publication that the scheme cites, once, with its address and the parameters that cite it."""
        cited_for: dict[tuple[str, str], dict[str, None]] = {}
        for source in self.scheme.sources:
            labels = cited_for.setdefault((str(source), source.url), {})
            for parameter in self.scheme.parameters.values():
                if any(value.source == source for value in parameter.values.values()):
                    labels[self.scheme.labels.get(table_of(parameter.name), parameter.label)] = None
        if cited_for:
            yield document.Heading("Sources")
        for (text, url), labels in cited_for.items():
            below = [document.Item(f"Cited for {joined([*labels])}.")] if labels else []
            below += [document.Item(document.Address(url))] if url else []
            yield document.Item(f"{text}.", below=below)

    def findings(self) -> document.Findings:
        """Return the findings of the run, except those that the opening shows."""
        return document.Findings(self.opening.other_findings, limit=_MOST_FINDINGS, most_per_kind=MOST_PER_KIND)

    def failed_checks(self) -> Iterator[document.Block]:
        """Yield each check that fails with its year, organisations and formula; nothing if all pass."""
        failing = [check for check in self.result.checks if not check.holds]
        if failing:
            yield document.Heading(sentence(self.opening.agreement()), Tone.BAD)
        for check in failing:
            text = f"FAIL in {check.year} ({listed(check.failing)}): {check.name}"
            yield document.Item(text, below=[document.Item(document.Code(check.formula))])


def code_and_name(heading: str) -> list[document.Column]:
    """Return the two columns of a table with the code and, under this heading, the name of organisations."""
    return [document.Column("", Role.CODE), document.Column(heading, Role.NAME)]


def _largest_changes(year: YearMeasures) -> document.Table:
    """Return a table of the five largest gains per head of a year, then its five largest losses.

    Changes below half a penny per head are left out.
    """

    def rows(movements: Iterable[Movement], direction: int) -> list[document.Row]:
        """Return a row for each movement up (`direction` 1) or down (-1) of half a penny per head or more."""
        return [
            document.Row([movement.code, movement.name, signed(movement.change), signed(movement.per_head, 2)])
            for movement in movements
            if movement.per_head is not None and direction * movement.per_head >= _HALF_A_PENNY
        ]

    columns = [*code_and_name(year.year), document.Column("Change", spare=1), document.Column("Per head")]
    return document.Table(columns, rows(year.movements[:_NAMED], 1), rows(reversed(year.movements[-_NAMED:]), -1))
