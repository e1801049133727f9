"""`gpit library`: schemes, formulas and transitions, built in or of one's own."""

from __future__ import annotations

from typing import Annotated

import typer

from gpit_fairshare.cli import options  # noqa: TC001 - typer reads it from the annotations
from gpit_fairshare.cli.output import reader_may_leave

app = typer.Typer(
    help="Schemes, formulas and transitions, built in or of your own.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@app.callback()
def _verbs() -> None:
    """Schemes, formulas and transitions, built in or of your own."""


@app.command("check")
def check(  # the options of the verb
    *,
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="NAME|FILE", help="What to check; without any, the whole library.", show_default=False),
    ] = None,
    formula: options.Formula = None,
    transition: options.Transition = None,
    strict: Annotated[bool, typer.Option("--strict", help="End with exit code 1 if there is a warning.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document with every finding.")] = False,
    debug: options.Debug = False,
) -> None:
    """Check schemes, formulas and transitions: everything that is to be said at once. Nothing is calculated."""
    del debug  # may stand on either side of the verb; the command line looks for it itself
    # Heavy libraries load here, so that --help and a mistyped option answer at once.
    from gpit_fairshare.console import make_console, show_reviews  # noqa: PLC0415
    from gpit_fairshare.scheme import review_all, reviews_document  # noqa: PLC0415

    reviews = review_all(names or (), formula=formula, transition=transition)
    with reader_may_leave():
        if as_json:
            from gpit_fairshare.export import json_text  # noqa: PLC0415

            # Bytes, so that a console of another code page changes nothing.
            typer.echo(json_text(reviews_document(reviews)).encode(), nl=False)
        else:
            show_reviews(reviews, make_console())
    if not all(one.sound for one in reviews):
        raise typer.Exit(2)
    raise typer.Exit(1 if strict and any(one.has("warning") for one in reviews) else 0)
