"""Whether a file is of the scheme's time and kind of organisation, as far as its titles and codes tell."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from gpit_fairshare.findings import FindingCode
from gpit_fairshare.inputs.columns.cells import parse_year, year_start
from gpit_fairshare.inputs.mergers.crosswalk import packaged_crosswalk
from gpit_fairshare.words import counted, listed, plural

if TYPE_CHECKING:
    from gpit_fairshare.inputs.tables.rows import InputFile

_YEAR = re.compile(r"(?<![0-9])(?:19|20)[0-9]{2}\s?[/_–-]\s?(?:20)?[0-9]{2}(?![0-9]|[/_–-][0-9]{1,2}(?![0-9]))")
"""A financial year in a title or a name; `2014-15-03` and the like are days."""
_ICB_CODE = re.compile(r"Q[A-Z][0-9A-Z]|E54[0-9]{6}")
"""Integrated care boards, in the codes of the NHS (area teams are Q and two digits) and of national statistics."""
_FEWEST: Final = 3
"""Codes that say something; fewer may look like those of others by chance."""


def check_fit(part: InputFile) -> None:
    """Warn of a file whose titles are of other years than the run, or whose codes are of other organisations.

    Codes that nothing is known of say nothing, nor do titles with one of the run's years, or the year before the
    first, from which historic spend may be.

    Args:
        part: the file, its rows read and not yet summed; without a scheme there is nothing to fit.
    """
    request = part.request
    if not request.scheme:
        return
    reasons = [reason for reason in (_other_years(part), _other_codes(part)) if reason]
    if reasons:
        part.findings.warning(
            FindingCode.OTHER_SCHEME,
            f"{' and '.join(reasons)}, but this run is for {plural(request.organisation)} of {listed(request.years)} "
            f"(scheme {request.scheme})",
            remedy="If the file is right, give the scheme that it is for with --scheme, or its years with --years",
        )


def _other_years(part: InputFile) -> str:
    """Say which years the titles and names of a file are about, if none of them can be of the run; else nothing."""
    if part.dated:  # each row says its own year
        return ""
    sheet, years_of_run = part.sheet, part.request.years
    texts = [*sheet.titles, sheet.sheet, sheet.file.rpartition(".")[0]]
    years = {year: text for text in reversed(texts) for year in _years_in(text)}
    before = f"{int(years_of_run[0][:4]) - 1}/{years_of_run[0][2:4]}"
    # Titles may say from which year to which.
    if not years or (min(years) <= years_of_run[-1] and max(years) >= before):
        return ""
    return f"'{years[min(years)][:100]}' is about {listed(sorted(years))}"


def _years_in(text: str) -> set[str]:
    years = (parse_year("".join(match[0].split()).replace("_", "/")) for match in _YEAR.finditer(text))
    return {year for year in years if year}


def _other_codes(part: InputFile) -> str:
    """Say of which other organisations, or of which other time, the codes of a file are; else nothing."""
    request = part.request
    codes = {row.code for row in part.rows}
    known = packaged_crosswalk()
    ccgs = codes & known.organisations.keys()
    if request.organisation.casefold() == "icb":
        others, what, fewest = ccgs, "CCGs", len(codes) / 2
    elif request.organisation.casefold() == "ccg":
        others, what, fewest = {code for code in codes if _ICB_CODE.fullmatch(code)}, "ICBs", len(codes) / 2
        if not others and request.boundaries is None:
            # Codes of rows with a year are compared with that year, one by one.
            undated = {row.code for row in part.rows if not row.year}
            last = year_start(request.years[-1])
            others, what, fewest = {code for code in ccgs & undated if known.opened(code) > last}, "later CCGs", 0
    else:
        return ""
    if len(others) < max(_FEWEST, fewest):
        return ""
    return f"{len(others):,} of its {counted(len(codes), 'code')} are those of {what}, such as {min(others)}"
