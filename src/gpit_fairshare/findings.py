"""Findings about input files, schemes and runs: their stable numbers, and their collector."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass, replace
from enum import StrEnum, unique
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple, Self, get_args

from gpit_fairshare.presentation import short_repr
from gpit_fairshare.renamed import renamed_attribute
from gpit_fairshare.words import listed, sentence

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

Level = Literal["error", "warning", "note"]
LEVELS: tuple[Level, ...] = get_args(Level)
"""The most serious first."""

_WORKBOOK = re.compile(r".*?\.(?:xlsx|ods):", re.IGNORECASE)
_CELL = re.compile(r"[A-Z]{1,3}[1-9][0-9]*")


@unique
class FindingCode(StrEnum):
    """The subject of a finding: I for input files, S for schemes, formulas and transitions, R for a run.

    Numbers are never reused or given a new meaning.
    """

    meaning: str

    UNREADABLE = "I01", "the file is damaged, protected, too large or not what its name says"
    ENCODING = "I02", "the text is not UTF-8"
    EMPTY = "I03", "the file or sheet holds no rows"
    SHEET = "I04", "it is not clear which sheet of a workbook to read"
    SEPARATORS = "I05", "the separator between cells, cells that cannot be separated, or cells without a heading"
    HEADING = "I06", "headings were read under other names"
    DUPLICATE_HEADING = "I07", "several headings name the same column"
    KEYWORD = "I08", "a heading becomes a name that no formula can use"
    MISSING_COLUMN = "I09", "a required column is in no file"
    TWO_FILES = "I10", "a column is in two files"
    CODE_NOT_TEXT = "I11", "a code is a number or a date, so Excel may have changed it"
    BLANK_CODE = "I12", "a row has no code"
    TEXT = "I13", "a code, name or other text has characters that are not allowed"
    CODE_CASE = "I14", "codes differ only in capital and small letters"
    DUPLICATE_ROW = "I15", "two rows are for the same organisation and year, or the same practice"
    NOT_A_NUMBER = "I16", "a cell cannot be read as a number without guessing"
    BLANK = "I17", "a required cell is blank"
    NEGATIVE = "I18", "money or people are negative"
    YEAR = "I19", "a year is blank or cannot be read"
    MISSING_YEAR = "I20", "a year of the scheme is not in the file"
    OTHER_YEARS = "I21", "rows of years outside the scheme were left out"
    EVERY_YEAR = "I22", "rows without a year are used for every year"
    ONE_SIDED = "I23", "an organisation is in one file and not in the other"
    NO_PATIENTS = "I24", "an organisation or practice has no patients"
    LINE = "I25", "a line of cost is marked with an unknown word"
    NOT_COUNTED = "I26", "lines of cost that the scheme leaves out"
    NONE_COUNTED = "I27", "all lines of an organisation are left out, so its spend is 0"
    PRACTICES = "I28", "rows of practices were summed to organisations"
    NOT_SUMMED = "I29", "a column cannot be summed or carried to a larger organisation"
    TEXTS_DIFFER = "I30", "a text differs between the rows of an organisation"
    PARTLY_BLANK = "I31", "a sum leaves out rows whose cell is blank"
    CHANGES = "I32", "organisations opened, closed or merged between years"
    RESTATED = "I33", "figures of closed organisations were counted with their successor"
    INCOMPLETE = "I34", "not all organisations that merged are in the file, or the file has their successor too"
    TRIMMED = "I35", "spaces around texts were removed"
    LOOSE_NUMBERS = "I36", "numbers were read as finance writes them: £1,234, (1,234), £4.2m, or as text cells"
    TOTALS_GIVEN = "I37", "spend is given in totals, so that the lines that count cannot be checked"
    UNUSED = "I38", "a file, or columns of it, are not used and were not read"
    TITLES = "I39", "rows above the headings were left out"
    NOTES = "I40", "notes, sources, memo lines, headings of sections and repeated headings were left out"
    SECOND_TABLE = "I41", "another table below the first was left out"
    TOTAL = "I42", "a row of totals was left out, or differs from the rows that it adds up"
    SUBTOTAL = "I43", "a row may be a total: it is the sum of other rows, or its code is of a higher level"
    UNIT = "I44", "figures are in thousands, millions or %, or a unit is not understood or contradicts another"
    HIDDEN = "I45", "hidden rows or columns were read"
    MERGED = "I46", "cells inside the table are merged"
    LINKS = "I47", "values come from other workbooks"
    MOVED = "I48", "an organisation's number of patients changed a lot from one year to the next"
    OUTLIER = "I49", "£ per head is out of line with the other organisations"
    YEAR_GAP = "I50", "years between others are missing"
    DASHES = "I51", "dashes in columns of £ or people were read as 0"
    SPREAD = "I52", "what lines of cost pay for, and the providers"
    LEFT_OUT = "I53", "rows were left out because --leave-out names them"
    CROSSWALK = "I54", "a crosswalk cannot be read, or contradicts itself or the mergers that gpit knows"
    UNKNOWN_ORGANISATION = "I55", "a code is in no crosswalk, or did not exist in the year or on the day of the run"
    BOUNDARIES = "I56", "organisations were restated on the boundaries of a day"
    ONS_CODES = "I57", "ONS codes were read as ODS codes, or are unknown"
    SPLIT = "I58", "an organisation had split, and no option says which boundaries to use"
    MARK = "I59", "footnote marks were removed from texts and years"
    NOT_CALCULATED = "I60", "no program has calculated the formulas of a column, and all of them store 0"
    OTHER_SCHEME = "I61", "a file's titles or codes are of other years or organisations than those of the run"
    BLANK_DASHES = "I62", "dashes were read as blank in optional columns that are not in £ or people"
    NO_TABLE_ROW = "I63", "a table of the scheme has no row for a text, or no band for a number"

    UNREADABLE_RULES = "S01", "a file does not exist, cannot be read, or is not TOML"
    WRONG_KIND = "S02", "a file is of the wrong kind"
    SHAPE = "S03", "a key is unknown or missing, or its value is of the wrong type"
    ORIGIN = "S04", "a value has neither a source nor an assumption, or both"
    NO_SUCH_SOURCE = "S05", "a source is cited but not declared"
    SOURCE_NOT_CITED = "S06", "a source is declared but not cited"
    NAME_TAKEN = "S07", "one name is used for two things"
    FORMULA = "S08", "a formula is not valid in the formula language"
    UNKNOWN_NAME = "S09", "a formula uses a name that does not exist, or that is defined further down"
    UNITS_DO_NOT_FIT = "S10", "units do not fit"
    KINDS = "S11", "a value is of the wrong kind or type: a yes/no instead of a number, one figure instead of many"
    ANSWER = "S12", "the last step is not the answer of this kind of file, or the answer cannot be used"
    USES_FORMULA = "S13", "a transition uses a formula's own steps or parameters"
    USES = "S14", "a formula uses itself, or two uses have the same name"
    LIMIT = "S15", "a scheme is larger than allowed"
    TWO_PLACES = "S16", "two places declare a parameter or column differently, or both give its values"
    NO_VALUE = "S17", "a parameter has no value for a year"
    VALUE_YEAR = "S18", "a value is for a year that the scheme does not have, or there is also one for every year"
    NOT_DECLARED = "S19", "values are given for a parameter that no file declares"
    BOUNDS = "S20", "a value is outside its bounds, or a bound is neither a number nor a parameter"
    PARAMETER_NOT_USED = "S21", "no step, check or bound uses a parameter, or none uses a table"
    COLUMN_NOT_USED = "S22", "an input column is declared but not used"
    STEP_NOT_READ = "S23", "nothing uses a step"
    SIMILAR_NAME = "S24", "a name is read as an input column, and is almost the same as another name"
    UNNAMED_UNIT = "S25", "the unit of a step has no name, such as £ × people"
    SUM_OF_RATES = "S26", "£ per head is added up over organisations"
    NO_UNIT = "S27", "a name without a unit is used in arithmetic with £, so the units cannot be checked"
    SOURCE_INCOMPLETE = "S28", "a source has no address or no date"
    ALL_ASSUMED = "S29", "every value of a parameter is an assumption"
    UPKEEP = "S30", "assumptions are without owner, quality or impact"
    TOTAL_NOT_CHECKED = "S31", "no check uses the answer or the fair share"
    CHECK_OF_NO_STEP = "S32", "a check uses no step"
    ROUNDING_NOT_CHECKED = "S33", "no check uses a rounded step, or a step that depends on it"
    NOT_KNOWN = "S34", "what is not known about a formula or transition without a scheme"
    DIVISION_BY_ZERO = "S35", "a formula divides by the number 0"

    VALUES_NOT_USED = (
        "R01",
        "values of the scheme that nothing in this run uses, because another formula or transition was chosen",
    )
    SET_FOR_THIS_RUN = "R02", "a parameter that was set for this run"
    UNSPENT = "R03", "money that is unspent"
    WHOLE_AMOUNT_TO_EACH_GROUP = "R04", "an amount that each of several groups gets in full"
    NEGATIVE_ALLOCATION = "R05", "negative allocations"
    PARTS_OF_A_PENNY = "R06", "allocations that are not in whole pence"
    MONEY_DOES_NOT_BALANCE = "R07", "money in − taken away is not equal to money out + unspent"
    NO_COLUMN_TO_REPORT_BY = "R08", "no input file has the column to report by"
    NEW_MONEY = "R09", "new money: what a transition adds on top of the budget"
    NO_EXCEL_FORMULA = (
        "R10",
        "steps and checks that are values in a workbook, because a plug-in's function has no Excel formula",
    )
    TOO_FINE_A_UNIT = (
        "R11",
        "figures rounded to so small a unit that a spreadsheet may give a left-over unit to another row",
    )
    ROWS_NOT_USED = "R12", "rows of a table that no organisation needs"
    OTHERWISE = "R13", "texts that no row of a table has, so that they take its value for all others"

    def __new__(cls, number: str, meaning: str) -> Self:
        """Make a member whose text is its number, such as `I07`, with its meaning."""
        code = str.__new__(cls, number)
        code._value_ = number
        code.meaning = meaning
        return code

    @property
    def number(self) -> str:
        """The number as a plain text."""
        return self.value


ABOUT_MONEY: Final = frozenset(
    (
        FindingCode.UNSPENT,
        FindingCode.WHOLE_AMOUNT_TO_EACH_GROUP,
        FindingCode.NEGATIVE_ALLOCATION,
        FindingCode.PARTS_OF_A_PENNY,
        FindingCode.MONEY_DOES_NOT_BALANCE,
        FindingCode.NEW_MONEY,
    )
)
"""Findings about the money of a run, which a reader must see first."""


@short_repr
@dataclass(frozen=True, slots=True)
class Finding:
    """An error, a warning or a note about input files, files of a scheme, or a run.

    `file` is a base name, never a path, so that results do not depend on the machine.
    """

    number: FindingCode
    """Its code, such as `I07`; stable, so scripts may rely on it."""
    level: Level
    """`error`, `warning` or `note`."""
    file: str
    """Base name of the file, with `:sheet` where there is one; empty for the inputs as a whole."""
    place: str
    """Cell (`C5`), row and column (`row 5, historic_spend`), or step or key; empty for the whole file."""
    found: str
    """What was found: a phrase that can follow the place."""
    expected: str = ""
    """What was expected instead; empty if there is nothing to say."""
    remedy: str = ""
    """What to do."""
    others: tuple[Finding, ...] = ()
    """Findings in the same column with the same cause, if there are too many to list separately."""
    excerpt: str = ""
    """The line of a formula, with a caret below the character, for a screen; empty for any other subject."""

    @classmethod
    def warning(cls, code: FindingCode, description: str, remedy: str = "") -> Finding:
        """Return a warning about a run, or a file, as a whole."""
        return cls(code, "warning", "", "", description, remedy=remedy)

    @classmethod
    def note(cls, code: FindingCode, description: str, remedy: str = "") -> Finding:
        """Return a note about a run, or a file, as a whole."""
        return cls(code, "note", "", "", description, remedy=remedy)

    @property
    def each(self) -> tuple[Finding, ...]:
        """The finding without its `others`, followed by the others, each with its own place."""
        return (replace(self, others=()), *self.others)

    @property
    def sheet(self) -> str:
        """Sheet of a workbook; empty if there is none."""
        match = _WORKBOOK.match(self.file)
        return self.file[match.end() :] if match else ""

    @property
    def cell(self) -> str:
        """Cell of a workbook, such as `C5`; empty if the finding is not about a single cell."""
        return self.place if self.sheet and _CELL.fullmatch(self.place) else ""

    def entry(self) -> dict[str, Any]:
        """Return the fields of the finding under stable, documented keys, for JSON."""
        return {
            "number": str(self.number),
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
    def found_and_expected(self) -> str:
        """What was found and what was expected, without the place."""
        return f"{self.found}; expected {self.expected}" if self.expected else self.found

    said = renamed_attribute("said", "found_and_expected")

    @property
    def message(self) -> str:
        """The finding as the text of an exception, on one line: `a.toml: step weight: what was found; what to do`."""
        message = ": ".join(part for part in (self.file, self.place, self.found_and_expected) if part)
        return f"{message}; {self.remedy}" if self.remedy else message

    def __str__(self) -> str:
        """Return the finding as a sentence: file, place, what was found and expected, and what to do."""
        sentence = ": ".join(part for part in (self.file, self.place, self.found_and_expected) if part)
        if self.remedy:
            sentence += f" {self.remedy}" if sentence.endswith("?") else f". {self.remedy}"
        return sentence if sentence.endswith("?") else sentence.rstrip(".") + "."


def gravest_first(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Return errors, then warnings, then notes, each in the order in which they were reported."""
    return tuple(sorted(findings, key=lambda finding: LEVELS.index(finding.level)))


class FindingError(Exception):
    """An error whose file, or place in it, only the caller knows; `FindingCollector.add` fills it in."""

    def __init__(
        self, code: FindingCode, description: str, expected: str = "", remedy: str = "", place: str = ""
    ) -> None:
        """Make an error whose finding has no file yet."""
        super().__init__(description)
        self.finding = Finding(code, "error", "", place, description, expected, remedy)


FEW = 5
"""Most findings with one cause in one column that are listed separately, and places named if there are more."""
WHOLE_ROW = "row"
"""Used as the column of a finding about a whole row."""


class Where(NamedTuple):
    """The file (with its sheet) and the place in it; both may be empty."""

    file: str = ""
    place: str = ""
    column: str = ""
    """The column of the cell, or `WHOLE_ROW`. More than a few findings in one column with one cause become one
    finding; if this is empty, each finding stays separate."""

    @property
    def short(self) -> str:
        """The place without its column: `C5`, `row 5`."""
        return self.place.removesuffix(f", {self.column}")


class _Noticed(NamedTuple):
    """A reported finding."""

    finding: Finding
    where: Where
    organisation: str
    """The organisation that it is about, if that tells the user more than the cell."""

    @property
    def cause(self) -> tuple[str, ...]:
        """A key shared by findings of one column that one correction probably solves."""
        finding = self.finding
        return (finding.number, finding.level, finding.file, self.where.column, finding.expected, finding.remedy)


class FindingCollector:
    """Collects findings. Either it collects all errors in one run, or it raises the first.

    Args:
        raises: The exception to raise at the first error; without one, errors are collected as well.
    """

    def __init__(self, raises: type[Exception] | None = None) -> None:
        """Start without findings."""
        self.raises = raises
        self.first: Finding | None = None
        """The first error, as it would have been raised."""
        self._noticed: list[_Noticed] = []
        self._added: set[Finding] = set()

    @property
    def items(self) -> list[Finding]:
        """All findings in the order in which they were reported, but one for each cause that a column has too often.

        More than `FEW` findings with one cause in one column become one, at the place of the first.
        """
        by_cause: defaultdict[tuple[str, ...], list[_Noticed]] = defaultdict(list)
        for noticed in self._noticed:
            by_cause[noticed.cause].append(noticed)
        items = []
        for noticed in self._noticed:
            same = by_cause[noticed.cause]
            if len(same) <= FEW or not noticed.where.column:
                items.append(noticed.finding)
            elif same[0] is noticed:
                items.append(_counted_once(same))
        return items

    @property
    def errors(self) -> int:
        """The number of errors reported, each counted separately."""
        return sum(noticed.finding.level == "error" for noticed in self._noticed)

    def error(  # the parts of a finding, and how it is raised
        self,
        code: FindingCode,
        where: Where,
        description: str,
        expected: str = "",
        remedy: str = "",
        *,
        organisation: str = "",
        raises: type[Exception] | None = None,
        message: str = "",
    ) -> None:
        """Add an error, or raise it if the collector raises errors: nothing can be calculated until it is corrected.

        Args:
            code: The subject.
            where: The file and the place.
            description: What was found, a phrase that can follow the place.
            expected: What was expected.
            remedy: What to do.
            organisation: Named instead of the cell, if organisations tell the user more than cells.
            raises: If errors are raised, an exception other than that of the collector.
            message: If errors are raised, the text of the exception if it differs from that of the finding.
        """
        finding = Finding(code, "error", where.file, where.place, description, expected, remedy)
        if self.raises:
            raise (raises or self.raises)(message or finding.message, finding)
        self.first = self.first or finding
        self.add(finding, where, organisation)

    def warning(
        self,
        code: FindingCode,
        where: Where,
        description: str,
        expected: str = "",
        remedy: str = "",
        *,
        organisation: str = "",
    ) -> None:
        """Add a warning, for the user to review; `organisation` is as for an error."""
        self.add(Finding(code, "warning", "", "", description, expected, remedy), where, organisation)

    def note(self, code: FindingCode, where: Where, description: str, remedy: str = "") -> None:
        """Add a note on how a file was read."""
        self.add(Finding.note(code, description, remedy), where)

    def add(self, finding: Finding, where: Where, organisation: str = "") -> None:
        """Add a finding with the file and place of `where` instead of its own, unless the same was added before."""
        finding = replace(finding, file=where.file, place=where.place, remedy=sentence(finding.remedy))
        if finding not in self._added:  # a sheet that gives both patients and spend is read twice
            self._added.add(finding)
            self._noticed.append(_Noticed(finding, where, organisation))


@dataclass(frozen=True)
class FileFindings:
    """Adds findings about one file to a collector; those without a place are about the file as a whole."""

    collector: FindingCollector
    file: str

    def error(
        self, code: FindingCode, description: str, expected: str = "", remedy: str = "", at: Where | None = None
    ) -> None:
        """Add an error about the file, or raise it; see `FindingCollector.error`."""
        self.collector.error(code, at or Where(self.file), description, expected, remedy)

    def warning(
        self, code: FindingCode, description: str, expected: str = "", remedy: str = "", at: Where | None = None
    ) -> None:
        """Add a warning about the file, for the user to review."""
        self.collector.warning(code, at or Where(self.file), description, expected, remedy)

    def note(self, code: FindingCode, description: str, remedy: str = "", at: Where | None = None) -> None:
        """Add a note on how the file was read."""
        self.collector.note(code, at or Where(self.file), description, remedy)

    def add(self, finding: Finding, at: Where | None = None) -> None:
        """Add a finding that has no place yet."""
        self.collector.add(finding, at or Where(self.file))


def _counted_once(same: Sequence[_Noticed]) -> Finding:
    """Return one finding for several with one cause: the first, with the others in its field `others`.

    Its text gets the number of different places and the first of them; organisations are named instead where they are
    given.
    """
    first, where, organisation = same[0]
    places = list(dict.fromkeys(noticed.organisation or noticed.where.short for noticed in same))
    is_of_rows = where.column == WHOLE_ROW or first.number == FindingCode.DUPLICATE_ROW
    noun = "codes" if organisation else "rows" if is_of_rows else "cells"
    description = f"{first.found} (the first of {len(places):,} such {noun}: {listed(places, FEW)})"
    return replace(first, found=description, others=tuple(noticed.finding for noticed in same[1:]))
