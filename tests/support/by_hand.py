"""Arithmetic from printed text only: read what `gpit explain` prints, and calculate it again.

Nothing from the package is used. Numbers are fractions, so equal means exactly equal.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from fractions import Fraction

TOLERANCE = Fraction(1, 10**12)
KEYS = ("formula", "that is", "numbers", "note", "test", "from", "result", "answer", "share")
FIGURES = ("total", "count", "largest", "smallest", "rate_of")
TABLES = ("lookup", "band_value", "band_sum", "band_line")
BEHIND = ("factor", "weights", "bases", "unspent", "left_over", "ahead")
_TOKENS = re.compile(
    r"""\s*(?:(?P<text>'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")"""
    r"|(?P<number>(?:GBP |£)?[0-9]+(?:,[0-9]{3})*(?:\.[0-9]+)?(?:e[+-]?[0-9]+)?%?(?![\w]))"
    r"|(?P<name>[A-Za-z_]\w*)|(?P<sign><=|>=|==|!=|[-+*/<>(),=]))"
)


# Reading formulas -----------------------------------------------------------------------------------------------


class Reader:
    """A formula of the language, or one with numbers for names, as nested tuples."""

    def __init__(self, text):
        self.tokens, at = [], 0
        while text[at:].strip():
            match = _TOKENS.match(text, at)
            assert match, f"cannot read {text[at:]!r} of {text!r}"
            self.tokens.append((match.lastgroup, match[match.lastgroup]))
            at = match.end()
        self.at = 0

    def peek(self):
        """The next token."""
        return self.tokens[self.at][1] if self.at < len(self.tokens) else None

    def take(self, expected=None):
        """Take the next token and check it, if one is expected."""
        kind, token = self.tokens[self.at]
        assert expected is None or token == expected, (token, expected)
        self.at += 1
        return kind, token

    def whole(self):
        """The whole text."""
        tree = self.joined("or")
        assert self.peek() is None, self.tokens[self.at :]
        return tree

    def joined(self, word):
        """Operands joined by `or` or `and`."""
        read = (lambda: self.joined("and")) if word == "or" else self.opposite
        sides = [read()]
        while self.peek() == word:
            self.take()
            sides.append(read())
        return sides[0] if len(sides) == 1 else (word, *sides)

    def opposite(self):
        """A yes/no, perhaps after `not`."""
        if self.peek() == "not":
            self.take()
            return "not", self.opposite()
        left = self.chain(("+", "-"))
        if self.peek() in ("<", "<=", ">", ">=", "==", "!="):
            relation = self.take()[1]
            return relation, left, self.chain(("+", "-"))
        return left

    def chain(self, signs):
        """Operands from left to right."""
        read = (lambda: self.chain(("*", "/"))) if "+" in signs else self.signed
        tree = read()
        while self.peek() in signs:
            sign = self.take()[1]
            tree = (sign, tree, read())
        return tree

    def signed(self):
        """A value, perhaps after a minus."""
        if self.peek() == "-":
            self.take()
            return "negative", self.signed()
        return self.value()

    def value(self):
        """A number, a text, a name, a call or a bracket."""
        kind, word = self.take()
        if word == "(":
            tree = self.joined("or")
            self.take(")")
            return tree
        if kind in ("number", "text") or word in ("yes", "no", "blank"):
            return "literal", word
        assert kind == "name", word
        if self.peek() != "(":
            return "name", word
        return self.call(word)

    def call(self, function):
        """A function and its arguments; figures and last year's values are names of lines."""
        self.take("(")
        arguments, named = [], {}
        while self.peek() != ")":
            if self.at + 1 < len(self.tokens) and self.tokens[self.at + 1][1] == "=":
                key = self.take()[1]
                self.take("=")
                named[key] = self.joined("or")
            else:
                arguments.append(self.joined("or"))
            if self.peek() == ",":
                self.take()
        self.take(")")
        if function in (*FIGURES, *BEHIND):
            within = f", within={named['within'][1]}" if named else ""
            return "name", f"{function}({arguments[0][1]}{within})"
        if function in TABLES:
            return "name", f"{function}({arguments[0][1]}, {arguments[1][1]})"
        if function == "previous":
            return "previous", arguments[0][1], named["first"]
        return (function, *arguments, *named.values())


def value_of(text):
    """The value of a written number, text, yes/no or blank."""
    if text in ("yes", "no"):
        return text == "yes"
    if text == "blank":
        return None
    if text[0] in "'\"":
        return text
    plain = text.replace("£", "").replace("GBP ", "").replace(",", "").removesuffix("people").removesuffix("per head")
    plain = plain.strip()
    return Fraction(plain.removesuffix("%")) / (100 if plain.endswith("%") else 1)


# Calculating ----------------------------------------------------------------------------------------------------


def rounded(function, value, digits):
    """A number rounded to the nearest, down or up.

    Printed numbers have 12 digits or more: a number as near to a whole
    one as that is the whole one.
    """
    figure = abs(value) * Fraction(10) ** digits
    if function == "round" or abs(figure - round(figure)) <= figure / 10**14:
        whole = math.floor(figure + Fraction(1, 2))
    else:
        whole = math.ceil(figure) if function == "roundup" else math.floor(figure)
    return (1 if value >= 0 else -1) * whole / Fraction(10) ** digits


def worked(tree):
    """The exact value of a formula with numbers for names."""
    match tree:
        case "literal", text:
            return value_of(text)
        case "where", condition, yes, no:
            return worked(yes if worked(condition) else no)
        case "given", of:
            return worked(of) is not None
        case ("round" | "rounddown" | "roundup") as function, value, digits:
            return rounded(function, worked(value), int(worked(digits)))
    sign, *parts = tree
    values = [worked(part) for part in parts]
    match sign:
        case "negative":
            return -values[0]
        case "not":
            return not values[0]
        case "and" | "or":
            return (all if sign == "and" else any)(values)
        case "+" | "-" | "*" | "/":
            left, right = values
            return {"+": left + right, "-": left - right, "*": left * right}[sign] if sign != "/" else left / right
        case "min" | "max":
            return {"min": min, "max": max}[sign](values)
        case "clip":
            value, low, high = values
            return max(low, min(value, high))
        case "abs":
            return abs(values[0])
    return compared(sign, *values)


def compared(relation, left, right):
    """A comparison with the tolerance of the language; texts must be identical."""
    if isinstance(left, str):
        return (left == right) is (relation == "==")
    margin = TOLERANCE * max(Fraction(1), abs(left), abs(right))
    apart = left - right
    return {
        ">": apart > margin,
        "<": -apart > margin,
        ">=": apart >= -margin,
        "<=": -apart >= -margin,
        "==": abs(apart) <= margin,
        "!=": abs(apart) > margin,
    }[relation]


def literals(tree):
    """Every written number of a tree."""
    if tree[0] == "literal":
        yield tree[1]
    for part in tree[1:]:
        if isinstance(part, tuple):
            yield from literals(part)


def signs(tree):
    """Every operator and function of a tree."""
    return {tree[0]}.union(*(signs(part) for part in tree[1:] if isinstance(part, tuple)))


def put_in(formula, numbers, printed, *, first_year):
    """Assert that each name in a formula was replaced by the value printed on the line of that name."""
    match formula:
        case "previous", of, first:
            if first_year:
                put_in(first, numbers, printed, first_year=True)
            else:
                put_in(("name", f"previous({of})"), numbers, printed, first_year=False)
            return
        case "name", name:
            text = printed[name].removesuffix(" people").removesuffix(" per head")
            expected = ("negative", ("literal", text[1:])) if text.startswith("-") else ("literal", text)
            assert numbers == expected, (name, numbers, expected)
            return
        case "literal", text if text[0] not in "'\"":
            assert value_of(numbers[1]) == value_of(text), (text, numbers)
            return
    assert formula[0] == numbers[0], (formula, numbers)
    assert len(formula) == len(numbers), (formula, numbers)
    for part, other in zip(formula[1:], numbers[1:], strict=True):
        if isinstance(part, tuple):
            put_in(part, other, printed, first_year=first_year)
        else:
            assert part == other


# Reading what is printed ----------------------------------------------------------------------------------------


@dataclass
class Printed:
    """One numbered line as printed."""

    number: int
    heading: str
    section: str
    rows: list[tuple[str, str]] = field(default_factory=list)

    def row(self, key):
        """The text of the only row with a key; None if there is none."""
        texts = [text for name, text in self.rows if name == key]
        assert len(texts) < 2
        return texts[0] if texts else None

    def all(self, key):
        """The texts of all rows with a key."""
        return [text for name, text in self.rows if name == key]


def unwrapped(text):
    """The lines before wrapping: eight or more blanks continue the line above."""
    lines = []
    for line in text.splitlines():
        if line.startswith(" " * 8) and lines:
            lines[-1] = lines[-1][:-1] + line.strip() if lines[-1].endswith("\\") else f"{lines[-1]} {line.strip()}"
        else:
            lines.append(line.rstrip())
    return lines


def read_years(text):
    """The lines of each year, and the last sentence of each year."""
    years, sentences, year, section = {}, {}, None, ""
    for line in unwrapped(text):
        heading = re.fullmatch(r"(\d{4}/\d\d)(?: \(indicative\))?", line)
        number = re.match(r" {0,3}(\d+)\. (.*)", line)
        row = re.match(rf" {{6}}({'|'.join(KEYS)}) +(.*)", line)
        if heading:
            year = heading[1]
            years[year] = []
        elif year is None or not line:
            continue
        elif number:
            years[year].append(Printed(int(number[1]), number[2], section))
        elif row:
            years[year][-1].rows.append((row[1], row[2]))
        elif re.search(r" is line \d+: ", line):
            sentences[year] = line
        elif line in ("Inputs", "Parameters", "Steps", "Checks"):
            section = line
        else:
            assert set(line) <= set("─-"), line
    return years, sentences


def name_of(heading, *, has_value):
    """The name in the last brackets of a heading, and the value after them, if any."""
    value = None
    if has_value:
        text = heading[-1] in "'\"" and re.search(r"""\): ('(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")$""", heading)
        end = text.start() if text else heading.rindex("): ")
        heading, value = heading[: end + 1], heading[end + 3 :]
    depth = 0
    for at in range(len(heading) - 1, -1, -1):
        depth += {")": 1, "(": -1}.get(heading[at], 0)
        if depth == 0:
            return heading[at + 1 : -1], value
    raise AssertionError(heading)


def recomputed(text, first):
    """Calculate every printed line again; return the answer of each year, and the number of lines calculated.

    `first` is the first year of the scheme, in which `previous` is its `first`.
    """
    years, sentences = read_years(text)
    answers, count, results = {}, 0, {}
    for year, lines in years.items():
        printed = {}
        answer = None
        for line in lines:
            count += _again(line, printed, results, first_year=year == first)
            answer = line if line.row("answer") else answer
        if answer:
            assert f"is line {answer.number}: {answer.row('answer')}" in sentences[year]
            answers[year] = value_of(answer.row("answer"))
    return answers, count


def _again(line, printed, results, *, first_year):
    """Calculate one line again and store the result by name; return whether the line has a calculation."""
    result = line.row("answer") or line.row("result")
    numbers = line.row("numbers")
    if result in ("pass", "FAIL"):
        tree = Reader(numbers).whole()
        assert worked(tree) is (result == "pass"), line
        put_in(Reader(line.row("formula")).whole(), tree, printed, first_year=first_year)
        return True
    name, value = name_of(line.heading, has_value=result is None)
    printed[name] = results[line.number] = result or value
    earlier = re.fullmatch(r"line (\d+)", line.row("from") or "")
    if earlier:
        assert name.startswith("previous(")
        assert results[int(earlier[1])] == value, line
    if numbers is None:
        return False
    tree = Reader(numbers).whole()
    formula = line.row("that is") or line.row("formula")
    again, stated = worked(tree), value_of(printed[name])
    if (line.row("formula") or "").startswith("rounded("):
        assert again == stated, line
        _rounded(line, printed)
    else:
        if formula and " of " in formula:
            assert [printed[name_of_part] for name_of_part in formula.split(" + ")] == numbers.split(" + "), line
        elif formula:
            put_in(Reader(formula).whole(), tree, printed, first_year=first_year)
        _agrees(again, stated, tree, line)
    for test in line.all("test"):
        _tested(test)
    share = line.row("share")
    if share:
        parts, percent = share.split(" = ")
        assert parts.startswith(f"{printed[name]} / "), line
        _agrees(worked(Reader(parts).whole()), value_of(percent), Reader(parts).whole(), line)
    return True


def _agrees(again, stated, tree, line):
    """Assert that a value is the stated one, within 1e-11 and the floating-point noise of its numbers."""
    if isinstance(stated, bool):
        assert again is stated, line
        return
    sizes = [abs(value_of(text)) for text in literals(tree) if isinstance(value_of(text), Fraction)]
    # Only additions and subtractions can leave noise larger than the value itself.
    noise = max(sizes, default=Fraction(0)) * Fraction(1, 2**50) if signs(tree) & {"+", "-"} else 0
    assert abs(again - stated) <= abs(stated) * Fraction(1, 10**11) + noise, (again, stated, line)


def _rounded(line, printed):
    """Assert that a rounded figure has its whole units, plus one if its remainder requires it."""
    tree = Reader(line.row("formula")).whole()
    of = tree[1][1]
    (note,) = [text for text in line.all("note") if "a remainder of" in text]
    match = re.fullmatch(
        r"(.*?) is (-?[\d,]+) (?:whole pounds|whole units|units of (.*)) and a remainder of (.*)", note
    )
    to = value_of(match[3]) if match[3] else Fraction(1)
    assert match[1] == printed[of].removesuffix(" people").removesuffix(" per head")
    units = value_of(match[1]) / to
    whole = math.floor(units)
    remainder = math.floor((units - whole) * 10**6 + Fraction(1, 2))
    assert value_of(match[2]) == whole, line
    assert Fraction(match[4]) * 10**6 == remainder, line
    verdicts = [_tested(test) for test in line.all("test")]
    up = any(verdicts)
    numbers = line.row("numbers")
    assert re.fullmatch(rf"\(?{re.escape(match[2])} \+ {int(up)}\)?(?: \* .*)?", numbers), line


def _tested(test):
    """Assert that the verdict on a comparison is right; return it."""
    match = re.fullmatch(r"(.*) (<=|>=|==|!=|<|>|is) (.*): (yes|no)", test)
    assert match, test
    verdict = match[4] == "yes"
    if match[2] == "is":
        assert verdict is (not match[1].endswith(" blank")), test
        return verdict
    sides = [_last(match[1]), _last(match[3])]
    if match[1].startswith("place "):
        sides[0] = value_of(match[1].split()[1])
    assert compared(match[2], *sides) is verdict, test
    return verdict


def _last(side):
    """The value at the end of a side of a comparison."""
    match = re.search(r"""('(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|-?(?:GBP |£)?[0-9][0-9,.e+-]*%?|blank)$""", side)
    assert match, side
    return value_of(match[1])
