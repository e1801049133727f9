"""The charts of Summary, drawn from the figures of other sheets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gpit_fairshare.workbook.per_head import CHANGE, PATH, SPREAD
from gpit_fairshare.workbook.sheets import FIRST_ROW, Chart, Series

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
    if areas and areas.last_row - FIRST_ROW < _MOST_AREAS:
        drawn.append(_areas(layout, areas))
    return drawn


def _capital(noun: str) -> str:
    return noun[:1].upper() + noun[1:]


def _changes(sheet: Sheet, noun: str) -> list[Chart]:
    """Return the change per head of the first year and of the last."""
    columns = [column for column, heading in enumerate(sheet.headings, 1) if heading.startswith("Change ")]
    in_places = sheet.headings[0] == "Place"
    across = (
        f"{_capital(noun)}s, from the largest gain to the largest loss"
        if in_places
        else f"Share of {noun}s, lowest first"
    )
    drawn = []
    for column in dict.fromkeys((columns[0], columns[-1])):
        year = sheet.headings[column - 1].split()[1]
        says = (
            f"Columns: change of the allocation on historic spend in £ per registered patient, {year}, sorted. "
            f"The figures stand on the sheet {CHANGE}."
        )
        series = (Series(f"Change {year}", sheet.column_range(1), sheet.column_range(column)),)
        title, up = f"Change on historic spend per head, {year}", "£ per registered patient"
        drawn.append(Chart("column", title, across, up, series, says, "change per head", labels_below=False))
    return drawn


def _spread(sheet: Sheet, noun: str) -> Chart:
    """Return how many organisations stand in each band: historic spend, or the first allocation, and the last."""
    series = [
        Series(sheet.headings[column - 1].rpartition(" (")[0], sheet.column_range(2), sheet.column_range(column))
        for column in range(3, len(sheet.headings) + 1)
    ]
    says = (
        f"Columns: number of {noun}s in each band of £ per registered patient, "
        f"{' and '.join(one.name.lower() for one in dict.fromkeys((series[0], series[-1])))}. "
        f"The figures stand on the sheet {SPREAD}."
    )
    return Chart(
        "column",
        f"{_capital(noun)}s by £ per head, before and after",
        "£ per registered patient: where each band begins",
        f"Number of {noun}s",
        tuple(dict.fromkeys((series[0], series[-1]))),
        says,
        "count",
    )


def _path(sheet: Sheet, noun: str) -> Chart:
    series = tuple(
        Series(heading.partition(" (")[0], sheet.column_range(1), sheet.column_range(column))
        for column, heading in enumerate(sheet.headings[1:], 2)
    )
    first = "historic spend" if sheet.value(FIRST_ROW, 1) == "Historic spend" else "the first year"
    says = (
        f"Lines: highest, upper quartile, median, lower quartile and lowest £ per registered patient of any {noun}, "
        f"from {first} to the last year. "
        f"The figures stand on the sheet {PATH}."
    )
    return Chart(
        "line",
        "Path of £ per head over the years",
        "Historic spend, then allocations by year" if first == "historic spend" else "Allocations by year",
        "£ per registered patient",
        series,
        says,
        "£ per head",
    )


def _areas(layout: Layout, sheet: Sheet) -> Chart:
    label, by = layout.scheme.labels[layout.scheme.result], sheet.headings[0]
    by_ = f"{by[:1].lower()}{by[1:]}"
    series = tuple(
        Series(year, sheet.column_range(1), sheet.column_range(column))
        for year in layout.years
        for column, heading in enumerate(sheet.headings, 1)
        if heading.startswith(f"{label} {year}")
    )
    says = (
        f"Bars: total of the allocations of each {by_} in £ million, by year. "
        f"The figures stand on the sheet {sheet.name}."
    )
    return Chart(
        "bar",
        f"Where the money goes: {label[:1].lower()}{label[1:]} by {by_}",
        by,
        "£ million",
        series,
        says,
        "millions",
        height=max(300, 90 + (sheet.last_row - FIRST_ROW + 1) * (10 + 6 * min(4, len(series)))),
        wide=True,
    )
