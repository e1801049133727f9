"""Join a scheme, its formula and its transition into one `Scheme` with all its values."""

from __future__ import annotations

import hashlib
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import PureWindowsPath
from typing import TYPE_CHECKING, Any, Final

from pydantic import ValidationError

from gpit_fairshare.errors import FormulaError, SchemeError, UsageError
from gpit_fairshare.findings import FindingCode, Where
from gpit_fairshare.language import tree
from gpit_fairshare.language.kinds import ORGANISATION, Symbol
from gpit_fairshare.language.plugin_functions import added_functions
from gpit_fairshare.plugins import PluginUse
from gpit_fairshare.scheme.faults import Faults, StoppedError
from gpit_fairshare.scheme.files import LoadedFile, read_file
from gpit_fairshare.scheme.model import Money, Parameter, Part, Scheme, Step
from gpit_fairshare.scheme.money import listed_in, money_of
from gpit_fairshare.scheme.naming import STANDARD_INPUTS, check_answer, meaning, report_duplicate_names
from gpit_fairshare.scheme.outcomes import PLACEHOLDER, derived_outcomes, report_placeholders, stated_outcomes
from gpit_fairshare.scheme.parts import MOST_STEPS, Linker, Module, load_module
from gpit_fairshare.scheme.shape import FILE_MODELS, File, FormulaFile, SchemeFile, SchemeHeader, TransitionFile
from gpit_fairshare.scheme.values import Setting, give_defaults, give_values, list_assumptions
from gpit_fairshare.words import joined as joined_words
from gpit_fairshare.words import nearest, one_line

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from gpit_fairshare.scheme.library import FileKind

MOST_PARAMETERS: Final = 1_000
BUDGET: Final = "revenue_budget"
"""The parameter that all formulas of the library share out: often used by mistake in a transition."""


def load(
    scheme: str = "gpit-2014-16",
    *,
    formula: str | None = None,
    transition: str | None = None,
    settings: Sequence[Setting] = (),
    years: Sequence[str] | None = None,
    needs_values: bool = True,
) -> Scheme:
    """Read a scheme with its formula and transition and return it ready to run.

    Without `needs_values`, parameters may lack values: it is then ready to read inputs, and not to run.

    `formula` and `transition` replace those that the scheme names. `years` replaces its years; values for other years
    are then not used. Values keep their source or assumption. A setting replaces a value for this run and is marked.

    A name that is not in the library, a file that does not exist, a setting for no parameter, or a scheme without years
    if `years` is None too, is a `UsageError`.

    Raises:
        SchemeError: A file or a formula has an error: the file, the place and what to do.
    """
    loaded = join(
        scheme,
        Faults(needs_values=needs_values),
        formula=formula,
        transition=transition,
        settings=settings,
        years=years,
        needs_years=True,
    ).scheme
    if loaded is None:  # pragma: no cover - every error was raised before
        raise SchemeError(f"{one_line(scheme)}: the files do not make a scheme")
    return loaded


@dataclass(slots=True)
class Joined:
    """The files of a scheme, joined as far as their errors allow."""

    read: LoadedFile[Any]
    """The file that was named."""
    formula: str = ""
    transition: str = ""
    """Names of the formula and the transition."""
    paid_from: str = ""
    """Who pays for protection, as the scheme or its transition says."""
    replacing: list[str] = field(default_factory=list)
    """The formula and the transition that the run has in place of the scheme's own: `formula by-need`."""
    reads: list[LoadedFile[Any]] = field(default_factory=list)
    """Every file that could be read, each once."""
    draft: Linker = field(default_factory=Linker)
    symbols: Mapping[str, Symbol] = field(default_factory=dict)
    """Empty if the files could not be joined."""
    parameters: Mapping[str, Parameter] = field(default_factory=dict)
    scheme: Scheme | None = None
    """Ready to run; None if there is an error."""

    @property
    def result(self) -> str:
        """Name of the step that is the answer of the file."""
        model: File = self.read.model
        return (model.scheme.result if isinstance(model, SchemeFile) else None) or model.answer

    def note_replaced(self, kind: FileKind, chosen: str, own: str | None) -> None:
        """Note the formula or transition that was chosen, if a scheme has another one of its own, or none."""
        # Base names, as a manifest has no folders: a run and its rerun have the same title.
        if self.read.model.kind == "scheme" and PureWindowsPath(chosen).name != PureWindowsPath(own or "").name:
            self.replacing.append(f"{kind} {self.formula if kind == 'formula' else self.transition}")


def join(
    name: str,
    faults: Faults,
    kind: FileKind = "scheme",
    *,
    formula: str | None = None,
    transition: str | None = None,
    settings: Sequence[Setting] = (),
    years: Sequence[str] | None = None,
    needs_years: bool = False,
) -> Joined:
    """Read a scheme with its formula and transition, or only one of these, and join them as far as errors allow.

    `formula`, `transition` and `years` replace the scheme's own. Parameters get their values, or those of `settings`;
    without a scheme, their defaults. In a transition without a scheme, `fair_share` is one amount in £ per
    organisation. The errors are those of `load`; when collecting them, a file that cannot be read is a `StoppedError`.

    Raises:
        UsageError: `needs_years` is true, and the scheme has no years.
    """
    read: LoadedFile[Any] = read_file(name, FILE_MODELS[kind], faults)
    if years is not None:
        read = _in_years(read, years)
    if needs_years and not read.model.scheme.years:
        label = name if read.is_of_library else read.file
        raise UsageError(f"{label} has no years of its own; give --years 2025/26, once for each year")
    joined = Joined(read, formula=read.model.header.name if kind == "formula" else "")
    with suppress(StoppedError):
        _link_files(joined, faults, formula, transition)
        swapped = formula is not None or transition is not None
        complete(
            joined,
            faults,
            settings,
            swapped=swapped,
            swapped_transition=transition is not None,
            other_years=years is not None,
        )
    return joined


def _in_years(read: LoadedFile[SchemeFile], years: Sequence[str]) -> LoadedFile[SchemeFile]:
    """Return a scheme file with its years replaced; none of the new years is indicative.

    Raises:
        UsageError: They are not consecutive financial years.
    """
    head = read.model.scheme
    try:
        changed = SchemeHeader.model_validate({**head.model_dump(), "years": list(years), "indicative": []})
    except ValidationError as fault:
        reason = str(fault.errors()[0]["msg"]).removeprefix("Value error, ")
        raise UsageError(f"years {one_line(', '.join(years))}: {reason}") from None
    return replace(read, model=read.model.model_copy(update={"scheme": changed}))


def complete(
    joined: Joined,
    faults: Faults,
    settings: Sequence[Setting] = (),
    *,
    swapped: bool = False,
    swapped_transition: bool = False,
    other_years: bool = False,
) -> None:
    """Add to linked files the meaning of their names and the values of parameters; without errors, also the scheme.

    A scheme with fair shares only gets a step `allocation`. Names, the answer, the money account and the outcomes are
    checked. `swapped` says that the formula or transition is not the scheme's own, `swapped_transition` that the
    transition is not, `other_years` that its years are not.
    """
    draft, model = joined.draft, joined.read.model
    header = model.scheme if isinstance(model, SchemeFile) else None
    report_duplicate_names(draft, faults)
    if header:
        _complete_steps(draft, joined.read, faults)
        report_duplicate_names(draft, faults)  # the allocation that was added has a name too
    file = joined.read.file
    draft.outcomes = stated_outcomes(draft.layers, scheme_file=file, swapped=swapped_transition, faults=faults)
    imported = (
        {"fair_share": Symbol("fair_share", "step", ORGANISATION, unit="£")} if model.kind == "transition" else {}
    )
    joined.symbols = symbols = meaning(draft, faults, header.report_by if header else None, imported)
    organisation = header.organisation if header else "organisation"
    check_answer(draft, symbols, file, joined.result, organisation, faults)
    if header:
        _check_report_by(file, header.report_by, symbols, faults)
    report_placeholders(draft.outcomes, symbols, faults)
    if not (draft.outcomes or faults.errors):
        draft.outcomes = derived_outcomes(draft.steps, symbols, labels_of(draft, symbols), joined.result, file)
    money = money_of(draft.layers, draft.steps, symbols, faults, joined.paid_from)
    if not header:
        joined.parameters = give_defaults(draft.parameters, faults)
        return
    joined.parameters, notes = give_values(
        draft.parameters, joined.read, settings, faults, swapped=swapped, other_years=other_years
    )
    if not faults.errors:
        scheme = _make_scheme(joined, model, money, tuple(notes))
        joined.scheme = replace(scheme, digest=_digest(scheme, other_years=other_years))


def _link_files(joined: Joined, faults: Faults, formula: str | None, transition: str | None) -> None:
    """Read the formula and transition of a file, and add all of them to its draft, in the order of calculation.

    `formula` and `transition` replace those that a scheme names. Their names, and who pays for protection, are noted in
    `joined`. If a file cannot be read, the files after it are still read and checked alone.

    Raises:
        StoppedError: One of them cannot be read, when collecting errors.
    """
    read, draft = joined.read, joined.draft
    head = read.model.scheme if isinstance(read.model, SchemeFile) else None
    stopped = False
    chosen = head.formula if head and formula is None else formula
    if chosen is not None:
        try:
            formula_read = read_file(chosen, FormulaFile, faults, read if formula is None else None)
            joined.reads.append(formula_read)
            joined.formula = formula_read.model.formula.name
            joined.note_replaced("formula", chosen, head.formula if head else None)
            draft.add(load_module(formula_read, faults), faults)
        except StoppedError:
            stopped = True
    joined.reads.append(read)
    try:
        module = load_module(read, faults)
        if isinstance(read.model, TransitionFile):  # alone, without the formula that would declare the budget
            _report_inner_names(
                module, {BUDGET} - module.own_names - {*read.model.parameters, *read.model.inputs}, faults
            )
        draft.add(module, faults)
    except StoppedError:
        stopped = True
    chosen = head.transition if head and transition is None else transition
    # The scheme overrides its own transition here, but not a transition that replaces it.
    joined.paid_from = (head.paid_from if head and transition is None else None) or ""
    if chosen is not None:
        transition_read = read_file(chosen, TransitionFile, faults, read if transition is None else None)
        joined.reads.append(transition_read)
        joined.transition = transition_read.model.transition.name
        joined.note_replaced("transition", chosen, head.transition if head else None)
        joined.paid_from = joined.paid_from or transition_read.model.transition.paid_from or ""
        module = load_module(transition_read, faults)
        if not stopped:
            _check_independent(module, draft, faults)
            draft.add(module, faults)
    if stopped:
        raise StoppedError
    joined.reads = draft.reads


def _check_independent(module: Module, draft: Linker, faults: Faults) -> None:
    """Report a transition that uses steps or parameters of the formula or scheme before it, other than fair_share.

    This is for its steps, checks, outcomes and its table `[money]`. No step fair_share before it is an error too.
    """
    steps = {step.name for step in draft.steps}
    if "fair_share" not in steps | faults.unresolved:
        problem = "a transition needs a step fair_share before it"
        faults.error(FindingCode.ANSWER, Where(module.read.file), problem, remedy="name a formula")
        faults.unresolved.add("fair_share")
    inner_names = {*steps, *draft.parameters, *draft.tables} - {
        *module.own_names,
        *module.read.model.parameters,
        *module.read.model.tables,
        "fair_share",
    }
    _report_inner_names(module, inner_names, faults)


def _report_inner_names(module: Module, inner_names: Collection[str], faults: Faults) -> None:
    """Report each use of a formula's own names in a transition; a name that nothing else defines is then unresolved."""
    formulas: tuple[Part, ...] = (*module.steps, *module.checks, *module.outcomes)
    for formula in formulas:
        for name, position in tree.names_in(formula.tree):
            if name in inner_names:
                is_rate = any(isinstance(node, tree.RateOf) and node.step == name for node in tree.walk(formula.tree))
                own_rate = "rate_of takes a share_out step of its own"
                advice = own_rate if is_rate else "for the money to spend, write total(fair_share)"
                fault = FormulaError(
                    "a transition may use fair_share, input columns and its own steps and parameters, "
                    f"but not {name}; {advice}",
                    position,
                    formula.where,
                    formula=formula.as_written,
                )
                faults.formula_error(fault, formula.place, FindingCode.USES_FORMULA)
                faults.unresolved.add(name)
    for outcome in module.outcomes:
        for name in PLACEHOLDER.findall(outcome.because):
            if name in inner_names:
                problem = f"because: a transition may name fair_share and its own steps and parameters, but not {name}"
                remedy = "name a step or a parameter of this file"
                faults.error(FindingCode.USES_FORMULA, outcome.place, problem, remedy=remedy)
    for key, name in listed_in(module.read.model.money):
        if name in inner_names:
            problem = f"a transition may name only its own money and fair_share, not {name}"
            remedy = "name fair_share for the money behind the fair shares"
            faults.error(FindingCode.USES_FORMULA, Where(module.read.file, f"money › {key}"), problem, remedy=remedy)


def _complete_steps(draft: Linker, read: LoadedFile[SchemeFile], faults: Faults) -> None:
    """Add the step `allocation`, equal to the fair share, to a scheme without such a step that names no `result`.

    Report a missing answer, and names under `with` that replace a parameter but do not exist; too many steps or
    parameters stop the reading.
    """
    result = read.model.scheme.result
    steps = {step.name: step for step in draft.steps}
    if result is None and "allocation" not in steps:
        if "fair_share" in steps:
            names: dict[str, Any] = {"name": "allocation", "label": "Allocation", "formula": "fair_share"}
            names |= {"where": f"{read.file}, step allocation", "place": Where(read.file, "step allocation")}
            draft.steps.append(Step(**names, unit=steps["fair_share"].unit, tree=tree.Name("fair_share", position=1)))
        elif not {"fair_share", "allocation"} & faults.unresolved:
            problem = "no step is named allocation or fair_share"
            faults.error(FindingCode.ANSWER, Where(read.file), problem, remedy='name the answer with result = "…"')
    elif result is not None and result not in {*steps, *faults.unresolved}:
        problem = f"there is no step {result}{nearest(result, steps)}"
        faults.error(FindingCode.ANSWER, Where(read.file, "scheme › result"), problem, remedy="name a step")
    parameters = "parameters and rows of tables" if draft.tables else "parameters"
    limits = (("steps", len(draft.steps), MOST_STEPS), (parameters, len(draft.parameters), MOST_PARAMETERS))
    for noun, number, maximum in limits:
        if number > maximum:
            problem = f"the scheme has {number:,} {noun}; at most {maximum:,} are allowed"
            raise faults.abort(FindingCode.LIMIT, Where(read.file), problem)
    known_names = {
        *draft.parameters,
        *draft.tables,
        *draft.inputs,
        *STANDARD_INPUTS,
        *(step.name for step in draft.steps),
    }
    for file, place, name in draft.replacements:
        if name not in known_names | faults.unresolved:
            problem = f"there is no {name}{nearest(name, known_names)}"
            remedy = f"declare it under [parameters.{name}], or under [inputs.{name}] if it is a column"
            faults.error(FindingCode.UNKNOWN_NAME, Where(file, place), problem, remedy=remedy)
            faults.unresolved.add(name)


def _check_report_by(file: str, report_by: str | None, symbols: Mapping[str, Symbol], faults: Faults) -> None:
    """Report a column to report by that is not a text column of the inputs."""
    symbol = symbols.get(report_by or "")
    if symbol and symbol.name not in faults.unresolved and (symbol.role != "input" or symbol.type != "text"):
        problem = f"{report_by} is {f'a {symbol.role}' if symbol.role != 'input' else 'a column of numbers'}"
        where, remedy = Where(file, "scheme › report_by"), "name a text column of the inputs"
        faults.error(FindingCode.ANSWER, where, problem, remedy=remedy)


def _make_scheme(joined: Joined, file: SchemeFile, money: Money, notes: tuple[str, ...]) -> Scheme:
    """Return the scheme of joined files without errors, complete except for its digest."""
    draft, symbols, head = joined.draft, joined.symbols, file.scheme
    # The same file may be read for several uses; two files with the same name are both listed.
    reads = list({(read.file, read.digest): read for read in draft.reads}.values())
    return Scheme(
        name=head.name,
        # Titles name the scheme's own rule: with another, figures must not go by that name alone.
        title=f"{head.title}, with {joined_words(joined.replacing)}" if joined.replacing else head.title,
        organisation=head.organisation,
        years=tuple(head.years),
        formula=joined.formula,
        transition=joined.transition,
        steps=tuple(
            replace(step, kind=symbols[step.name].kind, type=symbols[step.name].type, unit=symbols[step.name].unit)
            for step in draft.steps
        ),
        checks=tuple(draft.checks),
        outcomes=tuple(draft.outcomes),
        parameters=joined.parameters,
        symbols=symbols,
        labels=labels_of(draft, symbols),
        counts={key: tuple(words) for key, words in file.spend.counts.items()} if file.spend else {},
        sources=tuple(source for read in reads for source in read.sources.values()),
        assumptions=list_assumptions(joined.parameters, file),
        result=joined.result,
        report_by=head.report_by,
        has_draft_counts=bool(file.spend and file.spend.is_draft),
        indicative=tuple(head.indicative),
        paid_from=joined.paid_from,
        money=money,
        digest="",
        files=tuple(dict.fromkeys(file for read in reads for file in ((read.file, read.digest), *read.table_files))),
        plugins=_plugin_uses(reads, draft),
        notes=notes,
    )


def _plugin_uses(reads: Sequence[LoadedFile[Any]], draft: Linker) -> tuple[PluginUse, ...]:
    """Return the files, and then the functions, that a scheme takes from plug-ins, each once."""
    files = [read.plugin_use() for read in reads]
    functions = [
        PluginUse("function", function.name, function.plugin.package, function.plugin.version, function.plugin.digest())
        for formula in draft.formulas
        for function in added_functions(formula.tree)
    ]
    return tuple(dict.fromkeys(used for used in (*files, *functions) if used))


def labels_of(draft: Linker, symbols: Mapping[str, Symbol]) -> dict[str, str]:
    """Return a label for every name: the declared one, or else the name itself as words: `Fair share`.

    The standard input columns have labels of their own, unless a file gives others.
    """
    labels = {name: label for name, (label, _) in STANDARD_INPUTS.items()}
    labels |= {name: entry.label for name, (entry, _) in draft.inputs.items() if entry.label}
    labels |= {name: entry.label for name, (entry, _) in draft.parameters.items()}
    labels |= {name: table.label for name, (table, _) in draft.tables.items()}
    labels |= {step.name: step.label for step in draft.steps}
    return labels | {name: name.replace("_", " ").capitalize() for name in symbols if name not in labels}


def _digest(scheme: Scheme, *, other_years: bool) -> str:
    """Return the SHA-256 of all that decides a result.

    That is the files and plug-in functions, the names of the formula and transition, the values set for the run, and
    the years if they are not the scheme's own (`other_years`).
    """
    parts = [f"{file} {digest}" for file, digest in scheme.files]
    parts += [f"function {used.name} {used.digest}" for used in scheme.plugins if used.kind == "function"]
    parts += [f"{name}@{year}={value.value!r}" for name, year, value in scheme.overridden()]
    parts += [f"years={','.join(scheme.years)}"] if other_years else []
    return hashlib.sha256("\n".join([scheme.formula, scheme.transition, *parts]).encode()).hexdigest()
