"""An explanation as Markdown, for a paper or a reply to a query."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from gpit_fairshare.results.agreement import in_one_line
from gpit_fairshare.words import in_markdown as plain
from gpit_fairshare.words import visible

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gpit_fairshare.explanation.model import Explanation, Line, YearLines


def markdown(explanation: Explanation) -> str:
    """Return the explanation as Markdown, ending in a line feed."""
    return "\n".join(_all(explanation)).rstrip("\n") + "\n"


def _all(one: Explanation) -> Iterator[str]:
    who = f"{one.name} ({one.code})" if one.name else one.code
    yield f"# {plain(who)}: {plain(one.label)}, line by line"
    yield ""
    yield f"{plain(one.title)} ({plain(one.scheme)}){' – ' + plain(one.area) if one.area else ''}"
    yield ""
    if one.origin:
        yield f"* Worked out again from {plain(one.origin)}."
    if one.step:
        yield f"* Only {plain(one.step)} and what it rests on."
    for difference in one.differences:
        yield f"* **Not what its rule gives.** {plain(str(difference))}"
    if one.others_differ:
        yield f"* **Not what its rule gives**, for others: {plain(in_one_line(one.others_differ))}"
    if not one.agrees:
        yield "* **A check does not hold in this run:** see the checks of each year."
    for said in one.illustrative:
        yield f"* **Illustrative:** {plain(said)}"
    for said in one.settings:
        yield f"* **Set for this run:** {plain(said)}"
    for said in one.changed:
        yield f"* **Changed in the workbook since the run:** {plain(said)}"
    for said in one.became:
        yield f"* {plain(said)}"
    yield ""
    yield "| year | answer | line |"
    yield "| --- | ---: | ---: |"
    for year in one.years:
        yield f"| {_year(year)} | {plain(year.answer)} | {year.answer_line or 'not asked for'} |"
    for year in one.years:
        yield from _lines(year)


def _year(year: YearLines) -> str:
    return f"{year.year} (indicative)" if year.certainty == "indicative" else year.year


def _lines(year: YearLines) -> Iterator[str]:
    yield ""
    yield f"## {_year(year)}"
    given = [line for line in year.lines if line.kind in ("input", "parameter")]
    if given:
        yield ""
        yield "| line | | value | where from |"
        yield "| ---: | --- | ---: | --- |"
        for line in given:
            what = f"{plain(line.label)} {code(line.name)}"
            yield f"| {line.number} | {what} | {plain(line.result)} | {plain(line.origin)} |"
    checks = [line for line in year.lines if line.kind == "check"]
    for line in year.lines:
        if checks and line is checks[0]:
            yield ""
            yield "### Checks"
        if line.kind not in ("input", "parameter"):
            yield from _line(line)


def _line(line: Line) -> Iterator[str]:
    yield ""
    title = "" if line.kind == "check" else f" {code(line.name)}"
    whose = f", of {plain(line.of)}" if line.kind == "figure" else ""
    yield f"**{line.number}. {plain(line.label)}**{title}{whose}"
    yield ""
    for key, text in (("formula", line.formula), ("that is", line.arithmetic), ("numbers", line.numbers)):
        if text:
            yield f"* {key}: {code(text)}"
    for note in line.notes:
        yield f"* {plain(note)}"
    for test in line.tests:
        yield f"* test: {plain(str(test))}"
    if line.origin:
        yield f"* from: {plain(line.origin)}"
    yield f"* {'answer' if line.answer else 'result'}: **{plain(line.result)}**"
    if line.share:
        yield f"* of the nation: {plain(line.share)}"


def code(text: str) -> str:
    """Return a text as code, whatever backticks it holds; an upright stroke would end a table's cell."""
    seen = visible(re.sub(r"\s", " ", text)).replace("|", r"\|")
    fence = "`" * (1 + max((len(run) for run in re.findall("`+", seen)), default=0))
    pad = " " if seen.startswith("`") or seen.endswith("`") else ""
    return f"{fence}{pad}{seen}{pad}{fence}"
