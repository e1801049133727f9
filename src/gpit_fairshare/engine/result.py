"""A finished run: everything that screen, files and Python take from it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import polars as pl

from gpit_fairshare.engine.measures import measures_of
from gpit_fairshare.language.kinds import NATIONAL

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gpit_fairshare.engine.measures import YearMeasures
    from gpit_fairshare.engine.model import CheckResult, Effect, Fund, Year
    from gpit_fairshare.findings import Finding
    from gpit_fairshare.inputs.model import Inputs
    from gpit_fairshare.scheme.model import Scheme


@dataclass(frozen=True, slots=True)
class Result:
    """A finished run. `rows` is the tidy table: one row per year and organisation, by year and code."""

    scheme: Scheme
    inputs: Inputs
    years: Mapping[str, Year]
    checks: tuple[CheckResult, ...]
    funds: tuple[Fund, ...]
    findings: tuple[Finding, ...]
    rows: pl.DataFrame
    manifest: Mapping[str, Any]
    effects: tuple[Effect, ...] = ()
    """What hangs on each assumption that is a number; empty where it was not worked out."""

    def __repr__(self) -> str:
        rows, years = self.rows.height, ", ".join(self.years)
        verdict = "every check holds" if self.agrees else "a check does not hold"
        return f"<Result of {self.scheme.name}: {rows:,} rows for {years}; {verdict}; see .rows, .national, .findings>"

    @property
    def agrees(self) -> bool:
        """Return whether every check holds in every year."""
        return all(check.holds for check in self.checks)

    def year(self, year: str) -> pl.DataFrame:
        """Return the tidy rows of one year, such as `2014/15`."""
        return self.rows.filter(pl.col("year") == year)

    def measures(self) -> list[YearMeasures]:
        """Return what each year comes to, in order: money, gains and losses, inequality, totals by area."""
        return [measures_of(self.scheme, year, self.funds) for year in self.years.values()]

    @property
    def national(self) -> pl.DataFrame:
        """Return the national figures: one row per year, a column per national step."""
        names = [step.name for step in self.scheme.steps if step.kind == NATIONAL]
        return pl.DataFrame(
            [{"year": year, **{name: one.national(name) for name in names}} for year, one in self.years.items()]
        )
