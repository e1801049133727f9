"""One year of a sweep: what all scenarios share, calculated once as in a single run, and single runs of one of them."""

from __future__ import annotations

import copy
from dataclasses import dataclass, replace
from functools import cached_property
from threading import RLock
from typing import TYPE_CHECKING

import numpy as np

from gpit_fairshare.engine.year import YearRun
from gpit_fairshare.errors import GpitError
from gpit_fairshare.language import tree
from gpit_fairshare.language.kinds import ORGANISATION, kind_of
from gpit_fairshare.language.plugin_functions import added_functions
from gpit_fairshare.language.rendering import column_of
from gpit_fairshare.scheme.model import Check, Step

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gpit_fairshare.engine.model import CheckResult, Values, Year
    from gpit_fairshare.errors import SharingError
    from gpit_fairshare.inputs.model import Inputs
    from gpit_fairshare.language.in_numpy import Array
    from gpit_fairshare.language.kinds import Kind
    from gpit_fairshare.scheme.model import Part, Scheme


@dataclass(frozen=True, slots=True)
class SharedPart:
    """What a step, check or outcome is in every scenario of a year."""

    part: Part
    kind: Kind
    """What it has a value for."""
    varies: bool
    has_plugins: bool
    """Whether it uses functions of plug-ins, which only single runs calculate."""
    leaves: Mapping[str, tree.Leaf]
    """What its formula takes its values from, by the name of its column."""
    sources: frozenset[tuple[str, str]]
    """The names and years of varying parameters and inputs on which it depends."""
    names_as_before: frozenset[str] | None
    """The varying names of which it is a function, if it is the same one in the year before; None if it is not."""


class SharedYear(YearRun):
    """One year of all scenarios; it holds the steps, checks and outcomes that are the same in each of them."""

    def __init__(
        self, scheme: Scheme, inputs: Inputs, year: str, before: SharedYear | None, varied: frozenset[str]
    ) -> None:
        """Calculate what does not vary, up to the first step or check that stops every run.

        Args:
            scheme: The scheme.
            inputs: Its checked inputs.
            year: The year.
            before: The year before, or None.
            varied: Names of parameters and input columns that vary in this year.
        """
        super().__init__(scheme, inputs, year, before.now if before else None)
        self.earlier = before
        self.sources: dict[str, frozenset[tuple[str, str]]] = {name: frozenset({(name, year)}) for name in varied}
        """For each parameter, input and step that differs between scenarios: on what it depends, as in `SharedPart`."""
        self.parts: list[SharedPart] = []
        """Steps, checks and outcomes in the order of a run."""
        self.refusal = ""
        """Why no scenario gets further than the last of `parts`; empty if that is not so."""
        self.checks: dict[str, CheckResult] = {}
        """The results of checks that do not vary, by where they are."""
        self.is_true: dict[str, Array] = {}
        """Whether each organisation has an outcome that does not vary, by where it is."""
        self._lock = RLock()
        """Held while something is stored: batches of several threads share this year."""
        self._arrays: dict[tuple[str, Kind], tuple[Array, Array | None]] = {}
        parts: tuple[Part, ...] = (*scheme.steps, *scheme.checks, *scheme.outcomes)
        for part in parts:
            self.parts.append(shared := self._shared(part))
            if shared.varies:
                if isinstance(part, Step):
                    self.sources[part.name] = shared.sources
                continue
            try:
                self._calculate_once(part)
            except GpitError as fault:
                self.refusal = str(fault)
                return

    def _shared(self, part: Part) -> SharedPart:
        """Return what a step, check or outcome is, after all that comes before it."""
        nodes, names = [*tree.walk(part.tree)], self._names(part)
        has_previous = any(isinstance(node, tree.Previous) for node in nodes)
        years = [self, *([self.earlier] if self.earlier and has_previous else [])]
        sources = frozenset[tuple[str, str]]().union(*(year.sources.get(name, ()) for year in years for name in names))
        return SharedPart(
            part,
            part.kind if isinstance(part, Step) else kind_of(part.tree, self.scheme.symbols),
            varies=bool(sources),
            has_plugins=bool(added_functions(part.tree)),
            leaves={column_of(node): node for node in nodes if isinstance(node, tree.Leaf)},
            sources=sources,
            names_as_before=None
            if has_previous or not self._is_as_before(names)
            else frozenset(names & {*self.sources}),
        )

    def _names(self, part: Part) -> set[str]:
        """Return the names that a part uses, with the rows of its tables."""
        calls = [node for node in tree.walk(part.tree) if isinstance(node, tree.TableCall)]
        names = {name for name, _ in tree.names_in(part.tree)} - {call.table for call in calls}
        return names.union(*(self.scheme.table(call.table).rows for call in calls))

    def _is_as_before(self, names: set[str]) -> bool:
        """Return whether organisations, and the names that do not vary, are those of the year before."""
        if self.before is None or self.now.codes() != self.before.codes():
            return False
        for name in names - {*self.sources}:
            kind = self.scheme.symbols[name].kind if name in self.scheme.symbols else ORGANISATION
            then, now = self.before.frames[kind], self.now.frames[kind]
            if name not in then.columns or not now[name].equals(then[name]):
                return False
        return True

    def _calculate_once(self, part: Part) -> None:
        """Calculate a step, check or outcome that does not vary."""
        if isinstance(part, Step):
            self.step(part)
        elif isinstance(part, Check):
            self.checks[part.where] = self.check(part)
        else:
            self._prepare(part)
            self.is_true[part.where] = np.array([self._evaluate(part.tree, ORGANISATION)])

    # What does not vary, as arrays with one scenario

    def array(self, name: str, kind: Kind) -> tuple[Array, Array | None]:
        """Return a column of the frame of a kind, and where it has values; None for that if it has no blanks."""
        if (name, kind) not in self._arrays:
            column = self.now.frames[kind][name]
            given = column.is_not_null().to_numpy()[np.newaxis] if column.null_count() else None
            self._arrays[name, kind] = column.to_numpy()[np.newaxis], given
        return self._arrays[name, kind]

    def has_exact_floats(self, name: str, kind: Kind) -> bool:
        """Return whether the floats of a column are what a kernel of this kind takes: no exact fractions are known."""
        exact = self.now.exact.get(name)
        if exact is None or self.scheme.symbols[name].kind != kind:
            return True
        return all(figure == value for figure, value in zip(exact, self.now.values(name, kind), strict=True))

    def store_figure(self, node: tree.AggregateCall | tree.RateOf | tree.TableCall) -> None:
        """Store a figure of columns that do not vary, unless it is stored."""
        with self._lock:
            if isinstance(node, tree.AggregateCall):
                self._store_aggregate(node)
            elif isinstance(node, tree.RateOf):
                self._store_rate(node)
            else:
                self._store_table_values(node)

    def store_previous(self, node: tree.Previous) -> None:
        """Store values of the year before that do not vary, unless they are stored."""
        assert self.before is not None  # noqa: S101  # in the first year `first` takes its place
        with self._lock:
            self._store_previous(node, self.before)

    def predecessors(self, name: str) -> list[list[int]]:
        """Return the rows of last year's organisations that each organisation continues.

        Args:
            name: The name whose values are carried over.

        Raises:
            CalculationError: There are none, or the values of a merger cannot be added up.
        """  # noqa: DOC502 - raised by what it calls
        assert self.before is not None  # noqa: S101  # as above
        zeros: Values = [0.0] * self.before.organisations.height
        with self._lock:
            self._carried(name, zeros, self.before)
        return self.now.predecessors

    def group_numbers(self, kind: Kind, within: str) -> list[int]:
        """Return the number of the group of each row of a kind."""
        return self._members(kind, within)

    @cached_property
    def rows(self) -> dict[Kind, int]:
        """Return the number of rows of each kind."""
        return {kind: frame.height for kind, frame in self.now.frames.items()}

    def sharing_problem(self, step: Step, fault: SharingError) -> str:
        """Return the message of a `share_out` step that cannot be calculated."""
        assert isinstance(step.tree, tree.ShareOut)  # noqa: S101  # it is that of such a step
        with self._lock:
            self.place = f"{step.where}, {self.year}"
            return self._sharing_problem(step, step.tree, fault)

    # Single runs

    def single(self, before: Year | None, parameters: Mapping[str, float]) -> SharedYear:
        """Return a copy for one scenario, with its values of parameters; `give` adds its other values."""
        run = copy.copy(self)
        now, before_now = self.now, self.before if before is None else before
        run.before = before_now
        run.now = replace(
            now,
            frames=dict(now.frames),
            exact=dict(now.exact),
            amounts=dict(now.amounts),
            unspent=dict(now.unspent),
            factor=dict(now.factor),
            rate=dict(now.rate),
            table_calls=list(now.table_calls),
            too_fine={},
        )
        if parameters:
            changed = {}
            for name, value in parameters.items():
                parameter = self.scheme.parameters[name]
                values = {**parameter.values, self.year: replace(parameter.values[self.year], value=value)}
                changed[name] = replace(parameter, values=values)
            run.scheme = replace(self.scheme, parameters={**self.scheme.parameters, **changed})
        return run

    def give(self, name: str, values: Sequence[object]) -> None:
        """Store the values of a name in one scenario."""
        symbol = self.scheme.symbols[name]
        self._store(name, symbol.kind, [*values], symbol.type)

    def run_part(self, part: Part) -> Values:
        """Calculate a step, check or outcome, and return its values: those of a check are yes or no.

        Raises:
            CalculationError: It cannot be calculated, or a check stops the run.
        """  # noqa: DOC502 - raised by what it calls
        if isinstance(part, Step):
            self.step(part)
            return self.now.values(part.name, part.kind)
        if isinstance(part, Check):
            return [self.check(part).holds]
        self._prepare(part)
        return self._evaluate(part.tree, kind_of(part.tree, self.scheme.symbols))
