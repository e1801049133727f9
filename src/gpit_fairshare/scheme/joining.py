"""How a scheme, its formula and its transition join into one `Scheme`, every value in place."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from gpit_fairshare.errors import FormulaError, SchemeError, UsageError, nearest
from gpit_fairshare.language import (
    NATIONAL,
    ORGANISATION,
    Definition,
    Symbol,
    names_in,
    parse,
    renamed,
    understand,
    walk,
)
from gpit_fairshare.language import tree as t
from gpit_fairshare.scheme.files import (
    Exact,
    FormulaFile,
    InputEntry,
    ParameterEntry,
    Read,
    SchemeFile,
    SchemeHeader,
    StepEntry,
    TransitionFile,
    ValueEntry,
    number,
    read_file,
)
from gpit_fairshare.scheme.model import Assumption, Check, Parameter, Scheme, Step, Value

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

MOST_STEPS: Final = 500
MOST_PARAMETERS: Final = 1_000
EVERY_YEAR: Final = "every_year"

STANDARD_INPUTS: Final = {
    "registered_population": ("Registered population", "people"),
    "weighted_population": ("Weighted population", "people"),
    "historic_spend": ("Historic spend", "£"),
}
"""Input columns whose meaning is fixed: name to label and unit."""


@dataclass(slots=True)
class _Draft:
    """What has been put together so far, in order."""

    steps: list[Step] = field(default_factory=list)
    checks: list[Check] = field(default_factory=list)
    parameters: dict[str, tuple[ParameterEntry, Read]] = field(default_factory=dict)
    inputs: dict[str, InputEntry] = field(default_factory=dict)
    reads: list[Read] = field(default_factory=list)

    def declare(self, read: Read, *, leave_out: Mapping[str, str] | None = None) -> None:
        """Take over the parameters and inputs that a file declares, but those replaced by `with`."""
        for name, entry in read.model.parameters.items():
            if name in (leave_out or {}):
                continue
            if name in self.parameters and self.parameters[name][0] != entry:
                raise SchemeError(
                    f"{read.file}: parameters › {name}: {self.parameters[name][1].file} declares it differently"
                )
            self.parameters[name] = (entry, read)
        for name, entry in read.model.inputs.items():
            if name in self.inputs and self.inputs[name] != entry:
                raise SchemeError(
                    f"{read.file}: inputs › {name}: declared differently in another file of this scheme"
                )
            self.inputs[name] = entry

    def add(self, read: Read, prefix: str = "", names: Mapping[str, str] | None = None) -> None:
        """Append a file's steps and checks, renamed as a `[[use]]` asks."""
        own = {step.name for step in read.model.steps} | {f"{use.as_}_" for use in read.model.use}

        def name_of(name: str) -> str:
            if names and name in names:
                return names[name]
            inner = name in own or any(name.startswith(one) for one in own if one.endswith("_"))
            return f"{prefix}_{name}" if prefix and inner else name

        title = f"{prefix.replace('_', ' ').capitalize()}: " if prefix else ""
        for entry in read.model.steps:
            where = f"{read.file}, step {entry.name}"
            tree = renamed(_parse(entry.formula, where), name_of)
            label = title + (entry.label[:1].lower() + entry.label[1:] if title else entry.label)
            self.steps.append(
                Step(name_of(entry.name), label, entry.unit, t.to_text(tree), tree, where, entry.note)
            )
        for check in read.model.checks:
            where = f"{read.file}, check {check.name}"
            tree = renamed(_parse(check.formula, where), name_of)
            self.checks.append(Check(title + check.name, t.to_text(tree), tree, where, check.note))


def _parse(formula: str, where: str) -> t.Expression:
    try:
        return parse(formula)
    except FormulaError as fault:
        raise fault.at(where) from None


def _use(
    draft: _Draft,
    read: Read,
    chain: tuple[str, ...] = (),
    prefix: str = "",
    outer: Mapping[str, str] | None = None,
) -> None:
    """Put in the formulas that a file uses by name, before the steps of its own."""
    for use in read.model.use:
        inner = read_file(use.formula, "formulas", FormulaFile, read.folder)
        if inner.file in chain or inner.file == read.file:
            raise SchemeError(f"{read.file}: use › {use.as_}: {use.formula} uses itself")
        known = {*inner.model.parameters, *inner.model.inputs, *_free_names(inner.model)}
        for name in use.with_:
            if name not in known:
                raise SchemeError(
                    f"{read.file}: use › {use.as_} › with: {use.formula} has no {name}{nearest(name, known)}"
                )
        whole = f"{prefix}_{use.as_}" if prefix else use.as_
        names = {
            **(outer or {}),
            **{key: (outer or {}).get(value, value) for key, value in use.with_.items()},
        }
        _use(draft, inner, (*chain, read.file), whole, names)
        draft.reads.append(inner)
        draft.declare(inner, leave_out=names)
        draft.add(inner, whole, names)


def _free_names(model: Any) -> set[str]:
    own = {step.name for step in model.steps}
    found: set[str] = set()
    for step in model.steps:
        try:
            found |= {name for name, _ in names_in(parse(step.formula))}
        except FormulaError:
            continue  # said with its place when the step itself is read
    return found - own


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
        name, at, year = name.strip().partition("@")
        if not equals or not name or (at and not year):
            raise UsageError(f"--set {text}: expected NAME=VALUE or NAME@2015/16=VALUE")
        try:
            number(written)
        except ValueError as fault:
            raise UsageError(f"--set {text}: {fault}") from None
        return cls(name.strip(), year.strip() or None, written.strip())


def load(
    scheme: str = "gpit-2014-16",
    *,
    formula: str | None = None,
    transition: str | None = None,
    settings: Sequence[Setting] = (),
) -> Scheme:
    """Read a scheme with its formula and transition and return it ready to run.

    `formula` and `transition` replace those that the scheme names. Values keep their source or
    assumption; a setting replaces a value for this run and is marked as such.

    Raises:
        UsageError: A name is not in the library, a file is not there, a setting fits nothing.
        SchemeError: A file is not as it should be: file, place and what to do.
        FormulaError: A formula is not in the language or makes no sense.
    """
    read = read_file(scheme, "schemes", SchemeFile)
    model: SchemeFile = read.model
    head = model.scheme
    draft = _Draft()
    chosen_formula = formula or head.formula
    chosen_transition = transition or head.transition
    _use(draft, read)
    formula_read = transition_read = None
    if chosen_formula:
        beside = None if formula else read.folder
        formula_read = read_file(chosen_formula, "formulas", FormulaFile, beside)
        _use(draft, formula_read)
        draft.reads.append(formula_read)
        draft.declare(formula_read)
        draft.add(formula_read)
        _ends_in(formula_read, draft, "fair_share")
    draft.reads.append(read)
    draft.declare(read)
    draft.add(read)
    if chosen_transition:
        beside = None if transition else read.folder
        transition_read = read_file(chosen_transition, "transitions", TransitionFile, beside)
        _stands_alone(transition_read, draft)
        draft.reads.append(transition_read)
        draft.declare(transition_read)
        draft.add(transition_read)
        _ends_in(transition_read, draft, "allocation")
    _close(draft, read, head)
    return _assemble(
        draft, read, formula_read, transition_read, settings, swapped=bool(formula or transition)
    )


def _ends_in(read: Read, draft: _Draft, name: str) -> None:
    if not draft.steps or draft.steps[-1].name != name:
        kind = "transition" if name == "allocation" else "formula"
        last = draft.steps[-1].name if draft.steps else "nothing"
        raise SchemeError(f"{read.file}: the last step of a {kind} is {name}; found {last}")


def _stands_alone(read: Read, draft: _Draft) -> None:
    """Refuse a transition that leans on one formula's inner steps or parameters."""
    own = {step.name for step in read.model.steps} | set(read.model.parameters)
    inner = ({step.name for step in draft.steps} | set(draft.parameters)) - own - {"fair_share"}
    if not any(step.name == "fair_share" for step in draft.steps):
        raise SchemeError(f"{read.file}: a transition needs a step fair_share above it; name a formula")
    for entry in (*read.model.steps, *read.model.checks):
        where = f"{read.file}, {'step' if isinstance(entry, StepEntry) else 'check'} {entry.name}"
        for name, position in names_in(_parse(entry.formula, where)):
            if name in inner:
                hint = "the money to spend is total(fair_share)"
                raise FormulaError(
                    f"a transition relies on fair_share, inputs and its own steps and parameters, not on {name}; {hint}",
                    position,
                    where,
                )


def _close(draft: _Draft, read: Read, head: SchemeHeader) -> None:
    """Make sure that the scheme has an answer; without a transition the fair share is the allocation."""
    names = [step.name for step in draft.steps]
    if head.result is None and "allocation" not in names:
        if "fair_share" not in names:
            raise SchemeError(
                f'{read.file}: no step is named allocation or fair_share; name the answer with result = "…"'
            )
        draft.steps.append(
            Step(
                "allocation",
                "Allocation",
                "£",
                "fair_share",
                t.Name("fair_share", 1),
                f"{read.file}, step allocation",
            )
        )
    if head.result is not None and head.result not in [step.name for step in draft.steps]:
        raise SchemeError(
            f"{read.file}: scheme › result: there is no step {head.result}{nearest(head.result, names)}"
        )
    if len(draft.steps) > MOST_STEPS:
        raise SchemeError(f"{read.file}: the scheme has {len(draft.steps)} steps; {MOST_STEPS} are allowed")
    if len(draft.parameters) > MOST_PARAMETERS:
        raise SchemeError(
            f"{read.file}: the scheme has {len(draft.parameters)} parameters; {MOST_PARAMETERS} are allowed"
        )


_RESERVED: Final = frozenset({"year", "org_code", "org_name"})


def _symbols(draft: _Draft) -> dict[str, Symbol]:
    """Return inputs and parameters as symbols; a name may be only one thing."""
    seen: dict[str, str] = {}
    for what, name, where in (
        *(("a parameter", name, origin.file) for name, (_, origin) in draft.parameters.items()),
        *(("an input", name, "inputs") for name in draft.inputs),
        *(("a step", step.name, step.where) for step in draft.steps),
    ):
        if name in seen or name in _RESERVED:
            raise SchemeError(
                f"{where}: {name} is {seen.get(name, 'a column of every table')} already; a name is only one thing"
            )
        seen[name] = what
    symbols = {
        name: Symbol(name, "parameter", NATIONAL, "number", entry.unit)
        for name, (entry, _) in draft.parameters.items()
    }
    texts = {column for part in (*draft.steps, *draft.checks) for column in _text_columns(part.tree)}
    for part in (*draft.steps, *draft.checks):
        for name, _ in names_in(part.tree):
            if name not in seen and name not in symbols:
                _, unit = STANDARD_INPUTS.get(name, ("", None))
                symbols[name] = Symbol(
                    name, "input", ORGANISATION, "text" if name in texts else "number", unit
                )
    for name, entry in draft.inputs.items():
        symbols[name] = Symbol(name, "input", ORGANISATION, entry.type, entry.unit, entry.optional)
    return symbols


def _text_columns(tree: t.Expression) -> Iterator[str]:
    """Yield the names that only a text column can bear: beside a quoted text, or after `within`."""
    for node in walk(tree):
        match node:
            case t.Comparison(_, t.Name(name), t.Text()) | t.Comparison(_, t.Text(), t.Name(name)):
                yield name
            case t.Figure(within=str(name)) | t.ShareOut(within=str(name)) | t.Rounded(within=str(name)):
                yield name
            case _:
                pass


def _assemble(
    draft: _Draft,
    read: Read,
    formula: Read | None,
    transition: Read | None,
    settings: Sequence[Setting],
    *,
    swapped: bool,
) -> Scheme:
    head: SchemeHeader = read.model.scheme
    years = tuple(head.years)
    symbols = understand(
        [Definition(step.name, step.tree, step.unit, step.where) for step in draft.steps],
        _symbols(draft),
        [Definition(check.name, check.tree, None, check.where) for check in draft.checks],
    )
    steps = tuple(
        replace(
            step, kind=symbols[step.name].kind, type=symbols[step.name].type, unit=symbols[step.name].unit
        )
        for step in draft.steps
    )
    parameters, notes = _values(draft, read, years, settings, swapped=swapped)
    result = head.result or "allocation"
    if symbols[result].kind != ORGANISATION or symbols[result].type != "number":
        raise SchemeError(
            f"{read.file}: the answer {result} is {symbols[result].kind}; expected one number per organisation"
        )
    reads = list({one.file: one for one in draft.reads}.values())
    sources = tuple(source for one in reads for source in one.sources.values())
    labels = {name: label for name, (label, _) in STANDARD_INPUTS.items()}
    labels |= {name: entry.label for name, entry in draft.inputs.items() if entry.label}
    labels |= {name: one.label for name, one in parameters.items()} | {
        step.name: step.label for step in steps
    }
    labels |= {name: name.replace("_", " ").capitalize() for name in symbols if name not in labels}
    counts = (
        {key: tuple(values) for key, values in read.model.spend.counts.items()} if read.model.spend else {}
    )
    scheme = Scheme(
        name=head.name,
        title=head.title,
        organisation=head.organisation,
        years=years,
        formula=formula.model.formula.name if formula else "",
        transition=transition.model.transition.name if transition else "",
        steps=steps,
        checks=tuple(draft.checks),
        parameters=parameters,
        symbols=symbols,
        labels=labels,
        counts=counts,
        sources=sources,
        assumptions=(),
        result=result,
        report_by=head.report_by,
        digest="",
        files=tuple((one.file, one.digest) for one in reads),
        notes=tuple(notes),
    )
    return replace(scheme, assumptions=_assumptions(scheme, read), digest=_digest(scheme))


def _values(
    draft: _Draft, read: Read, years: tuple[str, ...], settings: Sequence[Setting], *, swapped: bool
) -> tuple[dict[str, Parameter], list[str]]:
    """Give every parameter a value for every year, with its origin, and apply the settings."""
    given: dict[str, dict[str, ValueEntry]] = dict(read.model.values)
    notes = []
    for name in list(given):
        if name not in draft.parameters:
            if not swapped:
                raise SchemeError(
                    f"{read.file}: values › {name}: no step declares this parameter{nearest(name, draft.parameters)}"
                )
            notes.append(f"values of {name} in {read.file} are left aside: nothing in this run uses it")
            del given[name]
    for setting in settings:
        if setting.name not in draft.parameters:
            raise UsageError(
                f"--set {setting.name}: there is no such parameter{nearest(setting.name, draft.parameters)}; there are {', '.join(sorted(draft.parameters)) or 'none'}"
            )
        if setting.year is not None and setting.year not in years:
            raise UsageError(
                f"--set {setting.name}@{setting.year}: the scheme has the years {', '.join(years)}"
            )
    missing: list[str] = []
    parameters = {}
    for name, (entry, origin) in draft.parameters.items():
        if name in given and entry.values:
            raise SchemeError(
                f"{read.file}: values › {name}: the parameter has values where it is declared as well; keep one"
            )
        written = (given.get(name, {}), read) if name in given else (entry.values, origin)
        values, lacking = _by_year(name, entry, written, years, settings)
        if lacking:
            there = ", ".join(year for year in years if year in values) or "none"
            missing.append(f"{name} ({entry.label}) for {', '.join(lacking)} (years there are: {there})")
        parameters[name] = Parameter(
            name,
            entry.label,
            entry.unit,
            _written(entry.minimum),
            _written(entry.maximum),
            values,
            entry.note,
        )
    if missing:
        example = missing[0].split(" ", 1)[0]
        raise SchemeError(
            f"{read.file}: no value is given of {'; '.join(missing)}; add it under [values.{example}] or with --set {example}=…"
        )
    _within_bounds(parameters, years, read.file)
    return parameters, notes


def _written(value: Exact | None) -> str:
    return "" if value is None else str(value)


def _by_year(
    name: str,
    entry: ParameterEntry,
    written: tuple[Mapping[str, ValueEntry], Read],
    years: tuple[str, ...],
    settings: Sequence[Setting],
) -> tuple[dict[str, Value], list[str]]:
    """Return the value of each year and the years without one. Nothing carries over between years."""
    entries, origin = written
    strange = [year for year in entries if year not in years and year != EVERY_YEAR]
    if strange:
        raise SchemeError(
            f"{origin.file}: values › {name}: {strange[0]} is not a year of the scheme ({', '.join(years)}), nor {EVERY_YEAR}"
        )
    if EVERY_YEAR in entries and len(entries) > 1:
        raise SchemeError(
            f"{origin.file}: values › {name}: give {EVERY_YEAR} or the years one by one, not both"
        )
    values, lacking = {}, []
    for year in years:
        own = entries.get(year) or entries.get(EVERY_YEAR) or entry.default
        setting = next(
            (one for one in reversed(settings) if one.name == name and one.year in (year, None)), None
        )
        if setting:
            values[year] = Value(
                number(setting.written),
                setting.written,
                assumption="Set for this run with --set.",
                overridden=True,
            )
        elif own:
            source = origin.sources.get(own.source) if own.source else None
            values[year] = Value(number(own.value), str(own.value), source, own.assumption or "")
        else:
            lacking.append(year)
    return values, lacking


def _within_bounds(parameters: Mapping[str, Parameter], years: tuple[str, ...], file: str) -> None:
    for name, parameter in parameters.items():
        for bound, written in (("minimum", parameter.minimum), ("maximum", parameter.maximum)):
            if not written:
                continue
            for year in years:
                limit = _bound(written, parameters, year, f"{file}: parameters › {name} › {bound}")
                value = parameter.values[year]
                if (value.value < limit) if bound == "minimum" else (value.value > limit):
                    place = "--set" if value.overridden else file
                    raise SchemeError(
                        f"{place}: {name} is {value.written} in {year}; its {bound} is {written}"
                    )


def _bound(written: str, parameters: Mapping[str, Parameter], year: str, where: str) -> float:
    if written in parameters:
        return parameters[written].values[year].value
    try:
        return number(written)
    except ValueError:
        raise SchemeError(
            f"{where}: {written} is neither a number nor a parameter{nearest(written, parameters)}"
        ) from None


def _assumptions(scheme: Scheme, read: Read) -> tuple[Assumption, ...]:
    """Number what is taken without a source: one entry per parameter and text, with its years."""
    found: dict[tuple[str, str], list[str]] = {}
    for name, parameter in scheme.parameters.items():
        for year, value in parameter.values.items():
            if value.assumption:
                found.setdefault((name, value.assumption), []).append(year)
    entries = [
        (scheme.parameters[name].label, text, name, tuple(years)) for (name, text), years in found.items()
    ]
    spend = read.model.spend
    if spend and spend.assumption:
        entries.append(("What counts as historic spend", spend.assumption, "", scheme.years))
    return tuple(Assumption(index, *entry) for index, entry in enumerate(entries, 1))


def _digest(scheme: Scheme) -> str:
    """Return a digest of everything that decides a result: files, choice of parts and settings."""
    parts = [f"{file} {digest}" for file, digest in scheme.files]
    parts += [f"{name}@{year}={value.value!r}" for name, year, value in scheme.overridden()]
    return hashlib.sha256("\n".join([scheme.formula, scheme.transition, *parts]).encode()).hexdigest()
