"""`gpit test`: run regression cases, and compare their figures with those expected."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path  # noqa: TC003  # typer reads it from the annotations
from typing import TYPE_CHECKING, Annotated

import typer

from gpit_fairshare.cli import options
from gpit_fairshare.cli.output import print_answer, print_message, progress
from gpit_fairshare.errors import UsageError
from gpit_fairshare.reports.output_files import place_of, write_drafts

if TYPE_CHECKING:
    from gpit_fairshare.cases.suite import Suite


@options.verb()
def cases(
    *,
    paths: Annotated[
        list[str], typer.Argument(metavar="PATH", help="Case files, or folders to search for them.", show_default=False)
    ],
    keep: Annotated[
        str,
        typer.Option(
            "-k", metavar="TEXT", help="Run cases whose id or title has this text; join texts with not, and, or."
        ),
    ] = "",
    stop: Annotated[bool, typer.Option("-x", "--stop", help="Stop at the first case that is not ok.")] = False,
    junit: Annotated[
        Path | None, typer.Option("--junit", metavar="FILE", help="Write the verdicts as JUnit XML for CI servers too.")
    ] = None,
    update: Annotated[
        bool, typer.Option("--update", help="Update the expected figures of regression cases. Refused where CI is set.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document with every difference.")] = False,
) -> int:
    """Run regression cases and compare with expected figures."""
    _refuse_options(junit, update=update, stop=stop)
    # Heavy libraries load here, so that --help and a mistyped option answer at once.
    from gpit_fairshare.cases.suite import run_all  # noqa: PLC0415
    from gpit_fairshare.reports.cases import suite_document, write_junit  # noqa: PLC0415

    with progress("Testing") as advance:
        suite = run_all(paths, keep=keep, stop=stop, may_lack=update, advance=advance)
        if update:
            _update_cases(suite)
    document = suite_document(suite)
    files = write_drafts({junit: partial(write_junit, suite)} if junit else {})
    print_answer(document, suite.document, as_json=as_json, files=files)
    for reason in suite.update.refused if suite.update else ():
        print_message(f"gpit: error: --update: {reason}; nothing was written")
    return suite.exit_code


def _refuse_options(junit: Path | None, *, update: bool, stop: bool) -> None:
    """Refuse options that cannot be used, before anything runs.

    Raises:
        UsageError: There is one.
    """
    if junit:
        place_of("--junit", junit)
        if junit.suffix.lower() != ".xml":
            raise UsageError(f"--junit {junit}: the file is JUnit XML; give it the ending .xml")
    if update and stop:
        raise UsageError("--update and --stop: all cases must run before any is written; leave out --stop")
    # CI, which judges a change, must not make the change.
    if update and os.environ.get("CI", "").strip().lower() not in ("", "0", "false"):
        raise UsageError("--update: the environment variable CI is set; a person updates expected figures, not CI")


def _update_cases(suite: Suite) -> None:
    """Update the expected figures of the cases that may be updated, and run these again."""
    from gpit_fairshare.cases.running import run_case  # noqa: PLC0415  # polars loads here, not for --help
    from gpit_fairshare.cases.updating import update  # noqa: PLC0415

    suite.update = update(suite.verdicts)
    for number in suite.update.cases:
        case = suite.verdicts[number].case
        if case:
            suite.verdicts[number] = run_case(case.case_file)
