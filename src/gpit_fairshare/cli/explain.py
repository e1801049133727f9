"""`gpit explain`: one organisation in sentences, as a ladder, and line by line."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003  # typer reads it from the annotations
from typing import TYPE_CHECKING, Annotated

import typer

from gpit_fairshare.cli import options
from gpit_fairshare.cli.output import print_answer
from gpit_fairshare.errors import UsageError
from gpit_fairshare.reports.formats import FORMATS
from gpit_fairshare.reports.output_files import checked_outputs, document_writers, write_drafts
from gpit_fairshare.run_options import OPTIONS, OptionKind
from gpit_fairshare.words import nearest

if TYPE_CHECKING:
    from collections.abc import Sequence

_PRINTED = ("text", "markdown")


@options.verb(
    ...,
    unset={"scheme": "Use this scheme instead of gpit-2014-16.", "max_size": OPTIONS["max_size"].help},
    reads_results=lambda values: values["record"] is not None,
)
def explain(  # noqa: PLR0913  # the options of the verb
    *,
    organisation: Annotated[
        str, typer.Argument(metavar="ORG", help="Code or name of the organisation.", show_default=False)
    ],
    year: Annotated[
        str | None,
        typer.Option("--year", metavar="YEAR", rich_help_panel="Explanation", help="Explain this year only."),
    ] = None,
    step: Annotated[
        str | None,
        typer.Option("--step", metavar="NAME", help="Explain this step and the steps that it uses."),
    ] = None,
    lines: Annotated[bool, typer.Option("--lines", help="Print every line of the calculation.")] = False,
    record: Annotated[
        Path | None,
        typer.Option("--result", metavar="FILE", help="Explain this result file instead of running input files."),
    ] = None,
    run: options.TypedOptions,
    form: Annotated[str, options.printed_form(_PRINTED)] = "text",
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document instead of the text.")] = False,
    output: Annotated[list[Path] | None, options.output("explanation")] = None,
) -> int:
    """Explain the figures of one organisation: what it gets and why.

    With --lines, every line of the calculation, to calculate again by hand.
    """
    _refuse_unclear(form, record, run.flags(), as_json=as_json)
    read = [str(record)] if record else run.files(OptionKind.FILES, OptionKind.RULE)
    outputs = checked_outputs(output, read, [*FORMATS])
    # Heavy libraries load here, so that --help and a mistyped option answer at once.
    from gpit_fairshare import allocation, explanation  # noqa: PLC0415
    from gpit_fairshare.reports.explanation import explanation_document  # noqa: PLC0415

    result = record or allocation.allocate(**run.arguments(), with_effects=False)
    arithmetic = explanation.explain(result, organisation, year=year, step=step)
    report = explanation_document(arithmetic, lines=lines, file_names=[path.name for path in outputs])
    report = run.defaults.named_in(report)
    files = write_drafts(document_writers(report, outputs))
    print_answer(report, arithmetic.document, as_json=as_json, form=form, files=files)
    return 0 if arithmetic.sound else 1


def _refuse_unclear(form: str, record: Path | None, typed: Sequence[str], *, as_json: bool) -> None:
    """Refuse options that contradict each other, and a command without anything to explain.

    Raises:
        UsageError: There is one.
    """
    if form not in _PRINTED:
        raise UsageError(f"--format {form}: expected {' or '.join(_PRINTED)}{nearest(form, _PRINTED)}")
    if as_json and form != "text":
        raise UsageError("--json and --format markdown: give only one of them")
    if record and typed:
        raise UsageError(f"--result {record.name} has its own inputs and scheme; leave out {', '.join(typed)}")
    if not record and not typed:
        raise UsageError("nothing to explain; give --result FILE, or --population and --spend, or --sample")
