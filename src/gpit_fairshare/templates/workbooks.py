"""A template as the bytes of a workbook: rules in the cells, notes on the headings, instructions on a sheet."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any, Final

from gpit_fairshare.templates.sheets import COMMAND, LAST_ROW, Column, Template
from gpit_fairshare.workbook.writing import CREATED, TEXTS_STAY, add_table
from gpit_fairshare.workbook.xlsxwriter_internals import Book

if TYPE_CHECKING:
    from collections.abc import Iterator

    from xlsxwriter.worksheet import Worksheet


_NUMBERS: Final = {"text": "@", "people": "#,##0", "£": "£#,##0.00;-£#,##0.00"}
_NOTE: Final = {"width": 300, "font_size": 9}
_NOTE_CHARACTERS: Final = 46
"""Characters that a line of such a note surely holds; it is 16 pixels high."""
_CHARACTERS: Final = 110
"""Characters of prose that a line of the instructions surely holds; it is 15 points high."""
_ERROR: Final = (
    "Something that no figure can be worked out from, such as the same code twice, a blank cell, or an organisation "
    "that is in one file and not in the other. Nothing is written. All errors are listed at once, each with its file, "
    "sheet and cell and what to do: correct them and run gpit again."
)
_FINDINGS: Final = (
    ("Error", _ERROR),
    ("Warning", "Something that may be meant and may be a slip, such as an organisation without patients. Look at it."),
    (
        "Note",
        "What was done with the figures, such as lines of cost that do not count. Nothing is repaired in silence.",
    ),
    ("Its number", "Numbers such as I15 keep their meaning; docs/files.md of gpit lists them."),
)
"""What gpit may say of the figures, in plain words."""


def workbook(template: Template) -> bytes:
    """Return a template as an .xlsx file: the sheet of figures first, the instructions behind it."""
    book = Book(in_memory=True)
    book.set_properties(
        {
            "title": template.title,
            "subject": "Input template of gpit",
            "author": "gpit_fairshare",
            "comments": "The figures are examples: replace them with your own.",
            "created": CREATED,
        }
    )
    _figures(book, template)
    _instructions(book, template)
    return book.contents()


def _figures(book: Book, template: Template) -> None:
    """Write the sheet to be filled in: headings in row 1, examples below, rules as far down as there is room."""
    page = book.add_worksheet(template.sheet)
    page.set_comments_author("gpit")
    headings = []
    for index, column in enumerate(template.columns):
        style = book.add_format({"num_format": _NUMBERS[column.kind], **_gutter(column, index)})
        # The whole column: a code typed further down is a text as well.
        page.set_column(index, index, column.width, style)
        for row, cells in enumerate(template.rows, 1):
            page.write(row, index, cells[index], style)  # a text such as 0123 stays a text
        page.write_comment(0, index, *_note(column))
        page.data_validation(1, index, LAST_ROW - 1, index, _rule(column))
        bold = book.add_format({"bold": True, "bottom": 1, **_gutter(column, index)})
        headings.append((column.name, bold))
    add_table(page, 1, len(template.rows) + 1, template.sheet, headings)
    page.freeze_panes(1, 0)
    page.ignore_errors(TEXTS_STAY)
    _on_paper(page, pages=0)
    page.repeat_rows(0)


def _gutter(column: Column, index: int) -> dict[str, Any]:
    """Return the alignment of a column: figures on the right, and kept from touching the text that follows."""
    if column.kind != "text":
        return {"align": "right", "indent": 1}
    return {"indent": 1} if index else {}


def _note(column: Column) -> tuple[str, dict[str, Any]]:
    """Return the note of a heading, and a box that is large enough for it."""
    parts = (column.holds, column.allowed)
    lines = sum(len(textwrap.wrap(part, _NOTE_CHARACTERS)) for part in parts)
    return "\n".join(parts), {**_NOTE, "height": 16 * lines + 12}


def _rule(column: Column) -> dict[str, Any]:
    """Return the data validation of a column, with what Excel says before and after typing."""
    return {
        **column.rule,
        "input_title": column.name,
        "input_message": column.allowed,
        "error_title": column.name,
        "error_message": column.allowed,
    }


def _instructions(book: Book, template: Template) -> None:
    """Write the second sheet: what each column is, how to fill it in, how to run gpit, what it may say."""
    page = book.add_worksheet("Instructions")
    page.hide_gridlines(2)
    page.set_column(0, 0, 26)
    page.set_column(1, 1, 100)
    title = book.add_format({"bold": True, "font_size": 14})
    section = book.add_format({"bold": True, "font_size": 12, "bottom": 1})
    term = book.add_format({"bold": True, "valign": "top"})
    prose = book.add_format({"text_wrap": True, "valign": "top"})
    page.write_string(0, 0, template.title, title)
    for row, (left, right) in enumerate(_lines(template), 1):
        if right:
            page.write_string(row, 0, left, term)
            page.write_string(row, 1, right, prose)
            page.set_row(row, 15 * len(textwrap.wrap(right, _CHARACTERS)) + 3)
        elif left:
            page.write_string(row, 0, left, section)
            page.write_blank(row, 1, None, section)
            page.set_row(row, 30)
    _on_paper(page, pages=1)


def _lines(template: Template) -> Iterator[tuple[str, str]]:
    """Yield the lines of the instructions: a term and its text, or a heading and nothing."""
    yield "Purpose", template.purpose
    yield "How to fill it in", ""
    yield from ((f"Step {number}", step) for number, step in enumerate(template.steps, 1))
    yield f"The columns of the sheet {template.sheet}", ""
    for index, column in enumerate(template.columns):
        yield f"{chr(ord('A') + index)}: {column.name}", f"{column.holds} {column.allowed}"
    yield "How to run gpit", ""
    yield "Where", "In a terminal, in the folder of this workbook. README.md there tells more."
    yield "Command", COMMAND
    yield "What gpit may find", ""
    yield from _FINDINGS


def _on_paper(page: Worksheet, *, pages: int) -> None:
    """Print on A4, one page wide and so many long; 0 is as many as it takes."""
    page.set_landscape()
    page.set_paper(9)
    page.fit_to_pages(1, pages)
