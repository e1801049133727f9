"""Prints a document on a screen, fitted to its width and to the console's encoding.

A report piped into a file on Windows is cp1252, which has £ and – but no box-drawing. Texts of inputs are never
treated as markup. Characters that could move the cursor or reverse the line are shown as escapes.
"""

from __future__ import annotations

import re
from collections import Counter
from itertools import accumulate, product, takewhile, zip_longest
from typing import TYPE_CHECKING, Any, ClassVar, Final

from rich.box import Box
from rich.cells import cell_len
from rich.padding import Padding
from rich.segment import Segment, Segments
from rich.table import Table as Grid
from rich.text import Text

from gpit_fairshare.findings import LEVELS
from gpit_fairshare.reports import document
from gpit_fairshare.reports.document import Column, Role, Row, Tone
from gpit_fairshare.reports.ladder import text_lines
from gpit_fairshare.words import visible

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rich.console import Console, RenderableType


WIDEST: Final = 120
"""Figures would be too far from their labels on a wider screen."""
_NARROWEST: Final = 56
"""Narrower terminals break the lines themselves, which is better than cutting a figure."""
_SIDE_BY_SIDE: Final = 72
"""Width from which two tables of names and figures fit beside each other."""
_LONGEST_CODE: Final = 12
_LONGEST_HEADING: Final = 12
"""Characters of a heading above figures; a longer one is wrapped."""
_INDENT: Final = "  "
_KEYS: Final = 6
"""Columns before the key of a detail; they hold the number of a line and its point."""
_TEXTS: Final = 15
"""Columns before the text of a detail."""
_HANG: Final = 8
"""Columns before the continuation of a line."""
_BREAK: Final = re.compile(r"(?<![ \\]) (?! )")
"""Where a text may be broken so that it can be rejoined: at a single blank, and not behind a backslash."""
_STYLES: Final = {
    Tone.PLAIN: "",
    Tone.STRONG: "bold",
    Tone.PASSED: "green",
    Tone.GOOD: "bold green",
    Tone.WARNING: "bold yellow",
    Tone.BAD: "bold red",
}
_PLAIN: Final = {
    "£": "GBP ",
    "…": "...",
    "–": "-",
    "—": "-",
    "−": "-",
    "─": "-",
    **dict(zip("▁▂▃▄▅▆▇█·", "_.-=+*%#?", strict=True)),
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
"""Replacements for characters that an encoding does not have; all others become a question mark."""


def show(report: document.Document, console: Console) -> None:
    """Print a document on a console; the layout needs 56 columns and uses 120 at most."""
    ScreenLayout(console).blocks(report.blocks)


class ScreenLayout:
    """Lays out blocks on a console."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.encoding = console.encoding
        try:
            "".encode(self.encoding)
        except LookupError:
            self.encoding = "ascii"
        self.width = min(max(console.width, _NARROWEST), WIDEST)
        self.under_heading = True
        line = self.fit("─")
        # Always marked as ASCII: otherwise Rich would draw a grid of + and | instead.
        self.box = Box(f"    \n    \n {line}{line} \n    \n    \n    \n    \n    \n", ascii=True)

    def _print_block(self, block: document.Block) -> None:
        """Print a block with the method for its type."""
        self._printers[type(block)](self, block)
        self.under_heading = isinstance(block, document.Heading)

    def blocks(self, blocks: Sequence[document.Block]) -> None:
        """Print the blocks of a document."""
        for block in blocks:
            self._print_block(block)

    def _title(self, title: document.Title) -> None:
        """Print the pieces of a title in as few lines as possible, breaking between them where possible."""
        style, line = _STYLES[title.tone], ""
        for piece in title.pieces:
            longer = f"{line} {piece}" if line else piece
            if line and cell_len(self.fit(longer)) > self.width:
                self.paragraph(line, style)
                longer = piece
            line = longer
        self.paragraph(line, style)

    def _heading(self, heading: document.Heading) -> None:
        """Print a heading after a blank line; that of a part is underlined."""
        self.console.print()
        self.paragraph(heading.text, _STYLES[heading.tone])
        if heading.of_part:
            self.paragraph(self.fit("─") * self.width)

    # Texts

    def fit(self, text: str) -> str:
        """Return a text in characters that the console's encoding has, with escapes for invisible ones.

        Each tab or line break becomes a blank. Missing characters are replaced, such as `£` by `GBP `, or become a
        question mark.
        """
        text = visible("".join(" " if sign.isspace() else sign for sign in text))
        if text.isascii():
            return text
        fitted = "".join(map(self._fit, text))
        return fitted if "£" in fitted else fitted.replace("GBP  ", "GBP ")  # `£ per head`

    def _fit(self, character: str) -> str:
        """Return a character, or its replacement if the encoding does not have it."""
        try:
            character.encode(self.encoding)
        except UnicodeEncodeError:
            return _PLAIN.get(character, "?")
        return character

    def _cut(self, text: str, width: int) -> str:
        """Return a text of at most `width` columns; a longer one is cut and ends in an ellipsis."""
        text = self.fit(text)
        if cell_len(text) <= width:
            return text
        dots = self.fit("…")
        text = text[: 4 * width]  # so that a very long text takes no time
        while text and cell_len(text) + cell_len(dots) > width:
            text = text[:-1]
        return text.rstrip(" ,") + dots

    def _line(self, line: RenderableType) -> None:
        """Print a line without wrapping it."""
        self.console.print(line, soft_wrap=True)

    def paragraph(self, text: str, style: str = "", *, lead: str = "") -> None:
        """Print a text; its second and further lines begin under its first, to the right of `lead`."""
        lead = self.fit(lead)
        hang = cell_len(lead)
        lines = Text(self.fit(text), style=style).wrap(self.console, self.width - hang, overflow="fold")
        for number, line in enumerate(lines):
            line.rstrip()
            line.plain = visible(line.plain)
            self._line(Text.assemble(" " * hang if number else lead, line))

    def _paragraph(self, block: document.Paragraph) -> None:
        """Print a paragraph to the right of its marker, after a blank line if it is set apart."""
        if block.blank_before:
            self.console.print()
        if block.is_wrapped:
            self.paragraph(block.text, _STYLES[block.tone], lead=block.marker)
        else:
            self._line(Text(self.fit(f"{block.marker}{block.text}"), style=_STYLES[block.tone]))

    def _item(self, item: document.Item, indent: str = _INDENT) -> None:
        """Print an item, and the items below it under its text, or indented further if it has no marker.

        An address is not wrapped. `indent` goes before the marker.
        """
        lead = f"{indent}{item.marker}"
        if isinstance(item.text, document.Address):
            self._line(Text(self.fit(f"{lead}{item.text}")))
        else:
            text = f"{item.text} ({item.name})" if item.name else item.text
            self.paragraph(text, _STYLES[item.tone], lead=lead)
        below = " " * cell_len(self.fit(lead)) if item.marker else f"{lead}{_INDENT}"
        for inner in item.below:
            self._item(inner, below)

    def _listing(self, block: document.Listing) -> None:
        """Print the first items of a listing, and how many more there are."""
        for item in block.items[: block.most]:
            self._item(item)
        count = max(block.count, len(block.items))
        if count > block.most:
            self.paragraph(block.more.format(f"{count - block.most:,}"), lead=_INDENT)

    def _findings(self, block: document.Findings) -> None:
        """Print findings by level and kind, errors first, as many as the limits allow.

        The others of each kind are counted; if there are any, a last line names `--json`.
        """
        shown_counts = _counts_to_show(block)
        for heading, findings in document.by_level(block.findings):
            self._print_block(heading)
            for number in dict.fromkeys(finding.number for finding in findings):
                kind = [finding for finding in findings if finding.number == number]
                first = kind[: shown_counts[kind[0].level, number]]
                for finding in first:
                    lead = f"{_INDENT}{number}  "
                    self.paragraph(str(finding), lead=lead)
                    for line in finding.excerpt.splitlines():
                        self._line(Text(self.fit(f"{'':{len(lead)}}{line}")))
                if len(first) < len(kind):
                    more = f"and {len(kind) - len(first):,} more" if first else f"{len(kind):,} of these"
                    self.paragraph(f"… {more}", lead=f"{_INDENT}{number}  ")
        if sum(shown_counts.values()) < len(block.findings):
            self.paragraph("Some are not shown: --json lists them all.")

    # Calculations

    def _calculation(self, line: document.Calculation) -> None:
        """Print a calculation and its details, each wrapped so that a program can rejoin it.

        A row that begins with eight blanks or more continues the row above, with one blank between them, or none
        if the row above ends in a backslash.
        """
        if line.blank_before:
            self.console.print()
        label = f"{line.label} ({line.name})" if line.name else line.label
        label += f": {line.result}" if line.result else ""
        lead = f"{line.number:>4}. " if line.number else ""
        rows = [self._laid_out(lead, label, _HANG, _STYLES[line.tone])]
        for key, text in line.details:
            lead = f"{' ' * _KEYS}{key}".ljust(_TEXTS)
            rows.append(self._laid_out(lead, text, _TEXTS, _STYLES[Tone.STRONG] if key == document.ANSWER else ""))
        self._line(Text("\n").join(rows))

    def _laid_out(self, lead: str, text: str, hang: int, style: str) -> Text:
        """Return a text after its lead, wrapped; further lines are indented by `hang` columns."""
        rows = map(visible, self._wrapped(text, self.width - len(lead), self.width - hang))
        return Text.assemble(lead, (f"\n{' ' * hang}".join(rows), style))

    def _wrapped(self, text: str, first: int, others: int) -> list[str]:
        """Return the lines of a text, broken at blanks, never inside a figure; a longer part is cut with a backslash.

        Args:
            text: the text.
            first: columns of the first line.
            others: columns of each further line.
        """
        rows, row = [], ""
        width = first
        for token in _BREAK.split(text):
            piece = self.fit(token)
            if row and cell_len(row) + 1 + cell_len(piece) > width:
                rows.append(row)
                row, width = "", others
            row = f"{row} {piece}" if row else piece
            while cell_len(row) > width:
                end = _count_fitting(row, width - 1)
                rows.append(f"{row[:end]}\\")
                row, width = row[end:], others
        return [*rows, row]

    def _ladder(self, ladder: document.Ladder) -> None:
        """Print a ladder as bars of text, after a blank line."""
        self.console.print()
        for line in text_lines(ladder, self.width - len(_INDENT), self.fit):
            self._line(Text(f"{_INDENT}{line}"))

    # Tables

    def _table(self, table: document.Table) -> None:
        """Print a table with as many of its columns as fit, dropping spare ones by rank.

        If it does not fit without them, its `otherwise` is printed instead, or the table all the same if it has none. A
        table with a limit of columns (`most`) is split instead.
        """
        if table.most:
            self._print_split(table)
            return
        if not self.under_heading:
            self.console.print()
        if table.caption:
            self.paragraph(table.caption, lead=_INDENT)
        for rank in sorted({0, *(column.spare for column in table.columns)}):
            narrower = table.without(rank)
            widths, fits = self._widths(narrower)
            if fits:
                break
        if fits or not table.otherwise:
            self._grid(narrower.columns, widths, narrower.all_rows, [0] if table.inset else [], ruled=table.ruled)
            dropped = [column.heading for column in table.columns if column not in narrower.columns]
            if dropped and table.names_dropped:
                self.paragraph(f"Not shown, because the screen is too narrow: {', '.join(dropped)}.", lead=_INDENT)
            return
        self.under_heading = True
        self.blocks(table.otherwise)

    def _widths(self, table: document.Table) -> tuple[list[int], bool]:
        """Return the width of each column, without the indent of the first, and whether the table fits.

        The first column of texts or names gets the room that the others leave, and the table fits if that is enough for
        it.
        """
        widths = [self._natural_width(table, index) for index in range(len(table.columns))]
        flexible = [index for index, column in enumerate(table.columns) if column.role in (Role.TEXT, Role.NAME)]
        for index in flexible[:1]:
            column = table.columns[index]
            others = sum(widths) - widths[index] + 2 * (len(widths) - 1)
            room = self.width - (len(_INDENT) if table.inset else 0) - others
            fits = room >= max(column.least, min(widths[index], column.required_width))
            widths[index] = max(1, column.least, min(widths[index], room))
            return widths, fits
        return widths, sum(widths) + 2 * (len(widths) - 1) <= self.width

    def _natural_width(self, table: document.Table, index: int) -> int:
        """Return the width that a column needs to be shown whole; long headings of figures may be wrapped."""
        column = table.columns[index]
        width = cell_len(self.fit(column.heading))
        if column.role is Role.FIGURE:
            width = max(column.least, min(width, _LONGEST_HEADING))
        for row in table.all_rows:
            if _is_across(row, table.columns):
                continue
            # A heading of rows is not indented as the rows are.
            inset = len(_INDENT) if row.heading and table.inset and not index else 0
            width = max(width, cell_len(self._cell_text(row.cells[index], column)) - inset)
        return width

    def _cell_text(self, text: str, column: Column, width: int = 0) -> str:
        """Return a cell's text as its column shows it: codes are cut, and names to the width, if one is given."""
        if column.role is Role.CODE:
            return self._cut(text, _LONGEST_CODE)
        return self._cut(text, width) if column.role is Role.NAME and width else self.fit(text)

    def _print_split(self, table: document.Table) -> None:
        """Print a table of many figures in parts: as many columns as fit beside their labels, the others below.

        All columns of figures have the width of the widest, and a part has at most `most` of them. Every part repeats
        the labels.
        """
        label, *columns = table.columns
        figure = max(self._natural_width(table, index) for index in range(1, len(table.columns)))
        longest = self._natural_width(table, 0) + len(_INDENT)
        most = max(1, min((self.width - min(longest, label.required_width)) // (figure + 2), table.most))
        for start in range(0, len(columns), most):
            part = table.with_columns([0, *range(start + 1, len(table.columns))[:most]])
            figures = [figure] * (len(part.columns) - 1)
            room = self.width - sum(figures) - 2 * len(figures)
            self.console.print()
            widths = [max(1, min(longest, room)) - len(_INDENT), *figures]
            self._grid(part.columns, widths, part.all_rows, [0], ruled=table.ruled)

    def _beside(self, beside: document.Beside) -> None:
        """Print tables side by side, without spare columns of rank 1, each in half of the width.

        If there is only one table or the screen is narrow, print them below each other.
        """
        tables = beside.tables
        if len(tables) < 2 or self.width < _SIDE_BY_SIDE:
            for table in tables:
                self._print_block(table)
                self.under_heading = False
            return
        halves = [table.without(1) for table in tables]
        columns = [column for half in halves for column in half.columns]
        widths: list[int] = []
        for half in halves:
            fitted, _ = self._widths(half)
            name = next(index for index, column in enumerate(half.columns) if column.role is Role.NAME)
            # Each table takes half of the page, even if its names are short.
            fitted[name] += (self.width - 2) // 2 - len(_INDENT) - sum(fitted) - 2 * (len(fitted) - 1)
            widths += fitted
        blank = Row([""] * len(halves[0].columns))
        upper, lower = (
            [Row([cell for row in line for cell in row.cells]) for line in zip_longest(*parts, fillvalue=blank)]
            for parts in ([half.rows for half in halves], [half.more_rows for half in halves])
        )
        rows = [*upper, Row([""] * len(columns)), *lower]
        self._grid(columns, widths, rows, range(0, len(columns), len(halves[0].columns)))

    def _grid(
        self,
        columns: Sequence[Column],
        widths: Sequence[int],
        rows: Sequence[Row],
        set_in: Sequence[int],
        *,
        ruled: bool = True,
    ) -> None:
        """Print rows in columns of fixed widths, two blanks apart, with the texts below rows in between.

        The columns in `set_in` are indented, and wider by the indent. `ruled` draws a line below the headings.
        """
        total = sum(widths) + 2 * (len(columns) - 1) + len(_INDENT) * len(set_in)
        options = self.console.options.update(width=max(total, self.width))
        has_headings = any(column.heading for column in columns)
        breaks = {index for index, row in enumerate(rows) if _is_across(row, columns)}
        breaks |= {index for index, row in enumerate(rows, 1) if row.below}
        # The headings of columns come first, even if the first row is a heading across the table.
        starts = [0, *sorted(breaks)]
        for number, (start, end) in enumerate(zip_longest(starts, starts[1:])):
            part = rows[start:end]
            if part and _is_across(part[0], columns):
                self.paragraph(part[0].cells[0], _STYLES[Tone.STRONG])
                part = part[1:]
            grid = self._grid_of_rows(columns, widths, part, set_in)
            grid.show_header = not number and has_headings
            if not ruled:
                # A box always has a line below the headings; without one, padding keeps the columns apart.
                grid.box, grid.padding = None, (0, 2, 0, 0)
            for segments in self.console.render_lines(grid, options, pad=False):
                self._line(Segments(_stripped(segments)))
            if part and part[-1].below:
                self.paragraph(part[-1].below, lead=_INDENT * 2)

    def _grid_of_rows(
        self, columns: Sequence[Column], widths: Sequence[int], rows: Sequence[Row], set_in: Sequence[int]
    ) -> Grid:
        """Return some rows of a table, with its headings, as a grid that Rich can print."""
        grid = Grid(box=self.box, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
        headed = any(row.heading for row in rows)
        for index, (column, fitted) in enumerate(zip(columns, widths, strict=True)):
            inset = len(_INDENT) if index in set_in else 0
            figures = column.role is Role.FIGURE
            grid.add_column(
                Text(self.fit(f"{'' if headed else ' ' * inset}{column.heading}")),
                width=fitted + inset,
                justify="right" if figures else "left",
                vertical="bottom" if figures else "top",
                overflow="fold",
                header_style="bold",
            )
        for row in rows:
            cells: list[RenderableType] = []
            for index, (text, column, fitted) in enumerate(zip(row.cells, columns, widths, strict=True)):
                cell = Text(self._cell_text(text, column, fitted), style="bold" if row.heading else "")
                inset = index in set_in and not row.heading
                cells.append(Padding(cell, (0, 0, 0, len(_INDENT))) if inset else cell)
            grid.add_row(*cells)
        return grid

    _printers: ClassVar[dict[type, Callable[[ScreenLayout, Any], None]]] = {
        document.Title: _title,
        document.Heading: _heading,
        document.Paragraph: _paragraph,
        document.Item: _item,
        document.Listing: _listing,
        document.Calculation: _calculation,
        document.Ladder: _ladder,
        document.Table: _table,
        document.Beside: _beside,
        document.Findings: _findings,
        document.OnScreen: lambda page, block: page.blocks(block.blocks),
        document.Verbatim: lambda _page, _print_block: None,
    }


def _is_across(row: Row, columns: Sequence[Column]) -> bool:
    """Return whether a row is a heading that takes the whole width, because its first column is for codes."""
    return row.heading and columns[0].role is Role.CODE and not any(row.cells[1:])


def _count_fitting(row: str, width: int) -> int:
    """Return how many characters of a row fit into a width."""
    return sum(1 for _ in takewhile(lambda used: used <= width, accumulate(map(cell_len, row))))


def _stripped(segments: Sequence[Segment]) -> list[Segment]:
    """Return the segments of a line without the blanks at its end, and with a line break.

    Blanks at the end get in the way when the line is copied. Invisible characters become escapes.
    """
    kept = [Segment(visible(segment.text), segment.style) for segment in segments]
    while kept and not kept[-1].text.strip():
        kept.pop()
    if kept:
        kept[-1] = Segment(kept[-1].text.rstrip(), kept[-1].style)
    return [*kept, Segment.line()]


def _counts_to_show(block: document.Findings) -> dict[tuple[str, str], int]:
    """Return how many findings of each level and kind to show, so that no kind hides the others.

    Errors come first; within a level the kinds take turns until a limit is reached. The last one of a kind is shown
    even if it is one more than the limit.
    """
    counts = Counter((finding.level, finding.number) for finding in block.findings)
    turns: list[tuple[str, str]] = []
    for level, turn in product(LEVELS, range(block.most_per_kind)):
        turns += [kind for kind, count in counts.items() if kind[0] == level and turn < count]
    shown_counts = Counter(turns[: block.limit])
    # "1 more" takes as much room as showing it.
    return {kind: count if count == shown_counts[kind] + 1 else shown_counts[kind] for kind, count in counts.items()}
