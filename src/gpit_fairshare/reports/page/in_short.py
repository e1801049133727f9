"""The section of a page that answers first: whether its figures are final, what they are, and why."""

from __future__ import annotations

import math
from functools import cached_property
from typing import TYPE_CHECKING

from gpit_fairshare.engine.measures import BASELINE
from gpit_fairshare.language import tree
from gpit_fairshare.language.kinds import ORGANISATION
from gpit_fairshare.numbers import money, or_dash, percentage
from gpit_fairshare.reports.allocation_opening import Opening
from gpit_fairshare.reports.document import Item, Paragraph
from gpit_fairshare.reports.page.parts import blocks_html
from gpit_fairshare.scheme.money import FAIR_SHARE
from gpit_fairshare.words import inside, joined, span

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gpit_fairshare.engine.measures import MoneyAccount


class InShort:
    """The first section of the page of a run: what limits the use of its figures comes before them."""

    def __init__(self, opening: Opening, reason: str) -> None:
        """Take the opening of a run in full, and the sentence that explains the figure of who loses most, if any."""
        self.opening, self.result, self.scheme = opening, opening.result, opening.scheme
        self.reason = reason

    @property
    def is_final(self) -> bool:
        """Return whether all checks pass, and nothing is a draft, illustrative, indicative or set for the run."""
        return self.result.agrees and not self.cautions

    def html(self) -> str:
        """Return the status, the sentences of the answer, their reasons, and how many checks pass."""
        opening = self.opening
        final = "Nothing here is marked as draft or indicative." if self.is_final else "These figures are not final."
        cautions = blocks_html([*self.cautions, *self._uses_of_illustrative_figures(), *self._defaults()])
        answer = [*opening.allocated(), *opening.gains_and_losses(), *opening.problems_of_figures()]
        reasons = blocks_html(map(Item, self._reasons()))
        status = "" if self.is_final else ' class="not-final"'
        return (
            f'<div id="status"{status}>\n<p class="final">{final}</p>\n{cautions}</div>\n'
            f'<div id="answer">\n{blocks_html(answer)}</div>\n'
            f'<div id="reasons" class="reported-only">\n{reasons}</div>\n'
            f'<div id="agreement">\n{blocks_html([opening.checks()])}</div>\n'
            '<p><a href="#checks">Checks and warnings in full</a></p>\n'
        )

    # Whether it is final

    @cached_property
    def cautions(self) -> list[Paragraph]:
        """Return what limits the use of the figures, in short: files with illustrative figures are named below."""
        return [*Opening(self.result).cautions(), *self.opening.settings()]

    def _uses_of_illustrative_figures(self) -> Iterator[Paragraph]:
        """Yield which figures of the page use illustrative ones, and that the fair share does not, if so."""
        inputs, labels = self.result.inputs, self.scheme.labels
        illustrative_inputs = {name for name in inputs.columns if inputs.is_illustrative(name)}
        uses = {step.name: [name for name, _ in tree.names_in(step.tree)] for step in self.scheme.steps}
        using = tree.dependent_names(illustrative_inputs, uses)
        result, illustrative = self.scheme.result, f"the {inputs.illustrative_heading.lower()}"
        if result in using:
            fair_share = FAIR_SHARE in self.scheme.symbols and FAIR_SHARE not in using
            more = f"; the {inside(labels[FAIR_SHARE])} does not" if fair_share else ""
            subject = f"Every {inside(labels[result])}"
            if self.opening.losses + self.opening.gains:
                subject += ", gain and loss"
            yield Paragraph(f"{subject} on this page uses {illustrative}{more}.")
        elif BASELINE in using and self.opening.losses + self.opening.gains:
            subject = f"Every gain and loss on {self.opening.spend_label}"
            yield Paragraph(f"{subject} uses {illustrative}; the {inside(labels[result])} does not.")

    def _defaults(self) -> Iterator[Paragraph]:
        """Yield the settings that a file of defaults gave."""
        if defaults := self.result.manifest.get("defaults"):
            yield Paragraph(f"Defaults from {defaults['file']}: {joined(defaults['keys'])}.")

    # Why

    def _reasons(self) -> Iterator[str]:
        """Yield what the money in is made of, why money is unspent, who loses most in per cent, and why."""
        accounts = {year.year: year.money for year in self.opening.years if year.money}
        if self.opening.in_money and accounts:
            yield from self._money_in(accounts)
            yield from self._unspent()
        losses = self.opening.losses
        if not losses:
            return
        if self.reason:
            before = f"its {self.opening.spend_label} is {or_dash(losses[0].before, money)}; "
            yield f"Why {losses[0].name_and_code(full=True)} loses most: {before}{inside(self.reason)}"
        share, name = max((-(row.change_ratio or 0.0), row.name_and_code(full=True)) for row in losses)
        if percentage(share) != percentage(-(losses[0].change_ratio or 0.0)):
            yield f"As a percentage, {name} loses most: {percentage(share)} of its {self.opening.spend_label}."

    def _money_in(self, accounts: dict[str, MoneyAccount]) -> Iterator[str]:
        """Yield the parts of the money in, of the years in which there are several; years with the same parts once."""
        years_by_parts: dict[str, list[str]] = {}
        for year, account in accounts.items():
            lines = [line for line in account.money_in if abs(line.amount) >= 1]
            if len(lines) > 1:
                parts = joined([f"{money(line.amount)} {inside(line.label)}" for line in lines])
                years_by_parts.setdefault(parts, []).append(year)
        for parts, years in years_by_parts.items():
            yield f"Money in ({span(years, self.scheme.years)}): {parts}."

    def _unspent(self) -> Iterator[str]:
        """Yield why a fund is not spent, if all have the most that its step allows."""
        steps = {step.name: step for step in self.scheme.steps}
        years_by_reason: dict[str, list[str]] = {}
        for fund in self.result.funds:
            kernel = steps[fund.step].tree
            if fund.unspent < 1 or fund.within or not isinstance(kernel, tree.ShareOut):
                continue
            limit = kernel.at_most
            if not isinstance(limit, tree.Name) or self.scheme.symbols[limit.name].kind != ORGANISATION:
                continue
            most = math.fsum(value or 0.0 for value in self.result.years[fund.year].values(limit.name, ORGANISATION))
            if abs(most - fund.spent) < 1:
                label = inside(self.scheme.labels[limit.name])
                reason = f"no {self.scheme.organisation} gets more than its {label}, and all of that is paid"
                years_by_reason.setdefault(f"part of the {inside(fund.label)} is unspent: {reason}", []).append(
                    fund.year
                )
        for reason, years in years_by_reason.items():
            yield f"In {span(years, self.scheme.years)}, {reason}."
