"""The names of a scheme: columns, parameters and steps, each with one meaning."""

from __future__ import annotations

import keyword
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from gpit_fairshare.errors import FormulaError
from gpit_fairshare.findings import FindingCode, Where
from gpit_fairshare.language import tree
from gpit_fairshare.language.functions import FUNCTIONS
from gpit_fairshare.language.kinds import NATIONAL, ORGANISATION, Definition, Symbol
from gpit_fairshare.language.meaning import understand
from gpit_fairshare.scheme.money import listed_in
from gpit_fairshare.scheme.parts import UNREAD, Linker
from gpit_fairshare.scheme.tables import formula_table

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from gpit_fairshare.scheme.faults import Faults

STANDARD_INPUTS: Final = {
    "registered_population": ("Registered population", "people"),
    "weighted_population": ("Weighted population", "people"),
    "historic_spend": ("Historic spend", "£"),
}
"""Input columns whose meaning is fixed: name to label and unit."""

IN_EVERY_TABLE: Final = frozenset({"year", "org_code", "org_name"})


def report_duplicate_names(draft: Linker, faults: Faults) -> None:
    """Report names that are defined twice, or that the language or every table already uses.

    When collecting errors, drop such a column or table, and rename such a step, so that its formula is still checked.
    """
    nouns: dict[str, str] = {}

    def is_free(noun: str, name: str, where: Where, prefix: str) -> bool:
        """Return whether a name is not yet used, and report it otherwise; from now on it is used.

        `noun` says what has the name (`a step`); `prefix` begins the message if the error is raised.
        """
        earlier_noun = nouns.get(name) or _reserved_noun(name, noun)
        if earlier_noun:
            problem = f"{name} is already {earlier_noun}; use another name"
            faults.error(FindingCode.NAME_TAKEN, where, problem, message=f"{prefix}: {problem}")
        nouns.setdefault(name, noun)
        return not earlier_noun

    for name, (_, read) in draft.parameters.items():
        is_free("a parameter", name, Where(read.file, f"parameters › {name}"), f"{read.file}: parameters")
    for name, (_, read) in list(draft.inputs.items()):
        if not is_free("an input column", name, Where(read.file, f"inputs › {name}"), f"{read.file}: inputs"):
            del draft.inputs[name]
    for index, step in enumerate(draft.steps):
        if not is_free("a step", step.name, step.place, step.where):
            # Its formula is still checked; no other formula can refer to such a name.
            draft.steps[index] = replace(step, name=f"{step.name} ({index})")
    for name, (_, read) in list(draft.tables.items()):
        if not is_free("a table", name, Where(read.file, f"tables › {name}"), f"{read.file}: tables"):
            del draft.tables[name]


def _symbols(draft: Linker, report_by: str | None, faults: Faults, imported: Mapping[str, Symbol]) -> dict[str, Symbol]:
    """Return the symbols of inputs and parameters; a name that no file declares is a column of the inputs.

    Codes, names and the column to report by are texts, so a formula cannot use them as numbers. Unresolved names get a
    symbol, so that they are not reported as missing, and `imported` names keep theirs. Report a formula that uses
    `year`, and columns with a wrong unit, `signed` or `of`.
    """
    steps = {step.name for step in draft.steps}
    symbols = {
        name: Symbol(name, "parameter", NATIONAL, "number", entry.unit) for name, (entry, _) in draft.parameters.items()
    }
    for name, (table, _) in draft.tables.items():
        symbols[name] = Symbol(name, "table", NATIONAL, "number", table.unit, table=formula_table(name, table))
    defined = {*steps, *draft.inputs, *symbols}
    unresolved = {
        name: Symbol(name, "step", ORGANISATION) for name in (*faults.unresolved, UNREAD.name) if name not in defined
    }
    texts = {column for formula in draft.formulas for column in _text_columns(formula.tree)}
    texts |= {"org_code", "org_name"} | ({report_by} - set(STANDARD_INPUTS) if report_by else set())
    for formula in draft.formulas:
        for name, position in tree.names_in(formula.tree):
            if name == "year":
                problem = "a formula is the same in every year; use a parameter for what differs by year"
                fault = FormulaError(problem, position, formula.where, "name", formula.as_written)
                faults.formula_error(fault, formula.place)
                faults.unresolved.add(name)
                unresolved[name] = Symbol(name, "step", ORGANISATION)
            if name not in defined and name not in symbols and name not in unresolved and name not in imported:
                _, unit = STANDARD_INPUTS.get(name, ("", None))
                is_text = name in texts and name not in STANDARD_INPUTS
                symbols[name] = Symbol(name, "input", ORGANISATION, "text" if is_text else "number", unit)
    for name in [name for layer in draft.layers for _, name in listed_in(layer.money)]:
        if name in STANDARD_INPUTS:
            symbols.setdefault(name, Symbol(name, "input", ORGANISATION, "number", STANDARD_INPUTS[name][1]))
    for name, (entry, read) in draft.inputs.items():
        _, unit = STANDARD_INPUTS.get(name, ("", entry.unit))
        where, larger = Where(read.file, f"inputs › {name}"), entry.of or ""
        if name in STANDARD_INPUTS and (entry.type == "text" or entry.unit not in (None, unit)):
            faults.error(FindingCode.UNITS_DO_NOT_FIT, where, f"this column is a number, and its unit is {unit}")
        if name in STANDARD_INPUTS and entry.signed:
            faults.error(FindingCode.UNITS_DO_NOT_FIT, where, "this column is never negative; remove signed")
        if larger and (larger == name or larger not in draft.inputs or draft.inputs[larger][0].type != "text"):
            problem = f'`of` must name an input column that is declared with type = "text"; found {larger}'
            faults.error(FindingCode.UNKNOWN_NAME, where, problem)
        symbols[name] = Symbol(
            name, "input", ORGANISATION, entry.type, unit, entry.optional, larger, signed=entry.signed
        )
    return {**unresolved, **imported, **symbols}


def _reserved_noun(name: str, noun: str) -> str:
    """Return what a name means in every scheme, such as `a function of the language`; empty if the name is free.

    An input column, as `noun` says, may have the name of a standard column such as historic_spend.
    """
    if name in IN_EVERY_TABLE:
        return "a column of every table"
    if name in FUNCTIONS:
        return "a function of the language"
    if keyword.iskeyword(name):
        return "a word of the language"
    return "an input column" if name in STANDARD_INPUTS and noun != "an input column" else ""


def _text_columns(expression: tree.Expression) -> Iterator[str]:
    """Yield the names in a formula that must be text columns: compared with a quoted text, or after `within`."""
    for node in tree.walk(expression):
        match node:
            case tree.ComparisonOperation(_, tree.Name(name), tree.Text()) | tree.ComparisonOperation(
                _, tree.Text(), tree.Name(name)
            ):
                yield name
            case tree.TableCall("lookup", of=name):
                yield name
    yield from tree.groupings(expression)


def meaning(draft: Linker, faults: Faults, report_by: str | None, imported: Mapping[str, Symbol]) -> dict[str, Symbol]:
    """Return the symbol of every name in the files, with kind, type and unit.

    The first error in a formula is raised, unless `faults` collects errors. `report_by` is the text column that results
    are reported by. `imported` are names that another file would define. Steps whose meaning is in doubt because of an
    error are added to `faults.unresolved`.
    """
    symbols = _symbols(draft, report_by, faults, imported)
    steps = {step.name for step in draft.steps}
    doubtful = {*faults.unresolved, UNREAD.name} - {*draft.parameters, *draft.inputs, *steps}
    formulas = {formula.where: formula for formula in draft.formulas}

    def report(fault: FormulaError) -> None:
        """Report or raise an error with the formula that it is in."""
        formula = formulas[fault.where]
        faults.formula_error(fault.at(fault.where, formula.as_written), formula.place)

    all_symbols = understand(
        [Definition(step.name, step.tree, step.unit, step.where) for step in draft.steps],
        symbols,
        [Definition(part.where, part.tree, None, part.where) for part in draft.formulas[len(draft.steps) :]],
        report=report,
        doubtful=doubtful,
    )
    faults.unresolved |= doubtful & steps
    return all_symbols


def check_answer(
    draft: Linker, symbols: Mapping[str, Symbol], file: str, result: str, organisation: str, faults: Faults
) -> None:
    """Report an answer that is not one number per organisation, and a non-recurrent step that cannot be part of it.

    Such a step is not one number per organisation, or is in another unit than the answer. `organisation` is the
    scheme's word for one, and `result` the name of the answer.
    """
    answer = symbols[result] if result in symbols and symbols[result].role == "step" else None
    for step in draft.steps:
        symbol = symbols[step.name]
        if not step.non_recurrent or step.name in faults.unresolved:
            continue
        problem, code = "non_recurrent marks a part of the answer", FindingCode.ANSWER
        if other := _unlike_an_answer(symbol):
            problem += f"; expected one number per {organisation}, found {other}"
        elif answer and symbol.measure and answer.measure and symbol.measure.powers != answer.measure.powers:
            problem += f", which is in {answer.measure}; found {symbol.measure}"
            code = FindingCode.UNITS_DO_NOT_FIT
        else:
            continue
        faults.error(code, step.place, problem, message=f"{step.where}: {problem}")
    if answer and result not in faults.unresolved and (other := _unlike_an_answer(answer)):
        problem = f"the answer {result} is {other}; expected one number per {organisation}"
        faults.error(FindingCode.ANSWER, Where(file), problem)


def _unlike_an_answer(symbol: Symbol) -> str:
    """Return the type or kind of a step that is not one number per organisation; an empty text if it is one."""
    if symbol.type != "number":
        return symbol.type
    return "" if symbol.kind == ORGANISATION else str(symbol.kind)
