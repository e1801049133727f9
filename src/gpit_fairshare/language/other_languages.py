"""Functions that people know from spreadsheets, Python and SQL, and how to write what they mean in a formula.

Only the same meaning counts, never a similar name: `ROUNDDOWN` is not `round`.
"""

from __future__ import annotations

from typing import Final

_NO_ROUNDING: Final = "round(x, digits) goes to the nearest, halves away from 0, and nothing rounds only up or down"
_NO_REMAINDERS: Final = "there is no remainder of a division; prepare it in the input file"
_NO_STATISTICS: Final = "there is none of all organisations; give it as a parameter, or in a column of an input file"
_NO_TEXTS: Final = "a text can only be compared, such as `region == 'North'`; prepare it in the input file"
_NO_DATES: Final = "a formula is the same in every year; give what differs by year as a parameter"
_TABLE: Final = (
    "write `lookup(table, column)` or `band_value(table, x)` with a table of the scheme; the columns of another file "
    "are joined with --input, and a formula uses their names"
)
_HAS_X: Final = "has_x is a step of its own: `given(x)`"
_MEANINGS: Final = {
    "if iif ifelse if_else": "write `where(condition, yes, no)`",
    "ifs switch choose case case_when": "write `where(first, a, where(second, b, c))`",
    "iferror ifna": "write `where(y != 0, x / y, 0)`, or `where(given(x), x, 0)` for a column that may be blank",
    "isblank isna isnull isempty": "write `not given(x)`",
    "isnumber notnull": "write `given(x)`",
    "coalesce nvl ifnull fillna n": "write `where(given(x), x, 0)`",
    "and": "write `a and b`",
    "or": "write `a or b`",
    "not": "write `not a`",
    "xor": "write `(a or b) and not (a and b)`",
    "sum": "write `total(x)` over all organisations, or `a + b` for one",
    "sumif sumifs": "write `total(x, within=region)`, or make where(condition, x, 0) a step and write the total of it",
    "sumproduct dot": "make x * y a step, and write the total of it: `total(x_times_y)`",
    "product multiply": "write `a * b`",
    "divide": "write `a / b`",
    "count counta len": f"write `count(has_x)`, where {_HAS_X}",
    "countif countifs": "make the condition a step, and write `count(condition)`, or `count(condition, within=region)`",
    "average mean avg averagea": f"write `total(x) / count(has_x)`, where {_HAS_X}",
    "averageif averageifs": f"write `total(x, within=region) / count(has_x, within=region)`, where {_HAS_X}",
    "max maximum greatest": "write `max(a, b)`, or `largest(x)` over all organisations",
    "min minimum least": "write `min(a, b)`, or `smallest(x)` over all organisations",
    "maxifs": "write `largest(x, within=region)`",
    "minifs": "write `smallest(x, within=region)`",
    "cap ceiling ceil": f"write `min(x, highest)` for a limit; {_NO_ROUNDING}",
    "floor": f"write `max(x, lowest)` for a limit; {_NO_ROUNDING}",
    "roundup rounddown int trunc fix mround even odd": _NO_ROUNDING,
    "clamp bound limit between": "write `clip(x, low, high)`",
    "median": f"write `clip(x, low, high)` for the middle of three; {_NO_STATISTICS}",
    "mode large small percentile quartile stdev std var rank rank_eq percentrank": _NO_STATISTICS,
    "prorate pro_rata apportion allocate distribute share": "write `share_out(amount, by=weights)` as a whole step",
    "sign": "write `where(x > 0, 1, where(x < 0, -1, 0))`",
    "pow": "write `power(x, n)`",
    "sqrt": "write `power(x, 0.5)`",
    "log": "write `ln(x)` for the natural logarithm, or `ln(x) / ln(10)` for that of base 10",
    "log10": "write `ln(x) / ln(10)`",
    "mod quotient": _NO_REMAINDERS,
    "vlookup xlookup hlookup index match indirect": _TABLE,
    "interpolate interp forecast": "write `band_line(table, x)` with a table of the scheme",
    "lag shift prev last_year offset": "write `previous(x, first=y)`",
    "concat concatenate text left right mid upper lower trim len_text str proper": _NO_TEXTS,
    "year today now date month edate": _NO_DATES,
    "let": "make each named figure a step of its own",
}
_ADVICE: Final = {name: advice for names, advice in _MEANINGS.items() for name in names.split()}


def advice_for(function: str) -> str:
    """Return what to write instead of a function of another language, or that there is nothing; empty if unknown.

    Formulas in it are between backticks.
    """
    return _ADVICE.get(function.casefold(), "")
