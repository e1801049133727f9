"""`gpit solve`: the value of a parameter up to which something is true."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003  # typer reads it from the annotations
from typing import Annotated

import typer

from gpit_fairshare.cli import options
from gpit_fairshare.cli.output import print_answer, progress
from gpit_fairshare.reports.formats import FORMATS
from gpit_fairshare.reports.output_files import SOLUTION_ENDINGS, checked_outputs, solution_writers, write_drafts
from gpit_fairshare.run_options import OptionKind


@options.verb(...)
def solve(
    *,
    parameter: Annotated[
        str, typer.Argument(metavar="PARAMETER", help="What to solve for: NAME, or NAME@YEAR for one year.")
    ],
    condition: Annotated[
        str,
        typer.Option("--for", metavar="FORMULA", help="What must be true: a comparison of figures, or balanced."),
    ],
    between: Annotated[
        tuple[str, str],
        typer.Option("--between", metavar="A B", help="Search from A to B; the answer is the last that is true."),
    ],
    step: Annotated[
        str | None,
        typer.Option(
            "--step",
            metavar="STEP",
            rich_help_panel="Search",
            help="Distance of values; default £1, 1 person, 0.01% or 0.0001.",
        ),
    ] = None,
    year: Annotated[
        str | None,
        typer.Option("--year", metavar="YEAR", help="It must be true in this year only; default every year."),
    ] = None,
    run: options.TypedOptions,
    output: Annotated[list[Path] | None, options.output("answer", SOLUTION_ENDINGS)] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document instead.")] = False,
) -> int:
    """Find how far a value can go, to see what we can afford.

    Searches for the last value up to which a comparison is true, and proves it by two runs.
    """
    outputs = checked_outputs(output, run.files(OptionKind.FILES, OptionKind.RULE), [*SOLUTION_ENDINGS, *FORMATS])
    # Heavy libraries load here, so that --help and a mistyped option answer at once.
    from gpit_fairshare.reports.solving import solution_document  # noqa: PLC0415
    from gpit_fairshare.sweeps import solving  # noqa: PLC0415

    with progress("Solving"):
        solution = solving.solve(
            parameter=parameter, condition=condition, between=between, step=step, year=year, **run.arguments()
        )
        report = run.defaults.named_in(solution_document(solution))
        drafts = write_drafts(solution_writers(solution, report, outputs))
    screen = run.defaults.named_in(
        solution_document(solution, is_short=True, file_names=[path.name for path in outputs])
    )
    print_answer(screen, solution.document, as_json=as_json, files=drafts)
    return 0 if solution.is_found else 1
