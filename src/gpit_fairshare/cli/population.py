"""`gpit population`: registered and weighted population by organisation, from rows of people."""

from __future__ import annotations

from functools import partial
from pathlib import Path  # typer reads it from the annotations
from typing import TYPE_CHECKING, Annotated

import typer

from gpit_fairshare.cli import options
from gpit_fairshare.cli.completion import of_words
from gpit_fairshare.cli.output import print_answer, progress
from gpit_fairshare.errors import UsageError
from gpit_fairshare.people import ENGINES
from gpit_fairshare.reports.output_files import ResultFiles, write_drafts
from gpit_fairshare.results import TABLE_ENDINGS
from gpit_fairshare.run_options import OptionKind
from gpit_fairshare.words import joined

if TYPE_CHECKING:
    from collections.abc import Sequence

_ENDINGS = (*TABLE_ENDINGS, ".json")


@options.verb("settings", "mapping", "leave_out", "boundaries", "crosswalk")
def population(  # noqa: PLR0913  # the options of the verb
    *,
    people: Annotated[
        list[str],
        typer.Argument(metavar="FILE|FOLDER", help="Rows of people, or of practices with a number of people."),
    ],
    weights: Annotated[
        str | None, typer.Option("--weights", metavar="FILE", help="Scheme file that gives the weight of a person.")
    ] = None,
    year: Annotated[
        str | None, typer.Option("--year", metavar="YEAR", help="Financial year of the rows and weights.")
    ] = None,
    engine: Annotated[
        str,
        typer.Option("--engine", metavar="NAME", help=f"{joined(ENGINES, 'or')}.", autocompletion=of_words(ENGINES)),
    ] = ENGINES[0],
    run: options.TypedOptions,
    output: Annotated[
        list[Path] | None,
        typer.Option("-o", "--output", metavar="FILE", help=f"Write the population: {joined(_ENDINGS, 'or')}."),
    ] = None,
    manifest: options.Manifest = False,
    cells: Annotated[
        Path | None, typer.Option("--cells", metavar="FILE", help="Also write people by cell, as .csv or .parquet.")
    ] = None,
    suppress: Annotated[
        int | None, typer.Option("--suppress", metavar="N", help="Hide counts below N in --cells, such as 5.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document instead.")] = False,
) -> int:
    """Count and weight people by organisation.

    Writes the registered and weighted population that gpit allocate reads.
    """
    _check_cells(suppress, cells)
    _check_places([*(output or []), *([cells] if cells else [])], people)
    inputs = [*people, *([weights] if weights else []), *run.files(OptionKind.FILES)]
    outputs = ResultFiles(output, inputs, manifest=manifest, endings=_ENDINGS)
    outputs.add("--cells", cells, TABLE_ENDINGS, "is already an output; give each a different name")
    # Heavy libraries load here, so that --help and a mistyped option answer at once.
    from gpit_fairshare.people.population import population as counted_people  # noqa: PLC0415
    from gpit_fairshare.reports.population import entries, population_document, writers  # noqa: PLC0415

    with progress("Counting people"):
        answer = counted_people(
            people=people,
            weights=weights,
            year=year,
            engine=engine,
            suppress=suppress,
            plugins=True,
            **run.arguments(),
        )
        drafts = write_drafts(writers(answer, outputs.outputs, outputs.manifests, cells))
    report = population_document(answer, file_names=outputs.names)
    print_answer(report, partial(entries, answer), as_json=as_json, files=drafts)
    return 0


def _check_cells(suppress: int | None, cells: Path | None) -> None:
    """Check that there is a table in which counts can be hidden.

    Raises:
        UsageError: There is none.
    """
    if suppress is not None and cells is None:
        raise UsageError("--suppress: hides counts in the table by cell; give it a file with --cells")


def _check_places(outputs: Sequence[Path], people: Sequence[str]) -> None:
    """Check that no output is in a folder of people: the next run would count it.

    Raises:
        UsageError: One is.
    """
    for folder in (Path(source).resolve() for source in people if Path(source).is_dir()):
        for path in outputs:
            if path.resolve().is_relative_to(folder):
                raise UsageError(
                    f"{path}: is in a folder of people, so the next run would count it; write it elsewhere"
                )
