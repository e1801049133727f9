"""A result read back from its file: its rows, its rule, its inputs, so that it can be explained and compared.

A workbook, a JSON document, or a CSV or Parquet file with its manifest beside it holds all that is needed
to work the result out again, without the input files. A CSV or Parquet file alone holds rows.
"""

from gpit_fairshare.results.agreement import OffRule, in_one_line, off_rule
from gpit_fairshare.results.model import Record, Step, record_of
from gpit_fairshare.results.reading import (
    ENDINGS,
    LARGEST_RESULT,
    ResultFile,
    filled,
    open_result,
    read_record,
    table_frame,
    unreadable,
)

__all__ = [
    "ENDINGS",
    "LARGEST_RESULT",
    "OffRule",
    "Record",
    "ResultFile",
    "Step",
    "filled",
    "in_one_line",
    "off_rule",
    "open_result",
    "read_record",
    "record_of",
    "table_frame",
    "unreadable",
]
