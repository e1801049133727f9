"""The console, and what fits on it.

Every text is fitted to what the console's encoding can hold before it is laid out: a report piped into a
file on Windows is cp1252, which has £ and – but no box-drawing. Texts of the inputs are never read as
markup, and what could move the cursor or reverse the line is shown as an escape.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple, TextIO, TypeAlias

from rich.box import Box
from rich.cells import cell_len
from rich.console import Console
from rich.padding import Padding
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskProgressColumn, TextColumn
from rich.segment import Segment, Segments
from rich.table import Table
from rich.text import Text

from gpit_fairshare.words import visible

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.console import RenderableType

Advance: TypeAlias = Callable[[float, float], None]
"""Says how much is done, and of how much."""
_PATIENCE: Final = 1.0
"""Seconds that work may last before a bar is shown."""
_PIPED_WIDTH: Final = 80
_NARROWEST: Final = 56
"""Narrower terminals break the lines themselves: better that than a figure cut off."""
_WIDEST: Final = 100
"""Figures stand too far from their labels on a wider screen."""
_PLAIN: Final = {
    "£": "GBP ",
    "…": "...",
    "–": "-",
    "—": "-",
    "−": "-",
    "─": "-",
    "×": "x",
    "÷": "/",
    "→": "->",
    "›": ">",
    "≤": "<=",
    "≥": ">=",
    "‘": "'",
    "’": "'",
    "“": '"',
    "”": '"',
}
"""What stands in for a character that an encoding does not hold; a question mark for the rest."""


def make_console(*, stderr: bool = False) -> Console:
    """Return a console on standard output, or standard error, that cannot fail on a character.

    Colour goes to terminals alone, and not where NO_COLOR is set. Whatever is piped is plain and 80
    columns wide, or as wide as COLUMNS says; a terminal is used to 100 columns.
    """
    stream = sys.stderr if stderr else sys.stdout
    _never_fail(stream)
    terminal = stream.isatty()
    columns = os.environ.get("COLUMNS", "")
    given = int(columns) if columns.isdecimal() and int(columns) > 0 else None
    console = _PipedConsole(
        file=stream,
        stderr=stderr,
        force_terminal=terminal,
        markup=False,
        emoji=False,
        highlight=False,
        width=given or (None if terminal else _PIPED_WIDTH),
    )
    if given is None and terminal and console.width > _WIDEST:
        console.width = _WIDEST
    return console


class _PipedConsole(Console):
    """A console whose reader may leave: the command line decides what exit code that is."""

    def on_broken_pipe(self) -> None:
        raise  # noqa: PLE0704  # rich calls this while it handles the BrokenPipeError


def _never_fail(stream: TextIO) -> None:
    """Make a stream write a question mark for what its encoding does not hold."""
    reconfigure = getattr(stream, "reconfigure", None)
    if callable(reconfigure):
        reconfigure(errors="replace")


class Column(NamedTuple):
    """A column of a table: its width, and whether it holds figures, which stand to the right."""

    width: int
    figures: bool = False


Cells = list[str]


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a table; a heading stands above the rows indented under it."""

    cells: Cells
    heading: bool = False
    indent: int = 0


class Page:
    """A console with the two things that are laid out on it: paragraphs and tables."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.encoding = console.encoding
        try:
            "".encode(self.encoding)
        except LookupError:
            self.encoding = "ascii"
        self.width = min(max(console.width, _NARROWEST), _WIDEST)
        line = self.fit("─")
        # Marked as ASCII whatever the line: Rich would put a grid of + and | in the place of another.
        self.box = Box(f"    \n    \n {line}{line} \n    \n    \n    \n    \n    \n", ascii=True)

    def fit(self, text: str) -> str:
        """Return a text that the encoding can hold, with escapes for all that cannot be seen."""
        text = visible("".join(" " if sign.isspace() else sign for sign in text))
        if text.isascii():
            return text
        fitted = "".join(map(self._fit, text))
        return fitted if "£" in fitted else fitted.replace("GBP  ", "GBP ")  # `£ per head`

    def _fit(self, character: str) -> str:
        try:
            character.encode(self.encoding)
        except UnicodeEncodeError:
            return _PLAIN.get(character, "?")
        return character

    def cut(self, text: str, width: int) -> str:
        """Return a text of at most `width` columns; a longer one ends in an ellipsis."""
        text = self.fit(text)
        if cell_len(text) <= width:
            return text
        dots = self.fit("…")
        text = text[: 4 * width]  # no need to go through a whole novel
        while text and cell_len(text) + cell_len(dots) > width:
            text = text[:-1]
        return text.rstrip(" ,") + dots

    def blank(self) -> None:
        """Leave a line empty."""
        self.console.print()

    def paragraph(self, text: str, style: str = "", *, lead: str = "") -> None:
        """Print a text; its second and further lines stand under its first, right of `lead`."""
        lead = self.fit(lead)
        hang = cell_len(lead)
        lines = Text(self.fit(text), style=style).wrap(self.console, self.width - hang, overflow="fold")
        for number, line in enumerate(lines):
            line.rstrip()
            line.plain = visible(line.plain)
            self._line(Text.assemble(" " * hang if number else lead, line))

    def unbroken(self, text: str) -> None:
        """Print a text on one line, however long: an address that somebody copies."""
        self._line(Text(self.fit(text)))

    def heading(self, text: str, style: str = "bold") -> None:
        """Print the heading of a section, a line apart from what stands above."""
        self.blank()
        self.paragraph(text, style)

    def packed(self, pieces: Sequence[str], style: str = "bold") -> None:
        """Print pieces in as few lines as they need, breaking between them where that can be."""
        line = ""
        for piece in pieces:
            longer = f"{line} {piece}" if line else piece
            if line and cell_len(self.fit(longer)) > self.width:
                self.paragraph(line, style)
                longer = piece
            line = longer
        self.paragraph(line, style)

    def figures(self, texts: Sequence[str]) -> Column:
        """Return a column as wide as its figures: a figure is never cut off."""
        return Column(max((cell_len(self.fit(text)) for text in texts), default=0), figures=True)

    def table(self, columns: Sequence[Column], rows: Sequence[Row], head: Cells | None = None) -> None:
        """Print a table of fixed widths, two columns apart."""
        table = Table(box=self.box, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
        table.show_header = head is not None
        for number, column in enumerate(columns):
            table.add_column(
                Text(self.fit(head[number]) if head else ""),
                width=column.width,
                justify="right" if column.figures else "left",
                vertical="bottom" if column.figures else "top",
                overflow="fold",
                header_style="bold",
            )
        for row in rows:
            style = "bold" if row.heading else ""
            cells: list[RenderableType] = [Text(self.fit(cell), style=style) for cell in row.cells]
            if row.indent:
                cells[0] = Padding(cells[0], (0, 0, 0, row.indent))
            table.add_row(*cells)
        width = sum(column.width for column in columns) + 2 * (len(columns) - 1)
        options = self.console.options.update(width=max(width, self.width))
        for segments in self.console.render_lines(table, options, pad=False):
            self._line(Segments(_stripped(segments)))

    def _line(self, line: RenderableType) -> None:
        self.console.print(line, soft_wrap=True)


def _stripped(segments: Sequence[Segment]) -> list[Segment]:
    """Leave out the blanks at the end of a line: they only get in the way of whoever copies it."""
    kept = [Segment(visible(segment.text), segment.style) for segment in segments]
    while kept and not kept[-1].text.strip():
        kept.pop()
    if kept:
        kept[-1] = Segment(kept[-1].text.rstrip(), kept[-1].style)
    return [*kept, Segment.line()]


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
