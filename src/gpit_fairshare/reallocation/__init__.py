"""Forecast underspends, reallocated in year: the run, and the changes that it comes to, ready for letters."""

from gpit_fairshare.reallocation.letters import ENDINGS, Change, changes, write_letters
from gpit_fairshare.reallocation.running import RECEIVERS, reallocate

__all__ = ["ENDINGS", "RECEIVERS", "Change", "changes", "reallocate", "write_letters"]
