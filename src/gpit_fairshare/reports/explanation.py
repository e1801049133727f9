"""The report of `gpit explain`: numbered lines that a person, or a program, can recalculate."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gpit_fairshare.reports.document import (
    ANSWER,
    Block,
    Calculation,
    Code,
    Document,
    Heading,
    Paragraph,
    Title,
    Tone,
    section,
    written_line,
)
from gpit_fairshare.results.agreement import in_one_line

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from gpit_fairshare.explanation.model import ExplainedLines, ExplanationLine, YearLines

_SECTIONS: Final = {"input": "Inputs", "parameter": "Parameters"}


def explanation_document(explanation: ExplainedLines, *, file_names: Sequence[str] = ()) -> Document:
    """Return the report of an explanation: the answer, then every line of every year.

    Args:
        explanation: The lines.
        file_names: Names of the files that they were written to.
    """
    return Document([*_blocks(explanation, file_names)])


def _blocks(explanation: ExplainedLines, file_names: Sequence[str]) -> Iterator[Block]:
    """Yield the title, the warnings and the answer of each year, then every line of every year."""
    organisation = f"{explanation.name} ({explanation.code})" if explanation.name else explanation.code
    yield Title([f"{organisation}: {explanation.label}, line by line"], Tone.STRONG if explanation.sound else Tone.BAD)
    yield from written_line(file_names)
    area = f" {explanation.area}." if explanation.area else ""
    yield Paragraph(f"{explanation.title} ({explanation.scheme}).{area}")
    if explanation.origin:
        yield Paragraph(f"Calculated again from {explanation.origin}.")
    if explanation.step:
        yield Paragraph(f"Only {explanation.step} and the lines that it depends on.")
    yield from _warnings(explanation)
    answers = [year for year in explanation.years if year.answer_line]
    for year in answers:
        text = f"{explanation.label} {_year_label(year)}: {year.answer}, line {year.answer_line}"
        yield Paragraph(text, Tone.STRONG, blank_before=year is answers[0])
    for year in explanation.years:
        yield from _year_blocks(explanation, year)


def _warnings(explanation: ExplainedLines) -> Iterator[Block]:
    """Yield the warnings that come before the lines.

    They are about figures that differ from their rule, here and for other organisations, failing checks, illustrative
    spend, parameters set for this run, and values changed in the workbook.
    """
    for difference in explanation.differences:
        yield Paragraph(f"Differs from its rule: {difference}.", Tone.BAD)
    if explanation.others_differ:
        others = in_one_line(explanation.others_differ)
        yield Paragraph(f"Differs from its rule, for others: {others}.", Tone.BAD)
    if not explanation.agrees:
        yield Paragraph("A check fails in this run: see the checks of each year.", Tone.BAD)
    yield from (Paragraph(f"{sentence}.") for sentence in explanation.became)
    for heading, sentences in (
        ("Illustrative spend: do not quote any figure that uses it", explanation.illustrative),
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
        yield _calculation(line, blank_before=apart)
        # The inputs of a step are right above it.
        apart = line.kind in ("step", "check")
    if year.answer_line:
        text = f"{explanation.label} of {explanation.code} in {year.year} is line {year.answer_line}: {year.answer}"
        yield Calculation(text, tone=Tone.STRONG, blank_before=True)


def _calculation(line: ExplanationLine, *, blank_before: bool) -> Calculation:
    """Return a line of the explanation as a calculation, with its details.

    The result of a step or check is one of the details. A check is shown without a name, in the tone of a problem if it
    fails, and the label of a figure says whether it is national or of a group.
    """
    label, name, result, tone = line.label, line.name, line.result, Tone.PLAIN
    match line.kind:
        case "check":
            name, result, tone = "", "", Tone.BAD if line.value is False else Tone.STRONG
        case "step":
            result, tone = "", Tone.STRONG
        case "figure":
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
