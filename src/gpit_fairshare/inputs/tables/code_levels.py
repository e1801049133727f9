"""Levels of organisations, by their codes of the NHS and of the Office for National Statistics.

Levels are relative: `Q44`, an area team, is a total only in a table with codes of a lower level, such as CCGs.
In a file of area teams only, each area team is an organisation.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


class Level(NamedTuple):
    """A level of organisations."""

    rank: int
    """Higher for larger areas."""
    name: str
    parts: str = ""
    """How the codes of its parts begin, if it does not contain every lower level."""


_NHS_CODE = re.compile(
    r"(Y[0-9]{2})|(Q[0-9]{2})|(Q[A-Z][0-9A-Z])|([0-9][0-9A-Z]{2}|[A-Z][0-9][A-Z][0-9][A-Z])|([A-Z][0-9]{5})"
)
_NHS = (
    Level(6, "region"),
    Level(5, "area team or regional office"),
    Level(5, "ICB"),
    Level(3, "CCG"),
    Level(1, "practice"),
)
"""The level of each group of the pattern."""
_AUTHORITY = Level(3, "local authority")
_ONS_CODE = re.compile(r"[EK][0-9]{8}")
_ONS = {
    "K02": Level(10, "country"),
    "K03": Level(9, "country"),
    "K04": Level(8, "country"),
    "E92": Level(7, "country"),
    "E12": Level(6, "region"),
    "E40": Level(6, "region"),
    "E54": Level(5, "ICB"),
    # Counties contain districts, but not unitary authorities or boroughs. All of these are upper-tier authorities.
    "E10": Level(4, "county", "E07"),
    "E11": Level(4, "metropolitan county", "E08"),
    "E13": Level(4, "part of London", "E09"),
    "E38": Level(3, "CCG"),
    "E06": _AUTHORITY,
    "E07": _AUTHORITY,
    "E08": _AUTHORITY,
    "E09": _AUTHORITY,
}
_SHAPE = str.maketrans("0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ", "9" * 10 + "A" * 52)
_KNOWN_SHARE = 0.75
"""Share of a table's codes that must be known before they give levels: invented codes such as `Q12` may look like NHS
codes."""


def level_of(code: str) -> Level | None:
    """Return the level of a code; None if it is not known."""
    if _ONS_CODE.fullmatch(code):
        return _ONS.get(code[:3])
    match = _NHS_CODE.fullmatch(code)
    return _NHS[match.lastindex - 1] if match and match.lastindex else None


class CodeLevels:
    """The levels of the codes of one table."""

    def __init__(self, codes: Sequence[str]) -> None:
        """Find the level of each code. No code gets one if too few are known, or if all have the same level.

        Args:
            codes: one for each row; empty if the row has none.
        """
        levels = {code: level for code in dict.fromkeys(codes) if (level := level_of(code))}
        known_levels = [levels[code] for code in codes if code in levels]
        has_levels = len(set(known_levels)) > 1 and len(known_levels) >= _KNOWN_SHARE * sum(map(bool, codes))
        self._levels = levels if has_levels else {}
        self._ranks = Counter(level.rank for level in known_levels if has_levels)

    def is_above(self, codes: Iterable[str], parts: Iterable[str]) -> bool:
        """Return whether all codes are known to have levels that can contain those of their parts.

        Parts without a known level do not count; if no part has one, the result is false.
        """
        above = {self._levels.get(code) for code in codes}
        below = {(level, part[:3]) for part in parts if (level := self._levels.get(part))}
        return bool(below) and all(
            level is not None and _can_contain(level, part, prefix) for level in above for part, prefix in below
        )

    def kind_of(self, code: str) -> str:
        """Return the name of a code's level; if this table gives it none, the code with 9 for digits, A for letters."""
        level = self._levels.get(code)
        return level.name if level else code.translate(_SHAPE)

    def higher_codes(self) -> dict[str, Level]:
        """Return the codes of areas that contain other organisations of the same table, each with its level.

        Their level is above the most frequent one, which is that of the organisations.
        """
        # The most frequent level is that of the organisations.
        usual = min(self._ranks, key=lambda rank: (-self._ranks[rank], rank), default=0)
        parts = {(level, code[:3]) for code, level in self._levels.items()}
        higher = {
            level
            for level, _ in parts
            if level.rank > usual and any(_can_contain(level, part, prefix) for part, prefix in parts)
        }
        return {code: level for code, level in self._levels.items() if level in higher}


def _can_contain(level: Level, part: Level, prefix: str) -> bool:
    """Return whether areas of one level contain those of another, whose codes begin with `prefix`."""
    return level.rank > part.rank and level.parts in ("", prefix)
