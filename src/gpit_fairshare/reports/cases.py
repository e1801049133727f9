"""What `gpit test` says: verdicts on regression cases, also as a text for others who show them."""

from __future__ import annotations

import io
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from rich.console import Console

from gpit_fairshare.cases.comparing import plain
from gpit_fairshare.cases.junit import UNUSED
from gpit_fairshare.cases.shape import ORIGINS
from gpit_fairshare.reports.document import (
    Address,
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
from gpit_fairshare.words import counted, joined, on_one_line, sentence

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from gpit_fairshare.cases.comparing import Difference
    from gpit_fairshare.cases.running import Verdict
    from gpit_fairshare.cases.suite import Suite
    from gpit_fairshare.reports.document import Block

_MOST: Final = 10
"""Differences, and changes of a case, that are shown; the rest is counted."""
_LEAD: Final = 8
_WORDS: Final = {"ok": "ok", "failed": "FAILED", "fault": "fault"}
_TONES: Final = {"ok": Tone.PASSED, "failed": Tone.BAD, "fault": Tone.BAD}
_PLACE: Final = (Column("Year", Role.CODE), Column("Code", Role.CODE), Column("Column", Role.TEXT, wanted=14))
"""Columns that say where a figure is."""
_LONGEST_FIGURE: Final = 32


def suite_document(suite: Suite) -> Document:
    """Return a line for each case, the worst rows of those that failed, and what it all comes to."""
    return Document([*_blocks(suite)])


def verdict_text(verdict: Verdict, width: int = 80) -> str:
    """Return as a plain text why a case is not ok, with its worst rows: what is below its line on the screen."""
    stream = io.StringIO()
    console = Console(file=stream, width=width, force_terminal=False, color_system=None, markup=False, emoji=False)
    show(Document([*_reasons(verdict)]), console)
    return stream.getvalue().rstrip("\n")


def _blocks(suite: Suite) -> Iterator[Block]:
    failed_before = False
    for verdict in suite.verdicts:
        failed = verdict.outcome == "failed"
        yield _verdict(verdict, apart=failed_before or (failed and verdict is not suite.verdicts[0]))
        if failed:
            yield from _reasons(verdict, " " * _LEAD)
        failed_before = failed
    for file in suite.unused:
        marker = "FAILED".ljust(_LEAD)
        yield Paragraph(f"{file}: {UNUSED}", Tone.BAD, marker, apart=failed_before and file is suite.unused[0])
    yield from _update(suite)
    yield from _closing(suite)


def _verdict(verdict: Verdict, *, apart: bool) -> Paragraph:
    line = verdict.id
    if verdict.outcome == "ok" and verdict.rows == "some":
        line += f" (looks at {verdict.looked_at:,} of {verdict.there:,} rows)"
    elif verdict.outcome == "fault":
        line += f": {' '.join(verdict.said)}"
    return Paragraph(line, _TONES[verdict.outcome], _WORDS[verdict.outcome].ljust(_LEAD), apart)


def _reasons(verdict: Verdict, marker: str = "") -> Iterator[Block]:
    """Yield why a case is not ok, then its worst rows as a table, or a line each where it does not fit."""
    texts = [*verdict.said]
    if verdict.outcome == "failed":
        texts.append(f"{verdict.title} ({verdict.origin})")
        texts += [verdict.source] if verdict.source else []
        if verdict.rows == "some":
            texts.append(f"The case looks at {verdict.looked_at:,} of {verdict.there:,} rows.")
    yield from (Paragraph(text, marker=marker) for text in texts)
    count = len(verdict.differences)
    if not count:
        return
    rows = []
    for one in _chosen(verdict.differences):
        figures = [_figure(one.expected), _figure(one.got), _signed(one.difference)]
        rows.append([*_place(one), *figures, "" if one.allowed is None else _grouped(one.allowed)])
    columns = [*_PLACE, *map(Column, ("Expected", "Got", "Difference", "Tolerance"))]
    lines = [
        f"{' '.join(row[:3])}: expected {row[3]}, got {row[4]}"
        + (f"; {row[5]} with a tolerance of {row[6]}" if row[5] else "")
        for row in rows
    ]
    caption = f"The worst {_MOST} of {count:,}:" if count > _MOST else ""
    yield Table(columns, [*map(Row, rows)], caption=caption, otherwise=[Item(line, "- ") for line in lines])
    yield from _more(count)


def _place(one: Difference) -> list[str]:
    return [one.year, one.code or "national", one.column or "(whole row)"]


def _more(count: int) -> Iterator[Item]:
    if count > _MOST:
        yield Item(f"and {count - _MOST:,} more; --json gives all")


def _chosen(differences: Sequence[Difference]) -> list[Difference]:
    """Return the worst, of each column in turn, so that none hides the others: a pound and a ratio do not compare."""
    columns: dict[tuple[str, str], list[int]] = {}
    for at, one in enumerate(differences):
        columns.setdefault((one.what, one.column), []).append(at)
    turns = [(turn, at) for places in columns.values() for turn, at in enumerate(places)]
    return [differences[at] for at in sorted(at for _, at in sorted(turns)[:_MOST])]


def _figure(text: str | None) -> str:
    """Write a figure, thousands apart; a text is shown as far as there is room."""
    if text is None:
        return "–"
    try:
        return _grouped(Decimal(text))
    except ArithmeticError:
        return on_one_line(text, _LONGEST_FIGURE)


def _grouped(number: Decimal) -> str:
    text = plain(number)
    if "e" in text or not number.is_finite():
        return text
    whole, point, decimals = text.partition(".")
    sign = "-" if whole.startswith("-") else ""
    return f"{sign}{int(whole.removeprefix('-')):,}{point}{decimals}"


def _signed(difference: Decimal | None) -> str:
    if difference is None:
        return ""
    return ("+" if difference > 0 else "") + _grouped(difference)


def _update(suite: Suite) -> Iterator[Block]:
    update = suite.update
    if update is None or update.refused:
        return
    for case_id, changes in update.changes.items():
        if not changes:
            continue
        rows = [[*_place(one), _figure(one.expected), _figure(one.got)] for one in changes[:_MOST]]
        lines = [Item(f"{' '.join(row[:3])}: {row[3]} → {row[4]}", "- ") for row in rows]
        yield Heading(f"{case_id}: {counted(len(changes), 'change')}")
        yield Table([*_PLACE, Column("Old"), Column("New")], [*map(Row, rows)], otherwise=lines)
        yield from _more(len(changes))
    text = f"Written: {', '.join(update.written)}." if update.written else "Nothing was to be written."
    yield Paragraph(text, apart=True)
    yield from (Item(Address(path)) for path in update.paths)


def _closing(suite: Suite) -> Iterator[Block]:
    """Yield how many cases there are, what became of them, and where their figures come from."""
    tone = _TONES["failed" if suite.exit_code else "ok"]
    yield Paragraph(f"{counted(len(suite.verdicts), 'case')}: {_outcomes(suite)}.", tone, apart=True)
    origins = [
        f"{origin} {suite.count('ok', origin):,} of {cases:,} ok"
        for origin in ORIGINS
        if (cases := sum(one.origin == origin for one in suite.verdicts))
    ]
    if origins:
        yield Paragraph(f"{sentence(', '.join(origins))}.")
    left = [
        *([f"{counted(suite.not_selected, 'case')} not chosen by -k"] if suite.not_selected else []),
        *([f"{counted(suite.not_run, 'case')} not run after the first that was not ok"] if suite.not_run else []),
    ]
    if left:
        yield Paragraph(f"{joined(left)}.")


def _outcomes(suite: Suite) -> str:
    """Say what became of the cases: `3 ok, 1 failed and 1 fault`."""
    counts = [(suite.count(key), word) for key, word in (("ok", "ok"), ("failed", "failed"))]
    said = [f"{number:,} {word}" for number, word in counts if number]
    said += [counted(suite.count("fault"), "fault")] if suite.count("fault") else []
    unused = f"; {counted(len(suite.unused), 'file')} of expected figures not used" if suite.unused else ""
    return f"{joined(said)}{unused}"
