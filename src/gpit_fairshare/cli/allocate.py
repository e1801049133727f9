"""`gpit allocate`: read, calculate, write, and say what came of it."""

from __future__ import annotations

from typing import Annotated

import typer

from gpit_fairshare.cli import options
from gpit_fairshare.cli.output import checked, print_json, reader_may_leave
from gpit_fairshare.cli.results import ENDINGS, manifests, write
from gpit_fairshare.run_options import OptionKind


@options.verb(...)
def allocate(
    *,
    run: options.TypedOptions,
    output: options.Output = None,
    manifest: options.Manifest = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document instead of the summary.")] = False,
) -> None:
    """Allocate funding: fair shares, transition support, and a workbook that shows how."""
    read = run.files(OptionKind.FILES, OptionKind.RULE)
    outputs = checked(output or [], read, ENDINGS)
    beside = manifests(outputs, read, wanted=manifest)
    # Heavy libraries load here, so that --help and a mistyped option answer at once.
    from gpit_fairshare import allocation  # noqa: PLC0415
    from gpit_fairshare.reports.allocation import allocation_document  # noqa: PLC0415
    from gpit_fairshare.reports.screen import show  # noqa: PLC0415
    from gpit_fairshare.reports.terminal import make_console, progress  # noqa: PLC0415

    with progress(make_console(stderr=True), "Allocating") as advance:
        result = allocation.allocate(**run.arguments())
        written = [one.name for path in outputs for one in (path, beside.get(path)) if one]
        report = allocation_document(result, written=written)
        drafts = write(result, report, outputs, beside, advance)
    with drafts, reader_may_leave():
        if as_json:
            from gpit_fairshare.results.writing import document  # noqa: PLC0415

            print_json(document(result))
        else:
            show(report, make_console())
    raise typer.Exit(0 if result.agrees else 1)
