"""How a scheme, its formula and its transition join into one `Scheme`, every value in place."""

from __future__ import annotations

import hashlib
import keyword
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from gpit_fairshare.errors import FormulaError, SchemeError, nearest
from gpit_fairshare.language import (
    FUNCTIONS,
    NATIONAL,
    ORGANISATION,
    Definition,
    Symbol,
    names_in,
    understand,
    walk,
)
from gpit_fairshare.language import tree as t
from gpit_fairshare.scheme.files import read_file
from gpit_fairshare.scheme.model import Check, Scheme, Step
from gpit_fairshare.scheme.parts import MOST_STEPS, Draft, Part, gather, place_of
from gpit_fairshare.scheme.shape import FormulaFile, SchemeFile, TransitionFile
from gpit_fairshare.scheme.values import give_values, list_assumptions

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from gpit_fairshare.scheme.files import Read
    from gpit_fairshare.scheme.shape import CheckEntry, StepEntry
    from gpit_fairshare.scheme.values import Setting

MOST_PARAMETERS: Final = 1_000

STANDARD_INPUTS: Final = {
    "registered_population": ("Registered population", "people"),
    "weighted_population": ("Weighted population", "people"),
    "historic_spend": ("Historic spend", "£"),
}
"""Input columns whose meaning is fixed: name to label and unit."""

IN_EVERY_TABLE: Final = frozenset({"year", "org_code", "org_name"})


def load(
    scheme: str = "gpit-2014-16",
    *,
    formula: str | None = None,
    transition: str | None = None,
    settings: Sequence[Setting] = (),
) -> Scheme:
    """Read a scheme with its formula and transition and return it ready to run.

    `formula` and `transition` replace those that the scheme names. Values keep their source or
    assumption; a setting replaces a value for this run and is marked as such.

    Raises:
        UsageError: A name is not in the library, a file is not there, a setting fits nothing.
        SchemeError: A file is not as it should be: file, place and what to do.
        FormulaError: A formula is not in the language or makes no sense.
    """
    read = read_file(scheme, SchemeFile)
    head = read.model.scheme
    draft = Draft()
    names = {"formula": "", "transition": ""}
    chosen = head.formula if formula is None else formula
    if chosen is not None:
        formula_read = read_file(chosen, FormulaFile, read if formula is None else None)
        names["formula"] = formula_read.model.formula.name
        draft.add(gather(formula_read))
    draft.add(gather(read))
    chosen = head.transition if transition is None else transition
    if chosen is not None:
        transition_read = read_file(chosen, TransitionFile, read if transition is None else None)
        names["transition"] = transition_read.model.transition.name
        part = gather(transition_read)
        _stands_alone(part, draft)
        draft.add(part)
    swapped = formula is not None or transition is not None
    ready = join(draft, read, names, settings, swapped=swapped)
    return replace(ready, digest=_digest(ready))


def join(
    draft: Draft,
    read: Read[SchemeFile],
    names: Mapping[str, str],
    settings: Sequence[Setting] = (),
    *,
    swapped: bool = False,
) -> Scheme:
    """Return the scheme that a draft comes to, every formula understood and every value in place, but no digest.

    `read` is the scheme's own file, `names` says what its formula and transition are called; `swapped` says
    that one of them is not the scheme's own.
    """
    _only_one_thing(draft)
    _close(draft, read)
    ready = _understood(draft, read, names)
    parameters, notes = give_values(draft.parameters, read, settings, swapped=swapped)
    return replace(ready, parameters=parameters, assumptions=list_assumptions(parameters, read), notes=tuple(notes))


def _stands_alone(part: Part, draft: Draft) -> None:
    """Refuse a transition that leans on one formula's inner steps or parameters."""
    steps = {step.name for step in draft.steps}
    if "fair_share" not in steps:
        raise SchemeError(f"{part.read.file}: a transition needs a step fair_share above it; name a formula")
    inner = (steps | set(draft.parameters)) - part.own - set(part.read.model.parameters) - {"fair_share"}
    entries: tuple[tuple[StepEntry | CheckEntry, t.Expression], ...] = (*part.steps, *part.checks)
    for entry, tree in entries:
        for name, position in names_in(tree):
            if name in inner:
                raise FormulaError(
                    "a transition relies on fair_share, input columns and its own steps and parameters, "
                    f"not on {name}; the money to spend is total(fair_share)",
                    position,
                    place_of(part.read, entry),
                )


def _close(draft: Draft, read: Read[SchemeFile]) -> None:
    """Make sure that the scheme has an answer; without a transition the fair share is the allocation."""
    result = read.model.scheme.result
    steps = {step.name: step for step in draft.steps}
    if result is None and "allocation" not in steps:
        if "fair_share" not in steps:
            raise SchemeError(
                f'{read.file}: no step is named allocation or fair_share; name the answer with result = "…"'
            )
        where, unit = f"{read.file}, step allocation", steps["fair_share"].unit
        draft.steps.append(Step("allocation", "Allocation", unit, "fair_share", t.Name("fair_share", 1), where))
    elif result is not None and result not in steps:
        raise SchemeError(
            f"{read.file}: scheme › result: there is no step {result}{nearest(result, steps)}; name a step"
        )
    for what, number, most in (
        ("steps", len(draft.steps), MOST_STEPS),
        ("parameters", len(draft.parameters), MOST_PARAMETERS),
    ):
        if number > most:
            raise SchemeError(f"{read.file}: the scheme has {number:,} {what}; {most:,} are allowed")
    known = {*draft.parameters, *draft.inputs, *STANDARD_INPUTS, *(step.name for step in draft.steps)}
    for place, name in draft.replacements:
        if name not in known:
            raise SchemeError(
                f"{place}: there is no {name}{nearest(name, known)}; "
                f"declare it under [parameters.{name}], or under [inputs.{name}] if it is a column"
            )


def _only_one_thing(draft: Draft) -> set[str]:
    """Return every name that the files give to something; a name may be only one thing."""
    seen: dict[str, str] = {}
    for what, name, where in (
        *(("a parameter", name, f"{read.file}: parameters") for name, (_, read) in draft.parameters.items()),
        *(("an input column", name, f"{read.file}: inputs") for name, (_, read) in draft.inputs.items()),
        *(("a step", step.name, step.where) for step in draft.steps),
    ):
        taken = seen.get(name) or _taken(name, what)
        if taken:
            raise SchemeError(f"{where}: {name} is {taken} already; a name is only one thing")
        seen[name] = what
    return set(seen)


def _symbols(draft: Draft, report_by: str | None) -> dict[str, Symbol]:
    """Return inputs and parameters as symbols; a name that no file declares is a column of the inputs.

    Codes, names and the column to report by are texts, so that a formula that takes one for a number is refused.
    """
    seen = _only_one_thing(draft)
    symbols = {
        name: Symbol(name, "parameter", NATIONAL, "number", entry.unit) for name, (entry, _) in draft.parameters.items()
    }
    parts: tuple[Step | Check, ...] = (*draft.steps, *draft.checks)
    texts = {column for part in parts for column in _text_columns(part.tree)}
    texts |= {"org_code", "org_name"} | ({report_by} - set(STANDARD_INPUTS) if report_by else set())
    for part in parts:
        for name, position in names_in(part.tree):
            if name == "year":
                raise FormulaError(
                    "a formula is the same in every year; what differs by year is a parameter",
                    position,
                    part.where,
                )
            if name not in seen and name not in symbols:
                _, unit = STANDARD_INPUTS.get(name, ("", None))
                symbols[name] = Symbol(name, "input", ORGANISATION, "text" if name in texts else "number", unit)
    for name, (entry, read) in draft.inputs.items():
        _, unit = STANDARD_INPUTS.get(name, ("", entry.unit))
        if name in STANDARD_INPUTS and (entry.type == "text" or entry.unit not in (None, unit)):
            raise SchemeError(f"{read.file}: inputs › {name}: it is a number, and its unit is {unit}")
        symbols[name] = Symbol(name, "input", ORGANISATION, entry.type, unit, entry.optional)
    return symbols


def _taken(name: str, what: str) -> str:
    """Say what a name is before any file gives it to something; an empty text if it is free."""
    if name in IN_EVERY_TABLE:
        return "a column of every table"
    if name in FUNCTIONS:
        return "a function of the language"
    if keyword.iskeyword(name):
        return "a word of the language"
    return "an input column" if name in STANDARD_INPUTS and what != "an input column" else ""


def _text_columns(tree: t.Expression) -> Iterator[str]:
    """Yield the names that only a text column can bear: beside a quoted text, or after `within`."""
    for node in walk(tree):
        match node:
            case t.Comparison(_, t.Name(name), t.Text()) | t.Comparison(_, t.Text(), t.Name(name)):
                yield name
            case t.Figure(within=str(name)) | t.ShareOut(within=str(name)) | t.Rounded(within=str(name)):
                yield name
            case _:
                pass


def _understood(draft: Draft, read: Read[SchemeFile], names: Mapping[str, str]) -> Scheme:
    """Return the scheme with kinds, types and units inferred, before its parameters have values."""
    head = read.model.scheme
    symbols = understand(
        [Definition(step.name, step.tree, step.unit, step.where) for step in draft.steps],
        _symbols(draft, head.report_by),
        [Definition(check.name, check.tree, None, check.where) for check in draft.checks],
    )
    steps = []
    for step in draft.steps:
        one = symbols[step.name]
        steps.append(replace(step, kind=one.kind, type=one.type, unit=one.unit))
        if step.non_recurrent and (one.kind != ORGANISATION or one.type != "number"):
            raise SchemeError(
                f"{step.where}: non_recurrent says that it is a part of the answer; "
                f"found {one.type if one.type != 'number' else one.kind}, expected one number per {head.organisation}"
            )
    result = head.result or "allocation"
    answer = symbols[result]
    if answer.kind != ORGANISATION or answer.type != "number":
        found = answer.type if answer.type != "number" else answer.kind
        raise SchemeError(f"{read.file}: the answer {result} is {found}; it is one number per {head.organisation}")
    by = symbols.get(head.report_by or "")
    if by and (by.role != "input" or by.type != "text"):
        what = f"a {by.role}" if by.role != "input" else "a column of numbers"
        raise SchemeError(
            f"{read.file}: scheme › report_by: {head.report_by} is {what}; name a text column of the inputs"
        )
    # The same file may be read for several uses; two files of one name are both listed.
    reads = list({(one.file, one.digest): one for one in draft.reads}.values())
    spend = read.model.spend
    return Scheme(
        name=head.name,
        title=head.title,
        organisation=head.organisation,
        years=tuple(head.years),
        formula=names["formula"],
        transition=names["transition"],
        steps=tuple(steps),
        checks=tuple(draft.checks),
        parameters={},
        symbols=symbols,
        labels=_labels(draft, symbols),
        counts={key: tuple(words) for key, words in spend.counts.items()} if spend else {},
        sources=tuple(source for one in reads for source in one.sources.values()),
        assumptions=(),
        result=result,
        report_by=head.report_by,
        indicative=tuple(head.indicative),
        digest="",
        files=tuple((one.file, one.digest) for one in reads),
    )


def _labels(draft: Draft, symbols: Mapping[str, Symbol]) -> dict[str, str]:
    """Return a label for every name: as declared, else the name itself in plain words."""
    labels = {name: label for name, (label, _) in STANDARD_INPUTS.items()}
    labels |= {name: entry.label for name, (entry, _) in draft.inputs.items() if entry.label}
    labels |= {name: entry.label for name, (entry, _) in draft.parameters.items()}
    labels |= {step.name: step.label for step in draft.steps}
    return labels | {name: name.replace("_", " ").capitalize() for name in symbols if name not in labels}


def _digest(scheme: Scheme) -> str:
    """Return a digest of everything that decides a result: files, choice of parts and settings."""
    parts = [f"{file} {digest}" for file, digest in scheme.files]
    parts += [f"{name}@{year}={value.value!r}" for name, year, value in scheme.overridden()]
    return hashlib.sha256("\n".join([scheme.formula, scheme.transition, *parts]).encode()).hexdigest()
