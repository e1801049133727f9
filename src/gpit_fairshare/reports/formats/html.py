"""A document as an HTML page with a style sheet and no script: texts of inputs are never markup."""

from __future__ import annotations

import hashlib
import html as entities
import textwrap
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from gpit_fairshare.reports import document
from gpit_fairshare.reports.document import Role, Tone
from gpit_fairshare.reports.ladder import bar
from gpit_fairshare.words import visible

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_STYLE: Final = """
h1 { font-size: 1.35em; line-height: 1.3; margin: 0.5em 0 }
h2 { font-size: 1.15em; margin: 1.5em 0 0.5em }
h3 { font-size: 1em; margin: 1.25em 0 0.5em }
h1, h2, h3, .strong, .good, .warning, .bad { font-weight: bold; color: inherit }
p, ul, ol { margin: 0.5em 0 }
.table { overflow-x: auto }
table { border-collapse: collapse; margin: 0.75em 0; color: inherit; font: inherit }
caption { text-align: left; padding-bottom: 0.5em }
th, td { text-align: left; vertical-align: top; padding: 0.25em 1em 0.25em 0; border: 0; background: none }
tr { border-bottom: 1px solid #8886; background: none }
thead tr { border-bottom: 2px solid }
thead th { vertical-align: bottom }
tbody th { padding-top: 1em }
.figure { text-align: right; font-variant-numeric: tabular-nums }
code, pre { font: 0.875em/1.5 ui-monospace, Consolas, monospace; overflow-wrap: anywhere; color: inherit }
pre { white-space: pre-wrap; background: #8882; padding: 1em }
.good, .passed, .warning, .bad { border-left: 0.4em solid #ffb81c; padding-left: 0.6em }
.good, .passed { border-color: #00a24b }
.bad { border-color: #e5483c }
figure { margin: 1em 0 }
svg { max-width: 100%; height: auto }
svg text { font: 14px system-ui, sans-serif; fill: currentColor }
svg .amount { fill: #4a85d8 }
svg .rise { fill: #00a24b }
svg .fall { fill: #e5483c }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 0 1em; margin: 0.25em 0 1.25em 2em }
dd { margin: 0 }
"""
"""A rule in each line. Texts have the colour of the page or notebook around them, so that dark themes suit as well."""
_PAGE_STYLE: Final = """
body { font: 16px/1.5 system-ui, sans-serif; color: #212b32; max-width: 62rem; margin: 2rem auto; padding: 0 1rem }
@media print { body { max-width: none; margin: 0 } .table { overflow: visible } }
"""
_FRAGMENT: Final = "div.gpit-report"
"""What selects a report in the page of a notebook."""
_LADDER_WIDTH: Final = 640
_LABEL_LENGTH: Final = 60
"""Characters of a label that fit beside an amount."""
_LINE_HEIGHT: Final = 20
_BASELINE: Final = 15
_BAR_HEIGHT: Final = 14
_GAP: Final = 10
"""Measures of the picture of a ladder, in pixels."""


def render(report: document.Document) -> str:
    """Return a document as a self-contained page: no script, no other file; a ladder is a picture inside it."""
    title = next((" ".join(block.pieces) for block in report.blocks if isinstance(block, document.Title)), "gpit")
    return (
        f'<!DOCTYPE html>\n<html lang="en-GB">\n<head>\n<meta charset="utf-8">\n'
        f'<meta name="viewport" content="width=device-width">\n<title>{escaped(title)}</title>\n'
        f"<style>{_STYLE}{_PAGE_STYLE.lstrip()}</style>\n</head>\n<body>\n<main>\n{''.join(html_of(report.blocks))}"
        f"</main>\n</body>\n</html>\n"
    )


def fragment(report: document.Document) -> str:
    """Return a document as a piece of a page, such as the output of a notebook: no script, and no style for others.

    Lists are as short as on a screen.
    """
    blocks = [_as_on_screen(block) for block in report.blocks]
    # Reports in one notebook must not have the same ids.
    digest = hashlib.sha256("".join(html_of(blocks)).encode()).hexdigest()[:12]
    rules = [rule.partition(" {") for rule in _STYLE.strip().splitlines()]
    style = "\n".join(
        f"{', '.join(f'{_FRAGMENT} {selector}' for selector in selectors.split(', '))} {{{properties}"
        for selectors, _, properties in rules
    )
    content = "".join(html_of(blocks, f"-{digest}"))
    return f'<div class="{_FRAGMENT.partition(".")[2]}">\n<style>\n{style}\n</style>\n{content}</div>\n'


def _as_on_screen(block: document.Block) -> document.Block:
    """Return a block; a listing only with the items that a screen shows, and the number of the others."""
    if isinstance(block, document.Listing):
        return replace(block, items=block.items[: block.most], count=max(block.count, len(block.items)))
    return block


def html_of(blocks: Sequence[document.Block], suffix: str = "", level: int = 2) -> Iterator[str]:
    """Yield the HTML of each block; headings have a level, those below the heading of a part one lower.

    Ids end in `suffix`.
    """
    top, ladders = level, 0
    for block in document.file_blocks(blocks):
        match block:
            case list():
                yield _list(block)
            case document.Title():
                yield _element("h1", block.tone, in_html(" ".join(block.pieces)))
            case document.Heading():
                yield _element(f"h{top if block.of_part else level}", block.tone, in_html(block.text))
                level = top + 1 if block.of_part else level
            case document.Paragraph():
                marker = f"<strong>{in_html(block.marker.strip())}</strong> " if block.marker.strip() else ""
                yield _element("p", block.tone, f"{marker}{in_html(block.text)}")
            case document.Calculation():
                yield _calculation(block)
            case document.Verbatim():
                yield f"<pre>{escaped(block.text)}</pre>\n"
            case document.Ladder():
                ladders += 1
                yield _ladder(block, f"ladder-{ladders}{suffix}")
            case document.Table():
                yield f'<div class="table">\n{table_element(block)}</div>\n'


def _element(tag: str, tone: Tone, content: str) -> str:
    """Return an HTML element with a content that is already escaped, and its tone as the class."""
    kind = "" if tone is Tone.PLAIN or (tone is Tone.STRONG and tag.startswith("h")) else f' class="{tone}"'
    return f"<{tag}{kind}>{content}</{tag}>\n"


def escaped(text: str) -> str:
    """Return a text without effect in HTML, with escapes for invisible characters."""
    return entities.escape(visible(text))


def in_html(text: str) -> str:
    """Return a text as HTML: an address as a link, code as code, all else escaped."""
    safe = escaped(text)
    if isinstance(text, document.Address) and document.WEB_ADDRESS.fullmatch(text):
        return f'<a href="{safe}">{safe}</a>'
    return f"<code>{safe}</code>" if isinstance(text, document.Code) else safe


def _list(items: Sequence[document.Item]) -> str:
    """Return items as a list, numbered if every marker is a number; else the markers go before the texts.

    Items below an item become a list inside it.
    """
    keys = [item.marker.strip(" –:") for item in items]
    numbered = all(document.NUMBERED.fullmatch(key) for key in keys)
    lines = []
    for key, item in zip(keys, items, strict=True):
        value = f' value="{key[:-1]}"' if numbered else ""
        word = f"{in_html(key)}: " if key and not numbered else ""
        name = f" (<code>{escaped(item.name)}</code>)" if item.name else ""
        below = f"\n{_list(item.below)}" if item.below else ""
        lines.append(f"<li{value}>{word}{in_html(item.text)}{name}{below}</li>\n")
    tag = "ol" if numbered else "ul"
    return f"<{tag}>\n{''.join(lines)}</{tag}>\n"


def _calculation(line: document.Calculation) -> str:
    """Return a line of a calculation as a paragraph, with a list of its details."""
    number = f"{line.number}. " if line.number else ""
    name = f" <code>{escaped(line.name)}</code>" if line.name else ""
    result = f": {in_html(line.result)}" if line.result else ""
    details = "".join(f"<dt>{in_html(key)}</dt><dd>{in_html(text)}</dd>\n" for key, text in line.details)
    head = _element("p", line.tone, f"{number}{in_html(line.label)}{name}{result}")
    return f"{head}<dl>\n{details}</dl>\n" if details else head


def _ladder(ladder: document.Ladder, name: str) -> str:
    """Return a ladder as a picture in the page, with its title, and with its labels and amounts as text alternative.

    Each rung has its label and amount above its bar. Bars begin at zero on the left; a change begins where the amount
    before it ends. `name` makes the ids of its texts unique.
    """
    parts, top = [], 0
    for rung in ladder.rungs:
        *first_lines, last_line = textwrap.wrap(rung.label, _LABEL_LENGTH) or [""]
        for line in first_lines:
            parts.append(f'<text x="0" y="{top + _BASELINE}">{escaped(line)}</text>\n')
            top += _LINE_HEIGHT
        parts.append(f'<text x="0" y="{top + _BASELINE}">{escaped(last_line)}</text>\n')
        parts.append(f'<text x="{_LADDER_WIDTH}" y="{top + _BASELINE}" text-anchor="end">{escaped(rung.text)}</text>\n')
        top += _LINE_HEIGHT
        begin, end = bar(rung, ladder.largest, _LADDER_WIDTH)
        kind = "amount" if rung.kind == "amount" else "rise" if rung.amount > 0 else "fall"
        parts.append(
            f'<rect class="{kind}" x="{begin}" y="{top}" width="{end - begin}" height="{_BAR_HEIGHT}"></rect>\n'
        )
        top += _BAR_HEIGHT + _GAP
    texts = "; ".join(f"{rung.label} {rung.text}" for rung in ladder.rungs)
    return (
        f'<figure>\n<svg role="img" width="{_LADDER_WIDTH}" height="{top}" viewBox="0 0 {_LADDER_WIDTH} {top}" '
        f'aria-labelledby="{name}-title {name}-text">\n<title id="{name}-title">{escaped(ladder.title)}</title>\n'
        f'<desc id="{name}-text">{escaped(texts)}</desc>\n{"".join(parts)}</svg>\n</figure>\n'
    )


def table_element(table: document.Table, attributes: str = "") -> str:
    """Return a table with its caption, headings and rows; figures are on the right.

    A heading of rows takes the whole width, and so does a text below a row. A column without a heading has an empty
    cell in its place, which a screen reader skips. `attributes` are those of its element, each after a space.
    """
    kinds = [' class="figure"' if column.role is Role.FIGURE else "" for column in table.columns]
    headings = [
        f'<th scope="col"{kind}>{in_html(column.heading)}</th>' if column.heading else "<td></td>"
        for kind, column in zip(kinds, table.columns, strict=True)
    ]
    lines = [f"<caption>{in_html(table.caption)}</caption>\n"] if table.caption else []
    lines += [f"<thead>\n<tr>{''.join(headings)}</tr>\n</thead>\n<tbody>\n"]
    for row in (*table.rows, *table.more_rows):
        if row.heading:
            lines.append(f'<tr><th scope="rowgroup" colspan="{len(kinds)}">{in_html(row.cells[0])}</th></tr>\n')
            continue
        cells = [f"<td{kind}>{in_html(cell)}</td>" for kind, cell in zip(kinds, row.cells, strict=True)]
        lines.append(f"<tr>{''.join(cells)}</tr>\n")
        if row.below:
            lines.append(f'<tr><td colspan="{len(kinds)}">{in_html(row.below)}</td></tr>\n')
    return f"<table{attributes}>\n{''.join(lines)}</tbody>\n</table>\n"
