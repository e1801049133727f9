"""Tree → live Excel formula, in functions that Excel 2010 and LibreOffice both have.

The layout of a workbook decides in which cell each name is. This module writes the arithmetic between the cells, with
the same tolerance in comparisons and the same undefined cases as the calculation: a division by zero is an error in
Excel too, and IF does not evaluate the branch that it does not take.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

from gpit_fairshare.errors import OutputError
from gpit_fairshare.language import tree
from gpit_fairshare.language.functions import Argument, BuiltInFunction
from gpit_fairshare.language.plugin_functions import function_named

if TYPE_CHECKING:
    from collections.abc import Callable
    from fractions import Fraction

LONGEST: Final = 8_191
"""Characters that Excel allows in a formula after its equals sign; it calls a file with a longer one damaged."""
_PIECE: Final = 120
"""The longest text in one pair of quotation marks: Excel takes 255 characters, and a quotation mark counts as two."""
CONSTANTS: Final = {
    "tolerance": (
        1e-12,
        "Two figures count as equal if they differ by at most this times the larger one (times 1 if both are below 1).",
    ),
    "remainder_places": (6, "Rounding compares remainders to this many decimals."),
    "half": (0.5, "Half a unit rounds up."),
    "sums_within": (1e-9, "The same for sums of many figures."),
}
"""Names that formulas use instead of numbers, with value and meaning: a workbook gives each name a cell."""
_STRENGTH: Final = {"compare": 1, "+": 2, "-": 2, "*": 3, "/": 3, "negative": 4, "atom": 5}


class Cells(Protocol):
    """The cells of a workbook's layout, as a formula in one cell refers to them."""

    def name(self, name: str) -> str:
        """Return the cell of a name."""

    def figure(self, node: tree.AggregateCall | tree.RateOf | tree.TableCall) -> str:
        """Return the cell of a figure, such as `total(historic_spend)`, or a call that gives it."""

    def previous(self, name: str) -> str:
        """Return the cell, or the sum of cells, that hold last year's value of a name."""

    def is_optional(self, name: str) -> bool:
        """Return whether the cell of a name may be empty."""

    def number(self, value: float) -> str:
        """Return the name or cell of a number in the scheme: a formula itself has no numbers except 0 and 1."""

    def constant(self, name: str, value: float, use: str) -> str:
        """Return the name or cell of a number that a function needs; `use` says what for."""


def render(expression: tree.Expression, cells: Cells, *, first_year: bool) -> str:
    """Return the Excel formula of an expression, without its equals sign; kernels are laid out in columns elsewhere.

    In the first year `previous` is its `first`. A formula that is just a cell that may be empty gets +0, so that an
    empty cell is an error.

    Raises:
        OutputError: The formula is too long for Excel.
    """
    formula = _ExcelWriter(cells, first_year=first_year).value(expression)
    if len(formula) > LONGEST:
        raise OutputError(
            f"{tree.to_text(expression)[:60]}… takes {len(formula):,} characters in a workbook, but Excel allows "
            f"{LONGEST:,}; split it into steps"
        )
    return formula


def number(value: float) -> str:
    """Write a number as Excel reads it in a formula: `0.5`, `1E-12`."""
    return str(int(value)) if value == int(value) and abs(value) < 1e15 else repr(value).upper()


def text(value: str) -> str:
    """Write a text as Excel reads it in a formula, in quotation marks; a long one in pieces that are joined."""
    pieces = [value[start : start + _PIECE] for start in range(0, len(value), _PIECE)] or [""]
    return "&".join('"' + piece.replace('"', '""') + '"' for piece in pieces)


class _ExcelWriter:
    """Writes a formula, and the parts of it, as Excel formulas over the cells of a workbook."""

    def __init__(self, cells: Cells, *, first_year: bool) -> None:
        self.cells = cells
        self.first_year = first_year

    def text(self, expression: tree.Expression) -> str:
        """Return the Excel formula of an expression, without brackets around it."""
        return self.formula_and_strength(expression)[0]

    def bracketed(self, expression: tree.Expression, least: int) -> str:
        """Return the Excel formula of an expression, in brackets if its outermost operator binds less than `least`."""
        formula, strength = self.formula_and_strength(expression)
        return formula if strength >= least else f"({formula})"

    def formula_and_strength(self, expression: tree.Expression) -> tuple[str, int]:  # noqa: C901, PLR0912  # one branch per node of the tree
        """Return the Excel formula of an expression, and how strongly its outermost operator binds.

        The strength is a number from `_STRENGTH`, highest for a cell or a call. In the first year `previous` is its
        `first`.

        Raises:
            TypeError: The formula is a kernel.
        """
        atom = _STRENGTH["atom"]
        match expression:
            case tree.Number(value):
                return self.cells.number(value), atom
            case tree.Text(value):
                return text(value), atom
            case tree.Name(name):
                return self.cells.name(name), atom
            case tree.Figure():
                return self.cells.figure(expression), atom
            case tree.Previous(of, first):
                if self.first_year:
                    return self.formula_and_strength(first)
                cell = self.cells.previous(of)
                return cell, _STRENGTH["+"] if "+" in cell else atom
            case tree.Negative(operand):
                return "-" + self.bracketed(operand, _STRENGTH["negative"]), _STRENGTH["negative"]
            case tree.BinaryOperation(operator, left, right):
                strength = _STRENGTH[operator]
                return self.bracketed(left, strength) + operator + self.bracketed(right, strength + 1), strength
            case tree.ComparisonOperation():
                return self.comparison(expression), _STRENGTH["compare"]
            case tree.Logic(operator, operands):
                return f"{operator.upper()}({','.join(map(self.text, operands))})", atom
            case tree.Not(operand):
                return f"NOT({self.text(operand)})", atom
            case tree.IsGiven(name):
                return f'({self.cells.name(name)}<>"")', atom
            case tree.Call():
                return self.call(expression), atom
            case tree.ShareOut() | tree.Rounded() | tree.Rank() | tree.RunningTotal():
                raise TypeError("a kernel is a whole step; it is laid out in columns")

    def comparison(self, expression: tree.ComparisonOperation) -> str:
        """Return the Excel formula of a comparison: of numbers within the tolerance, of texts exactly.

        An optional text column gives an error where its cell is empty.
        """
        if isinstance(expression.left, tree.Text) or isinstance(expression.right, tree.Text):
            same = f"EXACT({self.text(expression.left)},{self.text(expression.right)})"
            formula = same if expression.relation == "==" else f"NOT({same})"
            column = expression.left if isinstance(expression.left, tree.Name) else expression.right
            if isinstance(column, tree.Name) and self.cells.is_optional(column.name):
                return f'IF({self.cells.name(column.name)}="",NA(),{formula})'
            return formula
        left, right = self.text(expression.left), self.text(expression.right)
        difference = (
            f"{self.bracketed(expression.left, _STRENGTH['-'])}-{self.bracketed(expression.right, _STRENGTH['-'] + 1)}"
        )
        margin = f"tolerance*MAX(1,ABS({left}),ABS({right}))"
        return {
            ">": f"({difference})>{margin}",
            ">=": f"({difference})>=-{margin}",
            "<": f"({difference})<-{margin}",
            "<=": f"({difference})<={margin}",
            "==": f"ABS({difference})<={margin}",
            "!=": f"ABS({difference})>{margin}",
        }[expression.relation]

    def call(self, expression: tree.Call) -> str:
        """Return the Excel formula of a call of a built-in or plug-in function."""
        function = function_named(expression.function)
        write = self.built_in_argument if isinstance(function, BuiltInFunction) else self.plugin_argument
        cells = [write(sort, argument) for sort, argument in function.paired(expression.arguments)]
        constants = function.constants if isinstance(function, BuiltInFunction) else {}
        return function.in_excel([*cells, *(self.cells.constant(name, *entry) for name, entry in constants.items())])

    def built_in_argument(self, sort: Argument | str | None, expression: tree.Expression) -> str:
        """Return the Excel formula of a built-in function's argument; one that may be the result becomes a `value`.

        `sort` says what the argument must be: the digits of a rounding are written as a number, anything else as a
        formula.
        """
        if sort is Argument.DIGITS:
            return self.cells.number(int(tree.written_number(expression) or 0))
        return self.value(expression) if sort in (Argument.SAME_UNIT, Argument.BRANCH) else self.text(expression)

    def plugin_argument(self, _: Argument | str | None, expression: tree.Expression) -> str:
        """Return the Excel formula of an argument of a plug-in function, in brackets unless it is one cell or call.

        A cell that may be empty gets +0 as in `value`, and then brackets.
        """
        formula = self.value(expression)
        is_atom = self.formula_and_strength(expression)[1] == _STRENGTH["atom"] and not formula.endswith("+0")
        return formula if is_atom else f"({formula})"

    def value(self, expression: tree.Expression) -> str:
        """Return the Excel formula of an expression, with +0 if it is just a cell that may have no number.

        An empty cell, and the text in place of a missing rate or a missing row of a table, are undefined: adding 0 to
        them is an error. MIN, MAX and SUM would skip them, and a reference to an empty cell would show as an empty
        cell. In the first year `previous` is the value of its `first`.
        """
        match expression:
            case tree.Previous(_, first) if self.first_year:
                return self.value(first)
            case tree.RateOf() | tree.TableCall():
                return f"{self.text(expression)}+0"
            case tree.Name(name) | tree.Previous(name, _) if self.cells.is_optional(name):
                return f"{self.text(expression)}+0"
            case _:
                return self.text(expression)


# The kernels in columns: formulas for one row, over the cells and ranges given -----------


def scaled(cell: str, to: Fraction, number_text: Callable[[float], str]) -> str:
    """Return the Excel formula for the amount in a cell as a number of units of `to` pounds.

    The amount is multiplied by the denominator of `to` and divided by its numerator: 0.01 multiplies by 100 rather than
    dividing by 0.01. Here and below `number_text` gives the name or cell of a number.
    """
    multiplied = cell if to.denominator == 1 else f"{cell}*{number_text(to.denominator)}"
    return multiplied if to.numerator == 1 else f"{multiplied}/{number_text(to.numerator)}"


def unscaled(units: str, to: Fraction, number_text: Callable[[float], str]) -> str:
    """Return the Excel formula that turns a number of units of `to` pounds back into pounds."""
    return scaled(units, 1 / to, number_text)


def whole(cell: str, to: Fraction, number_text: Callable[[float], str]) -> str:
    """Return the Excel formula for the whole units in a cell, rounded down; a remainder that rounds to 1 adds one."""
    units = scaled(cell, to, number_text)
    return f"INT({units})+INT(ROUND({units}-INT({units}),remainder_places))"


def remainder(cell: str, whole_cell: str, to: Fraction, number_text: Callable[[float], str]) -> str:
    """Return the Excel formula for what a cell has above its whole units, in units, rounded to a millionth."""
    return f"ROUND({scaled(cell, to, number_text)}-{whole_cell},remainder_places)"


def rounded_total(sum_of_cells: str, to: Fraction, number_text: Callable[[float], str]) -> str:
    """Return the Excel formula for a total in units of `to` pounds, rounded to a whole number, half up."""
    return f"INT(ROUND({scaled(sum_of_cells, to, number_text)},remainder_places)+half)"


def rank(column: str, row: int | str, last: int, first: int) -> str:
    """Return the Excel formula for a row's rank in a column, largest first; the earlier of equal rows comes first."""
    cell = f"{column}{row}"
    return f"RANK({cell},{column}${first}:{column}${last})+COUNTIF({column}${first}:{cell},{cell})-1"


def significant(cell: str, digits: str) -> str:
    """Return the Excel formula that rounds a cell to a number of significant digits."""
    return f"IF({cell}=0,0,ROUND({cell},{digits}-1-INT(LOG10(ABS({cell})))))"


def least_served(remainders: str, same: str, left: str) -> str:
    """Return the Excel formula for the smallest remainder that still gets one of the units `left`.

    That is the remainder at place `left`, from the largest. If no units are left, it is 1, which no remainder reaches.
    Here and below `same` is a condition in brackets, true on the rows of the group; empty if all rows are in one group.
    Remainders are never negative, so rows of other groups, which count as 0, get no unit.
    """
    largest = f"SUMPRODUCT(LARGE({same}*{remainders},{left}))" if same else f"LARGE({remainders},{left})"
    return f"IF({left}>0,{largest},1)"


def last_served(remainders: str, places: str, same: str, left: str, least: str) -> str:
    """Return the Excel formula for the place of the last row that gets a unit, among those with the `least` remainder.

    Larger remainders get their units first; these rows get the rest of the `left` units, from the top. `places` numbers
    the rows from the top; `same` is the condition for the rows of the group, or empty if all rows are in one group.
    """
    within = f"{same}*" if same else ""
    reach = f"{same}*({remainders}>={least})" if same else f"--({remainders}>={least})"
    return f"SUMPRODUCT(LARGE({within}({remainders}={least})*{places},SUMPRODUCT({reach})-{left}+1))"


def is_served(remainder: str, place: str, least: str, last: str) -> str:
    """Return the Excel formula for whether a row gets one of the left-over units."""
    return f"OR({remainder}>{least},AND({remainder}={least},{place}<={last}))"
