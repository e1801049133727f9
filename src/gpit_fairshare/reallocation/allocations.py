"""The file of allocations: which of its tables is meant, and whether it is of the year that is asked for."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

from gpit_fairshare.errors import GpitError, UsageError
from gpit_fairshare.inputs.columns.cells import parse_year
from gpit_fairshare.inputs.files.reading import split_sheet
from gpit_fairshare.results.reading import open_result
from gpit_fairshare.words import joined

if TYPE_CHECKING:
    from collections.abc import Iterable

_BOOK: Final = ".xlsx"
_YEAR_INSIDE: Final = re.compile(r"(?<![0-9])[0-9]{4}[-/](?:[0-9]{4}|[0-9]{2})(?![0-9])")


def asked_year(asked: str | None) -> str | None:
    """Return the year of `--year` as `2014/15`; None if it is not given.

    Raises:
        UsageError: It is no financial year.
    """
    year = parse_year(asked)
    if asked is not None and year is None:
        raise UsageError(f"--year {asked}: is not a financial year; write it as 2014/15")
    return year


def sheet_of_year(allocation: str, year: str | None) -> tuple[str, str | None]:
    """Return the file of allocations with the sheet that is meant, and the year where that settles it.

    A workbook of `gpit allocate` has a sheet for each year with all steps, whose rows do not say the year. Any
    other file is returned as it was named.

    Args:
        allocation: `FILE` or `FILE:SHEET`.
        year: The year that is asked for, if any.

    Raises:
        UsageError: The sheet is of another year or of none, or the workbook leaves open which year is meant.
    """
    name, sheet = split_sheet(allocation)
    years = _years_of_book(Path(name))
    if not years:
        return allocation, year
    sheets = {one.replace("/", "-"): one for one in years}
    if sheet and sheet.strip() not in sheets:
        raise UsageError(
            f"{allocation}: gpit wrote this workbook, and its allocations are read from the sheet of a year, "
            f"{joined(list(sheets))}; give --allocation {name} --year {year if year in years else years[0]}, "
            "or a sheet of your own in a file of its own"
        )
    if not sheet and year is None and len(years) > 1:
        raise UsageError(f"{name} has {joined(years)}; say which year is meant with --year {years[0]}")
    meant = sheets[sheet.strip()] if sheet else year or years[0]
    if meant not in years or year not in (None, meant):
        there = f"that is the sheet of {meant}" if sheet else f"the workbook has {joined(years)}"
        raise UsageError(
            f"{allocation}: {there}, and --year is {year}; "
            f"give --allocation {name} with --year {year if year in years else years[0]}"
        )
    return f"{name}:{meant.replace('/', '-')}", meant


def _years_of_book(path: Path) -> list[str]:
    """Return the years of a workbook that gpit wrote; none for any other file, and one that cannot be read."""
    if path.suffix.lower() != _BOOK or not path.is_file():
        return []
    try:
        years = open_result(path).manifest["definition"]["years"]
        return [str(year) for year in years]
    except (GpitError, KeyError, TypeError):  # a workbook of anybody's: the run says what is wrong with it, if anything
        return []


def check_said(allocation: str, year: str, texts: Iterable[str]) -> None:
    """Refuse allocations whose rows have no year and whose sheet's name or title says another one.

    Args:
        allocation: The file, for the message.
        year: The year of the run.
        texts: Name of the sheet, and what stands above the table.

    Raises:
        UsageError: A text names years, and this is none of them.
    """
    for text in texts:
        said = [found for one in _YEAR_INSIDE.findall(text) if (found := parse_year(one))]
        if said and year not in said:
            raise UsageError(
                f"{allocation}: says '{text}', and the year of the run is {year}; give --year {said[0]} or the file of "
                f"{year}, or, if the figures are those of {year}, add a column year that says so"
            )
