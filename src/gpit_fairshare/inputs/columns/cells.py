"""Read single cells as numbers, texts, codes and years; refuse cells without exactly one meaning.

Numbers may be written as finance writes them: `£1,234`, `(1,234)`, `−5`, `-`, `£4.2m`.
"""

from __future__ import annotations

import datetime as dt
import math
import re
import unicodedata
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Any, NamedTuple

from gpit_fairshare.errors import UsageError
from gpit_fairshare.findings import FindingCode, FindingError
from gpit_fairshare.inputs.columns.marks import bare_text, bare_year, has_mark, is_no_code
from gpit_fairshare.inputs.columns.units import scale_figure
from gpit_fairshare.inputs.files.grids import ERROR_TEXTS, Broken, Percentage, is_blank
from gpit_fairshare.magnitude import SMALLEST, is_in_bounds
from gpit_fairshare.numbers import shortest
from gpit_fairshare.words import parse_year

if TYPE_CHECKING:
    from gpit_fairshare.inputs.model import NeededColumn

EVERY_YEAR = "every year"
"""The year of files without years, if no scheme defines the years."""
CODE_LENGTH = 100
TEXT_LENGTH = 500
LARGEST_NUMBER = 1e15
"""Numbers above this are no longer exact to the penny."""

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_MONTH = "(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)"
_DATE = (
    rf"(?i:[0-9]{{1,2}}-{_MONTH}(?:-[0-9]{{2,4}})?|{_MONTH}-[0-9]{{2,4}})"
    r"|[0-9]{1,2}/[0-9]{1,2}/[0-9]{2,4}|[0-9]{4}-[0-9]{2}-[0-9]{2}"
)
"""A code such as MAR1 after Excel has changed it into a date."""
_SCIENTIFIC = r"[0-9](?:\.[0-9]+)?E[+-][0-9]{2,3}"
"""A code such as 1E5 after Excel has changed it into a number."""
_CHANGED_BY_EXCEL = ((_DATE, "a date", "MAR1 into 01-Mar"), (_SCIENTIFIC, "a number", "1E5 into 1E+05"))
_GIVE_A_CODE = "Give the row a code, or delete it if it is a total or a note"
_YEAR_INSIDE = re.compile(r"(?<![0-9])(?:19|20)[0-9]{2}\s?[/_–-]\s?(?:20)?[0-9]{2}(?![0-9]|[/_–-][0-9]{1,2}(?![0-9]))")
"""A financial year in a heading, title or name; texts such as `2014-15-03` are days."""
_UNPRINTABLE = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
"""Unicode's categories of control characters, invisible characters and line separators."""

_MINUS = "-−–"
_SPACES = "\u00a0\u2007\u2009\u202f"
"""Spaces that spreadsheets put between thousands. An ordinary space could also separate two numbers."""
_SIZES = {"k": 3, "thousand": 3, "m": 6, "mn": 6, "million": 6, "bn": 9, "billion": 9}
_DIGITS = rf"[0-9]{{1,3}}(?:,[0-9]{{3}})+|[0-9]{{1,3}}(?:[{_SPACES}][0-9]{{3}})+|[0-9]+"
_EITHER = rf"[{_MINUS}]?[1-9][0-9]{{0,2}}[.,][0-9]{{3}}"
"""A decimal, or thousands, if the file may have decimal commas."""
PLAIN_NUMBER = re.compile(r"-?[0-9]+(?:\.[0-9]+)?")
_NUMBER = re.compile(
    rf"(?P<before>[{_MINUS}+]?)\s?(?P<pound>£|GBP\s?)?\s?(?P<after>[{_MINUS}]?)"
    rf"(?P<digits>{_DIGITS})?(?P<decimals>\.[0-9]+)?"
    rf"\s?(?P<size>k|thousand|mn?|million|bn|billion)?(?P<last>[{_MINUS}]?)(?P<percent>\s?%)?",
    re.IGNORECASE,
)
_DASH = re.compile(rf"£?\s?(?:[{_MINUS}]|—)")
_REMEDIES = {
    rf"^{_EITHER}\Z": (
        "In a file with semicolons this may be a decimal or thousands: save it with commas between cells, or as .xlsx"
    ),
    r"^(n/a|na|nil|none|null|\.\.|\*|tbc|x|\[(x|z|c|low)\])\Z": (
        "Write 0 if the figure is 0; if it is not known, find it out first"
    ),
    r"^[0-9.]*[0-9],[0-9]+\Z": "Use a full stop as the decimal point: 1234.56",
    r"^[0-9]+([/-][0-9]+)+\Z": "It may be a fraction, a date or a year: write the number",
    r"^-?[0-9.]+e[+-]?[0-9]+\Z": "Write all the digits: Excel drops some when it shows 1E+05",
    r"\b(cr|dr)$": "Write a minus sign before amounts to subtract; ledgers differ in what CR means",
    r"[$€]": "Give the amount in pounds",
    r"^£?[0-9][0-9 ]*[0-9](\.[0-9]+)?\Z": "It may be two numbers: if it is one, write it without spaces",
    r"[0-9]\s*(\*+|\[.*\]|\(\w\)|[†‡§]+|\^\w+)$": "Remove the footnote mark from the cell",
}
"""Remedies for texts that are not numbers, by a pattern in small letters; the first that matches is used."""
_REMOVE_RAISED = "Remove superscripts or subscripts that mark a footnote; write a power in full"


class ReadNumber(NamedTuple):
    """The number that a text was read as."""

    value: Decimal
    remark: FindingCode | None = None
    """`DASHES` for a dash, `LOOSE_NUMBERS` if the text has more than the digits of the number."""
    has_size: bool = False
    """Whether the text itself states thousands or millions."""
    percent: bool = False


class Refused(FindingError):  # noqa: N818 – not an error of the program: it becomes a finding
    """Raised if a cell cannot be read; its finding gives the reason."""


class CellReading(NamedTuple):
    """The value of a cell and how it was read."""

    value: float | str | None
    remarks: tuple[FindingCode, ...] = ()
    """How it was read: `TRIMMED` if spaces around a text were removed, `MARK` for a footnote mark, `LOOSE_NUMBERS` if
    a text has more than the digits of its number, `DASHES` if a dash was read as 0, `BLANK_DASHES` if as blank, `UNIT`
    for a number in a column in % that may be a percentage or a multiple: it is above 1 or below -1, and nothing states
    its unit."""


class NumberStyle(NamedTuple):
    """How the figures of a column are written."""

    typed: bool = False
    """Whether the file stores numbers and texts differently; then a number stored as text is reported."""
    decimal_comma: bool = False
    """Whether a comma may be a decimal point."""
    factor: int = 1
    """The factor for the figures, from the column's unit: 1,000 for `£'000`."""
    rate: str = ""
    """`%` if plain numbers are percentages, `ratio` if they are multiples; empty if nothing states it."""


def read_cell(cell: Any, need: NeededColumn, style: NumberStyle) -> CellReading:
    """Read a cell as the text or number that its column requires; a blank cell is read as None.

    A text loses the footnote mark at its end; a number is multiplied by the factor of its column.

    Args:
        cell: the value in the file.
        need: the column.
        style: how its figures are written.

    Raises:
        Refused: the cell has no meaning of the required kind, or more than one, or is negative in a column of money or
            people that is neither `signed` nor `lenient`; or it is a dash in a required column of other numbers.
    """
    if is_blank(cell):
        return CellReading(None)
    if need.kind == "text":
        reading = read_text(cell)
        text, is_marked = bare_text(str(reading.value))
        if text == reading.value:
            return reading
        return CellReading(text, (*reading.remarks, FindingCode.MARK) if is_marked else reading.remarks)
    reading = _read_figure(cell, need, style)
    if FindingCode.DASHES in reading.remarks and not need.is_sum:
        # No money is £0, but no score is not a score of 0.
        if not need.optional:
            message, remedy = (
                f"{quoted(cell)} may mean 0 or no figure",
                "Write 0 if the figure is 0; if not, find it out",
            )
            raise Refused(FindingCode.NOT_A_NUMBER, message, "a number", remedy)
        return CellReading(None, (FindingCode.BLANK_DASHES,))
    if need.is_sum and not (need.lenient or need.signed) and reading.value is not None and float(reading.value) < 0:
        raise Refused(
            FindingCode.NEGATIVE, f"{quoted(cell)} is negative", f"0 or more ({need.unit})", "Correct the figure"
        )
    return reading


def read_code(cell: Any) -> CellReading:
    """Read the code of an organisation or practice as it is written, but without the spaces around it.

    Raises:
        Refused: the cell is blank or not text, or the text cannot be a code: Excel seems to have changed it into a date
            or a number, it is a word for a missing code, it has a footnote mark or an invisible character, or it is too
            long.
    """
    if is_blank(cell):
        raise Refused(FindingCode.BLANK_CODE, "the code is blank", remedy=_GIVE_A_CODE)
    if isinstance(cell, str):
        if cell.isascii() and cell.isalnum() and len(cell) <= CODE_LENGTH and not is_no_code(cell):
            return CellReading(cell)  # as nearly all codes are
        for pattern, kind, change in _CHANGED_BY_EXCEL:
            if re.fullmatch(pattern, cell.strip()):
                raise Refused(
                    FindingCode.CODE_NOT_TEXT,
                    f"{quoted(cell)} looks like a code that Excel changed into {kind}",
                    "a code as text",
                    f"Copy the code from the original source; Excel turns {change}",
                )
        if is_no_code(cell) or not any(map(str.isalnum, cell)):
            message = f"{quoted(cell)} is not a code"
            raise Refused(FindingCode.BLANK_CODE, message, "a code of letters and digits", _GIVE_A_CODE)
        if has_mark(cell):
            raise Refused(
                FindingCode.TEXT,
                f"{quoted(cell)} seems to be a code with a footnote mark, which would make it another organisation",
                "the code only",
                "Remove the mark from the cell",
            )
        return read_text(cell, CODE_LENGTH)
    if isinstance(cell, Broken):
        raise Refused(FindingCode.CODE_NOT_TEXT, f"{quoted(cell)} is not a code", "a code as text", _remedy_of(cell))
    raise Refused(
        FindingCode.CODE_NOT_TEXT,
        f"{quoted(cell)} is not text; Excel turns codes such as 01E05, 0123 and MAR1 into numbers and dates",
        "a code as text",
        "Format the column as text and type the code again; pandas.read_csv needs dtype=str for it",
    )


def read_text(cell: Any, length: int = TEXT_LENGTH) -> CellReading:
    """Read a text without the spaces around it; a whole number is read as the text of its digits.

    Raises:
        Refused: the cell is not text or is an error such as `#N/A`, the text has more than `length` characters, or it
            contains invisible characters.
    """
    if isinstance(cell, int) and not isinstance(cell, bool):
        return CellReading(str(cell))
    if not isinstance(cell, str) or cell.strip() in ERROR_TEXTS:
        raise Refused(FindingCode.TEXT, f"{quoted(cell)} is not text", "text", _remedy_of(cell))
    text = cell.strip()
    if len(text) > length:
        raise Refused(
            FindingCode.TEXT, f"the text has {len(text):,} characters", f"at most {length}", "Shorten the text"
        )
    if not text.isprintable() and any(unicodedata.category(sign) in _UNPRINTABLE for sign in text):
        raise Refused(
            FindingCode.TEXT,
            f"{quoted(text)} contains a line break or another invisible character",
            remedy="Type the text again",
        )
    return CellReading(text, (FindingCode.TRIMMED,) if text != cell else ())


def without_years(text: str) -> tuple[str, frozenset[str]]:
    """Return a text without the financial years that it names, and these years, written as `2014/15`."""
    years = {match[0]: parse_year("".join(match[0].split()).replace("_", "/")) for match in _YEAR_INSIDE.finditer(text)}
    for written, year in years.items():
        text = text.replace(written, " ") if year else text
    return " ".join(text.split()), frozenset(year for year in years.values() if year)


def read_year(cell: Any) -> CellReading:
    """Read the year of a row as `2014/15`, without a footnote mark; the value is None if it is not a year."""
    year = parse_year(cell)
    if year or not isinstance(cell, str):
        return CellReading(year)
    year = parse_year(bare_year(cell))
    return CellReading(year, (FindingCode.MARK,) if year else ())


def parse_day(text: str) -> dt.date | None:
    """Read a day written as `2020-04-01`; return None for anything else."""
    try:
        return dt.date.fromisoformat(text) if _DAY.fullmatch(text) else None
    except ValueError:  # 2020-02-30
        return None


def year_start(year: str) -> dt.date:
    """Return the first day of a financial year: `2014/15` begins on 1 April 2014. `EVERY_YEAR` gives the latest date.

    Raises:
        UsageError: the text is not a financial year.
    """
    if year == EVERY_YEAR:
        return dt.date.max
    parsed = parse_year(year)
    if parsed is None:
        raise UsageError(f"'{year}' is not a financial year; write it as 2014/15")
    return dt.date(int(parsed[:4]), 4, 1)


def boundary_date(boundaries: str | dt.date) -> dt.date:
    """Return the day that `--boundaries` gives: `2020-04-01`, or `2020/21` for 1 April 2020, or a date as it is.

    Raises:
        UsageError: the text is neither a date nor a financial year written in this way.
    """
    if isinstance(boundaries, dt.date):
        return dt.date(boundaries.year, boundaries.month, boundaries.day)  # without the time, if it has one
    text = boundaries.strip()
    if day := parse_day(text):
        return day
    if parse_year(text) == text:
        return year_start(text)
    raise UsageError(
        f"--boundaries {boundaries}: expected a date such as 2020-04-01, "
        "or a financial year such as 2020/21, which means its first day"
    )


def read_number(text: str, *, decimal_comma: bool = False) -> ReadNumber | None:
    """Read a text as a number; return None if it is not a number or could be several.

    Signs may be at either end, and brackets mean a negative number. `£4.2m` is 4,200,000, `5%` is 0.05 and `-` is 0.

    Args:
        text: without spaces around it.
        decimal_comma: whether the file may use decimal commas and full stops between thousands, so that `1,234` and
            `1.234` could each be two numbers and are not read; with £ before them, they are.
    """
    if decimal_comma and re.fullmatch(_EITHER, text):
        return None
    if PLAIN_NUMBER.fullmatch(text):
        return ReadNumber(Decimal(text))
    if _DASH.fullmatch(text):
        return ReadNumber(Decimal(0), FindingCode.DASHES)
    inside, negative = text, False
    if text.startswith(("(", "£(")) and text.endswith(")"):
        inside, negative = text.replace("(", "", 1)[:-1].strip(), True
    match = _NUMBER.fullmatch(inside)
    if not match or not (match["digits"] or match["decimals"]):
        return None
    signs = [sign for sign in (match["before"], match["after"], match["last"]) if sign]
    if len(signs) + negative > 1:
        return None
    whole, decimals = match["digits"] or "0", match["decimals"] or ""
    if decimal_comma and re.fullmatch(r"[0-9]{1,3},[0-9]{3}", whole) and not decimals and not match["pound"]:
        return None
    value = Decimal(re.sub(rf"[,{_SPACES}]", "", whole) + decimals).scaleb(_SIZES.get((match["size"] or "").lower(), 0))
    if negative or any(sign in _MINUS for sign in signs):
        value = -value
    percent = match["percent"] is not None
    return ReadNumber(value / 100 if percent else value, FindingCode.LOOSE_NUMBERS, match["size"] is not None, percent)


def decimal_places(number: Decimal) -> int:
    """Return how many decimal places a number needs: 1 for 1.50, 0 for 1,500."""
    return -min(int(number.normalize().as_tuple().exponent), 0)


def advice(text: str) -> str:
    """Return what to do about a text that cannot be read as a number; empty if gpit has no advice."""
    folded = text.strip().casefold()
    is_raised = any(unicodedata.decomposition(sign).startswith(("<super>", "<sub>")) for sign in folded)
    remedies = (remedy for pattern, remedy in _REMEDIES.items() if re.search(pattern, folded))
    return next(remedies, _REMOVE_RAISED if is_raised else "")


def quoted(cell: Any) -> str:
    """Return a cell for a message: a text in quotation marks, a date named as such, or why a cell has no value.

    Texts and numbers are cut to 40 characters.
    """
    if isinstance(cell, Broken):
        return cell.why
    if isinstance(cell, bool):
        return str(cell).upper()
    if isinstance(cell, dt.datetime) and cell.time() == dt.time.min:
        cell = cell.date()
    if isinstance(cell, dt.date | dt.time | dt.timedelta):
        return f"the date or time {cell}"
    text = str(cell)
    text = text if len(text) <= 40 else text[:37] + "…"
    return repr(text) if isinstance(cell, str) else text


def _read_figure(cell: Any, need: NeededColumn, style: NumberStyle) -> CellReading:
    """Read a cell as a number, and multiply it by the factor of its column's unit.

    Args:
        cell: the value in the file.
        need: the column.
        style: how its figures are written.

    Raises:
        Refused: the cell is not a number, could be several, or is too large or too close to 0; it is a percentage in a
            column of money or people; or it states thousands or millions, as the unit of its column does.
    """
    expected = "a plain number such as 1234.56"
    remark, is_percentage = None, isinstance(cell, Percentage)
    if isinstance(cell, str):
        reading = read_number(cell.strip(), decimal_comma=style.decimal_comma)
        if reading is None:
            raise Refused(FindingCode.NOT_A_NUMBER, f"{quoted(cell)} is not a plain number", expected, advice(cell))
        if reading.percent and need.is_sum:
            raise Refused(FindingCode.NOT_A_NUMBER, f"{quoted(cell)} is a percentage", f"{expected} ({need.unit})")
        if reading.has_size and style.factor != 1:
            raise Refused(
                FindingCode.NOT_A_NUMBER,
                f"both {quoted(cell)} and the unit of the column state thousands or millions",
                expected,
                "State them once: in the cell or in the heading",
            )
        number, is_percentage = float(reading.value), reading.percent
        remark = reading.remark or (FindingCode.LOOSE_NUMBERS if style.typed else None)
    elif isinstance(cell, int | float | Decimal) and not isinstance(cell, bool):
        try:
            number = float(cell)
        except OverflowError:  # a whole number of more than 308 digits
            number = math.inf
    else:
        raise Refused(FindingCode.NOT_A_NUMBER, f"{quoted(cell)} is not a number", expected, _remedy_of(cell))
    if math.isfinite(number):
        is_in_hundredths = style.rate == "%" and not is_percentage
        number = scale_figure(number, Fraction(1, 100) if is_in_hundredths else style.factor)
    if not math.isfinite(number):
        raise Refused(FindingCode.NOT_A_NUMBER, f"{quoted(cell)} is not a finite number", expected)
    if abs(number) >= LARGEST_NUMBER:
        raise Refused(FindingCode.NOT_A_NUMBER, f"{quoted(cell)} is too large", "a number below 1,000,000,000,000,000")
    if not is_in_bounds(number):
        raise Refused(
            FindingCode.NOT_A_NUMBER, f"{quoted(cell)} is too small", f"0, or a number above {shortest(SMALLEST)}"
        )
    is_unclear = need.unit == "%" and not (style.rate or is_percentage) and abs(number) > 1
    remark = FindingCode.UNIT if is_unclear else remark
    # -0.0 becomes 0.0: they are the same amount and should look the same.
    return CellReading(number + 0.0, (remark,) if remark else ())


def _remedy_of(cell: Any) -> str:
    """Return what to do about a cell without a value; empty for any other cell."""
    return cell.remedy if isinstance(cell, Broken) else ""
