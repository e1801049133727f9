"""`gpit sweep`: a scheme in many scenarios at once."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path  # noqa: TC003  # typer reads it from the annotations
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from gpit_fairshare.cli import options
from gpit_fairshare.cli.output import print_answer, print_on_terminal, progress
from gpit_fairshare.errors import UsageError
from gpit_fairshare.reports.formats import FORMATS
from gpit_fairshare.reports.output_files import checked_outputs, sweep_writers, write_drafts
from gpit_fairshare.results import RESULT_ENDINGS, TABLE_ENDINGS
from gpit_fairshare.run_options import OptionKind
from gpit_fairshare.words import joined

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gpit_fairshare.reports.terminal import Advance
    from gpit_fairshare.sweeps.sweep import PlannedRule

_PANEL: Final = "Scenarios"
_Vary = Annotated[
    list[str] | None,
    typer.Option(
        "--vary",
        metavar="NAME=VALUES",
        rich_help_panel=_PANEL,
        help="Vary a parameter, or formula or transition: NAME=FIRST:LAST:STEP or NAME=A,B,C; several make a grid.",
    ),
]
_Organisation = Annotated[
    str | None,
    typer.Option(
        "--organisation",
        metavar="CODE",
        rich_help_panel=_PANEL,
        help="Show this organisation; without it, the one that falls most from the base run.",
    ),
]


@options.verb("population", "spend", "inputs", "sample", ...)
def sweep(  # noqa: PLR0913  # the options of the verb
    *,
    run: options.TypedOptions,
    vary: _Vary = None,
    scenarios: Annotated[
        str | None,
        typer.Option(
            "--scenarios", metavar="FILE", rich_help_panel=_PANEL, help="Take the scenarios from a file, a row each."
        ),
    ] = None,
    draw: Annotated[
        list[str] | None,
        typer.Option(
            "--draw",
            metavar="COLUMN:normal:0.02",
            rich_help_panel=_PANEL,
            help="Draw random errors of an input column: normal or uniform, and their size.",
        ),
    ] = None,
    runs: Annotated[
        int | None,
        typer.Option("--runs", metavar="N", rich_help_panel=_PANEL, help="Number of draws.  [default: 1000]"),
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option("--seed", metavar="N", rich_help_panel=_PANEL, help="Start of the random numbers.  [default: 1]"),
    ] = None,
    organisation: _Organisation = None,
    by_organisation: Annotated[
        bool,
        typer.Option("--by-organisation", help="Give CSV and Parquet files a row for each organisation."),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document instead of the tables.")] = False,
    output: Annotated[list[Path] | None, options.output("sweep", RESULT_ENDINGS)] = None,
) -> int:
    """Run many scenarios: what each allocates, or why not.

    The base run has the values of the scheme and of --set.
    """
    read = [*run.files(OptionKind.FILES, OptionKind.RULE), *([scenarios] if scenarios else [])]
    outputs = checked_outputs(output, read, [*RESULT_ENDINGS, *FORMATS])
    if by_organisation:
        _refuse_without_table(outputs)
    # Heavy libraries load here, so that --help and a mistyped option answer at once.
    from gpit_fairshare.reports.sweep import SweepReport, code_of, sweep_document  # noqa: PLC0415
    from gpit_fairshare.sweeps.sweep import SweepOptions, count_in_words, run_sweep  # noqa: PLC0415

    varying: dict[str, Any] = {
        "vary": vary or (),
        "scenarios": scenarios,
        "draw": draw or (),
        "runs": runs,
        "seed": seed,
    }
    with ExitStack() as bars:
        advances: list[Advance] = []

        def announce(plans: Sequence[PlannedRule]) -> None:
            """Refuse an unknown organisation, say how many scenarios follow, and only then show progress."""
            if organisation:
                code_of(plans[0], organisation)
            print_on_terminal(count_in_words(plans))
            advances.append(bars.enter_context(progress("Calculating scenarios")))

        result = run_sweep(SweepOptions(**run.arguments(), **varying), announce)
        report = SweepReport(
            replace(result, manifest={**result.manifest, "defaults": run.defaults.entry()}), organisation
        )
        names = [path.name for path in outputs]
        screen = run.defaults.named_in(sweep_document(report, is_short=True, file_names=names))
        full = run.defaults.named_in(sweep_document(report))
        drafts = write_drafts(sweep_writers(report, full, outputs, *advances, by_organisation=by_organisation))
    print_answer(screen, report.document, as_json=as_json, files=drafts)
    return 0


def _refuse_without_table(outputs: Sequence[Path]) -> None:
    """Refuse `--by-organisation` where no table is written.

    Raises:
        UsageError: There is none.
    """
    if not any(path.suffix.lower() in TABLE_ENDINGS for path in outputs):
        raise UsageError(f"--by-organisation: needs -o with a {joined(TABLE_ENDINGS, 'or')} file")
