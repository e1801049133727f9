"""The function `sweep`: many scenarios of a scheme at once, each a result or the reason why it is impossible."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence  # the signature of `sweep` reads it from the annotations
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path  # noqa: TC003  # as above
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import polars as pl

from gpit_fairshare.allocation import AllocateOptions, load_scheme, read
from gpit_fairshare.engine import calculate, versions_now
from gpit_fairshare.engine.batches.running import run_scenarios
from gpit_fairshare.errors import GpitError, UsageError
from gpit_fairshare.language.kinds import ORGANISATION
from gpit_fairshare.plugins import allowed
from gpit_fairshare.presentation import Presented
from gpit_fairshare.run_options import DEFAULT_SCHEME, DataFrame, called_with, checked_texts, listed
from gpit_fairshare.sweeps.draws import draws
from gpit_fairshare.sweeps.figures import FAILS, figures_of
from gpit_fairshare.sweeps.frames import SweepOfRule, figure_quantiles_of, frame_of, organisations_of, quantiles_of
from gpit_fairshare.sweeps.scenarios import Scenarios, counts_text, from_file, from_rows, grid, rules_in
from gpit_fairshare.words import joined, one_line, plural

if TYPE_CHECKING:
    from gpit_fairshare.engine import Result
    from gpit_fairshare.engine.batches.batch import Batch
    from gpit_fairshare.engine.batches.batch_year import BatchYear
    from gpit_fairshare.inputs.model import Inputs
    from gpit_fairshare.language.in_numpy import Array
    from gpit_fairshare.scheme.model import Scheme

DEFAULT_RUNS: Final = 1000
DEFAULT_SEED: Final = 1
_VARY: Final = 'a text or a list of texts, such as "revenue_budget=-5%:+0%:1%"'
_DRAW: Final = 'a text or a list of texts, such as "registered_population:normal:0.02"'
MOST_RESULTS: Final = 125_000_000
"""Most results of organisations, over all scenarios and years: they are kept, and need 1 GB."""


@dataclass(frozen=True, kw_only=True)
class SweepOptions(AllocateOptions):
    """The options of a sweep: those of a run, and what varies.

    Attributes:
        vary: What varies: `NAME[@YEAR]=FIRST:LAST:STEP` or `NAME[@YEAR]=VALUE,VALUE`; several make a grid. `formula`
            and `transition` vary too: `transition=floor-damping,cap-and-scale`.
        scenarios: A file, a frame or rows with a scenario in each row, in place of `vary`.
        draw: Input columns with random errors, in place of both: `registered_population:normal:0.02`.
        runs: The number of draws; without it, 1,000.
        seed: The start of the random numbers; the same seed gives the same draws. Without it, 1.
    """

    vary: Sequence[str] = ()
    scenarios: str | Path | DataFrame | Sequence[Mapping[str, object]] | None = None
    draw: Sequence[str] = ()
    runs: int | None = None
    seed: int | None = None

    def __post_init__(self) -> None:
        """Check the type of each value; one text may be given without a list.

        Raises:
            UsageError: One has another type.
        """
        super().__post_init__()
        for name, expected in (("vary", _VARY), ("draw", _DRAW)):
            object.__setattr__(self, name, checked_texts(name, getattr(self, name), expected))
        for name in ("runs", "seed"):
            value = getattr(self, name)
            if value is not None and type(value) is not int:
                raise UsageError(f"{name}={one_line(repr(value))}: expected a whole number")


@dataclass(frozen=True, repr=False)
class Sweep(Presented):
    """All scenarios of a sweep."""

    rules: tuple[SweepOfRule, ...]
    """One for each formula and transition."""
    manifest: Mapping[str, Any]
    """Versions, files, options, seed, and how often single runs were needed."""

    def __repr__(self) -> str:
        return f"<Sweep of {self.count:,} scenarios, {self.impossible_count:,} impossible; see .frame, .organisations>"

    def write(self, *paths: str | Path, by_organisation: bool = False, organisation: str | None = None) -> list[Path]:
        """Write the sweep to files, as `gpit sweep -o` does; each ending says the format.

        `.csv` and `.parquet` hold `frame`; `.xlsx` and `.json` everything; `.html` and `.md` the report. Either all
        files are written or none.

        Args:
            paths: The files; their folders must exist. An input file is never overwritten.
            by_organisation: Whether tables hold `organisations` instead, or `quantiles` after draws.
            organisation: Code or name of the organisation to show; None for the one that falls most from the base run.

        Returns:
            The files written.

        Raises:
            UsageError: A file cannot have this name or place, or there is no such organisation.
            OutputError: A file cannot be written.
        """  # noqa: DOC502 - raised by what it calls
        return self._write(paths, by_organisation=by_organisation, organisation=organisation)

    @property
    def digests(self) -> set[str]:
        """Return the SHA-256 of every file that was read."""
        entries = self.manifest["rules"]
        files = {source["sha256"] for entry in entries for source in entry["inputs"]}
        return files | {entry["scenarios_sha256"] for entry in entries if entry["scenarios_sha256"]}

    @property
    def count(self) -> int:
        """Return the number of scenarios."""
        return sum(rule.scenarios.count for rule in self.rules)

    @property
    def impossible_count(self) -> int:
        """Return the number of scenarios without a result."""
        return sum(len(rule.impossible) for rule in self.rules)

    @cached_property
    def frame(self) -> pl.DataFrame:
        """Return a row for each scenario and year: what varies, the figures, and why it is impossible."""
        frames = [frame_of(rule, year, first) for rule, first in self.numbered() for year in rule.scheme.years]
        frame = pl.concat(frames, how="diagonal").sort("scenario", "year", maintain_order=True)
        return frame.select(pl.exclude("impossible"), "impossible")  # rules have other columns

    @cached_property
    def organisations(self) -> pl.DataFrame:
        """Return a row for each scenario, year and organisation: its result, and the difference from the base run."""
        return self.organisation()

    def organisation(self, code: str | None = None) -> pl.DataFrame:
        """Return the rows of `organisations` with a code."""
        numbered = self.numbered()
        frames = [organisations_of(rule, year, first, code) for rule, first in numbered for year in rule.scheme.years]
        return pl.concat(frames, how="diagonal").sort("scenario", "year", "org_code", maintain_order=True)

    @cached_property
    def quantiles(self) -> pl.DataFrame:
        """Return a row for each rule, year and organisation: the base run, quantiles, and over how many scenarios."""
        return pl.concat([quantiles_of(rule, year) for rule in self.rules for year in rule.scheme.years])

    @cached_property
    def figure_quantiles(self) -> pl.DataFrame:
        """Return a row for each rule, year and national figure: quantiles, and over how many scenarios."""
        return pl.concat([figure_quantiles_of(rule, year) for rule in self.rules for year in rule.scheme.years])

    def numbered(self) -> list[tuple[SweepOfRule, int]]:
        """Return each rule with the number of its first scenario."""
        counts = [rule.scenarios.count for rule in self.rules]
        return [(rule, 1 + sum(counts[:place])) for place, rule in enumerate(self.rules)]


@dataclass(frozen=True, slots=True)
class PlannedRule:
    """A rule whose scenarios are known and not calculated yet."""

    formula: str | None
    """The formula that was asked for; None for the scheme's own."""
    transition: str | None
    scheme: Scheme
    inputs: Inputs
    scenarios: Scenarios
    run: Mapping[str, Any]
    """The options of the run, as a manifest has them."""


def count_in_words(plans: Sequence[PlannedRule]) -> str:
    """Return how many scenarios there are: `100 × 100 = 10,000 scenarios of gpit-2014-16`."""
    varied = plans[0].scenarios
    count = sum(plan.scenarios.count for plan in plans)
    counts = [len(plans), *(len({*values}) for values in varied.columns.values())]
    counts = [number for number in counts if number > 1]
    text = counts_text(counts if math.prod(counts) == count and not varied.inputs else [count])
    return f"{text} scenario{'' if count == 1 else 's'} of {plans[0].scheme.name}"


def scenarios(
    vary: str | Sequence[str],
    *,
    scheme: str | Path = DEFAULT_SCHEME,
    formula: str | Path | None = None,
    transition: str | Path | None = None,
    settings: Mapping[str, float | str] | None = None,
    years: Sequence[str] | None = None,
) -> pl.DataFrame:
    """Return the scenarios of a sweep without running them, to change some and give them to `sweep(scenarios=…)`.

    Args:
        vary: What varies, as for `sweep`; not the formula or the transition.
        scheme: A library name or the path of a scheme file.
        formula: Replaces the scheme's formula.
        transition: Replaces the scheme's transition.
        settings: Parameter values of all scenarios.
        years: Years to run instead of the scheme's.

    Returns:
        A Polars frame with a row for each scenario: its number `scenario`, and each parameter that varies, in its unit.

    Raises:
        UsageError: `vary` is empty, or a text in it cannot be used.
        SchemeError: The scheme cannot be used.
    """  # noqa: DOC502 - some raised by what it calls
    pairs, others = rules_in(checked_texts("vary", vary, _VARY))
    if not others or pairs != [(None, None)]:
        raise UsageError("scenarios: give parameters to vary; sweep takes formula=… and transition=… too")
    rule = AllocateOptions(scheme=scheme, formula=formula, transition=transition, settings=settings, years=years)
    planned = grid(load_scheme(rule, needs_values=False), others)
    return pl.DataFrame({"scenario": range(1, planned.count + 1), **planned.columns})


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
    return run_sweep(options)


def run_sweep(
    options: SweepOptions,
    when_planned: Callable[[Sequence[PlannedRule]], None] = lambda _plans: None,
) -> Sweep:
    """Run a sweep; see `sweep`.

    Args:
        options: Its options.
        when_planned: Called with the rules before anything is calculated; may raise to stop the sweep.

    Raises:
        UsageError: Nothing varies, or more than one of `vary`, `scenarios` and `draw` says what does.
    """
    values = {name: getattr(options, name) for name in ("vary", "scenarios", "draw")}
    # A frame is given even without rows, and has no truth value.
    is_empty = {name: value is None or (isinstance(value, Sequence) and not value) for name, value in values.items()}
    given = [name for name in values if not is_empty[name]]
    pairs, vary = rules_in(options.vary)
    if not given:
        raise UsageError("nothing varies; give --vary, --scenarios or --draw")
    if len(given) > 1 and (len(given) > 2 or vary or given[0] != "vary"):
        raise UsageError(f"{' and '.join(f'--{name}' for name in given)}: give only one of them")
    for name, value in (("runs", options.runs), ("seed", options.seed)):
        if value is not None and not options.draw:
            raise UsageError(f"--{name}: needs --draw")
    plans = []
    with allowed(options.plugins):
        for formula, transition in pairs:
            own = replace(options, formula=formula or options.formula, transition=transition or options.transition)
            try:
                scheme, inputs, run = read(own)
                planned = _scenarios_of(own, scheme, inputs, vary)
            except UsageError as fault:
                names = [name for name in (formula, transition) if name]
                raise UsageError(f"with {joined(names)}: {fault}" if names else str(fault)) from None
            plans.append(PlannedRule(formula, transition, scheme, inputs, planned, run))
        _check_size(plans)
        when_planned(plans)
        base = _base_of(options, plans[0])
        rules = [_swept(plan, *base) for plan in plans]
    manifests = [_manifest(rule, plan.run) for rule, plan in zip(rules, plans, strict=True)]
    texts = {"vary": [*options.vary], "draw": [*options.draw]}
    return Sweep(tuple(rules), {**versions_now(), "numpy": np.__version__, **texts, "rules": manifests})


def _check_size(plans: Sequence[PlannedRule]) -> None:
    """Refuse scenarios whose results would not fit in memory.

    Raises:
        UsageError: They are too many.
    """
    rows = [sum(plan.inputs.tables[year].height for year in plan.scheme.years) for plan in plans]
    results = sum(plan.scenarios.count * number for plan, number in zip(plans, rows, strict=True))
    if results > MOST_RESULTS:
        noun = plural(plans[0].scheme.organisation)
        raise UsageError(
            f"{count_in_words(plans)}: {results:,} results of {noun} over all years; at most {MOST_RESULTS:,} fit in "
            "memory; vary fewer values, or run them in parts"
        )


def _scenarios_of(options: SweepOptions, scheme: Scheme, inputs: Inputs, vary: Sequence[str]) -> Scenarios:
    """Return what varies in the scenarios of a rule."""
    if options.draw:
        runs = DEFAULT_RUNS if options.runs is None else options.runs
        seed = DEFAULT_SEED if options.seed is None else options.seed
        return draws(scheme, inputs, options.draw, runs=runs, seed=seed)
    if options.scenarios is None:
        return grid(scheme, vary)
    if isinstance(options.scenarios, Sequence) and not isinstance(options.scenarios, str):
        return from_rows(scheme, options.scenarios)
    (source,) = listed(options.scenarios, "scenarios")
    return from_file(scheme, source)


def _base_of(options: SweepOptions, plan: PlannedRule) -> tuple[Result | None, str]:
    """Return the single run of the scheme's own rule and values; or None, and why there is none."""
    try:
        if plan.formula is None and plan.transition is None:
            return calculate(plan.scheme, plan.inputs), ""
        scheme, inputs, _ = read(options)
        return calculate(scheme, inputs), ""
    except GpitError as fault:  # scenarios of other rules and values may be possible
        return None, str(fault)


def _swept(plan: PlannedRule, base: Result | None, base_problem: str) -> SweepOfRule:
    """Return all scenarios of a rule."""
    scheme, inputs, varied = plan.scheme, plan.inputs, plan.scenarios
    number = varied.count
    results = {year: np.empty((number, inputs.tables[year].height)) for year in scheme.years}
    figures: dict[str, dict[str, Array]] = {year: {} for year in scheme.years}

    def take(places: slice, years: list[BatchYear], batch: Batch) -> None:
        for year in years if batch.is_possible.any() else ():
            name = year.shared.year
            results[name][places] = year.column(scheme.result, ORGANISATION)[0]
            for figure, of_figure in figures_of(year).items():
                # A check has figures only in batches in which it fails.
                unknown = 0.0 if figure.startswith(FAILS) else np.nan
                figures[name].setdefault(figure, np.full(number, unknown))[places] = of_figure

    runs = run_scenarios(scheme, inputs, {**varied.values, **varied.inputs}, number, varied.refused, take)
    for values in (*results.values(), *(column for of_year in figures.values() for column in of_year.values())):
        values[[*runs.impossible]] = np.nan
    kept = {
        year: {name: column for name, column in of_year.items() if not name.startswith(FAILS) or np.nansum(column)}
        for year, of_year in figures.items()
    }
    of_plan = plan.formula, plan.transition, scheme, inputs, varied
    return SweepOfRule(*of_plan, base, base_problem, results, kept, runs.impossible, runs.single_runs)


def _manifest(rule: SweepOfRule, run: Mapping[str, Any]) -> dict[str, Any]:
    """Return what identifies the scenarios of a rule, ready for JSON."""
    varied = rule.scenarios
    return {
        "scheme": rule.scheme.name,
        "formula": rule.formula,
        "transition": rule.transition,
        "digest": rule.scheme.digest,
        "run": dict(run),
        "scenarios": varied.count,
        "impossible": len(rule.impossible),
        "seed": varied.seed,
        "scenarios_sha256": varied.digest or None,
        "notes": [*varied.notes],
        "left_to_single_runs": dict(rule.single_runs),
        "inputs": [{"file": source.name, "sha256": source.sha256} for source in rule.inputs.sources],
    }
