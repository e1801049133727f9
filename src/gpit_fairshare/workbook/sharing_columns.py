"""`share_out` as live cells: in one line where it has no bounds, with a search where it has.

With bounds every row is clip(base + factor × weight). What all rows take together grows with the factor
in straight lines between the points at which a row leaves its floor or reaches its ceiling. The sheet
Sharing halves the list of those points until it knows between which two the amount is spent; the factor
follows. That takes some ten rows for 211 organisations and fifteen for 8,000, and no loop. Within groups
the rows of each stand together on a sheet of their own, so that a group's search looks at no others.
"""

from __future__ import annotations

import math
from itertools import accumulate
from typing import TYPE_CHECKING, Any, Final

from gpit_fairshare.engine import left_over_by_group, rounding_within_groups
from gpit_fairshare.language import NATIONAL, group, to_text
from gpit_fairshare.language import in_excel as x
from gpit_fairshare.language import tree as t
from gpit_fairshare.workbook.group_order import between, between_on, order_of
from gpit_fairshare.workbook.layout import SHARING, Refs, rows_by_group
from gpit_fairshare.workbook.sheets import FIRST_ROW, ROW, letter, quoted

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from gpit_fairshare.scheme import Step
    from gpit_fairshare.workbook.group_order import GroupOrder, OwnOrder
    from gpit_fairshare.workbook.layout import Vector
    from gpit_fairshare.workbook.sheets import Sheet
    from gpit_fairshare.workbook.steps import StepWriter

_FACTOR: Final = "for one unit of weight"
_TOLERANCE: Final = x.CONSTANTS["tolerance"][0]


class ShareOutWriter:
    """Writes one `share_out`: in one line where it has no bounds, with a search where it has."""

    def __init__(self, writer: StepWriter, step: Step, tree: t.ShareOut) -> None:
        self.writer = writer
        self.layout = writer.layout
        self.step = step
        self.tree = tree
        self.block = writer.layout.block(step.kind, writer.year)
        if tree.within:
            writer.membership(self.block, tree.within)
        self.members = writer.members(self.block, tree.within)
        self.weights = writer.vector(self.block, tree.by)
        self.rows = rows_by_group(self.members)
        self.groups = len(self.rows)
        self.amounts = self._amounts()

    def write(self) -> None:
        """Write the step's column and whatever stands behind it."""
        tree = self.tree
        capped_by_weight = tree.at_most is not None and to_text(tree.at_most) == to_text(tree.by)
        self._write_amount()
        if tree.at_least is None and tree.at_most is None:
            self._proportional()
        elif tree.base is None and tree.at_least is None and capped_by_weight:
            self._capped()
        else:
            self._bounded()
        self._sound()
        self.writer.shared[self.step.name] = self._amount_of_all()

    # Figures of the whole, or of each group ---------------------------------------------------------

    def _amounts(self) -> list[float]:
        """Return the amount of each group, or the national one."""
        tree, writer = self.tree, self.writer
        if isinstance(tree.amount, t.Number):
            return [tree.amount.value] * self.groups
        kind = writer.scheme.symbols[tree.amount.name].kind
        if kind == NATIONAL:
            return [writer.now.national(tree.amount.name)] * self.groups
        values = writer.now.values(tree.amount.name, kind)
        if kind != self.block.kind:
            return values
        return [values[self.members.index(index)] for index in range(self.groups)]

    def _write_amount(self) -> None:
        """Write what each group has to share out, unless it is one amount that has a name."""
        amount, within = self.tree.amount, self.tree.within
        self.amount = ""
        """The amount where it is the same for all."""
        if isinstance(amount, t.Number):
            self.amount = self.layout.number(amount.value)
            return
        symbol = self.writer.scheme.symbols[amount.name]
        if symbol.kind == NATIONAL:
            self.amount = Refs(self.layout, self.writer.year, None, 0, self.layout.national).name(amount.name)
            return
        if within is None:  # constant over all rows: any of them says it
            cells = self.block.column_range(amount.name)
            key = f"amount of {self.step.name}"
            self._figure(key, "amount to be shared out", f"INDEX({cells},1)", self.amounts)
            self.amount = self.layout.national_cell(key, self.writer.year)
            return
        target = self.layout.block(group(within), self.writer.year)
        if symbol.kind == target.kind:
            return
        cells = self.block.column_range(amount.name)
        groups = self.block.helper_range(f"group {within}")
        formula = f"INDEX({cells},MATCH($B{ROW},{groups},0))"
        self._figure(f"amount of {self.step.name}", "amount to be shared out", formula, self.amounts)

    def amount_at(self, here: Sheet | None) -> str:
        """Return the amount as written on a row of this block's sheets, or of the group's sheet (None)."""
        if self.amount:
            return self.amount
        amount, within = self.tree.amount, self.tree.within
        assert isinstance(amount, t.Name) and within  # noqa: PT018, S101  # else it is the same for all
        target = self.layout.block(group(within), self.writer.year)
        key = (
            amount.name
            if self.writer.scheme.symbols[amount.name].kind == target.kind
            else f"amount of {self.step.name}"
        )
        if here is None:
            return f"${letter(target.columns[key])}{ROW}"
        return self.writer.scalar(key, self.block, within, here=here)

    def sums(self, values: Sequence[float]) -> list[float]:
        """Return the total of each group."""
        return [math.fsum(values[row] for row in rows) for rows in self.rows]

    def _figure(
        self, key: str, says: str, formula: str | Callable[[int], str], values: Sequence[Any], unit: str | None = None
    ) -> None:
        """Write a figure of this step: a national one, or one per group on the sheet of the groups.

        Its unit is that of the step, unless it is a yes/no or another unit is given.
        """
        if unit is None:
            unit = "" if isinstance(values[0], bool) else self.step.unit or ""
        self.writer.put_figure(key, f"{self.step.label}: {says}", unit, self.tree.within, formula, values)

    def _total(self, key: str, says: str, cells: str, values: Sequence[float]) -> None:
        """Write the sum of a range, nationally or by group."""
        unit = self.step.unit or ""
        label = f"{self.step.label}: {says}"
        within = self.tree.within
        self.writer.put_scalar(key, label, unit, self.block, within, lambda pick: pick(cells), self.sums(values))

    def _here(self, key: str) -> str:
        """Return a figure of this step as written beside others of its kind: by name, or on the group's row."""
        return self.writer.beside(key, self.tree.within)

    def _all_hold(self, key: str) -> str:
        """Return whether a yes/no figure of this step holds, or holds for every group."""
        if self.tree.within is None:
            return self.layout.national_cell(key, self.writer.year)
        return f"AND({self.layout.block(group(self.tree.within), self.writer.year).column_range(key)})"

    def scalar(self, key: str, here: Sheet) -> str:
        """Return a national or group figure for each row of this block, on one of its two sheets."""
        return self.writer.scalar(key, self.block, self.tree.within, here=here)

    def _weights_total(self) -> str:
        """Write the total of the weights and return its key."""
        tree = self.tree
        key = to_text(t.Figure("total", to_text(tree.by), tree.within))
        named = isinstance(tree.by, t.Name)
        label = (
            f"Total of {self.writer.scheme.labels[tree.by.name] if isinstance(tree.by, t.Name) else to_text(tree.by)}"
        )
        unit = self.writer.scheme.symbols[tree.by.name].unit or "" if named and isinstance(tree.by, t.Name) else ""
        cells, values = self.weights.range, self.sums(self.weights.values)
        self.writer.put_scalar(key, label, unit, self.block, tree.within, lambda pick: pick(cells), values)
        return key

    # Forms ------------------------------------------------------------------------------------------

    def local(self, leaf: t.Name | t.Number) -> str:
        """Return an argument's cell as written on the step's own sheet."""
        if isinstance(leaf, t.Number):
            return self.layout.number(leaf.value)
        return Refs(self.layout, self.writer.year, self.block, ROW, self.block.sheet).name(leaf.name)

    def _proportional(self) -> None:
        """Without bounds: base + weight × (amount − total of bases) ÷ total of weights."""
        key = self._weights_total()
        base, here = self.tree.base, self.block.sheet
        weight, total = self.local(self.tree.by), self.scalar(key, here)
        if base is None:
            amount = self.amount_at(here)
            # Nothing shared out among weights that are all 0 is nothing; money among them is an error, as in the run.
            self.writer.column(self.step, self.block, f"IF({amount}=0,0,{amount}*{weight}/{total})")
        else:
            floors = self.writer.vector(self.block, base)
            least = f"least of {self.step.name}"
            self._total(least, "least that must be given", floors.range, floors.values)
            money = f"({self.amount_at(here)}-{self.scalar(least, here)})"
            formula = f"{self.local(base)}+IF({total}=0,0,{money}*{weight}/{total})"
            self.writer.column(self.step, self.block, formula)
            self._fits(least)
        self._spends(None)

    def _capped(self) -> None:
        """With the weight as its own ceiling: in full, or pro rata where the amount is too small."""
        key = self._weights_total()
        weight, total = self.local(self.tree.by), self.scalar(key, self.block.sheet)
        formula = f"IF({total}<=0,0,{weight}*MIN(1,{self.amount_at(self.block.sheet)}/{total}))"
        self.writer.column(self.step, self.block, formula)
        self._spends(key)

    def _bounded(self) -> None:
        """Write where each row turns, the search for the factor, and the rows that follow from it."""
        writer, tree, name, block = self.writer, self.tree, self.step.name, self.block
        base = writer.vector(block, tree.base or t.Number(0.0))
        low = writer.vector(block, tree.at_least) if tree.at_least else None
        high = writer.vector(block, tree.at_most) if tree.at_most else None
        search = Search(self.weights.values, base.values, low, high, self.rows, self.amounts)
        weight = self.weights.cell
        clipped = _clipped(base.cell, low, high)
        unit = f" ({self.step.unit})" if self.step.unit else ""
        self._search(search, base, low, high)
        if tree.base or low:
            least = [
                max(start, low.values[row]) if low else start
                for row, start in enumerate(
                    min(one, high.values[row]) if high else one for row, one in enumerate(base.values)
                )
            ]
            cells = self._helper("least", f"least{unit}", clipped, least)
            self._total(f"least of {name}", "least that must be given", cells, least)
            self._fits(f"least of {name}")
        factor = self.scalar(f"factor of {name}", block.sheet)
        share = f"{factor}*{self.local(tree.by)}"
        share = f"{self.local(tree.base)}+{share}" if tree.base else share
        share = f"MIN({self.local(tree.at_most)},{share})" if tree.at_most else share
        share = f"MAX({self.local(tree.at_least)},{share})" if tree.at_least else share
        writer.column(self.step, block, share)
        if high is None:
            self._spends(None)
            return
        most = [
            bound if one > 0 else value
            for bound, one, value in zip(high.values, self.weights.values, search.start, strict=True)
        ]
        cells = self._helper("most", f"most that can be given{unit}", f"IF({weight}>0,{high.cell},{clipped})", most)
        self._total(f"most of {name}", "most that can be given", cells, most)
        self._spends(f"most of {name}")

    def _helper(self, key: str, heading: str, formula: str, values: Sequence[Any]) -> str:
        """Add a column of workings for this step and return its range."""
        name = f"{self.step.name} {key}"
        self.writer.helper(self.block, name, f"{self.step.label}: {heading}", formula, values, "number")
        return self.block.helper_range(name)

    def _fits(self, least: str) -> None:
        """Write whether what must be given at the least is no more than the amount.

        gpit refuses to share out less money than the floors cost. A workbook that somebody changes cannot
        refuse, so it has a check.
        """
        key, amount = f"floors of {self.step.name} fit", self.amount_at(None)
        formula = f"{self._here(least)}<={amount}+sums_within*MAX(1,ABS({amount}))"
        self._figure(key, "the floors fit in the amount", formula, [True] * self.groups)
        self.writer.fits[self.step.label] = self._all_hold(key)

    def _sound(self) -> None:
        """Write whether weights, bounds and amounts are such as gpit takes; it refuses others."""
        tests = [f"SUMPRODUCT(--({self.weights.range}<-tolerance))=0"]
        if self.tree.at_least and self.tree.at_most:
            low, high = (self.writer.vector(self.block, one).range for one in (self.tree.at_least, self.tree.at_most))
            gap = f"({low}-{high})*({low}-{high})>tolerance*tolerance*(1+{low}*{low}+{high}*{high})"
            tests.append(f"SUMPRODUCT(({low}>{high})*({gap}))=0")
        if self.tree.within and not self.amount and isinstance(self.tree.amount, t.Name):
            symbol = self.writer.scheme.symbols[self.tree.amount.name]
            if symbol.kind == self.block.kind:  # each row says what its group has
                groups = self.block.helper_range(f"group {self.tree.within}")
                cells, key = self.block.column_range(self.tree.amount.name), f"one amount of {self.step.name}"
                own = f"$B{ROW}"
                formula = f"SUMPRODUCT(({groups}={own})*({cells}<>{self.amount_at(None)}))=0"
                self._figure(key, "all of the group have one amount", formula, [True] * self.groups)
                tests.append(self._all_hold(key))
        self.writer.sound[self.step.label] = ",".join(tests)

    def _spends(self, most: str | None) -> None:
        """Write what was given and whether it is the amount, or the most that the ceilings allow."""
        name, amount = self.step.name, self.amount_at(None)
        values = self.block.values(name)
        self._total(f"given by {name}", "given in all", self.block.column_range(name), values)
        due = f"MIN({amount},{self._here(most)})" if most else amount
        given = self._here(f"given by {name}")
        key = f"{name} is spent"
        formula = f"ABS({given}-{due})<=sums_within*MAX(1,ABS({due}))"
        self._figure(key, "all is given, or all that the ceilings allow", formula, [True] * self.groups)
        self.writer.spends[self.step.label] = self._all_hold(key)

        if most:
            self.writer.left_over[name] = self._left_over(most)

    def _amounts_of_groups(self) -> str:
        """Return the cells of the groups' amounts, or the one amount that each of them has."""
        assert self.tree.within  # noqa: S101  # asked for groups alone
        if self.amount:
            return self.amount
        target = self.layout.block(group(self.tree.within), self.writer.year)
        own = f"amount of {self.step.name}"
        return target.column_range(own if own in target.columns else to_text(self.tree.amount))

    def _amount_of_all(self) -> str:
        """Return what the step has to share: one amount, or those of all groups together."""
        if self.tree.within is None:
            return self.amount
        groups = self.layout.block(group(self.tree.within), self.writer.year).column_range(self.tree.within)
        return f"{self.amount}*ROWS({groups})" if self.amount else f"SUM({self._amounts_of_groups()})"

    def _left_over(self, most: str) -> str:
        """Write what ceilings leave over, as the engine has it, and return it over all groups.

        No cell of the shares decides it, so that the money account can show where they are wrong.
        """
        rounding = rounding_within_groups(self.writer.scheme, self.step)
        amount, given = self.amount_at(None), self._here(most)
        paid = given
        if rounding:
            unit = self.layout.number(rounding.to)
            paid = f"ROUND({given},0)" if rounding.to == 1 else f"ROUND({given}/{unit},0)*{unit}"
        key = f"left over by {self.step.name}"
        formula = f"IF({amount}-{given}>sums_within*MAX(1,{amount}),MAX(0,{amount}-{paid}),0)"
        values = left_over_by_group(self.writer.scheme, self.writer.now, self.step.name)
        self._figure(key, "left over by its ceilings", formula, [float(value) for value in values])
        if self.tree.within is None:
            return self.layout.national_cell(key, self.writer.year)
        return f"SUM({self.layout.block(group(self.tree.within), self.writer.year).column_range(key)})"

    # The search ---------------------------------------------------------------------------------------

    def _search(self, search: Search, base: Vector, low: Vector | None, high: Vector | None) -> None:
        """Write where each row turns, the rounds of the search, and the factor that they lead to."""
        turns = self._turns(search, base, low, high)
        ends = self._rounds(search, turns)
        self._factor(search, turns, ends)

    def _turns(self, search: Search, base: Vector, low: Vector | None, high: Vector | None) -> _Turns:
        """Write what each row takes before the factor counts, and the factors at which it turns."""
        order = order_of(self.writer, self.block, self.tree.within)

        def add(key: str, says: str, formula: str, values: Sequence[float]) -> Vector:
            return order.add(f"{self.step.name} {key}", f"{self.step.label}: {says}", formula, values)

        unit = f" ({self.step.unit})" if self.step.unit else ""
        weights = order.copy(f"{self.step.name} weight", f"{self.step.label}: weight", self.weights)
        weight, own = weights.cell, order.see(base)
        bounds = [order.see(bound) if bound else None for bound in (low, high)]
        first = bounds[0].cell if bounds[0] else own.cell
        formula = f"IF({weight}>0,{first},{_clipped(own.cell, *bounds)})"
        start = add("start", f"before the factor counts{unit}", formula, search.start)
        sides = [(side, bound) for side, bound in zip(("floor", "ceiling"), bounds, strict=True) if bound]
        rises = {
            side: add(
                f"{side} rise",
                f"what the factor gives at the {side}{unit}",
                f"IF({weight}>0,{bound.cell}-{own.cell},0)",
                search.rises[side],
            )
            for side, bound in sides
        }
        # The turning points stand side by side, and make one range.
        points = {
            side: add(
                f"{side} turns",
                f"factor at which the {side} turns ({_FACTOR})",
                f"IF({weight}>0,{rises[side].cell}/{weight},0)",
                search.turns[side],
            )
            for side, _ in sides
        }
        return _Turns(order, weights, start, rises, points)

    def _rounds(self, search: Search, turns: _Turns) -> list[int]:
        """Write the rounds of every group on the sheet Sharing, and return the row of each group's last."""
        sheet, year = self.layout.sharing, self.writer.year
        ends: list[int] = []
        step = f"{self.step.label} ({self.step.unit})" if self.step.unit else self.step.label
        for index in range(self.groups):
            label = "all" if self.tree.within is None else self.writer.now.labels[self.tree.within][index]
            lowest, highest = 0, search.count(index) + 1
            for number in range(1, search.rounds + 1):
                row = sheet.last_row + 1
                points = between(*turns.outer, f"$L{row}", f"$M{row}")
                tried = max(1, (lowest + highest) // 2)
                point = search.points[index][tried - 1]
                spent = search.spent(index, point)
                above = row - 1
                here = f"$J{above}<=$K{above}+tolerance*MAX(1,ABS($K{above}))"
                low_formula = "0" if number == 1 else f"IF({here},MAX($F{above},$H{above}),$F{above})"
                high_formula = f"COUNT({points})+1" if number == 1 else f"IF({here},$G{above},MIN($G{above},$H{above}))"
                for column, text in enumerate((step, year, label), 1):
                    sheet.put(row, column, text)
                sheet.put(row, 4, index + 1, None, "count")
                sheet.put(row, 5, number, None, "count")
                sheet.put(row, 6, lowest, low_formula, "count")
                sheet.put(row, 7, highest, high_formula, "count")
                sheet.put(row, 8, tried, f"MAX(1,INT(AVERAGE($F{row},$G{row})))", "count")
                sheet.put(row, 9, point, f"SMALL({points},$H{row})")
                sheet.put(row, 10, spent, turns.spent(f"$I{row}", between_on(row, "$L", "$M")))
                sheet.put(row, 11, self.amounts[index], self._amount_of_group(index))
                for column, place, formula in zip((12, 13), search.places[index], turns.order.ends(index), strict=True):
                    sheet.put(row, column, place, formula, "count")
                if _reaches(spent, self.amounts[index]):
                    lowest = max(lowest, tried)
                else:
                    highest = min(highest, tried)
            ends.append(sheet.last_row)
        return ends

    def _factor(self, search: Search, turns: _Turns, ends: Sequence[int]) -> None:
        """Write the factor of each group, from the point below it on a straight line up."""
        name = self.step.name
        found = [search.factor(index) for index in range(self.groups)]
        place = quoted(SHARING)

        def at_end(column: str) -> Callable[[int], str]:
            return lambda row: f"{place}!${column}${ends[row - FIRST_ROW]}"

        def written(formula: Callable[[int], str]) -> str | Callable[[int], str]:
            return formula(FIRST_ROW) if self.tree.within is None else formula

        ranks, tried_at = at_end("F"), at_end("I")
        below, spent_key, moves = (
            f"below factor of {name}",
            f"spent below factor of {name}",
            f"weights moving of {name}",
        )
        self._figure(
            below,
            "factor at the point below",
            written(lambda row: f"IF({ranks(row)}=0,0,MAX(0,{tried_at(row)}))"),
            [one.below for one in found],
            _FACTOR,
        )
        formula = turns.spent(self._here(below), lambda one: turns.order.span(one, one))
        self._figure(spent_key, "spent at that factor", formula, [one.spent for one in found])
        formula = turns.moving(self._here(below))
        self._figure(moves, "weights that still share", formula, [one.moving for one in found], "weight")
        points = turns.order.span(*turns.outer)
        next_point = f"SMALL({points},MIN(COUNT({points}),@+1))"

        def factor(row: int) -> str:
            rank = ranks(row)
            step = f"({self.amount_at(None)}-{self._here(spent_key)})/{self._here(moves)}"
            line = f"{self._here(below)}+{step}"
            upto = f"IF({rank}>=COUNT({points}),{line},MIN({next_point.replace('@', rank)},{line}))"
            formula = f"IF({self._here(moves)}<=0,{self._here(below)},MAX(0,{upto}))"
            return formula.replace(ROW, str(row))

        self._figure(f"factor of {name}", "factor", written(factor), [one.factor for one in found], _FACTOR)

    def _amount_of_group(self, index: int) -> str:
        """Return the amount as the sheet Sharing sees it."""
        if self.amount:
            return self.amount
        within = self.tree.within or ""
        target = self.layout.block(group(within), self.writer.year)
        cell = self.amount_at(None).replace(ROW, str(FIRST_ROW + index))
        return f"{quoted(target.sheet.name)}!{cell}"


class _Turns:
    """The columns that a search looks at: weights, what the factor gives at a bound, and where a bound turns."""

    def __init__(
        self,
        order: OwnOrder | GroupOrder,
        weights: Vector,
        start: Vector,
        rises: dict[str, Vector],
        points: dict[str, Vector],
    ) -> None:
        self.order, self.weights, self.start, self.rises, self.points = order, weights, start, rises, points
        self.outer = (next(iter(points.values())), list(points.values())[-1])
        """The first and the last column of turning points, which stand side by side."""

    def spent(self, factor: str, span: Callable[[Vector], str]) -> str:
        """Return what the rows of a group take together at a factor; `span` says where a column's rows stand.

        A row whose floor or ceiling turns at this very factor may count as turned or not: it takes the same.
        That is why SUMIF will do, which compares texts of 15 digits.
        """

        def turned(cells: Vector, side: str) -> str:
            return f'SUMIF({span(self.points[side])},"<"&{factor},{span(cells)})'

        moving = turned(self.weights, "floor") if "floor" in self.points else f"SUM({span(self.weights)})"
        moving += f"-{turned(self.weights, 'ceiling')}" if "ceiling" in self.points else ""
        spent = f"SUM({span(self.start)})+{factor}*({moving})"
        spent += f"-{turned(self.rises['floor'], 'floor')}" if "floor" in self.points else ""
        return spent + (f"+{turned(self.rises['ceiling'], 'ceiling')}" if "ceiling" in self.points else "")

    def moving(self, factor: str) -> str:
        """Return the weights of the rows that take more as soon as the factor grows."""
        terms = self.order.own() + self.weights.range
        if "floor" in self.points:
            terms += f"*({self.points['floor'].range}<={factor})"
        if "ceiling" in self.points:
            terms += f"*({self.points['ceiling'].range}>{factor})"
        return f"SUMPRODUCT({terms})"


def _clipped(cell: str, low: Vector | None, high: Vector | None) -> str:
    clipped = f"MIN({cell},{high.cell})" if high else cell
    return f"MAX({low.cell},{clipped})" if low else clipped


def _reaches(spent: float, amount: float) -> bool:
    """Return whether a factor spends no more than there is, as the workbook compares them."""
    return spent <= amount + _TOLERANCE * max(1.0, abs(amount))


class _Found:
    """Where the search of one group ends."""

    def __init__(self, below: float, spent: float, moving: float, factor: float) -> None:
        self.below = below
        self.spent = spent
        self.moving = moving
        self.factor = factor


class Search:
    """What the cells of a bounded `share_out` hold, worked out as their formulas do."""

    def __init__(
        self,
        weights: Sequence[float],
        base: Sequence[float],
        low: Vector | None,
        high: Vector | None,
        rows: Sequence[Sequence[int]],
        amounts: Sequence[float],
    ) -> None:
        self.weights, self.amounts, self.rows = weights, amounts, rows
        self.has_floor, self.has_ceiling = low is not None, high is not None
        lows = low.values if low else None
        highs = high.values if high else None
        self.start = [
            (lows[row] if lows else base[row])
            if weight > 0
            else _clip(base[row], lows[row] if lows else None, highs[row] if highs else None)
            for row, weight in enumerate(weights)
        ]
        bounds = {"floor": lows, "ceiling": highs}
        self.rises = {side: _rises(one, base, weights) for side, one in bounds.items()}
        self.turns = {side: _turning_points(one, weights) for side, one in self.rises.items()}
        self.leaves, self.stops = self.turns["floor"], self.turns["ceiling"]
        sides = [self.turns[side] for side, bound in bounds.items() if bound]
        self.points = [sorted(turns[row] for turns in sides for row in of_group) for of_group in rows]
        """The turning points of each group."""
        lasts = list(accumulate(map(len, rows)))
        self.places = [(last - len(of_group) + 1, last) for of_group, last in zip(rows, lasts, strict=True)]
        """First and last place of each group, where its rows stand together."""
        # Enough to find any of all points, whatever group they are moved to, and one more that shows what was found.
        self.rounds = math.ceil(math.log2(sum(map(len, self.points)) + 1)) + 1

    def count(self, index: int) -> int:
        """Return how many turning points a group has."""
        return len(self.points[index])

    def spent(self, index: int, factor: float) -> float:
        """Return what the rows of a group take together at a factor."""
        terms: list[float] = []
        for row in self.rows[index]:
            weight, leaves, stops = self.weights[row], self.leaves[row], self.stops[row]
            terms.append(self.start[row])
            if not self.has_floor:
                terms.append(factor * weight)
            elif leaves < factor:
                terms.append((factor - leaves) * weight)
            if self.has_ceiling and stops < factor:
                terms.append(-(factor - stops) * weight)
        return math.fsum(terms)

    def factor(self, index: int) -> _Found:
        """Return the factor that spends a group's amount, and what it follows from."""
        points = self.points[index]
        amount, lowest, highest = self.amounts[index], 0, len(points) + 1
        while highest - lowest > 1:
            middle = (lowest + highest) // 2
            if _reaches(self.spent(index, points[middle - 1]), amount):
                lowest = middle
            else:
                highest = middle
        below = max(0.0, points[lowest - 1]) if lowest else 0.0
        spent = self.spent(index, below)
        moving = math.fsum(
            self.weights[row]
            for row in self.rows[index]
            if (not self.has_floor or self.leaves[row] <= below) and (not self.has_ceiling or self.stops[row] > below)
        )
        if moving <= 0:
            return _Found(below, spent, moving, below)
        line = below + (amount - spent) / moving
        upto = line if lowest >= len(points) else min(points[lowest], line)
        return _Found(below, spent, moving, max(0.0, upto))


def _clip(value: float, low: float | None, high: float | None) -> float:
    clipped = value if high is None else min(value, high)
    return clipped if low is None else max(low, clipped)


def _rises(bounds: Sequence[float] | None, base: Sequence[float], weights: Sequence[float]) -> list[float]:
    """Return what the factor gives each row at its bound; nought where it has no weight."""
    if bounds is None:
        return [0.0] * len(weights)
    return [bound - own if weight > 0 else 0.0 for bound, own, weight in zip(bounds, base, weights, strict=True)]


def _turning_points(rises: Sequence[float], weights: Sequence[float]) -> list[float]:
    """Return the factor at which each row leaves its floor or reaches its ceiling; nought where it has no weight."""
    return [rise / weight if weight > 0 else 0.0 for rise, weight in zip(rises, weights, strict=True)]
