"""What a run says about tables: values that no row or band is for, rows that no organisation needs, and `otherwise`."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from gpit_fairshare.findings import Finding, FindingCode
from gpit_fairshare.language.kinds import ORGANISATION
from gpit_fairshare.language.tables import FormulaTable, row_numbers
from gpit_fairshare.numbers import edge_text
from gpit_fairshare.words import counted, listed, nearest, nearest_of, one_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from gpit_fairshare.engine.model import Year
    from gpit_fairshare.language.tree import TableCall
    from gpit_fairshare.scheme.model import Scheme


def missing_value(call: TableCall, table: FormulaTable, key: str | float | None, unit: str | None) -> str:
    """Return why a function has no value in a table for a text or number, and what to do; `unit` is that of numbers."""
    function, column = call.function, call.of
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


class _Use(NamedTuple):
    """A function of a table in one year, with the rows of its column: their names, and their texts or numbers."""

    call: TableCall
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
        table = scheme.symbols[name].table
        assert table is not None  # noqa: S101  # the name is that of a table
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
