"""An explanation on the screen: numbered lines that a person, or a program, can work out again.

What is wrapped can be put together again: a line that begins with eight blanks or more belongs to the line
above, with one blank between them, or none where the line above ends in a backslash.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from rich.cells import cell_len
from rich.text import Text

from gpit_fairshare.reports.terminal import Page
from gpit_fairshare.results.agreement import in_one_line
from gpit_fairshare.words import visible

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import Console

    from gpit_fairshare.explanation import Explanation, Line, YearLines

_KEYS: Final = 6
"""Columns before the key of a row; the number of a line and its point stand in them."""
_TEXTS: Final = 15
"""Columns before the text of a row."""
_HANG: Final = 8
"""Columns before what is left of a heading."""
_BREAK: Final = re.compile(r"(?<![ \\]) (?! )")
"""Where a text may be broken and put together again: at a single blank, and not where a backslash stands."""
_GIVEN: Final = {"input": "Inputs", "parameter": "Parameters"}


def show_explanation(explanation: Explanation, console: Console) -> None:
    """Print an explanation: what it comes to, then every line of every year."""
    page = Page(console)
    _top(page, explanation)
    for year in explanation.years:
        _year(page, explanation, year)


def _top(page: Page, one: Explanation) -> None:
    who = f"{one.name} ({one.code})" if one.name else one.code
    page.paragraph(f"{who}: {one.label}, line by line", "bold" if one.sound else "bold red")
    page.paragraph(f"{one.title} ({one.scheme})." + (f" {one.area}." if one.area else ""))
    if one.origin:
        page.paragraph(f"Worked out again from {one.origin}.")
    if one.step:
        page.paragraph(f"Only {one.step} and what it rests on.")
    _warnings(page, one)
    answers = [year for year in one.years if year.answer_line]
    if answers:
        page.blank()
    for year in answers:
        page.paragraph(f"{one.label} {_certain(year)}: {year.answer}, line {year.answer_line}", "bold")


def _warnings(page: Page, one: Explanation) -> None:
    """Print what a reader must know first."""
    for difference in one.differences:
        page.paragraph(f"Not what its rule gives: {difference}.", "bold red")
    if one.others_differ:
        page.paragraph(f"Not what its rule gives, for others: {in_one_line(one.others_differ)}.", "bold red")
    if not one.agrees:
        page.paragraph("A check does not hold in this run: see the checks of each year.", "bold red")
    for said in one.became:
        page.paragraph(f"{said}.")
    if one.illustrative:
        page.heading("Illustrative spend: no figure that rests on it may be quoted", "bold yellow")
        for said in one.illustrative:
            page.paragraph(said, lead="  ")
    if one.settings:
        page.heading("Set for this run, not in the scheme", "bold yellow")
        for said in one.settings:
            page.paragraph(said, lead="  ")
    if one.changed:
        page.heading("Changed in the workbook since the run", "bold yellow")
        for said in one.changed:
            page.paragraph(said, lead="  ")


def _certain(year: YearLines) -> str:
    return f"{year.year} (indicative)" if year.certainty == "indicative" else year.year


def _year(page: Page, one: Explanation, year: YearLines) -> None:
    page.heading(f"{_certain(year)}")
    page.paragraph(page.fit("─") * page.width)
    section, apart = "", False
    last = max((line.number for line in year.lines if line.kind == "step"), default=0)
    for line in year.lines:
        now = "Checks" if line.number > last else _GIVEN.get(line.kind, "Steps")
        if now != section:
            section, apart = now, False
            page.heading(section)
        if apart:
            page.blank()
        # What stands behind a step stands right above it.
        apart = line.kind in ("step", "check")
        _line(page, line)
    if year.answer_line:
        said = f"{one.label} of {one.code} in {year.year} is line {year.answer_line}: {year.answer}"
        page.console.print(Text("\n").append_text(_laid_out(page, "", said, _HANG, "bold")), soft_wrap=True)


def _line(page: Page, line: Line) -> None:
    lead = f"{line.number:>4}. "
    if line.kind == "check":
        shown = [_laid_out(page, lead, line.label, _HANG, "bold red" if line.value is False else "bold")]
    elif line.kind == "step":
        shown = [_laid_out(page, lead, f"{line.label} ({line.name})", _HANG, "bold")]
    else:
        shown = [_laid_out(page, lead, f"{_whose(line)}{line.label} ({line.name}): {line.result}", _HANG)]
    for key, text in _rows(line):
        lead = f"{' ' * _KEYS}{key}".ljust(_TEXTS)
        shown.append(_laid_out(page, lead, text, _TEXTS, "bold" if key == "answer" else ""))
    page.console.print(Text("\n").join(shown), soft_wrap=True)


def _whose(line: Line) -> str:
    """Say of a figure what it is one of: the nation, or a group."""
    if line.kind != "figure":
        return ""
    return "National figure: " if line.of == "nation" else "Figure of a group: "


def _rows(line: Line) -> Iterator[tuple[str, str]]:
    """Yield the key and text of each row below the heading of a line."""
    yield from ((key, text) for key, text in (("formula", line.formula), ("that is", line.arithmetic)) if text)
    if line.numbers:
        yield "numbers", line.numbers
    yield from (("note", note) for note in line.notes)
    yield from (("test", str(test)) for test in line.tests)
    if line.origin:
        yield "from", line.origin
    if line.kind in ("step", "check"):
        yield "answer" if line.answer else "result", line.result
    if line.share:
        yield "share", line.share


def _laid_out(page: Page, lead: str, text: str, hang: int, style: str = "") -> Text:
    """Return a text that may be wrapped, so that it can be put together again."""
    rows = map(visible, wrapped(page, text, page.width - len(lead), page.width - hang))
    return Text.assemble(lead, (f"\n{' ' * hang}".join(rows), style))


def wrapped(page: Page, text: str, first: int, others: int) -> list[str]:
    """Break a text between its parts, never inside a figure; what is longer than a line ends in a backslash."""
    rows, row = [], ""
    width = first
    for token in _BREAK.split(text):
        piece = page.fit(token)
        if row and cell_len(row) + 1 + cell_len(piece) > width:
            rows.append(row)
            row, width = "", others
        row = f"{row} {piece}" if row else piece
        while cell_len(row) > width:
            at = _fitting(row, width - 1)
            rows.append(f"{row[:at]}\\")
            row, width = row[at:], others
    return [*rows, row]


def _fitting(row: str, width: int) -> int:
    """Return how many characters fit into a width."""
    used = 0
    for at, sign in enumerate(row):
        used += cell_len(sign)
        if used > width:
            return at
    return len(row)
