"""Which organisation became which: mergers and splits by date, followed step by step.

The facts about CCGs are in two files. `ccg-successors.csv` has a row for each CCG that closed, with its
successor and the day from which the successor replaces it: 142 closures from 2015 to 2021. No CCG
ever split. There is one chain of two steps (10G, 10T and 11C became 15D, which became D4U1Y). The rows were
collected from published lists of NHS Digital's Organisation Data Service and the Office for National Statistics.

`ccg-codes.csv` has the 248 codes that CCGs ever had, 211 of April 2013 and 37 successors, with their names
and all their ONS codes. An ONS code may change although the ODS code does not, when a boundary
moves: 02M was E38000060 until 2018 and E38000226 since. Names are from NHS Digital, NHS Payments to
General Practice 2014/15. ONS codes are from the names and codes files of the Office for National
Statistics (NHS Postcode Directory, editions between 2015 and 2023) as copied in public lookups, and from
NHS Digital, Patients Registered at a GP Practice, January 2021. Each of the 265 codes from E38000001 to E38000265
has one owner, and the first 211 follow the alphabetical order of the names of 2013. Only that order shows
which of E38000061, E38000111 and E38000112 is 00F, 00G and 00H; the lists only show that the three went
into E38000212, and likewise that E38000213 and E38000214 followed E38000036 and E38000067.

Contains public sector information licensed under the Open Government Licence v3.0:
https://www.nationalarchives.gov.uk/doc/open-government-licence/version/3/
"""

from __future__ import annotations

import csv
from bisect import bisect_right
from datetime import date
from fractions import Fraction
from functools import cache
from importlib.resources import files
from itertools import groupby
from typing import TYPE_CHECKING, Literal, NamedTuple

from gpit_fairshare.numbers import shortest
from gpit_fairshare.words import joined

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterable, Mapping

# Written out, because strftime("%B") would follow the locale of the machine.
MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
CCGS_BEGAN = date(2013, 4, 1)
"""The day on which CCGs took over from primary care trusts (Health and Social Care Act 2012)."""
WHOLE = Fraction(1)
MOST_CLAUSES = 100
"""Most mergers that a sentence names; it counts the others."""


class Succession(NamedTuple):
    """An organisation that closed, and an organisation that replaces it from a day on."""

    predecessor: str
    successor: str
    effective: date
    name: str = ""
    """Name of the successor."""
    fraction: Fraction = WHOLE
    """How much of the predecessor went into this successor: 1 in a merger, parts that add up to 1 in a split."""


class Organisation(NamedTuple):
    """Facts about a code, apart from its successions."""

    code: str
    name: str = ""
    opened: date | None = None
    """First day; None if it opened with the first succession into it, or if the day is not known."""
    ons_codes: tuple[str, ...] = ()
    """All its codes from the Office for National Statistics, the oldest first."""


class Contradiction(NamedTuple):
    """Why successions contradict each other, and the predecessors of the rows concerned."""

    codes: tuple[str, ...]
    reason: str


class Crosswalk:
    """Closed organisations and their successors, whose parts add up to exactly the whole.

    Raises:
        ValueError: the successions contradict each other; see `contradictions`.
    """

    def __init__(self, successions: Iterable[Succession], organisations: Iterable[Organisation] = ()) -> None:
        self.successions = tuple(sorted(successions))
        for fault in contradictions(self.successions):
            raise ValueError(fault.reason)
        self._next = _grouped(self.successions, "predecessor")
        self._into = _grouped(self.successions, "successor")
        self._days = sorted({step.effective for step in self.successions})
        self._shares: dict[date, dict[str, dict[str, Fraction]]] = {}
        self.organisations = {organisation.code: organisation for organisation in organisations}
        """Every known organisation by code."""
        for step in self.successions:
            self.organisations.setdefault(step.successor, Organisation(step.successor, step.name))
            self.organisations.setdefault(step.predecessor, Organisation(step.predecessor))
        self._ods = {
            ons: organisation.code for organisation in self.organisations.values() for ons in organisation.ons_codes
        }

    def added(self) -> list[dict[str, str]]:
        """Return the successions that are not in the package, as rows of a crosswalk file; see `with_rows`."""
        packaged_steps = set(packaged_crosswalk().successions)
        return [
            {
                "org_code": step.predecessor,
                "successor_code": step.successor,
                "effective_date": step.effective.isoformat(),
                "fraction": str(step.fraction),
                "successor_name": step.name,
            }
            for step in self.successions
            if step not in packaged_steps
        ]

    def with_rows(self, rows: Iterable[Mapping[str, str]]) -> Crosswalk:
        """Return this crosswalk with more successions, in the form that `added` returns.

        Without rows, it is returned unchanged. A row that is invalid, or that contradicts another, raises a ValueError.
        """
        more = [_parse_succession(row) for row in rows]
        return Crosswalk([*self.successions, *more], self.organisations.values()) if more else self

    def shares(self, code: str, after: date, until: date) -> dict[str, Fraction]:
        """Return the organisations that `code` has become by the day `until`, and the fraction of it in each.

        Only changes later than `after` and no later than `until` are followed. Fractions are multiplied along a chain,
        and add up to 1. For a code that did not change, or is not known, the result is the code itself with 1.
        """
        steps = self._next.get(code, [])
        if not steps or not after < steps[0].effective <= until:
            return {code: WHOLE}
        # The organisations stay the same until the next change.
        day = self._days[bisect_right(self._days, until) - 1]
        if day not in self._shares:
            self._shares[day] = self._shares_by(day)
        return dict(self._shares[day][code])

    def _shares_by(self, day: date) -> dict[str, dict[str, Fraction]]:
        """Return the result of `shares` for each code that has closed by a day; each succession is followed once.

        A successor closes later than its predecessors. Codes are taken from the last to close to the first, so the
        shares of successors are calculated before they are needed.
        """
        shares: dict[str, dict[str, Fraction]] = {}
        for code, steps in sorted(self._next.items(), key=lambda entry: entry[1][0].effective, reverse=True):
            if steps[0].effective > day:
                continue
            parts: dict[str, Fraction] = {}
            for step in steps:
                for end, part in shares.get(step.successor, {step.successor: WHOLE}).items():
                    parts[end] = parts.get(end, Fraction()) + step.fraction * part
            shares[code] = dict(sorted(parts.items()))
        return shares

    def becomes(self, code: str, after: date, until: date) -> str:
        """Return the one organisation that `code` has become by the day `until`; see `shares`.

        Raises:
            ValueError: it split into several.
        """
        ends = list(self.shares(code, after, until))
        if len(ends) > 1:
            raise ValueError(f"{code} split into {joined(ends)}")
        return ends[0]

    def route(self, code: str, until: date) -> set[str]:
        """Return every organisation that any part of `code` went into by the day `until`, even if only for a time."""
        return _reachable_codes(
            code, lambda old: [step.successor for step in self._next.get(old, []) if step.effective <= until]
        )

    def origins(self, code: str, until: date) -> set[str]:
        """Return every organisation of which any part went into `code` by the day `until`, in any number of steps."""
        return _reachable_codes(code, lambda new: self.predecessors(new, until))

    def predecessors(self, code: str, until: date) -> tuple[str, ...]:
        """Return the codes that went directly into `code` by the day `until`, sorted."""
        return tuple(step.predecessor for step in self._into.get(code, []) if step.effective <= until)

    def opened(self, code: str) -> date:
        """Return the first day of an organisation; `date.min` if it is not known."""
        organisation = self.organisations.get(code)
        return organisation.opened if organisation and organisation.opened else self._first_into(code) or date.min

    def is_formed_by_merger(self, code: str) -> bool:
        """Return whether the organisation is new: it did not exist before its first predecessor went into it."""
        first = self._first_into(code)
        return first is not None and self.opened(code) >= first

    def _first_into(self, code: str) -> date | None:
        """Return the first day on which another organisation went into a code; None if none did."""
        return min((step.effective for step in self._into.get(code, [])), default=None)

    def is_open(self, code: str, day: date) -> bool:
        """Return whether an organisation existed on a day; one whose first day is not known existed until it closed."""
        steps = self._next.get(code, [])
        return self.opened(code) <= day and not (steps and steps[0].effective <= day)

    def ods_code(self, ons_code: str) -> str | None:
        """Return the ODS code of the organisation that has or had an ONS code; None if it is not known."""
        return self._ods.get(ons_code)

    def name(self, code: str) -> str:
        """Return the name of an organisation; empty if it is not known."""
        return self.organisations[code].name if code in self.organisations else ""

    def mergers(self, successor: str, after: date, until: date) -> list[list[Succession]]:
        """Return the mergers that led to `successor` between two days, the earliest first.

        A merger is all successions into one organisation on one day.
        """

        def steps_into(code: str) -> list[Succession]:
            """Return the successions into a code between the two days."""
            return [step for step in self._into.get(code, []) if after < step.effective <= until]

        members = _reachable_codes(successor, lambda code: [step.predecessor for step in steps_into(code)])
        steps = [step for code in {successor, *members} for step in steps_into(code)]
        days = groupby(sorted(steps, key=_day_and_successor), key=_day_and_successor)
        return [list(merger) for _, merger in days]

    def missing(
        self, code: str, until: date, present_codes: Container[str], first_day: date | None = None
    ) -> list[str]:
        """Return the organisations that went into `code` by the day `until`, in any number of steps, and have no row.

        Args:
            code: the organisation that the others went into.
            until: successions after this day are left out.
            present_codes: the codes that have a row.
            first_day: the day whose organisations the rows have; None if it is not known. If an organisation and all
                its predecessors have no row, the result names it if it existed on that day; if it did not, or if
                the day is not known, the result names its predecessors.
        """
        missing: list[str] = []
        waiting, visited = [*reversed(self.predecessors(code, until))], set[str]()
        while waiting:
            predecessor = waiting.pop()
            if predecessor in present_codes or predecessor in visited:
                continue
            visited.add(predecessor)
            older = self.predecessors(predecessor, until)
            if older and (
                first_day is None
                or self.opened(predecessor) > first_day
                or any(code in present_codes for code in older)
            ):
                waiting += reversed(older)
            else:
                missing.append(predecessor)
        return missing

    def merger_sentence(self, successor: str, after: date, until: date, names: Mapping[str, str] | None = None) -> str:
        """Return a sentence about the mergers into an organisation: `00F, 00G and 00H became 13T on 1 April 2015`.

        Args:
            successor: the organisation of the day `until`.
            after: changes on this day and before are left out.
            until: changes after this day are left out.
            names: names by code, written before the codes if known.

        Returns:
            One clause per merger, the earliest first, without a full stop; empty if no merger is known. After 100
            mergers, the others are counted: `…; and 7 more`. For an organisation that split, the sentence states
            the part: `40% of A and B became C on 1 April 2026`.
        """

        def label(code: str) -> str:
            """Return a code after its name, or alone if it has none."""
            name = (names or {}).get(code, "")
            return f"{name} ({code})" if name else code

        mergers = self.mergers(successor, after, until)
        clauses = [
            joined([part_of(step.fraction, label(step.predecessor)) for step in merger])
            + f" became {label(merger[0].successor)} on {day_in_words(merger[0].effective)}"
            for merger in mergers[:MOST_CLAUSES]
        ]
        more = [f"and {len(mergers) - MOST_CLAUSES:,} more"] if len(mergers) > MOST_CLAUSES else []
        return "; ".join([*clauses, *more])


def contradictions(successions: Iterable[Succession]) -> list[Contradiction]:
    """Return why successions contradict each other; nothing if they do not.

    Each predecessor goes into its successors on one day, in parts above 0 that add up to exactly 1. No organisation
    becomes itself again, and each closes later than the day on which another goes into it. This second rule is checked
    only if every predecessor obeys the first. A circle of organisations is returned once, as a whole.
    """
    by_code = _grouped(sorted(successions), "predecessor")
    problems = [Contradiction((code,), reason) for code, steps in by_code.items() if (reason := _fault_of(code, steps))]
    if problems:
        return problems
    too_early: dict[str, list[Contradiction]] = {}
    for code, steps in by_code.items():
        for step in steps:
            for later in by_code.get(step.successor, [])[:1]:
                if later.effective <= step.effective:
                    reason = (
                        f"{code} goes into {step.successor} on {day_in_words(step.effective)}, but {step.successor} "
                        f"closes on {day_in_words(later.effective)}, which is not later"
                    )
                    too_early.setdefault(code, []).append(Contradiction((code, step.successor), reason))
    # If every successor closes later, there can be no circle: look for circles only if one closes too early.
    circles = _circles(by_code) if too_early else {}
    for code in by_code:
        if code not in circles:
            problems += too_early.get(code, [])
        elif code == min(circles[code]):
            start = circles[code].index(code)
            circle = (*circles[code][start:], *circles[code][:start])
            problems.append(Contradiction(circle, f"{' becomes '.join(circle)} becomes {code} again"))
    return problems


def _fault_of(code: str, steps: list[Succession]) -> str:
    """Return the first error in the successions of one predecessor; empty if there is none."""
    successors = [step.successor for step in steps]
    days = sorted({step.effective for step in steps})
    total = sum(step.fraction for step in steps)
    if code in successors:
        return f"{code} is its own successor"
    if any(step.fraction <= 0 for step in steps):
        return f"a fraction of {code} is not above 0"
    if len(days) > 1:
        return f"{code} closes on {joined([day_in_words(day) for day in days])}"
    if len(set(successors)) < len(successors):
        return f"{code} goes twice into the same successor"
    if total != 1:
        return f"the fractions of {code} in {joined(successors)} add up to {total}, not 1"
    return ""


def _circles(by_code: Mapping[str, list[Succession]]) -> dict[str, tuple[str, ...]]:
    """Return the codes that become themselves again, each with the codes of its shortest circle."""
    circles: dict[str, tuple[str, ...]] = {}
    for code in by_code:
        if code not in circles and (circle := _shortest_circle(code, by_code)):
            circles[code] = circle
            if all(len(by_code[member]) == 1 for member in circle):  # no member is in another circle
                circles |= dict.fromkeys(circle, circle)
    return circles


def _shortest_circle(code: str, by_code: Mapping[str, list[Succession]]) -> tuple[str, ...]:
    """Return the codes of the shortest circle from a code back to itself; empty if there is none."""
    came_from = {code: ""}
    waiting = [code]
    for old in waiting:  # the list grows while it is read: the nearest codes first
        for step in by_code.get(old, []):
            if step.successor == code:
                way = [old]
                while way[-1] != code:
                    way.append(came_from[way[-1]])
                return tuple(reversed(way))
            if step.successor not in came_from:
                came_from[step.successor] = old
                waiting.append(step.successor)
    return ()


def _grouped(successions: Iterable[Succession], by: Literal["predecessor", "successor"]) -> dict[str, list[Succession]]:
    """Return the successions of each predecessor, or of each successor, by its code."""
    groups: dict[str, list[Succession]] = {}
    for step in successions:
        groups.setdefault(getattr(step, by), []).append(step)
    return groups


def _day_and_successor(step: Succession) -> tuple[date, str]:
    """Return the day and successor of a succession: those with the same are one merger."""
    return step.effective, step.successor


def _reachable_codes(start: str, next_to: Callable[[str], Iterable[str]]) -> set[str]:
    """Return all codes that can be reached from a code, in any number of steps of `next_to`."""
    reached: set[str] = set()
    waiting = [start]
    while waiting:
        fresh = set(next_to(waiting.pop())) - reached
        reached |= fresh
        waiting += fresh
    return reached


def _parse_succession(row: Mapping[str, str]) -> Succession:
    """Return the succession in a row of a crosswalk file."""
    day = date.fromisoformat(row["effective_date"])
    return Succession(row["org_code"], row["successor_code"], day, row["successor_name"], Fraction(row["fraction"]))


def part_of(fraction: Fraction, code: str) -> str:
    """Write a part of an organisation: `A`, `40% of A` or `1/3 of A`."""
    if fraction == 1:
        return code
    percent = fraction * 100
    whole_or_hundredths = (percent * 100).denominator == 1
    return f"{shortest(float(percent))}% of {code}" if whole_or_hundredths else f"{fraction} of {code}"


def day_in_words(day: date) -> str:
    """Write a day in words: `1 April 2015`."""
    return f"{day.day} {MONTHS[day.month - 1]} {day.year}"


@cache
def packaged_crosswalk() -> Crosswalk:
    """Return the CCGs of England and their mergers from 2015 to 2021, from the package's files; they are read once."""
    successions = [_parse_succession({"fraction": "1", **row}) for row in _read_packaged_rows("ccg-successors.csv")]
    successors = {step.successor for step in successions}
    organisations = [
        Organisation(
            row["org_code"],
            row["org_name"],
            None if row["org_code"] in successors else CCGS_BEGAN,
            tuple(row["ons_codes"].split()),
        )
        for row in _read_packaged_rows("ccg-codes.csv")
    ]
    return Crosswalk(successions, organisations)


def _read_packaged_rows(name: str) -> Iterable[dict[str, str]]:
    """Return the rows of a CSV file of this package, each by heading."""
    text = files(__package__).joinpath(name).read_text(encoding="utf-8")
    return csv.DictReader(text.splitlines(), strict=True)
