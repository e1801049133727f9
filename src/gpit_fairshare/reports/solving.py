"""The report of `gpit solve`: the answer in words, the runs that prove it, and what the search could have missed."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Final

from gpit_fairshare.numbers import exact, exact_money, parameter_value, whole, with_unit
from gpit_fairshare.reports import document
from gpit_fairshare.reports.allocation_opening import Opening
from gpit_fairshare.reports.document import Role, Tone
from gpit_fairshare.reports.sweep import warnings_on_inputs
from gpit_fairshare.structured_texts import json_text
from gpit_fairshare.sweeps import BALANCED
from gpit_fairshare.words import counted, is_money, joined, listed, span

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from gpit_fairshare.sweeps.conditions import ComparedFigures
    from gpit_fairshare.sweeps.solving import Proof, Solution, SolvedValue

MOST: Final = 5
"""Answers and ranges of values that sentences name."""
_MADE_OF: Final = (
    *("schema", "parameter", "condition", "years", "between", "step"),
    *("scheme", "digest", "settings", "inputs", "versions"),
)
"""Entries of the JSON document that say what an answer was made of."""
_PLACES: Final = {"answer": "answer", "until": "up to here", "beside": "one step on", "first": "first", "last": "last"}


def solution_document(
    solution: Solution, *, is_short: bool = False, file_names: Sequence[str] = ()
) -> document.Document:
    """Return the report of a search.

    Args:
        solution: What a search found.
        is_short: Whether it is for a screen; else it has all warnings, and what the answer was made of.
        file_names: Names of the files that were written.
    """
    report = _SolutionReport(solution)
    head, *others = report.answer()
    tone = Tone.STRONG if solution.is_found else Tone.WARNING
    blocks = [
        document.Title([head], tone),
        *(document.Paragraph(text) for text in others),
        *(document.Paragraph(text, Tone.WARNING) for text in report.failing_checks()),
        document.Paragraph(f"{solution.scheme.title}, {span(solution.scheme.years)}."),
        *report.cautions(),
        *document.written_line(file_names),
        report.table(),
        *(document.Paragraph(text, blank_before=True) for text in report.caveats()),
        *warnings_on_inputs(solution.inputs.findings, is_short=is_short),
    ]
    if not is_short:
        manifest = {key: entry for key, entry in solution.document().items() if key in _MADE_OF}
        blocks += [document.Heading("Manifest"), document.Verbatim(json_text(manifest).rstrip(), "json")]
    return document.Document(blocks)


class _SolutionReport:
    """The sentences and the table of a search."""

    def __init__(self, solution: Solution) -> None:
        """Take what a search found."""
        self.solution = solution
        self.is_falling = solution.values.step < 0
        self.years = f"in {span(solution.years)}" if len(solution.years) == 1 else "in every year"

    def value(self, number: float) -> str:
        """Write a value of the parameter, with all its digits."""
        unit = self.solution.values.unit
        return with_unit(parameter_value(number, unit, full=True), unit)

    def condition(self, *, is_true: bool = True) -> str:
        """Return what is true or not, as the subject and verb of a sentence."""
        if self.solution.condition == BALANCED:
            return "the money balances" if is_true else "the money does not balance"
        return f"{self.solution.condition} is {'true' if is_true else 'not true'}"

    def answer(self) -> Iterator[str]:
        """Yield the answer, and what else must be known to understand it."""
        solution, key = self.solution, self.solution.values.key
        if solution.is_equality:
            yield from self._equality(solution.answers)
        elif len(solution.answers) == 1:
            answer = solution.answers[0]
            verb, beyond = ("fall", "below") if self.is_falling else ("rise", "above")
            assert answer.beside is not None  # noqa: S101  # the first value that is not true
            yield f"{key} can {verb} to {self.value(answer.at.value)}: {beyond} that, {self._why_not(answer.beside)}."
        elif solution.answers:
            names = [self.value(answer.at.value) for answer in solution.answers[:MOST]]
            more = [f"{len(solution.answers) - MOST} more"] if len(solution.answers) > MOST else []
            limits = counted(len(solution.answers), "limit")
            yield f"There is no single answer: {key} has {limits}: {joined([*names, *more])}."
            yield f"At each of them {self.condition()} {self.years}, and one step on it is not."
        else:
            yield from self._no_answer()
        if solution.answers and solution.begins and not solution.is_equality:
            begins = listed([self.value(number) for number in solution.begins], MOST)
            again = "again " if solution.ends[0].is_true else ""
            yield f"Coming from {self.value(solution.ends[0].value)}, it becomes true {again}at {begins}."
        if solution.changes_left:
            yield f"Further changes between true and not true, which were not followed: {solution.changes_left:,}."
        for values in solution.impossible[:MOST]:
            direction = "down" if self.is_falling else "up"
            to = direction if values.reaches_end else f"to {self.value(values.last)}"
            where = (
                f"From {self.value(values.first)} {to}"
                if values.first != values.last
                else f"At {self.value(values.first)}"
            )
            yield f"{where} it is impossible: {values.reason}"

    def cautions(self) -> Iterator[document.Block]:
        """Yield that figures are not final, and the settings of all runs."""
        if self.solution.example:
            opening = Opening(self.solution.example)
            yield from opening.cautions()
            yield from opening.settings()

    def failing_checks(self) -> Iterator[str]:
        """Yield the checks that fail at a value that the answer names."""
        for place, proof in self.solution.proofs():
            if place != "beside" and proof.failing_checks:
                yield f"At {self.value(proof.value)} a check fails: {listed(proof.failing_checks, MOST)}."

    def _no_answer(self) -> Iterator[str]:
        """Yield that there is no value that is true before one that is not."""
        solution, (first, last) = self.solution, self.solution.ends
        if solution.begins:  # it becomes true, and stays so
            begin, start = self.value(solution.begins[0]), self.value(first.value)
            yield f"At {start}, {self._why_not(first)}; from {begin} on {self.condition()} {self.years}."
            reversed_ends = " ".join(proof.text for proof in (last, first))
            yield f"To have {begin} as the answer, come from the other end: --between {reversed_ends}"
            return
        ends = f"from {self.value(first.value)} to {self.value(last.value)}"
        if all(trial.impossible for trial in solution.trials):
            yield f"There is no answer: {self._all_of('no value')} {ends} gives a result."
        elif first.is_true:
            yield f"There is no limit: {self.condition()} {self.years} at {self._all_of('every value')} {ends}."
        else:
            yield f"There is no answer: {self._nowhere()}, {ends}."

    def _equality(self, answers: Sequence[SolvedValue]) -> Iterator[str]:
        """Yield where the two sides are equal, or closest."""
        key = self.solution.values.key
        if not answers:
            yield from self._no_answer()
            return
        texts = [
            f"{self.value(answer.at.value)}" + (f" to {self.value(answer.until.value)}" if answer.until else "")
            for answer in answers
        ]
        if not answers[0].at.is_true:
            place = f"from {texts[0]}" if answers[0].until else f"at {texts[0]}"
            yield f"There is no exact answer: {self._nowhere()}. The two sides are closest {place}."
        elif len(answers) > 1:
            yield f"There is no single answer: {self.condition()} {self.years} at {listed(texts, MOST)}."
        elif answers[0].until:
            yield f"{key} can be anything from {texts[0]}: there, {self.condition()} {self.years}."
        else:
            yield f"{key} must be {texts[0]}: there, {self.condition()} {self.years}."

    def _nowhere(self) -> str:
        """Return that the condition is true at no value."""
        if self.solution.condition == BALANCED:
            return f"at {self._all_of('no value')} does the money balance {self.years}"
        return f"at {self._all_of('no value')} is {self.solution.condition} true {self.years}"

    def _all_of(self, values: str) -> str:
        """Return `every value` or `no value`, or how many of all values were calculated."""
        count, calculated = self.solution.values.count, len(self.solution.trials)
        if calculated == count:
            return values
        number = "none" if values.startswith("no") else "each"
        return f"{number} of the {whole(calculated)} values that were calculated"

    def _why_not(self, proof: Proof) -> str:
        """Return why the condition is not true at a value."""
        if proof.impossible:
            return "it is impossible"
        is_every_year = len(proof.failing_years) == len(self.solution.years) > 1
        return f"{self.condition(is_true=False)} in {'any year' if is_every_year else span(proof.failing_years)}"

    def table(self) -> document.Table:
        """Return the runs that prove the answer: a row for each year, with the figures of both sides."""
        columns = [
            document.Column("", Role.LABEL, spare=1),
            document.Column("Value"),
            document.Column("Year", Role.LABEL),
            document.Column("True", Role.LABEL),
            document.Column("Figures", Role.TEXT, required_width=20),
        ]
        rows = []
        for place, proof in self.solution.proofs():
            word = _PLACES[place] if place != "beside" or not self.solution.is_equality else "one step beside"
            cells = [word, self.value(proof.value)]
            if proof.impossible:
                rows.append(document.Row([*cells, "", "no", "impossible"]))
            for year, group in groupby(proof.figures, key=lambda figure: figure.year):
                figures = [*group]
                is_true = "no" if year in proof.failing_years else "yes"
                for figure in figures:
                    text = _figure_text(figure, with_name=len(figures) > 1)
                    rows.append(document.Row([*cells, year, is_true, text]))
                    cells, year, is_true = ["", ""], "", ""  # noqa: PLW2901  # once is enough
        return document.Table(columns, rows)

    def caveats(self) -> Iterator[str]:
        """Yield how many values were calculated, and what can have been missed."""
        solution = self.solution
        count, calculated = solution.values.count, len(solution.trials)
        if calculated == count:
            yield f"All {whole(count)} values were calculated, and those in the table again by single runs."
            return
        gap = self.value(float(abs(solution.values.step) * solution.spacing))
        missed = "If the condition changes and changes back between two neighbours, the search misses that"
        missed = "The search can miss a closer value between two neighbours" if solution.is_equality else missed
        yield (
            f"{whole(calculated)} of {whole(count)} values were calculated, at most {gap} apart, and those in the "
            f"table again by single runs. {missed}; with A and B closer together, or a longer --step, it calculates "
            "every value."
        )


def _figure_text(figure: ComparedFigures, *, with_name: bool) -> str:
    """Return two figures that are compared, with what the first is if asked for, and for which organisation."""
    numbers = exact(figure.left), exact(figure.right)
    left, right = (
        exact_money(number) if is_money(figure.unit) else parameter_value(number, figure.unit) for number in numbers
    )
    name = f"{figure.left_of} " if with_name else ""
    row = f" ({figure.row})" if figure.row else ""
    return f"{name}{left} {figure.relation} {right}{row}"
