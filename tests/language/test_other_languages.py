"""What is written instead of functions that people know from spreadsheets, Python and SQL."""

from __future__ import annotations

import re

import pytest

from gpit_fairshare.errors import FormulaError
from gpit_fairshare.language.other_languages import _ADVICE, advice_for
from gpit_fairshare.language.parsing import parse

MEANINGS = [
    ("IF", "where(condition, yes, no)"),
    ("if", "where(condition, yes, no)"),
    ("SUM", "total(x)"),
    ("AVERAGE", "total(x) / count(has_x)"),
    ("mean", "total(x) / count(has_x)"),
    ("MAXIFS", "largest(x, within=region)"),
    ("COUNTIF", "count(condition)"),
    ("IFERROR", "where(y != 0, x / y, 0)"),
    ("ISBLANK", "not given(x)"),
    ("PRORATE", "share_out(amount, by=weights)"),
    ("cap", "min(x, highest)"),
    ("floor", "max(x, lowest)"),
]


def message_of(function: str) -> str:
    """The error of a formula that calls a function."""
    with pytest.raises(FormulaError) as caught:
        parse(f"1 + {function}(a, b)")
    return caught.value.message


@pytest.mark.parametrize("function", sorted(name.upper() for name in _ADVICE.keys() - {"not"}))
def test_what_is_suggested_is_a_formula(function):
    """Each formula in the advice can be written as it is, and the message has it without backticks."""
    formulas = re.findall(r"`([^`]+)`", advice_for(function))

    for formula in formulas:
        parse(formula)
        assert formula in message_of(function)
    assert message_of(function).startswith(f"there is no function {function}; ")
    assert "`" not in message_of(function)
    assert "did you mean" not in message_of(function)


@pytest.mark.parametrize(("function", "formula"), MEANINGS)
def test_what_means_the_same(function, formula):
    """A function of Excel or Python is answered with the formula that gives the same."""
    assert f"write {formula}" in message_of(function)


@pytest.mark.parametrize("function", ["ROUNDDOWN", "ROUNDUP", "FLOOR", "CEILING", "INT", "TRUNC", "MROUND", "ceil"])
def test_rounding_one_way_is_not_round(function):
    """`round` goes to the nearest, so functions that round one way are answered with that, not with `round`."""
    assert "write round" not in message_of(function)
    assert "nothing rounds only up or down" in message_of(function)


@pytest.mark.parametrize("function", ["VLOOKUP", "XLOOKUP", "INDEX", "MATCH"])
def test_lookups_are_tables_or_input_files(function):
    """Values by text are a table of the scheme; a column by org_code is an input file."""
    assert "write lookup(table, column)" in message_of(function)
    assert "joined with --input" in message_of(function)


@pytest.mark.parametrize(("function", "near"), [("totl", "total"), ("MAXX", "max"), ("roundd", "rounded or round")])
def test_a_misspelling_gets_the_nearest_name(function, near):
    """A name that no other language has is a misspelling."""
    assert message_of(function).startswith(f"there is no function {function}; did you mean {near}?")
