"""The public call: files and a scheme in, a Result out. The command line and notebooks use the same."""

from __future__ import annotations

from contextlib import contextmanager, nullcontext
from dataclasses import replace
from importlib import resources
from pathlib import Path, PureWindowsPath
from typing import TYPE_CHECKING, Final

from gpit_fairshare.engine import Result, calculate
from gpit_fairshare.engine.sensitivity import sensitivities
from gpit_fairshare.errors import UsageError
from gpit_fairshare.inputs import LARGEST, MEGABYTE, Need, Request, boundary_date, read_inputs, split_sheet
from gpit_fairshare.language import names_in
from gpit_fairshare.plugins import allowed
from gpit_fairshare.scheme import Setting, load

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager
    from datetime import date

    from gpit_fairshare.scheme import Scheme

DEFAULT_SCHEME: Final = "gpit-2014-16"
SAMPLE_POPULATION: Final = "england-2014-15-population.csv"
SAMPLE_SPEND: Final = "england-2014-15-spend.csv"


def allocate(  # noqa: PLR0913  # the options of `gpit allocate`, all by name
    *,
    population: str | Path | Sequence[str | Path] | None = None,
    spend: str | Path | Sequence[str | Path] | None = None,
    inputs: str | Path | Sequence[str | Path] | None = None,
    scheme: str | Path = DEFAULT_SCHEME,
    formula: str | Path | None = None,
    transition: str | Path | None = None,
    settings: Mapping[str, float | str] | None = None,
    mapping: Mapping[str, str] | None = None,
    units: Mapping[str, str] | None = None,
    leave_out: Sequence[str] = (),
    max_size: int = LARGEST // MEGABYTE,
    boundaries: str | date | None = None,
    crosswalk: str | Path | Sequence[str | Path] | None = None,
    sample: bool = False,
    years: Sequence[str] | None = None,
    with_effects: bool = True,
    plugins: bool = True,
    options: Mapping[str, str] | None = None,
) -> Result:
    """Allocate funding by a scheme.

    Args:
        population: File or files with `org_code` and `registered_population`; `FILE:SHEET` for Excel.
        spend: File or files with `org_code` and `historic_spend`, or with lines of cost.
        inputs: Further files joined by `org_code` (and `year`).
        scheme: A library name or the path of a scheme file.
        formula: Replaces the scheme's formula: a library name or a path.
        transition: Replaces the scheme's transition: a library name or a path.
        settings: Parameter values for this run: `{"revenue_budget@2015/16": 150_000_000}`.
        mapping: Headings of the files that are not recognised: `{"Heading": "column"}`.
        units: Units of columns, as the user knows them: `{"Heading": "£m"}`.
        leave_out: Codes whose rows are left out, such as totals that do not say so.
        max_size: Megabytes that a file may hold, unpacked.
        boundaries: The day on whose organisations all rows are restated: a date, `2020-04-01`, or `2020/21`
            for its first day.
        crosswalk: File or files of mergers and splits, beside those of CCGs that are known.
        sample: Use the England sample (its spend is illustrative) instead of files.
        years: Run the scheme for these financial years instead of its own; its values must be those of every year.
        with_effects: Whether to work out what hangs on each assumption, which takes two more runs for each.
        plugins: Whether library files and functions of installed packages may be used.
        options: What messages call the way to give a file with a column: `{"forecast_outturn": "--forecast"}`,
            with `""` for columns that are not named; `--input` if nothing is said.

    Returns:
        A `Result`; `result.rows` has one row per year and organisation, sorted by year and code.

    Raises:
        GpitError: Something in the arguments, the files or the scheme is wrong; its text is one line.
    """
    with allowed(plugins):
        read = [Setting.read(f"{name}={value}") for name, value in (settings or {}).items()]
        ready = load(
            str(scheme),
            formula=None if formula is None else str(formula),
            transition=None if transition is None else str(transition),
            settings=read,
            years=years,
        )
        with named_files(population, spend, inputs, sample=sample) as files:
            wanted = request_for(ready, files, mapping or {}, units or {})
            wanted = replace(wanted, options=dict(options or {}))
            request = with_options(wanted, leave_out, max_size, boundaries, crosswalk)
            result = calculate(ready, read_inputs(request))
        worked_out = sensitivities(result) if with_effects else ()
    run = {
        "sample": sample,
        "scheme": base_name(scheme),
        "formula": base_name(formula) if formula else None,
        "transition": base_name(transition) if transition else None,
        "set": {name: str(value) for name, value in sorted((settings or {}).items())},
        "map": dict(sorted((mapping or {}).items())),
        "unit": dict(sorted((units or {}).items())),
        "leave_out": sorted(leave_out),
        "max_size": max_size,
        "boundaries": None if boundaries is None else str(boundaries),
        "years": None if years is None else list(years),
        **{
            role: [] if sample else [base_name(name) for name in listed(names)]
            for role, names in (("population", population), ("spend", spend), ("input", inputs))
        },
        "crosswalk": [base_name(name) for name in listed(crosswalk)],
    }
    return replace(result, effects=worked_out, manifest={**result.manifest, "run": run})


def base_name(name: str | Path) -> str:
    """Return the name of a file without its folders, its sheet kept; a library name stays as it is."""
    file, sheet = split_sheet(str(name))
    # Of either system's paths: a manifest says the same wherever it was made.
    base = PureWindowsPath(file).name or file
    return f"{base}:{sheet}" if sheet else base


def with_options(
    request: Request,
    leave_out: Sequence[str],
    max_size: int,
    boundaries: str | date | None,
    crosswalk: str | Path | Sequence[str | Path] | None,
) -> Request:
    """Return a request with what the options of a run say about reading, whatever its scheme.

    Raises:
        UsageError: the boundaries are no day.
    """
    return replace(
        request,
        leave_out=tuple(leave_out),
        largest=max_size * MEGABYTE,
        boundaries=None if boundaries is None else boundary_date(boundaries),
        crosswalk=tuple(listed(crosswalk)),
    )


@contextmanager
def named_files(
    population: str | Path | Sequence[str | Path] | None,
    spend: str | Path | Sequence[str | Path] | None,
    inputs: str | Path | Sequence[str | Path] | None,
    *,
    sample: bool,
) -> Iterator[list[list[str]]]:
    """Yield the files of a run: population, spend and further inputs, or the sample's in their place.

    Raises:
        UsageError: both are asked for.
    """
    files = [listed(population), listed(spend), listed(inputs)]
    if not sample:
        yield files
        return
    if any(files):
        raise UsageError("the sample stands in for files; give --sample or files, not both")
    with sample_folder() as folder:
        yield [[str(folder / SAMPLE_POPULATION)], [str(folder / SAMPLE_SPEND)], []]


def listed(paths: str | Path | Sequence[str | Path] | None) -> list[str]:
    """Return one path or several, or none, as a list of texts."""
    if paths is None:
        return []
    return [str(path) for path in ([paths] if isinstance(paths, str | Path) else paths)]


def request_for(
    scheme: Scheme, files: Sequence[Sequence[str]], mapping: Mapping[str, str], units: Mapping[str, str]
) -> Request:
    """Return what a scheme wants of the files: its years, the columns that its steps use, the costs that count."""
    population, spend, extra = files
    used_in: dict[str, str] = {}
    places = [(step.tree, step.where) for step in scheme.steps] + [(one.tree, one.where) for one in scheme.checks]
    for tree, where in places:
        for name, position in names_in(tree):
            used_in.setdefault(name, f"{where}, character {position}")
    others = tuple(name for name, symbol in scheme.symbols.items() if symbol.role != "input")
    needs = tuple(
        Need(
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
        population=tuple(population),
        spend=tuple(spend),
        extra=tuple(extra),
        years=scheme.years,
        needs=needs,
        counts=scheme.counts,
        mapping=dict(mapping),
        units=dict(units),
        scheme=scheme.name,
        organisation=scheme.organisation,
        keep_text=(scheme.report_by,) if scheme.report_by else (),
    )


def sample_folder() -> AbstractContextManager[Path]:
    """Return a context that yields the folder of the sample: in the wheel, or beside a source tree."""
    packaged = resources.files("gpit_fairshare") / "samples"
    if packaged.is_dir():
        return resources.as_file(packaged)
    return nullcontext(Path(__file__).resolve().parents[2] / "data" / "samples")
