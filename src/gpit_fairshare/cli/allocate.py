"""`gpit allocate`: read, calculate, write, and say what came of it."""

from __future__ import annotations

from typing import Annotated

import typer

from gpit_fairshare.cli import options
from gpit_fairshare.cli.output import checked, print_json, reader_may_leave
from gpit_fairshare.cli.results import ENDINGS, manifests, write


def allocate(  # noqa: PLR0913  # the options of the verb
    *,
    population: options.Population = None,
    spend: options.Spend = None,
    inputs: options.Inputs = None,
    scheme: Annotated[
        str, typer.Option("--scheme", metavar="NAME|FILE", help="Scheme: a library name or a file.")
    ] = "gpit-2014-16",
    formula: options.Formula = None,
    transition: options.Transition = None,
    settings: options.Settings = None,
    mapping: options.Mapping = None,
    units: options.Units = None,
    leave_out: options.LeaveOut = None,
    max_size: options.MaxSize = options.MEGABYTES,
    years: options.Years = None,
    boundaries: options.Boundaries = None,
    crosswalk: options.Crosswalk = None,
    sample: options.Sample = False,
    output: options.Output = None,
    manifest: options.Manifest = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document instead of the summary.")] = False,
    debug: options.Debug = False,
    no_plugins: options.NoPlugins = False,
) -> None:
    """Allocate funding: fair shares, transition support, and a workbook that shows how."""
    del debug, no_plugins  # may stand on either side of the verb; the command line looks for them itself
    read = [*(population or []), *(spend or []), *(inputs or []), *(crosswalk or [])]
    read += options.given(scheme, formula, transition)
    outputs = checked(output or [], read, ENDINGS)
    beside = manifests(outputs, read, wanted=manifest)
    # Heavy libraries load here, so that --help and a mistyped option answer at once.
    from gpit_fairshare import allocation  # noqa: PLC0415
    from gpit_fairshare.reports.allocation import show  # noqa: PLC0415
    from gpit_fairshare.reports.terminal import make_console, progress  # noqa: PLC0415

    with progress(make_console(stderr=True), "Allocating") as advance:
        result = allocation.allocate(
            population=population,
            spend=spend,
            inputs=inputs,
            scheme=scheme,
            formula=formula,
            transition=transition,
            settings=options.pairs("--set", settings or []),
            mapping=options.pairs("--map", mapping or []),
            units=options.pairs("--unit", units or []),
            leave_out=leave_out or (),
            max_size=max_size,
            years=years or None,
            boundaries=boundaries,
            crosswalk=crosswalk,
            sample=sample,
        )
        drafts = write(result, outputs, beside, advance)
    with drafts, reader_may_leave():
        if as_json:
            from gpit_fairshare.results.writing import document  # noqa: PLC0415

            print_json(document(result))
        else:
            written = [one.name for path in outputs for one in (path, beside.get(path)) if one]
            show(result, make_console(), written=written)
    raise typer.Exit(0 if result.agrees else 1)
