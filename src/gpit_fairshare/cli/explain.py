"""`gpit explain`: the arithmetic of one organisation, line by line."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003  # typer reads it from the annotations
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gpit_fairshare.cli import options
from gpit_fairshare.cli.output import print_json, print_text, reader_may_leave
from gpit_fairshare.errors import UsageError, nearest

if TYPE_CHECKING:
    from gpit_fairshare.engine import Result

FORMATS = ("text", "markdown")


def explain(  # noqa: PLR0913  # the options of the verb
    *,
    organisation: Annotated[
        str, typer.Argument(metavar="ORG", help="Code of the organisation, or its name.", show_default=False)
    ],
    year: Annotated[str | None, typer.Option("--year", metavar="YEAR", help="Explain this year only.")] = None,
    step: Annotated[
        str | None, typer.Option("--step", metavar="NAME", help="Explain this step and what it rests on.")
    ] = None,
    record: Annotated[
        Path | None,
        typer.Option("--result", metavar="FILE", help="Explain a result file, in place of a run on input files."),
    ] = None,
    population: options.Population = None,
    spend: options.Spend = None,
    inputs: options.Inputs = None,
    scheme: Annotated[
        str | None, typer.Option("--scheme", metavar="NAME|FILE", help="Scheme, if not gpit-2014-16: a name or a file.")
    ] = None,
    formula: options.Formula = None,
    transition: options.Transition = None,
    settings: options.Settings = None,
    mapping: options.Mapping = None,
    units: options.Units = None,
    leave_out: options.LeaveOut = None,
    max_size: Annotated[
        int | None, typer.Option("--max-size", metavar="MB", min=1, help="Largest file to read, in MB, unpacked.")
    ] = None,
    years: options.Years = None,
    boundaries: options.Boundaries = None,
    crosswalk: options.Crosswalk = None,
    sample: options.Sample = False,
    form: Annotated[
        str, typer.Option("--format", metavar="text|markdown", help="Print text for a screen, or Markdown.")
    ] = "text",
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document instead of the text.")] = False,
    debug: options.Debug = False,
    no_plugins: options.NoPlugins = False,
) -> None:
    """Explain how the figures of one organisation come about: every line can be worked out again."""
    del debug, no_plugins  # may stand on either side of the verb; the command line looks for them itself
    if form not in FORMATS:
        raise UsageError(f"--format {form}: expected {' or '.join(FORMATS)}{nearest(form, FORMATS)}")
    if as_json and form != "text":
        raise UsageError("--json and --format markdown are two documents; ask for one")
    run: dict[str, Any] = {
        "--population": population,
        "--spend": spend,
        "--input": inputs,
        "--scheme": scheme,
        "--formula": formula,
        "--transition": transition,
        "--set": settings,
        "--map": mapping,
        "--unit": units,
        "--leave-out": leave_out,
        "--max-size": max_size,
        "--years": years,
        "--boundaries": boundaries,
        "--crosswalk": crosswalk,
        "--sample": sample,
    }
    given = [name for name, value in run.items() if value]
    if record and given:
        raise UsageError(f"--result {record.name} is worked out again from what it holds; leave out {', '.join(given)}")
    if not record and not given:
        raise UsageError("nothing to explain; give --result FILE, or --population and --spend, or --sample")
    # Heavy libraries load here, so that --help and a mistyped option answer at once.
    from gpit_fairshare import explanation  # noqa: PLC0415

    found = explanation.explain(record or _result(run), organisation, year=year, step=step)
    with reader_may_leave():
        if as_json:
            print_json(found.document())
        elif form == "markdown":
            print_text(found.markdown())
        else:
            from gpit_fairshare.reports.explanation import show_explanation  # noqa: PLC0415
            from gpit_fairshare.reports.terminal import make_console  # noqa: PLC0415

            show_explanation(found, make_console())
    raise typer.Exit(0 if found.sound else 1)


def _result(run: dict[str, Any]) -> Result:
    """Run the scheme as `gpit allocate` does."""
    from gpit_fairshare import allocation  # noqa: PLC0415  # polars loads here, not for --help

    return allocation.allocate(
        population=run["--population"],
        spend=run["--spend"],
        inputs=run["--input"],
        scheme=run["--scheme"] or allocation.DEFAULT_SCHEME,
        formula=run["--formula"],
        transition=run["--transition"],
        settings=options.pairs("--set", run["--set"] or []),
        mapping=options.pairs("--map", run["--map"] or []),
        units=options.pairs("--unit", run["--unit"] or []),
        leave_out=run["--leave-out"] or (),
        max_size=run["--max-size"] or options.MEGABYTES,
        years=run["--years"] or None,
        boundaries=run["--boundaries"],
        crosswalk=run["--crosswalk"],
        sample=run["--sample"],
        with_effects=False,
    )
