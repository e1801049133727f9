"""The findings about schemes, formulas and transitions: their stable numbers, and where they are collected.

A run stops at the first fault and a review goes on to the last. Both go through the same steps, so that what
one refuses the other reports: `Faults` raises what it is told, or keeps it.
"""

from __future__ import annotations

from enum import Enum, unique
from typing import TYPE_CHECKING

from gpit_fairshare.errors import Finding, FormulaError, SchemeError

if TYPE_CHECKING:
    from gpit_fairshare.errors import GpitError, Level


@unique
class About(Enum):
    """What a finding is about. Numbers are never reused or given a new meaning."""

    UNREADABLE = "S01", "a file is not there, cannot be read, or is not TOML"
    WRONG_KIND = "S02", "a file is of another kind than is wanted"
    SHAPE = "S03", "a key is not known, is missing, or holds something else than it should"
    ORIGIN = "S04", "a value has neither a source nor an assumption, or both"
    NO_SUCH_SOURCE = "S05", "a source is cited and not declared"
    SOURCE_NOT_CITED = "S06", "a source is declared and not cited"
    TAKEN = "S07", "a name stands for two things"
    FORMULA = "S08", "a formula is not in the language"
    NAME = "S09", "a name that is used is not there, or stands below"
    UNITS = "S10", "units do not fit"
    KINDS = "S11", "a value is of another kind or type than is wanted: a yes/no for a number, one figure for many"
    ANSWER = "S12", "steps do not end in what the file is for, or the answer is none"
    LEANS = "S13", "a transition leans on a formula's own steps or parameters"
    USES = "S14", "a formula uses itself, or two uses have one name"
    LIMIT = "S15", "a scheme is larger than is allowed"
    TWO_PLACES = "S16", "two places say different things of one parameter or column, or both give its values"
    NO_VALUE = "S17", "a parameter has no value for a year"
    YEARS = "S18", "a value is of a year that the scheme does not have, or stands beside one of every year"
    NOT_DECLARED = "S19", "values of a parameter that no file declares"
    BOUNDS = "S20", "a value is outside its bounds, or a bound is neither a number nor a parameter"
    PARAMETER_NOT_USED = "S21", "a parameter is used by no step, check or bound"
    COLUMN_NOT_USED = "S22", "an input column is declared and not used"
    STEP_NOT_READ = "S23", "a step is read by nothing"
    SLIP = "S24", "a name is taken for an input column, and is nearly that of something else"
    UNNAMED_UNIT = "S25", "a step comes to a unit that has no name, such as £ × people"
    SUM_OF_RATES = "S26", "£ per head of several organisations are added up"
    NO_UNIT = "S27", "a name without a unit takes part in arithmetic with £, which cannot be checked"
    SOURCE_NOT_TO_BE_FOUND = "S28", "a source has no address or no date"
    ALL_ASSUMED = "S29", "every value of a parameter is an assumption"
    UPKEEP = "S30", "assumptions do not say their owner, quality or impact"
    TOTAL_NOT_CHECKED = "S31", "no check names the answer or the fair share"
    CHECK_OF_NO_STEP = "S32", "a check names no step"
    ROUNDING_NOT_CHECKED = "S33", "nothing that comes of a rounding is checked"
    NOT_TO_BE_KNOWN = "S34", "what cannot be said of a formula or transition without a scheme"
    BY_NOTHING = "S35", "a formula divides by the number 0"

    def __init__(self, number: str, meaning: str) -> None:
        self.number = number
        self.meaning = meaning


class StoppedError(Exception):
    """What would follow means nothing until the fault that was told is mended; no user ever sees it."""


_SORTS = {"text": About.FORMULA, "name": About.NAME, "unit": About.UNITS, "kind": About.KINDS}


class Faults:
    """What is wrong with the files of a scheme: raised at once, or kept."""

    def __init__(self, *, kept: bool = False) -> None:
        self.kept = kept
        self.findings: list[Finding] = []
        self._seen: set[Finding] = set()
        self.files: dict[tuple[str, str], None] = {}
        """Base name and SHA-256 of every file that was read, in order, whatever became of what joins them."""
        self.lost: set[str] = set()
        """Names whose definition is faulty: that they are missed, or do not fit, is no fault of its own."""

    @property
    def sound(self) -> bool:
        """Whether there was no error."""
        return not any(one.level == "error" for one in self.findings)

    def tell(
        self,
        about: About,
        file: str,
        place: str,
        found: str,
        remedy: str = "",
        *,
        said: str = "",
        error: type[GpitError] = SchemeError,
    ) -> None:
        """Raise a fault, or keep it.

        `said` is what to raise where that is more than the parts one after the other.
        """
        if not self.kept:
            where = ": ".join(part for part in (file, place, found) if part)
            raise error(said or (f"{where}; {remedy}" if remedy else where))
        self.add("error", about, file, place, found, remedy)

    def stop(
        self, about: About, file: str, place: str, found: str, remedy: str = "", *, error: type[GpitError] = SchemeError
    ) -> StoppedError:
        """Tell a fault after which there is nothing more to be read, and return what to raise then."""
        self.tell(about, file, place, found, remedy, error=error)
        return StoppedError()

    def tell_formula(self, fault: FormulaError, file: str, about: About | None = None) -> None:
        """Raise or keep a fault in a formula of a file; its `where` begins with that file."""
        if not self.kept:
            raise fault
        self.add("error", about or _SORTS[fault.sort], file, place_in(fault.where, file, fault.position), fault.message)

    def add(self, level: Level, about: About, file: str, place: str, found: str, remedy: str = "") -> None:
        """Keep a finding; the same one is kept once."""
        one = Finding(about.number, level, file, place, found, "", f"{remedy[:1].upper()}{remedy[1:]}")
        if one not in self._seen:
            self._seen.add(one)
            self.findings.append(one)


def place_in(where: str, file: str, position: int = 0) -> str:
    """Return the place of a step or check in its file: `step fair_share, character 5`, `step weight (core)`."""
    place = where.removeprefix(f"{file}, ")
    if where.startswith(f"{file} ("):  # the file stands under a name of its own
        use, _, entry = where.removeprefix(f"{file} (").partition("), ")
        place = f"{entry} ({use})"
    return f"{place}, character {position}" if position else place
