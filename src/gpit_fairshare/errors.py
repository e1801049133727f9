"""The errors that a user can cause.

GpitError                 exit code 2 unless noted otherwise
├── UsageError            an impossible option, name or place
├── InputError            problems in population, spend or other input files
├── SchemeError           problems in a scheme, formula or transition file
│   └── FormulaError      one formula, with the position of the offending character
├── CaseError             problems in a regression case or its file of expected figures
├── SharingError          money that cannot be shared out as asked
├── CalculationError      a step that cannot be calculated for an organisation and year
├── PluginError           a plug-in that cannot be used, or returns something invalid
└── OutputError           a result that cannot be written where asked
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from gpit_fairshare.words import with_caret

if TYPE_CHECKING:
    from collections.abc import Sequence
    from fractions import Fraction

    from gpit_fairshare.findings import Finding


class GpitError(Exception):
    """Base of every error that a user can cause. Its text is one line for a screen.

    `findings` are all findings about the files that were read, including the errors.
    """

    exit_code = 2

    def __init__(self, message: str, *findings: Finding) -> None:
        """Make an error with its message and the findings about the files that were read."""
        super().__init__(message)
        self.findings = findings


class UsageError(GpitError):
    """An impossible option, name or place."""


class InputError(GpitError):
    """One or more problems in the input files; all are listed."""

    def __init__(self, findings: Sequence[Finding]) -> None:
        """Make one error of all findings; its text is the first error, after the number of errors if there are more."""
        faults = [finding for finding in findings if finding.level == "error"]
        first = str(faults[0]) if faults else "the inputs cannot be used yet."
        message = first if len(faults) < 2 else f"{len(faults)} problems in the inputs. The first: {first}"
        super().__init__(message, *findings)


class SchemeError(GpitError):
    """A problem in a scheme, formula or transition file: the file, the step or key, and what to do."""


class CaseError(GpitError):
    """A problem in a regression case or its expected figures: the file, the place, and what to do."""


Sort = Literal["text", "name", "unit", "kind"]
"""What is wrong with a formula: its text, a name in it, units that do not fit, or the kind or type of a value."""


class FormulaError(SchemeError):
    """A problem in one formula.

    `position` counts characters from 1; 0 means the whole formula. The caller fills in `where`, the file and step, and
    the formula as its file has it.
    """

    def __init__(
        self, message: str, position: int = 0, where: str = "", sort: Sort = "text", formula: str = ""
    ) -> None:
        """Make an error whose text begins with the file, step and character, as far as they are known."""
        self.message = message
        self.position = position
        self.where = where
        self.sort = sort
        self.formula = formula
        place = ", ".join(part for part in (where, f"character {position}" if position else "") if part)
        super().__init__(f"{place}: {message}" if place else message)

    def at(self, where: str, formula: str = "") -> FormulaError:
        """Return the same error with its file and step, and the formula if it is known."""
        return FormulaError(self.message, self.position, where, self.sort, formula or self.formula)

    @property
    def excerpt(self) -> str:
        """The line of the formula with a caret below the character; empty if either is not known."""
        return with_caret(self.formula, self.position) if self.formula and self.position else ""


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
        """Make an error of a group, and the row if one row is wrong, with the least that it needs and the amount."""
        self.reason = reason
        self.group = group
        self.row = row
        self.least = least
        self.amount = amount
        super().__init__(reason.replace("_", " "))


class CalculationError(GpitError):
    """A step that cannot be calculated: the step, the organisation, the year and the reason."""


class PluginError(GpitError):
    """A plug-in that cannot be used, or returns something invalid: the package, the problem, and what to do."""


class OutputError(GpitError):
    """A result that cannot be written: the file, the reason, and that the old file is unchanged."""


class Stopped(BaseException):
    """Raised when a signal asks gpit to stop; not an `Exception`, so that no library handles it as an error."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.exit_code = 128 + number
