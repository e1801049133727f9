"""Checks input files, with or without a scheme: their contents and every finding about them."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from pathlib import Path  # noqa: TC003  # the signature of `check` reads it from the annotations
from typing import TYPE_CHECKING, Any

from gpit_fairshare.allocation import load_scheme, named_files, reading, request_for
from gpit_fairshare.findings import Finding, gravest_first
from gpit_fairshare.inputs.checked_tables import inspect_inputs
from gpit_fairshare.inputs.columns.cells import EVERY_YEAR
from gpit_fairshare.inputs.model import InputSource, Request
from gpit_fairshare.run_options import DEFAULT_SCHEME, RunOptions, called_with

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gpit_fairshare.inputs.tables.inspection import ColumnSummary

JSON_SCHEMA = "gpit-check/1"


@dataclass(frozen=True)
class Report:
    """The contents of the files, and all findings about them, including errors."""

    scheme: str
    """Name of the scheme that the files were checked against; empty if there is none."""
    organisation: str
    """Noun for a row."""
    years: tuple[str, ...]
    """Years of the scheme, or of the files; empty if no file says its year."""
    organisations: Mapping[str, int]
    """Organisations in each year; the year is empty where no file says it."""
    sources: tuple[InputSource, ...]
    columns: tuple[ColumnSummary, ...]
    """Columns of numbers, one entry for each column and year."""
    findings: tuple[Finding, ...]
    """Errors, warnings and notes, in this order."""

    @property
    def sound(self) -> bool:
        """Whether there is no error, so that a run is possible."""
        return not any(finding.level == "error" for finding in self.findings)

    def document(self) -> dict[str, Any]:
        """Return the report with stable keys, for JSON."""
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
        }


@dataclass(frozen=True, kw_only=True)
class CheckOptions(RunOptions):
    """The options of a run, without a scheme unless one is named.

    Attributes:
        scheme: Check that the files have all that this scheme needs; without one, every column of numbers is checked.
        organisation: What a row is called where no scheme says it; `practice` makes practices the rows.
    """

    scheme: str | Path | None = None
    organisation: str = ""


@called_with(CheckOptions)
def check(options: CheckOptions) -> Report:
    """Check input files: everything that would stop a run, and everything worth a look.

    Returns:
        A `Report`; faults in the files are findings of it and not raised.

    Raises:
        GpitError: Something in the arguments or the scheme is wrong, or a file is not there.
    """
    with named_files(options) as files:
        if options.scheme or options.formula or options.transition or options.settings or options.years:
            scheme = load_scheme(replace(options, scheme=options.scheme or DEFAULT_SCHEME))
            name, request = scheme.name, request_for(scheme, options, files)
        else:
            # All there is: the years are those of the files, and every column of numbers is looked at.
            organisation = options.organisation or "organisation"
            name, request = "", Request(**reading(options, files), years=(), organisation=organisation)
        request, read, columns = inspect_inputs(request)
    dated = request.years != (EVERY_YEAR,)
    return Report(
        scheme=name,
        organisation=request.organisation,
        years=request.years if dated else (),
        organisations={year if dated else "": read.tables[year].height for year in request.years},
        sources=read.sources,
        columns=tuple(columns),
        findings=gravest_first(read.findings),
    )
