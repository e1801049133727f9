"""`gpit maturity`: the Digital Primary Care Maturity Index of practices and CCGs."""

from __future__ import annotations

from functools import partial
from pathlib import Path  # noqa: TC003  # typer reads it from the annotations
from typing import Annotated

import typer

from gpit_fairshare.cli import options
from gpit_fairshare.cli.output import print_answer, progress
from gpit_fairshare.reports.output_files import ResultFiles


@options.verb("settings", "mapping", "units", "leave_out", "max_size")
def maturity(  # noqa: PLR0913  # the options of the verb
    *,
    indicators: Annotated[
        list[str], typer.Option("--indicators", metavar="FILE", help="Answers of practices, one row each.")
    ],
    ccg_indicators: Annotated[
        list[str] | None, typer.Option("--ccg-indicators", metavar="FILE", help="Answers of CCGs, one row each.")
    ] = None,
    population: Annotated[
        list[str] | None,
        typer.Option("--population", metavar="FILE", help="List sizes of practices, if the answers do not have them."),
    ] = None,
    allocation: Annotated[
        list[str] | None,
        typer.Option("--allocation", metavar="FILE", help="Allocations of CCGs, to show with the index."),
    ] = None,
    year: Annotated[
        str | None, typer.Option("--year", metavar="YEAR", help="Financial year, such as 2017/18; default 2016/17.")
    ] = None,
    run: options.TypedOptions,
    output: options.Output = None,
    manifest: options.Manifest = False,
    by_ccg: Annotated[
        Path | None, typer.Option("--by-ccg", metavar="FILE", help="Write all CCGs by rank, as .csv.")
    ] = None,
    by_practice: Annotated[
        Path | None, typer.Option("--by-practice", metavar="FILE", help="Write all practices by rank, as .csv.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document instead of the tables.")] = False,
) -> int:
    """Calculate the Digital Primary Care Maturity Index.

    For practices and CCGs.
    """
    read = [*indicators, *(ccg_indicators or []), *(population or []), *(allocation or [])]
    outputs = ResultFiles(output, read, manifest=manifest)
    outputs.add("--by-ccg", by_ccg, [".csv"], "is given twice")
    outputs.add("--by-practice", by_practice, [".csv"], "is given twice")
    # Heavy libraries load here, so that --help and a mistyped option answer at once.
    from gpit_fairshare.maturity import assess  # noqa: PLC0415
    from gpit_fairshare.reports.maturity import maturity_document  # noqa: PLC0415
    from gpit_fairshare.results.writing import write_table  # noqa: PLC0415

    with progress("Calculating the index") as advance:
        assessment = assess(
            indicators=indicators,
            ccg_indicators=ccg_indicators,
            population=population,
            allocation=allocation,
            year=year,
            **run.arguments(),
        )
        tables = [(by_ccg, assessment.ccgs), (by_practice, assessment.practices)]
        orders = {path: partial(write_table, table) for path, table in tables if path}
        report = maturity_document(assessment, file_names=outputs.names)
        files = outputs.write(assessment.result, lambda: report, advance, orders)
    print_answer(report, assessment.document, as_json=as_json, files=files)
    return 0 if assessment.result.agrees else 1
