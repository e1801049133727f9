"""Population, spend and other input files, read into checked tables."""

from gpit_fairshare.inputs.cells import parse_year, year_start
from gpit_fairshare.inputs.crosswalk import Crosswalk, Merger, Succession, packaged_crosswalk
from gpit_fairshare.inputs.findings import About
from gpit_fairshare.inputs.model import Column, Inputs, Need, Request, Restated, Source
from gpit_fairshare.inputs.tables import read_inputs

__all__ = [
    "About",
    "Column",
    "Crosswalk",
    "Inputs",
    "Merger",
    "Need",
    "Request",
    "Restated",
    "Source",
    "Succession",
    "packaged_crosswalk",
    "parse_year",
    "read_inputs",
    "year_start",
]
