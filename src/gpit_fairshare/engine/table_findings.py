"""What a run says about tables: values that no row or band is for, and rows that no organisation needs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gpit_fairshare.findings import Finding, FindingCode
from gpit_fairshare.language.tables import FormulaTable, row_numbers
from gpit_fairshare.numbers import exact, grouped_decimal
from gpit_fairshare.words import counted, listed, nearest, one_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from gpit_fairshare.engine.model import Year
    from gpit_fairshare.scheme.model import Scheme


def missing_value(function: str, table: FormulaTable, column: str, key: str | float | None) -> str:
    """Return why a function has no value in a table for a text or number of a column, and what to do."""
    if key is None:
        return f"{column} is blank, and {function}({table.name}, {column}) needs a value; fill in the cell"
    if isinstance(key, str):
        texts = [str(text) for text in table.keys]
        hint = nearest(key, texts) or f"; its rows are {listed(texts)}"
        reason = f"the table {table.name} has no row for it{hint}"
        return f"{column} is {_text(key)}, and {reason}; correct the text or the table"
    if key < table.edges[0]:
        reason, remedy = f"its first band begins at {_text(table.edges[0])}", "add a band below it"
    elif table.end is not None and row_numbers("band_value", table, [key]) == [None]:
        reason, remedy = f"its last band ends at {_text(table.end)}", "raise up_to, or add a band"
    else:  # only a line ends at the last edge
        reason, remedy = f"{function} ends at the last edge, {_text(table.edges[-1])}", "add an edge above it"
    return f"{column} is {_text(key)}, and the table {table.name} has no value for it: {reason}; {remedy}"


def rows_needed(function: str, table: FormulaTable, keys: Iterable[str | float | None]) -> set[int]:
    """Return the positions of the rows that a function takes its values from for these texts or numbers."""
    reached = {row for row in row_numbers(function, table, set(keys)) if row is not None}
    match function:
        case "band_sum":  # it adds up every band below
            return set(range(max(reached, default=-1) + 1))
        case "band_line":  # a line ends at the next edge
            return reached | {row + 1 for row in reached}
        case _:
            return reached


def unused_rows(scheme: Scheme, years: Sequence[Year]) -> list[Finding]:
    """Return a note for each table in use of which some rows are for no organisation in any year."""
    notes = []
    for name in dict.fromkeys(name for year in years for name in year.table_rows):
        table = scheme.symbols[name].table
        needed = set[int]().union(*(year.table_rows.get(name, ()) for year in years))
        assert table is not None  # noqa: S101  # the name is that of a table
        keys: Sequence[str | float] = table.keys
        unused = [_text(key) for row, key in enumerate(keys) if row not in needed]
        if unused:
            bands = f"no value is in the band{'s' * (len(unused) > 1)} from {listed(unused)}"
            texts = f"no {scheme.organisation} has {listed(unused)}"
            rows = f"{len(unused):,} of {counted(len(keys), 'row')} of the table {name}"
            text = f"{bands if table.has_bands else texts}; {rows} {'are' if len(unused) > 1 else 'is'} not used"
            notes.append(Finding.note(FindingCode.ROWS_NOT_USED, text))
    return notes


def _text(key: str | float) -> str:
    """Return a key of a table as text: a text in quotes, or a number in all its digits."""
    return f"'{one_line(key)}'" if isinstance(key, str) else grouped_decimal(exact(key))
