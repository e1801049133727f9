"""Units that headings and titles state: `£'000`, `(£k)`, `£m`. A unit is applied only where it is stated."""

from __future__ import annotations

import re
from fractions import Fraction
from typing import NamedTuple

_FACTORS = {
    **dict.fromkeys(("000", "000s", "k", "thousand", "thousands"), 1_000),
    **dict.fromkeys(("m", "mn", "million", "millions", "000000"), 1_000_000),
    **dict.fromkeys(("bn", "billion", "billions"), 1_000_000_000),
    "": 1,
}
_SIZE = r"[’'‘`]?\s*(000s?|000,?000|k|thousands?|m|mn|millions?|bn|billions?)"
_MONEY = rf"(?:£|GBP)\s*(?:in\s+)?(?:{_SIZE})?"
_COUNT = r"(?:in\s+)?(?:[’'‘`](000s?)|(000s)|(thousands|millions))"
_BRACKETED = re.compile(rf"[\(\[]\s*(?:in\s+)?(?:{_MONEY}|{_COUNT})\s*[\)\]]", re.IGNORECASE)
_AT_END = re.compile(rf"(?:^|[\s,:–-])(?:in\s+)?(?:{_MONEY}|{_COUNT})\s*$", re.IGNORECASE)
_AT_START = re.compile(rf"^(?:£|GBP)\s*{_SIZE}\s+(?=\w)", re.IGNORECASE)
_ALONE = re.compile(rf"[\(\[]?\s*(?:in\s+)?(?:{_MONEY}|{_COUNT})\s*[\)\]]?", re.IGNORECASE)
_IN_TITLE = re.compile(rf"(?<![\w£])£\s*(?:in\s+)?{_SIZE}(?![\w'’])", re.IGNORECASE)
_VAGUE = re.compile(r"\bin\s+(?:thousands|millions|000s|['’]000s?)\b", re.IGNORECASE)
_NO_UNIT = ("%", "(%)", "people", "patients", "number", "no.", "no", "#", "text", "ratio", "yes/no", "£ per head")


class Stated(NamedTuple):
    """A unit that a text states."""

    factor: int
    """What one of the figures is worth: 1,000 for `£'000`."""
    text: str
    """The unit as it stands in the file."""
    is_money: bool


def split_unit(heading: str) -> tuple[str, Stated | None]:
    """Split a heading into its words and the unit that it states at its end, its start or in brackets."""
    for pattern in (_BRACKETED, _AT_END, _AT_START):
        match = pattern.search(heading)
        if match:
            bare = " ".join(f"{heading[: match.start()]} {heading[match.end() :]}".split()).rstrip(" ,:–-")
            return (bare, _stated(match)) if bare else (heading, _stated(match))
    return heading, None


def unit_alone(text: str) -> Stated | None:
    """Return the unit that a cell below or above a heading states, if it states nothing else.

    A unit that changes no figure, such as `%` or `people`, is a factor of 1.
    """
    match = _ALONE.fullmatch(text.strip())
    if match and match[0]:
        return _stated(match)
    return Stated(1, text.strip(), is_money=False) if text.strip().casefold() in _NO_UNIT else None


def unit_in_title(title: str) -> Stated | None:
    """Return the unit of money that a title states, wherever it stands in it."""
    match = _IN_TITLE.search(title)
    return _stated(match) if match else None


def is_vague(title: str) -> bool:
    """Whether a title speaks of thousands or millions without saying of what."""
    return bool(_VAGUE.search(title)) and not unit_in_title(title)


def scaled(number: float, factor: int) -> float:
    """Multiply a figure as it is written, so that 4.35 in £k is £4,350 and not a penny less."""
    return number if factor == 1 else float(Fraction(repr(number)) * factor)


def _stated(match: re.Match[str]) -> Stated:
    size = next((group for group in match.groups() if group), "")
    text = match[0].strip(" ,:–-()[]")
    money = "£" in text or "gbp" in text.casefold()
    return Stated(_FACTORS[re.sub(r"[,\s]", "", size.casefold())], text, is_money=money)
