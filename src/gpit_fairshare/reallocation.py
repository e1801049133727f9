"""Gives forecast underspends of a year to other organisations, by the scheme `reallocate`.

The scheme has the rule. This module translates the options to its parameters, chooses the sheet of the year, and
reads the result of `gpit allocate` as the current allocations. It also writes a sentence on each changed allocation,
for letters.
"""

from __future__ import annotations

import re
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from gpit_fairshare.allocation import allocate, reading
from gpit_fairshare.errors import GpitError, InputError, UsageError
from gpit_fairshare.inputs.checked_tables import inspect_inputs
from gpit_fairshare.inputs.columns.cells import EVERY_YEAR
from gpit_fairshare.inputs.files.reading import split_sheet
from gpit_fairshare.inputs.model import Request
from gpit_fairshare.numbers import figure
from gpit_fairshare.results.reading import open_result
from gpit_fairshare.results.writing import rows_as_csv
from gpit_fairshare.run_options import MEGABYTES, DataFrame, InputFrame, RunOptions, listed
from gpit_fairshare.words import joined, nearest, parse_year

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
"""Columns of moved money."""
_YEAR_INSIDE: Final = re.compile(r"(?<![0-9])[0-9]{4}[-/](?:[0-9]{4}|[0-9]{2})(?![0-9])")


def reallocate(  # noqa: PLR0913  # the options of `gpit reallocate`, all by name
    *,
    allocation: str | Path | DataFrame,
    forecast: str | Path | DataFrame,
    adjustments: str | Path | DataFrame | None = None,
    year: str | None = None,
    tolerance: float | str | None = None,
    recover: float | str | None = None,
    receive: str | Sequence[str] = (),
    settings: Mapping[str, float | str] | None = None,
    mapping: Mapping[str, str] | None = None,
    units: Mapping[str, str] | None = None,
    max_size: int = MEGABYTES,
    with_effects: bool = True,
) -> Result:
    """Recover forecast underspends of one year and give them out within it, by the library scheme `reallocate`.

    If the allocations are a workbook of gpit, its sheet of the year is read.

    Args:
        allocation: A result of `gpit allocate`, or any table with `org_code` and `allocation`. Here and below, a file
            may also be a DataFrame of Polars or pandas, such as the `rows` of a Result.
        forecast: A file with `org_code` and `forecast_outturn`.
        adjustments: A file with `org_code`, `amount` (negative takes money away), `reason` and `approver`.
        year: The financial year; required if the files have no year or several.
        tolerance: Share of the allocation that may stay unspent; None uses the scheme's.
        recover: Share of the underspend above the tolerance to recover; None uses the scheme's.
        receive: Who receives: `pressures`, `unmet-need` or `everybody`, or several; if empty, the scheme decides.
        settings: Further parameter values for this run.
        mapping: Headings of the files that are not recognised: `{"Heading": "column"}`.
        units: Units of columns, where the user knows them: `{"Heading": "£m"}`.
        max_size: Largest file to read, in megabytes after unpacking.
        with_effects: Whether to calculate how much the result depends on each assumption.

    Returns:
        A `Result` of one year; its main column is `revised_allocation`.

    Raises:
        GpitError: Something in the arguments or the files is wrong, or there is no result.
    """  # noqa: DOC502 - raised by what it calls
    files = [_source_of(forecast, "forecast")]
    files += [] if adjustments is None else [_source_of(adjustments, "adjustments")]
    chosen = _settings_of_run(tolerance, recover, receive, settings or {})
    table, asked = _sheet_of_year(_source_of(allocation, "allocation"), _asked_year(year))
    options = RunOptions(population=table, inputs=files, mapping=mapping, units=units, max_size=max_size)
    years, headings, titles = _inspect_files(options)
    run_year = _year_of_run(asked, years)
    if not years:
        _check_year_in_titles(table, run_year, titles)
    return allocate(
        population=table,
        inputs=files,
        scheme=SCHEME,
        settings=chosen,
        # The columns allocation and amount of the files get the names of the scheme.
        mapping={**(mapping or {}), **_default_map(headings, mapping or {}, table, adjusted=adjustments is not None)},
        units=units,
        max_size=max_size,
        years=[run_year],
        options={"": "--forecast", CURRENT: "--allocation"},
        with_effects=with_effects,
    )


def _source_of(file: str | Path | DataFrame, argument: str) -> str | InputFrame:
    """Return the one file or frame that an argument gives: a path as text, a frame with its name.

    Raises:
        UsageError: It gives none, or several.
    """
    sources = listed(file, argument)
    if len(sources) != 1:
        raise UsageError(f"{argument}: expected one file or frame, found {len(sources)}")
    return sources[0]


def _settings_of_run(
    tolerance: float | str | None,
    recover: float | str | None,
    receive: Sequence[str],
    settings: Mapping[str, float | str],
) -> dict[str, float | str]:
    """Return the values for this run by parameter: the options translated to parameters, and further `settings`.

    If `receive` names any receiver, the parameters of all receivers are set: 1 for those named, 0 for the others.

    Raises:
        UsageError: `receive` has an unknown word, or a value is given twice.
    """
    options: dict[str, tuple[str, float | str]] = {}
    if tolerance is not None:
        options["tolerance"] = ("--tolerance", tolerance)
    if recover is not None:
        options["recovery_share"] = ("--recover", recover)
    receive = [receive] if isinstance(receive, str) else receive
    for word in receive:
        if word not in RECEIVERS:
            raise UsageError(f"--receive {word}: expected {', '.join(RECEIVERS)}{nearest(word, RECEIVERS)}")
    if receive:
        options |= {name: ("--receive", str(int(word in receive))) for word, name in RECEIVERS.items()}
    for name in settings:
        parameter = name.partition("@")[0].strip()
        if parameter in options:
            raise UsageError(f"--set {name}: {options[parameter][0]} gives {parameter} already; give only one of them")
    return {**settings, **{name: value for name, (_, value) in options.items()}}


def _inspect_files(options: RunOptions) -> tuple[tuple[str, ...], list[dict[str, str]], list[str]]:
    """Return the years of the files, the headings by column of each file, and the titles above the allocations.

    The file of allocations comes first. Its titles begin with the name of its sheet, if any. There are no years if no
    row has one. Other errors are left to the run itself, which knows what it needs.

    Raises:
        InputError: A file cannot be read, or its errors leave no year.
    """
    table, files = listed(options.population, "population"), listed(options.inputs, "inputs")
    request, inputs, _ = inspect_inputs(Request(**reading(options, (table, [], files)), years=()))
    years = () if request.years == (EVERY_YEAR,) else request.years
    faulty = any(finding.level == "error" for finding in inputs.findings)
    if len(inputs.sources) <= len(files) or (faulty and not years):
        raise InputError(inputs.findings)
    allocations = inputs.sources[0]
    headings = [{column: heading for heading, column in source.matched} for source in inputs.sources]
    return years, headings, [text for text in (allocations.sheet, *allocations.titles) if text]


def _default_map(
    headings: Sequence[Mapping[str, str]], mapping: Mapping[str, str], allocation: str | InputFrame, *, adjusted: bool
) -> dict[str, str]:
    """Return the headings of allocations and adjustments that are mapped to the scheme's names without `--map`.

    `allocation` and `amount` are mapped, unless a heading or `--map` already gives the scheme's own name.

    Args:
        headings: The headings by column of each file: first the allocations, last the adjustments, if any.
        mapping: The headings that the user maps.
        allocation: The file of allocations, for the message.
        adjusted: Whether there is a file of adjustments.

    Raises:
        UsageError: The table was written by `gpit reallocate`.
    """
    table = headings[0]
    if "revised_allocation" in table:
        raise UsageError(
            f"{allocation}: is a table of gpit reallocate (it has a column revised_allocation), so its forecasts and "
            "adjustments would count twice; give a file with org_code, year and allocation"
        )
    mapped_headings = {}
    if CURRENT not in {*mapping.values(), *table} and "allocation" in table:
        mapped_headings[table["allocation"]] = CURRENT
    if adjusted and "adjustment" not in {*mapping.values(), *headings[-1]} and "amount" in headings[-1]:
        mapped_headings[headings[-1]["amount"]] = "adjustment"
    return mapped_headings


def _year_of_run(asked: str | None, years: Sequence[str]) -> str:
    """Return the year of the run: that of `--year` (`asked`), else the only year of the files.

    If the files have no year, any year may be asked for.

    Raises:
        UsageError: The files do not have it; or it is not given, and the files have none or several.
    """
    if asked is not None:
        if years and asked not in years:
            raise UsageError(f"--year {asked}: the files have {joined(years)}")
        return asked
    if not years:
        raise UsageError("no file has a year; give it with --year, such as --year 2014/15")
    if len(years) > 1:
        raise UsageError(f"the files have {joined(years)}; choose one, such as --year {years[0]}")
    return years[0]


def _asked_year(asked: str | None) -> str | None:
    """Return the year of `--year` as `2014/15`; None if it is not given.

    Raises:
        UsageError: It is not a financial year.
    """
    year = parse_year(asked)
    if asked is not None and year is None:
        raise UsageError(f"--year {asked}: is not a financial year; write it as 2014/15")
    return year


def _sheet_of_year(allocation: str | InputFrame, year: str | None) -> tuple[str | InputFrame, str | None]:
    """Return the file of allocations with its sheet (`FILE:SHEET`), and the year of that sheet.

    A workbook of `gpit allocate` has a sheet for each year with all steps, whose rows have no year. The sheet named,
    that of `year`, or the only one is chosen. Any other file is returned as it was named, with `year`.

    Args:
        allocation: `FILE`, `FILE:SHEET` or a frame.
        year: The year of --year, if any.

    Raises:
        UsageError: The sheet is of another year or of none, or the workbook has several years and none is given.
    """
    if isinstance(allocation, InputFrame):
        return allocation, year
    name, sheet = split_sheet(allocation)
    years = _years_of_book(Path(name))
    if not years:
        return allocation, year
    sheets = {year_in_book.replace("/", "-"): year_in_book for year_in_book in years}
    if sheet and sheet.strip() not in sheets:
        raise UsageError(
            f"{allocation}: this is a workbook of gpit, so allocations are read from its sheet of a year, "
            f"{joined(list(sheets), 'or')}; give --allocation {name} --year {year if year in years else years[0]}, "
            "or put your own sheet in a separate file"
        )
    if not sheet and year is None and len(years) > 1:
        raise UsageError(f"{name} has {joined(years)}; choose one, such as --year {years[0]}")
    sheet_year = sheets[sheet.strip()] if sheet else year or years[0]
    if sheet_year not in years or year not in (None, sheet_year):
        conflict = f"this is the sheet of {sheet_year}" if sheet else f"the workbook has {joined(years)}"
        raise UsageError(
            f"{allocation}: {conflict}, but --year is {year}; "
            f"give --allocation {name} with --year {year if year in years else years[0]}"
        )
    return f"{name}:{sheet_year.replace('/', '-')}", sheet_year


def _years_of_book(path: Path) -> list[str]:
    """Return the years of a workbook that gpit wrote; empty for any other file, or if it cannot be read."""
    if path.suffix.lower() != ".xlsx" or not path.is_file():
        return []
    try:
        return [str(year) for year in open_result(path).manifest["definition"]["years"]]
    except (GpitError, KeyError, TypeError):  # not a workbook of gpit: the run reports any problem
        return []


def _check_year_in_titles(allocation: str | InputFrame, year: str, texts: Iterable[str]) -> None:
    """Refuse allocations without years in their rows if the name of the sheet or a title names another year.

    Args:
        allocation: The file, for the message.
        year: The year of the run.
        texts: Name of the sheet, and the titles above the table.

    Raises:
        UsageError: A text names years, and the year of the run is not among them.
    """
    for text in texts:
        named_years = [named for part in _YEAR_INSIDE.findall(text) if (named := parse_year(part))]
        if named_years and year not in named_years:
            raise UsageError(
                f"{allocation}: says '{text}', but the year of the run is {year}; give --year {named_years[0]} or the "
                f"file of {year}, or add a column year if the figures are for {year}"
            )


# Changes, for letters -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class AllocationChange:
    """The change of one organisation's allocation in £; recovered and received money is positive."""

    year: str
    org_code: str
    org_name: str
    allocation_before: float
    forecast_outturn: float
    recovered: float
    received: float
    adjustment: float
    """Negative if it takes money away."""
    reason: str
    approver: str
    change: float
    allocation_after: float
    sentence: str
    """One plain sentence for the letter."""
    basis: str
    """The note about values without a source, and illustrative figures in the files; else empty."""


HEADINGS: Final = tuple(field.name for field in fields(AllocationChange))


def changes(result: Result) -> list[AllocationChange]:
    """Return the changes of organisations whose money moves, by code; organisations without a change are left out."""
    basis = " ".join(filter(None, (result.scheme.draft_warning, *result.inputs.illustrative)))
    return [_change(row, basis) for row in result.rows.iter_rows(named=True) if any(row[name] for name in _MOVED)]


def _change(row: Mapping[str, Any], basis: str) -> AllocationChange:
    """Return the change of one organisation's allocation from its row of the result."""
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
    """Return a sentence on how the allocation changes, and why."""
    before, after = (figure(row[name], "£") for name in ("current_allocation", "revised_allocation"))
    how = f"changes from {before} to {after}" if row["change"] else f"stays at {after}"
    return f"Your allocation for {row['year']} {how}: {joined(list(_reasons(row)))}."


def _reasons(row: Mapping[str, Any]) -> Iterator[str]:
    """Yield a phrase with the amount for each reason why an allocation changes."""
    approved = f"({row['reason']}; approved by {row['approver']})"
    for name, phrase in (
        ("recovered", "of forecast underspend is recovered"),
        ("adjustment_taken", f"is taken away by an adjustment {approved}"),
        ("adjustment_given", f"is added by an adjustment {approved}"),
        ("received_for_pressures", "is added for your forecast pressure"),
        ("received_for_unmet_need", "is added for your unmet transition need"),
        ("received_by_fair_share", "is added as your share of what was left"),
    ):
        if row[name]:
            yield f"{figure(row[name], '£')} {phrase}"


def letters_csv(rows: Sequence[AllocationChange]) -> str:
    r"""Return the changes as CSV with `\n`; an apostrophe keeps a spreadsheet from running a text as a formula.

    Amounts have two decimals, or none if they are whole pounds.
    """
    return rows_as_csv([HEADINGS, *map(astuple, rows)], lambda amount: f"{amount:.2f}".removesuffix(".00"))
