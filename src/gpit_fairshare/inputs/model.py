"""The request to read input files, and the tables that result."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from gpit_fairshare.inputs.files.grids import LARGEST
from gpit_fairshare.inputs.mergers.crosswalk import Crosswalk, packaged_crosswalk
from gpit_fairshare.presentation import short_repr

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    import polars as pl

    from gpit_fairshare.findings import Finding
    from gpit_fairshare.run_options import InputFrame

Kind = Literal["number", "text"]
Role = Literal["population", "spend", "input"]

ADDED_UP = ("£", "people")
"""Units of values that may be added up over practices or merged organisations. They are not negative unless signed."""


@dataclass(frozen=True)
class NeededColumn:
    """A column that the scheme's steps use."""

    name: str
    kind: Kind
    unit: str = ""
    """Unit from the scheme, else from the headings file, if any."""
    optional: bool = False
    """Whether cells may be blank, or the whole column missing."""
    label: str = field(default="", compare=False)
    """As the next two, only for the message if no file has the column."""
    used_in: str = field(default="", compare=False)
    """File, step and character of the formula that uses it first."""
    alternatives: tuple[str, ...] = field(default=(), compare=False)
    """Names of steps and parameters that the formula may mean instead."""
    lenient: bool = False
    """Whether a cell that cannot be read is only a warning, because no step is known to need the column.

    Negative money in such a column, such as an adjustment, is a warning for the column."""
    of: str = ""
    """The text column with the larger organisation of each row, if the value is that organisation's."""
    signed: bool = False
    """Whether money may be negative, as in adjustments."""

    @property
    def is_sum(self) -> bool:
        """Return whether the values of several rows may be added up: money and people, never rates."""
        return self.kind == "number" and self.unit in ADDED_UP


@short_repr
@dataclass(frozen=True, kw_only=True)
class Request:
    """The files that a user names, and what the scheme needs from them."""

    population: tuple[str | InputFrame, ...] = ()
    """As the user wrote them: `FILE` or `FILE:SHEET`. The rows of several files are joined one below the other."""
    spend: tuple[str | InputFrame, ...] = ()
    extra: tuple[str | InputFrame, ...] = ()
    """Files of further columns (`--input`)."""
    years: tuple[str, ...]
    """Years of the scheme, as `2014/15`, in order."""
    needs: tuple[NeededColumn, ...] = ()
    counts: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Which lines of a detailed spend file make `historic_spend`: column to allowed values."""
    mapping: Mapping[str, str] = field(default_factory=dict)
    """Headings named by the user: heading to column (`--map`)."""
    units: Mapping[str, str] = field(default_factory=dict)
    """Units of columns as the user gives them: heading to unit, as `£m` (`--unit`)."""
    scheme: str = ""
    """Name of the scheme with these needs. Empty without a scheme: then every column is checked."""
    organisation: str = "CCG"
    """The word for a row's organisation in messages. With `practice`, each row is a practice."""
    keep_text: tuple[str, ...] = ()
    """Further text columns, read if a file has them."""
    options: Mapping[str, str] = field(default_factory=dict)
    """For messages: the option that gives the file of each column; `""` for columns that are not named."""
    leave_out: tuple[str, ...] = ()
    """Rows with these codes are left out (`--leave-out`)."""
    moved_share: float = 0.10
    """Largest change in an organisation's patients in a year without a warning, as a share: an assumption."""
    largest: int = LARGEST
    """Most bytes of a file, unpacked (`--max-size`)."""
    boundaries: date | None = None
    """All rows are restated for the organisations of this day (`--boundaries`); None leaves them unchanged."""
    crosswalk: tuple[str | InputFrame, ...] = ()
    """Files with mergers and splits, in addition to those of the package (`--crosswalk`)."""

    @property
    def essential(self) -> frozenset[str]:
        """Columns in which an error stops a run."""
        return frozenset(need.name for need in self.needs if not need.lenient)

    @property
    def is_by_practice(self) -> bool:
        """Return whether each row is a practice, so that practices are not summed to organisations."""
        return self.organisation.casefold() == "practice"


class AppliedUnit(NamedTuple):
    """The unit used to read the figures of a column of £ or people, or of a rate with a stated unit."""

    heading: str
    column: str
    unit: str
    """As the file or the user states it; `£` or `people` if nothing states one."""
    factor: float
    stated_by: str
    """As named in `column_units`; empty if nothing states a unit."""


@short_repr
@dataclass(frozen=True)
class InputSource:
    """A file or frame that was read."""

    role: Role | Literal["crosswalk"]
    file: str
    """Base name, or the name of a frame."""
    sheet: str
    """Sheet of a workbook, else empty."""
    sha256: str
    """Hexadecimal digest of the file's bytes, or of the headings and cells of a frame."""
    rows: int
    """Rows below the headings that are not blank."""
    matched: tuple[tuple[str, str], ...]
    """Each heading of the file with the column that it was read as, from left to right."""
    titles: tuple[str, ...] = ()
    """Texts above the headings."""
    units: tuple[AppliedUnit, ...] = ()
    """The units used to read the columns of £ and people, from left to right."""

    @property
    def name(self) -> str:
        """File, with the sheet where there is one."""
        return f"{self.file}:{self.sheet}" if self.sheet else self.file

    def entry(self) -> dict[str, Any]:
        """Return the file's details, with the keys of manifests and of `gpit check --json`."""
        return {key: getattr(self, key) for key in ("role", "file", "sheet", "sha256", "rows")}


@dataclass(frozen=True)
class InputColumn:
    """A column of the tables and its source."""

    name: str
    kind: Kind
    unit: str
    table: Role
    file: str
    """Base names of the files, joined by a comma if there are several; empty if no file has it."""


class Restated(NamedTuple):
    """Money or people of a closed organisation that were counted with its successor for one year.

    If the organisation split, there is one entry for each successor, with its part of the amount.
    """

    year: str
    predecessor: str
    successor: str
    column: str
    amount: float


@short_repr
@dataclass(frozen=True, eq=False)
class Inputs:
    """Checked tables, and all findings from reading them."""

    years: tuple[str, ...]
    tables: dict[str, pl.DataFrame]
    """One table per year with one row per organisation, sorted by `org_code`: `org_code`, `org_name` (empty if
    no file has one), then the needed columns. Only optional columns have blank cells, which are null."""
    columns: dict[str, InputColumn]
    """The columns after `org_name`, in order."""
    lines: pl.DataFrame | None
    """Detailed spend, one row per line of cost, in an order that does not depend on the file's: `year`
    (null if the row is used for every year), `org_code`, `amount` (£), `category`, `cost_type`, `committed`,
    `counts`, `basis`, `description`, `row`, `file`, `predecessor` (the code in the file, if the line was restated on
    other boundaries). None if no file of lines was used."""
    origins: dict[tuple[str, str, str], str]
    """Source of each (year, org_code, column): `a.csv row 5`, `b.xlsx:Sheet C5`, `5 rows of a.csv`."""
    sources: tuple[InputSource, ...]
    findings: tuple[Finding, ...]
    """Warnings and notes; errors are raised."""
    illustrative: tuple[str, ...]
    """A sentence for each file with figures marked illustrative."""
    restated: tuple[Restated, ...]
    """The amounts moved by the crosswalk, sorted."""
    crosswalk: Crosswalk = field(default_factory=packaged_crosswalk)
    """The mergers of the package and of the user."""
    boundaries: date | None = None
    """All rows were restated for the organisations of this day; None if they were not restated."""
    undated: frozenset[tuple[str, str, str]] = frozenset()
    """(year, org_code, column) of values from rows that are used for every year."""
    request: Request | None = None
    """What was read; None if a result file was."""

    def is_illustrative(self, name: str) -> bool:
        """Return whether figures of a file with this column are marked illustrative."""
        files = self.columns[name].file.split(", ") if name in self.columns else []
        marks = tuple(f"{file}{sign}" for file in files for sign in (":", " ") if file)
        return any(sentence.startswith(marks) for sentence in self.illustrative)

    @property
    def illustrative_heading(self) -> str:
        """Return `Illustrative spend`, or `Illustrative figures` if those of spend are not; empty if none are."""
        if not self.illustrative:
            return ""
        return "Illustrative spend" if self.is_illustrative("historic_spend") else "Illustrative figures"
