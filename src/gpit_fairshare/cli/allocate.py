"""`gpit allocate`: read, calculate, write, and report the result."""

from __future__ import annotations

from functools import partial
from typing import Annotated

import typer

from gpit_fairshare.cli import options
from gpit_fairshare.cli.output import ResultFiles, print_answer, progress
from gpit_fairshare.run_options import OptionKind


@options.verb(...)
def allocate(
    *,
    run: options.TypedOptions,
    output: options.Output = None,
    manifest: options.Manifest = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document instead of the summary.")] = False,
) -> int:
    """Allocate funding: fair shares and transition support.

    Write a workbook with -o result.xlsx: it shows every step as a formula.
    """
    outputs = ResultFiles(output, run.files(OptionKind.FILES, OptionKind.RULE), manifest=manifest)
    # Heavy libraries load here, so that --help and a mistyped option answer at once.
    from gpit_fairshare import allocation  # noqa: PLC0415
    from gpit_fairshare.reports.allocation import allocation_document  # noqa: PLC0415
    from gpit_fairshare.results.writing import document  # noqa: PLC0415

    with progress("Allocating") as advance:
        result = allocation.allocate(**run.arguments())
        report = allocation_document(result, file_names=outputs.names)
        files = outputs.write(result, report, advance)
    print_answer(report, partial(document, result), as_json=as_json, files=files)
    return 0 if result.agrees else 1
