"""The reports of `gpit library`: the list of its files, the method of one, and the verdicts of a check."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gpit_fairshare.numbers import written_value
from gpit_fairshare.reports import document
from gpit_fairshare.scheme.model import NO_ORIGIN
from gpit_fairshare.scheme.written_numbers import number
from gpit_fairshare.words import counted, inside, joined, plural, span

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from gpit_fairshare.scheme.method import (
        LibraryEntry,
        Method,
        MethodCheck,
        MethodOutcome,
        MethodRow,
        MethodStep,
        MethodTable,
        MethodValue,
        ParameterFigure,
    )
    from gpit_fairshare.scheme.review import Review

_PAYS: Final = {
    "within the budget": "those who gain, within the budget",
    "top-slice": "a fund set aside for it, separate from the fair shares",
    "new money": "new money, on top of the budget",
}
_DASH: Final = "– "
_TONES: Final = {"error": document.Tone.BAD, "warning": document.Tone.WARNING}


# The list ---------------------------------------------------------------------------------------------------


def library_document(
    entries: Sequence[LibraryEntry], words: Sequence[str] = (), suggestion: str = ""
) -> document.Document:
    """Return the files by kind: name, years, numbers of figures with and without a source, and the title below.

    Args:
        entries: The files.
        words: What was searched for; if there are no files, one line says so.
        suggestion: A question with words that are like them, for the end of that line.
    """
    if words and not entries:
        nothing = f"No file has {joined(words)} in its name, title, notes or labels"
        return document.Document([document.Paragraph(f"{nothing}{suggestion or '; gpit library list shows all'}")])
    blocks: list[document.Block] = []
    for kind in ("formula", "transition", "scheme"):
        rows = []
        for entry in entries:
            if entry.kind == kind:
                origin = f" [{entry.package} {entry.version}]" if entry.package else ""
                cells = [document.Code(entry.name), span(entry.years) or "any", str(entry.cited), str(entry.assumed)]
                rows.append(document.Row(cells, below=f"{entry.title}{origin}"))
        texts = [document.Column(text, document.Role.TEXT) for text in (plural(kind).capitalize(), "years")]
        blocks += [document.Table([*texts, document.Column("cited"), document.Column("assumed")], rows)] if rows else []
    text = (
        "Cited: figures in the file that have a source. Assumed: figures that are assumptions. "
        "gpit library show NAME shows the method, its formulas and sources."
    )
    return document.Document([*blocks, document.Paragraph(text, blank_before=True)])


# The method of one file ---------------------------------------------------------------------------------------


def method_document(method: Method) -> document.Document:
    """Return a method: a description, then parameters, inputs, steps, checks, outcomes, properties and sources."""
    years = f", {span(method.years)}" if method.years else ""
    indicative = f" ({joined(method.indicative)} indicative)" if method.indicative else ""
    origin = f", from {method.package} {method.version}" if method.package else ""
    subtitle = document.Paragraph(f"{method.kind} {method.name}{years}{indicative}{origin}")
    return document.Document([document.Title([method.title]), subtitle, *_sections(method)])


def _sections(method: Method) -> Iterator[document.Block]:
    """Yield the headings and items of a method in reading order; empty sections are left out."""
    facts = [method.note]
    facts += [f"Opening baseline: {method.opening_baseline}."] if method.opening_baseline else []
    facts += [f"Who pays for protection: {_PAYS[method.paid_from]}."] if method.paid_from else []
    facts += [f"Money in: {joined(method.money_in)}."] if method.money_in else []
    facts += [f"Taken away: {joined(method.taken_away)}."] if method.taken_away else []
    facts += [f"Each row is one {method.organisation}."] if method.organisation else []
    parts = [
        document.Item(
            f"{kind.capitalize()} {name}",
            _DASH,
            below=[document.Item(document.Address(f"gpit library show {name} --kind {kind}"))],
        )
        for kind, name in (("formula", method.formula), ("transition", method.transition))
        if name
    ]
    properties = [
        document.Item(f"{kept.name.replace('_', ' ').capitalize()}: {_state(kept.state, kept.means, kept.why)}", _DASH)
        for kept in method.properties
    ]
    sources = [
        document.Item(
            ". ".join(filter(None, (source.publisher, source.title, source.date))) + f" [{source.key}]",
            _DASH,
            below=_items(" ".join(source.note.split()), document.Address(source.url)),
        )
        for source in method.sources
    ]
    for title, items in (
        ("Method", _items(*facts)),
        ("Parts", parts),
        ("Order of operations", [document.Item(text, f"{place}. ") for place, text in enumerate(method.order, 1)]),
        ("Parameters", [_parameter_item(parameter) for parameter in method.parameters]),
        ("Input columns", [_input_item(column) for column in method.inputs]),
        ("Steps", [_step_item(step) for step in method.steps]),
        ("Checks", [_check_item(check) for check in method.checks]),
        ("Outcomes", [_outcome_item(outcome) for outcome in method.outcomes]),
        ("Properties", properties),
        ("When there is no answer", _items(method.infeasible)),
        ("Sources", sources),
    ):
        if items:
            yield document.Heading(title)
            yield from items
        if title == "Parameters" and method.tables:
            for table in method.tables:
                yield from _table_blocks(table)


def _items(*texts: str, marker: str = "") -> list[document.Item]:
    """Return an item for each text that is not empty."""
    return [document.Item(text, marker) for text in texts if text]


def _state(state: str, means: str, why: str) -> str:
    """Return a text about a property of a transition: kept, not kept, or not applicable.

    Args:
        state: `kept` or `broken`; anything else is not applicable.
        means: What the property means.
        why: Why it is not kept or not applicable.
    """
    match state:
        case "kept":
            return f"kept. {means[:1].upper()}{means[1:]}."
        case "broken":
            return f"not kept ({means}). {why}"
        case _:
            return f"not applicable. {why}"


def _in_unit(label: str, unit: str) -> str:
    """Return a label followed by its unit, if it has one."""
    return f"{label}, {unit}" if unit else label


def _parameter_item(parameter: MethodValue) -> document.Item:
    """Return a parameter as an item: label, unit and bounds, with its note and the value of each year below.

    Without values, a sentence says that the scheme gives its value.
    """
    bounds = ""
    if parameter.minimum and parameter.maximum:
        bounds = f", from {_figure(parameter.minimum, parameter.unit)} to {_figure(parameter.maximum, parameter.unit)}"
    elif parameter.minimum or parameter.maximum:
        least = "at least" if parameter.minimum else "at most"
        bounds = f", {least} {_figure(parameter.minimum or parameter.maximum, parameter.unit)}"
    values = [_figure_line(figure, parameter.unit) for figure in parameter.figures] or ["The scheme gives its value."]
    label = f"{_in_unit(parameter.label, parameter.unit)}{bounds}"
    return document.Item(label, _DASH, parameter.name, _items(parameter.note, *values))


def _table_blocks(table: MethodTable) -> Iterator[document.Block]:
    """Yield a table of a scheme: its label, unit and note, and its rows with the origin of each value."""
    has_bands = table.keys == "bands"
    yield document.Heading(f"Table {table.name}: {_in_unit(inside(table.label), table.unit)}")
    yield from [document.Paragraph(table.note)] if table.note else []
    columns = [
        document.Column("From" if has_bands else "Key", document.Role.LABEL),
        document.Column("Value"),
        document.Column("Source or assumption", document.Role.TEXT),
    ]
    keys = [_figure(row.key, table.key_unit) if has_bands else row.key for row in table.rows]
    rows = [
        document.Row([key, _figure(row.written, table.unit), _origin(row)])
        for key, row in zip(keys, table.rows, strict=True)
    ]
    yield document.Table(columns, rows)
    if table.up_to:
        yield document.Paragraph(f"The last band ends at {_figure(table.up_to, table.key_unit)}.")


def _origin(figure: ParameterFigure | MethodRow) -> str:
    """Return the source of a figure, or its assumption."""
    return figure.source or (f"assumption: {figure.assumption}" if figure.assumption else NO_ORIGIN)


def _figure_line(figure: ParameterFigure, unit: str) -> str:
    """Return the value of a parameter in a year, with its source or assumption."""
    return f"{figure.year}: {_figure(figure.written, unit)} – {_origin(figure)}"


def _figure(text: str, unit: str) -> str:
    """Return a figure in its unit; a text that is not a number, such as the parameter that is a bound, is unchanged."""
    try:
        value = number(text)
    except ValueError:
        return text
    return written_value(value, unit, text)


def _input_item(column: MethodValue) -> document.Item:
    """Return an input column as an item: label, unit, and whether it may be blank, with its note below."""
    optional = ", may be blank" if column.optional else ""
    return document.Item(f"{_in_unit(column.label, column.unit)}{optional}", _DASH, column.name, _items(column.note))


def _step_item(step: MethodStep) -> document.Item:
    """Return a step as a numbered item, with its words, formula, functions and note below."""
    below = [*_items(step.words, marker="= "), *_formula(step.formula), *_items(*step.functions, step.note)]
    return document.Item(_in_unit(step.label, step.unit), f"{step.number}. ", step.name, below)


def _check_item(check: MethodCheck) -> document.Item:
    """Return a check as an item, with its formula, whether it stops the run, and its note below."""
    stops = "The run stops if this check fails." if check.stops else ""
    return document.Item(check.name, _DASH, below=[*_formula(check.formula), *_items(stops, check.note)])


def _outcome_item(outcome: MethodOutcome) -> document.Item:
    """Return an outcome as an item, with its formula and the clause that says why below."""
    below = [*_formula(outcome.formula), *_items(outcome.because)]
    return document.Item(outcome.label, _DASH, below=below)


def _formula(text: str) -> list[document.Item]:
    """Return the item that shows a formula; empty if there is no formula."""
    return _items(document.Code(text), marker="formula: ")


# The verdict of a check --------------------------------------------------------------------------------------


def review_document(reviews: Sequence[Review]) -> document.Document:
    """Return the verdict, the contents and the findings of each review."""
    return document.Document([*_blocks(reviews)])


def _blocks(reviews: Sequence[Review]) -> Iterator[document.Block]:
    """Yield the verdict, the contents and the findings of each review, and a summary if there are several."""
    apart = document.Paragraph("")
    for place, review in enumerate(reviews):
        if place:
            yield from (apart, apart)
        tone = next((_TONES[level] for level in _TONES if review.has(level)), document.Tone.GOOD)
        yield document.Title([_verdict_sentence(review)], tone)
        if review.title:
            yield document.Paragraph(_contents_sentence(review))
        yield document.Findings(review.findings)
    if len(reviews) > 1:
        yield from (apart, apart)
        yield document.Paragraph(_summary_sentence(reviews), document.Tone.STRONG)


def _verdict_sentence(review: Review) -> str:
    """Return the verdict on a reviewed file, ready to use or not, with the number of its findings."""
    name = f"{review.name} ({review.kind})" if review.kind else review.name
    levels = document.counted_levels(review.findings) or "no findings"
    return f"{name}: {'ready to use' if review.sound else 'cannot be used yet'}; {levels}."


def _contents_sentence(review: Review) -> str:
    """Return the title and years of a reviewed file, the files read, and its steps, checks and parameters.

    If it has no steps, the sentence says that steps and checks were not reviewed.
    """
    files = joined([file for file, _ in review.files])
    years = f" ({span(review.years)})" if review.years else ""
    if not review.steps:
        return f"{review.title}{years}. Read: {files}; steps and checks were not reviewed."
    counts = [(review.steps, "step"), (review.checks, "check"), (review.parameters, "parameter")]
    contents = joined([counted(count, noun) if count else f"no {noun}s" for count, noun in counts])
    return f"{review.title}{years}. Read: {files}; {contents}."


def _summary_sentence(reviews: Sequence[Review]) -> str:
    """Return how many files were reviewed, which of them cannot be used, and the number of findings."""
    # Several files may declare the same name, so the file is named.
    faulty = [review.files[0][0] if review.files else review.name for review in reviews if not review.sound]
    fit = f"{len(faulty)} cannot be used yet ({joined(faulty)})" if faulty else "all ready to use"
    levels = document.counted_levels([finding for review in reviews for finding in review.findings])
    return f"{len(reviews)} reviewed, {fit}; {levels or 'no findings'}."
