"""A Result on the screen: what `gpit allocate` says, in words and figures that need no colour."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, TypeAlias

from rich.progress import BarColumn, Progress, SpinnerColumn, TaskProgressColumn, TextColumn

from gpit_fairshare.console.checking import show_findings, show_report
from gpit_fairshare.console.comparison import show_comparison
from gpit_fairshare.console.explanation import show_explanation
from gpit_fairshare.console.maturity import show_maturity
from gpit_fairshare.console.page import Page, make_console
from gpit_fairshare.console.reviewing import show_reviews
from gpit_fairshare.console.screen import Screen
from gpit_fairshare.console.words import counted, money, per_head, percentage, plural, signed
from gpit_fairshare.findings import FindingCode

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.console import Console

    from gpit_fairshare.engine import Result

__all__ = [
    "Advance",
    "counted",
    "make_console",
    "money",
    "per_head",
    "percentage",
    "plural",
    "progress",
    "show",
    "show_comparison",
    "show_explanation",
    "show_findings",
    "show_maturity",
    "show_report",
    "show_reviews",
    "signed",
]

Advance: TypeAlias = Callable[[float, float], None]
"""Says how much is done, and of how much."""
_PATIENCE: Final = 1.0
"""Seconds that work may last before a bar is shown."""
_ALIKE: Final = 3
"""Findings of one kind that stand below a result; `gpit check` shows more."""


def show(result: Result, console: Console, *, written: Sequence[str] = ()) -> None:
    """Print what a run comes to: verdict, money, gains and losses, inequality, assumptions, findings, checks.

    Args:
        result: A finished run.
        console: Where to print; the layout needs 56 columns and uses 100 at most.
        written: Names of the files that the result was written to.
    """
    screen = Screen(Page(console), result, result.measures())
    screen.verdict(written)
    screen.boundaries()
    screen.illustrative()
    screen.settings()
    screen.year_by_year()
    if screen.in_money:
        screen.inequality()
        screen.not_at_parity()
        screen.movements()
    screen.assumptions()
    shown_above = (
        {FindingCode.SET_FOR_THIS_RUN, FindingCode.UNSPENT}
        if screen.in_money and screen.says_all_unspent
        else {FindingCode.SET_FOR_THIS_RUN}
    )
    show_findings([one for one in result.findings if one.number not in shown_above], console, alike=_ALIKE)
    screen.checks()


@contextmanager
def progress(console: Console, label: str) -> Iterator[Advance]:
    """Show on a terminal how far work has come, once it has lasted a second; else show nothing.

    Yields:
        A function to call with how much is done, and of how much.
    """
    if not console.is_terminal or console.is_dumb_terminal:
        yield lambda _done, _total: None
        return
    # Standard output stays as it is: results may be on their way to a file through it.
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
    task = bar.add_task(Page(console).fit(label), total=None)
    state = threading.Lock()
    over = False

    def begin() -> None:
        with state:
            if not over:
                bar.start()

    def advance(done: float, total: float) -> None:
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
