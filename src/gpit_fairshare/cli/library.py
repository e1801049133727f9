"""`gpit library`: schemes, formulas and transitions: built in, from plug-ins or your own."""

from __future__ import annotations

from enum import StrEnum
from functools import partial
from typing import TYPE_CHECKING, Annotated, Final

import typer

from gpit_fairshare.cli import options
from gpit_fairshare.cli.completion import of_library
from gpit_fairshare.cli.help import VerbCommand, VerbGroup
from gpit_fairshare.cli.output import allow_closed_pipe, print_answer, print_json, print_message
from gpit_fairshare.errors import UsageError
from gpit_fairshare.words import visible

if TYPE_CHECKING:
    from collections.abc import Sequence

app = typer.Typer(name="library", cls=VerbGroup, add_completion=False, no_args_is_help=True, rich_markup_mode=None)


Kind = StrEnum("Kind", ["FORMULA", "TRANSITION", "SCHEME"])
"""Kinds of file."""
Format = StrEnum("Format", ["TEXT", "MARKDOWN", "TOML"])
"""Forms in which a method is shown."""
_ALL_FILES: Final = of_library(*Kind)
_KINDS: Final = "formula, transition or scheme"
OfKind = Annotated[Kind | None, typer.Option("--kind", metavar="KIND", help=f"Only files of this kind: {_KINDS}.")]


@app.callback()
@options.verb()
def _verbs() -> None:
    """List, show, check and write schemes, formulas, transitions."""


@app.command("list", cls=VerbCommand)
@options.verb()
def list_all(
    *,
    words: Annotated[
        list[str] | None,
        typer.Argument(metavar="WORD", help="Only files with each of these words.", show_default=False),
    ] = None,
    kind: OfKind = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document with every file.")] = False,
) -> None:
    """List schemes, formulas and transitions.

    Words are searched for in names, titles, notes and labels. The list shows how many figures have a source, and how
    many are assumed.
    """
    # Heavy libraries load here, so that --help and a mistyped option answer at once.
    from gpit_fairshare.reports.library import library_document  # noqa: PLC0415
    from gpit_fairshare.scheme.files import library_problems  # noqa: PLC0415
    from gpit_fairshare.scheme.method import entries_document, library_entries, nearest_words  # noqa: PLC0415

    of_kind, words = kind.value if kind else None, words or []
    entries, problems = library_entries(of_kind, words), library_problems()
    _warn(problems)
    suggestion = "" if entries or as_json else nearest_words(words, library_entries())
    print_answer(
        library_document(entries, words, suggestion), partial(entries_document, entries, problems), as_json=as_json
    )


@app.command("show", cls=VerbCommand)
@options.verb()
def show(
    *,
    name: Annotated[
        str, typer.Argument(metavar="NAME|FILE", help="File to show.", show_default=False, autocompletion=_ALL_FILES)
    ],
    kind: OfKind = None,
    form: Annotated[
        Format, typer.Option("--format", metavar="FORMAT", help="Print text, markdown, or toml, the file itself.")
    ] = Format.TEXT,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document with the whole method.")] = False,
) -> None:
    """Show a scheme, formula or transition in words.

    With its formulas, parameters, checks, properties and sources.
    """
    _refuse_two_formats(form, as_json=as_json)
    from gpit_fairshare.reports.library import method_document  # noqa: PLC0415  # as above
    from gpit_fairshare.scheme.files import library_problems  # noqa: PLC0415
    from gpit_fairshare.scheme.method import method as read_method  # noqa: PLC0415

    method, text = read_method(name, kind.value if kind else None)
    _warn(library_problems())
    print_answer(method_document(method), method.document, as_json=as_json, form=form, other=lambda: text)


def _refuse_two_formats(form: Format, *, as_json: bool) -> None:
    """Refuse `--json` with another format.

    Raises:
        UsageError: Both are given.
    """
    if as_json and form is not Format.TEXT:
        raise UsageError(f"--json and --format {form.value}: give only one of them")


@app.command("new", cls=VerbCommand)
@options.verb()
def new(
    *,
    name: Annotated[str, typer.Argument(metavar="NAME|FILE", help="Name or path of the new file.", show_default=False)],
    kind: Annotated[
        Kind | None, typer.Option("--kind", metavar="KIND", help=f"Kind of the new file: {_KINDS}.")
    ] = None,
    copied: Annotated[
        str | None,
        typer.Option(
            "--from", metavar="NAME", help="Copy this library file under the new name.", autocompletion=_ALL_FILES
        ),
    ] = None,
) -> None:
    """Write a new formula, transition or scheme.

    It runs unchanged. Its comments say what to change.
    """
    from gpit_fairshare.templates.rules import write_rule  # noqa: PLC0415  # as above

    path, rule_kind, origin = write_rule(name, kind.value if kind else None, copied)
    with allow_closed_pipe():
        typer.echo(visible(f"Written: {path}, a {rule_kind} from {origin}.\n\nNext:\n"))
        quoted_path = f'"{path}"' if " " in str(path) else path
        typer.echo(visible(f"gpit library check {quoted_path}\ngpit allocate --sample --{rule_kind} {quoted_path}"))


@app.command("schema", cls=VerbCommand)
@options.verb()
def schema(*, kind: OfKind = None) -> None:
    """Print the JSON Schema of the files.

    Editors use it to complete and check what you write.
    """
    from gpit_fairshare.scheme.schema import file_schema  # noqa: PLC0415  # as above

    with allow_closed_pipe():
        print_json(file_schema(kind.value if kind else None))


@app.command("check", cls=VerbCommand)
@options.verb("formula", "transition")
def check(  # the options of the verb
    *,
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="NAME|FILE",
            help="Files to check; the whole library if none.",
            show_default=False,
            autocompletion=_ALL_FILES,
        ),
    ] = None,
    run: options.TypedOptions,
    strict: Annotated[bool, typer.Option("--strict", help="Exit with code 1 if there is a warning.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document with every finding.")] = False,
) -> int:
    """Check schemes, formulas and transitions.

    Lists all findings at once. Nothing is calculated.
    """
    # Heavy libraries load here, so that --help and a mistyped option answer at once.
    from gpit_fairshare.reports.library import review_document  # noqa: PLC0415
    from gpit_fairshare.scheme.files import library_problems  # noqa: PLC0415
    from gpit_fairshare.scheme.review import review_all, reviews_document  # noqa: PLC0415

    reviews = review_all(names or (), **run.arguments())
    _warn(library_problems())
    print_answer(review_document(reviews), partial(reviews_document, reviews), as_json=as_json)
    if not all(review.sound for review in reviews):
        return 2
    return 1 if strict and any(review.has("warning") for review in reviews) else 0


def _warn(problems: Sequence[str]) -> None:
    """Print each problem of plug-ins as a warning on standard error."""
    for problem in problems:
        print_message(f"gpit: warning: {problem}")
