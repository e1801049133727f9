"""`gpit verify`: a result run again from its own manifest."""

from __future__ import annotations

from typing import Annotated

import typer

from gpit_fairshare.cli import options
from gpit_fairshare.cli.output import print_json, reader_may_leave


@options.verb("max_size")
def verify(
    *,
    result: Annotated[
        str, typer.Argument(metavar="RESULT", help="A result: .xlsx, .json, .csv or .parquet.", show_default=False)
    ],
    files: Annotated[
        list[str] | None,
        typer.Argument(metavar="FILE|FOLDER", help="Where the run's files are, if not beside the result."),
    ] = None,
    run: options.TypedOptions,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document with every difference.")] = False,
) -> None:
    """Run a result again from its manifest: the same bytes, or exactly what differs. Nothing is written."""
    # Heavy libraries load here, so that --help and a mistyped option answer at once.
    from gpit_fairshare import verification  # noqa: PLC0415
    from gpit_fairshare.reports.screen import show  # noqa: PLC0415
    from gpit_fairshare.reports.terminal import make_console, progress  # noqa: PLC0415
    from gpit_fairshare.reports.verification import verification_document  # noqa: PLC0415

    with progress(make_console(stderr=True), "Verifying") as advance:
        found = verification.verify(result, files or (), **run.arguments(), advance=advance)
    with reader_may_leave():
        if as_json:
            print_json(found.document())
        else:
            show(verification_document(found), make_console())
    raise typer.Exit(0 if found.verified else 1)
