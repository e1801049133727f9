"""The findings about schemes, formulas and transitions.

A run stops at the first fault and a review goes on to the last. Both go through the same steps, so that what
one refuses the other reports: the collector raises an error, or keeps it.
"""

from __future__ import annotations

from typing import Final

from gpit_fairshare.errors import FormulaError, SchemeError, Sort
from gpit_fairshare.findings import FindingCode, FindingCollector, Where


class StoppedError(Exception):
    """Raised after an error that makes further checks meaningless. Internal."""


_CODES: Final[dict[Sort, FindingCode]] = {
    "text": FindingCode.FORMULA,
    "name": FindingCode.UNKNOWN_NAME,
    "unit": FindingCode.UNITS_DO_NOT_FIT,
    "kind": FindingCode.KINDS,
}


class Faults(FindingCollector):
    """What was noticed about the files of a scheme, and which of its parts cannot be relied on."""

    def __init__(self, *, collect: bool = False) -> None:
        super().__init__(None if collect else SchemeError)
        self.files: dict[tuple[str, str], None] = {}
        """Base name and SHA-256 of every file that was read, in order, whatever became of what joins them."""
        self.lost: set[str] = set()
        """Names whose definition is faulty: that they are missed, or do not fit, is no fault of its own."""

    def abort(
        self, code: FindingCode, where: Where, found: str, remedy: str = "", *, raises: type[Exception] | None = None
    ) -> StoppedError:
        """Report an error after which there is nothing more to be read, and return what to raise then."""
        self.error(code, where, found, remedy=remedy, raises=raises)
        return StoppedError()

    def formula_error(self, fault: FormulaError, file: str, code: FindingCode | None = None) -> None:
        """Raise or collect an error in a formula of a file; its `where` begins with that file."""
        if self.raises:
            raise fault
        self.error(code or _CODES[fault.sort], place_in(fault.where, file, fault.position), fault.message)


def place_of_use(where: str, file: str, use: str) -> str:
    """Return how messages name the place of a step or check of a file that is used under a name of its own."""
    return f"{file} ({use}){where.removeprefix(file)}" if use else where


def place_in(where: str, file: str, position: int = 0) -> Where:
    """Return the place of a step or check in its file: `step fair_share, character 5`, `step weight (core)`."""
    place = where.removeprefix(f"{file}, ")
    if where.startswith(f"{file} ("):  # the file stands under a name of its own
        use, _, entry = where.removeprefix(f"{file} (").partition("), ")
        place = f"{entry} ({use})"
    return Where(file, f"{place}, character {position}" if position else place)
