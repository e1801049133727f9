"""`gpit allocate`: read, calculate, write, and report the result."""

from __future__ import annotations

import shlex
from dataclasses import replace
from functools import partial
from pathlib import Path  # noqa: TC003  # typer reads it from the annotations
from typing import TYPE_CHECKING, Annotated, Final

import typer

from gpit_fairshare.cli import options
from gpit_fairshare.cli.completion import of_words
from gpit_fairshare.cli.output import print_answer, print_message, progress
from gpit_fairshare.errors import UsageError
from gpit_fairshare.reports.allocation_view import SORTS, AllocationView
from gpit_fairshare.reports.output_files import ResultFiles
from gpit_fairshare.results import TABLE_ENDINGS
from gpit_fairshare.run_options import OptionKind
from gpit_fairshare.words import joined

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from gpit_fairshare.engine import Result

_LETTERS: Final = (".md", ".csv")


@options.verb(...)
def allocate(  # noqa: PLR0913  # the options of the verb
    *,
    run: options.TypedOptions,
    output: options.Output = None,
    manifest: options.Manifest = False,
    letters: Annotated[
        list[Path] | None,
        typer.Option(
            "--letters", metavar="FILE", help=f"Write a letter to each organisation: {joined(_LETTERS, 'or')}."
        ),
    ] = None,
    letter_template: Annotated[
        Path | None,
        typer.Option(
            "--letter-template", metavar="FILE", help="Use this text for the letters; gpit init writes letter.md."
        ),
    ] = None,
    table: Annotated[bool, typer.Option("--table", help="Show all organisations of the last year.")] = False,
    sort: Annotated[
        str,
        typer.Option(
            "--sort",
            metavar="COLUMN",
            help=f"Show them in this order: {joined(SORTS, 'or')}.",
            autocompletion=of_words(SORTS),
        ),
    ] = "",
    top: Annotated[
        int | None, typer.Option("--top", metavar="N", min=1, help="Show the first N, and the total of the others.")
    ] = None,
    details: Annotated[
        bool, typer.Option("--details", help="Show all figures, assumptions, warnings and notes.")
    ] = False,
    quiet: Annotated[bool, typer.Option("-q", "--quiet", help="Show one line only.")] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON document instead, whatever the screen would show.")
    ] = False,
) -> int:
    """Allocate funding: fair shares and transition support.

    Write a workbook with -o result.xlsx: it shows every step as a formula.
    """
    view = AllocationView(table=table, sort=sort, top=top or 0, details=details, quiet=quiet)
    read = run.files(OptionKind.FILES, OptionKind.RULE)
    outputs = _output_files(read, output, letters, letter_template, manifest=manifest)
    # Heavy libraries load here, so that --help and a mistyped option answer at once.
    from gpit_fairshare import allocation  # noqa: PLC0415
    from gpit_fairshare.reports.allocation import allocation_document, allocation_screen  # noqa: PLC0415
    from gpit_fairshare.results.writing import document  # noqa: PLC0415

    letter_writers = _letter_writers(letters or (), letter_template)
    # The short screen, tables and letters have no effects of assumptions, which take an eighth of a run.
    has_effects = details or as_json or any(path.suffix.lower() not in TABLE_ENDINGS for path in output or ())
    with progress("Allocating") as advance:
        result = allocation.allocate(**run.arguments(), with_effects=has_effects)
        result = replace(result, manifest={**result.manifest, "defaults": run.defaults.entry()})
        file = outputs.explainable
        typed_options = f"--result {shlex.quote(str(file))}" if file else run.command_line()
        screen = allocation_screen(result, view, typed_options=typed_options, file_names=outputs.names)
        letter_files = letter_writers(result)
        files = outputs.write(
            result, lambda: run.defaults.named_in(allocation_document(result)), advance, letter_files, has_page=True
        )
    if outputs.missing:
        print_message(outputs.missing)
    print_answer(run.defaults.named_in(screen), partial(document, result), as_json=as_json, files=files)
    return 0 if result.agrees else 1


def _letter_writers(
    letters: Sequence[Path], letter_template: Path | None
) -> Callable[[Result], dict[Path, Callable[[Path], None]]]:
    """Read the template, and return a function from a result to the writer of each file of letters."""
    if not letters:
        return lambda _: {}
    from gpit_fairshare.reports.letters import letters_of, read_template, write_letters  # noqa: PLC0415  # as above

    template = read_template(letter_template)

    def writers_of(result: Result) -> dict[Path, Callable[[Path], None]]:
        """Return the writer of each file of letters to the organisations of a result."""
        texts = letters_of(result, template)
        return {path: partial(write_letters, texts, path.suffix.lower()) for path in letters}

    return writers_of


def _output_files(
    read: Sequence[str],
    output: Sequence[Path] | None,
    letters: Sequence[Path] | None,
    letter_template: Path | None,
    *,
    manifest: bool,
) -> ResultFiles:
    """Return the files to write: those of `-o`, and those of letters, which never replace their own template.

    Raises:
        UsageError: There is a template, but no file of letters.
    """
    if letter_template and not letters:
        raise UsageError("--letter-template: needs --letters FILE, where the letters are written")
    templates = [str(letter_template)] if letter_template else []
    outputs = ResultFiles(output, [*read, *templates], manifest=manifest)
    for path in letters or ():
        outputs.add("--letters", path, _LETTERS, "is already an output; give each a different name")
    return outputs
