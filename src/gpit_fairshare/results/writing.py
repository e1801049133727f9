"""Write a Result as CSV, Parquet, JSON or a workbook, and the manifest of a table."""

from __future__ import annotations

import csv
import hashlib
import io
import re
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

import polars as pl

from gpit_fairshare.structured_texts import json_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    from gpit_fairshare.engine import Result
    from gpit_fairshare.engine.measures import YearMeasures

JSON_SCHEMA: Final = "gpit-allocation/1"
MANIFEST_SCHEMA: Final = "gpit-table-manifest/1"
FORMULA_STARTS: Final = ("=", "+", "-", "@", "\t", "\r")
"""A CSV file has an apostrophe before a text that begins with one of these, so that no spreadsheet runs it."""

_FIGURE: Final = re.compile(r"[+-](£[0-9][0-9,]*(\.[0-9]+)?|[0-9][0-9,]*(\.[0-9]+)?%)")
"""A change with its sign and unit, which a spreadsheet reads as a number: -£75,000, +3.5%."""


def write_result(result: Result, path: Path, ending: str, advance: Callable[[int, int], None]) -> None:
    """Write a result to a file of the kind that `ending` says: .xlsx, .json, .csv or .parquet.

    Only for a workbook is `advance` called: with the number of cells done and of all cells.
    """
    if ending == ".xlsx":
        from gpit_fairshare.workbook.result_workbook import write_workbook  # noqa: PLC0415  # XlsxWriter loads only for a workbook

        write_workbook(result, path, advance)
    else:
        {".json": write_json, ".csv": write_csv, ".parquet": write_parquet}[ending](result, path)


def write_csv(result: Result, path: Path) -> None:
    r"""Write the tidy table as UTF-8 with `\n`; whole numbers have no decimal point."""
    write_table(result.rows, path)


def write_table(table: pl.DataFrame, path: Path) -> None:
    """Write any table as CSV, in the form of `write_csv`: UTF-8, whole numbers as integers, formulas made harmless."""
    table.with_columns([*_whole(table), *_harmless_texts(table)]).write_csv(path, line_terminator="\n")


def _whole(frame: pl.DataFrame) -> list[pl.Expr]:
    """Return expressions that turn columns of whole numbers into integers: £667,914 is not written as 667914.0."""
    is_whole = (pl.col(pl.Float64) == pl.col(pl.Float64).floor()) & (pl.col(pl.Float64).abs() < 2**53)
    columns = frame.select(is_whole.all())  # blanks do not count
    return [pl.col(column.name).cast(pl.Int64) for column in columns if column.item()]


def _harmless_texts(frame: pl.DataFrame) -> list[pl.Expr]:
    """Return expressions that put an apostrophe before texts that Excel would run as formulas; numbers never change."""
    return [
        pl.when(pl.any_horizontal(*(pl.col(name).str.starts_with(start) for start in FORMULA_STARTS)))
        .then("'" + pl.col(name))
        .otherwise(pl.col(name))
        .alias(name)
        for name, dtype in frame.schema.items()
        if dtype == pl.String
    ]


def harmless(text: str) -> str:
    """Return a text with an apostrophe in front if a spreadsheet would run it as a formula; -£5 and +3% are figures."""
    return f"'{text}" if text.startswith(FORMULA_STARTS) and not _FIGURE.fullmatch(text) else text


def rows_as_csv(rows: Iterable[Iterable[Any]], write: Callable[[Any], str]) -> str:
    r"""Return rows as CSV with `\n`: texts are made harmless, `write` formats the numbers, and None is empty."""
    stream = io.StringIO()
    csv.writer(stream, lineterminator="\n").writerows(
        ["" if cell is None else harmless(cell) if isinstance(cell, str) else write(cell) for cell in row]
        for row in rows
    )
    return stream.getvalue()


def write_parquet(result: Result, path: Path) -> None:
    """Write the tidy table as a Parquet file with typed columns, in one row group."""
    write_frame(result.rows, path)


def write_frame(frame: pl.DataFrame, path: Path) -> None:
    """Write any table as Parquet, in the form of `write_parquet`."""
    # Via memory: if the disk is full, Polars names neither the cause nor the file.
    stream = io.BytesIO()
    frame.write_parquet(stream, compression="zstd", row_group_size=max(1, frame.height))
    path.write_bytes(stream.getvalue())


def document(result: Result) -> dict[str, Any]:
    """Return the whole run as a JSON document: `schema`, `rows`, `summary`, `assumptions`, `manifest` and more."""
    definition = result.manifest["definition"]
    return {
        "schema": JSON_SCHEMA,
        "scheme": result.scheme.name,
        "title": result.scheme.title,
        "organisation": result.scheme.organisation,
        "result": result.scheme.result,
        "indicative": list(result.scheme.indicative),
        "agrees": result.agrees,
        "illustrative": list(result.inputs.illustrative),
        "draft": list(result.scheme.drafts),
        "steps": [{key: value for key, value in step.items() if key != "where"} for step in definition["steps"]],
        "national": result.national.to_dicts(),
        "summary": [_summary(measures) for measures in result.measures()],
        "assumptions": [asdict(assumption) for assumption in result.scheme.assumptions],
        "effects": [asdict(effect) for effect in result.effects],
        "findings": [finding.entry() for finding in result.findings],
        "rows": result.rows.to_dicts(),
        "origins": origins(result),
        "manifest": dict(result.manifest),
    }


def origins(result: Result) -> list[dict[str, str]]:
    """Return for each row of the tidy table its key, and the file and row or cell that each input came from."""
    places = result.inputs.origins
    names = [symbol.name for symbol in result.scheme.inputs]
    return [
        {"year": year, "org_code": code} | {name: place for name in names if (place := places.get((year, code, name)))}
        for year, code in result.rows.select("year", "org_code").iter_rows()
    ]


def _summary(measures: YearMeasures) -> dict[str, Any]:
    """Return the measures of a year for JSON, without the movements, which the rows already have.

    The money account also gets its difference and whether it balances.
    """
    summary = asdict(measures)
    summary.pop("movements")
    if measures.money:
        summary["money"] |= {"difference": measures.money.difference, "balances": measures.money.is_balanced}
    return summary


def write_json(result: Result, path: Path) -> None:
    """Write the whole run as one JSON document."""
    path.write_bytes(json_text(document(result)).encode())


def write_manifest(result: Result, path: Path, table: Path, name: str) -> None:
    """Write the manifest of a CSV or Parquet file: the run's, with the table's digest and each input's origin.

    Args:
        result: The result.
        path: The file to write.
        table: The file with the table as it was written.
        name: The name that the manifest gives the table.
    """
    text = table_manifest(result.manifest, table.read_bytes(), name, origins=origins(result))
    path.write_bytes(text.encode())


def table_manifest(manifest: Mapping[str, Any], table: bytes, name: str, **entries: object) -> str:
    """Return the text of the manifest of a CSV or Parquet file.

    Args:
        manifest: What the table was made from.
        table: The bytes of the table.
        name: The name of the table.
        entries: Further entries.
    """
    of_table = {"file": name, "sha256": hashlib.sha256(table).hexdigest()}
    return json_text({"schema": MANIFEST_SCHEMA, "table": of_table, **entries, "manifest": dict(manifest)})
