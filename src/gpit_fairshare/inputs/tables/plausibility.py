"""Find figures, titles and codes that can be read but are unlikely to be right, for users to review before a run."""

from __future__ import annotations

import math
import re
from itertools import pairwise
from statistics import median
from typing import TYPE_CHECKING, Final, NamedTuple

from gpit_fairshare.findings import FindingCode, FindingCollector, Where
from gpit_fairshare.inputs.columns.cells import without_years, year_start
from gpit_fairshare.inputs.mergers.crosswalk import packaged_crosswalk
from gpit_fairshare.numbers import as_in_sheet, money, percentage_change, visible_rate, whole_percentage
from gpit_fairshare.words import counted, listed, plural

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gpit_fairshare.inputs.tables.rows import InputFile

FEWEST = 5
"""Fewest organisations from which a usual figure is calculated: an assumption."""
ROBUST_DEVIATIONS = 3.5
"""Distance from the median, in robust standard deviations of the logarithm, that is out of line
(Iglewicz and Hoaglin, How to Detect and Handle Outliers, 1993, give 3.5)."""
LEAST_FACTOR = 2.0
"""If all figures are nearly equal, a figure is out of line only if it is twice the median or half of it:
an assumption."""
LEAST_A_HEAD, MOST_A_HEAD = 0.05, 100.0
"""Outside these, £ per head is more likely an error of units than spending: a tenth of the least and ten times the
greatest that was reported, from 50p in Wiltshire to over £10 in West Essex (Digital Health, March 2013)."""
_TO_STANDARD = 1.4826
"""Converts a median of absolute deviations to a standard deviation for a normal distribution: one divided by its upper
quartile, 0.6745."""
_ICB_CODE = re.compile(r"Q[A-Z][0-9A-Z]|E54[0-9]{6}")
"""Integrated care boards, in the codes of the NHS (area teams are Q and two digits) and of national statistics."""
_FEWEST_CODES: Final = 3
"""Fewest codes that are evidence; fewer may look like other organisations' codes by chance."""


class PlacedFigure(NamedTuple):
    """A figure of an organisation and its place."""

    value: float
    where: Where


def check_movements(people: Mapping[str, Mapping[str, PlacedFigure]], share: float, findings: FindingCollector) -> None:
    """Warn of organisations whose patients changed by more than a share from one year to the next.

    Args:
        people: registered population by year, in order, and organisation.
        share: 0.1 for a tenth of the earlier year.
        findings: where to report.
    """
    for earlier, later in pairwise(people):
        for code, now in sorted(people[later].items()):
            before = people[earlier].get(code)
            if before and before.value and abs(now.value / before.value - 1) > share:
                findings.warning(
                    FindingCode.MOVED,
                    now.where,
                    f"{code} has {as_in_sheet(now.value)} patients in {later} "
                    f"and had {as_in_sheet(before.value)} in {earlier}, "
                    f"a change of {percentage_change(now.value / before.value - 1)}",
                    f"a change of at most {whole_percentage(share)}",
                    "Check for a merger, practices that moved, or a typing error",
                )


def check_whole_people(people: Mapping[str, PlacedFigure], findings: FindingCollector) -> None:
    """Warn once if numbers of people are not whole: 106.613 patients are probably in thousands."""
    parts = [figure for _, figure in sorted(people.items()) if not figure.value.is_integer()]
    if parts:
        findings.warning(
            FindingCode.UNIT,
            parts[0].where,
            f"{as_in_sheet(parts[0].value)} patients is not a whole number"
            + (f", nor are the patients of {counted(len(parts) - 1, 'other organisation')}" if len(parts) > 1 else ""),
            "whole people",
            "If the figures are in thousands, put that in the heading: 'Patients (000s)'",
        )


def check_per_head(
    spend: Mapping[str, PlacedFigure],
    people: Mapping[str, float],
    year: str,
    organisation: str,
    findings: FindingCollector,
) -> None:
    """Warn of organisations whose £ per head is far from the others', and of a median that is not plausible.

    Far is more than 3.5 robust standard deviations from the median, on a logarithmic scale, and more than twice or less
    than half of it. In 2013 Liverpool reported £4.2m for 450,000 people, its whole IT support; £0.94m of it was GP IT
    (Digital Health, Massive disparities in GP IT spend, March 2013).

    Nothing is checked if fewer than five organisations have spend and people above 0.

    Args:
        spend: historic spend (£) by organisation.
        people: registered population by organisation.
        year: for the message; may be empty.
        organisation: the name for a row's organisation in messages.
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
            f"the median of {counted(len(rates), organisation)} is {visible_rate(middle)} a head"
            + (f" in {year}" if year else ""),
            f"GP IT spend of {money(LEAST_A_HEAD, 2)} to {money(MOST_A_HEAD)} a head",
            "Check whether the figures are in pounds, thousands or millions, and that the heading says so",
        )
    distances = {code: math.log(rate / middle) for code, rate in rates.items()}
    spread = _TO_STANDARD * median(map(abs, distances.values()))
    for code, distance in sorted(distances.items()):
        if abs(distance) > max(ROBUST_DEVIATIONS * spread, math.log(LEAST_FACTOR)):
            findings.warning(
                FindingCode.OUTLIER,
                spend[code].where,
                f"historic spend of {code} is {visible_rate(rates[code])} a head{f' in {year}' if year else ''}; "
                f"the median of {counted(len(rates), organisation)} is {money(middle, 2)}",
                f"a figure closer to the other {plural(organisation)}'",
                "Check that it is GP IT revenue only, without other IT and without capital"
                if distance > 0
                else "Check that nothing is missing, and that it is in pounds, not thousands",
            )


def check_years_and_codes(file: InputFile) -> None:
    """Warn of a file whose titles name other years than the run's, or whose codes are those of other organisations.

    Unknown codes are no evidence. A title with one of the run's years is none either, nor is the year before the
    first: historic spend may be from that year.

    Args:
        file: the file, after its rows are read and before they are summed.
    """
    request = file.request
    reasons = [reason for reason in (_describe_other_years(file), _describe_other_codes(file)) if reason]
    if reasons:
        file.findings.warning(
            FindingCode.OTHER_SCHEME,
            f"{' and '.join(reasons)}, but this run is for {plural(request.organisation)} of {listed(request.years)} "
            f"(scheme {request.scheme})",
            remedy="If the file is right, choose the scheme for it with --scheme, or its years with --years",
        )


def _describe_other_years(file: InputFile) -> str:
    """Describe the years in a file's titles, headings and names, if none can be of the run or the year before it.

    The result is empty otherwise, and for a file in which rows have their own years. Several years are taken as a
    range.
    """
    if file.dated:  # each row has its own year
        return ""
    sheet, years_of_run = file.sheet, file.request.years
    headings = [heading for heading, column in file.matched if column in file.needed_columns]
    texts = [*sheet.titles, *headings, sheet.sheet, sheet.file.rpartition(".")[0]]
    years = {year: text for text in reversed(texts) for year in without_years(text)[1]}
    before = f"{int(years_of_run[0][:4]) - 1}/{years_of_run[0][2:4]}"
    # Titles may state a range of years.
    if not years or (min(years) <= years_of_run[-1] and max(years) >= before):
        return ""
    return f"'{years[min(years)][:100]}' is about {listed(sorted(years))}"


def _describe_other_codes(file: InputFile) -> str:
    """Describe codes of another kind of organisation, or of later ones; return an empty text if there are too few.

    For ICBs, these are codes of CCGs. For CCGs, these are codes of ICBs, or, in rows without a year and without
    `--boundaries`, of CCGs that opened after the first day of the last year. Too few are less than three, or less than
    half of the codes if the kind differs. Other organisations are not checked.
    """
    request = file.request
    codes = {row.code for row in file.rows}
    crosswalk = packaged_crosswalk()
    ccgs = codes & crosswalk.organisations.keys()
    if request.organisation.casefold() == "icb":
        others, noun, fewest = ccgs, "CCGs", len(codes) / 2
    elif request.organisation.casefold() == "ccg":
        others, noun, fewest = {code for code in codes if _ICB_CODE.fullmatch(code)}, "ICBs", len(codes) / 2
        if not others and request.boundaries is None:
            # Codes of rows with a year are compared with that year, one by one.
            undated = {row.code for row in file.rows if not row.year}
            last = year_start(request.years[-1])
            others, noun, fewest = {code for code in ccgs & undated if crosswalk.opened(code) > last}, "later CCGs", 0
    else:
        return ""
    if len(others) < max(_FEWEST_CODES, fewest):
        return ""
    return f"{len(others):,} of its {counted(len(codes), 'code')} are codes of {noun}, such as {min(others)}"
