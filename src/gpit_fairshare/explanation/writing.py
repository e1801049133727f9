"""Drafts → lines: every number with the digits that it needs, every line with its number."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from gpit_fairshare.explanation.digits import Digits, evaluate
from gpit_fairshare.explanation.kernels import units
from gpit_fairshare.explanation.model import ExplanationLine, Test
from gpit_fairshare.language import tree as t
from gpit_fairshare.language.in_polars import column_of
from gpit_fairshare.language.meaning import unit_in
from gpit_fairshare.language.plugin_functions import plugged_in
from gpit_fairshare.language.with_numbers import columns_of, render, written
from gpit_fairshare.numbers import remainder, with_unit
from gpit_fairshare.words import inside

if TYPE_CHECKING:
    from gpit_fairshare.explanation.drafts import Drafts, Key, Rounding, UnformattedLine
    from gpit_fairshare.scheme.model import Scheme

_SPACES: Final = re.compile(r"""('(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")|\s+""")
"""Quoted texts, which stay as they are, and the blanks and line ends between other parts of a formula."""


class LineWriter:
    """Writes the lines of all years, numbered through."""

    def __init__(self, scheme: Scheme, digits: Digits) -> None:
        self.scheme = scheme
        self.digits = digits
        self.numbers: dict[Key, int] = {}
        """The number of the line that has a value."""
        self.last = 0

    def lines(self, year: Drafts) -> tuple[ExplanationLine, ...]:
        """Return the lines of a year; years are written in order."""
        labels = {draft.name: draft.label for draft in year.lines}
        found = []
        for draft in year.lines:
            self.last += 1
            found.append(self._line(year, draft, labels))
            if draft.kind != "check":
                self.numbers.setdefault((year.year, draft.name), self.last)
        return tuple(found)

    def _line(self, year: Drafts, draft: UnformattedLine, labels: dict[str, str]) -> ExplanationLine:
        is_check = draft.kind == "check"
        text = written(draft.value) if is_check else self.digits.text(year, draft.name)
        notes = list(draft.notes)
        numbers, arithmetic = draft.numbers, ""
        tests = [self._test(year, test, labels) for test in self.digits.tests.get(id(draft), [])]
        if draft.tree:
            numbers = render(draft.tree, self.digits.texts(year, draft.tree), first_year=year.first_year)
            arithmetic = t.to_text(draft.tree) if draft.arithmetic else ""
            notes += self._plugged(year, draft.tree)
        elif draft.parts:
            numbers = " + ".join(self.digits.text(year, name) for name in draft.parts)
            arithmetic = " + ".join(draft.parts)
        elif draft.rounding:
            numbers = _units(draft.rounding)
            notes.insert(0, self._apart(year, draft.rounding))
            tests += _rounded_up(draft.rounding)
        origin = draft.origin
        if draft.name in year.same:
            line = self.numbers.get(year.same[draft.name])
            origin = f"line {line}" if line else "the result of that year"
        return ExplanationLine(
            number=self.last,
            kind=draft.kind,
            name=draft.name,
            label=draft.label,
            of=draft.of,
            unit=draft.unit,
            value=draft.value,
            result=("passed" if draft.value else "failed") if is_check else with_unit(text, draft.unit),
            formula=_SPACES.sub(lambda found: found[1] or " ", draft.formula).strip(),
            arithmetic=arithmetic,
            numbers=numbers,
            tests=tuple(tests),
            origin=origin,
            notes=tuple(notes),
            share=self._share(year, draft),
            answer=draft.answer,
            uses=self._uses(year, draft),
        )

    def _plugged(self, year: Drafts, tree: t.Expression) -> list[str]:
        """Say what each function of a plug-in gave, and what it is: nobody can see it from the formula."""
        functions = {one.name: one for one in plugged_in(tree)}
        calls = [one for one in t.walk(tree) if isinstance(one, t.Call) and one.function in functions]
        values = evaluate(calls, year.cells, year.texts, first_year=year.first_year)
        texts = self.digits.texts(year, tree)
        said = []
        for call, value in zip(calls, values, strict=True):
            gives = render(call, texts, first_year=year.first_year)
            words = " ".join(functions[call.function].function.words.split())
            said.append(f"{gives} = {written(value)} ({functions[call.function].plugin}): {words}")
        return said

    def _uses(self, year: Drafts, draft: UnformattedLine) -> tuple[int, ...]:
        names = list(draft.parts)
        if draft.tree:
            names += columns_of(draft.tree, first_year=year.first_year)
        if draft.rounding:
            names += [draft.rounding.of, f"left_over({draft.name})"]
        found = [self.numbers.get((year.year, name)) for name in names]
        if draft.name in year.same:
            found.append(self.numbers.get(year.same[draft.name]))
        return tuple(dict.fromkeys(number for number in found if number))

    def _share(self, year: Drafts, draft: UnformattedLine) -> str:
        if draft.total is None:
            return ""
        part = written(draft.value / draft.total, "%")
        return f"{self.digits.text(year, draft.name)} / {written(draft.total, draft.unit)} = {part}"

    # Comparisons ----------------------------------------------------------------------------------------------

    def _test(self, year: Drafts, test: t.ComparisonOperation | t.IsGiven, labels: dict[str, str]) -> Test:
        if isinstance(test, t.IsGiven):
            filled = year.cells[test.name] is not None
            return Test(f"{self._label(test.name, labels)} {self.digits.text(year, test.name)}", "is", "given", filled)
        holds = self.digits.holds(year, test)
        return Test(self._side(year, test.left, labels), test.relation, self._side(year, test.right, labels), holds)

    def _side(self, year: Drafts, side: t.Expression, labels: dict[str, str]) -> str:
        text = self.digits.side(year, side, self._unit(side))
        match side:
            case t.Number() | t.Text():
                return text
            case t.Name() | t.AggregateCall() | t.Previous() if not (isinstance(side, t.Previous) and year.first_year):
                return f"{self._label(column_of(side), labels)} {text}"
            case _:
                return f"{t.to_text(side)} = {text}"

    def _unit(self, side: t.Expression) -> str | None:
        if isinstance(side, t.Text) or (isinstance(side, t.Name) and self.scheme.symbols[side.name].type == "text"):
            return None
        return unit_in(side, self.scheme.symbols)

    def _label(self, name: str, labels: dict[str, str]) -> str:
        return inside(" ".join((labels.get(name) or self.scheme.labels.get(name, name)).split()))

    # Rounding -------------------------------------------------------------------------------------------------

    def _apart(self, year: Drafts, one: Rounding) -> str:
        """Say how a figure comes apart: `£263,548.835397 is 263,548 whole pounds and a remainder of 0.835397`."""
        figure = self.digits.text(year, one.of)
        return f"{figure} is {one.whole:,} {units(one.to, one.unit)} and a remainder of {remainder(one.millionths)}"


def _units(one: Rounding) -> str:
    """Return the arithmetic of a rounded figure: `263,548 + 1`, `(26,354 + 1) * £10`."""
    added = f"{one.whole:,} + {int(one.up)}"
    return added if one.to == 1 else f"({added}) * {written(one.to, one.unit)}"


def _rounded_up(one: Rounding) -> list[Test]:
    """Return the comparisons that say whether a figure is rounded up."""
    if one.least is None:
        return []
    mine, least = f"remainder {remainder(one.millionths)}", remainder(one.least)
    if one.last == one.equal:
        return [Test(mine, ">=", least, one.millionths >= one.least)]
    tests = [Test(mine, ">", least, one.millionths > one.least)]
    if one.place:
        said = f"place {one.place:,} by code among the {one.equal:,} with remainder {least}"
        tests.append(Test(said, "<=", f"{one.last:,}", one.place <= one.last))
    return tests
