"""Texts about findings: the note on a cell, and the sheet that lists all findings."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from lxml import etree

from gpit_fairshare.annotation.markup import Dialect, add, harmless
from gpit_fairshare.findings import LEVELS, Level
from gpit_fairshare.workbook.sheets import letter, quoted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gpit_fairshare.annotation.styles import StylesPart

LONGEST_NOTE: Final = 1_500
"""Most characters of a note: longer texts would not be read in a box."""
MOST_LINKS: Final = 65_530
"""Most links that Excel accepts on one sheet."""
FIRST_ROW: Final = 2
_COLUMNS: Final = (
    ("Number", 10),
    ("Level", 10),
    ("Sheet", 26),
    ("Cell", 9),
    ("Finding", 70),
    ("What to do", 60),
)


_LINE: Final = 15
"""Height of a line of text in points."""
_TALLEST: Final = 409
"""Height in points of the tallest row that Excel accepts."""


@dataclass(frozen=True, slots=True)
class Mark:
    """A finding and its cell."""

    sheet: str
    """Name of the sheet; empty for the workbook as a whole."""
    cell: str
    """`C5`; empty if the finding is not about a single cell."""
    level: Level
    number: str
    """Stable number, such as `I16`."""
    text: str
    """The finding, without the file and the place."""
    remedy: str


def note_text(findings: Sequence[tuple[int, Mark]], sheet: str, *, cell: str) -> str:
    """Return the text of the note on a cell, the most serious finding first.

    A note has about 1,500 characters: a first finding that is too long is cut, and findings that have no room are
    counted, with a pointer to the sheet.

    Args:
        findings: each with its row on the sheet of findings.
        sheet: name of the sheet of findings.
        cell: the cell with the note. A finding about another cell, hidden in a merged range, names that cell.
    """
    ordered = sorted(findings, key=lambda row_and_mark: (LEVELS.index(row_and_mark[1].level), row_and_mark[0]))
    texts: list[str] = []
    for index, (row, mark) in enumerate(ordered):
        place = "" if mark.cell == cell else f"{mark.cell}: "
        words = " ".join(part for part in (_sentence(mark.text), _sentence(mark.remedy)) if part)
        text = f"{mark.level.capitalize()} {mark.number}: {place}{words}"
        pointer = f" (Sheet {sheet}, row {row})"
        room = LONGEST_NOTE - sum(map(len, texts)) - len(pointer)
        if len(text) > room and texts:
            texts.append(f"And {len(ordered) - index} more: see the sheet {sheet} from row {row}.")
            break
        texts.append((text if len(text) <= room else f"{text[: room - 1]}…") + pointer)
    return harmless("\n\n".join(texts))


def _sentence(text: str) -> str:
    """Return a text with a full stop at its end, unless it is empty or has an end already."""
    text = text.strip()
    return text if not text or text.endswith((".", "!", "?", "…")) else f"{text}."


def findings_sheet(
    marks: Sequence[Mark], linked: frozenset[str], styles: StylesPart, dialect: Dialect
) -> etree._Element:
    """Return the XML of the sheet with a row of headings and a row for each finding, in their order.

    Without findings, one row says so. The rows can be filtered, and link to the cells, as far as Excel accepts so many
    links.

    Args:
        marks: the findings, with the names of sheets as the workbook writes them.
        linked: the sheets with cells, which a link can open.
        styles: the cell styles of the workbook; those of this sheet are added.
        dialect: the dialect of the workbook.
    """
    root = etree.fromstring(f'<worksheet xmlns="{dialect.main}"/>')
    last = f"{letter(len(_COLUMNS))}{max(len(marks), 1) + 1}"
    settings = add(root, "sheetPr")
    add(settings, "tabColor", rgb="FFC00000")
    add(settings, "pageSetUpPr", fitToPage="1")
    add(root, "dimension", ref=f"A1:{last}")
    view = add(add(root, "sheetViews"), "sheetView", workbookViewId="0")
    add(view, "pane", ySplit="1", topLeftCell="A2", activePane="bottomLeft", state="frozen")
    add(view, "selection", pane="bottomLeft", activeCell="A2", sqref="A2")
    add(root, "sheetFormatPr", defaultRowHeight="15")
    columns = add(root, "cols")
    for number, (_, width) in enumerate(_COLUMNS, 1):
        add(columns, "col", min=str(number), max=str(number), width=str(width), customWidth="1")
    data = add(root, "sheetData")
    _write_row(data, 1, [heading for heading, _ in _COLUMNS], [styles.heading()] * len(_COLUMNS))
    plain = styles.text()
    links = _write_findings(data, marks, linked, styles, plain)
    if not marks:
        _write_row(data, FIRST_ROW, ["", "", "", "", "No findings.", ""], [plain] * len(_COLUMNS))
    add(root, "autoFilter", ref=f"A1:{last}")
    if links:
        hyperlinks = add(root, "hyperlinks")
        for cell, location, label in links[:MOST_LINKS]:
            add(hyperlinks, "hyperlink", ref=cell, location=location, display=label)
    add(root, "pageMargins", left="0.5", right="0.5", top="0.5", bottom="0.5", header="0.3", footer="0.3")
    add(root, "pageSetup", paperSize="9", orientation="landscape", fitToHeight="0")
    return root


def _write_findings(
    data: etree._Element, marks: Sequence[Mark], linked: frozenset[str], styles: StylesPart, plain: int
) -> list[tuple[str, str, str]]:
    """Write a row for each finding, and return the links to their cells: cell with the link, target, text.

    A finding about a whole sheet is linked to its first cell; one about the workbook, or a sheet without cells, is not.

    Args:
        data: the element that the rows are added to.
        marks: the findings.
        linked: the sheets with cells.
        styles: the cell styles; those of links and levels are added.
        plain: the number of the style of texts.
    """
    link = styles.link()
    levels = {level: styles.text(level) for level in dict.fromkeys(mark.level for mark in marks)}
    links = []
    for row, mark in enumerate(marks, FIRST_ROW):
        style_numbers = [plain, levels[mark.level], plain, plain, plain, plain]
        if mark.sheet in linked:
            # The link of a finding about a whole sheet goes to its first cell.
            column = 4 if mark.cell else 3
            style_numbers[column - 1] = link
            location = f"{quoted(mark.sheet)}!{mark.cell or 'A1'}"
            links.append((f"{letter(column)}{row}", location, mark.cell or mark.sheet))
        texts = [mark.number, mark.level, mark.sheet, mark.cell, _sentence(mark.text), _sentence(mark.remedy)]
        _write_row(data, row, texts, style_numbers)
    return links


def _write_row(data: etree._Element, number: int, texts: Sequence[str], style_numbers: Sequence[int]) -> None:
    """Add a row of texts, each with the number of its style, as high as its longest text needs.

    The texts are stored so that none is run as a formula.
    """
    # Set the height: some programs use the heights in the file, and would print wrapped lines over each other.
    lines = max(len(textwrap.wrap(text, width)) for text, (_, width) in zip(texts, _COLUMNS, strict=True))
    height = min(_LINE * max(lines, 1), _TALLEST)
    row = add(data, "row", r=str(number), ht=str(height), customHeight="1")
    for column, (text, style) in enumerate(zip(texts, style_numbers, strict=True), 1):
        cell = add(row, "c", r=f"{letter(column)}{number}", s=str(style))
        if text:
            cell.set("t", "inlineStr")
            add(add(cell, "is"), "t", harmless(text))
