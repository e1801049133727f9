"""The formats of input files: from the bytes of a file to its rows.

To read another format, write a function from bytes and a `Wish` to a `Grid`, and enter it in `READERS`.
"""

from __future__ import annotations

import io
from functools import partial
from typing import TYPE_CHECKING

import polars as pl

from gpit_fairshare.inputs.findings import About
from gpit_fairshare.inputs.grids import Grid, Unreadable, Wish, check_extent, check_size, is_blank
from gpit_fairshare.inputs.texts import read_text_file
from gpit_fairshare.inputs.workbooks import read_workbook

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

SHEETS = (".xlsx", ".ods")
"""Formats of which one file may hold several tables."""


def _read_parquet(data: bytes, wish: Wish) -> Grid:
    check_size(len(data), wish, "the file has")
    try:
        lazy = pl.scan_parquet(io.BytesIO(data))
        # A column of one value takes a few bytes for a thousand million rows.
        rows = lazy.select(pl.len()).collect().item()
        check_extent(rows, rows * len(lazy.collect_schema()), wish, "it holds")
        frame = lazy.collect()
        texts = frame.select(pl.col(pl.String).str.len_bytes().cast(pl.Int64).sum())
        check_size(max(0, *(texts.row(0) if texts.width else (0,)), 0), wish, "a column of texts has")
        records = [tuple(frame.columns), *frame.rows()]
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError, ValueError) as error:
        raise Unreadable(About.UNREADABLE, "it is damaged or not a Parquet file", "Export it again") from error
    return Grid("", [(number, row) for number, row in enumerate(records, 1) if not all(map(is_blank, row))])


READERS: Mapping[str, Callable[[bytes, Wish], Grid]] = {
    ".csv": partial(read_text_file, usual=","),
    ".tsv": partial(read_text_file, usual="\t"),
    ".xlsx": read_workbook,
    ".ods": read_workbook,
    ".parquet": _read_parquet,
}
