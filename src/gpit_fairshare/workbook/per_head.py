"""£ per head of every organisation, live: what it was and is, who gains and loses, how far apart they stand."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

from gpit_fairshare.engine import BASELINE, PEOPLE
from gpit_fairshare.language import ORGANISATION
from gpit_fairshare.language import in_excel as x
from gpit_fairshare.workbook.sheets import FIRST_ROW, HEADING_ROW, NOT_APPLICABLE, ROW, Sheet, letter, quoted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gpit_fairshare.workbook.layout import Block, Layout
    from gpit_fairshare.workbook.steps import StepWriter

CHANGE: Final = "Change per head"
SPREAD: Final = "Spread per head"
PATH: Final = "Path per head"
MOST_SORTED: Final = 1_000
"""Organisations that are sorted live; each place looks through all, and the work grows with the square."""
_BANDS: Final = 24
_PENNY: Final = 0.01
_EDGE: Final = x.CONSTANTS["tolerance"][0]
"""£ per head by which a rate may miss the start of its band: one that stands on it is in it in every program."""


def write_per_head(writers: dict[str, StepWriter]) -> None:
    """Add £ per head to the workings of each year: historic spend, allocation, change, and its place."""
    for writer in writers.values():
        layout, block = writer.layout, writer.layout.block(ORGANISATION, writer.year)
        people = block.number_column(PEOPLE)
        if not people or layout.scheme.symbols[layout.scheme.result].unit != "£":
            continue
        heads = f"{quoted(block.sheet.name)}!${letter(block.columns[PEOPLE])}{ROW}"
        for key, says in ((BASELINE, "Historic spend"), (layout.scheme.result, "Allocation")):
            if block.number_column(key):
                money = f"{quoted(block.sheet.name)}!${letter(block.columns[key])}{ROW}"
                formula = f'IF({heads}>0,{money}/{heads},"{NOT_APPLICABLE}")'
                values = rates_of(block, key)
                writer.columns.helper(
                    block, f"{key} per head", f"{says} per registered patient (£)", formula, values, "£ per head"
                )
        if not block.number_column(BASELINE):
            continue
        old, now = rates_of(block, BASELINE), rates_of(block, layout.scheme.result)
        changes = [NOT_APPLICABLE if a == NOT_APPLICABLE else b - a for a, b in zip(old, now, strict=True)]
        cells = [
            block.helper_cell(f"{key} per head", ROW, here=block.workings) for key in (layout.scheme.result, BASELINE)
        ]
        formula = f'IF(ISNUMBER({cells[0]}),{cells[0]}-{cells[1]},"{NOT_APPLICABLE}")'
        heading = "Change on historic spend per registered patient (£)"
        writer.columns.helper(block, "change per head", heading, formula, changes, "change per head")
        if len(changes) <= MOST_SORTED:
            column = f"${letter(block.helpers['change per head'])}"
            place = x.rank(column, ROW, block.last, FIRST_ROW)
            formula = f'IF(ISNUMBER({column}{ROW}),{place},"{NOT_APPLICABLE}")'
            writer.columns.helper(block, "place", "Place by change per head", formula, _places(changes), "count")


def rates_of(block: Block, key: str) -> list[Any]:
    """Return £ per head of every organisation, and a mark where it has no patients."""
    money, people = block.number_column(key), block.number_column(PEOPLE)
    return [pounds / heads if heads > 0 else NOT_APPLICABLE for pounds, heads in zip(money, people, strict=bool(money))]


def _places(changes: Sequence[Any]) -> list[Any]:
    """Return each row's place, the largest change first, the earlier row first among equals."""
    order = sorted((-change, row) for row, change in enumerate(changes) if change != NOT_APPLICABLE)
    places: list[Any] = [NOT_APPLICABLE] * len(changes)
    for place, (_, row) in enumerate(order, 1):
        places[row] = place
    return places


def change_sheet(layout: Layout) -> Sheet | None:
    """Return the change per head of every organisation, sorted live; of every hundredth where there are many."""
    blocks = [layout.block(ORGANISATION, year) for year in layout.years]
    blocks = [block for block in blocks if "change per head" in block.helpers]
    if not blocks:
        return None
    title = f"{layout.scheme.title}: change per registered patient"
    if any("place" not in block.helpers for block in blocks):
        return _change_by_hundredths(layout, blocks, title)
    says = f"Allocation less historic spend, the largest gain first. {NOT_APPLICABLE}: does not apply."
    sheet = Sheet(CHANGE, title, layout.illustrative + says)
    longest = max(block.height for block in blocks)
    sheet.fill(sheet.heading("Place", 9), list(range(1, longest + 1)), None, "count")
    for block in blocks:
        year, changes, places = (
            block.year.year,
            _helper_values(block, "change per head"),
            _helper_values(block, "place"),
        )
        order = {place: row for row, place in enumerate(places)}
        codes, names = block.year.codes(), block.year.organisations["org_name"].to_list()
        found = f"MATCH($A{ROW},{block.helper_range('place')},0)"
        for heading, values, cells, width in (
            (f"Code {year}", codes, _sheet_range(block, 1), 9),
            (f"Name {year}", [name or "[not given]" for name in names], _sheet_range(block, 2), 40),
            (f"Change {year} (£ per head)", changes, block.helper_range("change per head"), 16),
        ):
            column = sheet.heading(heading, width)
            sorted_ = [values[order[place]] if place in order else NOT_APPLICABLE for place in range(1, longest + 1)]
            number = "change per head" if cells.endswith("head") or values is changes else "number"
            sheet.fill(column, sorted_, f'IFERROR(INDEX({cells},{found}),"{NOT_APPLICABLE}")', number)
    return sheet


def _change_by_hundredths(layout: Layout, blocks: Sequence[Block], title: str) -> Sheet:
    count, noun = max(block.height for block in blocks), layout.scheme.organisation
    note = (
        f"{layout.illustrative}{count:,} {noun}s are too many to be sorted by formulas: "
        "instead each row shows the change that so many per cent of them stay below."
    )
    sheet = Sheet(CHANGE, title, note)
    shares = [index / 100 for index in range(101)]
    hundred = layout.constant("constant_100", 100, "Hundredths in a whole.")
    formula = f"(ROW()-ROW($A${HEADING_ROW})-1)/{hundred}"
    sheet.fill(sheet.heading(f"Share of {noun}s (%)", 20), shares, formula, "%")
    for block in blocks:
        values = [value for value in _helper_values(block, "change per head") if value != NOT_APPLICABLE]
        column = sheet.heading(f"Change {block.year.year} (£ per head)", 20)
        cells = [_percentile(sorted(values), share) for share in shares]
        sheet.fill(column, cells, f"PERCENTILE({block.helper_range('change per head')},$A{ROW})", "change per head")
    return sheet


def _helper_values(block: Block, key: str) -> Sequence[Any]:
    return block.workings.fills[block.helpers[key]].values


def _sheet_range(block: Block, column: int) -> str:
    return f"{quoted(block.sheet.name)}!${letter(column)}${FIRST_ROW}:${letter(column)}${block.last}"


def _percentile(ordered: Sequence[float], share: float) -> float:
    """Return the figure below which a share lies, in a straight line between neighbours, as Excel does."""
    place = (len(ordered) - 1) * share
    low = math.floor(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)


def _sets(layout: Layout) -> list[tuple[str, Block, str]]:
    """Return heading, block and workings column of £ per head: historic spend once, then each year's allocation."""
    found: list[tuple[str, Block, str]] = []
    for year in layout.years:
        block = layout.block(ORGANISATION, year)
        if f"{BASELINE} per head" in block.helpers and not found:
            found.append(("Historic spend", block, f"{BASELINE} per head"))
        if f"{layout.scheme.result} per head" in block.helpers:
            found.append((f"Allocation {year}", block, f"{layout.scheme.result} per head"))
    return found


def spread_sheet(layout: Layout) -> Sheet | None:
    """Return how many organisations have which £ per head, before and after, in bands of equal width."""
    sets = _sets(layout)
    rates = [[one for one in _helper_values(block, key) if one != NOT_APPLICABLE] for _, block, key in sets]
    if not sets or not all(rates):
        return None
    noun = layout.scheme.organisation
    note = f"{layout.illustrative}How many {noun}s have which £ per registered patient; the last band has no upper end."
    sheet = Sheet(SPREAD, f"{layout.scheme.title}: {noun}s by £ per registered patient", note)
    lowest, highest = min(map(min, rates)), max(map(max, rates))
    width = _nice((highest - lowest) / (_BANDS - 1))
    step = layout.constant("band_width", width, f"£ per head: width of the bands on the sheet {SPREAD}.")
    first = math.floor(lowest / width + _EDGE) * width
    starts = [first]
    while len(starts) < _BANDS and starts[-1] + width <= highest:
        starts.append(starts[-1] + width)
    ranges = [block.helper_range(key) for _, block, key in sets]
    last = FIRST_ROW + len(starts) - 1

    def start(row: int) -> str:
        lows = f"MIN({','.join(ranges)})"
        return f"INT({lows}/{step}+tolerance)*{step}" if row == FIRST_ROW else f"$B{row - 1}+{step}"

    texts = [
        f"{one:.2f} and over" if index == len(starts) - 1 else f"{one:.2f} to {starts[index + 1]:.2f}"
        for index, one in enumerate(starts)
    ]
    form = '"0.00"'
    sheet.fill(
        sheet.heading("Band (£ per head)", 20),
        texts,
        lambda row: (
            f'TEXT($B{row},{form})&" and over"'
            if row == last
            else f'TEXT($B{row},{form})&" to "&TEXT($B{row + 1},{form})'
        ),
    )
    sheet.fill(sheet.heading("From (£ per head)", 14), starts, start, "£ per head")
    for (heading, _, _), cells, values in zip(sets, ranges, rates, strict=True):
        counts = [sum(_from(value, one) for value in values) for one in starts]
        counts = [one - (counts[place + 1] if place + 1 < len(counts) else 0) for place, one in enumerate(counts)]
        column = sheet.heading(f"{heading} ({noun}s)", 18)

        def counted(row: int, cells: str = cells, above: str = letter(column)) -> str:
            if row == last:
                return (
                    f"COUNT({cells})-SUM({above}{FIRST_ROW}:{above}{row - 1})" if row > FIRST_ROW else f"COUNT({cells})"
                )
            return f"SUMPRODUCT(({cells}>=$B{row}-tolerance)*({cells}<$B{row + 1}-tolerance))"

        sheet.fill(column, counts, counted, "count")
    return sheet


def _from(value: float, start: float) -> bool:
    """Return whether a value is in a band or above it; programs differ in the last digit at its edge."""
    return value >= start - _EDGE


def _nice(width: float) -> float:
    """Return the next of 1, 2, 5 and 10 times a power of ten, and no less than the penny that labels show."""
    if width <= _PENNY:
        return _PENNY
    power = 10.0 ** math.floor(math.log10(width))
    return next(round(one * power, 12) for one in (1, 2, 5, 10) if one * power >= width * (1 - 1e-12))


def path_sheet(layout: Layout) -> Sheet | None:
    """Return the path over the years: lowest, quartiles, middle and highest £ per head."""
    sets = _sets(layout)
    if len(sets) < 2:
        return None
    noun = layout.scheme.organisation
    note = (
        f"{layout.illustrative}Each {noun} counts once, whatever its size; half of them lie between the two quartiles."
    )
    sheet = Sheet(PATH, f"{layout.scheme.title}: path of £ per registered patient", note)
    sheet.fill(sheet.heading("Money", 26), [heading for heading, _, _ in sets])
    three = layout.constant("constant_3", 3, "The third of four quarters.")
    for heading, share, call in (
        ("Highest", 1.0, "MAX({})"),
        ("Upper quartile", 0.75, f"QUARTILE({{}},{three})"),
        ("Median", 0.5, "MEDIAN({})"),
        ("Lower quartile", 0.25, "QUARTILE({},1)"),
        ("Lowest", 0.0, "MIN({})"),
    ):
        column = sheet.heading(f"{heading} (£ per head)", 16)
        values = []
        for _, block, key in sets:
            rates = sorted(one for one in _helper_values(block, key) if one != NOT_APPLICABLE)
            values.append(_percentile(rates, share) if rates else 0.0)

        def formula(row: int, call: str = call) -> str:
            _, block, key = sets[row - FIRST_ROW]
            return call.format(block.helper_range(key))

        sheet.fill(column, values, formula, "£ per head")
    return sheet
