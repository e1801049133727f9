"""A sweep as a workbook: the scenarios, the organisations, the impossible scenarios, and what it was made of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import polars as pl

from gpit_fairshare.errors import UsageError
from gpit_fairshare.reports.allocation_opening import cautions_of
from gpit_fairshare.workbook.layout import number_format
from gpit_fairshare.workbook.sheets import FIRST_ROW, NO_ROWS, NOT_APPLICABLE, ROW, Prose, Sheet, letter
from gpit_fairshare.workbook.writing import write_sheets

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from gpit_fairshare.reports.sweep import SweepReport

_WIDE: Final = 50
"""Most scenarios that have columns of their own on the sheet Organisations."""
_MOST_ROWS: Final = 1_048_576 - FIRST_ROW
_EXPLAINED: Final = f"{NOT_APPLICABLE} = not applicable."
_FORMATS: Final = {
    "unspent": "£",
    "largest_loss": "£",
    "lowest_per_head": "£ per head",
    "highest_per_head": "£ per head",
    "scenario": "count",
    "scenarios": "count",
}


def write_sweep_workbook(report: SweepReport, path: Path, advance: Callable[[int, int], None]) -> None:
    """Write a sweep as a workbook: Scenarios, Organisations, Impossible and About.

    `advance` is called with the number of cells done and of all cells.

    Raises:
        UsageError: There are more rows than a sheet can have.
    """
    frame = report.sweep.frame
    if frame.height > _MOST_ROWS:
        raise UsageError(
            f"{path.name}: {frame.height:,} rows are more than a sheet can have; write .csv or .parquet instead"
        )
    caution = " ".join(paragraph.text for paragraph in cautions_of(report.scheme, report.inputs, full=False))
    note = f"{caution} {_EXPLAINED}".strip()
    scenarios = Sheet("Scenarios", "Every scenario in every year", note, frozen=1)
    possible = pl.when(pl.col("impossible").is_null()).then(pl.lit("yes")).otherwise(pl.lit("no, see Impossible"))
    _add_frame(report, scenarios, frame.with_columns(possible.alias("possible")).drop("impossible"))
    sheets = [scenarios, _organisations(report, note), _impossible(report), _about(report, caution)]
    properties = {"title": f"Scenarios of {report.scheme.name}", "keywords": "NHS, allocations, scenarios"}
    write_sheets(path, sheets, properties, advance)


def _add_frame(report: SweepReport, sheet: Sheet, frame: pl.DataFrame) -> None:
    """Add the columns of a frame to a sheet, each in the number format of its unit."""
    for name in frame.columns:
        values = frame[name].to_list()
        is_text = frame.schema[name] == pl.String
        number = "number" if is_text else _FORMATS.get(name) or number_format(_unit(report, name), values)
        width = 30 if name == "org_name" else 16
        sheet.add_column(_heading(name), width, [_cell(value) for value in values], None, number)


def _unit(report: SweepReport, name: str) -> str | None:
    """Return the unit of a column of a frame; None if it has none."""
    scheme = report.scheme
    symbol = scheme.symbols.get(name.partition("@")[0])
    of_result = (
        name in ("allocated", "base", "difference") or name.startswith("p0") or name in ("p25", "p50", "p75", "p95")
    )
    return scheme.symbols[scheme.result].unit if of_result else symbol.unit if symbol else None


def _heading(name: str) -> str:
    """Return a column's name as a heading: `Largest loss`."""
    text = name.replace("_", " ").replace("@", " ")
    return f"{text[:1].upper()}{text[1:]}"


def _cell(value: Any) -> Any:
    """Return a value for a cell, with a mark in place of a missing one."""
    return NOT_APPLICABLE if value is None else value


def _organisations(report: SweepReport, note: str) -> Sheet:
    """Return the sheet of organisations: two columns for each scenario, or quantiles if there are many."""
    sweep = report.sweep
    sheet = Sheet("Organisations", "Every organisation, the base run first", note, frozen=3)
    if report.is_drawn or sweep.count > _WIDE:
        sheet.title = "Every organisation: the base run, and quantiles over the possible scenarios"
        _add_frame(report, sheet, sweep.quantiles)
        return sheet
    rules = report.rules
    keys = [
        (year, code, name)
        for year in report.scheme.years
        for code, name in zip(rules[0].codes(year), rules[0].names(year), strict=True)
    ]
    unit = report.scheme.symbols[report.scheme.result].unit
    for heading, width, position in (("Year", 9, 0), ("Code", 9, 1), ("Name", 32, 2)):
        sheet.add_column(heading, width, [_cell(key[position]) for key in keys])
    base = {year: rules[0].base_results(year).tolist() for year in report.scheme.years}
    bases = [_of_float(value) for year in report.scheme.years for value in base[year]]
    number = number_format(unit, bases)
    base_column = letter(sheet.add_column("Base", 14, bases, None, number))
    for scenario in range(1, sweep.count + 1):
        rule, place = report.located(scenario)
        results: dict[tuple[str, str], float] = {}
        for year in report.scheme.years:
            of_year = rule.results[year][place].tolist()
            results |= {(year, code): value for code, value in zip(rule.codes(year), of_year, strict=True)}
        values = [_of_float(results.get((year, code), float("nan"))) for year, code, _ in keys]
        identity = f"Scenario {': '.join(filter(None, (str(scenario), ', '.join(report.identity(scenario)[1:]))))}"
        column = letter(sheet.add_column(identity, 14, values, None, number))
        differences = [
            value - start if NOT_APPLICABLE not in (value, start) else NOT_APPLICABLE
            for value, start in zip(values, bases, strict=True)
        ]
        difference = f"{column}{ROW}-{base_column}{ROW}"
        formula = f'IF(ISNUMBER({difference}),{difference},"{NOT_APPLICABLE}")'
        signed = {"£": "change", "pence": "change per head"}.get(number, number)
        sheet.add_column(f"Scenario {scenario} less base", 14, differences, formula, signed)
    return sheet


def _of_float(value: float) -> Any:
    """Return a number for a cell, with a mark in place of NaN."""
    return value if value == value else NOT_APPLICABLE  # noqa: PLR0124  # only NaN differs from itself


def _impossible(report: SweepReport) -> Sheet:
    """Return the sheet of impossible scenarios with their reasons."""
    sheet = Sheet("Impossible", "Scenarios without a result, and why", "", frozen=1)
    varied = [*report.rule_keys, *report.keys]
    names = ["Name"] if report.rules[0].variations.names else []
    headings = [(heading, 16) for heading in ("Scenario", *names, *map(_heading, varied), "Year")]
    sheet.add_headings((*headings, ("Step", 30), ("Reason", Prose(60))))
    rows = [
        (*report.identity(number), reason.year, reason.where, reason.reason) for number, reason in report.impossible()
    ]
    sheet.fill_rows(rows or [[NO_ROWS] * len(sheet.headings)])
    return sheet


def _about(report: SweepReport, caution: str) -> Sheet:
    """Return the sheet with the cautions, the notes on draws, and the manifest."""
    sheet = Sheet("About", f"Scenarios of {report.scheme.title}", "")
    sheet.add_headings((("Item", 34), ("Value", Prose(90))))
    counts = f"{report.sweep.count:,}, of which {report.sweep.impossible_count:,} impossible"
    notes = dict.fromkeys(note for rule in report.rules for note in rule.variations.notes)
    rows = [("Scenarios", counts), *([("Caution", caution)] if caution else []), *(("Note", note) for note in notes)]
    sheet.fill_rows([*rows, *_entries(report.sweep.manifest)])
    return sheet


def _entries(manifest: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Yield every entry of a manifest, those inside another with its name in front."""
    for key, value in manifest.items():
        name = f"{prefix}{key}"
        if isinstance(value, dict):
            yield from _entries(value, f"{name} ")
        elif isinstance(value, list) and any(isinstance(entry, dict) for entry in value):
            for index, entry in enumerate(value, 1):
                yield from _entries(entry, f"{name} {index} ")
        else:
            yield (
                name,
                ", ".join(map(str, value)) if isinstance(value, list) else "none" if value is None else str(value),
            )
