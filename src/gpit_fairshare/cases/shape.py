"""The shape of a case file as Pydantic models; unknown keys are refused, and `scheme.faults` writes the messages.

Numbers are read as `Decimal`, with every digit of the file.
"""

from __future__ import annotations

import datetime as dt
import re
from decimal import Decimal
from typing import Annotated, Any, Final, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, create_model, field_validator, model_validator

from gpit_fairshare.cases.discovery import EXPECTED_ENDING
from gpit_fairshare.run_options import OPTIONS, OptionKind
from gpit_fairshare.scheme.shape import Entry, Line, Name, Prose, Text

ORIGINS: Final = ("published", "worked by hand", "regression")
OTHER_COLUMNS: Final = "other-columns"
"""Key of the tolerance for all other columns; no column name has a hyphen."""
_NUMBER: Final = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,4})?")
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,79}")
_PART_OF_DATE: Final = re.compile(r"[0-9]{4}(?:-(?:0[1-9]|1[0-2]))?")
_MOST_DIGITS: Final = 400
"""More than a result can have, and few enough for exact arithmetic."""

Exact = Decimal | bool | str
"""A figure as a case gives it: a number, a yes/no or a text; an empty text expects a blank."""


def exact_number(literal: str | int | Decimal) -> Decimal:
    """Return a plain number, such as `398372000`, `0.005` or `1e-6`, as a decimal with all its digits.

    Raises:
        ValueError: It is not a plain number, or has more digits than any result.
    """
    text = str(literal).strip() if isinstance(literal, str | Decimal) else None
    if text is not None and not _NUMBER.fullmatch(text[: 2 * _MOST_DIGITS]):
        raise ValueError(f"{text[:40]!r} is not a plain number, such as 398372000, 0.005 or 1e-6")
    number = Decimal(literal if text is None else text)
    if len(number.as_tuple().digits) > _MOST_DIGITS or abs(number.adjusted()) > _MOST_DIGITS:
        raise ValueError(f"has more than {_MOST_DIGITS} digits")
    return number


def _accept_figure(value: Any) -> Exact:
    """Return any figure that a result can have; numbers become exact decimals.

    Raises:
        ValueError: It is not a figure.
    """
    if isinstance(value, bool | str):
        return value
    if isinstance(value, int | Decimal):
        return exact_number(value)
    raise ValueError("a figure is a number, a text in quotes, true or false")


def _accept_tolerance(value: Any) -> Decimal:
    """Return a tolerance as an exact decimal.

    Raises:
        ValueError: It is not a number, or is below 0.
    """
    if isinstance(value, bool) or not isinstance(value, int | Decimal | str):
        raise ValueError('a tolerance is a number, such as 0.005 or "1e-6"')  # noqa: TRY004  # Pydantic says it
    size = exact_number(value)
    if size < 0:
        raise ValueError("a tolerance is 0 or more")
    return size


def _as_list(value: Any) -> Any:
    """Return a single text as a list; a list is returned unchanged.

    Raises:
        ValueError: It is neither.
    """
    if not isinstance(value, str | list):
        raise ValueError("expected a text in quotes, or a list of texts")  # noqa: TRY004  # Pydantic says it
    return [value] if isinstance(value, str) else value


def _check_case_name(text: str) -> str:
    """Return the name of a case.

    Raises:
        ValueError: It is too long, or has other characters than letters, digits, `_`, `-` and `.`.
    """
    if not _NAME.fullmatch(text):
        raise ValueError("the name of a case has at most 80 letters, digits, _, - and ., such as first-case")
    return text


Texts = Annotated[list[Line], BeforeValidator(_as_list)]
FilePath = Annotated[Line, AfterValidator(lambda text: text.replace("\\", "/"))]
"""A path that works on every system, since cases are written on one and run on another."""
Cell = Annotated[Exact, BeforeValidator(_accept_figure)]
Size = Annotated[Decimal, BeforeValidator(_accept_tolerance)]
Figures = Annotated[dict[Line, Cell], Field(min_length=1)]
"""Column to figure; an empty table is refused, since it would look like a comparison."""


def _accept_date(value: Any) -> str:
    """Return a date, a year and month, or a year, as text.

    Raises:
        ValueError: It is none of them.
    """
    if isinstance(value, dt.date):
        return value.isoformat()[:10]
    if not isinstance(value, str) or not _PART_OF_DATE.fullmatch(value):
        raise ValueError('expected a date such as 2014-04-03, or a part of one in quotes: "2014-04", "2014"')
    return value


class CaseSource(Entry):
    """The publication that figures come from."""

    title: Line
    publisher: Line
    url: Line
    date: Annotated[str, BeforeValidator(_accept_date)]
    note: Text = ""

    def __str__(self) -> str:
        return f"{self.publisher}, {self.title}, {self.date}, {self.url}"


class CaseHeader(Entry):
    """The name of a case, the origin of its figures, and what it compares."""

    name: Annotated[str, AfterValidator(_check_case_name)]
    title: Line = Field(max_length=200)
    origin: Literal["published", "worked by hand", "regression"]
    working: Prose | None = None
    """How the figures were calculated, or taken from the source."""
    source: CaseSource | None = None
    rows: Literal["all", "some"] = "all"
    """Whether the case has all organisations of its years, or compares some."""
    expected_file: Texts = Field(default_factory=list)
    columns: list[Name] = Field(default_factory=list)
    """Columns that `--update` writes into an expected file that does not exist yet."""
    fails: Prose | None = None
    """Part of the message of a run that must be refused."""
    checks_fail: Texts = Field(default_factory=list)
    """Checks of the scheme that must fail."""

    @field_validator("expected_file")
    @classmethod
    def _check_expected_files(cls, files: list[str]) -> list[str]:
        """Return the names of the files of expected figures.

        Raises:
            ValueError: One is not a CSV file, or is named twice.
        """
        for file in files:
            if not file.lower().endswith(".csv"):
                raise ValueError(f"{file[:80]} is not a .csv file; name it NAME{EXPECTED_ENDING}")
        if len(set(files)) < len(files):
            raise ValueError("names a file twice")
        return files

    @model_validator(mode="after")
    def _check_origin(self) -> Self:
        """Return the header, if it has what the origin of its figures requires.

        Raises:
            ValueError: The source or the working is missing, or `columns` has no effect.
        """
        if self.origin == "published" and self.source is None:
            raise ValueError("published figures need a table [case.source]: title, publisher, url, date")
        if self.origin == "worked by hand" and self.working is None:
            raise ValueError("figures worked by hand need working: how they were calculated")
        if self.columns and (self.origin != "regression" or len(self.expected_file) != 1):
            raise ValueError("columns needs a regression case with one expected_file, which --update writes")
        return self


def _accept_settings(values: dict[str, Any]) -> dict[str, str]:
    """Return the parameter values of `[run.set]` as texts.

    Raises:
        ValueError: A value is neither a number nor a text.
    """
    for name, value in values.items():
        if isinstance(value, bool) or not isinstance(value, int | Decimal | str):
            raise ValueError(f'{name[:40]}: expected a number, or a text such as "1/6" or "*0.97"')  # noqa: TRY004
    return {name: str(value) for name, value in values.items()}


OF_A_RUN: Final[dict[OptionKind, Any]] = {
    OptionKind.FLAG: (bool, False),
    OptionKind.RULE: (FilePath | None, None),
    OptionKind.SETTINGS: (Annotated[dict[Line, Any], AfterValidator(_accept_settings)], Field(default_factory=dict)),
    OptionKind.COLUMNS: (dict[Line, Line], Field(default_factory=dict)),
    OptionKind.UNITS: (dict[Line, Line], Field(default_factory=dict)),
    OptionKind.CODES: (Texts, Field(default_factory=list)),
    OptionKind.MEGABYTES: (int | None, Field(default=None, ge=1)),
    OptionKind.YEARS: (Annotated[list[Line], BeforeValidator(_as_list)] | None, None),
    OptionKind.DAY: (Line | dt.date | None, None),
    OptionKind.FILES: (Annotated[list[FilePath], BeforeValidator(_as_list)], Field(default_factory=list)),
}
"""Type and default of each option of `gpit allocate` in a case file or in `gpit.toml`."""
_run_options = create_model(
    "_run_options",
    __base__=Entry,
    **{option.key: OF_A_RUN[option.kind] for option in OPTIONS.values() if option.kind in OF_A_RUN},
)


class RunEntry(_run_options):  # type: ignore[misc, valid-type]  # mypy does not know classes that are created at run time
    """What to run, as the options of `gpit allocate`; paths start from the folder of the case."""


class ToleranceEntry(Entry):
    """How far a figure may be from the expected one: it is the same if it is within either limit."""

    example = "{ absolute = 0.005 }"

    absolute: Size | None = None
    """In the unit of the column."""
    relative: Size | None = None
    """As a ratio of the expected figure."""
    note: Text = ""

    @model_validator(mode="after")
    def _check_has_limit(self) -> Self:
        """Return the tolerance.

        Raises:
            ValueError: It has neither an absolute nor a relative limit.
        """
        if self.absolute is None and self.relative is None:
            raise ValueError("a tolerance needs absolute, relative or both")
        return self


class CaseDocument(Entry):
    """A case: what to run, and what it should give."""

    case: CaseHeader
    run: RunEntry
    tolerance: dict[Line, ToleranceEntry] = Field(default_factory=dict)
    expected: dict[Line, Annotated[dict[Line, Figures], Field(min_length=1)]] = Field(default_factory=dict)
    """Year to organisation to column to figure."""
    expected_national: dict[Line, Figures] = Field(default_factory=dict)
    """Year to column to figure."""

    @model_validator(mode="after")
    def _check_expects_something(self) -> Self:
        """Return the case, if it expects figures or failing checks, or else a run that fails.

        Raises:
            ValueError: Nothing is expected, or a run that fails is expected to give figures.
        """
        head = self.case
        figures = bool(self.expected or self.expected_national or head.expected_file)
        if head.fails is not None and (figures or head.checks_fail):
            raise ValueError("a run that fails gives no figures; remove fails, or everything else that is expected")
        if not figures and head.fails is None and not head.checks_fail:
            raise ValueError('nothing is expected; give [expected."YEAR"], expected_file, fails or checks_fail')
        return self
