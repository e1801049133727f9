"""The maturity index on the screen: CCGs and practices in order, and what the index rests on."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from rich.cells import cell_len

from gpit_fairshare.findings import FindingCode
from gpit_fairshare.numbers import or_dash, per_head, percentage, whole, written_value
from gpit_fairshare.reports.checking import show_findings
from gpit_fairshare.reports.terminal import Cells, Column, Page, Row
from gpit_fairshare.words import counted, plural

if TYPE_CHECKING:
    from collections.abc import Sequence

    import polars as pl
    from rich.console import Console

    from gpit_fairshare.maturity import Maturity

_EITHER_END: Final = 10
"""CCGs or practices that are named at either end of the order."""
_LONGEST_CODE: Final = 12
_ALIKE: Final = 3
"""Findings of one kind that are shown."""
_FAILING: Final = 12
_NAME: Final = 12
"""Columns that a name gets at least."""
_NAMES: Final = 2
"""Where the names stand in a table."""
_SPARED: Final = ("Practices", "List size")
"""Headings that a narrow screen goes without, the first to go first; the tables that are written have them."""


def show_maturity(maturity: Maturity, console: Console, *, written: Sequence[str] = ()) -> None:
    """Print the verdict, the CCGs and the practices in order, what the index rests on, and findings.

    Args:
        maturity: What was worked out.
        console: Where to print; 80 columns hold all of its figures, and it uses 100 at most.
        written: Names of the files that were written.
    """
    page = Page(console)
    _verdict(page, maturity)
    if written:
        page.paragraph(f"Written: {', '.join(written)}")
    _settings(page, maturity)
    _answered(page, maturity)
    _order(page, "CCG", maturity.ccgs, _CCG)
    _money(page, maturity)
    _order(page, "practice", maturity.practices, _PRACTICE)
    _assumptions(page, maturity)
    show_findings(
        [one for one in maturity.findings if one.number != FindingCode.SET_FOR_THIS_RUN], console, alike=_ALIKE
    )
    _checks(page, maturity)


def _verdict(page: Page, maturity: Maturity) -> None:
    result = maturity.result
    failing = len({one.name for one in result.checks if not one.holds})
    number = len(result.scheme.checks)
    checks = f"{failing} of {number} checks fail{'s' if failing == 1 else ''}" if failing else "every check holds"
    who = f"{counted(maturity.practices.height, 'practice')} of {counted(maturity.ccgs.height, 'CCG')},"
    pieces = [f"{result.scheme.title}:", who, f"{maturity.year},", f"{checks}."]
    page.packed(pieces, "bold" if result.agrees else "bold red")


def _settings(page: Page, maturity: Maturity) -> None:
    scheme = maturity.result.scheme
    found = scheme.overridden()
    if found:
        page.heading("Set for this run, not in the scheme", "bold yellow")
    for name, _, value in found:
        unit = scheme.parameters[name].unit
        page.paragraph(f"{scheme.labels[name]} ({name}): {written_value(value.value, unit, value.written)}", lead="  ")


def _answered(page: Page, maturity: Maturity) -> None:
    """Say how much is answered, and who answered nothing: the index is silent about them."""
    asked = maturity.indicators_asked
    most = asked * maturity.practices.height
    page.blank()
    share = percentage(maturity.answered / most) if most else "none"
    page.paragraph(
        f"Index of all practices, by list size: {or_dash(maturity.index, _mark)}. "
        f"Answered: {maturity.answered:,} of {most:,} ({share}), {counted(asked, 'indicator')} for each practice."
    )
    silent = maturity.practices.filter(maturity.practices["maturity_index"].is_null())
    if silent.height:
        one = silent.height == 1
        said = "has no index and counts in no average" if one else "have no index and count in no average"
        who = f"{counted(silent.height, 'practice')} without an answer of {'its' if one else 'their'} own"
        page.paragraph(f"{who} {said}: {_codes(silent)}.")
    empty = maturity.ccgs.filter(maturity.ccgs["maturity_index"].is_null())
    if empty.height:
        _empty(page, empty)


def _empty(page: Page, ccgs: pl.DataFrame) -> None:
    """Say which CCGs have no index, and why: nobody answered, or whoever did has no patients to count by."""
    answered = ccgs["practices_with_index"] > 0
    nobody, no_patients = ccgs.filter(~answered), ccgs.filter(answered)
    if nobody.height:
        page.paragraph(f"{counted(nobody.height, 'CCG')} without any practice that answered: {_codes(nobody)}.")
    if no_patients.height:
        who = f"{counted(no_patients.height, 'CCG')} without an index"
        page.paragraph(f"{who}, since no practice that answered has patients: {_codes(no_patients)}.")


def _codes(table: pl.DataFrame) -> str:
    codes = table["org_code"].to_list()
    more = f" and {len(codes) - _EITHER_END:,} more" if len(codes) > _EITHER_END else ""
    return ", ".join(codes[:_EITHER_END]) + more


def _mark(index: float) -> str:
    return f"{index:.1f}"


def _count(number: float) -> str:
    return f"{number:,.0f}"


def _with_index(row: dict[str, Any]) -> str:
    """Write how many practices of a CCG have an index, of how many where that is not all."""
    own, every = row["practices_with_index"], row["practices"]
    return f"{own:,}" if own == every else f"{own:,} of {every:,}"


_Heads: TypeAlias = tuple[tuple[str, Callable[[dict[str, Any]], str]], ...]
"""Headings of a table's further columns, and how a row is written in each."""

_CCG: Final[_Heads] = (
    ("Index", lambda row: _mark(row["maturity_index"])),
    ("Answered", lambda row: percentage(row["answered_share"])),
    ("Practices", _with_index),
    ("List size", lambda row: whole(row["ccg_population"])),
    ("£/head", lambda row: or_dash(row["allocation_per_head"], per_head)),
)
_PRACTICE: Final[_Heads] = (
    ("CCG", lambda row: row["ccg_code"]),
    ("Index", lambda row: _mark(row["maturity_index"])),
    ("Answered", lambda row: _count(row["indicators_answered"])),
    ("List size", lambda row: whole(row["registered_population"])),
)


def _order(page: Page, one: str, table: pl.DataFrame, heads: _Heads) -> None:
    """Print the best and the worst by rank; all of them where they are few."""
    rows = table.drop_nulls("maturity_index").to_dicts()
    if len(rows) <= 2 * _EITHER_END:
        _table(page, f"{plural(one)[:1].upper()}{plural(one)[1:]} by maturity index", rows, heads)
        return
    _table(page, f"The {_EITHER_END} {plural(one)} with the highest index", rows[:_EITHER_END], heads)
    _table(page, f"The {_EITHER_END} {plural(one)} with the lowest index", rows[-_EITHER_END:], heads)


def _name(row: dict[str, Any]) -> str:
    """Return a name without what all CCGs have in theirs."""
    return (row["org_name"] or "–").removeprefix("NHS ").removesuffix(" CCG")


def _table(page: Page, title: str, rows: Sequence[dict[str, Any]], heads: _Heads) -> None:
    if not rows:
        return
    page.heading(title)
    if all(row.get("allocation_per_head") is None for row in rows):
        heads = tuple(head for head in heads if head[0] != "£/head")
    columns, head, cells = _laid_out(page, rows, heads)
    while sum(one.width + 2 for one in columns) - 2 > page.width and any(name in _SPARED for name, _ in heads):
        spared = next(name for name in _SPARED if name in dict(heads))
        heads = tuple(one for one in heads if one[0] != spared)
        columns, head, cells = _laid_out(page, rows, heads)
    page.table(columns, [Row(row) for row in cells], head)


def _laid_out(page: Page, rows: Sequence[dict[str, Any]], heads: _Heads) -> tuple[list[Column], Cells, list[Cells]]:
    """Return columns of a table, its headings and its rows, with names as short as they must be and may."""
    cells = [
        [f"{row['rank']:,}", page.cut(row["org_code"], _LONGEST_CODE), _name(row)] + [write(row) for _, write in heads]
        for row in rows
    ]
    head = ["Rank", "Code", "Name", *(name for name, _ in heads)]
    widths = [max(cell_len(page.fit(row[at])) for row in [head, *cells]) for at in range(len(head))]
    room = page.width - sum(width + 2 for at, width in enumerate(widths) if at != _NAMES)
    widths[_NAMES] = max(min(widths[_NAMES], room), _NAME)
    columns = [Column(width, figures=at == 0 or at > _NAMES) for at, width in enumerate(widths)]
    return columns, head, [[*row[:2], page.cut(row[2], widths[_NAMES]), *row[3:]] for row in cells]


def _money(page: Page, maturity: Maturity) -> None:
    found = maturity.rank_correlation
    if found is not None:
        page.blank()
        page.paragraph(
            f"Rank correlation of index and £ per head: {found:.2f}. "
            "Below nought the less mature CCGs have more per head, above nought less."
        )


def _assumptions(page: Page, maturity: Maturity) -> None:
    """Say what the sources do not: all of it stands in the workbook and the JSON document."""
    assumptions = maturity.result.scheme.assumptions
    texts = dict.fromkeys(one.text for one in assumptions)
    page.heading(f"{counted(len(assumptions), 'assumption')}")
    for text in texts:
        page.paragraph(f"{sum(one.text == text for one in assumptions)} × {text}", lead="  ")


def _checks(page: Page, maturity: Maturity) -> None:
    for check in maturity.result.checks:
        if not check.holds:
            page.heading(f"Does not hold: {check.name}", "bold red")
            page.paragraph(f"{check.formula}: {', '.join(check.failing[:_FAILING]) or 'national'}", lead="  ")
