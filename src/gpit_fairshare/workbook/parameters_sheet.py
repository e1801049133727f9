"""The parameters of the scheme, each year's value in a cell that may be changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from gpit_fairshare.language import in_excel as x
from gpit_fairshare.scheme.shape import number as as_number
from gpit_fairshare.workbook.input_controls import require_number
from gpit_fairshare.workbook.layout import CHANGED, PARAMETERS, Layout, number_format
from gpit_fairshare.workbook.sheets import FIRST_ROW, NONE, Cell, Prose, Sheet, is_web

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gpit_fairshare.scheme.model import Parameter

OUTSIDE: Final = "out of bounds"
_COLUMNS: Final = (
    ("Parameter", Prose(36)),
    ("Name", 22),
    ("Year", 9),
    ("Value", 14),
    ("State", 20),
    ("Unit", 10),
    ("Minimum", 12),
    ("Maximum", 12),
    ("Value in the run", 14),
    ("Source or assumption of the value in the run", Prose(50)),
    ("Link", Prose(44)),
)


def parameters_sheet(layout: Layout) -> Sheet:
    """Return every parameter with its value, bounds, and source or assumption: a row for each year."""
    note = "Change a value in blue and the whole workbook follows; what is not within the bounds fails a check."
    sheet = Sheet(PARAMETERS, "Parameters of the scheme", note, "Input", frozen=3)
    sheet.add_headings(_COLUMNS)
    for (name, year), row in layout.parameter_rows.items():
        parameter = layout.scheme.parameters[name]
        sheet.put_row(row, _cells(layout, parameter, year, row))
        asked, bounds = f"{parameter.label}, {year}", _bounds(layout, parameter, year, row)
        require_number(sheet, f"D{row}", bounds, asked, parameter.unit)
    return sheet


def _cells(layout: Layout, parameter: Parameter, year: str, row: int) -> Iterator[Any]:
    """Yield the cells of one parameter in one year."""
    value = parameter.values[year]
    number = number_format(parameter.unit, [one.value for one in parameter.values.values()])
    in_run = "set for this run" if value.overridden else "as the scheme has it"
    yield from (parameter.label, parameter.name, year)
    yield Cell(value.value, None, number, unlocked=True)
    yield Cell(in_run, _state_formula(layout, parameter, year, row, in_run))
    yield parameter.unit or NONE
    for bound in (parameter.minimum, parameter.maximum):
        is_number = bool(bound) and bound not in layout.scheme.parameters
        yield Cell(as_number(bound) if is_number else bound or NONE, None, number)
    yield Cell(value.value, None, number)
    yield f"Source: {value.source}." if value.source else f"Assumption: {value.assumption}"
    source = value.source
    yield Cell(source.title, link=source.url) if source and is_web(source.url) else NONE


def _state_formula(layout: Layout, parameter: Parameter, year: str, row: int, in_run: str) -> str:
    """Return what says whether a value is within its bounds, and that of the run."""
    cell, (low, high) = f"$D{row}", _bounds(layout, parameter, year, row)
    beyond = [f"NOT(ISNUMBER({cell}))", *([f"{cell}<{low}"] if low else []), *([f"{cell}>{high}"] if high else [])]
    state = f'IF({cell}=$I{row},{x.text(in_run)},"{CHANGED}")'
    return f'IF(IFERROR(OR({",".join(beyond)}),TRUE),"{OUTSIDE}",{state})'


def _bounds(layout: Layout, parameter: Parameter, year: str, row: int) -> tuple[str, str]:
    """Return the bounds as formulas find them: the row's own cell, the parameter that is named, or nothing."""
    low, high = (
        layout.name_of(bound, year) if bound in layout.scheme.parameters else f"${column}{row}" if bound else ""
        for column, bound in (("G", parameter.minimum), ("H", parameter.maximum))
    )
    return low, high


def parameters_in(layout: Layout, *states: str) -> str:
    """Return how many parameters are in one of some states; an empty text if there are no parameters."""
    cells = f"{PARAMETERS}!$E${FIRST_ROW}:$E${FIRST_ROW + len(layout.parameter_rows) - 1}"
    return "+".join(f'COUNTIF({cells},"{state}")' for state in states if layout.parameter_rows)


def changed_parameters(layout: Layout) -> str:
    """Return how many parameters were changed: a value that was moved out of its bounds was changed too."""
    return parameters_in(layout, CHANGED, OUTSIDE)
