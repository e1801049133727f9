"""The error tree and the finding: everything that can be wrong with what a user gave.

GpitError                 exit code 2 unless said otherwise
├── UsageError            an option, a name or a place that cannot be
├── InputError            faults in population, spend or other input files
├── SchemeError           faults in a scheme, formula or transition file
│   └── FormulaError      one formula, with the position of the offending character
├── CaseError             faults in a regression case or its file of expected figures
├── SharingError          money that cannot be shared out as asked
├── CalculationError      a step that cannot be worked out for an organisation and year
├── PluginError           a plug-in that cannot be used, or gives what it may not
└── OutputError           a result that cannot be written where asked
"""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, get_args

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from fractions import Fraction

Level = Literal["error", "warning", "note"]
LEVELS: tuple[Level, ...] = get_args(Level)
"""The gravest first."""

_WORKBOOK = re.compile(r".*?\.(?:xlsx|ods):", re.IGNORECASE)
_CELL = re.compile(r"[A-Z]{1,3}[1-9][0-9]*")


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing noticed about input files, or files of a scheme: a fault, a warning or a note.

    `file` is a base name, never a path, so that a result says the same on every machine.
    """

    number: str
    """Stable number, such as `I07`; users and their scripts may rely on it."""
    level: Level
    file: str
    """Base name of the file, with `:sheet` where there is one; empty for the inputs as a whole."""
    place: str
    """Cell (`C5`), row and column (`row 5, historic_spend`), or step or key; empty for the whole file."""
    found: str
    """What was found, a phrase that can follow the place."""
    expected: str = ""
    remedy: str = ""
    others: tuple[Finding, ...] = ()
    """Findings in the same column with the same cause, where there are too many to list one by one."""

    @property
    def each(self) -> tuple[Finding, ...]:
        """The finding, and after it those that it counts, each with its own place."""
        return (replace(self, others=()), *self.others)

    @property
    def sheet(self) -> str:
        """Sheet of a workbook; empty where there is none."""
        match = _WORKBOOK.match(self.file)
        return self.file[match.end() :] if match else ""

    @property
    def cell(self) -> str:
        """Cell of a workbook, as `C5`; empty where no single cell is meant."""
        return self.place if self.sheet and _CELL.fullmatch(self.place) else ""

    def entry(self) -> dict[str, Any]:
        """Return the finding with stable, documented keys."""
        return {
            "number": self.number,
            "level": self.level,
            "file": self.file,
            "sheet": self.sheet,
            "place": self.place,
            "cell": self.cell,
            "found": self.found,
            "expected": self.expected,
            "remedy": self.remedy,
            "others": [{"place": other.place, "cell": other.cell, "found": other.found} for other in self.others],
        }

    @property
    def said(self) -> str:
        """What was found and what was expected, without the place."""
        return f"{self.found}; expected {self.expected}" if self.expected else self.found

    def __str__(self) -> str:
        where = ": ".join(part for part in (self.file, self.place) if part)
        sentence = f"{where}: {self.said}" if where else self.said
        if self.remedy:
            sentence += f" {self.remedy}" if sentence.endswith("?") else f". {self.remedy}"
        return sentence if sentence.endswith("?") else sentence.rstrip(".") + "."


class GpitError(Exception):
    """Base of every error that a user can cause. Its text is one line, fit for a screen."""

    exit_code = 2


class UsageError(GpitError):
    """An option, a name or a place that cannot be."""


class InputError(GpitError):
    """One or more faults in the input files, all of them found in one go."""

    def __init__(self, findings: Sequence[Finding]) -> None:
        self.findings = tuple(findings)
        faults = [finding for finding in self.findings if finding.level == "error"]
        first = str(faults[0]) if faults else "the inputs are not fit for use."
        super().__init__(first if len(faults) < 2 else f"{len(faults)} faults in the inputs; first: {first}")


class SchemeError(GpitError):
    """A fault in a scheme, formula or transition file: file, step or key, what to do."""


class CaseError(GpitError):
    """A fault in a regression case or its expected figures: file, place, what to do."""


Sort = Literal["text", "name", "unit", "kind"]
"""What is wrong with a formula: its text, a name in it, units that do not fit, or kinds and types of values."""


class FormulaError(SchemeError):
    """A fault in one formula.

    `position` counts characters from 1; 0 means the formula as a whole. `where` (file and step)
    is filled in by whoever knows it.
    """

    def __init__(self, message: str, position: int = 0, where: str = "", sort: Sort = "text") -> None:
        self.message = message
        self.position = position
        self.where = where
        self.sort = sort
        place = f"{where}, character {position}" if where and position else where
        place = place or (f"character {position}" if position else "")
        super().__init__(f"{place}: {message}" if place else message)

    def at(self, where: str) -> FormulaError:
        """Return the same fault with its file and step named."""
        return FormulaError(self.message, self.position, where, self.sort)


class SharingError(GpitError):
    """Money that cannot be shared out as asked; whoever knows the names says whose and which year."""

    def __init__(
        self,
        reason: Literal["negative_weight", "crossed_bounds", "floors_exceed_amount", "nothing_to_share_by"],
        *,
        group: int = 0,
        row: int | None = None,
        least: Fraction | None = None,
        amount: Fraction | None = None,
    ) -> None:
        self.reason = reason
        self.group = group
        self.row = row
        self.least = least
        self.amount = amount
        super().__init__(reason.replace("_", " "))


class CalculationError(GpitError):
    """A step that cannot be worked out: step, organisation, year and why."""


class PluginError(GpitError):
    """A plug-in that cannot be used, or gives what it may not: which package, what was found, what to do."""


class OutputError(GpitError):
    """A result that cannot be written: which file, why, and that the old one is whole."""


def nearest(name: str, known: Iterable[str], count: int = 3) -> str:
    """Say which known names are nearest: `; did you mean a or b?`, or an empty text if none is near."""
    pool = sorted({one for one in known if one.isprintable() and one != name})  # names on a disk may hold line ends
    folded = {candidate.casefold(): candidate for candidate in pool}
    hits = difflib.get_close_matches(name.casefold(), list(folded), n=count, cutoff=0.6)
    return f"; did you mean {' or '.join(folded[hit] for hit in hits)}?" if hits else ""


class Stopped(BaseException):
    """A signal asks gpit to stop. No library takes it for an error, and none turns it into an exit code."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.exit_code = 128 + number
