"""What a verb says, as blocks without width, colour or markup: each renderer lays any `Document` out in its own way."""

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


class Tone(StrEnum):
    """How loud a text is."""

    PLAIN = ""
    STRONG = "strong"
    PASSED = "passed"
    GOOD = "good"
    WARNING = "warning"
    BAD = "bad"


class Code(str):
    """A text that has to be read, or typed, letter by letter: a formula, a name in one."""

    __slots__ = ()


class Address(Code):
    """Code that no line may break, so that it can be copied: an address, a command."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Title:
    """What a document is about, or its verdict, in pieces between which a line may break."""

    pieces: Sequence[str]
    tone: Tone = Tone.STRONG


@dataclass(frozen=True, slots=True)
class Heading:
    """The heading of a section."""

    text: str
    tone: Tone = Tone.STRONG
    of_part: bool = False
    """Whether sections with headings of their own follow: those of a year."""


@dataclass(frozen=True, slots=True)
class Paragraph:
    """A text of its own."""

    text: str
    tone: Tone = Tone.PLAIN
    marker: str = ""
    """What is printed to the left of the text, with the blanks between them."""
    apart: bool = False
    """Whether it begins a part of its own, without a heading."""


@dataclass(frozen=True, slots=True)
class Item:
    """An entry of the list under a heading."""

    text: str
    marker: str = ""
    """What is printed to the left of the text, such as a number, with the blanks between them."""
    name: str = ""
    """The name that formulas use for what the text is about."""
    below: Sequence[Item] = ()
    tone: Tone = Tone.PLAIN


@dataclass(frozen=True, slots=True)
class Listing:
    """Items of which a screen shows the first ones only."""

    items: Sequence[Item]
    most: int
    more: str = "… and {} more"
    """What is said of the others, with their number in the place of the braces."""
    count: int = 0
    """How many there are in all, if not all of them are items."""


ANSWER: Final = "answer"
"""Key of the detail of a calculation that is the answer to all."""


@dataclass(frozen=True, slots=True)
class Calculation:
    """A figure and how it is worked out; a screen breaks its texts so that they can be put together again."""

    label: str
    name: str = ""
    """The name that formulas use for it."""
    result: str = ""
    number: int = 0
    """The number that other lines call it by, if it is not 0."""
    details: Sequence[tuple[str, str]] = ()
    """A key and a text each; what can be calculated is `Code`."""
    tone: Tone = Tone.PLAIN
    apart: bool = False
    """Whether a blank line goes before it."""


@dataclass(frozen=True, slots=True)
class Verbatim:
    """Lines that stay as they are: a document of another kind, which only a file shows."""

    text: str
    language: str


class Role(StrEnum):
    """What a column holds, and so what a narrow screen may do to it."""

    TEXT = "text"
    """Folded."""
    NAME = "name"
    """Cut."""
    CODE = "code"
    """Cut if it is longer than any code."""
    FIGURE = "figure"
    """Neither: a figure is shown whole."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table."""

    heading: str
    role: Role = Role.FIGURE
    least: int = 0
    """Signs that it has room for at least."""
    wanted: int = 1
    """Signs of a text or a name for which there must be room, else the table does not fit."""
    spare: int = 0
    """Whether a table that does not fit does without it: 1 goes first, with all others of the same number; 0 stays."""


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a table, or the heading of those that follow."""

    cells: Sequence[str]
    heading: bool = False
    below: str = ""
    """A text on lines of its own."""


@dataclass(frozen=True, slots=True)
class Table:
    """A table; one column at most is a text or a name, and takes what room the others leave."""

    columns: Sequence[Column]
    rows: Sequence[Row]
    more_rows: Sequence[Row] = ()
    """Rows with a blank row between them and the first ones."""
    caption: str = ""
    inset: bool = True
    """Whether its rows are set in under its heading."""
    most: int = 0
    """If not 0: figures of one width, at most so many beside each other; the others are shown below."""
    otherwise: Sequence[Block] = ()
    """What is shown in its place where it does not fit."""

    @property
    def all_rows(self) -> list[Row]:
        """Return all rows, with a blank one between the two parts."""
        apart = [Row([""] * len(self.columns))] if self.rows and self.more_rows else []
        return [*self.rows, *apart, *self.more_rows]

    def without(self, rank: int) -> Table:
        """Return the table without the columns that it can spare, up to a rank."""
        return self.of_columns([at for at, column in enumerate(self.columns) if not 0 < column.spare <= rank])

    def of_columns(self, kept: Sequence[int]) -> Table:
        """Return the table with some of its columns."""
        rows, more = (
            [replace(row, cells=[row.cells[at] for at in kept]) for row in part] for part in (self.rows, self.more_rows)
        )
        return replace(self, columns=[self.columns[at] for at in kept], rows=rows, more_rows=more)


@dataclass(frozen=True, slots=True)
class Beside:
    """Tables of the same kind, printed side by side where there is room, without their spare columns."""

    tables: Sequence[Table]


@dataclass(frozen=True, slots=True)
class Findings:
    """What was noticed, errors first; a screen counts what is beyond its limits, a file has all."""

    findings: Sequence[Finding]
    limit: int = 20
    """After so many the others of each kind are counted, unless it is only one."""
    alike: int = 20
    """Most of one kind that are shown."""


@dataclass(frozen=True, slots=True)
class OnScreen:
    """Blocks that are left out of a file: what they say is about the screen, or another file."""

    blocks: Sequence[Block]


Block: TypeAlias = (
    Title | Heading | Paragraph | Item | Listing | Calculation | Verbatim | Table | Beside | Findings | OnScreen
)
_LEVEL_TONES: Final = {"error": Tone.BAD, "warning": Tone.WARNING, "note": Tone.STRONG}


@dataclass(frozen=True, slots=True)
class Document:
    """All that a verb says."""

    blocks: Sequence[Block]
    longest: int = 0
    """Characters that it may have as Markdown, if not 0."""


NUMBERED: Final = re.compile(r"\d+\.")
"""The marker of an item that a file numbers."""
WEB_ADDRESS: Final = re.compile(r"https?://[^\s<>]+")
"""An address that a file makes a link."""


def written_line(names: Sequence[str]) -> Sequence[Block]:
    """Return the line that names the files which were written, if there are any."""
    return [OnScreen([Paragraph(f"Written: {', '.join(names)}")])] if names else []


def section(
    heading: str, texts: Sequence[str], tone: Tone = Tone.STRONG, *, most: int = 0, count: int = 0
) -> Iterator[Block]:
    """Yield texts as items under their heading, if there are any; `most` of them and `count` are as in a listing."""
    if texts:
        yield Heading(heading, tone)
        yield Listing([*map(Item, texts)], most or len(texts), count=count)


def counted_levels(findings: Sequence[Finding]) -> str:
    """Count findings by level: `2 errors and 1 note`; empty if there are none."""
    return joined([heading.text for heading, _ in by_level(findings)])


def by_level(findings: Sequence[Finding]) -> Iterator[tuple[Heading, list[Finding]]]:
    """Yield a heading for each level of findings that there is, and these, errors first."""
    for level in LEVELS:
        of_level = [finding for finding in findings if finding.level == level]
        if of_level:
            yield Heading(counted(len(of_level), level), _LEVEL_TONES[level]), of_level


def in_file(blocks: Sequence[Block]) -> Iterator[Block | list[Item]]:
    """Yield what a file shows, in blocks of the plainer kinds; items that follow on are one list."""
    for is_item, group in groupby(_plainer(blocks), lambda block: isinstance(block, Item)):
        if is_item:
            yield [item for item in group if isinstance(item, Item)]
        else:
            yield from group


def _plainer(blocks: Sequence[Block]) -> Iterator[Block]:
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
