"""`gpit allocate`: read, calculate, write, and say what came of it."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path  # noqa: TC003  # typer reads it from the annotations
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gpit_fairshare.cli import options
from gpit_fairshare.cli.output import checked, reader_may_leave
from gpit_fairshare.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from gpit_fairshare.engine import Result

ENDINGS = (".xlsx", ".csv", ".parquet", ".json")


def allocate(  # noqa: PLR0913  # the options of the verb
    *,
    population: options.Population = None,
    spend: options.Spend = None,
    inputs: options.Inputs = None,
    scheme: Annotated[
        str, typer.Option("--scheme", metavar="NAME|FILE", help="Scheme: a library name or a file.")
    ] = "gpit-2014-16",
    formula: options.Formula = None,
    transition: options.Transition = None,
    settings: options.Settings = None,
    mapping: options.Mapping = None,
    leave_out: options.LeaveOut = None,
    max_size: options.MaxSize = options.MEGABYTES,
    boundaries: options.Boundaries = None,
    crosswalk: options.Crosswalk = None,
    sample: options.Sample = False,
    output: Annotated[
        list[Path] | None,
        typer.Option("-o", "--output", metavar="FILE", help="Write the result; .xlsx, .csv, .parquet or .json."),
    ] = None,
    manifest: Annotated[
        bool, typer.Option("--manifest", help="Beside each .csv and .parquet, write what it was made from.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document instead of the summary.")] = False,
    debug: options.Debug = False,
) -> None:
    """Allocate funding: fair shares, transition support, and a workbook that shows how."""
    del debug  # may stand on either side of the verb; the command line looks for it itself
    read = [*(population or []), *(spend or []), *(inputs or []), *(crosswalk or [])]
    outputs = checked(output or [], read, ENDINGS)
    manifests = _manifests(outputs, read, wanted=manifest)
    # Heavy libraries load here, so that --help and a mistyped option answer at once.
    from gpit_fairshare import allocation  # noqa: PLC0415
    from gpit_fairshare.console import make_console, progress, show  # noqa: PLC0415

    with progress(make_console(stderr=True), "Allocating") as advance:
        result = allocation.allocate(
            population=population,
            spend=spend,
            inputs=inputs,
            scheme=scheme,
            formula=formula,
            transition=transition,
            settings=options.pairs("--set", settings or []),
            mapping=options.pairs("--map", mapping or []),
            leave_out=leave_out or (),
            max_size=max_size,
            boundaries=boundaries,
            crosswalk=crosswalk,
            sample=sample,
        )
        _write(result, outputs, manifests, advance)
    with reader_may_leave():
        if as_json:
            from gpit_fairshare.export import document, json_text  # noqa: PLC0415

            # Bytes, so that a console of another code page changes nothing.
            typer.echo(json_text(document(result)).encode(), nl=False)
        else:
            written = [one.name for path in outputs for one in (path, manifests.get(path)) if one]
            show(result, make_console(), written=written)
    raise typer.Exit(0 if result.agrees else 1)


def _manifests(outputs: Sequence[Path], inputs: Sequence[str], *, wanted: bool) -> dict[Path, Path]:
    """Return where the manifests of tables go; a workbook and a JSON document carry theirs inside.

    One that stands beside a table already is written anew, asked for or not: it would speak of another table.
    """
    tables = [path for path in outputs if path.suffix.lower() in (".csv", ".parquet")]
    if wanted and not tables:
        raise UsageError("--manifest: belongs to a .csv or .parquet file, and -o names none; others carry it inside")
    from gpit_fairshare.export import manifest_name  # noqa: PLC0415  # polars loads here, not for --help

    places = {path: path.with_name(manifest_name(path)) for path in tables}
    places = {path: place for path, place in places.items() if wanted or place.exists()}
    checked([*outputs, *places.values()], inputs, ENDINGS)
    return places


def _write(
    result: Result, outputs: Sequence[Path], manifests: Mapping[Path, Path], advance: Callable[[int, int], None]
) -> None:
    """Write every file beside its place first, then move them all in."""
    from gpit_fairshare import export  # noqa: PLC0415  # polars loads here, not for --help

    def workbook(result: Result, path: Path) -> None:
        from gpit_fairshare.workbook import write_workbook  # noqa: PLC0415  # only if one is asked for

        write_workbook(result, path, advance)

    writers: dict[str, Callable[[Result, Path], Any]] = {
        ".xlsx": workbook,
        ".csv": export.write_csv,
        ".parquet": export.write_parquet,
        ".json": export.write_json,
    }
    with ExitStack() as stack:
        for path in outputs:
            draft = stack.enter_context(export.in_place(path))
            writers[path.suffix.lower()](result, draft)
            if path in manifests:
                beside = stack.enter_context(export.in_place(manifests[path]))
                export.write_manifest(result, beside, draft, path.name)
