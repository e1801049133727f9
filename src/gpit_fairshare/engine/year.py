"""One year of a scheme, step by step: the calculation itself."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import polars as pl

from gpit_fairshare.engine.model import CheckResult, Values, Year
from gpit_fairshare.engine.plugin_checks import check_row_by_row
from gpit_fairshare.engine.table_findings import missing_value
from gpit_fairshare.errors import CalculationError, PluginError, SharingError
from gpit_fairshare.findings import Finding, FindingCode
from gpit_fairshare.inputs.columns.cells import year_start
from gpit_fairshare.language import tree
from gpit_fairshare.language.functions import AGGREGATES
from gpit_fairshare.language.in_polars import render, select
from gpit_fairshare.language.kinds import NATIONAL, ORGANISATION, Kind, Type, group, kind_of
from gpit_fairshare.language.meaning import unit_in
from gpit_fairshare.language.plugin_functions import added_functions, partial_functions
from gpit_fairshare.language.rendering import previous_column
from gpit_fairshare.language.tables import values_at
from gpit_fairshare.language.units import MONEY_AND_PEOPLE
from gpit_fairshare.magnitude import BOUNDS, LARGEST, MOST_UNITS, SMALLEST
from gpit_fairshare.numbers import figure, shortest
from gpit_fairshare.ordering import ranks, running_totals
from gpit_fairshare.sharing import rounded, share_out
from gpit_fairshare.words import joined

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from gpit_fairshare.inputs.model import Inputs
    from gpit_fairshare.language.kinds import Symbol
    from gpit_fairshare.scheme.model import Check, Part, Scheme, Step


class YearRun:
    """One year of a scheme: fills a `Year`, step by step."""

    def __init__(self, scheme: Scheme, inputs: Inputs, year: str, before: Year | None) -> None:
        """Prepare a year: its inputs with all columns, its groups, and the values of its parameters.

        An input that no file has becomes a column of blanks. `before` is the calculated year before, or None.
        """
        self.scheme = scheme
        self.inputs = inputs
        self.before = before
        self.year = year
        self.place = f"{scheme.name}, {year}"
        """The current step or check and the year, for messages."""
        table = inputs.tables[year]
        blanks = [symbol for symbol in scheme.inputs if symbol.name not in table.columns]
        table = table.with_columns(
            pl.lit(None, dtype=pl.String if symbol.type == "text" else pl.Float64).alias(symbol.name)
            for symbol in blanks
        )
        self.now = Year(year, {NATIONAL: pl.DataFrame({"year": [year]}), ORGANISATION: table})
        parts: tuple[Part, ...] = (*scheme.steps, *scheme.checks, *scheme.outcomes)
        for column in dict.fromkeys(column for part in parts for column in tree.groupings(part.tree)):
            self._group_by(column)
        for name, parameter in scheme.parameters.items():
            self._store(name, NATIONAL, [parameter.values[year].value])

    def _store(self, name: str, kind: Kind, values: Values, value_type: Type = "number") -> None:
        """Store the values of a name in the frame of a kind, and repeat them in the frames of finer kinds.

        A number nearer to 0 than 1e-50 becomes 0.

        Raises:
            CalculationError: A number is too large to calculate with.
        """
        column = pl.Series(name, values, dtype=pl.Float64 if value_type == "number" else pl.Boolean)
        if value_type == "number":
            is_too_large = (column > LARGEST) | (column < -LARGEST)
            if is_too_large.any():
                row = is_too_large.to_list().index(True)
                where = f"{self.place}, {self._row_names(kind)[row]}"
                raise CalculationError(f"{where}: {name} is {shortest(values[row])}, too large; {BOUNDS}")
            column = column.set((column < SMALLEST) & (column > -SMALLEST), 0.0)
        columns = {kind: column}
        if kind == NATIONAL:
            columns = {other: column.new_from_index(0, frame.height) for other, frame in self.now.frames.items()}
        elif kind.column is not None:
            columns[ORGANISATION] = column.gather(self.now.membership[kind.column])
        for other, repeated in columns.items():
            self.now.frames[other] = self.now.frames[other].with_columns(repeated)

    def _group_by(self, column: str) -> None:
        """Store the groups of organisations by a text column: their labels, sorted, and the group of each organisation.

        Raises:
            CalculationError: Two labels differ only in capitals.
        """
        texts = self.now.values(column, ORGANISATION)
        labels = sorted(set(texts))
        folded: dict[str, str] = {}
        for label in labels:
            other = folded.setdefault(label.casefold(), label)
            if other != label:
                # Excel's SUMIFS would treat the two as one group.
                raise CalculationError(
                    f"{column} in {self.year}: {other!r} and {label!r} differ only in capitals; write both the same way"
                )
        number = {label: index for index, label in enumerate(labels)}
        self.now.labels[column] = labels
        self.now.membership[column] = [number[text] for text in texts]
        self.now.frames[group(column)] = pl.DataFrame({column: labels}, schema={column: pl.String})

    # Steps --------------------------------------------------------------------------------------

    def step(self, step: Step) -> None:
        """Calculate one step for all rows, and store its values."""
        self._prepare(step)
        match step.tree:
            case tree.ShareOut():
                self._store_shares(step, step.tree)
            case tree.Rounded():
                self._store_rounded(step, step.tree)
            case tree.Rank(of, within):
                places = ranks(self._filled(of.name, step.kind), self._groups(step, within))
                self._store(step.name, step.kind, [*map(float, places)])
            case tree.RunningTotal(of, by, within):
                places = self._filled(by.name, step.kind)
                totals = running_totals(self._leaf(of, step.kind), places, self._groups(step, within))
                self._store(step.name, step.kind, [*map(float, totals)])
                self.now.exact[step.name] = totals
            case _:
                self._store(step.name, step.kind, self._evaluate(step.tree, step.kind), step.type)

    def check(self, check: Check) -> CheckResult:
        """Return the outcome of a check in this year, with the names of the rows that fail it.

        Raises:
            CalculationError: A row fails a check that stops the run.
        """
        self._prepare(check)
        kind = kind_of(check.tree, self.scheme.symbols)
        values = self._evaluate(check.tree, kind)
        names = self._row_names(kind)
        failing = tuple(name for name, holds in zip(names, values, strict=True) if not holds)
        if check.stops and failing:
            row = values.index(False)  # the first row that fails: its figures are shown
            more = f" and {len(failing) - 1} more" if len(failing) > 1 else ""
            failing_rows = "" if kind == NATIONAL else f", {failing[0]}{more}"
            cells = self._cells(check.tree, row) if kind == ORGANISATION else ""
            figures = self._figures(check.tree, kind, row)
            why = f", so there is no result; {check.note}" if check.note else ", so there is no result"
            raise CalculationError(f"{self.place}{failing_rows}{cells}: {check.formula} is not true{figures}{why}")
        return CheckResult(self.year, check.name, check.formula, holds=not failing, failing=failing)

    def find_outcomes(self) -> None:
        """Store the outcome of each organisation: the first of the scheme's whose formula is true for it."""
        labels = [""] * self.now.organisations.height
        for outcome in self.scheme.outcomes:
            self._prepare(outcome)
            is_true = self._evaluate(outcome.tree, ORGANISATION)
            labels = [label or (outcome.label if true else "") for label, true in zip(labels, is_true, strict=True)]
        self.now.outcomes = labels

    def _cells(self, expression: tree.Expression, row: int) -> str:
        """Return the cells of the input files that a formula uses for one organisation; see `cells_text`."""
        return cells_text(self.inputs, expression, self.year, self.now.codes()[row])

    def _figures(self, expression: tree.Expression, kind: Kind, row: int) -> str:
        """Return the values of the names in a formula, for one row, as text in brackets; empty if it has no names.

        At most six are given.
        """
        frame, parts = self.now.frames[kind], []
        for names, unit in shown_values(expression, self.scheme.symbols):
            columns = [name for name in names if name in frame.columns]
            if columns:
                value = frame[columns[0]][row]
                parts.append(f"{names[0]} = {'blank' if value is None else figure(value, unit)}")
        return f" ({', '.join(list(dict.fromkeys(parts))[:6])})" if parts else ""

    def _evaluate(self, expression: tree.Expression, kind: Kind) -> Values:
        """Return the value of a formula for every row of a kind.

        First its plug-in functions are checked: each may use only the values of its own row.

        Raises:
            PluginError: A plug-in's function fails, or does not give a number for each row.
            CalculationError: A value is undefined.
        """
        try:
            check_row_by_row(expression, self.now.frames[kind], first_year=self.before is None)
            rendered = render(expression, first_year=self.before is None)
            parts = rendered.value.alias("value"), rendered.defined.alias("defined")
            frame = select(self.now.frames[kind], [expression], *parts)
        except PluginError as fault:
            raise PluginError(f"{self.place}: {fault}") from None
        # A formula that only has numbers gives one row; its frame may have many.
        frame = pl.concat([frame] * self.now.frames[kind].height) if frame.height == 1 else frame
        values, defined = frame["value"].to_list(), frame["defined"].to_list()
        if not all(defined) or None in values or not all(map(math.isfinite, values)):
            rows = enumerate(zip(values, defined, strict=True))
            row = next(row for row, (value, ok) in rows if not ok or value is None or not math.isfinite(value))
            raise CalculationError(self._undefined(expression, kind, row))
        return [value + 0.0 if isinstance(value, float) else value for value in values]

    def _undefined(self, expression: tree.Expression, kind: Kind, row: int) -> str:
        """Return the message that a formula's value is undefined for a row: why, and the figures that went into it."""
        row_name, remedy = self._row_names(kind)[row], "exclude this case with where(…)"
        why = "a division by zero, a blank cell or a number too large"
        match self._figure_without_value(expression, self.now.frames[kind][row : row + 1]):
            case tree.TableCall() as call:
                cells = self._cells(call, row) if kind == ORGANISATION else ""
                reason = missing_value(self.scheme, call, self.now.frames[kind][call.of][row])
                return f"{self.place}, {row_name}{cells}: {reason}, or {remedy}"
            case tree.RateOf(name):
                why, way_out = self._why_no_rate(name)
                remedy = f"{way_out}, or {remedy}"
        if partial := [*map(str, added_functions(expression)), *partial_functions(expression)]:
            why += f", or no value from {joined(partial)}"
        figures = self._figures(expression, kind, row)
        return f"{self.place}, {row_name}: {tree.to_text(expression)} is undefined: {why}{figures}; {remedy}"

    def _why_no_rate(self, name: str) -> tuple[str, str]:
        """Return why a `share_out` step has no rate, in the nation or in a group, and what to do about it."""
        kernel = self.scheme.symbols[name].kernel
        assert isinstance(kernel, tree.ShareOut)  # noqa: S101  # no other step has a rate
        where = f" in its {kernel.within}" if kernel.within else ""
        if kernel.at_most is None:
            return f"{name} has no rate, because every weight{where} is 0", "give at least one row a weight"
        why = f"{name} has no rate, because everybody{where} has the most that it allows"
        return why, "lower the amount or raise at_most"

    def _row_names(self, kind: Kind) -> list[str]:
        """Return the name of every row of a kind, for messages: `national`, group labels, or organisation codes."""
        if kind == NATIONAL:
            return ["national"]
        if kind.column is not None:
            return self.now.labels[kind.column]
        return self.now.codes()

    def _filled(self, name: str, kind: Kind, why_needed: str = "") -> Values:
        """Return the values of a name for every row of a kind; none is blank.

        Raises:
            CalculationError: One of them is blank.
        """
        values = self.now.values(name, kind)
        if None in values:
            row_name = self._row_names(kind)[values.index(None)]
            raise CalculationError(f"{self.place}, {row_name}: {name} is blank{why_needed}")
        return values

    # Figures over rows and values of the year before ---------------------------------------------

    def _prepare(self, part: Part) -> None:
        """Store what a step, check or outcome needs: totals and counts over rows, and values of the year before.

        From now on, messages name this step, check or outcome.
        """
        self.place = f"{part.where}, {self.year}"
        for node in tree.walk(part.tree):
            if isinstance(node, tree.AggregateCall):
                self._store_aggregate(node)
            elif isinstance(node, tree.RateOf):
                self._store_rate(node)
            elif isinstance(node, tree.TableCall):
                self._store_table_values(node)
            elif isinstance(node, tree.Previous) and self.before is not None:
                self._store_previous(node, self.before)

    def _store_aggregate(self, node: tree.AggregateCall) -> None:
        """Calculate a total, count, largest or smallest, nationally or by group, and store it, unless it is stored.

        A blank among the values is an error.
        """
        name = tree.to_text(node)
        if name in self.now.frames[NATIONAL].columns or name in self.now.organisations.columns:
            return
        kind = self.scheme.symbols[node.of].kind
        remedy = f"replace blanks in a step with where(given({node.of}), …)"
        values = self._filled(node.of, kind, f", and {name} needs a value; {remedy}")
        groups, figure_kind = [values], NATIONAL
        if node.within is not None:
            groups, figure_kind = [[] for _ in self.now.labels[node.within]], group(node.within)
            for value, number in zip(values, self._members(kind, node.within), strict=True):
                groups[number].append(value)
        of_rows = AGGREGATES[node.function].of_rows
        self._store(name, figure_kind, [float(of_rows(rows)) for rows in groups])

    def _store_rate(self, node: tree.RateOf) -> None:
        """Store the rate that a `share_out` step found, nationally or by group, unless it is stored.

        It is None where everybody has the most, so that only a formula that needs it there is undefined.
        """
        name, kind = tree.to_text(node), self.scheme.symbols[node.step].rate_kind
        assert kind is not None  # noqa: S101  # the step is a share_out
        if name not in self.now.frames[kind].columns:
            rates = self.now.rate[node.step]
            self._store(name, kind, [None if rate is None else float(rate) for rate in rates])

    def _store_table_values(self, node: tree.TableCall) -> None:
        """Store the values that a table gives for the values of a column, unless they are stored.

        They are None where the table has no row or band, so that only a formula that needs them there is undefined.
        """
        name, symbol = tree.to_text(node), self.scheme.symbols[node.of]
        if name in self.now.frames[symbol.kind].columns:
            return
        table = self.scheme.table(node.table)
        row_values = [self.scheme.parameters[row].values[self.year].value for row in table.rows]
        keys = self.now.values(node.of, symbol.kind)
        self.now.table_calls.append(node)
        self._store(name, symbol.kind, values_at(node.function, table, row_values, keys))

    def _figure_without_value(
        self, expression: tree.Expression, frame: pl.DataFrame
    ) -> tree.TableCall | tree.RateOf | None:
        """Return the table or rate that makes a formula undefined on the one row of a frame; None if none does.

        One in a branch that `where` does not take is not the reason.
        """
        defined = render(expression, first_year=self.before is None).defined.alias("defined")
        nodes = [node for node in tree.walk(expression) if isinstance(node, tree.TableCall | tree.RateOf)]
        calls = {tree.to_text(node): node for node in nodes}
        blanks = [name for name in calls if frame[name][0] is None]
        for name in blanks:
            others = frame.with_columns(pl.lit(1.0).alias(other) for other in blanks if other != name)
            frames = others, others.with_columns(pl.lit(1.0).alias(name))
            if [select(filled, [expression], defined)["defined"][0] for filled in frames] == [False, True]:
                return calls[name]
        return None

    def _members(self, kind: Kind, within: str) -> list[int]:
        """Return the number of the group, from 0, by the text column `within`, for each row of a kind.

        Raises:
            CalculationError: A group is in more than one of the larger groups.
        """
        members = self.now.members(kind, within)
        if kind.column is not None:
            for inner, outer in zip(self.now.membership[kind.column], self.now.membership[within], strict=True):
                if members[inner] != outer:
                    label = f"{kind.column} {self.now.labels[kind.column][inner]}"
                    raise CalculationError(f"{self.place}: {label} is in more than one {within}")
        return members

    def _store_previous(self, node: tree.Previous, before: Year) -> None:
        """Store last year's values of a name for this year's organisations, groups or nation, unless they are stored.

        Raises:
            CalculationError: A group has no value in the year before.
        """
        name = previous_column(node.of)
        symbol = self.scheme.symbols[node.of]
        if name in self.now.frames[symbol.kind].columns:
            return
        values, column = before.values(node.of, symbol.kind), symbol.kind.column
        if symbol.kind == ORGANISATION:
            values = self._carried(node.of, values, before)
        elif column is not None:
            by_label = dict(zip(before.labels[column], values, strict=True))
            labels = self.now.labels[column]
            if new := [label for label in labels if label not in by_label]:
                raise CalculationError(f"{self.place}: {column} {new[0]} has no value in {before.year}")
            values = [by_label[label] for label in labels]
        self._store(name, symbol.kind, values, symbol.type)

    def _carried(self, name: str, old: Values, before: Year) -> Values:
        """Return last year's values for this year's organisations; money and people are added up over mergers.

        Raises:
            CalculationError: A merger would add up other values, or one of them is blank.
        """
        if not self.now.predecessors:
            self.now.predecessors = self._find_predecessors(before)
        unit = self.scheme.symbols[name].unit
        values: Values = []
        for code, rows in zip(self.now.codes(), self.now.predecessors, strict=True):
            if len(rows) == 1:
                values.append(old[rows[0]])
                continue
            merged = ", ".join(before.codes()[row] for row in rows)
            is_running_total = isinstance(self.scheme.symbols[name].kernel, tree.RunningTotal)
            if unit not in MONEY_AND_PEOPLE or is_running_total:
                values_of = "running totals" if is_running_total else unit or "values with no unit"
                raise CalculationError(
                    f"{self.place}, {code}: previous({name}) would add up {values_of} of {merged}, "
                    "which merged; only £ and people are added up over a merger, so calculate it from those"
                )
            if any(old[row] is None for row in rows):
                raise CalculationError(f"{self.place}, {code}: {name} of {merged} is blank in {before.year}")
            values.append(math.fsum(old[row] for row in rows))
        return values

    def _find_predecessors(self, before: Year) -> list[list[int]]:
        """Return, for each organisation of this year, the rows of last year's organisations that it continues.

        Raises:
            CalculationError: An organisation has split, or has no successor or no predecessor.
        """
        row_of = {code: row for row, code in enumerate(self.now.codes())}
        days = year_start(before.year), year_start(self.year)
        rows: list[list[int]] = [[] for _ in row_of]
        for row, code in enumerate(before.codes()):
            successor, *others = [code] if code in row_of else self.inputs.crosswalk.shares(code, *days)
            problem = f"{self.place}: {code} existed in {before.year}"
            if others:
                parts = ", ".join([successor, *others])
                raise CalculationError(
                    f"{problem} and split into {parts}; restate all years with --boundaries {self.year}"
                )
            if successor not in row_of:
                raise CalculationError(f"{problem} and has no successor in {self.year}; its money would be lost")
            rows[row_of[successor]].append(row)
        for code, predecessors in zip(row_of, rows, strict=True):
            if not predecessors:
                message = f"{code} has no predecessor in {before.year}, and previous(…) needs one"
                raise CalculationError(f"{self.place}: {message}")
        return rows

    # Kernels --------------------------------------------------------------------------------------

    def _leaf(self, leaf: tree.Name | tree.Number, kind: Kind) -> Values:
        """Return the values of a kernel's argument for every row of a kind, as exact fractions if they are known.

        They are known for a step of a kernel with the same kind of row. A blank is an error.
        """
        if isinstance(leaf, tree.Number):
            return [leaf.value] * self.now.frames[kind].height
        symbol = self.scheme.symbols[leaf.name]
        exact = self.now.exact.get(leaf.name)
        if exact is not None and symbol.kind == kind:
            return list(exact)
        return self._filled(leaf.name, kind)

    def _groups(self, step: Step, within: str | None) -> list[int] | None:
        """Return the number of the group of each row of a step, from 0; None if a kernel takes all rows together."""
        return self._members(step.kind, within) if within else None

    def _store_shares(self, step: Step, kernel: tree.ShareOut) -> None:
        """Calculate a `share_out` step, and store its shares as floats and exactly, amounts, unspent money and factors.

        Raises:
            CalculationError: The money cannot be shared out as asked.
        """
        amounts = self._amounts(step, kernel)
        bounds = {"base": kernel.base, "at_least": kernel.at_least, "at_most": kernel.at_most}
        arguments = {key: self._leaf(leaf, step.kind) for key, leaf in bounds.items() if leaf is not None}
        weights = self._leaf(kernel.by, step.kind)
        try:
            shares = share_out(amounts, weights, groups=self._groups(step, kernel.within), **arguments)
        except SharingError as fault:
            raise CalculationError(self._sharing_problem(step, kernel, fault)) from None
        self._store(step.name, step.kind, shares.values)
        self.now.exact[step.name] = shares.exact
        self.now.amounts[step.name] = [Fraction(amount) for amount in amounts]
        self.now.unspent[step.name] = shares.unspent
        self.now.factor[step.name] = shares.factor
        self.now.rate[step.name] = shares.rate

    def _amounts(self, step: Step, kernel: tree.ShareOut) -> Values:
        """Return the amounts that a `share_out` step shares: one for each group, or a single one without groups.

        A number or a national amount is given in full to each group. An amount on the rows must be the same within a
        group.

        Raises:
            CalculationError: The rows of a group have different amounts.
        """
        symbols = self.scheme.symbols
        if (
            kernel.within is None
            or isinstance(kernel.amount, tree.Number)
            or symbols[kernel.amount.name].kind == NATIONAL
        ):
            return self._leaf(kernel.amount, NATIONAL) * (len(self.now.labels[kernel.within]) if kernel.within else 1)
        symbol = symbols[kernel.amount.name]
        if symbol.kind == group(kernel.within):
            return self._leaf(kernel.amount, symbol.kind)
        members = self._members(step.kind, kernel.within)
        amount_of_group: dict[int, Any] = {}
        for row, (value, index) in enumerate(zip(self._leaf(kernel.amount, step.kind), members, strict=True)):
            if amount_of_group.setdefault(index, value) != value:
                label = self.now.labels[kernel.within][index]
                amounts = f"{figure(amount_of_group[index], symbol.unit)} and {figure(value, symbol.unit)}"
                raise CalculationError(
                    f"{self.place}, {self._row_names(step.kind)[row]}: {symbol.name} differs within {kernel.within} "
                    f"{label} ({amounts}); it is one amount for each {kernel.within}"
                )
        return [amount_of_group[index] for index in range(len(self.now.labels[kernel.within]))]

    def _sharing_problem(self, step: Step, kernel: tree.ShareOut, fault: SharingError) -> str:
        """Return the message of a `share_out` step that cannot be calculated: the place, the reason and what to do."""
        place = self.place
        if kernel.within:
            place += f", {kernel.within} {self.now.labels[kernel.within][fault.group]}"
        if fault.row is not None:
            place += f", {self._row_names(step.kind)[fault.row]}"
        amount = tree.to_text(kernel.amount)
        unit = step.unit
        match fault.reason:
            case "negative_weight":
                return f"{place}: the weight {tree.to_text(kernel.by)} is negative; expected 0 or more"
            case "crossed_bounds":
                low, high = (tree.to_text(leaf) if leaf else "" for leaf in (kernel.at_least, kernel.at_most))
                return f"{place}: at_least ({low}) is above at_most ({high}); no amount fits both"
            case "nothing_to_share_by":
                return (
                    f"{place}: every weight {tree.to_text(kernel.by)} is 0, so {figure(fault.amount, unit)} "
                    "cannot be shared out; give at least one row a weight, or set at_most"
                )
            case _:
                floors = tree.to_text(kernel.at_least or kernel.base or tree.Number(0))
                return (
                    f"{place}: {floors} needs {figure(fault.least, unit)} in total, "
                    f"but {amount} is {figure(fault.amount, unit)}, "
                    f"{figure((fault.least or 0) - (fault.amount or 0), unit)} too little; "
                    "lower the floor or raise the amount"
                )

    def _store_rounded(self, step: Step, kernel: tree.Rounded) -> None:
        """Calculate a `rounded` step, and store its values as floats and exactly.

        A warning is stored if its unit is so fine that a spreadsheet, which rounds floats, may give it to another row.

        Raises:
            CalculationError: The total is too large to round exactly.
        """
        values = self._leaf(kernel.of, step.kind)
        rounding = rounded(values, to=kernel.to, groups=self._groups(step, kernel.within))
        if rounding.units > MOST_UNITS:
            total, most = (units * Fraction(str(kernel.to)) for units in (rounding.units, MOST_UNITS))
            raise CalculationError(
                f"{self.place}: {kernel.of.name} adds up to {figure(total, step.unit)}; in units of "
                f"{shortest(kernel.to)} rounding is exact up to {figure(most, step.unit)} only; "
                "lower it, or round to a larger unit"
            )
        self._store(step.name, step.kind, rounding.values)
        self.now.exact[step.name] = rounding.exact
        if not rounding.certain:
            self.now.too_fine[step.name] = self._too_fine(step, kernel, max(map(abs, rounding.values)))

    def _too_fine(self, step: Step, kernel: tree.Rounded, largest: float) -> Finding:
        """Return the warning that floats have too few digits to decide which row gets a left-over unit."""
        to = figure(kernel.to, step.unit)
        message = (
            f"{step.label} {self.year}: {to} is too small a unit for figures of up to {figure(largest, step.unit)} "
            f"with equal remainders: Excel and LibreOffice keep 15 to 17 digits, and may give a left-over {to} to "
            "another row"
        )
        remedy = "Round to a larger unit, such as to=1 for whole pounds"
        return Finding.warning(FindingCode.TOO_FINE_A_UNIT, message, remedy)


# What messages say of a formula, here and on the page ----------------------------------------------------------


def cells_text(inputs: Inputs, expression: tree.Expression, year: str, code: str) -> str:
    """Return the cells of the input files that a formula uses for an organisation, in brackets; empty if none."""
    keys = [(year, code, name) for name, _ in tree.names_in(expression)]
    cells = dict.fromkeys(inputs.origins[key] for key in keys if key in inputs.origins)
    return f" ({', '.join(cells)})" if cells else ""


def shown_values(expression: tree.Expression, symbols: Mapping[str, Symbol]) -> Iterator[tuple[list[str], str | None]]:
    """Yield what a message shows of a formula: for each name or figure the columns that may hold it, and its unit.

    The value is that of the first column that a row has; the name shown is that of the first of all.
    """
    for node in tree.walk(expression):
        match node:
            case tree.AggregateCall(function, of):
                yield [tree.to_text(node)], None if AGGREGATES[function].is_count else symbols[of].unit
            case tree.TableCall() | tree.RateOf():
                yield [tree.to_text(node)], unit_in(node, symbols)
            case tree.Name(of) | tree.Previous(of) | tree.IsGiven(of):
                yield [of, previous_column(of)], symbols[of].unit
