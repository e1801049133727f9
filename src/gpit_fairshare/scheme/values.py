"""Values of parameters by year: where each comes from, settings for one run, bounds, assumptions."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final

from gpit_fairshare.errors import UsageError
from gpit_fairshare.findings import FindingCode, Where
from gpit_fairshare.language.units import have_like_units
from gpit_fairshare.scheme.model import Assumption, Parameter, ParameterValue, Upkeep
from gpit_fairshare.scheme.shape import NAME, ParameterEntry, SchemeFile, ValueEntry, number
from gpit_fairshare.words import nearest, one_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from gpit_fairshare.scheme.faults import Faults
    from gpit_fairshare.scheme.files import LoadedFile

EVERY_YEAR: Final = "every_year"
_RATIOS: Final = (None, "%", "ratio")
"""Units of which a percentage can be a value."""


@dataclass(frozen=True, slots=True)
class Setting:
    """One `--set NAME=VALUE` or `--set NAME@YEAR=VALUE`; `year` None means every year."""

    name: str
    year: str | None
    written: str

    @classmethod
    def read(cls, text: str) -> Setting:
        """Read one option.

        Raises:
            UsageError: It is not of the form, or the value is not a number.
        """
        name, equals, written = text.partition("=")
        name, at, year = (part.strip() for part in name.partition("@"))
        if not equals or not name or (at and not year):
            raise UsageError(f"--set {one_line(text)}: expected NAME=VALUE or NAME@2015/16=VALUE")
        try:
            number(written)
        except ValueError as fault:
            raise UsageError(f"--set {one_line(text)}: {one_line(fault, 200)}") from None
        return cls(name, year or None, written.strip())


@dataclass(frozen=True, slots=True)
class _Declared:
    """A parameter with the values that the files give it."""

    name: str
    entry: ParameterEntry
    written: Mapping[str, ValueEntry]
    origin: LoadedFile[Any]
    """The file that gives the values, or, where none does, the one that declares the parameter."""
    table: str
    """The table of that file that has the values, or would have them."""


def give_values(
    declared: Mapping[str, tuple[ParameterEntry, LoadedFile[Any]]],
    read: LoadedFile[SchemeFile],
    settings: Sequence[Setting],
    faults: Faults,
    *,
    swapped: bool,
) -> tuple[dict[str, Parameter], list[str]]:
    """Give every parameter a value for every year, with its origin, and apply the settings.

    Returns the parameters, and notes on values not used. With another formula or transition than its own
    (`swapped`), a scheme may have values of parameters that nothing declares.
    """
    notes = []
    for name in read.model.values:
        if name in declared or name in faults.lost:
            continue
        if not swapped:
            found = f"no file of the scheme declares this parameter{nearest(name, declared)}"
            faults.error(FindingCode.NOT_DECLARED, Where(read.file, f"values › {name}"), found)
        notes.append(f"values of {name} in {read.file} are left aside: nothing in this run uses it")
    years = tuple(read.model.scheme.years)
    _check_settings(settings, declared, years)
    parameters, lacking = {}, []
    for name, (entry, origin) in declared.items():
        given = read.model.values.get(name, {})
        if given and entry.values:
            found = f"the parameter has values in {origin.file}, where it is declared, as well"
            faults.error(FindingCode.TWO_PLACES, Where(read.file, f"values › {name}"), found, remedy="keep one")
        has_own_table = entry.values or (origin is read and name not in read.model.values)
        table = f"values.{name}" if given or not has_own_table else f"parameters.{name}.values"
        one = _Declared(name, entry, given or entry.values, read if given else origin, table)
        parameters[name] = _parameter(one, years, settings, faults)
        values = parameters[name].values
        missing = [year for year in years if year not in values]
        if missing and name not in faults.lost:
            known = f"; the years there are: {', '.join(values)}" if values else ""
            lacking.append((one, missing[0], f"{name} ({entry.label}) in {', '.join(missing)}{known}"))
    _tell_lacking(lacking, read, faults)
    _within_bounds(parameters, declared, faults, read)
    return parameters, notes


def give_defaults(
    declared: Mapping[str, tuple[ParameterEntry, LoadedFile[Any]]], faults: Faults
) -> dict[str, Parameter]:
    """Return the parameters with their defaults, where no scheme gives values, and check their bounds.

    A bound that no file at hand declares may be a parameter of the scheme.
    """
    parameters = {}
    for name, (entry, origin) in declared.items():
        default = _Declared(name, entry, {}, origin, f"parameters.{name}.default")
        parameters[name] = parameter = _parameter(default, ("every year",), (), faults)
        bounds = {parameter.minimum, parameter.maximum}
        faults.lost.update(bound for bound in bounds if NAME.fullmatch(bound) and bound not in declared)
    _within_bounds(parameters, declared, faults)
    return parameters


def _tell_lacking(lacking: Sequence[tuple[_Declared, str, str]], read: LoadedFile[SchemeFile], faults: Faults) -> None:
    """Report which parameters lack a value: each with its first year without one, and what there is."""
    for one, year, said in lacking:
        where, found = Where(read.file, one.table.replace(".", " › ")), f"there is no value for {said}"
        remedy = f"add it under [{one.table}], or set it with --set {one.name}@{year}=VALUE"
        together = ", nor for ".join(said for _, _, said in lacking)
        whole = f"{read.file}: there is no value for {together}; {remedy}"
        faults.error(FindingCode.NO_VALUE, where, found, remedy=remedy, message=whole)


def _check_settings(settings: Iterable[Setting], declared: Mapping[str, object], years: tuple[str, ...]) -> None:
    seen = set()
    for one in settings:
        shown = f"--set {one_line(one.name)}" + (f"@{one_line(one.year)}" if one.year else "")
        if one.name not in declared:
            there = ", ".join(sorted(declared)) or "none"
            raise UsageError(
                f"{shown}: there is no such parameter{nearest(one.name, declared)}; there are {one_line(there, 300)}"
            )
        if one.year is not None and one.year not in years:
            raise UsageError(f"{shown}: the scheme has the years {', '.join(years)}")
        if (one.name, one.year) in seen:
            raise UsageError(f"{shown}: set twice; set it once")
        seen.add((one.name, one.year))


def _parameter(one: _Declared, years: tuple[str, ...], settings: Sequence[Setting], faults: Faults) -> Parameter:
    """Return a parameter with the value of each year that has one. Nothing carries over between years."""
    where = Where(one.origin.file, one.table.replace(".", " › "))
    for year in one.written:
        if year not in (*years, EVERY_YEAR):
            found = f"{one_line(year)} is not a year of the scheme"
            faults.error(FindingCode.VALUE_YEAR, where, found, remedy=f"write {', '.join(years)} or {EVERY_YEAR}")
    if EVERY_YEAR in one.written and len(one.written) > 1:
        faults.error(FindingCode.VALUE_YEAR, where, f"give {EVERY_YEAR} or the years one by one, not both")
    # A default is for the parameter as a whole: it fills no year that the scheme leaves out.
    default = one.entry.default if not one.written else None
    # A setting for one year overrides a setting for all years.
    chosen = {setting.year: setting for setting in settings if setting.name == one.name}
    values: dict[str, ParameterValue] = {}
    for year in years:
        setting = chosen.get(year) or chosen.get(None)
        entry = one.written.get(year) or one.written.get(EVERY_YEAR) or default
        if setting:
            values[year] = ParameterValue(
                number(setting.written), setting.written, assumption="Set for this run with --set.", overridden=True
            )
        elif entry:
            values[year] = _value(entry, one.origin)
        if year in values and values[year].written.endswith("%") and one.entry.unit not in _RATIOS:
            found = f"{values[year].written} is a percentage, and the unit of {one.name} is {one.entry.unit}"
            of_value = Where("", f"--set {one.name}") if setting else where
            faults.error(FindingCode.UNITS_DO_NOT_FIT, of_value, found)
    return Parameter(
        name=one.name,
        label=one.entry.label,
        unit=one.entry.unit,
        minimum="" if one.entry.minimum is None else str(one.entry.minimum),
        maximum="" if one.entry.maximum is None else str(one.entry.maximum),
        note=one.entry.note,
        values=values,
    )


def _value(entry: ValueEntry, origin: LoadedFile[Any]) -> ParameterValue:
    written = str(entry.value).strip()
    if entry.source is not None:
        return ParameterValue(number(entry.value), written, origin.sources[entry.source])
    upkeep = Upkeep(entry.owner or "", str(entry.date or ""), entry.quality or "", entry.impact or "")
    assumption = " ".join((entry.assumption or "").split())
    return ParameterValue(number(entry.value), written, assumption=assumption, upkeep=upkeep)


def _within_bounds(
    parameters: Mapping[str, Parameter],
    declared: Mapping[str, tuple[ParameterEntry, LoadedFile[Any]]],
    faults: Faults,
    read: LoadedFile[SchemeFile] | None = None,
) -> None:
    """Refuse a value outside its bounds; a bound that is a parameter has its value of the same year."""
    for name, parameter in parameters.items():
        for bound, written in (("minimum", parameter.minimum), ("maximum", parameter.maximum)):
            if not written:
                continue
            place = Where(declared[name][1].file, f"parameters › {name} › {bound}")
            limits = _limits(parameter, written, parameters, place, faults)
            for year in [year for year in parameter.values if year in limits]:
                value, limit = parameter.values[year], limits[year]
                if (value.value < limit.value) if bound == "minimum" else (value.value > limit.value):
                    of_run = value.overridden or limit.overridden
                    shown = f"{written}, in that year {limit.written}" if written in parameters else written
                    found = f"{value.written} in {year}; its {bound} is {shown}"
                    where = Where("--set") if of_run else place_of_values(name, declared[name][1], read)
                    message = f"{where.file}: {name} is {found}"
                    faults.error(FindingCode.BOUNDS, where, f"is {found}", message=message)


def place_of_values(name: str, origin: LoadedFile[Any], scheme: LoadedFile[Any] | None) -> Where:
    """Return the file and place where a parameter has its values: the scheme's, or where it is declared."""
    if scheme and name in scheme.model.values:
        return Where(scheme.file, f"values › {name}")
    return Where(origin.file, f"parameters › {name}")


def _limits(
    parameter: Parameter, written: str, parameters: Mapping[str, Parameter], where: Where, faults: Faults
) -> Mapping[str, ParameterValue]:
    """Return the limit of each year that a bound sets; none where the bound itself is refused."""
    if other := parameters.get(written):
        if have_like_units(parameter.unit, other.unit):
            return other.values
        found = f"{other.name} is in {other.unit}, and {parameter.name} in {parameter.unit}"
        faults.error(FindingCode.UNITS_DO_NOT_FIT, where, found)
        return {}
    try:
        return dict.fromkeys(parameter.values, ParameterValue(number(written), written))
    except ValueError:
        if written not in faults.lost:
            found = f"{one_line(written)} is neither a number nor a parameter{nearest(written, parameters)}"
            faults.error(FindingCode.BOUNDS, where, found)
        return {}


def list_assumptions(parameters: Mapping[str, Parameter], file: SchemeFile) -> tuple[Assumption, ...]:
    """Number the assumptions: one entry per parameter and text, with its years."""
    found: dict[tuple[str, str, Upkeep], list[str]] = {}
    for name, parameter in parameters.items():
        for year, value in parameter.values.items():
            if value.assumption:
                found.setdefault((name, value.assumption, value.upkeep), []).append(year)
    entries = [
        (parameters[name].label, text, name, tuple(years), upkeep) for (name, text, upkeep), years in found.items()
    ]
    if file.spend and file.spend.assumption:
        text = " ".join(file.spend.assumption.split())
        entries.append(("What counts as historic spend", text, "", tuple(file.scheme.years), Upkeep()))
    return tuple(
        Assumption(index, about, text, name, years, **asdict(upkeep))
        for index, (about, text, name, years, upkeep) in enumerate(entries, 1)
    )
