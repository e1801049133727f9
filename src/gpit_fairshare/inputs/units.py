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
_PLAIN_TITLE = re.compile(
    rf"(?:.*[\s,;:(\[–-])?£\s*(?:in\s+)?{_SIZE}\s*[)\].]?"
    r"(?:[\s,;:(–-]+(?:(?:19|20)[0-9]{2}(?:\s?[/–-]\s?[0-9]{2,4})?|draft|final)\)?)*"
    rf"|(?:(?:all|the)\s+)?(?:figures|amounts|values|sums|spend|costs?|money)\b[\w\s,]*?£\s*{_SIZE}\b.*",
    re.IGNORECASE,
)
"""A title that ends in the unit, or begins with what is in it."""
_OTHER_SENSE = re.compile(
    r"\b(?:nearest|round\w*|previous\w*|former\w*|not|was|were|until|unless|except|but)\b", re.IGNORECASE
)
_NOT_UNDERSTOOD = re.compile(
    r"[€$%]|(?<![a-z])(?:pence|pennies|hundreds?|k|bn|thousands?|millions?|[’']?0?00s?)(?![a-z0-9])"
    r"|\b(?:per|a)\s+(?:head|patient)\b",
    re.IGNORECASE,
)
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
    """Return the unit that a title states for all money below it: `GP IT spend, £000`, `All figures in £m`."""
    found = list(_IN_TITLE.finditer(title))
    if len(found) != 1 or _OTHER_SENSE.search(title) or not _PLAIN_TITLE.fullmatch(title.strip()):
        return None
    return _stated(found[0])


def is_vague(text: str) -> bool:
    """Whether a title or note speaks of thousands or millions in a way that leaves open which figures are."""
    return bool(_VAGUE.search(text) or _IN_TITLE.search(text)) and not unit_in_title(text)


def is_odd_unit(heading: str) -> bool:
    """Whether a heading of money seems to state a unit that is not understood: `Spend (pence)`, `spend_k`."""
    bare, stated = split_unit(heading)
    return stated is None and bool(_NOT_UNDERSTOOD.search(bare.replace("_", " ")))


def scaled(number: float, factor: int) -> float:
    """Multiply a figure as it is written, so that 4.35 in £k is £4,350 and not a penny less."""
    return number if factor == 1 else float(Fraction(repr(number)) * factor)


def _stated(match: re.Match[str]) -> Stated:
    size = next((group for group in match.groups() if group), "")
    text = match[0].strip(" ,:–-()[]")
    money = "£" in text or "gbp" in text.casefold()
    return Stated(_FACTORS[re.sub(r"[,\s]", "", size.casefold())], text, is_money=money)
