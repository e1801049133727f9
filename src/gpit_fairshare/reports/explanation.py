"""The report of `gpit explain`: sentences and a ladder, and numbered lines that anyone can recalculate."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gpit_fairshare.reports.document import (
    ANSWER,
    Block,
    Calculation,
    Code,
    Document,
    Heading,
    Ladder,
    OnScreen,
    Paragraph,
    Title,
    Tone,
    section,
    written_line,
)
from gpit_fairshare.results.agreement import in_one_line
from gpit_fairshare.scheme.model import draft_warning
from gpit_fairshare.words import do_not_quote, span

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from gpit_fairshare.explanation.model import ExplainedLines, ExplanationLine, YearLines

_MOST_LADDERS: Final = 4
"""Years up to which each has its ladder."""
_SECTIONS: Final = {"input": "Inputs", "parameter": "Parameters"}


def explanation_document(
    explanation: ExplainedLines, *, lines: bool = False, file_names: Sequence[str] = ()
) -> Document:
    """Return the report of an explanation: for each year the sentences and the ladder, and every line if asked for.

    Args:
        explanation: The explanation of one organisation.
        lines: Whether to add every line of the calculation. An explanation of one step always has its lines, without
            sentences and ladders.
        file_names: Names of the files that it was written to.
    """
    return Document([*_blocks(explanation, file_names, with_lines=lines or bool(explanation.step))])


def _blocks(explanation: ExplainedLines, file_names: Sequence[str], *, with_lines: bool) -> Iterator[Block]:
    """Yield the title, the warnings, the sentences and ladder of each year, and the lines if asked for."""
    organisation = f"{explanation.name} ({explanation.code})" if explanation.name else explanation.code
    subject = "line by line" if with_lines else span([year.year for year in explanation.years])
    yield Title([f"{organisation}: {explanation.label}, {subject}"], Tone.STRONG if explanation.sound else Tone.BAD)
    yield from written_line(file_names)
    area = f" {explanation.area}." if explanation.area else ""
    yield Paragraph(f"{explanation.title} ({explanation.scheme}).{area}")
    if explanation.origin:
        yield Paragraph(f"Calculated again from {explanation.origin}.")
    if explanation.step:
        yield Paragraph(f"Only {explanation.step} and the lines that it depends on.")
    yield from _warnings(explanation, with_lines=with_lines)
    if not explanation.step:
        yield from _summary(explanation)
    if not with_lines:
        yield from _lines_left_out(explanation)
        return
    answers = [year for year in explanation.years if year.answer_line]
    for year in answers:
        text = f"{explanation.label} {_year_label(year)}: {year.answer}, line {year.answer_line}"
        yield Paragraph(text, Tone.STRONG, blank_before=year is answers[0])
    for year in explanation.years:
        yield from _year_blocks(explanation, year)


def _summary(explanation: ExplainedLines) -> Iterator[Block]:
    """Yield the sentences and the ladder of each year; of many years, only the last has a ladder."""
    years = [year for year in explanation.years if year.ladder]
    with_bars = years if len(years) <= _MOST_LADDERS else years[-1:]
    largest = max((rung.amount for year in with_bars for rung in year.ladder if rung.kind == "amount"), default=0.0)
    yield Heading("In short")
    for year in explanation.years:
        yield Paragraph(" ".join(year.sentences), blank_before=year is not explanation.years[0])
        if year in with_bars:
            first, last = year.ladder[0].label, year.ladder[-1].label
            yield Ladder(
                f"{explanation.name or explanation.code}, {year.year}: {first} to {last}", year.ladder, largest
            )
    if len(with_bars) < len(years):
        text = f"The bars are of {with_bars[-1].year} only, the last of {len(years)} years; --year shows another."
        yield Paragraph(text, blank_before=True)


def _lines_left_out(explanation: ExplainedLines) -> Iterator[Block]:
    """Yield how many values are assumptions, and what to type for the lines of the calculation."""
    origins = {line.name: line.origin for line in explanation.lines if line.kind == "parameter"}
    for line in explanation.lines:
        origins |= line.rows
    assumed = sum(origin.startswith("assumption") for origin in origins.values())
    if assumed:
        yield Paragraph(f"Parameters that are assumptions: {assumed:,} of {len(origins):,}.", blank_before=True)
    text = f"Add --lines for all {len(explanation.lines):,} lines of the calculation with their sources and assumptions"
    yield OnScreen([Paragraph(f"{text}, or --step NAME for one step.", blank_before=not assumed)])


def _warnings(explanation: ExplainedLines, *, with_lines: bool) -> Iterator[Block]:
    """Yield the warnings that come first.

    They are about figures that differ from their rule, here and for other organisations, failing checks, values without
    a source, illustrative figures, parameters set for this run, and values changed in the workbook.
    """
    for difference in explanation.differences:
        yield Paragraph(f"Differs from its rule: {difference}.", Tone.BAD)
    if explanation.others_differ:
        others = in_one_line(explanation.others_differ)
        yield Paragraph(f"Differs from its rule, for others: {others}.", Tone.BAD)
    if not explanation.agrees:
        place = "see the checks of each year" if with_lines else "--lines shows the checks of each year"
        yield Paragraph(f"A check fails in this run: {place}.", Tone.BAD)
    yield from (Paragraph(f"{sentence}.") for sentence in explanation.became)
    for heading, sentences in (
        (draft_warning(explanation.draft).removesuffix("."), explanation.draft),
        (do_not_quote(explanation.illustrative_heading), explanation.illustrative),
        ("Set for this run, not in the scheme", explanation.settings),
        ("Changed in the workbook since the run", explanation.changed),
    ):
        yield from section(heading, sentences, Tone.WARNING)


def _year_label(year: YearLines) -> str:
    """Return a year, marked as indicative if it is."""
    return f"{year.year} (indicative)" if year.certainty == "indicative" else year.year


def _year_blocks(explanation: ExplainedLines, year: YearLines) -> Iterator[Block]:
    """Yield the lines of a year under the headings Inputs, Parameters, Steps and Checks, and the answer.

    Lines keep their order, so a heading may occur again. Everything after the last step is under Checks.
    """
    yield Heading(_year_label(year), of_part=True)
    title, apart = "", False
    last = max((line.number for line in year.lines if line.kind == "step"), default=0)
    for line in year.lines:
        heading = "Checks" if line.number > last else _SECTIONS.get(line.kind, "Steps")
        if heading != title:
            title, apart = heading, False
            yield Heading(title)
        yield _calculation(line, explanation.code, blank_before=apart)
        # The inputs of a step are right above it.
        apart = line.kind in ("step", "check")
    if year.answer_line:
        text = f"{explanation.label} of {explanation.code} in {year.year} is line {year.answer_line}: {year.answer}"
        yield Calculation(text, tone=Tone.STRONG, blank_before=True)


def _calculation(line: ExplanationLine, code: str, *, blank_before: bool) -> Calculation:
    """Return a line of the explanation as a calculation, with its details.

    The result of a step or check is one of the details. A check is shown without a name, in the tone of a problem if it
    fails, and the label of a figure says whether it is national or of a group, and not of the organisation `code`.
    """
    label, name, result, tone = line.label, line.name, line.result, Tone.PLAIN
    match line.kind:
        case "check":
            name, result, tone = "", "", Tone.BAD if line.value is False else Tone.STRONG
        case "step":
            result, tone = "", Tone.STRONG
        case "figure" if line.of != code:
            label = f"{'National' if line.of == 'nation' else 'Group'}: {label}"
    return Calculation(label, name, result, line.number, [*_details(line)], tone, blank_before)


def _details(line: ExplanationLine) -> Iterator[tuple[str, str]]:
    """Yield the key and text of each detail of a line: formula, numbers, notes, tests, origin, result and share."""
    for key, text in (("formula", line.formula), ("that is", line.arithmetic), ("numbers", line.numbers)):
        if text:
            yield key, Code(text)
    yield from (("note", note) for note in line.notes)
    yield from (("test", str(test)) for test in line.tests)
    if line.origin:
        yield "from", line.origin
    if line.kind in ("step", "check"):
        yield ANSWER if line.answer else "result", line.result
    if line.share:
        yield "share", line.share
