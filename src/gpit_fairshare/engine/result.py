"""A finished run, for screen, files and Python: its tidy table, its measures, and the manifest to reproduce it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from importlib import metadata
from typing import TYPE_CHECKING, Any

import polars as pl

from gpit_fairshare.engine.measures import YearMeasures, measures_of, with_no_outcome
from gpit_fairshare.errors import UsageError
from gpit_fairshare.language.kinds import NATIONAL
from gpit_fairshare.plugins import LIBRARIES_OF_RESULTS
from gpit_fairshare.presentation import PresentedAsPage, cut
from gpit_fairshare.scheme.definition import definition
from gpit_fairshare.words import joined, parse_year

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from gpit_fairshare.engine.model import CheckResult, Fund, Sensitivity, Year
    from gpit_fairshare.findings import Finding
    from gpit_fairshare.inputs.model import Inputs
    from gpit_fairshare.scheme.model import Scheme


@dataclass(frozen=True, slots=True)
class Result(PresentedAsPage):
    """A finished run: its tables, checks and findings, and the manifest to reproduce it."""

    scheme: Scheme
    """The rule, with every parameter, its values and their sources."""
    inputs: Inputs
    """The checked tables of the input files, by year."""
    years: Mapping[str, Year]
    """Every value of each year, by its name such as `2014/15`."""
    checks: tuple[CheckResult, ...]
    """The outcome of each check in each year."""
    funds: tuple[Fund, ...]
    """What each step shared out in each year, what it spent and what is unspent."""
    findings: tuple[Finding, ...]
    """Warnings and notes about the files and the run."""
    rows: pl.DataFrame
    """The tidy table: one row per year and organisation, by year and code; money in £."""
    manifest: Mapping[str, Any]
    """All that is needed to run it again: versions, files with digests, options, parameters; ready for JSON."""
    effects: tuple[Sensitivity, ...] = ()
    """Effects of each assumption that is a number; empty if they were not calculated."""

    def __repr__(self) -> str:
        """Return the line of `gpit allocate --quiet`, the number of rows, and where to look."""
        return f"<Result of {cut(self._summary(), 230)}; {self.rows.height:,} rows; see .rows, .national, .findings>"

    @property
    def agrees(self) -> bool:
        """Return whether every check passes in every year."""
        return all(check.holds for check in self.checks)

    def year(self, year: str) -> pl.DataFrame:
        """Return the rows of one year, such as `2014/15`, in any spelling of a financial year.

        Raises:
            UsageError: The result does not have this year.
        """
        name = parse_year(year)
        if name not in self.years:
            raise UsageError(f"there is no year {year!r}; the result has {joined([*self.years])}")
        return self.rows.filter(pl.col("year") == name)

    def write(self, *paths: str | Path, manifest: bool = False) -> list[Path]:
        """Write the result to files, as `gpit allocate -o` does; each ending says the format.

        `.xlsx`, `.csv`, `.parquet` and `.json` hold the result, `.md` its report. `.html` is a page that recalculates;
        without the extra `report` it has the report only. Either all files are written or none.

        Args:
            paths: The files; their folders must exist. An input file of the run is never overwritten.
            manifest: Whether to write the manifest of each `.csv` and `.parquet` file beside it, so that it can be
                verified and explained. A manifest that is there already is always written again.

        Returns:
            The files written, each manifest after its table.

        Raises:
            UsageError: A file cannot have this name or place.
            OutputError: A file cannot be written.
        """  # noqa: DOC502 - raised by what it calls
        return self._write(paths, manifest=manifest)

    def measures(self) -> list[YearMeasures]:
        """Return the measures of each year, in order: money, gains and losses, inequality, totals by area."""
        return with_no_outcome([measures_of(self.scheme, year, self.funds) for year in self.years.values()])

    @property
    def national(self) -> pl.DataFrame:
        """Return the national figures: one row per year, and a column for each step that has one national value."""
        names = [step.name for step in self.scheme.steps if step.kind == NATIONAL]
        return pl.DataFrame(
            [{"year": label, **{name: year.national(name) for name in names}} for label, year in self.years.items()]
        )


def tidy(scheme: Scheme, years: Mapping[str, Year]) -> pl.DataFrame:
    """Return a table with one row per year and organisation: the inputs used, every step in order, the answer last."""
    columns = ["org_code", "org_name"]
    columns += [scheme.report_by] if scheme.report_by else []
    columns += [symbol.name for symbol in scheme.inputs if symbol.name not in columns]
    columns += [step.name for step in scheme.steps if step.name != scheme.result]
    columns.append(scheme.result)
    parts = []
    for name, year in years.items():
        year_columns = [column for column in columns if column in year.organisations.columns]
        parts.append(year.organisations.select(pl.lit(name).alias("year"), *year_columns))
    rows = pl.concat(parts, how="diagonal")
    return rows.select("year", *(column for column in columns if column in rows.columns))


def versions_now() -> dict[str, str]:
    """Return the installed versions of gpit and of the libraries that can change a result, by name."""
    return {
        "gpit": metadata.version("gpit-fairshare"),
        **{name: metadata.version(name) for name in LIBRARIES_OF_RESULTS},
    }


def manifest_of(
    scheme: Scheme, inputs: Inputs, findings: Sequence[Finding], checks: Sequence[CheckResult]
) -> dict[str, Any]:
    """Return the manifest of a run, for JSON: all that is needed to run it again and get the same bytes.

    It has no time of day and no path of the machine.
    """
    versions = versions_now()
    return {
        "gpit": versions["gpit"],
        "libraries": {name: versions[name] for name in LIBRARIES_OF_RESULTS},
        "scheme": {
            "name": scheme.name,
            "title": scheme.title,
            "formula": scheme.formula,
            "transition": scheme.transition,
            "years": list(scheme.years),
            "digest": scheme.digest,
            "files": [{"file": file, "sha256": digest} for file, digest in scheme.files],
        },
        "plugins": [asdict(plugin) for plugin in scheme.plugins],
        "parameters": [
            {
                "name": name,
                "year": year,
                "value": value.value,
                "written": value.as_written,
                "source": str(value.source) if value.source else None,
                "assumption": value.assumption or None,
                "overridden": value.overridden,
                # Only for a value that was set, so that the manifests of other runs do not change.
                **({"replaces": value.replaces.value if value.replaces else None} if value.overridden else {}),
            }
            for name, parameter in scheme.parameters.items()
            for year, value in parameter.values.items()
        ],
        "inputs": [{**source.entry(), "units": [unit._asdict() for unit in source.units]} for source in inputs.sources],
        "columns": [asdict(column) for column in inputs.columns.values()],
        "boundaries": inputs.boundaries.isoformat() if inputs.boundaries else None,
        "crosswalk": inputs.crosswalk.added(),
        "illustrative": list(inputs.illustrative),
        "draft": list(scheme.drafts),
        "definition": definition(scheme),
        "findings": [finding.entry() for finding in findings],
        "checks": [{**asdict(check), "failing": list(check.failing)} for check in checks],
        "defaults": None,  # only the command line has a file of defaults
    }
