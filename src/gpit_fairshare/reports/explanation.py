"""What `gpit explain` says: numbered lines that a person, or a program, can work out again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gpit_fairshare.reports.document import (
    ANSWER,
    Calculation,
    Code,
    Document,
    Heading,
    Item,
    Paragraph,
    Title,
    Tone,
    written_line,
)
from gpit_fairshare.results.agreement import in_one_line

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from gpit_fairshare.explanation.model import ExplainedLines, Line, YearLines
    from gpit_fairshare.reports.document import Block

_GIVEN: Final = {"input": "Inputs", "parameter": "Parameters"}


def explanation_document(explanation: ExplainedLines, *, written: Sequence[str] = ()) -> Document:
    """Return what an explanation comes to, then every line of every year.

    Args:
        explanation: The lines.
        written: Names of the files that they were written to.
    """
    blocks = [*_top(explanation, written)]
    for year in explanation.years:
        blocks += _year(explanation, year)
    return Document(blocks)


def _top(explanation: ExplainedLines, written: Sequence[str]) -> Iterator[Block]:
    who = f"{explanation.name} ({explanation.code})" if explanation.name else explanation.code
    yield Title([f"{who}: {explanation.label}, line by line"], Tone.STRONG if explanation.sound else Tone.BAD)
    yield from written_line(written)
    area = f" {explanation.area}." if explanation.area else ""
    yield Paragraph(f"{explanation.title} ({explanation.scheme}).{area}")
    if explanation.origin:
        yield Paragraph(f"Worked out again from {explanation.origin}.")
    if explanation.step:
        yield Paragraph(f"Only {explanation.step} and what it rests on.")
    yield from _warnings(explanation)
    answers = [year for year in explanation.years if year.answer_line]
    for year in answers:
        text = f"{explanation.label} {_certain(year)}: {year.answer}, line {year.answer_line}"
        yield Paragraph(text, Tone.STRONG, apart=year is answers[0])


def _warnings(explanation: ExplainedLines) -> Iterator[Block]:
    """Yield what a reader must know first."""
    for difference in explanation.differences:
        yield Paragraph(f"Not what its rule gives: {difference}.", Tone.BAD)
    if explanation.others_differ:
        others = in_one_line(explanation.others_differ)
        yield Paragraph(f"Not what its rule gives, for others: {others}.", Tone.BAD)
    if not explanation.agrees:
        yield Paragraph("A check does not hold in this run: see the checks of each year.", Tone.BAD)
    yield from (Paragraph(f"{sentence}.") for sentence in explanation.became)
    for heading, sentences in (
        ("Illustrative spend: no figure that rests on it may be quoted", explanation.illustrative),
        ("Set for this run, not in the scheme", explanation.settings),
        ("Changed in the workbook since the run", explanation.changed),
    ):
        if sentences:
            yield Heading(heading, Tone.WARNING)
            yield from map(Item, sentences)


def _certain(year: YearLines) -> str:
    return f"{year.year} (indicative)" if year.certainty == "indicative" else year.year


def _year(explanation: ExplainedLines, year: YearLines) -> Iterator[Block]:
    yield Heading(_certain(year), of_part=True)
    section, apart = "", False
    last = max((line.number for line in year.lines if line.kind == "step"), default=0)
    for line in year.lines:
        now = "Checks" if line.number > last else _GIVEN.get(line.kind, "Steps")
        if now != section:
            section, apart = now, False
            yield Heading(section)
        yield _line(line, apart=apart)
        # What goes into a step is right above it.
        apart = line.kind in ("step", "check")
    if year.answer_line:
        text = f"{explanation.label} of {explanation.code} in {year.year} is line {year.answer_line}: {year.answer}"
        yield Calculation(text, tone=Tone.STRONG, apart=True)


def _line(line: Line, *, apart: bool) -> Calculation:
    details = [*_details(line)]
    match line.kind:
        case "check":
            tone = Tone.BAD if line.value is False else Tone.STRONG
            return Calculation(line.label, number=line.number, details=details, tone=tone, apart=apart)
        case "step":
            return Calculation(line.label, line.name, "", line.number, details, Tone.STRONG, apart)
        case _:
            return Calculation(f"{_whose(line)}{line.label}", line.name, line.result, line.number, details, apart=apart)


def _whose(line: Line) -> str:
    """Say of a figure what it is one of: the nation, or a group."""
    if line.kind != "figure":
        return ""
    return "National figure: " if line.of == "nation" else "Figure of a group: "


def _details(line: Line) -> Iterator[tuple[str, str]]:
    """Yield the key and text of each row below the heading of a line."""
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
