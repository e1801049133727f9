"""A report on input files on the screen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gpit_fairshare.numbers import money, plain_number, whole
from gpit_fairshare.reports.terminal import Column, Page, Row
from gpit_fairshare.words import counted, joined

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from gpit_fairshare.checking import Report
    from gpit_fairshare.findings import Finding
    from gpit_fairshare.inputs import ColumnSummary, Source

MOST = 20
"""Findings that are shown; the rest is counted."""
_NAME = 20
"""Columns that the name of a column needs."""
_ROLES = {"population": "population", "spend": "spend", "input": "further columns", "crosswalk": "crosswalk"}
_LEVELS = (("error", "bold red"), ("warning", "bold yellow"), ("note", "bold"))


def show_report(report: Report, console: Console, *, written: str = "") -> None:
    """Print what is in the files and what was noticed: the verdict first."""
    page = Page(console)
    page.paragraph(_verdict(report), "bold green" if report.sound else "bold red")
    if written:
        page.paragraph(f"Written: {written}, with each place marked.")
    for source in report.sources:
        page.paragraph(_source(source, report))
    _columns(page, report.columns)
    show_findings(report.findings, console)


def show_findings(findings: Sequence[Finding], console: Console, limit: int = MOST, alike: int = MOST) -> None:
    """Print findings by level and kind, errors first.

    Args:
        findings: what was noticed.
        console: where to print.
        limit: after so many the others of each kind are counted, unless it is only one.
        alike: most of one kind that are shown.
    """
    page = Page(console)
    shown = _chosen(findings, limit, alike)
    for level, style in _LEVELS:
        there = [finding for finding in findings if finding.level == level]
        if not there:
            continue
        page.heading(counted(len(there), level).capitalize(), style)
        for number in dict.fromkeys(finding.number for finding in there):
            kind = [finding for finding in there if finding.number == number]
            first = kind[: shown.get((level, number), 0)]
            for finding in first:
                page.paragraph(str(finding), lead=f"  {number}  ")
            if len(first) < len(kind):
                more = f"and {len(kind) - len(first):,} more" if first else f"{len(kind):,} of these"
                page.paragraph(f"… {more}", lead=f"  {number}  ")
    if sum(shown.values()) < len(findings):
        page.paragraph("--json gives all.")


def _chosen(findings: Sequence[Finding], limit: int, alike: int) -> dict[tuple[str, str], int]:
    """Return how many findings of each level and kind to show, so that no kind hides the others.

    The last one of a kind is shown even where that is one more than the limit.
    """
    counts: dict[tuple[str, str], int] = {}
    for finding in findings:
        counts[finding.level, finding.number] = counts.get((finding.level, finding.number), 0) + 1
    shown = dict.fromkeys(counts, 0)
    left = limit
    for level, _ in _LEVELS:
        kinds = [key for key in counts if key[0] == level]
        for _round in range(alike):
            for key in kinds:
                if left and shown[key] < counts[key]:
                    shown[key] += 1
                    left -= 1
    # Saying that there is one more takes as much room as showing it.
    return {key: counts[key] if counts[key] == number + 1 else number for key, number in shown.items()}


def _verdict(report: Report) -> str:
    levels = [finding.level for finding in report.findings]
    said = [counted(levels.count(level), level) for level, _ in _LEVELS if level in levels]
    files = {(source.file, source.sha256) for source in report.sources}
    where = f"in {counted(len(files), 'file')}" if files else "and no file could be read"
    against = f", checked against {report.scheme}" if report.scheme else ""
    if report.sound:
        return f"Fit for use: no error {where}{against}; {joined(said) or 'nothing to remark'}."
    return f"Not fit for use: {joined(said)} {where}{against}."


def _source(source: Source, report: Report) -> str:
    name = f"{source.file}:{source.sheet}" if source.sheet else source.file
    counts = [
        counted(count, report.organisation) + (f" in {year}" if year else "")
        for year, count in report.organisations.items()
    ]
    first = source == report.sources[0]
    return (
        f"{name}: {_ROLES[source.role]}, {counted(source.rows, 'row')}" + (f", {joined(counts)}" if first else "") + "."
    )


def _columns(page: Page, columns: Sequence[ColumnSummary]) -> None:
    if not columns:
        return
    dated = any(column.year for column in columns)
    head = ["Column", *(["Year"] if dated else []), "Figures", "Missing", "Total", "Least", "Greatest"]
    rows = [
        [
            column.name,
            *([column.year] if dated else []),
            whole(column.filled),
            whole(column.blank),
            _figure(column.total, column.unit),
            _figure(column.least, column.unit),
            _figure(column.greatest, column.unit),
        ]
        for column in columns
    ]
    figures = [page.figures([head[at], *(row[at] for row in rows)]) for at in range(1, len(head))]
    left = page.width - sum(column.width + 2 for column in figures)
    if left < _NAME:  # the least and the greatest are in the JSON document too
        head, rows, figures = head[:-2], [row[:-2] for row in rows], figures[:-2]
        left = page.width - sum(column.width + 2 for column in figures)
    widest = max(len(head[0]), *(len(row[0]) for row in rows))
    page.blank()
    page.table([Column(max(12, min(left, widest))), *figures], [Row(row) for row in rows], head)
    for column in columns:
        if column.stated and column.total_as_written is not None:
            page.paragraph(
                f"{column.name} is '{column.heading}', in {column.stated}: "
                f"{column.total_as_written:,.15g} as the file writes it."
            )


def _figure(value: float | None, unit: str) -> str:
    if value is None:
        return "–"
    if unit == "£":
        return money(value, 0 if value.is_integer() else 2)
    return whole(value) if unit == "people" and value.is_integer() else plain_number(value)
