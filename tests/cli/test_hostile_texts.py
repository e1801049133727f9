"""Texts in forged files: none acts on a terminal, in a log or in a document, and none makes a run expensive."""

from __future__ import annotations

import csv
import io
import json
import os
import pty
import re
import shutil
import subprocess
import sys
import tomllib
import unicodedata
import zipfile
from contextlib import chdir
from pathlib import Path

import pytest
from rich.console import Console

import casefolders
from gpit_fairshare import allocate, cli, verify
from gpit_fairshare.cases.discovery import is_case
from gpit_fairshare.errors import GpitError
from gpit_fairshare.reports.document import Address, Column, Document, Item, Paragraph, Role, Row, Table
from gpit_fairshare.reports.formats.md import in_markdown
from gpit_fairshare.reports.screen import show
from gpit_fairshare.scheme.files import read_toml
from gpit_fairshare.structured_texts import parse_json, parse_toml
from gpit_fairshare.words import one_line, visible
from running import ROOT, gpit, write_rows
from tiers import slow, slow_but
from verify_runs import OPTIONS, SCHEME, own_files, write

ACTING = (
    "x\x1b[2J\x1b]0;t\x07\x9b31m\x7f\u202eabc\u2066[bold]b[/bold][link=http://x]y[/link]\r"
    "\n::error::c\n::set-output name=a::b ##[error]d"
)
"""Escape codes, controls of both kinds, characters that reverse a line, markup, and commands for a CI server."""
HALF = "half \ud800"
TEXTS = {"acting": ACTING, "half a character": HALF}


def faults_of(printed: bytes) -> list[str]:
    """Output that would act on a terminal or a CI server."""
    text = printed.decode("utf-8")
    signs = {
        ascii(character)
        for character in text
        if not (character.isprintable() or character == "\n" or unicodedata.category(character) == "Zs")
    }
    lines = [line for line in text.split("\n") if line.lstrip().startswith("::") or re.search(r"##[\w.-]*\[", line)]
    return [*sorted(signs), *lines]


def typed(*arguments, folder):
    """Run `gpit` in a folder, without starting Python again; return its exit code, and the bytes of both streams."""
    streams = [io.TextIOWrapper(io.BytesIO(), encoding="utf-8", errors="replace", newline="\n") for _ in range(2)]
    with pytest.MonkeyPatch.context() as patch, chdir(folder):
        patch.setattr(sys, "argv", ["gpit", *map(str, arguments)])
        patch.setattr(sys, "stdout", streams[0])
        patch.setattr(sys, "stderr", streams[1])
        code = cli._run()
    for stream in streams:
        stream.flush()
    return code, *(stream.buffer.getvalue() for stream in streams)


def is_harmless(*arguments, folder):
    """Run `gpit`, check that its output is harmless and that it did not fail, and return its exit code."""
    code, out, err = typed(*arguments, folder=folder)
    assert code in (0, 1, 2), err
    assert faults_of(out) + faults_of(err) == []
    assert err.count(b"\n") <= 1 or b"problems in the inputs" in err
    if "--json" in arguments:
        json.loads(out)
    return code


# Results ---------------------------------------------------------------------------------------------------

PLACES = {
    "file of a map": ("manifest", "run", "map", "@key"),
    "boundaries": ("manifest", "run", "boundaries"),
    "scheme file": ("manifest", "scheme", "files", 0, "file"),
    "scheme's title": ("manifest", "definition", "title"),
    "year": ("rows", 0, "year"),
    "name": ("rows", 0, "org_name"),
    "code": ("rows", 0, "org_code"),
    "column": ("rows", 0, "@key"),
    "label": ("manifest", "definition", "steps", 0, "label"),
    "unit": ("manifest", "definition", "steps", 0, "unit"),
    "assumption": ("manifest", "parameters", 0, "assumption"),
    "finding": ("manifest", "findings", 0, "found"),
    "input": ("manifest", "inputs", 0, "file"),
    "sheet": ("manifest", "inputs", 0, "sheet"),
    "origin": ("origins", 0, "registered_population"),
    "version": ("manifest", "gpit"),
    "unknown entry": ("manifest", "@key"),
    "schema": ("schema",),
}
VERBS = {
    "explain": ("explain", "A01", "--result", "out.json"),
    "explain in Markdown": ("explain", "A01", "--result", "out.json", "--format", "markdown"),
    "explain in JSON": ("explain", "A01", "--result", "out.json", "--json"),
    "compare": ("compare", "old.json", "out.json", "--details"),
    "compare in short": ("compare", "old.json", "out.json"),
    "compare in Markdown": ("compare", "old.json", "out.json", "--format", "markdown"),
    "compare in CSV": ("compare", "old.json", "out.json", "--format", "csv"),
    "compare in JSON": ("compare", "out.json", "old.json", "--json"),
    "verify": ("verify", "out.json"),
    "verify in JSON": ("verify", "out.json", "--json"),
}


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """A folder with the user's files and their result in every format, and `old.json`."""
    folder = tmp_path_factory.mktemp("results")
    own_files(folder)
    with chdir(folder):
        result = allocate(**OPTIONS)
    for suffix in ("json", "xlsx", "csv"):
        write(result, folder / f"out.{suffix}")
    shutil.copy(folder / "out.json", folder / "old.json")
    return folder


@pytest.fixture
def own(results, tmp_path):
    """A copy of the results, for changes."""
    return Path(shutil.copytree(results, tmp_path / "own"))


def code_in(folder):
    """The first code of the result."""
    return json.loads((folder / "old.json").read_text("utf-8"))["rows"][0]["org_code"]


def forged(folder, place, text):
    """Append a text to the value at a place of the result; for `@key`, add an entry with that name."""
    document = json.loads((folder / "old.json").read_text("utf-8"))
    *path, last = place
    node = document
    for key in path:
        node = node[key]
    if last == "@key":
        node[text] = text
    else:
        node[last] = f"{node[last] or ''}{text}"
    document["rows"][0]["allocation"] += 1  # so that comparisons name the row
    (folder / "out.json").write_text(json.dumps(document), encoding="utf-8")


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("place", slow_but(["name", "label", "file of a map"], PLACES))
@pytest.mark.parametrize("verb", slow_but(["compare", "verify in JSON"], VERBS))
def test_texts_of_results(own, verb, place, text):
    """For any text at a place of a result, each verb that reads it prints nothing that acts, and does not fail."""
    forged(own, PLACES[place], TEXTS[text])
    words = [code_in(own) if word == "A01" else word for word in VERBS[verb]]

    is_harmless(*words, folder=own)


def test_json_keeps_texts(own):
    """The JSON document of a verdict holds exactly the text of the file, even half a character."""
    text = ACTING + HALF
    forged(own, ("manifest", "scheme", "title"), text)
    _, out, _ = typed("verify", "out.json", "--json", folder=own)
    entries = {entry["name"]: entry["then"] for entry in json.loads(out)["manifest"]}
    title = json.loads((own / "old.json").read_text("utf-8"))["manifest"]["scheme"]["title"]

    assert ascii(entries["scheme.title"]) == ascii(title + text)
    assert rb"\ud800" in out
    assert rb"\u009b" in out


# Inputs, schemes, cases --------------------------------------------------------------------------------------

HEADINGS = ("org_code", "org_name", "registered_population")


def population(folder, row, column, text, name="p.csv"):
    """Write a population file with a text after one of its cells."""
    rows = [list(HEADINGS), ["00C", "Darlington", "100"], ["00D", "Durham", "200"]]
    rows[row][column] += text
    with (folder / name).open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows(rows)
    (folder / "s.csv").write_text("org_code,historic_spend\n00C,10\n00D,20\n", encoding="utf-8")


@pytest.mark.parametrize(("row", "column"), [slow(0, 0), slow(0, 1), (0, 2), slow(1, 0), (1, 1), slow(1, 2)])
@pytest.mark.parametrize("how", [(), slow(("--json",))])
def test_texts_of_inputs(tmp_path, row, column, how):
    """A heading, code, name or figure with such characters is refused or printed, and does nothing."""
    population(tmp_path, row, column, ACTING)

    is_harmless("check", "--population", "p.csv", *how, folder=tmp_path)
    is_harmless("allocate", "--population", "p.csv", "--spend", "s.csv", *how, folder=tmp_path)
    is_harmless("allocate", "--population", "p.csv", "--map", f"a{ACTING}=org_code", *how, folder=tmp_path)


OTHERS = {
    "a.csv": "org_code,org_name,year,allocation\nA,Alder,2014/15,425000\nB,Birch,2014/15,475000\n",
    "f.csv": "org_code,forecast_outturn\nA,330000\nB,485000\n",
    "j.csv": "org_code,amount,reason,approver\nA,-8000,Starts later,J. Field\nB,5000,Moves in March,J. Field\n",
    "i.csv": "practice_code,ccg_code,registered_population,clinical_safety\nA81001,00C,1000,yes\n",
}
"""Inputs of the verbs that work within a year."""


@pytest.mark.slow
@pytest.mark.parametrize("acting", [ACTING, "::error::a ##[error]b [bold]c[/bold]"], ids=["refused", "shown"])
@pytest.mark.parametrize("text", slow_but(["reason"], re.findall(r"[^,\n]+", "".join(OTHERS.values()))))
def test_texts_of_other_inputs(tmp_path, text, acting):
    """Allocations, forecasts, adjustments and answers with such texts are refused or printed, and do nothing."""
    quoted = f'"{text} {acting}"'
    for name, content in OTHERS.items():
        (tmp_path / name).write_text(content.replace(text, quoted, 1), encoding="utf-8", newline="")
    year = ("--allocation", "a.csv", "--forecast", "f.csv", "--adjustments", "j.csv", "--receive", "pressures")
    for how in ((), ("--json",)):
        is_harmless("reallocate", *year, "--letters", "letters.md", *how, folder=tmp_path)
        is_harmless("maturity", "--indicators", "i.csv", *how, folder=tmp_path)
    if (tmp_path / "letters.md").exists():
        assert faults_of((tmp_path / "letters.md").read_bytes()) == []


def test_names_of_files(tmp_path):
    """A file's name is printed, and does nothing."""
    name = "::error::a\x1b[2J\n::error::b\u202e ##[error]c.csv"
    population(tmp_path, 1, 1, "", name)

    assert is_harmless("check", "--population", name, folder=tmp_path) == 0
    assert is_harmless("allocate", "--population", f"{name}x", "--spend", "s.csv", folder=tmp_path) == 2
    assert is_harmless("verify", name, folder=tmp_path) == 2
    assert is_harmless("library", "show", f"{name}.toml", folder=tmp_path) == 2


@pytest.mark.parametrize("form", slow_but(["text"], ["text", "markdown", "toml"]))
@pytest.mark.parametrize("entry", ['title = "', 'label = "', 'unit = "', 'note = "', "# "])
def test_texts_of_schemes(tmp_path, form, entry):
    """The texts and remarks of a scheme are printed in every form and do nothing."""
    own_files(tmp_path)
    acting = "\u202e\u2066\u200b ::error::a ##[error]b @nhs #12 <b>c</b> ![d](http://e) [f](http://g) | h"
    text = (tmp_path / "own.toml").read_text("utf-8").replace('organisation = "', 'note = "n"\norganisation = "', 1)
    text = text.replace(entry, f"{entry}{acting}", 1) if entry in text else f"{text}\n# {acting}\x9b\n::"[:-3]
    (tmp_path / "own.toml").write_text(text, encoding="utf-8")

    is_harmless("library", "show", "own.toml", "--format", form, folder=tmp_path)
    is_harmless("library", "check", "own.toml", folder=tmp_path)


@pytest.mark.parametrize("url", ["javascript://%0aalert(1)", "x://><img src=y>", "https://a.uk/b c><i>"])
def test_addresses_of_sources(tmp_path, url):
    """An address is a link in Markdown if it is a web address, and otherwise a text in code."""
    own_files(tmp_path)
    text = (tmp_path / "own.toml").read_text("utf-8")
    source = f'\n[sources.one]\ntitle = "One"\nurl = "{url}"\n'
    text = text.replace("[scheme]\n", '[scheme]\nsources = ["one"]\n', 1) + source
    (tmp_path / "own.toml").write_text(text, encoding="utf-8")
    code, out, _ = typed("library", "show", "own.toml", "--format", "markdown", folder=tmp_path)

    assert code == 0
    assert f"* `{url}`" in out.decode()


@pytest.mark.parametrize("entry", ['name = "', 'title = "', 'origin = "', 'working = "', 'population = "'])
def test_texts_of_cases(tmp_path, entry):
    """The texts of a case are printed or refused, on the screen and in JUnit XML, and do nothing."""
    casefolders.inputs(tmp_path)
    text = casefolders.case("first").replace(entry, entry + json.dumps("\u202e ::error::a ##[error]b\u2066")[1:-1], 1)
    (tmp_path / "first.toml").write_text(text, encoding="utf-8")

    is_harmless("test", "first.toml", "--junit", "out.xml", folder=tmp_path)
    if (tmp_path / "out.xml").exists():
        assert faults_of((tmp_path / "out.xml").read_bytes()) == []


# Terminals and logs ------------------------------------------------------------------------------------------


def on_terminal(*arguments, folder):
    """Run `gpit` on a separate terminal, and return its output without colours and progress bar."""
    mine, its = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "gpit_fairshare", *arguments],
        cwd=folder,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "80"},
        stdin=its,
        stdout=its,
        stderr=its,
    )
    os.close(its)
    drawn = b""
    try:
        while piece := os.read(mine, 1 << 16):
            drawn += piece
    except OSError:  # Linux reports the end in this way
        pass
    os.close(mine)
    process.wait(60)
    return re.sub(rb"\x1b\[[0-9;]*m", b"", drawn.replace(b"\r\n", b"\n"))


@pytest.mark.slow
@pytest.mark.parametrize("verb", slow_but(["compare"], ["explain", "compare", "verify"]))
def test_terminals(own, verb):
    """A terminal gets colours and no other codes, and each text of a result appears as it does in a file."""
    forged(own, PLACES["name"], " \x1b[2J\u202e[bold]b[/bold]\x9b[link=http://x]y[/link]\n::error::c")
    words = [code_in(own) if word == "A01" else word for word in VERBS[verb]]
    drawn = on_terminal(*words, folder=own)

    assert faults_of(drawn) == []
    assert rb"\u001b[2J" in drawn


@pytest.mark.slow
@pytest.mark.parametrize("verb", slow_but(["explain"], ["explain", "compare", "verify"]))
def test_logs_of_a_ci_server(own, verb):
    """If a CI server reads the log, no line of it is a command."""
    forged(own, PLACES["name"], "\n::error::c\r::set-output name=a::b ##[error]d")
    words = [code_in(own) if word == "A01" else word for word in VERBS[verb]]
    done = gpit(*words, folder=own, env={"CI": "true", "GITHUB_ACTIONS": "true"})

    assert faults_of(done.stdout + done.stderr) == []
    assert b"error::c" in done.stdout


def test_a_text_that_is_wrapped_makes_no_command():
    """Wherever a long text is wrapped, no line begins with a command."""
    stream = io.StringIO()
    console = Console(file=stream, width=60, markup=False)
    for length in range(40, 80):
        text = "x" * length + "::error::y"
        table = Table([Column("", Role.TEXT), Column("")], [Row([text, "1" * 20])])
        show(Document([Paragraph(text), table, Item(Address(text[length:]))]), console)

    assert faults_of(stream.getvalue().encode()) == []
    assert stream.getvalue().count(r":\u003aerror") > 40


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("plain £ text – é", "plain £ text – é"),
        ("no\u00a0break", "no\u00a0break"),
        ("\x1b[2J", r"\u001b[2J"),
        ("\x9b\x7f\u202e\u2066\u200b\ufeff", r"\u009b\u007f\u202e\u2066\u200b\ufeff"),
        ("\ud800", r"\ud800"),
        ("\U000e0001", r"\udb40\udc01"),
        ("a\nb\tc\rd\x85e\u2028f", "a\nb\tc" + r"\u000dd\u0085e\u2028f"),
        ("::error::a", r":\u003aerror::a"),
        ("a\n  ::error::b", "a\n  " + r":\u003aerror::b"),
        ("first.toml::first", "first.toml::first"),
        ("##[error]a ##vso[b]", r"#\u0023[error]a #\u0023vso[b]"),
        ("## heading [x]", "## heading [x]"),
    ],
)
def test_visible(text, escaped):
    """Each character that acts or is invisible is escaped; all others stay."""
    assert visible(text) == escaped
    assert visible(escaped) == escaped
    assert one_line(text, None) == " ".join(visible(" ".join(text.split())).split())


def test_markdown_of_explanations_is_as_harmless_as_that_of_comparisons(own):
    """No name, label or note becomes a mention, issue, link, picture, HTML or cell in any Markdown."""
    hostile = "@nhs #12 <img src=x> ![p](http://q) [r](javascript:s) www.t.uk GH-1 | `u` $v$"
    forged(own, PLACES["label"], f" {hostile}")
    document = json.loads((own / "out.json").read_text("utf-8"))
    for row in document["rows"]:
        row["org_name"] = hostile
    (own / "out.json").write_text(json.dumps(document), encoding="utf-8")
    _, out, _ = typed("explain", code_in(own), "--result", "out.json", "--format", "markdown", folder=own)
    lines = [line for line in out.decode().splitlines() if "nhs" in line]

    assert len(lines) > 2
    for line in lines:
        assert in_markdown(hostile) in line
    assert not re.search(r"@nhs|#12(?!\d*;)|<|(?<!\\)[\[\]$!]|www\.t|GH-1", in_markdown(hostile))


# JSON --------------------------------------------------------------------------------------------------------

REFUSED = {
    "a key twice": ('"gpit": "0", "gpit": ', "the key 'gpit' is given twice"),
    "no number": ('"other": NaN, "gpit": ', "NaN is not a finite number"),
    "infinity": ('"other": -Infinity, "gpit": ', "-Infinity is not a finite number"),
    "a number too large": ('"other": 1e400, "gpit": ', "1e400 is not a finite number"),
    "a number too long": (f'"other": {"9" * 5_000}, "gpit": ', "too many digits"),
    "levels": (f'"other": {"[" * 100_000}{"]" * 100_000}, "gpit": ', "nested too deeply"),
}


@pytest.mark.parametrize("fault", REFUSED)
@pytest.mark.parametrize("file", slow_but(["out.json"], ["out.json", "out.csv.manifest.json"]))
def test_ambiguous_json(own, file, fault):
    """JSON with a repeated key, a number that is not finite, or deep levels is refused in one line with code 2."""
    text, message = REFUSED[fault]
    path = own / file
    path.write_text(path.read_text("utf-8").replace('"gpit": ', text, 1), encoding="utf-8")
    result = file.removesuffix(".manifest.json")

    for words in (
        ("explain", code_in(own), "--result", result),
        ("compare", "old.json", result),
        ("verify", result),
    ):
        code, out, err = typed(*words, folder=own)
        assert (code, out, err.count(b"\n")) == (2, b"", 1)
        assert message in err.decode()
        assert file in err.decode()


def test_the_manifest_in_a_workbook_has_a_key_once(own):
    """The manifest on its sheet is read as strictly as a file."""
    with zipfile.ZipFile(own / "out.xlsx") as old:
        parts = {name: old.read(name) for name in old.namelist()}
    name = next(name for name, data in parts.items() if b'{"gpit":' in data or b'{"gpit" :' in data)
    changed = parts | {name: parts[name].replace(b'{"gpit":', b'{"gpit":0,"gpit":')}
    assert changed != parts
    with zipfile.ZipFile(own / "out.xlsx", "w") as new:
        for name, data in changed.items():
            new.writestr(name, data)
    code, _, err = typed("verify", "out.xlsx", folder=own)

    assert code == 2
    assert b"out.xlsx: has no readable manifest (the key 'gpit' is given twice" in err


def test_json_of_gpit_itself_is_read(results):
    """Files that gpit writes are read as before, to the last digit."""
    for file in ("out.json", "out.csv.manifest.json"):
        text = (results / file).read_text("utf-8")
        assert parse_json(text) == json.loads(text)


# Workbooks ---------------------------------------------------------------------------------------------------

PART = "xl/worksheets/sheet1.xml"


@pytest.mark.parametrize(
    "name",
    [
        PART,
        slow(PART.upper()),
        slow(f"./{PART}"),
        slow("xl/./worksheets/sheet1.xml"),
        slow(PART.replace("/", "\\")),
        "xl/worksheets/sheet%31.xml",
    ],
)
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_two_parts_of_one_name(own, name):
    """Programs differ in which of two parts they read: every verb refuses the workbook in one line."""
    with zipfile.ZipFile(own / "out.xlsx", "a") as archive:
        archive.writestr(name, archive.read(PART))
    shutil.copy(own / "out.xlsx", own / "people.xlsx")

    for words in (
        ("explain", code_in(own), "--result", "out.xlsx"),
        ("compare", "old.json", "out.xlsx"),
        ("verify", "out.xlsx"),
        ("allocate", "--population", "people.xlsx", "--spend", "spend.csv"),
    ):
        code, _, err = typed(*words, folder=own)
        assert (code, err.count(b"\n")) == (2, 1)
        assert b"the file has two parts named" in err
    assert typed("check", "--population", "people.xlsx", folder=own)[0] == 2


@pytest.mark.parametrize("twice", ["sheet", "link"])
def test_two_sheets_or_links_of_one_name(own, twice):
    """A workbook that names a sheet or a link twice is refused: the second would override the first."""
    part, old = (
        ("xl/workbook.xml", rb"<sheet [^>]*/>")
        if twice == "sheet"
        else ("xl/_rels/workbook.xml.rels", rb"<Relationship [^>]*/>")
    )
    with zipfile.ZipFile(own / "out.xlsx") as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    parts[part] = re.sub(old, lambda match: match[0] * 2, parts[part], count=1)
    with zipfile.ZipFile(own / "out.xlsx", "w") as archive:
        for name, data in parts.items():
            archive.writestr(name, data)
    code, _, err = typed("verify", "out.xlsx", folder=own)

    assert (code, err.count(b"\n")) == (2, 1)
    assert b"two sheets, or two links, of the workbook share a name" in err


# The size of inputs ------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_verify_has_its_own_size_limit(tmp_path):
    """A manifest that allows 1,000 MB does not raise the limit of 2 MB; the message states a limit that is enough."""
    names = {f"{number:02}C": "Name" + " " * 99_996 for number in range(30)}  # 3,000,000 characters
    rows = [{"org_code": code, "org_name": name, "registered_population": 100} for code, name in names.items()]
    write_rows(tmp_path / "p.csv", rows)
    write_rows(tmp_path / "s.csv", [{"org_code": code, "historic_spend": 10} for code in names])
    with chdir(tmp_path):
        result = allocate(population="p.csv", spend="s.csv", max_size=1_000)
    write(result, tmp_path / "out.json")
    code, _, err = typed("verify", "out.json", "--max-size", "2", folder=tmp_path)

    assert json.loads((tmp_path / "out.json").read_text("utf-8"))["manifest"]["run"]["max_size"] == 1_000
    assert (code, err.count(b"\n")) == (2, 1)
    assert b"raise the limit with --max-size 4" in err
    assert verify(tmp_path / "out.json", max_size=4).verdict == "same bytes"
    assert verify(tmp_path / "out.json").verdict == "same bytes"


# TOML --------------------------------------------------------------------------------------------------------

DOTS = ".a" * 40
DEEP = {
    "a key": f"a{DOTS} = 1",
    "a key of 60 kB": f"a{'.a' * 30_000} = 1",
    "a table": f"[a{DOTS}]",
    "a table in a list": f"[[a{DOTS}]]",
    "a key with spaces": f"a{DOTS.replace('.', ' . ')} = 1",
    "a key in quotes": f'"a.\\".b"{DOTS} = 1',
    "a key in single quotes": f"'a.b'{DOTS} = 1",
    "a key in a table on one line": f"a = {{ b{DOTS} = 1 }}",
    "lists": "a = " + "[" * 40 + "]" * 40,
    "many lists": "a = " + "[" * 100_000,
    "tables on one line": "a = " + "{a = " * 40 + "1" + "}" * 40,
    "after a text": f'a = """ \\""" b """"\nc{DOTS} = 1',
    "after another text": f"a = ''' '' ''''\nc{DOTS} = 1",
    "after a remark": f"a = 1 # ' \" [\nc{DOTS} = 1",
}
SHALLOW = [
    'a = "' + DOTS + '[[[" # ' + DOTS,
    'a = "\\"' + DOTS + '"',
    "a = '" + DOTS + "\\'",
    'a = """\n' + DOTS + '\\"""' + DOTS + '\n"""""',
    "a = '''" + DOTS + "\n''" + DOTS + "''''",
    "a = [" + "1.5, " * 100 + "1e3]",
    "a = [" + "2014-04-03T12:00:00.123, " * 100 + "]",
    "a = [" + "[1.5], " * 100 + "]",
    "a = [" + "{ b.c = 1.5 }, " * 100 + "]",
    "a" + ".a" * 31 + " = 1",
    "a = " + "[" * 31 + "]" * 31,
    "\n".join(f"[a.b{at}.c]" for at in range(100)),
]


@pytest.mark.parametrize("text", DEEP)
def test_deep_keys_are_refused_before_they_are_parsed(tmp_path, text, monkeypatch):
    """A key with more than 32 parts, and more than 32 levels, are refused with file and line, before any parser."""
    monkeypatch.setattr(tomllib, "loads", lambda *_args, **_how: pytest.fail("parsed"))
    lines = DEEP[text].count("\n") + 1
    (tmp_path / "mine.toml").write_text(f"{DEEP[text]}\n", encoding="utf-8")
    with pytest.raises(GpitError) as caught:
        read_toml(tmp_path / "mine.toml")

    assert re.match(rf"mine\.toml: line {lines}: .*; 32 (parts )?(levels )?are allowed", str(caught.value))
    assert not is_case(tmp_path / "mine.toml")


@pytest.mark.parametrize("text", SHALLOW)
def test_dots_and_brackets_elsewhere_are_not_counted(text):
    """Dots in texts of all four kinds, remarks, floats and times are not parts of a key, nor are brackets levels."""
    assert parse_toml(text) == tomllib.loads(text)


def test_every_file_of_the_project_is_read():
    """Files that were read before are read, with the same contents."""
    files = [path for folder in ("src", "tests", "examples", "data") for path in (ROOT / folder).rglob("*.toml")]
    assert len(files) > 20
    for path in files:
        text = path.read_text("utf-8")
        assert parse_toml(text) == tomllib.loads(text), path


def test_levels_of_tables_and_keys_together():
    """A key of 20 parts in a table of 20 is 40 levels, which later steps would go through one by one."""
    with pytest.raises(ValueError, match="nested too deeply"):
        parse_toml(f"[a{'.a' * 19}]\nb{'.b' * 19} = 1")


@pytest.mark.slow
@pytest.mark.parametrize("verb", [("library", "show"), ("library", "check"), ("test",)])
def test_a_long_key_costs_nothing(tmp_path, verb):
    """A key of 60 kB is refused within a second and 200 MB by each verb that reads the file."""
    head = casefolders.head("long") if verb == ("test",) else SCHEME
    (tmp_path / "mine.toml").write_text(f"{head}\n[x]\na{'.a' * 30_000} = 1\n", encoding="utf-8")
    gpit(*verb, "mine.toml", folder=tmp_path)  # so that Python has compiled what it imports
    code = (
        "import resource, sys, time\n"
        "from gpit_fairshare import cli\n"
        "import gpit_fairshare.scheme.review, gpit_fairshare.cases.suite, gpit_fairshare.reports.library\n"
        f"sys.argv = ['gpit', {', '.join(map(repr, verb))}, 'mine.toml']\n"
        "start = time.process_time()\n"
        "exit_code = cli._run()\n"
        "print(exit_code, time.process_time() - start, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)\n"
    )
    # Linux counts the memory of the parent process, so a small process starts gpit instead of the tests.
    between = "import subprocess, sys; subprocess.run([sys.executable, '-c', sys.argv[1]], check=True)"
    command = [sys.executable, "-c", between, code]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, check=True, timeout=60)
    exit_code, seconds, kilobytes = done.stdout.decode().split()[-3:]

    assert exit_code == "2"
    assert float(seconds) < 1
    assert int(kilobytes) < 200_000
    assert b"mine.toml" in done.stdout + done.stderr
    assert b"too many parts" in done.stdout + done.stderr
