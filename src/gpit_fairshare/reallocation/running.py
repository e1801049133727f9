"""Forecast underspends of a year, given to others: the scheme `reallocate` over a table of allocations.

The rule is the scheme's. Here the options of a run get the names of its parameters, and the table that
`gpit allocate` wrote is read as the current allocations.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gpit_fairshare.allocation import allocate, reading
from gpit_fairshare.errors import InputError, UsageError
from gpit_fairshare.inputs.checked_tables import inspect_inputs
from gpit_fairshare.inputs.columns.cells import EVERY_YEAR
from gpit_fairshare.inputs.model import Request
from gpit_fairshare.reallocation.allocations import asked_year, check_said, sheet_of_year
from gpit_fairshare.run_options import MEGABYTES, RunOptions, listed
from gpit_fairshare.words import joined, nearest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

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
    table, asked = sheet_of_year(str(allocation), asked_year(year))
    read = RunOptions(population=table, inputs=files, mapping=mapping, units=units, max_size=max_size)
    years, headings, titles = _look(read)
    meant = _year(asked, years)
    if not years:
        check_said(table, meant, titles)
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
