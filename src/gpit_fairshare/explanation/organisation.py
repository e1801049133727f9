"""One organisation of a result: which one is meant, in which years it is there, and its row and groups in one."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from fractions import Fraction
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from gpit_fairshare.errors import UsageError
from gpit_fairshare.inputs.columns.cells import parse_year, year_start
from gpit_fairshare.inputs.mergers.crosswalk import day_in_words
from gpit_fairshare.language import tree as t
from gpit_fairshare.language.kinds import NATIONAL, ORGANISATION, Kind, group
from gpit_fairshare.results.agreement import NATION, label_inside
from gpit_fairshare.words import counted, joined

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gpit_fairshare.engine import Result, Year
    from gpit_fairshare.scheme.model import Scheme

_NEAR = 5
_ALIKE = 0.5
_MOST = 12
"""Codes of one name that are listed; the rest is counted."""


@dataclass(frozen=True, slots=True)
class OrganisationInYear:
    """Where an organisation stands in a year."""

    scheme: Scheme
    year: Year
    code: str
    row: int
    """Its row among the organisations, from 0."""

    def label(self, name: str) -> str:
        """Return the scheme's label of a name, as it stands inside a sentence and on one line."""
        return label_inside(self.scheme, name)

    def of(self, kind: Kind) -> str:
        """Say what a value of a kind is a value of: the organisation's code, its group, or the nation."""
        if kind == NATIONAL:
            return NATION
        return self.code if kind.column is None else self.group(kind.column)

    def label_of(self, kind: Kind) -> str | None:
        """Return the organisation's code, or its group as the inputs write it; None for the nation."""
        if kind == NATIONAL:
            return None
        return self.code if kind.column is None else self.year.labels[kind.column][self.group_number(kind.column)]

    def group(self, column: str) -> str:
        """Return the organisation's group by a text column: `area team Wessex`."""
        return f"{self.label(column)} {self.label_of(group(column))}"

    def scope(self, within: str | None) -> str:
        """Say over what a figure is taken: the organisation's group by a text column, or the nation."""
        return self.group(within) if within else NATION

    def over(self, kind: Kind, within: str | None) -> str:
        """Say over how many rows a figure is taken: `211 CCGs`, `12 CCGs of area team Wessex`."""
        rows = self.counted(kind, len(self.rows(kind, within)))
        return f"{rows} of {self.group(within)}" if within else rows

    def at(self, kind: Kind) -> int:
        """Return the row of the organisation, or of its group, in the frame of a kind."""
        return self.row if kind == ORGANISATION else self.group_number(kind.column)

    def group_number(self, within: str | None) -> int:
        """Return the number of the organisation's group by a text column; 0 where all are in one."""
        return self.year.membership[within][self.row] if within else 0

    def rows(self, kind: Kind, within: str | None) -> list[int]:
        """Return the rows of a kind that are counted with the organisation: those of its group, or all."""
        rows = range(self.year.frames[kind].height)
        if within is None:
            return list(rows)
        members = self.year.members(kind, within)
        return [row for row in rows if members[row] == self.group_number(within)]

    def counted(self, kind: Kind, number: int) -> str:
        """Write how many rows of a kind there are: `211 CCGs`, `4 groups by region`."""
        if kind == NATIONAL:
            return counted(number, "national figure")
        if kind.column is None:
            return counted(number, self.scheme.organisation)
        return f"{counted(number, 'group')} by {self.label(kind.column)}"

    def values(self, leaf: t.Name | t.Number, kind: Kind) -> Sequence[Any]:
        """Return a kernel's argument on every row of a kind, exact where the run had it exactly."""
        if isinstance(leaf, t.Number):
            return [Fraction(leaf.value)] * self.year.frames[kind].height
        if leaf.name in self.year.exact and self.scheme.symbols[leaf.name].kind == kind:
            return self.year.exact[leaf.name]
        return self.year.values(leaf.name, kind)


def organisation_code(result: Result, wanted: str) -> str:
    """Return the code that is meant by a code, in capitals or not, or by a name as it stands in the inputs.

    Raises:
        UsageError: There is no such organisation, or there are several of that name.
    """
    names: dict[str, str | None] = dict(result.rows.select("org_code", "org_name").iter_rows())
    if wanted in names:
        return wanted
    text = " ".join(wanted.split()).casefold()
    for pool in ({code: code for code in names}, names):
        alike = sorted(code for code, said in pool.items() if said and " ".join(said.split()).casefold() == text)
        if len(alike) == 1:
            return alike[0]
        if alike:
            shown = alike if len(alike) <= _MOST else [*alike[:_MOST], f"{len(alike) - _MOST:,} more"]
            raise UsageError(f"{wanted} may be {joined(shown, 'or')}; give the code as it is written")
    raise UsageError(
        f"there is no {result.scheme.organisation} {wanted}{_became_of(result, wanted)}{_near(text, names)}"
    )


def _near(text: str, names: Mapping[str, str | None]) -> str:
    """Say which codes and which names are nearest."""
    by_text = {code.casefold(): code for code in names}
    codes = [by_text[one] for one in get_close_matches(text, list(by_text), _NEAR, _ALIKE)]
    folded: dict[str, str] = {}
    for code, name in names.items():
        if name:
            folded.setdefault(name.casefold(), code)
    within = [one for one in folded if len(text) > 3 and text in one]
    alike = dict.fromkeys([*within[:_NEAR], *get_close_matches(text, list(folded), _NEAR, _ALIKE)])
    shown = [f"{folded[one]} ({names[folded[one]]})" for one in list(alike)[:_NEAR]]
    shown = [*codes, *(one for one in shown if one.split(" ")[0] not in codes)]
    return f"; did you mean {joined(shown, 'or')}?" if shown else ""


def _became_of(result: Result, code: str) -> str:
    """Say what a code that is not among the rows became, or was made of, where the crosswalk knows."""
    first, last = (year_start(year) for year in (result.scheme.years[0], result.scheme.years[-1]))
    code = code.strip().upper()
    crosswalk = result.inputs.crosswalk
    steps = [one for one in crosswalk.successions if one.predecessor == code]
    if steps and steps[0].effective <= max(last, result.inputs.boundaries or first):
        return f", which became {joined([one.successor for one in steps])} on {day_in_words(steps[0].effective)}"
    return ""


def years_of(result: Result, code: str, year: str | None) -> list[str]:
    """Return the years to explain: all in which the organisation is there, or the one asked for.

    Raises:
        UsageError: The scheme has no such year, or the organisation is not there in it.
    """
    there = [one for one in result.scheme.years if code in result.years[one].codes()]
    if year is None:
        return there
    year = parse_year(year) or year
    if year not in result.scheme.years:
        raise UsageError(f"--year {year}: the scheme has the years {', '.join(result.scheme.years)}")
    if year not in there:
        told = "; ".join(became(result, code))
        raise UsageError(f"--year {year}: {code} is there in {joined(there)} only" + (f"; {told}" if told else ""))
    return [year]


def became(result: Result, code: str) -> tuple[str, ...]:
    """Say, of an organisation that is not there in every year, what it became and of what it was made."""
    years = result.scheme.years
    there = [year for year in years if code in result.years[year].codes()]
    crosswalk = result.inputs.crosswalk
    said = []
    for before, after in pairwise(years):
        days = year_start(before), year_start(after)
        if before in there and after not in there:
            successors = [one for one in crosswalk.shares(code, *days) if one != code]
            told = "; ".join(crosswalk.merger_sentence(one, *days) for one in successors)
            said.append(f"{code} is not there in {after}: {told or 'no crosswalk says what became of it'}")
        elif after in there and before not in there:
            told = crosswalk.merger_sentence(code, *days)
            said.append(f"{code} is not there in {before}: {told or 'no crosswalk says where it came from'}")
    return tuple(said)
