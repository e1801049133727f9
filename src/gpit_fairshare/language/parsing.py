"""Text → tree, by Python's own `ast` and a white list of nodes; nothing is ever evaluated.

What is not in the list is refused with the position of the offending character and what to write
instead. The limits are those of the scheme file's contract: 1,000 characters and 32 levels.
"""

from __future__ import annotations

import ast
import math
import re
import warnings
from typing import TYPE_CHECKING

from gpit_fairshare.errors import FormulaError, nearest
from gpit_fairshare.language import tree as t

if TYPE_CHECKING:
    from collections.abc import Callable

LONGEST = 1_000
DEEPEST = 32
MOST_TERMS = 150
NAME = re.compile(r"[a-z_][a-z0-9_]*", re.IGNORECASE)

_ARITHMETIC: dict[type[ast.operator], t.Arithmetic] = {
    ast.Add: "+",
    ast.Sub: "-",
    ast.Mult: "*",
    ast.Div: "/",
}
_RELATIONS: dict[type[ast.cmpop], t.Relation] = {
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
    ast.Eq: "==",
    ast.NotEq: "!=",
}
_CALLS = {"min": (2, 64), "max": (2, 64), "clip": (3, 3), "abs": (1, 1), "round": (2, 2), "where": (3, 3)}
_FIGURES = ("total", "count", "largest", "smallest")
FUNCTIONS = (*_CALLS, *_FIGURES, "given", "previous", "share_out", "rounded")

_REFUSED: dict[type[ast.AST], str] = {
    ast.Attribute: "a dot is not part of the language; write a plain name",
    ast.Subscript: "square brackets are not part of the language; write a plain name",
    ast.Lambda: "lambda is not part of the language",
    ast.ListComp: "comprehensions are not part of the language",
    ast.SetComp: "comprehensions are not part of the language",
    ast.DictComp: "comprehensions are not part of the language",
    ast.GeneratorExp: "comprehensions are not part of the language",
    ast.IfExp: "write where(condition, yes, no) instead of if and else",
    ast.JoinedStr: "a formatted text is not part of the language",
    ast.NamedExpr: "write each named figure as a step of its own",
    ast.Starred: "a star is not part of the language",
}


def parse(text: str) -> t.Expression:
    """Parse one formula.

    Raises:
        FormulaError: The text is too long or too deep, is no formula, or holds what the language
            does not; with the position of the first offending character.
    """
    if len(text) > LONGEST:
        raise FormulaError(
            f"the formula has {len(text):,} characters; {LONGEST:,} are allowed; split it into steps",
            LONGEST + 1,
        )
    # Excel users write a leading equals sign; say so rather than "invalid syntax".
    if text.lstrip().startswith("="):
        raise FormulaError("leave out the = at the start", text.index("=") + 1)
    if not text.strip():
        raise FormulaError("the formula is empty; expected a name, a number or a function", 1)
    # In brackets a formula may run over several lines, as long ones do in TOML.
    source = f"({text}\n)"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter(
                "ignore"
            )  # "is" with a literal and the like: refused below with our own words
            body = ast.parse(source, mode="eval").body
    except SyntaxError as fault:
        raise FormulaError(_syntax(fault), _offset(text, fault)) from None
    except (ValueError, MemoryError, RecursionError) as fault:
        raise FormulaError(f"this is not a formula ({fault or type(fault).__name__})", 1) from None
    # "1) + (2" would close our own bracket: then the tree begins at the bracket put in front.
    if body.lineno == 1 and body.col_offset == 0 and not isinstance(body, ast.Tuple | ast.GeneratorExp):
        raise FormulaError("a bracket has no partner", max(1, text.find(")") + 1))
    return _Reader(text).read(body)


def _syntax(fault: SyntaxError) -> str:
    said = (fault.msg or "").lower()
    if "too many nested" in said:
        return f"the formula is nested too deeply; {DEEPEST} levels are allowed; split it into steps"
    if "never closed" in said or "unmatched" in said or "does not match" in said or "eof" in said:
        return "a bracket or quotation mark has no partner"
    if "cannot assign" in said or "maybe you meant '=='" in said:
        return "a comparison is written ==; a step's name stands in `name`, not in its formula"
    return "this is not a formula; expected names, numbers, + - * /, comparisons and functions"


def _offset(text: str, fault: SyntaxError) -> int:
    lines = text.split("\n")
    line = min(fault.lineno or 1, len(lines))
    column = (fault.offset or 1) - (1 if line == 1 else 0)
    before = sum(len(one) + 1 for one in lines[: line - 1])
    return max(1, min(before + column, len(text)))


class _Reader:
    """Walks Python's tree and makes ours, or says what stands where it may not."""

    def __init__(self, text: str) -> None:
        # ast counts columns in bytes of UTF-8; people count characters.
        self.lines = [line.encode() for line in f"({text}\n)".split("\n")]
        self.lengths = [len(line.decode()) for line in self.lines]

    def position(self, node: ast.AST) -> int:
        line, column = getattr(node, "lineno", 1), getattr(node, "col_offset", 0)
        inside = len(self.lines[line - 1][:column].decode(errors="ignore"))
        before = sum(length + 1 for length in self.lengths[: line - 1])
        return before + inside  # the bracket put in front makes it count from 1

    def after(self, node: ast.expr) -> int:
        """Return the position of the first character behind a node that is neither blank nor a bracket."""
        line, column = node.end_lineno or 1, node.end_col_offset or 0
        rest = self.lines[line - 1][column:].decode(errors="ignore")
        skipped = len(rest) - len(rest.lstrip(" )"))
        before = sum(length + 1 for length in self.lengths[: line - 1])
        return before + len(self.lines[line - 1][:column].decode(errors="ignore")) + skipped

    def fault(self, node: ast.AST, message: str) -> FormulaError:
        return FormulaError(message, self.position(node))

    def read(self, node: ast.expr, level: int = 1, *, whole: bool = True) -> t.Expression:
        """Read one node; `whole` says that it is the whole step, where a kernel may stand."""
        if level > DEEPEST:
            raise self.fault(
                node, f"the formula is nested too deeply; {DEEPEST} levels are allowed; split it into steps"
            )
        place = self.position(node)

        def below(child: ast.expr) -> t.Expression:
            return self.read(child, level + 1, whole=False)

        match node:
            case ast.Constant():
                return self.constant(node)
            case ast.Name(id=name):
                return t.Name(self.name(node, name), place)
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return t.Negative(below(operand), place)
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                return t.Not(below(operand), place)
            case ast.BinOp():
                return self.arithmetic(node, level)
            case ast.BoolOp(op=operator, values=values):
                word: str = "and" if isinstance(operator, ast.And) else "or"
                return t.Logic(
                    "and" if word == "and" else "or", tuple(below(value) for value in values), place
                )
            case ast.Compare():
                return self.comparison(node, below)
            case ast.Call():
                return self.call(node, below, whole=whole)
            case ast.Attribute(value=value) | ast.Subscript(value=value):
                raise FormulaError(_REFUSED[type(node)], self.after(value))
            case _:
                raise self.fault(
                    node, _REFUSED.get(type(node), f"{type(node).__name__} is not part of the language")
                )

    def arithmetic(self, node: ast.BinOp, level: int) -> t.Expression:
        """Read a chain such as a + b - c in a loop: a long sum is long, not deep."""
        chain: list[ast.BinOp] = []
        first: ast.expr = node
        while isinstance(first, ast.BinOp):
            chain.append(first)
            first = first.left
        if len(chain) > MOST_TERMS:
            raise self.fault(node, f"the formula joins more than {MOST_TERMS} terms; split it into steps")
        result = self.read(first, level + 1, whole=False)
        for link in reversed(chain):
            sign = _ARITHMETIC.get(type(link.op))
            if sign is None:
                raise FormulaError(
                    "only + - * / are part of the language; ** and the like are not", self.after(link.left)
                )
            result = t.Sum(sign, result, self.read(link.right, level + 1, whole=False), self.position(link))
        return result

    def name(self, node: ast.AST, name: str) -> str:
        if not NAME.fullmatch(name):
            raise self.fault(node, f"the name {name!r} may have letters a to z, digits and _ only")
        if name in FUNCTIONS:
            raise self.fault(node, f"{name} is a function; write {name}(…)")
        return name

    def constant(self, node: ast.Constant) -> t.Expression:
        value, place = node.value, self.position(node)
        if isinstance(value, str):
            return t.Text(value, place)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self.fault(node, f"{value!r} is not part of the language; expected a number or a name")
        try:
            number = float(value)
        except OverflowError:
            number = math.inf
        if not math.isfinite(number):
            raise self.fault(node, "the number is too large; numbers are finite")
        return t.Number(number, place)

    def comparison(self, node: ast.Compare, below: Callable[[ast.expr], t.Expression]) -> t.Comparison:
        if len(node.ops) > 1:
            raise self.fault(node.comparators[1], "one comparison at a time; join two with `and`")
        relation = _RELATIONS.get(type(node.ops[0]))
        if relation is None:
            raise self.fault(
                node, "comparisons are < <= > >= == !=; `in` and `is` are not part of the language"
            )
        return t.Comparison(relation, below(node.left), below(node.comparators[0]), self.position(node))

    def call(self, node: ast.Call, below: Callable[[ast.expr], t.Expression], *, whole: bool) -> t.Expression:
        if not isinstance(node.func, ast.Name):
            raise self.fault(
                node, _REFUSED.get(type(node.func), "only functions of the language can be called")
            )
        function = node.func.id
        if function not in FUNCTIONS:
            raise self.fault(
                node,
                f"there is no function {function}{nearest(function, FUNCTIONS)}; "
                f"functions are {', '.join(FUNCTIONS)}",
            )
        options = self.options(node, function)
        place = self.position(node)
        if function in _CALLS:
            self.counted(node, *_CALLS[function])
            arguments = tuple(below(argument) for argument in node.args)
            if function == "round":
                self.digits(node.args[1], arguments[1])
            return t.Call(function, arguments, place)
        if function in _FIGURES:
            self.counted(node, 1, 1)
            of = self.plain(
                node.args[0], f"{function} takes a plain name; make the formula a step of its own"
            )
            return t.Figure(function, of, self.column(options.get("within")), place)  # type: ignore[arg-type]  # one of _FIGURES
        if function == "given":
            self.counted(node, 1, 1)
            return t.Given(self.plain(node.args[0], "given takes the name of an input column"), place)
        if function == "previous":
            self.counted(node, 1, 1)
            if "first" not in options:
                raise self.fault(node, "previous needs its value in the first year: previous(x, first=y)")
            of = self.plain(node.args[0], "previous takes a plain name; make the formula a step of its own")
            return t.Previous(of, below(options["first"]), place)
        if not whole:
            raise self.fault(
                node, f"{function} is a whole step by itself; give it a step and use that step's name"
            )
        return self.kernel(node, function, options)

    def options(self, node: ast.Call, function: str) -> dict[str, ast.expr]:
        """Return the named arguments; unknown ones are refused with the nearest known name."""
        known = {
            "previous": ("first",),
            "share_out": ("by", "base", "at_least", "at_most", "within"),
            "rounded": ("to", "within"),
            **dict.fromkeys(_FIGURES, ("within",)),
        }.get(function, ())
        found: dict[str, ast.expr] = {}
        for option in node.keywords:
            if option.arg is None:
                raise self.fault(option.value, "stars are not part of the language")
            if option.arg not in known:
                names = f"; it has {', '.join(known)}" if known else "; it has none"
                raise self.fault(
                    option, f"{function} has no option {option.arg}{names}{nearest(option.arg, known)}"
                )
            found[option.arg] = option.value
        return found

    def kernel(self, node: ast.Call, function: str, options: dict[str, ast.expr]) -> t.ShareOut | t.Rounded:
        self.counted(node, 1, 1)
        place, within = self.position(node), self.column(options.get("within"))
        if function == "rounded":
            of = self.leaf(node.args[0], "rounded")
            if not isinstance(of, t.Name):
                raise self.fault(node.args[0], "rounded takes the name of a step")
            to = self.leaf(options["to"], "rounded") if "to" in options else t.Number(1.0)
            if not isinstance(to, t.Number) or to.value <= 0:
                raise self.fault(options["to"], "`to` is a number of pounds above 0, such as 1, 0.01 or 1000")
            return t.Rounded(of, to.value, within, place)
        if "by" not in options:
            raise self.fault(node, "share_out needs weights: share_out(amount, by=weights)")
        leaves = {key: self.leaf(value, "share_out") for key, value in options.items() if key != "within"}
        return t.ShareOut(self.leaf(node.args[0], "share_out"), **leaves, within=within, position=place)

    def leaf(self, node: ast.expr, function: str) -> t.Name | t.Number:
        read = self.read(node, DEEPEST, whole=False) if isinstance(node, ast.Name | ast.Constant) else None
        if (
            isinstance(node, ast.UnaryOp)
            and isinstance(node.op, ast.USub)
            and isinstance(node.operand, ast.Constant)
        ):
            constant = self.constant(node.operand)
            read = t.Number(-constant.value, self.position(node)) if isinstance(constant, t.Number) else None
        if not isinstance(read, t.Name | t.Number):
            raise self.fault(
                node, f"{function} takes names and numbers only; make the formula a step of its own"
            )
        return read

    def plain(self, node: ast.expr, message: str) -> str:
        if not isinstance(node, ast.Name):
            raise self.fault(node, message)
        return self.name(node, node.id)

    def column(self, node: ast.expr | None) -> str | None:
        return None if node is None else self.plain(node, "within takes the name of a text column")

    def counted(self, node: ast.Call, least: int, most: int) -> None:
        if not least <= len(node.args) <= most:
            function = node.func.id if isinstance(node.func, ast.Name) else "this"
            expected = f"{least}" if least == most else f"{least} or more"
            raise self.fault(
                node, f"{function} takes {expected} argument{'s' if most > 1 else ''}, not {len(node.args)}"
            )

    def digits(self, node: ast.expr, read: t.Expression) -> None:
        value = read
        if isinstance(value, t.Negative) and isinstance(value.operand, t.Number):
            value = t.Number(-value.operand.value)
        if not isinstance(value, t.Number) or value.value != int(value.value) or abs(value.value) > 9:
            raise self.fault(node, "the digits of round are a whole number from -9 to 9")
