"""Options that several verbs share, each with its help."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gpit_fairshare.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

Population = Annotated[
    list[str] | None,
    typer.Option("--population", metavar="FILE", help="Population by organisation; FILE:SHEET for Excel."),
]
Spend = Annotated[
    list[str] | None,
    typer.Option("--spend", metavar="FILE", help="Historic spend by organisation, or lines of cost."),
]
Inputs = Annotated[
    list[str] | None, typer.Option("--input", metavar="FILE", help="Further columns, joined by org_code.")
]
Formula = Annotated[
    str | None, typer.Option("--formula", metavar="NAME|FILE", help="Use this formula instead of the scheme's.")
]
Transition = Annotated[
    str | None, typer.Option("--transition", metavar="NAME|FILE", help="Use this transition instead of the scheme's.")
]
Settings = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="NAME[@YEAR]=VALUE", help="Give a parameter another value for this run."),
]
Sample = Annotated[bool, typer.Option("--sample", help="Use the England 2014/15 sample; its spend is illustrative.")]
Mapping = Annotated[
    list[str] | None,
    typer.Option("--map", metavar="HEADING=COLUMN", help="Say which column a heading of yours is."),
]
Units = Annotated[
    list[str] | None,
    typer.Option("--unit", metavar="HEADING=UNIT", help="Say the unit of a column: £, £000, £m, people, 000 people."),
]
Years = Annotated[
    list[str] | None,
    typer.Option("--years", metavar="YEAR", help="Run the scheme for this year instead of its own; may be repeated."),
]
Boundaries = Annotated[
    str | None,
    typer.Option("--boundaries", metavar="DATE|YEAR", help="Restate all rows on the organisations of that day."),
]
Crosswalk = Annotated[
    list[str] | None,
    typer.Option("--crosswalk", metavar="FILE", help="Mergers and splits, beside those of CCGs that are known."),
]
LeaveOut = Annotated[
    list[str] | None, typer.Option("--leave-out", metavar="CODE", help="Leave out the rows of this code.")
]
MaxSize = Annotated[int, typer.Option("--max-size", metavar="MB", min=1, help="Largest file to read, in MB, unpacked.")]


def leave_plugins_out(context: typer.Context, wanted: bool) -> bool:
    """Leave plug-ins out for as long as the command runs, on whichever side of the verb the option stands."""
    if wanted:
        from gpit_fairshare.plugins import allowed  # noqa: PLC0415  # only when asked for: start-up time

        context.with_resource(allowed(wanted=False))
    return wanted


NoPlugins = Annotated[
    bool,
    typer.Option(
        "--no-plugins",
        hidden=True,
        callback=leave_plugins_out,
        is_eager=True,
        help="Leave out what installed packages add to the library and the language.",
    ),
]
"""May stand on either side of the verb; its callback does all there is to do."""
Output = Annotated[
    list[Path] | None,
    typer.Option("-o", "--output", metavar="FILE", help="Write the result; .xlsx, .csv, .parquet or .json."),
]
Manifest = Annotated[
    bool, typer.Option("--manifest", help="Beside each .csv and .parquet of -o, write what it was made from.")
]
Debug = Annotated[bool, typer.Option("--debug", hidden=True)]
"""May stand on either side of the verb; the command line looks for it itself."""

MEGABYTES = 64
"""Largest file that is read if nobody says more: `inputs.LARGEST`, without loading what that needs."""


_FORMS = {
    "--map": "HEADING=COLUMN",
    "--unit": "HEADING=UNIT, such as 'Spend=£m'",
    "--set": "NAME=VALUE or NAME@2015/16=VALUE",
}
"""How each option of pairs is written, for messages."""


def given(*names: str | None) -> list[str]:
    """Return the names or files that were given; what is a file is not written over."""
    return [name for name in names if name]


def pairs(option: str, texts: Sequence[str]) -> dict[str, str]:
    """Return NAME=VALUE options as a dict; the same name twice is an error, not a silent choice."""
    found: dict[str, str] = {}
    for text in texts:
        name, equals, value = text.partition("=") if option == "--set" else text.rpartition("=")
        if not equals or not name.strip() or not value.strip():
            form = _FORMS[option]
            raise UsageError(f"{option} {text}: expected {form}")
        if name.strip() in found:
            raise UsageError(f"{option} {name.strip()}: given twice; give it once")
        found[name.strip()] = value.strip()
    return found
