"""Tables of scheme files: what they may contain, each wrong row refused with its place, and what uses them."""

import json
import tomllib

import pytest
from jsonschema import Draft202012Validator

from gpit_fairshare import allocate, compare, verify
from gpit_fairshare.errors import CalculationError, GpitError, SchemeError, UsageError
from gpit_fairshare.scheme.definition import defined, definition
from gpit_fairshare.scheme.joining import load
from gpit_fairshare.scheme.method import method
from gpit_fairshare.scheme.review import review
from gpit_fairshare.scheme.schema import file_schema
from gpit_fairshare.scheme.values import Setting
from scheme_files import changed, proper, write

SCHEME = """
[scheme]
name = "schools"
title = "Schools by stage and need"
organisation = "school"
years = ["2014/15", "2015/16"]

[sources.dfe]
title = "Weights"
date = 2014-04-03

[parameters.budget]
label = "Budget"
unit = "£"
values = { value = 1_000, source = "dfe" }

[tables.stage_weight]
label = "Weight by stage"
unit = "ratio"
rows = [
    { key = "primary", value = 1, source = "dfe" },
    { key = "secondary", value = "150%", assumption = "As before." },
]

[tables.need_band]
label = "Weight by need"
unit = "ratio"
key_unit = "people"
rows = [
    { from = 0, value = 1, source = "dfe" },
    { from = 300, up_to = 1_000, value = 2, source = "dfe" },
]

[[steps]]
name = "weight"
label = "Weight"
formula = "registered_population * lookup(stage_weight, stage) * band_value(need_band, registered_population)"

[[steps]]
name = "allocation"
label = "Allocation"
unit = "£"
formula = "share_out(budget, by=weight)"
"""
"""A scheme with a table of texts and a table of bands; every refused file below changes one thing in it."""
TEXTS = """rows = [
    { key = "primary", value = 1, source = "dfe" },
    { key = "secondary", value = "150%", assumption = "As before." },
]
"""
BANDS = """rows = [
    { from = 0, value = 1, source = "dfe" },
    { from = 300, up_to = 1_000, value = 2, source = "dfe" },
]
"""
FILE = 'file = "weights.csv"\n'
CSV = "key,value,source,assumption\nprimary,1,dfe,\nsecondary,150%,,As before.\n"
COLUMNS = "the columns are key (or from and up_to), value, source and assumption"
SCHOOLS = "org_code,registered_population,stage\nA,100,primary\nB,200,secondary\nC,300,primary\n"


def texts(*rows):
    """Return the change of the table of texts to these rows, each `key, value` and perhaps more."""
    return TEXTS, f"rows = [{', '.join(f'{{ {row} }}' for row in rows)}]\n"


def bands(*rows):
    """Return the change of the table of bands to these rows."""
    return BANDS, f"rows = [{', '.join(f'{{ {row} }}' for row in rows)}]\n"


@pytest.fixture
def scheme_file(tmp_path):
    """Return a function that writes the scheme with changes, and a file of weights beside it, and returns its path."""

    def written(*changes, weights=None, text=SCHEME):
        if weights is not None:
            write(tmp_path, "weights.csv", weights)
        return str(write(tmp_path, "mine.toml", changed(text, *changes)))

    return written


@pytest.fixture
def run(scheme_file, tmp_path):
    """Return a function that runs the scheme with changes, on three schools or on other rows."""

    def allocated(*changes, weights=None, schools=SCHOOLS, **options):
        population = write(tmp_path, "schools.csv", schools)
        return allocate(population=population, scheme=scheme_file(*changes, weights=weights), **options)

    return allocated


# Refusals ----------------------------------------------------------------------------------------------

A = 'key = "a", value = 1, source = "dfe"'
STAGE, NEED = "tables › stage_weight", "tables › need_band"
REFUSED = {
    "the trap of OpenFisca: a misspelled kind of scale changes every result there": (
        ((BANDS, f'{BANDS}type = "margnial"\n'),),
        f"{NEED}: unknown key type; known keys are label, unit, key_unit, rows, file, otherwise, note",
        "S03",
    ),
    "the trap of PolicyEngine: a missing value is filled with 0 there": (
        (texts(A, 'key = "b", source = "dfe"'),),
        f"{STAGE} › rows › b: value is missing",
        "S03",
    ),
    "bands out of order, which cost $360bn elsewhere": (
        (bands('from = 300, value = 2, source = "dfe"', 'from = 0, value = 1, source = "dfe"'),),
        f"{NEED} › rows › number 2: from 0 is below from 300 of the row above; list the bands in rising order",
        "S20",
    ),
    "a misspelled value": (
        (texts('key = "a", valeu = 1, source = "dfe"'),),
        f"{STAGE} › rows › a: unknown key valeu; did you mean value?",
        "S03",
    ),
    "a misspelled key": (
        (texts('kee = "a", value = 1, source = "dfe"'),),
        f"{STAGE} › rows › number 1: unknown key kee; did you mean key?",
        "S03",
    ),
    "a misspelled unit of keys": (
        (("key_unit", "keyunit"),),
        f"{NEED}: unknown key keyunit; did you mean key_unit or unit?",
        "S03",
    ),
    "no rows": (
        ((TEXTS, "rows = []\n"),),
        f'{STAGE}: a table needs rows, or file = "weights.csv" in their place; found neither',
        "S03",
    ),
    "neither rows nor file": (
        ((TEXTS, ""),),
        f'{STAGE}: a table needs rows, or file = "weights.csv" in their place; found neither',
        "S03",
    ),
    "both rows and file": (
        ((TEXTS, TEXTS + FILE),),
        f'{STAGE}: a table needs rows, or file = "weights.csv" in their place; found both',
        "S03",
    ),
    "rows that are a table": (
        ((TEXTS, "rows = { a = 1 }\n"),),
        f"{STAGE} › rows: expected a list in square brackets; found a table",
        "S03",
    ),
    "a row of only a number": (
        ((TEXTS, "rows = [1]\n"),),
        f"{STAGE} › rows › number 1: a row needs key, a text, or from, the number where a band begins; found neither",
        "S03",
    ),
    "a row without key and from": (
        (texts(A, 'value = 1, source = "dfe"'),),
        f"{STAGE} › rows › number 2: a row needs key, a text, or from, the number where a band begins; found neither",
        "S03",
    ),
    "a row with key and from": (
        (texts(f"from = 1, {A}"),),
        f"{STAGE} › rows › a: a row needs key, a text, or from, the number where a band begins; found both",
        "S03",
    ),
    "texts and bands in one table": (
        (texts(A, 'from = 1, value = 1, source = "dfe"'),),
        f"{STAGE} › rows › number 2: the rows above are texts (key), and this row is not; make two tables",
        "S03",
    ),
    "a key twice": (
        (texts(A, 'key = "b", value = 1, source = "dfe"', A),),
        f"{STAGE} › rows › a: row 1 has the same key; keep one row for it",
        "S07",
    ),
    "keys that differ only in capitals": (
        (texts(A, 'key = "A", value = 1, source = "dfe"'),),
        (
            f"{STAGE} › rows › A: the keys 'a' and 'A' differ only in capitals, which Excel does not tell apart; "
            "rename or remove one"
        ),
        "S07",
    ),
    "a key with a space at its end": (
        (texts('key = "a ", value = 1, source = "dfe"'),),
        f"{STAGE} › rows › a: the key 'a ' has spaces at its ends, which no cell keeps; remove them",
        "S03",
    ),
    "an empty key": (
        (texts('key = "", value = 1, source = "dfe"'),),
        f"{STAGE} › rows › number 1 › key: is empty; write a text",
        "S03",
    ),
    "a number as a key": (
        (texts('key = 1, value = 1, source = "dfe"'),),
        f"{STAGE} › rows › number 1 › key: expected a text in quotes; found 1",
        "S03",
    ),
    "a key longer than a cell may be": (
        (texts(f'key = "{"k" * 201}", value = 1, source = "dfe"'),),
        f"{STAGE} › rows › {'k' * 79}… › key: is too long; at most 200 characters are allowed; found '{'k' * 39}…'",
        "S03",
    ),
    "a key with the bracket of a setting": (
        (texts('key = "a]", value = 1, source = "dfe"'),),
        f"{STAGE} › rows › a]: the key 'a]' has ], which --set uses; write it without",
        "S03",
    ),
    "a key with the sign of a setting's year": (
        (texts('key = "a@b", value = 1, source = "dfe"'),),
        f"{STAGE} › rows › a@b: the key 'a@b' has @, which --set uses; write it without",
        "S03",
    ),
    "a key with the sign of a setting's value": (
        (texts('key = "a=b", value = 1, source = "dfe"'),),
        f"{STAGE} › rows › a=b: the key 'a=b' has =, which --set uses; write it without",
        "S03",
    ),
    "a row called otherwise": (
        (texts('key = "Otherwise", value = 1, source = "dfe"'),),
        (
            f"{STAGE} › rows › Otherwise: otherwise is no row; write it beside rows: "
            'otherwise = { value = 1, assumption = "…" }'
        ),
        "S03",
    ),
    "the end of a band on a row with a key": (
        (texts(f"up_to = 1, {A}"),),
        f"{STAGE} › rows › a: up_to is the end of a band, which has from; a row with a key has none",
        "S03",
    ),
    "a value that is no number": (
        (texts('key = "a", value = "much", source = "dfe"'),),
        f"{STAGE} › rows › a › value: 'much' is not a number; write 1500000, 0.5, 5% or 1/6",
        "S03",
    ),
    "a list as a value": (
        (texts('key = "a", value = [1], source = "dfe"'),),
        f'{STAGE} › rows › a › value: expected a number, or a fraction in quotes such as "1/6"; found a list',
        "S03",
    ),
    "both source and assumption": (
        (texts(f'{A}, assumption = "x"'),),
        f"{STAGE} › rows › a: expected either source or assumption; found both",
        "S04",
    ),
    "a source that is not declared": (
        (texts('key = "a", value = 1, source = "def"'),),
        f"{STAGE} › rows › a: there is no source def; did you mean dfe?; declare it under [sources.def]",
        "S05",
    ),
    "equal edges": (
        (bands('from = 0, value = 1, source = "dfe"', 'from = 0.0000000000001, value = 2, source = "dfe"'),),
        f"{NEED} › rows › number 2: from 1e-13 is the same as from 0 of the row above; list the bands in rising order",
        "S20",
    ),
    "an empty band": (
        (bands('from = 300, up_to = "300.0", value = 1, source = "dfe"'),),
        f"{NEED} › rows › number 1: the band from 300 up_to 300.0 is empty; up_to must be above from",
        "S20",
    ),
    "a band that ends below its edge": (
        (bands('from = 300, up_to = 30, value = 1, source = "dfe"'),),
        f"{NEED} › rows › number 1: the band from 300 up_to 30 is empty; up_to must be above from",
        "S20",
    ),
    "overlapping bands": (
        (bands('from = 0, up_to = 500, value = 1, source = "dfe"', 'from = 300, value = 2, source = "dfe"'),),
        (
            f"{NEED} › rows › number 2: the band above ends at 500 and overlaps this band, from 300; "
            "write one number for both"
        ),
        "S20",
    ),
    "a gap between bands": (
        (bands('from = 0, up_to = 100, value = 1, source = "dfe"', 'from = 300, value = 2, source = "dfe"'),),
        (
            f"{NEED} › rows › number 2: the band above ends at 100 and leaves a gap before this band, from 300; "
            "write one number for both"
        ),
        "S20",
    ),
    "an edge that is no number": (
        (bands('from = "zero", value = 1, source = "dfe"'),),
        f"{NEED} › rows › number 1 › from: 'zero' is not a number; write 1500000, 0.5, 5% or 1/6",
        "S03",
    ),
    "an edge with commas": (
        (bands('from = "1,000", value = 1, source = "dfe"'),),
        f"{NEED} › rows › number 1 › from: '1,000' is not a number; write 1000, without £, commas and letters",
        "S03",
    ),
    "an edge without end": (
        (bands('from = 0, up_to = inf, value = 1, source = "dfe"'),),
        f"{NEED} › rows › number 1 › up_to: inf is too large or not a number; write a finite number",
        "S03",
    ),
    "a value for other numbers": (
        ((BANDS, BANDS + 'otherwise = { value = 1, source = "dfe" }\n'),),
        (
            f"{NEED} › otherwise: otherwise is for texts; a number outside all bands of a table is an error; "
            "remove it, or add bands"
        ),
        "S03",
    ),
    "a unit of texts": (
        ((TEXTS, TEXTS + 'key_unit = "people"\n'),),
        f"{STAGE} › key_unit: key_unit is the unit of the edges of bands; the keys of this table are texts; remove it",
        "S10",
    ),
    "bands as texts, with their unit": (
        (
            texts(A.replace('"a"', '"0-10%"')),
            ('unit = "ratio"\nrows = [{ key', 'unit = "ratio"\nkey_unit = "%"\nrows = [{ key'),
        ),
        (
            f"{STAGE} › key_unit: key_unit is the unit of the edges of bands; the keys of this table are texts, such "
            "as '0-10%'; for bands, write from, the number where each begins, in place of key; for texts, "
            "remove key_unit"
        ),
        "S10",
    ),
    "an unknown unit": (
        (('unit = "ratio"\nkey_unit', 'unit = "miles"\nkey_unit'),),
        f"{NEED} › unit: expected one of '£', '£ per head', 'people', '%', 'ratio', 'yes/no'; found 'miles'",
        "S03",
    ),
    "a percentage of people as an edge": (
        (bands('from = "5%", value = 1, source = "dfe"'),),
        f"{NEED} › rows › number 1: 5% is a percentage, but the unit of the edges of need_band is people",
        "S10",
    ),
    "a percentage of people as a value": (
        (('unit = "ratio"\nrows = [\n    { key', 'unit = "people"\nrows = [\n    { key'),),
        f"{STAGE} › rows › secondary: 150% is a percentage, but the unit of stage_weight is people",
        "S10",
    ),
    "no label": (
        (('label = "Weight by stage"\n', ""),),
        f"{STAGE}: label is missing",
        "S03",
    ),
    "a name with capitals": (
        (("[tables.stage_weight]", "[tables.Stage]"), ("lookup(stage_weight, stage) * ", "")),
        (
            "tables › Stage: a name has small letters a to z, digits and _, and begins with a letter, such as "
            "fair_share; found 'Stage'"
        ),
        "S03",
    ),
    "the name of a parameter": (
        (("[tables.stage_weight]", "[tables.budget]"), ("lookup(stage_weight, stage) * ", "")),
        "tables: budget is already a parameter; use another name",
        "S07",
    ),
    "the name of a step": (
        (("[tables.stage_weight]", "[tables.weight]"), ("lookup(stage_weight, stage) * ", "")),
        "tables: weight is already a step; use another name",
        "S07",
    ),
    "the name of a function": (
        (("[tables.stage_weight]", "[tables.lookup]"), ("lookup(stage_weight, stage) * ", "")),
        "tables: lookup is already a function of the language; use another name",
        "S07",
    ),
    "the name of a column": (
        (("[tables.stage_weight]", "[tables.historic_spend]"), ("lookup(stage_weight, stage) * ", "")),
        "tables: historic_spend is already an input column; use another name",
        "S07",
    ),
    "values outside the table": (
        (('[[steps]]\nname = "weight"', '[values]\nstage_weight = 1\n\n[[steps]]\nname = "weight"'),),
        "values › stage_weight: this is a table, whose values are in its rows",
        "S19",
    ),
    "a row as a parameter": (
        (("[parameters.budget]", '[parameters."stage_weight[primary]"]\nlabel = "x"\n\n[parameters.budget]'),),
        (
            "parameters › stage_weight[primary]: a name has small letters a to z, digits and _, and begins with a "
            "letter, such as fair_share; found 'stage_weight[primary]'"
        ),
        "S03",
    ),
    "a table as a bound": (
        (('unit = "£"\nvalues', 'unit = "£"\nminimum = "stage_weight"\nvalues'),),
        "parameters › budget › minimum: stage_weight is neither a number nor a parameter",
        "S20",
    ),
    "more rows than parameters are allowed": (
        (texts(*(f'key = "{number}", value = 1, source = "dfe"' for number in range(1_000))),),
        "the scheme has 1,003 parameters and rows of tables; at most 1,000 are allowed",
        "S15",
    ),
}
"""By what is wrong: the changes of the scheme, the message after the file's name, and the number of the finding."""


@pytest.mark.parametrize("wrong", REFUSED)
def test_malformed_tables_are_refused(scheme_file, wrong):
    """Each malformed table is refused with its place and what to do; a review reports the same, and nothing else."""
    changes, message, number = REFUSED[wrong]
    path = scheme_file(*changes)

    with pytest.raises(GpitError) as caught:
        load(path)
    found = [finding for finding in review(path).findings if finding.level == "error"]

    assert proper(caught.value) == f"mine.toml: {message}"
    assert [finding.number for finding in found] == [number]


def test_there_are_forty_malformed_tables():
    """The traps of other engines are among the malformed tables, of which there are at least forty."""
    assert len(REFUSED) >= 40
    assert sum("OpenFisca" in wrong or "PolicyEngine" in wrong for wrong in REFUSED) == 2


@pytest.mark.parametrize(
    ("weights", "message", "number"),
    [
        (None, (f"mine.toml: {STAGE} › file: weights.csv: there is no such file; weights.csv must be in the folder of "
         "mine.toml"), "S01"),
        ("", f"weights.csv: row 1: there is no column value; {COLUMNS}", "S03"),
        ("key,value\n", f"mine.toml: {STAGE}: the table has no rows; add one or more", "S03"),
        ("key,valeu\na,1\n", f"weights.csv: row 1: unknown column valeu; did you mean value?; {COLUMNS}", "S03"),
        ("key,value,\n", f"weights.csv: row 1: unknown column (blank); {COLUMNS}", "S03"),
        ("key,key,value\n", f"weights.csv: row 1: the column key is there twice; {COLUMNS}", "S03"),
        ("value\n1\n", f"weights.csv: row 1: expected a column key or a column from; found neither; {COLUMNS}", "S03"),
        ("key,value,source\nprimary,1\n", "weights.csv: row 2: has 2 cells; the heading has 3; correct the row", "S03"),
        (f"{CSV}\n", "weights.csv: row 4: is blank; remove it", "S03"),
        (f"{CSV},, ,\n", "weights.csv: row 4: is blank; remove it", "S03"),
        (CSV.replace(",", ";"), ("weights.csv: row 1: expected commas between cells; found semicolons; save the file "
         "with commas"), "S03"),
        (CSV.replace(",", "\t"), ("weights.csv: row 1: expected commas between cells; found tabs; save the file with "
         "commas"), "S03"),
        (f"sep=,\n{CSV}", ("weights.csv: row 1: is not the heading; it names a separator; remove it, and save the file "
         "with commas"), "S03"),
        (f"SEP=;\n{CSV}", ("weights.csv: row 1: is not the heading; it names a separator; remove it, and save the file "
         "with commas"), "S03"),
        ("key,value,source\nprimary,,dfe\n", "weights.csv: row 2: value is missing", "S03"),
        ("key,value,source\nprimary,one,dfe\n", ("weights.csv: row 2, value: 'one' is not a number; write 1500000, "
         "0.5, 5% or 1/6"), "S03"),
        ("key,value,source\nprimary,1,def\n", ("weights.csv: row 2, source: there is no source def; did you mean dfe?; "
         "declare it in mine.toml under [sources.def]"), "S05"),
        (f"{CSV}primary,2,dfe,\n", "weights.csv: row 4: row 2 has the same key; keep one row for it", "S07"),
        ("from,value,source\n5,1,dfe\n1,1,dfe\n", ("weights.csv: row 3: from 1 is below from 5 of the row above; list "
         "the bands in rising order"), "S20"),
        ('key,value,source\n"primary,1,dfe\n', ("weights.csv: line 2: cannot be split into cells (unexpected end of "
         "data); correct the quotation marks"), "S01"),
        (b"key,value,source\ncaf\xe9,1,dfe\n", "weights.csv: line 2: byte 0xe9 is not UTF-8; save the file as UTF-8",
         "S01"),
        ("key,value\n" + "a,1\n" * 1_001, "weights.csv: row 1002: the table has more than 1,000 rows; use fewer rows",
         "S15"),
    ],
)  # fmt: skip
def test_malformed_files_of_weights_are_refused(scheme_file, weights, message, number):
    """A wrong file of weights is refused with its row and what to do; a review reports the same, and nothing else."""
    path = scheme_file((TEXTS, FILE), weights=weights)

    with pytest.raises(GpitError) as caught:
        load(path)
    found = [finding for finding in review(path).findings if finding.level == "error"]

    assert proper(caught.value) == message
    assert [finding.number for finding in found] == [number]


@pytest.mark.parametrize(
    ("changes", "weights", "errors"),
    [
        (((TEXTS, FILE),), "key,value,source\nprimary,,dfe\nsecondary,one,dfe\n", 2),
        ((bands("from = 3, value = 1", "from = 2, value = 1", "from = 1, value = 1"),), None, 2),
        (((TEXTS, FILE), ("key_unit", "keyunit"), ("from = 0, value", "from = 0, vlaue")), CSV, 2),
        (((TEXTS, FILE), ("from = 0, value", "from = 0, vlaue")), CSV, 1),
    ],
)
def test_a_run_counts_the_errors_of_tables_as_a_review_does(scheme_file, changes, weights, errors):
    """A run stops at the first error, and says how many others `gpit library check` reports."""
    path = scheme_file(*changes, weights=weights)

    with pytest.raises(SchemeError) as caught:
        load(path)
    found = [finding for finding in review(path).findings if finding.level == "error"]

    assert len(found) == errors
    assert proper(caught.value).partition(" (and ")[2] == ("1 more)" if errors == 2 else "")


def test_a_sentence_keeps_the_name_of_a_file(scheme_file):
    """What to do about a file that is missing begins with its name, without a capital that the name does not have."""
    found = findings_of(scheme_file((TEXTS, FILE), weights=None), "S01")

    assert found == [
        (
            f"mine.toml: {STAGE} › file: weights.csv: there is no such file. weights.csv must be in the folder of "
            "mine.toml."
        )
    ]


@pytest.mark.parametrize("name", ["../weights.csv", "sub/weights.csv", "/weights.csv", "c:weights.csv", "w.xlsx"])
def test_a_file_of_weights_is_beside_the_scheme(scheme_file, name):
    """The file of a table has no folder in its name, so that a copy of the folder is complete."""
    with pytest.raises(GpitError) as caught:
        load(scheme_file((TEXTS, f'file = "{name}"\n'), weights=CSV))

    expected = "expected the name, without folders, of a .csv file in this file's folder"
    assert proper(caught.value) == f"mine.toml: {STAGE}: file is {name!r}; {expected}"


@pytest.mark.parametrize(
    ("formula", "message"),
    [
        ("registered_population * stage_weight", "stage_weight is a table; write lookup(stage_weight, …)"),
        ("registered_population * need_band", "need_band is a table; write band_value(need_band, …)"),
        ("total(stage_weight)", "stage_weight is a table; write lookup(stage_weight, …)"),
        ("where(given(stage_weight), 1, 2)", "given takes an input column; stage_weight is a table"),
        ("band_value(stage_weight, registered_population)", "the keys of stage_weight are texts; use lookup"),
        ("lookup(need_band, stage)", "the keys of need_band are edges of bands; use band_value"),
        ("lookup(stage_wieght, stage)", ("lookup takes a table first, and stage_wieght is none; "
         "did you mean stage_weight?")),
        ("lookup(stage_weight, historic_spend)", ("lookup takes a text for the keys of stage_weight; "
         "historic_spend is a number")),
        ("band_value(need_band, historic_spend)", "people and £ cannot be compared"),
        ("registered_population + lookup(stage_weight, stage)", "people and a ratio cannot be added"),
    ],
)  # fmt: skip
def test_wrong_uses_of_a_table_are_refused(scheme_file, formula, message):
    """A table is used by the functions for its keys, on a column of the type and unit of these."""
    path = scheme_file(
        ("registered_population * lookup(stage_weight, stage) * band_value(need_band, registered_population)", formula)
    )

    with pytest.raises(GpitError) as caught:
        load(path)

    assert proper(caught.value).startswith("mine.toml, step weight, character ")
    assert str(caught.value).endswith(f": {message}")


@pytest.mark.parametrize("key", ["0-10%", "10 to 25", "25+", "25%+", "<10", "£1,000 – £2,000", "10 and over"])
def test_bands_written_as_texts_are_told_to_be_numbers(scheme_file, key):
    """`band_value` on keys that are written as bands says how to write bands."""
    with pytest.raises(GpitError) as caught:
        load(
            scheme_file(
                texts(A.replace('"a"', f'"{key}"')),
                ("lookup(stage_weight, stage)", "band_value(stage_weight, registered_population)"),
            )
        )

    assert str(caught.value).endswith(
        f"the keys of stage_weight are texts, such as '{key}'; use lookup, or write from, a number, in place of key"
    )


@pytest.mark.parametrize("key", ["10", "2-form entry or so", "primary", "1st", "A-C"])
def test_other_texts_are_not_taken_for_bands(scheme_file, key):
    """A text that only has a number is no band."""
    with pytest.raises(GpitError) as caught:
        load(
            scheme_file(
                texts(A.replace('"a"', f'"{key}"')),
                ("lookup(stage_weight, stage)", "band_value(stage_weight, registered_population)"),
            )
        )

    assert str(caught.value).endswith("the keys of stage_weight are texts; use lookup")


# Rows in a CSV file ------------------------------------------------------------------------------------


def test_rows_in_a_file_are_those_of_the_table(scheme_file):
    """A table has the same values and origins whether its rows are in the scheme or in a CSV file beside it."""
    inside, beside = load(scheme_file()), load(scheme_file((TEXTS, FILE), weights=CSV))

    assert list(inside.parameters) == list(beside.parameters)
    assert [value.values for value in inside.parameters.values()] == [
        value.values for value in beside.parameters.values()
    ]


def test_the_digest_of_a_scheme_counts_its_files_of_weights(scheme_file):
    """Another weight in the CSV file is another scheme; line ends and a byte order mark are not."""
    first = load(scheme_file((TEXTS, FILE), weights=CSV))
    as_excel_saves_it = load(scheme_file((TEXTS, FILE), weights="\ufeff" + CSV.replace("\n", "\r\n")))
    other = load(scheme_file((TEXTS, FILE), weights=CSV.replace("150%", "151%")))

    assert [file for file, _ in first.files] == ["mine.toml", "weights.csv"]
    assert first.digest == as_excel_saves_it.digest != other.digest


def test_a_changed_file_of_weights_is_noticed_when_a_result_is_run_again(run, scheme_file, tmp_path):
    """`gpit verify` copies the CSV file with its scheme, and says that it has changed, or that it is missing."""
    result = run((TEXTS, FILE), weights=CSV)
    result.write(tmp_path / "result.json")

    assert verify(tmp_path / "result.json", tmp_path).verified
    scheme_file((TEXTS, FILE), weights=CSV.replace("150%", "151%"))
    changed_weights = verify(tmp_path / "result.json", tmp_path)
    assert [file.name for file in changed_weights.scheme_files if file.differs] == ["weights.csv"]
    (tmp_path / "weights.csv").unlink()
    with pytest.raises(UsageError, match=r"1 file of the run is missing: weights\.csv"):
        verify(tmp_path / "result.json", tmp_path)


# Several files -----------------------------------------------------------------------------------------

FORMULA = """
[formula]
name = "by-stage"
title = "By stage"

[sources.dfe]
title = "Weights"

[tables.stage_weight]
label = "Weight by stage"
unit = "ratio"
rows = [{ key = "primary", value = 1, source = "dfe" }, { key = "secondary", value = 3, source = "dfe" }]

[[steps]]
name = "fair_share"
label = "Weight"
formula = "registered_population * lookup(stage_weight, stage)"
"""
ROWS = FORMULA.partition('ratio"\n')[2].partition("\n[[")[0]
USE = '\n[[use]]\nformula = "by-stage"\nas = "other"\n'


def test_a_table_in_two_files_must_be_the_same(scheme_file, tmp_path):
    """A formula that is used by name may declare the scheme's table again, but not with another value."""
    write(tmp_path, "by-stage.toml", FORMULA)
    with pytest.raises(GpitError) as caught:
        load(scheme_file(text=SCHEME + USE))
    write(tmp_path, "by-stage.toml", changed(FORMULA, (ROWS, TEXTS)))

    assert proper(caught.value) == (
        f"mine.toml: {STAGE}: by-stage.toml declares it differently; use the same declaration in both, or rename one"
    )
    assert load(scheme_file(text=SCHEME + USE)).parameters["stage_weight[secondary]"].values["2014/15"].value == 1.5


@pytest.mark.parametrize(
    ("replacement", "message"),
    [
        ("other_weight", "mine.toml: use › other › with › stage_weight: there is no other_weight; did you mean "),
        ("budget", "by-stage.toml (other), step fair_share, character 32: lookup takes a table first, and budget is "),
        ("need_band", "by-stage.toml (other), step fair_share, character 25: the keys of need_band are edges of bands"),
    ],
)
def test_a_table_of_a_used_formula_is_replaced_by_a_table(scheme_file, tmp_path, replacement, message):
    """`with` may put another table of texts in the place of a formula's table, and nothing else."""
    write(tmp_path, "by-stage.toml", FORMULA)
    use = f'{USE}with = {{ stage_weight = "{replacement}" }}\n'
    other = SCHEME[SCHEME.index("[tables.stage") : SCHEME.index("[tables.need")].replace("stage_weight", "other_weight")

    with pytest.raises(GpitError) as caught:
        load(scheme_file(text=SCHEME + use))
    scheme = load(scheme_file(text=SCHEME + other + use.replace(replacement, "other_weight")))

    assert proper(caught.value).startswith(message)
    assert next(step.formula for step in scheme.steps) == "registered_population * lookup(other_weight, stage)"


# Settings ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "name", "values"),
    [
        ("stage_weight[primary]=1.2", "stage_weight[primary]", [1.2, 1.2]),
        ("stage_weight[secondary]@2015/16=*0.9", "stage_weight[secondary]", [1.5, 1.35]),
        ("need_band[300]=3", "need_band[300]", [3, 3]),
        ("need_band[3e2]=3", "need_band[300]", [3, 3]),
        ("need_band[0%]=3", "need_band[0]", [3, 3]),
    ],
)
def test_rows_are_set_for_a_run(scheme_file, text, name, values):
    """A setting names a row by its text, or a band by its edge, written as any number."""
    parameter = load(scheme_file(), settings=[Setting.read(text)]).parameters[name]

    assert [value.value for value in parameter.values.values()] == values


def test_settings_of_no_band_of_percentages_suggest_a_percentage(scheme_file):
    """A band that begins at 10% is 0.1, and a setting of the band 10 is more likely that one than a band of 1,000%."""
    edges = bands('from = 0, value = 1, source = "dfe"', 'from = 0.1, value = 2, source = "dfe"')
    path = scheme_file(
        edges, ('key_unit = "people"', 'key_unit = "%"'), (" * band_value(need_band, registered_population)", "")
    )

    for key, remedy in (("10", "; did you mean 10%?"), ("77", "; its rows are 0% and 10%")):
        with pytest.raises(UsageError) as caught:
            load(path, settings=[Setting.read(f"need_band[{key}]=1")])
        assert str(caught.value) == f"--set need_band[{key}]: need_band has no such row{remedy}"
    parameter = load(path, settings=[Setting.read("need_band[10%]=3")]).parameters["need_band[0.1]"]
    assert (parameter.label, parameter.values["2014/15"].value) == ("Weight by need: from 10%", 3)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("stage_weight[primry]=1", "stage_weight has no such row; did you mean primary?"),
        ("stage_weight[x]=1", "stage_weight has no such row; its rows are primary and secondary"),
        ("need_band[5]=1", "need_band has no such row; its rows are 0 and 300"),
        ("need_band[300=1", "expected ] after the row, such as need_band[0]"),
        ("stage_weight=1", "stage_weight is a table; set one of its rows, such as stage_weight[primary]"),
        ("bugdet=1", ("there is no such parameter; did you mean budget?; the parameters are budget, need_band[…], "
         "stage_weight[…]")),
    ],
)  # fmt: skip
def test_settings_of_no_row_are_refused(scheme_file, text, message):
    """A setting of a row that a table does not have names the nearest rows; a list of parameters has a table once."""
    with pytest.raises(UsageError) as caught:
        load(scheme_file(), settings=[Setting.read(text)])

    assert str(caught.value) == f"--set {text.partition('=')[0]}: {message}"


def test_a_text_is_not_read_as_a_number(scheme_file):
    """The row `1` of a table of texts is set by its text alone: 01 and 1.0 are other texts."""
    path = scheme_file(('key = "primary"', 'key = "1"'))

    assert load(path, settings=[Setting.read("stage_weight[1]=9")]).parameters["stage_weight[1]"]
    for key in ("01", "1.0", "1e0"):
        with pytest.raises(UsageError, match="stage_weight has no such row"):
            load(path, settings=[Setting.read(f"stage_weight[{key}]=9")])


# Runs and results --------------------------------------------------------------------------------------


def test_weights_by_stage_and_need(run):
    """Of £1,000 by 100 × 1, 200 × 1.5 and 300 × 1 × 2, which is 1,000 in all, the schools get £100, £300 and £600."""
    assert run().rows["allocation"].to_list() == [100, 300, 600] * 2


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("A,100,primary", "A,100,Primary", ("stage is 'Primary', and the table stage_weight has no row for it; "
         "did you mean primary?; correct the text or the table")),
        ("A,100,primary", "A,100,infant", ("stage is 'infant', and the table stage_weight has no row for it; "
         "its rows are primary and secondary; correct the text or the table")),
        ("A,100,primary", "A,1000,primary", ("registered_population is 1,000, and the table need_band has no value for "
         "it: its last band ends at 1,000; raise up_to, or add a band")),
    ],
)  # fmt: skip
def test_a_value_that_no_row_is_for_is_an_error(run, old, new, message):
    """An unknown text, or a number outside all bands, stops the run with organisation, year, cell and nearest rows."""
    with pytest.raises(CalculationError) as caught:
        run(schools=SCHOOLS.replace(old, new))

    where = "mine.toml, step weight, 2014/15, A (schools.csv row 2): "
    assert str(caught.value) == f"{where}{message}, or exclude this case with where(…)"


def test_a_number_below_all_bands_is_an_error(run):
    """A table of bands says nothing about numbers below its first edge."""
    with pytest.raises(CalculationError, match="its first band begins at 150; add a band below it"):
        run(("from = 0,", "from = 150,"))


def test_rows_that_nobody_needs_are_noted_once_for_each_table(run):
    """Without a secondary school and one of 300 people, a row of each table is not used, in one note each."""
    result = run(schools="org_code,registered_population,stage\nA,100,primary\n")

    assert [str(finding) for finding in result.findings if finding.number == "R12"] == [
        "no school has 'secondary'; 1 of 2 rows of the table stage_weight is not used.",
        "no value is in the band from 300; 1 of 2 rows of the table need_band is not used.",
    ]


@pytest.mark.parametrize(
    ("schools", "other_need", "level", "text"),
    [
        ("A,100,primary\nB,299,secondary", "", "warning", ("no value is in the band from 300; 1 of 2 rows of the table "
         "need_band is not used, because all values of registered_population (100 to 299) are in one band. Check the "
         "unit of registered_population, and the edges.")),
        ("A,300,primary\nB,300,primary\nC,1,primary", "", "warning", ("no school has 'secondary'; 1 of 2 rows of the "
         "table stage_weight is not used, because all values of stage are in one row. Check stage, and the keys.")),
        ("A,100,primary\nB,300,secondary", 'from = 500, up_to = 1_000, value = 3, source = "dfe"', "note",
         "no value is in the band from 500; 1 of 3 rows of the table need_band is not used."),
    ],
)  # fmt: skip
def test_all_organisations_in_one_row_are_a_warning(run, schools, other_need, level, text):
    """If all of several organisations are in one row of a table with more, its unit may be wrong: a warning."""
    rows = ('from = 0, value = 1, source = "dfe"', 'from = 300, value = 2, source = "dfe"', other_need)
    changes = (bands(*rows),) if other_need else ()

    result = run(*changes, schools=f"org_code,registered_population,stage\n{schools}\n")

    found = [finding for finding in result.findings if finding.number == "R12"]
    assert [(finding.level, str(finding)) for finding in found] == [(level, text)]


@pytest.mark.parametrize(
    ("stages", "level", "text"),
    [
        (("primary", "secondary"), None, ""),
        (("mixed", "secondary"), "note", "for 1 of 3 schools, whose texts no row has: 'mixed'."),
        (("mixed", "Secondary"), "warning", ("for 2 of 3 schools, whose texts no row has: 'Secondary' (similar to "
         "'secondary') and 'mixed'. Correct the text, or add a row for it.")),
        (("primery", "secondary"), "warning", ("for 1 of 3 schools, whose texts no row has: 'primery' (similar to "
         "'primary'). Correct the text, or add a row for it.")),
    ],
)  # fmt: skip
def test_texts_that_take_otherwise_are_reported(run, stages, level, text):
    """How many organisations take `otherwise` is noted once for the table; a text like one of a row is a warning."""
    first, second = stages
    schools = f"org_code,registered_population,stage\nA,100,{first}\nB,200,{second}\nC,300,primary\n"

    result = run((TEXTS, f'{TEXTS}otherwise = {{ value = 1, source = "dfe" }}\n'), schools=schools)

    found = [finding for finding in result.findings if finding.number == "R13"]
    assert [(finding.level, str(finding)) for finding in found] == (
        [(level, f"otherwise of the table stage_weight is {text}")] if level else []
    )


def test_percentages_are_percentages_in_messages(run):
    """Where the edges of bands are percentages, so is the number outside the bands in the error: 5.1%, not 0.051."""
    edges = bands('from = "10%", value = 1, source = "dfe"')
    changes = (
        edges,
        ('key_unit = "people"', 'key_unit = "%"'),
        ("band_value(need_band, registered_population)", "band_value(need_band, need)"),
        ("[tables.need_band]", '[inputs.need]\nunit = "%"\n\n[tables.need_band]'),
    )

    with pytest.raises(CalculationError) as caught:
        run(*changes, schools="org_code,registered_population,stage,need\nA,100,primary,5.1%\n")

    assert "need is 5.1%, and the table need_band has no value for it: its first band begins at 10%; " in str(
        caught.value
    )


def test_every_band_below_counts_as_needed_for_a_sum(run):
    """`band_sum` takes a part of its value from each band below, so that a band without a value in it is used."""
    used = "registered_population * lookup(stage_weight, stage) * band_value(need_band, registered_population)"
    result = run(
        (used, "band_sum(need_band, registered_population)"), schools="org_code,registered_population\nA,400\n"
    )

    assert not [finding for finding in result.findings if finding.number == "R12"]


def test_a_scheme_with_tables_is_read_back_from_its_result(scheme_file):
    """What a result records of a scheme with tables is the same scheme: keys, ends, origins, rows set for a year."""
    other = 'otherwise = { value = 2, assumption = "Rare." }\n'
    settings = [Setting.read("stage_weight[primary]@2015/16=1.2"), Setting.read("need_band[300]=*2")]
    scheme = load(scheme_file((TEXTS, FILE + other), weights=CSV), settings=settings)
    recorded = definition(scheme)

    again = defined(recorded, scheme.files, scheme.digest, "result.json")

    assert definition(again) == recorded
    assert list(again.parameters) == list(scheme.parameters)
    assert [symbol.table for symbol in again.symbols.values() if symbol.table] == [
        symbol.table for symbol in scheme.symbols.values() if symbol.table
    ]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"keys": []}, "tables › stage_weight: a table needs rows"),
        ({"keys": ["primary", "infant"]}, "has a table without a value for stage_weight[infant]"),
    ],
)
def test_a_recorded_table_that_was_changed_by_hand_is_an_error(scheme_file, change, message):
    """A result whose tables do not fit their values is refused in one line; no value is invented."""
    recorded = definition(load(scheme_file()))
    recorded["tables"][0] |= change

    with pytest.raises(SchemeError) as caught:
        defined(recorded, (), "", "result.json")

    assert proper(caught.value).startswith("result.json: the scheme in it")
    assert message in str(caught.value)


def test_a_scheme_without_tables_is_recorded_as_before(scheme_file):
    """The record of a scheme without tables has no key for them, so that earlier results keep every byte."""
    used = "registered_population * lookup(stage_weight, stage) * band_value(need_band, registered_population)"
    start, _, _ = SCHEME.partition("[tables.stage_weight]")
    text = start + SCHEME.partition("[[steps]]")[1] + SCHEME.partition("[[steps]]")[2]

    assert "tables" not in definition(load(scheme_file((used, "registered_population"), text=text)))


def test_a_comparison_names_the_row_that_changed(run):
    """Between two runs, the row with another value is the cause, and a moved edge is named as a table that changed."""
    changes = {
        "value": (('key = "primary", value = 1,', 'key = "primary", value = 2,'),),
        "edge": (("from = 300,", "from = 200,"),),
    }
    old = run()
    comparisons = {name: compare(old, run(*change)) for name, change in changes.items()}
    causes = {
        name: [cause.symbol or cause.name for cause in comparison.attribution]
        for name, comparison in comparisons.items()
    }
    rules = {
        name: [(difference.kind, difference.name) for difference in comparison.differences]
        for name, comparison in comparisons.items()
    }

    assert causes["edge"][0] == "formula"
    assert causes["value"][0] == "stage_weight[primary]"
    assert ("parameter changed", "stage_weight[primary]") in rules["value"]
    assert ("table changed", "need_band") in rules["edge"]
    assert {("parameter added", "need_band[200]"), ("parameter removed", "need_band[300]")} <= set(rules["edge"])


# Reviews and methods -----------------------------------------------------------------------------------


def findings_of(path, *numbers):
    """Return the findings of a review that have one of the numbers, as text."""
    return [str(finding) for finding in review(path).findings if finding.number in numbers]


def test_a_table_that_nothing_uses_is_one_warning(scheme_file):
    """A table without a formula that uses it is reported once, and its rows are not; those of a used table are used."""
    path = scheme_file(("lookup(stage_weight, stage) * ", ""))

    assert findings_of(path, "S21") == [
        f"mine.toml: {STAGE}: no step, check or outcome uses this table. Use it or remove it."
    ]
    assert not findings_of(scheme_file(), "S21")


def test_a_table_of_assumptions_is_one_note(scheme_file):
    """A table without any source is noted once, not once for each of its rows."""
    rows = ('key = "primary", value = 1, assumption = "x"', 'key = "secondary", value = 2, assumption = "y"')

    assert findings_of(scheme_file(texts(*rows)), "S29", "S30") == [
        f"mine.toml: {STAGE}: every value is an assumption; none has a source.",
        "mine.toml: 2 of 2 assumptions without owner, quality or impact: stage_weight.",
    ]


def test_a_table_of_drafts_is_one_warning(scheme_file):
    """Rows with neither source nor assumption are drafts, reported once for their table."""
    path = scheme_file(texts('key = "primary", value = 1', 'key = "secondary", value = 2'))

    assert [text.partition(": a draft")[0] for text in findings_of(path, "S04")] == [f"mine.toml: {STAGE}"]


def test_drafts_of_a_file_of_weights_are_reported_there(scheme_file):
    """A draft in a CSV file is reported with the rows of that file, and with what to write there."""
    weights = "key,value,source,assumption\nprimary,1,,\nsecondary,150%,,As before.\nspecial,2,,\n"

    assert findings_of(scheme_file((TEXTS, FILE), weights=weights), "S04") == [
        (
            "weights.csv: rows 2 and 4: a draft: 2 values have neither source nor assumption, so the sheets and "
            "screens of a run say DRAFT. Fill in source, a key of [sources], or assumption, the reason."
        )
    ]


def test_the_method_has_a_table_as_a_table(scheme_file):
    """The method lists the rows of a table below it, and not among the parameters."""
    document = method(scheme_file())[0].document()

    assert [parameter["name"] for parameter in document["parameters"]] == ["budget"]
    assert [(table["name"], table["keys"], table["up_to"]) for table in document["tables"]] == [
        ("stage_weight", "texts", ""),
        ("need_band", "bands", "1000"),
    ]
    assert document["tables"][0]["rows"][1] == {
        "key": "secondary",
        "written": "150%",
        "source": "",
        "assumption": "As before.",
    }


@pytest.mark.parametrize(
    ("old", "new", "is_valid"),
    [
        ('key = "primary"', 'key = "infant"', True),
        (TEXTS, FILE, True),
        (TEXTS, "", False),
        (TEXTS, TEXTS + FILE, False),
        ('key = "primary"', 'kee = "primary"', False),
        ('key = "primary"', 'key = "primary", from = 1', False),
        ("key_unit", "type", False),
    ],
)
def test_editors_mark_mistakes_in_tables(old, new, is_valid):
    """The schema for editors knows the keys of tables and rows, and which of them exclude each other."""
    schema = Draft202012Validator(file_schema("scheme"))

    assert schema.is_valid(json.loads(json.dumps(tomllib.loads(changed(SCHEME, (old, new))), default=str))) is is_valid
