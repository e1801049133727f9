"""Population, spend and other input files, read into checked tables."""

from gpit_fairshare.inputs.boundaries import boundary_date
from gpit_fairshare.inputs.cells import EVERY_YEAR, parse_year, year_start
from gpit_fairshare.inputs.column_units import AppliedUnit
from gpit_fairshare.inputs.crosswalk import (
    Crosswalk,
    Merger,
    Organisation,
    Succession,
    day_in_words,
    packaged_crosswalk,
)
from gpit_fairshare.inputs.grids import LARGEST, MEGABYTE, Broken, Unreadable, Wish
from gpit_fairshare.inputs.inspection import ColumnSummary
from gpit_fairshare.inputs.model import Column, Inputs, Need, Request, Restated, Source
from gpit_fairshare.inputs.reading import split_sheet
from gpit_fairshare.inputs.tables import inspect_inputs, read_inputs
from gpit_fairshare.inputs.workbooks import open_package, part_twice, restored, sheet_parts, workbook_rows

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
    "Merger",
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
