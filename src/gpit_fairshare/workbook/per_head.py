"""£ per head of every organisation, live: before and after, gains and losses, and the spread."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

from gpit_fairshare.engine.measures import BASELINE, PEOPLE
from gpit_fairshare.language import in_excel as excel
from gpit_fairshare.language.kinds import ORGANISATION
from gpit_fairshare.numbers import decimals
from gpit_fairshare.workbook.layout import NOT_GIVEN, Block, Layout
from gpit_fairshare.workbook.sheets import FIRST_ROW, HEADING_ROW, NOT_APPLICABLE, ROW, Sheet, letter

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gpit_fairshare.workbook.steps import StepWriter

CHANGE: Final = "Change per head"
SPREAD: Final = "Spread per head"
PATH: Final = "Path per head"
RANK: Final = "Rank"
MOST_SORTED: Final = 1_000
"""Most organisations that are sorted live: the work grows with the square of their number."""
_BANDS: Final = 24
_PENNY: Final = 0.01
_EDGE: Final = excel.CONSTANTS["tolerance"][0]
"""Margin in £ per head at the start of a band, so that a rate at the start is in the band in every program."""


def write_per_head(writers: dict[str, StepWriter]) -> None:
    """Add £ per head to the workings of each year: historic spend, allocation, change, and the rank of the change.

    Nothing is added for answers that are not money or without patients; there is no change without historic spend, and
    no rank for more than 1,000 organisations. Organisations without patients get `[z]`.
    """
    for year, writer in writers.items():
        layout, columns = writer.layout, writer.columns
        block, result = layout.blocks[ORGANISATION, year], layout.scheme.result
        people = block.number_column(PEOPLE)
        if not people or layout.scheme.symbols[result].unit != "£":
            continue
        heads = block.cell(PEOPLE)
        for key, label in ((BASELINE, "Historic spend"), (result, "Allocation")):
            if money := block.number_column(key):
                formula = f'IF({heads}>0,{block.cell(key)}/{heads},"{NOT_APPLICABLE}")'
                heading = f"{label} per head (£)"
                pairs = zip(money, people, strict=True)
                rates = [pounds / persons if persons > 0 else NOT_APPLICABLE for pounds, persons in pairs]
                columns.add_helper(block, f"{key} per head", heading, formula, rates, "£ per head")
        if not block.number_column(BASELINE):
            continue
        old_rates, new_rates = (block.helper_values(f"{key} per head") for key in (BASELINE, result))
        changes = [
            NOT_APPLICABLE if old_rate == NOT_APPLICABLE else new_rate - old_rate
            for old_rate, new_rate in zip(old_rates, new_rates, strict=True)
        ]
        after, before = (block.helper_cell(f"{key} per head", on_sheet=block.workings) for key in (result, BASELINE))
        formula = f'IF(ISNUMBER({after}),{after}-{before},"{NOT_APPLICABLE}")'
        heading = "Change on historic spend per head (£)"
        columns.add_helper(block, "change per head", heading, formula, changes, "change per head")
        if len(changes) <= MOST_SORTED:
            column = f"${letter(block.helpers['change per head'])}"
            rank = excel.rank(column, ROW, block.sheet.last_row, FIRST_ROW)
            formula = f'IF(ISNUMBER({column}{ROW}),{rank},"{NOT_APPLICABLE}")'
            columns.add_helper(block, "rank", "Rank by change per head", formula, _ranks(changes), "count")


def _ranks(changes: Sequence[Any]) -> list[Any]:
    """Return each row's rank by change, the largest first; equal changes are ranked in the order of rows."""
    order = sorted((-change, row) for row, change in enumerate(changes) if change != NOT_APPLICABLE)
    ranks = {row: rank for rank, (_, row) in enumerate(order, 1)}
    return [ranks.get(row, NOT_APPLICABLE) for row in range(len(changes))]


def change_sheet(layout: Layout) -> Sheet | None:
    """Return the sheet of the change per head of every organisation, sorted live; None if there are no changes.

    If there are too many organisations to sort, the sheet has percentiles instead.
    """
    blocks = [block for block in layout.organisations().values() if "change per head" in block.helpers]
    if not blocks:
        return None
    title = f"{layout.scheme.title}: change on historic spend per head"
    if any("rank" not in block.helpers for block in blocks):
        return _change_by_hundredths(layout, blocks, title)
    note = "Allocation less historic spend, per head, from the largest gain to the largest loss in each year."
    sheet = layout.make_sheet(CHANGE, title, note)
    ranks = range(1, max(block.height for block in blocks) + 1)
    sheet.add_column(RANK, 9, list(ranks), None, "count")
    for block in blocks:
        year, codes = block.year.year, block.year.codes()
        names = [name or NOT_GIVEN for name in block.year.organisations["org_name"].to_list()]
        changes = block.helper_values("change per head")
        row_at = {rank: row for row, rank in enumerate(block.helper_values("rank"))}
        match = f"MATCH($A{ROW},{block.helper_range('rank')},0)"
        for heading, width, values, cells, number in (
            (f"Code {year}", 9, codes, block.sheet.column_range(1), "number"),
            (f"Name {year}", 40, names, block.sheet.column_range(2), "number"),
            (f"Change {year} (£ per head)", 16, changes, block.helper_range("change per head"), "change per head"),
        ):
            in_order = [values[row_at[rank]] if rank in row_at else NOT_APPLICABLE for rank in ranks]
            formula = f'IFERROR(INDEX({cells},{match}),"{NOT_APPLICABLE}")'
            sheet.add_column(heading, width, in_order, formula, number)
    return sheet


def _change_by_hundredths(layout: Layout, blocks: Sequence[Block], title: str) -> Sheet:
    """Return the sheet of the percentiles of the change per head, used if there are too many organisations to sort."""
    count, noun = max(block.height for block in blocks), layout.scheme.organisation
    note = f"Formulas cannot sort {count:,} {noun}s; each row shows the change that this share of them stays below."
    sheet = layout.make_sheet(CHANGE, title, note)
    shares = [index / 100 for index in range(101)]
    hundred = layout.constant("constant_100", 100, "Turns percentages into shares.")
    sheet.add_column(f"Share of {noun}s (%)", 20, shares, f"(ROW()-ROW($A${HEADING_ROW})-1)/{hundred}", "%")
    for block in blocks:
        changes = sorted(applicable(block, "change per head"))
        heading = f"Change {block.year.year} (£ per head)"
        formula = f"PERCENTILE({block.helper_range('change per head')},$A{ROW})"
        values = [_percentile(changes, share) for share in shares]
        sheet.add_column(heading, 20, values, formula, "change per head")
    return sheet


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
    sheet = layout.make_sheet(SPREAD, f"{layout.scheme.title}: {noun}s by £ per head", note)
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
    sheet = layout.make_sheet(PATH, f"{layout.scheme.title}: quartiles of £ per head", note)
    sheet.add_column("Measure", 26, [heading for heading, _, _ in sets])
    three = layout.constant("constant_3", 3, "The third quartile.")
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
