"""How wide texts and figures run in Arial, measured in figures as columns are."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Final

BOLD: Final = 1.08
"""How much wider bold letters run."""
_RUNS: Final = {
    "'ijl|": 0.4,
    " !,./:;I[\\]ft": 0.5,
    "()-`r{}": 0.6,
    '"*Jcksvxyz^': 0.9,
    "FTZ+<=>~": 1.08,
    "ABEKPSVXY&": 1.2,
    "CDHNRUw": 1.3,
    "GOQ": 1.4,
    "Mm": 1.5,
    "%": 1.6,
    "W@": 1.8,
}
_WIDTHS: Final = {letter: width for letters, width in _RUNS.items() for letter in letters}
"""Widths of Arial's letters, where they are not that of a figure; columns are measured in figures."""
_DECIMALS: Final = {
    "£": 0,
    "thousands": 0,
    "pence": 2,
    "£ per head": 2,
    "change": 0,
    "change per head": 2,
    "people": 0,
    "count": 0,
    "ratio": 4,
    "remainder": 6,
}
_NO_POUNDS: Final = ("people", "count", "ratio", "remainder")


@lru_cache(maxsize=20_000)
def text_width(text: str) -> float:
    """Return how wide a text in Arial runs, measured in figures as columns are: capitals take more than letters."""
    return 1.03 * sum([_WIDTHS.get(one, 1.0) if one < "\u1100" else 2.0 for one in text])


def lines_needed(text: str, width: float) -> int:
    """Return how many lines a text takes in a column of a width, word by word; a longer word is broken."""
    lines = 0
    for paragraph in text.split("\n"):
        lines, used = lines + 1, 0.0
        for word in paragraph.split(" "):
            own = text_width(word)
            if used and used + own > width:
                lines, used = lines + 1, 0.0
            lines += math.ceil(own / width) - 1 if own > width else 0
            used += (own % width if own > width else own) + text_width(" ")
    return lines


def number_width(value: float, kind: str) -> float:
    """Return how wide a figure runs in a format, as FORMATS calls it; 0 for those that shrink into their column."""
    if kind in ("%", "distance"):
        return text_width(f"+{value:.1%}")
    if kind not in _DECIMALS:
        return 0.0
    sign = "-" if value < 0 else "+" if kind.startswith("change") else ""
    return text_width(f"{sign}{'' if kind in _NO_POUNDS else '£'}{abs(value):,.{_DECIMALS[kind]}f}")
