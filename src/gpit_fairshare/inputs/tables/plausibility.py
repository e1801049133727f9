"""Figures that can be read but are hard to believe: worth a look before money hangs on them."""

from __future__ import annotations

import math
from itertools import pairwise
from statistics import median
from typing import TYPE_CHECKING, NamedTuple

from gpit_fairshare.findings import FindingCode, FindingCollector, Where
from gpit_fairshare.numbers import as_in_sheet, money
from gpit_fairshare.words import counted

if TYPE_CHECKING:
    from collections.abc import Mapping


FEWEST = 5
"""Organisations without which nothing can be said to be usual: an assumption."""
ROBUST_DEVIATIONS = 3.5
"""Distance from the median, in robust standard deviations of the logarithm, that is out of line
(Iglewicz and Hoaglin, How to Detect and Handle Outliers, 1993, give 3.5)."""
LEAST_FACTOR = 2.0
"""Where all are nearly alike, a figure is out of line only if it is twice the median or half of it:
an assumption."""
LEAST_A_HEAD, MOST_A_HEAD = 0.05, 100.0
"""£ per head that a slip of units explains better than spending: a tenth of the least and ten times the greatest
that was reported, from 50p in Wiltshire to over £10 in West Essex (Digital Health, March 2013)."""
_TO_STANDARD = 1.4826
"""Turns a median of absolute deviations into a standard deviation, where figures are normally spread: one over the
normal distribution's upper quartile, 0.6745."""


class Figure(NamedTuple):
    """A figure of an organisation and its place."""

    value: float
    where: Where


def check_movements(people: Mapping[str, Mapping[str, Figure]], share: float, findings: FindingCollector) -> None:
    """Point out organisations whose patients changed by more than a share from one year to the next.

    Args:
        people: registered population by year, in order, and organisation.
        share: 0.1 for a tenth of the earlier year.
        findings: where to report.
    """
    for earlier, later in pairwise(people):
        for code, now in sorted(people[later].items()):
            before = people[earlier].get(code)
            if before is None or before == now or not before.value:
                continue
            change = now.value / before.value - 1
            if abs(change) > share:
                findings.warning(
                    FindingCode.MOVED,
                    now.where,
                    f"{code} has {as_in_sheet(now.value)} patients in {later} "
                    f"and had {as_in_sheet(before.value)} in {earlier}, "
                    f"a change of {change:+.1%}",
                    f"a change of at most {share:.0%}",
                    "Look for a merger, a move of practices, or a slip of the pen",
                )


def check_whole(people: Mapping[str, Figure], findings: FindingCollector) -> None:
    """Point out parts of people: a list of 106.613 patients is likely to be in thousands, without saying so."""
    parts = [figure for _, figure in sorted(people.items()) if not figure.value.is_integer()]
    if parts:
        findings.warning(
            FindingCode.UNIT,
            parts[0].where,
            f"{as_in_sheet(parts[0].value)} patients are no whole number"
            + (f", nor are those of {counted(len(parts) - 1, 'other organisation')}" if len(parts) > 1 else ""),
            "people",
            "If they are in thousands, say so in the heading: 'Patients (000s)'",
        )


def check_per_head(
    spend: Mapping[str, Figure], people: Mapping[str, float], year: str, organisation: str, findings: FindingCollector
) -> None:
    """Point out organisations whose £ per head is out of line with the rest.

    The figure is compared with the median on a logarithmic scale, in robust standard deviations. In 2013
    Liverpool reported £4.2m for 450,000 people, its whole IT support; £0.94m of it was GP IT
    (Digital Health, Massive disparities in GP IT spend, March 2013).

    Args:
        spend: historic spend (£) by organisation.
        people: registered population by organisation.
        year: for the message; may be empty.
        organisation: what a row is called.
        findings: where to report.
    """
    rates = {
        code: figure.value / people[code]
        for code, figure in spend.items()
        if figure.value > 0 and people.get(code, 0) > 0
    }
    if len(rates) < FEWEST:
        return
    middle = median(rates.values())
    if not LEAST_A_HEAD <= middle <= MOST_A_HEAD:
        findings.warning(
            FindingCode.OUTLIER,
            Where(next(iter(spend.values())).where.file),
            f"the median of {counted(len(rates), organisation)} is {_rate(middle)} a head"
            + (f" in {year}" if year else ""),
            f"GP IT of some £{LEAST_A_HEAD:.2f} to £{MOST_A_HEAD:.0f} a head",
            "See whether the figures are in pounds, thousands or millions, and what the file says of it",
        )
    distances = {code: math.log(rate / middle) for code, rate in rates.items()}
    spread = _TO_STANDARD * median(map(abs, distances.values()))
    for code, distance in sorted(distances.items()):
        if abs(distance) > max(ROBUST_DEVIATIONS * spread, math.log(LEAST_FACTOR)):
            high = distance > 0
            findings.warning(
                FindingCode.OUTLIER,
                spend[code].where,
                f"{code} has {_rate(rates[code])} a head{f' in {year}' if year else ''}, "
                f"and the median of {counted(len(rates), organisation)} is {money(middle, 2)}",
                "like with like",
                "See that it is GP IT alone, not all IT support, and without capital"
                if high
                else "See that nothing is missing, and that it is in pounds, not thousands",
            )


def _rate(rate: float) -> str:
    """Write £ per head to the penny, and less than a penny with the two figures that tell."""
    return money(rate, 2) if rate >= 0.01 else f"£{rate:.2g}"
