"""The first lines of the report of a run: what is wrong, how much is allocated, who gains, who loses most."""

from __future__ import annotations

import math
from collections import defaultdict
from functools import cached_property
from typing import TYPE_CHECKING, Final

from gpit_fairshare.engine.measures import BASELINE, NO_CHANGE
from gpit_fairshare.engine.organisation_years import organisation_years
from gpit_fairshare.findings import FindingCode
from gpit_fairshare.inputs.mergers.crosswalk import day_in_words
from gpit_fairshare.language.kinds import ORGANISATION
from gpit_fairshare.numbers import money, percentage, plain_number
from gpit_fairshare.reports import document
from gpit_fairshare.reports.document import Tone
from gpit_fairshare.reports.organisation_table import TableRow
from gpit_fairshare.words import counted, do_not_quote, inside, is_money, joined, listed, plural, sentence, span

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from gpit_fairshare.engine import Result
    from gpit_fairshare.engine.measures import YearMeasures
    from gpit_fairshare.findings import Finding
    from gpit_fairshare.inputs.model import Inputs
    from gpit_fairshare.scheme.model import Scheme

MOST_YEARS: Final = 4
"""Years that a sentence or a compact table names; figures of more are added up."""
_NAMED: Final = 3
"""Settings, years and codes that a short sentence names."""
_MOST_FINDINGS: Final = 2
"""Failed checks, and findings of unspent money, that a short report names: the answer stays within ten lines."""
_HALF_A_POUND: Final = 0.5


class Opening:
    """The opening sentences of a run, most important first, and the figures that they share with the tables below."""

    def __init__(self, result: Result, *, full: bool = False, with_codes: bool = True) -> None:
        """Take a finished run.

        Args:
            result: The run.
            full: Name every failed check and setting, and the illustrative files.
            with_codes: Write the code of a finding about money, such as R03, beside it.
        """
        self.result = result
        self.full = full
        self.with_codes = with_codes
        self.scheme: Scheme = result.scheme
        self.years = result.measures()
        self.last = self.years[-1]
        self.organisation = self.scheme.organisation
        self.in_money = is_money(self.scheme.symbols[self.scheme.result].unit)
        self.write = writer_of(self.scheme)

    @property
    def total_label(self) -> str:
        """Return what the sum of all results is called: `Allocated`, or `Total payment`."""
        return total_label(self.scheme)

    @property
    def spend_label(self) -> str:
        """Return what historic spend is called inside a sentence."""
        return inside(self.scheme.labels.get(BASELINE, "Historic spend"))

    @cached_property
    def organisations(self) -> list[TableRow]:
        """Return every organisation of the last year, by code, with its change on historic spend if all have spend."""
        spend: dict[str, float | None] = {}
        if self.in_money and self.last.baseline is not None:
            year = self.result.years[self.last.year]
            spend = dict(zip(year.codes(), year.values(BASELINE, ORGANISATION), strict=True))
        return [
            TableRow(figures, spend.get(figures.code)) for figures in organisation_years(self.result, self.last.year)
        ]

    @cached_property
    def gains(self) -> list[TableRow]:
        """Return the organisations that gain £1 or more in the last year, the largest gain first."""
        gains = [row for row in self.organisations if row.change is not None and row.change >= NO_CHANGE]
        return sorted(gains, key=lambda row: (-(row.change or 0.0), row.figures.code))

    @cached_property
    def losses(self) -> list[TableRow]:
        """Return the organisations that lose £1 or more in the last year, the largest loss first."""
        losses = [row for row in self.organisations if row.change is not None and row.change <= -NO_CHANGE]
        return sorted(losses, key=lambda row: (row.change or 0.0, row.figures.code))

    @cached_property
    def other_findings(self) -> list[Finding]:
        """Return the findings of the run, except settings and unspent money, which the opening shows."""
        in_opening = {FindingCode.SET_FOR_THIS_RUN, FindingCode.UNSPENT}
        return [finding for finding in self.result.findings if finding.number not in in_opening]

    @cached_property
    def unspent_findings(self) -> list[Finding]:
        """Return the findings of unspent money, if the money account omits a step that leaves money over; else none."""
        covered = (fund.step in self.scheme.money.unspent or fund.unspent < 1 for fund in self.result.funds)
        if self.in_money and all(covered):
            return []
        return [finding for finding in self.result.findings if finding.number == FindingCode.UNSPENT]

    def blocks(self, *, title_first: bool = False) -> Iterator[document.Block]:
        """Yield all sentences; a document for a file has its title first, a screen what is wrong."""
        if title_first:
            yield from self.title()
        yield from self.problems()
        if not title_first:
            yield from self.title()
        yield from self.allocated()
        yield from self.gains_and_losses()
        yield self.checks()

    # What is wrong, or limits the use of the figures

    def problems(self) -> Iterator[document.Block]:
        """Yield failed checks, what is wrong or left over in the money, limits of the figures, settings of this run."""
        yield from self.problems_of_figures()
        yield from self.cautions()
        yield from self.settings()

    def problems_of_figures(self) -> Iterator[document.Block]:
        """Yield failed checks, money that does not balance or is unspent, and new money."""
        yield from self._failed_checks()
        differences = [(year.year, abs(self._imbalance(year))) for year in self.years]
        yield from self._amounts_by_year("Money does not balance", FindingCode.MONEY_DOES_NOT_BALANCE, differences)
        yield from self._amounts_by_year(f"Unspent {self.unspent_kind()}", FindingCode.UNSPENT, self.unspent_by_year())
        yield from self._unspent_outside_account()
        new_money = [(year.year, self.new_money(year)) for year in self.years]
        yield from self._amounts_by_year("New money", FindingCode.NEW_MONEY, new_money)

    def _amounts_by_year(
        self, heading: str, code: FindingCode, amounts: Sequence[tuple[str, float]]
    ) -> Iterator[document.Block]:
        """Yield a warning with the amounts of 50p or more by year; after four years the others are added up."""
        amounts = [(year, amount) for year, amount in amounts if amount >= _HALF_A_POUND]
        texts = [f"{self.write(amount)} in {year}" for year, amount in amounts[:MOST_YEARS]]
        if len(amounts) > MOST_YEARS:
            more = self.write(math.fsum(amount for _, amount in amounts[MOST_YEARS:]))
            texts.append(f"{more} in {counted(len(amounts) - MOST_YEARS, 'later year')}")
        if texts:
            heading += f" ({code})" if self.with_codes else ""
            yield document.Paragraph(f"{heading}: {joined(texts)}.", Tone.WARNING)

    def limits_of_use(self) -> Iterator[document.Paragraph]:
        """Yield what anyone who gets a figure must know: failed checks, cautions, and settings of this run."""
        yield from self._failed_checks()
        yield from self.cautions()
        yield from self.settings()

    def _failed_checks(self) -> Iterator[document.Paragraph]:
        """Yield each failed check with its years and organisations; after two, a short report counts the others."""
        years_by_check = defaultdict(list)
        for check in self.result.checks:
            if not check.holds:
                codes = f" ({listed(check.failing, _NAMED)})" if check.failing else ""
                years_by_check[check.name, check.formula].append(f"{check.year}{codes}")
        failed = list(years_by_check.items())
        named = failed if self.full else failed[:_MOST_FINDINGS]
        for (name, _), years in named:
            yield document.Paragraph(f"Check fails in {listed(years, _NAMED)}: {name}.", Tone.BAD)
        if len(failed) > len(named):
            others = len(failed) - len(named)
            text = f"{counted(others, 'more check')} {'fails' if others == 1 else 'fail'}: --details"
            yield document.Paragraph(text, Tone.BAD)

    def _unspent_outside_account(self) -> Iterator[document.Block]:
        """Yield the findings of unspent money that the line above does not cover; a short report counts most."""
        findings = self.unspent_findings
        named = findings if self.full else findings[:_MOST_FINDINGS]
        for finding in named:
            yield document.Paragraph(str(finding), Tone.WARNING, marker=f"{finding.number}  ")
        if len(findings) > len(named):
            text = f"{len(findings) - len(named):,} more findings of unspent money: --details"
            yield document.Paragraph(text, Tone.WARNING)

    def unspent_by_year(self) -> list[tuple[str, float]]:
        """Return each year with its unspent money in £, all kinds together."""
        return [(year.year, unspent_in(year)) for year in self.years]

    def unspent_kind(self) -> str:
        """Return which money is unspent, inside a sentence: its label, or `money` if there are several kinds."""
        labels = {line.label for year in self.years if year.money for line in year.money.unspent if line.amount}
        return inside(labels.pop()) if len(labels) == 1 else "money"

    def new_money(self, year: YearMeasures) -> float:
        """Return the money in £ that the transition adds on top of the budget in a year, less what it takes away."""
        if not year.money:
            return 0.0
        if self._is_balanced_by_new_money(year):
            return -(year.money.difference or 0.0)
        names = self.scheme.money.new_money
        return max(0.0, math.fsum(line.amount for line in year.money.money_in if line.name in names))

    def _is_balanced_by_new_money(self, year: YearMeasures) -> bool:
        """Return whether what is paid above the money in is new money, though no file states where it comes from."""
        difference = (year.money.difference if year.money else None) or 0.0
        return difference < 0 and self._differs(year) and not self.scheme.money.stated and self.scheme.has_new_money

    def _differs(self, year: YearMeasures) -> bool:
        """Return whether the money account of a year differs by more than rounding."""
        return year.money is not None and not year.money.is_balanced

    def _imbalance(self, year: YearMeasures) -> float:
        """Return the difference of the money account in £ that needs an explanation: finding R07; else 0."""
        if not year.money or not self._differs(year) or self._is_balanced_by_new_money(year):
            return 0.0
        return year.money.difference or 0.0

    def cautions(self) -> Iterator[document.Paragraph]:
        """Yield that the rule is a draft, that figures are illustrative, and which years are indicative.

        In full also the values without a source, and the files with illustrative figures.
        """
        return cautions_of(self.scheme, self.result.inputs, full=self.full)

    def settings(self) -> Iterator[document.Paragraph]:
        """Yield the parameters set for this run only, the same value of several years once; in full with labels."""
        return settings_of(self.scheme, full=self.full)

    # The answer

    def title(self) -> Iterator[document.Block]:
        """Yield the title with scheme, organisations and years, and the day whose boundaries the figures use."""
        organisations = counted(self.years[0].organisations, self.organisation)
        years = span([year.year for year in self.years])
        if len({year.organisations for year in self.years}) > 1:
            organisations += f" in {self.years[0].year} and {self.last.organisations:,} in {self.last.year}"
            years = "" if len(self.years) == 2 else years
        pieces = [f"{organisations},", f"{years}."] if years else [f"{organisations}."]
        yield document.Title([f"{self.scheme.title}:", *pieces])
        day = self.result.inputs.boundaries
        if day:
            yield document.Paragraph(f"All figures are for the {plural(self.organisation)} of {day_in_words(day)}.")

    def allocated(self) -> Iterator[document.Block]:
        """Yield how much of the money in is allocated in each year; a result that is not money has its range."""
        if not self.in_money:
            values = [row.figures.allocation for row in self.organisations]
            label, ends = self.scheme.labels[self.scheme.result], (min(values), max(values))
            lowest, highest = map(self.write, ends)
            yield document.Paragraph(f"{label} in {self.last.year}: lowest {lowest}, highest {highest}.")
            return
        if len(self.years) <= MOST_YEARS:
            parts = [f"{self._share_allocated([year])} in {year.year}" for year in self.years]
        else:
            parts = [f"{self._share_allocated(self.years)} in {counted(len(self.years), 'year')}"]
            parts.append(f"{self._share_allocated([self.last])} in {self.last.year}")
        yield document.Paragraph(f"{self.total_label}: {'; '.join(parts)}.")

    def _share_allocated(self, years: Sequence[YearMeasures]) -> str:
        """Return how much of the money in is allocated in these years together: `all £100`, `£90 of £100`.

        With new money there is no such share: what is allocated is then not limited by the money in.
        """
        allocated = math.fsum(year.allocated for year in years)
        amounts = [money_in(year) for year in years]
        if any(amount is None for amount in amounts) or any(map(self.new_money, years)):
            return self.write(allocated)
        available = math.fsum(amount or 0.0 for amount in amounts)
        taken_away = math.fsum(line.amount for year in years if year.money for line in year.money.taken_away)
        if taken_away >= _HALF_A_POUND:
            return f"{self.write(allocated)} of {self.write(available)} ({self.write(taken_away)} taken away)"
        if abs(available - allocated) < _HALF_A_POUND:
            return f"all {self.write(allocated)}"
        if allocated > available:
            return f"{self.write(allocated)}, {self.write(allocated - available)} more than the money in,"
        return f"{self.write(allocated)} of {self.write(available)}"

    def gains_and_losses(self) -> Iterator[document.Block]:
        """Yield how many gain and lose on historic spend in the last year, and who loses most; nothing without it."""
        changes = [row for row in self.organisations if row.change is not None]
        if not changes:
            return
        gain, lose, same = len(self.gains), len(self.losses), len(changes) - len(self.gains) - len(self.losses)
        texts = []
        if gain:
            texts.append(f"{counted(gain, self.organisation)} {_verb(gain, 'gain')} on {self.spend_label}")
        if lose:
            total = money(-math.fsum(row.change or 0.0 for row in self.losses))
            subject = f"{lose:,}" if gain else counted(lose, self.organisation)
            spend = "" if gain else f" on {self.spend_label}"
            texts.append(f"{subject} {_verb(lose, 'lose')} {total}{spend}{' in total' if lose > 1 else ''}")
        elif gain:
            texts.append("none loses")
        if same:
            subject = f"{same:,}" if texts else counted(same, self.organisation)
            texts.append(f"{subject} {'does' if same == 1 else 'do'} not change")
        yield document.Paragraph(f"In {self.last.year}, {joined(texts)}.")
        if lose and len(changes) > 1:
            largest = self.losses[0]
            share = f", {percentage(-largest.change_ratio)} of its {self.spend_label}" if largest.change_ratio else ""
            loss = money(-(largest.change or 0.0))
            yield document.Paragraph(f"{largest.name_and_code(full=self.full)} loses most: {loss}{share}.")

    def agreement(self) -> str:
        """Return how many checks pass or fail: `all 4 checks pass`, `1 of 4 checks fails`."""
        number = len(self.scheme.checks)
        failing = self.failing_checks
        if failing:
            return f"{failing} of {counted(number, 'check')} {'fails' if failing == 1 else 'fail'}"
        if number > 1:
            return f"all {number} checks pass"
        return "1 check passes" if number else "no checks"

    @property
    def failing_checks(self) -> int:
        """Return the number of checks that fail in any year."""
        return len({(check.name, check.formula) for check in self.result.checks if not check.holds})

    def checks(self) -> document.Block:
        """Return the line with how many checks pass and how many warnings and notes there are."""
        agreement = self.agreement() if self.scheme.checks else "the scheme has no checks"
        levels = [finding.level for finding in self.other_findings]
        warnings, notes = levels.count("warning"), levels.count("note")
        text = f"{sentence(agreement)}. {counted(warnings, 'warning') if warnings else 'No warnings'}"
        text += f", {counted(notes, 'note')}" if notes else ""
        tone = Tone.BAD if self.failing_checks else Tone.PASSED if not warnings else Tone.PLAIN
        return document.Paragraph(f"{text}.", tone)


def cautions_of(scheme: Scheme, inputs: Inputs, *, full: bool) -> Iterator[document.Paragraph]:
    """Yield the cautions about figures of a scheme and its inputs; see `Opening.cautions`."""
    if warning := scheme.draft_warning:
        text = f"{warning.removesuffix('.')}: {', '.join(scheme.drafts)}." if full else warning
        yield document.Paragraph(text, Tone.WARNING)
    cautions = []
    if inputs.illustrative:
        cautions.append(f"{do_not_quote(inputs.illustrative_heading)}.")
        cautions += inputs.illustrative if full else ()
    if scheme.indicative:
        cautions.append(f"Indicative: {span(scheme.indicative, scheme.years)}.")
    if cautions:
        yield document.Paragraph(" ".join(cautions), Tone.WARNING)


def settings_of(scheme: Scheme, *, full: bool) -> Iterator[document.Paragraph]:
    """Yield the parameters of a scheme that are set for this run only; see `Opening.settings`."""
    years_by_setting = defaultdict(list)
    for name, year, value in scheme.overridden():
        change = value.change_text(scheme.parameters[name].unit)
        text = f"{scheme.labels[name]} ({name}): {change}" if full else f"{name} {change}"
        years_by_setting[text].append(year)
    settings = []
    for text, years in years_by_setting.items():
        when = span(years, scheme.years)
        settings.append(text if when == "every year" and not full else f"{text} in {when}")
    if not settings:
        return
    named = settings if full else settings[:_NAMED]
    more = f"; and {len(settings) - len(named):,} more: --details" if len(settings) > len(named) else ""
    yield document.Paragraph(f"Set for this run, not in the scheme: {'; '.join(named)}{more}.", Tone.WARNING)


def total_label(scheme: Scheme) -> str:
    """Return what the sum of all results is called: `Allocated`, or `Total payment`."""
    return "Allocated" if scheme.result == "allocation" else f"Total {inside(scheme.labels[scheme.result])}"


def writer_of(scheme: Scheme) -> Callable[[float], str]:
    """Return the function that writes results in their unit."""
    unit = scheme.symbols[scheme.result].unit
    return money if unit == "£" else percentage if unit == "%" else plain_number


def unspent_in(year: YearMeasures) -> float:
    """Return the money unspent in a year in £, all kinds together; 0 if the result is not money."""
    return math.fsum(line.amount for line in year.money.unspent) if year.money else 0.0


def money_in(year: YearMeasures) -> float | None:
    """Return the money in of a year in £; None if it is not known."""
    if not year.money or not year.money.money_in:
        return None
    return math.fsum(line.amount for line in year.money.money_in)


def _verb(number: int, verb: str) -> str:
    """Return a verb in the third person, with its s for one: `1 loses`, `2 lose`."""
    return f"{verb}s" if number == 1 else verb
