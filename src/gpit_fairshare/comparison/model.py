"""Data classes of a comparison: its sides, the change of each row, the causes, and how the rules differ.

Amounts and ratios are decimals, exact to the last digit.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Context, Decimal, InvalidOperation
from functools import cached_property, reduce
from typing import TYPE_CHECKING, Any, Final, Literal

from gpit_fairshare.numbers import EXACT, MILLIONTH, PENNY, decimal_text, exact, parameter_value
from gpit_fairshare.presentation import short_repr
from gpit_fairshare.results.agreement import OffRule, in_one_line
from gpit_fairshare.scheme.model import draft_warning
from gpit_fairshare.words import is_money, listed, numbers_in

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from gpit_fairshare.engine import Result
    from gpit_fairshare.results.model import Record

Key = tuple[str, str]
"""Year and code."""
Status = Literal["both", "added", "removed"]
Kind = Literal["data", "parameter", "formula", "together", "rounding", "typed over"]
PEOPLE: Final = "registered_population"
NOTHING: Final = Decimal(0)


def less(amount: Decimal, other: Decimal) -> Decimal:
    """Return one amount less another, exactly."""
    return EXACT.subtract(amount, other)


def total(amounts: Iterable[Decimal]) -> Decimal:
    """Add up amounts, exactly."""
    return reduce(EXACT.add, amounts, NOTHING)


def as_float(value: Any) -> Any:
    """Return an amount as the nearest float, and anything else as it is."""
    return float(value) if isinstance(value, Decimal) else value


def quantum(unit: str | None) -> Decimal:
    """Return the unit that contributions are rounded to: a penny, or a millionth if the answer is not money."""
    return PENNY if is_money(unit) else MILLIONTH


def percent(change: Decimal, old: Decimal | None) -> Decimal | None:
    """Return a change in per cent of the old amount; None if that is 0 or missing."""
    return short(change / abs(old) * 100) if old else None


def short(ratio: Decimal) -> Decimal:
    """Return a ratio rounded to twelve significant digits, enough for any reader."""
    return Context(prec=12).plus(ratio)


def read_amount(text: str) -> Decimal | None:
    """Read an amount that is not below 0, as people write it: `1000`, `£1,000`, `0.50`; None if it is not one."""
    try:
        amount = Decimal(text.strip().removeprefix("£").replace(",", "").strip())
    except InvalidOperation:
        return None
    return amount if amount.is_finite() and amount >= 0 else None


@short_repr
@dataclass(frozen=True)
class Side:
    """One of the two results, and what its own rule gives for its own inputs."""

    record: Record
    kind: Literal["file", "run"]
    result: Result | None = None
    """The run itself, or the file calculated again; None if that is not possible."""
    fault: str = ""
    """Why the file cannot be calculated again."""
    answer_from: str = ""
    """How the answer column was chosen."""
    off_rule: tuple[OffRule, ...] = ()
    """Figures of a file that are not what its own rule gives."""

    @property
    def name(self) -> str:
        """Return the base name of the file, or the name of the run."""
        return self.record.name

    @property
    def unit(self) -> str | None:
        """Return the unit of the answer; None if it has none or the file has no scheme."""
        scheme = self.record.scheme
        return scheme.symbols[self.record.answer].unit if scheme else None

    @property
    def answer_label(self) -> str:
        """Return the label of the answer column, or else its name."""
        return self.record.labels.get(self.record.answer, self.record.answer)


@dataclass(frozen=True, slots=True)
class RowChange:
    """An organisation and year in which something differs; amounts are in the unit of the answer.

    An organisation in only one result counts as 0 in the other; `change` is above 0 for a gain.
    """

    year: str
    code: str
    name: str
    status: Status
    old: Decimal | None
    new: Decimal | None
    change: Decimal
    """New less old, exactly."""
    people: float | None
    """Registered patients in the new result, else in the old one; None if neither has them."""
    first: str
    """The first column that differs: inputs, then steps in the order of the new rule. Empty if one side has the row."""

    @property
    def key(self) -> Key:
        """Return year and code."""
        return self.year, self.code

    @property
    def size(self) -> Decimal:
        """Return how large the change is, in either direction."""
        return self.change.copy_abs()

    @property
    def percent(self) -> Decimal | None:
        """Return the change in per cent of the old amount; None if that is 0 or missing."""
        return percent(self.change, self.old)

    @property
    def per_head(self) -> Decimal | None:
        """Return the change for each registered patient; None if there are none."""
        return short(self.change / exact(self.people)) if self.people else None


@dataclass(frozen=True)
class Driver:
    """Something that changed: a column of the inputs, a parameter, the formula, or several of them together."""

    name: str
    """Stable: `data_historic_spend`, `parameter_transition_fund`, `formula`, `rounding`, `typed_over`."""
    kind: Kind
    label: str
    detail: str = ""
    """What was changed, or why causes could not be separated."""
    symbol: str = ""
    """Name of the column or parameter; empty if it is neither."""


@short_repr
@dataclass(frozen=True, kw_only=True)
class Cause(Driver):
    """Something that changed, and its contribution to the change of each row.

    The `amounts` of all causes add up to each row's change, exactly. `alone` is the effect when only this cause
    is changed from OLD; None if that cannot be calculated, or has no meaning. The difference of the two is the
    interaction with the causes before it.
    """

    amounts: Mapping[Key, Decimal]
    alone: Mapping[Key, Decimal] | None = None
    no_alone: str = ""
    """Why its effect alone cannot be calculated; empty if it is there, or has no meaning."""

    def alone_of(self, key: Key) -> Decimal | None:
        """Return the cause's effect alone on one row; None if it is not known."""
        return None if self.alone is None else self.alone[key]

    def interaction_of(self, key: Key) -> Decimal | None:
        """Return the cause's contribution to one row less its effect alone; None if that is not known."""
        return None if self.alone is None else less(self.amounts[key], self.alone[key])

    def total(self, year: str = "") -> Decimal:
        """Return the cause's contribution in all rows, or in those of one year."""
        return _total_of_year(self.amounts, year)

    def total_alone(self, year: str = "") -> Decimal | None:
        """Return the cause's effect alone in all rows, or in those of one year; None if it is not known."""
        return None if self.alone is None else _total_of_year(self.alone, year)

    def interaction(self, year: str = "") -> Decimal | None:
        """Return the cause's contribution in all rows or one year less its effect alone; None if that is not known."""
        alone = self.total_alone(year)
        return None if alone is None else less(self.total(year), alone)


def _total_of_year(amounts: Mapping[Key, Decimal], year: str) -> Decimal:
    return total(amount for key, amount in amounts.items() if year in ("", key[0]))


@short_repr
@dataclass(frozen=True, slots=True)
class RuleDifference:
    """A difference between the two rules, their inputs or their versions."""

    kind: str
    """Such as `parameter changed`, `step added`, `input file changed`, `finding`."""
    name: str
    year: str
    old: str
    new: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class YearTotal:
    """One year of both results: totals of the answer, and numbers of organisations."""

    year: str
    old: Decimal
    new: Decimal
    change: Decimal
    """New less old, exactly."""
    organisations_old: int
    organisations_new: int
    gain: int
    lose: int
    added: int
    removed: int


@dataclass(frozen=True, slots=True)
class OutcomeChange:
    """Organisations whose outcome of the rule changes in the same way in a year."""

    year: str
    old: str
    new: str
    count: int


@dataclass(frozen=True, slots=True)
class Limit:
    """The value of `--fail-over`: an amount, or a percentage of the old one."""

    size: Decimal
    relative: bool = False

    def is_exceeded_by(self, change: RowChange) -> bool:
        """Return whether a row changes by more than the limit; any change from 0 is more than every percentage.

        A missing old amount counts as 0.
        """
        if not self.relative:
            return change.size > self.size
        return change.size * 100 > self.size * (change.old or NOTHING).copy_abs()

    def __str__(self) -> str:
        return f"{decimal_text(self.size, grouped=True)}%" if self.relative else parameter_value(self.size, "£")


@dataclass(frozen=True)
class ComparedResults:
    """Two results and all differences between them."""

    old: Side
    """The result before, and what its own rule gives for its own inputs."""
    new: Side
    """The result after, in the same way."""
    changes: tuple[RowChange, ...]
    """Rows in which anything differs, by year and code."""
    years: tuple[YearTotal, ...]
    """Totals of the answer in each year, and numbers of organisations that gain, lose, are added or removed."""
    row_count: int
    """Rows of both sides, each key counted once."""
    attribution: tuple[Cause, ...]
    """The causes, in the order in which they were changed from OLD to NEW; empty if they are not known."""
    no_causes_reason: str
    """Why there are no causes; empty if there are some, or if nothing differs."""
    differences: tuple[RuleDifference, ...]
    """How rules, inputs and versions differ."""
    remarks: tuple[str, ...]
    """Sentences on mergers and on changed names."""
    columns: tuple[tuple[str, ...], tuple[str, ...]]
    """Columns that only the old result has, and columns that only the new one has."""
    outcomes: tuple[OutcomeChange, ...] = ()
    """How many organisations have another outcome of the rule, by year."""
    labels: Mapping[str, str] = field(default_factory=dict)
    """The label of every column of either result."""
    tolerance: Decimal = NOTHING
    """An answer that differs by no more counts as the same; in the unit of the answer."""
    limit: Limit | None = None
    """The limit of `fail_over`, if there is one."""

    @property
    def organisation(self) -> str:
        """Return the noun for a row, such as `CCG`."""
        return self.new.record.organisation if self.new.record.scheme else self.old.record.organisation

    @property
    def unit(self) -> str | None:
        """Return the unit of the answer; None, which counts as money, if it is not known."""
        return self.new.unit or self.old.unit

    @property
    def drafts(self) -> tuple[str, ...]:
        """Return a sentence for each result that has values without source and assumption."""
        drafts = ((side.name, (side.record.manifest or {}).get("draft", ())) for side in (self.old, self.new))
        return tuple(f"{draft_warning(values)[:-1]} in {name}: {listed(values)}." for name, values in drafts if values)

    @property
    def illustrative(self) -> tuple[str, ...]:
        """Return a sentence for each input file whose figures are marked illustrative: do not quote them.

        Between results of different versions of gpit, sentences with the same file and numbers count as one.
        """
        manifests = [side.record.manifest or {} for side in (self.old, self.new)]
        texts = [str(text) for manifest in manifests for text in manifest.get("illustrative", ())]
        if len({manifest.get("gpit") for manifest in manifests}) == 1:
            return tuple(dict.fromkeys(texts))
        # Two versions of gpit may word the same fact differently: the file and the numbers identify it.
        return tuple({(text.partition(": ")[0], *numbers_in(text)): text for text in texts}.values())

    @property
    def off_rule(self) -> tuple[str, ...]:
        """Return a sentence for each file with figures that its own rule does not give."""
        return tuple(
            f"Differs from its rule, in {word}, {side.name}: {in_one_line(side.off_rule)}."
            for word, side in (("OLD", self.old), ("NEW", self.new))
            if side.off_rule
        )

    @cached_property
    def moved(self) -> tuple[RowChange, ...]:
        """Return the rows of both sides whose answer differs beyond the tolerance, the largest change first."""
        return tuple(change for change in self.with_status("both") if change.size > self.tolerance)

    @cached_property
    def changes_by_year(self) -> Mapping[str, Sequence[RowChange]]:
        """Return the rows in which anything differs, by year."""
        years: dict[str, list[RowChange]] = {}
        for change in self.changes:
            years.setdefault(change.year, []).append(change)
        return years

    def with_status(self, status: Status) -> tuple[RowChange, ...]:
        """Return the rows that both results have, that were added or that were removed, the largest change first."""
        rows = [change for change in self.changes if change.status == status]
        return tuple(sorted(rows, key=lambda change: (-change.size, change.key)))

    @cached_property
    def within_tolerance(self) -> tuple[RowChange, ...]:
        """Return the rows of both sides whose answer differs by no more than the tolerance."""
        return tuple(change for change in self.changes if change.status == "both" and 0 < change.size <= self.tolerance)

    @cached_property
    def changed_elsewhere(self) -> tuple[RowChange, ...]:
        """Return the rows of both sides that have the same answer, but differ in other figures."""
        return tuple(change for change in self.changes if change.status == "both" and not change.change)

    @cached_property
    def failing(self) -> tuple[RowChange, ...]:
        """Return the rows that make the comparison fail.

        With a limit they are those that change by more than both the limit and the tolerance. Without one they are all
        that differ by more than the tolerance, all that only one result has, and, if the tolerance is 0, those that
        differ in other figures only.
        """
        above_tolerance = [change for change in self.changes if change.size > self.tolerance]
        if self.limit:
            return tuple(change for change in above_tolerance if self.limit.is_exceeded_by(change))
        one_sided = [change for change in self.changes if change.status != "both" and change.size <= self.tolerance]
        # A tolerance is about the answer only, not about the figures behind it.
        return (*above_tolerance, *one_sided, *(() if self.tolerance else self.changed_elsewhere))

    @property
    def same(self) -> bool:
        """Return whether the two results have the same organisations and no figure differs."""
        return not self.changes

    @property
    def agrees(self) -> bool:
        """Return whether no difference counts against the comparison: `gpit compare` then exits with 0.

        No row may fail and, unless a tolerance or a limit is given, no figure of a file may differ from its own rule.
        """
        # As for `failing`: a tolerance or a limit is about the answer only.
        return not self.failing and bool(self.tolerance or self.limit or not self.off_rule)

    def label(self, column: str) -> str:
        """Return the label of a column, or else its name."""
        return self.labels.get(column, column)

    def first_differences(self) -> list[tuple[str, int, int]]:
        """Return each column that is the first to differ in a row, with its number of rows and of changed answers.

        The columns with the most changed answers come first, then those with the most rows.
        """
        by_column: dict[str, list[RowChange]] = {}
        for change in self.changes:
            if change.first:
                by_column.setdefault(change.first, []).append(change)
        counts = [(column, len(rows), sum(bool(row.change) for row in rows)) for column, rows in by_column.items()]
        return sorted(counts, key=lambda count: (-count[2], -count[1], count[0]))
