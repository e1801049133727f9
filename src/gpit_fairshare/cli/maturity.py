"""`gpit maturity`: how far GP IT has come, by practice and CCG."""

from __future__ import annotations

from functools import partial
from pathlib import Path  # noqa: TC003  # typer reads it from the annotations
from typing import TYPE_CHECKING, Annotated

import typer

from gpit_fairshare.cli import options
from gpit_fairshare.cli.output import checked, print_json, reader_may_leave
from gpit_fairshare.cli.results import ENDINGS, manifests, write
from gpit_fairshare.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence


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
        typer.Option("--population", metavar="FILE", help="List sizes of practices, if not among their answers."),
    ] = None,
    allocation: Annotated[
        list[str] | None,
        typer.Option("--allocation", metavar="FILE", help="Allocations of CCGs, to be shown beside the index."),
    ] = None,
    year: Annotated[
        str | None, typer.Option("--year", metavar="YEAR", help="Financial year, such as 2017/18; else 2016/17.")
    ] = None,
    run: options.TypedOptions,
    output: options.Output = None,
    manifest: options.Manifest = False,
    by_ccg: Annotated[
        Path | None, typer.Option("--by-ccg", metavar="FILE", help="Write all CCGs in order, as .csv.")
    ] = None,
    by_practice: Annotated[
        Path | None, typer.Option("--by-practice", metavar="FILE", help="Write all practices in order, as .csv.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document instead of the tables.")] = False,
) -> None:
    """Work out the Digital Primary Care Maturity Index of practices and CCGs."""
    read = [*indicators, *(ccg_indicators or []), *(population or []), *(allocation or [])]
    outputs = checked(output or [], read, ENDINGS)
    beside = manifests(outputs, read, wanted=manifest)
    asked = (("--by-ccg", by_ccg), ("--by-practice", by_practice))
    _check_orders([(option, path) for option, path in asked if path], [*outputs, *beside.values()], read)
    # Heavy libraries load here, so that --help and a mistyped option answer at once.
    from gpit_fairshare.maturity import assess  # noqa: PLC0415
    from gpit_fairshare.reports.maturity import maturity_document  # noqa: PLC0415
    from gpit_fairshare.reports.screen import show  # noqa: PLC0415
    from gpit_fairshare.reports.terminal import make_console, progress  # noqa: PLC0415
    from gpit_fairshare.results.writing import write_table  # noqa: PLC0415

    with progress(make_console(stderr=True), "Working out the index") as advance:
        found = assess(
            indicators=indicators,
            ccg_indicators=ccg_indicators,
            population=population,
            allocation=allocation,
            year=year,
            **run.arguments(),
        )
        tables = [(by_ccg, found.ccgs), (by_practice, found.practices)]
        orders = {path: partial(write_table, table) for path, table in tables if path}
        written = [one.name for path in outputs for one in (path, beside.get(path)) if one]
        report = maturity_document(found, written=[*written, *(path.name for path in orders)])
        drafts = write(found.result, report, outputs, beside, advance, orders)
    with drafts, reader_may_leave():
        if as_json:
            print_json(found.document())
        else:
            show(report, make_console())
    raise typer.Exit(0 if found.result.agrees else 1)


def _check_orders(orders: Sequence[tuple[str, Path]], others: Sequence[Path], inputs: Sequence[str]) -> None:
    """Refuse places of the two tables that cannot be written, before anything is read.

    Raises:
        UsageError: Another ending than .csv, a folder, a file that is written already or is an input.
    """
    taken = {path.resolve() for path in others}
    for option, path in orders:
        checked([path], inputs, (".csv",), option=option)
        if path.resolve() in taken:
            raise UsageError(f"{option} {path}: given twice")
        taken.add(path.resolve())
