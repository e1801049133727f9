"""Population, spend and other input files, read into checked tables."""

from gpit_fairshare.inputs.checked_tables import inspect_inputs, read_inputs
from gpit_fairshare.inputs.columns.cells import EVERY_YEAR, boundary_date, parse_year, year_start
from gpit_fairshare.inputs.files.grids import LARGEST, MEGABYTE, Broken, Unreadable, Wish
from gpit_fairshare.inputs.files.reading import split_sheet
from gpit_fairshare.inputs.files.workbooks import open_package, part_twice, restored, sheet_parts, workbook_rows
from gpit_fairshare.inputs.mergers.crosswalk import (
    Crosswalk,
    Organisation,
    Succession,
    day_in_words,
    packaged_crosswalk,
)
from gpit_fairshare.inputs.model import AppliedUnit, Column, Inputs, Need, Request, Restated, Source
from gpit_fairshare.inputs.tables.inspection import ColumnSummary

__all__ = [
    "EVERY_YEAR",
    "LARGEST",
    "MEGABYTE",
    "AppliedUnit",
    "Broken",
    "Column",
    "ColumnSummary",
    "Crosswalk",
    "Inputs",
    "Need",
    "Organisation",
    "Request",
    "Restated",
    "Source",
    "Succession",
    "Unreadable",
    "Wish",
    "boundary_date",
    "day_in_words",
    "inspect_inputs",
    "open_package",
    "packaged_crosswalk",
    "parse_year",
    "part_twice",
    "read_inputs",
    "restored",
    "sheet_parts",
    "split_sheet",
    "workbook_rows",
    "year_start",
]
