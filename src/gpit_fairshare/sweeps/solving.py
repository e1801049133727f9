"""The function `solve`: the value of a parameter up to which a condition is true, or at which two figures are equal."""

from __future__ import annotations

import math
from collections.abc import Sequence  # the signature of `solve` reads it from the annotations
from dataclasses import asdict, dataclass, field, fields, replace
from fractions import Fraction
from functools import cached_property
from itertools import groupby, pairwise
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import polars as pl

from gpit_fairshare.allocation import AllocateOptions, load_scheme, read
from gpit_fairshare.engine import calculate, versions_now
from gpit_fairshare.engine.batches.running import run_scenarios
from gpit_fairshare.errors import CalculationError, SchemeError, UsageError
from gpit_fairshare.plugins import allowed
from gpit_fairshare.presentation import Presented
from gpit_fairshare.run_options import called_with
from gpit_fairshare.scheme.values import Setting
from gpit_fairshare.scheme.written_numbers import fraction, fraction_text, percentage_problem
from gpit_fairshare.sweeps import BALANCED
from gpit_fairshare.sweeps.conditions import OPTION, Balance, ComparedFigures, Formula, condition_of
from gpit_fairshare.sweeps.scenarios import checked_names, grid
from gpit_fairshare.words import one_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from gpit_fairshare.engine import Result
    from gpit_fairshare.engine.batches.batch import Batch
    from gpit_fairshare.engine.batches.batch_year import BatchYear
    from gpit_fairshare.inputs.model import Inputs
    from gpit_fairshare.scheme.model import Scheme

_STEPS: Final = {"£": Fraction(1), "people": Fraction(1)}
"""Default steps by unit."""
_OTHER_STEP: Final = Fraction(1, 10_000)
"""Default step of all other units; of % it is 0.01 percentage points."""
_AT_ONCE: Final = 401
"""Values that are calculated at once: 400 equal parts, which one batch or two of England hold."""
_MOST_CHANGES: Final = 20
"""Changes between true and false, from the first value, that are followed to the step."""
_MOST_CLOSEST: Final = 8
"""Places where two figures come closest that are followed to the step."""
_DIGITS: Final = 9
"""Decimals of a difference that tell two values apart; further ones are noise of sums."""


@dataclass(frozen=True, kw_only=True)
class SolveOptions(AllocateOptions):
    """The options of a search: those of a run, what may change, and what must be true.

    Attributes:
        parameter: The parameter to solve for: `NAME`, or `NAME@YEAR` for one year.
        condition: A comparison in the formula language, such as `total(transition_support) <= 20000000`; or several
            without `==`, joined by `and`; or `balanced`: nothing is unspent, and the money account balances.
        between: The first and the last value, as `--set` takes them. The search comes from the first.
        step: The distance of values; £1, 1 person, 0.01 percentage points or 0.0001 by default.
        year: The only year in which the condition must be true; every year by default.
    """

    parameter: str
    condition: str
    between: Sequence[str | float]
    step: str | float | None = None
    year: str | None = None

    def __post_init__(self) -> None:
        """Check the type of each value.

        Raises:
            UsageError: One has another type.
        """
        super().__post_init__()
        for name, example in (("parameter", "unit_rate"), ("condition", BALANCED), ("year", "2015/16")):
            value = getattr(self, name)
            if not isinstance(value, str) and not (name == "year" and value is None):
                raise UsageError(f'{name}={one_line(repr(value))}: expected a text, such as "{example}"')
        if isinstance(self.between, str) or not isinstance(self.between, Sequence):
            raise UsageError(f"between={one_line(repr(self.between))}: expected two values, such as (0, 1000)")


@dataclass(frozen=True, slots=True)
class Values:
    """The values of a parameter from the first to the last, as exact numbers; the first has the index 0."""

    key: str
    """The parameter, with `@YEAR` if the values are for one year."""
    unit: str | None
    first: Fraction
    step: Fraction
    """Below 0 if the values fall."""
    count: int

    def text_at(self, index: int) -> str:
        """Return a value as `--set` takes it."""
        value = self.first + index * self.step
        return f"{fraction_text(value * 100)}%" if self.unit == "%" else fraction_text(value)

    def step_text(self) -> str:
        """Return the distance of neighbours, as a value is written."""
        return f"{fraction_text(abs(self.step) * 100)}%" if self.unit == "%" else fraction_text(abs(self.step))

    def value_at(self, index: int) -> float:
        """Return a value in its unit."""
        return float(self.first + index * self.step)


@dataclass(frozen=True, slots=True)
class Trial:
    """One value, as the sweep calculates it."""

    index: int
    is_true: bool
    """Whether the condition is true in each of its years; not if the scenario is impossible."""
    difference: float = math.nan
    """By how much the two sides of an equality differ, in its sign: the largest of all rows and years."""
    impossible: str = ""
    """Why there is no result; empty if there is one."""
    where: str = ""
    """The step, check or parameter that is the reason."""

    @property
    def state(self) -> tuple[bool, bool]:
        """Return what a search looks for changes of."""
        return self.is_true, not self.impossible

    @property
    def distance(self) -> float:
        """Return the size of the difference: infinite where there is none."""
        return math.inf if self.impossible else 0.0 if self.is_true else round(abs(self.difference), _DIGITS)


@dataclass(frozen=True, slots=True)
class Proof:
    """A single run at one value."""

    value: float
    text: str
    """The value as `--set` takes it."""
    is_true: bool
    failing_years: tuple[str, ...] = ()
    figures: tuple[ComparedFigures, ...] = ()
    impossible: str = ""
    """The message of the run, if it has no result."""
    failing_checks: tuple[str, ...] = ()
    """Checks of the scheme that fail, each with its year."""


@dataclass(frozen=True, slots=True)
class SolvedValue:
    """A value that the condition is true up to, or at which the two sides are closest, and its proof."""

    at: Proof
    beside: Proof | None
    """One step beside it, where the condition is not true, or the sides are further apart; None if there is none."""
    until: Proof | None = None
    """The last of all values from the answer on that give the same difference, if there is more than one."""


@dataclass(frozen=True, slots=True)
class ImpossibleRange:
    """Neighbouring values that all give no result for one reason; from the first to the last in the search's order."""

    first: float
    last: float
    reaches_end: bool
    """Whether its last value is that of the search."""
    reason: str


@dataclass(frozen=True, repr=False)
class Solution(Presented):
    """What a search found."""

    values: Values
    """The values that were searched: `values.text_at(0)` is the first."""
    condition: str
    """The formula, or `balanced`."""
    years: tuple[str, ...]
    """The years in which the condition must be true."""
    is_equality: bool
    """Whether two sides must be equal."""
    answers: tuple[SolvedValue, ...]
    """The last value that is true before one that is not, each of them; of an equality, where the sides are closest."""
    ends: tuple[Proof, Proof]
    """The first and the last value."""
    begins: tuple[float, ...]
    """Values at which the condition becomes true, coming from the first."""
    impossible: tuple[ImpossibleRange, ...]
    """Neighbouring values without a result, and why."""
    spacing: int
    """Most steps between two neighbouring values that were calculated and give the same."""
    changes_left: int
    """Further changes that were seen, and not followed to the step."""
    trials: tuple[Trial, ...] = field(repr=False)
    """Every value that was calculated, in the order of values."""
    scheme: Scheme = field(repr=False)
    """The scheme; the condition is a check of it."""
    inputs: Inputs = field(repr=False)
    """What was read from the files."""
    example: Result | None = field(repr=False)
    """One of the single runs that have a result; None if none has."""

    def __repr__(self) -> str:
        answers = ", ".join(answer.at.text for answer in self.answers) or "no answer"
        return f"<Solution of {self.condition} for {self.values.key}: {answers}; see .frame>"

    @property
    def is_found(self) -> bool:
        """Return whether there is exactly one answer, and the condition is true there."""
        return len(self.answers) == 1 and self.answers[0].at.is_true and not self.changes_left

    @cached_property
    def frame(self) -> pl.DataFrame:
        """Return a row for each figure of each single run: the proof of each answer, or of the first and last value."""
        rows = [
            {
                "place": place,
                "value": proof.value,
                "is_true": proof.is_true,
                "impossible": proof.impossible or None,
                **(asdict(figure) if figure else dict.fromkeys(column.name for column in fields(ComparedFigures))),
            }
            for place, proof in self.proofs()
            for figure in proof.figures or [None]
        ]
        return pl.DataFrame(rows, infer_schema_length=None)

    def proofs(self) -> Iterator[tuple[str, Proof]]:
        """Yield each single run with what it is: `answer`, `until`, `beside`; without an answer `first`, `last`."""
        if not self.answers:
            yield from zip(("first", "last"), self.ends, strict=True)
        for answer in self.answers:
            for name in ("at", "until", "beside"):
                if proof := getattr(answer, name):
                    yield "answer" if name == "at" else name, proof

    def document(self) -> dict[str, Any]:
        """Return the answer as a document for JSON."""
        values = self.values
        return {
            "schema": "gpit-solve/1",
            "parameter": values.key,
            "unit": values.unit,
            "condition": self.condition,
            "years": [*self.years],
            "between": [values.text_at(0), values.text_at(values.count - 1)],
            "step": values.step_text(),
            "is_found": self.is_found,
            "answers": [asdict(answer) for answer in self.answers],
            "ends": [asdict(proof) for proof in self.ends],
            "begins": [*self.begins],
            "impossible": [asdict(values) for values in self.impossible],
            "values": values.count,
            "calculated": len(self.trials),
            "spacing": self.spacing,
            "changes_left": self.changes_left,
            "scheme": self.scheme.name,
            "digest": self.scheme.digest,
            "settings": {f"{name}@{year}": value.as_written for name, year, value in self.scheme.overridden()},
            "draft": [*self.scheme.drafts],
            "illustrative": [*self.inputs.illustrative],
            "inputs": [{"file": source.name, "sha256": source.sha256} for source in self.inputs.sources],
            "findings": [finding.entry() for finding in self.inputs.findings],
            "versions": versions_now(),
        }


@called_with(SolveOptions)
def solve(options: SolveOptions) -> Solution:
    """Find the value of a parameter up to which a condition is true, or at which two figures are equal.

    Some values are calculated at once, then more where the condition changes; two single runs prove each answer.

    Returns:
        A `Solution`: `answers` has what was found, `frame` the figures of the proof, `document()` everything.

    Raises:
        GpitError: Something in the arguments, the files or the scheme is wrong; its text is one line.
    """  # noqa: DOC502 - raised by what it calls
    with allowed(options.plugins):
        scheme = load_scheme(options, needs_values=False)
        heading = _heading(scheme, options.parameter)
        values = _values(scheme, heading, options)
        with_first = _with_value(options, heading, values.text_at(0))
        own_years = scheme.parameters[heading.name].values.keys()
        needs_value = not own_years >= {*([heading.year] if heading.year else scheme.years)}
        scheme, inputs, _ = read(with_first if needs_value else options)
        condition = condition_of(scheme, options.condition, options.year)
        return _Narrowing(options, heading, condition, inputs, values).solution()


def _heading(scheme: Scheme, parameter: str) -> Setting:
    """Return a setting of the parameter, for all years or one; its value is not used.

    Raises:
        UsageError: It is not of the form `NAME` or `NAME@YEAR`.
    """
    if not parameter.strip() or "=" in parameter:
        raise UsageError(f"solve {one_line(parameter)!r}: expected a parameter, as NAME or NAME@2015/16")
    return checked_names(scheme, [parameter], lambda _: "solve")[0]


def _with_value(options: SolveOptions, heading: Setting, text: str) -> SolveOptions:
    """Return the options with a value of the parameter.

    Raises:
        UsageError: The parameter has a value by `--set` too.
    """
    for typed in options.settings or {}:
        other = Setting.read(f"{typed}=0")
        if other.name == heading.name and heading.year in (None, other.year):
            raise UsageError(f"{other.flag}: solve looks for this value; leave it out, or solve for one year")
    return replace(options, settings={**(options.settings or {}), heading.key: text})


def _values(scheme: Scheme, heading: Setting, options: SolveOptions) -> Values:
    """Return the values to search.

    Raises:
        UsageError: There are not two values and a step above 0 that leads from one to the other, or one is a change.
    """
    unit, texts = scheme.parameters[heading.name].unit, [str(value).strip() for value in options.between]
    if len(texts) != 2:
        raise UsageError(f"--between: expected two values of {heading.key}; found {len(texts)}")
    step = _STEPS.get(unit or "", _OTHER_STEP)
    ends = [_number(heading, text, "--between", unit) for text in texts]
    if options.step is not None:
        step = _number(heading, str(options.step).strip(), "--step", unit)
    if step <= 0:
        raise UsageError(f"--step {options.step}: expected a number above 0")
    distance = ends[1] - ends[0]
    count = abs(distance) // step + 1
    if count < 2:
        problem = "both are the same" if not distance else f"they are less than one step of {fraction_text(step)} apart"
        raise UsageError(f"--between {' '.join(texts)}: {problem}; give values that are further apart")
    return Values(heading.key, unit, ends[0], step if distance > 0 else -step, int(count))


def _number(heading: Setting, text: str, option: str, unit: str | None) -> Fraction:
    """Return a value of the parameter that an option gives.

    Raises:
        UsageError: It is a change, or no number that the parameter can have.
    """
    setting = Setting.read(f"{heading.key}={text}", option)
    if setting.start or setting.is_relative(unit):
        raise UsageError(f"{option} {one_line(text)}: is a change; give the value itself")
    if problem := percentage_problem(heading.name, text, unit):
        raise UsageError(f"{option}: {problem}")
    return fraction(text)


class _Narrowing:
    """Calculates values at once, and narrows down to the step where something changes."""

    def __init__(
        self, options: SolveOptions, heading: Setting, condition: Formula | Balance, inputs: Inputs, values: Values
    ) -> None:
        """Take what is searched; nothing is calculated yet."""
        self.options, self.heading, self.condition = options, heading, condition
        self.inputs, self.values = inputs, values
        self.trials: dict[int, Trial] = {}
        self.example: Result | None = None

    def solution(self) -> Solution:
        """Search, prove the answers, and return them."""
        self.try_values(_spread(0, self.values.count - 1, _AT_ONCE))
        while wide := [pair for pair in self._unsettled() if pair[1] - pair[0] > 1]:
            each = 2 + max(1, _AT_ONCE // len(wide))
            self.try_values({index for pair in wide for index in _spread(*pair, each)} - self.trials.keys())
        trials = self._in_order()
        changes = [pair for pair in pairwise(trials) if pair[0].is_true != pair[1].is_true]
        settled = [pair for pair in changes if pair[1].index - pair[0].index == 1]
        if self.condition.is_equality:
            answers = self._closest_answers(trials)
        else:
            answers = [SolvedValue(self._prove(last), self._prove(other)) for last, other in settled if last.is_true]
        same = [later.index - trial.index for trial, later in pairwise(trials) if trial.state == later.state]
        return Solution(
            values=self.values,
            condition=self.condition.text,
            years=self.condition.years,
            is_equality=self.condition.is_equality,
            answers=tuple(answers),
            ends=(self._prove(trials[0]), self._prove(trials[-1])),
            begins=tuple(self.values.value_at(later.index) for _, later in settled if later.is_true),
            impossible=tuple(self._impossible(trials)),
            spacing=max(same, default=1),
            changes_left=len(changes) - len(settled),
            trials=tuple(trials),
            scheme=self.condition.scheme,
            inputs=self.inputs,
            example=self.example and replace(self.example, scheme=self.condition.scheme),
        )

    def try_values(self, indices: Iterable[int]) -> None:
        """Calculate values at once."""
        in_order = sorted(indices)
        texts = ",".join(self.values.text_at(index) for index in in_order)
        scenarios, number = grid(self.condition.scheme, [f"{self.heading.key}={texts}"]), len(in_order)
        is_true, difference = np.zeros(number, dtype=bool), np.full(number, np.nan)

        def take(places: slice, years: list[BatchYear], batch: Batch) -> None:
            if batch.is_possible.any():
                with np.errstate(invalid="ignore", over="ignore"):  # of impossible ones
                    of_batch = self.condition.over(years, batch.count)
                is_true[places] = of_batch[0] & batch.is_possible
                difference[places] = of_batch[1]

        runs = run_scenarios(self.condition.scheme, self.inputs, scenarios.values, number, scenarios.refused, take)
        for place, index in enumerate(in_order):
            why = runs.impossible.get(place)
            reason, where = (why.reason, why.where) if why else ("", "")
            self.trials[index] = Trial(index, bool(is_true[place]), float(difference[place]), reason, where)

    def _in_order(self) -> list[Trial]:
        """Return what is calculated, in the order of values."""
        return [self.trials[index] for index in sorted(self.trials)]

    def _unsettled(self) -> set[tuple[int, int]]:
        """Return neighbours among the calculated values between which an answer may be."""
        trials = self._in_order()
        pairs = [pair for pair in pairwise(trials) if pair[0].state != pair[1].state][:_MOST_CHANGES]
        if self.condition.is_equality:
            crossing = [pair for pair in pairwise(trials) if pair[0].difference * pair[1].difference < 0]
            pairs += sorted(crossing, key=lambda pair: min(pair[0].distance, pair[1].distance))[:_MOST_CLOSEST]
            plateaus = _plateaus(trials)
            for _, number in sorted(_lowest(plateaus))[:_MOST_CLOSEST]:
                around = plateaus[max(number - 1, 0) : number + 2]
                pairs += [(former[-1], latter[0]) for former, latter in pairwise(around)]
        return {(former.index, latter.index) for former, latter in pairs}

    def _closest_answers(self, trials: list[Trial]) -> list[SolvedValue]:
        """Return where the two sides of an equality are closest: each place where they are equal, else the first."""
        plateaus = _plateaus(trials)
        lowest = sorted(_lowest(plateaus))
        closest = [number for distance, number in lowest if distance == lowest[0][0]]
        answers = []
        for number in closest if lowest and not lowest[0][0] else closest[:1]:
            plateau = plateaus[number]
            before = plateaus[number - 1][-1] if number else None
            beside = before or (plateaus[number + 1][0] if number + 1 < len(plateaus) else None)
            until = self._prove(plateau[-1]) if len(plateau) > 1 else None
            answers.append(SolvedValue(self._prove(plateau[0]), self._prove(beside) if beside else None, until))
        return answers

    def _impossible(self, trials: list[Trial]) -> Iterator[ImpossibleRange]:
        """Yield the values without a result: neighbours for which the same part of the rule is the reason."""
        for (is_impossible, _), group in groupby(trials, key=lambda trial: (bool(trial.impossible), trial.where)):
            of_group = [*group]
            if is_impossible:
                first, last = of_group[0], of_group[-1]
                ends = self.values.value_at(first.index), self.values.value_at(last.index)
                # The reason of the end that borders on values with a result.
                nearest = last if last is not trials[-1] else first
                yield ImpossibleRange(*ends, reaches_end=last is trials[-1], reason=nearest.impossible)

    def _prove(self, trial: Trial) -> Proof:
        """Return a single run at a value.

        Raises:
            RuntimeError: It differs from the sweep, which is a bug.
        """
        text = self.values.text_at(trial.index)
        proof = Proof(self.values.value_at(trial.index), text, is_true=False)
        try:
            options = _with_value(self.options, self.heading, text)
            scheme = replace(self.condition.scheme, parameters=load_scheme(options).parameters)
            result = calculate(scheme, self.inputs)
        except (CalculationError, SchemeError) as fault:
            proof = replace(proof, impossible=str(fault).removeprefix("--set: "))
        else:
            self.example = self.example or result
            failing = self.condition.failing_years(result)
            figures = tuple(self.condition.figures(result))
            checks = tuple(
                f"{check.name} ({check.year})" for check in result.checks if not check.holds and check.name != OPTION
            )
            proof = replace(proof, is_true=not failing, failing_years=failing, figures=figures, failing_checks=checks)
        if (proof.is_true, not proof.impossible) != trial.state:
            raise RuntimeError(f"{self.heading.key}={text}: the sweep and a single run differ")
        return proof


def _spread(first: int, last: int, number: int) -> list[int]:
    """Return evenly spaced whole numbers from the first to the last, at most so many."""
    number = min(number, last - first + 1)
    return [first + (last - first) * place // (number - 1) for place in range(number)]


def _plateaus(trials: Sequence[Trial]) -> list[list[Trial]]:
    """Return neighbouring values with the same difference together."""
    return [[*group] for _, group in groupby(trials, key=lambda trial: trial.distance)]


def _lowest(plateaus: Sequence[Sequence[Trial]]) -> Iterator[tuple[float, int]]:
    """Yield the distance and number of each plateau with larger differences on either side."""
    distances = [math.inf, *(plateau[0].distance for plateau in plateaus), math.inf]
    for number, distance in enumerate(distances[1:-1]):
        if distance <= min(distances[number], distances[number + 2]) and distance < math.inf:
            yield distance, number
