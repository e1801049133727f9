"""The function `sweep`: many scenarios of a scheme at once, each a result or the reason why it is impossible."""

from __future__ import annotations

from collections.abc import Mapping, Sequence  # the signature of `sweep` reads it from the annotations
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path  # noqa: TC003  # as above
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import polars as pl

from gpit_fairshare.allocation import AllocateOptions, read
from gpit_fairshare.engine import calculate, versions_now
from gpit_fairshare.engine.batches.running import run_scenarios
from gpit_fairshare.errors import CalculationError, UsageError
from gpit_fairshare.language.kinds import ORGANISATION
from gpit_fairshare.plugins import allowed
from gpit_fairshare.presentation import Presented
from gpit_fairshare.run_options import InputFrame, called_with
from gpit_fairshare.sweeps.draws import draws
from gpit_fairshare.sweeps.figures import figures_of
from gpit_fairshare.sweeps.frames import SweepOfRule, frame_of, organisations_of, quantiles_of
from gpit_fairshare.sweeps.scenarios import Scenarios, from_file, from_rows, grid, rules_in

if TYPE_CHECKING:
    from gpit_fairshare.engine.batches.batch_year import Batch, BatchYear
    from gpit_fairshare.inputs.model import Inputs
    from gpit_fairshare.language.in_numpy import Array
    from gpit_fairshare.scheme.model import Scheme

DEFAULT_RUNS: Final = 1000


@dataclass(frozen=True, kw_only=True)
class SweepOptions(AllocateOptions):
    """The options of a sweep: those of a run, and what varies.

    Attributes:
        vary: What varies: `NAME[@YEAR]=FIRST:LAST:STEP` or `NAME[@YEAR]=VALUE,VALUE`; several make a grid. `formula`
            and `transition` vary too: `transition=floor-damping,cap-and-scale`.
        scenarios: A file, a frame or rows with a scenario in each row, in place of `vary`.
        draw: Input columns with random errors, in place of both: `registered_population:normal:0.02`.
        runs: The number of draws.
        seed: The start of the random numbers; the same seed gives the same draws.
    """

    vary: Sequence[str] = ()
    scenarios: str | Path | InputFrame | Sequence[Mapping[str, object]] | None = None
    draw: Sequence[str] = ()
    runs: int = DEFAULT_RUNS
    seed: int = 1


@dataclass(frozen=True, repr=False)
class Sweep(Presented):
    """All scenarios of a sweep."""

    rules: tuple[SweepOfRule, ...]
    """One for each formula and transition."""
    manifest: Mapping[str, Any]
    """Versions, files, options, seed, and how often single runs were needed."""

    def __repr__(self) -> str:
        return f"<Sweep of {self.count:,} scenarios, {self.impossible_count:,} impossible; see .frame, .organisations>"

    @property
    def count(self) -> int:
        """Return the number of scenarios."""
        return sum(rule.variations.count for rule in self.rules)

    @property
    def impossible_count(self) -> int:
        """Return the number of scenarios without a result."""
        return sum(len(rule.impossible) for rule in self.rules)

    @cached_property
    def frame(self) -> pl.DataFrame:
        """Return a row for each scenario and year: what varies, the figures, and why it is impossible."""
        frames = [frame_of(rule, year, first) for rule, first in self._numbered() for year in rule.scheme.years]
        return pl.concat(frames, how="diagonal").sort("scenario", "year", maintain_order=True)

    @cached_property
    def organisations(self) -> pl.DataFrame:
        """Return a row for each scenario, year and organisation: its result, and the difference from the base run."""
        numbered = self._numbered()
        frames = [organisations_of(rule, year, first) for rule, first in numbered for year in rule.scheme.years]
        return pl.concat(frames, how="diagonal").sort("scenario", "year", "org_code", maintain_order=True)

    @cached_property
    def quantiles(self) -> pl.DataFrame:
        """Return a row for each rule, year and organisation: the base run, quantiles, and over how many scenarios."""
        return pl.concat([quantiles_of(rule, year) for rule in self.rules for year in rule.scheme.years])

    def _numbered(self) -> list[tuple[SweepOfRule, int]]:
        """Return each rule with the number of its first scenario."""
        counts = [rule.variations.count for rule in self.rules]
        return [(rule, 1 + sum(counts[:place])) for place, rule in enumerate(self.rules)]


@called_with(SweepOptions)
def sweep(options: SweepOptions) -> Sweep:
    """Run a scheme in many scenarios, and return the figures of each, or why it is impossible.

    Every result is the one that `allocate` gives with the same settings, to the last bit. The inputs are read once for
    each rule.

    Returns:
        A `Sweep`: `frame` has a row for each scenario and year, `organisations` one for each organisation as well.

    Raises:
        UsageError: Nothing varies, or more than one of `vary`, `scenarios` and `draw` says what does.
        GpitError: Something in the arguments, the files or the scheme is wrong; its text is one line.
    """  # noqa: DOC502 - raised by what it calls
    given = [name for name in ("vary", "scenarios", "draw") if getattr(options, name)]
    pairs, vary = rules_in(options.vary)
    if not given:
        raise UsageError("nothing varies; give --vary, --scenarios or --draw")
    if len(given) > 1 and (len(given) > 2 or vary or given[0] != "vary"):
        raise UsageError(f"{' and '.join(f'--{name}' for name in given)}: give only one of them")
    rules, manifests = [], []
    with allowed(options.plugins):
        for formula, transition in pairs:
            own = replace(options, formula=formula or options.formula, transition=transition or options.transition)
            scheme, inputs, run = read(own)
            variations = _variations(own, scheme, inputs, vary)
            rule = _swept(scheme, inputs, variations, (formula, transition))
            rules.append(rule)
            manifests.append(_manifest(rule, run))
    return Sweep(tuple(rules), {**versions_now(), "numpy": np.__version__, "rules": manifests})


def _variations(options: SweepOptions, scheme: Scheme, inputs: Inputs, vary: Sequence[str]) -> Scenarios:
    """Return what varies in the scenarios of a rule."""
    if options.draw:
        return draws(scheme, inputs, options.draw, runs=options.runs, seed=options.seed)
    if options.scenarios is None:
        return grid(scheme, vary)
    if isinstance(options.scenarios, Sequence) and not isinstance(options.scenarios, str):
        return from_rows(scheme, options.scenarios)
    source = options.scenarios
    return from_file(scheme, source if isinstance(source, InputFrame) else str(source))


def _swept(scheme: Scheme, inputs: Inputs, variations: Scenarios, rule: tuple[str | None, str | None]) -> SweepOfRule:
    """Return all scenarios of a rule."""
    try:
        base = calculate(scheme, inputs)
    except CalculationError:
        base = None
    number = variations.count
    results = {year: np.full((number, inputs.tables[year].height), np.nan) for year in scheme.years}
    figures: dict[str, dict[str, Array]] = {year: {} for year in scheme.years}

    def take(places: slice, years: list[BatchYear], batch: Batch) -> None:
        for year in years:
            name, is_possible = year.shared.year, batch.is_possible
            values = year.column(scheme.result, ORGANISATION)[0]
            results[name][places][is_possible] = np.broadcast_to(values, results[name][places].shape)[is_possible]
            for figure, of_figure in figures_of(year, batch.number).items():
                column = figures[name].setdefault(figure, np.full(number, np.nan))
                column[places][is_possible] = of_figure[is_possible]

    runs = run_scenarios(scheme, inputs, {**variations.values, **variations.inputs}, number, variations.refused, take)
    return SweepOfRule(*rule, scheme, inputs, variations, base, results, figures, runs.impossible, runs.single_runs)


def _manifest(rule: SweepOfRule, run: Mapping[str, Any]) -> dict[str, Any]:
    """Return what identifies the scenarios of a rule, ready for JSON."""
    variations = rule.variations
    return {
        "scheme": rule.scheme.name,
        "formula": rule.formula,
        "transition": rule.transition,
        "digest": rule.scheme.digest,
        "run": dict(run),
        "scenarios": variations.count,
        "impossible": len(rule.impossible),
        "seed": variations.seed,
        "scenarios_sha256": variations.digest or None,
        "notes": [*variations.notes],
        "left_to_single_runs": dict(rule.single_runs),
        "inputs": [{"file": source.name, "sha256": source.sha256} for source in rule.inputs.sources],
    }
