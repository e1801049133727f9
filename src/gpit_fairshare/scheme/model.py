"""A scheme ready to run: steps in order, values by year, sources and assumptions.

The fields of a step, check, parameter, source and assumption are, in their order, the keys under which a result
records them; `definition` writes and reads that record.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, TypeAlias, TypeVar

from gpit_fairshare.language.kinds import ORGANISATION, Kind, Symbol, Type
from gpit_fairshare.language.tree import Expression, names_in
from gpit_fairshare.numbers import parameter_values, written_value
from gpit_fairshare.presentation import short_repr
from gpit_fairshare.words import counted, span

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gpit_fairshare.findings import Where
    from gpit_fairshare.language.tables import FormulaTable
    from gpit_fairshare.plugins import PluginUse

NOT_RECORDED: Final = {"recorded": False}
"""Metadata of a field that follows from the others, so that no result records it."""

AMOUNTS: Final = ("£", "people", "£ per head")
"""Units of amounts: a percentage with a sign is a change of one, never a value."""
NO_ORIGIN: Final = "draft: no source or assumption"


@short_repr
@dataclass(frozen=True, slots=True)
class Source:
    """A publication, with the key that the file gives it."""

    key: str
    title: str
    publisher: str = ""
    url: str = ""
    date: str = ""
    note: str = ""

    def __str__(self) -> str:
        return ", ".join(part for part in (self.publisher, self.title, self.date) if part)


@dataclass(frozen=True, slots=True)
class Upkeep:
    """Who owns an assumption, its date (2014-04-03), how reliable it is and how much depends on it."""

    owner: str = ""
    date: str = ""
    quality: str = ""
    impact: str = ""


@short_repr
@dataclass(frozen=True, slots=True)
class ParameterValue:
    """A parameter's value in one year, and its source or assumption."""

    value: float
    as_written: str
    """The text in the file or the option."""
    source: Source | None = None
    assumption: str = ""
    overridden: bool = False
    """Whether `--set` gave the value for this run."""
    upkeep: Upkeep = Upkeep()
    """Further details that the file gives about the assumption."""
    replaces: ParameterValue | None = None
    """The scheme's own value, if this one replaces it for the run; None if the scheme has none."""

    def change_text(self, unit: str | None) -> str:
        """Return the value in its unit as text, after the value that it replaces, if any: `-10% → -5%`."""
        if self.replaces and unit not in AMOUNTS:
            return " → ".join(parameter_values(self.replaces.value, self.value, (unit, unit)))
        values = [self.replaces, self] if self.replaces else [self]
        return " → ".join(written_value(value.value, unit, value.as_written) for value in values)

    @property
    def is_draft(self) -> bool:
        """Return whether it has neither source nor assumption, because the scheme is still being drafted."""
        return self.source is None and not self.assumption

    @property
    def origin(self) -> str:
        """Return its source or assumption as text, such as `assumption: half of it in the second year`."""
        if self.is_draft:
            return NO_ORIGIN
        return f"source: {self.source}" if self.source else f"assumption: {self.assumption.rstrip('.')}"


def table_of(parameter: str) -> str:
    """Return the table of which a parameter is a row: that of `stage_weight[primary]`; an empty text if of none."""
    return parameter.partition("[")[0] if "[" in parameter else ""


@short_repr
@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """A declared parameter with a value for every year of the scheme."""

    name: str
    label: str
    unit: str | None
    minimum: str
    maximum: str
    """Bounds as written: a number, another parameter's name, or an empty text."""
    note: str = ""
    values: Mapping[str, ParameterValue]


@short_repr
@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step; `kind` says what it has one value for: the nation, a group or an organisation."""

    name: str
    label: str
    unit: str | None
    kind: Kind = ORGANISATION
    formula: str
    note: str = ""
    non_recurrent: bool = False
    """Whether it is a part of the answer that is paid only once."""
    where: str
    place: Where = field(metadata=NOT_RECORDED, compare=False)
    """The same for findings, without the file: `step fair_share`, or `step weight (core)` of a file used by name."""
    tree: Expression = field(metadata=NOT_RECORDED)
    as_written: str = field(default="", metadata=NOT_RECORDED, compare=False)
    """The formula as its file has it; positions in `tree` and in errors count its characters."""
    type: Type = field(default="number", metadata=NOT_RECORDED)


@short_repr
@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """A yes/no formula that must be true in every year."""

    name: str
    formula: str
    note: str = ""
    stops: bool = False
    """Whether a run stops if it fails."""
    where: str
    place: Where = field(metadata=NOT_RECORDED, compare=False)
    """As of a step."""
    tree: Expression = field(metadata=NOT_RECORDED)
    as_written: str = field(default="", metadata=NOT_RECORDED, compare=False)


@short_repr
@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What the rule can do to an organisation; an organisation has the first outcome whose formula is true for it."""

    label: str
    formula: str
    because: str = ""
    """A clause on why the allocation is what it is, with values as `{name}`; empty if the rule gives none."""
    where: str
    place: Where = field(metadata=NOT_RECORDED, compare=False)
    """As of a step."""
    tree: Expression = field(metadata=NOT_RECORDED)
    as_written: str = field(default="", metadata=NOT_RECORDED, compare=False)


Part: TypeAlias = Step | Check | Outcome
"""What a formula can be part of."""
Formula = TypeVar("Formula", Step, Check)


@short_repr
@dataclass(frozen=True, slots=True)
class Assumption:
    """An assumption that has no source; `number` counts from 1 in the order of the files."""

    number: int
    about: str
    text: str
    parameter: str = ""
    years: tuple[str, ...] = ()
    owner: str = ""
    date: str = ""
    quality: str = ""
    impact: str = ""
    """Owner, date, quality and impact as the file gives them; otherwise empty."""


@dataclass(frozen=True, slots=True)
class Money:
    """The names in a scheme's money account. Under `unspent`, a `share_out` step means the money it leaves over."""

    money_in: tuple[str, ...] = ()
    taken_away: tuple[str, ...] = ()
    unspent: tuple[str, ...] = ()
    new_money: tuple[str, ...] = ()
    """Steps of `money_in` that come on top of the budget."""
    whole_amounts: tuple[str, ...] = ()
    """`share_out` steps that no table names: their whole amount is money in, spent or not."""
    stated: bool = False
    """Whether a table `[money]` gives the names; otherwise they follow from the `share_out` steps."""
    file: str = ""
    """The file that decides the account, or would decide it with a table `[money]`."""


def draft_warning(drafts: Sequence[str]) -> str:
    """Return the warning that all sheets and screens of a draft have; empty if it is not a draft."""
    return f"DRAFT: {counted(len(drafts), 'value')} without a source." if drafts else ""


@short_repr
@dataclass(frozen=True, slots=True)
class Scheme:
    """A scheme ready to run: steps in order, values by year, sources and assumptions."""

    name: str
    title: str
    organisation: str
    years: tuple[str, ...]
    formula: str
    transition: str
    steps: tuple[Step, ...]
    checks: tuple[Check, ...]
    parameters: Mapping[str, Parameter]
    symbols: Mapping[str, Symbol]
    labels: Mapping[str, str]
    """A label for every name, inputs and parameters included."""
    counts: Mapping[str, tuple[str, ...]]
    """The words of each column of a spend file that make a line count as historic spend."""
    sources: tuple[Source, ...]
    assumptions: tuple[Assumption, ...]
    result: str
    report_by: str | None
    digest: str
    files: tuple[tuple[str, str], ...]
    """Base name and SHA-256 of each file that the scheme was read from."""
    has_draft_counts: bool = False
    """Whether nothing says where `counts` come from: neither a source nor an assumption."""
    indicative: tuple[str, ...] = ()
    """Years whose allocations are not yet firm."""
    money: Money = Money()
    """Which names are money in, taken away and unspent."""
    paid_from: str = ""
    """Who pays for protection, as the transition says: within the budget, top-slice or new money."""
    plugins: tuple[PluginUse, ...] = ()
    """The library files and functions that the run takes from plug-ins."""
    outcomes: tuple[Outcome, ...] = ()
    """What the rule can do to an organisation, in the order in which the formulas are tried."""
    notes: tuple[str, ...] = ()
    """Notes on what was not used, such as values for a transition that was replaced."""

    @property
    def inputs(self) -> tuple[Symbol, ...]:
        """Return the input columns that steps, checks, outcomes and money account use, in the order of first use.

        After them come the text columns of the larger organisations that some of these values belong to.
        """
        parts: tuple[Part, ...] = (*self.steps, *self.checks, *self.outcomes)
        used = dict.fromkeys(name for part in parts for name, _ in names_in(part.tree))
        used |= dict.fromkeys((*self.money.money_in, *self.money.taken_away, *self.money.unspent))
        # The codes of larger organisations are read too: rows get values by code.
        used |= dict.fromkeys(larger for name in used if (larger := self.symbols[name].of))
        return tuple(self.symbols[name] for name in used if self.symbols[name].role == "input")

    def table(self, name: str) -> FormulaTable:
        """Return the table of this name; it must be one."""
        table = self.symbols[name].table
        assert table is not None  # noqa: S101  # formulas with another name are refused
        return table

    @property
    def drafts(self) -> tuple[str, ...]:
        """Return what has neither source nor assumption: parameters, with the years if not all, and then `[spend]`."""
        names = []
        for name, parameter in self.parameters.items():
            years = [year for year, value in parameter.values.items() if value.is_draft]
            if years:
                names.append(name if len(years) == len(self.years) else f"{name} in {span(years)}")
        uses_spend = self.has_draft_counts and any(column.name == "historic_spend" for column in self.inputs)
        return (*names, *(["[spend]"] if uses_spend else []))

    @property
    def draft_warning(self) -> str:
        """Return how many values have neither source nor assumption, as a sentence; empty if all have one."""
        return draft_warning(self.drafts)

    def certainty(self, year: str) -> str:
        """Return whether the allocations of a year are `firm` or `indicative`."""
        return "indicative" if year in self.indicative else "firm"

    @property
    def has_new_money(self) -> bool:
        """Return whether its transition says that money on top of the budget pays for protection."""
        return self.paid_from == "new money"

    @property
    def non_recurrent(self) -> tuple[Step, ...]:
        """Return the steps that are the non-recurrent part of the answer, in order; the rest recurs."""
        return tuple(step for step in self.steps if step.non_recurrent)

    def overridden(self) -> list[tuple[str, str, ParameterValue]]:
        """Return name, year and value of each parameter value that was set only for this run."""
        return [
            (name, year, value)
            for name, parameter in self.parameters.items()
            for year, value in parameter.values.items()
            if value.overridden
        ]
