"""Fair-share funding of GP practices' IT: write a rule once; calculate, audit and explain its results.

`allocate` runs a scheme over files and returns a `Result` with Polars frames; `check` returns a `Report` on the
files; `explain` returns the arithmetic of one organisation; `compare` compares two results; `verify` runs a result
again from its manifest; `reallocate` recovers the forecast underspends of a year and gives them to others in that year;
`population` counts and weights rows of people by organisation; `sweep` runs many scenarios at once; `solve` finds the
value of a parameter up to which a condition is true. `Function` is a function that a plug-in adds to the formula
language. Names load when they are first used, so that importing the package is quick.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gpit_fairshare.allocation import allocate
    from gpit_fairshare.checking import Report, check
    from gpit_fairshare.comparison import Comparison, compare
    from gpit_fairshare.engine import Result
    from gpit_fairshare.errors import (
        CalculationError,
        FormulaError,
        GpitError,
        InputError,
        OutputError,
        PluginError,
        SchemeError,
        UsageError,
    )
    from gpit_fairshare.explanation import Explanation, explain
    from gpit_fairshare.findings import Finding
    from gpit_fairshare.language.functions import Function
    from gpit_fairshare.people.population import Population, population
    from gpit_fairshare.presentation import Page
    from gpit_fairshare.reallocation import reallocate
    from gpit_fairshare.sweeps.solving import Solution, solve
    from gpit_fairshare.sweeps.sweep import Sweep, scenarios, sweep
    from gpit_fairshare.verification import Verification, verify

__all__ = [
    "CalculationError",
    "Comparison",
    "Explanation",
    "Finding",
    "FormulaError",
    "Function",
    "GpitError",
    "InputError",
    "OutputError",
    "Page",
    "PluginError",
    "Population",
    "Report",
    "Result",
    "SchemeError",
    "Solution",
    "Sweep",
    "UsageError",
    "Verification",
    "__version__",
    "allocate",
    "check",
    "compare",
    "explain",
    "population",
    "reallocate",
    "scenarios",
    "solve",
    "sweep",
    "verify",
]

_HOMES = {
    "allocate": "allocation",
    "Result": "engine",
    "check": "checking",
    "Report": "checking",
    "compare": "comparison",
    "Comparison": "comparison",
    "explain": "explanation",
    "Explanation": "explanation",
    "reallocate": "reallocation",
    "Finding": "findings",
    "Function": "language.functions",
    "Page": "presentation",
    "population": "people.population",
    "Population": "people.population",
    "solve": "sweeps.solving",
    "Solution": "sweeps.solving",
    "scenarios": "sweeps.sweep",
    "sweep": "sweeps.sweep",
    "Sweep": "sweeps.sweep",
    "verify": "verification",
    "Verification": "verification",
}


def __dir__() -> list[str]:
    return sorted(__all__)


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version  # noqa: PLC0415  # a third of the time until --help

        return version("gpit-fairshare")
    if name in __all__:
        return getattr(import_module(f"gpit_fairshare.{_HOMES.get(name, 'errors')}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
