"""Some scenarios of a year, step by step: NumPy where it is certain to give the bits of a single run, else single runs.

Values of a name are an array of the shape (scenarios or 1, rows of its kind or 1).
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Final

import numpy as np

from gpit_fairshare.engine.batches.batch import Impossible
from gpit_fairshare.engine.batches.kernels import exact_totals, on_all_rows, rounded_many, share_out_many
from gpit_fairshare.errors import GpitError, SharingError
from gpit_fairshare.language import tree
from gpit_fairshare.language.in_numpy import Array, NumpyOperations, render
from gpit_fairshare.language.kinds import NATIONAL, Kind, group
from gpit_fairshare.language.rendering import column_of
from gpit_fairshare.magnitude import LARGEST, MOST_UNITS, SMALLEST
from gpit_fairshare.scheme.model import Check, Step

if TYPE_CHECKING:
    from collections.abc import Callable

    from gpit_fairshare.engine.batches.batch import Batch, Distinct
    from gpit_fairshare.engine.batches.shared_year import SharedPart, SharedYear
    from gpit_fairshare.engine.model import Year
    from gpit_fairshare.scheme.model import Part

_NEARLY: Final = 0.99
"""Part of the most units of rounding from which a single run decides whether it is too much."""


class _NeedsSingleRuns(Exception):  # noqa: N818  # a sign, not an error
    """A step that only single runs calculate."""


@dataclass(slots=True)
class _Calculated:
    """The values of a step, check or outcome, and of a `share_out` what is left of its exact shares and money."""

    values: Array
    is_unsure: Array
    """For each scenario: whether its values, or that it has any, are for a single run to say."""
    low: Array | None = None
    bound: Array | None = None
    unspent: Array | None = None
    amounts: Array | None = None

    def make_room(self, number: int, rows: int, groups: int) -> None:
        """Make the arrays of a `share_out` ones that can be written to in each scenario."""
        self.low, self.bound = _writable(self.low, (number, rows)), _writable(self.bound, (number, rows))
        self.unspent, self.amounts = (
            _writable(self.unspent, (number, groups)),
            _writable(self.amounts, (number, groups)),
        )

    def take_exact(self, place: int, run: Year, name: str) -> None:
        """Take what a single run of one scenario has beyond the floats of the shares of a step.

        Raises:
            TypeError: `make_room` was not called.
        """
        if self.low is None or self.bound is None or self.unspent is None or self.amounts is None:
            raise TypeError("there is no room for it")
        shares = run.exact[name]
        self.unspent[place] = [*map(float, run.unspent[name])]
        self.amounts[place] = [*map(float, run.amounts[name])]
        pairs = zip(shares, self.values[place], strict=True)
        self.low[place] = [float(share - Fraction(value)) for share, value in pairs]
        self.bound[place] = np.abs(self.low[place]) * 2.0**-52


class BatchYear:
    """One year of a batch of scenarios."""

    def __init__(self, shared: SharedYear, before: BatchYear | None, batch: Batch) -> None:
        """Take the year of all scenarios, the year before, and the values of parameters and inputs that vary.

        Args:
            shared: What does not vary.
            before: The same scenarios in the year before, or None.
            batch: The scenarios; those that end are recorded there.
        """
        self.shared, self.before, self.batch = shared, before, batch
        self.scheme = shared.scheme
        self.values: dict[str, Array] = {
            name: values.reshape(batch.count, -1)
            for (name, year), values in batch.varied.items()
            if year == shared.year
        }
        self.checks: dict[str, Array] = {}
        """Whether each check that varies holds, by where it is: (scenarios,)."""
        self.outcomes: dict[str, Array] = {}
        """Whether each outcome that varies is true, by where it is: (scenarios, organisations)."""
        self.unspent: dict[str, Array] = {}
        """The unspent money of each `share_out` step that varies: (scenarios, groups or 1), before rounding."""
        self.amounts: dict[str, Array] = {}
        """What each of these steps had to share: (scenarios or 1, groups or 1)."""
        self.shares: dict[str, tuple[Array, Array, Array]] = {}
        """The exact shares of each of these steps, as floats, what they are above these, and the error of both."""
        self._figures: dict[str, Array] = {}
        self._of_distinct: dict[Distinct, BatchYear] = {}

    def run(self) -> None:
        """Calculate every step, check and outcome that varies."""
        for shared in self.shared.parts:
            if shared.varies and not self._take_from_before(shared):
                distinct = self.batch.distinct(shared.sources)
                if distinct is None:
                    self.calculate(shared)
                else:
                    self._calculate_distinct(shared, distinct)
        if self.shared.refusal:
            where = self.shared.parts[-1].part.where
            for place in np.flatnonzero(self.batch.is_possible):
                self.batch.end_scenario(int(place), Impossible(self.shared.year, where, self.shared.refusal))

    def _calculate_distinct(self, shared: SharedPart, distinct: Distinct) -> None:
        """Calculate a part in the scenarios that differ in what it depends on, and repeat its values for the others."""
        distinct.take_possible(self.batch)
        known, year = len(distinct.batch.impossible), self.year_of(distinct)
        year.calculate(shared)
        distinct.end_others(self.batch, known)
        self._take(year, shared.part, distinct.repeated)

    def year_of(self, distinct: Distinct) -> BatchYear:
        """Return the year of the distinct scenarios, with all values that this year has so far."""
        if distinct not in self._of_distinct:
            before = self.before.year_of(distinct) if self.before else None
            self._of_distinct[distinct] = BatchYear(self.shared, before, distinct.batch)
        year = self._of_distinct[distinct]
        year.values |= {name: distinct.first(self.values[name]) for name in self.values.keys() - year.values.keys()}
        return year

    def _take_from_before(self, shared: SharedPart) -> bool:
        """Take the values of a part from the year before, if all that it uses is the same; return whether it is.

        A scenario that the part ended has ended in that year.
        """
        before, part = self.before, shared.part
        if before is None or shared.names_as_before is None:
            return False
        for name in shared.names_as_before:
            earlier = before.values.get(name)
            if earlier is None or not _are_equal(earlier, self.values[name]):
                return False
        self._take(before, part)
        if isinstance(part, Step) and part.name in before.shares:
            self.shares[part.name] = before.shares[part.name]
        return True

    def _take(self, other: BatchYear, part: Part, changed: Callable[[Array], Array] = lambda values: values) -> None:
        """Take what another year has of a part, but for the parts of exact shares; `changed` gets each array."""
        name = part.name if isinstance(part, Step) else ""
        for figures, key in (
            ("values", name),
            ("unspent", name),
            ("amounts", name),
            ("checks", part.where),
            ("outcomes", part.where),
        ):
            if key in (known := getattr(other, figures)):
                getattr(self, figures)[key] = changed(known[key])

    def column(self, name: str, kind: Kind) -> tuple[Array, Array | None]:
        """Return the values of a name for every row of a kind, and where it has any; None if it has no blanks."""
        if name not in self.values:
            return self.shared.array(name, kind)
        symbol = self.scheme.symbols[name]
        given = self.shared.array(name, kind)[1] if symbol.role == "input" else None
        return self._spread(self.values[name], symbol.kind, kind), given

    def totals(self, name: str, within: str | None = None) -> Array:
        """Return the exact totals of a column, nationally or by group: (scenarios or 1, groups or 1); a blank is 0."""
        kind, groups = self.scheme.symbols[name].kind, 1
        values, given = self.column(name, kind)
        if given is None:
            return self._aggregate(tree.AggregateCall("total", name, within))
        values = self.on_all_rows(np.where(given, values, 0.0), kind)
        if within:
            values, groups = self._by_group(values, kind, within)
        return exact_totals(values).reshape(-1, groups)

    def on_all_rows(self, values: Array, kind: Kind) -> Array:
        """Return values with a column for each row of a kind, also where they are the same on all rows."""
        return on_all_rows(values, self.shared.rows[kind])

    def _spread(self, values: Array, own: Kind, kind: Kind) -> Array:
        """Return values of a kind for the rows of a finer one."""
        if own in (kind, NATIONAL) or values.shape[1] == 1:
            return values
        assert own.column is not None  # noqa: S101  # it is a group: organisations are the finest
        return values[:, self.shared.now.membership[own.column]]

    # Parts

    def calculate(self, shared: SharedPart) -> None:
        """Calculate a step, check or outcome, and store its values."""
        part, kind = shared.part, shared.kind
        try:
            calculated = self._by_numpy(shared)
        except (_NeedsSingleRuns, GpitError):
            everywhere = np.ones(self.batch.count, dtype=bool)
            is_number = isinstance(part, Step) and part.type == "number"
            values = np.zeros((self.batch.count, self.shared.rows[kind]), dtype=float if is_number else bool)
            calculated = _Calculated(values, everywhere)
        if isinstance(part, Check):
            holds = np.broadcast_to(calculated.values.all(axis=1), (self.batch.count,)).copy()
            calculated.values = holds[:, np.newaxis]
            if part.stops:
                calculated.is_unsure = calculated.is_unsure | ~holds
        self._use_single_runs(part, kind, calculated)
        if isinstance(part, Check):
            self.checks[part.where] = calculated.values[:, 0]
        elif isinstance(part, Step):
            self.values[part.name] = calculated.values
            if calculated.low is not None and calculated.bound is not None:
                self.shares[part.name] = calculated.values, calculated.low, calculated.bound
            if calculated.unspent is not None and calculated.amounts is not None:
                self.unspent[part.name], self.amounts[part.name] = calculated.unspent, calculated.amounts
        else:
            self.outcomes[part.where] = calculated.values

    def _use_single_runs(self, part: Part, kind: Kind, calculated: _Calculated) -> None:
        """Let single runs say what is unsure: they give the values, or end the scenario."""
        places = np.flatnonzero(calculated.is_unsure & self.batch.is_possible)
        if not places.size:
            return
        number, rows = self.batch.count, 1 if isinstance(part, Check) else self.shared.rows[kind]
        calculated.values = _writable(calculated.values, (number, rows))
        if isinstance(part, Step) and isinstance(part.tree, tree.ShareOut):
            within = part.tree.within
            calculated.make_room(number, rows, len(self.shared.now.labels[within]) if within else 1)
        what = type(part.tree).__name__ if isinstance(part, Step) else type(part).__name__
        for place in map(int, places):
            self.batch.single_runs[what] += 1
            run = self._single_run(place, part)
            try:
                calculated.values[place] = run.run_part(part)
            except GpitError as fault:
                self.batch.end_scenario(place, Impossible(self.shared.year, part.where, str(fault)))
                continue
            if isinstance(part, Step) and isinstance(part.tree, tree.ShareOut):
                calculated.take_exact(place, run.now, part.name)

    def _by_numpy(self, shared: SharedPart) -> _Calculated:
        """Return the values of a step, check or outcome, and where they are unsure.

        Raises:
            _NeedsSingleRuns: It has none.
        """
        part, kind = shared.part, shared.kind
        match part.tree:
            case tree.ShareOut() as kernel:
                assert isinstance(part, Step)  # noqa: S101  # a kernel is a whole step
                return self._shared_out(part, kernel)
            case tree.Rounded() as kernel:
                return self._rounded(kernel, kind)
            case tree.Rank() | tree.RunningTotal():
                raise _NeedsSingleRuns
        if shared.has_plugins:
            raise _NeedsSingleRuns
        columns, given = {}, {}
        for name, leaf in shared.leaves.items():
            columns[name], has_value = self._leaf(leaf, kind)
            if has_value is not None:
                given[name] = has_value
        operations = NumpyOperations(columns, given)
        rendered = render(part.tree, operations, first_year=self.before is None)
        values, defined = rendered.value, rendered.defined
        if values.dtype == bool:
            return _Calculated(values, ~defined.all(axis=1) | operations.is_unsure[:, 0])
        with np.errstate(invalid="ignore"):
            values = values + 0.0
            size = np.abs(values)
            is_unsure = ~(defined & (size <= LARGEST)).all(axis=1) | operations.is_unsure[:, 0]
            return _Calculated(_without_traces(values, size), is_unsure)

    def _leaf(self, node: tree.Leaf, kind: Kind) -> tuple[Array, Array | None]:
        """Return what a formula takes its values from, for every row of a kind, and where it has a value.

        Raises:
            _NeedsSingleRuns: Single runs find it.
        """
        match node:
            case tree.AggregateCall() if node.of in self.values:
                own = group(node.within) if node.within else NATIONAL
                return self._spread(self._aggregate(node), own, kind), None
            case tree.Previous(of) if self.before is None:
                return np.zeros((1, 1)), None  # `first` takes its place
            case tree.Previous(of) if self.before is not None and of in self.before.values:
                return self._spread(self._previous(of), self.scheme.symbols[of].kind, kind), None
            case tree.Previous():
                self.shared.store_previous(node)
            case tree.RateOf(step) if step in self.values:
                raise _NeedsSingleRuns
            case tree.TableCall(of=of, table=table):
                if not self.values.keys().isdisjoint({of, *self.scheme.table(table).rows}):
                    raise _NeedsSingleRuns
                self.shared.store_figure(node)
            case tree.RateOf() | tree.AggregateCall():
                self.shared.store_figure(node)
        return self.column(column_of(node), kind)

    def _aggregate(self, node: tree.AggregateCall) -> Array:
        """Return a total, count, largest or smallest of values that vary, nationally or by group.

        Raises:
            _NeedsSingleRuns: A value is blank.
        """
        name = tree.to_text(node)
        if name in self._figures:
            return self._figures[name]
        kind = self.scheme.symbols[node.of].kind
        values, given = self.column(node.of, kind)
        if given is not None:
            raise _NeedsSingleRuns
        values = self.on_all_rows(values, kind)
        padding = {"largest": -np.inf, "smallest": np.inf}.get(node.function, 0.0)
        if node.within is not None:
            values, groups = self._by_group(values, kind, node.within, padding)
        match node.function:
            case "total":
                figures = exact_totals(values)
            case "count":
                figures = values.sum(axis=1).astype(float)
            case "largest":
                figures = values.max(axis=1)
            case _:
                figures = values.min(axis=1)
        self._figures[name] = figures.reshape(-1, groups) if node.within is not None else figures[:, np.newaxis]
        return self._figures[name]

    def _previous(self, name: str) -> Array:
        """Return last year's values of a name for this year's rows; money and people are added up over mergers.

        Raises:
            _NeedsSingleRuns: Something of this year was not there last year.
            CalculationError: The same, for organisations.
        """  # noqa: DOC502 - raised by what it calls
        assert self.before is not None  # noqa: S101  # the caller knows
        kind, old = self.scheme.symbols[name].kind, self.before.values[name]
        if kind == NATIONAL or old.shape[1] == 1:
            return old
        if kind.column is not None:
            now, before = self.shared.now.labels[kind.column], self.before.shared.now.labels[kind.column]
            if not set(now) <= set(before):
                raise _NeedsSingleRuns
            return old[:, [before.index(label) for label in now]]
        rows = self.shared.predecessors(name)
        values = old[:, [of_row[0] for of_row in rows]]
        for row, of_row in enumerate(rows):
            if len(of_row) > 1:
                values[:, row] = exact_totals(old[:, of_row])
        return values

    # Kernels

    def _exact(self, leaf: tree.Name | tree.Number, kind: Kind) -> Array:
        """Return the values of a kernel's argument for every row of a kind, whose floats are exact.

        Raises:
            _NeedsSingleRuns: A value is blank, or the exact fractions of a kernel are no floats.
        """
        if isinstance(leaf, tree.Number):
            return np.full((1, 1), float(leaf.value))
        values, given = self.column(leaf.name, kind)
        if given is not None:
            raise _NeedsSingleRuns
        symbol = self.scheme.symbols[leaf.name]
        if leaf.name not in self.values:
            is_exact = self.shared.has_exact_floats(leaf.name, kind)
        else:
            kernel = symbol.kernel
            is_whole = isinstance(kernel, tree.Rounded) and float(kernel.to).is_integer()
            is_exact = kernel is None or symbol.kind != kind or is_whole or isinstance(kernel, tree.Rank)
        if not is_exact:
            raise _NeedsSingleRuns
        return values

    def _by_group(self, values: Array, kind: Kind, within: str, padding: float = 0.0) -> tuple[Array, int]:
        """Return values with a row for each scenario and group, filled up at the end; and the number of groups."""
        index, _ = self._index(kind, within)
        values = self.on_all_rows(values, kind)
        filled = np.concatenate([values, np.full((values.shape[0], 1), padding, dtype=values.dtype)], axis=1)
        return filled[:, index].reshape(-1, index.shape[1]), index.shape[0]

    def _from_groups(self, values: Array, kind: Kind, within: str) -> Array:
        """Return values by scenario and group with a row for each scenario."""
        index, place = self._index(kind, within)
        return values.reshape(-1, index.size)[:, place]

    def _index(self, kind: Kind, within: str) -> tuple[Array, Array]:
        """Return the rows of each group, filled up with the number of rows; and the place of each row among them."""
        numbers = np.array(self.shared.group_numbers(kind, within))
        groups, rows = len(self.shared.now.labels[within]), len(numbers)
        sizes = np.bincount(numbers, minlength=groups)
        order = np.argsort(numbers, kind="stable")
        column = np.arange(rows) - np.repeat(np.cumsum(sizes) - sizes, sizes)
        index = np.full((groups, max(1, int(sizes.max()))), rows)
        index[numbers[order], column] = order
        place = np.empty(rows, dtype=int)
        place[order] = numbers[order] * index.shape[1] + column
        return index, place

    def _shared_out(self, step: Step, kernel: tree.ShareOut) -> _Calculated:
        """Return the shares of a `share_out` step; scenarios whose floors cost more than the amount end.

        Raises:
            _NeedsSingleRuns: A group may have several amounts.
        """  # noqa: DOC502 - raised by what it calls
        number, groups, kind = self.batch.count, 1, step.kind
        amount = self._amounts(kernel)
        by = self._exact(kernel.by, kind)
        leaves = {"base": kernel.base, "at_least": kernel.at_least, "at_most": kernel.at_most}
        bounds = {key: self._exact(leaf, kind) for key, leaf in leaves.items() if leaf is not None}
        by = self.on_all_rows(by, kind)
        if kernel.within:
            everything = {"by": by, **bounds}
            for key, values in everything.items():
                whole = np.broadcast_to(values, (number, self.shared.rows[kind]))
                everything[key], groups = self._by_group(whole, kind, kernel.within)
            by, bounds = everything.pop("by"), everything
            amount = np.broadcast_to(amount, (number, groups)).reshape(-1, 1)
        shares = share_out_many(amount, by, **bounds)
        by_scenario = {
            name: getattr(shares, name).reshape(-1, groups) for name in ("is_certain", "is_too_little", "least")
        }
        is_certain, is_too_little = by_scenario["is_certain"], by_scenario["is_too_little"]
        is_known = (is_certain | is_too_little).all(axis=1)
        faults = np.broadcast_to(is_known & is_too_little.any(axis=1), (number,))
        for place in map(int, np.flatnonzero(faults & self.batch.is_possible)):
            row = min(place, len(is_too_little) - 1)
            index = int(np.argmax(is_too_little[row]))
            least, amounts = by_scenario["least"], amount.reshape(-1, groups)
            fault = SharingError(
                "floors_exceed_amount",
                group=index,
                least=Fraction(least[min(row, len(least) - 1), index]),
                amount=Fraction(amounts[min(row, len(amounts) - 1), index]),
            )
            self.batch.end_scenario(
                place, Impossible(self.shared.year, step.where, self.shared.sharing_problem(step, fault))
            )
        arrays = [shares.high, shares.low, np.broadcast_to(shares.bound, shares.high.shape)]
        if kernel.within:
            arrays = [self._from_groups(array, kind, kernel.within) for array in arrays]
        high, low, bound = arrays
        size = np.abs(high)
        is_unsure = ~is_known | ~((size <= LARGEST) & ((size >= SMALLEST) | (high == 0))).all(axis=1)
        unspent, amounts = shares.unspent.reshape(-1, groups), amount.reshape(-1, groups)
        return _Calculated(high, is_unsure, low, bound, unspent, amounts)

    def _amounts(self, kernel: tree.ShareOut) -> Array:
        """Return the amounts of a `share_out` step: one for each group, or a single one.

        Raises:
            _NeedsSingleRuns: They are on the rows of a group.
        """
        if isinstance(kernel.amount, tree.Name) and kernel.within is not None:
            kind = self.scheme.symbols[kernel.amount.name].kind
            if kind == group(kernel.within):
                return self._exact(kernel.amount, kind)
            if kind != NATIONAL:
                raise _NeedsSingleRuns
        return self._exact(kernel.amount, NATIONAL)

    def _rounded(self, kernel: tree.Rounded, kind: Kind) -> _Calculated:
        """Return the values of a `rounded` step."""
        groups, name = 1, kernel.of.name
        if name in self.shares and self.scheme.symbols[name].kind == kind:
            high, low, bound = self.shares[name]
        else:
            high = self._exact(kernel.of, kind)
            low = bound = np.zeros((1, 1))
        arrays = [self.on_all_rows(array, kind) for array in (high, low, bound)]
        if kernel.within:
            number = max(len(array) for array in arrays)
            arrays = [np.broadcast_to(array, (number, array.shape[1])) for array in arrays]
            grouped = [self._by_group(array, kind, kernel.within) for array in arrays]
            arrays, groups = [array for array, _ in grouped], grouped[0][1]
        high, low, bound = arrays
        rounding = rounded_many(high, low, bound.max(axis=1, keepdims=True), to=kernel.to)
        values = self._from_groups(rounding.values, kind, kernel.within) if kernel.within else rounding.values
        is_certain = rounding.is_certain.reshape(-1, groups).all(axis=1)
        is_certain &= np.abs(values).sum(axis=1) <= _NEARLY * MOST_UNITS * kernel.to
        return _Calculated(values, ~is_certain)

    # Single runs

    def _single_run(self, place: int, part: Part) -> SharedYear:
        """Return a single run of one scenario that is ready to calculate a part."""
        rows = [
            row
            for node in tree.walk(part.tree)
            if isinstance(node, tree.TableCall)
            for row in self.scheme.table(node.table).rows
            if row in self.values
        ]
        run = self.shared.single(
            self._year_before(place, part), {row: float(_row_of(self.values[row], place)[0]) for row in rows}
        )
        for behind in (*self._kernels_behind(part), part):
            for name in dict.fromkeys(name for name, _ in tree.names_in(behind.tree)):
                if name in self.values and name not in rows:
                    kind = self.scheme.symbols[name].kind
                    values, given = self.column(name, kind)
                    row = np.broadcast_to(_row_of(values, place), (self.shared.rows[kind],)).tolist()
                    if given is not None:
                        row = [value if is_given else None for value, is_given in zip(row, given[0], strict=True)]
                    run.give(name, row)
            if behind is not part:
                run.run_part(behind)
        return run

    def _kernels_behind(self, part: Part) -> list[Step]:
        """Return the steps whose exact fractions or rates a part needs, in the order of the scheme."""
        steps = {step.name: step for step in self.scheme.steps}
        needed: dict[str, Step] = {}

        def add(of: Part) -> None:
            leaves = tree.children(of.tree) if isinstance(of.tree, tree.Kernel) else ()
            names = [leaf.name for leaf in leaves if isinstance(leaf, tree.Name)]
            names += [node.step for node in tree.walk(of.tree) if isinstance(node, tree.RateOf)]
            for name in names:
                step = steps.get(name)
                if step and name in self.values and name not in needed and isinstance(step.tree, tree.Kernel):
                    add(step)
                    needed[name] = step

        add(part)
        return [step for step in self.scheme.steps if step.name in needed]

    def _year_before(self, place: int, part: Part) -> Year | None:
        """Return last year with what a part takes from it, in one scenario; None if nothing of that varies."""
        before = self.before
        names = {node.of for node in tree.walk(part.tree) if isinstance(node, tree.Previous)}
        names = {name for name in names if before is not None and name in before.values}
        if before is None or not names:
            return None
        run = before.shared.single(None, {})
        for name in names:
            rows = before.shared.rows[self.scheme.symbols[name].kind]
            run.give(name, np.broadcast_to(_row_of(before.values[name], place), (rows,)).tolist())
        return run.now


def _writable(values: Array | None, shape: tuple[int, ...]) -> Array:
    """Return a copy of values that can be written to in each scenario; zeros if there are none."""
    return np.zeros(shape) if values is None else np.broadcast_to(values, shape).copy()


def _row_of(values: Array, place: int) -> Array:
    """Return the values of one scenario."""
    row: Array = values[min(place, len(values) - 1)]
    return row


def _are_equal(values: Array, others: Array) -> bool:
    """Return whether two arrays are equal; that they differ is nearly always seen in the first scenario."""
    return values is others or (np.array_equal(values[:1], others[:1]) and np.array_equal(values, others))


def _without_traces(values: Array, size: Array) -> Array:
    """Return values, or 0 if they are closer to 0 than any number that gpit reads."""
    is_trace = (size < SMALLEST) & (values != 0)
    return np.where(is_trace, 0.0, values) if is_trace.any() else values
