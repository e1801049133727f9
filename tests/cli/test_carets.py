"""Errors in formulas show the line of the formula with a caret below the character."""

from __future__ import annotations

import json
import shlex
import sys

import pytest

from gpit_fairshare import SchemeError, allocate, cli
from gpit_fairshare.words import with_caret

FORMULA = """[formula]
name = "bad"
title = "Bad"

[parameters.budget]
label = "Budget"
unit = "£"

[[steps]]
name = "weight"
label = "Weight"
formula = "{}"

[[steps]]
name = "fair_share"
label = "Fair share"
formula = "share_out(budget, by=weight)"
"""


@pytest.mark.parametrize(
    ("text", "position", "expected"),
    [
        ("a + ££", 5, "a + ££\n    ^"),
        ("a + (b", 7, "a + (b\n      ^"),  # after the last character
        ("max(a,\n    min(b c))", 16, "    min(b c))\n        ^"),  # only the line with the character
        ("a\t+ £", 5, "a + £\n    ^"),  # a tab is one blank
        ("\x1b + £", 5, "\\u001b + £\n         ^"),  # an escape is shown with six characters
        ("abcdefghijklmnopqrstuvwxyz", 3, "abcdefghi…\n  ^"),
        ("abcdefghijklmnopqrstuvwxyz", 13, "…ijklmnop…\n     ^"),
        ("abcdefghijklmnopqrstuvwxyz", 26, "…rstuvwxyz\n         ^"),
    ],
)
def test_line_with_a_caret(text, position, expected):
    """The caret is below the character; of a long line, ten characters around it are shown here."""
    assert with_caret(text, position, 10 if len(text) == 26 else 72) == expected


def run(command: str, monkeypatch, capsys) -> tuple[int, str, str]:
    """Run a command in this process; return its exit code and what it printed."""
    monkeypatch.setattr(sys, "argv", shlex.split(command))
    monkeypatch.setenv("COLUMNS", "80")
    code = cli._run()
    printed = capsys.readouterr()
    return code, printed.out, printed.err


CASES = [
    # the text, the message, and how many blanks before the caret: counted by hand
    ("1 + iff(a)", "there is no function iff; the functions are", 4),
    ("registered_population + historic_spend", "people and £ cannot be added", 0),
    ("where(1 > 0, fair_share, 0)", "fair_share is defined further down", 13),
    ("registered_population * year", "a formula is the same in every year; use a parameter", 24),
]


@pytest.mark.parametrize(("formula", "message", "blanks"), CASES)
@pytest.mark.parametrize("verb", ["library check bad.toml", "library show bad.toml"])
def test_verbs_show_the_caret(verb, formula, message, blanks, tmp_path, monkeypatch, capsys):
    """Both a check and a verb that stops at the error show the whole formula, the caret below it, and exit with 2."""
    (tmp_path / "bad.toml").write_text(FORMULA.format(formula), encoding="utf-8")
    monkeypatch.chdir(tmp_path)

    code, printed, problems = run(f"gpit {verb}", monkeypatch, capsys)
    lines = (printed if "check" in verb else problems).splitlines()
    place = next(number for number, line in enumerate(lines) if line.strip() == formula)

    assert code == 2
    assert lines[place + 1] == " " * (lines[place].index(formula[0]) + blanks) + "^"
    assert message in " ".join("\n".join(lines[:place]).split())


def test_json_has_no_excerpt(tmp_path, monkeypatch, capsys):
    """A document for programs has the keys that it always had, and standard error its one line."""
    (tmp_path / "bad.toml").write_text(FORMULA.format("1 + iff(a)"), encoding="utf-8")
    monkeypatch.chdir(tmp_path)

    _, checked, _ = run("gpit library check bad.toml --json", monkeypatch, capsys)
    _, shown, problem = run("gpit library show bad.toml --json", monkeypatch, capsys)

    assert {*json.loads(checked)["reviews"][0]["findings"][0]} == {
        "number", "level", "file", "place", "found", "expected", "remedy"
    }  # fmt: skip
    assert {*json.loads(shown)} == {"schema", "error", "findings"}
    assert len(problem.splitlines()) == 1


def test_text_of_the_exception_is_one_line(tmp_path):
    """In Python the text of the error is the line without the excerpt, which is an attribute of the error."""
    path = tmp_path / "bad.toml"
    path.write_text(FORMULA.format("1 + iff(a)"), encoding="utf-8")

    with pytest.raises(SchemeError) as caught:
        allocate(sample=True, formula=path)

    assert len(str(caught.value).splitlines()) == 1
    assert caught.value.excerpt == "1 + iff(a)\n    ^"


def test_formulas_of_used_files(tmp_path, monkeypatch, capsys):
    """A formula that a file uses by name gets new names when it is linked; what is shown is the text of its file."""
    (tmp_path / "core.toml").write_text(FORMULA.format("historic_spend + registered_population * 1"), encoding="utf-8")
    (tmp_path / "outer.toml").write_text(
        '[formula]\nname = "outer"\ntitle = "Outer"\n[[use]]\nformula = "core.toml"\nas = "core"\n'
        '[[steps]]\nname = "fair_share"\nlabel = "Fair share"\nformula = "core_fair_share * 1"\n',
        encoding="utf-8",
    )
    monkeypatch.chdir(tmp_path)

    code, _, problems = run("gpit library show outer.toml", monkeypatch, capsys)

    assert code == 2
    assert problems.splitlines()[1:] == ["  historic_spend + registered_population * 1", "  ^"]
