"""The library on the screen: the list of its files, and the method of one, as text or as Markdown."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from gpit_fairshare.explanation.markdown import code
from gpit_fairshare.numbers import written_value
from gpit_fairshare.reports.terminal import Page
from gpit_fairshare.scheme import number
from gpit_fairshare.words import in_markdown as plain
from gpit_fairshare.words import joined, span

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.console import Console

    from gpit_fairshare.scheme import CheckSaid, Entry, Figure, Method, Needed, StepSaid

_ADDRESS: Final = re.compile(r"https?://[^\s<>]+")
_PLURALS: Final = {"formula": "Formulas", "transition": "Transitions", "scheme": "Schemes"}
_YEARS: Final = 21
"""Columns of `2014/15 and 2015/16`, and of the blanks behind it."""
_PAYS: Final = {
    "within the budget": "those who gain, within the budget",
    "top-slice": "a fund set aside for it, beside the fair shares",
    "new money": "new money, on top of the budget",
}


# The list ---------------------------------------------------------------------------------------------------


def show_library(entries: Sequence[Entry], console: Console) -> None:
    """Print every file by kind: name, years, figures with and without a source, and below it the title."""
    page = Page(console)
    names = page.width - _YEARS - 14
    for kind, heading in _PLURALS.items():
        files = [one for one in entries if one.kind == kind]
        if not files:
            continue
        if kind != entries[0].kind:
            page.blank()
        page.paragraph(f"{heading:<{names}}{'years':<{_YEARS}}{'cited':>5}{'assumed':>9}", "bold")
        for one in files:
            years = span(one.years) if one.years else "any"
            name = one.name
            if len(name) >= names - 2:  # it has to be typed: a line of its own, and never cut
                page.paragraph(name, lead="  ")
                name = ""
            page.paragraph(f"  {name:<{names - 2}}{years:<{_YEARS}}{one.cited:>5}{one.assumed:>9}")
            origin = f" [{one.package} {one.version}]" if one.package else ""
            page.paragraph(f"{one.title}{origin}", lead="    ")
    page.blank()
    page.paragraph(
        "Cited and assumed: figures in the file itself that have a source, and that are assumptions. "
        "gpit library show NAME has the method, its formulas and sources."
    )


# The method of one file ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Item:
    """One thing of a section: what it says, formulas below it, and texts below these."""

    text: str
    lead: str = ""
    """What stands before it: its number; a dash where there is none."""
    name: str = ""
    """Its name in formulas."""
    words: str = ""
    """What it comes to, with labels in the place of names."""
    formula: str = ""
    below: tuple[str, ...] = ()
    copied: str = ""
    """An address or a command, which no line breaks, so that it can be copied."""


@dataclass(frozen=True, slots=True)
class _Section:
    title: str
    texts: tuple[str, ...] = ()
    items: list[_Item] = field(default_factory=list)


def show_method(method: Method, console: Console) -> None:
    """Print a method: words first, then parameters, inputs, steps, checks, properties and sources."""
    page = Page(console)
    page.paragraph(method.title, "bold")
    page.paragraph(_what(method))
    for section in _sections(method):
        page.heading(section.title)
        for text in section.texts:
            page.paragraph(text, lead="  ")
        for item in section.items:
            lead = f"  {item.lead or '–'} "
            page.paragraph(f"{item.text}{f' ({item.name})' if item.name else ''}", lead=lead)
            pad = " " * len(lead)
            if item.words:
                page.paragraph(item.words, lead=f"{pad}= ")
            if item.formula:
                page.paragraph(item.formula, lead=f"{pad}formula: ")
            for text in item.below:
                page.paragraph(text, lead=pad)
            if item.copied:
                page.unbroken(f"{pad}{item.copied}")


def method_markdown(method: Method) -> str:
    """Return a method as Markdown, ending in a line feed."""
    return "\n".join(_markdown(method)).rstrip("\n") + "\n"


def _markdown(method: Method) -> Iterator[str]:
    yield f"# {plain(method.title)}"
    yield ""
    yield plain(_what(method))
    for section in _sections(method):
        yield ""
        yield f"## {section.title}"
        yield ""
        for text in section.texts:
            yield plain(text)
        if section.texts and section.items:
            yield ""
        for item in section.items:
            lead = item.lead or "*"
            pad = " " * (len(lead) + 1)
            yield f"{lead} {plain(item.text)}{f' ({code(item.name)})' if item.name else ''}"
            if item.words:
                yield f"{pad}* = {plain(item.words)}"
            if item.formula:
                yield f"{pad}* {code(item.formula)}"
            for text in item.below:
                yield f"{pad}* {plain(text)}"
            if item.copied:
                yield f"{pad}* {f'<{item.copied}>' if _ADDRESS.fullmatch(item.copied) else code(item.copied)}"


def _what(method: Method) -> str:
    years = f", {span(method.years)}" if method.years else ""
    firm = f" ({joined(method.indicative)} indicative)" if method.indicative else ""
    origin = f", from {method.package} {method.version}" if method.package else ""
    return f"{method.kind} {method.name}{years}{firm}{origin}"


def _sections(method: Method) -> Iterator[_Section]:
    """Yield what there is to say, in the order in which a reader wants it; what a file does not say is left out."""
    facts = [method.note]
    facts += [f"Opening baseline: {method.opening_baseline}."] if method.opening_baseline else []
    facts += [f"Who pays for protection: {_PAYS[method.paid_from]}."] if method.paid_from else []
    facts += [f"Money in: {joined(method.money_in)}."] if method.money_in else []
    facts += [f"Taken away: {joined(method.taken_away)}."] if method.taken_away else []
    facts += [f"A row is one {method.organisation}."] if method.organisation else []
    if said := tuple(filter(None, facts)):
        yield _Section("Method", said)
    parts = [
        _Item(f"{kind.capitalize()} {name}", copied=f"gpit library show {name} --kind {kind}")
        for kind, name in (("formula", method.formula), ("transition", method.transition))
        if name
    ]
    orders = [_Item(text, f"{place}.") for place, text in enumerate(method.order, 1)]
    kept = [
        _Item(f"{one.name.replace('_', ' ').capitalize()}: {_state(one.state, one.means, one.why)}")
        for one in (method.properties)
    ]
    sources = [
        _Item(
            ". ".join(filter(None, (one.publisher, one.title, one.date))) + f" [{one.key}]",
            below=(" ".join(one.note.split()),) if one.note else (),
            copied=one.url,
        )
        for one in method.sources
    ]
    for title, items in (
        ("Made of", parts),
        ("Order of operations", orders),
        ("Parameters", [_parameter(one) for one in method.parameters]),
        ("Columns of the inputs", [_input(one) for one in method.inputs]),
        ("Steps", [_step(one) for one in method.steps]),
        ("Checks", [_check(one) for one in method.checks]),
        ("What it keeps, whatever the inputs", kept),
    ):
        if items:
            yield _Section(title, items=items)
    if method.infeasible:
        yield _Section("When there is no answer", (method.infeasible,))
    if sources:
        yield _Section("Sources", items=sources)


def _state(state: str, means: str, why: str) -> str:
    match state:
        case "kept":
            return f"kept. {means[:1].upper()}{means[1:]}."
        case "broken":
            return f"not kept, that {means}. {why}"
        case _:
            return f"does not arise. {why}"


def _parameter(one: Needed) -> _Item:
    bounds = ""
    if one.minimum and one.maximum:
        bounds = f", from {_figure(one.minimum, one.unit)} to {_figure(one.maximum, one.unit)}"
    elif one.minimum or one.maximum:
        least = "at least" if one.minimum else "at most"
        bounds = f", {least} {_figure(one.minimum or one.maximum, one.unit)}"
    below = [one.note] if one.note else []
    below += [_said(figure, one.unit) for figure in one.figures] or ["The scheme gives its value."]
    return _Item(f"{one.label}{', ' if one.unit else ''}{one.unit}{bounds}", name=one.name, below=tuple(below))


def _said(figure: Figure, unit: str) -> str:
    origin = figure.source or f"assumption: {figure.assumption}"
    return f"{figure.year}: {_figure(figure.written, unit)} – {origin}"


def _figure(written: str, unit: str) -> str:
    """Write a figure in its unit; a bound may be the name of another parameter, and stays as it is."""
    try:
        value = number(written)
    except ValueError:
        return written
    if unit == "%" and not written.endswith("%") and "/" not in written:
        return f"{value * 100:.10g}%"
    return written_value(value, unit, written)


def _input(one: Needed) -> _Item:
    optional = ", may be blank" if one.optional else ""
    below = (one.note,) if one.note else ()
    return _Item(f"{one.label}{', ' if one.unit else ''}{one.unit}{optional}", name=one.name, below=below)


def _step(one: StepSaid) -> _Item:
    below = (*one.functions, *((one.note,) if one.note else ()))
    unit = f", {one.unit}" if one.unit else ""
    return _Item(f"{one.label}{unit}", f"{one.number}.", one.name, one.words, one.formula, below)


def _check(one: CheckSaid) -> _Item:
    stops = ("The run stops where it does not hold.",) if one.stops else ()
    return _Item(one.name, formula=one.formula, below=(*stops, *((one.note,) if one.note else ())))
