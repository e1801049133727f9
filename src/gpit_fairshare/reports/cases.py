"""The report of `gpit test`: verdicts on regression cases, for the screen, as plain text and as JUnit XML."""

from __future__ import annotations

import io
from collections import defaultdict
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from lxml import etree
from rich.console import Console

from gpit_fairshare.cases.shape import ORIGINS
from gpit_fairshare.numbers import grouped_decimal, signed_decimal
from gpit_fairshare.reports.document import (
    Address,
    Block,
    Column,
    Document,
    Heading,
    Item,
    Paragraph,
    Role,
    Row,
    Table,
    Tone,
)
from gpit_fairshare.reports.screen import show
from gpit_fairshare.words import counted, joined, one_line, sentence, visible

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from gpit_fairshare.cases.comparing import FigureDifference
    from gpit_fairshare.cases.running import CaseVerdict
    from gpit_fairshare.cases.suite import Suite

_MOST: Final = 10
"""Differences, or changes of a case, that are shown; the others are counted."""
_LEAD: Final = 8
_WORDS: Final = {"ok": "ok", "failed": "FAILED", "fault": "ERROR"}
_TONES: Final = {"ok": Tone.PASSED, "failed": Tone.BAD, "fault": Tone.BAD}
_PLACE: Final = (Column("Year", Role.CODE), Column("Code", Role.CODE), Column("Column", Role.TEXT, required_width=14))
"""Columns that locate a figure."""
_LONGEST_FIGURE: Final = 32
UNUSED: Final = "No case uses this file of expected figures."


def suite_document(suite: Suite) -> Document:
    """Return a line for each case, the worst rows of failed cases, and the totals."""
    return Document([*_blocks(suite)])


def verdict_text(verdict: CaseVerdict, width: int = 80) -> str:
    """Return as plain text why a case is not ok, with its worst rows, as the screen shows it."""
    stream = io.StringIO()
    console = Console(file=stream, width=width, force_terminal=False, color_system=None, markup=False, emoji=False)
    show(Document([*_reasons(verdict)]), console)
    return stream.getvalue().rstrip("\n")


def _blocks(suite: Suite) -> Iterator[Block]:
    """Yield a line for each case, the reasons of each that failed, unused files, updates and the totals."""
    failed_before = False
    for verdict in suite.verdicts:
        failed = verdict.outcome == "failed"
        yield _verdict_line(verdict, blank_before=failed_before or (failed and verdict is not suite.verdicts[0]))
        if failed:
            yield from _reasons(verdict, " " * _LEAD)
        failed_before = failed
    for file in suite.unused:
        marker = "FAILED".ljust(_LEAD)
        yield Paragraph(f"{file}: {UNUSED}", Tone.BAD, marker, blank_before=failed_before and file is suite.unused[0])
    yield from _update_blocks(suite)
    yield from _closing(suite)


def _verdict_line(verdict: CaseVerdict, *, blank_before: bool) -> Paragraph:
    """Return the line of a case: its outcome and id; `blank_before` adds a blank line.

    An error adds its reasons; an ok case that compares only some rows adds how many.
    """
    line = verdict.id
    if verdict.outcome == "ok" and verdict.rows == "some":
        line += f" (compares {verdict.looked_at:,} of {verdict.rows_in_result:,} rows)"
    elif verdict.outcome == "fault":
        line += f": {' '.join(verdict.reasons)}"
    return Paragraph(line, _TONES[verdict.outcome], _WORDS[verdict.outcome].ljust(_LEAD), blank_before)


def _reasons(verdict: CaseVerdict, marker: str = "") -> Iterator[Block]:
    """Yield why a case is not ok, then its worst rows as a table, or as lines if the table does not fit."""
    texts = [*verdict.reasons]
    if verdict.outcome == "failed":
        texts.append(f"{verdict.title} ({verdict.origin})")
        texts += [verdict.source] if verdict.source else []
        if verdict.rows == "some":
            texts.append(f"The case compares {verdict.looked_at:,} of {verdict.rows_in_result:,} rows.")
    yield from (Paragraph(text, marker=marker) for text in texts)
    count = len(verdict.differences)
    if not count:
        return
    rows = []
    for difference in _worst(verdict.differences):
        distance = "" if difference.difference is None else signed_decimal(difference.difference)
        tolerance = "" if difference.allowed is None else grouped_decimal(difference.allowed)
        rows.append([*_place_and_values(difference), distance, tolerance])
    columns = [*_PLACE, *map(Column, ("Expected", "Got", "Difference", "Tolerance"))]
    lines = [
        f"{' '.join(row[:3])}: expected {row[3]}, got {row[4]}"
        + (f"; {row[5]} with a tolerance of {row[6]}" if row[5] else "")
        for row in rows
    ]
    caption = f"The worst {_MOST} of {count:,}:" if count > _MOST else ""
    yield Table(columns, [*map(Row, rows)], caption=caption, otherwise=[Item(line, "- ") for line in lines])
    yield from _more_item(count)


def _place_and_values(difference: FigureDifference) -> list[str]:
    """Return the year, code and column of a figure, its expected value and the value of the run."""
    place = [difference.year, difference.code or "national", difference.column or "(whole row)"]
    return [*place, _figure(difference.expected), _figure(difference.got)]


def _more_item(count: int) -> Iterator[Item]:
    """Yield how many differences are not shown; nothing if all are."""
    if count > _MOST:
        yield Item(f"and {count - _MOST:,} more; --json gives all")


def _worst(differences: Sequence[FigureDifference]) -> list[FigureDifference]:
    """Return the ten worst of some differences, the worst first, taking from each column and kind in turn.

    Pounds and ratios cannot be compared, so no column may hide the others. The order given is kept.
    """
    columns = defaultdict(list)
    for index, difference in enumerate(differences):
        columns[difference.kind, difference.column].append(index)
    turns = [(turn, index) for places in columns.values() for turn, index in enumerate(places)]
    return [differences[index] for index in sorted(index for _, index in sorted(turns)[:_MOST])]


def _figure(text: str | None) -> str:
    """Return a figure with thousands separated; a long text is cut."""
    if text is None:
        return "–"
    try:
        return grouped_decimal(Decimal(text))
    except ArithmeticError:
        return one_line(text, _LONGEST_FIGURE)


def _update_blocks(suite: Suite) -> Iterator[Block]:
    """Yield the changed expected figures of each case and the files written.

    Nothing is yielded if no update was asked for or it was refused.
    """
    update = suite.update
    if update is None or update.refused:
        return
    for case_id, changes in update.changes.items():
        if not changes:
            continue
        rows = [_place_and_values(change) for change in changes[:_MOST]]
        lines = [Item(f"{' '.join(row[:3])}: {row[3]} → {row[4]}", "- ") for row in rows]
        yield Heading(f"{case_id}: {counted(len(changes), 'change')}")
        yield Table([*_PLACE, Column("Old"), Column("New")], [*map(Row, rows)], otherwise=lines)
        yield from _more_item(len(changes))
    text = f"Written: {', '.join(update.file_names)}." if update.file_names else "Nothing to write."
    yield Paragraph(text, blank_before=True)
    yield from (Item(Address(path)) for path in update.paths)


def _closing(suite: Suite) -> Iterator[Block]:
    """Yield how many cases there are, by outcome and by the origin of their figures, and how many did not run."""
    tone = _TONES["failed" if suite.exit_code else "ok"]
    yield Paragraph(f"{counted(len(suite.verdicts), 'case')}: {_outcomes(suite)}.", tone, blank_before=True)
    origins = [
        f"{origin} {suite.count('ok', origin):,} of {cases:,} ok"
        for origin in ORIGINS
        if (cases := sum(verdict.origin == origin for verdict in suite.verdicts))
    ]
    if origins:
        yield Paragraph(f"{sentence(', '.join(origins))}.")
    numbers = ((suite.not_selected, "not selected by -k"), (suite.not_run, "not run after the first that was not ok"))
    left = [f"{counted(number, 'case')} {why}" for number, why in numbers if number]
    if left:
        yield Paragraph(f"{joined(left)}.")


def _outcomes(suite: Suite) -> str:
    """Return the outcomes of the cases: `3 ok, 1 failed and 1 error`; and how many expected files are not used."""
    counts = [f"{suite.count(outcome):,} {outcome}" for outcome in ("ok", "failed") if suite.count(outcome)]
    counts += [counted(suite.count("fault"), "error")] if suite.count("fault") else []
    unused = f"; {counted(len(suite.unused), 'file')} of expected figures not used" if suite.unused else ""
    return f"{joined(counts)}{unused}"


# JUnit XML ------------------------------------------------------------------------------------------------------


def write_junit(suite: Suite, path: Path) -> None:
    """Write the verdicts as a JUnit document of one test suite, which CI servers show.

    A file of expected figures that no case uses is a test that fails. The document has no time and no path of the
    machine. Characters that XML does not allow, or that a log would treat as commands, are escaped.
    """
    counts = {
        "tests": len(suite.verdicts) + len(suite.unused),
        "failures": suite.count("failed") + len(suite.unused),
        "errors": suite.count("fault"),
    }
    numbers = {key: str(number) for key, number in counts.items()}
    root = etree.Element("testsuites", {"name": "gpit test", **numbers})
    tests = etree.SubElement(root, "testsuite", {"name": "gpit test", **numbers})
    for verdict in suite.verdicts:
        entry = _add_test(tests, verdict.file, verdict.name or verdict.file)
        if verdict.outcome != "ok":
            tag = "failure" if verdict.outcome == "failed" else "error"
            _add_text(entry, tag, " ".join(verdict.reasons), verdict.origin or "case", verdict_text(verdict))
    for file in suite.unused:
        _add_text(_add_test(tests, file, "used by a case"), "failure", UNUSED, "expected figures", UNUSED)
    path.write_bytes(etree.tostring(root, xml_declaration=True, encoding="UTF-8", pretty_print=True))


def _add_test(tests: etree._Element, file: str, name: str) -> etree._Element:
    """Add a test of a file to the suite of a JUnit document, and return its element."""
    return etree.SubElement(tests, "testcase", {"classname": visible(file), "name": visible(name)})


def _add_text(entry: etree._Element, tag: str, message: str, kind: str, text: str) -> None:
    """Add a failure or an error with its message, kind and text to a test of a JUnit document."""
    inner = etree.SubElement(entry, tag, {"message": visible(message), "type": kind})
    inner.text = visible(text)
