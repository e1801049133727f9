"""What every verb does: show its progress, and print its result.

Heavy libraries load inside these functions, so that --help and a mistyped option answer at once.
"""

from __future__ import annotations

import os
import sys
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from typing import TYPE_CHECKING, TextIO

import typer

from gpit_fairshare.errors import OutputError
from gpit_fairshare.reports.formats import rendered
from gpit_fairshare.words import visible

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from gpit_fairshare.reports.document import Document
    from gpit_fairshare.reports.terminal import Advance


def progress(label: str) -> AbstractContextManager[Advance]:
    """Show progress on a terminal; the context yields the function to call with the progress."""
    from gpit_fairshare.reports import terminal  # noqa: PLC0415

    return terminal.progress(terminal.make_console(stderr=True), label)


def print_answer(
    document: Document,
    entries: Callable[[], object],
    *,
    as_json: bool,
    form: str = "text",
    other: Callable[[], str] | None = None,
    files: ExitStack | None = None,
) -> None:
    """Print the whole result of a verb, then move the files that were written into their places.

    Args:
        document: The result, for people.
        entries: Returns the result for JSON.
        as_json: Whether to print JSON, for any `form`.
        form: `text` for a screen, `markdown`, or any other form, which `other` returns.
        other: Returns the result as a text in another form; None if the verb has none.
        files: Holds the files written; when it closes, they are moved into their places. None if there are none.
    """
    with files or nullcontext(), allow_closed_pipe():
        if as_json:
            print_json(entries())
        elif form == "text":
            print_document(document)
        elif form == "markdown":
            print_text(rendered(document, ".md"))
        elif other:
            print_text(other())


def print_document(document: Document, *, stderr: bool = False) -> None:
    """Print a document on standard output, or standard error, in the available width."""
    from gpit_fairshare.reports import screen, terminal  # noqa: PLC0415

    screen.show(document, terminal.make_console(stderr=stderr))


@contextmanager
def allow_closed_pipe() -> Iterator[None]:
    """Flush what is printed in this context; a reader that stops early, such as `head`, is no error.

    Raises:
        OutputError: The output cannot be printed, as on a full disk.
    """
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError:
        discard_unprinted(sys.stdout)
    except OSError as fault:
        raise OutputError(stdout_problem(fault)) from None


def print_text(text: str) -> None:
    """Print a text in UTF-8; control characters are printed as escapes."""
    # Bytes, so that a console of another code page changes nothing.
    typer.echo(visible(text).encode(), nl=False)


def print_json(document: object) -> None:
    """Print a document as JSON."""
    from gpit_fairshare.structured_texts import json_text  # noqa: PLC0415

    print_text(json_text(document))


def print_message(message: str) -> None:
    """Print a message on one line; if it cannot be printed, the exit code still says how the run ended."""
    try:
        typer.echo(visible(" ".join(message.splitlines())), err=True)
    except OSError:
        discard_unprinted(sys.stderr)


def print_on_terminal(message: str) -> None:
    """Print a message on one line if standard error is a terminal, where progress is shown too."""
    if sys.stderr.isatty():
        print_message(message)


def stdout_problem(fault: OSError) -> str:
    """Return the message that standard output cannot be written; nothing more is printed there."""
    discard_unprinted(sys.stdout)
    return f"standard output cannot be written: {fault.strerror or fault}; the output is incomplete, send it elsewhere"


def discard_unprinted(stream: TextIO) -> None:
    """Discard what a stream has not printed, so that Python does not try again, and fail, on exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
