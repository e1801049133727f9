"""The first two sheets of a comparison's workbook: the answer, and a waterfall from the old total to the new one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from gpit_fairshare.comparison.headline import cause_text, headline_parts, outcome_text
from gpit_fairshare.comparison.model import NOTHING, total
from gpit_fairshare.comparison.movement import (
    common_years,
    is_additive,
    most_changed,
    moved_by_cause,
    movement,
    organisation_changes,
    together,
)
from gpit_fairshare.numbers import exact, exact_money
from gpit_fairshare.words import is_money, one_line, sentence
from gpit_fairshare.workbook.sheets import (
    FIRST_ROW,
    NOT_APPLICABLE,
    Chart,
    Prose,
    SeriesLook,
    Sheet,
    letter,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from decimal import Decimal

    from gpit_fairshare.comparison.model import Cause, ComparedResults
    from gpit_fairshare.comparison.movement import OrganisationChange

PASS, FAIL = "pass", "FAIL"
WATERFALL: Final = "Waterfall"
_TOP: Final = 5
"""Organisations that gain, and as many that lose, on the sheet Summary."""
_LONGEST_TEXT: Final = 250
"""Characters of a text in a formula that every program takes."""
_YEARS: Final = 3
"""Most years with rows of their own on the sheet Summary; the sheet Totals has them all."""
_BARS: Final = 8
"""Most causes that each have a bar; more are added up by kind."""
_KINDS: Final = {
    "data": "Data",
    "parameter": "Parameters",
    "formula": "Formula",
    "together": "Together",
    "rounding": "Rounding",
    "typed over": "Changed by hand",
}
_GREY, _GREEN, _RED = ("#D8DDE0", "#425563"), ("#B7E0A5", "#006747"), ("#E7A6C4", "#7C2855")
"""Fill and outline of totals, rises and falls; labels are readable on each, and their signs tell rises from falls."""
_FLAT: Final = 0.2
"""If all changes together are a smaller part of the largest bar than this, the axis does not start at 0."""


@dataclass(frozen=True)
class Links:
    """Where the figures of the answer are on the other sheets of the workbook, and how they are written."""

    totals: Sheet
    """A row for each year: its name, old and new total and change."""
    causes: Sheet
    """A row for each cause, its change in the third column."""
    code: str
    """The codes of the sheet Changes, as a range."""
    change: str
    """The changes of the sheet Changes, as a range."""
    amounts: str
    """Number format of answers."""
    signed: str
    """Number format of their changes."""
    exact: str
    """Number format of the contributions of causes, with signs."""
    years: str
    """The years of the sheet Changes, as a range."""
    contributions: Mapping[str, str]
    """The contributions of each cause on the sheet Changes, as ranges by the cause's name."""
    rounding: tuple[str, str]
    """What goes before and after a formula, against floating-point noise."""
    half_unit: str
    """Half the smallest difference that counts, as a text for formulas."""

    @property
    def unsigned(self) -> str:
        """Return the number format of amounts as exact as the contributions of causes, without a plus sign."""
        return "pence" if self.exact == "change per head" else self.exact

    def rounded(self, formula: str) -> str:
        """Return a formula rounded as answers are."""
        return formula.join(self.rounding)

    def moved(self, years: Sequence[str], changes: str) -> str | None:
        """Return the formula of what moves between organisations in changes of rows; None for many years."""
        if len(years) > _YEARS:
            return None
        where = [f'SUMIFS({changes},{self.years},"{year}",{changes},"{{}}0")' for year in years]
        return self.rounded("+".join(f"MIN({sums.format('>')},-{sums.format('<')})" for sums in where))


def summary_sheet(comparison: ComparedResults, links: Links, title: str, warning: str) -> Sheet:
    """Return the sheet with the answer: how much changes, who gains and loses, what the rule does to them, and why.

    Changes are live: those of years from the sheet Totals, those of organisations from Changes, of causes from Causes.

    Args:
        comparison: The compared results.
        links: Where the figures are.
        title: Title of the sheet.
        warning: What comes first in the note.
    """
    sheet = Sheet(
        "Summary", title, f"{warning}Changes are live; the sheets Totals, Changes and Causes have the details."
    )
    unit = f" ({comparison.unit or '£'})"
    sheet.add_headings(
        (
            *(("Question", 20), ("Answer", Prose(75)), (f"Old{unit}", 16), (f"New{unit}", 16)),
            *((f"Change{unit}", 16), ("Change (%)", 11), (f"Moves between organisations{unit}", 18)),
        )
    )
    rows = _AnswerRows(sheet, links)
    for part in headline_parts(comparison):
        rows.add("In short", part)
    if is_additive(comparison.unit):
        _add_years(rows, comparison)
        _add_organisations(rows, comparison)
    years = list(dict.fromkeys(outcome.year for outcome in comparison.outcomes))
    for outcome in comparison.outcomes:
        if outcome.year in years[-_YEARS:]:
            text = f"{outcome.year}: {outcome_text(outcome, comparison.organisation)}"
            rows.add("What the rule does to them", text)
    for row, cause in enumerate(comparison.attribution, FIRST_ROW):
        moved = None
        if is_additive(comparison.unit):
            formula = links.moved([year.year for year in comparison.years], links.contributions[cause.name])
            moved = moved_by_cause(cause), formula
        rows.add(
            "Why", cause_text(cause), change=(cause.total(), links.causes.cell(3, row)), moved=moved, is_cause=True
        )
    if comparison.no_causes_reason:
        rows.add("Why", f"The causes are not known: {comparison.no_causes_reason}")
    return sheet


class _AnswerRows:
    """The rows of the sheet Summary, added one below the other."""

    def __init__(self, sheet: Sheet, links: Links) -> None:
        self.sheet, self.links, self.row = sheet, links, FIRST_ROW

    def add(
        self,
        question: str,
        answer: str,
        ends: tuple[tuple[Decimal, str | None], tuple[Decimal, str | None]] | None = None,
        change: tuple[Decimal, str | None] | None = None,
        moved: tuple[Decimal, str | None] | None = None,
        *,
        is_cause: bool = False,
    ) -> None:
        """Add a row.

        Args:
            question: Which part of the answer it is.
            answer: The answer in words.
            ends: The old and the new amount, each with its formula; None if there are none.
            change: The change, with its formula.
            moved: What moves between organisations, with its formula.
            is_cause: Whether its amounts are as exact as the contributions of causes.
        """
        put, row, links = self.sheet.put, self.row, self.links
        self.sheet.put_row(row, (question, answer, *[NOT_APPLICABLE] * 5))
        for column, end in enumerate(ends or (), 3):
            put(row, column, float(end[0]), end[1], links.amounts)
        if change:
            put(row, 5, float(change[0]), change[1], links.exact if is_cause else links.signed)
        if ends and change:
            old = ends[0][0]
            ratio: Any = float(change[0] / abs(old)) if old else NOT_APPLICABLE
            put(row, 6, ratio, f'IF(C{row}=0,"{NOT_APPLICABLE}",E{row}/ABS(C{row}))', "distance")
        if moved is not None:
            put(row, 7, float(moved[0]), moved[1], links.unsigned if is_cause else links.amounts)
        self.row += 1


def _add_years(rows: _AnswerRows, comparison: ComparedResults) -> None:
    """Add a row for each year, or one for many years together, with totals from the sheet Totals."""
    totals, years = rows.links.totals, [year.year for year in comparison.years]
    if len(years) > _YEARS:
        whole = movement(comparison, years)
        ends = (whole.old, _sum_of_totals(rows.links, 2)), (whole.new, _sum_of_totals(rows.links, 3))
        change = whole.change, rows.links.rounded(_sum_of_totals(rows.links, 4))
        rows.add("How much", f"{years[0]} to {years[-1]}, counted year by year", ends, change, (whole.moved, None))
        return
    for row, year in enumerate(comparison.years, FIRST_ROW):
        ends = (year.old, totals.cell(2, row)), (year.new, totals.cell(3, row))
        moved = movement(comparison, [year.year]).moved, rows.links.moved([year.year], rows.links.change)
        rows.add("How much", year.year, ends, (year.change, totals.cell(4, row)), moved)


def _add_organisations(rows: _AnswerRows, comparison: ComparedResults) -> None:
    """Add the organisations that gain most and lose most, with all others, and the total of all."""
    organisations, several = organisation_changes(comparison), len(common_years(comparison)) > 1
    # Codes in years that only one result has would be added to the changes of the common years.
    live = len(common_years(comparison)) == len(comparison.years)
    all_years = ", all years" if several else ""
    for question, verb, sign in (("Who gains", "gain", 1), ("Who loses", "lose", -1)):
        most = most_changed(organisations, sign, _TOP)
        for organisation in most.largest:
            code = organisation.code.replace('"', '""')
            # EXACT, since SUMIFS would take `1E5` for a number, and `*` for any text.
            formula = f'SUMPRODUCT(EXACT({rows.links.code},"{code}")*{rows.links.change})'
            name = one_line(f"{organisation.code} {organisation.name}".strip())
            change = organisation.change, rows.links.rounded(formula) if live and len(code) < _LONGEST_TEXT else None
            rows.add(f"{question}{all_years}", name, _ends(organisation), change)
        if most.others:
            others = together(most.others, f"{len(most.others):,} others {verb}")
            rows.add(f"{question}{all_years}", others.name, _ends(others), (others.change, None))
    unchanged = [organisation for organisation in organisations if not organisation.change]
    if unchanged:
        same = together(unchanged, f"{len(unchanged):,} unchanged")
        rows.add(f"Who does not change{all_years}", same.name, _ends(same), (same.change, None))


def _ends(organisation: OrganisationChange) -> tuple[tuple[Decimal, None], tuple[Decimal, None]]:
    """Return the old and the new amount of an organisation, without formulas."""
    return (organisation.old, None), (organisation.new, None)


@dataclass(frozen=True, slots=True)
class _Bar:
    """A cause, or all causes of a kind: its name, its change, and the rows of the sheet Causes that add up to it."""

    name: str
    change: Decimal
    rows: Sequence[int]


def waterfall_sheet(comparison: ComparedResults, links: Links, warning: str) -> Sheet:
    """Return the sheet that leads from the old total to the new one, cause by cause, with a chart.

    Every figure is live, and the last row checks that old and all changes add up to the new total.
    """
    years = [year.year for year in comparison.years]
    which = f" of {years[0]} to {years[-1]}, all years together" if len(years) > 1 else f" of {years[0]}"
    note = (
        f"{warning}The total{which}. Each change is added to those above it, in this order: data, parameters, formula."
    )
    sheet = Sheet(WATERFALL, "From the old total to the new one, cause by cause", note)
    unit = f" ({comparison.unit or '£'})"
    sheet.add_headings((("Step", 40), *((f"{name}{unit}", 17) for name in ("Change", "Total after it"))))
    sheet.add_headings(
        (f"{name}{unit}", 17) for name in ("Chart: total", "Chart: hidden base", "Chart: rise", "Chart: fall")
    )
    sheet.add_heading("Adds up", 10)
    old, new = (total(getattr(year, side) for year in comparison.years) for side in ("old", "new"))
    bars = _bars(comparison.attribution) if comparison.attribution else [_Bar("All changes", new - old, ())]
    levels = [old]
    for bar in bars:
        levels.append(levels[-1] + bar.change)
    last = FIRST_ROW + len(bars) + 1
    _put_end(sheet, links, FIRST_ROW, "Old total", old, 2)
    for row, bar in enumerate(bars, FIRST_ROW + 1):
        cells = ",".join(links.causes.cell(3, cause_row) for cause_row in bar.rows)
        formula = f"SUM({cells})" if bar.rows else f"{_sum_of_totals(links, 3)}-{_sum_of_totals(links, 2)}"
        before, after = levels[row - FIRST_ROW - 1 : row - FIRST_ROW + 1]
        sheet.put_row(row, (one_line(bar.name, 60),))
        sheet.put(row, 2, float(bar.change), links.rounded(formula), links.exact)
        sheet.put(row, 3, float(after), links.rounded(f"C{row - 1}+B{row}"), links.unsigned)
        sheet.put(row, 4, 0.0, None, links.unsigned)
        sheet.put(row, 5, float(before if bar.change > 0 else after), f"MIN(C{row - 1},C{row})", links.unsigned)
        sheet.put(row, 6, float(max(bar.change, NOTHING)), f"MAX(B{row},0)", links.unsigned)
        sheet.put(row, 7, float(max(-bar.change, NOTHING)), f"MAX(-B{row},0)", links.unsigned)
        sheet.put(row, 8, NOT_APPLICABLE)
    _put_end(sheet, links, last, "New total", new, 3)
    agrees = f'IF(ABS(C{last}-C{last - 1})<{links.half_unit},"{PASS}","{FAIL}")'
    sheet.put(last, 8, PASS, agrees)
    sheet.flag_word(f"$H${last}", FAIL)
    if min(levels) >= 0:
        sheet.charts = [_chart(comparison, sheet, links, levels)]
    else:
        sheet.note += " There is no chart, because a total is below 0."
    return sheet


def _bars(causes: Sequence[Cause]) -> list[_Bar]:
    """Return a bar for each cause, or with more than `_BARS` causes one for each kind."""
    rows = [*enumerate(causes, FIRST_ROW)]
    if len(causes) <= _BARS:
        return [_Bar(sentence(cause.label), cause.total(), [row]) for row, cause in rows]
    kinds = list(dict.fromkeys(cause.kind for cause in causes))
    of_kind: Mapping[str, list[tuple[int, Cause]]] = {
        kind: [(row, cause) for row, cause in rows if cause.kind == kind] for kind in kinds
    }
    return [
        _Bar(_KINDS[kind], total(cause.total() for _, cause in members), [row for row, _ in members])
        for kind, members in of_kind.items()
    ]


def _sum_of_totals(links: Links, column: int) -> str:
    return f"SUM({links.totals.column_range(column)})"


def _put_end(sheet: Sheet, links: Links, row: int, name: str, amount: Decimal, column: int) -> None:
    """Add the row of the old or the new total, from a column of the sheet Totals."""
    formula = links.rounded(_sum_of_totals(links, column))
    sheet.put_row(row, (name, NOT_APPLICABLE))
    sheet.put(row, 3, float(amount), formula, links.unsigned)
    sheet.put(row, 4, float(amount), f"C{row}", links.unsigned)
    for empty in (5, 6, 7):
        sheet.put(row, empty, 0.0, None, links.unsigned)
    sheet.put(row, 8, NOT_APPLICABLE)


def _chart(comparison: ComparedResults, sheet: Sheet, links: Links, levels: Sequence[Decimal]) -> Chart:
    """Return the chart: floating columns on a hidden base, rises and falls in two colours and with signs."""
    largest, spread = float(max(levels)), float(max(levels) - min(levels))
    least = None
    if 0 < spread < _FLAT * largest:
        # A change of a few per cent would be too thin to see from 0 up.
        step = 10.0 ** (len(f"{spread:.0f}") - 1)
        least = max(0.0, (float(min(levels)) - spread) // step * step)
    start = f"; the axis starts at {exact_money(exact(least), comparison.unit)}, not at 0" if least else ""
    mark, rows = "£" if is_money(comparison.unit) else "", FIRST_ROW
    looks = {
        "Total": SeriesLook(*_GREY, f'"{mark}"#,##0;;;'),
        "Hidden base": SeriesLook(""),
        "Rise": SeriesLook(*_GREEN, f'"+{mark}"#,##0;;;'),
        "Fall": SeriesLook(*_RED, f'"-{mark}"#,##0;;;'),
    }
    series = {name: sheet.column_range(column) for column, name in enumerate(looks, 4)}
    sides = " to ".join(exact_money(level, comparison.unit) for level in (levels[0], levels[-1]))
    return Chart(
        kind="column",
        title="From the old total to the new one",
        across="Step",
        up=f"Total ({comparison.unit or '£'}){start}",
        categories=f"{sheet.column_range(1)}",
        series=series,
        alternative_text=f"Columns from {sides}: one for each cause, floating from the total before it to the total "
        f"after it. All figures are in rows {rows} to {sheet.last_row}, columns {letter(1)} to {letter(3)}.",
        number=links.amounts,
        height=420,
        wide=True,
        looks=looks,
        stacked=True,
        least=least,
    )
