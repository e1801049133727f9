"""The report that `gpit check` prints."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from gpit_fairshare.findings import FindingCode
from gpit_fairshare.inputs.columns.standard_columns import standard_columns
from gpit_fairshare.numbers import as_in_sheet, money, plain_number, whole
from gpit_fairshare.reports import document
from gpit_fairshare.run_options import DEFAULT_SCHEME
from gpit_fairshare.words import counted, joined

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from gpit_fairshare.checking import Report
    from gpit_fairshare.findings import Finding
    from gpit_fairshare.inputs.model import InputSource
    from gpit_fairshare.inputs.tables.inspection import ColumnSummary

_ROLES = {"population": "population", "spend": "spend", "input": "further columns", "crosswalk": "crosswalk"}
_ROW = re.compile("(?:row |[A-Z]{1,3})([0-9]+)")
"""The row in a finding's place: `C5`, or `row 5, Heading`."""


def checking_document(
    report: Report, *, marked: str = "", file_names: Sequence[str] = (), details: bool = True
) -> document.Document:
    """Return the verdict, what to do about each kind of problem, and then the contents of the files.

    Args:
        report: The report of the check.
        marked: Copies of workbooks with their findings marked.
        file_names: Names of the files that the report was written to.
        details: Whether to list every finding and every column; else the first of each kind, and notes are counted.
    """
    sound = document.Tone.WARNING if report.not_given else document.Tone.GOOD
    blocks: list[document.Block] = [
        document.Title([_verdict_sentence(report)], sound if report.sound else document.Tone.BAD)
    ]
    if report.not_given:
        blocks.append(document.Paragraph(_not_given_sentence(report), document.Tone.WARNING))
    if marked:
        blocks.append(document.OnScreen([document.Paragraph(f"Written: {marked}, with the findings marked.")]))
    blocks += document.written_line(file_names)
    if not details:
        blocks += _problem_blocks(report.findings)
    blocks += [
        document.Paragraph(_source_sentence(source, report), blank_before=index == 0)
        for index, source in enumerate(report.sources)
    ]
    blocks += _column_blocks(report.columns, _COLUMNS if not details else len(report.columns)) if report.columns else []
    if details:
        every = len(report.findings)
        return document.Document([*blocks, document.Findings(report.findings, every, every)])
    hidden = _hidden_sentence(report)
    hint = [document.OnScreen([document.Paragraph(hidden, blank_before=True)])] if hidden else []
    return document.Document([*blocks, *hint])


_COLUMNS = 12
"""Rows of the table of columns in the short report."""
_YEARS = 3
"""Most years whose numbers of organisations are named one by one."""
_PLACES = 3
"""Findings of one kind that the short report shows."""


def _problem_blocks(findings: Sequence[Finding]) -> Iterator[document.Block]:
    """Yield errors and warnings by kind, the most frequent first, each with what to do; notes are left out.

    Findings of one number with different remedies are different kinds.
    """
    for heading, of_level in document.by_level([finding for finding in findings if finding.level != "note"]):
        yield heading
        kinds: dict[tuple[str, str, str], list[Finding]] = {}
        for finding in of_level:
            kinds.setdefault((finding.number, finding.expected, finding.remedy), []).append(finding)
        for kind in sorted(kinds.values(), key=lambda kind: -_count_places(kind)):
            marker = f"{kind[0].number}  "
            if len(kind) == 1:
                yield document.Item(str(kind[0]), marker)
                continue
            # "1 more" takes as much room as showing it.
            most = _PLACES + (len(kind) == _PLACES + 1)
            places = [document.Item(str(replace(finding, expected="", remedy=""))) for finding in kind[:most]]
            if len(kind) > most:
                places.append(document.Item(f"… and {len(kind) - most:,} more of these; --details lists them"))
            meaning = f"{_count_places(kind):,} times: {kind[0].number.meaning}"
            yield document.Item(str(replace(kind[0], file="", place="", found=meaning)), marker, below=places)


def _count_places(findings: Sequence[Finding]) -> int:
    """Return how many places findings are about: a finding with others counts once for each of them too."""
    return sum(1 + len(finding.others) for finding in findings)


def _hidden_sentence(report: Report) -> str:
    """Return what the short report leaves out: notes on how files were read, and columns; empty if nothing."""
    notes = sum(finding.level == "note" for finding in report.findings)
    parts = [f"{counted(notes, 'note')} on how the files were read"] if notes else []
    columns = len(_column_rows(report.columns)) - _COLUMNS
    parts += [counted(columns, "further row") + " of the table"] if columns > 1 else []
    return f"--details also lists {joined(parts)}." if parts else ""


def _not_given_sentence(report: Report) -> str:
    """Return what a run of the default scheme would also need, and how to give it."""
    standard = standard_columns()
    needed = [
        f"{name} (--{standard[name].option} FILE)" if name in standard and standard[name].option else name
        for name in report.not_given
    ]
    return (
        f"Not enough yet for the default scheme {DEFAULT_SCHEME}: it also needs {joined(needed)}. "
        "To check the files for another scheme, name it with --scheme."
    )


def _verdict_sentence(report: Report) -> str:
    """Return the verdict, ready to use or not, with the number of errors, of their rows and of other findings.

    Codes that another file lacks are counted separately. In brackets are the number of files checked, and the scheme if
    there is one. Without a scheme, files that lack what the default scheme needs are not called ready.
    """
    errors = [finding for finding in report.findings if finding.level == "error"]
    mismatches = [finding for finding in errors if finding.number == FindingCode.ONE_SIDED and finding.place]
    problems = len(errors) - len(mismatches)
    rows = _count_rows(finding for finding in errors if finding not in mismatches)
    counts = [counted(problems, "problem") + (f" on {counted(rows, 'row')}" if rows else "")] if problems else []
    if codes := _count_rows(mismatches):
        counts.append(f"{counted(codes, 'code')} {'does' if codes == 1 else 'do'} not match")
    others = document.counted_levels(report.findings[len(errors) :])
    verdict = "; ".join(filter(None, [*(counts or ["no errors"]), others]))
    files = {(source.file, source.sha256) for source in report.sources}
    against = f" against {report.scheme}" if report.scheme else ""
    scope = f"{counted(len(files), 'file')} checked{against}" if files else "no file could be read"
    without_errors = "Nothing to correct" if report.not_given else "Ready to use"
    return f"{'Cannot be used yet' if errors else without_errors}: {verdict} ({scope})."


def _count_rows(findings: Iterable[Finding]) -> int:
    """Return the number of different rows that findings are about."""
    places = [(each.file, _ROW.match(each.place)) for finding in findings for each in finding.each]
    return len({(file, match[1]) for file, match in places if match})


def _source_sentence(source: InputSource, report: Report) -> str:
    """Return a file's name, role and number of rows; for the first file, also the number of organisations by year."""
    sizes, noun = report.organisations, report.organisation
    if len(sizes) > 1 and len(set(sizes.values())) == 1:
        counts = [f"{counted(next(iter(sizes.values())), noun)} in every year"]
    elif len(sizes) > _YEARS:
        counts = [f"{min(sizes.values()):,} to {counted(max(sizes.values()), noun)} in {len(sizes)} years"]
    else:
        counts = [counted(count, noun) + (f" in {year}" if year else "") for year, count in sizes.items()]
    organisations = f", {joined(counts)}" if source == report.sources[0] else ""
    return f"{source.name}: {_ROLES[source.role]}, {counted(source.rows, 'row')}{organisations}."


def _column_blocks(columns: Sequence[ColumnSummary], most: int) -> Iterator[document.Block]:
    """Yield a table of the columns of numbers, and a line for each column whose unit was converted.

    The table has figures, missing and refused figures, and total; if there is room also lowest and highest; a year if
    the files have years that differ.

    Args:
        columns: The columns, by year.
        most: Rows that are shown.
    """
    rows = _column_rows(columns)
    dated = any(year for _, year in rows)
    refused = any(column.refused for column, _ in rows)
    most += len(rows) == most + 1  # "1 more" takes as much room as showing it
    cells = [
        document.Row(
            [
                column.name,
                *([year] if dated else []),
                whole(column.filled),
                whole(column.blank - column.refused),
                *([whole(column.refused)] if refused else []),
                *(_figure(value, column.unit) for value in (column.total, column.least, column.greatest)),
            ]
        )
        for column, year in rows[:most]
    ]
    headings = ["Figures", "Missing", *(["Refused"] if refused else []), "Total"]
    figures = [*([document.Column("Year")] if dated else []), *map(document.Column, headings)]
    # Left out if there is no room; --json has them.
    extremes = [document.Column("Lowest", spare=1), document.Column("Highest", spare=1)]
    names = document.Column("Column", document.Role.TEXT, least=12, required_width=20)
    yield document.Table([names, *figures, *extremes], cells, inset=False)
    converted = [
        f"{column.name} is '{column.heading}', in {column.stated}: "
        f"the figures used add up to {as_in_sheet(column.total_as_written)} in that unit."
        for column in columns
        if column.stated and column.total_as_written is not None
    ]
    yield from map(document.Paragraph, dict.fromkeys(converted))  # rows without a year have the same total every year


def _column_rows(columns: Sequence[ColumnSummary]) -> list[tuple[ColumnSummary, str]]:
    """Return the columns with their years; one whose figures are the same in every year has one row, `every year`."""
    years = dict.fromkeys(column.year for column in columns)
    by_name: dict[str, list[ColumnSummary]] = {}
    for column in columns:
        by_name.setdefault(column.name, []).append(column)
    rows = []
    for same_name in by_name.values():
        if len(years) > 1 and len({replace(column, year="") for column in same_name}) == 1:
            rows.append((same_name[0], "every year"))
        else:
            rows += [(column, column.year) for column in same_name]
    return rows


def _figure(value: float | None, unit: str) -> str:
    """Return a figure of a column in its unit, a dash for None."""
    if value is None:
        return "–"
    if unit == "£":
        return money(value, 0 if value.is_integer() else 2)
    return whole(value) if unit == "people" and value.is_integer() else plain_number(value)
