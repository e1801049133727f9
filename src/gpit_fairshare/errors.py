"""The errors that a user can cause.

GpitError                 exit code 2 unless noted otherwise
├── UsageError            an impossible option, name or place
├── InputError            faults in population, spend or other input files
├── SchemeError           faults in a scheme, formula or transition file
│   └── FormulaError      one formula, with the position of the offending character
├── CaseError             faults in a regression case or its file of expected figures
├── SharingError          money that cannot be shared out as asked
├── CalculationError      a step that cannot be calculated for an organisation and year
├── PluginError           a plug-in that cannot be used, or returns something invalid
└── OutputError           a result that cannot be written where asked
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Sequence
    from fractions import Fraction

    from gpit_fairshare.findings import Finding


class GpitError(Exception):
    """Base of every error that a user can cause. Its text is one line, fit for a screen.

    `findings` are the findings behind it: all those of the files that were read, including errors.
    """

    exit_code = 2

    def __init__(self, message: str, *findings: Finding) -> None:
        super().__init__(message)
        self.findings = findings


class UsageError(GpitError):
    """An impossible option, name or place."""


class InputError(GpitError):
    """One or more faults in the input files, all of them found in one go."""

    def __init__(self, findings: Sequence[Finding]) -> None:
        faults = [finding for finding in findings if finding.level == "error"]
        first = str(faults[0]) if faults else "the inputs cannot be used yet."
        message = first if len(faults) < 2 else f"{len(faults)} problems in the inputs. The first: {first}"
        super().__init__(message, *findings)


class SchemeError(GpitError):
    """A fault in a scheme, formula or transition file: file, step or key, what to do."""


class CaseError(GpitError):
    """A fault in a regression case or its expected figures: file, place, what to do."""


Sort = Literal["text", "name", "unit", "kind"]
"""What is wrong with a formula: its text, a name in it, units that do not fit, or kinds and types of values."""


class FormulaError(SchemeError):
    """A fault in one formula.

    `position` counts characters from 1; 0 means the formula as a whole. `where` (file and step)
    is filled in by the caller that knows it.
    """

    def __init__(self, message: str, position: int = 0, where: str = "", sort: Sort = "text") -> None:
        self.message = message
        self.position = position
        self.where = where
        self.sort = sort
        place = ", ".join(part for part in (where, f"character {position}" if position else "") if part)
        super().__init__(f"{place}: {message}" if place else message)

    def at(self, where: str) -> FormulaError:
        """Return the same fault with its file and step named."""
        return FormulaError(self.message, self.position, where, self.sort)


class SharingError(GpitError):
    """Money that cannot be shared out as asked; the caller adds the names and the year."""

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
    """A step that cannot be calculated: step, organisation, year and why."""


class PluginError(GpitError):
    """A plug-in that cannot be used, or returns something invalid: which package, the problem, what to do."""


class OutputError(GpitError):
    """A result that cannot be written: which file, why, and that the old file is unchanged."""


class Stopped(BaseException):
    """Raised when a signal asks gpit to stop; not an `Exception`, so that no library handles it as an error."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.exit_code = 128 + number
