"""A ladder as text: one bar for each amount, and for each change the part that it adds or takes away."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Final

from gpit_fairshare.words import visible

if TYPE_CHECKING:
    from collections.abc import Callable

    from gpit_fairshare.explanation.model import Rung
    from gpit_fairshare.reports.document import Ladder

_SHORTEST_BAR: Final = 20
"""Characters that bars have at least; longer labels are wrapped."""
_INDENT: Final = "  "
"""Before the label of a change."""


def text_lines(ladder: Ladder, width: int, fit: Callable[[str], str] = visible) -> list[str]:
    """Return a ladder as lines: label, amount and bar, in at most `width` characters if that is 60 or more.

    A bar of an amount begins at zero. A change is `+` or `-` signs between the amounts before and after it.

    Args:
        ladder: The ladder.
        width: Characters of a line.
        fit: Returns a text in characters that can be printed.
    """
    figures = max(len(fit(rung.text)) for rung in ladder.rungs)
    longest = max(len(fit(rung.label)) + len(_INDENT) * (rung.kind == "change") for rung in ladder.rungs)
    labels = min(longest, max(width - figures - 4 - _SHORTEST_BAR, _SHORTEST_BAR))
    bars = max(width - labels - figures - 4, 0)
    lines = []
    for rung in ladder.rungs:
        indent = _INDENT if rung.kind == "change" else ""
        *first, last = textwrap.wrap(fit(rung.label), labels, initial_indent=indent, subsequent_indent=indent) or [""]
        begin, end = bar(rung, ladder.largest, bars)
        sign = fit("█") if rung.kind == "amount" else "+" if rung.amount > 0 else "-"
        lines += [*first, f"{last:{labels}}  {fit(rung.text):>{figures}}  {' ' * begin}{sign * (end - begin)}".rstrip()]
    return lines


def bar(rung: Rung, largest: float, width: int) -> tuple[int, int]:
    """Return where the bar of a rung begins and ends, in whole units from 0 to `width`, which is `largest` £.

    Nothing below zero has a bar.
    """
    ends = (rung.start, rung.start + rung.amount)
    begin, end = (round(max(pounds, 0.0) / largest * width) if largest > 0 else 0 for pounds in sorted(ends))
    return begin, end
