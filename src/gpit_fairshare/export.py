"""A Result as files: CSV, Parquet and JSON, and the safe way to put any file in its place.

Every file is written beside its place, under a name of its own, and moved in when it is whole: a
failure or a kill at any moment leaves the old file or the new one.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

import polars as pl

from gpit_fairshare.errors import OutputError
from gpit_fairshare.summary import summarise

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from gpit_fairshare.engine import Result

JSON_SCHEMA: Final = "gpit-allocation/1"
MANIFEST_SCHEMA: Final = "gpit-table-manifest/1"
MANIFEST_ENDING: Final = ".manifest.json"
"""What the manifest of `out.csv` is called: `out.csv.manifest.json`."""
FORMULA_STARTS: Final = ("=", "+", "-", "@", "\t", "\r")
"""A text that begins so has an apostrophe in front in a CSV file: no spreadsheet takes it for a formula."""


@contextmanager
def in_place(path: Path) -> Iterator[Path]:
    """Yield a place beside `path` to write to, and move what was written into `path` at the end.

    Raises:
        OutputError: The folder cannot be written to, or another program holds the old file open.
    """
    draft = path.with_name(f".{path.stem[:80]}.{secrets.token_hex(4)}{path.suffix}.part")
    try:
        with draft.open("xb"):
            pass
    except OSError as fault:
        raise OutputError(
            f"{path.name}: cannot write to {path.parent} ({fault.strerror or fault}); nothing was changed"
        ) from None
    try:
        yield draft
        with draft.open("r+b") as written:
            os.fsync(written.fileno())
        draft.replace(path)
    except PermissionError:
        raise OutputError(
            f"{path.name}: is open in another program or write-protected; close it or choose another name; "
            "the old file is whole"
        ) from None
    except OSError as fault:
        raise OutputError(
            f"{path.name}: cannot be written ({fault.strerror or fault}); the old file, if any, is whole"
        ) from None
    finally:
        draft.unlink(missing_ok=True)


def write_csv(result: Result, path: Path) -> None:
    r"""Write the tidy table as UTF-8 with `\n`; whole numbers stand without a decimal point."""
    write_table(result.rows, path)


def write_table(table: pl.DataFrame, path: Path) -> None:
    r"""Write any table as `write_csv` writes that of a result."""
    frame = table.with_columns([*_whole(table), *_harmless_texts(table)])
    frame.write_csv(path, line_terminator="\n")


def _whole(frame: pl.DataFrame) -> list[pl.Expr]:
    """Turn columns of whole numbers into integers, so that £667,914 is not written 667914.0."""
    return [
        pl.col(name).cast(pl.Int64)
        for name, dtype in frame.schema.items()
        if dtype == pl.Float64
        and all(value is None or (value == int(value) and abs(value) < 2**53) for value in frame[name].to_list())
    ]


def _harmless_texts(frame: pl.DataFrame) -> list[pl.Expr]:
    """Put an apostrophe before a text that Excel would run as a formula; numbers are never touched."""
    return [
        pl.when(pl.any_horizontal(*(pl.col(name).str.starts_with(start) for start in FORMULA_STARTS)))
        .then("'" + pl.col(name))
        .otherwise(pl.col(name))
        .alias(name)
        for name, dtype in frame.schema.items()
        if dtype == pl.String
    ]


def write_parquet(result: Result, path: Path) -> None:
    """Write the tidy table with its types, in one row group."""
    result.rows.write_parquet(path, compression="zstd", row_group_size=max(1, result.rows.height))


def document(result: Result) -> dict[str, Any]:
    """Return the whole run with stable keys: `schema`, `rows`, `summary`, `assumptions`, `manifest` and more."""
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
        "steps": [{key: said for key, said in step.items() if key != "where"} for step in definition["steps"]],
        "national": result.national.to_dicts(),
        "summary": [_summary(asdict(summary)) for summary in summarise(result)],
        "assumptions": [asdict(assumption) for assumption in result.scheme.assumptions],
        "effects": [asdict(effect) for effect in result.effects],
        "findings": [finding.entry() for finding in result.findings],
        "rows": result.rows.to_dicts(),
        "origins": origins(result),
        "manifest": dict(result.manifest),
    }


def origins(result: Result) -> list[dict[str, str]]:
    """Return, for each row of the tidy table, its key, and the file and row or cell that each input came from."""
    places = result.inputs.origins
    names = [symbol.name for symbol in result.scheme.inputs]
    return [
        {"year": year, "org_code": code} | {name: place for name in names if (place := places.get((year, code, name)))}
        for year, code in result.rows.select("year", "org_code").iter_rows()
    ]


def _summary(summary: dict[str, Any]) -> dict[str, Any]:
    """Leave out what the rows say already."""
    summary.pop("movements")
    return summary


def json_text(value: Any) -> str:
    """Return JSON with sorted-out whole numbers, fit for UTF-8, ending in a line feed."""
    text = json.dumps(_plain(value), ensure_ascii=False, indent=1, allow_nan=False) + "\n"
    return text.encode(errors="backslashreplace").decode()  # half a character stays the escape that it came as


def _plain(value: Any) -> Any:
    """Write whole floats as integers: 667914, not 667914.0."""
    if isinstance(value, float) and value == int(value) and abs(value) < 2**53:
        return int(value)
    if isinstance(value, dict):
        return {key: _plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    return value


def write_json(result: Result, path: Path) -> None:
    """Write the whole run as one JSON document."""
    path.write_bytes(json_text(document(result)).encode())


def manifest_name(path: Path) -> str:
    """Return the name of the file that holds the manifest of a CSV or Parquet file, beside it."""
    return f"{path.name}{MANIFEST_ENDING}"


def write_manifest(result: Result, path: Path, table: Path, name: str) -> None:
    """Write the manifest of a CSV or Parquet file: that of the run, with the digest of the table called `name`."""
    digest = hashlib.sha256(table.read_bytes()).hexdigest()
    text = json_text(
        {
            "schema": MANIFEST_SCHEMA,
            "table": {"file": name, "sha256": digest},
            "origins": origins(result),
            "manifest": dict(result.manifest),
        }
    )
    path.write_bytes(text.encode())
