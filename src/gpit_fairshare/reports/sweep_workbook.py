"""A sweep as a workbook: the scenarios, the organisations, the impossible scenarios, and what it was made of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import polars as pl

from gpit_fairshare.errors import UsageError
from gpit_fairshare.reports.sweep import PERCENT, in_words
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
_HEADINGS: Final = {"org_code": "Code", "org_name": "Name", **PERCENT}
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
        raise UsageError(f".xlsx: a sheet cannot have {frame.height:,} rows; write .csv or .parquet instead")
    caution = " ".join(paragraph.text for paragraph in report.cautions(full=False))
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
        sheet.add_column(_HEADINGS.get(name) or in_words(name), width, [_cell(value) for value in values], None, number)


def _unit(report: SweepReport, name: str) -> str | None:
    """Return the unit of a column of a frame; None if it has none."""
    if name in ("allocated", "base", *PERCENT):
        return report.scheme.symbols[report.scheme.result].unit
    symbol_name = name.rpartition(": ")[2].partition("@")[0]  # `step: lose`, `revenue_budget@2015/16`
    symbols = (rule.scheme.symbols.get(symbol_name) for rule in report.rules)  # each rule has its own steps
    return next((symbol.unit for symbol in symbols if symbol), None)


def _cell(value: Any) -> Any:
    """Return a value for a cell, with a mark in place of a missing one."""
    return NOT_APPLICABLE if value is None else value


def _organisations(report: SweepReport, note: str) -> Sheet:
    """Return the sheet of organisations: two columns for each possible scenario, or quantiles if there are many."""
    numbers = report.possible()
    if report.is_drawn or len(numbers) > _WIDE:
        title = "Every organisation: the base run, and quantiles over the possible scenarios"
        sheet = Sheet("Organisations", title, note, frozen=3)
        _add_frame(report, sheet, report.sweep.quantiles)
        return sheet
    sheet = Sheet("Organisations", "Every organisation in the base run and each possible scenario", note, frozen=3)
    base = report.sweep.quantiles.select("year", "org_code", "org_name", "base").unique(maintain_order=True)
    _add_frame(report, sheet, base)
    bases = base["base"].to_list()
    base_column = letter(len(sheet.headings))
    for number in numbers:
        rule, place = report.located(number)
        results = {
            (year, code): value
            for year in report.scheme.years
            for code, value in zip(rule.codes(year), rule.results[year][place].tolist(), strict=True)
        }
        values = [results.get(key) for key in base.select("year", "org_code").iter_rows()]
        texts = ", ".join(report.identity(number)[1:])
        identity = f"Scenario {number}: {texts}" if texts else f"Scenario {number}"
        look = number_format(report.scheme.symbols[report.scheme.result].unit, values)
        column = letter(sheet.add_column(identity, 16, [*map(_cell, values)], None, look))
        if report.base:
            pairs = zip(values, bases, strict=True)
            differences = [None if None in pair else pair[0] - pair[1] for pair in pairs]
            difference = f"{column}{ROW}-{base_column}{ROW}"
            formula = f'IF(ISNUMBER({difference}),{difference},"{NOT_APPLICABLE}")'
            signed = {"£": "change", "pence": "change per head"}.get(look, look)
            sheet.add_column(f"Scenario {number} less base", 14, [*map(_cell, differences)], formula, signed)
    return sheet


def _impossible(report: SweepReport) -> Sheet:
    """Return the sheet of impossible scenarios with their reasons."""
    sheet = Sheet("Impossible", "Scenarios without a result, and why", "", frozen=1)
    varied = [*report.rule_keys, *report.keys]
    names = ["Name"] if report.rules[0].scenarios.names else []
    headings = [(heading, 16) for heading in ("Scenario", *names, *map(in_words, varied), "Year")]
    sheet.add_headings((*headings, ("Where", 30), ("Reason", Prose(60))))
    rows = [
        (*report.identity(number), reason.year, reason.where, reason.reason) for number, reason in report.impossible()
    ]
    sheet.fill_rows(rows or [[NO_ROWS] * len(sheet.headings)])
    return sheet


def _about(report: SweepReport, caution: str) -> Sheet:
    """Return the sheet with the cautions, the notes on draws, and the manifest."""
    sheet = Sheet("About", f"Scenarios of {report.subject}", "")
    sheet.add_headings((("Item", 34), ("Value", Prose(90))))
    counts = f"{report.sweep.count:,}, of which {report.sweep.impossible_count:,} impossible"
    notes = dict.fromkeys(note for rule in report.rules for note in rule.scenarios.notes)
    rows = [("Scenarios", counts), *([("Caution", caution)] if caution else []), *(("Note", note) for note in notes)]
    sheet.fill_rows([*rows, *_entries(report.sweep.manifest)])
    return sheet


def _entries(manifest: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Yield every entry of a manifest as texts, those inside another with its name in front."""
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
