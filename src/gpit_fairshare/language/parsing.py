"""Text → tree, with Python's own `ast` and a white list of nodes; nothing is ever evaluated.

Characters and brackets are checked first, because Python ignores comments and reads `ﬁ` in a name as `fi`. Anything
not in the lists is refused, with the position of the character and what to write instead. A formula may have 1,000
characters and 32 levels.
"""

from __future__ import annotations

import ast
import math
import re
import unicodedata
import warnings
from typing import TYPE_CHECKING

from gpit_fairshare import plugins
from gpit_fairshare.errors import FormulaError
from gpit_fairshare.language import tree
from gpit_fairshare.language.functions import (
    BUILT_INS,
    FUNCTIONS,
    Aggregate,
    Argument,
    Function,
    SpecialForm,
    TableFunction,
)
from gpit_fairshare.language.other_languages import advice_for
from gpit_fairshare.language.plugin_functions import find_function, function_named, function_names, function_problems
from gpit_fairshare.words import nearest

if TYPE_CHECKING:
    from collections.abc import Sequence

LONGEST = 1_000
DEEPEST = 32
MOST_SIGNS = 150
"""Signs + - * / in one formula: a long chain is a deep tree, which needs a lot of stack."""
LARGEST = 1_500
"""Nodes of a rendered formula; nested comparisons double their number at each level."""
LONGEST_TEXT = 255
"""Excel allows no longer text in a formula."""

_QUOTED = re.compile(r"""'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*\"""")
_PIECES = re.compile(
    rf"(?P<text>{_QUOTED.pattern})|(?P<opened>[(\[{{])|(?P<closed>[)\]}}])"
    r"|(?P<thousands>(?<![\w.])[1-9][0-9]{0,2}(?:,[0-9]{3})+(?!\w))"
    r"|(?P<percentage>(?<![\w.])(?:[0-9][0-9_]*\.?[0-9_]*|\.[0-9][0-9_]*)(?:[eE][+-]?[0-9]+)?[ \t\r\n]*%)"
    r"|(?P<percent>%)"
    r"|(?P<strange>[^A-Za-z0-9_ \t\r\n.,:;+\-*/%@&|^~<>=!])"
)
_OPERAND = re.compile(r"[ \t\r\n]*(?!(?:and|or|not|in|is|if|else|for)\b)(?=\w)")
"""Comes after a percentage where a sign is missing."""
_PARTNERS = {")": "(", "]": "[", "}": "{"}
_UNFINISHED = re.compile(r"([<>=!]=|[-+*/<>]|\b(?:and|or|not))\s*$")
_ONE_LINE = str.maketrans("\t\r\n", "   ")
_TYPED = {
    **dict.fromkeys("“”„«»", '"'),
    **dict.fromkeys("‘’`´", "'"),
    **dict.fromkeys("–—−", "-"),
    "×": "*",
    "÷": "/",
    "≤": "<=",
    "≥": ">=",
    "≠": "!=",
    "\\": "the formula without it; a formula may run over several lines",
    "#": "comments in the step's note",
    "$": "names instead of cells",
    "£": "amounts without it and put the unit in the step's unit",
}
"""What to write instead of characters that word processors, spreadsheets and habits produce."""

_ARITHMETIC: dict[type[ast.operator], tree.Arithmetic] = {
    ast.Add: "+",
    ast.Sub: "-",
    ast.Mult: "*",
    ast.Div: "/",
}
_RELATIONS: dict[type[ast.cmpop], tree.Relation] = {
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
    ast.Eq: "==",
    ast.NotEq: "!=",
}
_REFUSED: dict[type[ast.AST], str] = {
    ast.Attribute: "a dot is not part of the language; write a plain name",
    ast.Subscript: "square brackets are not part of the language; write a plain name",
    ast.Lambda: "lambda is not part of the language",
    **dict.fromkeys(
        (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp), "comprehensions are not part of the language"
    ),
    ast.Tuple: "a comma can only separate the arguments of a function",
    ast.List: "square brackets are not part of the language",
    **dict.fromkeys((ast.Set, ast.Dict), "curly brackets are not part of the language"),
    ast.IfExp: "write where(condition, yes, no) instead of if and else",
    ast.UnaryOp: "the only sign allowed in front of a value is a minus",
    ast.JoinedStr: "a formatted text is not part of the language",
    ast.NamedExpr: "write each named figure as a step of its own",
    ast.Starred: "a star is not part of the language",
}
_NO_OPTIONS = {"rate_of": "it gives a rate for each group if the share_out has within"}
"""What a function without options says of one that is written."""
_REFUSED_SIGNS = {
    ":=": _REFUSED[ast.NamedExpr],
    "<>": "write != for not equal",
    "=>": "write >= instead of =>",
    "=<": "write <= instead of =<",
}


def parse(text: str) -> tree.Expression:
    """Return the tree of one formula, given its text.

    Raises:
        FormulaError: The text is not a formula of the language, is too long, is nested too deeply, or would become too
            large in a workbook or in Polars; with a position in the text, except for the last.
    """
    if len(text) > LONGEST:
        message = f"the formula has {len(text):,} characters; at most {LONGEST:,} are allowed; split it into steps"
        raise FormulaError(message, LONGEST + 1)
    if not text.strip():
        raise FormulaError("the formula is empty; expected a name, a number or a function", 1)
    # Excel users write an equals sign first: name it instead of saying "invalid syntax".
    if text.lstrip().startswith("="):
        raise FormulaError("leave out the = at the start", text.index("=") + 1)
    _check_characters(text)
    # A formula may run over several lines in TOML. On one line, its columns have one count.
    source = text.translate(_ONE_LINE)
    start = len(source) - len(source.lstrip())
    try:
        with warnings.catch_warnings():
            # "is" with a literal and the like are refused below, in our own words
            warnings.simplefilter("ignore")
            # With a line end, Python knows the column of anything missing at the end.
            body = ast.parse(_PIECES.sub(_without_percent, source)[start:] + "\n", mode="eval").body
    except SyntaxError as fault:
        raise FormulaError(*_syntax_error_message(fault, source, start)) from None
    except (MemoryError, RecursionError):
        raise FormulaError(_TOO_DEEP, 1) from None
    except ValueError as fault:
        raise FormulaError(f"this is not a formula ({fault})", 1) from None
    expression = _Reader(source, start).read(body)
    if _rendered_size(expression) > LARGEST:
        raise FormulaError(
            "too many comparisons and rounds are nested in one another; make the inner ones steps of their own"
        )
    return expression


_TOO_DEEP = f"the formula is nested too deeply; at most {DEEPEST} levels are allowed; split it into steps"
_EXPECTED = "expected names, numbers, + - * /, comparisons and functions"


def _check_characters(text: str) -> None:
    """Refuse characters and brackets that cannot be in a formula, before it is parsed.

    These are characters that are not in the language, brackets and quotation marks without a partner, quoted texts that
    cannot be printed, numbers with commas between thousands, which would be read as two arguments, and a % that is not
    after a number, or has another value after it.

    Raises:
        FormulaError: There is one, at its position.
    """
    opened: list[re.Match[str]] = []
    for piece in _PIECES.finditer(text):
        token, place = piece[0], piece.start() + 1
        match piece.lastgroup:
            case "text":
                _check_text(token, place)
            case "opened":
                opened.append(piece)
            case "closed":
                if not opened or opened.pop()[0] != _PARTNERS[token]:
                    raise FormulaError(f"the bracket {token} has no partner", place)
            case "thousands":
                # Python reads two arguments: max(0, cost - 1,000) would subtract £1.
                plain = token.replace(",", "")
                message = f"write {plain} instead of {token}; between two arguments, put a space after the comma"
                raise FormulaError(message, place + token.index(","))
            case "percentage":
                if operand := _OPERAND.match(text, piece.end()):
                    message = (
                        f"write a sign such as * after {''.join(token.split())}; % gives no remainder of a division"
                    )
                    raise FormulaError(message, operand.end() + 1)
            case "percent":
                message = "% is only for a number, such as 60%; write x / 100 for x%; there is no sign for a remainder"
                raise FormulaError(message, place)
            case _:
                raise FormulaError(_unknown_character_message(token), place)
    if opened:
        raise FormulaError(f"the bracket {opened[-1][0]} has no partner", opened[-1].start() + 1)


def _without_percent(piece: re.Match[str]) -> str:
    """Return a piece of a formula for Python, which reads % as the remainder of a division: `60 %` becomes `060j`.

    That is an imaginary number, which binds like any number and is as long, so that positions stay right.
    """
    percentage: str | None = piece["percentage"]
    return f"{percentage[:-1].rstrip()}j".rjust(len(percentage), "0") if percentage else piece[0]


def _unknown_character_message(character: str) -> str:
    """Return the message that refuses a character outside the language, or a quotation mark without a partner.

    It says what to write instead: `-` for a long dash, for instance.
    """
    if character in "\"'":
        return "the quotation mark has no partner on its line"
    if not character.isprintable():
        code = f"U+{ord(character):04X}"
        return f"the character {code} is not part of the language; write a plain space or nothing"
    instead = _TYPED.get(character, "names with letters a to z, digits and _")
    return f"the character {character} is not part of the language; write {instead}"


def _check_text(text: str, place: int) -> None:
    """Refuse a quoted text that a workbook cannot hold; `place` is its position in the formula.

    Raises:
        FormulaError: It has a character that cannot be printed.
    """
    if any(unicodedata.category(character) in ("Cc", "Cs", "Cn") for character in text):
        raise FormulaError("a quoted text holds a character that cannot be printed", place)


def _syntax_error_message(fault: SyntaxError, source: str, start: int) -> tuple[str, int]:
    """Return a message for a syntax error that Python found, in our own words, and its position in the formula.

    Python's own words differ between versions. `source` is the formula on one line, with `start` blanks before it.
    """
    reason = (fault.msg or "").lower()
    place = max(1, min(start + (fault.offset or 1), len(source.rstrip())))
    remaining = source[place - 1 :]
    if "too many nested" in reason:
        return _TOO_DEEP, place
    if (ending := _UNFINISHED.search(source)) and not remaining[1:].strip():
        return f"the formula ends after {ending[1]}; expected a name, a number or a function", place
    for sign, message in _REFUSED_SIGNS.items():
        if remaining.startswith(sign):
            return message, place
    if remaining.startswith("=") or "'=='" in reason or '"=="' in reason or "cannot assign" in reason:
        single = re.search(r"(?<![=<>!])=(?!=)", remaining)
        message = "write == to compare; a step's name goes in `name`, not in its formula"
        return message, place + (single.start() if single else 0)
    keyword = re.match(r"(if|and|or)\s*\(", remaining)
    if keyword:  # functions of Excel
        return _unknown_function_message(keyword[1]), place
    if "positional argument follows" in reason:
        return "named options come last; write == to compare", place
    return f"this is not a formula; {_EXPECTED}", place


def _unknown_function_message(function: str) -> str:
    """Return the message for a function that does not exist: what to write instead, or the functions that exist.

    It also lists broken plug-ins, because one of them may have the function, and says so if plug-ins are left out.
    """
    advice, names = advice_for(function).replace("`", ""), [*FUNCTIONS, *function_names()]
    hint = advice or f"the functions are {', '.join(names)}"
    near = "" if advice else nearest(function, names)
    broken = "".join(f"; {problem}" for problem in function_problems())
    left_out = "" if plugins.are_allowed() else "; plug-ins are left out by --no-plugins"
    return f"there is no function {function}{near}; {hint}{broken}{left_out}"


def _rendered_size(expression: tree.Expression) -> int:
    """Return the number of nodes of a formula when rendered.

    The sides of a comparison count twice, and a function may write an argument more than once, so nested ones multiply.
    """
    copies = 2 if isinstance(expression, tree.ComparisonOperation) else 1
    if isinstance(expression, tree.Call):
        copies = function_named(expression.function).copies
    return 1 + copies * sum(_rendered_size(child) for child in tree.children(expression))


class _Reader:
    """Turns Python's tree of a formula into ours, or refuses what is not in the language, with its position."""

    def __init__(self, source: str, start: int) -> None:
        """Prepare to read a formula from its text on one line; `start` is the number of blanks before it."""
        self.source = source
        self.start = start
        self.encoded = source[start:].encode()
        self.signs = 0

    def place(self, column: int) -> int:
        """Return the position in the formula, in characters from 1, of a column that `ast` counts in bytes of UTF-8."""
        return self.start + len(self.encoded[:column].decode()) + 1

    def position(self, node: ast.expr | ast.keyword) -> int:
        """Return the position of the first character of a node."""
        return self.place(node.col_offset)

    def after(self, node: ast.expr) -> int:
        """Return the position of the first character after a node that is not a blank or a closing bracket."""
        end = self.place(node.end_col_offset or 0) - 1
        remaining = self.source[end:]
        return end + len(remaining) - len(remaining.lstrip(" )")) + 1

    def source_text(self, node: ast.expr) -> str:
        """Return the text of a node in the formula."""
        return self.source[self.position(node) - 1 : self.place(node.end_col_offset or 0) - 1]

    def fault(self, node: ast.expr | ast.keyword, message: str) -> FormulaError:
        """Return an error with a message about a node, at its position."""
        return FormulaError(message, self.position(node))

    def read(self, node: ast.expr, level: int = 1) -> tree.Expression:
        """Return our tree of a node of Python's tree; at level 1 it is the whole step.

        A node that is not in the language, or is nested too deeply, is refused.
        """
        if level > DEEPEST:
            raise self.fault(node, _TOO_DEEP)
        position = self.position(node)
        match node:
            case ast.Constant():
                return self.constant(node)
            case ast.Name(id=name):
                return tree.Name(self.name(node, name), position=position)
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return tree.Negative(self.read(operand, level + 1), position=position)
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                return tree.Not(self.read(operand, level + 1), position=position)
            case ast.BinOp():
                return self.arithmetic(node, level)
            case ast.BoolOp(op=operator, values=values):
                operands = tuple(self.read(value, level + 1) for value in values)
                return tree.Logic("and" if isinstance(operator, ast.And) else "or", operands, position=position)
            case ast.Compare():
                return self.comparison(node, level)
            case ast.Call():
                return self.call(node, level)
            case _:
                raise self.refusal(node, level)

    def refusal(self, node: ast.expr, level: int) -> FormulaError:
        """Return the error for a node of a type that is not in the language, at the character that shows it.

        An error in what comes before a dot, a square bracket or a comma is further left and is raised instead.
        """
        message = _REFUSED.get(type(node), f"this is not part of the language; {_EXPECTED}")
        match node:
            case ast.Attribute(value=before) | ast.Subscript(value=before) | ast.Tuple(elts=[before, *_]):
                self.read(before, level + 1)  # an error further left comes first
                return FormulaError(message, self.after(before))
            case _:
                return self.fault(node, message)

    def arithmetic(self, node: ast.BinOp, level: int) -> tree.Expression:
        """Return the tree of a chain such as a + b - c, read in a loop, because a long sum counts as one level.

        Raises:
            FormulaError: There are too many signs, or a sign is not in the language.
        """
        chain: list[ast.BinOp] = []
        first: ast.expr = node
        while isinstance(first, ast.BinOp):
            chain.append(first)
            first = first.left
        self.signs += len(chain)
        if self.signs > MOST_SIGNS:
            raise self.fault(node, f"the formula has more than {MOST_SIGNS} signs + - * /; split it into steps")
        result = self.read(first, level + 1)
        for link in reversed(chain):
            sign = _ARITHMETIC.get(type(link.op))
            if sign is None:
                raise FormulaError(
                    "only + - * / are part of the language; ** and the like are not", self.after(link.left)
                )
            result = tree.BinaryOperation(sign, result, self.read(link.right, level + 1), position=self.position(link))
        return result

    def name(self, node: ast.expr, name: str) -> str:
        """Return a name, unless it is the name of a function, which is refused."""
        if name in FUNCTIONS:
            raise self.fault(node, f"{name} is a function; write {name}(…)")
        return name

    def constant(self, node: ast.Constant) -> tree.Expression:
        """Return the number or text of a constant; anything else, such as True or an infinite number, is refused."""
        value, position = node.value, self.position(node)
        if isinstance(value, str):
            return tree.Text(self.quoted(node, value), position=position)
        text = self.source_text(node)
        percentage = "".join(text.split()) if text.endswith("%") else ""
        if isinstance(value, bool) or not (percentage or isinstance(value, int | float)):
            raise self.fault(node, f"{text} is not part of the language; expected a number or a name")
        digits, _, power = percentage.removesuffix("%").lower().partition("e")
        # From its text, so that a whole number too large for a float becomes infinite, and 7% is exactly 0.07.
        number = float(f"{digits}e{int(power or 0) - 2}" if percentage else str(value))
        if not math.isfinite(number):
            raise self.fault(node, "the number is too large")
        return tree.Number(number, percentage, position=position)

    def quoted(self, node: ast.Constant, value: str) -> str:
        """Return a quoted text if a workbook can hold it; two adjacent texts, which Python would join, are refused."""
        if not _QUOTED.fullmatch(self.source_text(node)):
            raise self.fault(node, "write a text in one pair of quotation marks, with nothing next to it")
        if len(value) > LONGEST_TEXT:
            raise self.fault(node, f"the text has {len(value)} characters; {LONGEST_TEXT} are allowed, as in Excel")
        _check_text(value, self.position(node))
        return value

    def comparison(self, node: ast.Compare, level: int) -> tree.ComparisonOperation:
        """Return the tree of a comparison of two values.

        Raises:
            FormulaError: There is more than one comparison, or it is `in` or `is`.
        """
        if len(node.ops) > 1:
            raise FormulaError("one comparison at a time; join two with `and`", self.after(node.comparators[0]))
        relation = _RELATIONS.get(type(node.ops[0]))
        if relation is None:
            message = "the comparisons are < <= > >= == !=; `in` and `is` are not part of the language"
            raise FormulaError(message, self.after(node.left))
        left, right = (self.read(side, level + 1) for side in (node.left, node.comparators[0]))
        return tree.ComparisonOperation(relation, left, right, position=self.position(node))

    def call(self, node: ast.Call, level: int) -> tree.Expression:
        """Return the tree of a call: a function of numbers, a figure over organisations, or a special form.

        An unknown function, a kernel that is not the whole step, wrong arguments or options, and digits of a rounding
        that are not a whole number from -9 to 9 are refused.

        Raises:
            FormulaError: Something other than a function comes before the bracket.
        """
        if not isinstance(node.func, ast.Name):
            self.read(node.func, level + 1)  # reports anything in it that is not in the language
            raise FormulaError("only a function can come before a bracket; write * to multiply", self.after(node.func))
        function = node.func.id
        added = find_function(function)
        entry = added.function if added else BUILT_INS.get(function)
        if entry is None:
            raise self.fault(node, _unknown_function_message(function))
        options = self.options(node, function, entry.options)
        position = self.position(node)
        if isinstance(entry, SpecialForm) and entry.is_whole_step and level > 1:
            raise self.fault(node, f"{function} must be a whole step; make it a step and use that step's name")
        self.check_count(node, function, *entry.limits, entry.options)
        match entry:
            case Function():
                arguments = tuple(self.read(argument, level + 1) for argument in node.args)
                for argument, (sort, read) in zip(node.args, entry.paired(arguments), strict=True):
                    if sort is Argument.DIGITS and tree.written_number(read) not in range(-9, 10):
                        raise self.fault(argument, f"the digits of {function} must be a whole number from -9 to 9")
                return tree.Call(function, arguments, position=position)
            case Aggregate():
                of = self.plain_name(node.args[0], f"{function} takes a plain name; make the formula a step of its own")
                within, within_place = self.within_column(options)
                return tree.AggregateCall(
                    function, of, within, self.position(node.args[0]), within_place, position=position
                )
            case TableFunction():
                table = self.plain_name(node.args[0], f"{function} takes the name of a table first")
                column = self.plain_name(
                    node.args[1], f"{function} takes a plain name; make the formula a step of its own"
                )
                places = [self.position(argument) for argument in node.args]
                return tree.TableCall(function, table, column, *places, position=position)
        return self.special_form(node, function, options, level)

    def special_form(self, node: ast.Call, function: str, options: dict[str, ast.expr], level: int) -> tree.Expression:
        """Return the tree of a call of `given`, `rate_of`, `previous` or a kernel; wrong arguments are refused."""
        position, argument = self.position(node), node.args[0]
        match function:
            case "given":
                name = self.plain_name(argument, "given takes the name of an input column")
                return tree.IsGiven(name, self.position(argument), position=position)
            case "rate_of":
                step = self.plain_name(argument, "rate_of takes the name of a share_out step")
                return tree.RateOf(step, self.position(argument), position=position)
            case "previous":
                if "first" not in options:
                    raise self.fault(node, "previous needs its value in the first year: previous(x, first=y)")
                name = self.plain_name(argument, "previous takes a plain name; make the formula a step of its own")
                first = self.read(options["first"], level + 1)
                return tree.Previous(name, first, self.position(argument), position=position)
        return self.kernel(node, function, options)

    def kernel(self, node: ast.Call, function: str, options: dict[str, ast.expr]) -> tree.Kernel:
        """Return the tree of a call of a kernel, which is a whole step; wrong arguments are refused."""
        position, argument = self.position(node), node.args[0]
        within, within_place = self.within_column(options)
        own_step = f"make {self.source_text(argument)} a step of its own"
        match function:
            case "rounded":
                of = self.leaf(argument, function)
                if not isinstance(of, tree.Name):
                    raise self.fault(argument, "rounded takes the name of a step")
                to = self.leaf(options["to"], function) if "to" in options else tree.Number(1.0)
                if not isinstance(to, tree.Number) or to.percentage or to.value <= 0:
                    raise self.fault(options["to"], "`to` must be a number of pounds above 0, such as 1, 0.01 or 1000")
                return tree.Rounded(of, to.value, within, within_place, position=position)
            case "rank":
                of = self.named(argument, f"rank takes the name of a column or step; {own_step}")
                return tree.Rank(of, within, within_place, position=position)
            case "running_total":
                of = self.named(argument, f"running_total takes the name of a column or step; {own_step}")
                message = "running_total needs a step that is a rank: running_total(x, by=place_in_order)"
                if "by" not in options:
                    raise self.fault(node, message)
                by = self.named(options["by"], message)
                return tree.RunningTotal(of, by, within, within_place, position=position)
            case _:
                if "by" not in options:
                    raise self.fault(node, "share_out needs weights: share_out(amount, by=weights)")
                leaves = {key: self.leaf(value, function) for key, value in options.items() if key != "within"}
                amount = self.leaf(argument, function)
                return tree.ShareOut(amount, **leaves, within=within, within_position=within_place, position=position)

    def options(self, node: ast.Call, function: str, names: Sequence[str]) -> dict[str, ast.expr]:
        """Return the named arguments of a call, by name; an unknown or repeated one is refused."""
        options: dict[str, ast.expr] = {}
        for option in node.keywords:
            if option.arg is None:
                raise self.fault(option, _REFUSED[ast.Starred])
            if option.arg not in names:
                hint = f"it has {', '.join(names)}" if names else _NO_OPTIONS.get(function, "write == to compare")
                raise self.fault(option, f"{function} has no option {option.arg}; {hint}{nearest(option.arg, names)}")
            if option.arg in options:
                raise self.fault(option, f"the option {option.arg} is given twice")
            options[option.arg] = option.value
        return options

    def leaf(self, node: ast.expr, function: str) -> tree.Name | tree.Number:
        """Return an argument that must be a name or a number, perhaps with a minus; anything else is refused."""
        read = self.read(node, DEEPEST) if isinstance(node, ast.Name | ast.Constant) else None
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub) and isinstance(node.operand, ast.Constant):
            constant = self.constant(node.operand)
            read = (
                tree.Number(
                    -constant.value, constant.percentage and f"-{constant.percentage}", position=self.position(node)
                )
                if isinstance(constant, tree.Number)
                else None
            )
        if not isinstance(read, tree.Name | tree.Number):
            raise self.fault(node, f"{function} takes names and numbers only; make the formula a step of its own")
        return read

    def plain_name(self, node: ast.expr, message: str) -> str:
        """Return an argument that must be a name; anything else is refused with `message`.

        The name of a function is refused too, with a message of its own.
        """
        if not isinstance(node, ast.Name):
            raise self.fault(node, message)
        return self.name(node, node.id)

    def named(self, node: ast.expr, message: str) -> tree.Name:
        """Return an argument that must be a name, as a tree; anything else is refused as by `plain_name`."""
        return tree.Name(self.plain_name(node, message), position=self.position(node))

    def within_column(self, options: dict[str, ast.expr]) -> tuple[str | None, int]:
        """Return the column that the option `within` names, and its position; None and 0 without the option."""
        if "within" not in options:
            return None, 0
        named = options["within"]
        return self.plain_name(named, "within takes the name of a text column"), self.position(named)

    def check_count(self, node: ast.Call, function: str, least: int, most: int, options: Sequence[str]) -> None:
        """Refuse a call that has fewer arguments than `least`, or more than `most`.

        `options` are the named options of the function; the message suggests them for the arguments that are too many.
        """
        count = len(node.args)
        if least <= count <= most:
            return
        expected = f"{least}" if least == most else f"{least} or more" if count < least else f"at most {most}"
        message = f"{function} takes {expected} argument{'s' if most > 1 else ''}, not {count}"
        if count < least:
            raise self.fault(node, message)
        if options:
            message += f"; write the others with their names, such as {options[0]}=…"
        raise self.fault(node.args[most], message)
