"""`share_out` as live columns: in one line where it has no bounds, with a search where it has.

The search needs no loop: every row works out what would be spent at its own turning points, and so
knows whether it stands at its floor, at its ceiling, or shares; the factor follows for the rest.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from gpit_fairshare.language import NATIONAL, group, to_text
from gpit_fairshare.language import in_excel as x
from gpit_fairshare.language import tree as t
from gpit_fairshare.workbook.layout import Refs, Vector

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from gpit_fairshare.scheme import Step
    from gpit_fairshare.workbook.steps import StepWriter


class ShareOutWriter:
    """Writes one `share_out`: in one line where it has no bounds, with a search where it has."""

    def __init__(self, writer: StepWriter, step: Step, tree: t.ShareOut) -> None:
        self.writer = writer
        self.step = step
        self.tree = tree
        self.block = writer.layout.block(step.kind, writer.year)
        if tree.within:
            writer.membership(self.block, tree.within)
        self.members = writer.members(self.block, tree.within)
        self.weights = writer.vector(self.block, tree.by)
        self.groups = max(self.members) + 1

    def write(self) -> None:
        """Write the step's column and whatever stands behind it."""
        tree = self.tree
        capped_by_weight = tree.at_most is not None and to_text(tree.at_most) == to_text(tree.by)
        if tree.at_least is None and tree.at_most is None:
            self.proportional()
        elif tree.base is None and tree.at_least is None and capped_by_weight:
            self.capped()
        else:
            self.bounded()

    def amount(self, row: int, *, here_is_workings: bool) -> str:
        """Return the cell of the amount for a row."""
        tree, writer = self.tree, self.writer
        if isinstance(tree.amount, t.Number):
            return x.number(tree.amount.value)
        here = self.block.workings if here_is_workings else self.block.sheet
        return Refs(writer.layout, writer.year, self.block, row, here).name(tree.amount.name)

    def amounts(self) -> list[float]:
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

    def sums(self, values: Sequence[float]) -> list[float]:
        """Return the total of each group."""
        return [
            math.fsum(value for value, one in zip(values, self.members, strict=True) if one == index)
            for index in range(self.groups)
        ]

    def total(self, vector: Vector, leaf: t.Name | t.Number) -> str:
        """Write the total of an argument and return its key."""
        key = to_text(t.Figure("total", to_text(leaf), self.tree.within))
        label = f"Total of {to_text(leaf) if isinstance(leaf, t.Number) else self.writer.scheme.labels[leaf.name]}"
        unit = self.writer.scheme.symbols[leaf.name].unit or "" if isinstance(leaf, t.Name) else ""
        within = self.tree.within
        self.writer.put_scalar(
            key, label, unit, self.block, within, lambda pick: pick(vector.range), self.sums(vector.values)
        )
        return key

    def scalar(self, key: str, row: int, *, here_is_workings: bool = False) -> str:
        """Return the cell of a national or group figure for a row of this block."""
        return self.writer.scalar(key, self.block, self.tree.within, row, here_is_workings=here_is_workings)

    def local(self, leaf: t.Name | t.Number, row: int) -> str:
        """Return an argument's cell as written on the step's own sheet."""
        if isinstance(leaf, t.Number):
            return x.number(leaf.value)
        return Refs(self.writer.layout, self.writer.year, self.block, row, self.block.sheet).name(leaf.name)

    def proportional(self) -> None:
        """Without bounds: base + weight × (amount − total of bases) ÷ total of weights."""
        total = self.total(self.weights, self.tree.by)
        base = self.tree.base
        if base is None:

            def share(refs: Refs) -> str:
                amount, weight = self.amount(refs.row, here_is_workings=False), self.local(self.tree.by, refs.row)
                return f"{amount}*{weight}/{self.scalar(total, refs.row)}"

            self.writer.column(self.step, self.block, share)
            return
        floors = self.writer.vector(self.block, base)
        bases = self.total(floors, base)
        self.fits(bases)

        def formula(refs: Refs) -> str:
            money = f"({self.amount(refs.row, here_is_workings=False)}-{self.scalar(bases, refs.row)})"
            weight, weights = self.local(self.tree.by, refs.row), self.scalar(total, refs.row)
            return f"{self.local(base, refs.row)}+IF({weights}=0,0,{money}*{weight}/{weights})"

        self.writer.column(self.step, self.block, formula)

    def fits(self, least: str) -> None:
        """Write whether what must be given at the least is no more than the amount, row by row.

        gpit refuses to share out less money than the floors cost. A workbook that somebody changes cannot
        refuse, so it has a check.
        """
        key = f"{self.step.name} fits"

        def formula(row: int) -> str:
            amount = self.amount(row, here_is_workings=True)
            return f"{self.scalar(least, row, here_is_workings=True)}<={amount}+1E-9*MAX(1,ABS({amount}))"

        self.writer.helper(
            self.block, key, f"{self.step.label}: floors fit", formula, [True] * self.block.height, "number"
        )
        self.writer.fits[self.step.label] = f"AND({self.block.helper_range(key)})"

    def capped(self) -> None:
        """With the weight as its own ceiling: in full, or pro rata where the amount is too small."""
        total = self.total(self.weights, self.tree.by)

        def formula(refs: Refs) -> str:
            weight, weights = self.local(self.tree.by, refs.row), self.scalar(total, refs.row)
            return f"IF({weights}<=0,0,{weight}*MIN(1,{self.amount(refs.row, here_is_workings=False)}/{weights}))"

        self.writer.column(self.step, self.block, formula)

    # Bounds of any kind: find who stands at a bound, then the factor for the rest ---------------------

    def bounded(self) -> None:
        """Write the turning points of each row, what they would spend, who is at a bound, and the factor."""
        writer, tree, name = self.writer, self.tree, self.step.name
        base = writer.vector(self.block, tree.base or t.Number(0.0))
        low = writer.vector(self.block, tree.at_least) if tree.at_least else None
        high = writer.vector(self.block, tree.at_most) if tree.at_most else None
        search = _Search(self.weights.values, base.values, low, high, self.members, self.amounts())
        start = self.helper("start", "before sharing", lambda row: self._start(base, low, high, row), search.start)
        turns = []
        for side, bound, points in (
            ("floor", low, search.floor_points),
            ("ceiling", high, search.ceiling_points),
        ):
            if bound is not None:
                turns.append(self._turning_points(side, bound, base, points))
        for side in turns:
            points = search.floor_points if side == "floor" else search.ceiling_points
            self._spent_column(side, start, turns, search.spent(points))
        self.helper(
            "status",
            "1 floor, 2 ceiling, 3 shares, 0 fixed",
            lambda row: self._status(turns, row),
            search.status,
            "count",
        )
        self.helper("fixed", "fixed part", lambda row: self._fixed(base, low, high, start, row), search.fixed)
        if tree.base or low:
            least = [
                max(value, low.values[row]) if low else value for row, value in enumerate(self._capped(base, high))
            ]
            cells = self.helper("least", "least", lambda row: self._least(base, low, high, row), least)
            key = f"least of {name}"
            self.writer.put_scalar(
                key, f"{self.step.label}: least that must be given", "£", self.block, tree.within,
                lambda pick: pick(cells), self.sums(least),
            )  # fmt: skip
            self.fits(key)
        status, fixed = (self.block.helper_range(f"{name} {key}") for key in ("status", "fixed"))
        self.writer.put_scalar(
            f"fixed parts of {name}", f"{self.step.label}: fixed parts", "£", self.block, tree.within,
            lambda pick: pick(fixed), self.sums(search.fixed),
        )  # fmt: skip
        within = f",{self.block.helper_range(f'group {tree.within}')},$B" if tree.within else ""
        self._sharing_weights(status, within, search)

        def formula(refs: Refs) -> str:
            fixed_cell = self.block.helper_cell(f"{name} fixed", refs.row, here=self.block.sheet)
            status_cell = self.block.helper_cell(f"{name} status", refs.row, here=self.block.sheet)
            weight = self.local(tree.by, refs.row)
            left = (
                f"({self.amount(refs.row, here_is_workings=False)}-{self.scalar(f'fixed parts of {name}', refs.row)})"
            )
            sharing = self.scalar(f"sharing weights of {name}", refs.row)
            return f"{fixed_cell}+IF({status_cell}=3,{weight}*{left}/{sharing},0)"

        self.writer.column(self.step, self.block, formula)

    def _sharing_weights(self, status: str, within: str, search: _Search) -> None:
        """Write the weights of those who share: nationally by SUMIFS on the status, or by group as well."""
        key, label = f"sharing weights of {self.step.name}", f"{self.step.label}: weights of those who share"
        values = self.sums(
            [weight if one == 3 else 0.0 for weight, one in zip(self.weights.values, search.status, strict=True)]
        )
        if self.tree.within is None:
            self.writer.national(key, label, "", f"SUMIFS({self.weights.range},{status},3)", values[0])
            return
        target = self.writer.layout.block(group(self.tree.within), self.writer.year)
        self.writer.group_column(
            target,
            key,
            label,
            "",
            lambda row: f"SUMIFS({self.weights.range},{status},3{within}{row})",
            values,
        )

    def helper(
        self,
        key: str,
        heading: str,
        formula: Callable[[int], str],
        values: Sequence[Any],
        number: str = "number",
    ) -> str:
        """Add a column of workings for this step and return its range."""
        name = f"{self.step.name} {key}"
        self.writer.helper(self.block, name, f"{self.step.label}: {heading}", formula, values, number)
        return self.block.helper_range(name)

    def _here(self, key: str, row: int) -> str:
        return self.block.helper_cell(f"{self.step.name} {key}", row, here=self.block.workings)

    def _start(self, base: Vector, low: Vector | None, high: Vector | None, row: int) -> str:
        clipped = base.cell(row)
        clipped = f"MIN({clipped},{high.cell(row)})" if high else clipped
        if low is None:
            return base.cell(row) if high is None else f"IF({self.weights.cell(row)}>0,{base.cell(row)},{clipped})"
        return f"IF({self.weights.cell(row)}>0,{low.cell(row)},MAX({low.cell(row)},{clipped}))"

    def _capped(self, base: Vector, high: Vector | None) -> list[float]:
        return [min(value, high.values[row]) if high else value for row, value in enumerate(base.values)]

    def _least(self, base: Vector, low: Vector | None, high: Vector | None, row: int) -> str:
        capped = f"MIN({base.cell(row)},{high.cell(row)})" if high else base.cell(row)
        return f"MAX({low.cell(row)},{capped})" if low else capped

    def _turning_points(self, side: str, bound: Vector, base: Vector, values: Sequence[float]) -> str:
        self.helper(
            f"{side} turns",
            f"factor at which the {side} turns",
            lambda row: (
                f"IF({self.weights.cell(row)}>0,({bound.cell(row)}-{base.cell(row)})/{self.weights.cell(row)},0)"
            ),
            values,
        )
        return side

    def _spent_column(self, side: str, start: str, turns: Sequence[str], values: Sequence[float]) -> None:
        heading = f"spent when the {side} turns"
        self.helper(f"spent {side}", heading, lambda row: self._spent(side, start, turns, row), values)

    def _spent(self, side: str, start: str, turns: Sequence[str], row: int) -> str:
        """Return what the whole group would be given at this row's turning point."""
        point, weights = self._here(f"{side} turns", row), self.weights.range
        parts = [start]
        for one in turns:
            points = self.block.helper_range(f"{self.step.name} {one} turns")
            sign = "+" if one == "floor" else "-"
            parts.append(f"{sign}({points}<{point})*({point}-{points})*{weights}")
        if "floor" not in turns:
            parts.insert(1, f"+{point}*{weights}")
        terms = "".join(parts)
        if self.tree.within is None:
            return f"SUMPRODUCT({terms})"
        groups = self.block.helper_range(f"group {self.tree.within}")
        own = self.block.helper_cell(f"group {self.tree.within}", row, here=self.block.workings)
        return f"SUMPRODUCT(({groups}={own})*({terms}))"

    def _status(self, turns: Sequence[str], row: int) -> str:
        amount = self.amount(row, here_is_workings=True)
        rest = "3"
        if "ceiling" in turns:
            rest = f"IF({self._here('spent ceiling', row)}<={amount},2,3)"
        if "floor" in turns:
            rest = f"IF({self._here('spent floor', row)}>={amount},1,{rest})"
        return f"IF({self.weights.cell(row)}>0,{rest},0)"

    def _fixed(self, base: Vector, low: Vector | None, high: Vector | None, start: str, row: int) -> str:
        del start
        cells = (low.cell(row) if low else "0", high.cell(row) if high else "0", base.cell(row))
        return f"CHOOSE({self._here('status', row)}+1,{self._here('start', row)},{','.join(cells)})"


class _Search:
    """What the columns of a bounded `share_out` hold, worked out as their formulas do."""

    def __init__(
        self,
        weights: Sequence[float],
        base: Sequence[float],
        low: Vector | None,
        high: Vector | None,
        members: Sequence[int],
        amounts: Sequence[float],
    ) -> None:
        self.weights, self.members = weights, members
        lows = low.values if low else None
        highs = high.values if high else None
        self.has_floor = lows is not None
        rows = range(len(weights))
        self.start = [
            _start_value(weights[i], base[i], lows[i] if lows else None, highs[i] if highs else None) for i in rows
        ]
        self.floor_points = _points(lows, base, weights)
        self.ceiling_points = _points(highs, base, weights)
        self.status = [0] * len(weights)
        at_floor = self.spent(self.floor_points) if lows is not None else None
        at_ceiling = self.spent(self.ceiling_points) if highs is not None else None
        self.fixed = list(self.start)
        for i in rows:
            if weights[i] <= 0:
                continue
            amount = amounts[members[i]]
            if lows is not None and at_floor is not None and at_floor[i] >= amount:
                self.status[i], self.fixed[i] = 1, lows[i]
            elif highs is not None and at_ceiling is not None and at_ceiling[i] <= amount:
                self.status[i], self.fixed[i] = 2, highs[i]
            else:
                self.status[i], self.fixed[i] = 3, base[i]

    def spent(self, points: Sequence[float]) -> list[float]:
        """Return what each row's group is given in all at the row's turning point, exactly summed."""
        result = [0.0] * len(points)
        for index in set(self.members):
            rows = [row for row, one in enumerate(self.members) if one == index]
            start = math.fsum(self.start[row] for row in rows)
            for row in rows:
                at = points[row]
                terms = [start]
                for other in rows:
                    weight = self.weights[other]
                    floor, ceiling = self.floor_points[other], self.ceiling_points[other]
                    if not self.has_floor or floor < at:
                        terms.append((at - (floor if self.has_floor else 0.0)) * weight)
                    if ceiling < at:
                        terms.append(-(at - ceiling) * weight)
                result[row] = math.fsum(terms)
        return result


def _points(bounds: Sequence[float] | None, base: Sequence[float], weights: Sequence[float]) -> list[float]:
    """Return the factor at which each row leaves or reaches a bound; infinite where there is none."""
    if bounds is None:
        return [math.inf] * len(weights)
    return [
        (bound - own) / weight if weight > 0 else 0.0 for bound, own, weight in zip(bounds, base, weights, strict=True)
    ]


def _start_value(weight: float, base: float, low: float | None, high: float | None) -> float:
    clipped = base if high is None else min(base, high)
    if low is None:
        return base if weight > 0 else clipped
    return low if weight > 0 else max(low, clipped)
