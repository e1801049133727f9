"""The search for the factor of a bounded `share_out` as live cells, round by round, and what those cells give.

With bounds every row is clip(base + factor × weight). What all rows take together grows with the factor
in straight lines between the points at which a row leaves its floor or reaches its ceiling. The sheet
Sharing halves the list of those points until it knows between which two the amount is spent; the factor
follows. That takes some ten rows for 211 organisations and fifteen for 8,000, and no loop. Within groups
the rows of each are next to each other on a sheet of their own, so that a group's search looks at no others.
"""

from __future__ import annotations

import math
from itertools import accumulate
from typing import TYPE_CHECKING, Final, NamedTuple

from gpit_fairshare.language import in_excel as x
from gpit_fairshare.workbook.group_order import GroupOrder, OwnOrder, between, between_on
from gpit_fairshare.workbook.layout import SHARING, with_unit
from gpit_fairshare.workbook.sheets import FIRST_ROW, ROW, Cell, quoted

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from gpit_fairshare.workbook.columns import KernelFigure, KernelFigures, Vector

_TOLERANCE: Final = x.CONSTANTS["tolerance"][0]
FLOOR, CEILING = "floor", "ceiling"
_FACTOR: Final = "for one unit of weight"


class Round(NamedTuple):
    """One round of the search in a group: the ranks between which the factor is, and the one that is tried."""

    lowest: int
    highest: int
    tried: int
    point: float
    """The factor at the rank that is tried."""
    spent: float


class Factor(NamedTuple):
    """Where the search of one group ends."""

    below: float
    """The factor at the point below."""
    spent: float
    moving: float
    """The weights that still share above that point."""
    factor: float


class Search:
    """What the cells of a bounded `share_out` hold."""

    def __init__(
        self,
        weights: Sequence[float],
        start: Sequence[float],
        turns: Mapping[str, Sequence[float]],
        rows: Sequence[Sequence[int]],
        amounts: Sequence[float],
    ) -> None:
        """Sort the turning points.

        Args:
            weights: Of each row.
            start: What each row takes before the factor counts.
            turns: The factor at which each row leaves its FLOOR or reaches its CEILING; 0 where it has no weight.
            rows: Those of each group.
            amounts: What each group has to share.
        """
        self.weights, self.start, self.turns, self.amounts, self.rows = weights, start, turns, amounts, rows
        self.points = [sorted(side[row] for side in turns.values() for row in of_group) for of_group in rows]
        """The turning points of each group."""
        lasts = list(accumulate(map(len, rows)))
        self.places = [(last - len(of_group) + 1, last) for of_group, last in zip(rows, lasts, strict=True)]
        """First and last place of each group, where its rows are next to each other."""
        # Enough to find any of all points, whatever group they are moved to, and one more that shows what was found.
        self.round_count = math.ceil(math.log2(sum(map(len, self.points)) + 1)) + 1

    def rounds(self, index: int) -> list[Round]:
        """Return the rounds of the search in a group: each halves the range of ranks."""
        points, rounds = self.points[index], []
        lowest, highest = 0, len(points) + 1
        for _ in range(self.round_count):
            tried = max(1, (lowest + highest) // 2)
            point = points[tried - 1]
            spent = self._spent(index, point)
            rounds.append(Round(lowest, highest, tried, point, spent))
            if _reaches(spent, self.amounts[index]):
                lowest = max(lowest, tried)
            else:
                highest = min(highest, tried)
        return rounds

    def factor(self, index: int) -> Factor:
        """Return the factor that spends a group's amount, and what it follows from."""
        points, lowest = self.points[index], self.rounds(index)[-1].lowest
        below = max(0.0, points[lowest - 1]) if lowest else 0.0
        spent = self._spent(index, below)
        moving = math.fsum(
            self.weights[row]
            for row in self.rows[index]
            if (FLOOR not in self.turns or self.turns[FLOOR][row] <= below)
            and (CEILING not in self.turns or self.turns[CEILING][row] > below)
        )
        if moving <= 0:
            return Factor(below, spent, moving, below)
        line = below + (self.amounts[index] - spent) / moving
        upto = line if lowest >= len(points) else min(points[lowest], line)
        return Factor(below, spent, moving, max(0.0, upto))

    def _spent(self, index: int, factor: float) -> float:
        """Return what the rows of a group take together at a factor."""
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


def _reaches(spent: float, amount: float) -> bool:
    """Return whether a factor spends no more than there is, as the workbook compares them."""
    return spent <= amount + _TOLERANCE * max(1.0, abs(amount))


class SearchColumns:
    """The columns that a search looks at: weights, what the factor gives at a bound, and where a bound turns."""

    def __init__(
        self,
        figures: KernelFigures,
        order: OwnOrder | GroupOrder,
        weights: Vector,
        base: Vector,
        bounds: Mapping[str, Vector],
        amount: KernelFigure,
    ) -> None:
        """Write what each row takes before the factor counts, and the factors at which it turns."""
        self.figures, self.order, self.amount = figures, order, amount
        name, label, unit = figures.step.name, figures.step.label, figures.step.unit

        def add(key: str, says: str, unit: str | None, formula: str, values: Sequence[float]) -> Vector:
            return order.add(f"{name} {key}", with_unit(f"{label}: {says}", unit), formula, values)

        self.weights = order.copy(f"{name} weight", f"{label}: weight", weights)
        weight, own = self.weights.cell, order.see(base).cell
        cells = {side: order.see(bound).cell for side, bound in bounds.items()}
        formula = f"IF({weight}>0,{cells.get(FLOOR, own)},{clipped(own, cells)})"
        starts = zip(weights.values, bounds.get(FLOOR, base).values, clip(base, bounds), strict=True)
        values = [lowest if own_weight > 0 else bounded for own_weight, lowest, bounded in starts]
        self.start = add("start", "before the factor counts", unit, formula, values)
        self.rises: dict[str, Vector] = {}
        for side, bound in bounds.items():
            formula, says = f"IF({weight}>0,{cells[side]}-{own},0)", f"what the factor gives at the {side}"
            ends = zip(weights.values, bound.values, base.values, strict=True)
            values = [end - begin if own_weight > 0 else 0.0 for own_weight, end, begin in ends]
            self.rises[side] = add(f"{side} rise", says, unit, formula, values)
        # The turning points are side by side, and make one range.
        self.points: dict[str, Vector] = {}
        for side, rise in self.rises.items():
            formula, says = f"IF({weight}>0,{rise.cell}/{weight},0)", f"factor at which the {side} turns"
            pairs = zip(weights.values, rise.values, strict=True)
            values = [gain / own_weight if own_weight > 0 else 0.0 for own_weight, gain in pairs]
            self.points[side] = add(f"{side} turns", says, _FACTOR, formula, values)
        turns = {side: column.values for side, column in self.points.items()}
        self.search = Search(weights.values, self.start.values, turns, figures.rows, amount.values)
        self.outer = (next(iter(self.points.values())), list(self.points.values())[-1])
        """The first and the last column of turning points."""

    def write(self) -> KernelFigure:
        """Write the rounds of the search, and the factor of each group from the point below it on a straight line up.

        Returns:
            The factor.
        """
        ends = [self._rounds(index) for index in range(len(self.figures.rows))]
        factors = [self.search.factor(index) for index in range(len(ends))]
        figures, name, span = self.figures, self.figures.step.name, self.order.span

        def at_end(column: str, row: int) -> str:
            return f"{quoted(SHARING)}!${column}${ends[row - FIRST_ROW]}"

        def below_factor(row: int) -> str:
            return f"IF({at_end('F', row)}=0,0,MAX(0,{at_end('I', row)}))"

        key, values = f"below factor of {name}", [factor.below for factor in factors]
        below = figures.put(key, "factor at the point below", below_factor, values, _FACTOR).beside()
        key, values = f"spent below factor of {name}", [factor.spent for factor in factors]
        formula = self._spent(below, lambda column: span(column, column))
        spent = figures.put(key, "spent at that factor", formula, values).beside()
        key, values = f"weights moving of {name}", [factor.moving for factor in factors]
        moving = figures.put(key, "weights that still share", self._moving(below), values, "weight").beside()
        line, points = f"{below}+({self.amount.beside()}-{spent})/{moving}", span(*self.outer)

        def factor_of(row: int) -> str:
            rank = at_end("F", row)
            next_point = f"SMALL({points},MIN(COUNT({points}),{rank}+1))"
            upto = f"IF({rank}>=COUNT({points}),{line},MIN({next_point},{line}))"
            return f"IF({moving}<=0,{below},MAX(0,{upto}))".replace(ROW, str(row))

        values = [factor.factor for factor in factors]
        return figures.put(f"factor of {name}", "factor", factor_of, values, _FACTOR)

    def _rounds(self, index: int) -> int:
        """Write the rounds of a group on the sheet Sharing, and return the row of the last."""
        figures, search = self.figures, self.search
        columns, sheet, step = figures.columns, figures.layout.sharing, figures.step
        label = columns.now.labels[figures.within][index] if figures.within else "all"
        (first_place, last_place), (first, last) = search.places[index], self.order.ends(index)
        for number, tried in enumerate(search.rounds(index), 1):
            row = sheet.last_row + 1
            above = row - 1
            points = between(*self.outer, f"$L{row}", f"$M{row}")
            held = f"$J{above}<=$K{above}+tolerance*MAX(1,ABS($K{above}))"
            lowest, highest = "0", f"COUNT({points})+1"
            if number > 1:
                lowest = f"IF({held},MAX($F{above},$H{above}),$F{above})"
                highest = f"IF({held},$G{above},MIN($G{above},$H{above}))"
            spent = self._spent(f"$I{row}", between_on(row, "$L", "$M"))
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
                Cell(first_place, first, "count"),
                Cell(last_place, last, "count"),
            )
            sheet.put_row(row, cells)
        return sheet.last_row

    def _spent(self, factor: str, span: Callable[[Vector], str]) -> str:
        """Return what the rows of a group take together at a factor; `span` says where a column's rows are.

        A row whose floor or ceiling turns at this very factor may count as turned or not: it takes the same.
        That is why SUMIF will do, which compares texts of 15 digits.
        """

        def turned(cells: Vector, side: str) -> str:
            return f'SUMIF({span(self.points[side])},"<"&{factor},{span(cells)})'

        moving = turned(self.weights, FLOOR) if FLOOR in self.points else f"SUM({span(self.weights)})"
        moving += f"-{turned(self.weights, CEILING)}" if CEILING in self.points else ""
        spent = f"SUM({span(self.start)})+{factor}*({moving})"
        spent += f"-{turned(self.rises[FLOOR], FLOOR)}" if FLOOR in self.points else ""
        return spent + (f"+{turned(self.rises[CEILING], CEILING)}" if CEILING in self.points else "")

    def _moving(self, factor: str) -> str:
        """Return the weights of the rows that take more as soon as the factor grows."""
        terms = self.order.own() + self.weights.range
        for side, relation in ((FLOOR, "<="), (CEILING, ">")):
            terms += f"*({self.points[side].range}{relation}{factor})" if side in self.points else ""
        return f"SUMPRODUCT({terms})"


def clip(column: Vector, bounds: Mapping[str, Vector]) -> list[float]:
    """Return each value of a column brought down to its ceiling, then up to its floor."""
    values = list(column.values)
    if CEILING in bounds:
        values = list(map(min, values, bounds[CEILING].values))
    return list(map(max, bounds[FLOOR].values, values)) if FLOOR in bounds else values


def clipped(cell: str, bounds: Mapping[str, str]) -> str:
    """Return a cell between the cells of its bounds."""
    below = f"MIN({cell},{bounds[CEILING]})" if CEILING in bounds else cell
    return f"MAX({bounds[FLOOR]},{below})" if FLOOR in bounds else below
