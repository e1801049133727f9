"""Which CCG became which: mergers by date, followed in a chain.

The facts are in `ccg-successors.csv`: one row per CCG that closed, with its successor and the day from
which the successor stands in its place. They were collected from published lists of NHS Digital's
Organisation Data Service and the Office for National Statistics: 142 closures from 2015 to 2021, no CCG
ever split, one chain of two steps (10G, 10T and 11C became 15D, which became D4U1Y).

Contains public sector information licensed under the Open Government Licence v3.0:
https://www.nationalarchives.gov.uk/doc/open-government-licence/version/3/
"""

from __future__ import annotations

import csv
from datetime import date
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

# Written out, because strftime("%B") would follow the locale of the machine.
MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)


class Succession(NamedTuple):
    """One organisation that closed, and the one that stands in its place from a day on."""

    predecessor: str
    successor: str
    effective: date
    name: str = ""
    """Name of the successor."""


class Merger(NamedTuple):
    """All organisations that became one successor on one day."""

    predecessors: tuple[str, ...]
    successor: str
    effective: date


class Crosswalk:
    """Closed organisations and their successors; no organisation has two successors."""

    def __init__(self, successions: Iterable[Succession]) -> None:
        self.successions = tuple(sorted(successions))
        self._next: dict[str, Succession] = {}
        self._into: dict[str, list[Succession]] = {}
        for succession in self.successions:
            if succession.predecessor in self._next:
                # A split needs shares of people, which a list of mergers does not hold.
                raise ValueError(f"{succession.predecessor} has two successors")
            self._next[succession.predecessor] = succession
            self._into.setdefault(succession.successor, []).append(succession)

    def becomes(self, code: str, after: date, until: date) -> str:
        """Return the organisation that stands for `code` on the day `until`.

        Only changes that take effect later than `after` and no later than `until` are followed. A code
        that did not change, or is not known, is returned as it is.
        """
        step = self._next.get(code)
        while step and after < step.effective <= until:
            code, after = step.successor, max(after, step.effective)
            step = self._next.get(code)
        return code

    def predecessors(self, code: str, until: date) -> tuple[str, ...]:
        """Return the codes that merged straight into `code` by the day `until`, sorted."""
        return tuple(step.predecessor for step in self._into.get(code, ()) if step.effective <= until)

    def mergers(self, successor: str, after: date, until: date) -> list[Merger]:
        """Return the mergers that led to `successor` between two days, the earliest first."""
        found: list[Merger] = []
        days: dict[date, list[str]] = {}
        for step in self._into.get(successor, ()):
            if after < step.effective <= until:
                found.extend(self.mergers(step.predecessor, after, step.effective))
                days.setdefault(step.effective, []).append(step.predecessor)
        found.extend(Merger(tuple(sorted(codes)), successor, day) for day, codes in days.items())
        return sorted(found, key=lambda merger: (merger.effective, merger.successor))

    def merger_sentence(self, successor: str, after: date, until: date, names: Mapping[str, str] | None = None) -> str:
        """Say how an organisation came about: `00F, 00G and 00H became 13T on 1 April 2015`.

        Args:
            successor: the organisation that stands on the day `until`.
            after: changes of this day and before are left out.
            until: changes after this day are left out.
            names: names by code, put before the codes where known.

        Returns:
            One clause per merger, the earliest first, without a full stop; empty if none is known.
        """

        def called(code: str) -> str:
            name = (names or {}).get(code, "")
            return f"{name} ({code})" if name else code

        return "; ".join(
            f"{_and(called(code) for code in merger.predecessors)} became {called(merger.successor)}"
            f" on {day_in_words(merger.effective)}"
            for merger in self.mergers(successor, after, until)
        )


def day_in_words(day: date) -> str:
    """Write a day as people do: `1 April 2015`."""
    return f"{day.day} {MONTHS[day.month - 1]} {day.year}"


@cache
def packaged_crosswalk() -> Crosswalk:
    """Return the mergers of CCGs from 2015 to 2021 that come with the package; read once."""
    text = files(__package__).joinpath("ccg-successors.csv").read_text(encoding="utf-8")
    return Crosswalk(
        Succession(
            row["org_code"],
            row["successor_code"],
            date.fromisoformat(row["effective_date"]),
            row["successor_name"],
        )
        for row in csv.DictReader(text.splitlines(), strict=True)
    )


def _and(texts: Iterable[str]) -> str:
    *most, last = texts
    return f"{', '.join(most)} and {last}" if most else last
