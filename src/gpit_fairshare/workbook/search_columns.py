"""The search for the factor of a bounded `share_out` as live cells, round by round, and the values of those cells.

With bounds every row is clip(base + factor × weight). What all rows take together grows with the factor
in straight lines between the points at which a row leaves its floor or reaches its ceiling. The sheet
Sharing halves the list of those points until it knows between which two the amount is spent; the factor
follows. That takes some ten rows for 211 organisations and fifteen for 8,000, and no loop.

A search within groups reads the rows of a group some ten times. Over ranges of all rows that is rows × groups ×
rounds: two minutes for 8,000 practices of 211 CCGs. So a separate sheet has the rows of each group next to each
other, live: each row finds the next of its group below the last one, so that a practice that a reader moves to
another CCG moves here too.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from gpit_fairshare.language import in_excel as excel
from gpit_fairshare.language.kinds import ORGANISATION, Kind
from gpit_fairshare.words import inside, sentence
from gpit_fairshare.workbook.columns import KernelFigure, KernelFigures, Vector
from gpit_fairshare.workbook.layout import SHARING, sheet_name, with_unit
from gpit_fairshare.workbook.sheets import FIRST_ROW, ROW, Cell, letter, quoted

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

_TOLERANCE: Final = excel.CONSTANTS["tolerance"][0]
FLOOR, CEILING = "floor", "ceiling"
_FACTOR: Final = "for one unit of weight"


class Round(NamedTuple):
    """One round of the search in a group: the ranks on either side of the factor, and the rank that is tried."""

    lowest: int
    highest: int
    tried: int
    point: float
    """The factor at the rank that is tried."""
    spent: float


class SearchFactor(NamedTuple):
    """The outcome of the search in one group."""

    below: float
    """The factor at the turning point below."""
    spent: float
    moving: float
    """The weights that still share above that point."""
    factor: float


@dataclass
class Search:
    """The values of the cells of a bounded `share_out`."""

    weights: Sequence[float]
    """The weight of each row."""
    start: Sequence[float]
    """What each row takes before the factor applies."""
    turns: Mapping[str, Sequence[float]]
    """The factor at which each row leaves its FLOOR or reaches its CEILING; 0 where it has no weight."""
    rows: Sequence[Sequence[int]]
    """The rows of each group."""
    amounts: Sequence[float]
    """What each group has to share."""

    def __post_init__(self) -> None:
        """Sort the turning points of each group, and set how many rounds the search takes."""
        self.points = [sorted(side[row] for side in self.turns.values() for row in rows) for rows in self.rows]
        """The turning points of each group, sorted."""
        # Enough to find any of all points, even if rows move to another group, and one more to show the outcome.
        self.round_count = math.ceil(math.log2(sum(map(len, self.points)) + 1)) + 1

    def rounds(self, index: int) -> list[Round]:
        """Return the rounds of the search in the group with this position; each halves the range of ranks.

        The rank in the middle is tried: if its turning point spends less than the amount, it is the new lowest rank, or
        else the new highest; so the factor is the lowest of several. All groups have the same number of rounds.
        """
        points, amount, rounds = self.points[index], self.amounts[index], []
        lowest, highest = 0, len(points) + 1
        for _ in range(self.round_count):
            tried = max(1, (lowest + highest) // 2)
            point = points[tried - 1]
            spent = self._spent_at(index, point)
            rounds.append(Round(lowest, highest, tried, point, spent))
            if spent < amount - _TOLERANCE * max(1.0, abs(amount)):  # as the workbook compares them
                lowest = max(lowest, tried)
            else:
                highest = min(highest, tried)
        return rounds

    def factor(self, index: int) -> SearchFactor:
        """Return the factor that spends a group's amount, and the figures that it follows from.

        It is on the straight line from the turning point below, and not above the next one; if no row takes more beyond
        that point, it is the point itself. Where a range of factors spends the amount, it is the lowest.
        """
        points, lowest = self.points[index], self.rounds(index)[-1].lowest
        below = max(0.0, points[lowest - 1]) if lowest else 0.0
        spent = self._spent_at(index, below)
        moving = math.fsum(
            self.weights[row]
            for row in self.rows[index]
            if (FLOOR not in self.turns or self.turns[FLOOR][row] <= below)
            and (CEILING not in self.turns or self.turns[CEILING][row] > below)
        )
        if moving <= 0:
            return SearchFactor(below, spent, moving, below)
        line = below + (self.amounts[index] - spent) / moving
        upto = line if lowest >= len(points) else min(points[lowest], line)
        return SearchFactor(below, spent, moving, max(0.0, upto))

    def _spent_at(self, index: int, factor: float) -> float:
        """Return how much the rows of a group take together at a factor."""
        leaves, stops = self.turns.get(FLOOR), self.turns.get(CEILING)
        terms: list[float] = []
        for row in self.rows[index]:
            weight = self.weights[row]
            terms.append(self.start[row])
            if leaves is None:
                terms.append(factor * weight)
            elif leaves[row] < factor:
                terms.append((factor - leaves[row]) * weight)
            if stops is not None and stops[row] < factor:
                terms.append(-(factor - stops[row]) * weight)
        return math.fsum(terms)


class OwnOrder:
    """The order of rows for a search in which all rows are one group: that of the block."""

    def __init__(self, figures: KernelFigures) -> None:
        self.columns, self.block = figures.columns, figures.block

    def column_of_block(self, column: Vector) -> Vector:
        """Return a column of the block, for formulas of this order: the column itself."""
        return column

    def copy_column(self, _key: str, _heading: str, column: Vector) -> Vector:
        """Return a column of the block in this order: the column itself, as it need not be copied."""
        return column

    def add_column(self, key: str, heading: str, formula: str, values: Sequence[Any]) -> Vector:
        """Add a column to the workings of the block and return it."""
        column = self.columns.add_helper(self.block, key, heading, formula, values)
        return Vector(values, column.range, self.block.helper_cell(key, on_sheet=self.block.workings))

    def group_ends(self, _index: int) -> tuple[Cell, Cell]:
        """Return the cells with the first and last position of the only group, for the sheet Sharing."""
        rows = f"ROWS({self.block.sheet.column_range(1)})"
        return Cell(1, "1", "count"), Cell(self.block.height, rows, "count")

    def span(self, first: Vector, last: Vector) -> str:
        """Return the range of one column, or of several next to each other."""
        return f"{first.range.partition(':')[0]}:{last.range.rpartition(':')[2]}"

    def group_factor(self) -> str:
        """Return the factor that limits a sum to the rows of one group: an empty text, as there is one group only."""
        return ""


class GroupOrder:
    """A sheet with the rows of a block sorted by group, and inside each group in the order of the block."""

    def __init__(self, figures: KernelFigures) -> None:
        """Make the sheet: position, and as live formulas the group, position among all rows, and name of each row.

        The first and last position of each group on it are added to the sheet of the groups.
        """
        columns, block, groups = figures.columns, figures.block, figures.groups
        layout, scheme, within = columns.layout, columns.scheme, figures.within or ""
        self.groups = groups
        self.rows = [row for rows in figures.rows for row in rows]
        label = scheme.labels[within]
        noun = scheme.organisation if block.kind == ORGANISATION else scheme.labels[block.kind.column or ""]
        # A short name: each formula of a search contains it ten times.
        name = sheet_name("Order", layout.used_sheet_names, columns.year.replace("/", "-"))
        title = f"{sentence(noun)}s by {inside(label)}, {columns.year}"
        note = "Rows sorted by group, so that the search for a factor reads only the rows of its group."
        self.sheet = sheet = layout.make_sheet(name, title, note, "Working", frozen=4)
        numbers = figures.numbers
        self._first, self._last = f"First place on {sheet.name}", f"Last place on {sheet.name}"
        lasts = list(accumulate(map(len, figures.rows)))
        firsts = [1, *(last + 1 for last in lasts[:-1])]
        self._places = list(zip(firsts, lasts, strict=True))
        first_letter, last_letter = (letter(len(groups.sheet.headings) + place) for place in (1, 2))

        def first_place(row: int) -> str:
            return "1" if row == FIRST_ROW else f"${last_letter}{row - 1}+1"

        columns.write_figure(within, self._first, f"First position on {name}", "", first_place, firsts)
        formula = f"${first_letter}{ROW}+COUNTIF({numbers},$B{ROW})-1"
        columns.write_figure(within, self._last, f"Last position on {name}", "", formula, lasts)
        first_places = groups.column_range(self._first)

        def row_of(row: int) -> str:
            """Return the formula of the position among all rows: the next row of the same group."""
            first = f"MATCH($B{row},{numbers},0)"
            if row == FIRST_ROW:
                return first
            below = f"INDEX({numbers},$C{row - 1}+1):INDEX({numbers},ROWS({numbers}))"
            return f"IF($A{row}=INDEX({first_places},$B{row}),{first},$C{row - 1}+MATCH($B{row},{below},0))"

        members = [block.helper_values(f"group {within}")[row] for row in self.rows]
        names = block.sheet.fills[1].values
        sheet.add_column("Position", 9, list(range(1, block.height + 1)), None, "count")
        sheet.add_column(f"{label}: number of the group", 12, members, f"MATCH($A{ROW},{first_places},1)", "count")
        sheet.add_column("Position among all rows", 12, [row + 1 for row in self.rows], row_of, "count")
        formula = f"INDEX({block.sheet.column_range(1)},$C{ROW})"
        sheet.add_column(block.sheet.headings[0], 12, [names[row] for row in self.rows], formula)

    def column_of_block(self, column: Vector) -> Vector:
        """Return a column of the block with the cell that formulas of this order use; values stay in its order."""
        return Vector(column.values, column.range, f"INDEX({column.range},$C{ROW})")

    def copy_column(self, key: str, heading: str, column: Vector) -> Vector:
        """Copy a column of the block to this sheet, in the order of groups, and return it."""
        return self.add_column(key, heading, self.column_of_block(column).cell, column.values)

    def add_column(self, _key: str, heading: str, formula: str, values: Sequence[Any]) -> Vector:
        """Add a column to this sheet and return it; its values are given in the order of the block."""
        column = self.sheet.add_column(heading, 16, [values[row] for row in self.rows], formula)
        return Vector(values, self.sheet.column_range(column), self.sheet.cell(column, on_sheet=self.sheet))

    def group_ends(self, index: int) -> tuple[Cell, Cell]:
        """Return the cells with the first and last position of a group, for the sheet Sharing."""
        (first, last), row = self._places[index], f"${FIRST_ROW + index}"
        first_cell, last_cell = self.groups.cell(self._first, row), self.groups.cell(self._last, row)
        return Cell(first, first_cell, "count"), Cell(last, last_cell, "count")

    def span(self, first: Vector, last: Vector) -> str:
        """Return the range of a group's rows in one column or in several next to each other, for its formulas."""
        start, end = (self.groups.cell(key, on_sheet=self.groups.sheet) for key in (self._first, self._last))
        return _range_between(first, last, start, end)

    def group_factor(self) -> str:
        """Return the factor that limits a sum to the rows of the formula's group."""
        return f"({self.sheet.column_range(2)}=$B{ROW})*"


class SearchColumns:
    """The columns that a search reads: weights, the amount from the factor at each bound, and the turning points."""

    def __init__(
        self,
        figures: KernelFigures,
        orders: dict[tuple[Kind, str], GroupOrder],
        weights: Vector,
        base: Vector,
        bounds: Mapping[str, Vector],
        amount: KernelFigure,
    ) -> None:
        """Add the columns that the search reads: what each row takes before the factor applies, and its turning points.

        The first is its floor, or else its base; without a weight, its base within the bounds. A row turns at the
        factor that takes it from its base to its floor or ceiling; a row without a weight turns at 0.

        Args:
            figures: The figures of the step.
            orders: Sheets with rows sorted by group, by kind of row and grouping; a missing one is added.
            weights: The weight of each row.
            base: The base of each row.
            bounds: The floor and the ceiling of each row, as far as there are any.
            amount: What each group has to share.
        """
        self.figures, self.amount = figures, amount
        self.order = order = _order_of(figures, orders)
        name, label, unit = figures.step.name, figures.step.label, figures.step.unit

        def add(key: str, description: str, unit: str | None, formula: str, values: Sequence[float]) -> Vector:
            return order.add_column(f"{name} {key}", with_unit(f"{label}: {description}", unit), formula, values)

        self.weights = order.copy_column(f"{name} weight", f"{label}: weight", weights)
        weight, base_cell = self.weights.cell, order.column_of_block(base).cell
        cells = {side: order.column_of_block(bound).cell for side, bound in bounds.items()}
        formula = f"IF({weight}>0,{cells.get(FLOOR, base_cell)},{clip_formula(base_cell, cells)})"
        starts = zip(weights.values, bounds.get(FLOOR, base).values, clip(base, bounds), strict=True)
        values = [lowest if own_weight > 0 else bounded for own_weight, lowest, bounded in starts]
        self.start = add("start", "before the factor applies", unit, formula, values)
        self.rises: dict[str, Vector] = {}
        for side, bound in bounds.items():
            formula, description = f"IF({weight}>0,{cells[side]}-{base_cell},0)", f"factor's amount at the {side}"
            ends = zip(weights.values, bound.values, base.values, strict=True)
            values = [end - begin if own_weight > 0 else 0.0 for own_weight, end, begin in ends]
            self.rises[side] = add(f"{side} rise", description, unit, formula, values)
        # The turning points are side by side, so that they are one range.
        self.points: dict[str, Vector] = {}
        for side, rise in self.rises.items():
            formula, description = f"IF({weight}>0,{rise.cell}/{weight},0)", f"turning point of the {side}"
            pairs = zip(weights.values, rise.values, strict=True)
            values = [gain / own_weight if own_weight > 0 else 0.0 for own_weight, gain in pairs]
            self.points[side] = add(f"{side} turns", description, _FACTOR, formula, values)
        turns = {side: column.values for side, column in self.points.items()}
        self.search = Search(weights.values, self.start.values, turns, figures.rows, amount.values)
        self.outer = (next(iter(self.points.values())), list(self.points.values())[-1])
        """The first and the last column of turning points."""

    def write_search(self) -> KernelFigure:
        """Write the rounds of the search and the factor of each group, and return the factor.

        The factor is on a straight line from the turning point below it.
        """
        ends = [self._write_rounds(index) for index in range(len(self.figures.rows))]
        factors = [self.search.factor(index) for index in range(len(ends))]
        figures, name, span = self.figures, self.figures.step.name, self.order.span

        def at_end(column: str, row: int) -> str:
            return f"{quoted(SHARING)}!${column}${ends[row - FIRST_ROW]}"

        def below_factor(row: int) -> str:
            return f"IF({at_end('F', row)}=0,0,MAX(0,{at_end('I', row)}))"

        key, values = f"below factor of {name}", [factor.below for factor in factors]
        below = figures.put(key, "factor at the turning point below", below_factor, values, _FACTOR).on_group_row()
        key, values = f"spent below factor of {name}", [factor.spent for factor in factors]
        formula = self._sum_spent(below, lambda column: span(column, column))
        spent = figures.put(key, "spent at that factor", formula, values).on_group_row()
        key, values = f"weights moving of {name}", [factor.moving for factor in factors]
        moving = figures.put(key, "weights that still share", self._sum_moving(below), values, "weight").on_group_row()
        line, points = f"{below}+({self.amount.on_group_row()}-{spent})/{moving}", span(*self.outer)

        def factor_of(row: int) -> str:
            """Return the formula of the factor of a group."""
            rank = at_end("F", row)
            next_point = f"SMALL({points},MIN(COUNT({points}),{rank}+1))"
            upto = f"IF({rank}>=COUNT({points}),{line},MIN({next_point},{line}))"
            return f"IF({moving}<=0,{below},MAX(0,{upto}))".replace(ROW, str(row))

        values = [factor.factor for factor in factors]
        return figures.put(f"factor of {name}", "factor", factor_of, values, _FACTOR)

    def _write_rounds(self, index: int) -> int:
        """Write the rounds of the search in a group on the sheet Sharing, and return the row of the last round."""
        figures, search = self.figures, self.search
        columns, sheet, step = figures.columns, figures.layout.sharing, figures.step
        label = columns.now.labels[figures.within][index] if figures.within else "all"
        for number, tried in enumerate(search.rounds(index), 1):
            row = sheet.last_row + 1
            above = row - 1
            points = _range_between(*self.outer, f"$L{row}", f"$M{row}")
            held = f"$J{above}<$K{above}-tolerance*MAX(1,ABS($K{above}))"
            lowest, highest = "0", f"COUNT({points})+1"
            if number > 1:
                lowest = f"IF({held},MAX($F{above},$H{above}),$F{above})"
                highest = f"IF({held},$G{above},MIN($G{above},$H{above}))"
            spent = self._sum_spent(f"$I{row}", _range_getter(row, "$L", "$M"))
            cells = (
                with_unit(step.label, step.unit),
                columns.year,
                label,
                Cell(index + 1, None, "count"),
                Cell(number, None, "count"),
                Cell(tried.lowest, lowest, "count"),
                Cell(tried.highest, highest, "count"),
                Cell(tried.tried, f"MAX(1,INT(AVERAGE($F{row},$G{row})))", "count"),
                Cell(tried.point, f"SMALL({points},$H{row})"),
                Cell(tried.spent, spent),
                Cell(self.amount.values[index], self.amount.of_group(index)),
                *self.order.group_ends(index),
            )
            sheet.put_row(row, cells)
        return sheet.last_row

    def _sum_spent(self, factor: str, span: Callable[[Vector], str]) -> str:
        """Return the formula of what the rows of a group take together at a factor.

        A row whose floor or ceiling turns at exactly this factor takes the same whether it counts as turned or not.
        So SUMIF, which compares texts of 15 digits, is exact enough.

        Args:
            factor: The factor, as in a formula.
            span: Gives the range of a column's rows.
        """

        def turned(cells: Vector, side: str) -> str:
            return f'SUMIF({span(self.points[side])},"<"&{factor},{span(cells)})'

        moving = turned(self.weights, FLOOR) if FLOOR in self.points else f"SUM({span(self.weights)})"
        moving += f"-{turned(self.weights, CEILING)}" if CEILING in self.points else ""
        spent = f"SUM({span(self.start)})+{factor}*({moving})"
        spent += f"-{turned(self.rises[FLOOR], FLOOR)}" if FLOOR in self.points else ""
        return spent + (f"+{turned(self.rises[CEILING], CEILING)}" if CEILING in self.points else "")

    def _sum_moving(self, factor: str) -> str:
        """Return the formula that sums the weights of the rows that take more when the factor grows."""
        terms = self.order.group_factor() + self.weights.range
        for side, relation in ((FLOOR, "<="), (CEILING, ">")):
            terms += f"*({self.points[side].range}{relation}{factor})" if side in self.points else ""
        return f"SUMPRODUCT({terms})"


def clip(column: Vector, bounds: Mapping[str, Vector]) -> list[float]:
    """Return the values of a column, each limited to its ceiling and then to its floor."""
    values = list(column.values)
    if CEILING in bounds:
        values = list(map(min, values, bounds[CEILING].values))
    return list(map(max, bounds[FLOOR].values, values)) if FLOOR in bounds else values


def clip_formula(cell: str, bounds: Mapping[str, str]) -> str:
    """Return the formula that limits a cell to the cells of its ceiling and its floor."""
    below = f"MIN({cell},{bounds[CEILING]})" if CEILING in bounds else cell
    return f"MAX({bounds[FLOOR]},{below})" if FLOOR in bounds else below


def _range_between(first: Vector, last: Vector, start: str, end: str) -> str:
    """Return the range from one position to another in a column, or in several columns next to each other.

    Args:
        first: The first column.
        last: The last column.
        start: The first position, as in a formula.
        end: The last position, as in a formula.
    """
    return f"INDEX({first.range},{start}):INDEX({last.range},{end})"


def _range_getter(row: int, start: str, end: str) -> Callable[[Vector], str]:
    """Return a function that gives the range of a column between the positions in two cells of a row.

    Args:
        row: The row.
        start: Letter of the column with the first position.
        end: Letter of the column with the last position.
    """
    return lambda column: _range_between(column, column, f"{start}{row}", f"{end}{row}")


def _order_of(figures: KernelFigures, orders: dict[tuple[Kind, str], GroupOrder]) -> OwnOrder | GroupOrder:
    """Return the order of rows for a search: the block's, or a sheet sorted by group, which is added to `orders`."""
    if figures.within is None:
        return OwnOrder(figures)
    key = (figures.block.kind, figures.within)
    if key not in orders:
        orders[key] = GroupOrder(figures)
    return orders[key]
