"""The findings about input files: their stable numbers, and the place where they are collected."""

from __future__ import annotations

from enum import Enum, unique
from typing import TYPE_CHECKING, NamedTuple

from gpit_fairshare.errors import Finding, nearest

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from gpit_fairshare.errors import Level


@unique
class About(Enum):
    """What a finding is about. Numbers are never reused or given a new meaning."""

    UNREADABLE = "I01", "the file is damaged, protected, too large or not what its name says"
    ENCODING = "I02", "the text is in another encoding than UTF-8, or in none"
    EMPTY = "I03", "the file or sheet holds no rows"
    SHEET = "I04", "which sheet of a workbook is meant is not clear"
    SEPARATORS = "I05", "what stands between cells, or cells that cannot be told apart or stand outside the headings"
    HEADING = "I06", "headings were read under other names"
    DUPLICATE_HEADING = "I07", "several headings name the same column"
    KEYWORD = "I08", "a heading becomes a name that no formula can use"
    MISSING_COLUMN = "I09", "a column that is needed is in no file"
    TWO_FILES = "I10", "a column is in two files"
    CODE_NOT_TEXT = "I11", "a code is a number or a date, so that Excel may have changed it"
    BLANK_CODE = "I12", "a row has no code"
    TEXT = "I13", "a code, name or other text holds what a text cannot"
    CODE_CASE = "I14", "codes differ only in capital and small letters"
    DUPLICATE_ROW = "I15", "two rows stand for the same organisation and year, or the same practice"
    NOT_A_NUMBER = "I16", "a cell cannot be read as a number without guessing"
    BLANK = "I17", "a cell that is needed is blank"
    NEGATIVE = "I18", "money or people are below nil"
    YEAR = "I19", "a year is blank or cannot be read"
    MISSING_YEAR = "I20", "a year of the scheme is not in the file"
    OTHER_YEARS = "I21", "rows of years outside the scheme were left out"
    EVERY_YEAR = "I22", "rows without a year serve every year"
    ONE_SIDED = "I23", "an organisation is in one file and not in the other"
    NO_PATIENTS = "I24", "an organisation or practice has no patients"
    LINE = "I25", "a line of cost is marked with a word that is not known"
    NOT_COUNTED = "I26", "lines of cost that the scheme does not count"
    NONE_COUNTED = "I27", "no line of an organisation counts, so that its spend is nil"
    PRACTICES = "I28", "rows of practices were summed to organisations"
    NOT_SUMMED = "I29", "a column cannot be summed or carried to a larger organisation"
    TEXTS_DIFFER = "I30", "a text differs between the rows of an organisation"
    PARTLY_BLANK = "I31", "a sum leaves out rows whose cell is blank"
    CHANGES = "I32", "organisations opened, closed or merged between years"
    RESTATED = "I33", "figures of closed organisations were counted with their successor"
    INCOMPLETE = "I34", "not all organisations that merged are in the file, or the successor is too"
    TRIMMED = "I35", "spaces around texts were left out"
    LOOSE_NUMBERS = "I36", "numbers were read as finance writes them: £1,234, (1,234), £4.2m, or as text cells"
    TOTALS_GIVEN = "I37", "spend is given in totals, so that the lines that count cannot be checked"
    UNUSED = "I38", "a file, or columns of it, are not used and were not read"
    TITLES = "I39", "rows above the headings were left out"
    NOTES = "I40", "notes, sources, headings of sections and repeated headings were left out"
    SECOND_TABLE = "I41", "another table below the first was left out"
    TOTAL = "I42", "a row of totals was left out, or does not agree with the rows that it stands for"
    SUBTOTAL = "I43", "a row is the sum of rows beside it, or its code is of a higher level, and may be a total"
    UNIT = "I44", "figures are in thousands or millions, as the file says"
    HIDDEN = "I45", "hidden rows or columns were read"
    MERGED = "I46", "cells inside the table are merged"
    LINKS = "I47", "values come from other workbooks"
    MOVED = "I48", "the patients of an organisation changed much from one year to the next"
    OUTLIER = "I49", "£ per head is out of line with the other organisations"
    YEAR_GAP = "I50", "years between others are missing"
    DASHES = "I51", "dashes were read as nil"
    SPREAD = "I52", "what lines of cost are for, and who provides it"
    LEFT_OUT = "I53", "rows were left out because --leave-out names them"
    CROSSWALK = "I54", "a crosswalk cannot be read, or contradicts itself or the mergers that gpit knows"
    UNKNOWN_ORGANISATION = (
        "I55",
        "no crosswalk knows a code, or it was not there in the year or on the day asked for",
    )
    BOUNDARIES = "I56", "organisations were restated on the boundaries of a day"
    ONS_CODES = "I57", "ONS codes were read as ODS codes, or are not known"
    SPLIT = "I58", "an organisation had split, and nothing says on which boundaries the figures are wanted"

    def __init__(self, number: str, meaning: str) -> None:
        self.number = number
        self.meaning = meaning


class Where(NamedTuple):
    """The file (with its sheet) and the place in it; both may be empty."""

    file: str = ""
    place: str = ""


class Findings:
    """Everything noticed so far. Reading goes on after a fault, so that all are found in one go."""

    def __init__(self) -> None:
        self.items: list[Finding] = []
        self._seen: set[Finding] = set()

    @property
    def faulty(self) -> bool:
        """Whether any of the findings is an error."""
        return any(item.level == "error" for item in self.items)

    def error(self, about: About, where: Where, found: str, expected: str = "", remedy: str = "") -> None:
        """Add a fault: nothing can be calculated until it is put right."""
        self._add("error", about, where, (found, expected, remedy))

    def warning(self, about: About, where: Where, found: str, expected: str = "", remedy: str = "") -> None:
        """Add something that should be looked at."""
        self._add("warning", about, where, (found, expected, remedy))

    def note(self, about: About, where: Where, found: str, remedy: str = "") -> None:
        """Add something that was done with the file and should be known."""
        self._add("note", about, where, (found, "", remedy))

    def _add(self, level: Level, about: About, where: Where, text: tuple[str, str, str]) -> None:
        finding = Finding(about.number, level, where.file, where.place, *text)
        if finding not in self._seen:  # a sheet that gives both patients and spend is read twice
            self._seen.add(finding)
            self.items.append(finding)


def listed(texts: Sequence[str], most: int = 12) -> str:
    """Join texts as people do: `a, b and c`; the rest of a long list is counted: `a, b and 7 more`."""
    shown = list(texts[:most])
    if len(texts) > most:
        shown.append(f"{len(texts) - most:,} more")
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}" if shown else "none"


def counted(number: int, noun: str, several: str = "") -> str:
    """Write a count with its noun: `1 row`, `7,959 practices`, `2 dashes`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {several or noun + 's'}"


def pounds(amount: float) -> str:
    """Write an amount to the penny: `£1,234.50`."""
    return f"-£{-amount:,.2f}" if amount < 0 else f"£{amount:,.2f}"


def nearest_of(name: str, known: Iterable[str]) -> str:
    """Return the nearest of the known names, or an empty text if none is near."""
    return nearest(name, known, count=1).removeprefix("; did you mean ").removesuffix("?")
