"""The list of all files of the library, and the method of one file with its sources."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final

from gpit_fairshare.errors import GpitError, UsageError
from gpit_fairshare.language import in_words
from gpit_fairshare.language.plugin_functions import added_functions
from gpit_fairshare.language.tree import names_in
from gpit_fairshare.scheme.faults import Faults
from gpit_fairshare.scheme.files import LoadedFile, figures_of, kinds_of, read_library_file
from gpit_fairshare.scheme.joining import Joined, join, labels_of
from gpit_fairshare.scheme.library import FileKind, all_library_files
from gpit_fairshare.scheme.model import table_of
from gpit_fairshare.scheme.schema import descriptions
from gpit_fairshare.scheme.shape import PaidHeader, PropertiesEntry, SchemeFile
from gpit_fairshare.words import nearest, one_line

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gpit_fairshare.scheme.model import Parameter, Source, Step
    from gpit_fairshare.scheme.shape import File, TableEntry

LIST_SCHEMA: Final = "gpit-library/1"
METHOD_SCHEMA: Final = "gpit-method/1"
_READING_ORDER: Final[tuple[FileKind, ...]] = ("formula", "transition", "scheme")
_WORD: Final = re.compile(r"[a-z0-9]{3,}")
_LONGEST_WORDS: Final = 240
"""Characters of a formula in words; a longer one is easier to read as a formula."""


@dataclass(frozen=True, slots=True)
class LibraryEntry:
    """One file of the library, in the list."""

    kind: str
    name: str
    title: str
    years: tuple[str, ...]
    """Years of a scheme; empty for a file that works with any year."""
    cited: int
    assumed: int
    """How many of the figures that the file itself holds have a source, and how many are assumptions."""
    package: str
    version: str
    """Where it comes from; empty for gpit's own."""


def library_entries(kind: str | None = None, words: Sequence[str] = ()) -> list[LibraryEntry]:
    """Return an entry for each file of the library: formulas, transitions, then schemes, each by name.

    With `kind`, only files of that kind; with `words`, only files that have each of them, in capital or small letters,
    in their name, title, notes or labels. A plug-in's file that cannot be read is left out; `library_problems` reports
    it.

    Raises:
        GpitError: A file of gpit itself has an error.
    """
    entries = []
    for file in sorted(all_library_files(), key=lambda file: (_READING_ORDER.index(file.kind), file.name)):
        if kind in (None, file.kind):
            try:
                read = read_library_file(file, Faults())
            except GpitError:
                if file.plugin is None:
                    raise
                continue
            if not words or _has_words(read, file.name, words):
                entries.append(_library_entry(read, file.name))
    return entries


def nearest_words(words: Sequence[str], entries: Sequence[LibraryEntry]) -> str:
    """Return a question with the words of names and titles most like those of a search without a match, or nothing."""
    known = {word for entry in entries for word in (entry.name, *_WORD.findall(f"{entry.name} {entry.title}".lower()))}
    return "".join(nearest(word, known) for word in words)


def _has_words(read: LoadedFile[Any], name: str, words: Sequence[str]) -> bool:
    """Return whether each of the words is in a file's name, its title, its notes or its labels."""
    model: File = read.model
    parts = (*model.steps, *model.checks, *model.outcomes)
    parts += (*model.parameters.values(), *model.tables.values(), *model.inputs.values())
    fields = [getattr(part, field, None) for part in (model.header, *parts) for field in ("title", "label", "note")]
    text = _flat(" ".join([name, *filter(None, fields)])).casefold()
    return all(_flat(word).casefold() in text for word in words)


def _library_entry(read: LoadedFile[Any], name: str) -> LibraryEntry:
    """Return the entry of a file in the list: its kind, title, years, number of figures and plug-in.

    The figures that cite a source and those that are assumptions are counted separately; only a scheme has years.
    """
    figures = [entry for _, entry in figures_of(read.model)]
    cited = sum(figure.source is not None for figure in figures)
    years = tuple(read.model.scheme.years) if isinstance(read.model, SchemeFile) else ()
    plugin = read.plugin
    origin = (plugin.package, plugin.version) if plugin else ("", "")
    return LibraryEntry(read.model.kind, name, read.model.header.title, years, cited, len(figures) - cited, *origin)


def entries_document(entries: list[LibraryEntry], problems: list[str]) -> dict[str, Any]:
    """Return the entries and problems of the library as a document with stable keys, for JSON."""
    files = [{**asdict(entry), "years": list(entry.years)} for entry in entries]
    return {"schema": LIST_SCHEMA, "files": files, "problems": problems}


@dataclass(frozen=True, slots=True)
class ParameterFigure:
    """A value of a parameter, with its source or its assumption."""

    year: str
    """Year, `every year`, or `default`."""
    written: str
    source: str
    """Publisher, title and date."""
    assumption: str


@dataclass(frozen=True, slots=True)
class MethodValue:
    """A parameter or an input column."""

    name: str
    label: str
    unit: str
    minimum: str = ""
    maximum: str = ""
    optional: bool = False
    note: str = ""
    figures: tuple[ParameterFigure, ...] = ()


@dataclass(frozen=True, slots=True)
class MethodRow:
    """A row of a table: its text, or the number at which its band begins, and its value with its origin."""

    key: str
    written: str
    source: str
    assumption: str


@dataclass(frozen=True, slots=True)
class MethodTable:
    """A table of values by text, or by bands of a number."""

    name: str
    label: str
    unit: str
    keys: str
    """`texts`, or `bands` whose lower edges they are."""
    key_unit: str
    up_to: str
    """Where the last band ends; empty if it has no end."""
    note: str
    rows: tuple[MethodRow, ...]
    """With the value for other texts, `otherwise`, at the end."""


@dataclass(frozen=True, slots=True)
class MethodStep:
    """A step: its formula, and the formula in words if that is short enough."""

    number: int
    name: str
    label: str
    unit: str
    formula: str
    words: str
    note: str
    functions: tuple[str, ...]
    """What the functions of plug-ins return, a sentence each."""


@dataclass(frozen=True, slots=True)
class MethodCheck:
    """A check, and whether a run stops at it."""

    name: str
    formula: str
    note: str
    stops: bool


@dataclass(frozen=True, slots=True)
class MethodOutcome:
    """What the rule can do to an organisation, and the clause that says why; empty if the file gives none."""

    label: str
    formula: str
    because: str


@dataclass(frozen=True, slots=True)
class MethodProperty:
    """A property: `kept`, `broken` or `absent`, and why."""

    name: str
    means: str
    state: str
    why: str


@dataclass(frozen=True, slots=True)
class Method:
    """The contents of a scheme, formula or transition file, in order."""

    kind: str
    name: str
    title: str
    file: str
    digest: str
    package: str
    version: str
    note: str
    opening_baseline: str
    paid_from: str
    money_in: tuple[str, ...]
    taken_away: tuple[str, ...]
    """Labels of the names in the file's table `[money]`."""
    organisation: str
    years: tuple[str, ...]
    indicative: tuple[str, ...]
    formula: str
    transition: str
    """Names of the parts of a scheme."""
    order: tuple[str, ...]
    parameters: tuple[MethodValue, ...]
    tables: tuple[MethodTable, ...]
    inputs: tuple[MethodValue, ...]
    steps: tuple[MethodStep, ...]
    """For a scheme, only those of its own file."""
    checks: tuple[MethodCheck, ...]
    outcomes: tuple[MethodOutcome, ...]
    properties: tuple[MethodProperty, ...]
    infeasible: str
    sources: tuple[Source, ...]

    def document(self) -> dict[str, Any]:
        """Return the method with stable keys, for JSON."""
        return {"schema": METHOD_SCHEMA, **asdict(self)}


def method(name: str, kind: str | None = None) -> tuple[Method, str]:
    """Return the method and the text of a file of the library, or of a user's file.

    Args:
        name: Library name or path.
        kind: `formula`, `transition` or `scheme`, if several files have the name.

    Raises:
        UsageError: There is no file of that name and kind, or there are several.
    """
    kinds = [of_file for of_file in kinds_of(name, Faults()) if kind in (None, of_file)]
    if not kinds:
        raise UsageError(f"{one_line(name)}: is not a {kind}; gpit library list shows all names")
    if len(kinds) > 1:
        raise UsageError(f"{one_line(name)}: is the name of a {' and a '.join(kinds)}; choose one with --kind")
    joined = join(name, Faults(), kinds[0])
    return _method_of(joined), joined.read.text


def _method_of(joined: Joined) -> Method:
    """Return the method of a file that was read and joined.

    For a scheme, the steps, checks, outcomes and sources are those of its own file only; parameters and input columns
    are those of its formula and transition too.
    """
    read, draft = joined.read, joined.draft
    model, plugin = read.model, read.plugin
    head = model.header
    is_scheme = isinstance(model, SchemeFile)
    labels = labels_of(draft, joined.symbols)
    own_names = {entry.name for entry in model.steps}
    steps = [step for step in draft.steps if not is_scheme or (step.name in own_names and step.place.file == read.file)]
    checks = [check for check in draft.checks if not is_scheme or check.place.file == read.file]
    outcomes = [part for part in draft.outcomes if not is_scheme or part.place.file == read.file]
    paid = head if isinstance(head, PaidHeader) else None
    return Method(
        kind=model.kind,
        name=head.name,
        title=head.title,
        file=read.file,
        digest=read.digest,
        package=plugin.package if plugin else "",
        version=plugin.version if plugin else "",
        note=_flat(head.note),
        opening_baseline=labels.get(paid.opening_baseline or "", paid.opening_baseline or "") if paid else "",
        paid_from=(paid.paid_from or "") if paid else "",
        money_in=tuple(labels.get(name, name) for name in (model.money.in_ if model.money else ())),
        taken_away=tuple(labels.get(name, name) for name in (model.money.out_of if model.money else ())),
        organisation=model.scheme.organisation if is_scheme else "",
        years=tuple(model.scheme.years) if is_scheme else (),
        indicative=tuple(model.scheme.indicative) if is_scheme else (),
        formula=joined.formula if is_scheme else "",
        transition=joined.transition if is_scheme else "",
        order=tuple(head.order),
        parameters=tuple(
            _method_parameter(joined, parameter)
            for parameter in joined.parameters.values()
            if not table_of(parameter.name)
        ),
        tables=tuple(_method_table(name, entry, origin) for name, (entry, origin) in draft.tables.items()),
        inputs=_method_inputs(joined, labels),
        steps=tuple(_method_step(number, step, joined, labels) for number, step in enumerate(steps, 1)),
        checks=tuple(MethodCheck(check.name, check.formula, _flat(check.note), check.stops) for check in checks),
        outcomes=tuple(MethodOutcome(part.label, part.formula, _flat(part.because)) for part in outcomes),
        properties=_method_properties(model.properties),
        infeasible=_flat(head.infeasible),
        sources=tuple(read.sources.values()),
    )


def _flat(text: str) -> str:
    return " ".join(text.split())


def _method_step(number: int, step: Step, joined: Joined, labels: Mapping[str, str]) -> MethodStep:
    """Return a step with its formula in words; no words if they are too long, or equal to the formula."""
    words = in_words.render(step.tree, labels)
    unit = joined.symbols[step.name].unit or ""
    functions = tuple(f"{function.name}: {_flat(function.function.words)}" for function in added_functions(step.tree))
    formula = _flat(step.formula)
    words = "" if len(words) > _LONGEST_WORDS or words == formula else words
    return MethodStep(number, step.name, step.label, unit, formula, words, _flat(step.note), functions)


def _method_inputs(joined: Joined, labels: Mapping[str, str]) -> tuple[MethodValue, ...]:
    """Return the input columns that steps and checks use, in the order of first use, with their labels and units.

    The note of a column of larger organisations says that all rows of one have the same value.
    """
    used = dict.fromkeys(name for formula in joined.draft.formulas for name, _ in names_in(formula.tree))
    columns = []
    for name in used:
        symbol = joined.symbols[name]
        if symbol.role == "input":
            entry, _ = joined.draft.inputs.get(name, (None, None))
            unit = "text" if symbol.type == "text" else symbol.unit or ""
            note = _flat(entry.note) if entry else ""
            if symbol.of:
                note = f"One value for each {symbol.of}, the same on all its rows. {note}".strip()
            columns.append(MethodValue(name, labels[name], unit, optional=symbol.optional, note=note))
    return tuple(columns)


def _method_parameter(joined: Joined, parameter: Parameter) -> MethodValue:
    """Return a parameter with its values by year, each with its origin; a value for every year counts once.

    These are the values that the scheme gives, or else those where the parameter is declared, or else its default.
    """
    name = parameter.name
    entry, origin = joined.draft.parameters[name]
    values = entry.values or ({"default": entry.default} if entry.default else {})
    if isinstance(joined.read.model, SchemeFile) and name in joined.read.model.values:
        values, origin = joined.read.model.values[name] or values, joined.read
    figures = tuple(
        ParameterFigure(
            year.replace("_", " "),
            str(value.value),
            str(origin.sources[value.source]) if value.source else "",
            _flat(value.assumption or ""),
        )
        for year, value in values.items()
    )
    return MethodValue(
        name,
        parameter.label,
        parameter.unit or "",
        parameter.minimum,
        parameter.maximum,
        note=_flat(parameter.note),
        figures=figures,
    )


def _method_table(name: str, entry: TableEntry, origin: LoadedFile[Any]) -> MethodTable:
    """Return a table with its rows, as written in the file `origin`, each with the origin of its value."""
    values = [(str(row.key if row.from_ is None else row.from_), row) for row in entry.rows]
    rows = tuple(
        MethodRow(
            key,
            str(value.value),
            str(origin.sources[value.source]) if value.source else "",
            _flat(value.assumption or ""),
        )
        for key, value in [*values, *([("otherwise", entry.otherwise)] if entry.otherwise else [])]
    )
    end = entry.rows[-1].up_to
    keys = "texts" if entry.rows[0].from_ is None else "bands"
    texts = (entry.unit or "", keys, entry.key_unit or "", "" if end is None else str(end), _flat(entry.note))
    return MethodTable(name, entry.label, *texts, rows)


def _method_properties(entry: PropertiesEntry | None) -> tuple[MethodProperty, ...]:
    """Return the properties that a file declares: whether each is kept, broken or absent, and why."""
    properties = []
    for name, kept in entry or ():
        text = descriptions()["PropertiesEntry"][name]
        means = text[:1].lower() + text[1:].rstrip(".")
        if kept == "kept":
            properties.append(MethodProperty(name, means, "kept", ""))
        elif kept:
            state = "broken" if kept.broken else "absent"
            properties.append(MethodProperty(name, means, state, _flat(kept.broken or kept.absent)))
    return tuple(properties)
