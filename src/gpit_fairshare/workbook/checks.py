"""Every check as a live formula, and the one cell that says whether all pass."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field
from itertools import pairwise, product
from typing import TYPE_CHECKING, Any, Final

from gpit_fairshare.engine.measures import BASELINE, DIFFERENCE, PEOPLE, moved_by, rounding_step
from gpit_fairshare.engine.notes import without_formula
from gpit_fairshare.inputs.tables.spend import WORDS as LINE_WORDS
from gpit_fairshare.language import tree
from gpit_fairshare.language.kinds import ORGANISATION
from gpit_fairshare.language.plugin_functions import without_excel
from gpit_fairshare.numbers import money
from gpit_fairshare.words import inside, joined, plural, sentence
from gpit_fairshare.workbook.check_figures import figures_of_check
from gpit_fairshare.workbook.input_sheets import OUTSIDE, changed_parameters, count_formula
from gpit_fairshare.workbook.layout import ALLOCATIONS, NATIONAL_SHEET, PARAMETERS, TABLES, Layout
from gpit_fairshare.workbook.opening_columns import OUTCOME
from gpit_fairshare.workbook.sheets import FIRST_ROW, TOTAL_ROW, Cell, Prose, Sheet, letter
from gpit_fairshare.workbook.summary_sheets import UNSPENT, SummaryRows

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from gpit_fairshare.language.kinds import Kind
    from gpit_fairshare.scheme.model import Part
    from gpit_fairshare.workbook.allocations_sheet import AllocationsSheet
    from gpit_fairshare.workbook.steps import StepWriter

CHECKS: Final = "Checks"
OVERALL: Final = f"{CHECKS}!$B${TOTAL_ROW}"
WARNINGS: Final = f"{CHECKS}!$C${TOTAL_ROW}"
PASSES, FAILS = "pass", "FAIL"
_WORDS: Final = {"Check": (PASSES, FAILS), "Warning": (PASSES, "review")}
_MOVED: Final = 0.1


@dataclass(frozen=True, slots=True)
class Live:
    """A check or warning: what it tests, and for each year its formula and whether it passed in the run.

    The formula is empty if Excel has no function for it: the sheet then shows the outcome of the run.
    """

    kind: str
    """`Check` counts for the status; a `Warning` needs a review and may be intended."""
    name: str
    tests: str
    years: Mapping[str, tuple[str, bool]]
    figures: Mapping[str, Cell | None] = field(default_factory=dict)
    """For each year the figures that it compares, if there are any to show."""

    def outcome(self, year: str) -> Cell:
        """Return a live cell with the word for a year's outcome: `pass`, `FAIL` of a check, or `review` of a warning.

        An error counts as a failure. Without a formula, the cell has the outcome of the run.
        """
        (good, bad), (formula, passed) = _WORDS[self.kind], self.years[year]
        # An emptied input can turn a check into an error, which counts as a failure.
        live = f'IF(IFERROR(AND({formula}),FALSE),"{good}","{bad}")' if formula else None
        return Cell(good if passed else bad, live)


def checks_sheet(
    layout: Layout, writers: Mapping[str, StepWriter], published: Mapping[str, AllocationsSheet], summary: SummaryRows
) -> Sheet:
    """Return the sheet Checks: every check and warning, live for each year, and the amounts of unspent money.

    Its row of totals says whether all checks pass, and how many warnings there are. The checks are those of the scheme
    and those that a workbook needs because it can be changed.
    """
    live = [
        *_scheme_checks(layout, writers),
        *_table_checks(layout, writers),
        _error_check(layout),
        *_fixed_value_checks(layout),
        *_input_checks(layout),
        *_spend_line_checks(layout),
        *_group_checks(layout),
        *_share_out_checks(layout, writers),
        *_fund_checks(layout, writers),
        *_total_checks(layout, published),
        *_warnings(layout, summary),
    ]
    note = f"Correct every check that says {FAILS}. Review each warning; it may be intended."
    sheet = layout.make_sheet(CHECKS, "Checks and warnings", note, "Control")
    years = ((year, 14) for year in layout.years)
    sheet.add_headings((("Check", Prose(60)), ("What is tested", Prose(60)), ("Kind", 24), *years))
    sheet.add_headings((f"Figures {year}", 24) for year in layout.years)
    words = [
        (
            *(check.name, check.tests, check.kind, *(check.outcome(year) for year in layout.years)),
            *(check.figures.get(year) for year in layout.years),
        )
        for check in live
    ]
    sheet.fill_rows([*words, *_unspent_rows(layout, summary)])
    cells = f"$D${FIRST_ROW}:${letter(3 + len(layout.years))}${sheet.last_row}"
    count = Counter(check.kind for check in live for _, passed in check.years.values() if not passed)
    status = f'IF(COUNTIF({cells},"{FAILS}")=0,"{PASSES}","{FAILS}")'
    overall = Cell(FAILS if count["Check"] else PASSES, status)
    warnings = Cell(f"{count['Warning']}", f'""&COUNTIF({cells},"{_WORDS["Warning"][1]}")')
    sheet.put_row(TOTAL_ROW, ("All checks on this sheet; warnings on this sheet", overall, warnings))
    for _, bad in _WORDS.values():
        sheet.flag_word(cells, bad)
    return sheet


def _passed_check(layout: Layout, name: str, tests: str, formulas: str | Mapping[str, str]) -> Live:
    """Return a check that passed in the run: gpit refuses the run otherwise.

    Args:
        layout: The layout of the workbook.
        name: The name of the check.
        tests: What it tests, in words.
        formulas: One formula for all years, or one for each year.
    """
    of_years = dict.fromkeys(layout.years, formulas) if isinstance(formulas, str) else formulas
    return Live("Check", name, tests, {year: (formula, True) for year, formula in of_years.items()})


def _scheme_checks(layout: Layout, writers: Mapping[str, StepWriter]) -> Iterator[Live]:
    """Yield the checks of the scheme, with their formulas and their outcomes in the run.

    A check that uses a function that Excel does not have gets no formula, and its text says so.
    """
    results = {(result.year, result.name, result.formula): result for result in layout.result.checks}
    for index, check in enumerate(layout.scheme.checks):
        tests = f"{check.formula} [as in the run, not recalculated]" if without_excel(check.tree) else check.formula
        years, figures = {}, {}
        for year, writer in writers.items():
            result = results[year, check.name, check.formula]
            years[year] = writer.check_formula(check, index, frozenset(result.failing)), result.holds
            figures[year] = figures_of_check(writer, check, index, result.failing)
        yield Live("Check", check.name, tests, years, figures)


def _table_checks(layout: Layout, writers: Mapping[str, StepWriter]) -> Iterator[Live]:
    """Yield a check for each table that a step or the outcomes use: every text has a row, and every number a band.

    A check of the scheme needs none, because an error in it is a failure.
    """
    tests = "A text without a row, or a number outside the bands, is an error where it is needed"
    users: list[tuple[str, Kind, str, Sequence[Part]]] = [
        (step.label, step.kind, step.name, [step]) for step in layout.scheme.steps
    ]
    if layout.scheme.outcomes:
        users.append(("Outcome", ORGANISATION, OUTCOME, layout.scheme.outcomes))
    for label, kind, name, parts in users:
        nodes = [node for part in parts for node in tree.walk(part.tree) if isinstance(node, tree.TableCall)]
        checks: dict[str, dict[str, str]] = {}
        for node, (year, writer) in product(nodes, writers.items()):
            if (text := tree.to_text(node)) not in writer.tables:  # outcomes as in the run
                continue
            cells, block = writer.tables[text], layout.blocks.get((kind, year))
            if block is None:
                user = layout.name_of(name, year)
            else:
                user = block.helper_range(name) if name == OUTCOME else block.column_range(name)
            checks.setdefault(cells.check, {})[year] = cells.has_rows(user)
        for check, formulas in checks.items():
            yield _passed_check(layout, f"{label}: {check}", tests, formulas)


def _error_check(layout: Layout) -> Live:
    """Return the check that no step, no outcome and no figure that steps use is an error, such as a division by 0.

    Nothing else notices an error in a step that the answer does not use.
    """
    formulas = {}  # a sum of cells with an error is that error
    for year in layout.years:
        blocks = [block for (_, block_year), block in layout.blocks.items() if block_year == year]
        cells = [block.sheet.table_range() for block in blocks]
        cells += [block.helper_range(OUTCOME) for block in blocks if OUTCOME in block.helpers]
        if layout.national_rows:
            cells.append(layout.national.column_range(4 + layout.years.index(year)))
        formulas[year] = ",".join(f"ISNUMBER(SUM({cell_range}))" for cell_range in cells)
    tests = f"An error on the sheets of the year or on {NATIONAL_SHEET} is a figure that gpit would refuse"
    return _passed_check(layout, "No figure is an error", tests, formulas)


def _fixed_value_checks(layout: Layout) -> Iterator[Live]:
    """Yield a check that no parameter or input was changed, if steps or checks have values of the run, not formulas."""
    names = fixed_parts(layout)
    if not names:
        return
    changes = (changed_parameters(layout), layout.changed_inputs())
    tests = [f"{count}=0" for count in changes if count]
    description = f"{joined(names)}: values of the run, which are not recalculated"
    name = "No parameter or input was changed since the run"
    yield _passed_check(layout, name, description, ",".join(tests) or "TRUE")


def fixed_parts(layout: Layout) -> list[str]:
    """Return the labels of steps, outcomes and checks that the workbook holds as values, without a formula."""
    scheme = layout.scheme
    labels = [step.label for step in scheme.steps if without_formula(step, layout.result.years.values())]
    labels += [f"outcome {outcome.label}" for outcome in scheme.outcomes if without_excel(outcome.tree)]
    return labels + [f"check {check.name}" for check in scheme.checks if without_excel(check.tree)]


def _input_checks(layout: Layout) -> Iterator[Live]:
    """Yield checks of the inputs: numbers are numbers, only optional ones are empty, money and people are 0 or more.

    Optional inputs and those that may be negative have no check for 0 or more. Two more checks say that no organisation
    has spend without patients, and that parameters are within their limits.
    """
    for symbol in layout.scheme.inputs:
        if symbol.type != "number" or symbol.name not in layout.input_ranges:
            continue
        label, cells = layout.scheme.labels[symbol.name], layout.input_ranges[symbol.name]
        if symbol.optional:
            formula = f"COUNT({cells})+COUNTBLANK({cells})=ROWS({cells})"
            yield _passed_check(layout, f"{label} is a number or empty", "No input is a text", formula)
            continue
        name, formula = f"{label} is a number for every {layout.scheme.organisation}", f"COUNT({cells})=ROWS({cells})"
        yield _passed_check(layout, name, "No input is empty or a text", formula)
        if symbol.unit in ("£", "people") and not symbol.signed:
            formula = f'COUNTIF({cells},"<0")=0'
            yield _passed_check(layout, f"No negative {inside(label)}", "Each input is 0 or more", formula)
    blocks = layout.organisations()
    if all(blocks[layout.years[0]].number_column(name) for name in (PEOPLE, BASELINE)):
        formulas = {
            year: f"SUMPRODUCT(({block.column_range(PEOPLE)}<=0)*({block.column_range(BASELINE)}>0))=0"
            for year, block in blocks.items()
        }
        name = f"No {layout.scheme.organisation} has spend without patients"
        yield _passed_check(layout, name, "gpit refuses to read such inputs", formulas)
    if outside := count_formula(layout, OUTSIDE):
        tables = f" and the sheet {TABLES}, where edges rise and no text comes twice" if layout.table_rows else ""
        name, tests = "Parameters are numbers within their limits", f"See the sheet {PARAMETERS}{tables}"
        yield _passed_check(layout, name, tests, f"{outside}=0")


def _spend_line_checks(layout: Layout) -> Iterator[Live]:
    """Yield checks that each line of spend has an amount of 0 or more, and words that gpit knows; none without lines.

    The words are those of the columns that decide which lines count; in a column without fixed words any text will do.
    """
    cells, counts = layout.line_ranges, layout.scheme.counts
    if not cells:
        return
    amounts = cells["amount"]
    formula = f'(COUNT({amounts})=ROWS({amounts}))*(COUNTIF({amounts},"<0")=0)'
    name = "Every line of spend has an amount of 0 or more"
    yield _passed_check(layout, name, "No amount is empty, a text or negative", formula)
    tests = []
    for column in counts:
        words = [f'COUNTIF({cells[column]},"{word}")' for word in LINE_WORDS.get(column, ())]
        marked = "+".join(words) or f'SUMPRODUCT(--({cells[column]}<>""))'
        tests.append(f"{marked}=ROWS({cells[column]})")
    if tests:
        words_of = {column: " or ".join(LINE_WORDS.get(column, ("a text",))) for column in counts}
        name = "; ".join(f"{column.replace('_', ' ')} is {words}" for column, words in words_of.items())
        yield _passed_check(layout, f"Spend lines: {name}", "No cell is empty or has another word", ",".join(tests))


def _group_checks(layout: Layout) -> Iterator[Live]:
    """Yield checks that the group of every organisation was in the run; a group that a reader types in has no row.

    Only groupings are checked whose numbers are in the workings of every year.
    """
    blocks = layout.organisations()
    for column in dict.fromkeys(column for block in blocks.values() for column in block.year.labels):
        key = f"group {column}"
        if all(key in block.helpers for block in blocks.values()):
            name = f"{layout.scheme.labels[column]} of every {layout.scheme.organisation} was in the run"
            formulas = {year: f"COUNTIF({block.helper_range(key)},0)=0" for year, block in blocks.items()}
            yield _passed_check(layout, name, "Add new groups in the input files", formulas)


def _share_out_checks(layout: Layout, writers: Mapping[str, StepWriter]) -> Iterator[Live]:
    """Yield checks of each `share_out`: the amount covers the floors, all money is shared out, arguments are valid.

    All money is shared out if the shares add up to the amount, or to all that the ceilings allow. The first is left out
    for a step without a base and floors.
    """
    for name, text, attribute in (
        ("the amount covers the floors", "The floors add up to no more than the amount", "fits"),
        ("shared out as far as possible", "The shares add up to the amount", "spends"),
        ("weights and limits are valid", "", "sound"),
    ):
        by_label: dict[tuple[str, str], dict[str, str]] = {}
        for year, writer in writers.items():
            for cells in writer.share_outs.values():
                if formula := getattr(cells, attribute):
                    tests = text or sentence(cells.sound_tests)
                    if attribute == "spends" and cells.left_over:
                        tests += ", or to the most that all may get if that is less"
                    by_label.setdefault((cells.step.label, tests), {})[year] = formula
        for (label, tests), formulas in by_label.items():
            yield _passed_check(layout, f"{label}: {name}", tests, formulas)


def _fund_checks(layout: Layout, writers: Mapping[str, StepWriter]) -> Iterator[Live]:
    """Yield checks that no fund is overspent, and that its spent and unspent parts add up to it, within rounding."""
    labels = {fund.step: fund.label for fund in layout.result.funds if fund.year == layout.years[0]}
    for step in [step for step in layout.scheme.steps if isinstance(step.tree, tree.ShareOut)]:
        final = rounding_step(layout.scheme, step.name) or step
        within, made_up = {}, {}
        for year, writer in writers.items():
            spent = f"SUM({layout.blocks[step.kind, year].column_range(final.name)})"
            amount, left = writer.share_outs[step.name].shared, writer.share_outs[step.name].left_over or "0"
            margin = layout.number(max(1.0, moved_by(final, layout.result.years[year])))
            within[year] = f"{spent}<={amount}+{margin}"
            made_up[year] = f"ABS({spent}+{left}-{amount})<={margin}"
        label = labels[step.name]
        tests = f"Total of {final.label} is no more than {label} (within rounding)"
        yield _passed_check(layout, f"{final.label} is in total no more than {label}", tests, within)
        tests = f"Total of {final.label} and unspent money add up to {label} (within rounding)"
        yield _passed_check(layout, f"{label}: allocated and unspent money make up the whole", tests, made_up)


def _total_checks(layout: Layout, published: Mapping[str, AllocationsSheet]) -> Iterator[Live]:
    """Yield a check that the organisations on the published sheets add up to the totals of the year sheets."""
    formulas = {}
    for year, table in published.items() if layout.adds_up else ():
        cells = layout.blocks[ORGANISATION, year].column_range(layout.scheme.result)
        formulas[year] = f"ABS({table.sum_of_organisations()}-SUM({cells}))<=sums_within*MAX(1,ABS(SUM({cells})))"
    if formulas:  # an index or a rate has no total
        tests = f"Totals of {layout.scheme.labels[layout.scheme.result]}"
        yield _passed_check(layout, f"{ALLOCATIONS} agree with the sheets of the years", tests, formulas)


def _warnings(layout: Layout, summary: SummaryRows) -> Iterator[Live]:
    """Yield the warnings that gpit also gives: negative allocations, unbalanced money, large changes of patients.

    The first two are only for answers in £, with one more if the scheme has non-recurrent money: recurrent allocations
    below 0. The last is only given if every year can be compared with the year before.
    """
    scheme, label = layout.scheme, layout.scheme.labels[layout.scheme.result]
    if scheme.symbols[scheme.result].unit == "£":
        below = {
            year: (f'COUNTIF({block.column_range(scheme.result)},"<0")=0', min(block.values(scheme.result)) >= 0)
            for year, block in layout.organisations().items()
        }
        yield Live("Warning", f"No negative {plural(inside(label))}", "Each is £0 or more", below)
        if scheme.non_recurrent:
            yield _non_recurrent_warning(layout)
        if balance := _balance_warning(layout, summary):
            yield balance
    movements = {year: _movement_test(layout, year, before) for before, year in pairwise(layout.years)}
    if movements and all(movements.values()):
        name = f"No {scheme.organisation}'s population changes by more than 10% in a year"
        years = {layout.years[0]: ("TRUE", True)} | {year: movement for year, movement in movements.items() if movement}
        yield Live("Warning", name, "Registered population compared with the year before", years)


def _non_recurrent_warning(layout: Layout) -> Live:
    """Return the warning that an organisation's non-recurrent money is more than its allocation, by more than £1."""
    scheme = layout.scheme
    years = {}
    for year, block in layout.organisations().items():
        cells = [block.column_range(step.name) for step in scheme.non_recurrent]
        recurrent = "-".join((block.column_range(scheme.result), *cells))
        rows = zip(
            block.values(scheme.result), *(block.values(step.name) for step in scheme.non_recurrent), strict=True
        )
        passed = all(whole - math.fsum(parts) >= -1 for whole, *parts in rows)
        years[year] = (f"SUMPRODUCT(--({recurrent}<-1))=0", passed)
    name, label = "Recurrent {} is not negative", inside(scheme.labels[scheme.result])
    tests = f"{sentence(label)} less non-recurrent money is £0 or more (within rounding)"
    return Live("Warning", name.format(label), tests, years)


def _balance_warning(layout: Layout, summary: SummaryRows) -> Live | None:
    """Return the warning that the money account does not balance, as finding R07; None if money in is unknown.

    That is so if any year does not have it. The formulas of all years allow the largest effect of rounding in any of
    them, which becomes a constant.
    """
    accounts = {measures.year: measures.money for measures in layout.measures if measures.money}
    if not accounts or any(account.difference is None for account in accounts.values()):
        return None
    use = "£: the largest difference between money in and money out that rounding can cause."
    allowed = layout.constant("rounding_allowed", max(account.rounding for account in accounts.values()), use)
    years = {
        year: (f"ABS({summary.cell(DIFFERENCE, year)})<={allowed}", account.is_balanced)
        for year, account in accounts.items()
    }
    return Live("Warning", "Money in equals money out and unspent", f"{DIFFERENCE} is 0 (within rounding)", years)


def _unspent_rows(layout: Layout, summary: SummaryRows) -> Iterator[tuple[Any, ...]]:
    """Yield a row for each kind of unspent money, with its amounts of Summary as texts in whole pounds."""
    tests = f"Left after every {layout.scheme.organisation} has all that it can get"
    accounts = [measures.money for measures in layout.measures if measures.money]
    for lines in zip(*(account.unspent for account in accounts), strict=True):
        cells = [summary.cell(f"{UNSPENT} {lines[0].name}", year) for year in layout.years]
        pairs = zip(lines, cells, strict=True)
        amounts = [Cell(money(line.amount), f'TEXT({cell},"£#,##0;-£#,##0")') for line, cell in pairs]
        yield f"{UNSPENT}: {lines[0].label}", tests, UNSPENT, *amounts, *(None for _ in amounts)


def _movement_test(layout: Layout, year: str, before: str) -> tuple[str, bool] | None:
    """Return a formula that tests whether no organisation's patients change by more than 10%, and its outcome.

    The result is None if the two years cannot be compared: a population is missing, or the organisations are not the
    same.
    """
    now, old = layout.blocks[ORGANISATION, year], layout.blocks[ORGANISATION, before]
    if not now.number_column(PEOPLE) or not old.number_column(PEOPLE) or now.year.codes() != old.year.codes():
        return None
    use = "Largest change of an organisation's population in a year without a warning, as a share; an assumption."
    share = layout.constant("moved_share", _MOVED, use)
    after, previous = now.column_range(PEOPLE), old.column_range(PEOPLE)
    more, fewer = f"({after}-{previous}>{share}*{previous})", f"({previous}-{after}>{share}*{previous})"
    formula = f"SUMPRODUCT({more}+{fewer})=0"
    pairs = zip(now.number_column(PEOPLE), old.number_column(PEOPLE), strict=True)
    return formula, not any(abs(heads - heads_before) > _MOVED * heads_before for heads, heads_before in pairs)
