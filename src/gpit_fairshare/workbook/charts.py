"""The charts of Summary, drawn from the figures of other sheets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gpit_fairshare.words import sentence
from gpit_fairshare.workbook.sheets import FIRST_ROW, Chart

if TYPE_CHECKING:
    from gpit_fairshare.workbook.layout import Layout
    from gpit_fairshare.workbook.sheets import Sheet

_MOST_AREAS: Final = 45
"""Areas that a chart has room for."""


def charts(
    layout: Layout, change: Sheet | None, spread: Sheet | None, path: Sheet | None, areas: Sheet | None
) -> list[Chart]:
    """Return the charts for which there are figures."""
    noun = layout.scheme.organisation
    drawn = _changes(change, noun) if change else []
    drawn += [_spread(spread, noun)] if spread else []
    drawn += [_path(path, noun)] if path else []
    return drawn + ([_areas(layout, areas)] if areas and areas.last_row - FIRST_ROW < _MOST_AREAS else [])


def _changes(sheet: Sheet, noun: str) -> list[Chart]:
    """Return the change per head of the first year and of the last."""
    columns = [column for column, heading in enumerate(sheet.headings, 1) if heading.startswith("Change ")]
    across = f"Share of {noun}s, lowest first"
    if sheet.headings[0] == "Place":
        across = f"{sentence(noun)}s, from the largest gain to the largest loss"
    drawn = []
    for column in dict.fromkeys((columns[0], columns[-1])):
        year = sheet.headings[column - 1].split()[1]
        says = f"Columns: change of the allocation on historic spend in £ per registered patient, {year}, sorted."
        drawn.append(
            Chart(
                "column",
                f"Change on historic spend per head, {year}",
                across,
                "£ per registered patient",
                sheet.column_range(1),
                {f"Change {year}": sheet.column_range(column)},
                f"{says} {_source(sheet)}",
                "change per head",
                labels_below=False,
            )
        )
    return drawn


def _spread(sheet: Sheet, noun: str) -> Chart:
    """Return how many organisations are in each band: historic spend, or the first allocation, and the last."""
    columns = (3, len(sheet.headings))
    series = {sheet.headings[column - 1].rpartition(" (")[0]: sheet.column_range(column) for column in columns}
    sets = " and ".join(series).lower()
    return Chart(
        "column",
        f"{sentence(noun)}s by £ per head, before and after",
        "£ per registered patient: where each band begins",
        f"Number of {noun}s",
        sheet.column_range(2),
        series,
        f"Columns: number of {noun}s in each band of £ per registered patient, {sets}. {_source(sheet)}",
        "count",
    )


def _path(sheet: Sheet, noun: str) -> Chart:
    """Return how far apart organisations are, from the first money to the last year."""
    first, across = "the first year", "Allocations by year"
    if sheet.value(FIRST_ROW, 1) == "Historic spend":
        first, across = "historic spend", "Historic spend, then allocations by year"
    says = "Lines: highest, upper quartile, median, lower quartile and lowest £ per registered patient"
    return Chart(
        "line",
        "Path of £ per head over the years",
        across,
        "£ per registered patient",
        sheet.column_range(1),
        {name.partition(" (")[0]: sheet.column_range(column) for column, name in enumerate(sheet.headings[1:], 2)},
        f"{says} of any {noun}, from {first} to the last year. {_source(sheet)}",
        "£ per head",
    )


def _areas(layout: Layout, sheet: Sheet) -> Chart:
    """Return what each area gets, year by year."""
    label, by = layout.scheme.labels[layout.scheme.result], sheet.headings[0]
    areas = f"{by[:1].lower()}{by[1:]}"
    series = {
        year: sheet.column_range(column)
        for year in layout.years
        for column, heading in enumerate(sheet.headings, 1)
        if heading.startswith(f"{label} {year}")
    }
    return Chart(
        "bar",
        f"Where the money goes: {label[:1].lower()}{label[1:]} by {areas}",
        by,
        "£ million",
        sheet.column_range(1),
        series,
        f"Bars: total of the allocations of each {areas} in £ million, by year. {_source(sheet)}",
        "millions",
        height=max(300, 90 + (sheet.last_row - FIRST_ROW + 1) * (10 + 6 * min(4, len(series)))),
        wide=True,
    )


def _source(sheet: Sheet) -> str:
    return f"The figures stand on the sheet {sheet.name}."
