"""Formulas as every program writes them: what differs in writing alone is taken out before they are compared."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from openpyxl.formula.translate import Translator, TranslatorError

if TYPE_CHECKING:
    from collections.abc import Mapping

_TOKEN: Final = re.compile(
    r"""
      (?P<text>"(?:[^"]|"")*")
    | (?P<quoted>'(?:[^']|'')*')!
    | (?P<sheet>(?<![\w.\]])[^\W\d][\w.]*)!
    | (?P<space>\s+)
    | (?P<prefix>_xl(?:fn|ws|udf)\.)
    | (?P<truth>(?<![\w.])(?:true|false)\s*\(\s*\))
    """,
    re.IGNORECASE | re.VERBOSE,
)
_BEFORE: Final = re.compile(r"""[\w.)\]"'}#%]""")
_AFTER: Final = re.compile(r"""[\w.(\["'{$#]""")
"""What a reference or value ends with, and begins with: a space between the two means where ranges meet."""


def normal(formula: str, sheets: Mapping[str, str]) -> str:
    """Return a formula without what differs between programs that save the same workbook.

    Spaces between operators, capitals, `_xlfn.` before newer functions, `TRUE()` for `TRUE` and quotation marks
    around names of sheets go. Texts, `$` and the space that intersects ranges stay.

    Args:
        formula: Text of the formula, without its `=`.
        sheets: For each sheet that has another name in this workbook, its casefolded name to that which gpit gives it.
    """
    parts: list[str] = []
    end = 0
    for token in _TOKEN.finditer(formula):
        parts.append(formula[end : token.start()].upper())
        end = token.end()
        match token.lastgroup:
            case "text":
                parts.append(token[0])
            case "quoted" | "sheet":
                name = token["sheet"] or token["quoted"][1:-1].replace("''", "'")
                parts.append(f"'{sheets.get(name.casefold(), name).upper()}'!")
            case "space":
                between = _BEFORE.match(formula[: token.start()][-1:]) and _AFTER.match(formula[end : end + 1])
                parts.append(" " if between else "")
            case "truth":
                parts.append("TRUE" if token[0][:1] in "tT" else "FALSE")
    parts.append(formula[end:].upper())
    return "".join(parts)


def moved(formula: str, origin: str, place: str) -> str:
    """Return the formula of a cell that shares it with another: references move along, but for those with a `$`.

    Args:
        formula: Text of the formula where it stands, without its `=`.
        origin: Address of the cell in which it stands.
        place: Address of the cell that shares it.
    """
    try:
        return str(Translator(f"={formula}", origin).translate_formula(place))[1:]
    except (TranslatorError, ValueError, IndexError):  # a reference that would leave the sheet
        return "#REF!"
