"""The one expression that counts rows, over the engine that reads them: Polars, DuckDB or Spark.

An engine only counts: how many rows have each combination of values. Counts are whole numbers, so they are the same in
every engine, and all else is calculated from them afterwards.
"""

from __future__ import annotations

from contextlib import suppress
from importlib.util import find_spec
from math import prod
from typing import TYPE_CHECKING, Any, Final

import narwhals as nw
import numpy as np
import polars as pl

from gpit_fairshare.errors import GpitError, UsageError
from gpit_fairshare.people import ENGINES
from gpit_fairshare.words import joined, nearest, one_line

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

ROWS: Final = "rows"
"""The column with the number of rows of each combination."""
CSV: Final = ".csv"
_EXTRAS: Final = {"duckdb": ("duckdb", "pyarrow"), "spark": ("pyspark", "pyarrow")}
"""The packages that an engine needs, besides those of gpit."""
_TEXTS: Final = (pl.String, pl.Categorical, pl.Enum)
_WHOLE_NUMBERS: Final = (pl.Int8, pl.Int16, pl.Int32, pl.Int64, pl.UInt8, pl.UInt16, pl.UInt32)
PART: Final = 100_000
"""Rows to count or join at once: enough to be fast, few enough to need little memory."""
MOST_COUNTS: Final = 2**25
"""Counts that an array may hold, of 8 bytes each; more combinations take the slower ways of Polars."""


def open_rows(files: Sequence[str], ending: str, engine: str) -> nw.LazyFrame[Any]:
    """Return the rows of all files, not read yet; all cells of CSV files are texts.

    Args:
        files: Paths or addresses of files of one kind.
        ending: `.csv`, or anything else for Parquet.
        engine: `polars`, `duckdb` or `spark`.

    Raises:
        UsageError: There is no such engine, or it is not installed.
    """
    if engine not in ENGINES:
        raise UsageError(f"--engine {engine}: expected {joined(ENGINES, 'or')}{nearest(engine, ENGINES)}")
    if missing := [package for package in _EXTRAS.get(engine, ()) if find_spec(package) is None]:
        extra = f"pip install 'gpit-fairshare[{engine}]'"
        raise UsageError(f"--engine {engine}: {missing[0]} is not installed; type {extra}")
    return _read(_READERS[engine], files, ending)


def count_rows(rows: nw.LazyFrame[Any], headings: Mapping[str, str]) -> pl.DataFrame:
    """Return how many rows have each combination of values of some columns.

    Args:
        rows: The rows.
        headings: The heading of each column, by the name that it gets.

    Returns:
        A frame with the columns and `rows`, in any order; blanks are null.

    Raises:
        GpitError: The engine cannot read the rows.
    """
    named = rows.select(*(nw.col(heading).alias(name) for name, heading in headings.items()))
    counts = named.group_by(*headings).agg(nw.len().alias(ROWS))
    is_polars = counts.implementation.is_polars()
    try:
        if is_polars and (frame := _count_in_parts(named.to_native())) is not None:
            return frame
        collected = counts.collect("polars", engine="streaming") if is_polars else counts.collect("polars")
    except Exception as fault:  # each engine has errors of its own, for what is in the files
        raise GpitError(f"the rows cannot be read: {one_line(first_line(fault))}") from fault
    native: pl.DataFrame = collected.to_native()
    return native.with_columns(pl.col(ROWS).cast(pl.Int64))


def _count_in_parts(rows: pl.LazyFrame) -> pl.DataFrame | None:
    """Return how many rows have each combination of texts and whole numbers, in the memory that the counts need.

    The streaming engine of Polars keeps nearly every row where there are more than some thousand combinations, in any
    order. Here, a text has the number that its column gives it, and the combination of numbers is a place in an array.

    Returns:
        None if there are other values, too many combinations for an array, or no such numbers in this Polars.
    """
    if not hasattr(getattr(pl, "Categories", None), "to_series"):  # Polars is older
        return None
    schema = rows.collect_schema()
    texts = {name: pl.Categories.random() for name, kind in schema.items() if kind in _TEXTS}
    if any(name not in texts and kind not in _WHOLE_NUMBERS for name, kind in schema.items()):
        return None
    numbers = [
        pl.col(name).cast(pl.String).cast(pl.Categorical(texts[name])).to_physical() if name in texts else pl.col(name)
        for name in schema
    ]
    # Place 0 is for blanks. A number below 0 has no place, nor one that is too large to add 1.
    places = rows.select((number.cast(pl.Int64) + (number >= 0)).fill_null(0) for number in numbers)
    counts = np.zeros([1] * len(schema), dtype=np.int64)
    for part in places.collect_batches(chunk_size=PART, maintain_order=False, engine="streaming"):
        shape = [max(size, int(last) + 1) for size, last in zip(counts.shape, part.max().row(0), strict=True)]
        if prod(shape) > MOST_COUNTS or min(part.min().row(0)) < 0:
            return None
        if counts.shape != tuple(shape):
            smaller, counts = counts, np.zeros(shape, dtype=np.int64)
            counts[tuple(map(slice, smaller.shape))] = smaller
        np.add.at(counts.reshape(-1), np.ravel_multi_index([*part.to_numpy().T], shape), 1)
    used = np.flatnonzero(counts)
    columns = {}
    for (name, kind), size, own in zip(schema.items(), counts.shape, np.unravel_index(used, counts.shape), strict=True):
        values = texts[name].to_series() if name in texts else pl.int_range(size - 1, eager=True).cast(kind)
        columns[name] = pl.concat([pl.Series([None], dtype=values.dtype), values]).gather(own)
    return pl.DataFrame({**columns, ROWS: counts.reshape(-1)[used]})


def _read(read: Callable[[Sequence[str], bool], Any], files: Sequence[str], ending: str) -> nw.LazyFrame[Any]:
    """Return the rows of an engine, with their columns known.

    Raises:
        GpitError: It cannot open the files.
    """
    try:
        rows: nw.LazyFrame[Any] = nw.from_native(read(files, ending == CSV))
        rows.collect_schema()
    except Exception as fault:  # as above
        raise GpitError(f"the files cannot be opened: {one_line(first_line(fault))}") from fault
    return rows


def first_line(fault: BaseException) -> str:
    """Return the first line of a message; those of Spark go on with frames of its own program and the cause."""
    lines = str(fault).strip().splitlines() or [type(fault).__name__]
    return [lines[0], *(line for line in lines if line.startswith("Caused by: "))][-1]


def _in_polars(files: Sequence[str], is_csv: bool) -> Any:
    """Return the rows as a LazyFrame, which reads them in parts."""
    if is_csv:
        return pl.scan_csv([*files], infer_schema=False)
    return pl.scan_parquet([*files], extra_columns="ignore", hive_partitioning=False)


def _in_duckdb(files: Sequence[str], is_csv: bool) -> Any:
    """Return the rows as a relation of a database in memory."""
    import duckdb  # noqa: PLC0415  # an extra

    database = duckdb.connect()
    if is_csv:
        return database.read_csv([*files], header=True, all_varchar=True, delimiter=",", quotechar='"', escapechar='"')
    return database.read_parquet([*files], union_by_name=True, hive_partitioning=False)


def _in_spark(files: Sequence[str], is_csv: bool) -> Any:
    """Return the rows as a DataFrame of the session of `spark-submit`, or of one on this machine."""
    from pyspark.sql import SparkSession  # noqa: PLC0415  # an extra

    builder = SparkSession.builder.appName("gpit population").config("spark.ui.enabled", "false")
    session = builder.config("spark.ui.showConsoleProgress", "false").getOrCreate()
    with suppress(AttributeError):  # a session of Spark Connect has no log on this side
        session.sparkContext.setLogLevel("ERROR")
    if is_csv:
        return session.read.csv([*files], header=True, mode="FAILFAST", escape='"')
    return session.read.parquet(*files)


_READERS: Final[Mapping[str, Callable[[Sequence[str], bool], Any]]] = {
    "polars": _in_polars,
    "duckdb": _in_duckdb,
    "spark": _in_spark,
}
"""The function of each engine that opens files: their paths, and whether they are CSV."""
