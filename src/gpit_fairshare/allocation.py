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
from gpit_fairshare.run_options import DEFAULT_SCHEME, OPTIONS, OptionKind, RunOptions, called_with, listed
from gpit_fairshare.scheme.joining import load
from gpit_fairshare.scheme.values import Setting

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from gpit_fairshare.scheme.model import Part, Scheme

SAMPLE_POPULATION: Final = "england-2014-15-population.csv"
SAMPLE_SPEND: Final = "england-2014-15-spend.csv"


@dataclass(frozen=True, kw_only=True)
class AllocateOptions(RunOptions):
    """The options of a run, and further options for programs.

    Attributes:
        with_effects: Whether to calculate the effect of each assumption, which takes two more runs for each.
        plugins: Whether library files and functions of installed packages may be used.
        options: The option that messages name for a file with a column: `{"forecast_outturn": "--forecast"}`,
            with `""` for all other columns; `--input` by default.
    """

    scheme: str | Path = DEFAULT_SCHEME
    with_effects: bool = True
    plugins: bool = True
    options: Mapping[str, str] | None = None


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
        scheme = load_scheme(options)
        with named_files(options) as files:
            request = replace(request_for(scheme, options, files), options=dict(options.options or {}))
            result = calculate(scheme, read_inputs(request))
        effects = sensitivities(result) if options.with_effects else ()
    return replace(result, effects=effects, manifest={**result.manifest, "run": recorded(options)})


def load_scheme(options: RunOptions) -> Scheme:
    """Load the scheme of a run, with the formula, transition, values and years of its options."""
    return load(
        str(options.scheme),
        formula=None if options.formula is None else str(options.formula),
        transition=None if options.transition is None else str(options.transition),
        settings=[Setting.read(f"{name}={value}") for name, value in (options.settings or {}).items()],
        years=options.years,
    )


def recorded(options: RunOptions) -> dict[str, Any]:
    """Return the options as the table `run` of a manifest, which `verification` reads; files by their base names."""
    kinds = list(OptionKind)
    in_order = sorted(OPTIONS.items(), key=lambda entry: kinds.index(entry[1].kind))
    return {option.key: _recorded_value(option.kind, getattr(options, name)) for name, option in in_order}


def _recorded_value(kind: OptionKind, value: Any) -> Any:
    """Return the value of an option as a manifest holds it.

    Files and rules are written by base name, settings and the like as texts sorted by name, codes sorted, and a day as
    text.
    """
    match kind:
        case OptionKind.FILES:
            return [base_name(name) for name in listed(value)]
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


def base_name(name: str | Path) -> str:
    """Return the name of a file without its folders but with its sheet; the name of a library file does not change."""
    file, sheet = split_sheet(str(name))
    # Works for paths of either system, so that manifests do not depend on the machine.
    base = PureWindowsPath(file).name or file
    return f"{base}:{sheet}" if sheet else base


@contextmanager
def named_files(options: RunOptions) -> Iterator[list[list[str]]]:
    """Yield three lists of file names: population, spend and further inputs; with the option `sample`, the sample's.

    Raises:
        UsageError: Both files and the sample are given.
    """
    files = [listed(options.population), listed(options.spend), listed(options.inputs)]
    if not options.sample:
        yield files
        return
    if any(files):
        raise UsageError("the sample replaces the input files; give --sample or files, not both")
    with sample_folder() as folder:
        yield [[str(folder / SAMPLE_POPULATION)], [str(folder / SAMPLE_SPEND)], []]


def request_for(scheme: Scheme, options: RunOptions, files: Sequence[Sequence[str]]) -> Request:
    """Return the request to read a scheme's input files, which `files` lists as `named_files` yields them.

    It has the options for reading, the scheme's years, the costs that count, the text column to report by, and the
    columns needed, each with the place of a formula that first uses it, for messages.
    """
    used_in: dict[str, str] = {}
    parts: tuple[Part, ...] = (*scheme.steps, *scheme.checks, *scheme.outcomes)
    for part in parts:
        for name, position in names_in(part.tree):
            used_in.setdefault(name, f"{part.where}, character {position}")
    others = tuple(name for name, symbol in scheme.symbols.items() if symbol.role != "input")
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
    return Request(
        **reading(options, files),
        years=scheme.years,
        needs=needs,
        counts=scheme.counts,
        scheme=scheme.name,
        organisation=scheme.organisation,
        keep_text=(scheme.report_by,) if scheme.report_by else (),
    )


def reading(options: RunOptions, files: Sequence[Sequence[str]]) -> dict[str, Any]:
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
        "crosswalk": tuple(listed(options.crosswalk)),
    }


def sample_folder() -> AbstractContextManager[Path]:
    """Return a context that yields the folder of the sample: in the wheel, or in the source tree."""
    packaged = resources.files("gpit_fairshare") / "samples"
    if packaged.is_dir():
        return resources.as_file(packaged)
    return nullcontext(Path(__file__).resolve().parents[2] / "data" / "samples")
