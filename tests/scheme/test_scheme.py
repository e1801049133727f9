"""Scheme, formula and transition files: what they may contain, and the messages for what they may not."""

import datetime as dt
import random
import re
from dataclasses import fields
from fractions import Fraction
from pathlib import Path

import pytest

from gpit_fairshare import allocate
from gpit_fairshare.errors import GpitError, SchemeError, UsageError
from gpit_fairshare.scheme import shape
from gpit_fairshare.scheme.joining import load
from gpit_fairshare.scheme.library import library_names
from gpit_fairshare.scheme.values import Setting
from gpit_fairshare.scheme.written_numbers import number
from scheme_files import (
    CAPPED,
    FILES,
    FORMULA,
    HEAD,
    OPTIONS,
    PEOPLE,
    SCHEME,
    TRANSITION,
    USES,
    changed,
    many,
    mutated,
    proper,
    refused,
    write,
)
from tiers import slow_but


@pytest.fixture
def refusal(tmp_path):
    """Return a function that gives load's message for the small scheme with the changes of a test."""

    def refuse(*changes, text=SCHEME, **options):
        return refused(write(tmp_path, "mine.toml", changed(text, *changes)), **options)

    return refuse


@pytest.fixture
def loaded(tmp_path):
    """Return a function that loads the small scheme with the changes of a test."""

    def load_changed(*changes, text=SCHEME, **options):
        return load(str(write(tmp_path, "mine.toml", changed(text, *changes))), **options)

    return load_changed


def settings(*texts):
    """Return settings as the command line reads them."""
    return [Setting.read(text) for text in texts]


# Reading -----------------------------------------------------------------------------------------------


def test_small_scheme_is_sound(loaded):
    """The file that all refusals below start from is valid."""
    scheme = loaded()

    assert [step.name for step in scheme.steps] == ["unrounded_fair_share", "fair_share", "allocation"]
    assert [value.value for value in scheme.parameters["budget"].values.values()] == [1_000_000, 1_100_000]
    assert str(scheme.parameters["budget"].values["2014/15"].source) == "The office, Circular 7, 2014-04-03"
    assert scheme.labels["fair_share"] == "Fair share"
    assert [check.name for check in scheme.checks] == ["Adds up"]


@pytest.mark.parametrize(
    ("changes", "place", "nearest"),
    [
        ([('formula = "share_out', 'fromula = "share_out')], "steps › unrounded_fair_share", "formula"),
        ([('label = "Fair share"', 'lable = "Fair share"')], "steps › fair_share", "label"),
        ([('organisation = "CCG"', 'organization = "CCG"')], "scheme", "organisation"),
        ([("[parameters.budget]", "[paramters.budget]")], "", "parameters"),
        ([("[[checks]]", "[[check]]")], "", "checks"),
        ([("minimum = 0", "minimun = 0")], "parameters › budget", "minimum"),
        ([('source = "circular"', 'sorce = "circular"')], "parameters › budget › values › 2014/15", "source"),
        ([('publisher = "The', 'publsher = "The')], "sources › circular", "publisher"),
        ([('name = "Adds up"', 'name = "Adds up"\nformulae = "1 > 0"')], "checks › Adds up", "formula"),
    ],
)
def test_unknown_keys(refusal, changes, place, nearest):
    """An unknown key is refused with file, place (steps by name) and the nearest known key."""
    message = refusal(*changes)

    assert message.startswith(f"mine.toml: {place}: unknown key " if place else "mine.toml: unknown key ")
    assert f"did you mean {nearest}" in message


def test_nearest_key_is_one_that_this_kind_of_file_has(tmp_path):
    """A formula file cannot have values, so the message does not suggest them."""
    write(tmp_path, "by-people.toml", FORMULA + "\n[value.budget]\nx = 1\n")
    message = refused(write(tmp_path, "mine.toml", HEAD + 'formula = "by-people"\n'))

    assert message.startswith("by-people.toml: unknown key value; known keys are sources, parameters, tables, inputs")
    assert "values" not in message


def test_keys_of_python_are_not_keys_of_the_file(refusal):
    """Only `as` and `with` are keys; the names that Python code uses for them are unknown keys."""
    message = refusal(text=SCHEME + '\n[[use]]\nformula = "registered-population"\nas_ = "core"\n')

    assert message.startswith("mine.toml: use › number 1: unknown key as_")


def test_a_key_that_looks_like_a_type_of_pydantic_is_only_unknown(loaded):
    """A table under a key such as `literal[x` is refused like any other unknown key."""
    with pytest.raises(SchemeError, match=r"unknown key literal\[x; known keys are sources"):
        loaded(text=SCHEME + "\n['literal[x']\na = 1\n")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ([('label = "Fair share"\n', "")], "mine.toml: steps › fair_share: label is missing"),
        ([('title = "A small scheme"\n', "")], "mine.toml: scheme: title is missing"),
        ([('name = "fair_share"\n', "")], "mine.toml: steps › number 2: name is missing"),
        ([('title = "Circular 7"\n', "")], "mine.toml: sources › circular: title is missing"),
        ([('label = "Budget"\n', "")], "mine.toml: parameters › budget: label is missing"),
        (
            [("value = 1_000_000, ", "")],
            "mine.toml: parameters › budget › values › 2014/15: value is missing",
        ),
    ],
)
def test_missing_keys(refusal, changes, message):
    """A missing key is named, with its place; no other key is used instead."""
    assert refusal(*changes) == message


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            'label = "Fair share"\n',
            "label = 5\n",
            "steps › fair_share › label: expected a text in quotes; found 5",
        ),
        ('title = "A small scheme"', "title = true", "scheme › title: expected a text in quotes; found true"),
        ("minimum = 0", "minimum = true", "parameters › budget › minimum: expected a number"),
        ("minimum = 0", 'minimum = ""', "parameters › budget › minimum: '' is not a number; write 1500000"),
        ("minimum = 0", "minimum = []", "parameters › budget › minimum: expected a number"),
        ("value = 1_000_000", "value = true", "2014/15 › value: expected a number, or a fraction in quotes"),
        ("value = 1_000_000", "value = 2014-04-03", "2014/15 › value: expected a number"),
        ("value = 1_000_000", "value = [1]", "2014/15 › value: expected a number"),
        (
            "value = 1_000_000",
            'value = "a lot"',
            "2014/15 › value: 'a lot' is not a number; write 1500000, 0.5",
        ),
        ("value = 1_000_000", "value = nan", "2014/15 › value: nan is too large or not a number"),
        ("value = 1_000_000", "value = -inf", "2014/15 › value: -inf is too large or not a number"),
        ("value = 1_000_000", f"value = 1{'0' * 400}", "2014/15 › value: the number is too large"),
        (
            '{ value = 1_000_000, source = "circular" }',
            "[140]",
            'values › 2014/15: expected a table such as { value = 5, source = "…" }; found a list',
        ),
        (
            "date = 2014-04-03",
            'date = "2014-04-03"',
            "date: expected a date such as 2014-04-03, without quotes",
        ),
        ("date = 2014-04-03", "date = 2014-04-03T10:00:00", "date: expected a date such as 2014-04-03"),
        ('years = ["2014/15", "2015/16"]', 'years = "2014/15"', "scheme › years: expected a list in square"),
        (
            'years = ["2014/15", "2015/16"]',
            "years = [2014, 2015]",
            "years › number 1: expected a text in quotes",
        ),
        (
            'unit = "£"\nminimum',
            'unit = "pounds"\nminimum',
            "unit: expected one of '£', '£ per head', 'people'",
        ),
        ('label = "Budget"', 'label = " "', "parameters › budget › label: is empty"),
        ('label = "Budget"', 'label = "a\\nb"', "label: holds a control character or a line break"),
        ('name = "fair_share"', 'name = "Fair share"', "name: a name has small letters a to z, digits and _"),
        ("[parameters.budget]", "[parameters.Budget]", "parameters › Budget: a name has small letters"),
        ("[[checks]]", "[checks]", "mine.toml: checks: expected a list"),
    ],
)
def test_wrong_types(refusal, old, new, message):
    """A value of the wrong type is refused: the message says what was expected and what was found."""
    assert message in refusal((old, new))


def test_long_texts_are_cut_and_their_limit_is_named(refusal):
    """A message shows the beginning of a long text; if something is too long, it names the limit and what it counts."""
    assert refusal(("minimum = 0", f"{'m' * 300} = 0")).startswith(
        f"mine.toml: parameters › budget: unknown key {'m' * 79}…; known keys are label, unit"
    )
    assert refusal(('label = "Fair share"\n', f'label = "{"x" * 201}"\n')).startswith(
        "mine.toml: steps › fair_share › label: is too long; at most 200 characters are allowed"
    )
    years = [f'"{year}/{(year + 1) % 100:02}"' for year in range(1980, 2031)]
    assert refusal(('["2014/15", "2015/16"]', f"[{', '.join(years)}]")) == (
        "mine.toml: scheme › years: is too long; at most 50 entries are allowed"
    )


def test_several_errors_are_counted_once_each(refusal):
    """Three missing keys are one error and two more; a value that is not a number is only one error."""
    assert refusal(('label = "Fair share"\n', ""), ('label = "Budget"\n', ""), ('title = "Circular 7"\n', "")).endswith(
        " (and 2 more)"
    )
    assert "more" not in refusal(("value = 1_000_000", "value = true"))


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ('[scheme]\nname = "x\n', "line 2, column 10: not valid TOML: a text in quotes does not end on its line"),
        ("[scheme]\nname : 5\n", "line 2, column "),
        ("[scheme]\n\n[scheme]\n", "line 3, column "),
        ('[scheme]\nname = "a"\nname = "b"\n', "line 3, column "),
        ("[values.x]\n2014/15 = 1\n", "line 2, column 5"),
        ("[scheme]\nname =", "line 2, column "),
        ("[scheme]\rname = 1\r", "line 1, column "),
    ],
)
def test_not_toml(tmp_path, text, place):
    """A file that is not TOML is refused with line and column."""
    message = refused(write(tmp_path, "mine.toml", text))

    assert message.startswith(f"mine.toml: {place}")
    assert "not valid TOML" in message


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        ("ü".encode("latin-1"), "mine.toml: byte 2 is not UTF-8; save the file as UTF-8"),
        (SCHEME.encode("utf-16"), "mine.toml: byte 1 is not UTF-8; save the file as UTF-8"),
        (b"\xef\xbb\xbf# \xff", "mine.toml: byte 6 is not UTF-8; save the file as UTF-8"),
    ],
)
def test_not_utf8(tmp_path, raw, message):
    """A file that is not UTF-8 is refused with the number of the byte in the file."""
    raw = raw if raw[:1] in (b"\xff", b"\xef") else b"#" + raw

    assert refused(write(tmp_path, "mine.toml", raw)) == message


def test_endless_brackets_and_numbers(tmp_path):
    """A file made to exhaust the reader is refused like any other invalid file."""
    assert "nested too deeply" in refused(write(tmp_path, "deep.toml", "a = " + "[" * 100_000))
    assert "too many digits" in refused(write(tmp_path, "long.toml", "a = " + "9" * 10_000))


def test_windows_text_is_the_same_text(tmp_path):
    """A byte order mark and Windows line ends change neither the scheme nor its digest."""
    plain = load(str(write(tmp_path, "a/mine.toml", SCHEME)))
    windows = load(str(write(tmp_path, "b/mine.toml", b"\xef\xbb\xbf" + SCHEME.replace("\n", "\r\n").encode())))

    assert windows.files == plain.files
    assert windows.digest == plain.digest
    assert windows.steps == plain.steps


def test_wrong_kind_of_file(tmp_path):
    """The message for a file of the wrong kind names its kind."""
    scheme = str(write(tmp_path, "mine.toml", SCHEME))
    formula = str(write(tmp_path, "by-people.toml", FORMULA))

    assert refused(scheme, transition=formula) == "by-people.toml: expected a transition file; found a formula file"
    assert refused(formula) == "by-people.toml: expected a scheme file; found a formula file"
    assert refused(scheme, formula=scheme) == "mine.toml: expected a formula file; found a scheme file"
    empty = str(write(tmp_path, "empty.toml", ""))
    assert refused(empty) == "empty.toml: expected a scheme file, which begins with [scheme]"


def test_folder_and_missing_path(tmp_path):
    """The messages for a folder and for a path without a file say what they are."""
    with pytest.raises(UsageError) as folder:
        load(str(tmp_path))
    with pytest.raises(UsageError) as missing:
        load(str(tmp_path / "none.toml"))

    assert proper(folder.value).endswith(": expected a .toml file, found a folder")
    names = ", ".join(library_names("scheme"))
    assert f"there is no such file; give a file's path or a library name; the library has {names}" in proper(
        missing.value
    )


@pytest.mark.parametrize(
    "name",
    [
        "",
        ".",
        "..",
        "~no-user-of-that-name/x.toml",
        "x" * 5_000 + ".toml",
        "a\0b.toml",
        "a\nb.toml",
        "C:\\schemes\\x.toml",
    ],
)
def test_strange_paths(name):
    """Any invalid path is refused with one line that says what to give."""
    assert refused(name).startswith("scheme ")


def test_file_that_may_not_be_read(tmp_path, monkeypatch):
    """A file that the system does not let gpit read is named with the system's reason."""
    path = write(tmp_path, "mine.toml", SCHEME)

    def closed(_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", closed)
    assert refused(path) == "mine.toml: cannot be read (Permission denied)"


@pytest.mark.parametrize(
    ("option", "name", "nearest"),
    [
        ("scheme", "gpit-2014-15", "gpit-2014-16"),
        ("formula", "registered_population", "registered-population"),
        ("transition", "above-average", "above-average-cost"),
    ],
)
def test_unknown_library_name(option, name, nearest):
    """A name that is not in the library is refused with the nearest name that is."""
    with pytest.raises(UsageError, match=f"{option} {name}: not in the library; did you mean {nearest}") as caught:
        load(**{option: name})

    proper(caught.value)


def test_formula_beside_the_scheme(tmp_path, monkeypatch):
    """A scheme can name a formula in its folder by name, file name or path, wherever gpit is started."""
    monkeypatch.chdir(tmp_path.parent)
    values = '\n[values.budget]\nevery_year = { value = 5, assumption = "x" }\n'
    for folder in ("", "parts/"):
        write(tmp_path, f"{folder}by-people.toml", FORMULA)
    digests = set()
    for name in (
        "by-people",
        "by-people.toml",
        "./by-people.toml",
        "parts/by-people",
        "parts\\\\by-people.toml",
    ):
        scheme = load(str(write(tmp_path, "mine.toml", f'{HEAD}formula = "{name}"\n{values}')))
        digests.add(dict(scheme.files)["by-people.toml"])

        assert scheme.formula == "by-people"
    assert len(digests) == 1


def test_file_named_in_a_scheme_is_looked_for_beside_it_alone(tmp_path, monkeypatch):
    """The meaning of a scheme does not depend on the folder that gpit is started in."""
    write(tmp_path, "elsewhere/by-people.toml", FORMULA)
    monkeypatch.chdir(tmp_path / "elsewhere")
    message = refused(write(tmp_path, "mine.toml", HEAD + 'formula = "by-people.toml"\n'))

    assert message.startswith("mine.toml: formula by-people.toml: there is no such file in its folder")


def test_scheme_may_have_the_name_of_its_formula(tmp_path):
    """A scheme file with the name of a library formula is not used as that formula; both are listed."""
    values = '\n[values.revenue_budget]\nevery_year = { value = 5, assumption = "x" }\n'
    text = f'{HEAD}formula = "registered-population"\n{values}'
    scheme = load(str(write(tmp_path, "registered-population.toml", text)))

    assert [file for file, _ in scheme.files] == ["registered-population.toml"] * 2
    assert len({digest for _, digest in scheme.files}) == 2


# Sources -----------------------------------------------------------------------------------------------


def test_not_both_source_and_assumption(refusal):
    """A value with both is refused, in values and in defaults."""
    both = '{ value = 1, source = "circular", assumption = "x" }'
    message = refusal(('{ value = 1_000_000, source = "circular" }', both))
    assert message.startswith("mine.toml: parameters › budget › values › 2014/15: expected either source or assumption")
    message = refusal(("minimum = 0", f"minimum = 0\ndefault = {both}"))
    assert message.startswith("mine.toml: parameters › budget › default: expected either source or assumption")
    assert "assumption: is empty" in refusal(('"Ten per cent more."', '"  "'))


def test_undeclared_source(refusal):
    """An undeclared source is refused with the nearest declared one."""
    message = refusal(("[sources.circular]", "[sources.circulars]"))

    assert message == (
        "mine.toml: parameters › budget › values › 2014/15: there is no source circular; "
        "did you mean circulars?; declare it under [sources.circular]"
    )
    assert refusal(('organisation = "CCG"', 'sources = ["circlar"]')).startswith(
        "mine.toml: scheme › sources: there is no source circlar; did you mean circular"
    )


def test_unused_source(refusal):
    """A source that nothing cites is refused."""
    message = refusal(('source = "circular"', 'assumption = "x"'))

    assert message == "mine.toml: sources › circular: nothing in the file uses this source; cite it or remove it"


def test_sources_of_all_files_are_kept(tmp_path):
    """The scheme also lists the sources that its formula cites, with their notes."""
    cited = 'title = "By people"\nsources = ["act"]\n\n[sources.act]\ntitle = "The Act"\nnote = "Section 2."\n'
    write(tmp_path, "by-people.toml", changed(FORMULA, ('title = "By people"\n', cited)))
    text = f'{HEAD}formula = "by-people"\n[values.budget]\nevery_year = {{ value = 5, assumption = "x" }}\n'
    scheme = load(str(write(tmp_path, "mine.toml", text)))

    assert [(source.key, source.title, source.note) for source in scheme.sources] == [("act", "The Act", "Section 2.")]


def test_source_of_a_default_is_that_of_its_file(tmp_path):
    """A default has the source that the formula's own file declares."""
    cited = 'minimum = 0\ndefault = { value = 7, source = "act" }\n\n[sources.act]\ntitle = "The Act"\n'
    write(tmp_path, "by-people.toml", changed(FORMULA, ("minimum = 0\n", cited)))
    scheme = load(str(write(tmp_path, "mine.toml", HEAD + 'formula = "by-people"\n')))

    value = scheme.parameters["budget"].values["2015/16"]
    assert (value.value, str(value.source), value.assumption) == (7, "The Act", "")


# Years and values --------------------------------------------------------------------------------------


def test_missing_year_names_the_years_there_are(refusal):
    """No value is carried over: a year without a value is named, and so are the years with one."""
    message = refusal(('"2015/16" = { value = 1_100_000, assumption = "Ten per cent more." }\n', ""))

    assert message == (
        "mine.toml: there is no value for budget (Budget) in 2015/16 (there are values for 2014/15); "
        "add it under [parameters.budget.values], or set it with --set budget@2015/16=VALUE"
    )


def test_default_fills_no_year_that_was_forgotten(refusal):
    """A default is used only for a parameter without any values; if some years have one, the others are missing."""
    message = refusal(
        ('"2015/16" = { value = 1_100_000, assumption = "Ten per cent more." }\n', ""),
        ("minimum = 0", 'minimum = 0\ndefault = { value = 5, assumption = "x" }'),
    )

    assert "no value for budget (Budget) in 2015/16" in message


def test_every_year(loaded, refusal):
    """One value may be for every year; together with values for single years it is refused."""
    start, end = SCHEME.index('"2014/15" = {'), SCHEME.index("[[steps]]")
    text = SCHEME[:start] + 'every_year = { value = 3, source = "circular" }\n\n' + SCHEME[end:]

    assert [value.value for value in loaded(text=text).parameters["budget"].values.values()] == [3, 3]
    message = refusal(('"2014/15" = {', "every_year = {"))
    assert message == "mine.toml: parameters › budget › values: give every_year or the years one by one, not both"


@pytest.mark.parametrize("year", ["2014-15", "2016/17", "2014/2015", "all", "2014/15 "])
def test_value_of_a_strange_year(refusal, year):
    """A value for a year that the scheme does not have is refused with the right years."""
    message = refusal(('"2014/15" = {', f'"{year}" = {{'))

    assert message == (
        f"mine.toml: parameters › budget › values: {year.strip()} is not a year of the scheme; "
        "write 2014/15, 2015/16 or every_year"
    )


@pytest.mark.parametrize(
    ("years", "expected"),
    [
        ('["2014-15", "2015/16"]', "'2014-15' is not a financial year; write it as 2014/15"),
        ('["2014/2015"]', "'2014/2015' is not a financial year; write it as 2014/15"),
        ('["2014/16"]', "'2014/16' is not a financial year; write it as 2014/15"),
        ('["2014"]', "'2014' is not a financial year; write it as 2014/15"),
        ('["٢٠١٤/15"]', "is not a financial year; write it as 2014/15"),
        ('["2014/15", "2016/17"]', "years must be consecutive, the earliest first"),
        ('["2015/16", "2014/15"]', "years must be consecutive"),
        ('["2014/15", "2014/15"]', "years must be consecutive"),
    ],
)
def test_years_of_a_scheme(refusal, years, expected):
    """Years are written 2014/15 and are consecutive."""
    message = refusal(('["2014/15", "2015/16"]', years))

    assert message.startswith("mine.toml: scheme › years: ")
    assert expected in message


def test_turn_of_the_century(loaded):
    """1999/00 is a financial year, and 2000/01 follows it."""
    scheme = loaded(
        ('["2014/15", "2015/16"]', '["1999/00", "2000/01"]'),
        ('"2014/15" = {', '"1999/00" = {'),
        ('"2015/16" = {', '"2000/01" = {'),
    )

    assert scheme.years == ("1999/00", "2000/01")


def test_values_in_two_places(refusal):
    """Values both where the parameter is declared and under [values] are refused."""
    message = refusal(text=SCHEME + '\n[values.budget]\n"2014/15" = { value = 1, assumption = "x" }\n')

    assert message == (
        "mine.toml: values › budget: the parameter also has values in mine.toml, where it is declared; keep one"
    )


def test_value_of_an_undeclared_parameter(refusal):
    """A value for an undeclared parameter is refused with the nearest declared one."""
    message = refusal(text=SCHEME + '\n[values.budgets]\n"2014/15" = { value = 1, assumption = "x" }\n')

    assert message == (
        "mine.toml: values › budgets: no file of the scheme declares this parameter; did you mean budget?"
    )


@pytest.mark.parametrize(
    ("text", "exact"),
    [
        ('"1/6"', Fraction(1, 6)),
        ('"1_000/3"', Fraction(1000, 3)),
        ('" -2.5 "', Fraction(-5, 2)),
        ("150_000_000", Fraction(150_000_000)),
        ("1e3", Fraction(1000)),
        ('"1E-2"', Fraction(1, 100)),
        ('".5"', Fraction(1, 2)),
    ],
)
def test_exact_values(loaded, text, exact):
    """A value is a number or an exact fraction in text; it becomes the nearest float."""
    scheme = loaded(("minimum = 0\n", ""), ("value = 1_000_000", f"value = {text}"))

    assert scheme.parameters["budget"].values["2014/15"].value == float(exact)


NO_NUMBERS = "nan inf -inf 1e400 1e999999999 -1e9999 1/0 1/2/3 1/6e3 0x10 1,000 £5 5%% % _1 1__0 one ٥ ½ True"


@pytest.mark.parametrize("text", ["", " ", "1 000", "1" * 5_000, *NO_NUMBERS.split()])
def test_no_number(text):
    """A text that is not a finite number is refused at once, even with a huge power or a long text."""
    with pytest.raises(ValueError, match=r"not a number|too large") as caught:
        number(text)

    assert len(str(caught.value)) < 200


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("£226,000,000", "226000000, without £, commas and letters"),
        ("£226m", "226000000, without £, commas and letters"),
        ("219,220,000", "219220000, without £, commas and letters"),
        ("-£1.25bn", "-1250000000, without £, commas and letters"),
        ("12.5k", "12500, without £, commas and letters"),
        ("3 million", "3000000, without £, commas and letters"),
        ("\u22125%", "-5%, with - as its minus"),
        ("\u20130.5", "-0.5, with - as its minus"),
        ("1,5", "1500000, 0.5, 5% or 1/6"),
        ("12,34,567", "1500000, 0.5, 5% or 1/6"),
    ],
)
def test_amounts_as_people_write_them(text, plain):
    """A number with £, commas, a word for its size or a long minus is refused, with its digits to write instead."""
    with pytest.raises(ValueError, match="is not a number") as caught:
        number(text)

    assert str(caught.value) == f"{text!r} is not a number; write {plain}"
    if "as its" in plain or "without" in plain:
        number(plain.partition(",")[0])


def test_number_of_the_other_kinds():
    """True is not a number, and minus 0 is 0."""
    with pytest.raises(ValueError, match="not a number"):
        number(value=True)
    assert str(number("-0")) == "0.0"


# Settings ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("budget=150_000_000", [150_000_000, 150_000_000]),
        ("budget@2015/16=150000000", [1_000_000, 150_000_000]),
        ("budget=1/6", [1 / 6, 1 / 6]),
        (" budget @ 2014/15 = 2.5e6 ", [2_500_000, 1_100_000]),
    ],
)
def test_settings(loaded, text, values):
    """A setting replaces a value in every year or in one, is marked, and is listed as an assumption."""
    scheme = loaded(settings=settings(text))
    now = scheme.parameters["budget"].values

    assert [value.value for value in now.values()] == pytest.approx(values, rel=1e-15)
    changed_years = [year for year in scheme.years if "@" not in text or year in text]
    assert [(name, year) for name, year, _ in scheme.overridden()] == [("budget", year) for year in changed_years]
    assert [now[year].source for year in changed_years] == [None] * len(changed_years)
    about_set = [assumption for assumption in scheme.assumptions if "--set" in assumption.text]
    assert [(assumption.parameter, list(assumption.years)) for assumption in about_set] == [("budget", changed_years)]


def test_setting_fills_a_missing_year(loaded):
    """A setting can give a value for a year that has none in the files."""
    scheme = loaded(
        ('"2015/16" = { value = 1_100_000, assumption = "Ten per cent more." }\n', ""),
        settings=settings("budget@2015/16=9"),
    )

    assert [value.value for value in scheme.parameters["budget"].values.values()] == [1_000_000, 9]


def test_setting_of_one_year_overrides_that_of_all(loaded):
    """A setting for one year overrides one for all years, in any order."""
    for texts in (("budget=1", "budget@2015/16=2"), ("budget@2015/16=2", "budget=1")):
        scheme = loaded(settings=settings(*texts))

        assert [value.value for value in scheme.parameters["budget"].values.values()] == [1, 2]


NO_SETTINGS = "budget =5 @2015/16=5 budget@=5 budget= budget=nan budget=inf budget=1e400 budget=1e999999999"


@pytest.mark.parametrize("text", ["", "budget=a lot", "a\nb=x", *NO_SETTINGS.split()])
def test_setting_of_no_form(text):
    """A setting that is not NAME=VALUE or NAME@2015/16=VALUE with a finite number is refused in one line."""
    with pytest.raises(UsageError, match=r"^--set ") as caught:
        Setting.read(text)

    proper(caught.value)


def test_setting_of_an_unknown_name_or_year(refusal):
    """A setting for an unknown parameter or year is refused with the nearest parameter, or with the years."""
    assert refusal(settings=settings("buget=5")) == (
        "--set buget: there is no such parameter; did you mean budget?; the parameters are budget"
    )
    assert refusal(settings=settings("budget@2016/17=5")) == (
        "--set budget@2016/17: the scheme has the years 2014/15, 2015/16"
    )
    assert "the scheme has the years 2014/15, 2015/16" in refusal(settings=settings("budget@2014-16=5"))
    assert refusal(settings=settings("budget=5", "budget=6")) == "--set budget: set twice; set it once"


# Bounds ------------------------------------------------------------------------------------------------


def test_a_percentage_is_a_value_of_ratios_alone(refusal):
    """5% is 0.05 of something, so it is not a budget and is not read as 5p."""
    assert number("5%") == 0.05
    assert refusal(settings=settings("budget=5%")) == (
        "--set budget: 5% is a percentage, but the unit of budget is £; "
        "for a change of the scheme's value write +5% or -5%"
    )
    assert refusal(("value = 1_000_000", 'value = "5%"')).startswith("mine.toml: ")


def test_bounds_that_are_numbers(refusal):
    """A value outside its bounds is refused: name, value, year, bound; by the file or by --set."""
    assert refusal(("value = 1_100_000", "value = -5")) == "mine.toml: budget is -5 in 2015/16; its minimum is 0"
    assert refusal(settings=settings("budget@2014/15=-1")) == "--set: budget is -1 in 2014/15; its minimum is 0"
    message = refusal(("minimum = 0", 'minimum = 0\nmaximum = "1/2"'))
    assert message == "mine.toml: budget is 1000000 in 2014/15; its maximum is 1/2"


def test_values_may_equal_their_bounds(loaded):
    """A value may be as low as its minimum and as high as its maximum."""
    bounds = ("minimum = 0", "minimum = 1_000_000\nmaximum = 1_100_000")

    assert [value.value for value in loaded(bounds).parameters["budget"].values.values()] == [1_000_000, 1_100_000]


def test_bounds_that_are_parameters(loaded, refusal):
    """A bound may be another parameter, with its value in the same year; a setting can change it."""
    assert loaded(text=CAPPED).parameters["budget"].maximum == "cap"
    assert refusal(("value = 1_000_001", "value = 1_050_001"), text=CAPPED) == (
        "mine.toml: budget is 1050001 in 2015/16; its maximum is cap, which is 1050000 in that year"
    )
    assert refusal(text=CAPPED, settings=settings("cap@2015/16=1000000")) == (
        "--set: budget is 1000001 in 2015/16; its maximum is cap, which is 1000000 in that year"
    )
    assert refusal(text=CAPPED, settings=settings("budget@2015/16=3.9")) == (
        "--set: budget is 3.9 in 2015/16; its minimum is cap_low, which is 4 in that year"
    )


def test_bound_that_is_nothing(refusal):
    """A bound that is neither a number nor a parameter is refused with the nearest parameter."""
    message = refusal(("minimum = 0", 'maximum = "bugdet"'))

    assert message == (
        "mine.toml: parameters › budget › maximum: bugdet is neither a number nor a parameter; did you mean budget?"
    )


def test_bound_has_the_unit_of_what_it_bounds(refusal):
    """A bound in people does not fit £; % and ratio fit each other; without a unit, units are not compared."""
    people = ('label = "Cap"\nunit = "£"', 'label = "Cap"\nunit = "people"')

    assert refusal(people, text=CAPPED) == (
        "mine.toml: parameters › budget › maximum: cap is in people, but budget is in £"
    )
    for unit in ("", 'unit = "£"'):
        changed_scheme = changed(CAPPED, ('label = "Cap"\nunit = "£"', f'label = "Cap"\n{unit}'))
        assert "its maximum is cap" in refusal(("value = 1_000_001", "value = 1_050_001"), text=changed_scheme)


def test_defaults(loaded, refusal):
    """A default is used for every year, keeps its assumption, and must be within the bounds."""
    start, end = SCHEME.index("[parameters.budget.values]"), SCHEME.index("[[steps]]")
    text = SCHEME[:start] + SCHEME[end:]
    text = changed(text, ("minimum = 0", 'minimum = 0\ndefault = { value = 12, assumption = "A dozen." }'))
    text = changed(text, ('organisation = "CCG"', 'organisation = "CCG"\nsources = ["circular"]'))

    assert [value.value for value in loaded(text=text).parameters["budget"].values.values()] == [12, 12]
    assert [assumption.text for assumption in loaded(text=text).assumptions] == ["A dozen."]
    assert "its minimum is 0" in refusal(("value = 12", "value = -12"), text=text)


# Names -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "name", "meaning"),
    [
        ('name = "unrounded_fair_share"', "budget", "a parameter"),
        ('name = "fair_share"', "unrounded_fair_share", "a step"),
        ('name = "fair_share"', "total", "a function of the language"),
        ('name = "fair_share"', "share_out", "a function of the language"),
        ('name = "fair_share"', "where", "a function of the language"),
        ('name = "fair_share"', "not", "a word of the language"),
        ('name = "fair_share"', "class", "a word of the language"),
        ('name = "fair_share"', "year", "a column of every table"),
        ('name = "fair_share"', "org_code", "a column of every table"),
        ('name = "fair_share"', "org_name", "a column of every table"),
        ('name = "fair_share"', "registered_population", "an input column"),
        ('name = "fair_share"', "historic_spend", "an input column"),
    ],
)
def test_a_name_is_only_one_thing(refusal, old, name, meaning):
    """A step cannot have the name of a parameter, another step, a function, a word of the language or a column."""
    message = refusal((old, f'name = "{name}"'))

    assert message == f"mine.toml, step {name}: {name} is already {meaning}; use another name"


@pytest.mark.parametrize("name", ["rank", "rate_of", "total"])
def test_the_name_of_a_function_is_reported_where_it_is_declared(refusal, name):
    """A formula that uses a step with the name of a function is not to blame: the step is."""
    message = refusal(
        ('name = "unrounded_fair_share"', f'name = "{name}"'), ("rounded(unrounded_fair_share)", f"rounded({name})")
    )
    assert message == f"mine.toml, step {name}: {name} is already a function of the language; use another name"

    text = SCHEME.replace("parameters.budget", f"parameters.{name}").replace("share_out(budget,", f"share_out({name},")
    message = refusal(text=text)
    assert message == f"mine.toml, parameters › {name}: {name} is already a function of the language; use another name"


@pytest.mark.parametrize("name", ["total", "year", "registered_population", "or"])
def test_a_parameter_name_is_only_one_thing(refusal, name):
    """A parameter cannot have the name of a function, a word of the language or a fixed column."""
    message = refusal(text=SCHEME + f'\n[parameters.{name}]\nlabel = "x"\n')

    assert message.startswith(f"mine.toml: parameters: {name} is ")


def test_an_input_name_is_only_one_thing(refusal):
    """A declared input column that is also a parameter or a step is refused, and the file is named."""
    assert refusal(text=SCHEME + "\n[inputs.budget]\noptional = true\n") == (
        "mine.toml: inputs: budget is already a parameter; use another name"
    )
    assert refusal(text=SCHEME + "\n[inputs.fair_share]\noptional = true\n") == (
        "mine.toml, step fair_share: fair_share is already an input column; use another name"
    )


def test_fixed_columns_keep_their_unit(loaded, refusal):
    """A fixed column declared optional keeps its unit; another unit or a text is refused."""
    scheme = loaded(text=SCHEME + "\n[inputs.registered_population]\noptional = true\n")

    assert (
        scheme.symbols["registered_population"].unit,
        scheme.symbols["registered_population"].optional,
    ) == ("people", True)
    for wrong in ('unit = "£"', 'type = "text"'):
        assert "its unit is people" in refusal(text=SCHEME + f"\n[inputs.registered_population]\n{wrong}\n")


def test_inputs_are_numbers_unless_said_or_seen(loaded, refusal):
    """A column compared with a quoted text, used in within= or declared as text is a text; others are numbers."""
    step = '\n[[steps]]\nname = "x"\nlabel = "X"\nformula = "where(tier == \'island\', need_index, 0)"\n'
    scheme = loaded(text=SCHEME + step + '\n[inputs.need_index]\nlabel = "Index of need"\nunit = "ratio"\n')

    assert {column.name: (column.type, column.unit) for column in scheme.inputs} == {
        "registered_population": ("number", "people"),
        "tier": ("text", None),
        "need_index": ("number", "ratio"),
    }
    assert scheme.labels["need_index"] == "Index of need"
    assert scheme.labels["tier"] == "Tier"
    assert "a text column has no unit" in refusal(text=SCHEME + '\n[inputs.x]\ntype = "text"\nunit = "£"\n')


@pytest.mark.parametrize(
    ("declared", "message"),
    [
        ('[inputs.x]\nunit = "people"', "signed is for money"),
        ("[inputs.x]", "signed is for money"),
        ('[inputs.historic_spend]\nunit = "£"', "this column is never negative"),
    ],
)
def test_only_money_columns_of_the_scheme_may_be_signed(declared, message, refusal):
    """People cannot be negative, and the fixed columns are never negative."""
    assert message in refusal(text=f"{SCHEME}\n{declared}\nsigned = true\n")


def test_year_is_no_column_of_a_formula(refusal):
    """A formula cannot use the year; a parameter has a value for each year."""
    message = refusal(("abs(total(fair_share) - budget) <= 0.5", "fair_share > year"))

    assert message.startswith("mine.toml, check Adds up, character 14: a formula is the same in every year")


def test_a_step_uses_what_is_above_it(refusal):
    """A step that uses itself or a step further down is refused with what to do: there are no circles."""
    below = refusal(("share_out(budget, by=registered_population)", "fair_share * 2"))
    itself = refusal(("share_out(budget, by=registered_population)", "unrounded_fair_share + budget"))

    assert below.startswith("mine.toml, step unrounded_fair_share, character 1: fair_share is defined further down")
    assert "previous(fair_share, first=…)" in below
    assert itself.startswith(
        "mine.toml, step unrounded_fair_share, character 1: unrounded_fair_share is defined further down"
    )


def test_error_in_a_formula_names_file_step_and_character(refusal):
    """An invalid formula is refused with the file, the step and the number of the character."""
    message = refusal(("rounded(unrounded_fair_share)", "budget + spam(1)"))

    assert message.startswith("mine.toml, step fair_share, character 10: there is no function spam")


# Formulas used by name ---------------------------------------------------------------------------------


def test_use_puts_a_formula_in_under_a_prefix(loaded):
    """Two uses of one formula give two sets of steps and checks, each with its own budget and label."""
    scheme = loaded(text=USES)

    assert {step.name: step.formula for step in scheme.steps} == {
        "core_fair_share_weight": "registered_population",
        "core_unrounded_fair_share": "share_out(core_budget, by=core_fair_share_weight)",
        "core_fair_share": "rounded(core_unrounded_fair_share)",
        "need_fair_share_weight": "patients_in_need",
        "need_unrounded_fair_share": "share_out(need_budget, by=need_fair_share_weight)",
        "need_fair_share": "rounded(need_unrounded_fair_share)",
        "fair_share": "core_fair_share + need_fair_share",
        "allocation": "fair_share",
    }
    assert scheme.labels["core_fair_share"] == "Core: fair share"
    assert scheme.steps[0].where == "registered-population.toml (core), step fair_share_weight"
    assert [check.name for check in scheme.checks] == [
        "Core: fair shares add up to the national budget (± 50p)",
        "Need: fair shares add up to the national budget (± 50p)",
    ]
    assert scheme.checks[1].formula == "abs(total(need_fair_share) - need_budget) <= 0.5"
    assert list(scheme.parameters) == ["core_budget", "need_budget"]
    assert [file for file, _ in scheme.files] == ["registered-population.toml", "mine.toml"]


def test_uses_give_the_figures_calculated_by_hand(tmp_path):
    """£1,000,000 by people and £100,000 by patients in need, calculated by hand, add up for each organisation."""
    people = write(
        tmp_path,
        "people.csv",
        "org_code,registered_population,patients_in_need\n"
        "A,100000,40000\nB,200000,30000\nC,300000,20000\nD,400000,10000\n",
    )
    result = allocate(population=people, scheme=write(tmp_path, "mine.toml", USES))

    # 1,000,000 people: £1 a head. 100,000 in need: £1 a head.
    assert result.rows["allocation"].to_list() == [100_000 + 40_000, 230_000, 320_000, 410_000]
    assert result.agrees


def test_unmapped_parameters_are_shared(loaded, refusal):
    """A parameter that `with` does not replace is shared by both uses."""
    text = USES.replace('with = { revenue_budget = "core_budget" }\n', "").replace(
        'revenue_budget = "need_budget", ', ""
    )
    text = text.replace("[parameters.core_budget", "[parameters.spare").replace(
        "[parameters.need_budget", "[parameters.other"
    )
    budget = '\n[values.revenue_budget]\nevery_year = { value = 5, assumption = "x" }\n'
    scheme = loaded(text=text + budget)

    assert scheme.parameters["revenue_budget"].values["2014/15"].value == 5
    assert "no value for revenue_budget (National GP IT revenue funding) in 2014/15" in refusal(text=text)
    assert "add it under [values.revenue_budget]" in refusal(text=text)


def test_unknown_name_in_with(refusal):
    """A name that the formula does not have is refused, and so is an unknown name that replaces a parameter."""
    assert refusal(('{ revenue_budget = "core_budget" }', '{ revenu_budget = "core_budget" }'), text=USES) == (
        "mine.toml: use › core › with: registered-population has no parameter or input column revenu_budget; "
        "did you mean revenue_budget?; "
        "only these can be replaced"
    )
    assert refusal(('{ revenue_budget = "core_budget" }', '{ revenue_budget = "core_bugdet" }'), text=USES) == (
        "mine.toml: use › core › with › revenue_budget: there is no core_bugdet; "
        "did you mean core_budget or need_budget?; "
        "declare it under [parameters.core_bugdet], or under [inputs.core_bugdet] if it is a column"
    )
    assert "has no parameter or input column fair_share;" in refusal(
        ('revenue_budget = "core_budget"', 'fair_share = "core_budget"'), text=USES
    )


def test_two_uses_of_one_name(refusal):
    """Two uses under one name are refused."""
    message = refusal(('as = "need"', 'as = "core"'), text=USES)

    assert message == "mine.toml: use › core: another use is already called core; use another name"


def test_use_after_the_step_that_its_with_names(loaded):
    """A step may calculate a budget: the use comes after that step, and before those that need it."""
    start = USES.index("[parameters.core_budget]")
    middle = USES.index("[parameters.need_budget]")
    step = '[[steps]]\nname = "core_budget"\nlabel = "Core budget"\nunit = "£"\nformula = "10 * need_budget"\n\n'
    text = USES[:start] + USES[middle:]
    text = text.replace('[[steps]]\nname = "fair_share"', step + '[[steps]]\nname = "fair_share"')
    names = [step.name for step in loaded(text=text).steps]

    assert names.index("need_fair_share") < names.index("core_budget") < names.index("core_fair_share_weight")
    assert names.index("core_fair_share") < names.index("fair_share")


def test_use_in_a_circle_is_a_step_further_down(refusal):
    """A use that needs its own result is refused as a step that is defined too late."""
    message = refusal(('{ revenue_budget = "core_budget" }', '{ revenue_budget = "fair_share" }'), text=USES)

    assert "core_fair_share is defined further down" in message


INNER = changed(
    FORMULA,
    ('name = "by-people"', 'name = "inner"'),
    ("minimum = 0", 'maximum = "ceiling"\n\n[parameters.ceiling]\nlabel = "Ceiling"\nunit = "£"'),
)
OUTER = """
[formula]
name = "outer"
title = "Half for the places, half for the people"

[parameters.pot]
label = "GP IT pot"
unit = "£"

[parameters.half_budget]
label = "Half"
unit = "£"

[[use]]
formula = "inner"
as = "half"
with = { budget = "half_budget" }

[[steps]]
name = "even_weight"
label = "GP share of one"
unit = "ratio"
formula = "1 + 0 * registered_population / total(registered_population)"

[[steps]]
name = "unrounded_even"
label = "Even"
unit = "£"
formula = "share_out(pot, by=even_weight)"

[[steps]]
name = "fair_share"
label = "Fair share"
unit = "£"
formula = "unrounded_even + half_fair_share"
"""
NESTED = """
[scheme]
name = "nested"
title = "A formula that uses a formula"
organisation = "CCG"
years = ["2014/15"]
formula_place

[[use]]
formula = "outer"
as = "all"
with = { pot = "money", half_budget = "other", ceiling = "top" }

[parameters.money]
label = "Money"
unit = "£"
values = { every_year = { value = 400, assumption = "x" } }

[parameters.other]
label = "Other"
unit = "£"
values = { every_year = { value = 1_000, assumption = "x" } }

[parameters.top]
label = "Top"
unit = "£"
values = { every_year = { value = 1_000, assumption = "x" } }

[[steps]]
name = "fair_share"
label = "Fair share"
unit = "£"
formula = "all_fair_share"
""".replace("formula_place\n", "")


def test_nested_use(tmp_path):
    """A used formula may use another: prefixes join, `with` is passed on, and the pounds are as calculated by hand."""
    write(tmp_path, "inner.toml", INNER)
    write(tmp_path, "outer.toml", OUTER)
    path = write(tmp_path, "mine.toml", NESTED)
    scheme = load(str(path))
    formulas = {step.name: step.formula for step in scheme.steps}

    assert formulas["all_half_unrounded_fair_share"] == "share_out(other, by=registered_population)"
    assert formulas["all_half_fair_share"] == "rounded(all_half_unrounded_fair_share)"
    # A parameter whose name begins with the name of a use is not a step of that use.
    assert formulas["all_unrounded_even"] == "share_out(money, by=all_even_weight)"
    assert formulas["all_fair_share"] == "all_unrounded_even + all_half_fair_share"
    assert scheme.labels["all_half_fair_share"] == "All half: fair share"
    assert scheme.labels["all_even_weight"] == "All: GP share of one"
    assert set(scheme.parameters) == {"money", "other", "top"}
    assert [file for file, _ in scheme.files] == ["inner.toml", "outer.toml", "mine.toml"]

    people = write(tmp_path, "people.csv", PEOPLE)
    # £400 evenly over four, and £1,000 over 1,000,000 people by 100,000 of them.
    assert allocate(population=people, scheme=path).rows["allocation"].to_list() == [200, 300, 400, 500]


def test_replaced_column_is_not_asked_for(loaded, tmp_path):
    """A column that a used formula declares, but `with` replaces, is not an input of the scheme."""
    column = '[inputs.head_count]\nunit = "people"\n\n[[steps]]\nname = "unr'
    text = changed(FORMULA, ('[[steps]]\nname = "unr', column), ("by=registered_population", "by=head_count"))
    write(tmp_path, "by-people.toml", text)
    use = '\n[[use]]\nformula = "by-people"\nas = "a"\nwith = { head_count = "registered_population" }\n'
    scheme = loaded(text=SCHEME + use)

    assert [column.name for column in scheme.inputs] == ["registered_population"]
    assert "head_count" not in scheme.symbols


def test_bound_of_a_used_formula_follows_its_names(tmp_path):
    """A bound that is a parameter of the used formula becomes the parameter that `with` gives for it."""
    write(tmp_path, "inner.toml", INNER)
    text = changed(
        NESTED,
        ('formula = "outer"\nas = "all"\nwith = { pot = "money", half_budget = "other", ceiling = "top" }',
         'formula = "inner"\nas = "all"\nwith = { ceiling = "top" }'),
    )  # fmt: skip
    text += '\n[values.budget]\nevery_year = { value = 1_001, assumption = "x" }\n'
    message = refused(write(tmp_path, "mine.toml", text))

    assert message == "mine.toml: budget is 1001 in 2014/15; its maximum is top, which is 1000 in that year"


def test_use_of_itself(tmp_path):
    """A formula that uses itself, directly or through another formula, is refused."""
    use = '\n[[use]]\nformula = "{}"\nas = "again"\n'
    scheme = write(tmp_path, "mine.toml", HEAD + 'formula = "a"\n')
    write(tmp_path, "a.toml", FORMULA + use.format("a"))
    assert refused(scheme) == "a.toml: use › again: a uses itself; remove this use"

    write(tmp_path, "a.toml", FORMULA + use.format("b"))
    write(tmp_path, "b.toml", FORMULA + use.format("./a.toml"))
    assert refused(scheme) == "b.toml: use › again: ./a.toml uses itself; remove this use"

    write(tmp_path, "a.toml", FORMULA + use.format("../here/a"))
    write(tmp_path, "b.toml", FORMULA)
    assert "no such file" in refused(scheme)


def test_files_of_one_name_in_two_folders(tmp_path):
    """Two formulas with the same file name are separate: both are used, listed and part of the digest."""
    scheme = write(
        tmp_path,
        "mine.toml",
        SCHEME.replace('[[steps]]\nname = "unr', '[[use]]\nformula = "a/x"\nas = "a"\n\n[[steps]]\nname = "unr'),
    )
    write(tmp_path, "a/x.toml", FORMULA + '\n[[use]]\nformula = "b/x.toml"\nas = "b"\n')
    digests = set()
    for title in ("One", "Two"):
        write(tmp_path, "a/b/x.toml", FORMULA.replace("By people", title))
        loaded = load(str(scheme))
        digests.add(loaded.digest)

        assert [file for file, _ in loaded.files] == ["x.toml", "x.toml", "mine.toml"]
        assert "a_b_fair_share" in loaded.symbols
    assert len(digests) == 2


def test_used_formula_ends_in_fair_share(tmp_path):
    """The last step of a used formula must be fair_share."""
    write(
        tmp_path,
        "x.toml",
        FORMULA.replace('name = "fair_share"', 'name = "share"').replace("total(fair", "total("),
    )
    message = refused(write(tmp_path, "mine.toml", SCHEME + '\n[[use]]\nformula = "x"\nas = "a"\n'))

    assert message == "x.toml: the last step of a formula must be fair_share; found share"


def test_uses_that_grow_without_bound(tmp_path):
    """Files that use each other twice at many levels are refused before they fill the memory."""
    use = '\n[[use]]\nformula = "f{0}"\nas = "a"\n\n[[use]]\nformula = "f{0}"\nas = "b"\n'
    write(tmp_path, "f0.toml", FORMULA)
    for index in range(1, 14):
        write(tmp_path, f"f{index}.toml", FORMULA + use.format(index - 1))

    assert "500 are allowed" in refused(write(tmp_path, "mine.toml", HEAD + 'formula = "f13"\n'))


def test_uses_that_are_too_deep(tmp_path):
    """Formulas may use one another 16 levels deep; deeper is refused."""
    write(tmp_path, "f0.toml", FORMULA)
    for index in range(1, 19):
        use = f'\n[[use]]\nformula = "f{index - 1}"\nas = "a"\n'
        write(tmp_path, f"f{index}.toml", FORMULA + use)
    values = '\n[values.budget]\nevery_year = { value = 1, assumption = "x" }\n'

    assert load(str(write(tmp_path, "a.toml", HEAD + 'formula = "f16"\n' + values))).formula == "by-people"
    message = refused(write(tmp_path, "b.toml", HEAD + 'formula = "f17"\n' + values))
    assert message == "f1.toml: use › a: formulas use one another more than 16 levels deep; use fewer files"


def test_declared_twice(tmp_path):
    """Two files may have the same declaration of a parameter, one with values; if they differ, both are named."""
    write(tmp_path, "by-people.toml", FORMULA)
    use = '[[use]]\nformula = "by-people"\nas = "a"\n\n[[checks]]'
    path = write(tmp_path, "mine.toml", changed(SCHEME, ("[[checks]]", use)))

    assert load(str(path)).parameters["budget"].values["2014/15"].value == 1_000_000
    write(tmp_path, "by-people.toml", changed(FORMULA, ('label = "Budget"', 'label = "The budget"')))
    assert refused(path) == (
        "mine.toml: parameters › budget: by-people.toml declares it differently; "
        "use the same declaration in both, or rename one"
    )


def test_a_default_is_no_difference_where_values_are_given(tmp_path):
    """A scheme may give values for a parameter that a used file declares with a default; they override it."""
    default = 'unit = "£"\ndefault = { value = 7, assumption = "x" }'
    write(tmp_path, "by-people.toml", changed(FORMULA, ('unit = "£"\nminimum = 0', f"{default}\nminimum = 0")))
    use = '[[use]]\nformula = "by-people"\nas = "a"\n\n[[checks]]'
    path = write(tmp_path, "mine.toml", changed(SCHEME, ("[[checks]]", use)))

    assert load(str(path)).parameters["budget"].values["2014/15"].value == 1_000_000


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{ source = 'x' }", "properties › bounds: unknown key source; known keys are broken, absent"),
        ("{ broken = 5 }", "properties › bounds › broken: expected a text in quotes; found 5"),
        (
            "{ broken = 'x', absent = 'y' }",
            "properties › bounds: a property that is not kept needs one reason, as broken or as",
        ),
        ("'keptt'", "properties › bounds: expected one of 'kept'; found 'keptt'"),
    ],
)
def test_a_property_is_kept_or_says_why(tmp_path, text, message):
    """An error in a property is named with its place and with what is allowed there."""
    path = write(tmp_path, "mine.toml", SCHEME + f"\n[properties]\nbounds = {text}\n")

    assert message in refused(path)


def test_values_in_the_declaration(tmp_path, loaded):
    """Values in a declaration are used in the scheme, in either of two files with the same declaration."""
    values = '[parameters.budget.values]\nevery_year = { value = 77, assumption = "x" }\n\n[[steps]]\nname = "unr'
    write(tmp_path, "by-people.toml", changed(FORMULA, ('[[steps]]\nname = "unr', values)))
    head = HEAD + 'formula = "by-people"\n'
    declared = '\n[parameters.budget]\nlabel = "Budget"\nunit = "£"\nminimum = 0\n'

    for text in (head, head + declared):
        assert loaded(text=text).parameters["budget"].values["2015/16"].value == 77


# Transitions -------------------------------------------------------------------------------------------

VALUES = """
[values.budget]
every_year = { value = 1_000_000, assumption = "x" }

[values.floor_share]
"2014/15" = { value = 0.9, assumption = "x" }
"2015/16" = { value = "80%", assumption = "y" }
"""


@pytest.fixture
def swappable(tmp_path):
    """A folder with a formula, a transition and a scheme that names both."""
    write(tmp_path, "by-people.toml", FORMULA)
    write(tmp_path, "floor.toml", TRANSITION)
    write(tmp_path, "mine.toml", HEAD + 'formula = "by-people"\ntransition = "floor"\n' + VALUES)
    return tmp_path


def test_transition_and_last_year(swappable):
    """A transition may use last year's allocation, which is defined after the step that uses it."""
    people = write(swappable, "people.csv", PEOPLE)
    spend = write(swappable, "spend.csv", "org_code,historic_spend\nA,500000\nB,500000\nC,450000\nD,820000\n")
    result = allocate(population=people, spend=spend, scheme=swappable / "mine.toml")

    # £1 a head, or 90% of the spend: 450,000, 450,000, 405,000, 738,000; then 80% of that allocation.
    assert result.year("2014/15")["allocation"].to_list() == [450_000, 450_000, 405_000, 738_000]
    assert result.year("2015/16")["allocation"].to_list() == pytest.approx([360_000, 360_000, 324_000, 590_400])


@pytest.mark.parametrize("inner", ["budget", "unrounded_fair_share"])
def test_transition_uses_no_names_of_a_formula(swappable, inner):
    """A transition that uses a formula's own step or budget is refused, in steps and in checks."""
    write(
        swappable,
        "floor.toml",
        changed(TRANSITION, ("max(fair_share, floor)", f"max(fair_share, floor, {inner})")),
    )
    message = refused(swappable / "mine.toml")
    assert message == (
        "floor.toml, step allocation, character 24: a transition may use fair_share, input columns "
        f"and its own steps and parameters, but not {inner}; for the money to spend, write total(fair_share)"
    )
    write(swappable, "floor.toml", TRANSITION + f'\n[[checks]]\nname = "No"\nformula = "allocation > {inner}"\n')
    assert refused(swappable / "mine.toml").startswith("floor.toml, check No, character 14: a transition may use")


def test_transition_may_not_use_the_rate_of_a_formula(swappable):
    """The message says whose rates it may use, and does not advise the money to spend, which is no rate."""
    formula = "max(fair_share, floor, rate_of(unrounded_fair_share))"
    write(swappable, "floor.toml", changed(TRANSITION, ("max(fair_share, floor)", formula)))

    assert refused(swappable / "mine.toml").endswith(
        "but not unrounded_fair_share; rate_of takes a share_out step of its own"
    )


def test_transition_may_declare_what_a_formula_declares(swappable):
    """A transition may use a parameter that it declares itself, even if the formula declares it as well."""
    declared = '[parameters.budget]\nlabel = "Budget"\nunit = "£"\nminimum = 0\n\n[parameters.floor_share]'
    text = changed(TRANSITION, ("[parameters.floor_share]", declared), ("max(fair", "min(budget, fair"))
    write(swappable, "floor.toml", text)

    assert load(str(swappable / "mine.toml")).steps[-1].formula == "min(budget, fair_share, floor)"


def test_transition_uses_no_formula_by_name(swappable):
    """A transition cannot have [[use]]: it works with any formula."""
    write(swappable, "floor.toml", TRANSITION + '\n[[use]]\nformula = "by-people"\nas = "core"\n')

    assert refused(swappable / "mine.toml").startswith("floor.toml: unknown key use")


def test_transition_needs_a_fair_share(tmp_path):
    """A transition without a formula is refused, and so is one that does not end in allocation."""
    write(tmp_path, "floor.toml", TRANSITION)
    scheme = write(tmp_path, "mine.toml", HEAD + 'transition = "floor"\n')
    assert refused(scheme) == "floor.toml: a transition needs a step fair_share before it; name a formula"

    write(
        tmp_path,
        "floor.toml",
        changed(TRANSITION, ('name = "allocation"', 'name = "awards"')).replace(
            "previous(allocation", "previous(awards"
        ),
    )
    assert refused(scheme) == "floor.toml: the last step of a transition must be allocation; found awards"


def test_transition_without_values_says_which_and_when(swappable):
    """The message for parameters without a value says which, for which years, and how to give them."""
    message = refused(swappable / "mine.toml", transition="cost-above-funding")

    assert message == (
        "mine.toml: there is no value for transition_fund (Transition fund) in 2014/15, 2015/16, nor for "
        "support_share (Share of spend above fair share that counts as need) in 2014/15, 2015/16; "
        "add it under [values.transition_fund], or set it with --set transition_fund@2014/15=VALUE"
    )
    scheme = load(
        str(swappable / "mine.toml"),
        transition="cost-above-funding",
        settings=settings("transition_fund=5", "support_share=50%"),
    )
    assert scheme.transition == "cost-above-funding"


def test_swapping_drops_values_with_a_note(swappable):
    """With another transition, the scheme's values for its own one are not used, and a note says so."""
    scheme = load(str(swappable / "mine.toml"), transition="none")

    assert scheme.notes == ("floor_share has values in mine.toml, but nothing in this run uses it",)
    assert list(scheme.parameters) == ["budget"]
    assert (scheme.formula, scheme.transition) == ("by-people", "none")
    assert {assumption.parameter for assumption in scheme.assumptions} == {"budget"}


def test_swapping_the_formula(swappable):
    """With another formula, the message says which values its parameters need."""
    message = refused(swappable / "mine.toml", formula="registered-population")

    assert message.startswith(
        "mine.toml: there is no value for revenue_budget (National GP IT revenue funding) in 2014/15"
    )
    assert load(str(swappable / "mine.toml"), formula=str(swappable / "by-people.toml")).notes == ()


def test_an_empty_option_is_no_choice(swappable):
    """An empty option is refused; it does not silently mean the scheme's own formula or transition."""
    assert "formula (empty): not in the library" in refused(swappable / "mine.toml", formula="")
    assert "transition (empty): not in the library" in refused(swappable / "mine.toml", transition="")


# The answer, and limits --------------------------------------------------------------------------------


def test_allocation_is_the_fair_share_without_a_transition(loaded):
    """Without a transition there is a step allocation, equal to the fair share, in its unit."""
    step = loaded().steps[-1]

    assert (step.name, step.formula, step.unit, step.kind.level) == (
        "allocation",
        "fair_share",
        "£",
        "organisation",
    )
    units = loaded(('label = "Fair share"\nunit = "£"\n', 'label = "Fair share"\n')).symbols
    assert units["allocation"].unit == "£"


def test_result_names_the_answer(loaded, refusal):
    """Another step may be named as the answer: one number per organisation, or it is refused."""
    assert loaded(('organisation = "CCG"', 'result = "unrounded_fair_share"')).result == "unrounded_fair_share"
    assert refusal(('organisation = "CCG"', 'result = "fair_shares"')) == (
        "mine.toml: scheme › result: there is no step fair_shares; "
        "did you mean fair_share or unrounded_fair_share?; "
        "name a step"
    )
    assert "there is no step budget" in refusal(('organisation = "CCG"', 'result = "budget"'))
    step = '\n[[steps]]\nname = "all"\nlabel = "All"\nformula = "{}"\n'
    assert refusal(('organisation = "CCG"', 'result = "all"'), text=SCHEME + step.format("total(fair_share)")) == (
        "mine.toml: the answer all is national; expected one number per organisation"
    )
    assert refusal(('organisation = "CCG"', 'result = "all"'), text=SCHEME + step.format("fair_share > 1")).startswith(
        "mine.toml: the answer all is yes/no;"
    )


def test_scheme_without_an_answer(refusal):
    """A scheme without allocation, fair_share or result is refused with what to write."""
    assert refusal(text=HEAD) == (
        'mine.toml: no step is named allocation or fair_share; name the answer with result = "…"'
    )


def test_report_by(loaded, refusal):
    """The column to report by is a text column, which no step needs to use; anything else is refused."""
    assert loaded(('organisation = "CCG"', 'report_by = "area_team"')).report_by == "area_team"
    for name, noun in (
        ("fair_share", "a step"),
        ("budget", "a parameter"),
        ("registered_population", "a column of numbers"),
    ):
        assert refusal(('organisation = "CCG"', f'report_by = "{name}"')) == (
            f"mine.toml: scheme › report_by: {name} is {noun}; name a text column of the inputs"
        )


def test_indicative_years(loaded, refusal):
    """Years of the scheme may be indicative; another year is refused; without the key all years are firm."""
    assert loaded(('organisation = "CCG"', 'indicative = ["2015/16"]')).indicative == ("2015/16",)
    assert loaded(('organisation = "CCG"', "")).indicative == ()
    assert "indicative names '2016/17', which is not a year of the scheme" in refusal(
        ('organisation = "CCG"', 'indicative = ["2016/17"]')
    )


def test_non_recurrent_steps(loaded, refusal):
    """A non-recurrent step must be one number per organisation in the unit of the answer."""
    step = '\n[[steps]]\nname = "once"\nlabel = "Once"\nformula = "{}"\nnon_recurrent = true\n'

    assert [entry.name for entry in loaded(text=SCHEME + step.format("fair_share / 10")).non_recurrent] == ["once"]
    assert loaded().non_recurrent == ()
    for formula, kind in (("total(fair_share)", "national"), ("fair_share > 1", "yes/no")):
        assert refusal(text=SCHEME + step.format(formula)) == (
            f"mine.toml, step once: non_recurrent marks a part of the answer; expected one number per CCG, found {kind}"
        )
    assert refusal(text=SCHEME + step.format("registered_population")) == (
        "mine.toml, step once: non_recurrent marks a part of the answer, which is in £; found people"
    )


def test_the_sample_scheme_marks_support_and_the_second_year():
    """GP IT: support ends (non-recurrent), and 2015/16, whose budget is an assumption, is indicative."""
    scheme = load("gpit-2014-16")

    assert [step.name for step in scheme.non_recurrent] == ["transition_support"]
    assert scheme.indicative == ("2015/16",)


def test_limits(loaded, refusal):
    """500 steps, 1,000 parameters and 1,000 characters in a formula are allowed; one more is refused."""
    # The small scheme has two steps, the allocation that is added, and one parameter.
    assert len(loaded(text=SCHEME + many(497, "steps")).steps) == 500
    assert refusal(text=SCHEME + many(498, "steps")) == "mine.toml: the scheme has 501 steps; at most 500 are allowed"
    assert len(loaded(text=SCHEME + many(999, "parameters")).parameters) == 1_000
    assert refusal(text=SCHEME + many(1_000, "parameters")) == (
        "mine.toml: the scheme has 1,001 parameters; at most 1,000 are allowed"
    )
    formula = "rounded(unrounded_fair_share)"
    assert loaded((formula, formula.ljust(1_000))).steps[1].formula == formula
    message = refusal((formula, formula.ljust(1_001)))
    assert message.startswith(
        "mine.toml, step fair_share, character 1001: the formula has 1,001 characters; at most 1,000 are"
    )


# Spend, assumptions and digests ------------------------------------------------------------------------


def test_spend_counts(loaded, refusal):
    """[spend] says which lines count, by three columns and their words, with one source or assumption."""
    counts = '{ cost_type = ["revenue"], category = ["core", "mandated"] }'
    spend = f'\n[spend]\ncounts = {counts}\nassumption = "As\\n  read."\n'
    scheme = loaded(text=SCHEME + spend)

    assert scheme.counts == {"cost_type": ("revenue",), "category": ("core", "mandated")}
    assert scheme.assumptions[-1].about == "What counts as historic spend"
    assert scheme.assumptions[-1].text == "As read."
    assert scheme.assumptions[-1].years == ("2014/15", "2015/16")
    assert loaded().counts == {}
    assert "unknown key cost_typ; did you mean cost_type?" in refusal(("cost_type", "cost_typ"), text=SCHEME + spend)
    assert "a line's cost_type must be revenue or capital, not 'Revenue'" in refusal(
        ('"revenue"', '"Revenue"'), text=SCHEME + spend
    )
    assert "cost_type: is empty" in refusal(('["revenue"]', "[]"), text=SCHEME + spend)
    source = loaded(('assumption = "As\\n  read."', 'source = "circular"'), text=SCHEME + spend)
    assert [assumption.parameter for assumption in source.assumptions] == ["budget"]
    assert "found both" in refusal(("\nassumption", '\nsource = "circular"\nassumption'), text=SCHEME + spend)
    assert "there is no source circlar" in refusal(
        ('assumption = "As\\n  read."', 'source = "circlar"'), text=SCHEME + spend
    )


def test_assumptions_are_numbered_with_their_years(tmp_path):
    """Assumptions are numbered from 1 in the order of the files; one for several years counts once."""
    write(tmp_path, "by-people.toml", FORMULA)
    write(tmp_path, "floor.toml", TRANSITION)
    path = write(tmp_path, "mine.toml", HEAD + 'formula = "by-people"\ntransition = "floor"\n' + VALUES)

    assert [(entry.number, entry.parameter, entry.text, entry.years) for entry in load(str(path)).assumptions] == [
        (1, "budget", "x", ("2014/15", "2015/16")),
        (2, "floor_share", "x", ("2014/15",)),
        (3, "floor_share", "y", ("2015/16",)),
    ]
    assert load(str(path)).assumptions[1].about == "Share of cost that is safe"


def test_upkeep_of_an_assumption(loaded, refusal):
    """Owner, date, quality and impact are recorded with an assumption; with a source they are refused."""
    more = 'owner = "J. Doe", date = 2014-05-01, quality = "RED", impact = "high"'
    detailed = loaded(('"Ten per cent more."', f'"Ten per cent more.", {more}')).assumptions[0]

    bare = loaded().assumptions[0]

    assert (bare.owner, bare.date, bare.quality, bare.impact) == ("", "", "", "")
    assert (detailed.owner, detailed.date, detailed.quality, detailed.impact) == (
        "J. Doe",
        dt.date(2014, 5, 1).isoformat(),
        "RED",
        "high",
    )
    assert "owner goes with an assumption; this value has a source" in refusal(
        ('source = "circular"', 'source = "circular", owner = "J. Doe"')
    )


def test_digest(tmp_path):
    """Anything that decides a result changes the digest; the folder, and the way a value is written, do not."""
    write(tmp_path, "a/by-people.toml", FORMULA)
    write(tmp_path, "a/floor.toml", TRANSITION)
    path = write(tmp_path, "a/mine.toml", HEAD + 'formula = "by-people"\ntransition = "floor"\n' + VALUES)
    for name in ("by-people.toml", "floor.toml", "mine.toml"):
        write(tmp_path, f"b/c/{name}", (tmp_path / "a" / name).read_bytes())
    first = load(str(path))

    assert re.fullmatch(r"[0-9a-f]{64}", first.digest)
    assert load(str(tmp_path / "b" / "c" / "mine.toml")).digest == first.digest
    set_once = load(str(path), settings=settings("budget=0.05"))
    assert load(str(path), settings=settings("budget=1/20")).digest == set_once.digest
    others = [
        set_once,
        load(str(path), settings=settings("budget@2014/15=0.05")),
        load(str(path), settings=settings("floor_share=5%")),
        load(str(path), transition="none"),
        load(str(path), formula="registered-population", settings=settings("revenue_budget=1")),
    ]
    for name, old, new in (
        ("mine.toml", "0.9", "0.91"),
        ("by-people.toml", "total(fair_share) - budget", "budget - total(fair_share)"),
        ("floor.toml", "max(fair", "min(fair"),
    ):
        text = (tmp_path / "a" / name).read_text(encoding="utf-8")
        write(tmp_path, f"a/{name}", changed(text, (old, new)))
        others.append(load(str(path)))
        write(tmp_path, f"a/{name}", text)
    assert load(str(path)).digest == first.digest
    assert len({first.digest, *(other.digest for other in others)}) == 1 + len(others)


def test_files_are_base_names(swappable):
    """Files are listed by base name and digest: nothing shows the machine."""
    scheme = load(str(swappable / "mine.toml"))

    assert [file for file, _ in scheme.files] == ["by-people.toml", "mine.toml", "floor.toml"]
    written_out = " ".join(repr(getattr(scheme, field.name)) for field in fields(scheme))
    assert str(swappable) not in written_out
    assert swappable.name not in refused(swappable / "mine.toml", settings=settings("x=1"))


# Mutations ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    slow_but(
        ["schemes/uses.toml", "schemes/capped.toml", "formulas/unit-rate.toml", "transitions/none.toml"],
        [*sorted(FILES), "schemes/uses.toml", "schemes/capped.toml"],
    ),
)
def test_garbled_files(tmp_path, name):
    """After any random change to a file, load works or says in one plain line what is wrong."""
    chance = random.Random(name)
    original = {"schemes/uses.toml": USES, "schemes/capped.toml": CAPPED, **FILES}[name]
    shelf, file = name.split("/")
    fund = settings("support_share=1", "transition_fund=1") if shelf == "transitions" else []
    refusals = 0
    times = 150 if name not in FILES else 40
    for _ in range(times):
        path = write(tmp_path, file, mutated(original, chance))
        try:
            load(**{OPTIONS[shelf]: str(path)}, settings=fund)
        except GpitError as fault:
            proper(fault)
            refusals += 1

    # Most changes cause an error: with few refusals the test would prove nothing.
    assert refusals > times / 2


def test_library_names_are_sorted():
    """Each kind of file in the library has its names, sorted."""
    assert "gpit-2014-16" in library_names("scheme")
    assert library_names("transition") == sorted(library_names("transition"))


@pytest.mark.parametrize("model", [shape.SchemeFile, shape.FormulaFile, shape.TransitionFile])
def test_editors_can_have_a_schema(model):
    """Each kind of file has a JSON Schema for editors, with its keys as written and no others allowed."""
    schema = model.model_json_schema()

    assert schema["additionalProperties"] is False
    assert schema["$defs"]["StepEntry"]["required"] == ["name", "label", "formula"]
    assert ("use" in schema["properties"]) == (model is not shape.TransitionFile)
    if "UseEntry" in schema["$defs"]:
        assert set(schema["$defs"]["UseEntry"]["properties"]) == {"formula", "as", "with"}


def test_a_scheme_may_say_who_pays_for_its_own_transition(tmp_path):
    """The scheme's paid_from overrides its transition's, but not that of a transition that replaces it."""
    head = '[scheme]\nname = "s"\ntitle = "S"\nyears = ["2014/15"]\npaid_from = "new money"\n'
    body = 'formula = "registered-population"\ntransition = "floor-damping"\n[values.revenue_budget]\n'
    value = 'every_year = { value = 1, assumption = "An example." }\n'
    path = write(tmp_path, "s.toml", head + body + value)

    assert load(str(path)).paid_from == "new money"
    assert load(str(path), transition="cap-and-scale").paid_from == "within the budget"
