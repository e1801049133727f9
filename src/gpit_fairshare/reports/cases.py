"""Verdicts on regression cases on the screen, and as a text for others who show them."""

from __future__ import annotations

import io
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from rich.cells import cell_len
from rich.console import Console

from gpit_fairshare.cases.comparing import plain
from gpit_fairshare.cases.junit import UNUSED
from gpit_fairshare.cases.shape import ORIGINS
from gpit_fairshare.reports.terminal import Cells, Column, Page, Row
from gpit_fairshare.words import counted, joined, sentence

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gpit_fairshare.cases.comparing import Difference
    from gpit_fairshare.cases.running import Verdict
    from gpit_fairshare.cases.suite import Suite
    from gpit_fairshare.cases.updating import Change

_MOST: Final = 10
"""Differences, and changes of a case, that are shown; the rest is counted."""
_LEAD: Final = 8
_WORDS: Final = {"ok": "ok", "failed": "FAILED", "fault": "fault"}
_STYLES: Final = {"ok": "green", "failed": "bold red", "fault": "bold red"}
_LONGEST_CODE: Final = 12
_NARROWEST_COLUMN: Final = 14
_LONGEST_FIGURE: Final = 32
_INDENT: Final = 2


def show_suite(suite: Suite, console: Console) -> None:
    """Print a line for each case, the worst rows of those that failed, and what it all comes to."""
    page = Page(console)
    apart = False
    for verdict in suite.verdicts:
        failed = verdict.outcome == "failed"
        if apart or (failed and verdict is not suite.verdicts[0]):
            page.blank()
        apart = failed
        _show(page, verdict)
    if apart and suite.unused:
        page.blank()
    for file in suite.unused:
        page.paragraph(f"{file}: {UNUSED}", _STYLES["failed"], lead="FAILED".ljust(_LEAD))
    _show_update(page, suite)
    page.blank()
    _closing(page, suite)


def verdict_text(verdict: Verdict, width: int = 80) -> str:
    """Return as a plain text why a case is not ok, with its worst rows: what stands below its line on the screen."""
    stream = io.StringIO()
    console = Console(file=stream, width=width, force_terminal=False, color_system=None, markup=False, emoji=False)
    _reasons(Page(console), verdict)
    return stream.getvalue().rstrip("\n")


def _show(page: Page, verdict: Verdict) -> None:
    line = verdict.id
    if verdict.outcome == "ok" and verdict.rows == "some":
        line += f" (looks at {verdict.looked_at:,} of {verdict.there:,} rows)"
    elif verdict.outcome == "fault":
        line += f": {' '.join(verdict.said)}"
    page.paragraph(line, _STYLES[verdict.outcome], lead=_WORDS[verdict.outcome].ljust(_LEAD))
    if verdict.outcome == "failed":
        _reasons(page, verdict, " " * _LEAD)


def _reasons(page: Page, verdict: Verdict, lead: str = "") -> None:
    for one in verdict.said:
        page.paragraph(one, lead=lead)
    if verdict.outcome == "failed":
        page.paragraph(f"{verdict.title} ({verdict.origin})", lead=lead)
        if verdict.source:
            page.paragraph(verdict.source, lead=lead)
        if verdict.rows == "some":
            page.paragraph(f"The case looks at {verdict.looked_at:,} of {verdict.there:,} rows.", lead=lead)
    if verdict.differences:
        _table(page, verdict.differences)


def _table(page: Page, differences: Sequence[Difference]) -> None:
    """Print the worst rows as a table, or a line each where its figures are too long for one."""
    shown = _chosen(differences)
    head = ["Year", "Code", "Column", "Expected", "Got", "Difference", "Tolerance"]
    rows = [
        [
            one.year,
            page.cut(one.code, _LONGEST_CODE) or "national",
            one.column or "(whole row)",
            _figure(page, one.expected),
            _figure(page, one.got),
            _signed(one.difference),
            "" if one.allowed is None else _grouped(one.allowed),
        ]
        for one in shown
    ]
    page.blank()
    if len(differences) > _MOST:
        page.paragraph(f"The worst {_MOST} of {len(differences):,}:", lead=" " * _INDENT)
    if not _fitted(page, head, rows, wide=2):
        for row in rows:
            of = f"{row[0]} {row[1]} {row[2]}: expected {row[3]}, got {row[4]}"
            by = f"; {row[5]} with a tolerance of {row[6]}" if row[5] else ""
            page.paragraph(f"{of}{by}", lead="  - ")
    if len(differences) > _MOST:
        page.paragraph(f"and {len(differences) - _MOST:,} more; --json gives all", lead=" " * _INDENT)


def _chosen(differences: Sequence[Difference]) -> list[Difference]:
    """Return the worst, of each column in turn, so that none hides the others: a pound and a ratio do not compare."""
    columns: dict[tuple[str, str], list[int]] = {}
    for at, one in enumerate(differences):
        columns.setdefault((one.what, one.column), []).append(at)
    turns = [(turn, at) for places in columns.values() for turn, at in enumerate(places)]
    return [differences[at] for at in sorted(at for _, at in sorted(turns)[:_MOST])]


def _fitted(page: Page, head: Cells, rows: Sequence[Cells], wide: int) -> bool:
    """Print a table if it fits, its column `wide` folded if need be; figures are never cut off."""
    columns: list[Column] = []
    for at, title in enumerate(head):
        width = max(cell_len(page.fit(text)) for text in (title, *(row[at] for row in rows)))
        columns.append(Column(width, figures=at > wide))
    left = page.width - _INDENT - sum(column.width + 2 for at, column in enumerate(columns) if at != wide)
    columns[wide] = Column(min(left, columns[wide].width))
    if left < min(_NARROWEST_COLUMN, max(len(row[wide]) for row in rows)):
        return False
    page.table(
        [Column(columns[0].width + _INDENT), *columns[1:]],
        [Row(row, indent=_INDENT) for row in rows],
        [" " * _INDENT + head[0], *head[1:]],
    )
    return True


def _figure(page: Page, text: str | None) -> str:
    """Write a figure, thousands apart; a text is shown as far as there is room."""
    if text is None:
        return "–"
    try:
        return _grouped(Decimal(text))
    except ArithmeticError:
        return page.cut(text, _LONGEST_FIGURE)


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


def _show_update(page: Page, suite: Suite) -> None:
    update = suite.update
    if update is None or update.refused:
        return
    for id_ in dict.fromkeys(one.id for one in update.changes):
        changes = [one for one in update.changes if one.id == id_]
        page.heading(f"{id_}: {counted(len(changes), 'change')}")
        _changes(page, changes)
    page.blank()
    page.paragraph(f"Written: {', '.join(update.written)}." if update.written else "Nothing was to be written.")
    for path in update.paths:
        page.unbroken(f"  {path}")


def _changes(page: Page, changes: Sequence[Change]) -> None:
    rows = [
        [
            one.year,
            page.cut(one.code, _LONGEST_CODE) or "national",
            one.column or "(whole row)",
            _figure(page, one.old),
            _figure(page, one.new),
        ]
        for one in changes[:_MOST]
    ]
    if not _fitted(page, ["Year", "Code", "Column", "Old", "New"], rows, wide=2):
        for row in rows:
            page.paragraph(f"{row[0]} {row[1]} {row[2]}: {row[3]} → {row[4]}", lead="  - ")
    if len(changes) > _MOST:
        page.paragraph(f"and {len(changes) - _MOST:,} more; --json gives all", lead=" " * _INDENT)


def _closing(page: Page, suite: Suite) -> None:
    """Print how many cases there are, what became of them, and where their figures come from."""
    page.paragraph(
        f"{counted(len(suite.verdicts), 'case')}: {_outcomes(suite)}.", _STYLES["failed" if suite.exit_code else "ok"]
    )
    origins = [
        f"{origin} {suite.count('ok', origin):,} of {cases:,} ok"
        for origin in ORIGINS
        if (cases := sum(one.origin == origin for one in suite.verdicts))
    ]
    if origins:
        page.paragraph(f"{sentence(', '.join(origins))}.")
    left = [
        *([f"{counted(suite.not_selected, 'case')} not chosen by -k"] if suite.not_selected else []),
        *([f"{counted(suite.not_run, 'case')} not run after the first that was not ok"] if suite.not_run else []),
    ]
    if left:
        page.paragraph(f"{joined(left)}.")


def _outcomes(suite: Suite) -> str:
    """Say what became of the cases: `3 ok, 1 failed and 1 fault`."""
    counts = [(suite.count(key), word) for key, word in (("ok", "ok"), ("failed", "failed"))]
    said = [f"{number:,} {word}" for number, word in counts if number]
    said += [counted(suite.count("fault"), "fault")] if suite.count("fault") else []
    unused = f"; {counted(len(suite.unused), 'file')} of expected figures not used" if suite.unused else ""
    return f"{joined(said)}{unused}"
