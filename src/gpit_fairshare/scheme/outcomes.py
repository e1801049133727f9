"""What a rule can do to an organisation: hold it at a floor, give it support, let it gain.

A table `[[outcomes]]` lists them. As with the money account, the last file with steps decides: the transition, or
without one the scheme or the formula. A scheme's own list comes first, unless its transition is replaced. A rule
without a list gets what follows from its last `share_out` and from historic spend.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from gpit_fairshare.findings import FindingCode, Where
from gpit_fairshare.language import tree
from gpit_fairshare.language.kinds import ORGANISATION, Symbol
from gpit_fairshare.language.parsing import parse
from gpit_fairshare.numbers import figure, in_sentence, parameter_value
from gpit_fairshare.scheme.model import Outcome, Step
from gpit_fairshare.words import inside, nearest, one_line

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from gpit_fairshare.language.tree import Name, Number
    from gpit_fairshare.scheme.faults import Faults
    from gpit_fairshare.scheme.model import Scheme
    from gpit_fairshare.scheme.money import Layer

PLACEHOLDER: Final = re.compile(r"\{([^{}]*)\}")
"""A value in a clause: the name of a parameter, an input column or a step, in braces."""
_SPEND: Final = "historic_spend"
_POUNDS: Final = (ORGANISATION, "£")
"""Kind and unit of a step with an amount for each organisation."""
COMPARED_WITH_SPEND: Final = (
    ("gains", "{answer} >= historic_spend + 1"),
    ("loses", "{answer} <= historic_spend - 1"),
    ("unchanged", "abs({answer} - historic_spend) < 1"),
)
"""Derived outcomes: label and formula. A change of less than £1 is rounding, as in `engine.measures`."""


def stated_outcomes(layers: Sequence[Layer], *, scheme_file: str, swapped: bool, faults: Faults) -> list[Outcome]:
    """Return the outcomes that the files of a scheme list; empty if the file that decides lists none.

    Args:
        layers: The files, in the order in which they build on one another.
        scheme_file: Name of the scheme file; its own list comes before that of its transition.
        swapped: Whether an option replaces the transition: the scheme's own list is then not used.
        faults: Collects labels that are used twice.
    """
    decided: tuple[Outcome, ...] = ()
    for layer in layers:
        if layer.step_names or layer.outcomes:
            decided = layer.outcomes
    own = next((layer.outcomes for layer in layers if layer.file == scheme_file), ())
    decided = decided if swapped else own or decided
    labels: set[str] = set()
    for outcome in decided:
        if outcome.label in labels:
            problem = f"{outcome.label} is already the label of an outcome; use another label"
            faults.error(FindingCode.NAME_TAKEN, outcome.place, problem, message=f"{outcome.where}: {problem}")
        labels.add(outcome.label)
    return list(decided)


def report_placeholders(outcomes: Sequence[Outcome], symbols: Mapping[str, Symbol], faults: Faults) -> None:
    """Report names in braces, in the clauses of outcomes, that are not a number of the scheme, and single braces."""
    for outcome in outcomes:
        if {"{", "}"} & set(PLACEHOLDER.sub("", outcome.because)):
            problem, remedy = "because: a brace has no partner", "write a name as {name}, and no other braces"
            faults.error(FindingCode.SHAPE, outcome.place, problem, remedy=remedy)
        for name in PLACEHOLDER.findall(outcome.because):
            symbol = symbols.get(name)
            if name in faults.unresolved or (symbol and symbol.type == "number" and not symbol.table):
                continue
            problem = f"because: {name or 'an empty pair of braces'} is not a number of the scheme"
            problem += nearest(name, (other for other, symbol in symbols.items() if symbol.type == "number"))
            remedy = "write the name of a parameter, a step or an input column in the braces"
            faults.error(FindingCode.UNKNOWN_NAME, outcome.place, problem, remedy=remedy)


def derived_outcomes(
    steps: Sequence[Step], symbols: Mapping[str, Symbol], labels: Mapping[str, str], result: str, file: str
) -> list[Outcome]:
    """Return the outcomes of a rule that lists none.

    They are the bounds of its last `share_out` in pounds per organisation, and whether the answer is above or below
    historic spend, if the rule uses it.

    Args:
        steps: Every step, in order.
        symbols: What each name means.
        labels: The label of each name.
        result: The step that is the answer.
        file: Name of the scheme file, for messages.
    """
    answer = symbols.get(result)
    if not answer or answer.unit != "£" or answer.kind != ORGANISATION:
        return []
    texts = [*_bound_outcomes(steps, symbols, labels)]
    used_names = {name for step in steps for name, _ in tree.names_in(step.tree)}
    if _SPEND in used_names and symbols[_SPEND].role == "input" and not symbols[_SPEND].optional:
        texts += [(label, formula.format(answer=result), "") for label, formula in COMPARED_WITH_SPEND]
    return [
        Outcome(
            label=label,
            formula=formula,
            because=because,
            where=f"{file}, outcome {label}",
            place=Where(file, f"outcome {label}"),
            tree=parse(formula),
        )
        for label, formula, because in texts
    ]


def _bound_outcomes(
    steps: Sequence[Step], symbols: Mapping[str, Symbol], labels: Mapping[str, str]
) -> Iterator[tuple[str, str, str]]:
    """Yield label, formula and clause of each bound of the last `share_out` in £ with one value per organisation."""

    def clause(bound: Name | Number, limit: str) -> str:
        """Return what the bound does, with its label and value."""
        if isinstance(bound, tree.Number):
            return f"{figure(bound.value, '£')} is the {limit} it can get"
        return f"the {inside(labels[bound.name])} of {{{bound.name}}} is the {limit} it can get"

    sharing = [
        step
        for step in steps
        if isinstance(step.tree, tree.ShareOut) and (symbols[step.name].kind, symbols[step.name].unit) == _POUNDS
    ]
    kernel = sharing[-1].tree if sharing else None
    if not isinstance(kernel, tree.ShareOut):
        return
    name = sharing[-1].name
    if kernel.at_least is not None:
        least = tree.to_text(kernel.at_least)
        yield "at the least", f"{least} > 0 and {name} <= {least}", clause(kernel.at_least, "least")
    if kernel.at_most is not None:
        most, weight = tree.to_text(kernel.at_most), tree.to_text(kernel.by)
        yield "at the most", f"{weight} > 0 and {name} >= {most}", clause(kernel.at_most, "most")


def clause_with_figures(scheme: Scheme, outcome: Outcome, figures: Mapping[str, float | None], year: str) -> str:
    """Return the clause of an outcome with the figures of one organisation and year; empty if the rule gives none.

    Args:
        scheme: The scheme.
        outcome: One of its outcomes.
        figures: The organisation's inputs and steps of the year, by name.
        year: The year, for parameters.
    """
    return PLACEHOLDER.sub(lambda match: figure_in_sentence(scheme, match[1], figures, year), outcome.because)


def figure_in_sentence(scheme: Scheme, name: str, figures: Mapping[str, Any], year: str) -> str:
    """Return a parameter, input or step of one organisation and year as a sentence has it; a dash for a blank.

    Pounds have pence only if the organisation's result has. The arguments are those of `clause_with_figures`.
    """
    if name in scheme.parameters:
        return parameter_value(scheme.parameters[name].values[year].value, scheme.parameters[name].unit)
    value, answer = figures.get(name), figures.get(scheme.result) or 0.0
    if value is None:
        return "–"
    if isinstance(value, str | bool):
        return one_line(figure(value), None)
    return in_sentence(value, scheme.symbols[name].unit, pence=not float(answer).is_integer())
