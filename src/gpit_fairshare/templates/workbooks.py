"""The two input templates: the contents of their sheets as data, and how their workbooks are written.

A column is described once. Its heading, note, input message, error message and line of the instructions all come from
that description.
"""

from __future__ import annotations

import textwrap
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal

from gpit_fairshare.workbook.writing import CREATED, TEXTS_STAY, add_table
from gpit_fairshare.workbook.xlsxwriter_internals import WorkbookWriter

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from xlsxwriter.worksheet import Worksheet

COMMAND: Final = "gpit allocate -o allocations.xlsx"
"""The command to run inside the written folder, whose `gpit.toml` names the files; the same in bash and PowerShell."""
LAST_ROW: Final = 10_001
"""Last row with data validation: room for 10,000 rows of figures."""
_NUMBERS: Final = {"text": "@", "people": "#,##0", "£": "£#,##0.00;-£#,##0.00", "number": "General"}
_NOTE_CHARACTERS: Final = 46
"""Characters that always fit on a line of a heading's note; a line is 16 pixels high."""
_CHARACTERS: Final = 110
"""Characters of prose that always fit on a line of the instructions; a line is 15 points high."""
_ERROR: Final = (
    "A problem that prevents calculation, such as a code given twice, a blank cell, or an organisation that is missing "
    "from one of the files. Nothing is written. gpit lists all errors at once, each with its file, sheet and cell and "
    "what to do. Correct them and run gpit again."
)
_FINDINGS: Final = (
    ("Error", _ERROR),
    ("Warning", "A possible mistake, such as an organisation without patients. Review it; it may be intended."),
    ("Note", "What gpit did with the figures, such as lines of spend that are left out. gpit never corrects silently."),
    ("Code", "Each finding has a code such as I15; docs/findings.md of gpit lists them."),
)
"""The kinds of findings, each explained."""


@dataclass(frozen=True, slots=True)
class TemplateColumn:
    """One column of a template."""

    name: str
    width: float
    holds: str
    """What the column contains, in a sentence."""
    allowed: str
    """What may be typed, in one or two sentences; at most 255 characters, the limit of Excel."""
    kind: Literal["text", "people", "£", "number"] = "text"
    rule: Mapping[str, Any] = field(default_factory=lambda: {"validate": "any"})
    """Data validation in the form of XlsxWriter. A formula is written for row 2, the first row of figures."""


@dataclass(frozen=True, slots=True)
class Template:
    """A workbook to fill in: a sheet of figures and a sheet of instructions."""

    title: str
    sheet: str
    columns: tuple[TemplateColumn, ...]
    rows: tuple[tuple[str | float, ...], ...]
    """Examples, a cell for each column; an empty text is a blank cell."""
    purpose: str
    steps: tuple[str, ...]
    """How to fill it in, step by step."""


def _word_list(*words: str, strict: bool = True) -> dict[str, Any]:
    """Return the validation of a list of words; if it is not strict, other words are allowed too."""
    return {"validate": "list", "source": list(words), "show_error": strict}


_KEEP_CODES: Final = (
    "Paste values only (Paste Special, Values). A plain paste also copies the format of the other sheet and skips the "
    "checks of the cells: Excel may then turn codes such as 0123 into 123 and 01E05 into 100000. gpit refuses codes "
    "that have become numbers."
)
_ROWS: Final = (
    "from row 2 down. Keep the headings in row 1. Put no totals or notes below the rows. "
    "Delete any example rows that remain."
)
_SAVE: Final = "Save the workbook as .xlsx, close it, and run gpit."
_BASIS: Final = TemplateColumn(
    "basis",
    14,
    "Whether the figure is real. A single illustrative row makes every result illustrative.",
    "Write illustrative if the figure is made up; leave the cell empty if it is real.",
    rule=_word_list("illustrative", strict=False),
)


def _year_column(cell: str) -> TemplateColumn:
    """Return the column of years; `cell` is its first cell, for its formula. Only the spelling 2014/15 is allowed."""
    formula = (
        f'=AND(ISTEXT({cell}),LEN({cell})=7,MID({cell},5,1)="/",'
        f"MOD(VALUE(LEFT({cell},4))+1,100)=VALUE(RIGHT({cell},2)))"
    )
    return TemplateColumn(
        "year",
        10,
        "The financial year of the row. Optional.",
        "A financial year such as 2014/15, in every row or in none. Rows without a year are used for every year.",
        rule={"validate": "custom", "value": formula},
    )


POPULATION: Final = Template(
    title="Population: organisations and their patients",
    sheet="Population",
    columns=(
        TemplateColumn(
            "org_code",
            12,
            "The code of the organisation. Required.",
            "1 to 10 characters, such as 00C, 01E or 0123. Each code once, or once for each year.",
            # Compared as texts, since COUNTIF would take 0123 for 123 and 1E5 for 100000.
            # The same code may occur in another year.
            rule={
                "validate": "custom",
                "value": f"=AND(ISTEXT(A2),LEN(A2)<=10,SUMPRODUCT(($A$2:$A${LAST_ROW}=A2)*($C$2:$C${LAST_ROW}=C2))=1)",
            },
        ),
        TemplateColumn(
            "org_name",
            34,
            "The name of the organisation. Optional.",
            "Any text on one line. Use the same name for a code in every row.",
        ),
        _year_column("C2"),
        TemplateColumn(
            "registered_population",
            23,
            "Patients registered with its GP practices. Required: funding is shared by them.",
            "A whole number, 0 or more, with no text. Write 0 if there are no patients; do not leave the cell empty.",
            kind="people",
            rule={"validate": "integer", "criteria": ">=", "value": 0},
        ),
        TemplateColumn(
            "area_team",
            26,
            "The area team, region or county to show totals for. Optional.",
            "Any text on one line. Spell it the same way for all its organisations.",
        ),
        _BASIS,
    ),
    rows=(
        ("A", "Alder (example)", "", 100_000, "North (example)", "illustrative"),
        ("B", "Birch (example)", "", 200_000, "North (example)", "illustrative"),
        ("C", "Cedar (example)", "", 300_000, "South (example)", "illustrative"),
        ("D", "Damson (example)", "", 400_000, "South (example)", "illustrative"),
    ),
    purpose=(
        "The sheet Population lists the organisations and how many patients each has. "
        "Its four rows are examples, so that gpit can run at once. Replace them with your own."
    ),
    steps=(
        f"On the sheet Population, fill in one row for each organisation, {_ROWS}",
        _KEEP_CODES,
        "If the figures differ by year, give each organisation a row for each year of the scheme.",
        "You may add columns on the right, such as a need index. A formula can use them by their heading.",
        _SAVE,
    ),
)

SPEND: Final = Template(
    title="Spend: lines of spend",
    sheet="Spend",
    columns=(
        TemplateColumn(
            "org_code",
            12,
            "The code of the organisation that pays. Required.",
            "One of the codes of population.xlsx, 1 to 10 characters. A code may have several rows.",
            rule={"validate": "custom", "value": "=AND(ISTEXT(A2),LEN(A2)<=10)"},
        ),
        TemplateColumn(
            "category",
            16,
            "What the cost is for. Optional, unless the scheme selects lines by it.",
            "core, mandated or discretionary, or your own word.",
            rule=_word_list("core", "mandated", "discretionary", strict=False),
        ),
        TemplateColumn(
            "provider",
            26,
            "Who is paid. For your own records; gpit does not use it. Optional.",
            "Any text on one line.",
        ),
        TemplateColumn(
            "cost_type",
            12,
            "Running costs or assets. The scheme decides which to count. Required.",
            "revenue or capital.",
            rule=_word_list("revenue", "capital"),
        ),
        TemplateColumn(
            "committed",
            13,
            "Whether it is committed to pay, for an existing service. The scheme decides which to count. Required.",
            "yes or no.",
            rule=_word_list("yes", "no"),
        ),
        TemplateColumn(
            "amount",
            16,
            "£ a year. Required.",
            "A number in pounds, 0 or more, with no text, such as 1234.56. No negative amounts (refunds or credits).",
            kind="£",
            rule={"validate": "decimal", "criteria": ">=", "value": 0},
        ),
        _year_column("G2"),
        _BASIS,
    ),
    rows=(
        ("A", "core", "Supplier 1 (example)", "revenue", "yes", 450_000, "", "illustrative"),
        ("A", "mandated", "Supplier 2 (example)", "revenue", "yes", 50_000, "", "illustrative"),
        ("A", "core", "Supplier 1 (example)", "capital", "yes", 120_000, "", "illustrative"),
        ("B", "core", "Supplier 1 (example)", "revenue", "yes", 500_000, "", "illustrative"),
        ("B", "discretionary", "Supplier 3 (example)", "revenue", "no", 30_000, "", "illustrative"),
        ("C", "core", "Supplier 2 (example)", "revenue", "yes", 450_000, "", "illustrative"),
        ("D", "core", "Supplier 2 (example)", "revenue", "yes", 820_000, "", "illustrative"),
    ),
    purpose=(
        "The sheet Spend lists the spend of each organisation, line by line. The scheme counts some of the lines, here "
        "committed revenue, and gpit reports what is left out. The seven rows are examples. Replace them with your own."
    ),
    steps=(
        f"On the sheet Spend, fill in one row for each line of spend, {_ROWS}",
        _KEEP_CODES,
        "Every organisation of population.xlsx needs a row here. If it has no spend, write one row with amount 0.",
        "If the figures differ by year, fill in the year of every row.",
        _SAVE,
    ),
)


def workbook(template: Template) -> bytes:
    """Return a template as an .xlsx file: the sheet of figures first, then the instructions."""
    book = WorkbookWriter(in_memory=True)
    book.set_properties(
        {
            "title": template.title,
            "subject": "Input template of gpit",
            "author": "gpit_fairshare",
            "comments": "The figures are examples. Replace them with your own.",
            "created": CREATED,
        }
    )
    _write_figures_sheet(book, template)
    _write_instructions(book, template)
    return book.contents()


def _write_figures_sheet(book: WorkbookWriter, template: Template) -> None:
    """Write the sheet to fill in: headings in row 1, examples below, validation down to the last row.

    Each heading has a note, and each cell a message when it is selected or refused.
    """
    page = book.add_worksheet(template.sheet)
    page.set_comments_author("gpit")
    headings = []
    for index, column in enumerate(template.columns):
        style = book.add_format({"num_format": _NUMBERS[column.kind], **_column_alignment(column, index)})
        # The whole column, so that a code typed further down is also text.
        page.set_column(index, index, column.width, style)
        for row, cells in enumerate(template.rows, 1):
            page.write(row, index, cells[index], style)  # a text such as 0123 stays a text
        note = (column.holds, column.allowed)
        lines = sum(len(textwrap.wrap(text, _NOTE_CHARACTERS)) for text in note)
        page.write_comment(0, index, "\n".join(note), {"width": 300, "font_size": 9, "height": 16 * lines + 12})
        input_texts = {"input_title": column.name, "input_message": column.allowed}
        error_texts = {"error_title": column.name, "error_message": column.allowed}
        page.data_validation(1, index, LAST_ROW - 1, index, {**column.rule, **input_texts, **error_texts})
        heading_style = book.add_format({"bold": True, "bottom": 1, **_column_alignment(column, index)})
        headings.append((column.name, heading_style))
    add_table(page, 1, len(template.rows) + 1, template.sheet, headings)
    page.freeze_panes(1, 0)
    page.ignore_errors(TEXTS_STAY)
    _set_paper(page, pages=0)
    page.repeat_rows(0)


def _column_alignment(column: TemplateColumn, index: int) -> dict[str, Any]:
    """Return the alignment of a column: figures on the right, with a gap before the next text."""
    if column.kind != "text":
        return {"align": "right", "indent": 1}
    return {"indent": 1} if index else {}


def _write_instructions(book: WorkbookWriter, template: Template) -> None:
    """Write the second sheet: the columns, how to fill them in, how to run gpit, and kinds of findings."""
    page = book.add_worksheet("Instructions")
    page.hide_gridlines(2)
    page.set_column(0, 0, 26)
    page.set_column(1, 1, 100)
    title = book.add_format({"bold": True, "font_size": 14})
    section = book.add_format({"bold": True, "font_size": 12, "bottom": 1})
    term = book.add_format({"bold": True, "valign": "top"})
    prose = book.add_format({"text_wrap": True, "valign": "top"})
    page.write_string(0, 0, template.title, title)
    for row, (left, right) in enumerate(_instruction_lines(template), 1):
        if right:
            page.write_string(row, 0, left, term)
            page.write_string(row, 1, right, prose)
            page.set_row(row, 15 * len(textwrap.wrap(right, _CHARACTERS)) + 3)
        elif left:
            page.write_string(row, 0, left, section)
            page.write_blank(row, 1, None, section)
            page.set_row(row, 30)
    _set_paper(page, pages=1)


def _instruction_lines(template: Template) -> Iterator[tuple[str, str]]:
    """Yield the lines of the instructions: a term and its text, or a heading and an empty text."""
    yield "Purpose", template.purpose
    yield "How to fill it in", ""
    yield from ((f"Step {number}", step) for number, step in enumerate(template.steps, 1))
    yield f"The columns of the sheet {template.sheet}", ""
    for index, column in enumerate(template.columns):
        yield f"{chr(ord('A') + index)}: {column.name}", f"{column.holds} {column.allowed}"
    yield "How to run gpit", ""
    yield "Where", "In a terminal, in the folder of this workbook. README.md in the folder explains more."
    yield "Command", COMMAND
    yield "Findings of gpit", ""
    yield from _FINDINGS


def _set_paper(page: Worksheet, *, pages: int) -> None:
    """Set the sheet to print on A4, one page wide and this many pages long; 0 means as many as needed."""
    page.set_landscape()
    page.set_paper(9)
    page.fit_to_pages(1, pages)
