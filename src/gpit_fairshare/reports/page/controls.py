"""The controls of the what-if: a number box and a slider for each parameter, and the data that the page needs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gpit_fairshare.engine import Result


def what_if_data(result: Result) -> dict[str, Any]:
    """Return what the page needs besides its model, for JSON.

    `rounding` is how far rounding can move the money account of each year in £, which no setting changes.
    """
    return {"rounding": [year.money.rounding if year.money else None for year in result.measures()]}
