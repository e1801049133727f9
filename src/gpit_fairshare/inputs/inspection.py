"""What files hold, where no scheme says what is wanted of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gpit_fairshare.inputs.cells import parse_year
from gpit_fairshare.inputs.grids import Broken, is_blank
from gpit_fairshare.inputs.headings import LINE_WORDS, STRUCTURE, Headings, standard_columns
from gpit_fairshare.inputs.model import Need
from gpit_fairshare.inputs.numbers import read_number

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gpit_fairshare.inputs.model import Request, Role
    from gpit_fairshare.inputs.reading import Sheet


def years_of(sheets: Sequence[tuple[Role, Sheet]], request: Request) -> tuple[str, ...]:
    """Return the years that the files have rows for, in order."""
    found = set()
    for role, sheet in sheets:
        index = Headings(sheet, role, request).columns.get("year")
        if index is not None:
            found |= {parse_year(row[index]) for _, row in sheet.rows}
    return tuple(sorted(year for year in found if year))


def needs_of(sheets: Sequence[tuple[Role, Sheet]], request: Request) -> tuple[Need, ...]:
    """Return the columns worth looking at: patients and spend, and every other column that holds numbers.

    Patients and spend are needed in full; a cell of another column that cannot be read is a warning, since
    nobody is known to need it. Where rows are summed, columns without a unit are left alone.
    """
    needs: dict[str, Need] = {}
    for role, sheet in sheets:
        headings = Headings(sheet, role, request)
        columns = headings.columns
        lines = role == "spend" and "amount" in columns and "historic_spend" not in columns
        if lines:
            needs.setdefault("historic_spend", Need("historic_spend", "number", "£"))
        summed = lines or ("practice_code" in columns and not request.by_practice)
        for name, index in sorted(columns.items(), key=lambda pair: pair[1]):
            standard = standard_columns().get(name)
            stated = headings.unit(index)
            unit = standard.unit if standard else "£" if stated and stated.is_money else ""
            own = name in (*STRUCTURE, *LINE_WORDS, "amount") or (standard and standard.kind == "text")
            if own or name in needs or (summed and (lines or not unit)):
                continue
            if name in ("registered_population", "historic_spend"):
                needs[name] = Need(name, "number", unit)
            elif standard or _mostly_numbers([row[index] for _, row in sheet.rows], typed=sheet.typed):
                needs[name] = Need(name, "number", unit, optional=True, lenient=True)
    return tuple(needs.values())


def _mostly_numbers(cells: Sequence[Any], *, typed: bool) -> bool:
    filled = [cell for cell in cells if not is_blank(cell)]
    return sum(_is_number(cell, typed=typed) for cell in filled) * 2 > len(filled)


def _is_number(cell: Any, *, typed: bool) -> bool:
    if isinstance(cell, str):
        # A text such as 00123 in a workbook is a text because somebody wanted it so.
        return len(cell) < 40 and read_number(cell.strip()) is not None and not (typed and cell.startswith("0"))
    return isinstance(cell, int | float) and not isinstance(cell, bool | Broken)
