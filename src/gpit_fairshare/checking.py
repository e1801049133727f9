"""Inputs alone: what files hold and every finding about them, with a scheme to say what is wanted or without."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from gpit_fairshare.allocation import DEFAULT_SCHEME, named_files, request_for, with_options
from gpit_fairshare.findings import gravest_first
from gpit_fairshare.inputs import EVERY_YEAR, LARGEST, MEGABYTE, Request, inspect_inputs
from gpit_fairshare.scheme import load

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date
    from pathlib import Path

    from gpit_fairshare.findings import Finding
    from gpit_fairshare.inputs import ColumnSummary, Source

JSON_SCHEMA = "gpit-check/1"


@dataclass(frozen=True)
class Report:
    """What is in the files, and everything noticed about them, faults among it."""

    scheme: str
    """Name of the scheme that said what is wanted; empty if none did."""
    organisation: str
    """What a row is called."""
    years: tuple[str, ...]
    """Years of the scheme, or of the files; empty if no file says its year."""
    organisations: Mapping[str, int]
    """Organisations in each year; the year is empty where no file says it."""
    sources: tuple[Source, ...]
    columns: tuple[ColumnSummary, ...]
    """Columns of numbers, one entry for each and year."""
    findings: tuple[Finding, ...]
    """Errors, warnings and notes, in this order."""

    @property
    def sound(self) -> bool:
        """Whether there is no error, so that a run can go on."""
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
                    "role": source.role,
                    "file": source.file,
                    "sheet": source.sheet,
                    "sha256": source.sha256,
                    "rows": source.rows,
                    "headings": [{"heading": heading, "column": column} for heading, column in source.matched],
                }
                for source in self.sources
            ],
            "columns": [asdict(column) for column in self.columns],
            "findings": [finding.entry() for finding in self.findings],
        }


def check(  # noqa: PLR0913  # the options of `gpit check`, all by name
    *,
    population: str | Path | Sequence[str | Path] | None = None,
    spend: str | Path | Sequence[str | Path] | None = None,
    inputs: str | Path | Sequence[str | Path] | None = None,
    scheme: str | Path | None = None,
    formula: str | Path | None = None,
    transition: str | Path | None = None,
    mapping: Mapping[str, str] | None = None,
    units: Mapping[str, str] | None = None,
    years: Sequence[str] | None = None,
    boundaries: str | date | None = None,
    crosswalk: str | Path | Sequence[str | Path] | None = None,
    leave_out: Sequence[str] = (),
    max_size: int = LARGEST // MEGABYTE,
    organisation: str = "",
    sample: bool = False,
) -> Report:
    """Check input files: everything that would stop a run, and everything worth a look.

    Args:
        population: File or files with `org_code` and `registered_population`; `FILE:SHEET` for a workbook.
        spend: File or files with `org_code` and `historic_spend`, or with lines of cost.
        inputs: Further files joined by `org_code` (and `year`).
        scheme: Check that the files have all that this scheme needs; without one, every column of numbers is checked.
        formula: Instead of the scheme's.
        transition: Instead of the scheme's.
        mapping: Headings of the files that are not recognised: `{"Heading": "column"}`.
        units: Units of columns, as the user knows them: `{"Heading": "£m"}`.
        years: Check that the files have what the scheme needs for these years instead of its own.
        boundaries: The day on whose organisations all rows are restated, or a year for its first day.
        crosswalk: File or files of mergers and splits, beside those of CCGs that are known.
        leave_out: Codes whose rows are left out.
        max_size: Megabytes that a file may hold, unpacked.
        organisation: What a row is called where no scheme says it; `practice` makes practices the rows.
        sample: Check the England sample.

    Returns:
        A `Report`; faults in the files are findings of it and not raised.

    Raises:
        GpitError: Something in the arguments or the scheme is wrong, or a file is not there.
    """
    with named_files(population, spend, inputs, sample=sample) as files:
        if scheme or formula or transition or years:
            ready = load(
                str(scheme or DEFAULT_SCHEME),
                formula=None if formula is None else str(formula),
                transition=None if transition is None else str(transition),
                years=years,
            )
            name, request = ready.name, request_for(ready, files, mapping or {}, units or {})
        else:
            name, request = "", _open_request(files, mapping or {}, units or {}, organisation or "organisation")
        wanted = with_options(request, leave_out, max_size, boundaries, crosswalk)
        request, read, columns = inspect_inputs(wanted)
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


def _open_request(
    files: Sequence[Sequence[str]], mapping: Mapping[str, str], units: Mapping[str, str], organisation: str
) -> Request:
    """Ask for all there is: the years are those of the files, and every column of numbers is looked at."""
    population, spend, extra = files
    return Request(
        population=tuple(population),
        spend=tuple(spend),
        extra=tuple(extra),
        years=(),
        mapping=dict(mapping),
        units=dict(units),
        organisation=organisation,
    )
