"""The report of `gpit explain`: numbered lines that a person, or a program, can recalculate."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gpit_fairshare.reports import document as doc
from gpit_fairshare.results.agreement import in_one_line

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from gpit_fairshare.explanation.model import ExplainedLines, ExplanationLine, YearLines

_SECTIONS: Final = {"input": "Inputs", "parameter": "Parameters"}


def explanation_document(explanation: ExplainedLines, *, file_names: Sequence[str] = ()) -> doc.Document:
    """Return the answer of an explanation, then every line of every year.

    Args:
        explanation: The lines.
        file_names: Names of the files that they were written to.
    """
    return doc.Document([*_blocks(explanation, file_names)])


def _blocks(explanation: ExplainedLines, file_names: Sequence[str]) -> Iterator[doc.Block]:
    organisation = f"{explanation.name} ({explanation.code})" if explanation.name else explanation.code
    yield doc.Title(
        [f"{organisation}: {explanation.label}, line by line"], doc.Tone.STRONG if explanation.sound else doc.Tone.BAD
    )
    yield from doc.written_line(file_names)
    area = f" {explanation.area}." if explanation.area else ""
    yield doc.Paragraph(f"{explanation.title} ({explanation.scheme}).{area}")
    if explanation.origin:
        yield doc.Paragraph(f"Worked out again from {explanation.origin}.")
    if explanation.step:
        yield doc.Paragraph(f"Only {explanation.step} and what it rests on.")
    yield from _warnings(explanation)
    answers = [year for year in explanation.years if year.answer_line]
    for year in answers:
        text = f"{explanation.label} {_year_label(year)}: {year.answer}, line {year.answer_line}"
        yield doc.Paragraph(text, doc.Tone.STRONG, apart=year is answers[0])
    for year in explanation.years:
        yield from _year(explanation, year)


def _warnings(explanation: ExplainedLines) -> Iterator[doc.Block]:
    """Yield the warnings that come before the lines."""
    for difference in explanation.differences:
        yield doc.Paragraph(f"Not what its rule gives: {difference}.", doc.Tone.BAD)
    if explanation.others_differ:
        others = in_one_line(explanation.others_differ)
        yield doc.Paragraph(f"Not what its rule gives, for others: {others}.", doc.Tone.BAD)
    if not explanation.agrees:
        yield doc.Paragraph("A check does not hold in this run: see the checks of each year.", doc.Tone.BAD)
    yield from (doc.Paragraph(f"{sentence}.") for sentence in explanation.became)
    for heading, sentences in (
        ("Illustrative spend: no figure that rests on it may be quoted", explanation.illustrative),
        ("Set for this run, not in the scheme", explanation.settings),
        ("Changed in the workbook since the run", explanation.changed),
    ):
        yield from doc.section(heading, sentences, doc.Tone.WARNING)


def _year_label(year: YearLines) -> str:
    return f"{year.year} (indicative)" if year.certainty == "indicative" else year.year


def _year(explanation: ExplainedLines, year: YearLines) -> Iterator[doc.Block]:
    yield doc.Heading(_year_label(year), of_part=True)
    section, apart = "", False
    last = max((line.number for line in year.lines if line.kind == "step"), default=0)
    for line in year.lines:
        heading = "Checks" if line.number > last else _SECTIONS.get(line.kind, "Steps")
        if heading != section:
            section, apart = heading, False
            yield doc.Heading(section)
        yield _line(line, apart=apart)
        # The inputs of a step are right above it.
        apart = line.kind in ("step", "check")
    if year.answer_line:
        text = f"{explanation.label} of {explanation.code} in {year.year} is line {year.answer_line}: {year.answer}"
        yield doc.Calculation(text, tone=doc.Tone.STRONG, apart=True)


def _line(line: ExplanationLine, *, apart: bool) -> doc.Calculation:
    label, name, result, tone = line.label, line.name, line.result, doc.Tone.PLAIN
    match line.kind:
        case "check":
            name, result, tone = "", "", doc.Tone.BAD if line.value is False else doc.Tone.STRONG
        case "step":
            result, tone = "", doc.Tone.STRONG
        case "figure":
            label = f"{'National figure' if line.of == 'nation' else 'Figure of a group'}: {label}"
    return doc.Calculation(label, name, result, line.number, [*_details(line)], tone, apart)


def _details(line: ExplanationLine) -> Iterator[tuple[str, str]]:
    """Yield the key and text of each detail of a line."""
    for key, text in (("formula", line.formula), ("that is", line.arithmetic), ("numbers", line.numbers)):
        if text:
            yield key, doc.Code(text)
    yield from (("note", note) for note in line.notes)
    yield from (("test", str(test)) for test in line.tests)
    if line.origin:
        yield "from", line.origin
    if line.kind in ("step", "check"):
        yield doc.ANSWER if line.answer else "result", line.result
    if line.share:
        yield "share", line.share
