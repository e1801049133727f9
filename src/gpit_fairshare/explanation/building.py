"""The lines of one organisation in one year, in the order of the scheme."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from gpit_fairshare.explanation.kernels import (
    rank_lines,
    rate_line,
    rounded_lines,
    running_total_lines,
    share_out_lines,
)
from gpit_fairshare.explanation.organisation import OrganisationInYear
from gpit_fairshare.explanation.tables import table_line
from gpit_fairshare.explanation.unformatted_lines import (
    Drafts,
    UnformattedLine,
    origin_text,
    step_draft,
    symbol_draft,
)
from gpit_fairshare.language import tree
from gpit_fairshare.language.functions import AGGREGATES
from gpit_fairshare.language.kinds import NATIONAL, ORGANISATION, kind_of
from gpit_fairshare.language.rendering import column_of, previous_column
from gpit_fairshare.language.with_numbers import leaves
from gpit_fairshare.words import joined

if TYPE_CHECKING:
    from gpit_fairshare.engine import CheckResult, Result
    from gpit_fairshare.scheme.model import Check, Step


class Building:
    """Builds the `drafts` of one year of one organisation."""

    def __init__(self, result: Result, year: str, code: str, default_origin: str) -> None:
        """Look up the organisation's row in the year and in the year before, and start with no lines."""
        self.result = result
        self.scheme = result.scheme
        self.default_origin = default_origin
        """Origin of an input for which none is recorded."""
        years = list(self.scheme.years)
        self.before = result.years[years[years.index(year) - 1]] if year != years[0] else None
        now = result.years[year]
        self.place = OrganisationInYear(self.scheme, now, code, now.codes().index(code))
        cells = now.organisations.row(self.place.row, named=True)
        symbols = {name: symbol for name, symbol in self.scheme.symbols.items() if name in cells}
        self.drafts = Drafts(
            year,
            first_year=self.before is None,
            cells={name: cells[name] for name in symbols},
            texts=frozenset(name for name, symbol in symbols.items() if symbol.type == "text"),
            units={name: symbol.unit for name, symbol in symbols.items()},
        )
        self.row = cells
        self.emitted: set[str] = set()

    def build(self, names_needed: frozenset[str] | None) -> Drafts:
        """Draft the lines of the year: inputs, parameters, steps with the figures before them, and checks.

        Only inputs and parameters that a step or check uses are drafted. If `names_needed` is given, only these names
        are drafted, and no checks.
        """
        parts: list[Step | Check] = [*self.scheme.steps, *self.scheme.checks]
        used = (
            {name for part in parts for name, _ in tree.names_in(part.tree)} if names_needed is None else names_needed
        )
        for name, symbol in self.scheme.symbols.items():
            if symbol.role == "input" and name in used and name in self.drafts.cells:
                self._draft_input(name)
        for name, parameter in self.scheme.parameters.items():
            if name in used:
                value = parameter.values[self.drafts.year]
                self.drafts.add(symbol_draft(self.place, "parameter", name, value.value, origin=origin_text(value)))
        for step in self.scheme.steps:
            if names_needed is None or step.name in names_needed:
                self._draft_step(step)
        if names_needed is None:
            outcomes = [outcome for outcome in self.result.checks if outcome.year == self.drafts.year]
            for check, outcome in zip(self.scheme.checks, outcomes, strict=True):
                self._draft_check(check, outcome)
        return self.drafts

    # Inputs ---------------------------------------------------------------------------------------------------

    def _draft_input(self, name: str) -> None:
        """Draft the line of an input, with the file and row or cell that it came from.

        If none is recorded, the line has the default origin, or says that a blank is in no file. It is marked if a note
        says that figures of its file are illustrative.
        """
        origin = self.result.inputs.origins.get((self.drafts.year, self.place.code, name), "")
        if self.result.inputs.is_illustrative(name):
            origin = f"{origin}; illustrative" if origin else "illustrative"
        if not origin:
            origin = "not in any file" if self.row[name] is None else self.default_origin
        self.drafts.add(symbol_draft(self.place, "input", name, self.row[name], origin=origin))

    # Figures and the year before ------------------------------------------------------------------------------

    def _draft_figures(self, expression: tree.Expression) -> None:
        """Draft the figures and the values of the year before that a formula uses."""
        for leaf in leaves(expression, first_year=self.drafts.first_year):
            if isinstance(leaf, tree.AggregateCall):
                self._add_once(self._figure_draft(leaf))
            elif isinstance(leaf, tree.RateOf):
                step = next(step for step in self.scheme.steps if step.name == leaf.step)
                self._add_once(rate_line(self.place, step, self.row[column_of(leaf)]))
            elif isinstance(leaf, tree.TableCall):
                self._add_once(table_line(self.place, leaf))
            elif isinstance(leaf, tree.Previous):
                self._draft_previous(leaf)

    def _add_once(self, draft: UnformattedLine) -> None:
        """Add the line of a figure, unless the year already has a line of this name."""
        if draft.name not in self.emitted:
            self.emitted.add(draft.name)
            self.drafts.add(draft)

    def _figure_draft(self, leaf: tree.AggregateCall) -> UnformattedLine:
        """Return the line of a figure over rows, such as `total(fair_share)`; a count has no unit."""
        name, symbol, aggregate = column_of(leaf), self.scheme.symbols[leaf.of], AGGREGATES[leaf.function]
        label = aggregate.in_words(self.place.label(leaf.of), self.place.extent(symbol.kind, leaf.within))
        unit = None if aggregate.is_count else symbol.unit
        return UnformattedLine("figure", name, label, self.place.scope(leaf.within), unit, self.row[name])

    def _draft_previous(self, leaf: tree.Previous) -> None:
        """Draft the line of a value of the year before; after a merger, also a line for each predecessor.

        If the organisation or its group is the same as then, the value is recorded as that of the earlier line. There
        is no line in the first year, nor a second one of the same name.
        """
        name = previous_column(leaf.of)
        before = self.before
        if name in self.emitted or before is None:
            return
        symbol = self.scheme.symbols[leaf.of]
        label = f"{self.place.label(leaf.of)} of {before.year}"
        draft = UnformattedLine("previous", name, label, self.place.of(symbol.kind), symbol.unit, self.row[name])
        if symbol.kind == ORGANISATION:
            rows = self.place.year.predecessors[self.place.row]
            codes = [before.codes()[row] for row in rows]
            is_same = codes == [self.place.code]
        else:
            codes, rows = [], []
            is_same = symbol.kind == NATIONAL or self._is_same_group(str(symbol.kind.column))
        if is_same:
            self.drafts.same[name] = (before.year, leaf.of)
        elif codes:
            draft.label += f" of {joined(codes)}{f', which became {self.place.code}' if codes[1:] else ''}"
            old = before.values(leaf.of, ORGANISATION)
            for code, row in zip(codes, rows, strict=True):
                part = f"{leaf.of} of {code}"
                self.drafts.add(UnformattedLine("previous", part, f"{label} of {code}", code, symbol.unit, old[row]))
                draft.parts += (part,)
        self._add_once(draft)

    def _is_same_group(self, column: str) -> bool:
        """Return whether the organisation existed in the year before and was in the group of the same name."""
        before = self.before
        if before is None or self.place.code not in before.codes():
            return False
        earlier = OrganisationInYear(self.scheme, before, self.place.code, before.codes().index(self.place.code))
        return earlier.group(column) == self.place.group(column)

    # Steps and checks -----------------------------------------------------------------------------------------

    def _draft_step(self, step: Step) -> None:
        """Draft the line of a step, after the lines of the figures that it uses.

        A kernel also has lines for its own arithmetic. The line says whether it is the answer, and
        has the national total of money.
        """
        self._draft_figures(step.tree)
        match step.tree:
            case tree.ShareOut():
                *behind, line = share_out_lines(self.place, step, step.tree)
            case tree.Rounded():
                *behind, line = rounded_lines(self.place, step, step.tree)
            case tree.Rank():
                *behind, line = rank_lines(self.place, step, step.tree)
            case tree.RunningTotal():
                *behind, line = running_total_lines(self.place, step, step.tree)
            case _:
                notes = self._first_year_notes(step.tree)
                behind, line = [], step_draft(self.place, step, self.row[step.name], tree=step.tree, notes=notes)
        for draft in behind:
            self._add_once(draft)
        line.answer = step.name == self.scheme.result
        line.total = self._national_total(step)
        self.drafts.add(line)

    def _first_year_notes(self, expression: tree.Expression) -> tuple[str, ...]:
        """Return a note on each `previous` in a formula, which has another value in the first year; later, no notes."""
        if not self.drafts.first_year:
            return ()
        nodes = (node for node in tree.walk(expression) if isinstance(node, tree.Previous))
        return tuple(f"first year: {previous_column(node.of)} is {tree.to_text(node.first)}" for node in nodes)

    def _national_total(self, step: Step) -> float | None:
        """Return the national total of a step in £ per organisation that is shared out, or is the answer; else None.

        If the shares are rounded, only the rounded step has a total. A total of 0 or less is None as well.
        """
        if step.kind != ORGANISATION or self.scheme.symbols[step.name].unit != "£":
            return None
        shares = {other.name for other in self.scheme.steps if isinstance(other.tree, tree.ShareOut)}
        roundings = {
            other.name: other.tree.of.name for other in self.scheme.steps if isinstance(other.tree, tree.Rounded)
        }
        is_share = roundings.get(step.name) in shares or step.name in shares.difference(roundings.values())
        if not is_share and step.name != self.scheme.result:
            return None
        total = math.fsum(self.place.year.values(step.name, ORGANISATION))
        return total if total > 0 else None

    def _draft_check(self, check: Check, outcome: CheckResult) -> None:
        """Draft the line of a check: whether it holds for this organisation or its group.

        A check per organisation has a note on how many others it fails for.
        """
        self._draft_figures(check.tree)
        kind = kind_of(check.tree, self.scheme.symbols)
        label = self.place.label_of(kind)
        holds = outcome.holds or (label is not None and label not in outcome.failing)
        others = len([code for code in outcome.failing if code != self.place.code]) if kind == ORGANISATION else 0
        notes = self._first_year_notes(check.tree)
        if others:
            notes += (f"it {'' if holds else 'also '}fails for {self.place.count_in_words(ORGANISATION, others)}",)
        name = " ".join(check.name.split())
        draft = UnformattedLine(
            "check", name, name, self.place.of(kind), "yes/no", holds, check.formula, check.tree, notes=notes
        )
        self.drafts.add(draft)
