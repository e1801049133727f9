"""The sheet One organisation: a reader chooses a code, and the sheet shows that organisation's figures, live.

It goes from opening baseline over fair share to allocation, then to the figures that readers compare, and then through
the calculation step by step. Each figure is looked up on the sheets of the years.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Final

from gpit_fairshare.engine.measures import BASELINE, PEOPLE
from gpit_fairshare.engine.organisation_years import OrganisationYear, opening_label, organisation_years
from gpit_fairshare.language import in_excel as excel
from gpit_fairshare.language import tree
from gpit_fairshare.language.kinds import NATIONAL, ORGANISATION
from gpit_fairshare.scheme.money import FAIR_SHARE
from gpit_fairshare.words import inside, joined, sentence
from gpit_fairshare.workbook.columns import row_order
from gpit_fairshare.workbook.layout import CODES, NOT_GIVEN, ONE_ORGANISATION, Layout, number_format
from gpit_fairshare.workbook.opening_columns import OPENING, OUTCOME
from gpit_fairshare.workbook.sheets import (
    COLOURS,
    FIRST_ROW,
    NONE,
    NOT_APPLICABLE,
    Cell,
    Chart,
    Prose,
    SeriesLook,
    Sheet,
    letter,
    quoted,
)
from gpit_fairshare.workbook.text_widths import FORMATS, number_width, text_width

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from gpit_fairshare.language.kinds import Kind

Columns = Mapping[str, tuple[str, Sequence[Any]]]
"""By year: the formula for the chosen organisation's cell of a column, and the column's value for each organisation."""
_COLUMNS: Final = (("Part", 24), ("Figure", Prose(44)), ("Unit", 12))
CHOSEN_CELL: Final = (FIRST_ROW, len(_COLUMNS) + 1)
"""Row and column of the blue cell, in which a reader chooses an organisation by its code."""
_YEARS_WIDTH: Final = 60
"""Width of the columns of all years together, if there are two or three."""
_LEAST_WIDTH: Final = 16
_POSITION_ROW: Final = "\N{SYMBOL FOR START OF HEADING}"
"""In place of the row with the positions of the chosen organisation, until every row has its place."""


def one_organisation_sheet(layout: Layout) -> Sheet:
    """Return the sheet on which a reader chooses an organisation by its code and sees all of its figures.

    It has a row for each figure and a column for each year. The organisation with the largest loss on the opening
    baseline of the last year is chosen at first. A year that does not have the chosen code shows `[z]`. The blue cell
    takes only codes of the run, and the name says if another one is in it.

    Args:
        layout: The layout of a workbook whose sheets of the years are complete, with opening baselines and outcomes.
    """
    return _OneOrganisation(layout).sheet


def codes_sheet(layout: Layout) -> Sheet | None:
    """Return the sheet of all codes that a reader may choose; None if the sheet of one year has all of them."""
    if _year_with_all_codes(layout):
        return None
    names: dict[str, str | None] = {}
    for year in layout.result.years.values():
        names |= dict(year.organisations.select("org_code", "org_name").iter_rows())
    title = f"Every {layout.scheme.organisation} of any year, to choose from on the sheet {ONE_ORGANISATION}"
    sheet = layout.make_sheet(CODES, title, "Names are those of the last year that has the code.", "Working")
    codes = sorted(names)
    sheet.add_column("Code", 9, codes)
    sheet.add_column("Name", 40, [names[code] or NOT_GIVEN for code in codes])
    return sheet


def _all_codes(layout: Layout) -> set[str]:
    """Return the codes of the organisations of all years."""
    return {code for block in layout.organisations().values() for code in block.year.codes()}


def _year_with_all_codes(layout: Layout) -> str:
    """Return the last year that has every code of the run; empty if there is none, such as after a merger."""
    count = len(_all_codes(layout))
    return next((year for year, block in reversed(layout.organisations().items()) if block.height == count), "")


class _OneOrganisation:
    """Builds the sheet row by row."""

    def __init__(self, layout: Layout) -> None:
        """Build the sheet."""
        self.layout, self.scheme, self.blocks = layout, layout.scheme, layout.organisations()
        self.unit = layout.scheme.symbols[layout.scheme.result].unit
        self.figures = {year: organisation_years(layout.result, year) for year in layout.years}
        """The figures of every organisation, by year."""
        self.code = self._chosen_at_first()
        self.index = {
            year: next((index for index, figures in enumerate(listed) if figures.code == self.code), None)
            for year, listed in self.figures.items()
        }
        """The position of the chosen organisation in each year, from 0; None if the year does not have it."""
        self.row_of: dict[str, int] = {}
        self.next_row = FIRST_ROW
        first_cell = f"{letter(len(_COLUMNS) + 1)}{FIRST_ROW}"
        noun = layout.scheme.organisation
        title = f"{layout.scheme.title}: one {noun}"
        sentences = (
            f"Choose a {noun} by its code in the blue cell {first_cell}; everything follows.",
            self._opening_sentence(),
            f"{NOT_APPLICABLE} = not applicable or not in that year.",
            f"{NONE} = none." if any(OUTCOME in block.helpers for block in self.blocks.values()) else "",
        )
        note = " ".join(filter(None, sentences))
        self.sheet = layout.make_sheet(ONE_ORGANISATION, title, note)
        width = max(_LEAST_WIDTH, _YEARS_WIDTH / max(2, len(layout.years)))
        years = ((f"{year} {self.scheme.certainty(year)}", Prose(width)) for year in layout.years)
        self.sheet.add_headings((*_COLUMNS, *years))
        self.sheet.figure_columns = set(range(len(_COLUMNS) + 1, len(self.sheet.headings) + 1))
        self._put_code()
        self._put_name()
        self._put_ladder()
        self._put_comparisons()
        self._put_calculation()
        self._put_positions()

    def _chosen_at_first(self) -> str:
        """Return the code with the largest loss on the opening baseline of the last year.

        Among equal losses, and without any opening baseline, it is the first code.
        """
        listed = self.figures[self.layout.years[-1]]
        changes = [(figures.change, figures.code) for figures in listed if figures.change is not None]
        return min(changes)[1] if changes else listed[0].code

    # Cells --------------------------------------------------------------------------------------------

    def _column(self, year: str) -> str:
        """Return the letters of the column of a year."""
        return letter(len(_COLUMNS) + 1 + self.layout.years.index(year))

    def _cell(self, key: str, year: str) -> str:
        """Return how formulas on the sheet refer to a figure of a year."""
        return f"${self._column(year)}${self.row_of[key]}"

    def _put(self, key: str, part: str, label: str, unit: str | None, cells: Mapping[str, Cell]) -> None:
        """Add a row with the cell of each year; a year without a cell gets `[z]`.

        Args:
            key: Identifies the row.
            part: The part of the sheet that it belongs to.
            label: What the row shows.
            unit: Its unit, or what its values are; empty for figures without a unit.
            cells: The cell of each year.
        """
        row = self.next_row
        self.row_of[key], self.next_row = row, row + 1
        self.sheet.put_row(
            row,
            (
                part,
                " ".join(label.split()),
                unit or "number",
                *(cells.get(year, NOT_APPLICABLE) for year in self.layout.years),
            ),
        )

    def _position(self, year: str) -> str:
        """Return how formulas refer to the position of the chosen organisation in a year; 0 if it is not in it."""
        return f"${self._column(year)}${_POSITION_ROW}"

    def _if_in(self, year: str, formula: str, otherwise: str = excel.text(NOT_APPLICABLE)) -> str:
        """Return a formula for a year that has the chosen organisation, and another one for a year that does not."""
        return f"IF({self._position(year)}>0,{formula},{otherwise})"

    def _at_position(self, year: str, cells: str) -> str:
        """Return the formula for the chosen organisation's cell in a range with a row for each organisation."""
        return f"INDEX({cells},{self._position(year)})"

    def _put_lookup(  # one parameter for each property of a row
        self, key: str, part: str, label: str, unit: str | None, columns: Columns, *, optional: bool = False
    ) -> None:
        """Add a row that looks up a column of each year; a blank cell shows as a dash.

        Args:
            key: Identifies the row.
            part: The part of the sheet.
            label: What the row shows.
            unit: Its unit.
            columns: The column of each year that has it.
            optional: Whether a reader may leave cells blank that have a value in the run.
        """
        number = number_format(unit, _numbers(columns))
        cells = {}
        for year, (column, column_values) in columns.items():
            cell, values = column, column_values
            if unit == "yes/no":  # programs show a looked-up TRUE in different ways
                cell, values = f'IF({column},"yes","no")', ["yes" if value else "no" for value in column_values]
            formula, index = self._if_in(year, cell), self.index[year]
            if optional or None in values or "" in values:
                formula = f'IF({formula}="",{excel.text(NONE)},{formula})'
            value = NOT_APPLICABLE if index is None else NONE if values[index] in (None, "") else values[index]
            cells[year] = Cell(value, formula, number, widest=_widest(values, number))
        self._put(key, part, label, unit, cells)

    def _put_worked_out(  # one parameter for each property of a row
        self,
        key: str,
        part: str,
        label: str,
        unit: str | None,
        number: str,
        figure: Callable[[OrganisationYear], float | None],
        formula: Callable[[str], str],
    ) -> None:
        """Add a row that is worked out from rows above it.

        Args:
            key: Identifies the row.
            part: The part of the sheet.
            label: What the row shows.
            unit: Its unit.
            number: Name of its number format.
            figure: Gives the figure of an organisation; None where it does not apply.
            formula: Gives the formula of a year, which shows `[z]` where the figure does not apply.
        """
        cells = {}
        for year, listed in self.figures.items():
            values = [figure(organisation) for organisation in listed]
            index = self.index[year]
            value = None if index is None else values[index]
            figure_or_mark = NOT_APPLICABLE if value is None else value
            cells[year] = Cell(figure_or_mark, formula(year), number, widest=_widest(values, number))
        self._put(key, part, label, unit, cells)

    def _columns(self, name: str) -> Columns:
        """Return an input, a label or a step of organisations of each year that has it."""
        return {
            year: (self._at_position(year, block.column_range(name)), block.values(name))
            for year, block in self.blocks.items()
            if name in block.columns
        }

    def _helpers(self, key: str) -> Columns:
        """Return a column of the workings of each year that has it."""
        return {
            year: (self._at_position(year, block.helper_range(key)), block.helper_values(key))
            for year, block in self.blocks.items()
            if key in block.helpers
        }

    def _group_columns(self, name: str, kind: Kind) -> Columns:
        """Return a step of groups: for each organisation the figure of its group, in years with numbers of groups."""
        columns: dict[str, tuple[str, Sequence[Any]]] = {}
        for year, block in self.blocks.items():
            key = f"group {kind.column}"
            if key in block.helpers:
                groups = self.layout.blocks[kind, year]
                number, figures = self._at_position(year, block.helper_range(key)), groups.values(name)
                values = [figures[group_number - 1] for group_number in block.helper_values(key)]
                columns[year] = f"INDEX({groups.column_range(name)},{number})", values
        return columns

    # Rows ---------------------------------------------------------------------------------------------

    def _put_code(self) -> None:
        """Add the row of the code: the blue cell, its list of choices, and the same code for the other years."""
        layout, noun = self.layout, self.scheme.organisation
        first_year, *later_years = layout.years
        chosen = f"${self._column(first_year)}${FIRST_ROW}"
        cells = {first_year: Cell(self.code, None, "text", unlocked=True)}
        cells |= {year: Cell(self.code, chosen) for year in later_years}
        self._put("code", sentence(noun), "Code: choose it in the blue cell", "text", cells)
        all_in_one = _year_with_all_codes(layout)
        last_row = FIRST_ROW + len(_all_codes(layout)) - 1
        source = f"{quoted(CODES)}!$A${FIRST_ROW}:$A${last_row}"
        rule = {
            "validate": "list",
            "source": f"={self.blocks[all_in_one].sheet.column_range(1) if all_in_one else source}",
            "ignore_blank": False,
            "input_title": "Choose",
            "input_message": f"The code of a {noun}. The whole sheet follows."[:250],
            "error_title": "Not accepted",
            "error_message": f"Choose a code from the list: no {noun} of this run has this one."[:250],
        }
        self.sheet.validations.append((chosen.replace("$", ""), rule))

    def _put_name(self) -> None:
        """Add the rows of the name, which says if the code is unknown, and of the area."""
        part, years = sentence(self.scheme.organisation), self.layout.years
        unknown = excel.text(f"no {self.scheme.organisation} of this run has this code")
        if len(years) > 1:
            in_any_year = f"SUM({self._position(years[0])}:{self._position(years[-1])})>0"
            unknown = f'IF({in_any_year},"{NOT_APPLICABLE}",{unknown})'
        cells = {}
        for year, block in self.blocks.items():
            names = [figures.name or NOT_GIVEN for figures in self.figures[year]]
            index = self.index[year]
            formula = self._if_in(year, self._at_position(year, block.column_range("org_name")), unknown)
            value = NOT_APPLICABLE if index is None else names[index]
            cells[year] = Cell(value, formula, widest=_widest(names, "number"))
        self._put("name", part, "Name", "text", cells)
        area = self.scheme.report_by
        if area and (columns := self._columns(area)):
            self._put_lookup(area, part, self.layout.label(area), "text", columns)

    def _put_ladder(self) -> None:
        """Add the rows from opening baseline over fair share to allocation, with the change from each to the next.

        Opening baseline and fair share are left out if no year has them, or the answer is not in pounds.
        """
        rungs = self._rungs()
        part = f"From {rungs[0].name} to {rungs[-1].name}" if len(rungs) > 1 else "Result"
        formats = [number_format("£", _numbers(rung.columns)) for rung in rungs]
        number = "change per head" if "pence" in formats else "change"
        for place, rung in enumerate(rungs):
            if place:
                before = rungs[place - 1]
                label = f"Change from {before.name} to {rung.name}"
                self.row_of[rung.key] = self.next_row + 1  # the row below this one, to which its formula refers
                key, change = f"to {rung.key}", self._difference(before.key, rung.key)
                self._put_worked_out(key, part, label, "£", number, _less(rung.figure, before.figure), change)
            self._put_lookup(rung.key, part, sentence(rung.name), self.unit, rung.columns)
        if len(rungs) > 1:
            self.sheet.charts = [self._chart(rungs)]

    def _rungs(self) -> list[_LadderStep]:
        """Return the amounts of the ladder that the workbook has, in order; the last is the answer."""
        answer, symbol = self.scheme.result, self.scheme.symbols.get(FAIR_SHARE)
        rungs = []
        if self.unit == "£" and (opening := self._helpers(OPENING)):
            rungs.append(_LadderStep(OPENING, "opening baseline", opening, attrgetter("opening")))
        if symbol and symbol.kind == ORGANISATION and symbol.unit == self.unit == "£" and answer != FAIR_SHARE:
            rungs.append(_LadderStep(FAIR_SHARE, "fair share", self._columns(FAIR_SHARE), attrgetter("fair_share")))
        name = inside(self.scheme.labels[answer])
        return [*rungs, _LadderStep(answer, name, self._columns(answer), attrgetter("allocation"))]

    def _opening_sentence(self) -> str:
        """Return the sentence that says what the opening baseline is in each year; empty if no year has one."""
        years, result = [year for year, block in self.blocks.items() if OPENING in block.helpers], self.layout.result
        if self.unit != "£" or not years:
            return ""
        later = f"last year's {inside(self.scheme.labels[self.scheme.result])}"
        if years[0] != self.layout.years[0]:
            return f"Opening baseline: {later}."
        first = f"{inside(opening_label(result, years[0]))} in {years[0]}"
        return (
            f"Opening baseline: {first}, then {later}." if len(self.layout.years) > 1 else f"Opening baseline: {first}."
        )

    def _put_comparisons(self) -> None:
        """Add the rows that readers compare: people, £ per head, distances from the fair share, change and outcome."""
        part, answer = "Figures to compare", self.scheme.result
        if people := self._columns(PEOPLE):
            self._put_lookup(PEOPLE, part, self.layout.label(PEOPLE), "people", people)
        label = self.scheme.labels[answer]
        if people and self.unit == "£":
            formula = self._ratio(answer, PEOPLE)
            figure = attrgetter("per_head")
            self._put_worked_out(
                "per head", part, f"{sentence(label)} per head", "£ per head", "£ per head", figure, formula
            )
        for key, name, top, bottom in (
            ("opening_distance", "Distance of opening baseline from fair share", OPENING, FAIR_SHARE),
            ("closing_distance", f"Distance of {inside(label)} from fair share", answer, FAIR_SHARE),
            ("change_ratio", "Change on opening baseline", answer, OPENING),
        ):
            if not {top, bottom} <= self.row_of.keys():
                continue
            if key == "change_ratio":
                self._put_change(part)
            formula = self._ratio(top, bottom, "-1")
            self._put_worked_out(key, part, name, "%", "distance", attrgetter(key), formula)
        if outcomes := self._helpers(OUTCOME):
            names = {name for outcome in self.scheme.outcomes for name, _ in tree.names_in(outcome.tree)}
            compared = "; gains and losses are on historic spend" if BASELINE in names else ""
            self._put_lookup(OUTCOME, part, f"Outcome{compared}", "text", outcomes)

    def _put_change(self, part: str) -> None:
        """Add the row of the change on the opening baseline in £."""
        answer = self.scheme.result
        amounts = [*_numbers(self._helpers(OPENING)), *_numbers(self._columns(answer))]
        number = "change per head" if number_format("£", amounts) == "pence" else "change"
        formula = self._difference(OPENING, answer)
        self._put_worked_out("change", part, "Change on opening baseline", "£", number, attrgetter("change"), formula)

    def _difference(self, before: str, after: str) -> Callable[[str], str]:
        """Return a function that gives the formula of a year for the figure `after` less the figure `before`."""

        def formula(year: str) -> str:
            old, new = self._cell(before, year), self._cell(after, year)
            return f'IF(AND(ISNUMBER({old}),ISNUMBER({new})),{new}-{old},"{NOT_APPLICABLE}")'

        return formula

    def _ratio(self, top: str, bottom: str, less: str = "") -> Callable[[str], str]:
        """Return a function that gives the formula of a year for one figure divided by another, which is above 0.

        `less` is what follows the ratio in the formula, such as `-1`.
        """

        def formula(year: str) -> str:
            above, below = self._cell(top, year), self._cell(bottom, year)
            ratio = f'IF({below}>0,{above}/{below}{less},"{NOT_APPLICABLE}")'
            return f'IF(AND(ISNUMBER({above}),ISNUMBER({below})),{ratio},"{NOT_APPLICABLE}")'

        return formula

    def _put_calculation(self) -> None:
        """Add the inputs and then the steps of organisations and their groups, in the order of the scheme."""
        part, symbols = "Calculation, step by step", self.scheme.symbols
        inputs = [symbol.name for symbol in self.scheme.inputs if symbol.name not in self.row_of]
        for name in (*inputs, *(step.name for step in self.scheme.steps if step.kind != NATIONAL)):
            symbol = symbols[name]
            columns = self._group_columns(name, symbol.kind) if symbol.kind.column else self._columns(name)
            if columns:
                unit = "text" if symbol.type == "text" else symbol.unit
                label = self.layout.label(name)
                self._put_lookup(f"calculation {name}", part, label, unit, columns, optional=symbol.optional)

    def _put_positions(self) -> None:
        """Add the row with the position of the chosen organisation in each year, which every look-up uses.

        MATCH would take `*` and `?` for patterns. No two codes differ in capitals only: gpit refuses them.
        """
        cells = {}
        for year, block in self.blocks.items():
            listed, chosen = block.column_range("org_code"), self._cell("code", self.layout.years[0])
            index = self.index[year]
            formula = f"SUMPRODUCT(--({listed}={chosen}),{row_order(block).range})"
            cells[year] = Cell(0 if index is None else index + 1, formula, "count", widest=block.height)
        label = f"Position in the list of the year; 0 if this {self.scheme.organisation} is not in it"
        self._put("position", "For formulas", label, None, cells)
        row = str(self.row_of["position"])
        for place, cell in self.sheet.cells.items():
            if cell.formula:
                self.sheet.cells[place] = replace(cell, formula=cell.formula.replace(_POSITION_ROW, row))

    def _chart(self, rungs: Sequence[_LadderStep]) -> Chart:
        """Return the chart of the ladder of the last year, in whole pounds.

        Amounts are in one colour, and changes with their signs in another.
        """
        year, noun = self.layout.years[-1], self.scheme.organisation
        first, last = self.row_of[rungs[0].key], self.row_of[rungs[-1].key]
        column = self._column(year)
        values = f"{quoted(self.sheet.name)}!${column}${first}:${column}${last}"
        is_amount = tuple(place % 2 == 0 for place in range(last - first + 1))
        amounts = joined([rung.name for rung in rungs])
        return Chart(
            "bar",
            f"From {rungs[0].name} to {rungs[-1].name}, {year}",
            "Amount or change",
            "£",
            f"{quoted(self.sheet.name)}!$B${first}:$B${last}",
            {"Amount": values, "Change": values},
            f"Bars from zero for the {noun} in the blue cell, {year}: {amounts}, and the change from each to the next "
            f"with its sign. The figures are on the sheet {self.sheet.name}.",
            "£",
            wide=True,
            looks={
                "Amount": SeriesLook(COLOURS[0], label=FORMATS["£"], label_position="outside_end", has_bar=is_amount),
                "Change": SeriesLook(
                    COLOURS[1],
                    label=FORMATS["change"],
                    label_position="inside_base",
                    has_bar=tuple(not amount_bar for amount_bar in is_amount),
                ),
            },
        )


@dataclass(frozen=True, slots=True)
class _LadderStep:
    """An amount of the ladder."""

    key: str
    name: str
    columns: Columns
    figure: Callable[[OrganisationYear], float | None]
    """Gives the amount of an organisation in a year."""


def _less(
    figure: Callable[[OrganisationYear], float | None], other: Callable[[OrganisationYear], float | None]
) -> Callable[[OrganisationYear], float | None]:
    """Return a function that gives one figure of an organisation less another; None where one of them is missing."""

    def difference(organisation: OrganisationYear) -> float | None:
        left, right = figure(organisation), other(organisation)
        return None if left is None or right is None else left - right

    return difference


def _numbers(columns: Columns) -> list[float]:
    """Return the numbers in the columns of all years."""
    return [value for _, values in columns.values() for value in values if isinstance(value, int | float)]


def _widest(values: Iterable[Any], number: str) -> Any:
    """Return the widest of the values that a cell may show, in this number format; None without values."""
    values = [value for value in values if value is not None and not isinstance(value, bool)]
    texts = [value for value in values if isinstance(value, str)]
    numbers = [value for value in values if not isinstance(value, str)]
    if numbers:
        return max(max(numbers), min(numbers), key=lambda value: number_width(value, number))
    return max(texts, key=text_width, default=None)
