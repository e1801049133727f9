"""Figures that were typed over formulas on published sheets of a workbook that another version of gpit wrote."""

from __future__ import annotations

import io

import openpyxl

from gpit_fairshare.verification import DifferenceKind
from gpit_fairshare.verification.cells import WorkbookCells
from gpit_fairshare.verification.figures import find_typed_over
from gpit_fairshare.verification.model import Differences


def typed_over(rows):
    """The differences in a workbook of one sheet with these rows."""
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    content = io.BytesIO()
    book.save(content)
    differences = Differences()
    find_typed_over(WorkbookCells(content.getvalue(), 10_000_000), differences)
    return differences.kept


def published(role):
    """A sheet with a rank of its own, an amount for each of three organisations, and one of them typed over."""
    rows = [["1", "A", "=2+3"], ["2", "B", 7], ["3", "C", "=3+4"]]
    return [["Allocations"], [f"{role}. A note."], [], ["Rank", "Code", "Amount (£)"], *rows]


def test_a_number_among_formulas_is_named_by_its_row_and_heading():
    """On an Output sheet 7 in a column of formulas was typed over one; what the formula gave is not known."""
    (difference,) = typed_over(published("Output"))

    assert (difference.kind, difference.place) == (DifferenceKind.TYPED_OVER, "Sheet!C6")
    assert (difference.about, difference.found, difference.expected) == ("2 B, Amount (£)", 7, None)


def test_other_sheets_and_columns_without_formulas_are_left_alone():
    """Numbers are no difference on an Input sheet, on a reader's own sheet, or in a column that has no formula."""
    assert typed_over(published("Input")) == []
    assert typed_over([["My notes"], [], [], ["=1+1"], [7]]) == []
    assert typed_over([["Allocations"], ["Output. A note."], [], ["Rank"], [1], [2], [3]]) == []
