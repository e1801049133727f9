"""The formats of input files: from the bytes of a file to its rows.

To add a format, write a function that takes bytes and `ReadOptions` and returns a `Grid`, and add it to `READERS`.
"""

from __future__ import annotations

import io
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

import polars as pl

from gpit_fairshare.findings import FindingCode
from gpit_fairshare.inputs.files.grids import (
    MOST_MEGABYTES,
    Grid,
    ReadOptions,
    TooLarge,
    Unreadable,
    check_extent,
    check_size,
    is_blank,
    megabytes_needed,
)
from gpit_fairshare.inputs.files.texts import read_text_file, text_file_megabytes

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path


SHEETS = (".xlsx", ".ods")
"""Formats in which one file may have several tables."""


def _read_workbook(data: bytes, options: ReadOptions) -> Grid:
    """Read a sheet of a workbook, as `read_workbook` does; its module is not loaded for text files."""
    from gpit_fairshare.inputs.files.workbooks import read_workbook  # noqa: PLC0415

    return read_workbook(data, options)


def _read_parquet(data: bytes, options: ReadOptions) -> Grid:
    """Read a Parquet file as a grid without blank rows; the names of its columns become row 1.

    Its size, rows, cells and texts are checked against the limits, most of them before the values are read.

    Raises:
        Unreadable: the file is damaged or not a Parquet file.
    """
    check_size(len(data), options, "the file has")
    try:
        lazy = pl.scan_parquet(io.BytesIO(data))
        # A column with one repeated value needs only a few bytes for a thousand million rows.
        rows = lazy.select(pl.len()).collect().item()
        check_extent(rows, rows * len(lazy.collect_schema()), options, "the file has")
        frame = lazy.collect()
        check_size(_largest_text_column(frame.lazy()), options, "a column of texts has")
        records = [tuple(frame.columns), *frame.rows()]
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError, ValueError) as error:
        raise Unreadable(
            FindingCode.UNREADABLE, "the file is damaged or not a Parquet file", "Export it again"
        ) from error
    return Grid("", [(number, row) for number, row in enumerate(records, 1) if not all(map(is_blank, row))])


def _parquet_megabytes(path: Path, _options: ReadOptions) -> int:
    """Return the `--max-size` in megabytes that a Parquet file needs for its size, rows, cells and texts."""
    lazy = pl.scan_parquet(path)
    rows = lazy.select(pl.len()).collect().item()
    needed = megabytes_needed(path.stat().st_size, rows, rows * len(lazy.collect_schema()))
    return max(needed, megabytes_needed(_largest_text_column(lazy))) if needed <= MOST_MEGABYTES else needed


def _largest_text_column(frame: pl.LazyFrame) -> int:
    """Return the bytes of all texts in the largest column of texts; 0 if there is no such column."""
    texts = frame.select(pl.col(pl.String).str.len_bytes().cast(pl.Int64).sum()).collect()
    return max(texts.row(0)) if texts.width else 0


READERS: Mapping[str, Callable[[bytes, ReadOptions], Grid]] = {
    ".csv": partial(read_text_file, usual=","),
    ".tsv": partial(read_text_file, usual="\t"),
    ".xlsx": _read_workbook,
    ".ods": _read_workbook,
    ".parquet": _read_parquet,
}


def max_size_needed(error: TooLarge, path: Path, options: ReadOptions) -> int:
    """Return the `--max-size` in megabytes that a file needs; 0 if it is larger than gpit can read.

    All limits are included, not only the first one exceeded, so that a run with this size is not refused again. If the
    file is damaged, only the first counts.

    Args:
        error: the first limit exceeded, with the size that it needs.
        path: the file.
        options: the sheet that the user named, if any.
    """
    from gpit_fairshare.inputs.files.workbooks import workbook_megabytes  # noqa: PLC0415  # as in `_read_workbook`

    needs = {".csv": text_file_megabytes, ".tsv": text_file_megabytes, ".parquet": _parquet_megabytes}.get(
        path.suffix.lower(), workbook_megabytes
    )
    needed = error.needed
    if needed <= MOST_MEGABYTES:
        with suppress(Exception):  # a damaged file is reported as such once the limit is high enough
            needed = max(needed, needs(path, options))
    return needed if needed <= MOST_MEGABYTES else 0
