"""`gpit check`: the inputs alone, with every finding at once."""

from __future__ import annotations

from pathlib import Path  # typer reads it from the annotations
from typing import TYPE_CHECKING, Annotated

import typer

from gpit_fairshare.cli import options
from gpit_fairshare.cli.output import reader_may_leave
from gpit_fairshare.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gpit_fairshare.checking import Report


def check(  # noqa: PLR0913  # the options of the verb
    *,
    population: options.Population = None,
    spend: options.Spend = None,
    inputs: options.Inputs = None,
    scheme: Annotated[
        str | None,
        typer.Option("--scheme", metavar="NAME|FILE", help="Check against what this scheme needs; else all columns."),
    ] = None,
    formula: options.Formula = None,
    transition: options.Transition = None,
    mapping: options.Mapping = None,
    units: options.Units = None,
    boundaries: options.Boundaries = None,
    crosswalk: options.Crosswalk = None,
    leave_out: options.LeaveOut = None,
    max_size: options.MaxSize = options.MEGABYTES,
    organisation: Annotated[
        str, typer.Option("--organisation", metavar="NAME", help="What a row is, without a scheme: CCG, practice …")
    ] = "",
    sample: options.Sample = False,
    annotate: Annotated[
        Path | None,
        typer.Option("--annotate", metavar="COPY", help="Write your workbook here, with every fault marked in it."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document with every finding.")] = False,
    debug: options.Debug = False,
    no_plugins: options.NoPlugins = False,
) -> None:
    """Check input files: every finding at once, with file, sheet, cell and what to do. Nothing is calculated."""
    del debug, no_plugins  # may stand on either side of the verb; the command line looks for them itself
    named = [*(population or []), *(spend or []), *(inputs or [])]
    # Heavy libraries load here, so that --help and a mistyped option answer at once.
    from gpit_fairshare import checking  # noqa: PLC0415
    from gpit_fairshare.console import make_console, show_report  # noqa: PLC0415

    original = None if annotate is None else _workbook(named, annotate)
    report = checking.check(
        population=population,
        spend=spend,
        inputs=inputs,
        scheme=scheme,
        formula=formula,
        transition=transition,
        mapping=options.pairs("--map", mapping or []),
        units=options.pairs("--unit", units or []),
        boundaries=boundaries,
        crosswalk=crosswalk,
        leave_out=leave_out or (),
        max_size=max_size,
        organisation=organisation,
        sample=sample,
    )
    if original and annotate:
        _annotate(report, original, annotate)
    with reader_may_leave():
        if as_json:
            from gpit_fairshare.export import json_text  # noqa: PLC0415

            # Bytes, so that a console of another code page changes nothing.
            typer.echo(json_text(report.document()).encode(), nl=False)
        else:
            show_report(report, make_console(), written=annotate.name if annotate else "")
    raise typer.Exit(0 if report.sound else 2)


def _annotate(report: Report, original: Path, copy: Path) -> None:
    """Write a workbook to a copy, with its findings marked."""
    from gpit_fairshare.annotation import Mark, annotate  # noqa: PLC0415  # only if one is asked for
    from gpit_fairshare.export import in_place  # noqa: PLC0415

    marks = [
        Mark(one.sheet, one.cell, one.level, one.number, one.said, one.remedy)
        for one in report.findings
        if not one.file or one.file == original.name or one.file.startswith(f"{original.name}:")
    ]
    with in_place(copy) as draft:
        annotate(original, draft, marks)


def _workbook(named: Sequence[str], copy: Path) -> Path:
    """Return the workbook to be marked: there must be one, and the copy must be another file."""
    from gpit_fairshare.inputs.reading import split_sheet  # noqa: PLC0415  # polars loads here, not for --help

    paths = [Path(split_sheet(name)[0]) for name in named]
    books = {path.resolve(): path for path in paths if path.suffix.lower() == ".xlsx"}
    if len(books) != 1:
        found = f"{len(books)} of the files are; check one at a time" if books else "none of the files is one"
        raise UsageError(f"--annotate {copy}: marks one .xlsx workbook, and {found}")
    if copy.suffix.lower() != ".xlsx":
        raise UsageError(f"--annotate {copy}: the copy is a workbook too; give it the ending .xlsx")
    if copy.is_dir() or not copy.parent.is_dir():
        raise UsageError(f"--annotate {copy}: is a folder, or there is no folder {copy.parent}")
    ((place, original),) = books.items()
    if copy.resolve() == place or (copy.exists() and original.exists() and copy.samefile(original)):
        raise UsageError(f"--annotate {copy}: is the workbook itself, which is never written over; give another name")
    return original
