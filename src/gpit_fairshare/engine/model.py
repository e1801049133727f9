"""The output of a run: every value of every year, the outcomes of checks, and the funds."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from gpit_fairshare.language.kinds import NATIONAL, ORGANISATION, Kind
from gpit_fairshare.presentation import short_repr

if TYPE_CHECKING:
    from fractions import Fraction

    import polars as pl

    from gpit_fairshare.findings import Finding
    from gpit_fairshare.language.tree import TableCall


Values = list[Any]
"""One value per row of a kind: a float, a bool, a text, or None where a blank is allowed."""


@dataclass(frozen=True, slots=True)
class CheckResult:
    """The outcome of one check in one year; `failing` names organisations or groups that fail it."""

    year: str
    name: str
    formula: str
    holds: bool
    failing: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Fund:
    """What a step shared out in one year, in the unit of the step.

    `spent` and `unspent` are after rounding where a step rounds the shares. Rounding to whole units moved
    `amount` - `spent` - `unspent`. `new_money` says that the amount is a parameter or a number in the formula,
    not money that other steps pass on; `parameter` is the name of the amount if it is a parameter.
    """

    year: str
    label: str
    parameter: str
    step: str
    amount: float
    spent: float
    unspent: float
    new_money: bool
    within: str = ""
    """Column of the groups, if each shares out its own amount; `amount` is then the sum of their amounts."""
    rate: float | None = None
    """What each unit of weight gets, as `rate_of` gives it; None if each group has its own, or if there is none."""


@dataclass(frozen=True, slots=True)
class Sensitivity:
    """The effect on the result of changing an assumption's value by `change`, a ratio such as -0.1."""

    assumption: int
    """The assumption's number."""
    change: float
    total: float | None
    """The change of all allocations of all years, in the unit of the result."""
    organisations: int | None
    """How many organisations' allocations change by a pound or more in any year."""
    said: str
    """Why there is no figure; empty if there is one."""


@short_repr
@dataclass(slots=True)
class Year:
    """Every value of one year. Frames have one row per organisation (sorted by code), group or nation."""

    year: str
    frames: dict[Kind, pl.DataFrame]
    membership: dict[str, list[int]] = field(default_factory=dict)
    """For each text column that groups: the group's number, from 0, of every organisation."""
    labels: dict[str, list[str]] = field(default_factory=dict)
    """For each text column that groups: its values, sorted."""
    exact: dict[str, list[Fraction]] = field(default_factory=dict)
    """For each step of a kernel: its exact values before they became floats, so that rounding sees no noise."""
    amounts: dict[str, list[Fraction]] = field(default_factory=dict)
    """For each `share_out`: what it has to share, nationally or by group."""
    unspent: dict[str, list[Fraction]] = field(default_factory=dict)
    """For each `share_out`: what is left, nationally or by group."""
    factor: dict[str, list[Fraction | None]] = field(default_factory=dict)
    """For each `share_out`: money per unit of weight, nationally or by group; None where all rows get the most."""
    rate: dict[str, list[Fraction | None]] = field(default_factory=dict)
    """For each `share_out`: the rate that `rate_of` gives, nationally or by group: the factor without float noise."""
    predecessors: list[list[int]] = field(default_factory=list)
    """For each organisation: rows of the year before that became it; filled where `previous` is used."""
    outcomes: list[str] = field(default_factory=list)
    """For each organisation: the label of its outcome, the first that is true; an empty text if none is."""
    table_calls: list[TableCall] = field(default_factory=list)
    """The functions of tables that some formula uses, each once."""
    too_fine: dict[str, Finding] = field(default_factory=dict)
    """For each step that rounds to a unit too fine for floats: the warning about it."""

    @property
    def organisations(self) -> pl.DataFrame:
        """Return the frame with one row per organisation."""
        return self.frames[ORGANISATION]

    def values(self, name: str, kind: Kind) -> Values:
        """Return a column of the frame of a kind."""
        return self.frames[kind][name].to_list()

    def national(self, name: str) -> Any:
        """Return one national figure."""
        return self.frames[NATIONAL][name][0]

    def members(self, kind: Kind, within: str) -> list[int]:
        """Return, for each row of a kind, the number (from 0) of its group in the text column `within`.

        A group of organisations is in the group of the first of them.
        """
        rows = self.membership[within]
        if kind.column is None:
            return rows
        outer: dict[int, int] = {}
        for number, row in zip(self.membership[kind.column], rows, strict=True):
            outer.setdefault(number, row)
        return [outer[number] for number in range(len(outer))]

    def codes(self) -> list[str]:
        """Return the organisations' codes, sorted."""
        return self.organisations["org_code"].to_list()
