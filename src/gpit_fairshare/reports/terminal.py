"""The consoles for standard output and standard error, and the progress bar."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, TypeAlias

from rich.console import Console

from gpit_fairshare.reports.screen import WIDEST, ScreenLayout

Advance: TypeAlias = Callable[[float, float], None]
"""Reports how much is done, and the total."""
_PATIENCE: Final = 1.0
"""Seconds before a progress bar is shown."""
_PIPED_WIDTH: Final = 80


def make_console(*, stderr: bool = False) -> Console:
    """Return a console on standard output or standard error that never fails on a character.

    Colour is used only on terminals, and not if NO_COLOR is set. COLUMNS sets the width; without it, piped output is 80
    columns wide, and at most 100 columns of a terminal are used.
    """
    stream = sys.stderr if stderr else sys.stdout
    if hasattr(stream, "reconfigure"):
        stream.reconfigure(errors="replace")
    terminal = stream.isatty()
    columns = os.environ.get("COLUMNS", "")
    width = int(columns) if columns.isdecimal() and int(columns) > 0 else None
    console = _PipedConsole(
        file=stream,
        stderr=stderr,
        force_terminal=terminal,
        markup=False,
        emoji=False,
        highlight=False,
        width=width or (None if terminal else _PIPED_WIDTH),
    )
    if width is None and terminal and console.width > WIDEST:
        console.width = WIDEST
    return console


class _PipedConsole(Console):
    """A console that passes on a broken pipe, so that the command line decides on the exit code."""

    def on_broken_pipe(self) -> None:
        """Raise the BrokenPipeError again that Rich is handling."""
        raise  # noqa: PLE0704  # rich calls this while it handles the BrokenPipeError


@contextmanager
def progress(console: Console, label: str) -> Iterator[Advance]:
    """Show a progress bar on a terminal after a second of work; elsewhere show nothing.

    Yields:
        A function to call with how much is done, and the total.
    """
    if not console.is_terminal or console.is_dumb_terminal:
        yield lambda _done, _total: None
        return
    # Only a terminal has a progress bar, and these take 8 ms to import.
    from rich.progress import BarColumn, Progress, SpinnerColumn, TaskProgressColumn, TextColumn  # noqa: PLC0415

    # Standard output is not redirected: it may carry results to a file.
    bar = Progress(
        SpinnerColumn("line"),
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TaskProgressColumn(),
        console=console,
        transient=True,
        redirect_stdout=False,
        redirect_stderr=False,
    )
    task = bar.add_task(ScreenLayout(console).fit(label), total=None)
    state = threading.Lock()
    over = False

    def begin() -> None:
        """Show the progress bar, unless the work is over."""
        with state:
            if not over:
                bar.start()

    def advance(done: float, total: float) -> None:
        """Show how much is done of a total."""
        bar.update(task, completed=done, total=total)

    timer = threading.Timer(_PATIENCE, begin)
    timer.daemon = True
    timer.start()
    try:
        yield advance
    finally:
        timer.cancel()
        with state:
            over = True
            bar.stop()
        timer.join()
