"""A comparison as a workbook: the changes of every row, live, and a check that their causes add up."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from gpit_fairshare.comparison import shown
from gpit_fairshare.comparison.headline import headline, method
from gpit_fairshare.comparison.words import PENNY, less, quantum, rounded_to, total
from gpit_fairshare.words import is_money
from gpit_fairshare.workbook.layout import number_format
from gpit_fairshare.workbook.sheets import FIRST_ROW, NOT_APPLICABLE, ROW, TOTAL_ROW, Prose, Sheet, letter
from gpit_fairshare.workbook.writing import write_sheets

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from decimal import Decimal
    from pathlib import Path

    from gpit_fairshare.comparison.model import Comparison

_HOLDS, _FAILS = "holds", "fails"
_LONG: Final = 40
"""Characters of a name in the title."""


def write_workbook(
    comparison: Comparison, path: Path, advance: Callable[[int, int], None] = lambda _done, _total: None
) -> None:
    """Write a comparison as a workbook; `advance` is told how many cells are done, of how many."""
    changes = _Changes(comparison)
    sheets = [_summary(comparison, changes), changes.sheet, _causes(comparison, changes), _definition(comparison)]
    properties = {
        "title": f"Comparison: {comparison.old.name} and {comparison.new.name}"[:250],
        "keywords": "NHS, allocations, comparison",
        "comments": headline(comparison)[:250],
    }
    write_sheets(path, sheets, properties, advance)


class _Changes:
    """The sheet with a row for each organisation and year, and where its columns stand."""

    def __init__(self, comparison: Comparison) -> None:
        self.comparison = comparison
        note = (
            f"{_mark(comparison)}A row for each organisation and year in which anything differs; "
            "one on one side alone counts as 0 on the other."
        )
        self.sheet = Sheet("Changes", "What changed, row by row", note, frozen=3)
        self.columns: dict[str, int] = {}
        self.amounts = _format(comparison)
        self.in_pence = is_money(comparison.unit) and all(
            one == rounded_to(one, PENNY) for change in comparison.changes for one in (change.old, change.new) if one
        )
        self._write()

    def exactly(self, formula: str) -> str:
        """Return a formula of amounts without the noise of binary sums, where all amounts are in whole pence."""
        return f"ROUND({formula},2)" if self.in_pence else formula

    def range_of(self, name: str) -> str:
        """Return the cells of a column, for formulas on any sheet."""
        return self.sheet.column_range(self.columns[name])

    def _write(self) -> None:
        comparison, changes = self.comparison, self.comparison.changes
        unit = f" ({comparison.unit or '£'})"
        self._column("year", "Year", 9, [one.year for one in changes])
        self._column("code", "Code", 9, [one.code for one in changes])
        self._column("name", "Name", 32, [one.name or "[not given]" for one in changes])
        self._column("status", "Stands in", 11, [_STANDS[one.status] for one in changes])
        old = self._column("old", f"Old{unit}", 14, [_float(one.old) for one in changes], None, self.amounts)
        new = self._column("new", f"New{unit}", 14, [_float(one.new) for one in changes], None, self.amounts)
        formula = self.exactly(f"{letter(new)}{ROW}-{letter(old)}{ROW}")
        figures = [float(one.change) for one in changes]
        change = self._column("change", f"Change{unit}", 14, figures, formula, self.signed)
        ratios: list[Any] = [float(one.change / abs(one.old)) if one.old else NOT_APPLICABLE for one in changes]
        here = f"{letter(old)}{ROW}"
        formula = f'IF({here}=0,"{NOT_APPLICABLE}",{letter(change)}{ROW}/ABS({here}))'
        self._column("percent", "Change (%)", 11, ratios, formula, "distance")
        if any(one.people is not None for one in changes):
            self._per_head(change)
        self._column("first", "First to differ", 24, [one.first or NOT_APPLICABLE for one in changes])
        for cause in comparison.attribution:
            amounts = [float(cause.amounts[one.key]) for one in changes]
            self._column(cause.name, f"{shown.cause_name(cause)}{unit}", 14, amounts, None, self.pence)
        if comparison.attribution and changes:
            self._check(change)
        for name in ("old", "new", "change", *(one.name for one in comparison.attribution)):
            values = [self.sheet.value(row, self.columns[name]) for row in range(FIRST_ROW, self.sheet.last_row + 1)]
            fill = self.sheet.fills.get(self.columns[name])
            if fill:
                self.sheet.total_above(self.columns[name], values, fill.format)
        if changes:
            self.sheet.put(TOTAL_ROW, 3, "Total")

    def _per_head(self, change: int) -> None:
        changes = self.comparison.changes
        people = self._column("people", "Registered population", 14, [one.people for one in changes], None, "people")
        rates: list[Any] = [float(one.change) / one.people if one.people else NOT_APPLICABLE for one in changes]
        heads = f"{letter(people)}{ROW}"
        formula = f'IF({heads}=0,"{NOT_APPLICABLE}",{letter(change)}{ROW}/{heads})'
        self._column("per_head", "Change per head", 11, rates, formula, "change per head")

    def _check(self, change: int) -> None:
        """Say of each row whether its causes add up to its change."""
        causes = [self.columns[one.name] for one in self.comparison.attribution]
        cells = f"{letter(causes[0])}{ROW}:{letter(causes[-1])}{ROW}"
        formula = f'IF(ABS({letter(change)}{ROW}-SUM({cells}))<{_half(self.comparison)},"{_HOLDS}","{_FAILS}")'
        column = self._column("check", "Causes add up", 10, [_HOLDS] * len(self.comparison.changes), formula)
        self.sheet.flag(self.sheet.region(column), _FAILS)

    def _column(  # a column has that many sides
        self,
        name: str,
        heading: str,
        width: float,
        values: Sequence[Any],
        formula: str | None = None,
        number: str = "number",
    ) -> int:
        column = self.columns[name] = self.sheet.heading(heading, width)
        if values:
            self.sheet.fill(column, values, formula, number)
        return column

    @property
    def signed(self) -> str:
        """Return the format of changes: pence only where there are any."""
        return {"£": "change", "pence": "change per head"}.get(self.amounts, "number")

    @property
    def pence(self) -> str:
        """Return the format of contributions: to the penny, whatever the answer is."""
        return "change per head" if is_money(self.comparison.unit) else "number"


_STANDS: Final = {"both": "both", "added": "new alone", "removed": "old alone"}


def _float(amount: Decimal | None) -> float | None:
    return None if amount is None else float(amount)


def _format(comparison: Comparison) -> str:
    """Return the format of answers: pence only where there are any."""
    if not is_money(comparison.unit):
        return number_format(comparison.unit, [])
    amounts = [float(one) for change in comparison.changes for one in (change.old, change.new) if one is not None]
    totals = [float(one) for year in comparison.years for one in (year.old, year.new)]
    return number_format("£", [*amounts, *totals])


def _summary(comparison: Comparison, changes: _Changes) -> Sheet:
    """Return a row for each year: totals, and what the sheet Changes comes to, counted there."""
    names = (one.name if len(one.name) <= _LONG else f"{one.name[:_LONG]}…" for one in (comparison.old, comparison.new))
    sheet = Sheet("Summary", "Comparison: {} and {}".format(*names), f"{_mark(comparison)}{headline(comparison)}")
    unit, noun, years = f" ({comparison.unit or '£'})", comparison.organisation, comparison.years
    where = f"{changes.range_of('year')},$A{ROW}"
    status = f"{where},{changes.range_of('status')}"
    both = f'{status},"{_STANDS["both"]}",{changes.range_of("change")}'
    ratios: list[Any] = [float(one.change / abs(one.old)) if one.old else NOT_APPLICABLE for one in years]
    amounts, signed, half = changes.amounts, changes.signed, _half(comparison)
    differences = [float(one.change) for one in years]
    for heading, values, formula, number in (
        ("Year", [one.year for one in years], None, "number"),
        (f"Old{unit}", [float(one.old) for one in years], None, amounts),
        (f"New{unit}", [float(one.new) for one in years], None, amounts),
        (f"Change{unit}", differences, changes.exactly(f"C{ROW}-B{ROW}"), signed),
        ("Change (%)", ratios, f'IF(B{ROW}=0,"{NOT_APPLICABLE}",D{ROW}/ABS(B{ROW}))', "distance"),
        (f"{noun}s that gain", [one.gain for one in years], f'COUNTIFS({both},">0")', "count"),
        (f"{noun}s that lose", [one.lose for one in years], f'COUNTIFS({both},"<0")', "count"),
        (
            f"{noun}s in the new result alone",
            [one.added for one in years],
            f'COUNTIFS({status},"{_STANDS["added"]}")',
            "count",
        ),
        (
            f"{noun}s in the old result alone",
            [one.removed for one in years],
            f'COUNTIFS({status},"{_STANDS["removed"]}")',
            "count",
        ),
        (
            f"Change of the rows{unit}",
            differences,
            changes.exactly(f"SUMIFS({changes.range_of('change')},{where})"),
            signed,
        ),
        (
            "The rows make up the change",
            [_HOLDS] * len(years),
            f'IF(ABS(D{ROW}-J{ROW})<{half},"{_HOLDS}","{_FAILS}")',
            "number",
        ),
    ):
        column = sheet.heading(heading, 15)
        sheet.fill(column, values, formula, number)
        if column in (2, 3, 4):
            sheet.total_above(column, [one for one in values if isinstance(one, float)], number)
    sheet.put(TOTAL_ROW, 1, "Total")
    sheet.flag(sheet.region(len(sheet.headings)), _FAILS)
    return sheet


def _mark(comparison: Comparison) -> str:
    """Say at the head of a sheet that its figures may not be quoted, if that is so."""
    return "Illustrative, not to be quoted. " if comparison.illustrative else ""


def _half(comparison: Comparison) -> str:
    """Return half a penny, or half of what contributions are rounded to, as formulas write it."""
    return f"{quantum(comparison.unit) / 2:f}"


def _causes(comparison: Comparison, changes: _Changes) -> Sheet:
    """Return what each cause comes to, live from the sheet Changes, and what it does alone."""
    untold = f"Causes cannot be told: {comparison.untold}." if comparison.untold else "Nothing differs."
    note = method(comparison) if comparison.attribution else untold
    sheet = Sheet("Causes", "Why it changed", f"{_mark(comparison)}Each adds up the rows of the sheet Changes.")
    unit = f" ({comparison.unit or '£'})"
    number, figures = (
        changes.pence,
        ("Change", "Alone", "Interaction", *(f"Change {one.year}" for one in comparison.years)),
    )
    sheet.add_headings((("Cause", 34), ("What changed", Prose(60)), *((f"{figure}{unit}", 17) for figure in figures)))
    for row, cause in enumerate(comparison.attribution, FIRST_ROW):
        sheet.put(row, 1, shown.cause_name(cause))
        sheet.put(row, 2, shown.cause_said(cause) or "none")
        cells, alone = changes.range_of(cause.name), cause.total_alone()
        sheet.put(row, 3, float(cause.total()), changes.exactly(f"SUM({cells})"), number)
        sheet.put(row, 4, NOT_APPLICABLE if alone is None else float(alone), None, number)
        if alone is None:
            sheet.put(row, 5, NOT_APPLICABLE)
        else:
            interaction = float(less(cause.total(), alone))
            sheet.put(row, 5, interaction, changes.exactly(f"C{row}-D{row}"), number)
        for column, year in enumerate(comparison.years, 6):
            formula = changes.exactly(f'SUMIFS({cells},{changes.range_of("year")},"{year.year}")')
            sheet.put(row, column, float(cause.total(year.year)), formula, number)
    row = FIRST_ROW + len(comparison.attribution)
    if comparison.attribution:
        sheet.put(row, 1, "All together")
        sheet.put(row, 2, "The change of all rows")
        for column, when in ((3, ""), *((at, one.year) for at, one in enumerate(comparison.years, 6))):
            value = float(total(one.total(when) for one in comparison.attribution))
            cells = f"{letter(column)}{FIRST_ROW}:{letter(column)}{row - 1}"
            sheet.put(row, column, value, changes.exactly(f"SUM({cells})"), number)
        for column in (4, 5):
            sheet.put(row, column, NOT_APPLICABLE)
        row += 1
    sheet.put(row, 1, "Method" if comparison.attribution else "None")
    sheet.put(row, 2, note)
    return sheet


def _definition(comparison: Comparison) -> Sheet:
    """Return both results, and in what their rules and inputs differ."""
    sheet = Sheet(
        "Definition", "What was compared, and in what the rules differ", "Formulas as the schemes write them."
    )
    prose = (("Old", Prose(60)), ("New", Prose(60)), ("Note", Prose(40)))
    sheet.add_headings((("What", 28), ("Name", 34), ("Year", 9), *prose))
    sides = ("; ".join(shown.side_said(side)) for side in (comparison.old, comparison.new))
    old, new = comparison.columns
    sheet.rows(
        [
            ("results compared", "", "", *sides, ""),
            *(("column removed", name, "", comparison.label(name), "", "") for name in old),
            *(("column added", name, "", "", comparison.label(name), "") for name in new),
            *((one.what, one.name, one.year, one.old, one.new, one.note) for one in comparison.differences),
            *(("illustrative", "", "", "", text, "") for text in comparison.illustrative),
            *(("remark", "", "", "", text, "") for text in (*comparison.off_rule, *comparison.remarks)),
        ]
    )
    return sheet
