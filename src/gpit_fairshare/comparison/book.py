"""A comparison as a workbook: the changes of every row, with formulas, and a check that their causes add up."""

from __future__ import annotations

from dataclasses import astuple
from typing import TYPE_CHECKING, Any, Final

from gpit_fairshare.comparison.answer_sheets import FAIL, PASS, Links, summary_sheet, waterfall_sheet
from gpit_fairshare.comparison.headline import cause_detail, cause_name, headline, method, side_facts
from gpit_fairshare.comparison.model import ComparedResults, as_float, quantum, total
from gpit_fairshare.comparison.movement import is_additive
from gpit_fairshare.numbers import PENNY, rounded_to
from gpit_fairshare.words import is_money
from gpit_fairshare.workbook.layout import NOT_GIVEN, number_format
from gpit_fairshare.workbook.sheets import FIRST_ROW, NOT_APPLICABLE, ROW, TOTAL_ROW, Prose, Sheet, letter
from gpit_fairshare.workbook.writing import write_sheets

if TYPE_CHECKING:
    from collections.abc import Callable
    from decimal import Decimal
    from pathlib import Path


_NEW_LESS_OLD: Final = f"F{ROW}-E{ROW}"
_LONG: Final = 40
"""Characters of a name in the title."""


def write_workbook(
    comparison: ComparedResults, path: Path, advance: Callable[[int, int], None] = lambda _done, _total: None
) -> None:
    """Write a comparison as a workbook: Summary, Waterfall, Totals, Changes, Causes and Definition.

    There is a waterfall only if the answers can be added up.

    `advance` is called with the number of cells done and of all cells.
    """
    changes = _Changes(comparison)
    totals, causes = _totals(comparison, changes), _causes(comparison, changes)
    names = (name if len(name) <= _LONG else f"{name[:_LONG]}…" for name in (comparison.old.name, comparison.new.name))
    links = changes.links(totals, causes)
    summary = summary_sheet(comparison, links, "Comparison: {} and {}".format(*names), _warning(comparison))
    waterfall = [waterfall_sheet(comparison, links, _warning(comparison))] if is_additive(comparison.unit) else []
    sheets = [summary, *waterfall, totals, changes.sheet, causes, _definition(comparison)]
    properties = {
        "title": f"Comparison: {comparison.old.name} and {comparison.new.name}"[:250],
        "keywords": "NHS, allocations, comparison",
        "comments": headline(comparison)[:250],
    }
    write_sheets(path, sheets, properties, advance)


class _Changes:
    """The sheet with a row for each organisation and year, and the positions of its columns."""

    def __init__(self, comparison: ComparedResults) -> None:
        """Make the sheet with all its columns, and choose the number formats of answers, changes and contributions."""
        self.comparison = comparison
        note = (
            f"{_warning(comparison)}One row for each organisation and year with a difference. "
            "An organisation in only one result counts as 0 in the other."
        )
        self.sheet = Sheet("Changes", "Changes, row by row", note, frozen=3)
        self.columns: dict[str, int] = {}
        self.amounts = _answer_format(comparison)
        self.signed = {"£": "change", "pence": "change per head"}.get(self.amounts, "number")
        """Format of changes: with pence only if there are any."""
        self.pence = "change per head" if is_money(comparison.unit) else "number"
        """Format of contributions: to the penny, even if the answers are in whole pounds."""
        self.in_pence = is_money(comparison.unit) and all(
            answer == rounded_to(answer, PENNY) for answer in _all_answers(comparison)
        )
        self._add_columns()

    def rounded(self, formula: str) -> str:
        """Return a formula rounded to pence, against floating-point noise; unchanged if answers are not whole pence."""
        return f"ROUND({formula},2)" if self.in_pence else formula

    def range_of(self, name: str) -> str:
        """Return the range of a column's cells, for formulas on any sheet."""
        return self.sheet.column_range(self.columns[name])

    def links(self, totals: Sheet, causes: Sheet) -> Links:
        """Return where the sheets with the answer find their figures, and how they write them."""
        return Links(
            totals=totals,
            causes=causes,
            code=self.range_of("code"),
            change=self.range_of("change"),
            years=self.range_of("year"),
            contributions={cause.name: self.range_of(cause.name) for cause in self.comparison.attribution},
            amounts=self.amounts,
            signed=self.signed,
            exact=self.pence,
            rounding=("ROUND(", ",2)") if self.in_pence else ("", ""),
            half_unit=_half_unit(self.comparison),
        )

    def _add_columns(self) -> None:
        """Add all columns of the sheet, with a row of totals: each row with its answers, change and causes.

        Patients and the change per head are added only if the results have patients; with causes, a check that they add
        up to the change.
        """
        comparison, changes = self.comparison, self.comparison.changes
        add, columns, amounts, unit = self.sheet.add_column, self.columns, self.amounts, f" ({comparison.unit or '£'})"
        columns["year"] = add("Year", 9, [change.year for change in changes])
        columns["code"] = add("Code", 9, [change.code for change in changes])
        add("Name", 32, [change.name or NOT_GIVEN for change in changes])
        columns["status"] = add("In which result", 11, [_SIDES[change.status] for change in changes])
        add(f"Old{unit}", 14, [as_float(change.old) for change in changes], None, amounts, total=True)
        add(f"New{unit}", 14, [as_float(change.new) for change in changes], None, amounts, total=True)
        differences = [float(change.change) for change in changes]
        columns["change"] = add(f"Change{unit}", 14, differences, self.rounded(_NEW_LESS_OLD), self.signed, total=True)
        ratios = [float(change.change / abs(change.old)) if change.old else NOT_APPLICABLE for change in changes]
        add("Change (%)", 11, ratios, f'IF(E{ROW}=0,"{NOT_APPLICABLE}",G{ROW}/ABS(E{ROW}))', "distance")
        people = [change.people for change in changes]
        if any(count is not None for count in people):
            rates = [float(change.change) / change.people if change.people else NOT_APPLICABLE for change in changes]
            add("Registered population", 14, people, None, "people")
            rate = f'IF(I{ROW}=0,"{NOT_APPLICABLE}",G{ROW}/I{ROW})'
            add("Change per head", 11, rates, rate, "change per head")
        add("First difference", 24, [change.first or NOT_APPLICABLE for change in changes])
        causes = comparison.attribution
        for cause in causes:
            contributions = [float(cause.amounts[change.key]) for change in changes]
            columns[cause.name] = add(f"{cause_name(cause)}{unit}", 14, contributions, None, self.pence, total=True)
        if causes and changes:
            cells = ":".join(f"{letter(columns[cause.name])}{ROW}" for cause in (causes[0], causes[-1]))
            adds_up = f'IF(ABS(G{ROW}-SUM({cells}))<{_half_unit(comparison)},"{PASS}","{FAIL}")'
            column = add("Causes add up", 10, [PASS] * len(changes), adds_up)
            self.sheet.flag_word(self.sheet.region(column), FAIL)
        if changes:
            self.sheet.put(TOTAL_ROW, 3, "Total")


_SIDES: Final = {"both": "both", "added": "new only", "removed": "old only"}


def _answer_format(comparison: ComparedResults) -> str:
    """Return the number format of answers.

    Money has pence only if an answer or a yearly total has any; other answers have the format of their unit.
    """
    if not is_money(comparison.unit):
        return number_format(comparison.unit, [])
    totals = (amount for year in comparison.years for amount in (year.old, year.new))
    return number_format("£", [*map(float, (*_all_answers(comparison), *totals))])


def _all_answers(comparison: ComparedResults) -> list[Decimal]:
    """Return the old and the new answers of all changed rows; missing ones are left out."""
    return [answer for change in comparison.changes for answer in (change.old, change.new) if answer is not None]


def _totals(comparison: ComparedResults, changes: _Changes) -> Sheet:
    """Return the sheet with a row for each year: its totals, their change, and how many rows gain, lose, come and go.

    The counts are formulas on the sheet Changes, and so is the check that the changes of rows add up to the year's
    change.
    """
    sheet = Sheet("Totals", "Totals by year", f"{_warning(comparison)}Counts and sums are those of the sheet Changes.")
    unit, noun, years = f" ({comparison.unit or '£'})", comparison.organisation, comparison.years
    where = f"{changes.range_of('year')},$A{ROW}"
    status = f"{where},{changes.range_of('status')}"
    both = f'{status},"{_SIDES["both"]}",{changes.range_of("change")}'
    ratios: list[Any] = [float(year.change / abs(year.old)) if year.old else NOT_APPLICABLE for year in years]
    alone, sum_of_rows = f'COUNTIFS({status},"{{}}")', f"SUMIFS({changes.range_of('change')},{where})"
    adds_up = f'IF(ABS(D{ROW}-J{ROW})<{_half_unit(comparison)},"{PASS}","{FAIL}")'
    differences, difference = [float(year.change) for year in years], changes.rounded(f"C{ROW}-B{ROW}")
    add, amounts, signed = sheet.add_column, changes.amounts, changes.signed
    add("Year", 15, [year.year for year in years])
    add(f"Old{unit}", 15, [float(year.old) for year in years], None, amounts, total=True)
    add(f"New{unit}", 15, [float(year.new) for year in years], None, amounts, total=True)
    add(f"Change{unit}", 15, differences, difference, signed, total=True)
    add("Change (%)", 15, ratios, f'IF(B{ROW}=0,"{NOT_APPLICABLE}",D{ROW}/ABS(B{ROW}))', "distance")
    add(f"{noun}s that gain", 15, [year.gain for year in years], f'COUNTIFS({both},">0")', "count")
    add(f"{noun}s that lose", 15, [year.lose for year in years], f'COUNTIFS({both},"<0")', "count")
    come, gone = [year.added for year in years], [year.removed for year in years]
    add(f"{noun}s only in the new result", 15, come, alone.format(_SIDES["added"]), "count")
    add(f"{noun}s only in the old result", 15, gone, alone.format(_SIDES["removed"]), "count")
    add(f"Sum of row changes{unit}", 15, differences, changes.rounded(sum_of_rows), signed)
    add("Rows add up to the change", 15, [PASS] * len(years), adds_up)
    sheet.put(TOTAL_ROW, 1, "Total")
    sheet.flag_word(sheet.region(len(sheet.headings)), FAIL)
    return sheet


def _warning(comparison: ComparedResults) -> str:
    """Return the warning not to quote figures of a draft or of illustrative inputs; else an empty text."""
    draft = "DRAFT: values without a source. " if comparison.drafts else ""
    return f"{draft}{'Illustrative: do not quote. ' if comparison.illustrative else ''}"


def _half_unit(comparison: ComparedResults) -> str:
    """Return half a penny, or half the unit of contributions if the answer is not money, as text for a formula."""
    return f"{quantum(comparison.unit) / 2:f}"


def _causes(comparison: ComparedResults, changes: _Changes) -> Sheet:
    """Return the sheet with the contribution of each cause in all and by year, its effect alone, and the interaction.

    Contributions add up the sheet Changes. Then come a total and the method; without causes, only the reason for that.
    """
    reason = comparison.no_causes_reason
    no_causes = f"The causes are not known: {reason}." if reason else "Nothing differs."
    note = method(comparison) if comparison.attribution else no_causes
    sheet = Sheet("Causes", "Why it changed", f"{_warning(comparison)}Each figure adds up rows of the sheet Changes.")
    unit = f" ({comparison.unit or '£'})"
    number = changes.pence
    figures = ("Change", "Alone", "Interaction", *(f"Change {year.year}" for year in comparison.years))
    sheet.add_headings((("Cause", 34), ("Details", Prose(60)), *((f"{figure}{unit}", 17) for figure in figures)))
    for row, cause in enumerate(comparison.attribution, FIRST_ROW):
        sheet.put_row(row, (cause_name(cause), cause_detail(cause) or "none"))
        cells, alone, interaction = changes.range_of(cause.name), cause.total_alone(), cause.interaction()
        sheet.put(row, 3, float(cause.total()), changes.rounded(f"SUM({cells})"), number)
        sheet.put(row, 4, NOT_APPLICABLE if alone is None else float(alone), None, number)
        if interaction is None:
            sheet.put(row, 5, NOT_APPLICABLE)
        else:
            sheet.put(row, 5, float(interaction), changes.rounded(f"C{row}-D{row}"), number)
        for column, year in enumerate(comparison.years, 6):
            formula = changes.rounded(f'SUMIFS({cells},{changes.range_of("year")},"{year.year}")')
            sheet.put(row, column, float(cause.total(year.year)), formula, number)
    row = FIRST_ROW + len(comparison.attribution)
    if comparison.attribution:
        sheet.put_row(row, ("Total", "Change of all rows", None, NOT_APPLICABLE, NOT_APPLICABLE))
        for column, year_name in ((3, ""), *enumerate((year.year for year in comparison.years), 6)):
            amount = float(total(cause.total(year_name) for cause in comparison.attribution))
            cells = f"{letter(column)}{FIRST_ROW}:{letter(column)}{row - 1}"
            sheet.put(row, column, amount, changes.rounded(f"SUM({cells})"), number)
        row += 1
    empty = [NOT_APPLICABLE] * (len(sheet.headings) - 2)
    sheet.put_row(row, ("Method" if comparison.attribution else "None", note, *empty))
    return sheet


def _definition(comparison: ComparedResults) -> Sheet:
    """Return the sheet with facts on both results, and the differences in their columns, schemes and inputs.

    It also lists drafts, illustrative inputs, figures that differ from their file's rule, and remarks.
    """
    sheet = Sheet(
        "Definition", "The two results, and how their schemes and inputs differ", "Formulas as written in the schemes."
    )
    prose = (("Old", Prose(60)), ("New", Prose(60)), ("Note", Prose(40)))
    sheet.add_headings((("Difference", 28), ("Name", 34), ("Year", 9), *prose))
    sides = ("; ".join(side_facts(side)) for side in (comparison.old, comparison.new))
    old, new = comparison.columns
    sheet.fill_rows(
        [
            ("results compared", "", "", *sides, ""),
            *(("column removed", name, "", comparison.label(name), "", "") for name in old),
            *(("column added", name, "", "", comparison.label(name), "") for name in new),
            *map(astuple, comparison.differences),
            *(("draft", "", "", "", text, "") for text in comparison.drafts),
            *(("illustrative", "", "", "", text, "") for text in comparison.illustrative),
            *(("remark", "", "", "", text, "") for text in (*comparison.off_rule, *comparison.remarks)),
        ]
    )
    return sheet
