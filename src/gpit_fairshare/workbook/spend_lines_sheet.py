"""The lines of cost behind historic spend, with the live rule of which count."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from gpit_fairshare.engine.measures import BASELINE
from gpit_fairshare.inputs.tables.spend import WORDS as LINE_WORDS
from gpit_fairshare.language import in_excel as x
from gpit_fairshare.workbook.input_controls import control_numbers, control_texts, require_number
from gpit_fairshare.workbook.layout import EVERY_YEAR, NOT_GIVEN, number_format
from gpit_fairshare.workbook.sheets import FIRST_ROW, ROW, letter, quoted

if TYPE_CHECKING:
    from collections.abc import Sequence

    import polars as pl

    from gpit_fairshare.workbook.layout import Layout
    from gpit_fairshare.workbook.sheets import Sheet

SPEND_LINES: Final = "Spend lines"
_COLUMNS: Final = (
    ("org_code", "Code", 9),
    ("year", "Year", 12),
    ("amount", "Amount (£)", 16),
    ("category", "Category", 16),
    ("cost_type", "Cost type", 14),
    ("committed", "Committed", 14),
    ("basis", "Basis", 14),
)


def spend_lines_sheet(layout: Layout) -> Sheet | None:
    """Return the lines of cost with the live rule of which count, or None where the spend has no lines."""
    lines = _lines(layout)
    if lines is None:
        return None
    note = "Change a line and the spend follows; Counts is the scheme's rule applied to the line."
    sheet = layout.sheet(SPEND_LINES, "Lines of spend", note, "Input", frozen=1)
    amounts = lines["amount"].to_list()
    for name, heading, width in _COLUMNS:
        blank = EVERY_YEAR if name == "year" else NOT_GIVEN
        values = [blank if value is None else value for value in lines[name].to_list()]
        unlocked = name in ("amount", *LINE_WORDS, *layout.scheme.counts)
        number = number_format("£", values) if name == "amount" else "number"
        column = sheet.add_column(heading, width, values, None, number, unlocked=unlocked)
        region, cells = sheet.region(column), sheet.column_range(column)
        layout.line_ranges[name] = cells
        if name == "amount":
            require_number(sheet, region, ("0", ""), "Amount of the line", "£")
            control_numbers(layout, "amount_of_lines", cells, amounts)
        elif name in LINE_WORDS:
            sheet.validate(region, {"validate": "list", "source": list(LINE_WORDS[name])})
            _control_words(layout, name, cells, values, amounts)
        elif unlocked:
            control_texts(layout, f"{name}_of_lines", cells, values)
    place = {name: f"${letter(column)}{ROW}" for column, (name, _, _) in enumerate(_COLUMNS, 1)}
    rule = ",".join(
        "OR(" + ",".join(f"EXACT(LOWER({place[key]}),{x.text(text.lower())})" for text in allowed) + ")"
        for key, allowed in layout.scheme.counts.items()
    )
    counts = ["yes" if counts else "no" for counts in lines["counts"].to_list()]
    column = sheet.add_column("Counts", 12, counts, f'IF(AND({rule}),"yes","no")' if rule else None)
    _control_words(layout, "counts", sheet.column_range(column), counts, amounts)
    if lines["predecessor"].count():
        sheet.add_column("Predecessor", 14, [code or "none" for code in lines["predecessor"].to_list()])
    return sheet


def _control_words(layout: Layout, name: str, cells: str, values: Sequence[str], amounts: Sequence[float]) -> None:
    """Keep how many lines have each word of a column, and the £ of those with one: two changes may cancel out."""
    control_texts(layout, f"{name}_of_lines", cells, values)
    word = max(values, key=lambda value: (value == "yes", value))
    total = math.fsum(amount for amount, value in zip(amounts, values, strict=True) if value == word)
    says = f"{name.replace('_', ' ').capitalize()}: £ of the lines with {word!r} in the run."
    formula = f"SUMIFS({layout.line_ranges['amount']},{cells},{x.text(word)})"
    layout.control(f"as_read_amount_by_{name}", total, says, formula)


def _lines(layout: Layout) -> pl.DataFrame | None:
    """Return the lines so that those of one organisation and year follow each other, in a fixed order."""
    lines = layout.result.inputs.lines
    if lines is None or BASELINE not in layout.scheme.symbols:
        return None
    keys = ["org_code", "year", "category", "cost_type", "committed", "amount", "predecessor"]
    return lines.sort([name for name in keys if name in lines.columns], nulls_last=False)


def sums_of_lines(layout: Layout) -> dict[tuple[str, str], str]:
    """Return the formula that sums the counting lines of each year and organisation; empty without lines."""
    lines = _lines(layout)
    if lines is None:
        return {}
    rows_of: dict[tuple[str, str | None], list[int]] = {}
    for row, (code, year) in enumerate(lines.select("org_code", "year").iter_rows(), FIRST_ROW):
        rows_of.setdefault((code, year), []).append(row)

    def counted(first: int, last: int) -> str:
        amounts, counts = (f"{quoted(SPEND_LINES)}!${column}${first}:${column}${last}" for column in "CH")
        return f'SUMIFS({amounts},{counts},"yes")'

    formulas = {}
    for year, result in layout.result.years.items():
        for code in result.codes():
            moved = layout.moved.get((year, code), ())
            olds = [one.predecessor for one in moved if one.column in (BASELINE, "amount")]
            blocks = [rows_of.get((old, of)) for old in dict.fromkeys([code, *olds]) for of in (None, year)]
            formulas[year, code] = "+".join(counted(rows[0], rows[-1]) for rows in blocks if rows) or "0"
    return formulas
