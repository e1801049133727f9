"""Forecast underspends, reallocated in year: the run, and the changes that it comes to, ready for letters."""

from gpit_fairshare.reallocation.letters import Change, changes, letters_csv
from gpit_fairshare.reallocation.running import RECEIVERS, reallocate

__all__ = ["RECEIVERS", "Change", "changes", "letters_csv", "reallocate"]
