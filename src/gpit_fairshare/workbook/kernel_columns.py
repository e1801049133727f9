"""The kernels as live cells: `share_out`, with a search where it has bounds, `rounded`, `rank`, `running_total`."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Final

from gpit_fairshare.engine.measures import left_over_by_group, rounding_within_groups
from gpit_fairshare.language import in_excel as excel
from gpit_fairshare.language import tree
from gpit_fairshare.language.kinds import NATIONAL, Kind
from gpit_fairshare.numbers import as_in_sheet
from gpit_fairshare.ordering import DIGITS, compared
from gpit_fairshare.workbook.columns import KernelFigure, KernelFigures, Refs, Vector, YearColumns, row_order
from gpit_fairshare.workbook.layout import with_unit
from gpit_fairshare.workbook.search_columns import CEILING, FLOOR, GroupOrder, SearchColumns, clip, clip_formula
from gpit_fairshare.workbook.sheets import FIRST_ROW, NO_ROWS, ROW

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gpit_fairshare.scheme.model import Step

_NO_RATE: Final = excel.text(NO_ROWS)
"""In place of a rate where everybody has the most or every weight is 0; arithmetic with this text is an error."""
REMAINDER: Final = "remainder"
"""In the heading of remainders of large numbers: only few of their digits are certain."""


class ShareOutCells:
    """One `share_out` step as live cells, and the formulas over all groups that other sheets use."""

    def __init__(
        self, columns: YearColumns, step: Step, kernel: tree.ShareOut, orders: dict[tuple[Kind, str], GroupOrder]
    ) -> None:
        """Write the step's column, the figures that it is calculated from, and conditions for the sheet Checks.

        Without bounds the shares are in proportion; if the only bound is a ceiling that equals the weight, they are the
        weights or a part of them; with any other bounds a search finds the factor.

        Args:
            columns: The columns of the year.
            step: The step.
            kernel: Its `share_out`.
            orders: Sheets with rows sorted by group, by kind of row and grouping; a search adds those it needs.
        """
        self.columns, self.layout, self.step, self.tree, self.orders = columns, columns.layout, step, kernel, orders
        self.figures = KernelFigures(columns, step, kernel.within)
        self.block = self.figures.block
        self.weights = columns.vector(self.block, kernel.by)
        self.amount = self._shared_amount(kernel.amount)
        self.fits = ""
        """The formula that tests whether the amount covers the floors; empty without floors."""
        self.spends = ""
        """The formula that tests whether the step shares out the whole amount, or all that its ceilings allow."""
        self.left_over = ""
        """The formula of what is left over; empty without a ceiling."""
        self.rate = ""
        """The formula of the rate, on the row of its group; a text where there is none."""
        capped_by_weight = kernel.at_most is not None and tree.to_text(kernel.at_most) == tree.to_text(kernel.by)
        if kernel.at_least is None and kernel.at_most is None:
            self._write_proportional()
        elif kernel.base is None and kernel.at_least is None and capped_by_weight:
            self._write_capped()
        else:
            self._write_bounded()
        self.sound_tests, self.sound = self._sound_tests()
        """What tests whether gpit would accept the arguments: in words, and as formulas."""
        self.shared = self.amount.over_all("SUM")
        """The formula of what the step has to share."""
        if self.amount.national_name and kernel.within:  # each group has the same amount
            self.shared += f"*ROWS({self.figures.groups.column_range(kernel.within)})"

    def _shared_amount(self, amount: tree.Name | tree.Number) -> KernelFigure:
        """Return the figure of the money to share out: one amount, or one for each group.

        If the amount is a column with the same amount on every row of a group, the first of those rows is written as
        the figure.
        """
        figures, values = self.figures, list(map(float, self.columns.now.amounts[self.step.name]))
        if isinstance(amount, tree.Number):
            return KernelFigure(figures, values, "", self.layout.number(amount.value))
        name, kind = amount.name, self.columns.scheme.symbols[amount.name].kind
        if kind == NATIONAL:
            return KernelFigure(figures, values, "", self.layout.name_of(name, self.columns.year))
        if figures.within and kind == figures.groups.kind:
            return KernelFigure(figures, values, name)
        # Each row has the amount of its group; if all rows are one group, the first row has it.
        place = f"MATCH($B{ROW},{figures.numbers},0)" if figures.within else "1"
        formula = f"INDEX({self.block.column_range(name)},{place})"
        return figures.put(f"amount of {self.step.name}", "amount to share out", formula, values)

    def _total_of(
        self, key: str, description: str, column: Vector, unit: str | None = None, label: str = ""
    ) -> KernelFigure:
        """Write the sum of a column, nationally or by group, and return it."""
        values = [math.fsum(column.values[row] for row in rows) for rows in self.figures.rows]
        return self.figures.put(key, description, self.figures.sum_of(column.range), values, unit, label)

    def _write_weights_total(self) -> KernelFigure:
        """Write the total of the weights, nationally or by group, and return it."""
        text, scheme = tree.to_text(self.tree.by), self.columns.scheme
        key, symbol = tree.to_text(tree.AggregateCall("total", text, self.tree.within)), scheme.symbols.get(text)
        unit = (symbol.unit or "") if symbol else ""
        return self._total_of(key, "", self.weights, unit, f"Total of {scheme.labels.get(text, text)}")

    def _argument_cell(self, leaf: tree.Name | tree.Number) -> str:
        """Return how formulas on the step's sheet refer to an argument of the `share_out`."""
        if isinstance(leaf, tree.Number):
            return self.layout.number(leaf.value)
        return Refs(self.layout, self.columns.year, self.block, ROW, self.block.sheet).name(leaf.name)

    # Forms ------------------------------------------------------------------------------------------

    def _write_proportional(self) -> None:
        """Write a step without bounds: base + weight × (amount − total of bases) ÷ total of weights.

        Its conditions are written too. If all weights are 0, each row gets its base; without a base, money to share is
        then an error.
        """
        weights = self._write_weights_total()
        total, total_weight, money = weights.on_rows(), weights.on_group_row(), self.amount.on_group_row()
        base, weight, amount = self.tree.base, self._argument_cell(self.tree.by), self.amount.on_rows()
        self.rate = f"IF({total_weight}>0,{money}/{total_weight},{_NO_RATE})"
        if base is None:
            # If all weights are 0, sharing out 0 gives 0; sharing out money is an error, as in the run.
            self.columns.write_step(self.step, f"IF({amount}=0,0,{amount}*{weight}/{total})")
        else:
            least = self._write_least(self.columns.vector(self.block, base))
            above = f"({amount}-{least.on_rows()})"
            self.columns.write_step(self.step, f"{self._argument_cell(base)}+IF({total}=0,0,{above}*{weight}/{total})")
            lowest = least.on_group_row()
            rate = f"IF({_is_above(money, lowest)},{money}-{lowest},0)/{total_weight}"
            self.rate = f"IF({total_weight}>0,{rate},{_NO_RATE})"
        self._write_spent(None)

    def _write_capped(self) -> None:
        """Write a step whose ceiling is its weight: paid in full, or in proportion if the amount is too small."""
        weights, weight = self._write_weights_total(), self._argument_cell(self.tree.by)
        total = weights.on_rows()
        share = f"{weight}*MIN(1,{self.amount.on_rows()}/{total})"
        self.columns.write_step(self.step, f"IF({total}<=0,0,{share})")
        self._write_spent(weights)
        most, amount = weights.on_group_row(), self.amount.on_group_row()
        self.rate = f"IF({_is_above(most, amount)},{amount}/{most},{_NO_RATE})"

    def _write_bounded(self) -> None:
        """Write a step with bounds: the turning points of each row, the search for the factor, and the shares.

        A share is base + factor × weight, limited to its ceiling and then to its floor. The minimum and the maximum to
        share out are written too, with the conditions that follow from them.
        """
        columns, expression, block = self.columns, self.tree, self.block
        base = columns.vector(block, expression.base or tree.Number(0.0))
        leaves = {FLOOR: expression.at_least, CEILING: expression.at_most}
        bounds = {side: columns.vector(block, leaf) for side, leaf in leaves.items() if leaf}
        search = SearchColumns(self.figures, self.orders, self.weights, base, bounds, self.amount)
        factor = search.write_search()
        within_bounds = clip_formula(base.cell, {side: bound.cell for side, bound in bounds.items()})
        if expression.base or expression.at_least:
            self._write_least(self._add_helper("least", "minimum", within_bounds, clip(base, bounds)))
        share = f"{factor.on_rows()}*{self._argument_cell(expression.by)}"
        share = f"{self._argument_cell(expression.base)}+{share}" if expression.base else share
        # The ceiling first, then the floor, each by its cell on the step's sheet.
        share = f"MIN({self._argument_cell(expression.at_most)},{share})" if expression.at_most else share
        share = f"MAX({self._argument_cell(expression.at_least)},{share})" if expression.at_least else share
        columns.write_step(self.step, share)
        rate = factor.on_group_row()
        if CEILING not in bounds:
            self._write_spent(None)
            self.rate = f"IF({self.figures.sum_of(self.weights.range)}>0,{rate},{_NO_RATE})"
            return
        highest, weights = bounds[CEILING], self.weights
        rows = zip(highest.values, weights.values, search.start.values, strict=True)
        most_values = [bound if weight > 0 else start for bound, weight, start in rows]
        formula = f"IF({weights.cell}>0,{highest.cell},{within_bounds})"
        most = self._add_helper("most", "maximum to share out", formula, most_values)
        most_total = self._total_of(f"most of {self.step.name}", "maximum to share out", most)
        self._write_spent(most_total)
        self.rate = f"IF({_is_above(most_total.on_group_row(), self.amount.on_group_row())},{rate},{_NO_RATE})"

    def _add_helper(self, key: str, description: str, formula: str, values: Sequence[Any]) -> Vector:
        """Add a column of workings for this step, and return it."""
        heading = with_unit(f"{self.step.label}: {description}", self.step.unit)
        return self.columns.add_helper(self.block, f"{self.step.name} {key}", heading, formula, values)

    # Conditions that must be true ----------------------------------------------------------------------------------

    def _condition(self, key: str, description: str, formula: str) -> str:
        """Write whether a condition is true, nationally or by group.

        Returns:
            The formula that tests whether it is true everywhere.
        """
        return self.figures.put(key, description, formula, [True] * len(self.figures.rows)).over_all("AND")

    def _write_least(self, column: Vector) -> KernelFigure:
        """Write the minimum to share out and whether the amount covers it, and return the minimum.

        gpit refuses to share out less money than the floors cost. A changed workbook cannot refuse, so it has a check.
        """
        least = self._total_of(f"least of {self.step.name}", "minimum to share out", column)
        amount = self.amount.on_group_row()
        formula = f"{least.on_group_row()}<={amount}+sums_within*MAX(1,ABS({amount}))"
        self.fits = self._condition(f"floors of {self.step.name} fit", "the amount covers the floors?", formula)
        return least

    def _sound_tests(self) -> tuple[str, str]:
        """Return what tests whether gpit would accept the step's arguments: in words, and as formulas.

        No weight may be negative and no floor above a ceiling. Where the amount is on the rows, all rows of a group
        must have the same one; that is also written as a figure of each group.
        """
        tests = {"no negative weight": f"SUMPRODUCT(--({self.weights.range}<-tolerance))=0"}
        if self.tree.at_least and self.tree.at_most:
            low = self.columns.vector(self.block, self.tree.at_least).range
            high = self.columns.vector(self.block, self.tree.at_most).range
            gap = f"({low}-{high})*({low}-{high})>tolerance*tolerance*(1+{low}*{low}+{high}*{high})"
            tests["no floor above a ceiling"] = f"SUMPRODUCT(({low}>{high})*({gap}))=0"
        name = tree.to_text(self.tree.amount)
        if self.tree.within and name in self.block.columns:
            cells = self.block.column_range(name)
            formula = f"SUMPRODUCT(({self.figures.numbers}=$B{ROW})*({cells}<>{self.amount.on_group_row()}))=0"
            name, description = f"one amount of {self.step.name}", "one amount for the whole group"
            tests["one amount per group"] = self._condition(name, f"{description}?", formula)
        return ", ".join(tests), ",".join(tests.values())

    def _write_spent(self, most: KernelFigure | None) -> None:
        """Write the total of the shares, and whether it is the amount or the maximum that ceilings allow (`most`).

        If there is a maximum, the money left over is written too. `spends` and `left_over` refer to these afterwards.
        """
        name, amount = self.step.name, self.amount.on_group_row()
        spent = self._total_of(f"given by {name}", "total shared out", self.columns.vector(self.block, tree.Name(name)))
        due = f"MIN({amount},{most.on_group_row()})" if most else amount
        formula = f"ABS({spent.on_group_row()}-{due})<=sums_within*MAX(1,ABS({due}))"
        self.spends = self._condition(f"{name} is spent", "shared out as far as possible?", formula)
        if most:
            self.left_over = self._write_left_over(amount, most.on_group_row())

    def _write_left_over(self, amount: str, most: str) -> str:
        """Write the money left after all ceilings are reached, as the engine calculates it.

        It is the amount less the maximum, which is rounded first if a step rounds the shares in the same groups. It
        does not use the cells of the shares, so that the money account shows if they are wrong.

        Args:
            amount: The amount to share out, as in a formula.
            most: The maximum that the ceilings allow, as in a formula.

        Returns:
            The formula of the money left in all groups.
        """
        rounding, paid = rounding_within_groups(self.columns.scheme, self.step), most
        if rounding:
            unit = self.layout.number(rounding.to)
            paid = f"ROUND({most},0)" if rounding.to == 1 else f"ROUND({most}/{unit},0)*{unit}"
        key = f"left over by {self.step.name}"
        formula = f"IF({amount}-{most}>sums_within*MAX(1,{amount}),MAX(0,{amount}-{paid}),0)"
        values = [float(value) for value in left_over_by_group(self.columns.scheme, self.columns.now, self.step.name)]
        return self.figures.put(key, "unspent", formula, values).over_all("SUM")


def _is_above(left: str, right: str) -> str:
    """Return the formula that tests whether one cell is above another, as the language compares them."""
    return f"({left}-{right})>tolerance*MAX(1,ABS({left}),ABS({right}))"


def write_rounded(columns: YearColumns, step: Step, kernel: tree.Rounded) -> None:
    """Write the column of a step that rounds to whole units and keeps the total of each group, with its workings.

    Units go to the largest remainders; at the remainder where the units run out, to the first rows.
    Ranking all remainders would give the same, but its work grows with the square of the rows.
    """
    to, name, number = Fraction(str(kernel.to)), step.name, columns.layout.number
    figures = KernelFigures(columns, step, kernel.within)
    block, of, unit = figures.block, columns.vector(figures.block, kernel.of), _one_unit(step.unit, kernel.to)
    order = row_order(block)
    whole_values, remainder_values = whole_units(of.values, to)
    whole = "pounds" if unit == "£1" else f"units of {unit}"
    key, heading = f"{name} whole", f"{step.label}: whole {whole}" + ("" if unit == "£1" else f" ({unit})")
    wholes = columns.add_helper(block, key, heading, excel.whole(of.cell, to, number), whole_values, "count")
    formula = excel.remainder(of.cell, block.helper_cell(key, on_sheet=block.workings), to, number)
    key, heading = f"{name} remainder", f"{step.label}: {REMAINDER} (part of {unit})"
    remainders = columns.add_helper(block, key, heading, formula, remainder_values, "remainder")

    left = [_units_left(rows, of.values, whole_values, to) for rows in figures.rows]
    formula = f"{excel.rounded_total(figures.sum_of(of.range), to, number)}-{figures.sum_of(wholes.range)}"
    count = figures.put(f"left over of {name}", f"{whole} left after rounding down", formula, left, unit).on_group_row()
    ends = [_last_row_served(rows, remainder_values, units) for rows, units in zip(figures.rows, left, strict=True)]
    same = f"({figures.numbers}=$B{ROW})" if kernel.within else ""
    formula, description = excel.least_served(remainders.range, same, count), f"smallest {REMAINDER} that is rounded up"
    least = figures.put(f"least remainder of {name}", description, formula, [end for end, _ in ends], "")
    formula = excel.last_served(remainders.range, order.range, same, count, least.on_group_row())
    description = f"of the rows with exactly that {REMAINDER}, the last one rounded up"
    last = figures.put(f"last row of {name}", description, formula, [row for _, row in ends], "")

    extra = excel.is_served(remainders.cell, order.cell, least.on_rows(), last.on_rows())
    columns.write_step(step, excel.unscaled(f"({wholes.cell}+IF({extra},1,0))", to, number))


def write_rounded_figure(columns: YearColumns, step: Step, kernel: tree.Rounded) -> None:
    """Write a national step that rounds one figure to whole units."""
    to, number = Fraction(str(kernel.to)), columns.layout.number
    units = excel.rounded_total(columns.national_refs().name(kernel.of.name), to, number)
    columns.write_national(
        step.name, step.label, step.unit, excel.unscaled(units, to, number), columns.now.national(step.name)
    )


def write_rank(columns: YearColumns, step: Step, kernel: tree.Rank) -> None:
    """Write the column of a step that ranks rows: how many have a larger value, and how many up to it the same.

    The values that are compared, to 12 digits, are in a column of the workings.
    """
    block, of = columns.block(step.kind), columns.vector(columns.block(step.kind), kernel.of)
    key, heading = f"{kernel.of.name} compared", f"{columns.scheme.labels[kernel.of.name]}: to {DIGITS} digits"
    digits = columns.layout.constant("ranked_digits", DIGITS, "Ranks compare values to this many significant digits.")
    formula = excel.significant(of.cell, digits)
    values = columns.add_helper(block, key, heading, formula, [float(compared(value)) for value in of.values])
    numbers = columns.membership(block, kernel.within) if kernel.within else None
    helpers = [*([(f"group {kernel.within}", numbers)] if numbers else []), (key, values)]
    up_to_here = (
        f"{block.helper_cell(name, f'${FIRST_ROW}')}:{block.helper_cell(name, on_sheet=block.workings)},{vector.cell}"
        for name, vector in helpers
    )
    same_group = f"{numbers.range},{numbers.cell}," if numbers else ""
    formula = f'COUNTIFS({same_group}{values.range},">"&{values.cell})+COUNTIFS({",".join(up_to_here)})'
    columns.write_step(step, formula)


def write_running_total(columns: YearColumns, step: Step, kernel: tree.RunningTotal) -> None:
    """Write the column of a step that adds up the rows whose rank is not above the row's own."""
    block = columns.block(step.kind)
    of, by = columns.vector(block, kernel.of), columns.vector(block, kernel.by)
    numbers = columns.membership(block, kernel.within) if kernel.within else None
    same_group = f",{numbers.range},{numbers.cell}" if numbers else ""
    columns.write_step(step, f'SUMIFS({of.range},{by.range},"<="&{by.cell}{same_group})')


def whole_units(values: Sequence[float], to: Fraction) -> tuple[list[int], list[float]]:
    """Return the whole units of each value and its remainder, to a millionth, as the workbook's formulas give them.

    A remainder that rounds to a whole unit is carried into the units.
    """
    wholes, remainders = [], []
    for value in values:
        units = value * to.denominator / to.numerator
        carried = math.floor(units) + math.floor(round(units - math.floor(units), 6))
        wholes.append(carried)
        remainders.append(abs(round(units - carried, 6)))
    return wholes, remainders


def _one_unit(unit: str | None, to: float) -> str:
    """Return the unit of rounding in words: £1, £0.01, 100 people."""
    size = as_in_sheet(to, 12)
    return f"£{size}" if unit == "£" else f"{size} {unit}" if unit else f"unit of {size}"


def _units_left(rows: Sequence[int], values: Sequence[float], wholes: Sequence[int], to: Fraction) -> int:
    """Return how many units of a group are left for its largest remainders, one each.

    These are its total in units, rounded half up, less the whole units of its rows.

    Args:
        rows: The rows of the group.
        values: The unrounded value of each row.
        wholes: The whole units of each row.
        to: The unit of rounding.
    """
    total = math.fsum(values[row] for row in rows) * to.denominator / to.numerator
    return math.floor(round(total, 6) + 0.5) - sum(wholes[row] for row in rows)


def _last_row_served(rows: Sequence[int], remainders: Sequence[float], count: int) -> tuple[float, int]:
    """Return the smallest remainder that gets a unit, and the position of the last row that gets one at that remainder.

    If no unit is left (`count` is 0), the result is 1 and 0.

    Args:
        rows: The rows of the group.
        remainders: The remainder of every row of the block.
        count: How many units are left for the largest remainders, one each.
    """
    if not count:
        return 1, 0
    last = sorted(rows, key=lambda row: (-remainders[row], row))[count - 1]
    return remainders[last], last + 1
