"""Tables of a sweep: a row for each scenario, or for each organisation in each of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import polars as pl

from gpit_fairshare.sweeps.figures import COUNTS, FAILS, LARGEST_LOSS_ROW, OUTCOME, parameter_column, step_column

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Mapping

    from gpit_fairshare.engine import Result
    from gpit_fairshare.engine.batches.batch import Impossible
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
    scenarios: Scenarios
    base: Result | None
    """The single run of the scheme's own rule and values; None if that is impossible."""
    base_problem: str
    """Why there is no base run; empty if there is one."""
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
        """Return the results of the base run; NaN for what it does not have."""
        base = self.base.years.get(year) if self.base else None
        if base is None or self.base is None:
            return np.full(len(self.codes(year)), np.nan)
        values = dict(zip(base.codes(), base.organisations[self.base.scheme.result].to_list(), strict=True))
        return np.array([values.get(code, np.nan) for code in self.codes(year)], dtype=float)

    def reasons(self) -> list[str | None]:
        """Return for each scenario why it is impossible; None if it is possible."""
        places = range(self.scenarios.count)
        return [self.impossible[place].reason if place in self.impossible else None for place in places]

    def rule_names(self) -> dict[str, str]:
        """Return formula and transition, where they vary."""
        names = {"formula": self.formula, "transition": self.transition}
        return {key: name for key, name in names.items() if name is not None}


def frame_of(rule: SweepOfRule, year: str, first: int) -> pl.DataFrame:
    """Return a row for each scenario of a rule in a year; `first` is the number of its first scenario."""
    columns = _identities(rule, year, first)
    figures = dict(rule.figures[year])
    row_of_loss = figures.pop(LARGEST_LOSS_ROW, None)
    counts = [name for name in figures if name in COUNTS or name.startswith((OUTCOME, FAILS))]
    frame = pl.DataFrame({**columns, **figures}, nan_to_null=True).with_columns(pl.col(counts).cast(pl.Int64))
    if row_of_loss is not None:
        codes = rule.codes(year)
        names = [None if np.isnan(row) else codes[int(row)] for row in row_of_loss.tolist()]
        frame = frame.with_columns(pl.Series("largest_loss_code", names, dtype=pl.String))
    return frame.with_columns(pl.Series("impossible", rule.reasons(), dtype=pl.String))


def _identities(rule: SweepOfRule, year: str, first: int) -> dict[str, Any]:
    """Return the columns that say what each scenario is: its number and name, the rule, what varies, and the year."""
    number, scenarios = rule.scenarios.count, rule.scenarios
    columns: dict[str, Any] = {"scenario": np.arange(first, first + number)}
    if scenarios.names:
        columns["name"] = [*scenarios.names]
    columns |= {key: [name] * number for key, name in rule.rule_names().items()}
    varying = {parameter_column(key): values for key, values in scenarios.columns.items()}
    return {**columns, **varying, "year": [year] * number}


def organisations_of(rule: SweepOfRule, year: str, first: int, only: str | None = None) -> pl.DataFrame:
    """Return a row for each scenario and organisation of a rule in a year; `only` is the code of a single one."""
    rows = [row for row, code in enumerate(rule.codes(year)) if only in (None, code)]
    codes, names = ([texts[row] for row in rows] for texts in (rule.codes(year), rule.names(year)))
    number, values = rule.scenarios.count, rule.results[year][:, rows]
    base = np.broadcast_to(rule.base_results(year)[rows], values.shape)
    return pl.DataFrame(
        {
            **{name: np.repeat(column, len(codes)) for name, column in _identities(rule, year, first).items()},
            "org_code": codes * number,
            "org_name": names * number,
            "base": base.ravel(),
            step_column(rule.scheme.result): values.ravel(),
            "difference": (values - base).ravel(),
            "impossible": [reason for reason in rule.reasons() for _ in codes],
        },
        nan_to_null=True,
        schema_overrides={"org_code": pl.String, "org_name": pl.String, "impossible": pl.String},
    )


def quantiles_of(rule: SweepOfRule, year: str) -> pl.DataFrame:
    """Return a row for each organisation of a rule in a year, over the possible scenarios, with how many those are."""
    keys = {
        "org_code": rule.codes(year),
        "org_name": pl.Series(rule.names(year), dtype=pl.String),
        "base": rule.base_results(year),
    }
    return _quantiles(rule, year, keys, rule.results[year])


def figure_quantiles_of(rule: SweepOfRule, year: str) -> pl.DataFrame:
    """Return a row for each national figure of a rule in a year, over the possible scenarios."""
    figures = {
        name: values
        for name, values in rule.figures[year].items()
        if name != LARGEST_LOSS_ROW and not name.startswith(FAILS)
    }
    values = np.column_stack([*figures.values()]) if figures else np.empty((rule.scenarios.count, 0))
    return _quantiles(rule, year, {"figure": pl.Series([*figures], dtype=pl.String)}, values)


def _quantiles(rule: SweepOfRule, year: str, keys: Mapping[str, Any], values: Array) -> pl.DataFrame:
    """Return quantiles of each column of `values` over the possible scenarios, in a row that begins with `keys`."""
    number, possible = values.shape[1], np.delete(values, [*rule.impossible], axis=0)
    quantiles = np.quantile(possible, QUANTILES, axis=0) if len(possible) else np.full((len(QUANTILES), number), np.nan)
    return pl.DataFrame(
        {
            **{key: [name] * number for key, name in rule.rule_names().items()},
            "year": [year] * number,
            **keys,
            **{f"p{round(ratio * 100):02}": of_ratio for ratio, of_ratio in zip(QUANTILES, quantiles, strict=True)},
            "scenarios": [len(possible)] * number,
        },
        nan_to_null=True,
    )
