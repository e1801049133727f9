"""Forecast underspends of a year, given to others: the scheme `reallocate` over a table of allocations.

The rule is the scheme's. Here the options of a run get the names of its parameters, the sheet of the year is chosen,
and the table that `gpit allocate` wrote is read as the current allocations. Then what becomes of each allocation is
said in one sentence, for the letters that go out.
"""

from __future__ import annotations

import re
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from gpit_fairshare.allocation import allocate, reading
from gpit_fairshare.errors import GpitError, InputError, UsageError
from gpit_fairshare.inputs.checked_tables import inspect_inputs
from gpit_fairshare.inputs.columns.cells import EVERY_YEAR, parse_year
from gpit_fairshare.inputs.files.reading import split_sheet
from gpit_fairshare.inputs.model import Request
from gpit_fairshare.numbers import figure
from gpit_fairshare.results.reading import open_result
from gpit_fairshare.results.writing import rows_as_csv
from gpit_fairshare.run_options import MEGABYTES, RunOptions, listed
from gpit_fairshare.words import joined, nearest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from gpit_fairshare.engine import Result

SCHEME: Final = "reallocate"
RECEIVERS: Final = {
    "pressures": "receive_pressures",
    "unmet-need": "receive_unmet_need",
    "everybody": "receive_everybody",
}
"""Word of `--receive` to the scheme's parameter, in the order in which they receive."""
CURRENT: Final = "current_allocation"
"""The scheme's name for the column `allocation` of a table."""
_MOVED: Final = ("recovered", "received", "adjustment_given", "adjustment_taken")
"""Columns of the money that is moved."""
_YEAR_INSIDE: Final = re.compile(r"(?<![0-9])[0-9]{4}[-/](?:[0-9]{4}|[0-9]{2})(?![0-9])")


def reallocate(  # noqa: PLR0913  # the options of `gpit reallocate`, all by name
    *,
    allocation: str | Path,
    forecast: str | Path,
    adjustments: str | Path | None = None,
    year: str | None = None,
    tolerance: float | str | None = None,
    recover: float | str | None = None,
    receive: Sequence[str] = (),
    settings: Mapping[str, float | str] | None = None,
    mapping: Mapping[str, str] | None = None,
    units: Mapping[str, str] | None = None,
    max_size: int = MEGABYTES,
    with_effects: bool = True,
) -> Result:
    """Recover forecast underspends of one year and give them out within it, by the library scheme `reallocate`.

    Args:
        allocation: The table or workbook that `gpit allocate` wrote, or any with `org_code` and `allocation`.
        forecast: A file with `org_code` and `forecast_outturn`.
        adjustments: A file with `org_code`, `amount` (below nil takes money away), `reason` and `approver`.
        year: The financial year; needed where the files have none or several.
        tolerance: Share of the allocation that a forecast may be under it; None leaves the scheme's.
        recover: Share of the underspend beyond the tolerance that is recovered; None leaves the scheme's.
        receive: Who receives: keys of `RECEIVERS`. Empty leaves it to the scheme.
        settings: Further parameter values for this run.
        mapping: Headings of the files that are not recognised: `{"Heading": "column"}`.
        units: Units of columns, as the user knows them: `{"Heading": "£m"}`.
        max_size: Megabytes that a file may hold, unpacked.
        with_effects: Whether to work out what hangs on each assumption.

    Returns:
        A `Result` of one year, whose answer is `revised_allocation`.

    Raises:
        GpitError: Something in the arguments or the files is wrong, or there is no answer.
    """
    files = [str(file) for file in (forecast, adjustments) if file is not None]
    chosen = _settings(tolerance, recover, receive, settings or {})
    table, asked = _sheet_of_year(str(allocation), _asked_year(year))
    read = RunOptions(population=table, inputs=files, mapping=mapping, units=units, max_size=max_size)
    years, headings, titles = _look(read)
    meant = _year(asked, years)
    if not years:
        _check_said(table, meant, titles)
    return allocate(
        population=table,
        inputs=files,
        scheme=SCHEME,
        settings=chosen,
        # What a user calls allocation or amount is that of the document, and goes by the scheme's name as well.
        mapping={**(mapping or {}), **_named(headings, mapping or {}, table, adjusted=adjustments is not None)},
        units=units,
        max_size=max_size,
        years=[meant],
        options={"": "--forecast", CURRENT: "--allocation"},
        with_effects=with_effects,
    )


def _settings(
    tolerance: float | str | None,
    recover: float | str | None,
    receive: Sequence[str],
    settings: Mapping[str, float | str],
) -> dict[str, float | str]:
    """Return the values for this run by parameter; what is said in two ways is refused.

    Raises:
        UsageError: `receive` names nobody that can receive, or a value is given twice.
    """
    options: dict[str, tuple[str, float | str]] = {}
    if tolerance is not None:
        options["tolerance"] = ("--tolerance", tolerance)
    if recover is not None:
        options["recovery_share"] = ("--recover", recover)
    for word in receive:
        if word not in RECEIVERS:
            raise UsageError(f"--receive {word}: expected {', '.join(RECEIVERS)}{nearest(word, RECEIVERS)}")
    if receive:
        options |= {name: ("--receive", str(int(word in receive))) for word, name in RECEIVERS.items()}
    for name in settings:
        parameter = name.partition("@")[0].strip()
        if parameter in options:
            raise UsageError(f"--set {name}: {options[parameter][0]} gives {parameter} already; give one of the two")
    return {**settings, **{name: value for name, (_, value) in options.items()}}


def _look(options: RunOptions) -> tuple[tuple[str, ...], list[dict[str, str]], list[str]]:
    """Return the years of the files, the heading of every column, and what is said above the allocations.

    The headings are those of each file, the allocations first.

    Other faults are left to the run itself, which knows what is needed.

    Raises:
        UsageError: A file cannot be found, or a heading that is to be mapped is in none.
        InputError: A file cannot be read, or its faults leave no year.
    """
    table, files = listed(options.population), listed(options.inputs)
    request, inputs, _ = inspect_inputs(Request(**reading(options, (table, [], files)), years=()))
    years = () if request.years == (EVERY_YEAR,) else request.years
    faulty = any(finding.level == "error" for finding in inputs.findings)
    if len(inputs.sources) <= len(files) or (faulty and not years):
        raise InputError(inputs.findings)
    first = inputs.sources[0]
    headings = [{column: heading for heading, column in one.matched} for one in inputs.sources]
    return years, headings, [text for text in (first.sheet, *first.titles) if text]


def _named(
    headings: Sequence[Mapping[str, str]], mapping: Mapping[str, str], allocation: str, *, adjusted: bool
) -> dict[str, str]:
    """Return the headings that are read under the scheme's names though the user says nothing of them.

    Raises:
        UsageError: The table is one of `gpit reallocate`.
    """
    table = headings[0]
    if "revised_allocation" in table:
        raise UsageError(
            f"{allocation}: has a column revised_allocation, so it is a table of gpit reallocate and holds the "
            "forecasts and adjustments of that run, which would count again; "
            "give a file with org_code, year and allocation"
        )
    found = {}
    if CURRENT not in {*mapping.values(), *table} and "allocation" in table:
        found[table["allocation"]] = CURRENT
    if adjusted and "adjustment" not in {*mapping.values(), *headings[-1]} and "amount" in headings[-1]:
        found[headings[-1]["amount"]] = "adjustment"
    return found


def _year(asked: str | None, years: Sequence[str]) -> str:
    """Return the year of the run.

    Raises:
        UsageError: It is not one of the files; or it is not said and the files leave it open.
    """
    if asked is not None:
        if years and asked not in years:
            raise UsageError(f"--year {asked}: the files have {joined(years)}")
        return asked
    if not years:
        raise UsageError("no file says its year; give it with --year, such as --year 2014/15")
    if len(years) > 1:
        raise UsageError(f"the files have {joined(years)}; say which year is meant with --year {years[0]}")
    return years[0]


def _asked_year(asked: str | None) -> str | None:
    """Return the year of `--year` as `2014/15`; None if it is not given.

    Raises:
        UsageError: It is no financial year.
    """
    year = parse_year(asked)
    if asked is not None and year is None:
        raise UsageError(f"--year {asked}: is not a financial year; write it as 2014/15")
    return year


def _sheet_of_year(allocation: str, year: str | None) -> tuple[str, str | None]:
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
    if path.suffix.lower() != ".xlsx" or not path.is_file():
        return []
    try:
        return [str(year) for year in open_result(path).manifest["definition"]["years"]]
    except (GpitError, KeyError, TypeError):  # a workbook of anybody's: the run says what is wrong with it, if anything
        return []


def _check_said(allocation: str, year: str, texts: Iterable[str]) -> None:
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


# What it changes, for letters -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class AllocationChange:
    """What becomes of one organisation's allocation: £, those that are recovered or received above nil."""

    year: str
    org_code: str
    org_name: str
    allocation_before: float
    forecast_outturn: float
    recovered: float
    received: float
    adjustment: float
    """Below nil where it takes money away."""
    reason: str
    approver: str
    change: float
    allocation_after: float
    sentence: str
    """One plain sentence for the letter."""
    basis: str
    """What the files say of themselves if their figures are illustrative; else empty."""


HEADINGS: Final = tuple(field.name for field in fields(AllocationChange))


def changes(result: Result) -> list[AllocationChange]:
    """Return what becomes of each organisation that money moves for, by code; for the others nothing changes."""
    basis = " ".join(result.inputs.illustrative)
    return [_change(row, basis) for row in result.rows.iter_rows(named=True) if any(row[name] for name in _MOVED)]


def _change(row: Mapping[str, Any], basis: str) -> AllocationChange:
    return AllocationChange(
        year=row["year"],
        org_code=row["org_code"],
        org_name=row["org_name"] or "",
        allocation_before=row["current_allocation"],
        forecast_outturn=row["forecast_outturn"],
        recovered=row["recovered"],
        received=row["received"],
        adjustment=row["adjustment_given"] - row["adjustment_taken"],
        reason=row["reason"] or "",
        approver=row["approver"] or "",
        change=row["change"],
        allocation_after=row["revised_allocation"],
        sentence=_sentence(row),
        basis=basis,
    )


def _sentence(row: Mapping[str, Any]) -> str:
    """Say how the allocation changes, and what it is made of."""
    before, after = (figure(row[name], "£") for name in ("current_allocation", "revised_allocation"))
    how = f"changes from {before} to {after}" if row["change"] else f"stays at {after}"
    return f"Your allocation for {row['year']} {how}: {joined(list(_reasons(row)))}."


def _reasons(row: Mapping[str, Any]) -> Iterator[str]:
    approved = f"({row['reason']}; approved by {row['approver']})"
    for name, said in (
        ("recovered", "of forecast underspend is recovered"),
        ("adjustment_taken", f"is taken away by adjustment {approved}"),
        ("adjustment_given", f"is added by adjustment {approved}"),
        ("received_for_pressures", "is added for your forecast pressure"),
        ("received_for_unmet_need", "is added for your unmet transition need"),
        ("received_by_fair_share", "is added as your share of what was left"),
    ):
        if row[name]:
            yield f"{figure(row[name], '£')} {said}"


def letters_csv(found: Sequence[AllocationChange]) -> str:
    r"""Return the changes as CSV with `\n`; a text that a spreadsheet would run has an apostrophe in front."""
    return rows_as_csv([HEADINGS, *map(astuple, found)], lambda amount: f"{amount:.2f}".removesuffix(".00"))
