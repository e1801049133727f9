"""`gpit allocate --letters`: a letter to each organisation, from a text with names in braces."""

from __future__ import annotations

import pytest

from documents import pieces, typed
from gpit_fairshare import InputError, UsageError, allocate
from gpit_fairshare.reports import letters
from gpit_fairshare.reports.letters import FIXED_NAMES, LetterTemplate, letters_of, read_template, write_letters
from gpit_fairshare.templates import LETTER, write_folder
from hard_schemes import merged, new_organisations
from running import ROOT, SAMPLES, read_rows, write_rows
from small_schemes import TWO, scheme

PAGE = ROOT / "docs" / "outputs.md"
ABCD = f"gpit allocate --population {SAMPLES / 'abcd-population.csv'} --spend {SAMPLES / 'abcd-spend.csv'}"
HALVES = """
    unrounded = share_out(pot, by=registered_population) # £
    large = registered_population > 200
    share = unrounded / pot # %
    allocation = rounded(unrounded) # £
"""
"""£1,000 by people, 1:3."""


def halves(folder, names=("Alder", "Birch"), people=(100, 300), **options):
    """Run a scheme that gives A and B £250 and £750."""
    rows = [
        {"org_code": code, "org_name": name, "registered_population": heads}
        for code, name, heads in zip("AB", names, people, strict=True)
    ]
    return allocate(population=write_rows(folder / "p.csv", rows), scheme=scheme(folder, HALVES, **options))


def texts(result, template):
    """Return the plain text of each letter, by code."""
    return {letter.org_code: str(letter) for letter in letters_of(result, LetterTemplate(template))}


# What a letter says ----------------------------------------------------------------------------------------------


def test_the_letter_in_the_text_is_what_the_command_writes(tmp_path):
    """The command of docs/outputs.md, with the template above it, writes the letter below it, worked by hand there."""
    template, letter = (
        next(piece.text for piece in pieces(PAGE) if piece.kind == kind and phrase in piece.before)
        for kind, phrase in (("markdown", "`letter.md`"), ("text", "The first letter"))
    )
    (command,) = [piece.text for piece in pieces(PAGE) if "--letters" in piece.text and piece.text.startswith("gpit")]
    (tmp_path / "letter.md").write_text(template, encoding="utf-8")

    assert typed(command.replace("data/samples", str(SAMPLES)), folder=tmp_path) == 0
    assert (tmp_path / "letters.md").read_text("utf-8").split("\n* * *\n")[0] == letter


def test_the_lines_of_python_give_the_same(tmp_path):
    """The lines of docs/outputs.md run; Darlington has £140,000,000 × 106,613 / 56,633,982 = £263,548.84."""
    (code,) = [piece.text for piece in pieces(PAGE) if piece.kind == "python" and "letters_of" in piece.text]
    names = {}
    exec(compile(code, tmp_path / "letters.py", "exec"), names)  # noqa: S102  # code of the documents
    first = names["letters"][0]

    assert str(first).endswith("\n\nDarlington gets £263,549.")
    assert first.markdown().startswith("# Darlington (00C)\n\n**Illustrative spend")


def test_every_value_has_its_unit(tmp_path):
    """Of 400 people A has 100: £250, 25% and no; a parameter and people; a brace is written twice."""
    names = "{allocation} {pot} {share} {large} {registered_population} {{x}} {{{org_code}}}"
    result = halves(tmp_path)

    assert texts(result, names)["A"] == "£250 £1,000 25.0% no 100 {x} {A}"
    assert texts(result, "{organisation}, {title}, {years}: {org_name}")["B"] == "CCG, Test, 2014/15: Birch"


def test_a_name_has_its_year(tmp_path):
    """With two years each figure names its year, in any form; sentences without one are those of all years."""
    result = halves(tmp_path, years=TWO)

    assert texts(result, "{allocation@2014/15} {allocation@2015-16} {years}")["B"] == "£750 £750 2014/15 and 2015/16"
    assert texts(result, "{sentences@2015/16}")["A"] == "Alder gets £250 in 2015/16, the same as in 2014/15."
    assert texts(result, "{sentences}")["A"].split("\n\n") == [
        "Alder gets £250 in 2014/15.",
        "Alder gets £250 in 2015/16, the same as in 2014/15.",
    ]


def test_an_organisation_that_ends_or_begins_has_its_letter(tmp_path):
    """00F became 13T: a dash where there is no figure, and what became of it; F begins in 2015/16, in the East."""
    ended = texts(merged(tmp_path), "{years}: {allocation@2015/16} of {pot@2015/16}\n\n{sentences}")["00F"]
    begun = texts(new_organisations(tmp_path), "{years}: {allocation@2014/15}, {region@2015/16}")["F"]

    assert ended.startswith(
        "2014/15: – of £1,000\n\n00F gets £180 in 2014/15, £20 (10.0%) less than its historic spend"
    )
    assert ended.endswith("\n\n00F does not exist in 2015/16: 00F, 00G and 00H became 13T on 1 April 2015.")
    assert begun == "2015/16: –, East"


def test_the_built_in_text_suits_every_scheme(tmp_path):
    """`gpit init` writes the built-in text; it uses only names that every result has, and leaves who to ask open."""
    write_folder(tmp_path / "mine")
    template = read_template(None)

    assert (tmp_path / "mine" / LETTER).read_text("utf-8") == template.text
    assert {*template.placeholders()} <= {*FIXED_NAMES, "sentences"}
    assert "[name of your finance contact]" in template.text


# What limits the use of the figures ------------------------------------------------------------------------------


def test_every_letter_begins_with_what_limits_its_use():
    """Illustrative, indicative, set for this run: the first lines say so, though the text is only `Hello`."""
    result = allocate(sample=True, settings={"transition_fund": "30000000"}, with_effects=False)
    written = letters_of(result, LetterTemplate("Hello"))

    assert len(written) == 211
    for letter in written:
        illustrative, settings, text = str(letter).split("\n\n")
        assert illustrative.startswith("Illustrative spend: do not quote any figure that uses it.")
        assert illustrative.endswith("Indicative: 2015/16.")
        assert settings.startswith(
            "Set for this run, not in the scheme: Transition fund (transition_fund): £20,000,000 → £30,000,000"
        )
        assert text == "Hello"
        assert letter.markdown().split("\n\n")[1].startswith("**Illustrative spend: do not quote")


def test_a_failing_check_comes_first(tmp_path):
    """A check that fails is the first line of each letter, and in `basis` of the table; the text says only `Hello`."""
    check = '[[checks]]\nname = "All get £500"\nformula = "allocation >= 500"\n'
    path = scheme(tmp_path, HALVES)
    path.write_text(path.read_text("utf-8") + check, encoding="utf-8")
    rows = [{"org_code": code, "registered_population": heads} for code, heads in (("A", 100), ("B", 300))]
    result = allocate(population=write_rows(tmp_path / "p.csv", rows), scheme=path)
    write_letters(letters_of(result, LetterTemplate("Hello")), ".csv", tmp_path / "letters.csv")

    failing = "Check fails in 2014/15 (A): All get £500."
    assert texts(result, "Hello") == {"A": f"{failing}\n\nHello", "B": f"{failing}\n\nHello"}
    assert {row["basis"] for row in read_rows(tmp_path / "letters.csv")} == {failing}


# Files -----------------------------------------------------------------------------------------------------------


def test_the_table_has_a_column_for_each_name(tmp_path):
    """For a mail merge: code, name, basis, each further name once, and the letter; a formula gets an apostrophe."""
    result = halves(tmp_path, names=("=1+1", "Birch"))
    template = LetterTemplate("{org_name}: {allocation}, {allocation}\nof {pot}")
    write_letters(letters_of(result, template), ".csv", tmp_path / "letters.csv")

    first, second = read_rows(tmp_path / "letters.csv")
    assert list(first) == ["org_code", "org_name", "basis", "allocation", "pot", "letter"]
    assert list(first.values()) == ["A", "'=1+1", "", "£250", "£1,000", "'=1+1: £250, £250\nof £1,000"]
    assert list(second.values()) == ["B", "Birch", "", "£750", "£1,000", "Birch: £750, £750\nof £1,000"]


def test_what_changes_has_names(tmp_path):
    """A of the made-up four has £500,000 before and £425,000 after: £75,000 and 15% less; the table has these texts."""
    settings = {"revenue_budget": 2_000_000, "transition_fund": 300_000}
    four = allocate(population=SAMPLES / "abcd-population.csv", spend=SAMPLES / "abcd-spend.csv", settings=settings)
    names = "{change@2014/15};{change_percent@2014/15};{outcome@2014/15}"
    letters = letters_of(four, LetterTemplate(names))
    write_letters(letters, ".csv", tmp_path / "l.csv")
    (first, *_) = read_rows(tmp_path / "l.csv")

    assert texts(four, names)["A"].endswith("\n\n-£75,000;-15.0%;receives support")
    assert (first["change@2014/15"], first["change_percent@2014/15"]) == ("-£75,000", "-15.0%")


def test_names_are_not_markup(tmp_path):
    """A name with signs or braces is escaped, in the heading and in the text; the text of the author is markup."""
    result = halves(tmp_path, names=("<b>*A* {pot}", "Birch"))
    write_letters(letters_of(result, LetterTemplate("**Dear** {org_name}")), ".md", tmp_path / "letters.md")

    escaped = r"&#60;b&#62;\*A\* \{pot\}"
    assert (tmp_path / "letters.md").read_text("utf-8") == (
        f"# {escaped} (A)\n\n**Dear** {escaped}\n\n* * *\n\n# Birch (B)\n\n**Dear** Birch\n"
    )


def test_letters_and_results_are_written_together(tmp_path):
    """`-o` and two files of letters are written; with a name that does not exist, none of them changes."""
    files = "-o out.json --letters letters.md --letters letters.csv"
    (tmp_path / "mine.md").write_text("Hello {org_nam}", encoding="utf-8")

    assert typed(f"{ABCD} {files}", folder=tmp_path) == 0
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert set(before) == {"mine.md", "out.json", "letters.md", "letters.csv"}
    with pytest.raises(UsageError, match=r"mine\.md line 1"):
        typed(f"{ABCD} {files} --letter-template mine.md --set transition_fund=1", folder=tmp_path)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_figures_are_looked_up_once_a_year(tmp_path, monkeypatch):
    """8,000 practices take seconds: the summaries of a year are made once for all, not once for each."""
    looked_up = []

    def counted(result, year):
        looked_up.append(year)
        return summaries(result, year)

    summaries = letters.year_summaries
    monkeypatch.setattr(letters, "year_summaries", counted)
    texts(halves(tmp_path, years=TWO), "{sentences}")

    assert looked_up == ["2014/15", "2015/16"]


# What is refused -------------------------------------------------------------------------------------------------

REFUSED_TEXTS = {
    "": "t.md: is empty; write the text of a letter, such as letter.md of gpit init",
    " \n\t\n": "t.md: is empty; write the text of a letter, such as letter.md of gpit init",
    "Dear\n\n{alocation@2014/15}": "t.md line 3: there is no {alocation@2014/15} in this result; "
    "did you mean allocation?",
    "{allocation}": "t.md line 1: {allocation} has no year, and the scheme has several; "
    "write {allocation@2014/15} or {allocation@2015/16}",
    "{allocation@2016/17}": "t.md line 1: {allocation@2016/17}: the scheme has the years 2014/15, 2015/16",
    "{title@2014/15}": "t.md line 1: {title@2014/15} has a year; write {title}, which needs none",
    "a\n{org_name": "t.md line 2: the brace { has no partner; "
    "write a name as {org_name}, and a brace of the text twice, as {{ or }}",
    "org_name}": "t.md line 1: the brace } has no partner; "
    "write a name as {org_name}, and a brace of the text twice, as {{ or }}",
    "{{{org_name}}": "t.md line 1: the brace } has no partner; "
    "write a name as {org_name}, and a brace of the text twice, as {{ or }}",
    "{}": "t.md line 1: there is no {} in this result; the names are org_code, org_name, organisation, title, years, "
    "sentences, change, change_percent, outcome, registered_population, unrounded, large, share, allocation, pot",
    "{year}": "t.md line 1: there is no {year} in this result; did you mean years?",
}


@pytest.fixture(scope="module")
def two_years(tmp_path_factory):
    """A result of two years."""
    return halves(tmp_path_factory.mktemp("two"), years=TWO)


@pytest.mark.parametrize("text", REFUSED_TEXTS)
def test_a_wrong_text_is_one_line(two_years, text):
    """The file, the line, what is wrong, and what to write instead."""
    with pytest.raises(UsageError) as fault:
        letters_of(two_years, LetterTemplate(text, "t.md"))
    assert str(fault.value) == REFUSED_TEXTS[text]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"Dear \xa3", "--letter-template t.md: byte 6 is not UTF-8; give a text file, saved as UTF-8"),
        ("Dear".encode("utf-16"), "--letter-template t.md: byte 1 is not UTF-8; give a text file, saved as UTF-8"),
        (b"x" * 200_000, "--letter-template t.md: has 0.2 MB; the text of a letter has 0.1 MB at most; shorten it"),
        (b"\xef\xbb\xbf\r\n", "t.md: is empty; write the text of a letter, such as letter.md of gpit init"),
        (None, "--letter-template t.md: there is no such file; did you mean t2.md?"),
    ],
)
def test_a_file_that_is_no_text_is_one_line(tmp_path, monkeypatch, data, message):
    """Before anything is read: bytes that are not UTF-8, a huge file, a blank one, and one that is not there."""
    (tmp_path / "t2.md").touch()
    if data is not None:
        (tmp_path / "t.md").write_bytes(data)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError) as fault:
        typed("gpit allocate --population no.csv --letters o.md --letter-template t.md", folder=tmp_path)
    assert str(fault.value) == message


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("--letters o.docx", "--letters o.docx: expected a name ending in .md or .csv"),
        ("--letters o.md --letters ./o.md", "--letters o.md: is already an output; give each a different name"),
        ("-o o.md --letters o.md", "--letters o.md: is already an output; give each a different name"),
        ("--letters p.csv", "--letters p.csv: is one of the inputs; inputs are never overwritten"),
        (
            "--letters t.md --letter-template t.md",
            "--letters t.md: is one of the inputs; inputs are never overwritten",
        ),
        ("--letter-template t.md", "--letter-template: needs --letters FILE, where the letters are written"),
    ],
)
def test_files_that_cannot_be_written_are_refused_first(tmp_path, options, message):
    """The population would be an error too, but it is not read."""
    (tmp_path / "p.csv").write_text("nothing", encoding="utf-8")
    (tmp_path / "t.md").write_text("Hello", encoding="utf-8")
    with pytest.raises(UsageError) as fault:
        typed(f"gpit allocate --population p.csv {options}", folder=tmp_path)
    assert str(fault.value) == message
    with pytest.raises(InputError):
        typed("gpit allocate --population p.csv --letters o.md", folder=tmp_path)
