"""A document as a file: Markdown, and HTML with a style sheet and no script; cut to no width.

No text of an input is read as markup. To add a format, write its renderer and give it an ending in `FORMATS`.
"""

from __future__ import annotations

import html as entities
import re
from itertools import groupby
from typing import TYPE_CHECKING, Final

from gpit_fairshare.reports import document as doc
from gpit_fairshare.words import on_one_line, visible

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path


_NUMBERED: Final = re.compile(r"\d+\.")
_WEB_ADDRESS: Final = re.compile(r"https?://[^\s<>]+")


def write_file(document: doc.Document, path: Path, ending: str) -> None:
    """Write a document in UTF-8; `ending` is one of `FORMATS`."""
    path.write_bytes(FORMATS[ending](document).encode())


def _in_file(blocks: Sequence[doc.Block]) -> Iterator[doc.Block]:
    """Yield what a file shows, in blocks of the plainer kinds."""
    for block in blocks:
        match block:
            case doc.OnScreen():
                pass
            case doc.Beside():
                yield from block.tables
            case doc.Listing():
                yield from block.items
                if block.count > len(block.items):
                    yield doc.Item(block.more.format(f"{block.count - len(block.items):,}"))
            case doc.Findings():
                for heading, findings in doc.by_level(block.findings):
                    yield heading
                    yield from (doc.Item(str(finding), f"{finding.number}: ") for finding in findings)
            case _:
                yield block


# Markdown ---------------------------------------------------------------------------------------------------

_APART: Final = "&#8203;"
"""A space of no width: GitHub looks for @names, #numbers and addresses after it has taken escapes out."""
_ESCAPES: Final = str.maketrans(
    {
        **{sign: f"\\{sign}" for sign in "*_[]~!${}"},
        **{sign: f"&#{ord(sign)};" for sign in "\\`|<>&"},
        **{sign: f"{sign}{_APART}" for sign in "@#"},
    }
)
_LINKS: Final = re.compile(r":(?=\S)|(?<=www)\.|(?<=GH)-", re.IGNORECASE)
_NAMES: Final = re.compile(r"(?<![\w.@#/:=\\-])[A-Za-z][A-Za-z0-9]*(?:_[A-Za-z0-9]+)+(?![\w/:=-]|\.\w)")
_RESERVE: Final = 400
"""Characters kept for what says that something was left out."""


def markdown(document: doc.Document) -> str:
    """Return a document as Markdown; what goes beyond its longest size is counted."""
    left = document.longest - _RESERVE if document.longest else float("inf")
    parts: list[str] = []
    no_room: list[str] = []
    for heading, lines in _markdown_blocks(document.blocks):
        text = "\n" if parts else ""
        for place, line in enumerate(lines):
            if len(line) + 1 > left:
                if heading:
                    no_room.append(heading)
                elif left:
                    text += f"\n… and {len(lines) - place:,} more, for which there is no room here.\n"
                left = 0
                break
            text += line
            left -= len(line)
        parts.append(text)
    if no_room:
        parts.append(f"\nNo room for: {', '.join(no_room)}. The JSON document has all.\n")
    return "".join(parts)


def _markdown_blocks(blocks: Sequence[doc.Block]) -> Iterator[tuple[str, list[str]]]:
    """Yield the heading, or an empty text, and the lines of each block; items that follow on are one block."""
    level = "##"
    for is_list, group in groupby(_in_file(blocks), lambda block: isinstance(block, doc.Item)):
        if is_list:
            yield "", [_markdown_item(item, "") for item in group if isinstance(item, doc.Item)]
            continue
        for block in group:
            match block:
                case doc.Title():
                    yield "", [f"# {in_markdown(' '.join(block.pieces))}\n"]
                case doc.Heading():
                    yield in_markdown(block.text), [f"{'##' if block.of_part else level} {in_markdown(block.text)}\n"]
                    level = "###" if block.of_part else level
                case doc.Paragraph():
                    marker = f"**{in_markdown(block.marker)}** " if block.marker.strip() else ""
                    if block.text:
                        yield "", [f"{marker}{_toned(block.text, block.tone)}\n"]
                case doc.Calculation():
                    yield "", [*_markdown_calculation(block)]
                case doc.Verbatim():
                    fence = _fence(block.text, 3)
                    yield "", [f"{fence}{block.language}\n{visible(block.text)}\n{fence}\n"]
                case doc.Table():
                    yield "", [*_markdown_table(block)]


def in_markdown(text: str) -> str:
    """Return a text that does nothing where Markdown is put up, as on GitHub: no link, no @name, no formula either.

    A name such as `fair_share` is code, so that it can be copied as it is.
    """
    if isinstance(text, doc.Code):
        return _markdown_code(text)
    texts, names = _NAMES.split(text := on_one_line(text)), _NAMES.findall(text)
    escaped = [_without_markup(part) for part in texts]
    return "".join(f"{part}`{name}`" for part, name in zip(escaped, names, strict=False)) + escaped[-1]


def _without_markup(text: str) -> str:
    # The links are looked for in what was given: an entity has no colon, but a #.
    parts, end = [], 0
    for match in _LINKS.finditer(text):
        parts += [text[end : match.start()].translate(_ESCAPES), match.group(), _APART]
        end = match.end()
    return "".join([*parts, text[end:].translate(_ESCAPES)])


def _markdown_code(text: str) -> str:
    """Return a text as code, whatever backticks it holds; an upright stroke would end a table's cell."""
    if isinstance(text, doc.Address) and _WEB_ADDRESS.fullmatch(text):
        return f"<{text}>"
    seen = on_one_line(text).replace("|", r"\|")
    fence = _fence(seen, 1)
    pad = " " if seen.startswith("`") or seen.endswith("`") else ""
    return f"{fence}{pad}{seen}{pad}{fence}"


def _fence(text: str, least: int) -> str:
    """Return more backticks than there are beside each other in a text."""
    return "`" * max(least, 1 + max((len(run) for run in re.findall("`+", text)), default=0))


def _toned(text: str, tone: doc.Tone) -> str:
    return in_markdown(text) if tone is doc.Tone.PLAIN else f"**{in_markdown(text)}**"


def _markdown_item(item: doc.Item, indent: str) -> str:
    key = item.marker.strip(" –:")
    bullet = f"{key} " if _NUMBERED.fullmatch(key) else "* "
    text = f"{in_markdown(key)}: " if key and bullet == "* " else ""
    text += _toned(item.text, item.tone)
    name = f" ({_markdown_code(item.name)})" if item.name else ""
    below = "".join(_markdown_item(inner, indent + " " * len(bullet)) for inner in item.below)
    return f"{indent}{bullet}{text}{name}\n{below}"


def _markdown_calculation(line: doc.Calculation) -> Iterator[str]:
    number = f"{line.number}. " if line.number else ""
    name = f" {_markdown_code(line.name)}" if line.name else ""
    result = f": {in_markdown(line.result)}" if line.result else ""
    yield f"**{number}{in_markdown(line.label)}**{name}{result}\n"
    for place, (key, text) in enumerate(line.details):
        yield f"{'' if place else chr(10)}* {key}: {in_markdown(text)}\n"


def _markdown_table(table: doc.Table) -> Iterator[str]:
    yield f"{in_markdown(table.caption)}\n\n" if table.caption else ""
    yield f"| {' | '.join(in_markdown(column.heading) for column in table.columns)} |\n"
    yield f"| {' | '.join('---:' if column.role is doc.Role.FIGURE else '---' for column in table.columns)} |\n"
    for row in (*table.rows, *table.more_rows):
        cells = [in_markdown(cell) for cell in row.cells]
        if row.heading:
            cells = [f"**{cell}**" if cell else "" for cell in cells]
        cells[0] += f": {in_markdown(row.below)}" if row.below else ""
        yield f"| {' | '.join(cells)} |\n"


# HTML -------------------------------------------------------------------------------------------------------

_STYLE: Final = """
body { font: 16px/1.5 system-ui, sans-serif; color: #212b32; max-width: 62rem; margin: 2rem auto; padding: 0 1rem }
h1 { font-size: 1.5rem; line-height: 1.3 }
h2 { font-size: 1.2rem; margin: 2rem 0 0.5rem }
h3 { font-size: 1rem; margin: 1.5rem 0 0.5rem }
p, ul, ol { margin: 0.5rem 0 }
.table { overflow-x: auto }
table { border-collapse: collapse; margin: 1rem 0 }
caption { text-align: left; padding-bottom: 0.5rem }
th, td { text-align: left; vertical-align: top; padding: 0.25rem 1rem 0.25rem 0; border-bottom: 1px solid #d8dde0 }
thead th { vertical-align: bottom; border-bottom: 2px solid #4c6272 }
tbody th { padding-top: 1rem }
.figure { text-align: right; font-variant-numeric: tabular-nums }
code, pre { font: 0.875em/1.5 ui-monospace, Consolas, monospace; overflow-wrap: anywhere }
pre { white-space: pre-wrap; background: #f0f4f5; padding: 1rem }
.strong, .good, .warning, .bad { font-weight: bold }
.good, .passed { color: #00662f }
.warning { border-left: 0.5rem solid #ffb81c; padding-left: 0.75rem }
.bad { color: #b41c12 }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 0 1rem; margin: 0.25rem 0 1.25rem 2rem }
dd { margin: 0 }
@media print { body { max-width: none; margin: 0 } .table { overflow: visible } }
"""


def html(document: doc.Document) -> str:
    """Return a document as a page that needs nothing else: no script, no picture, no other file."""
    title = next((" ".join(block.pieces) for block in document.blocks if isinstance(block, doc.Title)), "gpit")
    return (
        f'<!DOCTYPE html>\n<html lang="en-GB">\n<head>\n<meta charset="utf-8">\n'
        f'<meta name="viewport" content="width=device-width">\n<title>{_escaped(title)}</title>\n'
        f"<style>{_STYLE}</style>\n</head>\n<body>\n<main>\n{''.join(_html_blocks(document.blocks))}"
        f"</main>\n</body>\n</html>\n"
    )


def _html_blocks(blocks: Sequence[doc.Block]) -> Iterator[str]:
    level = 2
    for is_list, group in groupby(_in_file(blocks), lambda block: isinstance(block, doc.Item)):
        if is_list:
            yield _html_list([item for item in group if isinstance(item, doc.Item)])
            continue
        for block in group:
            match block:
                case doc.Title():
                    yield _element("h1", block.tone, _in_html(" ".join(block.pieces)))
                case doc.Heading():
                    yield _element(f"h{2 if block.of_part else level}", block.tone, _in_html(block.text))
                    level = 3 if block.of_part else level
                case doc.Paragraph():
                    marker = f"<strong>{_in_html(block.marker.strip())}</strong> " if block.marker.strip() else ""
                    if block.text:
                        yield _element("p", block.tone, f"{marker}{_in_html(block.text)}")
                case doc.Calculation():
                    yield _html_calculation(block)
                case doc.Verbatim():
                    yield f"<pre>{_escaped(block.text)}</pre>\n"
                case doc.Table():
                    yield _html_table(block)


def _element(tag: str, tone: doc.Tone, content: str) -> str:
    kind = "" if tone is doc.Tone.PLAIN or (tone is doc.Tone.STRONG and tag.startswith("h")) else f' class="{tone}"'
    return f"<{tag}{kind}>{content}</{tag}>\n"


def _escaped(text: str) -> str:
    return entities.escape(visible(text))


def _in_html(text: str) -> str:
    seen = _escaped(text)
    if isinstance(text, doc.Address) and _WEB_ADDRESS.fullmatch(text):
        return f'<a href="{seen}">{seen}</a>'
    return f"<code>{seen}</code>" if isinstance(text, doc.Code) else seen


def _html_list(items: Sequence[doc.Item]) -> str:
    keys = [item.marker.strip(" –:") for item in items]
    numbered = all(_NUMBERED.fullmatch(key) for key in keys)
    lines = []
    for key, item in zip(keys, items, strict=True):
        value = f' value="{key[:-1]}"' if numbered else ""
        word = f"{_in_html(key)}: " if key and not numbered else ""
        name = f" (<code>{_escaped(item.name)}</code>)" if item.name else ""
        below = f"\n{_html_list(item.below)}" if item.below else ""
        lines.append(f"<li{value}>{word}{_in_html(item.text)}{name}{below}</li>\n")
    tag = "ol" if numbered else "ul"
    return f"<{tag}>\n{''.join(lines)}</{tag}>\n"


def _html_calculation(line: doc.Calculation) -> str:
    number = f"{line.number}. " if line.number else ""
    name = f" <code>{_escaped(line.name)}</code>" if line.name else ""
    result = f": {_in_html(line.result)}" if line.result else ""
    details = "".join(f"<dt>{_in_html(key)}</dt><dd>{_in_html(text)}</dd>\n" for key, text in line.details)
    head = _element("p", line.tone, f"{number}{_in_html(line.label)}{name}{result}")
    return f"{head}<dl>\n{details}</dl>\n" if details else head


def _html_table(table: doc.Table) -> str:
    kinds = [' class="figure"' if column.role is doc.Role.FIGURE else "" for column in table.columns]
    headings = [
        f'<th scope="col"{kind}>{_in_html(column.heading)}</th>'
        for kind, column in zip(kinds, table.columns, strict=True)
    ]
    lines = [f"<caption>{_in_html(table.caption)}</caption>\n"] if table.caption else []
    lines += [f"<thead>\n<tr>{''.join(headings)}</tr>\n</thead>\n<tbody>\n"]
    for row in (*table.rows, *table.more_rows):
        if row.heading:
            lines.append(f'<tr><th scope="rowgroup" colspan="{len(kinds)}">{_in_html(row.cells[0])}</th></tr>\n')
            continue
        cells = [f"<td{kind}>{_in_html(cell)}</td>" for kind, cell in zip(kinds, row.cells, strict=True)]
        lines.append(f"<tr>{''.join(cells)}</tr>\n")
        if row.below:
            lines.append(f'<tr><td colspan="{len(kinds)}">{_in_html(row.below)}</td></tr>\n')
    return f'<div class="table">\n<table>\n{"".join(lines)}</tbody>\n</table>\n</div>\n'


FORMATS: Final[dict[str, Callable[[doc.Document], str]]] = {".md": markdown, ".html": html}
"""What turns a document into a file, by the file's ending."""
