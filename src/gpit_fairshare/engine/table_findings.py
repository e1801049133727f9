"""What a run says about tables: values that no row or band is for, rows that no organisation needs, and `otherwise`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

import polars as pl

from gpit_fairshare.findings import Finding, FindingCode, FindingCollector, Where
from gpit_fairshare.language import tree
from gpit_fairshare.language.in_polars import render
from gpit_fairshare.language.kinds import ORGANISATION
from gpit_fairshare.language.tables import FormulaTable, row_numbers
from gpit_fairshare.numbers import edge_text
from gpit_fairshare.words import counted, listed, nearest, nearest_of, one_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from gpit_fairshare.engine.model import Year
    from gpit_fairshare.inputs.model import Inputs
    from gpit_fairshare.scheme.model import Part, Scheme


_CELL_OF_ORIGIN = re.compile(r"(?P<file>.+) (?P<place>row [0-9]+|(?P<column>[A-Z]+)[0-9]+)")
"""A place as `Inputs.origins` writes it."""


def missing_value(scheme: Scheme, call: tree.TableCall, key: str | float | None) -> str:
    """Return why a function has no value in its table for a text or number, and what to do."""
    table, function, column = scheme.table(call.table), call.function, call.of
    unit = table.key_unit or scheme.symbols[column].unit
    if key is None:
        return f"{column} is blank, and {function}({table.name}, {column}) needs a value; fill in the cell"
    if isinstance(key, str):
        texts = [str(text) for text in table.keys]
        hint = nearest(key, texts) or f"; its rows are {listed(texts)}"
        reason = f"the table {table.name} has no row for it{hint}"
        return f"{column} is {_text(key)}, and {reason}; correct the text or the table"
    if key < table.edges[0]:
        reason, remedy = f"its first band begins at {_text(table.edges[0], unit)}", "add a band below it"
    elif table.end is not None and row_numbers("band_value", table, [key]) == [None]:
        reason, remedy = f"its last band ends at {_text(table.end, unit)}", "raise up_to, or add a band"
    else:  # only a line ends at the last edge
        reason, remedy = f"{function} ends at the last edge, {_text(table.edges[-1], unit)}", "add an edge above it"
    return f"{column} is {_text(key, unit)}, and the table {table.name} has no value for it: {reason}; {remedy}"


def values_without_row(scheme: Scheme, inputs: Inputs) -> list[Finding]:
    """Return a finding for each value of an input column for which a function of the scheme has no value in its table.

    It is an error. It is a warning if the function is in a branch of `where(…)` and the files do not say whether the
    organisation takes it. Blank cells that are errors are passed over: reading the files reports them.
    """
    findings = FindingCollector()
    refused: set[tuple[str, ...]] = set()
    parts: tuple[Part, ...] = (*scheme.steps, *scheme.checks, *scheme.outcomes)
    calls = [call for part in parts for call in _table_calls(part.tree)]
    for year, table_rows in inputs.tables.items():
        known = {
            name: parameter.values[year] for name, parameter in scheme.parameters.items() if year in parameter.values
        }
        rows = table_rows.with_columns(pl.lit(value.value).alias(name) for name, value in known.items())
        decided = [(call, branches, _decided(branches, rows)) for call, branches in calls if call.of in inputs.columns]
        # A call that is an error is not reported as a warning, too.
        for call, branches, conditions in sorted(decided, key=lambda use: len(use[1]) > len(use[2])):
            is_decided = len(branches) == len(conditions)
            report = findings.error if is_decided else findings.warning
            unless = "" if is_decided else "unless where(…) leaves this case out, "
            for code, reason, remedy in _missing_values(scheme, call, rows.filter(*conditions)):
                use = (call.function, call.table, call.of, year, code)
                if use not in refused:
                    refused.add(use)
                    cell = _CELL_OF_ORIGIN.fullmatch(origin := inputs.origins.get((year, code, call.of), ""))
                    where = Where(cell["file"], cell["place"], cell["column"] or call.of) if cell else Where(origin)
                    report(FindingCode.NO_TABLE_ROW, where, reason, remedy=f"{unless}{remedy}", organisation=code)
    return findings.items


def _missing_values(scheme: Scheme, call: tree.TableCall, rows: pl.DataFrame) -> Iterator[tuple[str, str, str]]:
    """Yield the code of each organisation for which a function has no value in its table, why, and the remedy."""
    keys = rows[call.of].to_list()
    numbers = row_numbers(call.function, scheme.table(call.table), keys)
    for code, key, row in zip(rows["org_code"].to_list(), keys, numbers, strict=True):
        if row is None and (key is not None or scheme.symbols[call.of].optional):
            reason, _, remedy = missing_value(scheme, call, key).rpartition("; ")
            yield code, reason, remedy


_Branches = tuple[tuple[tree.Expression, bool], ...]
"""Conditions of `where(…)` around a part of a formula, each with whether the part is used if it is true."""


def _table_calls(expression: tree.Expression, branches: _Branches = ()) -> Iterator[tuple[tree.TableCall, _Branches]]:
    """Yield each function of tables in a formula, with the branches that it is in."""
    if isinstance(expression, tree.TableCall):
        yield expression, branches
    is_where = isinstance(expression, tree.Call) and expression.function == "where"
    children = tree.children(expression)
    for position, child in enumerate(children):
        more = ((children[0], position == 1),) if is_where and position else ()
        yield from _table_calls(child, (*branches, *more))


def _decided(branches: _Branches, rows: pl.DataFrame) -> list[pl.Expr]:
    """Return whether each branch that only depends on the columns of these rows is taken; a blank counts as yes."""
    conditions = []
    for condition, is_first in branches:
        names = {name for name, _ in tree.names_in(condition)}
        if names <= {*rows.columns} and not any(isinstance(node, _NOT_OF_INPUTS) for node in tree.walk(condition)):
            value = render(condition, first_year=True).value
            conditions.append((value if is_first else ~value).fill_null(value=True))
    return conditions


_NOT_OF_INPUTS = (tree.Figure, tree.Previous, tree.Call)
"""Parts of a formula that need more than the columns of a row, or may be a plug-in's."""


class _Use(NamedTuple):
    """A function of a table in one year, with the rows of its column: their names, and their texts or numbers."""

    call: tree.TableCall
    names: list[str]
    keys: list[str | float | None]


def table_findings(scheme: Scheme, years: Sequence[Year]) -> list[Finding]:
    """Return what is to say about each table in use: its rows that are not needed, and who takes its `otherwise`."""
    findings = []
    uses: dict[str, list[_Use]] = {}
    for year in years:
        for call in year.table_calls:
            kind = scheme.symbols[call.of].kind
            keys = year.values(call.of, kind)
            names = year.codes() if kind == ORGANISATION else [str(key) for key in keys]
            uses.setdefault(call.table, []).append(_Use(call, names, keys))
    for name, uses_of_table in uses.items():
        table = scheme.table(name)
        findings += [*_unused_rows(scheme, table, uses_of_table), *_other_texts(scheme, table, uses_of_table)]
    return findings


def _unused_rows(scheme: Scheme, table: FormulaTable, uses: Sequence[_Use]) -> Iterable[Finding]:
    """Yield a note if some rows are for no organisation in any year, or a warning if all of several are in one row."""
    reached, needed = set[int](), set[int]()
    for use in uses:
        rows = {row for row in row_numbers(use.call.function, table, set(use.keys)) if row is not None}
        reached |= rows
        needed |= _rows_needed(use.call.function, rows)
    column, keys = scheme.symbols[uses[0].call.of], list[str | float](table.keys)
    unit = table.key_unit or column.unit
    unused = [_text(key, unit) for row, key in enumerate(keys) if row not in needed]
    if not unused:
        return
    bands = f"no value is in the band{'s' * (len(unused) > 1)} from {listed(unused)}"
    texts = f"no {scheme.organisation} has {listed(unused)}"
    rows_text = f"{len(unused):,} of {counted(len(keys), 'row')} of the table {table.name}"
    text = f"{bands if table.has_bands else texts}; {rows_text} {'are' if len(unused) > 1 else 'is'} not used"
    if len(reached) != 1 or len(uses[0].keys) == 1:
        yield Finding.note(FindingCode.ROWS_NOT_USED, text)
        return
    ends = sorted({key for use in uses for key in use.keys if isinstance(key, float)})
    extent = f" ({' to '.join(_text(end, column.unit) for end in dict.fromkeys((ends[0], ends[-1])))})" if ends else ""
    text += f", because all values of {column.name}{extent} are in one {'band' if table.has_bands else 'row'}"
    remedy = f"Check {'the unit of ' * table.has_bands}{column.name}, and the {'edges' if table.has_bands else 'keys'}"
    yield Finding.warning(FindingCode.ROWS_NOT_USED, text, remedy)


def _rows_needed(function: str, reached: set[int]) -> set[int]:
    """Return the positions of the rows that a function takes its values from, of those that its numbers reach."""
    match function:
        case "band_sum":  # it adds up every band below
            return set(range(max(reached, default=-1) + 1))
        case "band_line":  # a line ends at the next edge
            return reached | {row + 1 for row in reached}
        case _:
            return reached


def _other_texts(scheme: Scheme, table: FormulaTable, uses: Sequence[_Use]) -> Iterable[Finding]:
    """Yield a note if some texts take `otherwise`; it is a warning if one of them is similar to that of a row."""
    keys = [str(key) for key in table.keys]
    cells = {cell for use in uses for cell in zip(use.names, use.keys, strict=True)}
    others = {(name, str(key)) for name, key in cells if key is not None and key not in keys}
    if not table.has_otherwise or not others:
        return
    similar = {text: nearest_of(text, keys) for text in sorted({text for _, text in others})}
    slips = [f"{_text(text)} (similar to {_text(key)})" for text, key in similar.items() if key]
    noun = scheme.organisation if scheme.symbols[uses[0].call.of].kind == ORGANISATION else "group"
    count, total = (len({name for name, _ in pairs}) for pairs in (others, cells))
    text = (
        f"otherwise of the table {table.name} is for {count:,} of {counted(total, noun)}, whose texts no row has: "
        f"{listed([*slips, *(_text(text) for text, key in similar.items() if not key)])}"
    )
    report, remedy = (Finding.warning, "Correct the text, or add a row for it") if slips else (Finding.note, "")
    yield report(FindingCode.OTHERWISE, text, remedy)


def _text(key: str | float, unit: str | None = None) -> str:
    """Return a key of a table as text: a text in quotes, or a number in all its digits."""
    if isinstance(key, str):
        return f"'{one_line(key)}'"
    return edge_text(key, unit)
