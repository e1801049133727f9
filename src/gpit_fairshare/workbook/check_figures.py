"""The figures behind a check of the scheme, as a live text: `£140,000,000 and £140,000,000`, or `211 of 211`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gpit_fairshare.language import in_excel as excel
from gpit_fairshare.language import tree
from gpit_fairshare.language.kinds import NATIONAL, kind_of
from gpit_fairshare.language.plugin_functions import without_excel
from gpit_fairshare.numbers import money
from gpit_fairshare.workbook.sheets import Cell

if TYPE_CHECKING:
    from collections.abc import Collection

    from gpit_fairshare.language.tree import Expression
    from gpit_fairshare.scheme.model import Check
    from gpit_fairshare.workbook.steps import StepWriter

_JOINED: Final = {"<=": ", at most ", "<": ", less than ", ">=": ", at least ", ">": ", more than "}
"""What is between the two sides of a comparison; `and` between sides that must be equal."""


def figures_of_check(writer: StepWriter, check: Check, index: int, failing: Collection[str]) -> Cell | None:
    """Return the figures of a check in one year; None if it compares anything but two sums of money.

    For a check of each organisation or group it is how many of them pass.

    Args:
        writer: The steps of the year, with the check written.
        check: The check.
        index: Its position among the checks.
        failing: The organisations or groups that fail it in the run.
    """
    if without_excel(check.tree):
        return None
    kind = kind_of(check.tree, writer.layout.scheme.symbols)
    if kind != NATIONAL:
        block = writer.columns.block(kind)
        cells = block.helper_range(f"check {index}")
        return Cell(f"{block.height - len(failing):,} of {block.height:,}", _passing(cells))
    match check.tree:
        case tree.ComparisonOperation("<=", tree.Call("abs", (tree.BinaryOperation("-", left, right),)), tree.Number()):
            relation = "=="
        case tree.ComparisonOperation(relation, left, right):
            right = _without_tolerance(right)
        case _:
            return None
    if not all(_is_money(writer, side) for side in (left, right)):
        return None
    joint = _JOINED.get(relation, " and ")
    refs = writer.columns.national_refs()
    texts = [money(_amount(writer, side)) for side in (left, right)]
    formulas = [_in_pounds(excel.render(side, refs, first_year=False)) for side in (left, right)]
    return Cell(joint.join(texts), f'&"{joint}"&'.join(formulas))


def _passing(cells: str) -> str:
    """Return a formula that counts the cells that are true, and all of them, as `9 of 10`."""
    return f'TEXT(SUMPRODUCT(--({cells})),"#,##0")&" of "&TEXT(ROWS({cells}),"#,##0")'


def _in_pounds(formula: str) -> str:
    """Return a formula for an amount as text in whole pounds."""
    return f'TEXT({formula},"£#,##0;-£#,##0")'


def _without_tolerance(side: Expression) -> Expression:
    """Return one side of a comparison without a number that is added to allow for rounding."""
    match side:
        case tree.BinaryOperation("+" | "-", amount, tree.Number()):
            return amount
        case _:
            return side


def _is_money(writer: StepWriter, side: Expression) -> bool:
    """Return whether one side of a comparison is a sum or difference of national amounts in £."""
    symbols = writer.layout.scheme.symbols
    match side:
        case tree.Name(name):
            return symbols[name].unit == "£"
        case tree.AggregateCall("total", of):
            return symbols[of].unit == "£"
        case tree.BinaryOperation("+" | "-", left, right):
            return _is_money(writer, left) and _is_money(writer, right)
        case _:
            return False


def _amount(writer: StepWriter, side: Expression) -> float:
    """Return the amount in £ of one side of a comparison in the run, as `_is_money` accepts it."""
    match side:
        case tree.BinaryOperation(operator, left, right):
            sign = 1 if operator == "+" else -1
            return _amount(writer, left) + sign * _amount(writer, right)
        case _:
            return float(writer.columns.now.national(tree.to_text(side)))
