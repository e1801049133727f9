"""A comparison as Markdown, fit for a pull request: within GitHub's limit, and proof against what is in a name."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from gpit_fairshare.comparison import shown
from gpit_fairshare.comparison.headline import QUOTED, headline, method
from gpit_fairshare.words import in_markdown, on_one_line

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gpit_fairshare.comparison.model import Comparison, Difference
    from gpit_fairshare.comparison.shown import Shown

LONGEST: Final = 60_000
"""Characters; GitHub takes 65,536 in a comment."""
_RESERVE: Final = 400
"""Characters kept for what says that something was left out."""
_CODE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_LONGEST_TEXT: Final = 120


def markdown(comparison: Comparison, top: int = 10) -> str:
    """Return headline, totals, causes, the `top` largest movements, and what changed in the definition."""
    paper = _Paper()
    paper.add(f"### {text(headline(comparison), 400)}\n\n")
    paper.many([f"**{text(line, 400)}**\n\n" for line in comparison.off_rule])
    sides = (("Old", comparison.old), ("New", comparison.new))
    paper.add("".join(f"* {word}: {'; '.join(map(text, shown.side_said(side)))}\n" for word, side in sides))
    if comparison.illustrative:
        paper.add(f"\n**{QUOTED}.** {text(' '.join(comparison.illustrative), 400)}\n")
    paper.table("Totals", shown.totals(comparison))
    if comparison.attribution:
        paper.table("Causes", shown.causes(comparison))
        said = [
            f"* {_term(shown.cause_name(one))}: {text(shown.cause_said(one), 400)}\n"
            for one in comparison.attribution
            if shown.cause_said(one)
        ]
        paper.add("\n")
        paper.many(said)
        paper.add(f"\n{method(comparison)}\n")
    elif comparison.untold:
        paper.add(f"\nCauses cannot be told: {text(comparison.untold, 400)}.\n")
    _rows(paper, comparison, top)
    _lists(paper, comparison)
    _definition(paper, comparison.differences)
    return paper.text()


def text(given: str, most: int = _LONGEST_TEXT) -> str:
    """Return a text as Markdown shows it as it is, whatever it holds; a longer one is cut."""
    line = on_one_line(given)
    return in_markdown(f"{line[:most].rstrip()}…" if len(line) > most else line)


def name(given: str) -> str:
    """Return the name of a step, a column or a parameter as code; whatever else it may be as a text."""
    return f"`{given}`" if _CODE.fullmatch(given) and len(given) <= _LONGEST_TEXT else text(given)


def _term(given: str) -> str:
    """Return a name such as `transition_fund` as code, and whatever else it may be as a text."""
    return name(given) if "_" in given else text(given)


class _Paper:
    """What was written so far, and how much room there is."""

    def __init__(self) -> None:
        self.parts: list[str] = []
        self.left = LONGEST - _RESERVE
        self.lost: list[str] = []
        """Headings of sections for which there was no room."""

    def add(self, part: str) -> bool:
        """Write a part if there is room for it."""
        if len(part) > self.left:
            return False
        self.parts.append(part)
        self.left -= len(part)
        return True

    def many(self, parts: Sequence[str]) -> None:
        """Write as many parts as there is room for, and count the rest."""
        for count, part in enumerate(parts):
            if not self.add(part):
                self.parts.append(f"\n… and {len(parts) - count:,} more, for which there is no room here.\n")
                self.left = 0
                return

    def heading(self, title: str) -> bool:
        """Write the heading of a section, if there is room for one."""
        there = self.add(f"\n#### {title}\n\n")
        self.lost += [] if there else [title]
        return there

    def table(self, title: str, table: Shown) -> None:
        """Write a table under its heading."""
        if not table.rows or not self.heading(title):
            return
        marks = ["---:" if at in table.figures else "---" for at in range(len(table.heads))]
        self.add(f"| {' | '.join(table.heads)} |\n| {' | '.join(marks)} |\n")
        self.many([f"| {' | '.join(_term(cell) for cell in row)} |\n" for row in table.rows])

    def text(self) -> str:
        """Return all that was written, and what was not."""
        lost = f"\nNo room for: {', '.join(self.lost)}. The JSON document has all.\n" if self.lost else ""
        return "".join(self.parts) + lost


def _rows(paper: _Paper, comparison: Comparison, top: int) -> None:
    """Write the largest movements and the organisations of one side alone, each `top` of them."""
    for title, changes in (
        ("Largest movements", comparison.moved),
        ("Added", comparison.only("added")),
        ("Removed", comparison.only("removed")),
    ):
        if changes and top:
            paper.table(title, shown.movements(changes[:top], comparison))
            if len(changes) > top:
                paper.add(f"\n… and {len(changes) - top:,} more.\n")
    if comparison.remarks and paper.heading("Remarks"):
        paper.many([f"* {text(one, 300)}\n" for one in comparison.remarks])


def _lists(paper: _Paper, comparison: Comparison) -> None:
    firsts = shown.firsts(comparison)
    if firsts and paper.heading("Where rows first differ"):
        paper.many([f"* {text(one)}\n" for one in firsts])
    for title, columns in zip(
        ("Columns of the old result alone", "Columns of the new result alone"), comparison.columns, strict=True
    ):
        if columns and paper.heading(title):
            paper.many([", ".join(name(one) for one in columns) + "\n"])


def _definition(paper: _Paper, differences: Sequence[Difference]) -> None:
    """Write what changed in the rule, formulas as code."""
    if not differences or not paper.heading("What changed in the definition"):
        return
    listed, notes = shown.without_notes(differences)
    paper.many([*(_difference(one) for one in listed), *([f"* {text(notes, 300)}\n"] if notes else [])])


def _difference(one: Difference) -> str:
    named = [] if one.what.startswith(one.name) else [name(one.name)]
    named += [one.year] if one.year else []
    head = f"{one.what}: {', '.join(named)}" if named else one.what
    note = f" ({text(one.note, 200)})" if one.note else ""
    if one.what in shown.FORMULAS:
        return f"* {head}{note}\n\n{_code(one.old, one.new)}\n"
    values = " → ".join(text(shown.brief(value), 300) for value in (one.old, one.new) if value)
    return f"* {head}{': ' if values else ''}{values}{note}\n"


def _code(old: str, new: str) -> str:
    """Return formulas as a difference; the fence is longer than any in them."""
    lines = [f"{sign} {on_one_line(one)}" for sign, one in (("-", old), ("+", new)) if one]
    longest = max((len(run) for line in lines for run in re.findall("`+", line)), default=0)
    fence = "`" * max(3, longest + 1)
    return "".join(f"  {line}\n" for line in (f"{fence}diff", *lines, fence))
