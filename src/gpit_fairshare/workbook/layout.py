"""The sheet, row and column of every name, figure and parameter.

A *block* is one sheet with a row per organisation or group in one year, and its workings: a second
sheet with the same rows, which holds the columns that the kernels need. National figures have a row
each and a column a year.
"""

from __future__ import annotations

import math
import re
from collections import defaultdict
from dataclasses import dataclass, field
from functools import cached_property
from itertools import product
from typing import TYPE_CHECKING, Any, Final

from gpit_fairshare.inputs.model import ADDED_UP, Restated
from gpit_fairshare.language import in_excel as excel
from gpit_fairshare.language.kinds import ORGANISATION, Kind
from gpit_fairshare.workbook.sheets import FIRST_ROW, ROW, Prose, Role, Sheet, free_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from gpit_fairshare.engine import Result, Year
    from gpit_fairshare.language.tables import FormulaTable

ALLOCATIONS: Final = "Allocations"
PARAMETERS: Final = "Parameters"
TABLES: Final = "Tables"
NATIONAL_SHEET: Final = "National figures"
CONSTANTS: Final = "Constants"
SHARING: Final = "Sharing"
MANIFEST: Final = "Manifest"
ONE_ORGANISATION: Final = "One organisation"
CODES: Final = "Codes"
FIXED: Final = "fixed"
AS_READ: Final = "control total"
CHANGED: Final = "changed"
CHANGED_TOTAL: Final = "control total: changed"
_CONSTANTS_COLUMNS: Final = (("Name", 28), ("Used for", Prose(80)), ("Value", 16), ("Type", 24))
_NATIONAL_COLUMNS: Final = (("Figure", Prose(60)), ("Name in formulas", Prose(44)), ("Unit", 12))
_SHARING_COLUMNS: Final = (
    ("Step", 40),
    ("Year", 10),
    ("Group", 28),
    ("Number of the group", 10),
    ("Round", 8),
    ("Lowest rank", 10),
    ("Highest rank", 10),
    ("Rank tried", 10),
    ("Factor at that rank (for one unit of weight)", 20),
    ("Spent at that factor (unit of the step)", 20),
    ("Amount to spend (unit of the step)", 20),
    ("First position of the group", 12),
    ("Last position of the group", 12),
)
FIXED_NAMES: Final = (
    "About",
    "Summary",
    ALLOCATIONS,
    "Charts",
    ONE_ORGANISATION,
    PARAMETERS,
    TABLES,
    CONSTANTS,
    "Population",
    "Spend",
    "Other inputs",
    "Spend lines",
    NATIONAL_SHEET,
    SHARING,
    "Checks",
    "Method",
    "Assumptions",
    "Sources",
    "Findings",
    MANIFEST,
    CODES,
    "Gains and losses",
    "Spread per head",
    "Path per head",
)
"""Sheets that have the same name in every workbook; sheets of years and groups take other names."""
EVERY_YEAR: Final = "every year"
NOT_GIVEN: Final = "[not given]"
"""In a text cell for which the inputs have no text."""
_FORBIDDEN = str.maketrans(dict.fromkeys("[]:*?/\\", "-"))


def sheet_name(text: str, used_names: set[str], end: str = "") -> str:
    """Return a name that Excel allows, 31 characters without brackets, slashes or :*?, and add it to the used names.

    A name that is too long is cut before its `end`, such as the year, so that two sheets have different names; a name
    that is used already gets a number.
    """
    base, end = (" ".join(part.translate(_FORBIDDEN).split()) for part in (text, end))

    def numbered(number: int) -> str:
        tail = (f" {end}" if end else "") + (f" {number}" if number > 1 else "")
        return (base[: 31 - len(tail)].strip("' ") + tail).strip("' ") or "Sheet"

    return free_name(used_names, numbered)


@dataclass(slots=True)
class Block:
    """The rows of one kind in one year: its sheet, its workings and the columns on both."""

    kind: Kind
    year: Year
    sheet: Sheet
    workings: Sheet
    columns: dict[str, int] = field(default_factory=dict)
    helpers: dict[str, int] = field(default_factory=dict)

    @property
    def height(self) -> int:
        """Return the number of rows."""
        return self.year.frames[self.kind].height

    def values(self, name: str) -> list[Any]:
        """Return the values that a column of the sheet has in the result."""
        return self.year.values(name, self.kind)

    def number_column(self, name: str) -> list[float]:
        """Return the values of a column of numbers; an empty list if it is absent or has a blank."""
        values = self.values(name) if name in self.columns else []
        return [] if None in values else values

    def helper_values(self, key: str) -> Sequence[Any]:
        """Return the values of a column of the workings."""
        return self.workings.fills[self.helpers[key]].values

    def column_range(self, name: str) -> str:
        """Return a column of the sheet as a range that may be used on any sheet."""
        return self.sheet.column_range(self.columns[name])

    def helper_range(self, key: str) -> str:
        """Return a column of the workings as a range that may be used on any sheet."""
        return self.workings.column_range(self.helpers[key])

    def cell(self, name: str, row: int | str = ROW, *, on_sheet: Sheet | None = None) -> str:
        """Return how formulas on the sheet `on_sheet`, or on any other, refer to a cell of the block's sheet."""
        return self.sheet.cell(self.columns[name], row, on_sheet=on_sheet)

    def helper_cell(self, key: str, row: int | str = ROW, *, on_sheet: Sheet | None = None) -> str:
        """Return how formulas on the sheet `on_sheet`, or on any other, refer to a cell of the block's workings."""
        return self.workings.cell(self.helpers[key], row, on_sheet=on_sheet)


class Layout:
    """The cells of all names in one workbook, and the sheets that are being filled."""

    user = ""
    """Label of the step that is being written; the constants that it uses name it."""

    def __init__(self, result: Result) -> None:
        self.result = result
        self.scheme = result.scheme
        self.used_sheet_names = {name.casefold() for name in FIXED_NAMES}
        self.adds_up = self.scheme.symbols[self.scheme.result].unit in (*ADDED_UP, None)
        """Whether the answers have a total: money, people and figures without a unit do; indices and rates do not."""
        self.answers = ALLOCATIONS if self.adds_up else self.scheme.labels[self.scheme.result].partition(",")[0]
        """Name of the answers on the published sheet: `Allocations`, `Maturity index`."""
        self.years = list(result.years)
        self.measures = result.measures()
        """The measures of each year, in order."""
        self.illustrative = f"{result.inputs.illustrative_heading}. " if result.inputs.illustrative else ""
        """Note on every sheet if spend or other figures are illustrative; empty if all are real."""
        self.names: dict[str, str] = {}
        """Defined names, each with its cell."""
        # Steps and parameters keep their names; a figure such as total(x) gets a number if a step is called total_of_x.
        self._identifiers = {
            name: name for name in (*self.scheme.parameters, *(step.name for step in self.scheme.steps))
        }
        self.blocks: dict[tuple[Kind, str], Block] = {}
        self.input_cells: dict[tuple[str, str, str], str] = {}
        """(year, code, column) to the cell that holds the input."""
        self.input_ranges: dict[str, str] = {}
        """Column to all its cells."""
        self.line_ranges: dict[str, str] = {}
        """Column of the lines of spend to all its cells; empty where spend has no lines."""
        self.text_inputs: dict[str, tuple[Sheet, str]] = {}
        """Column of texts to the cells that hold them."""
        self.input_controls: list[str] = []
        """Cells that say whether a column of inputs is the same as in the run."""
        self.input_tables: list[dict[str, Any]] = []
        """The content of each sheet of inputs, for reading the workbook back; see `places`."""
        self.moved: dict[tuple[str, str], list[Restated]] = {}
        """(year, successor) to the amounts that the crosswalk counted with it."""
        for restated in result.inputs.restated:
            self.moved.setdefault((restated.year, restated.successor), []).append(restated)
        note = "Technical. Control totals show whether inputs have been changed since they were read."
        self.constants = self.make_sheet(CONSTANTS, "Constants that formulas use", note, "Working")
        self._constant_rows: dict[str, int] = {}
        self._users: defaultdict[str, list[str]] = defaultdict(list)
        """Names of the scheme's numbers to the labels of what uses them."""
        self.constants.add_headings(_CONSTANTS_COLUMNS)
        for name, (value, use) in excel.CONSTANTS.items():
            self.constant(name, value, use)
        note = "One row per figure, one column per year. Formulas use the names."
        self.national = self.make_sheet(NATIONAL_SHEET, "National figures of each year", note, "Working")
        self.national.add_headings((*_NATIONAL_COLUMNS, *((year, 20) for year in self.years)))
        self.national_rows: dict[str, int] = {}
        note = "Each round halves the ranks until it finds the factor that spends the amount."
        self.sharing = self.make_sheet(SHARING, "How money was shared out between floors and ceilings", note, "Working")
        self.sharing.last_row = FIRST_ROW - 1
        self.sharing.add_headings(_SHARING_COLUMNS)
        keys = (key for key in product(self.scheme.parameters, self.years) if key not in self.table_rows)
        self.parameter_rows = {key: row for row, key in enumerate(keys, FIRST_ROW)}
        """Name and year of each other parameter to its row."""
        self.names |= {self.name_of(*key): f"{PARAMETERS}!$D${row}" for key, row in self.parameter_rows.items()}

    @property
    def tables(self) -> list[FormulaTable]:
        """Return the tables of the scheme."""
        return [symbol.table for symbol in self.scheme.symbols.values() if symbol.table]

    @cached_property
    def table_rows(self) -> dict[tuple[str, str], int]:
        """Return the row on the sheet Tables of each value of a table, by name and year."""
        keys = [(name, year) for table in self.tables for year in self.years for name in table.rows]
        return {key: row for row, key in enumerate(keys, FIRST_ROW)}

    @property
    def money_format(self) -> str:
        """Return the number format of money on published sheets: whole pounds, unless allocations have pence."""
        return number_format(
            "£", [value for block in self.organisations().values() for value in block.values(self.scheme.result)]
        )

    def make_sheet(self, name: str, title: str, note: str, role: Role = "Output", frozen: int = 0) -> Sheet:
        """Return a new sheet; its note says if the spend is illustrative."""
        return Sheet(name, title, f"{self.illustrative}{note}", role, frozen=frozen)

    def label(self, name: str) -> str:
        """Return the label of a column: the scheme's, or one made from the name."""
        return self.scheme.labels.get(name, name.replace("_", " ").capitalize())

    # Names ------------------------------------------------------------------------------------------

    def name_of(self, key: str, year: str) -> str:
        """Return the name that formulas use for a parameter or a national figure of a year."""
        return f"{self.identifier(key)}_{year.replace('/', '_')}"

    def single_cell(self, key: str, year: str) -> str | None:
        """Return the cell of a parameter, a value of a table or a national figure of a year; None if it has none."""
        row = self.table_rows.get((key, year))
        return f"{TABLES}!$D${row}" if row else self.names.get(self.name_of(key, year))

    def identifier(self, key: str) -> str:
        """Return the name that formulas use for a figure, without the year: `total_of_historic_spend`.

        It gets a number if another figure has the same name.
        """
        if key not in self._identifiers:
            base = re.sub(r"[^a-z0-9]+", "_", key.replace("_of(", "(").replace("(", " of ").casefold()).strip("_")
            used_names = set(self._identifiers.values())
            self._identifiers[key] = free_name(used_names, lambda number: f"{base}_{number}" if number > 1 else base)
        return self._identifiers[key]

    def constant(self, name: str, value: float, use: str) -> str:
        """Put a number that formulas need in a named cell, unless it is there already; return its name."""
        if name not in self.names:
            row = self._constant_rows[name] = FIRST_ROW + len(self._constant_rows)
            self.names[name] = f"{CONSTANTS}!$C${row}"
            self.constants.put_row(row, (name, use, value, FIXED))
        return name

    def record_control(self, name: str, value: float, use: str, formula: str) -> None:
        """Record a total of the run's inputs, with a live cell that says whether the inputs still add up to it.

        Args:
            name: Name of the total.
            value: The total in the run.
            use: What it is for, in words.
            formula: The formula of the total now.
        """
        row = self._constant_rows[self.constant(name, value, use)]
        same = f"IFERROR(ABS({formula}-{name})<=tolerance*MAX(1,ABS({name})),FALSE)"
        self.constants.put(row, 4, AS_READ, f'IF({same},"{AS_READ}","{CHANGED_TOTAL}")')
        self.input_controls.append(f"{CONSTANTS}!$D${row}")

    def changed_inputs(self) -> str:
        """Return the formula that counts recorded totals that differ from the run; empty if none is recorded."""
        controls = self.input_controls
        return f'COUNTIF({controls[0]}:{controls[-1].rpartition("!")[2]},"{CHANGED_TOTAL}")' if controls else ""

    def number(self, value: float) -> str:
        """Return how formulas write a number of the scheme: 0 and 1 as digits, any other as the name of its cell.

        That cell is on Constants; it is added if needed, and names the steps and checks that use the number.
        """
        if value in (0, 1):
            return excel.number(value)
        digits = excel.number(abs(value)).replace("+", "").replace("-", "minus")
        name = self.constant(f"constant_{'minus' if value < 0 else ''}{digits}", value, "")
        users = self._users[name]
        if self.user not in users:
            users.append(self.user)
            others = f" and {len(users) - 4} more" if len(users) > 4 else ""
            self.constants.put(self._constant_rows[name], 2, f"Number in the scheme: {'; '.join(users[:4])}{others}")
        return name

    # Cells ------------------------------------------------------------------------------------------

    def organisations(self) -> dict[str, Block]:
        """Return, by year, the block of the organisations."""
        return {year: self.blocks[ORGANISATION, year] for year in self.years}


def number_format(unit: str | None, values: Iterable[Any]) -> str:
    """Return the name of the number format for values of a unit.

    Pounds show pence only if there are any. Numbers of a unit without a format of its own show four decimals if they
    have more; a column with very small ones shows all digits.
    """
    amounts = [value for value in values if isinstance(value, float)]
    if unit == "£" and any(amount != math.floor(amount) for amount in amounts):
        return "pence"
    if unit in ("£", "£ per head", "people", "%", "ratio"):
        return unit
    has_more = any(round(amount, 4) != amount for amount in amounts)
    return "decimals" if has_more and all(amount == 0 or abs(amount) >= 0.001 for amount in amounts) else "number"


def with_unit(label: str, unit: str | None) -> str:
    """Return a heading followed by its unit in brackets; unchanged if there is no unit."""
    return f"{label} ({unit})" if unit else label
