"""Writes drafts as lines: every number with the digits that it needs, every line with a line number."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from gpit_fairshare.explanation.digits import Digits, evaluate
from gpit_fairshare.explanation.kernels import units
from gpit_fairshare.explanation.model import ExplanationLine, Test
from gpit_fairshare.language import tree
from gpit_fairshare.language.meaning import unit_in
from gpit_fairshare.language.plugin_functions import added_functions
from gpit_fairshare.language.rendering import column_of
from gpit_fairshare.language.with_numbers import columns_of, render, value_text
from gpit_fairshare.numbers import remainder_text, with_unit
from gpit_fairshare.words import inside

if TYPE_CHECKING:
    from gpit_fairshare.explanation.unformatted_lines import Drafts, Key, Rounding, UnformattedLine
    from gpit_fairshare.scheme.model import Scheme

_SPACES: Final = re.compile(r"""('(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")|\s+""")
"""Quoted texts, which stay as they are, and the blanks and line ends between other parts of a formula."""


class LineWriter:
    """Writes the lines of all years, numbered from 1."""

    def __init__(self, scheme: Scheme, digits: Digits) -> None:
        """Start numbering lines; `digits` gives the printed values."""
        self.scheme = scheme
        self.digits = digits
        self.numbers: dict[Key, int] = {}
        """The number of the line that has a value."""
        self.last = 0

    def lines(self, year: Drafts) -> tuple[ExplanationLine, ...]:
        """Write the drafts of a year as numbered lines; call it for one year after another, in order."""
        labels = {draft.name: draft.label for draft in year.lines}
        lines = []
        for draft in year.lines:
            self.last += 1
            lines.append(self._write_line(year, draft, labels))
            if draft.kind != "check":
                self.numbers.setdefault((year.year, draft.name), self.last)
        return tuple(lines)

    def _write_line(self, year: Drafts, draft: UnformattedLine, labels: dict[str, str]) -> ExplanationLine:
        """Return a draft as a line, with its value, arithmetic, comparisons and notes as texts.

        The line gets the last number. The origin of a value of the year before is the number of its line, if there is
        one.
        """
        is_check = draft.kind == "check"
        text = value_text(draft.value) if is_check else self.digits.text(year, draft.name)
        notes = list(draft.notes)
        numbers, arithmetic = draft.numbers, ""
        tests = [self._write_test(year, test, labels) for test in self.digits.tests.get(id(draft), [])]
        if draft.tree:
            numbers = render(draft.tree, self.digits.texts(year, draft.tree), first_year=year.first_year)
            arithmetic = tree.to_text(draft.tree) if draft.arithmetic else ""
            notes += self._plugin_notes(year, draft.tree)
        elif draft.parts:
            numbers = " + ".join(self.digits.text(year, name) for name in draft.parts)
            arithmetic = " + ".join(draft.parts)
        elif draft.rounding:
            numbers = _rounded_arithmetic(draft.rounding)
            notes.insert(0, self._split_note(year, draft.rounding))
            tests += _rounding_tests(draft.rounding)
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
            result=("pass" if draft.value else "FAIL") if is_check else with_unit(text, draft.unit),
            formula=_SPACES.sub(lambda match: match[1] or " ", draft.formula).strip(),
            arithmetic=arithmetic,
            numbers=numbers,
            tests=tuple(tests),
            origin=origin,
            rows=draft.rows,
            notes=tuple(notes),
            share=self._share_text(year, draft),
            answer=draft.answer,
            uses=self._lines_used(year, draft),
        )

    def _plugin_notes(self, year: Drafts, expression: tree.Expression) -> list[str]:
        """Return a note on each call of a plug-in's function in a formula.

        It has the call with its numbers, the result, the plug-in, and what the function does.
        """
        functions = {function.name: function for function in added_functions(expression)}
        calls = [node for node in tree.walk(expression) if isinstance(node, tree.Call) and node.function in functions]
        values = evaluate(calls, year.cells, year.texts, first_year=year.first_year)
        texts = self.digits.texts(year, expression)
        notes = []
        for call, value in zip(calls, values, strict=True):
            gives = render(call, texts, first_year=year.first_year)
            words = " ".join(functions[call.function].function.words.split())
            notes.append(f"{gives} = {value_text(value)} ({functions[call.function].plugin}): {words}")
        return notes

    def _lines_used(self, year: Drafts, draft: UnformattedLine) -> tuple[int, ...]:
        """Return the numbers of the lines that a line is calculated from, each once.

        For a value of the year before, this is also the line of that year; values without a line are left out.
        """
        names = list(draft.parts)
        if draft.tree:
            names += columns_of(draft.tree, first_year=year.first_year)
        if draft.rounding:
            names += [draft.rounding.of, f"left_over({draft.name})"]
        numbers = [self.numbers.get((year.year, name)) for name in names]
        if draft.name in year.same:
            numbers.append(self.numbers.get(year.same[draft.name]))
        return tuple(dict.fromkeys(number for number in numbers if number))

    def _share_text(self, year: Drafts, draft: UnformattedLine) -> str:
        """Return a text of the value divided by the national total, in %; an empty text if there is no such total."""
        if draft.total is None:
            return ""
        part = value_text(draft.value / draft.total, "%")
        return f"{self.digits.text(year, draft.name)} / {value_text(draft.total, draft.unit)} = {part}"

    # Comparisons ----------------------------------------------------------------------------------------------

    def _write_test(self, year: Drafts, test: tree.ComparisonOperation | tree.IsGiven, labels: dict[str, str]) -> Test:
        """Return a comparison, or a test whether a value is given, with both sides as texts, and whether it is true.

        `labels` has the label of each line of the year by name.
        """
        if isinstance(test, tree.IsGiven):
            filled = year.cells[test.name] is not None
            return Test(f"{self._label(test.name, labels)} {self.digits.text(year, test.name)}", "is", "given", filled)
        outcome = self.digits.is_true(year, test)
        return Test(self._side(year, test.left, labels), test.relation, self._side(year, test.right, labels), outcome)

    def _side(self, year: Drafts, side: tree.Expression, labels: dict[str, str]) -> str:
        """Return one side of a comparison as text: its label or formula, and its printed value.

        A number or a text has no label. `labels` has the label of each line of the year by name.
        """
        text = self.digits.side_text(year, side, self._unit_of_side(side))
        match side:
            case tree.Number() | tree.Text():
                return text
            case tree.Name() | tree.Figure() | tree.Previous() if not (
                isinstance(side, tree.Previous) and year.first_year
            ):
                return f"{self._label(column_of(side), labels)} {text}"
            case _:
                return f"{tree.to_text(side)} = {text}"

    def _unit_of_side(self, side: tree.Expression) -> str | None:
        """Return the unit of one side of a comparison; None for a text or if it has none."""
        if isinstance(side, tree.Text) or (
            isinstance(side, tree.Name) and self.scheme.symbols[side.name].type == "text"
        ):
            return None
        return unit_in(side, self.scheme.symbols)

    def _label(self, name: str, labels: dict[str, str]) -> str:
        """Return the label of a name for use inside a sentence."""
        return inside(" ".join((labels.get(name) or self.scheme.labels.get(name, name)).split()))

    # Rounding -------------------------------------------------------------------------------------------------

    def _split_note(self, year: Drafts, rounding: Rounding) -> str:
        """Return how a figure splits: `£263,548.835397 is 263,548 whole pounds and a remainder of 0.835397`."""
        figure, size = self.digits.text(year, rounding.of), units(rounding.to, rounding.unit)
        return f"{figure} is {rounding.whole:,} {size} and a remainder of {remainder_text(rounding.millionths)}"


def _rounded_arithmetic(rounding: Rounding) -> str:
    """Return the arithmetic of a rounded figure: `263,548 + 1`, `(26,354 + 1) * £10`."""
    added = f"{rounding.whole:,} + {int(rounding.up)}"
    return added if rounding.to == 1 else f"({added}) * {value_text(rounding.to, rounding.unit)}"


def _rounding_tests(rounding: Rounding) -> list[Test]:
    """Return the comparisons that decide whether a figure is rounded up; none if no row is.

    Its remainder is compared with the smallest that is rounded up. If only some rows with that remainder are, its place
    among them by code decides.
    """
    if rounding.least is None:
        return []
    own_remainder, least = f"remainder {remainder_text(rounding.millionths)}", remainder_text(rounding.least)
    if rounding.last == rounding.equal:
        return [Test(own_remainder, ">=", least, rounding.millionths >= rounding.least)]
    tests = [Test(own_remainder, ">", least, rounding.millionths > rounding.least)]
    if rounding.place:
        place = f"place {rounding.place:,} by code among the {rounding.equal:,} with remainder {least}"
        tests.append(Test(place, "<=", f"{rounding.last:,}", rounding.place <= rounding.last))
    return tests
