"""Gains and losses of organisations, and the spread of £ per head, live: the figures of the charts."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from gpit_fairshare.engine.measures import BASELINE, PEOPLE
from gpit_fairshare.language import in_excel as excel
from gpit_fairshare.language.kinds import ORGANISATION
from gpit_fairshare.numbers import decimals
from gpit_fairshare.workbook.layout import NOT_GIVEN, Block, Layout
from gpit_fairshare.workbook.sheets import FIRST_ROW, NONE, NOT_APPLICABLE, ROW, Sheet, letter

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from gpit_fairshare.workbook.steps import StepWriter

CHANGE_ON_SPEND: Final = "change on historic spend"
"""Key of the change on historic spend among the columns of the workings, in £."""
LABEL: Final = "name and code"
"""Key of the name and code of an organisation, in one text, among the columns of the workings."""
GAINS: Final = "Gains and losses"
SPREAD: Final = "Spread per head"
PATH: Final = "Path per head"
PLACE_USE: Final = "A place in an order, or a quartile."
"""What the constants 2 and 3 are for."""
ROOM: Final = "Room for amounts"
"""Heading of the column of invisible bars."""
_ROOM: Final = 1.35
MOST_NAMED: Final = 50
"""Most organisations that are all named in a chart."""
AT_EACH_END: Final = 20
"""Organisations named at each end if there are more."""
MOST_SORTED: Final = 1_000
"""Most organisations that are sorted live: the work grows with the square of their number."""
_BANDS: Final = 24
_PENNY: Final = 0.01
_EDGE: Final = excel.CONSTANTS["tolerance"][0]
"""Margin in £ per head at the start of a band, so that a rate at the start is in the band in every program."""


def write_per_head(writers: dict[str, StepWriter]) -> None:
    """Add to the workings of each year the change on historic spend with its rank and names, and the rates per head.

    Nothing is added for answers that are not money. There is no change without historic spend, no rank for more than
    1,000 organisations, and nothing per head without patients. Organisations without patients get `[z]`.
    """
    for year, writer in writers.items():
        layout, columns = writer.layout, writer.columns
        block, result = layout.blocks[ORGANISATION, year], layout.scheme.result
        if layout.scheme.symbols[result].unit != "£":
            continue
        people, before, after = (block.number_column(name) for name in (PEOPLE, BASELINE, result))
        if before:
            changes = [new - old for new, old in zip(after, before, strict=True)]
            formula = f"{block.cell(result)}-{block.cell(BASELINE)}"
            columns.add_helper(block, CHANGE_ON_SPEND, "Change on historic spend (£)", formula, changes, "change")
            if len(changes) <= MOST_SORTED:
                column = f"${letter(block.helpers[CHANGE_ON_SPEND])}"
                formula = excel.rank(column, ROW, block.sheet.last_row, FIRST_ROW)
                columns.add_helper(block, "rank", "Rank by change", formula, _ranks(changes), "count")
                names, codes = (block.values(key) for key in ("org_name", "org_code"))
                labels = [f"{name or NOT_GIVEN} ({code})" for name, code in zip(names, codes, strict=True)]
                formula = f'{block.cell("org_name")}&" ("&{block.cell("org_code")}&")"'
                columns.add_helper(block, LABEL, "Name and code", formula, labels)
        if not people:
            continue
        heads = block.cell(PEOPLE)
        for key, label, money in ((BASELINE, "Historic spend", before), (result, "Allocation", after)):
            if money:
                formula = f'IF({heads}>0,{block.cell(key)}/{heads},"{NOT_APPLICABLE}")'
                pairs = zip(money, people, strict=True)
                rates = [pounds / persons if persons > 0 else NOT_APPLICABLE for pounds, persons in pairs]
                columns.add_helper(block, f"{key} per head", f"{label} per head (£)", formula, rates, "£ per head")


def _ranks(changes: Sequence[float]) -> list[int]:
    """Return each row's rank by change, the largest first; equal changes are ranked in the order of rows."""
    order = sorted((-change, row) for row, change in enumerate(changes))
    ranks = {row: rank for rank, (_, row) in enumerate(order, 1)}
    return [ranks[row] for row in range(len(changes))]


def gains_sheet(layout: Layout) -> Sheet | None:
    """Return the sheet of gains and losses on historic spend in the last year, sorted live, with £ per head.

    With more than 50 organisations it has the 20 with the largest gains, the 20 with the largest losses, and a last row
    with the gains and losses of all others. The result is None without historic spend, or if there are too many
    organisations to sort.
    """
    year = layout.years[-1]
    block, scheme = layout.blocks[ORGANISATION, year], layout.scheme
    if "rank" not in block.helpers:
        return None
    noun, count = scheme.organisation, block.height
    all_shown = count <= MOST_NAMED
    ranks = (
        [*range(1, count + 1)]
        if all_shown
        else [*range(1, AT_EACH_END + 1), *range(count - AT_EACH_END + 1, count + 1)]
    )
    shown = f"All {count} {noun}s" if all_shown else f"The {AT_EACH_END} at each end of {count:,} {noun}s"
    title = f"{scheme.title}: gains and losses on historic spend, {year}"
    sheet = layout.make_sheet(GAINS, title, f"{shown}, from the largest gain to the largest loss.", "Working")
    row_at = {rank: row for row, rank in enumerate(block.helper_values("rank"))}
    rows = [row_at[rank] for rank in ranks]
    codes = block.year.codes()
    names = [name or NOT_GIVEN for name in block.year.organisations["org_name"].to_list()]
    changes = block.helper_values(CHANGE_ON_SPEND)
    others = [] if all_shown else [row for row in range(count) if row not in set(rows)]
    last = FIRST_ROW + len(ranks) - 1

    def looked_up(cells: str) -> Callable[[int], str | None]:
        """Return the formulas that look a column of the year up by rank; none in the row of the others."""
        return lambda row: None if row > last else f"INDEX({cells},MATCH($A{row},{block.helper_range('rank')},0))"

    label = f"{len(others)} other {noun}s"
    sheet.add_column("Rank", 9, [*ranks, *([NONE] if others else [])], None, "count")
    cells = block.sheet.column_range(1)
    sheet.add_column("Code", 9, [*(codes[row] for row in rows), *([NONE] if others else [])], looked_up(cells))
    cells = block.sheet.column_range(2)
    sheet.add_column("Name", 40, [*(names[row] for row in rows), *([label] if others else [])], looked_up(cells))
    labels = [*(block.helper_values(LABEL)[row] for row in rows), *([label] if others else [])]
    sheet.add_column("Name and code", 44, labels, looked_up(block.helper_range(LABEL)))
    change = looked_up(block.helper_range(CHANGE_ON_SPEND))
    for heading, function, of_change in (("Gain (£)", "MAX", max), ("Loss (£)", "MIN", min)):
        column = letter(len(sheet.headings) + 1)

        def formula(row: int, function: str = function, column: str = column) -> str:
            if row <= last:
                return f"{function}(0,{change(row)})"
            sign = ">" if function == "MAX" else "<"
            return f'SUMIF({block.helper_range(CHANGE_ON_SPEND)},"{sign}0")-SUM({column}{FIRST_ROW}:{column}{last})'

        values = [of_change(0.0, changes[row]) for row in rows]
        values += [math.fsum(of_change(0.0, changes[row]) for row in others)] if others else []
        sheet.add_column(heading, 16, values, formula, "change")
    _add_room_for_labels(layout, sheet, last, 1 if others else 0)
    for key, heading in ((BASELINE, "Historic spend"), (scheme.result, f"{scheme.labels[scheme.result]} {year}")):
        if f"{key} per head" in block.helpers:
            rates = block.helper_values(f"{key} per head")
            values = [*(rates[row] for row in rows), *([NOT_APPLICABLE] if others else [])]
            rate = looked_up(block.helper_range(f"{key} per head"))
            sheet.add_column(f"{heading} (£ per head)", 16, values, rate, "£ per head")
    return sheet


def _add_room_for_labels(layout: Layout, sheet: Sheet, last: int, others: int) -> None:
    """Add a column of invisible bars, longer than the longest, so that the axis leaves room for amounts beside bars.

    Args:
        layout: The layout of the workbook.
        sheet: The sheet of gains and losses.
        last: The last row of a named organisation.
        others: How many rows follow it.
    """
    gain, loss = (letter(len(sheet.headings) - 1 + place) for place in (0, 1))
    factor = layout.constant("room_for_amounts", _ROOM, "Length of an axis, as a multiple of the longest bar.")
    longest = [sheet.fills[len(sheet.headings) - 1 + place].values for place in (0, 1)]
    rows = range(FIRST_ROW, last + 1)

    def formula(row: int) -> str | None:
        if row > last:
            return None
        if row == FIRST_ROW:
            return f"{factor}*MAX({gain}{FIRST_ROW}:{gain}{last})"
        return f"{factor}*MIN({loss}{FIRST_ROW}:{loss}{last})" if row == last else "0"

    values = [0.0] * len(rows)
    values[0] = _ROOM * max(longest[0][: len(rows)])
    values[-1] = _ROOM * min(longest[1][: len(rows)]) if len(rows) > 1 else values[-1]
    sheet.add_column(f"{ROOM} (£)", 16, [*values, *([NOT_APPLICABLE] * others)], formula, "change")


def applicable(block: Block, key: str) -> list[float]:
    """Return the values of a column of the workings, without those that do not apply."""
    return [value for value in block.helper_values(key) if value != NOT_APPLICABLE]


def _percentile(ordered: Sequence[float], share: float) -> float:
    """Return the figure below which a share of the figures lies, interpolated between neighbours as Excel does."""
    place = (len(ordered) - 1) * share
    low = math.floor(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)


def _rate_sets(layout: Layout) -> list[tuple[str, str, list[float]]]:
    """Return heading, cells and values of each column of £ per head: historic spend once, then each year's allocation.

    The values leave out organisations without patients.
    """
    before, after = f"{BASELINE} per head", f"{layout.scheme.result} per head"
    blocks = layout.organisations()
    sets = [("Historic spend", block, before) for block in blocks.values() if before in block.helpers][:1]
    sets += [(f"Allocation {year}", block, after) for year, block in blocks.items() if after in block.helpers]
    return [(heading, block.helper_range(key), applicable(block, key)) for heading, block, key in sets]


def spread_sheet(layout: Layout) -> Sheet | None:
    """Return the sheet that counts organisations in bands of £ per head, for historic spend and each year's allocation.

    The result is None if there are no rates, or one of these sets has none.
    """
    sets = _rate_sets(layout)
    rates = [figures for _, _, figures in sets]
    if not sets or not all(rates):
        return None
    noun = layout.scheme.organisation
    note = f"Number of {noun}s in each band of £ per head. The last band has no upper limit."
    sheet = layout.make_sheet(SPREAD, f"{layout.scheme.title}: {noun}s by £ per head", note, "Working")
    starts, width = _bands(min(map(min, rates)), max(map(max, rates)))
    step = layout.constant("band_width", width, f"£ per head: width of the bands on the sheet {SPREAD}.")
    last, form = FIRST_ROW + len(starts) - 1, '"0.00"'

    def band(row: int) -> str:
        end = '" and over"' if row == last else f'" to under "&TEXT($B{row + 1},{form})'
        return f"TEXT($B{row},{form})&{end}"

    def start(row: int) -> str:
        lows = f"MIN({','.join(cells for _, cells, _ in sets)})"
        return f"INT({lows}/{step}+tolerance)*{step}" if row == FIRST_ROW else f"$B{row - 1}+{step}"

    edges = [decimals(low, 2) for low in starts]
    texts = [*(f"{low} to under {high}" for low, high in pairwise(edges)), f"{edges[-1]} and over"]
    sheet.add_column("Band (£ per head)", 20, texts, band)
    sheet.add_column("From (£ per head)", 14, starts, start, "£ per head")
    for heading, cells, values in sets:
        # How many values are in each band or above it; programs differ in the last digit at the edge of a band.
        above = [sum(value >= low - _EDGE for value in values) for low in starts]
        counts = [reached - higher for reached, higher in zip(above, [*above[1:], 0], strict=True)]
        column = letter(len(sheet.headings) + 1)

        def counted(row: int, cells: str = cells, column: str = column) -> str:
            """Return the formula that counts the organisations in a row's band."""
            if row < last:
                return f"SUMPRODUCT(({cells}>=$B{row}-tolerance)*({cells}<$B{row + 1}-tolerance))"
            lower = f"-SUM({column}{FIRST_ROW}:{column}{row - 1})" if row > FIRST_ROW else ""
            return f"COUNT({cells}){lower}"

        sheet.add_column(f"{heading} ({noun}s)", 18, counts, counted, "count")
    return sheet


def _bands(lowest: float, highest: float) -> tuple[list[float], float]:
    """Return the start of each band of equal width, and the width.

    At most 24 bands reach from the lowest to the highest figure. The width is a round number, and each start a multiple
    of it.
    """
    width = _round_width_up((highest - lowest) / (_BANDS - 1))
    starts = [math.floor(lowest / width + _EDGE) * width]
    while len(starts) < _BANDS and starts[-1] + width <= highest:
        starts.append(starts[-1] + width)
    return starts, width


def _round_width_up(width: float) -> float:
    """Return a width rounded up to 1, 2, 5 or 10 times a power of ten; at least a penny, which labels show."""
    if width <= _PENNY:
        return _PENNY
    power = 10.0 ** math.floor(math.log10(width))
    return next(round(times * power, 12) for times in (1, 2, 5, 10) if times * power >= width * (1 - 1e-12))


def path_sheet(layout: Layout) -> Sheet | None:
    """Return the sheet of £ per head over the years: lowest, quartiles, median and highest of the organisations.

    It has a row for historic spend and for each year's allocation; the result is None if there is only one of them.
    """
    sets = _rate_sets(layout)
    if len(sets) < 2:
        return None
    noun = layout.scheme.organisation
    note = f"Each {noun} counts once, large or small. The middle half of the {noun}s is between the quartiles."
    sheet = layout.make_sheet(PATH, f"{layout.scheme.title}: quartiles of £ per head", note, "Working")
    sheet.add_column("Measure", 26, [heading for heading, _, _ in sets])
    three = layout.constant("constant_3", 3, PLACE_USE)
    rates = [sorted(figures) for _, _, figures in sets]
    for heading, share, call in (
        ("Highest", 1.0, "MAX({})"),
        ("Upper quartile", 0.75, f"QUARTILE({{}},{three})"),
        ("Median", 0.5, "MEDIAN({})"),
        ("Lower quartile", 0.25, "QUARTILE({},1)"),
        ("Lowest", 0.0, "MIN({})"),
    ):

        def formula(row: int, call: str = call) -> str:
            return call.format(sets[row - FIRST_ROW][1])

        values = [_percentile(ordered, share) if ordered else 0.0 for ordered in rates]
        sheet.add_column(f"{heading} (£ per head)", 16, values, formula, "£ per head")
    return sheet
