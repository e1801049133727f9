"""What a reader asks of each organisation in a year: before, fair share, allocation, change, and what the rule did.

Screen, sheets and sentences take these figures from here. The opening baseline is what an organisation had before:
historic spend in the first year, and after that its result of the year before. Money of merged predecessors is added
up. A figure that the inputs do not allow is None.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gpit_fairshare.engine.measures import BASELINE, PEOPLE
from gpit_fairshare.inputs.columns.cells import year_start
from gpit_fairshare.language.kinds import ORGANISATION
from gpit_fairshare.scheme.money import FAIR_SHARE
from gpit_fairshare.words import is_money

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gpit_fairshare.engine.result import Result


@dataclass(frozen=True, slots=True)
class OrganisationYear:
    """One organisation in one year: money in £, ratios as 0.05."""

    code: str
    name: str
    area: str
    """Value of the scheme's `report_by` column; empty without one."""
    people: float | None
    opening: float | None
    """The opening baseline."""
    fair_share: float | None
    allocation: float
    """The result of the scheme, under any name and in any unit."""
    outcome: str
    """Label of the outcome of the rule; empty if the rule has none."""

    @property
    def change(self) -> float | None:
        """Return the allocation less the opening baseline, in £."""
        return None if self.opening is None else self.allocation - self.opening

    @property
    def change_ratio(self) -> float | None:
        """Return the change as a share of the opening baseline; None if that is not above 0."""
        return None if self.opening is None or self.opening <= 0 else self.allocation / self.opening - 1

    @property
    def per_head(self) -> float | None:
        """Return the allocation per registered patient, in £; None without patients."""
        return self.allocation / self.people if self.people else None

    @property
    def opening_distance(self) -> float | None:
        """Return the distance of the opening baseline from the fair share, as a ratio: above 0 is above target."""
        return None if self.opening is None else self._distance(self.opening)

    @property
    def closing_distance(self) -> float | None:
        """Return the distance of the allocation from the fair share, as a ratio: above 0 is above target."""
        return self._distance(self.allocation)

    def _distance(self, amount: float) -> float | None:
        return amount / self.fair_share - 1 if self.fair_share and self.fair_share > 0 else None


def organisation_years(result: Result, year: str) -> list[OrganisationYear]:
    """Return the figures of every organisation of a year, by code."""
    scheme, now = result.scheme, result.years[year]
    frame = now.organisations
    people, fair_share = (_numbers(result, year, name) for name in (PEOPLE, FAIR_SHARE))
    opening = opening_baselines(result, year)
    areas = frame[scheme.report_by].to_list() if scheme.report_by in frame.columns else [""] * frame.height
    columns = frame["org_code"].to_list(), frame["org_name"].to_list(), areas, now.outcomes or [""] * frame.height
    return [
        OrganisationYear(
            code=code,
            name=name or "",
            area=area or "",
            people=people.get(code),
            opening=opening.get(code),
            fair_share=fair_share.get(code),
            allocation=allocation,
            outcome=outcome,
        )
        for code, name, area, outcome, allocation in zip(*columns, frame[scheme.result].to_list(), strict=True)
    ]


def opening_label(result: Result, year: str) -> str:
    """Return what the opening baseline of a year is: `Historic spend`, or `Allocation 2014/15`."""
    index, labels = list(result.years).index(year), result.scheme.labels
    if index == 0:
        return labels.get(BASELINE, "Historic spend")
    return f"{labels[result.scheme.result]} {list(result.years)[index - 1]}"


def opening_baselines(result: Result, year: str) -> Mapping[str, float]:
    """Return the opening baseline of a year by code, in £; organisations without one are left out.

    It is empty if the result is not money, or the inputs of the first year have no historic spend.
    """
    years = list(result.years)
    index = years.index(year)
    if not is_money(result.scheme.symbols[result.scheme.result].unit):
        return {}
    if index == 0:
        return _numbers(result, year, BASELINE)
    amounts = _numbers(result, years[index - 1], result.scheme.result)
    return {
        code: math.fsum(amounts[predecessor] for predecessor in codes)
        for code, codes in predecessors(result, year).items()
    }


def predecessors(result: Result, year: str) -> Mapping[str, Sequence[str]]:
    """Return, by code of a year, the codes of the year before that became that organisation; empty in the first year.

    A code that still exists is its own predecessor. One that was split, or has no successor this year, is left out.
    """
    years = list(result.years)
    index = years.index(year)
    if index == 0:
        return {}
    before, now = years[index - 1], set(result.years[year].codes())
    days = year_start(before), year_start(year)
    before_of: dict[str, list[str]] = {}
    for code in result.years[before].codes():
        successors = [code] if code in now else [*result.inputs.crosswalk.shares(code, *days)]
        if len(successors) == 1 and successors[0] in now:
            before_of.setdefault(successors[0], []).append(code)
    return before_of


def _numbers(result: Result, year: str, name: str) -> dict[str, float]:
    """Return the numbers of a column by code; empty if the year lacks it, or it is not one number per organisation."""
    symbol, frame = result.scheme.symbols.get(name), result.years[year].organisations
    if name not in frame.columns or (symbol and (symbol.kind != ORGANISATION or symbol.type != "number")):
        return {}
    pairs = zip(frame["org_code"].to_list(), frame[name].to_list(), strict=True)
    return {code: value for code, value in pairs if value is not None}
