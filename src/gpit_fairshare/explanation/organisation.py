"""One organisation of a result: its code, the years in which it exists, and its row and groups in a year."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from fractions import Fraction
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from gpit_fairshare.errors import UsageError
from gpit_fairshare.inputs.columns.cells import year_start
from gpit_fairshare.inputs.mergers.crosswalk import day_in_words
from gpit_fairshare.language import tree
from gpit_fairshare.language.kinds import NATIONAL, ORGANISATION, Kind, group
from gpit_fairshare.results.agreement import NATION, label_inside
from gpit_fairshare.words import counted, joined, near_names, parse_year

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gpit_fairshare.engine import Result, Year
    from gpit_fairshare.inputs.model import Inputs
    from gpit_fairshare.scheme.model import Scheme

_SUGGESTIONS = 5
_SIMILARITY = 0.5
_MOST_CODES = 12
"""Codes of one name that are listed; the others are counted."""


@dataclass(frozen=True, slots=True)
class OrganisationInYear:
    """An organisation in a year, with its row."""

    scheme: Scheme
    year: Year
    code: str
    row: int
    """Its row among the organisations, from 0."""

    def label(self, name: str) -> str:
        """Return the scheme's label of a step, input or parameter, for use inside a sentence and on one line."""
        return label_inside(self.scheme, name)

    def of(self, kind: Kind) -> str:
        """Return whose value a value of this kind is: the organisation's code, its group, or the nation."""
        if kind == NATIONAL:
            return NATION
        return self.code if kind.column is None else self.group(kind.column)

    def label_of(self, kind: Kind) -> str | None:
        """Return the organisation's code, or its group as the inputs write it, by kind of row; None for the nation."""
        if kind == NATIONAL:
            return None
        return self.code if kind.column is None else self.year.labels[kind.column][self.group_number(kind.column)]

    def group(self, column: str) -> str:
        """Return the organisation's group by a text column, with the column's label: `area team Wessex`."""
        return f"{self.label(column)} {self.label_of(group(column))}"

    def scope(self, within: str | None) -> str:
        """Return what a figure is calculated over: the organisation's group by the text column `within`, or all."""
        return self.group(within) if within else NATION

    def extent(self, kind: Kind, within: str | None) -> str:
        """Return in words how many rows a figure is calculated over: `211 CCGs`, `12 CCGs of area team Wessex`."""
        rows = self.count_in_words(kind, len(self.rows(kind, within)))
        return f"{rows} of {self.group(within)}" if within else rows

    def row_of(self, kind: Kind) -> int:
        """Return the number of the row that the organisation, or its group, has in the table of a kind."""
        return self.row if kind == ORGANISATION else self.group_number(kind.column)

    def group_number(self, within: str | None) -> int:
        """Return the number of the organisation's group by a text column; 0 if all rows are in one."""
        return self.year.membership[within][self.row] if within else 0

    def rows(self, kind: Kind, within: str | None) -> list[int]:
        """Return the numbers of the rows of a kind that are in the organisation's group; all rows without `within`."""
        rows = range(self.year.frames[kind].height)
        if within is None:
            return list(rows)
        members = self.year.members(kind, within)
        return [row for row in rows if members[row] == self.group_number(within)]

    def count_in_words(self, kind: Kind, number: int) -> str:
        """Return a number of rows of a kind in words: `211 CCGs`, `4 groups by region`."""
        if kind == NATIONAL:
            return counted(number, "national figure")
        if kind.column is None:
            return counted(number, self.scheme.organisation)
        return f"{counted(number, 'group')} by {self.label(kind.column)}"

    def values(self, leaf: tree.Name | tree.Number, kind: Kind) -> Sequence[Any]:
        """Return the values of an argument of `share_out` or `rounded` on every row of a kind; a number is repeated.

        They are exact fractions if the run has them.
        """
        if isinstance(leaf, tree.Number):
            return [Fraction(leaf.value)] * self.year.frames[kind].height
        if leaf.name in self.year.exact and self.scheme.symbols[leaf.name].kind == kind:
            return self.year.exact[leaf.name]
        return self.year.values(leaf.name, kind)


def organisation_code(result: Result, code_or_name: str) -> str:
    """Return the code of an organisation, given by its code in any case, or by its name in the inputs.

    Codes come before names, and the exact code first of all. The error for an unknown one says what it became, or
    suggests others.

    Raises:
        UsageError: There is no such organisation, or several have that name.
    """  # noqa: DOC502 - raised by what it calls
    names: dict[str, str | None] = dict(result.rows.select("org_code", "org_name").iter_rows())
    return code_among(names, code_or_name, result.scheme, result.inputs)


def code_among(names: Mapping[str, str | None], code_or_name: str, scheme: Scheme, inputs: Inputs) -> str:
    """Return the code of an organisation among those of a scheme, given with their names; see `organisation_code`.

    Raises:
        UsageError: There is no such organisation, or several have that name.
    """
    if code_or_name in names:
        return code_or_name
    text = " ".join(code_or_name.split()).casefold()
    for pool in ({code: code for code in names}, names):
        codes = sorted(code for code, label in pool.items() if label and " ".join(label.split()).casefold() == text)
        if len(codes) == 1:
            return codes[0]
        if codes:
            candidates = (
                codes if len(codes) <= _MOST_CODES else [*codes[:_MOST_CODES], f"{len(codes) - _MOST_CODES:,} more"]
            )
            raise UsageError(f"{code_or_name} may be {joined(candidates, 'or')}; give the exact code")
    known = f"{_became_of(scheme, inputs, code_or_name)}{_hint(text, names)}"
    ending = known or f"; give a code such as {min(names)}, or a name"
    raise UsageError(f"there is no {scheme.organisation} {code_or_name}{ending}")


def _hint(text: str, names: Mapping[str, str | None]) -> str:
    """Return a question with the codes and names most like a text (`; did you mean …?`); "" if there are none.

    Names that contain the text come before those that are only similar.
    """
    codes = near_names(text, names, _SUGGESTIONS, _SIMILARITY)
    folded: dict[str, str] = {}
    for code, name in names.items():
        if name:
            folded.setdefault(name.casefold(), code)
    within = [name for name in folded if len(text) > 3 and text in name]
    similar = dict.fromkeys([*within[:_SUGGESTIONS], *get_close_matches(text, list(folded), _SUGGESTIONS, _SIMILARITY)])
    suggestions = [f"{folded[name]} ({names[folded[name]]})" for name in list(similar)[:_SUGGESTIONS]]
    suggestions = [*codes, *(named for named in suggestions if named.split(" ")[0] not in codes)]
    return f"; did you mean {joined(suggestions, 'or')}?" if suggestions else ""


def _became_of(scheme: Scheme, inputs: Inputs, code: str) -> str:
    """Return a clause on what a code that is not among the rows became, and when; an empty text if it is not known.

    Only changes up to the last year of the scheme, or the day of the boundaries if that is later, are reported.
    """
    first, last = (year_start(year) for year in (scheme.years[0], scheme.years[-1]))
    code = code.strip().upper()
    successions = [succession for succession in inputs.crosswalk.successions if succession.predecessor == code]
    if successions and successions[0].effective <= max(last, inputs.boundaries or first):
        successors = joined([succession.successor for succession in successions])
        return f", which became {successors} on {day_in_words(successions[0].effective)}"
    return ""


def years_of(result: Result, code: str, year: str | None) -> list[str]:
    """Return the years to explain: all in which the organisation exists, or only the year given.

    Raises:
        UsageError: The scheme has no such year, or the organisation does not exist in it.
    """
    years_present = [name for name in result.scheme.years if code in result.years[name].codes()]
    if year is None:
        return years_present
    year = parse_year(year) or year
    if year not in result.scheme.years:
        raise UsageError(f"--year {year}: the scheme has the years {', '.join(result.scheme.years)}")
    if year not in years_present:
        history = "; ".join(became(result, code))
        existence = f"{code} exists in {joined(years_present)} only"
        raise UsageError(f"--year {year}: {existence}{f'; {history}' if history else ''}")
    return [year]


def became(result: Result, code: str) -> tuple[str, ...]:
    """Return sentences on what an organisation became, or was made from, if it does not exist in every year.

    There is one for each pair of years in a row of which only one has it, also if the crosswalk does not say why.
    """
    years = result.scheme.years
    years_present = [year for year in years if code in result.years[year].codes()]
    crosswalk = result.inputs.crosswalk
    sentences = []
    for before, after in pairwise(years):
        days = year_start(before), year_start(after)
        if before in years_present and after not in years_present:
            successors = [successor for successor in crosswalk.shares(code, *days) if successor != code]
            mergers = "; ".join(crosswalk.merger_sentence(successor, *days) for successor in successors)
            sentences.append(f"{code} does not exist in {after}: {mergers or 'the crosswalk has no successor'}")
        elif after in years_present and before not in years_present:
            mergers = crosswalk.merger_sentence(code, *days)
            sentences.append(f"{code} does not exist in {before}: {mergers or 'the crosswalk has no predecessor'}")
    return tuple(sentences)
