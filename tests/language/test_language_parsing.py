from __future__ import annotations

import math
import re
from dataclasses import fields, is_dataclass, replace
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gpit_fairshare.errors import FormulaError, SchemeError
from gpit_fairshare.language import tree
from gpit_fairshare.language.functions import FUNCTIONS
from gpit_fairshare.language.parsing import parse
from gpit_fairshare.language.tree import names_in, renamed, to_text, walk


def refused(formula):
    """Return the error that a formula raises."""
    with pytest.raises(FormulaError) as caught:
        parse(formula)
    return caught.value


def without_positions(node):
    """Return the tree with every position 0, to compare trees that are written differently."""
    if isinstance(node, tuple):
        return tuple(without_positions(child) for child in node)
    if not is_dataclass(node):
        return node
    return replace(
        node,
        **{
            field.name: 0 if field.name.endswith("position") else without_positions(getattr(node, field.name))
            for field in fields(node)
        },
    )


def same(formula, expression):
    """Return whether a formula parses to the tree, except for positions."""
    return without_positions(parse(formula)) == expression


a, b, c = tree.Name("a"), tree.Name("b"), tree.Name("c")
number_1, number_2, half = tree.Number(1.0), tree.Number(2.0), tree.Number(0.5)
percent = tree.Number(0.6, "60%")


@pytest.mark.parametrize("kind", get_args(tree.Expression))
def test_every_field_that_holds_a_node_is_searched(kind):
    """The nodes below a node are those of all its fields whose annotation names a kind of node, in their order."""
    nodes, values = [], {}
    for field in fields(kind):
        is_node = re.search(r"\b(Expression|Name|Number)\b", field.type)
        values[field.name] = tree.Name(f"{field.name}_1") if is_node else 0
        if is_node and field.type.startswith("tuple"):
            values[field.name] = (values[field.name], tree.Name(f"{field.name}_2"))
        nodes += [] if not is_node else values[field.name] if field.type.startswith("tuple") else [values[field.name]]
    node = kind(**values)

    assert tree.children(node) == nodes
    assert list(walk(node)) == [node, *nodes]
    assert tree.children(tree.with_children(node, lambda child, _: tree.Negative(child))) == [
        tree.Negative(child) for child in nodes
    ]


# What is in the language --------------------------------------------------------------------------------------

READ = {
    "a + b * c": tree.BinaryOperation("+", a, tree.BinaryOperation("*", b, c)),
    "(a + b) * c": tree.BinaryOperation("*", tree.BinaryOperation("+", a, b), c),
    "a - b - c": tree.BinaryOperation("-", tree.BinaryOperation("-", a, b), c),
    "a - (b - c)": tree.BinaryOperation("-", a, tree.BinaryOperation("-", b, c)),
    "a / b / c": tree.BinaryOperation("/", tree.BinaryOperation("/", a, b), c),
    "-a * b": tree.BinaryOperation("*", tree.Negative(a), b),
    "-(a * b)": tree.Negative(tree.BinaryOperation("*", a, b)),
    "--a": tree.Negative(tree.Negative(a)),
    "a > b + c": tree.ComparisonOperation(">", a, tree.BinaryOperation("+", b, c)),
    "not a > b": tree.Not(tree.ComparisonOperation(">", a, b)),
    "a and b or c": tree.Logic("or", (tree.Logic("and", (a, b)), c)),
    "a or b and c": tree.Logic("or", (a, tree.Logic("and", (b, c)))),
    "a and b and c": tree.Logic("and", (a, b, c)),
    "a and (b and c)": tree.Logic("and", (a, tree.Logic("and", (b, c)))),
    "not a and b": tree.Logic("and", (tree.Not(a), b)),
    "a != 'North'": tree.ComparisonOperation("!=", a, tree.Text("North")),
    '"O\'Neill" == a': tree.ComparisonOperation("==", tree.Text("O'Neill"), a),
    "a == '# 1; = £ ( \"'": tree.ComparisonOperation("==", a, tree.Text('# 1; = £ ( "')),
    "a == ''": tree.ComparisonOperation("==", a, tree.Text("")),
    "a == 'N\\\\A'": tree.ComparisonOperation("==", a, tree.Text("N\\A")),
    "140_000_000": tree.Number(140_000_000.0),
    "1.5e6": tree.Number(1_500_000.0),
    ".5": half,
    "60%": percent,
    "60 %": percent,
    "2.5%": tree.Number(0.025, "2.5%"),
    ".5%": tree.Number(0.005, ".5%"),
    "1e1%": tree.Number(0.1, "1e1%"),
    "1_000%": tree.Number(10.0, "1_000%"),
    "7%": tree.Number(0.07, "7%"),
    "-60%": tree.Negative(percent),
    "60% - a": tree.BinaryOperation("-", percent, a),
    "60%-a": tree.BinaryOperation("-", percent, a),
    "60%*a": tree.BinaryOperation("*", percent, a),
    "60 % / a": tree.BinaryOperation("/", percent, a),
    "a - 60%": tree.BinaryOperation("-", a, percent),
    "60\n% - a": tree.BinaryOperation("-", percent, a),
    "max(60%, a)": tree.Call("max", (percent, a)),
    "a > 60%and b": tree.Logic("and", (tree.ComparisonOperation(">", a, percent), b)),
    "a == '60% b'": tree.ComparisonOperation("==", a, tree.Text("60% b")),
    "share_out(60%, by=-5 %)": tree.ShareOut(percent, tree.Number(-0.05, "-5%")),
    "min(a, b, c)": tree.Call("min", (a, b, c)),
    "clip(a, -1, 1)": tree.Call("clip", (a, tree.Negative(number_1), number_1)),
    "round(a, -2)": tree.Call("round", (a, tree.Negative(number_2))),
    "where(a > 0, b, c)": tree.Call("where", (tree.ComparisonOperation(">", a, tree.Number(0.0)), b, c)),
    "given(a)": tree.IsGiven("a"),
    "total(a)": tree.AggregateCall("total", "a"),
    "count(a, within=b)": tree.AggregateCall("count", "a", "b"),
    "rate_of(a)": tree.RateOf("a"),
    "a * rate_of(b) / rate_of(c)": tree.BinaryOperation(
        "/", tree.BinaryOperation("*", a, tree.RateOf("b")), tree.RateOf("c")
    ),
    "previous(a, first=b / 2)": tree.Previous("a", tree.BinaryOperation("/", b, number_2)),
    "share_out(a, by=b)": tree.ShareOut(a, b),
    "share_out(1, by=a, base=b, at_least=-1, at_most=c, within=d)": tree.ShareOut(
        number_1, a, b, tree.Number(-1.0), c, "d"
    ),
    "rounded(a)": tree.Rounded(a),
    "rounded(a, to=0.5, within=b)": tree.Rounded(a, 0.5, "b"),
    "rounddown(a, 2)": tree.Call("rounddown", (a, number_2)),
    "roundup(a, -2)": tree.Call("roundup", (a, tree.Negative(number_2))),
    "rank(a)": tree.Rank(a),
    "rank(a, within=b)": tree.Rank(a, "b"),
    "running_total(a, by=b)": tree.RunningTotal(a, b),
    "running_total(a, by=b, within=c)": tree.RunningTotal(a, b, "c"),
}


@pytest.mark.parametrize("formula", READ)
def test_formula_is_read(formula):
    """A formula is read by Python's rules of precedence, as determined by hand."""
    assert same(formula, READ[formula])


@pytest.mark.parametrize("formula", READ)
def test_formula_is_written_as_it_was_read(formula):
    """Writing a formula out and reading it again changes nothing."""
    assert same(to_text(parse(formula)), READ[formula])


@pytest.mark.parametrize(
    "formula", ["a+b", "  a + b  ", "a +\n    b", "a\n+\n\n b", "a\r\n+ b\r\n", "(a\t+\tb)", "\n(a) + ((b))"]
)
def test_blanks_and_line_ends_do_not_matter(formula):
    """A formula may run over several lines in TOML, with the line ends of any system."""
    assert same(formula, tree.BinaryOperation("+", a, b))


def test_positions_count_characters_of_the_text_as_written():
    """Names have the position of their characters, after é and an emoji and on the second line."""
    text = 'where(area == "é😀",\n  total(money, within=area),\r\n  previous(x, first=y))'
    names = [(name, place) for name, place in names_in(parse(text))]

    assert [name for name, _ in names] == ["area", "money", "area", "x", "y"]
    assert [text[place - 1 :][: len(name)] for name, place in names] == [name for name, _ in names]


@pytest.mark.parametrize(
    ("formula", "position"),
    [
        ("given(  money)", 9),
        ("largest(money)", 9),
        ("1 + rate_of(money)", 13),
        ("previous(money, first=0)", 10),
        ("rounded(money)", 9),
        ("share_out(money, by=1)", 11),
        ("share_out(1, by=1, at_most=money)", 28),
        ("share_out(1, by=1, within=money)", 27),
        ("rounded(rate, within=money)", 22),
        ("rank(money, within=area)", 6),
        ("rank(rate, within=money)", 19),
        ("running_total(money, by=place)", 15),
        ("running_total(rate, by=money)", 24),
        ("running_total(rate, by=place, within=money)", 38),
        ("total(rate, within=money)", 20),
    ],
)
def test_position_of_a_name_inside_a_function(formula, position):
    """An error points at a misspelled name inside a function, not at the function."""
    assert ("money", position) in list(names_in(parse(formula)))


def test_walk_goes_from_the_outside_in_and_left_to_right():
    """A walk visits the outermost node first, then its parts from the left."""
    assert [type(node).__name__ for node in walk(parse("min(a, -b) > total(c)"))] == [
        "ComparisonOperation",
        "Call",
        "Name",
        "Negative",
        "Name",
        "AggregateCall",
    ]


# What is not --------------------------------------------------------------------------------------------------

REFUSED = [
    # Python that is not part of the language, at the character that shows it
    ("a.b", 2, "a dot is not part"),
    ("a . b", 3, "a dot is not part"),
    ("(a).b", 4, "a dot is not part"),
    ("a.b(c)", 2, "a dot is not part"),
    ("a.__class__.__mro__", 2, "a dot is not part"),
    ("a[0]", 2, "square brackets are not part"),
    ("a[b:c]", 2, "square brackets are not part"),
    ("[a, b]", 1, "square brackets are not part"),
    ("{a: b}", 1, "curly brackets are not part"),
    ("{a, b}", 1, "curly brackets are not part"),
    ("lambda: 0", 1, "lambda is not part"),
    ("min(lambda x: x, 1)", 5, "lambda is not part"),
    ("[x for x in a]", 1, "comprehensions are not part"),
    ("{x for x in a}", 1, "comprehensions are not part"),
    ("{x: 1 for x in a}", 1, "comprehensions are not part"),
    ("a + (x for x in b)", 5, "comprehensions are not part"),
    ("1 + (a := b)", 6, "a step of its own"),
    ("a := b", 3, "a step of its own"),
    ("f'{a}'", 1, "formatted text"),
    ("b'x' == a", 1, "b'x' is not part"),
    ("u'x' == a", 1, "one pair of quotation marks"),
    ("a if b else c", 1, "where(condition, yes, no)"),
    ("(yield a)", 2, ""),
    ("await a", 1, ""),
    ("a ** 2", 3, "only + - * /"),
    ("a // 2", 3, "only + - * /"),
    ("a @ b", 3, "only + - * /"),
    ("a | b", 3, "only + - * /"),
    ("a & b", 3, "only + - * /"),
    ("a ^ 2", 3, "only + - * /"),
    ("a << 2", 3, "only + - * /"),
    ("(a + b) ** 2", 9, "only + - * /"),
    ("a\n  ** 2", 5, "only + - * /"),
    ("2 * a ** b * c", 7, "only + - * /"),
    ("~a", 1, "the only sign allowed in front of a value is a minus"),
    ("+a", 1, "the only sign allowed in front of a value is a minus"),
    ("a * +b", 5, "the only sign allowed in front of a value is a minus"),
    ("0 < a < 1", 7, "one comparison at a time"),
    ("a == b == c", 8, "one comparison at a time"),
    ("a in b", 3, "`in` and `is` are not part"),
    ("a not in b", 3, "`in` and `is` are not part"),
    ("a is b", 3, "`in` and `is` are not part"),
    ("a is not 1", 3, "`in` and `is` are not part"),
    ("True", 1, "True is not part"),
    ("where(a > 0, None, 1)", 14, "None is not part"),
    ("...", 1, "... is not part"),
    ("2 * 1j", 5, "1j is not part"),
    ("a * 1e400", 5, "the number is too large"),
    ("9" * 400, 1, "the number is too large"),
    # Functions
    ("eval(a)", 1, "there is no function eval; the functions are min, max,"),
    ("__import__('os')", 1, "there is no function __import__"),
    ("1 + mni(a, b)", 5, "did you mean min?"),
    ("1 + IF(a, b, c)", 5, "there is no function IF; write where(condition, yes, no)"),
    ("SUM(a)", 1, "write total(x)"),
    ("min(a, b)(c)", 10, "only a function can come before a bracket"),
    ("2(a + b)", 2, "only a function can come before a bracket"),
    ("min", 1, "min is a function; write min(…)"),
    ("a + total", 5, "total is a function"),
    ("where(a > 0, rounded, 1)", 14, "rounded is a function"),
    ("min(*a, b)", 5, "a star is not part"),
    ("min(a, **b)", 8, "a star is not part"),
    ("min(a)", 1, "min takes 2 or more arguments, not 1"),
    (f"max({', '.join('a' * 65)})", 197, "max takes at most 64 arguments, not 65"),
    ("abs(a, b)", 8, "abs takes 1 argument, not 2"),
    ("1 + clip(a, 0)", 5, "clip takes 3 arguments, not 2"),
    ("where(a > 0, 1)", 1, "where takes 3 arguments, not 2"),
    ("round(a)", 1, "round takes 2 arguments, not 1"),
    ("round(a, b)", 10, "a whole number from -9 to 9"),
    ("round(a, 0.5)", 10, "a whole number from -9 to 9"),
    ("round(a, 10)", 10, "a whole number from -9 to 9"),
    ("round(a, --2)", 10, "a whole number from -9 to 9"),
    ("total()", 1, "total takes 1 argument, not 0"),
    ("total(a * b)", 7, "total takes a plain name; make the formula a step of its own"),
    ("count(a > 0)", 7, "count takes a plain name"),
    ("largest('a')", 9, "largest takes a plain name"),
    ("total(a, b)", 10, "write the others with their names, such as within=…"),
    ("total(a, within='North')", 17, "within takes the name of a text column"),
    ("total(a, witin=b)", 10, "total has no option witin; it has within; did you mean within?"),
    ("given(a + 1)", 7, "given takes the name of an input column"),
    ("given(1)", 7, "given takes the name of an input column"),
    ("previous(a)", 1, "previous(x, first=y)"),
    ("rate_of(a + b)", 9, "rate_of takes the name of a share_out step"),
    ("rate_of(share_out(a, by=b))", 9, "rate_of takes the name of a share_out step"),
    ("rate_of(a, within=b)", 12, "within"),
    ("previous(a, 0)", 13, "write the others with their names, such as first=…"),
    ("previous(a + b, first=0)", 10, "previous takes a plain name"),
    ("min(a, b, key=c)", 11, "min has no option key"),
    ("where(a > 0, 1, b = 2)", 17, "write == to compare"),
    # Kernels
    ("share_out(a, b)", 14, "share_out takes 1 argument, not 2; write the others with their names, such as by=…"),
    ("share_out(a)", 1, "share_out needs weights: share_out(amount, by=weights)"),
    ("share_out(by=a)", 1, "share_out takes 1 argument, not 0"),
    ("share_out(a, by=b, at_mots=c)", 20, "did you mean at_most"),
    ("share_out(a, by=b, by=c)", 20, "the option by is given twice"),
    ("share_out(a * 2, by=b)", 11, "share_out takes names and numbers only"),
    ("share_out(a, by=-b)", 17, "share_out takes names and numbers only"),
    ("share_out(a, by='b')", 17, "share_out takes names and numbers only"),
    ("share_out(a, by=b, at_most=total(c))", 28, "share_out takes names and numbers only"),
    ("share_out(a, by=b, at_most=None)", 28, "None is not part"),
    ("share_out(a, by=b) + 1", 1, "share_out must be a whole step"),
    ("max(0, rounded(a))", 8, "rounded must be a whole step"),
    ("rounded(share_out(a, by=b))", 9, "rounded takes names and numbers only"),
    ("rounded(1)", 9, "rounded takes the name of a step"),
    ("rounded(a, to=0)", 15, "a number of pounds above 0"),
    ("rounded(a, to=-1)", 15, "a number of pounds above 0"),
    ("rounded(a, to=50%)", 15, "a number of pounds above 0"),
    ("rounded(a, to=b)", 15, "a number of pounds above 0"),
    ("rounded(a, 2)", 12, "write the others with their names, such as to=…"),
    # Rounding one way, and rows in order
    ("rounddown(a)", 1, "rounddown takes 2 arguments, not 1"),
    ("roundup(a, 1, 2)", 15, "roundup takes 2 arguments, not 3"),
    ("rounddown(a, b)", 14, "the digits of rounddown must be a whole number from -9 to 9"),
    ("roundup(a, 0.5)", 12, "the digits of roundup must be a whole number from -9 to 9"),
    ("rounddown(a, 10)", 14, "a whole number from -9 to 9"),
    ("roundup(a, 50%)", 12, "a whole number from -9 to 9"),
    ("1 + rank(a)", 5, "rank must be a whole step; make it a step and use that step's name"),
    ("-running_total(a, by=b)", 2, "running_total must be a whole step"),
    ("rounded(rank(a))", 9, "rounded takes names and numbers only"),
    ("rank(1)", 6, "rank takes the name of a column or step"),
    ("rank(a + b)", 6, "rank takes the name of a column or step; make a + b a step of its own"),
    ("rank(-a)", 6, "rank takes the name of a column or step; make -a a step of its own"),
    ("rank('a')", 6, "rank takes the name of a column or step"),
    ("rank(total)", 6, "total is a function"),
    ("rank()", 1, "rank takes 1 argument, not 0"),
    ("rank(a, b)", 9, "write the others with their names, such as within=…"),
    ("rank(a, by=b)", 9, "rank has no option by; it has within"),
    ("rate_of(a, within=b)", 12, "no option within; it gives a rate for each group if the share_out has within"),
    ("rank(a, within='b')", 16, "within takes the name of a text column"),
    ("running_total(a)", 1, "running_total needs a step that is a rank: running_total(x, by=place_in_order)"),
    ("running_total(a, by=1)", 21, "running_total needs a step that is a rank"),
    ("running_total(a, by=rank(b))", 21, "running_total needs a step that is a rank"),
    ("running_total(total(a), by=b)", 15, "takes the name of a column or step; make total(a) a step of its own"),
    ("running_total(a, to=1)", 18, "running_total has no option to; it has by, within"),
    # Habits from spreadsheets, word processors and letters
    ("= a + b", 1, "leave out the = at the start"),
    ("  =a", 3, "leave out the = at the start"),
    ("a = b", 3, "write == to compare"),
    ("a =< b", 3, "write <= instead of =<"),
    ("a <= ", 4, "the formula ends after <=; expected a name, a number or a function"),
    ("a > b and\n", 9, "the formula ends after and; expected a name, a number or a function"),
    ("fair_share = a + b", 12, "write == to compare"),
    ("where(a + b = c, 1, 2)", 13, "write == to compare"),
    ("(a = b)", 4, "write == to compare"),
    ("total(a, within=b) = c", 20, "write == to compare"),
    ("a => b", 3, "write >= instead of =>"),
    ("a <> b", 3, "write != for not equal"),
    ("a % b", 3, "% is only for a number, such as 60%; write x / 100 for x%"),
    ("a % 2", 3, "% is only for a number"),
    ("a%", 2, "% is only for a number"),
    ("(1 + 2)%", 8, "% is only for a number"),
    ("a + % 5", 5, "% is only for a number"),
    ("60%%", 4, "% is only for a number"),
    ("60% % 5", 5, "% is only for a number"),
    ("0x10%", 5, "% is only for a number"),
    ("60% b", 5, "write a sign such as * after 60%; % gives no remainder of a division"),
    ("a * 60 %\n5", 10, "write a sign such as * after 60%"),
    ("60%(a)", 4, "only a function can come before a bracket"),
    ("60% - a $ b", 9, "names instead of cells"),
    ("60 % - a b", 10, "this is not a formula"),
    ("5 % < a < b", 9, "one comparison at a time"),
    ("1,000%", 2, "write 1000 instead of 1,000"),
    ("1e400%", 1, "the number is too large"),
    ("60j", 1, "60j is not part of the language"),
    ("060j + a", 1, "060j is not part of the language"),
    ("round(a, 60%)", 10, "the digits of round must be a whole number"),
    ("round(a, 100%)", 10, "the digits of round must be a whole number"),
    ("$A$1 + a", 1, "names instead of cells"),
    ("a × b", 3, "the character × is not part of the language; write *"),
    ("a ÷ b", 3, "write /"),
    ("a – b", 3, "write -"),
    ("a − b", 3, "write -"),
    ("a ≤ b", 3, "write <="),
    ("a == “North”", 6, 'write "'),
    ("a == ‘North’", 6, "write '"),
    ("a * £2", 5, "put the unit in the step's unit"),
    ("a ? b : c", 3, "the character ? is not part"),
    ("a! + b", 2, ""),
    ("1,000", 2, "write 1000 instead of 1,000"),
    ("max(0, a - 1,000)", 13, "write 1000 instead of 1,000"),
    ("min(a, 12,000,000)", 10, "write 12000000 instead of 12,000,000"),
    ("a, b", 2, "a comma can only separate the arguments of a function"),
    ("(a, b)", 3, "a comma can only separate the arguments of a function"),
    ("a; b", 2, ""),
    ("a b", 3, ""),
    ("a\nb", 3, ""),
    ("a and", 5, ""),
    ("a +", 3, ""),
    ("a +  \n ", 3, ""),
    ("a + * b", 5, ""),
    ("min(a,, b)", 7, ""),
    ("007", 1, ""),
    ("pass", 1, ""),
    ("import os", 1, ""),
    ("class + 1", 1, ""),
    # Comments would silently drop the rest of a line
    ("a # + b", 3, "write comments in the step's note"),
    ("#", 1, "write comments in the step's note"),
    ("a == '#' # it is", 10, "write comments in the step's note"),
    ("a +  # the first\n b", 6, "write comments in the step's note"),
    ("a \\\n + b", 3, "a formula may run over several lines"),
    # Brackets and quotation marks
    ("1) + (2", 2, "the bracket ) has no partner"),
    ("a), (b", 2, "the bracket ) has no partner"),
    ("a)", 2, "the bracket ) has no partner"),
    ("(a", 1, "the bracket ( has no partner"),
    ("a + (b", 5, "the bracket ( has no partner"),
    ("min(a, (b + c)", 4, "the bracket ( has no partner"),
    ("(a + b]", 7, "the bracket ] has no partner"),
    ("a == ')' + (b", 12, "the bracket ( has no partner"),
    ("a == 'North", 6, "the quotation mark has no partner"),
    ("a == North'", 11, "the quotation mark has no partner"),
    ("a == 'North\nWest'", 6, "the quotation mark has no partner"),
    ("a == 'North' 'West'", 6, "one pair of quotation marks"),
    ("a == '''North'''", 6, "one pair of quotation marks"),
    # Names have letters a to z, digits and _: look-alikes would be two names on the screen and one in Python
    ("ﬁnal_share", 1, "the character ﬁ is not part"),
    ("a + sha\N{LATIN SMALL LETTER LONG S}e", 8, "names with letters a to z, digits and _"),
    ("\N{KELVIN SIGN}", 1, "names with letters a to z, digits and _"),
    ("a + \N{CYRILLIC SMALL LETTER A}", 5, "names with letters a to z, digits and _"),
    ("coût + a", 3, "the character û is not part"),
    ("a + b²", 6, "the character ² is not part"),
    ("previous(a, ﬁrst=b)", 13, "the character ﬁ is not part"),
    ("a\N{NO-BREAK SPACE}+ b", 2, "U+00A0 is not part of the language; write a plain space or nothing"),
    ("\N{ZERO WIDTH NO-BREAK SPACE}a", 1, "U+FEFF"),
    ("a +\N{ZERO WIDTH SPACE} b", 4, "U+200B"),
    ("a\N{LINE SEPARATOR}+ b", 2, "U+2028"),
    ("a\0", 2, "U+0000"),
    ("a +\f b", 4, "U+000C"),
    ("a + \ud800", 5, "U+D800"),
    # A text must be possible in a workbook, too
    ("a == 'x\ty'", 6, "a character that cannot be printed"),
    ("a == '\\x00'", 6, "a character that cannot be printed"),
    ("a == '\\ud800'", 6, "a character that cannot be printed"),
    ("a == '\uffff'", 6, "a character that cannot be printed"),
    (f"a == '{'x' * 256}'", 6, "255 are allowed, as in Excel"),
    # The position counts characters, not bytes, over all lines
    ('a == "é" and b.c', 15, "a dot is not part"),
    ('a == "😀" and b.c', 15, "a dot is not part"),
    ('a == "é😀" and b c', 17, ""),
    ('a == "é"\nand b.c', 15, "a dot is not part"),
    ("a +\n b.c", 7, "a dot is not part"),
    ("a +\r\n\r\n b.c", 10, "a dot is not part"),
    # Nothing at all
    ("", 1, "the formula is empty"),
    (" \n\t ", 1, "the formula is empty"),
    ("()", 1, ""),
]


@pytest.mark.parametrize(("formula", "position", "message"), REFUSED, ids=[repr(row[0])[:40] for row in REFUSED])
def test_refused_with_its_place_and_what_to_write(formula, position, message):
    """Anything that the language does not have is refused at its character, with what to write instead."""
    fault = refused(formula)

    assert message in fault.message
    assert fault.position == position


def test_named_option_before_the_argument_is_refused():
    """For Python, `where(a = b, 1, 2)` has an option before its arguments; the hint says ==."""
    assert "write == to compare" in refused("where(a = b, 1, 2)").message


def test_every_refusal_is_one_line_for_a_person():
    """No message is empty, has several lines or shows Python's names of nodes."""
    for formula, _, _ in REFUSED:
        message = str(refused(formula))

        assert message.strip()
        assert "\n" not in message
        assert not re.search(r"ast\.|\b(Tuple|UnaryOp|BinOp|IfExp|Constant|NamedExpr|Ellipsis|Error)\b", message)


def test_error_names_file_step_and_character():
    """The caller adds the file and step; the error is a SchemeError, for exit code 2."""
    fault = refused("a + b.c").at("own.toml, step share")

    assert isinstance(fault, SchemeError)
    assert str(fault).startswith("own.toml, step share, character 6: a dot is not part")


# Limits -------------------------------------------------------------------------------------------------------


def test_a_thousand_characters_and_no_more():
    """1,000 characters are read; 1,001 are refused at the first one too many, including blanks."""
    assert same("a" + " " * 999, a)

    fault = refused("a" + " " * 1000)

    assert fault.position == 1001
    assert "1,001 characters; at most 1,000 are allowed" in fault.message


LEVELS = {
    "minus": "-",
    "abs": "abs(",
    "max": "max(",
    "right operand": "1-(",
    "logic": "not ",
    "where": "where(given(b), 1, ",
}
"""The text that adds a level, by the function or sign that makes it."""


def nested(opening, levels):
    """Return a formula with this many levels; its innermost name is the last a."""
    closing = ", 1)" if opening == "max(" else ")" if "(" in opening else ""
    return opening * (levels - 1) + "a" + closing * (levels - 1)


@pytest.mark.parametrize("opening", LEVELS.values(), ids=LEVELS)
def test_thirty_two_levels_and_no_more(opening):
    """32 levels are read; in a formula of 33 the 33rd is refused where it begins."""
    parse(nested(opening, 32))
    formula = nested(opening, 33)
    first_too_deep = {"1-(": "1-(a", "where(given(b), 1, ": "given(b), 1, a"}.get(opening, "a")

    fault = refused(formula)

    assert "32 levels are allowed" in fault.message
    assert fault.position == formula.rindex(first_too_deep) + 1


@pytest.mark.parametrize("formula", ["(" * 499 + "a" + ")" * 499, "-" * 999 + "a", "not " * 249 + "a"])
def test_deep_formula_has_one_message_for_all_errors_of_python(formula):
    """Python's own parser fails in several ways on a very deep formula; all have the same message."""
    assert "nested too deeply; at most 32 levels are allowed" in refused(formula).message


def test_long_sum_is_long_and_not_deep():
    """A sum of 151 terms is read, with its signs from left to right; a longer one is refused."""
    expression = parse("a" + "-a" * 150)
    signs = 0
    while isinstance(expression, tree.BinaryOperation):
        signs, expression = signs + 1, expression.left

    assert signs == 150
    assert "more than 150 signs" in refused("a" + "-a" * 151).message


def test_long_sums_inside_one_another_are_one_long_sum():
    """The limit is for the whole formula: three nested sums of 149 signs are a tree of 450 levels."""
    formula = "a"
    for _ in range(3):
        formula = f"-({formula}{'+a' * 149})"

    assert len(formula) < 1000
    assert "more than 150 signs" in refused(formula).message


@pytest.mark.parametrize("form", ["where({}>0,1,2)", "round({},1)", "where(0=={},a,1)"])
def test_formula_that_doubles_with_each_level_is_refused(form):
    """Comparisons write both sides twice: a dozen nested ones would fill a cell thousands of times."""
    formula = "a"
    for _ in range(12):
        formula = form.format(formula)

    assert len(formula) < 200
    assert "steps of their own" in refused(formula).message


def test_comparisons_within_reason_are_read():
    """A few nested comparisons, and 120 in a row, are read."""
    parse("where(where(where(where(a>b,1,2)>0,1,2)>0,1,2)>0,1,2)")
    parse(" and ".join(["a>b"] * 120))


# Any text and any tree ----------------------------------------------------------------------------------------

PIECES = [
    *FUNCTIONS,
    *("a", "b", "fair_share", "by", "within", "first", "to", "at_most", "lambda", "if", "else", "for", "in"),
    *("is", "not", "and", "or", "True", "None", "await", "yield", "1", "0", "2.5", "1e9", "1e400", "1j", "007"),
    *("(", ")", "[", "]", "{", "}", ",", ".", ":", ";", "=", "==", "!=", "<", "<=", ">", ">=", ":=", "->", "!"),
    *("+", "-", "*", "/", "**", "//", "%", "@", "&", "|", "^", "~", "#", "\\", "'", '"', "'x'", '"é"', "f'", "b'"),
    *(" ", "\n", "\t", "\r", "\f", "\0", "é", "ﬁ", "😀", "£", "\u00a0", "\u2028", "\ud800", "\N{KELVIN SIGN}"),
]
ANY_TEXT = st.one_of(
    st.text(),
    st.text(st.characters(max_codepoint=127)),
    st.lists(st.sampled_from(PIECES), max_size=25).map("".join),
    st.lists(st.sampled_from(PIECES), max_size=25).map(" ".join),
)


def harmless(text):
    """Check that reading a text gives a tree, or a FormulaError that points into the text."""
    fault = None
    try:
        expression = parse(text)
    except FormulaError as raised:
        fault = raised
    if fault is None:
        assert without_positions(parse(to_text(expression))) == without_positions(expression)
    else:
        assert 0 <= fault.position <= len(text) + 1
        assert fault.message.strip()
        assert "\n" not in fault.message


@pytest.mark.slow
@settings(derandomize=True, deadline=None, max_examples=1500)
@given(ANY_TEXT)
def test_no_text_raises_anything_but_a_formula_error(text):
    """Any text in a file is a formula or a FormulaError; never another error."""
    harmless(text)


NAMES = st.sampled_from(["a", "b2", "_x", "fair_share", "A", "by", "within", "first", "to", "of"])
NUMBERS = st.one_of(
    st.integers(0, 10**20).map(float),
    st.floats(min_value=0, allow_nan=False, allow_infinity=False),
    st.sampled_from([0.0, 0.1, 1e16, 1e22, 5e-324, 1.7976931348623157e308]),
).map(tree.Number)
PERCENTAGES = st.decimals(0, 10**6, places=3).map(lambda number: tree.Number(float(number / 100), f"{number}%"))
TEXTS = st.text(
    st.one_of(st.sampled_from("'\"\\#éß😀 {}"), st.characters(categories=["L", "N", "P", "S", "Zs"])), max_size=6
).map(tree.Text)


ROUNDINGS = ["round", "rounddown", "roundup"]


def larger(inner):
    """Return a strategy for trees around trees."""
    return st.one_of(
        inner.map(tree.Negative),
        inner.map(tree.Not),
        st.builds(tree.BinaryOperation, st.sampled_from("+-*/"), inner, inner),
        st.builds(tree.ComparisonOperation, st.sampled_from(["<", "<=", ">", ">=", "==", "!="]), inner, inner),
        st.builds(tree.Logic, st.sampled_from(["and", "or"]), st.lists(inner, min_size=2, max_size=3).map(tuple)),
        st.builds(tree.Call, st.sampled_from(["min", "max"]), st.lists(inner, min_size=2, max_size=3).map(tuple)),
        st.builds(tree.Call, st.sampled_from(["clip", "where"]), st.tuples(inner, inner, inner)),
        st.builds(tree.Call, st.just("abs"), st.tuples(inner)),
        st.builds(
            tree.Call, st.sampled_from(ROUNDINGS), st.tuples(inner, st.integers(0, 9).map(float).map(tree.Number))
        ),
        st.builds(
            tree.Call,
            st.sampled_from(ROUNDINGS),
            st.tuples(inner, st.integers(1, 9).map(float).map(tree.Number).map(tree.Negative)),
        ),
        st.builds(tree.Previous, NAMES, inner),
    )


LEAVES = st.one_of(
    NUMBERS,
    PERCENTAGES,
    TEXTS,
    NAMES.map(tree.Name),
    NAMES.map(tree.IsGiven),
    NAMES.map(tree.RateOf),
    st.builds(
        tree.AggregateCall,
        st.sampled_from(["total", "count", "largest", "smallest"]),
        NAMES,
        st.one_of(st.none(), NAMES),
    ),
)
SIGNED = st.one_of(NAMES.map(tree.Name), NUMBERS, NUMBERS.map(lambda number: tree.Number(-number.value)))
TREES = st.one_of(
    st.recursive(LEAVES, larger, max_leaves=8),
    st.builds(
        tree.ShareOut,
        SIGNED,
        SIGNED,
        st.one_of(st.none(), SIGNED),
        st.one_of(st.none(), SIGNED),
        st.one_of(st.none(), SIGNED),
        st.one_of(st.none(), NAMES),
    ),
    st.builds(
        tree.Rounded,
        NAMES.map(tree.Name),
        st.sampled_from([0.01, 0.5, 1.0, 1000.0, 1e-07, 1e22]),
        st.one_of(st.none(), NAMES),
    ),
    st.builds(tree.Rank, NAMES.map(tree.Name), st.one_of(st.none(), NAMES)),
    st.builds(tree.RunningTotal, NAMES.map(tree.Name), NAMES.map(tree.Name), st.one_of(st.none(), NAMES)),
)


def small_enough(expression):
    """Return whether a tree is within the limits, by its text and the largest number of copies of any node."""
    text = to_text(expression)
    return (
        len(text) <= 1000 and len(re.findall(r"round(?:up|down)?\(", text)) + len(re.findall(r"[<>]|[=!]=", text)) <= 3
    )


@settings(derandomize=True, deadline=None, max_examples=600)
@given(TREES.filter(small_enough))
def test_tree_is_written_and_read_again(expression):
    """The text of a tree gives the same tree again, and each of its names is at its position."""
    text = to_text(expression)
    again = parse(text)

    assert without_positions(again) == expression
    assert [name for name, _ in names_in(again)] == [name for name, _ in names_in(expression)]
    assert all(text[place - 1 :].startswith(name) for name, place in names_in(again))


@pytest.mark.slow
@settings(derandomize=True, deadline=None, max_examples=600)
@given(TREES, st.data())
def test_a_formula_with_a_typing_error_is_read_or_refused(expression, data):
    """A formula with a character lost, doubled or replaced is a formula, or a FormulaError that points into it."""
    text = to_text(expression)[:1000]
    place = data.draw(st.integers(0, len(text)))
    harmless(text[:place] + data.draw(st.sampled_from(["", *PIECES])) + text[place + 1 :])


@settings(derandomize=True, deadline=None, max_examples=300)
@given(st.floats(min_value=0, allow_nan=False, allow_infinity=False))
def test_numbers_are_written_in_full(value):
    """The text of a number gives exactly the same number."""
    assert parse(tree.number_text(value)) == tree.Number(value, position=1)
    assert math.copysign(1, parse(tree.number_text(value)).value) == 1


def test_numbers_are_written_as_people_write_them():
    """Whole numbers have no decimal point, and no exponent up to 16 digits."""
    assert [tree.number_text(value) for value in (1.0, 0.5, 140e6, 1e15, 1e16)] == [
        "1",
        "0.5",
        "140000000",
        "1000000000000000",
        "1e+16",
    ]


# Renaming -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("formula", "expected"),
    [
        ("a + b * 2", "core_a + core_b * 2"),
        ("where(area == 'a', a, 1)", "where(core_area == 'a', core_a, 1)"),
        ("given(a) and not a > 0", "given(core_a) and not core_a > 0"),
        ("total(a, within=area)", "total(core_a, within=core_area)"),
        ("previous(a, first=b + previous(a, first=1))", "previous(core_a, first=core_b + previous(core_a, first=1))"),
        (
            "share_out(by, by=by, base=base, at_least=1, within=within)",
            "share_out(core_by, by=core_by, base=core_base, at_least=1, within=core_within)",
        ),
        ("rate_of(a) * rates", "rate_of(core_a) * core_rates"),
        ("rounded(a, to=5, within=to)", "rounded(core_a, to=5, within=core_to)"),
        ("rank(a, within=within)", "rank(core_a, within=core_within)"),
        ("running_total(a, by=by, within=b)", "running_total(core_a, by=core_by, within=core_b)"),
        ("clip(a, min(b, 1), 2) / -c", "clip(core_a, min(core_b, 1), 2) / -core_c"),
    ],
)
def test_renaming_changes_names_only(formula, expected):
    """Functions, options, texts and numbers do not change, even if a text or an option looks like a name."""
    assert to_text(renamed(parse(formula), lambda name: f"core_{name}")) == expected


@pytest.mark.slow
@settings(derandomize=True, deadline=None, max_examples=300)
@given(TREES)
def test_renaming_reaches_every_name_and_can_be_undone(expression):
    """Each name is renamed once, in place, and renaming back gives the original tree."""
    changed = renamed(expression, lambda name: f"{name}_1")

    assert [name for name, _ in names_in(changed)] == [f"{name}_1" for name, _ in names_in(expression)]
    assert renamed(changed, lambda name: name.removesuffix("_1")) == expression
