"""Lines before they are written as text: which lines there are, in their order, with their values."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from gpit_fairshare.language import tree
from gpit_fairshare.language.with_numbers import leaves
from gpit_fairshare.words import sentence

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from fractions import Fraction

    from gpit_fairshare.explanation.model import Kind
    from gpit_fairshare.explanation.organisation import OrganisationInYear
    from gpit_fairshare.scheme.model import ParameterValue, Scheme, Step

Key = tuple[str, str]
"""Year and name: one value, which is written the same way everywhere."""


@dataclass(frozen=True, slots=True)
class Rounding:
    """How `rounded` rounded one figure: to `whole` units of `to`, or to one more."""

    of: str
    """Name of the figure that is rounded."""
    to: Fraction
    whole: int
    millionths: int
    """The remainder, in millionths of a unit."""
    up: bool
    least: int | None
    """The smallest remainder of the group that is rounded up; None if none is."""
    place: int
    """This row's place among those with exactly that remainder, from 1; 0 if it has another."""
    last: int
    """How many of those are rounded up, in order of code."""
    equal: int
    """How many have exactly that remainder."""
    unit: str | None


@dataclass(slots=True)
class UnformattedLine:
    """One line before it is written as text."""

    kind: Kind
    name: str
    label: str
    of: str
    unit: str | None
    value: Any
    formula: str = ""
    tree: tree.Expression | None = None
    """The expression that gives the value when it is calculated again."""
    arithmetic: bool = False
    """Whether `tree` is not the formula, so that it has to be shown."""
    parts: tuple[str, ...] = ()
    """Names whose values are added up, if there is no tree."""
    numbers: str = ""
    """The arithmetic that gives the value if there is no tree: sums of figures that have no line themselves."""
    rounding: Rounding | None = None
    origin: str = ""
    rows: Mapping[str, str] = field(default_factory=dict)
    """The rows of a table whose values it uses, each with its origin."""
    notes: tuple[str, ...] = ()
    total: float | None = None
    """Its national total."""
    answer: bool = False
    exact: Fraction | None = None


def symbol_draft(place: OrganisationInYear, kind: Kind, name: str, value: Any, **more: Any) -> UnformattedLine:
    """Return the unformatted line of an input, a parameter or a step, with its label and unit from the scheme.

    Args:
        place: The organisation and year.
        kind: What the line is.
        name: Name of the input, parameter or step.
        value: Its value.
        **more: Other fields of the line.
    """
    symbol = place.scheme.symbols[name]
    return UnformattedLine(kind, name, sentence(place.label(name)), place.of(symbol.kind), symbol.unit, value, **more)


def step_draft(place: OrganisationInYear, step: Step, value: Any, **more: Any) -> UnformattedLine:
    """Return the unformatted line of a step, with its formula and label; `more` has other fields of the line."""
    draft = symbol_draft(place, "step", step.name, value, formula=step.formula, **more)
    draft.label = " ".join(step.label.split())
    return draft


def origin_text(value: ParameterValue) -> str:
    """Return the source of a parameter's value, or its assumption, or how it was set or changed for the run.

    A value written as a fraction, such as 1/3, is added as it is written.
    """
    if value.overridden:
        of_the_run = value.assumption.startswith("Set for this run")
        origin = f"{'set for this run' if of_the_run else value.assumption.rstrip('.')}, not in the scheme"
    else:
        origin = str(value.source or value.origin)
    return f"{origin}; written as {value.as_written}" if "/" in value.as_written else origin


@dataclass(slots=True)
class Drafts:
    """The drafts of one year, and the values that they use."""

    year: str
    first_year: bool
    cells: dict[str, Any]
    """Every value of the organisation's row, and of figures that are shown with it, by name of column."""
    texts: frozenset[str]
    """Names of text columns."""
    units: dict[str, str | None] = field(default_factory=dict)
    exact: dict[str, Fraction] = field(default_factory=dict)
    same: dict[str, Key] = field(default_factory=dict)
    """Names whose value belongs to another year: `previous(allocation)`."""
    lines: list[UnformattedLine] = field(default_factory=list)

    def add(self, draft: UnformattedLine) -> None:
        """Add a line to the year; its value, unit and exact value are recorded under its name, except for checks."""
        self.lines.append(draft)
        if draft.kind != "check":
            self.cells[draft.name] = draft.value
            self.units[draft.name] = draft.unit
            if draft.exact is not None:
                self.exact[draft.name] = draft.exact

    def key(self, name: str) -> Key:
        """Return the year and name that identify the value of a name; `previous(x)` is x of the year before."""
        return self.same.get(name, (self.year, name))


def needed(scheme: Scheme, years: Sequence[str], step: str) -> Mapping[str, frozenset[str]]:
    """Return, for each year of the scheme, the names that a step depends on in `years`, with the step itself.

    Years are taken from the last to the first: what `previous` reads is added to the names of the year before.
    """
    names_needed: dict[str, frozenset[str]] = {}
    before: set[str] = set()
    for year in reversed(scheme.years):
        names = before | ({step} if year in years else set())
        first_year, before = year == scheme.years[0], set()
        for scheme_step in reversed(scheme.steps):
            if scheme_step.name not in names:
                continue
            names.update(tree.groupings(scheme_step.tree))
            for leaf in leaves(scheme_step.tree, first_year=first_year):
                match leaf:
                    case tree.Previous(of):
                        before.add(of)
                    case tree.AggregateCall(of=of) | tree.TableCall(of=of):
                        names.add(of)
                    case tree.Name(name) | tree.IsGiven(name) | tree.RateOf(name):
                        names.add(name)
        names_needed[year] = frozenset(names)
    return names_needed
