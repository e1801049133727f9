"""Scheme + inputs → Result: the whole calculation, year by year, with the values of every step.

No funding rule is in this package. Steps are evaluated in the order of the scheme. Polars calculates each
formula row by row, totals do not depend on the order of rows or the number of threads, and the two kernels
share and round money exactly.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gpit_fairshare.engine.measures import funds_of
from gpit_fairshare.engine.model import CheckResult, Sensitivity, Year
from gpit_fairshare.engine.notes import notes_of
from gpit_fairshare.engine.result import Result, manifest_of, tidy, versions_now
from gpit_fairshare.engine.year import YearRun
from gpit_fairshare.renamed import renamed_names

if TYPE_CHECKING:
    from gpit_fairshare.inputs.model import Inputs
    from gpit_fairshare.scheme.model import Scheme

__all__ = ["CheckResult", "Result", "Sensitivity", "Year", "calculate", "versions_now"]

__getattr__ = renamed_names(__name__, {"Effect": "Sensitivity"})


def calculate(scheme: Scheme, inputs: Inputs) -> Result:
    """Run a scheme over checked inputs, year by year, and return its result with checks, funds, findings and manifest.

    The effects of assumptions are not calculated.
    """
    years: dict[str, Year] = {}
    checks: list[CheckResult] = []
    before: Year | None = None
    for year in scheme.years:
        run = YearRun(scheme, inputs, year, before)
        for step in scheme.steps:
            run.step(step)
        checks += [run.check(check) for check in scheme.checks]
        run.find_outcomes()
        years[year] = before = run.now
    funds = tuple(fund for year in years.values() for fund in funds_of(scheme, year))
    from_kernels = [finding for year in years.values() for finding in year.too_fine.values()]
    findings = (*inputs.findings, *notes_of(scheme, funds, years, inputs.sources), *from_kernels)
    rows = tidy(scheme, years)
    manifest = manifest_of(scheme, inputs, findings, checks)
    return Result(scheme, inputs, years, tuple(checks), funds, findings, rows, manifest)
