"""The report of `gpit check` on input files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gpit_fairshare.numbers import as_in_sheet, money, plain_number, whole
from gpit_fairshare.reports import document as doc
from gpit_fairshare.words import counted, joined

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from gpit_fairshare.checking import Report
    from gpit_fairshare.inputs.model import InputSource
    from gpit_fairshare.inputs.tables.inspection import ColumnSummary

_ROLES = {"population": "population", "spend": "spend", "input": "further columns", "crosswalk": "crosswalk"}


def checking_document(report: Report, *, marked: str = "", file_names: Sequence[str] = ()) -> doc.Document:
    """Return the verdict, then the contents of the files and the findings.

    Args:
        report: The report of the check.
        marked: Copies of workbooks with their faults marked.
        file_names: Names of the files that the report was written to.
    """
    blocks: list[doc.Block] = [doc.Title([_verdict(report)], doc.Tone.GOOD if report.sound else doc.Tone.BAD)]
    if marked:
        blocks.append(doc.OnScreen([doc.Paragraph(f"Written: {marked}, with each place marked.")]))
    blocks += doc.written_line(file_names)
    blocks += [doc.Paragraph(_source(source, report)) for source in report.sources]
    blocks += _columns(report.columns) if report.columns else []
    return doc.Document([*blocks, doc.Findings(report.findings)])


def _verdict(report: Report) -> str:
    levels = doc.counted_levels(report.findings)
    files = {(source.file, source.sha256) for source in report.sources}
    where = f"in {counted(len(files), 'file')}" if files else "and no file could be read"
    against = f", checked against {report.scheme}" if report.scheme else ""
    if report.sound:
        return f"Fit for use: no error {where}{against}; {levels or 'nothing to remark'}."
    return f"Not fit for use: {levels} {where}{against}."


def _source(source: InputSource, report: Report) -> str:
    counts = [
        counted(count, report.organisation) + (f" in {year}" if year else "")
        for year, count in report.organisations.items()
    ]
    organisations = f", {joined(counts)}" if source == report.sources[0] else ""
    return f"{source.name}: {_ROLES[source.role]}, {counted(source.rows, 'row')}{organisations}."


def _columns(columns: Sequence[ColumnSummary]) -> Iterator[doc.Block]:
    """Yield a table of the columns, and a line for each column that the file gives in another unit."""
    dated = any(column.year for column in columns)
    rows = [
        doc.Row(
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
    figures = [*([doc.Column("Year")] if dated else []), *map(doc.Column, ("Figures", "Missing", "Total"))]
    spared = [doc.Column("Least", spare=1), doc.Column("Greatest", spare=1)]  # they are in the JSON document too
    names = doc.Column("Column", doc.Role.TEXT, least=12, required_width=20)
    yield doc.Table([names, *figures, *spared], rows, inset=False)
    for column in columns:
        if column.stated and column.total_as_written is not None:
            yield doc.Paragraph(
                f"{column.name} is '{column.heading}', in {column.stated}: "
                f"{as_in_sheet(column.total_as_written)} as the file writes it."
            )


def _figure(value: float | None, unit: str) -> str:
    if value is None:
        return "–"
    if unit == "£":
        return money(value, 0 if value.is_integer() else 2)
    return whole(value) if unit == "people" and value.is_integer() else plain_number(value)
