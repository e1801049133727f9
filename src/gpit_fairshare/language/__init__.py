"""The formula language: text → tree → meaning, and its renderings.

A formula is one step of a funding rule. `parse` reads it, `understand` finds the kind, type and
unit of every step, and each rendering (`in_polars`, `in_excel`, `with_numbers`, `in_words`) turns the
same tree into one form.
"""

from gpit_fairshare.language.function_types import Function
from gpit_fairshare.language.functions import AGGREGATES, FUNCTIONS
from gpit_fairshare.language.kinds import NATIONAL, ORGANISATION, Definition, Kind, Symbol, group, kind_of
from gpit_fairshare.language.meaning import understand, unit_in
from gpit_fairshare.language.parsing import parse
from gpit_fairshare.language.plugin_functions import (
    Plugged,
    function_problems,
    plugged,
    plugged_in,
    without_excel,
)
from gpit_fairshare.language.tree import names_in, rebuilt, renamed, to_text, walk
from gpit_fairshare.language.units import have_like_units, unit_of

__all__ = [
    "AGGREGATES",
    "FUNCTIONS",
    "NATIONAL",
    "ORGANISATION",
    "Definition",
    "Function",
    "Kind",
    "Plugged",
    "Symbol",
    "function_problems",
    "group",
    "have_like_units",
    "kind_of",
    "names_in",
    "parse",
    "plugged",
    "plugged_in",
    "rebuilt",
    "renamed",
    "to_text",
    "understand",
    "unit_in",
    "unit_of",
    "walk",
    "without_excel",
]
