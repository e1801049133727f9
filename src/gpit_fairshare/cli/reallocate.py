"""`gpit reallocate`: recover forecast underspends of a year, give them to others, and write a table for letters."""

from __future__ import annotations

from functools import partial
from pathlib import Path  # noqa: TC003  # typer reads it from the annotations
from typing import TYPE_CHECKING, Annotated

import typer

from gpit_fairshare.cli import options
from gpit_fairshare.cli.output import print_answer, progress
from gpit_fairshare.reports.formats import FORMATS, write_file
from gpit_fairshare.reports.output_files import ResultFiles

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gpit_fairshare.reallocation import AllocationChange

_LETTERS = ".csv"


@options.verb("settings", "mapping", "units", "max_size")
def reallocate(  # noqa: PLR0913  # the options of the verb
    *,
    allocation: Annotated[
        str, typer.Option("--allocation", metavar="FILE", help="Current allocations from gpit allocate; FILE:SHEET.")
    ],
    forecast: Annotated[
        str, typer.Option("--forecast", metavar="FILE", help="Forecast outturn by organisation (forecast_outturn).")
    ],
    adjustments: Annotated[
        str | None,
        typer.Option("--adjustments", metavar="FILE", help="Manual adjustments: amount, reason and approver."),
    ] = None,
    year: Annotated[
        str | None, typer.Option("--year", metavar="YEAR", help="Financial year, if the files have no year or several.")
    ] = None,
    tolerance: Annotated[
        str | None,
        typer.Option("--tolerance", metavar="SHARE", help="Share of the allocation that may stay unspent, such as 2%."),
    ] = None,
    recover: Annotated[
        str | None,
        typer.Option("--recover", metavar="SHARE", help="Share of the underspend above this to recover, such as 100%."),
    ] = None,
    receive: Annotated[
        list[str] | None,
        typer.Option("--receive", metavar="WHO", help="Who receives money: pressures, unmet-need, everybody."),
    ] = None,
    run: options.TypedOptions,
    output: options.Output = None,
    manifest: options.Manifest = False,
    letters: Annotated[
        Path | None, typer.Option("--letters", metavar="FILE", help=options.output_help("table of changes", [_LETTERS]))
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document instead of the summary.")] = False,
) -> int:
    """Reallocate forecast underspends within a year.

    Recovers them, gives them to other organisations, and lists every change.
    """
    read = [allocation, forecast, *([adjustments] if adjustments else [])]
    outputs = ResultFiles(output, read, manifest=manifest)
    outputs.add("--letters", letters, [_LETTERS, *FORMATS], "is already an output; give each a different name")
    # Heavy libraries load here, so that --help and a mistyped option answer at once.
    from gpit_fairshare import reallocation  # noqa: PLC0415
    from gpit_fairshare.reports.reallocation import reallocation_document  # noqa: PLC0415
    from gpit_fairshare.results.writing import document  # noqa: PLC0415

    with progress("Reallocating") as advance:
        result = reallocation.reallocate(
            allocation=allocation,
            forecast=forecast,
            adjustments=adjustments,
            year=year,
            tolerance=tolerance,
            recover=recover,
            receive=receive or (),
            **run.arguments(),
        )
        changes = reallocation.changes(result)
        report = reallocation_document(result, changes, file_names=outputs.names)
        letter = {letters: partial(_write_letters, changes, letters.suffix.lower())} if letters else {}
        files = outputs.write(result, lambda: report, advance, letter)
    print_answer(report, partial(document, result), as_json=as_json, files=files)
    return 0 if result.agrees else 1


def _write_letters(changes: Sequence[AllocationChange], ending: str, draft: Path) -> None:
    """Write the table of changes to a draft, as CSV or in the format of documents with this ending."""
    from gpit_fairshare.reallocation import letters_csv  # noqa: PLC0415  # polars loads here, not for --help
    from gpit_fairshare.reports.reallocation import letters_document  # noqa: PLC0415

    if ending in FORMATS:
        write_file(letters_document(changes), draft, ending)
    else:
        draft.write_bytes(letters_csv(changes).encode())
