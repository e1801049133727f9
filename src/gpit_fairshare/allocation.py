"""The function `allocate`: it takes files and a scheme and returns a `Result`; the command line uses it too."""

from __future__ import annotations

from collections.abc import Mapping  # noqa: TC003  # the signature of `allocate` reads it from the annotations
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, replace
from importlib import resources
from pathlib import Path, PureWindowsPath
from typing import TYPE_CHECKING, Any, Final

from gpit_fairshare.engine import Result, calculate
from gpit_fairshare.engine.sensitivity import sensitivities
from gpit_fairshare.errors import UsageError
from gpit_fairshare.inputs.checked_tables import read_inputs
from gpit_fairshare.inputs.columns.cells import boundary_date
from gpit_fairshare.inputs.files.grids import MEGABYTE
from gpit_fairshare.inputs.files.reading import split_sheet
from gpit_fairshare.inputs.model import NeededColumn, Request
from gpit_fairshare.language.tree import names_in
from gpit_fairshare.plugins import allowed
from gpit_fairshare.run_options import (
    DEFAULT_SCHEME,
    OPTIONS,
    InputFrame,
    OptionKind,
    RunOptions,
    called_with,
    listed,
)
from gpit_fairshare.scheme.joining import load
from gpit_fairshare.scheme.model import table_of
from gpit_fairshare.scheme.naming import STANDARD_INPUTS
from gpit_fairshare.scheme.values import Setting
from gpit_fairshare.words import joined

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from gpit_fairshare.inputs.model import Inputs
    from gpit_fairshare.scheme.model import Part, Scheme

SAMPLE_POPULATION: Final = "england-2014-15-population.csv"
SAMPLE_SPEND: Final = "england-2014-15-spend.csv"
_KINDS_OF_RULE: Final = (OptionKind.RULE, OptionKind.SETTINGS, OptionKind.YEARS)
"""Kinds of options that choose the rule; all others are about reading files."""
_NOUNS: Final = {
    "years": "years",
    "needs": "columns",
    "counts": "costs that count",
    "organisation": "organisations",
    "keep_text": "columns to report by",
}
"""Words for what a scheme needs from input files, by the name that `Request` has for it."""


@dataclass(frozen=True, kw_only=True)
class AllocateOptions(RunOptions):
    """The options of a run, and further options for programs.

    Attributes:
        with_effects: Whether to calculate the effect of each assumption, which takes two more runs for each.
        plugins: Whether library files and functions of installed packages may be used.
        options: The option that messages name for a file with a column: `{"forecast_outturn": "--forecast"}`,
            with `""` for all other columns; `--input` by default.
        inputs_of: Use the checked inputs of this earlier Result instead of files. Nothing is read again; the scheme
            must need the same years and columns.
    """

    scheme: str | Path = DEFAULT_SCHEME
    with_effects: bool = True
    plugins: bool = True
    options: Mapping[str, str] | None = None
    inputs_of: Result | None = None


@called_with(AllocateOptions)
def allocate(options: AllocateOptions) -> Result:
    """Allocate funding by a scheme: load it, read the input files, calculate, and record the options in the manifest.

    With `with_effects`, the effect of each assumption is calculated too.

    Returns:
        A `Result`; `result.rows` has one row per year and organisation, sorted by year and code.

    Raises:
        GpitError: Something in the arguments, the files or the scheme is wrong; its text is one line.
    """  # noqa: DOC502 - raised by what it calls
    with allowed(options.plugins):
        scheme, inputs, run = read(options)
        result = calculate(scheme, inputs)
        effects = sensitivities(result) if options.with_effects else ()
    return replace(result, effects=effects, manifest={**result.manifest, "run": run})


def read(options: AllocateOptions) -> tuple[Scheme, Inputs, dict[str, Any]]:
    """Return the scheme of a run, its checked inputs, and its options as `run` of a manifest."""
    scheme = load_scheme(options)
    if options.inputs_of is not None:
        return scheme, *_inputs_and_run_of(options.inputs_of, scheme, options)
    with named_files(options) as files:
        request = replace(request_for(scheme, options, files), options=dict(options.options or {}))
        return scheme, read_inputs(request), recorded(options)


def _inputs_and_run_of(earlier: object, scheme: Scheme, options: RunOptions) -> tuple[Inputs, dict[str, Any]]:
    """Return the checked inputs of an earlier result, and the `run` of a manifest as if they were read again.

    Raises:
        UsageError: It is not a result of `allocate`, the options say how to read files, or the scheme needs other
            inputs.
    """
    if not isinstance(earlier, Result) or earlier.inputs.request is None or "run" not in earlier.manifest:
        raise UsageError("inputs_of: expected a Result that allocate returned in this session")
    request = earlier.inputs.request
    run, default_run = recorded(options), recorded(RunOptions())
    keys = {name: option.key for name, option in OPTIONS.items() if option.kind not in _KINDS_OF_RULE}
    if given := [name for name, key in keys.items() if run[key] != default_run[key]]:
        raise UsageError(f"inputs_of: the inputs are those of the earlier result; leave out {joined(given)}")
    if others := [_NOUNS[name] for name, need in _needs_of(scheme).items() if need != getattr(request, name)]:
        raise UsageError(
            f"inputs_of: this run of {scheme.name} needs other {joined(others)} than the earlier result has; give it "
            "the files"
        )
    return earlier.inputs, {**run, **{key: earlier.manifest["run"][key] for key in keys.values()}}


def load_scheme(options: RunOptions, *, needs_values: bool = True) -> Scheme:
    """Load the scheme of a run, with the formula, transition, values and years of its options; see `load`."""
    return load(
        str(options.scheme),
        formula=None if options.formula is None else str(options.formula),
        transition=None if options.transition is None else str(options.transition),
        settings=[Setting.read(f"{name}={value}") for name, value in (options.settings or {}).items()],
        years=options.years,
        needs_values=needs_values,
    )


def recorded(options: RunOptions) -> dict[str, Any]:
    """Return the options as the table `run` of a manifest, which `verification` reads; files by their base names."""
    kinds = list(OptionKind)
    in_order = sorted(OPTIONS.items(), key=lambda entry: kinds.index(entry[1].kind))
    return {option.key: _recorded_value(name, option.kind, getattr(options, name)) for name, option in in_order}


def _recorded_value(name: str, kind: OptionKind, value: Any) -> Any:
    """Return the value of an option as a manifest holds it.

    Files and rules are written by base name, settings and the like as texts sorted by name, codes sorted, and a day as
    text.
    """
    match kind:
        case OptionKind.FILES:
            return [base_name(source) for source in listed(value, name)]
        case OptionKind.RULE:
            return base_name(value) if value else None
        case OptionKind.SETTINGS | OptionKind.COLUMNS | OptionKind.UNITS:
            return {name: str(setting) for name, setting in sorted((value or {}).items())}
        case OptionKind.CODES:
            return sorted(value)
        case OptionKind.DAY:
            return None if value is None else str(value)
        case OptionKind.YEARS:
            return None if value is None else list(value)
        case _:
            return value


def base_name(name: str | Path | InputFrame) -> str:
    """Return the name of a file without its folders but with its sheet; other names do not change."""
    file, sheet = split_sheet(str(name))
    # Works for paths of either system, so that manifests do not depend on the machine.
    base = PureWindowsPath(file).name or file
    return f"{base}:{sheet}" if sheet else base


@contextmanager
def named_files(options: RunOptions) -> Iterator[list[list[str | InputFrame]]]:
    """Yield three lists of files and frames: population, spend and further inputs; with `sample`, the sample's.

    Raises:
        UsageError: Both files and the sample are given.
    """
    files = [listed(getattr(options, name), name) for name in ("population", "spend", "inputs")]
    if not options.sample:
        yield files
        return
    if any(files):
        raise UsageError("the sample replaces the input files; give --sample or files, not both")
    with sample_folder() as folder:
        yield [[str(folder / SAMPLE_POPULATION)], [str(folder / SAMPLE_SPEND)], []]


def request_for(scheme: Scheme, options: RunOptions, files: Sequence[Sequence[str | InputFrame]]) -> Request:
    """Return the request to read a scheme's input files, which `files` lists as `named_files` yields them."""
    return Request(**reading(options, files), **_needs_of(scheme), scheme=scheme.name)


def _needs_of(scheme: Scheme) -> dict[str, Any]:
    """Return what a scheme needs from input files, as arguments of a `Request`.

    These are its years, the costs that count, the text column to report by, and the columns needed, each with the place
    of a formula that first uses it, for messages.
    """
    used_in: dict[str, str] = {}
    parts: tuple[Part, ...] = (*scheme.steps, *scheme.checks, *scheme.outcomes)
    for part in parts:
        for name, position in names_in(part.tree):
            used_in.setdefault(name, f"{part.where}, character {position}")
    # A table and its rows are no columns, so they are no help if a heading is missing.
    names = (name for name, symbol in scheme.symbols.items() if symbol.role in ("step", "parameter"))
    others = (*(name for name in names if not table_of(name)), *STANDARD_INPUTS)
    needs = tuple(
        NeededColumn(
            symbol.name,
            "text" if symbol.type == "text" else "number",
            symbol.unit or "",
            symbol.optional,
            scheme.labels[symbol.name],
            used_in.get(symbol.name, ""),
            others,
            of=symbol.of,
            signed=symbol.signed,
        )
        for symbol in scheme.inputs
    )
    return {
        "years": scheme.years,
        "needs": needs,
        "counts": scheme.counts,
        "organisation": scheme.organisation,
        "keep_text": (scheme.report_by,) if scheme.report_by else (),
    }


def reading(options: RunOptions, files: Sequence[Sequence[str | InputFrame]]) -> dict[str, Any]:
    """Return the options for reading, which do not depend on the scheme, as arguments of a `Request`.

    `files` has three lists: population, spend and further inputs. The largest size is converted from megabytes to
    bytes.
    """
    population, spend, extra = files
    return {
        "population": tuple(population),
        "spend": tuple(spend),
        "extra": tuple(extra),
        "mapping": dict(options.mapping or {}),
        "units": dict(options.units or {}),
        "leave_out": tuple(options.leave_out),
        "largest": options.max_size * MEGABYTE,
        "boundaries": None if options.boundaries is None else boundary_date(options.boundaries),
        "crosswalk": tuple(listed(options.crosswalk, "crosswalk")),
    }


def sample_folder() -> AbstractContextManager[Path]:
    """Return a context that yields the folder of the sample: in the wheel, or in the source tree."""
    packaged = resources.files("gpit_fairshare") / "samples"
    if packaged.is_dir():
        return resources.as_file(packaged)
    return nullcontext(Path(__file__).resolve().parents[2] / "data" / "samples")
