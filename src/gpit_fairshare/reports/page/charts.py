"""The charts of a page: what each draws, its figures as rows, and a description in words for those who do not see it.

A chart is a Vega-Lite specification without data. `scripts/charts.js` draws it, and writes its rows and description
again in a what-if. Position and words tell everything that colour tells.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass, field
from statistics import median
from typing import TYPE_CHECKING, Any, Final

from gpit_fairshare.engine.measures import NO_CHANGE
from gpit_fairshare.engine.organisation_years import opening_label, organisation_years
from gpit_fairshare.numbers import money, per_head, signed, whole_percentage
from gpit_fairshare.words import counted, inside, joined, plural

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gpit_fairshare.reports.allocation_opening import Opening

Rows = list[dict[str, Any]]
"""The data of a chart: one dictionary for each mark."""

_TEXT: Final = "#212b32"
_MORE: Final = "#005eb8"
_LESS: Final = "#a3460c"
_BEFORE: Final = "#5b6b77"
_NEUTRAL: Final = "#d8dde0"
"""The contrast of each to white is at least 4.5, but for the neutral colour, which has dark text on it."""
_FONT: Final = {"labelColor": _TEXT, "labelFontSize": 14, "titleColor": _TEXT, "titleFontSize": 14}
CONFIG: Final[dict[str, Any]] = {
    "aria": False,  # the chart's element has the description; what is inside is hidden from screen readers
    "background": "white",
    "font": "system-ui, sans-serif",
    "padding": 4,
    "view": {"stroke": None},
    "mark": {"aria": False, "color": _MORE},
    "text": {"color": _TEXT, "fontSize": 14},
    "axis": {"aria": False, "domain": False, "grid": False, "ticks": False, "titleFontWeight": "normal", **_FONT},
    "legend": {"aria": False, "labelLimit": 320, "title": None, "symbolType": "square", **_FONT},
}
"""The settings of Vega-Lite that all charts share."""

_NAMED: Final = 10
"""Largest losses, and gains, that are named in a chart of changes."""
_MOST_IN_FULL: Final = 300
"""Above this number a chart of changes leaves out those between the largest losses and gains."""
_NAMED_OF_MANY: Final = 30
"""Largest losses, and gains, that are then drawn."""
_NAMED_ROW: Final = 22
_THIN_ROW: Final = 2
_GAP: Final = 34
"""Heights in pixels: of a bar with a name, of one without, and of the place of all that are left out."""
_YEAR_ROW: Final = 36
_CAUSE_ROW: Final = 44
"""Heights in pixels: of a year in a path, and of a cause in a waterfall."""
_IN_WORDS: Final = 3
"""Largest losses, and gains, that a description names."""
_NEAR: Final = (0.05, 0.01)
"""How near to a fair share is near: the first that a quarter of organisations are further away than at the start."""


@dataclass(frozen=True, slots=True)
class PageChart:
    """One chart of a page."""

    id: str
    """The page has the chart in the element `chart-ID`."""
    title: str
    description: str
    """Says in words what the chart shows, with the figures that matter."""
    spec: dict[str, Any]
    """A Vega-Lite specification with the named data `rows`, to be joined with `CONFIG`."""
    rows: Rows
    near: float = 0.0
    """How near to a fair share counts as near, as a ratio."""
    bands: list[str] = field(default_factory=list)
    """Labels of the distances from a fair share: below, near and above."""


def charts_of(opening: Opening) -> list[PageChart]:
    """Return the charts of a run that its figures allow: gains and losses, spread, path."""
    charts = [gains_and_losses(opening), spread(opening), path(opening)]
    return [chart for chart in charts if chart]


def charts_entry(charts: Sequence[PageChart]) -> dict[str, Any]:
    """Return the charts and the settings that they share, ready for JSON: what `drawCharts` of the page takes."""
    return {"config": CONFIG, "charts": [asdict(chart) for chart in charts]}


def _spec(*layers: dict[str, Any], **parts: Any) -> dict[str, Any]:
    schema = "https://vega.github.io/schema/vega-lite/v6.json"
    size = {"width": "container", "autosize": {"type": "fit-x", "contains": "padding"}}
    return {"$schema": schema, "data": {"name": "rows"}, **size, **parts, "layer": [*layers]}


def _layer(mark: dict[str, Any], transform: Sequence[dict[str, Any]] = (), **encoding: Any) -> dict[str, Any]:
    return {"mark": mark, "transform": [*transform], "encoding": encoding}


def _number(name: str, **parts: Any) -> dict[str, Any]:
    return {"field": name, "type": "quantitative", **parts}


def _either(test: str, value: str, otherwise: str) -> dict[str, Any]:
    return {"condition": {"test": test, "value": value}, "value": otherwise}


_ZERO: Final = {"datum": 0, "type": "quantitative"}
_APART: Final = {"labelOverlap": "greedy", "labelSeparation": 12}
"""Labels of an axis that would be nearer to each other, in pixels, are left out."""


# Gains and losses ----------------------------------------------------------------------------------------------


def gains_and_losses(opening: Opening) -> PageChart | None:
    """Return the change of every organisation in the last year; None if there is none."""
    before_label, before = _before(opening)
    figures = [row.figures for row in opening.organisations]
    names = Counter(row.name for row in figures)
    changes = [
        (_label(row.name, row.code, names), row.allocation - amount)
        for row, amount in zip(figures, before, strict=True)
        if amount is not None
    ]
    if not any(abs(change) >= NO_CHANGE for _, change in changes):
        return None
    return movers("gains-and-losses", f"Change on {before_label} in {opening.last.year}", changes, opening.organisation)


def _before(opening: Opening) -> tuple[str, list[float | None]]:
    """Return what every organisation had before the last year, in £: historic spend, or else the opening baseline."""
    rows = opening.organisations
    if any(row.before is not None for row in rows):
        return opening.spend_label, [row.before for row in rows]
    return inside(opening_label(opening.result, opening.last.year)), [row.figures.opening for row in rows]


def _label(name: str, code: str, names: Counter[str]) -> str:
    """Return the name of an organisation, after its code if others have that name; without a name its code."""
    return code if not name else name if names[name] == 1 else f"{code} {name}"


def movers(name: str, title: str, changes: Sequence[tuple[str, float]], noun: str) -> PageChart:
    """Return a chart of changes in £, from the largest loss to the largest gain; the largest are named.

    Args:
        name: Id of the chart.
        title: What changes.
        changes: Label and change of each organisation, at least one; above 0 for a gain.
        noun: What an organisation is called, such as `CCG`.
    """
    height = sum(_row_heights(len(changes)))
    axis = {"orient": "top", "labelExpr": _short_pounds("datum.value"), "grid": True, "tickCount": 4}
    scale = {"domain": [height, 0], "nice": False}
    label = f"(datum.bottom > datum.top ? {_short_pounds('datum.change')} + ' ' : '') + datum.label"
    beside = {
        "type": "text",
        "fontSize": 13,
        "align": {"expr": "datum.side < 0 ? 'right' : 'left'"},
        "dx": {"expr": "6 * datum.side"},
        "limit": {"expr": "width / 2 - 8"},
    }
    bars = _layer(
        {"type": "bar"},
        x=_number("change", axis={**axis, "title": "← less · change in £ · more →"}),
        x2={"datum": 0},
        y=_number("top", axis=None, scale=scale),
        y2={"field": "bottom"},
        color=_either("datum.change < 0", _LESS, _MORE),
        tooltip={"field": "label"},
    )
    labels = _layer(
        beside,
        [{"filter": "datum.side != 0"}, {"calculate": label, "as": "text"}],
        x=_ZERO,
        y=_number("middle", axis=None, scale=scale),
        text={"field": "text"},
    )
    spec = _spec(bars, _layer({"type": "rule", "color": _TEXT}, x=_ZERO), labels, height=height)
    ordered = sorted(changes, key=lambda change: (change[1], change[0]))
    return PageChart(name, title, _changes_in_words(title, ordered, noun), spec, _change_rows(ordered))


def _short_pounds(value: str) -> str:
    """Return a Vega expression that writes a change in £ with three digits: `-£1.90m`, `+£573k`, `£0`."""
    letters = f"replace(replace(format(abs({value}), '.3s'), 'M', 'm'), 'G', 'bn')"
    short = f"replace({letters}, regexp('[.]0+(?=[a-z])'), '')"
    digits = f"(abs({value}) < 1000 ? format(abs({value}), ',.0f') : {short})"
    return f"(({value} <= -0.5 ? '-£' : {value} >= 0.5 ? '+£' : '£') + {digits})"


def _row_heights(number: int) -> list[int]:
    """Return the height of each bar from the top, in pixels; all those that are left out of many have one place."""
    if number <= 4 * _NAMED:
        return [_NAMED_ROW] * number
    named = [_NAMED_ROW] * (_NAMED if number <= _MOST_IN_FULL else _NAMED_OF_MANY)
    between = [_THIN_ROW] * (number - 2 * len(named)) if number <= _MOST_IN_FULL else [_GAP]
    return [*named, *between, *named]


def _change_rows(ordered: Sequence[tuple[str, float]]) -> Rows:
    """Return a row for each bar, with its place in pixels from the top and the side of its name, -1 for the left.

    Two rows without a height put zero in the middle, so that names have room on both sides.
    """
    number, heights = len(ordered), _row_heights(len(ordered))
    middle = ordered[number // 2][1]
    if number > _MOST_IN_FULL:
        ordered = [*ordered[:_NAMED_OF_MANY], ("", 0.0), *ordered[-_NAMED_OF_MANY:]]
    rows, top = [], 0
    for (label, change), height in zip(ordered, heights, strict=True):
        margin = 0 if height == _THIN_ROW else 2
        side = 0 if height != _NAMED_ROW else 1 if change < 0 else -1
        rows.append(_change_row(label, change, top + margin, top + height - margin, side))
        top += height
    largest = max(abs(change) for _, change in ordered) or 1.0  # a scale needs a length
    rows += [_change_row("", end, 0, 0, 0) for end in (0 - largest, largest)]
    if unnamed := number - heights.count(_NAMED_ROW):
        side = 1 if middle < 0 else -1
        rows.append(_change_row(f"{unnamed:,} others", 0.0, top / 2, top / 2, side))
    return rows


def _change_row(label: str, change: float, top: float, bottom: float, side: int) -> dict[str, Any]:
    return {"label": label, "change": change, "top": top, "middle": (top + bottom) / 2, "bottom": bottom, "side": side}


def _changes_in_words(title: str, ordered: Sequence[tuple[str, float]], noun: str) -> str:
    losses = [f"{label} {signed(change)}" for label, change in ordered if change <= -NO_CHANGE]
    gains = [f"{label} {signed(change)}" for label, change in reversed(ordered) if change >= NO_CHANGE]
    texts = [f"{title}: {len(losses):,} of {counted(len(ordered), noun)} lose and {len(gains):,} gain."]
    for kind, largest in (("losses", losses), ("gains", gains)):
        if largest:
            texts.append(f"Largest {kind}: {joined(largest[:_IN_WORDS])}.")
    return " ".join(texts)


# Spread --------------------------------------------------------------------------------------------------------


def spread(opening: Opening) -> PageChart | None:
    """Return the distribution of £ per registered patient before and after, in the last year."""
    before_label, before = _before(opening)
    figures = [row.figures for row in opening.organisations]
    rates = {
        "Before": [
            amount / row.people
            for row, amount in zip(figures, before, strict=True)
            if row.people and amount is not None
        ],
        "After": [row.per_head for row in figures if row.per_head is not None],
    }
    if not opening.in_money or not all(rates.values()):
        return None
    title = f"£ per registered patient before and after, {opening.last.year}"
    names = [f"Before ({before_label})", f"After ({inside(opening.scheme.labels[opening.scheme.result])})"]
    noun = plural(opening.organisation)
    rows = [{"rate": rate, "after": when == "After"} for when, values in rates.items() for rate in values]
    return PageChart("spread", title, _spread_in_words(title, rates), _spread_spec(names, noun), rows)


def _spread_spec(names: Sequence[str], noun: str) -> dict[str, Any]:
    """Return the specification of two distributions of a `noun`, one above the other on the same scales."""
    ends = [{"op": end, "field": "rate", "as": end} for end in ("min", "max")]
    size = [{"op": "count", "as": "count"}]
    most, own_most = ([{"op": "max", "field": "count", "as": name}] for name in ("most", "own_most"))
    bins = [
        {"joinaggregate": ends, "groupby": ["after"]},
        {"bin": {"maxbins": 20}, "field": "rate", "as": ["from", "to"]},
        {"aggregate": size, "groupby": ["from", "to", "after", "min", "max"]},
        {"joinaggregate": most},
        {"joinaggregate": own_most, "groupby": ["after"]},
        {"calculate": "datum.after ? 0 : 1.6", "as": "floor"},
        {"calculate": "datum.floor + datum.count / datum.most", "as": "top"},
        {"calculate": "(datum.from + datum.to) / 2", "as": "middle"},
    ]
    lowest, highest = (f"'£' + format(datum.{end}, ',.2f')" for end in ("min", "max"))
    heading: list[dict[str, Any]] = [
        {"calculate": "datum.floor + datum.own_most / datum.most + 0.35", "as": "above"},
        {"aggregate": size, "groupby": ["after", "above", "min", "max"]},
        {"calculate": f"names[datum.after ? 1 : 0] + ': ' + {lowest} + ' to ' + {highest}", "as": "text"},
    ]
    label = "'£' + format(datum.value, datum.value % 1 ? ',.2f' : ',.0f')"
    axis = {"title": f"£ per registered patient (number of {noun})", "labelExpr": label, "domain": True, **_APART}
    hidden = {"axis": None, "scale": {"nice": False}}
    bars = _layer(
        {"type": "bar"},
        x=_number("from", bin={"binned": True}, axis=axis),
        x2={"field": "to"},
        y=_number("floor", **hidden),
        y2={"field": "top"},
        color=_either("datum.after", _MORE, _BEFORE),
    )
    above_bar = {"type": "text", "baseline": "bottom", "dy": -2, "fontSize": 12}
    counts = _layer(above_bar, x=_number("middle", axis=axis), y=_number("top", **hidden), text={"field": "count"})
    bold = {"type": "text", "align": "left", "baseline": "top", "fontWeight": "bold"}
    headings = _layer(bold, heading, x={"value": 0}, y=_number("above", **hidden), text={"field": "text"})
    return _spec(bars, counts, headings, height=320, params=[{"name": "names", "value": names}], transform=bins)


def _spread_in_words(title: str, rates: dict[str, list[float]]) -> str:
    texts = []
    for when, values in rates.items():
        lowest, middle, highest = (per_head(of(values)) for of in (min, median, max))
        texts.append(f"{when}: lowest {lowest}, middle {middle}, highest {highest}.")
    return f"{title}. {' '.join(texts)}"


# Path ----------------------------------------------------------------------------------------------------------


def path(opening: Opening) -> PageChart | None:
    """Return how many organisations are near their fair share in each year; without fair shares, its money.

    It needs more than one year.
    """
    years = list(opening.result.years)
    if len(years) < 2:
        return None
    figures = {year: organisation_years(opening.result, year) for year in years}
    distances = {f"Before {years[0]}": [row.opening_distance for row in figures[years[0]]]}
    distances |= {f"After {year}": [row.closing_distance for row in figures[year]] for year in years}
    known = {when: [value for value in values if value is not None] for when, values in distances.items()}
    known = {when: values for when, values in known.items() if values}
    if not known:
        return _totals(opening) if opening.in_money else None
    first = next(iter(known.values()))
    near = next((near for near in _NEAR if sum(abs(value) > near for value in first) * 4 >= len(first)), _NEAR[-1])
    size = whole_percentage(near)
    bands = [f"more than {size} below", f"within {size}", f"more than {size} above"]
    title = f"How many {plural(opening.organisation)} are near their fair share"
    counts = {when: _band_counts(values, near) for when, values in known.items()}
    rows = [
        {"when": when, "band": bands[order], "order": order, "count": count, "text": f"{count:,}" if count else ""}
        for when, numbers in counts.items()
        for order, count in enumerate(numbers)
    ]
    parts = [
        f"{when}: {', '.join(f'{count:,} {band}' for count, band in zip(numbers, bands, strict=True))}."
        for when, numbers in counts.items()
    ]
    return PageChart("path", title, f"{title}. {' '.join(parts)}", _bands_spec(bands, len(counts)), rows, near, bands)


def _bands_spec(bands: Sequence[str], years: int) -> dict[str, Any]:
    """Return the specification of a bar for each of some years, parted by how many organisations are in each band."""
    x = _number("count", stack="normalize", axis=None)
    y = {"field": "when", "sort": None, "axis": {"title": None}, "scale": {"paddingInner": 0.3}}
    scale = {"domain": bands, "range": [_MORE, _NEUTRAL, _LESS]}
    colour = {"field": "band", "scale": scale, "legend": {"orient": "top", "columns": 1}}
    order = {"field": "order"}
    white_or_dark = _either("datum.order == 1", _TEXT, "white")
    return _spec(
        _layer({"type": "bar", "stroke": "white"}, x=x, y=y, order=order, color=colour),
        _layer(
            {"type": "text", "fontWeight": "bold"},
            x={**x, "bandPosition": 0.5},
            y=y,
            order=order,
            text={"field": "text"},
            color=white_or_dark,
        ),
        height=years * _YEAR_ROW,
    )


def _band_counts(distances: Sequence[float], near: float) -> list[int]:
    counts = Counter(0 if value < -near else 2 if value > near else 1 for value in distances)
    return [counts[band] for band in range(3)]


def _totals(opening: Opening) -> PageChart:
    rows = [
        {"year": year.year, "total": year.allocated, "text": opening.write(year.allocated)} for year in opening.years
    ]
    y = {"field": "year", "sort": None, "axis": {"title": None}, "scale": {"paddingInner": 0.3}}
    inside_bar = {"type": "text", "align": "left", "dx": 8, "fontWeight": "bold", "color": "white"}
    bars = _layer({"type": "bar"}, x=_number("total", axis=None), y=y)
    spec = _spec(bars, _layer(inside_bar, x=_ZERO, y=y, text={"field": "text"}), height=len(rows) * _YEAR_ROW)
    title = f"{opening.total_label} in each year"
    totals = joined([f"{row['year']} {row['text']}" for row in rows])
    return PageChart("path", title, f"{title}: {totals}.", spec, rows)


# Comparison ----------------------------------------------------------------------------------------------------


def waterfall(
    title: str, start: tuple[str, float], causes: Sequence[tuple[str, float]], end: tuple[str, float]
) -> PageChart:
    """Return a chart from an old total to a new one, in £: label and change of each cause in order.

    A total is a mark and not a bar, because the scale does not begin at zero.
    """
    rows: Rows = [{"from": start[1], "to": start[1], "text": f"{money(start[1])} {start[0]}", "is_total": True}]
    for label, change in causes:
        before = rows[-1]["to"]
        rows.append({"from": before, "to": before + change, "text": f"{signed(change)} {label}", "is_total": False})
    rows.append({"from": end[1], "to": end[1], "text": f"{money(end[1])} {end[0]}", "is_total": True})
    rows = [{**row, "order": order} for order, row in enumerate(rows)]
    x = _number("from", scale={"zero": False, "nice": False, "padding": 10}, axis=None)
    y = {"field": "order", "type": "ordinal", "axis": None, "scale": {"paddingInner": 0.62, "paddingOuter": 0.5}}
    above_bar = {"type": "text", "align": "left", "baseline": "bottom", "dy": -12, "limit": {"expr": "width"}}
    mark = {"type": "tick", "thickness": 4, "color": _TEXT, "orient": "vertical"}
    spec = _spec(
        _layer({"type": "bar"}, x=x, x2={"field": "to"}, y=y, color=_either("datum.to < datum.from", _LESS, _MORE)),
        _layer(mark, [{"filter": "datum.is_total"}], x=x, y=y),
        _layer(above_bar, x={"value": 0}, y=y, text={"field": "text"}),
        height=len(rows) * _CAUSE_ROW,
    )
    return PageChart("waterfall", title, f"{title}: {'; '.join(row['text'] for row in rows)}.", spec, rows)
