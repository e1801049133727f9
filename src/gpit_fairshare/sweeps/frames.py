"""Tables of a sweep: a row for each scenario, or for each organisation in each of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import polars as pl

from gpit_fairshare.sweeps.figures import COUNTS, LARGEST_LOSS_ROW, OUTCOME

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Mapping

    from gpit_fairshare.engine import Result
    from gpit_fairshare.engine.batches.batch_year import Impossible
    from gpit_fairshare.inputs.model import Inputs
    from gpit_fairshare.language.in_numpy import Array
    from gpit_fairshare.scheme.model import Scheme
    from gpit_fairshare.sweeps.scenarios import Scenarios

QUANTILES: Final = (0.05, 0.25, 0.5, 0.75, 0.95)
"""What a sweep of draws says of each organisation."""


@dataclass(frozen=True, slots=True)
class SweepOfRule:
    """The scenarios of one rule: a formula and a transition."""

    formula: str | None
    """The formula that was asked for; None for the scheme's own."""
    transition: str | None
    scheme: Scheme
    inputs: Inputs
    variations: Scenarios
    base: Result | None
    """The single run with the values of the scheme; None if that is impossible."""
    results: Mapping[str, Array]
    """By year: the result of each organisation, (scenarios, organisations); NaN where it is impossible."""
    figures: Mapping[str, Mapping[str, Array]]
    """By year: figures by name, see `figures_of`, (scenarios,); NaN where it is impossible."""
    impossible: Mapping[int, Impossible]
    """By scenario of this rule, from 0."""
    single_runs: Counter[str]
    """How often a part of the rule was left to a single run, by what it is."""

    def codes(self, year: str) -> list[str]:
        """Return the codes of the organisations of a year, in the order of `results`."""
        codes: list[str] = self.inputs.tables[year]["org_code"].to_list()
        return codes

    def names(self, year: str) -> list[str | None]:
        """Return their names."""
        names: list[str | None] = self.inputs.tables[year]["org_name"].to_list()
        return names

    def base_results(self, year: str) -> Array:
        """Return the results of the base run; NaN if it is impossible."""
        if self.base is None:
            return np.full(len(self.codes(year)), np.nan)
        values: Array = self.base.years[year].organisations[self.scheme.result].to_numpy()
        return values

    def rule_names(self) -> dict[str, str]:
        """Return formula and transition, where they vary."""
        names = {"formula": self.formula, "transition": self.transition}
        return {key: name for key, name in names.items() if name is not None}


def frame_of(rule: SweepOfRule, year: str, first: int) -> pl.DataFrame:
    """Return a row for each scenario of a rule in a year; `first` is the number of its first scenario."""
    number, variations = rule.variations.count, rule.variations
    columns: dict[str, Any] = {"scenario": np.arange(first, first + number)}
    if variations.names:
        columns["name"] = [*variations.names]
    columns |= {key: [name] * number for key, name in rule.rule_names().items()}
    columns |= {**variations.columns, "year": [year] * number}
    figures = dict(rule.figures[year])
    row_of_loss = figures.pop(LARGEST_LOSS_ROW, None)
    counts = [name for name in figures if name in COUNTS or name.startswith(OUTCOME)]
    frame = pl.DataFrame({**columns, **figures}, nan_to_null=True).with_columns(pl.col(counts).cast(pl.Int64))
    if row_of_loss is not None:
        codes = rule.codes(year)
        names = [None if np.isnan(row) else codes[int(row)] for row in row_of_loss.tolist()]
        frame = frame.with_columns(pl.Series("largest_loss_code", names, dtype=pl.String))
    places = range(number)
    reasons = [rule.impossible[place].reason if place in rule.impossible else None for place in places]
    return frame.with_columns(pl.Series("impossible", reasons, dtype=pl.String))


def organisations_of(rule: SweepOfRule, year: str, first: int) -> pl.DataFrame:
    """Return a row for each scenario and organisation of a rule in a year."""
    codes, number, values = rule.codes(year), rule.variations.count, rule.results[year]
    return pl.DataFrame(
        {
            "scenario": np.repeat(np.arange(first, first + number), len(codes)),
            "year": [year] * (number * len(codes)),
            "org_code": codes * number,
            "org_name": rule.names(year) * number,
            rule.scheme.result: values.ravel(),
            "difference": (values - rule.base_results(year)).ravel(),
        },
        nan_to_null=True,
        schema_overrides={"org_name": pl.String},
    )


def quantiles_of(rule: SweepOfRule, year: str) -> pl.DataFrame:
    """Return a row for each organisation of a rule in a year, over the possible scenarios, with how many those are."""
    codes, values = rule.codes(year), rule.results[year]
    possible = values[~np.isnan(values).any(axis=1)]
    shape = len(QUANTILES), len(codes)
    quantiles = np.quantile(possible, QUANTILES, axis=0) if len(possible) else np.full(shape, np.nan)
    return pl.DataFrame(
        {
            **{key: [name] * len(codes) for key, name in rule.rule_names().items()},
            "year": [year] * len(codes),
            "org_code": codes,
            "org_name": rule.names(year),
            "base": rule.base_results(year),
            **{f"p{round(ratio * 100):02}": of_ratio for ratio, of_ratio in zip(QUANTILES, quantiles, strict=True)},
            "scenarios": [len(possible)] * len(codes),
        },
        nan_to_null=True,
        schema_overrides={"org_name": pl.String},
    )
