"""Random formulas and rows, and the exact value of each formula in fractions."""

from __future__ import annotations

import math
from decimal import Decimal, localcontext
from fractions import Fraction
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import random

import polars as pl

from gpit_fairshare.language import in_polars, tree

NOISE = Fraction(1, 2**47)


TOLERANCE = Fraction(1, 10**12)


class Undecided(Exception):  # noqa: N818 - not an error
    """Raised if floating point may or may not detect a difference."""


class Near(NamedTuple):
    """An exact number, and the largest error of a floating-point calculation of it."""

    value: Fraction
    error: Fraction = Fraction(0)


UNDEFINED = "undefined"


def evaluate(node, row):
    """The value of a formula in a row: a Near, True, False or UNDEFINED.

    `row` gives a number, text, yes/no or None (a blank cell) for each name, and for figures and last year's
    values under the text of the formula, such as `total(a)` and `previous(a)`.
    """
    match node:
        case tree.Number(value):
            return Near(Fraction(value))
        case tree.Text(value):
            return value
        case tree.Name(name):
            return cell(row, name)
        case tree.AggregateCall(function, of, None):
            return cell(row, f"{function}({of})")
        case tree.AggregateCall(function, of, within):
            return cell(row, f"{function}({of}, within={within})")
        case tree.RateOf(step):
            return cell(row, f"rate_of({step})")
        case tree.Previous(of, first):
            return evaluate(first, row) if row["first year"] else cell(row, f"previous({of})")
        case tree.IsGiven(name):
            return row[name] is not None
        case tree.Call("where", (condition, yes, no)):
            chosen = evaluate(condition, row)
            return UNDEFINED if chosen is UNDEFINED else evaluate(yes if chosen else no, row)
    parts = [evaluate(part, row) for part in below(node)]
    return UNDEFINED if any(part is UNDEFINED for part in parts) else combined(node, parts)


def cell(row, name):
    """The value of a cell; a blank cell is undefined."""
    value = row[name]
    if value is None:
        return UNDEFINED
    return value if isinstance(value, bool | str) else Near(Fraction(value))


def below(node):
    """The parts of a node whose values are all used."""
    match node:
        case tree.Negative(operand) | tree.Not(operand):
            return [operand]
        case tree.BinaryOperation(_, left, right) | tree.ComparisonOperation(_, left, right):
            return [left, right]
        case tree.Logic(_, operands):
            return list(operands)
        case tree.Call("round" | "rounddown" | "roundup", (value, _)):
            return [value]
        case tree.Call(_, arguments):
            return list(arguments)
    raise AssertionError(node)


def combined(node, parts):  # noqa: C901, PLR0912  # one branch per node of the tree
    """The value of a node whose parts are all defined."""
    match node:
        case tree.Negative():
            return Near(-parts[0].value, parts[0].error)
        case tree.Not():
            return not parts[0]
        case tree.Logic("and"):
            return all(parts)
        case tree.Logic("or"):
            return any(parts)
        case tree.ComparisonOperation(relation, tree.Text(), _) | tree.ComparisonOperation(relation, _, tree.Text()):
            return (parts[0] == parts[1]) is (relation == "==")
        case tree.ComparisonOperation(relation):
            return compared(relation, *parts)
        case tree.BinaryOperation(sign):
            return calculated(sign, *parts)
        case tree.Call("abs"):
            return Near(abs(parts[0].value), parts[0].error)
        case tree.Call("min" | "max" as function):
            chosen = {"min": min, "max": max}[function](part.value for part in parts)
            return Near(chosen, max(part.error for part in parts))
        case tree.Call("clip"):
            value, low, high = (part.value for part in parts)
            return Near(max(low, min(value, high)), max(part.error for part in parts))
        case tree.Call("round", (_, digits)):
            return half_away(parts[0], digits)
        case tree.Call("rounddown" | "roundup" as function, (_, digits)):
            return one_way(parts[0], digits, function)
        case tree.Call("ln" | "exp" | "power" as function):
            return transcendental(function, *parts)
    raise AssertionError(node)


def transcendental(function, x, n=None):
    """A logarithm or power to 40 digits, by Python's decimals; only for numbers without noise."""
    if x.error or (n is not None and n.error):
        raise Undecided
    with localcontext(prec=40):
        number, power = (Decimal(part.value.numerator) / part.value.denominator for part in (x, n or x))
        is_undefined = {
            "ln": number <= 0,
            "exp": number > 700,
            "power": (number == 0 and power <= 0) or (number < 0 and power != power.to_integral_value()),
        }
        if is_undefined[function]:
            return UNDEFINED
        value = Fraction({"ln": Decimal.ln, "exp": Decimal.exp}[function](number) if n is None else number**power)
    return Near(value, abs(value) * NOISE)


def representable(value):
    """Whether a float can represent a fraction exactly."""
    return abs(value) < 10**300 and Fraction(float(value)) == value


def calculated(sign, left, right):
    """The result of + - * or / with its possible noise."""
    (x, dx), (y, dy) = left, right
    exact = dx == dy == 0
    if sign == "*":
        value = x * y
        error = abs(x) * dy + abs(y) * dx + dx * dy
    elif sign == "/":
        if abs(y) <= dy:
            if not exact:
                raise Undecided
            return UNDEFINED
        value = x / y
        error = (dx + abs(value) * dy) / (abs(y) - dy)
    else:
        value = x + y if sign == "+" else x - y
        # Excel and LibreOffice treat the difference of two nearly equal numbers as 0.
        exact = exact and (value == 0 or abs(value) > max(abs(x), abs(y)) / 2**40)
        error = dx + dy + (0 if exact else (abs(x) + abs(y)) * NOISE)
    if exact and representable(value):
        return Near(value)
    return Near(value, error + abs(value) * NOISE)


def compared(relation, left, right):
    """A comparison as the language defines it: equal within 1e-12 · max(1, |a|, |b|)."""
    apart, margin = left.value - right.value, TOLERANCE * max(Fraction(1), abs(left.value), abs(right.value))
    doubt = left.error + right.error + margin / 2**40
    if abs(abs(apart) - margin) <= doubt:
        raise Undecided
    greater, less = apart > margin, -apart > margin
    return {
        ">": greater,
        "<": less,
        ">=": not less,
        "<=": not greater,
        "==": not greater and not less,
        "!=": greater or less,
    }[relation]


def scale_of(digits):
    """The power of ten for a number of decimals."""
    return Fraction(10) ** (-int(digits.operand.value) if isinstance(digits, tree.Negative) else int(digits.value))


def one_way(number, digits, function):
    """Round towards or away from zero; undecided if the number is next to a whole one and may not be it."""
    scale = scale_of(digits)
    size = abs(number.value) * scale
    apart = abs(size - round(size))
    if apart + number.error * scale <= size / 10**14:
        whole = round(size)
    elif apart - number.error * scale <= size / 10**12:
        raise Undecided
    else:
        whole = math.ceil(size) if function == "roundup" else math.floor(size)
    value = whole / scale * (-1 if number.value < 0 else 1)
    return Near(value, Fraction(0) if representable(value) else abs(value) * NOISE)


def half_away(number, digits):
    """Round half away from zero; undecided if the number is too close to a half."""
    scale = scale_of(digits)
    size = abs(number.value) * scale
    whole = math.floor(size + Fraction(1, 2))
    from_half = abs(size - math.floor(size) - Fraction(1, 2))
    a_half = from_half == 0 and number.error == 0 and size < 2**40
    if not a_half and from_half <= number.error * scale + size / 10**14:
        raise Undecided
    value = whole / scale * (-1 if number.value < 0 else 1)
    return Near(value, Fraction(0) if representable(value) else abs(value) * NOISE)


def expected(node, row):
    """The value, or None if floating point may or may not detect a difference."""
    try:
        return evaluate(node, row)
    except Undecided:
        return None


NUMBERS = ("a", "b", "c", "d")


OPTIONAL = ("o", "p")


FIGURES = (
    tree.AggregateCall("total", "a"),
    tree.AggregateCall("largest", "b", "region"),
    tree.AggregateCall("count", "flag"),
    tree.RateOf("b"),
)


COLUMNS = (
    *NUMBERS,
    *OPTIONAL,
    "total(a)",
    "largest(b, within=region)",
    "count(flag)",
    "rate_of(b)",
    "previous(a)",
    "previous(o)",
)


REGIONS = ("North", "NORTH", "O'Neill", 'St "Bart\'s"', "Ynys Môn", "a & b <c>", "=1+1", " North", "x_x0041_y")
"""Texts that differ only in case, blanks, quotes and accents."""


VALUES = (0, 1, -1, 2, 3, 0.5, 2.5, -2.5, 0.125, 1000, 1_000_000.25, -7, 2.0**30, 2.0**-12, 1 + 2.0**-41, 468_022)
"""All are exact in binary; 1 + 2^-41 equals 1 in the language."""


PERCENTAGES = (tree.Number(0.125, "12.5%"), tree.Number(2.5, "250%"))
"""They are exact in binary too."""


class Generator:
    """Formulas that make sense, from a source of random choices."""

    def __init__(self, choose: random.Random) -> None:
        self.choose = choose

    def number(self, depth):
        """A formula for a number, at most `depth` levels deep."""
        if depth == 0 or self.choose.random() < 0.15:
            return self.leaf()
        part, condition = lambda: self.number(depth - 1), lambda: self.yes_no(depth - 1)
        match self.choose.randrange(12):
            case 0 | 1 | 2:
                return tree.BinaryOperation(self.choose.choice("+-*"), part(), part())
            case 3 | 4:
                return tree.BinaryOperation("/", part(), part())
            case 5:
                return tree.Negative(part())
            case 6:
                return tree.Call(
                    self.choose.choice(("min", "max")), tuple(part() for _ in range(self.choose.randint(2, 3)))
                )
            case 7:
                return tree.Call("clip", (part(), part(), part()))
            case 8:
                return tree.Call("abs", (part(),))
            case 9:
                digits = self.choose.randint(-3, 4)
                places = tree.Number(float(digits)) if digits >= 0 else tree.Negative(tree.Number(float(-digits)))
                return tree.Call(self.choose.choice(("round", "rounddown", "roundup")), (part(), places))
            case _:
                return tree.Call("where", (condition(), part(), part()))

    def yes_no(self, depth):
        """A formula for a yes/no, at most `depth` levels deep."""
        if depth == 0:
            return self.choose.choice(
                (tree.Name("flag"), tree.IsGiven("o"), tree.IsGiven("p"), tree.IsGiven("region"), self.text())
            )
        condition = lambda: self.yes_no(depth - 1)  # noqa: E731 - one word for it, as above
        match self.choose.randrange(8):
            case 0 | 1 | 2 | 3:
                relation = self.choose.choice(("<", "<=", ">", ">=", "==", "!="))
                return tree.ComparisonOperation(relation, self.number(depth - 1), self.number(depth - 1))
            case 4:
                return tree.Logic(self.choose.choice(("and", "or")), (condition(), condition(), condition()))
            case 5:
                return tree.Not(condition())
            case 6:
                return tree.Call("where", (condition(), condition(), condition()))
            case _:
                return self.text()

    def text(self):
        """A comparison of a text column with a text, in either order."""
        sides = [tree.Name("region"), tree.Text(self.choose.choice(REGIONS))]
        self.choose.shuffle(sides)
        return tree.ComparisonOperation(self.choose.choice(("==", "!=")), *sides)

    def leaf(self):
        """A number, a name, a figure or last year's value."""
        match self.choose.randrange(10):
            case 0 | 1 | 2 | 3:
                return tree.Name(self.choose.choice(NUMBERS))
            case 4 | 5:
                return tree.Name(self.choose.choice(OPTIONAL))
            case 6:
                return self.choose.choice(FIGURES)
            case 7:
                return tree.Previous(
                    self.choose.choice(("a", "o")), tree.Name(self.choose.choice((*NUMBERS, *OPTIONAL)))
                )
            case _:
                return self.choose.choice((tree.Number(abs(float(self.choose.choice(VALUES)))), *PERCENTAGES))

    def row(self):
        """A value for every name; optional cells are sometimes blank."""
        row = {name: self.choose.choice(VALUES) for name in COLUMNS}
        row["region"] = self.choose.choice(REGIONS)
        for name in (*OPTIONAL, "previous(o)", "region"):
            if self.choose.random() < 0.3:
                row[name] = None
        row["flag"] = self.choose.random() < 0.5
        return row


def in_a_frame(node, rows, *, first_year):
    """(value, defined) of a formula for each row, by Polars."""
    frame = pl.DataFrame(rows, schema={**dict.fromkeys(COLUMNS, pl.Float64), "region": pl.String, "flag": pl.Boolean})
    rendered = in_polars.render(node, first_year=first_year)
    values = frame.select(value=rendered.value, defined=rendered.defined).rows()
    return values * len(rows) if len(values) == 1 else values


def agrees(number, exact):
    """Whether a number or yes/no equals the exact one, within 1e-12 and the noise of the calculation."""
    if isinstance(exact, bool) or isinstance(number, bool):
        return number is exact
    return abs(Fraction(number) - exact.value) <= exact.error + abs(exact.value) * TOLERANCE
