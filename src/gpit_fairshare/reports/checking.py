"""The report that `gpit check` prints."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from gpit_fairshare.findings import FindingCode
from gpit_fairshare.numbers import as_in_sheet, money, plain_number, whole
from gpit_fairshare.reports import document
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


def checking_document(report: Report, *, marked: str = "", file_names: Sequence[str] = ()) -> document.Document:
    """Return the verdict, the contents of the files and the findings.

    Args:
        report: The report of the check.
        marked: Copies of workbooks with their findings marked.
        file_names: Names of the files that the report was written to.
    """
    blocks: list[document.Block] = [
        document.Title([_verdict_sentence(report)], document.Tone.GOOD if report.sound else document.Tone.BAD)
    ]
    if marked:
        blocks.append(document.OnScreen([document.Paragraph(f"Written: {marked}, with the findings marked.")]))
    blocks += document.written_line(file_names)
    blocks += [document.Paragraph(_source_sentence(source, report)) for source in report.sources]
    blocks += _column_blocks(report.columns) if report.columns else []
    return document.Document([*blocks, document.Findings(report.findings)])


def _verdict_sentence(report: Report) -> str:
    """Return the verdict, ready to use or not, with the number of errors, of their rows and of other findings.

    Codes that another file lacks are counted separately. In brackets are the number of files checked, and the scheme if
    there is one.
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
    return f"{'Cannot be used yet' if errors else 'Ready to use'}: {verdict} ({scope})."


def _count_rows(findings: Iterable[Finding]) -> int:
    """Return the number of different rows that findings are about."""
    places = [(each.file, _ROW.match(each.place)) for finding in findings for each in finding.each]
    return len({(file, match[1]) for file, match in places if match})


def _source_sentence(source: InputSource, report: Report) -> str:
    """Return a file's name, role and number of rows; for the first file, also the number of organisations by year."""
    counts = [
        counted(count, report.organisation) + (f" in {year}" if year else "")
        for year, count in report.organisations.items()
    ]
    organisations = f", {joined(counts)}" if source == report.sources[0] else ""
    return f"{source.name}: {_ROLES[source.role]}, {counted(source.rows, 'row')}{organisations}."


def _column_blocks(columns: Sequence[ColumnSummary]) -> Iterator[document.Block]:
    """Yield a table of the columns of numbers, and a line for each column whose unit was converted.

    The table has figures, missing figures and total, and if there is room lowest and highest; a year if any column has
    one.
    """
    dated = any(column.year for column in columns)
    rows = [
        document.Row(
            [
                column.name,
                *([column.year] if dated else []),
                whole(column.filled),
                whole(column.blank),
                *(_figure(value, column.unit) for value in (column.total, column.least, column.greatest)),
            ]
        )
        for column in columns
    ]
    figures = [*([document.Column("Year")] if dated else []), *map(document.Column, ("Figures", "Missing", "Total"))]
    # Left out if there is no room; --json has them.
    extremes = [document.Column("Lowest", spare=1), document.Column("Highest", spare=1)]
    names = document.Column("Column", document.Role.TEXT, least=12, required_width=20)
    yield document.Table([names, *figures, *extremes], rows, inset=False)
    converted = [
        f"{column.name} is '{column.heading}', in {column.stated}: "
        f"the total in the file is {as_in_sheet(column.total_as_written)}."
        for column in columns
        if column.stated and column.total_as_written is not None
    ]
    yield from map(document.Paragraph, dict.fromkeys(converted))  # rows without a year have the same total every year


def _figure(value: float | None, unit: str) -> str:
    """Return a figure of a column in its unit, a dash for None."""
    if value is None:
        return "–"
    if unit == "£":
        return money(value, 0 if value.is_integer() else 2)
    return whole(value) if unit == "people" and value.is_integer() else plain_number(value)
