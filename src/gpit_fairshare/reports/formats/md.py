"""A document as Markdown, without a width: texts of inputs are never markup."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from gpit_fairshare.reports import document
from gpit_fairshare.reports.document import Role, Tone
from gpit_fairshare.reports.ladder import text_lines
from gpit_fairshare.words import one_line, visible

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_APART: Final = "&#8203;"
"""A zero-width space: GitHub looks for @names, #numbers and addresses after it has removed escapes."""
_ESCAPES: Final = str.maketrans(
    {
        **{sign: f"\\{sign}" for sign in "*_[]~!${}"},
        **{sign: f"&#{ord(sign)};" for sign in "\\`|<>&"},
        **{sign: f"{sign}{_APART}" for sign in "@#"},
    }
)
_LINKS: Final = re.compile(r":(?=\S)|(?<=www)\.|(?<=GH)-", re.IGNORECASE)
_NAMES: Final = re.compile(r"(?<![\w.@#/:=\\-])[A-Za-z][A-Za-z0-9]*(?:_[A-Za-z0-9]+)+(?![\w/:=-]|\.\w)")
_LADDER_WIDTH: Final = 76
"""Characters of a ladder, so that it fits a page of a paper."""
_RESERVE: Final = 400
"""Characters reserved for the note that something is left out."""


def render(report: document.Document) -> str:
    """Return a document as Markdown; from the first line above its maximum size on, everything is left out.

    The lines left out of that block are counted, and the headings left out are named at the end.
    """
    left = report.longest - _RESERVE if report.longest else float("inf")
    parts: list[str] = []
    no_room: list[str] = []
    for heading, lines in _blocks(report.blocks):
        text = "\n" if parts else ""
        # Above 0 until something is left out, so that exactly the first block that does not fit counts its lines.
        left = max(left - len(text), 1) if left else 0
        for place, line in enumerate(lines):
            if len(line) >= left:
                if heading:
                    no_room.append(heading)
                elif left > 0:
                    text += f"\n… and {len(lines) - place:,} more that do not fit here.\n"
                left = 0
                break
            text += line
            left -= len(line)
        parts.append(text)
    if no_room:
        parts.append(f"\nLeft out because they do not fit: {', '.join(no_room)}. The JSON document has everything.\n")
    return "".join(parts)


def _blocks(blocks: Sequence[document.Block]) -> Iterator[tuple[str, list[str]]]:
    """Yield the heading, or an empty text, and the lines of each block; consecutive items are one block."""
    level = "##"
    for block in document.file_blocks(blocks):
        match block:
            case list():
                yield "", [_item(item, "") for item in block]
            case document.Title():
                yield "", [f"# {in_markdown(' '.join(block.pieces))}\n"]
            case document.Heading():
                yield in_markdown(block.text), [f"{'##' if block.of_part else level} {in_markdown(block.text)}\n"]
                level = "###" if block.of_part else level
            case document.Paragraph():
                marker = f"**{in_markdown(block.marker)}** " if block.marker.strip() else ""
                yield "", [f"{marker}{_toned(block.text, block.tone)}\n"]
            case document.Calculation():
                yield "", [*_calculation(block)]
            case document.Verbatim():
                fence = _fence(block.text, 3)
                yield "", [f"{fence}{block.language}\n{visible(block.text)}\n{fence}\n"]
            case document.Ladder():
                lines = "\n".join(text_lines(block, _LADDER_WIDTH))
                fence = _fence(lines, 3)
                yield "", [f"{in_markdown(block.title)}\n\n", f"{fence}text\n{lines}\n{fence}\n"]
            case document.Table():
                yield "", [*_table(block)]


def in_markdown(text: str) -> str:
    """Return a text that has no effect in rendered Markdown, as on GitHub: no link, no @name, no formula.

    A name such as `fair_share`, or a text of the type `Code`, becomes code, so that it can be copied unchanged; a web
    address that is an `Address` stays a link.
    """
    if isinstance(text, document.Code):
        return _code(text)
    texts, names = _NAMES.split(text := one_line(text, None)), _NAMES.findall(text)
    escaped = [_without_markup(part) for part in texts]
    return "".join(f"{part}`{name}`" for part, name in zip(escaped, names, strict=False)) + escaped[-1]


def _without_markup(text: str) -> str:
    """Return a text with escapes for all signs that Markdown or GitHub would act on."""
    # Links are looked for before escaping: an entity has no colon, but a #.
    parts, end = [], 0
    for match in _LINKS.finditer(text):
        parts += [text[end : match.start()].translate(_ESCAPES), match.group(), _APART]
        end = match.end()
    return "".join([*parts, text[end:].translate(_ESCAPES)])


def _code(text: str) -> str:
    """Return a text as code, even with backticks in it; a web address that is an `Address` becomes a link.

    Vertical bars are escaped, as they would end a table's cell.
    """
    if isinstance(text, document.Address) and document.WEB_ADDRESS.fullmatch(text):
        return f"<{text}>"
    line = one_line(text, None).replace("|", r"\|")
    fence = _fence(line, 1)
    pad = " " if line.startswith("`") or line.endswith("`") else ""
    return f"{fence}{pad}{line}{pad}{fence}"


def _fence(text: str, least: int) -> str:
    """Return a run of backticks longer than any in a text."""
    return "`" * max(least, 1 + max((len(run) for run in re.findall("`+", text)), default=0))


def _toned(text: str, tone: Tone) -> str:
    """Return a text in Markdown, in bold unless its tone is plain."""
    return in_markdown(text) if tone is Tone.PLAIN else f"**{in_markdown(text)}**"


def _item(item: document.Item, indent: str) -> str:
    """Return an item as a line of a list, with the items below it indented.

    The list is numbered if the marker is a number; any other marker goes before the text.
    """
    key = item.marker.strip(" –:")
    bullet = f"{key} " if document.NUMBERED.fullmatch(key) else "* "
    text = f"{in_markdown(key)}: " if key and bullet == "* " else ""
    text += _toned(item.text, item.tone)
    name = f" ({_code(item.name)})" if item.name else ""
    below = "".join(_item(inner, indent + " " * len(bullet)) for inner in item.below)
    return f"{indent}{bullet}{text}{name}\n{below}"


def _calculation(line: document.Calculation) -> Iterator[str]:
    """Yield the lines of a calculation: its label and result in one line, then a list of its details."""
    number = f"{line.number}. " if line.number else ""
    name = f" {_code(line.name)}" if line.name else ""
    result = f": {in_markdown(line.result)}" if line.result else ""
    yield f"**{number}{in_markdown(line.label)}**{name}{result}\n"
    for place, (key, text) in enumerate(line.details):
        yield f"{'' if place else chr(10)}* {key}: {in_markdown(text)}\n"


def _table(table: document.Table) -> Iterator[str]:
    """Yield the lines of a table: caption, headings and rows; a text below a row goes into the row's first cell."""
    yield f"{in_markdown(table.caption)}\n\n" if table.caption else ""
    yield f"| {' | '.join(in_markdown(column.heading) for column in table.columns)} |\n"
    yield f"| {' | '.join('---:' if column.role is Role.FIGURE else '---' for column in table.columns)} |\n"
    for row in (*table.rows, *table.more_rows):
        cells = [in_markdown(cell) for cell in row.cells]
        if row.heading:
            cells = [f"**{cell}**" if cell else "" for cell in cells]
        cells[0] += f": {in_markdown(row.below)}" if row.below else ""
        yield f"| {' | '.join(cells)} |\n"
