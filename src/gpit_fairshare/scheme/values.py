"""Values of parameters by year: where each comes from, settings for one run, bounds, assumptions."""

from __future__ import annotations

import operator
import re
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from gpit_fairshare.errors import UsageError
from gpit_fairshare.findings import FindingCode, Where
from gpit_fairshare.language.tree import number_text
from gpit_fairshare.language.units import is_comparable_unit
from gpit_fairshare.numbers import exact, shortest_decimal
from gpit_fairshare.scheme.model import AMOUNTS, Assumption, Parameter, ParameterValue, Upkeep, table_of
from gpit_fairshare.scheme.shape import EVERY_YEAR, NAME, ParameterEntry, SchemeFile, ValueEntry
from gpit_fairshare.scheme.tables import formula_table, row_texts
from gpit_fairshare.scheme.written_numbers import (
    as_percentage,
    fraction,
    is_beyond_one,
    is_signed_percentage,
    number,
    percentage_problem,
)
from gpit_fairshare.words import listed, nearest, one_line, parse_year

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from fractions import Fraction

    from gpit_fairshare.language.tables import FormulaTable
    from gpit_fairshare.scheme.faults import Faults
    from gpit_fairshare.scheme.files import LoadedFile

NO_YEARS: Final = ("every year",)
"""In place of the years of a scheme, where there are none."""
SET_FOR_RUN: Final = "Set for this run with --set."
"""The assumption of a value that a setting gives."""
IS_OUTSIDE: Final = {"minimum": operator.lt, "maximum": operator.gt}
"""Whether a value, or each of an array, is outside a bound of this kind."""
_CHANGE: Final = re.compile(r"(?P<start>[^*]*[0-9%]\s*)(?P<change>\*.*|(?<![eE])[+-][0-9.]+%)")
"""A number and a change of it, such as `200000000*0.97` or `200000000+3%`."""


@dataclass(frozen=True, slots=True)
class Setting:
    """One `--set NAME=VALUE` or `--set NAME@YEAR=VALUE`; `year` None means every year.

    The value is a number, or a change: a factor such as `*0.97`, or in a unit of amounts a percentage with a sign, such
    as `+3%`. It changes the scheme's own value, or the number before it, as in `200000000*0.97`.
    """

    name: str
    year: str | None
    as_written: str
    start: str = ""
    """The number before a change."""
    option: str = "--set"
    """The option, or the place in a file, that gives it."""

    @property
    def change(self) -> str:
        """The value without the number before a change."""
        return self.as_written.removeprefix(self.start).lstrip()

    @property
    def flag(self) -> str:
        """The option and what it sets, for messages: `--set revenue_budget@2015/16`."""
        return f"{self.option} {one_line(self.name)}" + (f"@{one_line(self.year)}" if self.year else "")

    @property
    def key(self) -> str:
        """What it sets, as typed before the value: `revenue_budget@2015/16`."""
        return f"{self.name}@{self.year}" if self.year else self.name

    @classmethod
    def read(cls, text: str, option: str = "--set") -> Setting:
        """Return the setting of one `--set` or other option, given its text.

        Raises:
            UsageError: It is not of the form, or the value is neither a number nor a factor.
        """
        name, equals, value = text.partition("=")
        name, at_sign, year = (part.strip() for part in name.partition("@"))
        if not equals or not name or (at_sign and not year):
            raise UsageError(f"{option} {one_line(text)}: expected NAME=VALUE or NAME@2015/16=VALUE")
        value = value.strip()
        match = _CHANGE.fullmatch(value)
        start, change = (match["start"].strip(), match["change"]) if match else ("", value)
        if change.startswith("*") and change[1:].lstrip().startswith(("+", "-")):
            raise UsageError(
                f"{option} {one_line(text)}: expected a factor without a sign, such as *0.97; found {one_line(change)}"
            )
        try:
            if start:
                number(start)
            number(change.removeprefix("*"))
        except ValueError as fault:
            raise UsageError(f"{option} {one_line(text)}: {one_line(fault, 200)}") from None
        return cls(name, parse_year(year) or year or None, value, start, option)

    def factor(self, unit: str | None) -> Fraction | None:
        """Return the factor of a change, given the parameter's unit; None if the value is a number."""
        if self.change.startswith("*"):
            return fraction(self.change[1:])
        return 1 + fraction(self.change) if unit in AMOUNTS and is_signed_percentage(self.change) else None

    def is_relative(self, unit: str | None) -> bool:
        """Return whether it changes the parameter's own value, given the parameter's unit."""
        return not self.start and self.factor(unit) is not None

    def apply(self, own: ParameterValue | None, unit: str | None, year: str) -> ParameterValue:
        """Return the value that it gives a parameter with this unit in a year, in place of its `own` value.

        Raises:
            UsageError: There is no value of its own to change, its sign would change, the new value is too large or too
                small, or a percentage does not fit the unit.
        """
        text, flag = self.change, f"{self.flag}={one_line(self.as_written)}"
        factor = self.factor(unit)
        typed = text if factor is None else self.start
        if problem := percentage_problem(self.name, typed, unit):
            if unit in AMOUNTS:
                problem += f"; for a change of the scheme's value write +{typed} or -{typed}"
            elif unit is None:
                problem += f" for the value and *{shortest_decimal(exact(float(1 + fraction(typed))))} for the change"
            raise UsageError(f"{self.flag}: {problem}")
        if self.start and factor is None:
            factor_text = shortest_decimal(exact(float(1 + fraction(text))))
            raise UsageError(
                f"{flag}: {text} is not a change of {unit}; write {self.start}*{factor_text}, or the value itself"
            )
        if factor is not None:
            base = self.start or (own.as_written if own else "")
            if not base:
                raise UsageError(f"{flag}: there is no value in {year} to change; give a number")
            if factor < 0:
                whose = own.change_text(unit) if own and not self.start else base
                raise UsageError(f"{flag}: would change the sign of {whose}; give the value itself")
            try:
                text = _multiplied(base, factor)
            except ValueError as fault:
                raise UsageError(f"{flag}: {one_line(fault, 200)}") from None
            if unit == "%" and is_beyond_one(text):
                text = as_percentage(text)
        return ParameterValue(number(text), text, assumption=SET_FOR_RUN, overridden=True, replaces=own)


def _multiplied(text: str, factor: Fraction) -> str:
    """Return a number multiplied exactly by a factor, as a text: a percentage if it is written as one.

    Reading the text gives the float nearest to the exact product. One that is too large or too small is refused.
    """
    product, sign = fraction(text) * factor, "%" if text.endswith("%") else ""
    new_text = shortest_decimal(exact(float(product * 100 if sign else product))) + sign
    # A percentage whose digits are cut off may read as another float.
    return new_text if number(new_text) == float(product) else repr(float(product))


@dataclass(frozen=True, slots=True)
class _Declared:
    """A parameter with the values that the files give it."""

    name: str
    entry: ParameterEntry
    values: Mapping[str, ValueEntry]
    origin: LoadedFile[Any]
    """The file that gives the values, or else the one that declares the parameter."""
    table: str
    """The table of that file that has the values, or would have them."""


def give_values(
    declared: Mapping[str, tuple[ParameterEntry, LoadedFile[Any]]],
    read: LoadedFile[SchemeFile],
    settings: Sequence[Setting],
    faults: Faults,
    *,
    swapped: bool,
    other_years: bool,
) -> tuple[dict[str, Parameter], list[str]]:
    """Return the parameters with their values by year, each with its origin; the settings of the run replace values.

    A year without a value, a value out of bounds, and values in two places are reported. Also return notes on values
    not used. With a different formula or transition (`swapped`), a scheme may have values of parameters that nothing
    declares, and with years that are not its own (`other_years`), values of other years, which are not used; otherwise
    they are an error too.
    """
    notes = []
    for name in read.model.values:
        if name in declared or name in faults.unresolved:
            continue
        is_table = name in map(table_of, declared)
        if is_table or not swapped:
            names = [other for other in declared if not table_of(other)]
            problem = f"no file of the scheme declares this parameter{nearest(name, names)}"
            problem = "this is a table, whose values are in its rows" if is_table else problem
            faults.error(FindingCode.NOT_DECLARED, Where(read.file, f"values › {name}"), problem)
        notes.append(f"{name} has values in {read.file}, but nothing in this run uses it")
    years = tuple(read.model.scheme.years) or NO_YEARS
    settings = checked_settings(settings, declared, _tables_of(declared), years)
    parameters, gaps = {}, []
    for name, (entry, origin) in declared.items():
        scheme_values = read.model.values.get(name, {})
        if scheme_values and entry.values:
            problem = f"the parameter also has values in {origin.file}, where it is declared"
            faults.error(FindingCode.TWO_PLACES, Where(read.file, f"values › {name}"), problem, remedy="keep one")
        has_own_table = entry.values or (origin is read and name not in read.model.values)
        table = f"values.{name}" if scheme_values or not has_own_table else f"parameters.{name}.values"
        declaration = _Declared(name, entry, scheme_values or entry.values, read if scheme_values else origin, table)
        parameters[name] = _make_parameter(declaration, years, settings, faults, other_years=other_years)
        values = parameters[name].values
        missing = [year for year in years if year not in values]
        if missing and name not in faults.unresolved and years != NO_YEARS:
            years_there = f" (there are values for {', '.join(values)})" if values else ""
            gaps.append((declaration, missing[0], f"{name} ({entry.label}) in {', '.join(missing)}{years_there}"))
    if faults.needs_values:
        _report_gaps(gaps, read, faults)
    _check_bounds(parameters, declared, faults, read)
    return parameters, notes


def give_defaults(
    declared: Mapping[str, tuple[ParameterEntry, LoadedFile[Any]]], faults: Faults
) -> dict[str, Parameter]:
    """Return the parameters with their defaults, because no scheme gives values; report defaults outside their bounds.

    The default is the value for the year `every year`. A bound that none of these files declares may be a parameter of
    the scheme: it becomes unresolved and is not reported.
    """
    parameters = {}
    for name, (entry, origin) in declared.items():
        default = _Declared(name, entry, {}, origin, f"parameters.{name}.default")
        parameters[name] = parameter = _make_parameter(default, NO_YEARS, (), faults)
        bounds = {parameter.minimum, parameter.maximum}
        faults.unresolved.update(bound for bound in bounds if NAME.fullmatch(bound) and bound not in declared)
    _check_bounds(parameters, declared, faults)
    return parameters


def _report_gaps(gaps: Sequence[tuple[_Declared, str, str]], read: LoadedFile[SchemeFile], faults: Faults) -> None:
    """Report the parameters that have no value for a year: each with the years that lack one and those that do not.

    Each of the `gaps` is a parameter, its first year without a value, and its years in words. An error that is raised
    names all of them at once.
    """
    for declaration, year, sentence in gaps:
        where, problem = Where(read.file, declaration.table.replace(".", " › ")), f"there is no value for {sentence}"
        remedy = f"add it under [{declaration.table}], or set it with --set {declaration.name}@{year}=VALUE"
        if read.is_of_library:  # the user cannot add to it
            settings = " ".join(f"--set {declared.name}=VALUE" for declared, _, _ in gaps)
            remedy = f"set {'it' if len(gaps) == 1 else 'them'} with {settings}"
        together = ", nor for ".join(sentence for _, _, sentence in gaps)
        message = f"{read.file}: there is no value for {together}; {remedy}"
        faults.error(FindingCode.NO_VALUE, where, problem, remedy=remedy, message=message)


def _tables_of(declared: Mapping[str, tuple[ParameterEntry, LoadedFile[Any]]]) -> dict[str, FormulaTable]:
    """Return the tables whose rows are among the declared parameters, by name."""
    origins = {table_of(name): origin for name, (_, origin) in declared.items() if table_of(name)}
    return {
        name: formula_table(name, entry) for name, origin in origins.items() if (entry := origin.model.tables.get(name))
    }


def checked_settings(
    settings: Iterable[Setting],
    declared: Collection[str],
    tables: Mapping[str, FormulaTable],
    years: Sequence[str],
) -> list[Setting]:
    """Return the settings with the names of parameters as declared; each is for a year of the scheme, and set once.

    Args:
        settings: The settings as typed.
        declared: The names of the parameters.
        tables: The tables whose rows are among them, by name.
        years: The years of the scheme.

    Raises:
        UsageError: A setting names no year of the scheme, or is repeated.
    """
    already_set, checked = set(), []
    for typed in settings:
        setting = replace(typed, name=_declared_name(typed, declared, tables))
        if setting.year is not None and setting.year not in years:
            raise UsageError(f"{setting.flag}: the scheme has the years {', '.join(years)}")
        if (setting.name, setting.year) in already_set:
            raise UsageError(f"{setting.flag}: set twice; set it once")
        already_set.add((setting.name, setting.year))
        checked.append(setting)
    return checked


def _declared_name(setting: Setting, declared: Collection[str], tables: Mapping[str, FormulaTable]) -> str:
    """Return the name of the parameter that a setting names; the edge of a band may be written as any number.

    Raises:
        UsageError: There is no such parameter, or no such row of a table.
    """
    if setting.name in declared:
        return setting.name
    table, bracket, key = setting.name.removesuffix("]").partition("[")
    rows = {row[len(table) + 1 : -1]: row for row in declared if table_of(row) == table}
    if not rows:
        names = sorted({f"{table_of(name)}[…]" if table_of(name) else name for name in declared})
        hint = nearest(setting.name, declared)
        listed_names = one_line(", ".join(names) or "none", 300)
        raise UsageError(f"{setting.flag}: there is no such parameter{hint}; the parameters are {listed_names}")
    if not bracket:
        raise UsageError(
            f"{setting.flag}: {table} is a table; set one of its rows, such as {next(iter(rows.values()))}"
        )
    if not setting.name.endswith("]"):
        raise UsageError(f"{setting.flag}: expected ] after the row, such as {next(iter(rows.values()))}")
    with suppress(ValueError):
        if table in tables and tables[table].has_bands and (row := rows.get(number_text(number(key)))):
            return row
    texts = row_texts(tables[table]) if table in tables else [*rows]
    hint = nearest(key, texts) or f"; its rows are {listed(texts)}"
    raise UsageError(f"{setting.flag}: {table} has no such row{hint}")


def _make_parameter(
    declaration: _Declared,
    years: tuple[str, ...],
    settings: Sequence[Setting],
    faults: Faults,
    *,
    other_years: bool = False,
) -> Parameter:
    """Return a parameter with its value for each year that has one: set for this run, from the files, or the default.

    A value never carries over from one year to the next, and the default counts only if the files give no value at all.
    Report values for other years, unless the run has `other_years`, a value for every year beside single years, and a
    percentage that does not fit the unit.
    """
    where, unit = Where(declaration.origin.file, declaration.table.replace(".", " › ")), declaration.entry.unit
    for year in declaration.values if years != NO_YEARS else ():
        if year not in (*years, EVERY_YEAR) and not other_years:
            problem = f"{one_line(year)} is not a year of the scheme"
            faults.error(FindingCode.VALUE_YEAR, where, problem, remedy=f"write {', '.join(years)} or {EVERY_YEAR}")
    if EVERY_YEAR in declaration.values and len(declaration.values) > 1:
        faults.error(FindingCode.VALUE_YEAR, where, f"give {EVERY_YEAR} or the years one by one, not both")
    # A default is for the whole parameter: it does not fill single years that the scheme leaves out.
    default = declaration.entry.default if not declaration.values else None
    # A setting for one year overrides a setting for all years.
    chosen = {setting.year: setting for setting in settings if setting.name == declaration.name}
    if problem := percentage_problem(declaration.name, str(declaration.entry.example_ or ""), unit):
        place = Where(declaration.origin.file, f"parameters › {declaration.name} › example")
        faults.error(FindingCode.UNITS_DO_NOT_FIT, place, problem)
    values: dict[str, ParameterValue] = {}
    for year in years:
        setting = chosen.get(year) or chosen.get(None)
        entry = declaration.values.get(year) or declaration.values.get(EVERY_YEAR) or default
        own = _value_of_entry(entry, declaration.origin) if entry else None
        if own and (problem := percentage_problem(declaration.name, own.as_written, unit)):
            faults.error(FindingCode.UNITS_DO_NOT_FIT, where, problem)
        if setting:
            values[year] = setting.apply(own, unit, year)
        elif own:
            values[year] = own
    return Parameter(
        name=declaration.name,
        label=declaration.entry.label,
        unit=unit,
        minimum="" if declaration.entry.minimum is None else str(declaration.entry.minimum).strip(),
        maximum="" if declaration.entry.maximum is None else str(declaration.entry.maximum).strip(),
        note=declaration.entry.note,
        values=values,
    )


def _value_of_entry(entry: ValueEntry, origin: LoadedFile[Any]) -> ParameterValue:
    """Return the value of an entry in a file, with its source, or with its assumption and the details of that."""
    as_written = str(entry.value).strip()
    if entry.source is not None:
        return ParameterValue(number(entry.value), as_written, origin.sources[entry.source])
    upkeep = Upkeep(entry.owner or "", str(entry.date or ""), entry.quality or "", entry.impact or "")
    assumption = " ".join((entry.assumption or "").split())
    return ParameterValue(number(entry.value), as_written, assumption=assumption, upkeep=upkeep)


def _check_bounds(
    parameters: Mapping[str, Parameter],
    declared: Mapping[str, tuple[ParameterEntry, LoadedFile[Any]]],
    faults: Faults,
    read: LoadedFile[SchemeFile] | None = None,
) -> None:
    """Report values below their minimum or above their maximum; a bound may be a parameter's value in the same year."""
    for name, parameter in parameters.items():
        for bound, bound_text in bounds_of(parameter):
            place = Where(declared[name][1].file, f"parameters › {name} › {bound}")
            limits = limits_by_year(parameter, bound_text, parameters, place, faults)
            for year in [year for year in parameter.values if year in limits]:
                value, limit = parameter.values[year], limits[year]
                if percentage_problem(name, value.as_written, parameter.unit):
                    continue  # reported with the values
                if IS_OUTSIDE[bound](value.value, limit.value):
                    problem = outside_text(value, limit, year, bound, bound_text)
                    of_run = value.overridden or limit.overridden
                    where = Where("--set") if of_run else place_of_values(name, declared[name][1], read)
                    message = f"{where.file}: {name} {problem}"
                    faults.error(FindingCode.BOUNDS, where, problem, message=message)


def bounds_of(parameter: Parameter) -> list[tuple[str, str]]:
    """Return the bounds that a parameter has: `minimum` or `maximum`, and the number or parameter that it is."""
    bounds = (("minimum", parameter.minimum), ("maximum", parameter.maximum))
    return [(bound, bound_text) for bound, bound_text in bounds if bound_text]


def outside_text(value: ParameterValue, limit: ParameterValue, year: str, bound: str, bound_text: str) -> str:
    """Return what is wrong with a value outside a bound: `is 7 in 2014/15; its maximum is 5`.

    Args:
        value: The value.
        limit: The bound's value.
        year: The year of both.
        bound: `minimum` or `maximum`.
        bound_text: The bound as its file has it: a number, or a parameter.
    """
    is_number = limit.as_written == bound_text
    its_value = "" if is_number else f", which is {limit.as_written} in that year"
    if is_number and value.as_written.endswith("%") and not bound_text.endswith("%"):
        bound_text = as_percentage(bound_text)  # -1 as -100%, as the value is written
    return f"is {value.as_written} in {year}; its {bound} is {bound_text}{its_value}"


def place_of_values(name: str, origin: LoadedFile[Any], scheme: LoadedFile[Any] | None) -> Where:
    """Return the file and place with the values of a parameter: the scheme's, or where it or its table is declared."""
    if scheme and name in scheme.model.values:
        return Where(scheme.file, f"values › {name}")
    return Where(origin.file, f"{'tables' if table_of(name) else 'parameters'} › {name}")


def limits_by_year(
    parameter: Parameter, bound_text: str, parameters: Mapping[str, Parameter], where: Where, faults: Faults
) -> Mapping[str, ParameterValue]:
    """Return the value of a minimum or maximum in each year: a number, or the values of the parameter that it names.

    A bound that is neither, or does not fit the unit, is reported at the place `where`, and has no values.
    """
    if other := parameters.get(bound_text):
        if is_comparable_unit(parameter.unit, other.unit):
            return other.values
        problem = f"{other.name} is in {other.unit}, but {parameter.name} is in {parameter.unit}"
        faults.error(FindingCode.UNITS_DO_NOT_FIT, where, problem)
        return {}
    if problem := percentage_problem(parameter.name, bound_text, parameter.unit):
        faults.error(FindingCode.UNITS_DO_NOT_FIT, where, problem)
        return {}
    try:
        return dict.fromkeys(parameter.values, ParameterValue(number(bound_text), bound_text))
    except ValueError:
        if bound_text not in faults.unresolved:
            names = [name for name in parameters if not table_of(name)]
            problem = f"{one_line(bound_text)} is neither a number nor a parameter{nearest(bound_text, names)}"
            faults.error(FindingCode.BOUNDS, where, problem)
        return {}


def list_assumptions(parameters: Mapping[str, Parameter], file: SchemeFile) -> tuple[Assumption, ...]:
    """Return the assumptions with their numbers: one for each parameter, text and details, with its years.

    If what counts as spend is an assumption, that comes last, with all years of the scheme.
    """
    years_by_assumption: dict[tuple[str, str, Upkeep], list[str]] = {}
    for name, parameter in parameters.items():
        for year, value in parameter.values.items():
            if value.assumption:
                years_by_assumption.setdefault((name, value.assumption, value.upkeep), []).append(year)
    entries = [
        (parameters[name].label, text, name, tuple(years), upkeep)
        for (name, text, upkeep), years in years_by_assumption.items()
    ]
    if file.spend and file.spend.assumption:
        text = " ".join(file.spend.assumption.split())
        entries.append(("What counts as historic spend", text, "", tuple(file.scheme.years), Upkeep()))
    return tuple(
        Assumption(index, about, text, name, years, **asdict(upkeep))
        for index, (about, text, name, years, upkeep) in enumerate(entries, 1)
    )
