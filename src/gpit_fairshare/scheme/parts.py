"""Link files step by step, with the formulas that they use by name under prefixed names."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, Final

from gpit_fairshare.errors import FormulaError
from gpit_fairshare.findings import FindingCode, Where
from gpit_fairshare.language import tree
from gpit_fairshare.language.functions import FUNCTIONS
from gpit_fairshare.language.parsing import parse
from gpit_fairshare.scheme.faults import Faults, StoppedError
from gpit_fairshare.scheme.files import LoadedFile, read_file
from gpit_fairshare.scheme.model import Check, Formula, Outcome, Part, Step
from gpit_fairshare.scheme.money import Layer
from gpit_fairshare.scheme.shape import NAME, File, FormulaFile
from gpit_fairshare.scheme.tables import row_parameters
from gpit_fairshare.words import inside, nearest

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from gpit_fairshare.scheme.shape import (
        CheckEntry,
        InputEntry,
        OutcomeEntry,
        ParameterEntry,
        StepEntry,
        TableEntry,
        UseEntry,
    )
    from gpit_fairshare.scheme.written_numbers import Exact

MOST_STEPS: Final = 500
_DEEPEST: Final = 16
"""How many levels deep formulas may use one another."""
UNREAD: Final = tree.Name("?")
"""Replaces a formula that cannot be read, when collecting errors: no formula can have such a name."""


@dataclass(frozen=True, slots=True)
class Module:
    """A file, its formulas parsed, with the formulas that it uses by name."""

    read: LoadedFile[Any]
    uses: tuple[tuple[UseEntry, Module], ...]
    steps: tuple[Step, ...]
    checks: tuple[Check, ...]
    outcomes: tuple[Outcome, ...]
    own_names: frozenset[str]
    """Names of its steps, and of the steps that it uses, with their prefix: `core_fair_share`."""
    parameters: frozenset[str]
    """Parameters that it, or a formula that it uses, takes from outside."""
    outside_names: frozenset[str]
    """Every name that it takes from outside: parameters, input columns."""
    size: int
    """Number of steps, those that it uses included."""


def load_module(read: LoadedFile[Any], faults: Faults, above: Sequence[LoadedFile[Any]] = ()) -> Module:
    """Return a file with its formulas parsed, and with the formulas that it uses by name, down to the last.

    Errors in its own formulas are reported even if a used formula cannot be read; a wrong last step and too many steps
    are reported too. `above` are the files that led here.

    Raises:
        StoppedError: A used formula cannot be read, when collecting errors.
    """
    _check_last_step(read, faults)
    uses: list[tuple[UseEntry, Module]] = []
    try:
        for use in getattr(read.model, "use", ()):
            uses.append(_load_used(read, use, [other.as_ for other, _ in uses], faults, above))
        # A formula without steps is an error that would hide the number of files: it counts as one step.
        size = len(read.model.steps) + sum(max(module.size, 1) for _, module in uses)
        if size > MOST_STEPS:
            problem = f"the scheme has {size:,} steps; at most {MOST_STEPS} are allowed"
            raise faults.abort(FindingCode.LIMIT, Where(read.file), problem)
    except StoppedError:
        _parse_formulas(read, faults)  # the errors in its own formulas are reported in any case
        raise
    steps, checks, outcomes = _parse_formulas(read, faults)
    own_names = {step.name for step in read.model.steps}
    own_names |= {f"{use.as_}_{name}" for use, module in uses for name in module.own_names}
    parameters = {*read.model.parameters, *read.model.tables}
    parameters |= {use.with_.get(name, name) for use, module in uses for name in module.parameters}
    trees = [step.tree for step in steps] + [check.tree for check in checks]
    outside_names = {name for expression in trees for name, _ in tree.names_in(expression)}
    outside_names |= {use.with_.get(name, name) for use, module in uses for name in module.outside_names}
    outside_names |= {*read.model.inputs, *parameters}
    return Module(
        read=read,
        uses=tuple(uses),
        steps=steps,
        checks=checks,
        outcomes=outcomes,
        own_names=frozenset(own_names),
        parameters=frozenset(parameters - own_names),
        outside_names=frozenset(outside_names - own_names),
        size=size,
    )


def _load_used(
    read: LoadedFile[Any], use: UseEntry, others: Sequence[str], faults: Faults, above: Sequence[LoadedFile[Any]]
) -> tuple[UseEntry, Module]:
    """Read a formula that a file uses by name; return the use and the formula.

    A formula that uses itself, too many levels, or a second use under one name stops the reading. A name under `with`
    that the formula does not take from outside is reported and, when collecting errors, replaced by the nearest one.
    `others` are the names under which the file already uses formulas; `above` are the files that led here.
    """
    where = Where(read.file, f"use › {use.as_}")
    inner = read_file(use.formula, FormulaFile, faults, read)
    if any((other.place, other.file) == (inner.place, inner.file) for other in (*above, read)):
        raise faults.abort(FindingCode.USES, where, f"{use.formula} uses itself", remedy="remove this use")
    if len(above) >= _DEEPEST:
        problem = f"formulas use one another more than {_DEEPEST} levels deep"
        raise faults.abort(FindingCode.LIMIT, where, problem, remedy="use fewer files")
    if use.as_ in others:
        problem = f"another use is already called {use.as_}; use another name"
        raise faults.abort(FindingCode.USES, where, problem)
    module = load_module(inner, faults, (*above, read))
    replaced = dict(use.with_)
    for name in use.with_:
        if not {name, UNREAD.name} & module.outside_names and name not in faults.unresolved:
            problem = f"{use.formula} has no parameter or input column {name}{nearest(name, module.outside_names)}"
            remedy = "only these can be replaced"
            faults.error(FindingCode.UNKNOWN_NAME, Where(read.file, f"{where.place} › with"), problem, remedy=remedy)
            meant = get_close_matches(name, module.outside_names - set(replaced), n=1)
            replaced |= dict.fromkeys(meant, replaced.pop(name))
            if not meant:
                faults.unresolved |= module.parameters  # any of them may have been meant
    return use.model_copy(update={"with_": replaced}), module


def _parse_formulas(
    read: LoadedFile[Any], faults: Faults
) -> tuple[tuple[Step, ...], tuple[Check, ...], tuple[Outcome, ...]]:
    """Return the steps, checks and outcomes of a file, with their formulas parsed; errors in formulas are reported."""

    def parse_entry(place: str, entry: StepEntry | CheckEntry | OutcomeEntry) -> dict[str, Any]:
        """Return the fields of an entry at a place; a formula with an error is replaced by `UNREAD`."""
        where = f"{read.file}, {place}"
        try:
            expression = parse(entry.formula)
        except FormulaError as fault:
            name = re.split(r"\W", entry.formula[max(fault.position - 1, 0) :], maxsplit=1)[0]
            if name in FUNCTIONS and name in declared:  # the declaration is wrong, not its use
                problem, at = f"{name} is already a function of the language; use another name", declared[name]
                faults.error(FindingCode.NAME_TAKEN, at, problem, message=f"{read.file}, {at.place}: {problem}")
            else:
                faults.formula_error(fault.at(where, entry.formula), Where(read.file, place))
            expression = UNREAD
        return {
            **entry.model_dump(),
            "where": where,
            "place": Where(read.file, place),
            "tree": expression,
            "as_written": entry.formula,
        }

    model: File = read.model
    declared = {step.name: Where(read.file, f"step {step.name}") for step in model.steps}
    for table in ("parameters", "inputs", "tables"):
        declared |= {name: Where(read.file, f"{table} › {name}") for name in getattr(model, table)}
    steps = tuple(Step(**parse_entry(f"step {entry.name}", entry)) for entry in model.steps)
    checks = tuple(Check(**parse_entry(f"check {entry.name}", entry)) for entry in model.checks)
    outcomes = [parse_entry(f"outcome {entry.label}", entry) for entry in model.outcomes]
    return steps, checks, tuple(Outcome(**{**entry, "because": entry["because"] or ""}) for entry in outcomes)


def _check_last_step(read: LoadedFile[Any], faults: Faults) -> None:
    """Report a formula that does not end in fair_share, or a transition that does not end in allocation.

    If there is no such step at all, its name becomes unresolved, so that it is reported once.
    """
    kind, answer = read.model.kind, read.model.answer
    steps = [step.name for step in read.model.steps]
    last = steps[-1] if steps else "no step"
    if kind != "scheme" and last != answer and answer not in faults.unresolved:
        faults.error(FindingCode.ANSWER, Where(read.file), f"the last step of a {kind} must be {answer}; found {last}")
        if answer not in steps:
            faults.unresolved.add(answer)


@dataclass(slots=True)
class Linker:
    """The files linked so far, in order."""

    steps: list[Step] = field(default_factory=list)
    checks: list[Check] = field(default_factory=list)
    outcomes: list[Outcome] = field(default_factory=list)
    """The outcomes of the file that decides them; see `stated_outcomes`."""
    parameters: dict[str, tuple[ParameterEntry, LoadedFile[Any]]] = field(default_factory=dict)
    tables: dict[str, tuple[TableEntry, LoadedFile[Any]]] = field(default_factory=dict)
    inputs: dict[str, tuple[InputEntry, LoadedFile[Any]]] = field(default_factory=dict)
    reads: list[LoadedFile[Any]] = field(default_factory=list)
    replacements: list[tuple[str, str, str]] = field(default_factory=list)
    """The names that replace parameters of used formulas, each with its file and place."""
    layers: list[Layer] = field(default_factory=list)
    """The files that build on one another, for the money account; without the formulas that they use by name."""

    @property
    def formulas(self) -> tuple[Part, ...]:
        """All steps, after them all checks, and then the outcomes."""
        return (*self.steps, *self.checks, *self.outcomes)

    def add(self, module: Module, faults: Faults, prefix: str = "", outside: Callable[[str], str] = str) -> None:
        """Append a file: the formulas that it uses, its parameters and inputs, its steps and checks.

        A used formula comes first, or directly after the steps that its `with` names. `prefix` is the name under which
        the file is used, and comes before its own names and labels; without one, the file is also a layer of the money
        account. `outside` returns the scheme's name for a name that the file takes from outside, by default the same.
        """

        def called(name: str) -> str:
            """Return the name in the scheme of a name in the file: with the prefix, or as it is called outside."""
            return f"{prefix}_{name}" if prefix and name in module.own_names else outside(name)

        def renamed_formula(formula: Formula, name: str) -> Formula:
            """Return a step or check of the file under a new name, with the scheme's names in its formula.

            With a prefix, its place for messages has the prefix too.
            """
            expression = tree.renamed(formula.tree, called)
            renamed = replace(formula, name=name, formula=tree.to_text(expression), tree=expression)
            if not prefix:
                return renamed
            file, place, _ = formula.place
            return replace(renamed, where=f"{file} ({prefix}), {place}", place=Where(file, f"{place} ({prefix})"))

        waiting = list(module.uses)
        linked_names: set[str] = set()

        def link_ready_uses() -> None:
            """Add the used formulas that wait only for steps that are already added."""
            for use, inner in list(waiting):
                if (set(use.with_.values()) & module.own_names) <= linked_names:
                    waiting.remove((use, inner))
                    self._add_used(module.read, use, inner, prefix, called, faults)
                    linked_names.update(f"{use.as_}_{name}" for name in inner.own_names)

        link_ready_uses()
        self._declare(module.read, called, outside, faults)
        title = prefix.replace("_", " ").capitalize()
        for step in module.steps:
            self.steps.append(replace(renamed_formula(step, called(step.name)), label=_label_under(title, step.label)))
            linked_names.add(step.name)
            link_ready_uses()
        for use, inner in waiting:  # a circle: later checks report the step that comes too late
            self._add_used(module.read, use, inner, prefix, called, faults)
        self.checks += [renamed_formula(check, _label_under(title, check.name)) for check in module.checks]
        self.reads.append(module.read)
        if not prefix:
            self.layers.append(Layer(module.read.file, module.read.model.money, module.own_names, module.outcomes))

    def _add_used(
        self,
        read: LoadedFile[Any],
        use: UseEntry,
        inner: Module,
        prefix: str,
        called: Callable[[str], str],
        faults: Faults,
    ) -> None:
        """Add a formula that a file uses by name, under a prefix, with the names that `with` replaces.

        `called` returns the scheme's name for a name of the file that uses it. Names that replace parameters are
        remembered, to check later that they exist.
        """
        for name, replacement in use.with_.items():
            if name in inner.parameters:
                place = f"use › {use.as_} › with › {name}"
                self.replacements.append((read.file, place, called(replacement)))
        self.add(
            inner,
            faults,
            f"{prefix}_{use.as_}" if prefix else use.as_,
            lambda name: called(use.with_.get(name, name)),
        )

    def _declare(
        self, read: LoadedFile[Any], called: Callable[[str], str], outside: Callable[[str], str], faults: Faults
    ) -> None:
        """Add the parameters, tables and inputs that a file declares, except those that a use's `with` replaces.

        `called` gives names in bounds the scheme's names; `outside` returns a name that `with` replaces as another. A
        parameter, table or column that another file declares differently is reported.
        """

        def bound(value: Exact | None) -> Exact | None:
            return called(value) if isinstance(value, str) and NAME.fullmatch(value) else value

        for name, entry in read.model.parameters.items():
            if outside(name) == name:
                bounds = {"minimum": bound(entry.minimum), "maximum": bound(entry.maximum)}
                self._declare_parameter(name, entry.model_copy(update=bounds), read, faults)
        for name, table in read.model.tables.items():
            if outside(name) == name:
                declared, first_file = self.tables.setdefault(name, (table, read))
                if table != declared and name not in faults.unresolved:
                    _report_difference(read, f"tables › {name}", first_file, faults)
                for row_name, row in row_parameters(name, table).items() if declared is table else ():
                    self._declare_parameter(row_name, row, read, faults)
        for name, entry in read.model.inputs.items():
            if outside(name) == name:
                other, first = self.inputs.setdefault(name, (entry, read))
                if entry != other and name not in faults.unresolved:
                    _report_difference(read, f"inputs › {name}", first, faults)

    def _declare_parameter(self, name: str, entry: ParameterEntry, read: LoadedFile[Any], faults: Faults) -> None:
        """Add a parameter; report another file's declaration of it that differs, or gives other values.

        A declaration with values takes the place of one without; if one has values, the defaults may differ.
        """
        other, first = self.parameters.setdefault(name, (entry, read))
        values = [declaration.values for declaration in (entry, other) if declaration.values]
        # A default is used only if no file gives values, so otherwise defaults may differ.
        same = {"values": other.values, "example_": other.example_} | ({"default": other.default} if values else {})
        is_same = entry.model_copy(update=same) == other
        if (not is_same or values != values[:1] * len(values)) and name not in faults.unresolved:
            _report_difference(read, f"parameters › {name}", first, faults)
        elif entry.values:
            self.parameters[name] = (entry, read)


def _report_difference(read: LoadedFile[Any], place: str, first: LoadedFile[Any], faults: Faults) -> None:
    """Report that two files declare the same parameter, table or column differently."""
    problem, remedy = f"{first.file} declares it differently", "use the same declaration in both, or rename one"
    faults.error(FindingCode.TWO_PLACES, Where(read.file, place), problem, remedy=remedy)


def _label_under(title: str, label: str) -> str:
    """Put a label under a title: `Core: fair share`, but `Core: GP IT share`."""
    return f"{title}: {inside(label)}" if title else label
