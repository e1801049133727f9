"""The functions and the rules of the example, held to figures worked by hand."""

from __future__ import annotations

import polars as pl
import pytest
from fairshare_example.functions import DAMPED, S_CURVE

from gpit_fairshare import allocate


def worked_out(function, *numbers):
    """Return what a function gives for one row."""
    return pl.select(function.polars(*(pl.lit(float(one)) for one in numbers))).item()


def test_damped():
    """A change of 100% counts as 1 / (1 + 1) = 50%, one of -25% as -0.25 / 1.25 = -20%; with rate 0 as itself."""
    assert worked_out(DAMPED, 1, 1) == 0.5
    assert worked_out(DAMPED, -0.25, 1) == -0.2
    assert worked_out(DAMPED, 0.3, 0) == 0.3


def test_s_curve():
    """3/16 - 2/64 = 5/32 for a quarter; below 0 and above 1 it is 0 and 1."""
    assert worked_out(S_CURVE, 0.25) == pytest.approx(5 / 32, rel=1e-15)
    assert [worked_out(S_CURVE, one) for one in (-1, 0, 1, 2)] == [0, 0, 1, 1]


def test_rules_run_together():
    """On the sample of England each year's £140m is given out to the pound, and every check holds."""
    result = allocate(sample=True, formula="rural-weight", transition="damped-change", with_effects=False)

    assert result.agrees
    assert [result.year(year)["allocation"].sum() for year in ("2014/15", "2015/16")] == [140_000_000] * 2
