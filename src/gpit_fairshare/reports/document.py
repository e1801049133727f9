"""The report of a verb as blocks without width, colour or markup; each renderer lays out any `Document`."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import groupby
from typing import TYPE_CHECKING, Final, TypeAlias

from gpit_fairshare.findings import LEVELS, Finding
from gpit_fairshare.words import counted, joined

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from gpit_fairshare.explanation.model import Rung


class Tone(StrEnum):
    """The emphasis of a text."""

    PLAIN = ""
    STRONG = "strong"
    PASSED = "passed"
    GOOD = "good"
    WARNING = "warning"
    BAD = "bad"


class Code(str):
    """A text to be read or typed exactly: a formula, or a name in one."""

    __slots__ = ()


class Address(Code):
    """Code that is never broken across lines, so that it can be copied: an address, a command."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Title:
    """The subject of a document, or its verdict, in pieces between which a line may break."""

    pieces: Sequence[str]
    tone: Tone = Tone.STRONG


@dataclass(frozen=True, slots=True)
class Heading:
    """The heading of a section."""

    text: str
    tone: Tone = Tone.STRONG
    of_part: bool = False
    """Whether it heads a group of sections, such as those of a year."""


@dataclass(frozen=True, slots=True)
class Paragraph:
    """A paragraph."""

    text: str
    tone: Tone = Tone.PLAIN
    marker: str = ""
    """Printed to the left of the text, with the blanks between them."""
    blank_before: bool = False
    """Whether it begins a new section without a heading."""
    is_wrapped: bool = True
    """Whether a screen may break it; what programs read, or people copy, stays in one line."""


@dataclass(frozen=True, slots=True)
class Item:
    """An entry of the list under a heading."""

    text: str
    marker: str = ""
    """Printed to the left of the text, such as a number, with the blanks between them."""
    name: str = ""
    """The name that formulas use for the subject of the text."""
    below: Sequence[Item] = ()
    tone: Tone = Tone.PLAIN


@dataclass(frozen=True, slots=True)
class Listing:
    """Items of which a screen shows only the first ones."""

    items: Sequence[Item]
    most: int
    more: str = "… and {} more"
    """Text for the items that are not shown; their number replaces the braces."""
    count: int = 0
    """The total number, if it is more than the items."""


ANSWER: Final = "answer"
"""Key of the detail that holds the final answer of a calculation."""


@dataclass(frozen=True, slots=True)
class Calculation:
    """A figure and how it is calculated; a screen breaks its texts so that a program can rejoin them."""

    label: str
    name: str = ""
    """The name that formulas use for it."""
    result: str = ""
    number: int = 0
    """The number that other lines refer to it with; 0 if it has none."""
    details: Sequence[tuple[str, str]] = ()
    """Pairs of a key and a text; texts that can be calculated are `Code`."""
    tone: Tone = Tone.PLAIN
    blank_before: bool = False
    """Whether a blank line goes before it."""


@dataclass(frozen=True, slots=True)
class Verbatim:
    """Lines shown unchanged: a document of another format, which only files show."""

    text: str
    language: str


@dataclass(frozen=True, slots=True)
class Ladder:
    """Amounts as bars from zero, with the changes between them; text on a screen and in Markdown, a picture in HTML."""

    title: str
    rungs: Sequence[Rung]
    largest: float
    """£ of a bar of full length; ladders that are compared have the same."""


class Role(StrEnum):
    """The content of a column, which decides how it fits a narrow screen."""

    TEXT = "text"
    """Wrapped."""
    NAME = "name"
    """Cut."""
    CODE = "code"
    """Cut if it is longer than any code."""
    FIGURE = "figure"
    """Always shown whole, on the right."""
    LABEL = "label"
    """Always shown whole, on the left."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table."""

    heading: str
    role: Role = Role.FIGURE
    least: int = 0
    """Its smallest width in characters."""
    required_width: int = 1
    """Characters of a text or a name that must be visible, else the table does not fit."""
    spare: int = 0
    """Order in which columns are dropped if the table does not fit: all with 1 first, then 2; 0 is never dropped."""


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a table, or the heading of those that follow."""

    cells: Sequence[str]
    heading: bool = False
    below: str = ""
    """A text on separate lines below the row."""


@dataclass(frozen=True, slots=True)
class Table:
    """A table; at most one column is a text or a name, and takes the room that the others leave."""

    columns: Sequence[Column]
    rows: Sequence[Row]
    more_rows: Sequence[Row] = ()
    """Further rows, after a blank row."""
    caption: str = ""
    inset: bool = True
    """Whether its rows are indented under its heading."""
    most: int = 0
    """If not 0: figure columns have one width, at most this many side by side; the others follow below."""
    otherwise: Sequence[Block] = ()
    """Shown instead if the table does not fit."""
    ruled: bool = True
    """Whether a screen draws a line below the headings."""
    names_dropped: bool = False
    """Whether a screen that drops spare columns says which."""

    @property
    def all_rows(self) -> list[Row]:
        """Return all rows, with a blank row between the two parts."""
        apart = [Row([""] * len(self.columns))] if self.rows and self.more_rows else []
        return [*self.rows, *apart, *self.more_rows]

    def without(self, rank: int) -> Table:
        """Return the table without the columns that are dropped first: those with `spare` from 1 to the rank."""
        return self.with_columns([index for index, column in enumerate(self.columns) if not 0 < column.spare <= rank])

    def with_columns(self, kept: Sequence[int]) -> Table:
        """Return the table with only the columns at these positions."""
        rows, more = (
            [replace(row, cells=[row.cells[index] for index in kept]) for row in part]
            for part in (self.rows, self.more_rows)
        )
        return replace(self, columns=[self.columns[index] for index in kept], rows=rows, more_rows=more)


@dataclass(frozen=True, slots=True)
class Beside:
    """Tables of the same kind, printed side by side if there is room, without their spare columns."""

    tables: Sequence[Table]


@dataclass(frozen=True, slots=True)
class Findings:
    """Findings, errors first; a screen only counts those above its limits, a file lists all."""

    findings: Sequence[Finding]
    limit: int = 20
    """After this many the others of each kind are counted, unless only one is left."""
    most_per_kind: int = 20
    """At most this many of one kind are shown."""


@dataclass(frozen=True, slots=True)
class OnScreen:
    """Blocks that only a screen shows: they are about the screen, or about another file."""

    blocks: Sequence[Block]


Block: TypeAlias = (
    Title
    | Heading
    | Paragraph
    | Item
    | Listing
    | Calculation
    | Verbatim
    | Ladder
    | Table
    | Beside
    | Findings
    | OnScreen
)
_LEVEL_TONES: Final = {"error": Tone.BAD, "warning": Tone.WARNING, "note": Tone.STRONG}


@dataclass(frozen=True, slots=True)
class Document:
    """The whole report of a verb."""

    blocks: Sequence[Block]
    longest: int = 0
    """Most characters it may have as Markdown, if not 0."""


NUMBERED: Final = re.compile(r"\d+\.")
"""The marker of an item that a file numbers."""
WEB_ADDRESS: Final = re.compile(r"https?://[^\s<>]+")
"""An address that a file makes a link."""


def written_line(names: Sequence[str]) -> Sequence[Block]:
    """Return the line that names the files written, for a screen only; empty if there are none."""
    return [OnScreen([Paragraph(f"Written: {', '.join(names)}")])] if names else []


def section(
    heading: str, texts: Sequence[str], tone: Tone = Tone.STRONG, *, most: int = 0, count: int = 0
) -> Iterator[Block]:
    """Yield a heading and a listing of texts; nothing if there are no texts. `most` and `count` are as in `Listing`."""
    if texts:
        yield Heading(heading, tone)
        yield Listing([*map(Item, texts)], most or len(texts), count=count)


def counted_levels(findings: Sequence[Finding]) -> str:
    """Return the number of findings of each level: `2 errors and 1 note`; empty if there are none."""
    return joined([heading.text for heading, _ in by_level(findings)])


def by_level(findings: Sequence[Finding]) -> Iterator[tuple[Heading, list[Finding]]]:
    """Yield a heading and the findings for each level that has any, errors first."""
    for level in LEVELS:
        of_level = [finding for finding in findings if finding.level == level]
        if of_level:
            yield Heading(counted(len(of_level), level), _LEVEL_TONES[level]), of_level


def file_blocks(blocks: Sequence[Block]) -> Iterator[Block | list[Item]]:
    """Yield the blocks that a file shows, made simpler; consecutive items become one list."""
    for is_item, group in groupby(_simpler_blocks(blocks), lambda block: isinstance(block, Item)):
        if is_item:
            yield [item for item in group if isinstance(item, Item)]
        else:
            yield from group


def _simpler_blocks(blocks: Sequence[Block]) -> Iterator[Block]:
    """Yield what a file shows: blocks for the screen and empty paragraphs are left out.

    Tables side by side become separate tables. Listings become items, and findings headings and items, without a
    screen's limits.
    """
    for block in blocks:
        match block:
            case OnScreen() | Paragraph(text=""):
                pass
            case Beside():
                yield from block.tables
            case Listing():
                yield from block.items
                if block.count > len(block.items):
                    yield Item(block.more.format(f"{block.count - len(block.items):,}"))
            case Findings():
                for heading, findings in by_level(block.findings):
                    yield heading
                    yield from (Item(str(finding), f"{finding.number}: ") for finding in findings)
            case _:
                yield block
