"""Which code of another file may be meant by a code that this file has alone: by its name, or one letter apart."""

from __future__ import annotations

import re
from difflib import SequenceMatcher
from functools import lru_cache
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

MOST_SLIPS: Final = 300
"""Codes that the other file has alone, above which the files are of different organisations."""
MOST_NAMED: Final = 3
"""Candidates for one code, above which none is likely."""
_ALIKE: Final = 0.6
"""Ratio of `difflib` above which two names may be those of one organisation."""
_KIND = re.compile(r"\b(?:nhs|ccgs?|icbs?|clinical commissioning groups?|integrated care boards?|the)\b", re.IGNORECASE)


def counterparts(code: str, name: str, others: Mapping[str, str]) -> list[str]:
    """Return the codes of another file that may be meant by a code; none if there are too many to say.

    Args:
        code: a code that the other file lacks.
        name: its name, empty if no file says it.
        others: name by code of what the other file has and this one lacks; names may be empty.
    """
    if len(others) > MOST_SLIPS:
        return []
    bare = bare_name(name)
    likely = [other for other, called in others.items() if bare and bare_name(called) == bare]
    likely = likely or [
        other
        for other, called in others.items()
        if is_one_letter_apart(code, other) and _may_be_one(bare, bare_name(called))
    ]
    return sorted(likely) if len(likely) <= MOST_NAMED else []


@lru_cache(maxsize=2 * MOST_SLIPS)
def bare_name(name: str) -> str:
    """Return a name without case and punctuation, and without what the organisation is: NHS, CCG, ICB."""
    words = _KIND.sub(" ", name.replace("&", " and "))
    return " ".join(re.sub(r"[\W_]+", " ", words).casefold().split())


def is_one_letter_apart(code: str, other: str) -> bool:
    """Return whether one letter or digit changed, added or left out makes one code of the other."""
    if code == other or abs(len(code) - len(other)) > 1:
        return False
    at = next((at for at, (mine, theirs) in enumerate(zip(code, other, strict=False)) if mine != theirs), None)
    if at is None:  # the longer code begins with the shorter
        return True
    return code[at + 1 :] in (other[at + 1 :], other[at:]) or code[at:] == other[at + 1 :]


def _may_be_one(name: str, other: str) -> bool:
    return not (name and other) or SequenceMatcher(None, name, other).ratio() > _ALIKE
