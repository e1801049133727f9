"""Numbers as finance writes them: `£1,234`, `(1,234)`, `−5`, `-`, `£4.2m`. Read if there is one meaning."""

from __future__ import annotations

import re
import unicodedata
from decimal import Decimal
from typing import Literal, NamedTuple

Notation = Literal["plain", "written", "dash"]

_MINUS = "-−–"
_SPACES = "\u00a0\u2007\u2009\u202f"
"""Spaces that a spreadsheet puts between thousands. An ordinary space may as well part two numbers."""
_SIZES = {"k": 3, "thousand": 3, "m": 6, "mn": 6, "million": 6, "bn": 9, "billion": 9}
_DIGITS = rf"[0-9]{{1,3}}(?:,[0-9]{{3}})+|[0-9]{{1,3}}(?:[{_SPACES}][0-9]{{3}})+|[0-9]+"
_EITHER = re.compile(rf"[{_MINUS}]?[1-9][0-9]{{0,2}}\.[0-9]{{3}}")
"""A decimal, or thousands where the comma is the decimal point."""
_PLAIN = re.compile(r"-?[0-9]+(?:\.[0-9]+)?")
_NUMBER = re.compile(
    rf"(?P<before>[{_MINUS}+]?)\s?(?P<pound>£|GBP\s?)?\s?(?P<after>[{_MINUS}]?)"
    rf"(?P<digits>{_DIGITS})?(?P<decimals>\.[0-9]+)?"
    rf"\s?(?P<size>k|thousand|mn?|million|bn|billion)?(?P<last>[{_MINUS}]?)(?P<percent>\s?%)?",
    re.IGNORECASE,
)
_DASH = re.compile(rf"£?\s?(?:[{_MINUS}]|—)")
_REMEDIES = {
    rf"^{_EITHER.pattern}\Z": (
        "Between semicolons it may be a decimal, or thousands: save the file with commas between cells, or as .xlsx"
    ),
    r"^(n/a|na|nil|none|null|\.\.|\*|tbc|x|\[(x|z|c|low)\])\Z": (
        "Write 0 if nil is meant; if the figure is not known, it must be found first"
    ),
    r"^[0-9.]*[0-9],[0-9]+\Z": "Write it with a full stop for the decimal point: 1234.56",
    r"^[0-9]+([/-][0-9]+)+\Z": "It may be a fraction, a date or a year: write the number",
    r"^-?[0-9.]+e[+-]?[0-9]+\Z": "Write all of its digits: Excel drops some where it shows 1E+05",
    r"\b(cr|dr)$": "Write a minus sign before what is taken off; ledgers differ in what CR means",
    r"[$€]": "Give the amount in pounds",
    r"^£?[0-9][0-9 ]*[0-9](\.[0-9]+)?\Z": "It may be two numbers: write it without spaces",
    r"[0-9]\s*(\*+|\[.*\]|\(\w\)|[†‡§]+|\^\w+)$": "Take the mark of the footnote out of the cell",
}
"""What to do about texts that are no numbers, by a pattern for them in small letters; the first that fits counts."""


class Number(NamedTuple):
    """What a text was read as."""

    value: Decimal
    notation: Notation
    has_size: bool = False
    """Whether the text itself says thousands or millions."""
    percent: bool = False


def read_number(text: str, *, decimal_comma: bool = False) -> Number | None:
    """Read a text as a number; None if it has no meaning as one, or more than one.

    Args:
        text: without spaces around it.
        decimal_comma: whether the file is of a kind in which a comma may be the decimal point and a full stop
            may part thousands, so that `1,234` and `1.234` say either of two numbers.
    """
    if decimal_comma and _EITHER.fullmatch(text):
        return None
    if _PLAIN.fullmatch(text):
        return Number(Decimal(text), "plain")
    if _DASH.fullmatch(text):
        return Number(Decimal(0), "dash")
    inside, negative = text, False
    if text.startswith(("(", "£(")) and text.endswith(")"):
        inside, negative = text.replace("(", "", 1)[:-1].strip(), True
    match = _NUMBER.fullmatch(inside)
    if not match or not (match["digits"] or match["decimals"]):
        return None
    signs = [sign for sign in (match["before"], match["after"], match["last"]) if sign]
    if len(signs) + negative > 1:
        return None
    whole, decimals = match["digits"] or "0", match["decimals"] or ""
    if decimal_comma and re.fullmatch(r"[0-9]{1,3},[0-9]{3}", whole) and not decimals and not match["pound"]:
        return None
    value = Decimal(re.sub(rf"[,{_SPACES}]", "", whole) + decimals).scaleb(_SIZES.get((match["size"] or "").lower(), 0))
    if negative or any(sign in _MINUS for sign in signs):
        value = -value
    percent = match["percent"] is not None
    return Number(value / 100 if percent else value, "written", match["size"] is not None, percent)


def decimal_places(number: Decimal) -> int:
    """Return how many decimal places a number needs: 1 for 1.50, and none for 1,500."""
    return -min(int(number.normalize().as_tuple().exponent), 0)


def advice(text: str) -> str:
    """Say what to do about a text that is not read as a number; empty if there is nothing to say."""
    folded = text.strip().casefold()
    for pattern, remedy in _REMEDIES.items():
        if re.search(pattern, folded):
            return remedy
    if any(unicodedata.decomposition(sign).startswith(("<super>", "<sub>")) for sign in folded):
        return "Take what is raised or lowered out of the cell, if it marks a footnote; write a power in full"
    return ""
