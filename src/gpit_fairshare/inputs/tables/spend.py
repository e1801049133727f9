"""Lines of cost: which lines count, their sums, and the amounts left out."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple

import polars as pl

from gpit_fairshare.findings import FindingCode, Where
from gpit_fairshare.inputs.columns.headings import LINE_WORDS
from gpit_fairshare.inputs.model import NeededColumn, Request
from gpit_fairshare.inputs.tables.rows import CheckedValue, InputFile, InputRow
from gpit_fairshare.inputs.tables.sums import exact_total, join_rows, origin_of_rows
from gpit_fairshare.numbers import figure
from gpit_fairshare.words import counted, listed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


DESCRIPTION = "description"
"""Column with what a line is for, as a reader of the workbook needs it; no rule uses it."""
WORDS = {"cost_type": ("revenue", "capital"), "committed": ("yes", "no")}
"""The words that a line may have in these columns."""
_OWN_WORDS = ("basis", "provider", DESCRIPTION)
"""Columns whose texts keep their capitals."""
_COLUMNS = (
    *("year", "org_code", "amount", "category", "cost_type", "committed", "counts", "basis", "row", "file"),
    *("predecessor", DESCRIPTION),
)
"""The columns of a table of lines."""
_OF_LINE = ("year", "org_code", "amount", "row", "file")
"""Those of them that are fields of a line."""
_SPREAD = ("category", "provider", "cost_type", "committed")
_MOST_REASONS = 20
"""Reasons for leaving lines out that one note lists."""


class SpendLine(NamedTuple):
    """One line of cost."""

    year: str | None
    org_code: str
    amount: float
    words: Mapping[str, str | None]
    """The words that describe the line, in lower case except its basis, provider and description."""
    excluded: str
    """The first rule that excludes the line, such as `cost_type capital`; empty if it counts."""
    row: int
    file: str
    predecessor: str = ""
    """The organisation in the file, if the line was restated for its successor."""


def line_needs(request: Request) -> list[NeededColumn]:
    """Return the columns that are read from a file of lines of cost."""
    words = dict.fromkeys([*LINE_WORDS, DESCRIPTION, *request.counts])
    return [NeededColumn("amount", "number", "£"), *(NeededColumn(name, "text", optional=True) for name in words)]


def sum_lines(file: InputFile, needs: Sequence[NeededColumn]) -> list[SpendLine]:
    """Sum the lines that count to one `historic_spend` per organisation and year, in place; return all lines.

    Lines without a readable amount are not returned.

    If no line of an organisation counts, its `historic_spend` is 0. All lines of an organisation must have the same
    texts in the columns of `needs`. Words that are not allowed are reported, and notes state the spend by word and what
    is left out.

    Args:
        file: a file of lines of cost; its rows are replaced.
        needs: the columns that the tables take from it; numbers other than the spend are errors.
    """
    _check_columns(file, needs)
    lines = _read_lines(file)
    by_row = {line.row: line for line in lines}
    texts = [need for need in needs if need.kind == "text"]
    join_rows(file, texts, lambda group: _spend(file, [by_row[row.number] for row in group if row.number in by_row]))
    _report_spend_by_word(file, lines)
    _report_left_out(file, lines)
    return lines


def lines_table(lines: Sequence[SpendLine]) -> pl.DataFrame:
    """Return lines as a table, a row for each, sorted by organisation, year, category, cost type and so on.

    Lines that are excluded are in it too: the column `counts` tells them apart.
    """
    rows = {
        **{column: [line.words.get(column) for line in lines] for column in _COLUMNS if column not in _OF_LINE},
        **{column: [getattr(line, column) for line in lines] for column in _OF_LINE},
        "counts": [not line.excluded for line in lines],
        "predecessor": [line.predecessor or None for line in lines],
    }
    schema = dict.fromkeys(_COLUMNS, pl.String) | {"amount": pl.Float64, "counts": pl.Boolean, "row": pl.Int64}
    order = ["org_code", "year", "category", "cost_type", "committed", "amount", "basis", "predecessor", "file", "row"]
    return pl.DataFrame(rows, schema=schema).sort(order, nulls_last=True)


def _check_columns(file: InputFile, needs: Sequence[NeededColumn]) -> None:
    """Report needed columns of numbers other than amounts, and missing columns that decide which lines count.

    The second is not checked if the file's heading says totals and its rows were taken for lines.
    """
    for need in needs:
        if need.kind == "number":
            file.findings.error(
                FindingCode.NOT_SUMMED,
                f"{need.name} is in a file of lines of cost, and gpit cannot tell whether it adds up",
                remedy=f"Give it by {file.request.organisation} in another file",
                at=Where(file.sheet.name, file.title(need.name)),
            )
    # Only files of lines of cost need the columns that decide which lines count.
    for column in file.request.counts if not file.lines_of_code else ():
        if column not in file.columns:
            headings = [repr(heading) for heading in file.sheet.headings if heading]
            file.findings.error(
                FindingCode.MISSING_COLUMN,
                f"no column {column}, which decides which lines count in this scheme; "
                f"the headings are {listed(headings, 30)}",
                remedy=f"Name it with --map 'HEADING={column}'",
            )


def _read_lines(file: InputFile) -> list[SpendLine]:
    """Return the rows of a file as lines of cost, without those that have no amount that could be read.

    Words that are not allowed, and blank ones that decide whether the line counts, are reported.
    """
    columns = dict.fromkeys([*LINE_WORDS, DESCRIPTION, *file.request.counts])
    counting = {column: {word.lower() for word in allowed} for column, allowed in file.request.counts.items()}
    words_of_texts: dict[tuple[str, ...], tuple[dict[str, str | None], str, list[str]]] = {}
    lines = []
    for row in file.rows:
        texts = tuple(map(row.text_of, columns))
        if texts not in words_of_texts:  # many lines have the same texts
            words_of_texts[texts] = _read_words(dict(zip(columns, texts, strict=True)), counting)
        words, excluded, doubtful = words_of_texts[texts]
        for column in doubtful:
            _report_word(row, column)
        amount = row.number_of("amount")
        if amount is not None:
            lines.append(SpendLine(row.year, row.code, amount, words, excluded, row.number, file.sheet.name))
    return lines


def _read_words(
    texts: Mapping[str, str], counting: Mapping[str, set[str]]
) -> tuple[dict[str, str | None], str, list[str]]:
    """Return the words in the texts of a line, the rule that excludes it, and the columns whose word is to be reported.

    The line is excluded by the first column in `counting` whose word is not one of those that count, which are in small
    letters. Reported are words that are not allowed, and blanks that decide whether the line counts.
    """
    words = {column: (text if column in _OWN_WORDS else text.lower()) or None for column, text in texts.items()}
    excluding = (column for column, allowed in counting.items() if words[column] not in allowed)
    excluded = next((f"{column} {words[column] or 'blank'}" for column in excluding), "")
    doubtful = [
        column
        for column, word in words.items()
        if (column in WORDS and word not in WORDS[column] if word else column in counting)
    ]
    return words, excluded, doubtful


def _report_word(row: InputRow, column: str) -> None:
    """Report a word that is not allowed, or a blank cell that decides whether the line counts."""
    report, allowed, text = row.file.findings.error, WORDS.get(column, ("a text",)), row.text_of(column)
    if text:
        report(FindingCode.LINE, f"the {column} is {text!r}", " or ".join(allowed), at=row.where(column))
    elif column in row.values:
        report(
            FindingCode.BLANK,
            "the cell is blank, but it decides whether the line counts in this scheme",
            " or ".join(allowed),
            at=row.where(column),
        )


def _spend(file: InputFile, lines: Sequence[SpendLine]) -> dict[str, CheckedValue]:
    """Return the spend of an organisation, as `historic_spend`: the sum of its lines that count.

    It is 0 if none counts; without any lines, the result is empty. Its origin is the cell of a single line, else the
    number of lines.
    """
    counting = [line.amount for line in lines if not line.excluded]
    if len(lines) == 1:
        origin = file.sheet.origin(lines[0].row, file.columns["amount"])
    elif counting:
        origin = origin_of_rows(len(counting), file.sheet.file)
    else:
        origin = f"none of {origin_of_rows(len(lines), file.sheet.file)}"
    return {"historic_spend": CheckedValue(exact_total(counting), origin)} if lines else {}


def _report_spend_by_word(file: InputFile, lines: Sequence[SpendLine]) -> None:
    """Note the total spend by category, provider, cost type and commitment, the largest first.

    All lines are added up, also those that do not count; a column that the file lacks is passed over. Capitals make no
    difference.
    """
    for column in _SPREAD:
        if column not in file.columns:
            continue
        amounts: defaultdict[str, list[float]] = defaultdict(list)
        names: dict[str, str] = {}
        for line in lines:
            text = line.words[column] or "blank"
            amounts[names.setdefault(text.casefold(), text)].append(line.amount)
        totals = sorted((-exact_total(amounts_of_name), name) for name, amounts_of_name in amounts.items())
        figures = [f"'{name}' {figure(-total, '£')}" for total, name in totals]
        file.findings.note(FindingCode.SPREAD, f"all spend, by {column.replace('_', ' ')}: {listed(figures, 8)}")


def _report_left_out(file: InputFile, lines: Sequence[SpendLine]) -> None:
    """Note the spend that is left out, by rule, and the organisations of which no line of a year counts.

    A line is under the first rule that excludes it.
    """
    left_out = [line for line in lines if line.excluded]
    reasons: defaultdict[str, list[float]] = defaultdict(list)
    for line in left_out:
        reasons[line.excluded].append(line.amount)
    if reasons:
        ordered = [text for column in file.request.counts for text in sorted(reasons) if text.startswith(f"{column} ")]
        parts = [f"{figure(exact_total(reasons[text]), '£')} with {text}" for text in ordered[:_MOST_REASONS]]
        more = len(ordered) - len(parts)
        file.findings.note(
            FindingCode.NOT_COUNTED,
            f"left out of historic spend: {figure(exact_total(line.amount for line in left_out), '£')} "
            f"of {figure(exact_total(line.amount for line in lines), '£')}, in {counted(len(left_out), 'line')}: "
            + "; of the others, ".join(parts)
            + (f"; and for {counted(more, 'more reason')}" if more else ""),
        )
    counting = {(line.year, line.org_code) for line in lines if not line.excluded}
    none = {line.org_code for line in lines if (line.year, line.org_code) not in counting}
    if none:
        file.findings.note(
            FindingCode.NONE_COUNTED, f"no line of {listed(sorted(none))} counts, so historic_spend is 0"
        )
