"""Widths of texts and figures in Arial, in the unit of column widths: one figure."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Final

BOLD: Final = 1.08
"""Width of bold letters relative to normal ones."""
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
"""Widths of Arial's letters that are not as wide as a figure."""
FORMATS: Final = {
    "£": "£#,##0;-£#,##0",
    "millions": "£#,##0.0,,",
    "pence": "£#,##0.00;-£#,##0.00",
    "£ per head": "£#,##0.00;-£#,##0.00",
    "change": "+£#,##0;-£#,##0;£0",
    "change in thousands": "+#,##0,;-#,##0,;0",
    "change or nothing": "+£#,##0;-£#,##0;",
    "change per head": "+£#,##0.00;-£#,##0.00;£0.00",
    "people": "#,##0",
    "%": "0.0%",
    "distance": "+0.0%;-0.0%;0.0%",
    "ratio": "0.0000",
    "decimals": "#,##0.0000",
    "number": "General",
    "note": "General",
    "text": "@",
    "count": "#,##0",
    "remainder": "0.000000",
}
"""The number formats of the workbook, by their names."""


@lru_cache(maxsize=20_000)
def text_width(text: str) -> float:
    """Return the width of a text in Arial, in the unit of column widths; capitals are wider than small letters."""
    return 1.03 * sum([_WIDTHS.get(character, 1.0) if character < "\u1100" else 2.0 for character in text])


def lines_needed(text: str, width: float) -> int:
    """Return how many lines a text takes in a column of this width; words longer than a line are broken."""
    lines = 0
    for paragraph in text.split("\n"):
        lines, used = lines + 1, 0.0
        for word in paragraph.split(" "):
            word_width = text_width(word)
            if used and used + word_width > width:
                lines, used = lines + 1, 0.0
            lines += math.ceil(word_width / width) - 1 if word_width > width else 0
            used += (word_width % width if word_width > width else word_width) + text_width(" ")
    return lines


def number_width(value: float, kind: str) -> float:
    """Return the width of a number in a format of FORMATS; 0 for a format that shrinks numbers into their column."""
    form = FORMATS[kind].partition(";")[0]
    if form == "General":
        return 0.0
    if "%" in form:
        return text_width(f"+{value:.1%}")
    sign = "-" if value < 0 else "+" if form.startswith("+") else ""
    decimals = len(form.partition(".")[2])
    return text_width(f"{sign}{'£' if '£' in form else ''}{abs(value):,.{decimals}f}")
