"""What varies in a sweep: grids of values, tables with a row for each scenario, and draws of input columns.

Each value is read from a text as `--set` reads it, so that a single run with `--set` has the same float.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field, replace
from itertools import product
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from gpit_fairshare.engine.batches.batch import Impossible
from gpit_fairshare.errors import InputError, UsageError
from gpit_fairshare.findings import Where
from gpit_fairshare.inputs.files.grids import (
    LARGEST,
    NEVER_STORED,
    Broken,
    Percentage,
    ReadOptions,
    Unreadable,
    is_blank,
)
from gpit_fairshare.inputs.files.reading import letters, locate_file, read_cells
from gpit_fairshare.numbers import exact, shortest_decimal
from gpit_fairshare.scheme.faults import Faults
from gpit_fairshare.scheme.model import AMOUNTS, ParameterValue
from gpit_fairshare.scheme.values import (
    IS_OUTSIDE,
    Setting,
    bounds_of,
    checked_settings,
    limits_by_year,
    outside_text,
)
from gpit_fairshare.scheme.written_numbers import as_percentage, fraction, fraction_text, number
from gpit_fairshare.words import inside, listed, one_line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from fractions import Fraction

    from gpit_fairshare.run_options import InputFrame
    from gpit_fairshare.scheme.model import Scheme

Array: TypeAlias = NDArray[np.float64]
Positions: TypeAlias = NDArray[np.intp]

MOST_SCENARIOS: Final = 1_000_000
NAME_COLUMN: Final = "scenario"
"""Heading of the column with the names of scenarios, in a table of them."""
_RULES: Final = ("formula", "transition")
_EXPECTED: Final = "expected NAME=FIRST:LAST:STEP or NAME=VALUE,VALUE, such as revenue_budget=-5%:+0%:1%"


class _ValuesOfYear(NamedTuple):
    """The values of a parameter in one year, each once, and for each scenario the position of its value among them."""

    values: Sequence[ParameterValue]
    positions: Positions

    @property
    def numbers(self) -> Array:
        """The value in each scenario."""
        return np.array([value.value for value in self.values])[self.positions]

    def at(self, scenario: int) -> ParameterValue:
        """Return the value in a scenario, from 0."""
        return self.values[int(self.positions[scenario])]


class _Varied(NamedTuple):
    """A parameter that varies, for one year or for every year."""

    heading: Setting
    """Its name and year, without a value."""
    settings: Sequence[Setting]
    """Its settings, each once."""
    positions: Positions
    """For each scenario, the position of its setting among them."""

    def in_years(self, scheme: Scheme, years: Sequence[str]) -> dict[str, _ValuesOfYear]:
        """Return its values by year."""
        parameter, applied = scheme.parameters[self.heading.name], dict[str, _ValuesOfYear]()
        by_year = {}
        for year in years:
            own = parameter.values.get(year)
            as_written = own.as_written if own else ""
            if as_written not in applied:  # years with one value of their own have one result
                changed = [setting.apply(own, parameter.unit, year) for setting in self.settings]
                applied[as_written] = _ValuesOfYear(changed, self.positions)
            by_year[year] = applied[as_written]
        return by_year


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenarios:
    """Scenarios in order; the first is number 1. Settings that all runs share are in the scheme already."""

    count: int
    columns: Mapping[str, list[float]] = field(default_factory=dict)
    """What varies, such as `revenue_budget` or `support_share@2015/16`: its value in each scenario, in its unit.

    A change for every year that gives different values in them has a column for each year."""
    values: Mapping[tuple[str, str], Array] = field(default_factory=dict)
    """By parameter and year, the value in each scenario: the float that `--set` gives."""
    refused: Mapping[int, Impossible] = field(default_factory=dict)
    """By scenario, from 0: the value outside its bounds, in the words of `load`; in a table its place comes first."""
    inputs: Mapping[tuple[str, str], Array] = field(default_factory=dict)
    """By input column and year, the drawn figures: a row for each scenario, and a column for each row of the inputs."""
    names: tuple[str, ...] = ()
    """The name of each scenario; empty if they have none."""
    notes: tuple[str, ...] = ()
    """What a reader of the results must know, a sentence each."""
    seed: int | None = None
    digest: str = ""
    """SHA-256 of the file with the scenarios; empty if there is none."""


# Grids -----------------------------------------------------------------------------------------------------------


def rules_in(vary: Sequence[str]) -> tuple[list[tuple[str | None, str | None]], list[str]]:
    """Return the formulas and transitions of a sweep, in pairs, and what else varies.

    None means the scheme's own. Of `formula=a,b` and `transition=c,d` the last that is typed varies fastest.

    Args:
        vary: The texts of `--vary`.

    Raises:
        UsageError: One is given twice, has an empty name, or has a name twice.
    """
    chosen: dict[str, list[str | None]] = {}
    others = []
    for text in vary:
        kind, _, names_text = text.partition("=")
        kind = kind.strip()
        if kind not in _RULES:
            others.append(text)
            continue
        names = [name.strip() for name in names_text.split(",")]
        if not all(names) or len({*names}) < len(names):
            raise UsageError(f"--vary {one_line(text)}: expected {kind}=NAME,NAME with each name once")
        if kind in chosen:
            raise UsageError(f"--vary {kind}: given twice; give all names at once, as {kind}=NAME,NAME")
        chosen[kind] = [*names]
    pairs = [dict(zip(chosen, names, strict=True)) for names in product(*chosen.values())]
    return [(pair.get("formula"), pair.get("transition")) for pair in pairs], others


def grid(scheme: Scheme, vary: Sequence[str]) -> Scenarios:
    """Return all combinations of values; the last parameter varies fastest. Without any, there is one scenario.

    A change such as `-5%` is one of the value in the scheme, or of that which `--set` gives it.

    Args:
        scheme: The scheme, with the settings that all scenarios share; what varies needs no value of its own.
        vary: Texts of `--vary`: `NAME=FIRST:LAST:STEP` or `NAME=VALUE,VALUE`, with `@YEAR` after the name for one year.

    Raises:
        UsageError: A text is not of that form, or there are too many scenarios.
    """
    typed = [[part.strip() for part in text.partition("=")] for text in vary]
    for text, (name, _, values) in zip(vary, typed, strict=True):
        if not name or not values:
            raise UsageError(f"--vary {one_line(text)}: {_EXPECTED}")
    headings = checked_names(scheme, [name for name, _, _ in typed], lambda _: "--vary")
    settings = [
        _settings_of(heading, values, scheme.parameters[heading.name].unit)
        for heading, (_, _, values) in zip(headings, typed, strict=True)
    ]
    counts = [len(values) for values in settings]
    count = after = math.prod(counts)
    if count > MOST_SCENARIOS:
        raise UsageError(f"--vary: {_too_many(counts)}; use fewer values")
    varied = []
    for heading, settings_of_one in zip(headings, settings, strict=True):
        after //= len(settings_of_one)
        varied.append(_Varied(heading, settings_of_one, np.arange(count) // after % len(settings_of_one)))
    return _scenarios(scheme, varied, count)


def counts_text(counts: Sequence[int]) -> str:
    """Return how many scenarios a grid has: `1,200,000`, or `2,000 × 600 = 1,200,000`; of a long text the start."""
    product_text = f"{' × '.join(f'{count:,}' for count in counts)} = " if len(counts) > 1 else ""
    return one_line(f"{product_text}{math.prod(counts):,}")


def checked_names(scheme: Scheme, names: Sequence[str], option_of: Callable[[int], str]) -> list[Setting]:
    """Return a setting for each `NAME` or `NAME@YEAR`, with its name and year as the scheme has them, and no value yet.

    Args:
        scheme: The scheme.
        names: The names as typed.
        option_of: Returns the option or place that gives a name, given its position, for messages.

    Raises:
        UsageError: A name or a year is missing.
    """
    for position, name in enumerate(names):
        if not all(part.strip() for part in name.split("@")):
            raise UsageError(f"{option_of(position)} {one_line(name)}: expected NAME or NAME@2015/16")
    settings = [Setting.read(f"{name}=0", option_of(position)) for position, name in enumerate(names)]
    tables = {name: symbol.table for name, symbol in scheme.symbols.items() if symbol.table}
    return checked_settings(settings, scheme.parameters, tables, scheme.years)


def _settings_of(heading: Setting, text: str, unit: str | None) -> list[Setting]:
    """Return the settings of a range `FIRST:LAST:STEP`, or of values with commas between them, each once.

    Raises:
        UsageError: A value is missing or repeated, or values and changes are mixed.
    """
    if ":" in text:
        return [_setting(heading, value) for value in _range(heading, text, unit)]
    texts = [_signed_zero(value.strip(), unit) for value in text.split(",")]
    if not all(texts):
        raise UsageError(f"{heading.flag}={one_line(text)}: {_EXPECTED}")
    if groups := [value for value in texts[1:] if re.fullmatch("0[0-9]+", value)]:
        remedy = f"write a number without commas, as {''.join(texts)}"
        raise UsageError(f"{heading.flag}={one_line(text)}: {groups[0]} is no value by itself; {remedy}")
    settings = [_setting(heading, value) for value in texts]
    _refuse_mixture(heading, settings, unit)
    seen = set()
    for setting in settings:
        value = (setting.start, fraction(setting.change.removeprefix("*")))
        if value in seen:
            repeated = one_line(setting.as_written)
            raise UsageError(
                f"{heading.flag}: {repeated} is given twice; give each value once, and numbers without commas"
            )
        seen.add(value)
    return settings


def _setting(heading: Setting, value: str) -> Setting:
    """Return the setting of a value for the parameter and year of a heading."""
    return Setting.read(f"{heading.key}={value}", heading.option)


def _signed_zero(text: str, unit: str | None) -> str:
    """Return a value as typed, but `0%` of an amount with the sign that a change needs."""
    return "+0%" if text == "0%" and unit in AMOUNTS else text


def _refuse_mixture(heading: Setting, settings: Sequence[Setting], unit: str | None) -> None:
    """Refuse values beside changes of the scheme's own value.

    Raises:
        UsageError: There are both.
    """
    changes = [setting.as_written for setting in settings if setting.is_relative(unit)]
    values = [setting.as_written for setting in settings if not setting.is_relative(unit)]
    if not (changes and values):
        return
    change, value = one_line(changes[0]), one_line(values[0])
    if unit in AMOUNTS and value.endswith("%"):
        raise UsageError(f"{heading.flag}: {value} has no sign; write +{value} or -{value} for a change")
    raise UsageError(f"{heading.flag}: {change} is a change, and {value} a value; give only changes or only values")


def _range(heading: Setting, text: str, unit: str | None) -> list[str]:
    """Return the values of `FIRST:LAST:STEP` as texts; the last is one of them, even if the steps do not meet it.

    Raises:
        UsageError: A part is missing or not a number, the parts are not written in one way, the steps do not lead from
            the first to the last, or there are too many.
    """
    flag = f"{heading.flag}={one_line(text)}"
    parts = [part.strip() for part in text.split(":")]
    if len(parts) != 3 or not all(parts) or "," in text:
        raise UsageError(f"{flag}: expected FIRST:LAST:STEP, such as -5%:+0%:1% or 100000:200000:5000")
    ends = [_setting(heading, _signed_zero(part, unit)) for part in parts[:2]]
    _refuse_mixture(heading, ends, unit)
    numbers = [*(end.as_written.removeprefix("*") for end in ends), parts[2]]
    try:
        for part in numbers:
            number(part)
    except ValueError as fault:
        raise UsageError(f"{flag}: {one_line(fault, 200)}") from None
    first, last, step = map(fraction, numbers)
    if len({part.endswith("%") for part in numbers if fraction(part)}) > 1:
        raise UsageError(f"{flag}: write FIRST, LAST and STEP all with %, or all without")
    percent = "%" if any(part.endswith("%") for part in numbers) else ""
    if not step:
        raise UsageError(f"{flag}: STEP is 0; give one that leads from FIRST to LAST")
    if (last - first) * step < 0:
        raise UsageError(f"{flag}: STEP leads away from LAST; write {_text(-step, percent)}, or swap FIRST and LAST")
    count = -((first - last) // step) + 1
    if count > MOST_SCENARIOS:
        raise UsageError(f"{flag}: {_too_many([count])}; use a longer STEP")
    factor = "*" if ends[0].as_written.startswith("*") else ""
    plus = "+" if ends[0].is_relative(unit) and not factor else ""
    values = [*(first + step * index for index in range(count - 1)), last]
    return [f"{factor or (plus if value >= 0 else '')}{_text(value, percent)}" for value in values]


def _text(value: Fraction, percent: str) -> str:
    """Return a value as a text, with a sign for per cent if `percent` is one."""
    return f"{fraction_text(value * 100)}%" if percent else fraction_text(value)


def _too_many(counts: Sequence[int]) -> str:
    """Return that a sweep has too many scenarios: `2,000 × 600 = 1,200,000 scenarios; the most are 1,000,000`."""
    return f"{counts_text(counts)} scenarios; the most are {MOST_SCENARIOS:,}"


# A row for each scenario -------------------------------------------------------------------------------------------


def from_rows(scheme: Scheme, rows: Sequence[Mapping[str, object]]) -> Scenarios:
    """Return a scenario for each row: what it sets, as `{"revenue_budget": 2_000_000, "floor@2015/16": "-5%"}`.

    A value is a number, or a text as `--set` takes it. All rows set the same; `scenario` is a scenario's name.

    Raises:
        UsageError: The rows do not set the same.
    """
    headings = list(rows[0]) if rows else []
    for index, row in enumerate(rows, 1):
        if other := row.keys() ^ {*headings}:
            raise UsageError(
                f"scenarios row {index}: every row sets the same; found a difference in {listed([*other])}"
            )
    records = [(index, [row[heading] for heading in headings]) for index, row in enumerate(rows, 1)]
    table = _ScenarioTable(headings, records, lambda row, _: f"scenarios row {row}:" if row else "scenarios:")
    return table.scenarios(scheme)


def from_file(scheme: Scheme, file: str | InputFrame, *, largest: int = LARGEST) -> Scenarios:
    """Return a scenario for each row of a file or frame below its first row, which names parameters.

    A heading is `NAME` or `NAME@YEAR`, and a cell a value as `--set` takes it; a column `scenario` has names.

    Args:
        scheme: The scheme, with the settings that all scenarios share.
        file: `FILE` or `FILE:SHEET`, in any format of input files, or a frame.
        largest: Most bytes of the file, unpacked.

    Raises:
        InputError: The file cannot be read.
        UsageError: The values of a column were never calculated.
    """
    target = locate_file(file)
    name = target[0].name if isinstance(target, tuple) else target.name
    try:
        grid_read, digest = read_cells(target, ReadOptions(largest=largest))
    except Unreadable as fault:
        raise InputError([replace(fault.finding, file=name)]) from None
    (heading_row, headings), *records = grid_read.records
    name = f"{name}:{grid_read.sheet}" if grid_read.sheet else name

    def place(row: int, column: int | None) -> str:
        if grid_read.sheet and column is not None:
            return f"{name} {letters(column)}{row or heading_row}:"
        return f"{name} row {row or heading_row}:" if row or column is not None else f"{name}:"

    for column, is_zero in grid_read.markup.formulas.items():
        formulas = [row for row, _ in records if row in is_zero]
        if formulas and all(is_zero[row] for row in formulas):
            raise UsageError(f"{place(formulas[0], column)} {NEVER_STORED.why}; {inside(NEVER_STORED.remedy)}")
    texts = ["" if is_blank(heading) else str(heading).strip() for heading in headings]
    hidden = [row for row in grid_read.markup.hidden_rows if row > heading_row]
    notes = (f"{name}: hidden rows count as scenarios ({len(hidden):,}).",) if hidden else ()
    table = _ScenarioTable(texts, records, place).scenarios(scheme)
    return replace(table, digest=digest, notes=(*table.notes, *notes))


@dataclass(frozen=True, slots=True)
class _ScenarioTable:
    """A table with a row for each scenario."""

    headings: Sequence[str]
    """From left to right; an empty text is a column without a heading."""
    records: Sequence[tuple[int, Sequence[Any]]]
    """The number of each row, and its cells."""
    place: Callable[[int, int | None], str]
    """Returns the place of a cell for messages, from its row (0 for the headings) and its column from 0 (None for the
    whole row)."""

    def scenarios(self, scheme: Scheme) -> Scenarios:
        """Return its scenarios.

        Raises:
            UsageError: There is no row or no parameter, or two scenarios have one name.
        """
        if not self.records:
            raise UsageError(f"{self.place(0, None)} there are no rows; give one for each scenario")
        self._refuse_other_headings(scheme)
        self._refuse_cells_without_heading()
        columns = [column for column, heading in enumerate(self.headings) if heading]
        named = [column for column in columns if self.headings[column].casefold() == NAME_COLUMN][:1]
        rows: dict[str, int] = {}
        for row, cell in self._cells(named[0]) if named else ():
            name = _text_of_cell(cell)
            if name in rows:
                problem = f"the name {one_line(name)!r} is used in row {rows[name]} too"
                raise UsageError(f"{self.place(row, named[0])} {problem}; give each scenario its own")
            rows[name] = row
        columns = [column for column in columns if column not in named]
        if not columns:
            raise UsageError(
                f"{self.place(0, None)} there is no parameter; name each in a heading, such as floor@2015/16"
            )
        typed = [self.headings[column] for column in columns]
        try:
            headings = checked_names(scheme, typed, lambda position: self.place(0, columns[position]))
        except UsageError as fault:
            raise UsageError(f"{fault}; correct the heading, or leave the column out") from None
        varied = [self._varied(*pair, scheme) for pair in zip(headings, columns, strict=True)]
        swept = _scenarios(scheme, varied, len(self.records), tuple(rows))
        refused = {}
        for scenario, why in swept.refused.items():
            own = [column for column, part in zip(columns, headings, strict=True) if part.name == why.where]
            place = self.place(self.records[scenario][0], own[0] if len(own) == 1 else None)
            refused[scenario] = replace(why, reason=f"{place} {why.reason}")
        return replace(swept, refused=refused)

    def _varied(self, heading: Setting, column: int, scheme: Scheme) -> _Varied:
        """Return what a column sets in each scenario."""
        unit, positions = scheme.parameters[heading.name].unit, []
        settings: dict[str, tuple[int, Setting]] = {}
        for row, cell in self._cells(column):
            text = _signed_zero(_text_of_cell(cell), unit)
            if text not in settings:
                setting = _setting(replace(heading, option=self.place(row, column)), text)
                settings[text] = (len(settings), setting)
            positions.append(settings[text][0])
        return _Varied(heading, [setting for _, setting in settings.values()], np.array(positions, dtype=np.intp))

    def _cells(self, column: int) -> Iterator[tuple[int, Any]]:
        """Yield the cells of a column, each with its row.

        Raises:
            UsageError: One is blank, or has no value.
        """
        for row, cells in self.records:
            cell = cells[column] if column < len(cells) else None
            if is_blank(cell):
                raise UsageError(f"{self.place(row, column)} {self.headings[column]} is blank; give it in every row")
            if isinstance(cell, Broken):
                raise UsageError(f"{self.place(row, column)} {cell.why}; {inside(cell.remedy or 'give a number')}")
            yield row, cell

    def _refuse_other_headings(self, scheme: Scheme) -> None:
        """Refuse a heading that is a rule, and other rows above the headings.

        Raises:
            UsageError: There is one.
        """
        known = {NAME_COLUMN, *map(str.casefold, scheme.parameters)}
        names = [heading.casefold().partition("@")[0].strip() for heading in self.headings]
        for column, rule in enumerate(names):
            if rule in _RULES and rule not in known:
                problem = f"{rule} is a rule, not a parameter; leave the column out"
                remedy = f"with --vary {rule}=NAME,NAME each rule runs every row"
                raise UsageError(f"{self.place(0, column)} {problem}; {remedy}")
        below = [row for row, cells in self.records if known & {str(cell).split("@")[0].casefold() for cell in cells}]
        if below and known.isdisjoint(names):
            problem = f"expected the names of parameters, as in row {below[0]}; found {one_line(self.headings[0])!r}"
            raise UsageError(f"{self.place(0, 0)} {problem}; delete the rows above row {below[0]}")

    def _refuse_cells_without_heading(self) -> None:
        """Refuse values to the right of the headings, or below a blank one.

        Raises:
            UsageError: There is one.
        """
        for row, cells in self.records:
            for column, cell in enumerate(cells):
                if not (is_blank(cell) or (column < len(self.headings) and self.headings[column])):
                    found = one_line(cell.why if isinstance(cell, Broken) else cell)
                    raise UsageError(f"{self.place(row, column)} {found} has no heading; name its parameter")


def _text_of_cell(cell: object) -> str:
    """Return a cell as a text that `--set` takes; a number in a cell that shows percentages is one."""
    if isinstance(cell, Percentage):
        return as_percentage(repr(float(cell)))
    return shortest_decimal(exact(cell)) if isinstance(cell, float) else str(cell).strip()


# Values and bounds -------------------------------------------------------------------------------------------------


def _scenarios(scheme: Scheme, varied: Sequence[_Varied], count: int, names: tuple[str, ...] = ()) -> Scenarios:
    """Return scenarios with the values of what varies, and which of them are outside their bounds.

    Args:
        scheme: The scheme, with the settings that all scenarios share.
        varied: What varies; a parameter for one year comes before the same for every year, as with `--set`.
        count: The number of scenarios.
        names: Their names, or none.

    Raises:
        UsageError: A parameter for every year has no year left.
    """
    single_years = {(parameter.heading.name, parameter.heading.year) for parameter in varied}
    values: dict[tuple[str, str], _ValuesOfYear] = {}
    columns, notes = {}, []
    for parameter in varied:
        heading, unit = parameter.heading, scheme.parameters[parameter.heading.name].unit
        every_year = [year for year in scheme.years if (heading.name, year) not in single_years]
        years = [heading.year] if heading.year else every_year
        if not years:
            raise UsageError(f"{heading.flag}: has no effect, because each year has its own values; leave it out")
        of_years = parameter.in_years(scheme, years)
        values |= {(heading.name, year): of_year for year, of_year in of_years.items()}
        set_years = {year for name, year, _ in scheme.overridden() if name == heading.name}
        if set_years & {*years} and not all(setting.is_relative(unit) for setting in parameter.settings):
            notes.append(f"{heading.key}: only the base run, and changes such as +1%, use the value of --set.")
        lists = {year: of_year.numbers.tolist() for year, of_year in of_years.items()}
        if len(years) == 1 or all(numbers == lists[years[0]] for numbers in lists.values()):
            columns[heading.key] = lists[years[0]]
        else:
            columns |= {f"{heading.key}@{year}": numbers for year, numbers in lists.items()}
    return Scenarios(
        count=count,
        columns=columns,
        values={key: of_year.numbers for key, of_year in values.items()},
        refused=_refused(scheme, values, count),
        names=names,
        notes=tuple(notes),
    )


def _refused(scheme: Scheme, values: Mapping[tuple[str, str], _ValuesOfYear], count: int) -> dict[int, Impossible]:
    """Return the scenarios with a value outside its bounds, from 0, each with the first message of `load`."""
    refused: dict[int, Impossible] = {}
    parameters = dict(scheme.parameters)
    for (name, year), of_year in values.items():  # a parameter that varies may have no value of its own
        parameters[name] = replace(parameters[name], values={**parameters[name].values, year: of_year.values[0]})
    for name, parameter in parameters.items():
        for bound, bound_text in bounds_of(parameter):
            varying = {year for key, year in values if key in (name, bound_text)}
            years = [year for year in scheme.years if year in varying and year in parameter.values]
            # `load` has checked that the bound is a number or a parameter.
            limits = limits_by_year(parameter, bound_text, parameters, Where(), Faults()) if years else {}
            for year in [year for year in years if year in limits]:
                value = values.get((name, year)) or _constant(parameter.values[year], count)
                limit = values.get((bound_text, year)) or _constant(limits[year], count)
                for scenario in np.flatnonzero(IS_OUTSIDE[bound](value.numbers, limit.numbers)).tolist():
                    if scenario not in refused:
                        problem = outside_text(value.at(scenario), limit.at(scenario), year, bound, bound_text)
                        refused[scenario] = Impossible(year, name, f"{name} {problem}")
    return refused


def _constant(value: ParameterValue, count: int) -> _ValuesOfYear:
    """Return a value that is the same in all scenarios."""
    return _ValuesOfYear([value], np.zeros(count, dtype=np.intp))
