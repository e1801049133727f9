"""What a comparison holds: two sides, what changed in each row, why, and in what the rules differ.

Amounts and ratios are decimals, exact to the last digit.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Context, Decimal, InvalidOperation
from functools import cached_property, reduce
from typing import TYPE_CHECKING, Any, Final, Literal

from gpit_fairshare.numbers import EXACT, MILLIONTH, PENNY, decimal_text, exact, parameter_value
from gpit_fairshare.results.agreement import OffRule, in_one_line
from gpit_fairshare.words import is_money

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

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
    """Return what contributions are rounded to: the penny, or a millionth of what is not money."""
    return PENNY if is_money(unit) else MILLIONTH


def percent(change: Decimal, old: Decimal | None) -> Decimal | None:
    """Return a change in per cent of the old amount; None where there was nothing."""
    return short(change / abs(old) * 100) if old else None


def short(ratio: Decimal) -> Decimal:
    """Return a ratio with the twelve digits that anybody looks at."""
    return Context(prec=12).plus(ratio)


def read_amount(text: str) -> Decimal | None:
    """Read an amount that is not below 0, as people write it: `1000`, `£1,000`, `0.50`; None if it is none."""
    try:
        amount = Decimal(text.strip().removeprefix("£").replace(",", "").strip())
    except InvalidOperation:
        return None
    return amount if amount.is_finite() and amount >= 0 else None


@dataclass(frozen=True)
class Side:
    """One of the two results, and what its own rule gives for its own inputs."""

    record: Record
    kind: Literal["file", "run"]
    result: Result | None = None
    """The run itself, or the file's worked out again; None where that cannot be done."""
    fault: str = ""
    """Why it cannot be done."""
    answer_from: str = ""
    """How the column that is the answer was chosen."""
    off_rule: tuple[OffRule, ...] = ()
    """Figures of a file that are not what its own rule gives."""

    @property
    def name(self) -> str:
        """Return base name of the file, or what the run is called."""
        return self.record.name

    @property
    def unit(self) -> str | None:
        """Return the unit of the answer; None where nobody says."""
        scheme = self.record.scheme
        return scheme.symbols[self.record.answer].unit if scheme else None

    @property
    def answer_label(self) -> str:
        """Return what the column that is the answer is called."""
        return self.record.labels.get(self.record.answer, self.record.answer)


@dataclass(frozen=True, slots=True)
class RowChange:
    """One organisation in one year, in which something differs; amounts are in the unit of the answer.

    An organisation on one side alone counts as 0 on the other; `change` is above 0 for a gain.
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
    """Registered patients in the new result, else in the old one; None where neither says."""
    first: str
    """The first column that differs: inputs, then steps in the order of the new rule. Empty on one side alone."""

    @property
    def key(self) -> Key:
        """Return year and code."""
        return self.year, self.code

    @property
    def size(self) -> Decimal:
        """Return how large the change is, whichever way it goes."""
        return self.change.copy_abs()

    @property
    def percent(self) -> Decimal | None:
        """Return the change in per cent of the old amount; None where there was nothing."""
        return percent(self.change, self.old)

    @property
    def per_head(self) -> Decimal | None:
        """Return the change for each registered patient; None where there are none."""
        return short(self.change / exact(self.people)) if self.people else None


@dataclass(frozen=True)
class Driver:
    """One thing that changed: a column of the inputs, a parameter, the formula, or several that go together."""

    name: str
    """Stable: `data_historic_spend`, `parameter_transition_fund`, `formula`, `rounding`, `typed_over`."""
    kind: Kind
    label: str
    said: str = ""
    """What was changed, or why causes could not be told apart."""
    of: str = ""
    """The column or parameter; empty for what is neither."""


@dataclass(frozen=True, kw_only=True)
class Cause(Driver):
    """One thing that changed, and what it does to each row.

    `amounts` add up over all causes to each row's change, exactly. `alone` is what the cause does by itself,
    changed from OLD; None where that cannot be worked out, or has no meaning. The difference of the two is
    the interaction with the causes before it.
    """

    amounts: Mapping[Key, Decimal]
    alone: Mapping[Key, Decimal] | None = None
    no_alone: str = ""
    """Why it cannot be worked out alone; empty where it is, or where that has no meaning."""

    def alone_of(self, key: Key) -> Decimal | None:
        """Return what it does to one row by itself."""
        return None if self.alone is None else self.alone[key]

    def interaction_of(self, key: Key) -> Decimal | None:
        """Return what its place in the order adds to what it does to one row by itself."""
        return None if self.alone is None else less(self.amounts[key], self.alone[key])

    def total(self, year: str = "") -> Decimal:
        """Return what it comes to in all rows, or in those of one year."""
        return _total(self.amounts, year)

    def total_alone(self, year: str = "") -> Decimal | None:
        """Return what it comes to by itself."""
        return None if self.alone is None else _total(self.alone, year)

    def interaction(self, year: str = "") -> Decimal | None:
        """Return what its place in the order adds to what it comes to by itself."""
        alone = self.total_alone(year)
        return None if alone is None else less(self.total(year), alone)


def _total(amounts: Mapping[Key, Decimal], year: str) -> Decimal:
    return total(one for key, one in amounts.items() if year in ("", key[0]))


@dataclass(frozen=True, slots=True)
class RuleDifference:
    """One thing in which the two rules, or what they were run on, differ."""

    what: str
    """Such as `parameter changed`, `step added`, `input file changed`, `finding`."""
    name: str
    year: str
    old: str
    new: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class YearTotal:
    """One year of both results: totals of the answer, and how many organisations stand where."""

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
class Limit:
    """What `--fail-over` asks for: an amount, or per cent of the old one."""

    size: Decimal
    relative: bool = False

    def beyond(self, one: RowChange) -> bool:
        """Say whether a row changes by more; of nothing, whatever comes is more than any per cent."""
        if not self.relative:
            return one.size > self.size
        return one.size * 100 > self.size * (one.old or NOTHING).copy_abs()

    def __str__(self) -> str:
        return f"{decimal_text(self.size, grouped=True)}%" if self.relative else parameter_value(self.size, "£")


@dataclass(frozen=True)
class ComparedResults:
    """Two results, held against each other."""

    old: Side
    new: Side
    changes: tuple[RowChange, ...]
    """Rows in which anything differs, by year and code."""
    years: tuple[YearTotal, ...]
    height: int
    """Rows of both sides together, each key once."""
    attribution: tuple[Cause, ...]
    """In the order in which they were changed; empty where they cannot be told."""
    untold: str
    """Why there are no causes; an empty text where there are, or where nothing differs."""
    differences: tuple[RuleDifference, ...]
    remarks: tuple[str, ...]
    columns: tuple[tuple[str, ...], tuple[str, ...]]
    """Columns of the old result alone, and of the new one alone."""
    labels: Mapping[str, str] = field(default_factory=dict)
    tolerance: Decimal = NOTHING
    limit: Limit | None = None

    @property
    def organisation(self) -> str:
        """Return what a row is called."""
        return self.new.record.organisation if self.new.record.scheme else self.old.record.organisation

    @property
    def unit(self) -> str | None:
        """Return the unit of the answer; None where nobody says, which is taken for money."""
        return self.new.unit or self.old.unit

    @property
    def illustrative(self) -> tuple[str, ...]:
        """Return a sentence for each input file that calls its figures illustrative: none of them may be quoted."""
        manifests = [side.record.manifest or {} for side in (self.old, self.new)]
        return tuple(dict.fromkeys(str(one) for manifest in manifests for one in manifest.get("illustrative", ())))

    @property
    def off_rule(self) -> tuple[str, ...]:
        """Return a sentence for each file that holds figures that are not what its own rule gives."""
        return tuple(
            f"Not what its rule gives, in {word}, {side.name}: {in_one_line(side.off_rule)}."
            for word, side in (("OLD", self.old), ("NEW", self.new))
            if side.off_rule
        )

    @cached_property
    def moved(self) -> tuple[RowChange, ...]:
        """Return the rows of both sides whose answer differs beyond the tolerance, the largest change first."""
        return tuple(change for change in self.only("both") if change.size > self.tolerance)

    def only(self, status: Status) -> tuple[RowChange, ...]:
        """Return the rows that are on both sides, or on one alone, the most money first."""
        rows = [change for change in self.changes if change.status == status]
        return tuple(sorted(rows, key=lambda change: (-change.size, change.key)))

    @cached_property
    def within(self) -> tuple[RowChange, ...]:
        """Return the rows of both sides whose answer differs by no more than the tolerance."""
        return tuple(one for one in self.changes if one.status == "both" and 0 < one.size <= self.tolerance)

    @cached_property
    def others(self) -> tuple[RowChange, ...]:
        """Return the rows of both sides whose answer is the same, and other figures are not."""
        return tuple(one for one in self.changes if one.status == "both" and not one.change)

    @cached_property
    def beyond(self) -> tuple[RowChange, ...]:
        """Return the rows that make the comparison fail: beyond the limit, or, without one, that differ at all."""
        there = [one for one in self.changes if one.size > self.tolerance]
        if self.limit:
            return tuple(one for one in there if self.limit.beyond(one))
        lost = [one for one in self.changes if one.status != "both" and one.size <= self.tolerance]
        # Whoever allows for a pound asks about the money, not about figures on the way to it.
        return (*there, *lost, *(() if self.tolerance else self.others))

    @property
    def same(self) -> bool:
        """Whether both have the same organisations, and every figure that both have is the same."""
        return not self.changes

    @property
    def agrees(self) -> bool:
        """Whether nothing differs that counts: `gpit compare` ends with 0."""
        # As for `beyond`: a tolerance or a limit asks about the money.
        return not self.beyond and bool(self.tolerance or self.limit or not self.off_rule)

    def label(self, column: str) -> str:
        """Return what a column is called."""
        return self.labels.get(column, column)

    def firsts(self) -> list[tuple[str, int, int]]:
        """Return the columns that are the first to differ: their rows, and those of them whose answer differs."""
        found: dict[str, list[RowChange]] = {}
        for one in self.changes:
            if one.first:
                found.setdefault(one.first, []).append(one)
        counts = [(column, len(rows), sum(bool(one.change) for one in rows)) for column, rows in found.items()]
        return sorted(counts, key=lambda one: (-one[2], -one[1], one[0]))
