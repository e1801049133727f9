"""`gpit allocate`: read, calculate, write, and report the result."""

from __future__ import annotations

from functools import partial
from typing import Annotated

import typer

from gpit_fairshare.cli import options
from gpit_fairshare.cli.completion import of_words
from gpit_fairshare.cli.output import ResultFiles, print_answer, progress
from gpit_fairshare.reports.allocation_view import SORTS, AllocationView
from gpit_fairshare.run_options import OptionKind
from gpit_fairshare.words import joined


@options.verb(...)
def allocate(  # noqa: PLR0913  # the options of the verb
    *,
    run: options.TypedOptions,
    output: options.Output = None,
    manifest: options.Manifest = False,
    table: Annotated[bool, typer.Option("--table", help="Show all organisations of the last year.")] = False,
    sort: Annotated[
        str,
        typer.Option(
            "--sort",
            metavar="COLUMN",
            help=f"Show them in this order: {joined(SORTS, 'or')}.",
            autocompletion=of_words(SORTS),
        ),
    ] = "",
    top: Annotated[
        int | None, typer.Option("--top", metavar="N", min=1, help="Show the first N, and the total of the others.")
    ] = None,
    details: Annotated[
        bool, typer.Option("--details", help="Show all figures, assumptions, warnings and notes.")
    ] = False,
    quiet: Annotated[bool, typer.Option("-q", "--quiet", help="Show one line only.")] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON document instead, whatever the screen would show.")
    ] = False,
) -> int:
    """Allocate funding: fair shares and transition support.

    Write a workbook with -o result.xlsx: it shows every step as a formula.
    """
    view = AllocationView(table=table, sort=sort, top=top or 0, details=details, quiet=quiet)
    outputs = ResultFiles(output, run.files(OptionKind.FILES, OptionKind.RULE), manifest=manifest)
    # Heavy libraries load here, so that --help and a mistyped option answer at once.
    from gpit_fairshare import allocation  # noqa: PLC0415
    from gpit_fairshare.reports.allocation import allocation_document, allocation_screen  # noqa: PLC0415
    from gpit_fairshare.results.writing import document  # noqa: PLC0415

    with progress("Allocating") as advance:
        result = allocation.allocate(**run.arguments())
        report = allocation_screen(result, view, typed_options=run.command_line(), file_names=outputs.names)
        files = outputs.write(result, allocation_document(result), advance)
    print_answer(report, partial(document, result), as_json=as_json, files=files)
    return 0 if result.agrees else 1
