"""Draws of input columns: how sure results are if figures of organisations are out by a few per cent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
import polars as pl

from gpit_fairshare.errors import UsageError
from gpit_fairshare.numbers import exact, parameter_value
from gpit_fairshare.scheme.written_numbers import number
from gpit_fairshare.sweeps.scenarios import MOST_SCENARIOS, Array, Scenarios
from gpit_fairshare.words import joined, nearest, one_line

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gpit_fairshare.inputs.model import Inputs
    from gpit_fairshare.language.kinds import Symbol
    from gpit_fairshare.scheme.model import Scheme

MOST_FIGURES: Final = 50_000_000
"""Most figures that draws may give, over columns and years: 400 MB."""
DISTRIBUTIONS: Final = ("normal", "uniform")
_EXPECTED: Final = "expected COLUMN:normal:SPREAD or COLUMN:uniform:SPREAD, such as registered_population:normal:0.02"

_INDEPENDENT: Final = (
    "All errors are independent of each other. An error that moves many figures together, such as lists that are too "
    "long everywhere, is left out, so results are less sure than the draws show."
)


class _Draw(NamedTuple):
    """A column to draw, its distribution, and the standard deviation or the largest error, as a ratio of the figure."""

    column: Symbol
    distribution: str
    spread: float

    def factors(self, generator: np.random.Generator, shape: tuple[int, int]) -> Array:
        """Return what figures are multiplied by, never below 0."""
        if self.distribution == "normal":
            drawn = generator.normal(1.0, self.spread, shape)
        else:
            drawn = generator.uniform(1.0 - self.spread, 1.0 + self.spread, shape)
        return np.maximum(drawn, 0.0)

    def note(self, organisation: str) -> str:
        """Return how the column is drawn, as a sentence."""
        size = parameter_value(self.spread, "%")
        error = f"with a standard deviation of {size}" if self.distribution == "normal" else f"of up to {size}"
        whole = ", in whole people" if self.column.unit == "people" else ""
        sign = "figures keep their sign" if self.column.signed else "figures stay at 0 or above"
        owner = self.column.of or organisation
        return f"{self.column.name}: each {owner} has a random error {error}, the same in every year; {sign}{whole}."


def draws(scheme: Scheme, inputs: Inputs, texts: Sequence[str], *, runs: int, seed: int) -> Scenarios:
    """Return scenarios whose input figures have random errors, from NumPy's PCG64.

    In each scenario, an organisation has one relative error for a column, in every year; errors of organisations and
    columns are independent, and the mean of the draws is not corrected. A figure of a larger organisation has one error
    for all its rows. Numbers of people are whole. A blank stays blank, which is NaN.

    Args:
        scheme: The scheme.
        inputs: Its inputs.
        texts: Texts of `--draw`: `COLUMN:normal:SPREAD` or `COLUMN:uniform:SPREAD`.
        runs: The number of scenarios.
        seed: The start of the random numbers; the same seed gives the same draws.

    Raises:
        UsageError: A text is not of that form or its column is not one of the inputs or repeated; the number of runs or
            the seed is out of range; or the figures would not fit in memory.
    """
    if not 1 <= runs <= MOST_SCENARIOS:
        raise UsageError(f"--runs {runs:,}: expected 1 to {MOST_SCENARIOS:,}")
    if seed < 0:
        raise UsageError(f"--seed {seed}: expected 0 or more")
    drawn = [_read(text, scheme, inputs) for text in texts]
    names = [draw.column.name for draw in drawn]
    if repeated := [name for name in names if names.count(name) > 1]:
        raise UsageError(f"--draw {repeated[0]}: given twice; give it once")
    figures = len(drawn) * sum(inputs.tables[year].height for year in scheme.years)
    if runs * figures > MOST_FIGURES:
        raise UsageError(
            f"--runs {runs:,}: {runs:,} × {figures:,} figures to draw; the most runs are {MOST_FIGURES // figures:,}"
        )
    generator = np.random.default_rng(seed)
    notes = [draw.note(scheme.organisation) for draw in drawn]
    values: dict[tuple[str, str], Array] = {}
    for draw in drawn:
        values |= _figures(draw, inputs, scheme.years, runs, generator)
    return Scenarios(count=runs, inputs=values, notes=(*notes, _INDEPENDENT), seed=seed)


def _read(text: str, scheme: Scheme, inputs: Inputs) -> _Draw:
    """Return the draw of one text.

    Raises:
        UsageError: It is not of the form, or the column is not one of numbers in the inputs.
    """
    name, *options = (part.strip() for part in text.split(":"))
    if len(options) != 2 or not name:
        raise UsageError(f"--draw {one_line(text)}: {_EXPECTED}")
    distribution, size = options
    columns = {
        column.name: column
        for column in scheme.inputs
        if column.type == "number" and all(column.name in table.columns for table in inputs.tables.values())
    }
    if name not in columns:
        hint = nearest(name, columns)
        raise UsageError(
            f"--draw {one_line(name)}: the scheme has no such input of numbers{hint}; it has {joined([*columns])}"
        )
    if distribution not in DISTRIBUTIONS:
        raise UsageError(f"--draw {one_line(text)}: expected {joined(DISTRIBUTIONS, 'or')}")
    try:
        spread = number(size)
    except ValueError as fault:
        raise UsageError(f"--draw {one_line(text)}: {one_line(fault, 200)}") from None
    if not 0 < spread <= 1:
        found = parameter_value(exact(spread), "%")
        raise UsageError(
            f"--draw {one_line(text)}: expected a spread above 0 and up to 100%, such as 0.02; found {found}"
        )
    return _Draw(columns[name], distribution, spread)


def _figures(
    draw: _Draw, inputs: Inputs, years: Sequence[str], runs: int, generator: np.random.Generator
) -> dict[tuple[str, str], Array]:
    """Return the drawn figures by column and year: a row for each scenario, and a column for each row of the inputs."""
    name, of = draw.column.name, draw.column.of or "org_code"
    owners = {year: inputs.tables[year][of].to_list() for year in years}
    places = {
        owner: place for place, owner in enumerate(sorted({str(owner) for year in years for owner in owners[year]}))
    }
    factors = draw.factors(generator, (runs, len(places)))
    figures = {}
    for year in years:
        own = inputs.tables[year][name].cast(pl.Float64).to_numpy()  # NaN for a blank
        figures_of_year = factors[:, [places[str(owner)] for owner in owners[year]]] * own
        if draw.column.unit == "people":
            figures_of_year = np.rint(figures_of_year)
        figures[name, year] = figures_of_year + 0.0  # minus zero becomes zero, as in inputs
    return figures
