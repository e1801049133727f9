"""Warnings and notes for a reviewer: unused names, possible misspellings, missing checks, units and sources."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Any, Final

from gpit_fairshare.findings import Finding, FindingCode, Level, Where
from gpit_fairshare.language import tree
from gpit_fairshare.language.functions import AGGREGATES
from gpit_fairshare.language.kinds import NATIONAL
from gpit_fairshare.language.units import unit_of
from gpit_fairshare.scheme.faults import STAND_IN, Faults
from gpit_fairshare.scheme.model import Step, table_of
from gpit_fairshare.scheme.money import listed_in
from gpit_fairshare.scheme.naming import IN_EVERY_TABLE, STANDARD_INPUTS
from gpit_fairshare.scheme.outcomes import PLACEHOLDER
from gpit_fairshare.scheme.parts import UNREAD
from gpit_fairshare.scheme.shape import NAME, SchemeFile, TransitionFile
from gpit_fairshare.scheme.values import list_assumptions, place_of_values

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from gpit_fairshare.scheme.files import LoadedFile
    from gpit_fairshare.scheme.joining import Joined
    from gpit_fairshare.scheme.model import Part

_NEARLY: Final = 0.85
"""How similar a column and another name must be for one to be a possible misspelling: `revenue_budgets`."""
_NEARLY_TEXT: Final = 0.7
"""The same for the column to report by, as there are few text columns: `regoin`."""
_PER_HEAD: Final = (1, -1)


def remark(joined: Joined, faults: Faults, *, swapped: bool) -> None:
    """Add all warnings and notes about files whose names are understood.

    What is not used or not checked is reported only if all formulas could be read. `swapped` says that the scheme runs
    with a different formula or transition, so its own declarations may be unused.
    """
    remarks = _Remarks(joined, faults)
    if remarks.is_complete:
        remarks.unused(swapped=swapped)
        remarks.unread_steps()
        remarks.checks()
    remarks.similar_names()
    remarks.units()
    remarks.sources()
    if isinstance(joined.read.model, SchemeFile):
        remarks.assumptions()
    else:
        remarks.not_known()


class _Remarks:
    """The joined files, and the names in their formulas."""

    def __init__(self, joined: Joined, faults: Faults) -> None:
        """Gather the names in each formula, the steps by name, and the names that are only shown."""
        self.joined = joined
        self.draft = joined.draft
        self.symbols = joined.symbols
        self.faults = faults
        self.names: dict[str, list[str]] = {}
        for formula in self.draft.formulas:  # two steps with one name, which is an error, share a place
            self.names.setdefault(formula.where, []).extend(name for name, _ in tree.names_in(formula.tree))
        self.steps = {step.name: step for step in self.draft.steps}
        self._similar: set[str] = set()
        self.shown = {name for layer in self.draft.layers for _, name in listed_in(layer.money)}
        """Names that the money account or a sentence of an outcome uses."""
        for outcome in self.draft.outcomes:
            self.shown.update(PLACEHOLDER.findall(outcome.because))

    @property
    def is_complete(self) -> bool:
        """Return whether all formulas could be read; one that could not be read may use any name."""
        defined = {*self.steps, *self.draft.parameters, *self.draft.tables, *self.draft.inputs}
        return self.faults.unresolved <= defined and not any(UNREAD.name in names for names in self.names.values())

    def unused(self, *, swapped: bool) -> None:
        """Report parameters, tables and columns that are declared but not used, and values that are not used.

        An opening baseline that no formula uses is reported too. A parameter that is another's bound is used, and so is
        the text column of larger organisations. `swapped` is as for `remark`: values without a declaration are then
        noted.
        """
        used = {name for names in self.names.values() for name in names} | self.shown
        head = self.joined.read.model
        if isinstance(head, SchemeFile):
            used |= {head.scheme.report_by or ""}
            for name in head.values if swapped else ():
                if name not in self.draft.parameters:
                    problem = "nothing in this run declares this parameter, so its values are not used"
                    where = Where(self.joined.read.file, f"values › {name}")
                    self.faults.note(FindingCode.NOT_DECLARED, where, problem)
        for name, (_, read) in self.draft.tables.items():
            if name not in used:
                problem = "no step, check or outcome uses this table"
                self._unused(FindingCode.PARAMETER_NOT_USED, read, f"tables › {name}", problem, swapped=swapped)
        for name, (_, read) in self.draft.parameters.items():
            others = [entry for other, (entry, _) in self.draft.parameters.items() if other != name]
            bounds = {bound for entry in others for bound in (entry.minimum, entry.maximum)}
            if name not in used and name not in bounds and not table_of(name):
                problem = "no step, check or bound uses this parameter"
                self._unused(FindingCode.PARAMETER_NOT_USED, read, f"parameters › {name}", problem, swapped=swapped)
        columns = {name for name in used if name in self.symbols and self.symbols[name].role == "input"}
        for read in {read.file: read for read in (*self.joined.reads, self.joined.read)}.values():
            opening = getattr(read.model.header, "opening_baseline", None)
            if opening and opening not in columns:
                problem = f"no step or check uses an input column {opening}"
                where = Where(read.file, f"{read.model.kind} › opening_baseline")
                remedy = "name the column that is used"
                self.faults.warning(FindingCode.COLUMN_NOT_USED, where, problem, remedy=remedy)
        used |= {entry.of for entry, _ in self.draft.inputs.values() if entry.of}
        for name, (_, read) in self.draft.inputs.items():
            if name not in used:
                problem = "no step or check uses this column"
                self._unused(FindingCode.COLUMN_NOT_USED, read, f"inputs › {name}", problem, swapped=swapped)

    def _unused(self, code: FindingCode, read: LoadedFile[Any], place: str, problem: str, *, swapped: bool) -> None:
        """Report an unused declaration: a warning, or a note if a part of the scheme that was replaced may use it."""
        level: Level = "note" if swapped and read is self.joined.read else "warning"
        finding = Finding(code, level, "", "", problem, remedy="use it or remove it")
        self.faults.add(finding, Where(read.file, place))

    def unread_steps(self) -> None:
        """Report steps that are not the answer or a part of it, and that no other formula, outcome or account uses.

        A step with a note is only noted, because the note may say why it is shown; otherwise it is a warning. A step
        that is no more than a rate is for readers.
        """
        for step in self.draft.steps:
            others = (names for where, names in self.names.items() if where != step.where)
            is_read = step.name in {self.joined.result, *self.shown} or any(step.name in names for names in others)
            is_reported = not NAME.fullmatch(step.name)  # its name is already used, so nothing can use it
            if is_read or is_reported or step.non_recurrent or isinstance(step.tree, tree.RateOf):
                continue
            if step.note:
                problem = "nothing uses this step; its note may say why it is shown"
                self.faults.note(FindingCode.STEP_NOT_READ, step.place, problem)
            else:
                remedy = "use it, remove it, or say in its note why it is shown"
                self.faults.warning(FindingCode.STEP_NOT_READ, step.place, "nothing uses this step", remedy=remedy)

    def checks(self) -> None:
        """Note a total or a rounded step that no check covers, and checks that use no step.

        The total is covered if a check uses the answer or fair_share, and a transition need not check it; a rounded
        step is covered by a check of it or of a step that depends on it.
        """
        checked = {name for check in self.draft.checks for name in self.names[check.where]}
        result = self.joined.result
        is_transition = isinstance(self.joined.read.model, TransitionFile)  # a formula's checks cover its money
        if not is_transition and result in self.steps and not checked & {result, "fair_share"}:
            either = "fair_share" if result == "fair_share" else f"{result} or fair_share"
            problem = f"no check uses {either}, so the total of the money is not checked"
            remedy = f"add one, such as abs(total({result}) - …) <= 0.5"
            self.faults.note(FindingCode.TOTAL_NOT_CHECKED, Where(self.joined.read.file), problem, remedy=remedy)
        for check in self.draft.checks:
            if not set(self.names[check.where]) & set(self.steps):
                problem = "uses no step, so it checks inputs only and nothing that is calculated"
                self.faults.note(FindingCode.CHECK_OF_NO_STEP, check.place, problem)
        uses = {step.name: self.names[step.where] for step in self.draft.steps}
        for step in self.draft.steps:
            if isinstance(step.tree, tree.Rounded) and not checked & tree.dependent_names({step.name}, uses):
                problem = "no check uses this rounded step, or a step that depends on it"
                remedy = "check that the total is kept"
                self.faults.note(FindingCode.ROUNDING_NOT_CHECKED, step.place, problem, remedy=remedy)

    def similar_names(self) -> None:
        """Report undeclared columns whose names are so similar to another name that they may be misspelled.

        This includes the column to report by, which is compared with text columns only, unless a formula uses it.
        """
        declared = {*self.steps, *self.draft.parameters, *self.draft.tables, *self.draft.inputs, *STANDARD_INPUTS}
        self._similar_to_report_by()
        for name in self._undeclared_columns():
            first_use = next(formula for formula in self.draft.formulas if name in self.names[formula.where])
            self._similar_name(name, declared, _NEARLY, first_use.place)

    def _similar_name(self, name: str, declared: Iterable[str], cutoff: float, where: Where) -> None:
        """Warn about an undeclared column whose name is so similar to a declared one that it may be misspelled.

        `cutoff` is the least similarity, from 0 to 1. The name is remembered, so that its missing unit is not noted as
        well.
        """
        for near in difflib.get_close_matches(name, sorted(declared), n=1, cutoff=cutoff):
            problem = f"{name} is read as an input column, but there is a similar name: {near}"
            self._similar.add(name)
            remedy = f"correct it, or declare it under [inputs.{name}]"
            self.faults.warning(FindingCode.SIMILAR_NAME, where, problem, remedy=remedy)

    def _similar_to_report_by(self) -> None:
        """Report an undeclared column to report by, if its name is similar to a declared text column.

        One that a formula uses is left to `similar_names`, which compares it with all names.
        """
        model, read = self.joined.read.model, self.joined.read
        name = model.scheme.report_by if isinstance(model, SchemeFile) else None
        if not name or name in {*self.draft.inputs, *self.faults.unresolved} or name in self._undeclared_columns():
            return
        texts = [column for column, (entry, _) in self.draft.inputs.items() if entry.type == "text"]
        self._similar_name(name, texts, _NEARLY_TEXT, Where(read.file, "scheme › report_by"))

    def _undeclared_columns(self) -> list[str]:
        """Return the names in formulas that are read as input columns without being declared, in order of first use.

        Standard columns and those that every table has need no declaration.
        """
        used = dict.fromkeys(name for names in self.names.values() for name in names)
        known_names = {*self.draft.inputs, *STANDARD_INPUTS, *IN_EVERY_TABLE}
        return [name for name in used if self.symbols[name].role == "input" and name not in known_names]

    def units(self) -> None:
        """Report units without a name, division by 0, sums of rates, and names without a unit used with pounds.

        Rates are values in £ per head, summed over organisations by `total` or `rounded`. Only a division by the
        written number 0 is found.
        """
        for step in self.draft.steps:
            measure = self.symbols[step.name].dimension
            if measure and not measure.bare and not measure.counted and unit_of(measure) is None:
                problem = f"the formula gives {measure}, which is not a known unit"
                remedy = "check the formula; the units are £, £ per head, people, % and ratio"
                self.faults.warning(FindingCode.UNNAMED_UNIT, step.place, problem, remedy=remedy)
        met = {*self.faults.unresolved, UNREAD.name, *self._similar}
        for formula in self.draft.formulas:
            if any(
                isinstance(node, tree.BinaryOperation) and _is_division_by_zero(node)
                for node in tree.walk(formula.tree)
            ):
                problem = "divides by 0: a run stops if it calculates this"
                remedy = "divide by another number"
                self.faults.warning(FindingCode.DIVISION_BY_ZERO, formula.place, problem, remedy=remedy)
            for name in _summed_names(formula.tree):
                symbol = self.symbols[name]
                measure = symbol.measure if symbol.kind != NATIONAL else None
                if measure and measure.powers == _PER_HEAD:
                    problem = f"adds up {name} over organisations, but {name} is in £ per head"
                    remedy = "add up the money and the people separately, then divide"
                    self.faults.warning(FindingCode.SUM_OF_RATES, formula.place, problem, remedy=remedy)
            self._without_unit(formula, met)

    def _without_unit(self, formula: Part, met: set[str]) -> None:
        """Note names without a unit that are first combined with pounds in this formula, and add them to `met`.

        The unit of the step itself counts as combined with the formula's value. Names in `met` are not noted again.
        """
        for number, names in enumerate(_names_by_arithmetic(formula.tree)):
            own_name = [formula.name] if number == 0 and isinstance(formula, Step) else []
            measures = [self.symbols[name].measure for name in (*names, *own_name)]
            if not any(measure and measure.pounds for measure in measures):
                continue
            for name in names:
                symbol = self.symbols[name]
                if symbol.measure is None and symbol.type == "number" and name not in met:
                    table = "" if symbol.role == "step" else f"[{symbol.role}s.{name}]"
                    problem = f"{name} has no unit but is used in arithmetic with £, so the units are not checked"
                    remedy = f"give it one under {table}" if table else f"give the step {name} one"
                    self.faults.note(FindingCode.NO_UNIT, formula.place, problem, remedy=remedy)
                    met.add(name)

    def sources(self) -> None:
        """Report sources without an address or a date."""
        for read in self.joined.reads:
            for key, source in read.model.sources.items():
                lacking = [label for label, text in (("address", source.url), ("date", source.date)) if not text]
                if lacking and key not in self.faults.unresolved:
                    problem = f"has no {' and no '.join(lacking)}"
                    place = f"sources › {key}"
                    self.faults.note(FindingCode.SOURCE_INCOMPLETE, Where(read.file, place), problem)

    def assumptions(self) -> None:
        """Note parameters that have only assumptions, and assumptions without owner, quality or impact.

        There is one note for each such parameter, but only one for each file about all its incomplete assumptions.
        """
        parameters = {
            name: parameter for name, parameter in self.joined.parameters.items() if name not in self.faults.unresolved
        }
        places = {name: place_of_values(name, self.draft.parameters[name][1], self.joined.read) for name in parameters}
        origins: dict[Where, set[str]] = {}  # the rows of a table are one entry
        for name, parameter in parameters.items():
            at = Where(places[name].file, f"tables › {table_of(name)}") if table_of(name) else places[name]
            origins.setdefault(at, set()).update(value.assumption for value in parameter.values.values())
        for at, assumptions_there in origins.items():
            if assumptions_there and not assumptions_there & {"", STAND_IN}:
                problem = "every value is an assumption; none has a source"
                self.faults.note(FindingCode.ALL_ASSUMED, at, problem)
        listed = list_assumptions(parameters, self.joined.read.model)
        assumptions = [assumption for assumption in listed if assumption.parameter and assumption.text != STAND_IN]
        for file in dict.fromkeys(places[assumption.parameter].file for assumption in assumptions):
            in_file = [assumption for assumption in assumptions if places[assumption.parameter].file == file]
            bare = [entry for entry in in_file if not (entry.owner and entry.quality and entry.impact)]
            if bare:
                names = ", ".join(dict.fromkeys(table_of(entry.parameter) or entry.parameter for entry in bare))
                problem = f"{len(bare)} of {len(in_file)} assumptions without owner, quality or impact: {names}"
                self.faults.note(FindingCode.UPKEEP, Where(file), problem)

    def not_known(self) -> None:
        """Note what cannot be checked about a formula or transition without a scheme.

        That is what fair_share is in a transition, parameters without values, and names that are taken for input
        columns.
        """
        file = self.joined.read.file
        if self.joined.result == "allocation":
            problem = "fair_share is assumed to be one amount in £ per organisation; only a formula shows what it is"
            self.faults.note(FindingCode.NOT_KNOWN, Where(file), problem)
        without = [name for name, (entry, _) in self.draft.parameters.items() if not entry.values]
        if without:
            problem = f"a scheme gives the values, years and sources of {', '.join(without)}, so they were not checked"
            self.faults.note(FindingCode.NOT_KNOWN, Where(file), problem)
        columns = self._undeclared_columns()
        if columns:
            problem = f"{', '.join(columns)}: read as input columns, unless a scheme declares something else"
            self.faults.note(FindingCode.NOT_KNOWN, Where(file), problem)


def _is_division_by_zero(node: tree.BinaryOperation) -> bool:
    """Return whether the formula divides by the number 0."""
    return node.operator == "/" and isinstance(node.right, tree.Number) and node.right.value == 0


def _summed_names(expression: tree.Expression) -> Iterator[str]:
    """Yield the names whose values a formula adds up over organisations, by a total or `rounded`."""
    for node in tree.walk(expression):
        match node:
            case tree.AggregateCall("total", name) | tree.Rounded(tree.Name(name)) | tree.RunningTotal(tree.Name(name)):
                yield name


def _names_by_arithmetic(expression: tree.Expression) -> list[list[str]]:
    """Return the names that are combined in each piece of a formula's arithmetic; first come those of its own value.

    A condition is a separate piece: it is not combined with the values that it decides between. The weights of a
    `share_out` are in no piece.
    """
    starts, pieces = [expression], []
    for start in starts:  # both lists grow during their loops
        piece = [start]
        for node in piece:
            inside, apart = _operands(node, whole=node is start)
            piece += inside
            starts += apart
        pieces.append([name for node in piece for name in _value_name(node)])
    return pieces


def _value_name(node: tree.Expression) -> list[str]:
    """Return, in a list, the name whose value a node has; an empty list for a count and for any other node."""
    match node:
        case tree.Name(name) | tree.Previous(name):
            return [name]
        case tree.AggregateCall(function, name) if not AGGREGATES[function].is_count:
            return [name]
        case tree.TableCall(table=name):
            return [name]
        case _:
            return []


def _operands(node: tree.Expression, *, whole: bool) -> tuple[list[tree.Expression], list[tree.Expression]]:
    """Return the operands whose units a node combines, and those that are separate pieces of arithmetic.

    Separate are a comparison, unless the node is itself the start of a piece (`whole`), the sides of `and`, `or` and
    `not`, the condition of a `where`, and what is ranked. The weights of a `share_out` and the order of a
    `running_total` are neither.
    """
    match node:
        case tree.ComparisonOperation() if not whole:
            return [], [node]
        case tree.Logic() | tree.Not():
            return [], tree.children(node)
        case tree.Call("where", (condition, yes, no)):
            return [yes, no], [condition]
        case tree.Rank(of):
            return [], [of]
        case tree.ShareOut(by=order) | tree.RunningTotal(by=order):
            return [leaf for leaf in tree.children(node) if leaf is not order], []
        case _:
            return tree.children(node), []
