"""`gpit verify`: run a result again from its own manifest."""

from __future__ import annotations

from typing import Annotated

import typer

from gpit_fairshare.cli import options
from gpit_fairshare.cli.output import print_answer, progress
from gpit_fairshare.results import RESULT_ENDINGS
from gpit_fairshare.words import joined


@options.verb("max_size")
def verify(
    *,
    result: Annotated[
        str, typer.Argument(metavar="RESULT", help=f"Result file: {joined(RESULT_ENDINGS, 'or')}.", show_default=False)
    ],
    files: Annotated[
        list[str] | None,
        typer.Argument(metavar="FILE|FOLDER", help="Where the files of the run are, if not next to the result."),
    ] = None,
    run: options.TypedOptions,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document with every difference.")] = False,
) -> int:
    """Run a result again and report any difference.

    The manifest in the result says what to run. Nothing is written.
    """
    # Heavy libraries load here, so that --help and a mistyped option answer at once.
    from gpit_fairshare import verification  # noqa: PLC0415
    from gpit_fairshare.reports.verification import verification_document  # noqa: PLC0415

    with progress("Verifying") as advance:
        outcome = verification.verify(result, files or (), **run.arguments(), advance=advance)
    print_answer(verification_document(outcome), outcome.document, as_json=as_json)
    return 0 if outcome.verified else 1
