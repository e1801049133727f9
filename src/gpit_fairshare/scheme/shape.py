"""The shape of scheme, formula and transition files as Pydantic models, which refuse unknown keys.

`faults` has the messages for what these models refuse. Every text that they accept is safe to print on one line.
"""

from __future__ import annotations

import datetime as dt  # noqa: TC003  # Pydantic reads the annotations when the program runs
import re
import unicodedata
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Final, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    WithJsonSchema,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError

from gpit_fairshare.scheme.library import FileKind  # noqa: TC001  # as above
from gpit_fairshare.scheme.written_numbers import Exact, number

if TYPE_CHECKING:
    from collections.abc import Container

    from pydantic import GetJsonSchemaHandler
    from pydantic.config import JsonDict
    from pydantic_core import CoreSchema

NAME: Final = re.compile(r"[a-z][a-z0-9_]*")
_YEAR = re.compile(r"([0-9]{4})/([0-9]{2})")
_WORDS: Final = {"cost_type": ("revenue", "capital"), "committed": ("yes", "no")}
"""The words that may mark a line of a spend file; categories are free."""


def _without_control_characters(text: str, allowed: str = "\n\t") -> str:
    """Return a text, unless it has a control character or line break that is not allowed.

    Raises:
        ValueError: It has one.
    """
    if any(unicodedata.category(character) in ("Cc", "Zl", "Zp") and character not in allowed for character in text):
        raise ValueError(f"holds a control character{'' if allowed else ' or a line break'}; remove it")
    return text


def _filled(text: str) -> str:
    """Return a text, unless it is blank.

    Raises:
        ValueError: It is blank.
    """
    if not text.strip():
        raise ValueError("is empty; write a text")
    return text


def _one_line(text: str) -> str:
    return _without_control_characters(text, allowed="")


Text = Annotated[str, AfterValidator(_without_control_characters)]
Prose = Annotated[Text, AfterValidator(_filled)]
Line = Annotated[str, AfterValidator(_one_line), AfterValidator(_filled)]
Key = Annotated[str, Field(max_length=200), AfterValidator(_one_line), AfterValidator(_filled)]
Name = Annotated[str, Field(pattern=f"^{NAME.pattern}$", max_length=64)]
Year = Annotated[str, WithJsonSchema({"type": "string", "pattern": "^[0-9]{4}/[0-9]{2}$"})]
"""A financial year; each list of years checks the form of its years, with its own message."""
YearOrEvery = Annotated[Line, WithJsonSchema({"type": "string", "pattern": "^(every_year|[0-9]{4}/[0-9]{2})$"})]
"""The key of a value: a year, or all of them."""
Unit = Literal["£", "£ per head", "people", "%", "ratio", "yes/no"]
_AT_MOST_ONE_ORIGIN: Final[JsonDict] = {"not": {"type": "object", "required": ["source", "assumption"]}}
"""For editors: a value has a source or an assumption; neither while it is a draft."""
EVERY_YEAR: Final = "every_year"


def _as_written(value: Exact) -> Exact:
    number(value)
    return value


def _name_or_number(value: Exact) -> Exact:
    return value if isinstance(value, str) and NAME.fullmatch(value) else _as_written(value)


_ANY_NUMBER: Final[JsonDict] = {
    "type": ["number", "string"],
    "pattern": r"^\s*[+-]?([0-9_]+/[0-9_]+|([0-9_]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,4})?)\s*%?\s*$",
}
"""For editors: roughly what `number` reads."""
AnyNumber = Annotated[Exact, AfterValidator(_as_written), WithJsonSchema(_ANY_NUMBER)]
Bound = Annotated[Exact, AfterValidator(_name_or_number)]


class Entry(BaseModel):
    """A table of a file: unknown keys are refused, and no value is converted to another type."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)
    example: ClassVar[str] = ""
    """An example of the table, for a message."""
    essential: ClassVar[Container[str]] = ()
    """Keys that may be missing, but that a review cannot leave out without causing other errors."""


class OriginEntry(Entry):
    """What has either `source` (a key of `[sources]`) or `assumption` (why it is used); with neither it is a draft."""

    essential = ("source", "assumption")
    source: Line | None = None
    """The key of a source in the same file."""
    assumption: Prose | None = None
    """Why it is used, if no source gives it."""

    @property
    def is_draft(self) -> bool:
        """Return whether it has neither source nor assumption."""
        return self.source is None and self.assumption is None

    @model_validator(mode="after")
    def _check_origin(self) -> Self:
        """Return the entry, if it has not both source and assumption.

        Raises:
            PydanticCustomError: It has both.
        """
        if self.source is not None and self.assumption is not None:
            raise PydanticCustomError("origin", "expected either source or assumption; found both")
        return self


class SourceEntry(Entry):
    """A publication that figures come from."""

    title: Line
    publisher: Text = ""
    url: Text = ""
    date: dt.date | None = None
    note: Text = ""


class ValueEntry(OriginEntry):
    """One figure, with either `source` (a key of `[sources]`) or `assumption` (why it is used).

    A figure with neither, or a plain number, is a draft.
    """

    model_config = ConfigDict(
        json_schema_extra=_AT_MOST_ONE_ORIGIN | _ANY_NUMBER | {"type": ["object", "number", "string"]}
    )
    example = '{ value = 5, source = "…" }'
    value: AnyNumber
    """The figure: a number, a fraction such as "1/6", or a percentage such as "5%"."""
    owner: Line | None = None
    """Who is responsible for the assumption."""
    date: dt.date | None = None
    """The date of the assumption."""
    quality: Line | None = None
    """How reliable it is."""
    impact: Line | None = None
    """How much depends on it."""

    @model_validator(mode="before")
    @classmethod
    def _read_plain_number(cls, data: Any) -> Any:
        return {"value": data} if isinstance(data, int | float | str) else data

    @model_validator(mode="after")
    def _check_details(self) -> Self:
        """Return the entry, if it has details of an assumption only with an assumption.

        Raises:
            ValueError: A value with a source has an owner, date, quality or impact.
        """
        if self.source is not None:
            for name in ("owner", "date", "quality", "impact"):
                if getattr(self, name) is not None:
                    raise ValueError(f"{name} goes with an assumption; this value has a source")
        return self


def _for_every_year(data: Any) -> Any:
    """Return values by year; one value alone, a plain number or a table with `value`, is that of every year."""
    is_one_value = isinstance(data, int | float | str) or (isinstance(data, dict) and "value" in data)
    return {EVERY_YEAR: data} if is_one_value else data


class _OneOrByYear:
    """For editors: a value alone, or a table of values by year."""

    @classmethod
    def __get_pydantic_json_schema__(cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        by_year = handler(core_schema)
        return {"anyOf": [*by_year["patternProperties"].values(), by_year]}


ValuesByYear = Annotated[dict[YearOrEvery, ValueEntry], BeforeValidator(_for_every_year), _OneOrByYear]


class ParameterEntry(Entry):
    """A parameter that the file declares; bounds are numbers or other parameters."""

    label: Line
    """Its name on sheets and screens."""
    unit: Unit | None = None
    """Its unit; without one, units are not checked."""
    minimum: Bound | None = None
    """The lowest value allowed: a number, or the name of another parameter."""
    maximum: Bound | None = None
    """The highest value allowed: a number, or the name of another parameter."""
    default: ValueEntry | None = None
    """Its value if the scheme gives none for any year."""
    values: ValuesByYear = {}
    """Its values by year (or every_year), if the scheme gives none."""
    note: Text = ""
    """What a reader should know about it."""
    example_: AnyNumber | None = Field(default=None, alias="example")
    """A value with which `gpit init` starts a draft, in place of a default; no run uses it."""


class TableRowEntry(ValueEntry):
    """One row of a table: the text or the band that it is for, and its value."""

    model_config = ConfigDict(
        json_schema_extra=_AT_MOST_ONE_ORIGIN | {"oneOf": [{"required": ["key"]}, {"required": ["from"]}]}
    )
    example = '{ key = "primary", value = 1.2, source = "…" } or { from = 0, value = 1.2, source = "…" }'
    key: Key | None = None
    """The text of the row."""
    from_: AnyNumber | None = Field(default=None, alias="from")
    """The number at which the band begins."""
    up_to: AnyNumber | None = None
    """The number at which the band ends; it must be where the next one begins."""

    @model_validator(mode="after")
    def _check_key(self) -> Self:
        """Return the row, if it has either a usable key or a lower edge.

        Raises:
            ValueError: It has neither or both, `up_to` beside a key, or a key that a setting could not name.
        """
        key = self.key or ""
        if (self.key is None) == (self.from_ is None):
            which = "neither" if self.key is None else "both"
            raise ValueError(f"a row needs key, a text, or from, the number where a band begins; found {which}")
        if key and self.up_to is not None:
            raise ValueError("up_to is the end of a band, which has from; a row with a key has none")
        if key != key.strip():
            raise ValueError(f"the key {key[:40]!r} has spaces at its ends, which no cell keeps; remove them")
        if sign := next((sign for sign in "[]@=" if sign in key), ""):
            raise ValueError(f"the key {key[:40]!r} has {sign}, which --set uses; write it without")
        if key.casefold() == "otherwise":
            raise ValueError('otherwise is no row; write it beside rows: otherwise = { value = 1, assumption = "…" }')
        return self


class TableEntry(Entry):
    """A table of values by text, or by bands of a number."""

    model_config = ConfigDict(json_schema_extra={"oneOf": [{"required": ["rows"]}, {"required": ["file"]}]})
    label: Line
    """What its values are."""
    unit: Unit | None = None
    """Unit of the values."""
    key_unit: Unit | None = None
    """Unit of the edges of bands."""
    rows: list[TableRowEntry] = []
    """Its rows, each with a key, or each with the lower edge of a band, rising."""
    file: Line | None = None
    """In place of rows: a CSV file in the folder of the scheme file."""
    otherwise: ValueEntry | None = None
    """The value for texts that no row has."""
    note: Text = ""
    """What a reader should know about it."""

    @model_validator(mode="after")
    def _check_rows(self) -> Self:
        """Return the table, if it has either rows or the name of a CSV file.

        Raises:
            ValueError: It has both, or neither, or the name is not that of a CSV file in the same folder.
        """
        if bool(self.rows) == (self.file is not None):
            which = "both" if self.rows else "neither"
            raise ValueError(f'a table needs rows, or file = "weights.csv" in their place; found {which}')
        if self.file is not None and not re.fullmatch(r"[^/\\:]+\.csv", self.file, re.IGNORECASE):
            raise ValueError(
                f"file is {self.file[:40]!r}; expected the name, without folders, of a .csv file in this file's folder"
            )
        return self


class InputEntry(Entry):
    """An input column: its label, its unit, and whether it may be blank or missing."""

    essential = ("type", "of")
    label: Text = ""
    unit: Unit | None = None
    type: Literal["number", "text"] = "number"
    optional: bool = False
    of: Name | None = None
    """The text column with the larger organisation that the value belongs to, such as the practice's CCG."""
    signed: bool = False
    """Whether money in the column may be negative."""
    note: Text = ""

    @model_validator(mode="after")
    def _check_unit(self) -> Self:
        """Return the entry, if its unit fits its type and `signed`.

        Raises:
            ValueError: A text column has a unit, or a signed column is not in £.
        """
        if self.type == "text" and self.unit is not None:
            raise ValueError("a text column has no unit; remove unit or type")
        if self.signed and self.unit != "£":
            raise ValueError("signed is for money in £ only; give the column the unit £, or remove signed")
        return self


class StepEntry(Entry):
    """One named step: one column, one figure of a group, or one national figure."""

    name: Name
    label: Line = Field(max_length=200)
    formula: Text
    """How it is calculated, from columns, parameters and the steps above."""
    unit: Unit | None = None
    """Its unit, which must be the unit of the formula."""
    note: Text = ""
    """What a reader should know about it."""
    non_recurrent: bool = False
    """Whether the step is a part of the answer that is paid only once."""


class CheckEntry(Entry):
    """A formula that must be true in every year, and for each organisation if it has a value for each."""

    name: Line = Field(max_length=200)
    formula: Text
    note: Text = ""
    stops: bool = False
    """Whether a run stops and writes nothing if the check fails, because there is then no usable answer."""


class OutcomeEntry(Entry):
    """What a rule can do to an organisation, such as hold it at the floor.

    The outcomes are tried in their order: an organisation has the first whose formula is true for it.
    """

    label: Line = Field(max_length=60)
    """What is true of the organisation, as in a count of them: `at the floor`, `receives support`."""
    formula: Text
    """True or false for each organisation."""
    because: Line | None = Field(default=None, max_length=200)
    """Why its allocation is what it is: a clause with values in braces: `the floor of {floor} holds it up`."""


class UseEntry(Entry):
    """Another formula file, used under the name in `as`; `with` replaces its names."""

    formula: Line
    as_: Name = Field(alias="as")
    with_: dict[Name, Name] = Field(default={}, alias="with")


class PropertyEntry(Entry):
    """Why a rule does not have a property: how it breaks it, or why the property does not apply."""

    model_config = ConfigDict(json_schema_extra={"oneOf": [{"required": ["broken"]}, {"required": ["absent"]}]})
    example = '{ broken = "…" } or { absent = "…" }'
    broken: Prose | None = None
    absent: Prose | None = None

    @model_validator(mode="after")
    def _check_one_reason(self) -> Self:
        """Return the entry, if it has exactly one of `broken` and `absent`.

        Raises:
            ValueError: It has none or both.
        """
        if (self.broken is None) == (self.absent is None):
            which = "neither" if self.broken is None else "both"
            raise ValueError(f"a property that is not kept needs one reason, as broken or as absent; found {which}")
        return self


class MoneyEntry(Entry):
    """The money account: money in, money taken away and money unspent; each name is money in £.

    A name is a parameter, an input column or a step; columns and steps are added up over organisations.
    """

    example = 'in = ["revenue_budget"]'
    in_: Annotated[list[Name], Field(min_length=1)] = Field(alias="in")
    """Money that comes in. In a file that builds on fair shares, `fair_share` means the money behind them."""
    out_of: list[Name] = []
    """Money that is taken away before the rest is allocated, such as a saving that all pay."""
    unspent: list[Name] | None = None
    """Money that stays unspent. If left out, it is what the file's `share_out` steps leave over because of ceilings."""

    @model_validator(mode="after")
    def _check_each_name_once(self) -> Self:
        """Return the entry, if its three lists name nothing twice.

        Raises:
            ValueError: A name is in them twice.
        """
        names = [*self.in_, *self.out_of, *(self.unspent or ())]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"{name} is named twice; name it once")
        return self


KeptOrReason = Literal["kept"] | PropertyEntry


class PropertiesEntry(Entry):
    """Properties that a rule keeps for any inputs: each is `"kept"`, or says why it is not."""

    control_total: KeptOrReason | None = None
    """Allocations and unspent money add up to the money available: exactly, if that is in whole pounds."""
    row_order: KeptOrReason | None = None
    """The order of rows in the inputs changes nothing."""
    rising_target: KeptOrReason | None = None
    """An organisation whose target is raised in a year never gets less in that year, except for rounding."""
    population_scale: KeptOrReason | None = None
    """Multiplying all populations by the same factor changes nothing."""
    bounds: KeptOrReason | None = None
    """Floors and ceilings are kept, except for rounding."""
    mergers: KeptOrReason | None = None
    """A merged organisation gets what its members got together, except for rounding."""


class Header(Entry):
    """The name of a formula or transition, and its sources."""

    essential = ("sources", "formula", "transition", "result", "report_by")
    name: Line
    title: Line
    note: Text = ""
    """The method in words."""
    order: list[Line] = []
    """The order of operations, one line for each."""
    infeasible: Text = ""
    """When the rule has no answer, and what the run then does."""
    sources: list[Line] = []


class File(Entry):
    """What all three kinds of file have."""

    kind: ClassVar[FileKind]
    answer: ClassVar[str] = "allocation"
    """The step that is the answer, in which the steps of a formula or a transition end."""
    sources: dict[Line, SourceEntry] = {}
    parameters: dict[Name, ParameterEntry] = {}
    tables: dict[Name, TableEntry] = {}
    inputs: dict[Name, InputEntry] = {}
    steps: list[StepEntry] = []
    checks: list[CheckEntry] = []
    outcomes: list[OutcomeEntry] = []
    money: MoneyEntry | None = None
    properties: PropertiesEntry | None = None

    @property
    def header(self) -> Header:
        """Return the table that the file begins with."""
        header: Header = getattr(self, self.kind)
        return header


Payer = Literal["within the budget", "top-slice", "new money"]


class PaidHeader(Header):
    """The header of a rule that moves money from one year to the next."""

    opening_baseline: Name | None = None
    """The input column with the money that an organisation had before."""
    paid_from: Payer | None = None
    """Who pays for protection: the others within the budget, a fund taken out of it first, or money on top."""


class FormulaFile(File):
    """A file whose steps end in `fair_share`."""

    kind = "formula"
    answer = "fair_share"
    formula: Header
    use: list[UseEntry] = []


class TransitionFile(File):
    """A file whose steps end in `allocation` and use only `fair_share`, inputs and last year's values."""

    kind = "transition"
    transition: PaidHeader


class SchemeHeader(PaidHeader):
    """The name of a scheme, its organisations and years, and its parts."""

    organisation: Line = "organisation"
    """The name for a row: CCG, ICB, practice."""
    years: list[Year] = Field(default=[], max_length=50)
    """Consecutive financial years, the earliest first. If left out, each run gives them with --years."""
    formula: Line | None = None
    """Name of a formula in the library, or of a file in the same folder."""
    transition: Line | None = None
    """Name of a transition in the library, or of a file in the same folder."""
    result: Name | None = None
    """The step that is the answer, if it is not called allocation."""
    report_by: Name | None = None
    """The text column that totals are reported by."""
    indicative: list[Year] = []
    """Years whose allocations are not yet firm."""

    @field_validator("years")
    @classmethod
    def _check_consecutive(cls, years: list[str]) -> list[str]:
        """Return the years, if they are consecutive financial years such as 2014/15, the earliest first.

        Raises:
            ValueError: They are not.
        """
        for year in years:
            match = _YEAR.fullmatch(year)
            if not match or (int(match[1]) + 1) % 100 != int(match[2]):
                raise ValueError(f"{year[:40]!r} is not a financial year; write it as 2014/15")
        firsts = [int(year[:4]) for year in years]
        if firsts != [firsts[0] + index for index in range(len(firsts))]:
            raise ValueError("years must be consecutive, the earliest first")
        return years

    @model_validator(mode="after")
    def _check_indicative(self) -> Self:
        """Return the header, if its indicative years are years of the scheme.

        Raises:
            ValueError: One is not.
        """
        for year in self.indicative:
            if year not in self.years:
                raise ValueError(f"indicative names {year[:40]!r}, which is not a year of the scheme")
        return self


class SpendEntry(OriginEntry):
    """Which lines of a detailed spend file make `historic_spend`, with either `source` or `assumption`."""

    model_config = ConfigDict(json_schema_extra=_AT_MOST_ONE_ORIGIN)
    counts: dict[Literal["category", "cost_type", "committed"], Annotated[list[Line], Field(min_length=1)]]

    @model_validator(mode="after")
    def _check_words(self) -> Self:
        """Return the entry, if each cost type or `committed` that counts is a known word.

        Raises:
            ValueError: A word is unknown.
        """
        for column, words in _WORDS.items():
            for word in self.counts.get(column, []):  # type: ignore[call-overload]  # both are columns
                if word not in words:
                    raise ValueError(f"a line's {column} must be {' or '.join(words)}, not {word[:40]!r}")
        return self


class SchemeFile(File):
    """A file that names a formula and a transition, or has steps of its own, and gives the values."""

    kind = "scheme"
    scheme: SchemeHeader
    use: list[UseEntry] = []
    values: dict[Name, ValuesByYear] = {}
    spend: SpendEntry | None = None


FILE_MODELS: Final[dict[FileKind, type[File]]] = {
    model.kind: model for model in (FormulaFile, TransitionFile, SchemeFile)
}
"""The shape of each kind of file."""
