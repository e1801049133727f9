"""Checks input files, with or without a scheme: their contents and every finding about them."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from pathlib import Path  # noqa: TC003  # the signature of `check` reads it from the annotations
from typing import TYPE_CHECKING, Any

from gpit_fairshare.allocation import load_scheme, named_files, reading, request_for
from gpit_fairshare.engine.table_findings import values_without_row
from gpit_fairshare.findings import Finding, gravest_first
from gpit_fairshare.inputs.checked_tables import inspect_inputs
from gpit_fairshare.inputs.columns.cells import EVERY_YEAR
from gpit_fairshare.inputs.model import InputSource, Request
from gpit_fairshare.presentation import Presented, cut
from gpit_fairshare.run_options import DEFAULT_SCHEME, RunOptions, called_with
from gpit_fairshare.words import counted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gpit_fairshare.inputs.tables.inspection import ColumnSummary

JSON_SCHEMA = "gpit-check/1"


@dataclass(frozen=True)
class Report(Presented):
    """The contents of input files, and all findings about them, including errors."""

    scheme: str
    """Name of the scheme that the files were checked against; empty if there is none."""
    organisation: str
    """Noun for a row."""
    years: tuple[str, ...]
    """Years of the scheme, or of the files; empty if no file has a year."""
    organisations: Mapping[str, int]
    """Number of organisations in each year; the year is empty if no file has one."""
    sources: tuple[InputSource, ...]
    """The files, each with its digest, headings and number of rows."""
    columns: tuple[ColumnSummary, ...]
    """Columns of numbers, one entry for each column and year."""
    findings: tuple[Finding, ...]
    """Errors, warnings and notes, in this order."""
    not_given: tuple[str, ...] = ()
    """Columns of numbers that the default scheme needs and no file gives.

    Empty if a scheme was named, or if the files could not be read.
    """

    def __repr__(self) -> str:
        files = ", ".join(repr(source.name) for source in self.sources)
        verdict = "no errors" if self.sound else "cannot be used yet"
        findings = counted(len(self.findings), "finding")
        return cut(f"<Report on {files or 'no file'}: {verdict}; {findings}; see .findings, .columns>")

    @property
    def sound(self) -> bool:
        """Whether there are no errors, so that a run is possible."""
        return not any(finding.level == "error" for finding in self.findings)

    def document(self) -> dict[str, Any]:
        """Return the files, the columns and the findings with stable keys, for JSON."""
        return {
            "schema": JSON_SCHEMA,
            "sound": self.sound,
            "scheme": self.scheme,
            "organisation": self.organisation,
            "years": list(self.years),
            "organisations": [{"year": year, "count": count} for year, count in self.organisations.items()],
            "files": [
                {
                    **source.entry(),
                    "headings": [{"heading": heading, "column": column} for heading, column in source.matched],
                }
                for source in self.sources
            ],
            "columns": [asdict(column) for column in self.columns],
            "findings": [finding.entry() for finding in self.findings],
            "not_given": list(self.not_given),
        }


@dataclass(frozen=True, kw_only=True)
class CheckOptions(RunOptions):
    """The options of a run. A scheme is optional.

    Attributes:
        scheme: Check that the files have everything this scheme needs. Without it, all columns of numbers are checked.
        organisation: The name for a row if there is no scheme; with `practice`, the rows are practices.
    """

    scheme: str | Path | None = None
    organisation: str = ""


@called_with(CheckOptions)
def check(options: CheckOptions) -> Report:
    """Check input files: report every error that would stop a run, and everything to review.

    With a formula, a transition, settings or years but no scheme, the files are checked against the default scheme.

    Returns:
        A `Report`. Errors in the files are among its findings; they are not raised.

    Raises:
        GpitError: An argument or the scheme has an error, or a file does not exist.
    """  # noqa: DOC502 - raised by what it calls
    with named_files(options) as files:
        if options.scheme or options.formula or options.transition or options.settings or options.years:
            scheme = load_scheme(replace(options, scheme=options.scheme or DEFAULT_SCHEME), needs_values=False)
            name, request = scheme.name, request_for(scheme, options, files)
            request, read, columns = inspect_inputs(request)
            findings = [*read.findings, *values_without_row(scheme, read)]
        else:
            # Without a scheme, the years are those of the files, and every column of numbers is checked.
            organisation = options.organisation or "organisation"
            name, request = "", Request(**reading(options, files), years=(), organisation=organisation)
            request, read, columns = inspect_inputs(request)
            findings = [*read.findings]
    given, has_errors = {column.name for column in columns}, any(finding.level == "error" for finding in findings)
    dated = request.years != (EVERY_YEAR,)
    return Report(
        scheme=name,
        organisation=request.organisation,
        years=request.years if dated else (),
        organisations={year if dated else "": read.tables[year].height for year in request.years},
        sources=read.sources,
        columns=tuple(columns),
        findings=gravest_first(findings),
        # With an error and without any column, the file could not be read: what it gives is not known.
        not_given=()
        if name or (has_errors and not given)
        else tuple(need for need in _default_needs(options) if need not in given),
    )


def _default_needs(options: CheckOptions) -> list[str]:
    """Return the columns of numbers that the default scheme needs, in the order of first use."""
    scheme = load_scheme(replace(options, scheme=DEFAULT_SCHEME))
    return [symbol.name for symbol in scheme.inputs if symbol.type == "number" and not symbol.optional]
