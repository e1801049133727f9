"""A comparison on the screen: what changed, for whom, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rich.cells import cell_len

from gpit_fairshare.comparison import shown
from gpit_fairshare.comparison.headline import QUOTED, headline, method
from gpit_fairshare.comparison.shown import FORMULAS, NEW_FINDING
from gpit_fairshare.reports.terminal import Column, Page, Row
from gpit_fairshare.words import sentence

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from gpit_fairshare.comparison import Change, Comparison, Difference
    from gpit_fairshare.comparison.shown import Shown

_LONGEST_CODE: Final = 12
_NAME: Final = 8
"""Columns that a name gets at least; a year needs as many."""
_ALIKE: Final = 8
"""Differences of one kind that are shown; the rest is counted."""
_FINDINGS: Final = 3
"""New findings that are shown."""


def show_comparison(comparison: Comparison, console: Console, *, top: int = 10, written: Sequence[str] = ()) -> None:
    """Print a comparison, the verdict first.

    Args:
        comparison: What was compared.
        console: Where to print; the layout needs 56 columns and uses 100 at most.
        top: Rows of each list.
        written: Names of the files that the comparison was written to.
    """
    page = Page(console)
    page.paragraph(headline(comparison), "bold green" if comparison.agrees else "bold")
    for line in comparison.off_rule:
        page.paragraph(line, "bold red")
    if written:
        page.paragraph(f"Written: {', '.join(written)}")
    for word, side in (("Old", comparison.old), ("New", comparison.new)):
        page.paragraph("; ".join(shown.side_said(side)), lead=f"{word}  ")
    if comparison.illustrative:
        page.heading(QUOTED, "bold yellow")
        for text in comparison.illustrative:
            page.paragraph(text, lead="  ")
    if not comparison.same:
        _table(page, "Totals", _totals(page, comparison))
        _causes(page, comparison)
        for title, changes in (
            ("Largest movements", comparison.moved),
            ("Added", comparison.only("added")),
            ("Removed", comparison.only("removed")),
        ):
            _movements(page, title, changes, comparison, top)
        _listed(page, "Where rows first differ", shown.firsts(comparison))
    _listed(page, "Remarks", [sentence(one) for one in comparison.remarks])
    for title, columns in zip(("In the old result alone", "In the new result alone"), comparison.columns, strict=True):
        if columns:
            page.heading(title)
            page.paragraph(", ".join(columns), lead="  ")
    _definition(page, comparison.differences)


def _totals(page: Page, comparison: Comparison) -> Shown:
    """Return the totals as fully as the page has room: pence go first, then per cent, then who gains and loses."""
    full, whole = shown.totals(comparison), shown.totals(comparison, pence=False)
    narrower = (full, whole, shown.table_without(whole, "%"), shown.table_without(whole, "%", "Gain", "Lose"))
    return next((one for one in narrower if sum(_widths(page, one)) + 2 * len(one.heads) <= page.width), narrower[-1])


def _causes(page: Page, comparison: Comparison) -> None:
    if comparison.untold:
        page.heading("Causes cannot be told")
        page.paragraph(comparison.untold, lead="  ")
        return
    if not comparison.attribution:
        return
    _table(page, "Causes", shown.causes(comparison))
    for one in comparison.attribution:
        said = shown.cause_said(one)
        if said:
            page.paragraph(f"{shown.cause_name(one)}: {said}", lead="  ")
    page.paragraph(method(comparison), lead="  ")


def _movements(page: Page, title: str, changes: Sequence[Change], comparison: Comparison, top: int) -> None:
    if not changes or not top:
        return
    table = shown.movements(changes[:top], comparison)
    rows = [[page.cut(row[0], _LONGEST_CODE), *row[1:]] for row in table.rows]
    if len(comparison.years) == 1:
        year = table.heads.index("Year")
        rows = [[*row[:year], *row[year + 1 :]] for row in rows]
        figures = range(table.figures.start - 1, table.figures.stop - 1)
        table = table._replace(heads=[head for head in table.heads if head != "Year"], figures=figures)
    _table(page, title, table._replace(rows=rows), name=1)
    if len(changes) > top:
        page.paragraph(f"… and {len(changes) - top:,} more; --top {len(changes)} shows all.", lead="  ")


def _table(page: Page, title: str, table: Shown, name: int = 0) -> None:
    """Print a table under its heading; the texts of one column are cut to what the figures leave of the width."""
    if not table.rows:
        return
    page.heading(title)
    widths = _widths(page, table)
    room = page.width - 2 - sum(width + 2 for at, width in enumerate(widths) if at != name)
    widths[name] = max(min(widths[name], room), min(widths[name], _NAME))
    columns = [Column(width + (0 if at else 2), at in table.figures) for at, width in enumerate(widths)]
    rows = [
        Row([page.cut(cell, widths[at]) if at == name else cell for at, cell in enumerate(row)], indent=2)
        for row in table.rows
    ]
    head = [f"  {table.heads[0]}", *table.heads[1:]]
    page.table(columns, rows, head)


def _widths(page: Page, table: Shown) -> list[int]:
    """Return the width that each column needs."""
    return [max(cell_len(page.fit(row[at])) for row in [table.heads, *table.rows]) for at in range(len(table.heads))]


def _listed(page: Page, title: str, texts: Sequence[str]) -> None:
    if not texts:
        return
    page.heading(title)
    for text in texts[:_ALIKE]:
        page.paragraph(text, lead="  ")
    if len(texts) > _ALIKE:
        page.paragraph(f"… and {len(texts) - _ALIKE:,} more", lead="  ")


def _definition(page: Page, differences: Sequence[Difference]) -> None:
    """Print what changed in the rule and around it, the kinds one after another."""
    if not differences:
        return
    page.heading("What changed in the definition")
    listed, notes = shown.without_notes(differences)
    for what, there in shown.grouped(listed).items():
        most = _FINDINGS if what == NEW_FINDING else _ALIKE
        if len(there) == most + 1:  # to say that there is one more takes as much room as to show it
            most += 1
        for one in there[:most]:
            _difference(page, one)
        if len(there) > most:
            page.paragraph(f"… and {len(there) - most:,} more of these: {what}", lead="  ")
    if notes:
        page.paragraph(sentence(notes), lead="  ")


def _difference(page: Page, one: Difference) -> None:
    head = sentence(shown.headed(one))
    note = f" ({one.note})" if one.note else ""
    if one.what in FORMULAS:
        page.paragraph(f"{head}{note}", lead="  ")
        for word, text in (("old", one.old), ("new", one.new)):
            if text:
                page.paragraph(text, lead=f"    {word}  ")
        return
    values = " → ".join(shown.brief(text) for text in (one.old, one.new) if text)
    page.paragraph(f"{head}{': ' if values else ''}{values}{note}", lead="  ")
