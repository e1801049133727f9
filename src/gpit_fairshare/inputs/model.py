"""The request to read input files, and the tables that result."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from gpit_fairshare.inputs.files.grids import LARGEST
from gpit_fairshare.inputs.mergers.crosswalk import Crosswalk, packaged_crosswalk

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    import polars as pl

    from gpit_fairshare.findings import Finding

Kind = Literal["number", "text"]
Role = Literal["population", "spend", "input"]

ADDED_UP = ("£", "people")
"""Units whose values may be added up over practices or merged organisations, and are not negative unless signed."""


@dataclass(frozen=True)
class Need:
    """A column that the scheme's steps use."""

    name: str
    kind: Kind
    unit: str = ""
    """Unit given by the scheme; where it gives none, that of the headings file, if any."""
    optional: bool = False
    """Whether blank cells, or the lack of the whole column, are allowed."""
    label: str = ""
    used_in: str = ""
    """File, step and character of the formula that first uses it, for a message if no file has it."""
    alternatives: tuple[str, ...] = ()
    """Other names that the formula may have meant: steps and parameters."""
    lenient: bool = False
    """Whether a cell that cannot be read is a warning, since nothing is known to need the column.

    Money may be negative in such a column, as adjustments are, and gives a warning for the column."""
    of: str = ""
    """The text column that names the larger organisation of a row, where the value is of that organisation."""
    signed: bool = False
    """Whether money may be negative, as adjustments may."""

    @property
    def is_sum(self) -> bool:
        """Return whether the values of several rows may be added up: money and people, never rates."""
        return self.kind == "number" and self.unit in ADDED_UP


@dataclass(frozen=True, kw_only=True)
class Request:
    """The files that a user names, and what the scheme needs from them."""

    population: tuple[str, ...] = ()
    """As the user wrote them: `FILE` or `FILE:SHEET`. Several are stacked."""
    spend: tuple[str, ...] = ()
    extra: tuple[str, ...] = ()
    """Files of further columns (`--input`)."""
    years: tuple[str, ...]
    """Years of the scheme, as `2014/15`, in order."""
    needs: tuple[Need, ...] = ()
    counts: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Which lines of a detailed spend file make `historic_spend`: column to allowed values."""
    mapping: Mapping[str, str] = field(default_factory=dict)
    """Headings named by the user: heading to column (`--map`)."""
    units: Mapping[str, str] = field(default_factory=dict)
    """Units of columns as the user gives them: heading to unit, as `£m` (`--unit`)."""
    scheme: str = ""
    """Name of the scheme whose needs these are; empty without a scheme, and every column is inspected."""
    organisation: str = "CCG"
    """The name for a row's organisation in messages; `practice` makes practices the rows."""
    keep_text: tuple[str, ...] = ()
    """Further text columns, kept where a file has them."""
    options: Mapping[str, str] = field(default_factory=dict)
    """Which option gives a file with a column, for messages: column to option; `""` for those not named."""
    leave_out: tuple[str, ...] = ()
    """Codes whose rows are left out (`--leave-out`)."""
    moved_share: float = 0.10
    """Share of an organisation's patients that may come or go in a year without a remark: an assumption."""
    largest: int = LARGEST
    """Bytes that a file may hold, unpacked (`--max-size`)."""
    boundaries: date | None = None
    """The day on whose organisations all rows are restated (`--boundaries`); None leaves them as they are."""
    crosswalk: tuple[str, ...] = ()
    """Files of mergers and splits beside those that come with the package (`--crosswalk`)."""

    @property
    def essential(self) -> frozenset[str]:
        """Columns of which a fault stops a run."""
        return frozenset(need.name for need in self.needs if not need.lenient)

    @property
    def is_by_practice(self) -> bool:
        """Return whether the rows of the tables are practices, so that none are summed to organisations."""
        return self.organisation.casefold() == "practice"


class AppliedUnit(NamedTuple):
    """The unit with which the figures of a used column of £ or people were read."""

    heading: str
    column: str
    unit: str
    """As it is stated; `£` or `people` where nothing states one."""
    factor: int
    stated_by: str
    """As `column_units` names it; empty where nothing states a unit."""


@dataclass(frozen=True)
class InputSource:
    """A file that was read."""

    role: Role | Literal["crosswalk"]
    file: str
    """Base name."""
    sheet: str
    """Sheet of a workbook, else empty."""
    sha256: str
    """Digest of the file's bytes, in hexadecimal."""
    rows: int
    """Rows below the headings that hold anything."""
    matched: tuple[tuple[str, str], ...]
    """Headings as the file has them, with the columns they were read as, from left to right."""
    titles: tuple[str, ...] = ()
    """Texts above the headings."""
    units: tuple[AppliedUnit, ...] = ()
    """The units with which the columns of £ and people were read, from left to right."""

    @property
    def name(self) -> str:
        """File, with the sheet where there is one."""
        return f"{self.file}:{self.sheet}" if self.sheet else self.file

    def entry(self) -> dict[str, Any]:
        """Return which file it is, with the keys of manifests and of `gpit check --json`."""
        return {key: getattr(self, key) for key in ("role", "file", "sheet", "sha256", "rows")}


@dataclass(frozen=True)
class InputColumn:
    """A column of the tables and where it came from."""

    name: str
    kind: Kind
    unit: str
    table: Role
    file: str
    """Base names of the files, joined by a comma where several were stacked; empty if no file has it."""


class Restated(NamedTuple):
    """Money or people of a closed organisation that were counted with its successor for one year.

    Where it split there is one for each successor, and their amounts are its parts.
    """

    year: str
    predecessor: str
    successor: str
    column: str
    amount: float


@dataclass(frozen=True, eq=False)
class Inputs:
    """Checked tables, and everything that was noticed while reading them."""

    years: tuple[str, ...]
    tables: dict[str, pl.DataFrame]
    """One table per year and one row per organisation, sorted by `org_code`: `org_code`, `org_name` (empty
    where no file has one), then the columns needed. Blank cells are null, and only in optional columns."""
    columns: dict[str, InputColumn]
    """The columns after `org_name`, in order."""
    lines: pl.DataFrame | None
    """Detailed spend, one row per line of cost, in an order that does not depend on the file's: `year`
    (null where the row serves every year), `org_code`, `amount` (£), `category`, `cost_type`,
    `committed`, `counts`, `basis`, `row`, `file`, `predecessor` (the code that the file has, where a line was
    restated on other boundaries). None if no file of lines was used."""
    origins: dict[tuple[str, str, str], str]
    """(year, org_code, column) to its place: `a.csv row 5`, `b.xlsx:Sheet C5`, `5 rows of a.csv`."""
    sources: tuple[InputSource, ...]
    findings: tuple[Finding, ...]
    """Warnings and notes; faults are raised."""
    illustrative: tuple[str, ...]
    """A sentence for each file that says its own figures are illustrative."""
    restated: tuple[Restated, ...]
    """The amounts that the crosswalk moved, sorted."""
    crosswalk: Crosswalk = field(default_factory=packaged_crosswalk)
    """The mergers that come with the package, and those of the user."""
    boundaries: date | None = None
    """The day on whose organisations all rows were restated; None if they were not."""
    undated: frozenset[tuple[str, str, str]] = frozenset()
    """(year, org_code, column) of values whose rows serve every year."""
